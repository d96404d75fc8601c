//! Mail servers whose Debian packages cannot be installed beside Postfix's. `tests/run` unpacks
//! them into a folder; each runs on a copy of it that is its root directory (chroot, which only
//! root may). So it has an `/etc` of its own, users that the machine does not know, the spool
//! where it was built to have it, and no DNS; nothing of the machine is touched.

use std::{
    fs::{self, File, Permissions},
    net::{SocketAddr, TcpStream},
    os::unix::{
        fs::{PermissionsExt, chown},
        process::CommandExt,
    },
    path::{Path, PathBuf},
    process::{Child, Command, Stdio},
    thread,
    time::{Duration, Instant},
};

use crate::{postfix::is_root, skip::skip};

/// Where `tests/run` unpacks them, with the libraries that they need.
const UNPACKED: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/.tests/mta");
/// Longest wait for a server to listen.
const WAIT_MAX: Duration = Duration::from_secs(30);
/// Longest wait for a server to end by itself.
const END_MAX: Duration = Duration::from_secs(10);
/// Time between two looks.
const LOOK_INTERVAL: Duration = Duration::from_millis(50);
/// What it and its programs print, and whatever log files it writes.
const LOGS: &str = "var/log";

/// Ids, of user and group alike, that no user of the machine has. The servers insist on the names
/// of theirs.
pub(crate) const ROOT_ID: u32 = 0;
pub(crate) const EXIM_ID: u32 = 61_001;
const OPENSMTPD_ID: u32 = 61_002;
const OPENSMTPD_QUEUE_ID: u32 = 61_003;
/// Whose the mailboxes are.
pub(crate) const MAILBOX_ID: u32 = 61_004;
const USERS: [(&str, u32); 5] = [
    ("root", ROOT_ID),
    ("Debian-exim", EXIM_ID),
    ("opensmtpd", OPENSMTPD_ID),
    ("opensmtpq", OPENSMTPD_QUEUE_ID),
    ("mailbox", MAILBOX_ID),
];

/// The root directory of one server; gone when dropped.
pub(crate) struct Root {
    folder: tempfile::TempDir,
}

impl Root {
    /// A copy of what was unpacked, or says loudly why there is none.
    pub(crate) fn new(program: &str) -> Option<Root> {
        if !Path::new(UNPACKED).join(program).exists() {
            skip(&format!(
                "no {program} in .tests/mta, where tests/run unpacks it as root; \
                 bounces of a real server were NOT checked"
            ));
            return None;
        }
        if !is_root() {
            skip("changing a root directory needs root; bounces of a real server were NOT checked");
            return None;
        }
        let folder = tempfile::Builder::new().prefix("peer-mta-").tempdir();
        let root = Root {
            folder: folder.unwrap(),
        };
        let copied = Command::new("cp")
            .args(["-a", "--no-preserve=ownership"])
            .arg(Path::new(UNPACKED).join("."))
            .arg(root.folder.path())
            .status();
        assert!(copied.unwrap().success(), "{UNPACKED} cannot be copied");
        root.furnish();
        Some(root)
    }

    /// What every server wants to be there.
    fn furnish(&self) {
        let user = |(name, id)| format!("{name}:x:{id}:{id}::/var/mail:/bin/sh\n");
        self.write("etc/passwd", &USERS.map(user).concat());
        let group = |(name, id)| format!("{name}:x:{id}:\n");
        self.write("etc/group", &USERS.map(group).concat());
        self.write("etc/hosts", "127.0.0.1 localhost\n");
        // OpenSMTPD asks about everybody who connects.
        self.write("etc/resolv.conf", "lookup file\n");
        // A device would need more rights than a container may have; what they write is little.
        self.write("dev/null", "");
        self.allow("dev/null", 0o666);
        self.allow("tmp", 0o1777);
        self.allow("", 0o755);
    }

    /// Writes a file that everybody may read. Paths are from here, without a slash.
    pub(crate) fn write(&self, path: &str, text: &str) {
        fs::write(self.path(path), text).unwrap();
        self.allow(path, 0o644);
    }

    /// Makes a folder of this user's, or gives it to them.
    pub(crate) fn folder(&self, path: &str, owner: u32, mode: u32) {
        fs::create_dir_all(self.path(path)).unwrap();
        chown(self.path(path), Some(owner), Some(owner)).unwrap();
        self.allow(path, mode);
    }

    /// Sets who may do what with a file or a folder.
    pub(crate) fn allow(&self, path: &str, mode: u32) {
        fs::set_permissions(self.path(path), Permissions::from_mode(mode)).unwrap();
    }

    fn path(&self, path: &str) -> PathBuf {
        self.folder.path().join(path)
    }

    /// Runs a server that stays in the foreground, until it listens there.
    pub(crate) fn run(self, command: &[&str], address: SocketAddr) -> Mta {
        let said = File::create(self.path(LOGS).join("said")).unwrap();
        let child = Command::new("chroot")
            .arg(self.folder.path())
            .args(command)
            .stdin(Stdio::null())
            .stdout(said.try_clone().unwrap())
            .stderr(said)
            .process_group(0)
            .spawn()
            .unwrap();
        let mut mta = Mta {
            root: self,
            child,
            address,
        };
        mta.wait_until_it_listens();
        mta
    }
}

/// A running mail server; ended when dropped.
pub(crate) struct Mta {
    root: Root,
    child: Child,
    /// Where it listens.
    pub(crate) address: SocketAddr,
}

impl Mta {
    /// The whole mails in a mailbox, a Maildir.
    pub(crate) fn mails(&self, mailbox: &str) -> Vec<String> {
        let folder = self.root.path("var/mail").join(mailbox).join("new");
        texts(&folder)
    }

    /// Its log so far.
    pub(crate) fn log(&self) -> String {
        texts(&self.root.path(LOGS)).concat()
    }

    fn wait_until_it_listens(&mut self) {
        let end = Instant::now() + WAIT_MAX;
        while TcpStream::connect_timeout(&self.address, Duration::from_secs(1)).is_err() {
            let ended = self.child.try_wait().unwrap();
            assert!(ended.is_none(), "it ended: {ended:?}\n{}", self.log());
            assert!(Instant::now() < end, "it does not listen:\n{}", self.log());
            thread::sleep(LOOK_INTERVAL);
        }
    }

    /// Sends a signal to it and to the deliveries that it began.
    fn signal(&self, name: &str) {
        let sent = Command::new("kill")
            .arg(format!("-{name}"))
            .arg("--")
            .arg(format!("-{}", self.child.id()))
            .status();
        if !sent.is_ok_and(|sent| sent.success()) {
            eprintln!("a mail server did not get {name}");
        }
    }
}

impl Drop for Mta {
    fn drop(&mut self) {
        self.signal("TERM");
        let end = Instant::now() + END_MAX;
        while Instant::now() < end {
            if !matches!(self.child.try_wait(), Ok(None)) {
                return;
            }
            thread::sleep(LOOK_INTERVAL);
        }
        self.signal("KILL");
        let _ = self.child.wait();
    }
}

/// What is in the files of a folder, by their names.
fn texts(folder: &Path) -> Vec<String> {
    let Ok(entries) = fs::read_dir(folder) else {
        return Vec::new();
    };
    let mut paths: Vec<PathBuf> = entries.map(|entry| entry.unwrap().path()).collect();
    paths.sort();
    let text = |path: PathBuf| String::from_utf8_lossy(&fs::read(path).unwrap()).into_owned();
    paths.into_iter().map(text).collect()
}
