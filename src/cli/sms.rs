//! `tocsin sms`

use std::fmt::Write as _;
use std::io::{Read, stdin};
use std::process::ExitCode;

use serde::Serialize;

use crate::proto::smpp::encoding::{
    Concatenation, DefaultAlphabet, Encoding, Estimate, National, NationalTables, Odd,
    SEGMENTS_MAX, Segment, SegmentOptions, Shift, estimate, gsm7, odd_characters, split, udh,
};
use crate::proto::smpp::tlv_tag;

/// Octets read of standard input; no text that can be sent is longer.
const TEXT_SIZE_MAX_BYTES: u64 = 256 * 1024;

/// The exit code where the text cannot be sent so.
const UNSENDABLE: u8 = 2;

/// Which text, and how it is sent.
#[derive(Debug, clap::Args)]
pub(super) struct Arguments {
    /// The text; "-" reads it from standard input, without the last line end.
    #[arg(value_name = "TEXT", allow_hyphen_values = true)]
    text: String,
    /// National tables that may be used: turkish, spanish, portuguese.
    #[arg(long, value_name = "LANGUAGE", value_delimiter = ',', value_parser = national)]
    national: Vec<National>,
    /// How the parts of a long text are tied together: udh, udh16, sar or payload.
    #[arg(long, value_name = "KIND", default_value = "udh", value_parser = segmentation)]
    segmentation: Concatenation,
    /// Pack septets into octets.
    #[arg(long)]
    packed: bool,
    /// Use ISO 8859-1 for what the 7-bit alphabet lacks.
    #[arg(long)]
    latin1: bool,
    /// Refuse what is not within a 7-bit alphabet.
    #[arg(long)]
    gsm7: bool,
    /// The reference of the parts.
    #[arg(long, value_name = "NUMBER", default_value_t = 0)]
    reference: u16,
    /// Refuse a text of more segments.
    #[arg(long, value_name = "NUMBER", default_value_t = SEGMENTS_MAX)]
    segments_max: usize,
    /// Print one line of JSON.
    #[arg(long)]
    json: bool,
}

fn national(name: &str) -> Result<National, String> {
    National::of_name(name).ok_or_else(|| {
        let known = National::ALL.map(National::name);
        format!("there are tables of {}", known.join(", "))
    })
}

fn segmentation(name: &str) -> Result<Concatenation, String> {
    Ok(match name {
        "udh" => Concatenation::Udh8,
        "udh16" => Concatenation::Udh16,
        "sar" => Concatenation::Sar,
        "payload" => Concatenation::MessagePayload,
        _ => return Err("give udh, udh16, sar or payload".to_owned()),
    })
}

/// What a text takes, as a line of JSON.
#[derive(Debug, Serialize)]
struct Line {
    encoding: &'static str,
    data_coding: u8,
    locking_shift: Option<&'static str>,
    single_shift: Option<&'static str>,
    characters: usize,
    units: usize,
    segments: usize,
    units_left: usize,
    /// What keeps the text out of the 7-bit alphabets.
    odd: Vec<OddLine>,
    parts: Vec<PartLine>,
}

#[derive(Debug, Serialize)]
struct OddLine {
    character: char,
    code: String,
    count: usize,
    replacement: Option<&'static str>,
}

/// One `submit_sm`, in hexadecimal.
#[derive(Debug, Serialize)]
struct PartLine {
    udh: String,
    user_data: String,
    tlvs: Vec<TlvLine>,
}

#[derive(Debug, Serialize)]
struct TlvLine {
    tag: String,
    value: String,
}

pub(super) fn run(asked: &Arguments) -> anyhow::Result<ExitCode> {
    let said = text(asked).and_then(|text| line(asked, &text));
    match said {
        Ok(line) if asked.json => println!("{}", serde_json::to_string(&line)?),
        Ok(line) => print!("{}", page(&line)?),
        Err(why) => {
            eprintln!("tocsin: {why}");
            return Ok(ExitCode::from(UNSENDABLE));
        }
    }
    Ok(ExitCode::SUCCESS)
}

fn text(asked: &Arguments) -> Result<String, String> {
    if asked.text != "-" {
        return Ok(asked.text.clone());
    }
    let mut raw = Vec::new();
    let read = stdin().take(TEXT_SIZE_MAX_BYTES + 1).read_to_end(&mut raw);
    read.map_err(|error| format!("cannot read standard input: {error}"))?;
    if raw.len() as u64 > TEXT_SIZE_MAX_BYTES {
        return Err("the text is too long".to_owned());
    }
    let mut text = String::from_utf8(raw).map_err(|_| "standard input is not UTF-8".to_owned())?;
    if text.ends_with('\n') {
        text.pop();
        if text.ends_with('\r') {
            text.pop();
        }
    }
    Ok(text)
}

