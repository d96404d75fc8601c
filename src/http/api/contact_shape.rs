//! People as answers hold them, and the lines of their logs.

use serde::Serialize;
use utoipa::ToSchema;

use super::super::data::Areas;
use super::contact_details::{FieldShape, HoursShape};
use super::contact_wishes::ConsentShape;
use super::shape::{VerdictShape, time};
use crate::domain::comms_issue::{Reachability, reachability};
use crate::domain::{
    Actor, Channel, Contact, LogEvent, Method, MethodId, MethodKind, MethodState, Suspension,
};
use crate::http::data::history::Line;

/// Why a method is not used.
#[derive(Debug, Serialize, ToSchema)]
pub(super) struct SuspensionShape {
    at: String,
    /// The delivery that failed.
    delivery: String,
    verdict: VerdictShape,
}

impl SuspensionShape {
    fn of(suspension: &Suspension) -> Self {
        Self {
            at: time(suspension.at),
            delivery: suspension.delivery.to_string(),
            verdict: VerdictShape::of(&suspension.verdict),
        }
    }
}

/// One way to reach a person.
#[derive(Debug, Serialize, ToSchema)]
pub(super) struct MethodShape {
    id: String,
    /// email, mobile or landline.
    kind: &'static str,
    /// The address or number.
    to: String,
    /// unverified, active, suspended, opted-out or removed.
    state: &'static str,
    /// The evidence, while suspended.
    suspension: Option<SuspensionShape>,
    /// How often it has been suspended, all told.
    suspensions: u16,
    verified_at: Option<String>,
    /// The letters that it is kept for (dsar, section-78, loc, settlement, general); empty for all.
    purposes: Vec<&'static str>,
}

impl MethodShape {
    fn of(method: &Method) -> Self {
        Self {
            id: method.id.to_string(),
            kind: method.kind.as_str(),
            to: method.destination.reveal().to_owned(),
            state: match method.state {
                MethodState::OptedOut => "opted-out",
                MethodState::Unverified
                | MethodState::Active
                | MethodState::Suspended
                | MethodState::Removed => method.state.as_str(),
            },
            suspension: method.suspension.as_ref().map(SuspensionShape::of),
            suspensions: method.suspensions,
            verified_at: method.verified_at.map(time),
            purposes: method.purposes.iter().map(|one| one.as_str()).collect(),
        }
    }
}

/// A person.
#[derive(Debug, Serialize, ToSchema)]
pub(super) struct ContactShape {
    id: String,
    first_name: String,
    last_name: String,
    /// citizen, client, creditor, staff or correspondent.
    kind: &'static str,
    /// ISO 639-1.
    language: String,
    area: Option<String>,
    /// Name of the area; empty for none.
    area_name: String,
    groups: Vec<String>,
    /// Fields of the installation's own.
    custom: Vec<FieldShape>,
    methods: Vec<MethodShape>,
    /// When the person is neither called nor texted; null for never.
    quiet_hours: Option<HoursShape>,
    /// The channel that is tried first: email, text or call.
    preferred: Option<&'static str>,
    /// What the person said yes and no to, the last decision last.
    consents: Vec<ConsentShape>,
    /// fine, issue (something has failed, something works) or unreachable.
    reachability: &'static str,
    /// Since when something has failed.
    issue_since: Option<String>,
    created_at: String,
}

impl ContactShape {
    pub(super) fn of(areas: &Areas, contact: &Contact) -> Self {
        let wishes = &contact.wishes;
        Self {
            id: contact.id.to_string(),
            first_name: contact.first_name.reveal().clone(),
            last_name: contact.last_name.reveal().clone(),
            kind: contact.kind.as_str(),
            language: contact.language.clone(),
            area: contact.area.map(|area| area.to_string()),
            area_name: areas.name(contact.area).to_owned(),
            groups: contact.groups.iter().map(ToString::to_string).collect(),
            custom: contact.custom.iter().map(FieldShape::of).collect(),
            methods: contact.methods.iter().map(MethodShape::of).collect(),
            quiet_hours: wishes.quiet_hours.map(HoursShape::of),
            preferred: wishes.preferred.map(Channel::as_str),
            consents: wishes.consents.iter().map(ConsentShape::of).collect(),
            reachability: match reachability(contact) {
                Reachability::Fine => "fine",
                Reachability::Issue => "issue",
                Reachability::Unreachable => "unreachable",
            },
            issue_since: contact.issue_since.map(time),
            created_at: time(contact.created_at),
        }
    }
}

