//! A contact: how this person can be reached, what is wrong with it, and putting it right.

use std::sync::Arc;

use askama::Template;
use axum::extract::{Path, State};
use axum::http::{StatusCode, Uri};

use super::super::App;
use super::super::data::{Areas, Result};
use super::super::fault::Fault;
use super::super::fields::Fields;
use super::super::session::{Signed, SignedForm};
use super::super::times::When;
use super::super::view::{Badge, Chrome, channel_icon, failing, kind_icon};
use super::compose::see;
use super::problems::Problem;
use super::{Answer, id, show_as};
use crate::domain::comms_issue::{Reachability, reachability};
use crate::domain::{
    Contact, ContactId, Destination, EmailAddress, Method, MethodId, MethodKind, MethodState,
    PhoneNumber, Redacted, Sentence,
};

/// Deliveries shown here; the log has all of them.
const RECENT_MAX: usize = 10;

struct IssueView {
    title: &'static str,
    text: String,
}

struct MethodView {
    id: MethodId,
    icon: &'static str,
    kind: String,
    to: String,
    state: Badge,
    failing: bool,
}

struct FailingView {
    id: MethodId,
    kind: String,
    to: String,
    why: String,
    reinstate: &'static str,
    field: &'static str,
    entered: String,
    open: bool,
    problem: String,
}

struct Recent {
    href: String,
    title: String,
    icon: &'static str,
    channel: String,
    to: String,
    badge: Badge,
    when: When,
}

#[derive(Template)]
#[template(path = "contact.html")]
struct Page {
    c: Chrome,
    id: ContactId,
    name: String,
    about: String,
    issue: Option<IssueView>,
    problems: Vec<Problem>,
    methods: Vec<MethodView>,
    failing: Vec<FailingView>,
    recent: Vec<Recent>,
}

/// An address that was entered and is none.
struct Rejected {
    method: MethodId,
    entered: String,
    problem: String,
}

/// `GET /contacts/{id}`
pub(super) async fn page(
    State(app): State<Arc<App>>,
    signed: Signed,
    Path(text): Path<String>,
    uri: Uri,
) -> Answer {
    let query = Fields::of_query(&uri);
    view(&app, &signed, id(&text)?, query.get("done"), None)
}

/// `POST /contacts/{id}/methods/{method}/reinstate`
pub(super) async fn reinstate(
    State(app): State<Arc<App>>,
    Path((contact, method)): Path<(String, String)>,
    form: SignedForm,
) -> Answer {
    let (contact, method): (ContactId, MethodId) = (id(&contact)?, id(&method)?);
    app.console
        .tracker
        .reinstate(contact, method, form.signed.user.id)
        .await?;
    Ok(see(&format!("/contacts/{contact}?done=reinstated")))
}

/// `POST /contacts/{id}/methods/{method}/correct`
pub(super) async fn correct(
    State(app): State<Arc<App>>,
    Path((contact, method)): Path<(String, String)>,
    form: SignedForm,
) -> Answer {
    let (contact, method): (ContactId, MethodId) = (id(&contact)?, id(&method)?);
    let known = app.repo().contact(contact)?.ok_or(Fault::NotFound)?;
    let kind = known.method(method).ok_or(Fault::NotFound)?.kind;
    let entered = form.fields.get("to").trim().to_owned();
    match read_destination(&app, kind, &entered) {
        Ok(destination) => {
            app.console
                .submit
                .correct(contact, method, destination, form.signed.user.id)
                .await?;
            Ok(see(&format!("/contacts/{contact}?done=corrected")))
        }
        Err(problem) => {
            let rejected = Rejected {
                method,
                entered,
                problem: form.signed.words.tell(&problem),
            };
            view(&app, &form.signed, contact, "", Some(rejected))
        }
    }
}

/// An address or number as it was typed, or what is wrong with it in a sentence.
pub(super) fn read_destination(
    app: &App,
    kind: MethodKind,
    entered: &str,
) -> std::result::Result<Destination, Sentence> {
    let read = match kind {
        MethodKind::Email => {
            EmailAddress::parse(entered).map(|address| Destination::Email(Redacted::new(address)))
        }
        MethodKind::Mobile | MethodKind::Landline => {
            PhoneNumber::parse(entered, &app.console.settings.default_region)
                .map(|number| Destination::Phone(Redacted::new(number)))
        }
    };
    read.map_err(|error| Sentence::from(&error))
}

