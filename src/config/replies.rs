//! `[replies]`: what is done by itself with what people write back.

use serde::Serialize;

use super::names::filled;
use super::reader::Section;
use super::server::language;

/// Characters of a text that is answered to a keyword: two messages.
const TEXT_LEN_MAX: usize = 300;
/// What is filled in.
const ORGANISATION: &str = "{{ organisation }}";
/// Characters of a keyword.
const KEYWORD_LEN_MAX: usize = 40;

/// What is said in English, and in every language that has no texts.
const ENGLISH: [&str; 3] = [
    "You will get no more texts from {{ organisation }} at this number. Send START to get them again.",
    "You get texts from {{ organisation }} at this number again. Send STOP to end them.",
    "{{ organisation }} sends you news and alerts by text. Send STOP to end them.",
];
/// The same in French.
const FRENCH: [&str; 3] = [
    "Vous ne recevrez plus de SMS de {{ organisation }} à ce numéro. Envoyez START pour en recevoir à nouveau.",
    "Vous recevez à nouveau les SMS de {{ organisation }} à ce numéro. Envoyez STOP pour ne plus en recevoir.",
    "{{ organisation }} vous envoie des informations et des alertes par SMS. Envoyez STOP pour ne plus en recevoir.",
];

/// `[replies]`
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Replies {
    /// What is done with a new address or number in a reply. Default `"offer"`.
    pub repair: Repair,
    /// Most answers to keywords that go to one number in a day, and one more to a STOP; 0 for none
    /// at all. Default 3.
    pub answers_per_day_max: u32,
    /// `[[replies.language]]`. Default: English and French.
    #[serde(rename = "language")]
    pub languages: Vec<ReplyLanguage>,
}

/// What is done with an address or number that somebody writes.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Repair {
    /// Nothing.
    Off,
    /// It stands beside the reply, for somebody to take over with one click.
    Offer,
    /// The person is asked by itself to prove it; only then is it taken over.
    Automatic,
}

/// `[[replies.language]]`: words, and what is answered to them.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct ReplyLanguage {
    /// BCP 47.
    pub language: String,
    /// Further words that end texts. Default `[]`.
    pub stop: Vec<String>,
    /// Further words that begin them again. Default `[]`.
    pub start: Vec<String>,
    /// Further words that ask who writes. Default `[]`.
    pub help: Vec<String>,
    /// Further words that confirm. Default `[]`.
    pub yes: Vec<String>,
    /// Answer to the first; `{{ organisation }}` is replaced here and below.
    pub stopped: String,
    /// Answer to the second.
    pub started: String,
    /// Answer to the third.
    pub who: String,
}

impl Replies {
    pub(super) fn read(section: &Section<'_, '_>) -> Replies {
        let sections = section.sections("language").unwrap_or_default();
        let mut languages: Vec<ReplyLanguage> = Vec::with_capacity(sections.len());
        for section in &sections {
            if let Some(one) = ReplyLanguage::read(section) {
                one.check(section, &languages);
                languages.push(one);
            }
        }
        for (name, texts) in [("en", ENGLISH), ("fr", FRENCH)] {
            if languages.iter().all(|known| known.language != name) {
                languages.push(ReplyLanguage::with(name, texts));
            }
        }
        Replies {
            repair: section.choice("repair", Repair::Offer, REPAIRS),
            answers_per_day_max: section.integer("answers_per_day_max", 3, 0..=20),
            languages,
        }
    }
}

impl ReplyLanguage {
    fn with(language: &str, [stopped, started, who]: [&str; 3]) -> Self {
        Self {
            language: language.to_owned(),
            stop: Vec::new(),
            start: Vec::new(),
            help: Vec::new(),
            yes: Vec::new(),
            stopped: stopped.to_owned(),
            started: started.to_owned(),
            who: who.to_owned(),
        }
    }

    fn read(section: &Section<'_, '_>) -> Option<Self> {
        let name = section.required("language", language);
        let is_french = name.as_deref().is_some_and(|name| name.starts_with("fr"));
        let [stopped, started, who] = if is_french { FRENCH } else { ENGLISH };
        let words = |key| section.list(key, Vec::new(), keyword);
        let answer = |key, default: &str| {
            let text = section.parsed(key, text);
            text.unwrap_or_else(|| default.to_owned())
        };
        let read = Self {
            language: String::new(),
            stop: words("stop"),
            start: words("start"),
            help: words("help"),
            yes: words("yes"),
            stopped: answer("stopped", stopped),
            started: answer("started", started),
            who: answer("who", who),
        };
        name.map(|language| Self { language, ..read })
    }

    /// Each language stands there once, and each word means one thing, whatever language it comes in.
    fn check(&self, section: &Section<'_, '_>, earlier: &[Self]) {
        if earlier.iter().any(|known| known.language == self.language) {
            section.mistake("language", "is there twice");
        }
        for (key, word) in self.words() {
            let lower = word.to_lowercase();
            let others = earlier.iter().chain([self]).flat_map(Self::words);
            let mut same = others.filter(|(_, other)| other.to_lowercase() == lower);
            if same.any(|(other, _)| other != key) {
                section.mistake(key, format!("\"{word}\" means something else, too"));
            }
        }
    }

    /// Its words, each with the key under which it stands.
    fn words(&self) -> Vec<(&'static str, &str)> {
        let lists = [
            ("stop", &self.stop),
            ("start", &self.start),
            ("help", &self.help),
            ("yes", &self.yes),
        ];
        let words = lists.into_iter();
        words
            .flat_map(|(key, list)| list.iter().map(move |word| (key, word.as_str())))
            .collect()
    }
}

const REPAIRS: &[(&str, Repair)] = &[
    ("off", Repair::Off),
    ("offer", Repair::Offer),
    ("automatic", Repair::Automatic),
];

fn keyword(text: &str) -> Result<String, String> {
    let word = filled(text)?;
    let has_letters = word.chars().any(char::is_alphanumeric);
    if has_letters && word.chars().count() <= KEYWORD_LEN_MAX {
        return Ok(word);
    }
    Err(format!(
        "\"{text}\" is no keyword: letters or digits, {KEYWORD_LEN_MAX} characters at most"
    ))
}

fn text(text: &str) -> Result<String, String> {
    let said = filled(text)?;
    if said.replace(ORGANISATION, "").contains("{{") {
        return Err(format!("has another placeholder than {ORGANISATION}"));
    }
    match said.chars().count() <= TEXT_LEN_MAX {
        true => Ok(said),
        false => Err(format!("is longer than {TEXT_LEN_MAX} characters")),
    }
}
