//! One value of every record, and the largest ones: for fixtures and limits.

#![allow(clippy::unwrap_used)]

use crate::domain::address::EMAIL_ADDRESS_MAX;
use crate::domain::category::CATEGORY_NAME_SIZE_MAX;
use crate::domain::contact::{
    CONTACT_GROUPS_MAX, CUSTOM_FIELDS_MAX, CUSTOM_NAME_SIZE_MAX, CUSTOM_VALUE_SIZE_MAX,
    METHODS_MAX, NAME_SIZE_MAX,
};
use crate::domain::delivery::{REMOTE_ID_SIZE_MAX, SEGMENTS_MAX, TIMELINE_MAX};
use crate::domain::dsn::{ENVELOPE_ID_SIZE_MAX, ORIGINAL_RECIPIENT_SIZE_MAX, REPORTS_MAX};
use crate::domain::method::SOFT_FAILURES_MAX;
use crate::domain::wishes::{CONSENTS_MAX, DAY_MINUTES, PROOF_NOTE_SIZE_MAX};
use crate::domain::{
    Area, AreaId, Audience, AudienceChunk, BlobId, Body, Channel, Channels, Closed, ClosedReason,
    Communication, CommunicationId, CommunicationState, Consent, Contact, ContactFilter, ContactId,
    ContactKind, Content, CustomField, DIAGNOSTIC_SIZE_MAX_BYTES, Delivery, DeliveryId,
    DeliverySet, Destination, EarlyReceipt, EmailAddress, EmailStatus, EnhancedStatus, Erasure,
    FilterId, GatherInto, Gathering, Group, GroupId, ImportId, InboundMail, LogEntry, LogEvent,
    Merger, Method, MethodId, MethodKind, MethodState, Origin, Permanence, Person, PersonDelivery,
    PersonState, PhoneNumber, ProofKind, QuietHours, Reason, Recipient, Redacted, ReportRequest,
    ReportsWanted, Role, RoundJob, SavedFilter, Session, SignUp, Source, Status, StatusChange,
    Suppression, Suspension, Ticket, TicketPurpose, Timestamp, User, UserId, Verdict, Visit,
    Wishes, comms_issue::Reachability,
};

pub(crate) use super::answer_samples::{answer_pool, last_answer};
pub(crate) use super::case_samples::{case, case_event, entry};
pub(crate) use super::inbox_samples::{message, reply_notice, text_part, thread};
pub(crate) use super::program_samples::{
    api_request, api_token, audit_entry, import_findings, import_image, import_job,
};
pub(crate) use super::template_samples::{campaign, past_template, template};
pub(crate) use super::webhook_samples::{alert, area_place, notification, webhook};

const NOON: u64 = 1_780_000_000_000;

pub(crate) fn at(offset_ms: u64) -> Timestamp {
    Timestamp::from_millis(NOON + offset_ms)
}

fn email(text: &str) -> Destination {
    Destination::Email(Redacted::new(EmailAddress::parse(text).unwrap()))
}

fn phone(text: &str) -> Destination {
    Destination::Phone(Redacted::new(PhoneNumber::from_e164(text).unwrap()))
}

pub(crate) fn verdict() -> Verdict {
    Verdict::failure(Reason::UserUnknown, Permanence::Permanent)
        .with_status(Some(EnhancedStatus::new(5, 1, 1)))
        .with_diagnostic("550 5.1.1 <ada@example.org>: Recipient address rejected")
}

pub(crate) fn area() -> Area {
    Area {
        id: AreaId::from_bytes([1; 16]),
        parent: Some(AreaId::from_bytes([2; 16])),
        name: "North Beat 1".to_owned(),
    }
}

