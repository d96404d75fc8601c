//! What the record of who did what says of a message, and that it is in the record.

use std::collections::BTreeMap;

use data_encoding::HEXLOWER;

use super::super::App;
use super::super::data::Result;
use super::super::fault::Fault;
use super::About;
use crate::domain::chain::Head;
use crate::evidence::{AuditProof, PROOF_ENTRIES_MAX, ProofEntry};
use crate::store::Audited;

/// Every entry up to the head that names the communication or the delivery, the newest
/// [`PROOF_ENTRIES_MAX`] of them. An entry of correspondence has the id of the delivery that it
/// stands for.
pub(super) fn of(app: &App, head: Head, about: &About) -> Result<AuditProof> {
    let ids = [*about.delivery.id.as_bytes(), *about.sent.id.as_bytes()];
    let below = head.number.saturating_add(1);
    let mut found = BTreeMap::new();
    for id in &ids {
        let of_id = app.repo().audited(Some(id), below, PROOF_ENTRIES_MAX + 1)?;
        found.extend(of_id.into_iter().map(|one| (one.stored.number, one)));
    }
    let mut links = BTreeMap::new();
    let mut entries = Vec::new();
    for Audited { stored, entry } in found.values().rev().take(PROOF_ENTRIES_MAX) {
        let path = app.repo().audit_path(head, stored.number, &mut links)?;
        let path = path.ok_or(Fault::Internal)?;
        entries.push(ProofEntry::new(stored.number, &stored.payload, entry, path));
    }
    Ok(AuditProof {
        head_number: head.number,
        head_hash: HEXLOWER.encode(&head.hash),
        cut: found.len() > PROOF_ENTRIES_MAX,
        entries,
        links: links.values().map(Into::into).collect(),
    })
}
