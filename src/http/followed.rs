//! The links of a mail that are counted, for pages and answers.

use super::App;
use super::data::Result;
use crate::domain::tracking::LINKS_MAX;
use crate::domain::{Body, Communication, Content};
use crate::safe_html::links::links;
use crate::store::RepoError;

/// Where the links of a communication lead that asks for them to be counted, the first one first;
/// none of others, and none where what was said is gone.
pub(super) fn targets(app: &App, of: &Communication) -> Result<Vec<String>> {
    if !of.plan.tracking.clicks || of.body != Body::Composed {
        return Ok(Vec::new());
    }
    match app.repo().content(of.content) {
        Ok(content) => Ok(targets_in(&content)),
        Err(RepoError::Missing(_)) => Ok(Vec::new()),
        Err(error) => Err(error.into()),
    }
}

/// The same of a content.
pub(super) fn targets_in(content: &Content) -> Vec<String> {
    let found = links(&content.html, usize::from(LINKS_MAX)).into_iter();
    found.map(|link| link.target).collect()
}
