//! One thread of the inbox: what was said, who says it, and what can be done about it.

use std::sync::Arc;

use askama::Template;
use axum::extract::{Path, State};
use axum::http::{HeaderMap, StatusCode, Uri};

use super::super::App;
use super::super::cursor::Cursors;
use super::super::data::{Areas, Result};
use super::super::fault::Fault;
use super::super::fields::Fields;
use super::super::session::Signed;
use super::super::view::{Badge, Chrome, kind_icon};
use super::contact::field;
use super::contact_status::Rejected;
use super::inbox::who;
use super::problems::{Problem, Problems};
use super::thread_answer::AnswerForm;
use super::thread_message::{MessageView, messages};
use super::thread_person::{Unknown, unknown};
use super::{Answer, apart, id, show_as};
use crate::domain::repair::{FOUND_MAX, Repair, found_in, instead_of};
use crate::domain::{
    Access, Channel, Contact, ContactId, Direction, Message, MessageKind, Method, MethodId,
    MethodState, Permission, Thread, ThreadId, ThreadState, UserId,
};
use crate::store::Loaded;

/// Messages on one page.
const MESSAGES_SHOWN: usize = 50;
/// Users offered to look after a thread.
const USERS_MAX: usize = 500;
/// Messages looked through for new addresses and numbers, the latest.
const MESSAGES_LOOKED_THROUGH: usize = 5;
/// Contacts shown that share the address or number.
const SAME_ADDRESS_SHOWN: usize = 10;

struct MethodView {
    id: MethodId,
    icon: &'static str,
    kind: String,
    to: String,
    state: Badge,
    failing: bool,
    field: &'static str,
    entered: String,
    problem: String,
    /// It may be taken if whoever entered it is sure.
    doubtful: bool,
}

struct PersonView {
    id: ContactId,
    name: String,
    about: String,
    methods: Vec<MethodView>,
    /// Others who have this address or number.
    others: Vec<(ContactId, String)>,
    /// The address or number it came from, if none of the methods has it.
    stranger: String,
    /// Addresses and numbers that they write of, and where they belong.
    offers: Vec<Offer>,
}

/// An address or number to be taken over from what somebody wrote.
struct Offer {
    to: String,
    /// In the place of which method.
    method: MethodId,
    instead_of: String,
}

struct UserOption {
    id: UserId,
    name: String,
    chosen: bool,
}

#[derive(Template)]
#[template(path = "thread.html")]
struct Page {
    c: Chrome,
    id: ThreadId,
    title: String,
    about: String,
    state: Badge,
    done: bool,
    unread: bool,
    /// Messages that the page shows: what comes later is not done with it.
    seen: u32,
    mine: bool,
    earlier: String,
    latest: String,
    messages: Vec<MessageView>,
    person: Option<PersonView>,
    unknown: Option<Unknown>,
    address: String,
    users: Vec<UserOption>,
    answer: AnswerForm,
    problems: Vec<Problem>,
    p: Problems,
}

/// What a form that was refused leaves to show.
#[derive(Default)]
pub(super) struct Left {
    pub(super) answer: Option<(AnswerForm, Problems)>,
    pub(super) rejected: Option<Rejected>,
    /// Why it could not be given to a contact.
    pub(super) attach: String,
}

/// `GET /inbox/{thread}`. A person who opens it has read it, if it is theirs or nobody's.
pub(super) async fn page(
    State(app): State<Arc<App>>,
    signed: Signed,
    Path(text): Path<String>,
    headers: HeaderMap,
    uri: Uri,
) -> Answer {
    let id: ThreadId = id(&text)?;
    let mut thread = app.repo().thread(id)?.ok_or(Fault::NotFound)?.value;
    let new = thread.unread;
    let theirs = thread.assigned.is_none_or(|user| user == signed.user.id);
    let answers = signed.access.may(Permission::Send);
    if new > 0 && theirs && answers && is_opened_by_hand(&headers) {
        let seen = thread.messages;
        app.console.tracker.mark_thread(id, false, seen).await?;
        thread.unread = 0;
    }
    let query = Fields::of_query(&uri);
    apart(move || view(&app, &signed, &thread, new, &query, Left::default())).await
}

/// Whether somebody followed a link or typed the address. Browsers that fetch ahead, programs
/// that look at links in mails and old browsers do not say so (Fetch Metadata, 2.4): for them
/// there is the button.
fn is_opened_by_hand(headers: &HeaderMap) -> bool {
    let says = |name: &str, what: &str| {
        headers
            .get(name)
            .is_some_and(|value| value.as_bytes().eq_ignore_ascii_case(what.as_bytes()))
    };
    let ahead = ["sec-purpose", "purpose", "x-moz", "x-purpose"]
        .iter()
        .any(|name| headers.contains_key(*name));
    !ahead && says("sec-fetch-user", "?1") && says("sec-fetch-mode", "navigate")
}

