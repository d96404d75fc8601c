//! The mail that a report is (RFC 3461 section 6, RFC 3464, RFC 6522).
//!
//! Its parts are in ASCII wherever they can be: an address beyond it stands there in the form that
//! RFC 6533 section 3 has for that, and only a returned message brings octets of its own.

use super::{ReportAction, ReportRequest};
use crate::domain::delivery::{ClosedReason, Delivery};
use crate::domain::ids::CommunicationId;
use crate::domain::status::Channel;
use crate::domain::timestamp::Timestamp;
use crate::domain::verdict::{EnhancedStatus, Permanence, Reason, Verdict};

/// Largest message that comes back whole, in bytes; of a larger one, and beyond as much of a
/// header, the beginning of the header does.
pub const RETURNED_SIZE_MAX_BYTES: usize = 64 * 1024;
/// Most of a header that comes back, in bytes.
const RETURNED_HEADER_SIZE_MAX_BYTES: usize = 64 * 1024;
/// As much of the beginning of a message tells a report all that it can need of it, in bytes.
pub const MESSAGE_START_SIZE_BYTES: usize = 64 * 1024 + 1;
const _: () = assert!(
    MESSAGE_START_SIZE_BYTES > RETURNED_SIZE_MAX_BYTES
        && MESSAGE_START_SIZE_BYTES > RETURNED_HEADER_SIZE_MAX_BYTES
);
/// Longest diagnostic in a report, in bytes: with its name it fits into one line (RFC 5322
/// section 2.1.1).
const DIAGNOSTIC_SHOWN_MAX_BYTES: usize = 900;
/// Where lines are folded, in octets.
const LINE_SIZE: usize = 76;
/// Longest `Message-ID` that is referred to, in bytes.
const MESSAGE_ID_SIZE_MAX: usize = 250;

/// The code of what was tried for too long (RFC 3463).
const GIVEN_UP: &str = "4.4.7";
/// Codes for what failed for good without one.
const CODES: [(Reason, &str); 7] = [
    (Reason::UserUnknown, "5.1.1"),
    (Reason::NumberInvalid, "5.1.1"),
    (Reason::HostUnknown, "5.1.2"),
    (Reason::Moved, "5.1.6"),
    (Reason::Suspended, "5.2.1"),
    (Reason::MailboxFull, "5.2.2"),
    (Reason::TooBig, "5.3.4"),
];

/// One report about one recipient.
#[derive(Clone, Debug)]
pub struct ReportMail<'a> {
    /// Its own id; nobody can have known it when the message was written, so that boundaries made
    /// of it do not occur there.
    pub id: CommunicationId,
    /// What it says.
    pub action: ReportAction,
    /// What was asked for.
    pub request: &'a ReportRequest,
    /// The delivery as it stands.
    pub delivery: &'a Delivery,
    /// At which domain numbers were written to (`+44…@sms.gw.example`); not used for email.
    pub number_domain: &'a str,
    /// Our name.
    pub server: &'a str,
    /// The domain that we write from.
    pub domain: &'a str,
    /// When it is written.
    pub at: Timestamp,
    /// Until when it is tried, where it still is.
    pub retry_until: Option<Timestamp>,
    /// The message that it is about, or its first [`MESSAGE_START_SIZE_BYTES`].
    pub message: &'a [u8],
}

