//! Evidence for one message, for programs.

use std::sync::Arc;

use axum::extract::State;
use axum::response::Response;

use super::super::App;
use super::super::evidence::{self, Reader};
use super::super::view::zone_of_user;
use super::Answer;
use super::auth::Caller;
use super::body::{Ids, id};
use super::exports::words;
use super::problem::Problem;
use crate::domain::DeliveryId;

/// The bundle of evidence for one message to one person: a ZIP with the message, every attempt
/// with what the other side answered, the entries of the record of who did what with their paths
/// to its head, a summary to print, and a signed manifest. `tocsin verify --bundle` checks it.
#[utoipa::path(get, path = "/api/v1/deliveries/{id}/evidence", tag = "audit",
    operation_id = "getEvidence", params(("id" = String, Path)),
    responses((status = 200, body = Vec<u8>, content_type = "application/zip")))]
pub(super) async fn evidence(
    State(app): State<Arc<App>>,
    caller: Caller,
    Ids(text): Ids<String>,
) -> Answer<Response> {
    let of: DeliveryId = id(&text, "delivery")?;
    app.repo()
        .delivery(of)?
        .ok_or_else(|| Problem::not_found("delivery"))?;
    let reader = Reader {
        access: Arc::clone(&caller.access),
        words: words(&app, &caller.user),
        zone: zone_of_user(&app, &caller.user),
    };
    Ok(evidence::make(&app, reader, of).await?)
}
