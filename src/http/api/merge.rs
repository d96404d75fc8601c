//! Contacts that may be the same person: the list of all, and making two into one.

use std::sync::Arc;

use axum::extract::State;
use axum::http::StatusCode;
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use super::super::App;
use super::super::data::duplicates;
use super::Answer;
use super::auth::Caller;
use super::body::{Ids, Json, field_id};
use super::contacts::contact;
use super::problem::Problem;
use super::shape::time;
use crate::domain::contact::{CONTACT_GROUPS_MAX, METHODS_MAX};
use crate::domain::merger::{MERGED_MAX, MergeProblem};
use crate::domain::{Contact, ContactId};
use crate::tracker::Merged;

/// One of two who may be the same.
#[derive(Debug, Serialize, ToSchema)]
pub(super) struct AlikeShape {
    id: String,
    name: String,
}

impl AlikeShape {
    fn of(contact: &Contact) -> Self {
        Self {
            id: contact.id.to_string(),
            name: contact.full_name(),
        }
    }
}

/// Two contacts that may be the same person.
#[derive(Debug, Serialize, ToSchema)]
pub(super) struct PairShape {
    one: AlikeShape,
    other: AlikeShape,
    /// Name of the first one's area; empty for none.
    area_name: String,
    /// address (they have the same address or number) or name (and the same area).
    alike: &'static str,
}

/// Pairs, those with the same address first.
#[derive(Debug, Serialize, ToSchema)]
pub(super) struct PairsShape {
    /// At most 200.
    items: Vec<PairShape>,
    /// Whether there are more than these.
    more: bool,
    /// When they were looked for, if something has been written since: what has become alike
    /// since then comes once they have been looked for again, which this request has begun.
    #[serde(skip_serializing_if = "Option::is_none")]
    as_of: Option<String>,
}

/// Contacts that may be the same person: merge them, or leave them.
#[utoipa::path(get, path = "/api/v1/contacts/duplicates", tag = "contacts",
    operation_id = "listDuplicates", responses((status = 200, body = PairsShape)))]
pub(super) async fn duplicates(State(app): State<Arc<App>>) -> Answer<axum::Json<PairsShape>> {
    let listed = duplicates::list(&app).await?;
    let items = listed.twins.iter().map(|twins| PairShape {
        area_name: twins.area.clone(),
        one: AlikeShape::of(&twins.one),
        other: AlikeShape::of(&twins.other),
        alike: if twins.by_address { "address" } else { "name" },
    });
    Ok(axum::Json(PairsShape {
        items: items.collect(),
        more: listed.more,
        as_of: listed.as_of.map(time),
    }))
}

/// Who is taken over.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct MergeAsked {
    /// Id of the contact that is no more afterwards.
    other: String,
}

/// Lets this contact take another one over: methods, groups, decisions, places on recipient
/// lists. Where both say something this one is right, but a no to messages outlives a yes. From
/// then on this contact and its log can be read by the other one's id, too; nothing is changed by
/// it: that is answered as not found.
#[utoipa::path(post, path = "/api/v1/contacts/{id}/merge", tag = "contacts",
    operation_id = "mergeContacts", params(("id" = String, Path)), request_body = MergeAsked,
    responses((status = 204)))]
pub(super) async fn merge(
    State(app): State<Arc<App>>,
    caller: Caller,
    Ids(text): Ids<String>,
    Json(asked): Json<MergeAsked>,
) -> Answer<StatusCode> {
    let keep = contact(&app, &text)?.id;
    let other: ContactId = field_id("other", &asked.other)?;
    if app.repo().contact(other)?.is_none() {
        return Err(Problem::field("other", "There is no such contact."));
    }
    let by = caller.user.id;
    match app.console.tracker.merge_contacts(keep, other, by).await? {
        Merged::Done => {
            tracing::info!(contact = %keep, other = %other, user = %by, "contacts merged");
            Ok(StatusCode::NO_CONTENT)
        }
        Merged::Impossible(problem) => Err(impossible(problem)),
        Merged::TooMany => Err(Problem::conflict(
            "not-merged",
            format!("A contact takes over at most {MERGED_MAX} others."),
        )),
    }
}

fn impossible(problem: MergeProblem) -> Problem {
    match problem {
        MergeProblem::Same => Problem::field("other", "This is the same contact."),
        MergeProblem::Methods => Problem::conflict(
            "not-merged",
            format!("Together they have more than {METHODS_MAX} methods; remove some first."),
        ),
        MergeProblem::Groups => Problem::conflict(
            "not-merged",
            format!(
                "Together they belong to more than {CONTACT_GROUPS_MAX} groups; leave some first."
            ),
        ),
    }
}
