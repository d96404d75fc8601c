//! Attempts over a real bind to the simulated centre.
#![allow(clippy::unwrap_used)]

use std::time::Duration;

use tokio::sync::mpsc;
use tokio::time::timeout;

use super::*;
use crate::channel::PROGRESS_MAX;
use crate::classify::smpp::ReceiptMeaning;
use crate::domain::{Content, DeliveryId, Redacted, Suspends};
use crate::net::smpp::{SmppSettings, StartedBind};
use crate::proto::smpp::encoding::{Concatenation, SegmentOptions};
use crate::proto::smpp::receipt::{MessageIdForm, MessageState};
use crate::proto::smpp::{Address, BindMode, BindRequest, CommandStatus, ShortMessage};
use crate::sim::smsc::{Behaviour, SimSmsc, SmscConfig};

const LONG: Duration = Duration::from_secs(20);
const NUMBER: &str = "+447700900001";
const DIGITS: &str = "447700900001";

struct House {
    smsc: SimSmsc,
    channel: Arc<SmsChannel>,
    inbox: SmsInbox,
    /// The binds stop with it.
    _stop: tokio_util::sync::DropGuard,
}

fn route_settings(name: &str) -> RouteSettings {
    RouteSettings {
        name: name.to_owned(),
        carrier: name.to_owned(),
        source: Address::sender("40404"),
        destination_ton: 1,
        destination_npi: 1,
        prefixes: Vec::new(),
        segments: SegmentOptions::default(),
        id_form: MessageIdForm::Any,
        concurrency: 10,
        sends: true,
        user_message_reference: true,
        early_receipts: true,
    }
}

async fn bind_to(smsc: &SimSmsc, cancel: CancellationToken) -> StartedBind {
    let request = BindRequest {
        system_id: "tocsin".to_owned(),
        ..BindRequest::default()
    };
    let mut settings = SmppSettings::new("centre", "127.0.0.1", smsc.addr().port(), request);
    settings.rate_per_second = 1000;
    settings.throttle_delay = Duration::from_millis(10);
    settings.session.response_timeout = Duration::from_millis(300);
    let started = SmppBind::start(settings, cancel);
    let mut watch = started.bind.watch();
    timeout(LONG, watch.wait_for(|s| s.binds == 1))
        .await
        .unwrap()
        .unwrap();
    started
}

async fn house(config: SmscConfig) -> House {
    let smsc = SimSmsc::start(config).await.unwrap();
    let cancel = CancellationToken::new();
    let started = bind_to(&smsc, cancel.clone()).await;
    let settings = route_settings("centre");
    let inbox = SmsInbox::new(settings.clone(), started.deliveries);
    let routes = vec![Route {
        bind: started.bind,
        settings,
    }];
    let channel = SmsChannel::new(routes, 3, Duration::from_secs(3600));
    House {
        smsc,
        channel,
        inbox,
        _stop: cancel.drop_guard(),
    }
}

fn request(number: &str, text: &str) -> AttemptRequest {
    let content = Content {
        subject: String::new(),
        text: String::new(),
        html: String::new(),
        sms_text: text.to_owned(),
        voice_script: String::new(),
        attachments: Vec::new(),
    };
    AttemptRequest {
        delivery: DeliveryId::from_bytes([7; 16]),
        attempt: 1,
        destination: Destination::Phone(Redacted::new(PhoneNumber::from_e164(number).unwrap())),
        written: Arc::default(),
        content: Arc::new(content),
        files: Arc::default(),
        submitted: None,
        recipient_name: String::new(),
        language: "en".to_owned(),
        return_path: String::new(),
        in_reply_to: None,
        confirmation_required: false,
        links: crate::channel::MailLinks::default(),
        reports: crate::channel::ReportParams::default(),
        once: false,
        express: false,
    }
}

async fn attempt(channel: &SmsChannel, request: AttemptRequest) -> AttemptOutcome {
    let (progress, _events) = mpsc::channel(PROGRESS_MAX);
    timeout(
        LONG,
        channel.attempt(request, progress, CancellationToken::new()),
    )
    .await
    .unwrap()
}

