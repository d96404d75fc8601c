//! Reading a mail that came in: its fields, its text, and the reports in it (RFC 3464 delivery
//! status, RFC 5965 feedback, RFC 8098 disposition), as far as they can be made out.

use std::sync::LazyLock;

use mail_parser::{
    Encoding, HeaderName, Message, MessageParser, MessagePart, MimeHeaders, PartType,
};
use memchr::memchr_iter;

use super::{
    header::{HeaderBlock, first_address},
    html,
};

/// Largest mail that is read, in bytes.
pub const READ_SIZE_MAX_BYTES: usize = 32 * 1024 * 1024;
/// Most parts of a mail that is read; boundary-like lines count.
pub const READ_PARTS_MAX: usize = 2_000;
/// Longest text kept for people and rules, in bytes.
pub const READ_TEXT_SIZE_MAX_BYTES: usize = 262_144;
/// Longest header and longest report in a mail that are read, in bytes; what follows is not.
pub const READ_HEADER_SIZE_MAX_BYTES: usize = 1024 * 1024;
/// Most attachments that are named.
pub const READ_ATTACHMENTS_MAX: usize = 200;

/// As much of a mail as is read for what it is: reports stand before the message that they return.
pub const READ_REPORT_SIZE_MAX_BYTES: usize = 2 * 1024 * 1024;

/// With which field most parts begin.
const PART_BEGINS: &[u8] = b"content-type:";

/// Reads those fields alone that are asked for here; the others are in the header as it came.
static PARSER: LazyLock<MessageParser> = LazyLock::new(|| {
    MessageParser::new()
        .with_mime_headers()
        .header_text(HeaderName::Subject)
        .header_address(HeaderName::From)
        .default_header_ignore()
});

/// Why a mail was not read.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum ReadError {
    /// Larger than [`READ_SIZE_MAX_BYTES`].
    #[error("mail is too large to be read")]
    TooLarge,
    /// More parts than [`READ_PARTS_MAX`].
    #[error("mail has too many parts to be read")]
    TooManyParts,
    /// Not a mail at all.
    #[error("no header in it")]
    NoHeader,
}

/// A file in a mail.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct NamedAttachment {
    /// File name, or empty.
    pub name: String,
    /// Media type in lower case.
    pub content_type: String,
    /// Size when decoded, in bytes.
    pub size_bytes: usize,
    /// Index of the part, for [`attachments_bytes`].
    pub part: usize,
}

/// A mail as far as it matters to us.
#[derive(Clone, Default, PartialEq, Eq)]
pub struct IncomingMail {
    /// The header, unfolded but not decoded.
    pub header: HeaderBlock,
    /// Decoded subject.
    pub subject: String,
    /// Address of the author, lower case; empty if there is none.
    pub from: String,
    /// What a person would read, as plain text.
    pub text: String,
    /// The HTML body as it came, if there is one.
    pub html: Option<String>,
    /// The media type of the mail, such as `multipart/report`, lower case.
    pub content_type: String,
    /// Fields of a delivery status notification: of the message, then of each recipient.
    pub delivery_status: Option<Vec<HeaderBlock>>,
    /// Fields of a feedback report.
    pub feedback: Option<HeaderBlock>,
    /// Fields of a disposition notification.
    pub disposition: Option<HeaderBlock>,
    /// The header of the message that a report is about.
    pub original: Option<HeaderBlock>,
    /// Files.
    pub attachments: Vec<NamedAttachment>,
}

/// Debug output shows no text and no addresses.
impl std::fmt::Debug for IncomingMail {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("IncomingMail")
            .field("content_type", &self.content_type)
            .field("header", &self.header)
            .finish_non_exhaustive()
    }
}

/// Reads the beginning of a mail, [`READ_REPORT_SIZE_MAX_BYTES`] of it: enough to say what it is,
/// whatever it returns or carries.
///
/// # Errors
/// [`ReadError`] if all of it goes beyond a limit, or it is no mail.
pub fn read_beginning(raw: &[u8]) -> Result<IncomingMail, ReadError> {
    if raw.len() > READ_SIZE_MAX_BYTES {
        return Err(ReadError::TooLarge);
    }
    read(raw.get(..READ_REPORT_SIZE_MAX_BYTES).unwrap_or(raw))
}

