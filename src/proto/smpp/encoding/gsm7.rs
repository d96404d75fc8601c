//! GSM 7-bit text: unpacked (an octet a septet, as SMPP carries it) and packed.

use super::alphabet::{self, ESCAPE, Place};
use super::national::Shift;

const CARRIAGE_RETURN: u8 = 0x0d;

/// Octets of a message on the air, header included (TS 23.040, 9.2.3.24).
pub const MESSAGE_OCTETS_MAX: usize = 140;

/// How many septets the character takes, 1 or 2; `None` if the alphabet lacks it.
pub fn septets(character: char) -> Option<usize> {
    septets_with(character, Shift::default())
}

/// As [`septets`], under national tables.
pub fn septets_with(character: char, shift: Shift) -> Option<usize> {
    Some(match alphabet::place(character, shift)? {
        Place::Basic(_) => 1,
        Place::Extension(_) => 2,
    })
}

/// Appends the character's septets; `false` if the tables lack it.
pub fn push(out: &mut Vec<u8>, character: char, shift: Shift) -> bool {
    match alphabet::place(character, shift) {
        Some(Place::Basic(septet)) => out.push(septet),
        Some(Place::Extension(septet)) => out.extend([ESCAPE, septet]),
        None => return false,
    }
    true
}

/// The text as septets, one an octet; `None` if a character is not in the alphabet.
pub fn encode(text: &str) -> Option<Vec<u8>> {
    encode_with(text, Shift::default())
}

/// As [`encode`], under national tables.
pub fn encode_with(text: &str, shift: Shift) -> Option<Vec<u8>> {
    let mut out = Vec::with_capacity(text.len());
    text.chars()
        .all(|c| push(&mut out, c, shift))
        .then_some(out)
}

/// Septets, one an octet, as text. An escape before a septet that the
/// extension table lacks shows the basic character (TS 23.038, 6.2.1.1);
/// octets over 127 are no septets and are read as Latin-1.
pub fn decode(septets: &[u8]) -> String {
    decode_with(septets, Shift::default())
}

/// As [`decode`], under national tables.
pub fn decode_with(septets: &[u8], shift: Shift) -> String {
    let mut text = String::with_capacity(septets.len());
    let mut rest = septets.iter().copied();
    while let Some(octet) = rest.next() {
        if octet > 0x7f {
            text.push(char::from(octet));
        } else if octet != ESCAPE {
            text.push(alphabet::basic(octet, shift));
        } else {
            match rest.next() {
                None | Some(ESCAPE) => text.push(' '),
                Some(next) if next > 0x7f => text.push(char::from(next)),
                Some(next) => text.push(
                    alphabet::extension(next, shift)
                        .unwrap_or_else(|| alphabet::basic(next, shift)),
                ),
            }
        }
    }
    text
}

/// Packs septets into octets (TS 23.038, 6.1.2.1) where nobody is told how many
/// there are. Seven spare bits at the end are filled with a carriage return, and
/// a carriage return that ends on an octet boundary is doubled (6.1.2.3.1).
pub fn pack(septets: &[u8]) -> Vec<u8> {
    pack_after(septets, 0)
}

/// As [`pack`], for septets that follow a header: fill bits bring the first to a
/// septet boundary counted from the header's start (TS 23.040, 9.2.3.24). A
/// carriage return is not doubled where a message is full.
pub fn pack_after(septets: &[u8], header_octets: usize) -> Vec<u8> {
    let fill = fill_bits(header_octets);
    let bits = fill as usize + septets.len() * 7;
    let is_full = header_octets + bits / 8 == MESSAGE_OCTETS_MAX;
    let ends_on_boundary = bits.is_multiple_of(8);
    let filler = match septets.last() {
        None => None,
        Some(&CARRIAGE_RETURN) if ends_on_boundary && !is_full => Some(CARRIAGE_RETURN),
        _ if bits % 8 == 1 => Some(CARRIAGE_RETURN),
        _ => None,
    };
    let filled: Vec<u8> = septets.iter().copied().chain(filler).collect();
    pack_bits(&filled, fill)
}

/// The septets of packed octets that follow a header, without the carriage
/// return that fills the end; see [`pack_after`].
pub fn unpack_after(packed: &[u8], header_octets: usize) -> Vec<u8> {
    let fill = fill_bits(header_octets);
    let bits = (packed.len() * 8).saturating_sub(fill as usize);
    let mut out = unpack_bits(packed, bits / 7, fill);
    if bits.is_multiple_of(7) && out.last() == Some(&CARRIAGE_RETURN) {
        out.pop();
    }
    out
}

fn fill_bits(header_octets: usize) -> u32 {
    ((7 - header_octets * 8 % 7) % 7) as u32
}

fn pack_bits(septets: &[u8], fill: u32) -> Vec<u8> {
    let mut out = Vec::with_capacity(septets.len() * 7 / 8 + 2);
    let (mut bits, mut held) = (0_u32, fill);
    for septet in septets {
        bits |= u32::from(septet & 0x7f) << held;
        held += 7;
        if held >= 8 {
            out.push(bits as u8);
            bits >>= 8;
            held -= 8;
        }
    }
    if held > 0 {
        out.push(bits as u8);
    }
    out
}

/// The first `count` septets of packed octets; fewer if there are not so many.
pub fn unpack(packed: &[u8], count: usize) -> Vec<u8> {
    unpack_bits(packed, count, 0)
}

fn unpack_bits(packed: &[u8], count: usize, fill: u32) -> Vec<u8> {
    let mut out = Vec::with_capacity(count.min(packed.len() * 8 / 7));
    let (mut bits, mut held, mut fill) = (0_u32, 0_u32, fill);
    for octet in packed {
        bits |= u32::from(*octet) << held;
        held += 8;
        if fill > 0 {
            bits >>= fill;
            held -= fill;
            fill = 0;
        }
        while held >= 7 && out.len() < count {
            out.push(bits as u8 & 0x7f);
            bits >>= 7;
            held -= 7;
        }
    }
    out
}

/// All septets of packed octets, without the carriage return that fills the end.
pub fn unpack_filled(packed: &[u8]) -> Vec<u8> {
    unpack_after(packed, 0)
}
