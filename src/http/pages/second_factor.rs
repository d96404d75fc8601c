//! The second factor: set up, turned off, and reset for others.
//!
//! A secret that was made is not kept before a code of it has come back: until then it stands in
//! the form alone, sealed for this session, which says that the password was asked for.

use std::sync::Arc;
use std::time::Duration;

use askama::Template;
use axum::extract::{Path, State};
use axum::http::{StatusCode, Uri};
use data_encoding::BASE32_NOPAD;
use qrcode::{Color, EcLevel, QrCode};
use subtle::ConstantTimeEq;

use super::super::App;
use super::super::fault::Fault;
use super::super::fields::Fields;
use super::super::second_factor::take;
use super::super::session::{Signed, SignedForm, keyed, percent};
use super::super::times::When;
use super::super::view::Chrome;
use super::compose::see;
use super::me::is_mine;
use super::problems::{Problem, Problems};
use super::{Answer, id, show_as};
use crate::domain::second_factor::{
    RECOVERY_CODE_SIZE, RECOVERY_CODES, SECRET_SIZE, SecondFactor, recovery_hash,
};
use crate::domain::{Redacted, Timestamp, User, UserId};
use crate::submit::FieldError;
use crate::tracker::UserError;

/// How long a new secret waits for its first code.
const SET_UP_AGE: Duration = Duration::from_secs(15 * 60);
/// Light modules around a QR code (ISO/IEC 18004, 5.3.8).
const QUIET_ZONE: usize = 4;

/// A secret that waits for its first code.
struct SetUp {
    /// In base32, as devices take it by hand.
    secret: String,
    /// The same for people to read, in groups.
    grouped: String,
    uri: String,
    /// Until when it waits, in milliseconds.
    end: u64,
    seal: String,
    qr: Option<Qr>,
}

/// A QR code to be drawn.
struct Qr {
    /// Modules from edge to edge, the quiet zone among them.
    size: usize,
    /// The dark ones, as the path of an SVG.
    path: String,
}

struct On {
    since: When,
    left: String,
}

#[derive(Template)]
#[template(path = "second_factor.html")]
struct Page {
    c: Chrome,
    login: String,
    required: bool,
    on: Option<On>,
    set_up: Option<SetUp>,
    /// Recovery codes that have just been made; they are never shown again.
    codes: Vec<String>,
    p: Problems,
    problems: Vec<Problem>,
}

/// What has come of it besides how it stands.
#[derive(Default)]
struct Came {
    set_up: Option<SetUp>,
    codes: Vec<String>,
    problems: Vec<FieldError>,
}

/// `GET /me/second-factor`
pub(super) async fn page(State(app): State<Arc<App>>, signed: Signed, uri: Uri) -> Answer {
    let done = Fields::of_query(&uri).get("done").to_owned();
    view(&app, &signed, Came::default(), &done)
}

/// `POST /me/second-factor`: makes a secret and shows it, once the password has been given.
pub(super) async fn begin(
    State(app): State<Arc<App>>,
    SignedForm { signed, fields }: SignedForm,
) -> Answer {
    let mut came = Came::default();
    if signed.user.second_factor.is_some() {
        return Ok(see("/me/second-factor"));
    }
    if is_mine(&app, &signed.user, fields.get("old_password")).await? {
        let end = app.now().plus(SET_UP_AGE);
        let secret = app.console.random.bytes::<SECRET_SIZE>();
        came.set_up = Some(set_up(&app, &signed, &secret, end));
    } else {
        came.problems.push(wrong_password());
    }
    view(&app, &signed, came, "")
}

fn wrong_password() -> FieldError {
    FieldError::new("old_password", "This is not your password.")
}

fn wrong_code() -> FieldError {
    FieldError::new("code", "This code is wrong, or it was used before.")
}

fn set_up(app: &App, signed: &Signed, secret: &[u8; SECRET_SIZE], end: Timestamp) -> SetUp {
    let text = BASE32_NOPAD.encode(secret);
    let login: String = signed.user.login.bytes().map(percent).collect();
    let uri = format!(
        "otpauth://totp/Tocsin:{login}?secret={text}&issuer=Tocsin&algorithm=SHA1&digits=6&period=30"
    );
    SetUp {
        grouped: in_groups(&text),
        seal: seal(app, signed, &text, end),
        qr: qr(&uri),
        end: end.as_millis(),
        secret: text,
        uri,
    }
}

/// Says that this secret was made for this session after its password had been given.
fn seal(app: &App, signed: &Signed, secret: &str, end: Timestamp) -> String {
    let message = format!("new secret {} {} {secret}", signed.csrf, end.as_millis());
    keyed(&app.login_key, message.as_bytes())
}

fn in_groups(text: &str) -> String {
    let letters: Vec<char> = text.chars().collect();
    let groups = letters
        .chunks(4)
        .map(|four| four.iter().collect::<String>());
    groups.collect::<Vec<_>>().join("-")
}

