//! Reading what a program sends: JSON bodies and the queries of addresses, both without unknown
//! fields, and pages of lists.

use std::sync::Arc;

use axum::extract::{FromRequest, FromRequestParts, Path, Query, Request};
use axum::http::request::Parts;
use axum::http::{HeaderMap, StatusCode, header};
use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};
use utoipa::{IntoParams, ToSchema};

use super::super::App;
use super::super::cursor::Cursors;
use super::super::fault::Fault;
use super::auth::Caller;
use super::problem::Problem;
use crate::domain::UserId;
use crate::store::Order;

/// Most bytes of one JSON body.
pub(super) const BODY_MAX: usize = 8 * 1024 * 1024;
/// Most rows of one page.
pub(super) const PAGE_MAX: usize = 500;
/// Rows of a page when the program says nothing.
const PAGE_USUAL: usize = 50;

/// A JSON body.
pub(super) struct Json<T>(pub(super) T);

impl<S: Send + Sync, T: DeserializeOwned> FromRequest<S> for Json<T> {
    type Rejection = Problem;

    async fn from_request(request: Request, _: &S) -> Result<Self, Problem> {
        if !is_json(request.headers()) {
            return Err(Problem::new(
                StatusCode::UNSUPPORTED_MEDIA_TYPE,
                "unsupported-media-type",
                "Unsupported media type",
                "Send the body as application/json.",
            ));
        }
        let bytes = read(request).await?;
        let mut deserializer = serde_json::Deserializer::from_slice(&bytes);
        let value = serde_path_to_error::deserialize(&mut deserializer).map_err(|error| {
            let path = error.path().to_string();
            of_json(&path, error.inner())
        })?;
        deserializer.end().map_err(|error| of_json(".", &error))?;
        Ok(Self(value))
    }
}

/// The body in full, bounded.
pub(super) async fn read(request: Request) -> Result<bytes::Bytes, Problem> {
    let body = axum::body::to_bytes(request.into_body(), BODY_MAX).await;
    body.map_err(|_| Fault::TooLarge.into())
}

fn is_json(headers: &HeaderMap) -> bool {
    let kind = headers.get(header::CONTENT_TYPE);
    let kind = kind.and_then(|kind| kind.to_str().ok()).unwrap_or_default();
    let kind = kind.split(';').next().unwrap_or_default().trim();
    kind.eq_ignore_ascii_case("application/json")
}

fn of_json(path: &str, error: &serde_json::Error) -> Problem {
    if !error.is_data() {
        return Problem::new(
            StatusCode::BAD_REQUEST,
            "malformed-json",
            "Not JSON",
            format!(
                "The body cannot be read at line {}, column {}.",
                error.line(),
                error.column()
            ),
        );
    }
    let text = error.to_string();
    Problem::field(path_of(path, &text), text)
}

/// Serde names the object around an unknown or missing field; the field itself stands in the text.
fn path_of(path: &str, text: &str) -> String {
    let named = text
        .strip_prefix("unknown field `")
        .or_else(|| text.strip_prefix("missing field `"));
    let named = named.and_then(|rest| rest.split('`').next());
    match (path, named) {
        (".", Some(field)) => field.to_owned(),
        (path, Some(field)) if !path.ends_with(field) => format!("{path}.{field}"),
        (path, _) => path.to_owned(),
    }
}

/// The query of an address.
pub(super) struct Asked<T>(pub(super) T);

impl<S: Send + Sync, T: DeserializeOwned> FromRequestParts<S> for Asked<T> {
    type Rejection = Problem;

    async fn from_request_parts(parts: &mut Parts, _: &S) -> Result<Self, Problem> {
        match Query::<T>::try_from_uri(&parts.uri) {
            Ok(Query(value)) => Ok(Self(value)),
            Err(error) => {
                let text = error.body_text();
                let text = text
                    .rsplit_once("query string: ")
                    .map_or("", |(_, text)| text);
                let (path, text) = text.split_once(": ").unwrap_or((".", text));
                Err(Problem::field(path_of(path, text), text))
            }
        }
    }
}

/// The ids of an address; those that are none lead to nothing.
pub(super) struct Ids<T>(pub(super) T);

impl<S: Send + Sync> FromRequestParts<S> for Ids<String> {
    type Rejection = Problem;

    async fn from_request_parts(parts: &mut Parts, state: &S) -> Result<Self, Problem> {
        let found = Path::<String>::from_request_parts(parts, state).await;
        found
            .map(|Path(id)| Self(id))
            .map_err(|_| Fault::NotFound.into())
    }
}

impl<S: Send + Sync> FromRequestParts<S> for Ids<(String, String)> {
    type Rejection = Problem;

    async fn from_request_parts(parts: &mut Parts, state: &S) -> Result<Self, Problem> {
        let found = Path::<(String, String)>::from_request_parts(parts, state).await;
        found
            .map(|Path(ids)| Self(ids))
            .map_err(|_| Fault::NotFound.into())
    }
}

/// An id from an address.
pub(super) fn id<T: std::str::FromStr>(text: &str, what: &str) -> Result<T, Problem> {
    text.parse().map_err(|_| Problem::not_found(what))
}

