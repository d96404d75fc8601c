//! Laws of alphabets and segments.
#![allow(clippy::unwrap_used)]

use proptest::prelude::*;

use super::*;

fn options(concatenation: Concatenation) -> SegmentOptions {
    SegmentOptions {
        concatenation,
        ..SegmentOptions::default()
    }
}

/// Joins parts as a telephone does.
fn join(parts: &[Segment], alphabet: DefaultAlphabet) -> String {
    let text = |part: &Segment| {
        let message = crate::proto::smpp::ShortMessage {
            esm_class: if part.has_header { 0x40 } else { 0 },
            data_coding: part.encoding.data_coding(),
            user_data: part.user_data.clone(),
            tlvs: part.tlvs.clone(),
            ..Default::default()
        };
        message.text(alphabet)
    };
    parts.iter().map(text).collect()
}

fn check(text: &str, encoding: Encoding, characters: usize, segments: usize, units_left: usize) {
    let found = estimate(text, SegmentOptions::default());
    assert_eq!(found.encoding, encoding);
    assert_eq!(found.characters, characters);
    assert_eq!(
        (found.segments, found.units_left),
        (segments, units_left),
        "{} units",
        found.units
    );
}

#[test]
fn limits_are_those_of_the_network() {
    check("", Encoding::Gsm7, 0, 1, 160);
    check(&"a".repeat(160), Encoding::Gsm7, 160, 1, 0);
    check(&"a".repeat(161), Encoding::Gsm7, 161, 2, 145);
    check(&"a".repeat(306), Encoding::Gsm7, 306, 2, 0);
    check(&"€".repeat(80), Encoding::Gsm7, 80, 1, 0);
    check(&"ж".repeat(70), Encoding::Ucs2, 70, 1, 0);
    check(&"ж".repeat(71), Encoding::Ucs2, 71, 2, 63);
    check("😀", Encoding::Ucs2, 1, 1, 68);
}

#[test]
fn an_escape_pair_is_never_split() {
    let text = format!("{}€{}", "a".repeat(152), "b".repeat(20));
    let parts = split(&text, SegmentOptions::default(), 7).unwrap();
    assert_eq!(parts[0].user_data.len(), 6 + 152);
    assert_eq!(parts[1].user_data[6..8], [0x1b, 0x65]);
}

#[test]
fn a_surrogate_pair_is_never_split() {
    let text = format!("{}😀{}", "ж".repeat(66), "ж".repeat(20));
    let parts = split(&text, SegmentOptions::default(), 7).unwrap();
    assert_eq!(parts[0].user_data.len(), 6 + 66 * 2);
    assert_eq!(parts[1].user_data[6..10], [0xd8, 0x3d, 0xde, 0x00]);
}

#[test]
fn latin1_only_where_allowed() {
    let allowed = SegmentOptions {
        latin1_allowed: true,
        ..SegmentOptions::default()
    };
    assert_eq!(
        estimate("château çà", SegmentOptions::default()).encoding,
        Encoding::Ucs2
    );
    assert_eq!(estimate("château çà", allowed).encoding, Encoding::Latin1);
    assert_eq!(estimate(&"ç".repeat(141), allowed).segments, 2);
}

#[test]
fn more_than_255_parts_are_refused() {
    let longest = "a".repeat(153 * SEGMENTS_MAX);
    assert_eq!(
        split(&longest, SegmentOptions::default(), 1).unwrap().len(),
        SEGMENTS_MAX
    );
    assert_eq!(
        split(&format!("{longest}a"), SegmentOptions::default(), 1),
        Err(SplitError)
    );
}

#[test]
fn a_carriage_return_on_the_boundary_is_doubled() {
    assert_eq!(gsm7::pack(b"1234567\r").len(), 8);
    assert_eq!(gsm7::unpack_filled(&gsm7::pack(b"1234567")), b"1234567");
}

