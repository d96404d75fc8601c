//! The inbox: threads, their messages, answering, assigning, finishing. What is wrong with a
//! method of the person is put right at the contact.

use std::sync::Arc;

use axum::extract::State;
use axum::http::StatusCode;
use axum::response::Response;
use serde::{Deserialize, Serialize};
use utoipa::{IntoParams, ToSchema};

use super::super::App;
use super::super::data;
use super::auth::Caller;
use super::body::{Asked, Ids, Json, OrderedAsked, PageOf, Pages, field_id, id, order};
use super::draft::channel;
use super::problem::Problem;
use super::shape::{Made, time};
use super::{Answer, apart, created};
use crate::domain::{
    Authentication, CommunicationId, Direction, Message, MessageFile, MessageKind, MethodId,
    Provenance, ScanFound, Thread, ThreadId, ThreadState, UserId, attachment,
};
use crate::store::{Loaded, Row, ThreadList};
use crate::submit;

/// Longest text of one message in an answer, in octets.
const TEXT_MAX: usize = 64 * 1024;
/// Most octets of texts in one answer, about.
const TEXTS_MAX: usize = 4 * 1024 * 1024;

/// Which threads.
#[derive(Debug, Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub(super) struct ThreadsAsked {
    /// open (when it is not given), done, unread, mine (open and assigned to the token's user)
    /// or unassigned (open).
    list: Option<String>,
    /// Last changed: newest (first, when it is not given) or oldest.
    order: Option<String>,
    /// Rows of the page, 1 to 500; 50 when it is not given.
    #[param(minimum = 1, maximum = 500)]
    limit: Option<usize>,
    /// `next` of the page before.
    cursor: Option<String>,
}

/// What was said back and forth with one person.
#[derive(Debug, Serialize, ToSchema)]
pub(super) struct ThreadShape {
    id: String,
    /// Null for somebody whom we do not know.
    contact: Option<String>,
    /// The address or number of the last message from the other side.
    address: String,
    /// By which channel the last message went.
    channel: &'static str,
    subject: String,
    /// The start of the last message.
    preview: String,
    /// open or done.
    state: &'static str,
    unread: u32,
    /// The user who looks after it.
    assigned: Option<String>,
    messages: u32,
    opened_at: String,
    changed_at: String,
}

impl ThreadShape {
    fn of(app: &App, thread: &Thread) -> Answer<Self> {
        let contact = match thread.contact {
            Some(contact) => Some(app.repo().current_id(contact)?),
            None => None,
        };
        Ok(Self {
            id: thread.id.to_string(),
            contact: contact.map(|contact| contact.to_string()),
            address: thread.address.reveal().clone(),
            channel: thread.channel.as_str(),
            subject: thread.subject.reveal().clone(),
            preview: thread.preview.reveal().clone(),
            state: match thread.state {
                ThreadState::Open => "open",
                ThreadState::Done => "done",
            },
            unread: thread.unread,
            assigned: thread.assigned.map(|user| user.to_string()),
            messages: thread.messages,
            opened_at: time(thread.opened_at),
            changed_at: time(thread.changed_at),
        })
    }
}

/// Threads, last changed first or in the other order.
#[utoipa::path(get, path = "/api/v1/inbox", tag = "inbox", operation_id = "listThreads",
    params(ThreadsAsked), responses((status = 200, body = PageOf<ThreadShape>)))]
