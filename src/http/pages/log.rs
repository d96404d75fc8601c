//! A contact's communications log: what was sent, what came back, what was done about it.

use std::sync::Arc;

use askama::Template;
use axum::extract::{Path, State};
use axum::http::Uri;

use super::super::App;
use super::super::cursor::Cursors;
use super::super::data::history::Line;
use super::super::data::{PAGE_ROWS, Result, history};
use super::super::fault::Fault;
use super::super::fields::Fields;
use super::super::session::Signed;
use super::super::times::When;
use super::super::view::Chrome;
use super::compose::see;
use super::evidence::Evidence;
use super::filter_form::with;
use super::sorting::{order_of, ordered};
use super::{Answer, apart, id, show};
use crate::domain::{
    Actor, CommunicationId, ContactChange, ContactId, Delivery, DeliveryId, LogEvent, MethodKind,
    UserId,
};
use crate::store::Order;

struct Entry {
    tone: &'static str,
    icon: &'static str,
    title: String,
    when: When,
    /// Which message, with its address among the pages.
    message: String,
    href: String,
    /// By which method, or by whom.
    by: String,
    /// Why, in a sentence; the evidence stands with what came back.
    why: String,
    evidence: Option<Evidence>,
    /// Where it is read in the inbox.
    thread: Option<String>,
}

#[derive(Template)]
#[template(path = "log.html")]
struct Page {
    c: Chrome,
    id: ContactId,
    name: String,
    oldest: bool,
    entries: Vec<Entry>,
    first: String,
    next: String,
}

/// `GET /contacts/{id}/log`
pub(super) async fn page(
    State(app): State<Arc<App>>,
    signed: Signed,
    Path(text): Path<String>,
    uri: Uri,
) -> Answer {
    apart(move || {
        let id: ContactId = id(&text)?;
        if let Some(merger) = app.repo().merger(id)? {
            return Ok(see(&format!("/contacts/{}/log", merger.into)));
        }
        let contact = app.repo().contact(id)?.ok_or(Fault::NotFound)?;
        let name = contact.full_name();
        let c = Chrome::of(
            &app,
            &signed,
            signed.words.fill("log.title", &[&name]),
            "contacts",
        )?;
        let list = format!("/contacts/{id}/log");
        let query = Fields::of_query(&uri);
        let order = order_of(&query);
        let here = ordered(&list, order);
        let cursors = Cursors::of(&app, signed.user.id, &list);
        let after = cursors.place(query.get("after"));
        let first = if after.is_some() {
            here.clone()
        } else {
            String::new()
        };
        let page = history::log_seen(&app, &signed.access, (id, order), after, PAGE_ROWS)?;
        let next = page
            .next
            .map(|key| with(&here, &format!("after={}", cursors.text(&key))));
        let writer = Writer {
            app: &app,
            c: &c,
            contact: id,
        };
        let entries = page
            .rows
            .iter()
            .map(|entry| writer.entry(entry))
            .collect::<Result<_>>()?;
        show(&Page {
            c,
            id,
            name,
            oldest: order == Order::Turned,
            entries,
            first,
            next: next.unwrap_or_default(),
        })
    })
    .await
}

impl Entry {
    fn said(mut self, message: impl Into<String>) -> Self {
        self.message = message.into();
        self
    }
}

/// Puts entries into words.
struct Writer<'a> {
    app: &'a App,
    c: &'a Chrome,
    contact: ContactId,
}

