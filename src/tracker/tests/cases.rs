//! Cases: references, status, creditors, merging.

use super::*;
use crate::domain::{
    Actor, CaseChange, CaseCreditor, CaseId, CaseStatus, ContactId, ReferencePattern,
};
use crate::store::check::check;

const BY: Actor = Actor::User(UserId::from_bytes([1; 16]));

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

fn input(reference: &str, client: ContactId, creditors: &[ContactId]) -> CaseInput {
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
    let case = world.repo.case(id).unwrap().unwrap();
    assert_eq!(case.client, same.id);
    let cases = world.repo.cases_of_client(same.id, 10).unwrap();
    assert_eq!(cases.len(), 1);
    assert!(check(world.repo.store()).unwrap().is_sound());
}
