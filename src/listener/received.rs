//! The trace header that every server puts on top (RFC 5321 section 4.4), and loops.

use jiff::Timestamp;
use jiff::tz::TimeZone;

use super::SessionInfo;
use crate::proto::smtp::Envelope;

/// Most servers a message may have passed (RFC 5321 section 6.3 asks for at least 100).
const HOPS_MAX: usize = 100;
/// Longest name of a client that is repeated in the header.
const HELLO_MAX_BYTES: usize = 255;

/// The header with its CRLF. `wall_ms` are milliseconds since the Unix epoch.
pub(super) fn header(
    hostname: &str,
    session: &SessionInfo,
    message_id: &str,
    envelope: &Envelope,
    wall_ms: u64,
) -> String {
    let ip = match session.peer.ip().to_canonical() {
        std::net::IpAddr::V4(ip) => format!("[{ip}]"),
        std::net::IpAddr::V6(ip) => format!("[IPv6:{ip}]"),
    };
    let tls = session
        .tls
        .as_ref()
        .map(|tls| format!("\r\n\t({} {})", tls.protocol, tls.cipher))
        .unwrap_or_default();
    // With several recipients, naming one would betray it to the others.
    let recipient = match envelope.recipients.as_slice() {
        [only] => format!("\r\n\tfor <{}>", only.path),
        _ => String::new(),
    };
    format!(
        "Received: from {} ({ip})\r\n\tby {hostname} with {} id {message_id}{tls}{recipient};\r\n\t{}\r\n",
        hello_name(session),
        protocol(session, envelope),
        date(wall_ms),
    )
}

/// Whether the message has passed so many servers that it must be running in circles.
pub(super) fn is_looping(message: &[u8]) -> bool {
    let lines = message.split(|&b| b == b'\n');
    let header = lines.take_while(|line| !line.is_empty() && *line != b"\r");
    let is_trace = |line: &&[u8]| {
        line.get(..9)
            .is_some_and(|name| name.eq_ignore_ascii_case(b"received:"))
    };
    header.filter(is_trace).count() > HOPS_MAX
}

/// What the client called itself, if it can stand in a header without a disguise.
fn hello_name(session: &SessionInfo) -> &str {
    let name = session.hello.as_ref().map_or("", |hello| &hello.name);
    let is_harmless = |b: u8| b.is_ascii_alphanumeric() || b".-_:[]".contains(&b);
    if name.is_empty() || name.len() > HELLO_MAX_BYTES || !name.bytes().all(is_harmless) {
        return "unknown";
    }
    name
}

/// The names of RFC 3848 and RFC 6531 section 4.3.
fn protocol(session: &SessionInfo, envelope: &Envelope) -> String {
    let extended = session.hello.as_ref().is_some_and(|hello| hello.extended);
    let base = match (envelope.params.smtputf8, extended) {
        (true, _) => "UTF8SMTP",
        (false, true) => "ESMTP",
        (false, false) => return "SMTP".to_owned(),
    };
    let tls = if session.tls.is_some() { "S" } else { "" };
    let auth = if session.user.is_some() { "A" } else { "" };
    format!("{base}{tls}{auth}")
}

fn date(wall_ms: u64) -> String {
    let at = i64::try_from(wall_ms)
        .ok()
        .and_then(|ms| Timestamp::from_millisecond(ms).ok())
        .unwrap_or(Timestamp::UNIX_EPOCH);
    at.to_zoned(TimeZone::UTC)
        .strftime("%a, %d %b %Y %H:%M:%S +0000")
        .to_string()
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;
    use crate::listener::Service;
    use crate::proto::smtp::{
        ForwardPath, Hello, MailParams, Mailbox, Recipient, ReversePath, TlsInfo,
    };

    fn session(hello: &str) -> SessionInfo {
        SessionInfo {
            id: "s1".to_owned(),
            service: Service::Submissions,
            peer: "192.0.2.7:1234".parse().unwrap(),
            hello: Some(Hello {
                name: hello.to_owned(),
                extended: true,
            }),
            user: Some("app".to_owned()),
            tls: Some(TlsInfo {
                protocol: "TLSv1.3".to_owned(),
                cipher: "TLS13_AES_128_GCM_SHA256".to_owned(),
            }),
        }
    }

    fn envelope(recipients: &[&str]) -> Envelope {
        let recipient = |address: &&str| Recipient {
            path: ForwardPath::Mailbox(Mailbox::parse(address).unwrap()),
            notify: None,
            orcpt: None,
        };
        Envelope {
            from: ReversePath::Null,
            params: MailParams::default(),
            recipients: recipients.iter().map(recipient).collect(),
        }
    }

    #[test]
    fn one_recipient_is_named_and_two_are_not() {
        let shown = header(
            "mx.test",
            &session("app.example"),
            "m1",
            &envelope(&["a@b.example"]),
            0,
        );
        assert_eq!(
            shown,
            "Received: from app.example ([192.0.2.7])\r\n\tby mx.test with ESMTPSA id m1\
             \r\n\t(TLSv1.3 TLS13_AES_128_GCM_SHA256)\r\n\tfor <a@b.example>;\
             \r\n\tThu, 01 Jan 1970 00:00:00 +0000\r\n"
        );
        let two = envelope(&["a@b.example", "c@b.example"]);
        assert!(!header("mx.test", &session("x"), "m1", &two, 0).contains("for <"));
    }

    #[test]
    fn a_name_that_could_pose_as_something_else_is_not_repeated() {
        let shown = header("mx.test", &session("x (trusted)"), "m1", &envelope(&[]), 0);
        assert!(
            shown.starts_with("Received: from unknown ([192.0.2.7])"),
            "{shown}"
        );
    }

    #[test]
    fn loops_are_seen_in_the_header_only() {
        let many = "Received: from a\r\n".repeat(101);
        assert!(is_looping(format!("{many}\r\nbody").as_bytes()));
        assert!(!is_looping(format!("Subject: x\r\n\r\n{many}").as_bytes()));
        assert!(!is_looping("Received: from a\r\n".repeat(100).as_bytes()));
    }
}
