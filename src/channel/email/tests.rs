//! The channel against scripted servers on the loopback and an invented zone.
#![allow(clippy::unwrap_used)]

mod answers;
mod connections;
mod dane;
mod scanned;
mod servers;
mod sparing;
mod sts;

use std::{
    collections::{HashMap, HashSet},
    net::{IpAddr, Ipv4Addr},
    sync::{
        Mutex,
        atomic::{AtomicUsize, Ordering},
    },
    time::Duration,
};

use bytes::Bytes;
use tokio::{
    io::{AsyncBufReadExt, AsyncRead, AsyncWrite, AsyncWriteExt, BufReader},
    net::{TcpListener, TcpStream},
};

use super::*;
use crate::{
    clock::VirtualClock,
    config::{Config, Surroundings},
    domain::{
        Content, DeliveryId, EmailAddress, EnhancedStatus, Fault, Permanence, Suspends, Timestamp,
    },
    net::dns::{Checked, DnsFuture, MxRecord, Security},
    proto::tlsa::TlsaRecord,
};

/// A zone in memory; what is not in it does not exist.
#[derive(Default)]
struct Zone {
    mx: HashMap<&'static str, Result<Vec<MxRecord>, DnsFailure>>,
    hosts: HashMap<&'static str, Vec<IpAddr>>,
    txt: HashMap<&'static str, String>,
    tlsa: HashMap<String, Result<Checked<TlsaRecord>, DnsFailure>>,
    /// Names of which DNSSEC vouches for what is said.
    secure: HashSet<&'static str>,
}

impl Zone {
    fn vouched<T>(&self, name: &str, records: Vec<T>) -> Checked<T> {
        if !self.secure.contains(name) {
            return Checked::insecure(records);
        }
        Checked {
            records,
            security: Security::Secure,
            names: vec![name.to_owned()],
        }
    }
}

impl Dns for Zone {
    fn mx<'a>(&'a self, domain: &'a str) -> DnsFuture<'a, Vec<MxRecord>> {
        Box::pin(async move {
            self.mx
                .get(domain)
                .cloned()
                .unwrap_or(Err(DnsFailure::NoSuchDomain))
        })
    }

    fn txt<'a>(&'a self, name: &'a str) -> DnsFuture<'a, Vec<String>> {
        let known = self.txt.get(name).cloned();
        Box::pin(async move { known.map(|text| vec![text]).ok_or(DnsFailure::NoSuchDomain) })
    }

    fn addresses<'a>(&'a self, host: &'a str) -> DnsFuture<'a, Vec<IpAddr>> {
        Box::pin(async move {
            host.parse().map(|ip| vec![ip]).or_else(|_| {
                self.hosts
                    .get(host)
                    .cloned()
                    .ok_or(DnsFailure::NoSuchDomain)
            })
        })
    }

    fn checked_mx<'a>(&'a self, domain: &'a str) -> DnsFuture<'a, Checked<MxRecord>> {
        Box::pin(async move {
            let records = match self.mx(domain).await {
                Err(DnsFailure::NoRecords) => Vec::new(),
                other => other?,
            };
            Ok(self.vouched(domain, records))
        })
    }

    fn checked_addresses<'a>(&'a self, host: &'a str) -> DnsFuture<'a, Checked<IpAddr>> {
        Box::pin(async move { Ok(self.vouched(host, self.addresses(host).await?)) })
    }

    fn tlsa<'a>(&'a self, name: &'a str) -> DnsFuture<'a, Checked<TlsaRecord>> {
        let known = self.tlsa.get(name).cloned();
        Box::pin(async move { known.unwrap_or(Err(DnsFailure::NoRecords)) })
    }
}

/// What a scripted server does; every reply without its line end.
#[derive(Clone)]
struct Script {
    greeting: &'static str,
    ehlo: &'static str,
    mail: &'static str,
    rcpt: &'static str,
    data: &'static str,
    end: &'static str,
    /// Mails that it takes; at the end of the next it hangs up.
    takes: usize,
    starttls: Option<Arc<rustls::ServerConfig>>,
}

const GOOD: Script = Script {
    greeting: "220 mx.example ESMTP",
    ehlo: "250-mx.example\r\n250-8BITMIME\r\n250-SIZE 100000\r\n250 DSN",
    mail: "250 2.1.0 ok",
    rcpt: "250 2.1.5 ok",
    data: "354 go on",
    end: "250 2.0.0 queued as 4711",
    takes: usize::MAX,
    starttls: None,
};

#[derive(Default)]
struct Seen {
    connections: AtomicUsize,
    now: AtomicUsize,
    most: AtomicUsize,
    mails: AtomicUsize,
    lines: Mutex<Vec<String>>,
}

impl Seen {
    fn lines(&self) -> Vec<String> {
        self.lines.lock().unwrap().clone()
    }

