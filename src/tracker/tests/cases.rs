//! Cases: references, status, creditors, merging.

use super::*;
use crate::domain::{
    Actor, CaseChange, CaseCreditor, CaseId, CaseStatus, ContactId, Entry, EntryDirection, EntryId,
    EntryKind, Matter, MessageId, MessageKind, NoteLink, ReferencePattern,
};
use crate::store::EntryList;
use crate::store::check::check;

pub(super) const BY: Actor = Actor::User(UserId::from_bytes([1; 16]));

impl World {
    pub(super) async fn party(&self, name: &str, kind: ContactKind) -> Contact {
        let now = crate::clock::Clock::wall(&*self.clock);
        let id = MethodId::new(self.random.uuid_v7(now));
        let address = format!("{}@example.org", name.to_lowercase());
        let contact = Contact {
            id: ContactId::new(self.random.uuid_v7(now)),
            kind,
            first_name: Redacted::new(name.into()),
            last_name: Redacted::new(String::new()),
            methods: vec![Method::new(id, MethodKind::Email, email(&address))],
            ..self.contact.clone()
        };
        let added = self.tracker.add_contacts(std::slice::from_ref(&contact));
        added.await.unwrap();
        contact
    }

    pub(super) async fn case(&self, client: &Contact, creditor: &Contact) -> CaseId {
        let input = input("DC-2027-00001", client.id, &[creditor.id]);
        self.tracker.add_case(&input, BY).await.unwrap()
    }

    fn changes(&self, case: CaseId) -> Vec<CaseChange> {
        let events = self.repo.case_events(case, None, 50).unwrap().rows;
        let mut changes: Vec<_> = events.iter().map(|event| event.change).collect();
        changes.reverse();
        changes
    }
}

pub(super) fn input(reference: &str, client: ContactId, creditors: &[ContactId]) -> CaseInput {
    let creditors = creditors.iter().map(|contact| CaseCreditor {
        contact: *contact,
        account: Redacted::new("4929".into()),
    });
    CaseInput {
        reference: reference.into(),
        title: "Two cards".into(),
        client,
        creditors: creditors.collect(),
        responsible: None,
        team: Vec::new(),
        restricted: false,
    }
}

fn field(result: Result<impl std::fmt::Debug, CaseError>) -> &'static str {
    match result.unwrap_err() {
        CaseError::Field(field, _) => field,
        CaseError::Tracker(error) => panic!("{error}"),
    }
}

#[tokio::test]
async fn a_case_is_a_clients_and_its_reference_is_its_own() {
    let world = World::new(false).await;
    let client = world.party("Cleo", ContactKind::Client).await;
    let creditor = world.party("Bank", ContactKind::Creditor).await;
    let id = world.case(&client, &creditor).await;
    let tracker = &world.tracker;
    let again = input("dc-2027-00001", client.id, &[]);
    assert_eq!(field(tracker.add_case(&again, BY).await), "reference");
    let citizen = input("A", world.contact.id, &[]);
    assert_eq!(field(tracker.add_case(&citizen, BY).await), "client");
    let client_as_creditor = input("A", client.id, &[client.id]);
    let wrong = tracker.add_case(&client_as_creditor, BY).await;
    assert_eq!(field(wrong), "creditors");
    let twice = input("A", client.id, &[creditor.id, creditor.id]);
    assert_eq!(field(tracker.add_case(&twice, BY).await), "creditors");

    let pattern = ReferencePattern::default();
    let next = tracker.propose_case_reference(&pattern, 2027).unwrap();
    assert_eq!(next, "DC-2027-00002");
    assert_eq!(
        tracker.propose_case_reference(&pattern, 2028).unwrap(),
        "DC-2028-00001"
    );
    let found = world.repo.case_by_reference("dc-2027-00001").unwrap();
    assert_eq!(found.unwrap().id, id);
    assert!(world.repo.has_cases(creditor.id).unwrap());
    assert!(check(world.repo.store()).unwrap().is_sound());
}

