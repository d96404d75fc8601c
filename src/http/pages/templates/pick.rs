//! A template for a draft: chosen, its gaps filled, and put into the draft.

use std::sync::Arc;

use axum::extract::{Path, State};
use axum::http::{StatusCode, Uri};

use super::super::super::App;
use super::super::super::fault::Fault;
use super::super::super::fields::Fields;
use super::super::super::session::{Signed, SignedForm};
use super::super::super::view::Chrome;
use super::super::compose::{revision, see};
use super::super::{Answer, id, show_as};
use crate::domain::template::{TemplateCategory, TemplateState, Variable, VariableKind};
use crate::domain::{CommunicationId, Sentence, Template, TemplateId, Timestamp};
use crate::store::Loaded;
use crate::submit::{DraftInput, Letter, SubmitError};
use crate::templates::{KNOWN, Values};

struct Choice {
    id: TemplateId,
    name: String,
    chosen: bool,
}

struct Group {
    title: &'static str,
    choices: Vec<Choice>,
}

struct GapView {
    field: String,
    label: String,
    hint: String,
    value: String,
    input: &'static str,
    lines: bool,
    choices: Vec<(String, bool)>,
    required: bool,
    problem: String,
}

struct Chosen {
    id: TemplateId,
    name: String,
    /// What was filled in by itself: name and value.
    known: Vec<(String, String)>,
    gaps: Vec<GapView>,
    /// Where there is no text in the recipient's language.
    fell_back: Vec<String>,
    files: Vec<String>,
}

#[derive(askama::Template)]
#[template(path = "template_pick.html")]
struct Page {
    c: Chrome,
    draft: CommunicationId,
    revision: u64,
    groups: Vec<Group>,
    chosen: Option<Chosen>,
    problem: String,
    changed: bool,
}

/// What the page is shown with.
#[derive(Default)]
struct Look {
    entered: Values,
    problems: Vec<(String, Sentence)>,
    problem: String,
    changed: bool,
    refused: bool,
}

/// `GET /communications/{id}/template`; `?template=` shows the gaps of one.
pub(in super::super) async fn pick(
    State(app): State<Arc<App>>,
    signed: Signed,
    Path(text): Path<String>,
    uri: Uri,
) -> Answer {
    let draft: CommunicationId = id(&text)?;
    let template = Fields::of_query(&uri).get("template").parse().ok();
    show(&app, &signed, draft, template, Look::default())
}

/// `POST /communications/{id}/template`
pub(in super::super) async fn fill(
    State(app): State<Arc<App>>,
    Path(text): Path<String>,
    SignedForm { signed, fields }: SignedForm,
) -> Answer {
    let draft: CommunicationId = id(&text)?;
    let template: TemplateId = id(fields.get("template"))?;
    let of = app.repo().template(template)?.ok_or(Fault::NotFound)?;
    let names = of
        .variables
        .iter()
        .map(|one| one.name.as_str())
        .chain(KNOWN);
    let entered: Values = names
        .map(|name| (name.to_owned(), fields.text(&format!("g_{name}"))))
        .filter(|(_, value)| !value.trim().is_empty())
        .collect();
    let (submit, by) = (&app.console.submit, signed.user.id);
    let seen: Option<Timestamp> = revision(&fields);
    let look = match submit.fill_draft(draft, seen, template, &entered, by).await {
        Ok(_) => return Ok(see(&format!("/communications/{draft}/edit?done=saved"))),
        Err(SubmitError::Unfilled(problems)) => Look {
            problems,
            ..Look::default()
        },
        Err(SubmitError::Invalid(errors)) => Look {
            problem: errors
                .first()
                .map(|error| signed.words.tell(&error.problem))
                .unwrap_or_default(),
            ..Look::default()
        },
        Err(SubmitError::Changed) => Look {
            changed: true,
            ..Look::default()
        },
        Err(error) => return Err(error.into()),
    };
    let look = Look {
        entered,
        refused: true,
        ..look
    };
    show(&app, &signed, draft, Some(template), look)
}

