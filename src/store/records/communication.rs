//! Communications, their content, their audience, and the rounds of sending.

use minicbor::{Decode, Encode};

use super::leaves::packed;
use super::shape::{record, shape, through};
use crate::domain::{
    AreaId, Audience, AudienceChunk, BlobId, Body, Channels, Communication, CommunicationId,
    CommunicationState, ContactId, Content, DeliveryId, InboundMail, Origin, RoundJob, Timestamp,
    UserId,
};

#[derive(Encode, Decode)]
#[cbor(flat)]
enum BodyRow {
    #[n(0)]
    Composed,
    #[n(1)]
    Submitted(#[n(0)] BlobId),
}

impl From<Body> for BodyRow {
    fn from(body: Body) -> Self {
        match body {
            Body::Composed => Self::Composed,
            Body::Submitted(message) => Self::Submitted(message),
        }
    }
}

impl From<BodyRow> for Body {
    fn from(row: BodyRow) -> Self {
        match row {
            BodyRow::Composed => Self::Composed,
            BodyRow::Submitted(message) => Self::Submitted(message),
        }
    }
}

through!(Body as BodyRow);

#[derive(Encode, Decode)]
#[cbor(flat)]
enum OriginRow {
    #[n(0)]
    Console(#[n(0)] UserId),
    #[n(1)]
    Submission(#[n(0)] UserId),
    #[n(2)]
    Prompt,
}

impl From<Origin> for OriginRow {
    fn from(origin: Origin) -> Self {
        match origin {
            Origin::Console(user) => Self::Console(user),
            Origin::Submission(user) => Self::Submission(user),
            Origin::Prompt => Self::Prompt,
        }
    }
}

impl From<OriginRow> for Origin {
    fn from(row: OriginRow) -> Self {
        match row {
            OriginRow::Console(user) => Self::Console(user),
            OriginRow::Submission(user) => Self::Submission(user),
            OriginRow::Prompt => Self::Prompt,
        }
    }
}

through!(Origin as OriginRow);

shape! {
    Content as ContentRow {
        #[n(0)] subject: String,
        #[n(1)] text: String,
        #[n(2)] #[cbor(skip_if = "String::is_empty")] html: String,
        #[n(3)] #[cbor(skip_if = "String::is_empty")] sms_text: String,
        #[n(4)] #[cbor(skip_if = "String::is_empty")] voice_script: String,
    }
}
record!(Content, "content");

shape! {
    Audience as AudienceRow {
        #[n(0)] #[cbor(with = "packed", skip_if = "Vec::is_empty")] areas: Vec<AreaId>,
        #[n(1)] #[cbor(with = "packed", skip_if = "Vec::is_empty")] contacts: Vec<ContactId>,
    }
}

shape! {
    Communication as CommunicationRow {
        #[n(0)] id: CommunicationId,
        #[n(1)] category: String,
        #[n(2)] origin: Origin,
        #[n(3)] channels: Channels,
        #[n(4)] title: String,
        #[n(5)] content: BlobId,
        #[n(6)] body: Body,
        #[n(7)] audience: Audience,
        #[n(8)] state: CommunicationState,
        #[n(9)] people: u64,
        #[n(10)] rounds: u8,
        #[n(11)] created_at: Timestamp,
        #[n(12)] modified_at: Timestamp,
        #[n(13)] sent_at: Option<Timestamp>,
    }
}
record!(Communication, "communication");

shape! {
    AudienceChunk as AudienceChunkRow {
        #[n(0)] communication: CommunicationId,
        #[n(1)] index: u32,
        #[n(2)] #[cbor(with = "packed", skip_if = "Vec::is_empty")] contacts: Vec<ContactId>,
    }
}
record!(AudienceChunk, "audience chunk");

shape! {
    RoundJob as RoundJobRow {
        #[n(0)] communication: CommunicationId,
        #[n(1)] round: u8,
        #[n(2)] cursor: u32,
        #[n(3)] due: Timestamp,
    }
}
record!(RoundJob, "round");

shape! {
    InboundMail as InboundMailRow {
        #[n(0)] #[cbor(with = "minicbor::bytes")] id: [u8; 16],
        #[n(1)] mail_from: String,
        #[n(2)] rcpt_to: String,
        #[n(3)] delivery: Option<DeliveryId>,
        #[n(4)] message: BlobId,
        #[n(5)] received_at: Timestamp,
        #[n(6)] due: Option<Timestamp>,
    }
}
record!(InboundMail, "inbound mail");
