//! Matching of what mail systems say, independent of case, spacing and line breaks.

use aho_corasick::AhoCorasick;
use memchr::memmem;

/// Longest text that rules look at, in bytes; diagnostics are far shorter.
pub(super) const RULE_TEXT_SIZE_MAX_BYTES: usize = 16_384;

/// Lower case, every run of blanks one space, bounded by [`RULE_TEXT_SIZE_MAX_BYTES`].
/// Addresses and links become `@` and `:`: what stands in them is a name, not a statement.
pub(super) fn normalise(text: &str) -> String {
    let mut out = String::with_capacity(text.len().min(RULE_TEXT_SIZE_MAX_BYTES));
    for word in text.split_whitespace() {
        if out.len() >= RULE_TEXT_SIZE_MAX_BYTES {
            break;
        }
        if !out.is_empty() {
            out.push(' ');
        }
        push_word(&mut out, word);
    }
    out
}

fn push_word(out: &mut String, word: &str) {
    if let Some(at) = word.find("://") {
        let link = word[..at]
            .rfind(|c: char| !c.is_ascii_alphabetic())
            .map_or(0, |i| i + 1);
        out.extend(
            word.get(..link)
                .unwrap_or_default()
                .chars()
                .flat_map(char::to_lowercase),
        );
        out.push(':');
        return;
    }
    let is_name = |c: char| c.is_alphanumeric() || matches!(c, '.' | '_' | '-' | '+' | '=' | '@');
    let mut rest = word;
    while let Some(start) = rest.find(is_name) {
        let name_len = rest[start..]
            .find(|c| !is_name(c))
            .unwrap_or(rest.len() - start);
        let (before, tail) = rest.split_at(start);
        let (name, after) = tail.split_at(name_len);
        push_lower(out, before);
        if name.len() > 1 && name.contains('@') {
            out.push('@');
        } else {
            push_lower(out, name);
        }
        rest = after;
    }
    push_lower(out, rest);
}

fn push_lower(out: &mut String, text: &str) {
    if text.is_ascii() {
        let begin = out.len();
        out.push_str(text);
        out[begin..].make_ascii_lowercase();
        return;
    }
    out.extend(
        text.chars()
            .map(|c| if c == '\u{2019}' { '\'' } else { c })
            .flat_map(char::to_lowercase),
    );
}

/// How far apart two pieces of one phrase may stand, in octets.
const GAP_MAX_BYTES: usize = 120;
/// Longest phrase, in octets.
const PHRASE_SIZE_MAX_BYTES: usize = 200;

/// Words to look for in normalised text: pieces between `*` occur in order, each at most
/// [`GAP_MAX_BYTES`] after the one before. A piece that begins or ends with `_` wants a word's
/// boundary there.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Phrase {
    written: String,
    first: Piece,
    rest: Vec<Piece>,
}

#[derive(Debug, Clone, PartialEq, Eq)]
struct Piece {
    needle: String,
    left: bool,
    right: bool,
}

impl Piece {
    fn read(text: &str) -> Option<Self> {
        let needle = text.trim_matches('_').to_owned();
        (!needle.is_empty()).then(|| Self {
            left: text.starts_with('_'),
            right: text.ends_with('_'),
            needle,
        })
    }

    /// Where it ends, if it stands at this place.
    fn end_at(&self, text: &[u8], start: usize) -> Option<usize> {
        let end = start.checked_add(self.needle.len())?;
        let stands = text.get(start..end)? == self.needle.as_bytes()
            && !(self.left && is_word(text, start.checked_sub(1)))
            && !(self.right && is_word(text, Some(end)));
        stands.then_some(end)
    }

    /// The end of the first occurrence that begins here or within [`GAP_MAX_BYTES`].
    fn end_behind(&self, text: &[u8], from: usize) -> Option<usize> {
        let end = (from + GAP_MAX_BYTES + self.needle.len()).min(text.len());
        let near = text.get(from..end)?;
        let mut found = memmem::find_iter(near, &self.needle);
        found.find_map(|at| self.end_at(text, from + at))
    }
}

