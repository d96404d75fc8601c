//! The whole bell on peers that are not ours: the program as a process of its own, swaks as the
//! application, Postfix as the recipients' server that bounces to our MX, npm's `smpp` as the
//! message centre, baresip as the telephone. What became of everything is read from the state
//! that it leaves.

use std::path::Path;
use std::time::Duration;

use serde_json::Value;
use tocsin::clock::{Randomness, SystemClock};
use tocsin::domain::reminder::ReminderPlan;
use tocsin::domain::suspension::SuspensionPolicy;
use tocsin::domain::{
    Audience, Category, Channel, Channels, CommunicationId, Contact, ContactId, ContactKind,
    Content, Delivery, Destination, EmailAddress, LogEvent, Method, MethodId, MethodKind,
    MethodState, Origin, PersonState, PhoneNumber, Redacted,
};
use tocsin::store::engine::OpenOptions;
use tocsin::store::{Loaded, Repo, Store};
use tocsin::submit::{DraftInput, SubmitSettings, Submitter};
use tocsin::tracker::{PromptSettings, Tracker, TrackerSettings};

use crate::baresip::Baresip;
use crate::postfix::{Postfix, Settings};
use crate::process::{Process, free_addresses, run, settings};
use crate::server::peer;
use crate::skip::skip;
use crate::smsc::Smsc;

const ANN: &str = "ann@town.example";
const GOOD: &str = "good@town.example";
const REFUSED: &str = "refused@town.example";
const LATE: &str = "late@town.example";
/// Ann's telephone, on which everybody else's calls ring too.
const LANDLINE: &str = "+441632960001";
/// The same as people in its country write it.
const LANDLINE_AT_HOME: &str = "01632960001";
/// The mobile of the person whose mail bounces.
const MOBILE: &str = "+447700900001";
/// Somebody known by number only.
const STRANGER: &str = "+447700900002";
const ACCOUNT: &str = "payroll";
const PASSWORD: &str = "walrus-under-the-bridge";
const CENTRE_PASSWORD: &str = "secret";
const SUBJECT: &str = "Zebra crossing closed";
const WORDS: &str = "Kumquat harvest resumes at noonday.";
const SCRIPT: &str = "Pelican crossing ahead. Please press one.";
/// Deliveries looked at; more than there are.
const DELIVERIES_MAX: usize = 100;

#[tokio::test(flavor = "multi_thread")]
async fn the_whole_bell_rings_on_real_peers() {
    let [submission, mx, console] = free_addresses();
    let Some(peers) = Peers::start(mx).await else {
        return;
    };
    let Peers {
        postfix,
        mut smsc,
        telephone,
    } = peers;
    let folder = tempfile::tempdir().unwrap();
    let place = folder.path();
    let own = settings(place, [submission, mx, console], (ACCOUNT, PASSWORD));
    let config = format!(
        r#"{own}
[[email.route]]
domain = "town.example"
host = "127.0.0.1"
port = {mail}
[[sms.bind]]
name = "npm"
host = "127.0.0.1"
port = {centre}
system_id = "tocsin"
password = "{CENTRE_PASSWORD}"
source = "+441632960999"
[voice]
bind = "127.0.0.1:0"
confirm_wait = "20s"
[voice.trunk]
host = "127.0.0.1"
port = {trunk}
caller_id = "+441632960999"
[log]
level = "info"
"#,
        mail = postfix.address.port(),
        centre = smsc.port,
        trunk = telephone.address.port(),
    );
    std::fs::write(place.join("tocsin.toml"), config).unwrap();
    let (alert, ann) = prepare(place).await;

    let mut gateway = Process::serve(place, submission);
    assert_eq!(smsc.next("bind").await["accepted"], true);
    let person = tokio::task::spawn_blocking(move || press_one(telephone));
    let hand_in = Application {
        server: submission.to_string(),
    };

    // To swaks a plus sign at the beginning would be an option.
    hand_in
        .accepted(&format!("{GOOD},{STRANGER}@sms.gw.example"))
        .await;
    let text = received_text(&mut smsc).await;
    assert_eq!(
        (text["to"].as_str(), text["text"].as_str()),
        (STRANGER.strip_prefix('+'), Some(WORDS))
    );
    assert_eq!(text["registered_delivery"], 1, "no receipt was asked for");

    let mails = postfix.wait_for_mails("good", 1);
    assert!(
        mails[0].contains(&format!("Subject: {SUBJECT}")) && mails[0].contains(WORDS),
        "{}",
        mails[0]
    );
    hand_in.accepted(&[REFUSED, LATE].join(",")).await;
    let prompt = received_text(&mut smsc).await;
    assert_eq!(prompt["to"].as_str(), MOBILE.strip_prefix('+'));
    let prompt = prompt["text"].as_str().unwrap();
    assert!(prompt.contains("check your email address"), "{prompt}");
    gateway.wait_for_log("method suspended", 2);
    let (content, transcript) = hand_in.swaks(LATE).await;
    assert!(
        !content && transcript.contains("550 5.2.1 suspended"),
        "a suspended address was taken:\n{transcript}"
    );
    let by_phone = format!("{LANDLINE_AT_HOME}@voice.gw.example");
    let (content, transcript) = hand_in.swaks_as("mayor@evil.example", &by_phone).await;
    assert!(
        !content && transcript.contains("550 5.7.1"),
        "an author was made up:\n{transcript}"
    );

    gateway.wait_for_log("status=\"confirmed\"", 1);
    let telephone = person.await.unwrap();
    hand_in
        .accepted(&format!("{LANDLINE_AT_HOME}@voice.gw.example"))
        .await;
    gateway.wait_for_log("status=\"completed\"", 1);
    drop(telephone);

    let log = gateway.stop();
    says_nothing_personal(&log);
    is_sound(place);
    look(place, alert, ann).await;
}

