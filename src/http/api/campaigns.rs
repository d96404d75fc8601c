//! Campaigns and their communications.

use std::sync::Arc;

use axum::extract::State;
use axum::http::StatusCode;
use axum::response::Response;
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use super::super::App;
use super::super::data;
use super::auth::Caller;
use super::body::{Asked, Ids, Json, OrderedAsked, PageOf, Pages, id};
use super::communication_shape::CommunicationShape;
use super::problem::Problem;
use super::shape::{Made, time};
use super::{Answer, apart, created};
use crate::domain::campaign::CAMPAIGNS_MAX;
use crate::domain::{Campaign, CampaignId, Communication};
use crate::store::{CommunicationList, Loaded};

/// Communications that belong together.
#[derive(Debug, Serialize, ToSchema)]
pub(super) struct CampaignShape {
    id: String,
    name: String,
    /// The user who made it.
    by: String,
    created_at: String,
    modified_at: String,
}

impl CampaignShape {
    fn of(campaign: &Campaign) -> Self {
        Self {
            id: campaign.id.to_string(),
            name: campaign.name.clone(),
            by: campaign.by.to_string(),
            created_at: time(campaign.created_at),
            modified_at: time(campaign.modified_at),
        }
    }
}

/// All campaigns, last modified first.
#[utoipa::path(get, path = "/api/v1/campaigns", tag = "campaigns", operation_id = "listCampaigns",
    responses((status = 200, body = Vec<CampaignShape>)))]
pub(super) async fn list(State(app): State<Arc<App>>) -> Answer<axum::Json<Vec<CampaignShape>>> {
    apart(&app, |app| {
        let mut all = app.repo().campaigns(CAMPAIGNS_MAX)?;
        all.sort_by_key(|one| std::cmp::Reverse(one.modified_at));
        let shape = |one: &Loaded<Campaign>| CampaignShape::of(one);
        Ok(axum::Json(all.iter().map(shape).collect()))
    })
    .await
}

/// A new campaign.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct CampaignAsked {
    name: String,
}

/// Makes a campaign.
#[utoipa::path(post, path = "/api/v1/campaigns", tag = "campaigns",
    operation_id = "createCampaign", request_body = CampaignAsked,
    responses((status = 201, body = Made)))]
pub(super) async fn create(
    State(app): State<Arc<App>>,
    caller: Caller,
    Json(asked): Json<CampaignAsked>,
) -> Answer<Response> {
    let submit = &app.console.submit;
    let made = submit.make_campaign(&asked.name, caller.user.id).await?;
    Ok(created(made, "/api/v1/campaigns"))
}

/// Communications of a campaign, last modified first or in the other order.
#[utoipa::path(get, path = "/api/v1/campaigns/{id}/communications", tag = "campaigns",
    operation_id = "listCampaignCommunications", params(("id" = String, Path), OrderedAsked),
    responses((status = 200, body = PageOf<CommunicationShape>)))]
pub(super) async fn communications(
    State(app): State<Arc<App>>,
    caller: Caller,
    Ids(text): Ids<String>,
    Asked(asked): Asked<OrderedAsked>,
    pages: Pages,
) -> Answer<axum::Json<PageOf<CommunicationShape>>> {
    let (page, order) = asked.wanted(&pages)?;
    apart(&app, move |app| {
        let of: CampaignId = id(&text, "campaign")?;
        if app.repo().campaign(of)?.is_none() {
            return Err(Problem::not_found("campaign"));
        }
        let list = (CommunicationList::Campaign(of), order);
        let found = data::communications(app, &caller.access, list, page.after, page.limit)?;
        let shape = |one: &Communication| CommunicationShape::of(app, &caller.access, one);
        let rows = found.rows.iter().map(shape).collect::<Answer<_>>()?;
        Ok(axum::Json(pages.page(rows, found.next)))
    })
    .await
}

fn campaign(app: &App, text: &str) -> Answer<Loaded<Campaign>> {
    let of: CampaignId = id(text, "campaign")?;
    let found = app.repo().campaign(of)?;
    found.ok_or_else(|| Problem::not_found("campaign"))
}

/// One campaign.
#[utoipa::path(get, path = "/api/v1/campaigns/{id}", tag = "campaigns",
    operation_id = "getCampaign", params(("id" = String, Path)),
    responses((status = 200, body = CampaignShape)))]
pub(super) async fn get(
    State(app): State<Arc<App>>,
    Ids(text): Ids<String>,
) -> Answer<axum::Json<CampaignShape>> {
    Ok(axum::Json(CampaignShape::of(&campaign(&app, &text)?.value)))
}

/// Gives a campaign another name.
#[utoipa::path(put, path = "/api/v1/campaigns/{id}", tag = "campaigns",
    operation_id = "renameCampaign", params(("id" = String, Path)), request_body = CampaignAsked,
    responses((status = 204)))]
pub(super) async fn rename(
    State(app): State<Arc<App>>,
    Ids(text): Ids<String>,
    Json(asked): Json<CampaignAsked>,
) -> Answer<StatusCode> {
    let of = campaign(&app, &text)?.id;
    let submit = &app.console.submit;
    submit.rename_campaign(of, &asked.name).await?;
    Ok(StatusCode::NO_CONTENT)
}
