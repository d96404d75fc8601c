//! Corrections, follow-ups, and composing again: begun from a communication that was sent, and
//! linked both ways.

use std::sync::Arc;

use askama::Template;
use axum::extract::{Path, State};
use axum::http::{StatusCode, Uri};
use axum::response::{IntoResponse, Redirect};

use super::super::App;
use super::super::data::Result;
use super::super::fault::Fault;
use super::super::fields::Fields;
use super::super::session::{Signed, SignedForm};
use super::super::view::{Badge, Chrome};
use super::compose::see;
use super::problems::{Problem, Problems};
use super::{Answer, id, show_as};
use crate::domain::{Access, Communication, CommunicationId, Relation};
use crate::submit::{FieldError, FollowUp, SubmitError, Whom};

/// Most later communications listed.
const LATER_MAX: usize = 100;

/// A communication that this one belongs to, or that belongs to it.
pub(super) struct RelatedView {
    pub(super) how: String,
    pub(super) href: String,
    pub(super) title: String,
    pub(super) state: Badge,
}

fn view(c: &Chrome, how: &'static str, of: &Communication) -> RelatedView {
    RelatedView {
        how: c.t(how).to_owned(),
        href: format!("/communications/{}", of.id),
        title: c.title_of(of),
        state: c.communication(&of.state),
    }
}

/// The communication that this one belongs to.
pub(super) fn earlier(
    app: &App,
    c: &Chrome,
    access: &Access,
    of: &Communication,
) -> Result<Vec<RelatedView>> {
    let Some(related) = of.related else {
        return Ok(Vec::new());
    };
    let how = match related.relation {
        Relation::Correction => "related.corrects",
        Relation::FollowUp => "related.follows",
        Relation::Again => "related.again",
        Relation::Trial => "related.tries",
    };
    match app.repo().communication(related.to)? {
        Some(to) if app.sees_communication(access, &to)? => Ok(vec![view(c, how, &to)]),
        Some(_) | None => Ok(Vec::new()),
    }
}

/// The earlier one, and those that came later. Trials are nobody's business here.
pub(super) fn both(
    app: &App,
    c: &Chrome,
    access: &Access,
    of: &Communication,
) -> Result<Vec<RelatedView>> {
    let mut views = earlier(app, c, access, of)?;
    for later in app.repo().communications_related_to(of.id, LATER_MAX)? {
        let how = match later.related.map(|related| related.relation) {
            Some(Relation::Correction) => "related.corrected_by",
            Some(Relation::FollowUp) => "related.followed_by",
            Some(Relation::Again) => "related.again_by",
            Some(Relation::Trial) | None => continue,
        };
        if !app.sees_communication(access, &later)? {
            continue;
        }
        views.push(view(c, how, &later));
    }
    Ok(views)
}

struct Choice {
    value: &'static str,
    label: &'static str,
    count: String,
    chosen: bool,
}

#[derive(Template)]
#[template(path = "follow.html")]
struct Page {
    c: Chrome,
    id: CommunicationId,
    of: String,
    lead: &'static str,
    relation: &'static str,
    choices: Vec<Choice>,
    problems: Vec<Problem>,
}

const fn slug(relation: Relation) -> &'static str {
    match relation {
        Relation::Correction => "correction",
        Relation::FollowUp => "follow-up",
        Relation::Again => "again",
        Relation::Trial => "trial",
    }
}

fn relation_of(text: &str) -> Option<Relation> {
    [Relation::Correction, Relation::FollowUp, Relation::Again]
        .into_iter()
        .find(|relation| slug(*relation) == text)
}

/// `GET /communications/{id}/follow?as=`
pub(super) async fn page(
    State(app): State<Arc<App>>,
    signed: Signed,
    Path(text): Path<String>,
    uri: Uri,
) -> Answer {
    let relation = relation_of(Fields::of_query(&uri).get("as"));
    let relation = relation.ok_or(Fault::NotFound)?;
    ask(&app, &signed, id(&text)?, relation, &[])
}

fn ask(
    app: &App,
    signed: &Signed,
    id: CommunicationId,
    relation: Relation,
    errors: &[FieldError],
) -> Answer {
    let of = app.repo().communication(id)?.ok_or(Fault::NotFound)?;
    if !of.is_sent() {
        return Ok(Redirect::to(&format!("/communications/{id}/review")).into_response());
    }
    let (title, lead) = match relation {
        Relation::Correction => ("follow.correction", "follow.correction_text"),
        Relation::FollowUp | Relation::Trial => ("follow.follow_up", "follow.follow_up_text"),
        Relation::Again => ("follow.again", "follow.again_text"),
    };
    let c = Chrome::of(app, signed, signed.words.t(title), "communications")?;
    let numbers = app.repo().statistics(&of)?;
    let first = if relation == Relation::Again { 2 } else { 0 };
    let whom = [
        ("all", "follow.all", numbers.people),
        ("reached", "follow.reached", numbers.contacted),
        ("not-reached", "follow.not_reached", numbers.not_contacted),
    ];
    let choice = |(index, (value, label, count)): (usize, (_, _, u64))| Choice {
        value,
        label: c.t(label),
        count: c.people(&count),
        chosen: index == first,
    };
    let page = Page {
        id,
        of: c.title_of(&of),
        lead: c.t(lead),
        relation: slug(relation),
        choices: whom.into_iter().enumerate().map(choice).collect(),
        problems: Problems::new(errors, c.words).summary(&c),
        c,
    };
    let status = if errors.is_empty() {
        StatusCode::OK
    } else {
        StatusCode::UNPROCESSABLE_ENTITY
    };
    show_as(status, &page)
}

/// `POST /communications/{id}/follow`
pub(super) async fn begin(
    State(app): State<Arc<App>>,
    Path(text): Path<String>,
    SignedForm { signed, fields }: SignedForm,
) -> Answer {
    let id: CommunicationId = id(&text)?;
    let relation = relation_of(fields.get("as")).ok_or(Fault::BadRequest)?;
    let whom = match fields.get("whom") {
        "reached" => Whom::Reached,
        "not-reached" => Whom::NotReached,
        _ => Whom::All,
    };
    let prefix = match relation {
        Relation::Correction => signed.words.t("follow.correction_prefix"),
        Relation::FollowUp => signed.words.t("follow.follow_up_prefix"),
        Relation::Again | Relation::Trial => "",
    };
    // The catalogue trims what it holds: the space between belongs to us.
    let prefix = if prefix.is_empty() {
        String::new()
    } else {
        format!("{prefix} ")
    };
    let wanted = FollowUp {
        relation,
        whom,
        prefix,
    };
    match app.console.submit.follow(id, wanted, signed.user.id).await {
        Ok(new) => Ok(see(&format!("/communications/{new}/edit?done=begun"))),
        Err(SubmitError::Invalid(errors)) => ask(&app, &signed, id, relation, &errors),
        Err(SubmitError::NotYet) => Ok(see(&format!("/communications/{id}/review"))),
        Err(error) => Err(error.into()),
    }
}
