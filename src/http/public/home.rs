//! The first page: log in or sign up.

use std::sync::Arc;

use askama::Template;
use axum::extract::State;
use axum::http::{HeaderMap, StatusCode};

use super::frame::{Asked, Frame};
use super::{Answer, Site, see, show_as, visit};

#[derive(Template)]
#[template(path = "public_home.html")]
struct Page {
    c: Frame,
    /// What was entered.
    to: String,
    problem: Option<&'static str>,
}

/// `GET /`
pub(super) async fn page(
    State(site): State<Arc<Site>>,
    asked: Asked,
    headers: HeaderMap,
) -> Answer {
    if visit::known(&site, &headers).await?.is_some() {
        return Ok(see("/me"));
    }
    view(&site, &asked, String::new(), None)
}

/// The page with what was entered and what is wrong with it.
pub(super) fn view(
    site: &Site,
    asked: &Asked,
    to: String,
    problem: Option<&'static str>,
) -> Answer {
    let c = Frame::bare(site, asked, "self.home.title").with_done(&asked.query("done"));
    let page = Page {
        problem: problem.map(|key| c.t(key)),
        to,
        c,
    };
    let status = if problem.is_some() {
        StatusCode::UNPROCESSABLE_ENTITY
    } else {
        StatusCode::OK
    };
    show_as(status, &page)
}
