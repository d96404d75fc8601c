//! What mail systems say, and what it means: read from `words.toml`.

use std::collections::HashMap;
use std::fmt;
use std::sync::LazyLock;

use aho_corasick::{AhoCorasick, AhoCorasickKind, MatchKind};
use serde::Deserialize;

use super::smtp_reply::Phase;
use super::text::{Phrase, Phrases, normalise};
use crate::domain::{EnhancedStatus, Fault, Permanence, Reason, RuleName, Verdict};

/// The rules that every gateway has.
const BUILT_IN: &str = include_str!("words.toml");

/// The file of rules.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct File {
    rule: Vec<FileRule>,
    phase: Vec<FilePhase>,
    status: HashMap<String, String>,
    code: HashMap<String, String>,
    #[serde(default)]
    exit: HashMap<String, String>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct FilePhase {
    phase: Phase,
    source: String,
    phrases: Vec<String>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct FileRule {
    name: String,
    reason: String,
    source: String,
    #[serde(default)]
    holds: Holds,
    /// Where it is not the usual one of the reason.
    fault: Option<FileFault>,
    phrases: Vec<String>,
}

/// Whose doing a refusal is, as the file names it.
#[derive(Debug, Clone, Copy, Deserialize)]
#[serde(rename_all = "snake_case")]
enum FileFault {
    Recipient,
    Sender,
    Network,
}

impl From<FileFault> for Fault {
    fn from(fault: FileFault) -> Self {
        match fault {
            FileFault::Recipient => Self::Recipient,
            FileFault::Sender => Self::Sender,
            FileFault::Network => Self::Network,
        }
    }
}

/// When in the dialogue an answer may come to be believed of the recipient. Servers that know
/// their users say so at RCPT; one that says it after the message was handed over has judged the
/// message for that user.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Default, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Holds {
    /// In answer to RCPT alone.
    #[default]
    AtRecipient,
    /// Also where a report does not tell when it was said: whoever keeps the directory said it.
    Untold,
    /// Whenever it was said: the server looks into its directory late.
    Always,
}

/// A rule that speaks of words.
struct WordRule {
    name: String,
    reason: Reason,
    source: String,
    holds: Holds,
    fault: Option<Fault>,
}

/// What the words of an answer mean, and which rule says so.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Said {
    /// Why.
    pub reason: Reason,
    /// The rule that decided.
    pub rule: RuleName,
    /// When it may be believed of the recipient.
    pub holds: Holds,
    /// Whose doing it is, where it is not the usual one of the reason.
    pub fault: Option<Fault>,
}

impl Said {
    /// The failure that it tells of.
    pub(super) fn failure(self, permanence: Permanence) -> Verdict {
        let verdict = Verdict::failure(self.reason, permanence);
        Verdict {
            fault: self.fault.unwrap_or(verdict.fault),
            ..verdict
        }
        .by(self.rule)
    }
}

/// Why rules cannot be used.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum RulesError {
    /// The file is not what it should be.
    #[error("the rules cannot be read: {0}")]
    File(String),
    /// A reason that there is not.
    #[error("rule {rule} names the reason {reason}, which there is not")]
    Reason {
        /// Where.
        rule: String,
        /// What is written there.
        reason: String,
    },
    /// A phrase that finds everything or nothing.
    #[error("the phrase {0:?} is empty or not in the form in which text is compared")]
    Phrase(String),
    /// There are more phrases than one automaton can hold.
    #[error("too many phrases")]
    TooMany,
}

/// Every rule, ready to be asked. Looks through a text once, however many phrases there are.
pub struct Rules {
    rules: Vec<WordRule>,
    /// In the order in which they decide, each with its rule.
    phrases: Vec<(Phrase, usize)>,
    /// Finds where phrases may begin.
    beginnings: AhoCorasick,
    /// Which phrases begin so, for each pattern of [`Self::beginnings`], those first that decide
    /// first.
    begun: Vec<Vec<usize>>,
    /// Words that tell where in the dialogue an answer came; the first that are there decide.
    phases: Vec<(Phase, Phrases)>,
    status: HashMap<(u16, u16), Reason>,
    code: HashMap<u16, Reason>,
    exit: HashMap<u16, Reason>,
}

impl fmt::Debug for Rules {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Rules")
            .field("rules", &self.rules.len())
            .field("phrases", &self.phrases.len())
            .finish_non_exhaustive()
    }
}

