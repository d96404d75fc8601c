//! Where a mail came from: SPF (RFC 7208), DKIM (RFC 6376) and DMARC (RFC 9989).

mod signatures;
mod silent;
mod trace;

use std::borrow::Borrow;
use std::hash::Hash;
use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use bytes::Bytes;
use hickory_resolver::TokioResolver;
use hickory_resolver::config::{NameServerConfig, ResolverConfig};
use hickory_resolver::net::runtime::TokioRuntimeProvider;
use mail_auth::dkim::DkimError;
use mail_auth::dmarc::Policy;
use mail_auth::dmarc::verify::DmarcParameters;
use mail_auth::spf::verify::SpfParameters;
use mail_auth::{
    AuthenticatedMessage, DkimOutput, DkimResult, DmarcOutput, DmarcResult, MessageAuthenticator,
    Parameters, ResolverCache, SpfOutput, SpfResult, Txt,
};

use self::signatures::{one_by_one, verified};
use self::silent::Silent;
use self::trace::{Brought, brought};
use crate::domain::{AuthResult, Authentication};
use crate::proto::mime::lines::lines;
use crate::proto::network::Network;

/// Longest that the questions of one method may take: what a stranger's name servers hold up must not
/// hide what the author's domain says.
const METHOD_TIMEOUT: Duration = Duration::from_secs(5);
/// Largest header of a mail whose signatures are looked at, in octets, and its most fields and
/// signatures: what a signature costs grows with all of them.
const HEADER_SIZE_MAX_BYTES: usize = 64 * 1024;
const FIELDS_MAX: usize = 500;
const SIGNATURES_MAX: usize = 8;

/// Checks mails.
pub struct MailAuth {
    authenticator: MessageAuthenticator,
    our_name: String,
    relays: Vec<Network>,
    silent: Silent,
}

impl std::fmt::Debug for MailAuth {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("MailAuth")
            .field("our_name", &self.our_name)
            .finish_non_exhaustive()
    }
}

impl MailAuth {
    /// For mail that was brought to us under this name. `tls` is for name servers that speak it.
    ///
    /// # Errors
    /// When no resolver can be made.
    pub fn new(
        our_name: &str,
        servers: NameServers,
        tls: &rustls::ClientConfig,
    ) -> std::io::Result<Self> {
        let builder = match servers {
            NameServers::System => TokioResolver::builder_tokio().map_err(std::io::Error::other)?,
            NameServers::At(server) => {
                let mut named = NameServerConfig::udp_and_tcp(server.ip());
                for connection in &mut named.connections {
                    connection.port = server.port();
                }
                let config = ResolverConfig::from_parts(None, vec![], vec![named]);
                TokioResolver::builder_with_config(config, TokioRuntimeProvider::default())
            }
        };
        let resolver = builder.with_tls_config(tls.clone()).build();
        Ok(Self {
            authenticator: MessageAuthenticator(resolver.map_err(std::io::Error::other)?),
            our_name: our_name.to_owned(),
            relays: Vec::new(),
            silent: Silent::new(METHOD_TIMEOUT),
        })
    }

    /// Does not judge what servers of these networks bring by their address: filters and other
    /// exchangers of ours. They are believed what they write of whom they had it from.
    #[must_use]
    pub fn trusting(mut self, relays: Vec<Network>) -> Self {
        self.relays = relays;
        self
    }

    /// Waits so long for the answers to the questions of one method.
    #[cfg(test)]
    pub(super) fn with_patience(mut self, patience: Duration) -> Self {
        self.silent = Silent::new(patience);
        self
    }

    /// What can be found out about a mail that our own MX took in, from this envelope sender (empty
    /// for the null sender), and whether it has this one author and no other. `now` is monotonic.
    pub async fn check(
        self: Arc<Self>,
        message: Bytes,
        mail_from: String,
        author: String,
        now: Instant,
    ) -> (Authentication, bool) {
        // Signatures cost time, and what they break must not come back for ever.
        let runtime = tokio::runtime::Handle::current();
        let checking = tokio::task::spawn_blocking(move || {
            runtime.block_on(self.checked(&message, &mail_from, &author, now))
        });
        checking.await.unwrap_or((Authentication::UNKNOWN, false))
    }

