//! Whose a thread is: strangers, and people who become one.

use super::*;

#[tokio::test]
async fn strangers_have_threads_of_their_own() {
    let world = World::new().await;
    let from = |who: &str, id: &str, subject: &str| {
        format!("From: {who}\nMessage-ID: <{id}@x>\nSubject: {subject}\n\nHello.\n")
    };
    world
        .take("alerts@gw.example", &from("zoe@far.example", "1", "Help"))
        .await;
    world
        .take(
            "alerts@gw.example",
            &from("zoe@far.example", "2", "Re: help"),
        )
        .await;
    world
        .take("alerts@gw.example", &from("yan@far.example", "3", "Help"))
        .await;
    let threads = world.threads();
    assert_eq!(threads.len(), 2);
    assert!(threads.iter().all(|thread| thread.contact.is_none()));
    let zoe = threads.iter().find(|thread| thread.messages == 2).unwrap();
    assert_eq!(zoe.address.reveal(), "zoe@far.example");
    // Another's reference does not lead into her thread.
    let forged =
        "From: eve@far.example\nMessage-ID: <4@x>\nIn-Reply-To: <1@x>\nSubject: Help\n\nMe too.\n";
    world.take("alerts@gw.example", forged).await;
    assert_eq!(world.threads().len(), 3);
    world.is_sound();
}

/// Takes a mail from this stranger, in a thread of its own.
async fn stranger_writes(world: &World, id: &str, subject: &str) {
    let mail = format!(
        "From: Sam <sam@far.example>\nTo: alerts@gw.example\nMessage-ID: <{id}@far.example>\nSubject: {subject}\n\nHello\n"
    );
    world.take("alerts@gw.example", &mail).await;
}

fn answered(seed: u8, thread: &Thread) -> Answer {
    Answer {
        id: CommunicationId::from_bytes([seed; 16]),
        thread: thread.id,
        channel: Channel::Email,
        method: None,
        subject: "Re: hello".into(),
        text: "Hello, Sam.".into(),
        by: UserId::from_bytes([1; 16]),
    }
}

#[tokio::test]
async fn answers_to_one_stranger_make_one_person() {
    let world = World::new().await;
    stranger_writes(&world, "1", "one").await;
    stranger_writes(&world, "2", "two").await;
    let threads = world.threads();
    assert_eq!(threads.len(), 2);
    let (one, two) = (answered(71, &threads[0]), answered(72, &threads[1]));
    let (first, second) = tokio::join!(world.submitter.answer(&one), world.submitter.answer(&two));
    first.unwrap();
    second.unwrap();
    let known = world
        .repo
        .contacts_by_address("sam@far.example", 9)
        .unwrap();
    assert_eq!(known.len(), 1);
    for thread in world.threads() {
        assert_eq!(thread.contact, Some(known[0].id));
    }
    world.is_sound();
}

#[tokio::test]
async fn a_stranger_who_became_somebody_is_answered_as_that_person_where_they_wrote_from() {
    let world = World::new().await;
    stranger_writes(&world, "1", "one").await;
    let sam = world.neighbour(80, "Sam", "+447700900180").await;
    let email =
        |address: &str| Destination::Email(Redacted::new(EmailAddress::parse(address).unwrap()));
    let add = |contact: &mut Contact| {
        for (seed, address) in [(81, "sam@work.example"), (82, "sam@far.example")] {
            let mut method = contact.methods[0].clone();
            method.id = MethodId::from_bytes([seed; 16]);
            (method.kind, method.destination) = (MethodKind::Email, email(address));
            contact.methods.push(method);
        }
        Some(Vec::new())
    };
    world.tracker.change_contact(sam, add).await.unwrap();
    let [thread] = world.threads().try_into().unwrap();
    assert_eq!(thread.contact, None);
    world
        .submitter
        .answer(&answered(71, &thread))
        .await
        .unwrap();
    let [thread] = world.threads().try_into().unwrap();
    assert_eq!(thread.contact, Some(sam));
    let sent = world.repo.deliveries(None, 1).unwrap().rows.remove(0);
    assert_eq!(
        (sent.contact, sent.destination.reveal()),
        (sam, "sam@far.example")
    );
    world.is_sound();
}

#[tokio::test]
async fn an_answer_goes_to_whoever_has_the_number_and_can_be_reached_there() {
    let number = "+447700900111";
    for shared in [true, false] {
        let world = World::new().await;
        world.text(number, "Who is this?").await;
        let ivo = world.neighbour(31, "Ivo", number).await;
        let remove = |contact: &mut Contact| {
            contact.methods[0].state = MethodState::Removed;
            Some(Vec::new())
        };
        world.tracker.change_contact(ivo, remove).await.unwrap();
        let mut wanted = None;
        if shared {
            wanted = Some(world.neighbour(32, "Jan", number).await);
        }
        let [thread] = world.threads().try_into().unwrap();
        assert_eq!(thread.contact, None);
        let answer = Answer {
            channel: Channel::Text,
            subject: String::new(),
            ..answered(71, &thread)
        };
        world.submitter.answer(&answer).await.unwrap();
        let sent = world.repo.deliveries(None, 1).unwrap().rows.remove(0);
        assert_ne!(sent.contact, ivo);
        assert!(wanted.is_none_or(|wanted| sent.contact == wanted));
        assert_eq!(sent.destination.reveal(), number);
        world.is_sound();
    }
}

#[tokio::test]
async fn threads_and_answers_follow_a_person_whom_another_contact_took_over() {
    let world = World::new().await;
    let by = UserId::from_bytes([1; 16]);
    let (ivo, jan) = ("+447700900111", "+447700900112");
    let kept = world.neighbour(31, "Ivo", ivo).await;
    let gone = world.neighbour(32, "Jan", jan).await;
    let alert = world.send_text(jan).await;
    world.text(jan, "Where?").await;
    let [before] = world.threads().try_into().unwrap();
    assert_eq!(before.contact, Some(gone));
    world.tracker.merge_contacts(kept, gone, by).await.unwrap();
    // What still comes in from the old number answers the old alert, in the same thread.
    world.clock.advance(std::time::Duration::from_secs(60));
    world.text(jan, "And when?").await;
    let [thread] = world.threads().try_into().unwrap();
    assert_eq!((thread.id, thread.messages), (before.id, 2));
    assert_eq!(thread.contact, Some(kept));
    let last = world.messages(&thread).pop().unwrap();
    assert_eq!(last.delivery, Some(alert.id));
    // A thread that nobody wrote in since is found, too.
    let threads = world.repo.threads_of(kept, 9).unwrap();
    assert_eq!(threads.len(), 1);
    world.is_sound();
}
