//! Small things between our words and ezk's types.

use ezk_sip_core::transaction::TsxResponse;
use ezk_sip_types::header::typed::{Contact, ContentType};
use ezk_sip_types::host::HostPort;
use ezk_sip_types::uri::params::Param;
use ezk_sip_types::uri::{NameAddr, SipUri};
use ezk_sip_types::{Headers, Name};

use super::trunk::{SipError, SipTransport};
use crate::proto::call::SipAnswer;
use crate::proto::media::Digit;

const REASON: Name = Name::custom("Reason", &["reason"]);

/// Values of one header that are looked at.
const HEADER_VALUES_MAX: usize = 8;

/// `sip:user@host`, checked: nothing of it may change what the header means.
pub(crate) fn uri(user: &str, host_port: HostPort, what: &'static str) -> Result<SipUri, SipError> {
    let plain = |c: char| c.is_ascii_alphanumeric() || "+-_.*#".contains(c);
    if user.is_empty() || !user.chars().all(plain) {
        return Err(SipError::BadAddress(what));
    }
    Ok(SipUri::new(host_port).user(user.into()))
}

/// A host name or address with its port.
pub(crate) fn host_port(
    host: &str,
    port: Option<u16>,
    what: &'static str,
) -> Result<HostPort, SipError> {
    let mut parsed: HostPort = host.parse().map_err(|_| SipError::BadAddress(what))?;
    parsed.port = port.or(parsed.port);
    Ok(parsed)
}

/// Our Contact at `own`.
pub(crate) fn contact(user: &str, own: HostPort, transport: SipTransport) -> Contact {
    let mut uri = SipUri::new(own).user(user.into());
    if transport == SipTransport::Tcp {
        uri.uri_params.push(Param::value("transport", "tcp"));
    }
    Contact::new(NameAddr::uri(uri))
}

/// Marks a body as a session description.
pub(crate) fn set_sdp(headers: &mut Headers) {
    headers.insert_named(&ContentType("application/sdp".into()));
}

/// A final answer in our words.
pub(crate) fn sip_answer(response: &TsxResponse) -> SipAnswer {
    let text = response
        .line
        .reason
        .as_ref()
        .map_or("", |text| text.as_ref());
    let cause = response
        .headers
        .get_raw(&REASON)
        .take(HEADER_VALUES_MAX)
        .find_map(|value| SipAnswer::cause_in_reason(value));
    SipAnswer::new(response.line.code.into_u16(), text, cause)
}

/// The key in the body of an INFO request: `Signal=1` (application/dtmf-relay) or just `1`
/// (application/dtmf).
pub(crate) fn digit_in_info(body: &[u8]) -> Option<Digit> {
    let text = std::str::from_utf8(body).ok()?.trim();
    let signal = text.lines().find_map(|line| {
        let (name, value) = line.split_once('=')?;
        name.trim()
            .eq_ignore_ascii_case("signal")
            .then(|| value.trim())
    });
    let mut keys = signal.unwrap_or(text).chars();
    let digit = Digit::from_char(keys.next()?)?;
    keys.next().is_none().then_some(digit)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_number_that_could_change_the_header_is_refused() {
        let host = HostPort::host_name("example.org");
        for user in ["", "1@evil", "1;x=y", "1>\r\nX: y", "1 2"] {
            assert!(uri(user, host.clone(), "number").is_err(), "{user:?}");
        }
        assert!(uri("+441632960000", host, "number").is_ok());
        assert!(host_port("a b", None, "host").is_err());
    }

    #[test]
    fn keys_in_info_bodies() {
        let key = |body: &str| digit_in_info(body.as_bytes()).map(Digit::as_char);
        assert_eq!(key("Signal=1\r\nDuration=160\r\n"), Some('1'));
        assert_eq!(key("signal = *\r\n"), Some('*'));
        assert_eq!(key("5"), Some('5'));
        assert_eq!(key("Signal=12\r\n"), None);
        assert_eq!(key("hello"), None);
    }
}
