//! What people answer comes into the inbox: once, in the right thread, from the right person.

mod people;

use super::*;
use crate::domain::{
    Channel, CommunicationId, Contact, ContactId, ContactKind, Destination, Direction, Message,
    MessageKind, Method, MethodId, MethodKind, PhoneNumber, Thread, ThreadState, Wishes,
};
use crate::store::{Batch, RowBatch, ThreadList};
use crate::submit::Answer;
use crate::tracker::Taken;

impl World {
    pub(super) fn threads(&self) -> Vec<Thread> {
        let mut all = Vec::new();
        for state in [ThreadState::Open, ThreadState::Done] {
            let page = self.repo.threads(ThreadList::In(state), None, 50).unwrap();
            all.extend(page.rows.into_iter().map(|thread| thread.value));
        }
        all
    }

    /// Oldest first.
    pub(super) fn messages(&self, thread: &Thread) -> Vec<Message> {
        let page = self.repo.messages(thread.id, None, 50).unwrap();
        let mut messages: Vec<Message> = page.rows.into_iter().map(|row| row.value).collect();
        messages.reverse();
        messages
    }

    pub(super) async fn text(&self, from: &str, text: &str) {
        let incoming = IncomingText {
            from: from.to_owned(),
            to: "40404".to_owned(),
            text: text.to_owned(),
        };
        self.inbound.take_text(incoming).await.unwrap();
    }

    /// Somebody with this mobile number.
    pub(super) async fn neighbour(&self, seed: u8, name: &str, number: &str) -> ContactId {
        let contact = Contact {
            id: ContactId::from_bytes([seed; 16]),
            kind: ContactKind::Citizen,
            first_name: Redacted::new(name.to_owned()),
            last_name: Redacted::new(String::new()),
            language: "en".into(),
            area: None,
            methods: vec![Method {
                state: MethodState::Active,
                ..Method::new(
                    MethodId::from_bytes([seed; 16]),
                    MethodKind::Mobile,
                    Destination::Phone(Redacted::new(PhoneNumber::from_e164(number).unwrap())),
                )
            }],
            issue_since: None,
            prompted_at: None,
            created_at: self.clock.wall(),
            groups: Vec::new(),
            custom: Vec::new(),
            wishes: Wishes::default(),
            import: None,
        };
        let mut batch = Batch::new();
        batch.insert(&contact);
        self.repo.store().commit(batch).await.unwrap();
        contact.id
    }

    pub(super) async fn send_text(&self, number: &str) -> Delivery {
        let content = Content {
            subject: String::new(),
            text: String::new(),
            html: String::new(),
            sms_text: "Are you safe?".into(),
            voice_script: String::new(),
            attachments: Vec::new(),
        };
        let number = PhoneNumber::from_e164(number).unwrap();
        let mail = SubmittedMail {
            user: UserId::from_bytes([1; 16]),
            message: Bytes::from_static(b"Subject: s\r\n\r\nb\r\n"),
            content,
            recipients: vec![MailRecipient::Text(Redacted::new(number))],
            reports: Vec::new(),
        };
        self.submitter.submit_mail(&mail).await.unwrap();
        self.repo.deliveries(None, 1).unwrap().rows.remove(0).value
    }

    pub(super) fn is_sound(&self) {
        let report = crate::store::check::check(self.repo.store()).unwrap();
        assert!(report.is_sound(), "{:#?}", report.problems);
    }
}

fn answer(id: &str, more: &str, text: &str) -> String {
    format!(
        "From: Ann <ann@town.example>\nTo: alerts@gw.example\nMessage-ID: <{id}@town.example>\n{more}Subject: Re: s\n\n{text}\n"
    )
}

#[tokio::test]
async fn a_mail_that_refers_to_an_alert_makes_a_thread_about_it() {
    let world = World::new().await;
    let refers = format!("In-Reply-To: <{}@gw.example>\n", world.delivery.id);
    world
        .take(
            "alerts@gw.example",
            &answer("1", &refers, "I have moved.\n> Safe?"),
        )
        .await;
    let [thread] = world.threads().try_into().unwrap();
    assert_eq!(thread.contact, Some(world.delivery.contact));
    assert_eq!((thread.unread, thread.messages), (1, 1));
    assert_eq!(thread.subject.reveal(), "Re: s");
    assert_eq!(thread.preview.reveal(), "I have moved.");
    let [message] = world.messages(&thread).try_into().unwrap();
    assert_eq!(message.delivery, Some(world.delivery.id));
    assert_eq!(message.communication, Some(world.delivery.communication));
    assert_eq!(message.from.reveal(), "ann@town.example");
    assert_eq!(message.message_id.reveal(), "1@town.example");
    let text = world.repo.text(message.body.unwrap()).unwrap();
    assert!(text.contains("> Safe?"), "{text}");
    assert!(world.log().iter().any(|event| matches!(
        event,
        LogEvent::Replied { thread: Some(known), .. } if *known == thread.id
    )));
    assert_eq!(world.repo.unread_threads().unwrap(), 1);
    world.is_sound();
}

