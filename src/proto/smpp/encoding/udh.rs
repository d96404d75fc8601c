//! User data header (3GPP TS 23.040, section 9.2.3.24).

use super::{Concatenation, National, Shift};
use crate::proto::smpp::pdu::Sar;

/// Information element: concatenation with an 8-bit reference.
const CONCATENATED_8_BIT: u8 = 0x00;
/// Information element: concatenation with a 16-bit reference.
const CONCATENATED_16_BIT: u8 = 0x08;
/// Information element: national language single shift (9.2.3.24.15).
const SINGLE_SHIFT: u8 = 0x24;
/// Information element: national language locking shift (9.2.3.24.16).
const LOCKING_SHIFT: u8 = 0x25;

/// Header and body of a payload; `None` if the header is longer than the payload.
pub fn split(payload: &[u8]) -> Option<(&[u8], &[u8])> {
    let (length, rest) = payload.split_first()?;
    rest.split_at_checked(usize::from(*length))
}

/// The concatenation element of a header (without its length octet), if it
/// has one that makes sense; the last of them counts (9.2.3.24).
pub fn concatenation(header: &[u8]) -> Option<(Concatenation, Sar)> {
    let found = elements(header).filter_map(|(element, value)| {
        let (kind, reference, total, number) = match (element, value) {
            (CONCATENATED_8_BIT, [reference, total, number]) => {
                (Concatenation::Udh8, u16::from(*reference), *total, *number)
            }
            (CONCATENATED_16_BIT, [high, low, total, number]) => (
                Concatenation::Udh16,
                u16::from_be_bytes([*high, *low]),
                *total,
                *number,
            ),
            _ => return None,
        };
        let sar = Sar {
            reference,
            total,
            number,
        };
        (1..=total).contains(&number).then_some((kind, sar))
    });
    found.last()
}

/// The national tables that a header (without its length octet) names and that
/// are known here; the last of a kind counts (9.2.3.24.15).
pub fn shift(header: &[u8]) -> Shift {
    let mut shift = Shift::default();
    for (element, value) in elements(header) {
        match (element, value) {
            (SINGLE_SHIFT, [table]) => shift.single = National::of_identifier(*table),
            (LOCKING_SHIFT, [table]) => shift.locking = National::of_identifier(*table),
            _ => {}
        }
    }
    shift
}

/// Identifier and value of each element, as far as they are whole.
fn elements(header: &[u8]) -> impl Iterator<Item = (u8, &[u8])> {
    let mut rest = header;
    std::iter::from_fn(move || {
        let [element, length, tail @ ..] = rest else {
            return None;
        };
        let (value, next) = tail.split_at_checked(usize::from(*length))?;
        rest = next;
        Some((*element, value))
    })
}

/// A whole header, length octet included, for one part. `Sar` and
/// `MessagePayload` need none.
pub fn header(kind: Concatenation, sar: Sar) -> Vec<u8> {
    header_with(Shift::default(), Some((kind, sar)))
}

/// A whole header, length octet included: the part's place, if it is one of
/// several, and the national tables in force. Empty when there is nothing to say.
pub fn header_with(shift: Shift, part: Option<(Concatenation, Sar)>) -> Vec<u8> {
    let mut elements = Vec::new();
    if let Some((kind, sar)) = part {
        let [high, low] = sar.reference.to_be_bytes();
        match kind {
            Concatenation::Udh8 => {
                elements.extend([CONCATENATED_8_BIT, 3, low, sar.total, sar.number]);
            }
            Concatenation::Udh16 => {
                elements.extend([CONCATENATED_16_BIT, 4, high, low, sar.total, sar.number]);
            }
            Concatenation::Sar | Concatenation::MessagePayload => {}
        }
    }
    for (element, table) in [(SINGLE_SHIFT, shift.single), (LOCKING_SHIFT, shift.locking)] {
        if let Some(table) = table {
            elements.extend([element, 1, table.identifier()]);
        }
    }
    if !elements.is_empty() {
        elements.insert(0, elements.len() as u8);
    }
    elements
}

/// Octets of the header on the air, length octet included. Where the message
/// centre ties the parts together, expect it to use the short reference.
pub fn header_octets(shift: Shift, parts: Option<Concatenation>) -> usize {
    const PLACE: Sar = Sar {
        reference: 0,
        total: 1,
        number: 1,
    };
    let part = parts.map(|kind| match kind {
        Concatenation::Udh16 => (Concatenation::Udh16, PLACE),
        Concatenation::Udh8 | Concatenation::Sar | Concatenation::MessagePayload => {
            (Concatenation::Udh8, PLACE)
        }
    });
    header_with(shift, part).len()
}
