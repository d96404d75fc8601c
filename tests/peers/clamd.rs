//! A real clamd looks through our mail before it goes, and through files that come in.

use std::{
    path::Path,
    process::Stdio,
    sync::{Arc, mpsc::RecvTimeoutError},
    time::Duration,
};

use base64::Engine;
use tokio::process::{Child, Command};
use tokio::task::JoinHandle;
use tokio::time::{Instant, sleep};
use tokio_util::sync::CancellationToken;

use crate::{
    mail_out::{channel_to, listen, request, send_request},
    skip::skip,
};
use tocsin::{
    channel::{AttachedFile, AttemptOutcome, AttemptRequest, Channel},
    clock::{Randomness, SystemClock},
    daemon::arrival_scanner,
    domain::{
        Fault, Lane, Reason, ReturnPaths, ScanFound, ThreadState, suspension::SuspensionPolicy,
    },
    inbound::Inbound,
    net::clamd::{Clamd, ClamdAddress},
    store::{Repo, Store, ThreadList},
    tracker::{PromptSettings, Tracker, TrackerSettings},
};

/// Longest wait for clamd to begin, or to be missed.
const CHANGE_TIMEOUT: Duration = Duration::from_secs(60);
/// How long nothing must come.
const NOTHING_FOR: Duration = Duration::from_millis(500);

/// The file by which scanners are tried, in two pieces so that none finds it here.
fn eicar() -> String {
    let begin = r"X5O!P%@AP[4\PZX54(P^)7CC)7}$EICAR";
    format!("{begin}-STANDARD-ANTIVIRUS-TEST-FILE!$H+H*")
}

/// With a database of one signature: the real ones come from the network.
fn start(folder: &Path) -> Option<(Child, ClamdAddress)> {
    let program = Path::new("/usr/sbin/clamd");
    if !program.exists() {
        return None;
    }
    let database = folder.join("database");
    std::fs::create_dir_all(&database).unwrap();
    let hex: String = eicar().bytes().map(|byte| format!("{byte:02x}")).collect();
    std::fs::write(database.join("test.ndb"), format!("Eicar-Test:0:*:{hex}\n")).unwrap();
    let socket = folder.join("clamd.ctl");
    let config = folder.join("clamd.conf");
    let text = format!(
        "Foreground yes\nLocalSocket {}\nDatabaseDirectory {}\nStreamMaxLength 1M\nMaxFileSize 500K\nAlertExceedsMax yes\nTemporaryDirectory {}\nOfficialDatabaseOnly no\n",
        socket.display(),
        database.display(),
        folder.display()
    );
    std::fs::write(&config, text).unwrap();
    let child = Command::new(program)
        .arg("--config-file")
        .arg(&config)
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .kill_on_drop(true)
        .spawn()
        .unwrap();
    Some((child, ClamdAddress::Unix(socket)))
}

/// Looks after a scanner until it is ended.
struct Watch {
    stop: CancellationToken,
    watching: JoinHandle<()>,
}

impl Watch {
    async fn end(self) {
        self.stop.cancel();
        self.watching.await.unwrap();
    }
}

/// The scanner at this address, looked after.
fn watched(address: ClamdAddress) -> (Arc<Clamd>, Watch) {
    let scanner = Clamd::new(address, Duration::from_secs(30), SystemClock::shared());
    let stop = CancellationToken::new();
    let watching = tokio::spawn(Arc::clone(&scanner).watch(stop.clone()));
    (scanner, Watch { stop, watching })
}

fn with_file(bytes: Vec<u8>) -> AttemptRequest {
    let file = AttachedFile {
        name: "plan.bin".into(),
        media_type: "application/octet-stream".into(),
        bytes: bytes.into(),
    };
    AttemptRequest {
        files: vec![file].into(),
        ..request("ann@town.example", 1)
    }
}

