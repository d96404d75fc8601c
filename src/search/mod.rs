//! Full text: finding what was written and answered by subject, recipient and content.
//!
//! The index is beside the state and made from it: it can be thrown away at any time and is then
//! made anew. Every change of a row that can be found leaves word in the batch that makes it
//! ([`crate::store::Row::SEARCHED`]); [`feeder`] takes the words up, and forgets them only once the
//! index has them on disk. So nothing is missing after a crash, and what is read twice changes
//! nothing.
//!
//! **Invariant.** The index holds words and where they stand, no texts: what a page shows is read
//! from the state, where the rights of whoever asks are looked at.

mod document;
pub mod feeder;
mod found;
mod index;
mod newest;
mod question;
#[cfg(test)]
mod tests;

pub use document::{Document, document, texts_of};
pub use found::{Found, Hit, Piece};
pub use index::{Opened, SearchError, SearchIndex};
pub use question::{Order, QUESTION_SIZE_MAX, Question};
