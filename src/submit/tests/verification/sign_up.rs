//! People who sign up themselves.

use super::*;

#[tokio::test]
async fn who_signs_up_becomes_a_contact_by_the_first_proof() {
    let world = world().await;
    let new = |address: &str| {
        let mut contact = Contact {
            id: ContactId::new(world.random.uuid_v7(world.clock.wall())),
            methods: vec![
                world.method(MethodKind::Email, email(address), MethodState::Unverified),
                world.method(
                    MethodKind::Mobile,
                    phone("+447700900002"),
                    MethodState::Unverified,
                ),
            ],
            ..crate::store::records::samples::contact()
        };
        contact.area = None;
        contact.issue_since = None;
        SelfSignUp { contact }
    };
    let sign_up = new("new@example.org");
    let id = sign_up.contact.id;
    world.submitter.sign_up(sign_up).await.unwrap();
    assert!(world.repo.contact(id).unwrap().is_none());
    assert_eq!(world.repo.sign_up_count().unwrap(), 1);
    let by_mail = world.secrets(&email("new@example.org"));
    let by_text = world.secrets(&phone("+447700900002"));
    assert!(matches!(
        world.code(&phone("+447700900002"), &by_text.code).await,
        TicketUse::Done { contact, .. } if contact == id
    ));
    let methods = |id| world.repo.contact(id).unwrap().unwrap().value.methods;
    assert_eq!(methods(id).len(), 1);
    assert_eq!(methods(id)[0].state, MethodState::Active);
    assert_eq!(world.repo.sign_up_count().unwrap(), 0);
    assert!(matches!(
        world.token(&by_mail.token).await,
        TicketUse::Done { .. }
    ));
    assert_eq!(methods(id).len(), 2);
    world.is_sound();
    // Once more, with an address that is known: nobody new comes of it.
    world.clock.advance(MINUTE);
    world
        .submitter
        .sign_up(new("new@example.org"))
        .await
        .unwrap();
    let again = world.secrets(&email("new@example.org"));
    assert!(matches!(
        world.token(&again.token).await,
        TicketUse::Done { contact, purpose: TicketPurpose::LogIn, .. } if contact == id
    ));
    assert_eq!(world.repo.sign_up_count().unwrap(), 0);
    world.is_sound();
}

#[tokio::test]
async fn signing_up_twice_makes_one_contact_and_never_confirming_makes_none() {
    let world = world().await;
    let to = email("twice@example.org");
    let mut tokens = Vec::new();
    for _ in 0..2 {
        let contact = Contact {
            id: ContactId::new(world.random.uuid_v7(world.clock.wall())),
            area: None,
            issue_since: None,
            methods: vec![world.method(MethodKind::Email, to.clone(), MethodState::Unverified)],
            ..crate::store::records::samples::contact()
        };
        world
            .submitter
            .sign_up(SelfSignUp { contact })
            .await
            .unwrap();
        tokens.push(world.secrets(&to).token);
        world.clock.advance(MINUTE);
    }
    assert_eq!(world.repo.sign_up_count().unwrap(), 2);
    for token in &tokens {
        assert!(matches!(world.token(token).await, TicketUse::Done { .. }));
    }
    let known = world.repo.contacts_by_address(&to.lookup_key(), 9).unwrap();
    assert_eq!(known.len(), 1);
    world.clock.advance(Duration::from_secs(4 * 24 * 3600));
    world.tracker.sweep_self_service().await.unwrap();
    assert_eq!(world.repo.sign_up_count().unwrap(), 0);
    world.is_sound();
}

#[tokio::test]
async fn whoever_signs_up_twice_is_one_person_with_the_methods_of_both() {
    let world = world().await;
    let mail = email("twice@example.org");
    let mobile = phone("+447700900002");
    let first = world
        .signs_up("Ann", &[(MethodKind::Email, mail.clone())])
        .await;
    let one = world.secrets(&mail).token;
    world.clock.advance(MINUTE);
    let both = [
        (MethodKind::Email, mail.clone()),
        (MethodKind::Mobile, mobile.clone()),
    ];
    world.signs_up("Ann", &both).await;
    let two = world.secrets(&mail).token;
    let by_text = world.secrets(&mobile);
    assert_eq!(world.proves(&one).await, first);
    assert_eq!(world.proves(&two).await, first);
    assert!(matches!(
        world.code(&mobile, &by_text.code).await,
        TicketUse::Done { contact, .. } if contact == first
    ));
    assert_eq!(
        world.addresses(first),
        ["twice@example.org", "+447700900002"]
    );
    world.clock.advance(Duration::from_secs(4 * 24 * 3600));
    world.tracker.sweep_self_service().await.unwrap();
    assert_eq!(world.repo.sign_up_count().unwrap(), 0);
    world.is_sound();
}

#[tokio::test]
async fn two_people_who_share_an_address_stay_two() {
    let world = world().await;
    let mail = email("home@example.org");
    let mobile = phone("+447700900002");
    let ann = world
        .signs_up("Ann", &[(MethodKind::Email, mail.clone())])
        .await;
    let one = world.secrets(&mail).token;
    world.clock.advance(MINUTE);
    let both = [
        (MethodKind::Email, mail.clone()),
        (MethodKind::Mobile, mobile.clone()),
    ];
    let bob = world.signs_up("Bob", &both).await;
    let two = world.secrets(&mail).token;
    let by_text = world.secrets(&mobile).token;
    assert_eq!(world.proves(&one).await, ann);
    assert_eq!(world.proves(&two).await, bob);
    assert_eq!(world.proves(&by_text).await, bob);
    assert_eq!(world.addresses(ann), ["home@example.org"]);
    assert_eq!(world.addresses(bob), ["home@example.org", "+447700900002"]);
    world.is_sound();
}
