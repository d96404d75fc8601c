//! Recontact: those not reached are tried once more, after a last question.

use std::sync::Arc;

use askama::Template;
use axum::extract::{Path, State};
use axum::http::StatusCode;
use axum::response::{IntoResponse, Redirect};

use super::super::App;
use super::super::data::Result;
use super::super::fault::Fault;
use super::super::session::{Signed, SignedForm};
use super::super::view::{Chrome, channel_icon};
use super::compose::see;
use super::{Answer, id, show_as};
use crate::domain::communication::ROUNDS_MAX;
use crate::domain::{Channel, Communication, CommunicationId};
use crate::submit::{ChannelCount, RecontactPlan, RecontactRefusal, Recontacted, SubmitError};

/// What the statistics page says about recontact.
pub(super) struct RecontactView {
    /// The button is there.
    pub(super) ready: bool,
    /// Why it is not, or when it will be; empty for nothing to say.
    pub(super) note: String,
}

struct Tile {
    icon: &'static str,
    label: String,
    people: u64,
    note: String,
}

#[derive(Template)]
#[template(path = "recontact.html")]
struct Page {
    c: Chrome,
    id: CommunicationId,
    title: String,
    plan: Option<RecontactPlan>,
    tiles: Vec<Tile>,
    /// Why it is not possible.
    refusal: String,
}

/// The button or the sentence in its place.
pub(super) fn view(app: &App, c: &Chrome, communication: &Communication) -> Result<RecontactView> {
    let refusal = match app.console.submit.may_recontact(communication) {
        Ok(_) => {
            return Ok(RecontactView {
                ready: true,
                note: String::new(),
            });
        }
        Err(SubmitError::Recontact(refusal)) => refusal,
        Err(error) => return Err(error.into()),
    };
    let note = match refusal {
        // Nothing that anybody would look for here.
        RecontactRefusal::Draft | RecontactRefusal::Prompt | RecontactRefusal::NoAudience => {
            String::new()
        }
        RecontactRefusal::UnderWay
        | RecontactRefusal::Reminders { .. }
        | RecontactRefusal::Nobody
        | RecontactRefusal::OnTheWay
        | RecontactRefusal::RoundsUsedUp => sentence(c, refusal),
    };
    Ok(RecontactView { ready: false, note })
}

/// What is in the way, in a sentence.
fn sentence(c: &Chrome, refusal: RecontactRefusal) -> String {
    match refusal {
        RecontactRefusal::Draft => c.t("recontact.draft").to_owned(),
        RecontactRefusal::Prompt => c.t("recontact.prompt").to_owned(),
        RecontactRefusal::NoAudience => c.t("recontact.no_audience").to_owned(),
        RecontactRefusal::UnderWay => c.t("recontact.under_way").to_owned(),
        RecontactRefusal::Reminders { next, left } => {
            let when = c.when(&next).inside;
            if left == 1 {
                c.f1("recontact.last_reminder", when)
            } else {
                c.f2("recontact.reminders", when, left)
            }
        }
        RecontactRefusal::Nobody => c.t("recontact.nobody").to_owned(),
        RecontactRefusal::OnTheWay => c.t("recontact.on_the_way").to_owned(),
        RecontactRefusal::RoundsUsedUp => c.f1("recontact.used_up", ROUNDS_MAX),
    }
}

/// `GET /communications/{id}/recontact`: how many, by what, and that it cannot be undone.
pub(super) async fn page(
    State(app): State<Arc<App>>,
    signed: Signed,
    Path(text): Path<String>,
) -> Answer {
    let id: CommunicationId = id(&text)?;
    let communication = app.repo().communication(id)?.ok_or(Fault::NotFound)?;
    if !communication.is_sent() {
        return Ok(Redirect::to(&format!("/communications/{id}/review")).into_response());
    }
    let submit = app.console.submit.clone();
    let planned = crate::clock::apart(move || submit.recontact_plan(id)).await;
    match planned.map_err(|_| Fault::Internal)? {
        Ok(plan) => show(&app, &signed, &communication, Ok(plan), StatusCode::OK),
        Err(SubmitError::Recontact(refusal)) => {
            show(&app, &signed, &communication, Err(refusal), StatusCode::OK)
        }
        Err(error) => Err(error.into()),
    }
}

fn show(
    app: &App,
    signed: &Signed,
    communication: &Communication,
    planned: std::result::Result<RecontactPlan, RecontactRefusal>,
    status: StatusCode,
) -> Answer {
    let c = Chrome::of(
        app,
        signed,
        signed.words.t("recontact.title"),
        "communications",
    )?;
    let refusal = planned.as_ref().err();
    let refusal = refusal.map_or_else(String::new, |refusal| sentence(&c, *refusal));
    let plan = planned.ok();
    let counts = plan.iter().flat_map(|plan| &plan.channels);
    show_as(
        status,
        &Page {
            id: communication.id,
            title: c.title_of(communication),
            tiles: counts.map(|count| tile(&c, count)).collect(),
            plan,
            refusal,
            c,
        },
    )
}

fn tile(c: &Chrome, count: &ChannelCount) -> Tile {
    let note = match count.channel {
        Channel::Email => c.n("review.emails_one", "review.emails_many", &count.deliveries),
        Channel::Text => c.n(
            "recontact.texts_one",
            "recontact.texts_many",
            &count.deliveries,
        ),
        Channel::Call => c.n("review.calls_one", "review.calls_many", &count.deliveries),
    };
    Tile {
        icon: channel_icon(count.channel),
        label: c.channel(&count.channel),
        people: count.people,
        note,
    }
}

/// `POST /communications/{id}/recontact`. Pressed twice, it starts once: the form names the
/// round that it was shown for.
pub(super) async fn start(
    State(app): State<Arc<App>>,
    Path(text): Path<String>,
    form: SignedForm,
) -> Answer {
    let id: CommunicationId = id(&text)?;
    let round = form
        .fields
        .get("round")
        .parse()
        .map_err(|_| Fault::BadRequest)?;
    let by = form.signed.user.id;
    app.check_audience(&form.signed.access, id).await?;
    match app.console.submit.recontact(id, round, by).await {
        Ok(Recontacted::Now) => Ok(see(&format!("/communications/{id}?done=recontacted"))),
        Ok(Recontacted::Before) | Err(SubmitError::AlreadySent) => Ok(see(&format!(
            "/communications/{id}?done=recontacted-before"
        ))),
        Err(SubmitError::Recontact(refusal)) => {
            let communication = app.repo().communication(id)?.ok_or(Fault::NotFound)?;
            let status = StatusCode::CONFLICT;
            show(&app, &form.signed, &communication, Err(refusal), status)
        }
        Err(error) => Err(error.into()),
    }
}
