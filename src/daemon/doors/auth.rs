//! Who may hand in mail: passwords, proofs of them, and how often they may be guessed.

use std::collections::BTreeMap;
use std::num::NonZeroU32;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use argon2::password_hash::{PasswordHash, PasswordVerifier};
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD_NO_PAD;
use secrecy::{ExposeSecret, SecretString};
use tokio::sync::Semaphore;

use crate::clock::{Randomness, SharedClock};
use crate::config::{Account, Submission};
use crate::domain::scram::{SCRAM_ITERATIONS, ScramVerifier};
use crate::domain::{Redacted, Role};
use crate::http::throttle::{self, Throttle};
use crate::listener::SessionInfo;
use crate::proto::smtp::{AuthRequest, AuthResult, ScramChallenge};
use crate::store::{Repo, RepoError};

/// Passwords checked at a time; each takes 19 MiB and a core for some milliseconds.
const CHECKS_MAX: usize = 2;

/// Most users looked through for whether all know SCRAM; with more it is not offered.
const USERS_MAX: usize = 1_000;
/// How long it is known what accounts have in common.
const KNOWN_FOR: Duration = Duration::from_secs(5);
/// Random octets of ours in a nonce.
const NONCE_BYTES: usize = 18;

/// A hash of Argon2id that no password matches.
const NOBODY: &str = "$argon2id$v=19$m=19456,t=2,p=1$dG9jc2luLW5vYm9keS0xNg$AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA";

/// What accounts have in common.
#[derive(Clone, Copy)]
struct Common {
    /// All can log in by SCRAM.
    know_scram: bool,
    /// Rounds that most of them have.
    iterations: NonZeroU32,
}

/// Checks logins at the submission doors.
pub(in crate::daemon) struct Gate {
    repo: Repo,
    clock: SharedClock,
    random: Randomness,
    /// Makes what somebody unknown is asked. It is kept: what changed at a start would be nobody's.
    secret: Redacted<[u8; 32]>,
    common: Mutex<Option<(Instant, Common)>>,
    accounts: Vec<Account>,
    checks: Arc<Semaphore>,
    failures: Mutex<Throttle>,
}

impl Gate {
    pub(in crate::daemon) fn new(
        config: &Submission,
        repo: Repo,
        clock: SharedClock,
        random: Randomness,
        secret: Redacted<[u8; 32]>,
    ) -> Self {
        Self {
            repo,
            clock,
            secret,
            random,
            common: Mutex::default(),
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
        self.common().know_scram
    }

    fn common(&self) -> Common {
        let now = self.clock.monotonic();
        let mut known = self.common.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some((at, common)) = *known
            && now.saturating_duration_since(at) < KNOWN_FOR
        {
            return common;
        }
        let common = self.look_for_common().unwrap_or_else(|error| {
            tracing::error!(%error, "accounts cannot be looked up; SCRAM is not offered");
            Common {
                know_scram: false,
                iterations: SCRAM_ITERATIONS,
            }
        });
        *known = Some((now, common));
        common
    }

    fn look_for_common(&self) -> Result<Common, RepoError> {
        let mut hashes: Vec<String> = Vec::new();
        hashes.extend(self.accounts.iter().map(|one| one.password_hash.clone()));
        let users = self.repo.users(USERS_MAX)?;
        let is_all = users.len() < USERS_MAX;
        for user in users {
            let is_configured = self.account(&user.login).is_some();
            if matches!(user.role, Role::Application) && !user.disabled && !is_configured {
                hashes.push(user.password_hash.reveal().clone());
            }
        }
        hashes.retain(|hash| !hash.is_empty());
        let verifiers = hashes.iter().map(|hash| ScramVerifier::parse(hash));
        let verifiers: Vec<Option<ScramVerifier>> = verifiers.collect();
        let knows = !verifiers.is_empty() && verifiers.iter().all(Option::is_some);
        let iterations = verifiers.iter().flatten().map(ScramVerifier::iterations);
        Ok(Common {
            know_scram: is_all && knows,
            iterations: commonest(iterations).unwrap_or(SCRAM_ITERATIONS),
        })
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
            self.verifier_of_nobody("").to_string()
        } else {
            NOBODY.to_owned()
        }
    }

    fn verifier_of_nobody(&self, name: &str) -> ScramVerifier {
        ScramVerifier::of_nobody(self.secret.reveal(), name, self.common().iterations)
    }

    /// A client has gone from a challenge without a proof: it counts as a failure, or names could be
    /// tried without end for whether somebody has them.
    pub(super) fn unproven(&self, session: &SessionInfo) {
        let key = throttle::network(session.peer.ip());
        if !self.must_wait(&key) {
            self.count_failure(session, &key);
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
        known.unwrap_or_else(|| self.verifier_of_nobody(&username.to_lowercase()))
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

/// What comes most often; of several the greatest.
fn commonest(all: impl Iterator<Item = NonZeroU32>) -> Option<NonZeroU32> {
    let mut counts: BTreeMap<NonZeroU32, usize> = BTreeMap::new();
    for one in all {
        *counts.entry(one).or_default() += 1;
    }
    let most = counts.into_iter().max_by_key(|(_, count)| *count);
    most.map(|(one, _)| one)
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
        let secret = Redacted::new([5; 32]);
        Gate::new(config, repo, clock.clone(), Randomness::seeded(1), secret)
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
    async fn what_nobody_is_asked_is_as_what_somebody_is_asked() {
        let clock = VirtualClock::standing(Timestamp::from_millis(1_000_000));
        let peer = session("192.0.2.1:1025");
        let ask = async |gate: &Gate, name: &str| {
            let username = name.to_owned();
            let asked = AuthRequest::Challenge { username };
            match gate.check(&peer, &asked).await {
                AuthResult::Challenge(challenge) => (challenge.salt, challenge.iterations),
                other => panic!("{other:?}"),
            }
        };
        let before = scram_gate(&clock);
        // Another start.
        let after = Gate {
            random: Randomness::seeded(2),
            ..scram_gate(&clock)
        };
        for name in ["eve", "payroll"] {
            let asked = ask(&before, name).await;
            assert_eq!(asked.1.get(), 4096, "{name}");
            assert_eq!(asked, ask(&after, name).await, "{name}");
        }
        let rounds = |all: &[u32]| {
            let all = all.iter().filter_map(|one| NonZeroU32::new(*one));
            commonest(all).map(NonZeroU32::get)
        };
        assert_eq!(rounds(&[7, 5, 5, 9]), Some(5));
        assert_eq!(rounds(&[5, 7]), Some(7));
        assert_eq!(rounds(&[]), None);
    }

    #[tokio::test]
    async fn who_asks_for_challenges_and_proves_nothing_has_to_wait() {
        let clock = VirtualClock::standing(Timestamp::from_millis(1_000_000));
        let gate = scram_gate(&clock);
        let peer = session("192.0.2.1:1025");
        let username = "eve".to_owned();
        let asked = AuthRequest::Challenge { username };
        for _ in 0..3 {
            let challenged = gate.check(&peer, &asked).await;
            assert!(matches!(challenged, AuthResult::Challenge(_)));
            gate.unproven(&peer);
        }
        assert_eq!(gate.check(&peer, &asked).await, AuthResult::Refused);
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
