//! Users, sessions, tickets, and what programs come in with.

use proptest::collection::vec;
use proptest::option;
use proptest::prelude::*;
use proptest::sample::select;

use super::{
    area_id, closed_text, contact_id, delivery_id, destination, method_id, method_kind, text, time,
    user_id,
};
use crate::domain::{
    ApiAnswer, ApiRequest, ApiToken, CaseScope, Destination, Permissions, Redacted, Role,
    SecondFactor, Session, Ticket, TicketPurpose, User, Visit,
};

pub(crate) fn user() -> impl Strategy<Value = User> {
    let role = select(vec![Role::Administrator, Role::Operator, Role::Application]);
    let who = (user_id(), text(), text(), role, closed_text(), time());
    let shown = (option::of(text()), option::of(text()));
    let reached = (option::of(destination()), option::of(destination()));
    let scope = select(CaseScope::ALL.to_vec());
    let more = (vec(area_id(), 0..3), any::<bool>(), any::<bool>(), scope);
    let factor = (
        any::<[u8; 20]>(),
        any::<u64>(),
        vec(any::<[u8; 32]>(), 0..3),
        time(),
    );
    let factor = factor.prop_map(|(secret, last_step, recovery, since)| SecondFactor {
        secret: Redacted::new(secret),
        last_step,
        recovery,
        since,
    });
    let factor = option::of(factor);
    (who, shown, reached, more, factor).prop_map(|(who, shown, reached, more, factor)| {
        let (mut email, mut mobile) = (None, None);
        for to in [reached.0, reached.1].into_iter().flatten() {
            match to {
                Destination::Email(address) => email = Some(address),
                Destination::Phone(number) => mobile = Some(number),
            }
        }
        User {
            id: who.0,
            login: who.1,
            name: who.2,
            role: who.3,
            password_hash: who.4,
            created_at: who.5,
            language: shown.0,
            time_zone: shown.1,
            email,
            mobile,
            areas: more.0,
            notify_replies: more.1,
            disabled: more.2,
            case_scope: more.3,
            second_factor: factor,
        }
    })
}

pub(crate) fn session() -> impl Strategy<Value = Session> {
    let hashes = any::<([u8; 32], [u8; 32])>();
    let came = (option::of(text()), option::of(closed_text()));
    (hashes, user_id(), time(), time(), time(), came).prop_map(
        |(hashes, user, created_at, used_at, expires_at, came)| Session {
            token_hash: hashes.0,
            user,
            csrf_hash: hashes.1,
            created_at,
            used_at,
            expires_at,
            browser: came.0,
            network: came.1,
        },
    )
}

pub(crate) fn ticket() -> impl Strategy<Value = Ticket> {
    let what = (
        select(vec![
            TicketPurpose::Verify,
            TicketPurpose::LogIn,
            TicketPurpose::Add,
            TicketPurpose::Replace,
        ]),
        contact_id(),
        method_id(),
        method_kind(),
        destination(),
        delivery_id(),
    );
    let hashes = any::<([u8; 32], [u8; 32], u8)>();
    let times = (time(), time(), time(), option::of(time()));
    let more = ("[a-z]{2}", any::<bool>());
    (what, hashes, times, more).prop_map(|(what, hashes, times, more)| Ticket {
        token_hash: hashes.0,
        purpose: what.0,
        contact: what.1,
        method: what.2,
        kind: what.3,
        destination: what.4,
        code_hash: hashes.1,
        tries_left: hashes.2,
        created_at: times.0,
        code_expires_at: times.1,
        expires_at: times.2,
        used_at: times.3,
        delivery: what.5,
        language: more.0,
        asked: more.1,
    })
}

pub(crate) fn visit() -> impl Strategy<Value = Visit> {
    let hashes = any::<([u8; 32], [u8; 32])>();
    (hashes, contact_id(), closed_text(), time(), time(), time()).prop_map(
        |(hashes, contact, via, created_at, used_at, expires_at)| Visit {
            token_hash: hashes.0,
            contact,
            via,
            csrf_hash: hashes.1,
            created_at,
            used_at,
            expires_at,
        },
    )
}

pub(crate) fn api_token() -> impl Strategy<Value = ApiToken> {
    let times = (
        time(),
        option::of(time()),
        option::of(time()),
        option::of(time()),
    );
    let scopes = option::of(any::<u32>().prop_map(Permissions::from_bits));
    let who = (any::<[u8; 32]>(), user_id(), text(), scopes);
    (who, times).prop_map(|((token_hash, user, name, scopes), times)| ApiToken {
        token_hash,
        user,
        name,
        created_at: times.0,
        used_at: times.1,
        expires_at: times.2,
        revoked_at: times.3,
        scopes,
    })
}

pub(crate) fn api_request() -> impl Strategy<Value = ApiRequest> {
    let answer =
        (any::<u16>(), text(), text(), text()).prop_map(|(status, media_type, location, body)| {
            ApiAnswer {
                status,
                media_type,
                location,
                body: Redacted::new(body),
            }
        });
    let hashes = any::<([u8; 32], [u8; 32], [u8; 16])>();
    (hashes, time(), option::of(answer)).prop_map(|(hashes, at, answer)| ApiRequest {
        key: hashes.0,
        request: hashes.1,
        run: hashes.2,
        at,
        answer,
    })
}