pub(super) async fn list(
    State(app): State<Arc<App>>,
    caller: Caller,
    Asked(asked): Asked<ThreadsAsked>,
    pages: Pages,
) -> Answer<axum::Json<PageOf<ThreadShape>>> {
    let page = pages.wanted(asked.limit, asked.cursor.as_deref())?;
    let order = order(asked.order.as_deref())?;
    let listed = match asked.list.as_deref() {
        None | Some("open") => ThreadList::In(ThreadState::Open),
        Some("done") => ThreadList::In(ThreadState::Done),
        Some("unread") => ThreadList::Unread,
        Some("mine") => ThreadList::Assigned(Some(caller.user.id)),
        Some("unassigned") => ThreadList::Assigned(None),
        Some(_) => {
            let detail = "A list is open, done, unread, mine or unassigned.";
            return Err(Problem::field("list", detail));
        }
    };
    apart(&app, move |app| {
        let place = (order, page.after);
        let found = data::threads_seen(app, &caller.access, listed, place, page.limit)?;
        let shape = |thread: &Loaded<Thread>| ThreadShape::of(app, thread);
        let rows = found.rows.iter().map(shape).collect::<Answer<_>>()?;
        Ok(axum::Json(pages.page(rows, found.next)))
    })
    .await
}

pub(super) fn thread(app: &App, text: &str) -> Answer<Loaded<Thread>> {
    let of: ThreadId = id(text, "thread")?;
    let found = app.repo().thread(of)?;
    found.ok_or_else(|| Problem::not_found("thread"))
}

/// One thread.
#[utoipa::path(get, path = "/api/v1/inbox/{id}", tag = "inbox", operation_id = "getThread",
    params(("id" = String, Path)), responses((status = 200, body = ThreadShape)))]
pub(super) async fn get(
    State(app): State<Arc<App>>,
    Ids(text): Ids<String>,
) -> Answer<axum::Json<ThreadShape>> {
    Ok(axum::Json(ThreadShape::of(
        &app,
        &thread(&app, &text)?.value,
    )?))
}

/// A file that came with a message.
#[derive(Debug, Serialize, ToSchema)]
struct MessageFileShape {
    /// Its name without what deceives; may be empty.
    name: String,
    size_bytes: u64,
    /// What the virus scanner found in it last: clean, virus (it is not handed out) or too-large
    /// (it does not look through it); null where none has looked through it yet.
    scan: Option<&'static str>,
    /// Name of the virus that was found in it.
    virus: Option<String>,
}

impl MessageFileShape {
    fn of(file: &MessageFile) -> Self {
        let scan = file.scan.as_ref().map(|scan| match scan.found {
            ScanFound::Nothing => "clean",
            ScanFound::Virus(_) => "virus",
            ScanFound::TooLarge => "too-large",
        });
        Self {
            name: attachment::kept_name(file.name.reveal()),
            size_bytes: file.size_bytes,
            scan,
            virus: file.virus().map(ToOwned::to_owned),
        }
    }
}

/// One message of a thread.
#[derive(Debug, Serialize, ToSchema)]
pub(super) struct MessageShape {
    id: String,
    /// in: from the person; out: to the person.
    direction: &'static str,
    /// written, automatic (a machine answered), opt-out, opt-in, keys (pressed in a call) or
    /// report (of a mail server, about nothing that can be proven).
    kind: &'static str,
    channel: &'static str,
    at: String,
    /// The other side's address or number.
    from: String,
    text: String,
    /// Whether the text is longer than what stands here.
    cut: bool,
    /// The files that came with it, in the order in which they are fetched.
    files: Vec<MessageFileShape>,
    /// The delivery that it answers, or that took it.
    delivery: Option<String>,
    communication: Option<String>,
    /// The user who wrote it.
    by: Option<String>,
    /// What was found out about where a mail came from; null for what is no mail.
    authentication: Option<AuthenticationShape>,
}

/// Results in the words of RFC 8601: pass, fail, softfail, neutral, none, temperror or permerror.
#[derive(Debug, Serialize, ToSchema)]
pub(super) struct AuthenticationShape {
    /// Whether the server may send for the domain of the envelope sender.
    spf: &'static str,
    /// Whether a domain has signed the mail.
    dkim: &'static str,
    /// Whether one of the two speaks for the author's domain.
    dmarc: &'static str,
    /// proven, unproven, or forged: the author's domain disowns it.
    origin: &'static str,
}

