//! A contact: how this person can be reached, what is wrong with it, what they want, and who
//! may be the same person.

use std::sync::Arc;

use askama::Template;
use axum::extract::{Path, State};
use axum::http::{StatusCode, Uri};

use super::super::App;
use super::super::data::{Areas, Result, alike, history};
use super::super::fault::Fault;
use super::super::fields::Fields;
use super::super::session::Signed;
use super::super::times::{When, clock};
use super::super::view::{Badge, Chrome, channel_icon, failing};
use super::compose::see;
use super::consents::{self, Consents};
use super::contact_edit::{AlikeRow, alike_rows};
pub(super) use super::contact_status::field;
use super::contact_status::{self, Rejected, Standing};
use super::correspondence::Tabs;
use super::problems::Problem;
use super::{Answer, apart, id, show_as};
use crate::domain::comms_issue::{Reachability, reachability};
use crate::domain::{Access, Contact, ContactId, Details};

/// Deliveries shown here; the log has all of them.
const RECENT_MAX: usize = 10;

struct IssueView {
    title: &'static str,
    text: String,
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
    s: Standing,
    facts: Vec<(String, String)>,
    consents: Consents,
    alike: Vec<AlikeRow>,
    listed: bool,
    recent: Vec<Recent>,
    tabs: Option<Tabs>,
}

/// `GET /contacts/{id}`. One that another contact took over leads there.
pub(super) async fn page(
    State(app): State<Arc<App>>,
    signed: Signed,
    Path(text): Path<String>,
    uri: Uri,
) -> Answer {
    apart(move || {
        let id: ContactId = id(&text)?;
        if let Some(merger) = app.repo().merger(id)? {
            return Ok(see(&format!("/contacts/{}", merger.into)));
        }
        let query = Fields::of_query(&uri);
        view(&app, &signed, id, query.get("done"), None)
    })
    .await
}

/// The page; with an address that was entered and not taken.
pub(super) fn view(
    app: &App,
    signed: &Signed,
    id: ContactId,
    done: &str,
    rejected: Option<&Rejected>,
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
    let mut likely = alike::alike(app.repo(), &Details::of(&contact), Some(id))?;
    likely.retain(|one| signed.access.sees_contact(&one.contact));
    let page = Page {
        id,
        about: if area.is_empty() {
            kind
        } else {
            format!("{kind} · {area}")
        },
        issue: issue(&c, &contact),
        problems: rejected.into_iter().map(problem).collect(),
        s: contact_status::standing(app, &c, &contact, rejected)?,
        facts: facts(app, &c, &contact)?,
        consents: consents::of(app, &c, &contact)?,
        alike: alike_rows(&c, &areas, &likely),
        listed: app.repo().recipient(signed.user.id, id)?.is_some(),
        recent: recent(app, &c, &signed.access, id)?,
        tabs: Tabs::of(&contact, "overview"),
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

/// Groups, fields, hours: what is known besides.
fn facts(app: &App, c: &Chrome, contact: &Contact) -> Result<Vec<(String, String)>> {
    let mut groups = Vec::new();
    for id in &contact.groups {
        groups.extend(app.repo().group(*id)?.map(|group| group.name.clone()));
    }
    let mut facts = vec![(
        c.t("editor.language").to_owned(),
        super::contact_edit::language_name(c, &contact.language),
    )];
    if !groups.is_empty() {
        facts.push((c.t("editor.groups").to_owned(), groups.join(", ")));
    }
    for field in &contact.custom {
        facts.push((field.name.clone(), field.value.reveal().clone()));
    }
    if let Some(quiet) = contact.wishes.quiet_hours {
        let hours = format!(
            "{}–{}",
            clock(quiet.from_minute()),
            clock(quiet.to_minute())
        );
        facts.push((c.t("editor.quiet").to_owned(), hours));
    }
    if let Some(channel) = contact.wishes.preferred {
        facts.push((c.t("editor.preferred").to_owned(), c.channel(&channel)));
    }
    facts.push((
        c.t("contact.since").to_owned(),
        c.when(&contact.created_at).text,
    ));
    Ok(facts)
}

fn recent(app: &App, c: &Chrome, access: &Access, id: ContactId) -> Result<Vec<Recent>> {
    let mut recent = Vec::new();
    for delivery in history::deliveries(app.repo(), id, RECENT_MAX)? {
        let Some(communication) = app.repo().communication(delivery.communication)? else {
            continue;
        };
        if !app.sees_matter_of(access, communication.id)? {
            continue;
        }
        let category = app.console.tracker.category(&communication.category);
        recent.push(Recent {
            href: format!(
                "/communications/{}/people/{}",
                communication.id, delivery.contact
            ),
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
