//! Threads of the inbox, their messages, and whom to tell of them.

use minicbor::{Decode, Encode};

use super::shape::{record, shape, through};
use crate::domain::{
    AuthResult, Authentication, BlobId, Channel, CommunicationId, ContactId, DeliveryId, Direction,
    FileScan, Message, MessageFile, MessageId, MessageKind, Redacted, ReplyNotice, ScanFound,
    TextPart, Thread, ThreadId, ThreadState, Timestamp, UserId,
};

fn has_no_octets(octets: &Redacted<Vec<u8>>) -> bool {
    octets.reveal().is_empty()
}

fn is_empty(text: &Redacted<String>) -> bool {
    text.reveal().is_empty()
}

shape! {
    Thread as ThreadRow {
        #[n(0)] id: ThreadId,
        #[n(1)] contact: Option<ContactId>,
        #[n(2)] address: Redacted<String>,
        #[n(3)] channel: Channel,
        #[n(4)] #[cbor(skip_if = "is_empty", default)] subject: Redacted<String>,
        #[n(5)] #[cbor(skip_if = "is_empty", default)] preview: Redacted<String>,
        #[n(6)] state: ThreadState,
        #[n(7)] unread: u32,
        #[n(8)] assigned: Option<UserId>,
        #[n(9)] messages: u32,
        #[n(10)] opened_at: Timestamp,
        #[n(11)] changed_at: Timestamp,
    }
}
record!(Thread, "thread");

shape! {
    Authentication as AuthenticationRow {
        #[n(0)] spf: AuthResult,
        #[n(1)] dkim: AuthResult,
        #[n(2)] dmarc: AuthResult,
        #[n(3)] is_strict: bool,
    }
}

#[derive(Encode, Decode)]
#[cbor(flat)]
enum ScanFoundRow {
    #[n(0)]
    Nothing,
    #[n(1)]
    Virus(#[n(0)] String),
    #[n(2)]
    TooLarge,
}

impl From<ScanFound> for ScanFoundRow {
    fn from(found: ScanFound) -> Self {
        match found {
            ScanFound::Nothing => Self::Nothing,
            ScanFound::Virus(name) => Self::Virus(name),
            ScanFound::TooLarge => Self::TooLarge,
        }
    }
}

impl From<ScanFoundRow> for ScanFound {
    fn from(row: ScanFoundRow) -> Self {
        match row {
            ScanFoundRow::Nothing => Self::Nothing,
            ScanFoundRow::Virus(name) => Self::Virus(name),
            ScanFoundRow::TooLarge => Self::TooLarge,
        }
    }
}

through!(ScanFound as ScanFoundRow);

shape! {
    FileScan as FileScanRow {
        #[n(0)] at: Timestamp,
        #[n(1)] found: ScanFound,
    }
}

shape! {
    MessageFile as MessageFileRow {
        #[n(0)] name: Redacted<String>,
        #[n(1)] size_bytes: u64,
        #[n(2)] scan: Option<FileScan>,
    }
}

shape! {
    Message as MessageRow {
        #[n(0)] id: MessageId,
        #[n(1)] thread: ThreadId,
        #[n(2)] direction: Direction,
        #[n(3)] kind: MessageKind,
        #[n(4)] channel: Channel,
        #[n(5)] at: Timestamp,
        #[n(6)] from: Redacted<String>,
        #[n(7)] #[cbor(skip_if = "is_empty", default)] preview: Redacted<String>,
        #[n(8)] body: Option<BlobId>,
        #[n(9)] original: Option<BlobId>,
        #[n(10)] #[cbor(skip_if = "Vec::is_empty")] files: Vec<MessageFile>,
        #[n(11)] #[cbor(skip_if = "is_empty", default)] message_id: Redacted<String>,
        #[n(12)] #[cbor(skip_if = "is_empty", default)] in_reply_to: Redacted<String>,
        #[n(13)] delivery: Option<DeliveryId>,
        #[n(14)] communication: Option<CommunicationId>,
        #[n(15)] by: Option<UserId>,
        #[n(16)] notify_at: Option<Timestamp>,
        #[n(17)] authentication: Option<Authentication>,
        #[n(18)] #[cbor(default)] is_disowned: bool,
    }
}
record!(Message, "message");

shape! {
    ReplyNotice as ReplyNoticeRow {
        #[n(0)] user: UserId,
        #[n(1)] told_at: Option<Timestamp>,
        #[n(2)] waiting: u32,
        #[n(3)] thread: Option<ThreadId>,
        #[n(4)] due: Option<Timestamp>,
    }
}
record!(ReplyNotice, "reply notice");

shape! {
    TextPart as TextPartRow {
        #[n(0)] #[cbor(with = "minicbor::bytes")] set: [u8; 32],
        #[n(1)] number: u8,
        #[n(2)] total: u8,
        #[n(3)] #[cbor(skip_if = "is_empty", default)] from: Redacted<String>,
        #[n(4)] to: String,
        #[n(5)] #[cbor(skip_if = "is_empty", default)] text: Redacted<String>,
        #[n(6)] #[cbor(with = "minicbor::bytes")] digest: [u8; 32],
        #[n(7)] at: Timestamp,
        #[n(8)] #[cbor(default)] taken: bool,
        #[n(9)] #[cbor(skip_if = "has_no_octets", default)] utf16: Redacted<Vec<u8>>,
    }
}
record!(TextPart, "part of a text");
