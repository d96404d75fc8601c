//! Documents to print and keep: headings, paragraphs, facts and long tables on A4. Data in, bytes
//! out; the same data makes the same bytes.
//!
//! Everything is text in two embedded fonts (DejaVu Sans), with a structure for readers who do not
//! see it. What is written from the right stands from the right (UAX 9), its letters side by side and
//! not joined; a character that the fonts lack is shown as a box, and stays what it is for whoever
//! copies it.

mod font;
mod grid;
mod sheet;
mod wrap;

use std::num::NonZeroU16;

use krilla::metadata::Metadata;

use font::Weight;
pub use sheet::Orientation;
use sheet::{MARGIN, Part, Role, Sheet};

/// Most rows of one table; those behind are left out, and a line says so.
pub const ROWS_MAX: usize = 100_000;
/// Most lines of one cell; what is behind them is left out, and an ellipsis says so.
pub const CELL_LINES_MAX: usize = 30;
/// Rows whose words say how wide the columns have to be.
const ROWS_MEASURED: usize = 200;

const TEXT_SIZE: f32 = 9.5;
const CELL_SIZE: f32 = 8.0;
const LEADING: f32 = 1.35;
const PADDING: f32 = 3.0;
const RULE: f32 = 0.5;

/// A column of a table.
#[derive(Clone, Debug)]
pub struct Column {
    /// What stands above it.
    pub title: String,
    /// Its part of the width, beside those of the others.
    pub share: f32,
}

impl Column {
    /// A column.
    #[must_use]
    pub fn new(title: impl Into<String>, share: f32) -> Self {
        Self {
            title: title.into(),
            share,
        }
    }
}

/// A document being written, from its beginning to its end.
pub struct Document {
    sheet: Sheet,
    title: String,
    lang: String,
}

impl Document {
    /// An empty document with its title on the first page and above each; `lang` is its language
    /// (BCP 47).
    #[must_use]
    pub fn new(title: &str, lang: &str, orientation: Orientation) -> Self {
        let mut document = Self {
            sheet: Sheet::new(title, orientation),
            title: title.to_owned(),
            lang: lang.to_owned(),
        };
        document.heading_of(title, 1, 16.0);
        document
    }

    /// A heading within the document.
    pub fn heading(&mut self, text: &str) -> &mut Self {
        self.heading_of(text, 2, 12.0)
    }

    fn heading_of(&mut self, text: &str, level: u16, size: f32) -> &mut Self {
        let level = NonZeroU16::new(level).unwrap_or(NonZeroU16::MIN);
        let part = self.sheet.part(Role::Heading(level), text, None);
        self.sheet.y += size * 0.6;
        // It stays with what it stands above.
        self.sheet.make_room(size * LEADING * 3.0);
        self.lines(text, Weight::Bold, size, part);
        self.sheet.y += size * 0.3;
        self
    }

    /// Running text; its line breaks are kept.
    pub fn paragraph(&mut self, text: &str) -> &mut Self {
        let part = self.sheet.part(Role::Paragraph, "", None);
        self.lines(text, Weight::Regular, TEXT_SIZE, part);
        self.sheet.y += TEXT_SIZE * 0.5;
        self
    }

    fn lines(&mut self, text: &str, weight: Weight, size: f32, part: Part) {
        let font = self.sheet.fonts.of(weight);
        let lines = wrap::lines(text, font, size, self.sheet.usable());
        for line in lines {
            self.sheet.make_room(size * LEADING);
            let at = (MARGIN, self.sheet.y);
            self.sheet.text(at, (weight, size), &line, Some(part));
            self.sheet.y += size * LEADING;
        }
    }

    /// Names and what they hold, below one another.
    pub fn facts(&mut self, facts: &[(&str, &str)]) -> &mut Self {
        let widths = [0.28, 0.72].map(|share| self.sheet.usable() * share);
        let table = self.sheet.part(Role::Table, "", None);
        for (name, value) in facts {
            let cells = [(*name, Weight::Bold), (*value, Weight::Regular)];
            let row = self.row_of(&cells, &widths);
            self.sheet.make_room(row.height);
            let roles = [Role::RowHeader, Role::Cell];
            self.put(&row, &widths, Some(table), |column| roles[column.min(1)]);
        }
        self.sheet.y += TEXT_SIZE * 0.5;
        self
    }