    async fn checked(
        &self,
        message: &[u8],
        mail_from: &str,
        author: &str,
        now: Instant,
    ) -> (Authentication, bool) {
        if is_too_much(message) {
            return (Authentication::UNKNOWN, false);
        }
        let Some(parsed) = AuthenticatedMessage::parse(message) else {
            return (Authentication::UNKNOWN, false);
        };
        let has_one_author = match parsed.froms() {
            [one] => one.eq_ignore_ascii_case(author),
            _ => false,
        };
        let Some(by) = brought(message, &self.relays) else {
            return (Authentication::UNKNOWN, has_one_author);
        };
        let (Brought::By(_, helo) | Brought::OnBehalf(helo)) = &by;
        let sender_domain = domain_of(mail_from).unwrap_or(helo);
        // As it is seen by what looks for the policy: what a stranger's domain does not answer is not
        // to be remembered of another.
        let author_domain = parsed.froms().first().and_then(|one| domain_of(one));
        let author_domain = author_domain.unwrap_or_default();
        let each = one_by_one(&parsed, author_domain);
        let (spf, dkim, policy) = tokio::join!(
            self.spf(&by, mail_from, sender_domain, now),
            verified(&self.authenticator, &each, &self.silent, now),
            self.policy(&parsed, author_domain, now),
        );
        let asked = DmarcParameters::new(&parsed, &dkim, sender_domain, &spf);
        let is_strict = policy
            .as_ref()
            .is_some_and(|says| matches!(says.policy(), Policy::Quarantine | Policy::Reject));
        let dmarc = match policy {
            // There is a policy: whether the mail keeps to it is seen with what speaks for it.
            Some(says) if matches!(says.result(), DmarcResult::Fail(_)) => {
                let asked = self.authenticator.verify_dmarc(asked);
                self.silent.ask(asked).await.said
            }
            says => says,
        };
        let mut found = Authentication {
            spf: of_spf(spf.result()),
            dkim: of_dkim(&dkim),
            dmarc: dmarc.map_or(AuthResult::TempError, |dmarc| of_dmarc(&dmarc.result())),
            is_strict,
        };
        // SPF might have spoken for it, had it been looked at.
        if matches!(by, Brought::OnBehalf(_)) && found.dmarc == AuthResult::Fail {
            found.dmarc = AuthResult::TempError;
        }
        (found, has_one_author)
    }

    /// Whether whoever brought it may send for this domain; none where that is not known.
    async fn spf(&self, by: &Brought, mail_from: &str, domain: &str, now: Instant) -> SpfOutput {
        let nothing = SpfOutput::new(domain.to_owned());
        let Brought::By(client, helo) = by else {
            return nothing;
        };
        let key = format!("spf {domain}");
        if self.silent.has(&key, now) {
            return nothing.with_result(SpfResult::TempError);
        }
        let asked = if mail_from.is_empty() {
            SpfParameters::verify_ehlo(*client, helo, &self.our_name)
        } else {
            SpfParameters::verify_mail_from(*client, helo, &self.our_name, mail_from)
        };
        let answered = Answered::default();
        let asked = Parameters::new(asked).with_txt_cache(&answered);
        let asked = self.silent.ask(self.authenticator.verify_spf(asked)).await;
        let found = asked
            .said
            .unwrap_or_else(|| nothing.with_result(SpfResult::TempError));
        // A record that leads to others may lead to whom the sender chose: their silence is not
        // that of the domain.
        let is_silent = asked.is_slow && !answered.0.load(Ordering::Relaxed);
        if is_silent && found.result() == SpfResult::TempError {
            self.silent.remember(&key, now);
        }
        found
    }

    /// What the author's domain asks for, whatever speaks for the mail; none where it does not say.
    /// Nobody but the author's domain is asked.
    async fn policy(
        &self,
        message: &AuthenticatedMessage<'_>,
        domain: &str,
        now: Instant,
    ) -> Option<DmarcOutput> {
        let key = format!("dmarc {domain}");
        if self.silent.has(&key, now) {
            return None;
        }
        let spf = SpfOutput::new(String::new());
        let asked = DmarcParameters::new(message, &[], "", &spf);
        let asked = self
            .silent
            .ask(self.authenticator.verify_dmarc(asked))
            .await;
        let is_open = asked
            .said
            .as_ref()
            .is_none_or(|says| matches!(says.result(), DmarcResult::TempError(_)));
        if asked.is_slow && is_open {
            self.silent.remember(&key, now);
        }
        asked.said
    }
}

/// Whether any record came.
#[derive(Default)]
struct Answered(AtomicBool);

