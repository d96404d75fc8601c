//! Campaigns: communications that belong together.

use super::ids::{CampaignId, ContactId, UserId};
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

/// Most contacts on one recipient list.
pub const RECIPIENTS_MAX: usize = 100_000;
