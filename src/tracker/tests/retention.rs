//! What is due goes with all that belongs to it, what is not stays; persons are erased.

use super::cases::BY;
use super::*;
use crate::domain::retention::{Due, Kept, RetentionRules};
use crate::domain::{AuditEntry, CaseStatus, DeliveryId, EntryId};
use crate::store::engine::{CHAIN, KeyRange};
use crate::store::{EntryList, check::check, keys};

const USER: UserId = UserId::from_bytes([1; 16]);

/// Days of a year, and one more.
fn years(count: u64) -> Duration {
    Duration::from_secs((count * 366 + 1) * 24 * 3600)
}

impl World {
    pub(super) fn now(&self) -> Timestamp {
        crate::clock::Clock::wall(&*self.clock)
    }

    pub(super) async fn settle(&self, id: DeliveryId) {
        for status in [EmailStatus::Sent, EmailStatus::Received] {
            let event = Event::Changed {
                status: Status::Email(status),
                verdict: None,
                source: Source::Report,
            };
            self.tracker.record(id, event).await.unwrap();
        }
    }

    /// What may go now.
    fn due(&self) -> Vec<Scope> {
        let list = self.tracker.owing(self.now(), &Default::default()).unwrap();
        list.due.iter().map(|owing| owing.scope).collect()
    }

    async fn becomes(&self, id: ContactId, kind: ContactKind) {
        let old = self.repo.contact(id).unwrap().unwrap();
        let mut new = old.value.clone();
        new.kind = kind;
        let mut batch = Batch::new();
        batch.replace(&old, &new);
        self.repo.store().commit(batch).await.unwrap();
    }

    pub(super) fn acts(&self, act: &str) -> Vec<AuditEntry> {
        let range = KeyRange::prefix(CHAIN);
        let entries = self.repo.store().chain_entries(range, 1000).unwrap();
        let entries = entries.iter();
        let all = entries.map(|entry| AuditEntry::from_bytes(&entry.payload).unwrap());
        all.filter(|entry| entry.act == act).collect()
    }

    #[track_caller]
    fn is_sound(&self) {
        let report = check(self.repo.store()).unwrap();
        assert!(report.is_sound(), "{:?}", report.problems);
    }

    pub(super) fn rows(&self, tag: &[u8]) -> usize {
        let range = KeyRange::prefix(tag);
        self.repo.store().count(range, 1000).unwrap()
    }
}

#[tokio::test]
async fn a_closed_case_goes_after_its_years_with_letters_replies_and_blobs() {
    let world = World::new(false).await;
    let client = world.party("Cleo", ContactKind::Client).await;
    let creditor = world.party("Bank", ContactKind::Creditor).await;
    let case = world.case(&client, &creditor).await;
    let sent = world.letter(&creditor, &client, Some(case)).await;
    world.settle(sent).await;
    world.clock.advance(Duration::from_secs(60));
    world.answer(&creditor, Some(sent)).await;
    let tracker = &world.tracker;
    world.clock.advance(years(7));
    assert_eq!(world.due(), [], "the case is open");
    let closed = tracker.set_case_status(case, CaseStatus::Closed, "Settled.", BY);
    closed.await.unwrap();
    world.clock.advance(years(5));
    assert_eq!(world.due(), []);
    world.clock.advance(years(1));
    assert!(world.due().contains(&Scope::Case(case)));
    let communications = world.rows(keys::COMMUNICATION);
    let letter = world.repo.delivery(sent).unwrap().unwrap().communication;
    let content = world.repo.communication(letter).unwrap().unwrap().content;

    assert!(tracker.expire_all().await.unwrap());
    world.is_sound();
    assert!(world.repo.case(case).unwrap().is_none());
    assert!(world.listed(EntryList::All).is_empty());
    assert!(world.repo.delivery(sent).unwrap().is_none());
    assert_eq!(world.rows(keys::COMMUNICATION), communications - 1);
    for tag in [keys::CASE_EVENT, keys::THREAD, keys::MESSAGE] {
        assert_eq!(world.rows(tag), 0);
    }
    let counts = tracker.retention_progress().counts;
    assert_eq!((counts.cases, counts.entries, counts.messages), (1, 2, 1));
    let acts = world.acts("retention.deleted");
    assert!(acts.iter().any(|act| act.detail.contains("entries=2")));
    assert!(acts.iter().all(|act| act.subjects.len() == 1));

    // The search index hears of it; the blobs go a day later.
    let todo = keys::search_todo(&keys::communication(letter));
    assert!(world.repo.store().get(&todo).unwrap().is_some());
    assert_eq!(tracker.sweep_blobs().await.unwrap(), 0);
    assert!(world.repo.store().get_blob(content).unwrap().is_some());
    world.clock.advance(Duration::from_secs(25 * 3600));
    assert_eq!(tracker.sweep_blobs().await.unwrap(), 2);
    assert!(world.repo.store().get_blob(content).unwrap().is_none());
    assert_eq!(world.rows(keys::LOOSE_BLOB), 0);
    world.is_sound();
}

