//! Dialogues of a session, both ends on virtual time.
#![allow(clippy::unwrap_used)]

use std::time::Duration;

use proptest::prelude::*;

use super::pair::{Pair, esme_role, message};
use super::*;
use crate::proto::smpp::tolerance::Tolerances;

const MINUTE: Duration = Duration::from_secs(60);

fn patient() -> Config {
    Config {
        window: 2,
        ..Config::default()
    }
}

fn closed(events: &[Event]) -> Option<CloseReason> {
    match events.last() {
        Some(Event::Closed { reason, .. }) => Some(*reason),
        _ => None,
    }
}

/// Header and body as they go over the wire.
fn frame(command: u32, status: u32, sequence: u32, body: &[u8]) -> Vec<u8> {
    let length = 16 + body.len() as u32;
    let mut out: Vec<u8> = [length, command, status, sequence]
        .iter()
        .flat_map(|w| w.to_be_bytes())
        .collect();
    out.extend(body);
    out
}

/// Command id, status and sequence number of each frame.
fn headers(mut octets: &[u8]) -> Vec<(u32, u32, u32)> {
    let word = |o: &[u8], at: usize| u32::from_be_bytes(o[at..at + 4].try_into().unwrap());
    let mut found = Vec::new();
    while !octets.is_empty() {
        found.push((word(octets, 4), word(octets, 8), word(octets, 12)));
        octets = &octets[word(octets, 0) as usize..];
    }
    found
}

#[test]
fn bind_submit_receipt_unbind_at_every_split() {
    for piece_bytes in 1..80 {
        let mut pair = Pair::new(BindMode::Transceiver, Config::default());
        pair.piece_bytes = piece_bytes;
        pair.step();
        let asked = pair.take_smsc_events();
        let [
            Event::BindRequested {
                sequence,
                mode: BindMode::Transceiver,
                request,
            },
        ] = &asked[..]
        else {
            panic!("{asked:?}");
        };
        assert_eq!(
            (request.system_id.as_str(), request.password.as_str()),
            ("tocsin", "secret")
        );
        pair.smsc.answer_bind(*sequence, Ok("centre"));
        pair.step();

        let ours = pair.submit("hello").unwrap();
        pair.step();
        let came = pair.take_smsc_events();
        let [
            Event::Submitted {
                sequence,
                message: got,
            },
        ] = &came[..]
        else {
            panic!("{came:?}")
        };
        assert_eq!(*got, message("hello"));
        pair.smsc.answer_submit(*sequence, Ok("id-1".to_owned()));
        let theirs = pair.deliver("id:id-1 stat:DELIVRD").unwrap();
        pair.step();
        let [bound, result, delivered] = &pair.take_esme_events()[..] else {
            panic!()
        };
        assert!(matches!(bound, Event::Bound { system_id, .. } if system_id == "centre"));
        let expected = Event::SubmitResult {
            sequence: ours,
            status: CommandStatus::ROK,
            message_id: Some("id-1".to_owned()),
        };
        assert_eq!(*result, expected);
        let Event::Delivered { sequence, .. } = delivered else {
            panic!("{delivered:?}")
        };
        pair.step();
        assert!(
            pair.take_smsc_events().is_empty(),
            "not acknowledged before it is stored"
        );
        assert!(pair.esme.confirm_stored(*sequence));
        assert!(!pair.esme.confirm_stored(*sequence), "once");
        pair.step();
        let expected = Event::DeliverResult {
            sequence: theirs,
            status: CommandStatus::ROK,
        };
        assert_eq!(pair.take_smsc_events(), [expected]);

        pair.esme.unbind(pair.now);
        pair.step();
        assert_eq!(closed(&pair.take_esme_events()), Some(CloseReason::Unbound));
        let theirs = pair.take_smsc_events();
        assert_eq!(theirs[0], Event::Unbound);
        assert_eq!(closed(&theirs), Some(CloseReason::PeerUnbound));
    }
}