pub(super) fn view(
    app: &App,
    signed: &Signed,
    thread: &Thread,
    new: u32,
    query: &Fields,
    left: Left,
) -> Answer {
    let contact = match thread.contact {
        Some(id) => app.repo().current_contact(id)?.map(|contact| contact.value),
        None => None,
    };
    let title = who(contact.as_ref(), thread);
    let c = Chrome::of(app, signed, title.clone(), "inbox")?.with_done(query.get("done"));
    let here = format!("/inbox/{}", thread.id);
    let cursors = Cursors::of(app, signed.user.id, &here);
    let after = cursors.place(query.get("after"));
    let latest = after.as_ref().map(|_| here.clone()).unwrap_or_default();
    let page = app.repo().messages(thread.id, after, MESSAGES_SHOWN)?;
    let earlier = page
        .next
        .as_ref()
        .map(|key| format!("{here}?after={}", cursors.text(key)));
    let new = if latest.is_empty() { new } else { 0 };
    let messages = messages(app, &c, &title, &page.rows, new)?;
    let refused = left.answer.is_some() || left.rejected.is_some() || !left.attach.is_empty();
    let (answer, p) = left.answer.unwrap_or_else(|| {
        let form = AnswerForm::fresh(app, &c, thread, contact.as_ref());
        (form, Problems::new(&[], c.words))
    });
    let mut problems = p.summary(&c);
    let rejected = left.rejected.as_ref();
    problems.extend(rejected.map(|rejected| not_corrected(&c, rejected, contact.as_ref())));
    problems.extend(not_attached(&c, &left.attach));
    let whoever = |of| person(app, &c, (&signed.access, of), thread, &page.rows, rejected);
    let person = contact.as_ref().map(whoever).transpose()?;
    let find = query.get("find");
    let unknown = match &contact {
        Some(_) => None,
        None => Some(unknown(app, signed, &c, thread, find, left.attach)?),
    };
    let page = Page {
        id: thread.id,
        about: about(&c, thread),
        state: state(&c, thread),
        done: thread.state == ThreadState::Done,
        unread: thread.unread > 0,
        seen: thread.messages,
        mine: thread.assigned == Some(signed.user.id),
        earlier: earlier.unwrap_or_default(),
        latest,
        messages,
        person,
        unknown,
        address: thread.address.reveal().clone(),
        users: users(app, thread)?,
        answer,
        problems,
        p,
        title,
        c,
    };
    let status = match refused {
        true => StatusCode::UNPROCESSABLE_ENTITY,
        false => StatusCode::OK,
    };
    show_as(status, &page)
}

fn not_attached(c: &Chrome, why: &str) -> Option<Problem> {
    (!why.is_empty()).then(|| Problem {
        anchor: "attach".to_owned(),
        label: c.t("attach.title").to_owned(),
        text: why.to_owned(),
    })
}

fn not_corrected(c: &Chrome, rejected: &Rejected, contact: Option<&Contact>) -> Problem {
    let method = contact.and_then(|contact| contact.method(rejected.method));
    let label = method.map_or("field.other", |method| field(method.kind));
    Problem {
        anchor: format!("to-{}", rejected.method),
        label: c.t(label).to_owned(),
        text: rejected.problem.clone(),
    }
}

fn about(c: &Chrome, thread: &Thread) -> String {
    let count = c.n(
        "inbox.message_one",
        "inbox.message_many",
        &u64::from(thread.messages),
    );
    let since = c.f1("inbox.since", c.when(&thread.opened_at).inside);
    let subject = thread.subject.reveal();
    if subject.is_empty() {
        format!("{count} · {since}")
    } else {
        format!("{subject} · {count} · {since}")
    }
}

fn state(c: &Chrome, thread: &Thread) -> Badge {
    let (tone, icon, key) = match thread.state {
        ThreadState::Open => ("open", "inbox", "inbox.is_open"),
        ThreadState::Done => ("good", "check", "inbox.is_done"),
    };
    Badge {
        tone,
        icon,
        text: c.t(key).to_owned(),
    }
}

fn users(app: &App, thread: &Thread) -> Result<Vec<UserOption>> {
    let users = app.repo().users(USERS_MAX)?;
    let may = app.keepers(thread, users)?.into_iter();
    Ok(may
        .map(|user| UserOption {
            id: user.id,
            name: user.name.clone(),
            chosen: thread.assigned == Some(user.id),
        })
        .collect())
}

