//! Two contacts that were the same person: one takes the other over.

use super::contact::{CONTACT_GROUPS_MAX, CUSTOM_FIELDS_MAX, Contact, METHODS_MAX};
use super::details::make_room;
use super::ids::{ContactId, UserId};
use super::method::MethodState;
use super::timestamp::Timestamp;

/// Most contacts that one contact takes over, all told.
pub const MERGED_MAX: usize = 50;

/// What is left of a contact that another one took over: where to look now. Old deliveries keep
/// naming the contact that they were made for; whoever follows this finds them and the person.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Merger {
    /// The contact that is no more.
    pub from: ContactId,
    /// The contact that was kept.
    pub into: ContactId,
    /// When.
    pub at: Timestamp,
    /// Who decided it.
    pub by: UserId,
}

/// Why two contacts cannot become one.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum MergeProblem {
    /// They are the same already.
    Same,
    /// Together they have more methods than a contact may have.
    Methods,
    /// Together they belong to more groups than a contact may.
    Groups,
}

/// Everything of `other` goes to `kept`; where both say something, `kept` is right, but a no to
/// messages outlives a yes. A method that both have counts once: one that works before one that
/// failed, and an opted-out one before all.
///
/// # Errors
/// [`MergeProblem`] when together they are too much; then `kept` is half changed and to be
/// thrown away.
pub fn merge(kept: &mut Contact, other: &Contact) -> Result<(), MergeProblem> {
    if kept.id == other.id {
        return Err(MergeProblem::Same);
    }
    take_methods(kept, other)?;
    for group in &other.groups {
        if !kept.groups.contains(group) {
            kept.groups.push(*group);
        }
    }
    if kept.groups.len() > CONTACT_GROUPS_MAX {
        return Err(MergeProblem::Groups);
    }
    if kept.first_name.reveal().is_empty() && kept.last_name.reveal().is_empty() {
        kept.first_name = other.first_name.clone();
        kept.last_name = other.last_name.clone();
    }
    kept.area = kept.area.or(other.area);
    for field in &other.custom {
        let known = |one: &super::CustomField| one.name.eq_ignore_ascii_case(&field.name);
        if !kept.custom.iter().any(known) && kept.custom.len() < CUSTOM_FIELDS_MAX {
            kept.custom.push(field.clone());
        }
    }
    let wishes = &mut kept.wishes;
    wishes.quiet_hours = wishes.quiet_hours.or(other.wishes.quiet_hours);
    wishes.preferred = wishes.preferred.or(other.wishes.preferred);
    for consent in &other.wishes.consents {
        let known = wishes
            .consents
            .iter()
            .find(|one| one.channel == consent.channel && one.category == consent.category);
        if known.is_none_or(|known| known.given && !consent.given) {
            wishes.decide(consent.clone());
        }
    }
    kept.created_at = kept.created_at.min(other.created_at);
    kept.prompted_at = kept.prompted_at.max(other.prompted_at);
    Ok(())
}

/// Which of two states of the same address stays: the higher one.
const fn rank(state: MethodState) -> u8 {
    match state {
        MethodState::Removed => 0,
        MethodState::Suspended => 1,
        MethodState::Unverified => 2,
        MethodState::Active => 3,
        MethodState::OptedOut => 4,
    }
}

fn take_methods(kept: &mut Contact, other: &Contact) -> Result<(), MergeProblem> {
    for method in &other.methods {
        let key = method.destination.lookup_key();
        let same = kept
            .methods
            .iter_mut()
            .find(|known| known.kind == method.kind && known.destination.lookup_key() == key);
        match same {
            Some(known) => {
                if rank(method.state) > rank(known.state) {
                    known.state = method.state;
                    known.suspension.clone_from(&method.suspension);
                    known.soft_failures.clone_from(&method.soft_failures);
                }
                known.suspensions = known.suspensions.max(method.suspensions);
                known.verified_at = known.verified_at.max(method.verified_at);
            }
            None if method.state == MethodState::Removed => {}
            None => {
                make_room(kept);
                kept.methods.push(method.clone());
            }
        }
    }
    if kept.methods.len() > METHODS_MAX {
        return Err(MergeProblem::Methods);
    }
    Ok(())
}
