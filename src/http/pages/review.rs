//! The last look before sending, and sending.

use std::sync::Arc;

use askama::Template;
use axum::extract::{Path, State};
use axum::http::{StatusCode, Uri};
use axum::response::{IntoResponse, Redirect};

use super::super::App;
use super::super::data::{self, Areas, Result};
use super::super::fault::Fault;
use super::super::fields::Fields;
use super::super::session::{Signed, SignedForm};
use super::super::view::{Chrome, channel_icon};
use super::compose::{Preview, amounts, revision, see, time_field};
use super::problems::{Problem, Problems};
use super::related::{self, RelatedView};
use super::review_notes::{self, Note, notes};
use super::trial::{self, TrialView};
use super::{Answer, apart, attachments, id, show_as};
use crate::domain::{
    Access, Attachment, Audience, Category, Channel, Communication, CommunicationId,
    CommunicationState, ContactId, Timestamp,
};
use crate::submit::{Amount, ChannelCount, DraftInput, FieldError, Review, Sent, SubmitError};

struct ChannelTile {
    icon: &'static str,
    label: String,
    people: u64,
    note: String,
}

struct Reason {
    why: String,
    count: String,
    some: Vec<(ContactId, String)>,
    more: u64,
}

/// A file in a list.
pub(super) struct FileView {
    pub(super) index: usize,
    pub(super) name: String,
    pub(super) size: String,
}

/// What can be done with it now.
struct Doing {
    /// It is a draft, and nothing keeps it from being sent.
    send: Option<String>,
    /// Somebody else has to approve it: ask.
    ask: bool,
    /// The reader may decide.
    decide: bool,
    /// It can be taken back to go on writing.
    withdraw: bool,
    edit: bool,
}

#[derive(Template)]
#[template(path = "review.html")]
struct Page {
    c: Chrome,
    id: CommunicationId,
    /// What the reader looks at.
    revision: u64,
    changed: bool,
    edit: String,
    title: String,
    lead: &'static str,
    problems: Vec<Problem>,
    p: Problems,
    note: String,
    standing: Vec<Note>,
    notes: Vec<Note>,
    people: u64,
    audience: String,
    channels: Vec<ChannelTile>,
    category: Category,
    cannot_count: u64,
    cannot: Vec<Reason>,
    files: Vec<FileView>,
    when: String,
    steps: Vec<String>,
    trials: TrialView,
    related: Vec<RelatedView>,
    doing: Doing,
    v: Preview,
    draft: bool,
    /// What has to be looked at and confirmed.
    warnings: Vec<Problem>,
}

/// `GET /communications/{id}/review`
pub(super) async fn page(
    State(app): State<Arc<App>>,
    signed: Signed,
    Path(text): Path<String>,
    uri: Uri,
) -> Answer {
    let look = Look {
        done: Fields::of_query(&uri).get("done").to_owned(),
        ..Look::default()
    };
    show(&app, &signed, id(&text)?, look).await
}

/// With what the page is shown.
#[derive(Default)]
pub(super) struct Look {
    pub(super) done: String,
    pub(super) errors: Vec<FieldError>,
    /// The note that was typed.
    pub(super) note: String,
    /// It is not what the reader saw before.
    pub(super) changed: bool,
}

impl Look {
    /// Because there are warnings that nobody has confirmed.
    pub(super) fn unconfirmed() -> Self {
        let problem = "Look at the warnings and confirm them.";
        Self {
            errors: vec![FieldError::new("confirm_warnings", problem)],
            ..Self::default()
        }
    }

    /// Because what was seen before is not what is there now.
    pub(super) fn changed() -> Self {
        Self {
            changed: true,
            ..Self::default()
        }
    }
}

pub(super) async fn show(
    app: &Arc<App>,
    signed: &Signed,
    id: CommunicationId,
    look: Look,
) -> Answer {
    let communication = app.repo().communication(id)?.ok_or(Fault::NotFound)?;
    if communication.is_sent() {
        return Ok(
            Redirect::to(&format!("/communications/{id}?done={}", look.done)).into_response(),
        );
    }
    let review = app.console.submit.review(id).await?;
    let (app, signed) = (Arc::clone(app), signed.clone());
    apart(move || {
        let review = review.name_only(|id| app.sees(&signed.access, id))?;
        made(&app, &signed, communication.value, review, look)
    })
    .await
}

