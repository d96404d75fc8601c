//! Schedules, signatures and addresses of news for programs.

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

fn failing(since: Timestamp, at: Timestamp) -> Webhook {
    Webhook {
        id: WebhookId::from_bytes([1; 16]),
        input: WebhookInput {
            name: "Control room".to_owned(),
            url: Redacted::new("https://control.example.org".to_owned()),
            events: Vec::new(),
            addresses: false,
        },
        secrets: Vec::new(),
        by: UserId::from_bytes([8; 16]),
        created_at: Timestamp::from_millis(0),
        failing_since: Some(since),
        disabled: None,
        failed_at: Some(at),
    }
}

const fn failed(at: Timestamp) -> Try {
    Try {
        at,
        took_ms: 1,
        outcome: TryOutcome::Answered(503),
    }
}

const HOUR: Duration = Duration::from_secs(3600);

#[test]
fn a_place_is_switched_off_when_it_has_failed_throughout_alone() {
    let start = Timestamp::from_millis(1_795_000_000_000);
    let mut webhook = failing(start, start);
    let mut at = start;
    while at.since(start) < FAILING_MAX {
        assert_eq!(webhook.disabled, None);
        at = at.plus(HOUR * 29);
        webhook.judge(failed(at));
    }
    assert_eq!(webhook.disabled.unwrap().why, DisabledWhy::Failing);

    // Given up on the third day; the next piece of news comes on the sixth.
    let mut webhook = failing(start, start.plus(HOUR * 72));
    let later = start.plus(HOUR * 144);
    webhook.judge(failed(later));
    assert_eq!(
        (webhook.failing_since, webhook.disabled),
        (Some(later), None)
    );

    // A machine that woke with its clock years behind.
    let mut webhook = failing(Timestamp::from_millis(0), Timestamp::from_millis(0));
    webhook.judge(failed(start));
    assert_eq!(
        (webhook.failing_since, webhook.disabled),
        (Some(start), None)
    );
    // Or ahead.
    let mut webhook = failing(later, later);
    webhook.judge(failed(start));
    assert_eq!(
        (webhook.failing_since, webhook.disabled),
        (Some(start), None)
    );
}

#[test]
fn tries_that_end_in_another_order_are_one_failing() {
    let start = Timestamp::from_millis(1_795_000_000_000);
    let mut webhook = failing(start, start.plus(HOUR * 10));
    webhook.judge(failed(start.plus(HOUR * 9)));
    assert_eq!(webhook.failing_since, Some(start));
    webhook.judge(Try {
        outcome: TryOutcome::Answered(204),
        ..failed(start.plus(HOUR * 11))
    });
    assert_eq!((webhook.failing_since, webhook.failed_at), (None, None));
}

#[test]
fn the_gap_is_longer_than_any_wait_of_one_piece_of_news() {
    let longest = RETRY_AFTER.into_iter().max().unwrap();
    assert!(longest * 6 / 5 + FAILED_AT_STEP < FAILING_GAP_MAX);
}

#[test]
fn a_place_that_fails_is_left_alone_ever_longer_up_to_a_minute() {
    let pauses: Vec<Option<u64>> = (0..12)
        .map(|failures| pause_after(failures).map(|pause| pause.as_secs()))
        .collect();
    let some = |secs: [u64; 8]| secs.map(Some);
    assert_eq!(pauses[..4], [None; 4]);
    assert_eq!(pauses[4..], some([5, 10, 20, 40, 60, 60, 60, 60]));
    assert_eq!(pause_after(u32::MAX), Some(PAUSE_MAX));
}
