//! The record of who did what: what one entry of it says.
//!
//! **Invariant.** An entry holds ids, names of acts and counts, and never an address, a number, a
//! name or a body: it stays when the person it is about has been erased.

use std::fmt;

use super::chain::Hash;
use super::ids::{ContactId, UserId};
use super::timestamp::Timestamp;

/// Most subjects that an entry names; the others are counted.
pub const AUDIT_SUBJECTS_MAX: usize = 100;
/// Longest detail, in bytes.
pub const AUDIT_DETAIL_MAX: usize = 200;
/// Longest name of an act, in bytes.
pub const AUDIT_ACT_MAX: usize = 60;

/// One act.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct AuditEntry {
    /// When.
    pub at: Timestamp,
    /// Who.
    pub actor: AuditActor,
    /// What: words of lower case joined by dots, the first names its family.
    pub act: String,
    /// What was made, changed, removed or taken out; [`AUDIT_SUBJECTS_MAX`] at most.
    pub subjects: Vec<Subject>,
    /// How many more there were.
    pub more: u32,
    /// What else there is to say, without personal data.
    pub detail: String,
    /// SHA-256 of the content, the file or the manifest it is about.
    pub digest: Option<Hash>,
    /// The network it came from.
    pub network: Option<String>,
}

/// How a user acts.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Via {
    /// At the console.
    Console,
    /// By a program with a token.
    Program,
}

/// Who acts.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum AuditActor {
    /// A user.
    User(UserId, Via),
    /// A contact, on the public pages or by a message.
    Person(ContactId),
    /// The product by itself.
    Gateway,
    /// Whoever runs commands on the machine.
    CommandLine,
    /// Nobody that is known.
    Nobody,
}

/// As files and programs read it: who, and the id where there is one.
impl fmt::Display for AuditActor {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::User(id, Via::Console) => write!(f, "user:{id}"),
            Self::User(id, Via::Program) => write!(f, "program:{id}"),
            Self::Person(id) => write!(f, "contact:{id}"),
            Self::Gateway => f.write_str("gateway"),
            Self::CommandLine => f.write_str("command line"),
            Self::Nobody => f.write_str("nobody"),
        }
    }
}

/// What an act is about.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Subject {
    /// What it is.
    pub kind: SubjectKind,
    /// Its id; of a token or session the first half of its hash.
    pub id: [u8; 16],
}

/// The kinds of what an act is about.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[allow(missing_docs)]
pub enum SubjectKind {
    Contact,
    Communication,
    Delivery,
    Case,
    Template,
    User,
    Group,
    Area,
    Campaign,
    Filter,
    Token,
    Session,
    Import,
    Thread,
    Webhook,
    Entry,
    Answer,
}

impl SubjectKind {
    /// Every kind.
    pub const ALL: [Self; 17] = [
        Self::Contact,
        Self::Communication,
        Self::Delivery,
        Self::Case,
        Self::Template,
        Self::User,
        Self::Group,
        Self::Area,
        Self::Campaign,
        Self::Filter,
        Self::Token,
        Self::Session,
        Self::Import,
        Self::Thread,
        Self::Webhook,
        Self::Entry,
        Self::Answer,
    ];

    /// Its stable name.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Contact => "contact",
            Self::Communication => "communication",
            Self::Delivery => "delivery",
            Self::Case => "case",
            Self::Template => "template",
            Self::User => "user",
            Self::Group => "group",
            Self::Area => "area",
            Self::Campaign => "campaign",
            Self::Filter => "filter",
            Self::Token => "token",
            Self::Session => "session",
            Self::Import => "import",
            Self::Thread => "thread",
            Self::Webhook => "webhook",
            Self::Entry => "entry",
            Self::Answer => "answer",
        }
    }

    /// The kind of this name.
    #[must_use]
    pub fn named(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|kind| kind.as_str() == name)
    }
}

impl Subject {
    /// By kind and id.
    #[must_use]
    pub const fn new(kind: SubjectKind, id: [u8; 16]) -> Self {
        Self { kind, id }
    }

    /// Of something known by a hash: its first half tells it from every other.
    #[must_use]
    pub fn hashed(kind: SubjectKind, hash: &[u8; 32]) -> Self {
        let mut id = [0; 16];
        id.copy_from_slice(&hash[..16]);
        Self { kind, id }
    }
}

impl AuditEntry {
    /// An act without subjects or detail. An act or detail that is too long is cut.
    #[must_use]
    pub fn new(at: Timestamp, actor: AuditActor, act: &str) -> Self {
        Self {
            at,
            actor,
            act: cut(act, AUDIT_ACT_MAX).to_owned(),
            subjects: Vec::new(),
            more: 0,
            detail: String::new(),
            digest: None,
            network: None,
        }
    }

    /// About these; those over [`AUDIT_SUBJECTS_MAX`] are counted.
    #[must_use]
    pub fn about(mut self, subjects: impl IntoIterator<Item = Subject>) -> Self {
        for subject in subjects {
            if self.subjects.len() < AUDIT_SUBJECTS_MAX {
                self.subjects.push(subject);
            } else {
                self.more = self.more.saturating_add(1);
            }
        }
        self
    }

    /// With something else to say; never personal data.
    #[must_use]
    pub fn saying(mut self, detail: &str) -> Self {
        cut(detail, AUDIT_DETAIL_MAX).clone_into(&mut self.detail);
        self
    }

    /// With the digest of what it is about.
    #[must_use]
    pub const fn with_digest(mut self, digest: Hash) -> Self {
        self.digest = Some(digest);
        self
    }

    /// The first word of the act.
    #[must_use]
    pub fn family(&self) -> &str {
        self.act.split('.').next().unwrap_or_default()
    }
}

/// The beginning of a text up to so many bytes, at the end of a character.
fn cut(text: &str, size_max: usize) -> &str {
    &text[..text.floor_char_boundary(size_max)]
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_entry_names_so_many_subjects_and_counts_the_others() {
        let many = (0..=u8::MAX).map(|n| Subject::new(SubjectKind::Contact, [n; 16]));
        let entry = AuditEntry::new(
            Timestamp::from_millis(1),
            AuditActor::Gateway,
            "contact.imported",
        )
        .about(many)
        .saying(&"é".repeat(AUDIT_DETAIL_MAX));
        assert_eq!(entry.subjects.len(), AUDIT_SUBJECTS_MAX);
        assert_eq!(entry.more, 156);
        assert_eq!(entry.detail.len(), AUDIT_DETAIL_MAX);
        assert_eq!(entry.family(), "contact");
    }

    #[test]
    fn kinds_are_found_by_their_names() {
        for kind in SubjectKind::ALL {
            assert_eq!(SubjectKind::named(kind.as_str()), Some(kind));
        }
        assert_eq!(SubjectKind::named("person"), None);
    }
}
