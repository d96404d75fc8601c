//! Domains that say by MTA-STS how mail is to be brought.

use super::connections::certificate_for;
use super::*;
use crate::channel::email::sts::{FetchFuture, HttpsPolicies, Policies, StsFetch};
use crate::clock::SharedClock;
use crate::net::https::{Guard, HttpsClient, Target, TargetError};
use crate::proto::mta_sts::{STS_POLICY_SIZE_MAX_BYTES, StsMode};

const ENFORCED: &str = "version: STSv1\nmode: enforce\nmx: mx.town.example\nmax_age: 86400\n";

/// Gives what it holds, and counts how often it was asked.
struct Scripted {
    policy: Mutex<Result<String, String>>,
    asked: AtomicUsize,
}

impl Scripted {
    fn new(policy: &str) -> Arc<Self> {
        Arc::new(Self {
            policy: Mutex::new(Ok(policy.to_owned())),
            asked: AtomicUsize::new(0),
        })
    }

    fn asked(&self) -> usize {
        self.asked.load(Ordering::SeqCst)
    }
}

impl StsFetch for Scripted {
    fn fetch<'a>(&'a self, domain: &'a str) -> FetchFuture<'a> {
        assert_eq!(domain, "town.example");
        self.asked.fetch_add(1, Ordering::SeqCst);
        let policy = self.policy.lock().unwrap().clone();
        Box::pin(async move { policy })
    }
}

fn zone(host: &'static str, id: &str) -> Zone {
    let mx = MxRecord {
        preference: 10,
        exchange: host.to_owned(),
    };
    Zone {
        mx: [("town.example", Ok(vec![mx]))].into(),
        hosts: [(host, vec![Ipv4Addr::LOCALHOST.into()])].into(),
        txt: [("_mta-sts.town.example", format!("v=STSv1; id={id};"))].into(),
        ..Zone::default()
    }
}

/// What became of a mail to a server of this name that has a certificate for `certified`.
async fn sent(
    policy: &str,
    host: &'static str,
    certified: Option<&str>,
) -> (AttemptOutcome, bool, String) {
    let made = certified.map(certificate_for);
    let (server, roots) = made.map_or((None, None), |(server, roots)| (Some(server), Some(roots)));
    let script = Script {
        starttls: server,
        ..GOOD
    };
    let (port, seen) = serve(script).await;
    let metrics = Metrics::new(0);
    let channel = channel_with(&format!("port = {port}\n"), zone(host, "1"), |parts| {
        parts.sts = Some(Scripted::new(policy));
        parts.verifying = roots.map(|roots| tls_client::client_config_with_roots(roots).unwrap());
        parts.metrics = Arc::clone(&metrics);
    });
    let outcome = attempt(&channel, request()).await;
    let told = seen.lines().iter().any(|line| line.starts_with("MAIL"));
    let counted = metrics.render();
    let counted = counted
        .lines()
        .filter(|line| line.starts_with("tocsin_email_tls_sessions_total{"));
    (outcome, told, counted.collect::<Vec<_>>().join("\n"))
}

#[tokio::test]
async fn a_policy_in_force_is_kept_or_the_mail_waits() {
    let host = "mx.town.example";
    let (outcome, told, counted) = sent(ENFORCED, host, Some(host)).await;
    assert!(
        matches!(outcome, AttemptOutcome::Delivered { .. }),
        "{outcome:?}"
    );
    assert!(
        told && counted.contains("policy=\"sts\",result=\"success\"} 1"),
        "{counted}"
    );

    for (host, certified, result) in [
        (host, None, Some("starttls-not-supported")),
        (
            host,
            Some("other.example"),
            Some("certificate-host-mismatch"),
        ),
        // Nobody connects to a server that the policy does not name.
        ("mx.evil.example", Some("mx.evil.example"), None),
    ] {
        let (outcome, told, counted) = sent(ENFORCED, host, certified).await;
        let verdict = deferred(outcome);
        assert_eq!(
            (verdict.reason, verdict.fault),
            (Reason::Tls, Fault::Network),
            "{host} {certified:?}"
        );
        assert!(!told, "{host} {certified:?} was told of the mail");
        match result {
            Some(result) => assert!(counted.contains(result), "{counted}"),
            None => assert_eq!(counted, ""),
        }
    }
}

