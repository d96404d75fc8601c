//! The codec and the encodings against material that was written elsewhere,
//! and against the strict codec. Skips, loudly, where the material is missing.
#![allow(clippy::unwrap_used, clippy::print_stderr)]

use std::path::Path;

use bytes::BytesMut;
use proptest::prelude::*;
use serde_json::Value;

use super::encoding::{self, DefaultAlphabet, SegmentOptions, gsm7};
use super::receipt::{self, MessageState, ReceiptTime};
use super::*;

fn lines(file: &str) -> Vec<String> {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let path = root.join("../shared/corpus/smpp").join(file);
    match std::fs::read_to_string(&path) {
        Ok(text) => text.lines().map(str::to_owned).collect(),
        Err(error) => {
            eprintln!("SKIPPED: no corpus at {}: {error}", path.display());
            Vec::new()
        }
    }
}

fn rows(file: &str) -> Vec<Value> {
    lines(file)
        .iter()
        .map(|line| serde_json::from_str(line).unwrap())
        .collect()
}

fn octets(hex: &Value) -> Vec<u8> {
    let digits = hex.as_str().unwrap();
    let pairs = digits.as_bytes().chunks(2);
    pairs
        .map(|p| u8::from_str_radix(std::str::from_utf8(p).unwrap(), 16).unwrap())
        .collect()
}

/// Commands that this core does not serve, though the specification has them.
const NOT_SERVED: [u64; 3] = [0x03, 0x110, 0x08];

#[test]
fn pdus_of_other_implementations_are_read_as_they_read_them() {
    let mut read = 0;
    for row in rows("pdus.jsonl") {
        let (frame, reference) = (octets(&row["hex"]), &row["ref_npm_smpp"]);
        let mut reader = FrameReader::default();
        reader.push(&frame);
        let Some(cut) = reader.next() else {
            assert_eq!(reference, "incomplete", "{row}");
            continue;
        };
        let command = reference["command_id"].as_u64().unwrap();
        let pdu = match decode(&cut.unwrap()) {
            Ok(pdu) => pdu,
            Err(error) => {
                assert!(NOT_SERVED.contains(&command), "{error}: {row}");
                continue;
            }
        };
        // Some references print the number signed.
        let sequence = reference["sequence_number"].as_i64().unwrap();
        assert_eq!(i64::from(pdu.sequence), sequence & 0xffff_ffff, "{row}");
        assert_eq!(
            u64::from(pdu.status.0),
            reference["command_status"].as_u64().unwrap()
        );
        check_body(&pdu.body, reference);
        read += 1;
    }
    assert!(read == 0 || read > 40, "only {read} were read");
}

fn check_body(body: &Body, reference: &Value) {
    let text = |field: &str| reference[field].as_str().unwrap_or_default().to_owned();
    match body {
        Body::SubmitSm(m) | Body::DeliverSm(m) | Body::DataSm(m) => {
            assert_eq!(m.source.value, text("source_addr"), "{reference}");
            assert_eq!(m.destination.value, text("destination_addr"), "{reference}");
            assert_eq!(
                u64::from(m.esm_class),
                reference["esm_class"].as_u64().unwrap()
            );
            assert_eq!(
                u64::from(m.data_coding),
                reference["data_coding"].as_u64().unwrap()
            );
            if m.data_coding == 8
                && let Some(said) = reference["short_message"]["message"].as_str()
            {
                assert_eq!(m.text(DefaultAlphabet::Gsm7), said, "{reference}");
            }
            if let Some(id) = reference["receipted_message_id"].as_str() {
                assert_eq!(
                    m.receipted_message_id().as_deref(),
                    Some(id.trim_end_matches('\0'))
                );
            }
            assert_eq!(
                m.message_state().map(u64::from),
                reference["message_state"].as_u64()
            );
        }
        Body::SubmitSmResp(id) | Body::DataSmResp(id) => {
            assert_eq!(
                id.clone().unwrap_or_default(),
                text("message_id"),
                "{reference}"
            );
        }
        Body::BindResp(_, response) => {
            assert_eq!(response.system_id, text("system_id"));
            let version = reference["sc_interface_version"].as_u64();
            assert_eq!(response.interface_version.map(u64::from), version);
        }
        Body::Bind(_, request) => {
            assert_eq!(request.system_id, text("system_id"));
            assert_eq!(request.password, text("password"));
            assert_eq!(
                u64::from(request.address_range.ton),
                reference["addr_ton"].as_u64().unwrap()
            );
        }
        Body::DeliverSmResp
        | Body::EnquireLink
        | Body::EnquireLinkResp
        | Body::Unbind
        | Body::UnbindResp
        | Body::GenericNack
        | Body::Notification(_)
        | Body::OtherResponse(_) => {}
    }
}