/// The page, made of what was read first and some hundred rows more.
fn made(
    app: &App,
    signed: &Signed,
    communication: Communication,
    review: Review,
    look: Look,
) -> Answer {
    let id = communication.id;
    let title = signed.words.t("review.title");
    let c = Chrome::of(app, signed, title, "communications")?.with_done(&look.done);
    let d = app.console.submit.draft(id)?;
    let draft = communication.state == CommunicationState::Draft;
    let mut errors = look.errors;
    let status = match (look.changed, errors.is_empty()) {
        (true, _) => StatusCode::CONFLICT,
        (false, true) => StatusCode::OK,
        (false, false) => StatusCode::UNPROCESSABLE_ENTITY,
    };
    if draft {
        let known = |error: &FieldError| !review.problems.contains(error);
        errors.retain(known);
        errors.extend(review.problems.clone());
    }
    let p = Problems::new(&errors, c.words);
    let missed = review_notes::is_missed(&communication, &c);
    let page = Page {
        id,
        revision: communication.modified_at.as_millis(),
        changed: look.changed,
        edit: format!("/communications/{id}/edit"),
        title: c.title_of(&communication),
        lead: c.t(lead(communication.state)),
        people: review.people,
        audience: audience(app, &c, &d.audience, review.left_out)?,
        channels: review
            .channels
            .iter()
            .map(|count| tile(&c, count, &review.cost))
            .collect(),
        category: app.console.tracker.category(&communication.category),
        cannot_count: review.cannot_reach_count,
        cannot: reasons(&c, &review),
        standing: review_notes::standing(app, &c, &communication)?,
        notes: notes(app, &c, &d, &review)?,
        files: files(&c, &d.content.attachments),
        when: when(&c, d.plan.scheduled_at.filter(|_| !missed)),
        steps: steps(&c, &d),
        trials: trial::view(app, &c, signed, id)?,
        related: related::earlier(app, &c, &signed.access, &communication)?,
        doing: doing(&c, &signed.access, &communication, &review),
        v: Preview::of(app, &c, &d, Some((id, communication.modified_at))),
        warnings: Problems::new(&review.warnings, c.words).summary(&c),
        problems: p.summary(&c),
        p,
        note: look.note,
        draft,
        c,
    };
    show_as(status, &page)
}

const fn lead(state: CommunicationState) -> &'static str {
    match state {
        CommunicationState::Draft | CommunicationState::Expanding | CommunicationState::Sent => {
            "review.lead"
        }
        CommunicationState::AwaitingApproval => "review.lead_waiting",
        CommunicationState::Scheduled => "review.lead_scheduled",
    }
}

fn doing(c: &Chrome, reader: &Access, of: &Communication, review: &Review) -> Doing {
    let waiting = of.state == CommunicationState::AwaitingApproval;
    let draft = of.state == CommunicationState::Draft;
    let ready = draft && review.problems.is_empty();
    let label = match of.plan.scheduled_at {
        Some(_) => c.t("review.schedule").to_owned(),
        None => c.n("review.send_one", "review.send_many", &review.people),
    };
    Doing {
        send: (ready && !review.needs_approval && c.may_send()).then_some(label),
        ask: ready && review.needs_approval && c.may_write(),
        decide: waiting && data::may_decide(of, reader),
        withdraw: (waiting || of.state == CommunicationState::Scheduled) && c.may_write(),
        edit: draft && c.may_write(),
    }
}

fn reasons(c: &Chrome, review: &Review) -> Vec<Reason> {
    let reason = |group: &crate::submit::Unreached| Reason {
        why: c.words.say(group.why).to_owned(),
        count: c.people(&group.count),
        more: group.count.saturating_sub(group.some.len() as u64),
        some: group.some.clone(),
    };
    review.cannot_reach.iter().map(reason).collect()
}

