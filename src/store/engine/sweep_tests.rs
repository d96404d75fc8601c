#![allow(clippy::unwrap_used)]

use std::path::Path;
use std::sync::{Arc, Mutex};

use super::*;

fn row(number: u8) -> Key {
    vec![b'r', number]
}

/// A row that names a blob, with its bytes.
fn put(number: u8, bytes: &[u8]) -> (Batch, BlobId) {
    let mut batch = Batch::new();
    let id = batch.blob(bytes.to_vec());
    batch.put(row(number), id.as_bytes().to_vec());
    (batch, id)
}

async fn delete(store: &Store, number: u8) {
    let mut batch = Batch::new();
    batch.delete(row(number));
    store.commit(batch).await.unwrap();
}

/// What no row names, of these.
fn unnamed(store: &Store, ids: &[BlobId]) -> Vec<BlobId> {
    let mut needles = Needles::new(ids.iter().copied());
    for (_, value) in store.scan(KeyRange::prefix(*b"r"), 100).unwrap() {
        needles.find(&value);
    }
    needles.left().collect()
}

async fn sweep(store: &Store, ids: &[BlobId]) -> Vec<BlobId> {
    let sweep = store.begin_sweep(ids.to_vec()).await.unwrap();
    let unnamed = unnamed(store, ids);
    store.end_sweep(sweep, unnamed).await.unwrap().removed
}

fn durable(folder: &Path) -> Store {
    let options = OpenOptions {
        reserve_bytes: 0,
        ..OpenOptions::default()
    };
    Store::open(folder, &options).unwrap()
}

#[tokio::test]
async fn a_blob_goes_with_the_last_row_that_names_it_and_can_come_back() {
    let folder = tempfile::tempdir().unwrap();
    for store in [Store::memory(), durable(folder.path())] {
        let (one, id) = put(1, b"shared");
        let (two, _) = put(2, b"shared");
        store.commit(one.clone()).await.unwrap();
        store.commit(two).await.unwrap();
        delete(&store, 1).await;
        assert_eq!(sweep(&store, &[id]).await, []);
        assert!(store.get_blob(id).unwrap().is_some());
        delete(&store, 2).await;
        assert_eq!(sweep(&store, &[id]).await, [id]);
        assert_eq!(store.get_blob(id).unwrap(), None);
        assert_eq!(sweep(&store, &[id]).await, [id], "once more is no error");
        store.commit(one).await.unwrap();
        assert_eq!(store.get_blob(id).unwrap().unwrap(), b"shared".as_slice());
        store.close().await.unwrap();
    }
    let store = durable(folder.path());
    let id = BlobId::of(b"shared");
    assert_eq!(store.get_blob(id).unwrap().unwrap(), b"shared".as_slice());
}

#[tokio::test]
async fn what_is_named_during_a_sweep_stays() {
    let folder = tempfile::tempdir().unwrap();
    for store in [Store::memory(), durable(folder.path())] {
        let mut ids = Vec::new();
        for number in 1..=3 {
            let (batch, id) = put(number, &[number; 100]);
            store.commit(batch).await.unwrap();
            delete(&store, number).await;
            ids.push(id);
        }
        let sweep = store.begin_sweep(ids.clone()).await.unwrap();
        let found = unnamed(&store, &ids);
        assert_eq!(found.len(), 3);
        let (with_bytes, _) = put(1, &[1; 100]);
        let mut only_named = Batch::new();
        only_named.put(row(2), ids[1].as_bytes().to_vec());
        store.commit(with_bytes).await.unwrap();
        store.commit(only_named).await.unwrap();
        let swept = store.end_sweep(sweep, found).await.unwrap();
        assert_eq!(swept.removed, [ids[2]]);
        for (id, is_there) in ids.iter().zip([true, true, false]) {
            assert_eq!(store.get_blob(*id).unwrap().is_some(), is_there);
        }
        store.close().await.unwrap();
    }
}

/// A copy of what a kill would leave.
fn copy(from: &Path, to: &Path) {
    std::fs::create_dir_all(to).unwrap();
    for entry in std::fs::read_dir(from).unwrap() {
        let entry = entry.unwrap();
        let target = to.join(entry.file_name());
        if entry.file_type().unwrap().is_dir() {
            copy(&entry.path(), &target);
        } else {
            std::fs::copy(entry.path(), target).unwrap();
        }
    }
}

#[tokio::test]
async fn a_kill_at_any_step_of_a_sweep_leaves_what_rows_name() {
    let root = tempfile::tempdir().unwrap();
    let state = root.path().join("state");
    let images = Arc::new(Mutex::new(Vec::new()));
    let hook = {
        let (root, images) = (root.path().to_owned(), Arc::clone(&images));
        FaultHook::new(move |_| {
            let mut images = images.lock().unwrap();
            let folder = root.join(images.len().to_string());
            copy(&root.join("state"), &folder);
            images.push(folder);
            Ok(())
        })
    };
    let options = OpenOptions {
        reserve_bytes: 0,
        fault_hook: hook,
        ..OpenOptions::default()
    };
    let store = Store::open(&state, &options).unwrap();
    let mut ids = Vec::new();
    for number in 1..=4 {
        let (batch, id) = put(number, &[number; 50]);
        store.commit(batch).await.unwrap();
        ids.push(id);
    }
    for number in 2..=4 {
        delete(&store, number).await;
    }
    assert_eq!(sweep(&store, &ids).await.len(), 3);
    // One comes back at once.
    let (again, id) = put(2, &[2; 50]);
    store.commit(again).await.unwrap();
    assert!(store.get_blob(id).unwrap().is_some());
    store.close().await.unwrap();
    let images = std::mem::take(&mut *images.lock().unwrap());
    assert!(images.len() > 20);
    for folder in images.iter().chain([&state]) {
        let store = durable(folder);
        for (key, named) in store.scan(KeyRange::prefix(*b"r"), 100).unwrap() {
            let id = BlobId::from_bytes(named.try_into().unwrap());
            let bytes = store.get_blob(id).unwrap().unwrap();
            assert_eq!(bytes, [key[1]; 50].as_slice());
        }
        store.close().await.unwrap();
        assert!(verify(folder).unwrap().is_sound());
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn rows_and_sweeps_at_the_same_time_lose_nothing() {
    let folder = tempfile::tempdir().unwrap();
    let store = durable(folder.path());
    let ids: Vec<BlobId> = (0..4).map(|n: u8| BlobId::of(&[n; 64])).collect();
    let writers = (0..4_u8).map(|number| {
        let store = store.clone();
        tokio::spawn(async move {
            for _ in 0..40 {
                let (batch, id) = put(number, &[number; 64]);
                store.commit(batch).await.unwrap();
                assert!(store.get_blob(id).unwrap().is_some());
                tokio::task::yield_now().await;
                assert!(store.get_blob(id).unwrap().is_some());
                delete(&store, number).await;
            }
        })
    });
    let writers: Vec<_> = writers.collect();
    let mut removed = 0;
    while !writers.iter().all(tokio::task::JoinHandle::is_finished) {
        removed += sweep(&store, &ids).await.len();
    }
    for writer in writers {
        writer.await.unwrap();
    }
    removed += sweep(&store, &ids).await.len();
    assert!(removed >= 4);
    assert!(ids.iter().all(|id| store.get_blob(*id).unwrap().is_none()));
}
