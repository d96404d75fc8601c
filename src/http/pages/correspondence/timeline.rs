//! A client's timeline: what mattered, from the newest on.

use std::sync::Arc;

use askama::Template;
use axum::extract::{Path, State};
use axum::http::Uri;

use super::super::super::App;
use super::super::super::cursor::Cursors;
use super::super::super::data::Result;
use super::super::super::entries::{Line, Reader, access_of};
use super::super::super::fault::Fault;
use super::super::super::fields::Fields;
use super::super::super::session::Signed;
use super::super::super::times::When;
use super::super::super::view::{Badge, Chrome};
use super::super::filter_form::with;
use super::super::sorting::{order_of, ordered};
use super::super::{Answer, apart, id, show};
use super::entry::letter_of;
use super::list::{badge, kind, kind_icon, name, title};
use super::{Tabs, contact_for};
use crate::domain::{EntryKind, EntryWhat, Party, Relation};
use crate::store::{Happened, Order};

/// What happened that is looked at for one page.
pub(crate) const LOOKED_AT_MAX: usize = 200;

struct Milestone {
    tone: &'static str,
    icon: &'static str,
    what: String,
    href: String,
    title: String,
    who: String,
    case: Option<(String, String)>,
    when: When,
    badge: Option<Badge>,
    chase: bool,
}

#[derive(Template)]
#[template(path = "timeline.html")]
struct Page {
    c: Chrome,
    name: String,
    tabs: Option<Tabs>,
    milestones: Vec<Milestone>,
    here: String,
    oldest: bool,
    first: String,
    next: String,
}

/// `GET /contacts/{id}/timeline`
pub(in super::super) async fn page(
    State(app): State<Arc<App>>,
    signed: Signed,
    Path(text): Path<String>,
    uri: Uri,
) -> Answer {
    apart(move || {
        let access = access_of(&signed);
        let client = contact_for(&app, &access, id(&text)?)?;
        if Party::of(client.kind) != Some(Party::Client) {
            return Err(Fault::NotFound);
        }
        let name = client.full_name();
        let c = Chrome::of(&app, &signed, name.clone(), "contacts")?;
        let query = Fields::of_query(&uri);
        let here = format!("/contacts/{}/timeline", client.id);
        let cursors = Cursors::of(&app, signed.user.id, &here);
        let after = cursors.place(query.get("after"));
        let order = order_of(&query);
        let oldest = order == Order::Turned;
        let found =
            app.repo()
                .happened_with_client(client.id, after.as_deref(), LOOKED_AT_MAX, oldest)?;
        let base = ordered(&here, order);
        let next = found
            .next
            .map(|place| with(&base, &format!("after={}", cursors.text(&place))));
        let mut reader = Reader::new(&app, &access);
        let mut milestones = Vec::new();
        for happened in found.rows {
            milestones.extend(match happened {
                Happened::Entry(entry) if reader.sees(&entry)? => {
                    let line = reader.line(entry.value)?;
                    said(&app, &c, &line)?
                }
                Happened::Event(event) => {
                    let case = app.repo().case(event.case)?;
                    let seen = case.filter(|case| access.sees_case(case));
                    seen.filter(|_| event.change.is_status())
                        .map(|case| Milestone {
                            tone: "",
                            icon: "file",
                            what: c.words.label(event.change.as_str()),
                            href: format!("/cases/{}", case.id),
                            title: case.title.clone(),
                            who: event.detail.reveal().clone(),
                            case: Some((case.id.to_string(), case.reference.clone())),
                            when: c.when(&event.at),
                            badge: None,
                            chase: false,
                        })
                }
                Happened::Entry(_) => None,
            });
        }
        show(&Page {
            name,
            tabs: Tabs::of(&client, "timeline"),
            milestones,
            here,
            oldest,
            first: after.map_or_else(String::new, |_| base.clone()),
            next: next.unwrap_or_default(),
            c,
        })
    })
    .await
}

/// Whether what was said mattered: letters to and from creditors, what belongs to a case, calls,
/// what was written down by hand or has a note.
pub(crate) fn matters(app: &App, line: &Line) -> Result<bool> {
    let entry = &line.entry;
    let by_hand = matches!(entry.what, EntryWhat::Note(_));
    Ok(entry.party == Party::Creditor
        || entry.case.is_some()
        || by_hand
        || entry.kind == EntryKind::Call
        || !app.repo().notes_of(entry.id, 1)?.is_empty())
}

/// What was said, when it mattered.
fn said(app: &App, c: &Chrome, line: &Line) -> Result<Option<Milestone>> {
    let entry = &line.entry;
    if !matters(app, line)? {
        return Ok(None);
    }
    let related = letter_of(app, line)?.and_then(|letter| letter.related);
    let badge = badge(c, line.status);
    Ok(Some(Milestone {
        tone: badge.tone,
        icon: kind_icon(entry.kind),
        what: kind(c, line),
        href: format!("/correspondence/{}", entry.id),
        title: title(c, line),
        who: name(c, line),
        case: entry
            .case
            .zip(line.case.clone())
            .map(|(id, reference)| (id.to_string(), reference)),
        when: c.when(&entry.at),
        badge: Some(badge),
        chase: related.is_some_and(|related| related.relation == Relation::FollowUp),
    }))
}
