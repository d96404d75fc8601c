//! Server-sent events: "something changed" for a communication's page, at most twice a second.

use std::convert::Infallible;
use std::sync::Arc;
use std::time::Duration;

use axum::extract::{Path, State};
use axum::response::sse::{Event, KeepAlive, Sse};
use axum::response::{IntoResponse, Response};
use futures_util::stream::unfold;
use tokio::sync::broadcast::{Receiver, error::RecvError};

use super::super::App;
use super::super::fault::Fault;
use super::super::session::Signed;
use super::id;
use crate::domain::CommunicationId;
use crate::tracker::Notice;

/// Pause between two events, in which changes gather.
const GATHER: Duration = Duration::from_millis(500);
/// A comment is sent when nothing happened for so long, so that proxies keep the line open.
const KEEP_ALIVE: Duration = Duration::from_secs(20);
/// A stream ends after this long; browsers come back by themselves, with their session checked.
const STREAM_MAX: Duration = Duration::from_secs(600);

/// `GET /communications/{id}/events`
pub(super) async fn events(
    State(app): State<Arc<App>>,
    _signed: Signed,
    Path(text): Path<String>,
) -> Result<Response, Fault> {
    let id: CommunicationId = id(&text)?;
    app.repo().communication(id)?.ok_or(Fault::NotFound)?;
    let place = Arc::clone(&app.streams)
        .try_acquire_owned()
        .map_err(|_| Fault::Unavailable)?;
    let notices = app.console.tracker.subscribe();
    let ends = tokio::time::Instant::now() + STREAM_MAX;
    let stop = app.console.stop.clone();
    let stream = unfold((notices, place), move |(mut notices, place)| {
        let stop = stop.clone();
        async move {
            tokio::select! {
                biased;
                () = stop.cancelled() => None,
                () = tokio::time::sleep_until(ends) => None,
                changed = changed(&mut notices, id) => changed.then(|| {
                    let event = Event::default().event("changed").data("1");
                    (Ok::<_, Infallible>(event), (notices, place))
                }),
            }
        }
    });
    let keep_alive = KeepAlive::new().interval(KEEP_ALIVE);
    Ok(Sse::new(stream).keep_alive(keep_alive).into_response())
}

/// Waits for a change of this communication, then a little longer for others. False at the end.
async fn changed(notices: &mut Receiver<Notice>, id: CommunicationId) -> bool {
    loop {
        match notices.recv().await {
            Ok(Notice::PersonChanged { communication, .. }) if communication == id => break,
            // Missed some: among them may be one of ours.
            Err(RecvError::Lagged(_)) => break,
            Err(RecvError::Closed) => return false,
            Ok(
                Notice::PersonChanged { .. } | Notice::DeliveryClosed(_) | Notice::SenderFault(_),
            ) => {}
        }
    }
    tokio::time::sleep(GATHER).await;
    while notices.try_recv().is_ok() {}
    true
}
