//! What a submitted message says.

use super::rejected;
use crate::domain::Content;
use crate::domain::communication::{SMS_TEXT_MAX, SUBJECT_MAX, VOICE_SCRIPT_MAX};
use crate::listener::StoreRefusal;
use crate::proto::mime::read::read;
use crate::proto::smtp::Enhanced;
use crate::submit::MailRecipient;

/// Longest body used as text message or voice script, in bytes; longer ones are refused.
const BODY_TEXT_MAX: usize = 64 * 1024;

/// What a submitted message says, for lists, texts and calls.
pub(super) fn content(raw: &[u8], recipients: &[MailRecipient]) -> Result<Content, StoreRefusal> {
    let by_phone = recipients
        .iter()
        .any(|recipient| !matches!(recipient, MailRecipient::Email(_)));
    let (subject, text) = match read(raw) {
        Ok(mail) => (
            mail.subject,
            if by_phone { mail.text } else { String::new() },
        ),
        // An ordinary mail goes out as it is, whatever it looks like inside.
        Err(_) if !by_phone => (String::new(), String::new()),
        Err(error) => return Err(rejected(554, Enhanced(5, 6, 0), &error.to_string())),
    };
    let text = text.trim().to_owned();
    if by_phone && text.is_empty() {
        return Err(rejected(
            554,
            Enhanced(5, 6, 0),
            "no text to send or to speak",
        ));
    }
    let texts = recipients
        .iter()
        .any(|recipient| matches!(recipient, MailRecipient::Text(_)));
    let calls = recipients
        .iter()
        .any(|recipient| matches!(recipient, MailRecipient::Call(_)));
    let characters = text.chars().count();
    let limit = if texts {
        SMS_TEXT_MAX
    } else {
        VOICE_SCRIPT_MAX
    };
    if by_phone && (characters > limit || text.len() > BODY_TEXT_MAX) {
        return Err(rejected(
            554,
            Enhanced(5, 6, 0),
            &format!("the text has more than {limit} characters"),
        ));
    }
    Ok(Content {
        subject: subject
            .chars()
            .filter(|character| !character.is_control())
            .take(SUBJECT_MAX)
            .collect(),
        text: String::new(),
        html: String::new(),
        sms_text: if texts { text.clone() } else { String::new() },
        voice_script: if calls { text } else { String::new() },
        attachments: Vec::new(),
    })
}
