//! The text form of a receipt, read forgivingly.

use super::{MessageState, Receipt, ReceiptTime};

/// Text read from a receipt; the rest is ignored.
const RECEIPT_TEXT_MAX_BYTES: usize = 4096;

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Key {
    Id,
    Sub,
    Dlvrd,
    SubmitDate,
    DoneDate,
    Stat,
    Err,
    Text,
}

/// Names as written by centres; spaces, `_` and `-` between words are one.
const NAMES: [(&[&str], Key); 14] = [
    (&["id"], Key::Id),
    (&["msgid"], Key::Id),
    (&["messageid"], Key::Id),
    (&["sub"], Key::Sub),
    (&["dlvrd"], Key::Dlvrd),
    (&["submit", "date"], Key::SubmitDate),
    (&["done", "date"], Key::DoneDate),
    (&["stat"], Key::Stat),
    (&["status"], Key::Stat),
    (&["err"], Key::Err),
    (&["err", "code"], Key::Err),
    (&["error"], Key::Err),
    (&["error", "code"], Key::Err),
    (&["text"], Key::Text),
];

/// Reads a receipt's text; `None` if it has neither `id:` nor `stat:`.
///
/// Of a repeated key the first counts. `text:` runs to the end of the
/// receipt, unless `stat:` has not been seen before it. Fields that centres
/// add of their own are passed over.
pub fn parse(text: &str) -> Option<Receipt> {
    let text = &text[..text.floor_char_boundary(RECEIPT_TEXT_MAX_BYTES)];
    let mut receipt = Receipt::default();
    let mut at = next_key(text, 0);
    while let Some((key, value_start, _)) = at {
        let following = next_key(text, value_start);
        let is_last = key == Key::Text && receipt.stat.is_some();
        let end = match following {
            Some((_, _, key_start)) if !is_last => key_start,
            _ => text.len(),
        };
        put(&mut receipt, key, text[value_start..end].trim());
        at = if is_last { None } else { following };
    }
    (receipt.id.is_some() || receipt.stat.is_some()).then_some(receipt)
}

fn put(receipt: &mut Receipt, key: Key, value: &str) {
    let value = if key == Key::Text { value } else { own(value) };
    match key {
        Key::Id => set(&mut receipt.id, some_text(value)),
        Key::Sub => set(&mut receipt.submitted, first_word(value).parse().ok()),
        Key::Dlvrd => set(&mut receipt.delivered, first_word(value).parse().ok()),
        Key::SubmitDate => set(&mut receipt.submit_date, ReceiptTime::read(value)),
        Key::DoneDate => set(&mut receipt.done_date, ReceiptTime::read(value)),
        Key::Err => set(&mut receipt.error, some_text(first_word(value))),
        Key::Text => set(&mut receipt.text, Some(value.to_owned())),
        Key::Stat => {
            set(&mut receipt.stat, some_text(value));
            receipt.state = receipt.stat.as_deref().and_then(|stat| {
                MessageState::from_stat(stat).or_else(|| MessageState::from_stat(first_word(stat)))
            });
        }
    }
}

/// A value without what follows it: a field that is not known here (`mccmnc:23415`), and the
/// signs that some centres put between fields.
fn own(value: &str) -> &str {
    let is_sign = |c: char| c.is_whitespace() || matches!(c, ',' | ';' | '|');
    let foreign = value.match_indices(':').find_map(|(colon, _)| {
        let head = value.get(..colon)?;
        let (before, _) = head.split_at(head.rfind(is_sign)?);
        let name = head.get(before.len()..)?.trim_start_matches(is_sign);
        let is_field =
            name.starts_with(char::is_alphabetic) && !before.trim_matches(is_sign).is_empty();
        is_field.then_some(before)
    });
    foreign.unwrap_or(value).trim_matches(is_sign)
}

fn first_word(value: &str) -> &str {
    value.split_whitespace().next().unwrap_or_default()
}

fn set<T>(field: &mut Option<T>, value: Option<T>) {
    if field.is_none() {
        *field = value;
    }
}

fn some_text(value: &str) -> Option<String> {
    (!value.is_empty()).then(|| value.to_owned())
}

