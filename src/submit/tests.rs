//! Submission over the engine in memory.
#![allow(clippy::unwrap_used)]

use std::sync::Arc;

use super::*;
use crate::clock::{Clock, VirtualClock};
use crate::domain::suspension::SuspensionPolicy;
use crate::domain::{
    Area, AreaId, Audience, Channel, Channels, Contact, ContactId, ContactKind, Content,
    Destination, EmailAddress, Lane, Method, MethodId, MethodKind, MethodState, PhoneNumber,
    Redacted, Timestamp, UserId, Via,
};
use crate::store::{Store, check};
use crate::tracker::{PromptSettings, Refusal, Room, RoundStep, TrackerError, TrackerSettings};

mod compose;
mod durable;
mod verification;

const BY: UserId = UserId::from_bytes([1; 16]);

struct World {
    repo: Repo,
    submitter: Submitter,
    tracker: Tracker,
    clock: Arc<VirtualClock>,
    random: Randomness,
    area: AreaId,
}

impl World {
    async fn new() -> Self {
        Self::over(Store::memory()).await
    }

    async fn over(store: Store) -> Self {
        let clock = VirtualClock::standing(Timestamp::from_millis(1_800_000_000_000));
        let random = Randomness::seeded(3);
        let repo = Repo::new(store);
        let categories = vec![Category {
            name: "alert".into(),
            confirmation_required: true,
            voicemail_counts: false,
        }];
        let settings = TrackerSettings {
            categories: categories.clone(),
            suspension: SuspensionPolicy::default(),
            prompts: PromptSettings::default(),
        };
        let tracker = Tracker::new(repo.clone(), clock.clone(), random.clone(), settings);
        let settings = SubmitSettings {
            categories,
            reminders: ReminderPlan::default(),
            default_language: "en".into(),
            ..SubmitSettings::default()
        };
        let submitter = Submitter::new(
            repo.clone(),
            clock.clone(),
            random.clone(),
            tracker.clone(),
            settings,
        );
        let area = AreaId::new(random.uuid_v7(clock.wall()));
        let areas = [Area {
            id: area,
            parent: None,
            name: "County".into(),
        }];
        tracker.add_areas(&areas).await.unwrap();
        Self {
            repo,
            submitter,
            tracker,
            clock,
            random,
            area,
        }
    }

    fn method(&self, kind: MethodKind, destination: Destination, state: MethodState) -> Method {
        Method {
            state,
            ..Method::new(
                MethodId::new(self.random.uuid_v7(self.clock.wall())),
                kind,
                destination,
            )
        }
    }

    async fn contact(&self, name: &str, methods: Vec<Method>) -> ContactId {
        let contact = Contact {
            id: ContactId::new(self.random.uuid_v7(self.clock.wall())),
            kind: ContactKind::Citizen,
            first_name: Redacted::new(name.into()),
            last_name: Redacted::new(String::new()),
            language: "en".into(),
            area: Some(self.area),
            methods,
            issue_since: None,
            prompted_at: None,
            created_at: self.clock.wall(),
            groups: Vec::new(),
            custom: Vec::new(),
            wishes: crate::domain::Wishes::default(),
            import: None,
        };
        self.tracker
            .add_contacts(std::slice::from_ref(&contact))
            .await
            .unwrap();
        contact.id
    }

    fn draft(&self) -> DraftInput {
        DraftInput {
            content: Content {
                subject: "Flood".into(),
                text: "Move up.".into(),
                html: String::new(),
                sms_text: "Move up.".into(),
                voice_script: "Move up.".into(),
                attachments: Vec::new(),
            },
            category: "alert".into(),
            channels: Channels::ALL,
            audience: Audience {
                areas: vec![self.area],
                contacts: Vec::new(),
                ..Audience::default()
            },
            ..DraftInput::default()
        }
    }

    fn is_sound(&self) {
        let report = check::check(self.repo.store()).unwrap();
        assert!(report.is_sound(), "{:?}", report.problems);
    }
}