/// An id from a field.
pub(super) fn field_id<T: std::str::FromStr>(field: &str, text: &str) -> Result<T, Problem> {
    text.parse()
        .map_err(|_| Problem::field(field, "This is not an id."))
}

/// An id from a field that may be left out.
pub(super) fn given_id<T: std::str::FromStr>(
    field: &str,
    text: Option<&str>,
) -> Result<Option<T>, Problem> {
    text.map(|text| field_id(field, text)).transpose()
}

/// The one of these that is called so.
pub(super) fn one_of<T: Copy>(
    field: &str,
    name: Option<&str>,
    all: &[T],
    called: impl Fn(T) -> &'static str,
) -> Result<Option<T>, Problem> {
    let Some(name) = name else {
        return Ok(None);
    };
    let found = all.iter().copied().find(|one| called(*one) == name);
    let names: Vec<&str> = all.iter().map(|one| called(*one)).collect();
    let detail = || format!("It is one of {}.", names.join(", "));
    found
        .map(Some)
        .ok_or_else(|| Problem::field(field, detail()))
}

/// Which part of a list, in which order.
#[derive(Debug, Default, Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub(super) struct OrderedAsked {
    /// newest (first, when it is not given) or oldest.
    order: Option<String>,
    /// Rows of the page, 1 to 500; 50 when it is not given.
    #[param(minimum = 1, maximum = 500)]
    limit: Option<usize>,
    /// `next` of the page before, asked for in the same order.
    cursor: Option<String>,
}

impl OrderedAsked {
    pub(super) fn wanted(&self, pages: &Pages) -> Result<(Wanted, Order), Problem> {
        let page = pages.wanted(self.limit, self.cursor.as_deref())?;
        Ok((page, order(self.order.as_deref())?))
    }
}

/// The order of a list of what happened: newest first, or oldest first.
pub(super) fn order(named: Option<&str>) -> Result<Order, Problem> {
    match named {
        None | Some("newest") => Ok(Order::Usual),
        Some("oldest") => Ok(Order::Turned),
        Some(_) => Err(no_order()),
    }
}

/// The order of a list that begins with the oldest: oldest first, or newest first.
pub(super) fn from_oldest(named: Option<&str>) -> Result<Order, Problem> {
    match named {
        None | Some("oldest") => Ok(Order::Usual),
        Some("newest") => Ok(Order::Turned),
        Some(_) => Err(no_order()),
    }
}

/// The order of a list of names: from A on, or from Z on.
pub(super) fn by_name(named: Option<&str>) -> Result<Order, Problem> {
    match named {
        None | Some("asc") => Ok(Order::Usual),
        Some("desc") => Ok(Order::Turned),
        Some(_) => Err(Problem::field("order", "An order is asc or desc.")),
    }
}

/// Neither newest nor oldest first.
fn no_order() -> Problem {
    Problem::field("order", "An order is newest or oldest.")
}

/// A page that can be read.
pub(super) struct Wanted {
    pub(super) limit: usize,
    pub(super) after: Option<Vec<u8>>,
}

/// The list that an address names, as whoever asks turns its pages.
pub(super) struct Pages {
    app: Arc<App>,
    user: UserId,
    list: String,
}

impl FromRequestParts<Arc<App>> for Pages {
    type Rejection = Problem;

    async fn from_request_parts(parts: &mut Parts, app: &Arc<App>) -> Result<Self, Problem> {
        let caller = Caller::from_request_parts(parts, app).await?;
        Ok(Self {
            app: Arc::clone(app),
            user: caller.user.id,
            list: parts.uri.path().to_owned(),
        })
    }
}

impl Pages {
    fn cursors(&self) -> Cursors<'_> {
        Cursors::of(&self.app, self.user, &self.list)
    }

    /// Reads what every list takes.
    pub(super) fn wanted(
        &self,
        limit: Option<usize>,
        cursor: Option<&str>,
    ) -> Result<Wanted, Problem> {
        let limit = limit.unwrap_or(PAGE_USUAL);
        if !(1..=PAGE_MAX).contains(&limit) {
            let detail = format!("A page has 1 to {PAGE_MAX} rows.");
            return Err(Problem::field("limit", detail));
        }
        let place = |text| self.cursors().place(text).ok_or_else(no_cursor);
        let after = cursor.map(place).transpose()?;
        Ok(Wanted { limit, after })
    }

    /// A page, and the cursor of what follows behind a place.
    pub(super) fn page<T>(&self, items: Vec<T>, next: Option<Vec<u8>>) -> PageOf<T> {
        let next = next.map(|place| self.next(&place));
        PageOf { items, next }
    }

    /// The cursor of what follows behind a place.
    pub(super) fn next(&self, place: &[u8]) -> String {
        self.cursors().text(place)
    }
}

/// What is said of a cursor that leads nowhere.
pub(super) fn no_cursor() -> Problem {
    let detail = "This is not a cursor that an earlier page of this list gave you.";
    Problem::field("cursor", detail)
}

/// Part of a list.
#[derive(Debug, Serialize, ToSchema)]
pub(super) struct PageOf<T> {
    /// The rows; at times fewer than asked for, or none, though `next` is there.
    pub(super) items: Vec<T>,
    /// Give this as `cursor` to get what follows; null at the end.
    pub(super) next: Option<String>,
}
