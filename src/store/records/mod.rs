//! What a stored value looks like.
//!
//! A value is one byte, the version of its record, then a CBOR map (RFC 8949) whose keys are
//! the numbers of the record's fields. A field may be added (it is optional, or has a default)
//! and taken away (its number is never used again) without a new version: an older value lacks
//! it, an older program skips it. A new version means that the same bytes mean something else.
//!
//! **What bounds a value.** Every value stays under the store's limit for one value by the
//! domain's own limits: each delivery of a set and a contact are fitted before they are written
//! (see [`fit`]); an audience chunk holds `AUDIENCE_CHUNK_MAX` contacts, a communication
//! `AUDIENCE_PICKS_MAX` areas and contacts, a person's row `PERSON_DELIVERIES_MAX` deliveries,
//! an entry of the log one diagnostic. Only `Content` can be larger, and it is a blob.
//!
//! **Invariant.** Domain types know nothing of this: every encoding stands here, and what is
//! decoded passes through the domain's own constructors. Bytes that are no record are an
//! error, never a panic, and the error never shows them.

mod answers;
mod audit;
mod cases;
mod codes;
mod communication;
mod contact;
mod delivery;
mod erasure;
mod fit;
mod imports;
mod inbox;
mod leaves;
mod lists;
mod people;
mod place;
mod shape;
mod template;
mod tickets;
mod webhook;
mod wishes;

#[cfg(test)]
pub(crate) mod answer_samples;
#[cfg(test)]
pub(crate) mod arbitrary;
#[cfg(test)]
pub(crate) mod case_samples;
#[cfg(test)]
pub(crate) mod inbox_samples;
#[cfg(test)]
mod laws;
#[cfg(test)]
pub(crate) mod program_samples;
#[cfg(test)]
pub(crate) mod samples;
#[cfg(test)]
pub(crate) mod template_samples;
#[cfg(test)]
pub(crate) mod webhook_samples;

use minicbor::{Decode, Encode};

pub use fit::{
    CONTACT_DIAGNOSTICS_SIZE_MAX, DELIVERY_DIAGNOSTICS_SIZE_MAX, OLD_DIAGNOSTIC_SIZE_MAX,
    TIMELINE_STORED_MAX,
};

/// The version of every record today.
pub const VERSION: u8 = 1;

/// A domain type that can be a stored value.
pub trait Record: Sized {
    /// What it is called in errors.
    const NAME: &'static str;

    /// The bytes to store.
    fn to_bytes(&self) -> Vec<u8>;

    /// What was stored.
    ///
    /// # Errors
    /// [`RecordError`] when the bytes are no such record.
    fn from_bytes(bytes: &[u8]) -> Result<Self, RecordError>;
}

/// Bytes that are not the record they should be. Names the record and the field, never content.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum RecordError {
    /// Written by a program newer than this one, or no record at all.
    #[error("a stored {record} has version {found}, which this program does not know")]
    Version {
        /// Which record.
        record: &'static str,
        /// The version it says it has.
        found: u8,
    },
    /// A field is missing or holds what it cannot hold.
    #[error("a stored {record} cannot be read: {what}")]
    Field {
        /// Which record.
        record: &'static str,
        /// Which field, and what is wrong with it.
        what: String,
    },
    /// Not the shape of a record.
    #[error("a stored {record} is damaged at byte {offset}")]
    Malformed {
        /// Which record.
        record: &'static str,
        /// Where in the value, in bytes.
        offset: usize,
    },
}

/// Version byte and map.
fn frame<T: Encode<()>>(row: &T) -> Vec<u8> {
    let mut bytes = vec![VERSION];
    match minicbor::encode(row, &mut bytes) {
        Ok(()) => bytes,
        Err(error) => unreachable!("writing to memory cannot fail: {error}"),
    }
}

/// Reads what [`frame`] wrote; nothing may follow it.
fn unframe<'b, T: Decode<'b, ()>>(record: &'static str, bytes: &'b [u8]) -> Result<T, RecordError> {
    let Some((version, map)) = bytes.split_first() else {
        return Err(RecordError::Malformed { record, offset: 0 });
    };
    if *version != VERSION {
        return Err(RecordError::Version {
            record,
            found: *version,
        });
    }
    let mut decoder = minicbor::Decoder::new(map);
    let row = decoder
        .decode()
        .map_err(|error| describe(record, &error, decoder.position()))?;
    if decoder.position() != map.len() {
        let offset = decoder.position() + 1;
        return Err(RecordError::Malformed { record, offset });
    }
    Ok(row)
}

/// The decoder's own words may quote a number out of the value; only ours and those that name
/// a missing field are kept.
fn describe(record: &'static str, error: &minicbor::decode::Error, position: usize) -> RecordError {
    if error.is_missing_value() || error.is_message() {
        return RecordError::Field {
            record,
            what: error.to_string(),
        };
    }
    RecordError::Malformed {
        record,
        offset: error.position().unwrap_or(position) + 1,
    }
}
