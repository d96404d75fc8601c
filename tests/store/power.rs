//! A real file system cut off: what was not synced is really gone.

use std::process::Command;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use tocsin::store::engine::{Store, verify};

use crate::support::{Disk, check, commit, commit_all, run, small};

const CUTS: u64 = 4;

/// Stops a file system at once, without writing its journal out:
/// `EXT4_IOC_SHUTDOWN` with `EXT4_GOING_FLAGS_NOLOGFLUSH`.
const SHUTDOWN: &str = "
import fcntl, os, struct, sys
folder = os.open(sys.argv[1], os.O_RDONLY)
fcntl.ioctl(folder, 0x8004587d, struct.pack('I', 2))
";

#[tokio::test(flavor = "multi_thread")]
async fn a_disk_cut_off_under_load_keeps_what_was_acknowledged() {
    let Some(mut disk) = Disk::ext4(96) else {
        return;
    };
    let folder = disk.path().join("state");
    let store = Store::open(&folder, &small()).unwrap();
    commit_all(&store, 1..=3).await;
    drop(store);
    let mut expected = 3;
    for cut in 0..CUTS {
        let store = Store::open(&folder, &small()).unwrap();
        assert_eq!(check(&store), expected);
        let acknowledged = Arc::new(AtomicU64::new(expected));
        let writer = {
            let (store, acknowledged) = (store.clone(), Arc::clone(&acknowledged));
            tokio::spawn(async move {
                let mut n = expected + 1;
                while commit(&store, n).await.is_ok() {
                    acknowledged.store(n, Ordering::SeqCst);
                    n += 1;
                }
            })
        };
        tokio::time::sleep(Duration::from_millis(300 + 150 * cut)).await;
        let path = disk.path();
        if !run(Command::new("python3").args(["-c", SHUTDOWN]).arg(path)) {
            eprintln!("SKIPPED: no python3, or no right, to cut a file system off");
            writer.abort();
            return;
        }
        // The writer may wait for an index that does not come back.
        let _ = store.close().await;
        writer.await.unwrap();
        disk.unmount();
        disk = disk.mount_again();
        let store = Store::open(&folder, &small()).unwrap();
        let (found, wanted) = (check(&store), acknowledged.load(Ordering::SeqCst));
        assert!(
            found == wanted || found == wanted + 1,
            "{found} found, {wanted} acknowledged"
        );
        assert!(found > expected, "the load never ran");
        expected = found;
        drop(store);
        let report = verify(&folder).unwrap();
        assert!(report.is_sound(), "{report:?}");
    }
}
