//! The list of templates, and one of them with what changed from version to version.

use std::sync::Arc;

use axum::extract::{Path, State};
use axum::http::Uri;

use super::super::super::App;
use super::super::super::data::Result;
use super::super::super::fault::Fault;
use super::super::super::fields::Fields;
use super::super::super::session::Signed;
use super::super::super::times::When;
use super::super::super::view::{Badge, Chrome, channel_icon};
use super::super::{Answer, apart, id, show};
use crate::domain::template::{TemplateCategory, TemplateState};
use crate::domain::{Template, TemplateId, UserId};

struct Row {
    id: TemplateId,
    name: String,
    says: String,
    version: u32,
    state: Badge,
    ready_made: bool,
    changed: When,
}

struct Group {
    slug: &'static str,
    title: &'static str,
    rows: Vec<Row>,
}

#[derive(askama::Template)]
#[template(path = "templates.html")]
struct ListPage {
    c: Chrome,
    groups: Vec<Group>,
}

/// `GET /templates`
pub(super) async fn list(State(app): State<Arc<App>>, signed: Signed, uri: Uri) -> Answer {
    apart(move || {
        let query = Fields::of_query(&uri);
        let title = signed.words.t("templates.title");
        let c = Chrome::of(&app, &signed, title, "templates")?.with_done(query.get("done"));
        let mut all = app.repo().templates()?;
        all.sort_by_key(|one| (one.state == TemplateState::Retired, one.name.to_lowercase()));
        let group = |category: TemplateCategory| Group {
            slug: category.as_str(),
            title: category.title(),
            rows: all
                .iter()
                .filter(|one| one.category == category)
                .map(|one| row(&c, one))
                .collect(),
        };
        let groups = TemplateCategory::ALL.into_iter().map(group).collect();
        show(&ListPage { c, groups })
    })
    .await
}

fn row(c: &Chrome, of: &Template) -> Row {
    let mut says: Vec<String> = of
        .texts
        .iter()
        .map(|text| format!("{} ({})", c.channel(&text.channel), text.language))
        .collect();
    says.dedup();
    Row {
        id: of.id,
        name: of.name.clone(),
        says: says.join(", "),
        version: of.version,
        state: state(c, of.state),
        ready_made: of.ready_made.is_some(),
        changed: c.when(&of.changed_at),
    }
}

fn state(c: &Chrome, state: TemplateState) -> Badge {
    let (tone, icon, key) = match state {
        TemplateState::Active => ("good", "check", "templates.active"),
        TemplateState::Retired => ("", "stop", "templates.retired"),
    };
    Badge {
        tone,
        icon,
        text: c.t(key).to_owned(),
    }
}

struct Said {
    icon: &'static str,
    label: String,
    subject: String,
    text: String,
    html: String,
}

struct Gap {
    name: String,
    label: String,
    kind: &'static str,
    required: bool,
    example: String,
}

struct Version {
    number: u32,
    when: When,
    by: String,
    /// Lines that went (false) and came (true).
    lines: Vec<(bool, String)>,
    current: bool,
}

#[derive(askama::Template)]
#[template(path = "template.html")]
struct OnePage {
    c: Chrome,
    id: TemplateId,
    version: u32,
    title: String,
    category: &'static str,
    state: Badge,
    retired: bool,
    ready_made: bool,
    /// It is not the version of now.
    past: bool,
    files: Vec<String>,
    gaps: Vec<Gap>,
    texts: Vec<Said>,
    versions: Vec<Version>,
}

