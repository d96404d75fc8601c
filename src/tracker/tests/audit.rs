//! What the tracker decides by itself leaves its entries in the record of who did what.

use super::*;
use crate::domain::{AuditActor, AuditEntry, CaseId, Matter, Subject, SubjectKind};
use crate::store::engine::{CHAIN, KeyRange};

impl World {
    fn audited(&self) -> Vec<AuditEntry> {
        let store = self.repo.store();
        let found = store.chain_entries(KeyRange::prefix(CHAIN), 100).unwrap();
        let read = |payload: &[u8]| AuditEntry::from_bytes(payload).unwrap();
        found.iter().map(|entry| read(&entry.payload)).collect()
    }

    /// From now on it is about a case of a client.
    async fn about_a_case(&self) -> Matter {
        let matter = Matter {
            client: self.contact.id,
            case: Some(CaseId::from_bytes([9; 16])),
        };
        let old = self
            .repo
            .communication(self.communication)
            .unwrap()
            .unwrap();
        let mut new = old.value.clone();
        new.matter = Some(matter);
        let mut batch = Batch::new();
        batch.replace(&old, &new);
        self.repo.store().commit(batch).await.unwrap();
        matter
    }
}

#[tokio::test]
async fn a_suspension_is_recorded_and_an_alert_leaves_nothing_else() {
    let world = World::new(false).await;
    let sent = Status::Email(EmailStatus::Sent);
    world.change(Channel::Email, sent, None).await;
    assert_eq!(world.audited(), []);
    let verdict = Verdict::failure(Reason::UserUnknown, Permanence::Permanent);
    let rebound = Status::Email(EmailStatus::Rebound);
    world.change(Channel::Email, rebound, Some(verdict)).await;
    let found = world.audited();
    assert_eq!(found.len(), 1);
    assert_eq!(found[0].act, "method.suspend");
    assert_eq!(found[0].actor, AuditActor::Gateway);
    let contact = Subject::new(SubjectKind::Contact, *world.contact.id.as_bytes());
    assert!(found[0].subjects.contains(&contact));
}

#[tokio::test]
async fn each_status_of_correspondence_is_recorded_with_a_digest() {
    let world = World::new(false).await;
    let matter = world.about_a_case().await;
    for status in [
        EmailStatus::Sent,
        EmailStatus::Received,
        EmailStatus::Received,
    ] {
        world
            .change(Channel::Email, Status::Email(status), None)
            .await;
    }
    let found = world.audited();
    let said: Vec<&str> = found.iter().map(|entry| entry.detail.as_str()).collect();
    assert_eq!(said, ["sent", "received"]);
    assert!(found.iter().all(|entry| entry.act == "delivery.status"));
    let delivery = world.delivery(Channel::Email);
    for entry in &found {
        let mut changes = delivery.timeline.iter();
        let change = changes.find(|change| change.status.as_str() == entry.detail);
        let statement = change.unwrap().statement(delivery.id);
        let digest = crate::store::engine::BlobId::of(statement.as_bytes());
        assert_eq!(entry.digest.as_ref(), Some(digest.as_bytes()));
    }
    let case = Subject::new(SubjectKind::Case, *matter.case.unwrap().as_bytes());
    assert!(found[0].digest.is_some() && found[0].subjects.contains(&case));
}
