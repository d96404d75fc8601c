//! What machines ask: is it alive, may work be sent here, how is it doing.

use std::sync::Arc;

use axum::extract::{Request, State};
use axum::http::{StatusCode, header};
use axum::response::{IntoResponse, Response};

use super::super::App;
use super::super::fault::Fault;
use super::super::guard::client_address;
use super::super::second_factor::is_owed;
use super::super::session;
use crate::domain::Lane;
use crate::observe::CONTENT_TYPE;

/// Queue entries counted in each lane.
const DEPTH_MAX: usize = 10_000;

/// `GET /healthz`: the process answers.
pub(super) async fn healthz() -> &'static str {
    "ok\n"
}

/// `GET /readyz`: 200 when work may be sent here, else 503 with the reasons.
pub(super) async fn readyz(State(app): State<Arc<App>>) -> Response {
    let readiness = app.console.readiness.borrow().clone();
    let mut reasons = readiness.reasons();
    if let Err(error) = app.repo().setting("ready") {
        tracing::error!(%error, "the state cannot be read");
        reasons.push("the state cannot be read".into());
    }
    let ready = reasons.is_empty();
    let reasons: Vec<String> = reasons.iter().map(ToString::to_string).collect();
    let status = if ready {
        StatusCode::OK
    } else {
        StatusCode::SERVICE_UNAVAILABLE
    };
    let body = serde_json::json!({
        "ready": ready,
        "reasons": reasons,
        "listeners": readiness.listeners,
        "lanes": readiness.lanes,
    });
    (
        status,
        [(header::CONTENT_TYPE, "application/json")],
        body.to_string(),
    )
        .into_response()
}

/// `GET /metrics`, for loopback, for configured addresses, or for whoever is logged in.
pub(super) async fn metrics(
    State(app): State<Arc<App>>,
    request: Request,
) -> Result<Response, Fault> {
    let address = client_address(&app, request.headers(), request.extensions());
    // A proxy on this machine speaks for somebody else: its loopback address allows nothing.
    let direct = address.is_loopback() && !request.headers().contains_key("x-forwarded-for");
    let allowed = direct || app.console.settings.metrics_allow.contains(&address);
    if !allowed {
        let signed = session::signed(&app, request.headers()).await?;
        if signed.is_none_or(|signed| is_owed(&app, &signed)) {
            return Err(Fault::Forbidden);
        }
    }
    let metrics = &app.console.metrics;
    for lane in Lane::ALL {
        let depth = app.repo().lane_depth(lane, DEPTH_MAX)?;
        let gauge = metrics.queue_depth.with(&[lane.as_str()]);
        gauge.set(i64::try_from(depth).unwrap_or(i64::MAX));
    }
    Ok(([(header::CONTENT_TYPE, CONTENT_TYPE)], metrics.render()).into_response())
}
