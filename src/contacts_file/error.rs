//! Why a file cannot be read at all.

use super::{CELL_SIZE_MAX, FILE_SIZE_MAX, ROWS_MAX};
use crate::domain::Sentence;
use crate::domain::import::IMPORT_COLUMNS_MAX;

/// Why a file cannot be read at all.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum FileError {
    /// There is nothing in it.
    #[error("the file is empty")]
    Empty,
    /// Larger than [`FILE_SIZE_MAX`].
    #[error("the file is too large")]
    TooLarge,
    /// More than [`ROWS_MAX`] rows.
    #[error("the file has too many rows")]
    TooManyRows,
    /// More than the domain's `IMPORT_COLUMNS_MAX` columns.
    #[error("row {0} has too many columns")]
    TooManyColumns(u32),
    /// A cell is longer than [`CELL_SIZE_MAX`].
    #[error("a cell in row {0} is too long")]
    CellTooLong(u32),
    /// It unfolds to more than can be meant.
    #[error("the file unfolds to too much")]
    Bomb,
    /// An old or encrypted spreadsheet.
    #[error("an old or protected spreadsheet")]
    OldOrProtected,
    /// Neither text nor a spreadsheet.
    #[error("neither text nor a spreadsheet")]
    NotATable,
    /// A spreadsheet that cannot be read.
    #[error("the spreadsheet is damaged")]
    Damaged,
}

impl From<&FileError> for Sentence {
    fn from(error: &FileError) -> Self {
        let limit = |english, limit: usize| Self::with(english, &[&limit]);
        match error {
            FileError::Empty => "There is nothing in this file.".into(),
            FileError::TooLarge => limit(
                "The file is larger than {0} MiB. Split it and read in one part after the other.",
                FILE_SIZE_MAX / (1024 * 1024),
            ),
            FileError::TooManyRows => limit(
                "The file has more than {0} rows. Split it and read in one part after the other.",
                ROWS_MAX,
            ),
            FileError::TooManyColumns(row) => Self::with(
                "Row {0} has more than {1} columns. Take out those that are not wanted.",
                &[row, &IMPORT_COLUMNS_MAX],
            ),
            FileError::CellTooLong(row) => Self::with(
                "A cell in row {0} is longer than {1} characters. In a CSV file this often means that a quotation mark is opened and never closed.",
                &[row, &CELL_SIZE_MAX],
            ),
            FileError::Bomb => {
                "The spreadsheet unfolds to more than a list of contacts can hold. Save it as CSV.".into()
            }
            FileError::OldOrProtected => {
                "This spreadsheet is in an old format or protected by a password. Save it as XLSX without a password, or as CSV.".into()
            }
            FileError::NotATable => {
                "This is neither a CSV file nor a spreadsheet (XLSX, ODS).".into()
            }
            FileError::Damaged => {
                "The spreadsheet cannot be read; it seems to be damaged. Open it, save it again, or save it as CSV.".into()
            }
        }
    }
}
