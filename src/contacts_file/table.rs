//! A table in little memory: all text in one piece, and where each cell ends.

use super::{CELL_SIZE_MAX, FileError, ROWS_MAX, TEXT_SIZE_MAX};
use crate::domain::import::IMPORT_COLUMNS_MAX;

/// Set on the end of a cell that the spreadsheet kept as a number.
const NUMBER: u32 = 1 << 31;

/// A cell.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Cell<'a> {
    /// What stands in it.
    pub text: &'a str,
    /// Whether the spreadsheet kept it as a number: zeros and plus signs before it are lost.
    pub number: bool,
}

/// Rows of cells.
#[derive(Clone, Default)]
pub struct Table {
    text: String,
    /// Where each cell ends in `text`.
    ends: Vec<u32>,
    /// Of each row: its number in the file, and its first cell.
    rows: Vec<(u32, u32)>,
    width: usize,
}

impl std::fmt::Debug for Table {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "table of {} rows", self.rows.len())
    }
}

impl Table {
    /// How many rows.
    #[must_use]
    pub fn len(&self) -> usize {
        self.rows.len()
    }

    /// Whether there is none.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.rows.is_empty()
    }

    /// Cells of the widest row.
    #[must_use]
    pub const fn width(&self) -> usize {
        self.width
    }

    /// The number of a row as a spreadsheet counts: the first is 1, empty ones count.
    #[must_use]
    pub fn number(&self, row: usize) -> u32 {
        self.rows.get(row).map_or(0, |(number, _)| *number)
    }

    /// A cell; empty where there is none.
    #[must_use]
    pub fn cell(&self, row: usize, column: usize) -> Cell<'_> {
        let Some((_, first)) = self.rows.get(row) else {
            return Cell::default();
        };
        let behind = self.rows.get(row + 1).map(|(_, first)| *first as usize);
        let behind = behind.unwrap_or(self.ends.len());
        let index = *first as usize + column;
        if index >= behind {
            return Cell::default();
        }
        let place = |index: usize| (self.ends[index] & !NUMBER) as usize;
        let begin = index.checked_sub(1).map_or(0, place);
        Cell {
            text: &self.text[begin..place(index)],
            number: self.ends[index] & NUMBER != 0,
        }
    }

    /// Whether nothing stands in a row.
    #[must_use]
    pub fn is_blank(&self, row: usize) -> bool {
        (0..self.width).all(|column| self.cell(row, column).text.is_empty())
    }

    /// Begins a row; `number` is what a spreadsheet calls it.
    pub(super) fn begin_row(&mut self, number: u32) -> Result<(), FileError> {
        if self.rows.len() >= ROWS_MAX {
            return Err(FileError::TooManyRows);
        }
        let first = u32::try_from(self.ends.len()).map_err(|_| FileError::Bomb)?;
        self.rows.push((number, first));
        Ok(())
    }

    /// Adds a cell to the last row: its text without spaces around it.
    pub(super) fn push(&mut self, text: &str, number: bool) -> Result<(), FileError> {
        let text = text.trim();
        let (row, first) = self.rows.last().copied().unwrap_or((0, 0));
        let column = self.ends.len() - first as usize;
        if column >= IMPORT_COLUMNS_MAX {
            // Spreadsheets often trail empty cells.
            return if text.is_empty() {
                Ok(())
            } else {
                Err(FileError::TooManyColumns(row))
            };
        }
        if text.len() > CELL_SIZE_MAX {
            return Err(FileError::CellTooLong(row));
        }
        if self.text.len() + text.len() > TEXT_SIZE_MAX {
            return Err(FileError::Bomb);
        }
        self.text.push_str(text);
        let end = u32::try_from(self.text.len()).map_err(|_| FileError::Bomb)?;
        self.ends.push(end | if number { NUMBER } else { 0 });
        if !text.is_empty() {
            self.width = self.width.max(column + 1);
        }
        Ok(())
    }

    /// Fills the last row with empty cells up to a column.
    pub(super) fn pad_to(&mut self, column: usize) -> Result<(), FileError> {
        let first = self.rows.last().map_or(0, |(_, first)| *first as usize);
        while self.ends.len() - first < column.min(IMPORT_COLUMNS_MAX) {
            self.push("", false)?;
        }
        Ok(())
    }

    /// Takes empty rows off the end.
    pub(super) fn trim_end(&mut self) {
        while !self.is_empty() && self.is_blank(self.len() - 1) {
            let (_, first) = self.rows.pop().unwrap_or_default();
            self.ends.truncate(first as usize);
        }
    }
}
