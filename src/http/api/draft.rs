//! Drafts as programs send them.

use std::time::Duration;

use serde::Deserialize;
use utoipa::ToSchema;

use super::super::App;
use super::Answer;
use super::body::field_id;
use super::problem::{Problem, WrongField};
use super::shape::read_time;
use crate::domain::communication::{AUDIENCE_PICKS_MAX, ESCALATION_STEPS_MAX};
use crate::domain::{
    Access, AreaId, Audience, CampaignId, Channel, Channels, ContactId, Content, EscalationStep,
    FilterId, GroupId, SendingPlan, Tracking,
};
use crate::submit::DraftInput;

/// Whom it is for.
#[derive(Debug, Default, Deserialize, ToSchema)]
#[serde(deny_unknown_fields, default)]
pub(super) struct AudienceAsked {
    /// Everybody in these areas and what lies in them.
    areas: Vec<String>,
    /// These people.
    contacts: Vec<String>,
    /// Everybody in these groups.
    groups: Vec<String>,
    /// Everybody whom these saved filters find at the moment of sending.
    filters: Vec<String>,
    /// The recipient list of the token's user, as it is now.
    recipient_list: bool,
    /// Nobody in these areas and what lies in them.
    except_areas: Vec<String>,
    /// Nobody in these groups.
    except_groups: Vec<String>,
    /// None of these people.
    except_contacts: Vec<String>,
}

/// One step of an escalation.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct StepAsked {
    /// By which channel, for those not reached by then.
    channel: String,
    /// How long after sending.
    after_minutes: u32,
}

/// What is counted of what readers do with the email, where the settings allow it. Whoever reads
/// the plain text, loads no pictures or says so (Global Privacy Control) is not counted.
#[derive(Debug, Default, Deserialize, ToSchema)]
#[serde(deny_unknown_fields, default)]
pub(super) struct TrackingAsked {
    /// That a picture in its HTML was loaded.
    opens: bool,
    /// That the links of its HTML were followed; not of emergencies.
    clicks: bool,
}

/// A draft. What is left out is empty; it may be incomplete until it is sent.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct DraftAsked {
    /// Name of a configured category.
    #[schema(examples("alert"))]
    category: String,
    /// email, text, call.
    #[schema(examples("email", "text"))]
    channels: Vec<String>,
    /// Subject of the email, and title in lists.
    #[serde(default)]
    subject: String,
    /// Plain text of the email.
    #[serde(default)]
    text: String,
    /// HTML of the email. An attachment that is a PNG, JPEG, GIF or WebP is shown where it says
    /// `cid:` and its name, as in `<img src="cid:map.png">`.
    #[serde(default)]
    html: String,
    /// Text message.
    #[serde(default)]
    sms_text: String,
    /// What a call speaks.
    #[serde(default)]
    voice_script: String,
    #[serde(default)]
    audience: AudienceAsked,
    /// Overtakes everything and wakes people: no quiet hours.
    #[serde(default)]
    emergency: bool,
    /// When it is to be sent by itself (RFC 3339); sending it then only schedules it.
    #[serde(default)]
    scheduled_at: Option<String>,
    /// One channel after the other, in rising order of time; empty for all at once.
    #[serde(default)]
    escalation: Vec<StepAsked>,
    /// The campaign it belongs to.
    #[serde(default)]
    campaign: Option<String>,
    #[serde(default)]
    tracking: TrackingAsked,
}

impl DraftAsked {
    /// What the house takes, or what is wrong.
    pub(super) fn read(self, app: &App, access: &Access) -> Answer<DraftInput> {
        let mut plan = self.plan()?;
        plan.tracking = self.tracking(app.console.submit.tracking())?;
        let campaign = match self.campaign.as_deref() {
            None => None,
            Some(text) => {
                let id: CampaignId = field_id("campaign", text)?;
                if app.repo().campaign(id)?.is_none() {
                    return Err(Problem::field("campaign", "There is no such campaign."));
                }
                Some(id)
            }
        };
        let known = app.console.submit.categories();
        if !known.iter().any(|one| one.name == self.category) {
            let names: Vec<&str> = known.iter().map(|one| one.name.as_str()).collect();
            let detail = format!("The categories are: {}.", names.join(", "));
            return Err(Problem::field("category", detail));
        }
        Ok(DraftInput {
            channels: channels(&self.channels)?,
            audience: audience(app, access, &self.audience)?,
            category: self.category,
            campaign,
            related: None,
            plan,
            matter: None,
            template: None,
            content: Content {
                subject: self.subject.trim().to_owned(),
                text: self.text,
                html: self.html,
                sms_text: self.sms_text,
                voice_script: self.voice_script,
                attachments: Vec::new(),
            },
        })
    }
}

impl DraftAsked {
    /// Whether the recipient list of whoever asks is to be taken over.
    pub(super) const fn takes_list(&self) -> bool {
        self.audience.recipient_list
    }

