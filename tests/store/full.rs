//! A full disk: refused with `DiskFull`, nothing acknowledged is lost, and it
//! goes on by itself when there is space again.

use std::fs;
use std::io;
use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use tocsin::store::engine::{FaultHook, FaultPoint, OpenOptions, Store, StoreError, verify};
use tokio::time::timeout;

use crate::support::{Disk, check, commit, commit_all, small, tempdir};

/// Commits from `n` on until the disk is full; the number that was refused.
async fn fill(store: &Store, mut n: u64) -> u64 {
    loop {
        match commit(store, n).await {
            Ok(_) => n += 1,
            Err(StoreError::DiskFull) => return n,
            Err(error) => panic!("{error:?}"),
        }
        assert!(n < 20_000, "the disk never fills");
    }
}

async fn fills_and_recovers(disk: &Path, options: &OpenOptions) {
    let ballast = disk.join("ballast");
    fs::write(&ballast, vec![0; 4 << 20]).unwrap();
    let folder = disk.join("state");
    let store = Store::open(&folder, options).unwrap();
    let refused = fill(&store, 1).await;
    assert!(refused > 10);
    assert_eq!(check(&store), refused - 1);
    // A compaction may have made room meanwhile.
    let refused = fill(&store, refused).await;
    assert_eq!(check(&store), refused - 1);
    fs::remove_file(&ballast).unwrap();
    commit_all(&store, refused..=refused + 20).await;
    assert_eq!(check(&store), refused + 20);
    store.close().await.unwrap();
    let store = Store::open(&folder, options).unwrap();
    assert_eq!(check(&store), refused + 20);
    drop(store);
    assert!(verify(&folder).unwrap().is_sound());
}

#[tokio::test]
async fn the_reserve_keeps_the_index_from_a_full_disk() {
    let Some(disk) = Disk::in_memory(16) else {
        return;
    };
    let options = OpenOptions {
        reserve_bytes: 3 << 20,
        ..small()
    };
    fills_and_recovers(&disk.path(), &options).await;
}

/// Without a reserve the journal itself may meet the end of the disk, and is
/// refused; or the index behind it, and its task waits until there is space.
#[tokio::test(flavor = "multi_thread")]
async fn without_a_reserve_nothing_is_lost_either() {
    let Some(disk) = Disk::in_memory(16) else {
        return;
    };
    let ballast = disk.path().join("ballast");
    fs::write(&ballast, vec![0; 4 << 20]).unwrap();
    let folder = disk.path().join("state");
    let store = Store::open(&folder, &small()).unwrap();
    let mut n = 1;
    while let Ok(Ok(_)) = timeout(Duration::from_secs(3), commit(&store, n)).await {
        n += 1;
    }
    assert!((10..20_000).contains(&n));
    fs::remove_file(&ballast).unwrap();
    for n in n..=n + 20 {
        commit_at_last(&store, n).await;
    }
    assert_eq!(check(&store), n + 20);
    store.close().await.unwrap();
    assert_eq!(check(&Store::open(&folder, &small()).unwrap()), n + 20);
    assert!(verify(&folder).unwrap().is_sound());
}

/// Commits, as often as it takes for the store to have come back. A conflict
/// means that the batch was durable when its first answer was given up.
async fn commit_at_last(store: &Store, n: u64) {
    for _ in 0..100 {
        match commit(store, n).await {
            Ok(_) | Err(StoreError::Conflict { .. }) => return,
            Err(_) => tokio::time::sleep(Duration::from_millis(200)).await,
        }
    }
    panic!("the store never came back");
}

/// Fails one step with "no space" while the switch is on.
fn failing(point: FaultPoint, full: &Arc<AtomicBool>) -> OpenOptions {
    let full = Arc::clone(full);
    OpenOptions {
        fault_hook: FaultHook::new(move |at| {
            if at == point && full.load(Ordering::SeqCst) {
                return Err(io::Error::from(io::ErrorKind::StorageFull));
            }
            Ok(())
        }),
        ..small()
    }
}

