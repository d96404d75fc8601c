//! Files of contacts: bytes → table → what each row says about somebody; and back.
//!
//! Pure: what is looked up in the store is handed in, what is to be written is handed back.
//! The bytes are a stranger's: everything has a limit, nothing panics, and a value that a
//! spreadsheet has spoilt is explained rather than guessed at.

mod apply;
mod checker;
mod columns;
mod decisions;
mod decode;
mod error;
mod export;
mod mapping;
mod names;
mod notes;
mod numbers;
mod ods;
mod places;
mod read;
mod sheet;
mod table;
mod values;

#[cfg(test)]
mod tests;

pub use apply::{Author, apply, make};
pub use checker::{Checker, Person};
pub use columns::{guess, labels, title_of};
pub use error::FileError;
pub use export::{ExportColumns, ExportNames, TITLES_MAX, Target, csv_begin, csv_row, guarded};
pub use mapping::{MappingProblem, settle};
pub use names::split as split_name;
pub use notes::{Note, why};
pub use numbers::is_region;
pub use places::{Places, Spot};
pub use read::{Shape, read, read_beginning};
pub use table::{Cell, Table};
pub use values::{clean, fold, language as language_of};

/// Largest file, in bytes.
pub const FILE_SIZE_MAX: usize = 50 * 1024 * 1024;
/// Most rows of a file, the one that names the columns included.
pub const ROWS_MAX: usize = 200_000;
/// Longest text of one cell, in bytes.
pub const CELL_SIZE_MAX: usize = 4_000;
/// Most text of all cells, in bytes.
pub const TEXT_SIZE_MAX: usize = 120 * 1024 * 1024;
/// Most a sheet may unfold to, in bytes.
pub const SHEET_SIZE_MAX: u64 = 400 * 1024 * 1024;
/// Most any other part of a spreadsheet may unfold to, in bytes.
pub const PART_SIZE_MAX: u64 = 64 * 1024 * 1024;
/// Most parts of a spreadsheet.
pub const PARTS_MAX: usize = 2_000;