impl ReportMail<'_> {
    /// The part for people, with line feeds.
    #[must_use]
    pub fn text(&self) -> String {
        let begins = match self.action {
            ReportAction::Failed => "It could not be delivered to:",
            ReportAction::Delayed => "It has not been delivered yet to:",
            ReportAction::Delivered => "It was delivered to:",
            ReportAction::Relayed if self.delivery.channel == Channel::Call => {
                "It was left with a voicemail, for:"
            }
            ReportAction::Relayed => "It was passed on to a server that does not report, for:",
        };
        let sent = self.delivery.made_at().map(date).unwrap_or_default();
        let mut text = format!(
            "This is an automatic report from {}.\n\nIt is about your message of {sent}.\n\n\
             {begins}\n\n    {}\n\n",
            self.server,
            self.recipient()
        );
        let said = match (self.action, self.verdict()) {
            (ReportAction::Failed | ReportAction::Delayed, Some(verdict)) => {
                let said = self.diagnostic(verdict).unwrap_or_default();
                let said = if said.is_empty() {
                    said
                } else {
                    format!("\nWhat was said:\n\n    {said}\n")
                };
                format!("{}\n{said}", verdict.reason.explain())
            }
            (ReportAction::Failed, None) => {
                self.delivery.closed.map_or_else(String::new, |closed| {
                    format!("{}\n", closed.reason.explain())
                })
            }
            (ReportAction::Delayed | ReportAction::Delivered | ReportAction::Relayed, _) => {
                String::new()
            }
        };
        text.push_str(&said);
        if let Some(until) = self.tried_until() {
            text.push_str(&format!(
                "\nYou need not send it again: it is tried until {}.\n",
                date(until)
            ));
        }
        text
    }

    /// The whole mail (RFC 5322), with CRLF.
    #[must_use]
    pub fn build(&self) -> Vec<u8> {
        let boundary = format!("=_r_{}", self.id);
        let text = self.text().replace('\n', "\r\n");
        let (kind, returned) = self.returned();
        let is_8bit = !text.is_ascii() || !returned.is_ascii();
        let mut head = self.header(&boundary, is_8bit);
        head.push_str(&format!(
            "--{boundary}\r\nContent-Type: text/plain; charset=utf-8\r\n\
             Content-Transfer-Encoding: {}\r\n\r\n{text}\r\n\
             --{boundary}\r\nContent-Type: message/delivery-status\r\n\r\n{}\r\n\
             --{boundary}\r\n",
            encoding(text.as_bytes()),
            self.status_fields()
        ));
        let mut mail = head.into_bytes();
        let part = format!(
            "Content-Type: {kind}\r\nContent-Transfer-Encoding: {}\r\n\r\n",
            encoding(returned)
        );
        mail.extend_from_slice(part.as_bytes());
        mail.extend_from_slice(returned);
        mail.extend_from_slice(format!("\r\n--{boundary}--\r\n").as_bytes());
        mail
    }

    fn header(&self, boundary: &str, is_8bit: bool) -> String {
        let mut header = format!(
            "From: Mail Delivery System <MAILER-DAEMON@{}>\r\nTo: <{}>\r\nSubject: {}\r\n\
             Date: {}\r\nMessage-ID: <{}@{}>\r\n",
            self.domain,
            self.request.to.reveal().as_str(),
            self.action.subject(),
            date(self.at),
            self.id,
            self.server,
        );
        let about = header_of(self.message);
        let about = &about[..about.len().min(RETURNED_HEADER_SIZE_MAX_BYTES)];
        if let Some(about) = message_id(about) {
            header.push_str(&format!("In-Reply-To: {about}\r\nReferences: {about}\r\n"));
        }
        // RFC 2045 section 6.4: a multipart is labelled with what its parts need.
        let encoding = if is_8bit {
            "Content-Transfer-Encoding: 8bit\r\n"
        } else {
            ""
        };
        header.push_str(&format!(
            "Auto-Submitted: auto-replied\r\nMIME-Version: 1.0\r\n{encoding}\
             Content-Type: multipart/report; report-type=delivery-status;\r\n\
             \tboundary=\"{boundary}\"\r\n\r\n"
        ));
        header
    }

    /// The fields of the message, and of the recipient (RFC 3464 sections 2.2 and 2.3).
    fn status_fields(&self) -> String {
        let mut out = String::new();
        if !self.request.envelope_id.is_empty() {
            let id = decoded(&self.request.envelope_id);
            field(&mut out, "Original-Envelope-Id", &id);
        }
        field(&mut out, "Reporting-MTA", &format!("dns; {}", self.server));
        if let Some(at) = self.delivery.made_at() {
            field(&mut out, "Arrival-Date", &date(at));
        }
        out.push_str("\r\n");
        if let Some((kind, address)) = self.request.original_recipient.reveal().split_once(';') {
            let is_utf8 = kind.eq_ignore_ascii_case("utf-8");
            let address = if is_utf8 {
                let plain = escaped(address, "");
                plain.chars().take(DIAGNOSTIC_SHOWN_MAX_BYTES).collect()
            } else {
                decoded(address)
            };
            field(
                &mut out,
                "Original-Recipient",
                &format!("{kind}; {address}"),
            );
        }
        field(&mut out, "Final-Recipient", &typed(&self.recipient()));
        field(&mut out, "Action", self.action.as_str());
        field(&mut out, "Status", &self.status());
        let went_wrong = matches!(self.action, ReportAction::Failed | ReportAction::Delayed);
        let verdict = self.verdict().filter(|_| went_wrong);
        if let Some(said) = verdict.and_then(|verdict| self.diagnostic(verdict)) {
            field(&mut out, "Diagnostic-Code", &said);
        }
        if let Some(at) = self.delivery.tried_at() {
            field(&mut out, "Last-Attempt-Date", &date(at));
        }
        if let Some(until) = self.tried_until() {
            field(&mut out, "Will-Retry-Until", &date(until));
        }
        out
    }

    /// Where it went, as an address of mail.
    fn recipient(&self) -> String {
        let address = self.delivery.destination.reveal();
        match self.delivery.channel {
            Channel::Email => address.to_owned(),
            Channel::Text | Channel::Call => format!("{address}@{}", self.number_domain),
        }
    }

    /// What was said of it at last; nothing where it was we who gave it up.
    fn verdict(&self) -> Option<&Verdict> {
        let closed = self.delivery.closed.is_some();
        self.delivery.last_verdict().filter(|_| !closed)
    }

    fn tried_until(&self) -> Option<Timestamp> {
        let waits = self.action == ReportAction::Delayed && self.delivery.due.is_some();
        self.retry_until.filter(|_| waits)
    }

    /// What was said as a code (RFC 3463), if it goes with what the report says.
    fn status(&self) -> String {
        let fits = |code: &EnhancedStatus| match self.action {
            ReportAction::Failed => code.class != 2,
            ReportAction::Delayed => code.class == 4,
            ReportAction::Delivered | ReportAction::Relayed => code.class == 2,
        };
        let code = self.verdict().and_then(|verdict| verdict.status_code);
        if let Some(code) = code.filter(fits) {
            return code.to_string();
        }
        let code = match self.action {
            ReportAction::Failed => self.failure_code(),
            ReportAction::Delayed => "4.0.0",
            ReportAction::Delivered | ReportAction::Relayed => "2.0.0",
        };
        code.to_owned()
    }

    fn failure_code(&self) -> &'static str {
        if let Some(closed) = self.delivery.closed {
            return match closed.reason {
                ClosedReason::MethodNotUsable => "5.2.1",
                ClosedReason::NotWanted => "5.7.1",
                ClosedReason::CalledOff | ClosedReason::ReachedOtherwise => "5.0.0",
            };
        }
        let Some(verdict) = self.verdict() else {
            return "5.0.0";
        };
        if verdict.permanence == Permanence::Temporary {
            return GIVEN_UP;
        }
        let known = CODES.iter().find(|(reason, _)| *reason == verdict.reason);
        known.map_or("5.0.0", |(_, code)| *code)
    }

    /// What the other side said, with the type of it (RFC 3464 section 2.1.2). None where nothing
    /// was.
    fn diagnostic(&self, verdict: &Verdict) -> Option<String> {
        let said = verdict.diagnostic.as_str();
        let said = &said[..said.floor_char_boundary(DIAGNOSTIC_SHOWN_MAX_BYTES)];
        let plain: String = said.chars().map(printable).collect();
        let plain = plain.split_whitespace().collect::<Vec<_>>().join(" ");
        if plain.is_empty() {
            return None;
        }
        let is_reply = plain.bytes().take(3).filter(u8::is_ascii_digit).count() == 3;
        Some(match self.delivery.channel {
            Channel::Email if is_typed(&plain) => plain,
            Channel::Email if is_reply => format!("smtp; {plain}"),
            Channel::Email => format!("x-tocsin; {plain}"),
            Channel::Text => format!("x-smpp; {plain}"),
            Channel::Call => format!("x-sip; {plain}"),
        })
    }

    /// What comes back, and what it is (RFC 3461 section 6.2, RFC 6533 section 4).
    fn returned(&self) -> (&'static str, &[u8]) {
        let header = header_of(self.message);
        let is_utf8 = !header.is_ascii() && std::str::from_utf8(header).is_ok();
        let fits = self.message.len() <= RETURNED_SIZE_MAX_BYTES;
        // What was refused for its virus must not be refused for it again.
        let is_refused =
            |verdict: &Verdict| matches!(verdict.reason, Reason::Virus | Reason::TooBig);
        let is_harmless = !self.verdict().is_some_and(is_refused);
        if self.action == ReportAction::Failed && self.request.whole && fits && is_harmless {
            let kind = if is_utf8 {
                "message/global"
            } else {
                "message/rfc822"
            };
            return (kind, self.message);
        }
        let kind = if is_utf8 {
            "message/global-headers"
        } else {
            "text/rfc822-headers"
        };
        if header.len() <= RETURNED_HEADER_SIZE_MAX_BYTES {
            return (kind, header);
        }
        let start = &header[..RETURNED_HEADER_SIZE_MAX_BYTES];
        let end = start.iter().rposition(|byte| *byte == b'\n');
        (kind, end.map_or(&start[..0], |end| &start[..=end]))
    }
}

