//! The communications log: a line per delivery over all communications.

use std::collections::HashMap;
use std::sync::Arc;

use askama::Template;
use axum::extract::State;
use axum::http::{StatusCode, Uri};
use jiff::civil::Date;
use jiff::tz::TimeZone;

use super::super::App;
use super::super::data::{self, Result, WRITTEN};
use super::super::fields::Fields;
use super::super::journal::{self, Filter, Standing};
use super::super::period::{self, Choice, Days, Wrong};
use super::super::session::{Signed, percent};
use super::super::times::When;
use super::super::view::{Badge, Chrome, channel_icon, seek};
use super::{Answer, apart, show_as};
use crate::domain::{
    Access, Channel, Communication, CommunicationId, Contact, ContactId, Delivery, DeliveryId,
};
use crate::store::Loaded;

/// Most communications offered as a filter: those last changed.
const OFFERED_MAX: usize = 50;

/// What the address asks for.
pub(super) struct Asked {
    choice: Choice,
    days: std::result::Result<Days, Wrong>,
    from: String,
    to: String,
    channel: Option<Channel>,
    standing: Option<Standing>,
    communication: Option<Loaded<Communication>>,
}

impl Asked {
    pub(super) fn of(app: &App, access: &Access, fields: &Fields, today: Date) -> Result<Self> {
        let asked = fields.get("when");
        let known = Choice::ALL.into_iter().find(|one| one.slug() == asked);
        let communication: Option<CommunicationId> = fields.get("communication").parse().ok();
        let communication = communication.map(|id| app.communication_for(access, id));
        // Of one communication, all days are what is meant.
        let choice = known.unwrap_or(match communication {
            Some(_) => Choice::All,
            None => Choice::default(),
        });
        let days = Days::of(choice, fields, today);
        let (mut from, mut to) = (fields.get("from").to_owned(), fields.get("to").to_owned());
        if let (true, Ok(days)) = (choice != Choice::Custom, days) {
            let text = |day: Option<Date>| day.map_or_else(String::new, |day| day.to_string());
            (from, to) = (text(days.first), text(days.last));
        }
        Ok(Self {
            choice,
            days,
            from,
            to,
            channel: Channel::ALL
                .into_iter()
                .find(|channel| channel.as_str() == fields.get("type")),
            standing: Standing::ALL
                .into_iter()
                .find(|standing| standing.slug() == fields.get("status")),
            communication: communication.transpose()?.flatten(),
        })
    }

    pub(super) fn filter(
        &self,
        zone: &TimeZone,
        access: &Arc<Access>,
    ) -> std::result::Result<Filter, Wrong> {
        Ok(Filter::new(
            self.days?.bounds(zone),
            self.channel,
            self.standing,
            self.communication.as_deref(),
            access,
        ))
    }

    /// The query that asks for the same, with another choice of days.
    fn query(&self, choice: Choice) -> String {
        let mut query = format!("when={}", choice.slug());
        let mut add = |name: &str, value: &str| {
            let value: String = value.bytes().map(percent).collect();
            query.push_str(&format!("&{name}={value}"));
        };
        if choice == Choice::Custom {
            add("from", &self.from);
            add("to", &self.to);
        }
        if let Some(channel) = self.channel {
            add("type", channel.as_str());
        }
        if let Some(standing) = self.standing {
            add("status", standing.slug());
        }
        if let Some(communication) = &self.communication {
            add("communication", &communication.id.to_string());
        }
        query
    }
}

struct Link {
    href: String,
    label: &'static str,
    current: bool,
}

struct Choosable {
    value: String,
    label: String,
    chosen: bool,
}

struct Row {
    id: DeliveryId,
    contact: ContactId,
    known: bool,
    communication: CommunicationId,
    icon: &'static str,
    channel: String,
    badge: Badge,
    closed: bool,
    held: String,
    sent: Option<When>,
    completed: Option<When>,
    name: String,
    to: String,
    title: String,
}

