//! Wall time, monotonic time and randomness, handed in to whoever needs them.
//!
//! Nothing outside this file asks the operating system for the time or for
//! random bytes: the daemon hands out [`SystemClock`] and
//! [`Randomness::from_os`], tests and the simulation hand out
//! [`VirtualClock`] and [`Randomness::seeded`], and one seed replays a run.

mod apart;

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

use rand::rngs::StdRng;
use rand::{RngCore, SeedableRng, TryRngCore};
use uuid::Uuid;

use crate::domain::Timestamp;

pub use apart::{NotDone, apart};

/// Where the time comes from.
pub trait Clock: Send + Sync + std::fmt::Debug {
    /// The time of day, for whatever is shown, stored or compared across restarts.
    /// It may jump when the machine's clock is set.
    fn wall(&self) -> Timestamp;

    /// Time that only goes forward, for timeouts and pacing within one run.
    /// It runs with `tokio::time`, so a deadline computed from it can be slept on.
    fn monotonic(&self) -> Instant;
}

/// A clock that many tasks hold.
pub type SharedClock = Arc<dyn Clock>;

/// The machine's own clocks.
#[derive(Debug, Clone, Copy, Default)]
pub struct SystemClock;

impl SystemClock {
    /// A shared handle to the machine's clocks.
    #[must_use]
    pub fn shared() -> SharedClock {
        Arc::new(SystemClock)
    }
}

impl Clock for SystemClock {
    fn wall(&self) -> Timestamp {
        // A machine set before 1970 reads as 1970: nothing here depends on negative times.
        let since_epoch = SystemTime::now()
            .duration_since(UNIX_EPOCH)
            .unwrap_or_default();
        Timestamp::from_millis(millis(since_epoch))
    }

    fn monotonic(&self) -> Instant {
        tokio::time::Instant::now().into_std()
    }
}

/// A clock that stands still until it is moved, or that moves with tokio's
/// paused time.
#[derive(Debug)]
pub struct VirtualClock {
    /// Follow `tokio::time` (which a test may have paused), or stand still.
    follows_tokio: bool,
    origin: Instant,
    state: Mutex<VirtualState>,
}

#[derive(Debug)]
struct VirtualState {
    wall_at_origin: Timestamp,
    advanced: Duration,
}

impl VirtualClock {
    /// A clock that shows `start` until [`VirtualClock::advance`] moves it.
    #[must_use]
    pub fn standing(start: Timestamp) -> Arc<VirtualClock> {
        Arc::new(VirtualClock::new(start, false))
    }

    /// A clock that shows `start` now and then moves with `tokio::time`:
    /// under `#[tokio::test(start_paused = true)]` a sleep of one hour moves it
    /// by one hour and takes no time.
    #[must_use]
    pub fn with_tokio(start: Timestamp) -> Arc<VirtualClock> {
        Arc::new(VirtualClock::new(start, true))
    }

    fn new(start: Timestamp, follows_tokio: bool) -> VirtualClock {
        VirtualClock {
            follows_tokio,
            origin: tokio::time::Instant::now().into_std(),
            state: Mutex::new(VirtualState {
                wall_at_origin: start,
                advanced: Duration::ZERO,
            }),
        }
    }

    /// Moves wall and monotonic time forward together.
    pub fn advance(&self, by: Duration) {
        let mut state = lock(&self.state);
        state.advanced = state.advanced.saturating_add(by);
    }

    /// Sets the time of day, forwards or backwards, as an operator or NTP would;
    /// monotonic time is not touched.
    pub fn set_wall(&self, now: Timestamp) {
        let mut state = lock(&self.state);
        let elapsed = millis(self.elapsed(&state));
        state.wall_at_origin = Timestamp::from_millis(now.as_millis().saturating_sub(elapsed));
    }

    fn elapsed(&self, state: &VirtualState) -> Duration {
        let followed = if self.follows_tokio {
            tokio::time::Instant::now()
                .into_std()
                .saturating_duration_since(self.origin)
        } else {
            Duration::ZERO
        };
        followed.saturating_add(state.advanced)
    }
}

