//! DANE with peers that are not ours: Knot DNS signs and serves the zones, Postfix shows the
//! certificate, openssl says what its key is.

use std::{
    fs::{self, File},
    io::Write,
    net::{SocketAddr, UdpSocket},
    path::Path,
    process::{Child, Command, Stdio},
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
    thread,
    time::{Duration, Instant},
};

use data_encoding::HEXLOWER;
use ring::digest::{SHA256, digest};
use tocsin::{
    channel::AttemptOutcome,
    config::{Config, Surroundings},
    domain::{EnhancedStatus, Reason},
    net::dns::{SystemDns, Validation},
    observe::Metrics,
};

use crate::{
    mail_out::{channel_to, send},
    postfix::{Postfix, Settings},
    process::free_addresses,
    skip::skip,
};

const KNOTD: &str = "/usr/sbin/knotd";
const KEYMGR: &str = "/usr/sbin/keymgr";
/// Longest wait for the name server to begin.
const WAIT_MAX: Duration = Duration::from_secs(30);

/// What is signed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Signed {
    /// The root and the town, and the root says so.
    Both,
    /// The root, which says that the town is not.
    Root,
    /// The root, which says that the town is, too.
    Broken,
    /// Nothing: as if somebody left all signatures out.
    Nothing,
}

/// A name server of the root and of `town.example`; stopped when dropped.
struct Knot {
    child: Child,
    _folder: tempfile::TempDir,
    address: SocketAddr,
    /// The root's key.
    trust_anchor: String,
}

impl Knot {
    /// The zone of the town has these records besides.
    fn start(signed: Signed, records: &str) -> Knot {
        let folder = tempfile::Builder::new()
            .prefix("peer-knot-")
            .tempdir()
            .unwrap();
        let place = folder.path();
        let [address] = free_addresses();
        fs::create_dir(place.join("keys")).unwrap();
        fs::write(place.join("knot.conf"), config(place, address, signed)).unwrap();
        let anchor = key_of(place, ".", "dnskey").replacen("DNSKEY", "IN DNSKEY", 1);
        let says_so = matches!(signed, Signed::Both | Signed::Broken);
        let keys = key_of(place, "town.example.", "ds");
        let sha256 = |line: &&str| says_so && line.contains(" 13 2 ");
        let delegation: Vec<&str> = keys.lines().filter(sha256).collect();
        let apex = "@ 300 IN SOA ns.example. host.example. 1 3600 600 86400 60\n\
                    @ 300 IN NS ns.example.\n";
        let root = format!(
            "{apex}ns.example. 300 IN A 127.0.0.1\ntown.example. 300 IN NS ns.example.\n{}\n",
            delegation.concat()
        );
        fs::write(place.join("root.zone"), root).unwrap();
        let town = format!("{apex}mx 300 IN A 127.0.0.1\n{records}");
        fs::write(place.join("town.zone"), town).unwrap();
        let log = place.join("log");
        let child = Command::new(KNOTD)
            .arg("-c")
            .arg(place.join("knot.conf"))
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .stderr(File::create(&log).unwrap())
            .spawn()
            .unwrap();
        let mut knot = Knot {
            child,
            _folder: folder,
            address,
            trust_anchor: anchor,
        };
        knot.wait(&log);
        knot
    }

    fn wait(&mut self, log: &Path) {
        let end = Instant::now() + WAIT_MAX;
        loop {
            let said = fs::read_to_string(log).unwrap();
            if said.contains("server started") {
                assert!(!said.contains("error:"), "{said}");
                return;
            }
            let ended = self.child.try_wait().unwrap();
            let is_late = Instant::now() > end;
            assert!(ended.is_none() && !is_late, "knotd does not begin:\n{said}");
            thread::sleep(Duration::from_millis(20));
        }
    }
}

/// Stands before a name server and has no answer to one kind of question.
struct Deaf {
    address: SocketAddr,
    is_over: Arc<AtomicBool>,
}

/// RFC 1035 section 3.2.2.
const NS: u16 = 2;
const MX: u16 = 15;
/// RFC 1035 section 4.1.1.
const NOERROR: u8 = 0;
const SERVFAIL: u8 = 2;

impl Deaf {
    fn before(knot: &Knot, kind: u16, code: u8) -> Deaf {
        let socket = UdpSocket::bind("127.0.0.1:0").unwrap();
        socket
            .set_read_timeout(Some(Duration::from_millis(100)))
            .unwrap();
        let address = socket.local_addr().unwrap();
        let is_over = Arc::new(AtomicBool::new(false));
        let (behind, ended) = (knot.address, Arc::clone(&is_over));
        thread::spawn(move || {
            let mut bytes = [0; 65_535];
            while !ended.load(Ordering::Relaxed) {
                let Ok((length, asker)) = socket.recv_from(&mut bytes) else {
                    continue;
                };
                let question = &mut bytes[..length];
                let answer = if kind_asked(question) == Some(kind) {
                    question[2] |= 0x80;
                    question[3] = (question[3] & 0xF0) | code;
                    question.to_vec()
                } else {
                    passed_on(question, behind)
                };
                socket.send_to(&answer, asker).unwrap();
            }
        });
        Deaf { address, is_over }
    }
}

