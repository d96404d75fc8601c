//! What the daemon tells the pages about itself: listeners, channels, lanes, alarms.

use serde::Serialize;

use crate::domain::{Channel, DeliveryId, Sentence, Timestamp};

/// How the daemon stands; handed to the pages through a watch.
#[derive(Clone, Debug, Default)]
pub struct Readiness {
    /// Sockets that take connections.
    pub listeners: Vec<Part>,
    /// The ways out: mail relay or MX lookup, SMPP binds, SIP trunks.
    pub channels: Vec<ChannelState>,
    /// Workers of the queue's lanes.
    pub lanes: Vec<Part>,
    /// What an operator should look at, newest first.
    pub alarms: Vec<Alarm>,
    /// The disk has no room for new messages.
    pub disk_full: bool,
    /// The daemon finishes what it has and takes nothing new.
    pub draining: bool,
}

/// Something that runs or does not.
#[derive(Clone, Debug, Serialize)]
pub struct Part {
    /// Its name: `mx 0.0.0.0:25`, `email`.
    pub name: String,
    /// Whether it runs.
    pub up: bool,
}

/// A way out.
#[derive(Clone, Debug)]
pub struct ChannelState {
    /// Which channel it serves.
    pub channel: Channel,
    /// Its name: that of the relay, the bind, the trunk.
    pub name: String,
    /// How it stands.
    pub state: ChannelHealth,
    /// A sentence for the operator, when there is something to say.
    pub detail: String,
}

/// How a way out stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ChannelHealth {
    /// Messages go.
    Ready,
    /// It is being connected.
    Connecting,
    /// It does not work.
    Down,
    /// Nobody has configured it.
    Off,
}

/// Something an operator should look at.
#[derive(Clone, Debug)]
pub struct Alarm {
    /// Since when.
    pub at: Timestamp,
    /// What to look at.
    pub text: Sentence,
    /// The delivery that showed it, where there is one.
    pub delivery: Option<DeliveryId>,
}

impl Readiness {
    /// Why work should not be sent here; empty when it may.
    #[must_use]
    pub fn reasons(&self) -> Vec<Sentence> {
        let down = |pattern: &'static str, parts: &[Part]| {
            let parts = parts.iter().filter(|part| !part.up);
            parts
                .map(|part| Sentence::with(pattern, &[&part.name]))
                .collect::<Vec<_>>()
        };
        let mut reasons = down("listener {0} is down", &self.listeners);
        reasons.extend(down("lane {0} is down", &self.lanes));
        if self.disk_full {
            reasons.push("the disk is full: nothing new is accepted".into());
        }
        if self.draining {
            reasons.push("draining".into());
        }
        reasons
    }
}
