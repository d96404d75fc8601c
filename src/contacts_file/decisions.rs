//! What a row decides for somebody who has decided before: a later decision counts, a yes
//! without a date never overrules a no, and a no ends the more exact yeses before it.

use super::apply::Author;
use super::checker::{Decision, Person};
use super::notes::{Note, why};
use crate::domain::{
    Actor, Channel, Consent, ContactChange, LogEvent, ProofKind, Redacted, Timestamp, Wishes,
};

/// A channel and a category; none for all.
type About = (Option<Channel>, Option<String>);

/// Takes over what a row decides. What the same row says more exactly stands beside what it
/// says in general.
pub(super) fn decide_all(
    person: &Person,
    author: Author,
    wishes: &mut Wishes,
    notes: &mut Vec<Note>,
) -> Vec<LogEvent> {
    let before = wishes.clone();
    let mut log = Vec::new();
    for decision in &person.decisions {
        let deciding = Deciding {
            person,
            decision,
            before: &before,
            author,
        };
        log.extend(deciding.decide(wishes, notes));
    }
    log
}

/// A decision as the row says it.
pub(super) fn consent(decision: &Decision, row: u32, author: Author) -> Consent {
    Consent {
        channel: decision.channel,
        category: decision.category.clone(),
        given: decision.given,
        at: decision.at.unwrap_or(author.now),
        proof: ProofKind::Import(author.import),
        note: Redacted::new(format!("#{row}")),
    }
}

struct Deciding<'a> {
    person: &'a Person,
    decision: &'a Decision,
    /// What was known before the row.
    before: &'a Wishes,
    author: Author,
}

impl Deciding<'_> {
    fn decide(&self, wishes: &mut Wishes, notes: &mut Vec<Note>) -> Option<LogEvent> {
        let decision = self.decision;
        let own = (decision.channel, decision.category.clone());
        let known = wishes.consents.iter().find(|known| about(known) == own);
        if let Some(known) = known {
            if known.given == decision.given {
                // Said again with its date, a no ends what came before that, too.
                let again = !decision.given && decision.at.is_some();
                let ended = if again {
                    self.outlived(&own)
                } else {
                    Vec::new()
                };
                let line = (!ended.is_empty()).then(|| self.line());
                for no in ended {
                    wishes.decide(no);
                }
                return line;
            }
            if decision.given && !self.is_after(known.at) {
                notes.push(Note::warning(why::NO_STAYS));
                return None;
            }
            if decision.at.is_some_and(|at| at <= known.at) {
                notes.push(Note::warning(why::LATER_STAYS));
                return None;
            }
        }
        let kept = if decision.given {
            let kept = self.refused(&own);
            if !kept.is_empty() {
                notes.push(Note::warning(why::NO_STAYS));
            }
            if kept.iter().any(|no| about(no) == own) {
                return None;
            }
            kept
        } else {
            self.outlived(&own)
        };
        wishes.decide(consent(decision, self.person.row, self.author));
        for no in kept {
            wishes.decide(no);
        }
        Some(self.line())
    }

    fn is_after(&self, other: Timestamp) -> bool {
        self.decision.at.is_some_and(|at| at > other)
    }

    /// The noes that this yes would overrule though it is not known to be later, each where the
    /// two meet.
    fn refused(&self, own: &About) -> Vec<Consent> {
        let mut kept = Vec::new();
        for no in self.before.consents.iter().filter(|one| !one.given) {
            let Some(both) = meeting(own, &about(no)) else {
                continue;
            };
            let counts = self.before.decision(both.0, both.1.as_deref()) == Some(no);
            if counts && rank(&about(no)) < rank(own) && !self.is_after(no.at) {
                kept.push(at(no, both));
            }
        }
        kept
    }

    /// Noes where a more exact yes, not later than this no, would go on counting.
    fn outlived(&self, own: &About) -> Vec<Consent> {
        let no = consent(self.decision, self.person.row, self.author);
        let mut ended = Vec::new();
        for yes in self.before.consents.iter().filter(|one| one.given) {
            let Some(both) = meeting(own, &about(yes)) else {
                continue;
            };
            let counts = self.before.decision(both.0, both.1.as_deref()) == Some(yes);
            // The row itself says something more exact than this no: a yes about all of it, or
            // what else it says about just this.
            let by_row = self.person.decisions.iter().any(|one| {
                let said = (one.channel, one.category.clone());
                let covers = one.given && meeting(&said, &both).as_ref() == Some(&both);
                rank(&said) > rank(own) && (said == both || covers)
            });
            if counts && rank(&about(yes)) > rank(own) && yes.at <= no.at && !by_row {
                ended.push(at(&no, both));
            }
        }
        ended
    }

    fn line(&self) -> LogEvent {
        let change = if self.decision.given {
            ContactChange::ConsentGiven
        } else {
            ContactChange::ConsentWithdrawn
        };
        let mut event = LogEvent::changed(change, None, Actor::Import(self.author.import));
        if let LogEvent::Changed { detail, .. } = &mut event {
            *detail = self.decision.category.clone().unwrap_or_default();
        }
        event
    }
}

fn about(consent: &Consent) -> About {
    (consent.channel, consent.category.clone())
}

fn at(consent: &Consent, about: About) -> Consent {
    Consent {
        channel: about.0,
        category: about.1,
        ..consent.clone()
    }
}

/// The more exact of two decisions counts: see [`Wishes::decision`].
fn rank(about: &About) -> u8 {
    2 * u8::from(about.1.is_some()) + u8::from(about.0.is_some())
}

/// What two decisions are both about, if anything.
fn meeting(one: &About, other: &About) -> Option<About> {
    Some((narrower(&one.0, &other.0)?, narrower(&one.1, &other.1)?))
}

fn narrower<T: Clone + PartialEq>(one: &Option<T>, other: &Option<T>) -> Option<Option<T>> {
    match (one, other) {
        (None, any) | (any, None) => Some(any.clone()),
        (Some(one), Some(other)) => (one == other).then(|| Some(one.clone())),
    }
}
