//! Making and changing contacts as a whole.

use std::sync::Arc;

use axum::extract::State;
use axum::http::StatusCode;
use axum::response::Response;
use serde::Deserialize;
use utoipa::ToSchema;

use super::super::App;
use super::auth::Caller;
use super::body::{Ids, Json, field_id};
use super::contacts::contact;
use super::draft::channel;
use super::problem::{Problem, WrongField};
use super::shape::Made;
use super::{Answer, created};
use crate::domain::checks::{self, Weight};
use crate::domain::contact::METHODS_MAX;
use crate::domain::{
    Actor, Contact, ContactKind, Details, MethodDetail, MethodId, MethodKind, Redacted,
};
use crate::tracker::Edited;

/// One way to reach a person.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct MethodAsked {
    /// Which, for one that is there; its address or number is corrected.
    id: Option<String>,
    /// email, mobile or landline.
    kind: String,
    /// The address, or the number; national ones are read in the configured region.
    to: String,
}

/// A person. Methods that are left out stay as they are: removing one is a step of its own.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct ContactAsked {
    #[serde(default)]
    first_name: String,
    #[serde(default)]
    last_name: String,
    /// citizen (when it is not given), client, creditor, staff or correspondent.
    kind: Option<String>,
    /// ISO 639-1; the installation's when it is not given.
    language: Option<String>,
    area: Option<String>,
    #[serde(default)]
    methods: Vec<MethodAsked>,
    /// The channel that is tried first: email, text or call.
    preferred: Option<String>,
}

impl ContactAsked {
    /// The details that were sent, over those of the contact as it is.
    fn read(&self, app: &App, known: Option<&Contact>) -> Answer<Details> {
        let before = known.map(Details::of);
        let details = Details {
            first_name: Redacted::new(self.first_name.trim().to_owned()),
            last_name: Redacted::new(self.last_name.trim().to_owned()),
            kind: self.kind()?,
            language: self
                .language
                .clone()
                .unwrap_or_else(|| app.console.settings.language.clone()),
            area: match self.area.as_deref() {
                None => None,
                Some(text) => Some(field_id("area", text)?),
            },
            groups: before
                .as_ref()
                .map_or_else(Vec::new, |one| one.groups.clone()),
            custom: before
                .as_ref()
                .map_or_else(Vec::new, |one| one.custom.clone()),
            methods: self.methods(app, known)?,
            quiet_hours: before.and_then(|one| one.quiet_hours),
            preferred: match self.preferred.as_deref() {
                None => None,
                Some(name) => Some(channel("preferred", name)?),
            },
        };
        let mut wrong: Vec<WrongField> = details
            .problems()
            .into_iter()
            .map(|(field, text)| WrongField::new(field, text.to_string()))
            .collect();
        let nameless = self.first_name.trim().is_empty() && self.last_name.trim().is_empty();
        if nameless && self.methods.is_empty() && known.is_none() {
            wrong.push(WrongField::new("first_name", "Give a name or a method."));
        }
        if wrong.is_empty() {
            Ok(details)
        } else {
            Err(Problem::validation(wrong))
        }
    }

    fn kind(&self) -> Answer<ContactKind> {
        let Some(name) = self.kind.as_deref() else {
            return Ok(ContactKind::Citizen);
        };
        let found = ContactKind::ALL
            .into_iter()
            .find(|one| one.as_str() == name);
        let detail = "A kind is citizen, client, creditor, staff or correspondent.";
        found.ok_or_else(|| Problem::field("kind", detail))
    }

    fn methods(&self, app: &App, known: Option<&Contact>) -> Answer<Vec<MethodDetail>> {
        if self.methods.len() > METHODS_MAX {
            let detail = format!("A contact has at most {METHODS_MAX} methods.");
            return Err(Problem::field("methods", detail));
        }
        let mut methods = Vec::with_capacity(self.methods.len());
        for (index, method) in self.methods.iter().enumerate() {
            let field = |name: &str| format!("methods[{index}].{name}");
            let id: Option<MethodId> = match method.id.as_deref() {
                None => None,
                Some(text) => Some(field_id(&field("id"), text)?),
            };
            let kinds = MethodKind::ALL.into_iter();
            let kind = kinds.into_iter().find(|one| one.as_str() == method.kind);
            let detail = "A kind is email, mobile or landline.";
            let kind = kind.ok_or_else(|| Problem::field(field("kind"), detail))?;
            if let Some(id) = id {
                let before = known.and_then(|contact| contact.method(id));
                let detail = "This contact has no such method of this kind.";
                let same = |kind| (kind == MethodKind::Email) as u8;
                before
                    .filter(|method| same(method.kind) == same(kind))
                    .ok_or_else(|| Problem::field(field("id"), detail))?;
            }
            methods.push(MethodDetail {
                id,
                kind,
                destination: destination(app, kind, &method.to, field("to"))?,
            });
        }
        Ok(methods)
    }
}

fn destination(
    app: &App,
    kind: MethodKind,
    to: &str,
    field: String,
) -> Answer<crate::domain::Destination> {
    let checked = checks::check(kind, to.trim(), &app.console.settings.default_region);
    let impossible = checked
        .remarks
        .iter()
        .find(|remark| remark.weight == Weight::Impossible);
    match (impossible, checked.destination) {
        (None, Some(destination)) => Ok(destination),
        (Some(remark), _) => Err(Problem::field(field, remark.sentence.to_string())),
        (None, None) => Err(Problem::field(field, "This cannot be read.")),
    }
}

/// Makes a contact.
#[utoipa::path(post, path = "/api/v1/contacts", tag = "contacts", operation_id = "createContact",
    request_body = ContactAsked, responses((status = 201, body = Made)))]
pub(super) async fn create(
    State(app): State<Arc<App>>,
    caller: Caller,
    Json(asked): Json<ContactAsked>,
) -> Answer<Response> {
    let details = asked.read(&app, None)?;
    let by = Actor::Program(caller.user.id);
    let tracker = &app.console.tracker;
    let (made, unproved) = tracker.create_contact(&details, by).await?;
    app.console
        .submit
        .ask_for_proof(made, &unproved, by)
        .await?;
    Ok(created(made, "/api/v1/contacts"))
}

/// Changes a contact: name, kind, language, area, preferred channel; adds methods and corrects
/// those that are named by their id. Groups, fields and quiet hours stay.
#[utoipa::path(put, path = "/api/v1/contacts/{id}", tag = "contacts",
    operation_id = "changeContact", params(("id" = String, Path)), request_body = ContactAsked,
    responses((status = 204)))]
pub(super) async fn change(
    State(app): State<Arc<App>>,
    caller: Caller,
    Ids(text): Ids<String>,
    Json(asked): Json<ContactAsked>,
) -> Answer<StatusCode> {
    let known = contact(&app, &text)?;
    let details = asked.read(&app, Some(&known))?;
    let by = Actor::Program(caller.user.id);
    let seen = |now: &Contact| *now == known.value;
    let tracker = &app.console.tracker;
    match tracker.edit_contact(known.id, seen, &details, by).await? {
        Edited::Saved { unproved } => {
            app.console
                .submit
                .ask_for_proof(known.id, &unproved, by)
                .await?;
            Ok(StatusCode::NO_CONTENT)
        }
        Edited::ChangedMeanwhile => Err(Problem::conflict(
            "changed",
            "Somebody else changed it meanwhile; try again.",
        )),
    }
}
