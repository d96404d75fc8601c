//! A communication that was sent: its statistics, and a row per person.

use std::sync::Arc;

use askama::Template;
use axum::extract::{Path, State};
use axum::http::Uri;
use axum::response::{IntoResponse, Redirect};

use super::super::App;
use super::super::data::{self, Part, Result};
use super::super::fault::Fault;
use super::super::fields::Fields;
use super::super::pie::slices;
use super::super::session::Signed;
use super::super::view::{Badge, Chrome, channel_icon, cursor, cursor_text};
use super::communications::category_title;
use super::compose::sms_count;
use super::{Answer, id, show};
use crate::domain::{
    Body, Category, Channel, Communication, CommunicationId, CommunicationState, Contact,
    ContactId, Person, PersonDelivery, PersonState, Statistics,
};

struct SliceView {
    tone: &'static str,
    path: String,
    label: String,
    count: u64,
    percent: u64,
    href: String,
}

struct ChannelStatuses {
    icon: &'static str,
    label: String,
    badges: Vec<(Badge, u64)>,
}

struct Filter {
    href: String,
    label: String,
    current: bool,
}

struct Cell {
    label: String,
    badges: Vec<Badge>,
}

struct PersonRow {
    id: ContactId,
    name: String,
    issue: bool,
    state: Badge,
    cells: Vec<Cell>,
}

struct ContentPart {
    icon: &'static str,
    label: String,
    text: String,
}

#[derive(Template)]
#[template(path = "communication.html")]
struct Page {
    c: Chrome,
    id: CommunicationId,
    title: String,
    about: String,
    here: String,
    summary: String,
    slices: Vec<SliceView>,
    reached_percent: u64,
    by_channel: Vec<ChannelStatuses>,
    filters: Vec<Filter>,
    columns: Vec<String>,
    rows: Vec<PersonRow>,
    facts: Vec<(&'static str, String)>,
    parts: Vec<ContentPart>,
    first: String,
    next: String,
}

/// `GET /communications/{id}`; `?state=` shows the people in one state.
pub(super) async fn page(
    State(app): State<Arc<App>>,
    signed: Signed,
    Path(text): Path<String>,
    uri: Uri,
) -> Answer {
    let id: CommunicationId = id(&text)?;
    let communication = app.repo().communication(id)?.ok_or(Fault::NotFound)?;
    if communication.state == CommunicationState::Draft {
        return Ok(Redirect::to(&format!("/communications/{id}/review")).into_response());
    }
    let query = Fields::of_query(&uri);
    let state = PersonState::ALL
        .into_iter()
        .find(|state| slug(*state) == query.get("state"));
    let after = cursor(query.get("after"));
    let here = here(id, state);
    let c = Chrome::of(&app, &signed, communication.title.clone(), "communications")?
        .with_done(query.get("done"));
    let category = app.console.tracker.category(&communication.category);
    let statistics = app.repo().statistics(&communication)?;
    let first = if after.is_some() {
        here.clone()
    } else {
        String::new()
    };
    let people = data::people(app.repo(), id, state, after)?;
    let next = people
        .next
        .as_ref()
        .map(|key| with(&here, &format!("after={}", cursor_text(key))));
    let channels: Vec<Channel> = communication.channels.iter().collect();
    let slices = slice_views(&c, id, &statistics);
    show(&Page {
        id,
        title: c.title_of(&communication),
        about: about(&app, &c, &communication),
        summary: summary(&c, &statistics),
        reached_percent: slices.first().map_or(0, |slice| slice.percent),
        slices,
        by_channel: by_channel(&c, &statistics, &category),
        filters: filters(&c, id, state),
        columns: channels.iter().map(|channel| c.channel(channel)).collect(),
        rows: person_rows(&app, &c, &people, &channels, &category)?,
        facts: facts(&app, &c, &communication)?,
        parts: parts(&app, &c, &communication)?,
        here,
        first,
        next: next.unwrap_or_default(),
        c,
    })
}

/// A person's state in an address.
const fn slug(state: PersonState) -> &'static str {
    match state {
        PersonState::Contacted => "contacted",
        PersonState::InProgress => "in-progress",
        PersonState::NotContacted => "not-contacted",
    }
}

fn here(id: CommunicationId, state: Option<PersonState>) -> String {
    state.map_or_else(
        || format!("/communications/{id}"),
        |state| format!("/communications/{id}?state={}", slug(state)),
    )
}

fn with(path: &str, query: &str) -> String {
    let separator = if path.contains('?') { '&' } else { '?' };
    format!("{path}{separator}{query}")
}

fn about(app: &App, c: &Chrome, communication: &Communication) -> String {
    let category = category_title(app, c.words, &communication.category);
    let sent = communication
        .sent_at
        .map(|at| c.when(&at).inside)
        .unwrap_or_default();
    let people = c.people(&communication.people);
    c.words
        .fill("communication.about", &[&category, &sent, &people])
}

fn summary(c: &Chrome, statistics: &Statistics) -> String {
    let values: [&dyn std::fmt::Display; 4] = [
        &statistics.people,
        &statistics.contacted,
        &statistics.in_progress,
        &statistics.not_contacted,
    ];
    c.words.fill("statistics.summary", &values)
}

