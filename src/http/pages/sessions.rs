//! Who is logged in where: one's own sessions, and the end of another's.

use std::sync::Arc;

use axum::extract::{Path, State};

use super::super::App;
use super::super::data::Result;
use super::super::fault::Fault;
use super::super::session::{SignedForm, is_over};
use super::super::times::When;
use super::super::view::Chrome;
use super::compose::see;
use super::{Answer, id};
use crate::domain::{Redacted, Session, UserId};

/// One session in a list.
pub(super) struct Row {
    /// The hash of its token in hexadecimal: it names the session and lets nobody in.
    pub(super) id: String,
    pub(super) browser: String,
    pub(super) network: String,
    pub(super) began: When,
    pub(super) seen: When,
    /// The one that asks.
    pub(super) here: bool,
}

/// The sessions of a user that are not over, last seen first.
pub(crate) fn live(app: &App, user: UserId) -> Result<Vec<Session>> {
    let (idle, now) = (app.console.settings.session_idle, app.now());
    let mut sessions = app.repo().sessions_of(user)?;
    sessions.retain(|session| !is_over(session, idle, now));
    sessions.sort_by_key(|session| std::cmp::Reverse(session.used_at));
    Ok(sessions)
}

/// The sessions of a user for their own page.
pub(super) fn rows(app: &App, c: &Chrome, here: &Session) -> Result<Vec<Row>> {
    let row = |session: &Session| Row {
        id: data_encoding::HEXLOWER.encode(&session.token_hash),
        browser: match &session.browser {
            Some(browser) => browser.clone(),
            None => c.t("sessions.unknown").to_owned(),
        },
        network: session
            .network
            .as_ref()
            .map(Redacted::reveal)
            .cloned()
            .unwrap_or_default(),
        began: c.when(&session.created_at),
        seen: c.when(&session.used_at),
        here: session.token_hash == here.token_hash,
    };
    Ok(live(app, here.user)?.iter().map(row).collect())
}

/// The session of this name.
pub(crate) fn named(text: &str) -> Option<[u8; 32]> {
    let bytes = data_encoding::HEXLOWER.decode(text.as_bytes()).ok()?;
    bytes.try_into().ok()
}

/// `POST /me/sessions/end`: one of one's own.
pub(super) async fn end(
    State(app): State<Arc<App>>,
    SignedForm { signed, fields }: SignedForm,
) -> Answer {
    let hash = named(fields.get("session")).ok_or(Fault::NotFound)?;
    app.users().end_session(signed.user.id, &hash).await?;
    Ok(see("/me?done=session_ended#sessions"))
}

/// `POST /me/sessions/end-others`: all of one's own but this one.
pub(super) async fn end_others(
    State(app): State<Arc<App>>,
    SignedForm { signed, .. }: SignedForm,
) -> Answer {
    let keep = Some(signed.session.token_hash);
    app.users().end_all_sessions(signed.user.id, keep).await?;
    Ok(see("/me?done=sessions_ended#sessions"))
}

/// `POST /users/{id}/sessions/end`: all of somebody's; whoever does it to themselves stays here.
pub(super) async fn end_all(
    State(app): State<Arc<App>>,
    Path(text): Path<String>,
    SignedForm { signed, .. }: SignedForm,
) -> Answer {
    let of: UserId = id(&text)?;
    let keep = (of == signed.user.id).then_some(signed.session.token_hash);
    app.users().end_all_sessions(of, keep).await?;
    Ok(see(&format!("/users/{of}?done=user_sessions_ended")))
}