/// Reads a mail.
///
/// # Errors
/// [`ReadError`] if it goes beyond a limit or is no mail.
pub fn read(raw: &[u8]) -> Result<IncomingMail, ReadError> {
    let message = parse(raw)?;
    let mut mail = IncomingMail {
        header: HeaderBlock::parse(&lossy(header(raw))).0,
        subject: message.subject().unwrap_or_default().to_owned(),
        content_type: message.parts.first().map(media_type).unwrap_or_default(),
        ..parts_of(raw, &message)
    };
    mail.from = author(&message, &mail.header);
    if mail.text.is_empty() {
        mail.text = mail.html.as_deref().map(html::to_text).unwrap_or_default();
    }
    let is_broken = |part: &NamedAttachment| part.content_type.starts_with("multipart/");
    if mail.text.trim().is_empty()
        && mail.attachments.iter().all(is_broken)
        && mail.content_type.starts_with("multipart/")
    {
        // Boundaries that cannot be read: a person would still see what stands there.
        mail.text = body_as_it_is(raw);
    }
    Ok(mail)
}

/// What stands in the parts of a mail.
fn parts_of(raw: &[u8], message: &Message<'_>) -> IncomingMail {
    let mut mail = IncomingMail::default();
    for (index, part) in message.parts.iter().enumerate() {
        take_part(&mut mail, raw, index, part);
    }
    mail
}

/// What follows the header, cut at [`READ_TEXT_SIZE_MAX_BYTES`].
fn body_as_it_is(raw: &[u8]) -> String {
    let head = beginning(raw);
    let mut lines = memchr_iter(b'\n', head).map(|end| end + 1);
    let begin = lines.find_map(|line| {
        let rest = head.get(line..)?;
        let empty = [b"\r\n".as_slice(), b"\n".as_slice()];
        let empty = empty.into_iter().find(|empty| rest.starts_with(empty))?;
        Some(line + empty.len())
    });
    let body = raw.get(begin.unwrap_or(raw.len())..).unwrap_or_default();
    lossy(body.get(..READ_TEXT_SIZE_MAX_BYTES).unwrap_or(body)).into_owned()
}

/// The decoded bytes of these parts of a mail ([`NamedAttachment::part`]), in their order; none for
/// a part that is not there. The mail is taken apart once.
///
/// # Errors
/// [`ReadError`] as for [`read`].
pub fn attachments_bytes(raw: &[u8], parts: &[usize]) -> Result<Vec<Option<Vec<u8>>>, ReadError> {
    let message = parse(raw)?;
    let bytes = |part: &usize| Some(message.parts.get(*part)?.contents().to_vec());
    Ok(parts.iter().map(bytes).collect())
}

/// The decoded bytes of one file of a mail, by its place among [`IncomingMail::attachments`].
///
/// # Errors
/// [`ReadError`] as for [`read`]; `Ok(None)` if there is no such file.
pub fn attachment_at(raw: &[u8], index: usize) -> Result<Option<Vec<u8>>, ReadError> {
    let message = parse(raw)?;
    let mail = parts_of(raw, &message);
    let part = mail.attachments.get(index).map(|file| file.part);
    let part = part.and_then(|part| message.parts.get(part));
    Ok(part.map(|part| part.contents().to_vec()))
}

/// A part that HTML may refer to by its Content-ID (RFC 2392).
#[derive(Clone, PartialEq, Eq)]
pub struct RelatedPart {
    /// Its Content-ID without brackets.
    pub content_id: String,
    /// Its decoded bytes.
    pub bytes: Vec<u8>,
    /// Its place among [`IncomingMail::attachments`]; none behind the most that are named.
    pub attachment: Option<usize>,
}

