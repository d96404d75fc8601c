//! The tracker over the engine in memory, on a clock that stands still until it is moved.
#![allow(clippy::unwrap_used)]

mod answers;
mod audit;
mod cases;
mod erasure;
mod reports;
mod retention;
mod statuses;

use std::sync::Arc;
use std::time::Duration;

use proptest::prelude::*;

use super::*;
use crate::clock::VirtualClock;
use crate::domain::comms_issue::{Reachability, reachability};
use crate::domain::transitions::may_change;
use crate::domain::{
    CallStatus, Channel, Channels, ClosedReason, Communication, Contact, ContactKind, Content,
    Destination, EmailAddress, EmailStatus, LogEvent, Method, MethodId, MethodKind, MethodState,
    Origin, Permanence, PersonState, PhoneNumber, Reason, Redacted, Source, Status, TextStatus,
    Timestamp, UserId, Verdict,
};
use crate::store::records::Record;
use crate::store::{Batch, NO_AREA, RowBatch, Store};

struct World {
    repo: Repo,
    tracker: Tracker,
    clock: Arc<VirtualClock>,
    random: Randomness,
    contact: Contact,
    communication: CommunicationId,
}

fn email(text: &str) -> Destination {
    Destination::Email(Redacted::new(EmailAddress::parse(text).unwrap()))
}

fn phone(text: &str) -> Destination {
    Destination::Phone(Redacted::new(PhoneNumber::from_e164(text).unwrap()))
}

impl World {
    async fn new(confirmation_required: bool) -> Self {
        let clock = VirtualClock::standing(Timestamp::from_millis(1_800_000_000_000));
        let random = Randomness::seeded(7);
        let repo = Repo::new(Store::memory());
        let settings = TrackerSettings {
            categories: vec![Category {
                name: "Alert".into(),
                confirmation_required,
                voicemail_counts: false,
            }],
            suspension: SuspensionPolicy::default(),
            prompts: PromptSettings::default(),
        };
        let tracker = Tracker::new(repo.clone(), clock.clone(), random.clone(), settings);
        let now = crate::clock::Clock::wall(&*clock);
        let method = |kind, destination| Method {
            state: MethodState::Active,
            ..Method::new(MethodId::new(random.uuid_v7(now)), kind, destination)
        };
        let contact = Contact {
            id: ContactId::new(random.uuid_v7(now)),
            kind: ContactKind::Citizen,
            first_name: Redacted::new("Ada".into()),
            last_name: Redacted::new("Byron".into()),
            language: "en".into(),
            area: None,
            methods: vec![
                method(MethodKind::Email, email("ada@example.org")),
                method(MethodKind::Mobile, phone("+447700900001")),
                method(MethodKind::Landline, phone("+441632960001")),
            ],
            issue_since: None,
            prompted_at: None,
            created_at: now,
            groups: Vec::new(),
            custom: Vec::new(),
            wishes: crate::domain::Wishes::default(),
            import: None,
        };
        tracker
            .add_contacts(std::slice::from_ref(&contact))
            .await
            .unwrap();
        let communication = CommunicationId::new(random.uuid_v7(now));
        let world = Self {
            repo,
            tracker,
            clock,
            random,
            contact,
            communication,
        };
        world.write_communication(now).await;
        world
    }

    async fn write_communication(&self, now: Timestamp) {
        let mut batch = Batch::new();
        let content = Content {
            subject: "Flood".into(),
            text: "Move up.".into(),
            html: String::new(),
            sms_text: "Move up.".into(),
            voice_script: "Move up.".into(),
            attachments: Vec::new(),
        };
        let communication = Communication::to_one(
            self.communication,
            Origin::Console(UserId::from_bytes([1; 16])),
            "Alert",
            Channels::ALL,
            "Flood".into(),
            batch.blob(content.to_bytes()),
            now,
        );
        batch.insert(&communication);
        let category = self.tracker.category("Alert");
        let making = Making {
            communication: &communication,
            category: &category,
            contact: &self.contact,
            round: 1,
            now,
            awaits_turn: false,
            express: false,
        };
        let wanted: Vec<_> = [Channel::Email, Channel::Text, Channel::Call]
            .into_iter()
            .map(|channel| NewDelivery {
                method: self.contact.methods_for(channel)[0],
                channel,
                report: None,
            })
            .collect();
        make_deliveries(&mut batch, &self.random, making, None, &wanted);
        self.repo.store().commit(batch).await.unwrap();
    }

    /// The same people, and a second alert to them.
    async fn again(&self) -> Self {
        let again = Self {
            communication: CommunicationId::new(self.random.uuid_v7(Timestamp::from_millis(1))),
            repo: self.repo.clone(),
            tracker: self.tracker.clone(),
            clock: self.clock.clone(),
            random: self.random.clone(),
            contact: self.contact.clone(),
        };
        again
            .write_communication(crate::clock::Clock::wall(&*self.clock))
            .await;
        again
    }

    fn delivery(&self, channel: Channel) -> crate::domain::Delivery {
        let page = self.repo.deliveries_of(self.contact.id, None, 50).unwrap();
        let mut all: Vec<_> = page.rows.into_iter().map(|row| row.value).collect();
        all.reverse();
        all.into_iter()
            .find(|delivery| {
                delivery.channel == channel && delivery.communication == self.communication
            })
            .unwrap()
    }

    async fn event(&self, channel: Channel, event: Event) -> Status {
        self.tracker
            .record(self.delivery(channel).id, event)
            .await
            .unwrap()
    }

    async fn change(&self, channel: Channel, status: Status, verdict: Option<Verdict>) -> Status {
        self.event(
            channel,
            Event::Changed {
                status,
                verdict,
                source: Source::Report,
            },
        )
        .await
    }

