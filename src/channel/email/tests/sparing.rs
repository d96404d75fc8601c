//! Destinations are not asked for more than they take, and hold up nobody else.

use super::*;
use crate::channel::Place;
use crate::config::TlsMode;

fn to(address: &str) -> Destination {
    Destination::Email(EmailAddress::parse(address).unwrap().into())
}

async fn place(channel: &EmailChannel, address: &str, express: bool) -> Result<Place, Duration> {
    match channel.admit(&to(address), express).await {
        Admission::Go(place) => Ok(place),
        Admission::Wait(span) => Err(span),
    }
}

/// Both domains go to the same servers.
fn zone() -> Zone {
    let mx = |host: &str| {
        let exchange = host.to_owned();
        Ok(vec![MxRecord {
            preference: 10,
            exchange,
        }])
    };
    let mut zone = Zone::default();
    zone.mx.insert("town.example", mx("mx.shared.example"));
    zone.mx.insert("village.example", mx("mx.shared.example"));
    zone.mx.insert("city.example", mx("mx.city.example"));
    zone
}

#[tokio::test]
async fn servers_that_domains_share_are_asked_once_for_both() {
    let channel = channel_with("concurrency_per_host = 2\n", zone(), |_| {});
    let one = place(&channel, "a@town.example", false).await.unwrap();
    let _two = place(&channel, "b@village.example", false).await.unwrap();
    assert!(place(&channel, "c@town.example", false).await.is_err());
    assert!(place(&channel, "c@village.example", false).await.is_err());
    let _city = place(&channel, "d@city.example", false).await.unwrap();
    let _express = place(&channel, "c@town.example", true).await.unwrap();
    drop(one);
    // The emergency has a place of its own beside the one that is free.
    assert!(place(&channel, "c@village.example", false).await.is_err());
    drop(_express);
    assert!(place(&channel, "c@village.example", false).await.is_ok());
}

#[tokio::test]
async fn what_the_configuration_says_of_a_domain_counts() {
    let named = "[[email.destination]]\ndomain = \"town.example\"\nconcurrency = 1\nper_minute = 10\ntls = \"starttls\"\n";
    let channel = channel_with(named, zone(), |_| {});
    let one = place(&channel, "a@town.example", false).await.unwrap();
    drop(one);
    let wait = place(&channel, "a@town.example", false).await.unwrap_err();
    assert!(wait >= Duration::from_secs(6), "{wait:?}");
    let random = Randomness::seeded(1);
    let dns = zone();
    let of = |domain| route::plan(domain, &channel.config, &dns, &random, None);
    assert_eq!(of("town.example").await.unwrap().tls, TlsMode::StartTls);
    let other = of("city.example").await.unwrap();
    assert_eq!(other.tls, TlsMode::Opportunistic);
}

#[tokio::test]
async fn a_relay_is_given_all_that_it_takes() {
    let relay = "concurrency_per_host = 1\n[email.relay]\nhost = \"127.0.0.1\"\ntls = \"none\"\n";
    let channel = channel_with(relay, Zone::default(), |_| {});
    let mut places = Vec::new();
    for _ in 0..20 {
        places.push(place(&channel, "a@town.example", false).await.unwrap());
    }
}

#[tokio::test]
async fn who_asks_for_less_is_spared_and_a_greylist_is_not_taken_for_it() {
    for (reply, is_spared) in [
        ("421 4.7.0 too many connections from you", true),
        ("450 4.7.28 unusual rate of mail", true),
        ("451 4.7.1 Greylisting in action, come back later", false),
        ("450 4.2.1 mailbox busy", false),
        (
            "450 4.2.1 The user is receiving mail at a rate that prevents more",
            false,
        ),
        ("550 5.1.1 no such user", false),
        ("250 ok", false),
    ] {
        let (port, _seen) = serve(Script {
            rcpt: reply,
            ..GOOD
        })
        .await;
        let channel = channel_to(port);
        let _place = place(&channel, "ann@town.example", false).await.unwrap();
        let _ = attempt(&channel, request()).await;
        let next = place(&channel, "bob@town.example", false).await;
        assert_eq!(next.is_err(), is_spared, "{reply}");
        assert!(place(&channel, "bob@town.example", true).await.is_ok());
    }
}

#[tokio::test]
async fn a_connection_in_clear_serves_no_mail_that_wants_tls() {
    let (port, seen) = serve(GOOD).await;
    let routes = format!(
        "{}[[email.route]]\ndomain = \"city.example\"\nhost = \"127.0.0.1\"\nport = {port}\ntls = \"starttls\"\n",
        routed(port, "none")
    );
    let channel = channel_with(&routes, Zone::default(), |_| {});
    let sent = attempt(&channel, request()).await;
    assert!(matches!(sent, AttemptOutcome::Delivered { .. }), "{sent:?}");
    let city = AttemptRequest {
        destination: to("ann@city.example"),
        ..request()
    };
    assert_eq!(deferred(attempt(&channel, city).await).reason, Reason::Tls);
    let mails = seen
        .lines()
        .iter()
        .filter(|line| line.starts_with("MAIL"))
        .count();
    assert_eq!(mails, 1);
}

#[tokio::test]
async fn eight_bits_and_utf8_are_said_or_not_sent() {
    let mail = |raw: &str| AttemptRequest {
        submitted: Some(Bytes::from(raw.to_owned())),
        ..request()
    };
    let plain = Script {
        ehlo: "250 mx.example",
        ..GOOD
    };
    let (port, seen) = serve(plain).await;
    let body = "Date: x\r\nMessage-ID: <a@b>\r\nSubject: a\r\n\r\n\u{e9}\r\n";
    let verdict = refused(attempt(&channel_to(port), mail(body)).await, true);
    assert_eq!(verdict.status_code, Some(EnhancedStatus::new(5, 6, 3)));
    assert_eq!(verdict.suspends(), Suspends::Never);
    assert!(!seen.has("MAIL"));
    let knowing = Script {
        ehlo: "250-mx.example\r\n250-8BITMIME\r\n250 SMTPUTF8",
        ..GOOD
    };
    for (raw, is_said) in [(body, false), ("Subject: \u{e9}\r\n\r\na\r\n", true)] {
        let (port, seen) = serve(knowing.clone()).await;
        let _ = attempt(&channel_to(port), mail(raw)).await;
        let lines = seen.lines();
        let command = lines.iter().find(|line| line.starts_with("MAIL")).unwrap();
        assert_eq!(command.contains(" SMTPUTF8"), is_said, "{command}");
        assert!(command.contains(" BODY=8BITMIME"));
    }
}
