//! People.

use super::delivery::Delivery;
use super::ids::{AreaId, ContactId, GroupId, ImportId, MethodId};
use super::method::{Method, MethodKind, MethodState};
use super::redacted::Redacted;
use super::status::Channel;
use super::timestamp::Timestamp;
use super::wishes::{Consent, ProofKind, Wishes};

/// Most methods one contact may have.
pub const METHODS_MAX: usize = 8;

/// Longest first or last name, in octets.
pub const NAME_SIZE_MAX: usize = 200;

/// Most groups one contact may belong to.
pub const CONTACT_GROUPS_MAX: usize = 32;
/// Most fields of its own one contact may have.
pub const CUSTOM_FIELDS_MAX: usize = 16;
/// Longest name of a field, in octets.
pub const CUSTOM_NAME_SIZE_MAX: usize = 40;
/// Longest value of a field, in octets.
pub const CUSTOM_VALUE_SIZE_MAX: usize = 120;

/// A field of the installation's own: a flat, a keyholder, a case reference.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct CustomField {
    /// Its name.
    pub name: String,
    /// What it holds.
    pub value: Redacted<String>,
}

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
    /// All of them, in the order in which pages show them.
    pub const ALL: [Self; 5] = [
        Self::Citizen,
        Self::Client,
        Self::Creditor,
        Self::Staff,
        Self::Correspondent,
    ];

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
    /// Groups this person belongs to; at most [`CONTACT_GROUPS_MAX`].
    pub groups: Vec<GroupId>,
    /// Fields of the installation's own; at most [`CUSTOM_FIELDS_MAX`].
    pub custom: Vec<CustomField>,
    /// What this person wants.
    pub wishes: Wishes,
    /// The file that this person came with, if any.
    pub import: Option<ImportId>,
}

impl Contact {
    /// Lets go of all that says who it is: names, methods, area, groups, fields and wishes. What
    /// stays is that it wants nothing more.
    pub fn forget(&mut self, now: Timestamp, proof: ProofKind) {
        self.first_name = Redacted::default();
        self.last_name = Redacted::default();
        self.area = None;
        self.methods.clear();
        self.issue_since = None;
        self.groups.clear();
        self.custom.clear();
        self.import = None;
        self.wishes = Wishes::default();
        self.wishes.decide(Consent {
            channel: None,
            category: None,
            given: false,
            at: now,
            proof,
            note: Redacted::default(),
        });
    }

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

    /// Whether the field of this name holds this value; both without regard to case.
    #[must_use]
    pub fn custom_is(&self, name: &str, value: &str) -> bool {
        self.custom.iter().any(|field| {
            field.name.eq_ignore_ascii_case(name)
                && field.value.reveal().to_lowercase() == value.to_lowercase()
        })
    }

    /// The method with this id.
    #[must_use]
    pub fn method(&self, id: MethodId) -> Option<&Method> {
        self.methods.iter().find(|method| method.id == id)
    }

    /// The method that a delivery was made for. After two contacts became one it may be known
    /// by its address only.
    #[must_use]
    pub fn method_of(&self, delivery: &Delivery) -> Option<&Method> {
        self.method(delivery.method).or_else(|| {
            let same = |method: &&Method| method.destination == delivery.destination;
            self.methods.iter().find(same)
        })
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
