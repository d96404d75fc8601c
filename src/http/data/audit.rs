//! Reading the record of who did what: newest first, and only what is asked for.

use std::time::Duration;

use super::super::App;
use super::Result;
use crate::domain::audit::{AuditActor, AuditEntry};
use crate::domain::chain::Head;
use crate::domain::{Timestamp, UserId};
use crate::store::{Audited, Order};

/// Most entries looked at for one page.
const LOOKED_AT_MAX: usize = 20_000;
/// How far the times of entries may lie from the order of their numbers: an act has the time at
/// which it began, and a clock may be put back.
const SLACK: Duration = Duration::from_secs(24 * 3600);
/// Entries looked at to say whether a part of the record lies before a time.
const PROBE: usize = 32;
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
    let begin = match wanted.from {
        Some(from) => begin(app, from)?,
        None => 1,
    };
    if order == Order::Turned {
        behind = behind.max(begin.saturating_sub(1));
    }
    let further = |number: u64| (number > begin || order == Order::Turned).then_some(number);
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
            if number < begin {
                return Ok(found);
            }
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

/// The first number that may have this time or a later one. Entries that a clock set wrong by more
/// than [`SLACK`] put elsewhere are found without a time alone.
fn begin(app: &App, from: Timestamp) -> Result<u64> {
    let slack = u64::try_from(SLACK.as_millis()).unwrap_or(u64::MAX);
    let from = Timestamp::from_millis(from.as_millis().saturating_sub(slack));
    let last = app.repo().audited_in(Order::Usual, None, u64::MAX, 1)?;
    let last = last.first().map_or(0, |one| one.stored.number);
    let (mut low, mut high) = (1, last.saturating_add(1));
    while low < high {
        let middle = low + (high - low) / 2;
        let behind = middle.saturating_sub(1);
        let probe = app.repo().audited_in(Order::Turned, None, behind, PROBE)?;
        match probe.iter().find(|one| one.entry.at >= from) {
            Some(_) => high = middle,
            None => low = probe.last().map_or(high, |one| one.stored.number + 1),
        }
    }
    let probe = app
        .repo()
        .audited_in(Order::Turned, None, low.saturating_sub(1), PROBE)?;
    let first = probe.iter().find(|one| one.entry.at >= from);
    Ok(first.map_or(low, |one| one.stored.number))
}

/// The head, and whether the last entries lead up to it.
pub(crate) fn standing(app: &App) -> Result<(Head, bool)> {
    Ok(app.repo().audit_standing(COMPARED)?)
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::super::super::tests::world::{World, world};
    use super::*;
    use crate::store::{AuditBatch, Batch};

    const DAY: u64 = 24 * 3_600_000;

    async fn record(world: &World, days: u64, times: usize) {
        for part in vec![(); times].chunks(250) {
            let mut batch = Batch::new();
            for () in part {
                let at = Timestamp::from_millis(days * DAY);
                batch.audit(&AuditEntry::new(at, AuditActor::Gateway, "gateway.reload"));
            }
            world.repo.store().commit(batch).await.unwrap();
        }
    }

    fn since(days: u64) -> Wanted {
        Wanted {
            act: Some("gateway".to_owned()),
            from: Some(Timestamp::from_millis(days * DAY)),
            ..Wanted::default()
        }
    }

    #[tokio::test]
    async fn a_list_from_a_time_on_reads_nothing_that_lies_before() {
        let world = world().await;
        let before = world.app.repo().store().chain_head().unwrap().number;
        record(&world, 40_000, LOOKED_AT_MAX + 100).await;
        record(&world, 40_010, 3).await;
        // A clock was put back for a moment; a long act has the time at which it began.
        record(&world, 40_009, 1).await;
        record(&world, 40_011, 2).await;
        let last = before + LOOKED_AT_MAX as u64 + 106;
        let new = [last - 5, last - 4, last - 3, last - 1, last];
        let numbers =
            |found: &Found| -> Vec<u64> { found.rows.iter().map(|one| one.number).collect() };
        let wanted = since(40_010);
        let oldest = page(&world.app, &wanted, (Order::Turned, None), 10).unwrap();
        assert_eq!((numbers(&oldest), oldest.next), (new.to_vec(), None));
        let newest = page(&world.app, &wanted, (Order::Usual, None), 10).unwrap();
        let turned: Vec<u64> = new.into_iter().rev().collect();
        assert_eq!((numbers(&newest), newest.next), (turned, None));
        let full = page(&world.app, &wanted, (Order::Usual, None), 5).unwrap();
        assert_eq!(full.next, None, "nothing of the period is left");
        let two = page(&world.app, &wanted, (Order::Turned, None), 2).unwrap();
        assert_eq!((numbers(&two), two.next), (new[..2].to_vec(), Some(new[1])));
        let rest = page(&world.app, &wanted, (Order::Turned, two.next), 9).unwrap();
        assert_eq!(numbers(&rest), new[2..]);
        for order in [Order::Usual, Order::Turned] {
            let none = page(&world.app, &since(50_000), (order, None), 5).unwrap();
            assert_eq!((numbers(&none), none.next), (vec![], None));
        }
    }
}
