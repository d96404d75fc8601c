//! What a message says beneath its own words where its category asks for confirmation.

use super::communication::Content;

/// What a language asks with. What goes into a text stays within the GSM alphabet: one character
/// outside it would more than halve the room for the message itself.
struct Phrases {
    language: &'static str,
    email: &'static str,
    button: &'static str,
    link: &'static str,
    reply: &'static str,
}

/// The first is the fallback.
const PHRASES: [Phrases; 9] = [
    Phrases {
        language: "en",
        email: "Please confirm that you have read this message:",
        button: "Confirm that you have read this message",
        link: "Confirm:",
        reply: "Reply YES to confirm.",
    },
    Phrases {
        language: "fr",
        email: "Veuillez confirmer que vous avez lu ce message\u{a0}:",
        button: "Confirmer que vous avez lu ce message",
        link: "Confirmez :",
        reply: "Répondez OUI pour confirmer.",
    },
    Phrases {
        language: "de",
        email: "Bitte bestätigen Sie, dass Sie diese Nachricht gelesen haben:",
        button: "Bestätigen, dass Sie diese Nachricht gelesen haben",
        link: "Bestätigen:",
        reply: "Zum Bestätigen mit OK antworten.",
    },
    Phrases {
        language: "es",
        email: "Confirme que ha leído este mensaje:",
        button: "Confirmar que ha leído este mensaje",
        link: "Confirme:",
        reply: "Responda OK para confirmar.",
    },
    Phrases {
        language: "it",
        email: "Confermi di aver letto questo messaggio:",
        button: "Confermare di aver letto questo messaggio",
        link: "Confermi:",
        reply: "Risponda OK per confermare.",
    },
    Phrases {
        language: "nl",
        email: "Bevestig dat u dit bericht hebt gelezen:",
        button: "Bevestigen dat u dit bericht hebt gelezen",
        link: "Bevestig:",
        reply: "Antwoord OK om te bevestigen.",
    },
    Phrases {
        language: "pt",
        email: "Confirme que leu esta mensagem:",
        button: "Confirmar que leu esta mensagem",
        link: "Confirme:",
        reply: "Responda OK para confirmar.",
    },
    Phrases {
        language: "pl",
        email: "Prosimy potwierdzić przeczytanie tej wiadomości:",
        button: "Potwierdź przeczytanie tej wiadomości",
        link: "Potwierdzenie:",
        reply: "Aby potwierdzic, odpowiedz OK.",
    },
    Phrases {
        language: "sv",
        email: "Bekräfta att du har läst detta meddelande:",
        button: "Bekräfta att du har läst detta meddelande",
        link: "Bekräfta:",
        reply: "Svara OK för att bekräfta.",
    },
];

fn phrases(language: &str) -> &'static Phrases {
    let language = language.get(..2).unwrap_or("").to_ascii_lowercase();
    let known = PHRASES.iter().find(|one| one.language == language);
    known.unwrap_or(&PHRASES[0])
}

/// What stands beneath a message that asks to be confirmed: a link where there are public pages;
/// without them a text asks for an answer, and an email for nothing.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ConfirmLine {
    link: Option<String>,
}

impl ConfirmLine {
    /// With this link, if there are public pages.
    #[must_use]
    pub const fn new(link: Option<String>) -> Self {
        Self { link }
    }

    /// All of a message with its line.
    #[must_use]
    pub fn under(&self, content: &Content, language: &str) -> Content {
        Content {
            text: self.under_email(&content.text, language),
            html: self.under_html(&content.html, language),
            sms_text: self.under_text(&content.sms_text, language),
            ..content.clone()
        }
    }

    /// The text message with its line.
    #[must_use]
    pub fn under_text(&self, text: &str, language: &str) -> String {
        if text.trim().is_empty() {
            return text.to_owned();
        }
        let said = phrases(language);
        match &self.link {
            Some(link) => format!("{}\n{} {link}", text.trim_end(), said.link),
            None => format!("{}\n{}", text.trim_end(), said.reply),
        }
    }

    /// The plain text of the email with its line.
    #[must_use]
    pub fn under_email(&self, text: &str, language: &str) -> String {
        let (Some(link), false) = (&self.link, text.trim().is_empty()) else {
            return text.to_owned();
        };
        let asked = phrases(language).email;
        format!("{}\n\n{asked}\n{link}\n", text.trim_end())
    }

    /// The HTML of the email with its line, before the end of the body or at the end of a
    /// fragment.
    #[must_use]
    pub fn under_html(&self, html: &str, language: &str) -> String {
        let (Some(link), false) = (&self.link, html.trim().is_empty()) else {
            return html.to_owned();
        };
        let button = phrases(language).button;
        let line = format!("<p><a href=\"{link}\"><strong>{button}</strong></a></p>");
        match html.to_ascii_lowercase().rfind("</body>") {
            Some(at) => format!("{}{line}{}", &html[..at], &html[at..]),
            None => format!("{html}{line}"),
        }
    }

    /// The text message with its line in each language that asks in words of its own.
    pub fn under_each(&self, text: &str) -> impl Iterator<Item = String> {
        PHRASES
            .iter()
            .map(move |one| self.under_text(text, one.language))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::keywords::{Keyword, Keywords};
    use crate::proto::smpp::encoding::{Encoding, estimate};

    const LINK: &str = "https://me.example.org/c/abcdefghijklmnopqrstuvwx";

    #[test]
    fn every_language_asks_within_the_gsm_alphabet_for_an_answer_that_confirms() {
        let link = ConfirmLine::new(Some(LINK.to_owned()));
        let reply = ConfirmLine::new(None);
        for one in &PHRASES {
            for line in [&link, &reply] {
                let text = line.under_text("Flood", one.language);
                let found = estimate(&text, Default::default());
                assert_eq!(
                    (found.encoding, found.segments),
                    (Encoding::Gsm7, 1),
                    "{text}"
                );
            }
            let words = reply.under_text("Flood", one.language);
            let is_yes = |word: &str| Keywords::default().meaning(word) == Some(Keyword::Yes);
            let said = words.split([' ', '.', '\n']).any(is_yes);
            assert!(said, "{words}");
        }
    }

    #[test]
    fn the_line_stands_beneath_the_message() {
        let line = ConfirmLine::new(Some(LINK.to_owned()));
        assert_eq!(
            line.under_text("Flood. \n", "xx"),
            format!("Flood.\nConfirm: {LINK}")
        );
        let email = line.under_email("Flood.", "fr-CA");
        assert!(
            email.starts_with("Flood.\n\nVeuillez") && email.contains(LINK),
            "{email}"
        );
        let html = line.under_html("<body><p>Flood</p></BODY>", "en");
        assert!(html.contains(&format!("href=\"{LINK}\"")), "{html}");
        assert!(html.ends_with("</p></BODY>"), "{html}");
        assert_eq!(line.under_html("", "en"), "");
        let without = ConfirmLine::new(None);
        assert_eq!(without.under_email("Flood.", "en"), "Flood.");
        assert_eq!(without.under_html("<p>Flood</p>", "en"), "<p>Flood</p>");
    }

    #[test]
    fn the_longest_language_counts() {
        let line = ConfirmLine::new(Some(LINK.to_owned()));
        let room = 160 - LINK.len() - "\nConfirm: ".len();
        let text = "a".repeat(room);
        let segments = |text: &str| estimate(text, Default::default()).segments;
        assert_eq!(segments(&line.under_text(&text, "en")), 1);
        assert_eq!(
            line.under_each(&text).map(|one| segments(&one)).max(),
            Some(2)
        );
    }
}
