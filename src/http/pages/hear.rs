//! What a call says, spoken.

use std::fmt::Debug;
use std::future::Future;
use std::pin::Pin;
use std::sync::Arc;

use axum::extract::{Path, State};
use axum::http::{HeaderValue, header};
use axum::response::IntoResponse;

use super::super::App;
use super::super::fault::Fault;
use super::super::session::Signed;
use super::{Answer, id};
use crate::domain::{CommunicationId, Content};

/// Scripts spoken at once for readers of the console; speaking takes a processor.
pub(crate) const SPEAKING_AT_ONCE: usize = 2;

/// A WAV file, or nothing when it cannot be spoken.
pub type Spoken<'a> = Pin<Box<dyn Future<Output = Option<Vec<u8>>> + Send + 'a>>;

/// Whoever can say what a call says.
pub trait Speaker: Send + Sync + Debug {
    /// Speaks the call of this content, as a WAV file, within a time and a size of its own.
    /// With `confirmed`, it says how to confirm.
    fn speak<'a>(&'a self, content: &'a Content, language: &'a str, confirmed: bool) -> Spoken<'a>;
}

/// `GET /communications/{id}/hear`
pub(super) async fn hear(
    State(app): State<Arc<App>>,
    signed: Signed,
    Path(text): Path<String>,
) -> Answer {
    hear_of(&app, signed.words.language, id(&text)?).await
}

/// What the call of a communication says, as a WAV file.
pub(crate) async fn hear_of(app: &App, language: &str, id: CommunicationId) -> Answer {
    let speaker = app.console.speaker.as_ref().ok_or(Fault::NotFound)?;
    let communication = app.repo().communication(id)?.ok_or(Fault::NotFound)?;
    let content = app.repo().content(communication.content)?;
    if content.voice_script.trim().is_empty() {
        return Err(Fault::NotFound);
    }
    let category = app.console.tracker.category(&communication.category);
    let _turn = app
        .speaking
        .acquire()
        .await
        .map_err(|_| Fault::Unavailable)?;
    let confirmed = category.confirmation_required;
    let wav = speaker.speak(&content, language, confirmed).await;
    let wav = wav.ok_or(Fault::Unavailable)?;
    let kind = HeaderValue::from_static("audio/wav");
    Ok(([(header::CONTENT_TYPE, kind)], wav).into_response())
}
