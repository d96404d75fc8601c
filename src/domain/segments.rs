//! How many segments a text message takes (3GPP TS 23.038 and 23.040), and where it is cut. The
//! carrier's side splits by the same rules.

/// Characters of the GSM 7-bit default alphabet (TS 23.038, 6.2.1), one septet each.
const BASIC: &str = "@£$¥èéùìòÇ\nØø\rÅåΔ_ΦΓΛΩΠΨΣΘΞÆæßÉ !\"#¤%&'()*+,-./0123456789:;<=>?¡ABCDEFGHIJKLMNOPQRSTUVWXYZÄÖÑÜ§¿abcdefghijklmnopqrstuvwxyzäöñüà";
/// Characters of the extension table (6.2.1.1), two septets each.
const EXTENDED: &str = "\u{c}^{}\\[~]|€";

/// What a text message comes to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Segments {
    /// Characters as the carrier counts them: septets, or UTF-16 units.
    pub units: usize,
    /// Segments; 0 for an empty text.
    pub count: usize,
    /// Whether every character is in the GSM alphabet.
    pub gsm: bool,
}

/// Counts.
#[must_use]
pub fn segments(text: &str) -> Segments {
    let (widths, gsm) = widths(text);
    let units = widths.iter().sum();
    let count = if units == 0 {
        0
    } else {
        cuts(&widths, gsm).len() + 1
    };
    Segments { units, count, gsm }
}

/// The parts in which a text arrives, in order; none for an empty text.
#[must_use]
pub fn split(text: &str) -> Vec<String> {
    let (widths, gsm) = widths(text);
    let cuts = cuts(&widths, gsm);
    let mut parts: Vec<String> = Vec::new();
    for (at, character) in text.chars().enumerate() {
        match parts.last_mut() {
            Some(part) if !cuts.contains(&at) => part.push(character),
            Some(_) | None => parts.push(character.to_string()),
        }
    }
    parts
}

/// The first character that the GSM alphabet lacks: because of it the whole text takes more
/// room.
#[must_use]
pub fn first_wide(text: &str) -> Option<char> {
    text.chars().find(|character| septets(*character).is_none())
}

fn septets(character: char) -> Option<usize> {
    if BASIC.contains(character) {
        Some(1)
    } else if EXTENDED.contains(character) {
        Some(2)
    } else {
        None
    }
}

/// The width of each character, and whether all are in the GSM alphabet.
fn widths(text: &str) -> (Vec<usize>, bool) {
    let widths: Option<Vec<usize>> = text.chars().map(septets).collect();
    match widths {
        Some(widths) => (widths, true),
        None => (text.chars().map(char::len_utf16).collect(), false),
    }
}

/// The characters with which a new part begins. A character is never cut in two: one of two
/// units that no longer fits begins the next part.
fn cuts(widths: &[usize], gsm: bool) -> Vec<usize> {
    let (single, part) = if gsm { (160, 153) } else { (70, 67) };
    let mut cuts = Vec::new();
    if widths.iter().sum::<usize>() <= single {
        return cuts;
    }
    let mut used = 0;
    for (at, width) in widths.iter().enumerate() {
        if used + width > part {
            cuts.push(at);
            used = 0;
        }
        used += width;
    }
    cuts
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(text: &str, units: usize, count: usize, gsm: bool) {
        assert_eq!(segments(text), Segments { units, count, gsm });
    }

    #[test]
    fn counts_as_the_carrier_does() {
        check("", 0, 0, true);
        check("Flood warning", 13, 1, true);
        check(&"a".repeat(160), 160, 1, true);
        check(&"a".repeat(161), 161, 2, true);
        check(&"a".repeat(307), 307, 3, true);
        check("10 €", 5, 1, true);
        check(&"é".repeat(70), 70, 1, true);
        check(&"ê".repeat(70), 70, 1, false);
        check(&"ê".repeat(71), 71, 2, false);
        check("🔔", 2, 1, false);
    }

    #[test]
    fn a_wide_character_is_not_cut() {
        let text = format!("{}€{}", "a".repeat(152), "a".repeat(152));
        check(&text, 306, 3, true);
    }

    #[test]
    fn parts_are_the_text_again_and_as_many_as_counted() {
        for text in ["", "short", &"a€".repeat(200), &"ê🔔".repeat(90)] {
            let parts = split(text);
            assert_eq!(parts.concat(), text);
            assert_eq!(parts.len(), segments(text).count);
        }
        assert_eq!(first_wide("10 € for Zoë"), Some('ë'));
        assert_eq!(first_wide("10 €"), None);
    }
}
