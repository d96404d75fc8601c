//! Matching of what mail systems say, independent of case, spacing and line breaks.

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
    out.extend(
        text.chars()
            .map(|c| if c == '\u{2019}' { '\'' } else { c })
            .flat_map(char::to_lowercase),
    );
}

/// True if the pieces of `pattern` between its `*` occur in `text` in order, each at most
/// `GAP_MAX_BYTES` after the one before. A piece that begins or ends with `_` wants a word
/// boundary there.
pub(super) fn matches(text: &str, pattern: &str) -> bool {
    let mut pieces = pattern.split('*');
    let Some(first) = pieces.next() else {
        return false;
    };
    let rest: Vec<&str> = pieces.collect();
    let mut from = 0;
    while let Some(end) = find_piece(text, first, from, usize::MAX) {
        if follow(text, &rest, end) {
            return true;
        }
        if rest.is_empty() {
            return true;
        }
        from = end;
    }
    false
}

/// How far apart two pieces of one pattern may stand.
const GAP_MAX_BYTES: usize = 120;

fn follow(text: &str, pieces: &[&str], mut from: usize) -> bool {
    for piece in pieces {
        match find_piece(text, piece, from, GAP_MAX_BYTES) {
            Some(end) => from = end,
            None => return false,
        }
    }
    true
}

/// The end of the first occurrence of `piece` at or after `from` that starts within `gap`.
fn find_piece(text: &str, piece: &str, from: usize, gap: usize) -> Option<usize> {
    let left = piece.starts_with('_');
    let right = piece.len() > 1 && piece.ends_with('_');
    let needle = piece.trim_matches('_');
    if needle.is_empty() {
        return Some(from);
    }
    let mut at = from;
    loop {
        let start = at + text.get(at..)?.find(needle)?;
        if start - from > gap {
            return None;
        }
        let end = start + needle.len();
        let left_ok = !left || !word_byte(text, start.checked_sub(1));
        let right_ok = !right || !word_byte(text, Some(end));
        if left_ok && right_ok {
            return Some(end);
        }
        at = end;
    }
}

fn word_byte(text: &str, at: Option<usize>) -> bool {
    at.and_then(|i| text.as_bytes().get(i))
        .is_some_and(|b| b.is_ascii_alphanumeric() || *b >= 0x80)
}

#[cfg(test)]
mod tests {
    use super::*;

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