#[derive(Template)]
#[template(path = "comms_log.html")]
struct Page {
    c: Chrome,
    choices: Vec<Link>,
    choice: &'static str,
    custom: bool,
    from: String,
    to: String,
    /// Field and text of what was entered wrongly.
    wrong: Option<(&'static str, String)>,
    channels: Vec<Choosable>,
    standings: Vec<Choosable>,
    communications: Vec<Choosable>,
    filtered: bool,
    rows: Vec<Row>,
    /// How far it looked before it stopped.
    looked: String,
    export: String,
    first: String,
    newer: String,
    older: String,
}

/// `GET /log`
pub(super) async fn page(State(app): State<Arc<App>>, signed: Signed, uri: Uri) -> Answer {
    apart(move || {
        let c = Chrome::of(&app, &signed, signed.words.t("commslog.title"), "log")?;
        let query = Fields::of_query(&uri);
        let today = period::today(app.now(), c.zone());
        let asked = Asked::of(&app, &signed.access, &query, today)?;
        let here = asked.query(asked.choice);
        let (found, wrong) = match asked.filter(c.zone(), &signed.access) {
            Ok(filter) => {
                let seek = seek(&query, "before", "after");
                (
                    journal::page(app.repo(), &filter, &seek, data::PAGE_ROWS)?,
                    None,
                )
            }
            Err((field, key)) => (journal::Page::default(), Some((field, c.t(key).to_owned()))),
        };
        let status = if wrong.is_some() {
            StatusCode::UNPROCESSABLE_ENTITY
        } else {
            StatusCode::OK
        };
        let go = |way: &str, id: Option<DeliveryId>| {
            id.map_or_else(String::new, |id| format!("/log?{here}&{way}={id}"))
        };
        let (newer, older) = (go("before", found.newer), go("after", found.older));
        let looked = match (found.unfinished, found.older) {
            (true, Some(id)) => app.repo().delivery(id)?.and_then(|last| {
                last.timeline
                    .first()
                    .map(|change| c.when(&change.at).inside)
            }),
            (true, None) | (false, _) => None,
        };
        let page = Page {
            choices: choices(&c, &asked),
            choice: asked.choice.slug(),
            custom: asked.choice == Choice::Custom,
            channels: channels(&c, &asked),
            standings: standings(&c, &asked),
            communications: communications(&app, &c, &asked, &signed.access)?,
            filtered: asked.channel.is_some()
                || asked.standing.is_some()
                || asked.communication.is_some(),
            rows: rows(&app, &c, &found.rows)?,
            looked: looked.unwrap_or_default(),
            export: format!("/log/export?{here}"),
            first: if newer.is_empty() {
                String::new()
            } else {
                format!("/log?{here}")
            },
            newer,
            older,
            from: asked.from,
            to: asked.to,
            wrong,
            c,
        };
        show_as(status, &page)
    })
    .await
}

fn choices(c: &Chrome, asked: &Asked) -> Vec<Link> {
    let link = |choice: Choice| Link {
        href: format!("/log?{}", asked.query(choice)),
        label: c.t(choice.word()),
        current: choice == asked.choice,
    };
    Choice::ALL.into_iter().map(link).collect()
}

fn channels(c: &Chrome, asked: &Asked) -> Vec<Choosable> {
    let one = |channel: Channel| Choosable {
        value: channel.as_str().to_owned(),
        label: c.channel(&channel),
        chosen: asked.channel == Some(channel),
    };
    Channel::ALL.into_iter().map(one).collect()
}

fn standings(c: &Chrome, asked: &Asked) -> Vec<Choosable> {
    let one = |standing: Standing| Choosable {
        value: standing.slug().to_owned(),
        label: c.t(standing.word()).to_owned(),
        chosen: asked.standing == Some(standing),
    };
    Standing::ALL.into_iter().map(one).collect()
}

/// Those last changed, and the one that is chosen.
fn communications(app: &App, c: &Chrome, asked: &Asked, access: &Access) -> Result<Vec<Choosable>> {
    let chosen = asked.communication.as_ref();
    let is_chosen = |id| chosen.is_some_and(|chosen| chosen.id == id);
    let one = |communication: &Communication| Choosable {
        value: communication.id.to_string(),
        label: c.title_of(communication),
        chosen: is_chosen(communication.id),
    };
    let latest = data::communications(app, access, WRITTEN, None, OFFERED_MAX)?.rows;
    let mut offered: Vec<Choosable> = latest
        .iter()
        .filter(|communication| communication.is_sent())
        .map(one)
        .collect();
    if let Some(chosen) = chosen
        && !offered.iter().any(|one| one.chosen)
    {
        offered.push(one(chosen));
    }
    Ok(offered)
}

fn rows(app: &App, c: &Chrome, deliveries: &[Delivery]) -> Result<Vec<Row>> {
    let mut known: HashMap<CommunicationId, Option<Loaded<Communication>>> = HashMap::new();
    let mut rows = Vec::with_capacity(deliveries.len());
    for delivery in deliveries {
        let communication = match known.entry(delivery.communication) {
            std::collections::hash_map::Entry::Occupied(found) => found.into_mut(),
            std::collections::hash_map::Entry::Vacant(place) => {
                place.insert(app.repo().communication(delivery.communication)?)
            }
        };
        let contact = app.repo().current_contact(delivery.contact)?;
        rows.push(row(
            app,
            c,
            delivery,
            communication.as_deref(),
            contact.as_deref(),
        ));
    }
    Ok(rows)
}

fn row(
    app: &App,
    c: &Chrome,
    delivery: &Delivery,
    communication: Option<&Communication>,
    contact: Option<&Contact>,
) -> Row {
    let category = communication.map_or("", |communication| communication.category.as_str());
    let category = app.console.tracker.category(category);
    let closed = delivery.closed.is_some();
    Row {
        id: delivery.id,
        contact: delivery.contact,
        known: contact.is_some(),
        communication: delivery.communication,
        icon: channel_icon(delivery.channel),
        channel: c.channel(&delivery.channel),
        badge: c.status(delivery.status(), closed, &category),
        closed,
        held: c.held(delivery).unwrap_or_default(),
        sent: delivery.sent_at().map(|at| c.when(&at)),
        completed: delivery.completed_at().map(|at| c.when(&at)),
        name: contact.map_or_else(|| c.t("person.gone").to_owned(), Contact::full_name),
        to: delivery.destination.reveal().to_owned(),
        title: communication.map_or_else(String::new, |one| c.title_of(one)),
    }
}
