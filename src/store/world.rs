//! A small state that changes at random, one batch at a time, as the product changes it.

#![allow(clippy::unwrap_used)]

mod writes;

use proptest::prelude::*;
use proptest::sample::select;

use crate::domain::comms_issue;
use crate::domain::{
    ApiToken, Area, AreaId, Channel, Communication, CommunicationId, CommunicationState, Contact,
    ContactId, Delivery, DeliveryId, DeliverySet, InboundMail, Lane, Message, MessageId, Person,
    PersonDelivery, RoundJob, Session, Status, StatusChange, Thread, ThreadId, Timestamp, User,
    UserId,
};
use crate::store::records::{Record, arbitrary as arb, samples};
use crate::store::{Batch, DeliveryBatch, Loaded, Repo, Row, RowBatch, Store};

/// Ids of each kind; few, so that changes meet.
pub(super) const IDS: u8 = 4;

/// One change of the state.
#[derive(Clone, Debug)]
#[allow(clippy::large_enum_variant)]
pub(super) enum Change {
    /// Makes a contact, or writes another over it.
    PutContact {
        id: u8,
        area: u8,
        contact: Contact,
    },
    RemoveContact {
        id: u8,
    },
    /// Makes a delivery, or moves it on: its person changes with it.
    PutDelivery {
        person: u8,
        delivery: u8,
        status: Status,
        due: u64,
        remote: Vec<String>,
    },
    RemovePerson {
        person: u8,
    },
    Modify {
        at: u64,
    },
    PutRound {
        round: u8,
        due: u64,
    },
    RemoveRound {
        round: u8,
    },
    PutInbound {
        id: u8,
        due: Option<u64>,
    },
    PutUser {
        id: u8,
        login: String,
    },
    /// A message comes into a thread, and the thread is dealt with.
    PutMessage {
        thread: u8,
        contact: bool,
        assigned: Option<u8>,
        at: u64,
        done: bool,
        notify: bool,
    },
    PutNotice {
        user: u8,
        due: Option<u64>,
    },
}

pub(super) fn change() -> impl Strategy<Value = Change> {
    let id = || 0..IDS;
    let remote = || proptest::collection::vec(select(vec!["A", "b", "C"]), 0..3);
    prop_oneof![
        3 => (id(), id(), arb::contact())
            .prop_map(|(id, area, contact)| Change::PutContact { id, area, contact }),
        1 => id().prop_map(|id| Change::RemoveContact { id }),
        6 => (id(), id(), arb::status(), 0..5_u64, remote()).prop_map(
            |(person, delivery, status, due, remote)| Change::PutDelivery {
                person,
                delivery,
                status,
                due,
                remote: remote.into_iter().map(str::to_owned).collect(),
            }
        ),
        1 => id().prop_map(|person| Change::RemovePerson { person }),
        1 => (0..5_u64).prop_map(|at| Change::Modify { at }),
        1 => (id(), 0..5_u64).prop_map(|(round, due)| Change::PutRound { round, due }),
        1 => id().prop_map(|round| Change::RemoveRound { round }),
        1 => (id(), proptest::option::of(0..5_u64))
            .prop_map(|(id, due)| Change::PutInbound { id, due }),
        2 => ((id(), any::<bool>(), proptest::option::of(id())), 0..5_u64, any::<bool>(), any::<bool>())
            .prop_map(|((thread, contact, assigned), at, done, notify)| Change::PutMessage {
                thread,
                contact,
                assigned,
                at,
                done,
                notify,
            }),
        1 => (id(), proptest::option::of(0..5_u64))
            .prop_map(|(user, due)| Change::PutNotice { user, due }),
        1 => (id(), "[ab]{1,2}").prop_map(|(id, login)| Change::PutUser { id, login }),
    ]
}

/// A store, and the one communication that everything is about.
pub(super) struct World {
    pub(super) repo: Repo,
}

impl World {
    pub(super) async fn new() -> Self {
        let repo = Repo::new(Store::memory());
        let world = Self { repo };
        let mut batch = Batch::new();
        for id in 0..IDS {
            batch.insert(&Area {
                id: area(id),
                ..samples::area()
            });
        }
        let content = batch.blob(samples::content().to_bytes());
        let message = batch.blob("a whole message");
        batch.insert(&Communication {
            id: communication(),
            content,
            body: crate::domain::Body::Submitted(message),
            state: CommunicationState::Sent,
            people: 0,
            ..samples::communication()
        });
        batch.insert(&User {
            id: UserId::from_bytes([99; 16]),
            ..samples::user()
        });
        batch.insert(&Session {
            user: UserId::from_bytes([99; 16]),
            ..samples::session()
        });
        batch.insert(&ApiToken {
            user: UserId::from_bytes([99; 16]),
            ..samples::api_token()
        });
        batch.insert(&samples::api_request());
        batch.insert(&samples::early_receipt());
        batch.insert(&samples::text_part());
        batch.insert(&samples::ticket());
        batch.insert(&samples::sign_up());
        batch.insert(&samples::visit());
        world.repo.store().commit(batch).await.unwrap();
        world
    }