#[test]
fn the_alphabet_is_the_published_one() {
    for line in lines("gsm0338.tsv").iter().skip(1) {
        let fields: Vec<&str> = line.split('\t').collect();
        let septet = u8::from_str_radix(fields[1].trim_start_matches("0x"), 16).unwrap();
        let point = u32::from_str_radix(fields[2].trim_start_matches("U+"), 16).unwrap();
        let character = char::from_u32(point).unwrap();
        let expected = match fields[0] {
            "BASIC_CHARACTER_SET" if septet == 0x1b => continue,
            "BASIC_CHARACTER_SET" => vec![septet],
            "BASIC_CHARACTER_SET_EXTENSION" => vec![0x1b, septet],
            _ => continue,
        };
        assert_eq!(
            gsm7::encode(&character.to_string()),
            Some(expected),
            "{line}"
        );
    }
}

#[test]
fn seven_bit_vectors() {
    for row in rows("gsm7.vectors.jsonl") {
        let text = row["text"].as_str().unwrap();
        match row["op"].as_str().unwrap() {
            "unpack7" => {
                let packed = octets(&row["hex"]);
                assert_eq!(gsm7::decode(&gsm7::unpack_filled(&packed)), text);
                assert_eq!(gsm7::pack(&gsm7::encode(text).unwrap()), packed, "{text}");
            }
            "encode8" => assert_eq!(gsm7::encode(text).unwrap(), octets(&row["hex"])),
            "encode8-error" => assert_eq!(gsm7::encode(text), None),
            "split" => {
                let reference = row["ref"].as_u64().unwrap() as u16;
                let parts = encoding::split(text, SegmentOptions::default(), reference).unwrap();
                let found: Vec<_> = parts.into_iter().map(|p| p.user_data).collect();
                let expected: Vec<_> = row["parts"]
                    .as_array()
                    .unwrap()
                    .iter()
                    .map(octets)
                    .collect();
                assert_eq!(found, expected);
            }
            "split-count" => {
                let found = encoding::estimate(text, SegmentOptions::default());
                assert_eq!(found.segments as u64, row["parts_n"].as_u64().unwrap());
            }
            other => panic!("unknown vector {other}"),
        }
    }
}

#[test]
fn receipts_of_other_implementations() {
    for row in rows("receipts.jsonl") {
        let text = row["text"].as_str().unwrap();
        let mut message = ShortMessage {
            user_data: text.as_bytes()[..text.len().min(250)].to_vec(),
            esm_class: 4,
            ..ShortMessage::default()
        };
        if let Some(id) = row["tlv"]["receipted_message_id"].as_str() {
            let value = format!("{id}\0").into_bytes();
            message.tlvs.push(Tlv {
                tag: tlv_tag::RECEIPTED_MESSAGE_ID,
                value,
            });
        }
        if let Some(state) = row["tlv"]["message_state"].as_u64() {
            message.tlvs.push(Tlv {
                tag: tlv_tag::MESSAGE_STATE,
                value: vec![state as u8],
            });
        }
        let found = receipt::from_message(&message);
        let expected = &row["expected"];
        if expected.is_null() {
            // A misspelt key, an odd state: the rest is read all the same.
            assert!(found.unwrap().best_id().is_some(), "{row}");
            continue;
        }
        check_receipt(&found.unwrap(), expected, &row);
    }
}

