//! PDUs that could not be taken, told once for each kind.

use std::collections::BTreeSet;

use crate::proto::smpp::{CommandStatus, Header};

/// Kinds that are told apart; of more, nothing is said.
const KINDS_MAX: usize = 32;

/// What one bind has told of, over all its connections.
#[derive(Debug, Default)]
pub(super) struct GarbledLog {
    told: BTreeSet<(u32, CommandStatus)>,
}

impl GarbledLog {
    /// Says what came, the first time that something of this kind does. The header alone: what is
    /// behind it may be a number or a text.
    pub(super) fn tell(&mut self, bind: &str, header: Header, status: CommandStatus) {
        if self.is_new(header, status) {
            tracing::warn!(%bind, %header, octets = header.length(), %status, "garbled pdu answered; others of its kind are not told");
        }
    }

    fn is_new(&mut self, header: Header, status: CommandStatus) -> bool {
        self.told.len() < KINDS_MAX && self.told.insert((header.command_id(), status))
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;

    fn header(command_id: u32) -> Header {
        let words = [16, command_id, 0, 1];
        let octets: Vec<u8> = words.iter().flat_map(|word| word.to_be_bytes()).collect();
        Header::of(&octets).unwrap()
    }

    #[test]
    fn each_kind_is_told_once_and_not_without_end() {
        let mut log = GarbledLog::default();
        let status = CommandStatus::RINVCMDID;
        assert!(log.is_new(header(5), status));
        assert!(!log.is_new(header(5), status));
        assert!(log.is_new(header(5), CommandStatus::RINVCMDLEN));
        for command in 6..200 {
            log.is_new(header(command), status);
        }
        assert_eq!(log.told.len(), KINDS_MAX);
        assert!(!log.is_new(header(200), status));
    }
}
