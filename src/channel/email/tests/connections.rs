//! Connections: secured, used again, given back, ended.

use super::*;

fn certificate() -> (Arc<rustls::ServerConfig>, rustls::RootCertStore) {
    certificate_for("127.0.0.1")
}

/// A certificate for a name, and what trusts it.
pub(super) fn certificate_for(name: &str) -> (Arc<rustls::ServerConfig>, rustls::RootCertStore) {
    let made = rcgen::generate_simple_self_signed(vec![name.to_owned()]).unwrap();
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
    let verdict = deferred(attempt(&strict, request()).await);
    assert_eq!(
        (verdict.reason, verdict.fault),
        (Reason::Tls, Fault::Sender),
        "it is our own setting"
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
