//! Bytes → table, whatever the format.

use super::sheet::Gauge;
use super::table::Table;
use super::{FILE_SIZE_MAX, FileError, decode, ods, sheet};
use crate::domain::import::IMPORT_COLUMNS_MAX;

/// Bytes of a row that is too long that are looked at to say why.
const ROW_LOOKED_AT: usize = 1024 * 1024;

/// How a file was read, in few words that need no translation: "CSV, UTF-8, “;”".
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Shape(pub String);

/// Reads a whole file.
///
/// # Errors
/// When it is no table, or beyond one of the limits.
pub fn read(bytes: &[u8]) -> Result<(Table, Shape), FileError> {
    rows_of(bytes, usize::MAX, sheet::format_of)
}

/// Reads the first rows of a file that [`read`] has read before: what bounds the whole of it is
/// not looked at again.
///
/// # Errors
/// When it is no table, or beyond one of the limits.
pub fn read_beginning(bytes: &[u8], rows: usize) -> Result<(Table, Shape), FileError> {
    rows_of(bytes, rows, sheet::format_named)
}

fn rows_of(
    bytes: &[u8],
    rows: usize,
    format_of: fn(&[u8]) -> Result<sheet::Format, FileError>,
) -> Result<(Table, Shape), FileError> {
    if bytes.is_empty() {
        return Err(FileError::Empty);
    }
    if bytes.len() > FILE_SIZE_MAX {
        return Err(FileError::TooLarge);
    }
    // The readers of spreadsheets are others' code; a panic in it is a damaged file and no more.
    let caught = std::panic::catch_unwind(|| {
        if bytes.starts_with(b"PK\x03\x04") {
            match format_of(bytes)? {
                sheet::Format::Xlsx => sheet::read(bytes, rows),
                sheet::Format::Ods => ods::read(bytes, rows),
            }
        } else if bytes.starts_with(&[0xd0, 0xcf, 0x11, 0xe0]) {
            Err(FileError::OldOrProtected)
        } else {
            text(bytes, rows)
        }
    });
    let (mut table, shape) = caught.unwrap_or(Err(FileError::Damaged))?;
    table.trim_end();
    if table.is_empty() {
        return Err(FileError::Empty);
    }
    Ok((table, shape))
}

fn text(bytes: &[u8], rows: usize) -> Result<(Table, Shape), FileError> {
    let (text, encoding) = decode::text(bytes)?;
    let (separator, text) = decode::separator(&text);
    let mut reader = decode::reader(Gauge::of(text.as_bytes()), separator);
    let mut record = csv::StringRecord::new();
    let mut table = Table::default();
    let mut number = 0_u32;
    let mut line = 1_u64;
    while table.len() < rows {
        // A row is in memory as a whole before its cells are looked at, and an empty cell takes
        // more there than in the file.
        reader.get_mut().event = 0;
        let begin = usize::try_from(reader.position().byte()).unwrap_or(text.len());
        match reader.read_record(&mut record) {
            Ok(true) => {}
            Ok(false) => break,
            Err(error) if error.is_io_error() => {
                let row = text.as_bytes().get(begin..).unwrap_or_default();
                // Empty lines before it are passed over.
                let blank = row.iter().take_while(|byte| b"\r\n".contains(byte));
                let empty = blank.filter(|byte| **byte == b'\n').count();
                let number = number.saturating_add(u32::try_from(empty).unwrap_or(u32::MAX));
                return Err(too_long(row, separator, number.saturating_add(1)));
            }
            Err(_) => return Err(FileError::NotATable),
        }
        // The reader passes over empty lines; a spreadsheet counts them.
        let inside = record.iter().map(|cell| cell.matches('\n').count() as u64);
        let inside: u64 = inside.sum();
        let behind = reader.position().line();
        let first = behind.saturating_sub(1 + inside).max(line);
        number = number
            .saturating_add(1)
            .saturating_add(u32::try_from(first - line).unwrap_or(u32::MAX));
        line = behind;
        table.begin_row(number)?;
        for cell in &record {
            table.push(cell, false)?;
        }
    }
    let separator = match separator {
        b'\t' => "TAB".to_owned(),
        other => char::from(other).to_string(),
    };
    let shape = Shape(format!("CSV, {}, “{separator}”", encoding.name()));
    Ok((table, shape))
}

/// What is wrong with a row that is longer than any may be.
fn too_long(row: &[u8], separator: u8, number: u32) -> FileError {
    let row = &row[..row.len().min(ROW_LOOKED_AT)];
    let cells = row.iter().filter(|byte| **byte == separator).count() + 1;
    if cells > IMPORT_COLUMNS_MAX {
        FileError::TooManyColumns(number)
    } else {
        FileError::CellTooLong(number)
    }
}
