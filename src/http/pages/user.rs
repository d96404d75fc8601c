//! One user, for administrators: adding, changing, a new password, disabling.

use std::sync::Arc;

use askama::Template;
use axum::extract::{Path, State};
use axum::http::{StatusCode, Uri};

use super::super::App;
use super::super::data::Areas;
use super::super::fault::Fault;
use super::super::fields::Fields;
use super::super::session::{Signed, SignedForm};
use super::super::view::{Badge, Chrome};
use super::compose::see;
use super::me::{email, hashed};
use super::problems::{Problem, Problems};
use super::users::state;
use super::{Answer, id, sessions, show, show_as};
use crate::domain::user::{USER_AREAS_MAX, display_name, login_name, password_problem};
use crate::domain::{AreaId, CaseScope, EmailAddress, Role, Sentence, User, UserId};
use crate::store::Loaded;
use crate::submit::FieldError;
use crate::tracker::{NewUser, UserError, UserRights};

struct RoleChoice {
    value: &'static str,
    label: String,
    note: &'static str,
    chosen: bool,
}

struct CasesChoice {
    value: &'static str,
    label: &'static str,
    note: &'static str,
    chosen: bool,
}

struct AreaChoice {
    id: AreaId,
    name: String,
    depth: usize,
    chosen: bool,
}

/// What stands in the fields.
#[derive(Default)]
struct Entered {
    login: String,
    name: String,
    role: String,
    email: String,
    areas: Vec<AreaId>,
    cases: String,
}

#[derive(Template)]
#[template(path = "user.html")]
struct Page {
    c: Chrome,
    /// None for somebody new.
    known: Option<Known>,
    /// Whoever looks: the own role and the own access stay as they are.
    own: bool,
    /// An application sees no page: its name and access are all there is.
    application: bool,
    e: Entered,
    roles: Vec<RoleChoice>,
    areas: Vec<AreaChoice>,
    cases: Vec<CasesChoice>,
    p: Problems,
    problems: Vec<Problem>,
}

struct Known {
    id: UserId,
    state: Badge,
    disabled: bool,
    second_factor: bool,
    /// Where this user is logged in now.
    sessions: String,
}

#[derive(Template)]
#[template(path = "user_disable.html")]
struct AskPage {
    c: Chrome,
    id: UserId,
    name: String,
}

/// `GET /users/new`
pub(super) async fn new(State(app): State<Arc<App>>, signed: Signed) -> Answer {
    let entered = Entered {
        role: Role::Operator.as_str().to_owned(),
        cases: CaseScope::All.as_str().to_owned(),
        ..Entered::default()
    };
    form(&app, &signed, None, entered, &[], "")
}

/// `POST /users`
pub(super) async fn create(
    State(app): State<Arc<App>>,
    SignedForm { signed, fields }: SignedForm,
) -> Answer {
    let entered = read(&fields);
    let password = fields.get("password");
    let mut problems = Vec::new();
    let login = login_name(&entered.login);
    let login = login.map_err(|problem| problems.push(FieldError::new("login", problem)));
    let rights = rights(&entered, None, &mut problems);
    problems.extend(password_problem(password).map(|problem| FieldError::new("password", problem)));
    if let (Ok(login), Some(rights), true) = (login, rights, problems.is_empty()) {
        let added = app
            .users()
            .add(NewUser {
                login,
                name: rights.name,
                role: rights.role,
                password_hash: hashed(&app, password, rights.role).await?,
                areas: rights.areas,
                case_scope: rights.case_scope,
                email: rights.email,
            })
            .await;
        match added {
            Ok(_) => return Ok(see("/users?done=user_added")),
            Err(UserError::Taken) => {
                problems.push(FieldError::new("login", "Somebody has this login name."));
            }
            Err(error) => return Err(error.into()),
        }
    }
    form(&app, &signed, None, entered, &problems, "")
}

/// `GET /users/{id}`
pub(super) async fn page(
    State(app): State<Arc<App>>,
    signed: Signed,
    Path(text): Path<String>,
    uri: Uri,
) -> Answer {
    let user = user(&app, &text)?;
    let query = Fields::of_query(&uri);
    let entered = entered_of(&user);
    form(&app, &signed, Some(&user), entered, &[], query.get("done"))
}

