//! Cases: listed, looked at, made, changed, closed and opened again.

mod asked;
mod edit;
mod log;

use std::sync::Arc;

use askama::Template;
use axum::extract::{Path, State};
use axum::http::Uri;

use super::super::App;
use super::super::cursor::Cursors;
use super::super::data::{PAGE_ROWS, Result};
use super::super::entries::access_of;
use super::super::fault::Fault;
use super::super::fields::Fields;
use super::super::session::{Signed, SignedForm};
use super::super::times::When;
use super::super::view::{Badge, Chrome};
use super::compose::see;
use super::correspondence::{List, list, status_of};
use super::sorting::SortHead;
use super::{Answer, apart, id, show, show_as};
use crate::domain::{
    Access, Actor, Case, CaseId, CaseStatus, Contact, ContactId, Permission, UserId,
};
use crate::store::{CaseList, EntryList, Loaded, Order};

pub(crate) use asked::{CASES_FIND_MAX, CasesAsked};
pub(crate) use edit::this_year;
pub(super) use edit::{change, edit, make, new};
pub(super) use log::page as log;

/// Users offered as responsible.
const USERS_OFFERED_MAX: usize = 500;
/// Cases looked at for one page.
const LOOKED_AT_MAX: usize = 2_000;

/// A case, when it is theirs to see.
pub(super) fn case_for(app: &App, access: &Access, id: CaseId) -> Result<Loaded<Case>> {
    let case = app.repo().case(id)?;
    case.filter(|case| access.sees_case(case))
        .ok_or(Fault::NotFound)
}

fn name_of(app: &App, c: &Chrome, id: ContactId) -> Result<String> {
    let contact = app.repo().current_contact(id)?;
    let gone = || c.t("person.gone").to_owned();
    Ok(contact.as_deref().map_or_else(gone, Contact::full_name))
}

fn user_name(app: &App, id: UserId) -> Result<String> {
    let user = app.repo().user(id)?;
    Ok(user.map_or_else(|| id.to_string(), |user| user.name.clone()))
}

fn badge(c: &Chrome, status: CaseStatus) -> Badge {
    let (tone, icon) = match status {
        CaseStatus::Open => ("good", "file"),
        CaseStatus::OnHold => ("open", "clock"),
        CaseStatus::Closed => ("", "check"),
    };
    Badge {
        tone,
        icon,
        text: c.words.label(status.as_str()),
    }
}

struct Row {
    id: CaseId,
    reference: String,
    title: String,
    client: String,
    client_id: ContactId,
    creditors: usize,
    responsible: String,
    badge: Badge,
    restricted: bool,
    changed: When,
}

struct Choice {
    value: String,
    label: String,
    chosen: bool,
}

#[derive(Template)]
#[template(path = "cases.html")]
struct ListPage {
    c: Chrome,
    rows: Vec<Row>,
    statuses: Vec<Choice>,
    users: Vec<Choice>,
    client: String,
    creditor: String,
    find: String,
    /// Filters of the address that were left out.
    ignored: String,
    by_reference: bool,
    reference_head: SortHead,
    change_head: SortHead,
    first: String,
    next: String,
}

/// `GET /cases`
pub(super) async fn page(State(app): State<Arc<App>>, signed: Signed, uri: Uri) -> Answer {
    apart(move || {
        let c = Chrome::of(&app, &signed, signed.words.t("cases.title"), "cases")?;
        let query = Fields::of_query(&uri);
        let access = access_of(&signed);
        let asked = CasesAsked::of(&query);
        let cursors = Cursors::of(&app, signed.user.id, "/cases");
        let after = cursors.place(query.get("after"));
        let page = asked.page(&app, &access, after, PAGE_ROWS)?;
        let mut rows = Vec::with_capacity(page.rows.len());
        for case in &page.rows {
            rows.push(Row {
                id: case.id,
                reference: case.reference.clone(),
                title: case.title.clone(),
                client: name_of(&app, &c, case.client)?,
                client_id: case.client,
                creditors: case.creditors.len(),
                responsible: match case.responsible {
                    Some(user) => user_name(&app, user)?,
                    None => String::new(),
                },
                badge: badge(&c, case.status),
                restricted: case.restricted,
                changed: c.when(&case.modified_at),
            });
        }
        let here = asked.query(&query);
        let next = page
            .next
            .map(|key| format!("/cases?{here}&after={}", cursors.text(&key)));
        let status = |status: &CaseStatus| Choice {
            value: status.as_str().to_owned(),
            label: c.words.label(status.as_str()),
            chosen: asked.status == Some(*status),
        };
        let users = app.repo().users(USERS_OFFERED_MAX)?;
        let user = |user: &Loaded<crate::domain::User>| Choice {
            value: user.id.to_string(),
            label: user.name.clone(),
            chosen: asked.responsible == Some(user.id),
        };
        show(&ListPage {
            rows,
            statuses: CaseStatus::ALL.iter().map(status).collect(),
            users: users.iter().map(user).collect(),
            client: query.get("client").to_owned(),
            creditor: query.get("creditor").to_owned(),
            find: query.get("find").to_owned(),
            ignored: asked.ignored.join(", "),
            by_reference: asked.by_reference,
            reference_head: asked.reference_head(&query),
            change_head: asked.change_head(&query),
            first: if query.has("after") {
                format!("/cases?{here}")
            } else {
                String::new()
            },
            next: next.unwrap_or_default(),
            c,
        })
    })
    .await
}

