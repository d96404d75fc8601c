//! Cases: listed, made, changed, held, closed and opened again.

use std::sync::Arc;

use axum::extract::State;
use axum::http::StatusCode;
use axum::response::Response;
use serde::{Deserialize, Serialize};
use utoipa::{IntoParams, ToSchema};

use super::super::App;
use super::super::pages::cases::{CASES_FIND_MAX, CasesAsked, this_year};
use super::auth::Caller;
use super::body::{Ids, Json, PageOf, Pages, field_id, given_id, id, one_of};
use super::etag::IfMatch;
use super::problem::Problem;
use super::shape::{Made, time};
use super::{Answer, apart, created};
use crate::domain::{Actor, Case, CaseCreditor, CaseId, CaseStatus, Redacted};
use crate::store::{Loaded, Order};
use crate::tracker::{CaseError, CaseInput};

/// Which cases.
#[derive(Debug, Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub(super) struct CasesQuery {
    /// open, on hold or closed.
    status: Option<String>,
    /// Those of this client.
    client: Option<String>,
    /// Those with this creditor.
    creditor: Option<String>,
    /// Those that this user looks after.
    responsible: Option<String>,
    /// Those whose reference begins so.
    find: Option<String>,
    /// changed (when it is not given) or reference; what is found by `find` comes by reference.
    sort: Option<String>,
    /// asc or desc; the last changed first and references from A on when it is not given.
    order: Option<String>,
    /// Rows of the page, 1 to 500; 50 when it is not given.
    #[param(minimum = 1, maximum = 500)]
    limit: Option<usize>,
    /// `next` of the page before.
    cursor: Option<String>,
}

impl CasesQuery {
    /// What is asked for; what cannot be read is refused, not passed over.
    fn read(&self) -> Answer<CasesAsked> {
        let find = self.find.as_deref().unwrap_or_default().trim();
        let by_reference = match self.sort.as_deref() {
            None | Some("changed") => !find.is_empty(),
            Some("reference") => true,
            Some(_) => {
                let detail = "Cases are sorted by changed or reference.";
                return Err(Problem::field("sort", detail));
            }
        };
        let order = match (by_reference, self.order.as_deref()) {
            (_, None) | (true, Some("asc")) | (false, Some("desc")) => Order::Usual,
            (true, Some("desc")) | (false, Some("asc")) => Order::Turned,
            (_, Some(_)) => return Err(Problem::field("order", "An order is asc or desc.")),
        };
        let status = self.status.as_deref();
        Ok(CasesAsked {
            status: one_of("status", status, &CaseStatus::ALL, CaseStatus::as_str)?,
            client: given_id("client", self.client.as_deref())?,
            creditor: given_id("creditor", self.creditor.as_deref())?,
            responsible: given_id("responsible", self.responsible.as_deref())?,
            find: find.chars().take(CASES_FIND_MAX).collect(),
            by_reference,
            order,
            ignored: Vec::new(),
        })
    }
}

/// A creditor in a case.
#[derive(Debug, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct CreditorShape {
    contact: String,
    /// Under which reference they know the client.
    #[serde(default)]
    account: String,
}

/// A case.
#[derive(Debug, Serialize, ToSchema)]
pub(super) struct CaseShape {
    id: String,
    reference: String,
    title: String,
    client: String,
    creditors: Vec<CreditorShape>,
    /// open, on hold or closed.
    status: &'static str,
    responsible: Option<String>,
    team: Vec<String>,
    /// Only those named in it know of it.
    restricted: bool,
    legal_hold: bool,
    created_at: String,
    modified_at: String,
    closed_at: Option<String>,
}

impl CaseShape {
    fn of(case: &Case) -> Self {
        let creditor = |one: &CaseCreditor| CreditorShape {
            contact: one.contact.to_string(),
            account: one.account.reveal().clone(),
        };
        Self {
            id: case.id.to_string(),
            reference: case.reference.clone(),
            title: case.title.clone(),
            client: case.client.to_string(),
            creditors: case.creditors.iter().map(creditor).collect(),
            status: case.status.as_str(),
            responsible: case.responsible.map(|user| user.to_string()),
            team: case.team.iter().map(ToString::to_string).collect(),
            restricted: case.restricted,
            legal_hold: case.legal_hold,
            created_at: time(case.created_at),
            modified_at: time(case.modified_at),
            closed_at: case.closed_at.map(time),
        }
    }
}

