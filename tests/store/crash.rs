//! Kills and power cuts: nothing acknowledged is lost, nothing is half there.

use std::collections::HashMap;
use std::fs;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex};
use std::time::{Duration, UNIX_EPOCH};

use tocsin::store::engine::{FaultHook, FaultPoint, OpenOptions, Store, StoreError, verify};

use crate::support::{
    blob_file, check, commit, commit_all, copy, cut, segments, small, tempdir, used_size,
};

/// The folder as it was at one step on disk.
struct Image {
    point: FaultPoint,
    folder: PathBuf,
    /// What was acknowledged before it was taken, and after: commits go on
    /// while a compaction's thread takes one.
    acknowledged: (u64, u64),
}

/// Runs the workload, taking an image at every `every`th step of each kind.
async fn images(root: &Path, commits: u64, every: u64) -> Vec<Image> {
    let state = root.join("state");
    let acknowledged = Arc::new(AtomicU64::new(0));
    let taken = Arc::new(Mutex::new(Vec::new()));
    let steps = Mutex::new(HashMap::new());
    let hook = {
        let (state, root) = (state.clone(), root.to_owned());
        let (acknowledged, taken) = (Arc::clone(&acknowledged), Arc::clone(&taken));
        FaultHook::new(move |point| {
            let step = {
                let mut steps = steps.lock().unwrap();
                let step: &mut u64 = steps.entry(point).or_default();
                *step += 1;
                *step
            };
            let rare = matches!(
                point,
                FaultPoint::SegmentCreate
                    | FaultPoint::SnapshotWrite
                    | FaultPoint::SnapshotRename
                    | FaultPoint::SegmentRemove
                    | FaultPoint::CleanMark
            );
            if rare || step.is_multiple_of(every) {
                let before = acknowledged.load(Ordering::SeqCst);
                let folder = root.join(format!("{point:?}-{step}"));
                copy(&state, &folder);
                taken.lock().unwrap().push(Image {
                    point,
                    folder,
                    acknowledged: (before, acknowledged.load(Ordering::SeqCst)),
                });
            }
            Ok(())
        })
    };
    let options = OpenOptions {
        fault_hook: hook,
        ..small()
    };
    let store = Store::open(&state, &options).unwrap();
    for n in 1..=commits {
        commit(&store, n).await.unwrap();
        acknowledged.store(n, Ordering::SeqCst);
    }
    assert_eq!(check(&store), commits);
    store.close().await.unwrap();
    std::mem::take(&mut taken.lock().unwrap())
}

/// Opens what a crash left; it must hold what was acknowledged, and at most
/// the one commit under way besides, and go on from there.
async fn survives(image: &Image, what: &str) {
    let Image { point, folder, .. } = image;
    let (least, most) = image.acknowledged;
    let store = Store::open(folder, &small())
        .unwrap_or_else(|error| panic!("{what} at {point:?} after {least}: {error}"));
    let found = check(&store);
    assert!(
        (least..=most + 1).contains(&found),
        "{what} at {point:?}: {found} found, {least} to {most} acknowledged"
    );
    commit(&store, found + 1).await.unwrap();
    store.close().await.unwrap();
    let store = Store::open(folder, &small()).unwrap();
    assert_eq!(check(&store), found + 1);
}

#[tokio::test]
async fn a_kill_at_any_step_loses_nothing_acknowledged() {
    let root = tempdir();
    let images = images(root.path(), 64, 5).await;
    for point in [
        FaultPoint::JournalWrite,
        FaultPoint::JournalSync,
        FaultPoint::BlobWrite,
        FaultPoint::IndexApply,
        FaultPoint::Answer,
        FaultPoint::SegmentCreate,
        FaultPoint::SnapshotWrite,
        FaultPoint::SnapshotRename,
        FaultPoint::SegmentRemove,
        FaultPoint::CleanMark,
    ] {
        assert!(images.iter().any(|image| image.point == point), "{point:?}");
    }
    for image in &images {
        survives(image, "kill").await;
    }
}

/// What the power cut took: everything that nobody synced.
#[tokio::test]
async fn a_power_cut_at_any_step_loses_nothing_acknowledged() {
    let root = tempdir();
    let images = images(root.path(), 64, 5).await;
    let mut torn = 0;
    for (n, image) in images.iter().enumerate() {
        if image.point == FaultPoint::JournalSync {
            torn += 1;
            cut_half_of_last_record(&image.folder, n);
        }
        drop_unsynced(&image.folder, n);
        survives(image, "power cut").await;
    }
    assert!(torn > 0, "no image was taken between write and sync");
}

