//! What could stand in the place of a character that keeps a text out of the
//! 7-bit alphabets. It is offered to whoever writes; nothing is replaced by itself.

use unicode_bidi::{BidiClass, bidi_class};

use super::national::{NationalTables, Shift};
use super::segment::{SegmentOptions, estimate};
use super::{Encoding, gsm7};

/// Different characters that are told of one text.
pub const ODD_MAX: usize = 20;

/// A character that keeps a text out of the 7-bit alphabets.
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
pub fn odd_characters(text: &str, options: SegmentOptions) -> Vec<Odd> {
    let mut found: Vec<Odd> = Vec::new();
    if estimate(text, options).encoding != Encoding::Ucs2 {
        return found;
    }
    // Where no single table has all, each character that needs one keeps the others out.
    let options = if swapped(text, options).is_some() {
        options
    } else {
        plain(options)
    };
    for character in text.chars().filter(|c| !covers(*c, options)) {
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
    swapped(text, options).or_else(|| swapped(text, plain(options)))
}

const fn plain(options: SegmentOptions) -> SegmentOptions {
    SegmentOptions {
        national: NationalTables::NONE,
        ..options
    }
}

/// The text with what none of the tables has replaced, if one way to send it is
/// not UCS-2 then.
fn swapped(text: &str, options: SegmentOptions) -> Option<String> {
    let mut out = String::with_capacity(text.len());
    let mut letters = text.chars().peekable();
    while let Some(letter) = letters.next() {
        let composed = letters.peek().and_then(|mark| composed(letter, *mark));
        if let Some(one) = composed.filter(|one| covers(*one, options)) {
            letters.next();
            out.push(one);
        } else if covers(letter, options) {
            out.push(letter);
        } else {
            out.push_str(replacement(letter)?);
        }
    }
    (estimate(&out, options).encoding != Encoding::Ucs2).then_some(out)
}

/// Some 7-bit table that may be used has it.
fn covers(character: char, options: SegmentOptions) -> bool {
    let mut shifts = options.shifts();
    options.alphabet.has(character) && gsm7::septets(character).is_some()
        || shifts.any(|shift: Shift| gsm7::septets_with(character, shift).is_some())
}

fn composed(letter: char, mark: char) -> Option<char> {
    let mut known = COMPOSED.iter();
    let found = known.find(|(pair, _)| *pair == (letter, mark))?;
    Some(found.1)
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
        '\u{ad}' | '\u{200b}'..='\u{200f}' | '\u{202a}'..='\u{202e}' => "",
        '\u{2060}' | '\u{2066}'..='\u{2069}' | '\u{feff}' => "",
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

fn letter(character: char) -> Option<&'static str> {
    if character.is_ascii() {
        return None;
    }
    let found = LETTERS.iter().find(|(_, of)| of.contains(character));
    // A mark without a letter that has it: the letter stays.
    let is_mark =
        matches!(character, '\u{300}'..='\u{36f}') && bidi_class(character) == BidiClass::NSM;
    found.map(|(base, _)| *base).or(is_mark.then_some(""))
}

/// A letter, a mark that follows it, and the character of the alphabet that is both.
const COMPOSED: [((char, char), char); 18] = [
    (('a', '\u{300}'), 'à'),
    (('e', '\u{300}'), 'è'),
    (('i', '\u{300}'), 'ì'),
    (('o', '\u{300}'), 'ò'),
    (('u', '\u{300}'), 'ù'),
    (('e', '\u{301}'), 'é'),
    (('E', '\u{301}'), 'É'),
    (('n', '\u{303}'), 'ñ'),
    (('N', '\u{303}'), 'Ñ'),
    (('a', '\u{308}'), 'ä'),
    (('o', '\u{308}'), 'ö'),
    (('u', '\u{308}'), 'ü'),
    (('A', '\u{308}'), 'Ä'),
    (('O', '\u{308}'), 'Ö'),
    (('U', '\u{308}'), 'Ü'),
    (('a', '\u{30a}'), 'å'),
    (('A', '\u{30a}'), 'Å'),
    (('C', '\u{327}'), 'Ç'),
];

/// Latin letters by the one that they are made of (canonical decompositions, and
/// letters with a stroke).
const LETTERS: [(&str, &str); 50] = [
    ("A", "ÀÁÂÃÄÅĀĂĄǍǞǠǺȀȂȦḀẠẢẤẦẨẪẬẮẰẲẴẶ"),
    ("a", "àáâãäåāăąǎǟǡǻȁȃȧḁạảấầẩẫậắằẳẵặ"),
    ("B", "ḂḄḆ"),
    ("b", "ƀḃḅḇ"),
    ("C", "ÇĆĈĊČḈ"),
    ("c", "çćĉċčḉ"),
    ("D", "ÐĎĐḊḌḎḐḒ"),
    ("d", "ðďđḋḍḏḑḓ"),
    ("E", "ÈÉÊËĒĔĖĘĚȄȆȨḔḖḘḚḜẸẺẼẾỀỂỄỆ"),
    ("e", "èéêëēĕėęěȅȇȩḕḗḙḛḝẹẻẽếềểễệ"),
    ("F", "Ḟ"),
    ("f", "ƒḟ"),
    ("G", "ĜĞĠĢǦǴḠ"),
    ("g", "ĝğġģǧǵḡ"),
    ("H", "ĤĦȞḢḤḦḨḪ"),
    ("h", "ĥħȟḣḥḧḩḫẖ"),
    ("I", "ÌÍÎÏĨĪĬĮİǏȈȊḬḮỈỊ"),
    ("i", "ìíîïĩīĭįıǐȉȋḭḯỉị"),
    ("J", "Ĵ"),
    ("j", "ĵǰ"),
    ("K", "ĶǨḰḲḴ"),
    ("k", "ķĸǩḱḳḵ"),
    ("L", "ĹĻĽŁḶḸḺḼ"),
    ("l", "ĺļľłḷḹḻḽ"),
    ("M", "ḾṀṂ"),
    ("m", "ḿṁṃ"),
    ("N", "ÑŃŅŇŊǸṄṆṈṊ"),
    ("n", "ñńņňŋǹṅṇṉṋ"),
    ("O", "ÒÓÔÕÖØŌŎŐƠǑǪǬȌȎȪȬȮȰṌṎṐṒỌỎỐỒỔỖỘỚỜỞỠỢ"),
    ("o", "òóôõöøōŏőơǒǫǭȍȏȫȭȯȱṍṏṑṓọỏốồổỗộớờởỡợ"),
    ("P", "ṔṖ"),
    ("p", "ṕṗ"),
    ("R", "ŔŖŘȐȒṘṚṜṞ"),
    ("r", "ŕŗřȑȓṙṛṝṟ"),
    ("S", "ŚŜŞŠȘṠṢṤṦṨ"),
    ("s", "śŝşšſșṡṣṥṧṩ"),
    ("T", "ŢŤŦȚṪṬṮṰ"),
    ("t", "ţťŧțṫṭṯṱẗ"),
    ("U", "ÙÚÛÜŨŪŬŮŰŲƯǓǕǗǙǛȔȖṲṴṶṸṺỤỦỨỪỬỮỰ"),
    ("u", "ùúûüũūŭůűųưǔǖǘǚǜȕȗṳṵṷṹṻụủứừửữự"),
    ("V", "ṼṾ"),
    ("v", "ṽṿ"),
    ("W", "ŴẀẂẄẆẈ"),
    ("w", "ŵẁẃẅẇẉẘ"),
    ("X", "ẊẌ"),
    ("x", "ẋẍ"),
    ("Y", "ÝŶŸȲẎỲỴỶỸ"),
    ("y", "ýÿŷȳẏẙỳỵỷỹ"),
    ("Z", "ŹŻŽẐẒẔ"),
    ("z", "źżžẑẓẕ"),
];

#[cfg(test)]
mod tests {
    use super::*;
    use crate::proto::smpp::encoding::{DefaultAlphabet, National};

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
        let national = NationalTables::of([National::Turkish]);
        let turkish = SegmentOptions {
            national,
            ..SegmentOptions::default()
        };
        assert_eq!(replaced("ışık", turkish), None);
        assert_eq!(replaced("ışık – yok", turkish).unwrap(), "ışık - yok");
        assert_eq!(replaced("ışık ŵ", turkish).unwrap(), "ışık w");
        let found = odd_characters("ışık – yok", turkish);
        assert_eq!(found.len(), 1);
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
        for (_, one) in COMPOSED {
            assert_eq!(gsm7::septets(one), Some(1));
        }
    }
}
