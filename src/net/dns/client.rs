//! Asks about one name at a time, and validates what it is told.

use std::{
    collections::HashMap,
    sync::{Arc, Mutex, PoisonError},
    time::Duration,
};

use super::{
    DnsFailure,
    dnssec::{Found, Security, host_name, is_special, judge},
    failure_of,
    trim::{Transport, Validator, validator_over},
};
use hickory_resolver::{
    Hosts, NameServerPool, PoolContext, TlsConfig, TokioResolver,
    config::{NameServerConfig, ResolverOpts},
    net::{
        DnsError, NetError,
        runtime::TokioRuntimeProvider,
        xfer::{DnsHandle, FirstAnswer},
    },
    proto::{
        dnssec::TrustAnchors,
        op::{DnsRequestOptions, DnsResponse, Query, ResponseCode},
        rr::{Name, Record, RecordType},
    },
};
use tokio::time::Instant;

/// Most answers remembered.
const ANSWERS_MAX: usize = 4096;
/// Records are asked for again after so long at the latest.
const RECORDS_TTL_MAX: Duration = Duration::from_secs(60 * 60);
/// A denial is not asked for again for so long, though it may say less.
const DENIAL_TTL: Duration = Duration::from_secs(60);
/// Nor is what nobody vouches for: one attempt at a delivery asks a lot of it (RFC 4035 section
/// 4.7).
const BOGUS_TTL: Duration = Duration::from_secs(60);

/// What questions are asked with.
#[derive(Clone)]
pub(super) struct Asking {
    pub(super) options: ResolverOpts,
    pub(super) tls: Arc<rustls::ClientConfig>,
    pub(super) anchors: Arc<TrustAnchors>,
    pub(super) hosts: Arc<Hosts>,
    /// For names that nobody vouches for.
    pub(super) plain: TokioResolver,
}

/// Asks some name servers.
pub(super) struct Client {
    validator: Validator,
    options: DnsRequestOptions,
    hosts: Arc<Hosts>,
    plain: TokioResolver,
    answers: Mutex<Answers>,
}

/// Answers, and until when they are good.
type Answers = HashMap<(String, RecordType), (Instant, Found)>;

impl Client {
    pub(super) fn over(servers: Vec<NameServerConfig>, asking: &Asking) -> Self {
        let tls = TlsConfig {
            config: asking.tls.as_ref().clone(),
        };
        let mut options = asking.options.clone();
        options.validate = true;
        // Without it no answer longer than 512 octets comes by a datagram.
        options.edns0 = true;
        let mut request = DnsRequestOptions::default();
        request.recursion_desired = options.recursion_desired;
        request.use_edns = options.edns0;
        request.edns_payload_len = options.edns_payload_len;
        request.case_randomization = options.case_randomization;
        request.edns_set_dnssec_ok = true;
        let attempts = options.attempts;
        let context = Arc::new(PoolContext::new(options, tls));
        let provider = TokioRuntimeProvider::default();
        let pool = NameServerPool::from_config(servers, context, provider);
        Self {
            validator: validator_over(Transport::new(pool, attempts), Arc::clone(&asking.anchors)),
            options: request,
            hosts: Arc::clone(&asking.hosts),
            plain: asking.plain.clone(),
            answers: Mutex::new(HashMap::new()),
        }
    }

    /// What is there at one name.
    ///
    /// # Errors
    /// [`DnsFailure::Temporary`] if that is not known.
    pub(super) async fn find(&self, name: &Name, kind: RecordType) -> Result<Found, DnsFailure> {
        let key = (host_name(name), kind);
        if let Some(known) = self.known(&key) {
            return Ok(known);
        }
        let question = Query::query(name.clone(), kind);
        if let Some(lookup) = self.hosts.lookup_static_host(&question) {
            let records: Vec<Record> = lookup.answers().to_vec();
            if !records.is_empty() {
                return Ok(Found::Records(records, Security::Insecure));
            }
        }
        if is_special(name) {
            return self.find_special(name, kind).await;
        }
        let found = self.ask(&question).await?;
        self.remember(key, &found);
        Ok(found)
    }

    /// Asks, whatever is remembered.
    pub(super) async fn ask(&self, question: &Query) -> Result<Found, DnsFailure> {
        let asked = self.validator.lookup(question.clone(), self.options);
        let (response, is_content) = match asked.first_answer().await {
            Ok(response) => (response, true),
            Err(NetError::Dns(DnsError::Nsec { response, .. })) => (*response, false),
            // Both are of the resolver, which is not among us.
            Err(NetError::Dns(DnsError::NoRecordsFound(_) | DnsError::DnssecBogus)) => {
                return Ok(Found::Bogus);
            }
            Err(error) => return Err(failure_of(&error)),
        };
        meant(&response)?;
        Ok(judge(question, &response, is_content))
    }

    /// As the resolver says that does not validate, which follows aliases by itself.
    async fn find_special(&self, name: &Name, kind: RecordType) -> Result<Found, DnsFailure> {
        let failure = match self.plain.lookup(name.clone(), kind).await {
            Ok(lookup) => {
                let is_it = |record: &&Record| record.record_type() == kind;
                let records: Vec<Record> = lookup.answers().iter().filter(is_it).cloned().collect();
                if !records.is_empty() {
                    return Ok(Found::Records(records, Security::Insecure));
                }
                DnsFailure::NoRecords
            }
            Err(error) => failure_of(&error),
        };
        match failure {
            DnsFailure::NoRecords | DnsFailure::NoSuchDomain => {
                Ok(Found::Nothing(failure, Security::Insecure))
            }
            DnsFailure::Temporary(_) | DnsFailure::Bogus => Err(failure),
        }
    }

    fn known(&self, key: &(String, RecordType)) -> Option<Found> {
        let answers = self.answers.lock().unwrap_or_else(PoisonError::into_inner);
        let (until, found) = answers.get(key)?;
        (Instant::now() < *until).then(|| found.clone())
    }

    fn remember(&self, key: (String, RecordType), found: &Found) {
        let now = Instant::now();
        let mut answers = self.answers.lock().unwrap_or_else(PoisonError::into_inner);
        if answers.len() >= ANSWERS_MAX {
            answers.retain(|_, (until, _)| now < *until);
        }
        if answers.len() >= ANSWERS_MAX {
            answers.clear();
        }
        answers.insert(key, (now + lasts(found), found.clone()));
    }
}

/// # Errors
/// If the name servers could not answer.
fn meant(response: &DnsResponse) -> Result<(), DnsFailure> {
    match response.metadata.response_code {
        ResponseCode::NoError | ResponseCode::NXDomain => Ok(()),
        other => Err(DnsFailure::Temporary(other.to_string())),
    }
}

/// For how long an answer is good. An alias, whose TTL is not kept, as long as a denial.
fn lasts(found: &Found) -> Duration {
    match found {
        Found::Records(records, _) => {
            let ttl = records.iter().map(|record| record.ttl).min();
            Duration::from_secs(ttl.unwrap_or_default().into()).min(RECORDS_TTL_MAX)
        }
        Found::Alias(..) | Found::Nothing(..) => DENIAL_TTL,
        Found::Unproven | Found::Bogus => BOGUS_TTL,
    }
}