    fn plan(&self) -> Answer<SendingPlan> {
        let scheduled_at = match self.scheduled_at.as_deref() {
            None => None,
            Some(text) => {
                let detail = "Give a time as RFC 3339 writes it, like 2026-05-01T00:00:00Z.";
                let at = read_time(text).ok_or_else(|| Problem::field("scheduled_at", detail))?;
                Some(at)
            }
        };
        if self.escalation.len() > ESCALATION_STEPS_MAX {
            let detail = format!("An escalation has at most {ESCALATION_STEPS_MAX} steps.");
            return Err(Problem::field("escalation", detail));
        }
        let mut escalation = Vec::with_capacity(self.escalation.len());
        for (index, step) in self.escalation.iter().enumerate() {
            escalation.push(EscalationStep {
                channel: channel(&format!("escalation[{index}].channel"), &step.channel)?,
                after: Duration::from_secs(60 * u64::from(step.after_minutes)),
            });
        }
        Ok(SendingPlan {
            emergency: self.emergency,
            scheduled_at,
            escalation,
            until: None,
            tracking: Tracking::default(),
        })
    }

    fn tracking(&self, allowed: Tracking) -> Answer<Tracking> {
        let TrackingAsked { opens, clicks } = self.tracking;
        if opens && !allowed.opens {
            let detail = "Openings may not be counted here (email.open_tracking).";
            return Err(Problem::field("tracking.opens", detail));
        }
        if clicks && !allowed.clicks {
            let detail = "Links may not be counted here (email.click_tracking).";
            return Err(Problem::field("tracking.clicks", detail));
        }
        Ok(Tracking { opens, clicks })
    }
}

/// A channel by its name.
pub(super) fn channel(field: &str, name: &str) -> Answer<Channel> {
    let found = Channel::ALL.into_iter().find(|one| one.as_str() == name);
    found.ok_or_else(|| Problem::field(field, "A channel is email, text or call."))
}

pub(super) fn channels(names: &[String]) -> Answer<Channels> {
    let mut set = Channels::default();
    for (index, name) in names.iter().enumerate() {
        match channel(&format!("channels[{index}]"), name)? {
            Channel::Email => set.email = true,
            Channel::Text => set.text = true,
            Channel::Call => set.call = true,
        }
    }
    Ok(set)
}

fn audience(app: &App, access: &Access, asked: &AudienceAsked) -> Answer<Audience> {
    let lists = [
        &asked.areas,
        &asked.contacts,
        &asked.groups,
        &asked.filters,
        &asked.except_areas,
        &asked.except_groups,
        &asked.except_contacts,
    ];
    if lists.into_iter().map(Vec::len).sum::<usize>() > AUDIENCE_PICKS_MAX {
        let detail = format!("Choose at most {AUDIENCE_PICKS_MAX} areas, groups and contacts.");
        return Err(Problem::field("audience", detail));
    }
    let repo = app.repo();
    let tree = repo.areas()?;
    let area = |id: &AreaId| Ok(tree.get(*id).is_some());
    let contact = |id: &ContactId| Ok(app.contact_for(access, *id)?.is_some());
    let group = |id: &GroupId| Ok(repo.group(*id)?.is_some());
    let filter = |id: &FilterId| Ok(repo.filter(*id)?.is_some());
    let mut wrong = Vec::new();
    let audience = Audience {
        areas: picked("areas", &asked.areas, &mut wrong, area)?,
        contacts: picked("contacts", &asked.contacts, &mut wrong, contact)?,
        groups: picked("groups", &asked.groups, &mut wrong, group)?,
        filters: picked("filters", &asked.filters, &mut wrong, filter)?,
        list: None,
        list_people: 0,
        except_areas: picked("except_areas", &asked.except_areas, &mut wrong, area)?,
        except_groups: picked("except_groups", &asked.except_groups, &mut wrong, group)?,
        except_contacts: picked(
            "except_contacts",
            &asked.except_contacts,
            &mut wrong,
            contact,
        )?,
        method: None,
    };
    if wrong.is_empty() {
        Ok(audience)
    } else {
        Err(Problem::validation(wrong))
    }
}

/// The ids of a list, each once; those that lead to nothing are wrong.
fn picked<T: std::str::FromStr + PartialEq>(
    name: &str,
    texts: &[String],
    wrong: &mut Vec<WrongField>,
    exists: impl Fn(&T) -> Answer<bool>,
) -> Answer<Vec<T>> {
    let mut ids: Vec<T> = Vec::with_capacity(texts.len());
    for (index, text) in texts.iter().enumerate() {
        let field = format!("audience.{name}[{index}]");
        let id: T = field_id(&field, text)?;
        if !exists(&id)? {
            wrong.push(WrongField::new(field, "There is no such thing."));
        } else if !ids.contains(&id) {
            ids.push(id);
        }
    }
    Ok(ids)
}
