//! Parts of long texts that people write to us, kept until the whole is there. A carrier forgets a
//! part once it is acknowledged, and may send one again that was.

use std::time::Duration;

use super::ids::BlobId;
use super::redacted::Redacted;
use super::timestamp::Timestamp;

/// Parts that are kept; beyond, carriers are asked to keep theirs.
pub const TEXT_PARTS_MAX: u64 = 65_536;

/// How long the other parts of a text are waited for, from the first that came.
pub const TEXT_PARTS_WAIT: Duration = Duration::from_secs(10 * 60);

/// How long a part whose text is in the inbox is remembered, so that it is known when it comes
/// again.
pub const TEXT_PART_KNOWN: Duration = Duration::from_secs(3600);

/// Stands for parts that never came.
const GAP: &str = "[…]";

/// One part. `from`, `text` and `utf16` are empty once the text is in the inbox.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TextPart {
    /// SHA-256 of what the parts of one text have in common.
    pub set: [u8; 32],
    /// Which one, 1 to `total`.
    pub number: u8,
    /// How many there are.
    pub total: u8,
    /// Who wrote, as the carrier says.
    pub from: Redacted<String>,
    /// To which of our numbers.
    pub to: String,
    /// What it says; empty where `utf16` has it.
    pub text: Redacted<String>,
    /// The same as octets of UTF-16, big-endian: a character may begin in one part and end in the
    /// next.
    pub utf16: Redacted<Vec<u8>>,
    /// SHA-256 of that.
    pub digest: [u8; 32],
    /// When it came.
    pub at: Timestamp,
    /// Its text is in the inbox.
    pub taken: bool,
}

/// What the parts of one text have in common (3GPP TS 23.040, 9.2.3.24.1).
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TextPartSet {
    /// Whose binds they come over.
    pub carrier: String,
    /// Who wrote, as the carrier says.
    pub from: Redacted<String>,
    /// To which of our numbers.
    pub to: String,
    /// Kind of reference: 8-bit, 16-bit and `sar_*` numbers are not mixed.
    pub kind: u8,
    /// Reference number.
    pub reference: u16,
    /// How many there are.
    pub total: u8,
}

impl TextPartSet {
    /// One of them, with its text, or with its octets where it is written in UTF-16.
    #[must_use]
    pub fn part(self, number: u8, text: String, utf16: Vec<u8>, at: Timestamp) -> TextPart {
        let [high, low] = self.reference.to_be_bytes();
        let mut said = Vec::new();
        for field in [&self.carrier, self.from.reveal(), &self.to] {
            said.extend_from_slice(field.as_bytes());
            said.push(0);
        }
        said.extend_from_slice(&[self.kind, high, low, self.total]);
        let octets = if utf16.is_empty() {
            text.as_bytes()
        } else {
            utf16.as_slice()
        };
        TextPart {
            set: *BlobId::of(&said).as_bytes(),
            number,
            total: self.total,
            from: self.from,
            to: self.to,
            digest: *BlobId::of(octets).as_bytes(),
            text: Redacted::new(text),
            utf16: Redacted::new(utf16),
            at,
            taken: false,
        }
    }
}

impl TextPart {
    /// What is remembered of it once its text is in the inbox.
    #[must_use]
    pub fn once_taken(&self) -> Self {
        Self {
            from: Redacted::default(),
            text: Redacted::default(),
            utf16: Redacted::default(),
            taken: true,
            ..self.clone()
        }
    }
}

/// Whether these are all the parts of their text.
#[must_use]
pub fn is_whole<'a>(parts: impl IntoIterator<Item = &'a TextPart>) -> bool {
    let mut count = 0;
    let mut total = 0;
    for part in parts {
        count += 1;
        total = usize::from(part.total);
    }
    count > 0 && count == total
}

