//! What every engine promises.

use std::time::Duration;

use tocsin::domain::Timestamp;
use tocsin::store::engine::{
    Batch, BlobId, KeyRange, OpenOptions, Sequence, Store, StoreError, VALUE_SIZE_MAX, queue_key,
};

use crate::support::tempdir;

/// Runs a check over every engine.
async fn over_all(check: impl AsyncFn(Store)) {
    check(Store::memory()).await;
    let folder = tempdir();
    let store = Store::open(folder.path(), &OpenOptions::default()).unwrap();
    check(store.clone()).await;
    store.close().await.unwrap();
}

fn batch(build: impl FnOnce(&mut Batch)) -> Batch {
    let mut batch = Batch::new();
    build(&mut batch);
    batch
}

#[tokio::test]
async fn a_batch_is_written_wholly_or_not_at_all() {
    over_all(async |store| {
        let first = store
            .commit(batch(|b| {
                b.put(*b"a", *b"1").put(*b"b", *b"2").delete(*b"c");
            }))
            .await
            .unwrap();
        assert_eq!(first, Sequence::new(1));
        let refused = store
            .commit(batch(|b| {
                b.assert_value(*b"a", *b"1").assert_absent(*b"b");
                b.put(*b"a", *b"9").put(*b"d", *b"4");
                b.blob(&b"never kept"[..]);
            }))
            .await;
        assert!(
            matches!(&refused, Err(StoreError::Conflict { assert_index: 1, key }) if key.0 == b"b")
        );
        assert_eq!(store.get(b"a").unwrap(), Some(b"1".to_vec()));
        assert_eq!(store.get(b"d").unwrap(), None);
        assert_eq!(store.get_blob(BlobId::of(b"never kept")).unwrap(), None);
        let second = store.commit(batch(|b| _ = b.delete(*b"a"))).await.unwrap();
        assert_eq!(second, Sequence::new(2));
        assert_eq!(store.get(b"a").unwrap(), None);
        assert_eq!(*store.watch_commits().borrow(), second);
    })
    .await;
}

#[tokio::test]
async fn operations_on_one_key_take_their_order() {
    over_all(async |store| {
        let ops = batch(|b| {
            b.put(*b"a", *b"1")
                .delete(*b"a")
                .add(*b"a", 5)
                .add(*b"a", -2);
            b.put(*b"b", *b"1").delete(*b"b");
        });
        store.commit(ops).await.unwrap();
        assert_eq!(store.get_counter(b"a").unwrap(), 3);
        assert_eq!(store.get(b"b").unwrap(), None);
        let not_a_counter = store
            .commit(batch(|b| _ = b.put(*b"t", *b"text").add(*b"t", 1)))
            .await;
        assert!(matches!(not_a_counter, Err(StoreError::NotACounter)));
        assert_eq!(store.get(b"t").unwrap(), None);
        store
            .commit(batch(|b| _ = b.add(*b"a", i64::MAX)))
            .await
            .unwrap();
        assert_eq!(store.get_counter(b"a").unwrap(), i64::MAX);
    })
    .await;
}

#[tokio::test]
async fn scans_walk_both_ways_and_page() {
    over_all(async |store| {
        let rows = batch(|b| {
            for n in 0..10_u8 {
                b.put([b'r', n], [n]);
            }
            b.put(*b"q", *b"before").put(*b"s", *b"behind");
        });
        store.commit(rows).await.unwrap();
        let values = |range: KeyRange, limit| -> Vec<u8> {
            let rows = store.scan(range, limit).unwrap();
            rows.into_iter().map(|(_, value)| value[0]).collect()
        };
        let all = KeyRange::prefix(*b"r");
        assert_eq!(values(all.clone(), 100), (0..10).collect::<Vec<_>>());
        assert_eq!(values(all.clone().reverse(), 3), [9, 8, 7]);
        assert_eq!(values(all.clone().after([b'r', 3]), 2), [4, 5]);
        assert_eq!(values(all.reverse().after([b'r', 3]), 2), [2, 1]);
        assert_eq!(values((vec![b'r', 2]..vec![b'r', 4]).into(), 100), [2, 3]);
        assert_eq!(
            values((vec![b'r', 2]..=vec![b'r', 4]).into(), 100),
            [2, 3, 4]
        );
        assert_eq!(values((vec![b'r', 4]..vec![b'r', 2]).into(), 100), [0; 0]);
        for range in [
            KeyRange::all(),
            KeyRange::all().reverse(),
            KeyRange::prefix(*b"r").after([b'r', 3]),
            (vec![b'r', 4]..vec![b'r', 2]).into(),
        ] {
            for limit in [0, 3, 100] {
                let scanned = store.scan(range.clone(), limit).unwrap().len();
                assert_eq!(store.count(range.clone(), limit).unwrap(), scanned);
            }
        }
        assert_eq!(store.scan(KeyRange::all(), 100).unwrap().len(), 12);
        assert_eq!(
            store.scan(KeyRange::all().reverse(), 100).unwrap().len(),
            12
        );
    })
    .await;
}