#[tokio::test]
async fn a_hold_on_one_case_keeps_all_of_its_client() {
    let world = World::new(false).await;
    let client = world.party("Cleo", ContactKind::Client).await;
    let creditor = world.party("Bank", ContactKind::Creditor).await;
    let held = world.case(&client, &creditor).await;
    let own = world.letter(&client, &client, None).await;
    world.settle(own).await;
    let tracker = &world.tracker;
    let closed = tracker.set_case_status(held, CaseStatus::Closed, "Settled.", BY);
    closed.await.unwrap();
    let hold = tracker.set_legal_hold(held, true, "Litigation.", BY).await;
    hold.unwrap();
    world.clock.advance(years(20));
    assert_eq!(world.due(), []);
    let list = tracker.owing(world.now(), &Default::default()).unwrap();
    assert!(list.held.iter().any(|one| one.scope == Scope::Case(held)));
    for scope in [Scope::Case(held), Scope::Contact(client.id)] {
        assert!(tracker.expire(scope).await.unwrap().counts.is_nothing());
    }
    let refused = tracker.erase_contact(client.id, USER).await.unwrap();
    assert_eq!(refused, Erased::Refused(Due::Never(Kept::LegalHold)));
    assert_eq!(world.acts("contact.erasure_refused").len(), 1);
    // Whoever calls the client something else does not lift the hold.
    for kind in [ContactKind::Citizen, ContactKind::Creditor] {
        world.becomes(client.id, kind).await;
        let refused = tracker.erase_contact(client.id, USER).await.unwrap();
        assert_eq!(refused, Erased::Refused(Due::Never(Kept::LegalHold)));
        let gone = tracker.expire(Scope::Contact(client.id)).await.unwrap();
        assert!(gone.counts.is_nothing(), "{kind:?}");
    }
    world.becomes(client.id, ContactKind::Client).await;

    let lifted = tracker.set_legal_hold(held, false, "Over.", BY).await;
    lifted.unwrap();
    assert!(world.due().contains(&Scope::Contact(client.id)));
    assert!(tracker.expire_all().await.unwrap());
    assert!(world.listed(EntryList::All).is_empty());
    assert!(world.repo.delivery(own).unwrap().is_none());
    world.is_sound();
}

#[tokio::test]
async fn a_blob_that_a_younger_note_names_too_survives() {
    let world = World::new(false).await;
    let client = world.party("Cleo", ContactKind::Client).await;
    let creditor = world.party("Bank", ContactKind::Creditor).await;
    let case = world.case(&client, &creditor).await;
    let note = |case| NoteInput {
        id: EntryId::new(world.random.uuid_v7(world.now())),
        client: client.id,
        case,
        with: client.id,
        direction: crate::domain::EntryDirection::Internal,
        kind: crate::domain::EntryKind::Other,
        at: world.now(),
        text: "Spoke with them.".into(),
        files: Vec::new(),
        link: None,
    };
    let tracker = &world.tracker;
    tracker.add_note(&note(Some(case)), USER).await.unwrap();
    let closed = tracker.set_case_status(case, CaseStatus::Closed, "Settled.", BY);
    closed.await.unwrap();
    world.clock.advance(years(6));
    tracker.add_note(&note(None), USER).await.unwrap();
    assert!(tracker.expire_all().await.unwrap());
    assert_eq!(world.listed(EntryList::All).len(), 1);
    world.clock.advance(Duration::from_secs(25 * 3600));
    assert_eq!(tracker.sweep_blobs().await.unwrap(), 0);
    assert_eq!(world.rows(keys::LOOSE_BLOB), 0);
    world.is_sound();
}

