//! What the columns of a file of contacts mean.

use std::sync::Arc;

use askama::Template;
use axum::extract::{Path, State};
use axum::http::StatusCode;

use super::super::App;
use super::super::data::{self, Areas};
use super::super::fault::Fault;
use super::super::fields::Fields;
use super::super::session::{Signed, SignedForm};
use super::super::view::Chrome;
use super::communications::category_title;
use super::compose::see;
use super::contact_edit::{Choice, area_choices};
use super::problems::Problem;
use super::{Answer, id, show_as};
use crate::contacts_file::{Table, fold, is_region, labels, language_of, read_beginning};
use crate::domain::contact::CUSTOM_NAME_SIZE_MAX;
use crate::domain::group::GROUPS_MAX;
use crate::domain::import::IMPORT_COLUMNS_MAX;
use crate::domain::{
    Channel, ColumnUse, ContactKind, ImportId, ImportJob, ImportMapping, ImportState, KnownPeople,
};

/// Rows shown, the one that names the columns included.
const ROWS_SHOWN: usize = 4;
/// Longest value shown, in characters.
const VALUE_SHOWN: usize = 40;

struct Column {
    index: usize,
    letter: String,
    title: String,
    examples: Vec<String>,
    choices: Vec<Choice>,
    consents: Vec<Choice>,
    field: String,
    problem: String,
}

#[derive(Template)]
#[template(path = "import_columns.html")]
struct Page {
    c: Chrome,
    job: ImportJob,
    people: u64,
    columns: Vec<Column>,
    header: bool,
    region: String,
    kinds: Vec<Choice>,
    language: String,
    areas: Vec<Choice>,
    groups: Vec<Choice>,
    known: Vec<Choice>,
    by_field: String,
    make_places: bool,
    problems: Vec<Problem>,
}

impl Page {
    fn problem(&self, anchor: &str) -> &str {
        let found = self.problems.iter().find(|one| one.anchor == anchor);
        found.map_or("", |one| one.text.as_str())
    }
}

/// What was entered, and what is wrong with it.
struct Entered {
    mapping: ImportMapping,
    problems: Vec<Problem>,
}

/// `GET /contacts/imports/{id}/columns`
pub(super) async fn page(
    State(app): State<Arc<App>>,
    signed: Signed,
    Path(text): Path<String>,
) -> Answer {
    let job = job_of(&app, &text)?;
    if !may_change(&job) {
        return Ok(see(&format!("/contacts/imports/{}", job.id)));
    }
    let entered = Entered {
        mapping: job.mapping.clone(),
        problems: Vec::new(),
    };
    show(&app, &signed, job, entered).await
}

/// `POST /contacts/imports/{id}/columns`: has every row looked at.
pub(super) async fn check(
    State(app): State<Arc<App>>,
    Path(text): Path<String>,
    SignedForm { signed, fields }: SignedForm,
) -> Answer {
    let job = job_of(&app, &text)?;
    let c = Chrome::of(&app, &signed, "", "contacts")?;
    let entered = entered(&c, &job, &fields);
    if !entered.problems.is_empty() {
        return show(&app, &signed, job, entered).await;
    }
    let tracker = &app.console.tracker;
    let taken = tracker.check_import(job.id, entered.mapping).await?;
    let done = if taken { "" } else { "?done=before" };
    Ok(see(&format!("/contacts/imports/{}{done}", job.id)))
}

fn job_of(app: &App, text: &str) -> Result<ImportJob, Fault> {
    let id: ImportId = id(text)?;
    let job = app.repo().import(id)?.ok_or(Fault::NotFound)?;
    Ok(job.value)
}

const fn may_change(job: &ImportJob) -> bool {
    matches!(job.state, ImportState::Uploaded | ImportState::Checked)
}

