//! Lines out of a text: broken between words, and within a word that is too long for a line.

use super::font::Measured;

/// Most characters of one text; what is behind them is left out, and an ellipsis says so.
pub(super) const TEXT_CHARS_MAX: usize = 200_000;

/// A text in lines no wider than `width` points. Never empty.
pub(super) fn lines(text: &str, font: &Measured, size: f32, width: f32) -> Vec<String> {
    let mut lines = Vec::new();
    let (text, more) = match text.char_indices().nth(TEXT_CHARS_MAX) {
        Some((end, _)) => (&text[..end], "…"),
        None => (text, ""),
    };
    for paragraph in text.lines() {
        wrap(paragraph, font, size, width, &mut lines);
    }
    match lines.last_mut() {
        Some(last) => last.push_str(more),
        None => lines.push(String::new()),
    }
    lines
}

fn wrap(text: &str, font: &Measured, size: f32, width: f32, lines: &mut Vec<String>) {
    let space = font.width_of(' ', size);
    let (mut line, mut used) = (String::new(), 0.0);
    for word in text.split([' ', '\t']) {
        let word: String = word.chars().filter(|one| !one.is_control()).collect();
        let wide = font.width(&word, size);
        if !line.is_empty() && used + space + wide > width {
            lines.push(std::mem::take(&mut line));
            used = 0.0;
        }
        if !line.is_empty() {
            line.push(' ');
            used += space;
        }
        if wide <= width {
            line.push_str(&word);
            used += wide;
            continue;
        }
        for character in word.chars() {
            let wide = font.width_of(character, size);
            if used + wide > width && !line.is_empty() {
                lines.push(std::mem::take(&mut line));
                used = 0.0;
            }
            line.push(character);
            used += wide;
        }
    }
    lines.push(line);
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::super::font::{Fonts, Weight};
    use super::*;

    fn wrapped(text: &str, width: f32) -> Vec<String> {
        lines(text, Fonts::embedded().of(Weight::Regular), 10.0, width)
    }

    #[test]
    fn words_stay_whole_where_they_fit() {
        let found = wrapped("one two three four", 60.0);
        assert_eq!(found, ["one two", "three four"]);
        assert_eq!(wrapped("a\n\nb", 60.0), ["a", "", "b"]);
        assert_eq!(wrapped("", 60.0), [""]);
    }

    proptest! {
        #[test]
        fn no_line_is_too_wide_and_nothing_is_lost(text in "[a-zéW漢 ]{0,200}", width in 20_f32..300.0) {
            let fonts = Fonts::embedded();
            let font = fonts.of(Weight::Regular);
            let found = lines(&text, font, 10.0, width);
            for line in &found {
                prop_assert!(font.width(line, 10.0) <= width + 0.01, "{line:?}");
            }
            let bare = |text: &str| text.chars().filter(|one| *one != ' ').collect::<String>();
            prop_assert_eq!(bare(&found.concat()), bare(&text));
        }
    }
}
