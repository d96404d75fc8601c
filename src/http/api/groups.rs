//! Groups of contacts and who is in them. Their members are listed among the contacts
//! (`/api/v1/contacts?group=`).

use std::collections::HashSet;
use std::sync::Arc;

use axum::extract::State;
use axum::http::StatusCode;
use axum::response::Response;
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use super::super::App;
use super::super::data::Areas;
use super::super::gather;
use super::auth::Caller;
use super::body::{Ids, Json, id};
use super::contacts::{FilterAsked, contact};
use super::problem::Problem;
use super::recipients::GatheredShape;
use super::shape::{Made, time};
use super::{Answer, apart, created};
use crate::domain::group::GROUPS_MAX;
use crate::domain::{Access, Actor, ContactId, GatherInto, Group, GroupId};
use crate::store::Loaded;

/// A group.
#[derive(Debug, Serialize, ToSchema)]
pub(super) struct GroupShape {
    id: String,
    name: String,
    /// People in it; null for whoever does not see everybody.
    people: Option<u64>,
    /// More are being put into it just now.
    gathering: bool,
    created_at: String,
}

impl GroupShape {
    fn of(app: &App, access: &Access, gathering: &HashSet<GroupId>, group: &Group) -> Answer<Self> {
        let people = match access.sees_everybody() {
            true => Some(app.repo().group_count(group.id)?),
            false => None,
        };
        Ok(Self {
            id: group.id.to_string(),
            name: group.name.clone(),
            people,
            gathering: gathering.contains(&group.id),
            created_at: time(group.created_at),
        })
    }
}

fn group(app: &App, text: &str) -> Answer<Loaded<Group>> {
    let of: GroupId = id(text, "group")?;
    let found = app.repo().group(of)?;
    found.ok_or_else(|| Problem::not_found("group"))
}

/// All groups, by name.
#[utoipa::path(get, path = "/api/v1/groups", tag = "groups", operation_id = "listGroups",
    responses((status = 200, body = Vec<GroupShape>)))]
pub(super) async fn list(
    State(app): State<Arc<App>>,
    caller: Caller,
) -> Answer<axum::Json<Vec<GroupShape>>> {
    apart(&app, move |app| {
        let gathering = gather::groups_under_way(app)?;
        let mut all = app.repo().groups(GROUPS_MAX)?;
        all.sort_by_cached_key(|one| one.name.to_lowercase());
        let shapes = all
            .iter()
            .map(|one| GroupShape::of(app, &caller.access, &gathering, one));
        Ok(axum::Json(shapes.collect::<Answer<_>>()?))
    })
    .await
}

/// What a group, filter or campaign is called.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct NameAsked {
    pub(super) name: String,
}

/// Makes a group.
#[utoipa::path(post, path = "/api/v1/groups", tag = "groups", operation_id = "createGroup",
    request_body = NameAsked, responses((status = 201, body = Made)))]
pub(super) async fn create(
    State(app): State<Arc<App>>,
    Json(asked): Json<NameAsked>,
) -> Answer<Response> {
    let made = app.console.tracker.add_group(&asked.name).await?;
    Ok(created(made, "/api/v1/groups"))
}

/// One group.
#[utoipa::path(get, path = "/api/v1/groups/{id}", tag = "groups", operation_id = "getGroup",
    params(("id" = String, Path)), responses((status = 200, body = GroupShape)))]
pub(super) async fn get(
    State(app): State<Arc<App>>,
    caller: Caller,
    Ids(text): Ids<String>,
) -> Answer<axum::Json<GroupShape>> {
    let found = group(&app, &text)?;
    let gathering = gather::groups_under_way(&app)?;
    Ok(axum::Json(GroupShape::of(
        &app,
        &caller.access,
        &gathering,
        &found,
    )?))
}

/// Gives a group another name.
#[utoipa::path(put, path = "/api/v1/groups/{id}", tag = "groups", operation_id = "renameGroup",
    params(("id" = String, Path)), request_body = NameAsked, responses((status = 204)))]
pub(super) async fn rename(
    State(app): State<Arc<App>>,
    Ids(text): Ids<String>,
    Json(asked): Json<NameAsked>,
) -> Answer<StatusCode> {
    let of = group(&app, &text)?.id;
    app.console.tracker.rename_group(of, &asked.name).await?;
    Ok(StatusCode::NO_CONTENT)
}

/// Takes a group away; its people stay. What is scheduled and leaves it out is a draft again.
#[utoipa::path(delete, path = "/api/v1/groups/{id}", tag = "groups",
    operation_id = "deleteGroup", params(("id" = String, Path)), responses((status = 204)))]
pub(super) async fn delete(
    State(app): State<Arc<App>>,
    caller: Caller,
    Ids(text): Ids<String>,
) -> Answer<StatusCode> {
    let of = group(&app, &text)?.id;
    let by = Actor::Program(caller.user.id);
    app.console.submit.delete_group(of, by).await?;
    Ok(StatusCode::NO_CONTENT)
}

/// Puts one contact into a group; nothing happens when it is there.
#[utoipa::path(put, path = "/api/v1/groups/{id}/members/{contact}", tag = "groups",
    operation_id = "addMember", params(("id" = String, Path), ("contact" = String, Path)),
    responses((status = 204)))]
pub(super) async fn add(
    State(app): State<Arc<App>>,
    caller: Caller,
    Ids((text, who)): Ids<(String, String)>,
) -> Answer<StatusCode> {
    let who = contact(&app, &who)?.id;
    member(&app, &caller, &text, who, true).await
}

/// Takes one contact out of a group.
#[utoipa::path(delete, path = "/api/v1/groups/{id}/members/{contact}", tag = "groups",
    operation_id = "removeMember", params(("id" = String, Path), ("contact" = String, Path)),
    responses((status = 204)))]
pub(super) async fn remove(
    State(app): State<Arc<App>>,
    caller: Caller,
    Ids((text, who)): Ids<(String, String)>,
) -> Answer<StatusCode> {
    let who = contact(&app, &who)?.id;
    member(&app, &caller, &text, who, false).await
}

async fn member(
    app: &App,
    caller: &Caller,
    text: &str,
    who: ContactId,
    inside: bool,
) -> Answer<StatusCode> {
    let of = group(app, text)?.id;
    let by = Actor::Program(caller.user.id);
    let tracker = &app.console.tracker;
    tracker.change_members(of, &[who], inside, by).await?;
    Ok(StatusCode::NO_CONTENT)
}

/// Puts everybody whom a filter finds into a group.
#[utoipa::path(post, path = "/api/v1/groups/{id}/add-all", tag = "groups",
    operation_id = "addAllMembers", params(("id" = String, Path)), request_body = FilterAsked,
    responses((status = 200, body = GatheredShape)))]
pub(super) async fn add_all(
    State(app): State<Arc<App>>,
    caller: Caller,
    Ids(text): Ids<String>,
    Json(asked): Json<FilterAsked>,
) -> Answer<axum::Json<GatheredShape>> {
    let of = group(&app, &text)?.id;
    let filter = apart(&app, move |app| asked.read(&Areas::read(app.repo())?)).await?;
    let into = GatherInto::Group(of);
    let gathered = gather::gather(&app, caller.user.id, into, filter).await?;
    Ok(axum::Json(GatheredShape::of(gathered)?))
}
