//! Asking for a link or code, and entering a code. Whoever asks learns nothing: known or not,
//! the answer is the same page after the same time.

use std::sync::Arc;

use askama::Template;
use axum::extract::{Request, State};
use axum::http::StatusCode;
use axum::http::request::Parts;
use axum::response::Response;

use super::super::fault::Fault;
use super::super::fields::Fields;
use super::frame::{Asked, Frame};
use super::limits::level;
use super::visit::VisitorForm;
use super::{Answer, Site, guard, home, see, show_as, visit};
use crate::domain::ticket::CODE_DIGITS;
use crate::domain::{
    Channel, ContactId, Destination, EmailAddress, PhoneNumber, Redacted, TicketPurpose,
};
use crate::submit::Proof;
use crate::tracker::TicketUse;

/// Longest address or number looked at, in bytes.
pub(super) const ENTERED_SIZE_MAX: usize = 320;

#[derive(Template)]
#[template(path = "public_code.html")]
struct CodePage {
    c: Frame,
    to: String,
    /// A link or code has just been asked for.
    asked_for: bool,
    problem: Option<&'static str>,
}

/// An address or a number, whichever it looks like.
pub(super) fn destination(site: &Site, entered: &str) -> Option<Destination> {
    let entered = entered.trim();
    if entered.len() > ENTERED_SIZE_MAX {
        return None;
    }
    if entered.contains('@') {
        let address = EmailAddress::parse(entered).ok()?;
        return Some(Destination::Email(Redacted::new(address)));
    }
    let number = PhoneNumber::parse(entered, &site.settings().default_region).ok()?;
    Some(Destination::Phone(Redacted::new(number)))
}

/// The parts of a request and its form.
async fn form(request: Request) -> Result<(Parts, Fields), Fault> {
    let (parts, body) = request.into_parts();
    let fields = Fields::of_form(Request::from_parts(parts.clone(), body)).await?;
    Ok((parts, fields))
}

/// `POST /log-in`: a link or code is sent, if we know the address or number.
pub(super) async fn ask(State(site): State<Arc<Site>>, asked: Asked, request: Request) -> Answer {
    let (parts, fields) = form(request).await?;
    let entered = fields.get("to").trim().to_owned();
    let Some(to) = destination(&site, &entered) else {
        return home::view(&site, &asked, entered, Some("self.home.problem"));
    };
    guard::costly(&site, &parts)?;
    let channel = match (fields.get("by"), &to) {
        ("call", Destination::Phone(_)) => Some(Channel::Call),
        _ => None,
    };
    // Whoever never sees an answer would learn something: a failure is logged, not shown.
    let sent = level(site.site.submit.request_log_in(&to, channel)).await;
    if let Err(error) = sent {
        tracing::error!(%error, "a link to log in could not be sent");
    }
    code_view(&site, &asked, entered, true, None)
}

/// `GET /code`: where a code is entered that was spoken or texted.
pub(super) async fn code_page(State(site): State<Arc<Site>>, asked: Asked) -> Answer {
    code_view(&site, &asked, String::new(), false, None)
}

/// `POST /code`
pub(super) async fn code(State(site): State<Arc<Site>>, asked: Asked, request: Request) -> Answer {
    let (parts, fields) = form(request).await?;
    let entered = fields.get("to").trim().to_owned();
    let code: String = fields
        .get("code")
        .chars()
        .filter(|character| !character.is_whitespace())
        .take(CODE_DIGITS + 1)
        .collect();
    let looks_like_one = code.len() == CODE_DIGITS && code.bytes().all(|b| b.is_ascii_digit());
    let to = destination(&site, &entered).filter(|_| looks_like_one);
    let Some(to) = to else {
        return code_view(&site, &asked, entered, false, Some("self.code.problem"));
    };
    guard::costly(&site, &parts)?;
    let proof = Proof::Code {
        destination: &to,
        code: &code,
    };
    match level(site.site.submit.verify(proof)).await? {
        TicketUse::Done {
            contact, purpose, ..
        } => welcome(&site, contact, purpose, &to.lookup_key()).await,
        TicketUse::Refused => code_view(&site, &asked, entered, false, Some("self.code.problem")),
    }
}

/// What follows when a link or code was right.
pub(super) async fn welcome(
    site: &Site,
    contact: ContactId,
    purpose: TicketPurpose,
    via: &str,
) -> Result<Response, Fault> {
    match purpose {
        TicketPurpose::LogIn => visit::begin(site, contact, via.to_owned(), "/me").await,
        TicketPurpose::Add => {
            visit::begin(site, contact, via.to_owned(), "/me?done=confirmed").await
        }
        // Somebody else may have asked for these: they prove, no more.
        TicketPurpose::Verify | TicketPurpose::Replace => Ok(see("/?done=confirmed")),
    }
}

fn code_view(
    site: &Site,
    asked: &Asked,
    to: String,
    asked_for: bool,
    problem: Option<&'static str>,
) -> Answer {
    let c = Frame::bare(site, asked, "self.code.title");
    let page = CodePage {
        problem: problem.map(|key| c.t(key)),
        to,
        asked_for,
        c,
    };
    let status = if problem.is_some() {
        StatusCode::UNPROCESSABLE_ENTITY
    } else {
        StatusCode::OK
    };
    show_as(status, &page)
}

/// `POST /log-out`
pub(super) async fn log_out(State(site): State<Arc<Site>>, form: VisitorForm) -> Answer {
    visit::end(&site, &form.visitor, "/?done=bye").await
}