/// The HTML of a mail, and the parts that it may refer to, at most `count_max` of them and none
/// beyond `size_max_bytes`; none without HTML.
///
/// # Errors
/// [`ReadError`] as for [`read`].
pub fn html_and_related(
    raw: &[u8],
    count_max: usize,
    size_max_bytes: usize,
) -> Result<(Option<String>, Vec<RelatedPart>), ReadError> {
    let message = parse(raw)?;
    let mail = parts_of(raw, &message);
    if mail.html.is_none() {
        return Ok((None, Vec::new()));
    }
    let parts = message
        .parts
        .iter()
        .enumerate()
        .filter_map(|(index, part)| {
            let id = part.content_id()?.trim_matches(['<', '>']);
            let is_data = matches!(part.body, PartType::Binary(_) | PartType::InlineBinary(_));
            (is_data && part.contents().len() <= size_max_bytes).then(|| RelatedPart {
                content_id: id.to_owned(),
                bytes: part.contents().to_vec(),
                attachment: mail.attachments.iter().position(|file| file.part == index),
            })
        });
    let parts = parts.take(count_max).collect();
    Ok((mail.html, parts))
}

/// What a person wrote, without the quoted message and the signature below it.
pub fn without_quotes(text: &str) -> String {
    let mut kept: Vec<&str> = Vec::new();
    for line in text.lines() {
        let line = line.trim_end();
        if line == "--"
            || line.starts_with("-----Original")
            || line.starts_with("________________________________")
        {
            break;
        }
        if !line.starts_with('>') {
            kept.push(line);
        }
    }
    while let Some(last) = kept.last()
        && (last.is_empty()
            || (last.ends_with(':') && (last.contains('@') || last.contains("wrote"))))
    {
        kept.pop();
    }
    kept.join("\n").trim().to_owned()
}

fn parse(raw: &[u8]) -> Result<Message<'_>, ReadError> {
    if raw.len() > READ_SIZE_MAX_BYTES {
        return Err(ReadError::TooLarge);
    }
    let (mut boundaries, mut headers) = (0_usize, 0_usize);
    for end in memchr_iter(b'\n', raw) {
        let line = raw.get(end + 1..).unwrap_or_default();
        boundaries += usize::from(line.starts_with(b"--"));
        let name = line.get(..PART_BEGINS.len()).unwrap_or_default();
        headers += usize::from(name.eq_ignore_ascii_case(PART_BEGINS));
    }
    if boundaries.min(headers.saturating_mul(3) + 3) > READ_PARTS_MAX {
        return Err(ReadError::TooManyParts);
    }
    let message = PARSER.parse(raw).ok_or(ReadError::NoHeader)?;
    if message.parts.len() > READ_PARTS_MAX {
        return Err(ReadError::TooManyParts);
    }
    Ok(message)
}

fn author(message: &Message<'_>, header: &HeaderBlock) -> String {
    let parsed = message
        .from()
        .and_then(|from| from.first())
        .and_then(|a| a.address());
    parsed
        .map(str::to_lowercase)
        .filter(|a| a.contains('@'))
        .or_else(|| header.get("From").and_then(first_address))
        .unwrap_or_else(|| header.get("From").unwrap_or_default().to_lowercase())
}

fn take_part(mail: &mut IncomingMail, raw: &[u8], index: usize, part: &MessagePart<'_>) {
    let kind = media_type(part);
    match kind.as_str() {
        "message/delivery-status" | "message/global-delivery-status" => {
            mail.delivery_status
                .get_or_insert_with(Vec::new)
                .extend(HeaderBlock::parse_all(&lossy(beginning(part.contents()))));
            return;
        }
        "message/feedback-report" => {
            mail.feedback = merged(&lossy(beginning(part.contents())));
            return;
        }
        "message/disposition-notification" | "message/global-disposition-notification" => {
            mail.disposition = merged(&lossy(beginning(part.contents())));
            return;
        }
        "text/rfc822-headers"
        | "text/rfc822-header"
        | "message/rfc822-headers"
        | "message/global-headers" => {
            keep_original(mail, &lossy(header(part.contents())));
            return;
        }
        _ => {}
    }
    match &part.body {
        PartType::Message(nested) => {
            let whole = if part.encoding == Encoding::None {
                raw.get(part.raw_body_offset() as usize..part.raw_end_offset() as usize)
                    .unwrap_or_default()
            } else {
                nested.raw_message.as_ref()
            };
            keep_original(mail, &lossy(header(whole)));
        }
        PartType::Text(text) if part.attachment_name().is_none() => push_text(&mut mail.text, text),
        PartType::Html(text) if part.attachment_name().is_none() && mail.html.is_none() => {
            mail.html = Some(bounded(text, READ_TEXT_SIZE_MAX_BYTES).to_owned());
        }
        PartType::Multipart(_) => {}
        PartType::Text(_) | PartType::Html(_) | PartType::Binary(_) | PartType::InlineBinary(_) => {
            keep_attachment(mail, index, part, kind);
        }
    }
}