/// Files as a list.
pub(super) fn files(c: &Chrome, of: &[Attachment]) -> Vec<FileView> {
    let files = of.iter().enumerate();
    files
        .map(|(index, file)| FileView {
            index,
            name: file.name.clone(),
            size: attachments::size(c, file.size_bytes),
        })
        .collect()
}

/// When it goes out, in words.
pub(super) fn when(c: &Chrome, at: Option<Timestamp>) -> String {
    let Some(at) = at else {
        return String::new();
    };
    let (_, twice) = time_field(at, c.zone());
    let text = c.f2("review.when", c.when(&at).inside, c.zone_name());
    if twice {
        format!("{text} {}", c.t("compose.time_twice"))
    } else {
        text
    }
}

fn steps(c: &Chrome, draft: &DraftInput) -> Vec<String> {
    let step = |step: &crate::domain::EscalationStep| {
        let channel = c.channel(&step.channel);
        let minutes = step.after.as_secs() / 60;
        if minutes == 0 {
            c.f1("review.step_now", channel)
        } else {
            c.f2("review.step_later", channel, minutes)
        }
    };
    draft.plan.escalation.iter().map(step).collect()
}

fn audience(app: &App, c: &Chrome, of: &Audience, left_out: u64) -> Result<String> {
    let areas = Areas::read(app.repo())?;
    let mut names: Vec<String> = Vec::new();
    names.extend(of.areas.iter().map(|id| areas.name(Some(*id)).to_owned()));
    for id in &of.groups {
        names.extend(app.repo().group(*id)?.map(|group| group.name.clone()));
    }
    for id in &of.filters {
        names.extend(app.repo().filter(*id)?.map(|filter| filter.name.clone()));
    }
    if of.list.is_some() {
        names.push(c.f1("review.list", of.list_people));
    }
    let contacts = of.contacts.len() as u64;
    if contacts > 0 {
        names.push(c.people(&contacts));
    }
    let mut text = names.join(", ");
    if left_out > 0 {
        text.push_str(" · ");
        text.push_str(&c.n("review.left_out_one", "review.left_out_many", &left_out));
    }
    Ok(text)
}

fn tile(c: &Chrome, count: &ChannelCount, cost: &[Amount]) -> ChannelTile {
    let mut note = match count.channel {
        Channel::Email => c.n("review.emails_one", "review.emails_many", &count.deliveries),
        Channel::Call => c.n("review.calls_one", "review.calls_many", &count.deliveries),
        Channel::Text => c.n(
            "review.segments_one",
            "review.segments_many",
            &count.segments,
        ),
    };
    if count.channel == Channel::Text && !cost.is_empty() {
        note.push_str(" · ");
        note.push_str(&amounts(c, cost));
    }
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
    let seen = revision(&form.fields);
    let confirmed = form.fields.has("confirm_warnings");
    let sent = match app.check_audience(&form.signed.access, id).await {
        Ok(()) => app.console.submit.send_confirmed(id, seen, confirmed).await,
        Err(error) => Err(error),
    };
    match sent {
        Err(SubmitError::Unconfirmed(_)) => show(&app, &form.signed, id, Look::unconfirmed()).await,
        Ok(Sent::Now { people }) => {
            tracing::info!(communication = %id, user = %form.signed.user.id, people, "sent from the console");
            Ok(see(&format!("/communications/{id}?done=sent")))
        }
        Ok(Sent::Later { .. }) => Ok(see(&format!("/communications/{id}/review?done=scheduled"))),
        Ok(Sent::Before) | Err(SubmitError::AlreadySent) => {
            Ok(see(&format!("/communications/{id}?done=before")))
        }
        // Somebody put other rules into force since the page was shown.
        Err(SubmitError::NeedsApproval) => Ok(see(&format!("/communications/{id}/review"))),
        Err(SubmitError::Invalid(errors)) => {
            let look = Look {
                errors,
                ..Look::default()
            };
            show(&app, &form.signed, id, look).await
        }
        Err(SubmitError::Changed) => show(&app, &form.signed, id, Look::changed()).await,
        Err(error) => Err(error.into()),
    }
}