/// `GET /templates/{id}`; `?version=` shows an earlier one.
pub(super) async fn page(
    State(app): State<Arc<App>>,
    signed: Signed,
    Path(text): Path<String>,
    uri: Uri,
) -> Answer {
    apart(move || {
        let id: TemplateId = id(&text)?;
        let query = Fields::of_query(&uri);
        let now = app.repo().template(id)?.ok_or(Fault::NotFound)?;
        let shown = match query.get("version").parse() {
            Ok(version) => app.repo().template_version(id, version)?,
            Err(_) => Some(now.value.clone()),
        };
        let shown = shown.ok_or(Fault::NotFound)?;
        let c = Chrome::of(&app, &signed, shown.name.clone(), "templates")?
            .with_done(query.get("done"));
        let mut all = app.repo().past_templates(id)?;
        all.push(now.value.clone());
        show(&OnePage {
            id,
            version: shown.version,
            title: shown.name.clone(),
            category: shown.category.title(),
            state: state(&c, now.state),
            retired: now.state == TemplateState::Retired,
            ready_made: now.ready_made.is_some(),
            past: shown.version != now.version,
            files: shown.files.clone(),
            gaps: gaps(&c, &shown),
            texts: texts(&c, &shown),
            versions: versions(&app, &c, &all, shown.version)?,
            c,
        })
    })
    .await
}

fn gaps(c: &Chrome, of: &Template) -> Vec<Gap> {
    let gap = |one: &crate::domain::template::Variable| Gap {
        name: one.name.clone(),
        label: one.label.clone(),
        kind: c.t(kind_key(one.kind.as_str())),
        required: one.required,
        example: one.example.clone(),
    };
    of.variables.iter().map(gap).collect()
}

/// The key of what a kind is called.
pub(super) fn kind_key(kind: &str) -> &'static str {
    match kind {
        "lines" => "templates.kind_lines",
        "date" => "templates.kind_date",
        "amount" => "templates.kind_amount",
        "number" => "templates.kind_number",
        "email" => "templates.kind_email",
        "phone" => "templates.kind_phone",
        "choice" => "templates.kind_choice",
        _ => "templates.kind_text",
    }
}

fn texts(c: &Chrome, of: &Template) -> Vec<Said> {
    let said = |text: &crate::domain::template::TemplateText| Said {
        icon: channel_icon(text.channel),
        label: format!("{} ({})", c.channel(&text.channel), text.language),
        subject: text.subject.clone(),
        text: text.text.clone(),
        html: text.html.clone(),
    };
    of.texts.iter().map(said).collect()
}

/// The versions, the latest first, each with what it changed.
fn versions(app: &App, c: &Chrome, all: &[Template], shown: u32) -> Result<Vec<Version>> {
    let mut versions = Vec::with_capacity(all.len());
    for (index, one) in all.iter().enumerate() {
        let before = index.checked_sub(1).and_then(|index| all.get(index));
        versions.push(Version {
            number: one.version,
            when: c.when(&one.changed_at),
            by: author(app, c, one.changed_by)?,
            lines: before.map_or_else(Vec::new, |before| changes(c, before, one)),
            current: one.version == shown,
        });
    }
    versions.reverse();
    Ok(versions)
}

fn author(app: &App, c: &Chrome, by: Option<UserId>) -> Result<String> {
    let Some(by) = by else {
        return Ok(c.t("templates.by_program").to_owned());
    };
    let user = app.repo().user(by)?;
    Ok(user.map_or_else(|| c.t("person.gone").to_owned(), |user| user.name.clone()))
}

/// Everything a template holds, line by line.
fn lines(c: &Chrome, of: &Template) -> Vec<String> {
    let mut lines = vec![
        of.name.clone(),
        of.category.title().to_owned(),
        state(c, of.state).text,
    ];
    lines.extend(of.files.iter().cloned());
    for gap in gaps(c, of) {
        let required = if gap.required { " *" } else { "" };
        lines.push(format!(
            "{{{{ {} }}}}{required}: {}, {}, {}",
            gap.name, gap.label, gap.kind, gap.example
        ));
    }
    for text in texts(c, of) {
        lines.push(format!("{}: {}", text.label, text.subject));
        lines.extend(text.text.lines().map(str::to_owned));
        lines.extend(text.html.lines().map(str::to_owned));
    }
    lines
}

/// Lines that went and that came, between what is the same before and behind.
fn changes(c: &Chrome, before: &Template, after: &Template) -> Vec<(bool, String)> {
    let (old, new) = (lines(c, before), lines(c, after));
    let gone = old.iter().filter(|line| !new.contains(line));
    let came = new.iter().filter(|line| !old.contains(line));
    gone.map(|line| (false, line.clone()))
        .chain(came.map(|line| (true, line.clone())))
        .collect()
}