#[tokio::test]
async fn a_policy_on_trial_or_taken_back_stops_nothing() {
    for policy in [
        ENFORCED.replace("enforce", "testing"),
        ENFORCED.replace("enforce", "none"),
        "<html>not found</html>".to_owned(),
    ] {
        let (outcome, ..) = sent(&policy, "mx.evil.example", None).await;
        assert!(
            matches!(outcome, AttemptOutcome::Delivered { .. }),
            "{policy}"
        );
    }
}

#[tokio::test]
async fn a_policy_is_kept_as_long_as_it_says() {
    let clock = VirtualClock::standing(Timestamp::from_millis(1_700_000_000_000));
    let source = Scripted::new(ENFORCED);
    let shared: SharedClock = clock.clone();
    let policies = Policies::new(Arc::clone(&source) as Arc<dyn StsFetch>, shared);
    let (first, second) = (zone("mx.town.example", "1"), zone("mx.town.example", "2"));
    let silent = Zone::default();
    let mode = async |zone: &Zone| policies.of("town.example", zone).await.map(|p| p.mode);

    assert_eq!(mode(&silent).await, None);
    assert_eq!(mode(&first).await, Some(StsMode::Enforce));
    assert_eq!(mode(&first).await, Some(StsMode::Enforce));
    assert_eq!(source.asked(), 1, "kept");
    assert_eq!(
        mode(&silent).await,
        Some(StsMode::Enforce),
        "the DNS was silenced"
    );

    // Another id, but nothing can be had: the old one is believed, and nobody is pestered.
    *source.policy.lock().unwrap() = Err("HTTP 500".to_owned());
    assert_eq!(mode(&second).await, Some(StsMode::Enforce));
    assert_eq!(mode(&second).await, Some(StsMode::Enforce));
    assert_eq!(source.asked(), 2);
    clock.advance(Duration::from_secs(301));
    *source.policy.lock().unwrap() = Ok(ENFORCED.replace("enforce", "testing"));
    assert_eq!(mode(&second).await, Some(StsMode::Testing));
    assert_eq!(source.asked(), 3);

    clock.advance(Duration::from_secs(43_201));
    assert_eq!(mode(&second).await, Some(StsMode::Testing));
    assert_eq!(source.asked(), 4, "renewed before it ends");

    clock.advance(Duration::from_secs(86_401));
    assert_eq!(mode(&silent).await, None, "it has ended");
    *source.policy.lock().unwrap() = Ok(ENFORCED.replace("86400", "0"));
    assert_eq!(mode(&second).await, Some(StsMode::Enforce));
    assert_eq!(mode(&second).await, Some(StsMode::Enforce));
    assert_eq!(source.asked(), 5);
}

/// Serves this answer once, with TLS for "localhost"; gives what it was asked, and what asks it.
async fn https_server(answer: Vec<u8>) -> (Target, HttpsPolicies, tokio::task::JoinHandle<String>) {
    let (server, roots) = certificate_for("localhost");
    let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).await.unwrap();
    let port = listener.local_addr().unwrap().port();
    let serving = tokio::spawn(async move {
        let (stream, _) = listener.accept().await.unwrap();
        let mut asked = String::new();
        let stream = tokio_rustls::TlsAcceptor::from(server).accept(stream).await;
        let Ok(stream) = stream else { return asked };
        let mut stream = BufReader::new(stream);
        while !asked.ends_with("\r\n\r\n") {
            if stream.read_line(&mut asked).await.unwrap() == 0 {
                break;
            }
        }
        // Whoever has read enough hangs up.
        let _ = stream.write_all(&answer).await;
        let _ = stream.shutdown().await;
        asked
    });
    let networks = ["127.0.0.0/8".to_owned()];
    let client = HttpsClient::new(
        tls_client::client_config_with_roots(roots).unwrap(),
        Guard::with(&networks).unwrap(),
        Duration::from_secs(20),
    );
    let target = Target::parse(&format!("https://localhost:{port}/.well-known/mta-sts.txt"));
    (target.unwrap(), HttpsPolicies::new(client), serving)
}

