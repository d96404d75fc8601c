//! A person's details as programs send them: whole, or only what is to change.

use serde::{Deserialize, Deserializer, Serialize};
use utoipa::ToSchema;

use super::super::App;
use super::super::times::{clock, minute};
use super::Answer;
use super::body::field_id;
use super::draft::channel;
use super::problem::{Problem, WrongField};
use crate::domain::checks;
use crate::domain::contact::METHODS_MAX;
use crate::domain::{
    AreaId, Contact, ContactKind, CustomField, Destination, Details, GroupId, MethodDetail,
    MethodId, MethodKind, QuietHours, Redacted,
};

/// One way to reach a person.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct MethodAsked {
    /// Which, for one that is there; its address or number is corrected.
    id: Option<String>,
    /// email, mobile or landline.
    kind: String,
    /// The address, or the number; national ones are read in the configured region.
    to: String,
}

/// Hours in which a person is neither called nor texted but in an emergency, in the zone of the
/// installation. They may span midnight.
#[derive(Debug, Deserialize, Serialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct HoursShape {
    /// The first quiet minute.
    #[schema(examples("22:00"))]
    from: String,
    /// The first minute that is not quiet any more.
    #[schema(examples("07:30"))]
    to: String,
}

impl HoursShape {
    pub(super) fn of(hours: QuietHours) -> Self {
        Self {
            from: clock(hours.from_minute()),
            to: clock(hours.to_minute()),
        }
    }

    fn read(&self) -> Answer<QuietHours> {
        let minute = |field: &str, text: &str| {
            let detail = "Give a time of the day as 22:30.";
            minute(text.trim()).ok_or_else(|| Problem::field(field, detail))
        };
        let from = minute("quiet_hours.from", &self.from)?;
        let to = minute("quiet_hours.to", &self.to)?;
        let detail = "Quiet hours begin and end at different times.";
        QuietHours::new(from, to).ok_or_else(|| Problem::field("quiet_hours", detail))
    }
}

/// A field of the installation's own.
#[derive(Debug, Deserialize, Serialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct FieldShape {
    name: String,
    value: String,
}

impl FieldShape {
    pub(super) fn of(field: &CustomField) -> Self {
        Self {
            name: field.name.clone(),
            value: field.value.reveal().clone(),
        }
    }

    fn read(&self) -> CustomField {
        CustomField {
            name: self.name.trim().to_owned(),
            value: Redacted::new(self.value.trim().to_owned()),
        }
    }
}

/// Tells null, which empties a field, from a field that is left out.
pub(super) fn given<'de, T: Deserialize<'de>, D: Deserializer<'de>>(
    from: D,
) -> Result<Option<Option<T>>, D::Error> {
    Option::deserialize(from).map(Some)
}

/// Takes a value and no null: for a field that cannot be emptied by it.
pub(super) fn value<'de, T: Deserialize<'de>, D: Deserializer<'de>>(
    from: D,
) -> Result<Option<T>, D::Error> {
    T::deserialize(from).map(Some)
}

/// A person. Methods that are left out stay as they are: removing one is a step of its own.
/// Groups, custom fields and quiet hours stay when they are left out, too.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct ContactAsked {
    #[serde(default)]
    first_name: String,
    #[serde(default)]
    last_name: String,
    /// citizen (when it is not given), client, creditor, staff or correspondent.
    kind: Option<String>,
    /// ISO 639-1; the installation's when it is not given.
    language: Option<String>,
    area: Option<String>,
    /// Groups, by their ids.
    groups: Option<Vec<String>>,
    /// Fields of the installation's own.
    custom: Option<Vec<FieldShape>>,
    #[serde(default)]
    methods: Vec<MethodAsked>,
    /// null for none.
    #[serde(default, deserialize_with = "given")]
    #[schema(value_type = Option<HoursShape>)]
    quiet_hours: Option<Option<HoursShape>>,
    /// The channel that is tried first: email, text or call.
    preferred: Option<String>,
}

