//! `[voice]`: the SIP trunk, media and speech.

use std::collections::BTreeMap;
use std::net::{IpAddr, Ipv4Addr, SocketAddr};
use std::time::Duration;

use serde::Serialize;

use super::email::{Retry, ip_address};
use super::names::{domain, filled, host, one_line};
use super::reader::Section;
use super::secret::Secret;
use super::server::language;
use super::units;
use super::value::{choose, socket_address};

const SECOND: Duration = Duration::from_secs(1);
const MINUTE: Duration = Duration::from_secs(60);
const HOUR: Duration = Duration::from_secs(3600);

/// `[voice]`
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Voice {
    /// Where SIP is spoken from. Default `"0.0.0.0:5060"`.
    pub bind: SocketAddr,
    /// Address that others reach us under (Contact, SDP), where it differs. Default: `bind`'s.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub public_address: Option<IpAddr>,
    /// First UDP port of media, even. Default 16384.
    pub rtp_port_first: u16,
    /// Last UDP port of media. Default 17383.
    pub rtp_port_last: u16,
    /// G.711 kinds offered, in order. Default `["PCMA", "PCMU"]`.
    pub codecs: Vec<Codec>,
    /// Calls at a time. Default 30.
    pub max_calls: u32,
    /// New calls a second. Default 5.
    pub calls_per_second: u32,
    /// Let it ring this long. Default `"45s"`.
    #[serde(serialize_with = "units::duration")]
    pub ring_timeout: Duration,
    /// Longest call. Default `"5m"`.
    #[serde(serialize_with = "units::duration")]
    pub call_max: Duration,
    /// Tell answering machines and fax from people. Default `true`.
    pub detect_machines: bool,
    /// The key that confirms: 0 to 9, `*` or `#`. Default `"1"`.
    pub confirm_key: String,
    /// Wait for the key after the script. Default `"8s"`.
    #[serde(serialize_with = "units::duration")]
    pub confirm_wait: Duration,
    /// How often the script is spoken until the key is pressed. Default 2.
    pub repeat: u8,
    /// `[voice.trunk]`. Default: none, and no calls.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub trunk: Option<Trunk>,
    /// `[voice.speech]`
    pub speech: Speech,
    /// `[voice.retry]`; default 2m, 5m, 15m, for 2 hours.
    pub retry: Retry,
}

/// A G.711 kind (RFC 3551 §4.5.14).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
pub enum Codec {
    /// A-law, payload type 8.
    #[serde(rename = "PCMA")]
    Pcma,
    /// µ-law, payload type 0.
    #[serde(rename = "PCMU")]
    Pcmu,
}

/// What SIP travels over.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum SipTransport {
    /// UDP.
    Udp,
    /// TCP.
    Tcp,
}

/// `[voice.trunk]`
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Trunk {
    /// The provider's host name or IP address.
    pub host: String,
    /// Port. Default 5060.
    pub port: u16,
    /// `"udp"` or `"tcp"`. Default `"udp"`.
    pub transport: SipTransport,
    /// User of the digest challenge. Default: no authentication.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub user: Option<String>,
    /// Its password (`password_file` or `password_credential`).
    #[serde(flatten)]
    pub password: Option<Secret>,
    /// Number shown to the called, E.164.
    pub caller_id: String,
    /// Domain of our From address. Default: `host`.
    pub domain: String,
    /// Take media from addresses that the trunk did not name (address translators, a PBX
    /// that does not pass media on). Whoever guesses the port may then press keys. Default `false`.
    pub media_from_anywhere: bool,
}

/// `[voice.speech]`
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Speech {
    /// Program and arguments: text comes on its standard input, it writes a WAV file
    /// to its standard output. `{voice}` is replaced. Default espeak-ng.
    pub command: Vec<String>,
    /// Voice of each language. Default `{ en = "en-gb" }`; others go by their own tag.
    pub voices: BTreeMap<String, String>,
    /// Wait for the program. Default `"30s"`.
    #[serde(serialize_with = "units::duration")]
    pub timeout: Duration,
    /// Room for spoken scripts in the state folder, in bytes. Default `"256MiB"`.
    #[serde(serialize_with = "units::size")]
    pub cache_size: u64,
}

