//! A message centre on the npm package `smpp`: our bind and SMS channel against it.

use std::path::{Path, PathBuf};
use std::process::Stdio;
use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::Duration;

use serde_json::Value;
use tocsin::channel::sms::{IncomingText, Route, RouteSettings, SmsChannel, SmsInbox};
use tocsin::channel::{AttemptOutcome, AttemptRequest, Channel, PROGRESS_MAX};
use tocsin::classify::smpp::ReceiptMeaning;
use tocsin::domain::{Content, DeliveryId, Destination, PhoneNumber, Redacted, Suspends};
use tocsin::net::smpp::{SmppBind, SmppSettings};
use tocsin::proto::smpp::encoding::{Concatenation, SegmentOptions};
use tocsin::proto::smpp::receipt::MessageIdForm;
use tocsin::proto::smpp::{Address, BindRequest};
use tokio::io::{AsyncBufReadExt, BufReader, Lines};
use tokio::process::{Child, ChildStdout, Command};
use tokio::sync::mpsc;
use tokio::time::timeout;
use tokio_util::sync::CancellationToken;

use crate::skip::skip;

/// Longest wait for anything.
const LONG: Duration = Duration::from_secs(20);

/// Longest installation of the package.
const INSTALL_TIMEOUT: Duration = Duration::from_secs(120);

/// The running centre; ends when dropped.
pub(crate) struct Smsc {
    _child: Child,
    lines: Lines<BufReader<ChildStdout>>,
    pub(crate) port: u16,
}

impl Smsc {
    /// `None`, said loudly, if node or the package cannot be had.
    pub(crate) async fn start() -> Option<Self> {
        let packages = packages().await?;
        let child = Command::new("node")
            .arg("smsc.js")
            .current_dir(source_folder())
            .env("NODE_PATH", packages)
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .kill_on_drop(true)
            .spawn();
        let Ok(mut child) = child else {
            skip("node is not installed");
            return None;
        };
        let lines = BufReader::new(child.stdout.take().unwrap()).lines();
        let mut smsc = Self {
            _child: child,
            lines,
            port: 0,
        };
        let listening = smsc.next("listening").await;
        smsc.port = u16::try_from(listening["port"].as_u64().unwrap()).unwrap();
        Some(smsc)
    }

    /// The next event of this kind; others are passed over.
    pub(crate) async fn next(&mut self, kind: &str) -> Value {
        let search = async {
            loop {
                let line = self
                    .lines
                    .next_line()
                    .await
                    .unwrap()
                    .expect("the centre has ended");
                let event: Value = serde_json::from_str(&line).unwrap();
                if event["event"] == kind {
                    return event;
                }
            }
        };
        timeout(LONG, search).await.unwrap()
    }
}

/// The folder of packages: beside the script, or installed once for each build folder. Tests that
/// run at the same time may each install; one of them wins.
async fn packages() -> Option<PathBuf> {
    let beside_the_script = source_folder().join("node_modules");
    if beside_the_script.exists() {
        return Some(beside_the_script);
    }
    let installed = Path::new(env!("CARGO_TARGET_TMPDIR")).join("peer-smsc-0.5.1");
    let packages = installed.join("node_modules");
    if packages.exists() {
        return Some(packages);
    }
    static INSTALLS: AtomicU32 = AtomicU32::new(0);
    let number = INSTALLS.fetch_add(1, Ordering::Relaxed);
    let ours = installed.with_extension(format!("{}-{number}", std::process::id()));
    std::fs::create_dir_all(&ours).unwrap();
    for file in ["package.json", "package-lock.json"] {
        std::fs::copy(source_folder().join(file), ours.join(file)).unwrap();
    }
    let install = Command::new("npm")
        .args(["ci", "--no-audit", "--no-fund", "--ignore-scripts"])
        .current_dir(&ours)
        .stdin(Stdio::null())
        .kill_on_drop(true)
        .output();
    if !matches!(timeout(INSTALL_TIMEOUT, install).await, Ok(Ok(output)) if output.status.success())
    {
        skip("the npm package smpp cannot be installed");
        return None;
    }
    if std::fs::rename(&ours, &installed).is_err() {
        std::fs::remove_dir_all(&ours).unwrap();
    }
    Some(packages)
}

