//! The channel against scripted servers on the loopback and an invented zone.
#![allow(clippy::unwrap_used)]

use std::{
    collections::HashMap,
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
    domain::{Content, DeliveryId, EmailAddress, EnhancedStatus, Suspends, Timestamp},
    net::dns::{DnsFailure, DnsFuture, MxRecord},
};

/// A zone in memory; what is not in it does not exist.
#[derive(Default)]
struct Zone {
    mx: HashMap<&'static str, Result<Vec<MxRecord>, DnsFailure>>,
    hosts: HashMap<&'static str, Vec<IpAddr>>,
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
    starttls: Option<Arc<rustls::ServerConfig>>,
}

const GOOD: Script = Script {
    greeting: "220 mx.example ESMTP",
    ehlo: "250-mx.example\r\n250-8BITMIME\r\n250-SIZE 100000\r\n250 DSN",
    mail: "250 2.1.0 ok",
    rcpt: "250 2.1.5 ok",
    data: "354 go on",
    end: "250 2.0.0 queued as 4711",
    starttls: None,
};

#[derive(Default)]
struct Seen {
    connections: AtomicUsize,
    now: AtomicUsize,
    most: AtomicUsize,
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
    AttemptRequest {
        delivery: DeliveryId::from_bytes([7; 16]),
        attempt: 1,
        destination: Destination::Email(EmailAddress::parse("ann+1@town.example").unwrap().into()),
        content: Arc::new(Content {
            subject: "Flood".into(),
            text: ".first\nGo up.\n".into(),
            html: "<p>Go up.</p>".into(),
            sms_text: String::new(),
            voice_script: String::new(),
            attachments: Vec::new(),
        }),
        files: Arc::default(),
        submitted: None,
        recipient_name: "Ann".into(),
        language: "en".into(),
        return_path: "b-7@bounce.gw.example".into(),
        in_reply_to: None,
        confirmation_required: false,
        links: crate::channel::MailLinks::default(),
        once: false,
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
async fn refusals_keep_the_words_of_the_server() {
    let words =
        "550-5.1.1 <ann+1@town.example>: Recipient address rejected:\r\n550 5.1.1 User unknown";
    let (outcome, seen) = against(Script {
        rcpt: words,
        ..GOOD
    })
    .await;
    let verdict = refused(outcome, true);
    assert_eq!(verdict.diagnostic.as_str(), words.replace("\r\n", "\n"));
    assert_eq!(
        (verdict.reason, verdict.suspends()),
        (Reason::UserUnknown, Suspends::AtOnce)
    );
    assert!(!seen.has("DATA"));
    let verdict = refused(
        against(Script {
            end: "554 5.7.1 looks like spam",
            ..GOOD
        })
        .await
        .0,
        true,
    );
    assert_eq!(
        (verdict.reason, verdict.suspends()),
        (Reason::Spam, Suspends::Never)
    );
    let verdict = refused(
        against(Script {
            mail: "550 5.7.1 sender rejected",
            ..GOOD
        })
        .await
        .0,
        true,
    );
    assert_eq!(
        (verdict.fault, verdict.suspends()),
        (Fault::Sender, Suspends::Never)
    );
    // A callout to our bounce address failed: nothing is said about the recipient.
    let callout = Script {
        mail: "550 5.1.1 User unknown",
        ..GOOD
    };
    let verdict = refused(against(callout).await.0, true);
    assert_eq!(
        (verdict.fault, verdict.suspends()),
        (Fault::Sender, Suspends::Never)
    );
}

#[tokio::test]
async fn what_may_pass_is_deferred() {
    for (script, reason) in [
        (
            Script {
                rcpt: "450 4.2.0 greylisted, try again",
                ..GOOD
            },
            Reason::Rate,
        ),
        (
            Script {
                greeting: "554 5.7.1 your IP is on a blocklist",
                ..GOOD
            },
            Reason::Blocked,
        ),
        (
            Script {
                greeting: "421 4.3.2 service not available",
                ..GOOD
            },
            Reason::System,
        ),
        (
            Script {
                mail: "421 4.7.0 too many connections",
                ..GOOD
            },
            Reason::Rate,
        ),
        (
            Script {
                greeting: "",
                ..GOOD
            },
            Reason::Network,
        ),
        (Script { rcpt: "", ..GOOD }, Reason::Network),
        (Script { end: "", ..GOOD }, Reason::Network),
        (
            Script {
                greeting: "SSH-2.0-x",
                ..GOOD
            },
            Reason::Network,
        ),
        (
            Script {
                rcpt: "250 ok\r\n250 queued",
                ..GOOD
            },
            Reason::Network,
        ),
        (
            Script {
                end: "451 4.3.0 local error in processing",
                ..GOOD
            },
            Reason::System,
        ),
    ] {
        let (outcome, seen) = against(script).await;
        assert_eq!(deferred(outcome).reason, reason, "{:?}", seen.lines());
    }
    let full = against(Script {
        rcpt: "452 4.2.2 mailbox full",
        ..GOOD
    })
    .await
    .0;
    let AttemptOutcome::Deferred { verdict } = full else {
        unreachable!("{full:?}")
    };
    assert_eq!(verdict.suspends(), Suspends::AfterRepeats);
}

#[tokio::test]
async fn the_next_server_is_asked_when_one_does_not_answer() {
    let (port, good) = serve_at(Ipv4Addr::new(127, 0, 0, 3), 0, GOOD).await;
    let (_, busy) = serve_at(
        Ipv4Addr::new(127, 0, 0, 2),
        port,
        Script {
            greeting: "421 4.3.2 busy",
            ..GOOD
        },
    )
    .await;
    let mut zone = Zone::default();
    let mx = |preference, exchange: &str| MxRecord {
        preference,
        exchange: exchange.to_owned(),
    };
    zone.mx.insert(
        "town.example",
        Ok(vec![mx(30, "three"), mx(10, "one"), mx(20, "two")]),
    );
    for (name, last) in [("one", 1), ("two", 2), ("three", 3)] {
        zone.hosts
            .insert(name, vec![IpAddr::V4(Ipv4Addr::new(127, 0, 0, last))]);
    }
    let channel = channel_with(&format!("port = {port}\n"), zone, |_| {});
    assert!(matches!(
        attempt(&channel, request()).await,
        AttemptOutcome::Delivered { .. }
    ));
    assert_eq!(
        (
            busy.connections.load(Ordering::SeqCst),
            good.connections.load(Ordering::SeqCst)
        ),
        (1, 1)
    );
}

#[tokio::test]
async fn a_server_that_may_take_the_mail_later_outweighs_one_that_never_will() {
    let busy = Script {
        greeting: "421 4.3.2 busy",
        ..GOOD
    };
    let closed = Script {
        greeting: "521 5.3.2 takes no mail",
        ..GOOD
    };
    for (first, second) in [(busy.clone(), closed.clone()), (closed, busy)] {
        let (port, _) = serve_at(Ipv4Addr::new(127, 0, 0, 4), 0, first).await;
        serve_at(Ipv4Addr::new(127, 0, 0, 5), port, second).await;
        let mut zone = Zone::default();
        let mut records = vec![];
        for (exchange, last) in [("one", 4), ("two", 5)] {
            records.push(MxRecord {
                preference: last.into(),
                exchange: exchange.to_owned(),
            });
            let ip = IpAddr::V4(Ipv4Addr::new(127, 0, 0, last));
            zone.hosts.insert(exchange, vec![ip]);
        }
        zone.mx.insert("town.example", Ok(records));
        let channel = channel_with(&format!("port = {port}\n"), zone, |_| {});
        let verdict = deferred(attempt(&channel, request()).await);
        assert_eq!(verdict.diagnostic.as_str(), "421 4.3.2 busy");
    }
}

#[tokio::test]
async fn the_dns_decides_whose_fault_it_is() {
    let mut zone = Zone::default();
    zone.mx.insert(
        "null.example",
        Ok(vec![MxRecord {
            preference: 0,
            exchange: String::new(),
        }]),
    );
    zone.mx
        .insert("ill.example", Err(DnsFailure::Temporary("SERVFAIL".into())));
    zone.mx.insert("bare.example", Err(DnsFailure::NoRecords));
    zone.mx.insert(
        "lost.example",
        Ok(vec![MxRecord {
            preference: 0,
            exchange: "gone".into(),
        }]),
    );
    let channel = channel_with("", zone, |_| {});
    let to = |address: &str| AttemptRequest {
        destination: Destination::Email(EmailAddress::parse(address).unwrap().into()),
        ..request()
    };
    for (address, status) in [
        ("a@gone.example", (5, 1, 2)),
        ("a@null.example", (5, 1, 10)),
        ("a@bare.example", (5, 1, 2)),
    ] {
        let verdict = refused(attempt(&channel, to(address)).await, false);
        let (class, subject, detail) = status;
        assert_eq!(
            verdict.status_code,
            Some(EnhancedStatus::new(class, subject, detail)),
            "{address}"
        );
        assert_eq!(verdict.suspends(), Suspends::AtOnce, "{address}");
    }
    assert_eq!(
        deferred(attempt(&channel, to("a@ill.example")).await).fault,
        Fault::Network
    );
    let lost = attempt(&channel, to("a@lost.example")).await;
    assert!(matches!(lost, AttemptOutcome::Deferred { .. }), "{lost:?}");
}

#[tokio::test]
async fn a_relay_accepts_and_does_not_deliver() {
    let (port, seen) = serve(Script {
        ehlo: "250-relay\r\n250-AUTH PLAIN\r\n250 DSN",
        ..GOOD
    })
    .await;
    let password = tempfile::NamedTempFile::new().unwrap();
    std::fs::write(password.path(), "secret\n").unwrap();
    let relay = format!(
        "[email.relay]\nhost = \"127.0.0.1\"\nport = {port}\ntls = \"none\"\nuser = \"u\"\npassword_file = \"{}\"\n",
        password.path().display()
    );
    let channel = channel_with(&relay, Zone::default(), |_| {});
    // The script answers AUTH with 250, which is not 235: the relay has not let us in.
    let verdict = deferred(attempt(&channel, request()).await);
    assert_eq!(verdict.reason, Reason::Security);
    assert!(seen.has("AUTH PLAIN AHUAc2VjcmV0"));
    let (port, seen) = serve(GOOD).await;
    let relay = format!("[email.relay]\nhost = \"127.0.0.1\"\nport = {port}\ntls = \"none\"\n");
    let outcome = attempt(&channel_with(&relay, Zone::default(), |_| {}), request()).await;
    let AttemptOutcome::Accepted {
        verdict,
        remote_ids,
    } = outcome
    else {
        unreachable!("{outcome:?}")
    };
    assert_eq!((verdict.reason, remote_ids.len()), (Reason::Accepted, 0));
    assert!(seen.lines()[2].contains("NOTIFY=SUCCESS,FAILURE,DELAY"));
}

fn certificate() -> (Arc<rustls::ServerConfig>, rustls::RootCertStore) {
    let made = rcgen::generate_simple_self_signed(vec!["127.0.0.1".to_owned()]).unwrap();
    let key = rustls::pki_types::PrivateKeyDer::try_from(made.signing_key.serialize_der()).unwrap();
    let mut roots = rustls::RootCertStore::empty();
    roots.add(made.cert.der().clone()).unwrap();
    let config = rustls::ServerConfig::builder_with_provider(Arc::new(
        rustls::crypto::ring::default_provider(),
    ))
    .with_safe_default_protocol_versions()
    .unwrap()
    .with_no_client_auth()
    .with_single_cert(vec![made.cert.der().clone()], key)
    .unwrap();
    (Arc::new(config), roots)
}

#[tokio::test]
async fn tls_is_used_when_offered_and_verified_when_required() {
    let (server, roots) = certificate();
    let script = Script {
        starttls: Some(server),
        ..GOOD
    };
    let (outcome, seen) = against(script.clone()).await;
    assert!(
        matches!(outcome, AttemptOutcome::Delivered { .. }),
        "{outcome:?}"
    );
    let lines = seen.lines();
    let encrypted = lines.iter().position(|l| l == "(encrypted)").unwrap();
    assert!(lines[..encrypted].iter().all(|l| !l.starts_with("MAIL")));

    let (port, seen) = serve(script).await;
    let strict = channel_with(&routed(port, "starttls"), Zone::default(), |_| {});
    assert_eq!(
        deferred(attempt(&strict, request()).await).reason,
        Reason::Tls
    );
    assert!(
        !seen.has("MAIL"),
        "mail went to a server whose certificate is no good"
    );
    let known = tls_client::client_config_with_roots(roots).unwrap();
    let strict = channel_with(&routed(port, "starttls"), Zone::default(), |parts| {
        parts.verifying = Some(known)
    });
    assert!(matches!(
        attempt(&strict, request()).await,
        AttemptOutcome::Delivered { .. }
    ));

    let (port, _) = serve(GOOD).await;
    let strict = channel_with(&routed(port, "starttls"), Zone::default(), |_| {});
    assert_eq!(
        deferred(attempt(&strict, request()).await).reason,
        Reason::Tls
    );
}

#[tokio::test]
async fn connections_are_used_again_and_bounded() {
    let (port, seen) = serve(GOOD).await;
    let channel = channel_with(
        &format!("concurrency_per_host = 2\n{}", routed(port, "none")),
        Zone::default(),
        |_| {},
    );
    let all = futures_util::future::join_all((0..12).map(|_| attempt(&channel, request()))).await;
    assert!(
        all.iter()
            .all(|outcome| matches!(outcome, AttemptOutcome::Delivered { .. }))
    );
    assert!(seen.most.load(Ordering::SeqCst) <= 2);
    assert!(seen.connections.load(Ordering::SeqCst) <= 2);
    assert_eq!(
        seen.lines()
            .iter()
            .filter(|l| l.starts_with("MAIL"))
            .count(),
        12
    );
}

#[tokio::test]
async fn a_refused_recipient_does_not_cost_the_connection() {
    let (port, seen) = serve(Script {
        rcpt: "550 5.1.1 no such user",
        ..GOOD
    })
    .await;
    let channel = channel_to(port);
    for _ in 0..3 {
        refused(attempt(&channel, request()).await, true);
    }
    assert_eq!(seen.connections.load(Ordering::SeqCst), 1);
    assert_eq!(seen.lines().iter().filter(|l| *l == "RSET").count(), 3);
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
async fn mail_is_not_sent_round_in_a_circle() {
    let (port, seen) = serve(GOOD).await;
    let own = SocketAddr::from(([0, 0, 0, 0], port));
    let channel = channel_with(&routed(port, "none"), Zone::default(), |parts| {
        parts.own_listeners = vec![own]
    });
    let verdict = refused(attempt(&channel, request()).await, false);
    assert_eq!(
        (verdict.status_code, verdict.suspends()),
        (Some(EnhancedStatus::new(5, 4, 6)), Suspends::Never)
    );
    assert_eq!(seen.connections.load(Ordering::SeqCst), 0);
}

#[tokio::test]
async fn an_attempt_ends_soon_when_told_to() {
    let (port, seen) = serve(Script { rcpt: "", ..GOOD }).await;
    let channel = channel_to(port);
    let cancel = CancellationToken::new();
    let (progress, _rest) = tokio::sync::mpsc::channel(1);
    let running = channel.attempt(request(), progress, cancel.clone());
    let stop = async {
        while !seen.has("RCPT") {
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
        cancel.cancel();
    };
    let both = async { tokio::join!(running, stop) };
    let (outcome, ()) = tokio::time::timeout(Duration::from_secs(1), both)
        .await
        .unwrap();
    let verdict = deferred(outcome);
    assert_eq!(
        (verdict.diagnostic.as_str(), verdict.fault),
        ("stopped before it was handed over", Fault::Unknown)
    );
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
