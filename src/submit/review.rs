//! The last look before sending: how many by which channel, who cannot be reached and why, and
//! what is unusual.

use std::collections::BTreeMap;

use jiff::tz::TimeZone;

use super::approval::Gate;
use super::audience::{People, all_lost, resolve};
use super::decision::off_thread;
use super::texts::TextCost;
use super::{Amount, DraftInput, FieldError, SubmitError, Submitter};
use crate::domain::{
    AreaId, Channel, Channels, Communication, CommunicationId, Contact, ContactId, MethodId,
    MethodState, Timestamp,
};
use crate::store::Repo;

/// Most people listed by name for each reason why they cannot be reached.
pub const NAMES_LISTED_MAX: usize = 50;
/// Most chosen areas that are looked at one by one for being empty.
const AREAS_LOOKED_AT_MAX: usize = 200;
/// How many earlier communications say what is usual.
const USUAL_OF: usize = 20;

/// How many by one channel.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ChannelCount {
    /// Which.
    pub channel: Channel,
    /// People it goes to.
    pub people: u64,
    /// Messages or calls it takes.
    pub deliveries: u64,
    /// Segments of all texts, with what asks for confirmation; 0 for other channels.
    pub segments: u64,
}

impl ChannelCount {
    pub(super) const fn none(channel: Channel) -> Self {
        Self {
            channel,
            people: 0,
            deliveries: 0,
            segments: 0,
        }
    }
}

/// People whom none of the chosen channels reaches, for one reason.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Unreached {
    /// A plain sentence.
    pub why: &'static str,
    /// How many.
    pub count: u64,
    /// The first [`NAMES_LISTED_MAX`] of them.
    pub some: Vec<(ContactId, String)>,
}

/// The last look before sending.
#[derive(Clone, Debug, Default)]
pub struct Review {
    /// People chosen.
    pub people: u64,
    /// People who were named and left out.
    pub left_out: u64,
    /// By each chosen channel.
    pub channels: Vec<ChannelCount>,
    /// What all texts cost, by currency; empty where no price is known.
    pub cost: Vec<Amount>,
    /// How many no chosen channel reaches.
    pub cannot_reach_count: u64,
    /// Why, those with most people first.
    pub cannot_reach: Vec<Unreached>,
    /// People who are reached, but have said no to one of the chosen channels.
    pub said_no: u64,
    /// People who have quiet hours when it goes out; emergencies do not mind.
    pub quiet: u64,
    /// People who are reached only at addresses that nobody has proved.
    pub unverified: u64,
    /// Chosen areas in which nobody lives.
    pub empty_areas: Vec<AreaId>,
    /// The largest audience lately, if this one is much larger.
    pub usual_people: Option<u64>,
    /// Somebody else has to approve it.
    pub needs_approval: bool,
    /// Somebody would have to, but it is an emergency.
    pub approval_waived: bool,
    /// What keeps it from being sent.
    pub problems: Vec<FieldError>,
    /// What has to be looked at and confirmed.
    pub warnings: Vec<FieldError>,
}

impl Review {
    /// Leaves out the names of those whom somebody may not see; they stay counted.
    ///
    /// # Errors
    /// As `sees`.
    pub fn name_only<E>(
        mut self,
        mut sees: impl FnMut(ContactId) -> Result<bool, E>,
    ) -> Result<Self, E> {
        for group in &mut self.cannot_reach {
            let mut seen = Vec::with_capacity(group.some.len());
            for one in std::mem::take(&mut group.some) {
                if sees(one.0)? {
                    seen.push(one);
                }
            }
            group.some = seen;
        }
        Ok(self)
    }
}

impl Submitter {
    /// Looks at a draft as it would be sent now.
    ///
    /// # Errors
    /// When there is no such communication, or the store fails.
    pub async fn review(&self, id: CommunicationId) -> Result<Review, SubmitError> {
        let this = self.clone();
        off_thread(move || this.look(id)).await
    }

    fn look(&self, id: CommunicationId) -> Result<Review, SubmitError> {
        let communication = self.repo.communication(id)?.ok_or(SubmitError::NotFound)?;
        let draft = self.input_of(&communication)?;
        let People { ids, left_out } = resolve(&self.repo, &draft.audience)?;
        let mut review = Review {
            people: ids.len() as u64,
            left_out,
            channels: draft.channels.iter().map(ChannelCount::none).collect(),
            problems: self.problems_of(&communication, &draft)?,
            warnings: self.warnings_of(&communication, &draft)?,
            empty_areas: self.empty_areas(&draft)?,
            usual_people: usual(&self.repo, &communication)?.filter(|usual| {
                let people = ids.len() as u64;
                people > 100 && people > usual.saturating_mul(2)
            }),
            ..Review::default()
        };
        match self.gate(&communication, ids.len()) {
            Gate::Open => {}
            Gate::Approval => review.needs_approval = true,
            Gate::Waived => review.approval_waived = true,
        }
        if !all_lost(&self.repo, &draft.audience)?.is_empty() {
            review.problems.push(FieldError::lost());
        }
        let named = review.problems.iter().any(|one| one.field == "audience");
        if ids.is_empty() && !named {
            let problem = FieldError::new("audience", "Nobody is left of those you chose.");
            review.problems.push(problem);
        }
        let now = self.clock.wall();
        let at = draft.plan.scheduled_at.unwrap_or(now).max(now);
        let mut counting = Counting {
            review,
            category: &draft.category,
            channels: draft.channels,
            only: draft.audience.method,
            minute: minute_of_day(at, &self.settings().time_zone),
            reasons: BTreeMap::new(),
            cost: self.text_cost(&draft.category, &draft.content.sms_text),
        };
        for id in ids {
            if let Some(contact) = self.repo.contact(id)? {
                counting.count(&contact);
            }
        }
        Ok(counting.done())
    }

