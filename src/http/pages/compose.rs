//! Writing a communication. Works in whole forms: "Find" answers with the same form and what
//! was found; "Save" and "Review" keep the draft.

use std::collections::HashSet;
use std::sync::Arc;

use askama::Template;
use axum::extract::{Path, State};
use axum::http::{StatusCode, Uri};
use axum::response::{IntoResponse, Redirect, Response};

use super::super::App;
use super::super::data::{self, Areas};
use super::super::fault::Fault;
use super::super::fields::Fields;
use super::super::session::{Signed, SignedForm};
use super::super::view::Chrome;
use super::super::words::Words;
use super::communications::category_title;
use super::problems::{Problem, Problems};
use super::{Answer, id, show, show_as};
use crate::domain::segments::segments;
use crate::domain::{
    AreaId, Audience, Channels, CommunicationId, CommunicationState, Contact, ContactId, Content,
    User,
};
use crate::submit::{DraftInput, FieldError, SubmitError};

/// Contacts listed for one search.
const FOUND_MAX: usize = 25;

struct CategoryChoice {
    name: String,
    title: String,
    note: &'static str,
    chosen: bool,
}

struct AreaChoice {
    id: AreaId,
    name: String,
    depth: usize,
    people: u64,
    chosen: bool,
}

struct ContactChoice {
    id: ContactId,
    name: String,
    hint: String,
}

#[derive(Template)]
#[template(path = "compose.html")]
struct Page {
    c: Chrome,
    action: String,
    d: DraftInput,
    p: Problems,
    problems: Vec<Problem>,
    categories: Vec<CategoryChoice>,
    areas: Vec<AreaChoice>,
    chosen: Vec<ContactChoice>,
    find: String,
    found: Vec<ContactChoice>,
    found_count: u64,
    sms_count: String,
}

/// The form as it was filled in.
struct Filled {
    id: Option<CommunicationId>,
    draft: DraftInput,
    errors: Vec<FieldError>,
    find: String,
}

/// `GET /communications/new`; `?contact=` begins with somebody chosen.
pub(super) async fn new(State(app): State<Arc<App>>, signed: Signed, uri: Uri) -> Answer {
    let query = Fields::of_query(&uri);
    let mut draft = empty(&app);
    draft.audience.contacts = query
        .all("contact")
        .filter_map(|id| id.parse().ok())
        .collect();
    form(
        &app,
        &signed,
        Filled {
            id: None,
            draft,
            errors: Vec::new(),
            find: String::new(),
        },
        StatusCode::OK,
    )
}

/// `GET /communications/{id}/edit`
pub(super) async fn edit(
    State(app): State<Arc<App>>,
    signed: Signed,
    Path(text): Path<String>,
    uri: Uri,
) -> Answer {
    let id: CommunicationId = id(&text)?;
    let communication = app.repo().communication(id)?.ok_or(Fault::NotFound)?;
    if communication.state != CommunicationState::Draft {
        return Ok(Redirect::to(&format!("/communications/{id}")).into_response());
    }
    let draft = app.console.submit.draft(id)?;
    let errors = if Fields::of_query(&uri).has("check") {
        app.console.submit.problems(&draft)
    } else {
        Vec::new()
    };
    form(
        &app,
        &signed,
        Filled {
            id: Some(id),
            draft,
            errors,
            find: String::new(),
        },
        StatusCode::OK,
    )
}

/// `POST /communications`
pub(super) async fn create(State(app): State<Arc<App>>, form: SignedForm) -> Answer {
    take(&app, None, form).await
}

/// `POST /communications/{id}`
pub(super) async fn update(
    State(app): State<Arc<App>>,
    Path(text): Path<String>,
    form: SignedForm,
) -> Answer {
    take(&app, Some(id(&text)?), form).await
}

async fn take(
    app: &App,
    id: Option<CommunicationId>,
    SignedForm { signed, fields }: SignedForm,
) -> Answer {
    let draft = read(&fields);
    if fields.get("do") == "find" {
        let filled = Filled {
            id,
            draft,
            errors: Vec::new(),
            find: fields.get("find").to_owned(),
        };
        return form(app, &signed, filled, StatusCode::OK);
    }
    if fields.get("do") == "review" {
        let errors = app.console.submit.problems(&draft);
        if !errors.is_empty() {
            let filled = Filled {
                id,
                draft,
                errors,
                find: String::new(),
            };
            return form(app, &signed, filled, StatusCode::UNPROCESSABLE_ENTITY);
        }
    }
    match app
        .console
        .submit
        .save_draft(id, &draft, signed.user.id)
        .await
    {
        Ok(id) if fields.get("do") == "review" => Ok(see(&format!("/communications/{id}/review"))),
        Ok(id) => Ok(see(&format!("/communications/{id}/edit?done=saved"))),
        Err(SubmitError::Invalid(errors)) => {
            let filled = Filled {
                id,
                draft,
                errors,
                find: String::new(),
            };
            form(app, &signed, filled, StatusCode::UNPROCESSABLE_ENTITY)
        }
        Err(SubmitError::AlreadySent) => match id {
            Some(id) => Ok(see(&format!("/communications/{id}?done=before"))),
            None => Err(Fault::Unavailable),
        },
        Err(error) => Err(error.into()),
    }
}

/// Where to look after a form (RFC 9110, 15.4.4).
pub(super) fn see(path: &str) -> Response {
    Redirect::to(path).into_response()
}

/// A draft that says nothing yet.
pub(super) fn empty(app: &App) -> DraftInput {
    let categories = app.console.submit.categories();
    let category = categories.first();
    DraftInput {
        content: Content {
            subject: String::new(),
            text: String::new(),
            html: String::new(),
            sms_text: String::new(),
            voice_script: String::new(),
            attachments: Vec::new(),
        },
        category: category
            .map(|category| category.name.clone())
            .unwrap_or_default(),
        channels: Channels::ALL,
        audience: Audience::default(),
        ..DraftInput::default()
    }
}