#[test]
fn a_refused_bind_says_why() {
    let mut pair = Pair::new(BindMode::Transmitter, Config::default());
    pair.step();
    let Some(Event::BindRequested { sequence, .. }) = pair.smsc_events.pop() else {
        panic!()
    };
    pair.smsc
        .answer_bind(sequence, Err(CommandStatus::RINVPASWD));
    pair.step();
    let events = pair.take_esme_events();
    assert_eq!(events[0], Event::BindFailed(CommandStatus::RINVPASWD));
    assert_eq!(
        closed(&events),
        Some(CloseReason::BindRefused(CommandStatus::RINVPASWD))
    );
    assert_eq!(pair.esme.poll_timeout(), None);
}

#[test]
fn a_half_open_bind_is_given_up_by_both_ends() {
    let mut pair = Pair::new(BindMode::Transceiver, Config::default());
    pair.pass(MINUTE);
    assert_eq!(closed(&pair.esme_events), Some(CloseReason::BindTimeout));
    assert_eq!(closed(&pair.smsc_events), Some(CloseReason::BindTimeout));
}

#[test]
fn a_link_that_lives_is_kept_and_a_dead_one_noticed() {
    let mut pair = Pair::bound(Config::default());
    pair.pass(60 * MINUTE);
    assert_eq!(pair.take_esme_events(), []);
    pair.is_smsc_mute = true;
    pair.pass(Duration::from_secs(41));
    assert_eq!(
        closed(&pair.take_esme_events()),
        Some(CloseReason::PeerSilent)
    );
}

#[test]
fn the_window_limits_and_frees() {
    let mut pair = Pair::bound(patient());
    assert!(pair.submit("1").is_ok());
    assert!(pair.submit("2").is_ok());
    assert_eq!(pair.submit("3"), Err(SubmitError::WindowFull));
    pair.step();
    for event in pair.take_smsc_events() {
        let Event::Submitted { sequence, .. } = event else {
            panic!("{event:?}")
        };
        pair.smsc
            .answer_submit(sequence, Err(CommandStatus::RTHROTTLED));
    }
    pair.step();
    let statuses: Vec<_> = pair
        .take_esme_events()
        .into_iter()
        .map(|e| matches!(e, Event::SubmitResult { status, message_id: None, .. } if status.is_throttling()))
        .collect();
    assert_eq!(statuses, [true, true]);
    assert!(pair.submit("3").is_ok());
}

#[test]
fn an_unanswered_submit_times_out_and_its_late_answer_is_only_told() {
    let mut pair = Pair::bound(patient());
    let ours = pair.submit("1").unwrap();
    pair.pass(Duration::from_secs(11));
    assert_eq!(
        pair.take_esme_events(),
        [Event::SubmitTimedOut { sequence: ours }]
    );
    assert_eq!(pair.esme.in_flight(), 0);
    pair.smsc.answer_submit(ours, Ok("late".to_owned()));
    pair.step();
    let [
        Event::UnexpectedResponse {
            sequence,
            message_id,
            ..
        },
    ] = &pair.take_esme_events()[..]
    else {
        panic!();
    };
    assert_eq!((*sequence, message_id.as_deref()), (ours, Some("late")));
}

#[test]
fn what_was_in_flight_is_named_when_the_connection_breaks() {
    let mut pair = Pair::bound(patient());
    let sent = vec![pair.submit("1").unwrap(), pair.submit("2").unwrap()];
    pair.esme.connection_lost();
    pair.step();
    let reason = CloseReason::ConnectionLost;
    assert_eq!(
        pair.take_esme_events(),
        [Event::Closed {
            reason,
            unanswered: sent
        }]
    );
    assert_eq!(pair.submit("3"), Err(SubmitError::NotBound));
}

#[test]
fn sequence_numbers_wrap_and_step_over_those_in_use() {
    let config = Config {
        first_sequence: 0x7fff_fffe,
        window: 10,
        ..Config::default()
    };
    let mut pair = Pair::bound(config);
    let sent: Vec<_> = (0..3).map(|_| pair.submit("x").unwrap()).collect();
    assert_eq!(sent, [0x7fff_ffff, 1, 2]);
}

