//! The editor's form: read, checked, shown again as it was filled in.

use super::super::App;
use super::super::fields::Fields;
use super::super::session::Signed;
use super::super::times::{clock, minute};
use super::super::words::Words;
use crate::domain::checks::{self, Weight};
use crate::domain::contact::METHODS_MAX;
use crate::domain::{
    Channel, Contact, ContactKind, CustomField, Details, GroupId, MethodDetail, MethodId,
    MethodKind, QuietHours, Redacted,
};

/// Empty lines for further fields.
const FIELD_LINES: usize = 2;
/// Longest address or number looked at, in octets.
const TO_SIZE_MAX: usize = 400;

/// One line of the methods, as it was filled in.
#[derive(Clone, Debug, Default)]
pub(super) struct MethodLine {
    /// Empty for a new one.
    pub(super) id: String,
    pub(super) kind: String,
    pub(super) to: String,
    /// What keeps it from being taken.
    pub(super) problem: String,
    /// What is doubtful: whoever is sure may say so.
    pub(super) doubt: String,
    /// What was probably meant.
    pub(super) meant: String,
    /// Good to know.
    pub(super) note: String,
    /// Whether it is held to be right in spite of the doubt.
    pub(super) sure: bool,
}

impl MethodLine {
    pub(super) fn is_phone(&self) -> bool {
        self.kind != "email"
    }

    pub(super) fn is_new(&self) -> bool {
        self.id.is_empty()
    }
}

/// One field of the installation's own.
#[derive(Clone, Debug, Default)]
pub(super) struct FieldLine {
    pub(super) name: String,
    pub(super) value: String,
}

/// The form as it was filled in.
#[derive(Clone, Debug, Default)]
pub(super) struct Filled {
    pub(super) first_name: String,
    pub(super) last_name: String,
    pub(super) kind: String,
    pub(super) language: String,
    pub(super) area: String,
    pub(super) groups: Vec<String>,
    pub(super) fields: Vec<FieldLine>,
    pub(super) methods: Vec<MethodLine>,
    pub(super) quiet_from: String,
    pub(super) quiet_to: String,
    pub(super) preferred: String,
}