    fn has(&self, start: &str) -> bool {
        self.lines().iter().any(|line| line.starts_with(start))
    }
}

/// Serves the script on a port of its own at `ip`; port 0 picks one.
async fn serve_at(ip: Ipv4Addr, port: u16, script: Script) -> (u16, Arc<Seen>) {
    let listener = TcpListener::bind((ip, port)).await.unwrap();
    let port = listener.local_addr().unwrap().port();
    let seen = Arc::new(Seen::default());
    let shared = Arc::clone(&seen);
    tokio::spawn(async move {
        while let Ok((stream, _)) = listener.accept().await {
            shared.connections.fetch_add(1, Ordering::SeqCst);
            let (script, seen) = (script.clone(), Arc::clone(&shared));
            tokio::spawn(async move {
                let now = seen.now.fetch_add(1, Ordering::SeqCst) + 1;
                seen.most.fetch_max(now, Ordering::SeqCst);
                let _ = first_dialogue(stream, &script, &seen).await;
                seen.now.fetch_sub(1, Ordering::SeqCst);
            });
        }
    });
    (port, seen)
}

async fn serve(script: Script) -> (u16, Arc<Seen>) {
    serve_at(Ipv4Addr::LOCALHOST, 0, script).await
}

async fn first_dialogue(stream: TcpStream, script: &Script, seen: &Seen) -> std::io::Result<()> {
    let mut stream = BufReader::new(stream);
    if script.greeting.is_empty() {
        tokio::time::sleep(Duration::from_secs(3600)).await;
    }
    stream
        .write_all(format!("{}\r\n", script.greeting).as_bytes())
        .await?;
    let upgrade = dialogue(&mut stream, script, seen).await?;
    let Some(config) = upgrade else { return Ok(()) };
    let tls = tokio_rustls::TlsAcceptor::from(config)
        .accept(stream.into_inner())
        .await?;
    seen.lines.lock().unwrap().push("(encrypted)".to_owned());
    dialogue(
        &mut BufReader::new(tls),
        &Script {
            starttls: None,
            ..script.clone()
        },
        seen,
    )
    .await
    .map(|_| ())
}

async fn dialogue<S: AsyncRead + AsyncWrite + Unpin>(
    stream: &mut BufReader<S>,
    script: &Script,
    seen: &Seen,
) -> std::io::Result<Option<Arc<rustls::ServerConfig>>> {
    let mut in_data = false;
    loop {
        let mut line = String::new();
        if stream.read_line(&mut line).await? == 0 {
            return Ok(None);
        }
        seen.lines
            .lock()
            .unwrap()
            .push(line.trim_end_matches("\r\n").to_owned());
        let verb = line.get(..4).unwrap_or_default().to_ascii_uppercase();
        let reply = match (in_data, verb.as_str()) {
            (true, _) if line == ".\r\n" => {
                in_data = false;
                if seen.mails.fetch_add(1, Ordering::SeqCst) >= script.takes {
                    return Ok(None);
                }
                script.end
            }
            (true, _) => continue,
            (_, "EHLO") if script.starttls.is_some() => "250-mx.example\r\n250 STARTTLS",
            (_, "EHLO") => script.ehlo,
            (_, "STAR") => {
                stream.write_all(b"220 go\r\n").await?;
                return Ok(script.starttls.clone());
            }
            (_, "MAIL") => script.mail,
            (_, "RCPT") => script.rcpt,
            (_, "DATA") => {
                in_data = script.data.starts_with('3');
                script.data
            }
            (_, "QUIT") => {
                stream.write_all(b"221 bye\r\n").await?;
                return Ok(None);
            }
            _ => "250 ok",
        };
        if reply.is_empty() {
            tokio::time::sleep(Duration::from_secs(3600)).await;
        }
        stream.write_all(format!("{reply}\r\n").as_bytes()).await?;
    }
}

fn channel_with(email: &str, zone: Zone, change: impl FnOnce(&mut EmailParts)) -> EmailChannel {
    let text = format!(
        "[server]\nname = \"gw.example\"\n[email]\nhelo = \"gw.example\"\nconnect_timeout = \"2s\"\ngreeting_timeout = \"1s\"\ncommand_timeout = \"2s\"\ndata_timeout = \"2s\"\n{email}"
    );
    let config = Config::parse(&text, &Surroundings::default()).unwrap();
    let mut parts = EmailParts {
        config: config.email,
        server_name: "gw.example".to_owned(),
        dns: Arc::new(zone),
        clock: VirtualClock::standing(Timestamp::from_millis(1_700_000_000_000)),
        random: Randomness::seeded(1),
        own_listeners: vec![],
        verifying: None,
        dkim: DkimKeys::default(),
        scanner: None,
        sts: None,
        metrics: Metrics::new(0),
    };
    change(&mut parts);
    EmailChannel::new(parts).unwrap()
}

