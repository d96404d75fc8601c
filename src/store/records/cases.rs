//! Cases, what was done with them, and the record of correspondence.

use minicbor::{Decode, Encode};

use super::leaves::packed;
use super::shape::{record, shape, through};
use crate::domain::{
    Actor, Attachment, BlobId, Case, CaseChange, CaseCreditor, CaseEvent, CaseEventId, CaseId,
    CaseStatus, CommunicationId, ContactId, DeliveryId, Entry, EntryDirection, EntryId, EntryKind,
    EntryWhat, Matter, MessageId, Note, NoteLink, Party, Redacted, ThreadId, Timestamp, UserId,
};

fn is_empty(text: &Redacted<String>) -> bool {
    text.reveal().is_empty()
}

shape! {
    CaseCreditor as CaseCreditorRow {
        #[n(0)] contact: ContactId,
        #[n(1)] #[cbor(skip_if = "is_empty", default)] account: Redacted<String>,
    }
}

shape! {
    Case as CaseRow {
        #[n(0)] id: CaseId,
        #[n(1)] reference: String,
        #[n(2)] #[cbor(skip_if = "String::is_empty")] title: String,
        #[n(3)] client: ContactId,
        #[n(4)] #[cbor(skip_if = "Vec::is_empty")] creditors: Vec<CaseCreditor>,
        #[n(5)] status: CaseStatus,
        #[n(6)] responsible: Option<UserId>,
        #[n(7)] #[cbor(with = "packed", skip_if = "Vec::is_empty", default)] team: Vec<UserId>,
        #[n(8)] #[cbor(default)] restricted: bool,
        #[n(9)] #[cbor(default)] legal_hold: bool,
        #[n(10)] created_at: Timestamp,
        #[n(11)] modified_at: Timestamp,
        #[n(12)] closed_at: Option<Timestamp>,
    }
}
record!(Case, "case");

shape! {
    CaseEvent as CaseEventRow {
        #[n(0)] id: CaseEventId,
        #[n(1)] case: CaseId,
        #[n(2)] client: ContactId,
        #[n(3)] at: Timestamp,
        #[n(4)] change: CaseChange,
        #[n(5)] #[cbor(skip_if = "is_empty", default)] detail: Redacted<String>,
        #[n(6)] by: Actor,
    }
}
record!(CaseEvent, "case event");

shape! {
    Matter as MatterRow {
        #[n(0)] client: ContactId,
        #[n(1)] case: Option<CaseId>,
    }
}

#[derive(Encode, Decode)]
#[cbor(flat)]
enum NoteLinkRow {
    #[n(0)]
    About(#[n(0)] EntryId),
    #[n(1)]
    Corrects(#[n(0)] EntryId),
}

impl From<NoteLink> for NoteLinkRow {
    fn from(link: NoteLink) -> Self {
        match link {
            NoteLink::About(entry) => Self::About(entry),
            NoteLink::Corrects(entry) => Self::Corrects(entry),
        }
    }
}

impl From<NoteLinkRow> for NoteLink {
    fn from(row: NoteLinkRow) -> Self {
        match row {
            NoteLinkRow::About(entry) => Self::About(entry),
            NoteLinkRow::Corrects(entry) => Self::Corrects(entry),
        }
    }
}

through!(NoteLink as NoteLinkRow);

shape! {
    Note as NoteRow {
        #[n(0)] text: BlobId,
        #[n(1)] #[cbor(skip_if = "Vec::is_empty")] files: Vec<Attachment>,
        #[n(2)] noted_at: Timestamp,
        #[n(3)] link: Option<NoteLink>,
    }
}

#[derive(Encode, Decode)]
#[cbor(flat)]
enum EntryWhatRow {
    #[n(0)]
    Draft(#[n(0)] CommunicationId),
    #[n(1)]
    Delivery(#[n(0)] DeliveryId),
    #[n(2)]
    Message {
        #[n(0)]
        thread: ThreadId,
        #[n(1)]
        message: MessageId,
    },
    #[n(3)]
    Note(#[n(0)] Note),
}

impl From<EntryWhat> for EntryWhatRow {
    fn from(what: EntryWhat) -> Self {
        match what {
            EntryWhat::Draft(communication) => Self::Draft(communication),
            EntryWhat::Delivery(delivery) => Self::Delivery(delivery),
            EntryWhat::Message { thread, message } => Self::Message { thread, message },
            EntryWhat::Note(note) => Self::Note(note),
        }
    }
}

impl From<EntryWhatRow> for EntryWhat {
    fn from(row: EntryWhatRow) -> Self {
        match row {
            EntryWhatRow::Draft(communication) => Self::Draft(communication),
            EntryWhatRow::Delivery(delivery) => Self::Delivery(delivery),
            EntryWhatRow::Message { thread, message } => Self::Message { thread, message },
            EntryWhatRow::Note(note) => Self::Note(note),
        }
    }
}

through!(EntryWhat as EntryWhatRow);

shape! {
    Entry as EntryRow {
        #[n(0)] id: EntryId,
        #[n(1)] at: Timestamp,
        #[n(2)] client: Option<ContactId>,
        #[n(3)] case: Option<CaseId>,
        #[n(4)] party: Party,
        #[n(5)] with: ContactId,
        #[n(6)] direction: EntryDirection,
        #[n(7)] kind: EntryKind,
        #[n(8)] #[cbor(skip_if = "is_empty", default)] title: Redacted<String>,
        #[n(9)] what: EntryWhat,
        #[n(10)] by: Option<UserId>,
    }
}
record!(Entry, "entry");
