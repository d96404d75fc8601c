//! What users set for themselves: how they read the pages, where they are reached, their password.

use std::sync::Arc;

use askama::Template;
use axum::extract::State;
use axum::http::{StatusCode, Uri};
use jiff::tz::TimeZone;

use super::super::App;
use super::super::acts;
use super::super::fault::Fault;
use super::super::fields::Fields;
use super::super::session::{Signed, SignedForm};
use super::super::view::Chrome;
use super::super::words::Words;
use super::compose::see;
use super::problems::{Problem, Problems};
use super::{Answer, sessions, show_as};
use crate::domain::user::{PASSWORD_SIZE_MAX, display_name, password_problem};
use crate::domain::{EmailAddress, PhoneNumber, Role, Sentence, User};
use crate::submit::FieldError;
use crate::tracker::{UserError, UserSettings};

/// Longest name of a zone looked at, in bytes.
const ZONE_SIZE_MAX: usize = 64;

struct Language {
    code: &'static str,
    name: &'static str,
    chosen: bool,
}

/// What stands in the fields.
struct Entered {
    name: String,
    language: String,
    time_zone: String,
    email: String,
    mobile: String,
    notify_replies: bool,
}

#[derive(Template)]
#[template(path = "me.html")]
struct Page {
    c: Chrome,
    login: String,
    role: String,
    second_factor: bool,
    sessions: Vec<sessions::Row>,
    e: Entered,
    languages: Vec<Language>,
    default_language: &'static str,
    default_zone: String,
    zones: Vec<String>,
    p: Problems,
    problems: Vec<Problem>,
}

/// `GET /me`
pub(super) async fn page(State(app): State<Arc<App>>, signed: Signed, uri: Uri) -> Answer {
    let query = Fields::of_query(&uri);
    let entered = entered_of(&signed.user);
    form(&app, &signed, entered, &[], query.get("done"))
}

/// `POST /me`
pub(super) async fn save(
    State(app): State<Arc<App>>,
    SignedForm { signed, fields }: SignedForm,
) -> Answer {
    let entered = Entered {
        name: fields.get("name").to_owned(),
        language: fields.get("language").to_owned(),
        time_zone: fields.get("time_zone").trim().to_owned(),
        email: fields.get("email").trim().to_owned(),
        mobile: fields.get("mobile").trim().to_owned(),
        notify_replies: fields.has("notify_replies"),
    };
    match settings(&app, &entered) {
        Ok(settings) => {
            app.users()
                .change_settings(signed.user.id, &settings)
                .await?;
            Ok(see("/me?done=settings"))
        }
        Err(problems) => form(&app, &signed, entered, &problems, ""),
    }
}

/// `POST /me/password`: the old one is asked for, so that a browser left open is not enough.
pub(super) async fn password(
    State(app): State<Arc<App>>,
    SignedForm { signed, fields }: SignedForm,
) -> Answer {
    let (old, new) = (fields.get("old_password"), fields.get("password"));
    let mut problems: Vec<FieldError> = password_problem(new)
        .into_iter()
        .map(|problem| FieldError::new("password", problem))
        .collect();
    if problems.is_empty() && new != fields.get("again") {
        problems.push(FieldError::new("again", "The two passwords differ."));
    }
    if problems.is_empty() && !is_mine(&app, &signed.user, old).await? {
        problems.push(FieldError::new(
            "old_password",
            "This is not your password.",
        ));
    }
    if !problems.is_empty() {
        let entered = entered_of(&signed.user);
        return form(&app, &signed, entered, &problems, "");
    }
    let hash = hashed(&app, new, signed.user.role).await?;
    let keep = signed.session.token_hash;
    let users = app.users();
    users
        .set_password(signed.user.id, &hash, Some(keep))
        .await?;
    Ok(see("/me?done=password"))
}

/// Whether this is the user's password; guessing has to wait here too.
pub(crate) async fn is_mine(app: &App, user: &User, password: &str) -> Result<bool, Fault> {
    if password.len() > PASSWORD_SIZE_MAX {
        return Ok(false);
    }
    let key = format!("password {}", user.id);
    let now = app.now();
    {
        let mut logins = app.logins();
        if let Some(wait) = logins.wait(&key, now) {
            return Err(Fault::TooMany(wait));
        }
        logins.count(&key, now);
    }
    let hash = user.password_hash.reveal().clone();
    let checked = app.gate.check(password.to_owned(), Some(hash)).await;
    let right = checked.map_err(|_| Fault::Unavailable)?;
    if right {
        app.logins().clear(&key);
    } else {
        acts::password_refused(app, user.id).await;
    }
    Ok(right)
}