/// A channel that sends all mail for town.example to one port of the loopback.
fn channel_to(port: u16) -> EmailChannel {
    channel_with(&routed(port, "opportunistic"), Zone::default(), |_| {})
}

fn routed(port: u16, tls: &str) -> String {
    format!(
        "[[email.route]]\ndomain = \"town.example\"\nhost = \"127.0.0.1\"\nport = {port}\ntls = \"{tls}\"\n"
    )
}

fn request() -> AttemptRequest {
    let content = Arc::new(Content {
        subject: "Flood".into(),
        text: ".first\nGo up.\n".into(),
        html: "<p>Go up.</p>".into(),
        sms_text: String::new(),
        voice_script: String::new(),
        attachments: Vec::new(),
    });
    AttemptRequest {
        delivery: DeliveryId::from_bytes([7; 16]),
        attempt: 1,
        destination: Destination::Email(EmailAddress::parse("ann+1@town.example").unwrap().into()),
        content: Arc::clone(&content),
        written: content,
        files: Arc::default(),
        submitted: None,
        recipient_name: "Ann".into(),
        language: "en".into(),
        return_path: "b-7@bounce.gw.example".into(),
        in_reply_to: None,
        confirmation_required: false,
        links: crate::channel::MailLinks::default(),
        reports: crate::channel::ReportParams::default(),
        once: false,
        express: false,
    }
}

async fn attempt(channel: &EmailChannel, request: AttemptRequest) -> AttemptOutcome {
    let (progress, _rest) = tokio::sync::mpsc::channel(1);
    let attempt = channel.attempt(request, progress, CancellationToken::new());
    tokio::time::timeout(Duration::from_secs(20), attempt)
        .await
        .unwrap()
}

async fn against(script: Script) -> (AttemptOutcome, Arc<Seen>) {
    let (port, seen) = serve(script).await;
    (attempt(&channel_to(port), request()).await, seen)
}

fn deferred(outcome: AttemptOutcome) -> Verdict {
    let AttemptOutcome::Deferred { verdict } = outcome else {
        unreachable!("not deferred: {outcome:?}")
    };
    assert_eq!(
        (verdict.permanence, verdict.suspends()),
        (Permanence::Temporary, Suspends::Never)
    );
    verdict
}

fn refused(outcome: AttemptOutcome, by_peer_expected: bool) -> Verdict {
    let AttemptOutcome::Rejected { verdict, by_peer } = outcome else {
        unreachable!("not rejected: {outcome:?}")
    };
    assert_eq!(by_peer, by_peer_expected);
    verdict
}

#[tokio::test]
async fn a_mail_is_handed_over_with_its_own_envelope() {
    let (outcome, seen) = against(GOOD).await;
    let AttemptOutcome::Delivered { verdict } = outcome else {
        unreachable!("{outcome:?}")
    };
    assert_eq!(verdict.diagnostic.as_str(), "250 2.0.0 queued as 4711");
    assert_eq!(verdict.status_code, Some(EnhancedStatus::new(2, 0, 0)));
    let lines = seen.lines();
    assert_eq!(lines[0], "EHLO gw.example");
    assert!(
        lines[1].starts_with("MAIL FROM:<b-7@bounce.gw.example> SIZE="),
        "{}",
        lines[1]
    );
    assert!(
        lines[1].ends_with("RET=HDRS ENVID=07070707070707070707070707070707"),
        "{}",
        lines[1]
    );
    assert_eq!(
        lines[2],
        "RCPT TO:<ann+1@town.example> NOTIFY=FAILURE,DELAY ORCPT=rfc822;ann+2B1@town.example"
    );
    assert!(seen.has("Message-ID: <07070707070707070707070707070707@gw.example>"));
    assert!(seen.has("..first"), "the leading dot was not doubled");
}

#[tokio::test]
async fn a_submitted_mail_goes_as_it_is() {
    let (port, seen) = serve(GOOD).await;
    let raw = Bytes::from_static(b".dot: first\r\nDate: x\r\nMessage-ID: <a@b>\r\n\r\nend\xff");
    let outcome = attempt(
        &channel_to(port),
        AttemptRequest {
            submitted: Some(raw),
            ..request()
        },
    )
    .await;
    // The scripted server reads lines as text and hangs up on the eight-bit one.
    deferred(outcome);
    assert!(seen.has("MAIL FROM:") && seen.lines()[1].contains(" BODY=8BITMIME"));
    assert_eq!(
        seen.lines()[4..7],
        ["..dot: first", "Date: x", "Message-ID: <a@b>"]
    );
}

