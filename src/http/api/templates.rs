//! Templates: read, made, changed version by version, tried and put into drafts.

use std::collections::BTreeMap;
use std::sync::Arc;

use axum::extract::State;
use axum::http::StatusCode;
use axum::response::Response;
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use super::super::App;
use super::auth::Caller;
use super::body::{Ids, Json, id};
use super::communications::communication;
use super::etag::IfMatch;
use super::problem::Problem;
use super::shape::{Made, time};
use super::{Answer, apart, created};
use crate::domain::template::{
    TemplateCategory, TemplateState, TemplateText, Variable, VariableKind,
};
use crate::domain::{Channel, Template, TemplateId};
use crate::store::Loaded;
use crate::submit::{LetterPart, TemplateInput};
use crate::templates::RenderError;

/// A gap of a template.
#[derive(Debug, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct VariableShape {
    /// Its name in the text.
    name: String,
    /// text, lines, date, amount, number, email, phone or choice.
    kind: String,
    /// What people are asked.
    label: String,
    #[serde(default)]
    required: bool,
    #[serde(default)]
    example: String,
    /// Of a choice.
    #[serde(default)]
    choices: Vec<String>,
}

/// What a template says by one channel in one language.
#[derive(Debug, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct TextShape {
    /// email or text.
    channel: String,
    /// ISO 639-1.
    language: String,
    #[serde(default)]
    subject: String,
    text: String,
    #[serde(default)]
    html: String,
}

/// What somebody writes of a template.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct TemplateAsked {
    /// dsar, section-78, loc, settlement or general.
    category: String,
    name: String,
    #[serde(default)]
    variables: Vec<VariableShape>,
    texts: Vec<TextShape>,
    /// Files that must go with it, by what their names contain.
    #[serde(default)]
    files: Vec<String>,
    /// The version that is changed; of no meaning for a new one.
    version: Option<u32>,
}

/// A template.
#[derive(Debug, Serialize, ToSchema)]
pub(super) struct TemplateShape {
    id: String,
    category: &'static str,
    name: String,
    version: u32,
    /// active or retired.
    state: &'static str,
    variables: Vec<VariableShape>,
    texts: Vec<TextShape>,
    files: Vec<String>,
    /// Its name in the set that comes with the program; null for one made here.
    ready_made: Option<String>,
    created_by: Option<String>,
    created_at: String,
    changed_by: Option<String>,
    changed_at: String,
}

impl TemplateShape {
    fn of(of: &Template) -> Self {
        let variable = |one: &Variable| VariableShape {
            name: one.name.clone(),
            kind: one.kind.as_str().to_owned(),
            label: one.label.clone(),
            required: one.required,
            example: one.example.clone(),
            choices: one.kind.choices().to_vec(),
        };
        let text = |one: &TemplateText| TextShape {
            channel: one.channel.as_str().to_owned(),
            language: one.language.clone(),
            subject: one.subject.clone(),
            text: one.text.clone(),
            html: one.html.clone(),
        };
        Self {
            id: of.id.to_string(),
            category: of.category.as_str(),
            name: of.name.clone(),
            version: of.version,
            state: of.state.as_str(),
            variables: of.variables.iter().map(variable).collect(),
            texts: of.texts.iter().map(text).collect(),
            files: of.files.clone(),
            ready_made: of.ready_made.clone(),
            created_by: of.created_by.map(|user| user.to_string()),
            created_at: time(of.created_at),
            changed_by: of.changed_by.map(|user| user.to_string()),
            changed_at: time(of.changed_at),
        }
    }
}

impl TemplateAsked {
    fn input(&self) -> Answer<TemplateInput> {
        let category = TemplateCategory::named(&self.category).ok_or_else(|| {
            let detail = "A category is dsar, section-78, loc, settlement or general.";
            Problem::field("category", detail)
        })?;
        let variable = |(index, one): (usize, &VariableShape)| {
            let kind = VariableKind::of(&one.kind, one.choices.clone()).ok_or_else(|| {
                let detail = "A kind is text, lines, date, amount, number, email, phone or choice.";
                Problem::field(format!("variables[{index}].kind"), detail)
            })?;
            Ok(Variable {
                name: one.name.clone(),
                kind,
                label: one.label.clone(),
                required: one.required,
                example: one.example.clone(),
            })
        };
        let text = |(index, one): (usize, &TextShape)| {
            let channel = Channel::ALL
                .into_iter()
                .find(|known| known.as_str() == one.channel)
                .ok_or_else(|| {
                    let detail = "A channel is email or text.";
                    Problem::field(format!("texts[{index}].channel"), detail)
                })?;
            Ok(TemplateText {
                channel,
                language: one.language.clone(),
                subject: one.subject.clone(),
                text: one.text.clone(),
                html: one.html.clone(),
            })
        };
        let variables = self.variables.iter().enumerate().map(variable);
        let texts = self.texts.iter().enumerate().map(text);
        Ok(TemplateInput {
            category,
            name: self.name.clone(),
            variables: variables.collect::<Answer<_>>()?,
            texts: texts.collect::<Answer<_>>()?,
            files: self.files.clone(),
        })
    }
}

