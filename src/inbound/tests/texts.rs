//! What is answered by itself to a keyword, and to which text of ours somebody answers.

use super::*;
use crate::classify::network_errors::ErrorCodes;
use crate::domain::keywords::{Keyword, Keywords};
use crate::domain::{
    Actor, Channel, Consent, ContactId, Direction, Message, Origin, Permanence, ProofKind,
    TextStatus, Verdict,
};
use crate::tracker::{KeywordTexts, ReplySettings};

const NUMBER: &str = "+447700900111";
const HOUR: Duration = Duration::from_secs(3600);
const MINUTE: Duration = Duration::from_secs(60);

impl World {
    /// Keywords are answered, three times a day.
    async fn answering() -> Self {
        let world = Self::new().await;
        let texts = |language: &str| KeywordTexts {
            language: language.to_owned(),
            stopped: format!("{language} stopped"),
            started: format!("{language} started"),
            help: format!("{language} help"),
        };
        world.tracker.replace_replies(ReplySettings {
            keywords: Keywords::default().with(Keyword::Stop, &["Schluss".to_owned()]),
            texts: vec![texts("en"), texts("fr")],
            answers_per_day_max: 3,
            ..ReplySettings::default()
        });
        world
    }

    /// Whether texts may go to somebody.
    fn may_text(&self, id: ContactId) -> bool {
        let contact = self.repo.contact(id).unwrap().unwrap();
        contact.wishes.allow(Channel::Text, "alert")
    }

    /// Somebody writes this; which text of ours it answers.
    async fn answered_by(&self, text: &str) -> Option<DeliveryId> {
        self.text(NUMBER, text).await;
        let threads = self.threads();
        let mut messages = threads.iter().flat_map(|thread| self.messages(thread));
        let message = messages.find(|one| one.preview.reveal() == text);
        message.unwrap().delivery
    }

    /// What went out by itself, oldest first.
    fn answers(&self) -> Vec<Message> {
        let mut answers = Vec::new();
        for thread in self.threads() {
            let ours = self.messages(&thread).into_iter();
            answers.extend(ours.filter(|one| one.direction == Direction::Out));
        }
        answers
    }

    fn said(&self) -> Vec<String> {
        let answers = self.answers().into_iter();
        answers.map(|one| one.preview.reveal().clone()).collect()
    }
}

#[tokio::test]
async fn a_stop_is_confirmed_once_though_it_ends_texts() {
    let world = World::answering().await;
    let ivo = world.neighbour(31, "Ivo", NUMBER).await;
    world.text(NUMBER, "Schluss!").await;
    assert_eq!(world.said(), ["en stopped"]);
    let [answer] = world.answers().try_into().unwrap();
    assert_eq!(answer.kind, MessageKind::Automatic);
    let delivery = world
        .repo
        .delivery(answer.delivery.unwrap())
        .unwrap()
        .unwrap();
    assert_eq!((delivery.contact, delivery.channel), (ivo, Channel::Text));
    assert_eq!(
        delivery.due,
        Some(world.clock.wall()),
        "it goes out at once"
    );
    let communication = world.repo.communication(delivery.communication).unwrap();
    let communication = communication.unwrap();
    assert_eq!(communication.origin, Origin::Keyword);
    assert!(!communication.origin.heeds_wishes());
    assert!(!communication.origin.heeds_refusal_of(Channel::Text));
    let content = world.repo.content(communication.content).unwrap();
    assert_eq!(content.sms_text, "en stopped");
    let wishes = world.repo.contact(ivo).unwrap().unwrap().value.wishes;
    assert!(!wishes.allow(Channel::Text, "alert"));
    // The carrier delivers it again; and it is said again an hour later.
    world.text(NUMBER, "Schluss!").await;
    world.clock.advance(HOUR);
    world.text(NUMBER, "STOP").await;
    assert_eq!(world.said(), ["en stopped"]);
    world.is_sound();
}

#[tokio::test]
async fn two_machines_that_answer_each_other_come_to_an_end() {
    let world = World::answering().await;
    world.neighbour(31, "Ivo", NUMBER).await;
    for word in ["HELP", "start", "HELP", "START", "help", "Aide"] {
        world.clock.advance(HOUR);
        world.text(NUMBER, word).await;
    }
    assert_eq!(world.said(), ["en help", "en started", "en help"]);
    world.clock.advance(24 * HOUR);
    world.text(NUMBER, "HELP").await;
    assert_eq!(world.said().len(), 4);
    world.is_sound();
}

#[tokio::test]
async fn what_is_no_keyword_and_who_is_nobody_gets_no_answer() {
    let world = World::answering().await;
    let ivo = world.neighbour(31, "Ivo", NUMBER).await;
    for text in ["please stop", "Stop it", "Help, the water rises", "yes"] {
        world.clock.advance(HOUR);
        world.text(NUMBER, text).await;
    }
    world.text("+447700900999", "HELP").await;
    assert_eq!(world.said(), Vec::<String>::new());
    let wishes = world.repo.contact(ivo).unwrap().unwrap().value.wishes;
    assert!(wishes.allow(Channel::Text, "alert"));
    world.is_sound();
}