#[tokio::test]
async fn a_journal_without_space_refuses_and_goes_on() {
    for point in [
        FaultPoint::JournalWrite,
        FaultPoint::JournalSync,
        FaultPoint::SegmentCreate,
    ] {
        let root = tempdir();
        let full = Arc::new(AtomicBool::new(false));
        let store = Store::open(root.path(), &failing(point, &full)).unwrap();
        commit_all(&store, 1..=5).await;
        full.store(true, Ordering::SeqCst);
        let refused = fill(&store, 6).await;
        assert_eq!(check(&store), refused - 1);
        full.store(false, Ordering::SeqCst);
        commit_all(&store, refused..=refused + 10).await;
        drop(store);
        let store = Store::open(root.path(), &small()).unwrap();
        assert_eq!(check(&store), refused + 10, "{point:?}");
    }
}

/// What is in the journal is durable: its task waits, and is answered with
/// success once the index or the blob's file could be written after all.
#[tokio::test(flavor = "multi_thread")]
async fn an_index_that_fails_is_rebuilt_while_its_task_waits() {
    for point in [FaultPoint::IndexApply, FaultPoint::BlobWrite] {
        let root = tempdir();
        let full = Arc::new(AtomicBool::new(false));
        let store = Store::open(root.path(), &failing(point, &full)).unwrap();
        commit_all(&store, 1..=5).await;
        full.store(true, Ordering::SeqCst);
        commit(&store, 6).await.unwrap();
        assert_eq!(check(&store), 6);
        full.store(false, Ordering::SeqCst);
        commit_all(&store, 7..=20).await;
        assert_eq!(check(&store), 20);
    }
}

/// With an index that never comes back the task is not kept waiting for ever,
/// and the store can still be closed; the next start has the batch.
#[tokio::test(flavor = "multi_thread")]
async fn closing_does_not_wait_for_an_index_that_stays_broken() {
    let root = tempdir();
    let full = Arc::new(AtomicBool::new(false));
    let options = failing(FaultPoint::IndexApply, &full);
    let store = Store::open(&root.path().join("state"), &options).unwrap();
    commit_all(&store, 1..=5).await;
    // What stands in the way: a folder that sled cannot be set aside from.
    fs::write(root.path().join("state/sled.damaged-0"), "in the way").unwrap();
    fs::remove_dir_all(root.path().join("state/sled")).unwrap();
    fs::write(root.path().join("state/sled"), "no folder").unwrap();
    full.store(true, Ordering::SeqCst);
    let waiting = {
        let store = store.clone();
        tokio::spawn(async move { commit(&store, 6).await })
    };
    while !matches!(store.get(b"last"), Err(StoreError::Index(_))) {
        tokio::time::sleep(Duration::from_millis(10)).await;
    }
    let _ = store.close().await;
    assert!(matches!(waiting.await.unwrap(), Err(StoreError::Closed)));
    for name in ["sled", "sled.damaged-0"] {
        fs::remove_file(root.path().join("state").join(name)).unwrap();
    }
    let store = Store::open(&root.path().join("state"), &small()).unwrap();
    assert_eq!(check(&store), 6);
}

/// After a failed sync nobody knows what is on disk: no further promise.
#[tokio::test]
async fn a_failed_sync_ends_all_commits() {
    let root = tempdir();
    let broken = Arc::new(AtomicBool::new(false));
    let hook = {
        let broken = Arc::clone(&broken);
        FaultHook::new(move |at| {
            if at == FaultPoint::JournalSync && broken.load(Ordering::SeqCst) {
                return Err(io::Error::other("input/output error"));
            }
            Ok(())
        })
    };
    let options = OpenOptions {
        fault_hook: hook,
        ..small()
    };
    let store = Store::open(root.path(), &options).unwrap();
    commit_all(&store, 1..=5).await;
    broken.store(true, Ordering::SeqCst);
    assert!(matches!(commit(&store, 6).await, Err(StoreError::Io(_))));
    broken.store(false, Ordering::SeqCst);
    assert!(matches!(commit(&store, 6).await, Err(StoreError::Closed)));
    assert_eq!(check(&store), 5);
    drop(store);
    let store = Store::open(root.path(), &small()).unwrap();
    assert_eq!(check(&store), 5);
    commit_all(&store, 6..=9).await;
}