fn options(asked: &Arguments) -> SegmentOptions {
    SegmentOptions {
        concatenation: asked.segmentation,
        alphabet: if asked.packed {
            DefaultAlphabet::Gsm7Packed
        } else {
            DefaultAlphabet::Gsm7
        },
        latin1_allowed: asked.latin1,
        national: NationalTables::of(asked.national.iter().copied()),
        ..SegmentOptions::default()
    }
}

fn line(asked: &Arguments, text: &str) -> Result<Line, String> {
    if text.is_empty() {
        return Err("the text is empty".to_owned());
    }
    if !asked.national.is_empty() && asked.segmentation == Concatenation::MessagePayload {
        return Err("national tables need a header, which a payload has not".to_owned());
    }
    let options = options(asked);
    let found = estimate(text, options);
    let odd = odd_characters(text, options);
    if asked.gsm7 && found.encoding != Encoding::Gsm7 {
        return Err(outside(text, &odd));
    }
    if found.segments > asked.segments_max {
        return Err(format!(
            "the text takes {} segments, at most {} are allowed",
            found.segments, asked.segments_max
        ));
    }
    let parts = split(text, options, asked.reference).map_err(|error| error.to_string())?;
    let data_coding = parts.first().map_or(0, |part| part.data_coding);
    Ok(shown(&found, data_coding, &odd, &parts))
}

/// The characters that cannot be encoded in septets.
fn outside(text: &str, odd: &[Odd]) -> String {
    let mut named: Vec<String> = odd.iter().map(|odd| code(odd.character)).collect();
    if named.is_empty() {
        // Latin-1 was allowed, and is no 7-bit alphabet.
        let lacking = text.chars().find(|c| gsm7::septets(*c).is_none());
        named.extend(lacking.map(code));
    }
    format!("no 7-bit alphabet has {}", named.join(", "))
}

fn code(character: char) -> String {
    format!("U+{:04X}", u32::from(character))
}

fn shown(found: &Estimate, data_coding: u8, odd: &[Odd], parts: &[Segment]) -> Line {
    let Shift { locking, single } = found.shift;
    let odd = odd.iter().map(|odd| OddLine {
        character: odd.character,
        code: code(odd.character),
        count: odd.count,
        replacement: odd.replacement,
    });
    Line {
        encoding: found.encoding.name(),
        data_coding,
        locking_shift: locking.map(National::name),
        single_shift: single.map(National::name),
        characters: found.characters,
        units: found.units,
        segments: found.segments,
        units_left: found.units_left,
        odd: odd.collect(),
        parts: parts.iter().map(part).collect(),
    }
}

fn part(part: &Segment) -> PartLine {
    let payload = part
        .tlvs
        .iter()
        .find(|tlv| tlv.tag == tlv_tag::MESSAGE_PAYLOAD);
    let whole = payload.map_or(&part.user_data, |tlv| &tlv.value);
    let header = if part.has_header {
        udh::split(whole).map_or(0, |(header, _)| header.len() + 1)
    } else {
        0
    };
    let (header, body) = whole.split_at(header);
    let tlvs = part.tlvs.iter().map(|tlv| TlvLine {
        tag: format!("{:04x}", tlv.tag),
        value: hex(&tlv.value),
    });
    PartLine {
        udh: hex(header),
        user_data: hex(body),
        tlvs: tlvs.collect(),
    }
}

fn hex(octets: &[u8]) -> String {
    octets.iter().map(|octet| format!("{octet:02x}")).collect()
}

