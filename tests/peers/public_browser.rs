//! A real browser opens the public pages of a whole daemon, from the links in real mails:
//! `browser/public.mjs`, driven as the console's walks are.

use std::ffi::OsString;
use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::time::Duration;

use tocsin::clock::SystemClock;
use tocsin::config::{Config, Surroundings};
use tocsin::daemon::Daemon;
use tocsin::domain::{
    Actor, Audience, Channel, Channels, ContactKind, Content, Destination, Details, EmailAddress,
    MethodDetail, MethodKind, Redacted, UserId,
};
use tocsin::sim::mx::{Behaviour, Script, SimMx, SimMxConfig};
use tocsin::submit::DraftInput;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};

use crate::browser::{missing, screenshots, walk};
use crate::skip::skip;

const BY: UserId = UserId::from_bytes([1; 16]);
const ADDRESS: &str = "ada@mail.example";

fn config(folder: &Path, mx: SocketAddr, public: SocketAddr) -> Config {
    let text = format!(
        r#"[server]
name = "alerts.example.com"
domain = "example.com"
state = {folder:?}
[store]
engine = "memory"
[listen.submission]
addresses = []
[listen.submissions]
addresses = []
[listen.mx]
addresses = ["127.0.0.1:0"]
[listen.console]
addresses = ["127.0.0.1:0"]
[listen.public]
addresses = ["{public}"]
[public]
url = "http://{public}"
organisation = "Eastmere"
tries_per_ip_max = 200
[[email.route]]
domain = "mail.example"
host = "127.0.0.1"
port = {port}
[[category]]
name = "alert"
title = "Alerts"
confirmation_required = true
"#,
        port = mx.port()
    );
    Config::parse(&text, &Surroundings::of(Path::new("/"))).unwrap()
}

/// The text of a mail once it has come.
async fn mail(mx: &SimMx, number: usize) -> String {
    let came = async {
        while mx.received().len() < number {
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
    };
    let came = tokio::time::timeout(Duration::from_secs(30), came).await;
    came.expect("no mail came");
    let raw = mx.received()[number - 1].body.clone();
    String::from_utf8_lossy(&raw)
        .replace("=\r\n", "")
        .replace("=3D", "=")
        .replace("\r\n ", "")
}

/// The path of a link: what stands behind the address of the pages.
fn path<'a>(text: &'a str, base: &str, mark: &str) -> &'a str {
    let start = text.find(&format!("{base}{mark}")).unwrap() + base.len();
    let rest = &text[start..];
    let end = rest.find(|c: char| !(c.is_ascii_alphanumeric() || c == '/'));
    &rest[..end.unwrap_or(rest.len())]
}

async fn log_in(public: SocketAddr) {
    let body = format!("to={}", ADDRESS.replace('@', "%40"));
    let request = format!(
        "POST /log-in HTTP/1.1\r\nHost: {public}\r\nOrigin: http://{public}\r\nConnection: close\r\nContent-Type: application/x-www-form-urlencoded\r\nContent-Length: {}\r\n\r\n{body}",
        body.len()
    );
    let mut stream = TcpStream::connect(public).await.unwrap();
    stream.write_all(request.as_bytes()).await.unwrap();
    let mut answer = String::new();
    stream.read_to_string(&mut answer).await.unwrap();
    assert!(answer.starts_with("HTTP/1.1 200"), "{answer}");
}

#[tokio::test(flavor = "multi_thread")]
async fn the_public_pages_in_a_browser() {
    let folder = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("tests/peers/browser");
    if let Some(missing) = missing(&folder) {
        return skip(&format!(
            "{missing} is missing; the public pages were NOT walked by a browser"
        ));
    }
    let script = Script::new(|_| Behaviour::Accept);
    let mx = SimMx::start(SimMxConfig::new(script, None, SystemClock::shared()))
        .await
        .unwrap();
    // Links name the port: it has to be known before the daemon starts.
    let free = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let public = free.local_addr().unwrap();
    drop(free);
    let state = tempfile::tempdir().unwrap();
    let config = config(state.path(), mx.addr(), public);
    let daemon = Daemon::start(config, None).await.unwrap();

    let address = Redacted::new(EmailAddress::parse(ADDRESS).unwrap());
    let ada = Details {
        first_name: Redacted::new("Ada".into()),
        last_name: Redacted::new("Bell".into()),
        kind: ContactKind::Citizen,
        language: "en".into(),
        area: None,
        groups: Vec::new(),
        custom: Vec::new(),
        methods: vec![MethodDetail {
            id: None,
            kind: MethodKind::Email,
            destination: Destination::Email(address),
        }],
        quiet_hours: None,
        preferred: None,
    };
    let made = daemon.tracker().create_contact(&ada, Actor::User(BY)).await;
    let (contact, _) = made.unwrap();
    let alert = DraftInput {
        content: Content {
            subject: "Flood at the quay".into(),
            text: "Move up.".into(),
            ..Content::default()
        },
        category: "alert".into(),
        channels: Channels::only(Channel::Email),
        audience: Audience {
            contacts: vec![contact],
            ..Audience::default()
        },
        ..DraftInput::default()
    };
    let submit = daemon.submitter();
    let id = submit.save_draft(None, &alert, BY).await.unwrap();
    submit.send(id).await.unwrap();
    let sent = mail(&mx, 1).await;
    log_in(public).await;
    let ticket = mail(&mx, 2).await;

    let base = format!("http://{public}");
    let arguments: Vec<OsString> = vec![
        base.clone().into(),
        path(&ticket, &base, "/v/").into(),
        path(&sent, &base, "/c/").into(),
        path(&sent, &base, "/u/").into(),
        screenshots().into(),
    ];
    walk(&folder.join("public.mjs"), &arguments).await;
    let person = daemon.repo().person(id, contact).unwrap().unwrap();
    assert!(person.confirmed.is_some(), "the button was pressed");
    daemon.drain().await;
    mx.stop().await;
}