#[test]
fn a_garbled_frame_is_nacked_and_the_session_lives() {
    let cut_short = frame(5, 0, 41, b"\0\x01\x01447700900001\0");
    let unknown = frame(0x0000_0110, 0, 42, b"");
    let query = frame(3, 0, 43, b"12345\0\x01\x0140404\0");
    for (garbled, status, sequence) in [
        (cut_short, CommandStatus::RINVCMDLEN, 41),
        (unknown, CommandStatus::RINVCMDID, 42),
        (query, CommandStatus::RINVCMDID, 43),
    ] {
        let mut pair = Pair::bound(Config::default());
        pair.esme.handle_input(&garbled, pair.now);
        assert_eq!(
            headers(&pair.esme.poll_output()),
            [(0x8000_0000, status.0, sequence)]
        );
        assert!(matches!(
            pair.esme.poll_event(),
            Some(Event::Garbled { .. })
        ));
        pair.submit("still here").unwrap();
        pair.step();
        assert!(matches!(
            pair.take_smsc_events()[..],
            [Event::Submitted { .. }]
        ));
    }
}

#[test]
fn a_frame_too_long_is_nacked_and_the_session_lives() {
    let mut pair = Pair::bound(Config::default());
    let long = frame(5, 0, 41, &[b'7'; 20_000]);
    let probe = frame(0x15, 0, 42, b"");
    for piece in [long, probe].concat().chunks(777) {
        pair.esme.handle_input(piece, pair.now);
    }
    let nack = (0x8000_0000, CommandStatus::RINVCMDLEN.0, 41);
    let answers = headers(&pair.esme.poll_output());
    assert_eq!(answers, [nack, (0x8000_0015, 0, 42)]);
    let Some(Event::Garbled { header, status }) = pair.esme.poll_event() else {
        panic!("nobody is told")
    };
    assert_eq!(status, CommandStatus::RINVCMDLEN);
    assert_eq!(header.to_string(), "00004e30 00000005 00000000 00000029");
    pair.submit("still here").unwrap();
}

#[test]
fn what_is_not_tolerated_is_answered_and_a_response_is_as_if_it_had_not_come() {
    let config = Config {
        tolerances: Tolerances::NONE,
        ..Config::default()
    };
    let mut pair = Pair::bound(config);
    let sender = b"\0\x05\0M\xfcnster\0\x03\x0040404\0\0\0\0\0\0\0\0\0\0\x02ok";
    pair.esme.handle_input(&frame(5, 0, 41, sender), pair.now);
    let refusal = (0x8000_0005, CommandStatus::RINVSRCADR.0, 41);
    assert_eq!(headers(&pair.esme.poll_output()), [refusal]);
    assert!(matches!(
        pair.esme.poll_event(),
        Some(Event::Garbled { .. })
    ));

    let sequence = pair.submit("x").unwrap();
    let _sent = pair.esme.poll_output();
    let response = frame(0x8000_0004, 0, sequence, b"no-nul");
    pair.esme.handle_input(&response, pair.now);
    assert!(pair.esme.poll_output().is_empty());
    assert!(matches!(
        pair.esme.poll_event(),
        Some(Event::Garbled { .. })
    ));
    assert_eq!(pair.esme.in_flight(), 1);
}