fn submitted_with_virus() -> AttemptRequest {
    let coded = base64::engine::general_purpose::STANDARD.encode(eicar());
    let raw = format!(
        "From: a@gw.example\r\nMIME-Version: 1.0\r\nContent-Type: multipart/mixed; boundary=b\r\n\r\n--b\r\nContent-Type: text/plain\r\n\r\nSee the file.\r\n--b\r\nContent-Type: application/octet-stream; name=x.com\r\nContent-Transfer-Encoding: base64\r\nContent-Disposition: attachment; filename=x.com\r\n\r\n{coded}\r\n--b--\r\n"
    );
    AttemptRequest {
        submitted: Some(raw.into_bytes().into()),
        ..request("ann@town.example", 2)
    }
}

/// A reply that brings this file.
fn reply(file: &[u8]) -> String {
    let coded = base64::engine::general_purpose::STANDARD.encode(file);
    let coded: Vec<String> = coded
        .as_bytes()
        .chunks(76)
        .map(|line| String::from_utf8_lossy(line).into_owned())
        .collect();
    let coded = coded.join("\r\n");
    format!(
        "From: zoe@far.example\r\nSubject: Here it is\r\nMIME-Version: 1.0\r\nContent-Type: multipart/mixed; boundary=b\r\n\r\n--b\r\nContent-Type: text/plain\r\n\r\nSee the file.\r\n--b\r\nContent-Type: application/octet-stream\r\nContent-Transfer-Encoding: base64\r\nContent-Disposition: attachment; filename=x.bin\r\n\r\n{coded}\r\n--b--\r\n"
    )
}

/// What takes mail in, over nothing, with this scanner.
fn inbound(clamd: &Arc<Clamd>) -> (Repo, Inbound) {
    let repo = Repo::new(Store::memory());
    let (clock, random) = (SystemClock::shared(), Randomness::seeded(5));
    let settings = TrackerSettings {
        categories: Vec::new(),
        suspension: SuspensionPolicy::default(),
        prompts: PromptSettings::default(),
    };
    let tracker = Tracker::new(repo.clone(), clock.clone(), random.clone(), settings);
    let paths = ReturnPaths::new("bounces.gw.example", &[9; 32]);
    let inbound = Inbound::new(repo.clone(), tracker, clock, random, paths);
    (repo, inbound.with_scanner(arrival_scanner(clamd)))
}

/// What is found in the file of a reply while it is taken in.
async fn found_in(clamd: &Arc<Clamd>, file: &[u8]) -> Option<ScanFound> {
    let (repo, inbound) = inbound(clamd);
    let to = ["replies@gw.example".to_owned()];
    let mail = reply(file).into_bytes().into();
    inbound
        .keep_mail("zoe@far.example", &to, mail)
        .await
        .unwrap();
    let now = SystemClock::shared().wall();
    let lease = Duration::from_secs(60);
    let due = repo.store().claim_due(Lane::Inbound as u8, now, lease, 1);
    for claim in due.unwrap() {
        inbound.read_mail(&claim.id).await.unwrap();
    }
    let open = ThreadList::In(ThreadState::Open);
    let thread = repo.threads(open, None, 1).unwrap().rows.remove(0).value;
    let message = repo.messages(thread.id, None, 1).unwrap().rows.remove(0);
    assert_eq!(message.files.len(), 1);
    message.files[0].scan.clone().map(|scan| scan.found)
}

#[tokio::test(flavor = "multi_thread")]
async fn files_of_replies_are_looked_through_while_they_come_in() {
    let folder = tempfile::tempdir().unwrap();
    let Some((mut clamd, address)) = start(folder.path()) else {
        skip("clamav-daemon");
        return;
    };
    let (scanner, watch) = watched(address);
    until("clamd does not begin", || scanner.is_up()).await;
    let clean = found_in(&scanner, &[7; 10_000]).await;
    assert_eq!(clean, Some(ScanFound::Nothing));
    let infected = found_in(&scanner, eicar().as_bytes()).await;
    let Some(ScanFound::Virus(name)) = infected else {
        unreachable!("{infected:?}")
    };
    assert!(name.contains("Eicar-Test"), "{name}");
    let large = found_in(&scanner, &[7; 700_000]).await;
    assert_eq!(large, Some(ScanFound::TooLarge));
    clamd.kill().await.unwrap();
    let began = Instant::now();
    let unknown = found_in(&scanner, &[8; 100]).await;
    assert_eq!(unknown, None);
    assert!(
        began.elapsed() < Duration::from_secs(15),
        "it holds up nobody"
    );
    watch.end().await;
}

