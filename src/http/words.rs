//! The words of the pages: one file per language, `key = text` a line.
//!
//! Another language is another file and its line in [`CATALOGUES`]; a key that it lacks is
//! taken from English. What the domain itself says in English (statuses, reasons) is looked up
//! by its English text and stands as it is when no translation is there.

use std::collections::HashMap;
use std::fmt::Display;
use std::sync::LazyLock;

/// The languages there are; the first is the fallback.
const CATALOGUES: &[(&str, &str)] = &[("en", include_str!("words/en.txt"))];

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
        let found = ALL.iter().find(|words| words.language == language);
        found.unwrap_or(&ALL[0])
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
        let mut text = self.t(key).to_owned();
        for (index, value) in values.iter().enumerate() {
            text = text.replace(&format!("{{{index}}}"), &value.to_string());
        }
        text
    }

    /// The text for so many: `key.one` or `key.many`, `{0}` filled in.
    pub(crate) fn count(&self, one: &'static str, many: &'static str, count: u64) -> String {
        let singular = count == 1 || (count == 0 && self.t("plural.zero") == "one");
        self.fill(if singular { one } else { many }, &[&count])
    }

    /// What the domain says, in this language.
    pub(crate) fn say<'a>(&self, english: &'a str) -> &'a str
    where
        'static: 'a,
    {
        self.texts.get(english).copied().unwrap_or(english)
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
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;
    use std::collections::BTreeSet;

    /// Every `key.like.this` in quotes in templates and code.
    fn used() -> BTreeSet<String> {
        let mut found = BTreeSet::new();
        let root = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("src/http");
        for folder in [root.clone(), root.join("templates"), root.join("pages")] {
            let entries = std::fs::read_dir(folder).unwrap();
            for path in entries
                .map(|entry| entry.unwrap().path())
                .filter(|path| path.is_file())
            {
                let text = std::fs::read_to_string(path).unwrap();
                found.extend(text.split('"').map(str::to_owned));
            }
        }
        found
    }

    #[test]
    fn every_key_is_used() {
        let used = used();
        for key in ALL[0].texts.keys() {
            assert!(used.contains(*key), "nothing uses {key}");
        }
    }

    #[test]
    fn every_used_key_is_there() {
        let groups: BTreeSet<&str> = ALL[0]
            .texts
            .keys()
            .filter_map(|key| key.split_once('.'))
            .map(|(group, _)| group)
            .collect();
        for key in used() {
            let looks_like_one = key.split_once('.').is_some_and(|(group, rest)| {
                groups.contains(group)
                    && !rest.is_empty()
                    && !rest.ends_with("html")
                    && rest.chars().all(|c| {
                        c.is_ascii_lowercase() || c.is_ascii_digit() || c == '.' || c == '_'
                    })
            });
            assert!(
                !looks_like_one || ALL[0].texts.contains_key(key.as_str()),
                "{key} is missing"
            );
        }
    }

    #[test]
    fn fills_and_counts() {
        let words = Words::of("xx");
        assert_eq!(words.language, "en");
        assert_eq!(words.label("no answer"), "No answer");
        assert_eq!(words.t("there.is.none"), "there.is.none");
        assert!(
            words
                .count("people.one", "people.many", 3)
                .starts_with("3 ")
        );
    }
}
