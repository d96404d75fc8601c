//! GSM 03.38 tables (3GPP TS 23.038, section 6.2.1), with national ones in
//! their place where they are in force.

use super::national::Shift;

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

/// Where a character stands under these tables.
pub(super) fn place(character: char, shift: Shift) -> Option<Place> {
    if character == char::from(ESCAPE) {
        return None;
    }
    let table = shift.locking_table();
    // Most characters stand where ASCII has them.
    if table.is_none() && BASIC.get(character as usize) == Some(&character) {
        return Some(Place::Basic(character as u8));
    }
    if let Some(at) = table.unwrap_or(&BASIC).iter().position(|c| *c == character) {
        return Some(Place::Basic(at as u8));
    }
    let table = shift.single_table().unwrap_or(&EXTENSION);
    let found = table.iter().find(|(_, c)| *c == character)?;
    Some(Place::Extension(found.0))
}

pub(super) fn basic(septet: u8, shift: Shift) -> char {
    shift.locking_table().unwrap_or(&BASIC)[usize::from(septet & 0x7f)]
}

pub(super) fn extension(septet: u8, shift: Shift) -> Option<char> {
    let table = shift.single_table().unwrap_or(&EXTENSION);
    let found = table.iter().find(|(s, _)| *s == septet);
    found.map(|(_, c)| *c)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_position_but_the_escape_is_found_again() {
        let default = Shift::default();
        let any = Shift::all();
        for shift in any.iter().copied().chain([default]) {
            for septet in (0..128_u8).filter(|s| *s != ESCAPE) {
                let character = basic(septet, shift);
                assert_eq!(place(character, shift), Some(Place::Basic(septet)));
                if let Some(character) = extension(septet, shift) {
                    // What the locking table has needs no escape.
                    let wanted = match place(
                        character,
                        Shift {
                            single: None,
                            ..shift
                        },
                    ) {
                        Some(Place::Basic(at)) => Place::Basic(at),
                        Some(Place::Extension(_)) | None => Place::Extension(septet),
                    };
                    assert_eq!(place(character, shift), Some(wanted), "{shift:?}");
                }
            }
        }
        assert_eq!(place('€', default), Some(Place::Extension(0x65)));
        assert_eq!(place('ş', default), None);
    }
}
