//! swaks as the sending server of somebody else, against the simulated recipient's server; what
//! that sends back comes to our MX.

use std::time::Duration;

use tocsin::clock::SystemClock;
use tocsin::listener::Service;
use tocsin::sim::mx::{Script, SimMx, SimMxConfig};

use crate::server::{Server, peer, self_signed};

async fn swaks(server: &SimMx, to: &str) -> Option<(bool, String)> {
    let addr = server.addr().to_string();
    let arguments = [
        "--server",
        &addr,
        "--helo",
        "out.sender.example",
        "--from",
        "verp+1@tocsin.example",
        "--to",
        to,
        "--timeout",
        "20",
        "--tls",
        "--h-Subject",
        "Alert",
    ];
    peer("swaks", &arguments).await
}

#[tokio::test]
async fn a_bounce_after_acceptance_comes_to_our_mx() {
    let ours = Server::start(Service::Mx).await;
    let script = Script::by_local_part(Duration::from_millis(50));
    let mut config = SimMxConfig::new(script, Some(ours.addr), SystemClock::shared());
    config.tls = Some(self_signed());
    let theirs = SimMx::start(config).await.unwrap();

    let Some((content, transcript)) = swaks(&theirs, "unknown@recipient.example").await else {
        return;
    };
    assert!(!content && transcript.contains("550 5.1.1"), "{transcript}");
    let (content, transcript) = swaks(&theirs, "bounce@recipient.example").await.unwrap();
    assert!(content, "{transcript}");
    assert!(theirs.received()[0].encrypted, "STARTTLS was not used");

    let bounced = async {
        while ours.stored().is_empty() {
            tokio::time::sleep(Duration::from_millis(10)).await;
        }
    };
    tokio::time::timeout(Duration::from_secs(20), bounced)
        .await
        .expect("no bounce came");
    let (message, text) = ours.only_message();
    assert_eq!(message.envelope.from.to_string(), "");
    assert_eq!(
        message.envelope.recipients[0].path.to_string(),
        "verp+1@tocsin.example"
    );
    assert!(
        text.starts_with("Received: from mx.recipient.example ([127.0.0.1])"),
        "{text}"
    );
    assert!(text.contains("Status: 5.1.1\r\n"), "{text}");
    assert!(
        text.contains("Subject: Alert\r\n"),
        "the original's header is missing: {text}"
    );
}
