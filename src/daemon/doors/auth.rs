//! Who may hand in mail: passwords, proofs of them, and how often they may be guessed.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use argon2::password_hash::{PasswordHash, PasswordVerifier};
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD_NO_PAD;
use secrecy::{ExposeSecret, SecretString};
use tokio::sync::Semaphore;

use crate::clock::{Randomness, SharedClock};
use crate::config::{Account, Submission};
use crate::domain::Role;
use crate::domain::scram::ScramVerifier;
use crate::http::throttle::{self, Throttle};
use crate::listener::SessionInfo;
use crate::proto::smtp::{AuthRequest, AuthResult, ScramChallenge};
use crate::store::{Repo, RepoError};

/// Passwords checked at a time; each takes 19 MiB and a core for some milliseconds.
const CHECKS_MAX: usize = 2;

/// Most users looked through for whether all know SCRAM; with more it is not offered.
const USERS_MAX: usize = 1_000;
/// How long it is known whether all know SCRAM.
const KNOWN_FOR: Duration = Duration::from_secs(5);
/// Random octets of ours in a nonce.
const NONCE_BYTES: usize = 18;

/// A hash of Argon2id that no password matches.
const NOBODY: &str = "$argon2id$v=19$m=19456,t=2,p=1$dG9jc2luLW5vYm9keS0xNg$AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA";

/// Checks logins at the submission doors.
pub(super) struct Gate {
    repo: Repo,
    clock: SharedClock,
    random: Randomness,
    /// Makes what somebody unknown is asked, until the next start.
    secret: [u8; 32],
    known: Mutex<Option<(Instant, bool)>>,
    accounts: Vec<Account>,
    checks: Arc<Semaphore>,
    failures: Mutex<Throttle>,
}

