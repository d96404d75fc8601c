//! Cases: listed, looked at, made, changed, closed and opened again.

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
use super::filter_form::with;
use super::sorting::SortHead;
use super::{Answer, apart, id, show, show_as};
use crate::domain::{
    Access, Actor, Case, CaseId, CaseStatus, Contact, ContactId, Permission, UserId,
};
use crate::store::{CaseList, EntryList, Loaded, Order};

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

/// Longest beginning of a reference that is looked for, in characters.
pub(crate) const CASES_FIND_MAX: usize = 80;

/// What a list of cases is asked for.
#[derive(Default)]
pub(crate) struct CasesAsked {
    pub(crate) status: Option<CaseStatus>,
    pub(crate) client: Option<ContactId>,
    pub(crate) creditor: Option<ContactId>,
    pub(crate) responsible: Option<UserId>,
    pub(crate) find: String,
    pub(crate) by_reference: bool,
    pub(crate) order: Order,
    /// Filters that cannot be read, by their names in the address: they are left out.
    pub(crate) ignored: Vec<&'static str>,
}

/// A part of a list of cases.
pub(crate) struct CasesPart {
    pub(crate) rows: Vec<Case>,
    pub(crate) next: Option<Vec<u8>>,
}

impl CasesAsked {
    /// Reads an address.
    pub(crate) fn of(query: &Fields) -> Self {
        let by_reference = query.get("sort") == "reference" || !query.get("find").trim().is_empty();
        // What changed last comes first, references from A on, unless they are turned round.
        let order = match (by_reference, query.get("order")) {
            (true, "desc") | (false, "asc") => Order::Turned,
            _ => Order::Usual,
        };
        let mut asked = Self {
            order,
            by_reference,
            status: CaseStatus::ALL
                .into_iter()
                .find(|one| one.as_str() == query.get("status")),
            client: query.get("client").parse().ok(),
            creditor: query.get("creditor").parse().ok(),
            responsible: query.get("responsible").parse().ok(),
            find: query
                .get("find")
                .trim()
                .chars()
                .take(CASES_FIND_MAX)
                .collect(),
            ignored: Vec::new(),
        };
        for (name, read) in [
            ("status", asked.status.is_some()),
            ("client", asked.client.is_some()),
            ("creditor", asked.creditor.is_some()),
            ("responsible", asked.responsible.is_some()),
        ] {
            if !read && !query.get(name).is_empty() {
                asked.ignored.push(name);
            }
        }
        asked
    }

    fn query(&self, query: &Fields) -> String {
        Self::narrowed(query, &["sort", "order"])
    }

    /// The filters of an address, and more of it.
    fn narrowed(query: &Fields, more: &[&str]) -> String {
        let names = ["status", "client", "creditor", "responsible", "find"];
        let names = names.iter().chain(more);
        let given = names.filter(|name| !query.get(name).is_empty());
        let pairs = given.map(|name| {
            let bytes = query.get(name).bytes();
            let value: String = bytes.map(super::super::session::percent).collect();
            format!("{name}={value}")
        });
        pairs.collect::<Vec<_>>().join("&")
    }

    fn head(query: &Fields, by: Option<(Order, &'static str)>, pairs: [&str; 2]) -> SortHead {
        let filters = Self::narrowed(query, &[]);
        let here = match filters.as_str() {
            "" => "/cases".to_owned(),
            filters => format!("/cases?{filters}"),
        };
        let [usual, turned] = pairs;
        let (pair, aria) = match by {
            Some((Order::Usual, aria)) => (turned, aria),
            Some((Order::Turned, aria)) => (usual, aria),
            None => (usual, ""),
        };
        SortHead {
            href: with(&here, pair),
            aria,
        }
    }

    fn reference_head(&self, query: &Fields) -> SortHead {
        let aria = match self.order {
            Order::Usual => "ascending",
            Order::Turned => "descending",
        };
        let by = self.by_reference.then_some((self.order, aria));
        Self::head(query, by, ["sort=reference", "sort=reference&order=desc"])
    }

    fn change_head(&self, query: &Fields) -> SortHead {
        let aria = match self.order {
            Order::Usual => "descending",
            Order::Turned => "ascending",
        };
        if !self.find.is_empty() {
            // What is looked for by its beginning stands in the order of references.
            return SortHead {
                href: String::new(),
                aria: "",
            };
        }
        let by = (!self.by_reference).then_some((self.order, aria));
        Self::head(query, by, ["sort=changed", "sort=changed&order=asc"])
    }

    fn list(&self) -> CaseList {
        if self.by_reference {
            return CaseList::Reference(self.find.clone());
        }
        match (self.client, self.creditor, self.status) {
            (Some(client), _, _) => CaseList::Client(client),
            (None, Some(creditor), _) => CaseList::Creditor(creditor),
            (None, None, Some(status)) => CaseList::In(status),
            (None, None, None) => CaseList::All,
        }
    }

    fn takes(&self, case: &Case) -> bool {
        self.status.is_none_or(|one| case.status == one)
            && self.client.is_none_or(|one| case.client == one)
            && self.creditor.is_none_or(|one| case.creditor(one).is_some())
            && self
                .responsible
                .is_none_or(|one| case.responsible == Some(one))
    }

    /// Reads a part, of what somebody may see.
    pub(crate) fn page(
        &self,
        app: &App,
        access: &Access,
        after: Option<Vec<u8>>,
        limit: usize,
    ) -> Result<CasesPart> {
        let mut rows = Vec::new();
        let mut after = after;
        let mut looked = 0;
        loop {
            let repo = app.repo();
            let found = repo.cases_in(self.order, &self.list(), after.clone(), limit)?;
            for (place, case) in found.rows {
                looked += 1;
                if self.takes(&case) && access.sees_case(&case) {
                    rows.push(case.value);
                }
                after = Some(place);
                if rows.len() == limit {
                    return Ok(CasesPart { rows, next: after });
                }
            }
            if found.next.is_none() {
                return Ok(CasesPart { rows, next: None });
            }
            after = found.next;
            if looked >= LOOKED_AT_MAX {
                return Ok(CasesPart { rows, next: after });
            }
        }
    }
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
