//! Answers that are validated by DNSSEC, from whatever resolver the system has.

use std::{net::IpAddr, sync::Arc, time::Duration};

use super::{
    ANSWER_TIMEOUT, DnsFailure, absolute, denied,
    dnssec::{ALIASES_MAX, Checked, Security, Trail},
    failure_of,
};
use hickory_resolver::{
    ResolverBuilder, TokioResolver,
    net::{DnsError, NetError, runtime::TokioRuntimeProvider},
    proto::{
        dnssec::TrustAnchors,
        rr::{Name, RData, RecordType},
    },
};
use tokio::{sync::Mutex, time::Instant};

/// Longest wait for the name servers to show that they pass on what DNSSEC needs.
const PROBE_TIMEOUT: Duration = Duration::from_secs(5);
/// Those that do not are looked at again after so long.
const PROBE_PAUSE: Duration = Duration::from_secs(5 * 60);
/// A proven denial is not asked for again for so long, though it may say less.
const DENIAL_TTL_MIN: Duration = Duration::from_secs(60);

/// When answers are validated by DNSSEC.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Validation {
    /// As soon as the name servers have shown that they pass on what it needs; from then on always:
    /// whoever can spoil answers must not be able to undo it.
    Auto,
    /// Always.
    Always,
}

/// A resolver that validates.
pub(super) struct Validating {
    resolver: TokioResolver,
    validation: Validation,
    probed: Mutex<Probed>,
}

/// What is known of the name servers.
#[derive(Debug, Clone, Copy)]
enum Probed {
    /// Nothing yet.
    Unknown,
    /// They pass on what DNSSEC needs.
    Passes,
    /// They did not, and are not asked again before.
    Strips(Instant),
}

impl Validating {
    /// `builder` names who is asked.
    pub(super) fn new(
        mut builder: ResolverBuilder<TokioRuntimeProvider>,
        anchors: TrustAnchors,
        validation: Validation,
    ) -> Result<Self, NetError> {
        let options = builder.options_mut();
        options.validate = true;
        // Without it no answer longer than 512 octets comes by a datagram.
        options.edns0 = true;
        // Aliases are looked at, too.
        options.preserve_intermediates = true;
        options.negative_min_ttl = Some(DENIAL_TTL_MIN);
        Ok(Self {
            // The resolver does not look at the option of this name.
            resolver: builder.with_trust_anchor(Arc::new(anchors)).build()?,
            validation,
            probed: Mutex::new(Probed::Unknown),
        })
    }

    /// What validates, unless the name servers are in its way.
    pub(super) async fn resolver(&self) -> Option<&TokioResolver> {
        self.is_on().await.then_some(&self.resolver)
    }

    async fn is_on(&self) -> bool {
        if self.validation == Validation::Always {
            return true;
        }
        let mut probed = self.probed.lock().await;
        match *probed {
            Probed::Passes => return true,
            Probed::Strips(until) if Instant::now() < until => return false,
            Probed::Unknown | Probed::Strips(_) => {}
        }
        let passes = self.passes().await;
        match (passes, *probed) {
            (true, _) => tracing::info!("the name servers pass on DNSSEC; answers are validated"),
            (false, Probed::Unknown) => tracing::warn!(
                "the name servers do not pass on DNSSEC: no mail server is looked at by DANE"
            ),
            (false, Probed::Passes | Probed::Strips(_)) => {}
        }
        *probed = if passes {
            Probed::Passes
        } else {
            Probed::Strips(Instant::now() + PROBE_PAUSE)
        };
        passes
    }

    /// Whether that the root has no MX records comes with a proof: for that the name servers must
    /// know the root, leave signatures and denials in answers, and our clock must be right.
    async fn passes(&self) -> bool {
        let asked = self.resolver.lookup(Name::root(), RecordType::MX);
        match tokio::time::timeout(PROBE_TIMEOUT, asked).await {
            Ok(Err(NetError::Dns(DnsError::NoRecordsFound(none)))) => {
                Trail::new(Name::root()).denial(&none) == Some(Security::Secure)
            }
            Ok(_) | Err(_) => false,
        }
    }
}

/// Why a validating resolver has no records.
pub(super) enum Nothing {
    /// There are none; who vouches for that, if somebody does who should.
    Denied(DnsFailure, Option<Security>),
    /// It is not known.
    Failed(DnsFailure),
}

