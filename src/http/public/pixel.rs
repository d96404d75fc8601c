//! The picture that tells that a mail was opened. Always the same answer, whatever the token and
//! whoever asks.

use std::sync::Arc;
use std::time::Duration;

use axum::extract::{Path, State};
use axum::http::{HeaderMap, HeaderValue, Method, header};
use axum::response::{IntoResponse, Response};

use super::{Site, prefetch};
use crate::domain::transitions::may_change;
use crate::domain::{Communication, EmailStatus, Source, Status};
use crate::store::Loaded;
use crate::tracker::{Event, TrackerError};

/// Most openings recorded at a time; a picture shown beyond is not counted.
pub(super) const AT_ONCE_MAX: usize = 32;

/// One transparent pixel.
const GIF: &[u8] = b"GIF89a\x01\x00\x01\x00\x80\x00\x00\x00\x00\x00\xff\xff\xff!\xf9\x04\x01\x00\x00\x00\x00,\x00\x00\x00\x00\x01\x00\x01\x00\x00\x02\x02D\x01\x00;";

/// `GET /o/{token}.gif`
pub(super) async fn serve(
    State(site): State<Arc<Site>>,
    method: Method,
    headers: HeaderMap,
    Path(name): Path<String>,
) -> Response {
    // A look at the head is no opening.
    if method == Method::GET
        && let Some(token) = name.strip_suffix(".gif")
        && let Err(error) = opened(&site, token, &headers).await
    {
        tracing::warn!(%error, "an opening could not be recorded");
    }
    let kind = HeaderValue::from_static("image/gif");
    ([(header::CONTENT_TYPE, kind)], GIF).into_response()
}

async fn opened(site: &Site, token: &str, headers: &HeaderMap) -> Result<(), TrackerError> {
    let Some(id) = site.site.links.read_pixel(token) else {
        return Ok(());
    };
    let Ok(_place) = site.pixels.try_acquire() else {
        return Ok(());
    };
    let status = Status::Email(EmailStatus::Opened);
    let delivery = site.repo().delivery(id)?;
    // Once: what is opened already, or came back, is left alone.
    let Some(delivery) = delivery.filter(|delivery| may_change(delivery.status(), status)) else {
        return Ok(());
    };
    let communication = site.repo().communication(delivery.communication)?;
    let allowed = site.site.submit.tracking();
    let asks = |said: &Loaded<Communication>| said.plan.tracked(allowed).opens;
    // Of whom was erased nothing more is noted, nor where that is not allowed any more.
    if delivery.destination.is_nowhere() || !communication.as_ref().is_some_and(asks) {
        return Ok(());
    }
    let received = delivery.timeline.last().map(|change| change.at);
    let since = received.map_or(Duration::ZERO, |at| site.now().since(at));
    if prefetch::is_not_to_be_counted(headers) || prefetch::is_machine(headers, since) {
        return Ok(());
    }
    let event = Event::Changed {
        status,
        verdict: None,
        source: Source::Person,
    };
    site.site.tracker.record(id, event).await?;
    Ok(())
}
