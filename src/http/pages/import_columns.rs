//! What the columns of a file of contacts mean.

use std::sync::Arc;

use askama::Template;
use axum::extract::{Path, State};
use axum::http::StatusCode;

use super::super::App;
use super::super::data::Areas;
use super::super::data::imports::{self, Glimpse, letter};
use super::super::fields::Fields;
use super::super::session::{Signed, SignedForm};
use super::super::view::Chrome;
use super::communications::category_title;
use super::compose::see;
use super::contact_edit::{Choice, area_choices};
use super::import_job::job_of;
use super::problems::Problem;
use super::{Answer, show_as};
use crate::contacts_file::{MappingProblem, Table, labels, settle};
use crate::domain::category::CATEGORY_NAME_SIZE_MAX;
use crate::domain::group::GROUPS_MAX;
use crate::domain::import::IMPORT_COLUMNS_MAX;
use crate::domain::{
    Channel, ColumnUse, ContactKind, ImportJob, ImportMapping, ImportState, KnownPeople,
};

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

const fn may_change(job: &ImportJob) -> bool {
    matches!(job.state, ImportState::Uploaded | ImportState::Checked)
}

fn entered(c: &Chrome, job: &ImportJob, fields: &Fields) -> Entered {
    let field = |name: &str| fields.get(name).trim().to_owned();
    let kinds = ContactKind::ALL;
    let known = KnownPeople::ALL;
    let mut mapping = ImportMapping {
        columns: columns_of(fields, job.mapping.columns.len()),
        header: fields.has("header"),
        region: field("region"),
        kind: kinds
            .into_iter()
            .find(|kind| kind.as_str() == fields.get("kind"))
            .unwrap_or(ContactKind::Citizen),
        language: field("language"),
        area: fields.get("area").parse().ok(),
        group: fields.get("group").parse().ok(),
        known: known
            .into_iter()
            .find(|known| known.as_str() == fields.get("known"))
            .unwrap_or(KnownPeople::Update),
        by_field: Some(field("by_field")).filter(|name| !name.is_empty()),
        make_places: fields.has("make_places"),
    };
    let problems = settle(&mut mapping);
    Entered {
        problems: problems.iter().map(|one| problem(c, *one)).collect(),
        mapping,
    }
}

/// What is wrong, at the field that it is about.
fn problem(c: &Chrome, problem: MappingProblem) -> Problem {
    let (anchor, label, text) = match problem {
        MappingProblem::FieldName(index) => (
            format!("field-{index}"),
            "import.field_name",
            "import.field_name_wrong",
        ),
        MappingProblem::Twice(index) => {
            (format!("use-{index}"), "import.means", "import.means_twice")
        }
        MappingProblem::Nobody => ("use-0".to_owned(), "import.means", "import.means_nobody"),
        MappingProblem::Region => ("region".to_owned(), "import.region", "import.region_wrong"),
        MappingProblem::Language => (
            "language".to_owned(),
            "import.language",
            "import.language_wrong",
        ),
        MappingProblem::ByField => (
            "by_field".to_owned(),
            "import.by_field",
            "import.by_field_wrong",
        ),
    };
    Problem {
        anchor,
        label: c.t(label).to_owned(),
        text: c.t(text).to_owned(),
    }
}

fn columns_of(fields: &Fields, count: usize) -> Vec<ColumnUse> {
    let column = |index: usize| {
        let means = fields.get(&format!("use-{index}"));
        use_of(means, fields.get(&format!("field-{index}")).trim())
    };
    (0..count.min(IMPORT_COLUMNS_MAX)).map(column).collect()
}

/// The key of what a meaning is called.
pub(super) const fn key_of(means: &ColumnUse) -> &'static str {
    match means {
        ColumnUse::Ignore => "import.use_ignore",
        ColumnUse::Id => "import.use_id",
        ColumnUse::FirstName => "import.use_first_name",
        ColumnUse::LastName => "import.use_last_name",
        ColumnUse::FullName => "import.use_full_name",
        ColumnUse::Kind => "import.use_kind",
        ColumnUse::Language => "import.use_language",
        ColumnUse::Area => "import.use_area",
        ColumnUse::Groups => "import.use_groups",
        ColumnUse::Email => "import.use_email",
        ColumnUse::Mobile => "import.use_mobile",
        ColumnUse::Landline => "import.use_landline",
        ColumnUse::Field(_) => "import.use_field",
        ColumnUse::Consent(..) => "import.use_consent",
        ColumnUse::ConsentDate => "import.use_consent_date",
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
        if category.len() > CATEGORY_NAME_SIZE_MAX {
            return ColumnUse::Ignore;
        }
        let category = Some(category.to_owned()).filter(|name| !name.is_empty());
        return ColumnUse::Consent(channel, category);
    }
    let found = labels().find(|means| means.as_str() == value);
    found.cloned().unwrap_or(ColumnUse::Ignore)
}

async fn show(app: &Arc<App>, signed: &Signed, job: ImportJob, entered: Entered) -> Answer {
    let Entered { mapping, problems } = entered;
    let c = Chrome::of(app, signed, signed.words.t("import.columns"), "contacts")?;
    let table = imports::beginning(app, &job).await?;
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
    let column = |(index, means): (usize, &ColumnUse)| {
        let Glimpse { title, examples } = Glimpse::of(table, mapping.header, index);
        let anchors = [format!("use-{index}"), format!("field-{index}")];
        let problem = problems.iter().find(|one| anchors.contains(&one.anchor));
        Column {
            index,
            letter: letter(index),
            examples,
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
    let chosen = chosen.as_str();
    let of = |means: &ColumnUse| {
        let value = means.as_str();
        choice(value, c.t(key_of(means)).to_owned(), value == chosen)
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
