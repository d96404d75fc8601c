//! How much each destination is asked to take at once, and how it is spared when it asks for it.
//!
//! A destination is a domain, and the servers that it shares with others. What it cannot take now
//! is put off without an attempt, so that it keeps no place that mail to others could use. Whoever
//! is put off gets a time of its own: they come back one by one, as fast as the destination takes
//! them, and not all at once.
//!
//! Pure: time and randomness are handed in.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

/// Places that emergencies have beside those of ordinary mail, at each destination.
pub(super) const EXPRESS_MORE: u32 = 2;
/// Destinations that are remembered before those of which nothing is known are forgotten.
const DESTINATIONS_MAX: usize = 10_000;
/// How many are forgotten at once where all of those are spared.
const DESTINATIONS_FORGOTTEN: usize = DESTINATIONS_MAX / 10;
/// Attempts in a row without an answer before a destination is spared.
const UNANSWERED_MAX: u32 = 3;
/// How long a destination is spared at first; twice as long each time that it does not help.
const PAUSE: Duration = Duration::from_secs(30);
/// How long at most.
const PAUSE_MAX: Duration = Duration::from_secs(15 * 60);
/// How long an attempt takes as long as nothing is known.
const TOOK_AT_FIRST: Duration = Duration::from_millis(500);
/// Bounds of the time between two who were put off.
const SHARE_MIN: Duration = Duration::from_millis(5);
const SHARE_MAX: Duration = Duration::from_secs(10);
/// Bounds of the time that an emergency waits before it looks again.
const EXPRESS_WAIT: Duration = Duration::from_millis(250);
const EXPRESS_WAIT_MAX: Duration = Duration::from_secs(30);
/// Furthest time for which anybody is put off: how things stand is looked at again then.
const PUT_OFF_MAX: Duration = Duration::from_secs(10 * 60);

/// What may be asked of a destination.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Terms {
    /// Deliveries at once.
    pub(super) concurrency: u32,
    /// Least time from the beginning of one to the beginning of the next.
    pub(super) pace: Duration,
}

/// What an attempt told of its destination.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Sign {
    /// It answered, whatever it said of this mail.
    Answered,
    /// It wants less (421, X.7.x for now, too many connections).
    TooMuch,
    /// There was no answer, or none that could be used.
    Unanswered,
    /// The attempt was ended by us, or never got there.
    Nothing,
}

/// All destinations to which anything goes or went.
#[derive(Debug, Default)]
pub(super) struct Destinations {
    known: Mutex<HashMap<String, State>>,
}

#[derive(Debug)]
struct State {
    /// The most that anybody may ask for at once.
    asked: u32,
    under_way: u32,
    /// Fewer at once than may be asked, since it wanted less.
    reduced: Option<u32>,
    /// How many were answered since the number was changed.
    answered: u32,
    /// Signs in a row that it is in trouble.
    unanswered: u32,
    /// How often it was spared in a row.
    pauses: u32,
    paused_until: Option<Instant>,
    /// When that was found out: what began before tells nothing of how it is now.
    paused_at: Option<Instant>,
    /// When the next may begin.
    next_at: Option<Instant>,
    /// Up to when times are given away.
    booked_until: Option<Instant>,
    /// The same for emergencies.
    express_until: Option<Instant>,
    /// How long an attempt takes, the last ones counting most.
    took: Duration,
}

impl Default for State {
    fn default() -> Self {
        Self {
            asked: 1,
            under_way: 0,
            reduced: None,
            answered: 0,
            unanswered: 0,
            pauses: 0,
            paused_until: None,
            paused_at: None,
            next_at: None,
            booked_until: None,
            express_until: None,
            took: TOOK_AT_FIRST,
        }
    }
}

/// A place at a destination, as long as this lives.
#[derive(Debug)]
pub(super) struct Place {
    of: Arc<Destinations>,
    key: String,
}

impl Place {
    /// Gives it back with its turn: nothing was begun.
    pub(super) fn unused(self, terms: Terms) {
        if let Some(state) = self.of.lock().get_mut(&self.key) {
            state.next_at = state.next_at.and_then(|at| at.checked_sub(terms.pace));
        }
    }
}

impl Drop for Place {
    fn drop(&mut self) {
        if let Some(state) = self.of.lock().get_mut(&self.key) {
            state.under_way = state.under_way.saturating_sub(1);
        }
    }
}

