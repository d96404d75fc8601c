//! Calls over real sockets against the simulated telephone network.

use std::collections::HashMap;
use std::net::{Ipv4Addr, SocketAddr};
use std::sync::Arc;
use std::time::Duration;

use tokio::sync::mpsc;
use tokio_util::sync::CancellationToken;

use super::*;
use crate::clock::Randomness;
use crate::proto::call::{
    CallEnd, CallFailure, CallPlan, CallResult, Confirmation, Progress, VoicemailPolicy,
};
use crate::proto::media::amd::AmdConfig;
use crate::proto::media::session::Listen;
use crate::proto::media::{Codec, Digit, tones};
use crate::sim::sip::{Answered, Behaviour, SimCallEnd, SimSip, SimSipConfig};

const BOUND: Duration = Duration::from_secs(20);
const SHORT: Duration = Duration::from_millis(50);
/// The loopback range of these tests; each trunk picks ports at random in it.
const PORTS: (u16, u16) = (30_000, 39_998);

fn millis(n: u64) -> Duration {
    Duration::from_millis(n)
}

fn plan() -> CallPlan {
    CallPlan {
        setup_timeout: Duration::from_secs(5),
        ring_timeout: millis(600),
        cancel_wait: Duration::from_secs(3),
        answer_pause: millis(20),
        plays: 1,
        replay_pause: millis(60),
        call_duration_max: Duration::from_secs(10),
        confirmation: Some(Confirmation {
            key: Digit::from_char('1').unwrap(),
            plays_max: 2,
            key_wait: millis(200),
        }),
        voicemail: VoicemailPolicy::HangUp,
    }
}

fn config(server: SocketAddr) -> TrunkConfig {
    TrunkConfig {
        host: server.ip().to_string(),
        port: server.port(),
        transport: SipTransport::Udp,
        bind: SocketAddr::from((Ipv4Addr::LOCALHOST, 0)),
        public_address: None,
        credentials: None,
        domain: "alerts.example".to_owned(),
        caller_id: "+441632960000".to_owned(),
        rtp_ports: PORTS,
        codecs: Codec::ALL.to_vec(),
        calls_max: 200,
        calls_per_second: 500,
        listen: Listen {
            inband_dtmf: true,
            fax: true,
            voicemail: Some(AmdConfig {
                greeting_min: millis(1_200),
                ..AmdConfig::default()
            }),
        },
        media_from_anywhere: false,
    }
}

async fn sim_with(behaviour: Behaviour) -> SimSip {
    let config = SimSipConfig {
        numbers: HashMap::from([("441632960001".to_owned(), behaviour)]),
        ..SimSipConfig::default()
    };
    SimSip::start(config, Randomness::seeded(2)).await.unwrap()
}

async fn call_with(
    trunk: &SipTrunk,
    plan: CallPlan,
    cancel: CancellationToken,
) -> (CallResult, Vec<Progress>) {
    let (sink, mut progress) = mpsc::channel(8);
    let order = CallOrder {
        number: "+441632960001".to_owned(),
        plan,
        script: tones::sine(440.0, 3_000, 2_400).into(),
    };
    let result = tokio::time::timeout(BOUND, trunk.call(order, sink, cancel))
        .await
        .unwrap();
    let mut seen = vec![];
    while let Some(step) = progress.recv().await {
        seen.push(step);
    }
    (result, seen)
}

async fn call(sim: &SimSip, plan: CallPlan) -> (CallResult, Vec<Progress>) {
    let trunk = SipTrunk::start(config(sim.addr()), Randomness::seeded(1))
        .await
        .unwrap();
    let outcome = call_with(&trunk, plan, CancellationToken::new()).await;
    trunk.close().await;
    outcome
}

/// Calls a number that behaves so; checks how the call ends for us and for the other side.
async fn check(behaviour: Behaviour, end: CallEnd, far_end: SimCallEnd) -> CallResult {
    let sim = sim_with(behaviour.clone()).await;
    let (result, progress) = call(&sim, plan()).await;
    assert_eq!(result.end, end, "{behaviour:?}: {result:?}");
    assert_eq!(progress[0], Progress::Started);
    let far = wait_for_calls(&sim, 1).await;
    assert_eq!(far[0].end, far_end, "{behaviour:?}");
    result
}

async fn wait_for_calls(sim: &SimSip, count: usize) -> Vec<crate::sim::sip::SimCall> {
    for _ in 0..300 {
        if sim.calls().len() >= count {
            return sim.calls();
        }
        tokio::time::sleep(millis(10)).await;
    }
    panic!(
        "only {} of {count} calls ended at the far side",
        sim.calls().len()
    );
}

