//! Durable commits per second with 1, 20 and 200 tasks, beside what the disk
//! itself can sync. `cargo bench --bench store -- [folder] [seconds]`
#![allow(clippy::unwrap_used, clippy::print_stdout)]

use std::fs::File;
use std::io::Write;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant};

use tocsin::store::engine::{Batch, OpenOptions, Store};

/// Rows that one commit writes: about what a submitted mail does.
const ROWS: u64 = 6;
const ROW_SIZE: usize = 200;

fn main() {
    let mut args = std::env::args()
        .skip(1)
        .filter(|arg| !arg.starts_with("--"));
    let folder = args.next().map_or_else(std::env::temp_dir, PathBuf::from);
    let seconds = args.next().map_or(5, |seconds| seconds.parse().unwrap());
    let span = Duration::from_secs(seconds);
    println!("fdatasync alone: {:.0}/s", syncs(&folder, span));
    let runtime = tokio::runtime::Builder::new_multi_thread().build().unwrap();
    for blob_size in [0, 10 * 1024] {
        for tasks in [1, 20, 200] {
            let root = folder.join(format!("store-bench-{}", std::process::id()));
            let store = Store::open(&root, &OpenOptions::default()).unwrap();
            let rate = runtime.block_on(commits(&store, tasks, blob_size, span));
            println!(
                "{tasks:3} tasks, {ROWS} rows and {blob_size:5} bytes of body each: {rate:.0} commits/s, rss {} MiB",
                rss_kib() / 1024
            );
            let closing = Instant::now();
            runtime.block_on(store.close()).unwrap();
            let opening = Instant::now();
            drop(Store::open(&root, &OpenOptions::default()).unwrap());
            println!(
                "    closed in {:?}, opened and closed in {:?}, index {} KiB",
                opening - closing,
                opening.elapsed(),
                size_kib(&root.join("sled")),
            );
            std::fs::remove_dir_all(&root).unwrap();
        }
    }
}

fn syncs(folder: &Path, span: Duration) -> f64 {
    let path = folder.join(format!("sync-bench-{}", std::process::id()));
    let mut file = File::create(&path).unwrap();
    let start = Instant::now();
    let mut count = 0_u32;
    while start.elapsed() < span {
        file.write_all(&[1; 2048]).unwrap();
        file.sync_data().unwrap();
        count += 1;
    }
    std::fs::remove_file(path).unwrap();
    f64::from(count) / start.elapsed().as_secs_f64()
}

async fn commits(store: &Store, tasks: u64, blob_size: usize, span: Duration) -> f64 {
    let count = Arc::new(AtomicU64::new(0));
    let start = Instant::now();
    let running: Vec<_> = (0..tasks)
        .map(|task| {
            let (store, count) = (store.clone(), Arc::clone(&count));
            tokio::spawn(async move {
                let mut n = 0_u64;
                while start.elapsed() < span {
                    store.commit(batch(task, n, blob_size)).await.unwrap();
                    count.fetch_add(1, Ordering::Relaxed);
                    n += 1;
                }
            })
        })
        .collect();
    for task in running {
        task.await.unwrap();
    }
    #[allow(clippy::cast_precision_loss)]
    let done = count.load(Ordering::Relaxed) as f64;
    done / start.elapsed().as_secs_f64()
}

fn batch(task: u64, n: u64, blob_size: usize) -> Batch {
    let mut batch = Batch::new();
    for row in 0..ROWS {
        // Spread like ids and indexes are.
        let spread = ((task << 32) | (n << 3) | row).wrapping_mul(0x9e37_79b9_7f4a_7c15);
        batch.put(
            [&[b'a' + row as u8], spread.to_be_bytes().as_slice()].concat(),
            vec![b'x'; ROW_SIZE],
        );
    }
    batch.add(*b"count", 1);
    if blob_size > 0 {
        let mut body = vec![b'y'; blob_size];
        body[..8].copy_from_slice(&task.to_be_bytes());
        body[8..16].copy_from_slice(&n.to_be_bytes());
        batch.blob(body);
    }
    batch
}

fn rss_kib() -> u64 {
    let status = std::fs::read_to_string("/proc/self/status").unwrap_or_default();
    status
        .lines()
        .find_map(|line| line.strip_prefix("VmRSS:"))
        .and_then(|rest| rest.trim().trim_end_matches(" kB").parse().ok())
        .unwrap_or(0)
}

fn size_kib(folder: &Path) -> u64 {
    std::fs::read_dir(folder)
        .unwrap()
        .map(|entry| entry.unwrap().metadata().unwrap().len() / 1024)
        .sum()
}