/// `POST /users/{id}`
pub(super) async fn save(
    State(app): State<Arc<App>>,
    Path(text): Path<String>,
    SignedForm { signed, fields }: SignedForm,
) -> Answer {
    let user = user(&app, &text)?;
    let entered = Entered {
        login: user.login.clone(),
        ..read(&fields)
    };
    let mut problems = Vec::new();
    if let Some(rights) = rights(&entered, Some(&user), &mut problems) {
        let users = app.users();
        match users.change_rights(user.id, &rights, signed.user.id).await {
            Ok(()) => return Ok(see(&format!("/users/{}?done=user_changed", user.id))),
            Err(error) => problems.push(FieldError::new("role", refusal(error)?)),
        }
    }
    form(&app, &signed, Some(&user), entered, &problems, "")
}

/// `POST /users/{id}/password`
pub(super) async fn password(
    State(app): State<Arc<App>>,
    Path(text): Path<String>,
    SignedForm { signed, fields }: SignedForm,
) -> Answer {
    let user = user(&app, &text)?;
    let password = fields.get("password");
    // There the old one is asked for: a browser left open is not enough.
    let own = (user.id == signed.user.id).then(|| {
        Sentence::from(
            "Your own password is changed at My settings, where the old one is asked for.",
        )
    });
    if let Some(problem) = own.or_else(|| password_problem(password)) {
        let problems = [FieldError::new("password", problem)];
        let entered = entered_of(&user);
        return form(&app, &signed, Some(&user), entered, &problems, "");
    }
    let hash = hashed(&app, password, user.role).await?;
    app.users().set_password(user.id, &hash, None).await?;
    Ok(see(&format!("/users/{}?done=user_password", user.id)))
}

/// `GET /users/{id}/disable`: asks before it is done.
pub(super) async fn ask(
    State(app): State<Arc<App>>,
    signed: Signed,
    Path(text): Path<String>,
) -> Answer {
    let user = user(&app, &text)?;
    let c = Chrome::of(&app, &signed, user.name.clone(), "users")?;
    show(&AskPage {
        id: user.id,
        name: user.name.clone(),
        c,
    })
}

/// `POST /users/{id}/disable`
pub(super) async fn disable(
    State(app): State<Arc<App>>,
    Path(text): Path<String>,
    SignedForm { signed, .. }: SignedForm,
) -> Answer {
    let user = user(&app, &text)?;
    let by = Some(signed.user.id);
    match app.users().set_disabled(user.id, true, by).await {
        Ok(()) => Ok(see(&format!("/users/{}?done=user_disabled", user.id))),
        Err(error) => {
            let problems = [FieldError::new("role", refusal(error)?)];
            let entered = entered_of(&user);
            form(&app, &signed, Some(&user), entered, &problems, "")
        }
    }
}

/// `POST /users/{id}/enable`
pub(super) async fn enable(
    State(app): State<Arc<App>>,
    Path(text): Path<String>,
    SignedForm { signed, .. }: SignedForm,
) -> Answer {
    let user = user(&app, &text)?;
    let by = Some(signed.user.id);
    app.users().set_disabled(user.id, false, by).await?;
    Ok(see(&format!("/users/{}?done=user_enabled", user.id)))
}

fn user(app: &App, text: &str) -> Result<Loaded<User>, Fault> {
    app.repo().user(id(text)?)?.ok_or(Fault::NotFound)
}

/// What a refusal says on the page; other errors are faults.
fn refusal(error: UserError) -> Result<Sentence, Fault> {
    match error {
        UserError::LastAdministrator => {
            Ok("This is the last administrator: make somebody else one first.".into())
        }
        UserError::Yourself => {
            Ok("Another administrator has to do this: nobody takes their own rights away.".into())
        }
        UserError::Taken
        | UserError::TooManyTokens
        | UserError::NotFound
        | UserError::Changed
        | UserError::Contention
        | UserError::Repo(_)
        | UserError::Store(_) => Err(error.into()),
    }
}

fn entered_of(user: &User) -> Entered {
    let email = user.email.as_ref().map(|email| email.reveal().as_str());
    Entered {
        login: user.login.clone(),
        name: user.name.clone(),
        role: user.role.as_str().to_owned(),
        email: email.unwrap_or_default().to_owned(),
        areas: user.areas.clone(),
        cases: user.case_scope.as_str().to_owned(),
    }
}

fn read(fields: &Fields) -> Entered {
    let mut areas: Vec<AreaId> = fields
        .all("area")
        .filter_map(|id| id.parse().ok())
        .take(USER_AREAS_MAX + 1)
        .collect();
    areas.sort();
    areas.dedup();
    Entered {
        login: fields.get("login").to_owned(),
        name: fields.get("name").to_owned(),
        role: fields.get("role").to_owned(),
        email: fields.get("email").trim().to_owned(),
        cases: fields.get("cases").to_owned(),
        areas,
    }
}

