//! What the pages share: the frame around them, badges, bars, and their words.

use std::fmt::Display;
use std::str::FromStr;

use jiff::tz::TimeZone;

use super::assets::{ASSETS, Assets};
use super::fault::Fault;
use super::fields::Fields;
use super::menu;
use super::session::Signed;
use super::times::{self, When};
use super::words::Words;
use super::{App, data};
use crate::domain::communication::NO_SUBJECT;
use crate::domain::status::Reach;
use crate::domain::{
    CallStatus, Category, Channel, Communication, CommunicationState, Contact, Delivery, Method,
    MethodKind, MethodState, Permissions, PersonState, Statistics, Status, Timestamp, User,
};
use crate::store::Seek;

/// The frame around a page, and its words.
pub(crate) struct Chrome {
    pub(crate) words: &'static Words,
    pub(crate) assets: &'static Assets,
    pub(crate) title: String,
    /// The entry of the main menu that is lit.
    pub(crate) section: &'static str,
    /// Name of whoever is logged in; empty for nobody.
    pub(crate) user: String,
    /// What they may do; nothing for nobody.
    pub(crate) may: Permissions,
    /// They see everybody, and so the numbers of all.
    pub(crate) whole: bool,
    pub(crate) csrf: String,
    pub(crate) issues: u64,
    /// Threads of the inbox with unread messages.
    pub(crate) unread: u64,
    /// Communications that wait for somebody's approval.
    pub(crate) approvals: u64,
    /// What has just been done.
    pub(crate) done: Option<&'static str>,
    now: Timestamp,
    zone: TimeZone,
}

impl Chrome {
    /// A frame for nobody in particular.
    pub(crate) fn bare(app: &App, words: &'static Words, title: &str) -> Self {
        Self {
            words,
            assets: &ASSETS,
            title: title.to_owned(),
            section: "",
            user: String::new(),
            may: Permissions::default(),
            whole: false,
            csrf: String::new(),
            issues: 0,
            unread: 0,
            approvals: 0,
            done: None,
            now: app.now(),
            zone: app.console.settings.time_zone.clone(),
        }
    }

    /// The frame for whoever is logged in.
    pub(crate) fn of(
        app: &App,
        signed: &Signed,
        title: impl Into<String>,
        section: &'static str,
    ) -> Result<Self, Fault> {
        Ok(Self {
            title: title.into(),
            section,
            user: signed.user.name.clone(),
            may: signed.access.permissions,
            whole: signed.access.sees_everybody(),
            csrf: signed.csrf.clone(),
            issues: data::issues_total(app.repo(), &signed.access)?,
            zone: zone_of(app, signed),
            unread: data::unread_total(app.repo(), &signed.access)?,
            approvals: data::approvals_waiting(app, &signed.access)?,
            ..Self::bare(app, signed.words, "")
        })
    }