impl Writer<'_> {
    fn entry(&self, line: &Line) -> Result<Entry> {
        let (mut entry, at) = match line {
            Line::Made(delivery) => (self.made(delivery)?, delivery.made_at().unwrap_or_default()),
            Line::Logged(logged) => (self.line(&logged.event)?, logged.at),
        };
        entry.when = self.c.when(&at);
        Ok(entry)
    }

    fn made(&self, delivery: &Delivery) -> Result<Entry> {
        let line = self.titled("", "send", self.c.t("log.created").to_owned());
        let line = self.naming(line, delivery.communication)?;
        Ok(self.by_way_of(line, delivery))
    }

    fn line(&self, event: &LogEvent) -> Result<Entry> {
        let c = self.c;
        match event {
            LogEvent::Returned { delivery, verdict } => {
                let mut line = self.titled("bad", "return", c.t("log.returned").to_owned());
                line.evidence = Some(Evidence::of(verdict, c.words));
                self.about(line, Some(*delivery))
            }
            LogEvent::Suspended {
                kind,
                delivery,
                verdict,
                ..
            } => {
                let mut line = self.titled("bad", "stop", self.kind("log.suspended", *kind));
                let reason = c.words.say(verdict.reason.explain());
                let permanence = c.words.say(verdict.permanence.explain());
                line.why = format!("{reason} {permanence}");
                self.about(line, Some(*delivery))
            }
            LogEvent::Reinstated { kind, by, .. } => {
                self.operator("check", self.kind("log.reinstated", *kind), *by)
            }
            LogEvent::Corrected { kind, by, .. } => {
                self.operator("pencil", self.kind("log.corrected", *kind), *by)
            }
            LogEvent::Prompted { communication, .. } => {
                let line = self.titled("open", "text", c.t("log.prompted").to_owned());
                self.naming(line, *communication)
            }
            LogEvent::Changed {
                change,
                kind,
                detail,
                by,
                ..
            } => self.changed(*change, *kind, detail, *by),
            LogEvent::Confirmed { communication, by } => {
                let how = by.map_or_else(
                    || c.t("confirmed.somehow").to_owned(),
                    |by| c.words.label(by.explain()),
                );
                let line = self.titled("good", "check", how);
                self.naming(line, *communication)
            }
            LogEvent::Replied {
                delivery, thread, ..
            } => {
                let mut line = self.titled("good", "return", c.t("log.replied").to_owned());
                line.thread = thread.map(|thread| format!("/inbox/{thread}"));
                self.about(line, *delivery)
            }
            LogEvent::RepliedByItself { delivery, .. } => {
                let line = self.titled("", "return", c.t("log.by_itself").to_owned());
                self.about(line, *delivery)
            }
        }
    }

    fn changed(
        &self,
        change: ContactChange,
        kind: Option<MethodKind>,
        detail: &str,
        by: Actor,
    ) -> Result<Entry> {
        let c = self.c;
        let what = c.words.label(change.explain());
        let about: Vec<&str> = kind
            .map(|kind| c.words.say(kind.as_str()))
            .into_iter()
            .chain((!detail.is_empty()).then_some(detail))
            .collect();
        let title = if about.is_empty() {
            what
        } else {
            c.f2("log.changed", what, about.join(", "))
        };
        let who = |key| self.titled("", "pencil", title.clone()).said(c.t(key));
        match by {
            Actor::User(user) => self.operator("pencil", title, user),
            Actor::Program(user) => {
                let name = self.app.repo().user(user)?;
                let name = name.map_or_else(String::new, |user| user.name.clone());
                let line = self.titled("", "pencil", title);
                Ok(line.said(c.f1("log.program", name)))
            }
            Actor::Person => Ok(who("log.person")),
            Actor::Import(_) => Ok(who("log.import")),
            Actor::Gateway => Ok(who("log.gateway")),
        }
    }

    fn kind(&self, key: &'static str, kind: MethodKind) -> String {
        self.c.f1(key, self.c.words.say(kind.as_str()))
    }

    fn titled(&self, tone: &'static str, icon: &'static str, title: String) -> Entry {
        Entry {
            tone,
            icon,
            title,
            when: When::default(),
            message: String::new(),
            href: String::new(),
            by: String::new(),
            why: String::new(),
            evidence: None,
            thread: None,
        }
    }

    /// Names the message and the method it went by.
    fn about(&self, line: Entry, delivery: Option<DeliveryId>) -> Result<Entry> {
        let delivery = delivery
            .map(|id| self.app.repo().delivery(id))
            .transpose()?;
        let Some(delivery) = delivery.flatten() else {
            return Ok(line);
        };
        let line = self.naming(line, delivery.communication)?;
        Ok(self.by_way_of(line, &delivery))
    }

    /// Names the message.
    fn naming(&self, mut line: Entry, communication: CommunicationId) -> Result<Entry> {
        if let Some(communication) = self.app.repo().communication(communication)? {
            line.message = self.c.title_of(&communication);
            line.href = format!(
                "/communications/{}/people/{}",
                communication.id, self.contact
            );
        }
        Ok(line)
    }

    /// Names the method it went by.
    fn by_way_of(&self, mut line: Entry, delivery: &Delivery) -> Entry {
        let channel = self.c.channel(&delivery.channel);
        line.by = self.c.f2("log.by", channel, delivery.destination.reveal());
        line
    }

    fn operator(&self, icon: &'static str, title: String, by: UserId) -> Result<Entry> {
        let user = self.app.repo().user(by)?;
        let name = user.map_or_else(
            || self.c.t("person.gone").to_owned(),
            |user| user.name.clone(),
        );
        let mut line = self.titled("good", icon, title);
        line.message = self.c.f1("log.operator", name);
        Ok(line)
    }
}
