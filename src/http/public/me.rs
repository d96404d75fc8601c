//! What we hold about somebody, for that person.

use std::sync::Arc;

use askama::Template;
use axum::extract::State;
use axum::http::StatusCode;

use super::super::fault::Fault;
use super::super::fields::Fields;
use super::super::view::kind_icon;
use super::frame::{Asked, Frame};
use super::sign_up::{self, Choosable, FieldProblem};
use super::visit::{Visitor, VisitorForm};
use super::wishes::{self, WishesView};
use super::{Answer, Site, see, show_as, visit};
use crate::domain::{
    Actor, Contact, ContactChange, ContactId, ContactKind, LogEvent, Method, MethodId, MethodState,
};

/// Most people shown who share an address.
const SHARING_MAX: usize = 8;

struct MethodView {
    id: MethodId,
    icon: &'static str,
    kind: String,
    to: String,
    tone: &'static str,
    state: &'static str,
    /// It is not proved yet: a link or code can be sent again.
    unproved: bool,
    paused: bool,
    /// It does not work.
    failing: bool,
    entered: String,
    problem: Option<&'static str>,
}

struct Other {
    id: ContactId,
    name: String,
}

#[derive(Template)]
#[template(path = "public_me.html")]
struct Page {
    c: Frame,
    name: String,
    first_name: String,
    last_name: String,
    languages: Vec<Choosable>,
    areas: Vec<Choosable>,
    methods: Vec<MethodView>,
    kinds: Vec<Choosable>,
    added: String,
    wishes: WishesView,
    others: Vec<Other>,
    may_leave: bool,
    problems: Vec<FieldProblem>,
}

impl Page {
    fn problem(&self, field: &str) -> Option<&'static str> {
        let found = self.problems.iter().find(|problem| problem.field == field);
        found.map(|problem| problem.text)
    }
}

/// What was entered and is wrong.
#[derive(Default)]
pub(super) struct Rejected<'a> {
    pub(super) fields: Option<&'a Fields>,
    /// Fields and the keys of what is wrong with them.
    pub(super) problems: Vec<(&'static str, &'static str)>,
    /// The method that it is about.
    pub(super) method: Option<MethodId>,
}

/// `GET /me`
pub(super) async fn page(State(site): State<Arc<Site>>, asked: Asked, visitor: Visitor) -> Answer {
    view(&site, &asked, &visitor, &Rejected::default())
}

/// The page, with what was entered and is wrong.
pub(super) fn view(
    site: &Site,
    asked: &Asked,
    visitor: &Visitor,
    rejected: &Rejected<'_>,
) -> Answer {
    let contact = &visitor.contact;
    let c = Frame::of(site, asked, visitor, "self.me.title").with_done(&asked.query("done"));
    let entered = |name: &str, kept: &str| match rejected.fields {
        Some(fields) if fields.has(name) => fields.get(name).to_owned(),
        Some(_) | None => kept.to_owned(),
    };
    let area = contact.area.map(|area| area.to_string());
    let kind = entered("kind", "email");
    let page = Page {
        name: contact.full_name(),
        first_name: entered("first_name", contact.first_name.reveal()),
        last_name: entered("last_name", contact.last_name.reveal()),
        languages: sign_up::languages(&entered("language", &contact.language)),
        areas: sign_up::areas(site, &entered("area", &area.unwrap_or_default()))?,
        methods: methods(&c, contact, rejected),
        kinds: crate::domain::MethodKind::ALL
            .into_iter()
            .map(|one| Choosable {
                value: one.as_str().to_owned(),
                name: c.words.label(one.as_str()),
                chosen: one.as_str() == kind,
            })
            .collect(),
        added: entered("added", ""),
        wishes: wishes::of(site, &c, contact, rejected.fields),
        others: others(site, visitor)?,
        may_leave: may_leave(contact.kind),
        problems: rejected
            .problems
            .iter()
            .map(|(field, key)| FieldProblem {
                field,
                text: c.t(key),
            })
            .collect(),
        c,
    };
    let status = if rejected.problems.is_empty() {
        StatusCode::OK
    } else {
        StatusCode::UNPROCESSABLE_ENTITY
    };
    show_as(status, &page)
}

/// Clients, creditors and staff are on the books for other reasons: they ask us.
pub(super) const fn may_leave(kind: ContactKind) -> bool {
    match kind {
        ContactKind::Citizen | ContactKind::Correspondent => true,
        ContactKind::Client | ContactKind::Creditor | ContactKind::Staff => false,
    }
}