#[test]
fn an_error_counts_whatever_is_wrong_behind_its_header() {
    let config = Config {
        tolerances: Tolerances::NONE,
        ..Config::default()
    };
    let mut pair = Pair::bound(config.clone());
    let sequence = pair.submit("x").unwrap();
    let _sent = pair.esme.poll_output();
    let body = b"why not\0";
    // Of another command, it is no answer.
    let stray = frame(0x8000_0015, 8, sequence, body);
    pair.esme.handle_input(&stray, pair.now);
    let refused = frame(0x8000_0004, CommandStatus::RINVDSTADR.0, sequence, body);
    pair.esme.handle_input(&refused, pair.now);
    let events: Vec<Event> = std::iter::from_fn(|| pair.esme.poll_event()).collect();
    let expected = Event::SubmitResult {
        sequence,
        status: CommandStatus::RINVDSTADR,
        message_id: None,
    };
    assert!(
        matches!(&events[..], [Event::Garbled { .. }, Event::Garbled { .. }, told] if *told == expected),
        "{events:?}"
    );

    let role = esme_role(BindMode::Transceiver);
    let mut esme = Session::new(role, config, MINUTE).unwrap();
    let asked = headers(&esme.poll_output())[0].2;
    let status = CommandStatus::RINVPASWD;
    esme.handle_input(&frame(0x8000_0009, status.0, asked, b"centre\0"), MINUTE);
    let events: Vec<Event> = std::iter::from_fn(|| esme.poll_event()).collect();
    assert!(events.contains(&Event::BindFailed(status)), "{events:?}");
    assert_eq!(closed(&events), Some(CloseReason::BindRefused(status)));
}

#[test]
fn an_outbind_on_our_own_connection_is_nacked() {
    let mut pair = Pair::bound(Config::default());
    pair.esme
        .handle_input(&frame(0x0b, 0, 41, b"centre\0secret\0"), pair.now);
    let nack = (0x8000_0000, CommandStatus::RINVBNDSTS.0, 41);
    assert_eq!(headers(&pair.esme.poll_output()), [nack]);
    assert!(matches!(
        pair.esme.poll_event(),
        Some(Event::Garbled { .. })
    ));
    // A notice that somebody can be reached again has no answer (section 4.12.1).
    pair.esme
        .handle_input(&frame(0x0102, 0, 42, b"\0\x001\0\0\x001\0"), pair.now);
    assert!(pair.esme.poll_output().is_empty());
    assert_eq!(pair.esme.poll_event(), None);
    pair.submit("still here").unwrap();
}

#[test]
fn congestion_is_told_with_the_answer_at_every_split() {
    for piece_bytes in 1..60 {
        let mut pair = Pair::bound(Config::default());
        pair.piece_bytes = piece_bytes;
        pair.smsc.tell_congestion(Some(93));
        for answer in [Ok("id-1".to_owned()), Err(CommandStatus::RTHROTTLED)] {
            pair.submit("x").unwrap();
            pair.step();
            let Some(Event::Submitted { sequence, .. }) = pair.smsc_events.pop() else {
                panic!("nothing came")
            };
            pair.smsc.answer_submit(sequence, answer.clone());
            pair.step();
            let [told, Event::SubmitResult { message_id, .. }] = &pair.take_esme_events()[..]
            else {
                panic!("no answer came")
            };
            assert_eq!(*told, Event::Congestion { state: 93 });
            assert_eq!(*message_id, answer.ok());
        }
    }
}

#[test]
fn both_ends_say_which_version_they_speak() {
    let config = Config {
        interface_version: 0x50,
        ..Config::default()
    };
    let mut pair = Pair::new(BindMode::Transceiver, config);
    pair.step();
    let Some(Event::BindRequested { sequence, .. }) = pair.smsc_events.pop() else {
        panic!()
    };
    pair.smsc.answer_bind(sequence, Ok("centre"));
    pair.step();
    let bound = pair.take_esme_events();
    assert!(matches!(
        bound[..],
        [Event::Bound {
            interface_version: Some(0x50),
            ..
        }]
    ));
}

#[test]
fn an_impossible_length_is_nacked_and_ends_the_session() {
    for declared in [0_u32, 15, 256 * 1024 + 1, u32::MAX] {
        let mut pair = Pair::bound(Config::default());
        let mut octets = frame(0x15, 0, 9, b"");
        octets[..4].copy_from_slice(&declared.to_be_bytes());
        pair.esme.handle_input(&octets, pair.now);
        let nack = (0x8000_0000, CommandStatus::RINVCMDLEN.0, 9);
        assert_eq!(headers(&pair.esme.poll_output()), [nack]);
        let reason = CloseReason::LostFraming { declared };
        let expected = Event::Closed {
            reason,
            unanswered: Vec::new(),
        };
        assert_eq!(pair.esme.poll_event(), Some(expected));
        pair.esme.handle_input(&frame(0x15, 0, 10, b""), pair.now);
        assert!(pair.esme.poll_output().is_empty());
    }
}

