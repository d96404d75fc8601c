//! The simulated server against a small client and against itself.
#![allow(clippy::unwrap_used)]

use std::time::Duration;

use mail_parser::{MessageParser, MimeHeaders};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;

use super::*;
use crate::clock::SystemClock;

const PATIENCE: Duration = Duration::from_secs(20);

async fn start(script: Script, bounce_to: Option<SocketAddr>) -> SimMx {
    SimMx::start(SimMxConfig::new(script, bounce_to, SystemClock::shared()))
        .await
        .unwrap()
}

/// Hands in one message and returns the last line of each reply up to the first refusal.
async fn send(addr: SocketAddr, from: &str, to: &str) -> Vec<String> {
    let mut stream = TcpStream::connect(addr).await.unwrap();
    let mut replies = vec![read_reply(&mut stream).await];
    let message = "From: Office <office@sender.example>\r\nSubject: Alert\r\nMessage-ID: <m1@sender.example>\r\n\r\nHello\r\n.\r\n";
    for step in [
        "EHLO client.example\r\n".to_owned(),
        format!("MAIL FROM:<{from}> ENVID=env1\r\n"),
        format!("RCPT TO:<{to}> ORCPT=rfc822;{to}\r\n"),
        "DATA\r\n".to_owned(),
        message.to_owned(),
    ] {
        stream.write_all(step.as_bytes()).await.unwrap();
        let reply = read_reply(&mut stream).await;
        let refused = !reply.starts_with(['2', '3']);
        replies.push(reply);
        if refused {
            break;
        }
    }
    replies
}

async fn read_reply(stream: &mut TcpStream) -> String {
    let mut text = String::new();
    let reading = async {
        while let Ok(byte) = stream.read_u8().await {
            text.push(char::from(byte));
            let last = text.lines().last().unwrap_or_default();
            if text.ends_with("\r\n") && last.as_bytes().get(3) == Some(&b' ') {
                return;
            }
        }
    };
    tokio::time::timeout(PATIENCE, reading).await.unwrap();
    text.lines().last().unwrap_or_default().to_owned()
}

async fn arrived(mx: &SimMx, count: u64) -> Vec<ReceivedMail> {
    let waiting = async {
        while mx.accepted() < count {
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
    };
    tokio::time::timeout(PATIENCE, waiting)
        .await
        .expect("the notice did not arrive");
    mx.received()
}

#[tokio::test]
async fn each_word_meets_its_fate() {
    let mx = start(Script::by_local_part(Duration::ZERO), None).await;
    for (to, last_reply) in [
        ("anna@r.example", "250 2.0.0"),
        ("unknown.7@r.example", "550 5.1.1"),
        ("full1@r.example", "452 4.2.2"),
        ("fulllater@r.example", "250 2.0.0"),
        ("defer@r.example", "451 4.3.0"),
        ("greylist@r.example", "451 4.7.1"),
        ("greylist@r.example", "250 2.0.0"),
        ("spam@r.example", "554 5.7.1"),
        ("blocked@r.example", "550 5.7.1"),
        ("drop@r.example", ""),
    ] {
        let replies = send(mx.addr(), "v1@sender.example", to).await;
        let last = replies.last().unwrap();
        assert!(
            last.starts_with(last_reply) && last.is_empty() == last_reply.is_empty(),
            "{to}: {replies:?}"
        );
    }
    assert_eq!(mx.accepted(), 3);
    let first = mx.received().remove(0);
    assert_eq!(
        first.envelope.recipients[0].path.to_string(),
        "anna@r.example"
    );
    assert!(first.body.ends_with(b"\r\n\r\nHello\r\n"));
    mx.stop().await;
    assert!(TcpStream::connect(mx.addr()).await.is_err());
}

#[tokio::test]
async fn a_bounce_goes_to_the_return_path_as_a_delivery_status_notification() {
    let ours = start(Script::accept_all(), None).await;
    let theirs = start(
        Script::by_local_part(Duration::from_millis(10)),
        Some(ours.addr()),
    )
    .await;
    send(
        theirs.addr(),
        "b+verp=1@sender.example",
        "bounce.3@r.example",
    )
    .await;
    let bounce = arrived(&ours, 1).await.remove(0);
    assert_eq!(bounce.envelope.from.to_string(), "");
    assert_eq!(
        bounce.envelope.recipients[0].path.to_string(),
        "b+verp=1@sender.example"
    );
    let parsed = MessageParser::default().parse(&bounce.body[..]).unwrap();
    let report = parsed.content_type().unwrap();
    assert_eq!(
        (report.ctype(), report.subtype()),
        ("multipart", Some("report"))
    );
    assert_eq!(report.attribute("report-type"), Some("delivery-status"));
    let text = String::from_utf8_lossy(&bounce.body);
    for expected in [
        "Original-Envelope-Id: env1",
        "Final-Recipient: rfc822; bounce.3@r.example",
        "Original-Recipient: rfc822; bounce.3@r.example",
        "Action: failed",
        "Status: 5.1.1",
        "Diagnostic-Code: smtp; 550 5.1.1 The email account",
        "Message-ID: <m1@sender.example>",
    ] {
        assert!(text.contains(expected), "{expected:?} is missing in {text}");
    }
    assert_eq!(parsed.parts.len(), 4);
}

#[tokio::test]
async fn complaints_replies_and_late_bounces_can_be_injected() {
    let ours = start(Script::accept_all(), None).await;
    let theirs = start(Script::accept_all(), Some(ours.addr())).await;
    send(theirs.addr(), "verp@sender.example", "anna@r.example").await;
    let mail = theirs.received().remove(0);
    let anna = &mail.envelope.recipients[0];
    let text = "Will be there".to_owned();
    for notice in [
        Notice::Complaint,
        Notice::Reply { text: text.clone() },
        Notice::AutoReply { text },
    ] {
        theirs.inject(&mail, anna, &notice).await.unwrap();
    }
    let got = arrived(&ours, 3).await;
    let body = |at: usize| String::from_utf8_lossy(&got[at].body).into_owned();
    assert!(
        body(0).contains("report-type=feedback-report")
            && body(0).contains("Original-Rcpt-To: <anna@r.example>")
    );
    assert_eq!(got[1].envelope.from.to_string(), "anna@r.example");
    assert_eq!(
        got[1].envelope.recipients[0].path.to_string(),
        "office@sender.example"
    );
    assert!(
        body(1).contains("In-Reply-To: <m1@sender.example>")
            && body(1).contains("Subject: Re: Alert")
    );
    assert_eq!(got[2].envelope.from.to_string(), "");
    assert!(body(2).contains("Auto-Submitted: auto-replied"));
}

#[tokio::test]
async fn nobody_bounces_to_a_null_return_path() {
    let ours = start(Script::accept_all(), None).await;
    let theirs = start(Script::accept_all(), Some(ours.addr())).await;
    send(theirs.addr(), "", "anna@r.example").await;
    let mail = theirs.received().remove(0);
    let notice = Notice::Delay {
        diagnostic: "connection refused".to_owned(),
    };
    let sent = theirs
        .inject(&mail, &mail.envelope.recipients[0], &notice)
        .await;
    assert!(matches!(sent, Err(SendError::NoReturnPath)), "{sent:?}");
}
