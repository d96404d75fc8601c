//! One person in one communication: every delivery with everything that happened to it.

use std::sync::Arc;

use askama::Template;
use axum::extract::{Path, State};

use super::super::App;
use super::super::fault::Fault;
use super::super::followed::{self, Counted};
use super::super::session::Signed;
use super::super::times::When;
use super::super::view::{Badge, Chrome, channel_icon};
use super::evidence::Evidence;
use super::{Answer, apart, id, show};
use crate::domain::{
    Category, Communication, CommunicationId, Contact, ContactId, Delivery, DeliveryId, Person,
    Source, StatusChange,
};

struct Entry {
    badge: Badge,
    when: When,
    source: String,
    explain: String,
    evidence: Option<Evidence>,
}

struct DeliveryView {
    id: DeliveryId,
    icon: &'static str,
    channel: String,
    to: String,
    badge: Badge,
    about: String,
    closed: String,
    held: String,
    /// How much of a text of several parts arrived; empty for nothing.
    parts: String,
    timeline: Vec<Entry>,
}

#[derive(Template)]
#[template(path = "person.html")]
struct Page {
    c: Chrome,
    id: CommunicationId,
    title: String,
    contact: ContactId,
    name: String,
    state: Badge,
    /// How and when the person confirmed; empty when not, or by the key in a call.
    confirmed: String,
    deliveries: Vec<DeliveryView>,
}

/// `GET /communications/{id}/people/{contact}`
pub(super) async fn page(
    State(app): State<Arc<App>>,
    signed: Signed,
    Path((communication, contact)): Path<(String, String)>,
) -> Answer {
    apart(move || {
        let (id, contact): (CommunicationId, ContactId) = (id(&communication)?, id(&contact)?);
        let communication = app.repo().communication(id)?.ok_or(Fault::NotFound)?;
        let person = app.repo().person(id, contact)?.ok_or(Fault::NotFound)?;
        let known = app.repo().contact(contact)?;
        let gone = signed.words.t("person.gone").to_owned();
        let name = known.as_deref().map_or(gone, Contact::full_name);
        let c = Chrome::of(&app, &signed, name.clone(), "communications")?;
        let category = app.console.tracker.category(&communication.category);
        let counted = followed::counted(&app, &communication)?;
        let mut deliveries = Vec::new();
        for summary in &person.deliveries {
            if let Some(delivery) = app.repo().delivery(summary.delivery)? {
                deliveries.push(view(&c, &communication, &delivery, &category, &counted));
            }
        }
        let state = c.person(&person.state);
        let confirmed = confirmed(&c, &person);
        show(&Page {
            title: c.title_of(&communication),
            c,
            id,
            contact,
            name,
            state,
            confirmed,
            deliveries,
        })
    })
    .await
}

/// "Confirmed by the link in the text, 3 March, 12:04"; empty for nothing.
pub(super) fn confirmed(c: &Chrome, person: &Person) -> String {
    let Some(at) = person.confirmed else {
        return String::new();
    };
    let how = person.confirmed_by.map_or_else(
        || c.t("confirmed.somehow").to_owned(),
        |by| c.words.label(by.explain()),
    );
    c.f2("confirmed.how_when", how, c.when(&at).inside)
}

fn view(
    c: &Chrome,
    communication: &Communication,
    delivery: &Delivery,
    category: &Category,
    counted: &[Counted],
) -> DeliveryView {
    let about = c.round(communication, delivery.round);
    let attempts = c.n(
        "person.attempts_one",
        "person.attempts_many",
        &u64::from(delivery.attempts),
    );
    let closed = delivery
        .closed
        .map(|closed| c.words.say(closed.reason.explain()).to_owned());
    DeliveryView {
        id: delivery.id,
        icon: channel_icon(delivery.channel),
        channel: c.channel(&delivery.channel),
        to: delivery.destination.reveal().to_owned(),
        badge: c.status(delivery.status(), delivery.closed.is_some(), category),
        about: format!("{about}, {attempts}"),
        closed: closed.unwrap_or_default(),
        held: c.held(delivery).unwrap_or_default(),
        parts: parts(c, delivery),
        timeline: delivery
            .timeline
            .iter()
            .map(|change| entry(c, change, category, counted))
            .collect(),
    }
}

/// Which parts of a text arrived and which never will, once anything is known of them; empty for
/// nothing.
pub(super) fn parts(c: &Chrome, delivery: &Delivery) -> String {
    let of = delivery.remote_ids.len();
    let arrived = delivery.delivered_parts().len();
    let failed = delivery.failed_parts();
    if of < 2 || (arrived == 0 && failed.is_empty()) {
        return String::new();
    }
    if failed.is_empty() {
        return c.f2("person.parts", arrived, of);
    }
    let failed: Vec<String> = failed.iter().map(ToString::to_string).collect();
    let failed = failed.join(", ");
    c.words
        .fill("person.parts_failed", &[&failed, &of, &arrived])
}

fn entry(c: &Chrome, change: &StatusChange, category: &Category, counted: &[Counted]) -> Entry {
    let source = match change.source {
        Source::Gateway => "source.gateway",
        Source::Peer => "source.peer",
        Source::Report => "source.report",
        Source::Person | Source::Link(_) => "source.person",
        Source::Operator(_) => "source.operator",
    };
    let followed = change.source.link().map(|link| {
        let target = counted.iter().find(|one| one.number == link);
        let target = target.map_or("–", |one| one.target.as_str());
        c.f2("person.followed", link, target)
    });
    let explain = || c.words.say(change.status.explain()).to_owned();
    Entry {
        badge: c.status(change.status, false, category),
        when: c.when(&change.at),
        source: c.t(source).to_owned(),
        explain: followed.unwrap_or_else(explain),
        evidence: change
            .verdict
            .as_ref()
            .map(|verdict| Evidence::of(verdict, c.words)),
    }
}