impl ContactAsked {
    /// What is changed when the whole is sent.
    pub(super) fn whole(self, app: &App) -> ContactChanges {
        let usual = || app.console.settings.language.clone();
        let citizen = || ContactKind::Citizen.as_str().to_owned();
        ContactChanges {
            first_name: Some(self.first_name),
            last_name: Some(self.last_name),
            kind: Some(self.kind.unwrap_or_else(citizen)),
            language: Some(self.language.unwrap_or_else(usual)),
            area: Some(self.area),
            groups: self.groups,
            custom: self.custom,
            methods: self.methods,
            quiet_hours: self.quiet_hours,
            preferred: Some(self.preferred),
        }
    }
}

/// What of a person is to change. Whatever is left out stays as it is; null empties area, quiet
/// hours and preferred channel, and is refused elsewhere.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct ContactChanges {
    #[serde(default, deserialize_with = "value")]
    #[schema(value_type = String)]
    first_name: Option<String>,
    #[serde(default, deserialize_with = "value")]
    #[schema(value_type = String)]
    last_name: Option<String>,
    /// citizen, client, creditor, staff or correspondent.
    #[serde(default, deserialize_with = "value")]
    #[schema(value_type = String)]
    kind: Option<String>,
    /// ISO 639-1.
    #[serde(default, deserialize_with = "value")]
    #[schema(value_type = String)]
    language: Option<String>,
    /// null for none.
    #[serde(default, deserialize_with = "given")]
    #[schema(value_type = Option<String>)]
    area: Option<Option<String>>,
    /// All groups, by their ids.
    #[serde(default, deserialize_with = "value")]
    #[schema(value_type = Vec<String>)]
    groups: Option<Vec<String>>,
    /// All fields of the installation's own.
    #[serde(default, deserialize_with = "value")]
    #[schema(value_type = Vec<FieldShape>)]
    custom: Option<Vec<FieldShape>>,
    /// Methods that are new, and those that are corrected.
    #[serde(default)]
    methods: Vec<MethodAsked>,
    /// null for none.
    #[serde(default, deserialize_with = "given")]
    #[schema(value_type = Option<HoursShape>)]
    quiet_hours: Option<Option<HoursShape>>,
    /// The channel that is tried first: email, text or call; null for none.
    #[serde(default, deserialize_with = "given")]
    #[schema(value_type = Option<String>)]
    preferred: Option<Option<String>>,
}

impl ContactChanges {
    /// The details that were sent, over those of the contact as it is.
    pub(super) fn over(&self, app: &App, known: Option<&Contact>) -> Answer<Details> {
        let mut details = known.map_or_else(|| nobody(app), Details::of);
        for (name, new) in [
            (&mut details.first_name, &self.first_name),
            (&mut details.last_name, &self.last_name),
        ] {
            if let Some(new) = new {
                *name = Redacted::new(new.trim().to_owned());
            }
        }
        if let Some(name) = &self.kind {
            details.kind = kind(name)?;
        }
        if let Some(language) = &self.language {
            details.language.clone_from(language);
        }
        if let Some(text) = &self.area {
            details.area = area(app, text.as_deref(), details.area)?;
        }
        if let Some(ids) = &self.groups {
            details.groups = groups(app, ids)?;
        }
        if let Some(fields) = &self.custom {
            details.custom = fields.iter().map(FieldShape::read).collect();
        }
        if let Some(hours) = &self.quiet_hours {
            details.quiet_hours = hours.as_ref().map(HoursShape::read).transpose()?;
        }
        if let Some(name) = &self.preferred {
            let name = name.as_deref();
            details.preferred = name.map(|name| channel("preferred", name)).transpose()?;
        }
        details.methods = self.methods(app, known)?;
        self.checked(details, known)
    }

    fn checked(&self, details: Details, known: Option<&Contact>) -> Answer<Details> {
        let mut wrong: Vec<WrongField> = details
            .problems()
            .into_iter()
            .map(|(field, text)| WrongField::new(field, text.to_string()))
            .collect();
        let names = [&details.first_name, &details.last_name];
        let nameless = names.into_iter().all(|name| name.reveal().is_empty());
        if nameless && self.methods.is_empty() && known.is_none() {
            wrong.push(WrongField::new("first_name", "Give a name or a method."));
        }
        if wrong.is_empty() {
            Ok(details)
        } else {
            Err(Problem::validation(wrong))
        }
    }

