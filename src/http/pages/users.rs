//! The users there are, for administrators.

use std::sync::Arc;

use askama::Template;
use axum::extract::State;
use axum::http::Uri;

use super::super::App;
use super::super::data::Areas;
use super::super::fields::Fields;
use super::super::session::Signed;
use super::super::times::When;
use super::super::view::{Badge, Chrome};
use super::{Answer, show};
use crate::domain::{CaseScope, User, UserId};

/// Users listed.
const USERS_MAX: usize = 1_000;

struct Row {
    id: UserId,
    name: String,
    login: String,
    role: String,
    areas: String,
    cases: &'static str,
    state: Badge,
    since: When,
}

#[derive(Template)]
#[template(path = "users.html")]
struct Page {
    c: Chrome,
    users: Vec<Row>,
}

/// `GET /users`
pub(super) async fn page(State(app): State<Arc<App>>, signed: Signed, uri: Uri) -> Answer {
    let query = Fields::of_query(&uri);
    let c = Chrome::of(&app, &signed, signed.words.t("users.title"), "users")?;
    let c = c.with_done(query.get("done"));
    let areas = Areas::read(app.repo())?;
    let users = app.repo().users(USERS_MAX)?;
    let users = users.iter().map(|user| row(&c, &areas, user)).collect();
    show(&Page { c, users })
}

fn row(c: &Chrome, areas: &Areas, user: &User) -> Row {
    let covered: Vec<&str> = user.areas.iter().map(|id| areas.name(Some(*id))).collect();
    Row {
        id: user.id,
        name: user.name.clone(),
        login: user.login.clone(),
        role: c.words.label(user.role.as_str()),
        cases: match user.case_scope {
            CaseScope::All => c.t("users.cases_all"),
            CaseScope::Own => c.t("users.cases_own"),
            CaseScope::None => c.t("users.cases_none"),
        },
        areas: if covered.is_empty() {
            c.t("contacts.all_areas").to_owned()
        } else {
            covered.join(", ")
        },
        state: state(c, user),
        since: c.when(&user.created_at),
    }
}

/// Whether somebody may log in.
pub(super) fn state(c: &Chrome, user: &User) -> Badge {
    let (tone, icon, key) = if user.disabled {
        ("bad", "stop", "users.disabled")
    } else {
        ("good", "check", "users.enabled")
    };
    Badge {
        tone,
        icon,
        text: c.t(key).to_owned(),
    }
}
