//! The tokens of a user's programs, for administrators: made, shown once, revoked.

use std::sync::Arc;
use std::time::Duration;

use askama::Template;
use axum::extract::{Path, State};
use axum::http::{StatusCode, Uri};

use super::super::App;
use super::super::api::auth::new_token;
use super::super::fault::Fault;
use super::super::fields::Fields;
use super::super::session::{self, Signed, SignedForm};
use super::super::times::When;
use super::super::view::{Badge, Chrome};
use super::compose::see;
use super::problems::{Problem, Problems};
use super::{Answer, id, show, show_as};
use crate::domain::token::TOKENS_MAX;
use crate::domain::user::display_name;
use crate::domain::{ApiToken, Permission, Permissions, Role, Sentence, User, UserId};
use crate::store::Loaded;
use crate::submit::FieldError;
use crate::tracker::{NewToken, TOKENS_READ_MAX, UserError};

/// How long a token may be made for, in days; empty for no end.
const TERMS: [(&str, &str); 4] = [
    ("90", "tokens.days_90"),
    ("365", "tokens.days_365"),
    ("30", "tokens.days_30"),
    ("", "tokens.days_none"),
];
/// What is ticked until somebody chooses: a program that reads needs no more.
const USUAL: Permissions = Permissions::of(&[Permission::See]);
const DAY: Duration = Duration::from_secs(24 * 3600);

struct Row {
    /// The token's hash in hexadecimal: it names the token and lets nobody in.
    name_of: String,
    name: String,
    state: Badge,
    live: bool,
    made: When,
    /// What it may do, in words.
    scopes: String,
    used: Option<When>,
    ends: Option<When>,
}

struct ScopeChoice {
    value: &'static str,
    label: &'static str,
    chosen: bool,
}

struct Term {
    value: &'static str,
    label: &'static str,
    chosen: bool,
}

#[derive(Template)]
#[template(path = "tokens.html")]
struct Page {
    c: Chrome,
    id: UserId,
    user: String,
    disabled: bool,
    /// The token that has just been made; it is never shown again.
    fresh: String,
    tokens: Vec<Row>,
    name: String,
    terms: Vec<Term>,
    scopes: Vec<ScopeChoice>,
    p: Problems,
    problems: Vec<Problem>,
}

#[derive(Template)]
#[template(path = "token_revoke.html")]
struct AskPage {
    c: Chrome,
    id: UserId,
    user: String,
    name_of: String,
    name: String,
}

/// What the form left, or made.
#[derive(Default)]
struct Left {
    fresh: String,
    name: String,
    days: String,
    scopes: Permissions,
    problems: Vec<FieldError>,
    done: String,
}

/// `GET /users/{id}/tokens`
pub(super) async fn page(
    State(app): State<Arc<App>>,
    signed: Signed,
    Path(text): Path<String>,
    uri: Uri,
) -> Answer {
    let left = Left {
        days: TERMS[0].0.to_owned(),
        scopes: USUAL,
        done: Fields::of_query(&uri).get("done").to_owned(),
        ..Left::default()
    };
    let user = user(&app, &text)?;
    view(&app, &signed, &user, left)
}

/// `POST /users/{id}/tokens`: the answer shows the token, this once.
pub(super) async fn make(
    State(app): State<Arc<App>>,
    Path(text): Path<String>,
    SignedForm { signed, fields }: SignedForm,
) -> Answer {
    let user = user(&app, &text)?;
    let mut left = Left {
        name: fields.get("name").to_owned(),
        days: fields.get("days").to_owned(),
        scopes: asked(&fields).and(user.role.permissions()),
        ..Left::default()
    };
    let wrong = |field, problem: Sentence| FieldError::new(field, problem);
    let name = display_name(&left.name).map_err(|problem| wrong("name", problem));
    let term = TERMS.iter().find(|(value, _)| *value == left.days);
    let term = term.ok_or_else(|| wrong("days", "Choose one of the list.".into()));
    if left.scopes.is_empty() {
        let problem = "Tick what the program may do.".into();
        left.problems.push(wrong("scopes", problem));
    }
    match (name, term) {
        (Ok(name), Ok((days, _))) if left.problems.is_empty() => {
            let days: Option<u32> = days.parse().ok();
            let token = new_token(&app.console.random);
            let new = NewToken {
                user: user.id,
                hash: session::hash(&token),
                name,
                scopes: Some(left.scopes),
                expires_at: days.map(|days| app.now().plus(DAY * days)),
            };
            match app.users().add_token(new).await {
                Ok(()) => {
                    left = Left {
                        fresh: token,
                        days: TERMS[0].0.to_owned(),
                        scopes: USUAL,
                        ..Left::default()
                    };
                }
                Err(UserError::TooManyTokens) => left.problems.push(wrong(
                    "name",
                    Sentence::with(
                        "This user has {0} tokens: revoke one first.",
                        &[&TOKENS_MAX],
                    ),
                )),
                Err(error) => return Err(error.into()),
            }
        }
        (name, term) => left
            .problems
            .extend(name.err().into_iter().chain(term.err())),
    }
    view(&app, &signed, &user, left)
}

