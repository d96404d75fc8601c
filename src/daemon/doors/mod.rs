//! What the SMTP listeners do with senders, recipients and messages.

mod auth;
mod content;
mod listener;
mod quota;
mod reports;
mod rights;

#[cfg(test)]
mod tests;

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use bytes::Bytes;

use crate::clock::SharedClock;
use crate::config::Config;
use crate::domain::{DeliveryId, EmailAddress, PhoneNumber, Redacted, ReturnPath, UserId};
use crate::inbound::{Inbound, InboundError};
use crate::listener::{
    Decision, MessageSink, ReceivedMessage, Service, SessionInfo, StoreRefusal, StoredId,
};
use crate::observe::Metrics;
use crate::proto::mime::submitted::{Additions, complete};
use crate::proto::smtp::{
    AuthRequest, AuthResult, Enhanced, ForwardPath, MailParams, Mailbox, Recipient, Reply,
    ReversePath,
};
use crate::store::{Repo, RepoError, StoreError};
use crate::submit::{MailRecipient, RecipientRefusal, SubmitError, SubmittedMail, Submitter};

pub(super) use self::auth::Gate;
use self::content::content;
pub(super) use self::listener::{Memories, listener};
use self::quota::{Limits, OverQuota, Quota};
use self::reports::ReportRules;

/// Takes mail in at all three doors.
pub(super) struct Doors {
    repo: Repo,
    submitter: Submitter,
    inbound: Inbound,
    clock: SharedClock,
    metrics: Arc<Metrics>,
    gate: Gate,
    quota: Mutex<Quota>,
    /// Of applications made with `tocsin user`.
    limits: Limits,
    reports: ReportRules,
    names: Names,
}

/// What we are called.
struct Names {
    server: String,
    sms_domain: String,
    /// There is a carrier for texts.
    texts: bool,
    /// There is a trunk for calls.
    calls: bool,
    voice_domain: String,
    own_domains: Vec<String>,
    from: String,
    bounce_lifetime: Duration,
    region: String,
}

impl Doors {
    pub(super) fn new(
        config: &Config,
        repo: Repo,
        submitter: Submitter,
        inbound: Inbound,
        clock: SharedClock,
        gate: Gate,
        metrics: Arc<Metrics>,
    ) -> Self {
        let server = &config.server;
        Self {
            gate,
            quota: Mutex::default(),
            limits: limits(
                config.submission.recipients_per_hour,
                config.submission.recipients_per_day,
            ),
            reports: ReportRules::new(config),
            repo,
            submitter,
            inbound,
            clock,
            metrics,
            names: Names {
                server: server.name.clone(),
                sms_domain: server.sms_domain.clone(),
                texts: !config.sms.binds.is_empty(),
                calls: config.voice.trunk.is_some(),
                voice_domain: server.voice_domain.clone(),
                own_domains: vec![
                    server.domain.clone(),
                    server.bounce_domain.clone(),
                    server.name.clone(),
                ],
                from: config.email.from.clone(),
                bounce_lifetime: server.bounce_lifetime,
                region: server.default_region.clone(),
            },
        }
    }

    fn submitted_recipient(&self, path: &ForwardPath) -> Result<MailRecipient, Reply> {
        let bad = |why: &str| Reply::new(550, Enhanced(5, 1, 3), why);
        let ForwardPath::Mailbox(mailbox) = path else {
            return Err(bad("write to postmaster with a domain"));
        };
        let domain = mailbox.domain().to_string();
        let number = || {
            PhoneNumber::parse(mailbox.local(), &self.names.region)
                .map(Redacted::new)
                .map_err(|error| bad(&error.to_string()))
        };
        let off = |what: &str| Reply::new(550, Enhanced(5, 3, 3), what);
        if domain.eq_ignore_ascii_case(&self.names.sms_domain) {
            if !self.names.texts {
                return Err(off("no SMS carrier is configured here"));
            }
            return Ok(MailRecipient::Text(number()?));
        }
        if domain.eq_ignore_ascii_case(&self.names.voice_domain) {
            if !self.names.calls {
                return Err(off("no SIP trunk is configured here"));
            }
            return Ok(MailRecipient::Call(number()?));
        }
        EmailAddress::parse(&mailbox.to_string())
            .map(|address| MailRecipient::Email(Redacted::new(address)))
            .map_err(|error| bad(&error.to_string()))
    }

