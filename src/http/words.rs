//! The words of the pages: one file per language, `key = text` a line.
//!
//! Another language is another file and its line in [`CATALOGUES`]; a key that it lacks is
//! taken from English. What the domain itself says in English (statuses, reasons) is looked up
//! by its English text and stands as it is when no translation is there.

use std::collections::HashMap;
use std::fmt::Display;
use std::sync::LazyLock;

use crate::domain::Sentence;
use crate::domain::sentence::fill;

/// The languages there are; the first is the fallback.
const CATALOGUES: &[(&str, &str)] = &[
    ("en", include_str!("words/en.txt")),
    ("fr", include_str!("words/fr.txt")),
];

static ALL: LazyLock<Vec<Words>> = LazyLock::new(|| {
    CATALOGUES
        .iter()
        .map(|(language, file)| Words {
            language,
            texts: parse(file),
        })
        .collect()
});

/// The words of one language.
#[derive(Debug)]
pub(crate) struct Words {
    pub(crate) language: &'static str,
    texts: HashMap<&'static str, &'static str>,
}

fn parse(file: &'static str) -> HashMap<&'static str, &'static str> {
    file.lines()
        .filter(|line| !line.starts_with('#'))
        .filter_map(|line| line.split_once(" = "))
        .map(|(key, text)| (key.trim(), text.trim()))
        .collect()
}

impl Words {
    /// The words of a language (ISO 639-1), or English.
    pub(crate) fn of(language: &str) -> &'static Self {
        Self::known(language).unwrap_or(&ALL[0])
    }

    /// The words of a language (ISO 639-1), if there are any.
    pub(crate) fn known(language: &str) -> Option<&'static Self> {
        let known = |words: &&Self| words.language.eq_ignore_ascii_case(language);
        ALL.iter().find(known)
    }

    /// The languages there are, each with its name in itself.
    pub(crate) fn languages() -> impl Iterator<Item = (&'static str, &'static str)> {
        ALL.iter()
            .map(|words| (words.language, words.t("language.name")))
    }

    /// Every key with its text.
    #[cfg(test)]
    pub(crate) fn all(&self) -> impl Iterator<Item = (&'static str, &'static str)> {
        self.texts.iter().map(|(key, text)| (*key, *text))
    }

    /// The text of a key.
    pub(crate) fn t(&self, key: &'static str) -> &'static str {
        let own = self.texts.get(key);
        own.or_else(|| ALL[0].texts.get(key))
            .copied()
            .unwrap_or(key)
    }

    /// The text of a key with `{0}`, `{1}` filled in.
    pub(crate) fn fill(&self, key: &'static str, values: &[&dyn Display]) -> String {
        let values: Vec<String> = values.iter().map(ToString::to_string).collect();
        let values: Vec<&str> = values.iter().map(String::as_str).collect();
        fill(self.t(key), &values)
    }

    /// A whole number with what stands between thousands.
    pub(crate) fn number(&self, number: impl Display) -> String {
        let digits = number.to_string();
        let between = self.t("number.thousands").trim_matches(['0', '1']);
        let mut text = String::with_capacity(digits.len() * 2);
        for (index, digit) in digits.chars().enumerate() {
            if index > 0 && (digits.len() - index).is_multiple_of(3) {
                text.push_str(between);
            }
            text.push(digit);
        }
        text
    }

    /// The text for so many: `key.one` or `key.many`, `{0}` filled in.
    pub(crate) fn count(&self, one: &'static str, many: &'static str, count: u64) -> String {
        let singular = count == 1 || (count == 0 && self.t("plural.zero") == "one");
        let number = self.number(count);
        self.fill(if singular { one } else { many }, &[&number])
    }

    /// What the domain says, in this language.
    pub(crate) fn say<'a>(&self, english: &'a str) -> &'a str
    where
        'static: 'a,
    {
        self.texts.get(english).copied().unwrap_or(english)
    }

    /// A sentence of the domain, in this language.
    pub(crate) fn tell(&self, sentence: &Sentence) -> String {
        sentence.say(|english| self.say(english))
    }

    /// What the domain says, with a capital first letter: a word that stands alone.
    pub(crate) fn label(&self, english: &str) -> String {
        let text = self.say(english);
        let mut chars = text.chars();
        chars.next().map_or_else(String::new, |first| {
            first.to_uppercase().chain(chars).collect()
        })
    }
}

#[cfg(test)]
#[path = "words_tests.rs"]
mod tests;
