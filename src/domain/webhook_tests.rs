use super::*;

fn notification(tried: u8) -> Notification {
    Notification {
        id: [0xab; 16],
        webhook: WebhookId::from_bytes([1; 16]),
        at: Timestamp::from_millis(0),
        news: News::of(EventKind::ReplyReceived),
        tries: Vec::new(),
        tried,
        due: None,
    }
}

#[test]
fn tries_grow_rarer_and_end() {
    let now = Timestamp::from_millis(1_000_000);
    let mut before = now;
    for tried in 1..=9 {
        let next = notification(tried).next_try(now, None, 0).unwrap();
        assert!(next > before, "try {tried}");
        let late = notification(tried).next_try(now, None, u64::MAX).unwrap();
        assert!(late <= next.plus(RETRY_AFTER[usize::from(tried) - 1] / 5));
        before = next;
    }
    assert_eq!(notification(10).next_try(now, None, 0), None);
    let asked = Some(Duration::from_secs(3600));
    let waited = notification(1).next_try(now, asked, 0).unwrap();
    assert_eq!(waited, now.plus(Duration::from_secs(3600)));
}

#[test]
fn the_newest_tries_are_kept() {
    let mut of = notification(0);
    for took_ms in 0..40 {
        of.record(Try {
            at: Timestamp::from_millis(0),
            took_ms,
            outcome: TryOutcome::Answered(500),
        });
    }
    assert_eq!((of.tries.len(), of.tried), (TRIES_KEPT_MAX, 40));
    assert_eq!(of.tries.last().unwrap().took_ms, 39);
}

#[test]
fn outcomes_come_back_from_their_numbers() {
    for outcome in [
        TryOutcome::Answered(204),
        TryOutcome::Refused,
        TryOutcome::Unreachable,
        TryOutcome::Tls,
        TryOutcome::TimedOut,
        TryOutcome::NoHttp,
    ] {
        assert_eq!(TryOutcome::of_code(outcome.code()), outcome);
    }
}

#[test]
fn addresses_are_checked_as_they_are_entered() {
    for good in [
        "https://a.example",
        "https://a.example:8443/in?key=1",
        "https://[2001:db8::1]/",
    ] {
        assert_eq!(check_url(good, false), Ok(()), "{good}");
    }
    assert!(check_url("http://10.0.0.1/", true).is_ok());
    let long = format!("https://a.example/{}", "x".repeat(WEBHOOK_URL_SIZE_MAX));
    for wrong in [
        "",
        "a.example",
        "http://a.example",
        "ftp://a.example",
        "https://",
        "https://u:p@a.example",
        "https://a.example/ b",
        "https://a.example/\u{e9}",
        "https://a.example/#x",
        &long,
    ] {
        assert!(check_url(wrong, false).is_err(), "{wrong}");
    }
}

#[test]
fn each_secret_signs_id_time_and_body() {
    let secrets = [
        Redacted::new([7; SECRET_SIZE]),
        Redacted::new([8; SECRET_SIZE]),
    ];
    let at = Timestamp::from_millis(1_674_087_231_000);
    let of = |id: &str, at, body: &[u8]| signature(&secrets, id, at, body);
    let both = of("msg_1", at, b"{}");
    assert_eq!(both.split(' ').count(), 2);
    assert!(
        both.split(' ')
            .all(|one| one.starts_with("v1,") && one.len() == 47)
    );
    for other in [
        of("msg_2", at, b"{}"),
        of("msg_1", at.plus(Duration::from_secs(1)), b"{}"),
        of("msg_1", at, b"[]"),
    ] {
        assert_ne!(other, both);
    }
    assert!(TryOutcome::Answered(204).is_taken() && !TryOutcome::Answered(302).is_taken());
}

#[test]
fn secrets_read_as_others_write_them() {
    let text = secret_text(&[0; SECRET_SIZE]);
    assert_eq!(text, format!("whsec_{}=", "A".repeat(43)));
    assert_eq!(
        notification(0).message_id(),
        format!("msg_{}", "ab".repeat(16))
    );
}
