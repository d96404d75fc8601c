//! "STOP" and "START": what a whole text may say.

use super::*;
use crate::domain::{
    Actor, AuditActor, AuditEntry, Channel, CommunicationId, Consent, Contact, ContactChange,
    ContactId, MessageKind, ProofKind, Subject, SubjectKind,
};
use crate::store::engine::{CHAIN, KeyRange};
use crate::store::records::Record;
use crate::submit::Answer;

const NUMBER: &str = "+447700900111";
/// More people than are seen to in one batch, twice over.
const HOLDERS: u8 = 70;

impl World {
    async fn holders(&self) -> Vec<ContactId> {
        let mut holders = Vec::new();
        for seed in 0..HOLDERS {
            let name = format!("Holder{seed}");
            holders.push(self.neighbour(100 + seed, &name, NUMBER).await);
        }
        holders
    }

    fn contact(&self, id: ContactId) -> Contact {
        self.repo.contact(id).unwrap().unwrap().value
    }

    fn consent(&self, id: ContactId) -> Consent {
        self.contact(id).wishes.consents.remove(0)
    }

    async fn decide(&self, id: ContactId, consent: &Consent) {
        let decided = self
            .tracker
            .decide_consent(id, consent, Actor::Gateway)
            .await;
        decided.unwrap();
    }

    fn lines(&self, id: ContactId) -> usize {
        self.repo.log(id, None, 99).unwrap().rows.len()
    }
}

fn decision(category: Option<&str>, given: bool) -> Consent {
    Consent {
        channel: Some(Channel::Text),
        category: category.map(str::to_owned),
        given,
        at: Timestamp::from_millis(1),
        proof: ProofKind::Operator(UserId::from_bytes([1; 16])),
        note: Redacted::new(String::new()),
    }
}

#[tokio::test]
async fn stop_ends_texts_to_the_number_with_proof() {
    let world = World::new().await;
    let number = "+447700900111";
    let ivo = world.neighbour(31, "Ivo", number).await;
    let jan = world.neighbour(32, "Jan", number).await;
    world.text(number, " Stop. ").await;
    let [thread] = world.threads().try_into().unwrap();
    let [message] = world.messages(&thread).try_into().unwrap();
    assert_eq!(message.kind, MessageKind::OptOut);
    for id in [ivo, jan] {
        let contact = world.repo.contact(id).unwrap().unwrap();
        assert!(!contact.wishes.allow(Channel::Text, "alert"));
        assert!(contact.wishes.allow(Channel::Call, "alert"));
        let consent = &contact.wishes.consents[0];
        assert_eq!((consent.proof, consent.given), (ProofKind::Keyword, false));
        assert!(consent.note.reveal().contains(&message.id.to_string()));
        let log = world.repo.log(id, None, 9).unwrap().rows;
        assert!(log.iter().any(|line| matches!(
            line.event,
            LogEvent::Changed {
                change: ContactChange::ConsentWithdrawn,
                by: Actor::Person,
                ..
            }
        )));
    }
    world.is_sound();
}

#[tokio::test]
async fn stop_and_start_count_for_everybody_who_has_the_number() {
    let world = World::new().await;
    let holders = world.holders().await;
    for (text, allowed) in [("STOP", false), ("Unstop!", true), ("Arrêt", false)] {
        world.text(NUMBER, text).await;
        for id in &holders {
            let wishes = world.contact(*id).wishes;
            assert_eq!(wishes.allow(Channel::Text, "alert"), allowed, "{text}");
        }
        world.clock.advance(std::time::Duration::from_secs(3600));
    }
    world.is_sound();
}

