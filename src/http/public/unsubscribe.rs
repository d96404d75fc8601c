//! Where `List-Unsubscribe` leads: a page for people, one click for mail programs (RFC 8058).

use std::sync::Arc;

use askama::Template;
use axum::body::to_bytes;
use axum::extract::{Path, Request, State};
use axum::http::{StatusCode, header};
use axum::response::IntoResponse;

use super::super::fault::Fault;
use super::super::fields::Fields;
use super::frame::{Asked, Frame};
use super::{Answer, Site, guard, show};
use crate::domain::{
    Actor, Channel, Consent, ContactChange, Delivery, LogEvent, ProofKind, Redacted,
};

/// What mail programs post (RFC 8058, 3.1).
const ONE_CLICK: (&str, &str) = ("List-Unsubscribe", "One-Click");
/// Largest form read here, in bytes.
const FORM_SIZE_MAX: usize = 16 * 1024;

#[derive(Template)]
#[template(path = "public_unsubscribe.html")]
struct Page {
    c: Frame,
    token: String,
    category: String,
    done: bool,
}

/// Whose mail it was, and about what.
struct About {
    delivery: Delivery,
    category: String,
}

fn about(site: &Site, token: &str) -> Result<About, Fault> {
    let id = site.site.links.read_unsubscribe(token);
    let delivery = match id {
        Some(id) => site.repo().delivery(id)?,
        None => None,
    };
    let delivery = delivery.ok_or(Fault::NotFound)?.value;
    let communication = site.repo().communication(delivery.communication)?;
    Ok(About {
        category: communication.ok_or(Fault::NotFound)?.category.clone(),
        delivery,
    })
}

/// `GET /u/{token}`: changes nothing.
pub(super) async fn page(
    State(site): State<Arc<Site>>,
    asked: Asked,
    Path(token): Path<String>,
) -> Answer {
    let about = about(&site, &token)?;
    view(&site, &asked, token, &about, false)
}

fn view(site: &Site, asked: &Asked, token: String, about: &About, done: bool) -> Answer {
    let titles = &site.settings().category_titles;
    let title = if done {
        "self.unsubscribe.done"
    } else {
        "self.unsubscribe.title"
    };
    show(&Page {
        c: Frame::bare(site, asked, title),
        token,
        category: titles
            .get(&about.category)
            .unwrap_or(&about.category)
            .clone(),
        done,
    })
}

/// `POST /u/{token}`
pub(super) async fn do_it(
    State(site): State<Arc<Site>>,
    asked: Asked,
    Path(token): Path<String>,
    request: Request,
) -> Answer {
    let about = about(&site, &token)?;
    let (parts, body) = request.into_parts();
    let body = to_bytes(body, FORM_SIZE_MAX)
        .await
        .map_err(|_| Fault::TooLarge)?;
    if is_one_click(&parts.headers, &body) {
        withdraw(&site, &about, false, ProofKind::OneClick).await?;
        return Ok((StatusCode::OK, "unsubscribed\n").into_response());
    }
    if !guard::from_here(&parts.headers) {
        return Err(Fault::Forged);
    }
    let fields = Fields::of_form(Request::from_parts(parts, body.into())).await?;
    let all = fields.get("what") == "all";
    withdraw(&site, &about, all, ProofKind::Link).await?;
    view(&site, &asked, token, &about, true)
}

/// Whether a mail program asks: as a form of either kind, and nothing else in it.
fn is_one_click(headers: &axum::http::HeaderMap, body: &[u8]) -> bool {
    let kind = headers
        .get(header::CONTENT_TYPE)
        .and_then(|kind| kind.to_str().ok())
        .unwrap_or_default()
        .to_ascii_lowercase();
    let text = String::from_utf8_lossy(body);
    let text = text.trim();
    if kind.starts_with("multipart/form-data") {
        let named = format!("name=\"{}\"", ONE_CLICK.0);
        return text.contains(&named)
            && text.matches("name=\"").count() == 1
            && text.lines().any(|line| line.trim() == ONE_CLICK.1);
    }
    text == format!("{}={}", ONE_CLICK.0, ONE_CLICK.1)
}

/// Writes the no, for whoever took the recipient over where that was done. Somebody who is gone
/// wants nothing any more, too.
async fn withdraw(site: &Site, about: &About, all: bool, proof: ProofKind) -> Result<(), Fault> {
    let Some(recipient) = site.repo().current_contact(about.delivery.contact)? else {
        return Ok(());
    };
    let id = recipient.id;
    let now = site.now();
    let category = (!all).then(|| about.category.clone());
    let changing = site.site.tracker.change_contact(id, |contact| {
        let wishes = &mut contact.wishes;
        let said = wishes.consents.iter().any(|known| {
            known.channel == Some(Channel::Email) && known.category == category && !known.given
        });
        let yes_remains = all && wishes.consents.iter().any(is_email_yes);
        if said && !yes_remains {
            return Some(Vec::new());
        }
        if all {
            // A more exact yes would count before the no to everything.
            wishes.consents.retain(|known| !is_email_yes(known));
            let categories: Vec<String> = wishes
                .consents
                .iter()
                .filter(|known| known.channel.is_none() && known.given)
                .filter_map(|known| known.category.clone())
                .collect();
            for category in categories {
                wishes.decide(no(Some(category), now, proof));
            }
        }
        wishes.decide(no(category.clone(), now, proof));
        Some(vec![LogEvent::Changed {
            change: ContactChange::ConsentWithdrawn,
            method: None,
            kind: None,
            detail: category.clone().unwrap_or_default(),
            by: Actor::Person,
        }])
    });
    changing.await?;
    tracing::info!(contact = %id, delivery = %about.delivery.id, all, "unsubscribed");
    Ok(())
}

fn is_email_yes(consent: &Consent) -> bool {
    consent.channel == Some(Channel::Email) && consent.category.is_some() && consent.given
}

fn no(category: Option<String>, at: crate::domain::Timestamp, proof: ProofKind) -> Consent {
    Consent {
        channel: Some(Channel::Email),
        category,
        given: false,
        at,
        proof,
        note: Redacted::default(),
    }
}