    fn decide_submitted(&self, path: &ForwardPath) -> Decision {
        let recipient = match self.submitted_recipient(path) {
            Ok(recipient) => recipient,
            Err(reply) => return self.refuse("submission", "recipient", reply),
        };
        match self.submitter.check_recipient(&recipient) {
            Ok(None) => Decision::Accept,
            Ok(Some(RecipientRefusal::Suspended)) => self.refuse(
                "submission",
                "suspended",
                Reply::new(
                    550,
                    Enhanced(5, 2, 1),
                    "suspended after a permanent failure; an operator can reinstate it",
                ),
            ),
            Ok(Some(RecipientRefusal::OptedOut)) => self.refuse(
                "submission",
                "opted_out",
                Reply::new(550, Enhanced(5, 7, 1), "this person has opted out"),
            ),
            Err(error) => {
                tracing::error!(%error, "a recipient cannot be looked up");
                Decision::Reject(Reply::new(451, Enhanced(4, 3, 0), "try again later"))
            }
        }
    }

    fn decide_incoming(&self, path: &ForwardPath) -> Decision {
        let ForwardPath::Mailbox(mailbox) = path else {
            return Decision::Accept;
        };
        let address = mailbox.to_string();
        let unknown = || Reply::new(550, Enhanced(5, 1, 1), "no such mailbox here");
        match self.inbound.return_paths().parse(&address) {
            ReturnPath::Of(delivery) if self.is_expired(delivery) => {
                self.refuse("mx", "expired", unknown())
            }
            ReturnPath::Of(delivery) => match self.repo.delivery(delivery) {
                Ok(Some(_)) => Decision::Accept,
                Ok(None) => self.refuse("mx", "unknown", unknown()),
                Err(error) => {
                    tracing::error!(%error, "a delivery cannot be looked up");
                    Decision::Reject(Reply::new(451, Enhanced(4, 3, 0), "try again later"))
                }
            },
            ReturnPath::Forged => self.refuse("mx", "forged", unknown()),
            ReturnPath::Other if self.is_own_mailbox(mailbox, &address) => Decision::Accept,
            ReturnPath::Other if self.is_own_domain(mailbox) => {
                self.refuse("mx", "unknown", unknown())
            }
            ReturnPath::Other => self.refuse(
                "mx",
                "relay",
                Reply::new(550, Enhanced(5, 7, 1), "we do not relay"),
            ),
        }
    }

    /// Whether a delivery is so old that nobody has anything to report of it.
    fn is_expired(&self, delivery: DeliveryId) -> bool {
        self.clock.wall().since(delivery.made_at()) > self.names.bounce_lifetime
    }

    /// Our sender address takes replies; postmaster and abuse must always work (RFC 2142), and
    /// feedback loops want an address of their own.
    fn is_own_mailbox(&self, mailbox: &Mailbox, address: &str) -> bool {
        let role = ["postmaster", "abuse", "fbl"]
            .iter()
            .any(|role| mailbox.local().eq_ignore_ascii_case(role));
        address.eq_ignore_ascii_case(&self.names.from) || (role && self.is_own_domain(mailbox))
    }

    fn is_own_domain(&self, mailbox: &Mailbox) -> bool {
        let domain = mailbox.domain().to_string();
        self.names
            .own_domains
            .iter()
            .any(|own| own.eq_ignore_ascii_case(&domain))
    }

