//! The daemon as a process of its own.

use std::fs::File;
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::sync::Mutex;
use std::time::{Duration, Instant};

use argon2::password_hash::{PasswordHasher, SaltString};
use argon2::{Algorithm, Argon2, Params, Version};

use crate::message::DOMAIN;

/// Longest wait for the daemon to take connections, and to end when asked.
const PATIENCE: Duration = Duration::from_secs(30);

pub(crate) const USER: &str = "load";
pub(crate) const PASSWORD: &str = "a password for this test";

/// Where the daemon keeps its things.
pub(crate) struct Daemon {
    folder: PathBuf,
    submissions: SocketAddr,
}

/// The daemon running. Killed when the test fails before it was.
pub(crate) struct Running {
    child: Mutex<Child>,
    log: PathBuf,
}

impl Daemon {
    pub(crate) fn prepare(folder: &Path, relay_port: u16) -> Self {
        let [submissions, console] = free_ports();
        let config = config(folder, submissions, console, relay_port);
        std::fs::write(folder.join("tocsin.toml"), config).unwrap();
        Self {
            folder: folder.to_owned(),
            submissions,
        }
    }

    pub(crate) fn state(&self) -> PathBuf {
        self.folder.join("state")
    }

    /// Where TLS begins with the first byte.
    pub(crate) const fn submissions(&self) -> SocketAddr {
        self.submissions
    }

    pub(crate) fn start(&self) -> Running {
        let log = self.folder.join("daemon.log");
        let child = Command::new(env!("CARGO_BIN_EXE_tocsin"))
            .arg("serve")
            .arg("--config")
            .arg(self.folder.join("tocsin.toml"))
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .stderr(File::create(&log).unwrap())
            .spawn()
            .unwrap();
        Running {
            child: Mutex::new(child),
            log,
        }
    }

    pub(crate) fn wait_until_ready(&self, running: &Running) {
        let begun = Instant::now();
        while TcpStream::connect(self.submissions).is_err() {
            running.must_run();
            assert!(begun.elapsed() < PATIENCE, "not ready:\n{}", running.log());
            std::thread::sleep(Duration::from_millis(5));
        }
    }
}

impl Running {
    /// SIGKILL.
    pub(crate) fn kill(self) {
        self.must_run();
        let mut child = self.child.lock().unwrap();
        child.kill().unwrap();
        child.wait().unwrap();
    }

    /// SIGTERM; it must end by itself, in order.
    pub(crate) fn stop(self) {
        let mut child = self.child.lock().unwrap();
        let pid = child.id().to_string();
        let asked = Command::new("kill").args(["-TERM", &pid]).status();
        assert!(asked.unwrap().success());
        let begun = Instant::now();
        loop {
            if let Some(status) = child.try_wait().unwrap() {
                assert!(status.success(), "{status}:\n{}", self.log());
                return;
            }
            assert!(begun.elapsed() < PATIENCE, "does not end:\n{}", self.log());
            std::thread::sleep(Duration::from_millis(20));
        }
    }

    fn must_run(&self) {
        if let Some(status) = self.child.lock().unwrap().try_wait().unwrap() {
            panic!("ended by itself with {status}:\n{}", self.log());
        }
    }

    /// The end of what it said.
    fn log(&self) -> String {
        let text = std::fs::read_to_string(&self.log).unwrap_or_default();
        let lines: Vec<&str> = text.lines().collect();
        lines[lines.len().saturating_sub(40)..].join("\n")
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        if let Ok(child) = self.child.get_mut() {
            let _ = child.kill();
            let _ = child.wait();
        }
    }
}

/// Ports that are free now. They are kept over all starts, so they cannot be 0.
fn free_ports() -> [SocketAddr; 2] {
    let listeners = [(); 2].map(|()| TcpListener::bind("127.0.0.1:0").unwrap());
    listeners.map(|listener| listener.local_addr().unwrap())
}

fn config(folder: &Path, submissions: SocketAddr, console: SocketAddr, relay_port: u16) -> String {
    let state = folder.join("state");
    let state = state.display();
    let hash = password_hash();
    format!(
        r#"
[server]
name = "mail.{DOMAIN}"
domain = "{DOMAIN}"
state = "{state}"
drain_timeout = "5s"

[listen.submission]
addresses = []

[listen.submissions]
addresses = ["{submissions}"]

[listen.mx]
addresses = []

[listen.console]
addresses = ["{console}"]

[[submission.account]]
name = "{USER}"
password_hash = "{hash}"

[email]
concurrency_per_host = 16

[email.relay]
host = "127.0.0.1"
port = {relay_port}
tls = "none"

[email.retry]
delays = ["1s"]

[voice]
bind = "127.0.0.1:0"

[log]
level = "info"
"#
    )
}

/// Cheap: what is tested is not the login.
fn password_hash() -> String {
    let salt = SaltString::encode_b64(b"salt of the test").unwrap();
    let params = Params::new(Params::MIN_M_COST, 1, 1, None).unwrap();
    Argon2::new(Algorithm::Argon2id, Version::V0x13, params)
        .hash_password(PASSWORD.as_bytes(), &salt)
        .unwrap()
        .to_string()
}
