//! People.

use super::ids::{AreaId, ContactId, MethodId};
use super::method::{Method, MethodKind, MethodState};
use super::redacted::Redacted;
use super::status::Channel;
use super::timestamp::Timestamp;

/// Most methods one contact may have.
pub const METHODS_MAX: usize = 16;

/// Longest first or last name, in octets.
pub const NAME_SIZE_MAX: usize = 200;

/// What somebody is to the organisation.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum ContactKind {
    /// Lives in an area and gets its alerts.
    Citizen,
    /// Is represented by the firm.
    Client,
    /// Is written to on a client's behalf.
    Creditor,
    /// Works here.
    Staff,
    /// Known only because an application wrote to this address.
    Correspondent,
}

impl ContactKind {
    /// Its name in pages and files.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Citizen => "citizen",
            Self::Client => "client",
            Self::Creditor => "creditor",
            Self::Staff => "staff",
            Self::Correspondent => "correspondent",
        }
    }
}

/// A person.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Contact {
    /// Its id.
    pub id: ContactId,
    /// What this person is to the organisation.
    pub kind: ContactKind,
    /// First name; may be empty.
    pub first_name: Redacted<String>,
    /// Last name; may be empty.
    pub last_name: Redacted<String>,
    /// Language of texts and calls, an ISO 639-1 code.
    pub language: String,
    /// Where this person lives or belongs.
    pub area: Option<AreaId>,
    /// Ways to reach this person.
    pub methods: Vec<Method>,
    /// Since when some, but not all, methods have failed.
    pub issue_since: Option<Timestamp>,
    /// When the last automatic prompt ("check your email address") went out.
    pub prompted_at: Option<Timestamp>,
    /// When the contact was made.
    pub created_at: Timestamp,
}

impl Contact {
    /// First and last name, or a dash when neither is known.
    #[must_use]
    pub fn full_name(&self) -> String {
        let name = format!("{} {}", self.first_name.reveal(), self.last_name.reveal());
        let name = name.trim();
        if name.is_empty() {
            "–".to_owned()
        } else {
            name.to_owned()
        }
    }

    /// The method with this id.
    #[must_use]
    pub fn method(&self, id: MethodId) -> Option<&Method> {
        self.methods.iter().find(|method| method.id == id)
    }

    /// The method with this id, to change it.
    pub fn method_mut(&mut self, id: MethodId) -> Option<&mut Method> {
        self.methods.iter_mut().find(|method| method.id == id)
    }

    /// The methods that messages of this channel go to now. Texts go to mobiles; calls to
    /// landlines and mobiles, landlines first.
    #[must_use]
    pub fn methods_for(&self, channel: Channel) -> Vec<&Method> {
        let mut usable: Vec<&Method> = self
            .methods
            .iter()
            .filter(|method| method.usable_for(channel))
            .collect();
        if channel == Channel::Call {
            usable.sort_by_key(|method| method.kind != MethodKind::Landline);
        }
        usable
    }

    /// Methods in this state.
    pub fn methods_in(&self, state: MethodState) -> impl Iterator<Item = &Method> {
        self.methods
            .iter()
            .filter(move |method| method.state == state)
    }
}
