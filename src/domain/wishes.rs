//! What a person wants: by which channels, about what, and when not to be rung.

use super::ids::{ImportId, UserId};
use super::redacted::Redacted;
use super::status::Channel;
use super::timestamp::Timestamp;

/// Most decisions kept of one person: the last for each channel and category.
pub const CONSENTS_MAX: usize = 24;
/// Longest note that proves a decision, in octets.
pub const PROOF_NOTE_SIZE_MAX: usize = 60;
/// Minutes in a day.
pub const DAY_MINUTES: u16 = 24 * 60;

/// Hours in which a person is neither called nor texted but in an emergency, in the zone of the
/// installation; mail rings nobody and goes out. They may span midnight.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct QuietHours {
    /// First quiet minute of the day, below [`DAY_MINUTES`].
    from_minute: u16,
    /// First minute that is not quiet any more, below [`DAY_MINUTES`].
    to_minute: u16,
}

impl QuietHours {
    /// From one minute of the day to another; none when they are the same or no minutes of a day.
    #[must_use]
    pub const fn new(from_minute: u16, to_minute: u16) -> Option<Self> {
        if from_minute >= DAY_MINUTES || to_minute >= DAY_MINUTES || from_minute == to_minute {
            return None;
        }
        Some(Self {
            from_minute,
            to_minute,
        })
    }

    /// First quiet minute of the day.
    #[must_use]
    pub const fn from_minute(self) -> u16 {
        self.from_minute
    }

    /// First minute that is not quiet any more.
    #[must_use]
    pub const fn to_minute(self) -> u16 {
        self.to_minute
    }

    /// How many minutes of quiet are left at this minute of the day; 0 when it is not quiet.
    #[must_use]
    pub const fn minutes_left(self, minute: u16) -> u16 {
        let length = (self.to_minute + DAY_MINUTES - self.from_minute) % DAY_MINUTES;
        let passed = (minute % DAY_MINUTES + DAY_MINUTES - self.from_minute) % DAY_MINUTES;
        length.saturating_sub(passed)
    }
}

/// How a decision came to us.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ProofKind {
    /// Somebody wrote it down at the console: a form, a call.
    Operator(UserId),
    /// The person, logged in to the self-service pages.
    SelfService,
    /// The person, by the link of one message.
    Link,
    /// The person's mail program, at one click (RFC 8058).
    OneClick,
    /// The person, by a keyword in a text (STOP).
    Keyword,
    /// It stood in a file.
    Import(ImportId),
    /// A program said so.
    Program(UserId),
}

/// One decision: messages of this channel and category, yes or no.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Consent {
    /// By which channel; none for all.
    pub channel: Option<Channel>,
    /// Name of the category; none for all.
    pub category: Option<String>,
    /// Yes or no.
    pub given: bool,
    /// When.
    pub at: Timestamp,
    /// How it came to us.
    pub proof: ProofKind,
    /// What proves it, in a few words: where the form lies, which message it answered.
    pub note: Redacted<String>,
}

/// What a person wants.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Wishes {
    /// When not to be rung.
    pub quiet_hours: Option<QuietHours>,
    /// The channel that is tried first where the author leaves the choice.
    pub preferred: Option<Channel>,
    /// The last decision for each channel and category; at most [`CONSENTS_MAX`].
    pub consents: Vec<Consent>,
}

impl Wishes {
    /// Whether messages of this channel and category may go out. Nobody who has said nothing is
    /// left out.
    #[must_use]
    pub fn allow(&self, channel: Channel, category: &str) -> bool {
        let decision = self.decision(Some(channel), Some(category));
        decision.is_none_or(|decision| decision.given)
    }

    /// The decision that counts for a channel and a category, none for what is said of all. The
    /// most exact one does: channel and category, then category, then channel, then all.
    #[must_use]
    pub fn decision(&self, channel: Option<Channel>, category: Option<&str>) -> Option<&Consent> {
        let decided = |channel: Option<Channel>, category: Option<&str>| {
            self.consents
                .iter()
                .find(|one| one.channel == channel && one.category.as_deref() == category)
        };
        decided(channel, category)
            .or_else(|| decided(None, category))
            .or_else(|| decided(channel, None))
            .or_else(|| decided(None, None))
    }

