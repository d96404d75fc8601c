//! Reading the record of who did what: newest first, and only what is asked for.

use super::super::App;
use super::Result;
use crate::domain::audit::{AuditActor, AuditEntry};
use crate::domain::chain::Head;
use crate::domain::{Timestamp, UserId};
use crate::store::RepoError;
use crate::store::engine::{CHAIN, ChainEntry, KeyRange, chain_key};
use crate::store::records::Record;

/// Most entries looked at for one page.
const LOOKED_AT_MAX: usize = 20_000;
/// Entries read at a time.
const STEP: usize = 1_000;
/// How many of the last entries are compared with the head for the page.
pub(crate) const COMPARED: usize = 1_000;

/// Which entries.
#[derive(Clone, Debug, Default)]
pub(crate) struct Wanted {
    /// Acts that are this or begin with it and a dot.
    pub(crate) act: Option<String>,
    /// Only of this user.
    pub(crate) user: Option<UserId>,
    /// Only about what has this id.
    pub(crate) subject: Option<[u8; 16]>,
    /// Not before this.
    pub(crate) from: Option<Timestamp>,
}

impl Wanted {
    fn has(&self, entry: &AuditEntry) -> bool {
        let act = self.act.as_deref().is_none_or(|wanted| {
            let rest = entry.act.strip_prefix(wanted);
            rest.is_some_and(|rest| rest.is_empty() || rest.starts_with('.'))
        });
        let by = |user| matches!(entry.actor, AuditActor::User(id, _) if id == user);
        let about = |wanted| entry.subjects.iter().any(|subject| subject.id == wanted);
        let since = self.from.is_none_or(|from| entry.at >= from);
        act && since && self.user.is_none_or(by) && self.subject.is_none_or(about)
    }
}

/// An entry with its number.
#[derive(Clone, Debug)]
pub(crate) struct Numbered {
    pub(crate) number: u64,
    pub(crate) entry: AuditEntry,
}

/// A page of entries.
#[derive(Clone, Debug)]
pub(crate) struct Found {
    pub(crate) rows: Vec<Numbered>,
    /// What follows is below this number.
    pub(crate) next: Option<u64>,
}

/// Up to `limit` entries below a number, or from the last on.
pub(crate) fn page(app: &App, wanted: &Wanted, below: Option<u64>, limit: usize) -> Result<Found> {
    let mut found = Found {
        rows: Vec::new(),
        next: None,
    };
    let mut range = KeyRange::prefix(CHAIN).reverse();
    if let Some(number) = below {
        range = range.after(chain_key(number));
    }
    let mut looked_at = 0;
    loop {
        let part = app.repo().store().chain_entries(range, STEP)?;
        let Some(last) = part.last().map(|entry| entry.number) else {
            return Ok(found);
        };
        for stored in &part {
            let entry = read(stored)?;
            if wanted.has(&entry) {
                let number = stored.number;
                found.rows.push(Numbered { number, entry });
            }
            if found.rows.len() == limit {
                found.next = (stored.number > 1).then_some(stored.number);
                return Ok(found);
            }
        }
        looked_at += part.len();
        if looked_at >= LOOKED_AT_MAX {
            found.next = (last > 1).then_some(last);
            return Ok(found);
        }
        range = KeyRange::prefix(CHAIN).reverse().after(chain_key(last));
    }
}

/// An entry of the chain, read.
fn read(stored: &ChainEntry) -> Result<AuditEntry> {
    Ok(AuditEntry::from_bytes(&stored.payload).map_err(RepoError::from)?)
}

/// The head, and whether the last entries lead up to it.
pub(crate) fn standing(app: &App) -> Result<(Head, bool)> {
    let store = app.repo().store();
    let head = store.chain_head()?;
    let last = store.chain_entries(KeyRange::prefix(CHAIN).reverse(), COMPARED)?;
    let mut expected = head;
    for entry in &last {
        if entry.number != expected.number || entry.link().hash() != expected.hash {
            return Ok((head, false));
        }
        expected = Head {
            number: entry.number.saturating_sub(1),
            hash: entry.previous,
        };
    }
    let whole = head.number == 0 || !last.is_empty();
    Ok((head, whole))
}
