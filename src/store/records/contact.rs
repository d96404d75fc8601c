//! Contacts, their methods, areas; what is said about them in the log.

use minicbor::{Decode, Encode};

use super::leaves::packed;
use super::shape::{record, shape, through};
use super::{Record, RecordError, fit, frame, unframe};
use crate::domain::comms_issue::Reachability;
use crate::domain::template::TemplateCategory;
use crate::domain::{
    Actor, Area, AreaId, BlobId, BounceClass, CommunicationId, ConfirmedBy, Contact, ContactChange,
    ContactFilter, ContactId, ContactKind, CustomField, DeliveryId, Destination, Diagnostic,
    EmailAddress, EnhancedStatus, Fault, FilterId, Group, GroupId, ImportId, LogEntry, LogEvent,
    Method, MethodId, MethodKind, MethodState, Permanence, PhoneNumber, Reason, Redacted, RuleName,
    SavedFilter, Suspension, ThreadId, Timestamp, UserId, Verdict, Wishes,
};

shape! {
    EnhancedStatus as EnhancedStatusRow {
        #[n(0)] class: u8,
        #[n(1)] subject: u16,
        #[n(2)] detail: u16,
    }
}

shape! {
    Verdict as VerdictRow {
        #[n(0)] class: BounceClass,
        #[n(1)] reason: Reason,
        #[n(2)] permanence: Permanence,
        #[n(3)] fault: Fault,
        #[n(4)] status_code: Option<EnhancedStatus>,
        #[n(5)] #[cbor(skip_if = "Diagnostic::is_empty")] diagnostic: Diagnostic,
        #[n(6)] #[cbor(default, skip_if = "RuleName::is_empty")] rule: RuleName,
    }
}

shape! {
    Suspension as SuspensionRow {
        #[n(0)] at: Timestamp,
        #[n(1)] delivery: DeliveryId,
        #[n(2)] verdict: Verdict,
    }
}

