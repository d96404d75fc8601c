//! Templates: by category, one by one with their versions, and the form that changes them.

mod form;
mod pick;
mod view;

use std::sync::Arc;

use axum::Router;
use axum::routing::{get, post};

pub(super) use pick::{fill, pick};

use super::super::App;

/// The addresses of templates.
pub(super) fn routes() -> Router<Arc<App>> {
    Router::new()
        .route("/templates", get(view::list).post(form::create))
        .route("/templates/new", get(form::new))
        .route("/templates/{id}", get(view::page).post(form::update))
        .route("/templates/{id}/edit", get(form::edit))
        .route("/templates/{id}/state", post(form::put))
}