#[tokio::test]
async fn the_same_mail_twice_is_one_message() {
    let world = World::new().await;
    let mail = answer("1", "", "Thank you.");
    let both = [world.bounce_address(), "alerts@gw.example".to_owned()];
    let message = Bytes::from(mail.replace('\n', "\r\n"));
    // To two of our addresses, and once more because our 250 was lost.
    for _ in 0..2 {
        world
            .inbound
            .keep_mail("ann@town.example", &both, message.clone())
            .await
            .unwrap();
    }
    world.read_all().await;
    let [thread] = world.threads().try_into().unwrap();
    assert_eq!((thread.unread, thread.messages), (1, 1));
    assert_eq!(world.repo.lane_depth(Lane::Inbound, 10).unwrap(), 0);
    world.is_sound();
}

#[tokio::test]
async fn a_mail_is_read_once_whenever_the_daemon_dies() {
    let world = World::new().await;
    let message = Bytes::from(answer("", "", "No id at all.").replace('\n', "\r\n"));
    let to = [world.bounce_address()];
    let sender = "ann@town.example";
    world.inbound.keep_mail(sender, &to, message).await.unwrap();
    let lease = std::time::Duration::from_secs(1);
    let lane = Lane::Inbound as u8;
    let now = world.clock.wall();
    let claim = world
        .repo
        .store()
        .claim_due(lane, now, lease, 1)
        .unwrap()
        .remove(0);
    // Two lives read the same mail at once: one of them wins, the other finds it done.
    let (one, two) = tokio::join!(
        world.inbound.read_mail(&claim.id),
        world.inbound.read_mail(&claim.id)
    );
    assert!(one.is_ok() || two.is_ok());
    world.inbound.read_mail(&claim.id).await.unwrap();
    let [thread] = world.threads().try_into().unwrap();
    assert_eq!(thread.messages, 1);
    world.is_sound();
}

#[tokio::test]
async fn robots_open_nothing_and_mark_nothing_as_unread() {
    let world = World::new().await;
    let away = answer("9", "Auto-Submitted: auto-replied\n", "I am away.");
    world.take(&world.bounce_address(), &away).await;
    assert!(world.threads().is_empty());
    let by_itself = |event: &&LogEvent| matches!(event, LogEvent::RepliedByItself { .. });
    assert_eq!(world.log().iter().filter(by_itself).count(), 1);
    assert_eq!(world.repo.lane_depth(Lane::Notify, 10).unwrap(), 0);
    // In a thread that is there it is shown, and changes nothing.
    world
        .take(&world.bounce_address(), &answer("1", "", "Hello."))
        .await;
    let [thread] = world.threads().try_into().unwrap();
    let tracker = &world.inbound.tracker;
    tracker
        .finish_thread(thread.id, ThreadState::Done, 99)
        .await
        .unwrap();
    let again = answer("10", "Auto-Submitted: auto-replied\n", "Still away.");
    world.take(&world.bounce_address(), &again).await;
    let [thread] = world.threads().try_into().unwrap();
    assert_eq!(
        (thread.state, thread.unread, thread.messages),
        (ThreadState::Done, 0, 2)
    );
    assert_eq!(world.repo.unread_threads().unwrap(), 0);
    world.is_sound();
}

#[tokio::test]
async fn bounces_of_known_deliveries_never_come_into_the_inbox() {
    let world = World::new().await;
    world.take(&world.bounce_address(), &report(GONE)).await;
    assert!(world.threads().is_empty());
}

#[tokio::test]
async fn an_answer_to_what_was_done_opens_it_again_and_another_subject_is_another_thread() {
    let world = World::new().await;
    world
        .take(&world.bounce_address(), &answer("1", "", "Hello."))
        .await;
    let [first] = world.threads().try_into().unwrap();
    world
        .inbound
        .tracker
        .finish_thread(first.id, ThreadState::Done, 99)
        .await
        .unwrap();
    world
        .take(
            "alerts@gw.example",
            &answer("2", "References: <1@town.example>\n", "And?"),
        )
        .await;
    let [thread] = world.threads().try_into().unwrap();
    assert_eq!(
        (thread.id, thread.state, thread.unread),
        (first.id, ThreadState::Open, 1)
    );
    let other =
        "From: ann@town.example\nMessage-ID: <3@x>\nSubject: My new number\n\nIt is this.\n";
    world.take("alerts@gw.example", other).await;
    assert_eq!(world.threads().len(), 2);
    world.is_sound();
}

