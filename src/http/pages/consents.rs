//! What a person has said yes and no to, with what proves it.

use std::sync::Arc;

use axum::extract::{Path, State};

use super::super::App;
use super::super::data::Result;
use super::super::fault::Fault;
use super::super::session::SignedForm;
use super::super::times::When;
use super::super::view::{Badge, Chrome};
use super::communications::category_title;
use super::compose::see;
use super::contact_edit::Choice;
use super::contact_steps::channel;
use super::{Answer, id};
use crate::domain::wishes::PROOF_NOTE_SIZE_MAX;
use crate::domain::{Actor, Channel, Consent, Contact, ContactId, ProofKind, Redacted};

/// One decision.
pub(super) struct Row {
    pub(super) channel: String,
    pub(super) category: String,
    pub(super) badge: Badge,
    pub(super) when: When,
    pub(super) proof: String,
}

/// All decisions, and what can be decided.
pub(super) struct Consents {
    pub(super) rows: Vec<Row>,
    pub(super) channels: Vec<Choice>,
    pub(super) categories: Vec<Choice>,
    pub(super) note_max: usize,
}

/// A contact's decisions, latest first.
pub(super) fn of(app: &App, c: &Chrome, contact: &Contact) -> Result<Consents> {
    let mut rows = Vec::new();
    for consent in contact.wishes.consents.iter().rev() {
        rows.push(row(app, c, consent)?);
    }
    let categories = app.console.submit.categories();
    Ok(Consents {
        rows,
        channels: Channel::ALL
            .into_iter()
            .map(|channel| Choice {
                value: channel.as_str().to_owned(),
                text: c.channel(&channel),
                chosen: false,
            })
            .collect(),
        categories: categories
            .iter()
            .map(|category| Choice {
                value: category.name.clone(),
                text: category_title(app, c.words, &category.name),
                chosen: false,
            })
            .collect(),
        note_max: PROOF_NOTE_SIZE_MAX,
    })
}

fn row(app: &App, c: &Chrome, consent: &Consent) -> Result<Row> {
    let (tone, icon, key) = if consent.given {
        ("good", "check", "consent.yes")
    } else {
        ("", "stop", "consent.no")
    };
    let user = |id| -> Result<String> {
        let user = app.repo().user(id)?;
        Ok(user.map_or_else(|| c.t("person.gone").to_owned(), |user| user.name.clone()))
    };
    let how = match consent.proof {
        ProofKind::Operator(id) => c.f1("consent.by_operator", user(id)?),
        ProofKind::Program(id) => c.f1("consent.by_program", user(id)?),
        ProofKind::SelfService => c.t("consent.by_person").to_owned(),
        ProofKind::Link => c.t("consent.by_link").to_owned(),
        ProofKind::OneClick => c.t("consent.by_click").to_owned(),
        ProofKind::Keyword => c.t("consent.by_keyword").to_owned(),
        ProofKind::Import(_) => c.t("consent.by_import").to_owned(),
    };
    let note = consent.note.reveal();
    Ok(Row {
        channel: consent.channel.map_or_else(
            || c.t("consent.all_channels").to_owned(),
            |one| c.channel(&one),
        ),
        category: consent.category.as_ref().map_or_else(
            || c.t("consent.all_categories").to_owned(),
            |name| category_title(app, c.words, name),
        ),
        badge: Badge {
            tone,
            icon,
            text: c.t(key).to_owned(),
        },
        when: c.when(&consent.at),
        proof: if note.is_empty() {
            how
        } else {
            format!("{how} · {note}")
        },
    })
}

/// `POST /contacts/{id}/consents`
pub(super) async fn decide(
    State(app): State<Arc<App>>,
    Path(text): Path<String>,
    form: SignedForm,
) -> Answer {
    let contact: ContactId = id(&text)?;
    let SignedForm { signed, fields } = form;
    let category = fields.get("category");
    let known = app.console.submit.categories();
    let category = match category {
        "" => None,
        name if known.iter().any(|one| one.name == name) => Some(name.to_owned()),
        _ => return Err(Fault::BadRequest),
    };
    let mut note = fields.get("note").trim().replace(char::is_control, " ");
    while note.len() > PROOF_NOTE_SIZE_MAX {
        note.pop();
    }
    let consent = Consent {
        channel: channel(&fields),
        category,
        given: fields.get("given") == "yes",
        at: app.now(),
        proof: ProofKind::Operator(signed.user.id),
        note: Redacted::new(note),
    };
    let by = Actor::User(signed.user.id);
    app.console
        .tracker
        .decide_consent(contact, &consent, by)
        .await?;
    Ok(see(&format!("/contacts/{contact}?done=decided#wishes")))
}
