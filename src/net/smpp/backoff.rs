//! When a bind is tried again.

use std::time::Duration;

use rand::rngs::StdRng;
use rand::{Rng, SeedableRng};

use crate::proto::smpp::CommandStatus;

/// First wait after a refused login; it doubles. Somebody has to mend the account first, and
/// centres lock accounts that are tried too often.
pub const REFUSED_DELAY_MIN: Duration = Duration::from_secs(5 * 60);

/// Longest such wait, but for the jitter.
pub const REFUSED_DELAY_MAX: Duration = Duration::from_secs(3600);

/// So often in a row a refusal that may pass is tried again soon: "already bound" is taken for a
/// connection of our own that the centre has not missed yet, and a code of the centre's own for
/// what it gets over. Then somebody has to look.
const UNCERTAIN_MAX: u32 = 10;

/// A bind that ends sooner is no success: a centre that takes a bind and drops it at once is not to
/// be asked at the quickest pace for ever.
pub(super) const SETTLED_AFTER: Duration = Duration::from_secs(10);

/// Why a centre does not let us bind, where trying again soon will not help.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum BindRefusal {
    /// `ESME_RINVPASWD`.
    WrongPassword,
    /// `ESME_RINVSYSID`.
    UnknownSystemId,
    /// `ESME_RINVSYSTYP`.
    WrongSystemType,
    /// `ESME_RBINDFAIL`: not allowed from here, not now, or not this kind of bind.
    BindFailed,
    /// `ESME_RALYBND`, again and again.
    AlreadyBound,
    /// Another status that does not say that it passes, again and again.
    Other,
}

impl BindRefusal {
    /// What a status means for a bind; none for those that pass.
    pub fn of(status: CommandStatus) -> Option<Self> {
        match status {
            CommandStatus::RINVPASWD => Some(Self::WrongPassword),
            CommandStatus::RINVSYSID => Some(Self::UnknownSystemId),
            CommandStatus::RINVSYSTYP => Some(Self::WrongSystemType),
            CommandStatus::RBINDFAIL => Some(Self::BindFailed),
            CommandStatus::RALYBND => Some(Self::AlreadyBound),
            CommandStatus::ROK
            | CommandStatus::RSYSERR
            | CommandStatus::RX_T_APPN
            | CommandStatus::RMSGQFUL
            | CommandStatus::RTHROTTLED => None,
            _ => Some(Self::Other),
        }
    }

    /// It may pass by itself, if it is not said again and again.
    fn is_uncertain(self) -> bool {
        match self {
            Self::AlreadyBound | Self::Other => true,
            Self::WrongPassword
            | Self::UnknownSystemId
            | Self::WrongSystemType
            | Self::BindFailed => false,
        }
    }

    /// For logs and the console.
    pub fn words(self) -> &'static str {
        match self {
            Self::WrongPassword => "the password is wrong",
            Self::UnknownSystemId => "the system id is not known",
            Self::WrongSystemType => "the system type is wrong",
            Self::BindFailed => "the account may not bind",
            Self::AlreadyBound => "the account is bound elsewhere",
            Self::Other => "the message centre does not take the bind",
        }
    }
}

/// How one connection ended, as far as the next is concerned.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Outcome {
    /// It had been bound.
    WasBound,
    /// It had been bound for less than [`SETTLED_AFTER`].
    Dropped,
    /// There was no connection, or it ended before it was bound.
    Failed,
    /// The centre said no.
    Refused(CommandStatus),
}

/// Counts failures in a row.
#[derive(Debug)]
pub(super) struct Backoff {
    first: Duration,
    most: Duration,
    jitter: StdRng,
    failures: u32,
    refusals: u32,
    uncertain: u32,
}

impl Backoff {
    pub(super) fn new(first: Duration, most: Duration, jitter_seed: u64) -> Self {
        Self {
            first,
            most,
            jitter: StdRng::seed_from_u64(jitter_seed),
            failures: 0,
            refusals: 0,
            uncertain: 0,
        }
    }

