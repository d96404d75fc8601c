//! "Please check your email address": sent by itself, through a method that still works, when
//! another one has been suspended.

use std::time::Duration;

use super::make::{Making, NewDelivery, make_deliveries};
use super::{Tracker, category};
use crate::domain::{
    Channel, Channels, Communication, CommunicationId, Contact, Content, LogEvent, Method,
    MethodId, MethodKind, Origin, Timestamp,
};
use crate::store::records::Record;
use crate::store::{Batch, RowBatch};

/// Name of the category that prompts belong to.
pub const PROMPT_CATEGORY: &str = "Prompt";

/// Stands for the person's name in prompts.
const NAME: &str = "{{ name }}";

/// Longest title of a prompt in lists, in characters.
const TITLE_MAX: usize = 60;

/// What is sent by itself.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PromptSettings {
    /// Whether anything is.
    pub enabled: bool,
    /// Least time between two prompts to one person.
    pub cool_down: Duration,
    /// Text to the mobile when the email address fails.
    pub check_email_text: String,
    /// Subject of the email when a telephone number fails.
    pub check_phone_subject: String,
    /// Body of the email when a telephone number fails.
    pub check_phone_text: String,
}

impl Default for PromptSettings {
    fn default() -> Self {
        Self {
            enabled: true,
            cool_down: Duration::from_secs(24 * 3600),
            check_email_text: "We could not reach you by email. Please log in and check the email address we hold for you.".into(),
            check_phone_subject: "Please check your telephone number".into(),
            check_phone_text: "We could not reach you by telephone. Please log in and check the number we hold for you.".into(),
        }
    }
}

/// The start of a text for lists, cut between two words.
pub(super) fn title(text: &str) -> String {
    let mut title = String::new();
    for word in text.split_whitespace() {
        if title.chars().count() + word.chars().count() >= TITLE_MAX {
            return title + "…";
        }
        if !title.is_empty() {
            title.push(' ');
        }
        title.push_str(word);
    }
    title
}

/// Puts a prompt about `suspended` into the batch, if there is a way and it is time. Returns
/// the lines for the contact's log.
pub(super) fn prompt_about(
    tracker: &Tracker,
    batch: &mut Batch,
    contact: &mut Contact,
    suspended: MethodId,
    now: Timestamp,
) -> Vec<LogEvent> {
    let settings = &tracker.settings().prompts;
    let recently = contact
        .prompted_at
        .is_some_and(|at| now.since(at) < settings.cool_down);
    let Some(failed) = contact.method(suspended).map(|method| method.kind) else {
        return Vec::new();
    };
    if !settings.enabled || recently {
        return Vec::new();
    }
    let Some((channel, method)) = way_to_prompt(contact, failed) else {
        return Vec::new();
    };
    let method = method.clone();
    contact.prompted_at = Some(now);
    let name = contact.full_name();
    let communication = prompt(tracker, batch, channel, &name, now);
    let making = Making {
        communication: &communication,
        category: &category(&tracker.settings().categories, PROMPT_CATEGORY),
        contact,
        round: 1,
        now,
        awaits_turn: false,
        express: false,
    };
    let wanted = [NewDelivery {
        method: &method,
        channel,
        report: None,
    }];
    make_deliveries(batch, &tracker.random, making, None, &wanted);
    tracing::info!(contact = %contact.id, communication = %communication.id, channel = channel.as_str(), "prompt queued");
    vec![LogEvent::Prompted {
        about: suspended,
        communication: communication.id,
    }]
}

/// A failed email is asked about by text; a failed number by email.
fn way_to_prompt(contact: &Contact, failed: MethodKind) -> Option<(Channel, &Method)> {
    let channel = match failed {
        MethodKind::Email => Channel::Text,
        MethodKind::Mobile | MethodKind::Landline => Channel::Email,
    };
    let method = contact.methods_for(channel).into_iter().next()?;
    Some((channel, method))
}

fn prompt(
    tracker: &Tracker,
    batch: &mut Batch,
    channel: Channel,
    name: &str,
    now: Timestamp,
) -> Communication {
    let settings = &tracker.settings().prompts;
    let content = match channel {
        Channel::Email => Content {
            subject: settings.check_phone_subject.clone(),
            text: settings.check_phone_text.replace(NAME, name),
            html: String::new(),
            sms_text: String::new(),
            voice_script: String::new(),
            attachments: Vec::new(),
        },
        Channel::Text | Channel::Call => Content {
            subject: String::new(),
            text: String::new(),
            html: String::new(),
            sms_text: settings.check_email_text.replace(NAME, name),
            voice_script: String::new(),
            attachments: Vec::new(),
        },
    };
    let title = match channel {
        Channel::Email => settings.check_phone_subject.clone(),
        Channel::Text | Channel::Call => title(&content.sms_text),
    };
    let communication = Communication::to_one(
        CommunicationId::new(tracker.random.uuid_v7(now)),
        Origin::Prompt,
        PROMPT_CATEGORY,
        Channels::only(channel),
        title,
        batch.blob(content.to_bytes()),
        now,
    );
    batch.insert(&communication);
    communication
}
