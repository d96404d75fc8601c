//! The form of a case.

use std::collections::HashSet;

use super::super::super::data;
use super::super::problems::{Problem, Problems};
use super::*;
use crate::domain::{CaseCreditor, ContactKind, Party, Redacted, Timestamp, User};
use crate::submit::FieldError;
use crate::tracker::{CaseError, CaseInput};
use axum::http::StatusCode;

/// Rows for creditors in the form, those there are and some more.
const ROWS_MORE: usize = 3;
/// Most contacts looked at, in order of name, for clients and creditors to choose from.
const LOOKED_AT_MAX: usize = 2_000;
/// Contacts read at a time.
const STEP: usize = 500;
/// Most contacts found by name, address or number.
const FOUND_MAX: usize = 20;

struct CreditorRow {
    options: Vec<Choice>,
    account: String,
}

#[derive(Template)]
#[template(path = "case_form.html")]
struct FormPage {
    c: Chrome,
    action: String,
    back: String,
    fresh: bool,
    seen: String,
    reference: String,
    title: String,
    clients: Vec<Choice>,
    client_name: String,
    rows: Vec<CreditorRow>,
    users: Vec<Choice>,
    team: Vec<Choice>,
    restricted: bool,
    /// There are more contacts than are offered: others are looked for.
    more: bool,
    find: String,
    p: Problems,
    problems: Vec<Problem>,
}

/// The next reference of the configured pattern that no case has.
fn next_reference(app: &App) -> Result<String> {
    let pattern = &app.console.settings.case_references;
    let tracker = &app.console.tracker;
    Ok(tracker.propose_case_reference(pattern, this_year(app))?)
}

/// The year of references that are made now.
pub(crate) fn this_year(app: &App) -> i16 {
    let zone = &app.console.settings.time_zone;
    super::super::super::times::zoned(app.now(), zone).year()
}

fn empty(app: &App, query: &Fields) -> Result<CaseInput> {
    Ok(CaseInput {
        reference: next_reference(app)?,
        title: String::new(),
        client: query
            .get("client")
            .parse()
            .unwrap_or(ContactId::from_bytes([0; 16])),
        creditors: Vec::new(),
        responsible: None,
        team: Vec::new(),
        restricted: false,
    })
}

/// `GET /cases/new`
pub(in super::super) async fn new(State(app): State<Arc<App>>, signed: Signed, uri: Uri) -> Answer {
    apart(move || {
        let mut input = empty(&app, &Fields::of_query(&uri))?;
        input.responsible = Some(signed.user.id);
        form(&app, &signed, None, &input, "", &[])
    })
    .await
}

/// `GET /cases/{id}/edit`
pub(in super::super) async fn edit(
    State(app): State<Arc<App>>,
    signed: Signed,
    Path(text): Path<String>,
) -> Answer {
    apart(move || {
        let case = case_for(&app, &access_of(&signed), id(&text)?)?;
        let input = CaseInput {
            reference: case.reference.clone(),
            title: case.title.clone(),
            client: case.client,
            creditors: case.creditors.clone(),
            responsible: case.responsible,
            team: case.team.clone(),
            restricted: case.restricted,
        };
        form(&app, &signed, Some(&case), &input, "", &[])
    })
    .await
}

/// Whom one can choose from: those who were looked for first, then those chosen already, then the
/// first by name.
struct Offered {
    contacts: Vec<Loaded<Contact>>,
    /// More contacts follow than were looked at.
    more: bool,
}

impl Offered {
    fn of(app: &App, access: &Access, input: &CaseInput, find: &str) -> Result<Self> {
        let repo = app.repo();
        let mut contacts = Vec::new();
        if !find.is_empty() {
            let region = &app.console.settings.default_region;
            contacts = data::search(repo, find, region, access, FOUND_MAX)?;
        }
        let chosen = input.creditors.iter().map(|one| one.contact);
        for id in chosen.chain([input.client]) {
            contacts.extend(app.contact_for(access, id)?);
        }
        let (mut after, mut looked_at) = (None, 0);
        loop {
            let page = repo.contacts_by_name("", after, STEP)?;
            looked_at += page.rows.len();
            let party = |one: &Loaded<Contact>| Party::of(one.kind).is_some();
            let theirs = |one: &Loaded<Contact>| party(one) && access.sees_contact(one);
            contacts.extend(page.rows.into_iter().filter(theirs));
            after = page.next;
            if after.is_none() || looked_at >= LOOKED_AT_MAX {
                break;
            }
        }
        let mut seen = HashSet::new();
        contacts.retain(|one| seen.insert(one.id));
        let more = after.is_some();
        Ok(Self { contacts, more })
    }

    fn kind(&self, kind: ContactKind) -> impl Iterator<Item = &Loaded<Contact>> {
        self.contacts.iter().filter(move |one| one.kind == kind)
    }
}

fn option(contact: &Loaded<Contact>, chosen: Option<ContactId>) -> Choice {
    Choice {
        value: contact.id.to_string(),
        label: contact.full_name(),
        chosen: chosen == Some(contact.id),
    }
}

/// A row for each creditor, and some more.
fn creditor_rows(offered: &Offered, input: &CaseInput) -> Vec<CreditorRow> {
    let is_chosen = |id| input.creditors.iter().any(|one| one.contact == id);
    let row = |known: Option<&CaseCreditor>| CreditorRow {
        options: offered
            .contacts
            .iter()
            .filter(|one| one.kind == ContactKind::Creditor || is_chosen(one.id))
            .map(|one| option(one, known.map(|known| known.contact)))
            .collect(),
        account: known.map_or_else(String::new, |known| known.account.reveal().clone()),
    };
    let mut rows: Vec<_> = input.creditors.iter().map(|one| row(Some(one))).collect();
    rows.extend((0..ROWS_MORE).map(|_| row(None)));
    rows
}

