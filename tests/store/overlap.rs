//! One group is written while the next is decided: each sees the one before, nobody sees what is
//! not durable, and what was decided on top of a failure fails with it.

use std::io;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Condvar, Mutex};
use std::time::Duration;

use tocsin::store::engine::{Batch, FaultHook, FaultPoint, OpenOptions, Result, Store, StoreError};

use crate::support::{small, tempdir};

/// Holds the disk at one step until it is let go.
#[derive(Default)]
struct Gate {
    open: Mutex<bool>,
    opened: Condvar,
    reached: AtomicBool,
}

impl Gate {
    fn wait(&self) {
        self.reached.store(true, Ordering::SeqCst);
        let open = self.open.lock().unwrap();
        let patience = Duration::from_secs(20);
        let waited = self
            .opened
            .wait_timeout_while(open, patience, |open| !*open);
        assert!(!waited.unwrap().1.timed_out());
    }

    fn let_go(&self) {
        *self.open.lock().unwrap() = true;
        self.opened.notify_all();
    }

    async fn is_reached(&self) {
        while !self.reached.load(Ordering::SeqCst) {
            tokio::time::sleep(Duration::from_millis(1)).await;
        }
    }
}

/// A store whose first write waits at the gate and then ends like this.
fn open(folder: &std::path::Path, gate: &Arc<Gate>, ends: Option<io::ErrorKind>) -> Store {
    let gate = Arc::clone(gate);
    let first = AtomicBool::new(true);
    let hook = FaultHook::new(move |point| {
        if point != FaultPoint::JournalWrite || !first.swap(false, Ordering::SeqCst) {
            return Ok(());
        }
        gate.wait();
        ends.map_or(Ok(()), |kind| Err(kind.into()))
    });
    let options = OpenOptions {
        fault_hook: hook,
        ..small()
    };
    Store::open(folder, &options).unwrap()
}

fn put(value: &[u8]) -> Batch {
    Batch::new().put(*b"key", value).clone()
}

/// Commits in a task of its own.
fn commit(store: &Store, batch: Batch) -> tokio::task::JoinHandle<Result<u64>> {
    let store = store.clone();
    tokio::spawn(async move { store.commit(batch).await.map(|sequence| sequence.get()) })
}

/// The first commit, in the middle of its write; and two that expect what it writes, or that it
/// wrote nothing.
async fn overlapping(store: &Store, gate: &Gate) -> [tokio::task::JoinHandle<Result<u64>>; 3] {
    let first = commit(store, put(b"1"));
    gate.is_reached().await;
    let second = put(b"2").assert_value(*b"key", *b"1").clone();
    let third = put(b"3").assert_absent(*b"key").clone();
    let rest = [commit(store, second), commit(store, third)];
    tokio::time::sleep(Duration::from_millis(100)).await;
    assert_eq!(store.get(b"key").unwrap(), None, "nothing is durable yet");
    assert!(rest.iter().all(|one| !one.is_finished()));
    gate.let_go();
    let [second, third] = rest;
    [first, second, third]
}

#[tokio::test]
async fn the_next_group_sees_what_is_being_written() {
    let root = tempdir();
    let gate = Arc::new(Gate::default());
    let store = open(root.path(), &gate, None);
    let [first, second, third] = overlapping(&store, &gate).await;
    assert_eq!(first.await.unwrap().unwrap(), 1);
    assert_eq!(second.await.unwrap().unwrap(), 2);
    let third = third.await.unwrap();
    assert!(
        matches!(third, Err(StoreError::Conflict { .. })),
        "{third:?}"
    );
    assert_eq!(store.get(b"key").unwrap().unwrap(), b"2");
    drop(store);
    let store = Store::open(root.path(), &small()).unwrap();
    assert_eq!(store.get(b"key").unwrap().unwrap(), b"2");
}

#[tokio::test]
async fn what_was_decided_on_top_of_a_full_disk_is_refused_with_it() {
    let root = tempdir();
    let gate = Arc::new(Gate::default());
    let store = open(root.path(), &gate, Some(io::ErrorKind::StorageFull));
    for refused in overlapping(&store, &gate).await {
        // The third one's conflict was one with something that never was.
        let refused = refused.await.unwrap();
        assert!(matches!(refused, Err(StoreError::DiskFull)), "{refused:?}");
    }
    assert_eq!(store.get(b"key").unwrap(), None);
    let again = put(b"4").assert_absent(*b"key").clone();
    assert_eq!(commit(&store, again).await.unwrap().unwrap(), 1);
    drop(store);
    let store = Store::open(root.path(), &small()).unwrap();
    assert_eq!(store.get(b"key").unwrap().unwrap(), b"4");
}

#[tokio::test]
async fn after_a_failed_disk_nothing_more_is_written() {
    let root = tempdir();
    let gate = Arc::new(Gate::default());
    let store = open(root.path(), &gate, Some(io::ErrorKind::Other));
    for refused in overlapping(&store, &gate).await {
        let refused = refused.await.unwrap();
        assert!(matches!(refused, Err(StoreError::Io(_))), "{refused:?}");
    }
    let later = commit(&store, put(b"4")).await.unwrap();
    assert!(matches!(later, Err(StoreError::Closed)), "{later:?}");
    drop(store);
    let store = Store::open(root.path(), &small()).unwrap();
    assert_eq!(store.get(b"key").unwrap(), None);
}

#[tokio::test]
async fn an_index_that_fails_beside_a_write_comes_back_with_both() {
    let root = tempdir();
    let gate = Arc::new(Gate::default());
    let (held, fails) = (Arc::clone(&gate), AtomicBool::new(true));
    let first = AtomicBool::new(true);
    let hook = FaultHook::new(move |point| {
        match point {
            FaultPoint::JournalWrite if first.swap(false, Ordering::SeqCst) => held.wait(),
            FaultPoint::JournalWrite => std::thread::sleep(Duration::from_millis(100)),
            FaultPoint::IndexApply if fails.swap(false, Ordering::SeqCst) => {
                return Err(io::ErrorKind::Other.into());
            }
            _ => {}
        }
        Ok(())
    });
    let options = OpenOptions {
        fault_hook: hook,
        ..small()
    };
    let store = Store::open(root.path(), &options).unwrap();
    let [first, second, third] = overlapping(&store, &gate).await;
    assert_eq!(first.await.unwrap().unwrap(), 1);
    assert_eq!(second.await.unwrap().unwrap(), 2);
    assert!(third.await.unwrap().is_err());
    assert_eq!(store.get(b"key").unwrap().unwrap(), b"2");
}