fn answered(then: Answered) -> Behaviour {
    Behaviour::Answer { ring: SHORT, then }
}

#[tokio::test]
async fn key_one_confirms() {
    let sim = sim_with(Behaviour::presses_one(SHORT, millis(200))).await;
    let (result, progress) = call(&sim, plan()).await;
    assert_eq!(result.end, CallEnd::Confirmed);
    assert_eq!(
        progress,
        vec![Progress::Started, Progress::Ringing, Progress::InProgress]
    );
    let far = wait_for_calls(&sim, 1).await;
    assert_eq!(far[0].end, SimCallEnd::CallerHungUp);
    assert!(
        far[0].packets_heard > 5,
        "the script was not heard: {far:?}"
    );
}

#[tokio::test]
async fn a_key_as_sound_confirms_too() {
    let press = Answered::Press {
        key: '1',
        after: millis(150),
        inband: true,
    };
    check(
        answered(press),
        CallEnd::Confirmed,
        SimCallEnd::CallerHungUp,
    )
    .await;
}

#[tokio::test]
async fn hanging_up_without_the_key_completes() {
    let hang_up = Answered::HangUp { after: millis(150) };
    check(
        answered(hang_up),
        CallEnd::Completed,
        SimCallEnd::SubscriberHungUp,
    )
    .await;
    let result = check(
        answered(Answered::Listen),
        CallEnd::Completed,
        SimCallEnd::CallerHungUp,
    )
    .await;
    assert_eq!(result.plays, 2);
}

#[tokio::test]
async fn nobody_answers() {
    check(
        Behaviour::NoAnswer,
        CallEnd::NoAnswer,
        SimCallEnd::Cancelled,
    )
    .await;
}

#[tokio::test]
async fn the_network_refuses() {
    check(Behaviour::Busy, CallEnd::Busy, SimCallEnd::Refused).await;
    for (code, cause, end) in [
        (404, Some(1), CallEnd::Failed),
        (503, None, CallEnd::Failed),
        (480, Some(19), CallEnd::NoAnswer),
        (603, None, CallEnd::NoAnswer),
    ] {
        let reject = Behaviour::Reject { code, cause };
        let result = check(reject, end, SimCallEnd::Refused).await;
        let answer = result.answer.unwrap();
        assert_eq!((answer.code, answer.cause), (code, cause));
    }
}

#[tokio::test]
async fn machines_are_told_apart() {
    let voicemail = Answered::Voicemail {
        greeting: Duration::from_secs(2),
    };
    let patient = CallPlan {
        confirmation: plan().confirmation.map(|confirmation| Confirmation {
            key_wait: Duration::from_secs(4),
            ..confirmation
        }),
        ..plan()
    };
    for (then, end) in [
        (voicemail, CallEnd::Voicemail),
        (Answered::Fax, CallEnd::Fax),
    ] {
        let sim = sim_with(answered(then)).await;
        let (result, _) = call(&sim, patient.clone()).await;
        assert_eq!(result.end, end);
    }
}

#[tokio::test]
async fn an_unreadable_answer_fails_that_call_only() {
    let result = check(
        Behaviour::Garbage,
        CallEnd::Failed,
        SimCallEnd::CallerHungUp,
    )
    .await;
    assert!(matches!(result.failure, Some(CallFailure::Unusable(_))));
}

#[tokio::test]
async fn a_withdrawn_call_is_cancelled_and_an_answered_one_hung_up() {
    for (behaviour, end, far_end) in [
        (Behaviour::NoAnswer, CallEnd::Aborted, SimCallEnd::Cancelled),
        (
            answered(Answered::Listen),
            CallEnd::Aborted,
            SimCallEnd::CallerHungUp,
        ),
    ] {
        let sim = sim_with(behaviour).await;
        let trunk = SipTrunk::start(config(sim.addr()), Randomness::seeded(1))
            .await
            .unwrap();
        let cancel = CancellationToken::new();
        let stop = cancel.clone();
        tokio::spawn(async move {
            tokio::time::sleep(millis(250)).await;
            stop.cancel();
        });
        let (result, _) = call_with(&trunk, plan(), cancel).await;
        assert_eq!(result.end, end);
        assert_eq!(wait_for_calls(&sim, 1).await[0].end, far_end);
    }
}

