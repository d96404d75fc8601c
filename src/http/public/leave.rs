//! Taking one's data along, and leaving.

use std::sync::Arc;

use askama::Template;
use axum::extract::State;
use axum::http::request::Parts;
use axum::http::{HeaderValue, StatusCode, header};
use axum::response::IntoResponse;
use serde_json::{Value, json};

use super::super::api::contact_shape::LineShape;
use super::super::data::history::{self, Line};
use super::super::fault::Fault;
use super::super::followed;
use super::frame::{Asked, Frame};
use super::visit::{Visitor, VisitorForm};
use super::{Answer, Site, guard, me, show_as, visit};
use crate::domain::{Contact, Direction, Message, Method, Timestamp, Wishes};
use crate::store::Repo;

/// Most messages that went out in the file, and most that were written in conversations, the
/// newest; and most lines of the log.
const MESSAGES_MAX: usize = 1_000;
/// Most conversations in the file, the newest.
const THREADS_MAX: usize = 200;
/// Longest text of one message of a conversation, in octets; of longer ones the start is there.
const TEXT_SIZE_MAX: usize = 64 * 1024;
/// Room for the texts of all conversations, in octets; behind that the start of each is there.
const TEXTS_SIZE_MAX: usize = 4 * 1024 * 1024;

#[derive(Template)]
#[template(path = "public_leave.html")]
struct Page {
    c: Frame,
    problem: Option<&'static str>,
}

/// `GET /me/delete`
pub(super) async fn page(State(site): State<Arc<Site>>, asked: Asked, visitor: Visitor) -> Answer {
    view(&site, &asked, &visitor, false)
}

fn view(site: &Site, asked: &Asked, visitor: &Visitor, unticked: bool) -> Answer {
    if !me::may_leave(visitor.contact.kind) {
        return Err(Fault::Forbidden);
    }
    let c = Frame::of(site, asked, visitor, "self.leave.title");
    let page = Page {
        problem: unticked.then(|| c.t("self.leave.problem")),
        c,
    };
    let status = if unticked {
        StatusCode::UNPROCESSABLE_ENTITY
    } else {
        StatusCode::OK
    };
    show_as(status, &page)
}

/// `POST /me/delete`: names, methods, area, groups, fields and wishes go; what stays is that
/// messages were sent, and that there are to be no more. It cannot be undone.
pub(super) async fn delete(
    State(site): State<Arc<Site>>,
    asked: Asked,
    form: VisitorForm,
) -> Answer {
    if !form.fields.has("sure") || !me::may_leave(form.visitor.contact.kind) {
        return view(&site, &asked, &form.visitor, true);
    }
    let id = form.visitor.contact.id;
    site.site.tracker.leave(id).await?;
    tracing::info!(contact = %id, "a person has left");
    visit::end(&site, &form.visitor, "/?done=deleted").await
}

/// `GET /me/data.json`: all that we hold about the person, and about those contacts that this one
/// took over; of what there is a lot, the newest. The files of their replies are named, no more.
/// Anybody may sign up, and nothing else here reads so much: it counts as a costly request.
pub(super) async fn data(State(site): State<Arc<Site>>, visitor: Visitor, parts: Parts) -> Answer {
    guard::costly(&site, &parts)?;
    let repo = site.repo().clone();
    let contact = visitor.contact;
    let reading = crate::clock::apart(move || whole(&repo, &contact));
    let whole = reading.await.map_err(|_| Fault::Internal)??;
    let text = serde_json::to_string_pretty(&whole).map_err(|_| Fault::Internal)?;
    let headers = [
        (
            header::CONTENT_TYPE,
            HeaderValue::from_static("application/json"),
        ),
        (
            header::CONTENT_DISPOSITION,
            HeaderValue::from_static("attachment; filename=\"my-data.json\""),
        ),
    ];
    Ok((headers, text).into_response())
}

fn whole(repo: &Repo, contact: &Contact) -> Result<Value, Fault> {
    let area = contact.area.map(|area| repo.area(area)).transpose()?;
    let area = area.flatten();
    let mut groups = Vec::new();
    for group in &contact.groups {
        groups.extend(repo.group(*group)?.map(|group| group.name.clone()));
    }
    let custom = contact
        .custom
        .iter()
        .map(|field| json!({"name": field.name, "value": field.value.reveal()}));
    Ok(json!({
        "first_name": contact.first_name.reveal(),
        "last_name": contact.last_name.reveal(),
        "kind": contact.kind.as_str(),
        "language": contact.language,
        "area": area.map(|area| area.name.clone()),
        "groups": groups,
        "fields": custom.collect::<Vec<_>>(),
        "known_since": iso(contact.created_at),
        "methods": contact.methods.iter().map(method).collect::<Vec<_>>(),
        "wishes": wishes(&contact.wishes),
        "messages": messages(repo, contact)?,
        "conversations": conversations(repo, contact)?,
        "log": log(repo, contact)?,
    }))
}

