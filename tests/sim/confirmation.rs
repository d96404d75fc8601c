//! Who has pressed the key is left alone.

use std::time::Duration;

use tocsin::domain::{CallStatus, Channel, Channels, ClosedReason, MethodKind, Status};

use super::carrier::Pace;
use super::laws;
use super::scripts::Fate;
use super::world::{HOUR, World, each_seed};

#[test]
fn a_key_pressed_cancels_what_waits_and_stops_what_runs() {
    each_seed(20, |seed| {
        let mut world = World::new(seed);
        world.category.confirmation_required = true;
        world.reminders.after.clear();
        let slow = |seconds| Pace {
            at_once: 1,
            least: Duration::from_secs(seconds),
            most: Duration::from_secs(seconds + 30),
        };
        let carrier = world.carrier_mut();
        carrier.paces.insert(Channel::Email, slow(60));
        carrier.paces.insert(Channel::Text, slow(90));
        let received = Fate::Receipts {
            segments: 1,
            delivered: true,
        };
        let presses = |n: usize| n.is_multiple_of(2);
        let people: Vec<_> = (0..8)
            .map(|n| {
                let email = format!("p{n}@example.org");
                let (mobile, landline) = (format!("+44770090000{n}"), format!("+44163296000{n}"));
                let end = if presses(n) {
                    CallStatus::Confirmed
                } else {
                    CallStatus::NoAnswer
                };
                world.carrier.script(Channel::Email, &email, Fate::Taken);
                world.carrier.script(Channel::Text, &mobile, received);
                world
                    .carrier
                    .script(Channel::Call, &landline, Fate::Ends(end));
                world.person(&[
                    (MethodKind::Email, &email),
                    (MethodKind::Mobile, &mobile),
                    (MethodKind::Landline, &landline),
                ])
            })
            .collect();
        world.live(async |life| {
            life.send_to(Channels::ALL, &people).await;
            life.until_quiet(HOUR).await;
        });
        laws::at_the_end(&world);

        let seen = world.carrier.seen();
        for (n, person) in people.iter().enumerate() {
            let call = world.deliveries_of(person.id, Channel::Call).remove(0);
            for channel in [Channel::Email, Channel::Text] {
                let delivery = world.deliveries_of(person.id, channel).remove(0);
                if !presses(n) {
                    assert!(delivery.closed.is_none() && delivery.attempts == 1);
                    continue;
                }
                assert_eq!(call.status(), Status::Call(CallStatus::Confirmed));
                let confirmed_at = call.changed_at().unwrap();
                let closed = delivery.closed.unwrap();
                assert_eq!(closed.reason, ClosedReason::ReachedOtherwise);
                assert_eq!(closed.at, confirmed_at);
                for attempt in seen.iter().filter(|seen| seen.delivery == delivery.id) {
                    assert!(attempt.stopped, "went on: {attempt:?}");
                    assert_eq!(attempt.ended, Some(confirmed_at), "stops at once");
                }
            }
        }
        // The first of each slow lane is under way when the key is pressed.
        assert_eq!(seen.iter().filter(|seen| seen.stopped).count(), 2);
    });
}
