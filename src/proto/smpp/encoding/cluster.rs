//! What a reader takes for one character and is better not cut: a letter with
//! its marks, a flag, an emoji of several. An approximation of the grapheme
//! clusters of Unicode annex 29 without its tables.

use unicode_bidi::{BidiClass, bidi_class};

const ZERO_WIDTH_JOINER: char = '\u{200d}';

/// The clusters of a text, in order; together they are the text.
pub(super) struct Clusters<'t> {
    rest: &'t str,
}

pub(super) const fn clusters(text: &str) -> Clusters<'_> {
    Clusters { rest: text }
}

impl<'t> Iterator for Clusters<'t> {
    type Item = &'t str;

    fn next(&mut self) -> Option<&'t str> {
        let mut letters = self.rest.char_indices();
        let (_, mut last) = letters.next()?;
        let mut in_flag = is_regional(last);
        let end = letters.find(|(_, next)| {
            let joined = extends(*next)
                || last == ZERO_WIDTH_JOINER && !next.is_ascii()
                || (last, *next) == ('\r', '\n')
                || in_flag && is_regional(*next);
            // A flag is two of them.
            in_flag = false;
            last = *next;
            !joined
        });
        let end = end.map_or(self.rest.len(), |(at, _)| at);
        let (cluster, rest) = self.rest.split_at(end);
        self.rest = rest;
        Some(cluster)
    }
}

const fn is_regional(character: char) -> bool {
    matches!(character, '\u{1f1e6}'..='\u{1f1ff}')
}

/// It belongs to what stands before it: marks, variation selectors, the joiner,
/// skin tones, the letters of subdivision flags.
fn extends(character: char) -> bool {
    !character.is_ascii()
        && (character == ZERO_WIDTH_JOINER
            || matches!(character, '\u{1f3fb}'..='\u{1f3ff}' | '\u{e0020}'..='\u{e007f}')
            || bidi_class(character) == BidiClass::NSM)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_belongs_together_stays_together() {
        let pieces = [
            "a",
            "e\u{301}\u{323}",
            "👩\u{200d}👩\u{200d}👧",
            "👍\u{1f3fd}",
            "🇫🇷",
            "🇩🇪",
            "1\u{fe0f}\u{20e3}",
            "\r\n",
            "\n",
            "ж",
        ];
        let text = pieces.concat();
        assert_eq!(clusters(&text).collect::<Vec<_>>(), pieces);
        assert_eq!(clusters("").count(), 0);
    }
}
