//! Communications as answers hold them.

use serde::Serialize;
use utoipa::ToSchema;

use super::super::App;
use super::super::followed::{Counted, counted_in};
use super::Answer;
use super::attachments::FileShape;
use super::shape::{StatusCount, channels, time};
use crate::domain::{
    Access, Approval, Audience, Body, Communication, CommunicationState, Content, Origin, Related,
    Relation, Statistics,
};
use crate::submit::{ChannelCount, Review};

/// Numbers of a communication.
#[derive(Debug, Serialize, ToSchema)]
pub(super) struct NumbersShape {
    /// People addressed.
    people: u64,
    contacted: u64,
    in_progress: u64,
    not_contacted: u64,
    /// Deliveries by status; only those that occur.
    by_status: Vec<StatusCount>,
    /// People who confirmed by a link or an answer; a key pressed in a call is a status.
    confirmed: Vec<ConfirmedCount>,
    /// People who followed a link of the email that is counted.
    clicked: u64,
    /// How many followed each of them; only those that somebody followed.
    links: Vec<LinkCount>,
}

/// How many followed a link.
#[derive(Debug, Serialize, ToSchema)]
pub(super) struct LinkCount {
    /// Its number among the links of the email, from 1 on.
    link: u16,
    people: u64,
}

/// How many confirmed by one way.
#[derive(Debug, Serialize, ToSchema)]
pub(super) struct ConfirmedCount {
    /// email-link, text-link or text-reply.
    by: &'static str,
    people: u64,
}

impl NumbersShape {
    pub(super) fn of(numbers: &Statistics) -> Self {
        let count = |(status, count): &(_, u64)| StatusCount::of(*status, *count);
        Self {
            people: numbers.people,
            contacted: numbers.contacted,
            in_progress: numbers.in_progress,
            not_contacted: numbers.not_contacted,
            by_status: numbers.by_status.iter().map(count).collect(),
            confirmed: numbers
                .confirmed
                .iter()
                .map(|(by, people)| ConfirmedCount {
                    by: by.as_str(),
                    people: *people,
                })
                .collect(),
            clicked: numbers.clicked,
            links: numbers
                .links
                .iter()
                .map(|(link, people)| LinkCount {
                    link: *link,
                    people: *people,
                })
                .collect(),
        }
    }
}

/// What is counted of what readers do with the email.
#[derive(Debug, Serialize, ToSchema)]
struct TrackingShape {
    opens: bool,
    clicks: bool,
}

/// How a communication belongs to an earlier one.
#[derive(Debug, Serialize, ToSchema)]
struct RelatedShape {
    to: String,
    /// correction, follow-up, again or trial.
    relation: &'static str,
}

impl RelatedShape {
    fn of(related: Related) -> Self {
        Self {
            to: related.to.to_string(),
            relation: match related.relation {
                Relation::Correction => "correction",
                Relation::FollowUp => "follow-up",
                Relation::Again => "again",
                Relation::Trial => "trial",
            },
        }
    }
}

/// A second pair of eyes.
#[derive(Debug, Serialize, ToSchema)]
struct ApprovalShape {
    /// The user who asked for it.
    asked_by: String,
    asked_at: String,
    /// The user who decided.
    decided_by: Option<String>,
    decided_at: Option<String>,
    approved: bool,
    /// A word to the author.
    note: String,
}

impl ApprovalShape {
    fn of(approval: &Approval) -> Self {
        Self {
            asked_by: approval.asked_by.to_string(),
            asked_at: time(approval.asked_at),
            decided_by: approval.decided_by.map(|user| user.to_string()),
            decided_at: approval.decided_at.map(time),
            approved: approval.approved,
            note: approval.note.clone(),
        }
    }
}

