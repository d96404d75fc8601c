//! Deliveries, what each person's row knows of them, and receipts that came too early.

use std::borrow::Cow;

use minicbor::{Decode, Encode};

use super::shape::{record, shape, through};
use super::{Record, RecordError, fit, frame, unframe};
use crate::domain::{
    Channel, Closed, ClosedReason, CommunicationId, ConfirmedBy, ContactId, Delivery, DeliveryId,
    DeliverySet, Destination, EarlyReceipt, EmailAddress, MethodId, Person, PersonDelivery,
    PersonState, Redacted, ReportRequest, ReportsWanted, Source, Status, StatusChange, Timestamp,
    UserId, Verdict,
};

#[derive(Encode, Decode)]
#[cbor(flat)]
enum SourceRow {
    #[n(0)]
    Gateway,
    #[n(1)]
    Peer,
    #[n(2)]
    Report,
    #[n(3)]
    Person,
    #[n(4)]
    Operator(#[n(0)] UserId),
    #[n(5)]
    Link(#[n(0)] u16),
}

impl From<Source> for SourceRow {
    fn from(source: Source) -> Self {
        match source {
            Source::Gateway => Self::Gateway,
            Source::Peer => Self::Peer,
            Source::Report => Self::Report,
            Source::Person => Self::Person,
            Source::Operator(user) => Self::Operator(user),
            Source::Link(link) => Self::Link(link),
        }
    }
}

impl From<SourceRow> for Source {
    fn from(row: SourceRow) -> Self {
        match row {
            SourceRow::Gateway => Self::Gateway,
            SourceRow::Peer => Self::Peer,
            SourceRow::Report => Self::Report,
            SourceRow::Person => Self::Person,
            SourceRow::Operator(user) => Self::Operator(user),
            SourceRow::Link(link) => Self::Link(link),
        }
    }
}

through!(Source as SourceRow);

shape! {
    StatusChange as StatusChangeRow {
        #[n(0)] at: Timestamp,
        #[n(1)] status: Status,
        #[n(2)] verdict: Option<Verdict>,
        #[n(3)] source: Source,
    }
}

shape! {
    Closed as ClosedRow {
        #[n(0)] at: Timestamp,
        #[n(1)] reason: ClosedReason,
    }
}

shape! {
    ReportsWanted as ReportsWantedRow {
        #[n(0)] #[cbor(default)] success: bool,
        #[n(1)] #[cbor(default)] failure: bool,
        #[n(2)] #[cbor(default)] delay: bool,
    }
}

shape! {
    ReportRequest as ReportRequestRow {
        #[n(0)] to: Redacted<EmailAddress>,
        #[n(1)] on: ReportsWanted,
        #[n(2)] #[cbor(default)] whole: bool,
        #[n(3)] #[cbor(default, skip_if = "String::is_empty")] envelope_id: String,
        #[n(4)] #[cbor(default, skip_if = "is_unnamed")] original_recipient: Redacted<String>,
        #[n(5)] #[cbor(default, skip_if = "Vec::is_empty")] told: Vec<CommunicationId>,
    }
}

shape! {
    Delivery as DeliveryRow {
        #[n(0)] id: DeliveryId,
        #[n(1)] communication: CommunicationId,
        #[n(2)] contact: ContactId,
        #[n(3)] method: MethodId,
        #[n(4)] channel: Channel,
        #[n(5)] destination: Destination,
        #[n(6)] round: u8,
        #[n(7)] #[cbor(skip_if = "Vec::is_empty")] timeline: Vec<StatusChange>,
        #[n(8)] attempts: u16,
        #[n(9)] due: Option<Timestamp>,
        #[n(10)] closed: Option<Closed>,
        #[n(11)] #[cbor(skip_if = "Vec::is_empty")] remote_ids: Vec<String>,
        #[n(12)] #[cbor(default)] segments_delivered: u64,
        #[n(13)] #[cbor(default)] express: bool,
        #[n(14)] held_until: Option<Timestamp>,
        #[n(15)] #[cbor(default)] awaits_turn: bool,
        #[n(16)] report: Option<ReportRequest>,
        #[n(17)] #[cbor(default, skip_if = "is_none_set")] segments_failed: u64,
    }
}

#[derive(Encode)]
#[cbor(map)]
struct FittedSetRow<'a> {
    #[n(0)]
    deliveries: Vec<Cow<'a, Delivery>>,
}

#[derive(Decode)]
#[cbor(map)]
struct DeliverySetRow {
    #[n(0)]
    deliveries: Vec<Delivery>,
}

impl Record for DeliverySet {
    const NAME: &'static str = "set of deliveries";

    fn to_bytes(&self) -> Vec<u8> {
        let deliveries = self.deliveries().iter().map(fit::delivery).collect();
        frame(&FittedSetRow { deliveries })
    }

    fn from_bytes(bytes: &[u8]) -> Result<Self, RecordError> {
        let row: DeliverySetRow = unframe(Self::NAME, bytes)?;
        Self::new(row.deliveries).ok_or_else(|| RecordError::Field {
            record: Self::NAME,
            what: "its deliveries do not belong together".to_owned(),
        })
    }
}

shape! {
    PersonDelivery as PersonDeliveryRow {
        #[n(0)] delivery: DeliveryId,
        #[n(1)] method: MethodId,
        #[n(2)] status: Status,
        #[n(3)] closed: bool,
    }
}

shape! {
    Person as PersonRow {
        #[n(0)] communication: CommunicationId,
        #[n(1)] contact: ContactId,
        #[n(2)] #[cbor(skip_if = "Vec::is_empty")] deliveries: Vec<PersonDelivery>,
        #[n(3)] state: PersonState,
        #[n(4)] confirmed: Option<Timestamp>,
        #[n(5)] #[cbor(default, skip_if = "is_unnamed")] sort_name: Redacted<String>,
        #[n(6)] confirmed_by: Option<ConfirmedBy>,
        #[n(7)] #[cbor(default, skip_if = "Vec::is_empty")] links: Vec<u16>,
    }
}
record!(Person, "person of a communication");

const fn is_none_set(bits: &u64) -> bool {
    *bits == 0
}

const fn is_final(underway: &bool) -> bool {
    !*underway
}

fn is_unnamed(name: &Redacted<String>) -> bool {
    name.reveal().is_empty()
}

shape! {
    EarlyReceipt as EarlyReceiptRow {
        #[n(0)] remote_id: String,
        #[n(1)] verdict: Verdict,
        #[n(2)] delivered: bool,
        #[n(3)] at: Timestamp,
        #[n(4)] #[cbor(default, skip_if = "is_final")] underway: bool,
        #[n(5)] #[cbor(default, skip_if = "Vec::is_empty")] also: Vec<String>,
    }
}
record!(EarlyReceipt, "early receipt");