    /// The frame with a word on what has just been done (`?done=` of the address).
    pub(crate) fn with_done(mut self, done: &str) -> Self {
        self.done = match done {
            "sent" => Some("done.sent"),
            "before" => Some("done.before"),
            "saved" => Some("done.saved"),
            "template" => Some("done.template"),
            "reinstated" => Some("done.reinstated"),
            "corrected" => Some("done.corrected"),
            "settings" => Some("done.settings"),
            "password" => Some("done.password"),
            "user_added" => Some("done.user_added"),
            "user_changed" => Some("done.user_changed"),
            "user_password" => Some("done.user_password"),
            "user_disabled" => Some("done.user_disabled"),
            "user_enabled" => Some("done.user_enabled"),
            "session_ended" => Some("done.session_ended"),
            "sessions_ended" => Some("done.sessions_ended"),
            "user_sessions_ended" => Some("done.user_sessions_ended"),
            "second_factor_off" => Some("done.second_factor_off"),
            "second_factor_reset" => Some("done.second_factor_reset"),
            "token_revoked" => Some("done.token_revoked"),
            "removed" => Some("done.removed"),
            "answered" => Some("done.answered"),
            "read" => Some("done.read"),
            "unread" => Some("done.unread"),
            "assigned" => Some("done.assigned"),
            "attached" => Some("done.attached"),
            "attached-before" => Some("done.attached_before"),
            "scanned" => Some("done.scanned"),
            "more" => Some("inbox.more"),
            "finished" => Some("done.finished"),
            "reopened" => Some("done.reopened"),
            "scheduled" => Some("done.scheduled"),
            "approval_asked" => Some("done.approval_asked"),
            "decided_before" => Some("done.decided_before"),
            "returned" => Some("done.returned"),
            "withdrawn" => Some("done.withdrawn"),
            "trial" => Some("done.trial"),
            "begun" => Some("done.begun"),
            "campaign" => Some("done.campaign"),
            "campaign_renamed" => Some("done.campaign_renamed"),
            "deleted" => Some("done.deleted"),
            "files" => Some("done.files"),
            "recontacted" => Some("done.recontacted"),
            "recontacted-before" => Some("done.recontacted_before"),
            other => done_to_people(other),
        };
        self
    }

    /// The time at which the page is made.
    pub(crate) const fn now(&self) -> Timestamp {
        self.now
    }

    /// The main menu.
    pub(crate) fn menu(&self) -> Vec<menu::Group> {
        menu::menu(self)
    }

