//! The real daemon, killed without warning again and again while applications hand in mail:
//! what it answered with 250 is there, whole, once, and goes out in the end.
#![allow(clippy::unwrap_used, clippy::print_stderr)]

mod daemon;
mod ledger;
mod load;
mod message;
mod output;
mod sink;
mod verdict;

use std::sync::Arc;
use std::time::{Duration, Instant};

use daemon::Daemon;
use ledger::Ledger;
use sink::Sink;

/// Times that the daemon is killed.
const KILLS: u32 = 50;
/// Every so many kills it is killed while it starts.
const KILL_AT_START_EVERY: u32 = 6;
/// Every so many kills what it left is looked at without it.
const LOOK_EVERY: u32 = 12;
/// Applications that hand in mail at the same time.
const CLIENTS: usize = 6;
/// Longest wait for everything acknowledged to go out in the end.
const DRAIN: Duration = Duration::from_secs(60);

#[test]
fn nothing_acknowledged_is_lost_or_half_there_however_often_the_daemon_is_killed() {
    let folder = tempfile::tempdir().unwrap();
    let sink = Sink::start();
    let daemon = Daemon::prepare(folder.path(), sink.port());
    let ledger = Arc::new(Ledger::default());
    let mut pause = Pauses(0x7063_7369_6e00_0001);
    let begun = Instant::now();
    for kill in 1..=KILLS {
        let running = daemon.start();
        if kill % KILL_AT_START_EVERY == 0 {
            std::thread::sleep(pause.next(0, 150));
            running.kill();
        } else {
            daemon.wait_until_ready(&running);
            let clients = load::start(CLIENTS, daemon.submissions(), &ledger);
            std::thread::sleep(pause.next(60, 500));
            running.kill();
            clients
                .into_iter()
                .for_each(|client| client.join().unwrap());
        }
        if kill % LOOK_EVERY == 0 {
            verdict::check(&daemon.state(), &ledger);
        }
    }
    let seen = verdict::check(&daemon.state(), &ledger);
    let acknowledged = ledger.acknowledged().len();
    eprintln!(
        "{KILLS} kills in {:?}: {acknowledged} of {} messages acknowledged, {seen} stored, {} deliveries sent",
        begun.elapsed(),
        ledger.begun(),
        sink.seen().len(),
    );
    assert!(acknowledged >= KILLS as usize, "the load was no load");

    everything_goes_out(&daemon, &ledger, &sink);
    verdict::check(&daemon.state(), &ledger);
}

/// Started once more and left alone, the daemon sends everything that it ever acknowledged.
fn everything_goes_out(daemon: &Daemon, ledger: &Ledger, sink: &Sink) {
    let running = daemon.start();
    daemon.wait_until_ready(&running);
    let begun = Instant::now();
    let missing = loop {
        let seen = sink.seen();
        let missing = ledger
            .acknowledged()
            .into_iter()
            .flat_map(message::deliveries)
            .filter(|delivery| !seen.contains(delivery))
            .count();
        if missing == 0 || begun.elapsed() > DRAIN {
            break missing;
        }
        std::thread::sleep(Duration::from_millis(100));
    };
    running.stop();
    assert_eq!(
        missing, 0,
        "deliveries that were acknowledged and never sent"
    );
}

/// Pauses that look random and are the same every time (xorshift64, Marsaglia 2003).
struct Pauses(u64);

impl Pauses {
    fn next(&mut self, from_ms: u64, to_ms: u64) -> Duration {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        Duration::from_millis(from_ms + self.0 % (to_ms - from_ms))
    }
}
