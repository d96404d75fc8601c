//! The fields of a submitted form, in order; a name may occur several times.

use axum::extract::{Form, FromRequest, Query, Request};
use axum::http::Uri;
use axum::response::IntoResponse;

use super::fault::Fault;

/// Most fields in one form: an audience chosen by hand is the largest.
const FIELDS_MAX: usize = 20_000;

/// A submitted form, or the query of an address.
#[derive(Clone, Debug, Default)]
pub(crate) struct Fields(Vec<(String, String)>);

impl Fields {
    /// Reads the form of a request.
    pub(crate) async fn of_form(request: Request) -> Result<Self, Fault> {
        let form = Form::<Vec<(String, String)>>::from_request(request, &()).await;
        let Form(fields) =
            form.map_err(|error| Fault::of_status(error.into_response().status()))?;
        Self::bounded(fields)
    }

    /// Reads the query of an address; one that cannot be read is an empty one.
    pub(crate) fn of_query(uri: &Uri) -> Self {
        Query::try_from_uri(uri)
            .map(|Query(fields)| Self(fields))
            .unwrap_or_default()
    }

    /// The fields of a form that came in parts.
    pub(crate) const fn of_parts(parts: Vec<(String, String)>) -> Self {
        Self(parts)
    }

    /// These fields.
    #[cfg(test)]
    pub(crate) fn of_pairs(pairs: &[(&str, &str)]) -> Self {
        let owned = |(name, value): &(&str, &str)| ((*name).to_owned(), (*value).to_owned());
        Self(pairs.iter().map(owned).collect())
    }

    fn bounded(fields: Vec<(String, String)>) -> Result<Self, Fault> {
        if fields.len() > FIELDS_MAX {
            Err(Fault::TooLarge)
        } else {
            Ok(Self(fields))
        }
    }

    /// The first value of a name; empty when there is none.
    pub(crate) fn get(&self, name: &str) -> &str {
        let found = self.0.iter().find(|(key, _)| key == name);
        found.map_or("", |(_, value)| value.as_str())
    }

    /// All values of a name.
    pub(crate) fn all<'a>(&'a self, name: &'a str) -> impl Iterator<Item = &'a str> {
        let named = self.0.iter().filter(move |(key, _)| key == name);
        named.map(|(_, value)| value.as_str())
    }

    /// Whether the name occurs: a ticked box, a pressed button.
    pub(crate) fn has(&self, name: &str) -> bool {
        self.0.iter().any(|(key, _)| key == name)
    }

    /// A text as it was written: browsers send line ends as CR LF.
    pub(crate) fn text(&self, name: &str) -> String {
        self.get(name).replace("\r\n", "\n")
    }
}