#[derive(Encode, Decode)]
#[cbor(flat)]
enum DestinationRow {
    #[n(0)]
    Email(#[n(0)] Redacted<EmailAddress>),
    #[n(1)]
    Phone(#[n(0)] Redacted<PhoneNumber>),
}

impl From<Destination> for DestinationRow {
    fn from(destination: Destination) -> Self {
        match destination {
            Destination::Email(address) => Self::Email(address),
            Destination::Phone(number) => Self::Phone(number),
        }
    }
}

impl From<DestinationRow> for Destination {
    fn from(row: DestinationRow) -> Self {
        match row {
            DestinationRow::Email(address) => Self::Email(address),
            DestinationRow::Phone(number) => Self::Phone(number),
        }
    }
}

through!(Destination as DestinationRow);

shape! {
    Method as MethodRow {
        #[n(0)] id: MethodId,
        #[n(1)] kind: MethodKind,
        #[n(2)] destination: Destination,
        #[n(3)] state: MethodState,
        #[n(4)] suspension: Option<Suspension>,
        #[n(5)] #[cbor(skip_if = "Vec::is_empty")] soft_failures: Vec<Timestamp>,
        #[n(6)] #[cbor(default)] suspensions: u16,
        #[n(7)] verified_at: Option<Timestamp>,
        #[n(8)] #[cbor(skip_if = "Vec::is_empty")] purposes: Vec<TemplateCategory>,
    }
}

shape! {
    CustomField as CustomFieldRow {
        #[n(0)] name: String,
        #[n(1)] value: Redacted<String>,
    }
}

shape! {
    Contact as ContactRow {
        #[n(0)] id: ContactId,
        #[n(1)] kind: ContactKind,
        #[n(2)] first_name: Redacted<String>,
        #[n(3)] last_name: Redacted<String>,
        #[n(4)] language: String,
        #[n(5)] area: Option<AreaId>,
        #[n(6)] #[cbor(skip_if = "Vec::is_empty")] methods: Vec<Method>,
        #[n(7)] issue_since: Option<Timestamp>,
        #[n(8)] prompted_at: Option<Timestamp>,
        #[n(9)] created_at: Timestamp,
        #[n(10)] #[cbor(with = "packed", skip_if = "Vec::is_empty", default)] groups: Vec<GroupId>,
        #[n(11)] #[cbor(skip_if = "Vec::is_empty")] custom: Vec<CustomField>,
        #[n(12)] #[cbor(default)] wishes: Wishes,
        #[n(13)] import: Option<ImportId>,
    }
}

shape! {
    Group as GroupRow {
        #[n(0)] id: GroupId,
        #[n(1)] name: String,
        #[n(2)] created_at: Timestamp,
    }
}
record!(Group, "group");

#[derive(Encode, Decode)]
#[cbor(array)]
struct FieldRow {
    #[n(0)]
    name: String,
    #[n(1)]
    value: String,
}

#[derive(Encode, Decode)]
#[cbor(map)]
struct FilterRow {
    #[n(0)]
    text: String,
    #[n(1)]
    kind: Option<ContactKind>,
    #[n(2)]
    language: Option<String>,
    #[n(3)]
    #[cbor(with = "packed", skip_if = "Vec::is_empty")]
    areas: Vec<AreaId>,
    #[n(4)]
    #[cbor(with = "packed", skip_if = "Vec::is_empty")]
    groups: Vec<GroupId>,
    #[n(5)]
    has: Option<MethodKind>,
    #[n(6)]
    method_state: Option<MethodState>,
    #[n(7)]
    reachability: Option<Reachability>,
    #[n(8)]
    field: Option<FieldRow>,
}

impl From<ContactFilter> for FilterRow {
    fn from(filter: ContactFilter) -> Self {
        Self {
            text: filter.text,
            kind: filter.kind,
            language: filter.language,
            areas: filter.areas,
            groups: filter.groups,
            has: filter.has,
            method_state: filter.method_state,
            reachability: filter.reachability,
            field: filter.field.map(|(name, value)| FieldRow { name, value }),
        }
    }
}

impl From<FilterRow> for ContactFilter {
    fn from(row: FilterRow) -> Self {
        Self {
            text: row.text,
            kind: row.kind,
            language: row.language,
            areas: row.areas,
            groups: row.groups,
            has: row.has,
            method_state: row.method_state,
            reachability: row.reachability,
            field: row.field.map(|field| (field.name, field.value)),
        }
    }
}

through!(ContactFilter as FilterRow);

shape! {
    SavedFilter as SavedFilterRow {
        #[n(0)] id: FilterId,
        #[n(1)] name: String,
        #[n(2)] filter: ContactFilter,
        #[n(3)] by: UserId,
        #[n(4)] created_at: Timestamp,
    }
}
record!(SavedFilter, "saved filter");

impl Record for Contact {
    const NAME: &'static str = "contact";

    fn to_bytes(&self) -> Vec<u8> {
        frame(fit::contact(self).as_ref())
    }

    fn from_bytes(bytes: &[u8]) -> Result<Self, RecordError> {
        unframe(Self::NAME, bytes)
    }
}

shape! {
    Area as AreaRow {
        #[n(0)] id: AreaId,
        #[n(1)] parent: Option<AreaId>,
        #[n(2)] name: String,
    }
}
record!(Area, "area");

#[derive(Encode, Decode)]
#[cbor(map)]
enum LogEventRow {
    // 0 was a message made for the person.
    #[n(1)]
    Returned {
        #[n(0)]
        delivery: DeliveryId,
        #[n(1)]
        verdict: Verdict,
    },
    #[n(2)]
    Suspended {
        #[n(0)]
        method: MethodId,
        #[n(1)]
        kind: MethodKind,
        #[n(2)]
        delivery: DeliveryId,
        #[n(3)]
        verdict: Verdict,
    },
    #[n(3)]
    Reinstated {
        #[n(0)]
        method: MethodId,
        #[n(1)]
        kind: MethodKind,
        #[n(2)]
        by: UserId,
    },
    #[n(4)]
    Corrected {
        #[n(0)]
        method: MethodId,
        #[n(1)]
        kind: MethodKind,
        #[n(2)]
        by: UserId,
    },
    #[n(5)]
    Prompted {
        #[n(0)]
        about: MethodId,
        #[n(1)]
        communication: CommunicationId,
    },
    #[n(6)]
    Replied {
        #[n(0)]
        blob: BlobId,
        #[n(1)]
        delivery: Option<DeliveryId>,
        #[n(2)]
        thread: Option<ThreadId>,
    },
    #[n(7)]
    Changed {
        #[n(0)]
        change: ContactChange,
        #[n(1)]
        method: Option<MethodId>,
        #[n(2)]
        kind: Option<MethodKind>,
        #[n(3)]
        #[cbor(skip_if = "String::is_empty")]
        detail: String,
        #[n(4)]
        by: Actor,
    },
    #[n(8)]
    Confirmed {
        #[n(0)]
        communication: CommunicationId,
        #[n(1)]
        by: Option<ConfirmedBy>,
    },
    #[n(9)]
    RepliedByItself {
        #[n(0)]
        blob: BlobId,
        #[n(1)]
        delivery: Option<DeliveryId>,
    },
}

/// The same variants with the same fields, both ways.
macro_rules! same_variants {
    ($one:ident, $other:ident: $($variant:ident { $($field:ident),+ }),+ $(,)?) => {
        impl From<$one> for $other {
            fn from(value: $one) -> Self {
                match value { $($one::$variant { $($field),+ } => Self::$variant { $($field),+ }),+ }
            }
        }
        impl From<$other> for $one {
            fn from(value: $other) -> Self {
                match value { $($other::$variant { $($field),+ } => Self::$variant { $($field),+ }),+ }
            }
        }
    };
}

same_variants!(LogEvent, LogEventRow:
    Returned { delivery, verdict },
    Suspended { method, kind, delivery, verdict },
    Reinstated { method, kind, by },
    Corrected { method, kind, by },
    Prompted { about, communication },
    Replied { blob, delivery, thread },
    Changed { change, method, kind, detail, by },
    Confirmed { communication, by },
    RepliedByItself { blob, delivery },
);

through!(LogEvent as LogEventRow);

shape! {
    LogEntry as LogEntryRow {
        #[n(0)] contact: ContactId,
        #[n(1)] at: Timestamp,
        #[n(2)] sequence: u32,
        #[n(3)] event: LogEvent,
    }
}
record!(LogEntry, "log entry");
