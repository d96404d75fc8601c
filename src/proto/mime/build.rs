//! A message of ours as mail: text, HTML beside it, what RFC 5322 and RFC 3834 want around it.

use std::borrow::Cow;

use super::html;
use mail_builder::{
    MessageBuilder,
    headers::{address::Address, content_type::ContentType, date::Date, raw::Raw},
    mime::{BodyPart, MimePart},
};

/// Longest header value taken, in bytes.
pub const BUILT_HEADER_SIZE_MAX_BYTES: usize = 2_000;

/// Why no mail could be built.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum BuildError {
    /// A value would have broken out of its header line.
    #[error("control character in {0}")]
    ControlCharacter(&'static str),
    /// A value is longer than [`BUILT_HEADER_SIZE_MAX_BYTES`].
    #[error("{0} is too long")]
    TooLong(&'static str),
    /// Neither text nor HTML nor attachment.
    #[error("nothing to send")]
    Empty,
}

/// Somebody with an address and perhaps a name.
#[derive(Debug, Clone, Copy)]
pub struct Mailbox<'a> {
    /// Display name, may be empty.
    pub name: &'a str,
    /// `local@domain`.
    pub address: &'a str,
}

/// A file that travels along.
#[derive(Debug, Clone, Copy)]
pub struct Attachment<'a> {
    /// Its name.
    pub name: &'a str,
    /// Its media type, such as `application/pdf`.
    pub content_type: &'a str,
    /// Its bytes.
    pub bytes: &'a [u8],
    /// The id, without brackets, by which the HTML shows it as a picture (RFC 2392); none for a
    /// file beside it.
    pub content_id: Option<&'a str>,
}

/// One personal mail.
#[derive(Debug, Clone)]
pub struct OutgoingMail<'a> {
    /// Who it is from.
    pub from: Mailbox<'a>,
    /// Who it is to.
    pub to: Mailbox<'a>,
    /// Where replies go, if not to the sender.
    pub reply_to: Option<Mailbox<'a>>,
    /// Subject.
    pub subject: &'a str,
    /// Plain text; empty for none.
    pub text: &'a str,
    /// HTML; empty for none.
    pub html: &'a str,
    /// Unique id without brackets; boundaries are derived from it.
    pub message_id: &'a str,
    /// When it was written, in seconds since the Unix epoch.
    pub date_secs: u64,
    /// The message this one answers, without brackets.
    pub in_reply_to: Option<&'a str>,
    /// `https:` address for one-click unsubscription (RFC 2369, RFC 8058).
    pub list_unsubscribe: Option<&'a str>,
    /// What the mail belongs to, for the senders' figures of mailbox providers (Feedback-ID).
    pub feedback_id: Option<&'a str>,
    /// Files.
    pub attachments: Vec<Attachment<'a>>,
}

/// Builds the mail with CRLF line ends.
///
/// # Errors
/// [`BuildError`] if a value could break out of its line or nothing is there to send.
pub fn build(mail: &OutgoingMail<'_>) -> Result<Vec<u8>, BuildError> {
    check(mail)?;
    let mut builder = MessageBuilder::new()
        .from(mailbox(mail.from))
        .to(mailbox(mail.to))
        .subject(mail.subject.to_owned())
        .message_id(mail.message_id.to_owned())
        .date(Date::new(i64::try_from(mail.date_secs).unwrap_or(i64::MAX)));
    // What somebody answers to one person is no robot's (RFC 3834, 5.1).
    if mail.in_reply_to.is_none() {
        builder = builder.header("Auto-Submitted", Raw::new("auto-generated"));
    }
    if let Some(reply_to) = mail.reply_to {
        builder = builder.reply_to(mailbox(reply_to));
    }
    if let Some(id) = mail.in_reply_to {
        builder = builder.in_reply_to(id.to_owned()).references(id.to_owned());
    }
    if let Some(url) = mail.list_unsubscribe {
        builder = builder
            .header("List-Unsubscribe", Raw::new(format!("<{url}>")))
            .header(
                "List-Unsubscribe-Post",
                Raw::new("List-Unsubscribe=One-Click"),
            );
    }
    if let Some(id) = mail.feedback_id {
        builder = builder.header("Feedback-ID", Raw::new(id.to_owned()));
    }
    let mut out = Vec::new();
    builder.body(body(mail)?).serialize(&mut out);
    Ok(out)
}

