//! A case's activity log: everything about it, as an auditor reads it.

use super::super::super::entries::{Line, Reader};
use super::super::correspondence::list as entries;
use super::*;
use crate::domain::CaseEvent;
use crate::store::Happened;

/// Events looked at for the changes of status.
const EVENTS_SHOWN_MAX: usize = 50;

/// Something done with a case.
pub(super) struct Event {
    pub(super) what: String,
    pub(super) detail: String,
    pub(super) by: String,
    pub(super) at: When,
}

/// One line of the log.
struct Item {
    at: When,
    who: String,
    what: String,
    channel: String,
    with: String,
    text: String,
    status: String,
    id: String,
    href: String,
    steps: Vec<(When, String)>,
}

#[derive(Template)]
#[template(path = "case_log.html")]
struct LogPage {
    c: Chrome,
    id: CaseId,
    reference: String,
    oldest: bool,
    items: Vec<Item>,
    first: String,
    next: String,
}

/// Where the case stood, the newest first.
pub(super) fn status_changes(app: &App, c: &Chrome, case: CaseId) -> Result<Vec<Event>> {
    let events = app.repo().case_events(case, None, EVENTS_SHOWN_MAX)?.rows;
    let changes = events.iter().filter(|event| event.change.is_status());
    changes.map(|event| view(app, c, event)).collect()
}

fn view(app: &App, c: &Chrome, event: &CaseEvent) -> Result<Event> {
    Ok(Event {
        what: c.words.label(event.change.as_str()),
        detail: event.detail.reveal().clone(),
        by: actor(app, c, event.by)?,
        at: c.when(&event.at),
    })
}

fn actor(app: &App, c: &Chrome, by: Actor) -> Result<String> {
    Ok(match by {
        Actor::User(user) | Actor::Program(user) => user_name(app, user)?,
        Actor::Person => c.t("caselog.person").to_owned(),
        Actor::Import(_) | Actor::Gateway => c.t("caselog.itself").to_owned(),
    })
}

/// `GET /cases/{id}/log`
pub(in super::super) async fn page(
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
        let oldest = query.get("order") == "oldest";
        let list = format!("/cases/{}/log", case.id);
        let cursors = Cursors::of(&app, signed.user.id, &list);
        let after = cursors.place(query.get("after"));
        let found = app
            .repo()
            .happened_in_case(case.id, after.as_deref(), PAGE_ROWS, oldest)?;
        let here = format!(
            "/cases/{}/log?order={}",
            case.id,
            if oldest { "oldest" } else { "newest" }
        );
        let next = found
            .next
            .map(|place| format!("{here}&after={}", cursors.text(&place)));
        let mut reader = Reader::new(&app, &access);
        let mut items = Vec::with_capacity(found.rows.len());
        for happened in found.rows {
            items.push(match happened {
                Happened::Event(event) => done(&app, &c, &event)?,
                Happened::Entry(entry) => said(&app, &c, &reader.line(entry.value)?)?,
            });
        }
        show(&LogPage {
            id: case.id,
            reference: case.reference.clone(),
            oldest,
            items,
            first: after.map_or_else(String::new, |_| here.clone()),
            next: next.unwrap_or_default(),
            c,
        })
    })
    .await
}

fn done(app: &App, c: &Chrome, event: &CaseEvent) -> Result<Item> {
    let seen = view(app, c, event)?;
    Ok(Item {
        at: seen.at,
        who: seen.by,
        what: seen.what,
        channel: String::new(),
        with: String::new(),
        text: seen.detail,
        status: String::new(),
        id: event.id.to_string(),
        href: String::new(),
        steps: Vec::new(),
    })
}

fn said(app: &App, c: &Chrome, line: &Line) -> Result<Item> {
    let entry = &line.entry;
    let with = entries::name(c, line);
    let who = match entry.by {
        Some(user) => user_name(app, user)?,
        None if entry.direction == crate::domain::EntryDirection::Received => with.clone(),
        None => c.t("caselog.itself").to_owned(),
    };
    let timeline = line.delivery.iter().flat_map(|one| &one.timeline);
    Ok(Item {
        at: c.when(&entry.at),
        who,
        what: c.t(entries::direction_word(entry.direction)).to_owned(),
        channel: entries::kind(c, line),
        with,
        text: entries::title(c, line),
        status: entries::badge(c, line.status).text,
        id: entry.id.to_string(),
        href: format!("/correspondence/{}", entry.id),
        steps: timeline
            .map(|change| (c.when(&change.at), c.words.label(change.status.as_str())))
            .collect(),
    })
}
