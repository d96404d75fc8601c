//! The communications log: every delivery, newest first, within days and filters, paged both
//! ways. Ids of deliveries are in order of making, so a page costs the same on every page; a
//! filter that finds little stops after [`SCAN_MAX`] deliveries and goes on from there.

use super::access::sees_delivery;
use super::data::Result;
use crate::domain::{
    Access, Channel, Communication, CommunicationId, Delivery, DeliveryId, ListStatus, Timestamp,
};
use crate::store::{Repo, RepoError, Seek};
use std::sync::Arc;
use std::time::Duration;

/// Most deliveries looked through for one page.
pub(crate) const SCAN_MAX: usize = 5_000;
/// Deliveries read at a time.
const STEP: usize = 500;
/// Ids may run a little ahead of the clock, and the clock may be set right.
const SLACK: Duration = Duration::from_secs(10);
/// A mail that was handed in has all its deliveries made at once.
const AT_ONCE: Duration = Duration::from_secs(600);

/// How a delivery stands, as the filter knows it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Standing {
    /// As in mixed lists; what was given up is not queued any more.
    List(ListStatus),
    /// Given up before its turn: not needed any more, or not possible.
    Closed,
}

impl Standing {
    pub(crate) const ALL: [Self; 6] = [
        Self::List(ListStatus::Queued),
        Self::List(ListStatus::Sent),
        Self::List(ListStatus::Delivered),
        Self::List(ListStatus::Opened),
        Self::List(ListStatus::Failed),
        Self::Closed,
    ];

    /// Its name in an address.
    pub(crate) const fn slug(self) -> &'static str {
        match self {
            Self::List(ListStatus::Draft) => "draft",
            Self::List(ListStatus::Queued) => "queued",
            Self::List(ListStatus::Sent) => "sent",
            Self::List(ListStatus::Delivered) => "delivered",
            Self::List(ListStatus::Opened) => "opened",
            Self::List(ListStatus::Failed) => "failed",
            Self::Closed => "closed",
        }
    }

    /// Key of its name for people.
    pub(crate) const fn word(self) -> &'static str {
        match self {
            Self::List(ListStatus::Draft) => "state.draft",
            Self::List(ListStatus::Queued) => "commslog.queued",
            Self::List(ListStatus::Sent) => "commslog.sent",
            Self::List(ListStatus::Delivered) => "commslog.delivered",
            Self::List(ListStatus::Opened) => "commslog.opened",
            Self::List(ListStatus::Failed) => "commslog.failed",
            Self::Closed => "commslog.closed",
        }
    }

    fn of(delivery: &Delivery) -> Self {
        if delivery.closed.is_some() {
            Self::Closed
        } else {
            Self::List(delivery.status().in_lists())
        }
    }
}

/// Which deliveries.
#[derive(Clone, Debug)]
pub(crate) struct Filter {
    /// Times within which they were made, newest first, apart from one another.
    windows: Vec<(Timestamp, Timestamp)>,
    pub(crate) channel: Option<Channel>,
    pub(crate) standing: Option<Standing>,
    communication: Option<CommunicationId>,
    /// Whose log it is: messages to people whom they do not see are left out.
    access: Arc<Access>,
}

impl Filter {
    /// Within these times, and of one communication if asked: then only the times at which its
    /// rounds made deliveries are read.
    pub(crate) fn new(
        (from, to): (Timestamp, Timestamp),
        channel: Option<Channel>,
        standing: Option<Standing>,
        communication: Option<&Communication>,
        access: &Arc<Access>,
    ) -> Self {
        let mut windows = communication.map_or_else(|| vec![(from, to)], rounds);
        for window in &mut windows {
            *window = (window.0.max(from), window.1.min(to));
        }
        windows.retain(|window| window.0 < window.1);
        Self {
            windows,
            channel,
            standing,
            communication: communication.map(|communication| communication.id),
            access: Arc::clone(access),
        }
    }

    fn shows(&self, repo: &Repo, delivery: &Delivery) -> std::result::Result<bool, RepoError> {
        sees_delivery(repo, &self.access, delivery)
    }