struct Peers {
    postfix: Postfix,
    smsc: Smsc,
    telephone: Baresip,
}

impl Peers {
    /// All of them; which one is missing has been said.
    async fn start(mx: std::net::SocketAddr) -> Option<Peers> {
        if std::process::Command::new("espeak-ng")
            .arg("--version")
            .output()
            .is_err()
        {
            skip("espeak-ng is not installed; the whole gateway was NOT tried");
            return None;
        }
        let settings = Settings {
            domain: "town.example",
            mailboxes: &["ann", "good"],
            bounces: &[("late", "550 5.1.1 no such user behind this server")],
            bounces_to: ("bounces.gw.example", mx),
            starttls: true,
        };
        Some(Peers {
            postfix: Postfix::start(&settings)?,
            smsc: Smsc::start().await?,
            telephone: Baresip::start(LANDLINE)?,
        })
    }
}

/// The person at the telephone: hears some of the script and presses the key.
fn press_one(mut telephone: Baresip) -> Baresip {
    telephone.wait_for("CALL_ESTABLISHED");
    std::thread::sleep(Duration::from_secs(2));
    telephone.press('1');
    telephone.wait_for("CALL_CLOSED");
    telephone
}

/// The next text at the message centre, once its receipt has been acknowledged.
async fn received_text(smsc: &mut Smsc) -> Value {
    let text = smsc.next("submit").await;
    assert_eq!(smsc.next("acknowledged").await["command_status"], 0);
    text
}

/// swaks with the account's login.
struct Application {
    server: String,
}

impl Application {
    async fn accepted(&self, to: &str) {
        let (content, transcript) = self.swaks(to).await;
        assert!(content, "{transcript}");
    }

    async fn swaks(&self, to: &str) -> (bool, String) {
        self.swaks_as("office@gw.example", to).await
    }

    /// Hands a mail in whose author is somebody; the envelope's sender is always the office.
    async fn swaks_as(&self, author: &str, to: &str) -> (bool, String) {
        let author = format!("From: {author}");
        let subject = format!("Subject: {SUBJECT}");
        let arguments = [
            "--server",
            &self.server,
            "--helo",
            "app.example",
            "--tls",
            "--auth",
            "PLAIN",
            "--auth-user",
            ACCOUNT,
            "--auth-password",
            PASSWORD,
            "--from",
            "office@gw.example",
            "--to",
            to,
            "--header",
            &author,
            "--header",
            &subject,
            "--body",
            WORDS,
            "--timeout",
            "30",
        ];
        let Some(result) = peer("swaks", &arguments).await else {
            panic!("the application is missing, everything else is there");
        };
        result
    }
}

fn method(random: &Randomness, kind: MethodKind, destination: Destination) -> Method {
    Method {
        state: MethodState::Active,
        ..Method::new(
            MethodId::new(random.uuid_v7(SystemClock::shared().wall())),
            kind,
            destination,
        )
    }
}

