//! What the SMTP listeners do with senders, recipients and messages.

use std::sync::Arc;

use argon2::password_hash::{PasswordHash, PasswordVerifier};
use bytes::Bytes;
use secrecy::{ExposeSecret, SecretString};
use tokio::sync::Semaphore;

use crate::clock::SharedClock;
use crate::config::{Config, SmtpListener};
use crate::domain::communication::{SMS_TEXT_MAX, VOICE_SCRIPT_MAX};
use crate::domain::{Content, EmailAddress, PhoneNumber, Redacted, ReturnPath, Role};
use crate::inbound::{Inbound, InboundError};
use crate::listener::{
    Decision, Limits, Listener, ListenerConfig, MessageSink, ReceivedMessage, Service, SessionInfo,
    StoreRefusal, StoredId, TlsHandle,
};
use crate::observe::Metrics;
use crate::proto::mime::read::read;
use crate::proto::mime::submitted::{Additions, complete};
use crate::proto::smtp::{
    self, AuthResult, Enhanced, ForwardPath, MailParams, Mailbox, Recipient, Reply, ReversePath,
};
use crate::store::{Repo, RepoError, StoreError};
use crate::submit::{
    MailRecipient, RecipientRefusal, SUBMITTED_RECIPIENTS_MAX, SubmitError, SubmittedMail,
    Submitter,
};

/// Passwords checked at a time; each takes 19 MiB and a core for some milliseconds.
const CHECKS_MAX: usize = 2;
/// Longest body used as text message or voice script, in bytes; longer ones are refused.
const BODY_TEXT_MAX: usize = 64 * 1024;

/// Takes mail in at all three doors.
pub(super) struct Doors {
    repo: Repo,
    submitter: Submitter,
    inbound: Inbound,
    clock: SharedClock,
    metrics: Arc<Metrics>,
    accounts: Vec<crate::config::Account>,
    checks: Arc<Semaphore>,
    names: Names,
}

/// What we are called.
struct Names {
    server: String,
    sms_domain: String,
    voice_domain: String,
    own_domains: Vec<String>,
    from: String,
    region: String,
}

impl Doors {
    pub(super) fn new(
        config: &Config,
        repo: Repo,
        submitter: Submitter,
        inbound: Inbound,
        clock: SharedClock,
        metrics: Arc<Metrics>,
    ) -> Self {
        let server = &config.server;
        Self {
            repo,
            submitter,
            inbound,
            clock,
            metrics,
            accounts: config.submission.accounts.clone(),
            checks: Arc::new(Semaphore::new(CHECKS_MAX)),
            names: Names {
                server: server.name.clone(),
                sms_domain: server.sms_domain.clone(),
                voice_domain: server.voice_domain.clone(),
                own_domains: vec![
                    server.domain.clone(),
                    server.bounce_domain.clone(),
                    server.name.clone(),
                ],
                from: config.email.from.clone(),
                region: server.default_region.clone(),
            },
        }
    }

