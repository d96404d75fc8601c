//! A communication that was sent: its statistics, and a row per person.

use std::sync::Arc;

use askama::Template;
use axum::extract::{Path, State};
use axum::http::Uri;
use axum::response::{IntoResponse, Redirect};

use super::super::App;
use super::super::data::{self, PAGE_ROWS, Result};
use super::super::fault::Fault;
use super::super::fields::Fields;
use super::super::followed::{self, Counted};
use super::super::pie::slices;
use super::super::session::Signed;
use super::super::view::{Badge, Chrome, channel_icon, seek};
use super::communications::category_title;
use super::compose::sms_count;
use super::filter_form::with;
use super::grid::{self, GridRow, Legend};
use super::recontact::{self, RecontactView};
use super::sorting::{SortHead, by_name};
use super::{Answer, apart, id, related, review, review_notes, show};
use crate::domain::{
    Body, Category, Channel, Communication, CommunicationId, ContactId, PersonState, Statistics,
};
use crate::store::Order;

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

pub(super) struct ContentPart {
    pub(super) channel: Channel,
    pub(super) icon: &'static str,
    pub(super) label: String,
    pub(super) text: String,
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
    /// People who confirmed by each way but the key in a call.
    confirmed: Vec<(String, u64)>,
    /// How many followed a link that is counted.
    clicked: u64,
    /// The links that are counted, each with how many followed it.
    links: Vec<(String, u64)>,
    filters: Vec<Filter>,
    recontact: RecontactView,
    export: bool,
    columns: Vec<String>,
    /// The head of the column of names.
    sort: SortHead,
    rows: Vec<GridRow>,
    legend: Vec<Legend>,
    facts: Vec<(&'static str, String)>,
    parts: Vec<ContentPart>,
    files: Vec<review::FileView>,
    decision: Option<review_notes::Note>,
    related: Vec<related::RelatedView>,
    first: String,
    newer: String,
    older: String,
}

/// `GET /communications/{id}`; `?state=` shows the people in one state.
pub(super) async fn page(
    State(app): State<Arc<App>>,
    signed: Signed,
    Path(text): Path<String>,
    uri: Uri,
) -> Answer {
    apart(move || {
        let id: CommunicationId = id(&text)?;
        let communication = app.repo().communication(id)?.ok_or(Fault::NotFound)?;
        if !communication.is_sent() {
            return Ok(Redirect::to(&format!("/communications/{id}/review")).into_response());
        }
        let query = Fields::of_query(&uri);
        let state = PersonState::ALL
            .into_iter()
            .find(|state| slug(*state) == query.get("state"));
        let (here, sort, order) = sorted(here(id, state), &query);
        let c = Chrome::of(&app, &signed, communication.title.clone(), "communications")?
            .with_done(query.get("done"));
        let category = app.console.tracker.category(&communication.category);
        let statistics = app.repo().statistics(&communication)?;
        let people = data::people(
            &app,
            &signed.access,
            id,
            (state, order),
            &seek(&query, "before", "after"),
            PAGE_ROWS,
        )?;
        let (first, newer, older) = pages(&here, &people);
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
            confirmed: confirmed(&c, &statistics),
            clicked: statistics.clicked,
            links: links(&app, &c, &communication, &statistics)?,
            filters: filters(&c, id, state),
            columns: channels.iter().map(|channel| c.channel(channel)).collect(),
            recontact: recontact::view(&app, &c, &communication)?,
            export: statistics.people > 0,
            rows: grid::rows(&app, &c, &communication, &people.rows, &category)?,
            legend: grid::legend(&c, &channels),
            facts: facts(&app, &c, &communication)?,
            parts: parts(&app, &c, &communication)?,
            files: review::files(&c, &app.repo().content(communication.content)?.attachments),
            decision: review_notes::decision(&app, &c, &communication)?,
            related: related::both(&app, &c, &signed.access, &communication)?,
            here,
            sort,
            first,
            newer,
            older,
            c,
        })
    })
    .await
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

/// The first page, the one before and the one behind; empty where there is none.
fn pages(here: &str, people: &data::People) -> (String, String, String) {
    let page = |way: &str, contact: Option<ContactId>| {
        let path = contact.map(|contact| with(here, &format!("{way}={contact}")));
        path.map_or_else(String::new, |path| path + "#people")
    };
    let first = people.before.map(|_| format!("{here}#people"));
    (
        first.unwrap_or_default(),
        page("before", people.before),
        page("after", people.after),
    )
}

/// The address with its order, and the head of the column of names.
fn sorted(here: String, query: &Fields) -> (String, SortHead, Order) {
    let (sort, order) = by_name(&here, query);
    let here = match order {
        Order::Usual => here,
        Order::Turned => with(&here, "order=desc"),
    };
    (here, sort.beside("people"), order)
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

fn confirmed(c: &Chrome, statistics: &Statistics) -> Vec<(String, u64)> {
    let ways = statistics.confirmed.iter();
    ways.map(|(by, count)| (c.words.label(by.explain()), *count))
        .collect()
}

/// The links that are counted, with their numbers, and how many people followed each.
fn links(
    app: &App,
    c: &Chrome,
    communication: &Communication,
    statistics: &Statistics,
) -> Result<Vec<(String, u64)>> {
    let counted = followed::counted(app, communication)?;
    let view = |link: &Counted| {
        let mut counts = statistics.links.iter();
        let count = counts.find(|(number, _)| *number == link.number);
        let label = c.f2("statistics.link", link.number, &link.target);
        (label, count.map_or(0, |(_, people)| *people))
    };
    Ok(counted.iter().map(view).collect())
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

pub(super) fn facts(
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
    if let Some(alert) = app.repo().alerts_of(communication.id)?.first() {
        facts.push((c.t("content.handed_in"), alert.source.clone()));
    }
    if let Some(at) = communication.sent_at {
        facts.push((c.t("content.sent"), c.when(&at).exact));
    }
    for (asked, what) in [
        (communication.plan.tracking.opens, "content.tracked_opens"),
        (communication.plan.tracking.clicks, "content.tracked_clicks"),
    ] {
        if asked {
            facts.push((c.t("content.tracking"), c.t(what).to_owned()));
        }
    }
    if communication.rounds > 1 {
        facts.push((c.t("content.rounds"), communication.rounds.to_string()));
    }
    Ok(facts)
}

pub(super) fn parts(
    app: &App,
    c: &Chrome,
    communication: &Communication,
) -> Result<Vec<ContentPart>> {
    let content = app.repo().content(communication.content)?;
    let content = match communication.body {
        Body::Composed if communication.origin.asks_for_confirmation() => app
            .console
            .submit
            .as_sent(&communication.category, &content),
        Body::Composed | Body::Submitted(_) => content,
    };
    let mut parts = Vec::new();
    if communication.channels.email && communication.body == Body::Composed {
        let text = format!("{}\n\n{}", content.subject, content.text);
        parts.push(ContentPart {
            channel: Channel::Email,
            icon: "mail",
            label: c.t("channel.email").to_owned(),
            text,
        });
    }
    if communication.channels.text {
        let label = format!(
            "{} ({})",
            c.t("channel.text"),
            sms_count(app, c, &content.sms_text)
        );
        parts.push(ContentPart {
            channel: Channel::Text,
            icon: "text",
            label,
            text: content.sms_text,
        });
    }
    if communication.channels.call {
        parts.push(ContentPart {
            channel: Channel::Call,
            icon: "phone",
            label: c.t("channel.call").to_owned(),
            text: content.voice_script,
        });
    }
    Ok(parts)
}