pub(crate) fn contact() -> Contact {
    Contact {
        id: ContactId::from_bytes([3; 16]),
        kind: ContactKind::Citizen,
        first_name: Redacted::new("Ada".to_owned()),
        last_name: Redacted::new("Løvelace".to_owned()),
        language: "en".to_owned(),
        area: Some(AreaId::from_bytes([1; 16])),
        methods: vec![
            Method {
                id: MethodId::from_bytes([4; 16]),
                kind: MethodKind::Email,
                destination: email("ada@example.org"),
                state: MethodState::Suspended,
                suspension: Some(Suspension {
                    at: at(60_000),
                    delivery: DeliveryId::from_bytes([5; 16]),
                    verdict: verdict(),
                }),
                soft_failures: vec![at(1), at(2)],
                suspensions: 0,
                verified_at: None,
                purposes: Vec::new(),
            },
            Method {
                id: MethodId::from_bytes([6; 16]),
                kind: MethodKind::Mobile,
                destination: phone("+447700900123"),
                state: MethodState::Active,
                suspension: None,
                soft_failures: Vec::new(),
                suspensions: 0,
                verified_at: None,
                purposes: Vec::new(),
            },
        ],
        issue_since: Some(at(60_000)),
        prompted_at: Some(at(61_000)),
        created_at: at(0),
        groups: Vec::new(),
        custom: Vec::new(),
        wishes: crate::domain::Wishes::default(),
        import: None,
    }
}

pub(crate) fn communication() -> Communication {
    Communication {
        id: CommunicationId::from_bytes([7; 16]),
        category: "alert".to_owned(),
        origin: Origin::Console(UserId::from_bytes([8; 16])),
        channels: Channels::ALL,
        title: "Missing child".to_owned(),
        content: BlobId::from_bytes([9; 32]),
        body: Body::Submitted(BlobId::from_bytes([10; 32])),
        audience: Audience {
            areas: vec![AreaId::from_bytes([1; 16])],
            contacts: vec![ContactId::from_bytes([3; 16])],
            ..Audience::default()
        },
        state: CommunicationState::Sent,
        people: 1200,
        rounds: 2,
        created_at: at(0),
        modified_at: at(5),
        sent_at: Some(at(10)),
        campaign: None,
        related: None,
        plan: crate::domain::SendingPlan::default(),
        approval: None,
        history: Vec::new(),
        matter: None,
        template: None,
        about: None,
    }
}

pub(crate) fn group() -> Group {
    Group {
        id: GroupId::from_bytes([20; 16]),
        name: "Keyholders".to_owned(),
        created_at: at(0),
    }
}

pub(crate) fn saved_filter() -> SavedFilter {
    SavedFilter {
        id: FilterId::from_bytes([21; 16]),
        name: "Welsh speakers".to_owned(),
        filter: ContactFilter {
            text: "ada".to_owned(),
            kind: Some(ContactKind::Citizen),
            language: Some("cy".to_owned()),
            areas: vec![AreaId::from_bytes([1; 16])],
            groups: vec![GroupId::from_bytes([20; 16])],
            has: Some(MethodKind::Mobile),
            method_state: Some(MethodState::Active),
            reachability: Some(Reachability::Issue),
            field: Some(("Flat".to_owned(), "3".to_owned())),
        },
        by: UserId::from_bytes([8; 16]),
        created_at: at(0),
    }
}

pub(crate) fn recipient() -> Recipient {
    Recipient {
        user: UserId::from_bytes([8; 16]),
        contact: ContactId::from_bytes([3; 16]),
        at: at(5),
    }
}

pub(crate) fn merger() -> Merger {
    Merger {
        from: ContactId::from_bytes([3; 16]),
        into: ContactId::from_bytes([4; 16]),
        at: at(6),
        by: UserId::from_bytes([8; 16]),
    }
}

pub(crate) fn gathering() -> Gathering {
    Gathering {
        user: UserId::from_bytes([8; 16]),
        into: GatherInto::Group(GroupId::from_bytes([9; 16])),
        filter: saved_filter().filter,
        at: at(7),
        added: 500,
        cursor: b"ada\0".to_vec(),
    }
}