/// A case as it is to be.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct CaseAsked {
    /// The next one of the pattern when a case is opened without.
    #[serde(default)]
    reference: String,
    #[serde(default)]
    title: String,
    /// Stays what it was when a case is changed.
    #[serde(default)]
    client: String,
    #[serde(default)]
    creditors: Vec<CreditorShape>,
    #[serde(default)]
    responsible: Option<String>,
    #[serde(default)]
    team: Vec<String>,
    #[serde(default)]
    restricted: bool,
}

impl CaseAsked {
    fn input(self, old: Option<&Case>) -> Answer<CaseInput> {
        let mut creditors = Vec::with_capacity(self.creditors.len());
        for one in self.creditors {
            creditors.push(CaseCreditor {
                contact: field_id("creditors", &one.contact)?,
                account: Redacted::new(one.account),
            });
        }
        let responsible = self.responsible.as_deref();
        let team = self.team.iter().map(|user| field_id("team", user));
        Ok(CaseInput {
            reference: self.reference,
            title: self.title,
            client: match old {
                Some(old) => old.client,
                None => field_id("client", &self.client)?,
            },
            creditors,
            responsible: responsible
                .map(|user| field_id("responsible", user))
                .transpose()?,
            team: team.collect::<Answer<_>>()?,
            restricted: self.restricted,
        })
    }
}

impl From<CaseError> for Problem {
    fn from(error: CaseError) -> Self {
        match error {
            CaseError::Field("seen", _) => Self::conflict("changed", "It was changed meanwhile."),
            CaseError::Field(field, why) => Self::field(field, why.to_string()),
            CaseError::Tracker(error) => error.into(),
        }
    }
}

/// A case, when whoever asks may see it.
pub(super) fn case(app: &App, caller: &Caller, text: &str) -> Answer<Loaded<Case>> {
    let of: CaseId = id(text, "case")?;
    let found = app.repo().case(of)?;
    let seen = found.filter(|case| caller.access.sees_case(case));
    seen.ok_or_else(|| Problem::not_found("case"))
}

/// Cases, last changed first or by reference, or in the other order.
#[utoipa::path(get, path = "/api/v1/cases", tag = "cases", operation_id = "listCases",
    params(CasesQuery), responses((status = 200, body = PageOf<CaseShape>)))]
pub(super) async fn list(
    State(app): State<Arc<App>>,
    caller: Caller,
    super::body::Asked(asked): super::body::Asked<CasesQuery>,
    pages: Pages,
) -> Answer<axum::Json<PageOf<CaseShape>>> {
    let page = pages.wanted(asked.limit, asked.cursor.as_deref())?;
    let asked = asked.read()?;
    apart(&app, move |app| {
        let found = asked.page(app, &caller.access, page.after, page.limit)?;
        let rows = found.rows.iter().map(CaseShape::of).collect();
        Ok(axum::Json(pages.page(rows, found.next)))
    })
    .await
}

/// Opens a case.
#[utoipa::path(post, path = "/api/v1/cases", tag = "cases", operation_id = "createCase",
    request_body = CaseAsked, responses((status = 201, body = Made)))]
pub(super) async fn create(
    State(app): State<Arc<App>>,
    caller: Caller,
    Json(asked): Json<CaseAsked>,
) -> Answer<Response> {
    let access = Arc::clone(&caller.access);
    let within = move |app: &App| Ok(app.case_within(&access, asked.input(None)?, None)?);
    let input = apart(&app, within).await?;
    let by = Actor::Program(caller.user.id);
    let tracker = &app.console.tracker;
    let made = if input.reference.is_empty() {
        let pattern = &app.console.settings.case_references;
        let next = (pattern, this_year(&app));
        tracker.add_next_case(&input, next, by).await?
    } else {
        tracker.add_case(&input, by).await?
    };
    Ok(created(made, "/api/v1/cases"))
}

