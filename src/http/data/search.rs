//! What somebody finds by words: read from the state, each thing once whoever asks may see it.

use super::{PAGE_ROWS, Result};
use crate::domain::{Access, Channel, Timestamp};
use crate::http::App;
use crate::http::access::Sight;
use crate::http::fault::Fault;
use crate::search::{Found, Order, Piece, Question, document};
use crate::store::{RepoError, Searched};

/// Most of what was found that is looked through for one page.
const LOOKED_MAX: usize = 500;
/// Most names that stand in a line.
const NAMES_MAX: usize = 3;

/// Something that was found.
pub(crate) struct Line {
    pub(crate) what: Searched,
    pub(crate) at: Timestamp,
    pub(crate) subject: Vec<Piece>,
    /// Names and addresses of the other side, those asked for first.
    pub(crate) who: Vec<Vec<Piece>>,
    pub(crate) body: Vec<Piece>,
}

impl Line {
    /// By which channel it went or came; none where it went by several.
    pub(crate) fn channel(&self) -> Option<Channel> {
        match &self.what {
            Searched::Communication(sent) => {
                let mut channels = sent.channels.iter();
                channels.next().filter(|_| channels.next().is_none())
            }
            Searched::Message(message) => Some(message.channel),
            Searched::Note(_) => None,
        }
    }
}

impl Line {
    /// Whether what was asked for stands in what was said, not only in whom it was said to.
    fn is_found_in_text(&self) -> bool {
        self.subject.iter().chain(&self.body).any(|one| one.marked)
    }
}

/// A page of what was found.
#[derive(Default)]
pub(crate) struct Results {
    pub(crate) lines: Vec<Line>,
    /// How many there are in all, those included that whoever asks may not see.
    pub(crate) total: usize,
    /// Where what follows begins.
    pub(crate) next: Option<u64>,
}

/// Looks for what is asked, among what whoever asks may see.
pub(crate) fn look(app: &App, access: &Access, question: &Question) -> Result<Results> {
    let mut sight = Sight::of(app, access);
    let mut may_see = |what: &Searched| match what {
        Searched::Communication(sent) => app.sees_communication(access, sent),
        Searched::Message(message) => match app.repo().thread(message.thread)? {
            Some(thread) => sight.sees(&thread),
            None => Ok(false),
        },
        Searched::Note(note) => app.sees_entry(access, note),
    };
    let mut results = Results::default();
    let wanted = question.limit.clamp(1, PAGE_ROWS.max(question.limit));
    let mut asked = question.clone();
    let mut looked = 0;
    while results.lines.len() < wanted && looked < LOOKED_MAX {
        asked.limit = wanted;
        let found = app.console.search.index().find(&asked);
        let found = found.map_err(|error| {
            tracing::error!(%error, "the search index cannot be read");
            Fault::Internal
        })?;
        results.total = found.total;
        let whole = found.hits.len() == wanted;
        for hit in &found.hits {
            if results.lines.len() == wanted {
                break;
            }
            looked += 1;
            asked.before = Some(hit.place);
            if let Some(mut line) = line(app, &found, &hit.row, &mut may_see)? {
                // What is said to many is no secret; who they are is.
                if matches!(line.what, Searched::Communication(_)) && !access.sees_everybody() {
                    line.who.clear();
                    if !line.is_found_in_text() {
                        continue;
                    }
                }
                results.lines.push(line);
            }
        }
        if asked.order == Order::Relevant || !whole {
            if results.lines.len() < wanted {
                asked.before = None;
            }
            break;
        }
    }
    if question.order == Order::Newest {
        results.next = asked.before;
    }
    Ok(results)
}

fn line(
    app: &App,
    found: &Found,
    row: &[u8],
    may_see: &mut impl FnMut(&Searched) -> std::result::Result<bool, RepoError>,
) -> Result<Option<Line>> {
    let repo = app.repo();
    // The index may be a moment behind: what is gone is not shown.
    let Some(what) = repo.searched(row)? else {
        return Ok(None);
    };
    if !may_see(&what)? {
        return Ok(None);
    }
    let document = match document(repo, row) {
        Ok(Some(document)) => document,
        Ok(None) | Err(RepoError::Missing(_)) => return Ok(None),
        Err(error) => return Err(error.into()),
    };
    let mut who: Vec<_> = document
        .recipients
        .iter()
        .map(|name| found.in_recipient(name))
        .collect();
    who.sort_by_key(|pieces| !pieces.iter().any(|piece| piece.marked));
    who.truncate(NAMES_MAX);
    Ok(Some(Line {
        at: document.at,
        subject: found.in_subject(&document.subject),
        body: found.in_body(&document.body),
        who,
        what,
    }))
}
