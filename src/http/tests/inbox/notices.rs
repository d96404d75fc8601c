//! Those of us who want to be told of replies.

use super::*;

pub(super) async fn wants_to_know(world: &World, login: &str, address: &str) {
    let old = world.repo.user_by_login(login).unwrap().unwrap();
    let new = User {
        email: Some(Redacted::new(EmailAddress::parse(address).unwrap())),
        notify_replies: true,
        ..old.value.clone()
    };
    let mut batch = Batch::new();
    batch.replace(&old, &new);
    world.repo.store().commit(batch).await.unwrap();
}

/// Works off the lane of notices, as after a restart: whatever is due is claimed again.
pub(in super::super) async fn notify(world: &World) {
    let lease = std::time::Duration::from_millis(1);
    let lane = Lane::Notify as u8;
    for claim in world
        .repo
        .store()
        .claim_due(lane, world.now(), lease, 50)
        .unwrap()
    {
        world.submit.notify(claim.id, &claim.value).await.unwrap();
    }
}

/// Mails to users, the newest first, with their text.
fn notices(world: &World) -> Vec<(Delivery, String)> {
    let mut found = Vec::new();
    for delivery in world.repo.deliveries(None, 50).unwrap().rows {
        let communication = world
            .repo
            .communication(delivery.communication)
            .unwrap()
            .unwrap();
        if communication.origin == Origin::Notice {
            let content = world.repo.content(communication.content).unwrap();
            found.push((delivery.value, content.text));
        }
    }
    found
}

#[tokio::test]
async fn those_who_want_to_know_are_told_at_most_once_in_a_while() {
    let world = world().await;
    wants_to_know(&world, "ida", "ida@gw.example").await;
    let first = thread(&world, 1).await;
    notify(&world).await;
    let [(delivery, text)] = notices(&world).try_into().unwrap();
    assert_eq!(delivery.destination.reveal(), "ida@gw.example");
    assert!(text.contains("Ada has replied"), "{text}");
    assert!(
        text.contains(&format!("http://localhost:8025/inbox/{first}")),
        "{text}"
    );
    assert!(!text.contains("safe") && !text.contains('@'), "{text}");
    // Two more within five minutes wait for one mail; the daemon may die in between.
    for seed in [2, 3] {
        thread(&world, seed).await;
        notify(&world).await;
        notify(&world).await;
    }
    assert_eq!(notices(&world).len(), 1);
    world
        .clock
        .advance(std::time::Duration::from_secs(5 * 60 + 1));
    notify(&world).await;
    notify(&world).await;
    let all = notices(&world);
    assert_eq!(all.len(), 2);
    assert!(all[0].1.contains("2 replies have come in"), "{}", all[0].1);
    assert!(all[0].1.contains("/inbox?show=unread"), "{}", all[0].1);
    assert_eq!(world.repo.lane_depth(Lane::Notify, 9).unwrap(), 0);
    is_sound(&world);
}

#[tokio::test]
async fn a_notice_never_causes_another() {
    let world = world().await;
    wants_to_know(&world, "ida", "ida@gw.example").await;
    thread(&world, 1).await;
    notify(&world).await;
    let [(delivery, _)] = notices(&world).try_into().unwrap();
    let staff = delivery.contact;
    let from_ida = |kind, answers: Option<DeliveryId>| {
        move |incoming: &mut Incoming| {
            incoming.kind = kind;
            incoming.contact = Some(staff);
            incoming.from = "ida@gw.example".into();
            incoming.answers = answers;
            incoming.original = Some(BlobId::of(b"We are <b>safe</b>.\n\n> Are you?"));
        }
    };
    let away = from_ida(MessageKind::Automatic, Some(delivery.id));
    assert_eq!(comes_in(&world, 5, away).await, Taken::Aside);
    let robot = from_ida(MessageKind::Written, Some(delivery.id));
    assert_eq!(comes_in(&world, 6, robot).await, Taken::Aside);
    // A robot that names nothing is shown, and nobody is told of it.
    let nameless = from_ida(MessageKind::Written, None);
    assert!(matches!(comes_in(&world, 7, nameless).await, Taken::In(_)));
    world.clock.advance(std::time::Duration::from_secs(3600));
    notify(&world).await;
    assert_eq!(notices(&world).len(), 1);
    assert_eq!(world.repo.unread_threads().unwrap(), 2);
    is_sound(&world);
}

#[tokio::test]
async fn nobody_hears_of_replies_who_did_not_ask_or_covers_other_areas() {
    let world = world().await;
    wants_to_know(&world, "otto", "otto@gw.example").await;
    let old = world.repo.user_by_login("otto").unwrap().unwrap();
    let ada = world.repo.contact(world.contacts[0]).unwrap().unwrap();
    let elsewhere = *world
        .areas
        .iter()
        .find(|area| Some(**area) != ada.area)
        .unwrap();
    let with = |areas| User {
        areas,
        ..old.value.clone()
    };
    let mut batch = Batch::new();
    batch.replace(&old, &with(vec![elsewhere]));
    world.repo.store().commit(batch).await.unwrap();
    thread(&world, 1).await;
    notify(&world).await;
    assert!(notices(&world).is_empty());
    let now = world.repo.user_by_login("otto").unwrap().unwrap();
    let mut batch = Batch::new();
    batch.replace(&now, &with(vec![world.county]));
    world.repo.store().commit(batch).await.unwrap();
    thread(&world, 2).await;
    notify(&world).await;
    assert_eq!(notices(&world).len(), 1);
}