    fn takes(&self, delivery: &Delivery) -> bool {
        self.channel
            .is_none_or(|channel| delivery.channel == channel)
            && self
                .communication
                .is_none_or(|id| delivery.communication == id)
            && self
                .standing
                .is_none_or(|standing| Standing::of(delivery) == standing)
    }
}

/// When a communication's deliveries were made, newest first.
fn rounds(communication: &Communication) -> Vec<(Timestamp, Timestamp)> {
    let far = Timestamp::from_millis(u64::MAX);
    let mut windows: Vec<(Timestamp, Timestamp)> = communication
        .history
        .iter()
        .map(|round| {
            let end = round.done.map_or(far, |done| done.plus(SLACK));
            (round.due.minus(SLACK), end)
        })
        .collect();
    if let (true, Some(sent)) = (windows.is_empty(), communication.sent_at) {
        windows.push((sent.minus(SLACK), sent.plus(AT_ONCE)));
    }
    windows.sort_unstable();
    let mut apart: Vec<(Timestamp, Timestamp)> = Vec::with_capacity(windows.len());
    for (start, end) in windows {
        match apart.last_mut() {
            Some(last) if start <= last.1 => last.1 = last.1.max(end),
            Some(_) | None => apart.push((start, end)),
        }
    }
    apart.reverse();
    apart
}

/// A page, and where the pages beside it begin.
#[derive(Debug, Default)]
pub(crate) struct Page {
    /// Newest first.
    pub(crate) rows: Vec<Delivery>,
    /// `before` this one are newer ones.
    pub(crate) newer: Option<DeliveryId>,
    /// `after` this one are older ones.
    pub(crate) older: Option<DeliveryId>,
    /// It stopped looking before it was full.
    pub(crate) unfinished: bool,
}

/// Reads a page.
pub(crate) fn page(
    repo: &Repo,
    filter: &Filter,
    seek: &Seek<DeliveryId>,
    limit: usize,
) -> Result<Page> {
    let mut found = Vec::new();
    let mut last = None;
    let mut seen = 0;
    let mut unfinished = false;
    walk(repo, filter, seek, |delivery, wanted| {
        seen += 1;
        last = Some(delivery.id);
        if wanted {
            found.push(delivery);
        }
        unfinished = seen >= SCAN_MAX;
        Ok::<_, RepoError>(found.len() <= limit && !unfinished)
    })?;
    let full = found.len() > limit;
    found.truncate(limit);
    // Where to go on in the direction of reading.
    let on = if full {
        found.last().map(|delivery| delivery.id)
    } else {
        last.filter(|_| unfinished)
    };
    let unfinished = unfinished && !full;
    Ok(match seek {
        Seek::Start | Seek::After(_) => Page {
            newer: match seek {
                Seek::After(id) => found.first().map_or(Some(*id), |first| Some(first.id)),
                Seek::Start | Seek::Before(_) => None,
            },
            older: on,
            rows: found,
            unfinished,
        },
        Seek::Before(id) => {
            found.reverse();
            Page {
                newer: on,
                older: found.last().map_or(Some(*id), |last| Some(last.id)),
                rows: found,
                unfinished,
            }
        }
    })
}

/// Reads every delivery within the times of a filter, from `seek` on in its direction, and says
/// whether the filter takes it; until `each` says that it is enough.
pub(crate) fn walk<E: From<RepoError>>(
    repo: &Repo,
    filter: &Filter,
    seek: &Seek<DeliveryId>,
    mut each: impl FnMut(Delivery, bool) -> std::result::Result<bool, E>,
) -> std::result::Result<(), E> {
    let backwards = matches!(seek, Seek::Before(_));
    let mut windows = filter.windows.clone();
    if backwards {
        windows.reverse();
    }
    for (from, to) in windows {
        let mut seek = seek.clone();
        loop {
            let mut rows = repo.deliveries_made(from, to, &seek, STEP)?;
            if backwards {
                rows.reverse();
            }
            let Some(last) = rows.last().map(|delivery| delivery.id) else {
                break;
            };
            seek = if backwards {
                Seek::Before(last)
            } else {
                Seek::After(last)
            };
            for delivery in rows {
                let wanted = filter.takes(&delivery) && filter.shows(repo, &delivery)?;
                if !each(delivery.value, wanted)? {
                    return Ok(());
                }
            }
        }
    }
    Ok(())
}
