//! Lists as far as somebody may see them: what they do not see leaves no gaps.

use super::{App, Part, Result};
use crate::domain::{Access, Communication, Thread};
use crate::http::access::{Reach, Sight};
use crate::store::engine::Key;
use crate::store::{Loaded, Order, Page, RepoError, ThreadList};

/// Most rows looked at for one page of a list.
const LOOKED_AT_MAX: usize = 2_000;
/// Most messages read to say which threads of one page somebody sees; those of one step more.
const MESSAGES_READ_MAX: usize = 10_000;
/// Threads looked at in one step.
const THREADS_STEP: usize = 10;

/// A page of those rows that are taken. It may hold fewer than `limit`, though more follow: then
/// very many were looked at. `read` is asked for what follows a place, and how much of it;
/// `take` also says when enough was done for one page.
fn fill<T>(
    after: Option<Key>,
    limit: usize,
    mut read: impl FnMut(Option<Key>, usize) -> std::result::Result<Page<T>, RepoError>,
    mut take: impl FnMut(&T) -> std::result::Result<Taken, RepoError>,
) -> Result<Page<T>> {
    let (mut rows, mut place, mut looked_at) = (Vec::new(), after, 0);
    loop {
        let page = read(place, limit - rows.len())?;
        let mut enough = false;
        for row in page.rows {
            looked_at += 1;
            let taken = take(&row)?;
            enough |= taken.enough;
            if taken.seen {
                rows.push(row);
            }
        }
        enough |= rows.len() >= limit || looked_at >= LOOKED_AT_MAX;
        if enough || page.next.is_none() {
            return Ok(Page {
                rows,
                next: page.next,
            });
        }
        place = page.next;
    }
}

/// Whether a row is taken, and whether the page is to end with its step.
struct Taken {
    seen: bool,
    enough: bool,
}

/// A page of communications that are somebody's to see, of those that are read.
pub(crate) fn communications_seen(
    app: &App,
    access: &Access,
    after: Option<Key>,
    limit: usize,
    read: impl FnMut(Option<Key>, usize) -> std::result::Result<Page<Loaded<Communication>>, RepoError>,
) -> Result<Part<Communication>> {
    let reach = Reach::of(app, access);
    let page = fill(after, limit, read, |one| {
        Ok(Taken {
            seen: reach.sees(one)?,
            enough: false,
        })
    })?;
    Ok(Part {
        rows: page.rows.into_iter().map(|one| one.value).collect(),
        next: page.next,
    })
}

/// A page of threads of a list that are somebody's to see, from a place on in this order.
pub(crate) fn threads_seen(
    app: &App,
    access: &Access,
    listed: ThreadList,
    (order, after): (Order, Option<Key>),
    limit: usize,
) -> Result<Page<Loaded<Thread>>> {
    let mut sight = Sight::of(app, access);
    let read = |after, limit: usize| {
        let step = limit.min(THREADS_STEP);
        app.repo().threads_in(order, listed, after, step)
    };
    fill(after, limit, read, |thread| {
        Ok(Taken {
            seen: sight.sees(thread)?,
            enough: sight.messages_read() >= MESSAGES_READ_MAX,
        })
    })
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;

    /// A list of numbers, each its own place.
    fn numbers(after: Option<Key>, limit: usize) -> std::result::Result<Page<u8>, RepoError> {
        let first = after.map_or(0, |place| place[0] + 1);
        let rows: Vec<u8> = (first..200).take(limit).collect();
        let next = rows.last().filter(|last| **last < 199);
        Ok(Page {
            next: next.map(|last| vec![*last]),
            rows,
        })
    }

    #[test]
    fn a_page_is_filled_with_what_is_seen_and_the_next_goes_on_behind_it() {
        let odd = |n: &u8| {
            Ok(Taken {
                seen: n % 10 == 1,
                enough: false,
            })
        };
        let first = fill(None, 3, numbers, odd).unwrap();
        assert_eq!(first.rows, [1, 11, 21]);
        let second = fill(first.next, 3, numbers, odd).unwrap();
        assert_eq!(second.rows, [31, 41, 51]);
        let last = fill(Some(vec![180]), 9, numbers, odd).unwrap();
        assert_eq!((last.rows, last.next), (vec![181, 191], None));
    }

    #[test]
    fn a_page_ends_where_enough_was_done_and_the_next_goes_on_there() {
        let dear = |n: &u8| {
            Ok(Taken {
                seen: *n == 199,
                enough: *n >= 100,
            })
        };
        let first = fill(None, 10, numbers, dear).unwrap();
        assert_eq!((first.rows.len(), first.next), (0, Some(vec![109])));
    }
}