#[tokio::test]
async fn a_stop_that_was_cut_off_goes_on_when_the_carrier_delivers_it_again() {
    let world = World::new().await;
    let holders = world.holders().await;
    world.text(NUMBER, "STOP").await;
    let [thread] = world.threads().try_into().unwrap();
    let [message] = world.messages(&thread).try_into().unwrap();
    // As it was when the daemon died behind the first part of them.
    let (done, cut_off) = holders.split_at(32);
    for id in cut_off {
        let undo = |contact: &mut Contact| {
            contact.wishes.consents.clear();
            Some(Vec::new())
        };
        world.tracker.change_contact(*id, undo).await.unwrap();
    }
    let before: Vec<Contact> = done.iter().map(|id| world.contact(*id)).collect();
    let lines = world.lines(done[0]);
    world.clock.advance(std::time::Duration::from_secs(30));
    world.text(NUMBER, "STOP").await;
    for id in cut_off {
        let consent = world.consent(*id);
        assert!(!consent.given);
        // Proved by the text that is there.
        assert!(consent.note.reveal().contains(&message.id.to_string()));
    }
    let after: Vec<Contact> = done.iter().map(|id| world.contact(*id)).collect();
    assert_eq!(
        (before, lines),
        (after, world.lines(done[0])),
        "once is enough"
    );
    assert_eq!(world.threads()[0].messages, 1);
    world.is_sound();
}

/// An answer by text in the only thread there is.
fn texted(world: &World) -> Answer {
    let [thread] = world.threads().try_into().unwrap();
    Answer {
        id: CommunicationId::from_bytes([71; 16]),
        thread: thread.id,
        channel: Channel::Text,
        method: None,
        subject: String::new(),
        text: "Who are you?".into(),
        by: UserId::from_bytes([1; 16]),
    }
}

impl World {
    /// The only one who has the number.
    fn holder(&self) -> Contact {
        let found = self.repo.contacts_by_address(NUMBER, 9).unwrap();
        let [contact] = found.try_into().unwrap();
        contact.value
    }

    fn withdrawals(&self, id: ContactId) -> usize {
        let log = self.repo.log(id, None, 99).unwrap().rows;
        let withdrawn = |event: &LogEvent| matches!(event, LogEvent::Changed { change, .. } if *change == ContactChange::ConsentWithdrawn);
        log.iter().filter(|line| withdrawn(&line.event)).count()
    }
}

#[tokio::test]
async fn a_stop_from_a_number_that_was_nobodys_holds_for_whoever_is_answered_there() {
    for known in [false, true] {
        let world = World::new().await;
        world.text(NUMBER, "STOP").await;
        if known {
            world.neighbour(31, "Ivo", NUMBER).await;
        }
        world.submitter.answer(&texted(&world)).await.unwrap();
        let contact = world.holder();
        assert!(!contact.wishes.allow(Channel::Text, "Reply"), "{known}");
        assert!(contact.wishes.allow(Channel::Call, "alert"));
        assert_eq!(world.withdrawals(contact.id), 1);
        world.is_sound();
    }
    // Whoever said START since is answered.
    let world = World::new().await;
    world.text(NUMBER, "STOP").await;
    world.clock.advance(std::time::Duration::from_secs(60));
    world.text(NUMBER, "START").await;
    world.submitter.answer(&texted(&world)).await.unwrap();
    assert!(world.holder().wishes.allow(Channel::Text, "Reply"));
}

#[tokio::test]
async fn a_stop_from_a_number_that_was_nobodys_holds_for_a_text_that_is_submitted() {
    let world = World::new().await;
    world.text(NUMBER, "STOP").await;
    let sent = world.send_text(NUMBER).await;
    let contact = world.holder();
    assert_eq!(sent.contact, contact.id);
    assert!(!contact.wishes.allow(Channel::Text, "Submitted"));
    assert_eq!(world.withdrawals(contact.id), 1);
    world.is_sound();
}

