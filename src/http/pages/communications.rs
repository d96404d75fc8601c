//! The list of communications, last modified first.

use std::sync::Arc;

use askama::Template;
use axum::extract::State;
use axum::http::Uri;

use super::super::App;
use super::super::data::{self, PAGE_ROWS, Result};
use super::super::fields::Fields;
use super::super::session::Signed;
use super::super::times::When;
use super::super::view::{Badge, Bar, Chrome, channel_icon, cursor, cursor_text};
use super::super::words::Words;
use super::{Answer, show};
use crate::domain::{Communication, CommunicationState};

/// A communication in a list.
pub(super) struct Row {
    pub(super) href: String,
    pub(super) title: String,
    pub(super) category: String,
    pub(super) state: Badge,
    pub(super) channels: Vec<(&'static str, String)>,
    pub(super) bar: Option<Bar>,
    pub(super) changed: When,
}

#[derive(Template)]
#[template(path = "communications.html")]
struct Page {
    c: Chrome,
    all: bool,
    latest: Vec<Row>,
    first: &'static str,
    next: String,
}

/// `GET /communications`
pub(super) async fn page(State(app): State<Arc<App>>, signed: Signed, uri: Uri) -> Answer {
    let c = Chrome::of(
        &app,
        &signed,
        signed.words.t("communications.title"),
        "communications",
    )?;
    let query = Fields::of_query(&uri);
    let all = query.has("all");
    let here = if all {
        "/communications?all=1"
    } else {
        "/communications"
    };
    let after = cursor(query.get("after"));
    let first = if after.is_some() { here } else { "" };
    let page = data::communications(app.repo(), all, after, PAGE_ROWS)?;
    let separator = if all { '&' } else { '?' };
    let next = page
        .next
        .map(|key| format!("{here}{separator}after={}", cursor_text(&key)));
    let latest = rows(&app, &c, &page.rows)?;
    show(&Page {
        c,
        all,
        latest,
        first,
        next: next.unwrap_or_default(),
    })
}

/// Communications as rows.
pub(super) fn rows(app: &App, c: &Chrome, communications: &[Communication]) -> Result<Vec<Row>> {
    communications
        .iter()
        .map(|communication| row(app, c, communication))
        .collect()
}

fn row(app: &App, c: &Chrome, communication: &Communication) -> Result<Row> {
    let id = communication.id;
    let draft = communication.state == CommunicationState::Draft;
    let bar = if draft {
        None
    } else {
        Some(Bar::of(&app.repo().statistics(communication)?))
    };
    Ok(Row {
        href: if draft {
            format!("/communications/{id}/edit")
        } else {
            format!("/communications/{id}")
        },
        title: c.title_of(communication),
        category: category_title(app, c.words, &communication.category),
        state: c.communication(&communication.state),
        channels: communication
            .channels
            .iter()
            .map(|channel| (channel_icon(channel), c.channel(&channel)))
            .collect(),
        bar,
        changed: c.when(&communication.modified_at),
    })
}

/// A category's name for people.
pub(super) fn category_title(app: &App, words: &Words, name: &str) -> String {
    let title = app.console.settings.category_titles.get(name);
    title.map_or_else(|| words.label(name), Clone::clone)
}