impl Voice {
    pub(super) fn read(section: &Section<'_, '_>) -> Voice {
        let everywhere = SocketAddr::new(IpAddr::V4(Ipv4Addr::UNSPECIFIED), 5060);
        let codecs = [("PCMA", Codec::Pcma), ("PCMU", Codec::Pcmu)];
        let to_minutes = SECOND..=10 * MINUTE;
        let voice = Voice {
            bind: section.parsed("bind", socket_address).unwrap_or(everywhere),
            public_address: section.parsed("public_address", ip_address),
            rtp_port_first: section.integer("rtp_port_first", 16384, 1024..=65534),
            rtp_port_last: section.integer("rtp_port_last", 17383, 1025..=65535),
            codecs: section.list("codecs", vec![Codec::Pcma, Codec::Pcmu], |name| {
                choose(name, &codecs)
            }),
            max_calls: section.integer("max_calls", 30, 1..=10_000),
            calls_per_second: section.integer("calls_per_second", 5, 1..=1000),
            ring_timeout: section.duration("ring_timeout", 45 * SECOND, to_minutes),
            call_max: section.duration("call_max", 5 * MINUTE, 10 * SECOND..=HOUR),
            detect_machines: section.bool("detect_machines", true),
            confirm_key: section
                .parsed("confirm_key", key)
                .unwrap_or_else(|| "1".to_owned()),
            confirm_wait: section.duration("confirm_wait", 8 * SECOND, SECOND..=MINUTE),
            repeat: section.integer("repeat", 2, 1..=10),
            trunk: section
                .optional_section("trunk")
                .and_then(|trunk| Trunk::read(&trunk)),
            speech: Speech::read(&section.section("speech")),
            retry: Retry::read(
                &section.section("retry"),
                &[2 * MINUTE, 5 * MINUTE, 15 * MINUTE],
                2 * HOUR,
            ),
        };
        voice.check(section);
        voice
    }

    fn check(&self, section: &Section<'_, '_>) {
        if self.codecs.is_empty() {
            section.mistake("codecs", "must name at least one codec");
        }
        if !self.rtp_port_first.is_multiple_of(2) {
            section.mistake("rtp_port_first", "must be even (RFC 3550 §11)");
        }
        let ports = u32::from(self.rtp_port_last.saturating_sub(self.rtp_port_first)) + 1;
        // RTP and RTCP: two ports a call.
        if self.rtp_port_last <= self.rtp_port_first || ports / 2 < self.max_calls {
            let needed = 2 * self.max_calls;
            section.mistake(
                "rtp_port_last",
                format!(
                    "leaves too few ports: {} calls need {needed}",
                    self.max_calls
                ),
            );
        }
    }
}

impl Trunk {
    fn read(section: &Section<'_, '_>) -> Option<Trunk> {
        let transports = [("udp", SipTransport::Udp), ("tcp", SipTransport::Tcp)];
        let transport = section.choice("transport", SipTransport::Udp, &transports);
        let host = section.required("host", host);
        let caller_id = section.required("caller_id", caller_id);
        let from_domain = section.parsed("domain", domain);
        let trunk = Trunk {
            port: section.integer("port", 5060, 1..=u16::MAX),
            transport,
            user: section.parsed("user", one_line),
            password: section.secret(),
            caller_id: caller_id?,
            domain: from_domain.or_else(|| host.clone())?,
            media_from_anywhere: section.bool("media_from_anywhere", false),
            host: host?,
        };
        if trunk.user.is_some() && !section.has_secret() {
            section.mistake(
                "user",
                "needs a password: set password_file or password_credential",
            );
        }
        if trunk.user.is_none() && section.has_secret() {
            section.mistake("user", "is missing, but there is a password");
        }
        Some(trunk)
    }
}

impl Speech {
    fn read(section: &Section<'_, '_>) -> Speech {
        let espeak = [
            "espeak-ng",
            "--stdin",
            "--stdout",
            "-v",
            "{voice}",
            "-s",
            "150",
        ];
        let espeak = espeak.map(str::to_owned).to_vec();
        let voices = BTreeMap::from([("en".to_owned(), "en-gb".to_owned())]);
        let speech = Speech {
            command: section.list("command", espeak, |part| Ok(part.to_owned())),
            voices: section.map("voices", voices, language, filled),
            timeout: section.duration("timeout", 30 * SECOND, SECOND..=10 * MINUTE),
            cache_size: section.size("cache_size", 256 << 20, (1 << 20)..=(64 << 30)),
        };
        if speech.command.first().is_none_or(String::is_empty) {
            section.mistake("command", "must begin with a program");
        }
        speech
    }
}

fn key(text: &str) -> Result<String, String> {
    match text.as_bytes() {
        [b'0'..=b'9' | b'*' | b'#'] => Ok(text.to_owned()),
        _ => Err(format!("\"{text}\" is not one key out of 0 to 9, * and #")),
    }
}

fn caller_id(text: &str) -> Result<String, String> {
    let digits = text.strip_prefix('+').unwrap_or("");
    if (4..=15).contains(&digits.len()) && digits.bytes().all(|b| b.is_ascii_digit()) {
        return Ok(text.to_owned());
    }
    Err(format!(
        "\"{text}\" is not a number in international form, such as \"+441632960000\""
    ))
}
