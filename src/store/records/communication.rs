//! Communications, their content, their audience, and the rounds of sending.

use std::time::Duration;

use minicbor::{Decode, Encode};

use super::leaves::packed;
use super::shape::{record, shape, through};
use crate::domain::{
    Approval, AreaId, Attachment, Audience, AudienceChunk, BlobId, Body, Campaign, CampaignId,
    Channel, Channels, Communication, CommunicationId, CommunicationState, ContactId, Content,
    DeliveryId, EscalationStep, FilterId, GroupId, InboundMail, Matter, MethodId, Origin,
    Recipient, Related, Relation, Round, RoundJob, SendingPlan, TemplateId, Timestamp, Tracking,
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
    #[n(3)]
    Program(#[n(0)] UserId),
    #[n(4)]
    Test(#[n(0)] UserId),
    #[n(5)]
    Reply(#[n(0)] UserId),
    #[n(6)]
    Verification,
    #[n(7)]
    Notice,
    #[n(8)]
    Keyword,
}

impl From<Origin> for OriginRow {
    fn from(origin: Origin) -> Self {
        match origin {
            Origin::Console(user) => Self::Console(user),
            Origin::Submission(user) => Self::Submission(user),
            Origin::Prompt => Self::Prompt,
            Origin::Program(user) => Self::Program(user),
            Origin::Test(user) => Self::Test(user),
            Origin::Reply(user) => Self::Reply(user),
            Origin::Verification => Self::Verification,
            Origin::Notice => Self::Notice,
            Origin::Keyword => Self::Keyword,
        }
    }
}

impl From<OriginRow> for Origin {
    fn from(row: OriginRow) -> Self {
        match row {
            OriginRow::Console(user) => Self::Console(user),
            OriginRow::Submission(user) => Self::Submission(user),
            OriginRow::Prompt => Self::Prompt,
            OriginRow::Program(user) => Self::Program(user),
            OriginRow::Test(user) => Self::Test(user),
            OriginRow::Reply(user) => Self::Reply(user),
            OriginRow::Verification => Self::Verification,
            OriginRow::Notice => Self::Notice,
            OriginRow::Keyword => Self::Keyword,
        }
    }
}

through!(Origin as OriginRow);

shape! {
    Attachment as AttachmentRow {
        #[n(0)] name: String,
        #[n(1)] media_type: String,
        #[n(2)] size_bytes: u64,
        #[n(3)] blob: BlobId,
    }
}

shape! {
    Content as ContentRow {
        #[n(0)] subject: String,
        #[n(1)] text: String,
        #[n(2)] #[cbor(skip_if = "String::is_empty")] html: String,
        #[n(3)] #[cbor(skip_if = "String::is_empty")] sms_text: String,
        #[n(4)] #[cbor(skip_if = "String::is_empty")] voice_script: String,
        #[n(5)] #[cbor(skip_if = "Vec::is_empty")] attachments: Vec<Attachment>,
    }
}
record!(Content, "content");

shape! {
    Audience as AudienceRow {
        #[n(0)] #[cbor(with = "packed", skip_if = "Vec::is_empty")] areas: Vec<AreaId>,
        #[n(1)] #[cbor(with = "packed", skip_if = "Vec::is_empty")] contacts: Vec<ContactId>,
        #[n(2)] #[cbor(with = "packed", skip_if = "Vec::is_empty", default)] groups: Vec<GroupId>,
        #[n(3)] #[cbor(with = "packed", skip_if = "Vec::is_empty", default)] filters: Vec<FilterId>,
        #[n(4)] list: Option<BlobId>,
        #[n(5)] #[cbor(default)] list_people: u32,
        #[n(6)] #[cbor(with = "packed", skip_if = "Vec::is_empty", default)] except_areas: Vec<AreaId>,
        #[n(7)] #[cbor(with = "packed", skip_if = "Vec::is_empty", default)] except_groups: Vec<GroupId>,
        #[n(8)] #[cbor(with = "packed", skip_if = "Vec::is_empty", default)] except_contacts: Vec<ContactId>,
        #[n(9)] method: Option<MethodId>,
    }
}

shape! {
    Related as RelatedRow {
        #[n(0)] to: CommunicationId,
        #[n(1)] relation: Relation,
    }
}

/// Spans as whole milliseconds.
#[derive(Encode, Decode)]
#[cbor(array)]
struct StepRow {
    #[n(0)]
    channel: Channel,
    #[n(1)]
    after_ms: u64,
}

impl From<EscalationStep> for StepRow {
    fn from(step: EscalationStep) -> Self {
        Self {
            channel: step.channel,
            after_ms: u64::try_from(step.after.as_millis()).unwrap_or(u64::MAX),
        }
    }
}

impl From<StepRow> for EscalationStep {
    fn from(row: StepRow) -> Self {
        Self {
            channel: row.channel,
            after: Duration::from_millis(row.after_ms),
        }
    }
}

through!(EscalationStep as StepRow);

shape! {
    Tracking as TrackingRow {
        #[n(0)] opens: bool,
        #[n(1)] clicks: bool,
    }
}

/// What asks for nothing is written as it was before it could: approvals have a digest of it.
fn is_off(tracking: &Tracking) -> bool {
    tracking.is_off()
}

shape! {
    SendingPlan as SendingPlanRow {
        #[n(0)] emergency: bool,
        #[n(1)] scheduled_at: Option<Timestamp>,
        #[n(2)] #[cbor(skip_if = "Vec::is_empty")] escalation: Vec<EscalationStep>,
        #[n(3)] until: Option<Timestamp>,
        #[n(4)] #[cbor(default, skip_if = "is_off")] tracking: Tracking,
    }
}

shape! {
    Approval as ApprovalRow {
        #[n(0)] asked_by: UserId,
        #[n(1)] asked_at: Timestamp,
        #[n(2)] decided_by: Option<UserId>,
        #[n(3)] decided_at: Option<Timestamp>,
        #[n(4)] approved: bool,
        #[n(5)] #[cbor(skip_if = "String::is_empty")] note: String,
        #[n(6)] digest: Option<BlobId>,
        #[n(7)] people: Option<BlobId>,
    }
}

shape! {
    Round as RoundRow {
        #[n(0)] number: u8,
        #[n(1)] due: Timestamp,
        #[n(2)] done: Option<Timestamp>,
        #[n(3)] by: Option<UserId>,
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
        #[n(14)] campaign: Option<CampaignId>,
        #[n(15)] related: Option<Related>,
        #[n(16)] #[cbor(default)] plan: SendingPlan,
        #[n(17)] approval: Option<Approval>,
        #[n(18)] #[cbor(skip_if = "Vec::is_empty")] history: Vec<Round>,
        #[n(19)] matter: Option<Matter>,
        #[n(20)] template: Option<(TemplateId, u32)>,
        #[n(21)] about: Option<DeliveryId>,
    }
}
record!(Communication, "communication");

shape! {
    Campaign as CampaignRow {
        #[n(0)] id: CampaignId,
        #[n(1)] name: String,
        #[n(2)] by: UserId,
        #[n(3)] created_at: Timestamp,
        #[n(4)] modified_at: Timestamp,
    }
}
record!(Campaign, "campaign");

shape! {
    Recipient as RecipientRow {
        #[n(0)] user: UserId,
        #[n(1)] contact: ContactId,
        #[n(2)] at: Timestamp,
    }
}
record!(Recipient, "recipient");

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
        #[n(4)] step: Option<u8>,
        #[n(5)] #[cbor(default)] express: bool,
        #[n(6)] #[cbor(default)] entered: u32,
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
        #[n(7)] #[cbor(default)] express: bool,
    }
}
record!(InboundMail, "inbound mail");
