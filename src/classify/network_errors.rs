//! Error codes in receipts: those of mobile networks, read from `network_errors.toml`, and those
//! that one carrier has of its own, from its settings.

use std::collections::BTreeMap;
use std::sync::LazyLock;

use serde::Deserialize;

use crate::domain::{Permanence, Reason, RuleName};

/// The codes that every network has.
const BUILT_IN: &str = include_str!("network_errors.toml");

/// Longest code of a carrier, in octets; an `err:` field that is longer is none.
const CARRIER_CODE_SIZE_MAX: usize = 32;

/// What a code means.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct CodeMeaning {
    /// Why.
    pub reason: Reason,
    /// Whether it lasts.
    pub permanence: Permanence,
    /// The rule that says so.
    pub rule: RuleName,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct File {
    code: Vec<FileCode>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct FileCode {
    code: u16,
    name: String,
    reason: String,
    lasts: bool,
    /// Where it is laid down: for whoever reads the file.
    #[allow(dead_code)]
    source: String,
}

/// What a code of a GSM network means (3GPP TS 29.002 section 17.6.6); none for one that says
/// nothing.
#[must_use]
#[allow(clippy::expect_used)]
pub fn of_network(code: u16) -> Option<&'static CodeMeaning> {
    static CODES: LazyLock<BTreeMap<u16, CodeMeaning>> =
        LazyLock::new(|| read(BUILT_IN).expect("the built-in codes are sound"));
    CODES.get(&code)
}

fn read(text: &str) -> Result<BTreeMap<u16, CodeMeaning>, String> {
    let file: File = toml::from_str(text).map_err(|error| error.to_string())?;
    let mut codes = BTreeMap::new();
    for one in file.code {
        let reason = Reason::from_name(&one.reason)
            .ok_or_else(|| format!("there is no reason {}", one.reason))?;
        let meaning = CodeMeaning {
            reason,
            permanence: permanence(one.lasts),
            rule: RuleName::of_words("network-error", &format!("{} {}", one.code, one.name)),
        };
        if codes.insert(one.code, meaning).is_some() {
            return Err(format!("code {} is there twice", one.code));
        }
    }
    Ok(codes)
}

const fn permanence(lasts: bool) -> Permanence {
    if lasts {
        Permanence::Permanent
    } else {
        Permanence::Temporary
    }
}

/// The codes that one carrier has of its own; they come before those of networks.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct ErrorCodes {
    codes: BTreeMap<String, CodeMeaning>,
}

impl ErrorCodes {
    /// From `error_codes` of a carrier: a code as it stands in `err:`, and what it means, such as
    /// `"user_unknown lasts"` or `"mailbox_full passes"`.
    ///
    /// # Errors
    /// The first thing that is wrong, in words.
    pub fn read(settings: &BTreeMap<String, String>) -> Result<Self, String> {
        let mut codes = BTreeMap::new();
        for (code, said) in settings {
            let key = plain(code).ok_or_else(|| format!("\"{code}\" is no error code"))?;
            let (name, lasts) = said.split_once(' ').ok_or_else(|| {
                format!("\"{said}\" must be a reason and \"lasts\" or \"passes\"")
            })?;
            let lasts = match lasts {
                "lasts" => true,
                "passes" => false,
                other => return Err(format!("\"{other}\" must be \"lasts\" or \"passes\"")),
            };
            let reason =
                Reason::from_name(name).ok_or_else(|| format!("there is no reason \"{name}\""))?;
            let meaning = CodeMeaning {
                reason,
                permanence: permanence(lasts),
                rule: RuleName::of_words("carrier-error", &key),
            };
            codes.insert(key, meaning);
        }
        Ok(Self { codes })
    }

    /// What a code means here.
    #[must_use]
    pub fn meaning(&self, code: &str) -> Option<&CodeMeaning> {
        self.codes.get(&plain(code)?)
    }

    /// There are none.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.codes.is_empty()
    }
}

/// A code as it is compared: in capitals, without leading zeros.
fn plain(code: &str) -> Option<String> {
    let code = code.trim();
    let is_code = (1..=CARRIER_CODE_SIZE_MAX).contains(&code.len());
    let stripped = code.trim_start_matches('0');
    let kept = if stripped.is_empty() { "0" } else { stripped };
    is_code.then(|| kept.to_ascii_uppercase())
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;
    use crate::domain::{Suspends, Verdict};

    #[test]
    fn the_file_is_sound_and_names_a_source_for_each_code() {
        let codes = read(BUILT_IN).unwrap();
        assert_eq!(codes.len(), 18);
        let file: File = toml::from_str(BUILT_IN).unwrap();
        assert!(file.code.iter().all(|one| !one.source.is_empty()));
    }

    #[test]
    fn hard_ones_suspend_at_once_soft_ones_when_they_keep_happening() {
        let does = |code: u16| {
            let meaning = of_network(code).unwrap();
            Verdict::failure(meaning.reason, meaning.permanence).suspends()
        };
        for code in [1, 9, 10, 11, 12] {
            assert_eq!(does(code), Suspends::AtOnce, "{code}");
        }
        // Barred, unidentified and without texts abroad is nobody for good (3GPP TS 23.040, 3.3).
        for code in [5, 6, 8, 13, 21, 27, 28, 32, 33] {
            assert_eq!(does(code), Suspends::AfterRepeats, "{code}");
        }
        for code in [31, 34, 35, 36] {
            assert_eq!(does(code), Suspends::Never, "{code}");
        }
        for code in [0, 2, 255, u16::MAX] {
            assert_eq!(of_network(code), None, "{code}");
        }
    }

    #[test]
    fn a_carriers_own_codes_are_read_and_mistakes_told() {
        let settings = |pairs: &[(&str, &str)]| -> BTreeMap<String, String> {
            let pairs = pairs.iter();
            pairs
                .map(|(code, said)| ((*code).to_owned(), (*said).to_owned()))
                .collect()
        };
        let codes = settings(&[
            ("0045", "user_unknown lasts"),
            ("ef", "mailbox_full passes"),
        ]);
        let codes = ErrorCodes::read(&codes).unwrap();
        for (code, reason) in [
            ("45", Some(Reason::UserUnknown)),
            ("045", Some(Reason::UserUnknown)),
            ("EF", Some(Reason::MailboxFull)),
            ("46", None),
            ("", None),
        ] {
            assert_eq!(
                codes.meaning(code).map(|found| found.reason),
                reason,
                "{code}"
            );
        }
        for wrong in [
            ("45", "user_unknown"),
            ("45", "user_unknown for ever"),
            ("45", "no_such_thing lasts"),
            ("", "user_unknown lasts"),
        ] {
            assert!(ErrorCodes::read(&settings(&[wrong])).is_err(), "{wrong:?}");
        }
    }
}