    /// How long to wait, and whether the login was refused.
    ///
    /// Exponential, with up to half taken off at random so that many binds do not come back
    /// together. After a refused login never less than [`REFUSED_DELAY_MIN`].
    pub(super) fn after(&mut self, outcome: Outcome) -> (Duration, Option<BindRefusal>) {
        let refusal = match outcome {
            Outcome::Refused(status) => BindRefusal::of(status),
            Outcome::WasBound | Outcome::Dropped | Outcome::Failed => None,
        };
        let is_uncertain = refusal.is_some_and(BindRefusal::is_uncertain);
        self.uncertain = match is_uncertain {
            true => self.uncertain.saturating_add(1),
            false => 0,
        };
        let may_pass = is_uncertain && self.uncertain <= UNCERTAIN_MAX;
        if outcome == Outcome::WasBound {
            (self.failures, self.refusals) = (0, 0);
        } else {
            self.failures = self.failures.saturating_add(1);
        }
        match refusal.filter(|_| !may_pass) {
            Some(refusal) => {
                let delay = doubled(REFUSED_DELAY_MIN, self.refusals, REFUSED_DELAY_MAX);
                self.refusals = self.refusals.saturating_add(1);
                let delay = delay.mul_f64(self.jitter.random_range(1.0..=1.1));
                (delay, Some(refusal))
            }
            None => {
                let delay = doubled(self.first, self.failures, self.most);
                (delay.mul_f64(self.jitter.random_range(0.5..=1.0)), None)
            }
        }
    }
}

fn doubled(first: Duration, times: u32, most: Duration) -> Duration {
    first.saturating_mul(1 << times.min(16)).min(most)
}

#[cfg(test)]
mod tests {
    use super::*;

    const SECOND: Duration = Duration::from_secs(1);

    fn backoff() -> Backoff {
        Backoff::new(SECOND, 60 * SECOND, 7)
    }

    /// The waits of as many outcomes lie within these, in seconds.
    fn check(backoff: &mut Backoff, outcome: Outcome, spans: &[(u64, u64)]) {
        for (least, most) in spans {
            let (delay, _) = backoff.after(outcome);
            let span = Duration::from_secs(*least)..=Duration::from_secs(*most);
            assert!(span.contains(&delay), "{outcome:?}: {delay:?} in {span:?}");
        }
    }

    #[test]
    fn a_refused_login_is_tried_at_the_slowest_pace_alone() {
        for status in [
            CommandStatus::RINVPASWD,
            CommandStatus::RINVSYSID,
            CommandStatus::RINVSYSTYP,
            CommandStatus::RBINDFAIL,
        ] {
            let mut backoff = backoff();
            let refused = Outcome::Refused(status);
            let spans = [300, 600, 1200, 2400, 3600, 3600].map(|least| (least, least + least / 10));
            check(&mut backoff, refused, &spans);
            assert_eq!(backoff.after(refused).1, BindRefusal::of(status));
            // A network that fails meanwhile does not make it any faster.
            check(&mut backoff, Outcome::Failed, &[(30, 60)]);
            check(&mut backoff, refused, &[(3600, 3960)]);
            assert_eq!(backoff.after(Outcome::WasBound).1, None);
            check(&mut backoff, refused, &[(300, 330)]);
        }
    }

    #[test]
    fn what_passes_is_tried_again_soon() {
        for outcome in [
            Outcome::Failed,
            Outcome::Refused(CommandStatus::RSYSERR),
            Outcome::Refused(CommandStatus::RTHROTTLED),
        ] {
            let mut backoff = backoff();
            check(
                &mut backoff,
                outcome,
                &[
                    (1, 2),
                    (2, 4),
                    (4, 8),
                    (8, 16),
                    (16, 32),
                    (30, 60),
                    (30, 60),
                ],
            );
            assert_eq!(backoff.after(outcome).1, None);
            assert!(backoff.after(Outcome::WasBound).0 <= SECOND);
        }
    }

    #[test]
    fn a_refusal_that_may_pass_is_waited_out_and_not_for_ever() {
        for (status, told) in [
            // A bind of our own that the centre still holds.
            (CommandStatus::RALYBND, BindRefusal::AlreadyBound),
            (CommandStatus::RINVCMDID, BindRefusal::Other),
            (CommandStatus(0x0000_0413), BindRefusal::Other),
        ] {
            let mut backoff = backoff();
            let refused = Outcome::Refused(status);
            for _ in 0..UNCERTAIN_MAX {
                let (delay, refusal) = backoff.after(refused);
                assert!(delay <= 60 * SECOND);
                assert_eq!(refusal, None);
            }
            let (delay, refusal) = backoff.after(refused);
            assert_eq!(refusal, Some(told));
            assert!(delay >= REFUSED_DELAY_MIN);
        }
    }

    #[test]
    fn a_centre_that_drops_each_bind_at_once_is_asked_less_and_less() {
        let mut backoff = backoff();
        let spans = [
            (1, 2),
            (2, 4),
            (4, 8),
            (8, 16),
            (16, 32),
            (30, 60),
            (30, 60),
        ];
        check(&mut backoff, Outcome::Dropped, &spans);
        assert!(backoff.after(Outcome::WasBound).0 <= SECOND);
    }
}