fn body<'a>(mail: &OutgoingMail<'a>) -> Result<MimePart<'a>, BuildError> {
    let has_html = !mail.html.is_empty();
    let shown = |file: &&Attachment<'_>| has_html && file.content_id.is_some();
    let (pictures, files): (Vec<_>, Vec<_>) = mail.attachments.iter().partition(shown);
    let mut alternatives = Vec::with_capacity(2);
    // For those who cannot show HTML, or will not (RFC 2046 section 5.1.4).
    let text = if mail.text.trim().is_empty() {
        Cow::Owned(html::to_text(mail.html))
    } else {
        Cow::Borrowed(mail.text)
    };
    if !text.trim().is_empty() {
        alternatives.push(MimePart::new("text/plain", BodyPart::Text(text)));
    }
    if has_html {
        alternatives.push(with_pictures(mail, &pictures));
    }
    let readable = if alternatives.len() > 1 {
        Some(multipart(
            ContentType::new("multipart/alternative"),
            "a",
            mail.message_id,
            alternatives,
        ))
    } else {
        alternatives.pop()
    };
    if files.is_empty() {
        return readable.ok_or(BuildError::Empty);
    }
    let files = files
        .into_iter()
        .map(|file| part(file).attachment(file.name.to_owned()));
    let parts = readable.into_iter().chain(files).collect();
    let mixed = ContentType::new("multipart/mixed");
    Ok(multipart(mixed, "m", mail.message_id, parts))
}

/// The HTML with the pictures that it shows, which stand behind it (RFC 2387); alone without any.
fn with_pictures<'a>(mail: &OutgoingMail<'a>, pictures: &[&Attachment<'a>]) -> MimePart<'a> {
    let html = MimePart::new("text/html", BodyPart::Text(mail.html.into()));
    if pictures.is_empty() {
        return html;
    }
    let pictures = pictures.iter().map(|file| {
        let disposition = ContentType::new("inline").attribute("filename", file.name.to_owned());
        part(file)
            .header("Content-Disposition", disposition)
            .cid(file.content_id.unwrap_or_default().to_owned())
    });
    let parts = std::iter::once(html).chain(pictures).collect();
    let related = ContentType::new("multipart/related").attribute("type", "text/html");
    multipart(related, "r", mail.message_id, parts)
}

fn part<'a>(file: &Attachment<'a>) -> MimePart<'a> {
    MimePart::new(
        file.content_type.to_owned(),
        BodyPart::Binary(file.bytes.into()),
    )
}

/// A multipart with a boundary that the message id makes unique (the builder's own would read
/// the clock).
fn multipart<'a>(
    content_type: ContentType<'static>,
    mark: &str,
    message_id: &str,
    parts: Vec<MimePart<'a>>,
) -> MimePart<'a> {
    let unique: String = message_id
        .chars()
        .filter(char::is_ascii_alphanumeric)
        .take(48)
        .collect();
    let content_type = content_type.attribute("boundary", format!("=_{mark}_{unique}"));
    MimePart::new(content_type, BodyPart::Multipart(parts))
}

fn mailbox<'a>(of: Mailbox<'a>) -> Address<'a> {
    let name = (!of.name.is_empty()).then_some(of.name);
    Address::new_address(name, of.address)
}