#[tokio::test]
async fn the_trunk_asks_for_a_password() {
    for (password, end, code) in [
        ("right", CallEnd::Confirmed, None),
        ("wrong", CallEnd::Failed, Some(407)),
    ] {
        let sim = SimSip::start(
            SimSipConfig {
                credentials: Some(("user".to_owned(), "right".to_owned())),
                others: Behaviour::presses_one(SHORT, millis(100)),
                ..SimSipConfig::default()
            },
            Randomness::seeded(2),
        )
        .await
        .unwrap();
        let config = TrunkConfig {
            credentials: Some(Credentials {
                user: "user".to_owned(),
                password: password.to_owned().into(),
            }),
            ..config(sim.addr())
        };
        let trunk = SipTrunk::start(config, Randomness::seeded(1))
            .await
            .unwrap();
        let (result, _) = call_with(&trunk, plan(), CancellationToken::new()).await;
        assert_eq!(result.end, end, "{password}");
        assert_eq!(result.answer.map(|answer| answer.code), code);
    }
}

#[tokio::test]
async fn a_hundred_calls_at_once() {
    let sim = sim_with(Behaviour::presses_one(SHORT, millis(400))).await;
    let trunk = SipTrunk::start(config(sim.addr()), Randomness::seeded(1))
        .await
        .unwrap();
    let trunk = Arc::new(trunk);
    let calls: Vec<_> = (0..100)
        .map(|_| {
            let trunk = Arc::clone(&trunk);
            let patient = CallPlan {
                ring_timeout: Duration::from_secs(10),
                confirmation: plan().confirmation.map(|confirmation| Confirmation {
                    key_wait: Duration::from_secs(5),
                    ..confirmation
                }),
                ..plan()
            };
            tokio::spawn(
                async move { call_with(&trunk, patient, CancellationToken::new()).await.0 },
            )
        })
        .collect();
    for call in calls {
        assert_eq!(call.await.unwrap().end, CallEnd::Confirmed);
    }
}

#[tokio::test]
async fn rubbish_from_the_trunks_address_ends_nothing() {
    let sim = sim_with(Behaviour::presses_one(SHORT, millis(100))).await;
    let trunk = SipTrunk::start(config(sim.addr()), Randomness::seeded(1))
        .await
        .unwrap();
    let stranger = tokio::net::UdpSocket::bind((Ipv4Addr::LOCALHOST, 0))
        .await
        .unwrap();
    let head = "SIP/2.0 200 OK\r\nVia: SIP/2.0/UDP h;branch=z9hG4bKx\r\nFrom: <sip:a@b>;tag=1\r\n\
                To: <sip:a@b>;tag=2\r\nCall-ID: x\r\nCSeq: 1 INVITE\r\n";
    for datagram in [
        format!("{head}Content-Length: 18446744073709551615\r\n\r\n").into_bytes(),
        format!("{head}Content-Length: 18446744073709551615").into_bytes(),
        format!("{head}\r\n").into_bytes(),
        format!("{}\r\n", head.replace("200 OK", "99999999 \u{e4}")).into_bytes(),
        head.replace("INVITE", "BYE")
            .replace("SIP/2.0 200 OK", "BYE sip:x SIP/2.0")
            .into_bytes(),
        b"\r\n\r\n".to_vec(),
        vec![0xff; 2_000],
        vec![],
    ] {
        let _ = stranger.send_to(&datagram, trunk.local_addr()).await;
    }
    let (result, _) = call_with(&trunk, plan(), CancellationToken::new()).await;
    assert_eq!(result.end, CallEnd::Confirmed);
}

/// The trunk's keepalive is answered; a call to us is turned away.
#[tokio::test]
async fn requests_outside_calls_are_answered() {
    let sim = sim_with(Behaviour::Busy).await;
    let trunk = SipTrunk::start(config(sim.addr()), Randomness::seeded(1))
        .await
        .unwrap();
    let peer = tokio::net::UdpSocket::bind((Ipv4Addr::LOCALHOST, 0))
        .await
        .unwrap();
    let own = peer.local_addr().unwrap();
    for (method, code) in [("OPTIONS", "200"), ("INVITE", "480"), ("BYE", "481")] {
        let request = format!(
            "{method} sip:us@{to} SIP/2.0\r\nVia: SIP/2.0/UDP {own};branch=z9hG4bK{method}\r\n\
             From: <sip:a@b>;tag=1\r\nTo: <sip:us@b>\r\nCall-ID: {method}\r\n\
             CSeq: 1 {method}\r\nMax-Forwards: 70\r\nContent-Length: 0\r\n\r\n",
            to = trunk.local_addr()
        );
        peer.send_to(request.as_bytes(), trunk.local_addr())
            .await
            .unwrap();
        let mut answer = vec![0; 2_000];
        let received = tokio::time::timeout(BOUND, peer.recv(&mut answer)).await;
        let length = received.unwrap().unwrap();
        let text = String::from_utf8_lossy(&answer[..length]).into_owned();
        assert!(text.starts_with(&format!("SIP/2.0 {code}")), "{text}");
    }
}