fn email(address: &str) -> Destination {
    Destination::Email(EmailAddress::parse(address).unwrap().into())
}

fn phone(number: &str) -> Destination {
    Destination::Phone(PhoneNumber::from_e164(number).unwrap().into())
}

/// Two people and an alert to one of them, as the console leaves them; the gateway finds them
/// when it starts.
async fn prepare(place: &Path) -> (CommunicationId, ContactId) {
    let config = place.join("tocsin.toml").display().to_string();
    let added = run(&["user", "--config", &config, "add", "operator"], PASSWORD);
    assert!(added.status.success(), "{added:?}");

    let clock = SystemClock::shared();
    let random = Randomness::from_os().unwrap();
    let repo = open(place);
    let categories = vec![Category {
        name: "alert".to_owned(),
        confirmation_required: true,
        voicemail_counts: false,
    }];
    let settings = TrackerSettings {
        categories: categories.clone(),
        suspension: SuspensionPolicy {
            soft_failures: 3,
            window: Duration::from_secs(3600),
        },
        prompts: PromptSettings::default(),
    };
    let tracker = Tracker::new(repo.clone(), clock.clone(), random.clone(), settings);
    let contact = |name: &str, methods| Contact {
        id: ContactId::new(random.uuid_v7(clock.wall())),
        kind: ContactKind::Citizen,
        first_name: Redacted::new(name.to_owned()),
        last_name: Redacted::new("Quillfeather".to_owned()),
        language: "en".to_owned(),
        area: None,
        methods,
        issue_since: None,
        prompted_at: None,
        created_at: clock.wall(),
        groups: Vec::new(),
        custom: Vec::new(),
        wishes: tocsin::domain::Wishes::default(),
        import: None,
    };
    let ann = contact(
        "Ann",
        vec![
            method(&random, MethodKind::Email, email(ANN)),
            method(&random, MethodKind::Landline, phone(LANDLINE)),
        ],
    );
    let late = contact(
        "Lars",
        vec![
            method(&random, MethodKind::Email, email(LATE)),
            method(&random, MethodKind::Mobile, phone(MOBILE)),
        ],
    );
    let ann_id = ann.id;
    tracker.add_contacts(&[ann, late]).await.unwrap();
    let operator = repo.user_by_login("operator").unwrap().unwrap().id;
    let settings = SubmitSettings {
        categories,
        reminders: ReminderPlan::default(),
        default_language: "en".to_owned(),
        ..SubmitSettings::default()
    };
    let submitter = Submitter::new(repo.clone(), clock, random, tracker.clone(), settings);
    let draft = DraftInput {
        content: Content {
            subject: SUBJECT.to_owned(),
            text: WORDS.to_owned(),
            html: String::new(),
            sms_text: WORDS.to_owned(),
            voice_script: SCRIPT.to_owned(),
            attachments: Vec::new(),
        },
        category: "alert".to_owned(),
        channels: Channels::ALL,
        audience: Audience {
            areas: Vec::new(),
            contacts: vec![ann_id],
            ..Audience::default()
        },
        ..DraftInput::default()
    };
    let alert = submitter.save_draft(None, &draft, operator).await.unwrap();
    submitter.send(alert).await.unwrap();
    drop((submitter, tracker));
    repo.store().clone().close().await.unwrap();
    (alert, ann_id)
}

fn open(place: &Path) -> Repo {
    let options = OpenOptions::default();
    Repo::new(Store::open(&place.join("state"), &options).unwrap())
}

/// No address, number, name, word of a message or password is in the log.
fn says_nothing_personal(log: &str) {
    assert!(log.contains("delivery changed"), "the log is empty:\n{log}");
    let digits = |number: &'static str| number.strip_prefix('+').unwrap();
    let mut secrets = vec![PASSWORD, CENTRE_PASSWORD, "Quillfeather"];
    secrets.extend(["town.example", "office@", "argon2id"]);
    secrets.extend([LANDLINE, MOBILE, STRANGER].map(digits));
    secrets.push(LANDLINE_AT_HOME);
    for words in [SUBJECT, WORDS, SCRIPT] {
        secrets.extend(words.split(' ').filter(|word| word.len() > 6));
    }
    for secret in secrets {
        let told = log.lines().find(|line| line.contains(secret));
        assert!(told.is_none(), "the log tells {secret:?}: {told:?}");
    }
}

