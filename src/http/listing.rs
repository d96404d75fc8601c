//! A list as a file: CSV, Excel or PDF, with the same rows in each. Written row by row to a file
//! without a name, as [`super::sheet`] writes; only a PDF is laid out in memory, and has fewer
//! rows for it.

use std::fs::File;
use std::io::{BufWriter, Seek, SeekFrom, Write};

use jiff::tz::TimeZone;

use super::making::Making;
use super::sheet::{self, Cell, Column, SHEET_ROWS_MAX, SheetError};
use super::times::zoned;
use crate::contacts_file::{csv_begin, csv_row};
use crate::pdf;

/// Most rows of a PDF: some four hundred pages.
const PDF_ROWS_MAX: usize = 20_000;
/// Most columns that have room side by side on upright paper.
const UPRIGHT_COLUMNS_MAX: usize = 5;
/// Longest text of a cell in a PDF, in characters.
const PDF_CELL_MAX: usize = 300;

/// What kind of file.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum FileFormat {
    /// RFC 4180, in UTF-8 with a mark for Excel.
    Csv,
    /// Office Open XML.
    Xlsx,
    /// To print and keep.
    Pdf,
}

impl FileFormat {
    /// All of them, in the order in which pages offer them.
    pub(crate) const ALL: [Self; 3] = [Self::Csv, Self::Xlsx, Self::Pdf];

    /// Its name in an address, and what its files end with.
    pub(crate) const fn as_str(self) -> &'static str {
        match self {
            Self::Csv => "csv",
            Self::Xlsx => "xlsx",
            Self::Pdf => "pdf",
        }
    }

    /// The one with this name.
    pub(crate) fn named(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|one| one.as_str() == name)
    }
}

/// What stands around the rows of a list.
pub(crate) struct Listing {
    /// What it is a list of.
    pub(crate) title: String,
    /// What it was narrowed to, and when it was made: at the head of a PDF.
    pub(crate) facts: Vec<(String, String)>,
    pub(crate) columns: Vec<Column>,
    /// The zone in which times are told.
    pub(crate) zone: TimeZone,
    /// The language of the words (BCP 47).
    pub(crate) language: &'static str,
    /// What stands in the last row when not all have a place.
    pub(crate) full: &'static str,
}

/// The rows of a file that is being written.
pub(crate) trait Rows {
    /// Adds a row; false when the file is full and it was not added.
    fn push(&mut self, cells: &[Cell<'_>]) -> Result<bool, SheetError>;
}

impl Rows for sheet::Rows<'_> {
    fn push(&mut self, cells: &[Cell<'_>]) -> Result<bool, SheetError> {
        sheet::Rows::push(self, cells)
    }
}

struct Csv<'a> {
    out: BufWriter<File>,
    listing: &'a Listing,
    stop: &'a Making,
    room: u32,
}

impl Rows for Csv<'_> {
    fn push(&mut self, cells: &[Cell<'_>]) -> Result<bool, SheetError> {
        if self.stop.is_cancelled() {
            return Err(SheetError::Stopped);
        }
        let Some(room) = self.room.checked_sub(1) else {
            self.out
                .write_all(&csv_row(&[self.listing.full.to_owned()]))?;
            return Ok(false);
        };
        self.room = room;
        let texts: Vec<String> = cells.iter().map(|cell| text(cell, self.listing)).collect();
        self.out.write_all(&csv_row(&texts))?;
        self.stop.count_row();
        Ok(true)
    }
}

struct Pdf<'a> {
    rows: Vec<Vec<String>>,
    listing: &'a Listing,
    stop: &'a Making,
}

impl Rows for Pdf<'_> {
    fn push(&mut self, cells: &[Cell<'_>]) -> Result<bool, SheetError> {
        if self.stop.is_cancelled() {
            return Err(SheetError::Stopped);
        }
        if self.rows.len() == PDF_ROWS_MAX {
            self.rows.push(vec![self.listing.full.to_owned()]);
            return Ok(false);
        }
        let cut = |cell: &Cell<'_>| {
            let whole = text(cell, self.listing);
            match whole.char_indices().nth(PDF_CELL_MAX) {
                Some((at, _)) => format!("{}…", &whole[..at]),
                None => whole,
            }
        };
        self.rows.push(cells.iter().map(cut).collect());
        self.stop.count_row();
        Ok(true)
    }
}

fn text(cell: &Cell<'_>, listing: &Listing) -> String {
    match cell {
        Cell::Text(text) | Cell::Plain(text) => text.clone().into_owned(),
        Cell::Whole(text) => text.clone(),
        Cell::Time(at) => at.map_or_else(String::new, |at| {
            let at = zoned(at, &listing.zone);
            at.strftime("%Y-%m-%d %H:%M:%S").to_string()
        }),
    }
}

