//! Our mail channel against a Postfix that delivers, refuses, and bounces to our MX.

use std::{
    io::{BufRead, BufReader, Write},
    net::{Ipv4Addr, SocketAddr, TcpListener, TcpStream},
    sync::{Arc, mpsc},
    thread,
    time::Duration,
};

use crate::postfix::{Postfix, Settings};
use tocsin::{
    channel::{
        AttemptOutcome, AttemptRequest, Channel,
        email::{DkimKeys, EmailChannel, EmailParts},
    },
    classify::mail::classify_mail,
    clock::{Randomness, SystemClock},
    config::{Config, Surroundings},
    domain::{Content, DeliveryId, Destination, EmailAddress, EnhancedStatus, Reason, Suspends},
    net::dns::SystemDns,
    proto::mime::read::read,
};
use tokio_util::sync::CancellationToken;

/// A mail as our MX would have got it.
pub(crate) struct Received {
    pub(crate) sender: String,
    pub(crate) recipient: String,
    pub(crate) raw: String,
}

/// Takes every mail on a port of the loopback and hands it on.
pub(crate) fn listen() -> (SocketAddr, mpsc::Receiver<Received>) {
    let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).unwrap();
    let address = listener.local_addr().unwrap();
    let (sender, receiver) = mpsc::channel();
    thread::spawn(move || {
        for stream in listener.incoming() {
            let (Ok(stream), sender) = (stream, sender.clone()) else {
                return;
            };
            thread::spawn(move || take(stream, &sender));
        }
    });
    (address, receiver)
}

fn take(stream: TcpStream, sender: &mpsc::Sender<Received>) -> Option<()> {
    let mut out = stream.try_clone().ok()?;
    let mut say = |text: &str| out.write_all(format!("{text}\r\n").as_bytes()).ok();
    let mut mail = Received {
        sender: String::new(),
        recipient: String::new(),
        raw: String::new(),
    };
    let mut in_data = false;
    say("220 gw.example ESMTP")?;
    for line in BufReader::new(stream).lines() {
        let line = line.ok()?;
        if in_data && line == "." {
            in_data = false;
            let done = Received {
                sender: std::mem::take(&mut mail.sender),
                recipient: std::mem::take(&mut mail.recipient),
                raw: std::mem::take(&mut mail.raw),
            };
            sender.send(done).ok()?;
            say("250 2.0.0 taken")?;
        } else if in_data {
            mail.raw.push_str(line.strip_prefix('.').unwrap_or(&line));
            mail.raw.push_str("\r\n");
        } else if let Some(path) = line.strip_prefix("MAIL FROM:") {
            path.clone_into(&mut mail.sender);
            say("250 2.1.0 ok")?;
        } else if let Some(path) = line.strip_prefix("RCPT TO:") {
            path.clone_into(&mut mail.recipient);
            say("250 2.1.5 ok")?;
        } else if line == "DATA" {
            in_data = true;
            say("354 go on")?;
        } else {
            say("250 ok")?;
        }
    }
    Some(())
}

fn channel(postfix: &Postfix) -> EmailChannel {
    channel_to(postfix.address, |_| {})
}

/// A channel that sends the mail for town.example there.
pub(crate) fn channel_to(
    server: std::net::SocketAddr,
    change: impl FnOnce(&mut EmailParts),
) -> EmailChannel {
    let text = format!(
        "[server]\nname = \"gw.example\"\n[email]\nhelo = \"gw.example\"\nfrom = \"alerts@gw.example\"\n[[email.route]]\ndomain = \"town.example\"\nhost = \"127.0.0.1\"\nport = {}\n",
        server.port()
    );
    let mut parts = EmailParts {
        config: Config::parse(&text, &Surroundings::default())
            .unwrap()
            .email,
        server_name: "gw.example".to_owned(),
        dns: Arc::new(SystemDns::new().unwrap()),
        clock: SystemClock::shared(),
        random: Randomness::seeded(1),
        own_listeners: vec![],
        verifying: None,
        dkim: DkimKeys::default(),
        scanner: None,
        sts: None,
        metrics: tocsin::observe::Metrics::new(0),
    };
    change(&mut parts);
    EmailChannel::new(parts).unwrap()
}

pub(crate) fn request(to: &str, number: u8) -> AttemptRequest {
    let content = Arc::new(Content {
        subject: "Flood: please confirm".into(),
        text: ".Go up.\n\nNow.\n".into(),
        html: "<p>Go up.</p>".into(),
        sms_text: String::new(),
        voice_script: String::new(),
        attachments: Vec::new(),
    });
    AttemptRequest {
        delivery: DeliveryId::from_bytes([number; 16]),
        attempt: 1,
        destination: Destination::Email(EmailAddress::parse(to).unwrap().into()),
        content: Arc::clone(&content),
        written: content,
        files: Arc::default(),
        submitted: None,
        recipient_name: "Ann".into(),
        language: "en".into(),
        return_path: format!("b-{number}@bounce.gw.example"),
        in_reply_to: None,
        confirmation_required: false,
        links: tocsin::channel::MailLinks::default(),
        reports: tocsin::channel::ReportParams::default(),
        once: false,
        express: false,
    }
}

