//! An alert to everybody by three methods: how long until it is durable with every person fixed,
//! how long until every delivery exists, and what the console does meanwhile.

use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use tocsin::domain::{AreaId, Audience, Channels, Content, Lane};
use tocsin::queue::rounds;
use tocsin::submit::{DraftInput, Sent};
use tocsin::tracker::{Room, RoundStep};

use crate::client::{Client, percentiles};
use crate::{Size, console, cpu_seconds, fill, memory_mib, report};

pub(crate) async fn run(folder: &Path, size: Size) {
    let served = console::start(folder).await;
    let areas = fill::areas(&served.random);
    served.tracker.add_areas(&areas).await.unwrap();
    let leaves: Vec<AreaId> = areas[areas.len() - 500..]
        .iter()
        .map(|area| area.id)
        .collect();
    for start in (0..size.contacts).step_by(500) {
        let some: Vec<_> = (start..size.contacts.min(start + 500))
            .map(|n| fill::contact(&served.random, n, &leaves))
            .collect();
        served.tracker.add_contacts(&some).await.unwrap();
    }
    report("alert: before", &[("rss_mib", memory_mib().0)]);
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
            areas: vec![areas[0].id],
            ..Audience::default()
        },
        ..DraftInput::default()
    };
    let id = served
        .submit
        .save_draft(None, &draft, served.user)
        .await
        .unwrap();
    let visitor = Visitor::start(
        served.address,
        vec![
            "/".to_owned(),
            format!("/communications/{id}"),
            "/contacts".to_owned(),
            "/issues".to_owned(),
        ],
    );
    let (began, cpu) = (Instant::now(), cpu_seconds());
    let sent = served.submit.send(id).await.unwrap();
    assert_eq!(
        sent,
        Sent::Now {
            people: size.contacts as u64
        }
    );
    report(
        "alert: sent, every person fixed",
        &[("seconds", began.elapsed().as_secs_f64())],
    );
    let now = served.clock.wall();
    for claim in served
        .repo
        .store()
        .claim_due(Lane::Expand as u8, now, Duration::from_secs(1800), 1)
        .unwrap()
    {
        // As the daemon does: what has no room in its lane is made, and waits for its turn.
        loop {
            let room = rounds::room(&served.repo, &claim.value, now).unwrap();
            let room = if room > 0 { Room::Free } else { Room::Full };
            let step = served.tracker.step_round(&claim.value, room);
            if step.await.unwrap() != RoundStep::More {
                break;
            }
        }
    }
    report(
        "alert: every delivery made",
        &[
            ("seconds", began.elapsed().as_secs_f64()),
            ("cpu_s", cpu_seconds() - cpu),
        ],
    );
    let times = visitor.stop();
    let (rss, peak) = memory_mib();
    report("alert: console meanwhile", &percentiles(times));
    report("alert: after", &[("rss_mib", rss), ("peak_mib", peak)]);
    let communication = served.repo.communication(id).unwrap().unwrap();
    let numbers = served.repo.statistics(&communication).unwrap();
    let made: u64 = numbers.by_status.iter().map(|(_, count)| count).sum();
    assert_eq!(made, 3 * size.contacts as u64);
    served.stop.cancel();
}

/// Somebody who looks at pages all the time, and how long each took.
struct Visitor {
    stop: Arc<AtomicBool>,
    thread: std::thread::JoinHandle<Vec<Duration>>,
}

impl Visitor {
    fn start(server: std::net::SocketAddr, paths: Vec<String>) -> Self {
        let stop = Arc::new(AtomicBool::new(false));
        let stopped = Arc::clone(&stop);
        let thread = std::thread::spawn(move || {
            let mut client = Client::new(server);
            let mut times = Vec::new();
            for path in paths.iter().cycle() {
                times.push(client.get(path).took);
                if stopped.load(Ordering::Relaxed) {
                    return times;
                }
                std::thread::sleep(Duration::from_millis(10));
            }
            times
        });
        Self { stop, thread }
    }

    fn stop(self) -> Vec<Duration> {
        self.stop.store(true, Ordering::Relaxed);
        self.thread.join().unwrap()
    }
}
