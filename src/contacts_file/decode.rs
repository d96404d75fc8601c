//! Bytes of a CSV file → text, and what separates its cells.

use std::io::Read;

use encoding_rs::{Encoding, UTF_8, UTF_16BE, UTF_16LE, WINDOWS_1252};

use super::FileError;

/// What may separate cells; the most usual first.
const SEPARATORS: [u8; 4] = [b',', b';', b'\t', b'|'];
/// Text looked at to find the separator, in bytes.
const SAMPLE_SIZE: usize = 64 * 1024;
/// Rows looked at to find the separator.
const SAMPLE_ROWS: usize = 50;
/// Bytes looked at for an encoding that nothing announces.
const GUESS_SIZE: usize = 4096;

/// The text of a file, its line ends as LF, and the encoding it was in.
pub(super) fn text(bytes: &[u8]) -> Result<(String, &'static Encoding), FileError> {
    let encoding = encoding_of(bytes);
    let (text, encoding, _) = encoding.decode(bytes);
    if looks_binary(&text) {
        return Err(FileError::NotATable);
    }
    let mut text = if text.contains('\r') {
        text.replace("\r\n", "\n").replace('\r', "\n")
    } else {
        text.into_owned()
    };
    if !text.ends_with('\n') {
        text.push('\n');
    }
    Ok((text, encoding))
}

fn encoding_of(bytes: &[u8]) -> &'static Encoding {
    if let Some((encoding, _)) = Encoding::for_bom(bytes) {
        return encoding;
    }
    let head = &bytes[..bytes.len().min(GUESS_SIZE)];
    let zeros = |from: usize| {
        head.iter()
            .skip(from)
            .step_by(2)
            .filter(|b| **b == 0)
            .count()
    };
    let many = head.len() / 5;
    if many > 0 && zeros(1) > many && zeros(0) <= zeros(1) / 4 {
        return UTF_16LE;
    }
    if many > 0 && zeros(0) > many && zeros(1) <= zeros(0) / 4 {
        return UTF_16BE;
    }
    if std::str::from_utf8(bytes).is_ok() {
        UTF_8
    } else {
        WINDOWS_1252
    }
}

/// Text holds no control characters but tabs and line ends; a picture or an archive does.
fn looks_binary(text: &str) -> bool {
    let head = text.chars().take(GUESS_SIZE);
    let (mut all, mut odd) = (0_usize, 0_usize);
    for char in head {
        all += 1;
        odd += usize::from(char.is_control() && !matches!(char, '\t' | '\n' | '\r'));
    }
    odd * 50 > all
}

/// What separates the cells; and the text without the line `sep=;` that spreadsheets write.
pub(super) fn separator(text: &str) -> (u8, &str) {
    let first = text.lines().next().unwrap_or_default();
    let said = first.strip_prefix("sep=").map(str::as_bytes);
    if let Some([separator]) = said
        && separator.is_ascii()
    {
        return (*separator, text.get(first.len() + 1..).unwrap_or_default());
    }
    let sample = &text[..text.floor_char_boundary(SAMPLE_SIZE)];
    let mut best = (0, SEPARATORS[0]);
    for separator in SEPARATORS {
        let score = evenness(sample, separator);
        if score > best.0 {
            best = (score, separator);
        }
    }
    (best.1, text)
}

/// How much a separator makes of rows that are equally wide.
fn evenness(sample: &str, separator: u8) -> usize {
    let mut reader = reader(sample.as_bytes(), separator);
    let mut record = csv::StringRecord::new();
    let mut widths = [0_usize; 64];
    let mut rows = 0;
    while rows < SAMPLE_ROWS && reader.read_record(&mut record).unwrap_or(false) {
        widths[record.len().min(widths.len() - 1)] += 1;
        rows += 1;
    }
    let usual = (2..widths.len()).max_by_key(|width| (widths[*width], *width));
    usual.map_or(0, |width| {
        widths[width] * 1000 / rows.max(1) * usize::from(widths[width] > 0)
            + width.min(50) * usize::from(widths[width] > 0)
    })
}

pub(super) fn reader<R: Read>(text: R, separator: u8) -> csv::Reader<R> {
    csv::ReaderBuilder::new()
        .has_headers(false)
        .flexible(true)
        .delimiter(separator)
        .from_reader(text)
}
