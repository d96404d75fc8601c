//! Users and their sessions.

use super::leaves::packed;
use super::shape::{record, shape};
use crate::domain::second_factor::SECRET_SIZE;
use crate::domain::{
    ApiAnswer, ApiRequest, ApiToken, AreaId, CaseScope, EmailAddress, Permissions, PhoneNumber,
    Redacted, Role, SecondFactor, Session, Timestamp, User, UserId,
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
        #[n(13)] #[cbor(skip_if = "is_all", default)] case_scope: CaseScope,
        #[n(14)] second_factor: Option<SecondFactor>,
    }
}
record!(User, "user");

/// Whoever sees all cases is written as before there were scopes.
fn is_all(scope: &CaseScope) -> bool {
    *scope == CaseScope::All
}

shape! {
    SecondFactor as SecondFactorRow {
        #[n(0)] secret: Redacted<[u8; SECRET_SIZE]>,
        #[n(1)] last_step: u64,
        #[n(2)] recovery: Vec<[u8; 32]>,
        #[n(3)] since: Timestamp,
    }
}

shape! {
    Session as SessionRow {
        #[n(0)] #[cbor(with = "minicbor::bytes")] token_hash: [u8; 32],
        #[n(1)] user: UserId,
        #[n(2)] #[cbor(with = "minicbor::bytes")] csrf_hash: [u8; 32],
        #[n(3)] created_at: Timestamp,
        #[n(4)] used_at: Timestamp,
        #[n(5)] expires_at: Timestamp,
        #[n(6)] browser: Option<String>,
        #[n(7)] network: Option<Redacted<String>>,
    }
}
record!(Session, "session");

shape! {
    ApiToken as ApiTokenRow {
        #[n(0)] #[cbor(with = "minicbor::bytes")] token_hash: [u8; 32],
        #[n(1)] user: UserId,
        #[n(2)] name: String,
        #[n(3)] created_at: Timestamp,
        #[n(4)] used_at: Option<Timestamp>,
        #[n(5)] expires_at: Option<Timestamp>,
        #[n(6)] revoked_at: Option<Timestamp>,
        #[n(7)] scopes: Option<Permissions>,
    }
}
record!(ApiToken, "api token");

shape! {
    ApiAnswer as ApiAnswerRow {
        #[n(0)] status: u16,
        #[n(1)] media_type: String,
        #[n(2)] location: String,
        #[n(3)] body: Redacted<String>,
    }
}

shape! {
    ApiRequest as ApiRequestRow {
        #[n(0)] #[cbor(with = "minicbor::bytes")] key: [u8; 32],
        #[n(1)] #[cbor(with = "minicbor::bytes")] request: [u8; 32],
        #[n(2)] #[cbor(with = "minicbor::bytes")] run: [u8; 16],
        #[n(3)] at: Timestamp,
        #[n(4)] answer: Option<ApiAnswer>,
    }
}
record!(ApiRequest, "api request");