fn qr(text: &str) -> Option<Qr> {
    let code = QrCode::with_error_correction_level(text, EcLevel::M).ok()?;
    let width = code.width();
    let mut path = String::new();
    for (place, color) in code.to_colors().into_iter().enumerate() {
        if color == Color::Dark {
            let (x, y) = (place % width + QUIET_ZONE, place / width + QUIET_ZONE);
            path.push_str(&format!("M{x} {y}h1v1h-1z"));
        }
    }
    let size = width + 2 * QUIET_ZONE;
    Some(Qr { size, path })
}

/// `POST /me/second-factor/confirm`: turned on by the first code; the answer shows the recovery
/// codes, this once.
pub(super) async fn confirm(
    State(app): State<Arc<App>>,
    SignedForm { signed, fields }: SignedForm,
) -> Answer {
    let end = fields.get("end").parse().unwrap_or(0);
    let end = Timestamp::from_millis(end);
    let text = fields.get("secret");
    let expected = seal(&app, &signed, text, end);
    let same = bool::from(expected.as_bytes().ct_eq(fields.get("seal").as_bytes()));
    let secret = BASE32_NOPAD.decode(text.as_bytes()).ok();
    let secret = secret.and_then(|bytes| <[u8; SECRET_SIZE]>::try_from(bytes).ok());
    let fresh = same && app.now() < end && signed.user.second_factor.is_none();
    let Some(secret) = secret.filter(|_| fresh) else {
        return Ok(see("/me/second-factor"));
    };
    let codes: [String; RECOVERY_CODES] = std::array::from_fn(|_| {
        let bytes = app.console.random.bytes::<RECOVERY_CODE_SIZE>();
        in_groups(&BASE32_NOPAD.encode(&bytes))
    });
    let factor = SecondFactor {
        secret: Redacted::new(secret),
        last_step: 0,
        recovery: codes.iter().map(|code| recovery_hash(code)).collect(),
        since: app.now(),
    };
    let user = User {
        second_factor: Some(factor),
        ..signed.user.clone()
    };
    let taken = take(&app, &user, fields.get("code"))?;
    let Some(taken) = taken.filter(|taken| !taken.recovery) else {
        let came = Came {
            set_up: Some(set_up(&app, &signed, &secret, end)),
            problems: vec![wrong_code()],
            ..Came::default()
        };
        return view(&app, &signed, came, "");
    };
    let keep = Some(signed.session.token_hash);
    let users = app.users();
    users
        .set_second_factor(user.id, Some(taken.after), keep)
        .await?;
    let came = Came {
        codes: codes.into(),
        ..Came::default()
    };
    view(&app, &Signed { user, ..signed }, came, "")
}

/// `POST /me/second-factor/off`: both the password and a code are asked for.
pub(super) async fn off(
    State(app): State<Arc<App>>,
    SignedForm { signed, fields }: SignedForm,
) -> Answer {
    if app.console.settings.second_factor_required {
        return Err(Fault::Forbidden);
    }
    let mut problems = Vec::new();
    if !is_mine(&app, &signed.user, fields.get("old_password")).await? {
        problems.push(wrong_password());
    } else if take(&app, &signed.user, fields.get("code"))?.is_none() {
        problems.push(wrong_code());
    }
    if problems.is_empty() {
        let keep = Some(signed.session.token_hash);
        let users = app.users();
        users.set_second_factor(signed.user.id, None, keep).await?;
        return Ok(see("/me/second-factor?done=second_factor_off"));
    }
    let came = Came {
        problems,
        ..Came::default()
    };
    view(&app, &signed, came, "")
}

/// `POST /users/{id}/second-factor/reset`: for somebody else whose device is lost.
pub(super) async fn reset(
    State(app): State<Arc<App>>,
    Path(text): Path<String>,
    SignedForm { signed, .. }: SignedForm,
) -> Answer {
    let of: UserId = id(&text)?;
    if of == signed.user.id {
        return Err(UserError::Yourself.into());
    }
    app.users().set_second_factor(of, None, None).await?;
    Ok(see(&format!("/users/{of}?done=second_factor_reset")))
}

fn view(app: &App, signed: &Signed, came: Came, done: &str) -> Answer {
    let c = Chrome::of(app, signed, signed.words.t("second.title"), "me")?.with_done(done);
    let p = Problems::new(&came.problems, c.words);
    let on = |factor: &SecondFactor| On {
        since: c.when(&factor.since),
        left: c.f1("second.left", factor.recovery.len()),
    };
    let status = if came.problems.is_empty() {
        StatusCode::OK
    } else {
        StatusCode::UNPROCESSABLE_ENTITY
    };
    let page = Page {
        login: signed.user.login.clone(),
        required: app.console.settings.second_factor_required,
        on: signed.user.second_factor.as_ref().map(on),
        set_up: came.set_up,
        codes: came.codes,
        problems: p.summary(&c),
        p,
        c,
    };
    show_as(status, &page)
}