fn source_folder() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/peers/smsc")
}

struct House {
    smsc: Smsc,
    channel: Arc<SmsChannel>,
    inbox: SmsInbox,
    stop: CancellationToken,
    task: tokio::task::JoinHandle<()>,
}

async fn house(concatenation: Concatenation) -> Option<House> {
    let mut smsc = Smsc::start().await?;
    let request = BindRequest {
        system_id: "tocsin".to_owned(),
        password: "secret".to_owned(),
        interface_version: 0x34,
        ..BindRequest::default()
    };
    let mut settings = SmppSettings::new("npm", "127.0.0.1", smsc.port, request);
    settings.rate_per_second = 1000;
    settings.throttle_delay = Duration::from_millis(20);
    let stop = CancellationToken::new();
    let started = SmppBind::start(settings, stop.clone());
    let bound = smsc.next("bind").await;
    assert_eq!(
        (&bound["system_id"], &bound["accepted"]),
        (&"tocsin".into(), &true.into())
    );
    let mut watch = started.bind.watch();
    timeout(LONG, watch.wait_for(|s| s.binds == 1))
        .await
        .unwrap()
        .unwrap();
    let settings = RouteSettings {
        name: "npm".to_owned(),
        carrier: "npm".to_owned(),
        source: Address::sender("40404"),
        destination_ton: 1,
        destination_npi: 1,
        prefixes: Vec::new(),
        segments: SegmentOptions {
            concatenation,
            ..SegmentOptions::default()
        },
        id_form: MessageIdForm::HexThenDecimal,
        concurrency: 10,
        sends: true,
        user_message_reference: true,
        early_receipts: true,
    };
    let inbox = SmsInbox::new(settings.clone(), started.deliveries);
    let routes = vec![Route {
        bind: started.bind,
        settings,
    }];
    let channel = SmsChannel::new(routes, 6, Duration::from_secs(3600));
    Some(House {
        smsc,
        channel,
        inbox,
        stop,
        task: started.task,
    })
}

impl House {
    async fn attempt(&self, number: &str, text: &str) -> AttemptOutcome {
        let number = PhoneNumber::from_e164(number).unwrap();
        let content = Content {
            subject: String::new(),
            text: String::new(),
            html: String::new(),
            sms_text: text.to_owned(),
            voice_script: String::new(),
            attachments: Vec::new(),
        };
        let request = AttemptRequest {
            delivery: DeliveryId::from_bytes([7; 16]),
            attempt: 1,
            destination: Destination::Phone(Redacted::new(number)),
            written: Arc::default(),
            content: Arc::new(content),
            files: Arc::default(),
            submitted: None,
            recipient_name: String::new(),
            language: "en".to_owned(),
            return_path: String::new(),
            in_reply_to: None,
            confirmation_required: false,
            links: tocsin::channel::MailLinks::default(),
            reports: tocsin::channel::ReportParams::default(),
            once: false,
            express: false,
        };
        let (progress, _events) = mpsc::channel(PROGRESS_MAX);
        let attempt = self
            .channel
            .attempt(request, progress, CancellationToken::new());
        timeout(LONG, attempt).await.unwrap()
    }

    /// Sends to a number that the centre accepts; the remote ids.
    async fn accepted(&self, number: &str, text: &str) -> Vec<String> {
        match self.attempt(number, text).await {
            AttemptOutcome::Accepted { remote_ids, .. } => remote_ids,
            other => panic!("{other:?}"),
        }
    }

