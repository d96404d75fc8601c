//! What somebody edits of a contact in one go, and what that changes.

use super::contact::{
    CONTACT_GROUPS_MAX, CUSTOM_FIELDS_MAX, CUSTOM_NAME_SIZE_MAX, CUSTOM_VALUE_SIZE_MAX, Contact,
    ContactKind, CustomField, METHODS_MAX, NAME_SIZE_MAX,
};
use super::ids::{AreaId, GroupId, MethodId};
use super::log::ContactChange;
use super::method::{Destination, Method, MethodKind, MethodState};
use super::redacted::Redacted;
use super::sentence::Sentence;
use super::status::Channel;
use super::wishes::QuietHours;

/// A way to reach the person, as edited.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct MethodDetail {
    /// Which; none for a new one.
    pub id: Option<MethodId>,
    /// What it is.
    pub kind: MethodKind,
    /// The address or number.
    pub destination: Destination,
}

/// What is edited in one go.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Details {
    /// First name; may be empty.
    pub first_name: Redacted<String>,
    /// Last name; may be empty.
    pub last_name: Redacted<String>,
    /// What this person is to the organisation.
    pub kind: ContactKind,
    /// ISO 639-1.
    pub language: String,
    /// Where this person lives or belongs.
    pub area: Option<AreaId>,
    /// Groups, in order of id.
    pub groups: Vec<GroupId>,
    /// Fields of the installation's own.
    pub custom: Vec<CustomField>,
    /// Methods that are not removed. Leaving one out leaves it as it is: removing is a step of
    /// its own.
    pub methods: Vec<MethodDetail>,
    /// When not to be rung.
    pub quiet_hours: Option<QuietHours>,
    /// The channel that is tried first.
    pub preferred: Option<Channel>,
}

/// One thing that changed, and of which method.
pub type Changed = (ContactChange, Option<MethodId>);

impl Details {
    /// A contact's details as they are.
    #[must_use]
    pub fn of(contact: &Contact) -> Self {
        let mut groups = contact.groups.clone();
        groups.sort_unstable();
        let kept = contact
            .methods
            .iter()
            .filter(|method| method.state != MethodState::Removed);
        Self {
            first_name: contact.first_name.clone(),
            last_name: contact.last_name.clone(),
            kind: contact.kind,
            language: contact.language.clone(),
            area: contact.area,
            groups,
            custom: contact.custom.clone(),
            methods: kept
                .map(|method| MethodDetail {
                    id: Some(method.id),
                    kind: method.kind,
                    destination: method.destination.clone(),
                })
                .collect(),
            quiet_hours: contact.wishes.quiet_hours,
            preferred: contact.wishes.preferred,
        }
    }

    /// What keeps them from being taken: the field, and a sentence.
    #[must_use]
    pub fn problems(&self) -> Vec<(&'static str, Sentence)> {
        let mut problems = Vec::new();
        for (field, name) in [
            ("first_name", &self.first_name),
            ("last_name", &self.last_name),
        ] {
            if name.reveal().len() > NAME_SIZE_MAX {
                problems.push((field, too_long(NAME_SIZE_MAX)));
            }
            if name.reveal().chars().any(char::is_control) {
                problems.push((field, "A name must be one line.".into()));
            }
        }
        let language = &self.language;
        if language.len() != 2 || !language.bytes().all(|byte| byte.is_ascii_lowercase()) {
            problems.push(("language", "Give the two letters of a language.".into()));
        }
        if self.groups.len() > CONTACT_GROUPS_MAX {
            let text = Sentence::with("Choose at most {0} groups.", &[&CONTACT_GROUPS_MAX]);
            problems.push(("groups", text));
        }
        problems.extend(self.custom_problem().map(|text| ("custom", text)));
        problems.extend(self.methods_problem().map(|text| ("methods", text)));
        problems
    }