/// Whether it begins with a type, as what reports of others say does.
fn is_typed(said: &str) -> bool {
    let Some((kind, _)) = said.split_once(';') else {
        return false;
    };
    let mut bytes = kind.bytes();
    kind.len() < 32
        && kind.starts_with(|first: char| first.is_ascii_alphabetic())
        && bytes.all(|byte| byte.is_ascii_alphanumeric() || byte == b'-')
}

fn encoding(part: &[u8]) -> &'static str {
    if part.is_ascii() { "7bit" } else { "8bit" }
}

/// A date as mail has it (RFC 5322 section 3.3).
fn date(at: Timestamp) -> String {
    let millis = i64::try_from(at.as_millis()).unwrap_or(i64::MAX);
    let at = jiff::Timestamp::from_millisecond(millis).unwrap_or_default();
    jiff::fmt::rfc2822::to_string(&at.to_zoned(jiff::tz::TimeZone::UTC)).unwrap_or_default()
}

/// Puts a field behind others, folded where there are spaces. `value` has no control characters
/// that were not taken out.
fn field(out: &mut String, name: &str, value: &str) {
    out.push_str(name);
    out.push(':');
    let mut column = name.len() + 1;
    for (index, word) in value.split_whitespace().enumerate() {
        if index > 0 && column + 1 + word.len() > LINE_SIZE {
            out.push_str("\r\n");
            column = 0;
        }
        out.push(' ');
        out.extend(word.chars().map(printable));
        column += 1 + word.len();
    }
    out.push_str("\r\n");
}

