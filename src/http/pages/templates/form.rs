//! The form of a template, with a preview that needs no script.

use std::sync::Arc;

use axum::extract::{Path, State};
use axum::http::StatusCode;

use super::super::super::App;
use super::super::super::fault::Fault;
use super::super::super::fields::Fields;
use super::super::super::session::{Signed, SignedForm};
use super::super::super::view::Chrome;
use super::super::compose::see;
use super::super::problems::{Problem, Problems};
use super::super::{Answer, id, show_as};
use super::view::kind_key;
use crate::domain::template::{
    TEMPLATE_TEXTS_MAX, TEMPLATE_VARIABLES_MAX, TemplateCategory, TemplateState, TemplateText,
    Variable, VariableKind,
};
use crate::domain::{Channel, Template, TemplateId};
use crate::submit::{FieldError, SubmitError, TemplateInput};
use crate::templates::{KNOWN, RenderError, Values, render};

/// Empty rows offered for more variables.
const ROWS_MORE: usize = 3;
const KINDS: [&str; 8] = [
    "text", "lines", "date", "amount", "number", "email", "phone", "choice",
];

struct VariableRow {
    index: usize,
    number: usize,
    name: String,
    label: String,
    kinds: Vec<(&'static str, &'static str, bool)>,
    required: bool,
    example: String,
    choices: String,
}

struct TextRow {
    index: usize,
    number: usize,
    email: bool,
    language: String,
    subject: String,
    text: String,
    html: String,
}

struct Sample {
    label: String,
    subject: String,
    text: String,
}

#[derive(askama::Template)]
#[template(path = "template_edit.html")]
struct Page {
    c: Chrome,
    action: String,
    version: u32,
    name: String,
    categories: Vec<(&'static str, &'static str, bool)>,
    files: String,
    variables: Vec<VariableRow>,
    texts: Vec<TextRow>,
    known: String,
    samples: Vec<Sample>,
    changed: bool,
    p: Problems,
    problems: Vec<Problem>,
}

/// What the form is shown with.
struct Filled {
    id: Option<TemplateId>,
    version: u32,
    input: TemplateInput,
    errors: Vec<FieldError>,
    changed: bool,
    preview: bool,
}

fn empty() -> TemplateInput {
    TemplateInput {
        category: TemplateCategory::General,
        name: String::new(),
        variables: Vec::new(),
        texts: Vec::new(),
        files: Vec::new(),
    }
}

/// `GET /templates/new`
pub(super) async fn new(State(app): State<Arc<App>>, signed: Signed) -> Answer {
    show(
        &app,
        &signed,
        Filled {
            id: None,
            version: 0,
            input: empty(),
            errors: Vec::new(),
            changed: false,
            preview: false,
        },
    )
}

/// `GET /templates/{id}/edit`
pub(super) async fn edit(
    State(app): State<Arc<App>>,
    signed: Signed,
    Path(text): Path<String>,
) -> Answer {
    let id: TemplateId = id(&text)?;
    let template = app.repo().template(id)?.ok_or(Fault::NotFound)?;
    show(
        &app,
        &signed,
        Filled {
            id: Some(id),
            version: template.version,
            input: TemplateInput::from(&template.value),
            errors: Vec::new(),
            changed: false,
            preview: true,
        },
    )
}

/// `POST /templates`
pub(super) async fn create(State(app): State<Arc<App>>, form: SignedForm) -> Answer {
    take(&app, None, form).await
}

/// `POST /templates/{id}`
pub(super) async fn update(
    State(app): State<Arc<App>>,
    Path(text): Path<String>,
    form: SignedForm,
) -> Answer {
    take(&app, Some(id(&text)?), form).await
}