/// Writes a file; `fill` adds its rows. Blocks, for seconds when they are many. What comes back is
/// read from its start, with its size, and gone once it is closed.
///
/// # Errors
/// When the rows cannot be read, the file cannot be written, or nobody waits for it any more.
pub(crate) fn write(
    format: FileFormat,
    listing: &Listing,
    stop: &Making,
    fill: impl FnOnce(&mut dyn Rows) -> Result<(), SheetError>,
) -> Result<(File, u64), SheetError> {
    match format {
        FileFormat::Xlsx => {
            let (columns, zone) = (&listing.columns, &listing.zone);
            sheet::write(columns, zone, listing.full, stop, |rows| fill(rows))
        }
        FileFormat::Csv => {
            let titles = listing.columns.iter().map(|one| one.title.to_string());
            let mut out = BufWriter::new(tempfile::tempfile()?);
            out.write_all(&csv_begin(&titles.collect::<Vec<_>>(), true))?;
            let mut rows = Csv {
                out,
                listing,
                stop,
                room: SHEET_ROWS_MAX,
            };
            fill(&mut rows)?;
            let file = rows.out.into_inner().map_err(|error| error.into_error())?;
            from_the_start(file)
        }
        FileFormat::Pdf => {
            let mut rows = Pdf {
                rows: Vec::new(),
                listing,
                stop,
            };
            fill(&mut rows)?;
            let mut file = tempfile::tempfile()?;
            file.write_all(&laid_out(listing, &rows.rows))?;
            from_the_start(file)
        }
    }
}

fn from_the_start(mut file: File) -> Result<(File, u64), SheetError> {
    let size = file.seek(SeekFrom::End(0))?;
    file.rewind()?;
    Ok((file, size))
}

fn laid_out(listing: &Listing, rows: &[Vec<String>]) -> Vec<u8> {
    let orientation = if listing.columns.len() > UPRIGHT_COLUMNS_MAX {
        pdf::Orientation::Landscape
    } else {
        pdf::Orientation::Portrait
    };
    let mut document = pdf::Document::new(&listing.title, listing.language, orientation);
    let facts = listing.facts.iter();
    let facts: Vec<(&str, &str)> = facts.map(|(name, fact)| (&**name, &**fact)).collect();
    document.facts(&facts);
    let columns = listing.columns.iter();
    let column = |one: &Column| pdf::Column::new(one.title.clone(), f32::from(one.width));
    let columns: Vec<pdf::Column> = columns.map(column).collect();
    document.table(&columns, rows);
    document.finish()
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use std::io::Read;

    use super::*;
    use crate::domain::Timestamp;

    fn listing() -> Listing {
        let column = |title: &'static str| Column {
            title: title.into(),
            width: 20,
        };
        Listing {
            title: "Correspondence".into(),
            facts: vec![("Days".into(), "all".into())],
            columns: vec![column("When"), column("Subject")],
            zone: TimeZone::UTC,
            language: "en",
            full: "There are more.",
        }
    }

    fn made(format: FileFormat, subjects: &[&str]) -> Vec<u8> {
        let stop = Making::default();
        let (mut file, size) = write(format, &listing(), &stop, |rows| {
            for subject in subjects {
                let at = Some(Timestamp::from_millis(1_000_000));
                assert!(rows.push(&[Cell::Time(at), Cell::Text((*subject).into())])?);
            }
            Ok(())
        })
        .unwrap();
        let mut bytes = Vec::new();
        file.read_to_end(&mut bytes).unwrap();
        assert_eq!(bytes.len() as u64, size);
        bytes
    }

    #[test]
    fn a_csv_has_what_was_said_and_no_formulas() {
        let bytes = made(FileFormat::Csv, &["Hello, \"you\"", "=1+1", "Zoë"]);
        let text = String::from_utf8(bytes).unwrap();
        assert_eq!(
            text,
            "\u{feff}When,Subject\r\n1970-01-01 00:16:40,\"Hello, \"\"you\"\"\"\r\n1970-01-01 00:16:40,'=1+1\r\n1970-01-01 00:16:40,Zoë\r\n"
        );
    }

    #[test]
    fn every_format_is_what_it_says() {
        let pdf = made(FileFormat::Pdf, &["Hello", &"long ".repeat(200)]);
        assert!(pdf.starts_with(b"%PDF-1."));
        let xlsx = made(FileFormat::Xlsx, &["Hello"]);
        assert!(xlsx.starts_with(b"PK"));
        for format in FileFormat::ALL {
            assert_eq!(FileFormat::named(format.as_str()), Some(format));
        }
        assert_eq!(FileFormat::named("doc"), None);
    }

    #[test]
    fn nothing_is_written_for_nobody() {
        let stop = Making::default();
        stop.cancel();
        for format in FileFormat::ALL {
            let done = write(format, &listing(), &stop, |rows| {
                rows.push(&[Cell::Plain("x".into())]).map(|_| ())
            });
            assert!(matches!(done, Err(SheetError::Stopped)), "{format:?}");
        }
    }
}
