//! User data header (3GPP TS 23.040, section 9.2.3.24).

use super::Concatenation;
use crate::proto::smpp::pdu::Sar;

/// Information element: concatenation with an 8-bit reference.
const CONCATENATED_8_BIT: u8 = 0x00;
/// Information element: concatenation with a 16-bit reference.
const CONCATENATED_16_BIT: u8 = 0x08;

/// Header and body of a payload; `None` if the header is longer than the payload.
pub fn split(payload: &[u8]) -> Option<(&[u8], &[u8])> {
    let (length, rest) = payload.split_first()?;
    rest.split_at_checked(usize::from(*length))
}

/// The concatenation element of a header (without its length octet), if it
/// has one that makes sense.
pub fn concatenation(header: &[u8]) -> Option<(Concatenation, Sar)> {
    let mut rest = header;
    while let [element, length, tail @ ..] = rest {
        let (value, next) = tail.split_at_checked(usize::from(*length))?;
        rest = next;
        let (kind, reference, total, number) = match (*element, value) {
            (CONCATENATED_8_BIT, [reference, total, number]) => {
                (Concatenation::Udh8, u16::from(*reference), *total, *number)
            }
            (CONCATENATED_16_BIT, [high, low, total, number]) => (
                Concatenation::Udh16,
                u16::from_be_bytes([*high, *low]),
                *total,
                *number,
            ),
            _ => continue,
        };
        if (1..=total).contains(&number) {
            return Some((
                kind,
                Sar {
                    reference,
                    total,
                    number,
                },
            ));
        }
    }
    None
}

/// A whole header, length octet included, for one part. `Sar` and
/// `MessagePayload` need none.
pub fn header(kind: Concatenation, sar: Sar) -> Vec<u8> {
    let [high, low] = sar.reference.to_be_bytes();
    match kind {
        Concatenation::Udh8 => vec![5, CONCATENATED_8_BIT, 3, low, sar.total, sar.number],
        Concatenation::Udh16 => vec![6, CONCATENATED_16_BIT, 4, high, low, sar.total, sar.number],
        Concatenation::Sar | Concatenation::MessagePayload => Vec::new(),
    }
}