fn methods(c: &Frame, contact: &Contact, rejected: &Rejected<'_>) -> Vec<MethodView> {
    let shown = contact
        .methods
        .iter()
        .filter(|method| method.state != MethodState::Removed);
    let mut shown: Vec<&Method> = shown.collect();
    shown.sort_by_key(|method| method.kind);
    let view = |method: &Method| {
        let (tone, state) = match method.state {
            MethodState::Active => ("good", "self.state.active"),
            MethodState::Unverified => ("open", "self.state.unverified"),
            MethodState::Suspended => ("bad", "self.state.suspended"),
            MethodState::OptedOut | MethodState::Removed => ("", "self.state.paused"),
        };
        let about = rejected.method == Some(method.id);
        let fields = rejected.fields.filter(|_| about);
        MethodView {
            id: method.id,
            icon: kind_icon(method.kind),
            kind: c.words.label(method.kind.as_str()),
            to: method.destination.reveal().to_owned(),
            tone,
            state: c.t(state),
            unproved: method.state == MethodState::Unverified
                || (method.state == MethodState::Active && method.verified_at.is_none()),
            paused: method.state == MethodState::OptedOut,
            failing: method.state == MethodState::Suspended,
            entered: fields.map_or_else(
                || method.destination.reveal().to_owned(),
                |fields| fields.get("to").to_owned(),
            ),
            problem: rejected
                .problems
                .first()
                .filter(|_| about)
                .map(|(_, key)| c.t(key)),
        }
    };
    shown.into_iter().map(view).collect()
}

/// Others who have the address or number that this person logged in with.
fn others(site: &Site, visitor: &Visitor) -> Result<Vec<Other>, Fault> {
    let via = visitor.visit.via.reveal();
    if via.is_empty() {
        return Ok(Vec::new());
    }
    let found = site.repo().contacts_by_address(via, SHARING_MAX)?;
    let others = found
        .into_iter()
        .filter(|contact| contact.id != visitor.contact.id)
        .map(|contact| Other {
            id: contact.id,
            name: contact.full_name(),
        });
    Ok(others.collect())
}

/// `POST /me/switch`: to somebody who has the same address or number.
pub(super) async fn switch(State(site): State<Arc<Site>>, form: VisitorForm) -> Answer {
    let wanted = form.fields.get("contact").parse::<ContactId>();
    let wanted = wanted.map_err(|_| Fault::NotFound)?;
    let others = others(&site, &form.visitor)?;
    if !others.iter().any(|other| other.id == wanted) {
        return Err(Fault::NotFound);
    }
    let via = form.visitor.visit.via.reveal().clone();
    super::super::data::end_visit(site.repo(), &form.visitor.visit.token_hash).await?;
    visit::begin(&site, wanted, via, "/me").await
}

/// `POST /me/details`
pub(super) async fn details(
    State(site): State<Arc<Site>>,
    asked: Asked,
    form: VisitorForm,
) -> Answer {
    let mut problems = Vec::new();
    let (first, last) = sign_up::names(&form.fields, &mut problems);
    let kept = form.visitor.contact.area;
    let area = if form.fields.has("area") {
        sign_up::area(&site, form.fields.get("area"))?
    } else {
        // Too many areas to choose from: none was offered.
        Some(kept)
    };
    let Some(area) = area.filter(|_| problems.is_empty()) else {
        if problems.is_empty() {
            problems.push(("area", "self.problem.area"));
        }
        let rejected = Rejected {
            fields: Some(&form.fields),
            problems,
            method: None,
        };
        return view(&site, &asked, &form.visitor, &rejected);
    };
    let chosen = form.fields.get("language");
    let language = if chosen == form.visitor.contact.language {
        chosen.to_owned()
    } else {
        sign_up::language(&site, chosen)
    };
    let change = site
        .site
        .tracker
        .change_contact(form.visitor.contact.id, |contact| {
            let before = contact.clone();
            contact.first_name = first.clone().into();
            contact.last_name = last.clone().into();
            contact.language.clone_from(&language);
            contact.area = area;
            let edited = LogEvent::changed(ContactChange::Edited, None, Actor::Person);
            Some(if *contact == before {
                Vec::new()
            } else {
                vec![edited]
            })
        });
    change.await?;
    Ok(see("/me?done=saved"))
}
