//! The inbox: threads, last changed first, by what there is to do.

use std::collections::HashMap;
use std::sync::Arc;

use askama::Template;
use axum::extract::State;
use axum::http::Uri;

use super::super::App;
use super::super::cursor::Cursors;
use super::super::data;
use super::super::data::{PAGE_ROWS, Result};
use super::super::fields::Fields;
use super::super::session::Signed;
use super::super::times::When;
use super::super::view::{Chrome, channel_icon};
use super::sorting::{SortHead, by_time, order_of, ordered};
use super::{Answer, apart, show};
use crate::domain::{Contact, Thread, ThreadState, UserId};
use crate::store::ThreadList;

struct Filter {
    href: String,
    label: &'static str,
    count: u64,
    current: bool,
}

struct Row {
    href: String,
    who: String,
    known: bool,
    unread: u64,
    icon: &'static str,
    channel: String,
    subject: String,
    preview: String,
    messages: u32,
    assigned: String,
    when: When,
}

#[derive(Template)]
#[template(path = "inbox.html")]
struct Page {
    c: Chrome,
    filters: Vec<Filter>,
    rows: Vec<Row>,
    empty: (&'static str, &'static str),
    sort: SortHead,
    first: String,
    next: String,
}

/// Name in the address, its word, the words when nothing is there.
const FILTERS: [(&str, &str, &str, &str); 5] = [
    (
        "open",
        "inbox.open",
        "inbox.none_open",
        "inbox.none_open_text",
    ),
    (
        "unread",
        "inbox.unread",
        "inbox.none_unread",
        "inbox.none_text",
    ),
    (
        "mine",
        "inbox.mine",
        "inbox.none_mine",
        "inbox.none_mine_text",
    ),
    (
        "unassigned",
        "inbox.unassigned",
        "inbox.none_unassigned",
        "inbox.none_text",
    ),
    (
        "done",
        "inbox.done",
        "inbox.none_done",
        "inbox.none_done_text",
    ),
];

fn listed(filter: &str, me: UserId) -> ThreadList {
    match filter {
        "unread" => ThreadList::Unread,
        "mine" => ThreadList::Assigned(Some(me)),
        "unassigned" => ThreadList::Assigned(None),
        "done" => ThreadList::In(ThreadState::Done),
        _ => ThreadList::In(ThreadState::Open),
    }
}

/// `GET /inbox`; `?show=` open, unread, mine, unassigned, done.
pub(super) async fn page(State(app): State<Arc<App>>, signed: Signed, uri: Uri) -> Answer {
    apart(move || {
        let query = Fields::of_query(&uri);
        let c = Chrome::of(&app, &signed, signed.words.t("inbox.title"), "inbox")?
            .with_done(query.get("done"));
        let shown = FILTERS
            .into_iter()
            .find(|filter| filter.0 == query.get("show"))
            .unwrap_or(FILTERS[0]);
        let cursors = Cursors::of(&app, signed.user.id, "/inbox");
        let after = cursors.place(query.get("after"));
        let here = format!("/inbox?show={}", shown.0);
        let order = order_of(&query);
        let first_of = ordered(&here, order);
        let first = after.as_ref().map(|_| first_of.clone());
        let of = listed(shown.0, signed.user.id);
        let page = data::threads_seen(&app, &signed.access, of, (order, after), PAGE_ROWS)?;
        let unread = |of| match c.whole {
            true => app.repo().unread_threads_of(of),
            false => Ok(0),
        };
        let (mine, nobodys) = (unread(Some(signed.user.id))?, unread(None)?);
        let filters = FILTERS.map(|(name, label, ..)| Filter {
            href: format!("/inbox?show={name}"),
            label: c.t(label),
            count: match name {
                "unread" => c.unread,
                "mine" => mine,
                "unassigned" => nobodys,
                _ => 0,
            },
            current: name == shown.0,
        });
        let next = page
            .next
            .as_ref()
            .map(|key| format!("{first_of}&after={}", cursors.text(key)));
        let mut names = Names::default();
        let rows = page
            .rows
            .iter()
            .map(|thread| row(&app, &c, &mut names, thread))
            .collect::<Result<_>>()?;
        show(&Page {
            filters: filters.into(),
            rows,
            empty: (c.t(shown.2), c.t(shown.3)),
            sort: by_time(&here, order),
            first: first.unwrap_or_default(),
            next: next.unwrap_or_default(),
            c,
        })
    })
    .await
}

/// Names of users, each looked up once.
#[derive(Default)]
pub(super) struct Names(HashMap<UserId, String>);

impl Names {
    pub(super) fn of(&mut self, app: &App, c: &Chrome, id: UserId) -> Result<String> {
        if let Some(name) = self.0.get(&id) {
            return Ok(name.clone());
        }
        let user = app.repo().user(id)?;
        let gone = || c.t("person.gone").to_owned();
        let name = user.map_or_else(gone, |user| user.name.clone());
        self.0.insert(id, name.clone());
        Ok(name)
    }
}

/// Who is at the other side: the name, else the address or number.
pub(super) fn who(contact: Option<&Contact>, thread: &Thread) -> String {
    let name = contact.map(Contact::full_name).filter(|name| name != "–");
    name.unwrap_or_else(|| thread.address.reveal().clone())
}

fn row(app: &App, c: &Chrome, names: &mut Names, thread: &Thread) -> Result<Row> {
    let contact = match thread.contact {
        Some(id) => app.repo().current_contact(id)?,
        None => None,
    };
    let assigned = thread
        .assigned
        .map(|user| names.of(app, c, user))
        .transpose()?;
    Ok(Row {
        href: format!("/inbox/{}", thread.id),
        who: who(contact.as_deref(), thread),
        known: thread.contact.is_some(),
        unread: u64::from(thread.unread),
        icon: channel_icon(thread.channel),
        channel: c.channel(&thread.channel),
        subject: thread.subject.reveal().clone(),
        preview: preview(c, thread),
        messages: thread.messages,
        assigned: assigned.unwrap_or_default(),
        when: c.when(&thread.changed_at),
    })
}

/// Keys alone say nothing.
fn preview(c: &Chrome, thread: &Thread) -> String {
    let text = thread.preview.reveal();
    if thread.channel == crate::domain::Channel::Call {
        return c.f1("inbox.pressed", text);
    }
    text.clone()
}
