//! What the record of who did what says of a message, and that it is in the record.

use std::collections::BTreeMap;

use data_encoding::HEXLOWER;

use super::super::App;
use super::super::data::Result;
use super::super::fault::Fault;
use super::super::pages::actor_text;
use super::{About, instant};
use crate::domain::AuditEntry;
use crate::domain::chain::{self, Head, Link};
use crate::evidence::{AuditProof, PROOF_ENTRIES_MAX, ProofEntry};
use crate::store::RepoError;
use crate::store::engine::{CHAIN, ChainEntry, KeyRange, chain_key};
use crate::store::records::Record;

/// Most entries looked through, from the head back.
const LOOKED_AT_MAX: u64 = 100_000;
/// Entries read at a time.
const STEP: usize = 1_000;

/// Every entry up to the head that names the communication or the delivery. An entry of
/// correspondence has the id of the delivery that it stands for.
pub(super) fn of(app: &App, head: Head, about: &About) -> Result<AuditProof> {
    let ids = [*about.delivery.id.as_bytes(), *about.sent.id.as_bytes()];
    let mut proof = AuditProof {
        head_number: head.number,
        head_hash: HEXLOWER.encode(&head.hash),
        looked_at: 0,
        cut: false,
        entries: Vec::new(),
        links: Vec::new(),
    };
    let mut links = BTreeMap::new();
    let mut below = head.number.saturating_add(1);
    'looking: while below > 1 {
        let range = KeyRange::prefix(CHAIN).reverse().after(chain_key(below));
        let part = app.repo().store().chain_entries(range, STEP)?;
        if part.is_empty() {
            break;
        }
        for stored in &part {
            if proof.looked_at == LOOKED_AT_MAX || proof.entries.len() == PROOF_ENTRIES_MAX {
                proof.cut = true;
                break 'looking;
            }
            proof.looked_at += 1;
            below = stored.number;
            let entry = AuditEntry::from_bytes(&stored.payload).map_err(RepoError::from)?;
            let named = |id: &[u8; 16]| entry.subjects.iter().any(|subject| subject.id == *id);
            if ids.iter().any(named) {
                let path = path(app, head, stored.number, &mut links)?;
                proof.entries.push(shown(stored, &entry, path));
            }
        }
    }
    proof.links = links.values().map(Into::into).collect();
    Ok(proof)
}

fn shown(stored: &ChainEntry, entry: &AuditEntry, path: Vec<u64>) -> ProofEntry {
    ProofEntry {
        number: stored.number,
        at: instant(entry.at),
        actor: actor_text(entry.actor),
        act: entry.act.clone(),
        detail: entry.detail.clone(),
        digest: entry.digest.map(|digest| HEXLOWER.encode(&digest)),
        payload: HEXLOWER.encode(&stored.payload),
        path,
    }
}

/// The numbers of the path from the head down to an entry; its links join those there are.
fn path(app: &App, head: Head, wanted: u64, links: &mut BTreeMap<u64, Link>) -> Result<Vec<u64>> {
    let found = chain::path(head.number, wanted, |number| -> Result<Option<Link>> {
        if let Some(link) = links.get(&number) {
            return Ok(Some(*link));
        }
        let entry = app.repo().store().chain_entry(number)?;
        Ok(entry.map(|entry| entry.link()))
    })?;
    let found = found.ok_or(Fault::Internal)?;
    let numbers = found.iter().map(|link| link.number).collect();
    links.extend(found.into_iter().map(|link| (link.number, link)));
    Ok(numbers)
}
