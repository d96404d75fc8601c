//! Users and their sessions.

use super::leaves::packed;
use super::shape::{record, shape};
use crate::domain::{
    AreaId, EmailAddress, PhoneNumber, Redacted, Role, Session, Timestamp, User, UserId,
};

shape! {
    User as UserRow {
        #[n(0)] id: UserId,
        #[n(1)] login: String,
        #[n(2)] name: String,
        #[n(3)] role: Role,
        #[n(4)] password_hash: Redacted<String>,
        #[n(5)] created_at: Timestamp,
        #[n(6)] language: Option<String>,
        #[n(7)] time_zone: Option<String>,
        #[n(8)] email: Option<Redacted<EmailAddress>>,
        #[n(9)] mobile: Option<Redacted<PhoneNumber>>,
        #[n(10)] #[cbor(with = "packed", skip_if = "Vec::is_empty", default)] areas: Vec<AreaId>,
        #[n(11)] #[cbor(default)] notify_replies: bool,
        #[n(12)] #[cbor(default)] disabled: bool,
    }
}
record!(User, "user");

shape! {
    Session as SessionRow {
        #[n(0)] #[cbor(with = "minicbor::bytes")] token_hash: [u8; 32],
        #[n(1)] user: UserId,
        #[n(2)] #[cbor(with = "minicbor::bytes")] csrf_hash: [u8; 32],
        #[n(3)] created_at: Timestamp,
        #[n(4)] used_at: Timestamp,
        #[n(5)] expires_at: Timestamp,
    }
}
record!(Session, "session");
