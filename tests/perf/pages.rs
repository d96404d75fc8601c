//! Every page of the console over a filled store.

use std::path::Path;
use std::time::Instant;

use tocsin::domain::{AreaId, Audience, Channels, Content, UserId};
use tocsin::submit::{DraftInput, Submitter};

use crate::client::{Client, percentiles};
use crate::console::Served;
use crate::fill::{Filled, fill};
use crate::{Size, console, cpu_seconds, memory_mib, report};

/// A page to ask for: its name in the table, and addresses that are asked for in turn.
struct Kind {
    name: &'static str,
    paths: Vec<String>,
}

pub(crate) async fn run(folder: &Path, size: Size, rounds: usize) {
    let served = console::start(folder).await;
    let began = Instant::now();
    let filled = fill(&served.repo, &served.random, served.user, size).await;
    report(
        "fill",
        &[
            ("seconds", began.elapsed().as_secs_f64()),
            ("rss_mib", memory_mib().0),
        ],
    );
    let draft = draft(&served.submit, served.user, filled.areas[0]).await;
    statistics(&served, &filled, rounds);
    let kinds = kinds(&filled, &draft);
    let address = served.address;
    tokio::task::spawn_blocking(move || {
        let mut client = Client::new(address);
        for kind in kinds {
            let mut times = Vec::new();
            let cpu = cpu_seconds();
            let asked = kind.paths.len().max(rounds);
            for path in kind.paths.iter().cycle().take(asked) {
                let page = client.get(path);
                assert_eq!(page.status, 200, "{path}: {}", page.body);
                times.push(page.took);
            }
            let cpu_ms = (cpu_seconds() - cpu) * 1000.0 / asked as f64;
            let mut values = percentiles(times).to_vec();
            values.push(("cpu_ms", cpu_ms));
            report(kind.name, &values);
        }
    })
    .await
    .unwrap();
    report(
        "memory",
        &[("rss_mib", memory_mib().0), ("peak_mib", memory_mib().1)],
    );
    served.stop.cancel();
}

/// A draft to everybody.
async fn draft(submit: &Submitter, by: UserId, area: AreaId) -> String {
    let draft = DraftInput {
        content: Content {
            subject: "Flood".to_owned(),
            text: "Go to high ground.".to_owned(),
            html: String::new(),
            sms_text: "Go to high ground.".to_owned(),
            voice_script: "Go to high ground.".to_owned(),
            attachments: Vec::new(),
        },
        category: "alert".to_owned(),
        channels: Channels::ALL,
        audience: Audience {
            areas: vec![area],
            ..Audience::default()
        },
        ..DraftInput::default()
    };
    submit
        .save_draft(None, &draft, by)
        .await
        .unwrap()
        .to_string()
}

/// The numbers of a communication, without the page around them.
fn statistics(served: &Served, filled: &Filled, rounds: usize) {
    for (name, id) in [
        ("statistics, to everybody", filled.largest),
        ("statistics, to some", filled.usual),
    ] {
        let communication = served.repo.communication(id).unwrap().unwrap();
        let times = (0..rounds).map(|_| {
            let began = Instant::now();
            served.repo.statistics(&communication).unwrap();
            began.elapsed()
        });
        report(name, &percentiles(times.collect()));
    }
}

/// Ever other ones, spread over all.
fn spread<T: Copy>(all: &[T], count: usize) -> Vec<T> {
    let step = (all.len() / count).max(1);
    all.iter().step_by(step).take(count).copied().collect()
}

fn kinds(filled: &Filled, draft: &str) -> Vec<Kind> {
    let one = |name, path: &str| Kind {
        name,
        paths: vec![path.to_owned()],
    };
    let people = spread(&filled.contacts, 100);
    let each = |name, path: &dyn Fn(String) -> String| Kind {
        name,
        paths: people.iter().map(|id| path(id.to_string())).collect(),
    };
    let (largest, usual) = (filled.largest, filled.usual);
    let all = filled.areas[0];
    let leaves = spread(&filled.areas[111..], 50);
    let of_areas = |name, path: &dyn Fn(String) -> String| Kind {
        name,
        paths: leaves.iter().map(|id| path(id.to_string())).collect(),
    };
    vec![
        one("overview", "/"),
        one("communications", "/communications"),
        one(
            "communications, with automatic ones",
            "/communications?all=1",
        ),
        one(
            "communication to everybody",
            &format!("/communications/{largest}"),
        ),
        one(
            "its people contacted",
            &format!("/communications/{largest}?state=contacted"),
        ),
        one(
            "its people in progress",
            &format!("/communications/{largest}?state=in-progress"),
        ),
        one(
            "its people not contacted",
            &format!("/communications/{largest}?state=not-contacted"),
        ),
        one("communication to some", &format!("/communications/{usual}")),
        each("person in a communication", &|id| {
            format!("/communications/{largest}/people/{id}")
        }),
        one("contacts", "/contacts"),
        one("contacts, common name", "/contacts?q=mar"),
        one("contacts, whole name", "/contacts?q=L%C3%A9lan+mari"),
        one("contacts, last name", "/contacts?q=lelan"),
        one("contacts, nobody", "/contacts?q=xyzzy"),
        one("contacts, by address", "/contacts?q=person7@mail7.example"),
        one("contacts, by number", "/contacts?q=%2B447700000007"),
        one("contacts of everywhere", &format!("/contacts?area={all}")),
        one(
            "contacts of everywhere, by name",
            &format!("/contacts?area={all}&q=mar"),
        ),
        of_areas("contacts of a street", &|id| format!("/contacts?area={id}")),
        each("contact", &|id| format!("/contacts/{id}")),
        each("log of a contact", &|id| format!("/contacts/{id}/log")),
        one("issues", "/issues"),
        one("issues, largest area", &format!("/issues?area={all}")),
        one("issues, everybody", &format!("/issues?area={all}&list=1")),
        of_areas("issues of a street", &|id| {
            format!("/issues?area={id}&list=1")
        }),
        one("communications log", "/log"),
        one("communications log, all days", "/log?when=all"),
        one(
            "communications log, a rare status",
            "/log?when=all&type=call&status=opened",
        ),
        one(
            "communications log of an alert to everybody",
            &format!("/log?communication={largest}"),
        ),
        each("editor of a contact", &|id| format!("/contacts/{id}/edit")),
        one("possible duplicates", "/contacts/duplicates"),
        one("groups", "/groups"),
        one("recipient list", "/recipients"),
        one("campaigns", "/campaigns"),
        one("inbox", "/inbox"),
        one("imports", "/contacts/import"),
        one("areas", "/areas"),
        one("users", "/users"),
        one("compose", "/communications/new"),
        one("edit a draft", &format!("/communications/{draft}/edit")),
        one(
            "review, to everybody",
            &format!("/communications/{draft}/review"),
        ),
        one("metrics", "/metrics"),
        one("health", "/healthz"),
    ]
}
