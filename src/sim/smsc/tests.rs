//! The bind's driver against the simulated centre, over loopback.
#![allow(clippy::unwrap_used)]

use std::time::Duration;

use tokio::time::timeout;
use tokio_util::sync::CancellationToken;

use super::*;
use crate::net::smpp::{
    BindError, BindPhase, BindRefusal, REFUSED_DELAY_MIN, SmppBind, SmppSettings, StartedBind,
};
use crate::proto::smpp::encoding::DefaultAlphabet;
use crate::proto::smpp::receipt::{self, MessageIdForm, MessageState};
use crate::proto::smpp::{BindRequest, SubmitSm};

const LONG: Duration = Duration::from_secs(10);
const SOON: Duration = Duration::from_millis(10);

fn text(number: &str) -> SubmitSm {
    SubmitSm {
        source: Address::sender("40404"),
        destination: Address::international(number),
        registered_delivery: 1,
        user_data: b"The river rises.".to_vec(),
        ..SubmitSm::default()
    }
}

fn settings(smsc: &SimSmsc, password: &str) -> SmppSettings {
    let request = BindRequest {
        system_id: "tocsin".to_owned(),
        password: password.to_owned(),
        interface_version: 0x34,
        ..BindRequest::default()
    };
    let mut settings = SmppSettings::new("test", "127.0.0.1", smsc.addr().port(), request);
    settings.rate_per_second = 1000;
    settings.reconnect_delay = Duration::from_millis(20);
    settings.throttle_delay = Duration::from_millis(20);
    settings.session.response_timeout = Duration::from_millis(500);
    settings
}

async fn bound(bind: &SmppBind) {
    let mut watch = bind.watch();
    let is_bound = |s: &crate::net::smpp::BindStatus| matches!(s.phase, BindPhase::Bound { .. });
    timeout(LONG, watch.wait_for(is_bound))
        .await
        .unwrap()
        .unwrap();
}

async fn start(config: SmscConfig) -> (SimSmsc, StartedBind, CancellationToken) {
    let smsc = SimSmsc::start(config).await.unwrap();
    let cancel = CancellationToken::new();
    let started = SmppBind::start(settings(&smsc, "secret"), cancel.clone());
    bound(&started.bind).await;
    (smsc, started, cancel)
}

#[tokio::test]
async fn a_receipt_comes_for_what_was_submitted_and_waits_until_it_is_stored() {
    let config = SmscConfig {
        writes_ids_differently: true,
        sends_parameters: false,
        ..SmscConfig::default()
    };
    let (smsc, mut started, cancel) = start(config).await;
    let submitted = started.bind.submit(text("+447700900001")).await.unwrap();
    assert_eq!(smsc.messages()[0].message_id, submitted.message_id);

    let delivery = timeout(LONG, started.deliveries.recv())
        .await
        .unwrap()
        .unwrap();
    assert_eq!(smsc.acknowledged(), 0);
    let receipt = receipt::from_message(delivery.message()).unwrap();
    let form = MessageIdForm::HexThenDecimal;
    assert_eq!(
        form.receipt_keys(&receipt),
        [form.response_key(&submitted.message_id)]
    );
    assert_eq!(receipt.state, Some(MessageState::Delivered));
    // Not stored this time: it is offered again.
    drop(delivery);
    let again = timeout(LONG, started.deliveries.recv())
        .await
        .unwrap()
        .unwrap();
    again.confirm();
    cancel.cancel();
    timeout(LONG, started.task).await.unwrap().unwrap();
    assert_eq!(
        (smsc.acknowledged(), smsc.waiting(), smsc.bound()),
        (1, 0, 0)
    );
    assert_eq!(started.bind.status().phase, BindPhase::Stopped);
    assert_eq!(
        started.bind.submit(text("1")).await,
        Err(BindError::NotBound)
    );
}

#[tokio::test]
async fn refusals_silence_and_throttling() {
    let (smsc, started, _cancel) = start(SmscConfig::default()).await;
    smsc.script("441", Behaviour::Refused(CommandStatus::RINVDSTADR));
    smsc.script("442", Behaviour::Silent);
    let then = Box::new(Behaviour::NoReceipt);
    smsc.script(
        "443",
        Behaviour::Throttled {
            times: 3,
            then: then.clone(),
        },
    );
    smsc.script("444", Behaviour::Throttled { times: 99, then });
    let refused = BindError::Refused(CommandStatus::RINVDSTADR);
    assert_eq!(started.bind.submit(text("441")).await, Err(refused));
    assert_eq!(
        started.bind.submit(text("442")).await,
        Err(BindError::Unanswered)
    );
    assert!(started.bind.submit(text("443")).await.is_ok());
    assert_eq!(started.bind.status().throttled, 3);
    let throttled = BindError::Refused(CommandStatus::RTHROTTLED);
    assert_eq!(started.bind.submit(text("444")).await, Err(throttled));
    let mut long = text("445");
    long.user_data = vec![0; 255];
    assert!(matches!(
        started.bind.submit(long).await,
        Err(BindError::Unencodable(_))
    ));
    assert!(
        started.bind.submit(text("446")).await.is_ok(),
        "the bind lives"
    );
}

