//! The links of a mail that are counted, for pages and answers.

use super::App;
use super::data::Result;
use crate::domain::tracking::LINKS_MAX;
use crate::domain::{Body, Communication, Content};
use crate::safe_html::links::links;
use crate::store::RepoError;

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
    if !of.plan.tracking.clicks || of.body != Body::Composed {
        return Ok(Vec::new());
    }
    match app.repo().content(of.content) {
        Ok(content) => Ok(counted_in(app, &content)),
        Err(RepoError::Missing(_)) => Ok(Vec::new()),
        Err(error) => Err(error.into()),
    }
}

/// The same of a content. Links to our own public pages have a number and are not counted.
pub(super) fn counted_in(app: &App, content: &Content) -> Vec<Counted> {
    let submit = &app.console.submit;
    let found = links(&content.html, usize::from(LINKS_MAX));
    (1..)
        .zip(found)
        .map(|(number, link)| Counted {
            number,
            target: link.target,
        })
        .filter(|link| !submit.is_public_page(&link.target))
        .collect()
}