pub(crate) fn erasure() -> Erasure {
    Erasure {
        contact: ContactId::from_bytes([4; 16]),
        ids: vec![
            ContactId::from_bytes([4; 16]),
            ContactId::from_bytes([3; 16]),
        ],
        addresses: vec![Redacted::new("ada@example.org".to_owned())],
        by: UserId::from_bytes([8; 16]),
        begun_at: at(8),
    }
}

pub(crate) fn suppression() -> Suppression {
    Suppression {
        digest: Suppression::digest_of(&[7; 32], "ada@example.org"),
        since: at(9),
    }
}

pub(crate) fn content() -> Content {
    Content {
        subject: "Missing child".to_owned(),
        text: "Have you seen her?".to_owned(),
        html: "<p>Have you seen her?</p>".to_owned(),
        sms_text: "Have you seen her? Call 101.".to_owned(),
        voice_script: "This is the police. Press 1 to confirm.".to_owned(),
        attachments: Vec::new(),
    }
}

fn change(offset_ms: u64, status: EmailStatus, verdict: Option<Verdict>) -> StatusChange {
    StatusChange {
        at: at(offset_ms),
        status: Status::Email(status),
        verdict,
        source: Source::Peer,
    }
}

pub(crate) fn delivery() -> Delivery {
    Delivery {
        id: DeliveryId::from_bytes([5; 16]),
        communication: CommunicationId::from_bytes([7; 16]),
        contact: ContactId::from_bytes([3; 16]),
        method: MethodId::from_bytes([4; 16]),
        channel: Channel::Email,
        destination: email("ada@example.org"),
        round: 1,
        timeline: vec![
            change(0, EmailStatus::Queued, None),
            change(900, EmailStatus::Received, None),
            change(60_000, EmailStatus::Rebound, Some(verdict())),
        ],
        attempts: 1,
        due: None,
        closed: Some(Closed {
            at: at(70_000),
            reason: ClosedReason::ReachedOtherwise,
        }),
        remote_ids: vec!["<20261122.4711@example.org>".to_owned()],
        segments_delivered: 0,
        segments_failed: 0,
        express: false,
        held_until: None,
        awaits_turn: false,
        report: None,
    }
}

pub(crate) fn delivery_set() -> DeliverySet {
    let first = delivery();
    let mut text = Delivery {
        channel: Channel::Text,
        closed: None,
        due: Some(at(5_000)),
        ..first.clone()
    };
    text.id = DeliveryId::set_of(uuid::Uuid::from_bytes([5; 16]))
        .nth(2)
        .unwrap();
    DeliverySet::new(vec![first, text]).unwrap()
}

pub(crate) fn set_of(delivery: Delivery) -> DeliverySet {
    DeliverySet::new(vec![delivery]).unwrap()
}

pub(crate) fn person() -> Person {
    Person {
        communication: CommunicationId::from_bytes([7; 16]),
        contact: ContactId::from_bytes([3; 16]),
        deliveries: vec![PersonDelivery {
            delivery: DeliveryId::from_bytes([5; 16]),
            method: MethodId::from_bytes([4; 16]),
            status: Status::Email(EmailStatus::Rebound),
            closed: true,
        }],
        state: PersonState::NotContacted,
        confirmed: None,
        confirmed_by: None,
        sort_name: Redacted::default(),
        links: Vec::new(),
    }
}

pub(crate) fn audience_chunk() -> AudienceChunk {
    AudienceChunk {
        communication: CommunicationId::from_bytes([7; 16]),
        index: 3,
        contacts: vec![
            ContactId::from_bytes([3; 16]),
            ContactId::from_bytes([11; 16]),
        ],
    }
}

pub(crate) fn round_job() -> RoundJob {
    RoundJob {
        communication: CommunicationId::from_bytes([7; 16]),
        round: 2,
        cursor: 3,
        entered: 0,
        due: at(1_800_000),
        step: None,
        express: false,
    }
}

