//! A damaged index: everything comes back from snapshot and journal.

use std::fs;
use std::path::Path;

use tocsin::store::engine::{Store, verify};

use crate::support::{check, commit, commit_all, copy, cut, segments, small, tempdir};

const COMMITS: u64 = 70;

/// A state folder that was killed, and one that was closed.
async fn folders(root: &Path) -> [std::path::PathBuf; 2] {
    let closed = root.join("closed");
    let killed = root.join("killed");
    let store = Store::open(&closed, &small()).unwrap();
    commit_all(&store, 1..=COMMITS).await;
    copy(&closed, &killed);
    store.close().await.unwrap();
    [killed, closed]
}

/// Does the damage to a copy of each folder; all must be there after a start.
async fn comes_back(damage: impl Fn(&Path)) {
    let root = tempdir();
    for folder in folders(root.path()).await {
        damage(&folder);
        let store = Store::open(&folder, &small()).unwrap();
        assert_eq!(check(&store), COMMITS);
        commit(&store, COMMITS + 1).await.unwrap();
        drop(store);
        let store = Store::open(&folder, &small()).unwrap();
        assert_eq!(check(&store), COMMITS + 1);
        drop(store);
        let report = verify(&folder).unwrap();
        assert!(report.is_sound(), "{report:?}");
        assert_eq!(report.index_differences, Some(0));
    }
}

fn sled_files(folder: &Path, prefix: &str) -> Vec<std::path::PathBuf> {
    fs::read_dir(folder.join("sled"))
        .unwrap()
        .map(|entry| entry.unwrap())
        .filter(|entry| entry.file_name().to_string_lossy().starts_with(prefix))
        .map(|entry| entry.path())
        .collect()
}

fn overwrite(file: &Path, at: usize, bytes: &[u8]) {
    let mut content = fs::read(file).unwrap();
    let end = (at + bytes.len()).min(content.len());
    content[at.min(end)..end].copy_from_slice(&bytes[..end - at.min(end)]);
    fs::write(file, content).unwrap();
}

#[tokio::test]
async fn nothing_damaged() {
    comes_back(|_| {}).await;
}

#[tokio::test]
async fn db_missing() {
    comes_back(|folder| fs::remove_file(folder.join("sled/db")).unwrap()).await;
}

#[tokio::test]
async fn db_truncated() {
    for part in [1, 3, 7] {
        comes_back(|folder| {
            let db = folder.join("sled/db");
            let size = fs::metadata(&db).unwrap().len();
            cut(&db, size * part / 8 + part);
        })
        .await;
    }
}

#[tokio::test]
async fn db_empty() {
    comes_back(|folder| cut(&folder.join("sled/db"), 0)).await;
}

#[tokio::test]
async fn db_of_garbage() {
    comes_back(|folder| {
        let garbage: Vec<u8> = (0..600_000_u32)
            .map(|n| ((n.wrapping_mul(7919)) >> 5) as u8)
            .collect();
        fs::write(folder.join("sled/db"), garbage).unwrap();
    })
    .await;
}

#[tokio::test]
async fn garbage_within_db() {
    for at in [0, 100, 5_000, 100_000, 300_000] {
        comes_back(|folder| overwrite(&folder.join("sled/db"), at, &[0xa5; 700])).await;
    }
}

#[tokio::test]
async fn conf_missing() {
    comes_back(|folder| fs::remove_file(folder.join("sled/conf")).unwrap()).await;
}

#[tokio::test]
async fn conf_truncated() {
    comes_back(|folder| cut(&folder.join("sled/conf"), 3)).await;
}

#[tokio::test]
async fn conf_of_garbage() {
    comes_back(|folder| fs::write(folder.join("sled/conf"), "segment_size: 13\nfoo").unwrap())
        .await;
}

#[tokio::test]
async fn snapshots_of_the_index_truncated() {
    comes_back(|folder| {
        let files = sled_files(folder, "snap.");
        for file in &files {
            let size = fs::metadata(file).unwrap().len();
            cut(file, size / 2);
        }
    })
    .await;
}

#[tokio::test]
async fn snapshots_of_the_index_missing() {
    comes_back(|folder| {
        for file in sled_files(folder, "snap.") {
            fs::remove_file(file).unwrap();
        }
    })
    .await;
}

#[tokio::test]
async fn a_generating_snapshot_left_behind() {
    comes_back(|folder| {
        for content in ["", "half a snapshot"] {
            let name = format!("sled/snap.{:016X}.generating", content.len());
            fs::write(folder.join(name), content).unwrap();
        }
    })
    .await;
}

#[tokio::test]
async fn an_empty_index_folder() {
    comes_back(|folder| {
        fs::remove_dir_all(folder.join("sled")).unwrap();
        fs::create_dir(folder.join("sled")).unwrap();
    })
    .await;
}

#[tokio::test]
async fn no_index_folder() {
    comes_back(|folder| fs::remove_dir_all(folder.join("sled")).unwrap()).await;
}

#[tokio::test]
async fn an_index_of_another_time() {
    let root = tempdir();
    let state = root.path().join("state");
    let store = Store::open(&state, &small()).unwrap();
    commit_all(&store, 1..=20).await;
    drop(store);
    copy(&state.join("sled"), &root.path().join("old"));
    let store = Store::open(&state, &small()).unwrap();
    commit_all(&store, 21..=60).await;
    drop(store);
    fs::remove_dir_all(state.join("sled")).unwrap();
    copy(&root.path().join("old"), &state.join("sled"));
    assert_eq!(check(&Store::open(&state, &small()).unwrap()), 60);
}

#[tokio::test]
async fn a_damaged_index_is_kept_for_the_curious() {
    let root = tempdir();
    let [killed, _] = folders(root.path()).await;
    fs::remove_file(killed.join("sled/db")).unwrap();
    fs::create_dir(killed.join("sled/db")).unwrap();
    assert_eq!(check(&Store::open(&killed, &small()).unwrap()), COMMITS);
    let kept = killed.join(format!("sled.damaged-{COMMITS}"));
    assert!(kept.join("db").is_dir());
}

#[tokio::test]
async fn blobs_that_the_journal_still_holds() {
    let root = tempdir();
    let state = root.path().join("state");
    let store = Store::open(&state, &tocsin::store::engine::OpenOptions::default()).unwrap();
    commit_all(&store, 1..=COMMITS).await;
    let killed = root.path().join("killed");
    copy(&state, &killed);
    drop(store);
    fs::remove_dir_all(killed.join("blobs")).unwrap();
    assert_eq!(check(&Store::open(&killed, &small()).unwrap()), COMMITS);
}

#[tokio::test]
async fn a_snapshot_that_is_damaged_is_refused_not_believed() {
    let root = tempdir();
    let [killed, _] = folders(root.path()).await;
    let snapshot = fs::read_dir(killed.join("snapshot"))
        .unwrap()
        .map(|entry| entry.unwrap().path())
        .next()
        .unwrap();
    overwrite(&snapshot, 500, &[0xff; 3]);
    let opened = Store::open(&killed, &small());
    assert!(
        matches!(&opened, Err(tocsin::store::engine::StoreError::Corrupt { file, .. }) if *file == snapshot),
        "{opened:?}"
    );
    assert!(!verify(&killed).unwrap().is_sound());
}

#[tokio::test]
async fn a_journal_that_is_gone_is_refused_not_forgotten() {
    let root = tempdir();
    let [killed, _] = folders(root.path()).await;
    for segment in segments(&killed) {
        fs::remove_file(segment).unwrap();
    }
    let opened = Store::open(&killed, &small());
    assert!(opened.is_err());
}
