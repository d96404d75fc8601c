//! What no dialogue shows: time, memory, and bytes that nobody sent on purpose.

use super::*;

fn mx() -> Owned {
    Owned::new(Config::mx("mx.test"), false)
}

#[test]
fn timers_end_a_silent_session_and_answer_for_a_silent_owner() {
    let mut owned = mx();
    owned.output.clear();
    let deadline = owned.session.poll_timeout().unwrap();
    owned
        .session
        .handle_timeout(deadline - Duration::from_millis(1));
    assert!(owned.session.poll_output().is_none());
    owned.session.handle_timeout(deadline);
    owned.settle();
    assert_eq!(owned.output, "421 4.4.2 Timed out\r\n");
    assert_eq!(owned.events, ["close Timeout"]);
    assert_eq!(owned.session.poll_timeout(), None);

    let mut owned = mx();
    let session = &mut owned.session;
    session.handle_input(b"EHLO c\r\nMAIL FROM:<>\r\nNOOP\r\n", owned.now);
    session.poll_output();
    let deadline = session.poll_timeout().unwrap();
    session.handle_timeout(deadline);
    let output = String::from_utf8(session.poll_output().unwrap()).unwrap();
    assert_eq!(output, "451 4.3.0 Try again later\r\n250 2.0.0 Ok\r\n");
    session.accept_sender(deadline);
    assert!(
        session.poll_output().is_none(),
        "a late answer must change nothing"
    );
}

#[test]
fn a_message_is_acknowledged_once_and_only_on_confirmation() {
    let mut owned = mx();
    let session = &mut owned.session;
    let now = owned.now;
    session.handle_input(
        b"EHLO c\r\nMAIL FROM:<>\r\nRCPT TO:<a@b.example>\r\nDATA\r\n",
        now,
    );
    assert!(matches!(session.poll_event(), Some(Event::MailFrom { .. })));
    session.accept_sender(now);
    assert!(matches!(session.poll_event(), Some(Event::RcptTo { .. })));
    session.accept_rcpt(now);
    session.poll_output();
    session.handle_input(b"hello\r\n.\r\nNOOP\r\n", now);
    let Some(Event::MessageReceived { id, .. }) = session.poll_event() else {
        panic!("no message")
    };
    assert!(
        session.poll_output().is_none(),
        "nothing may be said before the message is stored"
    );
    assert!(!session.wants_input());
    let late = session.poll_timeout().unwrap();
    session.handle_timeout(late);
    let output = String::from_utf8(session.poll_output().unwrap()).unwrap();
    assert!(output.starts_with("451 4.3.0"), "{output}");
    assert!(!session.confirm_stored(id, "q", late), "too late");
    assert!(session.poll_output().is_none());
}

#[test]
fn draining_lets_the_running_message_finish() {
    let mut owned = mx();
    owned.feed(b"EHLO c\r\nMAIL FROM:<>\r\nRCPT TO:<a@b.example>\r\nDATA\r\nhello\r\n");
    owned.output.clear();
    owned.session.begin_drain();
    owned.settle();
    assert_eq!(owned.output, "");
    owned.feed(b".\r\nMAIL FROM:<>\r\n");
    assert_eq!(
        owned.output,
        "250 2.0.0 Ok, queued as q1\r\n421 4.3.2 Service is shutting down\r\n"
    );
    assert_eq!(owned.events.last().unwrap(), "close Draining");

    let mut idle = mx();
    idle.output.clear();
    idle.session.begin_drain();
    idle.settle();
    assert_eq!(idle.output, "421 4.3.2 Service is shutting down\r\n");
}

#[test]
fn a_transfer_refused_for_memory_ends_with_its_reply_and_the_session_lives() {
    let mut owned = mx();
    owned.feed(b"EHLO c\r\nMAIL FROM:<>\r\nRCPT TO:<a@b.example>\r\nDATA\r\nhello\r\n");
    owned.output.clear();
    assert!(
        owned
            .session
            .refuse_transfer(&Reply::new(452, Enhanced(4, 3, 1), "Busy"))
    );
    owned.feed(b"more\r\n.\r\nNOOP\r\n");
    assert_eq!(owned.output, "452 4.3.1 Busy\r\n250 2.0.0 Ok\r\n");
    assert!(
        !owned
            .session
            .refuse_transfer(&Reply::new(452, Enhanced(4, 3, 1), "Busy"))
    );
}

#[test]
fn input_that_nobody_asked_for_is_bounded() {
    let mut owned = mx();
    let session = &mut owned.session;
    session.handle_input(b"EHLO c\r\nMAIL FROM:<>\r\n", owned.now);
    for _ in 0..1000 {
        session.handle_input(&[b'x'; 4096], owned.now);
        assert!(session.held_bytes() < 1 << 20);
    }
    assert!(matches!(session.poll_event(), Some(Event::MailFrom { .. })));
    assert!(matches!(
        session.poll_event(),
        Some(Event::Close(CloseReason::LimitReached))
    ));
}

/// Pieces that lead deep into the state machine when strung together at random.
fn fragment() -> impl Strategy<Value = Vec<u8>> {
    let words: &[&[u8]] = &[
        b"EHLO c\r\n",
        b"MAIL FROM:<>\r\n",
        b"RCPT TO:<a@b.example>\r\n",
        b"RCPT TO:<unknown@b.example>\r\n",
        b"DATA\r\n",
        b".\r\n",
        b"\r\n.\r\n",
        b"\n.\n",
        b"\r",
        b"\n",
        b"\0",
        b"BDAT 5\r\nab",
        b"BDAT 3 LAST\r\n",
        b"c\r\n",
        b"RSET\r\n",
        b"AUTH PLAIN\r\n",
        b"AHRpbQB0YW5zdGFhZnRhbnN0YWFm\r\n",
        b"AUTH LOGIN dGlt\r\n",
        b"AUTH SCRAM-SHA-256 biwsbj11c2VyLHI9ck9wck5HZndFYmVSV2diTkVrcU8=\r\n",
        b"\r\n",
        b"STARTTLS\r\n",
        b"NOOP\r\n",
        b"hello\r\n",
        b"..\r\n",
        b"*\r\n",
        b"\xff\r\n",
    ];
    prop_oneof![
        8 => proptest::sample::select(words.to_vec()).prop_map(<[u8]>::to_vec),
        1 => proptest::collection::vec(any::<u8>(), 0..40),
    ]
}

proptest! {
    #[test]
    fn no_input_panics_or_grows_without_bound_and_splitting_changes_nothing(
        fragments in proptest::collection::vec(fragment(), 0..60),
        cuts in proptest::collection::vec(1usize..50, 1..20),
        submission in any::<bool>(),
        tls in any::<bool>(),
    ) {
        let mut config = if submission { Config::submission("mx.test") } else { Config::mx("mx.test") };
        config.scram = submission;
        config.message_size_max_bytes = 300;
        let input = fragments.concat();
        let mut whole = Owned::new(config.clone(), tls);
        whole.feed(&input);
        let mut cut = Owned::new(config, tls);
        let mut rest = input.as_slice();
        for size in cuts.iter().cycle() {
            if rest.is_empty() {
                break;
            }
            let (head, tail) = rest.split_at((*size).min(rest.len()));
            cut.feed(head);
            prop_assert!(cut.session.held_bytes() < 64 * 1024);
            rest = tail;
        }
        prop_assert_eq!(whole.output, cut.output);
        prop_assert_eq!(whole.events, cut.events);
    }
}