    /// The next thing that came in, acknowledged.
    async fn taken_in(&mut self) -> IncomingText {
        let incoming = timeout(LONG, self.inbox.next()).await.unwrap().unwrap();
        let text = incoming.text.clone();
        incoming.confirm();
        let answer = self.smsc.next("acknowledged").await;
        assert_eq!(answer["command_status"], 0);
        text
    }
}

#[tokio::test]
async fn texts_receipts_and_a_reply() {
    let Some(mut house) = house(Concatenation::Udh8).await else {
        return;
    };
    for words in ["Hello @£$ {€} _Ä_", "Привет 😀"] {
        let sent = house.accepted("+447700900001", words).await;
        let seen = house.smsc.next("submit").await;
        assert_eq!(
            (seen["text"].as_str(), seen["from"].as_str()),
            (Some(words), Some("40404"))
        );
        assert_eq!(seen["registered_delivery"], 1);
        let IncomingText::Receipt {
            remote_ids,
            meaning,
            ..
        } = house.taken_in().await
        else {
            panic!()
        };
        assert_eq!(remote_ids, sent);
        assert!(matches!(meaning, ReceiptMeaning::Delivered(_)));
    }

    house.accepted("+447700900007", "x").await;
    let IncomingText::Receipt { meaning, .. } = house.taken_in().await else {
        panic!()
    };
    assert_eq!(meaning.verdict().suspends(), Suspends::AtOnce);

    house.accepted("+447700900005", "Are you safe?").await;
    let IncomingText::Receipt { .. } = house.taken_in().await else {
        panic!()
    };
    let reply = house.taken_in().await;
    let expected = IncomingText::Message {
        from: "+447700900005".to_owned(),
        to: "40404".to_owned(),
        text: "Ja, danke 😀".to_owned(),
    };
    assert!(reply == expected);

    house.stop.cancel();
    house.smsc.next("unbind").await;
    timeout(LONG, house.task).await.unwrap().unwrap();
}

#[tokio::test]
async fn long_texts_in_every_way() {
    let words = "The river rises. Leave the lower town by the north road. ".repeat(5);
    for concatenation in [
        Concatenation::Udh8,
        Concatenation::Udh16,
        Concatenation::Sar,
        Concatenation::MessagePayload,
    ] {
        let Some(mut house) = house(concatenation).await else {
            return;
        };
        let ids = house.accepted("+447700900001", &words).await;
        let mut whole = String::new();
        // The reference of the whole, as the first part has it.
        let mut reference = None;
        for number in 1..=ids.len() {
            let seen = house.smsc.next("submit").await;
            let text = seen["payload"].as_str().or(seen["text"].as_str());
            whole.push_str(text.unwrap());
            match concatenation {
                Concatenation::Udh8 => {
                    let element = seen["udh"][0].as_str().unwrap();
                    let known = reference.get_or_insert(element[4..6].to_owned());
                    assert_eq!(element, format!("0003{known}02{number:02}"));
                }
                Concatenation::Udh16 => {
                    let element = seen["udh"][0].as_str().unwrap();
                    let known = reference.get_or_insert(element[4..8].to_owned());
                    assert_eq!(element, format!("0804{known}02{number:02}"));
                }
                Concatenation::Sar => {
                    let known = reference.get_or_insert(seen["sar"][0].to_string());
                    assert_eq!(seen["sar"].to_string(), format!("[{known},2,{number}]"));
                }
                Concatenation::MessagePayload => assert!(seen["payload"].is_string()),
            }
        }
        assert_eq!(whole, words);
    }
}

#[tokio::test]
async fn refusals_and_throttling() {
    let Some(house) = house(Concatenation::Udh8).await else {
        return;
    };
    let refused = house.attempt("+447700900009", "x").await;
    let AttemptOutcome::Rejected {
        verdict,
        by_peer: true,
    } = refused
    else {
        panic!("{refused:?}")
    };
    assert_eq!(verdict.suspends(), Suspends::AtOnce);
    house.accepted("+447700900008", "x").await;
    assert_eq!(house.channel.routes()[0].bind.status().throttled, 1);
}