async fn next(inbox: &mut SmsInbox) -> Incoming {
    timeout(LONG, inbox.next()).await.unwrap().unwrap()
}

#[tokio::test]
async fn each_segment_has_its_id_and_its_receipt() {
    for writes_ids_differently in [false, true] {
        let config = SmscConfig {
            writes_ids_differently,
            sends_parameters: false,
            ..SmscConfig::default()
        };
        let mut house = house(config).await;
        let words = "The river rises. Leave the lower town by the north road. ".repeat(4);
        let outcome = attempt(&house.channel, request(NUMBER, &words)).await;
        let AttemptOutcome::Accepted { remote_ids, .. } = outcome else {
            panic!("{outcome:?}")
        };
        assert_eq!(remote_ids.len(), 2);

        let taken = house.smsc.messages();
        assert_eq!(
            taken.iter().map(|m| m.text.as_str()).collect::<String>(),
            words
        );
        assert!(
            taken
                .iter()
                .all(|m| m.destination == DIGITS && m.source == "40404")
        );
        assert!(
            taken
                .iter()
                .all(|m| m.pdu.validity_period == "000000010000000R")
        );
        for _ in 0..2 {
            let incoming = next(&mut house.inbox).await;
            let IncomingText::Receipt {
                remote_ids: keys,
                parties,
                meaning,
            } = &incoming.text
            else {
                panic!("{incoming:?}");
            };
            assert!(matches!(meaning, ReceiptMeaning::Delivered(_)));
            assert_eq!(
                parties.each_ref().map(|one| one.reveal().as_str()),
                [DIGITS, "40404"]
            );
            assert!(!format!("{incoming:?}").contains("7700"));
            assert_eq!(
                keys.iter().filter(|key| remote_ids.contains(key)).count(),
                1
            );
            incoming.confirm();
        }
    }
}

#[tokio::test]
async fn a_failed_receipt_says_why() {
    let mut house = house(SmscConfig::default()).await;
    let error = "001".to_owned();
    let after = Duration::from_millis(10);
    let state = MessageState::Undeliverable;
    house.smsc.script(
        DIGITS,
        Behaviour::Undelivered {
            after,
            state,
            error,
        },
    );
    assert!(matches!(
        attempt(&house.channel, request(NUMBER, "x")).await,
        AttemptOutcome::Accepted { .. }
    ));
    let incoming = next(&mut house.inbox).await;
    let IncomingText::Receipt {
        meaning: ReceiptMeaning::Undelivered(verdict),
        ..
    } = &incoming.text
    else {
        panic!("{incoming:?}");
    };
    assert_eq!(verdict.suspends(), Suspends::AtOnce);
    assert!(verdict.diagnostic.as_str().contains("stat:UNDELIV err:001"));
}

#[tokio::test]
async fn refusals_are_told_apart() {
    let house = house(SmscConfig::default()).await;
    let check = async |behaviour: Option<Behaviour>, number: &str, text: &str| {
        if let Some(behaviour) = behaviour {
            house.smsc.script(number, behaviour);
        }
        attempt(&house.channel, request(number, text)).await
    };
    let bad_number = Behaviour::Refused(CommandStatus::RINVDSTADR);
    let outcome = check(Some(bad_number), "+4471", "x").await;
    let AttemptOutcome::Rejected {
        verdict,
        by_peer: true,
    } = outcome
    else {
        panic!("{outcome:?}")
    };
    assert_eq!(verdict.suspends(), Suspends::AtOnce);

    let busy = Behaviour::Refused(CommandStatus::RSYSERR);
    let outcome = check(Some(busy), "+4472", "x").await;
    assert!(
        matches!(outcome, AttemptOutcome::Deferred { .. }),
        "{outcome:?}"
    );
    let outcome = check(Some(Behaviour::Silent), "+4473", "x").await;
    assert!(
        matches!(outcome, AttemptOutcome::Unknown { .. }),
        "{outcome:?}"
    );

    for text in ["", &"x".repeat(3 * 153 + 1)] {
        let outcome = check(None, "+4474", text).await;
        let AttemptOutcome::Rejected {
            verdict,
            by_peer: false,
        } = outcome
        else {
            panic!()
        };
        assert_eq!(verdict.suspends(), Suspends::Never);
    }
    assert!(house.smsc.messages().is_empty());
}

