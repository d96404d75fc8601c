//! Reading the record of who did what: newest first, and only what is asked for.

use super::super::App;
use super::Result;
use crate::domain::audit::{AuditActor, AuditEntry};
use crate::domain::chain::Head;
use crate::domain::{Timestamp, UserId};
use crate::store::{Audited, Order};

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
    /// Whether an entry about the subject is wanted.
    fn has(&self, entry: &AuditEntry) -> bool {
        let act = self.act.as_deref().is_none_or(|wanted| {
            let rest = entry.act.strip_prefix(wanted);
            rest.is_some_and(|rest| rest.is_empty() || rest.starts_with('.'))
        });
        let by = |user| matches!(entry.actor, AuditActor::User(id, _) if id == user);
        let since = self.from.is_none_or(|from| entry.at >= from);
        act && since && self.user.is_none_or(by)
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
    /// What follows is behind this number.
    pub(crate) next: Option<u64>,
}

/// Up to `limit` entries behind a number, in either order: from the last on, or from the first.
pub(crate) fn page(
    app: &App,
    wanted: &Wanted,
    (order, behind): (Order, Option<u64>),
    limit: usize,
) -> Result<Found> {
    let mut found = Found {
        rows: Vec::new(),
        next: None,
    };
    let mut behind = behind.unwrap_or(match order {
        Order::Usual => u64::MAX,
        Order::Turned => 0,
    });
    let further = |number: u64| (number > 1 || order == Order::Turned).then_some(number);
    let mut looked_at = 0;
    loop {
        let about = wanted.subject.as_ref();
        let part = app.repo().audited_in(order, about, behind, STEP)?;
        if part.is_empty() {
            return Ok(found);
        }
        looked_at += part.len();
        for Audited { stored, entry } in part {
            let number = stored.number;
            behind = number;
            if wanted.has(&entry) {
                found.rows.push(Numbered { number, entry });
            }
            if found.rows.len() == limit {
                found.next = further(number);
                return Ok(found);
            }
        }
        if looked_at >= LOOKED_AT_MAX {
            found.next = further(behind);
            return Ok(found);
        }
    }
}

/// The head, and whether the last entries lead up to it.
pub(crate) fn standing(app: &App) -> Result<(Head, bool)> {
    Ok(app.repo().audit_standing(COMPARED)?)
}
