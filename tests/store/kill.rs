//! A process of its own, killed while many of its tasks commit.

use std::io::{BufRead, BufReader};
use std::path::Path;
use std::process::{Command, Stdio};
use std::time::Duration;

use tocsin::store::engine::{Batch, KeyRange, SCAN_LIMIT_MAX, Store, StoreError};

use crate::support::{small, tempdir};

const KILLS: u64 = 16;
const TASKS: u8 = 8;
const FOLDER: &str = "STORE_KILL_FOLDER";

/// The child: commits until it is killed, and says what was acknowledged.
#[tokio::test(flavor = "multi_thread")]
#[ignore = "started by the test below"]
async fn child() {
    let Some(folder) = std::env::var_os(FOLDER) else {
        return;
    };
    let store = Store::open(Path::new(&folder), &small()).unwrap();
    let mut tasks = Vec::new();
    for task in 0..TASKS {
        let store = store.clone();
        let done = written(&store, task);
        tasks.push(tokio::spawn(async move {
            for n in done.. {
                commit(&store, task, n).await.unwrap();
                eprintln!("{task} {n}");
            }
        }));
    }
    for task in tasks {
        task.await.unwrap();
    }
}

async fn commit(store: &Store, task: u8, n: u64) -> Result<(), StoreError> {
    let mut batch = Batch::new();
    let id = batch.blob(vec![task; 100 + usize::try_from(n).unwrap() % 5000]);
    batch
        .put(key(task, n), id.as_bytes().to_vec())
        .add([b'n', task], 1);
    store.commit(batch).await.map(drop)
}

fn key(task: u8, n: u64) -> Vec<u8> {
    [&[b'k', task], n.to_be_bytes().as_slice()].concat()
}

/// How many commits of a task are there; all of each, and none left out.
fn written(store: &Store, task: u8) -> u64 {
    let mut rows = Vec::new();
    let mut range = KeyRange::prefix([b'k', task]);
    loop {
        let page = store.scan(range.clone(), SCAN_LIMIT_MAX).unwrap();
        let Some((last, _)) = page.last().cloned() else {
            break;
        };
        rows.extend(page);
        range = range.after(last);
    }
    for (n, (found, value)) in (0..).zip(&rows) {
        assert_eq!(*found, key(task, n));
        let id = tocsin::store::engine::BlobId::from_bytes(value.as_slice().try_into().unwrap());
        assert!(store.get_blob(id).unwrap().is_some(), "blob of {n}");
    }
    let count = store.get_counter(&[b'n', task]).unwrap();
    assert_eq!(i64::try_from(rows.len()).unwrap(), count);
    rows.len() as u64
}

#[test]
fn killed_again_and_again_it_keeps_what_it_acknowledged() {
    let folder = tempdir();
    let mut acknowledged = [0; TASKS as usize];
    for kill in 0..KILLS {
        let mut child = Command::new(std::env::current_exe().unwrap())
            .args(["--exact", "kill::child", "--ignored", "--nocapture"])
            .env(FOLDER, folder.path())
            .stdout(Stdio::null())
            .stderr(Stdio::piped())
            .spawn()
            .unwrap();
        let lines = BufReader::new(child.stderr.take().unwrap());
        let id = child.id();
        let killer = std::thread::spawn(move || {
            // Early kills hit the start, later ones commits and compactions.
            std::thread::sleep(Duration::from_millis(40 + kill * 97));
            child.kill().unwrap();
            child.wait().unwrap();
        });
        for line in lines.lines() {
            let line = line.unwrap();
            let Some((task, n)) = line.split_once(' ') else {
                continue;
            };
            if let (Ok(task), Ok(n)) = (task.parse::<usize>(), n.parse::<u64>()) {
                acknowledged[task] = n + 1;
            }
        }
        killer.join().unwrap();
        let store = Store::open(folder.path(), &small()).unwrap();
        for task in 0..TASKS {
            let found = written(&store, task);
            let wanted = acknowledged[usize::from(task)];
            assert!(
                (wanted..=wanted + 1).contains(&found),
                "process {id}, task {task}: {found} found, {wanted} acknowledged"
            );
            acknowledged[usize::from(task)] = found;
        }
    }
    assert!(
        acknowledged.iter().sum::<u64>() > 0,
        "nothing was ever committed"
    );
}
