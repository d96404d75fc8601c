//! Signing up. Nobody becomes a contact here: that needs one proved address or number.

use std::sync::Arc;

use askama::Template;
use axum::extract::{Request, State};
use axum::http::StatusCode;

use super::super::data;
use super::super::fault::Fault;
use super::super::fields::Fields;
use super::frame::{Asked, Frame};
use super::limits::level;
use super::{Answer, Site, guard, show, show_as};
use crate::domain::contact::NAME_SIZE_MAX;
use crate::domain::{
    AreaId, Consent, Contact, ContactId, ContactKind, Destination, EmailAddress, Method, MethodId,
    MethodKind, PhoneNumber, ProofKind, Redacted, Wishes,
};
use crate::submit::SelfSignUp;

/// Most areas offered to choose from.
pub(super) const AREAS_OFFERED_MAX: usize = 500;

/// Something to choose.
pub(super) struct Choosable {
    pub(super) value: String,
    pub(super) name: String,
    pub(super) chosen: bool,
}

/// What is wrong with a field.
pub(super) struct FieldProblem {
    pub(super) field: &'static str,
    pub(super) text: &'static str,
}

#[derive(Template)]
#[template(path = "public_sign_up.html")]
struct Page {
    c: Frame,
    first_name: String,
    last_name: String,
    email: String,
    mobile: String,
    landline: String,
    languages: Vec<Choosable>,
    areas: Vec<Choosable>,
    categories: Vec<Choosable>,
    problems: Vec<FieldProblem>,
}

impl Page {
    fn problem(&self, field: &str) -> Option<&'static str> {
        let found = self.problems.iter().find(|problem| problem.field == field);
        found.map(|problem| problem.text)
    }
}

#[derive(Template)]
#[template(path = "public_signed_up.html")]
struct Done {
    c: Frame,
}

/// `GET /sign-up`
pub(super) async fn page(State(site): State<Arc<Site>>, asked: Asked) -> Answer {
    if !site.settings().sign_up {
        return Err(Fault::NotFound);
    }
    view(&site, &asked, None, Vec::new())
}

/// `POST /sign-up`
pub(super) async fn enter(State(site): State<Arc<Site>>, asked: Asked, request: Request) -> Answer {
    if !site.settings().sign_up {
        return Err(Fault::NotFound);
    }
    let (parts, body) = request.into_parts();
    let fields = Fields::of_form(Request::from_parts(parts.clone(), body)).await?;
    let contact = match read(&site, &fields)? {
        Ok(contact) => contact,
        Err(problems) => {
            let problems = problems
                .into_iter()
                .map(|(field, key)| FieldProblem {
                    field,
                    text: asked.words.t(key),
                })
                .collect();
            return view(&site, &asked, Some(&fields), problems);
        }
    };
    guard::costly(&site, &parts)?;
    let taken = level(site.site.submit.sign_up(SelfSignUp { contact })).await;
    if let Err(error) = taken {
        tracing::error!(%error, "a sign-up could not be kept");
        return Err(error.into());
    }
    let c = Frame::bare(&site, &asked, "self.sign_up.done");
    show(&Done { c })
}

fn view(
    site: &Site,
    asked: &Asked,
    fields: Option<&Fields>,
    problems: Vec<FieldProblem>,
) -> Answer {
    let c = Frame::bare(site, asked, "self.sign_up.title");
    let entered = |name: &str| fields.map_or("", |fields| fields.get(name)).to_owned();
    let language = match fields {
        Some(fields) => fields.get("language").to_owned(),
        None => asked.words.language.to_owned(),
    };
    let status = if problems.is_empty() {
        StatusCode::OK
    } else {
        StatusCode::UNPROCESSABLE_ENTITY
    };
    let page = Page {
        first_name: entered("first_name"),
        last_name: entered("last_name"),
        email: entered("email"),
        mobile: entered("mobile"),
        landline: entered("landline"),
        languages: languages(&language),
        areas: areas(site, &entered("area"))?,
        categories: categories(site, fields),
        problems,
        c,
    };
    show_as(status, &page)
}

/// The languages there are words in, and the one that is chosen.
pub(super) fn languages(chosen: &str) -> Vec<Choosable> {
    let mut languages: Vec<Choosable> = super::super::words::Words::languages()
        .map(|(language, name)| Choosable {
            value: language.to_owned(),
            name: name.to_owned(),
            chosen: language == chosen,
        })
        .collect();
    if !chosen.is_empty() && languages.iter().all(|language| !language.chosen) {
        languages.push(Choosable {
            value: chosen.to_owned(),
            name: chosen.to_owned(),
            chosen: true,
        });
    }
    languages
}