fn view(
    app: &App,
    signed: &Signed,
    id: ContactId,
    done: &str,
    rejected: Option<Rejected>,
) -> Answer {
    let contact = app.repo().contact(id)?.ok_or(Fault::NotFound)?;
    let name = contact.full_name();
    let c = Chrome::of(app, signed, name.clone(), "contacts")?.with_done(done);
    let areas = Areas::read(app.repo())?;
    let kind = c.words.label(contact.kind.as_str());
    let area = areas.name(contact.area);
    let status = if rejected.is_some() {
        StatusCode::UNPROCESSABLE_ENTITY
    } else {
        StatusCode::OK
    };
    let problem = |rejected: &Rejected| Problem {
        anchor: format!("to-{}", rejected.method),
        label: c
            .t(contact
                .method(rejected.method)
                .map_or("field.other", |method| field(method.kind)))
            .to_owned(),
        text: rejected.problem.clone(),
    };
    let page = Page {
        id,
        about: if area.is_empty() {
            kind
        } else {
            format!("{kind} · {area}")
        },
        issue: issue(&c, &contact),
        problems: rejected.iter().map(problem).collect(),
        methods: methods(&c, &contact),
        failing: failing(&contact)
            .into_iter()
            .map(|method| failing_view(&c, method, rejected.as_ref()))
            .collect(),
        recent: recent(app, &c, id)?,
        name,
        c,
    };
    show_as(status, &page)
}

fn issue(c: &Chrome, contact: &Contact) -> Option<IssueView> {
    let since = contact
        .issue_since
        .map(|at| c.when(&at).inside)
        .unwrap_or_default();
    let names: Vec<String> = failing(contact)
        .into_iter()
        .map(|method| c.kind(&method.kind))
        .collect();
    let (title, text) = match reachability(contact) {
        Reachability::Fine => return None,
        Reachability::Issue => ("issue.title", "issue.text"),
        Reachability::Unreachable => ("issue.unreachable_title", "issue.unreachable_text"),
    };
    Some(IssueView {
        title: c.t(title),
        text: c.f2(text, since, names.join(", ")),
    })
}

fn methods(c: &Chrome, contact: &Contact) -> Vec<MethodView> {
    let shown = contact
        .methods
        .iter()
        .filter(|method| method.state != MethodState::Removed);
    let mut shown: Vec<&Method> = shown.collect();
    shown.sort_by_key(|method| method.kind);
    let view = |method: &Method| MethodView {
        id: method.id,
        icon: kind_icon(method.kind),
        kind: c.kind(&method.kind),
        to: method.destination.reveal().to_owned(),
        state: c.method_state(&method.state),
        failing: method.state == MethodState::Suspended,
    };
    shown.into_iter().map(view).collect()
}

pub(super) const fn field(kind: MethodKind) -> &'static str {
    match kind {
        MethodKind::Email => "field.email",
        MethodKind::Mobile => "field.mobile",
        MethodKind::Landline => "field.landline",
    }
}

fn failing_view(c: &Chrome, method: &Method, rejected: Option<&Rejected>) -> FailingView {
    let reinstate = match method.kind {
        MethodKind::Email => "contact.reinstate_email",
        MethodKind::Mobile => "contact.reinstate_mobile",
        MethodKind::Landline => "contact.reinstate_landline",
    };
    let why = method.suspension.as_ref().map(|suspension| {
        let since = c.when(&suspension.at).inside;
        let reason = c.words.say(suspension.verdict.reason.explain());
        let then = c.words.say(suspension.verdict.permanence.explain());
        format!("{} {reason} {then}", c.f1("contact.suspended", since))
    });
    let rejected = rejected.filter(|rejected| rejected.method == method.id);
    let to = method.destination.reveal().to_owned();
    FailingView {
        id: method.id,
        kind: c.kind(&method.kind),
        why: why.unwrap_or_default(),
        reinstate: c.t(reinstate),
        field: c.t(field(method.kind)),
        entered: rejected.map_or_else(|| to.clone(), |rejected| rejected.entered.clone()),
        open: rejected.is_some(),
        problem: rejected
            .map(|rejected| rejected.problem.clone())
            .unwrap_or_default(),
        to,
    }
}

fn recent(app: &App, c: &Chrome, id: ContactId) -> Result<Vec<Recent>> {
    let mut recent = Vec::new();
    for delivery in app.repo().deliveries_of(id, None, RECENT_MAX)?.rows {
        let Some(communication) = app.repo().communication(delivery.communication)? else {
            continue;
        };
        let category = app.console.tracker.category(&communication.category);
        recent.push(Recent {
            href: format!("/communications/{}/people/{id}", communication.id),
            title: c.title_of(&communication),
            icon: channel_icon(delivery.channel),
            channel: c.channel(&delivery.channel),
            to: delivery.destination.reveal().to_owned(),
            badge: c.status(delivery.status(), delivery.closed.is_some(), &category),
            when: c.when(&delivery.changed_at().unwrap_or(communication.modified_at)),
        });
    }
    Ok(recent)
}
