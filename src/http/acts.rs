//! Every request that changes something or takes data out is an act, and leaves its entry in the
//! record of who did what. What it commits carries the entry by itself ([`crate::store::acting`]);
//! what commits nothing, like an export, has it written before its answer goes out. Refusals are
//! recorded, too, so many a minute.

use std::sync::Arc;

use axum::extract::{MatchedPath, Request, State};
use axum::http::{Method, StatusCode, header};
use axum::middleware::Next;
use axum::response::{IntoResponse, Response};

use super::api::PREFIX;
use super::fault::Fault;
use super::guard::client_address;
use super::second_factor::CODE_PATH;
use super::{App, access, throttle};
use crate::domain::UserId;
use crate::domain::audit::{AuditActor, AuditEntry, Subject, SubjectKind};
use crate::store::Quota;
use crate::store::acting::{self, Acting};

/// The act of who may not do what they asked for.
const ACCESS_REFUSED: &str = "access.refused";
/// The act of who is logged in and gave another password than theirs.
const PASSWORD_REFUSED: &str = "password.refused";
/// Most entries a minute about what was refused; what is over is counted, so that nobody fills
/// the disk by guessing.
const REFUSED_PER_MINUTE_MAX: u32 = 30;
/// Most entries a day about what was refused to nobody who is known.
const REFUSED_PER_DAY_MAX: u32 = 2_000;

/// What a request does, under a name that stays; none where it only shows something.
fn act_of(method: &Method, path: &str) -> Option<&'static str> {
    let act = access::route(method, path)?.act;
    (!act.is_empty()).then_some(act)
}

fn singular(name: &str) -> &str {
    match name {
        "inbox" => "thread",
        "unknown-answers" => "answer",
        name => name.strip_suffix('s').unwrap_or(name),
    }
}

/// What the address itself names.
fn subjects_of(matched: &str, path: &str) -> Vec<Subject> {
    let pairs: Vec<(&str, &str)> = matched.split('/').zip(path.split('/')).collect();
    let named = pairs.windows(2).filter_map(|pair| {
        let kind = SubjectKind::named(singular(pair[0].0))?;
        let id: UserId = pair[1].1.parse().ok()?;
        let is_id = pair[1].0.starts_with('{');
        is_id.then(|| Subject::new(kind, *id.as_bytes()))
    });
    named.collect()
}

/// How many refusals were recorded, and how many were not: of those who are known apart from all
/// others, so that no stranger hides what somebody tries from within.
#[derive(Debug)]
pub(crate) struct Refusals {
    known: Quota,
    anonymous: Quota,
}

impl Default for Refusals {
    fn default() -> Self {
        Self {
            known: Quota::new(REFUSED_PER_MINUTE_MAX, u32::MAX),
            anonymous: Quota::new(REFUSED_PER_MINUTE_MAX, REFUSED_PER_DAY_MAX),
        }
    }
}

impl Refusals {
    /// Whoever could not log in is not known, whatever name they gave.
    fn of(&self, act: &str, actor: AuditActor) -> &Quota {
        let is_known = matches!(act, ACCESS_REFUSED | PASSWORD_REFUSED);
        if is_known && actor != AuditActor::Nobody {
            &self.known
        } else {
            &self.anonymous
        }
    }
}

/// Lets a request be an act of whoever turns out to ask.
pub(crate) async fn record(State(app): State<Arc<App>>, request: Request, next: Next) -> Response {
    let matched = request.extensions().get::<MatchedPath>().cloned();
    let Some(matched) = matched else {
        return next.run(request).await;
    };
    let asked = Asked::of(&app, &request, matched);
    let acting = Acting::new(
        app.now(),
        AuditActor::Nobody,
        asked.act.unwrap_or_default(),
        Some(asked.network.clone()),
    );
    let response = acting::scope(acting.clone(), next.run(request)).await;
    match asked.settle(&app, &acting, response.status()).await {
        Ok(()) => response,
        Err(fault) => fault.into_response(),
    }
}

/// What is remembered of a request until it is answered.
struct Asked {
    act: Option<&'static str>,
    network: String,
    subjects: Vec<Subject>,
    matched: MatchedPath,
    changes: bool,
    with_token: bool,
}