#[tokio::test]
async fn what_is_done_with_a_case_is_written_down() {
    let world = World::new(false).await;
    let client = world.party("Cleo", ContactKind::Client).await;
    let creditor = world.party("Bank", ContactKind::Creditor).await;
    let id = world.case(&client, &creditor).await;
    let tracker = &world.tracker;
    let seen = world.repo.case(id).unwrap().unwrap().modified_at;
    let mut changed = input("DC-7", client.id, &[]);
    changed.restricted = true;
    let done = tracker.change_case(id, Some(seen), &changed, BY).await;
    done.unwrap();
    let late = tracker.change_case(id, Some(seen), &changed, BY).await;
    assert_eq!(field(late), "seen");
    for status in [CaseStatus::OnHold, CaseStatus::Closed, CaseStatus::Open] {
        let set = tracker.set_case_status(id, status, "Settled.", BY).await;
        set.unwrap();
        let case = world.repo.case(id).unwrap().unwrap();
        assert_eq!(case.status, status);
        assert_eq!(case.closed_at.is_some(), status == CaseStatus::Closed);
    }
    let hold = tracker.set_legal_hold(id, true, "Litigation.", BY).await;
    hold.unwrap();
    use CaseChange as C;
    let mut changes = world.changes(id);
    changes[1..4].sort();
    assert_eq!(
        changes,
        [
            C::Opened,
            C::Edited,
            C::CreditorRemoved,
            C::Restricted,
            C::Held,
            C::Closed,
            C::Reopened,
            C::HoldSet
        ]
    );
    assert!(world.repo.case_by_reference("DC-7").unwrap().is_some());
    let free = world.repo.case_by_reference("DC-2027-00001").unwrap();
    assert!(free.is_none());
    assert!(check(world.repo.store()).unwrap().is_sound());
}

#[tokio::test]
async fn cases_go_along_with_a_contact_that_is_taken_over() {
    let world = World::new(false).await;
    let client = world.party("Cleo", ContactKind::Client).await;
    let same = world.party("Cleopatra", ContactKind::Client).await;
    let creditor = world.party("Bank", ContactKind::Creditor).await;
    let id = world.case(&client, &creditor).await;
    let by = UserId::from_bytes([1; 16]);
    let merged = world.tracker.merge_contacts(same.id, client.id, by).await;
    assert_eq!(merged.unwrap(), Merged::Done);
    // Asked again, as after a cut in between, it goes on with the cases.
    let again = world.tracker.merge_contacts(same.id, client.id, by).await;
    assert_eq!(again.unwrap(), Merged::Done);
    let case = world.repo.case(id).unwrap().unwrap();
    assert_eq!(case.client, same.id);
    let cases = world.repo.cases_of_client(same.id, 10).unwrap();
    assert_eq!(cases.len(), 1);
    assert!(check(world.repo.store()).unwrap().is_sound());
}

impl World {
    /// A letter about a case, on its way by email.
    pub(super) async fn letter(
        &self,
        to: &Contact,
        client: &Contact,
        case: Option<CaseId>,
    ) -> DeliveryId {
        let now = crate::clock::Clock::wall(&*self.clock);
        let id = CommunicationId::new(self.random.uuid_v7(now));
        let mut batch = Batch::new();
        let content = Content {
            subject: "Your account".into(),
            text: "Please send us all data.".into(),
            ..Content::default()
        };
        let communication = Communication {
            matter: Some(Matter {
                client: client.id,
                case,
            }),
            ..Communication::to_one(
                id,
                Origin::Console(UserId::from_bytes([1; 16])),
                "Letter",
                Channels::only(Channel::Email),
                "Your account".into(),
                batch.blob(content.to_bytes()),
                now,
            )
        };
        let category = self.tracker.category("Letter");
        let new = NewDelivery {
            method: &to.methods[0],
            channel: Channel::Email,
            report: None,
        };
        let random = &self.random;
        let made = make_to_one(
            &mut batch,
            random,
            &communication,
            &category,
            to,
            new,
            false,
        );
        self.repo.store().commit(batch).await.unwrap();
        made[0]
    }

    pub(super) async fn answer(&self, from: &Contact, answers: Option<DeliveryId>) -> EntryId {
        let mut base = Batch::new();
        let body = base.blob("We have your letter.");
        let now = crate::clock::Clock::wall(&*self.clock);
        let id = MessageId::new(self.random.uuid_v7(now));
        let incoming = Incoming {
            id,
            kind: MessageKind::Written,
            channel: Channel::Email,
            at: now,
            from: from.methods[0].destination.lookup_key(),
            contact: Some(from.id),
            answers,
            subject: "Re: Your account".into(),
            preview: "We have your letter.".into(),
            body: Some(body),
            original: None,
            files: Vec::new(),
            message_id: format!("{id}@example.org"),
            references: Vec::new(),
            authentication: None,
            is_disowned: false,
        };
        self.tracker.take_in(&base, &incoming).await.unwrap();
        Entry::id_of_message(id)
    }