impl Gate {
    pub(super) fn new(
        config: &Submission,
        repo: Repo,
        clock: SharedClock,
        random: Randomness,
    ) -> Self {
        Self {
            repo,
            clock,
            secret: random.bytes(),
            random,
            known: Mutex::default(),
            accounts: config.accounts.clone(),
            checks: Arc::new(Semaphore::new(CHECKS_MAX)),
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

    /// Whether everybody who may log in can do so by SCRAM: a client takes it wherever it is offered
    /// and tries nothing else behind it.
    pub(super) fn knows_scram(&self) -> bool {
        let now = self.clock.monotonic();
        let mut known = self.known.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some((at, knows)) = *known
            && now.saturating_duration_since(at) < KNOWN_FOR
        {
            return knows;
        }
        let knows = self.all_know_scram().unwrap_or_else(|error| {
            tracing::error!(%error, "accounts cannot be looked up; SCRAM is not offered");
            false
        });
        *known = Some((now, knows));
        knows
    }

    fn all_know_scram(&self) -> Result<bool, RepoError> {
        let mut hashes: Vec<String> = Vec::new();
        hashes.extend(self.accounts.iter().map(|one| one.password_hash.clone()));
        let users = self.repo.users(USERS_MAX)?;
        if users.len() == USERS_MAX {
            return Ok(false);
        }
        for user in users {
            let is_configured = self.account(&user.login).is_some();
            if matches!(user.role, Role::Application) && !user.disabled && !is_configured {
                hashes.push(user.password_hash.reveal().clone());
            }
        }
        hashes.retain(|hash| !hash.is_empty());
        let knows = |hash: &String| ScramVerifier::parse(hash).is_some();
        Ok(!hashes.is_empty() && hashes.iter().all(knows))
    }

    /// Checks credentials. An address that has failed too often is refused without a check, right
    /// or wrong, until its wait is over.
    pub(super) async fn check(&self, session: &SessionInfo, request: &AuthRequest) -> AuthResult {
        let key = throttle::network(session.peer.ip());
        if self.must_wait(&key) {
            return AuthResult::Refused;
        }
        let hash = match self.hash_of(request.username()) {
            Ok(hash) => hash,
            Err(error) => {
                tracing::error!(%error, "an account cannot be looked up");
                return AuthResult::Unavailable;
            }
        };
        let result = match request {
            AuthRequest::Password { password, .. } => self.by_password(password, hash, &key).await,
            AuthRequest::Challenge { username } => self.challenge(username, hash.as_deref()),
            AuthRequest::Proof {
                username,
                auth_message,
                proof,
            } => {
                let verifier = self.verifier(username, hash.as_deref());
                if verifier.is_proven(auth_message, proof) {
                    let signature = verifier.server_signature(auth_message);
                    AuthResult::Proven { signature }
                } else {
                    AuthResult::Refused
                }
            }
        };
        match result {
            AuthResult::Accepted | AuthResult::Proven { .. } => self.failures().clear(&key),
            AuthResult::Refused if !self.must_wait(&key) => self.count_failure(session, &key),
            _ => {}
        }
        result
    }

    async fn by_password(
        &self,
        password: &SecretString,
        hash: Option<String>,
        key: &str,
    ) -> AuthResult {
        let Ok(turn) = Arc::clone(&self.checks).acquire_owned().await else {
            return AuthResult::Unavailable;
        };
        // Others from there may have failed while this one waited for its turn.
        if self.must_wait(key) {
            return AuthResult::Refused;
        }
        let password = password.clone();
        let nobody = self.nobody();
        let checking = tokio::task::spawn_blocking(move || {
            // As long as it takes, also when the client has gone away meanwhile.
            let _held = turn;
            let known = hash.is_some();
            verify(&password, &hash.unwrap_or(nobody)) && known
        });
        match checking.await {
            Ok(true) => AuthResult::Accepted,
            Ok(false) => AuthResult::Refused,
            Err(_) => AuthResult::Unavailable,
        }
    }

    /// What no password goes with, so that an unknown name takes as long as most known ones.
    fn nobody(&self) -> String {
        if self.knows_scram() {
            ScramVerifier::of_nobody(&self.secret, "").to_string()
        } else {
            NOBODY.to_owned()
        }
    }

    fn challenge(&self, username: &str, hash: Option<&str>) -> AuthResult {
        let verifier = self.verifier(username, hash);
        AuthResult::Challenge(ScramChallenge {
            nonce: STANDARD_NO_PAD.encode(self.random.bytes::<NONCE_BYTES>()),
            salt: verifier.salt().to_vec(),
            iterations: verifier.iterations(),
        })
    }

    /// What a proof is checked with; for those who have none, one that nobody can prove.
    fn verifier(&self, username: &str, hash: Option<&str>) -> ScramVerifier {
        let known = hash.and_then(ScramVerifier::parse);
        known.unwrap_or_else(|| ScramVerifier::of_nobody(&self.secret, &username.to_lowercase()))
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

fn verify(password: &SecretString, hash: &str) -> bool {
    if let Some(verifier) = ScramVerifier::parse(hash) {
        return verifier.is_of(password.expose_secret());
    }
    let Ok(parsed) = PasswordHash::new(hash) else {
        return false;
    };
    argon2::Argon2::default()
        .verify_password(password.expose_secret().as_bytes(), &parsed)
        .is_ok()
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use std::net::SocketAddr;
    use std::time::Duration;

    use argon2::password_hash::{PasswordHasher, SaltString};

    use super::*;
    use crate::clock::VirtualClock;
    use crate::domain::Timestamp;
    use crate::domain::scram::SCRAM_ITERATIONS;
    use crate::listener::Service;
    use crate::proto::smtp::AuthMechanism;
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
            notify_failures: false,
            delay_notice_after: Duration::from_secs(4 * 3600),
            accounts: vec![Account {
                name: "payroll".to_owned(),
                password_hash: hash.to_string(),
                from: Vec::new(),
                recipients_per_hour: 0,
                recipients_per_day: 0,
            }],
        };
        gate_of(&config, clock)
    }

    fn gate_of(config: &Submission, clock: &Arc<VirtualClock>) -> Gate {
        let repo = Repo::new(Store::memory());
        Gate::new(config, repo, clock.clone(), Randomness::seeded(1))
    }

    fn guess(username: &str, password: &str) -> AuthRequest {
        AuthRequest::Password {
            mechanism: AuthMechanism::Plain,
            username: username.to_owned(),
            password: SecretString::from(password.to_owned()),
        }
    }

    fn application() -> crate::tracker::NewUser {
        crate::tracker::NewUser {
            login: "payroll".to_owned(),
            name: "payroll".to_owned(),
            role: Role::Application,
            password_hash: String::new(),
            areas: Vec::new(),
            case_scope: crate::domain::CaseScope::All,
            email: None,
        }
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
            let asked = guess("Payroll", password);
            gate.check(&session(peer), &asked).await
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
        let id = users.add(application()).await.unwrap();
        let right = guess("Payroll", "right");
        let peer = session("192.0.2.1:1025");
        for (disabled, expected) in [(true, AuthResult::Refused), (false, AuthResult::Accepted)] {
            users.set_disabled(id, disabled, None).await.unwrap();
            assert_eq!(gate.check(&peer, &right).await, expected);
        }
    }

    /// A gate whose only account has a verifier.
    fn scram_gate(clock: &Arc<VirtualClock>) -> Gate {
        let rounds = std::num::NonZeroU32::new(4096).unwrap();
        let mut gate = gate(clock);
        gate.accounts[0].password_hash =
            ScramVerifier::derive("right", b"salt of the test", rounds).to_string();
        gate
    }

    #[tokio::test]
    async fn a_proof_is_checked_and_guessing_it_has_to_wait() {
        let clock = VirtualClock::standing(Timestamp::from_millis(1_000_000));
        let gate = scram_gate(&clock);
        let peer = session("192.0.2.1:1025");
        let proof = |proof: [u8; 32]| AuthRequest::Proof {
            username: "Payroll".to_owned(),
            auth_message: "said".to_owned(),
            proof,
        };
        for expected in [AuthResult::Accepted, AuthResult::Refused] {
            let password = if expected == AuthResult::Accepted {
                "right"
            } else {
                "wrong"
            };
            assert_eq!(
                gate.check(&peer, &guess("payroll", password)).await,
                expected
            );
        }
        let verifier = ScramVerifier::parse(&gate.accounts[0].password_hash).unwrap();
        let right = proof(verifier.client_proof("right", "said"));
        let signature = verifier.server_signature("said");
        assert_eq!(
            gate.check(&peer, &right).await,
            AuthResult::Proven { signature }
        );
        for _ in 0..3 {
            assert_eq!(
                gate.check(&peer, &proof([7; 32])).await,
                AuthResult::Refused
            );
        }
        assert_eq!(
            gate.check(&peer, &right).await,
            AuthResult::Refused,
            "has to wait"
        );
        let name = "payroll".to_owned();
        let asked = AuthRequest::Challenge { username: name };
        assert_eq!(gate.check(&peer, &asked).await, AuthResult::Refused);
    }

    #[tokio::test]
    async fn nobody_can_tell_who_has_an_account() {
        let clock = VirtualClock::standing(Timestamp::from_millis(1_000_000));
        let gate = gate(&clock);
        let peer = session("192.0.2.1:1025");
        let ask = async |name: &str| {
            let username = name.to_owned();
            match gate
                .check(&peer, &AuthRequest::Challenge { username })
                .await
            {
                AuthResult::Challenge(challenge) => challenge,
                other => panic!("{other:?}"),
            }
        };
        // Somebody unknown, and somebody whose password is kept in another way.
        for name in ["nobody", "payroll"] {
            let (first, second) = (ask(name).await, ask(&name.to_uppercase()).await);
            assert_eq!(first.salt, second.salt);
            assert_ne!(first.nonce, second.nonce);
            assert_eq!(first.iterations, SCRAM_ITERATIONS);
        }
        assert_ne!(ask("nobody").await.salt, ask("payroll").await.salt);
    }

    #[tokio::test]
    async fn scram_is_offered_once_all_can_use_it() {
        let clock = VirtualClock::standing(Timestamp::from_millis(1_000_000));
        assert!(!gate(&clock).knows_scram());
        let gate = scram_gate(&clock);
        assert!(gate.knows_scram());
        let random = crate::clock::Randomness::seeded(1);
        let users = crate::tracker::Users::new(gate.repo.clone(), clock.clone(), random);
        let mut application = application();
        application.login = "letters".to_owned();
        application.password_hash = "$argon2id$".to_owned();
        let id = users.add(application).await.unwrap();
        assert!(gate.knows_scram(), "for a while");
        clock.advance(KNOWN_FOR);
        assert!(!gate.knows_scram());
        users.set_disabled(id, true, None).await.unwrap();
        clock.advance(KNOWN_FOR);
        assert!(gate.knows_scram());
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
