//! Whole attempts against the simulated telephone network.

use std::collections::HashMap;
use std::time::Duration;

use super::*;
use crate::config::{Config, Surroundings};
use crate::domain::verdict::{Fault, Reason, Suspends};
use crate::domain::{CallStatus, Content, DeliveryId, PhoneNumber};
use crate::proto::media::tones;
use crate::sim::sip::{Answered, Behaviour, SimSip, SimSipConfig};

const BOUND: Duration = Duration::from_secs(30);
const SHORT: Duration = Duration::from_millis(50);

/// A voice for tests: a short tone.
struct Tone;

impl SpeechSource for Tone {
    fn speak<'a>(&'a self, _text: &'a str, _language: &'a str) -> SpeechFuture<'a> {
        Box::pin(async { Ok(tones::sine(440.0, 3_000, 3_200).into()) })
    }
}

fn config(port: u16) -> config::Voice {
    let text = format!(
        "[voice]\nbind = \"127.0.0.1:0\"\nrtp_port_first = 41000\nrtp_port_last = 48999\n\
         ring_timeout = \"1s\"\nconfirm_wait = \"5s\"\nrepeat = 1\n\
         [voice.trunk]\nhost = \"127.0.0.1\"\nport = {port}\ncaller_id = \"+441632960000\"\n\
         domain = \"alerts.example\"\n"
    );
    let config = Config::parse(&text, &Surroundings::default());
    config
        .map_err(|mistakes| format!("{mistakes:?}"))
        .unwrap()
        .voice
}

fn channel(config: config::Voice) -> VoiceChannel {
    VoiceChannel::new(VoiceParts {
        config,
        speech: Arc::new(Tone),
        random: Randomness::seeded(5),
    })
}

fn request() -> AttemptRequest {
    let number = PhoneNumber::from_e164("+441632960001").unwrap();
    AttemptRequest {
        delivery: DeliveryId::from_bytes([7; 16]),
        attempt: 1,
        destination: Destination::Phone(number.into()),
        written: Arc::default(),
        content: Arc::new(Content {
            subject: "Flood".into(),
            text: String::new(),
            html: String::new(),
            sms_text: String::new(),
            voice_script: "The river rises.".into(),
            attachments: Vec::new(),
        }),
        files: Arc::default(),
        submitted: None,
        recipient_name: "Ann".into(),
        language: "en".into(),
        return_path: String::new(),
        in_reply_to: None,
        confirmation_required: true,
        links: crate::channel::MailLinks::default(),
        reports: crate::channel::ReportParams::default(),
        once: false,
        express: false,
    }
}

async fn attempt(channel: &VoiceChannel) -> (AttemptOutcome, Vec<CallStatus>) {
    let (sink, mut progress) = mpsc::channel(PROGRESS_MAX);
    let attempt = channel.attempt(request(), sink, CancellationToken::new());
    let outcome = tokio::time::timeout(BOUND, attempt).await.unwrap();
    let mut seen = vec![];
    while let Some(Progress::Call(status)) = progress.recv().await {
        seen.push(status);
    }
    (outcome, seen)
}

async fn call(behaviour: Behaviour) -> (AttemptOutcome, Vec<CallStatus>) {
    let sim = SimSip::start(
        SimSipConfig {
            numbers: HashMap::from([("441632960001".to_owned(), behaviour)]),
            ..SimSipConfig::default()
        },
        Randomness::seeded(6),
    )
    .await
    .unwrap();
    let channel = channel(config(sim.addr().port()));
    let outcome = attempt(&channel).await;
    channel.close().await;
    outcome
}

fn answered(then: Answered) -> Behaviour {
    Behaviour::Answer { ring: SHORT, then }
}

#[tokio::test]
async fn every_end_has_its_status() {
    use CallStatus::{Busy, Completed, Confirmed, Failed, Fax, InProgress, NoAnswer, Voicemail};
    use CallStatus::{Ringing, Started};
    let after = Duration::from_millis(900);
    let greeting = Duration::from_secs(5);
    let cases = [
        (Behaviour::presses_one(SHORT, after), Confirmed, true),
        (answered(Answered::HangUp { after }), Completed, true),
        (answered(Answered::Listen), Completed, true),
        (answered(Answered::Voicemail { greeting }), Voicemail, true),
        (answered(Answered::Fax), Fax, true),
        (Behaviour::Busy, Busy, false),
        (Behaviour::NoAnswer, NoAnswer, false),
        (
            Behaviour::Reject {
                code: 404,
                cause: Some(1),
            },
            Failed,
            false,
        ),
    ];
    let calls = cases.map(|(behaviour, status, is_answered)| {
        tokio::spawn(async move {
            let (outcome, seen) = call(behaviour.clone()).await;
            let AttemptOutcome::CallEnded { status: ended, .. } = &outcome else {
                panic!("{behaviour:?}: {outcome:?}");
            };
            assert_eq!(*ended, status, "{behaviour:?}");
            if is_answered {
                assert_eq!(seen, vec![Started, Ringing, InProgress], "{behaviour:?}");
            } else {
                assert_eq!(seen[0], Started);
                assert!(!seen.contains(&InProgress));
            }
        })
    });
    for call in calls {
        call.await.unwrap();
    }
}