fn keep_attachment(
    mail: &mut IncomingMail,
    index: usize,
    part: &MessagePart<'_>,
    content_type: String,
) {
    if mail.attachments.len() < READ_ATTACHMENTS_MAX {
        mail.attachments.push(NamedAttachment {
            name: part.attachment_name().unwrap_or_default().to_owned(),
            content_type,
            size_bytes: part.contents().len(),
            part: index,
        });
    }
}

fn keep_original(mail: &mut IncomingMail, text: &str) {
    let (block, _) = HeaderBlock::parse(text.trim_start());
    if mail.original.is_none() && !block.is_empty() {
        mail.original = Some(block);
    }
}

fn push_text(all: &mut String, text: &str) {
    let room = READ_TEXT_SIZE_MAX_BYTES.saturating_sub(all.len());
    if !all.is_empty() && room > 0 {
        all.push('\n');
    }
    all.push_str(bounded(text, room));
}

/// Feedback and disposition parts have one block; stray empty lines in it do not end it.
fn merged(text: &str) -> Option<HeaderBlock> {
    let joined: String = text
        .lines()
        .filter(|l| !l.trim().is_empty())
        .flat_map(|l| [l, "\n"])
        .collect();
    Some(HeaderBlock::parse(&joined).0).filter(|block| !block.is_empty())
}

fn media_type(part: &MessagePart<'_>) -> String {
    part.content_type()
        .map(|t| format!("{}/{}", t.ctype(), t.subtype().unwrap_or_default()).to_lowercase())
        .unwrap_or_default()
}

fn bounded(text: &str, max: usize) -> &str {
    let mut end = max.min(text.len());
    while !text.is_char_boundary(end) {
        end -= 1;
    }
    &text[..end]
}

/// As much as is read of a header or a report.
fn beginning(bytes: &[u8]) -> &[u8] {
    bytes.get(..READ_HEADER_SIZE_MAX_BYTES).unwrap_or(bytes)
}

/// A header, behind empty lines that may stand before it, up to the one that ends it.
fn header(bytes: &[u8]) -> &[u8] {
    let bytes = beginning(bytes);
    let (mut begin, mut has_begun) = (0, false);
    for end in memchr_iter(b'\n', bytes) {
        let is_empty = bytes[begin..end].trim_ascii().is_empty();
        if is_empty && has_begun {
            return &bytes[..end];
        }
        has_begun |= !is_empty;
        begin = end + 1;
    }
    bytes
}

