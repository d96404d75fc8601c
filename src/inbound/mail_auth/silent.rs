//! Name servers of strangers that say nothing: each question has its time, and what nobody answered
//! is not waited for again for some minutes.

use std::collections::HashMap;
use std::future::Future;
use std::pin::pin;
use std::sync::{Mutex, PoisonError};
use std::time::{Duration, Instant};

use tokio::time::timeout;

/// How long nobody is asked again.
pub(super) const SILENT_FOR: Duration = Duration::from_secs(5 * 60);
/// Most questions remembered.
const SILENT_MAX: usize = 4096;
/// Longest name that is remembered, in octets: what is longer is in no DNS (RFC 1035 section 2.3.4).
const NAME_SIZE_MAX_BYTES: usize = 300;
/// What comes within this part of the time is no answer of somebody who is silent.
const SOON_PART: u32 = 5;

/// How a question ended.
#[derive(Debug)]
pub(super) struct Asked<T> {
    /// What was said; none where nobody said anything in time.
    pub(super) said: Option<T>,
    /// It was waited for.
    pub(super) is_slow: bool,
}

/// What nobody answered lately.
#[derive(Debug)]
pub(super) struct Silent {
    /// How long an answer is waited for.
    patience: Duration,
    until: Mutex<HashMap<String, Instant>>,
}

impl Silent {
    /// Nothing yet.
    pub(super) fn new(patience: Duration) -> Self {
        Self {
            patience,
            until: Mutex::default(),
        }
    }

    /// Waits for an answer.
    pub(super) async fn ask<T>(&self, question: impl Future<Output = T>) -> Asked<T> {
        let mut question = pin!(question);
        let soon = self.patience / SOON_PART;
        if let Ok(said) = timeout(soon, question.as_mut()).await {
            return Asked {
                said: Some(said),
                is_slow: false,
            };
        }
        let rest = self.patience.saturating_sub(soon);
        Asked {
            said: timeout(rest, question).await.ok(),
            is_slow: true,
        }
    }

    /// Whether nobody is to be asked this at `now`.
    pub(super) fn has(&self, name: &str, now: Instant) -> bool {
        let known = self.until.lock().unwrap_or_else(PoisonError::into_inner);
        known
            .get(&name.to_ascii_lowercase())
            .is_some_and(|until| now < *until)
    }

    /// Nobody answered this.
    pub(super) fn remember(&self, name: &str, now: Instant) {
        let Some(until) = now.checked_add(SILENT_FOR) else {
            return;
        };
        if name.len() > NAME_SIZE_MAX_BYTES {
            return;
        }
        let mut known = self.until.lock().unwrap_or_else(PoisonError::into_inner);
        if known.len() >= SILENT_MAX {
            known.retain(|_, until| now < *until);
        }
        if known.len() >= SILENT_MAX {
            let first = known.iter().min_by_key(|(_, until)| **until);
            if let Some(first) = first.map(|(name, _)| name.clone()) {
                known.remove(&first);
            }
        }
        known.insert(name.to_ascii_lowercase(), until);
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;

    const PATIENCE: Duration = Duration::from_secs(5);

    #[test]
    fn what_nobody_answered_is_not_asked_for_some_minutes() {
        let (silent, now) = (Silent::new(PATIENCE), Instant::now());
        assert!(!silent.has("spf town.example", now));
        silent.remember("spf town.example", now);
        let later = |span| now.checked_add(span).unwrap();
        let last = later(SILENT_FOR - Duration::from_millis(1));
        assert!(silent.has("spf Town.example", last));
        assert!(!silent.has("spf town.example", later(SILENT_FOR)));
        assert!(!silent.has("dmarc town.example", now));
    }

    #[test]
    fn strangers_do_not_fill_the_memory() {
        let (silent, now) = (Silent::new(PATIENCE), Instant::now());
        for number in 0..SILENT_MAX + 10 {
            let step = Duration::from_millis(u64::try_from(number).unwrap());
            let at = now.checked_add(step).unwrap();
            silent.remember(&format!("spf {number}.example"), at);
        }
        let count = |silent: &Silent| silent.until.lock().unwrap().len();
        assert_eq!(count(&silent), SILENT_MAX);
        assert!(!silent.has("spf 9.example", now));
        assert!(silent.has("spf 10.example", now));
        // What is over makes room first.
        let over = now.checked_add(SILENT_FOR * 2).unwrap();
        silent.remember("spf last.example", over);
        assert_eq!(count(&silent), 1);
        silent.remember(&"x".repeat(NAME_SIZE_MAX_BYTES + 1), over);
        assert_eq!(count(&silent), 1);
    }

    #[tokio::test(start_paused = true)]
    async fn a_question_has_its_time() {
        let silent = Silent::new(PATIENCE);
        let soon = silent.ask(async { 1 }).await;
        assert_eq!((soon.said, soon.is_slow), (Some(1), false));
        let late = async {
            tokio::time::sleep(Duration::from_secs(4)).await;
            2
        };
        let late = silent.ask(late).await;
        assert_eq!((late.said, late.is_slow), (Some(2), true));
        let never = silent.ask(std::future::pending::<()>()).await;
        assert_eq!((never.said, never.is_slow), (None, true));
    }
}
