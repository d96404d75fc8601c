//! The filters of lists and files of correspondence, held to what they may say.

use super::super::entries::EntryStatus;
use super::super::pages::correspondence::list::{CLIENT_ONLY, period_names};
use super::Answer;
use super::body::{given_id, one_of};
use crate::domain::{CaseId, EntryDirection, EntryKind, Party};

/// Filters as an address names them; the console passes over what it cannot read.
pub(super) struct FilterNames<'a> {
    pub(super) recipient: Option<&'a str>,
    pub(super) case: Option<&'a str>,
    pub(super) direction: Option<&'a str>,
    pub(super) kind: Option<&'a str>,
    pub(super) status: Option<&'a str>,
    pub(super) when: Option<&'a str>,
}

impl FilterNames<'_> {
    /// Refuses what cannot be read.
    pub(super) fn check(&self) -> Answer<()> {
        one_of("recipient", self.recipient, &Party::ALL, Party::as_str)?;
        if self.case != Some(CLIENT_ONLY) {
            given_id::<CaseId>("case", self.case)?;
        }
        let (directions, kinds) = (&EntryDirection::ALL, &EntryKind::ALL);
        one_of(
            "direction",
            self.direction,
            directions,
            EntryDirection::as_str,
        )?;
        one_of("type", self.kind, kinds, EntryKind::as_str)?;
        one_of("status", self.status, &EntryStatus::ALL, EntryStatus::slug)?;
        one_of("when", self.when, &period_names(), |name| name)?;
        Ok(())
    }
}
