//! The program itself as a process of its own: started, watched by what it says, signalled by
//! its number, ended in order.

use std::fs::File;
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Output, Stdio};
use std::time::{Duration, Instant};

/// The program under test.
const PROGRAM: &str = env!("CARGO_BIN_EXE_tocsin");
/// Longest wait for anything that it should do.
const WAIT_MAX: Duration = Duration::from_secs(90);
/// Time between two looks.
const LOOK_INTERVAL: Duration = Duration::from_millis(50);

/// The running program; killed when dropped before it was stopped.
pub(crate) struct Process {
    child: Child,
    log: PathBuf,
}

impl Process {
    /// Starts the gateway with `folder/tocsin.toml` and waits until it listens at `door`.
    pub(crate) fn serve(folder: &Path, door: SocketAddr) -> Process {
        let log = folder.join("log");
        let child = Command::new(PROGRAM)
            .arg("serve")
            .arg("--config")
            .arg(folder.join("tocsin.toml"))
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .stderr(File::create(&log).unwrap())
            .spawn()
            .unwrap();
        let mut process = Process { child, log };
        process.wait_until("it listens", |_| {
            TcpStream::connect_timeout(&door, Duration::from_secs(1)).is_ok()
        });
        process
    }

    /// The memory that it holds, in bytes (`VmRSS`, proc(5)).
    pub(crate) fn memory_bytes(&self) -> u64 {
        let status = std::fs::read_to_string(format!("/proc/{}/status", self.child.id())).unwrap();
        let line = status.lines().find(|line| line.starts_with("VmRSS:"));
        let kib = line
            .and_then(|line| line.split_whitespace().nth(1))
            .unwrap();
        kib.parse::<u64>().unwrap() * 1024
    }

    /// What it has logged so far.
    pub(crate) fn log(&self) -> String {
        std::fs::read_to_string(&self.log).unwrap()
    }

    /// Waits until its log has `words` in at least `count` lines.
    #[track_caller]
    pub(crate) fn wait_for_log(&mut self, words: &str, count: usize) {
        self.wait_until(words, |process| {
            let log = process.log();
            log.lines().filter(|line| line.contains(words)).count() >= count
        });
    }

    /// Waits until it is so; it must run meanwhile.
    #[track_caller]
    pub(crate) fn wait_until(&mut self, what: &str, is_so: impl Fn(&Process) -> bool) {
        let end = Instant::now() + WAIT_MAX;
        while !is_so(self) {
            let ended = self.child.try_wait().unwrap();
            assert!(ended.is_none(), "it ended: {ended:?}\n{}", self.log());
            assert!(
                Instant::now() < end,
                "waited too long until {what}:\n{}",
                self.log()
            );
            std::thread::sleep(LOOK_INTERVAL);
        }
    }

    /// Sends it a signal, such as `HUP`.
    pub(crate) fn signal(&self, name: &str) {
        let id = self.child.id().to_string();
        let sent = Command::new("kill")
            .args([&format!("-{name}"), &id])
            .status();
        assert!(sent.unwrap().success());
    }

    /// Waits until it has ended by itself; it must be content. Returns all that it has logged.
    #[track_caller]
    pub(crate) fn ended(mut self) -> String {
        let end = Instant::now() + WAIT_MAX;
        let status = loop {
            if let Some(status) = self.child.try_wait().unwrap() {
                break status;
            }
            assert!(Instant::now() < end, "it does not end:\n{}", self.log());
            std::thread::sleep(LOOK_INTERVAL);
        };
        assert!(status.success(), "{status}:\n{}", self.log());
        self.log()
    }

    /// SIGTERM, and then [`Process::ended`].
    #[track_caller]
    pub(crate) fn stop(self) -> String {
        self.signal("TERM");
        self.ended()
    }
}

impl Drop for Process {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// Runs the program to its end with `input` on standard input.
pub(crate) fn run(arguments: &[&str], input: &str) -> Output {
    use std::io::Write;
    let mut child = Command::new(PROGRAM)
        .args(arguments)
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    let mut stdin = child.stdin.take().unwrap();
    // One that does not read its input has closed it.
    let _ = stdin.write_all(input.as_bytes());
    drop(stdin);
    child.wait_with_output().unwrap()
}

/// The settings of a gateway that listens at these places for submission, mail and the console, and
/// knows one application. Others may follow.
pub(crate) fn settings(
    state_in: &Path,
    own: [SocketAddr; 3],
    (account, password): (&str, &str),
) -> String {
    let [submission, mx, console] = own;
    let hash = run(&["user", "hash-password"], password);
    assert!(hash.status.success(), "{hash:?}");
    format!(
        r#"
[server]
name = "mail.gw.example"
domain = "gw.example"
bounce_domain = "bounces.gw.example"
state = "{place}/state"
inline_secrets = true
drain_timeout = "10s"
[listen.submission]
addresses = ["{submission}"]
[listen.submissions]
addresses = []
[listen.mx]
addresses = ["{mx}"]
[listen.console]
addresses = ["{console}"]
[[submission.account]]
name = "{account}"
password_hash = "{hash}"
"#,
        place = state_in.display(),
        hash = String::from_utf8(hash.stdout).unwrap().trim(),
    )
}

/// Free addresses of the loopback, all different.
pub(crate) fn free_addresses<const N: usize>() -> [SocketAddr; N] {
    let listeners = [(); N].map(|()| TcpListener::bind("127.0.0.1:0").unwrap());
    listeners.map(|listener| listener.local_addr().unwrap())
}
