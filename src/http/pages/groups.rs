//! Groups: made, named, removed; who belongs to them. Saved filters beside them.

use std::sync::Arc;

use askama::Template;
use axum::extract::{Path, State};
use axum::http::Uri;

use super::super::App;
use super::super::cursor::Cursors;
use super::super::data::{self, Areas, PAGE_ROWS, people};
use super::super::fault::Fault;
use super::super::fields::Fields;
use super::super::gather::{self, Gathered};
use super::super::session::{Signed, SignedForm};
use super::super::times::When;
use super::super::view::Chrome;
use super::compose::see;
use super::confirm::{self, Question};
use super::contacts::{Row, rows};
use super::filter_form::{query, read};
use super::named::{self, Named, Refused};
use super::recipients::of_text;
use super::{Answer, apart, id, show, show_as};
use crate::domain::group::{FILTERS_MAX, GROUPS_MAX};
use crate::domain::{Actor, ContactFilter, ContactId, FilterId, GatherInto, GroupId};
use crate::submit::Going;
use crate::tracker::TrackerError;

/// Contacts found to add to a group.
const FOUND_MAX: usize = 25;

struct GroupRow {
    id: GroupId,
    name: String,
    people: u64,
    since: When,
}

#[derive(Template)]
#[template(path = "groups.html")]
struct Page {
    c: Chrome,
    name: Named,
    groups: Vec<GroupRow>,
}

/// `GET /groups`
pub(super) async fn page(State(app): State<Arc<App>>, signed: Signed, uri: Uri) -> Answer {
    apart(move || {
        let fields = Fields::of_query(&uri);
        list(&app, &signed, fields.get("done"), None)
    })
    .await
}

fn list(app: &App, signed: &Signed, done: &str, refused: Refused<'_>) -> Answer {
    let c = Chrome::of(app, signed, signed.words.t("groups.title"), "contacts")?.with_done(done);
    let mut groups = app.repo().groups(GROUPS_MAX)?;
    groups.sort_by_cached_key(|group| group.name.to_lowercase());
    let mut rows = Vec::with_capacity(groups.len());
    for group in groups {
        rows.push(GroupRow {
            id: group.id,
            people: app.repo().group_count(group.id)?,
            since: c.when(&group.created_at),
            name: group.value.name,
        });
    }
    let page = Page {
        name: Named::of(&c, "", refused),
        groups: rows,
        c,
    };
    show_as(named::status(refused), &page)
}

/// `POST /groups`
pub(super) async fn create(State(app): State<Arc<App>>, form: SignedForm) -> Answer {
    let SignedForm { signed, fields } = form;
    match app.console.tracker.add_group(fields.get("name")).await {
        Ok(id) => Ok(see(&format!("/groups/{id}?done=group_made"))),
        Err(TrackerError::Refused(why)) => list(&app, &signed, "", Some((why, &fields))),
        Err(error) => Err(error.into()),
    }
}

/// `POST /groups/add-all`: everybody whom a filter finds.
pub(super) async fn add_all(State(app): State<Arc<App>>, form: SignedForm) -> Answer {
    let SignedForm { signed, fields } = form;
    let group: GroupId = id(fields.get("into"))?;
    if app.repo().group(group)?.is_none() {
        return Err(Fault::NotFound);
    }
    let filter = read(&of_text(fields.get("query")));
    let into = GatherInto::Group(group);
    let gathered = gather::gather(&app, signed.user.id, into, filter).await?;
    Ok(see(&match gathered {
        Gathered::Done(added) | Gathered::Full(added) => {
            format!("/groups/{group}?added={added}")
        }
        Gathered::UnderWay => format!("/groups/{group}?done=under_way"),
        Gathered::Busy => format!("/groups/{group}?done=busy"),
    }))
}

#[derive(Template)]
#[template(path = "group.html")]
struct GroupPage {
    c: Chrome,
    id: GroupId,
    title: String,
    name: Named,
    note: String,
    people: u64,
    find: String,
    found: Vec<Row>,
    rows: Vec<Row>,
    query: String,
    back: String,
    first: String,
    next: String,
}

/// `GET /groups/{id}`; `?find=` looks for contacts to add.
pub(super) async fn group(
    State(app): State<Arc<App>>,
    signed: Signed,
    Path(text): Path<String>,
    uri: Uri,
) -> Answer {
    apart(move || {
        let fields = Fields::of_query(&uri);
        one(&app, &signed, id(&text)?, &fields, None)
    })
    .await
}