impl Asked {
    fn of(app: &App, request: &Request, matched: MatchedPath) -> Self {
        let method = request.method();
        let address = client_address(app, request.headers(), request.extensions());
        let by_program = matched.as_str().starts_with(PREFIX);
        Self {
            act: act_of(method, matched.as_str()),
            network: throttle::network(address),
            subjects: subjects_of(matched.as_str(), request.uri().path()),
            changes: !super::guard::is_safe(method),
            with_token: by_program && request.headers().contains_key(header::AUTHORIZATION),
            matched,
        }
    }

    /// Records what the answer says happened, before it goes out.
    async fn settle(&self, app: &App, acting: &Acting, status: StatusCode) -> Result<(), Fault> {
        let login = self.matched.as_str() == "/login";
        if status == StatusCode::FORBIDDEN {
            return self.refused(app, acting, ACCESS_REFUSED).await;
        }
        if status == StatusCode::UNAUTHORIZED && self.with_token {
            return self.refused(app, acting, "token.refused").await;
        }
        if status == StatusCode::UNPROCESSABLE_ENTITY && self.matched.as_str() == CODE_PATH {
            return self.refused(app, acting, "second_factor.refused").await;
        }
        if status == StatusCode::UNPROCESSABLE_ENTITY && login {
            return self.refused(app, acting, "session.refused").await;
        }
        let takes_out = self.act.is_some() && !self.changes && status.is_success();
        if takes_out && acting.written() == 0 {
            let entry = acting.entry().about(self.subjects.iter().copied());
            app.repo().record(&entry).await?;
        }
        Ok(())
    }

    /// A refusal that cannot be recorded stays one.
    async fn refused(&self, app: &App, acting: &Acting, act: &str) -> Result<(), Fault> {
        let mut entry = acting.entry().about(self.subjects.iter().copied());
        act.clone_into(&mut entry.act);
        if act == ACCESS_REFUSED {
            let wanted = self.act.unwrap_or(self.matched.as_str());
            entry = entry.saying(wanted);
        }
        put_down(app, entry).await;
        Ok(())
    }
}

/// Records a refusal, as long as there is room.
async fn put_down(app: &App, mut entry: AuditEntry) {
    let quota = app.refusals.of(&entry.act, entry.actor);
    let Some(left_out) = quota.admit(app.now()) else {
        return;
    };
    entry.more = left_out;
    if let Err(error) = app.repo().record(&entry).await {
        quota.give_back(left_out);
        tracing::warn!(%error, act = entry.act, "a refusal could not be recorded");
    }
}

/// Records that somebody who is logged in gave another password than theirs, as a failed login is
/// recorded.
pub(crate) async fn password_refused(app: &App, user: UserId) {
    let Some(acting) = acting::current() else {
        return;
    };
    let whose = Subject::new(SubjectKind::User, *user.as_bytes());
    let mut entry = acting.entry().about([whose]);
    PASSWORD_REFUSED.clone_into(&mut entry.act);
    put_down(app, entry).await;
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::Via;

    #[test]
    fn an_address_names_what_it_is_about() {
        let id = "0".repeat(31) + "7";
        let found = subjects_of(
            "/contacts/{id}/methods/{method}/remove",
            &format!("/contacts/{id}/methods/{id}/remove"),
        );
        let mut bytes = [0; 16];
        bytes[15] = 7;
        assert_eq!(found, [Subject::new(SubjectKind::Contact, bytes)]);
        assert_eq!(subjects_of("/contacts/new", "/contacts/new"), []);
    }

    #[test]
    fn strangers_leave_room_for_refusals_of_those_who_are_known() {
        let refusals = Refusals::default();
        let now = crate::domain::Timestamp::from_millis(60_000);
        let user = AuditActor::User(UserId::from_bytes([1; 16]), Via::Console);
        let admit = |actor| refusals.of(ACCESS_REFUSED, actor).admit(now);
        for _ in 0..REFUSED_PER_MINUTE_MAX {
            assert_eq!(admit(AuditActor::Nobody), Some(0));
        }
        assert_eq!(admit(AuditActor::Nobody), None);
        assert_eq!(admit(user), Some(0));
        let failed = refusals.of("session.refused", user).admit(now);
        assert_eq!(failed, None, "a name that was given is nobody");
    }
}