fn lossy(bytes: &[u8]) -> std::borrow::Cow<'_, str> {
    String::from_utf8_lossy(bytes)
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;

    const DSN: &str = "Return-Path: <>\r\nFrom: Mail Delivery <MAILER-DAEMON@mx.example>\r\nTo: v+1@gw.example\r\nSubject: =?utf-8?q?R=C3=BCck?=\r\n\
        Content-Type: multipart/report; report-type=delivery-status; boundary=b\r\n\r\n--b\r\nContent-Type: text/plain\r\n\r\nIt failed.\r\n\
        --b\r\nContent-Type: message/delivery-status\r\n\r\nReporting-MTA: dns; mx.example\r\n\r\nFinal-Recipient: rfc822; a@b.example\r\nAction: failed\r\n\
        Status: 5.1.1\r\nDiagnostic-Code: smtp; 550 5.1.1 <a@b.example>:\r\n unknown\r\n\r\n--b\r\nContent-Type: message/rfc822\r\n\r\nMessage-ID: <1@gw>\r\nTo: a@b.example\r\n\r\nhello\r\n--b--\r\n";

    #[test]
    fn a_delivery_report_comes_apart() {
        let mail = read(DSN.as_bytes()).unwrap();
        assert_eq!(
            (mail.subject.as_str(), mail.from.as_str()),
            ("Rück", "mailer-daemon@mx.example")
        );
        assert_eq!(
            (mail.text.trim(), mail.content_type.as_str()),
            ("It failed.", "multipart/report")
        );
        let status = mail.delivery_status.unwrap();
        assert_eq!(status.len(), 2);
        assert_eq!(
            status[1].get("diagnostic-code"),
            Some("smtp; 550 5.1.1 <a@b.example>: unknown")
        );
        assert_eq!(mail.original.unwrap().get("message-id"), Some("<1@gw>"));
    }

    #[test]
    fn every_cut_of_a_mail_is_read_or_refused() {
        for end in 0..DSN.len() {
            if let Ok(mail) = read(&DSN.as_bytes()[..end]) {
                assert!(mail.text.len() <= end);
            }
        }
    }

    #[test]
    fn html_alone_becomes_text_and_files_are_named() {
        let raw = b"From: a@b\r\nContent-Type: multipart/mixed; boundary=b\r\n\r\n--b\r\nContent-Type: text/html\r\n\r\n<p>hi <b>you</b></p>\r\n--b\r\n\
            Content-Type: text/plain; name=\"x.txt\"\r\nContent-Disposition: attachment; filename=\"x.txt\"\r\n\r\nfile\r\n--b--\r\n";
        let mail = read(raw).unwrap();
        assert_eq!(mail.text, "hi you");
        assert_eq!(mail.attachments.len(), 1);
        assert_eq!(mail.attachments[0].name, "x.txt");
        let part = mail.attachments[0].part;
        let bytes = attachments_bytes(raw, &[part, usize::MAX, part]).unwrap();
        let file = Some(b"file".to_vec());
        assert_eq!(bytes, [file.clone(), None, file.clone()]);
        assert_eq!(attachment_at(raw, 0), Ok(file));
        assert_eq!(attachment_at(raw, 1), Ok(None));
    }

    #[test]
    fn what_a_large_mail_is_stands_in_its_beginning() {
        let large = [DSN.as_bytes(), &vec![b'x'; 3 << 20]].concat();
        let all = read(&large).unwrap();
        assert_eq!(read_beginning(&large).unwrap(), all);
        assert_eq!(read_beginning(DSN.as_bytes()), read(DSN.as_bytes()));
        assert_eq!(
            read_beginning(&vec![b'a'; READ_SIZE_MAX_BYTES + 1]),
            Err(ReadError::TooLarge)
        );
    }

    #[test]
    fn a_header_ends_where_an_empty_line_says_so() {
        for (mail, found) in [
            ("A: b\r\nC: d\r\n\r\nE: f", "A: b\r\nC: d\r\n\r"),
            ("\n\nA: b\n \nC: d\n", "\n\nA: b\n "),
            ("A: b", "A: b"),
            ("\n\n", "\n\n"),
            ("", ""),
        ] {
            assert_eq!(header(mail.as_bytes()), found.as_bytes());
        }
    }

    #[test]
    fn limits_hold() {
        assert_eq!(
            read(&vec![b'a'; READ_SIZE_MAX_BYTES + 1]),
            Err(ReadError::TooLarge)
        );
        let mut many = b"Content-Type: multipart/mixed; boundary=b\r\n\r\n".to_vec();
        many.extend(b"\r\n--b\r\nContent-Type: text/plain\r\n\r\nx".repeat(READ_PARTS_MAX + 2));
        assert_eq!(read(&many), Err(ReadError::TooManyParts));
        assert_eq!(read(b""), Err(ReadError::NoHeader));
    }

    #[test]
    fn a_reply_is_what_stands_above_the_quote() {
        let text = "Yes, I am safe.\n\nOn Mon, x@y.example wrote:\n> Are you safe?\n> Tell us\n";
        assert_eq!(without_quotes(text), "Yes, I am safe.");
        assert_eq!(without_quotes("ok\n-- \nMr. Z\n"), "ok");
        assert_eq!(without_quotes("Please note:\nfirst"), "Please note:\nfirst");
    }
}
