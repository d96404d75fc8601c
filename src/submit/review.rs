//! The last look before sending: how many by which channel, who cannot be reached and why.

use std::collections::HashSet;

use super::{FieldError, SubmitError, Submitter};
use crate::domain::{
    Audience, Channel, Channels, CommunicationId, Contact, ContactId, MethodState,
};
use crate::store::{Loaded, Repo, RepoError};

/// Most people listed by name among those who cannot be reached.
pub const REVIEW_LISTED_MAX: usize = 200;
/// Contacts read at a time.
const PAGE: usize = 1000;

/// How many by one channel.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ChannelCount {
    /// Which.
    pub channel: Channel,
    /// People it goes to.
    pub people: u64,
    /// Messages or calls it takes.
    pub deliveries: u64,
}

impl ChannelCount {
    pub(super) const fn none(channel: Channel) -> Self {
        Self {
            channel,
            people: 0,
            deliveries: 0,
        }
    }
}

/// Somebody whom none of the chosen channels reaches.
#[derive(Clone, Debug)]
pub struct CannotReach {
    /// Who.
    pub contact: Loaded<Contact>,
    /// A plain sentence.
    pub why: &'static str,
}

/// The last look before sending.
#[derive(Clone, Debug)]
pub struct Review {
    /// People chosen.
    pub people: u64,
    /// By each chosen channel.
    pub channels: Vec<ChannelCount>,
    /// How many of them no chosen channel reaches.
    pub cannot_reach_count: u64,
    /// The first [`REVIEW_LISTED_MAX`] of those.
    pub cannot_reach: Vec<CannotReach>,
    /// What keeps it from being sent.
    pub problems: Vec<FieldError>,
}

impl Submitter {
    /// Looks at a draft as it would be sent now.
    ///
    /// # Errors
    /// When there is no such communication, or the store fails.
    pub fn review(&self, id: CommunicationId) -> Result<Review, SubmitError> {
        let draft = self.draft(id)?;
        let people = resolve(&self.repo, &draft.audience)?;
        let mut review = Review {
            people: people.len() as u64,
            channels: draft.channels.iter().map(ChannelCount::none).collect(),
            cannot_reach_count: 0,
            cannot_reach: Vec::new(),
            problems: draft.problems(&self.settings().categories),
        };
        if people.is_empty()
            && !review
                .problems
                .iter()
                .any(|problem| problem.field == "audience")
        {
            review.problems.push(FieldError::new(
                "audience",
                "Nobody is in the areas you chose.",
            ));
        }
        for id in people {
            if let Some(contact) = self.repo.contact(id)? {
                count(&mut review, contact, draft.channels);
            }
        }
        Ok(review)
    }
}

fn count(review: &mut Review, contact: Loaded<Contact>, channels: Channels) {
    let mut reached = false;
    for entry in &mut review.channels {
        let methods = contact.methods_for(entry.channel).len();
        if methods > 0 {
            reached = true;
            entry.people += 1;
            entry.deliveries += if entry.channel == Channel::Call {
                1
            } else {
                methods as u64
            };
        }
    }
    if !reached {
        review.cannot_reach_count += 1;
        if review.cannot_reach.len() < REVIEW_LISTED_MAX {
            let why = why_not(&contact, channels);
            review.cannot_reach.push(CannotReach { contact, why });
        }
    }
}

fn why_not(contact: &Contact, channels: Channels) -> &'static str {
    let fits = |state: MethodState| {
        contact
            .methods_in(state)
            .any(|method| channels.iter().any(|channel| method.kind.takes(channel)))
    };
    if fits(MethodState::Suspended) {
        "Every method for the chosen channels is suspended after a failure."
    } else if fits(MethodState::OptedOut) {
        "Has opted out of the chosen channels."
    } else if contact.methods.is_empty() {
        "Has no email address or telephone number."
    } else {
        "Has no method for the chosen channels."
    }
}

/// Everybody an audience names, each once, in order of id: what is then written for each lies
/// side by side in the store.
pub(super) fn resolve(repo: &Repo, audience: &Audience) -> Result<Vec<ContactId>, RepoError> {
    let tree = repo.areas()?;
    let mut people = Vec::new();
    let areas: HashSet<_> = audience
        .areas
        .iter()
        .flat_map(|area| tree.subtree(*area))
        .collect();
    let mut areas: Vec<_> = areas.into_iter().collect();
    areas.sort_unstable();
    for area in areas {
        let mut after = None;
        loop {
            let page = repo.contact_ids_in_area(area, after, PAGE)?;
            people.extend(page.rows);
            after = page.next;
            if after.is_none() {
                break;
            }
        }
    }
    for id in &audience.contacts {
        if repo.contact(*id)?.is_some() {
            people.push(*id);
        }
    }
    people.sort_unstable();
    people.dedup();
    Ok(people)
}