    fn empty_areas(&self, draft: &DraftInput) -> Result<Vec<AreaId>, SubmitError> {
        let tree = self.repo.areas()?;
        let mut empty = Vec::new();
        for area in draft.audience.areas.iter().take(AREAS_LOOKED_AT_MAX) {
            let mut people = 0;
            for one in tree.subtree(*area) {
                people += self.repo.contact_count(one)?;
            }
            if people == 0 {
                empty.push(*area);
            }
        }
        Ok(empty)
    }
}

/// The largest audience among the last communications of the same category.
fn usual(repo: &Repo, communication: &Communication) -> Result<Option<u64>, SubmitError> {
    let latest = repo.communications(None, USUAL_OF)?.rows;
    let sent = latest.iter().filter(|one| {
        one.is_sent()
            && !one.origin.is_by_itself()
            && one.id != communication.id
            && one.category == communication.category
    });
    Ok(sent.map(|one| one.people).max())
}

fn minute_of_day(at: Timestamp, zone: &TimeZone) -> u16 {
    let millis = i64::try_from(at.as_millis()).unwrap_or(i64::MAX);
    let at = jiff::Timestamp::from_millisecond(millis).unwrap_or(jiff::Timestamp::MAX);
    let at = at.to_zoned(zone.clone());
    let minute = i32::from(at.hour()) * 60 + i32::from(at.minute());
    u16::try_from(minute).unwrap_or(0)
}

struct Counting<'a> {
    review: Review,
    category: &'a str,
    channels: Channels,
    /// The one address that a letter goes to.
    only: Option<MethodId>,
    minute: u16,
    reasons: BTreeMap<&'static str, Unreached>,
    cost: TextCost,
}

impl Counting<'_> {
    fn count(&mut self, contact: &Contact) {
        let (mut reached, mut refused, mut proved) = (false, false, false);
        for entry in &mut self.review.channels {
            if !contact.wishes.allow(entry.channel, self.category) {
                refused = true;
                continue;
            }
            let mut methods = contact.methods_for(entry.channel);
            methods.retain(|method| self.only.is_none_or(|only| method.id == only));
            if methods.is_empty() {
                continue;
            }
            reached = true;
            proved |= methods
                .iter()
                .any(|method| method.state == MethodState::Active);
            entry.people += 1;
            let deliveries = match entry.channel {
                Channel::Call => 1,
                Channel::Email | Channel::Text => methods.len() as u64,
            };
            entry.deliveries += deliveries;
            if entry.channel == Channel::Text {
                for method in &methods {
                    entry.segments += self.cost.add(&contact.language, method);
                }
            }
        }
        if !reached {
            self.unreached(contact);
            return;
        }
        let quiet = contact.wishes.quiet_hours;
        self.review.said_no += u64::from(refused);
        self.review.unverified += u64::from(!proved);
        self.review.quiet +=
            u64::from(quiet.is_some_and(|hours| hours.minutes_left(self.minute) > 0));
    }

    fn unreached(&mut self, contact: &Contact) {
        let why = why_not(contact, self.channels, self.category);
        let group = self.reasons.entry(why).or_insert_with(|| Unreached {
            why,
            count: 0,
            some: Vec::new(),
        });
        group.count += 1;
        if group.some.len() < NAMES_LISTED_MAX {
            group.some.push((contact.id, contact.full_name()));
        }
        self.review.cannot_reach_count += 1;
    }

    fn done(self) -> Review {
        let mut cannot_reach: Vec<Unreached> = self.reasons.into_values().collect();
        cannot_reach.sort_by_key(|group| std::cmp::Reverse(group.count));
        for group in &mut cannot_reach {
            group
                .some
                .sort_by_cached_key(|(_, name)| name.to_lowercase());
        }
        Review {
            cannot_reach,
            cost: self.cost.spent(),
            ..self.review
        }
    }
}

fn why_not(contact: &Contact, channels: Channels, category: &str) -> &'static str {
    let has = |state: MethodState| {
        contact
            .methods_in(state)
            .any(|method| channels.iter().any(|channel| method.kind.takes(channel)))
    };
    let refused = channels.iter().any(|channel| {
        !contact.wishes.allow(channel, category) && !contact.methods_for(channel).is_empty()
    });
    let usable = contact
        .methods
        .iter()
        .any(|method| method.state.is_usable());
    if refused {
        "Has said no to messages of this kind."
    } else if has(MethodState::Suspended) {
        "Every method for the chosen channels is suspended after a failure."
    } else if has(MethodState::OptedOut) {
        "Has opted out of the chosen channels."
    } else if contact.methods.is_empty() {
        "Has no email address or telephone number."
    } else if usable {
        "Has no method for the chosen channels."
    } else {
        "No method of theirs works."
    }
}
