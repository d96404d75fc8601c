//! New addresses and numbers in what people write back: "I have moved, write to …".

use super::checks::check;
use super::contact::Contact;
use super::method::{Destination, Method, MethodKind, MethodState};

/// Most that are found in one message.
pub const FOUND_MAX: usize = 3;
/// How far a message is looked through, in characters.
const TEXT_MAX: usize = 2_000;
/// Fewer digits are no telephone number.
const DIGITS_MIN: usize = 7;
/// More are none either (E.164).
const DIGITS_MAX: usize = 15;

/// What is done with an address or number that somebody writes.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Default)]
pub enum Repair {
    /// Nothing.
    Off,
    /// It stands beside the reply, for somebody to take over.
    #[default]
    Offer,
    /// The person is asked by itself to prove it; only then is it taken over.
    Automatic,
}

/// The addresses and numbers that stand in a text, those that cannot be or are doubtful left out,
/// [`FOUND_MAX`] at most; what is quoted is passed over. National numbers are read in `region`
/// (ISO 3166-1 alpha-2).
#[must_use]
pub fn found_in(text: &str, region: &str) -> Vec<Destination> {
    let text: String = text.chars().take(TEXT_MAX).collect();
    let mut found: Vec<Destination> = Vec::new();
    let above = text.lines().take_while(|line| !begins_quote(line));
    for line in above.filter(|line| !line.starts_with('>')) {
        let mut rest = String::with_capacity(line.len());
        for word in line.split_inclusive(is_between) {
            if word.contains('@') {
                let address = word.trim_matches(|c: char| is_between(c) || is_point(c));
                add(&mut found, MethodKind::Email, address, region);
            } else {
                rest.push_str(word);
            }
        }
        for number in numbers(&rest) {
            add(&mut found, MethodKind::Mobile, &number, region);
        }
    }
    found
}

/// Whether a line is the first of a mail that is quoted below without a sign before each line, as
/// some mail programs do: a rule, or its header.
fn begins_quote(line: &str) -> bool {
    let line = line.trim().to_lowercase();
    let rules = ["-----", "_____"];
    let headers = ["from:", "de :", "de\u{a0}:", "de:", "von:"];
    rules
        .iter()
        .chain(&headers)
        .any(|start| line.starts_with(start))
}

/// What stands between an address and what is around it.
fn is_between(c: char) -> bool {
    c.is_whitespace() || matches!(c, '<' | '>' | '(' | ')' | '[' | ']' | ',' | ';' | '"' | ':')
}

fn is_point(c: char) -> bool {
    matches!(c, '.' | '!' | '?' | '\'' | '’' | '«' | '»')
}

fn add(found: &mut Vec<Destination>, kind: MethodKind, text: &str, region: &str) {
    if found.len() >= FOUND_MAX {
        return;
    }
    if let Ok(destination) = check(kind, text, region).taken(false)
        && !found.contains(destination)
    {
        found.push(destination.clone());
    }
}

/// The runs of digits that may be telephone numbers, as they are written.
fn numbers(text: &str) -> Vec<String> {
    let letters: Vec<char> = text.chars().collect();
    let mut found = Vec::new();
    let mut at = 0;
    while let Some(letter) = letters.get(at) {
        let before = at.checked_sub(1).and_then(|before| letters.get(before));
        let begins = letter.is_ascii_digit() || *letter == '+';
        if !begins || before.is_some_and(|before| before.is_alphanumeric()) {
            at += 1;
            continue;
        }
        let length = run(letters.iter().skip(at));
        let number: String = letters.iter().skip(at).take(length).collect();
        let digits = number.chars().filter(char::is_ascii_digit).count();
        if (DIGITS_MIN..=DIGITS_MAX).contains(&digits) {
            found.push(number);
        }
        at += length;
    }
    found
}

/// How many letters from here on belong to one number, at least one: digits, and single signs
/// between them.
fn run<'a>(letters: impl Iterator<Item = &'a char> + Clone) -> usize {
    let mut length = 1;
    let mut next = letters.skip(1);
    while let Some(letter) = next.next() {
        let sign = matches!(*letter, ' ' | '-' | '.' | '/' | '\u{a0}' | '\u{202f}');
        let goes_on = next.clone().next().is_some_and(char::is_ascii_digit);
        if !(letter.is_ascii_digit() || sign && goes_on) {
            break;
        }
        length += 1;
    }
    length
}

/// The method in whose place an address or number probably belongs: one that fails, else the
/// first of its kind. None where the contact has it already, or has nothing of its kind.
#[must_use]
pub fn instead_of<'a>(contact: &'a Contact, found: &Destination) -> Option<&'a Method> {
    let kept = |method: &&Method| method.state != MethodState::Removed;
    let key = found.lookup_key();
    let mut all = contact.methods.iter().filter(kept);
    if all.any(|method| method.destination.lookup_key() == key) {
        return None;
    }
    let fits = |method: &&Method| match (found, method.kind) {
        (Destination::Email(_), MethodKind::Email)
        | (Destination::Phone(_), MethodKind::Mobile | MethodKind::Landline) => true,
        (Destination::Email(_), MethodKind::Mobile | MethodKind::Landline)
        | (Destination::Phone(_), MethodKind::Email) => false,
    };
    let fitting = contact.methods.iter().filter(kept).filter(fits);
    fitting.min_by_key(|method| (method.state != MethodState::Suspended, method.kind))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn found(text: &str) -> Vec<String> {
        let found = found_in(text, "GB");
        found.iter().map(Destination::lookup_key).collect()
    }

    #[test]
    fn addresses_and_numbers_are_found_where_they_stand() {
        for (text, expected) in [
            ("My new address: ann@new.example.", vec!["ann@new.example"]),
            ("Write to <Ann@New.Example>!", vec!["ann@new.example"]),
            ("call me on 07400 123456, thanks", vec!["+447400123456"]),
            ("now +44 7400-123-456", vec!["+447400123456"]),
            ("Yes. 1", vec![]),
            ("12 people, 3 dogs, at 10:30", vec![]),
            ("Ref AB1234567890", vec![]),
            ("> old@town.example", vec![]),
            ("Moved.\n\nFrom: Town <alerts@town.example>", vec![]),
            ("-----Original-----\na@town.example", vec![]),
            ("", vec![]),
        ] {
            assert_eq!(found(text), expected, "{text}");
        }
        let both = found("ann@new.example or 07400123456 or ann@new.example");
        assert_eq!(both, ["ann@new.example", "+447400123456"]);
        let many: Vec<String> = (0..9).map(|n| format!("a{n}@new.example")).collect();
        assert_eq!(found(&many.join(" ")).len(), FOUND_MAX);
    }
}