impl From<Nothing> for DnsFailure {
    fn from(nothing: Nothing) -> Self {
        match nothing {
            Nothing::Denied(failure, Some(_)) | Nothing::Failed(failure) => failure,
            Nothing::Denied(_, None) => Self::Bogus,
        }
    }
}

/// The records of a name as `read` has them, at most `max`; never none.
pub(super) async fn checked<T>(
    resolver: &TokioResolver,
    name: &str,
    kind: RecordType,
    max: usize,
    read: impl Fn(&RData) -> Option<T>,
) -> Result<Checked<T>, Nothing> {
    let temporary = |why: String| Nothing::Failed(DnsFailure::Temporary(why));
    let asking = async {
        let origin = Name::from_utf8(absolute(name)).map_err(|why| temporary(why.to_string()))?;
        let mut trail = Trail::new(origin);
        for _ in 0..ALIASES_MAX {
            let nothing = match resolver.lookup(trail.at().clone(), kind).await {
                Ok(answer) => {
                    let (answers, authorities) = (answer.answers(), answer.authorities());
                    if let Some((trail, found)) = trail.clone().end(kind, answers, authorities) {
                        let found = found.into_iter().filter_map(|record| read(&record.data));
                        return Ok(trail.checked(found.take(max).collect()));
                    }
                    Nothing::Failed(DnsFailure::Bogus)
                }
                Err(error) => nothing_of(&error, &trail),
            };
            let is_unproven = matches!(
                nothing,
                Nothing::Denied(_, None) | Nothing::Failed(DnsFailure::Bogus)
            );
            // The resolver holds a denial of what an alias leads to against the alias itself: what
            // seems unproven is asked for again from where the alias leads.
            let is_followed = is_unproven && {
                let alias = resolver.lookup(trail.at().clone(), RecordType::CNAME).await;
                alias.is_ok_and(|alias| trail.follow(alias.answers()))
            };
            if !is_followed {
                return Err(nothing);
            }
        }
        Err(Nothing::Failed(DnsFailure::Bogus))
    };
    let answer = tokio::time::timeout(ANSWER_TIMEOUT, asking).await;
    answer.unwrap_or_else(|_| Err(temporary("no answer in time".to_owned())))
}

fn nothing_of(error: &NetError, trail: &Trail) -> Nothing {
    match error {
        NetError::Dns(DnsError::NoRecordsFound(none)) => match denied(none.response_code) {
            Ok(failure) => Nothing::Denied(failure, trail.denial(none)),
            Err(other) => Nothing::Failed(DnsFailure::Temporary(other.to_string())),
        },
        // A denial of a kind that must not be believed (RFC 9276 section 3.2).
        NetError::Dns(DnsError::Nsec { response, .. }) if response.answers.is_empty() => {
            match denied(response.response_code) {
                Ok(failure) => Nothing::Denied(failure, Some(Security::Insecure)),
                Err(other) => Nothing::Failed(DnsFailure::Temporary(other.to_string())),
            }
        }
        NetError::Dns(DnsError::DnssecBogus | DnsError::Nsec { .. }) => {
            Nothing::Failed(DnsFailure::Bogus)
        }
        other => Nothing::Failed(failure_of(other)),
    }
}

/// What is known of both families; one alone is enough to go by.
pub(super) fn of_both(
    six: Result<Checked<IpAddr>, Nothing>,
    four: Result<Checked<IpAddr>, Nothing>,
) -> Result<Checked<IpAddr>, DnsFailure> {
    match (six, four) {
        (Ok(mut six), Ok(four)) => {
            six.records.extend(four.records);
            six.security = six.security.min(four.security);
            if six.names.len() < four.names.len() {
                six.names = four.names;
            }
            Ok(six)
        }
        (Ok(one), Err(_)) | (Err(_), Ok(one)) => Ok(one),
        (Err(six), Err(four)) => {
            let (six, four) = (DnsFailure::from(six), DnsFailure::from(four));
            Err(match six {
                DnsFailure::NoSuchDomain => four,
                DnsFailure::NoRecords if four == DnsFailure::NoSuchDomain => six,
                DnsFailure::NoRecords => four,
                DnsFailure::Temporary(_) | DnsFailure::Bogus => six,
            })
        }
    }
}
