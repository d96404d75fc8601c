//! Reading deliveries, one by one though they share rows.

use super::{Order, Page, Repo, Result};
use crate::domain::{ContactId, Delivery, DeliveryId, DeliverySet, Timestamp};
use crate::store::engine::{Key, KeyRange};
use crate::store::keys::{self, KeyBuilder};
use crate::store::lists::Seek;
use crate::store::rows::Loaded;

impl Repo {
    /// A delivery.
    pub fn delivery(&self, id: DeliveryId) -> Result<Option<Loaded<Delivery>>> {
        let set = self.delivery_set(id)?;
        Ok(set.and_then(|set| set.each().find(|delivery| delivery.id == id)))
    }

    /// The deliveries among which this one is kept.
    pub fn delivery_set(&self, id: DeliveryId) -> Result<Option<Loaded<DeliverySet>>> {
        self.load(&keys::delivery_set(id.set()))
    }

    /// Deliveries whose ids begin with these octets, oldest first.
    pub fn deliveries_beginning(
        &self,
        beginning: &[u8; 8],
        limit: usize,
    ) -> Result<Vec<Loaded<Delivery>>> {
        let range = KeyRange::prefix(keys::deliveries_beginning(beginning));
        let sets = self.rows::<DeliverySet>(range, limit)?.rows;
        Ok(sets
            .into_iter()
            .flat_map(Loaded::each)
            .take(limit)
            .collect())
    }

    /// A contact's deliveries, newest first. `after` is the place of one, or the beginning of a
    /// place.
    pub fn deliveries_of(
        &self,
        contact: ContactId,
        after: Option<Key>,
        limit: usize,
    ) -> Result<Page<Loaded<Delivery>>> {
        self.deliveries_in(Order::Usual, contact, after, limit)
    }

    /// The same in either order.
    pub fn deliveries_in(
        &self,
        order: Order,
        contact: ContactId,
        after: Option<Key>,
        limit: usize,
    ) -> Result<Page<Loaded<Delivery>>> {
        let prefix = KeyBuilder::new(keys::DELIVERY_BY_CONTACT)
            .bytes(contact.as_bytes())
            .build();
        let behind = after.as_deref().and_then(|after| {
            let inverted: [u8; 16] = after.get(prefix.len()..)?.try_into().ok()?;
            Some(DeliveryId::from_bytes(inverted.map(|byte| !byte)))
        });
        // Oldest first, the rest of a set stands before the place of one of it.
        let after = match (order, behind) {
            (Order::Turned, Some(behind)) => {
                let set = KeyBuilder::from(prefix.clone()).id_newest_first(&behind.set());
                Some(set.bytes(&[0]).build())
            }
            _ => after,
        };
        let range = order.of(KeyRange::prefix(prefix.clone()));
        let mut rows = Vec::new();
        // One set more: of the first, only some may be wanted.
        for id in self.ids_in(range, after, limit + 1, 0)?.rows {
            if rows.len() >= limit {
                break;
            }
            let id = DeliveryId::from_bytes(id.map(|byte| !byte));
            let Some(set) = self.delivery_set(id)? else {
                continue;
            };
            let each = set.each();
            match order {
                Order::Usual => {
                    let is_behind = |one: DeliveryId| behind.is_none_or(|behind| one < behind);
                    rows.extend(each.rev().filter(|one| is_behind(one.id)));
                }
                Order::Turned => {
                    let is_behind = |one: DeliveryId| behind.is_none_or(|behind| one > behind);
                    rows.extend(each.filter(|one| is_behind(one.id)));
                }
            }
        }
        let place = |id: DeliveryId| {
            let prefix = KeyBuilder::from(prefix.clone());
            prefix.id_newest_first(id.as_bytes()).build()
        };
        Ok(cut(rows, limit, place))
    }

    /// All deliveries, newest first. `after` is the place of one.
    pub fn deliveries(&self, after: Option<Key>, limit: usize) -> Result<Page<Loaded<Delivery>>> {
        let behind = after.as_deref().and_then(|after| {
            let id = after.get(keys::DELIVERY.len()..)?.try_into().ok()?;
            Some(DeliveryId::from_bytes(id))
        });
        let mut range = KeyRange::prefix(keys::DELIVERY).reverse();
        if let Some(after) = after {
            range = range.after(after);
        }
        let rows = self.newest_first(range, limit, |id| behind.is_none_or(|behind| id < behind))?;
        Ok(cut(rows, limit, keys::delivery))
    }

    /// Deliveries made from `from` on and before `to`, newest first.
    pub fn deliveries_made(
        &self,
        from: Timestamp,
        to: Timestamp,
        seek: &Seek<DeliveryId>,
        limit: usize,
    ) -> Result<Vec<Loaded<Delivery>>> {
        let (mut start, mut end) = (keys::made_at(from), keys::made_at(to));
        match seek {
            Seek::Start => {}
            Seek::After(id) => end = end.min(keys::delivery(*id)),
            Seek::Before(id) => start = start.max(keys::delivery_set(id.set())),
        }
        let range = KeyRange::from(start..end);
        match seek {
            Seek::Start => self.newest_first(range.reverse(), limit, |_| true),
            Seek::After(last) => self.newest_first(range.reverse(), limit, |id| id < *last),
            Seek::Before(first) => {
                // One row more: of the first, only some may be wanted.
                let sets = self.rows::<DeliverySet>(range, limit + 1)?.rows;
                let each = sets.into_iter().flat_map(Loaded::each);
                let mut rows: Vec<_> = each.filter(|one| one.id > *first).take(limit).collect();
                rows.reverse();
                Ok(rows)
            }
        }
    }

    /// The deliveries in a range of rows that is read backwards.
    fn newest_first(
        &self,
        range: KeyRange,
        limit: usize,
        wanted: impl Fn(DeliveryId) -> bool,
    ) -> Result<Vec<Loaded<Delivery>>> {
        // One row more: of the first, only some may be wanted.
        let sets = self.rows::<DeliverySet>(range, limit + 1)?.rows;
        let each = sets.into_iter().flat_map(|set| set.each().rev());
        Ok(each.filter(|one| wanted(one.id)).take(limit).collect())
    }

    /// The delivery that a carrier knows under this id.
    pub fn delivery_by_remote_id(&self, remote_id: &str) -> Result<Option<Loaded<Delivery>>> {
        match self.store.get(&keys::remote_id(remote_id))? {
            Some(id) => match id.as_slice().try_into() {
                Ok(id) => self.delivery(DeliveryId::from_bytes(id)),
                Err(_) => Ok(None),
            },
            None => Ok(None),
        }
    }
}

/// A page of what was read, which goes on behind its last row if it is full.
fn cut(
    mut rows: Vec<Loaded<Delivery>>,
    limit: usize,
    place: impl Fn(DeliveryId) -> Key,
) -> Page<Loaded<Delivery>> {
    rows.truncate(limit);
    let last = rows.last().filter(|_| rows.len() == limit);
    let next = last.map(|delivery| place(delivery.id));
    Page { rows, next }
}