/// What is kept of a new password of somebody of this role.
pub(crate) async fn hashed(app: &App, password: &str, role: Role) -> Result<String, Fault> {
    let random = app.console.random.fork();
    let hash = app.gate.hash(password.to_owned(), role, random).await;
    hash.map_err(|_| Fault::Unavailable)?.ok_or(Fault::Internal)
}

fn entered_of(user: &User) -> Entered {
    let email = user.email.as_ref().map(|email| email.reveal().as_str());
    let mobile = user.mobile.as_ref().map(|number| number.reveal().as_str());
    Entered {
        name: user.name.clone(),
        language: user.language.clone().unwrap_or_default(),
        time_zone: user.time_zone.clone().unwrap_or_default(),
        email: email.unwrap_or_default().to_owned(),
        mobile: mobile.unwrap_or_default().to_owned(),
        notify_replies: user.notify_replies,
    }
}

fn settings(app: &App, entered: &Entered) -> Result<UserSettings, Vec<FieldError>> {
    let mut problems = Vec::new();
    let mut field = |name: &'static str, problem: Sentence| {
        problems.push(FieldError::new(name, problem));
    };
    let name = display_name(&entered.name).map_err(|problem| field("name", problem));
    let language = chosen(&entered.language);
    if language.is_some_and(|code| Words::known(code).is_none()) {
        field("language", "Choose one of the languages.".into());
    }
    let zone = chosen(&entered.time_zone);
    if zone.is_some_and(|zone| !is_zone(zone)) {
        field(
            "time_zone",
            "Choose a zone of the list, such as Europe/Paris.".into(),
        );
    }
    let email = email(&entered.email).map_err(|problem| field("email", problem));
    let mobile = chosen(&entered.mobile)
        .map(|text| PhoneNumber::parse(text, &app.console.settings.default_region))
        .transpose()
        .map_err(|error| field("mobile", Sentence::from(&error)));
    match (name, email, mobile) {
        (Ok(name), Ok(email), Ok(mobile)) if problems.is_empty() => Ok(UserSettings {
            name,
            language: language.map(str::to_owned),
            time_zone: zone.map(str::to_owned),
            email,
            mobile,
            notify_replies: entered.notify_replies,
        }),
        _ => Err(problems),
    }
}

/// An email address that may be left out.
pub(super) fn email(text: &str) -> Result<Option<EmailAddress>, Sentence> {
    let read = chosen(text).map(EmailAddress::parse).transpose();
    read.map_err(|error| Sentence::from(&error))
}

fn chosen(text: &str) -> Option<&str> {
    Some(text.trim()).filter(|text| !text.is_empty())
}

pub(crate) fn is_zone(name: &str) -> bool {
    name.len() <= ZONE_SIZE_MAX && TimeZone::get(name).is_ok()
}

/// Names of the zones to choose from.
fn zones() -> Vec<String> {
    let known = jiff::tz::db().available();
    let names = known.map(|name| name.as_str().to_owned());
    let mut names: Vec<String> = names
        .filter(|name| name == "UTC" || name.contains('/') && !name.starts_with("Etc/"))
        .collect();
    names.sort();
    names
}

fn form(
    app: &App,
    signed: &Signed,
    entered: Entered,
    problems: &[FieldError],
    done: &str,
) -> Answer {
    let c = Chrome::of(app, signed, signed.words.t("me.title"), "me")?.with_done(done);
    let p = Problems::new(problems, c.words);
    let languages = Words::languages().map(|(code, name)| Language {
        code,
        name,
        chosen: code == entered.language,
    });
    let zone = &app.console.settings.time_zone;
    let status = if problems.is_empty() {
        StatusCode::OK
    } else {
        StatusCode::UNPROCESSABLE_ENTITY
    };
    let page = Page {
        login: signed.user.login.clone(),
        role: c.words.label(signed.user.role.as_str()),
        second_factor: signed.user.second_factor.is_some(),
        sessions: sessions::rows(app, &c, &signed.session)?,
        languages: languages.collect(),
        default_language: app.default_words.t("language.name"),
        default_zone: zone.iana_name().unwrap_or("UTC").to_owned(),
        zones: zones(),
        problems: p.summary(&c),
        p,
        e: entered,
        c,
    };
    show_as(status, &page)
}

impl From<UserError> for Fault {
    fn from(error: UserError) -> Self {
        match error {
            UserError::NotFound => Self::NotFound,
            UserError::Changed | UserError::Contention => Self::Unavailable,
            UserError::Taken
            | UserError::TooManyTokens
            | UserError::LastAdministrator
            | UserError::Yourself => Self::BadRequest,
            UserError::Repo(error) => error.into(),
            UserError::Store(error) => error.into(),
        }
    }
}