#[tokio::test]
async fn what_is_too_large_or_misnamed_is_refused() {
    over_all(async |store| {
        let fits = batch(|b| _ = b.put(*b"k", vec![1; VALUE_SIZE_MAX]));
        store.commit(fits).await.unwrap();
        let large = batch(|b| _ = b.put(*b"k", vec![2; VALUE_SIZE_MAX + 1]));
        let refused = store.commit(large).await;
        assert!(
            matches!(refused, Err(StoreError::TooLarge { size, .. }) if size == VALUE_SIZE_MAX + 1)
        );
        for key in [vec![], vec![0], vec![0, 1]] {
            let refused = store.commit(batch(|b| _ = b.put(key, *b"v"))).await;
            assert!(matches!(refused, Err(StoreError::BadKey)));
        }
        assert_eq!(store.get(&[0]).unwrap(), None);
        let mut wrong = batch(|b| _ = b.blob(&b"one"[..]));
        wrong.blobs[0].bytes = bytes::Bytes::from_static(b"two");
        assert!(matches!(
            store.commit(wrong).await,
            Err(StoreError::BadBlob)
        ));
        assert_eq!(store.get(b"k").unwrap(), Some(vec![1; VALUE_SIZE_MAX]));
    })
    .await;
}

#[tokio::test]
async fn blobs_are_there_with_the_answer() {
    over_all(async |store| {
        let bytes = vec![7; 300_000];
        let mut large = Batch::new();
        let id = large.blob(bytes.clone());
        assert_eq!(large.blob(bytes.clone()), id);
        assert_eq!(large.blobs.len(), 1);
        assert_eq!(store.get_blob(id).unwrap(), None);
        store.commit(large.clone()).await.unwrap();
        assert_eq!(store.get_blob(id).unwrap().unwrap(), bytes);
        store.commit(large).await.unwrap();
        assert_eq!(store.get_blob(id).unwrap().unwrap(), bytes);
    })
    .await;
}

#[tokio::test]
async fn the_start_of_a_blob_is_read_without_the_rest() {
    over_all(async |store| {
        let mut bytes = vec![7; 300_000];
        bytes[9] = 8;
        let mut large = Batch::new();
        let id = large.blob(bytes.clone());
        assert_eq!(store.blob_start(id, 10).unwrap(), None);
        store.commit(large).await.unwrap();
        let start = |size| store.blob_start(id, size).unwrap().unwrap();
        assert_eq!(start(10), bytes[..10]);
        assert_eq!(start(0), bytes[..0]);
        assert_eq!(start(300_000), bytes);
        assert_eq!(start(usize::MAX), bytes);
    })
    .await;
}

fn at(millis: u64) -> Timestamp {
    Timestamp::from_millis(millis)
}

const LEASE: Duration = Duration::from_millis(50);

#[tokio::test]
async fn due_entries_are_claimed_once_until_the_lease_ends() {
    over_all(async |store| {
        let entries = batch(|b| {
            for (due, id) in [(30, 1), (10, 2), (20, 3), (90, 4)] {
                b.put(queue_key(1, at(due), &[id; 16]), [id]);
            }
            b.put(queue_key(2, at(5), &[9; 16]), [9]);
        });
        store.commit(entries).await.unwrap();
        let ids = |now, n| -> Vec<u8> {
            let claims = store.claim_due(1, at(now), LEASE, n).unwrap();
            claims.iter().map(|claim| claim.id[0]).collect()
        };
        assert_eq!(store.next_due(1).unwrap(), Some(at(10)));
        assert_eq!(ids(9, 10), [0; 0]);
        assert_eq!(ids(30, 2), [2, 3]);
        assert_eq!(ids(30, 2), [1]);
        assert_eq!(ids(30, 2), [0; 0]);
        assert_eq!(store.next_due(1).unwrap(), Some(at(80)), "the leases' end");
        assert_eq!(ids(79, 9), [0; 0]);
        assert_eq!(ids(80, 9), [2, 3, 1]);
        assert_eq!(store.next_due(3).unwrap(), None);
        assert_eq!(store.next_due(2).unwrap(), Some(at(5)));
    })
    .await;
}

