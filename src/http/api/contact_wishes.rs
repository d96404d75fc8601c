//! What people want: what they said yes and no to, and by which methods they hear nothing.

use std::sync::Arc;

use axum::extract::State;
use axum::http::StatusCode;
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use super::super::App;
use super::Answer;
use super::auth::Caller;
use super::body::{Ids, Json};
use super::contacts::{MethodOf, contact};
use super::draft::channel;
use super::problem::Problem;
use super::shape::time;
use crate::domain::template::TemplateCategory;
use crate::domain::wishes::PROOF_NOTE_SIZE_MAX;
use crate::domain::{Actor, Channel, Consent, ProofKind, Redacted};

/// One decision of a person. The most exact one counts: channel and category, then category,
/// then channel, then all.
#[derive(Debug, Serialize, ToSchema)]
pub(super) struct ConsentShape {
    /// email, text or call; null for all.
    channel: Option<&'static str>,
    /// Name of the category; null for all.
    category: Option<String>,
    given: bool,
    at: String,
    /// How it came: operator, program, person (logged in), link, one-click, keyword or import.
    proof: &'static str,
    /// The user who wrote it down, or the import that brought it.
    by: Option<String>,
    /// What proves it, in a few words.
    note: String,
}

impl ConsentShape {
    pub(super) fn of(consent: &Consent) -> Self {
        let (proof, by) = match consent.proof {
            ProofKind::Operator(user) => ("operator", Some(user.to_string())),
            ProofKind::Program(user) => ("program", Some(user.to_string())),
            ProofKind::Import(import) => ("import", Some(import.to_string())),
            ProofKind::SelfService => ("person", None),
            ProofKind::Link => ("link", None),
            ProofKind::OneClick => ("one-click", None),
            ProofKind::Keyword => ("keyword", None),
        };
        Self {
            channel: consent.channel.map(Channel::as_str),
            category: consent.category.clone(),
            given: consent.given,
            at: time(consent.at),
            proof,
            by,
            note: consent.note.reveal().clone(),
        }
    }
}

/// A decision that a person made.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct ConsentAsked {
    /// email, text or call; all when it is not given.
    channel: Option<String>,
    /// Name of the category; all when it is not given.
    category: Option<String>,
    /// Yes or no.
    given: bool,
    /// What proves it, in a few words: where the form lies, which message it answered.
    #[serde(default)]
    note: String,
}

impl ConsentAsked {
    fn read(self, app: &App, caller: &Caller) -> Answer<Consent> {
        let by = self.channel.as_deref();
        let known = app.console.submit.categories();
        if let Some(name) = &self.category
            && !known.iter().any(|one| one.name == *name)
        {
            return Err(Problem::field("category", "There is no such category."));
        }
        let note = self.note.trim().replace(char::is_control, " ");
        if note.len() > PROOF_NOTE_SIZE_MAX {
            let detail = format!("A note has at most {PROOF_NOTE_SIZE_MAX} octets.");
            return Err(Problem::field("note", detail));
        }
        Ok(Consent {
            channel: by.map(|name| channel("channel", name)).transpose()?,
            category: self.category,
            given: self.given,
            at: app.now(),
            proof: ProofKind::Program(caller.user.id),
            note: Redacted::new(note),
        })
    }
}

/// Writes down a decision of the person about a channel and category, over an earlier one.
#[utoipa::path(put, path = "/api/v1/contacts/{id}/consents", tag = "contacts",
    operation_id = "decideConsent", params(("id" = String, Path)), request_body = ConsentAsked,
    responses((status = 204)))]
pub(super) async fn decide(
    State(app): State<Arc<App>>,
    caller: Caller,
    Ids(text): Ids<String>,
    Json(asked): Json<ConsentAsked>,
) -> Answer<StatusCode> {
    let of = contact(&app, &text)?.id;
    let consent = asked.read(&app, &caller)?;
    let by = Actor::Program(caller.user.id);
    let tracker = &app.console.tracker;
    tracker.decide_consent(of, &consent, by).await?;
    Ok(StatusCode::NO_CONTENT)
}

/// Writes down that the person wants no messages by a method. A method that failed counts as
/// opted out from then on: there is nothing to solve any more.
#[utoipa::path(post, path = "/api/v1/contacts/{id}/methods/{method}/opt-out", tag = "contacts",
    operation_id = "optOutMethod", params(("id" = String, Path), ("method" = String, Path)),
    responses((status = 204)))]
pub(super) async fn opt_out(
    State(app): State<Arc<App>>,
    caller: Caller,
    MethodOf(of, method): MethodOf,
) -> Answer<StatusCode> {
    let by = Actor::Program(caller.user.id);
    app.console.tracker.opt_out_method(of, method, by).await?;
    Ok(StatusCode::NO_CONTENT)
}

/// What letters an address is kept for.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct PurposesAsked {
    /// Any of dsar, section-78, loc, settlement and general; empty for all letters.
    #[schema(max_items = 5)]
    purposes: Vec<String>,
}

/// Writes down what letters an address is kept for. A letter from a template of another kind is
/// pointed out before it is sent there.
#[utoipa::path(put, path = "/api/v1/contacts/{id}/methods/{method}/purposes", tag = "contacts",
    operation_id = "setPurposes", params(("id" = String, Path), ("method" = String, Path)),
    request_body = PurposesAsked, responses((status = 204)))]
pub(super) async fn purposes(
    State(app): State<Arc<App>>,
    caller: Caller,
    MethodOf(of, method): MethodOf,
    Json(asked): Json<PurposesAsked>,
) -> Answer<StatusCode> {
    let known = |name: &String| TemplateCategory::ALL.iter().any(|one| one.as_str() == name);
    if !asked.purposes.iter().all(known) {
        let told = "Choose among dsar, section-78, loc, settlement and general.";
        return Err(Problem::field("purposes", told));
    }
    let wanted = |one: &TemplateCategory| asked.purposes.iter().any(|name| name == one.as_str());
    let purposes: Vec<_> = TemplateCategory::ALL.into_iter().filter(wanted).collect();
    let by = Actor::Program(caller.user.id);
    let tracker = &app.console.tracker;
    tracker.set_purposes(of, method, &purposes, by).await?;
    Ok(StatusCode::NO_CONTENT)
}

/// Writes down that the person wants messages by a method again.
#[utoipa::path(post, path = "/api/v1/contacts/{id}/methods/{method}/opt-in", tag = "contacts",
    operation_id = "optInMethod", params(("id" = String, Path), ("method" = String, Path)),
    responses((status = 204)))]
pub(super) async fn opt_in(
    State(app): State<Arc<App>>,
    caller: Caller,
    MethodOf(of, method): MethodOf,
) -> Answer<StatusCode> {
    let by = Actor::Program(caller.user.id);
    app.console.tracker.opt_in_method(of, method, by).await?;
    Ok(StatusCode::NO_CONTENT)
}