    /// A table whose head stands on each page. Rows are taken one by one; a row has a cell for
    /// each column, what is missing is empty. At most [`ROWS_MAX`].
    pub fn table<R>(&mut self, columns: &[Column], rows: impl IntoIterator<Item = R>) -> &mut Self
    where
        R: AsRef<[String]>,
    {
        let mut rows = rows.into_iter();
        let first: Vec<R> = rows.by_ref().take(ROWS_MEASURED).collect();
        let widths = self.widths(columns, &first);
        let titles = columns
            .iter()
            .map(|column| (column.title.as_str(), Weight::Bold));
        let head = self.row_of(&titles.collect::<Vec<_>>(), &widths);
        let table = self.sheet.part(Role::Table, "", None);
        self.sheet.make_room(head.height * 2.0);
        self.put_head(&head, &widths, Some(table));
        let mut rows = first.into_iter().chain(rows);
        for row in rows.by_ref().take(ROWS_MAX) {
            let cell = |column| row.as_ref().get(column).map_or("", String::as_str);
            let cells = (0..columns.len()).map(|column| (cell(column), Weight::Regular));
            let row = self.row_of(&cells.collect::<Vec<_>>(), &widths);
            if self.sheet.make_room(row.height) {
                self.put_head(&head, &widths, None);
            }
            self.put(&row, &widths, Some(table), |_| Role::Cell);
        }
        if rows.next().is_some() {
            self.paragraph("…");
        }
        self.sheet.y += TEXT_SIZE;
        self
    }

    /// How wide the columns are: by their shares, and each at least as wide as its words.
    fn widths<R: AsRef<[String]>>(&self, columns: &[Column], rows: &[R]) -> Vec<f32> {
        let fonts = &self.sheet.fonts;
        let word_width = |weight: Weight, text: &str| {
            let font = fonts.of(weight);
            let words = text.split_whitespace().take(grid::WORDS_MEASURED);
            let widths = words.map(|word| font.width(word, CELL_SIZE));
            widths.fold(0.0, f32::max)
        };
        let least = columns.iter().enumerate().map(|(place, column)| {
            let cells = rows.iter().filter_map(|row| row.as_ref().get(place));
            let cells = cells.map(|cell| word_width(Weight::Regular, cell));
            let words = cells.fold(word_width(Weight::Bold, &column.title), f32::max);
            words + 2.0 * PADDING + grid::ROUNDING
        });
        let shares = columns.iter().map(|column| column.share);
        grid::widths(
            self.sheet.usable(),
            &shares.collect::<Vec<_>>(),
            &least.collect::<Vec<_>>(),
        )
    }

    /// The head in its shade; a part of the structure only where it stands first.
    fn put_head(&mut self, head: &Row, widths: &[f32], table: Option<Part>) {
        let at = (MARGIN, self.sheet.y);
        self.sheet.fill(at, (self.sheet.usable(), head.height), 232);
        self.put(head, widths, table, |_| Role::Header);
    }

    fn row_of(&self, cells: &[(&str, Weight)], widths: &[f32]) -> Row {
        let lines_of = |((text, weight), width): (&(&str, Weight), &f32)| {
            let font = self.sheet.fonts.of(*weight);
            let room = (width - 2.0 * PADDING).max(CELL_SIZE);
            let mut lines = wrap::lines(text, font, CELL_SIZE, room);
            if lines.len() > CELL_LINES_MAX {
                lines.truncate(CELL_LINES_MAX);
                lines.push("…".to_owned());
            }
            (lines, *weight)
        };
        let cells: Vec<(Vec<String>, Weight)> = cells.iter().zip(widths).map(lines_of).collect();
        let most = cells.iter().map(|(lines, _)| lines.len()).max();
        let lines = u16::try_from(most.unwrap_or(1)).unwrap_or(u16::MAX);
        let height = f32::from(lines) * CELL_SIZE * LEADING + 2.0 * PADDING;
        debug_assert!(height < self.sheet.page_room(), "a row fits on a page");
        Row { cells, height }
    }

