//! The bytes of one mail: built for this recipient, or what an application handed in.

use super::wire;
use crate::{
    channel::{AttachedFile, AttemptRequest},
    domain::Timestamp,
    proto::mime::{
        build::{self, Attachment, BuildError, Mailbox, OutgoingMail},
        submitted::{self, Additions},
    },
};

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
        let html = with_pixel(&content.html, links.pixel.as_deref());
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
            attachments: request.files.iter().map(attachment).collect(),
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
    pub(super) fn of(raw: &[u8]) -> Self {
        Self {
            data: wire::data(raw),
            is_8bit: wire::is_8bit(raw),
            is_utf8: wire::is_utf8_header(raw),
        }
    }
}

fn attachment(file: &AttachedFile) -> Attachment<'_> {
    Attachment {
        name: &file.name,
        content_type: &file.media_type,
        bytes: &file.bytes,
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
