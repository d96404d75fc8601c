//! What could stand in the place of a character that makes a text UCS-2. It is offered to whoever
//! writes; nothing is replaced by itself.

use unicode_normalization::char::{compose, decompose_canonical, is_combining_mark};

use super::national::Shift;
use super::segment::{SegmentOptions, estimate};
use super::{Encoding, gsm7};

/// Different characters that are told of one text.
pub const ODD_MAX: usize = 20;

/// A character that makes a text UCS-2.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Odd {
    /// Which.
    pub character: char,
    /// How often the text has it.
    pub count: usize,
    /// What says the same within the alphabet; `None` where nothing does.
    pub replacement: Option<&'static str>,
}

/// The characters because of which a text is sent as UCS-2, in the order in
/// which they appear, the first [`ODD_MAX`] of them; none where it is not.
/// Measured against the alphabet that lacks the fewest of the text.
pub fn odd_characters(text: &str, options: SegmentOptions) -> Vec<Odd> {
    let mut found: Vec<Odd> = Vec::new();
    if estimate(text, options).encoding != Encoding::Ucs2 {
        return found;
    }
    let nearest = nearest(&whole(text), options);
    for character in text.chars().filter(|c| !nearest.has(*c, options)) {
        if let Some(odd) = found.iter_mut().find(|odd| odd.character == character) {
            odd.count += 1;
        } else if found.len() < ODD_MAX {
            found.push(Odd {
                character,
                count: 1,
                replacement: replacement(character),
            });
        }
    }
    found
}

/// The text with every such character replaced, if that takes it out of UCS-2.
pub fn replaced(text: &str, options: SegmentOptions) -> Option<String> {
    if estimate(text, options).encoding != Encoding::Ucs2 {
        return None;
    }
    let text = whole(text);
    let nearest = nearest(&text, options);
    let mut out = String::with_capacity(text.len());
    for letter in text.chars() {
        if nearest.has(letter, options) {
            out.push(letter);
        } else {
            out.push_str(replacement(letter)?);
        }
    }
    (estimate(&out, options).encoding != Encoding::Ucs2).then_some(out)
}

/// The text with letters and marks as one where some alphabet has them so.
fn whole(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    let mut letters = text.chars().peekable();
    while let Some(letter) = letters.next() {
        let both = letters.peek().and_then(|mark| composed(letter, *mark));
        if both.is_some() {
            letters.next();
        }
        out.push(both.unwrap_or(letter));
    }
    out
}

/// An alphabet that a text may be sent in, other than UCS-2.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Alphabet {
    Septets(Shift),
    Latin1,
}

impl Alphabet {
    fn has(self, character: char, options: SegmentOptions) -> bool {
        match self {
            Self::Septets(shift) => {
                options.alphabet.has(character) && gsm7::septets_with(character, shift).is_some()
            }
            Self::Latin1 => u8::try_from(character).is_ok(),
        }
    }
}

/// The alphabet that lacks the fewest characters of a text: first of those that nothing can stand
/// for, then of all; of equals the one that is tried first when the text is sent.
fn nearest(text: &str, options: SegmentOptions) -> Alphabet {
    let letters: Vec<(char, bool)> = text
        .chars()
        .map(|c| (c, replacement(c).is_none()))
        .collect();
    let shifts = std::iter::once(Shift::default()).chain(options.shifts());
    let latin1 = options.latin1_allowed.then_some(Alphabet::Latin1);
    let lacking = |alphabet: &Alphabet| {
        let lacked = letters.iter().filter(|(c, _)| !alphabet.has(*c, options));
        lacked.fold((0_usize, 0_usize), |(stay, all), (_, stays)| {
            (stay + usize::from(*stays), all + 1)
        })
    };
    let alphabets = shifts.map(Alphabet::Septets).chain(latin1);
    let nearest = alphabets.min_by_key(lacking);
    nearest.unwrap_or(Alphabet::Septets(Shift::default()))
}

/// The character that a letter and its mark are, where some alphabet, also a national one, has it.
fn composed(letter: char, mark: char) -> Option<char> {
    let one = compose(letter, mark)?;
    let mut shifts = std::iter::once(Shift::default()).chain(Shift::all());
    let is_known =
        u8::try_from(one).is_ok() || shifts.any(|shift| gsm7::septets_with(one, shift).is_some());
    is_known.then_some(one)
}