pub(crate) fn inbound_mail() -> InboundMail {
    InboundMail {
        id: [12; 16],
        mail_from: String::new(),
        rcpt_to: "b+05050505@bounce.example.org".to_owned(),
        delivery: Some(DeliveryId::from_bytes([5; 16])),
        message: BlobId::from_bytes([13; 32]),
        received_at: at(60_000),
        due: Some(at(60_000)),
        express: false,
    }
}

pub(crate) fn early_receipt() -> EarlyReceipt {
    EarlyReceipt {
        remote_id: "0A1B2C".to_owned(),
        verdict: Verdict::failure(Reason::Unreachable, Permanence::Temporary),
        delivered: false,
        at: at(900),
        underway: false,
        also: Vec::new(),
    }
}

pub(crate) fn log_entry() -> LogEntry {
    LogEntry {
        contact: ContactId::from_bytes([3; 16]),
        at: at(60_000),
        sequence: 1,
        event: LogEvent::Suspended {
            method: MethodId::from_bytes([4; 16]),
            kind: MethodKind::Email,
            delivery: DeliveryId::from_bytes([5; 16]),
            verdict: verdict(),
        },
    }
}

pub(crate) fn user() -> User {
    User {
        id: UserId::from_bytes([8; 16]),
        login: "operator".to_owned(),
        name: "An Operator".to_owned(),
        role: Role::Operator,
        password_hash: Redacted::new("$argon2id$v=19$m=8,t=1,p=1$c2FsdA$aGFzaA".to_owned()),
        created_at: at(0),
        language: None,
        time_zone: None,
        email: None,
        mobile: None,
        areas: Vec::new(),
        notify_replies: false,
        case_scope: crate::domain::CaseScope::All,
        disabled: false,
        second_factor: None,
    }
}

pub(crate) fn session() -> Session {
    Session {
        token_hash: [14; 32],
        user: UserId::from_bytes([8; 16]),
        csrf_hash: [15; 32],
        created_at: at(0),
        used_at: at(60_000),
        expires_at: at(86_400_000),
        browser: None,
        network: None,
    }
}

/// The widest verdict that can be written.
fn largest_verdict() -> Verdict {
    Verdict::failure(Reason::Undefined, Permanence::Permanent)
        .with_status(Some(EnhancedStatus::new(u8::MAX, u16::MAX, u16::MAX)))
        .with_diagnostic("x".repeat(DIAGNOSTIC_SIZE_MAX_BYTES))
}

/// The longest mailbox once its domain is in A-label form.
fn largest_email() -> Destination {
    let mut text = "l@".to_owned();
    while text.len() + "ü.example".len() <= EMAIL_ADDRESS_MAX {
        text.push_str("ü.");
    }
    text.push_str("example");
    email(&text)
}

/// Beyond what the domain lets a delivery grow to.
pub(crate) fn largest_delivery() -> Delivery {
    let wide = StatusChange {
        at: Timestamp::from_millis(u64::MAX),
        status: Status::Email(EmailStatus::Rebound),
        verdict: Some(largest_verdict()),
        source: Source::Operator(UserId::from_bytes([0xff; 16])),
    };
    let mut timeline = vec![wide; 3 * TIMELINE_MAX];
    for (index, entry) in timeline.iter_mut().enumerate() {
        entry.at = Timestamp::from_millis(u64::MAX - 1000 + index as u64);
    }
    Delivery {
        destination: largest_email(),
        round: u8::MAX,
        timeline,
        attempts: u16::MAX,
        due: Some(Timestamp::from_millis(u64::MAX)),
        remote_ids: vec!["r".repeat(REMOTE_ID_SIZE_MAX); SEGMENTS_MAX],
        segments_delivered: u64::MAX,
        segments_failed: u64::MAX,
        express: true,
        held_until: Some(Timestamp::from_millis(u64::MAX)),
        report: Some(largest_report_request()),
        ..delivery()
    }
}