impl Clock for VirtualClock {
    fn wall(&self) -> Timestamp {
        let state = lock(&self.state);
        let elapsed = millis(self.elapsed(&state));
        Timestamp::from_millis(state.wall_at_origin.as_millis().saturating_add(elapsed))
    }

    fn monotonic(&self) -> Instant {
        let state = lock(&self.state);
        self.origin
            .checked_add(self.elapsed(&state))
            .unwrap_or(self.origin)
    }
}

/// Random bytes and identifiers; clones share one stream.
///
/// The generator is cryptographically strong (ChaCha), so that tokens and
/// salts may come from [`Randomness::from_os`]. A seeded one is for tests.
#[derive(Clone)]
pub struct Randomness {
    state: Arc<Mutex<RandomState>>,
}

struct RandomState {
    rng: StdRng,
    /// Millisecond and counter of the last UUIDv7, so that ids made in one
    /// millisecond still sort in the order in which they were made.
    last_uuid: (u64, u16),
}

/// rand_a of a UUIDv7 has 12 bits (RFC 9562 §5.7); we count in it (§6.2, method 1).
const UUID_COUNTER_MAX: u16 = 0x0fff;
/// A new millisecond starts the counter at random in its lower quarter, which
/// leaves room for more than 3,000 ids before a millisecond has to be borrowed.
const UUID_COUNTER_START_MASK: u16 = 0x03ff;

impl Randomness {
    /// Seeded by the operating system.
    ///
    /// # Errors
    /// When the operating system has no random bytes to give.
    pub fn from_os() -> Result<Randomness, std::io::Error> {
        let mut seed = [0u8; 32];
        rand::rngs::OsRng
            .try_fill_bytes(&mut seed)
            .map_err(std::io::Error::other)?;
        Ok(Randomness::with(StdRng::from_seed(seed)))
    }

    /// Seeded by a number: the same seed gives the same bytes in the same order.
    #[must_use]
    pub fn seeded(seed: u64) -> Randomness {
        Randomness::with(StdRng::seed_from_u64(seed))
    }

    fn with(rng: StdRng) -> Randomness {
        Randomness {
            state: Arc::new(Mutex::new(RandomState {
                rng,
                last_uuid: (0, 0),
            })),
        }
    }

    /// An independent stream whose seed is drawn from this one, for a task that
    /// must not disturb the order in which others draw.
    #[must_use]
    pub fn fork(&self) -> Randomness {
        let mut seed = [0u8; 32];
        self.fill_bytes(&mut seed);
        Randomness::with(StdRng::from_seed(seed))
    }

    /// Fills `bytes`.
    pub fn fill_bytes(&self, bytes: &mut [u8]) {
        lock(&self.state).rng.fill_bytes(bytes);
    }

    /// `N` random bytes.
    #[must_use]
    pub fn bytes<const N: usize>(&self) -> [u8; N] {
        let mut bytes = [0u8; N];
        self.fill_bytes(&mut bytes);
        bytes
    }

    /// A number from the whole range of `u64`.
    #[must_use]
    pub fn next_u64(&self) -> u64 {
        lock(&self.state).rng.next_u64()
    }

    /// A number below `bound`; 0 when `bound` is 0. The bias is below 2⁻⁶⁴ · bound.
    #[must_use]
    pub fn below(&self, bound: u64) -> u64 {
        let wide = u128::from(self.next_u64()) * u128::from(bound);
        (wide >> 64) as u64
    }

    /// `base`, moved at random by at most `percent` of it in either direction.
    #[must_use]
    pub fn jitter(&self, base: Duration, percent: u8) -> Duration {
        let base_ms = millis(base);
        let spread = base_ms.saturating_mul(u64::from(percent.min(100))) / 100;
        let low = base_ms - spread;
        Duration::from_millis(
            low.saturating_add(self.below(spread.saturating_mul(2).saturating_add(1))),
        )
    }

