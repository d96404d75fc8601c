//! The catalogues hold the same, and what the domain says is in all of them.
#![allow(clippy::unwrap_used)]

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};

use super::*;
use crate::domain::verdict::{BounceClass, Permanence, Reason};
use crate::domain::{CallStatus, Status};

fn source(folder: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR"))
        .join("src")
        .join(folder)
}

/// The text of every file under a folder, without what is only for tests.
fn texts(folder: &Path) -> Vec<(PathBuf, String)> {
    let mut found = Vec::new();
    for entry in std::fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            found.extend(texts(&path));
        } else if ![".toml", "tests.rs"]
            .iter()
            .any(|end| path.to_string_lossy().ends_with(end))
        {
            let text = std::fs::read_to_string(&path).unwrap_or_default();
            let code = text.split("\n#[cfg(test)]").next().unwrap_or_default();
            found.push((path, code.to_owned()));
        }
    }
    found
}

/// Every `key.like.this` in quotes in templates and code; what routes do has names of its own.
fn used() -> BTreeSet<String> {
    let mut found = BTreeSet::new();
    let acts = source("http/access/table");
    let files = texts(&source("http")).into_iter();
    for (_, text) in files.filter(|(path, _)| !path.starts_with(&acts)) {
        found.extend(text.split('"').map(str::to_owned));
    }
    found
}

/// The string literals of Rust code, without those in comments. Line continuations are joined.
fn literals(code: &str) -> Vec<String> {
    let code: Vec<&str> = code
        .lines()
        .filter(|line| !line.trim_start().starts_with("//"))
        .collect();
    let code = code.join("\n").replace("\\\"", "”").replace("'\"'", "");
    let quoted = code.split('"').skip(1).step_by(2);
    let joined = quoted.map(|text| {
        let mut pieces = text.split("\\\n");
        let first = pieces.next().unwrap_or_default().to_owned();
        pieces.fold(first, |all, piece| all + piece.trim_start())
    });
    joined.collect()
}

fn is_key(text: &str) -> bool {
    let word = |c: char| c.is_ascii_lowercase() || c.is_ascii_digit() || c == '.' || c == '_';
    text.contains('.') && text.chars().all(word)
}

/// What the domain and its neighbour say: whole sentences, explanations, names "in pages".
fn said() -> BTreeSet<String> {
    let mut said = BTreeSet::new();
    for folder in ["domain", "templates", "submit", "contacts_file"] {
        // Messages to people stand there in all their languages, side by side.
        let own = |path: &Path| {
            path.ends_with("verification_texts.rs") || path.ends_with("confirmation_texts.rs")
        };
        let files = texts(&source(folder)).into_iter();
        for (_, code) in files.filter(|(path, _)| !own(path)) {
            said.extend(literals(&code).into_iter().filter(|text| {
                text.starts_with(|c: char| c.is_ascii_uppercase())
                    && text.ends_with('.')
                    && text.contains(' ')
            }));
            let named = code.split("/// Its name in pages and files.").skip(1);
            for body in named.chain(code.split("fn explain(").skip(1)) {
                let body = body.split("\n    }\n").next().unwrap_or_default();
                let patterns = literals(body).into_iter();
                said.extend(patterns.filter(|text| !text.starts_with('{')));
            }
        }
    }
    said
}

fn places(text: &str) -> BTreeSet<char> {
    let digit = |piece: &str| {
        let mut chars = piece.chars();
        let digit = chars.next().filter(char::is_ascii_digit)?;
        (chars.next() == Some('}')).then_some(digit)
    };
    text.split('{').skip(1).filter_map(digit).collect()
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
        let looks_like_one = is_key(&key)
            && key.split_once('.').is_some_and(|(group, rest)| {
                groups.contains(group) && !rest.is_empty() && !rest.ends_with("html")
            });
        assert!(
            !looks_like_one || ALL[0].texts.contains_key(key.as_str()),
            "{key} is missing"
        );
    }
}

/// A file is parsed line by line: a second line of a key would silently win.
#[test]
fn no_key_stands_twice_and_every_line_is_understood() {
    for (language, file) in CATALOGUES {
        let mut seen = BTreeSet::new();
        for line in file.lines().filter(|line| !line.starts_with('#')) {
            assert!(
                line.is_empty() || line.contains(" = "),
                "{language}: {line}"
            );
            let key = line.split(" = ").next().unwrap();
            assert!(
                line.is_empty() || seen.insert(key),
                "{language}: {key} twice"
            );
        }
    }
}