fn entered(c: &Chrome, job: &ImportJob, fields: &Fields) -> Entered {
    let mut problems = Problems {
        c,
        list: Vec::new(),
    };
    let columns = columns_of(fields, job.mapping.columns.len(), &mut problems);
    let region = fields.get("region").trim().to_uppercase();
    if !is_region(&region) {
        problems.add("region", "import.region", "import.region_wrong");
    }
    let language = fields.get("language").trim();
    let read = language_of(language);
    if read.is_none() {
        problems.add("language", "import.language", "import.language_wrong");
    }
    let by_field = Some(fields.get("by_field").trim().to_owned()).filter(|name| !name.is_empty());
    let field = by_field
        .as_ref()
        .and_then(|name| field_named(&columns, name));
    if by_field.is_some() && field.is_none() {
        problems.add("by_field", "import.by_field", "import.by_field_wrong");
    }
    let kinds = ContactKind::ALL;
    let mapping = ImportMapping {
        columns,
        header: fields.has("header"),
        region,
        kind: kinds
            .into_iter()
            .find(|kind| kind.as_str() == fields.get("kind"))
            .unwrap_or(ContactKind::Citizen),
        language: read.unwrap_or_else(|| language.to_owned()),
        area: fields.get("area").parse().ok(),
        group: fields.get("group").parse().ok(),
        known: match fields.get("known") {
            "skip" => KnownPeople::Skip,
            "add" => KnownPeople::Add,
            _ => KnownPeople::Update,
        },
        by_field: field.or(by_field),
        make_places: fields.has("make_places"),
    };
    Entered {
        mapping,
        problems: problems.list,
    }
}

/// What is wrong with what was entered, field by field.
struct Problems<'a> {
    c: &'a Chrome,
    list: Vec<Problem>,
}

impl Problems<'_> {
    fn add(&mut self, anchor: &str, label: &'static str, text: &'static str) {
        self.list.push(Problem {
            anchor: anchor.to_owned(),
            label: self.c.t(label).to_owned(),
            text: self.c.t(text).to_owned(),
        });
    }
}

/// What each column means, and that the columns together name somebody.
fn columns_of(fields: &Fields, count: usize, problems: &mut Problems<'_>) -> Vec<ColumnUse> {
    let mut columns: Vec<ColumnUse> = Vec::new();
    for index in 0..count.min(IMPORT_COLUMNS_MAX) {
        let anchor = format!("use-{index}");
        let name = format!("field-{index}");
        let means = use_of(fields.get(&anchor), fields.get(&name).trim());
        match &means {
            ColumnUse::Field(text) if text.is_empty() || text.len() > CUSTOM_NAME_SIZE_MAX => {
                problems.add(&name, "import.field_name", "import.field_name_wrong");
            }
            _ if is_single(&means) && columns.contains(&means) => {
                problems.add(&anchor, "import.means", "import.means_twice");
            }
            _ => {}
        }
        columns.push(means);
    }
    if !columns.iter().any(names_somebody) {
        problems.add("use-0", "import.means", "import.means_nobody");
    }
    columns
}

const fn names_somebody(means: &ColumnUse) -> bool {
    matches!(
        means,
        ColumnUse::FirstName
            | ColumnUse::LastName
            | ColumnUse::FullName
            | ColumnUse::Email
            | ColumnUse::Mobile
            | ColumnUse::Landline
            | ColumnUse::Id
    )
}

/// The column's own spelling of a field that a form names.
fn field_named(columns: &[ColumnUse], name: &str) -> Option<String> {
    columns.iter().find_map(|means| match means {
        ColumnUse::Field(known) if fold(known) == fold(name) => Some(known.clone()),
        _ => None,
    })
}

/// Only one column may mean this.
fn is_single(means: &ColumnUse) -> bool {
    match means {
        ColumnUse::Ignore
        | ColumnUse::Groups
        | ColumnUse::Email
        | ColumnUse::Mobile
        | ColumnUse::Landline => false,
        ColumnUse::Id
        | ColumnUse::FirstName
        | ColumnUse::LastName
        | ColumnUse::FullName
        | ColumnUse::Kind
        | ColumnUse::Language
        | ColumnUse::Area
        | ColumnUse::Field(_)
        | ColumnUse::Consent(..)
        | ColumnUse::ConsentDate => true,
    }
}