    fn methods(&self, app: &App, known: Option<&Contact>) -> Answer<Vec<MethodDetail>> {
        if self.methods.len() > METHODS_MAX {
            let detail = format!("A contact has at most {METHODS_MAX} methods.");
            return Err(Problem::field("methods", detail));
        }
        let methods = self.methods.iter().enumerate();
        let read = |(index, method): (usize, &MethodAsked)| method.read(app, known, index);
        methods.map(read).collect()
    }
}

impl MethodAsked {
    fn read(&self, app: &App, known: Option<&Contact>, index: usize) -> Answer<MethodDetail> {
        let field = |name: &str| format!("methods[{index}].{name}");
        let id: Option<MethodId> = match self.id.as_deref() {
            None => None,
            Some(text) => Some(field_id(&field("id"), text)?),
        };
        let mut kinds = MethodKind::ALL.into_iter();
        let kind = kinds.find(|one| one.as_str() == self.kind);
        let detail = "A kind is email, mobile or landline.";
        let kind = kind.ok_or_else(|| Problem::field(field("kind"), detail))?;
        if let Some(id) = id {
            let before = known.and_then(|contact| contact.method(id));
            let detail = "This contact has no such method of this kind.";
            let is_email = |kind| kind == MethodKind::Email;
            before
                .filter(|method| is_email(method.kind) == is_email(kind))
                .ok_or_else(|| Problem::field(field("id"), detail))?;
        }
        Ok(MethodDetail {
            id,
            kind,
            destination: destination(app, kind, &self.to, field("to"))?,
        })
    }
}

/// Details of which nothing has been said yet.
fn nobody(app: &App) -> Details {
    Details {
        first_name: Redacted::new(String::new()),
        last_name: Redacted::new(String::new()),
        kind: ContactKind::Citizen,
        language: app.console.settings.language.clone(),
        area: None,
        groups: Vec::new(),
        custom: Vec::new(),
        methods: Vec::new(),
        quiet_hours: None,
        preferred: None,
    }
}

pub(super) fn kind(name: &str) -> Answer<ContactKind> {
    let mut kinds = ContactKind::ALL.into_iter();
    let detail = "A kind is citizen, client, creditor, staff or correspondent.";
    let found = kinds.find(|one| one.as_str() == name);
    found.ok_or_else(|| Problem::field("kind", detail))
}

fn area(app: &App, text: Option<&str>, before: Option<AreaId>) -> Answer<Option<AreaId>> {
    let Some(text) = text else { return Ok(None) };
    let area: AreaId = field_id("area", text)?;
    if Some(area) != before && app.repo().area(area)?.is_none() {
        return Err(Problem::field("area", "There is no such area."));
    }
    Ok(Some(area))
}

fn groups(app: &App, ids: &[String]) -> Answer<Vec<GroupId>> {
    if ids.len() > crate::domain::contact::CONTACT_GROUPS_MAX {
        let most = crate::domain::contact::CONTACT_GROUPS_MAX;
        return Err(Problem::field(
            "groups",
            format!("Choose at most {most} groups."),
        ));
    }
    let mut groups = Vec::with_capacity(ids.len());
    for (index, text) in ids.iter().enumerate() {
        let field = format!("groups[{index}]");
        let group: GroupId = field_id(&field, text)?;
        if app.repo().group(group)?.is_none() {
            return Err(Problem::field(field, "There is no such group."));
        }
        groups.push(group);
    }
    groups.sort_unstable();
    groups.dedup();
    Ok(groups)
}

/// An address or number. A program is held to be sure of what is doubtful: nobody is there to be
/// asked.
pub(super) fn destination(
    app: &App,
    kind: MethodKind,
    to: &str,
    field: String,
) -> Answer<Destination> {
    let checked = checks::check(kind, to.trim(), &app.console.settings.default_region);
    checked.taken(true).cloned().map_err(|against| {
        let said = against.map(|remark| remark.sentence.to_string());
        Problem::field(
            field,
            said.unwrap_or_else(|| "This cannot be read.".to_owned()),
        )
    })
}