fn one(
    app: &Arc<App>,
    signed: &Signed,
    id: GroupId,
    fields: &Fields,
    refused: Refused<'_>,
) -> Answer {
    let group = app.repo().group(id)?.ok_or(Fault::NotFound)?;
    let c = Chrome::of(app, signed, group.name.clone(), "contacts")?.with_done(fields.get("done"));
    gather::resume(app, signed.user.id)?;
    let areas = Areas::within(app.repo(), &signed.access)?;
    let here = format!("/groups/{id}");
    let cursors = Cursors::of(app, signed.user.id, &here);
    let after = cursors.place(fields.get("after"));
    let filter = ContactFilter {
        groups: vec![id],
        ..ContactFilter::default()
    };
    let region = &app.console.settings.default_region;
    let repo = app.repo();
    let part = people::found(
        repo,
        &areas.tree,
        &filter,
        &signed.access,
        region,
        after.as_deref(),
        PAGE_ROWS,
    )?;
    let find = fields.get("find").trim().to_owned();
    let mut found = if find.is_empty() {
        Vec::new()
    } else {
        data::search(repo, &find, region, &signed.access, FOUND_MAX)?
    };
    found.retain(|contact| !contact.groups.contains(&id));
    let added: Option<u64> = fields.get("added").parse().ok();
    let next = part
        .next
        .map(|place| format!("{here}?after={}", cursors.text(&place)));
    let user = signed.user.id;
    let page = GroupPage {
        id,
        title: group.name.clone(),
        name: Named::of(&c, &group.name, refused),
        note: added
            .map(|added| c.n("groups.added_one", "groups.added_many", &added))
            .unwrap_or_default(),
        people: repo.group_count(id)?,
        found: rows(app, &c, &areas, &found, user)?,
        rows: rows(app, &c, &areas, &part.rows, user)?,
        query: query(&filter),
        first: if after.is_some() {
            here.clone()
        } else {
            String::new()
        },
        next: next.unwrap_or_default(),
        back: here,
        find,
        c,
    };
    show_as(named::status(refused), &page)
}

/// `POST /groups/{id}`: another name.
pub(super) async fn rename(
    State(app): State<Arc<App>>,
    Path(text): Path<String>,
    form: SignedForm,
) -> Answer {
    let id: GroupId = id(&text)?;
    let SignedForm { signed, fields } = form;
    let name = fields.get("name");
    let renamed = app.console.tracker.rename_group(id, name);
    match renamed.await {
        Ok(()) => Ok(see(&format!("/groups/{id}?done=renamed"))),
        Err(TrackerError::Refused(why)) => {
            let refused = Some((why, &fields));
            one(&app, &signed, id, &Fields::default(), refused)
        }
        Err(error) => Err(error.into()),
    }
}

/// `POST /groups/{id}/members`: one contact in or out.
pub(super) async fn member(
    State(app): State<Arc<App>>,
    Path(text): Path<String>,
    form: SignedForm,
) -> Answer {
    let group: GroupId = id(&text)?;
    let contact: ContactId = id(form.fields.get("contact"))?;
    if app.contact_for(&form.signed.access, contact)?.is_none() {
        return Err(Fault::NotFound);
    }
    let inside = form.fields.get("do") != "remove";
    let by = Actor::User(form.signed.user.id);
    app.console
        .tracker
        .change_members(group, &[contact], inside, by)
        .await?;
    let done = if inside { "joined" } else { "left" };
    Ok(see(&format!("/groups/{group}?done={done}")))
}

/// `GET /groups/{id}/delete`: asks first.
pub(super) async fn ask_delete(
    State(app): State<Arc<App>>,
    signed: Signed,
    Path(text): Path<String>,
) -> Answer {
    let id: GroupId = id(&text)?;
    apart(move || {
        let group = app.repo().group(id)?.ok_or(Fault::NotFound)?;
        let words = signed.words;
        let people = app.repo().group_count(id)?;
        let question = Question {
            section: "contacts",
            title: words.fill("groups.delete_title", &[&group.name]),
            text: words.count("groups.delete_one", "groups.delete_many", people),
            details: confirm::without(&app, &signed, Going::Group(id))?,
            action: format!("/groups/{id}/delete"),
            button: "groups.delete",
            back: format!("/groups/{id}"),
            fields: Vec::new(),
            choice: None,
        };
        confirm::ask(&app, &signed, question)
    })
    .await
}