/// The areas, indented by their depth; none where there are too many to choose from.
pub(super) fn areas(site: &Site, chosen: &str) -> Result<Vec<Choosable>, Fault> {
    let Some(tree) = data::few_areas(site.repo(), AREAS_OFFERED_MAX)? else {
        return Ok(Vec::new());
    };
    let offered = tree
        .walk()
        .into_iter()
        .map(|(depth, area)| {
            let value = area.id.to_string();
            Choosable {
                chosen: value == chosen,
                name: format!("{}{}", "– ".repeat(depth), area.name),
                value,
            }
        })
        .collect();
    Ok(offered)
}

fn categories(site: &Site, fields: Option<&Fields>) -> Vec<Choosable> {
    let titles = &site.settings().category_titles;
    let categories = site.site.submit.categories().into_iter();
    categories
        .map(|category| Choosable {
            chosen: fields
                .is_none_or(|fields| fields.all("category").any(|ticked| ticked == category.name)),
            name: titles.get(&category.name).unwrap_or(&category.name).clone(),
            value: category.name,
        })
        .collect()
}

type Problems = Vec<(&'static str, &'static str)>;

/// Somebody new, or what is wrong with which field.
fn read(site: &Site, fields: &Fields) -> Result<Result<Contact, Problems>, Fault> {
    let mut problems = Problems::new();
    let mut methods = Vec::new();
    for kind in MethodKind::ALL {
        let field = kind.as_str();
        match method(site, kind, fields.get(field)) {
            Ok(method) => methods.extend(method),
            Err(key) => problems.push((field, key)),
        }
    }
    if methods.is_empty() && problems.is_empty() {
        problems.push(("email", "self.sign_up.no_method"));
    }
    let names = names(fields, &mut problems);
    if !fields.has("agree") {
        problems.push(("agree", "self.sign_up.must_agree"));
    }
    let Some(area) = area(site, fields.get("area"))? else {
        return Ok(Err(vec![("area", "self.problem.area")]));
    };
    if !problems.is_empty() {
        return Ok(Err(problems));
    }
    let now = site.now();
    Ok(Ok(Contact {
        id: ContactId::new(site.site.random.uuid_v7(now)),
        kind: ContactKind::Citizen,
        first_name: Redacted::new(names.0),
        last_name: Redacted::new(names.1),
        language: language(site, fields.get("language")),
        area,
        methods,
        issue_since: None,
        prompted_at: None,
        created_at: now,
        groups: Vec::new(),
        custom: Vec::new(),
        wishes: wishes(site, fields),
        import: None,
    }))
}

/// A method that was entered; none for an empty field.
pub(super) fn method(
    site: &Site,
    kind: MethodKind,
    entered: &str,
) -> Result<Option<Method>, &'static str> {
    let entered = entered.trim();
    if entered.is_empty() {
        return Ok(None);
    }
    let destination = match kind {
        MethodKind::Email => EmailAddress::parse(entered)
            .map(|address| Destination::Email(Redacted::new(address)))
            .map_err(|_| "self.problem.email")?,
        MethodKind::Mobile | MethodKind::Landline => {
            PhoneNumber::parse(entered, &site.settings().default_region)
                .map(|number| Destination::Phone(Redacted::new(number)))
                .map_err(|_| "self.problem.phone")?
        }
    };
    Ok(Some(Method::new(
        MethodId::new(site.site.random.uuid_v7(site.now())),
        kind,
        destination,
    )))
}

/// First and last name.
pub(super) fn names(
    fields: &Fields,
    problems: &mut Vec<(&'static str, &'static str)>,
) -> (String, String) {
    let mut name = |field: &'static str| {
        let name = fields.get(field).trim();
        if name.len() > NAME_SIZE_MAX || name.chars().any(char::is_control) {
            problems.push((field, "self.problem.name"));
        }
        name.to_owned()
    };
    let names = (name("first_name"), name("last_name"));
    if names.0.is_empty() && names.1.is_empty() {
        problems.push(("first_name", "self.problem.no_name"));
    }
    names
}

/// The area that was chosen; the inner none for none, the outer for one that is not there.
pub(super) fn area(site: &Site, chosen: &str) -> Result<Option<Option<AreaId>>, Fault> {
    if chosen.is_empty() {
        return Ok(Some(None));
    }
    let Ok(id) = chosen.parse::<AreaId>() else {
        return Ok(None);
    };
    let known = site.repo().area(id)?.is_some();
    Ok(known.then_some(Some(id)))
}

/// A language that was chosen: one of ours, or the installation's.
pub(super) fn language(site: &Site, chosen: &str) -> String {
    super::super::words::Words::known(chosen).map_or_else(
        || site.settings().language.clone(),
        |words| words.language.to_owned(),
    )
}

fn wishes(site: &Site, fields: &Fields) -> Wishes {
    let mut wishes = Wishes::default();
    for category in site.site.submit.categories() {
        wishes.decide(Consent {
            channel: None,
            given: fields.all("category").any(|ticked| ticked == category.name),
            category: Some(category.name),
            at: site.now(),
            proof: ProofKind::SelfService,
            note: Redacted::new("sign-up".to_owned()),
        });
    }
    wishes
}
