//! Contacts being gathered on a list; contacts that another one took over.

use minicbor::{Decode, Encode};

use super::shape::{record, shape, through};
use crate::domain::{
    ContactFilter, ContactId, GatherInto, Gathering, GroupId, Merger, Timestamp, UserId,
};

#[derive(Encode, Decode)]
#[cbor(flat)]
enum GatherIntoRow {
    #[n(0)]
    Recipients,
    #[n(1)]
    Group(#[n(0)] GroupId),
}

impl From<GatherInto> for GatherIntoRow {
    fn from(into: GatherInto) -> Self {
        match into {
            GatherInto::Recipients => Self::Recipients,
            GatherInto::Group(group) => Self::Group(group),
        }
    }
}

impl From<GatherIntoRow> for GatherInto {
    fn from(row: GatherIntoRow) -> Self {
        match row {
            GatherIntoRow::Recipients => Self::Recipients,
            GatherIntoRow::Group(group) => Self::Group(group),
        }
    }
}

through!(GatherInto as GatherIntoRow);

shape! {
    Gathering as GatheringRow {
        #[n(0)] user: UserId,
        #[n(1)] into: GatherInto,
        #[n(2)] filter: ContactFilter,
        #[n(3)] at: Timestamp,
        #[n(4)] added: u64,
        #[n(5)] #[cbor(with = "minicbor::bytes")] cursor: Vec<u8>,
    }
}
record!(Gathering, "gathering");

shape! {
    Merger as MergerRow {
        #[n(0)] from: ContactId,
        #[n(1)] into: ContactId,
        #[n(2)] at: Timestamp,
        #[n(3)] by: UserId,
    }
}
record!(Merger, "merger");
