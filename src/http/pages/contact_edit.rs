//! The contact editor: a new contact, or one that is there.

use std::sync::Arc;

use askama::Template;
use axum::extract::{Path, State};
use axum::http::{StatusCode, Uri};

use super::super::App;
use super::super::data::alike::{self, Alike, Likeness};
use super::super::data::{self, Areas};
use super::super::fault::Fault;
use super::super::fields::Fields;
use super::super::session::{Signed, SignedForm};
use super::super::view::Chrome;
use super::compose::see;
use super::contact_form::{Filled, Wrong};
use super::contact_seen::{self, Describer, Difference, Seen};
use super::contact_status::{self, Standing};
use super::problems::Problem;
use super::thread_person::attach_to;
use super::{Answer, id, show_as};
use crate::domain::group::GROUPS_MAX;
use crate::domain::{
    Access, Actor, Channel, Contact, ContactId, ContactKind, Details, MethodKind, Thread, ThreadId,
};
use crate::store::Loaded;
use crate::tracker::{Attached, Edited, Refusal, TrackerError};

/// A choice of a list.
pub(super) struct Choice {
    pub(super) value: String,
    pub(super) text: String,
    pub(super) chosen: bool,
}

/// Somebody who may be the same person.
pub(super) struct AlikeRow {
    pub(super) id: ContactId,
    pub(super) name: String,
    pub(super) area: String,
    pub(super) why: String,
}

#[derive(Template)]
#[template(path = "contact_edit.html")]
struct Page {
    c: Chrome,
    /// None for a new contact.
    id: Option<ContactId>,
    name: String,
    action: String,
    f: Filled,
    wrong: Vec<Wrong>,
    problems: Vec<Problem>,
    seen: String,
    thread: String,
    differences: Vec<Difference>,
    alike: Vec<AlikeRow>,
    kinds: Vec<Choice>,
    languages: Vec<Choice>,
    areas: Vec<Choice>,
    groups: Vec<Choice>,
    channels: Vec<Choice>,
    standing: Option<Standing>,
}

impl Page {
    fn wrong(&self, field: &str) -> &str {
        let found = self.wrong.iter().find(|(known, _)| *known == field);
        found.map_or("", |(_, text)| text.as_str())
    }
}

/// What is shown beside the form.
#[derive(Default)]
struct Around {
    wrong: Vec<Wrong>,
    differences: Vec<Difference>,
    alike: Vec<Alike>,
    seen: Option<Seen>,
    done: String,
    /// The thread of somebody unknown who becomes this contact.
    thread: Option<ThreadId>,
}

/// `GET /contacts/new`; `?area=` begins with an area, `?thread=` with whoever writes in it.
pub(super) async fn new(State(app): State<Arc<App>>, signed: Signed, uri: Uri) -> Answer {
    let mut form = Filled::empty(&app.console.settings.language);
    let query = Fields::of_query(&uri);
    query.get("area").clone_into(&mut form.area);
    let thread = unknown_thread(&app, query.get("thread"))?;
    if let Some(thread) = &thread {
        form.reach(thread.address.reveal());
    }
    let around = Around {
        thread: thread.map(|thread| thread.id),
        ..Around::default()
    };
    page(&app, &signed, None, form, around)
}

/// `GET /contacts/{id}/edit`
pub(super) async fn edit(
    State(app): State<Arc<App>>,
    signed: Signed,
    Path(text): Path<String>,
    uri: Uri,
) -> Answer {
    let id: ContactId = id(&text)?;
    let Some(contact) = app.repo().contact(id)? else {
        let kept = app.repo().merger(id)?.ok_or(Fault::NotFound)?.into;
        return Ok(see(&format!("/contacts/{kept}/edit")));
    };
    let around = Around {
        done: Fields::of_query(&uri).get("done").to_owned(),
        ..Around::default()
    };
    page(&app, &signed, Some(&contact), Filled::of(&contact), around)
}