#[test]
fn every_language_has_the_same_keys_and_places() {
    let english = &ALL[0];
    for words in ALL.iter() {
        for (key, text) in &english.texts {
            let own = words.texts.get(key);
            let own = own.unwrap_or_else(|| panic!("{}: {key} is missing", words.language));
            assert!(!own.is_empty(), "{}: {key} is empty", words.language);
            assert_eq!(places(own), places(text), "{}: {key}", words.language);
        }
        for (key, text) in &words.texts {
            if is_key(key) {
                assert!(english.texts.contains_key(key), "{}: {key}", words.language);
            } else {
                assert_eq!(places(key), places(text), "{}: {key}", words.language);
            }
        }
    }
}

#[test]
fn what_the_domain_says_is_translated() {
    let said = said();
    for known in ["marked as spam", "citizen", "The recipient is away."] {
        assert!(said.contains(known), "the sources were not read: {known}");
    }
    for words in ALL.iter().skip(1) {
        let lacking: Vec<&String> = said
            .iter()
            .filter(|english| !words.texts.contains_key(english.as_str()))
            .collect();
        assert!(lacking.is_empty(), "{} lacks: {lacking:#?}", words.language);
    }
}

/// The same by value: every status, reason, class, and what else has a list.
#[test]
fn no_status_or_reason_is_left_in_english() {
    let mut said: Vec<String> = Vec::new();
    for status in Status::all() {
        said.extend([status.as_str().to_owned(), status.explain().to_owned()]);
    }
    said.extend(Reason::ALL.map(|reason| reason.explain().to_owned()));
    for class in BounceClass::ALL {
        said.extend([class.as_str().replace('_', " "), class.explain().to_owned()]);
    }
    for permanence in [Permanence::Permanent, Permanence::Temporary] {
        said.extend([
            permanence.as_str().to_owned(),
            permanence.explain().to_owned(),
        ]);
    }
    for words in ALL.iter().skip(1) {
        for english in &said {
            assert!(words.texts.contains_key(english.as_str()), "{english}");
        }
    }
}

/// A translation whose English text has been changed since would never be found again.
#[test]
fn every_translation_belongs_to_something_said() {
    let files = texts(&source(""));
    let said = |english: &str| {
        let literal = format!("\"{english}\"");
        files.iter().any(|(_, code)| code.contains(&literal))
    };
    for words in ALL.iter().skip(1) {
        for english in words.texts.keys().filter(|key| !is_key(key)) {
            let there = said(english) || said(&english.replace(' ', "_"));
            assert!(there, "{}: nothing says {english:?}", words.language);
        }
    }
}

#[test]
fn french_is_set_as_french_is() {
    for (key, text) in &Words::of("fr").texts {
        assert!(!text.contains('\''), "{key}: the apostrophe is ’");
        for sign in [';', ':', '!', '?', '»'] {
            for (at, _) in text.match_indices(sign) {
                let before = text[..at].chars().next_back();
                // But for addresses of pictures.
                let is_scheme = text[..at].ends_with("cid");
                let narrow = is_scheme || before.is_none_or(|c| c == '\u{202f}');
                assert!(narrow, "{key}: U+202F before {sign}");
            }
        }
        let opened = text.split('«').skip(1);
        for after in opened {
            assert!(after.starts_with('\u{202f}'), "{key}: U+202F behind «");
        }
    }
}

#[test]
fn fills_and_counts() {
    let words = Words::of("xx");
    assert_eq!(words.language, "en");
    assert_eq!(words.label("no answer"), "No answer");
    assert_eq!(words.t("there.is.none"), "there.is.none");
    assert_eq!(words.count("people.one", "people.many", 0), "0 people");
    assert_eq!(words.count("people.one", "people.many", 3), "3 people");
    let french = Words::of("fr");
    assert_eq!(french.count("people.one", "people.many", 0), "0 personne");
    assert_eq!(french.count("people.one", "people.many", 1), "1 personne");
    assert_eq!(french.count("people.one", "people.many", 2), "2 personnes");
    let of_many = |words: &Words, number| words.count("people.one", "people.many", number);
    assert_eq!(of_many(words, 999), "999 people");
    assert_eq!(of_many(words, 200_000), "200,000 people");
    assert_eq!(
        of_many(french, 1_000_000),
        "1\u{202f}000\u{202f}000 personnes"
    );
    let busy = Status::Call(CallStatus::Busy);
    assert_eq!(french.label(busy.as_str()), "Occupé");
}

#[test]
fn tells_sentences_with_what_fills_them() {
    let long = Sentence::with("This is too long: at most {0} characters.", &[&200]);
    assert_eq!(Words::of("en").tell(&long), long.to_string());
    assert_eq!(
        Words::of("fr").tell(&long),
        "C’est trop long\u{202f}: 200 caractères au plus."
    );
    let error = crate::domain::EmailAddress::parse("nobody").unwrap_err();
    assert_eq!(
        Words::of("fr").tell(&Sentence::from(&error)),
        "Ce n’est pas une adresse e-mail\u{202f}: il manque le @."
    );
}
