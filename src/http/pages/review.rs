//! The last look before sending, and sending.

use std::sync::Arc;

use askama::Template;
use axum::extract::{Path, State};
use axum::http::StatusCode;
use axum::response::{IntoResponse, Redirect};

use super::super::App;
use super::super::data::Areas;
use super::super::fault::Fault;
use super::super::session::{Signed, SignedForm};
use super::super::view::{Chrome, channel_icon};
use super::compose::{see, sms_count};
use super::problems::{Problem, Problems};
use super::{Answer, id, show_as};
use crate::domain::segments::segments;
use crate::domain::{Category, Channel, CommunicationId, CommunicationState, ContactId};
use crate::submit::{ChannelCount, DraftInput, Sent, SubmitError};

struct ChannelTile {
    icon: &'static str,
    label: String,
    people: u64,
    note: String,
}

struct Unreached {
    id: ContactId,
    name: String,
    why: String,
}

#[derive(Template)]
#[template(path = "review.html")]
struct Page {
    c: Chrome,
    id: CommunicationId,
    edit: String,
    title: String,
    problems: Vec<Problem>,
    people: u64,
    audience: String,
    channels: Vec<ChannelTile>,
    category: Category,
    cannot_count: u64,
    cannot: Vec<Unreached>,
    d: DraftInput,
    sms_count: String,
}

/// `GET /communications/{id}/review`
pub(super) async fn page(
    State(app): State<Arc<App>>,
    signed: Signed,
    Path(text): Path<String>,
) -> Answer {
    look(&app, &signed, id(&text)?, StatusCode::OK).await
}

async fn look(app: &App, signed: &Signed, id: CommunicationId, status: StatusCode) -> Answer {
    let communication = app.repo().communication(id)?.ok_or(Fault::NotFound)?;
    if communication.state != CommunicationState::Draft {
        return Ok(Redirect::to(&format!("/communications/{id}")).into_response());
    }
    let c = Chrome::of(
        app,
        signed,
        signed.words.t("review.title"),
        "communications",
    )?;
    let review = app.console.submit.review(id).await?;
    let d = app.console.submit.draft(id)?;
    let unreached = review.cannot_reach.iter().flat_map(|group| {
        let why = c.words.say(group.why);
        group.some.iter().map(move |(id, name)| Unreached {
            id: *id,
            name: name.clone(),
            why: why.to_owned(),
        })
    });
    let page = Page {
        id,
        edit: format!("/communications/{id}/edit"),
        title: c.title_of(&communication),
        people: review.people,
        audience: audience(app, &c, &d)?,
        channels: review
            .channels
            .iter()
            .map(|count| tile(&c, count, &d))
            .collect(),
        category: app.console.tracker.category(&communication.category),
        cannot_count: review.cannot_reach_count,
        cannot: unreached.collect(),
        sms_count: sms_count(&c, &d.content.sms_text),
        problems: Problems::new(&review.problems, c.words).summary(&c),
        d,
        c,
    };
    show_as(status, &page)
}

fn audience(app: &App, c: &Chrome, draft: &DraftInput) -> Result<String, Fault> {
    let areas = Areas::read(app.repo())?;
    let mut names: Vec<String> = draft
        .audience
        .areas
        .iter()
        .map(|id| areas.name(Some(*id)).to_owned())
        .collect();
    let contacts = draft.audience.contacts.len() as u64;
    if contacts > 0 {
        names.push(c.people(&contacts));
    }
    Ok(names.join(", "))
}

fn tile(c: &Chrome, count: &ChannelCount, draft: &DraftInput) -> ChannelTile {
    let note = match count.channel {
        Channel::Email => c.n("review.emails_one", "review.emails_many", &count.deliveries),
        Channel::Call => c.n("review.calls_one", "review.calls_many", &count.deliveries),
        Channel::Text => {
            let segments = segments(&draft.content.sms_text).count as u64;
            c.n(
                "review.segments_one",
                "review.segments_many",
                &(segments * count.deliveries),
            )
        }
    };
    ChannelTile {
        icon: channel_icon(count.channel),
        label: c.channel(&count.channel),
        people: count.people,
        note,
    }
}

/// `POST /communications/{id}/send`. Pressed twice, it sends once.
pub(super) async fn send(
    State(app): State<Arc<App>>,
    Path(text): Path<String>,
    form: SignedForm,
) -> Answer {
    let id: CommunicationId = id(&text)?;
    match app.console.submit.send(id).await {
        Ok(Sent::Now { people }) => {
            tracing::info!(communication = %id, user = %form.signed.user.id, people, "sent from the console");
            Ok(see(&format!("/communications/{id}?done=sent")))
        }
        Ok(Sent::Later { .. }) => Ok(see(&format!("/communications/{id}/review"))),
        Ok(Sent::Before) | Err(SubmitError::AlreadySent) => {
            Ok(see(&format!("/communications/{id}?done=before")))
        }
        Err(SubmitError::Invalid(_)) => {
            look(&app, &form.signed, id, StatusCode::UNPROCESSABLE_ENTITY).await
        }
        Err(error) => Err(error.into()),
    }
}