fn check(mail: &OutgoingMail<'_>) -> Result<(), BuildError> {
    let reply_to = mail.reply_to.unwrap_or(Mailbox {
        name: "",
        address: "",
    });
    let values = [
        ("the sender's name", mail.from.name),
        ("the sender's address", mail.from.address),
        ("the recipient's name", mail.to.name),
        ("the recipient's address", mail.to.address),
        ("the reply name", reply_to.name),
        ("the reply address", reply_to.address),
        ("the subject", mail.subject),
        ("the message id", mail.message_id),
        (
            "the answered message's id",
            mail.in_reply_to.unwrap_or_default(),
        ),
        (
            "the unsubscribe link",
            mail.list_unsubscribe.unwrap_or_default(),
        ),
        ("the feedback id", mail.feedback_id.unwrap_or_default()),
    ];
    let files = mail.attachments.iter().flat_map(|file| {
        [
            ("an attachment's name", file.name),
            ("an attachment's type", file.content_type),
            ("a picture's id", file.content_id.unwrap_or_default()),
        ]
    });
    for (what, value) in values.into_iter().chain(files) {
        if value.chars().any(char::is_control) {
            return Err(BuildError::ControlCharacter(what));
        }
        if value.len() > BUILT_HEADER_SIZE_MAX_BYTES {
            return Err(BuildError::TooLong(what));
        }
    }
    Ok(())
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use mail_parser::{MessageParser, MimeHeaders};

    use super::*;

    fn sample() -> OutgoingMail<'static> {
        OutgoingMail {
            from: Mailbox {
                name: "Alarm, Grünau",
                address: "alarm@town.example",
            },
            to: Mailbox {
                name: "Žofie \"Z\"",
                address: "z@mail.example",
            },
            reply_to: None,
            subject: "Überschwemmung: bitte bestätigen, und zwar bald, denn der Fluss steigt weiter",
            text: ".first line\nGrüße\n",
            html: "<p>Grüße</p>",
            message_id: "0192.1@gw.example",
            date_secs: 1_700_000_000,
            in_reply_to: None,
            list_unsubscribe: Some("https://gw.example/u/1"),
            feedback_id: Some("0192:alert:email:gwexample"),
            attachments: vec![],
        }
    }

    #[test]
    fn html_alone_gets_a_text_beside_it() {
        let mut mail = sample();
        mail.text = " ";
        let raw = build(&mail).unwrap();
        let mail = MessageParser::default().parse(&raw).unwrap();
        assert_eq!(mail.text_body_count(), 1);
        assert_eq!(mail.body_text(0).unwrap().trim(), "Grüße");
        let part = mail.part(mail.text_body[0]).unwrap();
        assert!(part.content_type().unwrap().subtype() == Some("plain"));
        assert!(mail.body_html(0).unwrap().contains("<p>"));
    }

    #[test]
    fn both_bodies_and_the_header_come_through() {
        let raw = build(&sample()).unwrap();
        assert_eq!(raw, build(&sample()).unwrap());
        assert!(
            raw.split(|b| *b == b'\n')
                .all(|l| l.is_empty() || l.ends_with(b"\r")),
            "bare line feed"
        );
        assert!(
            raw.split(|b| *b == b'\n').all(|l| l.len() < 999),
            "line too long"
        );
        let mail = MessageParser::default().parse(&raw).unwrap();
        assert_eq!(mail.subject(), Some(sample().subject));
        assert_eq!(mail.message_id(), Some("0192.1@gw.example"));
        assert_eq!(
            mail.body_text(0).unwrap().replace('\r', ""),
            ".first line\nGrüße\n"
        );
        assert_eq!(mail.body_html(0).unwrap(), "<p>Grüße</p>");
        let to = mail.to().unwrap().first().unwrap();
        assert_eq!(
            (to.name(), to.address()),
            (Some("Žofie \"Z\""), Some("z@mail.example"))
        );
        assert_eq!(mail.date().unwrap().to_timestamp(), 1_700_000_000);
        assert_eq!(
            mail.header_raw("Auto-Submitted").map(str::trim),
            Some("auto-generated")
        );
        assert_eq!(
            mail.header_raw("Feedback-ID").map(str::trim),
            Some("0192:alert:email:gwexample")
        );
    }

    #[test]
    fn files_travel_along() {
        let bytes: Vec<u8> = (0..=255).collect();
        let file = Attachment {
            name: "Plän.pdf",
            content_type: "application/pdf",
            bytes: &bytes,
            content_id: None,
        };
        let raw = build(&OutgoingMail {
            attachments: vec![file],
            ..sample()
        })
        .unwrap();
        let mail = MessageParser::default().parse(&raw).unwrap();
        let part = mail.attachment(0).unwrap();
        assert_eq!(
            (part.attachment_name(), part.contents()),
            (Some("Plän.pdf"), bytes.as_slice())
        );
        assert_eq!(mail.body_html(0).unwrap(), "<p>Grüße</p>");
    }

    fn picture(name: &'static str, id: &'static str) -> Attachment<'static> {
        Attachment {
            name,
            content_type: "image/png",
            bytes: b"\x89PNG\r\n\x1a\n",
            content_id: Some(id),
        }
    }

    /// The tree of the parts: their types, those within others in brackets.
    fn tree(mail: &mail_parser::Message<'_>, part: u32) -> String {
        let part = mail.part(part).unwrap();
        let kind = part.content_type().unwrap().subtype().unwrap_or_default();
        let Some(within) = part.sub_parts() else {
            return kind.to_owned();
        };
        let within: Vec<String> = within.iter().map(|part| tree(mail, *part)).collect();
        format!("{kind}({})", within.join(" "))
    }

    #[test]
    fn pictures_stand_with_the_html_that_shows_them() {
        let file = Attachment {
            content_id: None,
            ..picture("plan.png", "")
        };
        let pictures = vec![
            picture("Plän.png", "1.a@gw.example"),
            picture("b.png", "2.a"),
        ];
        let raw = build(&OutgoingMail {
            html: "<img src=\"cid:1.a@gw.example\"><img src=\"cid:2.a\">",
            attachments: [pictures.clone(), vec![file]].concat(),
            ..sample()
        })
        .unwrap();
        let mail = MessageParser::default().parse(&raw).unwrap();
        assert_eq!(
            tree(&mail, 0),
            "mixed(alternative(plain related(html png png)) png)"
        );
        let related = mail.parts.iter().find(|part| {
            part.content_type()
                .is_some_and(|kind| kind.subtype() == Some("related"))
        });
        let related = related.unwrap().content_type().unwrap();
        assert_eq!(related.attribute("type"), Some("text/html"));
        let shown: Vec<_> = mail
            .parts
            .iter()
            .filter(|part| part.content_id().is_some())
            .collect();
        let ids: Vec<_> = shown
            .iter()
            .map(|part| part.content_id().unwrap().trim_matches(['<', '>']))
            .collect();
        assert_eq!(ids, ["1.a@gw.example", "2.a"]);
        assert!(shown[0].content_disposition().unwrap().ctype() == "inline");
        assert_eq!(shown[0].attachment_name(), Some("Plän.png"));
        assert_eq!(shown[0].contents(), b"\x89PNG\r\n\x1a\n");
        let text = String::from_utf8(raw).unwrap();
        assert!(text.contains("Content-ID: <1.a@gw.example>\r\n"), "{text}");
        assert_eq!(text.matches("Content-Disposition: attachment").count(), 1);

        let alone = build(&OutgoingMail {
            text: "",
            html: "<img src=\"cid:1.a@gw.example\">",
            attachments: pictures.clone(),
            ..sample()
        })
        .unwrap();
        let mail = MessageParser::default().parse(&alone).unwrap();
        let tree_alone = tree(&mail, 0);
        assert!(tree_alone.contains("related(html png png)"), "{tree_alone}");
        assert!(!tree_alone.contains("mixed"), "{tree_alone}");
        let without = build(&OutgoingMail {
            html: "",
            attachments: pictures,
            ..sample()
        })
        .unwrap();
        let mail = MessageParser::default().parse(&without).unwrap();
        assert_eq!(tree(&mail, 0), "mixed(plain png png)", "nothing shows them");
    }

    #[test]
    fn nothing_breaks_out_of_its_line() {
        let evil = "x\r\nBcc: all@town.example";
        let from = Mailbox {
            name: evil,
            address: "a@b.example",
        };
        let cases = [
            OutgoingMail {
                subject: evil,
                ..sample()
            },
            OutgoingMail { from, ..sample() },
            OutgoingMail {
                to: Mailbox {
                    name: "",
                    address: "a@b\n.example",
                },
                ..sample()
            },
            OutgoingMail {
                reply_to: Some(from),
                ..sample()
            },
            OutgoingMail {
                message_id: "a\0b",
                ..sample()
            },
            OutgoingMail {
                list_unsubscribe: Some(evil),
                ..sample()
            },
            OutgoingMail {
                feedback_id: Some(evil),
                ..sample()
            },
            OutgoingMail {
                in_reply_to: Some(evil),
                ..sample()
            },
            OutgoingMail {
                attachments: vec![Attachment {
                    name: evil,
                    content_type: "a/b",
                    bytes: b"",
                    content_id: None,
                }],
                ..sample()
            },
            OutgoingMail {
                attachments: vec![Attachment {
                    content_id: Some(evil),
                    ..picture("a.png", "x")
                }],
                ..sample()
            },
        ];
        for case in cases {
            assert!(
                matches!(build(&case), Err(BuildError::ControlCharacter(_))),
                "{case:?}"
            );
        }
        assert_eq!(
            build(&OutgoingMail {
                text: "",
                html: "",
                ..sample()
            }),
            Err(BuildError::Empty)
        );
    }
}
