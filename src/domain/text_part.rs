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

/// One part. `from` and `text` are empty once the text is in the inbox.
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
    /// What it says.
    pub text: Redacted<String>,
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
    /// One of them.
    #[must_use]
    pub fn part(self, number: u8, text: String, at: Timestamp) -> TextPart {
        let [high, low] = self.reference.to_be_bytes();
        let mut said = Vec::new();
        for field in [&self.carrier, self.from.reveal(), &self.to] {
            said.extend_from_slice(field.as_bytes());
            said.push(0);
        }
        said.extend_from_slice(&[self.kind, high, low, self.total]);
        TextPart {
            set: *BlobId::of(&said).as_bytes(),
            number,
            total: self.total,
            from: self.from,
            to: self.to,
            digest: *BlobId::of(text.as_bytes()).as_bytes(),
            text: Redacted::new(text),
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
    let (mut next, mut total) = (1, 0);
    for part in parts {
        if part.number > next {
            text.push_str(GAP);
        }
        text.push_str(part.text.reveal());
        (next, total) = (part.number.saturating_add(1), part.total);
    }
    if next <= total {
        text.push_str(GAP);
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    fn part(number: u8, text: &str) -> TextPart {
        let set = TextPartSet {
            carrier: "main".to_owned(),
            from: Redacted::new("+447700900001".to_owned()),
            to: "40404".to_owned(),
            kind: 0,
            reference: 7,
            total: 4,
        };
        set.part(number, text.to_owned(), Timestamp::from_millis(5))
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
    fn what_is_remembered_names_nobody_and_says_nothing() {
        let part = part(2, "We are safe");
        let known = part.once_taken();
        assert_eq!(known.from, Redacted::default());
        assert_eq!(known.text, Redacted::default());
        assert_eq!((known.set, known.digest), (part.set, part.digest));
        assert!(known.taken && !part.taken);
    }
}