/// What was entered as rights; nothing when there are problems. Applications keep their role.
fn rights(
    entered: &Entered,
    known: Option<&User>,
    problems: &mut Vec<FieldError>,
) -> Option<UserRights> {
    let mut wrong = |field, problem: Sentence| problems.push(FieldError::new(field, problem));
    let name = display_name(&entered.name).map_err(|problem| wrong("name", problem));
    let role = if known.is_some_and(|user| !user.role.is_staff()) {
        Some(Role::Application)
    } else {
        let mut staff = Role::ALL.into_iter().filter(|role| role.is_staff());
        staff.find(|role| role.as_str() == entered.role)
    };
    if role.is_none() {
        wrong("role", "Choose a role.".into());
    }
    let email: Result<Option<EmailAddress>, ()> =
        email(&entered.email).map_err(|problem| wrong("email", problem));
    if entered.areas.len() > USER_AREAS_MAX {
        let problem = Sentence::with("Choose at most {0} areas.", &[&USER_AREAS_MAX]);
        wrong("areas", problem);
    }
    // An application is not asked.
    let cases = match entered.cases.as_str() {
        "" => Some(known.map_or(CaseScope::All, |user| user.case_scope)),
        name => CaseScope::named(name),
    };
    if cases.is_none() {
        wrong("cases", "Choose one of the list.".into());
    }
    let rights = UserRights {
        name: name.ok()?,
        role: role?,
        areas: entered.areas.clone(),
        case_scope: cases?,
        email: email.ok()?,
    };
    problems.is_empty().then_some(rights)
}

fn form(
    app: &App,
    signed: &Signed,
    user: Option<&Loaded<User>>,
    entered: Entered,
    problems: &[FieldError],
    done: &str,
) -> Answer {
    let title = user.map_or(signed.words.t("users.add"), |user| user.name.as_str());
    let c = Chrome::of(app, signed, title, "users")?.with_done(done);
    let p = Problems::new(problems, c.words);
    let logged_in = match user {
        Some(user) => sessions::live(app, user.id)?.len(),
        None => 0,
    };
    let known = user.map(|user| Known {
        id: user.id,
        state: state(&c, user),
        disabled: user.disabled,
        second_factor: user.second_factor.is_some(),
        sessions: match logged_in {
            0 => String::new(),
            count => c.f1("sessions.count", count),
        },
    });
    let status = if problems.is_empty() {
        StatusCode::OK
    } else {
        StatusCode::UNPROCESSABLE_ENTITY
    };
    let page = Page {
        own: user.is_some_and(|user| user.id == signed.user.id),
        application: user.is_some_and(|user| user.role == Role::Application),
        known,
        roles: roles(&c, &entered.role),
        areas: areas(app, &entered.areas)?,
        cases: cases(&c, &entered.cases),
        problems: p.summary(&c),
        p,
        e: entered,
        c,
    };
    show_as(status, &page)
}

fn roles(c: &Chrome, chosen: &str) -> Vec<RoleChoice> {
    let choice = |(role, note): (Role, &'static str)| RoleChoice {
        value: role.as_str(),
        label: c.words.label(role.as_str()),
        note: c.t(note),
        chosen: role.as_str() == chosen,
    };
    [
        (Role::Viewer, "users.viewer_note"),
        (Role::Operator, "users.operator_note"),
        (Role::Approver, "users.approver_note"),
        (Role::Administrator, "users.administrator_note"),
        (Role::Auditor, "users.auditor_note"),
    ]
    .map(choice)
    .into()
}

fn cases(c: &Chrome, chosen: &str) -> Vec<CasesChoice> {
    let choice = |(scope, label, note): (CaseScope, &'static str, &'static str)| CasesChoice {
        value: scope.as_str(),
        label: c.t(label),
        note: c.t(note),
        chosen: scope.as_str() == chosen,
    };
    [
        (CaseScope::All, "users.cases_all", "users.cases_all_note"),
        (CaseScope::Own, "users.cases_own", "users.cases_own_note"),
        (CaseScope::None, "users.cases_none", "users.cases_none_note"),
    ]
    .map(choice)
    .into()
}

fn areas(app: &App, chosen: &[AreaId]) -> Result<Vec<AreaChoice>, Fault> {
    let areas = Areas::read(app.repo())?;
    let choice = |(depth, area): (usize, &crate::domain::Area)| AreaChoice {
        id: area.id,
        name: area.name.clone(),
        depth: depth.min(4),
        chosen: chosen.contains(&area.id),
    };
    Ok(areas.tree.walk().into_iter().map(choice).collect())
}
