//! Escalation: one channel after the other, for those not reached by then.

use std::time::Duration;

use super::category::Category;
use super::communication::Channels;
#[cfg(doc)]
use super::communication::ESCALATION_STEPS_MAX;
use super::reminder::ReminderPlan;
use super::statistics::{Person, PersonState};
use super::status::{CallStatus, Channel, Status};
use super::timestamp::Timestamp;
use super::tracking::Tracking;

/// One step of an escalation plan.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct EscalationStep {
    /// By which channel, for those not reached by then.
    pub channel: Channel,
    /// How long after sending.
    pub after: Duration,
}

/// When and in which order it goes out.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct SendingPlan {
    /// Overtakes everything and wakes people: no quiet hours.
    pub emergency: bool,
    /// When it is to be sent by itself.
    pub scheduled_at: Option<Timestamp>,
    /// One channel after the other, in rising order of time, at most
    /// [`ESCALATION_STEPS_MAX`]; empty for all channels at once.
    pub escalation: Vec<EscalationStep>,
    /// When what it says is over: from then on nothing of it goes out by itself.
    pub until: Option<Timestamp>,
    /// What is counted of what readers do with its email, if it may be.
    pub tracking: Tracking,
}

impl SendingPlan {
    /// Whether what it says is over.
    #[must_use]
    pub fn is_over(&self, now: Timestamp) -> bool {
        self.until.is_some_and(|until| until <= now)
    }

    /// What is counted where so much is allowed. Nobody is sent round by us in an emergency: the
    /// links of one lead straight to where they say.
    #[must_use]
    pub const fn tracked(&self, allowed: Tracking) -> Tracking {
        let tracked = self.tracking.within(allowed);
        Tracking {
            clicks: tracked.clicks && !self.emergency,
            ..tracked
        }
    }
}

/// One round of sending, as it is planned at the moment of sending.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct PlannedRound {
    /// 1 is the initial sending.
    pub round: u8,
    /// Position in the escalation plan; none for everything else.
    pub step: Option<u8>,
    /// When it is due.
    pub due: Timestamp,
}

/// The rounds of a communication: the initial sending or the steps of its escalation, then the
/// reminders. Those count from the last step: by then every channel has had its turn.
#[must_use]
pub fn plan_rounds(
    plan: &SendingPlan,
    reminders: &ReminderPlan,
    sent_at: Timestamp,
) -> Vec<PlannedRound> {
    let mut rounds = Vec::new();
    if plan.escalation.is_empty() {
        rounds.push(PlannedRound {
            round: 1,
            step: None,
            due: sent_at,
        });
    }
    for ((round, index), step) in (1_u8..).zip(0_u8..).zip(&plan.escalation) {
        rounds.push(PlannedRound {
            round,
            step: Some(index),
            due: sent_at.plus(step.after),
        });
    }
    let last = rounds.last().map_or(sent_at, |round| round.due);
    let first_reminder = u8::try_from(rounds.len() + 1).unwrap_or(u8::MAX);
    for (round, reminder) in (first_reminder..).zip(1_u8..) {
        let Some(due) = reminders.due(last, reminder) else {
            break;
        };
        rounds.push(PlannedRound {
            round,
            step: None,
            due,
        });
    }
    // What is over by then is not said again.
    rounds.retain(|planned| planned.round == 1 || !plan.is_over(planned.due));
    rounds
}

/// The channel of a step for one person. A channel that the person likes best changes places
/// with the first one.
#[must_use]
pub fn step_channel(
    steps: &[EscalationStep],
    index: u8,
    liked: Option<Channel>,
) -> Option<Channel> {
    let planned = steps.get(usize::from(index))?.channel;
    let first = steps.first()?.channel;
    let liked = liked.filter(|liked| steps.iter().any(|step| step.channel == *liked));
    Some(match liked {
        Some(liked) if planned == first => liked,
        Some(liked) if planned == liked => first,
        Some(_) | None => planned,
    })
}

/// The channels that an escalation uses.
#[must_use]
pub fn channels_of(steps: &[EscalationStep]) -> Channels {
    let mut channels = Channels::default();
    for step in steps {
        match step.channel {
            Channel::Email => channels.email = true,
            Channel::Text => channels.text = true,
            Channel::Call => channels.call = true,
        }
    }
    channels
}

/// Whether a step still goes to this person: nothing of ours is under way by that channel, and
/// the person has not been reached. Where the category asks for confirmation only a confirmation
/// ends it: a mail that a server took is no answer.
#[must_use]
pub fn wants_step(person: &Person, channel: Channel, category: &Category) -> bool {
    let ended = if category.confirmation_required {
        is_confirmed(person)
    } else {
        person.state == PersonState::Contacted
    };
    let under_way = person.deliveries.iter().any(|delivery| {
        delivery.status.channel() == channel && !delivery.closed && !delivery.status.is_settled()
    });
    !ended && !under_way
}

