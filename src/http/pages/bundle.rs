//! Evidence for one message, to take out.

use std::sync::Arc;

use axum::extract::{Path, State};

use super::super::App;
use super::super::evidence::{self, Reader};
use super::super::session::Signed;
use super::super::view::zone_of;
use super::{Answer, id};

/// `GET /deliveries/{id}/evidence.zip`
pub(super) async fn download(
    State(app): State<Arc<App>>,
    signed: Signed,
    Path(text): Path<String>,
) -> Answer {
    let reader = Reader {
        access: Arc::clone(&signed.access),
        words: signed.words,
        zone: zone_of(&app, &signed),
    };
    evidence::make(&app, reader, id(&text)?).await
}