struct Creditor {
    id: ContactId,
    name: String,
    account: String,
}

#[derive(Template)]
#[template(path = "case.html")]
struct Page {
    c: Chrome,
    id: CaseId,
    reference: String,
    title: String,
    badge: Badge,
    open: bool,
    held: bool,
    restricted: bool,
    legal_hold: bool,
    may_hold: bool,
    client: ContactId,
    client_name: String,
    creditors: Vec<Creditor>,
    responsible: String,
    team: String,
    changes: Vec<log::Event>,
    opened: When,
    closed: Option<When>,
    l: List,
}

/// `GET /cases/{id}`
pub(super) async fn one(
    State(app): State<Arc<App>>,
    signed: Signed,
    Path(text): Path<String>,
    uri: Uri,
) -> Answer {
    apart(move || {
        let access = access_of(&signed);
        let case = case_for(&app, &access, id(&text)?)?;
        let query = Fields::of_query(&uri);
        let c = Chrome::of(&app, &signed, case.reference.clone(), "cases")?;
        let c = c.with_done(query.get("done"));
        let mut creditors = Vec::new();
        for creditor in &case.creditors {
            creditors.push(Creditor {
                id: creditor.contact,
                name: name_of(&app, &c, creditor.contact)?,
                account: creditor.account.reveal().clone(),
            });
        }
        let mut team = Vec::new();
        for user in &case.team {
            team.push(user_name(&app, *user)?);
        }
        let base = format!("/cases/{}", case.id);
        let l = list::list(&app, &c, &access, EntryList::Case(case.id), (&base, &uri))?;
        let status = status_of(&l);
        let page = Page {
            id: case.id,
            reference: case.reference.clone(),
            title: case.title.clone(),
            badge: badge(&c, case.status),
            open: case.status != CaseStatus::Closed,
            held: case.status == CaseStatus::OnHold,
            restricted: case.restricted,
            legal_hold: case.legal_hold,
            may_hold: access.may(Permission::Retain),
            client: case.client,
            client_name: name_of(&app, &c, case.client)?,
            creditors,
            responsible: match case.responsible {
                Some(user) => user_name(&app, user)?,
                None => String::new(),
            },
            team: team.join(", "),
            changes: log::status_changes(&app, &c, case.id)?,
            opened: c.when(&case.created_at),
            closed: case.closed_at.map(|at| c.when(&at)),
            l,
            c,
        };
        show_as(status, &page)
    })
    .await
}

#[derive(Template)]
#[template(path = "case_close.html")]
struct ClosePage {
    c: Chrome,
    id: CaseId,
    reference: String,
    closing: bool,
}

/// `GET /cases/{id}/status`: closing and opening again are asked about first.
pub(super) async fn ask(
    State(app): State<Arc<App>>,
    signed: Signed,
    Path(text): Path<String>,
) -> Answer {
    let case = case_for(&app, &access_of(&signed), id(&text)?)?;
    let closing = case.status != CaseStatus::Closed;
    let title = if closing {
        "cases.close"
    } else {
        "cases.reopen"
    };
    let c = Chrome::of(&app, &signed, signed.words.t(title), "cases")?;
    show(&ClosePage {
        id: case.id,
        reference: case.reference.clone(),
        closing,
        c,
    })
}

/// `POST /cases/{id}/status`
pub(super) async fn set_status(
    State(app): State<Arc<App>>,
    Path(text): Path<String>,
    SignedForm { signed, fields }: SignedForm,
) -> Answer {
    let access = access_of(&signed);
    let case = case_for(&app, &access, id(&text)?)?;
    let mut statuses = CaseStatus::ALL.into_iter();
    let status = statuses.find(|one| one.as_str() == fields.get("status"));
    let status = status.ok_or(Fault::BadRequest)?;
    let by = Actor::User(signed.user.id);
    let reason = fields.get("reason");
    let tracker = &app.console.tracker;
    tracker.set_case_status(case.id, status, reason, by).await?;
    Ok(see(&format!("/cases/{}?done=saved", case.id)))
}

/// `POST /cases/{id}/hold`: for those who may retain.
pub(super) async fn hold(
    State(app): State<Arc<App>>,
    Path(text): Path<String>,
    SignedForm { signed, fields }: SignedForm,
) -> Answer {
    let access = access_of(&signed);
    let case = case_for(&app, &access, id(&text)?)?;
    if !access.may(Permission::Retain) {
        return Err(Fault::Forbidden);
    }
    let by = Actor::User(signed.user.id);
    let hold = fields.get("hold") == "yes";
    let tracker = &app.console.tracker;
    tracker
        .set_legal_hold(case.id, hold, fields.get("reason"), by)
        .await?;
    Ok(see(&format!("/cases/{}?done=saved", case.id)))
}
