//! Reading ODS, cell by cell: such a file may say "the same a million times" in one word, so
//! nothing is repeated that holds something and could not be meant.

use std::io::{BufReader, Cursor, Read};

use quick_xml::events::{BytesStart, Event};
use quick_xml::reader::Reader;
use zip::ZipArchive;

use super::read::Shape;
use super::sheet::number_text;
use super::table::Table;
use super::{CELL_SIZE_MAX, FileError, SHEET_SIZE_MAX};

/// Deepest nesting looked at.
const DEPTH_MAX: usize = 64;

/// Reads the first sheet that holds anything.
pub(super) fn read(bytes: &[u8], rows: usize) -> Result<(Table, Shape), FileError> {
    let damaged = |_| FileError::Damaged;
    let mut archive = ZipArchive::new(Cursor::new(bytes)).map_err(damaged)?;
    let part = archive
        .by_name("content.xml")
        .map_err(|_| FileError::Damaged)?;
    let mut reader = Reader::from_reader(BufReader::new(part.take(SHEET_SIZE_MAX)));
    let mut sheet = Sheet::default();
    let mut buffer = Vec::new();
    let mut depth = 0_usize;
    loop {
        buffer.clear();
        match reader
            .read_event_into(&mut buffer)
            .map_err(|_| FileError::Damaged)?
        {
            Event::Start(tag) => {
                depth += 1;
                if depth > DEPTH_MAX {
                    return Err(FileError::Damaged);
                }
                sheet.open(&tag)?;
            }
            Event::Empty(tag) => {
                sheet.open(&tag)?;
                sheet.close(local(&tag.name()))?;
            }
            Event::End(tag) => {
                depth = depth.saturating_sub(1);
                sheet.close(local(&tag.name()))?;
            }
            Event::Text(text) => sheet.say(&text.xml10_content()),
            Event::GeneralRef(name) => {
                let char = match name.resolve_char_ref() {
                    Ok(Some(char)) => Some(char.to_string()),
                    Ok(None) | Err(_) => {
                        quick_xml::escape::resolve_predefined_entity(&name).map(str::to_owned)
                    }
                };
                sheet.say(&char.unwrap_or_default());
            }
            Event::Eof => break,
            Event::CData(_)
            | Event::Comment(_)
            | Event::Decl(_)
            | Event::PI(_)
            | Event::DocType(_) => {}
        }
        if sheet.table.len() > rows || (sheet.ended && !sheet.table.is_empty()) {
            break;
        }
    }
    if sheet.table.is_empty() {
        return Err(FileError::Empty);
    }
    Ok((sheet.table, Shape(format!("ODS, {}", sheet.name))))
}

/// A sheet being read.
#[derive(Default)]
struct Sheet {
    table: Table,
    name: String,
    ended: bool,
    /// Number of the row, from 1.
    row: u32,
    row_begun: bool,
    row_repeats: u32,
    column: usize,
    cell: Option<CellBeing>,
    /// Inside a remark that hangs on a cell.
    remark: usize,
}

/// A cell being read.
#[derive(Default)]
struct CellBeing {
    repeats: usize,
    /// The value that the attributes give.
    value: Option<(String, bool)>,
    text: String,
    paragraphs: usize,
}

impl Sheet {
    fn open(&mut self, tag: &BytesStart<'_>) -> Result<(), FileError> {
        match local(&tag.name()) {
            Some(Tag::Table) => {
                *self = Self {
                    name: attribute(tag, "table:name").unwrap_or_default(),
                    ..Self::default()
                };
                self.name = self.name.chars().take(40).collect();
            }
            Some(Tag::Row) => {
                self.row = self.row.saturating_add(1);
                self.row_begun = false;
                self.column = 0;
                self.row_repeats = repeats(tag, "table:number-rows-repeated");
            }
            Some(Tag::Cell) => {
                self.cell = Some(CellBeing {
                    repeats: repeats(tag, "table:number-columns-repeated") as usize,
                    value: value(tag),
                    ..CellBeing::default()
                });
            }
            Some(Tag::Paragraph) if self.remark == 0 => {
                if let Some(cell) = &mut self.cell {
                    if cell.paragraphs > 0 {
                        cell.text.push('\n');
                    }
                    cell.paragraphs += 1;
                }
            }
            Some(Tag::Space) => self.say(" "),
            Some(Tag::Remark) => self.remark += 1,
            Some(Tag::Paragraph) | None => {}
        }
        if self
            .cell
            .as_ref()
            .is_some_and(|c| c.text.len() > CELL_SIZE_MAX)
        {
            return Err(FileError::CellTooLong(self.row));
        }
        Ok(())
    }

