//! Who may do what, and to whom: the one table of rights, and the bounds within which a user's
//! rights hold.

use std::collections::HashSet;

use super::area::AreaTree;
use super::case::Case;
use super::contact::{Contact, ContactKind};
use super::ids::{AreaId, ContactId, UserId};
use super::user::{Role, User};

/// One thing that a page or an address of the API asks for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[repr(u8)]
pub enum Permission {
    /// One's own settings, password, second factor and sessions.
    Own = 0,
    /// Read contacts, messages, cases and numbers, within one's bounds.
    See = 1,
    /// Write drafts and try them on oneself.
    Write = 2,
    /// Send, schedule, recontact, answer.
    Send = 3,
    /// Say yes or no to what somebody else wants to send.
    Approve = 4,
    /// Make, change, merge and import contacts, their methods and lists of recipients.
    ChangeContacts = 5,
    /// Groups, filters, campaigns.
    Arrange = 6,
    /// Make and change cases, take notes.
    HandleCases = 7,
    /// Make and change templates.
    ManageTemplates = 8,
    /// Take files out: lists, logs, statistics.
    Export = 9,
    /// Read the audit log, make bundles of evidence.
    Audit = 10,
    /// Retention rules, legal holds, erasure.
    Retain = 11,
    /// Users, areas, tokens of others, webhooks, search index.
    Administer = 12,
}

impl Permission {
    /// The one of this name.
    #[must_use]
    pub fn named(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|one| one.as_str() == name)
    }

    /// All of them.
    pub const ALL: [Self; 13] = [
        Self::Own,
        Self::See,
        Self::Write,
        Self::Send,
        Self::Approve,
        Self::ChangeContacts,
        Self::Arrange,
        Self::HandleCases,
        Self::ManageTemplates,
        Self::Export,
        Self::Audit,
        Self::Retain,
        Self::Administer,
    ];

    /// Its name in files and in the scopes of tokens.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Own => "own",
            Self::See => "see",
            Self::Write => "write",
            Self::Send => "send",
            Self::Approve => "approve",
            Self::ChangeContacts => "contacts",
            Self::Arrange => "arrange",
            Self::HandleCases => "cases",
            Self::ManageTemplates => "templates",
            Self::Export => "export",
            Self::Audit => "audit",
            Self::Retain => "retain",
            Self::Administer => "administer",
        }
    }
}

/// A set of permissions.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Permissions(u32);

impl Permissions {
    /// Every one there is.
    pub const ALL: Self = Self::of(&Permission::ALL);

    /// These.
    #[must_use]
    pub const fn of(list: &[Permission]) -> Self {
        let mut bits = 0;
        let mut index = 0;
        while index < list.len() {
            bits |= 1 << list[index] as u32;
            index += 1;
        }
        Self(bits)
    }

    /// As one number: the bit of each permission's own number.
    #[must_use]
    pub const fn bits(self) -> u32 {
        self.0
    }

    /// From such a number; bits that mean nothing are left out.
    #[must_use]
    pub const fn from_bits(bits: u32) -> Self {
        Self(bits).and(Self::ALL)
    }

    /// Whether there is none.
    #[must_use]
    pub const fn is_empty(self) -> bool {
        self.0 == 0
    }

    /// Whether it is one of them.
    #[must_use]
    pub const fn has(self, permission: Permission) -> bool {
        self.0 & 1 << permission as u32 != 0
    }

    /// Those in both.
    #[must_use]
    pub const fn and(self, other: Self) -> Self {
        Self(self.0 & other.0)
    }

    /// The same with one more.
    #[must_use]
    pub const fn with(self, permission: Permission) -> Self {
        Self(self.0 | 1 << permission as u32)
    }

    /// Each of them, in their usual order.
    pub fn iter(self) -> impl Iterator<Item = Permission> {
        Permission::ALL
            .into_iter()
            .filter(move |one| self.has(*one))
    }
}

impl Role {
    /// What the role may do.
    #[must_use]
    pub const fn permissions(self) -> Permissions {
        use Permission as P;
        match self {
            Self::Administrator => Permissions::ALL,
            Self::Approver => Permissions::of(&[
                P::Own,
                P::See,
                P::Write,
                P::Send,
                P::Approve,
                P::ChangeContacts,
                P::Arrange,
                P::HandleCases,
                P::ManageTemplates,
                P::Export,
            ]),
            Self::Operator | Self::Application => Permissions::of(&[
                P::Own,
                P::See,
                P::Write,
                P::Send,
                P::ChangeContacts,
                P::Arrange,
                P::HandleCases,
                P::Export,
            ]),
            Self::Auditor => Permissions::of(&[P::Own, P::See, P::Export, P::Audit]),
            Self::Viewer => Permissions::of(&[P::Own, P::See]),
        }
    }
}

