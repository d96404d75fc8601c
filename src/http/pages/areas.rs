//! The tree of areas with their numbers; administrators make, move and remove them.

use std::sync::Arc;

use askama::Template;
use axum::extract::{Path, State};
use axum::http::{StatusCode, Uri};

use super::super::App;
use super::super::data::Areas;
use super::super::fault::Fault;
use super::super::fields::Fields;
use super::super::session::{Signed, SignedForm};
use super::super::view::Chrome;
use super::super::webhooks::place_of;
use super::compose::see;
use super::confirm::{self, Question};
use super::contact_edit::{Choice, area_choices};
use super::named::{self, Named, Refused};
use super::problems::{Problem, Problems};
use super::{Answer, apart, id, show_as};
use crate::domain::outline::Outline;
use crate::domain::{Actor, AreaId};
use crate::submit::{FieldError, Going, SubmitError};
use crate::tracker::{Refusal, TrackerError};

struct AreaRow {
    id: AreaId,
    name: String,
    depth: usize,
    people: Option<u64>,
    issues: Option<u64>,
}

#[derive(Template)]
#[template(path = "areas.html")]
struct AreasPage {
    c: Chrome,
    areas: Vec<AreaRow>,
    choices: Vec<Choice>,
    name: Named,
}

/// `GET /areas`
pub(super) async fn areas(State(app): State<Arc<App>>, signed: Signed, uri: Uri) -> Answer {
    apart(move || {
        let done = Fields::of_query(&uri).get("done").to_owned();
        list(&app, &signed, &done, None)
    })
    .await
}

fn list(app: &App, signed: &Signed, done: &str, refused: Refused<'_>) -> Answer {
    let c = Chrome::of(app, signed, signed.words.t("areas.title"), "areas")?.with_done(done);
    let areas = Areas::within(app.repo(), &signed.access)?;
    let row = |(depth, area): (usize, &crate::domain::Area)| AreaRow {
        id: area.id,
        name: area.name.clone(),
        depth: depth.min(4),
        people: areas.numbers(area.id).map(|numbers| numbers.people),
        issues: areas.numbers(area.id).map(|numbers| numbers.issues),
    };
    let parent = refused.map_or("", |(_, fields)| fields.get("parent"));
    let page = AreasPage {
        areas: areas.tree.walk().into_iter().map(row).collect(),
        choices: area_choices(&areas, parent),
        name: Named::of(&c, "", refused),
        c,
    };
    show_as(named::status(refused), &page)
}

fn parent(fields: &Fields) -> Result<Option<AreaId>, Fault> {
    match fields.get("parent") {
        "" => Ok(None),
        text => id(text).map(Some),
    }
}

/// `POST /areas`
pub(super) async fn create(State(app): State<Arc<App>>, form: SignedForm) -> Answer {
    let SignedForm { signed, fields } = form;
    let parent = parent(&fields)?;
    let added = app.console.tracker.add_area(fields.get("name"), parent);
    match added.await {
        Ok(_) => Ok(see("/areas?done=area_made")),
        Err(TrackerError::Refused(why)) => list(&app, &signed, "", Some((why, &fields))),
        Err(error) => Err(error.into()),
    }
}

#[derive(Template)]
#[template(path = "area.html")]
struct AreaPage {
    c: Chrome,
    id: AreaId,
    title: String,
    name: Named,
    choices: Vec<Choice>,
    people: u64,
    issues: u64,
    below: usize,
    /// Outlines and codes, a line each.
    outlines: String,
    geocodes: String,
    p: Problems,
    problems: Vec<Problem>,
}

/// What was entered about where an area lies, and what is wrong with it.
struct WrongPlace {
    outlines: String,
    geocodes: String,
    problem: FieldError,
}

/// `GET /areas/{id}`: name and place, for administrators.
pub(super) async fn area(
    State(app): State<Arc<App>>,
    signed: Signed,
    Path(text): Path<String>,
) -> Answer {
    apart(move || one(&app, &signed, id(&text)?, None, None)).await
}

fn one(
    app: &App,
    signed: &Signed,
    id: AreaId,
    refused: Refused<'_>,
    wrong: Option<WrongPlace>,
) -> Answer {
    let areas = Areas::read(app.repo())?;
    let area = areas.tree.get(id).ok_or(Fault::NotFound)?;
    let c = Chrome::of(app, signed, area.name.clone(), "areas")?;
    let within = areas.tree.subtree(id);
    let chosen = match refused {
        Some((_, fields)) if fields.has("name") => fields.get("parent").to_owned(),
        Some(_) | None => area.parent.map(|id| id.to_string()).unwrap_or_default(),
    };
    let mut choices = area_choices(&areas, &chosen);
    // It cannot lie in itself.
    choices.retain(|choice| !within.iter().any(|id| id.to_string() == choice.value));
    let place = app.repo().area_place(id)?;
    let known = place.as_ref().map_or(&[][..], |place| place.outlines());
    let known: Vec<String> = known.iter().map(Outline::text).collect();
    let codes = place.as_ref().map_or(&[][..], |place| place.geocodes());
    let (outlines, geocodes, problem) = match wrong {
        Some(wrong) => (wrong.outlines, wrong.geocodes, vec![wrong.problem]),
        None => (known.join("\n"), codes.join("\n"), Vec::new()),
    };
    let p = Problems::new(&problem, c.words);
    let status = if problem.is_empty() {
        named::status(refused)
    } else {
        StatusCode::UNPROCESSABLE_ENTITY
    };
    let page = AreaPage {
        outlines,
        geocodes,
        problems: p.summary(&c),
        p,
        id,
        title: area.name.clone(),
        name: Named::of(&c, &area.name, refused),
        choices,
        people: areas.numbers(id).unwrap_or_default().people,
        issues: areas.numbers(id).unwrap_or_default().issues,
        below: within.len() - 1,
        c,
    };
    show_as(status, &page)
}