/// `POST /contacts`
pub(super) async fn create(State(app): State<Arc<App>>, form: SignedForm) -> Answer {
    let SignedForm { signed, fields } = form;
    let mut filled = Filled::read(&fields);
    let thread = unknown_thread(&app, fields.get("thread"))?;
    let beside = || Around {
        thread: thread.as_ref().map(|thread| thread.id),
        ..Around::default()
    };
    if let Some(answer) = more(&app, &signed, None, &mut filled, &fields) {
        return answer;
    }
    let details = match filled.details(&app, &signed, None) {
        Ok(details) => details,
        Err(wrong) => {
            let around = Around { wrong, ..beside() };
            return page(&app, &signed, None, filled, around);
        }
    };
    if fields.get("do") != "anyway" {
        let mut alike = alike::alike(app.repo(), &details, None)?;
        alike.retain(|one| signed.access.sees_contact(&one.contact));
        if !alike.is_empty() {
            let around = Around { alike, ..beside() };
            return page(&app, &signed, None, filled, around);
        }
    }
    let by = Actor::User(signed.user.id);
    match app.console.tracker.create_contact(&details, by).await {
        Ok((id, unproved)) => {
            let way = match &thread {
                Some(thread) => given_to(&app, thread, id, by).await,
                None => Ok(format!("/contacts/{id}?done=made")),
            };
            app.console.submit.ask_for_proof(id, &unproved, by).await;
            Ok(see(&way?))
        }
        Err(TrackerError::Refused(refusal)) => {
            let around = Around {
                wrong: vec![refused(&signed, refusal)],
                ..beside()
            };
            page(&app, &signed, None, filled, around)
        }
        Err(error) => Err(error.into()),
    }
}

/// Gives a thread to the contact who was just made of it, and says where to look then. The
/// contact has the address if the form said so: what was taken out there stays out.
async fn given_to(
    app: &App,
    thread: &Thread,
    contact: ContactId,
    by: Actor,
) -> Result<String, TrackerError> {
    match attach_to(app, thread, contact, false, by).await? {
        Attached::Done => Ok(format!("/inbox/{}?done=attached", thread.id)),
        Attached::Before(known) if known == contact => {
            Ok(format!("/inbox/{}?done=attached", thread.id))
        }
        Attached::Before(_) => Ok(format!("/inbox/{}?done=attached-before", thread.id)),
    }
}

/// `POST /contacts/{id}`
pub(super) async fn update(
    State(app): State<Arc<App>>,
    Path(text): Path<String>,
    form: SignedForm,
) -> Answer {
    let id: ContactId = id(&text)?;
    let SignedForm { signed, fields } = form;
    let contact = app.repo().contact(id)?.ok_or(Fault::NotFound)?;
    let mut filled = Filled::read(&fields);
    let seen = contact_seen::decode(fields.get("seen"));
    if let Some(answer) = more(&app, &signed, Some((&contact, &seen)), &mut filled, &fields) {
        return answer;
    }
    let again = |around| page(&app, &signed, Some(&contact), filled.clone(), around);
    let details: Result<Details, Vec<Wrong>> =
        filled.clone().details(&app, &signed, Some(&contact));
    let details = match details {
        Ok(details) => details,
        Err(wrong) => {
            // Read once more, for what there is to say beside the lines.
            let _ = filled.details(&app, &signed, Some(&contact));
            let around = Around {
                wrong,
                seen: Some(seen),
                ..Around::default()
            };
            return page(&app, &signed, Some(&contact), filled, around);
        }
    };
    let describer = Describer::new(&app)?;
    let by = Actor::User(signed.user.id);
    let as_shown = |now: &Contact| describer.describe(now) == seen;
    let edited = app
        .console
        .tracker
        .edit_contact(id, as_shown, &details, by)
        .await;
    match edited {
        Ok(Edited::Saved { unproved }) => {
            app.console.submit.ask_for_proof(id, &unproved, by).await;
            let done = if unproved.is_empty() {
                "updated"
            } else {
                "updated_asked"
            };
            Ok(see(&format!("/contacts/{id}?done={done}")))
        }
        Ok(Edited::ChangedMeanwhile) => {
            let now = app.repo().contact(id)?.ok_or(Fault::NotFound)?;
            let c = Chrome::of(&app, &signed, "", "contacts")?;
            let around = Around {
                differences: contact_seen::differences(&c, &seen, &describer.describe(&now)),
                ..Around::default()
            };
            page(&app, &signed, Some(&now), filled, around)
        }
        Err(TrackerError::Refused(refusal)) => again(Around {
            wrong: vec![refused(&signed, refusal)],
            seen: Some(seen.clone()),
            ..Around::default()
        }),
        Err(error) => Err(error.into()),
    }
}