#[tokio::test]
async fn throttling_in_the_middle_of_a_text_is_waited_out() {
    let house = house(SmscConfig::default()).await;
    let then = Box::new(Behaviour::NoReceipt);
    house
        .smsc
        .script(DIGITS, Behaviour::Throttled { times: 4, then });
    let outcome = attempt(&house.channel, request(NUMBER, &"x".repeat(400))).await;
    let AttemptOutcome::Accepted { remote_ids, .. } = outcome else {
        panic!("{outcome:?}")
    };
    assert_eq!(remote_ids.len(), 3);
    let parts: Vec<_> = house
        .smsc
        .messages()
        .iter()
        .map(|m| m.pdu.concatenation())
        .collect();
    let numbers: Vec<_> = parts
        .iter()
        .flatten()
        .map(|(kind, sar)| (*kind, sar.number))
        .collect();
    assert_eq!(numbers, [1, 2, 3].map(|n| (Concatenation::Udh8, n)));
}

#[tokio::test]
async fn without_a_bind_it_is_deferred() {
    let house = house(SmscConfig::default()).await;
    let cancelled = CancellationToken::new();
    cancelled.cancel();
    let (progress, _events) = mpsc::channel(PROGRESS_MAX);
    let outcome = house
        .channel
        .attempt(request(NUMBER, "x"), progress, cancelled)
        .await;
    assert!(
        matches!(outcome, AttemptOutcome::Deferred { .. }),
        "{outcome:?}"
    );
    assert!(house.channel.is_ready());
    house.smsc.stop().await;
    let mut watch = house.channel.routes()[0].bind.watch();
    timeout(LONG, watch.wait_for(|s| s.last_error.is_some()))
        .await
        .unwrap()
        .unwrap();
    assert!(!house.channel.is_ready());
    let outcome = attempt(&house.channel, request(NUMBER, "x")).await;
    assert!(
        matches!(outcome, AttemptOutcome::Deferred { .. }),
        "{outcome:?}"
    );
}

#[tokio::test]
async fn the_longest_prefix_chooses_the_bind() {
    let centres = [
        SimSmsc::start(SmscConfig::default()).await.unwrap(),
        SimSmsc::start(SmscConfig::default()).await.unwrap(),
    ];
    let stop = CancellationToken::new();
    let mut routes = Vec::new();
    for (centre, prefix) in centres.iter().zip(["+44", "+4477"]) {
        let bind = bind_to(centre, stop.clone()).await.bind;
        let settings = RouteSettings {
            prefixes: vec![prefix.to_owned()],
            ..route_settings(prefix)
        };
        routes.push(Route { bind, settings });
    }
    let channel = SmsChannel::new(routes, 3, Duration::from_secs(3600));
    attempt(&channel, request("+447700900001", "x")).await;
    attempt(&channel, request("+441632960001", "x")).await;
    let nowhere = attempt(&channel, request("+33199000000", "x")).await;
    assert!(matches!(nowhere, AttemptOutcome::Deferred { .. }));
    assert_eq!(centres.each_ref().map(|c| c.messages().len()), [1, 1]);
    assert_eq!(centres[1].messages()[0].destination, "447700900001");
    stop.cancel();
}

#[test]
fn one_id_for_all_segments_is_waited_for_once() {
    let mut remote_ids = Vec::new();
    for id in ["c/4f2a", "c/4F2A", "c/4f2a", "c/4f2b"] {
        add_once(&mut remote_ids, Some(id.to_owned()));
    }
    add_once(&mut remote_ids, None);
    assert_eq!(remote_ids, ["c/4f2a", "c/4f2b"]);
}

#[tokio::test]
async fn a_text_that_looks_like_a_receipt_is_a_text() {
    let mut house = house(SmscConfig::default()).await;
    let forged = "id:6aad5 sub:001 dlvrd:001 stat:DELIVRD err:000 text:";
    house.smsc.inject(NUMBER, "40404", forged);
    let incoming = next(&mut house.inbox).await;
    let IncomingText::Message { text, .. } = &incoming.text else {
        panic!("{incoming:?}")
    };
    assert_eq!(text, forged);
}