fn template(app: &App, text: &str) -> Answer<Loaded<Template>> {
    let of: TemplateId = id(text, "template")?;
    let found = app.repo().template(of)?;
    found.ok_or_else(|| Problem::not_found("template"))
}

/// All templates as they are now, retired ones too.
#[utoipa::path(get, path = "/api/v1/templates", tag = "templates", operation_id = "listTemplates",
    responses((status = 200, body = Vec<TemplateShape>)))]
pub(super) async fn list(State(app): State<Arc<App>>) -> Answer<axum::Json<Vec<TemplateShape>>> {
    apart(&app, |app| {
        let all = app.repo().templates()?;
        let shape = |one: &Loaded<Template>| TemplateShape::of(one);
        Ok(axum::Json(all.iter().map(shape).collect()))
    })
    .await
}

/// Makes a template.
#[utoipa::path(post, path = "/api/v1/templates", tag = "templates",
    operation_id = "createTemplate", request_body = TemplateAsked,
    responses((status = 201, body = Made)))]
pub(super) async fn create(
    State(app): State<Arc<App>>,
    caller: Caller,
    Json(asked): Json<TemplateAsked>,
) -> Answer<Response> {
    let input = asked.input()?;
    let made = app
        .console
        .submit
        .make_template(&input, caller.user.id)
        .await?;
    Ok(created(made, "/api/v1/templates"))
}

/// One template as it is now.
#[utoipa::path(get, path = "/api/v1/templates/{id}", tag = "templates",
    operation_id = "getTemplate", params(("id" = String, Path)),
    responses((status = 200, body = TemplateShape)))]
pub(super) async fn get(
    State(app): State<Arc<App>>,
    Ids(text): Ids<String>,
) -> Answer<axum::Json<TemplateShape>> {
    Ok(axum::Json(TemplateShape::of(&template(&app, &text)?.value)))
}

/// Changes a template: another version, the one before it is kept.
#[utoipa::path(put, path = "/api/v1/templates/{id}", tag = "templates",
    operation_id = "changeTemplate", params(("id" = String, Path)), request_body = TemplateAsked,
    responses((status = 200, body = TemplateShape)))]
pub(super) async fn change(
    State(app): State<Arc<App>>,
    caller: Caller,
    Ids(text): Ids<String>,
    if_match: IfMatch,
    Json(asked): Json<TemplateAsked>,
) -> Answer<axum::Json<TemplateShape>> {
    let old = template(&app, &text)?;
    if_match.check(|| Ok(TemplateShape::of(&old)))?;
    let (input, by) = (asked.input()?, caller.user.id);
    let seen = asked.version.unwrap_or(old.version);
    let submit = &app.console.submit;
    submit.change_template(old.id, seen, &input, by).await?;
    Ok(axum::Json(TemplateShape::of(&template(&app, &text)?.value)))
}

/// The versions of a template, the oldest first.
#[utoipa::path(get, path = "/api/v1/templates/{id}/versions", tag = "templates",
    operation_id = "listTemplateVersions", params(("id" = String, Path)),
    responses((status = 200, body = Vec<TemplateShape>)))]
pub(super) async fn versions(
    State(app): State<Arc<App>>,
    Ids(text): Ids<String>,
) -> Answer<axum::Json<Vec<TemplateShape>>> {
    apart(&app, move |app| {
        let now = template(app, &text)?;
        let past = app.repo().past_templates(now.id)?;
        let all = past.iter().chain(std::iter::once(&now.value));
        Ok(axum::Json(all.map(TemplateShape::of).collect()))
    })
    .await
}

/// Whether a template may be chosen.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct StateAsked {
    /// False takes it out of use.
    active: bool,
}