/// A time as RFC 3339 writes it.
fn iso(at: Timestamp) -> String {
    let millis = i64::try_from(at.as_millis()).unwrap_or(i64::MAX);
    jiff::Timestamp::from_millisecond(millis).map_or_else(|_| String::new(), |at| at.to_string())
}

fn method(method: &Method) -> Value {
    json!({
        "kind": method.kind.as_str(),
        "to": method.destination.reveal(),
        "state": method.state.as_str(),
        "verified": method.verified_at.map(iso),
        "suspended": method.suspension.as_ref().map(|suspension| json!({
            "since": iso(suspension.at),
            "answer": suspension.verdict.diagnostic.as_str(),
        })),
    })
}

fn wishes(wishes: &Wishes) -> Value {
    let consents = wishes.consents.iter().map(|consent| {
        json!({
            "channel": consent.channel.map(|channel| channel.as_str()),
            "category": consent.category,
            "yes": consent.given,
            "since": iso(consent.at),
            "note": consent.note.reveal(),
        })
    });
    json!({
        "quiet_minutes": wishes
            .quiet_hours
            .map(|hours| [hours.from_minute(), hours.to_minute()]),
        "first_channel": wishes.preferred.map(|channel| channel.as_str()),
        "decisions": consents.collect::<Vec<_>>(),
    })
}

/// What was written back and forth, newest first.
fn conversations(repo: &Repo, contact: &Contact) -> Result<Vec<Value>, Fault> {
    let (mut left, mut room) = (MESSAGES_MAX, TEXTS_SIZE_MAX);
    let mut conversations = Vec::new();
    for thread in repo.threads_of(contact.id, THREADS_MAX)? {
        let found = repo.messages(thread.id, None, left)?.rows;
        left -= found.len();
        let mut messages = Vec::with_capacity(found.len());
        for message in &found {
            let text = written(repo, message, room)?;
            room = room.saturating_sub(text.len());
            messages.push(json!({
                "at": iso(message.at),
                "from_you": message.direction == Direction::In,
                "channel": message.channel.as_str(),
                "text": text,
                "files": message.files.iter().map(|file| file.name.reveal()).collect::<Vec<_>>(),
            }));
        }
        conversations.push(json!({
            "subject": thread.subject.reveal(),
            "address": thread.address.reveal(),
            "messages": messages,
        }));
        if left == 0 {
            break;
        }
    }
    Ok(conversations)
}

fn written(repo: &Repo, message: &Message, room: usize) -> Result<String, Fault> {
    let mut text = match message.body.filter(|_| room > 0) {
        Some(body) => repo.text(body)?,
        None => message.preview.reveal().clone(),
    };
    text.truncate(text.floor_char_boundary(TEXT_SIZE_MAX));
    Ok(text)
}

/// What was done about the person, newest first; what was sent stands among the messages.
fn log(repo: &Repo, contact: &Contact) -> Result<Vec<Value>, Fault> {
    let mut lines = Vec::new();
    for id in repo.ids_of(contact.id)? {
        lines.extend(repo.log(id, None, MESSAGES_MAX)?.rows);
    }
    lines.sort_by_key(|line| std::cmp::Reverse(line.at));
    lines.truncate(MESSAGES_MAX);
    let shown = lines
        .into_iter()
        .map(|line| serde_json::to_value(LineShape::of(&Line::Logged(line.value))));
    shown.collect::<Result<_, _>>().map_err(|_| Fault::Internal)
}

fn messages(repo: &Repo, contact: &Contact) -> Result<Vec<Value>, Fault> {
    let mut messages = Vec::new();
    for delivery in history::deliveries(repo, contact.id, MESSAGES_MAX)? {
        let communication = repo.communication(delivery.communication)?;
        let mut targets = Vec::new();
        if let Some(communication) = &communication
            && delivery.links().next().is_some()
        {
            targets = followed::targets(repo, communication)?;
        }
        let timeline = delivery.timeline.iter().map(|change| {
            json!({
                "at": iso(change.at),
                "status": change.status.as_str(),
                "link": change.source.link().map(|link| led_to(&targets, link)),
            })
        });
        messages.push(json!({
            "title": communication.map(|communication| communication.title.clone()),
            "channel": delivery.channel.as_str(),
            "to": delivery.destination.reveal(),
            "timeline": timeline.collect::<Vec<_>>(),
        }));
    }
    Ok(messages)
}

/// Where the link with this number led; the number itself where nobody knows any more.
fn led_to(targets: &[String], link: u16) -> Value {
    let target = usize::from(link).checked_sub(1);
    let target = target.and_then(|index| targets.get(index));
    target.map_or_else(|| json!(link), |target| json!(target))
}
