//! What comes back by text, through a whole daemon and a simulated message centre: HELP, a yes, a
//! wish that is no keyword, STOP, and a receipt with a code of the carrier's own.
#![allow(clippy::unwrap_used)]

use std::path::Path;
use std::time::Duration;

use tocsin::clock::{Randomness, SystemClock};
use tocsin::config::{Config, Surroundings};
use tocsin::daemon::Daemon;
use tocsin::domain::{
    Audience, Channel, Channels, ConfirmedBy, Contact, ContactId, ContactKind, Content,
    Destination, Method, MethodId, MethodKind, MethodState, PhoneNumber, Reason, Redacted, UserId,
    Wishes,
};
use tocsin::proto::smpp::receipt::MessageState;
use tocsin::sim::smsc::{Behaviour, SimSmsc, SmscConfig};
use tocsin::submit::DraftInput;

const BY: UserId = UserId::from_bytes([1; 16]);
const ADA: &str = "447700900001";
const BEN: &str = "447700900002";
const OURS: &str = "40404";
const LONG: Duration = Duration::from_secs(20);

fn config(folder: &Path, port: u16) -> Config {
    let text = format!(
        r#"[server]
name = "alerts.example.com"
domain = "example.com"
state = {folder:?}
inline_secrets = true
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
[public]
organisation = "Eastmere"
[[sms.bind]]
name = "main"
host = "127.0.0.1"
port = {port}
system_id = "tocsin"
password = "secret"
source = "{OURS}"
error_codes = {{ "301" = "user_unknown lasts" }}
[[category]]
name = "alert"
title = "Alert"
confirmation_required = true
"#
    );
    Config::parse(&text, &Surroundings::of(Path::new("/"))).unwrap()
}

fn contact(name: &str, digits: &str) -> Contact {
    let (clock, random) = (SystemClock::shared(), Randomness::from_os().unwrap());
    let now = clock.wall();
    let number = PhoneNumber::from_e164(&format!("+{digits}")).unwrap();
    Contact {
        id: ContactId::new(random.uuid_v7(now)),
        kind: ContactKind::Citizen,
        first_name: Redacted::new(name.into()),
        last_name: Redacted::new("Bell".into()),
        language: "en".into(),
        area: None,
        methods: vec![Method {
            state: MethodState::Active,
            ..Method::new(
                MethodId::new(random.uuid_v7(now)),
                MethodKind::Mobile,
                Destination::Phone(Redacted::new(number)),
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

async fn until(what: &str, done: impl Fn() -> bool) {
    let waiting = async {
        while !done() {
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
    };
    tokio::time::timeout(LONG, waiting).await.expect(what);
}

/// What Ada's telephone has got.
fn got(smsc: &SimSmsc) -> Vec<String> {
    let messages = smsc.messages().into_iter();
    let hers = messages.filter(|message| message.destination == ADA);
    hers.map(|message| message.text).collect()
}

#[tokio::test(flavor = "multi_thread")]
async fn what_people_write_back_by_text_is_heard_and_answered() {
    let smsc = SimSmsc::start(SmscConfig::default()).await.unwrap();
    let gone = Behaviour::Undelivered {
        after: Duration::from_millis(20),
        state: MessageState::Rejected,
        error: "301".to_owned(),
    };
    smsc.script(BEN, gone);
    let folder = tempfile::tempdir().unwrap();
    let config = config(folder.path(), smsc.addr().port());
    let daemon = Daemon::start(config, None).await.unwrap();
    let people = [contact("Ada", ADA), contact("Ben", BEN)];
    daemon.tracker().add_contacts(&people).await.unwrap();
    let [ada, ben] = people.map(|one| one.id);
    let alert = DraftInput {
        content: Content {
            sms_text: "Move up.".into(),
            ..Content::default()
        },
        category: "alert".into(),
        channels: Channels::only(Channel::Text),
        audience: Audience {
            contacts: vec![ada, ben],
            ..Audience::default()
        },
        ..DraftInput::default()
    };
    let submit = daemon.submitter();
    let id = submit.save_draft(None, &alert, BY).await.unwrap();
    submit.send(id).await.unwrap();
    until("the alert goes out", || got(&smsc).len() == 1).await;

    // The code is the carrier's own: its number is gone, though the centre says "rejected".
    let method = |of| daemon.repo().contact(of).unwrap().unwrap().methods[0].clone();
    let suspended = || method(ben).state == MethodState::Suspended;
    until("Ben's number is suspended", suspended).await;
    let suspension = method(ben).suspension.unwrap();
    assert_eq!(suspension.verdict.reason, Reason::UserUnknown);

    smsc.inject(ADA, OURS, "help?");
    until("HELP is answered", || got(&smsc).len() == 2).await;
    assert!(
        got(&smsc)[1].starts_with("Eastmere sends you news"),
        "{:?}",
        got(&smsc)
    );
    let person = || daemon.repo().person(id, ada).unwrap().unwrap();
    smsc.inject(ADA, OURS, "Oui !");
    until("it is confirmed", || person().confirmed.is_some()).await;
    assert_eq!(person().confirmed_by, Some(ConfirmedBy::TextReply));

    let wanted = || {
        let ada = daemon.repo().contact(ada).unwrap().unwrap();
        ada.wishes.allow(Channel::Text, "alert")
    };
    smsc.inject(ADA, OURS, "please stop");
    until("it is taken in", || smsc.waiting() == 0).await;
    assert!(wanted(), "it is for somebody to look at");
    smsc.inject(ADA, OURS, "Stop.");
    until("STOP is confirmed", || got(&smsc).len() == 3).await;
    assert!(!wanted());
    assert!(
        got(&smsc)[2].contains("no more texts from Eastmere"),
        "{:?}",
        got(&smsc)
    );
    smsc.inject(ADA, OURS, "STOP");
    until("it is taken in", || smsc.waiting() == 0).await;
    assert_eq!(got(&smsc).len(), 3, "once");
    daemon.drain().await;
    smsc.stop().await;
}
