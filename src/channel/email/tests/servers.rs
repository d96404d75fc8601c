//! Which server is asked, and whose fault it is that none takes the mail.

use super::*;

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
async fn a_mail_that_may_have_been_taken_goes_to_no_other_server() {
    let last = Ipv4Addr::new(127, 0, 0, 9);
    let (port, second) = serve_at(last, 0, GOOD).await;
    let once = Script { takes: 1, ..GOOD };
    let (_, first) = serve_at(Ipv4Addr::new(127, 0, 0, 8), port, once).await;
    let mx = |preference, exchange: &str| MxRecord {
        preference,
        exchange: exchange.to_owned(),
    };
    let mut zone = Zone::default();
    zone.mx
        .insert("town.example", Ok(vec![mx(10, "one"), mx(20, "two")]));
    let first_at = [8, 9].map(|last| IpAddr::V4(Ipv4Addr::new(127, 0, 0, last)));
    zone.hosts.insert("one", first_at.to_vec());
    zone.hosts.insert("two", vec![last.into()]);
    let channel = channel_with(&format!("port = {port}\n"), zone, |_| {});
    let taken = attempt(&channel, request()).await;
    assert!(
        matches!(taken, AttemptOutcome::Delivered { .. }),
        "{taken:?}"
    );
    // Over the connection that was kept, and over one of its own.
    for connections in [1, 2] {
        let verdict = deferred(attempt(&channel, request()).await);
        assert_eq!(
            (verdict.reason, verdict.fault),
            (Reason::Network, Fault::Network)
        );
        assert_eq!(
            (
                first.connections.load(Ordering::SeqCst),
                second.connections.load(Ordering::SeqCst)
            ),
            (connections, 0)
        );
    }
    let ends = first.lines().iter().filter(|line| *line == ".").count();
    assert_eq!(ends, 3);
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
