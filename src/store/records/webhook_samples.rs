//! The records of webhooks, for fixtures and laws.

use super::samples::at;
use crate::domain::outline::Outline;
use crate::domain::webhook::{Disabled, DisabledWhy, Try, TryOutcome};
use crate::domain::{
    AlertTaken, AreaId, AreaPlace, CallStatus, ClosedReason, CommunicationId, ConfirmedBy,
    ContactId, DeliveryId, EventKind, MessageId, MethodId, News, Notification, Redacted, Status,
    ThreadId, UserId, Webhook, WebhookId, WebhookInput,
};

pub(crate) fn webhook() -> Webhook {
    Webhook {
        id: WebhookId::from_bytes([41; 16]),
        input: WebhookInput {
            name: "Control room".to_owned(),
            url: Redacted::new("https://control.example.org/in?key=1".to_owned()),
            events: vec![EventKind::DeliveryStatus, EventKind::ReplyReceived],
            addresses: true,
        },
        secrets: vec![Redacted::new([42; 32]), Redacted::new([43; 32])],
        by: UserId::from_bytes([8; 16]),
        created_at: at(0),
        failing_since: Some(at(60_000)),
        disabled: Some(Disabled {
            at: at(120_000),
            why: DisabledWhy::Failing,
        }),
        failed_at: None,
    }
}

pub(crate) fn notification() -> Notification {
    Notification {
        id: [44; 16],
        webhook: WebhookId::from_bytes([41; 16]),
        at: at(0),
        news: News {
            event: EventKind::DeliveryStatus,
            communication: Some(CommunicationId::from_bytes([4; 16])),
            contact: Some(ContactId::from_bytes([3; 16])),
            delivery: Some(DeliveryId::from_bytes([5; 16])),
            method: Some(MethodId::from_bytes([6; 16])),
            thread: Some(ThreadId::from_bytes([7; 16])),
            message: Some(MessageId::from_bytes([9; 16])),
            status: Some(Status::Call(CallStatus::Completed)),
            closed: Some(ClosedReason::ReachedOtherwise),
            confirmed_by: Some(ConfirmedBy::EmailLink),
            people: Some(3),
            address: Some(Redacted::new("+15551234".to_owned())),
        },
        tries: vec![
            Try {
                at: at(1_000),
                took_ms: 12,
                outcome: TryOutcome::Answered(503),
            },
            Try {
                at: at(6_000),
                took_ms: 15_000,
                outcome: TryOutcome::TimedOut,
            },
        ],
        tried: 2,
        due: Some(at(306_000)),
    }
}

pub(crate) fn alert() -> AlertTaken {
    AlertTaken {
        key: [45; 32],
        source: "Alertmanager: ops".to_owned(),
        communication: Some(CommunicationId::from_bytes([4; 16])),
        at: at(0),
        over: None,
        told: Vec::new(),
    }
}

pub(crate) fn area_place() -> AreaPlace {
    let outline = Outline::parse("52.1,5.1 52.1,5.2 52.25,5.123456").expect("three points");
    let geocodes = vec!["EMMA_ID=NL001".to_owned()];
    AreaPlace::new(AreaId::from_bytes([2; 16]), vec![outline], geocodes).expect("it is small")
}
