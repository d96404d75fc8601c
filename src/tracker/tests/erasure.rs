//! Erasing people to the end, whatever comes in between, and not writing to them again.

mod reports;

use super::cases::BY;
use super::*;
use crate::domain::details::MethodDetail;
use crate::domain::{
    Audience, CommunicationState, Details, Entry, EntryDirection, EntryId, EntryKind, EntryWhat,
    Erasure, InboundMail, Matter, Note, Party, Timestamp,
};
use crate::store::check::check;
use crate::store::engine::KeyRange;
use crate::store::keys;

const USER: UserId = UserId::from_bytes([1; 16]);

impl World {
    /// Nothing in any row or blob that a row names says who it was.
    #[track_caller]
    fn has_no_trace(&self) {
        let report = check(self.repo.store()).unwrap();
        assert!(report.is_sound(), "{:?}", report.problems);
        let rows = self.repo.store().scan(KeyRange::all(), 10_000).unwrap();
        for (key, value) in rows {
            for trace in ["ada@", "Ada", "ada\0", "byron", "7700900001", "632960001"] {
                let is_in =
                    |bytes: &[u8]| bytes.windows(trace.len()).any(|w| w == trace.as_bytes());
                assert!(!is_in(&key) && !is_in(&value), "{trace} in {key:?}");
            }
        }
    }

    fn acted(&self, act: &str) -> usize {
        self.acts(act).len()
    }

    async fn put(&self, fill: impl FnOnce(&mut Batch)) {
        let mut batch = Batch::new();
        fill(&mut batch);
        self.repo.store().commit(batch).await.unwrap();
    }

    /// Somebody new, made by a program or an operator, with one address.
    async fn newcomer(&self, address: &str) -> Contact {
        let details = Details {
            first_name: Redacted::new("Grace".into()),
            last_name: Redacted::new("Hopper".into()),
            methods: vec![MethodDetail {
                id: None,
                kind: MethodKind::Email,
                destination: email(address),
            }],
            groups: Vec::new(),
            area: None,
            ..Details::of(&self.contact)
        };
        let made = self.tracker.create_contact(&details, BY).await.unwrap();
        self.repo.contact(made.0).unwrap().unwrap().value
    }

    async fn erase(&self) {
        let done = self.tracker.erase_contact(self.contact.id, USER).await;
        assert!(matches!(done.unwrap(), Erased::Done(_)));
    }
}

#[tokio::test]
async fn an_erasure_that_was_cut_short_goes_on_with_the_next_start() {
    let world = World::new(false).await;
    let methods = world.contact.methods.iter();
    let addresses = methods.map(|one| Redacted::new(one.destination.lookup_key()));
    let begun = Erasure {
        contact: world.contact.id,
        ids: vec![world.contact.id],
        addresses: addresses.collect(),
        by: USER,
        begun_at: world.now(),
    };
    world.put(|batch| batch.insert(&begun)).await;
    // Nothing can be filed to them any more.
    assert_eq!(world.tracker.resume_erasures().await.unwrap(), 1);
    assert_eq!(world.rows(keys::ERASURE), 0);
    assert_eq!(world.acted("contact.erased"), 1);
    world.has_no_trace();
    assert_eq!(world.tracker.resume_erasures().await.unwrap(), 0);
}

#[tokio::test]
async fn the_record_says_that_somebody_is_erased_only_at_the_end() {
    let world = World::new(false).await;
    world.settle(world.delivery(Channel::Email).id).await;
    world.erase().await;
    assert_eq!(world.acted("contact.erasure_begun"), 1);
    assert_eq!(world.acted("contact.erased"), 1);
    assert!(world.acted("contact.erasing") >= 2);
    world.has_no_trace();
}

#[tokio::test]
async fn nothing_goes_to_somebody_erased_who_comes_back_with_a_file() {
    let world = World::new(false).await;
    assert_eq!(
        world.newcomer("grace@example.org").await.methods[0].state,
        MethodState::Unverified
    );
    world.erase().await;
    let back = world.newcomer("Ada@Example.org").await;
    assert_eq!(back.methods[0].state, MethodState::OptedOut);
    assert!(world.tracker.is_suppressed("ada@example.org").unwrap());
    let other = world.newcomer("ada2@example.org").await;
    assert_eq!(other.methods[0].state, MethodState::Unverified);
    let suppressions = world.rows(keys::SUPPRESSION);
    assert_eq!(suppressions, 3);
    // An operator writes down that they want messages again: that counts for all.
    let method = back.methods[0].id;
    let wanted = world.tracker.opt_in_method(back.id, method, BY).await;
    wanted.unwrap();
    assert_eq!(world.rows(keys::SUPPRESSION), suppressions - 1);
    let again = world.newcomer("ada@example.org").await;
    assert_eq!(again.methods[0].state, MethodState::Unverified);
}

