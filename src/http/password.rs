//! Passwords: Argon2id (RFC 9106), computed off the async threads and few at a time.

use std::sync::{Arc, LazyLock};

use argon2::Argon2;
use argon2::password_hash::{PasswordHash, PasswordHasher, PasswordVerifier, SaltString};
use tokio::sync::Semaphore;

use crate::clock::Randomness;
use crate::domain::Role;
use crate::domain::scram::{SCRAM_ITERATIONS, SCRAM_SALT_BYTES, ScramVerifier};

/// Most computations at a time: each takes 19 MiB and a core.
const CHECKS_AT_ONCE_MAX: usize = 2;
/// Most logins waiting for their turn; more are turned away.
const CHECKS_WAITING_MAX: usize = 64;
/// A hash that no password matches, so that an unknown login takes as long as a known one.
static NOBODY: LazyLock<String> = LazyLock::new(|| {
    let salt = SaltString::encode_b64(b"tocsin-nobody-16").ok();
    let hash = salt.and_then(|salt| {
        Argon2::default()
            .hash_password(b"", &salt)
            .ok()
            .map(|hash| hash.to_string())
    });
    hash.unwrap_or_default()
});

/// What is kept of a password: of an application's what it can log in with by SCRAM (RFC 5803), of
/// others its hash in PHC string form. None only if the library refuses the salt.
#[must_use]
pub fn hash_password(password: &str, role: Role, random: &Randomness) -> Option<String> {
    if !role.is_staff() {
        let salt = random.bytes::<SCRAM_SALT_BYTES>();
        return Some(ScramVerifier::derive(password, &salt, SCRAM_ITERATIONS).to_string());
    }
    let salt = SaltString::encode_b64(&random.bytes::<16>()).ok()?;
    let hash = Argon2::default()
        .hash_password(password.as_bytes(), &salt)
        .ok()?;
    Some(hash.to_string())
}

/// Lets few logins compute at a time.
#[derive(Clone, Debug)]
pub(crate) struct PasswordGate {
    running: Arc<Semaphore>,
    waiting: Arc<Semaphore>,
}

/// Too many logins wait already.
#[derive(Debug)]
pub(crate) struct GateFull;

impl PasswordGate {
    pub(crate) fn new() -> Self {
        Self {
            running: Arc::new(Semaphore::new(CHECKS_AT_ONCE_MAX)),
            waiting: Arc::new(Semaphore::new(CHECKS_WAITING_MAX)),
        }
    }

    /// Whether the password goes with the hash; the same work when there is no hash.
    pub(crate) async fn check(
        &self,
        password: String,
        hash: Option<String>,
    ) -> Result<bool, GateFull> {
        let check = move || {
            let known = hash.is_some();
            let hash = hash.unwrap_or_else(|| NOBODY.clone());
            verify(&password, &hash) && known
        };
        Ok(self.in_turn(check).await?.unwrap_or(false))
    }

    /// The hash of a new password, computed in turn with the checks.
    pub(crate) async fn hash(
        &self,
        password: String,
        role: Role,
        random: Randomness,
    ) -> Result<Option<String>, GateFull> {
        let hash = self.in_turn(move || hash_password(&password, role, &random));
        Ok(hash.await?.flatten())
    }

    /// Computes in turn; none when that failed. The turn lasts as long as the computation, also
    /// when whoever asked has gone away meanwhile.
    async fn in_turn<T: Send + 'static>(
        &self,
        compute: impl FnOnce() -> T + Send + 'static,
    ) -> Result<Option<T>, GateFull> {
        let waiting = Arc::clone(&self.waiting);
        let place = waiting.try_acquire_owned().map_err(|_| GateFull)?;
        let running = Arc::clone(&self.running);
        let turn = running.acquire_owned().await.map_err(|_| GateFull)?;
        let task = tokio::task::spawn_blocking(move || {
            let _held = (place, turn);
            compute()
        });
        Ok(task.await.ok())
    }
}

fn verify(password: &str, hash: &str) -> bool {
    if let Some(verifier) = ScramVerifier::parse(hash) {
        return verifier.is_of(password);
    }
    PasswordHash::new(hash).is_ok_and(|hash| {
        Argon2::default()
            .verify_password(password.as_bytes(), &hash)
            .is_ok()
    })
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn takes_the_right_password_only() {
        let random = Randomness::seeded(1);
        let hash = hash_password("correct horse", Role::Operator, &random).unwrap();
        assert!(hash.starts_with("$argon2id$"));
        let gate = PasswordGate::new();
        assert!(
            gate.check("correct horse".into(), Some(hash.clone()))
                .await
                .unwrap()
        );
        assert!(!gate.check("wrong horse".into(), Some(hash)).await.unwrap());
        assert!(!gate.check(String::new(), None).await.unwrap());
        assert!(NOBODY.starts_with("$argon2id$"));
    }

    #[tokio::test]
    async fn an_application_that_became_an_operator_goes_on_with_its_password() {
        let random = Randomness::seeded(1);
        let kept = hash_password("correct horse", Role::Application, &random).unwrap();
        assert!(kept.starts_with("SCRAM-SHA-256$65536:"));
        let gate = PasswordGate::new();
        for (password, expected) in [("correct horse", true), ("wrong horse", false)] {
            let checked = gate.check(password.into(), Some(kept.clone())).await;
            assert_eq!(checked.unwrap(), expected);
        }
    }

    #[tokio::test]
    async fn whoever_goes_away_gives_no_turn_back_before_the_work_is_done() {
        let gate = PasswordGate::new();
        let (go, wait) = std::sync::mpsc::channel::<()>();
        let computing = gate.in_turn(move || wait.recv());
        tokio::select! {
            biased;
            _ = computing => panic!("it was let go on"),
            () = tokio::task::yield_now() => {}
        }
        assert_eq!(gate.running.available_permits(), CHECKS_AT_ONCE_MAX - 1);
        assert_eq!(gate.waiting.available_permits(), CHECKS_WAITING_MAX - 1);
        go.send(()).unwrap();
        let all = u32::try_from(CHECKS_AT_ONCE_MAX).unwrap();
        assert!(gate.running.acquire_many(all).await.is_ok());
    }
}