fn largest_report_request() -> ReportRequest {
    let Destination::Email(to) = largest_email() else {
        unreachable!("it is an email address");
    };
    ReportRequest {
        to,
        on: ReportsWanted {
            success: true,
            failure: true,
            delay: true,
        },
        whole: true,
        envelope_id: "e".repeat(ENVELOPE_ID_SIZE_MAX),
        original_recipient: Redacted::new("o".repeat(ORIGINAL_RECIPIENT_SIZE_MAX)),
        told: vec![CommunicationId::from_bytes([0xff; 16]); REPORTS_MAX],
    }
}

/// What the domain lets a contact grow to.
pub(crate) fn largest_contact() -> Contact {
    let far = Timestamp::from_millis(u64::MAX);
    let method = Method {
        id: MethodId::from_bytes([4; 16]),
        kind: MethodKind::Email,
        destination: email(&format!(
            "{}@{}.example",
            "l".repeat(64),
            "d.".repeat(90) + "d"
        )),
        state: MethodState::Suspended,
        suspension: Some(Suspension {
            at: far,
            delivery: DeliveryId::from_bytes([5; 16]),
            verdict: largest_verdict(),
        }),
        soft_failures: vec![far; SOFT_FAILURES_MAX],
        suspensions: u16::MAX,
        verified_at: Some(far),
        purposes: crate::domain::template::TemplateCategory::ALL.to_vec(),
    };
    let consent = Consent {
        channel: Some(Channel::Call),
        category: Some("c".repeat(CATEGORY_NAME_SIZE_MAX)),
        given: false,
        at: far,
        proof: ProofKind::Operator(UserId::from_bytes([0xff; 16])),
        note: Redacted::new("n".repeat(PROOF_NOTE_SIZE_MAX)),
    };
    let field = CustomField {
        name: "f".repeat(CUSTOM_NAME_SIZE_MAX),
        value: Redacted::new("v".repeat(CUSTOM_VALUE_SIZE_MAX)),
    };
    Contact {
        first_name: Redacted::new("n".repeat(NAME_SIZE_MAX)),
        last_name: Redacted::new("n".repeat(NAME_SIZE_MAX)),
        methods: vec![method; METHODS_MAX],
        groups: vec![GroupId::from_bytes([0xff; 16]); CONTACT_GROUPS_MAX],
        custom: vec![field; CUSTOM_FIELDS_MAX],
        wishes: Wishes {
            quiet_hours: QuietHours::new(DAY_MINUTES - 1, DAY_MINUTES - 2),
            preferred: Some(Channel::Call),
            consents: vec![consent; CONSENTS_MAX],
        },
        import: Some(ImportId::from_bytes([0xff; 16])),
        ..contact()
    }
}

pub(crate) fn ticket() -> Ticket {
    Ticket {
        token_hash: [16; 32],
        purpose: TicketPurpose::Replace,
        contact: ContactId::from_bytes([1; 16]),
        method: MethodId::from_bytes([2; 16]),
        kind: MethodKind::Email,
        destination: email("ada@example.org"),
        code_hash: [17; 32],
        tries_left: 5,
        created_at: at(0),
        code_expires_at: at(600_000),
        expires_at: at(1_800_000),
        used_at: Some(at(60_000)),
        delivery: DeliveryId::from_bytes([4; 16]),
        language: "fr".to_owned(),
        asked: false,
    }
}

pub(crate) fn sign_up() -> SignUp {
    SignUp {
        contact: contact(),
        expires_at: at(86_400_000),
        became: None,
    }
}

pub(crate) fn visit() -> Visit {
    Visit {
        token_hash: [18; 32],
        contact: ContactId::from_bytes([1; 16]),
        via: Redacted::new("ada@example.org".to_owned()),
        csrf_hash: [19; 32],
        created_at: at(0),
        used_at: at(60_000),
        expires_at: at(86_400_000),
    }
}