    pub(super) fn listed(&self, list: EntryList) -> Vec<EntryId> {
        let mut walk = self.repo.entries(list, None).unwrap();
        let mut ids = Vec::new();
        while let Some((_, id)) = walk.step_id().unwrap() {
            ids.push(EntryId::from_bytes(id));
        }
        ids
    }
}

#[tokio::test]
async fn replies_to_a_letter_stand_in_its_case() {
    let world = World::new(false).await;
    let client = world.party("Cleo", ContactKind::Client).await;
    let creditor = world.party("Bank", ContactKind::Creditor).await;
    let case = world.case(&client, &creditor).await;
    let sent = world.letter(&creditor, &client, Some(case)).await;
    world.clock.advance(Duration::from_secs(60));
    let reply = world.answer(&creditor, Some(sent)).await;
    let letter = Entry::id_of_delivery(sent);
    for list in [
        EntryList::All,
        EntryList::Case(case),
        EntryList::Client(client.id),
        EntryList::Creditor(creditor.id),
    ] {
        assert_eq!(world.listed(list), [reply, letter], "{list:?}");
    }
    let entry = world.repo.entry(reply).unwrap().unwrap();
    assert_eq!(entry.direction, EntryDirection::Received);
    assert_eq!(entry.case, Some(case));
    assert!(check(world.repo.store()).unwrap().is_sound());
}

#[tokio::test]
async fn what_a_creditor_writes_of_its_own_accord_is_filed_by_hand() {
    let world = World::new(false).await;
    let client = world.party("Cleo", ContactKind::Client).await;
    let creditor = world.party("Bank", ContactKind::Creditor).await;
    let other = world.party("Store", ContactKind::Creditor).await;
    let case = world.case(&client, &creditor).await;
    let mail = world.answer(&creditor, None).await;
    let foreign = world.answer(&other, None).await;
    assert!(world.listed(EntryList::Case(case)).is_empty());
    world.tracker.file_entry(mail, case, BY).await.unwrap();
    assert_eq!(world.listed(EntryList::Case(case)), [mail]);
    assert_eq!(world.listed(EntryList::Client(client.id)), [mail]);
    let refused = world.tracker.file_entry(foreign, case, BY).await;
    assert_eq!(field(refused), "case");
    assert!(world.changes(case).contains(&CaseChange::Filed));
    // What follows in the same thread stands there too.
    world.clock.advance(Duration::from_secs(60));
    let next = world.answer(&creditor, None).await;
    assert_eq!(world.listed(EntryList::Case(case)), [next, mail]);
    assert!(check(world.repo.store()).unwrap().is_sound());
}

#[tokio::test]
async fn notes_are_never_changed_but_put_right_by_another() {
    let world = World::new(false).await;
    let client = world.party("Cleo", ContactKind::Client).await;
    let creditor = world.party("Bank", ContactKind::Creditor).await;
    let case = world.case(&client, &creditor).await;
    let now = crate::clock::Clock::wall(&*world.clock);
    let note = |text: &str| NoteInput {
        id: EntryId::new(world.random.uuid_v7(now)),
        client: client.id,
        case: Some(case),
        with: creditor.id,
        direction: EntryDirection::Received,
        kind: EntryKind::Call,
        at: now.minus(Duration::from_secs(3600)),
        text: text.into(),
        files: Vec::new(),
        link: None,
    };
    let by = UserId::from_bytes([1; 16]);
    let add = async |input: &NoteInput| world.tracker.add_note(input, by).await;
    let first = note("They offer 40 %.");
    let id = add(&first).await.unwrap();
    assert_eq!(add(&first).await.unwrap(), id, "once, however often sent");
    let right = NoteInput {
        link: Some(NoteLink::Corrects(id)),
        ..note("They offer 60 %.")
    };
    let right = add(&right).await.unwrap();
    assert_eq!(world.repo.notes_of(id, 9).unwrap()[0].id, right);
    let late = NoteInput {
        at: now.plus(Duration::from_secs(60)),
        ..note("Tomorrow.")
    };
    assert_eq!(field(add(&late).await), "at");
    assert_eq!(field(add(&note(" ")).await), "text");
    let stranger = NoteInput {
        with: world.contact.id,
        ..note("Who?")
    };
    assert_eq!(field(add(&stranger).await), "with");
    assert_eq!(world.listed(EntryList::Case(case)).len(), 2);
    assert!(check(world.repo.store()).unwrap().is_sound());
}
