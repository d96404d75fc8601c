//! What of a response belongs to the question. All else is left out before the validator sees it.
//!
//! hickory's validator believes of a response what is signed well, whosever it is: a denial of
//! another zone, a DS record of another name, an unsigned record of an unsigned zone beside it.
//! Whoever stands between us and the name servers can put those beside any answer. So that nothing
//! follows from them they do not come in.
//!
//! Left here are the records of the name that was asked about, or its alias and nothing that this
//! leads to (each name is asked about, and proven, for itself); SOA and NS records of the name and
//! of those above it; denials that are signed by the name's zone or one above it. Of the questions
//! the validator asks by itself those for DS records want more: what the parent says, and only it.

use std::{
    pin::Pin,
    sync::{Arc, OnceLock},
};

use futures_util::{Stream, future, stream};
use hickory_resolver::{
    NameServerPool,
    net::{
        DnsError, NetError, NoRecords,
        dnssec::DnssecDnsHandle,
        runtime::TokioRuntimeProvider,
        xfer::{DnsHandle, FirstAnswer, RetryDnsHandle},
    },
    proto::{
        dnssec::{
            Proof, TrustAnchors,
            rdata::{DNSSECRData, RRSIG},
        },
        op::{DnsRequest, DnsRequestOptions, DnsResponse, Message, OpCode, Query, ResponseCode},
        rr::{Name, RData, Record, RecordType, rdata::NS},
    },
};

use super::dnssec::is_same;

/// Most RRsets of which it is remembered how they validated.
const VALIDATIONS_MAX: usize = 10_000;
/// NSEC3 records with more iterations are not looked at (RFC 9276 section 3.2).
pub(super) const ITERATIONS_MAX: u16 = 500;

/// What carries questions to the name servers.
pub(super) type Transport = RetryDnsHandle<NameServerPool<TokioRuntimeProvider>>;
/// What validates.
pub(super) type Validator = DnssecDnsHandle<Trimming>;

/// Stands between the validator and what carries its questions.
#[derive(Clone)]
pub(super) struct Trimming {
    inner: Transport,
    /// What stands above, for [`Trimming::is_parent`].
    validator: Arc<OnceLock<Validator>>,
}

/// A validator that sees nothing but what belongs to its questions.
pub(super) fn validator_over(inner: Transport, anchors: Arc<TrustAnchors>) -> Validator {
    let trimming = Trimming {
        inner,
        validator: Arc::new(OnceLock::new()),
    };
    let itself = Arc::clone(&trimming.validator);
    let validator = DnssecDnsHandle::with_trust_anchor(trimming, anchors)
        .nsec3_iteration_limits(Some(ITERATIONS_MAX), Some(ITERATIONS_MAX))
        .validation_cache_size(VALIDATIONS_MAX);
    // It is there for the first time.
    let _ = itself.set(validator.clone());
    validator
}

impl DnsHandle for Trimming {
    type Response = Pin<Box<dyn Stream<Item = Result<DnsResponse, NetError>> + Send>>;
    type Runtime = TokioRuntimeProvider;

    fn send(&self, mut request: DnsRequest) -> Self::Response {
        let Some(question) = request.queries.first().cloned() else {
            let error = NetError::Message("there is no question");
            return Box::pin(stream::once(future::ready(Err(error))));
        };
        // RFC 6840 section 5.9: who validates by itself wants to see also what others think
        // bogus; and some pass on signatures only then.
        request.metadata.checking_disabled = true;
        let options = *request.options();
        let answer = self.inner.send(request).first_answer();
        let trimming = self.clone();
        Box::pin(stream::once(async move {
            trimming.trim(&question, options, answer.await).await
        }))
    }
}

impl Trimming {
    async fn trim(
        &self,
        question: &Query,
        options: DnsRequestOptions,
        answer: Result<DnsResponse, NetError>,
    ) -> Result<DnsResponse, NetError> {
        match answer {
            Ok(mut response) => {
                trim_response(question, &mut response)?;
                let kept = std::mem::take(&mut response.authorities);
                response.authorities = self.of_parent(question, options, kept).await;
                Ok(response)
            }
            Err(NetError::Dns(DnsError::NoRecordsFound(mut none))) => {
                trim_denial(question, &mut none)?;
                if let Some(kept) = none.authorities.take() {
                    let kept = self.of_parent(question, options, kept.to_vec()).await;
                    none.authorities = (!kept.is_empty()).then(|| kept.into());
                }
                Err(none.into())
            }
            Err(failure) if question.query_type() == RecordType::NS => {
                self.cut(question, options, failure).await
            }
            Err(other) => Err(other),
        }
    }