#[tokio::test]
async fn a_cut_connection_is_made_again_and_nothing_that_waits_is_lost() {
    let (smsc, mut started, _cancel) = start(SmscConfig::default()).await;
    smsc.script("442", Behaviour::Silent);
    let waiting = tokio::spawn({
        let bind = started.bind.clone();
        async move { bind.submit(text("442")).await }
    });
    // Submissions keep their order: the silent one is out when the second is answered.
    started.bind.submit(text("441")).await.unwrap();
    started.bind.submit(text("440")).await.unwrap();
    smsc.cut_connections();
    assert_eq!(
        timeout(LONG, waiting).await.unwrap().unwrap(),
        Err(BindError::Unanswered)
    );
    let mut watch = started.bind.watch();
    timeout(LONG, watch.wait_for(|s| s.binds == 2))
        .await
        .unwrap()
        .unwrap();
    assert!(started.bind.status().last_error.is_some());
    let delivery = timeout(LONG, started.deliveries.recv())
        .await
        .unwrap()
        .unwrap();
    assert!(receipt::from_message(delivery.message()).is_some());
    delivery.confirm();
    assert!(started.bind.submit(text("443")).await.is_ok());
}

#[tokio::test]
async fn a_wrong_password_is_told_and_tried_again() {
    let account = Some(("tocsin".to_owned(), "right".to_owned()));
    let smsc = SimSmsc::start(SmscConfig {
        account,
        ..SmscConfig::default()
    })
    .await
    .unwrap();
    let started = SmppBind::start(settings(&smsc, "wrong"), CancellationToken::new());
    let mut watch = started.bind.watch();
    let told = timeout(LONG, watch.wait_for(|s| s.last_error.is_some()))
        .await
        .unwrap()
        .unwrap()
        .clone();
    assert!(told.last_error.unwrap().contains("ESME_RINVPASWD"));
    assert_eq!(
        started.bind.submit(text("441")).await,
        Err(BindError::NotBound)
    );
}

#[tokio::test]
async fn a_refused_login_is_left_alone_and_a_passing_refusal_is_not() {
    for (status, refused) in [
        (CommandStatus::RINVPASWD, Some(BindRefusal::WrongPassword)),
        (CommandStatus::RINVSYSID, Some(BindRefusal::UnknownSystemId)),
        (CommandStatus::RBINDFAIL, Some(BindRefusal::BindFailed)),
        (CommandStatus::RALYBND, None),
        (CommandStatus::RSYSERR, None),
        (CommandStatus::RTHROTTLED, None),
    ] {
        let config = SmscConfig {
            refuses_binds: Some(status),
            ..SmscConfig::default()
        };
        let smsc = SimSmsc::start(config).await.unwrap();
        let stop = CancellationToken::new();
        let started = SmppBind::start(settings(&smsc, "secret"), stop.clone());
        let mut watch = started.bind.watch();
        let told = watch.wait_for(|s| s.last_error.is_some());
        let told = timeout(LONG, told).await.unwrap().unwrap().clone();
        assert_eq!(told.refused, refused, "{status}");
        assert_eq!(told.retry_in >= REFUSED_DELAY_MIN, refused.is_some());
        if refused.is_none() {
            let again = async {
                while smsc.binds_asked() < 3 {
                    tokio::time::sleep(SOON).await;
                }
            };
            timeout(LONG, again).await.unwrap();
        }
        stop.cancel();
    }
}

#[tokio::test]
async fn a_congested_centre_is_sent_less_and_not_nothing() {
    let (smsc, started, _cancel) = start(SmscConfig::default()).await;
    smsc.tell_congestion(Some(100));
    started.bind.submit(text("441")).await.unwrap();
    // The pause after it is 20 ms here, and the messages behind it still go.
    smsc.tell_congestion(Some(20));
    started.bind.submit(text("442")).await.unwrap();
    assert_eq!(smsc.messages().len(), 2);
}

#[tokio::test]
async fn a_reply_in_parts_comes_in() {
    let (smsc, mut started, _cancel) = start(SmscConfig::default()).await;
    let words = "We are safe. ".repeat(20);
    smsc.inject("+447700900001", "40404", &words);
    let mut parts = Vec::new();
    for _ in 0..2 {
        let delivery = timeout(LONG, started.deliveries.recv())
            .await
            .unwrap()
            .unwrap();
        let (_, sar) = delivery.message().concatenation().unwrap();
        parts.push((sar.number, delivery.message().text(DefaultAlphabet::Gsm7)));
        assert_eq!(receipt::from_message(delivery.message()), None);
        delivery.confirm();
    }
    parts.sort();
    assert_eq!(
        parts.into_iter().map(|(_, text)| text).collect::<String>(),
        words
    );
    smsc.stop().await;
}

#[tokio::test]
async fn many_submissions_share_the_window() {
    let config = SmscConfig {
        default_behaviour: Behaviour::Delivered { after: SOON },
        ..SmscConfig::default()
    };
    let (smsc, mut started, _cancel) = start(config).await;
    let taken = tokio::spawn(async move {
        let mut count = 0;
        while count < 200 {
            started.deliveries.recv().await.unwrap().confirm();
            count += 1;
        }
        started.deliveries
    });
    let sends = (0..200).map(|n| {
        let bind = started.bind.clone();
        async move { bind.submit(text(&format!("44770090{n:04}"))).await }
    });
    let results = timeout(LONG, futures_util::future::join_all(sends))
        .await
        .unwrap();
    assert!(results.iter().all(Result::is_ok));
    assert_eq!(smsc.messages().len(), 200);
    timeout(LONG, taken).await.unwrap().unwrap();
}
