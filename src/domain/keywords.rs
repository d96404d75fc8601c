//! Words that are all of a text and that the gateway itself answers to: STOP, START, HELP, yes.
//!
//! Case, accents and punctuation do not count; anything else beside the word does. "Please stop"
//! may be a wish or a cry for help: somebody looks at it, and nobody is cut off by accident.

use super::fold::fold;

/// Longest text that is taken for a keyword, in characters.
const KEYWORD_TEXT_MAX: usize = 40;
/// Longest text in which a wish is looked for, in characters: that of one message.
const WISH_TEXT_MAX: usize = 160;
/// Most words of one meaning that an installation adds.
pub const OWN_KEYWORDS_MAX: usize = 100;

/// What a word asks for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Keyword {
    /// No more texts to this number.
    Stop,
    /// Texts again.
    Start,
    /// Who writes, and how that is ended.
    Help,
    /// Yes, to what asks for confirmation.
    Yes,
}

/// No more texts. The English ones are those that carriers know (CTIA, Messaging Principles and
/// Best Practices, 5.1.3; 47 CFR 64.1200(a)(10)).
const STOP_WORDS: [&str; 19] = [
    "stop",
    "stopall",
    "stop all",
    "unsubscribe",
    "cancel",
    "end",
    "quit",
    "optout",
    "opt out",
    "revoke",
    "arret",
    "arreter",
    "arretez",
    "desabonner",
    "desabonnement",
    "desinscrire",
    "desinscription",
    "stopp",
    "abmelden",
];
/// Texts again.
const START_WORDS: [&str; 4] = ["start", "unstop", "reprendre", "reprise"];
/// Who writes.
const HELP_WORDS: [&str; 4] = ["help", "info", "aide", "hilfe"];
/// Yes; 1 is the key of calls.
const YES_WORDS: [&str; 11] = [
    "1",
    "ok",
    "okay",
    "yes",
    "y",
    "confirm",
    "confirmed",
    "oui",
    "confirme",
    "recu",
    "ja",
];
/// Words that change nothing about a yes. Beside a no they leave open what is meant.
const POLITE_WORDS: [&str; 6] = ["please", "thanks", "thank", "you", "merci", "svp"];
/// Words that ask for no more texts wherever they stand; "end" and "cancel" say other things too.
const WISH_WORDS: [&str; 12] = [
    "stop",
    "stopall",
    "stopp",
    "unsubscribe",
    "optout",
    "arret",
    "arreter",
    "arretez",
    "desabonner",
    "desabonnez",
    "desinscrire",
    "abmelden",
];

/// The words of an installation: those that are built in, and its own.
#[derive(Clone, Debug, PartialEq, Eq, Default)]
pub struct Keywords {
    /// Folded, with what they mean.
    own: Vec<(String, Keyword)>,
}

impl Keywords {
    /// With further words of this meaning, [`OWN_KEYWORDS_MAX`] at most; those that say nothing
    /// are left out.
    #[must_use]
    pub fn with(mut self, keyword: Keyword, words: &[String]) -> Self {
        let words = words.iter().take(OWN_KEYWORDS_MAX).map(|word| fold(word));
        let words = words.filter(|word| !word.is_empty());
        self.own.extend(words.map(|word| (word, keyword)));
        self
    }

    /// What a text says that is nothing but a keyword; none for every other. No word of an
    /// installation takes its meaning from one that ends texts; of several meanings of its own the
    /// first counts, STOP before all.
    #[must_use]
    pub fn meaning(&self, text: &str) -> Option<Keyword> {
        let text = text.trim();
        if text.chars().nth(KEYWORD_TEXT_MAX).is_some() {
            return None;
        }
        let said = fold(text);
        let usual = built_in(&said);
        if usual == Some(Keyword::Stop) {
            return usual;
        }
        let own = self.own.iter().filter(|(word, _)| *word == said);
        let own = own.map(|(_, keyword)| *keyword).min();
        own.or(usual)
    }