#[tokio::test]
async fn who_leaves_by_their_own_hand_is_not_written_to_again() {
    let world = World::new(false).await;
    world.tracker.leave(world.contact.id).await.unwrap();
    assert!(world.contact().methods.is_empty());
    let back = world.newcomer("ada@example.org").await;
    assert_eq!(back.methods[0].state, MethodState::OptedOut);
}

#[tokio::test]
async fn an_address_that_was_added_later_is_opted_out_as_well() {
    let world = World::new(false).await;
    world.erase().await;
    let grace = world.newcomer("grace@example.org").await;
    let mut details = Details::of(&grace);
    details.methods.push(MethodDetail {
        id: None,
        kind: MethodKind::Mobile,
        destination: phone("+447700900001"),
    });
    let edited = world.tracker.edit_contact(grace.id, |_| true, &details, BY);
    edited.await.unwrap();
    let grace = world.repo.contact(grace.id).unwrap().unwrap();
    let states: Vec<_> = grace.methods.iter().map(|one| one.state).collect();
    assert_eq!(states, [MethodState::Unverified, MethodState::OptedOut]);
}

#[tokio::test]
async fn a_bounce_that_comes_later_brings_no_address_back() {
    let world = World::new(false).await;
    world.settle(world.delivery(Channel::Email).id).await;
    world.erase().await;
    world
        .change(Channel::Email, REBOUND, Some(hard_bounce()))
        .await;
    assert_eq!(
        world.delivery(Channel::Email).status(),
        REBOUND,
        "what became of it is still known"
    );
    world.has_no_trace();
}

#[tokio::test]
async fn what_somebody_erased_followed_is_not_noted_any_more() {
    let world = World::new(false).await;
    world.change(Channel::Email, RECEIVED, None).await;
    world.settle(world.delivery(Channel::Email).id).await;
    let person = || {
        let person = world.repo.person(world.communication, world.contact.id);
        person.unwrap().map(|person| person.value.links)
    };
    let (before, known) = (world.delivery(Channel::Email).timeline.len(), person());
    world.erase().await;
    // The request came before, and was counted once it was clear that a person asked.
    world
        .event(Channel::Email, Event::Clicked { link: 1 })
        .await;
    assert_eq!(world.delivery(Channel::Email).timeline.len(), before);
    assert!(known == Some(Vec::new()) && person().is_none_or(|links| links.is_empty()));
}

#[tokio::test]
async fn people_of_an_alert_to_whom_nothing_went_are_forgotten() {
    let world = World::new(false).await;
    let to_nobody = CommunicationId::new(world.random.uuid_v7(world.now()));
    let old = world.repo.communication(world.communication).unwrap();
    let communication = Communication {
        id: to_nobody,
        people: 2,
        ..old.unwrap().value
    };
    let other = world.newcomer("grace@example.org").await;
    world
        .put(|batch| {
            batch.insert(&communication);
            for contact in [&world.contact, &other] {
                let making = Making {
                    communication: &communication,
                    category: &world.tracker.category("Alert"),
                    contact,
                    round: 1,
                    now: world.now(),
                    awaits_turn: false,
                    express: false,
                };
                make_deliveries(batch, &world.random, making, None, &[]);
            }
        })
        .await;
    world.erase().await;
    world.has_no_trace();
    let person = world.repo.person(to_nobody, world.contact.id).unwrap();
    assert!(person.is_some(), "they stay counted");
    let todo = keys::search_todo(&keys::communication(to_nobody));
    assert!(world.repo.store().get(&todo).unwrap().is_some());
}

#[tokio::test]
async fn a_draft_to_them_alone_goes() {
    let world = World::new(false).await;
    let old = world.repo.communication(world.communication).unwrap();
    let old = old.unwrap().value;
    let draft = |state, contacts: Vec<ContactId>| Communication {
        id: CommunicationId::new(world.random.uuid_v7(world.now())),
        state,
        people: 0,
        sent_at: None,
        audience: Audience {
            contacts,
            ..Audience::default()
        },
        ..old.clone()
    };
    let theirs = draft(CommunicationState::Draft, vec![world.contact.id]);
    let grace = world.newcomer("grace@example.org").await.id;
    let both = draft(CommunicationState::Draft, vec![world.contact.id, grace]);
    world
        .put(|batch| {
            batch.insert(&theirs);
            batch.insert(&both);
        })
        .await;
    world.erase().await;
    assert!(world.repo.communication(theirs.id).unwrap().is_none());
    assert!(world.repo.communication(both.id).unwrap().is_some());
}