fn is_sound(place: &Path) {
    let config = place.join("tocsin.toml").display().to_string();
    let verified = run(&["verify", "--config", &config], "");
    let said = String::from_utf8_lossy(&verified.stdout).into_owned();
    assert!(
        verified.status.success() && said.contains("\n0 problems\n"),
        "{said}\n{verified:?}"
    );
}

/// What the state tells afterwards.
async fn look(place: &Path, alert: CommunicationId, ann: ContactId) {
    let repo = open(place);
    let all = repo.deliveries(None, DELIVERIES_MAX).unwrap().rows;
    let to = |destination: &str, channel| -> Vec<&Loaded<Delivery>> {
        all.iter()
            .filter(|delivery| delivery.channel == channel)
            .filter(|delivery| delivery.destination.reveal() == destination)
            .collect()
    };
    let only = |destination, channel| {
        let found = to(destination, channel);
        assert_eq!(found.len(), 1, "deliveries: {found:?}");
        found[0]
    };

    assert_eq!(only(GOOD, Channel::Email).status().as_str(), "received");
    assert_eq!(only(STRANGER, Channel::Text).status().as_str(), "received");

    let refused = only(REFUSED, Channel::Email);
    assert_eq!(
        statuses(refused),
        ["queued", "rebound"],
        "{:?}",
        refused.timeline
    );
    assert_eq!(
        diagnostic(refused),
        "550 5.1.1 <refused@town.example>: Recipient address rejected: User unknown in virtual mailbox table"
    );

    let late = only(LATE, Channel::Email);
    assert!(
        statuses(late).ends_with(&["received", "rebound"]),
        "{:?}",
        late.timeline
    );
    let written = diagnostic(late);
    assert!(
        written.starts_with("smtp; 550 5.1.1 <late@town.example>")
            && written.ends_with("no such user behind this server"),
        "{written}"
    );
    has_asked(&repo, late);

    let by_alert = |delivery: &&Loaded<Delivery>| delivery.communication == alert;
    let calls = to(LANDLINE, Channel::Call);
    let (rung, ordered): (Vec<_>, Vec<_>) = calls.into_iter().partition(by_alert);
    assert_eq!((rung.len(), ordered.len()), (1, 1));
    assert_eq!(rung[0].status().as_str(), "confirmed");
    assert_eq!(ordered[0].status().as_str(), "completed");
    assert_eq!(only(ANN, Channel::Email).status().as_str(), "received");
    let person = repo.person(alert, ann).unwrap().unwrap();
    assert_eq!(person.state, PersonState::Contacted);
    repo.store().clone().close().await.unwrap();
}

/// The address is suspended with its evidence, and its owner was asked by text.
fn has_asked(repo: &Repo, late: &Delivery) {
    let contact = repo.contact(late.contact).unwrap().unwrap();
    assert!(contact.issue_since.is_some(), "no communication issue");
    let method = contact.method(late.method).unwrap();
    assert_eq!(method.state, MethodState::Suspended);
    let evidence = method.suspension.as_ref().unwrap();
    assert_eq!(evidence.delivery, late.id);
    assert_eq!(evidence.verdict.diagnostic.as_str(), diagnostic(late));

    let log = repo.log(contact.id, None, DELIVERIES_MAX).unwrap().rows;
    let prompt = log.iter().find_map(|entry| match entry.event {
        LogEvent::Prompted { communication, .. } => Some(communication),
        _ => None,
    });
    let prompt = prompt.expect("nothing was asked");
    let communication = repo.communication(prompt).unwrap().unwrap();
    assert_eq!(communication.origin, Origin::Prompt);
    let deliveries = repo.deliveries_of(contact.id, None, DELIVERIES_MAX);
    let deliveries = deliveries.unwrap().rows;
    let text = deliveries.iter().find(|row| row.communication == prompt);
    let text = text.unwrap();
    assert_eq!(
        (text.destination.reveal(), text.status().as_str()),
        (MOBILE, "received")
    );
}

fn statuses(delivery: &Delivery) -> Vec<&'static str> {
    let mut statuses: Vec<&str> = delivery
        .timeline
        .iter()
        .map(|change| change.status.as_str())
        .collect();
    statuses.dedup();
    statuses
}

fn diagnostic(delivery: &Delivery) -> &str {
    delivery.last_verdict().unwrap().diagnostic.as_str()
}