/// `POST /areas/{id}/place`: where it lies.
pub(super) async fn place(
    State(app): State<Arc<App>>,
    Path(text): Path<String>,
    form: SignedForm,
) -> Answer {
    let id: AreaId = id(&text)?;
    let SignedForm { signed, fields } = form;
    let (outlines, geocodes) = (fields.get("outlines"), fields.get("geocodes"));
    let codes = geocodes
        .lines()
        .map(str::trim)
        .filter(|line| !line.is_empty());
    let shapes = outlines
        .lines()
        .map(str::trim)
        .filter(|line| !line.is_empty());
    match place_of(id, shapes, codes.map(str::to_owned).collect()) {
        Ok(place) => {
            app.console.tracker.place_area(&place).await?;
            Ok(see(&format!("/areas/{id}?done=area_changed")))
        }
        Err(problem) => {
            let wrong = WrongPlace {
                outlines: outlines.to_owned(),
                geocodes: geocodes.to_owned(),
                problem,
            };
            apart(move || one(&app, &signed, id, None, Some(wrong))).await
        }
    }
}

/// `POST /areas/{id}`: another name or place.
pub(super) async fn change(
    State(app): State<Arc<App>>,
    Path(text): Path<String>,
    form: SignedForm,
) -> Answer {
    let id: AreaId = id(&text)?;
    let SignedForm { signed, fields } = form;
    let parent = parent(&fields)?;
    let changed = app
        .console
        .tracker
        .change_area(id, fields.get("name"), parent);
    match changed.await {
        Ok(()) => Ok(see("/areas?done=area_changed")),
        Err(TrackerError::Refused(why)) => one(&app, &signed, id, Some((why, &fields)), None),
        Err(error) => Err(error.into()),
    }
}

/// `GET /areas/{id}/delete`: asks first, and where its people go.
pub(super) async fn ask_delete(
    State(app): State<Arc<App>>,
    signed: Signed,
    Path(text): Path<String>,
) -> Answer {
    let id: AreaId = id(&text)?;
    apart(move || {
        let areas = Areas::read(app.repo())?;
        let area = areas.tree.get(id).ok_or(Fault::NotFound)?;
        if !areas.tree.children(Some(id)).is_empty() {
            let nothing = Fields::default();
            return one(&app, &signed, id, Some((Refusal::NotEmpty, &nothing)), None);
        }
        let words = signed.words;
        let people = areas.numbers(id).unwrap_or_default().people;
        let above = area.parent.map(|id| id.to_string()).unwrap_or_default();
        let mut choices = area_choices(&areas, &above);
        choices.retain(|choice| choice.value != id.to_string());
        choices.insert(
            0,
            Choice {
                value: String::new(),
                text: words.t("issues.no_area").to_owned(),
                chosen: above.is_empty(),
            },
        );
        let question = Question {
            section: "areas",
            title: words.fill("areas.delete_title", &[&area.name]),
            text: words.count("areas.delete_one", "areas.delete_many", people),
            details: confirm::without(&app, &signed, Going::Area(id, area.parent))?,
            action: format!("/areas/{id}/delete"),
            button: "areas.delete",
            back: "/areas".to_owned(),
            fields: Vec::new(),
            choice: (people > 0).then_some(("parent", "areas.move_to", choices)),
        };
        confirm::ask(&app, &signed, question)
    })
    .await
}

/// `POST /areas/{id}/delete`
pub(super) async fn delete(
    State(app): State<Arc<App>>,
    Path(text): Path<String>,
    form: SignedForm,
) -> Answer {
    let id: AreaId = id(&text)?;
    let SignedForm { signed, fields } = form;
    let into = parent(&fields)?;
    let by = Actor::User(signed.user.id);
    match app.console.submit.delete_area(id, into, by).await {
        Ok(deleted) => {
            tracing::info!(area = %id, moved = deleted.moved, user = %signed.user.id, "area removed");
            Ok(see("/areas?done=area_gone"))
        }
        Err(SubmitError::Tracker(TrackerError::Refused(why))) => {
            one(&app, &signed, id, Some((why, &fields)), None)
        }
        Err(error) => Err(error.into()),
    }
}
