//! Importing a file of contacts as the console does: read, looked at row by row, written.

use std::fmt::Write;
use std::path::Path;
use std::time::Instant;

use bytes::Bytes;
use tocsin::contacts_file::{guess, read};
use tocsin::domain::{ImportId, ImportMapping};
use tocsin::tracker::{ImportStep, NewImport, Tracker};

use crate::{Size, console, cpu_seconds, fill, memory_mib, report};

pub(crate) async fn run(folder: &Path, size: Size) {
    let served = console::start(folder).await;
    let new = file(size.contacts, served.user);
    let (began, cpu) = (Instant::now(), cpu_seconds());
    let id = served.tracker.begin_import(new.clone()).await.unwrap();
    let mapping = new.mapping;
    assert!(served.tracker.check_import(id, mapping).await.unwrap());
    go(&served.tracker, id).await;
    report(
        "import: dry run",
        &[
            ("seconds", began.elapsed().as_secs_f64()),
            ("cpu_s", cpu_seconds() - cpu),
        ],
    );
    let (began, cpu) = (Instant::now(), cpu_seconds());
    assert!(served.tracker.start_import(id).await.unwrap());
    go(&served.tracker, id).await;
    let (rss, peak) = memory_mib();
    report(
        "import: written",
        &[
            ("seconds", began.elapsed().as_secs_f64()),
            ("cpu_s", cpu_seconds() - cpu),
            ("rss_mib", rss),
            ("peak_mib", peak),
        ],
    );
    let job = served.repo.import(id).unwrap().unwrap();
    assert_eq!(job.done.added as usize, size.contacts);
    assert_eq!(job.done.bad, 0);
    served.stop.cancel();
}

/// A file as a municipality has it: a name, three ways to reach somebody, and a street.
fn file(contacts: usize, by: tocsin::domain::UserId) -> NewImport {
    let mut text = "First name,Last name,Email,Mobile,Landline,Area\n".to_owned();
    for number in 0..contacts {
        let (first, last) = fill::names(number);
        let (sector, street) = (number % 100, number % 500);
        writeln!(
            text,
            "{first},{last},person{number}@mail{}.example,+447700{number:06},+441632{number:06},\
             Municipality / Sector {sector} / Street {street}",
            number % 50
        )
        .unwrap();
    }
    let (table, shape) = read(text.as_bytes()).unwrap();
    let (columns, header) = guess(&table);
    NewImport {
        by,
        file_name: "people.csv".to_owned(),
        file: Bytes::from(text),
        read_as: shape.0,
        rows: u32::try_from(table.len()).unwrap(),
        mapping: ImportMapping {
            make_places: true,
            ..ImportMapping::guessed(columns, header, "GB", "en")
        },
    }
}

async fn go(tracker: &Tracker, id: ImportId) {
    let mut work = tracker.open_import(id).unwrap().unwrap();
    loop {
        let (back, step) = tracker.step_import(work).await.unwrap();
        work = back;
        if step == ImportStep::Done {
            return;
        }
    }
}
