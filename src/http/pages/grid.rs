//! The grid of a communication's people: how each stands, and every message to them in place.

use super::super::App;
use super::super::data::Result;
use super::super::times::When;
use super::super::view::{Badge, Chrome, channel_icon};
use crate::domain::{
    Category, Channel, Communication, Contact, ContactId, Delivery, Person, PersonDelivery, Status,
};

/// Most messages of one person that open in place; all of them stand on the person's own page.
const MESSAGES_MAX: usize = 20;

/// What went to a person by one channel.
pub(super) struct Cell {
    pub(super) label: String,
    pub(super) badges: Vec<Badge>,
}

/// One message to a person.
pub(super) struct Line {
    pub(super) icon: &'static str,
    pub(super) channel: String,
    pub(super) to: String,
    pub(super) round: String,
    pub(super) badge: Badge,
    pub(super) when: When,
    pub(super) explain: String,
}

/// One person.
pub(super) struct GridRow {
    pub(super) id: ContactId,
    pub(super) name: String,
    pub(super) issue: bool,
    /// Still among the contacts: can be modified.
    pub(super) known: bool,
    pub(super) state: Badge,
    /// How and when the person confirmed; empty when not, or by the key in a call.
    pub(super) confirmed: String,
    pub(super) cells: Vec<Cell>,
    pub(super) messages: u64,
    /// Newest first.
    pub(super) lines: Vec<Line>,
    pub(super) more: bool,
}

/// The statuses of one channel, each with what it means.
pub(super) struct Legend {
    pub(super) icon: &'static str,
    pub(super) channel: String,
    pub(super) statuses: Vec<(String, String)>,
}

/// What the statuses of these channels mean.
pub(super) fn legend(c: &Chrome, channels: &[Channel]) -> Vec<Legend> {
    let of = |channel: &Channel| Legend {
        icon: channel_icon(*channel),
        channel: c.channel(channel),
        statuses: Status::all()
            .into_iter()
            .filter(|status| status.channel() == *channel)
            .map(|status| {
                let name = c.words.label(status.as_str());
                (name, c.words.say(status.explain()).to_owned())
            })
            .collect(),
    };
    channels.iter().map(of).collect()
}

/// The rows of the grid, in the order of the people.
pub(super) fn rows(
    app: &App,
    c: &Chrome,
    communication: &Communication,
    people: &[Person],
    category: &Category,
) -> Result<Vec<GridRow>> {
    let row = |person: &Person| row(app, c, communication, person, category);
    people.iter().map(row).collect()
}

fn row(
    app: &App,
    c: &Chrome,
    communication: &Communication,
    person: &Person,
    category: &Category,
) -> Result<GridRow> {
    let contact = app.repo().contact(person.contact)?;
    let contact = contact.as_deref();
    let cell = |channel: Channel| Cell {
        label: c.channel(&channel),
        badges: latest(person, channel)
            .into_iter()
            .map(|delivery| c.status(delivery.status, delivery.closed, category))
            .collect(),
    };
    let mut lines = Vec::new();
    for summary in person.deliveries.iter().rev().take(MESSAGES_MAX) {
        if let Some(delivery) = app.repo().delivery(summary.delivery)? {
            lines.push(line(c, communication, &delivery, category));
        }
    }
    Ok(GridRow {
        id: person.contact,
        name: contact.map_or_else(|| c.t("person.gone").to_owned(), Contact::full_name),
        issue: contact.is_some_and(|contact| contact.issue_since.is_some()),
        known: contact.is_some(),
        state: c.person(&person.state),
        confirmed: super::person::confirmed(c, person),
        cells: communication.channels.iter().map(cell).collect(),
        messages: person.deliveries.len() as u64,
        lines,
        more: person.deliveries.len() > MESSAGES_MAX,
    })
}

fn line(
    c: &Chrome,
    communication: &Communication,
    delivery: &Delivery,
    category: &Category,
) -> Line {
    let status = delivery.status();
    let closed = delivery.closed.map(|closed| closed.reason.explain());
    let at = delivery.closed.map(|closed| closed.at);
    Line {
        icon: channel_icon(delivery.channel),
        channel: c.channel(&delivery.channel),
        to: delivery.destination.reveal().to_owned(),
        round: c.round(communication, delivery.round),
        badge: c.status(status, delivery.closed.is_some(), category),
        when: at
            .or(delivery.changed_at())
            .map_or_else(When::default, |at| c.when(&at)),
        explain: c
            .held(delivery)
            .unwrap_or_else(|| c.words.say(closed.unwrap_or(status.explain())).to_owned()),
    }
}

/// The last delivery to each method of a channel: reminders stand for what came before.
fn latest(person: &Person, channel: Channel) -> Vec<&PersonDelivery> {
    let mut found: Vec<&PersonDelivery> = Vec::new();
    for delivery in person
        .deliveries
        .iter()
        .filter(|delivery| delivery.status.channel() == channel)
    {
        match found
            .iter_mut()
            .find(|known| known.method == delivery.method)
        {
            Some(known) => *known = delivery,
            None => found.push(delivery),
        }
    }
    found
}
