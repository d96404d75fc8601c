//! How the daemon stands: for `/readyz`, the console's first page, and metrics.

use std::collections::VecDeque;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use tokio::sync::watch;
use tokio_util::sync::CancellationToken;

use super::Addresses;
use super::carriers::{Way, WayKind};
use crate::clock::SharedClock;
use crate::domain::{Lane, Timestamp};
use crate::http::{Alarm, ChannelHealth, ChannelState, Part, Readiness};
use crate::net::smpp::BindPhase;
use crate::net::tls_server::ServerTls;
use crate::observe::Metrics;
use crate::search::feeder::Feeder;
use crate::store::Repo;
use crate::store::engine::OpenOptions;
use crate::tracker::{Notice, Tracker};

/// Time between two looks.
const LOOK_INTERVAL: Duration = Duration::from_secs(1);
/// Most alarms shown.
const ALARMS_MAX: usize = 50;
/// Time within which one kind of alarm is not repeated.
const ALARM_QUIET: Duration = Duration::from_secs(15 * 60);
/// Entries of a lane counted for metrics.
const DEPTH_MAX: usize = 10_000;
/// A bind that has been away for so long is an alarm.
const BIND_AWAY_MAX: Duration = Duration::from_secs(5 * 60);
/// A certificate that ends within so many days is an alarm.
const CERTIFICATE_DAYS_MIN: i64 = 14;

/// Looks at everything once a second.
pub(super) struct Health {
    ways: Vec<Way>,
    alarms: VecDeque<Alarm>,
    /// Since when each of the ways is an SMPP bind that is not bound.
    away_since: Vec<Option<Timestamp>>,
    readiness: watch::Sender<Readiness>,
}

/// What it looks at.
pub(super) struct Parts {
    pub(super) repo: Repo,
    pub(super) tracker: Tracker,
    pub(super) search: Feeder,
    pub(super) metrics: Arc<Metrics>,
    pub(super) clock: SharedClock,
    pub(super) tls: Arc<ServerTls>,
    /// The folder whose disk must have room.
    pub(super) state: PathBuf,
    pub(super) stop: CancellationToken,
}

impl Health {
    pub(super) fn new(addresses: &Addresses, ways: Vec<Way>) -> (Self, watch::Receiver<Readiness>) {
        let named = |name: &str, sockets: &[std::net::SocketAddr]| {
            let parts = sockets.iter().map(|socket| Part {
                name: format!("{name} {socket}"),
                up: true,
            });
            parts.collect::<Vec<_>>()
        };
        let listeners = [
            named("submission", &addresses.submission),
            named("submissions", &addresses.submissions),
            named("mx", &addresses.mx),
            named("console", &addresses.console),
        ]
        .concat();
        let lanes = Lane::ALL.map(|lane| Part {
            name: lane.as_str().to_owned(),
            up: true,
        });
        let readiness = Readiness {
            listeners,
            channels: ways.iter().map(state_of).collect(),
            lanes: lanes.to_vec(),
            alarms: Vec::new(),
            disk_full: false,
            draining: false,
        };
        let (readiness, seen) = watch::channel(readiness);
        (
            Self {
                away_since: vec![None; ways.len()],
                ways,
                alarms: VecDeque::new(),
                readiness,
            },
            seen,
        )
    }

    pub(super) async fn run(mut self, parts: Parts) {
        parts.metrics.accepting.set(1);
        let mut notices = parts.tracker.subscribe();
        let mut look = tokio::time::interval(LOOK_INTERVAL);
        look.set_missed_tick_behavior(tokio::time::MissedTickBehavior::Delay);
        loop {
            tokio::select! {
                biased;
                () = parts.stop.cancelled() => break,
                _ = look.tick() => self.look(&parts),
                notice = notices.recv() => {
                    if let Ok(Notice::SenderFault(delivery)) = notice {
                        let text = "A carrier refuses messages for a reason on our side: look at the delivery's diagnostic.";
                        self.alarm(&parts, text, Some(delivery), "sender_fault");
                    }
                }
            }
        }
        parts.metrics.accepting.set(0);
        self.readiness
            .send_modify(|readiness| readiness.draining = true);
    }

    fn look(&mut self, parts: &Parts) {
        for lane in Lane::ALL {
            if let Ok(depth) = parts.repo.lane_depth(lane, DEPTH_MAX) {
                parts
                    .metrics
                    .queue_depth
                    .with(&[lane.as_str()])
                    .set(i64::try_from(depth).unwrap_or(i64::MAX));
            }
        }
        let left_out = parts.search.left_out();
        let left_out = i64::try_from(left_out).unwrap_or(i64::MAX);
        parts.metrics.search_left_out.set(left_out);
        let disk_full = has_no_room(&parts.state);
        parts.metrics.accepting.set(i64::from(!disk_full));
        if disk_full {
            self.alarm(
                parts,
                "The disk is full: nothing new is accepted until there is room.",
                None,
                "disk_full",
            );
        }
        let days = parts.tls.days_left();
        parts.metrics.tls_certificate_expiry_days.set(days);
        if days < CERTIFICATE_DAYS_MIN {
            self.alarm(
                parts,
                "Our certificate ends within two weeks.",
                None,
                "certificate",
            );
        }
        let is_down = |way: &Way| matches!(&way.kind, WayKind::Scanned(scanner) if scanner.trouble().is_some());
        if self.ways.iter().any(is_down) {
            self.alarm(
                parts,
                "The virus scanner does not answer: email is held until it does.",
                None,
                "scanner",
            );
        }
        let now = parts.clock.wall();
        if let Some((kind, text)) = amiss_with_binds(&self.ways, &mut self.away_since, now) {
            self.alarm(parts, text, None, kind);
        }
        let channels: Vec<ChannelState> = self.ways.iter().map(state_of).collect();
        for (way, state) in self.ways.iter().zip(&channels) {
            if let WayKind::Bind(_) = way.kind {
                let up = i64::from(state.state == ChannelHealth::Ready);
                parts.metrics.smpp_bind_up.with(&[&way.name]).set(up);
            }
        }
        let alarms: Vec<Alarm> = self.alarms.iter().cloned().collect();
        self.readiness.send_modify(|readiness| {
            readiness.disk_full = disk_full;
            readiness.channels = channels;
            readiness.alarms = alarms;
        });
    }