/// The next key at or after `from`: key, where its value and where it begins.
fn next_key(text: &str, from: usize) -> Option<(Key, usize, usize)> {
    let colons = text[from..].match_indices(':').map(|(at, _)| from + at);
    for colon in colons {
        let head = &text[from..colon];
        for (words, key) in NAMES {
            if let Some(start) = name_start(head, words) {
                return Some((key, colon + 1, from + start));
            }
        }
    }
    None
}

/// Where the name begins that `head` ends with, as whole words.
fn name_start(head: &str, words: &[&str]) -> Option<usize> {
    let is_gap = |c: char| c == ' ' || c == '_' || c == '-';
    let mut rest = head.trim_end_matches(' ');
    for (index, word) in words.iter().rev().enumerate() {
        if index > 0 {
            rest = rest.trim_end_matches(is_gap);
        }
        let start = rest.len().checked_sub(word.len())?;
        if !rest.is_char_boundary(start) || !rest[start..].eq_ignore_ascii_case(word) {
            return None;
        }
        rest = &rest[..start];
    }
    let is_word_before = rest.chars().next_back().is_some_and(char::is_alphanumeric);
    (!is_word_before).then_some(rest.len())
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn any_order_and_case() {
        let receipt = parse("STAT:expired Err:27 ID:ab-1 Done_Date:2611220033 Sub:1").unwrap();
        assert_eq!(receipt.id.as_deref(), Some("ab-1"));
        assert_eq!(receipt.state, Some(MessageState::Expired));
        assert_eq!(receipt.error.as_deref(), Some("27"));
        assert_eq!(receipt.submitted, Some(1));
        assert!(receipt.done_date.is_some());
    }

    #[test]
    fn text_may_hold_what_looks_like_keys() {
        let receipt = parse("id:1 stat:UNDELIV err:000 text:Your id:2 stat:DELIVRD").unwrap();
        assert_eq!(receipt.id.as_deref(), Some("1"));
        assert_eq!(receipt.state, Some(MessageState::Undeliverable));
        assert_eq!(receipt.text.as_deref(), Some("Your id:2 stat:DELIVRD"));
    }

    #[test]
    fn text_first_does_not_hide_the_rest() {
        let receipt = parse("text:hello id:1 stat:DELIVRD").unwrap();
        assert_eq!(receipt.text.as_deref(), Some("hello"));
        assert_eq!(receipt.state, Some(MessageState::Delivered));
    }

    #[test]
    fn a_misspelt_key_loses_only_itself() {
        let receipt = parse("id:7 sub:001 sat:DELIVRD err:012 text:x").unwrap();
        assert_eq!(receipt.id.as_deref(), Some("7"));
        assert_eq!(receipt.state, None);
        assert_eq!(receipt.error.as_deref(), Some("012"));
    }

    #[test]
    fn fields_of_a_centres_own_end_the_one_before() {
        let receipt = parse(
            "id:12-34 AB sub:1 dlvrd:0 mccmnc:23415 done date:2611220033 stat:UNDELIV reason:none err:027 network code:6 text:Hi all: go",
        )
        .unwrap();
        assert_eq!(receipt.id.as_deref(), Some("12-34 AB"));
        assert_eq!((receipt.submitted, receipt.delivered), (Some(1), Some(0)));
        assert!(receipt.done_date.is_some());
        assert_eq!(receipt.stat.as_deref(), Some("UNDELIV"));
        assert_eq!(receipt.state, Some(MessageState::Undeliverable));
        assert_eq!(receipt.error.as_deref(), Some("027"));
        assert_eq!(receipt.text.as_deref(), Some("Hi all: go"));
    }

    #[test]
    fn signs_between_fields_and_longer_names() {
        let receipt =
            parse("MsgId:9f:1, status:Expired; error code:32; done_date:261122003310").unwrap();
        assert_eq!(receipt.id.as_deref(), Some("9f:1"));
        assert_eq!(receipt.state, Some(MessageState::Expired));
        assert_eq!(receipt.error.as_deref(), Some("32"));
        assert_eq!(receipt.done_date, ReceiptTime::read("261122003310"));
        let said_more = parse("id:1 stat:DELIVRD to handset err:0").unwrap();
        assert_eq!(said_more.state, Some(MessageState::Delivered));
    }

    proptest! {
        #[test]
        fn never_panics(text in any::<String>(), tail in "(id|STAT|text|submit date|:| |é|x){0,30}") {
            parse(&text);
            parse(&tail);
        }
    }
}