fn read(fields: &Fields) -> DraftInput {
    DraftInput {
        content: Content {
            subject: fields.get("subject").trim().to_owned(),
            text: fields.text("text"),
            html: fields.text("html"),
            sms_text: fields.text("sms_text"),
            voice_script: fields.text("voice_script"),
            attachments: Vec::new(),
        },
        category: fields.get("category").to_owned(),
        channels: Channels {
            email: fields.has("by_email"),
            text: fields.has("by_text"),
            call: fields.has("by_call"),
        },
        audience: Audience {
            areas: once(fields.all("area").filter_map(|id| id.parse().ok())),
            contacts: once(fields.all("contact").filter_map(|id| id.parse().ok())),
            ..Audience::default()
        },
        ..DraftInput::default()
    }
}

fn once<T: Copy + Eq + std::hash::Hash>(ids: impl Iterator<Item = T>) -> Vec<T> {
    let mut seen = HashSet::new();
    ids.filter(|id| seen.insert(*id)).collect()
}

fn form(app: &App, signed: &Signed, filled: Filled, status: StatusCode) -> Answer {
    let Filled {
        id,
        draft,
        errors,
        find,
    } = filled;
    let title = signed.words.t(if id.is_some() {
        "compose.draft"
    } else {
        "compose.new"
    });
    let c = Chrome::of(app, signed, title, "communications")?;
    let areas = Areas::read(app.repo())?;
    let found = if find.trim().is_empty() {
        Vec::new()
    } else {
        data::search(
            app.repo(),
            &find,
            &app.console.settings.default_region,
            FOUND_MAX,
        )?
    };
    let found: Vec<ContactChoice> = found
        .iter()
        .filter(|contact| !draft.audience.contacts.contains(&contact.id))
        .map(|contact| contact_choice(&c, &areas, contact))
        .collect();
    let mut chosen = Vec::new();
    for id in &draft.audience.contacts {
        let contact = app.repo().contact(*id)?;
        chosen.extend(contact.map(|contact| contact_choice(&c, &areas, &contact)));
    }
    let p = Problems::new(&errors, c.words);
    let page = Page {
        action: id.map_or_else(
            || "/communications".to_owned(),
            |id| format!("/communications/{id}"),
        ),
        problems: p.summary(&c),
        p,
        categories: categories(app, c.words, &draft.category),
        areas: area_choices(&areas, &signed.user, &draft.audience.areas),
        chosen,
        found_count: found.len() as u64,
        found,
        find,
        sms_count: sms_count(&c, &draft.content.sms_text),
        d: draft,
        c,
    };
    if status == StatusCode::OK {
        show(&page)
    } else {
        show_as(status, &page)
    }
}

fn categories(app: &App, words: &Words, chosen: &str) -> Vec<CategoryChoice> {
    let choice = |category: &crate::domain::Category| CategoryChoice {
        name: category.name.clone(),
        title: if category.confirmation_required {
            words.fill(
                "category.confirmed",
                &[&category_title(app, words, &category.name)],
            )
        } else {
            category_title(app, words, &category.name)
        },
        note: words.t(if category.confirmation_required {
            "category.confirmation"
        } else {
            "category.no_confirmation"
        }),
        chosen: category.name == chosen,
    };
    app.console.submit.categories().iter().map(choice).collect()
}

/// The areas to choose from, those that the author covers first.
fn area_choices(areas: &Areas, author: &User, chosen: &[AreaId]) -> Vec<AreaChoice> {
    let choice = |(depth, area): (usize, &crate::domain::Area)| AreaChoice {
        id: area.id,
        name: area.name.clone(),
        depth: depth.min(4),
        people: areas.numbers(area.id).people,
        chosen: chosen.contains(&area.id),
    };
    areas.walk_for(author).into_iter().map(choice).collect()
}

fn contact_choice(c: &Chrome, areas: &Areas, contact: &Contact) -> ContactChoice {
    let mut hints: Vec<String> = Vec::new();
    let area = areas.name(contact.area);
    if !area.is_empty() {
        hints.push(area.to_owned());
    }
    for method in contact
        .methods
        .iter()
        .filter(|method| method.state.is_usable())
    {
        hints.push(c.kind(&method.kind));
    }
    ContactChoice {
        id: contact.id,
        name: contact.full_name(),
        hint: hints.join(" · "),
    }
}

/// "23 characters, 1 segment".
pub(super) fn sms_count(c: &Chrome, text: &str) -> String {
    let found = segments(text);
    let key = if found.count == 1 {
        "sms.count_one"
    } else {
        "sms.count_many"
    };
    let mut count = c.f2(key, found.units, found.count);
    if !found.gsm {
        count.push(' ');
        count.push_str(c.t("sms.wide"));
    }
    count
}

impl From<SubmitError> for Fault {
    fn from(error: SubmitError) -> Self {
        match error {
            SubmitError::NotFound => Self::NotFound,
            SubmitError::Repo(error) => error.into(),
            SubmitError::Tracker(error) => error.into(),
            SubmitError::Store(crate::store::StoreError::Conflict { .. }) => Self::Unavailable,
            SubmitError::Store(error) => error.into(),
            SubmitError::OwnWork => Self::Forbidden,
            SubmitError::Invalid(_)
            | SubmitError::Recontact(_)
            | SubmitError::NeedsApproval
            | SubmitError::NotYet => Self::BadRequest,
            SubmitError::AlreadySent
            | SubmitError::NotADraft
            | SubmitError::Changed
            | SubmitError::Contention => Self::Unavailable,
        }
    }
}