    fn alarm(
        &mut self,
        parts: &Parts,
        text: &'static str,
        delivery: Option<crate::domain::DeliveryId>,
        kind: &str,
    ) {
        let now = parts.clock.wall();
        let told = self
            .alarms
            .iter()
            .any(|alarm| alarm.text.english == text && now.since(alarm.at) < ALARM_QUIET);
        if told {
            return;
        }
        parts.metrics.alarms.with(&[kind]).increment();
        tracing::warn!(kind, "{text}");
        self.alarms.push_front(Alarm {
            at: now,
            text: text.into(),
            delivery,
        });
        self.alarms.truncate(ALARMS_MAX);
    }
}

/// The kind and the text of an alarm about binds, if there is one.
fn amiss_with_binds(
    ways: &[Way],
    away_since: &mut [Option<Timestamp>],
    now: Timestamp,
) -> Option<(&'static str, &'static str)> {
    let (mut is_refused, mut is_away) = (false, false);
    for (way, away_since) in ways.iter().zip(away_since) {
        let WayKind::Bind(status) = &way.kind else {
            continue;
        };
        let status = status.borrow();
        if matches!(status.phase, BindPhase::Bound { .. }) {
            *away_since = None;
            continue;
        }
        let since = *away_since.get_or_insert(now);
        is_away |= now.since(since) >= BIND_AWAY_MAX;
        is_refused |= status.refused.is_some();
    }
    if is_refused {
        let text = "A message centre refuses our login: texts wait for it. Look at the account of the bind.";
        return Some(("smpp_login", text));
    }
    let text = "A message centre has not let us bind for five minutes: texts may wait, receipts and replies do.";
    is_away.then_some(("smpp_bind", text))
}

/// Whether commits are refused for want of space; a disk that cannot be asked counts as fine.
fn has_no_room(folder: &Path) -> bool {
    let reserve = OpenOptions::default().reserve_bytes;
    rustix::fs::statvfs(folder)
        .is_ok_and(|disk| disk.f_bavail.saturating_mul(disk.f_frsize) < reserve)
}

fn state_of(way: &Way) -> ChannelState {
    let (state, detail) = match &way.kind {
        WayKind::Always => (ChannelHealth::Ready, String::new()),
        WayKind::Scanned(scanner) if scanner.is_up() => (ChannelHealth::Ready, String::new()),
        WayKind::Scanned(scanner) => (ChannelHealth::Down, scanner.trouble().unwrap_or_default()),
        WayKind::Off => (ChannelHealth::Off, String::new()),
        WayKind::Trunk(channel) if channel.is_ready() => (ChannelHealth::Ready, String::new()),
        WayKind::Trunk(_) => (ChannelHealth::Down, String::new()),
        WayKind::Bind(status) => {
            let status = status.borrow();
            let state = match status.phase {
                BindPhase::Bound { .. } => ChannelHealth::Ready,
                BindPhase::Connecting | BindPhase::Waiting if status.refused.is_some() => {
                    ChannelHealth::Down
                }
                BindPhase::Connecting | BindPhase::Waiting => ChannelHealth::Connecting,
                BindPhase::Stopped => ChannelHealth::Down,
            };
            (state, status.last_error.clone().unwrap_or_default())
        }
    };
    ChannelState {
        channel: way.channel,
        name: way.name.clone(),
        state,
        detail,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::Channel;
    use crate::net::smpp::{BindRefusal, BindStatus};

    fn status(phase: BindPhase, refused: Option<BindRefusal>) -> BindStatus {
        BindStatus {
            phase,
            last_error: None,
            binds: 0,
            throttled: 0,
            refused,
            retry_in: Duration::ZERO,
            garbled: 0,
        }
    }

    #[test]
    fn a_bind_that_is_refused_or_long_away_is_an_alarm() {
        let bound = BindPhase::Bound {
            system_id: "centre".to_owned(),
        };
        let (told, seen) = watch::channel(status(BindPhase::Connecting, None));
        let ways = [Way {
            channel: Channel::Text,
            name: "main".to_owned(),
            kind: WayKind::Bind(seen),
        }];
        let mut away_since = [None];
        let mut kind_after = |span: Duration| {
            let now = Timestamp::from_millis(1_800_000_000_000).plus(span);
            amiss_with_binds(&ways, &mut away_since, now).map(|(kind, _)| kind)
        };
        let second = Duration::from_secs(1);
        assert_eq!(kind_after(Duration::ZERO), None);
        assert_eq!(kind_after(BIND_AWAY_MAX - second), None);
        assert_eq!(kind_after(BIND_AWAY_MAX), Some("smpp_bind"));
        told.send_replace(status(bound, None));
        assert_eq!(kind_after(BIND_AWAY_MAX), None);
        told.send_replace(status(BindPhase::Waiting, None));
        assert_eq!(kind_after(BIND_AWAY_MAX + second), None);
        let refused = Some(BindRefusal::WrongPassword);
        told.send_replace(status(BindPhase::Waiting, refused));
        assert_eq!(kind_after(BIND_AWAY_MAX + second), Some("smpp_login"));
    }
}