    /// Writes a decision over an earlier one for the same channel and category. When there are
    /// too many, the oldest that says yes makes room. A no is never forgotten: somebody who says
    /// no more often than there is room wants nothing at all.
    pub fn decide(&mut self, consent: Consent) {
        self.consents
            .retain(|known| known.channel != consent.channel || known.category != consent.category);
        if self.consents.len() < CONSENTS_MAX {
            self.consents.push(consent);
            return;
        }
        let oldest_yes = (0..self.consents.len())
            .filter(|index| self.consents[*index].given)
            .min_by_key(|index| self.consents[*index].at);
        match oldest_yes {
            Some(oldest) => {
                self.consents.remove(oldest);
                self.consents.push(consent);
            }
            None if consent.given => {}
            None => {
                self.consents.clear();
                self.consents.push(Consent {
                    channel: None,
                    category: None,
                    ..consent
                });
            }
        }
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;

    fn consent(channel: Option<Channel>, category: Option<&str>, given: bool) -> Consent {
        Consent {
            channel,
            category: category.map(str::to_owned),
            given,
            at: Timestamp::from_millis(1),
            proof: ProofKind::SelfService,
            note: Redacted::new(String::new()),
        }
    }

    #[test]
    fn the_most_exact_decision_counts() {
        let mut wishes = Wishes::default();
        assert!(wishes.allow(Channel::Email, "News"));
        wishes.decide(consent(None, None, false));
        assert!(!wishes.allow(Channel::Email, "News"));
        wishes.decide(consent(Some(Channel::Email), None, true));
        assert!(wishes.allow(Channel::Email, "News"));
        assert!(!wishes.allow(Channel::Text, "News"));
        wishes.decide(consent(None, Some("News"), false));
        assert!(!wishes.allow(Channel::Email, "News"));
        wishes.decide(consent(Some(Channel::Email), Some("News"), true));
        assert!(wishes.allow(Channel::Email, "News"));
        wishes.decide(consent(Some(Channel::Email), Some("News"), false));
        assert!(!wishes.allow(Channel::Email, "News"));
        assert_eq!(wishes.consents.len(), 4);
    }

    #[test]
    fn a_no_outlives_a_yes_when_there_are_too_many() {
        let mut wishes = Wishes::default();
        wishes.decide(consent(None, Some("kept"), false));
        for index in 0..CONSENTS_MAX + 5 {
            wishes.decide(consent(None, Some(&index.to_string()), true));
        }
        assert_eq!(wishes.consents.len(), CONSENTS_MAX);
        assert!(!wishes.allow(Channel::Call, "kept"));
    }

    #[test]
    fn no_number_of_refusals_brings_a_message_back() {
        let mut wishes = Wishes::default();
        for index in 0..=CONSENTS_MAX {
            wishes.decide(consent(None, Some(&index.to_string()), false));
            for before in 0..=index {
                assert!(!wishes.allow(Channel::Email, &before.to_string()));
            }
        }
    }

    #[test]
    fn quiet_hours_span_midnight() {
        let quiet = QuietHours::new(22 * 60, 7 * 60).unwrap();
        assert_eq!(quiet.minutes_left(23 * 60), 8 * 60);
        assert_eq!(quiet.minutes_left(6 * 60 + 59), 1);
        assert_eq!(quiet.minutes_left(7 * 60), 0);
        assert_eq!(quiet.minutes_left(21 * 60 + 59), 0);
        let noon = QuietHours::new(12 * 60, 14 * 60).unwrap();
        assert_eq!(noon.minutes_left(11 * 60), 0);
        assert_eq!(noon.minutes_left(12 * 60), 120);
        assert_eq!(QuietHours::new(60, 60), None);
        assert_eq!(QuietHours::new(0, DAY_MINUTES), None);
    }
}