#[tokio::test]
async fn nothing_of_ours_breaks_the_dialogue() {
    let (port, seen) = serve(GOOD).await;
    let evil = AttemptRequest {
        return_path: "a@b>\r\nRCPT TO:<c@d".into(),
        ..request()
    };
    assert_eq!(
        refused(attempt(&channel_to(port), evil).await, false).fault,
        Fault::Sender
    );
    let evil = AttemptRequest {
        recipient_name: "x\r\nBcc: all@town.example".into(),
        ..request()
    };
    assert_eq!(
        refused(attempt(&channel_to(port), evil).await, false).suspends(),
        Suspends::Never
    );
    assert_eq!(seen.connections.load(Ordering::SeqCst), 0);
    let small = against(Script {
        ehlo: "250-mx\r\n250 SIZE 100",
        ..GOOD
    })
    .await;
    assert_eq!(refused(small.0, true).reason, Reason::TooBig);
    assert!(!small.1.has("MAIL"));
}

#[tokio::test]
async fn files_travel_with_the_mail() {
    use mail_parser::MimeHeaders;
    let (port, seen) = serve(GOOD).await;
    let file = crate::channel::AttachedFile {
        name: "Plan é.pdf".into(),
        media_type: "application/pdf".into(),
        bytes: Bytes::from_static(b"%PDF-1.7 where to go"),
    };
    let request = AttemptRequest {
        files: vec![file].into(),
        ..request()
    };
    let outcome = attempt(&channel_to(port), request).await;
    assert!(
        matches!(outcome, AttemptOutcome::Delivered { .. }),
        "{outcome:?}"
    );
    let lines = seen.lines();
    let start = lines.iter().position(|line| line == "DATA").unwrap() + 1;
    let raw = lines[start..].join("\r\n");
    let mail = mail_parser::MessageParser::default().parse(&raw).unwrap();
    let file = mail.attachment(0).unwrap();
    assert_eq!(file.attachment_name(), Some("Plan é.pdf"));
    assert_eq!(file.contents(), b"%PDF-1.7 where to go");
    assert!(mail.body_text(0).unwrap().contains("Go up."));
}

#[tokio::test]
async fn pictures_are_shown_where_the_html_names_them() {
    use mail_parser::MimeHeaders;
    let file = |name: &str, media_type: &str| crate::channel::AttachedFile {
        name: name.into(),
        media_type: media_type.into(),
        bytes: Bytes::from_static(b"\x89PNG\r\n\x1a\n"),
    };
    let html = "<p>Here: <img src=\"cid:the%20quay.png\"></p>";
    let request = AttemptRequest {
        content: Arc::new(Content {
            html: html.into(),
            ..Content::clone(&request().content)
        }),
        files: vec![
            file("plan.pdf", "application/pdf"),
            file("the quay.png", "image/png"),
        ]
        .into(),
        ..request()
    };
    let mut ids = Vec::new();
    for attempt_number in 1..=2 {
        let (port, seen) = serve(GOOD).await;
        let request = AttemptRequest {
            attempt: attempt_number,
            ..request.clone()
        };
        attempt(&channel_to(port), request).await;
        let lines = seen.lines();
        let start = lines.iter().position(|line| line == "DATA").unwrap() + 1;
        let raw = lines[start..].join("\r\n");
        let mail = mail_parser::MessageParser::default().parse(&raw).unwrap();
        let mut shown = mail.parts.iter().filter_map(|part| part.content_id());
        let id = shown.next().unwrap().trim_matches(['<', '>']).to_owned();
        assert_eq!(shown.next(), None);
        let html = mail.body_html(0).unwrap();
        assert!(html.contains(&format!("<img src=\"cid:{id}\">")), "{html}");
        let own = mail.message_id().unwrap();
        assert_eq!(id, format!("2.{own}"), "of this message alone");
        let mixed = mail.parts[0].sub_parts().unwrap();
        assert_eq!(mixed.len(), 2, "the plan stands beside what is read");
        ids.push(id);
    }
    assert_eq!(ids[0], ids[1], "in each attempt the same");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 1)]
async fn a_mail_with_large_files_holds_up_no_thread() {
    let (port, seen) = serve(GOOD).await;
    let file = crate::channel::AttachedFile {
        name: "plan.pdf".into(),
        media_type: "application/pdf".into(),
        bytes: vec![b'x'; 12 * 1024 * 1024].into(),
    };
    let request = AttemptRequest {
        files: vec![file].into(),
        ..request()
    };
    // Stands for a call, which sends every few milliseconds, on the only thread there is.
    let calling = tokio::spawn(async move {
        let mut ticks = 0;
        while !seen.has("EHLO") {
            tokio::time::sleep(Duration::from_millis(2)).await;
            ticks += 1;
        }
        ticks
    });
    let attempt = tokio::spawn(async move { attempt(&channel_to(port), request).await });
    let ticks = calling.await.unwrap();
    assert!(ticks >= 15, "it came to its turn {ticks} times");
    attempt.abort();
}