fn any_text() -> impl Strategy<Value = String> {
    let any = proptest::collection::vec(any::<char>(), 0..400);
    let gsm = proptest::collection::vec(
        prop::sample::select("aä€[]@ \n".chars().collect::<Vec<_>>()),
        0..700,
    );
    prop_oneof![any, gsm].prop_map(|chars| chars.into_iter().filter(|c| *c != '\u{1b}').collect())
}

fn any_concatenation() -> impl Strategy<Value = Concatenation> {
    use Concatenation::{MessagePayload, Sar, Udh8, Udh16};
    prop::sample::select(vec![Udh8, Udh16, Sar, MessagePayload])
}

proptest! {
    #[test]
    fn splitting_changes_nothing(text in any_text(), kind in any_concatenation()) {
        let parts = split(&text, options(kind), 0x1234).unwrap();
        prop_assert_eq!(join(&parts, DefaultAlphabet::Gsm7), text);
    }

    /// Packed text may gain a carriage return, or an `@` where seven bits are spare.
    #[test]
    fn the_octets_are_those_of_the_centres_alphabet(
        text in "[a-zA-Z0-9 @$_]{0,400}",
        kind in any_concatenation(),
    ) {
        use DefaultAlphabet::{Ascii, Gsm7Packed, Latin1};
        for alphabet in [Latin1, Ascii, Gsm7Packed] {
            let options = SegmentOptions { alphabet, ..options(kind) };
            let parts = split(&text, options, 1).unwrap();
            prop_assert!(parts.iter().all(|p| p.encoding == Encoding::Gsm7));
            if alphabet == Gsm7Packed {
                prop_assert!(parts.iter().all(|p| p.user_data.len() <= 140));
            } else {
                prop_assert_eq!(join(&parts, alphabet), text.clone());
            }
        }
    }

    #[test]
    fn packing_after_a_header_is_undone(
        septets in proptest::collection::vec(0_u8..128, 1..153),
        header in 5_usize..8,
    ) {
        let unpacked = gsm7::unpack_after(&gsm7::pack_after(&septets, header), header);
        prop_assert_eq!(&unpacked[..septets.len()], &septets[..]);
        prop_assert!(unpacked.len() <= septets.len() + 1);
    }

    #[test]
    fn the_estimate_is_what_split_makes(text in any_text(), kind in any_concatenation()) {
        let found = estimate(&text, options(kind));
        let parts = split(&text, options(kind), 1).unwrap();
        if kind != Concatenation::MessagePayload {
            prop_assert_eq!(parts.len(), found.segments);
        }
        prop_assert!(parts.iter().all(|p| p.encoding == found.encoding));
    }

    #[test]
    fn every_part_fits_the_network(text in any_text()) {
        for part in split(&text, SegmentOptions::default(), 1).unwrap() {
            let header = if part.has_header { 6 } else { 0 };
            let body = part.user_data.len() - header;
            let bits = if part.encoding == Encoding::Gsm7 { body * 7 } else { body * 8 };
            prop_assert!(bits + header * 8 <= 140 * 8);
        }
    }

    #[test]
    fn headers_are_read_as_written(reference: u16, total in 1_u8.., at: prop::sample::Index) {
        let number = at.index(usize::from(total)) as u8 + 1;
        let sar = crate::proto::smpp::Sar { reference, total, number };
        let wide = udh::header(Concatenation::Udh16, sar);
        prop_assert_eq!(udh::concatenation(&wide[1..]), Some((Concatenation::Udh16, sar)));
    }

    #[test]
    fn packing_is_undone(septets in proptest::collection::vec(0_u8..128, 0..200)) {
        prop_assert_eq!(gsm7::unpack(&gsm7::pack(&septets), septets.len()), septets);
    }

    #[test]
    fn decoding_never_panics(coding: u8, bytes: Vec<u8>) {
        decode_text(coding, &bytes, 0, DefaultAlphabet::Gsm7);
        decode_text(coding, &bytes, 6, DefaultAlphabet::Gsm7Packed);
        if let Some((header, _)) = udh::split(&bytes) {
            udh::concatenation(header);
        }
        gsm7::unpack_filled(&bytes);
    }
}