    /// The validator asks for NS records to see where a zone begins that nobody signs; then it has
    /// the parent deny the DS records. There are zones whose servers answer everything but that.
    /// What it sees of them needs no proof, so it is told instead that one begins where a signed
    /// denial of DS records is, and none elsewhere.
    async fn cut(
        &self,
        question: &Query,
        options: DnsRequestOptions,
        failure: NetError,
    ) -> Result<DnsResponse, NetError> {
        let name = question.name();
        let asked = Query::query(name.clone(), RecordType::DS);
        let Err(NetError::Dns(DnsError::NoRecordsFound(none))) =
            self.lookup(asked, options).first_answer().await
        else {
            return Err(failure);
        };
        let is_denial =
            |record: &Record| matches!(record.record_type(), RecordType::NSEC | RecordType::NSEC3);
        if !none
            .authorities
            .iter()
            .flat_map(|it| it.iter())
            .any(is_denial)
        {
            let none = NoRecords::new(question.clone(), ResponseCode::NoError);
            return Err(none.into());
        }
        let mut response = Message::response(0, OpCode::Query);
        response.add_query(question.clone());
        let begins = RData::NS(NS(name.clone()));
        response.add_answer(Record::from_rdata(name.clone(), 0, begins));
        Ok(DnsResponse::from_message(response)?)
    }

    /// Leaves out of what is said about DS records NSEC3 records of a zone that is not known to be
    /// the parent.
    ///
    /// hickory concludes from an NSEC3 record with the opt-out flag that a name is delegated
    /// without a signature if only the hash of the name lies in its span. Those of `com` span the
    /// hashes of almost everything, also of `mx.example.com`, of which they say nothing where
    /// `example.com` is a zone of its own (RFC 5155 section 8.6 wants the next closer name).
    async fn of_parent(
        &self,
        question: &Query,
        options: DnsRequestOptions,
        mut authorities: Vec<Record>,
    ) -> Vec<Record> {
        let nsec3 = |record: &&Record| record.record_type() == RecordType::NSEC3;
        if question.query_type() != RecordType::DS {
            return authorities;
        }
        let Some(zone) = authorities.iter().find(nsec3).map(|it| it.name.base_name()) else {
            return authorities;
        };
        let is_alone = authorities
            .iter()
            .filter(nsec3)
            .all(|record| is_same(&record.name.base_name(), &zone));
        if !is_alone || !self.is_parent(&zone, question.name(), options).await {
            authorities.retain(|record| covered(record) != RecordType::NSEC3);
        }
        authorities
    }

    /// Whether the zone reaches to the name: between them the zone itself has denied, with proof,
    /// that one is delegated with a signature.
    async fn is_parent(&self, zone: &Name, name: &Name, options: DnsRequestOptions) -> bool {
        let between = name.base_name();
        if is_same(&between, zone) {
            return true;
        }
        let Some(validator) = self.validator.get() else {
            return false;
        };
        // What is between them is shorter than the name: this comes to an end.
        let asked = Query::query(between, RecordType::DS);
        let Ok(response) = validator.lookup(asked, options).first_answer().await else {
            return false;
        };
        let is_denied = !response
            .answers
            .iter()
            .any(|record| record.record_type() == RecordType::DS);
        is_denied
            && response.authorities.iter().any(|record| {
                record.record_type() == RecordType::NSEC3
                    && record.proof == Proof::Secure
                    && is_same(&record.name.base_name(), zone)
            })
    }
}

/// # Errors
/// If it answers another question.
fn trim_response(question: &Query, response: &mut DnsResponse) -> Result<(), NetError> {
    let [answered] = response.queries.as_slice() else {
        return Err(NetError::Message("the response has not one question"));
    };
    check(question, answered)?;
    let answers = std::mem::take(&mut response.answers);
    response.answers = answers_to(question, answers);
    let authorities = std::mem::take(&mut response.authorities);
    response.authorities = authorities_of(question, authorities);
    // EDNS is not among them.
    response.additionals.clear();
    Ok(())
}

