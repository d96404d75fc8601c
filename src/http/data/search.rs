//! What somebody finds by words: read from the state, each thing once whoever asks may see it.

use super::{PAGE_ROWS, Result};
use crate::domain::{Access, CaseScope, Channel, Timestamp};
use crate::http::App;
use crate::http::access::{Reach, Sight};
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

/// A page of what was found.
#[derive(Default)]
pub(crate) struct Results {
    pub(crate) lines: Vec<Line>,
    /// How many there are in all, for whoever sees everybody and where each could be looked at.
    pub(crate) total: Option<usize>,
    /// Where what follows begins.
    pub(crate) next: Option<u64>,
}

/// Looks for what is asked, among what whoever asks may see.
pub(crate) fn look(app: &App, access: &Access, question: &Question) -> Result<Results> {
    let mut sight = Sight::of(app, access);
    let reach = Reach::of(app, access);
    let mut may_see = |what: &Searched| match what {
        Searched::Communication(sent) => reach.sees(sent),
        Searched::Message(message) => match app.repo().thread(message.thread)? {
            Some(thread) => sight.sees(&thread),
            None => Ok(false),
        },
        Searched::Note(note) => app.sees_entry(access, note),
    };
    let mut results = Results::default();
    let wanted = question.limit.clamp(1, PAGE_ROWS.max(question.limit));
    let mut asked = Question {
        // What is said to many is no secret; who they are is.
        texts_only: !access.sees_everybody(),
        limit: wanted,
        ..question.clone()
    };
    let mut looked = 0;
    while results.lines.len() < wanted && looked < LOOKED_MAX {
        let found = find(app, &asked)?;
        let whole = found.hits.len() == wanted;
        for hit in &found.hits {
            if results.lines.len() == wanted {
                break;
            }
            looked += 1;
            asked.before = Some(hit.place);
            if let Some(mut line) = line(app, &found, &hit.row, &mut may_see)? {
                if matches!(line.what, Searched::Communication(_)) && asked.texts_only {
                    line.who.clear();
                }
                results.lines.push(line);
            }
        }
        if !whole {
            if results.lines.len() < wanted {
                asked.before = None;
            }
            break;
        }
        asked.skip += found.hits.len();
    }
    if question.order == Order::Newest {
        results.next = asked.before;
    }
    if access.sees_everybody() && access.cases == CaseScope::All {
        results.total = count(app, question, &mut may_see)?;
    }
    Ok(results)
}

fn find(app: &App, asked: &Question) -> Result<Found> {
    let found = app.console.search.index().find(asked);
    found.map_err(|error| {
        tracing::error!(%error, "the search index cannot be read");
        Fault::Internal
    })
}

/// How many there are that may be seen; none where they are too many to look at each. What the
/// index counts would tell of restricted cases.
fn count(
    app: &App,
    question: &Question,
    may_see: &mut impl FnMut(&Searched) -> std::result::Result<bool, RepoError>,
) -> Result<Option<usize>> {
    let asked = Question {
        order: Order::Newest,
        before: None,
        limit: LOOKED_MAX,
        ..question.clone()
    };
    let found = find(app, &asked)?;
    if found.total > LOOKED_MAX {
        return Ok(None);
    }
    let mut seen = 0;
    for hit in &found.hits {
        if let Some(what) = app.repo().searched(&hit.row)?
            && may_see(&what)?
        {
            seen += 1;
        }
    }
    Ok(Some(seen))
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
        .map(|name| found.in_recipient(&document, name))
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