#[tokio::test]
async fn an_answer_belongs_to_what_came_from_the_number_that_it_goes_to() {
    let mut world = World::answering().await;
    let carrier = |name: &str, sender: &str| Carrier {
        name: name.to_owned(),
        sender: sender.to_owned(),
        error_codes: ErrorCodes::default(),
    };
    let carriers = vec![carrier("one", "+441632960001"), carrier("two", "40404")];
    world.inbound = world.inbound.clone().with_carriers(carriers);
    let mut sent = Vec::new();
    for id in ["two/1", "one/2"] {
        world.clock.advance(HOUR);
        let text = world.send_text(NUMBER).await.id;
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
            world.tracker.record(text, event).await.unwrap();
        }
        sent.push(text);
    }
    // What is answered by itself is nothing that anybody answers.
    world.text(NUMBER, "HELP").await;
    for (to, answered) in [
        ("40404", sent[0]),
        ("441632960001", sent[1]),
        ("99999", sent[1]),
    ] {
        world.clock.advance(HOUR);
        let text = IncomingText {
            from: NUMBER.to_owned(),
            to: to.to_owned(),
            text: format!("to {to}"),
        };
        world.inbound.take_text(text).await.unwrap();
        let threads = world.threads();
        let mut messages = threads.iter().flat_map(|thread| world.messages(thread));
        let message = messages.find(|one| *one.preview.reveal() == format!("to {to}"));
        assert_eq!(message.unwrap().delivery, Some(answered), "{to}");
    }
    world.is_sound();
}

#[tokio::test]
async fn a_start_that_the_carrier_delivers_again_undoes_no_stop() {
    let world = World::answering().await;
    let ivo = world.neighbour(31, "Ivo", NUMBER).await;
    for (word, wanted) in [("STOP", false), ("START", true), ("STOP", false)] {
        world.clock.advance(MINUTE);
        world.text(NUMBER, word).await;
        assert_eq!(world.may_text(ivo), wanted, "{word}");
    }
    // Whether anybody has read it makes no difference.
    let thread = world.threads().remove(0);
    let read = world.tracker.mark_thread(thread.id, false, thread.messages);
    read.await.unwrap();
    for _ in 0..2 {
        world.clock.advance(MINUTE);
        world.text(NUMBER, "START").await;
        assert!(!world.may_text(ivo));
    }
    assert_eq!(world.said(), ["en stopped", "en started", "en stopped"]);
    let thread = world.threads().remove(0);
    let last = world.messages(&thread).pop().unwrap();
    assert_eq!(last.kind, MessageKind::OptIn, "somebody looks at it");
    // Later it is meant.
    world.clock.advance(MINUTE * 10);
    world.text(NUMBER, "START").await;
    assert!(world.may_text(ivo));
    world.is_sound();
}

#[tokio::test]
async fn a_start_promises_nothing_where_somebody_else_said_no() {
    let world = World::answering().await;
    let ivo = world.neighbour(31, "Ivo", NUMBER).await;
    let no = Consent {
        channel: Some(Channel::Text),
        category: None,
        given: false,
        at: world.clock.wall(),
        proof: ProofKind::Operator(UserId::from_bytes([1; 16])),
        note: Redacted::new(String::new()),
    };
    let decided = world.tracker.decide_consent(ivo, &no, Actor::Gateway);
    decided.await.unwrap();
    for word in ["STOP", "START"] {
        world.clock.advance(HOUR);
        world.text(NUMBER, word).await;
    }
    assert!(!world.may_text(ivo));
    assert_eq!(world.said(), Vec::<String>::new());
    world.is_sound();
}

#[tokio::test]
async fn a_stop_is_confirmed_behind_all_other_answers_and_none_at_all_is_none() {
    let world = World::answering().await;
    let ivo = world.neighbour(31, "Ivo", NUMBER).await;
    let words = ["HELP", "HELP", "HELP", "STOP", "START", "STOP"];
    for word in words {
        world.clock.advance(HOUR);
        world.text(NUMBER, word).await;
    }
    assert_eq!(
        world.said(),
        ["en help", "en help", "en help", "en stopped"]
    );
    assert!(!world.may_text(ivo));
    let silent = World::answering().await;
    silent.tracker.replace_replies(ReplySettings {
        answers_per_day_max: 0,
        ..(*silent.tracker.replies()).clone()
    });
    silent.neighbour(31, "Ivo", NUMBER).await;
    for word in words {
        silent.clock.advance(HOUR);
        silent.text(NUMBER, word).await;
    }
    assert_eq!(silent.said(), Vec::<String>::new());
}

#[tokio::test]
async fn an_answer_belongs_to_what_somebody_got_and_not_to_what_waits_or_never_came() {
    let world = World::answering().await;
    let first = world.sent_as("m/1").await;
    world.clock.advance(HOUR);
    let second = world.send_text(NUMBER).await.id;
    world.clock.advance(HOUR);
    assert_eq!(world.answered_by("the second waits").await, Some(first));
    for event in [
        Event::AttemptBegun {
            status: Some(Status::Text(TextStatus::Sending)),
        },
        Event::Accepted {
            status: Status::Text(TextStatus::Sent),
            verdict: crate::classify::smpp::accepted("2"),
            remote_ids: vec!["m/2".to_owned()],
        },
    ] {
        world.tracker.record(second, event).await.unwrap();
    }
    assert_eq!(world.answered_by("it is here").await, Some(second));
    let lost = Event::SegmentFailed {
        remote_id: "m/2".to_owned(),
        verdict: Verdict::failure(Reason::Unreachable, Permanence::Temporary),
    };
    world.tracker.record(second, lost).await.unwrap();
    assert_eq!(world.answered_by("it never came").await, Some(first));
    world.is_sound();
}