fn email(text: &str) -> Destination {
    Destination::Email(Redacted::new(EmailAddress::parse(text).unwrap()))
}

fn phone(text: &str) -> Destination {
    Destination::Phone(Redacted::new(PhoneNumber::from_e164(text).unwrap()))
}

type Spoil = fn(&mut DraftInput);

#[tokio::test]
async fn what_is_wrong_names_its_field() {
    let world = World::new().await;
    let good = world.draft();
    assert_eq!(world.submitter.problems(&good), []);
    let cases: [(&str, Spoil); 7] = [
        ("subject", |draft| draft.content.subject.clear()),
        ("subject", |draft| draft.content.subject = "a\nb".into()),
        ("text", |draft| draft.content.text = "  ".into()),
        ("sms_text", |draft| {
            draft.content.sms_text = "x".repeat(1531)
        }),
        ("voice_script", |draft| draft.content.voice_script.clear()),
        ("category", |draft| draft.category = "nothing".into()),
        ("audience", |draft| draft.audience.areas.clear()),
    ];
    for (field, spoil) in cases {
        let mut draft = good.clone();
        spoil(&mut draft);
        let problems = world.submitter.problems(&draft);
        let fields: Vec<_> = problems.iter().map(|problem| problem.field).collect();
        assert_eq!(fields, [field]);
    }
}

#[tokio::test]
async fn a_review_says_how_many_and_who_cannot_be_reached() {
    let world = World::new().await;
    let mail = world.method(
        MethodKind::Email,
        email("a@example.org"),
        MethodState::Active,
    );
    let mobile = world.method(
        MethodKind::Mobile,
        phone("+447700900001"),
        MethodState::Active,
    );
    world.contact("Ada", vec![mail, mobile]).await;
    let gone = world.method(
        MethodKind::Email,
        email("b@example.org"),
        MethodState::Suspended,
    );
    world.contact("Ben", vec![gone]).await;
    let id = world
        .submitter
        .save_draft(None, &world.draft(), BY)
        .await
        .unwrap();
    let review = world.submitter.review(id).await.unwrap();
    assert_eq!((review.people, review.cannot_reach_count), (2, 1));
    assert!(review.cannot_reach[0].why.contains("suspended"));
    let counts: Vec<_> = review
        .channels
        .iter()
        .map(|count| (count.channel, count.people, count.deliveries))
        .collect();
    assert_eq!(
        counts,
        [
            (Channel::Email, 1, 1),
            (Channel::Text, 1, 1),
            (Channel::Call, 1, 1)
        ]
    );
}

#[tokio::test]
async fn sending_twice_sends_once_and_fixes_the_draft() {
    let world = World::new().await;
    let mobile = world.method(
        MethodKind::Mobile,
        phone("+447700900001"),
        MethodState::Active,
    );
    let contact = world.contact("Ada", vec![mobile]).await;
    let id = world
        .submitter
        .save_draft(None, &world.draft(), BY)
        .await
        .unwrap();
    let (first, second) = tokio::join!(world.submitter.send(id), world.submitter.send(id));
    let mut sent = [first.unwrap(), second.unwrap()];
    sent.sort_by_key(|sent| *sent == Sent::Before);
    assert_eq!(sent, [Sent::Now { people: 1 }, Sent::Before]);
    let refused = world
        .submitter
        .save_draft(Some(id), &world.draft(), BY)
        .await;
    assert!(matches!(refused, Err(SubmitError::AlreadySent)));
    assert_eq!(
        world.repo.rounds(id).unwrap().len(),
        3,
        "now, and two reminders"
    );

    let now = world.clock.wall();
    let due = world
        .repo
        .store()
        .claim_due(Lane::Expand as u8, now, crate::queue::lane::LEASE, 10)
        .unwrap();
    assert_eq!(due.len(), 1, "reminders are not due yet");
    assert_eq!(
        world
            .tracker
            .step_round(&due[0].value, |_| Some(Room::Free))
            .await
            .unwrap(),
        RoundStep::Done
    );
    let made = world.repo.deliveries_of(contact, None, 10).unwrap().rows;
    assert_eq!(made.len(), 2, "a text and a call to the one mobile");
    world.is_sound();
}