/// A communication as in lists.
#[derive(Debug, Serialize, ToSchema)]
pub(super) struct CommunicationShape {
    id: String,
    /// The subject, or the start of what is said.
    title: String,
    category: String,
    /// draft, awaiting-approval, scheduled, expanding (being turned into messages) or sent.
    state: &'static str,
    /// email, text, call.
    channels: Vec<&'static str>,
    /// console, submission, prompt, program, test, reply, verification, notice or keyword.
    origin: &'static str,
    /// The user who wrote or handed it in.
    by: Option<String>,
    campaign: Option<String>,
    /// Rounds sent: the initial one, reminders and recontacts.
    rounds: u8,
    created_at: String,
    modified_at: String,
    sent_at: Option<String>,
    /// The earlier communication it belongs to.
    related: Option<RelatedShape>,
    /// What became of asking for approval; null when nobody has asked.
    approval: Option<ApprovalShape>,
    /// What its author asked to be counted; of what was sent, what was still allowed then.
    tracking: TrackingShape,
    /// Null for what has not been sent, and for whoever does not see everybody.
    statistics: Option<NumbersShape>,
}

impl CommunicationShape {
    pub(super) fn of(app: &App, access: &Access, communication: &Communication) -> Answer<Self> {
        let numbers = if communication.is_sent() && access.sees_everybody() {
            Some(NumbersShape::of(&app.repo().statistics(communication)?))
        } else {
            None
        };
        Ok(Self {
            id: communication.id.to_string(),
            title: communication.title.clone(),
            category: communication.category.clone(),
            state: state(communication.state),
            channels: channels(communication.channels),
            origin: origin(communication.origin),
            by: communication.origin.user().map(|user| user.to_string()),
            campaign: communication.campaign.map(|campaign| campaign.to_string()),
            rounds: communication.rounds,
            created_at: time(communication.created_at),
            modified_at: time(communication.modified_at),
            sent_at: communication.sent_at.map(time),
            related: communication.related.map(RelatedShape::of),
            approval: communication.approval.as_ref().map(ApprovalShape::of),
            tracking: TrackingShape {
                opens: communication.plan.tracking.opens,
                clicks: communication.plan.tracking.clicks,
            },
            statistics: numbers,
        })
    }
}

const fn state(state: CommunicationState) -> &'static str {
    match state {
        CommunicationState::Draft => "draft",
        CommunicationState::AwaitingApproval => "awaiting-approval",
        CommunicationState::Scheduled => "scheduled",
        CommunicationState::Expanding => "expanding",
        CommunicationState::Sent => "sent",
    }
}

const fn origin(origin: Origin) -> &'static str {
    match origin {
        Origin::Console(_) => "console",
        Origin::Submission(_) => "submission",
        Origin::Prompt => "prompt",
        Origin::Program(_) => "program",
        Origin::Test(_) => "test",
        Origin::Reply(_) => "reply",
        Origin::Verification => "verification",
        Origin::Notice => "notice",
        Origin::Keyword => "keyword",
    }
}

/// Whom it is for.
#[derive(Debug, Serialize, ToSchema)]
pub(super) struct AudienceShape {
    areas: Vec<String>,
    contacts: Vec<String>,
    groups: Vec<String>,
    filters: Vec<String>,
    /// People of a recipient list that was taken over.
    list_people: u32,
    except_areas: Vec<String>,
    except_groups: Vec<String>,
    except_contacts: Vec<String>,
}

fn ids<T: ToString>(ids: &[T]) -> Vec<String> {
    ids.iter().map(ToString::to_string).collect()
}

impl AudienceShape {
    fn of(audience: &Audience) -> Self {
        Self {
            areas: ids(&audience.areas),
            contacts: ids(&audience.contacts),
            groups: ids(&audience.groups),
            filters: ids(&audience.filters),
            list_people: audience.list_people,
            except_areas: ids(&audience.except_areas),
            except_groups: ids(&audience.except_groups),
            except_contacts: ids(&audience.except_contacts),
        }
    }
}

/// A link that is counted.
#[derive(Debug, Serialize, ToSchema)]
struct LinkShape {
    /// Its number among the links of the email, from 1 on.
    link: u16,
    /// Where it leads.
    target: String,
}