async fn take(
    app: &Arc<App>,
    id: Option<TemplateId>,
    SignedForm { signed, fields }: SignedForm,
) -> Answer {
    let input = read(&fields);
    let version = fields.get("version").parse().unwrap_or(0);
    let mut filled = Filled {
        id,
        version,
        input,
        errors: Vec::new(),
        changed: false,
        preview: true,
    };
    if fields.get("do") == "preview" {
        return show(app, &signed, filled);
    }
    let submit = &app.console.submit;
    let by = signed.user.id;
    let kept = match id {
        None => submit.make_template(&filled.input, by).await,
        Some(id) => submit
            .change_template(id, version, &filled.input, by)
            .await
            .map(|_| id),
    };
    match kept {
        Ok(id) => Ok(see(&format!("/templates/{id}?done=template"))),
        Err(SubmitError::Invalid(errors)) => {
            filled.errors = errors;
            show(app, &signed, filled)
        }
        Err(SubmitError::Changed) => {
            let now = app.repo().template(id.ok_or(Fault::NotFound)?)?;
            filled.version = now.ok_or(Fault::NotFound)?.version;
            filled.changed = true;
            show(app, &signed, filled)
        }
        Err(error) => Err(error.into()),
    }
}

/// `POST /templates/{id}/state`: out of use, or back into it.
pub(super) async fn put(
    State(app): State<Arc<App>>,
    Path(text): Path<String>,
    SignedForm { signed, fields }: SignedForm,
) -> Answer {
    let id: TemplateId = id(&text)?;
    let state = if fields.has("restore") {
        TemplateState::Active
    } else {
        TemplateState::Retired
    };
    app.console
        .submit
        .put_template(id, state, signed.user.id)
        .await?;
    Ok(see(&format!("/templates/{id}?done=template")))
}

fn read(fields: &Fields) -> TemplateInput {
    let category = fields.get("category");
    let files = fields.text("files");
    TemplateInput {
        category: TemplateCategory::named(category).unwrap_or(TemplateCategory::General),
        name: fields.get("name").trim().to_owned(),
        variables: (0..TEMPLATE_VARIABLES_MAX + ROWS_MORE)
            .filter_map(|index| variable(fields, index))
            .collect(),
        texts: (0..=TEMPLATE_TEXTS_MAX)
            .filter_map(|index| text(fields, index))
            .collect(),
        files: lines(&files).collect(),
    }
}

fn lines(text: &str) -> impl Iterator<Item = String> {
    let lines = text.lines().map(str::trim).filter(|line| !line.is_empty());
    lines.map(str::to_owned)
}

fn variable(fields: &Fields, index: usize) -> Option<Variable> {
    let of = |what: &str| fields.text(&format!("v{index}_{what}"));
    let name = of("name").trim().to_owned();
    if name.is_empty() {
        return None;
    }
    let choices = of("choices");
    let choices = choices
        .split(';')
        .map(str::trim)
        .filter(|one| !one.is_empty());
    let label = of("label").trim().to_owned();
    Some(Variable {
        kind: VariableKind::of(&of("kind"), choices.map(str::to_owned).collect())?,
        label: if label.is_empty() {
            name.clone()
        } else {
            label
        },
        required: fields.has(&format!("v{index}_required")),
        example: of("example").trim().to_owned(),
        name,
    })
}

fn text(fields: &Fields, index: usize) -> Option<TemplateText> {
    let of = |what: &str| fields.text(&format!("t{index}_{what}"));
    let text = TemplateText {
        channel: if of("channel") == "text" {
            Channel::Text
        } else {
            Channel::Email
        },
        language: of("language").trim().to_lowercase(),
        subject: of("subject").trim().to_owned(),
        text: of("text").trim_end().to_owned(),
        html: of("html").trim().to_owned(),
    };
    let is_empty = text.subject.is_empty() && text.text.trim().is_empty() && text.html.is_empty();
    (!is_empty).then_some(text)
}