/// The same for people.
fn page(line: &Line) -> Result<String, std::fmt::Error> {
    let mut out = String::new();
    write!(out, "encoding    {}", line.encoding)?;
    for (what, table) in [
        ("locking", line.locking_shift),
        ("single", line.single_shift),
    ] {
        if let Some(table) = table {
            write!(out, ", {table} {what} shift")?;
        }
    }
    writeln!(out, ", data_coding 0x{:02x}", line.data_coding)?;
    writeln!(out, "characters  {}, {} units", line.characters, line.units)?;
    writeln!(
        out,
        "segments    {}, room for {} units in the last",
        line.segments, line.units_left
    )?;
    for odd in &line.odd {
        let instead = match odd.replacement {
            Some(text) => format!("{text:?} would do"),
            None => "nothing says the same".to_owned(),
        };
        let OddLine {
            character, code, ..
        } = odd;
        writeln!(out, "outside     {character:?} {code}: {instead}")?;
    }
    for (number, part) in (1..).zip(&line.parts) {
        writeln!(out, "part {number}")?;
        if !part.udh.is_empty() {
            writeln!(out, "  udh       {}", part.udh)?;
        }
        writeln!(out, "  user data {}", part.user_data)?;
        for tlv in &part.tlvs {
            writeln!(out, "  tlv {}  {}", tlv.tag, tlv.value)?;
        }
    }
    Ok(out)
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;

    fn asked(text: &str) -> Arguments {
        Arguments {
            text: text.to_owned(),
            national: Vec::new(),
            segmentation: Concatenation::Udh8,
            packed: false,
            latin1: false,
            gsm7: false,
            reference: 0x1207,
            segments_max: SEGMENTS_MAX,
            json: false,
        }
    }

    fn told(asked: &Arguments) -> Result<serde_json::Value, String> {
        line(asked, &asked.text).map(|line| serde_json::to_value(&line).unwrap())
    }

    #[test]
    fn a_text_is_shown_with_its_octets() {
        let wanted = serde_json::json!({
            "encoding": "GSM 7-bit", "data_coding": 0,
            "locking_shift": null, "single_shift": null,
            "characters": 4, "units": 5, "segments": 1, "units_left": 155, "odd": [],
            "parts": [{"udh": "", "user_data": "31301b6521", "tlvs": []}],
        });
        assert_eq!(told(&asked("10€!")).unwrap(), wanted);
        let shown = page(&line(&asked("10€!"), "10€!").unwrap()).unwrap();
        assert_eq!(
            shown,
            "encoding    GSM 7-bit, data_coding 0x00\ncharacters  4, 5 units\n\
             segments    1, room for 155 units in the last\npart 1\n  user data 31301b6521\n"
        );
    }

    #[test]
    fn header_and_user_data_stand_apart() {
        let turkish = Arguments {
            national: vec![National::Turkish],
            ..asked("ş")
        };
        let said = told(&turkish).unwrap();
        assert_eq!(said["single_shift"], "turkish");
        let part = &said["parts"][0];
        assert_eq!(
            (&part["udh"], &part["user_data"]),
            (&"03240101".into(), &"1b73".into())
        );

        let long = "a".repeat(161);
        let said = told(&asked(&long)).unwrap();
        assert_eq!(said["parts"][1]["udh"], "050003070202");
        let sar = Arguments {
            segmentation: Concatenation::Sar,
            ..asked(&long)
        };
        let said = told(&sar).unwrap();
        let tlvs = serde_json::json!([
            {"tag": "020c", "value": "1207"},
            {"tag": "020e", "value": "02"},
            {"tag": "020f", "value": "01"},
        ]);
        assert_eq!(
            (&said["parts"][0]["udh"], &said["parts"][0]["tlvs"]),
            (&"".into(), &tlvs)
        );
        let payload = Arguments {
            segmentation: Concatenation::MessagePayload,
            ..asked(&long)
        };
        let said = told(&payload).unwrap();
        assert_eq!(
            (&said["segments"], said["parts"].as_array().unwrap().len()),
            (&2.into(), 1)
        );
        assert_eq!(said["parts"][0]["tlvs"][0]["tag"], "0424");
    }

    #[test]
    fn what_forces_wide_characters_is_named() {
        let said = told(&asked("ê–я")).unwrap();
        let wanted = serde_json::json!([
            {"character": "ê", "code": "U+00EA", "count": 1, "replacement": "e"},
            {"character": "–", "code": "U+2013", "count": 1, "replacement": "-"},
            {"character": "я", "code": "U+044F", "count": 1, "replacement": null},
        ]);
        assert_eq!(
            (&said["encoding"], &said["odd"]),
            (&"UCS-2".into(), &wanted)
        );
    }

    #[test]
    fn what_cannot_be_sent_so_is_refused_with_its_reason() {
        let septets = Arguments {
            gsm7: true,
            ..asked("ê я")
        };
        assert_eq!(
            told(&septets),
            Err("no 7-bit alphabet has U+00EA, U+044F".to_owned())
        );
        let payload = Arguments {
            national: vec![National::Turkish],
            segmentation: Concatenation::MessagePayload,
            ..asked("ışık")
        };
        assert!(told(&payload).unwrap_err().contains("need a header"));
        let short = Arguments {
            segments_max: 1,
            ..asked(&"a".repeat(161))
        };
        assert_eq!(
            told(&short),
            Err("the text takes 2 segments, at most 1 are allowed".to_owned())
        );
        let long = asked(&"a".repeat(153 * 255 + 1));
        assert!(told(&long).unwrap_err().contains("256 segments"));
        assert_eq!(told(&asked("")), Err("the text is empty".to_owned()));
        assert_eq!(run(&asked("")).unwrap(), ExitCode::from(UNSENDABLE));
        assert!(national("klingon").unwrap_err().contains("turkish"));
        assert!(segmentation("udh32").is_err());
    }
}