/// Takes a template out of use, or back into it.
#[utoipa::path(put, path = "/api/v1/templates/{id}/state", tag = "templates",
    operation_id = "putTemplate", params(("id" = String, Path)), request_body = StateAsked,
    responses((status = 204)))]
pub(super) async fn put(
    State(app): State<Arc<App>>,
    caller: Caller,
    Ids(text): Ids<String>,
    Json(asked): Json<StateAsked>,
) -> Answer<StatusCode> {
    let of = template(&app, &text)?.id;
    let state = if asked.active {
        TemplateState::Active
    } else {
        TemplateState::Retired
    };
    app.console
        .submit
        .put_template(of, state, caller.user.id)
        .await?;
    Ok(StatusCode::NO_CONTENT)
}

/// A draft, and what stands in the gaps.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct RenderAsked {
    /// The draft that the letter is for: its recipient, case and channels.
    communication: String,
    #[serde(default)]
    values: BTreeMap<String, String>,
}

/// What would be said by one channel.
#[derive(Debug, Serialize, ToSchema)]
pub(super) struct PartShape {
    channel: &'static str,
    /// Of the text that was taken.
    language: String,
    /// There is no text in the recipient's language.
    fell_back: bool,
    subject: String,
    text: String,
    html: String,
    /// Values that are not of their kind, and why.
    wrong: BTreeMap<String, String>,
}

/// The letter that a template comes to.
#[derive(Debug, Serialize, ToSchema)]
pub(super) struct RenderedShape {
    version: u32,
    /// What is known by itself.
    known: BTreeMap<String, String>,
    /// Gaps that nothing fills.
    missing: Vec<String>,
    parts: Vec<PartShape>,
}

fn part(of: &LetterPart) -> PartShape {
    let (out, wrong) = match &of.outcome {
        Ok(out) => (out.clone(), BTreeMap::new()),
        Err(RenderError::Missing(_)) => Default::default(),
        Err(RenderError::Wrong(values)) => {
            let told = values
                .iter()
                .map(|(name, why)| (name.clone(), why.to_string()));
            (Default::default(), told.collect())
        }
        Err(RenderError::Template(why)) => {
            let told = [("template".to_owned(), why.to_string())];
            (Default::default(), told.into())
        }
    };
    PartShape {
        channel: of.channel.as_str(),
        language: of.language.clone(),
        fell_back: of.fell_back,
        subject: out.subject,
        text: out.text,
        html: out.html,
        wrong,
    }
}

/// What a template would say for a draft, and what is missing; nothing is changed.
#[utoipa::path(post, path = "/api/v1/templates/{id}/render", tag = "templates",
    operation_id = "renderTemplate", params(("id" = String, Path)), request_body = RenderAsked,
    responses((status = 200, body = RenderedShape)))]
pub(super) async fn render(
    State(app): State<Arc<App>>,
    caller: Caller,
    Ids(text): Ids<String>,
    Json(asked): Json<RenderAsked>,
) -> Answer<axum::Json<RenderedShape>> {
    apart(&app, move |app| {
        let of = template(app, &text)?.id;
        let draft = id(&asked.communication, "communication")?;
        let found = app.communication_for(&caller.access, draft)?;
        let draft = found.ok_or_else(|| Problem::not_found("communication"))?.id;
        let submit = &app.console.submit;
        let letter = submit.letter(draft, of, &asked.values, caller.user.id)?;
        Ok(axum::Json(RenderedShape {
            version: letter.version,
            missing: letter.missing(),
            parts: letter.parts.iter().map(part).collect(),
            known: letter.known,
        }))
    })
    .await
}

/// A template and what stands in its gaps.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct FillAsked {
    template: String,
    #[serde(default)]
    values: BTreeMap<String, String>,
}

/// Puts a letter into a draft, which remembers the template and its version.
#[utoipa::path(post, path = "/api/v1/communications/{id}/template", tag = "templates",
    operation_id = "fillDraft", params(("id" = String, Path)), request_body = FillAsked,
    responses((status = 204)))]
pub(super) async fn fill(
    State(app): State<Arc<App>>,
    caller: Caller,
    Ids(text): Ids<String>,
    Json(asked): Json<FillAsked>,
) -> Answer<StatusCode> {
    let draft = communication(&app, &text)?.id;
    let of = template(&app, &asked.template)?.id;
    let submit = &app.console.submit;
    submit
        .fill_draft(draft, None, of, &asked.values, caller.user.id)
        .await?;
    Ok(StatusCode::NO_CONTENT)
}