    /// Whether a text that is no keyword may ask for no more texts all the same.
    #[must_use]
    pub fn may_mean_stop(&self, text: &str) -> bool {
        if text.chars().nth(WISH_TEXT_MAX).is_some() || self.meaning(text).is_some() {
            return false;
        }
        let said = fold(text);
        let asks = |word: &str| {
            let own = |(known, keyword): &(String, Keyword)| {
                *keyword == Keyword::Stop && known.as_str() == word
            };
            WISH_WORDS.contains(&word) || self.own.iter().any(own)
        };
        said.split(' ').any(asks)
    }
}

fn built_in(said: &str) -> Option<Keyword> {
    for (words, keyword) in [
        (STOP_WORDS.as_slice(), Keyword::Stop),
        (START_WORDS.as_slice(), Keyword::Start),
        (HELP_WORDS.as_slice(), Keyword::Help),
    ] {
        if words.contains(&said) {
            return Some(keyword);
        }
    }
    let plain: Vec<&str> = said
        .split(' ')
        .filter(|word| !POLITE_WORDS.contains(word))
        .collect();
    YES_WORDS
        .contains(&plain.join(" ").as_str())
        .then_some(Keyword::Yes)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(texts: &[&str], meaning: Option<Keyword>) {
        for text in texts {
            assert_eq!(Keywords::default().meaning(text), meaning, "{text}");
        }
    }

    #[test]
    fn a_keyword_is_all_of_a_text_whatever_its_case_accents_and_points() {
        let stop = [
            "STOP",
            " stop. ",
            "«Stop!»",
            "Arrêt",
            "ARRET",
            "arre\u{302}t",
            "opt-out",
            "UNSUBSCRIBE!",
            "Désabonner",
            "S.T.O.P.",
        ];
        check(&stop, Some(Keyword::Stop));
        check(&["START", "Unstop!", "reprendre"], Some(Keyword::Start));
        check(&["HELP", "help?", "Aide", "info"], Some(Keyword::Help));
        let yes = [
            "1",
            "Yes please",
            "OK!",
            "oui, merci",
            " Confirmé. ",
            "Reçu",
            "JA",
        ];
        check(&yes, Some(Keyword::Yes));
        let nothing = [
            "",
            "please",
            "no",
            "11",
            "yes but where?",
            "Help, the water rises",
            "Start the pumps",
            "When does it end",
        ];
        check(&nothing, None);
        check(&["please stop", "stop sms svp", "Don't stop"], None);
        let padded = format!("STOP ALL{}", " ".repeat(100));
        check(&["Stop all!", &padded], Some(Keyword::Stop));
        check(&["STOP ".repeat(10_000).as_str()], None);
    }

    #[test]
    fn what_may_be_a_wish_is_told_from_what_is_one() {
        let words = Keywords::default();
        for text in ["please stop", "Arrêt SMS svp", "Stop the bus"] {
            assert!(words.may_mean_stop(text), "{text}");
        }
        for text in ["STOP", "When does it end", "stopover", "", "1"] {
            assert!(!words.may_mean_stop(text), "{text}");
        }
        assert!(!words.may_mean_stop(&format!("stop{}", " a".repeat(100))));
    }

    #[test]
    fn an_installation_adds_words_of_its_own() {
        let own = ["Schluß".to_owned(), "  ".to_owned()];
        let words = Keywords::default().with(Keyword::Stop, &own);
        assert_eq!(words.meaning("SCHLUSS."), Some(Keyword::Stop));
        assert_eq!(words.meaning(""), None);
        assert!(words.may_mean_stop("Bitte Schluss"));
        let over = Keywords::default().with(Keyword::Help, &["OK".to_owned()]);
        assert_eq!(over.meaning("ok"), Some(Keyword::Help), "ours come first");
        let both = Keywords::default()
            .with(Keyword::Help, &["Stop".to_owned(), "Genug".to_owned()])
            .with(Keyword::Stop, &["genug".to_owned()]);
        for text in ["stop", "GENUG"] {
            assert_eq!(both.meaning(text), Some(Keyword::Stop), "{text}");
        }
    }
}
