//! Who may hand in mail: passwords, and how often they may be guessed.

use std::sync::{Mutex, MutexGuard, PoisonError};

use argon2::password_hash::{PasswordHash, PasswordVerifier};
use secrecy::{ExposeSecret, SecretString};
use tokio::sync::Semaphore;

use crate::clock::SharedClock;
use crate::config::{Account, Submission};
use crate::domain::Role;
use crate::http::throttle::{self, Throttle};
use crate::listener::SessionInfo;
use crate::proto::smtp::AuthResult;
use crate::store::{Repo, RepoError};

/// Passwords checked at a time; each takes 19 MiB and a core for some milliseconds.
const CHECKS_MAX: usize = 2;

/// Checks logins at the submission doors.
pub(super) struct Gate {
    repo: Repo,
    clock: SharedClock,
    accounts: Vec<Account>,
    checks: Semaphore,
    failures: Mutex<Throttle>,
}

impl Gate {
    pub(super) fn new(config: &Submission, repo: Repo, clock: SharedClock) -> Self {
        Self {
            repo,
            clock,
            accounts: config.accounts.clone(),
            checks: Semaphore::new(CHECKS_MAX),
            failures: Mutex::new(Throttle::new(throttle::Limits {
                failures_max: config.auth_failures_max,
                wait: config.auth_failures_wait,
            })),
        }
    }

    /// The configured account of that name.
    pub(super) fn account(&self, name: &str) -> Option<&Account> {
        self.accounts
            .iter()
            .find(|account| account.name.eq_ignore_ascii_case(name))
    }

    /// Checks a password. An address that has failed too often is refused without a check, right
    /// or wrong, until its wait is over.
    pub(super) async fn check(
        &self,
        session: &SessionInfo,
        user: &str,
        password: &SecretString,
    ) -> AuthResult {
        let key = throttle::network(session.peer.ip());
        if self.must_wait(&key) {
            return AuthResult::Refused;
        }
        let hash = match self.hash_of(user) {
            Ok(hash) => hash,
            Err(error) => {
                tracing::error!(%error, "an account cannot be looked up");
                return AuthResult::Unavailable;
            }
        };
        let Ok(_turn) = self.checks.acquire().await else {
            return AuthResult::Unavailable;
        };
        // Others from there may have failed while this one waited for its turn.
        if self.must_wait(&key) {
            return AuthResult::Refused;
        }
        let password = password.clone();
        match tokio::task::spawn_blocking(move || verify(&password, hash)).await {
            Ok(true) => {
                self.failures().clear(&key);
                AuthResult::Accepted
            }
            Ok(false) => {
                self.count_failure(session, &key);
                AuthResult::Refused
            }
            Err(_) => AuthResult::Unavailable,
        }
    }

    fn must_wait(&self, key: &str) -> bool {
        self.failures().wait(key, self.clock.wall()).is_some()
    }

    /// Failures alone are counted: an application may open many sessions at once.
    fn count_failure(&self, session: &SessionInfo, key: &str) {
        let now = self.clock.wall();
        let mut failures = self.failures();
        let waited = failures.wait(key, now).is_some();
        failures.count(key, now);
        let wait = failures.wait(key, now);
        drop(failures);
        let service = session.service.name();
        tracing::info!(session = %session.id, service, "login refused");
        if let (false, Some(wait)) = (waited, wait) {
            tracing::warn!(
                session = %session.id,
                service,
                address = %session.peer.ip(),
                wait_secs = wait.as_secs(),
                "too many failed logins; nobody may log in from there for a while"
            );
        }
    }

    /// The table is whole between any two statements, so a panicking holder leaves nothing half
    /// done.
    fn failures(&self) -> MutexGuard<'_, Throttle> {
        self.failures.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// The hash that a password must go with; none for somebody unknown.
    fn hash_of(&self, user: &str) -> Result<Option<String>, RepoError> {
        let name = user;
        let user = self.repo.user_by_login(&name.to_lowercase())?;
        if user.as_ref().is_some_and(|user| user.disabled) {
            return Ok(None);
        }
        if let Some(account) = self.account(name) {
            return Ok(Some(account.password_hash.clone()));
        }
        let hash = user
            .filter(|user| matches!(user.role, Role::Application))
            .map(|user| user.password_hash.reveal().clone());
        Ok(hash.filter(|hash| !hash.is_empty()))
    }
}