impl AuthenticationShape {
    const fn of(found: Authentication) -> Self {
        Self {
            spf: found.spf.as_str(),
            dkim: found.dkim.as_str(),
            dmarc: found.dmarc.as_str(),
            origin: match found.provenance() {
                Provenance::Proven => "proven",
                Provenance::Unproven => "unproven",
                Provenance::Forged => "forged",
            },
        }
    }
}

impl MessageShape {
    fn of(app: &App, message: &Message) -> Answer<Self> {
        let mut text = match message.body {
            Some(body) => app.repo().text(body)?,
            None => message.preview.reveal().clone(),
        };
        let cut = text.len() > TEXT_MAX;
        text.truncate(text.floor_char_boundary(TEXT_MAX));
        let files = message.files.iter().map(MessageFileShape::of);
        Ok(Self {
            id: message.id.to_string(),
            direction: match message.direction {
                Direction::In => "in",
                Direction::Out => "out",
            },
            kind: match message.kind {
                MessageKind::Written => "written",
                MessageKind::Automatic => "automatic",
                MessageKind::OptOut => "opt-out",
                MessageKind::OptIn => "opt-in",
                MessageKind::Keys => "keys",
                MessageKind::Report => "report",
            },
            channel: message.channel.as_str(),
            at: time(message.at),
            from: message.from.reveal().clone(),
            text,
            cut,
            files: files.collect(),
            delivery: message.delivery.map(|delivery| delivery.to_string()),
            communication: message.communication.map(|one| one.to_string()),
            by: message.by.map(|user| user.to_string()),
            authentication: message.authentication.map(AuthenticationShape::of),
        })
    }
}

/// Messages of a thread, newest first or oldest first. A page ends early when its texts are long.
#[utoipa::path(get, path = "/api/v1/inbox/{id}/messages", tag = "inbox",
    operation_id = "listMessages", params(("id" = String, Path), OrderedAsked),
    responses((status = 200, body = PageOf<MessageShape>)))]
pub(super) async fn messages(
    State(app): State<Arc<App>>,
    Ids(text): Ids<String>,
    Asked(asked): Asked<OrderedAsked>,
    pages: Pages,
) -> Answer<axum::Json<PageOf<MessageShape>>> {
    let (page, order) = asked.wanted(&pages)?;
    apart(&app, move |app| {
        let of = thread(app, &text)?.id;
        let found = app.repo().messages_in(order, of, page.after, page.limit)?;
        let (mut rows, mut size, mut next) = (Vec::new(), 0, found.next);
        for message in &found.rows {
            let shape = MessageShape::of(app, message)?;
            size += shape.text.len();
            rows.push(shape);
            if size > TEXTS_MAX {
                next = Some(message.key());
                break;
            }
        }
        Ok(axum::Json(pages.page(rows, next)))
    })
    .await
}

/// An answer to a person.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct AnswerAsked {
    /// email or text.
    channel: String,
    /// By which of the contact's methods; the first that works when it is not given.
    method: Option<String>,
    /// Subject of an email.
    #[serde(default)]
    subject: String,
    text: String,
    /// `messages` of the thread as it was read: it is marked as read, unless there are later ones
    /// in it. Without this it stays as it is.
    seen: Option<u32>,
}

/// Answers: a message to the person, which stands in the thread from then on.
#[utoipa::path(post, path = "/api/v1/inbox/{id}/answer", tag = "inbox",
    operation_id = "answerThread", params(("id" = String, Path)), request_body = AnswerAsked,
    responses((status = 201, description = "The communication that carries it", body = Made)))]
