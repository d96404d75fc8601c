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
        self.receipt_of(&ids, &[], text).await;
    }

    /// The same, and whom it names.
    async fn receipt_of(&self, ids: &[String], parties: &[&str], text: &str) {
        let party = |one: &&str| Redacted::new((*one).to_owned());
        let parties: Vec<Redacted<String>> = parties.iter().map(party).collect();
        let meaning = receipt(&parse(text).unwrap());
        let taken = self.inbound.take_receipt_of(ids, &parties, &meaning).await;
        taken.unwrap();
    }

    /// A text to the number went out as this.
    pub(super) async fn sent_as(&self, id: &str) -> DeliveryId {
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

#[tokio::test]
async fn a_receipt_is_not_that_of_a_text_to_somebody_else_whose_id_reads_like_it() {
    let world = World::new().await;
    let other = world.sent_as("m/64").await;
    // 100 is 0x64; the text with the id 100 is still under way.
    let ids = ["m/100", "m/64", "m/256"].map(str::to_owned);
    let said = "id:100 stat:DELIVRD err:000";
    let status = |text| world.repo.delivery(text).unwrap().unwrap().status();
    world
        .receipt_of(&ids, &["447700900222", "40404"], said)
        .await;
    assert_eq!(status(other), Status::Text(TextStatus::Sent));
    let own = world.sent_as("m/100").await;
    assert_eq!(status(own), Status::Text(TextStatus::Received));
    assert!(world.repo.early_receipt("m/256").unwrap().is_none());

    // However the number is written, or where none is named.
    let parties = ["40404", "07700900111"];
    world.receipt_of(&ids[1..2], &parties, said).await;
    assert_eq!(status(other), Status::Text(TextStatus::Received));
    world.is_sound();
}

#[tokio::test]
async fn a_receipt_whose_id_is_known_in_another_form_is_taken_for_whom_it_names() {
    let world = World::new().await;
    let text = world.sent_as("m/64").await;
    let ids = ["m/100", "m/64", "m/256"].map(str::to_owned);
    let parties = ["+447700900111", "40404"];
    world
        .receipt_of(&ids, &parties, "id:100 stat:DELIVRD")
        .await;
    let now = world.repo.delivery(text).unwrap().unwrap();
    assert_eq!(now.status(), Status::Text(TextStatus::Received));
    world.is_sound();
}

#[tokio::test]
async fn an_id_that_no_text_can_have_is_not_kept() {
    let world = World::new().await;
    let long = format!("m/{}", "7".repeat(4000));
    world.receipt(&[long.as_str()], "id:7 stat:DELIVRD").await;
    let kept = world.repo.early_receipts(None, 9).unwrap().rows;
    let [one] = kept.as_slice() else {
        panic!("{}", kept.len());
    };
    assert!(one.remote_id.starts_with("?/"), "{}", one.remote_id.len());
    assert!(one.also.is_empty());
}