/// # Errors
/// If it answers another question.
fn trim_denial(question: &Query, none: &mut NoRecords) -> Result<(), NetError> {
    check(question, &none.query)?;
    let authorities = none.authorities.take();
    let kept = authorities.map(|records| authorities_of(question, records.to_vec()));
    none.authorities = kept.filter(|kept| !kept.is_empty()).map(Into::into);
    none.soa = none.soa.take().filter(|soa| is_above(&soa.name, question));
    none.ns = None;
    Ok(())
}

fn check(question: &Query, answered: &Query) -> Result<(), NetError> {
    let is_it = is_same(question.name(), answered.name())
        && question.query_type() == answered.query_type()
        && question.query_class() == answered.query_class();
    if is_it {
        Ok(())
    } else {
        Err(NetError::Message("the response answers another question"))
    }
}

/// The RRset that was asked for, or the alias that stands there instead, and its signatures.
fn answers_to(question: &Query, mut records: Vec<Record>) -> Vec<Record> {
    let (name, kind) = (question.name(), question.query_type());
    let has_it = records
        .iter()
        .any(|record| is_same(&record.name, name) && record.record_type() == kind);
    // The validator takes no alias for an answer to these.
    let is_plain = matches!(kind, RecordType::DS | RecordType::DNSKEY | RecordType::NS);
    let kept = if has_it || is_plain {
        kind
    } else {
        RecordType::CNAME
    };
    records.retain(|record| {
        is_same(&record.name, name)
            && match signature(record) {
                None => record.record_type() == kept,
                Some(rrsig) => rrsig.input().type_covered == kept && may_sign(rrsig, record),
            }
    });
    records
}

/// Whether the signer may sign such a record.
fn may_sign(rrsig: &RRSIG, record: &Record) -> bool {
    let input = rrsig.input();
    let is_whole = input.num_labels == record.name.num_labels();
    let is_itself = is_same(&input.signer_name, &record.name);
    input.signer_name.zone_of(&record.name)
        && match input.type_covered {
            RecordType::DS => is_whole && !is_itself,
            RecordType::DNSKEY => is_whole && is_itself,
            _ => true,
        }
}

fn authorities_of(question: &Query, records: Vec<Record>) -> Vec<Record> {
    let kept: Vec<bool> = records
        .iter()
        .map(|record| belongs(question, record, &records))
        .collect();
    let both = records.into_iter().zip(kept);
    both.filter_map(|(record, is_kept)| is_kept.then_some(record))
        .collect()
}

fn belongs(question: &Query, record: &Record, all: &[Record]) -> bool {
    match covered(record) {
        RecordType::SOA | RecordType::NS => {
            let may_sign = |rrsig: &RRSIG| rrsig.input().signer_name.zone_of(&record.name);
            is_above(&record.name, question) && signature(record).is_none_or(may_sign)
        }
        kind @ (RecordType::NSEC | RecordType::NSEC3) => signer_of(&record.name, kind, all)
            .is_some_and(|signer| {
                let is_its = match kind {
                    RecordType::NSEC3 => {
                        !record.name.is_root() && is_same(&record.name.base_name(), signer)
                    }
                    _ => signer.zone_of(&record.name),
                };
                is_its && is_above(signer, question)
            }),
        _ => false,
    }
}

/// Whether the name is that of the question or one above it; of those that say something about DS
/// records one above it.
fn is_above(name: &Name, question: &Query) -> bool {
    let is_child = question.query_type() == RecordType::DS && is_same(name, question.name());
    name.zone_of(question.name()) && !is_child
}

/// Who has signed the RRset, if it was one zone alone.
fn signer_of<'a>(name: &Name, kind: RecordType, all: &'a [Record]) -> Option<&'a Name> {
    let mut signers = all.iter().filter_map(|record| {
        let input = signature(record)?.input();
        let is_it = input.type_covered == kind && is_same(&record.name, name);
        is_it.then_some(&input.signer_name)
    });
    let first = signers.next()?;
    signers
        .all(|signer| is_same(signer, first))
        .then_some(first)
}

/// The kind of a record, of a signature that of what it signs.
fn covered(record: &Record) -> RecordType {
    signature(record).map_or_else(|| record.record_type(), |it| it.input().type_covered)
}

/// The record as a signature.
pub(super) fn signature(record: &Record) -> Option<&RRSIG> {
    match &record.data {
        RData::DNSSEC(DNSSECRData::RRSIG(rrsig)) => Some(rrsig),
        _ => None,
    }
}

#[cfg(test)]
#[path = "trim_tests.rs"]
mod tests;