fn slice_views(c: &Chrome, id: CommunicationId, statistics: &Statistics) -> Vec<SliceView> {
    let drawn = slices([
        statistics.contacted,
        statistics.in_progress,
        statistics.not_contacted,
    ]);
    let tones = ["good", "open", "bad"];
    let views = drawn.into_iter().zip(tones).zip(PersonState::ALL);
    views
        .map(|((slice, tone), state)| SliceView {
            tone,
            path: slice.path,
            label: c.words.label(state.as_str()),
            count: slice.count,
            percent: slice.percent,
            href: format!("{}#people", here(id, Some(state))),
        })
        .collect()
}

fn by_channel(c: &Chrome, statistics: &Statistics, category: &Category) -> Vec<ChannelStatuses> {
    let of = |channel: Channel| {
        let counted = statistics
            .by_status
            .iter()
            .filter(|(status, _)| status.channel() == channel);
        ChannelStatuses {
            icon: channel_icon(channel),
            label: c.channel(&channel),
            badges: counted
                .map(|(status, count)| (c.status(*status, false, category), *count))
                .collect(),
        }
    };
    Channel::ALL
        .into_iter()
        .map(of)
        .filter(|channel| !channel.badges.is_empty())
        .collect()
}

fn filters(c: &Chrome, id: CommunicationId, current: Option<PersonState>) -> Vec<Filter> {
    let states = PersonState::ALL.into_iter().map(Some);
    std::iter::once(None)
        .chain(states)
        .map(|state| Filter {
            href: format!("{}#people", here(id, state)),
            label: state.map_or_else(
                || c.t("people.all").to_owned(),
                |state| c.words.label(state.as_str()),
            ),
            current: state == current,
        })
        .collect()
}

fn person_rows(
    app: &App,
    c: &Chrome,
    people: &Part<Person>,
    channels: &[Channel],
    category: &Category,
) -> Result<Vec<PersonRow>> {
    let mut rows = Vec::with_capacity(people.rows.len());
    for person in &people.rows {
        let contact = app.repo().contact(person.contact)?;
        let sort = contact.as_ref().map(|contact| data::name_key(contact));
        let contact = contact.as_ref().map(|contact| &contact.value);
        rows.push((sort, person_row(c, person, contact, channels, category)));
    }
    rows.sort_by(|one, other| one.0.cmp(&other.0));
    Ok(rows.into_iter().map(|(_, row)| row).collect())
}

fn person_row(
    c: &Chrome,
    person: &Person,
    contact: Option<&Contact>,
    channels: &[Channel],
    category: &Category,
) -> PersonRow {
    let cell = |channel: &Channel| Cell {
        label: c.channel(channel),
        badges: latest(person, *channel)
            .into_iter()
            .map(|delivery| c.status(delivery.status, delivery.closed, category))
            .collect(),
    };
    PersonRow {
        id: person.contact,
        name: contact.map_or_else(|| c.t("person.gone").to_owned(), Contact::full_name),
        issue: contact.is_some_and(|contact| contact.issue_since.is_some()),
        state: c.person(&person.state),
        cells: channels.iter().map(cell).collect(),
    }
}

/// The last delivery to each method of a channel: reminders stand for what came before.
fn latest(person: &Person, channel: Channel) -> Vec<&PersonDelivery> {
    let mut found: Vec<&PersonDelivery> = Vec::new();
    for delivery in person
        .deliveries
        .iter()
        .filter(|delivery| delivery.status.channel() == channel)
    {
        match found
            .iter_mut()
            .find(|known| known.method == delivery.method)
        {
            Some(known) => *known = delivery,
            None => found.push(delivery),
        }
    }
    found
}

fn facts(
    app: &App,
    c: &Chrome,
    communication: &Communication,
) -> Result<Vec<(&'static str, String)>> {
    let by = match communication.origin.user() {
        Some(user) => app
            .repo()
            .user(user)?
            .map_or_else(|| c.t("person.gone").to_owned(), |user| user.name.clone()),
        None => c.t("origin.prompt").to_owned(),
    };
    let mut facts = vec![
        (
            c.t("field.category"),
            category_title(app, c.words, &communication.category),
        ),
        (c.t("content.by"), by),
    ];
    if let Some(at) = communication.sent_at {
        facts.push((c.t("content.sent"), c.when(&at).exact));
    }
    if communication.rounds > 1 {
        facts.push((c.t("content.rounds"), communication.rounds.to_string()));
    }
    Ok(facts)
}

fn parts(app: &App, c: &Chrome, communication: &Communication) -> Result<Vec<ContentPart>> {
    let content = app.repo().content(communication.content)?;
    let mut parts = Vec::new();
    if communication.channels.email && communication.body == Body::Composed {
        let text = format!("{}\n\n{}", content.subject, content.text);
        parts.push(ContentPart {
            icon: "mail",
            label: c.t("channel.email").to_owned(),
            text,
        });
    }
    if communication.channels.text {
        let label = format!(
            "{} ({})",
            c.t("channel.text"),
            sms_count(c, &content.sms_text)
        );
        parts.push(ContentPart {
            icon: "text",
            label,
            text: content.sms_text,
        });
    }
    if communication.channels.call {
        parts.push(ContentPart {
            icon: "phone",
            label: c.t("channel.call").to_owned(),
            text: content.voice_script,
        });
    }
    Ok(parts)
}
