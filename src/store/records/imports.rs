//! Imports, what was found in them, and contacts as they were before.

use minicbor::{Decode, Encode};

use super::shape::{record, shape, through};
use crate::domain::{
    AreaId, BlobId, Channel, ColumnUse, Contact, ContactId, ContactKind, Finding, GroupId,
    ImportFindings, ImportId, ImportImage, ImportJob, ImportMapping, ImportPass, ImportState,
    ImportTotals, KnownPeople, Redacted, Timestamp, UndoTotals, UserId,
};

#[derive(Encode, Decode)]
#[cbor(flat)]
enum ColumnUseRow {
    #[n(0)]
    Ignore,
    #[n(1)]
    Id,
    #[n(2)]
    FirstName,
    #[n(3)]
    LastName,
    #[n(4)]
    FullName,
    #[n(5)]
    Kind,
    #[n(6)]
    Language,
    #[n(7)]
    Area,
    #[n(8)]
    Groups,
    #[n(9)]
    Email,
    #[n(10)]
    Mobile,
    #[n(11)]
    Landline,
    #[n(12)]
    Field(#[n(0)] String),
    #[n(13)]
    Consent(#[n(0)] Option<Channel>, #[n(1)] Option<String>),
    #[n(14)]
    ConsentDate,
}

/// The same variants, both ways.
macro_rules! same_uses {
    ($($plain:ident),+) => {
        impl From<ColumnUse> for ColumnUseRow {
            fn from(value: ColumnUse) -> Self {
                match value {
                    $(ColumnUse::$plain => Self::$plain,)+
                    ColumnUse::Field(name) => Self::Field(name),
                    ColumnUse::Consent(channel, category) => Self::Consent(channel, category),
                }
            }
        }
        impl From<ColumnUseRow> for ColumnUse {
            fn from(value: ColumnUseRow) -> Self {
                match value {
                    $(ColumnUseRow::$plain => Self::$plain,)+
                    ColumnUseRow::Field(name) => Self::Field(name),
                    ColumnUseRow::Consent(channel, category) => Self::Consent(channel, category),
                }
            }
        }
    };
}

same_uses!(
    Ignore,
    Id,
    FirstName,
    LastName,
    FullName,
    Kind,
    Language,
    Area,
    Groups,
    Email,
    Mobile,
    Landline,
    ConsentDate
);

through!(ColumnUse as ColumnUseRow);

shape! {
    ImportMapping as ImportMappingRow {
        #[n(0)] #[cbor(skip_if = "Vec::is_empty")] columns: Vec<ColumnUse>,
        #[n(1)] header: bool,
        #[n(2)] region: String,
        #[n(3)] kind: ContactKind,
        #[n(4)] language: String,
        #[n(5)] area: Option<AreaId>,
        #[n(6)] group: Option<GroupId>,
        #[n(7)] known: KnownPeople,
        #[n(8)] by_field: Option<String>,
        #[n(9)] make_places: bool,
    }
}

shape! {
    ImportTotals as ImportTotalsRow {
        #[n(0)] added: u32,
        #[n(1)] updated: u32,
        #[n(2)] unchanged: u32,
        #[n(3)] skipped: u32,
        #[n(4)] bad: u32,
        #[n(5)] warnings: u32,
        #[n(6)] areas: u32,
        #[n(7)] groups: u32,
    }
}

shape! {
    UndoTotals as UndoTotalsRow {
        #[n(0)] removed: u32,
        #[n(1)] restored: u32,
        #[n(2)] kept: u32,
    }
}

shape! {
    ImportJob as ImportJobRow {
        #[n(0)] id: ImportId,
        #[n(1)] by: UserId,
        #[n(2)] created_at: Timestamp,
        #[n(3)] changed_at: Timestamp,
        #[n(4)] file_name: String,
        #[n(5)] file: Option<BlobId>,
        #[n(6)] size_bytes: u64,
        #[n(7)] read_as: String,
        #[n(8)] rows: u32,
        #[n(9)] state: ImportState,
        #[n(10)] mapping: ImportMapping,
        #[n(11)] cursor: u32,
        #[n(12)] undo_after: Option<ContactId>,
        #[n(13)] checked: ImportTotals,
        #[n(14)] done: ImportTotals,
        #[n(15)] undone: UndoTotals,
        #[n(16)] findings: [u32; 3],
        #[n(17)] due: Option<Timestamp>,
        #[n(18)] #[cbor(skip_if = "String::is_empty")] failure: String,
    }
}
record!(ImportJob, "import");

shape! {
    Finding as FindingRow {
        #[n(0)] row: u32,
        #[n(1)] column: Option<u16>,
        #[n(2)] value: Redacted<String>,
        #[n(3)] bad: bool,
        #[n(4)] why: String,
        #[n(5)] #[cbor(skip_if = "Vec::is_empty")] parts: Vec<String>,
        #[n(6)] contact: Option<ContactId>,
    }
}

shape! {
    ImportFindings as ImportFindingsRow {
        #[n(0)] import: ImportId,
        #[n(1)] pass: ImportPass,
        #[n(2)] index: u32,
        #[n(3)] #[cbor(skip_if = "Vec::is_empty")] findings: Vec<Finding>,
    }
}
record!(ImportFindings, "findings of an import");

shape! {
    ImportImage as ImportImageRow {
        #[n(0)] import: ImportId,
        #[n(1)] before: Contact,
        #[n(2)] after: BlobId,
    }
}
record!(ImportImage, "contact before an import");