fn mail_to(recipients: Vec<MailRecipient>) -> SubmittedMail {
    SubmittedMail {
        user: BY,
        message: bytes::Bytes::from_static(b"Subject: hello\r\n\r\nhello\r\n"),
        content: Content {
            subject: "hello".into(),
            text: String::new(),
            html: String::new(),
            sms_text: "hello".into(),
            voice_script: "hello".into(),
            attachments: Vec::new(),
        },
        recipients,
        reports: Vec::new(),
    }
}

#[tokio::test]
async fn a_submitted_mail_finds_people_and_makes_those_it_does_not_know() {
    let world = World::new().await;
    let mail = world.method(
        MethodKind::Email,
        email("Ada@example.org"),
        MethodState::Active,
    );
    let ada = world.contact("Ada", vec![mail]).await;
    let address = |text| MailRecipient::Email(Redacted::new(EmailAddress::parse(text).unwrap()));
    let number = || Redacted::new(PhoneNumber::from_e164("+447700900009").unwrap());
    let recipients = vec![
        address("ada@example.org"),
        address("new@example.org"),
        address("new@example.org"),
        MailRecipient::Text(number()),
        MailRecipient::Call(number()),
    ];
    let id = world
        .submitter
        .submit_mail(&mail_to(recipients))
        .await
        .unwrap();
    assert_eq!(
        world.repo.deliveries_of(ada, None, 10).unwrap().rows.len(),
        1
    );
    let new = world
        .repo
        .contacts_by_address("new@example.org", 10)
        .unwrap();
    assert_eq!(new.len(), 1);
    assert_eq!(new[0].kind, ContactKind::Correspondent);
    assert_eq!(
        world
            .repo
            .deliveries_of(new[0].id, None, 10)
            .unwrap()
            .rows
            .len(),
        1,
        "named twice, sent once"
    );
    let by_number = world.repo.contacts_by_address("+447700900009", 10).unwrap();
    let calls_and_texts: usize = by_number
        .iter()
        .map(|contact| {
            world
                .repo
                .deliveries_of(contact.id, None, 10)
                .unwrap()
                .rows
                .len()
        })
        .sum();
    assert_eq!(calls_and_texts, 2);
    let communication = world.repo.communication(id).unwrap().unwrap();
    assert_eq!(communication.title, "hello");
    let audited = world.repo.audited(None, u64::MAX, 9).unwrap();
    assert_eq!(audited.len(), 1);
    let entry = &audited[0].entry;
    let by = crate::domain::AuditActor::User(communication.origin.user().unwrap(), Via::Program);
    assert_eq!((entry.act.as_str(), entry.actor), ("mail.submit", by));
    let named = |id: &[u8; 16]| entry.subjects.iter().any(|one| one.id == *id);
    assert!(named(id.as_bytes()) && named(ada.as_bytes()));
    assert_eq!(entry.digest, Some(*communication.content.as_bytes()));
    // A second mail to the same address finds the correspondent again.
    world
        .submitter
        .submit_mail(&mail_to(vec![address("NEW@example.org")]))
        .await
        .unwrap();
    assert_eq!(
        world
            .repo
            .contacts_by_address("new@example.org", 10)
            .unwrap()
            .len(),
        1
    );
    world.is_sound();
}

#[tokio::test]
async fn a_suspended_address_is_refused_before_the_message_comes() {
    let world = World::new().await;
    let mail = world.method(
        MethodKind::Email,
        email("gone@example.org"),
        MethodState::Suspended,
    );
    world.contact("Ada", vec![mail]).await;
    let recipient = MailRecipient::Email(Redacted::new(
        EmailAddress::parse("gone@example.org").unwrap(),
    ));
    let refusal = world.submitter.check_recipient(&recipient).unwrap();
    assert_eq!(refusal, Some(RecipientRefusal::Suspended));
}
