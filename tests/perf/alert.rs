//! An alert to everybody by three methods: how long until it is durable with every person fixed,
//! how long until every delivery exists, and what the console does meanwhile.

use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use tocsin::domain::{AreaId, Audience, Channels, CommunicationId, Content, Lane};
use tocsin::queue::lane;
use tocsin::queue::rounds::Rounds;
use tocsin::store::Repo;
use tocsin::submit::{DraftInput, Sent};
use tokio_util::sync::CancellationToken;

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
    // As the daemon does; nothing is sent, so that all but the first wait for their turn.
    let expanding = CancellationToken::new();
    let rounds = Arc::new(Rounds::new(
        served.repo.clone(),
        served.tracker.clone(),
        served.clock.clone(),
        expanding.clone(),
    ));
    let lane = tokio::spawn(lane::run(
        served.repo.store().clone(),
        served.clock.clone(),
        Lane::Expand,
        rounds,
        expanding.clone(),
    ));
    while made(&served.repo, id) < 3 * size.contacts as u64 {
        tokio::time::sleep(Duration::from_millis(10)).await;
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
    expanding.cancel();
    lane.await.unwrap();
    assert_eq!(made(&served.repo, id), 3 * size.contacts as u64);
    served.stop.cancel();
}

/// How many deliveries of a communication there are.
fn made(repo: &Repo, id: CommunicationId) -> u64 {
    let communication = repo.communication(id).unwrap().unwrap();
    let numbers = repo.statistics(&communication).unwrap();
    numbers.by_status.iter().map(|(_, count)| count).sum()
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
