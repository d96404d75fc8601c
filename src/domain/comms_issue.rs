//! Communication issues: derived from a contact's methods, never stored as an opinion.

use super::contact::Contact;
use super::method::MethodState;
use super::timestamp::Timestamp;

/// How a contact stands as to being reachable.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Reachability {
    /// Nothing has failed.
    Fine,
    /// Some, but not all, methods have failed: a communication issue.
    Issue,
    /// Something has failed and no method works.
    Unreachable,
}

/// Looks at the methods.
#[must_use]
pub fn reachability(contact: &Contact) -> Reachability {
    let failed = contact.methods_in(MethodState::Suspended).next().is_some();
    let works = contact
        .methods
        .iter()
        .any(|method| method.state.is_usable());
    match (failed, works) {
        (false, _) => Reachability::Fine,
        (true, true) => Reachability::Issue,
        (true, false) => Reachability::Unreachable,
    }
}

/// Brings `issue_since` in line with the methods. A contact that stays an issue keeps its date.
pub fn refresh(contact: &mut Contact, now: Timestamp) {
    match reachability(contact) {
        Reachability::Fine => contact.issue_since = None,
        Reachability::Issue | Reachability::Unreachable => {
            contact.issue_since.get_or_insert(now);
        }
    }
}
