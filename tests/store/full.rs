//! A full disk: refused with `DiskFull`, nothing acknowledged is lost, and it
//! goes on by itself when there is space again.

use std::fs;
use std::io;
use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use tocsin::store::engine::{FaultHook, FaultPoint, OpenOptions, Store, StoreError, verify};

use crate::support::{Disk, check, commit, commit_all, small};

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

/// Without a reserve the journal itself meets the end of the disk, and so may
/// the index and the blobs' files.
#[tokio::test]
async fn without_a_reserve_nothing_is_lost_either() {
    let Some(disk) = Disk::in_memory(16) else {
        return;
    };
    fills_and_recovers(&disk.path(), &small()).await;
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
        let root = tempfile::tempdir().unwrap();
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
        let root = tempfile::tempdir().unwrap();
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

/// After a failed sync nobody knows what is on disk: no further promise.
#[tokio::test]
async fn a_failed_sync_ends_all_commits() {
    let root = tempfile::tempdir().unwrap();
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
