//! Where a mail came from: SPF (RFC 7208), DKIM (RFC 6376) and DMARC (RFC 9989).

use std::net::{IpAddr, SocketAddr};
use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use hickory_resolver::TokioResolver;
use hickory_resolver::config::{NameServerConfig, ResolverConfig};
use hickory_resolver::net::runtime::TokioRuntimeProvider;
use mail_auth::dkim::DkimError;
use mail_auth::dmarc::Policy;
use mail_auth::dmarc::verify::DmarcParameters;
use mail_auth::spf::verify::SpfParameters;
use mail_auth::{
    AuthenticatedMessage, DkimOutput, DkimResult, DmarcResult, MessageAuthenticator, SpfOutput,
    SpfResult,
};
use tokio::time::timeout;

use crate::domain::{AuthResult, Authentication};
use crate::proto::mime::header::values_on_wire;
use crate::proto::mime::lines::lines;

/// Longest that the questions of one method may take: what a stranger's name servers hold up must not
/// hide what the author's domain says.
const METHOD_TIMEOUT: Duration = Duration::from_secs(5);
/// Largest header of a mail whose signatures are looked at, in octets, and its most fields and
/// signatures: what a signature costs grows with all of them.
const HEADER_SIZE_MAX_BYTES: usize = 64 * 1024;
const FIELDS_MAX: usize = 500;
const SIGNATURES_MAX: usize = 8;
/// Signatures that are verified.
const SIGNATURES_CHECKED_MAX: usize = 3;

/// Checks mails.
pub struct MailAuth {
    authenticator: MessageAuthenticator,
    our_name: String,
    relays: Vec<IpAddr>,
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
        })
    }

    /// Judges nothing that these servers bring: filters and other exchangers of ours.
    #[must_use]
    pub fn trusting(mut self, relays: Vec<IpAddr>) -> Self {
        self.relays = relays;
        self
    }

    /// What can be found out about a mail that our own MX took in, from this envelope sender (empty
    /// for the null sender), and whether it has this one author and no other.
    pub async fn check(
        self: Arc<Self>,
        message: Bytes,
        mail_from: String,
        author: String,
    ) -> (Authentication, bool) {
        // Signatures cost time, and what they break must not come back for ever.
        let runtime = tokio::runtime::Handle::current();
        let checking = tokio::task::spawn_blocking(move || {
            runtime.block_on(self.checked(&message, &mail_from, &author))
        });
        checking.await.unwrap_or((Authentication::UNKNOWN, false))
    }

    async fn checked(
        &self,
        message: &[u8],
        mail_from: &str,
        author: &str,
    ) -> (Authentication, bool) {
        if is_too_much(message) {
            return (Authentication::UNKNOWN, false);
        }
        let Some(mut parsed) = AuthenticatedMessage::parse(message) else {
            return (Authentication::UNKNOWN, false);
        };
        let has_one_author = match parsed.froms() {
            [one] => one.eq_ignore_ascii_case(author),
            _ => false,
        };
        let is_judged = |ip: IpAddr| is_outside(ip) && !self.relays.contains(&ip);
        let Some((client, helo)) = brought_by(message).filter(|(ip, _)| is_judged(*ip)) else {
            return (Authentication::UNKNOWN, has_one_author);
        };
        let sender_domain = mail_from
            .rsplit_once('@')
            .map_or(helo.as_str(), |(_, domain)| domain);
        let asked = if mail_from.is_empty() {
            SpfParameters::verify_ehlo(client, &helo, &self.our_name)
        } else {
            SpfParameters::verify_mail_from(client, &helo, &self.our_name, mail_from)
        };
        let is_by_author = only_signatures_of(&mut parsed, author);
        let (spf, dkim) = tokio::join!(
            timeout(METHOD_TIMEOUT, self.authenticator.verify_spf(asked)),
            timeout(METHOD_TIMEOUT, self.authenticator.verify_dkim(&parsed)),
        );
        let spf = spf.unwrap_or_else(|_| {
            SpfOutput::new(sender_domain.to_owned()).with_result(SpfResult::TempError)
        });
        let is_late = dkim.is_err();
        let dkim = dkim.unwrap_or_default();
        let asked = DmarcParameters::new(&parsed, &dkim, sender_domain, &spf);
        let dmarc = timeout(METHOD_TIMEOUT, self.authenticator.verify_dmarc(asked)).await;
        let mut found = Authentication {
            spf: of_spf(spf.result()),
            dkim: if is_late {
                AuthResult::TempError
            } else {
                of_dkim(&dkim)
            },
            dmarc: dmarc
                .as_ref()
                .map_or(AuthResult::TempError, |dmarc| of_dmarc(&dmarc.result())),
            is_strict: dmarc
                .is_ok_and(|dmarc| matches!(dmarc.policy(), Policy::Quarantine | Policy::Reject)),
        };
        // What a stranger has signed could not have spoken for the author, late or not.
        if is_late && is_by_author && found.dmarc == AuthResult::Fail {
            found.dmarc = AuthResult::TempError;
        }
        (found, has_one_author)
    }
}

