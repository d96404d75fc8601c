//! A disk that is full, for the tests of those who store.
#![allow(clippy::unwrap_used)]

use std::io;
use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use crate::store::Store;
use crate::store::engine::{FaultHook, FaultPoint, OpenOptions};

/// A store whose disk is full while the switch is on.
pub(super) fn filling_store(folder: &Path, is_full: &Arc<AtomicBool>) -> Store {
    let is_full = Arc::clone(is_full);
    let hook = move |point| match point {
        FaultPoint::JournalWrite if is_full.load(Ordering::SeqCst) => {
            Err(io::ErrorKind::StorageFull.into())
        }
        _ => Ok(()),
    };
    let options = OpenOptions {
        reserve_bytes: 0,
        fault_hook: FaultHook::new(hook),
        ..OpenOptions::default()
    };
    Store::open(folder, &options).unwrap()
}