fn show(app: &App, signed: &Signed, filled: Filled) -> Answer {
    let key = if filled.id.is_some() {
        "templates.edit"
    } else {
        "templates.new"
    };
    let c = Chrome::of(app, signed, signed.words.t(key), "templates")?;
    let status = match (filled.changed, filled.errors.is_empty()) {
        (true, _) => StatusCode::CONFLICT,
        (false, true) => StatusCode::OK,
        (false, false) => StatusCode::UNPROCESSABLE_ENTITY,
    };
    let p = Problems::new(&filled.errors, c.words);
    let input = &filled.input;
    let samples = if filled.preview {
        let id = filled.id.unwrap_or(TemplateId::from_bytes([0; 16]));
        samples(&c, &input.template(id, signed.user.id, app.now()))
    } else {
        Vec::new()
    };
    let page = Page {
        action: filled
            .id
            .map_or_else(|| "/templates".to_owned(), |id| format!("/templates/{id}")),
        version: filled.version,
        name: input.name.clone(),
        categories: TemplateCategory::ALL
            .into_iter()
            .map(|one| (one.as_str(), one.title(), one == input.category))
            .collect(),
        files: input.files.join("\n"),
        variables: variable_rows(&c, &input.variables),
        texts: text_rows(&input.texts, &app.console.settings.language),
        known: KNOWN.map(|name| format!("{{{{ {name} }}}}")).join(" "),
        samples,
        changed: filled.changed,
        problems: p.summary(&c),
        p,
        c,
    };
    show_as(status, &page)
}

fn variable_rows(c: &Chrome, of: &[Variable]) -> Vec<VariableRow> {
    let row = |index: usize| {
        let one = of.get(index);
        let kind = one.map_or("text", |one| one.kind.as_str());
        VariableRow {
            index,
            number: index + 1,
            name: one.map(|one| one.name.clone()).unwrap_or_default(),
            label: one.map(|one| one.label.clone()).unwrap_or_default(),
            kinds: KINDS
                .into_iter()
                .map(|known| (known, c.t(kind_key(known)), known == kind))
                .collect(),
            required: one.is_some_and(|one| one.required),
            example: one.map(|one| one.example.clone()).unwrap_or_default(),
            choices: one
                .map(|one| one.kind.choices().join("; "))
                .unwrap_or_default(),
        }
    };
    (0..of.len() + ROWS_MORE).map(row).collect()
}

fn text_rows(of: &[TemplateText], language: &str) -> Vec<TextRow> {
    let row = |index: usize| {
        let one = of.get(index);
        let part = |part: fn(&TemplateText) -> &String| one.map(part).cloned().unwrap_or_default();
        TextRow {
            index,
            number: index + 1,
            email: one.is_none_or(|one| one.channel == Channel::Email),
            language: one.map_or_else(|| language.to_owned(), |one| one.language.clone()),
            subject: part(|one| &one.subject),
            text: part(|one| &one.text),
            html: part(|one| &one.html),
        }
    };
    (0..=of.len()).map(row).collect()
}

/// Each text with the examples in its gaps.
fn samples(c: &Chrome, template: &Template) -> Vec<Sample> {
    let known: Values = KNOWN
        .iter()
        .map(|name| ((*name).to_owned(), format!("[{name}]")))
        .collect();
    let examples = template.variables.iter().map(|one| {
        let example = match one.example.as_str() {
            "" => format!("[{}]", one.label),
            example => example.to_owned(),
        };
        (one.name.clone(), example)
    });
    let examples: Values = examples.collect();
    let sample = |text: &TemplateText| {
        let (subject, said) = match render(template, text, &known, &examples) {
            Ok(out) => (out.subject, out.text),
            Err(RenderError::Template(problem)) => (String::new(), c.words.tell(&problem)),
            Err(RenderError::Missing(names)) => (String::new(), names.join(", ")),
            Err(RenderError::Wrong(values)) => {
                let told = values
                    .iter()
                    .map(|(name, problem)| format!("{name}: {}", c.words.tell(problem)));
                (String::new(), told.collect::<Vec<_>>().join("\n"))
            }
        };
        Sample {
            label: format!("{} ({})", c.channel(&text.channel), text.language),
            subject,
            text: said,
        }
    };
    template.texts.iter().map(sample).collect()
}
