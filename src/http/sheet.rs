//! Lists as Excel files (Office Open XML), written row by row to a file without a name: the
//! memory they take does not grow with their rows.
//!
//! **Formulas.** Every text is written as a text, never as a formula, in cells whose format is
//! "text": Excel does not calculate what it is given, and a telephone number keeps its plus.
//! Saved as CSV and opened again, though, a text that begins with `=`, `+`, `-`, `@`, a tab or
//! a line end would be read as a formula. So what strangers may have chosen (names, addresses,
//! titles) gets an apostrophe in front in these cases, as OWASP advises ("CSV injection").
//! Telephone numbers do not: they are parsed before they are stored, a plus and digits, and
//! the worst that a CSV makes of one is a number.

use std::borrow::Cow;
use std::fs::File;
use std::io::{BufWriter, Seek, SeekFrom};

use jiff::Zoned;
use jiff::tz::TimeZone;
use rust_xlsxwriter::{ExcelDateTime, Format, Workbook, Worksheet, XlsxError};

use super::making::Making;
use crate::domain::Timestamp;
use crate::store::RepoError;

/// Most rows of one file below its heading. Excel itself ends at 1,048,576.
pub(crate) const SHEET_ROWS_MAX: u32 = 1_000_000;
/// Longest text in a cell of a list that is looked at, in characters.
const CELL_MAX: usize = 1_000;
/// Longest text in a cell of a list that is read in again, in characters: Excel's own limit.
const WHOLE_CELL_MAX: usize = 32_767;
/// Where speed and size meet; a million rows take seconds rather than a minute.
const COMPRESSION_LEVEL: u8 = 3;

