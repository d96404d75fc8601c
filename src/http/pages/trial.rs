//! A trial of a draft, sent to oneself, and what became of it.

use std::sync::Arc;

use axum::extract::{Path, State};

use super::super::App;
use super::super::data::Result;
use super::super::session::{Signed, SignedForm};
use super::super::view::{Badge, Chrome, channel_icon};
use super::compose::see;
use super::review::{Look, show};
use super::{Answer, id};
use crate::domain::{Channel, Channels, CommunicationId, Relation};
use crate::submit::SubmitError;

/// Most communications that belong to a draft looked through for its last trial.
const RELATED_MAX: usize = 500;
/// People of a trial: its author's own addresses.
const PEOPLE_MAX: usize = 8;

pub(super) struct Own {
    pub(super) field: &'static str,
    pub(super) icon: &'static str,
    pub(super) label: String,
    /// Where it goes; empty when the account has nothing for it.
    pub(super) to: String,
}

pub(super) struct Outcome {
    pub(super) icon: &'static str,
    pub(super) channel: String,
    pub(super) badge: Badge,
}

/// The trial part of the review.
pub(super) struct TrialView {
    pub(super) own: Vec<Own>,
    pub(super) at: String,
    pub(super) outcomes: Vec<Outcome>,
}

pub(super) fn view(
    app: &App,
    c: &Chrome,
    signed: &Signed,
    id: CommunicationId,
) -> Result<TrialView> {
    let user = &signed.user;
    let own = |channel: Channel| {
        let to = match channel {
            Channel::Email => user.email.as_ref().map(|own| own.reveal().as_str()),
            Channel::Text | Channel::Call => user.mobile.as_ref().map(|own| own.reveal().as_str()),
        };
        Own {
            field: field(channel),
            icon: channel_icon(channel),
            label: c.channel(&channel),
            to: to.unwrap_or_default().to_owned(),
        }
    };
    let related = app.repo().communications_related_to(id, RELATED_MAX)?;
    let last = related.iter().rev().find(|one| {
        one.origin.user() == Some(user.id)
            && one.related.is_some_and(|to| to.relation == Relation::Trial)
    });
    let mut view = TrialView {
        own: Channel::ALL.into_iter().map(own).collect(),
        at: String::new(),
        outcomes: Vec::new(),
    };
    let Some(last) = last else {
        return Ok(view);
    };
    view.at = c.when(&last.created_at).text;
    let category = app.console.tracker.category(&last.category);
    for person in app.repo().people(last.id, None, PEOPLE_MAX)?.rows {
        let outcome = |delivery: &crate::domain::PersonDelivery| Outcome {
            icon: channel_icon(delivery.status.channel()),
            channel: c.channel(&delivery.status.channel()),
            badge: c.status(delivery.status, delivery.closed, &category),
        };
        view.outcomes.extend(person.deliveries.iter().map(outcome));
    }
    Ok(view)
}

const fn field(channel: Channel) -> &'static str {
    match channel {
        Channel::Email => "try_email",
        Channel::Text => "try_text",
        Channel::Call => "try_call",
    }
}

/// `POST /communications/{id}/trial`
pub(super) async fn send(
    State(app): State<Arc<App>>,
    Path(text): Path<String>,
    form: SignedForm,
) -> Answer {
    let id: CommunicationId = id(&text)?;
    let channels = Channels {
        email: form.fields.has(field(Channel::Email)),
        text: form.fields.has(field(Channel::Text)),
        call: form.fields.has(field(Channel::Call)),
    };
    let user = &form.signed.user;
    match app.console.submit.send_trial(id, user, channels).await {
        Ok(_) => Ok(see(&format!(
            "/communications/{id}/review?done=trial#trial"
        ))),
        Err(SubmitError::Invalid(errors)) => {
            let look = Look {
                errors,
                ..Look::default()
            };
            show(&app, &form.signed, id, look).await
        }
        Err(error) => Err(error.into()),
    }
}