/// The record that was written but not synced: gone, torn, or zeros.
fn cut_half_of_last_record(folder: &Path, n: usize) {
    let last = segments(folder).pop().unwrap();
    let size = used_size(&last);
    match n % 3 {
        0 => cut(&last, size - 1),
        1 => cut(&last, size - 2000),
        _ => {
            cut(&last, size - 1500);
            cut(&last, size);
        }
    }
}

/// The index, and the blobs' files that no checkpoint has synced: those behind
/// the snapshot. Commit `n` of the workload has sequence `n`.
fn drop_unsynced(folder: &Path, n: usize) {
    let db = folder.join("sled").join("db");
    if let Ok(metadata) = fs::metadata(&db) {
        match n % 3 {
            0 => cut(&db, metadata.len() / 2),
            1 => cut(&db, 0),
            _ => fs::write(&db, vec![0; 4096]).unwrap(),
        }
    }
    for number in snapshot_sequence(folder) + 1..=100 {
        let blob = blob_file(folder, number);
        if blob.exists() {
            cut(&blob, 0);
        }
    }
}

fn snapshot_sequence(folder: &Path) -> u64 {
    fs::read_dir(folder.join("snapshot"))
        .unwrap()
        .map(|entry| entry.unwrap().path())
        .filter(|path| path.extension().is_some_and(|e| e == "snap"))
        .map(|path| path.file_stem().unwrap().to_str().unwrap().parse().unwrap())
        .max()
        .unwrap_or(0)
}

#[tokio::test]
async fn a_record_torn_at_any_byte_is_cut_off() {
    let root = tempdir();
    let state = root.path().join("state");
    let store = Store::open(&state, &OpenOptions::default()).unwrap();
    commit_all(&store, 1..=4).await;
    let before = used_size(&segments(&state)[0]);
    commit_all(&store, 5..=5).await;
    let after = used_size(&segments(&state)[0]);
    let whole = root.path().join("whole");
    copy(&state, &whole);
    drop(store);
    // Every byte is torn in the segment's own test; here a sample of them
    // goes through a whole start.
    for size in (before..after).step_by(271).chain([before + 1, after - 1]) {
        let folder = root.path().join("torn");
        let _ = fs::remove_dir_all(&folder);
        copy(&whole, &folder);
        cut(&segments(&folder)[0], size);
        let store = Store::open(&folder, &OpenOptions::default()).unwrap();
        assert_eq!(check(&store), 4, "cut at {size}");
        commit_all(&store, 5..=6).await;
        assert_eq!(check(&store), 6);
    }
}

#[tokio::test]
async fn damage_before_the_last_record_is_never_skipped() {
    let root = tempdir();
    let state = root.path().join("state");
    let store = Store::open(&state, &OpenOptions::default()).unwrap();
    commit_all(&store, 1..=3).await;
    let start = used_size(&segments(&state)[0]);
    commit_all(&store, 4..=6).await;
    let folder = root.path().join("damaged");
    copy(&state, &folder);
    drop(store);
    let file = segments(&folder).remove(0);
    let mut bytes = fs::read(&file).unwrap();
    bytes[usize::try_from(start).unwrap() + 100] ^= 1;
    fs::write(&file, &bytes).unwrap();
    for _ in 0..2 {
        match Store::open(&folder, &OpenOptions::default()) {
            Err(StoreError::Corrupt {
                file: named,
                offset,
                ..
            }) => assert_eq!((named, offset), (file.clone(), start)),
            other => panic!("{other:?}"),
        }
        assert_eq!(fs::read(&file).unwrap(), bytes, "the evidence is untouched");
    }
    assert!(!verify(&folder).unwrap().is_sound());
}