pub(super) async fn answer(
    State(app): State<Arc<App>>,
    caller: Caller,
    Ids(text): Ids<String>,
    Json(asked): Json<AnswerAsked>,
) -> Answer<Response> {
    let thread = thread(&app, &text)?.id;
    let method: Option<MethodId> = match asked.method.as_deref() {
        None => None,
        Some(text) => Some(field_id("method", text)?),
    };
    let answer = submit::Answer {
        id: CommunicationId::new(app.console.random.uuid_v7(app.now())),
        thread,
        channel: channel("channel", &asked.channel)?,
        method,
        subject: asked.subject,
        text: asked.text,
        by: caller.user.id,
    };
    app.console.submit.answer(&answer).await?;
    if let Some(seen) = asked.seen {
        let tracker = &app.console.tracker;
        let marked = tracker.mark_thread(thread, false, seen.saturating_add(1));
        if let Err(error) = marked.await {
            // The answer is on its way: nobody is to send it again for this.
            tracing::warn!(%thread, %error, "an answered thread could not be marked as read");
        }
    }
    Ok(created(answer.id, "/api/v1/communications"))
}

/// Who is to look after a thread.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct AssignAsked {
    /// The user, or null for nobody.
    #[serde(deserialize_with = "Option::deserialize")]
    to: Option<String>,
}

/// Gives a thread to somebody, or to nobody.
#[utoipa::path(post, path = "/api/v1/inbox/{id}/assign", tag = "inbox",
    operation_id = "assignThread", params(("id" = String, Path)), request_body = AssignAsked,
    responses((status = 204)))]
pub(super) async fn assign(
    State(app): State<Arc<App>>,
    Ids(text): Ids<String>,
    Json(asked): Json<AssignAsked>,
) -> Answer<StatusCode> {
    let of: ThreadId = id(&text, "thread")?;
    let to: Option<UserId> = match asked.to.as_deref() {
        None => None,
        Some(text) => {
            let user: UserId = field_id("to", text)?;
            if !app.may_keep(of, user).await? {
                let detail = "There is no such user who reads the inbox.";
                return Err(Problem::field("to", detail));
            }
            Some(user)
        }
    };
    app.console.tracker.assign_thread(of, to).await?;
    Ok(StatusCode::NO_CONTENT)
}

/// Whether a thread is unread.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct MarkAsked {
    unread: bool,
    /// `messages` of the thread as it was read: with later ones in it, it stays unread.
    seen: Option<u32>,
}

/// Marks a thread's messages as read, or its last one as unread.
#[utoipa::path(post, path = "/api/v1/inbox/{id}/read", tag = "inbox", operation_id = "markThread",
    params(("id" = String, Path)), request_body = MarkAsked, responses((status = 204)))]
pub(super) async fn mark(
    State(app): State<Arc<App>>,
    Ids(text): Ids<String>,
    Json(asked): Json<MarkAsked>,
) -> Answer<StatusCode> {
    let of = thread(&app, &text)?;
    let tracker = &app.console.tracker;
    tracker
        .mark_thread(of.id, asked.unread, asked.seen.unwrap_or(of.messages))
        .await?;
    Ok(StatusCode::NO_CONTENT)
}

/// Whether a thread is dealt with.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct FinishAsked {
    /// True when it is dealt with, false to open it again.
    done: bool,
    /// `messages` of the thread as it was read: with later ones in it, it stays open.
    seen: Option<u32>,
}

/// Says that a thread is dealt with, or is not.
#[utoipa::path(post, path = "/api/v1/inbox/{id}/done", tag = "inbox",
    operation_id = "finishThread", params(("id" = String, Path)), request_body = FinishAsked,
    responses((status = 204)))]
pub(super) async fn finish(
    State(app): State<Arc<App>>,
    Ids(text): Ids<String>,
    Json(asked): Json<FinishAsked>,
) -> Answer<StatusCode> {
    let of = thread(&app, &text)?;
    let state = if asked.done {
        ThreadState::Done
    } else {
        ThreadState::Open
    };
    let tracker = &app.console.tracker;
    tracker
        .finish_thread(of.id, state, asked.seen.unwrap_or(of.messages))
        .await?;
    Ok(StatusCode::NO_CONTENT)
}
