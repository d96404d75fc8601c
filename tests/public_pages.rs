//! The public pages of a whole daemon: a correction sends a mail over SMTP, its link is followed
//! over HTTP, and the address is confirmed; a mail to many can be unsubscribed from at one click.
#![allow(clippy::unwrap_used)]

use std::io::{Read, Write};
use std::net::{SocketAddr, TcpStream};
use std::path::Path;
use std::time::Duration;

use tocsin::clock::{Randomness, SystemClock};
use tocsin::config::{Config, Surroundings};
use tocsin::daemon::Daemon;
use tocsin::domain::{
    Audience, Channel, Channels, ConfirmedBy, Contact, ContactId, ContactKind, Content,
    Destination, EmailAddress, EscalationStep, Method, MethodId, MethodKind, MethodState, Redacted,
    SendingPlan, Tracking, UserId, Wishes,
};
use tocsin::sim::mx::{Behaviour, Script, SimMx, SimMxConfig};
use tocsin::submit::{DraftInput, VerificationSent};

const BY: UserId = UserId::from_bytes([1; 16]);

fn config(folder: &Path, mx: SocketAddr) -> Config {
    let text = config_text(folder, mx, true);
    Config::parse(&text, &Surroundings::of(Path::new("/"))).unwrap()
}

fn config_text(folder: &Path, mx: SocketAddr, tracking: bool) -> String {
    format!(
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
addresses = ["127.0.0.1:0"]
[public]
url = "http://me.example.com"
organisation = "Eastmere"
[email]
open_tracking = {tracking}
click_tracking = {tracking}
[[email.route]]
domain = "mail.example"
host = "127.0.0.1"
port = {port}
[[category]]
name = "news"
title = "News"
[[category]]
name = "alert"
title = "Alert"
confirmation_required = true
"#,
        port = mx.port()
    )
}

fn email(text: &str) -> Destination {
    Destination::Email(Redacted::new(EmailAddress::parse(text).unwrap()))
}

fn contact() -> Contact {
    let (clock, random) = (SystemClock::shared(), Randomness::from_os().unwrap());
    let now = clock.wall();
    Contact {
        id: ContactId::new(random.uuid_v7(now)),
        kind: ContactKind::Citizen,
        first_name: Redacted::new("Ada".into()),
        last_name: Redacted::new("Bell".into()),
        language: "en".into(),
        area: None,
        methods: vec![Method {
            state: MethodState::Active,
            ..Method::new(
                MethodId::new(random.uuid_v7(now)),
                MethodKind::Email,
                email("old@mail.example"),
            )
        }],
        issue_since: None,
        prompted_at: None,
        created_at: now,
        groups: Vec::new(),
        custom: Vec::new(),
        wishes: Wishes::default(),
        import: None,
    }
}

/// The text of the next mail, soft line ends of quoted-printable undone.
async fn mail(mx: &SimMx, number: usize) -> String {
    let came = async {
        while mx.received().len() < number {
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
    };
    tokio::time::timeout(Duration::from_secs(20), came)
        .await
        .expect("no mail came");
    let raw = mx.received()[number - 1].body.clone();
    String::from_utf8_lossy(&raw)
        .replace("=\r\n", "")
        .replace("=3D", "=")
        .replace("\r\n ", "")
}

/// What follows a mark, up to the first character that no address has.
fn after<'a>(text: &'a str, mark: &str) -> &'a str {
    let (_, rest) = text
        .split_once(mark)
        .unwrap_or_else(|| panic!("{mark} in {text}"));
    let end = rest.find(|c: char| !c.is_ascii_alphanumeric());
    &rest[..end.unwrap_or(rest.len())]
}

async fn http(to: SocketAddr, head: String, body: &'static str) -> String {
    let request = format!(
        "{head} HTTP/1.1\r\nHost: me.example.com\r\nConnection: close\r\nContent-Type: application/x-www-form-urlencoded\r\nContent-Length: {}\r\n\r\n{body}",
        body.len()
    );
    let asking = tokio::task::spawn_blocking(move || {
        let mut stream = TcpStream::connect(to).unwrap();
        stream
            .set_read_timeout(Some(Duration::from_secs(20)))
            .unwrap();
        stream.write_all(request.as_bytes()).unwrap();
        let mut answer = Vec::new();
        stream.read_to_end(&mut answer).unwrap();
        String::from_utf8_lossy(&answer).into_owned()
    });
    asking.await.unwrap()
}