impl ResolverCache<Box<str>, Txt> for Answered {
    fn get<Q>(&self, _: &Q) -> Option<Txt>
    where
        Box<str>: Borrow<Q>,
        Q: Hash + Eq + ?Sized,
    {
        None
    }

    fn remove<Q>(&self, _: &Q) -> Option<Txt>
    where
        Box<str>: Borrow<Q>,
        Q: Hash + Eq + ?Sized,
    {
        None
    }

    fn insert(&self, _: Box<str>, _: Txt, _: Instant) {
        self.0.store(true, Ordering::Relaxed);
    }
}

/// What stands behind the last @ of an address.
fn domain_of(address: &str) -> Option<&str> {
    address.rsplit_once('@').map(|(_, domain)| domain)
}

/// Which name servers are asked.
#[derive(Clone, Copy, Debug)]
pub enum NameServers {
    /// The system's.
    System,
    /// This one alone.
    At(SocketAddr),
}

/// Whether looking at the signatures would cost too much.
fn is_too_much(message: &[u8]) -> bool {
    let (mut size, mut fields, mut signatures) = (0, 0, 0);
    for line in lines(message).take_while(|line| !line.is_empty()) {
        size += line.len() + 1;
        fields += usize::from(!line.starts_with(b" ") && !line.starts_with(b"\t"));
        let name = line.get(..SIGNATURE.len()).unwrap_or_default();
        signatures += usize::from(name.eq_ignore_ascii_case(SIGNATURE));
        if size > HEADER_SIZE_MAX_BYTES || fields > FIELDS_MAX || signatures > SIGNATURES_MAX {
            return true;
        }
    }
    false
}

/// What a signature's field begins with.
const SIGNATURE: &[u8] = b"dkim-signature";

const fn of_spf(result: SpfResult) -> AuthResult {
    match result {
        SpfResult::Pass => AuthResult::Pass,
        SpfResult::Fail => AuthResult::Fail,
        SpfResult::SoftFail => AuthResult::SoftFail,
        SpfResult::Neutral => AuthResult::Neutral,
        SpfResult::None => AuthResult::None,
        SpfResult::TempError => AuthResult::TempError,
        SpfResult::PermError => AuthResult::PermError,
    }
}

/// One good signature is enough.
fn of_dkim(outputs: &[DkimOutput<'_>]) -> AuthResult {
    let found = outputs.iter().map(|output| match output.result() {
        DkimResult::Pass => AuthResult::Pass,
        DkimResult::TempError(_) => AuthResult::TempError,
        // A body that is not as it was signed has failed (RFC 8601 section 2.7.1).
        DkimResult::Fail(_)
        | DkimResult::Neutral(mail_auth::Error::Dkim(DkimError::FailedBodyHashMatch)) => {
            AuthResult::Fail
        }
        DkimResult::PermError(_) => AuthResult::PermError,
        DkimResult::Neutral(_) => AuthResult::Neutral,
        DkimResult::None => AuthResult::None,
    });
    let weight = |result: &AuthResult| match result {
        AuthResult::Pass => 0,
        AuthResult::TempError => 1,
        AuthResult::Fail | AuthResult::SoftFail => 2,
        AuthResult::PermError => 3,
        AuthResult::Neutral => 4,
        AuthResult::None => 5,
    };
    found.min_by_key(weight).unwrap_or(AuthResult::None)
}

const fn of_dmarc(result: &DmarcResult) -> AuthResult {
    match result {
        DmarcResult::Pass => AuthResult::Pass,
        DmarcResult::Fail(_) => AuthResult::Fail,
        DmarcResult::TempError(_) => AuthResult::TempError,
        DmarcResult::PermError(_) => AuthResult::PermError,
        DmarcResult::None => AuthResult::None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn headers_that_cost_much_are_not_looked_at() {
        let many = |field: &str, count| format!("{}\r\n\r\nx", field.repeat(count));
        assert!(!is_too_much(many("A: b\r\n", 500).as_bytes()));
        assert!(is_too_much(many("A: b\r\n", 501).as_bytes()));
        assert!(!is_too_much(many("DKIM-Signature: b\r\n", 8).as_bytes()));
        assert!(is_too_much(many("DKIM-Signature: b\r\n", 9).as_bytes()));
        assert!(is_too_much(many(" folded on and on\r\n", 4_000).as_bytes()));
        assert!(!is_too_much(
            &[b"A: b\r\n\r\n".as_slice(), &[b'x'; 1 << 20]].concat()
        ));
    }
}