#[test]
fn a_nack_settles_the_request_it_names_and_never_accepts() {
    let mut pair = Pair::bound(Config::default());
    let sequence = pair.submit("x").unwrap();
    pair.esme
        .handle_input(&frame(0x8000_0000, 0, sequence, b""), pair.now);
    let status = CommandStatus::RUNKNOWNERR;
    let expected = Event::SubmitResult {
        sequence,
        status,
        message_id: None,
    };
    assert_eq!(pair.esme.poll_event(), Some(expected));
    pair.esme
        .handle_input(&frame(0x8000_0000, 3, 999, b""), pair.now);
    assert!(matches!(
        pair.esme.poll_event(),
        Some(Event::UnexpectedResponse { .. })
    ));
    let _sent = pair.esme.poll_output();
    assert!(
        pair.esme.poll_output().is_empty(),
        "a nack is never answered"
    );
}

#[test]
fn messages_out_of_turn_are_refused() {
    let mut esme =
        Session::new(esme_role(BindMode::Transceiver), Config::default(), MINUTE).unwrap();
    let _bind = esme.poll_output();
    let mut deliver = bytes::BytesMut::new();
    let pdu = Pdu {
        status: CommandStatus::ROK,
        sequence: 5,
        body: Body::DeliverSm(message("x")),
    };
    encode(&pdu, &mut deliver).unwrap();
    esme.handle_input(&deliver, MINUTE);
    let refusal = (0x8000_0005, CommandStatus::RINVBNDSTS.0, 5);
    assert_eq!(headers(&esme.poll_output()), [refusal]);

    let mut pair = Pair::new(BindMode::Receiver, Config::default());
    assert_eq!(pair.submit("x"), Err(SubmitError::NotBound));
    pair.step();
    let Some(Event::BindRequested { sequence, .. }) = pair.smsc_events.pop() else {
        panic!()
    };
    pair.smsc.answer_bind(sequence, Ok("centre"));
    pair.step();
    assert_eq!(pair.submit("x"), Err(SubmitError::NotBound));
}

#[test]
fn more_deliveries_than_the_owner_answers_are_told_to_wait() {
    let config = Config {
        unanswered_max: 2,
        window: 3,
        ..Config::default()
    };
    let mut pair = Pair::bound(config);
    for text in ["1", "2", "3"] {
        pair.deliver(text).unwrap();
    }
    pair.step();
    assert_eq!(pair.take_esme_events().len(), 2);
    let refused = pair.take_smsc_events();
    let status = CommandStatus::RMSGQFUL;
    assert!(matches!(refused[..], [Event::DeliverResult { status: s, .. }] if s == status));
}

#[test]
fn a_repeated_delivery_is_told_once_and_answered_once() {
    let mut pair = Pair::bound(Config::default());
    pair.deliver("x").unwrap();
    let octets = pair.smsc.poll_output();
    pair.esme.handle_input(&octets, pair.now);
    pair.esme.handle_input(&octets, pair.now);
    let Some(Event::Delivered { sequence, .. }) = pair.esme.poll_event() else {
        panic!()
    };
    assert_eq!(
        pair.esme.poll_event(),
        Some(Event::RepeatedRequest { sequence })
    );
    pair.esme.refuse(sequence, CommandStatus::RX_T_APPN);
    let answer = (0x8000_0005, CommandStatus::RX_T_APPN.0, sequence);
    assert_eq!(headers(&pair.esme.poll_output()), [answer]);
}