    /// The hash that a password must go with; none for somebody unknown.
    fn hash_of(&self, user: &str) -> Result<Option<String>, RepoError> {
        let account = self
            .accounts
            .iter()
            .find(|account| account.name.eq_ignore_ascii_case(user));
        if let Some(account) = account {
            return Ok(Some(account.password_hash.clone()));
        }
        let user = self.repo.user_by_login(user)?;
        let may = |role| matches!(role, Role::Application);
        let hash = user
            .filter(|user| may(user.role))
            .map(|user| user.password_hash.reveal().clone());
        Ok(hash.filter(|hash| !hash.is_empty()))
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
        if domain.eq_ignore_ascii_case(&self.names.sms_domain) {
            return Ok(MailRecipient::Text(number()?));
        }
        if domain.eq_ignore_ascii_case(&self.names.voice_domain) {
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

    /// Our sender address takes replies; postmaster and abuse must always work (RFC 2142).
    fn is_own_mailbox(&self, mailbox: &Mailbox, address: &str) -> bool {
        let role = ["postmaster", "abuse"]
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
            recipients,
        };
        match self.submitter.submit_mail(&mail).await {
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

/// What a submitted message says, for lists, texts and calls.
fn content(raw: &[u8], recipients: &[MailRecipient]) -> Result<Content, StoreRefusal> {
    let by_phone = recipients
        .iter()
        .any(|recipient| !matches!(recipient, MailRecipient::Email(_)));
    let (subject, text) = match read(raw) {
        Ok(mail) => (
            mail.subject,
            if by_phone { mail.text } else { String::new() },
        ),
        // An ordinary mail goes out as it is, whatever it looks like inside.
        Err(_) if !by_phone => (String::new(), String::new()),
        Err(error) => return Err(rejected(554, Enhanced(5, 6, 0), &error.to_string())),
    };
    let text = text.trim().to_owned();
    if by_phone && text.is_empty() {
        return Err(rejected(
            554,
            Enhanced(5, 6, 0),
            "no text to send or to speak",
        ));
    }
    let texts = recipients
        .iter()
        .any(|recipient| matches!(recipient, MailRecipient::Text(_)));
    let calls = recipients
        .iter()
        .any(|recipient| matches!(recipient, MailRecipient::Call(_)));
    let characters = text.chars().count();
    let limit = if texts {
        SMS_TEXT_MAX
    } else {
        VOICE_SCRIPT_MAX
    };
    if by_phone && (characters > limit || text.len() > BODY_TEXT_MAX) {
        return Err(rejected(
            554,
            Enhanced(5, 6, 0),
            &format!("the text has more than {limit} characters"),
        ));
    }
    Ok(Content {
        subject: subject
            .chars()
            .filter(|character| !character.is_control())
            .take(crate::domain::communication::SUBJECT_MAX)
            .collect(),
        text: String::new(),
        html: String::new(),
        sms_text: if texts { text.clone() } else { String::new() },
        voice_script: if calls { text } else { String::new() },
    })
}

impl MessageSink for Doors {
    async fn authenticate(
        &self,
        session: &SessionInfo,
        user: &str,
        password: &SecretString,
    ) -> AuthResult {
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
        let password = password.clone();
        let checked = tokio::task::spawn_blocking(move || verify(&password, hash));
        match checked.await {
            Ok(true) => AuthResult::Accepted,
            Ok(false) => {
                tracing::warn!(session = %session.id, service = session.service.name(), "login refused");
                AuthResult::Refused
            }
            Err(_) => AuthResult::Unavailable,
        }
    }

    async fn sender(
        &self,
        session: &SessionInfo,
        from: &ReversePath,
        _params: &MailParams,
    ) -> Decision {
        let user = session.user.as_deref().unwrap_or_default();
        let account = self
            .accounts
            .iter()
            .find(|account| account.name.eq_ignore_ascii_case(user));
        let (Some(account), ReversePath::Mailbox(mailbox)) = (account, from) else {
            return Decision::Accept;
        };
        if account.from.is_empty() || account.from.iter().any(|allowed| allows(allowed, mailbox)) {
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
            Err(_) => self
                .metrics
                .messages_refused
                .with(&[source, "store"])
                .increment(),
        }
        stored
    }
}

/// An address, or a whole domain.
fn allows(allowed: &str, mailbox: &Mailbox) -> bool {
    let allowed = allowed.trim_start_matches('@');
    mailbox.to_string().eq_ignore_ascii_case(allowed)
        || mailbox.domain().to_string().eq_ignore_ascii_case(allowed)
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

/// One of the three doors.
pub(super) fn listener(
    service: Service,
    settings: &SmtpListener,
    config: &Config,
    doors: &Arc<Doors>,
    tls: TlsHandle,
    clock: SharedClock,
) -> anyhow::Result<Arc<Listener<Doors>>> {
    let name = config.email.helo.clone();
    let mut session = match service {
        Service::Submission | Service::Submissions => smtp::Config::submission(name),
        Service::Mx => smtp::Config::mx(name),
    };
    session.message_size_max_bytes =
        usize::try_from(settings.message_size_max).unwrap_or(usize::MAX);
    session.recipients_max = settings.recipients_max as usize;
    if service != Service::Mx {
        session.recipients_max = session.recipients_max.min(SUBMITTED_RECIPIENTS_MAX);
    }
    session.messages_max = settings.messages_per_session_max;
    session.errors_max = settings.errors_max;
    session.auth_failures_max = config.submission.auth_failures_max;
    session.timeouts.command = settings.command_timeout;
    session.timeouts.data_block = settings.data_timeout;
    session.timeouts.session = settings.session_timeout;
    let limits = Limits {
        sessions_max: settings.sessions_max as usize,
        sessions_per_ip_max: settings.sessions_per_ip_max as usize,
        drain_max: config.server.drain_timeout,
        ..Limits::default()
    };
    Ok(Listener::new(
        ListenerConfig {
            service,
            session,
            limits,
        },
        Some(tls),
        Arc::clone(doors),
        clock,
    )?)
}
