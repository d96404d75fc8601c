//! What is kept and for how long, what may go, and erasing a person.

use std::collections::BTreeSet;
use std::sync::Arc;

use axum::extract::State;
use axum::http::StatusCode;
use serde::Serialize;
use utoipa::ToSchema;

use super::super::App;
use super::super::pages::retention::{erase_whole, horizon, start};
use super::Answer;
use super::auth::Caller;
use super::body::Ids;
use super::contacts::contact;
use super::problem::Problem;
use super::shape::time;
use crate::domain::retention::{Due, Kept};
use crate::tracker::{Counts, Erased, Owing, Scope};

/// The rules, what they let go of, and how far the last run has come.
#[derive(Debug, Serialize, ToSchema)]
pub(super) struct RetentionShape {
    correspondence_years: u16,
    /// None when it is kept for ever.
    everything_else_years: Option<u16>,
    /// Whether what is due is deleted by itself, once a day.
    automatic: bool,
    /// May go now; at most 200.
    due: Vec<OwingShape>,
    /// How many there are.
    due_count: u64,
    /// May go within 90 days; at most 200.
    soon: Vec<OwingShape>,
    /// How many there are.
    soon_count: u64,
    /// Kept by a legal hold; at most 200.
    held: Vec<OwingShape>,
    /// How many there are.
    held_count: u64,
    /// Whether a run is under way.
    running: bool,
    /// What this run, or the last one, has dealt with.
    done: u64,
}

/// Something that may go, or is held.
#[derive(Debug, Serialize, ToSchema)]
pub(super) struct OwingShape {
    /// case, contact (what belongs to no case) or communication.
    kind: &'static str,
    id: String,
    /// When the last of it happened.
    last: String,
    /// From when on it may go; none while a hold stands.
    from: Option<String>,
}

impl OwingShape {
    fn of(owing: &Owing) -> Self {
        let (kind, id) = match owing.scope {
            Scope::Case(id) => ("case", id.to_string()),
            Scope::Contact(id) => ("contact", id.to_string()),
            Scope::Communication(id) => ("communication", id.to_string()),
        };
        Self {
            kind,
            id,
            last: time(owing.at),
            from: match owing.due {
                Due::From(at) => Some(time(at)),
                Due::Never(_) => None,
            },
        }
    }
}

/// What is kept and for how long, and what may go now or within 90 days.
#[utoipa::path(get, path = "/api/v1/retention", tag = "retention",
    operation_id = "getRetention", responses((status = 200, body = RetentionShape)))]
pub(super) async fn get(State(app): State<Arc<App>>) -> Answer<axum::Json<RetentionShape>> {
    super::apart(&app, |app| {
        let tracker = &app.console.tracker;
        let rules = tracker.retention_rules();
        let list = tracker.owing(horizon(app.now()), &BTreeSet::new())?;
        let progress = tracker.retention_progress();
        let shapes = |rows: &[Owing]| rows.iter().map(OwingShape::of).collect();
        let [due_count, soon_count, held_count] = list.counts;
        Ok(axum::Json(RetentionShape {
            correspondence_years: rules.correspondence_years,
            everything_else_years: rules.everything_else_years,
            automatic: rules.automatic,
            due: shapes(&list.due),
            due_count,
            soon: shapes(&list.soon),
            soon_count,
            held: shapes(&list.held),
            held_count,
            running: progress.is_running,
            done: progress.done,
        }))
    })
    .await
}

/// Deletes what is due, behind the answer; `GET /api/v1/retention` says how far it has come.
#[utoipa::path(post, path = "/api/v1/retention/delete", tag = "retention",
    operation_id = "deleteDue", responses((status = 202)))]
pub(super) async fn delete(State(app): State<Arc<App>>) -> Answer<StatusCode> {
    start(&app);
    Ok(StatusCode::ACCEPTED)
}

/// What went, or was changed.
#[derive(Debug, Serialize, ToSchema)]
pub(super) struct ErasedShape {
    entries: u32,
    communications: u32,
    people: u32,
    deliveries: u32,
    messages: u32,
    cases: u32,
    log_lines: u32,
    inbound: u32,
}

impl From<Counts> for ErasedShape {
    fn from(counts: Counts) -> Self {
        Self {
            entries: counts.entries,
            communications: counts.communications,
            people: counts.people,
            deliveries: counts.deliveries,
            messages: counts.messages,
            cases: counts.cases,
            log_lines: counts.log_lines,
            inbound: counts.inbound,
        }
    }
}

/// Erases a person: all that says who they are goes, what was sent stays counted. Refused (409)
/// for clients and creditors while the law asks for what is kept of them. Both are recorded.
#[utoipa::path(post, path = "/api/v1/contacts/{id}/erase", tag = "retention",
    operation_id = "eraseContact", params(("id" = String, Path)),
    responses((status = 200, body = ErasedShape)))]
pub(super) async fn erase(
    State(app): State<Arc<App>>,
    caller: Caller,
    Ids(text): Ids<String>,
) -> Answer<axum::Json<ErasedShape>> {
    let id = contact(&app, &text)?.id;
    match erase_whole(&app, id, caller.user.id).await? {
        Erased::Done(counts) => Ok(axum::Json(counts.into())),
        Erased::Refused(due) => {
            let why = match due {
                Due::Never(Kept::LegalHold) => "A legal hold stands.".to_owned(),
                Due::Never(Kept::OpenCase | Kept::ForEver) => "A case is open.".to_owned(),
                Due::From(at) => format!("It can be done from {} on.", time(at)),
            };
            Err(Problem::conflict("kept", why))
        }
    }
}
