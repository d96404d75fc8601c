//! Where people confirm that they have read a message. Opening the link confirms nothing, for
//! mail scanners open links; its button does.

use std::sync::Arc;

use askama::Template;
use axum::extract::{Path, Request, State};
use axum::http::StatusCode;
use axum::http::request::Parts;

use super::super::fault::Fault;
use super::super::words::Words;
use super::frame::{Asked, Frame};
use super::{Answer, Site, guard, show, show_as};
use crate::domain::communication::NO_SUBJECT;
use crate::domain::confirmation::CONFIRM_LIFETIME;
use crate::domain::escalation::is_confirmed;
use crate::domain::{AuditActor, Channel, Communication, ConfirmedBy, Delivery, PublicLinks};
use crate::store::acting;
use crate::tracker::{Confirmation, TrackerError};

/// Most deliveries looked at whose ids begin alike: one, but for a rare chance.
const ALIKE_MAX: usize = 16;

#[derive(Template)]
#[template(path = "public_confirm.html")]
struct Page {
    c: Frame,
    /// What the message is about; empty when the link leads nowhere.
    about: String,
    text: String,
    /// Where the button leads; empty without one.
    action: String,
}

/// What a link is about.
struct About {
    delivery: Delivery,
    communication: Communication,
    confirmed: bool,
    /// The language of the person.
    language: String,
}

fn about(site: &Site, token: &str) -> Result<Option<About>, Fault> {
    let Some(token) = PublicLinks::read_confirm(token) else {
        return Ok(None);
    };
    let alike = site
        .repo()
        .deliveries_beginning(&token.beginning, ALIKE_MAX)?;
    let links = &site.site.links;
    let mut alike = alike.into_iter();
    let Some(delivery) = alike.find(|delivery| links.confirms(token, delivery.id)) else {
        return Ok(None);
    };
    let made = delivery.timeline.first().map(|change| change.at);
    let over = made.is_none_or(|made| made.plus(CONFIRM_LIFETIME) <= site.now());
    let person = site
        .repo()
        .person(delivery.communication, delivery.contact)?;
    let communication = site.repo().communication(delivery.communication)?;
    let (Some(person), Some(communication), false) = (person, communication, over) else {
        return Ok(None);
    };
    let contact = site.repo().current_contact(delivery.contact)?;
    Ok(Some(About {
        delivery: delivery.value,
        communication: communication.value,
        confirmed: is_confirmed(&person),
        language: contact.map_or_else(String::new, |contact| contact.language.clone()),
    }))
}

/// `GET /c/{token}`: changes nothing.
pub(super) async fn page(
    State(site): State<Arc<Site>>,
    asked: Asked,
    Path(token): Path<String>,
    request: Request,
) -> Answer {
    let Some(about) = about(&site, &token)? else {
        return over(&site, &asked, &request.into_parts().0);
    };
    let state = if about.confirmed {
        Stage::Before
    } else {
        Stage::Open
    };
    view(&site, asked, &token, &about, state)
}

/// `POST /c/{token}`
pub(super) async fn do_it(
    State(site): State<Arc<Site>>,
    asked: Asked,
    Path(token): Path<String>,
    request: Request,
) -> Answer {
    let parts = request.into_parts().0;
    let Some(about) = about(&site, &token)? else {
        return over(&site, &asked, &parts);
    };
    let by = match about.delivery.channel {
        Channel::Email => ConfirmedBy::EmailLink,
        // A call carries no link: one that is passed on is still a link that somebody read.
        Channel::Text | Channel::Call => ConfirmedBy::TextLink,
    };
    let (id, contact) = (about.communication.id, about.delivery.contact);
    // Whoever has the link that was sent to nobody else.
    acting::identify(AuditActor::Person(contact));
    match site.site.tracker.confirm(id, contact, by).await {
        Ok(Confirmation::Recorded) => view(&site, asked, &token, &about, Stage::Done),
        Ok(Confirmation::Before) => view(&site, asked, &token, &about, Stage::Before),
        Err(TrackerError::NotFound(_)) => over(&site, &asked, &parts),
        Err(error) => Err(error.into()),
    }
}

/// How far it is.
#[derive(Clone, Copy)]
enum Stage {
    Open,
    Done,
    Before,
}

fn view(site: &Site, asked: Asked, token: &str, about: &About, state: Stage) -> Answer {
    let asked = asked.in_language_of(&about.language);
    let [title, text] = match state {
        Stage::Open => ["self.confirm.title", "self.confirm.text"],
        Stage::Done => ["self.confirm.done", "self.confirm.done_text"],
        Stage::Before => ["self.confirm.before", "self.confirm.before_text"],
    };
    let c = Frame::bare(site, &asked, title);
    let action = match state {
        Stage::Open => format!("/c/{token}"),
        Stage::Done | Stage::Before => String::new(),
    };
    show(&Page {
        about: title_of(c.words, &about.communication),
        text: c.f1(text, &c.organisation),
        action,
        c,
    })
}

fn title_of(words: &Words, communication: &Communication) -> String {
    if communication.title == NO_SUBJECT {
        words.say(NO_SUBJECT).to_owned()
    } else {
        communication.title.clone()
    }
}

/// The same for what is too old, gone, cut off or invented. Only such requests count against the
/// limit: many people behind one address may confirm an alarm within minutes.
fn over(site: &Site, asked: &Asked, parts: &Parts) -> Answer {
    guard::costly(site, parts)?;
    let c = Frame::bare(site, asked, "self.confirm.over");
    let page = Page {
        about: String::new(),
        text: c.t("self.confirm.over_text").to_owned(),
        action: String::new(),
        c,
    };
    show_as(StatusCode::NOT_FOUND, &page)
}
