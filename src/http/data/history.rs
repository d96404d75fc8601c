//! What happened to a person, those contacts included that this one took over.

use super::super::App;
use super::{Part, Result};
use crate::domain::{Access, ContactId, Delivery, LogEntry, LogEvent, MethodId, Timestamp};
use crate::http::access::Sight;
use crate::store::engine::KeyRange;
use crate::store::keys::{self, KeyBuilder};
use crate::store::records::Record;
use crate::store::{Order, Repo, RepoError};

/// Most of the latest lines of each of a person's logs that are looked through for what happened to
/// one method.
const LINES_MAX: usize = 500;

/// Most lines looked at for one page.
const LOOKED_AT_MAX: usize = 1_000;

/// A line of what happened to a person.
pub(crate) enum Line {
    /// A message was made for them.
    Made(Box<Delivery>),
    /// What was written into their log.
    Logged(LogEntry),
}

/// Place of a message among the lines of its millisecond: behind those of the log, whose places
/// are shorter.
const BEHIND_THE_LOG: [u8; 4] = [0xff; 4];

/// What happened that somebody may know of, in an order and from a place on: nothing about a case
/// that is hidden from them. It may hold fewer lines than `limit`, though more follow: then very
/// many are hidden.
pub(crate) fn log_seen(
    app: &App,
    access: &Access,
    (contact, order): (ContactId, Order),
    mut after: Option<Vec<u8>>,
    limit: usize,
) -> Result<Part<Line>> {
    let mut sight = Sight::of(app, access);
    let (mut rows, mut looked_at) = (Vec::new(), 0);
    loop {
        let part = log(app.repo(), (contact, order), after, limit - rows.len())?;
        looked_at += part.rows.len();
        for line in part.rows {
            if sees(app, access, &mut sight, &line)? {
                rows.push(line);
            }
        }
        let full = rows.len() >= limit || looked_at >= LOOKED_AT_MAX;
        if full || part.next.is_none() {
            let next = part.next;
            return Ok(Part { rows, next });
        }
        after = part.next;
    }
}

fn sees(
    app: &App,
    access: &Access,
    sight: &mut Sight<'_>,
    line: &Line,
) -> std::result::Result<bool, RepoError> {
    let event = match line {
        Line::Made(delivery) => return app.sees_matter_of(access, delivery.communication),
        Line::Logged(entry) => &entry.event,
    };
    let (delivery, thread) = match event {
        LogEvent::Returned { delivery, .. } | LogEvent::Suspended { delivery, .. } => {
            (Some(*delivery), None)
        }
        LogEvent::Replied {
            delivery, thread, ..
        } => (*delivery, *thread),
        LogEvent::RepliedByItself { delivery, .. } => (*delivery, None),
        LogEvent::Prompted { communication, .. } | LogEvent::Confirmed { communication, .. } => {
            return app.sees_matter_of(access, *communication);
        }
        LogEvent::Reinstated { .. } | LogEvent::Corrected { .. } | LogEvent::Changed { .. } => {
            return Ok(true);
        }
    };
    if let Some(id) = delivery
        && let Some(delivery) = app.repo().delivery(id)?
        && !app.sees_matter_of(access, delivery.communication)?
    {
        return Ok(false);
    }
    match thread
        .map(|id| app.repo().thread(id))
        .transpose()?
        .flatten()
    {
        Some(thread) => sight.sees(&thread),
        None => Ok(true),
    }
}

/// What happened, newest first or the other way round, from a place on. A place is what follows the contact in a key of
/// the log: a time, then what tells lines of one millisecond apart.
pub(in crate::http) fn log(
    repo: &Repo,
    (contact, order): (ContactId, Order),
    after: Option<Vec<u8>>,
    limit: usize,
) -> Result<Part<Line>> {
    let mut lines: Vec<(Vec<u8>, Line)> = Vec::new();
    for id in repo.ids_of(contact)? {
        for delivery in repo
            .deliveries_in(order, id, behind(id, after.as_deref()), limit)?
            .rows
        {
            let place = place(&delivery);
            lines.push((place, Line::Made(Box::new(delivery.value))));
        }
        let prefix = KeyBuilder::new(keys::LOG).bytes(id.as_bytes()).build();
        let mut range = KeyRange::prefix(prefix.clone());
        if order == Order::Turned {
            range = range.reverse();
        }
        if let Some(after) = &after {
            range = range.after([prefix.as_slice(), after].concat());
        }
        for (key, bytes) in repo.store().scan(range, limit)? {
            let place = key.get(prefix.len()..).unwrap_or_default().to_vec();
            let entry = LogEntry::from_bytes(&bytes).map_err(crate::store::RepoError::from)?;
            lines.push((place, Line::Logged(entry)));
        }
    }
    lines.sort_by(|one, other| one.0.cmp(&other.0));
    if order == Order::Turned {
        lines.reverse();
    }
    lines.truncate(limit);
    let next = (lines.len() == limit).then(|| lines.last().map(|(place, _)| place.clone()));
    Ok(Part {
        rows: lines.into_iter().map(|(_, line)| line).collect(),
        next: next.flatten(),
    })
}

/// Where a message stands among the lines.
fn place(delivery: &Delivery) -> Vec<u8> {
    let inverted = delivery.id.as_bytes().map(|byte| !byte);
    KeyBuilder::new(&[])
        .newest_first(delivery.id.made_at())
        .bytes(&BEHIND_THE_LOG)
        .bytes(&inverted)
        .build()
}

/// Behind which of a contact's deliveries those begin that come after this place.
fn behind(contact: ContactId, place: Option<&[u8]>) -> Option<Vec<u8>> {
    let place = place?;
    // The time, of which ids hold the last 48 bits; behind the log's lines, the delivery itself.
    let time = place.get(2..8)?;
    let inverted = place.get(12..28).unwrap_or(time);
    let begin = KeyBuilder::new(keys::DELIVERY_BY_CONTACT).bytes(contact.as_bytes());
    Some(begin.bytes(inverted).build())
}

/// The latest deliveries, newest first.
pub(crate) fn deliveries(repo: &Repo, contact: ContactId, limit: usize) -> Result<Vec<Delivery>> {
    let mut all = Vec::new();
    for id in repo.ids_of(contact)? {
        let page = repo.deliveries_of(id, None, limit)?;
        all.extend(page.rows.into_iter().map(|delivery| delivery.value));
    }
    all.sort_by_key(|delivery| std::cmp::Reverse(delivery.id));
    all.truncate(limit);
    Ok(all)
}

/// When a method was suspended, latest first.
pub(crate) fn suspensions(
    repo: &Repo,
    contact: ContactId,
    method: MethodId,
) -> Result<Vec<Timestamp>> {
    let mut suspended = Vec::new();
    for id in repo.ids_of(contact)? {
        let lines = repo.log(id, None, LINES_MAX)?.rows;
        suspended.extend(lines.iter().filter_map(|line| match line.event {
            LogEvent::Suspended { method: one, .. } if one == method => Some(line.at),
            _ => None,
        }));
    }
    suspended.sort_by_key(|at| std::cmp::Reverse(*at));
    Ok(suspended)
}