fn show(
    app: &App,
    signed: &Signed,
    id: CommunicationId,
    chosen: Option<TemplateId>,
    look: Look,
) -> Answer {
    let communication = app.repo().communication(id)?.ok_or(Fault::NotFound)?;
    if !communication.is_draft() {
        return Ok(see(&format!("/communications/{id}/review")));
    }
    let draft = app.console.submit.draft(id)?;
    let title = signed.words.t("templates.pick");
    let c = Chrome::of(app, signed, title, "communications")?;
    let chosen = match chosen {
        Some(template) => {
            let of = app.repo().template(template)?.ok_or(Fault::NotFound)?;
            let submit = &app.console.submit;
            let letter = submit.letter(id, template, &look.entered, signed.user.id)?;
            Some(gaps_of(&c, &of, &letter, &look))
        }
        None => None,
    };
    let status = if look.changed {
        StatusCode::CONFLICT
    } else if look.refused {
        StatusCode::UNPROCESSABLE_ENTITY
    } else {
        StatusCode::OK
    };
    let page = Page {
        draft: id,
        revision: communication.modified_at.as_millis(),
        groups: groups(&app.repo().templates()?, &draft, chosen.as_ref()),
        chosen,
        problem: look.problem,
        changed: look.changed,
        c,
    };
    show_as(status, &page)
}

/// Templates that speak by a channel of the draft, by category.
fn groups(all: &[Loaded<Template>], draft: &DraftInput, chosen: Option<&Chosen>) -> Vec<Group> {
    let fits = |one: &&Loaded<Template>| {
        one.state == TemplateState::Active
            && draft.channels.iter().any(|channel| one.speaks(channel))
    };
    let group = |category: TemplateCategory| {
        let of = all
            .iter()
            .filter(|one| one.category == category)
            .filter(fits)
            .map(|one| Choice {
                id: one.id,
                name: one.name.clone(),
                chosen: chosen.is_some_and(|chosen| chosen.id == one.id),
            });
        let mut choices: Vec<Choice> = of.collect();
        choices.sort_by_key(|one| one.name.to_lowercase());
        Group {
            title: category.title(),
            choices,
        }
    };
    let groups = TemplateCategory::ALL.into_iter().map(group);
    groups.filter(|group| !group.choices.is_empty()).collect()
}

fn gaps_of(c: &Chrome, of: &Template, letter: &Letter, look: &Look) -> Chosen {
    let problem = |name: &str| {
        let found = look.problems.iter().find(|(gap, _)| gap == name);
        found.map_or_else(String::new, |(_, problem)| c.words.tell(problem))
    };
    let value = |name: &str| look.entered.get(name).cloned().unwrap_or_default();
    let own = of.variables.iter().map(|one| GapView {
        problem: problem(&one.name),
        ..own_gap(one, value(&one.name))
    });
    // What is known elsewhere and not here is asked for too.
    let unknown = KNOWN.into_iter().filter(|name| {
        letter.missing().iter().any(|missing| missing == name) || look.entered.contains_key(*name)
    });
    let unknown = unknown.map(|name| GapView {
        field: name.to_owned(),
        label: name.to_owned(),
        hint: String::new(),
        value: value(name),
        input: "text",
        lines: false,
        choices: Vec::new(),
        required: true,
        problem: problem(name),
    });
    let fell_back = letter.parts.iter().filter(|part| part.fell_back);
    Chosen {
        id: of.id,
        name: of.name.clone(),
        known: letter
            .known
            .iter()
            .map(|(name, value)| (name.clone(), value.clone()))
            .collect(),
        gaps: unknown.chain(own).collect(),
        fell_back: fell_back
            .map(|part| {
                c.f2(
                    "templates.fell_back",
                    c.channel(&part.channel),
                    &part.language,
                )
            })
            .collect(),
        files: of.files.clone(),
    }
}

/// A gap of the template's own, as its kind asks for it.
fn own_gap(of: &Variable, entered: String) -> GapView {
    let choices = of.kind.choices().iter();
    GapView {
        field: of.name.clone(),
        label: of.label.clone(),
        hint: of.example.clone(),
        input: match of.kind {
            VariableKind::Date => "date",
            VariableKind::Email => "email",
            VariableKind::Phone => "tel",
            VariableKind::Text
            | VariableKind::MultiLine
            | VariableKind::Amount
            | VariableKind::Number
            | VariableKind::Choice(_) => "text",
        },
        lines: of.kind == VariableKind::MultiLine,
        choices: choices
            .map(|choice| (choice.clone(), *choice == entered))
            .collect(),
        value: entered,
        required: of.required,
        problem: String::new(),
    }
}