#[tokio::test(flavor = "multi_thread")]
async fn a_corrected_address_is_confirmed_by_the_link_in_a_real_mail() {
    let script = Script::new(|_| Behaviour::Accept);
    let mx = SimMx::start(SimMxConfig::new(script, None, SystemClock::shared()))
        .await
        .unwrap();
    let folder = tempfile::tempdir().unwrap();
    let daemon = Daemon::start(config(folder.path(), mx.addr()), None)
        .await
        .unwrap();
    let public = daemon.addresses().public[0];
    let ada = contact();
    let method = ada.methods[0].id;
    daemon
        .tracker()
        .add_contacts(std::slice::from_ref(&ada))
        .await
        .unwrap();

    let corrected = daemon
        .submitter()
        .correct(ada.id, method, email("new@mail.example"), BY)
        .await;
    assert_eq!(corrected.unwrap(), VerificationSent::Queued(Channel::Email));
    let verification = mail(&mx, 1).await;
    assert!(
        verification.contains("To: \"Ada Bell\" <new@mail.example>"),
        "{verification}"
    );
    assert!(!verification.contains("List-Unsubscribe"), "{verification}");
    assert!(!verification.contains("{{"), "{verification}");
    let token = after(&verification, "http://me.example.com/v/").to_owned();
    let state = || daemon.repo().contact(ada.id).unwrap().unwrap().methods[0].state;
    let page = http(public, format!("GET /v/{token}"), "").await;
    assert!(page.starts_with("HTTP/1.1 200"), "{page}");
    assert_eq!(state(), MethodState::Unverified);
    let done = http(public, format!("POST /v/{token}"), "").await;
    assert!(done.contains("/?done=confirmed"), "{done}");
    assert_eq!(state(), MethodState::Active);

    let news = DraftInput {
        matter: None,
        template: None,
        content: Content {
            subject: "News".into(),
            text: "Something new: https://town.example/?a=1&b=2".into(),
            html: concat!(
                "<p>Something <a href=\"https://town.example/?a=1&amp;b=2\">new</a>.</p>",
                "<p><a href=\"http://me.example.com/\">Us</a></p>"
            )
            .into(),
            sms_text: String::new(),
            voice_script: String::new(),
            attachments: Vec::new(),
        },
        campaign: None,
        related: None,
        plan: SendingPlan {
            tracking: Tracking {
                opens: true,
                clicks: true,
            },
            ..SendingPlan::default()
        },
        category: "news".into(),
        channels: Channels::only(Channel::Email),
        audience: Audience {
            contacts: vec![ada.id],
            ..Audience::default()
        },
    };
    let id = daemon
        .submitter()
        .save_draft(None, &news, BY)
        .await
        .unwrap();
    daemon.submitter().send(id).await.unwrap();
    let sent = mail(&mx, 2).await;
    assert!(
        sent.contains("List-Unsubscribe-Post: List-Unsubscribe=One-Click"),
        "{sent}"
    );
    let picture = after(&sent, "http://me.example.com/o/");
    assert!(!picture.is_empty());
    let link = after(&sent, "<a href=\"http://me.example.com/l/").to_owned();
    assert!(
        sent.contains("Something new: https://town.example/?a=1&b=2"),
        "{sent}"
    );
    assert!(
        sent.contains("<a href=\"http://me.example.com/\">Us</a>"),
        "{sent}"
    );
    let led = http(public, format!("GET /l/{link}"), "").await;
    assert!(led.starts_with("HTTP/1.1 302"), "{led}");
    assert!(
        led.contains("location: https://town.example/?a=1&b=2\r\n"),
        "{led}"
    );
    let unsubscribe = after(&sent, "http://me.example.com/u/").to_owned();
    let done = http(
        public,
        format!("POST /u/{unsubscribe}"),
        "List-Unsubscribe=One-Click",
    )
    .await;
    assert!(done.starts_with("HTTP/1.1 200"), "{done}");
    let wishes = daemon
        .repo()
        .contact(ada.id)
        .unwrap()
        .unwrap()
        .wishes
        .clone();
    assert!(!wishes.allow(Channel::Email, "news"));
    daemon.drain().await;
    mx.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn an_alert_is_confirmed_by_the_link_in_a_real_mail() {
    let script = Script::new(|_| Behaviour::Accept);
    let mx = SimMx::start(SimMxConfig::new(script, None, SystemClock::shared()))
        .await
        .unwrap();
    let folder = tempfile::tempdir().unwrap();
    let daemon = Daemon::start(config(folder.path(), mx.addr()), None)
        .await
        .unwrap();
    let public = daemon.addresses().public[0];
    let ada = contact();
    daemon
        .tracker()
        .add_contacts(std::slice::from_ref(&ada))
        .await
        .unwrap();
    let step = |channel, minutes: u64| EscalationStep {
        channel,
        after: Duration::from_secs(60 * minutes),
    };
    let alert = DraftInput {
        content: Content {
            subject: "Flood at the quay".into(),
            text: "Move up.".into(),
            html: "<p>Move up.</p>".into(),
            sms_text: "Move up.".into(),
            ..Content::default()
        },
        plan: SendingPlan {
            escalation: vec![step(Channel::Email, 0), step(Channel::Text, 30)],
            ..SendingPlan::default()
        },
        category: "alert".into(),
        channels: Channels {
            call: false,
            ..Channels::ALL
        },
        audience: Audience {
            contacts: vec![ada.id],
            ..Audience::default()
        },
        ..DraftInput::default()
    };
    let submit = daemon.submitter();
    let id = submit.save_draft(None, &alert, BY).await.unwrap();
    submit.send(id).await.unwrap();
    let sent = mail(&mx, 1).await;
    // It asks for nothing to be counted.
    assert!(!sent.contains("http://me.example.com/o/"), "{sent}");
    assert!(
        sent.contains("<a href=\"http://me.example.com/c/"),
        "{sent}"
    );
    assert!(!sent.contains("{{"), "{sent}");
    let token = after(&sent, "http://me.example.com/c/").to_owned();
    assert_eq!(token.len(), 24, "{token}");
    let person = || daemon.repo().person(id, ada.id).unwrap().unwrap();
    let page = http(public, format!("GET /c/{token}"), "").await;
    assert!(page.starts_with("HTTP/1.1 200"), "{page}");
    assert!(page.contains("Flood at the quay"), "{page}");
    assert_eq!(person().confirmed, None);
    let done = http(public, format!("POST /c/{token}"), "").await;
    assert!(done.starts_with("HTTP/1.1 200"), "{done}");
    assert_eq!(person().confirmed_by, Some(ConfirmedBy::EmailLink));
    let again = http(public, format!("POST /c/{token}"), "").await;
    assert!(again.contains("confirmed this already"), "{again}");
    daemon.drain().await;
    mx.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn what_may_be_counted_changes_with_the_next_start_alone() {
    let nobody = SocketAddr::from(([127, 0, 0, 1], 9));
    for was in [true, false] {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("tocsin.toml");
        let write = |tracking, category: &str| {
            let text = config_text(folder.path(), nobody, tracking);
            let text = text.replace("name = \"news\"", &format!("name = \"{category}\""));
            std::fs::write(&path, text).unwrap();
        };
        write(was, "news");
        let config = Config::load(&path).unwrap();
        let daemon = Daemon::start(config, Some(path.clone())).await.unwrap();
        let running = Tracking {
            opens: was,
            clicks: was,
        };
        assert_eq!(daemon.submitter().tracking(), running);
        write(!was, "weather");
        daemon.reload().await;
        // The file was read: categories are in force at once.
        let categories = daemon.submitter().categories();
        assert!(categories.iter().any(|one| one.name == "weather"));
        assert_eq!(daemon.submitter().tracking(), running);
        daemon.drain().await;
    }
}
