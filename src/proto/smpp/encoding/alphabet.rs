//! GSM 03.38 tables (3GPP TS 23.038, section 6.2.1).

/// Escape to the extension table.
pub(super) const ESCAPE: u8 = 0x1b;

/// The basic character set; position 0x1B is the escape itself.
const BASIC: [char; 128] = [
    '@', '£', '$', '¥', 'è', 'é', 'ù', 'ì', 'ò', 'Ç', '\n', 'Ø', 'ø', '\r', 'Å', 'å', //
    'Δ', '_', 'Φ', 'Γ', 'Λ', 'Ω', 'Π', 'Ψ', 'Σ', 'Θ', 'Ξ', '\u{1b}', 'Æ', 'æ', 'ß', 'É', //
    ' ', '!', '"', '#', '¤', '%', '&', '\'', '(', ')', '*', '+', ',', '-', '.', '/', //
    '0', '1', '2', '3', '4', '5', '6', '7', '8', '9', ':', ';', '<', '=', '>', '?', //
    '¡', 'A', 'B', 'C', 'D', 'E', 'F', 'G', 'H', 'I', 'J', 'K', 'L', 'M', 'N', 'O', //
    'P', 'Q', 'R', 'S', 'T', 'U', 'V', 'W', 'X', 'Y', 'Z', 'Ä', 'Ö', 'Ñ', 'Ü', '§', //
    '¿', 'a', 'b', 'c', 'd', 'e', 'f', 'g', 'h', 'i', 'j', 'k', 'l', 'm', 'n', 'o', //
    'p', 'q', 'r', 's', 't', 'u', 'v', 'w', 'x', 'y', 'z', 'ä', 'ö', 'ñ', 'ü', 'à',
];

/// The extension table.
const EXTENSION: [(u8, char); 10] = [
    (0x0a, '\u{0c}'),
    (0x14, '^'),
    (0x28, '{'),
    (0x29, '}'),
    (0x2f, '\\'),
    (0x3c, '['),
    (0x3d, '~'),
    (0x3e, ']'),
    (0x40, '|'),
    (0x65, '€'),
];

/// A character's place in the alphabet.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Place {
    Basic(u8),
    Extension(u8),
}

pub(super) fn place(character: char) -> Option<Place> {
    if character == char::from(ESCAPE) {
        return None;
    }
    // Most characters stand where ASCII has them.
    if character.is_ascii() && BASIC[character as usize] == character {
        return Some(Place::Basic(character as u8));
    }
    if let Some(at) = BASIC.iter().position(|c| *c == character) {
        return Some(Place::Basic(at as u8));
    }
    let found = EXTENSION.iter().find(|(_, c)| *c == character)?;
    Some(Place::Extension(found.0))
}

pub(super) fn basic(septet: u8) -> char {
    BASIC[usize::from(septet & 0x7f)]
}

pub(super) fn extension(septet: u8) -> Option<char> {
    EXTENSION
        .iter()
        .find(|(s, _)| *s == septet)
        .map(|(_, c)| *c)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_position_but_the_escape_is_found_again() {
        for septet in (0..128_u8).filter(|s| *s != ESCAPE) {
            assert_eq!(place(basic(septet)), Some(Place::Basic(septet)));
        }
        for (septet, character) in EXTENSION {
            assert_eq!(place(character), Some(Place::Extension(septet)));
        }
    }
}