    pub(crate) fn t(&self, key: &'static str) -> &'static str {
        self.words.t(key)
    }

    pub(crate) fn f1(&self, key: &'static str, value: impl Display) -> String {
        self.words.fill(key, &[&value])
    }

    pub(crate) fn f2(
        &self,
        key: &'static str,
        first: impl Display,
        second: impl Display,
    ) -> String {
        self.words.fill(key, &[&first, &second])
    }

    /// A whole per cent.
    pub(crate) fn percent(&self, percent: &u64) -> String {
        self.words.fill("number.percent", &[percent])
    }

    /// The title of a communication.
    pub(crate) fn title_of(&self, communication: &Communication) -> String {
        if communication.title == NO_SUBJECT {
            self.words.say(NO_SUBJECT).to_owned()
        } else {
            communication.title.clone()
        }
    }

    pub(crate) fn n(&self, one: &'static str, many: &'static str, count: &u64) -> String {
        self.words.count(one, many, *count)
    }

    pub(crate) fn number(&self, number: impl Display) -> String {
        self.words.number(number)
    }

    /// A number, or a dash for whoever may not know it.
    pub(crate) fn number_or_dash(&self, number: &Option<u64>) -> String {
        number.map_or_else(|| "–".to_owned(), |number| self.number(number))
    }

    pub(crate) fn people(&self, count: &u64) -> String {
        self.words.count("people.one", "people.many", *count)
    }

    pub(crate) fn when(&self, at: &Timestamp) -> When {
        times::when(*at, self.now, &self.zone, self.words)
    }

    /// The zone in which times are shown.
    pub(crate) const fn zone(&self) -> &TimeZone {
        &self.zone
    }

    /// Which round of a communication a message belongs to.
    pub(crate) fn round(&self, communication: &Communication, number: u8) -> String {
        let steps = u8::try_from(communication.plan.escalation.len()).unwrap_or(u8::MAX);
        let mut history = communication.history.iter();
        match communication.round(number) {
            Some(round) if round.by.is_some() => {
                let first = history.find(|one| one.by.is_some());
                let first = first.map_or(number, |one| one.number);
                self.f1("person.recontact", number.saturating_sub(first) + 1)
            }
            Some(_) | None if number <= 1 => self.t("person.initial").to_owned(),
            Some(_) | None if number <= steps => self.f1("person.step", number),
            Some(_) | None => self.f1("person.reminder", number - steps.max(1)),
        }
    }

    /// Name of the zone in which times are shown.
    pub(crate) fn zone_name(&self) -> &str {
        self.zone.iana_name().unwrap_or("UTC")
    }

    pub(crate) fn channel(&self, channel: &Channel) -> String {
        self.words.label(channel.as_str())
    }

    pub(crate) fn kind(&self, kind: &MethodKind) -> String {
        self.words.label(kind.as_str())
    }

    /// A status as a badge.
    pub(crate) fn status(&self, status: Status, closed: bool, category: &Category) -> Badge {
        let listened = matches!(
            status,
            Status::Call(CallStatus::Completed | CallStatus::Voicemail)
        );
        let (tone, icon) = match status.reach(category) {
            Reach::Reached => ("good", "check"),
            Reach::Open if closed => ("", "minus"),
            Reach::Open => ("open", "clock"),
            // Somebody or something took it; it is only not enough.
            Reach::Missed if listened => ("", "minus"),
            Reach::Missed => ("bad", "cross"),
        };
        Badge {
            tone,
            icon,
            text: self.words.label(status.as_str()),
        }
    }

    /// That quiet hours hold a message back, and until when; nothing where they do not.
    pub(crate) fn held(&self, delivery: &Delivery) -> Option<String> {
        let until = delivery.held(self.now)?;
        Some(self.f1("person.held", self.when(&until).inside))
    }

    /// How a person stands.
    pub(crate) fn person(&self, state: &PersonState) -> Badge {
        let (tone, icon) = match state {
            PersonState::Contacted => ("good", "check"),
            PersonState::InProgress => ("open", "clock"),
            PersonState::NotContacted => ("bad", "cross"),
        };
        Badge {
            tone,
            icon,
            text: self.words.label(state.as_str()),
        }
    }

    /// Whether a method is used.
    pub(crate) fn method_state(&self, state: &MethodState) -> Badge {
        let (tone, icon) = match state {
            MethodState::Active => ("good", "check"),
            MethodState::Unverified => ("info", "question"),
            MethodState::Suspended => ("bad", "alert"),
            MethodState::OptedOut | MethodState::Removed => ("", "minus"),
        };
        Badge {
            tone,
            icon,
            text: self.words.label(state.as_str()),
        }
    }

    /// Where a communication stands.
    pub(crate) fn communication(&self, state: &CommunicationState) -> Badge {
        let (tone, icon, key) = match state {
            CommunicationState::Draft => ("", "pencil", "state.draft"),
            CommunicationState::AwaitingApproval => ("open", "question", "state.approval"),
            CommunicationState::Scheduled => ("open", "clock", "state.scheduled"),
            CommunicationState::Expanding => ("open", "clock", "state.expanding"),
            CommunicationState::Sent => ("info", "send", "state.sent"),
        };
        Badge {
            tone,
            icon,
            text: self.t(key).to_owned(),
        }
    }
}

/// The zone in which somebody reads times; one that is no longer known is the installation's.
pub(crate) fn zone_of(app: &App, signed: &Signed) -> TimeZone {
    zone_of_user(app, &signed.user)
}

/// The zone in which a user reads times.
pub(crate) fn zone_of_user(app: &App, user: &User) -> TimeZone {
    let chosen = user.time_zone.as_deref();
    chosen
        .and_then(|name| TimeZone::get(name).ok())
        .unwrap_or_else(|| app.console.settings.time_zone.clone())
}

/// What has just been done to a contact, a list, a place.
fn done_to_people(done: &str) -> Option<&'static str> {
    Some(match done {
        "import_stopped" => "done.import_stopped",
        "import_over" => "done.import_over",
        "import_discarded" => "done.import_discarded",
        "made" => "done.made",
        "updated" => "done.updated",
        "updated_asked" => "done.updated_asked",
        "opted_out" => "done.opted_out",
        "opted_in" => "done.opted_in",
        "asked" => "done.asked",
        "not_asked" => "done.not_asked",
        "asked_before" => "done.asked_before",
        "proved" => "done.proved",
        "decided" => "done.decided",
        "merged" => "done.merged",
        "listed" => "done.listed",
        "unlisted" => "done.unlisted",
        "cleared" => "done.cleared",
        "nobody" => "done.nobody",
        "busy" => "done.busy",
        "under_way" => "done.under_way",
        "group_made" => "done.group_made",
        "group_gone" => "done.group_gone",
        "renamed" => "done.renamed",
        "joined" => "done.joined",
        "left" => "done.left",
        "filter_saved" => "done.filter_saved",
        "filter_gone" => "done.filter_gone",
        "area_made" => "done.area_made",
        "area_changed" => "done.area_changed",
        "area_gone" => "done.area_gone",
        _ => return super::webhooks::done(done),
    })
}

