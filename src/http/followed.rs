//! The links of a mail that are counted, for pages and answers.

use super::App;
use super::data::Result;
use crate::domain::tracking::LINKS_MAX;
use crate::domain::{Body, Communication, Content};
use crate::safe_html::links::links;
use crate::store::{Repo, RepoError};

/// A link that is counted.
pub(super) struct Counted {
    /// Its number among all links of the mail, from 1 on.
    pub(super) number: u16,
    /// Where it leads.
    pub(super) target: String,
}

/// The counted links of a communication that asks for it, the first one first; none of others, and
/// none where what was said is gone.
pub(super) fn counted(app: &App, of: &Communication) -> Result<Vec<Counted>> {
    Ok(counted_among(app, targets(app.repo(), of)?))
}

/// Where the links of such a communication lead, the first one first: also those that have a number
/// and are not counted.
pub(super) fn targets(repo: &Repo, of: &Communication) -> Result<Vec<String>> {
    if !of.plan.tracking.clicks || of.body != Body::Composed {
        return Ok(Vec::new());
    }
    match repo.content(of.content) {
        Ok(content) => Ok(targets_in(&content)),
        Err(RepoError::Missing(_)) => Ok(Vec::new()),
        Err(error) => Err(error.into()),
    }
}

/// The same as [`counted`] of a content.
pub(super) fn counted_in(app: &App, content: &Content) -> Vec<Counted> {
    counted_among(app, targets_in(content))
}

fn targets_in(content: &Content) -> Vec<String> {
    let found = links(&content.html, usize::from(LINKS_MAX));
    found.into_iter().map(|link| link.target).collect()
}

/// Links to our own public pages have a number and are not counted.
fn counted_among(app: &App, targets: Vec<String>) -> Vec<Counted> {
    let submit = &app.console.submit;
    (1..)
        .zip(targets)
        .map(|(number, target)| Counted { number, target })
        .filter(|link| !submit.is_public_page(&link.target))
        .collect()
}