impl Destinations {
    fn lock(&self) -> MutexGuard<'_, HashMap<String, State>> {
        self.known.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// A place, or how long to wait before asking again. An emergency waits for no pause and has
    /// places of its own.
    pub(super) fn enter(
        self: &Arc<Self>,
        key: &str,
        terms: Terms,
        express: bool,
        now: Instant,
    ) -> Result<Place, Duration> {
        let mut known = self.lock();
        if known.len() >= DESTINATIONS_MAX && !known.contains_key(key) {
            known.retain(|_, state| state.is_worth_keeping(now));
            if known.len() >= DESTINATIONS_MAX {
                // All are spared: some begin anew, so that there is no end of them nor of looking.
                let mut left = DESTINATIONS_FORGOTTEN;
                known.retain(|_, state| {
                    let goes = left > 0 && state.under_way == 0;
                    left -= usize::from(goes);
                    !goes
                });
            }
        }
        let state = known.entry(key.to_owned()).or_default();
        state.enter(terms, express, now)?;
        Ok(Place {
            of: Arc::clone(self),
            key: key.to_owned(),
        })
    }

    /// Takes to heart what an attempt told, which took so long. `random` is a number from the
    /// whole range of `u64`.
    pub(super) fn learn(
        &self,
        key: &str,
        sign: Sign,
        (now, took): (Instant, Duration),
        random: u64,
    ) -> Option<Duration> {
        let mut known = self.lock();
        known.get_mut(key)?.learn(sign, (now, took), random)
    }
}

impl State {
    fn is_worth_keeping(&self, now: Instant) -> bool {
        let lies_ahead = |at: Option<Instant>| at.is_some_and(|at| at > now);
        self.under_way > 0
            || lies_ahead(self.paused_until)
            || lies_ahead(self.booked_until)
            || lies_ahead(self.next_at)
    }

    fn enter(&mut self, terms: Terms, express: bool, now: Instant) -> Result<(), Duration> {
        self.asked = self.asked.max(terms.concurrency);
        let most = self.most();
        if express {
            let most = most.saturating_add(EXPRESS_MORE);
            if self.under_way >= most {
                return Err(self.book_express(most, now));
            }
            self.under_way += 1;
            return Ok(());
        }
        let paused = self.paused_until.filter(|until| *until > now);
        let paced = self.next_at.filter(|at| *at > now);
        // After a pause one goes first, to see how it is.
        let most = if self.pauses > 0 { 1 } else { most };
        if paused.is_some() || paced.is_some() || self.under_way >= most {
            let from = paused.max(paced).unwrap_or(now);
            return Err(self.book(terms, from, now));
        }
        self.under_way += 1;
        // Whoever comes a little late does not make everybody behind it late.
        let from = match (self.next_at, now.checked_sub(terms.pace / 4)) {
            (Some(at), Some(late)) => at.max(late),
            _ => now,
        };
        self.next_at = Some(from + terms.pace);
        Ok(())
    }

    fn most(&self) -> u32 {
        let most = self.asked.max(1);
        self.reduced.map_or(most, |reduced| reduced.min(most))
    }

    /// The next time that is not given away, from `from` on.
    fn book(&mut self, terms: Terms, from: Instant, now: Instant) -> Duration {
        // A place is held somewhat longer than the attempt takes.
        let share = self.took * 5 / 4 / self.most();
        let share = share.clamp(SHARE_MIN, SHARE_MAX).max(terms.pace);
        let next = match self.booked_until.filter(|until| *until >= from) {
            Some(until) => until + share,
            None if from > now => from,
            None => now + share,
        };
        let next = next.min(now + PUT_OFF_MAX);
        self.booked_until = Some(next);
        next - now
    }

    fn book_express(&mut self, most: u32, now: Instant) -> Duration {
        let share = (self.took / most).clamp(SHARE_MIN, SHARE_MAX);
        let from = self.express_until.map_or(now, |until| until.max(now));
        let next = (from + share).min(now + EXPRESS_WAIT_MAX);
        self.express_until = Some(next);
        (next - now).max(EXPRESS_WAIT)
    }

    fn learn(
        &mut self,
        sign: Sign,
        (now, took): (Instant, Duration),
        random: u64,
    ) -> Option<Duration> {
        match sign {
            Sign::Nothing => None,
            Sign::Answered => {
                self.took = (self.took * 7 + took) / 8;
                let began = now.checked_sub(took);
                if self.paused_at.is_some() && began < self.paused_at {
                    return None;
                }
                (self.unanswered, self.pauses) = (0, 0);
                (self.paused_until, self.paused_at) = (None, None);
                self.answered = self.answered.saturating_add(1);
                // One more at once as soon as as many have been answered.
                if let Some(reduced) = self.reduced
                    && self.answered >= reduced
                {
                    self.answered = 0;
                    self.reduced = Some(reduced + 1).filter(|more| *more < self.asked);
                }
                None
            }
            Sign::TooMuch => {
                self.answered = 0;
                // Once for all that were under way together.
                if self.paused_until.is_none_or(|until| until <= now) {
                    self.reduced = Some((self.most() / 2).max(1));
                }
                self.pause(now, random)
            }
            Sign::Unanswered => {
                self.answered = 0;
                self.unanswered = self.unanswered.saturating_add(1);
                let is_enough = self.unanswered >= UNANSWERED_MAX || self.pauses > 0;
                is_enough.then(|| self.pause(now, random)).flatten()
            }
        }
    }