/// A line of a contact's log.
#[derive(Debug, Default, Serialize, ToSchema)]
pub(in super::super) struct LineShape {
    at: String,
    /// message-created, returned, suspended, reinstated, corrected, prompted, changed,
    /// confirmed, replied or replied-by-itself.
    event: &'static str,
    #[serde(skip_serializing_if = "Option::is_none")]
    delivery: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    communication: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    method: Option<String>,
    /// What the method is: email, mobile or landline.
    #[serde(skip_serializing_if = "Option::is_none")]
    kind: Option<&'static str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    verdict: Option<VerdictShape>,
    /// What was changed, in words.
    #[serde(skip_serializing_if = "Option::is_none")]
    change: Option<&'static str>,
    /// What exactly: the channel and category of a decision, the groups.
    #[serde(skip_serializing_if = "String::is_empty")]
    detail: String,
    /// Who did it: a user's id, or person, import or gateway; how a message was confirmed:
    /// email-link, text-link or text-reply.
    #[serde(skip_serializing_if = "Option::is_none")]
    by: Option<String>,
    /// Where a reply stands in the inbox.
    #[serde(skip_serializing_if = "Option::is_none")]
    thread: Option<String>,
}

impl LineShape {
    pub(in super::super) fn of(line: &Line) -> Self {
        match line {
            Line::Made(delivery) => Self {
                at: time(delivery.made_at().unwrap_or_default()),
                delivery: Some(delivery.id.to_string()),
                communication: Some(delivery.communication.to_string()),
                ..Self::named("message-created")
            },
            Line::Logged(entry) => Self {
                at: time(entry.at),
                ..Self::event(&entry.event)
            },
        }
    }

    fn named(event: &'static str) -> Self {
        Self {
            event,
            ..Self::default()
        }
    }

    fn about(event: &'static str, method: MethodId, kind: MethodKind) -> Self {
        Self {
            method: Some(method.to_string()),
            kind: Some(kind.as_str()),
            ..Self::named(event)
        }
    }

    fn event(event: &LogEvent) -> Self {
        match event {
            LogEvent::Returned { delivery, verdict } => Self {
                delivery: Some(delivery.to_string()),
                verdict: Some(VerdictShape::of(verdict)),
                ..Self::named("returned")
            },
            LogEvent::Suspended {
                method,
                kind,
                delivery,
                verdict,
            } => Self {
                delivery: Some(delivery.to_string()),
                verdict: Some(VerdictShape::of(verdict)),
                ..Self::about("suspended", *method, *kind)
            },
            LogEvent::Reinstated { method, kind, by } => Self {
                by: Some(by.to_string()),
                ..Self::about("reinstated", *method, *kind)
            },
            LogEvent::Corrected { method, kind, by } => Self {
                by: Some(by.to_string()),
                ..Self::about("corrected", *method, *kind)
            },
            LogEvent::Prompted {
                about,
                communication,
            } => Self {
                method: Some(about.to_string()),
                communication: Some(communication.to_string()),
                ..Self::named("prompted")
            },
            LogEvent::Changed {
                change,
                method,
                kind,
                detail,
                by,
            } => Self {
                method: method.map(|method| method.to_string()),
                kind: kind.map(|kind| kind.as_str()),
                change: Some(change.explain()),
                detail: detail.clone(),
                by: Some(actor(*by)),
                ..Self::named("changed")
            },
            LogEvent::Confirmed { communication, by } => Self {
                communication: Some(communication.to_string()),
                by: by.map(|by| by.as_str().to_owned()),
                ..Self::named("confirmed")
            },
            LogEvent::Replied {
                delivery, thread, ..
            } => Self {
                delivery: delivery.map(|delivery| delivery.to_string()),
                thread: thread.map(|thread| thread.to_string()),
                ..Self::named("replied")
            },
            LogEvent::RepliedByItself { delivery, .. } => Self {
                delivery: delivery.map(|delivery| delivery.to_string()),
                ..Self::named("replied-by-itself")
            },
        }
    }
}

fn actor(by: Actor) -> String {
    match by {
        Actor::User(user) | Actor::Program(user) => user.to_string(),
        Actor::Person => "person".to_owned(),
        Actor::Import(_) => "import".to_owned(),
        Actor::Gateway => "gateway".to_owned(),
    }
}
