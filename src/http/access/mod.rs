//! Who may ask for which address: every route of the console and the API has its line in one
//! table, and one middleware holds every request to it. A route without a line is refused, so
//! that nobody adds one without deciding.

mod offer;
mod scope;
mod table;
mod threads;

use std::sync::Arc;

use axum::extract::{MatchedPath, Request, State};
use axum::http::{HeaderValue, Method, header};
use axum::middleware::Next;
use axum::response::{IntoResponse, Response};

use super::App;
use super::api::{PREFIX, auth};
use super::data::apart;
use super::fault::Fault;
use super::making;
use super::second_factor;
use super::session;
use crate::domain::{Access, CaseScope, Permission, Permissions, User};
use crate::store::{Repo, RepoError};

pub(crate) use scope::{Reach, sees_delivery};
pub(crate) use table::ROUTES;
pub(crate) use threads::Sight;

/// What a route asks of whoever asks for it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Need {
    /// Nothing: whatever it guards, it guards by itself.
    Public,
    /// That somebody is logged in, or a token is valid.
    Login,
    /// That they may do this.
    May(Permission),
    /// That they may do this, and cover everywhere: what it shows or changes may be anybody's.
    Everywhere(Permission),
}

/// One line of the table.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct RouteRule {
    /// The method, in capitals; HEAD is asked for as GET.
    pub(crate) method: &'static str,
    /// The path as the router matches it.
    pub(crate) path: &'static str,
    /// Who may.
    pub(crate) need: Need,
    /// What is done, under a name that stays; empty where nothing is changed or taken out.
    pub(crate) act: &'static str,
}

/// The line of a route.
pub(crate) fn route(method: &Method, path: &str) -> Option<&'static RouteRule> {
    let method = match *method {
        Method::HEAD => "GET",
        _ => method.as_str(),
    };
    lines(path).find(|rule| rule.method == method)
}

/// The name of everything that a request may do.
#[cfg(test)]
pub(crate) fn all_acts() -> impl Iterator<Item = &'static str> {
    let lines = ROUTES.iter().copied().flatten();
    lines.map(|line| line.act).filter(|act| !act.is_empty())
}

fn lines(path: &str) -> impl Iterator<Item = &'static RouteRule> {
    let tables = ROUTES.iter().copied().flatten();
    tables.filter(move |rule| rule.path == path)
}

/// What a user may do and see; with a token, no more than its scopes.
pub(crate) fn access_of(
    repo: &Repo,
    user: &User,
    scopes: Option<Permissions>,
) -> Result<Arc<Access>, RepoError> {
    let parties = || repo.parties_of_cases_naming(user.id);
    Access::of(user, scopes, || repo.areas(), parties).map(Arc::new)
}

/// The same for a request: what has to be read for it is read on a thread that may wait.
pub(crate) async fn access_now(
    app: &App,
    user: &User,
    scopes: Option<Permissions>,
) -> Result<Arc<Access>, Fault> {
    if user.areas.is_empty() && user.case_scope != CaseScope::Own {
        return Ok(access_of(app.repo(), user, scopes)?);
    }
    let (repo, user) = (app.repo().clone(), user.clone());
    apart(move || Ok(access_of(&repo, &user, scopes)?)).await
}

/// Lets a request through to its page when whoever asks may ask for it.
pub(crate) async fn enforce(
    State(app): State<Arc<App>>,
    mut request: Request,
    next: Next,
) -> Response {
    match admit(&app, &mut request).await {
        Ok(()) => making::watched(making::watch_of(&request), next.run(request)).await,
        Err(refusal) => refusal,
    }
}

async fn admit(app: &Arc<App>, request: &mut Request) -> Result<(), Response> {
    let path = request.extensions().get::<MatchedPath>().cloned();
    let path = path.as_ref().map_or("", MatchedPath::as_str);
    let rule = route(request.method(), path).ok_or_else(|| no_line(path))?;
    request.extensions_mut().insert(rule);
    if rule.need == Need::Public {
        return Ok(());
    }
    let access = if path.starts_with(PREFIX) {
        auth::authenticate(app, request).await?
    } else {
        let access = session::authenticate(app, request).await?;
        if let Some(elsewhere) = second_factor::detour(app, request, path) {
            return Err(elsewhere);
        }
        access
    };
    let may = match rule.need {
        Need::May(permission) => access.may(permission),
        Need::Everywhere(permission) => access.may(permission) && access.sees_everybody(),
        Need::Login | Need::Public => true,
    };
    if !may {
        return Err(Fault::Forbidden.into_response());
    }
    if !path.contains('{') {
        return Ok(());
    }
    let (app, asked) = (Arc::clone(app), request.uri().path().to_owned());
    let path = path.to_owned();
    let checked = apart(move || scope::check(&app, &access, &path, &asked));
    checked.await.map_err(IntoResponse::into_response)
}

/// The answer where the table has no line: the path is not for this method, or for nobody.
fn no_line(path: &str) -> Response {
    let mut methods: Vec<&str> = lines(path).map(|rule| rule.method).collect();
    if methods.is_empty() {
        tracing::error!(path, "a route has no line in the table of permissions");
        return Fault::Forbidden.into_response();
    }
    if methods.contains(&"GET") {
        methods.push("HEAD");
    }
    let mut response = Fault::MethodNotAllowed.into_response();
    if let Ok(allowed) = HeaderValue::from_str(&methods.join(",")) {
        response.headers_mut().insert(header::ALLOW, allowed);
    }
    response
}
