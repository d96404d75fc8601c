//! Areas and users: what there is.

use std::sync::Arc;

use askama::Template;
use axum::extract::State;

use super::super::App;
use super::super::data::Areas;
use super::super::fault::Fault;
use super::super::session::Signed;
use super::super::times::When;
use super::super::view::Chrome;
use super::{Answer, show};
use crate::domain::{AreaId, Role};

/// Users listed.
const USERS_MAX: usize = 1_000;

struct AreaRow {
    id: AreaId,
    name: String,
    depth: usize,
    people: u64,
    issues: u64,
}

#[derive(Template)]
#[template(path = "areas.html")]
struct AreasPage {
    c: Chrome,
    areas: Vec<AreaRow>,
}

/// `GET /areas`
pub(super) async fn areas(State(app): State<Arc<App>>, signed: Signed) -> Answer {
    let c = Chrome::of(&app, &signed, signed.words.t("areas.title"), "areas")?;
    let areas = Areas::read(app.repo())?;
    let row = |(depth, area): (usize, &crate::domain::Area)| AreaRow {
        id: area.id,
        name: area.name.clone(),
        depth: depth.min(4),
        people: areas.numbers(area.id).people,
        issues: areas.numbers(area.id).issues,
    };
    let areas = areas.tree.walk().into_iter().map(row).collect();
    show(&AreasPage { c, areas })
}

struct UserRow {
    name: String,
    login: String,
    role: String,
    since: When,
}

#[derive(Template)]
#[template(path = "users.html")]
struct UsersPage {
    c: Chrome,
    users: Vec<UserRow>,
}

/// `GET /users`, for administrators.
pub(super) async fn users(State(app): State<Arc<App>>, signed: Signed) -> Answer {
    if signed.user.role != Role::Administrator {
        return Err(Fault::Forbidden);
    }
    let c = Chrome::of(&app, &signed, signed.words.t("users.title"), "users")?;
    let users = app.repo().users(USERS_MAX)?;
    let row = |user: &crate::domain::User| UserRow {
        name: user.name.clone(),
        login: user.login.clone(),
        role: c.words.label(user.role.as_str()),
        since: c.when(&user.created_at),
    };
    let users = users.iter().map(|user| row(user)).collect();
    show(&UsersPage { c, users })
}