    /// The addresses and domains that an application may write as; none where that is left open.
    fn may_write_as(&self, user: &str) -> Option<&[String]> {
        let may = match self.gate.account(user) {
            Some(account) => &account.from,
            None => &self.names.own_domains,
        };
        Some(may.as_slice()).filter(|may| !may.is_empty())
    }

    /// Counts the recipients of a message, or says why there are too many.
    fn take_quota(
        &self,
        message: &ReceivedMessage,
        login: &str,
        user: UserId,
    ) -> Result<(), StoreRefusal> {
        let recipients = message.envelope.recipients.len() as u64;
        let account = self.gate.account(login);
        let limits = account.map_or(self.limits, |account| {
            limits(account.recipients_per_hour, account.recipients_per_day)
        });
        let taken = self
            .quota()
            .take(user, recipients, limits, self.clock.monotonic());
        taken.map_err(|over| {
            let session = &message.session.id;
            match over {
                OverQuota::For(wait) => {
                    let wait_secs = wait.as_secs();
                    tracing::warn!(%session, %user, recipients, wait_secs, "an application has written to as many recipients as it may for now");
                    let minutes = wait.as_secs().div_ceil(60);
                    let text = format!("too many recipients for now; room again in {minutes} min");
                    rejected(450, Enhanced(4, 7, 28), &text)
                }
                OverQuota::Ever => {
                    tracing::warn!(%session, %user, recipients, "an application writes to more recipients at once than it may in an hour or a day");
                    let text = "more recipients than this account may write to at all";
                    rejected(550, Enhanced(5, 7, 1), text)
                }
            }
        })
    }

    fn quota(&self) -> MutexGuard<'_, Quota> {
        self.quota.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn refuse(&self, source: &str, reason: &str, reply: Reply) -> Decision {
        self.metrics
            .messages_refused
            .with(&[source, reason])
            .increment();
        Decision::Reject(reply)
    }

    async fn store_submitted(&self, message: ReceivedMessage) -> Result<StoredId, StoreRefusal> {
        let login = message.session.user.clone().unwrap_or_default();
        let user = match self.repo.user_by_login(&login) {
            Ok(Some(user)) => user.id,
            Ok(None) => return Err(rejected(535, Enhanced(5, 7, 8), "this account is gone")),
            Err(_) => return Err(StoreRefusal::Temporary),
        };
        let may = self.may_write_as(&login);
        if may.is_some_and(|may| !rights::foreign_authors(may, &message.raw).is_empty()) {
            let text = "this account may not write as the author in From or Sender";
            return Err(rejected(550, Enhanced(5, 7, 1), text));
        }
        let mut recipients = Vec::with_capacity(message.envelope.recipients.len());
        for recipient in &message.envelope.recipients {
            recipients.push(
                self.submitted_recipient(&recipient.path)
                    .map_err(StoreRefusal::Rejected)?,
            );
        }
        let mail = SubmittedMail {
            user,
            content: content(&message.raw, &recipients)?,
            message: self.completed(&message),
            reports: self.reports.asked(&message.envelope),
            recipients,
        };
        self.take_quota(&message, &login, user)?;
        let submitted = self.submitter.submit_mail(&mail).await;
        if submitted.is_err() {
            self.quota()
                .give_back(user, message.envelope.recipients.len() as u64);
        }
        match submitted {
            Ok(id) => Ok(StoredId(id.to_string())),
            Err(SubmitError::Store(error) | SubmitError::Repo(RepoError::Store(error))) => {
                Err(refusal(&error))
            }
            Err(error) => {
                tracing::error!(%error, "a submitted message cannot be stored");
                Err(StoreRefusal::Temporary)
            }
        }
    }

    fn completed(&self, message: &ReceivedMessage) -> Bytes {
        let now = self.clock.wall();
        let message_id = format!(
            "{}.{}@{}",
            message.session.id,
            now.as_millis(),
            self.names.server
        );
        let additions = Additions {
            message_id: &message_id,
            date_secs: now.as_secs(),
            received: None,
        };
        Bytes::from(complete(&message.raw, &additions))
    }