#[tokio::test]
async fn a_released_claim_is_due_at_once() {
    over_all(async |store| {
        let entry = batch(|b| _ = b.put(queue_key(1, at(10), &[1; 16]), *b"v"));
        store.commit(entry).await.unwrap();
        let first = store.claim_due(1, at(10), LEASE, 1).unwrap().remove(0);
        store.release(&first);
        assert_eq!(store.next_due(1).unwrap(), Some(at(10)));
        let second = store.claim_due(1, at(10), LEASE, 1).unwrap().remove(0);
        assert_eq!(
            (second.lane, second.due, &*second.value),
            (1, at(10), &b"v"[..])
        );
        store.release(&first);
        assert!(store.claim_due(1, at(10), LEASE, 1).unwrap().is_empty());
    })
    .await;
}

#[tokio::test]
async fn the_batch_that_completes_is_the_fence() {
    over_all(async |store| {
        let entry = batch(|b| _ = b.put(queue_key(1, at(10), &[1; 16]), *b"v"));
        store.commit(entry).await.unwrap();
        let slow = store.claim_due(1, at(10), LEASE, 1).unwrap().remove(0);
        let quick = store.claim_due(1, at(60), LEASE, 1).unwrap().remove(0);
        let complete = |key: &[u8]| {
            batch(|b| {
                b.assert_present(key).delete(key).add(*b"done", 1);
                b.put(queue_key(1, at(500), &[1; 16]), *b"again");
            })
        };
        store.commit(complete(&quick.key)).await.unwrap();
        let late = store.commit(complete(&slow.key)).await;
        assert!(matches!(late, Err(StoreError::Conflict { .. })));
        assert_eq!(store.get_counter(b"done").unwrap(), 1);
        assert_eq!(
            store.next_due(1).unwrap(),
            Some(at(500)),
            "no lease is left behind"
        );
    })
    .await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn of_many_that_want_a_key_one_gets_it() {
    over_all(async |store| {
        let tasks: Vec<_> = (0..100_u8)
            .map(|n| {
                let store = store.clone();
                tokio::spawn(async move {
                    let wish =
                        batch(|b| _ = b.assert_absent(*b"it").put(*b"it", [n]).add(*b"n", 1));
                    store.commit(wish).await.is_ok()
                })
            })
            .collect();
        let mut winners = 0;
        for task in tasks {
            winners += u32::from(task.await.unwrap());
        }
        assert_eq!(winners, 1);
        assert_eq!(store.get_counter(b"n").unwrap(), 1);
    })
    .await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn many_tasks_commit_and_read_their_own() {
    over_all(async |store| {
        let tasks: Vec<_> = (0..40_u8)
            .map(|task| {
                let store = store.clone();
                tokio::spawn(async move {
                    for n in 0..10_u8 {
                        let own = batch(|b| {
                            b.put([b'k', task, n], [n])
                                .put([b'l', task, n], [n])
                                .add(*b"sum", 1);
                        });
                        store.commit(own).await.unwrap();
                        assert_eq!(store.get(&[b'k', task, n]).unwrap(), Some(vec![n]));
                        bump(&store).await;
                    }
                })
            })
            .collect();
        for task in tasks {
            task.await.unwrap();
        }
        assert_eq!(store.get_counter(b"sum").unwrap(), 400);
        assert_eq!(
            store.get(b"cas").unwrap(),
            Some(400_u32.to_be_bytes().to_vec())
        );
        assert_eq!(
            store.scan(KeyRange::prefix(*b"k"), 1000).unwrap().len(),
            400
        );
    })
    .await;
}

/// Read, change, write back if unchanged; until it holds.
async fn bump(store: &Store) {
    loop {
        let read = store.get(b"cas").unwrap();
        let value = read
            .as_deref()
            .map_or(0, |bytes| u32::from_be_bytes(bytes.try_into().unwrap()));
        let write = batch(|b| {
            b.assert_unchanged(*b"cas", read)
                .put(*b"cas", (value + 1).to_be_bytes());
        });
        match store.commit(write).await {
            Ok(_) => return,
            Err(StoreError::Conflict { .. }) => {}
            Err(error) => panic!("{error}"),
        }
    }
}

#[tokio::test]
async fn a_closed_store_is_closed_for_all_its_handles() {
    for open in [false, true] {
        let folder = tempdir();
        let store = if open {
            Store::open(folder.path(), &OpenOptions::default()).unwrap()
        } else {
            Store::memory()
        };
        let other = store.clone();
        store.close().await.unwrap();
        let refused = other.commit(batch(|b| _ = b.put(*b"k", *b"v"))).await;
        assert!(matches!(refused, Err(StoreError::Closed)));
        assert!(matches!(other.get(b"k"), Err(StoreError::Closed)));
    }
}