/// The button "one more line": the form comes back with it, nothing is kept.
fn more(
    app: &App,
    signed: &Signed,
    contact: Option<(&Contact, &Seen)>,
    filled: &mut Filled,
    fields: &Fields,
) -> Option<Answer> {
    if fields.get("do") != "more" {
        return None;
    }
    filled.add_line(MethodKind::Mobile);
    let around = Around {
        seen: contact.map(|(_, seen)| seen.clone()),
        thread: fields.get("thread").parse().ok(),
        ..Around::default()
    };
    let contact = contact.map(|(contact, _)| contact);
    Some(page(app, signed, contact, filled.clone(), around))
}

fn refused(signed: &Signed, refusal: Refusal) -> Wrong {
    match refusal {
        Refusal::TooMany => ("methods", signed.words.t("editor.too_many").to_owned()),
        Refusal::Gone
        | Refusal::Name
        | Refusal::NameTaken
        | Refusal::Circle
        | Refusal::TooDeep
        | Refusal::NotEmpty
        | Refusal::LeftOut => ("area", signed.words.t("editor.gone").to_owned()),
    }
}

/// A thread with somebody whom nobody knows yet.
fn unknown_thread(app: &App, text: &str) -> Result<Option<Loaded<Thread>>, Fault> {
    let Ok(id) = text.parse::<ThreadId>() else {
        return Ok(None);
    };
    let thread = app.repo().thread(id)?;
    Ok(thread.filter(|thread| thread.contact.is_none()))
}

fn page(
    app: &App,
    signed: &Signed,
    contact: Option<&Contact>,
    mut form: Filled,
    around: Around,
) -> Answer {
    let refused = !around.wrong.is_empty() || !around.differences.is_empty();
    let status = if refused || !around.alike.is_empty() {
        StatusCode::UNPROCESSABLE_ENTITY
    } else {
        StatusCode::OK
    };
    let name = contact.map(Contact::full_name).unwrap_or_default();
    let title = match contact {
        Some(_) => app_title(signed, &name),
        None => signed.words.t("editor.new").to_owned(),
    };
    let c = Chrome::of(app, signed, title, "contacts")?.with_done(&around.done);
    let seen = match (around.seen, contact) {
        (Some(seen), _) => seen,
        (None, Some(contact)) => Describer::new(app)?.describe(contact),
        (None, None) => Seen::new(),
    };
    let areas = Areas::read(app.repo())?;
    form.pad();
    let id = contact.map(|contact| contact.id);
    let page = Page {
        id,
        name,
        action: id.map_or_else(|| "/contacts".to_owned(), |id| format!("/contacts/{id}")),
        problems: problems(&c, &around.wrong),
        wrong: around.wrong,
        seen: contact_seen::encode(&seen),
        thread: around.thread.map(|id| id.to_string()).unwrap_or_default(),
        differences: around.differences,
        alike: alike_rows(&c, &areas, &around.alike),
        kinds: kinds(&c, &form),
        languages: languages(&c, &form.language),
        areas: own_areas(&areas, &signed.access, &form.area),
        groups: group_choices(app, &form)?,
        channels: channels(&c, &form.preferred),
        standing: contact
            .map(|contact| contact_status::standing(app, &c, contact, None))
            .transpose()?,
        f: form,
        c,
    };
    show_as(status, &page)
}

fn app_title(signed: &Signed, name: &str) -> String {
    signed.words.fill("editor.title", &[&name])
}