#[tokio::test]
async fn a_missing_segment_is_never_skipped() {
    let root = tempdir();
    let options = OpenOptions {
        segment_size_bytes: 8 * 1024,
        ..OpenOptions::default()
    };
    let state = root.path().join("state");
    let store = Store::open(&state, &options).unwrap();
    commit_all(&store, 1..=20).await;
    drop(store);
    let files = segments(&state);
    assert!(files.len() > 3);
    fs::remove_file(state.join("clean")).unwrap();
    for gone in [&files[0], &files[2]] {
        let kept = fs::read(gone).unwrap();
        fs::remove_file(gone).unwrap();
        let opened = Store::open(&state, &options);
        assert!(
            matches!(opened, Err(StoreError::Corrupt { .. })),
            "{opened:?}"
        );
        fs::write(gone, kept).unwrap();
    }
    assert_eq!(check(&Store::open(&state, &options).unwrap()), 20);
}

#[tokio::test]
async fn an_index_settled_at_the_end_is_the_one_that_the_mark_of_a_clean_end_names() {
    let root = tempdir();
    let store = Store::open(root.path(), &small()).unwrap();
    commit_all(&store, 1..=40).await;
    store.close().await.unwrap();
    let noted = fs::read_dir(root.path().join("sled")).unwrap();
    let noted = noted.map(|entry| entry.unwrap().file_name().into_string().unwrap());
    let noted: Vec<String> = noted.filter(|name| name.starts_with("snap.")).collect();
    assert_eq!(noted.len(), 1, "sled has noted where it stands: {noted:?}");
    let mark = fs::read_to_string(root.path().join("clean")).unwrap();
    let index = fs::metadata(root.path().join("sled/db")).unwrap();
    let changed = index
        .modified()
        .unwrap()
        .duration_since(UNIX_EPOCH)
        .unwrap();
    let wanted = format!("40 {} {}\n", index.len(), changed.as_nanos());
    assert_eq!(mark, wanted);
    assert_eq!(check(&Store::open(root.path(), &small()).unwrap()), 40);
}

#[tokio::test]
async fn the_journal_is_compacted_and_verifies() {
    let root = tempdir();
    let store = Store::open(root.path(), &small()).unwrap();
    commit_all(&store, 1..=200).await;
    drop(store);
    let sizes: u64 = segments(root.path())
        .iter()
        .map(|file| fs::metadata(file).unwrap().len())
        .sum();
    assert!(sizes < 400_000, "{sizes} bytes of journal are left");
    let report = verify(root.path()).unwrap();
    assert!(report.is_sound(), "{report:?}");
    assert_eq!((report.last_sequence, report.blobs), (200, 200));
    assert_eq!(report.rows, 203);
    assert_eq!(report.index_differences, Some(0));
    let store = Store::open(root.path(), &small()).unwrap();
    assert_eq!(check(&store), 200);
}

#[tokio::test]
async fn a_compaction_waits_for_calm() {
    let root = tempdir();
    let busy = OpenOptions {
        compact_busy_bytes: 16 * 1024 * 1024,
        ..small()
    };
    let store = Store::open(root.path(), &busy).unwrap();
    commit_all(&store, 1..=200).await;
    let kept = segments(root.path()).len();
    assert!(kept > 10, "{kept} segments while there is no calm");
    for _ in 0..200 {
        tokio::time::sleep(Duration::from_millis(50)).await;
        if segments(root.path()).len() < 4 {
            break;
        }
    }
    let left = segments(root.path()).len();
    assert!(left < 4, "{left} of {kept} segments are left");
    assert_eq!(check(&store), 200);
}

#[tokio::test]
async fn two_processes_cannot_share_a_folder() {
    let root = tempdir();
    let store = Store::open(root.path(), &small()).unwrap();
    let second = Store::open(root.path(), &small());
    assert!(matches!(second, Err(StoreError::InUse(_))), "{second:?}");
    drop(store);
    Store::open(root.path(), &small()).unwrap();
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn tasks_share_records() {
    let root = tempdir();
    let store = Store::open(root.path(), &OpenOptions::default()).unwrap();
    let tasks: Vec<_> = (0..200_u8)
        .map(|n| {
            let store = store.clone();
            tokio::spawn(async move {
                let mut batch = tocsin::store::engine::Batch::new();
                batch.put([b'k', n], [n]);
                store.commit(batch).await.unwrap()
            })
        })
        .collect();
    let mut sequences = std::collections::BTreeSet::new();
    for task in tasks {
        sequences.insert(task.await.unwrap());
    }
    assert_eq!(sequences.len(), 200, "each commit has its own place");
    store.close().await.unwrap();
    let report = verify(root.path()).unwrap();
    assert_eq!(report.last_sequence, 200);
    assert!(report.records < 150, "{} records", report.records);
}
