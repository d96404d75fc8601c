//! Contacts, their methods, areas; what is said about them in the log.

use minicbor::{Decode, Encode};

use super::shape::{record, shape, through};
use super::{Record, RecordError, fit, frame, unframe};
use crate::domain::{
    Area, AreaId, BlobId, BounceClass, CommunicationId, Contact, ContactId, ContactKind,
    DeliveryId, Destination, Diagnostic, EmailAddress, EnhancedStatus, Fault, LogEntry, LogEvent,
    Method, MethodId, MethodKind, MethodState, Permanence, PhoneNumber, Reason, Redacted,
    Suspension, Timestamp, UserId, Verdict,
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
    }
}

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
    #[n(0)]
    MessageCreated {
        #[n(0)]
        delivery: DeliveryId,
        #[n(1)]
        communication: CommunicationId,
    },
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
    MessageCreated { delivery, communication },
    Returned { delivery, verdict },
    Suspended { method, kind, delivery, verdict },
    Reinstated { method, kind, by },
    Corrected { method, kind, by },
    Prompted { about, communication },
    Replied { blob, delivery },
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
