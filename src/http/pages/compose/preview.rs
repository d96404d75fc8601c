//! How it will look: the email as rendered, the text as it arrives in parts, the call as it is
//! heard.

use super::super::super::App;
use super::super::super::view::Chrome;
use super::counter::{is_countable, visible};
use crate::domain::{CommunicationId, Timestamp};
use crate::proto::smpp::encoding::Encoding;
use crate::submit::{Counted, DraftInput};

/// Characters spoken in a second, about.
const SPOKEN_PER_SECOND: usize = 14;

pub(in super::super) struct Preview {
    pub(in super::super) email: bool,
    pub(in super::super) subject: String,
    pub(in super::super) text: String,
    /// Address of the rendered email; empty without HTML.
    pub(in super::super) frame: String,
    pub(in super::super) sms: Vec<String>,
    pub(in super::super) sms_count: String,
    /// The character that makes every part shorter, said in words; empty for none.
    pub(in super::super) odd: String,
    pub(in super::super) script: String,
    pub(in super::super) length: String,
    /// Address of the spoken script; empty when nobody can speak it.
    pub(in super::super) hear: String,
}

impl Preview {
    /// Of a draft, with what is put beneath it; what needs an address is there once it is kept.
    pub(in super::super) fn of(
        app: &App,
        c: &Chrome,
        draft: &DraftInput,
        kept: Option<(CommunicationId, Timestamp)>,
    ) -> Self {
        let content = &app.console.submit.as_sent(&draft.category, &draft.content);
        let can_speak = app.console.speaker.is_some();
        let shown = |wanted: bool, text: &str| {
            if wanted {
                text.to_owned()
            } else {
                String::new()
            }
        };
        let at = |wanted: bool, what: &str| match kept {
            Some((id, revision)) if wanted => {
                format!("/communications/{id}/{what}?r={}", revision.as_millis())
            }
            Some(_) | None => String::new(),
        };
        let by = draft.channels;
        let script = shown(by.call, content.voice_script.trim());
        let sms_text = shown(
            by.text && is_countable(&draft.content.sms_text),
            &content.sms_text,
        );
        let carriers = app.console.submit.text_carriers();
        let odd = carriers.odd(&sms_text);
        let odd = odd.first().map(|odd| {
            let code = format!("U+{:04X}", u32::from(odd.character));
            c.f2("compose.odd", visible(odd), code)
        });
        let html = by.email && !content.html.trim().is_empty();
        Self {
            email: by.email && !(content.subject.is_empty() && content.text.trim().is_empty()),
            subject: shown(by.email, &content.subject),
            text: shown(by.email, &content.text),
            frame: at(html, "preview"),
            sms_count: sms_count(app, c, &sms_text),
            odd: odd.unwrap_or_default(),
            sms: carriers.parts(&sms_text),
            length: spoken(c, &script),
            hear: at(can_speak && !script.is_empty(), "hear"),
            script,
        }
    }
}

/// "About 0:45".
fn spoken(c: &Chrome, script: &str) -> String {
    let seconds = script.chars().count().div_ceil(SPOKEN_PER_SECOND);
    c.f1(
        "compose.length",
        format!("{}:{:02}", seconds / 60, seconds % 60),
    )
}

/// "23 characters, 1 segment".
pub(in super::super) fn sms_count(app: &App, c: &Chrome, text: &str) -> String {
    size(c, &app.console.submit.text_carriers().count(text))
}

/// The same of a text that has been counted.
pub(super) fn size(c: &Chrome, found: &Counted) -> String {
    let key = if found.segments == 1 {
        "sms.count_one"
    } else {
        "sms.count_many"
    };
    let mut count = c.f2(key, found.characters, found.segments);
    if found.encoding == Encoding::Ucs2 {
        count.push(' ');
        count.push_str(c.t("sms.wide"));
    }
    count
}