/// The name of a plain meaning in a form, and the key of what it is called.
pub(super) const fn name_of(means: &ColumnUse) -> (&'static str, &'static str) {
    match means {
        ColumnUse::Ignore => ("ignore", "import.use_ignore"),
        ColumnUse::Id => ("id", "import.use_id"),
        ColumnUse::FirstName => ("first_name", "import.use_first_name"),
        ColumnUse::LastName => ("last_name", "import.use_last_name"),
        ColumnUse::FullName => ("full_name", "import.use_full_name"),
        ColumnUse::Kind => ("kind", "import.use_kind"),
        ColumnUse::Language => ("language", "import.use_language"),
        ColumnUse::Area => ("area", "import.use_area"),
        ColumnUse::Groups => ("groups", "import.use_groups"),
        ColumnUse::Email => ("email", "import.use_email"),
        ColumnUse::Mobile => ("mobile", "import.use_mobile"),
        ColumnUse::Landline => ("landline", "import.use_landline"),
        ColumnUse::Field(_) => ("field", "import.use_field"),
        ColumnUse::Consent(..) => ("consent", "import.use_consent"),
        ColumnUse::ConsentDate => ("consent_date", "import.use_consent_date"),
    }
}

fn consent_value(channel: Option<Channel>, category: Option<&str>) -> String {
    let channel = channel.map_or("all", Channel::as_str);
    format!("consent:{channel}:{}", category.unwrap_or_default())
}

fn use_of(value: &str, field: &str) -> ColumnUse {
    if value == "field" {
        return ColumnUse::Field(field.to_owned());
    }
    if let Some(rest) = value.strip_prefix("consent:") {
        let (channel, category) = rest.split_once(':').unwrap_or((rest, ""));
        let channel = Channel::ALL.into_iter().find(|one| one.as_str() == channel);
        let category = Some(category.to_owned()).filter(|name| !name.is_empty());
        return ColumnUse::Consent(channel, category);
    }
    let found = labels().find(|means| name_of(means).0 == value);
    found.cloned().unwrap_or(ColumnUse::Ignore)
}

async fn show(app: &Arc<App>, signed: &Signed, job: ImportJob, entered: Entered) -> Answer {
    let Entered { mapping, problems } = entered;
    let c = Chrome::of(app, signed, signed.words.t("import.columns"), "contacts")?;
    let repo = app.repo().clone();
    let file = job.file.ok_or(Fault::NotFound)?;
    let table = data::apart(move || {
        let bytes = repo.store().get_blob(file)?.ok_or(Fault::NotFound)?;
        read_beginning(&bytes, ROWS_SHOWN)
            .map(|(table, _)| table)
            .map_err(|_| Fault::NotFound)
    });
    let table = table.await?;
    let areas = Areas::read(app.repo())?;
    let chosen = mapping.area.map(|area| area.to_string());
    let mut groups = app.repo().groups(GROUPS_MAX)?;
    groups.sort_by_cached_key(|group| group.name.to_lowercase());
    let columns = columns(app, &c, &table, &mapping, &problems);
    let page = Page {
        people: u64::from(job.rows.saturating_sub(u32::from(mapping.header))),
        columns,
        header: mapping.header,
        region: mapping.region,
        kinds: ContactKind::ALL
            .into_iter()
            .map(|kind| {
                choice(
                    kind.as_str(),
                    c.words.label(kind.as_str()),
                    kind == mapping.kind,
                )
            })
            .collect(),
        language: mapping.language,
        areas: area_choices(&areas, &chosen.unwrap_or_default()),
        groups: groups
            .iter()
            .map(|group| {
                let chosen = mapping.group == Some(group.id);
                choice(&group.id.to_string(), group.name.clone(), chosen)
            })
            .collect(),
        known: [
            ("update", "import.known_update", KnownPeople::Update),
            ("skip", "import.known_skip", KnownPeople::Skip),
            ("add", "import.known_add", KnownPeople::Add),
        ]
        .map(|(value, key, known)| choice(value, c.t(key).to_owned(), known == mapping.known))
        .into(),
        by_field: mapping.by_field.unwrap_or_default(),
        make_places: mapping.make_places,
        problems,
        job,
        c,
    };
    let status = if page.problems.is_empty() {
        StatusCode::OK
    } else {
        StatusCode::UNPROCESSABLE_ENTITY
    };
    show_as(status, &page)
}

