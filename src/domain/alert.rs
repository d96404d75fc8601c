//! Alerts that other programs hand in: who is told, and which of them were taken.

use super::communication::Channels;
use super::ids::{BlobId, CommunicationId};
use super::timestamp::Timestamp;

/// Most alerts that are remembered; the oldest is forgotten for a new one.
pub const ALERTS_KEPT_MAX: u64 = 100_000;
/// Longest word on where an alert comes from, in characters.
pub const ALERT_SOURCE_MAX: usize = 200;

/// Most marks of what has been told of one matter.
pub const ALERT_MARKS_MAX: usize = 5_000;

/// Who is told of the alerts of one receiver of an Alertmanager.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct AlertReceiver {
    /// The receiver's name there.
    pub name: String,
    /// Category of what is sent.
    pub category: String,
    /// By which channels.
    pub channels: Channels,
    /// Names of groups.
    pub groups: Vec<String>,
    /// Names of areas.
    pub areas: Vec<String>,
    /// It overtakes everything and heeds no quiet hours.
    pub emergency: bool,
}

/// An alert that was taken: the same one makes nothing new.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct AlertTaken {
    /// What tells it from others ([`alert_key`]).
    pub key: [u8; 32],
    /// Where it comes from, for people.
    pub source: String,
    /// What was sent; none where nothing was: it was called off before it came, or is told in
    /// parts.
    pub communication: Option<CommunicationId>,
    /// When it was taken.
    pub at: Timestamp,
    /// When it was called off or something took its place: nothing more is sent for it.
    pub over: Option<Timestamp>,
    /// For a matter: what has been told of it ([`alert_mark`]), at most [`ALERT_MARKS_MAX`].
    pub told: Vec<u64>,
}

/// SHA-256 over what tells an alert from others, each part with its length before it.
#[must_use]
pub fn alert_key(parts: &[&str]) -> [u8; 32] {
    let mut bytes = Vec::new();
    for part in parts {
        bytes.extend_from_slice(&(part.len() as u64).to_be_bytes());
        bytes.extend_from_slice(part.as_bytes());
    }
    *BlobId::of(&bytes).as_bytes()
}

/// The first eight octets of [`alert_key`]: enough to tell the alerts of one group apart.
#[must_use]
pub fn alert_mark(parts: &[&str]) -> u64 {
    let key = alert_key(parts);
    key.iter()
        .take(8)
        .fold(0, |mark, octet| mark << 8 | u64::from(*octet))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn parts_do_not_run_into_each_other() {
        assert_ne!(alert_key(&["ab", "c"]), alert_key(&["a", "bc"]));
        assert_eq!(alert_key(&["ab", "c"]), alert_key(&["ab", "c"]));
        assert_ne!(alert_mark(&["ab", "c"]), alert_mark(&["a", "bc"]));
    }
}
