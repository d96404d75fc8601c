//! The recipient list: whom somebody picked before writing to them.

use std::sync::Arc;

use askama::Template;
use axum::extract::State;
use axum::http::Uri;

use super::super::App;
use super::super::cursor::Cursors;
use super::super::data::{Areas, PAGE_ROWS};
use super::super::fault::Fault;
use super::super::fields::Fields;
use super::super::gather::{self, Gathered};
use super::super::session::{Signed, SignedForm};
use super::super::view::Chrome;
use super::compose::{empty, see};
use super::confirm::{self, Question};
use super::contacts::{Row, rows};
use super::filter_form::{back, read, with};
use super::{Answer, apart, show};
use crate::domain::campaign::RECIPIENTS_MAX;
use crate::domain::{Channels, ContactId, GatherInto, UserId};
use crate::store::Order;

/// Entries read at a time.
const STEP: usize = 5_000;

#[derive(Template)]
#[template(path = "recipients.html")]
struct Page {
    c: Chrome,
    count: u64,
    note: String,
    under_way: bool,
    newest: bool,
    rows: Vec<Row>,
    first: String,
    next: String,
}

/// `GET /recipients`
pub(super) async fn page(State(app): State<Arc<App>>, signed: Signed, uri: Uri) -> Answer {
    apart(move || {
        let fields = Fields::of_query(&uri);
        let user = signed.user.id;
        let c = Chrome::of(
            &app,
            &signed,
            signed.words.t("recipients.title"),
            "recipients",
        )?
        .with_done(fields.get("done"));
        gather::resume(&app, user)?;
        let under_way = app.repo().gathering(user)?;
        let cursors = Cursors::of(&app, user, "/recipients");
        let after = cursors.place(fields.get("after"));
        // Whom Tocsin has known longest comes first, so the newest is the turned order here.
        let newest = fields.get("order") == "newest";
        let (here, order) = match newest {
            true => ("/recipients?order=newest", Order::Turned),
            false => ("/recipients", Order::Usual),
        };
        let page = app
            .repo()
            .recipients_in(order, user, after.clone(), PAGE_ROWS)?;
        let mut contacts = Vec::with_capacity(page.rows.len());
        for entry in &page.rows {
            contacts.extend(app.contact_for(&signed.access, entry.contact)?);
        }
        let areas = Areas::read(app.repo())?;
        let added: Option<u64> = fields.get("added").parse().ok();
        let full = fields.has("full");
        let note = match (added, under_way.as_ref()) {
            (_, Some(wish)) => c.n("recipients.way_one", "recipients.way_many", &wish.added),
            (Some(added), None) if full => c.f2("recipients.full", added, RECIPIENTS_MAX),
            (Some(added), None) => c.n("recipients.added_one", "recipients.added_many", &added),
            (None, None) => String::new(),
        };
        let next = page
            .next
            .map(|key| with(here, &format!("after={}", cursors.text(&key))));
        show(&Page {
            count: app.repo().recipient_count(user)?,
            note,
            under_way: under_way.is_some(),
            newest,
            rows: rows(&app, &c, &areas, &contacts, user)?,
            first: if after.is_some() {
                here.to_owned()
            } else {
                String::new()
            },
            next: next.unwrap_or_default(),
            c,
        })
    })
    .await
}

/// `POST /recipients/add`: one contact.
pub(super) async fn add(State(app): State<Arc<App>>, form: SignedForm) -> Answer {
    let SignedForm { signed, fields } = form;
    let contact: ContactId = super::id(fields.get("contact"))?;
    if app.contact_for(&signed.access, contact)?.is_none() {
        return Err(Fault::NotFound);
    }
    let gathered = app
        .console
        .tracker
        .add_recipients(signed.user.id, &[contact])
        .await?;
    let to = back(&fields, "/recipients");
    if gathered.full {
        return Ok(see("/recipients?added=0&full=1"));
    }
    Ok(see(&with(&to, "done=listed")))
}

/// `POST /recipients/add-all`: everybody whom a filter finds.
pub(super) async fn add_all(State(app): State<Arc<App>>, form: SignedForm) -> Answer {
    let SignedForm { signed, fields } = form;
    let filter = read(&of_text(fields.get("query")));
    let into = GatherInto::Recipients;
    let gathered = gather::gather(&app, signed.user.id, into, filter).await?;
    Ok(see(&match gathered {
        Gathered::Done(added) => format!("/recipients?added={added}"),
        Gathered::Full(added) => format!("/recipients?added={added}&full=1"),
        Gathered::UnderWay => "/recipients".to_owned(),
        Gathered::Busy => "/recipients?done=busy".to_owned(),
    }))
}

/// A query that a form carries.
pub(super) fn of_text(query: &str) -> Fields {
    let uri = format!("/?{query}").parse().unwrap_or_default();
    Fields::of_query(&uri)
}

/// `POST /recipients/remove`
pub(super) async fn remove(State(app): State<Arc<App>>, form: SignedForm) -> Answer {
    let SignedForm { signed, fields } = form;
    let contact: ContactId = super::id(fields.get("contact"))?;
    app.console
        .tracker
        .remove_recipient(signed.user.id, contact)
        .await?;
    Ok(see("/recipients?done=unlisted"))
}

/// `GET /recipients/clear`: asks first.
pub(super) async fn ask_clear(State(app): State<Arc<App>>, signed: Signed) -> Answer {
    let count = app.repo().recipient_count(signed.user.id)?;
    let words = signed.words;
    let question = Question {
        section: "recipients",
        title: words.t("recipients.clear").to_owned(),
        text: words.count("recipients.clear_one", "recipients.clear_many", count),
        details: Vec::new(),
        action: "/recipients/clear".to_owned(),
        button: "recipients.clear",
        back: "/recipients".to_owned(),
        fields: Vec::new(),
        choice: None,
    };
    confirm::ask(&app, &signed, question)
}

/// `POST /recipients/clear`
pub(super) async fn clear(State(app): State<Arc<App>>, form: SignedForm) -> Answer {
    let user = form.signed.user.id;
    app.console.tracker.clear_recipients(user).await?;
    Ok(see("/recipients?done=cleared"))
}

/// `POST /recipients/communicate`: a draft to the list as it is now, by all channels.
pub(super) async fn communicate(State(app): State<Arc<App>>, form: SignedForm) -> Answer {
    let user = form.signed.user.id;
    let people = everybody(&app, user)?;
    if people.is_empty() {
        return Ok(see("/recipients?done=nobody"));
    }
    let mut draft = empty(&app);
    draft.channels = Channels::ALL;
    draft.audience.list = Some(app.console.submit.keep_list(&people).await?);
    draft.audience.list_people = u32::try_from(people.len()).unwrap_or(u32::MAX);
    let id = app.console.submit.save_draft(None, &draft, user).await?;
    Ok(see(&format!("/communications/{id}/edit")))
}

fn everybody(app: &App, user: UserId) -> Result<Vec<ContactId>, Fault> {
    let mut people = Vec::new();
    let mut after = None;
    while people.len() < RECIPIENTS_MAX {
        let page = app.repo().recipients(user, after, STEP)?;
        people.extend(page.rows.iter().map(|entry| entry.contact));
        after = page.next;
        if after.is_none() {
            break;
        }
    }
    Ok(people)
}