impl Rules {
    /// The rules of the file.
    ///
    /// # Panics
    /// Never: a test reads the same file.
    #[must_use]
    #[allow(clippy::expect_used)]
    pub fn built_in() -> &'static Self {
        static RULES: LazyLock<Rules> =
            LazyLock::new(|| Rules::read(BUILT_IN).expect("the built-in rules are sound"));
        &RULES
    }

    /// Rules of a file in the form of the built-in one.
    ///
    /// # Errors
    /// When the file has mistakes.
    pub fn read(text: &str) -> Result<Self, RulesError> {
        let file: File =
            toml::from_str(text).map_err(|error| RulesError::File(error.to_string()))?;
        let mut rules = Vec::with_capacity(file.rule.len());
        let mut phrases = Vec::new();
        for one in file.rule {
            phrases.extend(one.phrases.into_iter().map(|phrase| (phrase, rules.len())));
            rules.push(WordRule {
                reason: reason_named(&one.name, &one.reason)?,
                name: one.name,
                source: one.source,
                holds: one.holds,
                fault: one.fault.map(Fault::from),
            });
        }
        let number = |text: &str| text.parse::<u16>().ok();
        let mut status = HashMap::new();
        for (code, reason) in &file.status {
            let parts = code.split_once('.');
            let parts = parts.and_then(|(one, other)| Some((number(one)?, number(other)?)));
            let key = parts.ok_or_else(|| RulesError::File(code.clone()))?;
            status.insert(key, reason_named(code, reason)?);
        }
        let numbered = |table: &HashMap<String, String>| {
            let rows = table.iter().map(|(text, reason)| {
                let key = number(text).ok_or_else(|| RulesError::File(text.clone()))?;
                Ok((key, reason_named(text, reason)?))
            });
            rows.collect::<Result<HashMap<u16, Reason>, RulesError>>()
        };
        let mut phases = Vec::with_capacity(file.phase.len());
        for one in file.phase {
            let unusable = one.phrases.iter().find(|text| Phrase::read(text).is_none());
            if let Some(text) = unusable {
                return Err(RulesError::Phrase(text.clone()));
            }
            if one.source.is_empty() {
                return Err(RulesError::File("a phase without a source".to_owned()));
            }
            phases.push((one.phase, Phrases::of(&one.phrases)));
        }
        Ok(Self {
            phases,
            status,
            code: numbered(&file.code)?,
            exit: numbered(&file.exit)?,
            ..Self::of(rules, phrases)?
        })
    }

    fn of(rules: Vec<WordRule>, written: Vec<(String, usize)>) -> Result<Self, RulesError> {
        let mut phrases = Vec::with_capacity(written.len());
        let mut places: HashMap<String, usize> = HashMap::new();
        let mut begun: Vec<Vec<usize>> = Vec::new();
        let mut patterns: Vec<String> = Vec::new();
        for (text, rule) in written {
            let unusable = || RulesError::Phrase(text.clone());
            let phrase = Phrase::read(&text).ok_or_else(unusable)?;
            let beginning = phrase.beginning().to_owned();
            let place = *places.entry(beginning).or_insert_with_key(|beginning| {
                patterns.push(beginning.clone());
                begun.push(Vec::new());
                patterns.len() - 1
            });
            if let Some(begun) = begun.get_mut(place) {
                begun.push(phrases.len());
            }
            phrases.push((phrase, rule));
        }
        let beginnings = AhoCorasick::builder()
            .match_kind(MatchKind::Standard)
            .kind(Some(AhoCorasickKind::DFA))
            .build(&patterns)
            .map_err(|_| RulesError::TooMany)?;
        Ok(Self {
            rules,
            phrases,
            beginnings,
            begun,
            phases: Vec::new(),
            status: HashMap::new(),
            code: HashMap::new(),
            exit: HashMap::new(),
        })
    }

    /// What the words of a text mean, if a rule knows them.
    #[must_use]
    pub fn of_words(&self, text: &str) -> Option<Said> {
        self.of_normal(&normalise(text))
    }

    /// The same for text that is normalised already.
    pub(super) fn of_normal(&self, text: &str) -> Option<Said> {
        let mut first = self.phrases.len();
        for found in self.beginnings.find_overlapping_iter(text) {
            let begun = self.begun.get(found.pattern().as_usize());
            // Those in front decide before what was found already; the rest cannot any more.
            for place in begun
                .into_iter()
                .flatten()
                .take_while(|place| **place < first)
            {
                let phrase = self.phrases.get(*place).map(|(phrase, _)| phrase);
                if phrase.is_some_and(|phrase| phrase.stands_at(text, found.start())) {
                    first = *place;
                    break;
                }
            }
        }
        let (phrase, rule) = self.phrases.get(first)?;
        let rule = self.rules.get(*rule)?;
        Some(Said {
            reason: rule.reason,
            rule: RuleName::of_words(&rule.name, phrase.written()),
            holds: rule.holds,
            fault: rule.fault,
        })
    }

    /// Where in the dialogue an answer came, as the words of a report have it, which are
    /// normalised already.
    pub(super) fn phase_in(&self, text: &str) -> Phase {
        let found = self.phases.iter().find(|(_, said)| said.stand_in(text));
        found.map_or(Phase::Unknown, |(phase, _)| *phase)
    }

    /// What an enhanced status code says when the words say nothing.
    pub(super) fn of_status(&self, status: EnhancedStatus) -> Option<Said> {
        let reason = *self.status.get(&(status.subject, status.detail))?;
        let rule = RuleName::of_status(status);
        Some(Said {
            reason,
            rule,
            holds: Holds::AtRecipient,
            fault: None,
        })
    }

    /// What a reply code alone says.
    pub(super) fn of_code(&self, code: u16) -> Option<Said> {
        let reason = *self.code.get(&code)?;
        let rule = RuleName::of_code(code);
        Some(Said {
            reason,
            rule,
            holds: Holds::AtRecipient,
            fault: None,
        })
    }

    /// What the exit status of a delivery program says.
    pub(super) fn of_exit(&self, status: u16) -> Reason {
        self.exit.get(&status).copied().unwrap_or(Reason::Mailer)
    }

    /// Where the words of a rule are laid down, or whose they are. Empty for one that there is
    /// not.
    #[must_use]
    pub fn source_of(&self, rule: &RuleName) -> &str {
        let named = self.rules.iter().find(|one| one.name == rule.name());
        named.map_or("", |one| &one.source)
    }
}

