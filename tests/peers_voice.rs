//! Calls to telephones and networks that are not ours. A peer that is not installed is skipped
//! loudly.
#![allow(clippy::unwrap_used, clippy::print_stderr)]

#[path = "peers/baresip.rs"]
mod baresip;
#[path = "peers/sipp.rs"]
mod sipp;
#[path = "peers/skip.rs"]
mod skip;

use std::net::{Ipv4Addr, SocketAddr};
use std::time::Duration;

use baresip::Baresip;
use sipp::Sipp;
use tocsin::clock::Randomness;
use tocsin::net::sip::{CallOrder, Credentials, SipTransport, SipTrunk, TrunkConfig};
use tocsin::proto::call::{CallEnd, CallPlan, CallResult, Confirmation, VoicemailPolicy};
use tocsin::proto::media::session::Listen;
use tocsin::proto::media::{Codec, Digit, tones};
use tokio::sync::mpsc;
use tokio_util::sync::CancellationToken;

const NUMBER: &str = "+441632960001";
const BOUND: Duration = Duration::from_secs(40);

fn plan() -> CallPlan {
    CallPlan {
        setup_timeout: Duration::from_secs(10),
        ring_timeout: Duration::from_secs(2),
        cancel_wait: Duration::from_secs(5),
        answer_pause: Duration::from_millis(200),
        plays: 1,
        replay_pause: Duration::from_millis(100),
        call_duration_max: Duration::from_secs(20),
        confirmation: Some(Confirmation {
            key: Digit::from_char('1').unwrap(),
            plays_max: 1,
            key_wait: Duration::from_secs(1),
        }),
        voicemail: VoicemailPolicy::HangUp,
    }
}

async fn trunk(peer: SocketAddr, over: SipTransport, password: Option<&str>) -> SipTrunk {
    let config = TrunkConfig {
        host: peer.ip().to_string(),
        port: peer.port(),
        transport: over,
        bind: SocketAddr::from((Ipv4Addr::LOCALHOST, 0)),
        public_address: None,
        credentials: password.map(|password| Credentials {
            user: "user".to_owned(),
            password: password.to_owned().into(),
        }),
        domain: "alerts.example".to_owned(),
        caller_id: "+441632960000".to_owned(),
        rtp_ports: (50_000, 58_998),
        codecs: Codec::ALL.to_vec(),
        calls_max: 10,
        calls_per_second: 10,
        listen: Listen::default(),
        media_from_anywhere: false,
    };
    SipTrunk::start(config, Randomness::from_os().unwrap())
        .await
        .unwrap()
}

async fn call(trunk: &SipTrunk, plan: CallPlan) -> CallResult {
    let (progress, _seen) = mpsc::channel(8);
    let order = CallOrder {
        number: NUMBER.to_owned(),
        plan,
        script: tones::sine(440.0, 6_000, 12_000).into(),
    };
    let call = trunk.call(order, progress, CancellationToken::new());
    tokio::time::timeout(BOUND, call).await.unwrap()
}

/// Calls SIPp, which plays `scenario`; the scenario must have been followed to its end.
async fn check(scenario: &str, password: Option<&str>, end: CallEnd) {
    check_over(SipTransport::Udp, scenario, password, end).await;
}

async fn check_over(over: SipTransport, scenario: &str, password: Option<&str>, end: CallEnd) {
    let Some(sipp) = Sipp::start(scenario, over) else {
        return;
    };
    let trunk = trunk(sipp.address, over, password).await;
    let result = call(&trunk, plan()).await;
    tokio::task::spawn_blocking(move || sipp.finish())
        .await
        .unwrap();
    trunk.close().await;
    assert_eq!(result.end, end, "{scenario}: {result:?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn sipp_is_busy() {
    check("busy", None, CallEnd::Busy).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn sipp_does_not_know_the_number() {
    check("unknown", None, CallEnd::Failed).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn sipp_rings_and_the_call_is_withdrawn() {
    check("no_answer", None, CallEnd::NoAnswer).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn sipp_asks_for_a_password() {
    check("authenticated", Some("secret"), CallEnd::Completed).await;
    check("authenticated", Some("wrong"), CallEnd::Failed).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn sipp_asks_as_a_proxy() {
    check("proxy", Some("secret"), CallEnd::Completed).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn sipp_over_tcp() {
    let tcp = SipTransport::Tcp;
    check_over(tcp, "busy", None, CallEnd::Busy).await;
    check_over(tcp, "no_answer", None, CallEnd::NoAnswer).await;
    check_over(tcp, "authenticated", Some("secret"), CallEnd::Completed).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn baresip_hears_the_script_and_presses_one() {
    let Some(mut telephone) = Baresip::start(NUMBER) else {
        return;
    };
    let trunk = trunk(telephone.address, SipTransport::Udp, None).await;
    let patient = CallPlan {
        ring_timeout: Duration::from_secs(15),
        confirmation: plan().confirmation.map(|confirmation| Confirmation {
            key_wait: Duration::from_secs(15),
            ..confirmation
        }),
        ..plan()
    };
    let person = tokio::task::spawn_blocking(move || {
        telephone.wait_for("CALL_ESTABLISHED");
        std::thread::sleep(Duration::from_secs(2));
        telephone.press('1');
        telephone.wait_for("CALL_CLOSED");
        telephone
    });
    let result = call(&trunk, patient).await;
    assert_eq!(result.end, CallEnd::Confirmed, "{result:?}");
    let telephone = person.await.unwrap();
    let (recording, _folder) = telephone.recording();
    check_recording(&recording);
    trunk.close().await;
}

/// The tone that was played is in what the telephone recorded.
fn check_recording(recording: &std::path::Path) {
    use tocsin::proto::media::goertzel::{Goertzel, energy};
    let mut wav = hound::WavReader::open(recording).unwrap();
    let samples: Vec<i16> = wav.samples::<i16>().map_while(Result::ok).collect();
    let tone = Goertzel::new(440.0);
    let loud = 160.0 * 1_000.0 * 1_000.0;
    let frames = samples.chunks_exact(160);
    let heard = frames
        .filter(|frame| energy(frame) > loud && tone.share(frame, energy(frame)) > 0.8)
        .count();
    assert!(heard > 40, "the script was heard in {heard} frames only");
}
