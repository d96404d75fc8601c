//! Groups of contacts, put together by hand, and filters that find them by what they are.

use super::comms_issue::{Reachability, reachability};
use super::contact::{Contact, ContactKind};
use super::ids::{AreaId, FilterId, GroupId, UserId};
use super::method::{MethodKind, MethodState};
use super::timestamp::Timestamp;

/// Longest name of a group, filter or campaign, in characters.
pub const GROUP_NAME_MAX: usize = 80;
/// Most groups there may be.
pub const GROUPS_MAX: usize = 2_000;
/// Most saved filters there may be.
pub const FILTERS_MAX: usize = 1_000;
/// Most areas or groups that one filter names.
pub const FILTER_PICKS_MAX: usize = 100;
/// Longest text that a filter looks for, in characters.
pub const FILTER_TEXT_MAX: usize = 200;

/// Contacts that belong together.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Group {
    /// Its id.
    pub id: GroupId,
    /// Its name.
    pub name: String,
    /// When it was made.
    pub created_at: Timestamp,
}

/// What contacts must be like. Everything that is set must hold; within a list, one suffices.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct ContactFilter {
    /// Words that names or addresses contain.
    pub text: String,
    /// What they are to the organisation.
    pub kind: Option<ContactKind>,
    /// ISO 639-1.
    pub language: Option<String>,
    /// They live in one of these, whatever lies in them included.
    pub areas: Vec<AreaId>,
    /// They belong to one of these.
    pub groups: Vec<GroupId>,
    /// They have a method of this kind that is not removed.
    pub has: Option<MethodKind>,
    /// One of their methods is in this state.
    pub method_state: Option<MethodState>,
    /// How they stand as to being reachable.
    pub reachability: Option<Reachability>,
    /// A field of their own, and what it is.
    pub field: Option<(String, String)>,
}

impl ContactFilter {
    /// Whether a contact is meant. `in_areas` says whether the contact's area lies in one of the
    /// filter's: trees are not known here.
    #[must_use]
    pub fn matches(&self, contact: &Contact, in_areas: impl Fn(Option<AreaId>) -> bool) -> bool {
        let has = |kind: MethodKind| {
            contact
                .methods
                .iter()
                .any(|one| one.kind == kind && one.state != MethodState::Removed)
        };
        let groups = || self.groups.iter().any(|id| contact.groups.contains(id));
        self.kind.is_none_or(|kind| contact.kind == kind)
            && self
                .language
                .as_ref()
                .is_none_or(|language| contact.language == *language)
            && (self.areas.is_empty() || in_areas(contact.area))
            && (self.groups.is_empty() || groups())
            && self.has.is_none_or(has)
            && self
                .method_state
                .is_none_or(|state| contact.methods_in(state).next().is_some())
            && self
                .reachability
                .is_none_or(|wanted| reachability(contact) == wanted)
            && self
                .field
                .as_ref()
                .is_none_or(|(name, value)| contact.custom_is(name, value))
            && self.text_matches(contact)
    }

    fn text_matches(&self, contact: &Contact) -> bool {
        let text = self.text.to_lowercase();
        let name = contact.full_name().to_lowercase();
        text.split_whitespace().all(|word| {
            name.contains(word)
                || contact.methods.iter().any(|one| {
                    one.state != MethodState::Removed && one.destination.lookup_key().contains(word)
                })
        })
    }

    /// Whether it lets everybody through.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        *self == Self::default()
    }
}

/// A filter that somebody gave a name.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SavedFilter {
    /// Its id.
    pub id: FilterId,
    /// Its name.
    pub name: String,
    /// What contacts must be like.
    pub filter: ContactFilter,
    /// Who made it.
    pub by: UserId,
    /// When it was made.
    pub created_at: Timestamp,
}
