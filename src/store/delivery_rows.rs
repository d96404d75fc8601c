//! Deliveries: those made for one person in one go share a row, so that an alert to everybody
//! writes few keys. Each is read and changed by itself.

use super::engine::{Batch, Key, Op, Value, queue_key};
use super::keys::{self, KeyBuilder};
use super::records::Record;
use super::rows::{Loaded, Row, write_difference};
use crate::domain::{Delivery, DeliverySet, Lane, Status, TextStatus};

impl Row for DeliverySet {
    fn key(&self) -> Key {
        keys::delivery_set(self.set())
    }

    fn indexes(&self) -> Vec<(Key, Value)> {
        self.deliveries().iter().flat_map(indexes).collect()
    }
}

/// What follows from one delivery. Those of a set lead to it from their contact by one entry.
fn indexes(delivery: &Delivery) -> Vec<(Key, Value)> {
    let by_contact = KeyBuilder::new(keys::DELIVERY_BY_CONTACT)
        .bytes(delivery.contact.as_bytes())
        .id_newest_first(&delivery.id.set())
        .build();
    let mut entries = vec![(by_contact, Vec::new())];
    if let Some(due) = delivery.due {
        entries.push((
            queue_key(lane(delivery), due, delivery.id.as_bytes()),
            Vec::new(),
        ));
    }
    for remote in &delivery.remote_ids {
        entries.push((keys::remote_id(remote), delivery.id.as_bytes().to_vec()));
    }
    entries
}

/// The lane in which it is due: once a text has gone out, what is due is its receipt.
fn lane(delivery: &Delivery) -> u8 {
    if delivery.status() == Status::Text(TextStatus::Sent) {
        return Lane::Receipts.number(false);
    }
    Lane::from(delivery.channel).number(delivery.express)
}

/// Writes deliveries into a batch.
pub trait DeliveryBatch {
    /// Writes new deliveries. Their ids are fresh randomness: that nobody has them yet need not be
    /// looked up.
    fn insert_deliveries(&mut self, set: &DeliverySet);

    /// Writes a delivery over the one that was read; the batch fails if it or another one of its
    /// set has changed meanwhile. Several of one set may be written in one batch.
    fn replace_delivery(&mut self, old: &Loaded<Delivery>, new: &Delivery);
}

impl DeliveryBatch for Batch {
    fn insert_deliveries(&mut self, set: &DeliverySet) {
        self.put(set.key(), set.to_bytes());
        write_difference(self, Vec::new(), set.indexes());
    }

    fn replace_delivery(&mut self, old: &Loaded<Delivery>, new: &Delivery) {
        let key = keys::delivery_set(new.id.set());
        let current = written(self, &key).unwrap_or(&old.bytes);
        let Ok(mut set) = DeliverySet::from_bytes(current) else {
            unreachable!("it was read from these bytes");
        };
        // What an earlier operation of this batch has made of it.
        let before: Vec<_> = set
            .deliveries()
            .iter()
            .filter(|one| one.id == new.id)
            .collect();
        let before = before.into_iter().flat_map(indexes).collect();
        let known = set.replace(new);
        debug_assert!(known && old.value.id == new.id, "a delivery keeps its id");
        self.assert_value(key.clone(), old.bytes.clone());
        self.put(key, set.to_bytes());
        write_difference(self, before, indexes(new));
    }
}

/// What this batch has put under a key so far.
fn written<'b>(batch: &'b Batch, key: &Key) -> Option<&'b Value> {
    batch.ops.iter().rev().find_map(|op| match op {
        Op::Put { key: put, value } if put == key => Some(value),
        Op::Put { .. } | Op::Delete { .. } | Op::Add { .. } => None,
    })
}

impl Loaded<DeliverySet> {
    /// Each by itself, in ascending order of id.
    pub(super) fn each(self) -> impl DoubleEndedIterator<Item = Loaded<Delivery>> {
        let bytes = self.bytes;
        let each = self.value.into_deliveries().into_iter();
        each.map(move |value| Loaded {
            value,
            bytes: bytes.clone(),
        })
    }
}