fn choice(value: &str, text: String, chosen: bool) -> Choice {
    Choice {
        value: value.to_owned(),
        text,
        chosen,
    }
}

fn columns(
    app: &App,
    c: &Chrome,
    table: &Table,
    mapping: &ImportMapping,
    problems: &[Problem],
) -> Vec<Column> {
    let short = |text: &str| -> String { text.chars().take(VALUE_SHOWN).collect() };
    let first = usize::from(mapping.header);
    let column = |(index, means): (usize, &ColumnUse)| {
        let title = if mapping.header {
            short(table.cell(0, index).text)
        } else {
            String::new()
        };
        let examples = (first..table.len().min(first + ROWS_SHOWN - 1))
            .map(|row| short(table.cell(row, index).text))
            .filter(|text| !text.is_empty());
        let anchors = [format!("use-{index}"), format!("field-{index}")];
        let problem = problems.iter().find(|one| anchors.contains(&one.anchor));
        Column {
            index,
            letter: letter(index),
            examples: examples.collect(),
            choices: plain_choices(c, means),
            consents: consent_choices(app, c, means),
            field: match means {
                ColumnUse::Field(name) => name.clone(),
                _ => title.clone(),
            },
            title,
            problem: problem.map_or_else(String::new, |one| one.text.clone()),
        }
    };
    mapping.columns.iter().enumerate().map(column).collect()
}

fn plain_choices(c: &Chrome, chosen: &ColumnUse) -> Vec<Choice> {
    let mut all = vec![ColumnUse::Ignore];
    let plain = labels().filter(|means| !matches!(means, ColumnUse::Consent(..)));
    all.extend(plain.cloned());
    all.push(ColumnUse::Field(String::new()));
    let chosen = name_of(chosen).0;
    let of = |means: &ColumnUse| {
        let (value, key) = name_of(means);
        choice(value, c.t(key).to_owned(), value == chosen)
    };
    all.iter().map(of).collect()
}

fn consent_choices(app: &App, c: &Chrome, chosen: &ColumnUse) -> Vec<Choice> {
    let categories = app.console.submit.categories();
    let names = std::iter::once(None).chain(categories.iter().map(|one| Some(one.name.as_str())));
    let mut choices = Vec::new();
    for category in names {
        for channel in std::iter::once(None).chain(Channel::ALL.map(Some)) {
            let by = channel.map_or_else(
                || c.t("import.every_channel").to_owned(),
                |one| c.words.label(one.as_str()),
            );
            let about = category.map_or_else(
                || c.t("import.every_category").to_owned(),
                |name| category_title(app, c.words, name),
            );
            let means = ColumnUse::Consent(channel, category.map(str::to_owned));
            let text = c.f2("import.use_consent_to", by, about);
            choices.push(choice(
                &consent_value(channel, category),
                text,
                means == *chosen,
            ));
        }
    }
    // What an exported file names and this installation has no category for.
    if let ColumnUse::Consent(channel, category) = chosen
        && !choices.iter().any(|one| one.chosen)
    {
        let name = category.as_deref().unwrap_or_default();
        let text = c.f2(
            "import.use_consent_to",
            channel.map_or("", Channel::as_str),
            name,
        );
        choices.push(choice(&consent_value(*channel, Some(name)), text, true));
    }
    choices
}

/// What a spreadsheet calls a column: A, B, …, Z, AA.
pub(super) fn letter(index: usize) -> String {
    let last = char::from(b'A' + u8::try_from(index % 26).unwrap_or(0));
    match index / 26 {
        0 => last.to_string(),
        more => format!("{}{last}", letter(more - 1)),
    }
}