fn person(
    app: &App,
    c: &Chrome,
    (access, contact): (&Access, &Contact),
    thread: &Thread,
    messages: &[Loaded<Message>],
    rejected: Option<&Rejected>,
) -> Result<PersonView> {
    let areas = Areas::read(app.repo())?;
    let kind = c.words.label(contact.kind.as_str());
    let area = areas.name(contact.area);
    let mut shown: Vec<&Method> = contact
        .methods
        .iter()
        .filter(|method| method.state != MethodState::Removed)
        .collect();
    shown.sort_by_key(|method| method.kind);
    let address = thread.address.reveal();
    let is_theirs = |method: &&Method| method.destination.lookup_key() == *address;
    let known = shown.iter().any(is_theirs);
    let others = app
        .repo()
        .contacts_by_address(address, SAME_ADDRESS_SHOWN)?;
    Ok(PersonView {
        id: contact.id,
        name: contact.full_name(),
        about: if area.is_empty() {
            kind
        } else {
            format!("{kind} · {area}")
        },
        methods: shown
            .iter()
            .map(|method| method_view(c, method, thread, known, rejected))
            .collect(),
        others: others
            .iter()
            .filter(|other| other.id != contact.id && access.sees_contact(other))
            .map(|other| (other.id, other.full_name()))
            .collect(),
        stranger: if known || address.is_empty() {
            String::new()
        } else {
            address.clone()
        },
        offers: offers(app, c, contact, messages)?,
    })
}

/// What stands in their latest messages and not among their methods.
fn offers(
    app: &App,
    c: &Chrome,
    contact: &Contact,
    messages: &[Loaded<Message>],
) -> Result<Vec<Offer>> {
    let replies = app.console.tracker.replies();
    if replies.repair == Repair::Off {
        return Ok(Vec::new());
    }
    let theirs = messages.iter().filter(|message| {
        let written = message.kind == MessageKind::Written && !message.is_disowned;
        message.direction == Direction::In && written
    });
    let mut offers: Vec<Offer> = Vec::new();
    for message in theirs.take(MESSAGES_LOOKED_THROUGH) {
        let text = match message.body {
            Some(body) => app.repo().text(body)?,
            None => message.preview.reveal().clone(),
        };
        for found in found_in(&text, &replies.region) {
            let to = found.reveal();
            let is_ours = app.console.settings.sender.eq_ignore_ascii_case(to);
            let Some(method) = instead_of(contact, &found).filter(|_| !is_ours) else {
                continue;
            };
            if offers.len() < FOUND_MAX && offers.iter().all(|offer| offer.to != to) {
                offers.push(Offer {
                    to: to.to_owned(),
                    method: method.id,
                    instead_of: method.destination.reveal().to_owned(),
                });
            }
        }
    }
    // Nothing is offered that this person may not do.
    Ok(if c.may_change_contacts() {
        offers
    } else {
        Vec::new()
    })
}

fn method_view(
    c: &Chrome,
    method: &Method,
    thread: &Thread,
    known: bool,
    rejected: Option<&Rejected>,
) -> MethodView {
    let rejected = rejected.filter(|rejected| rejected.method == method.id);
    let to = method.destination.reveal().to_owned();
    // Somebody who writes from another address has probably moved there.
    let moved = !known
        && method.kind.takes(thread.channel)
        && thread.channel != Channel::Call
        && !thread.address.reveal().is_empty();
    let offered = if moved { thread.address.reveal() } else { &to };
    MethodView {
        id: method.id,
        icon: kind_icon(method.kind),
        kind: c.kind(&method.kind),
        state: c.method_state(&method.state),
        failing: method.state == MethodState::Suspended,
        field: c.t(field(method.kind)),
        entered: rejected.map_or_else(|| offered.clone(), |rejected| rejected.entered.clone()),
        problem: rejected.map_or_else(String::new, |rejected| rejected.problem.clone()),
        doubtful: rejected.is_some_and(|rejected| rejected.doubtful),
        to,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_a_person_opens() {
        let headers = |pairs: &[(&'static str, &'static str)]| {
            let mut map = HeaderMap::new();
            for (name, value) in pairs {
                map.insert(*name, axum::http::HeaderValue::from_static(value));
            }
            map
        };
        let by_hand = [("sec-fetch-user", "?1"), ("sec-fetch-mode", "navigate")];
        assert!(is_opened_by_hand(&headers(&by_hand)));
        assert!(!is_opened_by_hand(&headers(&[])));
        assert!(!is_opened_by_hand(&headers(&[(
            "sec-fetch-mode",
            "navigate"
        )])));
        let ahead = [by_hand[0], by_hand[1], ("sec-purpose", "prefetch")];
        assert!(!is_opened_by_hand(&headers(&ahead)));
    }
}