    /// A UUIDv7 (RFC 9562 §5.7) for `now`. Ids from one stream sort in the order
    /// in which they were made, even within a millisecond and when the wall
    /// clock is set back.
    #[must_use]
    pub fn uuid_v7(&self, now: Timestamp) -> Uuid {
        let mut state = lock(&self.state);
        let mut random = [0u8; 10];
        state.rng.fill_bytes(&mut random);
        let (last_ms, last_counter) = state.last_uuid;
        let start = u16::from_be_bytes([random[0], random[1]]) & UUID_COUNTER_START_MASK;
        let (ms, counter) = match now.as_millis() {
            now_ms if now_ms > last_ms => (now_ms, start),
            _ if last_counter < UUID_COUNTER_MAX => (last_ms, last_counter + 1),
            _ => (last_ms + 1, start),
        };
        state.last_uuid = (ms, counter);
        random[..2].copy_from_slice(&counter.to_be_bytes());
        uuid::Builder::from_unix_timestamp_millis(ms, &random).into_uuid()
    }
}

impl std::fmt::Debug for Randomness {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Randomness")
    }
}

fn millis(duration: Duration) -> u64 {
    u64::try_from(duration.as_millis()).unwrap_or(u64::MAX)
}

/// State behind these locks is whole between any two statements, so a
/// panicking holder leaves nothing half done.
fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

#[cfg(test)]
mod tests {
    use super::*;

    const START: u64 = 1_800_000_000_000;

    #[test]
    fn a_standing_clock_moves_only_when_told() {
        let clock = VirtualClock::standing(Timestamp::from_millis(START));
        let before = clock.monotonic();
        assert_eq!(clock.wall().as_millis(), START);
        clock.advance(Duration::from_secs(60));
        assert_eq!(clock.wall().as_millis(), START + 60_000);
        assert_eq!(clock.monotonic() - before, Duration::from_secs(60));
    }

    #[test]
    fn setting_the_wall_leaves_monotonic_time_alone() {
        let clock = VirtualClock::standing(Timestamp::from_millis(START));
        clock.advance(Duration::from_secs(5));
        let before = clock.monotonic();
        clock.set_wall(Timestamp::from_millis(START - 3_600_000));
        assert_eq!(clock.wall().as_millis(), START - 3_600_000);
        assert_eq!(clock.monotonic(), before);
    }

    #[tokio::test(start_paused = true)]
    async fn a_following_clock_moves_with_tokio() {
        let clock = VirtualClock::with_tokio(Timestamp::from_millis(START));
        let before = clock.monotonic();
        tokio::time::sleep(Duration::from_secs(3600)).await;
        assert_eq!(clock.monotonic() - before, Duration::from_secs(3600));
        assert_eq!(clock.wall().as_millis(), START + 3_600_000);
    }

    #[test]
    fn one_seed_gives_one_stream() {
        let (a, b, c) = (
            Randomness::seeded(7),
            Randomness::seeded(7),
            Randomness::seeded(8),
        );
        let first: [u8; 32] = a.bytes();
        assert_eq!(first, b.bytes::<32>());
        assert_ne!(first, c.bytes::<32>());
        let now = Timestamp::from_millis(START);
        assert_eq!(a.uuid_v7(now), b.uuid_v7(now));
        assert_eq!(a.fork().next_u64(), b.fork().next_u64());
    }

    #[test]
    fn ids_sort_as_they_were_made_even_when_the_clock_is_set_back() {
        let random = Randomness::seeded(1);
        let mut last = Uuid::nil();
        for n in 0..20_000u64 {
            let now = if n == 10_000 {
                START - 1000
            } else {
                START + n / 9000
            };
            let id = random.uuid_v7(Timestamp::from_millis(now));
            assert!(id > last, "{id} came after {last}");
            assert_eq!(
                (id.get_version_num(), id.get_variant()),
                (7, uuid::Variant::RFC4122)
            );
            last = id;
        }
    }

    #[test]
    fn jitter_and_below_stay_within_their_bounds() {
        let random = Randomness::seeded(3);
        let base = Duration::from_secs(100);
        let drawn: Vec<Duration> = (0..1000).map(|_| random.jitter(base, 20)).collect();
        assert!(drawn.iter().all(|d| (80..=120).contains(&d.as_secs())));
        assert!(drawn.iter().any(|d| d.as_secs() < 90) && drawn.iter().any(|d| d.as_secs() > 110));
        assert_eq!(random.jitter(Duration::ZERO, 50), Duration::ZERO);
        assert!((0..1000).all(|_| random.below(3) < 3));
        assert_eq!(random.below(0), 0);
    }
}
