//! The configuration in the words of trunk and call.

use std::time::Duration;

use crate::config::{self, SipTransport as Configured};
use crate::net::sip::{Credentials, SipTransport, TrunkConfig};
use crate::proto::call::{CallPlan, Confirmation, VoicemailPolicy};
use crate::proto::media::amd::AmdConfig;
use crate::proto::media::session::Listen;
use crate::proto::media::{Codec, Digit};

/// SIP's own transaction gives up two minutes after the last provisional answer.
const RING_TIMEOUT_MAX: Duration = Duration::from_secs(110);

/// The trunk that `[voice]` describes, or why there is none.
pub(super) fn trunk(voice: &config::Voice) -> Result<TrunkConfig, &'static str> {
    let Some(trunk) = &voice.trunk else {
        return Err("no SIP trunk is configured");
    };
    let transport = match trunk.transport {
        Configured::Udp => SipTransport::Udp,
        Configured::Tcp => SipTransport::Tcp,
    };
    let credentials = match (&trunk.user, &trunk.password) {
        (Some(user), Some(password)) => Some(Credentials {
            user: user.clone(),
            password: password.reveal().to_owned().into(),
        }),
        _ => None,
    };
    Ok(TrunkConfig {
        host: trunk.host.clone(),
        port: trunk.port,
        transport,
        bind: voice.bind,
        public_address: voice.public_address,
        credentials,
        domain: trunk.domain.clone(),
        caller_id: trunk.caller_id.clone(),
        rtp_ports: (voice.rtp_port_first, voice.rtp_port_last),
        codecs: voice.codecs.iter().map(codec).collect(),
        calls_max: voice.max_calls,
        calls_per_second: voice.calls_per_second,
        listen: Listen {
            inband_dtmf: true,
            fax: voice.detect_machines,
            voicemail: voice.detect_machines.then(AmdConfig::default),
        },
        media_from_anywhere: trunk.media_from_anywhere,
    })
}

/// How a call is made.
pub(super) fn plan(voice: &config::Voice, confirmation_required: bool) -> CallPlan {
    let key = voice.confirm_key.chars().next().and_then(Digit::from_char);
    let confirmation = key
        .filter(|_| confirmation_required)
        .map(|key| Confirmation {
            key,
            plays_max: voice.repeat,
            key_wait: voice.confirm_wait,
        });
    CallPlan {
        ring_timeout: voice.ring_timeout.min(RING_TIMEOUT_MAX),
        call_duration_max: voice.call_max,
        confirmation,
        voicemail: VoicemailPolicy::HangUp,
        ..CallPlan::default()
    }
}

fn codec(configured: &config::Codec) -> Codec {
    match configured {
        config::Codec::Pcma => Codec::Pcma,
        config::Codec::Pcmu => Codec::Pcmu,
    }
}