/// Whether this person has confirmed, by whatever channel.
#[must_use]
pub fn is_confirmed(person: &Person) -> bool {
    person.confirmed.is_some()
        || person
            .deliveries
            .iter()
            .any(|delivery| delivery.status == Status::Call(CallStatus::Confirmed))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::{CommunicationId, ContactId, DeliveryId, MethodId, PersonDelivery};

    const START: Timestamp = Timestamp::from_millis(1_000_000);

    fn step(channel: Channel, minutes: u64) -> EscalationStep {
        EscalationStep {
            channel,
            after: Duration::from_secs(60 * minutes),
        }
    }

    fn ladder() -> SendingPlan {
        SendingPlan {
            escalation: vec![
                step(Channel::Email, 0),
                step(Channel::Text, 10),
                step(Channel::Call, 20),
                step(Channel::Call, 25),
            ],
            ..SendingPlan::default()
        }
    }

    fn minutes(rounds: &[PlannedRound]) -> Vec<(u8, Option<u8>, u64)> {
        rounds
            .iter()
            .map(|one| (one.round, one.step, one.due.since(START).as_secs() / 60))
            .collect()
    }

    #[test]
    fn reminders_follow_the_initial_sending_or_the_last_step() {
        let reminders = ReminderPlan::default();
        let plain = plan_rounds(&SendingPlan::default(), &reminders, START);
        assert_eq!(
            minutes(&plain),
            [(1, None, 0), (2, None, 30), (3, None, 60)]
        );
        assert_eq!(
            minutes(&plan_rounds(&ladder(), &reminders, START)),
            [
                (1, Some(0), 0),
                (2, Some(1), 10),
                (3, Some(2), 20),
                (4, Some(3), 25),
                (5, None, 55),
                (6, None, 85)
            ]
        );
    }

    #[test]
    fn nothing_is_planned_for_when_it_is_over() {
        let plan = SendingPlan {
            until: Some(START.plus(Duration::from_secs(30 * 60))),
            ..SendingPlan::default()
        };
        let planned = plan_rounds(&plan, &ReminderPlan::default(), START);
        assert_eq!(minutes(&planned), [(1, None, 0)]);
    }

    #[test]
    fn links_of_an_emergency_are_not_counted() {
        let both = Tracking {
            opens: true,
            clicks: true,
        };
        let mut plan = SendingPlan {
            tracking: both,
            ..SendingPlan::default()
        };
        assert_eq!(plan.tracked(both), both);
        assert!(plan.tracked(Tracking::default()).is_off());
        plan.emergency = true;
        let tracked = plan.tracked(both);
        assert!(tracked.opens && !tracked.clicks);
    }

    #[test]
    fn what_a_person_likes_best_comes_first() {
        let steps = ladder().escalation;
        let order = |liked| -> Vec<_> {
            (0..4)
                .filter_map(|index| step_channel(&steps, index, liked))
                .collect()
        };
        use Channel::{Call, Email, Text};
        assert_eq!(order(None), [Email, Text, Call, Call]);
        assert_eq!(order(Some(Text)), [Text, Email, Call, Call]);
        assert_eq!(order(Some(Call)), [Call, Text, Email, Email]);
        assert_eq!(order(Some(Email)), [Email, Text, Call, Call]);
        assert_eq!(step_channel(&steps, 9, None), None);
    }

    #[test]
    fn only_a_confirmation_ends_what_asks_for_one() {
        let category = |confirmation_required| Category {
            name: "alert".to_owned(),
            confirmation_required,
            voicemail_counts: false,
        };
        let delivery = |status, closed| PersonDelivery {
            delivery: DeliveryId::from_bytes([1; 16]),
            method: MethodId::from_bytes([2; 16]),
            status,
            closed,
        };
        let received = Status::Email(crate::domain::EmailStatus::Received);
        let mut person = Person {
            communication: CommunicationId::from_bytes([3; 16]),
            contact: ContactId::from_bytes([4; 16]),
            deliveries: vec![delivery(received, false)],
            state: PersonState::Contacted,
            confirmed: None,
            confirmed_by: None,
            sort_name: crate::domain::Redacted::default(),
            links: Vec::new(),
        };
        assert!(!wants_step(&person, Channel::Call, &category(false)));
        assert!(wants_step(&person, Channel::Call, &category(true)));
        person
            .deliveries
            .push(delivery(Status::Call(CallStatus::Ringing), false));
        assert!(!wants_step(&person, Channel::Call, &category(true)));
        assert!(wants_step(&person, Channel::Text, &category(true)));
        person.confirmed = Some(START);
        assert!(!wants_step(&person, Channel::Text, &category(true)));
        person.confirmed = None;
        person.deliveries[1].status = Status::Call(CallStatus::Confirmed);
        assert!(!wants_step(&person, Channel::Text, &category(true)));
    }
}
