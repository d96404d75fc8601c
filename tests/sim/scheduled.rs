//! What is scheduled goes out at its time, once, whatever happens to the daemon before.

use std::time::Duration;

use tocsin::domain::{
    Audience, Channel, Channels, CommunicationId, CommunicationState, Contact, Content, MethodKind,
    Timestamp, UserId,
};
use tocsin::submit::{DraftInput, Sent};

use super::laws;
use super::scripts::Fate;
use super::world::{HOUR, Life, MINUTE, World};

async fn schedule(life: &Life, person: &Contact, at: Timestamp) -> CommunicationId {
    life.tracker
        .add_contacts(std::slice::from_ref(person))
        .await
        .unwrap();
    let mut draft = DraftInput {
        content: Content {
            subject: "Tomorrow".into(),
            text: "The bridge opens.".into(),
            ..Content::default()
        },
        category: "Alert".into(),
        channels: Channels::only(Channel::Email),
        audience: Audience {
            contacts: vec![person.id],
            ..Audience::default()
        },
        ..DraftInput::default()
    };
    draft.plan.scheduled_at = Some(at);
    let by = UserId::from_bytes([1; 16]);
    let id = life.submitter.save_draft(None, &draft, by).await.unwrap();
    let sent = life.submitter.send(id).await.unwrap();
    assert_eq!(sent, Sent::Later { at });
    id
}

fn world(seed: u64) -> (World, Contact) {
    let mut world = World::new(seed);
    world.reminders.after.clear();
    world
        .carrier
        .script(Channel::Email, "ann@example.org", Fate::Taken);
    let ann = world.person(&[(MethodKind::Email, "ann@example.org")]);
    (world, ann)
}

#[test]
fn it_goes_out_after_restarts_at_its_time_and_once() {
    let (mut world, ann) = world(31);
    let at = world.wall.plus(2 * HOUR);
    let id = world.live(async |life| schedule(life, &ann, at).await);
    // Killed and started again, before its time and in the middle of it.
    world.live(async |_| tokio::time::sleep(HOUR).await);
    assert!(world.deliveries().is_empty(), "not before its time");
    world.live(async |_| tokio::time::sleep(HOUR + Duration::from_millis(6)).await);
    world.live(async |life| life.until_quiet(HOUR).await);
    world.live(async |life| {
        tokio::time::sleep(6 * HOUR).await;
        life.until_quiet(HOUR).await;
    });
    let deliveries = world.deliveries();
    assert_eq!(deliveries.len(), 1, "once");
    let sent = world.repo.communication(id).unwrap().unwrap();
    assert_eq!(sent.state, CommunicationState::Sent);
    assert!(sent.sent_at.unwrap().since(at) < MINUTE);
    laws::at_the_end(&world);
}

#[test]
fn a_little_late_it_goes_out_at_once_and_too_late_it_is_a_draft_again() {
    for (down, state, made) in [
        (2 * HOUR + 50 * MINUTE, CommunicationState::Sent, 1),
        (4 * HOUR, CommunicationState::Draft, 0),
    ] {
        let (mut world, ann) = world(32);
        let at = world.wall.plus(2 * HOUR);
        let id = world.live(async |life| schedule(life, &ann, at).await);
        // Nobody runs for so long; late means more than an hour.
        world.wall = world.wall.plus(down);
        world.live(async |life| {
            tokio::time::sleep(MINUTE).await;
            life.until_quiet(HOUR).await;
        });
        let communication = world.repo.communication(id).unwrap().unwrap();
        assert_eq!(communication.state, state);
        assert_eq!(world.deliveries().len(), made);
    }
}
