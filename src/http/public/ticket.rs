//! Where the links in messages lead. Opening one uses nothing up, for mail scanners open links;
//! its button does.

use std::sync::Arc;

use askama::Template;
use axum::extract::{Path, Request, State};
use axum::http::StatusCode;

use super::frame::{Asked, Frame};
use super::{Answer, Site, enter, guard, show, show_as};
use crate::domain::{PublicLinks, TicketPurpose};
use crate::submit::Proof;
use crate::tracker::TicketUse;

/// Longest token looked at, in bytes.
const TOKEN_SIZE_MAX: usize = 64;

#[derive(Template)]
#[template(path = "public_ticket.html")]
struct Page {
    c: Frame,
    token: String,
    text: &'static str,
    button: &'static str,
    /// The link leads nowhere any more.
    over: bool,
}

/// `GET /v/{token}`
pub(super) async fn page(
    State(site): State<Arc<Site>>,
    asked: Asked,
    Path(token): Path<String>,
) -> Answer {
    let ticket = if token.len() > TOKEN_SIZE_MAX {
        None
    } else {
        site.repo().ticket(&PublicLinks::token_hash(&token))?
    };
    let ticket = ticket.filter(|ticket| {
        let proves = ticket.used_at.is_some() && ticket.purpose != TicketPurpose::LogIn;
        ticket.is_open(site.now()) || proves
    });
    let Some(ticket) = ticket else {
        return over(&site, &asked);
    };
    let [title, text, button] = match ticket.purpose {
        TicketPurpose::LogIn => [
            "self.ticket.log_in",
            "self.ticket.log_in_text",
            "self.ticket.log_in_button",
        ],
        TicketPurpose::Verify | TicketPurpose::Replace | TicketPurpose::Add => [
            "self.ticket.verify",
            "self.ticket.verify_text",
            "self.ticket.verify_button",
        ],
    };
    let c = Frame::bare(&site, &asked, title);
    show(&Page {
        text: c.t(text),
        button: c.t(button),
        token,
        over: false,
        c,
    })
}

/// `POST /v/{token}`
pub(super) async fn use_it(
    State(site): State<Arc<Site>>,
    asked: Asked,
    Path(token): Path<String>,
    request: Request,
) -> Answer {
    let (parts, _) = request.into_parts();
    if token.len() > TOKEN_SIZE_MAX {
        return over(&site, &asked);
    }
    guard::costly(&site, &parts)?;
    let ticket = site.repo().ticket(&PublicLinks::token_hash(&token))?;
    match site.site.submit.verify(Proof::Token(&token)).await? {
        TicketUse::Done {
            contact,
            purpose,
            again,
            ..
        } => {
            let via = ticket.map(|ticket| ticket.destination.lookup_key());
            // Proving again is fine; a link that was used does not log in again.
            let purpose = if again {
                TicketPurpose::Verify
            } else {
                purpose
            };
            enter::welcome(&site, contact, purpose, &via.unwrap_or_default()).await
        }
        TicketUse::Refused => over(&site, &asked),
    }
}

fn over(site: &Site, asked: &Asked) -> Answer {
    let c = Frame::bare(site, asked, "self.ticket.over");
    let page = Page {
        text: c.t("self.ticket.over_text"),
        button: "",
        token: String::new(),
        over: true,
        c,
    };
    show_as(StatusCode::NOT_FOUND, &page)
}
