//! Who was contacted: per person, and in numbers per communication.

use super::category::Category;
use super::confirmation::ConfirmedBy;
use super::ids::{CommunicationId, ContactId, DeliveryId, MethodId};
use super::redacted::Redacted;
use super::status::{Reach, Status};
use super::timestamp::Timestamp;
use super::tracking::LINKS_MAX;

/// Most deliveries of one communication to one person, reminders among them.
pub const PERSON_DELIVERIES_MAX: usize = 128;

/// How a person stands in a communication.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum PersonState {
    /// Reached by at least one delivery.
    Contacted,
    /// Not reached yet, something is still under way.
    InProgress,
    /// Not reached, nothing is under way.
    NotContacted,
}

impl PersonState {
    /// All of them, in the order in which pages show them.
    pub const ALL: [Self; 3] = [Self::Contacted, Self::InProgress, Self::NotContacted];

    /// Its name in pages and files.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Contacted => "contacted",
            Self::InProgress => "in progress",
            Self::NotContacted => "not contacted",
        }
    }
}

/// One delivery as the person's row knows it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct PersonDelivery {
    /// The delivery.
    pub delivery: DeliveryId,
    /// By which method.
    pub method: MethodId,
    /// Where it stands.
    pub status: Status,
    /// We have given it up, its status notwithstanding (confirmed elsewhere, for one).
    pub closed: bool,
}

/// One person in one communication.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Person {
    /// Of which communication.
    pub communication: CommunicationId,
    /// Who.
    pub contact: ContactId,
    /// Every delivery to this person, oldest first.
    pub deliveries: Vec<PersonDelivery>,
    /// What they come to.
    pub state: PersonState,
    /// When this person confirmed by link or reply; a confirmed call stands among the deliveries.
    pub confirmed: Option<Timestamp>,
    /// By which of these ways.
    pub confirmed_by: Option<ConfirmedBy>,
    /// The name by which lists of this communication sort, as it was when the person was added:
    /// see [`sort_name`](super::sort_name::sort_name). A list does not change its order while
    /// somebody pages through it, whoever is renamed.
    pub sort_name: Redacted<String>,
    /// The links of the email that this person followed, by their numbers from 1 on, in the order
    /// in which that was first done; each once, at most
    /// [`LINKS_MAX`].
    pub links: Vec<u16>,
}

impl Person {
    /// Counts the link with this number as followed: once, whatever the deliveries, and
    /// [`LINKS_MAX`] at most.
    pub fn follow(&mut self, link: u16) {
        if self.links.len() < usize::from(LINKS_MAX) && !self.links.contains(&link) {
            self.links.push(link);
        }
    }

    /// What the deliveries come to.
    #[must_use]
    pub fn derive_state(&self, category: &Category) -> PersonState {
        if self.confirmed.is_some() {
            return PersonState::Contacted;
        }
        let mut state = PersonState::NotContacted;
        for delivery in &self.deliveries {
            match delivery.status.reach(category) {
                Reach::Reached => return PersonState::Contacted,
                Reach::Open if !delivery.closed => state = PersonState::InProgress,
                Reach::Open | Reach::Missed => {}
            }
        }
        state
    }
}

/// Numbers of one communication.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Statistics {
    /// People addressed.
    pub people: u64,
    /// Reached.
    pub contacted: u64,
    /// Not reached yet, something is under way; the rest of `people`.
    pub in_progress: u64,
    /// Not reached, nothing is under way.
    pub not_contacted: u64,
    /// Deliveries by status; only those that occur.
    pub by_status: Vec<(Status, u64)>,
    /// People who confirmed by link or reply; only the ways that occur.
    pub confirmed: Vec<(ConfirmedBy, u64)>,
    /// People who followed a link of the email; 0 where nobody counts.
    pub clicked: u64,
    /// People who followed a link, by its number from 1 on; only those that somebody followed.
    pub links: Vec<(u16, u64)>,
}