fn replacement(character: char) -> Option<&'static str> {
    let known = match character {
        '\u{2010}'..='\u{2015}' | '\u{2212}' | '\u{2043}' => "-",
        '\u{2018}'..='\u{201b}' | '\u{2032}' | '\u{02bc}' | '`' | '´' => "'",
        '\u{201c}'..='\u{201f}' | '\u{2033}' | '«' | '»' => "\"",
        '‹' | '\u{2329}' => "<",
        '›' | '\u{232a}' => ">",
        '…' => "...",
        '\t' | '\u{a0}' | '\u{2000}'..='\u{200a}' | '\u{202f}' | '\u{205f}' | '\u{3000}' => " ",
        '\u{85}' | '\u{2028}' | '\u{2029}' => "\n",
        // What is not seen: soft hyphen, joiners, marks of direction and order.
        '\u{ad}' | '\u{61c}' | '\u{200b}'..='\u{200f}' | '\u{202a}'..='\u{202e}' => "",
        '\u{2060}' | '\u{2066}'..='\u{206f}' | '\u{feff}' => "",
        '•' | '·' | '‣' => "*",
        '×' => "x",
        '÷' => "/",
        '©' => "(c)",
        '®' => "(R)",
        '™' => "(TM)",
        '№' => "No",
        '¼' => "1/4",
        '½' => "1/2",
        '¾' => "3/4",
        '¹' => "1",
        '²' => "2",
        '³' => "3",
        'ª' => "a",
        'º' => "o",
        '→' => "->",
        '←' => "<-",
        '≤' => "<=",
        '≥' => ">=",
        'Æ' | 'Ǽ' => "AE",
        'æ' | 'ǽ' => "ae",
        'Œ' => "OE",
        'œ' => "oe",
        'Ĳ' => "IJ",
        'ĳ' => "ij",
        'ß' | 'ẞ' => "ss",
        'Þ' => "Th",
        'þ' => "th",
        'ﬀ' => "ff",
        'ﬁ' => "fi",
        'ﬂ' => "fl",
        _ => return letter(character),
    };
    Some(known)
}

/// The Latin letter that a letter is made of; nothing for a mark by itself: its letter stays.
fn letter(character: char) -> Option<&'static str> {
    if character.is_ascii() {
        return None;
    }
    if is_combining_mark(character) {
        return matches!(character, '\u{300}'..='\u{36f}').then_some("");
    }
    if let Some((base, _)) = LETTERS.iter().find(|(_, of)| of.contains(character)) {
        return Some(base);
    }
    let mut base = None;
    decompose_canonical(character, |part| {
        base.get_or_insert(part);
    });
    let at = ASCII_LETTERS.find(base?)?;
    ASCII_LETTERS.get(at..=at)
}

const ASCII_LETTERS: &str = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz";