fn verify(password: &SecretString, hash: Option<String>) -> bool {
    /// A hash that no password matches, so that an unknown name takes as long as a known one.
    const NOBODY: &str = "$argon2id$v=19$m=19456,t=2,p=1$dG9jc2luLW5vYm9keS0xNg$AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA";
    let known = hash.is_some();
    let hash = hash.unwrap_or_else(|| NOBODY.to_owned());
    let Ok(parsed) = PasswordHash::new(&hash) else {
        return false;
    };
    let same =
        argon2::Argon2::default().verify_password(password.expose_secret().as_bytes(), &parsed);
    same.is_ok() && known
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use std::net::SocketAddr;
    use std::sync::Arc;
    use std::time::Duration;

    use argon2::password_hash::{PasswordHasher, SaltString};

    use super::*;
    use crate::clock::VirtualClock;
    use crate::domain::Timestamp;
    use crate::listener::Service;
    use crate::store::Store;

    fn gate(clock: &Arc<VirtualClock>) -> Gate {
        let salt = SaltString::encode_b64(b"salt of the test").unwrap();
        let cheap = argon2::Params::new(argon2::Params::MIN_M_COST, 1, 1, None).unwrap();
        let (algorithm, version) = (argon2::Algorithm::Argon2id, argon2::Version::V0x13);
        let hash = argon2::Argon2::new(algorithm, version, cheap)
            .hash_password(b"right", &salt)
            .unwrap();
        let config = Submission {
            auth_failures_max: 3,
            auth_failures_wait: Duration::from_secs(900),
            recipients_per_hour: 0,
            recipients_per_day: 0,
            accounts: vec![Account {
                name: "payroll".to_owned(),
                password_hash: hash.to_string(),
                from: Vec::new(),
                recipients_per_hour: 0,
                recipients_per_day: 0,
            }],
        };
        Gate::new(&config, Repo::new(Store::memory()), clock.clone())
    }

    fn session(peer: &str) -> SessionInfo {
        SessionInfo {
            id: "s1".to_owned(),
            service: Service::Submission,
            peer: peer.parse::<SocketAddr>().unwrap(),
            hello: None,
            user: None,
            tls: None,
        }
    }

    #[tokio::test]
    async fn an_address_that_fails_too_often_has_to_wait() {
        let clock = VirtualClock::standing(Timestamp::from_millis(1_000_000));
        let gate = gate(&clock);
        let guess = async |peer: &str, password: &str| {
            let password = SecretString::from(password.to_owned());
            gate.check(&session(peer), "Payroll", &password).await
        };
        for password in ["wrong", "wrong", "right", "wrong", "wrong", "wrong"] {
            let expected = match password {
                "right" => AuthResult::Accepted,
                _ => AuthResult::Refused,
            };
            assert_eq!(guess("192.0.2.1:1025", password).await, expected);
        }
        // From every session of that address, until the wait is over.
        assert_eq!(guess("192.0.2.1:1026", "right").await, AuthResult::Refused);
        assert_eq!(guess("192.0.2.2:1025", "right").await, AuthResult::Accepted);
        clock.advance(Duration::from_secs(899));
        assert_eq!(guess("192.0.2.1:1027", "right").await, AuthResult::Refused);
        clock.advance(Duration::from_secs(1));
        assert_eq!(guess("192.0.2.1:1027", "right").await, AuthResult::Accepted);
    }

    #[tokio::test]
    async fn a_disabled_application_hands_in_nothing() {
        let clock = VirtualClock::standing(Timestamp::from_millis(1_000_000));
        let gate = gate(&clock);
        let random = crate::clock::Randomness::seeded(1);
        let users = crate::tracker::Users::new(gate.repo.clone(), clock, random);
        let application = crate::tracker::NewUser {
            login: "payroll".to_owned(),
            name: "payroll".to_owned(),
            role: Role::Application,
            password_hash: String::new(),
            areas: Vec::new(),
            case_scope: crate::domain::CaseScope::All,
            email: None,
        };
        let id = users.add(application).await.unwrap();
        let right = SecretString::from("right".to_owned());
        let peer = session("192.0.2.1:1025");
        for (disabled, expected) in [(true, AuthResult::Refused), (false, AuthResult::Accepted)] {
            users.set_disabled(id, disabled, None).await.unwrap();
            assert_eq!(gate.check(&peer, "Payroll", &right).await, expected);
        }
    }

    #[test]
    fn a_network_counts_as_one_address() {
        let key = |address: &str| throttle::network(address.parse().unwrap());
        assert_eq!(key("2001:db8::1"), key("2001:db8::ffff:1"));
        assert_ne!(key("2001:db8::1"), key("2001:db8:0:1::1"));
        assert_eq!(key("::ffff:192.0.2.1"), key("192.0.2.1"));
        assert_ne!(key("192.0.2.2"), key("192.0.2.1"));
    }
}
