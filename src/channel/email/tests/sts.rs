//! Domains that say by MTA-STS how mail is to be brought.

use super::connections::certificate_for;
use super::*;
use crate::channel::email::sts::{FetchFuture, Policies, StsFetch};
use crate::clock::SharedClock;
use crate::proto::mta_sts::StsMode;

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
        (host, None, "starttls-not-supported"),
        (host, Some("other.example"), "certificate-host-mismatch"),
        ("mx.evil.example", Some("mx.evil.example"), ""),
    ] {
        let (outcome, told, counted) = sent(ENFORCED, host, certified).await;
        assert_eq!(
            deferred(outcome).reason,
            Reason::Tls,
            "{host} {certified:?}"
        );
        assert!(!told, "{host} {certified:?} was told of the mail");
        assert!(counted.contains(result), "{counted}");
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
