//! Rows, indexes and counters stay together, and the check sees when they do not.

#![allow(clippy::unwrap_used)]

use proptest::collection::vec;
use proptest::prelude::*;

use super::*;
use crate::domain::PersonState;
use crate::store::world::{World, change, claimed, due, full, run};
use crate::store::{Batch, Ended, RowBatch, StoreError};

fn samples_user() -> crate::domain::UserId {
    crate::domain::UserId::from_bytes([99; 16])
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]

    #[test]
    fn any_sequence_of_changes_leaves_everything_in_agreement(changes in vec(change(), 1..40)) {
        run(async {
            let world = World::new().await;
            for change in changes {
                world.apply(change).await;
            }
            let report = check(world.repo.store()).unwrap();
            prop_assert!(report.is_sound(), "{:#?}", report.problems);
            let communication = world.communication();
            let numbers = world.repo.statistics(&communication).unwrap();
            let people = world.repo.people(communication.id, None, 1000).unwrap().rows;
            let in_state = |state| people.iter().filter(|p| p.state == state).count() as u64;
            prop_assert_eq!(numbers.people, people.len() as u64);
            prop_assert_eq!(numbers.contacted, in_state(PersonState::Contacted));
            prop_assert_eq!(numbers.in_progress, in_state(PersonState::InProgress));
            prop_assert_eq!(numbers.not_contacted, in_state(PersonState::NotContacted));
            let by_status: u64 = numbers.by_status.iter().map(|(_, count)| count).sum();
            prop_assert_eq!(by_status, report.rows_of("delivery"));
            prop_assert!(claimed(world.repo.store()) >= due(&world.repo));
            Ok(())
        })?;
    }

    #[test]
    fn removing_everything_leaves_no_index_and_no_count(changes in vec(change(), 1..25)) {
        run(async {
            let world = World::new().await;
            for change in changes {
                world.apply(change).await;
            }
            let people = world.repo.people(world.communication().id, None, 100).unwrap().rows;
            let mut batch = Batch::new();
            for set in world.delivery_sets() {
                batch.remove(&set);
            }
            for person in &people {
                batch.remove(person);
            }
            for state in [crate::domain::ThreadState::Open, crate::domain::ThreadState::Done] {
                let listed = crate::store::ThreadList::In(state);
                for thread in world.repo.threads(listed, None, 100).unwrap().rows {
                    for message in world.repo.messages(thread.id, None, 1000).unwrap().rows {
                        batch.remove(&message);
                    }
                    batch.remove(&thread);
                }
            }
            for token in world.repo.tokens_of(samples_user(), 10).unwrap() {
                batch.remove(&token);
            }
            for request in world.repo.oldest_api_requests(10).unwrap() {
                batch.remove(&request);
            }
            let part = crate::store::records::samples::text_part();
            for part in world.repo.text_parts(&part.set).unwrap() {
                batch.remove(&part);
            }
            for contact in world.repo.contacts_by_name("", None, 100).unwrap().rows {
                batch.remove(&contact);
            }
            let late = crate::domain::Timestamp::from_millis(u64::MAX / 2);
            for ended in world.repo.ended(late, 100).unwrap() {
                match ended {
                    Ended::Ticket(row) => batch.remove(&row),
                    Ended::SignUp(row) => batch.remove(&*row),
                    Ended::Visit(row) => batch.remove(&row),
                }
            }
            world.repo.store().commit(batch).await.unwrap();
            for tag in [
                keys::CONTACT_BY_NAME,
                keys::CONTACT_BY_AREA,
                keys::CONTACT_BY_ADDRESS,
                keys::ISSUE_BY_AREA,
                keys::UNREACHABLE_BY_AREA,
                keys::DELIVERY_BY_CONTACT,
                keys::THREAD_BY_STATE,
                keys::THREAD_UNREAD,
                keys::THREAD_BY_ASSIGNEE,
                keys::THREAD_BY_CONTACT,
                keys::THREAD_BY_ADDRESS,
                keys::MESSAGE_BY_REFERENCE,
                keys::MESSAGE_BY_DELIVERY,
                keys::PERSON_BY_STATE,
                keys::TICKET_BY_DESTINATION,
                keys::SELF_SERVICE_BY_END,
                keys::API_TOKEN_BY_USER,
                keys::API_REQUEST_BY_TIME,
            ] {
                let left = world.repo.store().scan(KeyRange::prefix(tag), 1).unwrap();
                prop_assert!(left.is_empty(), "{}", place_of(tag));
            }
            for tag in COUNTERS {
                for (_, value) in world.repo.store().scan(KeyRange::prefix(*tag), 1000).unwrap() {
                    prop_assert_eq!(counter_value(&value), Some(0));
                }
            }
            Ok(())
        })?;
    }
}