/// `POST /groups/{id}/delete`
pub(super) async fn delete(
    State(app): State<Arc<App>>,
    Path(text): Path<String>,
    form: SignedForm,
) -> Answer {
    let id: GroupId = id(&text)?;
    let by = Actor::User(form.signed.user.id);
    app.console.submit.delete_group(id, by).await?;
    Ok(see("/groups?done=group_gone"))
}

struct FilterRow {
    id: FilterId,
    name: String,
    href: String,
    by: String,
}

#[derive(Template)]
#[template(path = "filters.html")]
struct FiltersPage {
    c: Chrome,
    problem: String,
    filters: Vec<FilterRow>,
}

/// `GET /filters`
pub(super) async fn filters(State(app): State<Arc<App>>, signed: Signed, uri: Uri) -> Answer {
    let done = Fields::of_query(&uri).get("done").to_owned();
    filter_list(&app, &signed, &done, "")
}

fn filter_list(app: &App, signed: &Signed, done: &str, problem: &'static str) -> Answer {
    let c = Chrome::of(app, signed, signed.words.t("filter.saved"), "contacts")?.with_done(done);
    let mut rows = Vec::new();
    for filter in app.repo().filters(FILTERS_MAX)? {
        let user = app.repo().user(filter.by)?;
        rows.push(FilterRow {
            id: filter.id,
            href: format!("/contacts?{}", query(&filter.filter)),
            by: user.map_or_else(|| c.t("person.gone").to_owned(), |user| user.name.clone()),
            name: filter.value.name,
        });
    }
    rows.sort_by_cached_key(|row| row.name.to_lowercase());
    show(&FiltersPage {
        problem: if problem.is_empty() {
            String::new()
        } else {
            c.t(problem).to_owned()
        },
        filters: rows,
        c,
    })
}

/// `POST /filters`: keeps one.
pub(super) async fn save_filter(State(app): State<Arc<App>>, form: SignedForm) -> Answer {
    let SignedForm { signed, fields } = form;
    let filter = read(&of_text(fields.get("query")));
    let saved = app
        .console
        .tracker
        .save_filter(fields.get("name"), &filter, signed.user.id)
        .await;
    match saved {
        Ok(_) => {
            let query = query(&filter);
            Ok(see(&format!("/contacts?{query}&done=filter_saved")))
        }
        Err(TrackerError::Refused(why)) => filter_list(&app, &signed, "", named::problem(why)),
        Err(error) => Err(error.into()),
    }
}

/// `GET /filters/{id}/delete`: asks first.
pub(super) async fn ask_delete_filter(
    State(app): State<Arc<App>>,
    signed: Signed,
    Path(text): Path<String>,
) -> Answer {
    let id: FilterId = id(&text)?;
    apart(move || {
        let filter = app.repo().filter(id)?.ok_or(Fault::NotFound)?;
        let words = signed.words;
        let question = Question {
            section: "contacts",
            title: words.fill("filter.delete_title", &[&filter.name]),
            text: words.t("filter.delete_text").to_owned(),
            details: confirm::without(&app, &signed, Going::Filter(id))?,
            action: format!("/filters/{id}/delete"),
            button: "filter.delete",
            back: "/filters".to_owned(),
            fields: Vec::new(),
            choice: None,
        };
        confirm::ask(&app, &signed, question)
    })
    .await
}

/// `POST /filters/{id}/delete`
pub(super) async fn delete_filter(
    State(app): State<Arc<App>>,
    Path(text): Path<String>,
    _form: SignedForm,
) -> Answer {
    app.console.tracker.delete_filter(id(&text)?).await?;
    Ok(see("/filters?done=filter_gone"))
}

/// `POST /filters/{id}`: another name.
pub(super) async fn change_filter(
    State(app): State<Arc<App>>,
    Path(text): Path<String>,
    form: SignedForm,
) -> Answer {
    let id: FilterId = id(&text)?;
    let SignedForm { signed, fields } = form;
    match app
        .console
        .tracker
        .rename_filter(id, fields.get("name"))
        .await
    {
        Ok(()) => Ok(see("/filters?done=renamed")),
        Err(TrackerError::Refused(why)) => filter_list(&app, &signed, "", named::problem(why)),
        Err(error) => Err(error.into()),
    }
}