/// What stands in a cell.
pub(crate) enum Cell<'a> {
    /// A text that anybody may have chosen.
    Text(Cow<'a, str>),
    /// Telephone numbers as they are stored, or words of ours.
    Plain(Cow<'a, str>),
    /// A text that is read in again, with what it needs in front (see
    /// [`crate::contacts_file::guarded`]).
    Whole(String),
    /// A time, in the operator's zone.
    Time(Option<Timestamp>),
}

/// A column: its heading, and its width in characters.
pub(crate) struct Column {
    pub(crate) title: Cow<'static, str>,
    pub(crate) width: u16,
}

/// Why a file was not made.
#[derive(Debug, thiserror::Error)]
pub(crate) enum SheetError {
    /// Reading what goes in failed.
    #[error(transparent)]
    Repo(#[from] RepoError),
    /// It could not be written.
    #[error("the file cannot be written")]
    Xlsx(#[from] XlsxError),
    /// The disk.
    #[error("the file cannot be written")]
    Io(#[from] std::io::Error),
    /// Nobody waits for it any more.
    #[error("nobody waits for the file any more")]
    Stopped,
}

/// The rows of a file that is being written.
pub(crate) struct Rows<'a> {
    sheet: &'a mut Worksheet,
    zone: &'a TimeZone,
    stop: &'a Making,
    text: Format,
    time: Format,
    count: u32,
    max: u32,
    full: &'a str,
}

impl Rows<'_> {
    /// Adds a row; false when the file is full and it was not added. The first that has no place
    /// leaves a row that says so.
    pub(crate) fn push(&mut self, cells: &[Cell<'_>]) -> Result<bool, SheetError> {
        if self.stop.is_cancelled() {
            return Err(SheetError::Stopped);
        }
        if self.count >= self.max {
            if self.count == self.max {
                self.count += 1;
                self.write(0, self.full.to_owned())?;
                tracing::warn!(
                    rows = self.max,
                    "an Excel file is full and ends before its list"
                );
            }
            return Ok(false);
        }
        self.count += 1;
        self.stop.count_row();
        for (column, cell) in (0_u16..).zip(cells) {
            match cell {
                Cell::Text(text) => self.write(column, neutral(text))?,
                Cell::Plain(text) => self.write(column, printable(text, CELL_MAX))?,
                Cell::Whole(text) => self.write(column, printable(text, WHOLE_CELL_MAX))?,
                Cell::Time(at) => {
                    if let Some(at) = at.and_then(|at| date_time(at, self.zone)) {
                        self.sheet
                            .write_datetime_with_format(self.count, column, &at, &self.time)?;
                    }
                }
            }
        }
        Ok(true)
    }

    fn write(&mut self, column: u16, text: String) -> Result<(), SheetError> {
        self.sheet
            .write_string_with_format(self.count, column, text, &self.text)?;
        Ok(())
    }
}

/// Writes a file; `fill` adds its rows, `full` stands in the last when not all have a place.
/// Blocks, for seconds when they are many. What comes back is read from its start, and gone once
/// it is closed.
pub(crate) fn write(
    columns: &[Column],
    zone: &TimeZone,
    full: &str,
    stop: &Making,
    fill: impl FnOnce(&mut Rows<'_>) -> Result<(), SheetError>,
) -> Result<(File, u64), SheetError> {
    write_rows(columns, zone, (SHEET_ROWS_MAX, full), stop, fill)
}

fn write_rows(
    columns: &[Column],
    zone: &TimeZone,
    (max, full): (u32, &str),
    stop: &Making,
    fill: impl FnOnce(&mut Rows<'_>) -> Result<(), SheetError>,
) -> Result<(File, u64), SheetError> {
    let mut workbook = Workbook::new();
    workbook.set_zip_compression_level(COMPRESSION_LEVEL);
    let heading = Format::new().set_bold();
    let sheet = workbook.add_worksheet_with_constant_memory()?;
    sheet.set_freeze_panes(1, 0)?;
    for (index, column) in (0_u16..).zip(columns) {
        sheet.set_column_width(index, column.width)?;
    }
    for (index, column) in (0_u16..).zip(columns) {
        sheet.write_string_with_format(0, index, column.title.as_ref(), &heading)?;
    }
    fill(&mut Rows {
        sheet,
        zone,
        stop,
        text: Format::new().set_num_format("@"),
        time: Format::new().set_num_format("yyyy-mm-dd hh:mm:ss"),
        count: 0,
        max,
        full,
    })?;
    let mut file = tempfile::tempfile()?;
    workbook.save_to_writer(BufWriter::new(&mut file))?;
    let size = file.seek(SeekFrom::End(0))?;
    file.rewind()?;
    Ok((file, size))
}

/// See the head of this file.
fn neutral(text: &str) -> String {
    let text = printable(text, CELL_MAX);
    if text.starts_with(['=', '+', '-', '@', '\t', '\r', '\n']) {
        format!("'{text}")
    } else {
        text
    }
}

/// Without control characters, which XML cannot hold, and no longer than that.
fn printable(text: &str, max: usize) -> String {
    let kept = text.chars().take(max);
    kept.map(|letter| match letter {
        '\t' | '\n' | '\r' => letter,
        letter if letter.is_control() || matches!(letter, '\u{fffe}' | '\u{ffff}') => ' ',
        letter => letter,
    })
    .collect()
}

fn date_time(at: Timestamp, zone: &TimeZone) -> Option<ExcelDateTime> {
    let at: Zoned = super::times::zoned(at, zone);
    let year = u16::try_from(at.year()).ok()?;
    let date = ExcelDateTime::from_ymd(year, at.month().cast_unsigned(), at.day().cast_unsigned());
    let hour = u16::from(at.hour().cast_unsigned());
    date.and_then(|date| date.and_hms(hour, at.minute().cast_unsigned(), f64::from(at.second())))
        .ok()
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;

    #[test]
    fn nothing_that_strangers_chose_begins_like_a_formula() {
        for evil in ["=1+1", "+1", "-1", "@SUM(A1)", "\t=1", "\r=1"] {
            assert_eq!(neutral(evil), format!("'{evil}"));
        }
        assert_eq!(neutral("Ada = B"), "Ada = B");
        assert_eq!(printable("a\u{0}b\u{1b}c", CELL_MAX), "a b c");
        assert_eq!(
            printable(&"é".repeat(5_000), CELL_MAX).chars().count(),
            CELL_MAX
        );
    }

    #[test]
    fn a_full_file_says_that_it_is() {
        use calamine::{Reader, Xlsx};
        let columns = [Column {
            title: "Name".into(),
            width: 10,
        }];
        for (people, expected) in [
            (2, vec!["Name", "1", "2"]),
            (4, vec!["Name", "1", "2", "There are more."]),
        ] {
            let stop = Making::default();
            let (file, _) = write_rows(
                &columns,
                &TimeZone::UTC,
                (2, "There are more."),
                &stop,
                |rows| {
                    for number in 1..=people {
                        rows.push(&[Cell::Text(number.to_string().into())])?;
                    }
                    Ok(())
                },
            )
            .unwrap();
            let mut book: Xlsx<_> = Xlsx::new(std::io::BufReader::new(file)).unwrap();
            let sheet = book.worksheet_range_at(0).unwrap().unwrap();
            let found: Vec<String> = sheet.rows().map(|row| row[0].to_string()).collect();
            assert_eq!(found, expected);
        }
    }
}