#[tokio::test]
async fn no_case_is_opened_for_somebody_who_is_being_erased() {
    let world = World::new(false).await;
    let client = world.party("Cleo", ContactKind::Client).await;
    let creditor = world.party("Bank", ContactKind::Creditor).await;
    let begun = Erasure {
        contact: client.id,
        ids: vec![client.id],
        addresses: Vec::new(),
        by: USER,
        begun_at: world.now(),
    };
    world.put(|batch| batch.insert(&begun)).await;
    let input = super::cases::input("DC-9", client.id, &[creditor.id]);
    let refused = world.tracker.add_case(&input, BY).await;
    assert!(matches!(refused, Err(CaseError::Field("client", _))));
}

#[tokio::test]
async fn a_creditors_request_takes_no_case_of_a_client_along() {
    let world = World::new(false).await;
    let client = world.party("Cleo", ContactKind::Client).await;
    let creditor = world.party("Bank", ContactKind::Creditor).await;
    let case = world.case(&client, &creditor).await;
    let tracker = &world.tracker;
    let closed = crate::domain::CaseStatus::Closed;
    tracker.set_case_status(case, closed, "", BY).await.unwrap();
    world
        .clock
        .advance(Duration::from_secs(8 * 366 * 24 * 3600));
    let refused = tracker.erase_contact(creditor.id, USER).await.unwrap();
    assert!(matches!(refused, Erased::Refused(_)));
    assert!(world.repo.case(case).unwrap().is_some());
    assert_eq!(world.rows(keys::ERASURE), 0);
    let methods = world.repo.contact(creditor.id).unwrap().unwrap();
    assert_eq!(methods.methods.len(), 1, "nothing of theirs was touched");
}

impl World {
    fn note(&self, with: &Contact, case: Option<crate::domain::CaseId>, at: Timestamp) -> Entry {
        Entry {
            id: EntryId::new(self.random.uuid_v7(at)),
            at,
            client: None,
            case,
            party: Party::Creditor,
            with: with.id,
            direction: EntryDirection::Internal,
            kind: EntryKind::Other,
            title: Redacted::new("A note".into()),
            what: EntryWhat::Note(Note {
                text: crate::domain::BlobId::of(b"A note."),
                files: Vec::new(),
                noted_at: at,
                link: None,
            }),
            by: Some(USER),
        }
    }
}

#[tokio::test]
async fn old_lines_go_from_behind_thousands_that_stay() {
    let world = World::new(false).await;
    let client = world.party("Cleo", ContactKind::Client).await;
    let creditor = world.party("Bank", ContactKind::Creditor).await;
    let case = world.case(&client, &creditor).await;
    let old = world.note(&creditor, None, world.now());
    let filed: Vec<Entry> = (0..2_100)
        .map(|index| {
            let before = Duration::from_millis(index);
            world.note(&creditor, Some(case), world.now().minus(before))
        })
        .collect();
    for some in filed.chunks(700) {
        world
            .put(|batch| {
                batch.blob(b"A note.".to_vec());
                some.iter().for_each(|entry| batch.insert(entry));
            })
            .await;
    }
    world.put(|batch| batch.insert(&old)).await;
    let closed = crate::domain::CaseStatus::Closed;
    let tracker = &world.tracker;
    tracker.set_case_status(case, closed, "", BY).await.unwrap();
    world
        .clock
        .advance(Duration::from_secs(7 * 366 * 24 * 3600));
    let gone = tracker.expire(Scope::Contact(creditor.id)).await.unwrap();
    assert_eq!(gone.counts.entries, 1);
    assert!(world.repo.entry(old.id).unwrap().is_none());
    assert!(world.repo.entry(filed[2_099].id).unwrap().is_some());
}

#[tokio::test]
async fn what_happened_long_ago_is_kept_from_when_it_was_written_down() {
    let world = World::new(false).await;
    let client = world.party("Cleo", ContactKind::Client).await;
    let creditor = world.party("Bank", ContactKind::Creditor).await;
    let case = world.case(&client, &creditor).await;
    let happened = world.now();
    let tracker = &world.tracker;
    let closed = crate::domain::CaseStatus::Closed;
    tracker.set_case_status(case, closed, "", BY).await.unwrap();
    world
        .clock
        .advance(Duration::from_secs(7 * 366 * 24 * 3600));
    let mut note = world.note(&creditor, Some(case), happened);
    let EntryWhat::Note(written) = &mut note.what else {
        panic!("a note");
    };
    written.noted_at = world.now();
    world
        .put(|batch| {
            batch.blob(b"A note.".to_vec());
            batch.insert(&note);
        })
        .await;
    let gone = tracker.expire(Scope::Case(case)).await.unwrap();
    assert!(gone.stays && gone.counts.is_nothing());
    world
        .clock
        .advance(Duration::from_secs(7 * 366 * 24 * 3600));
    let gone = tracker.expire(Scope::Case(case)).await.unwrap();
    assert_eq!((gone.counts.cases, gone.counts.entries), (1, 1));
}