async fn ended(serving: tokio::task::JoinHandle<String>) -> String {
    let ended = tokio::time::timeout(Duration::from_secs(20), serving).await;
    ended.unwrap().unwrap()
}

/// An answer with this status line, media type and body.
fn http(status: &str, media_type: &str, body: &[u8]) -> Vec<u8> {
    let size = body.len();
    let head = format!(
        "HTTP/1.1 {status}\r\ncontent-type: {media_type}\r\ncontent-length: {size}\r\nlocation: https://localhost/\r\n\r\n"
    );
    [head.as_bytes(), body].concat()
}

#[tokio::test]
async fn a_policy_is_text_of_bounded_size_at_its_own_address() {
    let good = ENFORCED.as_bytes();
    let full = "x".repeat(STS_POLICY_SIZE_MAX_BYTES);
    let long = "x".repeat(STS_POLICY_SIZE_MAX_BYTES + 1);
    let text = |body: &[u8]| http("200 OK", "text/plain", body);
    let with_charset = http("200 OK", "Text/Plain; charset=utf-8", good);
    let missing = http("404 Not Found", "text/plain", good);
    let elsewhere = http("301 Moved Permanently", "text/plain", good);
    let page = http("200 OK", "text/html", good);
    let of_no_kind = b"HTTP/1.1 200 OK\r\ncontent-length: 1\r\n\r\nx".to_vec();
    let no_text = text(b"version: STSv1\nmx: \xff\n");
    for (what, answer, expected) in [
        ("as it should be", text(good), Ok(ENFORCED)),
        ("with a charset", with_charset, Ok(ENFORCED)),
        ("full", text(full.as_bytes()), Ok(full.as_str())),
        ("longer", text(long.as_bytes()), Err("it is too long")),
        ("missing", missing, Err("HTTP 404")),
        ("elsewhere", elsewhere, Err("HTTP 301")),
        ("a page", page, Err("it is no text/plain")),
        ("of no kind", of_no_kind, Err("it is no text/plain")),
        ("no UTF-8", no_text, Err("it is no UTF-8")),
    ] {
        let (target, policies, serving) = https_server(answer).await;
        let found = policies.at(&target).await;
        let expected = expected.map(str::to_owned).map_err(str::to_owned);
        assert!(
            found == expected,
            "{what}: {:?}",
            found.map(|text| text.len())
        );
        let asked = ended(serving).await;
        assert!(
            asked.starts_with("GET /.well-known/mta-sts.txt HTTP/1.1\r\n"),
            "{asked}"
        );
    }
}

#[tokio::test]
async fn a_policy_comes_from_nobody_whose_certificate_is_no_good() {
    let answer = http("200 OK", "text/plain", ENFORCED.as_bytes());
    let (target, _, serving) = https_server(answer).await;
    let (_, others) = certificate_for("localhost");
    let client = HttpsClient::new(
        tls_client::client_config_with_roots(others).unwrap(),
        Guard::with(&["127.0.0.0/8".to_owned()]).unwrap(),
        Duration::from_secs(20),
    );
    let found = HttpsPolicies::new(client).at(&target).await;
    assert!(
        found.as_ref().unwrap_err().starts_with("tls: "),
        "{found:?}"
    );
    assert_eq!(ended(serving).await, "", "nothing was asked");
}

#[tokio::test]
async fn a_policy_is_not_looked_for_under_what_can_be_no_name() {
    let (_, roots) = certificate_for("localhost");
    let client = HttpsClient::new(
        tls_client::client_config_with_roots(roots).unwrap(),
        Guard::default(),
        Duration::from_secs(20),
    );
    let found = HttpsPolicies::new(client).fetch("town example").await;
    assert_eq!(found, Err(TargetError::Malformed.to_string()));
}