/// `GET /users/{id}/tokens/{token}/revoke`: asks before it is done.
pub(super) async fn ask(
    State(app): State<Arc<App>>,
    signed: Signed,
    Path((text, token)): Path<(String, String)>,
) -> Answer {
    let user = user(&app, &text)?;
    let known = app.repo().api_token(&hash(&token)?)?;
    let known = known.filter(|known| known.user == user.id);
    let known = known.ok_or(Fault::NotFound)?;
    show(&AskPage {
        c: Chrome::of(&app, &signed, signed.words.t("tokens.revoke"), "users")?,
        id: user.id,
        user: user.name.clone(),
        name_of: token,
        name: known.name.clone(),
    })
}

/// `POST /users/{id}/tokens/{token}/revoke`
pub(super) async fn revoke(
    State(app): State<Arc<App>>,
    Path((text, token)): Path<(String, String)>,
    _form: SignedForm,
) -> Answer {
    let user = user(&app, &text)?;
    app.users().revoke_token(user.id, &hash(&token)?).await?;
    Ok(see(&format!(
        "/users/{}/tokens?done=token_revoked",
        user.id
    )))
}

fn user(app: &App, text: &str) -> Result<Loaded<User>, Fault> {
    app.repo().user(id(text)?)?.ok_or(Fault::NotFound)
}

fn hash(text: &str) -> Result<[u8; 32], Fault> {
    let bytes = data_encoding::HEXLOWER.decode(text.as_bytes());
    let bytes = bytes.ok().and_then(|bytes| bytes.try_into().ok());
    bytes.ok_or(Fault::NotFound)
}

fn view(app: &App, signed: &Signed, user: &User, left: Left) -> Answer {
    let title = signed.words.fill("tokens.of", &[&user.name]);
    let c = Chrome::of(app, signed, title, "users")?.with_done(&left.done);
    let mut tokens = app.repo().tokens_of(user.id, TOKENS_READ_MAX)?;
    tokens.sort_by_key(|token| std::cmp::Reverse(token.created_at));
    let p = Problems::new(&left.problems, c.words);
    let status = if left.problems.is_empty() {
        StatusCode::OK
    } else {
        StatusCode::UNPROCESSABLE_ENTITY
    };
    let term = |(value, key): (&'static str, &'static str)| Term {
        value,
        label: c.t(key),
        chosen: value == left.days,
    };
    let page = Page {
        id: user.id,
        user: user.name.clone(),
        disabled: user.disabled,
        tokens: tokens
            .iter()
            .map(|one| row(app, &c, user.role, one))
            .collect(),
        terms: TERMS.map(term).into(),
        scopes: choices(&c, user.role.permissions(), left.scopes),
        fresh: left.fresh,
        name: left.name,
        problems: p.summary(&c),
        p,
        c,
    };
    show_as(status, &page)
}

/// What was ticked.
fn asked(fields: &Fields) -> Permissions {
    let ticked = fields.all("scope").filter_map(Permission::named);
    ticked.fold(Permissions::default(), Permissions::with)
}

fn choices(c: &Chrome, role: Permissions, chosen: Permissions) -> Vec<ScopeChoice> {
    let choice = |one: Permission| ScopeChoice {
        value: one.as_str(),
        label: c.t(words_of(one)),
        chosen: chosen.has(one),
    };
    role.iter().map(choice).collect()
}

/// What a permission is called on pages.
pub(super) const fn words_of(permission: Permission) -> &'static str {
    match permission {
        Permission::Own => "scope.own",
        Permission::See => "scope.see",
        Permission::Write => "scope.write",
        Permission::Send => "scope.send",
        Permission::Approve => "scope.approve",
        Permission::ChangeContacts => "scope.contacts",
        Permission::Arrange => "scope.arrange",
        Permission::HandleCases => "scope.cases",
        Permission::ManageTemplates => "scope.templates",
        Permission::Export => "scope.export",
        Permission::Audit => "scope.audit",
        Permission::Retain => "scope.retain",
        Permission::Administer => "scope.administer",
    }
}

/// What a token may do, as its user's role stands now.
fn scopes_of(c: &Chrome, role: Role, token: &ApiToken) -> String {
    let Some(scopes) = token.scopes else {
        return c.t("tokens.all_scopes").to_owned();
    };
    let words = scopes.and(role.permissions()).iter();
    let words: Vec<_> = words.map(|one| c.t(words_of(one))).collect();
    words.join(", ")
}

fn row(app: &App, c: &Chrome, role: Role, token: &ApiToken) -> Row {
    let live = token.is_valid(app.now());
    let (tone, icon, key) = match (live, token.revoked_at) {
        (true, _) => ("good", "check", "tokens.valid"),
        (false, Some(_)) => ("", "minus", "tokens.revoked"),
        (false, None) => ("", "minus", "tokens.expired"),
    };
    Row {
        name_of: data_encoding::HEXLOWER.encode(&token.token_hash),
        name: token.name.clone(),
        state: Badge {
            tone,
            icon,
            text: c.t(key).to_owned(),
        },
        live,
        scopes: scopes_of(c, role, token),
        made: c.when(&token.created_at),
        used: token.used_at.map(|at| c.when(&at)),
        ends: token.expires_at.map(|at| c.when(&at)),
    }
}