impl Phrase {
    /// Reads a phrase; none for one that would find everything, or nothing.
    pub(super) fn read(written: &str) -> Option<Self> {
        let plain = normalise(&written.replace(['*', '_'], " "));
        let lower = written
            .split(['*', '_', ' '])
            .filter(|word| !word.is_empty());
        let is_normal = plain.split(' ').eq(lower);
        if written.len() > PHRASE_SIZE_MAX_BYTES || !is_normal || written.contains("  ") {
            return None;
        }
        let mut pieces = Vec::new();
        for piece in written.split('*') {
            pieces.push(Piece::read(piece)?);
        }
        let first = pieces.remove(0);
        let is_word = first.needle.len() > 1 && first.needle.trim() != "";
        let is_trimmed = written.trim() == written;
        (is_word && is_trimmed).then(|| Self {
            written: written.to_owned(),
            first,
            rest: pieces,
        })
    }

    /// As it is written in the rules.
    pub(super) fn written(&self) -> &str {
        &self.written
    }

    /// What stands where it begins.
    pub(super) fn beginning(&self) -> &str {
        &self.first.needle
    }

    /// Whether it stands in a text, beginning at this place.
    pub(super) fn stands_at(&self, text: &str, start: usize) -> bool {
        let text = text.as_bytes();
        let Some(mut end) = self.first.end_at(text, start) else {
            return false;
        };
        self.rest
            .iter()
            .all(|piece| match piece.end_behind(text, end) {
                Some(behind) => {
                    end = behind;
                    true
                }
                None => false,
            })
    }
}

fn is_word(text: &[u8], at: Option<usize>) -> bool {
    at.and_then(|at| text.get(at))
        .is_some_and(|byte| byte.is_ascii_alphanumeric() || *byte >= 0x80)
}

/// Phrases that all say the same.
pub(super) struct Phrases {
    phrases: Vec<Phrase>,
    /// None where there are too many.
    beginnings: Option<AhoCorasick>,
}

impl Phrases {
    /// Phrases in the form of [`Phrase`]; those that cannot be used are left out, of which there
    /// are none in a list that a test went through.
    pub(super) fn of<T: AsRef<str>>(written: &[T]) -> Self {
        let phrases = written.iter().filter_map(|one| Phrase::read(one.as_ref()));
        let phrases: Vec<Phrase> = phrases.collect();
        let beginnings = AhoCorasick::new(phrases.iter().map(Phrase::beginning));
        Self {
            beginnings: beginnings.ok(),
            phrases,
        }
    }

    /// Whether one of them stands in normalised text.
    pub(super) fn stand_in(&self, text: &str) -> bool {
        let found = self.beginnings.iter();
        let mut found = found.flat_map(|finder| finder.find_overlapping_iter(text));
        found.any(|found| {
            let phrase = self.phrases.get(found.pattern().as_usize());
            phrase.is_some_and(|phrase| phrase.stands_at(text, found.start()))
        })
    }

    /// How many there are.
    #[cfg(test)]
    pub(super) fn len(&self) -> usize {
        self.phrases.len()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn matches(text: &str, phrase: &str) -> bool {
        Phrases::of(&[phrase]).stand_in(text)
    }

    #[test]
    fn blanks_and_case_do_not_matter() {
        assert_eq!(normalise("  User\r\n\tUNKNOWN  "), "user unknown");
    }

    #[test]
    fn addresses_and_links_say_nothing() {
        assert_eq!(
            normalise("550 <no.such.user@spam.example>: Quota, see (https://x/virus)"),
            "550 <@>: quota, see (:"
        );
        assert_eq!(normalise("é’@ @@ ://"), "é'@ @ :");
    }

    #[test]
    fn pieces_come_in_order_and_near() {
        assert!(matches("the user bob was not found", "user*not found"));
        assert!(!matches("not found: user", "user*not found"));
        let far = format!("user {} not found", "x".repeat(GAP_MAX_BYTES + 1));
        assert!(!matches(&far, "user*not found"));
        assert!(matches(&format!("{far} user not found"), "user*not found"));
    }

    #[test]
    fn underscores_are_word_boundaries() {
        assert!(matches("fails spf checks", "_spf_"));
        assert!(!matches("mspfx", "_spf_"));
        assert!(matches("spf", "_spf_"));
    }
}
