//! The running program among the rough: clients that do what they must not, a new certificate
//! while people talk, and being told to stop in the middle of a message.

use std::io::{Read, Write};
use std::net::{SocketAddr, TcpStream};
use std::path::Path;
use std::time::Duration;

use rustls::pki_types::CertificateDer;
use tocsin::store::engine::OpenOptions;
use tocsin::store::{Repo, Store};

use crate::client::Client;
use crate::process::{Process, free_addresses};

/// Configured, so that it can be exceeded.
const MESSAGE_SIZE_MAX: &str = "64KiB";
const POSTMASTER: &str = "RCPT TO:<postmaster@gw.example>";

pub(crate) struct House {
    folder: tempfile::TempDir,
    pub(crate) submission: SocketAddr,
    pub(crate) mx: SocketAddr,
    console: SocketAddr,
    certificate: CertificateDer<'static>,
    pub(crate) gateway: Process,
}

pub(crate) fn house() -> House {
    let [submission, mx, console] = free_addresses();
    let folder = tempfile::tempdir().unwrap();
    let place = folder.path();
    let certificate = new_certificate(place);
    let config = format!(
        r#"
[server]
name = "mail.gw.example"
domain = "gw.example"
state = "{place}/state"
drain_timeout = "20s"
[listen.submission]
addresses = ["{submission}"]
[listen.submissions]
addresses = []
[listen.mx]
addresses = ["{mx}"]
message_size_max = "{MESSAGE_SIZE_MAX}"
[listen.console]
addresses = ["{console}"]
[tls]
certificate = "{place}/certificate.pem"
key = "{place}/key.pem"
"#,
        place = place.display(),
    );
    std::fs::write(place.join("tocsin.toml"), config).unwrap();
    let gateway = Process::serve(place, mx);
    House {
        folder,
        submission,
        mx,
        console,
        certificate,
        gateway,
    }
}

/// Puts another certificate in place.
fn new_certificate(place: &Path) -> CertificateDer<'static> {
    let made = rcgen::generate_simple_self_signed(["localhost".to_owned()]).unwrap();
    std::fs::write(place.join("key.pem"), made.signing_key.serialize_pem()).unwrap();
    std::fs::write(place.join("certificate.pem"), made.cert.pem()).unwrap();
    made.cert.der().clone()
}

/// Mails that the state holds.
async fn mails_kept(place: &Path) -> usize {
    let options = OpenOptions::default();
    let store = Store::open(&place.join("state"), &options).unwrap();
    let repo = Repo::new(store.clone());
    let handed_in = repo.communications(None, 10).unwrap().rows.len();
    let prefix = tocsin::store::engine::KeyRange::prefix(tocsin::store::keys::INBOUND);
    let taken_in = store.scan(prefix, 10).unwrap().len();
    store.close().await.unwrap();
    handed_in + taken_in
}

#[tokio::test(flavor = "multi_thread")]
async fn bad_input_is_refused_and_the_sessions_live() {
    let house = house();

    let mut mx = Client::greeted(house.mx);
    mx.check("EHLO out.example", "250");
    mx.check("XYZZY", "500 5.5.1");
    mx.check(&"x".repeat(5_000), "500 5.5.2");
    mx.check("MAIL FROM:<a@out.example> SIZE=65537", "552 5.3.4");
    mx.check(POSTMASTER, "503");
    mx.check("RCPT TO:<somebody@elsewhere.example>", "503");
    mx.check("MAIL FROM:<a@out.example> SIZE=65536", "250");
    mx.check("RCPT TO:<somebody@elsewhere.example>", "550 5.7.1");
    mx.check(POSTMASTER, "250");
    mx.check("DATA", "354");
    mx.send("Subject: x\r\n\r\na\n.\nMAIL FROM:<evil@out.example>\r\n.\r\n");
    mx.expect("554 5.6.0");
    mx.check("MAIL FROM:<a@out.example>", "250");
    mx.check(POSTMASTER, "250");
    mx.check("DATA", "354");
    mx.send(&"0123456789\r\n".repeat(7_000));
    mx.check(".", "552 5.3.4");
    mx.check("NOOP", "250");

    let mut application = Client::greeted(house.submission);
    application.check("EHLO app.example", "250");
    application.check("AUTH PLAIN AGFubgBzZXNhbWUtb3Blbi1ub3c=", "538 5.7.11");
    application.check("MAIL FROM:<a@gw.example>", "530 5.7.0");
    application.check("NOOP", "250");
    let behind = "EHLO evil.example\r\nMAIL FROM:<evil@gw.example>\r\n";
    let mut injected = Client::encrypted(house.submission, &[&house.certificate], behind);
    injected.check("NOOP", "250 2.0.0");
    injected.check("MAIL FROM:<a@gw.example>", "530 5.7.0");
    injected.check("AUTH PLAIN AGFubgBzZXNhbWUtb3Blbi1ub3c=", "535 5.7.8");
    injected.check("NOOP", "250 2.0.0");

    for door in [house.mx, house.submission, house.console] {
        let mut stream = TcpStream::connect(door).unwrap();
        let junk: Vec<u8> = (0..100_000u32)
            .map(|n| (n.wrapping_mul(2_654_435_761) >> 13) as u8)
            .collect();
        // It may hang up in the middle.
        let _ = stream.write_all(&junk);
    }
    assert!(asked(house.console, "GET /healthz HTTP/1.1").starts_with("HTTP/1.1 200"));
    assert!(asked(house.console, "GET /\u{1} HTTP/9").starts_with("HTTP/1.1 400"));
    mx.check("NOOP", "250");
    mx.check("QUIT", "221");

    let log = house.gateway.stop();
    assert!(
        log.contains("commands behind STARTTLS were thrown away"),
        "{log}"
    );
    for secret in ["sesame", "AGFubg", "evil", "out.example"] {
        assert!(!log.contains(secret), "the log tells {secret:?}:\n{log}");
    }
    assert_eq!(mails_kept(house.folder.path()).await, 0);
}