/// A word with a tone and an icon.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Badge {
    pub(crate) tone: &'static str,
    pub(crate) icon: &'static str,
    pub(crate) text: String,
}

/// Name of a channel's icon.
pub(crate) const fn channel_icon(channel: Channel) -> &'static str {
    match channel {
        Channel::Email => "mail",
        Channel::Text => "text",
        Channel::Call => "phone",
    }
}

/// Name of a method's icon.
pub(crate) const fn kind_icon(kind: MethodKind) -> &'static str {
    match kind {
        MethodKind::Email => "mail",
        MethodKind::Mobile => "mobile",
        MethodKind::Landline => "phone",
    }
}

/// A bar of three lengths that fill 100.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub(crate) struct Bar {
    pub(crate) people: u64,
    pub(crate) contacted: u64,
    pub(crate) in_progress: u64,
    pub(crate) not_contacted: u64,
}

impl Bar {
    pub(crate) const fn of(statistics: &Statistics) -> Self {
        Self {
            people: statistics.people,
            contacted: statistics.contacted,
            in_progress: statistics.in_progress,
            not_contacted: statistics.not_contacted,
        }
    }

    /// Start and width of each part in per cent with one decimal, as SVG wants them.
    pub(crate) fn parts(&self) -> [(&'static str, String, String); 3] {
        let mut before = 0;
        [
            ("good", self.contacted),
            ("open", self.in_progress),
            ("bad", self.not_contacted),
        ]
        .map(|(tone, count)| {
            let start = self.length(before);
            before += count;
            (
                tone,
                decimal(start),
                decimal(self.length(before).saturating_sub(start)),
            )
        })
    }

    /// Tenths of a per cent.
    fn length(&self, count: u64) -> u64 {
        let length = u128::from(count) * 1000 / u128::from(self.people.max(1));
        u64::try_from(length).unwrap_or(1000).min(1000)
    }
}

fn decimal(tenths: u64) -> String {
    format!("{}.{}", tenths / 10, tenths % 10)
}

/// The methods of a contact that have failed, in the order in which pages show them.
pub(crate) fn failing(contact: &Contact) -> Vec<&Method> {
    let mut failing: Vec<&Method> = contact.methods_in(MethodState::Suspended).collect();
    failing.sort_by_key(|method| method.kind);
    failing
}

/// Where in a list an address asks to go on: behind one id, or before another.
pub(crate) fn seek<T: FromStr>(query: &Fields, before: &str, after: &str) -> Seek<T> {
    if let Ok(id) = query.get(after).parse() {
        return Seek::After(id);
    }
    query.get(before).parse().map_or(Seek::Start, Seek::Before)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_bar_fills_a_hundred() {
        let bar = Bar {
            people: 3,
            contacted: 1,
            in_progress: 1,
            not_contacted: 1,
        };
        let parts = bar.parts();
        assert_eq!(parts[0], ("good", "0.0".into(), "33.3".into()));
        assert_eq!(parts[2], ("bad", "66.6".into(), "33.4".into()));
        let nobody = Bar::default().parts();
        assert!(nobody.iter().all(|part| part.2 == "0.0"));
    }
}
