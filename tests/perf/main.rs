//! What pages, import and a large alert cost as the store grows.
//!
//! The tiny run is an ordinary test, so that all of this keeps working; `tests/perf/run` does the
//! large ones in a release build and writes the tables of `tests/perf/README.md`.
#![allow(clippy::unwrap_used, clippy::print_stdout)]

mod alert;
mod client;
mod console;
mod fill;
mod firm;
mod import;
mod mail;
mod pages;

use std::path::PathBuf;

/// Many small pieces of many sizes live and die in the index: glibc's own allocator spends a
/// third more time on them, and keeps more of them.
#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

/// One size of an installation.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Size {
    pub(crate) contacts: usize,
}

impl Size {
    /// Deliveries: ten for each contact.
    pub(crate) const fn deliveries(self) -> usize {
        self.contacts * 10
    }
}

/// From the environment, or what makes a quick run.
fn size() -> Size {
    let contacts = std::env::var("TOCSIN_PERF_CONTACTS").map_or(60, |text| text.parse().unwrap());
    Size { contacts }
}

fn rounds() -> usize {
    std::env::var("TOCSIN_PERF_ROUNDS").map_or(2, |text| text.parse().unwrap())
}

/// A folder of its own for a store, removed at the end.
fn folder() -> tempfile::TempDir {
    let parent =
        std::env::var_os("TOCSIN_PERF_FOLDER").map_or_else(std::env::temp_dir, PathBuf::from);
    tempfile::tempdir_in(parent).unwrap()
}

/// As the daemon runs: two threads for what must not wait, others for what may.
fn runtime() -> tokio::runtime::Runtime {
    tokio::runtime::Builder::new_multi_thread()
        .worker_threads(2)
        .enable_all()
        .build()
        .unwrap()
}

/// Prints a line that the script gathers: what, and a number with its unit.
pub(crate) fn report(what: &str, values: &[(&str, f64)]) {
    let values: Vec<String> = values
        .iter()
        .map(|(name, value)| format!("{name}={value:.2}"))
        .collect();
    println!("PERF\t{}\t{what}\t{}", size().contacts, values.join("\t"));
}

/// Memory of this process now and at its highest, in MiB.
pub(crate) fn memory_mib() -> (f64, f64) {
    let status = std::fs::read_to_string("/proc/self/status").unwrap_or_default();
    let read = |name: &str| {
        let line = status.lines().find_map(|line| line.strip_prefix(name));
        let kib: f64 = line
            .and_then(|rest| rest.trim().trim_end_matches(" kB").parse().ok())
            .unwrap_or(0.0);
        kib / 1024.0
    };
    (read("VmRSS:"), read("VmHWM:"))
}

/// Time of the processors that this process has taken, in seconds: unlike the clock it hardly
/// depends on what else the machine does.
pub(crate) fn cpu_seconds() -> f64 {
    let stat = std::fs::read_to_string("/proc/self/stat").unwrap_or_default();
    let behind_name = stat.rsplit(')').next().unwrap_or("");
    let ticks: f64 = behind_name
        .split_whitespace()
        .skip(11)
        .take(2)
        .filter_map(|field| field.parse::<f64>().ok())
        .sum();
    ticks / 100.0
}

#[test]
fn pages_answer_at_this_size() {
    let folder = folder();
    runtime().block_on(pages::run(folder.path(), size(), rounds()));
}

/// What was filled is kept in `TOCSIN_PERF_KEEP` if that is set, and used by the next run.
#[test]
fn a_firm_finds_and_takes_out_its_letters_at_this_size() {
    let (kept, folder) = (std::env::var_os("TOCSIN_PERF_KEEP"), folder());
    let path = kept.map_or_else(|| folder.path().to_owned(), PathBuf::from);
    runtime().block_on(firm::run(&path, size(), rounds()));
}

#[test]
fn contacts_are_imported_at_this_size() {
    let folder = folder();
    runtime().block_on(import::run(folder.path(), size()));
}

#[test]
fn an_alert_is_expanded_at_this_size() {
    let folder = folder();
    runtime().block_on(alert::run(folder.path(), size()));
}