/// Leaves those signatures that can speak for the author, or the first ones of others where there is
/// none; says which.
fn only_signatures_of(message: &mut AuthenticatedMessage<'_>, author: &str) -> bool {
    let domain = author.rsplit_once('@').map_or("", |(_, domain)| domain);
    let is_below = |one: &str, other: &str| {
        let above = one.strip_suffix(other);
        above.is_some_and(|rest| rest.is_empty() || rest.ends_with('.'))
    };
    let is_of_author = |signed: &str| {
        let signed = signed.to_ascii_lowercase();
        is_below(&signed, domain) || is_below(domain, &signed)
    };
    let signatures = &mut message.dkim_headers;
    let is_by_author = signatures.iter().any(|one| is_of_author(&one.header.d));
    if is_by_author {
        signatures.retain(|one| is_of_author(&one.header.d));
    }
    signatures.truncate(SIGNATURES_CHECKED_MAX);
    is_by_author
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

/// Whether it is somebody outside the house: a server of our own passes on what others brought to it,
/// and speaks for none of them.
fn is_outside(ip: IpAddr) -> bool {
    match ip {
        IpAddr::V4(ip) => {
            let [first, second, ..] = ip.octets();
            // Shared address space (RFC 6598).
            let is_shared = first == 100 && second & 0xc0 == 64;
            !(ip.is_loopback() || ip.is_private() || ip.is_link_local() || is_shared)
        }
        IpAddr::V6(ip) => !(ip.is_loopback() || ip.is_unique_local() || ip.is_unicast_link_local()),
    }
}

/// Who brought a mail, and under what name: our own MX has written it on top of it.
fn brought_by(message: &[u8]) -> Option<(IpAddr, String)> {
    let trace = values_on_wire(message, "Received").into_iter().next()?;
    let from = trace.trim_start().strip_prefix("from ")?;
    let (helo, rest) = from.split_once(" ([")?;
    let (ip, _) = rest.split_once("])")?;
    let ip = ip.strip_prefix("IPv6:").unwrap_or(ip);
    Some((ip.parse().ok()?, helo.to_owned()))
}

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
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;

    #[test]
    fn our_own_trace_says_who_brought_a_mail() {
        let by =
            |trace: &str| brought_by(format!("Received: {trace}\r\nFrom: a@b\r\n\r\nx").as_bytes());
        let four =
            by("from out.example ([192.0.2.7])\r\n\tby gw.example with ESMTP id 1;\r\n\tMon");
        assert_eq!(
            four,
            Some(("192.0.2.7".parse().unwrap(), "out.example".to_owned()))
        );
        let six = by("from unknown ([IPv6:2001:db8::7])\r\n\tby gw.example");
        assert_eq!(six.unwrap().0, "2001:db8::7".parse::<IpAddr>().unwrap());
        for none in ["by gw.example", "from x (y)", "from x ([y])"] {
            assert_eq!(by(none), None, "{none}");
        }
        assert_eq!(
            brought_by(b"From: a@b\r\n\r\nReceived: from x ([192.0.2.7])\r\n"),
            None
        );
    }

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

    #[test]
    fn our_own_servers_speak_for_nobody() {
        for (ip, outside) in [
            ("192.0.2.7", true),
            ("2001:db8::7", true),
            ("10.0.0.7", false),
            ("100.127.0.7", false),
            ("100.128.0.7", true),
            ("127.0.0.1", false),
            ("::1", false),
            ("fd00::7", false),
        ] {
            assert_eq!(is_outside(ip.parse().unwrap()), outside, "{ip}");
        }
    }
}