#[tokio::test]
async fn a_stop_for_which_there_was_no_room_is_said_once_and_stays() {
    use crate::domain::wishes::CONSENTS_MAX;
    let world = World::new().await;
    let ivo = world.neighbour(31, "Ivo", NUMBER).await;
    for number in 0..CONSENTS_MAX {
        let category = number.to_string();
        world.decide(ivo, &decision(Some(&category), false)).await;
    }
    world.text(NUMBER, "STOP").await;
    let stopped = world.contact(ivo).wishes;
    let [no] = stopped.consents.as_slice() else {
        panic!("{:?}", stopped.consents);
    };
    assert_eq!((no.channel, no.given), (None, false));
    let withdrawn = world.withdrawals(ivo);
    for word in ["STOP", "START"] {
        world.clock.advance(std::time::Duration::from_secs(3600));
        world.text(NUMBER, word).await;
        assert_eq!(world.contact(ivo).wishes, stopped, "{word}");
    }
    assert_eq!(world.withdrawals(ivo), withdrawn);
    world.is_sound();
}

#[tokio::test]
async fn start_takes_back_what_stop_refused_with_proof_and_nothing_else() {
    let world = World::new().await;
    let ivo = world.neighbour(31, "Ivo", NUMBER).await;
    let jan = world.neighbour(32, "Jan", NUMBER).await;
    world.decide(ivo, &decision(Some("alert"), true)).await;
    // Somebody said no for Jan before, at the console.
    world.decide(jan, &decision(None, false)).await;
    world.text(NUMBER, "STOP").await;
    assert!(!world.contact(ivo).wishes.allow(Channel::Text, "alert"));
    world.clock.advance(std::time::Duration::from_secs(60));
    world.text(NUMBER, " Reprendre ! ").await;
    let thread = world.threads().remove(0);
    let message = world.messages(&thread).pop().unwrap();
    assert_eq!(message.kind, MessageKind::OptIn);
    let wishes = world.contact(ivo).wishes;
    for category in ["alert", "general"] {
        assert!(wishes.allow(Channel::Text, category));
    }
    assert_eq!(wishes.consents.len(), 2);
    for consent in &wishes.consents {
        assert_eq!((consent.proof, consent.given), (ProofKind::Keyword, true));
        assert!(consent.note.reveal().contains(&message.id.to_string()));
    }
    let log = world.repo.log(ivo, None, 9).unwrap().rows;
    let given = |event: &LogEvent| {
        matches!(
            event,
            LogEvent::Changed {
                change: ContactChange::ConsentGiven,
                by: Actor::Person,
                ..
            }
        )
    };
    assert!(log.iter().any(|line| given(&line.event)));
    assert!(!world.contact(jan).wishes.allow(Channel::Text, "alert"));
    // With nothing to take back it is a text like any other.
    let before = world.contact(ivo);
    world.clock.advance(std::time::Duration::from_secs(60));
    world.text(NUMBER, "START").await;
    assert_eq!(world.contact(ivo), before);
    world.is_sound();
}

#[tokio::test]
async fn what_is_written_by_text_is_an_act_of_whoever_wrote_it() {
    let world = World::new().await;
    let ivo = world.neighbour(31, "Ivo", NUMBER).await;
    for said in ["Stop", "start", "Hello"] {
        world.text(NUMBER, said).await;
    }
    world.text("+447700900999", "Who is there?").await;
    let store = world.repo.store();
    let found = store.chain_entries(KeyRange::prefix(CHAIN), 100).unwrap();
    let found: Vec<_> = found
        .iter()
        .map(|one| AuditEntry::from_bytes(&one.payload).unwrap())
        .filter(|one| one.act != "mail.submit")
        .collect();
    let said: Vec<_> = found
        .iter()
        .map(|one| (one.act.as_str(), one.actor))
        .collect();
    let person = AuditActor::Person(ivo);
    let expected = [
        ("text.stop", person),
        ("text.start", person),
        ("message.receive", person),
        ("message.receive", AuditActor::Nobody),
    ];
    assert_eq!(said, expected);
    let contact = Subject::new(SubjectKind::Contact, *ivo.as_bytes());
    assert!(found[0].subjects.contains(&contact));
}