#[test]
fn two_messages_under_one_number_are_two() {
    let mut pair = Pair::bound(Config::default());
    let body = |text: &[u8]| {
        let head: &[u8] = b"\0\x01\x01447700900001\0\x03\x0040404\0\0\0\0\0\0\0\0\0\0\x01";
        [head, text].concat()
    };
    for text in [b"a", b"b"] {
        pair.esme
            .handle_input(&frame(5, 0, 0, &body(text)), pair.now);
    }
    let told: Vec<Event> = std::iter::from_fn(|| pair.esme.poll_event()).collect();
    assert!(
        matches!(
            told[..],
            [
                Event::Delivered { sequence: 0, .. },
                Event::Delivered { sequence: 0, .. }
            ]
        ),
        "{told:?}"
    );
    // Each has an answer of its own, in the order in which they came.
    assert!(pair.esme.refuse(0, CommandStatus::RX_T_APPN));
    assert!(pair.esme.confirm_stored(0));
    assert!(!pair.esme.confirm_stored(0));
    let answers = headers(&pair.esme.poll_output());
    let refused = (0x8000_0005, CommandStatus::RX_T_APPN.0, 0);
    assert_eq!(answers, [refused, (0x8000_0005, 0, 0)]);
}

#[test]
fn a_second_bind_is_refused() {
    let mut pair = Pair::bound(Config::default());
    pair.smsc
        .handle_input(&frame(9, 0, 77, b"a\0b\0\0\x34\0\0\0"), pair.now);
    let refusal = (0x8000_0009, CommandStatus::RALYBND.0, 77);
    assert_eq!(headers(&pair.smsc.poll_output()), [refusal]);
}

#[test]
fn a_message_that_does_not_fit_is_the_submitters_error_and_leaves_no_trace() {
    let mut pair = Pair::bound(Config::default());
    let long = message(&"x".repeat(255));
    let error = pair.esme.submit(long, pair.now).unwrap_err();
    assert!(matches!(error, SubmitError::Unencodable(_)), "{error}");
    assert_eq!(pair.esme.in_flight(), 0);
    assert!(pair.esme.poll_output().is_empty());
}

#[test]
fn a_peer_that_never_reads_is_cut_off() {
    let mut pair = Pair::bound(Config::default());
    let probe = frame(0x15, 0, 9, b"");
    for _ in 0..OUTPUT_MAX_BYTES / 16 + 1 {
        pair.esme.handle_input(&probe, pair.now);
    }
    let event = pair.esme.poll_event();
    let reason = CloseReason::PeerDoesNotRead;
    assert_eq!(
        event,
        Some(Event::Closed {
            reason,
            unanswered: Vec::new()
        })
    );
}

proptest! {
    #[test]
    fn no_octets_make_it_panic(
        octets in proptest::collection::vec(any::<u8>(), 0..2000),
        pieces in 1_usize..64,
    ) {
        for piece_of in [Role::Smsc, esme_role(BindMode::Transceiver)] {
            let mut session = Session::new(piece_of, Config::default(), MINUTE).unwrap();
            for piece in octets.chunks(pieces) {
                session.handle_input(piece, MINUTE);
            }
            session.handle_timeout(2 * MINUTE);
        }
    }

    /// Frames that are well cut but hold anything.
    #[test]
    fn no_frames_make_it_panic(
        frames in proptest::collection::vec(
            (0_u32..0x16, any::<bool>(), 0_u32..4, 0_u32..6, any::<Vec<u8>>()), 0..40),
    ) {
        let mut pair = Pair::bound(Config::default());
        for (command, is_response, status, sequence, body) in frames {
            let command = if is_response { command | 0x8000_0000 } else { command };
            let octets = frame(command, status, sequence, &body);
            pair.esme.handle_input(&octets, pair.now);
            pair.smsc.handle_input(&octets, pair.now);
        }
        pair.pass(MINUTE);
        let closes = pair.esme_events.iter().filter(|e| matches!(e, Event::Closed { .. })).count();
        prop_assert!(closes <= 1);
    }
}