fn check_receipt(found: &receipt::Receipt, expected: &Value, row: &Value) {
    assert_eq!(found.best_id(), expected["id"].as_str(), "{row}");
    if let Some(stat) = expected["stat"].as_str() {
        assert_eq!(found.state, MessageState::from_stat(stat), "{row}");
        assert!(found.state.is_some(), "{row}");
    }
    match expected["final"].as_str() {
        Some("delivered") => assert_eq!(found.state, Some(MessageState::Delivered)),
        Some("failed") => assert_eq!(found.state, Some(MessageState::Undeliverable)),
        _ => {}
    }
    if let Some(error) = expected["err"].as_str() {
        assert_eq!(found.error.as_deref(), Some(error), "{row}");
    }
    if let Some(text) = expected["text"].as_str() {
        assert_eq!(found.text.as_deref(), Some(text), "{row}");
    }
    let counts = [(found.submitted, "sub"), (found.delivered, "dlvrd")];
    for (count, name) in counts {
        if let Some(number) = expected[name].as_u64() {
            assert_eq!(count.map(u64::from), Some(number), "{row}");
        }
    }
    for (time, name) in [
        (found.submit_date, "submit_date"),
        (found.done_date, "done_date"),
    ] {
        if let Some(date) = expected[name].as_str() {
            assert_eq!(time.map(iso), Some(date.to_owned()), "{row}");
        }
    }
}

fn iso(time: ReceiptTime) -> String {
    let ReceiptTime {
        year,
        month,
        day,
        hour,
        minute,
        second,
    } = time;
    format!("{year}-{month:02}-{day:02}T{hour:02}:{minute:02}:{second:02}Z")
}

fn any_message() -> impl Strategy<Value = ShortMessage> {
    let address = ("[0-9A-Za-z]{0,20}", 0_u8..7, 0_u8..19).prop_map(|(value, ton, npi)| Address {
        ton,
        npi,
        value,
    });
    let tlv = (any::<u16>(), proptest::collection::vec(any::<u8>(), 0..40))
        .prop_map(|(tag, value)| Tlv { tag, value });
    let octets = proptest::collection::vec(any::<u8>(), 0..255);
    let numbers = (any::<u8>(), any::<u8>(), any::<u8>(), any::<u8>());
    (
        address.clone(),
        address,
        octets,
        proptest::collection::vec(tlv, 0..5),
        numbers,
        any::<bool>(),
    )
        .prop_map(
            |(source, destination, user_data, tlvs, (a, b, c, d), is_timed)| ShortMessage {
                source,
                destination,
                user_data,
                tlvs,
                esm_class: a,
                protocol_id: b,
                registered_delivery: c,
                data_coding: d,
                validity_period: if is_timed {
                    "000002000000000R".to_owned()
                } else {
                    String::new()
                },
                ..ShortMessage::default()
            },
        )
}

proptest! {
    #[test]
    fn what_is_written_is_read(message in any_message(), sequence: u32) {
        let pdu = Pdu { status: CommandStatus::ROK, sequence, body: Body::SubmitSm(message) };
        let mut octets = BytesMut::new();
        encode(&pdu, &mut octets).unwrap();
        prop_assert_eq!(decode(&octets).unwrap(), pdu);
    }

    #[test]
    fn what_the_strict_codec_reads_we_read(message in any_message(), sequence: u32) {
        use rusmpp::decode::DecodeWithLength;
        let pdu = Pdu { status: CommandStatus::ROK, sequence, body: Body::SubmitSm(message.clone()) };
        let mut octets = BytesMut::new();
        encode(&pdu, &mut octets).unwrap();
        let length = octets.len() - 4;
        let mut rest = octets.split_off(4);
        if let Ok((command, _)) = rusmpp::Command::decode(&mut rest, length) {
            let Some(rusmpp::Pdu::SubmitSm(read)) = command.pdu() else { panic!("not a submit_sm") };
            prop_assert_eq!(read.destination_addr.as_str(), message.destination.value);
            prop_assert_eq!(u8::from(read.esm_class), message.esm_class);
        }
    }

    #[test]
    fn no_body_makes_it_panic(octets in proptest::collection::vec(any::<u8>(), 0..600)) {
        let _ = decode(&octets);
    }
}