const fn printable(character: char) -> char {
    match character {
        ' '..='~' => character,
        '\r' | '\n' | '\t' => ' ',
        _ => '?',
    }
}

/// An address with its type: `utf-8` in `utf-8-addr-xtext` beyond ASCII (RFC 6533 section 3).
fn typed(address: &str) -> String {
    if address.is_ascii() {
        format!("rfc822; {address}")
    } else {
        format!("utf-8; {}", escaped(address, "\\+="))
    }
}

/// A text with `\x{…}` for what is beyond ASCII, and for these.
fn escaped(text: &str, special: &str) -> String {
    let mut out = String::with_capacity(text.len());
    for character in text.chars() {
        if character.is_ascii() && !special.contains(character) {
            out.push(character);
        } else {
            out.push_str(&format!("\\x{{{:X}}}", u32::from(character)));
        }
    }
    out
}

/// What xtext says (RFC 3461 section 4). What is none stays as it is.
fn decoded(xtext: &str) -> String {
    let mut out = Vec::with_capacity(xtext.len());
    let mut rest = xtext.as_bytes();
    while let Some((first, behind)) = rest.split_first() {
        rest = behind;
        let coded = behind.get(..2).filter(|_| *first == b'+');
        let digits = coded.and_then(|digits| std::str::from_utf8(digits).ok());
        let byte = digits.and_then(|digits| u8::from_str_radix(digits, 16).ok());
        match byte {
            Some(byte) => {
                out.push(byte);
                rest = behind.get(2..).unwrap_or_default();
            }
            None => out.push(*first),
        }
    }
    String::from_utf8_lossy(&out).into_owned()
}