fn problems(c: &Chrome, wrong: &[Wrong]) -> Vec<Problem> {
    let problem = |(field, text): &Wrong| Problem {
        anchor: (*field).to_owned(),
        label: contact_seen::label(c, field),
        text: text.clone(),
    };
    wrong.iter().map(problem).collect()
}

/// Those who may be the same person, for a page.
pub(super) fn alike_rows(c: &Chrome, areas: &Areas, alike: &[Alike]) -> Vec<AlikeRow> {
    let row = |one: &Alike| AlikeRow {
        id: one.contact.id,
        name: one.contact.full_name(),
        area: areas.name(one.contact.area).to_owned(),
        why: match one.why {
            Likeness::Address(kind) => c.f1("alike.address", c.words.say(kind.as_str())),
            Likeness::Name => c.t("alike.name").to_owned(),
        },
    };
    alike.iter().map(row).collect()
}

fn kinds(c: &Chrome, form: &Filled) -> Vec<Choice> {
    let choice = |kind: ContactKind| Choice {
        value: kind.as_str().to_owned(),
        text: c.words.label(kind.as_str()),
        chosen: kind.as_str() == form.kind,
    };
    ContactKind::ALL.into_iter().map(choice).collect()
}

/// Languages that texts and calls are often in.
fn known_languages(c: &Chrome) -> Vec<(&'static str, &'static str)> {
    vec![
        ("en", c.t("language.en")),
        ("fr", c.t("language.fr")),
        ("de", c.t("language.de")),
        ("es", c.t("language.es")),
        ("it", c.t("language.it")),
        ("nl", c.t("language.nl")),
        ("pl", c.t("language.pl")),
        ("pt", c.t("language.pt")),
        ("cy", c.t("language.cy")),
    ]
}

/// The name of a language, or its code.
pub(super) fn language_name(c: &Chrome, code: &str) -> String {
    let known = known_languages(c).into_iter().find(|one| one.0 == code);
    known.map_or_else(|| code.to_owned(), |one| one.1.to_owned())
}

/// Those, and whatever the contact has.
fn languages(c: &Chrome, chosen: &str) -> Vec<Choice> {
    let mut codes: Vec<(&str, &str)> = known_languages(c);
    if !codes.iter().any(|(code, _)| *code == chosen) {
        codes.push((chosen, chosen));
    }
    let choice = |(code, name): (&str, &str)| Choice {
        value: code.to_owned(),
        text: name.to_owned(),
        chosen: code == chosen,
    };
    codes.into_iter().map(choice).collect()
}

/// All areas, those within others moved in.
pub(super) fn area_choices(areas: &Areas, chosen: &str) -> Vec<Choice> {
    let choice = |(depth, area): (usize, &crate::domain::Area)| Choice {
        value: area.id.to_string(),
        text: format!("{}{}", "\u{2003}".repeat(depth), area.name),
        chosen: area.id.to_string() == chosen,
    };
    areas.tree.walk().into_iter().map(choice).collect()
}

/// The areas that somebody may put a contact into, and the one where it is.
fn own_areas(areas: &Areas, access: &Access, chosen: &str) -> Vec<Choice> {
    let theirs = |one: &Choice| one.chosen || access.covers(one.value.parse().ok());
    let mut choices = area_choices(areas, chosen);
    choices.retain(theirs);
    choices
}

fn group_choices(app: &App, form: &Filled) -> data::Result<Vec<Choice>> {
    let mut groups = app.repo().groups(GROUPS_MAX)?;
    groups.sort_by_cached_key(|group| group.name.to_lowercase());
    let choice = |group: &crate::domain::Group| Choice {
        value: group.id.to_string(),
        text: group.name.clone(),
        chosen: form.groups.contains(&group.id.to_string()),
    };
    Ok(groups.iter().map(|group| choice(group)).collect())
}

fn channels(c: &Chrome, chosen: &str) -> Vec<Choice> {
    let choice = |channel: Channel| Choice {
        value: channel.as_str().to_owned(),
        text: c.channel(&channel),
        chosen: channel.as_str() == chosen,
    };
    Channel::ALL.into_iter().map(choice).collect()
}
