//! Every request that changes something or takes data out is an act, and leaves its entry in the
//! record of who did what. What it commits carries the entry by itself ([`crate::store::acting`]);
//! what commits nothing, like an export, has it written before its answer goes out. Refusals are
//! recorded, too, so many a minute.

use std::sync::{Arc, Mutex, PoisonError};

use axum::extract::{MatchedPath, Request, State};
use axum::http::{Method, StatusCode, header};
use axum::middleware::Next;
use axum::response::{IntoResponse, Response};

use super::api::PREFIX;
use super::fault::Fault;
use super::guard::client_address;
use super::{App, access, throttle};
use crate::domain::audit::{AuditActor, AuditEntry, Subject, SubjectKind};
use crate::domain::{Timestamp, UserId};
use crate::store::acting::{self, Acting};
use crate::store::{AuditBatch, Batch};

/// Most entries a minute about what was refused; what is over is counted, so that nobody fills
/// the disk by guessing.
const REFUSED_PER_MINUTE_MAX: u32 = 30;
const MINUTE_MS: u64 = 60_000;

/// What a request does, under a name that stays; none where it only shows something.
fn act_of(method: &Method, path: &str) -> Option<&'static str> {
    let act = access::route(method, path)?.act;
    (!act.is_empty()).then_some(act)
}

fn singular(name: &str) -> &str {
    match name {
        "inbox" => "thread",
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

/// How many refusals were recorded in this minute, and how many were not.
#[derive(Debug, Default)]
pub(crate) struct Refusals(Mutex<Counted>);

#[derive(Debug, Default)]
struct Counted {
    minute: u64,
    written: u32,
    left_out: u32,
}

impl Refusals {
    /// Whether another one is recorded, and how many were left out before it.
    fn admit(&self, now: Timestamp) -> Option<u32> {
        let mut counted = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let minute = now.as_millis() / MINUTE_MS;
        if counted.minute != minute {
            counted.minute = minute;
            counted.written = 0;
        }
        if counted.written >= REFUSED_PER_MINUTE_MAX {
            counted.left_out = counted.left_out.saturating_add(1);
            return None;
        }
        counted.written += 1;
        Some(std::mem::take(&mut counted.left_out))
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
            return self.refused(app, acting, "access.refused").await;
        }
        if status == StatusCode::UNAUTHORIZED && self.with_token {
            return self.refused(app, acting, "token.refused").await;
        }
        if status == StatusCode::UNPROCESSABLE_ENTITY && login {
            return self.refused(app, acting, "session.refused").await;
        }
        let takes_out = self.act.is_some() && !self.changes && status.is_success();
        if takes_out && acting.written() == 0 {
            let entry = acting.entry().about(self.subjects.iter().copied());
            write(app, &entry).await?;
        }
        Ok(())
    }

    /// A refusal that cannot be recorded stays one.
    async fn refused(&self, app: &App, acting: &Acting, act: &str) -> Result<(), Fault> {
        let Some(left_out) = app.refusals.admit(app.now()) else {
            return Ok(());
        };
        let mut entry = acting.entry().about(self.subjects.iter().copied());
        act.clone_into(&mut entry.act);
        entry.more = left_out;
        if act == "access.refused" {
            let wanted = self.act.unwrap_or(self.matched.as_str());
            entry = entry.saying(wanted);
        }
        if let Err(fault) = write(app, &entry).await {
            tracing::warn!(?fault, act, "a refusal could not be recorded");
        }
        Ok(())
    }
}

/// Records an act that commits nothing else.
pub(crate) async fn write(app: &App, entry: &AuditEntry) -> Result<(), Fault> {
    let mut batch = Batch::new();
    batch.audit(entry);
    app.repo().store().commit(batch).await?;
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

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
    fn so_many_refusals_a_minute_are_recorded_and_the_others_counted() {
        let refusals = Refusals::default();
        let at = Timestamp::from_millis;
        for _ in 0..REFUSED_PER_MINUTE_MAX {
            assert_eq!(refusals.admit(at(MINUTE_MS)), Some(0));
        }
        assert_eq!(refusals.admit(at(MINUTE_MS)), None);
        assert_eq!(refusals.admit(at(MINUTE_MS + 1)), None);
        assert_eq!(refusals.admit(at(2 * MINUTE_MS)), Some(2));
        assert_eq!(refusals.admit(at(2 * MINUTE_MS)), Some(0));
    }
}