/// One case.
#[utoipa::path(get, path = "/api/v1/cases/{id}", tag = "cases", operation_id = "getCase",
    params(("id" = String, Path)), responses((status = 200, body = CaseShape)))]
pub(super) async fn get(
    State(app): State<Arc<App>>,
    caller: Caller,
    Ids(text): Ids<String>,
) -> Answer<axum::Json<CaseShape>> {
    let found = apart(&app, move |app| case(app, &caller, &text)).await?;
    Ok(axum::Json(CaseShape::of(&found)))
}

/// Changes what is known of a case; with `If-Match`, of what was seen.
#[utoipa::path(put, path = "/api/v1/cases/{id}", tag = "cases", operation_id = "changeCase",
    params(("id" = String, Path)), request_body = CaseAsked, responses((status = 204)))]
pub(super) async fn change(
    State(app): State<Arc<App>>,
    caller: Caller,
    Ids(text): Ids<String>,
    seen: IfMatch,
    Json(asked): Json<CaseAsked>,
) -> Answer<StatusCode> {
    let by = Actor::Program(caller.user.id);
    let (of, seen, input) = apart(&app, move |app| {
        let old = case(app, &caller, &text)?;
        seen.check(|| Ok(CaseShape::of(&old)))?;
        let seen = seen.is_asked().then_some(old.modified_at);
        let input = asked.input(Some(&old))?;
        let input = app.case_within(&caller.access, input, Some(&old))?;
        Ok((old.id, seen, input))
    })
    .await?;
    let tracker = &app.console.tracker;
    tracker.change_case(of, seen, &input, by).await?;
    Ok(StatusCode::NO_CONTENT)
}

/// Where a case is to stand.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct StatusAsked {
    /// open, on hold or closed.
    status: String,
    #[serde(default)]
    reason: String,
}

/// Puts a case on hold, closes it, or opens it again.
#[utoipa::path(post, path = "/api/v1/cases/{id}/status", tag = "cases", operation_id = "setCaseStatus",
    params(("id" = String, Path)), request_body = StatusAsked, responses((status = 204)))]
pub(super) async fn set_status(
    State(app): State<Arc<App>>,
    caller: Caller,
    Ids(text): Ids<String>,
    Json(asked): Json<StatusAsked>,
) -> Answer<StatusCode> {
    let by = Actor::Program(caller.user.id);
    let of = apart(&app, move |app| case(app, &caller, &text)).await?.id;
    let mut all = CaseStatus::ALL.into_iter();
    let status = all.find(|one| one.as_str() == asked.status);
    let wrong = || Problem::field("status", "A status is open, on hold or closed.");
    let status = status.ok_or_else(wrong)?;
    let tracker = &app.console.tracker;
    tracker
        .set_case_status(of, status, &asked.reason, by)
        .await?;
    Ok(StatusCode::NO_CONTENT)
}

/// Whether nothing of a case may be deleted.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct HoldAsked {
    /// Set, or lifted.
    hold: bool,
    #[serde(default)]
    reason: String,
}

/// Sets a legal hold on a case or lifts it: while it stands, nothing of the case is deleted.
#[utoipa::path(post, path = "/api/v1/cases/{id}/hold", tag = "cases", operation_id = "holdCase",
    params(("id" = String, Path)), request_body = HoldAsked, responses((status = 204)))]
pub(super) async fn hold(
    State(app): State<Arc<App>>,
    caller: Caller,
    Ids(text): Ids<String>,
    Json(asked): Json<HoldAsked>,
) -> Answer<StatusCode> {
    let by = Actor::Program(caller.user.id);
    let of = apart(&app, move |app| case(app, &caller, &text)).await?.id;
    let tracker = &app.console.tracker;
    tracker
        .set_legal_hold(of, asked.hold, &asked.reason, by)
        .await?;
    Ok(StatusCode::NO_CONTENT)
}
