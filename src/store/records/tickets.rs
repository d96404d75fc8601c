//! Tickets, sign-ups, and sessions of the public pages.

use super::shape::{record, shape};
use crate::domain::{
    Contact, ContactId, DeliveryId, Destination, MethodId, MethodKind, Redacted, SignUp, Ticket,
    TicketPurpose, Timestamp, Visit,
};

shape! {
    Ticket as TicketRow {
        #[n(0)] #[cbor(with = "minicbor::bytes")] token_hash: [u8; 32],
        #[n(1)] purpose: TicketPurpose,
        #[n(2)] contact: ContactId,
        #[n(3)] method: MethodId,
        #[n(4)] kind: MethodKind,
        #[n(5)] destination: Destination,
        #[n(6)] #[cbor(with = "minicbor::bytes")] code_hash: [u8; 32],
        #[n(7)] tries_left: u8,
        #[n(8)] created_at: Timestamp,
        #[n(9)] code_expires_at: Timestamp,
        #[n(10)] expires_at: Timestamp,
        #[n(11)] used_at: Option<Timestamp>,
        #[n(12)] delivery: DeliveryId,
        #[n(13)] language: String,
        #[n(14)] #[cbor(default)] asked: bool,
    }
}
record!(Ticket, "ticket");

shape! {
    SignUp as SignUpRow {
        #[n(0)] contact: Contact,
        #[n(1)] expires_at: Timestamp,
        #[n(2)] became: Option<ContactId>,
    }
}
record!(SignUp, "sign-up");

shape! {
    Visit as VisitRow {
        #[n(0)] #[cbor(with = "minicbor::bytes")] token_hash: [u8; 32],
        #[n(1)] contact: ContactId,
        #[n(2)] #[cbor(with = "minicbor::bytes")] csrf_hash: [u8; 32],
        #[n(3)] created_at: Timestamp,
        #[n(4)] used_at: Timestamp,
        #[n(5)] expires_at: Timestamp,
        #[n(6)] via: Redacted<String>,
    }
}
record!(Visit, "visit");