#[tokio::test]
async fn alerts_go_only_where_a_rule_says_so() {
    let world = World::new(false).await;
    for channel in [Channel::Text, Channel::Call] {
        world.change(channel, failed(channel), None).await;
    }
    world.settle(world.delivery(Channel::Email).id).await;
    world.clock.advance(years(30));
    assert_eq!(world.due(), []);
    world.tracker.replace_retention(RetentionRules {
        everything_else_years: Some(2),
        ..RetentionRules::default()
    });
    assert!(
        world
            .due()
            .contains(&Scope::Communication(world.communication))
    );
    assert!(world.tracker.expire_all().await.unwrap());
    assert_eq!(
        (world.rows(keys::COMMUNICATION), world.rows(keys::PERSON)),
        (0, 0)
    );
    for tag in [keys::DELIVERY, keys::PEOPLE_BY_STATE, keys::LOG] {
        assert_eq!(world.rows(tag), 0);
    }
    assert!(world.repo.contact(world.contact.id).unwrap().is_some());
    world.is_sound();
}

fn failed(channel: Channel) -> Status {
    match channel {
        Channel::Email => Status::Email(EmailStatus::NotSent),
        Channel::Text => Status::Text(TextStatus::Failed),
        Channel::Call => Status::Call(CallStatus::Failed),
    }
}

#[tokio::test]
async fn a_citizen_is_erased_and_what_was_sent_stays_counted() {
    let world = World::new(false).await;
    let tracker = &world.tracker;
    let email = world.delivery(Channel::Email);
    world.settle(email.id).await;
    world.answer(&world.contact, Some(email.id)).await;
    let before = world
        .repo
        .communication(world.communication)
        .unwrap()
        .unwrap();
    let numbers = world.repo.statistics(&before).unwrap();

    let done = tracker.erase_contact(world.contact.id, USER).await.unwrap();
    let Erased::Done(counts) = done else {
        panic!("{done:?}");
    };
    assert_eq!((counts.messages, counts.deliveries), (1, 3));
    world.is_sound();
    let contact = world.contact();
    assert!(contact.methods.is_empty() && contact.first_name.reveal().is_empty());
    assert_eq!((world.rows(keys::THREAD), world.rows(keys::LOG)), (0, 1));
    let after = world
        .repo
        .communication(world.communication)
        .unwrap()
        .unwrap();
    let left = world.repo.statistics(&after).unwrap();
    assert_eq!(
        (left.people, left.contacted),
        (numbers.people, numbers.contacted)
    );
    // Nothing in any row says who it was, nor does the record of what was done.
    for (key, value) in world.repo.store().scan(KeyRange::all(), 10_000).unwrap() {
        for trace in [
            "ada@",
            "Ada",
            "ada\0",
            "Byron",
            "byron",
            "7700900001",
            "632960001",
        ] {
            let is_in = |bytes: &[u8]| bytes.windows(trace.len()).any(|w| w == trace.as_bytes());
            assert!(!is_in(&key) && !is_in(&value), "{trace} in {key:?}");
        }
    }
    assert!(world.acts("contact.erasing").len() >= 3);
    assert_eq!(world.acts("contact.erased").len(), 1);
    let again = tracker.erase_contact(world.contact.id, USER).await.unwrap();
    assert!(matches!(again, Erased::Done(_)));
    world.is_sound();
}

#[tokio::test]
async fn a_client_is_erased_once_nothing_of_theirs_need_be_kept() {
    let world = World::new(false).await;
    let client = world.party("Cleo", ContactKind::Client).await;
    let creditor = world.party("Bank", ContactKind::Creditor).await;
    let case = world.case(&client, &creditor).await;
    let sent = world.letter(&client, &client, Some(case)).await;
    world.settle(sent).await;
    let tracker = &world.tracker;
    for contact in [&client, &creditor] {
        let refused = tracker.erase_contact(contact.id, USER).await.unwrap();
        assert_eq!(refused, Erased::Refused(Due::Never(Kept::OpenCase)));
    }
    let closed = tracker.set_case_status(case, CaseStatus::Closed, "Settled.", BY);
    closed.await.unwrap();
    let refused = tracker.erase_contact(client.id, USER).await.unwrap();
    let until = tracker.retention_rules().correspondence_ends(world.now());
    assert_eq!(refused, Erased::Refused(Due::From(until)));
    assert_eq!(world.acts("contact.erasure_refused").len(), 3);
    world.clock.advance(years(6));
    let done = tracker.erase_contact(client.id, USER).await.unwrap();
    assert!(matches!(done, Erased::Done(_)));
    assert!(world.repo.case(case).unwrap().is_none());
    let contact = world.repo.contact(client.id).unwrap().unwrap();
    assert!(contact.methods.is_empty() && contact.first_name.reveal().is_empty());
    world.is_sound();
}