/// A field that is wrong, and why, in the reader's language.
pub(super) type Wrong = (&'static str, String);

impl Filled {
    /// A form for a new contact.
    pub(super) fn empty(language: &str) -> Self {
        let mut form = Self {
            kind: ContactKind::Citizen.as_str().to_owned(),
            language: language.to_owned(),
            ..Self::default()
        };
        for kind in MethodKind::ALL {
            form.add_line(kind);
        }
        form
    }

    /// A contact's form.
    pub(super) fn of(contact: &Contact) -> Self {
        let details = Details::of(contact);
        let mut methods: Vec<MethodLine> = details
            .methods
            .iter()
            .map(|method| MethodLine {
                id: method.id.map(|id| id.to_string()).unwrap_or_default(),
                kind: method.kind.as_str().to_owned(),
                to: method.destination.reveal().to_owned(),
                ..MethodLine::default()
            })
            .collect();
        methods.sort_by_key(|line| MethodKind::ALL.iter().position(|k| k.as_str() == line.kind));
        let quiet = details.quiet_hours;
        Self {
            first_name: details.first_name.into_inner(),
            last_name: details.last_name.into_inner(),
            kind: details.kind.as_str().to_owned(),
            language: details.language,
            area: details.area.map(|id| id.to_string()).unwrap_or_default(),
            groups: details.groups.iter().map(ToString::to_string).collect(),
            fields: details
                .custom
                .into_iter()
                .map(|field| FieldLine {
                    name: field.name,
                    value: field.value.into_inner(),
                })
                .collect(),
            methods,
            quiet_from: quiet.map(|q| clock(q.from_minute())).unwrap_or_default(),
            quiet_to: quiet.map(|q| clock(q.to_minute())).unwrap_or_default(),
            preferred: details
                .preferred
                .map(|channel| channel.as_str().to_owned())
                .unwrap_or_default(),
        }
    }

    /// What came in.
    pub(super) fn read(fields: &Fields) -> Self {
        let text = |name: &str| fields.get(name).trim().to_owned();
        let sure: Vec<&str> = fields.all("sure").collect();
        let kinds = fields.all("method_kind");
        let to = fields.all("method_to");
        let lines = fields.all("method_id").zip(kinds).zip(to);
        let methods = lines.map(|((id, kind), to)| MethodLine {
            id: id.to_owned(),
            kind: kind.to_owned(),
            to: to.trim().to_owned(),
            sure: sure.contains(&to.trim()),
            ..MethodLine::default()
        });
        let own = fields.all("custom_name").zip(fields.all("custom_value"));
        Self {
            first_name: text("first_name"),
            last_name: text("last_name"),
            kind: text("kind"),
            language: text("language").to_lowercase(),
            area: text("area"),
            groups: fields.all("group").map(str::to_owned).collect(),
            fields: own
                .map(|(name, value)| FieldLine {
                    name: name.trim().to_owned(),
                    value: value.trim().to_owned(),
                })
                .filter(|field| !field.name.is_empty() || !field.value.is_empty())
                .collect(),
            methods: methods.collect(),
            quiet_from: text("quiet_from"),
            quiet_to: text("quiet_to"),
            preferred: text("preferred"),
        }
    }

    /// One more empty line for a method.
    pub(super) fn add_line(&mut self, kind: MethodKind) {
        if self.methods.len() < METHODS_MAX {
            self.methods.push(MethodLine {
                kind: kind.as_str().to_owned(),
                ..MethodLine::default()
            });
        }
    }

    /// Fills in an address or number where its kind has an empty line.
    pub(super) fn reach(&mut self, to: &str) {
        let kind = if to.contains('@') {
            MethodKind::Email
        } else {
            MethodKind::Mobile
        };
        let mut lines = self.methods.iter_mut();
        let free = lines.find(|line| line.kind == kind.as_str() && line.to.is_empty());
        if let Some(line) = free {
            to.clone_into(&mut line.to);
        }
    }

    /// Empty lines at the end of the fields, and one of the methods: for a page.
    pub(super) fn pad(&mut self) {
        let empty = FieldLine::default();
        self.fields.extend(std::iter::repeat_n(empty, FIELD_LINES));
        if !self.methods.iter().any(|line| line.to.is_empty()) {
            self.add_line(MethodKind::Email);
        }
    }

    /// The details that were filled in, unless something is wrong. `known` is the contact as it
    /// is: what stands there unchanged is not looked at again.
    pub(super) fn details(
        &mut self,
        app: &App,
        signed: &Signed,
        known: Option<&Contact>,
    ) -> Result<Details, Vec<Wrong>> {
        let words = signed.words;
        let mut wrong: Vec<Wrong> = Vec::new();
        let quiet_hours = self.quiet_hours(words, &mut wrong);
        let methods = self.read_methods(app, words, known);
        if self.methods.iter().any(|line| !line.problem.is_empty()) {
            wrong.push(("methods", words.t("editor.methods_wrong").to_owned()));
        } else if self
            .methods
            .iter()
            .any(|line| !line.doubt.is_empty() && !line.sure)
        {
            wrong.push(("methods", words.t("editor.methods_doubt").to_owned()));
        }
        if self.first_name.is_empty() && self.last_name.is_empty() && methods.is_empty() {
            wrong.push(("first_name", words.t("editor.nobody").to_owned()));
        }
        let kind = ContactKind::ALL
            .into_iter()
            .find(|kind| kind.as_str() == self.kind);
        let custom = self.fields.iter().map(|field| CustomField {
            name: field.name.clone(),
            value: Redacted::new(field.value.clone()),
        });
        let mut groups: Vec<GroupId> = self.groups.iter().flat_map(|id| id.parse()).collect();
        groups.sort_unstable();
        groups.dedup();
        let details = Details {
            first_name: Redacted::new(self.first_name.clone()),
            last_name: Redacted::new(self.last_name.clone()),
            kind: kind.unwrap_or(ContactKind::Citizen),
            language: self.language.clone(),
            area: self.area.parse().ok(),
            groups,
            custom: custom.collect(),
            methods,
            quiet_hours,
            preferred: Channel::ALL
                .into_iter()
                .find(|channel| channel.as_str() == self.preferred),
        };
        let before = known.map(|contact| contact.area);
        if before != Some(details.area) && !signed.access.covers(details.area) {
            wrong.push(("area", words.t("editor.area_beyond").to_owned()));
        }
        let found = details.problems().into_iter();
        wrong.extend(found.map(|(field, text)| (field, words.tell(&text))));
        if wrong.is_empty() {
            Ok(details)
        } else {
            Err(wrong)
        }
    }

    fn quiet_hours(&self, words: &Words, wrong: &mut Vec<Wrong>) -> Option<QuietHours> {
        if self.quiet_from.is_empty() && self.quiet_to.is_empty() {
            return None;
        }
        let hours = minute(&self.quiet_from)
            .zip(minute(&self.quiet_to))
            .and_then(|(from, to)| QuietHours::new(from, to));
        if hours.is_none() {
            wrong.push(("quiet_from", words.t("editor.quiet_wrong").to_owned()));
        }
        hours
    }

    fn read_methods(
        &mut self,
        app: &App,
        words: &Words,
        known: Option<&Contact>,
    ) -> Vec<MethodDetail> {
        let region = &app.console.settings.default_region;
        let mut methods = Vec::new();
        for line in &mut self.methods {
            let id: Option<MethodId> = line.id.parse().ok();
            let kind = MethodKind::ALL
                .into_iter()
                .find(|k| k.as_str() == line.kind);
            let Some(kind) = kind else {
                line.problem = words.t("editor.method_kind").to_owned();
                continue;
            };
            if line.to.is_empty() {
                if id.is_some() {
                    line.problem = words.t("editor.method_empty").to_owned();
                }
                continue;
            }
            let before = id.and_then(|id| known.and_then(|contact| contact.method(id)));
            // A line of a method that is not this contact's, or an address that became a number.
            let foreign = id.is_some()
                && before.is_none_or(|method| {
                    (method.kind == MethodKind::Email) != (kind == MethodKind::Email)
                });
            if foreign || line.to.len() > TO_SIZE_MAX {
                line.problem = words.t("editor.method_kind").to_owned();
                continue;
            }
            let checked = checks::check(kind, &line.to, region);
            let unchanged = before.is_some_and(|method| {
                method.kind == kind && Some(&method.destination) == checked.destination.as_ref()
            });
            if !unchanged {
                remark(line, words, &checked);
            }
            methods.extend(checked.destination.map(|destination| MethodDetail {
                id,
                kind,
                destination,
            }));
        }
        methods
    }
}

/// Puts what there is to say beside the line.
fn remark(line: &mut MethodLine, words: &Words, checked: &checks::Checked) {
    for remark in &checked.remarks {
        let text = words.tell(&remark.sentence);
        match remark.weight {
            Weight::Impossible => line.problem = text,
            Weight::Doubt => {
                line.doubt = text;
                if let Some(meant) = &remark.meant {
                    line.meant.clone_from(meant.reveal());
                }
            }
            Weight::Note => line.note = text,
        }
    }
}
