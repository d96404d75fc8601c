//! The bytes of one mail: built for this recipient, or what an application handed in.

use super::wire;
use crate::{
    channel::{AttachedFile, AttemptRequest},
    domain::{
        EmailAddress, Timestamp,
        inline::{self, NamedFile},
    },
    proto::mime::{
        build::{self, Attachment, BuildError, Mailbox, OutgoingMail},
        header::{addresses_in, values_on_wire},
        submitted::{self, Additions},
    },
};

/// Sizes of the sender in a Feedback-ID (Gmail, "Feedback Loop").
const SENDER_ID_SIZE_MIN: usize = 5;
const SENDER_ID_SIZE_MAX: usize = 15;

/// Who mails are from.
pub(super) struct Composer {
    pub(super) from: String,
    pub(super) from_name: String,
    /// Right side of message ids.
    pub(super) domain: String,
}

impl Composer {
    /// The whole mail, CRLF or not, not yet dot-stuffed.
    pub(super) fn compose(
        &self,
        request: &AttemptRequest,
        now: Timestamp,
    ) -> Result<Vec<u8>, BuildError> {
        let message_id = format!("{}@{}", request.delivery, self.domain);
        if let Some(raw) = &request.submitted {
            let additions = Additions {
                message_id: &message_id,
                date_secs: now.as_secs(),
                received: None,
            };
            return Ok(submitted::complete(raw, &additions));
        }
        let links = &request.links;
        let content = &request.content;
        let feedback = links.feedback.as_ref();
        let feedback_id = feedback.map(|of| format!("{of}:email:{}", sender_id(&self.domain)));
        // Of this message alone, and the same in each attempt.
        let id_of = |index: usize| format!("{}.{message_id}", index + 1);
        let names: Vec<NamedFile<'_>> = request.files.iter().map(named).collect();
        let embedded = inline::embed(&content.html, &names, id_of);
        let html = with_pixel(&embedded.html, links.pixel.as_deref());
        let files = request.files.iter().zip(&embedded.ids);
        build::build(&OutgoingMail {
            from: Mailbox {
                name: &self.from_name,
                address: &self.from,
            },
            to: Mailbox {
                name: &request.recipient_name,
                address: request.destination.reveal(),
            },
            reply_to: None,
            subject: &content.subject,
            text: &content.text,
            html: &html,
            message_id: &message_id,
            date_secs: now.as_secs(),
            in_reply_to: request.in_reply_to.as_deref(),
            list_unsubscribe: links.unsubscribe.as_deref(),
            feedback_id: feedback_id.as_deref(),
            attachments: files
                .map(|(file, id)| attachment(file, id.as_deref()))
                .collect(),
        })
    }
}

/// A mail as it goes over the wire.
pub(super) struct Written {
    /// What follows `DATA`.
    pub(super) data: Vec<u8>,
    /// It needs 8BITMIME.
    pub(super) is_8bit: bool,
    /// Its header is in UTF-8 (RFC 6532).
    pub(super) is_utf8: bool,
}

impl Written {
    /// `fields` stand in front of the mail, each with its line end.
    pub(super) fn of(fields: &str, raw: &[u8]) -> Self {
        Self {
            data: wire::data(fields, raw),
            is_8bit: wire::is_8bit(raw),
            is_utf8: wire::is_utf8_header(raw),
        }
    }
}

/// The domain of the author as DNS has it; empty without one, or with several.
pub(super) fn author_domain(raw: &[u8]) -> String {
    let [value]: [String; 1] = values_on_wire(raw, "From").try_into().unwrap_or_default();
    let Ok([author]) = <[String; 1]>::try_from(addresses_in(&value)) else {
        return String::new();
    };
    let domain = author.rsplit_once('@').map_or("", |(_, domain)| domain);
    EmailAddress::parse(&format!("x@{domain}"))
        .map_or_else(|_| String::new(), |address| address.domain().to_owned())
}

/// Who sends, as the last part of a Feedback-ID: 5 to 15 characters, always the same.
fn sender_id(domain: &str) -> String {
    let plain = domain.chars().filter(char::is_ascii_alphanumeric);
    let name: String = plain.take(SENDER_ID_SIZE_MAX).collect();
    format!("{name:_<SENDER_ID_SIZE_MIN$}")
}

fn named(file: &AttachedFile) -> NamedFile<'_> {
    NamedFile {
        name: &file.name,
        media_type: &file.media_type,
    }
}

fn attachment<'a>(file: &'a AttachedFile, content_id: Option<&'a str>) -> Attachment<'a> {
    Attachment {
        name: &file.name,
        content_type: &file.media_type,
        bytes: &file.bytes,
        content_id,
    }
}

/// The picture goes before the end of the body, or to the end of a fragment.
fn with_pixel(html: &str, pixel: Option<&str>) -> String {
    let (Some(url), false) = (pixel, html.is_empty()) else {
        return html.to_owned();
    };
    let picture = format!("<img src=\"{url}\" width=\"1\" height=\"1\" alt=\"\">");
    match html.to_ascii_lowercase().rfind("</body>") {
        Some(at) => format!("{}{picture}{}", &html[..at], &html[at..]),
        None => format!("{html}{picture}"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_author_is_whom_from_names() {
        assert_eq!(
            author_domain(b"From: A <a@B.example>\r\n\r\nFrom: c@d\r\n"),
            "b.example"
        );
        assert_eq!(
            author_domain(b"From: a@b.example\nFrom: c@d.example\n\n"),
            ""
        );
        for (from, domain) in [
            (
                "\"info@town.example via Alerts\" <a@gw.example>",
                "gw.example",
            ),
            ("Town@Alert <a@gw.example>", "gw.example"),
            (
                "=?utf-8?q?=C3=A9?= <a@B\u{fc}cher.example>",
                "xn--bcher-kva.example",
            ),
            ("a@gw.example, b@gw.example", ""),
            ("nobody", ""),
        ] {
            assert_eq!(
                author_domain(format!("From: {from}\r\n\r\n").as_bytes()),
                domain
            );
        }
        assert_eq!(
            author_domain(b"From: a@b.example\r\n \r\nFrom: c@d.example\r\n\r\n"),
            ""
        );
        assert_eq!(author_domain(b"Subject: x\r\n\r\n"), "");
    }

    #[test]
    fn a_sender_has_a_short_name() {
        assert_eq!(sender_id("alerts.police.example"), "alertspoliceexa");
        assert_eq!(sender_id("a.b"), "ab___");
    }

    #[test]
    fn the_pixel_stands_within_the_body_and_only_in_html() {
        let picture = "<img src=\"https://x/p\" width=\"1\" height=\"1\" alt=\"\">";
        assert_eq!(
            with_pixel("<p>a</p>", Some("https://x/p")),
            format!("<p>a</p>{picture}")
        );
        assert_eq!(
            with_pixel("<BODY>ä</BODY>", Some("https://x/p")),
            format!("<BODY>ä{picture}</BODY>")
        );
        assert_eq!(with_pixel("", Some("https://x/p")), "");
        assert_eq!(with_pixel("<p>", None), "<p>");
    }
}
