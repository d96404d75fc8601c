//! Spreadsheets: bounds for all of them, and reading XLSX.

use std::io::{BufReader, Cursor, Read};

use calamine::{DataRef, ExcelDateTime, Reader, SheetType, SheetVisible, Xlsx};
use quick_xml::events::{BytesStart, Event};
use quick_xml::reader::Reader as XmlReader;
use zip::ZipArchive;

use super::read::Shape;
use super::table::Table;
use super::{FileError, PART_SIZE_MAX, PARTS_MAX, ROWS_MAX, SHEET_SIZE_MAX};

/// Names longer than this say nothing more, in characters.
const SHEET_NAME_MAX: usize = 40;
/// Whole numbers up to here are exact in a spreadsheet.
const EXACT_MAX: f64 = 9_007_199_254_740_992.0;
/// Longest text or tag of a sheet, longest text of one cell, and longest row of a CSV file, in
/// bytes: far beyond what a cell may hold, and little beside the file.
pub(super) const EVENT_SIZE_MAX: u64 = 1024 * 1024;
/// No text of the table of texts takes fewer bytes in its part.
const SHARED_TEXT_SIZE_MIN: u64 = 4;

/// Which spreadsheet it is.
pub(super) enum Format {
    Xlsx,
    Ods,
}

/// Looks at every part of the archive: unfolded and counted, so that nothing that claims to
/// be small can fill the memory later.
pub(super) fn format_of(bytes: &[u8]) -> Result<Format, FileError> {
    let mut archive = ZipArchive::new(Cursor::new(bytes)).map_err(|_| FileError::Damaged)?;
    if archive.len() > PARTS_MAX {
        return Err(FileError::Bomb);
    }
    let mut left = SHEET_SIZE_MAX;
    for index in 0..archive.len() {
        let part = archive.by_index(index).map_err(|_| FileError::Damaged)?;
        let name = part.name().map_err(|_| FileError::Damaged)?.to_lowercase();
        let is_sheet = name.contains("worksheets/") || name == "content.xml";
        let most = if is_sheet {
            left
        } else {
            left.min(PART_SIZE_MAX)
        };
        let bounded = part.take(most + 1);
        // Which folder it stands in is the workbook's to say.
        let size = if is_sheet || name.ends_with("sharedstrings.xml") {
            look_through(bounded, name == "content.xml")?
        } else {
            size_of(bounded)?
        };
        if size > most {
            return Err(FileError::Bomb);
        }
        left -= size;
    }
    format_in(&archive)
}

/// Which it is by the names of its parts alone: enough for a file that was looked at before.
pub(super) fn format_named(bytes: &[u8]) -> Result<Format, FileError> {
    format_in(&ZipArchive::new(Cursor::new(bytes)).map_err(|_| FileError::Damaged)?)
}

fn format_in(archive: &ZipArchive<Cursor<&[u8]>>) -> Result<Format, FileError> {
    let mut format = None;
    for name in archive.file_names() {
        let name = name.map_err(|_| FileError::Damaged)?.to_lowercase();
        match name.as_str() {
            "xl/workbook.xml" | "xl/workbook2.xml" => format = Some(Format::Xlsx),
            "content.xml" => format = Some(Format::Ods),
            _ => {}
        }
    }
    format.ok_or(FileError::NotATable)
}

fn size_of(mut part: impl Read) -> Result<u64, FileError> {
    std::io::copy(&mut part, &mut std::io::sink()).map_err(|_| FileError::Damaged)
}

/// Counts what is read of a part, and what of it since the last event. More than
/// [`EVENT_SIZE_MAX`] for one event is an error.
pub(super) struct Gauge<R> {
    part: R,
    size: u64,
    pub(super) event: u64,
}

impl<R> Gauge<R> {
    pub(super) const fn of(part: R) -> Self {
        Self {
            part,
            size: 0,
            event: 0,
        }
    }
}

impl<R: Read> Read for Gauge<R> {
    fn read(&mut self, into: &mut [u8]) -> std::io::Result<usize> {
        if self.event > EVENT_SIZE_MAX {
            return Err(std::io::ErrorKind::FileTooLarge.into());
        }
        let read = self.part.read(into)?;
        self.size += read as u64;
        self.event += read as u64;
        Ok(read)
    }
}