fn reason_named(rule: &str, name: &str) -> Result<Reason, RulesError> {
    Reason::from_name(name).ok_or_else(|| RulesError::Reason {
        rule: rule.to_owned(),
        reason: name.to_owned(),
    })
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;

    #[test]
    fn the_built_in_rules_are_sound() {
        let file: File = toml::from_str(BUILT_IN).unwrap();
        let mut names: Vec<&str> = file.rule.iter().map(|rule| rule.name.as_str()).collect();
        names.sort_unstable();
        names.dedup();
        assert_eq!(names.len(), file.rule.len(), "each name once");
        assert!(file.rule.iter().all(|rule| !rule.source.is_empty()));
        let mut seen: HashMap<&str, &str> = HashMap::new();
        for rule in &file.rule {
            for phrase in &rule.phrases {
                let before = seen.insert(phrase, &rule.name);
                assert_eq!(before, None, "{phrase:?} of {} decides nothing", rule.name);
            }
        }
        Rules::read(BUILT_IN).unwrap();
    }

    #[test]
    fn every_phrase_is_found_as_it_is_written() {
        let rules = Rules::built_in();
        let file: File = toml::from_str(BUILT_IN).unwrap();
        for phrase in file.rule.iter().flat_map(|rule| &rule.phrases) {
            let pieces = phrase.split('*').map(|piece| piece.trim_matches('_'));
            let text = pieces.collect::<Vec<_>>().join(" x ");
            assert!(rules.of_words(&text).is_some(), "{phrase:?} in {text:?}");
        }
    }

    #[test]
    fn the_first_rule_decides_wherever_its_words_stand() {
        let rules = Rules::built_in();
        let said = rules
            .of_words("policy; sender; over quota; user unknown")
            .unwrap();
        assert_eq!(said.reason, Reason::UserUnknown);
        assert_eq!(
            said.rule.as_str(),
            "recipient-unknown-plainly: user unknown"
        );
        assert!(rules.source_of(&said.rule).contains("RFC 5321"));
        assert_eq!(rules.of_words("good morning"), None);
        assert_eq!(rules.of_words(""), None);
    }

    #[test]
    fn phrases_that_find_everything_or_nothing_are_refused() {
        let long = "é".repeat(500);
        for phrase in [
            "",
            "*",
            "_",
            "User unknown",
            "a  b",
            " a",
            "x*",
            "*x",
            &long,
            "a",
            "b@c",
        ] {
            let rule = format!("name=\"a\"\nreason=\"spam\"\nsource=\"b\"\nphrases=[\"{phrase}\"]");
            let text = format!("phase = []\n[status]\n[code]\n[[rule]]\n{rule}\n");
            let refused = Rules::read(&text).unwrap_err();
            assert_eq!(refused, RulesError::Phrase(phrase.to_owned()));
        }
    }

    #[test]
    fn the_phase_is_read_from_the_words_of_a_report() {
        let rules = Rules::built_in();
        for (text, phase) in [
            (
                "said: 550 no (in reply to RCPT TO command)",
                Phase::Recipient,
            ),
            (
                "SMTP error after RCPT TO:<a@b.example>: host",
                Phase::Recipient,
            ),
            ("550 no (in reply to end of DATA command)", Phase::Message),
            ("SMTP error after MAIL FROM:<a@b.example>", Phase::Sender),
            ("refused to talk to me: 554 no", Phase::Session),
            ("it did not work", Phase::Unknown),
        ] {
            assert_eq!(rules.phase_in(&normalise(text)), phase, "{text}");
        }
    }

    #[test]
    fn a_file_with_mistakes_is_refused() {
        let tables = "phase = []\n[status]\n[code]\n";
        for text in [
            "",
            "[[rule]]\nname = \"a\"\n",
            &format!(
                "{tables}[[rule]]\nname=\"a\"\nreason=\"nonsense\"\nsource=\"b\"\nphrases=[\"c\"]\n"
            ),
            &format!(
                "{tables}[[rule]]\nname=\"a\"\nreason=\"spam\"\nsource=\"b\"\nphrases=[\"C\"]\n"
            ),
            "rule = []\nphase = []\n[status]\n\"1\" = \"spam\"\n[code]\n",
            "rule = []\nphase = []\n[status]\n[code]\nabc = \"spam\"\n",
        ] {
            assert!(Rules::read(text).is_err(), "{text}");
        }
    }
}
