//! Campaigns: communications that belong together.

use super::group::ContactFilter;
use super::ids::{CampaignId, ContactId, GroupId, UserId};
use super::timestamp::Timestamp;

/// Most campaigns there may be.
pub const CAMPAIGNS_MAX: usize = 10_000;

/// Communications that belong together.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Campaign {
    /// Its id.
    pub id: CampaignId,
    /// Its name, at most [`GROUP_NAME_MAX`](super::group::GROUP_NAME_MAX) characters.
    pub name: String,
    /// Who made it.
    pub by: UserId,
    /// When it was made.
    pub created_at: Timestamp,
    /// When it, or a communication in it, last changed.
    pub modified_at: Timestamp,
}

/// One contact on somebody's recipient list: those picked one by one, or an area's at once,
/// before anything is written to them.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Recipient {
    /// Whose list.
    pub user: UserId,
    /// Who is on it.
    pub contact: ContactId,
    /// Since when.
    pub at: Timestamp,
}

/// Where the contacts go that are being gathered.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum GatherInto {
    /// The user's recipient list.
    Recipients,
    /// A group.
    Group(GroupId),
}

/// Many contacts being put on a list at once. It stays until that is done, so that a restart
/// goes on with it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Gathering {
    /// Who asked; each user has one at a time.
    pub user: UserId,
    /// Where to.
    pub into: GatherInto,
    /// Who they are.
    pub filter: ContactFilter,
    /// When it was asked.
    pub at: Timestamp,
    /// How many have been looked at and put there.
    pub added: u64,
    /// Where to go on: a place in the order of the list.
    pub cursor: Vec<u8>,
}

/// Most contacts on one recipient list.
pub const RECIPIENTS_MAX: usize = 100_000;