    pub(super) async fn apply(&self, change: Change) {
        let mut batch = Batch::new();
        match change {
            Change::PutContact { id, area, contact } => {
                self.put_contact(&mut batch, id, area, contact)
            }
            Change::RemoveContact { id } => {
                if let Some(old) = self.repo.contact(contact_id(id)).unwrap() {
                    batch.remove(&old);
                }
            }
            Change::PutDelivery {
                person,
                delivery,
                status,
                due,
                remote,
            } => {
                self.put_delivery(&mut batch, person, delivery, status, due, remote);
            }
            Change::RemovePerson { person } => self.remove_person(&mut batch, person),
            Change::Modify { at } => self.modify(&mut batch, at),
            Change::PutRound { round, due } => self.put_round(&mut batch, round, due),
            Change::RemoveRound { round } => {
                if let Some(old) = self.repo.round(communication(), round).unwrap() {
                    batch.remove(&old);
                }
            }
            Change::PutInbound { id, due } => self.put_inbound(&mut batch, id, due),
            Change::PutUser { id, login } => self.put_user(&mut batch, id, login),
            Change::PutMessage {
                thread,
                contact,
                assigned,
                at,
                done,
                notify,
            } => {
                let who = contact.then(|| contact_id(thread));
                let assigned = assigned.map(|id| UserId::from_bytes([id; 16]));
                self.put_message(&mut batch, (thread, who), assigned, at, (done, notify));
            }
            Change::PutNotice { user, due } => {
                let new = crate::domain::ReplyNotice {
                    user: UserId::from_bytes([user + 50; 16]),
                    due: due.map(samples::at),
                    ..samples::reply_notice()
                };
                put(&mut batch, self.repo.reply_notice(new.user).unwrap(), &new);
            }
        }
        self.repo.store().commit(batch).await.unwrap();
    }

    pub(super) fn communication(&self) -> Loaded<Communication> {
        self.repo.communication(communication()).unwrap().unwrap()
    }

    /// Everything in which deliveries are kept.
    pub(super) fn delivery_sets(&self) -> Vec<Loaded<DeliverySet>> {
        let deliveries = self.repo.deliveries(None, 1000).unwrap().rows;
        let mut firsts: Vec<DeliveryId> = deliveries.iter().map(|one| one.id).collect();
        firsts.dedup_by_key(|id| id.set());
        let sets = firsts.into_iter().map(|id| self.repo.delivery_set(id));
        sets.map(|set| set.unwrap().unwrap()).collect()
    }
}

fn put<T: Row>(batch: &mut Batch, old: Option<Loaded<T>>, new: &T) {
    match old {
        Some(old) => batch.replace(&old, new),
        None => batch.insert(new),
    }
}

pub(super) fn area(id: u8) -> AreaId {
    AreaId::from_bytes([id + 1; 16])
}

pub(super) fn contact_id(id: u8) -> ContactId {
    ContactId::from_bytes([id; 16])
}

fn communication() -> CommunicationId {
    CommunicationId::from_bytes([7; 16])
}

fn delivery_id(person: u8, delivery: u8) -> DeliveryId {
    let mut id = [person; 16];
    id[15] = delivery;
    DeliveryId::from_bytes(id)
}

/// Runs a test's future.
pub(super) fn run<T>(future: impl Future<Output = T>) -> T {
    let runtime = tokio::runtime::Builder::new_current_thread().build();
    runtime.unwrap().block_on(future)
}

/// What is claimed from every lane when everything is due.
pub(super) fn claimed(store: &Store) -> usize {
    let late = Timestamp::from_millis(u64::MAX);
    let lease = std::time::Duration::from_secs(1);
    let lanes = Lane::ALL.into_iter();
    lanes
        .flat_map(|lane| [lane.number(false), lane.number(true)])
        .map(|lane| store.claim_due(lane, late, lease, 1000).unwrap().len())
        .sum()
}

/// Every delivery that is due, counted by its rows.
pub(super) fn due(repo: &Repo) -> usize {
    let deliveries = repo.deliveries(None, 1000).unwrap().rows;
    deliveries
        .iter()
        .filter(|delivery| delivery.due.is_some())
        .count()
}

/// For tests that want one of everything.
pub(super) async fn full() -> World {
    let world = World::new().await;
    let contact = |id| Change::PutContact {
        id,
        area: 1,
        contact: samples::contact(),
    };
    let mail = crate::domain::EmailStatus::Queued;
    let changes = [
        contact(0),
        contact(1),
        Change::PutDelivery {
            person: 0,
            delivery: 0,
            status: Channel::Text.first_status(),
            due: 3,
            remote: vec!["R1".to_owned()],
        },
        Change::PutDelivery {
            person: 1,
            delivery: 0,
            status: Status::Email(mail),
            due: 4,
            remote: Vec::new(),
        },
        Change::PutRound { round: 2, due: 1 },
        Change::PutInbound {
            id: 1,
            due: Some(3),
        },
        Change::PutUser {
            id: 1,
            login: "ab".to_owned(),
        },
        Change::PutMessage {
            thread: 0,
            contact: true,
            assigned: Some(1),
            at: 1,
            done: false,
            notify: true,
        },
        Change::PutMessage {
            thread: 1,
            contact: false,
            assigned: None,
            at: 2,
            done: false,
            notify: false,
        },
        Change::PutNotice {
            user: 1,
            due: Some(4),
        },
    ];
    for change in changes {
        world.apply(change).await;
    }
    world
}
