//! The daemon dies at any moment, several times, and nothing is lost or half done.

use std::time::Duration;

use tocsin::clock::Randomness;
use tocsin::domain::{Channels, CommunicationState, Delivery};

use super::laws;
use super::scripts::crowd;
use super::world::{HOUR, Life, MINUTE, World, each_seed};

fn crashed(seed: u64) -> World {
    let mut world = World::new(seed);
    let chance = Randomness::seeded(!seed);
    world.prompts = true;
    world.category.confirmation_required = seed.is_multiple_of(2);
    world.reminders.after = vec![3 * MINUTE, 6 * MINUTE];
    world.schedule.give_up_after = 45 * MINUTE;
    let people = crowd(&world, 12);
    for life in 0..=chance.below(4) {
        let span = [200, 20_000, 480_000][usize::try_from(chance.below(3)).unwrap()];
        let span = Duration::from_millis(chance.below(span));
        let gentle = chance.below(4) == 0;
        let body = async |daemon: &mut Life| {
            if life == 0 {
                daemon.send_to(Channels::ALL, &people).await;
            }
            tokio::time::sleep(span).await;
            if gentle {
                daemon.drain().await;
            }
        };
        if chance.below(8) == 0 {
            world.live_with_leases(body);
        } else {
            world.live(body);
        }
        laws::at_any_time(&world);
        let down = Duration::from_millis(chance.below(60_000));
        world.wall = world.wall.plus(down);
    }
    let last = async |daemon: &mut Life| daemon.until_quiet(6 * HOUR).await;
    if seed.is_multiple_of(8) {
        world.live_with_leases(last);
    } else {
        world.live(last);
    }
    world
}

#[test]
fn whenever_it_dies_everything_is_done_in_the_end() {
    each_seed(128, |seed| {
        let world = crashed(seed);
        laws::at_the_end(&world);
        let communications = world.repo.communications(None, 100).unwrap().rows;
        for communication in communications {
            assert_eq!(communication.state, CommunicationState::Sent);
            let people = world.repo.people(communication.id, None, 100).unwrap();
            assert_eq!(people.rows.len() as u64, communication.people);
        }
    });
}

/// What became of each delivery, and when. Ids differ from run to run: tokio's watch channel
/// wakes the lanes in an order that no seed decides.
fn history(world: &World) -> Vec<String> {
    let told = |delivery: Delivery| {
        let (to, round) = (delivery.destination.reveal(), delivery.round);
        let timeline = delivery.timeline.iter();
        let path: Vec<_> = timeline.map(|c| (c.at.as_millis(), c.status)).collect();
        format!("{to} {round} {path:?}")
    };
    let mut all: Vec<_> = world.deliveries().into_iter().map(told).collect();
    all.sort();
    all
}

#[test]
fn one_seed_is_one_history() {
    each_seed(4, |seed| {
        let (first, second) = (history(&crashed(seed)), history(&crashed(seed)));
        assert!(first.len() > 20, "something happened");
        let differ = first.iter().zip(&second).find(|(a, b)| a != b);
        assert!(differ.is_none(), "{differ:#?}");
        assert_eq!(first.len(), second.len());
    });
}
