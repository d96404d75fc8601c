//! What each change writes.

use super::*;

impl World {
    pub(super) fn modify(&self, batch: &mut Batch, at: u64) {
        let old = self.communication();
        let new = Communication {
            modified_at: samples::at(at),
            ..old.value.clone()
        };
        batch.replace(&old, &new);
    }

    pub(super) fn put_round(&self, batch: &mut Batch, round: u8, due: u64) {
        let new = RoundJob {
            communication: communication(),
            round,
            cursor: 0,
            entered: 0,
            due: samples::at(due),
            step: None,
            express: round % 2 == 1,
        };
        let old = self.repo.round(communication(), round).unwrap();
        put(batch, old, &new);
    }

    pub(super) fn put_inbound(&self, batch: &mut Batch, id: u8, due: Option<u64>) {
        let message = batch.blob("a message that came in");
        let new = InboundMail {
            id: [id; 16],
            message,
            due: due.map(samples::at),
            express: id % 2 == 1,
            ..samples::inbound_mail()
        };
        put(batch, self.repo.inbound(&new.id).unwrap(), &new);
    }

    pub(super) fn put_message(
        &self,
        batch: &mut Batch,
        (id, contact): (u8, Option<ContactId>),
        assigned: Option<UserId>,
        at: u64,
        (done, notify): (bool, bool),
    ) {
        let id = ThreadId::from_bytes([id + 1; 16]);
        let old = self.repo.thread(id).unwrap();
        let mut new = old.as_ref().map_or_else(
            || Thread::new(id, contact, samples::at(at)),
            |old| old.value.clone(),
        );
        let mut own = [0; 16];
        own[0] = u8::try_from(new.messages % 200).unwrap();
        own[1] = id.as_bytes()[0];
        let message = Message {
            id: MessageId::from_bytes(own),
            thread: id,
            at: samples::at(at),
            body: Some(batch.blob("what somebody wrote")),
            original: None,
            notify_at: notify.then(|| samples::at(at)),
            ..samples::message()
        };
        new.take(&message, "Re: all");
        new.assigned = assigned;
        if done {
            new.state = crate::domain::ThreadState::Done;
            new.unread = 0;
        }
        let before = self.repo.messages(id, None, 1000).unwrap().rows;
        if before.iter().any(|known| known.id == message.id) {
            return;
        }
        batch.insert(&message);
        put(batch, old, &new);
    }

    /// Login names are unique: whoever has it keeps it.
    pub(super) fn put_user(&self, batch: &mut Batch, id: u8, login: String) {
        if self.repo.user_by_login(&login).unwrap().is_none() {
            let id = UserId::from_bytes([id; 16]);
            let new = User {
                id,
                login,
                ..samples::user()
            };
            put(batch, self.repo.user(id).unwrap(), &new);
        }
    }

    pub(super) fn put_contact(&self, batch: &mut Batch, id: u8, area_id: u8, contact: Contact) {
        let area = contact.area.map(|_| area(area_id));
        let mut new = Contact {
            id: contact_id(id),
            area,
            ..contact
        };
        new.issue_since = None;
        comms_issue::refresh(&mut new, samples::at(1));
        put(batch, self.repo.contact(new.id).unwrap(), &new);
    }

    pub(super) fn put_delivery(
        &self,
        batch: &mut Batch,
        person: u8,
        delivery: u8,
        status: Status,
        due: u64,
        remote: Vec<String>,
    ) {
        let id = delivery_id(person, delivery);
        let old = self.repo.delivery(id).unwrap();
        let known = old.as_ref().map(|old| old.value.clone());
        let fresh = || Delivery {
            id,
            contact: contact_id(person),
            communication: communication(),
            channel: status.channel(),
            timeline: Vec::new(),
            closed: None,
            ..samples::delivery()
        };
        let mut new = known.unwrap_or_else(fresh);
        if status.channel() == new.channel {
            let at = samples::at(due);
            new.record(StatusChange {
                at,
                status,
                verdict: None,
                source: crate::domain::Source::Peer,
            });
        }
        new.due = (!new.status().is_settled()).then(|| samples::at(due));
        // Each delivery has its own: see `is_shared`.
        let own = |remote: String| format!("{remote}{person}{delivery}");
        new.remote_ids = remote.into_iter().map(own).collect();
        match old {
            Some(old) => batch.replace_delivery(&old, &new),
            None => self.add_delivery(batch, &new),
        }
        self.put_person(batch, person, &new);
    }

    /// Puts it among those of its set.
    pub(super) fn add_delivery(&self, batch: &mut Batch, new: &Delivery) {
        let old = self.repo.delivery_set(new.id).unwrap();
        let known = old.as_ref().map(|set| set.deliveries().to_vec());
        let mut deliveries = known.unwrap_or_default();
        deliveries.push(new.clone());
        put(batch, old, &DeliverySet::new(deliveries).unwrap());
    }

    pub(super) fn put_person(&self, batch: &mut Batch, person: u8, delivery: &Delivery) {
        let old = self
            .repo
            .person(communication(), contact_id(person))
            .unwrap();
        let known = old
            .as_ref()
            .map_or_else(Vec::new, |old| old.deliveries.clone());
        let others = known
            .into_iter()
            .filter(|known| known.delivery != delivery.id);
        let mut new = Person {
            communication: communication(),
            contact: contact_id(person),
            deliveries: others.collect(),
            sort_name: crate::domain::Redacted::new(
                ["ada", "bob"][usize::from(person % 2)].to_owned(),
            ),
            ..samples::person()
        };
        new.deliveries.push(PersonDelivery {
            delivery: delivery.id,
            method: delivery.method,
            status: delivery.status(),
            closed: false,
        });
        new.state = new.derive_state(&crate::domain::Category {
            name: "alert".to_owned(),
            confirmation_required: false,
            voicemail_counts: false,
        });
        if old.is_none() {
            self.add_people(batch, 1);
        }
        put(batch, old, &new);
    }

    pub(super) fn remove_person(&self, batch: &mut Batch, person: u8) {
        let Some(old) = self
            .repo
            .person(communication(), contact_id(person))
            .unwrap()
        else {
            return;
        };
        for set in self.delivery_sets() {
            if set.deliveries()[0].contact == old.contact {
                batch.remove(&set);
            }
        }
        batch.remove(&old);
        self.add_people(batch, -1);
    }

    pub(super) fn add_people(&self, batch: &mut Batch, people: i64) {
        let old = self.communication();
        let people = old.people.checked_add_signed(people).unwrap();
        batch.replace(
            &old,
            &Communication {
                people,
                ..old.value.clone()
            },
        );
    }
}
