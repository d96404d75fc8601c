//! Bundles of evidence: everything there is about one message to one recipient, signed.
//! Making one is an act, whose entry is durable before the first byte goes out.

mod proof;
mod said;
mod summary;

use std::sync::Arc;

use axum::response::Response;
use data_encoding::HEXLOWER;
use jiff::tz::TimeZone;
use serde_json::{Value, json};

use super::App;
use super::data::{Result, apart};
use super::fault::Fault;
use super::pages::as_download;
use super::words::Words;
use crate::domain::chain::Head;
use crate::domain::{
    Access, AuditActor, Communication, Contact, Delivery, DeliveryId, EntryId, StatusChange,
    Subject, SubjectKind,
};
use crate::evidence::{AUDIT, AuditProof, Bundle, DELIVERY, Made, Member, SUMMARY, instant, seal};
use crate::store::acting;

/// Who asks, and how they read.
pub(crate) struct Reader {
    pub(crate) access: Arc<Access>,
    pub(crate) words: &'static Words,
    pub(crate) zone: TimeZone,
}

/// Most times that rows are read again because they changed meanwhile.
const READS_MAX: u32 = 5;

/// What a bundle is about.
#[derive(PartialEq)]
struct About {
    delivery: Delivery,
    sent: Communication,
    contact: Option<Contact>,
}

/// Makes the bundle of a delivery and answers with it.
pub(crate) async fn make(app: &Arc<App>, reader: Reader, id: DeliveryId) -> Result<Response> {
    let place = Arc::clone(&app.exports).try_acquire_owned();
    let place = place.map_err(|_| Fault::Unavailable)?;
    let acting = acting::current().ok_or(Fault::Internal)?;
    let actor = acting.actor();
    let making = Arc::clone(app);
    let (bundle, subjects) = apart(move || {
        let _place = place;
        let (about, head, proof) = settled(&making, &reader.access, id)?;
        let bundle = bundle(&making, &reader, &about, actor, head, &proof)?;
        Ok((bundle, subjects(&about)))
    })
    .await?;
    let entry = acting.entry().about(subjects).with_digest(bundle.digest);
    app.repo().record(&entry).await?;
    let name = format!("evidence-{id}.zip");
    as_download(&name, "application/zip", bundle.bytes)
}

fn subjects(about: &About) -> [Subject; 3] {
    let delivery = &about.delivery;
    [
        Subject::new(SubjectKind::Delivery, *delivery.id.as_bytes()),
        Subject::new(
            SubjectKind::Communication,
            *delivery.communication.as_bytes(),
        ),
        Subject::new(SubjectKind::Contact, *delivery.contact.as_bytes()),
    ]
}

/// What a bundle is about, as it stands at one head of the record. Rows change with the entries
/// about them, so what is the same before and after the record was read is of that moment.
fn settled(app: &App, access: &Access, id: DeliveryId) -> Result<(About, Head, AuditProof)> {
    let mut before = about(app, access, id)?;
    for _ in 0..READS_MAX {
        let head = app.repo().store().chain_head()?;
        let proof = proof::of(app, head, &before)?;
        let after = about(app, access, id)?;
        if after == before {
            return Ok((before, head, proof));
        }
        before = after;
    }
    Err(Fault::Unavailable)
}

/// The delivery, when it is theirs to see: by its case, else by whom it went to.
fn about(app: &App, access: &Access, id: DeliveryId) -> Result<About> {
    let repo = app.repo();
    let delivery = repo.delivery(id)?.ok_or(Fault::NotFound)?.value;
    let sent = repo.communication(delivery.communication)?;
    let sent = sent.ok_or(Fault::NotFound)?.value;
    let contact = repo.current_contact(delivery.contact)?;
    let contact = contact.map(|contact| contact.value);
    let entry = repo.entry(EntryId::from_bytes(*id.as_bytes()))?;
    let filed = entry.and_then(|entry| entry.case);
    let case = filed.or_else(|| sent.matter.and_then(|matter| matter.case));
    let seen = match case {
        Some(case) => repo.case(case)?.is_some_and(|case| access.sees_case(&case)),
        None => contact.as_ref().is_none_or(|one| access.sees_contact(one)),
    };
    if !seen {
        return Err(Fault::NotFound);
    }
    Ok(About {
        delivery,
        sent,
        contact,
    })
}

fn bundle(
    app: &App,
    reader: &Reader,
    about: &About,
    actor: AuditActor,
    head: Head,
    proof: &AuditProof,
) -> Result<Bundle> {
    let (message, mut files) = said::files(app, about)?;
    let made = Made {
        installation: app.console.settings.installation.clone(),
        at: instant(app.now()),
        by: actor.to_string(),
        delivery: about.delivery.id.to_string(),
        communication: about.sent.id.to_string(),
        head_number: head.number,
        head_hash: HEXLOWER.encode(&head.hash),
    };
    files.push(Member::new(DELIVERY, written(&told(about))?));
    files.push(Member::new(AUDIT, audit_file(proof)?));
    let key = app.console.evidence.public().fingerprint();
    let summary = summary::of(reader, about, &made, proof, &key);
    files.push(Member::new(SUMMARY, summary));
    seal(files, made, message, &app.console.evidence).map_err(|error| {
        tracing::warn!(%error, "evidence could not be put together");
        Fault::Internal
    })
}

fn audit_file(proof: &AuditProof) -> Result<Vec<u8>> {
    proof.to_bytes().map_err(|_| Fault::Internal)
}

fn written(value: &Value) -> Result<Vec<u8>> {
    serde_json::to_vec_pretty(value).map_err(|_| Fault::Internal)
}

/// The delivery with everything that happened to it.
fn told(about: &About) -> Value {
    let (delivery, sent) = (&about.delivery, &about.sent);
    let timeline = delivery.timeline.iter();
    let timeline = timeline.map(|change| happened(delivery.id, change));
    json!({
        "id": delivery.id.to_string(),
        "communication": sent.id.to_string(),
        "title": sent.title,
        "category": sent.category,
        "sent_at": sent.sent_at.map(instant),
        "contact": delivery.contact.to_string(),
        "recipient": about.contact.as_ref().map(Contact::full_name),
        "channel": delivery.channel.as_str(),
        "destination": delivery.destination.reveal(),
        "round": delivery.round,
        "attempts": delivery.attempts,
        "status": delivery.status().as_str(),
        "closed": delivery.closed.map(|closed| json!({
            "at": instant(closed.at),
            "why": closed.reason.explain(),
        })),
        "remote_ids": delivery.remote_ids,
        "timeline": timeline.collect::<Vec<_>>(),
    })
}

/// One line of the timeline, with the other side's words as they were received, and what the
/// record of who did what has a digest of.
fn happened(delivery: DeliveryId, change: &StatusChange) -> Value {
    let verdict = change.verdict.as_ref().map(|verdict| {
        json!({
            "class": verdict.class.as_str(),
            "reason": verdict.reason.as_str(),
            "permanence": verdict.permanence.as_str(),
            "fault": verdict.fault.as_str(),
            "status_code": verdict.status_code.map(|code| code.to_string()),
            "diagnostic": verdict.diagnostic.as_str(),
        })
    });
    json!({
        "at": instant(change.at),
        "status": change.status.as_str(),
        "source": change.source.as_str(),
        "verdict": verdict,
        "statement": change.statement(delivery),
    })
}