/// The header of a message, its last line with its end.
fn header_of(message: &[u8]) -> &[u8] {
    let mut end = 0;
    for line in message.split_inclusive(|byte| *byte == b'\n') {
        if matches!(line, b"\r\n" | b"\n") {
            break;
        }
        end += line.len();
    }
    &message[..end]
}

/// The value of `Message-ID`, with its brackets; none where it could not stand in a header of
/// ours.
fn message_id(header: &[u8]) -> Option<String> {
    const NAME: &str = "message-id:";
    let header = String::from_utf8_lossy(header)
        .replace("\r\n ", " ")
        .replace("\r\n\t", " ");
    let mut lines = header.lines();
    let line = lines.find(|line| {
        let start = line.get(..NAME.len());
        start.is_some_and(|start| start.eq_ignore_ascii_case(NAME))
    })?;
    let id = line[NAME.len()..].trim();
    let is_one = id.len() <= MESSAGE_ID_SIZE_MAX
        && id.starts_with('<')
        && id.ends_with('>')
        && id.bytes().all(|byte| byte.is_ascii_graphic());
    is_one.then(|| id.to_owned())
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;

    #[test]
    fn xtext_is_read_and_what_is_none_stays() {
        assert_eq!(decoded("QQ+2B1+3D+20x"), "QQ+1= x");
        assert_eq!(decoded("a+zzb+2"), "a+zzb+2");
    }

    #[test]
    fn addresses_beyond_ascii_are_written_in_it() {
        assert_eq!(typed("a+b@c.example"), "rfc822; a+b@c.example");
        assert_eq!(
            typed("gr\u{fc}+n@c.example"),
            "utf-8; gr\\x{FC}\\x{2B}n@c.example"
        );
    }

    #[test]
    fn fields_are_folded_and_nothing_breaks_out_of_them() {
        let mut out = String::new();
        field(&mut out, "Diagnostic-Code", &"word ".repeat(40));
        assert!(out.lines().all(|line| line.len() <= LINE_SIZE), "{out}");
        assert!(out.lines().skip(1).all(|line| line.starts_with(" word")));
        let mut out = String::new();
        field(&mut out, "X", "a\r\nBcc: all@town.example \u{e9}");
        assert_eq!(out, "X: a Bcc: all@town.example ?\r\n");
    }

    #[test]
    fn the_header_ends_at_the_first_empty_line() {
        assert_eq!(
            header_of(b"A: 1\r\nB: 2\r\n\r\nC: 3\r\n"),
            b"A: 1\r\nB: 2\r\n"
        );
        assert_eq!(header_of(b"A: 1\n\nC: 3\n"), b"A: 1\n");
        assert_eq!(header_of(b"A: 1"), b"A: 1");
        let id = |header: &str| message_id(header.as_bytes());
        let found = Some("<a@b>".to_owned());
        assert_eq!(id("Subject: x\r\nMESSAGE-ID:\r\n <a@b>\r\n"), found);
        assert_eq!(id("Message-ID: <a b@c>\r\n"), None);
        assert_eq!(
            id("Subject: \u{e9}\u{e9}\u{e9}\u{e9}\u{e9}\u{e9}\r\n"),
            None
        );
    }
}