#[tokio::test(flavor = "multi_thread")]
async fn the_exchanger_relays_for_nobody_in_any_spelling() {
    let house = house();
    let forged = format!("<b-{}@bounces.gw.example>", "a".repeat(39));
    let spellings = [
        "<victim@elsewhere.example>",
        "<VICTIM@ELSEWHERE.EXAMPLE>",
        "<victim@gw.example>",
        "<victim%elsewhere.example@gw.example>",
        "<victim%elsewhere.example@mail.gw.example>",
        "<victim%elsewhere.example@[127.0.0.1]>",
        "<\"victim@elsewhere.example\"@gw.example>",
        "<\"victim%elsewhere.example\"@gw.example>",
        "<\"postmaster@elsewhere.example\"@gw.example>",
        "<elsewhere.example!victim@gw.example>",
        "<elsewhere.example!victim>",
        "<@gw.example:victim@elsewhere.example>",
        "<@mail.gw.example,@gw.example:victim@elsewhere.example>",
        "<@elsewhere.example:victim@elsewhere.example>",
        "<victim@elsewhere.example@gw.example>",
        "<victim@gw.example@elsewhere.example>",
        "<victim@gw.example.elsewhere.example>",
        "<victim@elsewheregw.example>",
        "<victim@[192.0.2.1]>",
        "<victim@[IPv6:2001:db8::1]>",
        "<victim@3221225985>",
        "<postmaster@elsewhere.example>",
        "<abuse@elsewhere.example>",
        "<fbl@elsewhere.example>",
        "<postmaster%elsewhere.example@gw.example>",
        "<postmaster@[192.0.2.1]>",
        "<+4915112345678@sms.gw.example>",
        "<+4915112345678@voice.gw.example>",
        "<+4915112345678%sms.gw.example@gw.example>",
        &forged,
        "victim@elsewhere.example",
        "<victim@elsewhere.example",
        "victim@elsewhere.example>",
        "<victim @elsewhere.example>",
        "<victim@elsewhere.example> ORCPT=rfc822;postmaster@gw.example",
    ];
    for sender in ["<>", "<a@gw.example>", "<a@out.example>"] {
        for some in spellings.chunks(8) {
            let mut mx = Client::greeted(house.mx);
            mx.check("EHLO out.example", "250");
            mx.check(&format!("MAIL FROM:{sender}"), "250");
            for spelling in some {
                mx.check(&format!("RCPT TO:{spelling}"), "5");
            }
            mx.check("DATA", "554 5.5.1");
        }
    }
    // Who reports does so for one message.
    let mut mx = Client::greeted(house.mx);
    mx.check("EHLO out.example", "250");
    mx.check("MAIL FROM:<>", "250");
    mx.check(POSTMASTER, "250");
    mx.check("RCPT TO:<abuse@gw.example>", "452 4.5.3");
    mx.check("RSET", "250");
    mx.check("MAIL FROM:<a@out.example>", "250");
    mx.check(POSTMASTER, "250");
    mx.check("RCPT TO:<fbl@gw.example>", "250");
    house.gateway.stop();
    assert_eq!(mails_kept(house.folder.path()).await, 0);
}

/// One request; the whole answer.
fn asked(console: SocketAddr, request: &str) -> String {
    let mut stream = TcpStream::connect(console).unwrap();
    stream
        .set_read_timeout(Some(Duration::from_secs(20)))
        .unwrap();
    write!(
        stream,
        "{request}\r\nHost: localhost\r\nConnection: close\r\n\r\n"
    )
    .unwrap();
    let mut answer = Vec::new();
    stream.read_to_end(&mut answer).unwrap();
    String::from_utf8_lossy(&answer).into_owned()
}

#[tokio::test(flavor = "multi_thread")]
async fn a_new_certificate_comes_and_the_end_waits_for_a_message() {
    let mut house = house();
    let old = house.certificate.clone();
    let mut before = Client::encrypted(house.mx, &[&old], "");
    assert_eq!(before.certificate(), &old);
    before.check("MAIL FROM:<a@out.example>", "250");

    let new = new_certificate(house.folder.path());
    house.gateway.signal("HUP");
    house.gateway.wait_for_log("new certificate in force", 1);
    let after = Client::encrypted(house.mx, &[&old, &new], "");
    assert_eq!(after.certificate(), &new);
    before.check(POSTMASTER, "250");

    std::fs::write(house.folder.path().join("certificate.pem"), "rubbish").unwrap();
    house.gateway.signal("HUP");
    house.gateway.wait_for_log("the old one stays in force", 1);
    let mut idle = Client::encrypted(house.mx, &[&old, &new], "");
    assert_eq!(idle.certificate(), &new);

    before.check("DATA", "354");
    before.send("Subject: the end\r\n\r\nhalf");
    house.gateway.signal("TERM");
    idle.expect("421 4.3.2");
    let mx = house.mx;
    house
        .gateway
        .wait_until("it takes no new connections", |_| {
            TcpStream::connect(mx).is_err()
        });
    before.send(" and half\r\n.\r\n");
    before.expect("250 2.0.0 Ok, queued");
    before.expect("421 4.3.2");
    house.gateway.ended();
    assert_eq!(mails_kept(house.folder.path()).await, 1);
}