/// Goes through a part as whoever reads it will, event by event, and measures what that takes:
/// one text, one tag, all texts of one cell. Room is made for as many texts as the table of texts
/// says it has before one of them is read: it must not say more than it can hold, for memory
/// that is not to be had ends the process. Returns the size of the part.
fn look_through(part: impl Read, open_document: bool) -> Result<u64, FileError> {
    let mut reader = XmlReader::from_reader(BufReader::new(Gauge::of(part)));
    let config = reader.config_mut();
    config.check_end_names = false;
    let mut buffer = Vec::new();
    let mut claimed = 0;
    let mut cell = 0;
    loop {
        buffer.clear();
        reader.get_mut().get_mut().event = 0;
        match reader.read_event_into(&mut buffer) {
            Ok(Event::Start(tag) | Event::Empty(tag)) => match tag.local_name().as_ref() {
                "sst" => claimed = claimed.max(claimed_by(&tag)?),
                "c" | "si" => cell = 0,
                _ => {}
            },
            // An open document is read with a limit to each cell.
            Ok(Event::Text(_) | Event::CData(_) | Event::GeneralRef(_)) if !open_document => {
                cell += buffer.len() as u64;
            }
            Ok(Event::Eof) => break,
            Ok(_) => {}
            Err(_) if reader.get_ref().get_ref().event > EVENT_SIZE_MAX => {
                return Err(FileError::Bomb);
            }
            Err(_) => return Err(FileError::Damaged),
        }
        if cell > EVENT_SIZE_MAX {
            return Err(FileError::Bomb);
        }
    }
    let size = reader.into_inner().into_inner().size;
    let most = (size / SHARED_TEXT_SIZE_MIN).max(ROWS_MAX as u64);
    if claimed > most {
        return Err(FileError::Bomb);
    }
    Ok(size)
}

/// How many texts a table of texts says it has.
fn claimed_by(tag: &BytesStart<'_>) -> Result<u64, FileError> {
    let mut claimed = 0;
    for attribute in tag.attributes().with_checks(false) {
        let attribute = attribute.map_err(|_| FileError::Damaged)?;
        if attribute.key.local_name().as_ref() != "uniqueCount" {
            continue;
        }
        let count: &str = &attribute.value;
        let count = count.trim();
        if count.is_empty() || !count.bytes().all(|byte| byte.is_ascii_digit()) {
            return Err(FileError::Damaged);
        }
        claimed = claimed.max(count.parse().unwrap_or(u64::MAX));
    }
    Ok(claimed)
}

/// Reads the first visible sheet that holds anything.
pub(super) fn read(bytes: &[u8], rows: usize) -> Result<(Table, Shape), FileError> {
    let damaged = |_| FileError::Damaged;
    let mut workbook = Xlsx::new(Cursor::new(bytes)).map_err(damaged)?;
    let sheets: Vec<String> = workbook
        .sheets_metadata()
        .iter()
        .filter(|sheet| sheet.visible == SheetVisible::Visible && sheet.typ == SheetType::WorkSheet)
        .map(|sheet| sheet.name.clone())
        .collect();
    for name in sheets {
        let mut cells = workbook.worksheet_cells_reader(&name).map_err(damaged)?;
        let mut table = Table::default();
        let mut last: Option<u32> = None;
        while let Some(cell) = cells.next_cell().map_err(damaged)? {
            let (row, column) = cell.get_position();
            let Some((text, number)) = written(cell.get_value()) else {
                continue;
            };
            if last.is_some_and(|last| row < last) {
                return Err(FileError::Damaged);
            }
            if last != Some(row) {
                if table.len() >= rows {
                    break;
                }
                table.begin_row(row.saturating_add(1))?;
                last = Some(row);
            }
            table.pad_to(column as usize)?;
            table.push(&text, number)?;
        }
        if !table.is_empty() {
            let name: String = name.chars().take(SHEET_NAME_MAX).collect();
            return Ok((table, Shape(format!("XLSX, {name}"))));
        }
    }
    Err(FileError::Empty)
}

/// What stands in a cell as text, and whether it was kept as a number.
fn written(value: &DataRef<'_>) -> Option<(String, bool)> {
    match value {
        DataRef::Empty => None,
        DataRef::Int(number) => Some((number.to_string(), true)),
        DataRef::Float(number) => Some((number_text(*number), true)),
        DataRef::String(text) => Some((text.clone(), false)),
        DataRef::SharedString(text) => Some(((*text).to_owned(), false)),
        DataRef::Bool(yes) => Some((if *yes { "yes" } else { "no" }.to_owned(), false)),
        DataRef::DateTime(date) => Some((date_text(date), false)),
        DataRef::DateTimeIso(text) | DataRef::DurationIso(text) => Some((text.clone(), false)),
        DataRef::Error(error) => Some((error.to_string(), false)),
    }
}

/// Whole numbers with all their digits, never in powers of ten.
pub(super) fn number_text(number: f64) -> String {
    if number.fract() == 0.0 && number.abs() <= EXACT_MAX {
        format!("{number:.0}")
    } else {
        format!("{number}")
    }
}

/// Year, month and day; what lies outside what a calendar knows stays a number.
fn date_text(date: &ExcelDateTime) -> String {
    let serial = date.as_f64();
    // The last day a spreadsheet knows is the end of the year 9999.
    if !(0.0..2_958_466.0).contains(&serial) || !date.is_datetime() {
        return number_text(serial);
    }
    let (year, month, day, ..) = date.to_ymd_hms_milli();
    format!("{year:04}-{month:02}-{day:02}")
}
