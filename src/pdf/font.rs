//! The two embedded fonts: which glyph a character has, and how wide it is.

use krilla::text::{Font, GlyphId, KrillaGlyph};
use ttf_parser::Face;
use unicode_bidi::{BidiInfo, Level};
use unicode_bidi_mirroring::get_mirrored;

const REGULAR: &[u8] = include_bytes!("fonts/DejaVuSans.ttf");
const BOLD: &[u8] = include_bytes!("fonts/DejaVuSans-Bold.ttf");

/// Stands for a character that the font has not: a box.
const REPLACEMENT: char = '\u{25a1}';

/// A font and what is measured with it.
pub(super) struct Measured {
    pub(super) font: Font,
    face: Face<'static>,
    units_per_em: f32,
}

/// Which of the two.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Weight {
    Regular,
    Bold,
}

/// Both.
pub(super) struct Fonts {
    regular: Measured,
    bold: Measured,
}

impl Fonts {
    pub(super) fn embedded() -> Self {
        Self {
            regular: Measured::of(REGULAR),
            bold: Measured::of(BOLD),
        }
    }

    pub(super) const fn of(&self, weight: Weight) -> &Measured {
        match weight {
            Weight::Regular => &self.regular,
            Weight::Bold => &self.bold,
        }
    }
}

impl Measured {
    fn of(bytes: &'static [u8]) -> Self {
        let (Some(font), Ok(face)) = (Font::new(bytes.into(), 0), Face::parse(bytes, 0)) else {
            unreachable!("the embedded fonts are read by a test");
        };
        Self {
            font,
            units_per_em: f32::from(face.units_per_em()),
            face,
        }
    }

    fn glyph(&self, character: char) -> ttf_parser::GlyphId {
        let known = self.face.glyph_index(character);
        let known = known.or_else(|| self.face.glyph_index(REPLACEMENT));
        known.unwrap_or_default()
    }

    /// Width of a character in a size, in points.
    pub(super) fn width_of(&self, character: char, size: f32) -> f32 {
        self.advance(self.glyph(character)) * size
    }

    /// Width of a text on one line, in points.
    pub(super) fn width(&self, text: &str, size: f32) -> f32 {
        text.chars().map(|one| self.width_of(one, size)).sum()
    }

    /// Part of the em by which the pen moves on.
    fn advance(&self, glyph: ttf_parser::GlyphId) -> f32 {
        f32::from(self.face.glyph_hor_advance(glyph).unwrap_or(0)) / self.units_per_em
    }

    /// The glyphs of a line in the order in which they stand, one for each character.
    pub(super) fn glyphs(&self, text: &str) -> Vec<KrillaGlyph> {
        let glyph = |(start, character, shown): (usize, char, char)| {
            let glyph = self.glyph(shown);
            KrillaGlyph {
                glyph_id: GlyphId::new(u32::from(glyph.0)),
                text_range: start..start + character.len_utf8(),
                x_advance: self.advance(glyph),
                x_offset: 0.0,
                y_offset: 0.0,
                y_advance: 0.0,
                location: None,
            }
        };
        in_sight(text).into_iter().map(glyph).collect()
    }
}

/// The characters of a line from left to right as they are read, each with where it stands in the
/// text and as what it is shown (UAX 9: a bracket within Hebrew opens to the other side).
fn in_sight(text: &str) -> Vec<(usize, char, char)> {
    let as_said = |(at, one): (usize, char)| (at, one, one);
    let bidi = BidiInfo::new(text, None);
    if !bidi.has_rtl() {
        return text.char_indices().map(as_said).collect();
    }
    let mut seen = Vec::new();
    for paragraph in &bidi.paragraphs {
        let (levels, runs) = bidi.visual_runs(paragraph, paragraph.range.clone());
        for run in runs {
            let is_rtl = levels.get(run.start).is_some_and(Level::is_rtl);
            let start = run.start;
            let said = text.get(run).unwrap_or_default().char_indices();
            let said = said.map(|(at, one)| (start + at, one));
            if is_rtl {
                let mirrored = |(at, one)| (at, one, get_mirrored(one).unwrap_or(one));
                seen.extend(said.rev().map(mirrored));
            } else {
                seen.extend(said.map(as_said));
            }
        }
    }
    seen
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_read_from_the_right_stands_from_the_right() {
        let shown = |text: &str| -> String {
            let seen = in_sight(text);
            assert_eq!(seen.len(), text.chars().count());
            seen.iter().map(|(.., shown)| shown).collect()
        };
        assert_eq!(shown("Flood (2 km)"), "Flood (2 km)");
        assert_eq!(shown("שלום"), "םולש");
        assert_eq!(shown("Re: שלום 12 (אב)"), "Re: (בא) 12 םולש");
        let at: Vec<usize> = in_sight("אב").iter().map(|(at, ..)| *at).collect();
        assert_eq!(at, [2, 0], "the text stays as it is for whoever copies it");
    }

    #[test]
    fn both_fonts_have_what_europe_writes_and_a_box_for_the_rest() {
        let fonts = Fonts::embedded();
        for weight in [Weight::Regular, Weight::Bold] {
            let font = fonts.of(weight);
            for character in "AZaz09 éßœÿŁřΩжяЇ€£–—…“”«»\u{202f}→✓□".chars()
            {
                assert!(font.face.glyph_index(character).is_some(), "{character:?}");
            }
            assert_eq!(font.face.glyph_index('漢'), None);
            assert_eq!(font.glyph('漢'), font.glyph(REPLACEMENT));
            assert!(font.width_of('漢', 10.0) > 4.0);
        }
    }
}