    fn custom_problem(&self) -> Option<Sentence> {
        if self.custom.len() > CUSTOM_FIELDS_MAX {
            return Some(Sentence::with(
                "Give at most {0} fields.",
                &[&CUSTOM_FIELDS_MAX],
            ));
        }
        for (index, field) in self.custom.iter().enumerate() {
            let again = |other: &CustomField| other.name.eq_ignore_ascii_case(&field.name);
            if field.name.is_empty() {
                return Some("Give each field a name.".into());
            }
            if field.name.len() > CUSTOM_NAME_SIZE_MAX {
                return Some(too_long(CUSTOM_NAME_SIZE_MAX));
            }
            if field.value.reveal().len() > CUSTOM_VALUE_SIZE_MAX {
                return Some(too_long(CUSTOM_VALUE_SIZE_MAX));
            }
            if self.custom[..index].iter().any(again) {
                return Some("Two fields have the same name.".into());
            }
        }
        None
    }

    fn methods_problem(&self) -> Option<Sentence> {
        if self.methods.len() > METHODS_MAX {
            return Some(Sentence::with(
                "A contact has at most {0} methods.",
                &[&METHODS_MAX],
            ));
        }
        let again = |index: usize, method: &MethodDetail| {
            self.methods[..index]
                .iter()
                .any(|other| other.destination.lookup_key() == method.destination.lookup_key())
        };
        self.methods
            .iter()
            .enumerate()
            .any(|(index, method)| again(index, method))
            .then(|| "The same address or number stands twice.".into())
    }

    /// Writes the details into a contact and says what changed. Methods that the details do not
    /// name are left as they are; a corrected address is unverified from then on.
    pub fn apply(
        &self,
        contact: &mut Contact,
        mut new_id: impl FnMut() -> MethodId,
    ) -> Vec<Changed> {
        let before = Self::of(contact);
        let mut changed = Vec::new();
        contact.first_name = self.first_name.clone();
        contact.last_name = self.last_name.clone();
        contact.kind = self.kind;
        contact.language.clone_from(&self.language);
        contact.area = self.area;
        contact.custom.clone_from(&self.custom);
        let same = before.first_name == self.first_name
            && before.last_name == self.last_name
            && before.kind == self.kind
            && before.language == self.language
            && before.area == self.area
            && before.custom == self.custom;
        if !same {
            changed.push((ContactChange::Edited, None));
        }
        if before.groups != self.groups {
            contact.groups.clone_from(&self.groups);
            changed.push((ContactChange::GroupsChanged, None));
        }
        if before.quiet_hours != self.quiet_hours || before.preferred != self.preferred {
            contact.wishes.quiet_hours = self.quiet_hours;
            contact.wishes.preferred = self.preferred;
            changed.push((ContactChange::WishesChanged, None));
        }
        for wanted in &self.methods {
            changed.extend(apply_method(contact, wanted, &mut new_id));
        }
        changed
    }
}

fn too_long(limit: usize) -> Sentence {
    Sentence::with("This is too long: at most {0} characters.", &[&limit])
}

fn apply_method(
    contact: &mut Contact,
    wanted: &MethodDetail,
    new_id: &mut impl FnMut() -> MethodId,
) -> Option<Changed> {
    let Some(id) = wanted.id else {
        make_room(contact);
        let method = Method::new(new_id(), wanted.kind, wanted.destination.clone());
        let id = method.id;
        contact.methods.push(method);
        return Some((ContactChange::MethodAdded, Some(id)));
    };
    let method = contact.method_mut(id)?;
    if method.state == MethodState::Removed {
        return None;
    }
    let turned = method.kind != wanted.kind;
    method.kind = wanted.kind;
    if correct(method, wanted.destination.clone()) || turned {
        return Some((ContactChange::MethodCorrected, Some(id)));
    }
    None
}

/// Makes room for one more method, if it can be: a removed one is kept for its history only as
/// long as there is room.
pub fn make_room(contact: &mut Contact) {
    while contact.methods.len() >= METHODS_MAX {
        let removed = contact
            .methods
            .iter()
            .position(|method| method.state == MethodState::Removed);
        match removed {
            Some(index) => {
                contact.methods.remove(index);
            }
            None => return,
        }
    }
}

/// Changes an address or number: nobody has proved the new one yet, and nothing has failed
/// there. An opted-out method stays so: it is the person's wish. Returns whether it changed.
pub fn correct(method: &mut Method, destination: Destination) -> bool {
    if method.destination == destination {
        return false;
    }
    method.destination = destination;
    if method.state != MethodState::OptedOut {
        method.state = MethodState::Unverified;
    }
    method.suspension = None;
    method.soft_failures.clear();
    method.verified_at = None;
    true
}
