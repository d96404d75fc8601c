//! When a failure suspends a method.

use std::time::Duration;

use super::ids::DeliveryId;
use super::method::{Method, MethodState, SOFT_FAILURES_MAX, Suspension};
use super::timestamp::Timestamp;
use super::verdict::{Suspends, Verdict};

/// How many temporary failures of the recipient's side, within which window, suspend a method.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct SuspensionPolicy {
    /// Temporary failures that suspend.
    pub soft_failures: usize,
    /// Window in which they are counted.
    pub window: Duration,
}

impl Default for SuspensionPolicy {
    fn default() -> Self {
        Self {
            soft_failures: 5,
            window: Duration::from_secs(14 * 24 * 3600),
        }
    }
}

/// Lets a failure count against a method. Returns whether it has just been suspended.
pub fn count_failure(
    method: &mut Method,
    delivery: DeliveryId,
    verdict: &Verdict,
    now: Timestamp,
    policy: SuspensionPolicy,
) -> bool {
    let enough = match verdict.suspends() {
        Suspends::Never => return false,
        Suspends::AtOnce => true,
        Suspends::AfterRepeats => {
            let oldest = now.minus(policy.window);
            method.soft_failures.retain(|at| *at >= oldest);
            if method.soft_failures.len() == SOFT_FAILURES_MAX {
                method.soft_failures.remove(0);
            }
            method.soft_failures.push(now);
            method.soft_failures.len() >= policy.soft_failures
        }
    };
    if !enough || !method.state.is_usable() {
        return false;
    }
    method.state = MethodState::Suspended;
    method.suspensions = method.suspensions.saturating_add(1);
    method.suspension = Some(Suspension {
        at: now,
        delivery,
        verdict: verdict.clone(),
    });
    true
}

/// Puts a suspended method to use again. Returns whether it was suspended.
pub fn reinstate(method: &mut Method) -> bool {
    if method.state != MethodState::Suspended {
        return false;
    }
    method.state = MethodState::Active;
    method.suspension = None;
    method.soft_failures.clear();
    true
}
