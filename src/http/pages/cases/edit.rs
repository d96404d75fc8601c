//! The form of a case.

use super::super::problems::{Problem, Problems};
use super::*;
use crate::domain::{CaseCreditor, Redacted, Timestamp, User};
use crate::submit::FieldError;
use crate::tracker::{CaseError, CaseInput};
use axum::http::StatusCode;

/// Rows for creditors in the form, those there are and some more.
const ROWS_MORE: usize = 3;
/// Creditors and clients offered.
const CONTACTS_OFFERED_MAX: usize = 500;

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
    p: Problems,
    problems: Vec<Problem>,
}

/// The next reference of the configured pattern that no case has.
pub(crate) fn next_reference(app: &App) -> Result<String> {
    let year = super::super::super::times::zoned(app.now(), &app.console.settings.time_zone).year();
    let pattern = &app.console.settings.case_references;
    Ok(app.console.tracker.propose_case_reference(pattern, year)?)
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
        form(&app, &signed, None, &input, &[])
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
        form(&app, &signed, Some(&case), &input, &[])
    })
    .await
}

fn contacts_of(app: &App, kind: crate::domain::ContactKind) -> Result<Vec<Loaded<Contact>>> {
    let mut found = Vec::new();
    let mut after = None;
    loop {
        let page = app.repo().contacts_by_name("", after, 500)?;
        found.extend(page.rows.into_iter().filter(|one| one.kind == kind));
        after = page.next;
        if after.is_none() || found.len() >= CONTACTS_OFFERED_MAX {
            return Ok(found);
        }
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
fn creditor_rows(app: &App, access: &Access, input: &CaseInput) -> Result<Vec<CreditorRow>> {
    let mut creditors = contacts_of(app, crate::domain::ContactKind::Creditor)?;
    creditors.retain(|one| access.sees_contact(one));
    for known in &input.creditors {
        if !creditors.iter().any(|one| one.id == known.contact) {
            creditors.extend(app.contact_for(access, known.contact)?);
        }
    }
    let row = |known: Option<&CaseCreditor>| CreditorRow {
        options: creditors
            .iter()
            .map(|one| option(one, known.map(|known| known.contact)))
            .collect(),
        account: known.map_or_else(String::new, |known| known.account.reveal().clone()),
    };
    let mut rows: Vec<_> = input.creditors.iter().map(|one| row(Some(one))).collect();
    rows.extend((0..ROWS_MORE).map(|_| row(None)));
    Ok(rows)
}

fn form(
    app: &App,
    signed: &Signed,
    case: Option<&Loaded<Case>>,
    input: &CaseInput,
    errors: &[FieldError],
) -> Answer {
    use crate::domain::ContactKind;
    let title = match case {
        Some(case) => case.reference.clone(),
        None => signed.words.t("cases.new").to_owned(),
    };
    let c = Chrome::of(app, signed, title, "cases")?;
    let access = access_of(signed);
    let rows = creditor_rows(app, &access, input)?;
    let clients = match case {
        Some(_) => Vec::new(),
        None => {
            let clients = contacts_of(app, ContactKind::Client)?;
            let seen = clients.iter().filter(|one| access.sees_contact(one));
            seen.map(|one| option(one, Some(input.client))).collect()
        }
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
        rows,
        users: people(&|user| input.responsible == Some(user)),
        team: people(&|user| input.team.contains(&user)),
        restricted: input.restricted,
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

/// `POST /cases`
pub(in super::super) async fn make(
    State(app): State<Arc<App>>,
    SignedForm { signed, fields }: SignedForm,
) -> Answer {
    let nobody = ContactId::from_bytes([0; 16]);
    let input = read(&fields, fields.get("client").parse().unwrap_or(nobody));
    let by = Actor::User(signed.user.id);
    let made = match app.case_within(&signed.access, input.clone(), None) {
        Ok(bound) => app.console.tracker.add_case(&bound, by).await,
        Err(error) => Err(error),
    };
    match made {
        Ok(id) => Ok(see(&format!("/cases/{id}?done=saved"))),
        Err(CaseError::Field(field, why)) => {
            form(&app, &signed, None, &input, &[FieldError::new(field, why)])
        }
        Err(CaseError::Tracker(error)) => Err(error.into()),
    }
}

/// `POST /cases/{id}`
pub(in super::super) async fn change(
    State(app): State<Arc<App>>,
    Path(text): Path<String>,
    SignedForm { signed, fields }: SignedForm,
) -> Answer {
    let case = case_for(&app, &access_of(&signed), id(&text)?)?;
    let input = read(&fields, case.client);
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
            let problem = FieldError::new(field, why);
            form(&app, &signed, Some(&case), &input, &[problem])
        }
        Err(CaseError::Tracker(error)) => Err(error.into()),
    }
}
