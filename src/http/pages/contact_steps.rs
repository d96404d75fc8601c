//! Single steps on a contact's methods: reinstate, correct, remove, opt out and in, prove.

use std::sync::Arc;

use axum::extract::{Path, State};
use axum::response::IntoResponse;

use super::super::App;
use super::super::fault::Fault;
use super::super::fields::Fields;
use super::super::session::SignedForm;
use super::super::words::Words;
use super::compose::see;
use super::contact::view;
use super::contact_status::Rejected;
use super::{Answer, apart, id};
use crate::domain::checks::{self, Weight};
use crate::domain::template::TemplateCategory;
use crate::domain::{
    Actor, Channel, ContactId, Destination, Method, MethodId, MethodKind, Redacted,
};
use crate::submit::VerificationSent;

type Ids = Path<(String, String)>;

fn ids(Path((contact, method)): Ids) -> Result<(ContactId, MethodId), Fault> {
    Ok((id(&contact)?, id(&method)?))
}

fn known(app: &App, contact: ContactId, method: MethodId) -> Result<Method, Fault> {
    let contact = app.repo().contact(contact)?.ok_or(Fault::NotFound)?;
    contact.method(method).cloned().ok_or(Fault::NotFound)
}

fn done(contact: ContactId, word: &str) -> Answer {
    Ok(see(&format!("/contacts/{contact}?done={word}")))
}

/// `POST /contacts/{id}/methods/{method}/reinstate`
pub(super) async fn reinstate(State(app): State<Arc<App>>, path: Ids, form: SignedForm) -> Answer {
    let (contact, method) = ids(path)?;
    app.console
        .tracker
        .reinstate(contact, method, form.signed.user.id)
        .await?;
    done(contact, "reinstated")
}

/// `POST /contacts/{id}/methods/{method}/correct`
pub(super) async fn correct(State(app): State<Arc<App>>, path: Ids, form: SignedForm) -> Answer {
    let (contact, method) = ids(path)?;
    let kind = known(&app, contact, method)?.kind;
    let SignedForm { signed, fields } = form;
    let destination = match corrected(&app, signed.words, method, kind, &fields) {
        Ok(destination) => destination,
        Err(rejected) => {
            return apart(move || view(&app, &signed, contact, "", Some(&rejected))).await;
        }
    };
    let submit = &app.console.submit;
    submit
        .correct(contact, method, destination, signed.user.id)
        .await?;
    done(contact, "corrected")
}

/// What a form puts in the place of an address or number, unless it cannot be taken, or is
/// doubtful and nobody said that it is right.
pub(super) fn corrected(
    app: &App,
    words: &Words,
    method: MethodId,
    kind: MethodKind,
    fields: &Fields,
) -> Result<Destination, Rejected> {
    let entered = fields.get("to").trim().to_owned();
    let checked = checks::check(kind, &entered, &app.console.settings.default_region);
    let sure = fields.all("sure").any(|sure| sure == entered);
    checked.taken(sure).cloned().map_err(|against| Rejected {
        method,
        problem: against
            .map(|remark| words.tell(&remark.sentence))
            .unwrap_or_default(),
        doubtful: checked.destination.is_some()
            && against.is_some_and(|remark| remark.weight == Weight::Doubt),
        entered,
    })
}

/// `POST /contacts/{id}/methods/{method}/opt-out`
pub(super) async fn opt_out(State(app): State<Arc<App>>, path: Ids, form: SignedForm) -> Answer {
    let (contact, method) = ids(path)?;
    let by = Actor::User(form.signed.user.id);
    app.console
        .tracker
        .opt_out_method(contact, method, by)
        .await?;
    done(contact, "opted_out")
}

/// `POST /contacts/{id}/methods/{method}/opt-in`
pub(super) async fn opt_in(State(app): State<Arc<App>>, path: Ids, form: SignedForm) -> Answer {
    let (contact, method) = ids(path)?;
    let by = Actor::User(form.signed.user.id);
    app.console
        .tracker
        .opt_in_method(contact, method, by)
        .await?;
    done(contact, "opted_in")
}

/// `POST /contacts/{id}/methods/{method}/purposes`: what letters an address is kept for.
pub(super) async fn purposes(State(app): State<Arc<App>>, path: Ids, form: SignedForm) -> Answer {
    let (contact, method) = ids(path)?;
    let wanted = |one: &TemplateCategory| form.fields.all("purpose").any(|v| v == one.as_str());
    let purposes: Vec<_> = TemplateCategory::ALL.into_iter().filter(wanted).collect();
    let by = Actor::User(form.signed.user.id);
    let tracker = &app.console.tracker;
    tracker.set_purposes(contact, method, &purposes, by).await?;
    done(contact, "saved")
}

/// `POST /contacts/{id}/methods/{method}/verify`: sends the link or code once more.
pub(super) async fn prove(State(app): State<Arc<App>>, path: Ids, form: SignedForm) -> Answer {
    let (contact, method) = ids(path)?;
    let channel = channel(&form.fields).ok_or(Fault::BadRequest)?;
    let submit = &app.console.submit;
    let by = Actor::User(form.signed.user.id);
    let sent = submit.send_verification_by(contact, method, Some(channel), by);
    match sent.await? {
        VerificationSent::Queued(_) => done(contact, "asked"),
        VerificationSent::TooSoon | VerificationSent::TooMany => done(contact, "asked_before"),
        VerificationSent::NotPossible => done(contact, "proved"),
        VerificationSent::Off => done(contact, "not_asked"),
    }
}

/// The channel that a form names.
pub(super) fn channel(fields: &Fields) -> Option<Channel> {
    let name = fields.get("channel");
    Channel::ALL
        .into_iter()
        .find(|channel| channel.as_str() == name)
}

/// `POST /contacts/check`: what there is to say about an address or number, for scripts.
pub(super) async fn check(State(app): State<Arc<App>>, form: SignedForm) -> Answer {
    let SignedForm { signed, fields } = form;
    let kind = MethodKind::ALL
        .into_iter()
        .find(|kind| kind.as_str() == fields.get("kind"))
        .ok_or(Fault::BadRequest)?;
    let region = &app.console.settings.default_region;
    let checked = checks::check(kind, fields.get("to").trim(), region);
    let remarks: Vec<_> = checked
        .remarks
        .iter()
        .map(|remark| {
            serde_json::json!({
                "weight": match remark.weight {
                    Weight::Note => "note",
                    Weight::Doubt => "doubt",
                    Weight::Impossible => "impossible",
                },
                "text": signed.words.tell(&remark.sentence),
                "meant": remark.meant.as_ref().map(Redacted::reveal),
            })
        })
        .collect();
    Ok(axum::Json(serde_json::json!({ "remarks": remarks })).into_response())
}