#[tokio::test]
async fn a_letter_that_could_not_be_made_is_kept_with_its_case() {
    let world = World::new(false).await;
    let client = world.party("Cleo", ContactKind::Client).await;
    let creditor = world.party("Bank", ContactKind::Creditor).await;
    let case = world.case(&client, &creditor).await;
    let old = world.repo.communication(world.communication).unwrap();
    let letter = Communication {
        id: CommunicationId::new(world.random.uuid_v7(world.now())),
        people: 0,
        matter: Some(Matter {
            client: client.id,
            case: Some(case),
        }),
        ..old.unwrap().value
    };
    let entry = Entry::of_draft(&letter, &creditor).unwrap();
    world
        .put(|batch| {
            batch.insert(&letter);
            batch.insert(&entry);
        })
        .await;
    let tracker = &world.tracker;
    tracker.replace_retention(crate::domain::retention::RetentionRules {
        everything_else_years: Some(1),
        ..Default::default()
    });
    let hold = tracker.set_legal_hold(case, true, "Litigation.", BY).await;
    hold.unwrap();
    let closed = crate::domain::CaseStatus::Closed;
    tracker.set_case_status(case, closed, "", BY).await.unwrap();
    world
        .clock
        .advance(Duration::from_secs(9 * 366 * 24 * 3600));
    tracker.expire_all().await.unwrap();
    assert!(world.repo.communication(letter.id).unwrap().is_some());
    let lifted = tracker.set_legal_hold(case, false, "Over.", BY).await;
    lifted.unwrap();
    tracker.expire_all().await.unwrap();
    assert!(world.repo.case(case).unwrap().is_none());
    assert!(world.repo.communication(letter.id).unwrap().is_none());
    assert!(check(world.repo.store()).unwrap().is_sound());
}

#[tokio::test]
async fn what_an_earlier_version_named_goes_within_days() {
    let world = World::new(false).await;
    let old = world.repo.communication(world.communication).unwrap();
    let old = old.unwrap();
    let content = Content {
        subject: "Flood".into(),
        text: "Stay in.".into(),
        ..Content::default()
    };
    world
        .put(|batch| {
            let new = Communication {
                content: batch.blob(content.to_bytes()),
                ..old.value.clone()
            };
            batch.replace(&old, &new);
        })
        .await;
    let tracker = &world.tracker;
    assert_eq!(tracker.look_for_strays().await.unwrap(), 1);
    assert_eq!(tracker.look_for_strays().await.unwrap(), 0, "once a week");
    world.clock.advance(Duration::from_secs(25 * 3600));
    assert_eq!(tracker.sweep_blobs().await.unwrap(), 1);
    let store = world.repo.store();
    assert!(store.get_blob(old.content).unwrap().is_none());
    assert!(check(store).unwrap().is_sound());
}

#[tokio::test]
async fn reports_go_with_what_they_were_about() {
    let world = World::new(false).await;
    let report = |number: u8, delivery| InboundMail {
        id: [number; 16],
        mail_from: String::new(),
        rcpt_to: "bounce@example.org".into(),
        delivery,
        message: crate::domain::BlobId::of(b"A report."),
        received_at: world.now(),
        due: None,
        express: false,
    };
    let kept = world.delivery(Channel::Email).id;
    let gone = crate::domain::DeliveryId::from_bytes([9; 16]);
    world
        .put(|batch| {
            batch.blob(b"A report.".to_vec());
            batch.insert(&report(1, Some(kept)));
            batch.insert(&report(2, Some(gone)));
            batch.insert(&report(3, None));
        })
        .await;
    let tracker = &world.tracker;
    tracker.expire_all().await.unwrap();
    let left = |number: u8| world.repo.inbound(&[number; 16]).unwrap().is_some();
    assert_eq!([left(1), left(2), left(3)], [true, false, true]);
    tracker.replace_retention(crate::domain::retention::RetentionRules {
        everything_else_years: Some(1),
        ..Default::default()
    });
    world
        .clock
        .advance(Duration::from_secs(2 * 366 * 24 * 3600));
    tracker.expire_all().await.unwrap();
    assert_eq!([left(1), left(2), left(3)], [true, false, false]);
}

#[tokio::test]
async fn nothing_goes_by_itself_for_a_week_after_the_clock_has_leapt() {
    let world = World::new(false).await;
    let day = Duration::from_secs(24 * 3600);
    let may = async |after: Duration| {
        world.clock.advance(after);
        world.tracker.may_expire_alone().await.unwrap()
    };
    assert!(may(day).await);
    assert!(may(day * 30).await, "switched off for a month");
    assert!(!may(day * 3_650).await);
    for _ in 0..6 {
        assert!(!may(day).await);
    }
    assert!(may(day).await);
}