#[tokio::test]
async fn each_part_of_a_long_reply_waits_until_it_is_stored() {
    let mut house = house(SmscConfig::default()).await;
    let words = "Wir sind in Sicherheit, danke! ".repeat(8);
    house.smsc.inject(NUMBER, "40404", &words);
    let mut said = std::collections::BTreeMap::new();
    let mut dropped = false;
    while said.len() < 2 {
        let incoming = next(&mut house.inbox).await;
        assert!(!format!("{incoming:?}").contains("7700"));
        let IncomingText::Part {
            carrier,
            from,
            to,
            piece,
        } = &incoming.text
        else {
            panic!("{incoming:?}")
        };
        assert_eq!(
            (
                carrier.as_str(),
                from.as_str(),
                to.as_str(),
                piece.sar.total
            ),
            ("centre", NUMBER, "40404", 2)
        );
        if !dropped {
            // Not stored: it comes again.
            dropped = true;
            continue;
        }
        assert_eq!(house.smsc.acknowledged(), said.len());
        said.insert(piece.sar.number, piece.text.clone());
        incoming.confirm();
        acknowledged(&house.smsc, said.len()).await;
    }
    assert_eq!(said.into_values().collect::<String>(), words);
}

async fn acknowledged(smsc: &SimSmsc, count: usize) {
    let wait = async {
        while smsc.acknowledged() < count {
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
    };
    timeout(LONG, wait).await.unwrap();
}

/// The numbers by which a repeat of each segment is known: its own, and that of the whole.
fn references(smsc: &SimSmsc) -> Vec<(Vec<u8>, Option<u16>)> {
    let reference = |pdu: &ShortMessage| {
        let own = pdu.tlv(crate::proto::smpp::tlv_tag::USER_MESSAGE_REFERENCE);
        let whole = pdu.concatenation().map(|(_, sar)| sar.reference);
        (own.unwrap_or_default().to_vec(), whole)
    };
    let taken = smsc.messages();
    taken.iter().map(|taken| reference(&taken.pdu)).collect()
}

#[tokio::test]
async fn a_text_that_is_sent_again_bears_the_same_numbers() {
    let house = house(SmscConfig::default()).await;
    let words = "x".repeat(200);
    for _ in 0..2 {
        attempt(&house.channel, request(NUMBER, &words)).await;
    }
    let mut other = request(NUMBER, &words);
    other.delivery = DeliveryId::from_bytes([8; 16]);
    attempt(&house.channel, other).await;
    let found = references(&house.smsc);
    let [first, again, other] = [&found[..2], &found[2..4], &found[4..]];
    assert_eq!(first, again);
    assert!(first[0].0 != first[1].0, "each segment has its own");
    assert!(first != other);
    assert!(first[0].1.is_some() && first[0].1 == first[1].1);
    assert_eq!(first[0].0.len(), 2);
}

#[tokio::test]
async fn where_a_carrier_wants_no_number_there_is_none() {
    let smsc = SimSmsc::start(SmscConfig::default()).await.unwrap();
    let stop = CancellationToken::new();
    let routes = vec![Route {
        bind: bind_to(&smsc, stop.clone()).await.bind,
        settings: RouteSettings {
            user_message_reference: false,
            ..route_settings("centre")
        },
    }];
    let channel = SmsChannel::new(routes, 3, Duration::from_secs(3600));
    attempt(&channel, request(NUMBER, "x")).await;
    assert_eq!(references(&smsc), [(Vec::new(), None)]);
    stop.cancel();
}

/// A bind for one direction, and the inbox of what it receives.
async fn half(
    smsc: &SimSmsc,
    carrier: &str,
    mode: BindMode,
    stop: &CancellationToken,
) -> (Route, SmsInbox) {
    let request = BindRequest {
        system_id: "tocsin".to_owned(),
        ..BindRequest::default()
    };
    let mut settings = SmppSettings::new(carrier, "127.0.0.1", smsc.addr().port(), request);
    settings.rate_per_second = 1000;
    settings.mode = mode;
    let started = SmppBind::start(settings, stop.clone());
    let mut watch = started.bind.watch();
    timeout(LONG, watch.wait_for(|s| s.binds == 1))
        .await
        .unwrap()
        .unwrap();
    let prefix = if carrier == "north" { "+44" } else { "+33" };
    let settings = RouteSettings {
        name: format!("{carrier}-{mode:?}"),
        carrier: carrier.to_owned(),
        sends: mode.transmits(),
        prefixes: vec![prefix.to_owned()],
        ..route_settings(carrier)
    };
    let inbox = SmsInbox::new(settings.clone(), started.deliveries);
    let bind = started.bind;
    (Route { bind, settings }, inbox)
}

#[tokio::test]
async fn receipts_come_over_the_receiver_of_the_carrier_that_took_the_text() {
    let stop = CancellationToken::new();
    let (mut centres, mut routes, mut inboxes) = (Vec::new(), Vec::new(), Vec::new());
    for carrier in ["north", "south"] {
        let centre = SimSmsc::start(SmscConfig::default()).await.unwrap();
        for mode in [BindMode::Transmitter, BindMode::Receiver] {
            let (route, inbox) = half(&centre, carrier, mode, &stop).await;
            routes.push(route);
            if mode == BindMode::Receiver {
                inboxes.push(inbox);
            }
        }
        centres.push(centre);
    }
    let channel = SmsChannel::new(routes, 3, Duration::from_secs(3600));
    assert_eq!(channel.concurrency(), 2 * 10, "receivers send nothing");
    // Both centres count their ids from the same number.
    for (at, number, carrier) in [(0, "+447700900001", "north"), (1, "+33199000000", "south")] {
        let outcome = attempt(&channel, request(number, "x")).await;
        let AttemptOutcome::Accepted { remote_ids, .. } = outcome else {
            panic!("{outcome:?}")
        };
        let incoming = next(&mut inboxes[at]).await;
        let IncomingText::Receipt {
            remote_ids: keys, ..
        } = &incoming.text
        else {
            panic!("{incoming:?}")
        };
        assert!(remote_ids[0].starts_with(&format!("{carrier}/")));
        assert!(keys.contains(&remote_ids[0]));
        incoming.confirm();
    }
    assert_eq!(
        centres
            .iter()
            .map(|c| c.messages().len())
            .collect::<Vec<_>>(),
        [1, 1]
    );
    stop.cancel();
}

#[tokio::test]
async fn texts_are_spread_over_the_binds_of_a_carrier_and_each_stays_on_one() {
    let smsc = SimSmsc::start(SmscConfig::default()).await.unwrap();
    let stop = CancellationToken::new();
    let (mut routes, mut inboxes) = (Vec::new(), Vec::new());
    for _ in 0..2 {
        let (route, inbox) = half(&smsc, "north", BindMode::Transceiver, &stop).await;
        routes.push(route);
        inboxes.push(inbox);
    }
    let channel = SmsChannel::new(routes, 3, Duration::from_secs(3600));
    // One that hangs keeps its bind busy; the others go over the one that has nothing to do.
    smsc.script("4499", Behaviour::Silent);
    let hanging = tokio::spawn({
        let channel = channel.clone();
        async move { attempt(&channel, request("+4499", "x")).await }
    });
    let is_busy = async {
        while channel
            .routes()
            .iter()
            .all(|route| route.bind.outstanding() == 0)
        {
            tokio::time::sleep(Duration::from_millis(1)).await;
        }
    };
    timeout(LONG, is_busy).await.unwrap();
    for _ in 0..3 {
        attempt(&channel, request(NUMBER, &"x".repeat(200))).await;
    }
    let over: Vec<usize> = smsc.messages().iter().map(|m| m.connection).collect();
    assert_eq!(over.len(), 6);
    assert!(over.iter().all(|one| *one == over[0]), "{over:?}");
    hanging.abort();
    assert!(hanging.await.is_err());

    // With nothing to do they take turns.
    for _ in 0..4 {
        attempt(&channel, request(NUMBER, "x")).await;
    }
    let mut over: Vec<usize> = smsc.messages()[6..].iter().map(|m| m.connection).collect();
    over.sort_unstable();
    assert_eq!(over, [0, 0, 1, 1]);
    stop.cancel();
}