/// Which cases a user sees.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord)]
pub enum CaseScope {
    /// All but restricted ones of others.
    #[default]
    All,
    /// Those they look after or are named in.
    Own,
    /// None.
    None,
}

impl CaseScope {
    /// All of them, in the order in which pages show them.
    pub const ALL: [Self; 3] = [Self::All, Self::Own, Self::None];

    /// Its name in forms, in the API and on the command line.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::All => "all",
            Self::Own => "own",
            Self::None => "none",
        }
    }

    /// The one of this name.
    #[must_use]
    pub fn named(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|one| one.as_str() == name)
    }
}

/// What somebody may do, and within which bounds. Made once for each request; everything that a
/// page or the API shows or changes asks it.
#[derive(Clone, Debug)]
pub struct Access {
    /// Who.
    pub user: UserId,
    /// What they may do.
    pub permissions: Permissions,
    /// The areas they cover, with all that lies in them; none for everywhere.
    pub areas: Option<HashSet<AreaId>>,
    /// Which cases they see.
    pub cases: CaseScope,
    /// For a user with [`CaseScope::Own`]: the clients and creditors of the cases that name them.
    /// The case itself says whom it names.
    pub own_parties: HashSet<ContactId>,
}

impl Access {
    /// What this user may do, within the scopes of a token if they ask by one. `areas` is asked
    /// only for whoever covers some areas alone, `parties` only for whoever sees their own cases
    /// alone.
    ///
    /// # Errors
    /// When these cannot be read.
    pub fn of<E>(
        user: &User,
        scopes: Option<Permissions>,
        areas: impl FnOnce() -> Result<AreaTree, E>,
        parties: impl FnOnce() -> Result<HashSet<ContactId>, E>,
    ) -> Result<Self, E> {
        let areas = if user.areas.is_empty() {
            None
        } else {
            let tree = areas()?;
            let within = |area: &AreaId| tree.subtree(*area);
            Some(user.areas.iter().flat_map(within).collect())
        };
        let role = user.role.permissions();
        Ok(Self {
            user: user.id,
            permissions: scopes.map_or(role, |scopes| role.and(scopes)),
            areas,
            cases: user.case_scope,
            own_parties: match user.case_scope {
                CaseScope::Own => parties()?,
                CaseScope::All | CaseScope::None => HashSet::new(),
            },
        })
    }

    /// Whether they may do this at all.
    #[must_use]
    pub const fn may(&self, permission: Permission) -> bool {
        self.permissions.has(permission)
    }

    /// Whether no area and no scope of cases bounds them.
    #[must_use]
    pub const fn sees_everybody(&self) -> bool {
        self.areas.is_none() && matches!(self.cases, CaseScope::All)
    }

    /// Whether people of this area are theirs to see. People without an area belong to whoever
    /// covers everywhere.
    #[must_use]
    pub fn covers(&self, area: Option<AreaId>) -> bool {
        self.areas
            .as_ref()
            .is_none_or(|areas| area.is_some_and(|area| areas.contains(&area)))
    }

    /// Whether this person is theirs to see: clients and creditors by case, everybody else by
    /// area.
    #[must_use]
    pub fn sees_contact(&self, contact: &Contact) -> bool {
        match contact.kind {
            ContactKind::Client | ContactKind::Creditor => match self.cases {
                CaseScope::All => true,
                CaseScope::Own => self.own_parties.contains(&contact.id),
                CaseScope::None => false,
            },
            ContactKind::Citizen | ContactKind::Staff | ContactKind::Correspondent => {
                self.covers(contact.area)
            }
        }
    }

    /// Whether this case is theirs to see. A restricted one is for those named in it alone,
    /// whatever else somebody may do.
    #[must_use]
    pub fn sees_case(&self, case: &Case) -> bool {
        if case.names(self.user) {
            return self.cases != CaseScope::None;
        }
        !case.restricted && self.cases == CaseScope::All
    }
}