#[tokio::test]
async fn a_text_belongs_to_the_open_thread_of_whoever_was_written_to_last() {
    let world = World::new().await;
    let number = "+447700900111";
    world.neighbour(31, "Ivo", number).await;
    let jan = world.neighbour(32, "Jan", number).await;
    let sent = world.send_text(number).await;
    let (to_jan, other) = (sent.contact == jan, sent.contact);
    world.text("447700900111", "Yes, safe").await;
    world.text("+447700900111", "The road is flooded").await;
    let [thread] = world.threads().try_into().unwrap();
    assert_eq!(thread.contact, Some(other), "to Jan: {to_jan}");
    assert_eq!(
        (thread.unread, thread.messages, thread.channel),
        (2, 2, Channel::Text)
    );
    let messages = world.messages(&thread);
    assert!(
        messages
            .iter()
            .all(|message| message.delivery == Some(sent.id))
    );
    assert_eq!(messages[1].preview.reveal(), "The road is flooded");
    world.is_sound();
}

#[tokio::test]
async fn a_text_that_the_carrier_delivers_again_is_one_message() {
    let world = World::new().await;
    world.neighbour(31, "Ivo", "+447700900111").await;
    for _ in 0..3 {
        world.text("+447700900111", "I am safe").await;
    }
    let [thread] = world.threads().try_into().unwrap();
    assert_eq!((thread.unread, thread.messages), (1, 1));
    // Said again an hour later it is another.
    world.clock.advance(std::time::Duration::from_secs(3600));
    world.text("+447700900111", "I am safe").await;
    assert_eq!(world.threads()[0].messages, 2);
    world.is_sound();
}

#[tokio::test]
async fn a_short_code_is_an_unknown_sender() {
    let world = World::new().await;
    world.text("82228", "Your balance is low").await;
    let [thread] = world.threads().try_into().unwrap();
    assert_eq!(
        (thread.contact, thread.address.reveal().as_str()),
        (None, "82228")
    );
}

#[tokio::test]
async fn a_yes_by_text_confirms_where_confirmation_is_asked_for() {
    let world = World::new().await;
    let number = "+447700900111";
    let ivo = world.neighbour(31, "Ivo", number).await;
    let text = world.send_text(number).await;
    assert_eq!(text.contact, ivo);
    let confirmed = || {
        let person = world.repo.person(text.communication, ivo).unwrap().unwrap();
        person.confirmed.is_some()
    };
    world.text(number, "ok").await;
    assert!(!confirmed(), "its category asks for nothing");
    let communication = world.repo.communication(text.communication);
    let category = communication.unwrap().unwrap().category.clone();
    world.tracker.replace_settings(TrackerSettings {
        categories: vec![crate::domain::Category {
            name: category,
            confirmation_required: true,
            voicemail_counts: false,
        }],
        suspension: SuspensionPolicy::default(),
        prompts: PromptSettings::default(),
    });
    world.text(number, "What is this?").await;
    assert!(!confirmed());
    world.text(number, "Oui, merci").await;
    assert!(confirmed());
    world.text(number, "1").await;
    let log = world.repo.log(ivo, None, 20).unwrap().rows;
    let lines = log
        .iter()
        .filter(|line| matches!(line.event, LogEvent::Confirmed { .. }));
    assert_eq!(lines.count(), 1);
    world.is_sound();
}

#[tokio::test]
async fn keys_pressed_in_a_call_are_an_answer_once_for_each_attempt() {
    let world = World::new().await;
    let id = world.delivery.id;
    let tracker = &world.inbound.tracker;
    let taken = tracker.take_keys(id, 1, "3").await.unwrap();
    assert!(matches!(taken, Taken::In(_)));
    world.clock.advance(std::time::Duration::from_secs(1));
    assert_eq!(tracker.take_keys(id, 1, "3").await.unwrap(), Taken::Before);
    tracker.take_keys(id, 2, "5#").await.unwrap();
    let [thread] = world.threads().try_into().unwrap();
    let kinds: Vec<(MessageKind, String)> = world
        .messages(&thread)
        .iter()
        .map(|message| (message.kind, message.preview.reveal().clone()))
        .collect();
    assert_eq!(
        kinds,
        [
            (MessageKind::Keys, "3".into()),
            (MessageKind::Keys, "5#".into())
        ]
    );
    assert!(
        world
            .messages(&thread)
            .iter()
            .all(|one| one.direction == Direction::In)
    );
    world.is_sound();
}

#[tokio::test]
async fn two_texts_at_once_are_one_thread() {
    let world = World::new().await;
    world.neighbour(31, "Ivo", "+447700900111").await;
    tokio::join!(
        world.text("+447700900111", "one"),
        world.text("+447700900111", "two"),
        world.text("+447700900111", "three"),
    );
    let [thread] = world.threads().try_into().unwrap();
    assert_eq!((thread.messages, thread.unread), (3, 3));
    world.is_sound();
}