impl Drop for Deaf {
    fn drop(&mut self) {
        self.is_over.store(true, Ordering::Relaxed);
    }
}

/// The QTYPE behind the name, the root's own apart.
fn kind_asked(question: &[u8]) -> Option<u16> {
    let name = question.get(12..)?;
    let mut at = 0;
    while name[at] != 0 {
        at += usize::from(name[at]) + 1;
    }
    (at > 0).then(|| u16::from_be_bytes([name[at + 1], name[at + 2]]))
}

fn passed_on(question: &[u8], to: SocketAddr) -> Vec<u8> {
    let socket = UdpSocket::bind("127.0.0.1:0").unwrap();
    socket.set_read_timeout(Some(WAIT_MAX)).unwrap();
    socket.send_to(question, to).unwrap();
    let mut answer = vec![0; 65_535];
    let length = socket.recv(&mut answer).unwrap();
    answer.truncate(length);
    answer
}

impl Drop for Knot {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

fn config(place: &Path, address: SocketAddr, signed: Signed) -> String {
    let on = |is_on: bool| if is_on { "on" } else { "off" };
    format!(
        r#"server:
    rundir: "{place}"
    listen: "{ip}@{port}"
log:
  - target: "stderr"
    any: "info"
database:
    storage: "{place}/keys"
policy:
  - id: "one-key"
    algorithm: "ecdsap256sha256"
    single-type-signing: "on"
template:
  - id: "default"
    storage: "{place}"
    zonefile-sync: "-1"
    zonefile-load: "whole"
    journal-content: "none"
    dnssec-policy: "one-key"
zone:
  - domain: "."
    file: "root.zone"
    dnssec-signing: "{root}"
  - domain: "town.example."
    file: "town.zone"
    dnssec-signing: "{town}"
"#,
        place = place.display(),
        ip = address.ip(),
        port = address.port(),
        root = on(signed != Signed::Nothing),
        town = on(signed == Signed::Both),
    )
}

/// Makes the key of a zone and gives it as a record.
fn key_of(place: &Path, zone: &str, kind: &str) -> String {
    let ask = |arguments: &[&str]| {
        let mut keymgr = Command::new(KEYMGR);
        keymgr.arg("-c").arg(place.join("knot.conf")).arg(zone);
        let said = keymgr.args(arguments).output().unwrap();
        // It is content, too, when it could do nothing.
        assert!(
            said.stderr.is_empty() && !said.stdout.is_empty(),
            "{said:?}"
        );
        String::from_utf8(said.stdout).unwrap()
    };
    ask(&["generate", "ksk=yes", "zsk=yes"]);
    ask(&[kind])
}

/// The SHA-256 of the certificate's key, as a TLSA record has it; `None` without openssl.
fn key_digest(certificate: &Path) -> Option<String> {
    let pem = Command::new("openssl")
        .args(["x509", "-noout", "-pubkey", "-in"])
        .arg(certificate)
        .output()
        .ok()?;
    let mut openssl = Command::new("openssl")
        .args(["pkey", "-pubin", "-outform", "DER"])
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .spawn()
        .ok()?;
    let mut input = openssl.stdin.take().unwrap();
    input.write_all(&pem.stdout).unwrap();
    drop(input);
    let key = openssl.wait_with_output().unwrap();
    assert!(key.status.success() && !key.stdout.is_empty());
    Some(HEXLOWER.encode(digest(&SHA256, &key.stdout).as_ref()))
}

/// What became of a mail, and what was counted.
async fn sent(
    postfix: &Postfix,
    (server, trust_anchor): (SocketAddr, &str),
    validation: Validation,
    number: u8,
) -> (AttemptOutcome, String) {
    let text = format!(
        "[server]\nname = \"gw.example\"\n[email]\nhelo = \"gw.example\"\ndane = \"auto\"\nport = {}\n",
        postfix.address.port()
    );
    let config = Config::parse(&text, &Surroundings::default()).unwrap();
    let dns = SystemDns::validating_at(server, validation, trust_anchor).unwrap();
    let metrics = Metrics::new(0);
    let channel = channel_to(postfix.address, |parts| {
        parts.config = config.email;
        parts.dns = Arc::new(dns);
        parts.metrics = Arc::clone(&metrics);
    });
    let outcome = send(&channel, "ann@town.example", number).await;
    let counted = metrics.render();
    let lines = counted
        .lines()
        .filter(|line| line.starts_with("tocsin_email_tls_sessions_total{"));
    (outcome, lines.collect::<Vec<_>>().join("\n"))
}

#[tokio::test(flavor = "multi_thread")]
async fn a_signed_zone_says_which_certificate_a_mail_server_shows() {
    if !Path::new(KNOTD).exists() {
        skip("no Knot DNS here (Debian package knot); DANE was NOT tried");
        return;
    }
    let [nobody] = free_addresses();
    let settings = Settings {
        domain: "town.example",
        mailboxes: &["ann"],
        bounces: &[],
        bounces_to: ("bounce.gw.example", nobody),
        starttls: true,
    };
    let Some(postfix) = Postfix::start(&settings) else {
        return;
    };
    let Some(right) = key_digest(&postfix.certificate()) else {
        skip("no openssl here; DANE was NOT tried");
        return;
    };
    let wrong = "0f".repeat(32);
    let port = postfix.address.port();
    let mx = "@ 300 IN MX 10 mx\n";
    let by =
        |kind: &str, digest: &str| format!("{mx}_{port}._tcp.mx 300 IN TLSA {kind} {digest}\n");
    let aliases = format!(
        "@ 300 IN MX 10 alias\nalias 300 IN CNAME mx\n\
         _{port}._tcp.mx 300 IN CNAME _dane\n_dane 300 IN TLSA 3 1 1 {right}\n"
    );
    let rolled = format!(
        "{}{}",
        by("3 1 1", &wrong),
        by("3 1 1", &right).replace(mx, "")
    );
    let itself = format!("@ 300 IN A 127.0.0.1\n_{port}._tcp 300 IN TLSA 3 1 1 {wrong}\n");
    // Whether it counts that a wildcard stands in has to be proven (RFC 4035 section 5.3.4).
    let wild = format!("{mx}*._tcp.mx 300 IN TLSA 3 1 1 {right}\n");
    let wild_alias = format!(
        "@ 300 IN MX 10 other\n* 300 IN CNAME mx\n_{port}._tcp.mx 300 IN TLSA 3 1 1 {right}\n"
    );
    let (success, dnssec) = ("tlsa\",result=\"success", "tlsa\",result=\"dnssec-invalid");
    let (untrusted, invalid) = (
        "tlsa\",result=\"certificate-not-trusted",
        "tlsa\",result=\"tlsa-invalid",
    );
    let unknown = "no-policy-found\",result=\"success";
    use Signed::{Both, Broken, Nothing, Root};
    use Validation::{Always, Auto};
    let mut delivered = 0;
    for (number, (what, signed, validation, records, goes, counted)) in (1..).zip([
        ("matches", Both, Auto, by("3 1 1", &right), true, success),
        ("one of two matches", Both, Always, rolled, true, success),
        ("by aliases", Both, Auto, aliases, true, success),
        ("by a wildcard", Both, Auto, wild, true, success),
        (
            "by an alias of a wildcard",
            Both,
            Auto,
            wild_alias,
            true,
            success,
        ),
        (
            "does not match",
            Both,
            Auto,
            by("3 1 1", &wrong),
            false,
            untrusted,
        ),
        (
            "no anchor is shown",
            Both,
            Auto,
            by("2 1 1", &wrong),
            false,
            untrusted,
        ),
        ("without an MX record", Both, Auto, itself, false, untrusted),
        ("PKIX alone", Both, Auto, by("1 1 1", &wrong), true, invalid),
        ("no TLSA record", Both, Auto, mx.to_owned(), true, unknown),
        ("not signed", Root, Auto, by("3 1 1", &wrong), true, unknown),
        ("spoilt", Broken, Auto, by("3 1 1", &right), false, dnssec),
        (
            "left out",
            Nothing,
            Auto,
            by("3 1 1", &wrong),
            true,
            unknown,
        ),
        (
            "left out, insisted",
            Nothing,
            Always,
            by("3 1 1", &right),
            false,
            dnssec,
        ),
    ]) {
        let knot = Knot::start(signed, &records);
        let (outcome, count) = sent(
            &postfix,
            (knot.address, &knot.trust_anchor),
            validation,
            number,
        )
        .await;
        assert!(count.contains(counted), "{what}: {outcome:?}\n{count}");
        if goes {
            delivered += 1;
            let is_delivered = matches!(outcome, AttemptOutcome::Delivered { .. });
            assert!(is_delivered, "{what}: {outcome:?}");
            continue;
        }
        let AttemptOutcome::Deferred { verdict } = outcome else {
            unreachable!("{what}: {outcome:?}")
        };
        assert_eq!(
            (verdict.reason, verdict.status_code),
            (Reason::Tls, Some(EnhancedStatus::new(4, 7, 5))),
            "{what}: {verdict:?}"
        );
    }
    let knot = Knot::start(Both, &format!("{mx}@ 300 IN A 127.0.0.1\n"));
    let thief = Deaf::before(&knot, MX, NOERROR);
    let (outcome, count) = sent(&postfix, (thief.address, &knot.trust_anchor), Auto, 98).await;
    let waits = matches!(outcome, AttemptOutcome::Deferred { .. });
    assert!(waits, "robbed of its MX records: {outcome:?}");
    assert!(count.contains(dnssec), "{count}");
    let knot = Knot::start(Root, mx);
    let deaf = Deaf::before(&knot, NS, SERVFAIL);
    let (outcome, count) = sent(&postfix, (deaf.address, &knot.trust_anchor), Auto, 99).await;
    let is_delivered = matches!(outcome, AttemptOutcome::Delivered { .. });
    assert!(is_delivered, "not signed and no NS records: {outcome:?}");
    assert!(count.contains(unknown), "{count}");
    delivered += 1;
    assert_eq!(postfix.wait_for_mails("ann", delivered).len(), delivered);
}