async fn until(what: &str, holds: impl Fn() -> bool) {
    let began = Instant::now();
    while !holds() {
        assert!(began.elapsed() < CHANGE_TIMEOUT, "{what}");
        sleep(Duration::from_millis(50)).await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn what_has_a_virus_is_rejected_and_nothing_goes_unscanned() {
    let folder = tempfile::tempdir().unwrap();
    let Some((mut clamd, address)) = start(folder.path()) else {
        skip("clamav-daemon");
        return;
    };
    let (scanner, watch) = watched(address);
    let (port, mails) = listen();
    let channel = channel_to(port, |parts| parts.scanner = Some(Arc::clone(&scanner)));
    assert!(!channel.is_ready(), "nothing is known of the scanner yet");
    until("clamd does not begin", || channel.is_ready()).await;

    let clean = send_request(&channel, with_file(vec![7; 10_000])).await;
    assert!(
        matches!(clean, AttemptOutcome::Delivered { .. }),
        "{clean:?}"
    );
    let mails = tokio::task::spawn_blocking(move || {
        mails.recv_timeout(CHANGE_TIMEOUT).unwrap();
        mails
    });
    let mails = mails.await.unwrap();

    for infected in [with_file(eicar().into_bytes()), submitted_with_virus()] {
        let outcome = send_request(&channel, infected).await;
        let AttemptOutcome::Rejected {
            verdict,
            by_peer: false,
        } = outcome
        else {
            unreachable!("{outcome:?}")
        };
        assert_eq!(
            (verdict.reason, verdict.fault),
            (Reason::Virus, Fault::Network)
        );
        assert!(verdict.diagnostic.as_str().contains("Eicar-Test"));
    }
    // More than StreamMaxLength, and more than MaxFileSize: neither is looked through.
    for (size, why) in [
        (3 * 1024 * 1024, "size limit exceeded"),
        (700_000, "Limits.Exceeded"),
    ] {
        let large = send_request(&channel, with_file(vec![7; size])).await;
        let AttemptOutcome::Rejected {
            verdict,
            by_peer: false,
        } = large
        else {
            unreachable!("{large:?}")
        };
        let said = verdict.diagnostic.as_str().to_owned();
        assert!(said.contains(&format!("{size} bytes")), "{said}");
        assert!(said.contains(why), "{said}");
        assert!(channel.is_ready(), "it answers others");
    }
    clamd.kill().await.unwrap();
    let unscanned = send_request(&channel, with_file(vec![8; 100])).await;
    assert!(
        matches!(unscanned, AttemptOutcome::Deferred { .. }),
        "{unscanned:?}"
    );
    assert!(!channel.is_ready());
    let nothing = tokio::task::spawn_blocking(move || mails.recv_timeout(NOTHING_FOR).err());
    assert_eq!(nothing.await.unwrap(), Some(RecvTimeoutError::Timeout));
    watch.end().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn mail_under_way_waits_for_a_scanner_that_starts_anew() {
    let folder = tempfile::tempdir().unwrap();
    let Some((mut clamd, address)) = start(folder.path()) else {
        skip("clamav-daemon");
        return;
    };
    let (scanner, watch) = watched(address);
    let (port, _mails) = listen();
    let channel = channel_to(port, |parts| parts.scanner = Some(Arc::clone(&scanner)));
    until("clamd does not begin", || channel.is_ready()).await;
    clamd.kill().await.unwrap();
    let sending =
        tokio::spawn(async move { send_request(&channel, with_file(vec![9; 100])).await });
    until("it is not missed", || scanner.trouble().is_some()).await;
    let _clamd = start(folder.path()).unwrap();
    let outcome = sending.await.unwrap();
    let is_delivered = matches!(outcome, AttemptOutcome::Delivered { .. });
    assert!(is_delivered, "{outcome:?}");
    watch.end().await;
}