/// The text of these parts of one set, in ascending order of their numbers; a mark stands where
/// some are missing.
#[must_use]
pub fn join<'a>(parts: impl IntoIterator<Item = &'a TextPart>) -> String {
    let mut text = String::new();
    // Of parts that follow each other.
    let mut utf16: Vec<u8> = Vec::new();
    let (mut next, mut total) = (1, 0);
    for part in parts {
        let octets = part.utf16.reveal();
        // An odd octet is the first half of a unit where the next part has the other.
        let goes_on = part.number == next && utf16.len() % 2 <= octets.len() % 2;
        if !goes_on || octets.is_empty() {
            text.push_str(&read_utf16(&std::mem::take(&mut utf16)));
        }
        if part.number > next {
            text.push_str(GAP);
        }
        text.push_str(part.text.reveal());
        utf16.extend_from_slice(octets);
        (next, total) = (part.number.saturating_add(1), part.total);
    }
    text.push_str(&read_utf16(&utf16));
    if next <= total {
        text.push_str(GAP);
    }
    text
}

/// What cannot be read becomes U+FFFD.
fn read_utf16(octets: &[u8]) -> String {
    let (pairs, odd) = octets.as_chunks::<2>();
    let units = pairs.iter().map(|pair| u16::from_be_bytes(*pair));
    let read = char::decode_utf16(units).map(|c| c.unwrap_or(char::REPLACEMENT_CHARACTER));
    read.chain((!odd.is_empty()).then_some(char::REPLACEMENT_CHARACTER))
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn set() -> TextPartSet {
        TextPartSet {
            carrier: "main".to_owned(),
            from: Redacted::new("+447700900001".to_owned()),
            to: "40404".to_owned(),
            kind: 0,
            reference: 7,
            total: 4,
        }
    }

    fn part(number: u8, text: &str) -> TextPart {
        let at = Timestamp::from_millis(5);
        set().part(number, text.to_owned(), Vec::new(), at)
    }

    fn octets(number: u8, utf16: &[u8]) -> TextPart {
        let at = Timestamp::from_millis(5);
        set().part(number, String::new(), utf16.to_vec(), at)
    }

    #[test]
    fn what_never_came_is_marked() {
        let all = [part(1, "a"), part(2, "b"), part(3, "c"), part(4, "d")];
        let [first, second, third, fourth] = &all;
        assert_eq!(join(&all), "abcd");
        assert_eq!(join([second]), "[…]b[…]");
        assert_eq!(join([first, fourth]), "a[…]d");
        assert_eq!(join([third, fourth]), "[…]cd");
        assert!(is_whole(&all));
        assert!(!is_whole([first, second, fourth]));
        assert!(!is_whole([]));
    }

    #[test]
    fn a_character_that_is_cut_between_parts_is_one() {
        let whole: Vec<u8> = "a\u{1f30a}b"
            .encode_utf16()
            .flat_map(u16::to_be_bytes)
            .collect();
        for cut in 1..whole.len() {
            let (first, rest) = whole.split_at(cut);
            let parts = [
                octets(1, first),
                octets(2, rest),
                part(3, "c"),
                part(4, "d"),
            ];
            assert_eq!(join(&parts), "a\u{1f30a}bcd", "{cut}");
        }
        // Not where there is a gap, or another alphabet, or an octet too many.
        let (first, rest) = whole.split_at(4);
        let [first, rest] = [octets(1, first), octets(3, rest)];
        assert_eq!(join([&first, &rest]), "a\u{fffd}[…]\u{fffd}b[…]");
        let between = part(2, "-");
        assert_eq!(join([&first, &between, &rest]), "a\u{fffd}-\u{fffd}b[…]");
        let odd = [octets(1, &[0, b'a', 0]), octets(2, &[0, b'b'])];
        assert_eq!(join(&odd), "a\u{fffd}b[…]");
    }

    #[test]
    fn parts_in_utf16_that_differ_are_told_apart() {
        assert!(octets(1, &[0, b'a']).digest != octets(1, &[0, b'b']).digest);
    }

    #[test]
    fn what_is_remembered_names_nobody_and_says_nothing() {
        for part in [part(2, "We are safe"), octets(2, &[0, b'a'])] {
            let known = part.once_taken();
            assert_eq!(known.from, Redacted::default());
            assert_eq!(known.text, Redacted::default());
            assert_eq!(known.utf16, Redacted::default());
            assert_eq!((known.set, known.digest), (part.set, part.digest));
            assert!(known.taken && !part.taken);
        }
    }
}