pub(crate) async fn send(channel: &EmailChannel, to: &str, number: u8) -> AttemptOutcome {
    send_request(channel, request(to, number)).await
}

pub(crate) async fn send_request(
    channel: &EmailChannel,
    request: AttemptRequest,
) -> AttemptOutcome {
    let (progress, _rest) = tokio::sync::mpsc::channel(1);
    tokio::time::timeout(
        Duration::from_secs(60),
        channel.attempt(request, progress, CancellationToken::new()),
    )
    .await
    .unwrap()
}

#[tokio::test(flavor = "multi_thread")]
async fn postfix_delivers_refuses_and_bounces() {
    let (our_mx, bounces) = listen();
    let settings = Settings {
        domain: "town.example",
        mailboxes: &["ann"],
        bounces: &[
            ("late", "550 5.1.1 no such user behind this server"),
            ("full", "552 5.2.2 mailbox is full"),
        ],
        bounces_to: ("bounce.gw.example", our_mx),
        starttls: true,
    };
    let Some(postfix) = Postfix::start(&settings) else {
        return;
    };
    let channel = channel(&postfix);

    let outcome = send(&channel, "ann@town.example", 1).await;
    assert!(
        matches!(outcome, AttemptOutcome::Delivered { .. }),
        "{outcome:?}\n{}",
        postfix.log()
    );
    let mails = postfix.wait_for_mails("ann", 1);
    assert!(
        mails[0].contains("Return-Path: <b-1@bounce.gw.example>"),
        "{}",
        mails[0]
    );
    assert!(
        mails[0].contains("\n.Go up."),
        "the leading dot was lost or doubled:\n{}",
        mails[0]
    );
    assert!(
        mails[0].contains("with ESMTPS"),
        "STARTTLS was offered and not used:\n{}",
        mails[0]
    );

    let outcome = send(&channel, "nobody@town.example", 2).await;
    let AttemptOutcome::Rejected {
        verdict,
        by_peer: true,
    } = outcome
    else {
        unreachable!("{outcome:?}")
    };
    assert_eq!(
        (verdict.reason, verdict.suspends()),
        (Reason::UserUnknown, Suspends::AtOnce)
    );
    assert_eq!(
        verdict.diagnostic.as_str(),
        "550 5.1.1 <nobody@town.example>: Recipient address rejected: User unknown in virtual mailbox table"
    );

    for (to, number, reason, status, suspends) in [
        (
            "late@town.example",
            3,
            Reason::UserUnknown,
            EnhancedStatus::new(5, 1, 1),
            Suspends::AtOnce,
        ),
        (
            "full@town.example",
            4,
            Reason::MailboxFull,
            EnhancedStatus::new(5, 2, 2),
            Suspends::AfterRepeats,
        ),
    ] {
        let outcome = send(&channel, to, number).await;
        assert!(
            matches!(outcome, AttemptOutcome::Delivered { .. }),
            "{outcome:?}"
        );
        let bounce = bounces
            .recv_timeout(Duration::from_secs(30))
            .unwrap_or_else(|_| unreachable!("no bounce came:\n{}", postfix.log()));
        assert!(bounce.sender.starts_with("<>"), "{}", bounce.sender);
        assert!(
            bounce
                .recipient
                .starts_with(&format!("<b-{number}@bounce.gw.example>")),
            "{}",
            bounce.recipient
        );
        let mail = read(bounce.raw.as_bytes()).unwrap();
        let found = classify_mail(&mail);
        assert_eq!(found.findings.len(), 1, "{}", bounce.raw);
        let finding = &found.findings[0];
        assert_eq!(finding.address, to);
        assert_eq!(
            (finding.verdict.reason, finding.verdict.status_code),
            (reason, Some(status)),
            "{}",
            bounce.raw
        );
        assert_eq!(finding.verdict.suspends(), suspends);
        assert!(
            finding.verdict.diagnostic.as_str().starts_with("smtp; 55"),
            "{}",
            finding.verdict.diagnostic.as_str()
        );
        let id = DeliveryId::from_bytes([number; 16]);
        let returned = mail.original.as_ref().unwrap();
        assert_eq!(
            returned.get("Message-ID"),
            Some(format!("<{id}@gw.example>").as_str())
        );
    }
}
