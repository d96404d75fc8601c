//! Contacts that may be the same person: the list of all, and making two into one.

use std::sync::Arc;

use askama::Template;
use axum::extract::{Path, State};
use axum::http::Uri;

use super::super::App;
use super::super::data::{Areas, duplicates};
use super::super::fault::Fault;
use super::super::fields::Fields;
use super::super::session::{Signed, SignedForm};
use super::super::times::When;
use super::super::view::{Badge, Chrome};
use super::compose::see;
use super::{Answer, id, show};
use crate::domain::merger::MergeProblem;
use crate::domain::{Contact, ContactId, MethodState};
use crate::tracker::Merged;

struct Side {
    id: ContactId,
    name: String,
    area: String,
    since: String,
    methods: Vec<(String, String, Badge)>,
    groups: usize,
}

struct PairRow {
    one: (ContactId, String),
    other: (ContactId, String),
    area: String,
    why: &'static str,
}

#[derive(Template)]
#[template(path = "duplicates.html")]
struct ListPage {
    c: Chrome,
    rows: Vec<PairRow>,
    more: bool,
    as_of: Option<When>,
}

/// `GET /contacts/duplicates`
pub(super) async fn list(State(app): State<Arc<App>>, signed: Signed, uri: Uri) -> Answer {
    let done = Fields::of_query(&uri).get("done").to_owned();
    let c = Chrome::of(&app, &signed, signed.words.t("alike.all"), "contacts")?.with_done(&done);
    let listed = duplicates::list(&app).await?;
    let rows = listed.twins.into_iter().map(|twins| PairRow {
        area: twins.area,
        one: (twins.one.id, twins.one.full_name()),
        other: (twins.other.id, twins.other.full_name()),
        why: c.t(if twins.by_address {
            "alike.by_address"
        } else {
            "alike.name"
        }),
    });
    let rows = rows.collect();
    let as_of = listed.as_of.map(|at| c.when(&at));
    let more = listed.more;
    show(&ListPage {
        c,
        rows,
        more,
        as_of,
    })
}

#[derive(Template)]
#[template(path = "merge.html")]
struct MergePage {
    c: Chrome,
    sides: [Side; 2],
    problem: String,
}

/// `GET /contacts/{id}/merge?other=`: the two side by side.
pub(super) async fn ask(
    State(app): State<Arc<App>>,
    signed: Signed,
    Path(text): Path<String>,
    uri: Uri,
) -> Answer {
    let other: ContactId = id(Fields::of_query(&uri).get("other"))?;
    side_by_side(&app, &signed, id(&text)?, other, "")
}

fn side_by_side(
    app: &App,
    signed: &Signed,
    one: ContactId,
    other: ContactId,
    problem: &'static str,
) -> Answer {
    let c = Chrome::of(app, signed, signed.words.t("merge.title"), "contacts")?;
    let areas = Areas::read(app.repo())?;
    let one = app.repo().contact(one)?.ok_or(Fault::NotFound)?;
    let other = app.repo().contact(other)?.ok_or(Fault::NotFound)?;
    show(&MergePage {
        sides: [side(&c, &areas, &one), side(&c, &areas, &other)],
        problem: if problem.is_empty() {
            String::new()
        } else {
            c.t(problem).to_owned()
        },
        c,
    })
}

fn side(c: &Chrome, areas: &Areas, contact: &Contact) -> Side {
    let kept = contact
        .methods
        .iter()
        .filter(|method| method.state != MethodState::Removed);
    Side {
        id: contact.id,
        name: contact.full_name(),
        area: areas.name(contact.area).to_owned(),
        since: c.when(&contact.created_at).text,
        methods: kept
            .map(|method| {
                (
                    c.kind(&method.kind),
                    method.destination.reveal().to_owned(),
                    c.method_state(&method.state),
                )
            })
            .collect(),
        groups: contact.groups.len(),
    }
}

/// `POST /contacts/{id}/merge`: this one is kept.
pub(super) async fn merge(
    State(app): State<Arc<App>>,
    Path(text): Path<String>,
    form: SignedForm,
) -> Answer {
    let keep: ContactId = id(&text)?;
    let other: ContactId = id(form.fields.get("other"))?;
    let by = form.signed.user.id;
    let problem = match app.console.tracker.merge_contacts(keep, other, by).await? {
        Merged::Done => {
            tracing::info!(contact = %keep, other = %other, user = %by, "contacts merged");
            return Ok(see(&format!("/contacts/{keep}?done=merged")));
        }
        Merged::Impossible(MergeProblem::Same) => return Err(Fault::BadRequest),
        Merged::Impossible(MergeProblem::Methods) => "merge.methods",
        Merged::Impossible(MergeProblem::Groups) => "merge.groups",
        Merged::TooMany => "merge.too_many",
    };
    side_by_side(&app, &form.signed, keep, other, problem)
}
