//! Rounds over a store whose disk takes its time.

use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::time::Duration;

use super::*;
use crate::store::engine::{FaultHook, FaultPoint, OpenOptions};
use crate::tracker::ROUND_STEP_PEOPLE_MAX;

const PEOPLE: usize = 3 * ROUND_STEP_PEOPLE_MAX;

/// A store whose syncs take as long as the disk is held.
async fn world(folder: &std::path::Path, held: &Arc<AtomicBool>) -> World {
    let held = Arc::clone(held);
    let hook = FaultHook::new(move |point| {
        while point == FaultPoint::JournalSync && held.load(Ordering::SeqCst) {
            std::thread::sleep(Duration::from_millis(1));
        }
        Ok(())
    });
    let options = OpenOptions {
        fault_hook: hook,
        ..OpenOptions::default()
    };
    let world = World::over(Store::open(folder, &options).unwrap()).await;
    let people = (0..PEOPLE).map(|number| {
        let number = phone(&format!("+4477009{number:05}"));
        let mobile = world.method(MethodKind::Mobile, number, MethodState::Active);
        world.contact("Ada", vec![mobile])
    });
    futures_util::future::join_all(people).await;
    world
}

/// Three steps are made while the lanes are full; then there is room, while all three are still on
/// their way to the disk.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn nobody_is_passed_by_whose_step_is_still_being_written() {
    let folder = tempfile::tempdir().unwrap();
    let held = Arc::new(AtomicBool::new(false));
    let world = world(folder.path(), &held).await;
    let draft = world.draft();
    let id = world.submitter.save_draft(None, &draft, BY).await.unwrap();
    world.submitter.send(id).await.unwrap();
    let now = world.clock.wall();
    let store = world.repo.store();
    let due = store.claim_due(Lane::Expand as u8, now, crate::queue::lane::LEASE, 1);
    let round = due.unwrap().remove(0).value;
    held.store(true, Ordering::SeqCst);
    let looks = AtomicUsize::new(0);
    let room = |_: usize| {
        let look = looks.fetch_add(1, Ordering::SeqCst);
        if look == 3 {
            let held = Arc::clone(&held);
            std::thread::spawn(move || {
                std::thread::sleep(Duration::from_millis(300));
                held.store(false, Ordering::SeqCst);
            });
        }
        Some(if look < 3 { Room::Full } else { Room::Free })
    };
    let done = world.tracker.step_round(&round, room).await.unwrap();
    assert_eq!(done, RoundStep::Done);
    assert!(looks.load(Ordering::SeqCst) > 3);
    let made = world.repo.deliveries(None, 9_000).unwrap().rows;
    // A text and a call to each.
    assert_eq!(made.len(), 2 * PEOPLE);
    let waiting = made.iter().filter(|delivery| delivery.awaits_turn).count();
    assert_eq!(waiting, 0, "all of them have entered their lanes");
    world.is_sound();
}