fn form(
    app: &App,
    signed: &Signed,
    case: Option<&Loaded<Case>>,
    input: &CaseInput,
    find: &str,
    errors: &[FieldError],
) -> Answer {
    let title = match case {
        Some(case) => case.reference.clone(),
        None => signed.words.t("cases.new").to_owned(),
    };
    let c = Chrome::of(app, signed, title, "cases")?;
    let access = access_of(signed);
    let find = find.trim();
    let offered = Offered::of(app, &access, input, find)?;
    let clients = match case {
        Some(_) => Vec::new(),
        None => offered
            .kind(ContactKind::Client)
            .map(|one| option(one, Some(input.client)))
            .collect(),
    };
    let users = app.repo().users(USERS_OFFERED_MAX)?;
    let people = |chosen: &dyn Fn(UserId) -> bool| {
        let one = |user: &Loaded<User>| Choice {
            value: user.id.to_string(),
            label: user.name.clone(),
            chosen: chosen(user.id),
        };
        users
            .iter()
            .filter(|user| !user.disabled || chosen(user.id))
            .map(one)
            .collect()
    };
    let p = Problems::new(errors, c.words);
    let page = FormPage {
        action: case.map_or("/cases".to_owned(), |case| format!("/cases/{}", case.id)),
        back: case.map_or("/cases".to_owned(), |case| format!("/cases/{}", case.id)),
        fresh: case.is_none(),
        seen: case.map_or_else(String::new, |case| case.modified_at.as_millis().to_string()),
        reference: input.reference.clone(),
        title: input.title.clone(),
        clients,
        client_name: match case {
            Some(case) => name_of(app, &c, case.client)?,
            None => String::new(),
        },
        rows: creditor_rows(&offered, input),
        users: people(&|user| input.responsible == Some(user)),
        team: people(&|user| input.team.contains(&user)),
        restricted: input.restricted,
        more: offered.more || !find.is_empty(),
        find: find.to_owned(),
        problems: p.summary(&c),
        p,
        c,
    };
    let status = if errors.is_empty() {
        StatusCode::OK
    } else {
        StatusCode::UNPROCESSABLE_ENTITY
    };
    show_as(status, &page)
}

fn read(fields: &Fields, client: ContactId) -> CaseInput {
    let rows = fields.all("creditor").zip(fields.all("account"));
    let creditors = rows.filter_map(|(creditor, account)| {
        Some(CaseCreditor {
            contact: creditor.parse().ok()?,
            account: Redacted::new(account.trim().to_owned()),
        })
    });
    CaseInput {
        reference: fields.get("reference").to_owned(),
        title: fields.get("title").to_owned(),
        client,
        creditors: creditors.collect(),
        responsible: fields.get("responsible").parse().ok(),
        team: fields
            .all("team")
            .filter_map(|id| id.parse().ok())
            .collect(),
        restricted: fields.has("restricted"),
    }
}

/// `POST /cases`; with `do=find` the same form, with whom was looked for.
pub(in super::super) async fn make(
    State(app): State<Arc<App>>,
    SignedForm { signed, fields }: SignedForm,
) -> Answer {
    let nobody = ContactId::from_bytes([0; 16]);
    let input = read(&fields, fields.get("client").parse().unwrap_or(nobody));
    if is_search(&fields) {
        return again(app, signed, None, input, fields, Vec::new()).await;
    }
    let by = Actor::User(signed.user.id);
    let made = match app.case_within(&signed.access, input.clone(), None) {
        Ok(bound) => app.console.tracker.add_case(&bound, by).await,
        Err(error) => Err(error),
    };
    match made {
        Ok(id) => Ok(see(&format!("/cases/{id}?done=saved"))),
        Err(CaseError::Field(field, why)) => {
            let problems = vec![FieldError::new(field, why)];
            again(app, signed, None, input, fields, problems).await
        }
        Err(CaseError::Tracker(error)) => Err(error.into()),
    }
}

fn is_search(fields: &Fields) -> bool {
    fields.get("do") == "find"
}

/// The form as it was sent in.
async fn again(
    app: Arc<App>,
    signed: Signed,
    case: Option<Loaded<Case>>,
    input: CaseInput,
    fields: Fields,
    problems: Vec<FieldError>,
) -> Answer {
    let find = fields.get("find").to_owned();
    apart(move || form(&app, &signed, case.as_ref(), &input, &find, &problems)).await
}

/// `POST /cases/{id}`; with `do=find` the same form, with whom was looked for.
pub(in super::super) async fn change(
    State(app): State<Arc<App>>,
    Path(text): Path<String>,
    SignedForm { signed, fields }: SignedForm,
) -> Answer {
    let case = case_for(&app, &access_of(&signed), id(&text)?)?;
    let input = read(&fields, case.client);
    if is_search(&fields) {
        return again(app, signed, Some(case), input, fields, Vec::new()).await;
    }
    let seen = fields.get("seen").parse().ok().map(Timestamp::from_millis);
    let by = Actor::User(signed.user.id);
    let tracker = &app.console.tracker;
    let changed = match app.case_within(&signed.access, input.clone(), Some(&case)) {
        Ok(bound) => tracker.change_case(case.id, seen, &bound, by).await,
        Err(error) => Err(error),
    };
    match changed {
        Ok(()) => Ok(see(&format!("/cases/{}?done=saved", case.id))),
        Err(CaseError::Field(field, why)) => {
            let problems = vec![FieldError::new(field, why)];
            again(app, signed, Some(case), input, fields, problems).await
        }
        Err(CaseError::Tracker(error)) => Err(error.into()),
    }
}
