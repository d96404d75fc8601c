//! What a call says.

use crate::channel::AttemptRequest;
use crate::config;
use crate::domain::Content;

/// The longest script that is spoken, in characters: some five minutes.
pub(super) const SCRIPT_CHARS_MAX: usize = 4_000;

/// "Press … to confirm", by language.
const CONFIRM: [(&str, &str); 9] = [
    (
        "en",
        "To confirm that you have heard this message, press {key}.",
    ),
    (
        "fr",
        "Pour confirmer que vous avez entendu ce message, appuyez sur {key}.",
    ),
    (
        "de",
        "Um zu bestätigen, dass Sie diese Nachricht gehört haben, drücken Sie {key}.",
    ),
    (
        "es",
        "Para confirmar que ha escuchado este mensaje, pulse {key}.",
    ),
    (
        "it",
        "Per confermare di aver ascoltato questo messaggio, premere {key}.",
    ),
    (
        "nl",
        "Druk op {key} om te bevestigen dat u dit bericht hebt gehoord.",
    ),
    ("pt", "Para confirmar que ouviu esta mensagem, prima {key}."),
    (
        "pl",
        "Aby potwierdzić wysłuchanie tej wiadomości, naciśnij {key}.",
    ),
    (
        "sv",
        "Tryck på {key} för att bekräfta att du har hört meddelandet.",
    ),
];

/// The whole text of the call: the script (or the text message, or the subject, where there is
/// none), and how to confirm if that is asked for.
pub(super) fn script(request: &AttemptRequest, config: &config::Voice) -> String {
    let confirmed = request.confirmation_required;
    call_script(&request.content, &request.language, confirmed, config)
}

/// The same, before there is a call.
#[must_use]
pub fn call_script(
    content: &Content,
    language: &str,
    confirmed: bool,
    config: &config::Voice,
) -> String {
    let parts = [&content.voice_script, &content.sms_text, &content.subject];
    let said = parts.into_iter().find(|part| !part.trim().is_empty());
    let mut text: String = said
        .map_or("", |text| text.trim())
        .chars()
        .take(SCRIPT_CHARS_MAX)
        .collect();
    if confirmed {
        text.push_str("\n\n");
        text.push_str(&confirm(language).replace("{key}", &config.confirm_key));
    }
    text
}

fn confirm(language: &str) -> &'static str {
    let language = language.get(..2).unwrap_or("").to_ascii_lowercase();
    let known = CONFIRM.iter().find(|(tag, _)| *tag == language);
    known.unwrap_or(&CONFIRM[0]).1
}