    fn say(&mut self, text: &str) {
        if self.remark == 0
            && let Some(cell) = &mut self.cell
            && cell.paragraphs > 0
            && cell.text.len() <= CELL_SIZE_MAX
        {
            cell.text.push_str(text);
        }
    }

    fn close(&mut self, tag: Option<Tag>) -> Result<(), FileError> {
        match tag {
            Some(Tag::Cell) => self.end_cell()?,
            Some(Tag::Row) => {
                // A row that holds something and is repeated is one person too often, not many.
                let skipped = self.row_repeats.saturating_sub(1);
                self.row = self.row.saturating_add(skipped);
            }
            Some(Tag::Table) => self.ended = true,
            Some(Tag::Remark) => self.remark = self.remark.saturating_sub(1),
            Some(Tag::Paragraph | Tag::Space) | None => {}
        }
        Ok(())
    }

    fn end_cell(&mut self) -> Result<(), FileError> {
        let Some(cell) = self.cell.take() else {
            return Ok(());
        };
        let (text, number) = match cell.value {
            Some(value) => value,
            None => (cell.text, false),
        };
        let column = self.column;
        self.column = self.column.saturating_add(cell.repeats);
        if text.trim().is_empty() {
            return Ok(());
        }
        if !self.row_begun {
            self.table.begin_row(self.row)?;
            self.row_begun = true;
        }
        self.table.pad_to(column)?;
        for _ in 0..cell
            .repeats
            .min(super::super::domain::import::IMPORT_COLUMNS_MAX + 1)
        {
            self.table.push(&text, number)?;
        }
        Ok(())
    }
}

/// The elements that are looked at.
enum Tag {
    Table,
    Row,
    Cell,
    Paragraph,
    Space,
    Remark,
}

fn local(name: &quick_xml::name::QName<'_>) -> Option<Tag> {
    match name.as_ref() {
        "table:table" => Some(Tag::Table),
        "table:table-row" => Some(Tag::Row),
        "table:table-cell" | "table:covered-table-cell" => Some(Tag::Cell),
        "text:p" => Some(Tag::Paragraph),
        "text:s" | "text:tab" | "text:line-break" => Some(Tag::Space),
        "office:annotation" => Some(Tag::Remark),
        _ => None,
    }
}

fn attribute(tag: &BytesStart<'_>, name: &str) -> Option<String> {
    let found = tag.try_get_attribute(name).ok().flatten()?;
    Some(
        found
            .normalized_value(quick_xml::XmlVersion::Implicit1_0)
            .ok()?
            .into_owned(),
    )
}

fn repeats(tag: &BytesStart<'_>, name: &str) -> u32 {
    let said = attribute(tag, name).and_then(|text| text.parse().ok());
    said.unwrap_or(1).max(1)
}

/// What the attributes of a cell say it holds; a text stands inside instead.
fn value(tag: &BytesStart<'_>) -> Option<(String, bool)> {
    if let Some(date) = attribute(tag, "office:date-value") {
        return Some((date, false));
    }
    if let Some(yes) = attribute(tag, "office:boolean-value") {
        return Some((if yes == "true" { "yes" } else { "no" }.to_owned(), false));
    }
    let number: f64 = attribute(tag, "office:value")?.parse().ok()?;
    Some((number_text(number), true))
}