    fn contact(&self) -> Contact {
        self.repo.contact(self.contact.id).unwrap().unwrap().value
    }

    fn state(&self) -> PersonState {
        self.repo
            .person(self.communication, self.contact.id)
            .unwrap()
            .unwrap()
            .state
    }

    fn log(&self) -> Vec<LogEvent> {
        let page = self.repo.log(self.contact.id, None, 100).unwrap();
        page.rows.into_iter().map(|row| row.value.event).collect()
    }
}

fn hard_bounce() -> Verdict {
    Verdict::failure(Reason::UserUnknown, Permanence::Permanent)
        .with_diagnostic("smtp; 550 5.1.1 <ada@example.org>: No such user  here")
}

const RECEIVED: Status = Status::Email(EmailStatus::Received);
const REBOUND: Status = Status::Email(EmailStatus::Rebound);

#[tokio::test]
async fn a_bounce_after_acceptance_suspends_lists_logs_and_prompts() {
    let world = World::new(false).await;
    assert_eq!(world.change(Channel::Email, RECEIVED, None).await, RECEIVED);
    assert_eq!(world.state(), PersonState::Contacted);
    assert_eq!(
        world
            .change(Channel::Email, REBOUND, Some(hard_bounce()))
            .await,
        REBOUND
    );
    assert_eq!(world.state(), PersonState::InProgress);

    let contact = world.contact();
    assert_eq!(contact.methods[0].state, MethodState::Suspended);
    assert_eq!(reachability(&contact), Reachability::Issue);
    assert!(contact.issue_since.is_some());
    let evidence = contact.methods[0].suspension.clone().unwrap();
    assert_eq!(
        evidence.verdict.diagnostic.as_str(),
        hard_bounce().diagnostic.as_str()
    );
    let listed = world.repo.issues_in_area(NO_AREA, None, 10).unwrap().rows;
    assert_eq!(listed.len(), 1);
    assert_eq!(world.repo.issue_count(NO_AREA).unwrap(), 1);

    let log = world.log();
    assert!(log.iter().any(
        |event| matches!(event, LogEvent::Returned { verdict, .. } if *verdict == hard_bounce())
    ));
    assert!(log.iter().any(|event| matches!(
        event,
        LogEvent::Suspended {
            kind: MethodKind::Email,
            ..
        }
    )));
    let prompt = log.iter().find_map(|event| match event {
        LogEvent::Prompted { communication, .. } => Some(*communication),
        _ => None,
    });
    let newest = world
        .repo
        .deliveries_of(contact.id, None, 1)
        .unwrap()
        .rows
        .remove(0);
    assert_eq!(Some(newest.communication), prompt);
    assert_eq!(newest.channel, Channel::Text);
    assert!(newest.due.is_some(), "the prompt waits to be sent");
}

#[tokio::test]
async fn reinstating_clears_the_issue_and_a_recurrence_lists_it_again() {
    let world = World::new(false).await;
    world
        .change(Channel::Email, REBOUND, Some(hard_bounce()))
        .await;
    let method = world.contact().methods[0].id;
    let by = UserId::from_bytes([9; 16]);
    world
        .tracker
        .reinstate(world.contact.id, method, by)
        .await
        .unwrap();
    assert_eq!(world.contact().methods[0].state, MethodState::Active);
    assert_eq!(world.contact().issue_since, None);
    assert_eq!(world.repo.issue_count(NO_AREA).unwrap(), 0);
    assert!(
        world
            .repo
            .issues_in_area(NO_AREA, None, 10)
            .unwrap()
            .rows
            .is_empty()
    );

    world
        .again()
        .await
        .change(Channel::Email, REBOUND, Some(hard_bounce()))
        .await;
    assert_eq!(world.repo.issue_count(NO_AREA).unwrap(), 1);
}

#[tokio::test]
async fn other_settings_hold_for_all_handles_from_then_on() {
    let world = World::new(false).await;
    let handle = world.tracker.clone();
    assert!(!handle.category("Alert").confirmation_required);
    world.tracker.replace_settings(TrackerSettings {
        categories: vec![Category {
            name: "Alert".into(),
            confirmation_required: true,
            voicemail_counts: false,
        }],
        suspension: SuspensionPolicy::default(),
        prompts: PromptSettings::default(),
    });
    assert!(handle.category("Alert").confirmation_required);
}

#[tokio::test]
async fn a_fault_of_our_own_side_suspends_nobody_and_raises_an_alarm() {
    let world = World::new(false).await;
    let mut notices = world.tracker.subscribe();
    let blocked = Verdict::failure(Reason::Blocked, Permanence::Permanent);
    world.change(Channel::Email, REBOUND, Some(blocked)).await;
    assert_eq!(world.contact().methods[0].state, MethodState::Active);
    let mut alarmed = false;
    while let Ok(notice) = notices.try_recv() {
        alarmed |= matches!(notice, Notice::SenderFault(_));
    }
    assert!(alarmed);
}

#[tokio::test]
async fn a_full_mailbox_suspends_only_when_it_keeps_happening() {
    let world = World::new(false).await;
    let full = Verdict::failure(Reason::MailboxFull, Permanence::Temporary);
    world
        .change(Channel::Email, REBOUND, Some(full.clone()))
        .await;
    for round in 2..=5_u32 {
        assert_eq!(
            world.contact().methods[0].state,
            MethodState::Active,
            "before failure {round}"
        );
        let again = world.again().await;
        again
            .change(Channel::Email, REBOUND, Some(full.clone()))
            .await;
    }
    assert_eq!(world.contact().methods[0].state, MethodState::Suspended);
}
