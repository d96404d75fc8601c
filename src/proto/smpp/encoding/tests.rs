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

/// Joins parts, reading the national tables that their headers name.
fn join_shifted(parts: &[Segment], alphabet: DefaultAlphabet) -> String {
    let text = |part: &Segment| {
        decode_payload(part.data_coding, &part.user_data, part.has_header, alphabet)
    };
    parts.iter().map(text).collect()
}

fn national(languages: &[National]) -> SegmentOptions {
    SegmentOptions {
        national: NationalTables::of(languages.iter().copied()),
        ..SegmentOptions::default()
    }
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
fn a_longer_header_leaves_less_room() {
    let room = |shift, parts| {
        let octets = gsm7::MESSAGE_OCTETS_MAX - udh::header_octets(shift, parts);
        (octets * 8 / 7, octets / 2)
    };
    let (one, both) = (Shift::all()[0], Shift::all()[5]);
    assert!(both.single.is_some() && both.locking.is_some());
    let several = [Concatenation::Udh8, Concatenation::Udh16].map(Some);
    assert_eq!(room(Shift::default(), None), (160, 70));
    assert_eq!(
        several.map(|kind| room(Shift::default(), kind)),
        [(153, 67), (152, 66)]
    );
    assert_eq!(room(one, None).0, 155);
    assert_eq!(several.map(|kind| room(one, kind).0), [149, 148]);
    assert_eq!(room(both, None).0, 152);
    assert_eq!(several.map(|kind| room(both, kind).0), [146, 145]);
    assert_eq!(
        room(one, Some(Concatenation::Sar)).0,
        149,
        "the centre makes it"
    );
}

#[test]
fn texts_are_written_as_others_write_them() {
    let path = concat!(env!("CARGO_MANIFEST_DIR"), "/fixtures/smpp/texts.jsonl");
    let hex = |octets: &[u8]| -> String { octets.iter().map(|o| format!("{o:02x}")).collect() };
    for line in std::fs::read_to_string(path).unwrap().lines() {
        let row: serde_json::Value = serde_json::from_str(line).unwrap();
        let languages = row["national"].as_array().unwrap().iter();
        let languages = languages.map(|name| National::of_name(name.as_str().unwrap()).unwrap());
        let options = SegmentOptions {
            concatenation: match row["segmentation"].as_str().unwrap() {
                "udh" => Concatenation::Udh8,
                "udh16" => Concatenation::Udh16,
                other => {
                    assert_eq!(other, "sar");
                    Concatenation::Sar
                }
            },
            alphabet: match row["alphabet"].as_str().unwrap() {
                "gsm7" => DefaultAlphabet::Gsm7,
                other => {
                    assert_eq!(other, "gsm7-packed");
                    DefaultAlphabet::Gsm7Packed
                }
            },
            national: NationalTables::of(languages),
            ..SegmentOptions::default()
        };
        let reference = row["reference"].as_u64().unwrap() as u16;
        let found = split(row["text"].as_str().unwrap(), options, reference).unwrap();
        let found: Vec<String> = found.iter().map(|part| hex(&part.user_data)).collect();
        let wanted = row["parts"].as_array().unwrap().iter();
        let text = |value: &serde_json::Value| value.as_str().unwrap().to_owned();
        let wanted: Vec<String> = wanted
            .map(|part| text(&part["udh"]) + &text(&part["body"]))
            .collect();
        assert_eq!(found, wanted, "{line}");
    }
}

#[test]
fn national_tables_only_where_they_are_needed_and_save_nothing_to_others() {
    let turkish = national(&[National::Turkish]);
    let found = estimate("ışık", turkish);
    assert_eq!(
        (found.encoding, found.units, found.units_left),
        (Encoding::Gsm7, 7, 148)
    );
    assert_eq!(found.shift.single, Some(National::Turkish));
    assert_eq!(estimate("Hello", turkish).shift, Shift::default());
    assert_eq!(
        estimate("ışık", SegmentOptions::default()).encoding,
        Encoding::Ucs2
    );
    assert_eq!(estimate("ж ı", turkish).encoding, Encoding::Ucs2);
    for concatenation in [Concatenation::Udh16, Concatenation::Sar] {
        let options = SegmentOptions {
            concatenation,
            ..turkish
        };
        assert_eq!(estimate("ışık", options).encoding, Encoding::Gsm7);
    }
    let refused = [
        SegmentOptions {
            concatenation: Concatenation::MessagePayload,
            ..turkish
        },
        SegmentOptions {
            alphabet: DefaultAlphabet::Latin1,
            ..turkish
        },
    ];
    assert!(
        refused
            .iter()
            .all(|o| estimate("ışık", *o).encoding == Encoding::Ucs2)
    );
}

#[test]
fn a_carriers_own_values_announce_the_encoding() {
    let options = SegmentOptions {
        codings: DataCodings {
            gsm7: 0xf1,
            latin1: 0x03,
            ucs2: 0x19,
        },
        ..SegmentOptions::default()
    };
    for (text, coding) in [("Flood", 0xf1), ("ж", 0x19)] {
        let parts = split(text, options, 1).unwrap();
        assert_eq!(parts[0].data_coding, coding);
        assert_eq!(join_shifted(&parts, DefaultAlphabet::Gsm7), text);
    }
}

#[test]
fn a_family_is_cut_only_where_no_message_holds_it() {
    let family = "👩\u{200d}👩\u{200d}👧";
    let text = format!("{}{family}{}", "ж".repeat(63), "ж".repeat(20));
    let parts = parts(&text, SegmentOptions::default());
    assert_eq!(parts[0], "ж".repeat(63), "eight units do not fit behind");
    assert!(parts[1].starts_with(family));
    let endless = format!("a{}", "\u{301}".repeat(200));
    let found = estimate(&endless, SegmentOptions::default());
    assert_eq!((found.segments, found.units), (3, 201));
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
fn of_two_places_in_a_header_the_last_counts() {
    let header = [
        0x00, 3, 7, 3, 1, 0x08, 4, 0x12, 0x34, 2, 2, 0x00, 3, 7, 0, 0,
    ];
    let sar = crate::proto::smpp::Sar {
        reference: 0x1234,
        total: 2,
        number: 2,
    };
    let found = udh::concatenation(&header);
    assert_eq!(found, Some((Concatenation::Udh16, sar)));
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

    /// Packed text may gain a carriage return.
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

    /// But for a carriage return that ends on an octet boundary: it is doubled, or taken for
    /// filling where the message is full.
    #[test]
    fn packing_after_a_header_is_undone(
        septets in proptest::collection::vec(0_u8..128, 1..153),
        header in prop::sample::select(vec![0_usize, 4, 6, 7, 9, 10]),
    ) {
        let unpacked = gsm7::unpack_after(&gsm7::pack_after(&septets, header), header);
        if septets.last() == Some(&b'\r') {
            prop_assert!(unpacked.len().abs_diff(septets.len()) <= 1);
        } else {
            prop_assert_eq!(unpacked, septets);
        }
    }

    #[test]
    fn every_alphabet_is_read_as_it_is_written(
        text in "[a-zà-ü@€ßÇğışİÁçãõÔº|^\\[\\]~ ]{0,300}",
        kind in any_concatenation(),
        packed: bool,
    ) {
        let alphabet = if packed { DefaultAlphabet::Gsm7Packed } else { DefaultAlphabet::Gsm7 };
        for languages in [&[][..], &National::ALL[..1], &National::ALL[1..2], &National::ALL[..]] {
            let options = SegmentOptions { concatenation: kind, alphabet, ..national(languages) };
            let parts = split(&text, options, 7).unwrap();
            let found = estimate(&text, options);
            let payload = kind == Concatenation::MessagePayload && found.segments > 1;
            if !payload {
                prop_assert_eq!(found.segments, parts.len());
                prop_assert_eq!(join_shifted(&parts, alphabet), text.clone());
            }
            for part in parts.iter().filter(|_| !payload) {
                prop_assert_eq!(part.shift, found.shift);
                let header = udh::split(&part.user_data).filter(|_| part.has_header);
                let header = header.map_or(0, |(header, _)| header.len() + 1);
                let body = part.user_data.len() - header;
                let bits = if part.encoding == Encoding::Gsm7 && !packed { body * 7 } else { body * 8 };
                prop_assert!(header * 8 + bits <= 140 * 8);
            }
        }
    }

    #[test]
    fn every_table_gives_back_what_it_has(at in 0..Shift::all().len(), septets in proptest::collection::vec(0_u8..128, 0..160)) {
        let shift = Shift::all()[at];
        let text = gsm7::decode_with(&septets, shift);
        let again = gsm7::encode_with(&text, shift).unwrap();
        prop_assert_eq!(gsm7::decode_with(&again, shift), text);
    }

    #[test]
    fn cut_text_is_the_text(text in any_text(), kind in any_concatenation()) {
        prop_assert_eq!(parts(&text, options(kind)).concat(), text);
    }

    #[test]
    fn what_is_offered_is_sent_as_septets(text in ".{0,200}") {
        if let Some(other) = replaced(&text, SegmentOptions::default()) {
            prop_assert_eq!(estimate(&other, SegmentOptions::default()).encoding, Encoding::Gsm7);
            prop_assert!(!odd_characters(&text, SegmentOptions::default()).is_empty());
        }
    }

    #[test]
    fn what_is_offered_is_never_ucs2_whatever_a_carrier_passes_on(
        text in "[a-zà-üğışİÁ\u{300}-\u{327}ŵ∞–\u{a0}è ]{0,90}",
        latin1_allowed: bool,
    ) {
        for languages in [&[][..], &National::ALL[..1], &National::ALL[1..], &National::ALL[..]] {
            let options = SegmentOptions { latin1_allowed, ..national(languages) };
            let is_wide = estimate(&text, options).encoding == Encoding::Ucs2;
            prop_assert_eq!(odd_characters(&text, options).is_empty(), !is_wide);
            if let Some(other) = replaced(&text, options) {
                prop_assert!(is_wide && estimate(&other, options).encoding != Encoding::Ucs2);
            }
        }
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