    fn put(
        &mut self,
        row: &Row,
        widths: &[f32],
        table: Option<Part>,
        role: impl Fn(usize) -> Role,
    ) {
        let within = table.map(|table| self.sheet.part(Role::Row, "", Some(table)));
        let (mut x, top) = (MARGIN, self.sheet.y);
        for (column, ((lines, weight), width)) in row.cells.iter().zip(widths).enumerate() {
            let part = within.map(|row| self.sheet.part(role(column), "", Some(row)));
            let mut y = top + PADDING;
            for line in lines {
                let at = (x + PADDING, y);
                self.sheet.text(at, (*weight, CELL_SIZE), line, part);
                y += CELL_SIZE * LEADING;
            }
            x += width;
        }
        self.sheet.y = top + row.height;
        let line = (self.sheet.usable(), RULE);
        self.sheet.fill((MARGIN, self.sheet.y), line, 200);
    }

    /// How many pages it has so far, the open one included.
    #[must_use]
    pub const fn pages(&self) -> u32 {
        self.sheet.pages()
    }

    /// The document, as a PDF.
    #[must_use]
    pub fn finish(self) -> Vec<u8> {
        let metadata = Metadata::new()
            .title(self.title)
            .language(self.lang.clone())
            .creator("Tocsin".to_owned());
        self.sheet.finish(metadata, &self.lang)
    }
}

/// A row in lines, and how high it is.
struct Row {
    cells: Vec<(Vec<String>, Weight)>,
    height: f32,
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;

    fn sample(rows: usize) -> Document {
        let mut document = Document::new(
            "Relevé de correspondance – été",
            "fr",
            Orientation::Portrait,
        );
        document
            .paragraph("Une lettre, un appel et un message. 漢字 n'est pas dans la police.")
            .heading("Faits")
            .facts(&[
                ("De", "Étude Martin & Fils"),
                ("À", &"x".repeat(300)),
                ("Objet", ""),
            ])
            .heading("Messages");
        let columns = [
            Column::new("Date", 1.0),
            Column::new("Objet", 3.0),
            Column::new("État", 1.0),
        ];
        let row = |n: usize| {
            [
                format!("2026-11-{n:02}"),
                "Mise en demeure, seconde relance, avec une explication assez longue".to_owned(),
                "remis".to_owned(),
            ]
        };
        document.table(&columns, (1..=rows).map(row));
        document
    }

    #[test]
    fn a_document_is_a_tagged_pdf_with_title_and_language() {
        let pdf = sample(3).finish();
        assert!(pdf.starts_with(b"%PDF-"));
        assert!(pdf.ends_with(b"%%EOF") || pdf.ends_with(b"%%EOF\n"));
        let text = String::from_utf8_lossy(&pdf);
        for part in ["/StructTreeRoot", "/Lang", "/MarkInfo"] {
            assert!(text.contains(part), "{part}");
        }
        if let Some(path) = std::env::var_os("TOCSIN_WRITE_PDF") {
            std::fs::write(path, sample(120).finish()).unwrap();
        }
    }

    #[test]
    fn a_long_table_goes_on_over_pages_and_a_short_one_does_not() {
        let (short, long) = (sample(3).pages(), sample(200).pages());
        assert_eq!(short, 1);
        assert!(long > 4, "{long}");
    }

    #[test]
    fn the_same_data_makes_the_same_bytes() {
        assert_eq!(sample(40).finish(), sample(40).finish());
    }

    #[test]
    fn cells_of_any_size_fit_on_a_page() {
        for orientation in [Orientation::Portrait, Orientation::Landscape] {
            let mut document = Document::new(&"T".repeat(5_000), "en", orientation);
            let columns: Vec<Column> = (0..12).map(|n| Column::new(n.to_string(), 1.0)).collect();
            let row = vec!["W".repeat(10_000); 12];
            document.table(&columns, [row, Vec::new()]);
            assert!(document.finish().starts_with(b"%PDF-"));
        }
    }
}
