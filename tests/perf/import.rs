//! Adding many contacts at once.

use std::path::Path;
use std::time::Instant;

use tocsin::domain::AreaId;

use crate::{Size, console, cpu_seconds, fill, memory_mib, report};

/// Contacts added at a time, as an import does.
const STEP: usize = 500;

pub(crate) async fn run(folder: &Path, size: Size) {
    let served = console::start(folder).await;
    let areas = fill::areas(&served.random);
    served.tracker.add_areas(&areas).await.unwrap();
    let leaves: Vec<AreaId> = areas[areas.len() - 500..]
        .iter()
        .map(|area| area.id)
        .collect();
    let contacts: Vec<_> = (0..size.contacts)
        .map(|n| fill::contact(&served.random, n, &leaves))
        .collect();
    let (began, cpu) = (Instant::now(), cpu_seconds());
    for some in contacts.chunks(STEP) {
        served.tracker.add_contacts(some).await.unwrap();
    }
    let took = began.elapsed().as_secs_f64();
    report(
        "import",
        &[
            ("seconds", took),
            ("cpu_s", cpu_seconds() - cpu),
            ("rss_mib", memory_mib().0),
        ],
    );
    let mut count = 0;
    for area in &areas {
        count += served.repo.contact_count(area.id).unwrap();
    }
    assert_eq!(count, size.contacts as u64);
    served.stop.cancel();
}