    /// How long it is spared from now on; nothing if it is already.
    fn pause(&mut self, now: Instant, random: u64) -> Option<Duration> {
        if self.paused_until.is_some_and(|until| until > now) {
            return None;
        }
        let factor = 1_u32 << self.pauses.min(10);
        let pause = PAUSE.saturating_mul(factor).min(PAUSE_MAX);
        // A quarter of it at random, so that not everybody comes back together.
        let spread = u64::try_from(pause.as_millis() / 4).unwrap_or(0).max(1);
        let pause = pause + Duration::from_millis(random % spread);
        self.pauses = self.pauses.saturating_add(1);
        (self.paused_at, self.paused_until) = (Some(now), Some(now + pause));
        Some(pause)
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;

    const TERMS: Terms = Terms {
        concurrency: 3,
        pace: Duration::ZERO,
    };
    const MS: Duration = Duration::from_millis(1);

    fn all() -> Arc<Destinations> {
        Arc::new(Destinations::default())
    }

    #[test]
    fn more_than_a_destination_takes_at_once_come_back_one_by_one() {
        let (all, now) = (all(), Instant::now());
        let places: Vec<Place> = (0..3)
            .map(|_| all.enter("a", TERMS, false, now).unwrap())
            .collect();
        let waits: Vec<Duration> = (0..4)
            .map(|_| all.enter("a", TERMS, false, now).unwrap_err())
            .collect();
        assert!(waits.is_sorted_by(|one, next| one < next), "{waits:?}");
        let share = TOOK_AT_FIRST * 5 / 4 / 3;
        assert_eq!(waits[3] - waits[2], share);
        assert!(all.enter("b", TERMS, false, now).is_ok(), "others go on");
        drop(places);
        assert!(all.enter("a", TERMS, false, now).is_ok());
    }

    #[test]
    fn an_emergency_has_places_of_its_own_and_waits_for_no_pause() {
        let (all, now) = (all(), Instant::now());
        let _ordinary: Vec<Place> = (0..3)
            .map(|_| all.enter("a", TERMS, false, now).unwrap())
            .collect();
        all.learn("a", Sign::TooMuch, (now, MS), 0).unwrap();
        assert!(all.enter("a", TERMS, false, now).is_err());
        // Reduced to one, and three are under way still.
        let waits: Vec<Duration> = (0..40)
            .map(|_| all.enter("a", TERMS, true, now).unwrap_err())
            .collect();
        assert!(waits[0] >= EXPRESS_WAIT && waits.is_sorted(), "{waits:?}");
        assert!(waits[39] > waits[0] && waits[39] <= EXPRESS_WAIT_MAX);
        drop(_ordinary);
        let express: Vec<_> = (0..EXPRESS_MORE + 1)
            .map(|_| all.enter("a", TERMS, true, now).unwrap())
            .collect();
        assert_eq!(express.len(), 3);
        assert!(all.enter("a", TERMS, true, now).is_err());
    }

    #[test]
    fn whoever_wants_less_gets_less_and_slowly_more_again() {
        let (all, now) = (all(), Instant::now());
        let terms = Terms {
            concurrency: 8,
            ..TERMS
        };
        drop(all.enter("a", terms, false, now).unwrap());
        let pause = all.learn("a", Sign::TooMuch, (now, MS), 7).unwrap();
        assert!(pause >= PAUSE && pause <= PAUSE * 5 / 4);
        // The others that were under way do not make it longer.
        assert_eq!(all.learn("a", Sign::TooMuch, (now, MS), 0), None);
        let later = now + pause;
        assert!(all.enter("a", terms, false, later - MS).is_err());
        let first = all.enter("a", terms, false, later).unwrap();
        assert!(all.enter("a", terms, false, later).is_err(), "one to see");
        drop(first);
        all.learn("a", Sign::Answered, (later, MS), 0);
        let count = |all: &Arc<Destinations>| {
            let places: Vec<_> =
                std::iter::from_fn(|| all.enter("a", terms, false, later).ok()).collect();
            places.len()
        };
        assert_eq!(count(&all), 4);
        for _ in 0..40 {
            all.learn("a", Sign::Answered, (later, MS), 0);
        }
        assert_eq!(count(&all), 8);
    }

    #[test]
    fn silence_spares_a_destination_longer_each_time() {
        let (all, mut now) = (all(), Instant::now());
        drop(all.enter("a", TERMS, false, now).unwrap());
        let silent = |now| all.learn("a", Sign::Unanswered, (now, MS), 0);
        assert_eq!((silent(now), silent(now)), (None, None));
        let mut last = Duration::ZERO;
        for _ in 0..5 {
            let pause = silent(now).unwrap();
            assert!(pause > last);
            (now, last) = (now + pause, pause);
        }
        for _ in 0..20 {
            now += silent(now).unwrap();
        }
        assert_eq!(silent(now), Some(PAUSE_MAX));
        let later = now + PAUSE_MAX * 2;
        all.learn("a", Sign::Answered, (later, MS), 0);
        assert!(all.enter("a", TERMS, false, later).is_ok());
    }

    #[test]
    fn a_pace_is_kept() {
        let (all, now) = (all(), Instant::now());
        let terms = Terms {
            concurrency: 3,
            pace: Duration::from_secs(6),
        };
        let _one = all.enter("a", terms, false, now).unwrap();
        let wait = all.enter("a", terms, false, now).unwrap_err();
        assert!(wait <= terms.pace && wait > terms.pace / 2, "{wait:?}");
        // Who comes late does not push back those behind.
        let late = Duration::from_secs(1);
        let _two = all.enter("a", terms, false, now + wait + late).unwrap();
        let third = all.enter("a", terms, false, now + wait + late * 2);
        assert!(third.unwrap_err() < terms.pace);
        // What was not begun costs no turn.
        let _three = all.enter("a", terms, false, now + terms.pace * 3).unwrap();
        drop(_two);
        let unused = all.enter("a", terms, false, now + terms.pace * 5).unwrap();
        unused.unused(terms);
        assert!(all.enter("a", terms, false, now + terms.pace * 5).is_ok());
    }

    #[test]
    fn a_pace_outlasts_many_other_destinations() {
        let (all, now) = (all(), Instant::now());
        let terms = Terms {
            concurrency: 3,
            pace: Duration::from_secs(60),
        };
        drop(all.enter("slow", terms, false, now).unwrap());
        for number in 0..DESTINATIONS_MAX {
            drop(all.enter(&format!("d{number}"), TERMS, false, now));
        }
        let later = now + Duration::from_secs(10);
        assert!(all.enter("slow", terms, false, later).is_err());
    }

    #[test]
    fn what_was_under_way_before_ends_no_pause() {
        let (all, now) = (all(), Instant::now());
        let _first = all.enter("a", TERMS, false, now).unwrap();
        let pause = all.learn("a", Sign::TooMuch, (now + MS, MS), 0).unwrap();
        let soon = now + MS * 5;
        all.learn("a", Sign::Answered, (soon, MS * 5), 0);
        assert!(all.enter("a", TERMS, false, soon).is_err(), "still spared");
        all.learn("a", Sign::Answered, (now + pause * 2, MS), 0);
        let _one_more = all.enter("a", TERMS, false, now + pause * 2).unwrap();
        assert!(all.enter("a", TERMS, false, now + pause * 2).is_err());
    }

    #[test]
    fn who_may_ask_for_little_takes_nothing_from_who_may_ask_for_much() {
        let (all, now) = (all(), Instant::now());
        let of = |concurrency| Terms {
            concurrency,
            ..TERMS
        };
        let _many: Vec<Place> = (0..20)
            .map(|_| all.enter("site", of(20), false, now).unwrap())
            .collect();
        assert!(
            all.enter("site", of(5), false, now).is_err(),
            "all are taken"
        );
        drop(_many);
        let _one = all.enter("site", of(20), false, now).unwrap();
        let _other = all.enter("site", of(1), false, now).unwrap();
    }

    #[test]
    fn what_is_remembered_is_bounded() {
        let (all, now) = (all(), Instant::now());
        let kept = all.enter("kept", TERMS, false, now).unwrap();
        for number in 0..DESTINATIONS_MAX * 2 {
            drop(all.enter(&format!("d{number}"), TERMS, false, now));
        }
        assert!(all.lock().len() <= DESTINATIONS_MAX);
        assert!(all.lock().contains_key("kept"));
        // Also when all are spared, as they are where our own network is down.
        for number in 0..DESTINATIONS_MAX * 2 {
            let key = format!("p{number}");
            drop(all.enter(&key, TERMS, false, now));
            all.learn(&key, Sign::TooMuch, (now, MS), 0);
        }
        assert!(all.lock().len() <= DESTINATIONS_MAX);
        assert!(all.lock().contains_key("kept"));
        drop(kept);
    }
}
