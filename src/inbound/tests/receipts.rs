//! Receipts: what a carrier's own codes mean, and those that name no text.

use super::*;
use crate::classify::network_errors::ErrorCodes;
use crate::classify::smpp::receipt;
use crate::domain::TextStatus;
use crate::proto::smpp::receipt::parse;

const NUMBER: &str = "+447700900111";

impl World {
    async fn receipt(&self, ids: &[&str], text: &str) {
        let ids: Vec<String> = ids.iter().map(|id| (*id).to_owned()).collect();
        let meaning = receipt(&parse(text).unwrap());
        let taken = self.inbound.take_receipt_of(&ids, &meaning).await;
        taken.unwrap();
    }

    /// A text to the number went out as this.
    async fn sent_as(&self, id: &str) -> DeliveryId {
        let text = self.send_text(NUMBER).await.id;
        for event in [
            Event::AttemptBegun {
                status: Some(Status::Text(TextStatus::Sending)),
            },
            Event::Accepted {
                status: Status::Text(TextStatus::Sent),
                verdict: crate::classify::smpp::accepted(id),
                remote_ids: vec![id.to_owned()],
            },
        ] {
            self.tracker.record(text, event).await.unwrap();
        }
        text
    }

    fn reason(&self, text: DeliveryId) -> Reason {
        let text = self.repo.delivery(text).unwrap().unwrap();
        text.last_verdict().unwrap().reason
    }
}

#[tokio::test]
async fn a_code_means_what_its_own_carrier_means_by_it() {
    let mut world = World::new().await;
    let codes = [("1".to_owned(), "mailbox_full passes".to_owned())].into();
    let carrier = Carrier {
        name: "odd".to_owned(),
        sender: "40404".to_owned(),
        error_codes: ErrorCodes::read(&codes).unwrap(),
    };
    world.inbound = world.inbound.clone().with_carriers(vec![carrier]);
    for (id, reason, state) in [
        ("odd/1", Reason::MailboxFull, MethodState::Active),
        ("usual/1", Reason::UserUnknown, MethodState::Suspended),
    ] {
        let text = world.sent_as(id).await;
        world.receipt(&[id], "id:1 stat:UNDELIV err:001").await;
        assert_eq!(world.reason(text), reason, "{id}");
        let known = world.repo.contacts_by_address(NUMBER, 9).unwrap();
        let usable = known[0].methods[0].state.is_usable();
        assert_eq!(usable, state.is_usable(), "{id}");
    }
    world.is_sound();
}

#[tokio::test]
async fn no_receipt_is_dropped_in_silence() {
    let world = World::new().await;
    world.receipt(&[], "stat:DELIVRD err:000").await;
    world.receipt(&["m/77"], "id:77 stat:ENROUTE").await;
    let kept = world.repo.early_receipts(None, 9).unwrap().rows;
    let said: Vec<(&str, bool, &str)> = kept
        .iter()
        .map(|one| {
            let words = one.verdict.diagnostic.as_str();
            (&one.remote_id[..2], one.underway, words)
        })
        .collect();
    let unnamed = ("?/", false, "stat:DELIVRD err:000");
    assert_eq!(said, [unnamed, ("m/", true, "id:77 stat:ENROUTE")]);
    world.is_sound();
}
