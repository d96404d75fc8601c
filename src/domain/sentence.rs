//! Plain sentences that can be said in other languages: an English pattern, and what fills it.

use std::fmt;

/// A sentence for people. Its English pattern is also the key under which translations stand;
/// `{0}`, `{1}` in it are filled from the parts.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Sentence {
    /// The English pattern.
    pub english: &'static str,
    /// What fills it, in order.
    pub parts: Vec<Part>,
}

/// What fills a place in a sentence.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Part {
    /// A number, a name: the same in every language.
    Text(String),
    /// English words that are translated too.
    Words(&'static str),
}

impl Sentence {
    /// A sentence with texts and numbers filled in.
    #[must_use]
    pub fn with(english: &'static str, values: &[&dyn fmt::Display]) -> Self {
        let parts = values.iter().map(|value| Part::Text(value.to_string()));
        Self {
            english,
            parts: parts.collect(),
        }
    }

    /// A sentence with other words of ours filled in.
    #[must_use]
    pub fn about(english: &'static str, words: &'static str) -> Self {
        Self {
            english,
            parts: vec![Part::Words(words)],
        }
    }

    /// The sentence in a language: `translate` gives the translation of English words of ours.
    pub fn say(&self, translate: impl Fn(&'static str) -> &'static str) -> String {
        let parts: Vec<&str> = self
            .parts
            .iter()
            .map(|part| match part {
                Part::Text(text) => text.as_str(),
                Part::Words(words) => translate(words),
            })
            .collect();
        fill(translate(self.english), &parts)
    }
}

impl From<&'static str> for Sentence {
    fn from(english: &'static str) -> Self {
        Self {
            english,
            parts: Vec::new(),
        }
    }
}

/// In English.
impl fmt::Display for Sentence {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.say(|english| english))
    }
}

/// Fills `{0}` to `{9}`; a place without a value stays as it is. What is filled in is not looked
/// at again: a value may hold braces.
#[must_use]
pub fn fill(pattern: &str, values: &[&str]) -> String {
    let mut filled = String::with_capacity(pattern.len());
    let mut rest = pattern;
    while let Some(at) = rest.find('{') {
        let place = &rest.as_bytes()[at..];
        let value = match place {
            [b'{', digit @ b'0'..=b'9', b'}', ..] => values.get(usize::from(digit - b'0')),
            _ => None,
        };
        let taken = match value {
            Some(value) => {
                filled.push_str(&rest[..at]);
                filled.push_str(value);
                at + 3
            }
            None => {
                filled.push_str(&rest[..=at]);
                at + 1
            }
        };
        rest = &rest[taken..];
    }
    filled.push_str(rest);
    filled
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_filled_in_is_not_looked_at_again() {
        assert_eq!(fill("{0} to {1}", &["{1}", "b"]), "{1} to b");
        assert_eq!(fill("{1}{0}", &["a", "b"]), "ba");
        assert_eq!(fill("{2} { {x} {0", &["a"]), "{2} { {x} {0");
        assert_eq!(fill("é{0}é", &["ü"]), "éüé");
    }

    #[test]
    fn says_itself_in_any_language() {
        let sentence = Sentence::with("At most {0} areas.", &[&12]);
        assert_eq!(sentence.to_string(), "At most 12 areas.");
        let french = |english: &'static str| match english {
            "No address: {0}." => "Pas une adresse : {0}.",
            "it is empty" => "rien n’est saisi",
            other => other,
        };
        let sentence = Sentence::about("No address: {0}.", "it is empty");
        assert_eq!(sentence.to_string(), "No address: it is empty.");
        assert_eq!(sentence.say(french), "Pas une adresse : rien n’est saisi.");
    }
}
