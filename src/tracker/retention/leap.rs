//! Whether the clock can be trusted with what cannot be undone.

use std::time::Duration;

use super::{Tracker, TrackerError};
use crate::domain::Timestamp;
use crate::store::{Batch, keys};

/// A clock that is further ahead than this of the last look has leapt: nobody was here, or it is
/// wrong.
const LEAP: Duration = Duration::from_secs(45 * 24 * 3600);
/// How long nothing goes by itself after a leap: time for somebody to see it.
const DOUBT: Duration = Duration::from_secs(7 * 24 * 3600);
/// Name under which the time of the last look is kept, and behind it since when it is doubted.
const LOOKED: &str = "retention-looked";

impl Tracker {
    /// Whether what is due may go by itself now. Not for a week after the clock has leapt, by a
    /// month and a half or backwards: a wrong year would take what the law asks to be kept. An
    /// operator who knows better deletes by hand. To be asked once a day.
    ///
    /// # Errors
    /// When the store fails.
    pub async fn may_expire_alone(&self) -> Result<bool, TrackerError> {
        let now = self.clock.wall();
        let known = self.repo.setting(LOOKED)?;
        let (last, doubted) = known.as_deref().map_or((None, None), read);
        let doubted = match last {
            Some(last) if now > last.plus(LEAP) || now < last => Some(now),
            Some(_) | None => doubted.filter(|since| now < since.plus(DOUBT)),
        };
        let mut value = now.as_millis().to_be_bytes().to_vec();
        value.extend(doubted.iter().flat_map(|at| at.as_millis().to_be_bytes()));
        let mut batch = Batch::new();
        batch.put(keys::setting(LOOKED), value);
        batch.upkeep();
        self.repo.store().commit(batch).await?;
        Ok(doubted.is_none())
    }
}

fn read(value: &[u8]) -> (Option<Timestamp>, Option<Timestamp>) {
    let mut times = value.chunks_exact(8).map(|bytes| {
        let millis = bytes
            .iter()
            .fold(0, |sum, byte| sum << 8 | u64::from(*byte));
        Timestamp::from_millis(millis)
    });
    (times.next(), times.next())
}
