//! What happened to a person, those contacts included that this one took over.

use super::{Part, Result};
use crate::domain::{ContactId, Delivery, LogEntry, LogEvent, MethodId, Timestamp};
use crate::store::Repo;
use crate::store::engine::KeyRange;
use crate::store::keys::{self, KeyBuilder};
use crate::store::records::Record;

/// Lines of the log looked through for what happened to one method.
const LINES_MAX: usize = 500;

/// The log, newest first, from a place on. A place is what follows the contact in a key.
pub(crate) fn log(
    repo: &Repo,
    contact: ContactId,
    after: Option<Vec<u8>>,
    limit: usize,
) -> Result<Part<LogEntry>> {
    let mut lines: Vec<(Vec<u8>, LogEntry)> = Vec::new();
    for id in repo.ids_of(contact)? {
        let prefix = KeyBuilder::new(keys::LOG).bytes(id.as_bytes()).build();
        let mut range = KeyRange::prefix(prefix.clone());
        if let Some(after) = &after {
            range = range.after([prefix.as_slice(), after].concat());
        }
        for (key, bytes) in repo.store().scan(range, limit)? {
            let place = key.get(prefix.len()..).unwrap_or_default().to_vec();
            let entry = LogEntry::from_bytes(&bytes).map_err(crate::store::RepoError::from)?;
            lines.push((place, entry));
        }
    }
    lines.sort_by(|one, other| one.0.cmp(&other.0));
    lines.truncate(limit);
    let next = (lines.len() == limit).then(|| lines.last().map(|(place, _)| place.clone()));
    Ok(Part {
        rows: lines.into_iter().map(|(_, entry)| entry).collect(),
        next: next.flatten(),
    })
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
    let lines = log(repo, contact, None, LINES_MAX)?.rows;
    let suspended = lines.into_iter().filter(
        |line| matches!(&line.event, LogEvent::Suspended { method: one, .. } if *one == method),
    );
    Ok(suspended.map(|line| line.at).collect())
}