#[tokio::test]
async fn a_number_that_does_not_exist_suspends_and_a_broken_network_does_not() {
    let (outcome, _) = call(Behaviour::Reject {
        code: 404,
        cause: None,
    })
    .await;
    let AttemptOutcome::CallEnded {
        verdict: Some(verdict),
        ..
    } = outcome
    else {
        panic!("{outcome:?}");
    };
    assert_eq!(verdict.reason, Reason::NumberInvalid);
    assert_eq!(verdict.suspends(), Suspends::AtOnce);

    let (outcome, _) = call(Behaviour::Reject {
        code: 503,
        cause: None,
    })
    .await;
    let AttemptOutcome::Deferred { verdict } = outcome else {
        panic!("{outcome:?}");
    };
    assert_eq!(verdict.suspends(), Suspends::Never);
    assert_eq!(verdict.fault, Fault::Network);
}

#[tokio::test]
async fn a_trunk_that_is_not_there_delays_the_call() {
    // A port that nothing listens on: taken and given back.
    let port = std::net::UdpSocket::bind("127.0.0.1:0")
        .unwrap()
        .local_addr()
        .unwrap()
        .port();
    let channel = channel(config(port));
    let (outcome, seen) = attempt(&channel).await;
    let AttemptOutcome::Deferred { verdict } = outcome else {
        panic!("{outcome:?}");
    };
    assert_eq!(verdict.fault, Fault::Network);
    assert_eq!(seen, vec![CallStatus::Started]);
}

#[tokio::test]
async fn without_a_trunk_or_a_speech_program_the_fault_is_ours() {
    let mut without_trunk = config(5060);
    without_trunk.trunk = None;
    let channel = channel(without_trunk);
    assert!(!channel.is_ready());
    let (outcome, seen) = attempt(&channel).await;
    assert!(seen.is_empty());
    check_ours(outcome, "no SIP trunk");

    let folder = tempfile::tempdir().unwrap();
    let mut mute = config(5060);
    mute.speech.command = vec!["tocsin-test-no-such-program".to_owned()];
    let parts = VoiceParts::with_program(mute, folder.path().to_owned(), Randomness::seeded(5));
    let (outcome, _) = attempt(&VoiceChannel::new(parts)).await;
    check_ours(outcome, "is not installed");
}

fn check_ours(outcome: AttemptOutcome, words: &str) {
    let AttemptOutcome::Deferred { verdict } = outcome else {
        panic!("{outcome:?}");
    };
    assert_eq!(verdict.fault, Fault::Sender);
    let text = verdict.diagnostic.as_str();
    assert!(text.contains(words), "{text}");
}

#[tokio::test]
async fn a_program_speaks_once_and_is_remembered() {
    let folder = tempfile::tempdir().unwrap();
    let count = folder.path().join("count");
    // 44 bytes of header that promise more than follows, then half a second of silence.
    let script = format!(
        "cat >/dev/null; echo x >>{count}; \
         printf 'RIFF\\044\\360\\377\\177WAVEfmt \\020\\0\\0\\0\\001\\0\\001\\0\\100\\037\\0\\0\\200\\076\\0\\0\\002\\0\\020\\0data\\0\\360\\377\\177'; \
         head -c 8000 /dev/zero",
        count = count.display()
    );
    let mut speech = config(5060).speech;
    speech.command = vec!["sh".to_owned(), "-c".to_owned(), script];
    let speaks = |speech: config::Speech| {
        let folder = folder.path().join("cache");
        async move {
            let source = CommandSpeech::new(speech, folder);
            source.speak("Hello", "en").await.unwrap().len()
        }
    };
    assert_eq!(speaks(speech.clone()).await, 4_000);
    assert_eq!(speaks(speech.clone()).await, 4_000);
    let times = std::fs::read_to_string(&count).unwrap().lines().count();
    assert_eq!(times, 1);

    speech.command = vec!["sh".into(), "-c".into(), "sleep 60".into()];
    speech.timeout = Duration::from_millis(100);
    let source = CommandSpeech::new(speech.clone(), folder.path().to_owned());
    let error = source.speak("Hello", "en").await.unwrap_err();
    assert!(matches!(error, SpeechError::TimedOut), "{error}");
    speech.command = vec!["false".into()];
    speech.timeout = BOUND;
    let source = CommandSpeech::new(speech, folder.path().to_owned());
    let error = source.speak("Hello", "en").await.unwrap_err();
    assert!(matches!(error, SpeechError::Failed(_)), "{error}");
}

/// Real speech through the keypad detector: no digit may be heard in it. Runs where espeak-ng is
/// installed and says so where it is not.
#[allow(clippy::print_stderr)]
#[tokio::test]
async fn espeak_speaks_and_presses_no_key() {
    use crate::proto::media::inband::InbandDetector;
    let folder = tempfile::tempdir().unwrap();
    let source = CommandSpeech::new(config(5060).speech, folder.path().to_owned());
    let text = "Flood warning. The river will rise above two metres tonight. Leave the lower \
                floors, switch off the power and go to the school. Do not use the bridge.";
    for language in ["en", "de", "fr", "es"] {
        let audio = match source.speak(text, language).await {
            Ok(audio) => audio,
            Err(SpeechError::Missing(program)) => {
                eprintln!("SKIPPED: {program} is not installed");
                return;
            }
            Err(error) => panic!("{error}"),
        };
        assert!(audio.len() > 8_000 * 5, "{language}: {}", audio.len());
        let mut detector = InbandDetector::default();
        assert_eq!(detector.handle(&audio), vec![], "{language}");
    }
}
