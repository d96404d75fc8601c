//! How many segments a text message takes (3GPP TS 23.038 and 23.040). For the page's counter;
//! the carrier's side splits by the same rules.

/// Characters of the GSM 7-bit default alphabet (TS 23.038, 6.2.1), one septet each.
const BASIC: &str = "@£$¥èéùìòÇ\nØø\rÅåΔ_ΦΓΛΩΠΨΣΘΞÆæßÉ !\"#¤%&'()*+,-./0123456789:;<=>?¡ABCDEFGHIJKLMNOPQRSTUVWXYZÄÖÑÜ§¿abcdefghijklmnopqrstuvwxyzäöñüà";
/// Characters of the extension table (6.2.1.1), two septets each.
const EXTENDED: &str = "\u{c}^{}\\[~]|€";

/// What a text message comes to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Segments {
    /// Characters as the carrier counts them: septets, or UTF-16 units.
    pub(crate) units: usize,
    /// Segments; 0 for an empty text.
    pub(crate) count: usize,
    /// Whether every character is in the GSM alphabet.
    pub(crate) gsm: bool,
}

/// Counts.
pub(crate) fn segments(text: &str) -> Segments {
    let septets = |c: char| {
        if BASIC.contains(c) {
            Some(1)
        } else if EXTENDED.contains(c) {
            Some(2)
        } else {
            None
        }
    };
    let widths: Option<Vec<usize>> = text.chars().map(septets).collect();
    let (widths, gsm, single, part) = match widths {
        Some(widths) => (widths, true, 160, 153),
        None => (text.chars().map(char::len_utf16).collect(), false, 70, 67),
    };
    let units = widths.iter().sum();
    let count = if units <= single {
        usize::from(units > 0)
    } else {
        parts(&widths, part)
    };
    Segments { units, count, gsm }
}

/// A character is never cut in two: one of two units that no longer fits begins the next part.
fn parts(widths: &[usize], part: usize) -> usize {
    let mut count = 1;
    let mut used = 0;
    for width in widths {
        if used + width > part {
            count += 1;
            used = 0;
        }
        used += width;
    }
    count
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
}
