//! Making deliveries: the first entry of their timelines.

use crate::clock::Randomness;
use crate::domain::sort_name::sort_name;
use crate::domain::{
    Category, Channel, Communication, Contact, Delivery, DeliveryId, DeliverySet, Entry, Method,
    Person, PersonDelivery, PersonState, Redacted, ReportRequest, Source, Status, StatusChange,
    TextStatus, Timestamp,
};
use crate::store::{Batch, DeliveryBatch, Loaded, RowBatch};

/// What is to be made for one person.
#[derive(Clone, Copy, Debug)]
pub struct NewDelivery<'a> {
    /// By which method.
    pub method: &'a Method,
    /// By which channel.
    pub channel: Channel,
    /// What whoever handed it in asked to be told of it.
    pub report: Option<&'a ReportRequest>,
}

impl<'a> NewDelivery<'a> {
    /// One of which nobody asked to be told.
    #[must_use]
    pub const fn by(method: &'a Method, channel: Channel) -> Self {
        Self {
            method,
            channel,
            report: None,
        }
    }
}

/// A delivery that was put into the batch.
pub type MadeDelivery = DeliveryId;

/// For whom and what deliveries are made.
#[derive(Clone, Copy, Debug)]
pub struct Making<'a> {
    /// What is said.
    pub communication: &'a Communication,
    /// What counts as reached.
    pub category: &'a Category,
    /// To whom.
    pub contact: &'a Contact,
    /// 1 for the initial sending.
    pub round: u8,
    /// When it is made, and due.
    pub now: Timestamp,
    /// It is due only when there is room in its lane.
    pub awaits_turn: bool,
    /// It belongs to an emergency.
    pub express: bool,
}

/// Puts a person's new deliveries into a batch: rows, queue entries unless they await their turn,
/// the person's row and numbers. With nothing to make, a person not seen before is still written: not contacted.
pub fn make_deliveries(
    batch: &mut Batch,
    random: &Randomness,
    making: Making<'_>,
    person: Option<&Loaded<Person>>,
    wanted: &[NewDelivery<'_>],
) -> Vec<MadeDelivery> {
    let mut updated = person.map_or_else(
        || Person {
            communication: making.communication.id,
            contact: making.contact.id,
            deliveries: Vec::new(),
            state: PersonState::NotContacted,
            confirmed: None,
            confirmed_by: None,
            sort_name: sort_name_of(making.contact),
            links: Vec::new(),
        },
        |person| person.value.clone(),
    );
    let mut made = Vec::with_capacity(wanted.len());
    for together in wanted.chunks(DeliveryId::SET_SIZE) {
        let ids = DeliveryId::set_of(random.uuid_v7(making.now));
        let new = together.iter().zip(ids);
        let new = new
            .map(|(new, id)| new_delivery(id, making, *new))
            .collect();
        let Some(set) = DeliverySet::new(new) else {
            continue;
        };
        for delivery in set.deliveries() {
            updated.deliveries.push(PersonDelivery {
                delivery: delivery.id,
                method: delivery.method,
                status: delivery.status(),
                closed: false,
            });
            made.push(delivery.id);
            enter(batch, making, delivery);
        }
        batch.insert_deliveries(&set);
    }
    updated.state = updated.derive_state(making.category);
    match person {
        Some(old) => batch.replace(old, &updated),
        None => batch.insert(&updated),
    }
    made
}

/// Puts what is said to clients and creditors into the record of correspondence.
fn enter(batch: &mut Batch, making: Making<'_>, delivery: &Delivery) {
    let entry = Entry::of_delivery(
        making.communication,
        making.contact,
        delivery.id,
        delivery.channel,
        making.now,
    );
    if let Some(entry) = entry {
        batch.insert(&entry);
    }
}

/// Puts a communication to one person ([`Communication::to_one`]) into a batch, with its
/// delivery by one method.
pub fn make_to_one(
    batch: &mut Batch,
    random: &Randomness,
    communication: &Communication,
    category: &Category,
    contact: &Contact,
    new: NewDelivery<'_>,
    express: bool,
) -> Vec<MadeDelivery> {
    batch.insert(communication);
    let making = Making {
        communication,
        category,
        contact,
        round: 1,
        now: communication.created_at,
        awaits_turn: false,
        express,
    };
    make_deliveries(batch, random, making, None, &[new])
}

/// Whoever is known by an address alone sorts by it.
fn sort_name_of(contact: &Contact) -> Redacted<String> {
    let (first, last) = (contact.first_name.reveal(), contact.last_name.reveal());
    let nameless = first.trim().is_empty() && last.trim().is_empty();
    let address = contact.methods.first().filter(|_| nameless);
    Redacted::new(address.map_or_else(
        || sort_name(first, last),
        |method| sort_name(method.destination.reveal(), ""),
    ))
}

fn new_delivery(id: DeliveryId, making: Making<'_>, new: NewDelivery<'_>) -> Delivery {
    let entry = |status| StatusChange {
        at: making.now,
        status,
        verdict: None,
        source: Source::Gateway,
    };
    let mut timeline = vec![entry(new.channel.first_status())];
    if new.channel == Channel::Text {
        timeline.push(entry(Status::Text(TextStatus::Queued)));
    }
    Delivery {
        round: making.round,
        due: (!making.awaits_turn).then_some(making.now),
        express: making.express,
        awaits_turn: making.awaits_turn,
        report: new.report.cloned(),
        ..Delivery::new(
            id,
            making.communication.id,
            making.contact.id,
            new.method.id,
            new.channel,
            new.method.destination.clone(),
            timeline,
        )
    }
}
