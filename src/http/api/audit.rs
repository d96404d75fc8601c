//! The record of who did what.

use std::sync::Arc;

use axum::Json;
use axum::extract::State;
use axum::response::Response;
use data_encoding::HEXLOWER;
use serde::{Deserialize, Serialize};
use utoipa::{IntoParams, ToSchema};

use super::super::App;
use super::super::data::audit::{self, Numbered, Wanted};
use super::super::pages::{audit_file, id_of};
use super::body::{Asked, PageOf, Pages, no_cursor, order};
use super::problem::Problem;
use super::shape::{read_time, time};
use super::{Answer, apart};

/// Which entries.
#[derive(Debug, Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub(super) struct AuditAsked {
    /// Only acts of this name, or of this family: `contact` or `contact.change`.
    act: Option<String>,
    /// Only of this user.
    user: Option<String>,
    /// Only about what has this id.
    subject: Option<String>,
    /// At this time or later (RFC 3339).
    from: Option<String>,
    /// newest (first, when it is not given) or oldest.
    order: Option<String>,
    /// Rows of the page, 1 to 500; 50 when it is not given.
    #[param(minimum = 1, maximum = 500)]
    limit: Option<usize>,
    /// `next` of the page before.
    cursor: Option<String>,
}

/// What an act is about.
#[derive(Debug, Serialize, ToSchema)]
pub(super) struct SubjectShape {
    /// What it is: contact, communication, user and so on.
    kind: String,
    id: String,
}

/// An entry of the record.
#[derive(Debug, Serialize, ToSchema)]
pub(super) struct AuditShape {
    /// Its number in the chain, from 1.
    number: u64,
    at: String,
    /// `user:ID`, `program:ID`, `contact:ID`, `gateway`, `command line` or `nobody`.
    actor: String,
    /// Words joined by dots; the first names the family.
    act: String,
    subjects: Vec<SubjectShape>,
    /// How many more there were than are named.
    more: u32,
    detail: String,
    /// SHA-256 of the content it is about, in hexadecimal.
    digest: Option<String>,
    network: Option<String>,
}

/// Who did what, newest or oldest first; for those who may read it. A page may hold fewer entries than asked
/// for, though `next` is there, when very many had to be looked through.
#[utoipa::path(get, path = "/api/v1/audit", tag = "audit", operation_id = "listAudit",
    params(AuditAsked), responses((status = 200, body = PageOf<AuditShape>)))]
pub(super) async fn list(
    State(app): State<Arc<App>>,
    Asked(asked): Asked<AuditAsked>,
    pages: Pages,
) -> Answer<Json<PageOf<AuditShape>>> {
    let page = pages.wanted(asked.limit, asked.cursor.as_deref())?;
    let order = order(asked.order.as_deref())?;
    let behind = match page.after {
        None => None,
        Some(bytes) => {
            let bytes = bytes.try_into().map_err(|_| no_cursor())?;
            Some(u64::from_be_bytes(bytes))
        }
    };
    let filter = filter(&asked)?;
    apart(&app, move |app| {
        let found = audit::page(app, &filter, (order, behind), page.limit)?;
        let rows = found.rows.iter().map(shape).collect();
        let next = found.next.map(|number| number.to_be_bytes().to_vec());
        Ok(Json(pages.page(rows, next)))
    })
    .await
}

/// Which entries go into a file.
#[derive(Debug, Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub(super) struct AuditFileAsked {
    /// Only acts of this name, or of this family: `contact` or `contact.change`.
    act: Option<String>,
    /// Only of this user.
    user: Option<String>,
    /// Only about what has this id.
    subject: Option<String>,
    /// At this time or later (RFC 3339).
    from: Option<String>,
}

/// Who did what as a file, newest first, at most 100,000 entries.
#[utoipa::path(get, path = "/api/v1/audit/export", tag = "audit", operation_id = "exportAudit",
    params(AuditFileAsked),
    responses((status = 200, body = Vec<u8>, content_type = "text/csv")))]
pub(super) async fn export(
    State(app): State<Arc<App>>,
    Asked(asked): Asked<AuditFileAsked>,
) -> Answer<Response> {
    let of = AuditAsked {
        act: asked.act,
        user: asked.user,
        subject: asked.subject,
        from: asked.from,
        order: None,
        limit: None,
        cursor: None,
    };
    Ok(audit_file(&app, filter(&of)?).await?)
}

/// How the record stands.
#[derive(Debug, Serialize, ToSchema)]
pub(super) struct AuditStandingShape {
    /// Number of the last entry; 0 when there is none.
    number: u64,
    /// Hash of the last entry (SHA-256, in hexadecimal): keep it elsewhere, and nothing before it
    /// can be changed unseen.
    hash: String,
    /// Whether the last 1000 entries lead up to it. `tocsin verify` looks at all of them.
    whole: bool,
    /// Fingerprint of the key that signs bundles of evidence.
    key: String,
}

/// How the record of who did what stands.
#[utoipa::path(get, path = "/api/v1/audit/standing", tag = "audit",
    operation_id = "getAuditStanding", responses((status = 200, body = AuditStandingShape)))]
pub(super) async fn standing(State(app): State<Arc<App>>) -> Answer<Json<AuditStandingShape>> {
    apart(&app, |app| {
        let (head, whole) = audit::standing(app)?;
        Ok(Json(AuditStandingShape {
            number: head.number,
            hash: HEXLOWER.encode(&head.hash),
            whole,
            key: app.console.evidence.public().fingerprint(),
        }))
    })
    .await
}

fn filter(asked: &AuditAsked) -> Answer<Wanted> {
    let id = |field: &str, text: &Option<String>| match text {
        None => Ok(None),
        Some(text) => match id_of(text) {
            Some(id) => Ok(Some(id)),
            None => Err(Problem::field(field, "This is no id.")),
        },
    };
    let from = match asked.from.as_deref() {
        None => None,
        Some(text) => {
            let detail = "Give a time as RFC 3339 writes it, like 2026-05-01T00:00:00Z.";
            Some(read_time(text).ok_or_else(|| Problem::field("from", detail))?)
        }
    };
    Ok(Wanted {
        act: asked.act.clone(),
        user: id("user", &asked.user)?.map(crate::domain::UserId::from_bytes),
        subject: id("subject", &asked.subject)?,
        from,
    })
}

fn shape(row: &Numbered) -> AuditShape {
    let entry = &row.entry;
    let subject = |one: &crate::domain::Subject| SubjectShape {
        kind: one.kind.as_str().to_owned(),
        id: HEXLOWER.encode(&one.id),
    };
    AuditShape {
        number: row.number,
        at: time(entry.at),
        actor: entry.actor.to_string(),
        act: entry.act.clone(),
        subjects: entry.subjects.iter().map(subject).collect(),
        more: entry.more,
        detail: entry.detail.clone(),
        digest: entry.digest.map(|hash| HEXLOWER.encode(&hash)),
        network: entry.network.clone(),
    }
}