    async fn store_incoming(&self, message: ReceivedMessage) -> Result<StoredId, StoreRefusal> {
        let recipients: Vec<String> = message
            .envelope
            .recipients
            .iter()
            .map(|recipient| recipient.path.to_string())
            .collect();
        let from = message.envelope.from.to_string();
        let id = message.session.id.clone();
        match self
            .inbound
            .keep_mail(&from, &recipients, Bytes::from(message.raw))
            .await
        {
            Ok(()) => Ok(StoredId(id)),
            Err(InboundError::Store(error)) => Err(refusal(&error)),
            Err(error) => {
                tracing::error!(%error, "an incoming message cannot be stored");
                Err(StoreRefusal::Temporary)
            }
        }
    }
}

fn limits(per_hour: u32, per_day: u32) -> Limits {
    let limit = |count: u32| (count > 0).then_some(u64::from(count));
    Limits {
        per_hour: limit(per_hour),
        per_day: limit(per_day),
    }
}

fn refusal(error: &StoreError) -> StoreRefusal {
    tracing::error!(%error, "a message cannot be stored; the client is asked to try again");
    match error {
        StoreError::DiskFull => StoreRefusal::DiskFull,
        StoreError::TooLarge { .. } => rejected(552, Enhanced(5, 3, 4), "too large to be stored"),
        _ => StoreRefusal::Temporary,
    }
}

fn rejected(code: u16, enhanced: Enhanced, text: &str) -> StoreRefusal {
    StoreRefusal::Rejected(Reply::new(code, enhanced, text))
}

impl MessageSink for Doors {
    async fn authenticate(&self, session: &SessionInfo, request: &AuthRequest) -> AuthResult {
        self.gate.check(session, request).await
    }

    fn knows_scram(&self) -> bool {
        self.gate.knows_scram()
    }

    fn unproven(&self, session: &SessionInfo) {
        self.gate.unproven(session);
    }

    async fn sender(
        &self,
        session: &SessionInfo,
        from: &ReversePath,
        _params: &MailParams,
    ) -> Decision {
        // Nobody logs in at the MX; and the null sender says who wrote in the header alone.
        let (Some(user), ReversePath::Mailbox(mailbox)) = (session.user.as_deref(), from) else {
            return Decision::Accept;
        };
        if self
            .may_write_as(user)
            .is_none_or(|may| rights::allow(may, &mailbox.to_string()))
        {
            return Decision::Accept;
        }
        self.refuse(
            "submission",
            "sender",
            Reply::new(
                550,
                Enhanced(5, 7, 1),
                "this account may not send from there",
            ),
        )
    }

    async fn recipient(
        &self,
        session: &SessionInfo,
        _from: &ReversePath,
        recipient: &Recipient,
    ) -> Decision {
        match session.service {
            Service::Submission | Service::Submissions => self.decide_submitted(&recipient.path),
            Service::Mx => self.decide_incoming(&recipient.path),
        }
    }

    async fn store(&self, message: ReceivedMessage) -> Result<StoredId, StoreRefusal> {
        let source = message.session.service;
        let stored = match source {
            Service::Submission | Service::Submissions => self.store_submitted(message).await,
            Service::Mx => self.store_incoming(message).await,
        };
        let source = if source == Service::Mx {
            "mx"
        } else {
            "submission"
        };
        match &stored {
            Ok(_) => self.metrics.messages_accepted.with(&[source]).increment(),
            Err(refusal) => {
                let reason = match refusal {
                    StoreRefusal::Rejected(reply) if reply.code() == 450 => "quota",
                    StoreRefusal::Rejected(_) => "policy",
                    _ => "store",
                };
                let refused = &self.metrics.messages_refused;
                refused.with(&[source, reason]).increment();
            }
        }
        stored
    }
}
