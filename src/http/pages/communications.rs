//! The list of communications, last modified first.

use std::sync::Arc;

use askama::Template;
use axum::extract::State;
use axum::http::Uri;

use super::super::App;
use super::super::cursor::Cursors;
use super::super::data::{self, PAGE_ROWS, Result};
use super::super::fields::Fields;
use super::super::session::Signed;
use super::super::times::When;
use super::super::view::{Badge, Bar, Chrome, channel_icon};
use super::super::words::Words;
use super::filter_form::with;
use super::review_notes::is_missed;
use super::sorting::{SortHead, by_time, order_of, ordered};
use super::{Answer, apart, show};
use crate::domain::{Communication, CommunicationState};
use crate::store::CommunicationList;

/// A communication in a list.
pub(super) struct Row {
    pub(super) href: String,
    pub(super) title: String,
    pub(super) category: String,
    pub(super) state: Badge,
    pub(super) channels: Vec<(&'static str, String)>,
    pub(super) bar: Option<Bar>,
    /// When it goes out, that its time has passed, or that somebody it names is gone.
    pub(super) note: String,
    pub(super) changed: When,
}

/// States that the list can be narrowed to.
const SHOWN: [(CommunicationState, &str, &str); 3] = [
    (CommunicationState::Draft, "draft", "communications.drafts"),
    (
        CommunicationState::AwaitingApproval,
        "approval",
        "communications.waiting",
    ),
    (
        CommunicationState::Scheduled,
        "scheduled",
        "communications.scheduled",
    ),
];

struct Filter {
    href: String,
    label: &'static str,
    current: bool,
}

#[derive(Template)]
#[template(path = "communications.html")]
struct Page {
    c: Chrome,
    all: bool,
    shown: Option<CommunicationState>,
    filters: Vec<Filter>,
    latest: Vec<Row>,
    sort: SortHead,
    first: String,
    next: String,
}

/// `GET /communications`
pub(super) async fn page(State(app): State<Arc<App>>, signed: Signed, uri: Uri) -> Answer {
    apart(move || {
        let c = Chrome::of(
            &app,
            &signed,
            signed.words.t("communications.title"),
            "communications",
        )?;
        let query = Fields::of_query(&uri);
        let c = c.with_done(query.get("done"));
        let all = query.has("all");
        let shown = SHOWN.iter().find(|one| one.1 == query.get("state"));
        let here = match shown {
            Some((_, slug, _)) => format!("/communications?state={slug}"),
            None if all => "/communications?all=1".to_owned(),
            None => "/communications".to_owned(),
        };
        let cursors = Cursors::of(&app, signed.user.id, "/communications");
        let after = cursors.place(query.get("after"));
        let order = order_of(&query);
        let first_of = ordered(&here, order);
        let first = if after.is_some() {
            first_of.clone()
        } else {
            String::new()
        };
        let list = match shown {
            Some((state, _, _)) => CommunicationList::In(*state),
            None if all => CommunicationList::All,
            None => CommunicationList::Written,
        };
        let page = data::communications(&app, &signed.access, (list, order), after, PAGE_ROWS)?;
        let next = page
            .next
            .map(|key| with(&first_of, &format!("after={}", cursors.text(&key))));
        let latest = rows(&app, &c, &page.rows)?;
        show(&Page {
            filters: filters(&c, shown.map(|one| one.0)),
            shown: shown.map(|one| one.0),
            sort: by_time(&here, order),
            c,
            all,
            latest,
            first,
            next: next.unwrap_or_default(),
        })
    })
    .await
}

fn filters(c: &Chrome, current: Option<CommunicationState>) -> Vec<Filter> {
    let every = Filter {
        href: "/communications".to_owned(),
        label: c.t("communications.every"),
        current: current.is_none(),
    };
    let some = SHOWN.iter().map(|(state, slug, label)| Filter {
        href: format!("/communications?state={slug}"),
        label: c.t(label),
        current: current == Some(*state),
    });
    std::iter::once(every).chain(some).collect()
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
    let bar = if communication.is_sent() && c.whole {
        Some(Bar::of(&app.repo().statistics(communication)?))
    } else {
        None
    };
    Ok(Row {
        href: if communication.is_draft() && c.may_write() {
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
        note: note(app, c, communication)?,
        changed: c.when(&communication.modified_at),
    })
}

fn note(app: &App, c: &Chrome, communication: &Communication) -> Result<String> {
    if has_lost(app, communication)? {
        return Ok(c.t("communications.lost").to_owned());
    }
    Ok(
        match (communication.state, communication.plan.scheduled_at) {
            (CommunicationState::Draft, Some(_)) if is_missed(communication, c) => {
                c.t("communications.missed").to_owned()
            }
            (CommunicationState::AwaitingApproval | CommunicationState::Scheduled, Some(at)) => {
                c.f1("communications.goes_out", c.when(&at).inside)
            }
            (
                CommunicationState::Draft
                | CommunicationState::AwaitingApproval
                | CommunicationState::Scheduled
                | CommunicationState::Expanding
                | CommunicationState::Sent,
                _,
            ) => String::new(),
        },
    )
}

/// Whether it is a draft that names or leaves out what has been deleted.
pub(super) fn has_lost(app: &App, of: &Communication) -> Result<bool> {
    Ok(of.is_draft() && !app.console.submit.lost(&of.audience)?.is_empty())
}

/// A category's name for people.
pub(super) fn category_title(app: &App, words: &Words, name: &str) -> String {
    let title = app.console.settings.category_titles.get(name);
    title.map_or_else(|| words.label(name), Clone::clone)
}