impl LinkShape {
    fn of(counted: Counted) -> Self {
        Self {
            link: counted.number,
            target: counted.target,
        }
    }
}

/// A communication in full.
#[derive(Debug, Serialize, ToSchema)]
pub(super) struct WholeShape {
    #[serde(flatten)]
    brief: CommunicationShape,
    subject: String,
    text: String,
    html: String,
    sms_text: String,
    voice_script: String,
    /// Whether an application handed in the email as a whole message.
    handed_in: bool,
    /// The files that go with the email.
    attachments: Vec<FileShape>,
    /// Its links that are counted, the first one first; those to our own public pages are not.
    links: Vec<LinkShape>,
    audience: AudienceShape,
}

impl WholeShape {
    pub(super) fn of(app: &App, access: &Access, communication: &Communication) -> Answer<Self> {
        let content = app.repo().content(communication.content)?;
        let links = if communication.plan.tracking.clicks {
            let counted = counted_in(app, &content);
            counted.into_iter().map(LinkShape::of).collect()
        } else {
            Vec::new()
        };
        let Content {
            subject,
            text,
            html,
            sms_text,
            voice_script,
            attachments,
        } = content;
        Ok(Self {
            brief: CommunicationShape::of(app, access, communication)?,
            subject,
            text,
            html,
            sms_text,
            voice_script,
            attachments: FileShape::all(&attachments),
            links,
            handed_in: matches!(communication.body, Body::Submitted(_)),
            audience: AudienceShape::of(&communication.audience),
        })
    }
}

/// How many by one channel.
#[derive(Debug, Serialize, ToSchema)]
pub(super) struct ChannelShape {
    channel: &'static str,
    people: u64,
    /// Messages or calls it takes.
    deliveries: u64,
    /// Segments of all texts; 0 for other channels.
    segments: u64,
}

impl ChannelShape {
    pub(super) fn all(counts: &[ChannelCount]) -> Vec<Self> {
        let shape = |count: &ChannelCount| Self {
            channel: count.channel.as_str(),
            people: count.people,
            deliveries: count.deliveries,
            segments: count.segments,
        };
        counts.iter().map(shape).collect()
    }
}

/// People whom none of the chosen channels reaches, for one reason.
#[derive(Debug, Serialize, ToSchema)]
pub(super) struct UnreachedShape {
    why: &'static str,
    count: u64,
    /// The first of them.
    contacts: Vec<String>,
}

/// The last look before sending.
#[derive(Debug, Serialize, ToSchema)]
pub(super) struct ReviewShape {
    /// People chosen.
    people: u64,
    channels: Vec<ChannelShape>,
    /// People who were named and left out.
    left_out: u64,
    /// How many of them no chosen channel reaches.
    cannot_reach_count: u64,
    /// Why, those with most people first.
    cannot_reach: Vec<UnreachedShape>,
    /// People who have quiet hours when it goes out.
    quiet: u64,
    /// Somebody else has to approve it.
    needs_approval: bool,
    /// What keeps it from being sent; empty when nothing does.
    errors: Vec<super::problem::WrongField>,
    /// What has to be looked at: sending asks for `confirm_warnings=true` while there is any.
    warnings: Vec<super::problem::WrongField>,
}

impl ReviewShape {
    pub(super) fn of(review: &Review) -> Self {
        let unreached = review.cannot_reach.iter().map(|one| UnreachedShape {
            why: one.why,
            count: one.count,
            contacts: one.some.iter().map(|(id, _)| id.to_string()).collect(),
        });
        Self {
            people: review.people,
            channels: ChannelShape::all(&review.channels),
            left_out: review.left_out,
            cannot_reach_count: review.cannot_reach_count,
            cannot_reach: unreached.collect(),
            quiet: review.quiet,
            needs_approval: review.needs_approval,
            errors: super::problem::wrong_fields(&review.problems),
            warnings: super::problem::wrong_fields(&review.warnings),
        }
    }
}