/// Letters with a stroke and the like, which Unicode does not take apart.
const LETTERS: [(&str, &str); 17] = [
    ("b", "ƀ"),
    ("D", "ÐĐ"),
    ("d", "ðđ"),
    ("f", "ƒ"),
    ("H", "Ħ"),
    ("h", "ħ"),
    ("i", "ı"),
    ("k", "ĸ"),
    ("L", "Ł"),
    ("l", "ł"),
    ("N", "Ŋ"),
    ("n", "ŋ"),
    ("O", "Ø"),
    ("o", "ø"),
    ("s", "ſ"),
    ("T", "Ŧ"),
    ("t", "ŧ"),
];

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;
    use crate::proto::smpp::encoding::{DefaultAlphabet, National, NationalTables};

    fn told(text: &str) -> Vec<(char, usize, Option<&'static str>)> {
        let found = odd_characters(text, SegmentOptions::default());
        found
            .into_iter()
            .map(|odd| (odd.character, odd.count, odd.replacement))
            .collect()
    }

    fn offered(text: &str) -> Option<String> {
        replaced(text, SegmentOptions::default())
    }

    #[test]
    fn what_people_paste_is_replaced() {
        let text = "“Forêt” – l\u{2019}été\u{a0}: déjà…";
        assert_eq!(offered(text).unwrap(), "\"Foret\" - l'été : déjà...");
        assert_eq!(
            told(text),
            [
                ('“', 1, Some("\"")),
                ('ê', 1, Some("e")),
                ('”', 1, Some("\"")),
                ('–', 1, Some("-")),
                ('\u{2019}', 1, Some("'")),
                ('\u{a0}', 1, Some(" ")),
                ('…', 1, Some("...")),
            ]
        );
        assert_eq!(
            offered("Łódź, œuvre, Ștefan").unwrap(),
            "Lodz, oeuvre, Stefan"
        );
    }

    #[test]
    fn nothing_is_offered_where_nothing_is_gained() {
        assert_eq!(
            (offered("10 € for Ångström"), told("10 € é")),
            (None, vec![])
        );
        assert_eq!(offered("Привет – all"), None, "no letter is guessed");
        assert_eq!(told("я – я")[0], ('я', 2, None));
        assert_eq!(offered("🔔"), None);
    }

    #[test]
    fn a_letter_and_its_mark_are_one_where_the_alphabet_has_it() {
        assert_eq!(
            offered("cafe\u{301} N\u{303} e\u{302}").unwrap(),
            "café Ñ e"
        );
    }

    #[test]
    fn letters_that_a_national_table_has_stay() {
        let turkish = national(&[National::Turkish]);
        assert_eq!(replaced("ışık", turkish), None);
        assert_eq!(replaced("ışık – yok", turkish).unwrap(), "ışık - yok");
        assert_eq!(replaced("ışık ŵ", turkish).unwrap(), "ışık w");
        let found = odd_characters("ışık – yok", turkish);
        assert_eq!(found.len(), 1);
    }

    fn national(languages: &[National]) -> SegmentOptions {
        SegmentOptions {
            national: NationalTables::of(languages.iter().copied()),
            ..SegmentOptions::default()
        }
    }

    fn named(text: &str, options: SegmentOptions) -> String {
        let found = odd_characters(text, options);
        found.iter().map(|odd| odd.character).collect()
    }

    #[test]
    fn what_is_blamed_is_what_the_nearest_alphabet_lacks() {
        let turkish = national(&[National::Turkish]);
        assert_eq!(named("ışık я", turkish), "я");
        assert_eq!(replaced("ışık я", turkish), None);
        // A Portuguese locking table with the Turkish single one has all but one.
        let both = national(&[National::Turkish, National::Portuguese]);
        assert_eq!(named("ış ∞ è", both), "è");
        assert_eq!(replaced("ış ∞ è", both).unwrap(), "ış ∞ e");
        assert_eq!(named("ışığ ã я", both), "я");
        let latin1 = SegmentOptions {
            latin1_allowed: true,
            ..SegmentOptions::default()
        };
        assert_eq!(named("forêt – ça", latin1), "–");
        assert_eq!(replaced("forêt – ça", latin1).unwrap(), "forêt - ça");
    }

    #[test]
    fn a_letter_and_its_mark_are_one_where_a_national_table_has_it() {
        let turkish = national(&[National::Turkish]);
        let spanish = national(&[National::Spanish]);
        let text = "s\u{327}ag\u{306}anak a\u{301}rea";
        assert_eq!(replaced(text, turkish).unwrap(), "şağanak area");
        assert_eq!(replaced("a\u{301}rea", spanish).unwrap(), "área");
        assert_eq!(offered("a\u{301}rea").unwrap(), "area");
    }

    #[test]
    fn what_a_carrier_cannot_say_is_replaced_too() {
        let ascii = SegmentOptions {
            alphabet: DefaultAlphabet::Ascii,
            ..SegmentOptions::default()
        };
        assert_eq!(replaced("été Æ", ascii).unwrap(), "ete AE");
    }

    #[test]
    fn every_replacement_is_within_the_alphabet_of_every_carrier() {
        for (base, letters) in LETTERS {
            assert!(
                base.is_ascii() && letters.chars().all(|c| !c.is_ascii()),
                "{base}"
            );
        }
        for one in ('\0'..='\u{ffff}').filter_map(replacement) {
            assert!(one.is_ascii() && gsm7::encode(one).is_some(), "{one:?}");
        }
    }
}
