//! What a reader takes for one character and is better not cut: a letter with its marks, a
//! syllable, a flag, an emoji of several (Unicode annex 29, extended grapheme clusters).

use unicode_segmentation::UnicodeSegmentation as _;

/// The clusters of a text, in order; together they are the text.
pub(super) fn clusters(text: &str) -> impl Iterator<Item = &str> {
    text.graphemes(true)
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
            "\u{915}\u{94d}\u{937}\u{93f}",
            "\u{928}\u{940}",
            "\u{e19}\u{e33}",
            "\u{1100}\u{1161}\u{11a8}",
            "가",
        ];
        let text = pieces.concat();
        assert_eq!(clusters(&text).collect::<Vec<_>>(), pieces);
        assert_eq!(clusters("").count(), 0);
    }
}
