//! baresip as a person's telephone: answers, listens (recording what it hears), presses a key.
//! Needs the package `baresip-core`.
#![allow(dead_code)]

use std::fs;
use std::io::{ErrorKind, Read, Write};
use std::net::{Ipv4Addr, SocketAddr, TcpListener, TcpStream};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use super::sipp::{free_port, wait_until_taken};
use super::skip::skip;

/// Where Debian keeps its modules.
const MODULES: &str = "/usr/lib/baresip/modules";
/// Longest wait for something to happen.
const WAIT_MAX: Duration = Duration::from_secs(30);
/// Most of its reports that are kept.
const REPORTS_BYTES_MAX: usize = 1 << 20;

/// A running telephone; killed when dropped.
pub(crate) struct Baresip {
    child: Child,
    folder: tempfile::TempDir,
    control: TcpStream,
    reports: String,
    /// Where it listens.
    pub(crate) address: SocketAddr,
}

impl Baresip {
    /// Starts a telephone with this number that answers by itself, or says loudly why not and
    /// gives `None`.
    pub(crate) fn start(number: &str) -> Option<Baresip> {
        let folder = tempfile::tempdir().unwrap();
        let address = SocketAddr::from((Ipv4Addr::LOCALHOST, free_port()));
        let control = free_tcp_address();
        lay_out(folder.path(), number, address, control);
        let started = Command::new("baresip")
            .arg("-f")
            .arg(folder.path())
            .stdin(Stdio::null())
            .stdout(fs::File::create(folder.path().join("log")).unwrap())
            .stderr(Stdio::null())
            .spawn();
        let child = match started {
            Ok(child) => child,
            Err(error) if error.kind() == ErrorKind::NotFound => {
                skip("no baresip here (Debian package baresip-core)");
                return None;
            }
            Err(error) => panic!("baresip does not start: {error}"),
        };
        wait_until_taken(address);
        Some(Baresip {
            child,
            control: connect(control),
            folder,
            reports: String::new(),
            address,
        })
    }

    /// Waits until it reports `event`, such as `CALL_ESTABLISHED`.
    pub(crate) fn wait_for(&mut self, event: &str) {
        let end = Instant::now() + WAIT_MAX;
        let mut bytes = [0; 4_096];
        while !self.reports.contains(event) {
            assert!(
                Instant::now() < end,
                "no {event}: {}\n{}",
                self.reports,
                self.log()
            );
            assert!(self.reports.len() < REPORTS_BYTES_MAX, "too many reports");
            match self.control.read(&mut bytes) {
                Ok(0) => panic!("baresip has gone away\n{}", self.log()),
                Ok(length) => {
                    let text = String::from_utf8_lossy(&bytes[..length]);
                    self.reports.push_str(&text);
                }
                Err(error) if error.kind() == ErrorKind::WouldBlock => {}
                Err(error) => panic!("{error}"),
            }
        }
    }

    /// Presses a key.
    pub(crate) fn press(&mut self, key: char) {
        let command = format!(r#"{{"command":"sndcode","params":"{key}"}}"#);
        write!(self.control, "{}:{command},", command.len()).unwrap();
    }

    /// What it has heard, as a WAV file; whole once it has gone. The folder goes when the caller
    /// drops it.
    pub(crate) fn recording(self) -> (PathBuf, tempfile::TempDir) {
        let mut telephone = self;
        telephone.quit();
        let elsewhere = tempfile::tempdir().unwrap();
        let folder = std::mem::replace(&mut telephone.folder, elsewhere);
        let files = fs::read_dir(folder.path()).unwrap();
        let heard = files
            .map(|file| file.unwrap().path())
            .find(|path| path.to_string_lossy().ends_with("dec.wav"));
        (heard.expect("baresip recorded nothing"), folder)
    }

    fn quit(&mut self) {
        let command = r#"{"command":"quit"}"#;
        let _ = write!(self.control, "{}:{command},", command.len());
        let end = Instant::now() + Duration::from_secs(5);
        while Instant::now() < end && self.child.try_wait().is_ok_and(|ended| ended.is_none()) {
            std::thread::sleep(Duration::from_millis(20));
        }
    }

    fn log(&self) -> String {
        fs::read_to_string(self.folder.path().join("log")).unwrap_or_default()
    }
}

impl Drop for Baresip {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

fn lay_out(folder: &Path, number: &str, address: SocketAddr, control: SocketAddr) {
    let place = folder.display();
    let config = format!(
        "sip_listen {address}\naudio_player aubridge,ear\naudio_source aufile,{place}/silence.wav\n\
         audio_alert aubridge,bell\nmodule_path {MODULES}\nmodule g711.so\nmodule aufile.so\n\
         module aubridge.so\nmodule sndfile.so\nsnd_path {place}\nmodule_app account.so\n\
         module_app menu.so\nmodule ctrl_tcp.so\nctrl_tcp_listen {control}\n\
         net_interface 127.0.0.1\nrtp_ports 20000-29999\n"
    );
    fs::write(folder.join("config"), config).unwrap();
    let account = format!("<sip:{number}@{address}>;regint=0;answermode=auto\n");
    fs::write(folder.join("accounts"), account).unwrap();
    fs::write(folder.join("contacts"), "").unwrap();
    let spec = hound::WavSpec {
        channels: 1,
        sample_rate: 8_000,
        bits_per_sample: 16,
        sample_format: hound::SampleFormat::Int,
    };
    let mut silence = hound::WavWriter::create(folder.join("silence.wav"), spec).unwrap();
    for _ in 0..8_000 * 60 {
        silence.write_sample(0i16).unwrap();
    }
    silence.finalize().unwrap();
}

fn free_tcp_address() -> SocketAddr {
    let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).unwrap();
    listener.local_addr().unwrap()
}

fn connect(control: SocketAddr) -> TcpStream {
    let end = Instant::now() + WAIT_MAX;
    loop {
        match TcpStream::connect(control) {
            Ok(stream) => {
                let wait = Some(Duration::from_millis(100));
                stream.set_read_timeout(wait).unwrap();
                return stream;
            }
            Err(error) => assert!(Instant::now() < end, "no control connection: {error}"),
        }
        std::thread::sleep(Duration::from_millis(20));
    }
}
