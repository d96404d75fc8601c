//! Webhooks, and news on its way to them; alerts that other programs hand in.

use minicbor::{Decode, Encode};

use super::shape::{record, shape, through};
use crate::domain::webhook::{Disabled, DisabledWhy, SECRET_SIZE, Try, TryOutcome};
use crate::domain::{
    AlertTaken, ClosedReason, CommunicationId, ConfirmedBy, ContactId, DeliveryId, EventKind,
    MessageId, MethodId, News, Notification, Redacted, Status, ThreadId, Timestamp, UserId,
    Webhook, WebhookId, WebhookInput,
};

shape! {
    WebhookInput as WebhookInputRow {
        #[n(0)] name: String,
        #[n(1)] url: Redacted<String>,
        #[n(2)] #[cbor(skip_if = "Vec::is_empty", default)] events: Vec<EventKind>,
        #[n(3)] addresses: bool,
    }
}

shape! {
    Disabled as DisabledRow {
        #[n(0)] at: Timestamp,
        #[n(1)] why: DisabledWhy,
    }
}

shape! {
    Webhook as WebhookRow {
        #[n(0)] id: WebhookId,
        #[n(1)] input: WebhookInput,
        #[n(2)] secrets: Vec<Redacted<[u8; SECRET_SIZE]>>,
        #[n(3)] by: UserId,
        #[n(4)] created_at: Timestamp,
        #[n(5)] failing_since: Option<Timestamp>,
        #[n(6)] disabled: Option<Disabled>,
        #[n(7)] failed_at: Option<Timestamp>,
    }
}
record!(Webhook, "webhook");

#[derive(Encode, Decode)]
#[cbor(map)]
struct TryRow {
    #[n(0)]
    at: Timestamp,
    #[n(1)]
    took_ms: u32,
    #[n(2)]
    outcome: u16,
}

impl From<Try> for TryRow {
    fn from(one: Try) -> Self {
        Self {
            at: one.at,
            took_ms: one.took_ms,
            outcome: one.outcome.code(),
        }
    }
}

impl From<TryRow> for Try {
    fn from(row: TryRow) -> Self {
        Self {
            at: row.at,
            took_ms: row.took_ms,
            outcome: TryOutcome::of_code(row.outcome),
        }
    }
}

through!(Try as TryRow);

shape! {
    News as NewsRow {
        #[n(0)] event: EventKind,
        #[n(1)] communication: Option<CommunicationId>,
        #[n(2)] contact: Option<ContactId>,
        #[n(3)] delivery: Option<DeliveryId>,
        #[n(4)] method: Option<MethodId>,
        #[n(5)] thread: Option<ThreadId>,
        #[n(6)] message: Option<MessageId>,
        #[n(7)] status: Option<Status>,
        #[n(8)] closed: Option<ClosedReason>,
        #[n(9)] confirmed_by: Option<ConfirmedBy>,
        #[n(10)] people: Option<u64>,
        #[n(11)] address: Option<Redacted<String>>,
    }
}

shape! {
    Notification as NotificationRow {
        #[n(0)] #[cbor(with = "minicbor::bytes")] id: [u8; 16],
        #[n(1)] webhook: WebhookId,
        #[n(2)] at: Timestamp,
        #[n(3)] news: News,
        #[n(4)] #[cbor(skip_if = "Vec::is_empty", default)] tries: Vec<Try>,
        #[n(5)] tried: u8,
        #[n(6)] due: Option<Timestamp>,
    }
}
record!(Notification, "notification");

shape! {
    AlertTaken as AlertTakenRow {
        #[n(0)] #[cbor(with = "minicbor::bytes")] key: [u8; 32],
        #[n(1)] source: String,
        #[n(2)] communication: Option<CommunicationId>,
        #[n(3)] at: Timestamp,
        #[n(4)] over: Option<Timestamp>,
        #[n(5)] #[cbor(skip_if = "Vec::is_empty", default)] told: Vec<u64>,
    }
}
record!(AlertTaken, "alert");