#[test]
fn a_change_of_what_somebody_else_changed_is_refused_and_leaves_no_trace() {
    run(async {
        let world = full().await;
        let store = world.repo.store();
        let stale = world.communication();
        let mut fresh = stale.value.clone();
        fresh.title = "Changed".to_owned();
        let mut batch = Batch::new();
        batch.replace(&stale, &fresh);
        store.commit(batch).await.unwrap();
        let before = store.scan(KeyRange::all(), 10_000).unwrap();

        let mut late = stale.value.clone();
        late.modified_at = crate::store::records::samples::at(77);
        let mut batch = Batch::new();
        batch.replace(&stale, &late);
        let refused = store.commit(batch).await;
        assert!(matches!(refused, Err(StoreError::Conflict { .. })));
        let mut batch = Batch::new();
        batch.insert(&fresh);
        let refused = store.commit(batch).await;
        assert!(matches!(refused, Err(StoreError::Conflict { .. })));
        assert!(store.scan(KeyRange::all(), 10_000).unwrap() == before);
    });
}

/// Rows to which nothing else points may go without being missed.
fn may_go(key: &[u8]) -> bool {
    [
        keys::EARLY_RECEIPT,
        keys::SESSION,
        keys::SETTING,
        keys::LOG,
        keys::SEARCH_TODO,
    ]
    .iter()
    .any(|tag| key.starts_with(tag))
        || (key.starts_with(keys::AREA) && key.get(2) != Some(&2))
}

#[test]
fn every_key_that_goes_missing_is_missed() {
    run(async {
        let sound = full().await;
        let rows = sound.repo.store().scan(KeyRange::all(), 10_000).unwrap();
        assert!(check(sound.repo.store()).unwrap().is_sound());
        for (key, value) in rows.into_iter().filter(|(key, _)| !may_go(key)) {
            if counter_value(&value) == Some(0) && key.starts_with(b"#") {
                continue;
            }
            let world = full().await;
            let mut batch = Batch::new();
            batch.delete(key.clone());
            world.repo.store().commit(batch).await.unwrap();
            let report = check(world.repo.store()).unwrap();
            assert!(!report.is_sound(), "{} {}", place_of(&key), id_of(&key));
        }
    });
}

#[test]
fn every_counter_entry_and_row_that_is_wrong_is_seen() {
    run(async {
        let sound = full().await;
        for (key, value) in sound.repo.store().scan(KeyRange::all(), 10_000).unwrap() {
            // Its mark only says that the row is to be read again.
            if key.starts_with(keys::SEARCH_TODO) {
                continue;
            }
            let mut damaged = value.clone();
            match damaged.first_mut() {
                Some(byte) => *byte ^= 0xff,
                None => damaged.push(1),
            }
            let world = full().await;
            let mut batch = Batch::new();
            batch.put(key.clone(), damaged);
            world.repo.store().commit(batch).await.unwrap();
            let report = check(world.repo.store()).unwrap();
            assert!(!report.is_sound(), "{} {}", place_of(&key), id_of(&key));
        }
    });
}

#[test]
fn a_missing_blob_a_stranger_and_a_stray_entry_are_seen() {
    run(async {
        let world = full().await;
        let store = world.repo.store();
        let old = world.communication();
        let mut new = old.value.clone();
        new.content = crate::domain::BlobId::from_bytes([0xee; 32]);
        let mut batch = Batch::new();
        batch.replace(&old, &new);
        batch.put(*b"??stranger", *b"");
        batch.put(
            crate::store::engine::queue_key(1, crate::store::records::samples::at(0), &[0xdd; 16]),
            *b"",
        );
        store.commit(batch).await.unwrap();
        let report = check(store).unwrap();
        let found: Vec<String> = report.problems.iter().map(ToString::to_string).collect();
        assert_eq!(found.len(), 3, "{found:?}");
        assert!(found.iter().any(|p| p.contains("its content is missing")));
        assert!(found.iter().any(|p| p.contains("its tag is not known")));
        assert!(found.iter().any(|p| p.starts_with("queue dddd")));
    });
}
