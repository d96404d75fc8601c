//! The words of the product: people, what was said to them, and what became of it.
//!
//! Pure: no clocks, no randomness, no IO, no serialisation. Everything a type here needs
//! to know it is told.

pub mod access;
pub mod address;
pub mod alert;
pub mod area;
pub mod attachment;
pub mod audit;
pub mod authentication;
pub mod campaign;
pub mod case;
pub mod case_event;
pub mod category;
pub mod chain;
pub mod checks;
pub mod comms_issue;
pub mod communication;
pub mod confirmation;
pub mod confirmation_texts;
pub mod contact;
pub mod correspondence;
pub mod delivery;
pub mod details;
pub mod dsn;
pub mod erasure;
pub mod escalation;
pub mod fold;
pub mod group;
pub mod ids;
pub mod import;
pub mod inbox;
pub mod inline;
pub mod job;
pub mod keywords;
pub mod log;
pub mod merger;
pub mod method;
pub mod outline;
pub mod public_links;
pub mod reason;
pub mod redacted;
pub mod reminder;
pub mod repair;
pub mod retention;
pub mod return_path;
pub mod rule_name;
pub mod scram;
pub mod second_factor;
pub mod sentence;
pub mod sort_name;
pub mod statistics;
pub mod status;
pub mod suspension;
pub mod template;
pub mod text_part;
pub mod ticket;
pub mod timestamp;
pub mod token;
pub mod tracking;
pub mod transitions;
pub mod unknown_answer;
pub mod user;
pub mod verdict;
pub mod webhook;
pub mod wishes;

pub use access::{Access, CaseScope, Permission, Permissions};
pub use address::{AddressError, EmailAddress, PhoneNumber};
pub use alert::{AlertReceiver, AlertTaken};
pub use area::{Area, AreaTree};
pub use audit::{AuditActor, AuditEntry, Subject, SubjectKind, Via};
pub use authentication::{AuthResult, Authentication, Provenance};
pub use campaign::{Campaign, GatherInto, Gathering, Recipient};
pub use case::{Case, CaseCreditor, CaseStatus, Matter, ReferencePattern};
pub use case_event::{CaseChange, CaseEvent};
pub use category::Category;
pub use communication::{
    Approval, Attachment, Audience, Body, Channels, Communication, CommunicationState, Content,
    Origin, Related, Relation, Round,
};
pub use confirmation::ConfirmedBy;
pub use confirmation_texts::ConfirmLine;
pub use contact::{Contact, ContactKind, CustomField};
pub use correspondence::{Entry, EntryDirection, EntryKind, EntryWhat, Note, NoteLink, Party};
pub use delivery::{
    Closed, ClosedReason, Delivery, DeliverySet, Source, StatusChange, TIMELINE_MAX,
};
pub use details::{Details, MethodDetail};
pub use dsn::{ReportAction, ReportMail, ReportRequest, ReportsWanted};
pub use erasure::{Erasure, Suppression};
pub use escalation::{EscalationStep, SendingPlan};
pub use group::{ContactFilter, Group, SavedFilter};
pub use ids::{
    AnswerPoolId, AreaId, BlobId, CampaignId, CaseEventId, CaseId, CommunicationId, ContactId,
    DeliveryId, EntryId, FilterId, GroupId, ImportId, MessageId, MethodId, TemplateId, ThreadId,
    UserId, WebhookId,
};
pub use import::{
    ColumnUse, Finding, ImportFindings, ImportImage, ImportJob, ImportMapping, ImportPass,
    ImportState, ImportTotals, KnownPeople, UndoTotals,
};
pub use inbox::{
    Direction, FileScan, Message, MessageFile, MessageKind, ReplyNotice, ScanFound, Thread,
    ThreadState,
};
pub use job::{AudienceChunk, EarlyReceipt, InboundMail, Lane, RoundJob};
pub use keywords::{Keyword, Keywords};
pub use log::{Actor, ContactChange, LogEntry, LogEvent};
pub use merger::Merger;
pub use method::{Destination, Method, MethodKind, MethodState, Suspension};
pub use outline::AreaPlace;
pub use public_links::{ClickToken, ConfirmToken, PublicLinks, TicketSecrets};
pub use redacted::Redacted;
pub use return_path::{ReturnPath, ReturnPaths};
pub use rule_name::RuleName;
pub use second_factor::SecondFactor;
pub use sentence::Sentence;
pub use statistics::{Person, PersonDelivery, PersonState, Statistics};
pub use status::{CallStatus, Channel, EmailStatus, ListStatus, Status, TextStatus};
pub use template::{PastTemplate, Template};
pub use text_part::{TextPart, TextPartSet};
pub use ticket::{SignUp, Ticket, TicketPurpose, Visit};
pub use timestamp::Timestamp;
pub use token::{ApiAnswer, ApiRequest, ApiToken};
pub use tracking::Tracking;
pub use unknown_answer::{AnswerPool, AnswerShape, LastAnswer, Naming, UnknownAnswer};
pub use user::{Role, Session, User};
pub use verdict::{
    BounceClass, DIAGNOSTIC_SIZE_MAX_BYTES, Diagnostic, EnhancedStatus, Fault, Permanence, Reason,
    Suspends, Verdict,
};
pub use webhook::{EventKind, News, Notification, Webhook, WebhookInput};
pub use wishes::{Consent, ProofKind, QuietHours, Wishes};
