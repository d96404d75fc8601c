//! The way round by us to where a link of a mail leads. Whoever asks, a person or a program, is led
//! there; only people are counted, and later, when it is clear that no program asks for all links.
//! Nobody is led to what does not stand in that very mail.

use std::sync::Arc;

use askama::Template;
use axum::extract::{Path, Request, State};
use axum::http::request::Parts;
use axum::http::{HeaderValue, Method, StatusCode, header};
use axum::response::{IntoResponse, Response};

use super::super::fault::Fault;
use super::frame::{Asked, Frame};
use super::{Answer, Site, bursts, prefetch, show_as};
use crate::clock::apart;
use crate::domain::tracking::LINKS_MAX;
use crate::domain::{ClickToken, Delivery, EmailStatus, Status, Timestamp};
use crate::safe_html::links::links;
use crate::store::{Repo, RepoError};
use crate::tracker::Event;

/// Links looked up at a time; the rest wait.
pub(super) const LOOKED_UP_MAX: usize = 16;
/// Most people at a time of whom it is not clear yet whether they are; those beyond are led on and
/// not counted.
pub(super) const AT_ONCE_MAX: usize = 256;

#[derive(Template)]
#[template(path = "public_link.html")]
struct Page {
    c: Frame,
    text: &'static str,
}

/// `GET /l/{token}`
pub(super) async fn follow(
    State(site): State<Arc<Site>>,
    asked: Asked,
    Path(token): Path<String>,
    request: Request,
) -> Answer {
    let parts = request.into_parts().0;
    let Some(click) = site.site.links.read_click(&token) else {
        // Nothing was read for it: it costs less than counting it would.
        let words = ["self.link.unknown", "self.link.unknown_text"];
        return nowhere(&site, &asked, StatusCode::NOT_FOUND, words);
    };
    // Each is looked up in all that was written: not without end for whoever has one mail of ours.
    let too_many = site.bursts().admit(click.delivery, site.now());
    if let Some(wait) = too_many {
        tracing::info!(delivery = %click.delivery, "too many requests for the links of one mail");
        return Err(Fault::TooMany(wait));
    }
    let _place = site.links.acquire().await.map_err(|_| Fault::Unavailable)?;
    let looking = {
        let site = Arc::clone(&site);
        apart(move || found(&site, click))
    };
    let Some(found) = looking.await.map_err(|_| Fault::Internal)?? else {
        let words = ["self.link.gone", "self.link.gone_text"];
        return nowhere(&site, &asked, StatusCode::GONE, words);
    };
    if found.is_counted {
        count(&site, &parts, &found, click.link);
    }
    let target = HeaderValue::try_from(in_ascii(&found.target)).map_err(|_| Fault::Internal)?;
    Ok((StatusCode::FOUND, [(header::LOCATION, target)]).into_response())
}

/// A link of a mail.
struct Found {
    delivery: Delivery,
    /// Where it leads.
    target: String,
    /// Its mail asks for its links to be counted, and that is allowed.
    is_counted: bool,
    /// That it was followed would say something new.
    is_new: bool,
}

/// The link, as long as we have what was said.
fn found(site: &Site, click: ClickToken) -> Result<Option<Found>, Fault> {
    let repo = site.repo();
    let Some(delivery) = repo.delivery(click.delivery)? else {
        return Ok(None);
    };
    let Some(communication) = repo.communication(delivery.communication)? else {
        return Ok(None);
    };
    let content = match repo.content(communication.content) {
        Ok(content) => content,
        Err(RepoError::Missing(_)) => return Ok(None),
        Err(error) => return Err(error.into()),
    };
    let Some(index) = usize::from(click.link).checked_sub(1) else {
        return Ok(None);
    };
    let found = links(&content.html, usize::from(LINKS_MAX))
        .into_iter()
        .nth(index)
        .filter(|link| site.site.links.leads_to(click, &link.target));
    let Some(link) = found else {
        return Ok(None);
    };
    // Of whom was erased nothing more is noted, nor where that is not allowed any more.
    let allowed = site.site.submit.tracking();
    let is_counted =
        communication.plan.tracked(allowed).clicks && !delivery.destination.is_nowhere();
    let is_new = is_counted && is_new(repo, &delivery, click.link)?;
    Ok(Some(Found {
        delivery: delivery.value,
        target: link.target,
        is_counted,
        is_new,
    }))
}

/// Whether the timeline would say so, or the person is not known yet to have followed it.
fn is_new(repo: &Repo, delivery: &Delivery, link: u16) -> Result<bool, Fault> {
    if delivery.notes_link(link) {
        return Ok(true);
    }
    let person = repo.person(delivery.communication, delivery.contact)?;
    Ok(person.is_some_and(|person| !person.links.contains(&link)))
}

/// Counts the person who follows this link for the first time, unless a burst comes of it.
fn count(site: &Arc<Site>, parts: &Parts, found: &Found, link: u16) {
    if prefetch::is_not_to_be_counted(&parts.headers) {
        return;
    }
    let now = site.now();
    let might_count = parts.method == Method::GET
        && found.is_new
        && handed_over(&found.delivery)
            .is_some_and(|at| !prefetch::follows_by_itself(&parts.headers, now.since(at)));
    let place = might_count
        .then(|| Arc::clone(&site.clicks).try_acquire_owned().ok())
        .flatten();
    let id = found.delivery.id;
    let waits = site.bursts().note(id, link, now, place.is_some());
    let (Some(place), true) = (place, waits) else {
        return;
    };
    let site = Arc::clone(site);
    tokio::spawn(async move {
        tokio::time::sleep(bursts::SPAN).await;
        let is_person = site.bursts().settle(id, link, now);
        if is_person && let Err(error) = site.site.tracker.record(id, Event::Clicked { link }).await
        {
            tracing::warn!(delivery = %id, %error, "a click could not be recorded");
        }
        drop(place);
    });
}

/// When the next hop or the recipient's server was last said to have it.
fn handed_over(delivery: &Delivery) -> Option<Timestamp> {
    let taken = [EmailStatus::Sent, EmailStatus::Received].map(Status::Email);
    let mut changes = delivery.timeline.iter().rev();
    let last = changes.find(|change| taken.contains(&change.status));
    last.map(|change| change.at)
}

/// An address as a header has it: everything beyond visible ASCII is escaped (RFC 3986, 2.1).
fn in_ascii(target: &str) -> String {
    let mut ascii = String::with_capacity(target.len());
    for byte in target.bytes() {
        if byte.is_ascii_graphic() && !matches!(byte, b'"' | b'<' | b'>') {
            ascii.push(char::from(byte));
        } else {
            ascii.push_str(&format!("%{byte:02X}"));
        }
    }
    ascii
}

fn nowhere(
    site: &Site,
    asked: &Asked,
    status: StatusCode,
    [title, text]: [&'static str; 2],
) -> Result<Response, Fault> {
    let page = Page {
        c: Frame::bare(site, asked, title),
        text: asked.words.t(text),
    };
    show_as(status, &page)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn addresses_go_into_a_header_as_they_are_or_escaped() {
        for (target, header) in [
            (
                "https://a.example/?a=1&b=%20#c",
                "https://a.example/?a=1&b=%20#c",
            ),
            ("https://a.example/ä\"<", "https://a.example/%C3%A4%22%3C"),
        ] {
            assert_eq!(in_ascii(target), header);
        }
    }
}
