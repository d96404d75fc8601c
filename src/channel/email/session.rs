//! One connection to a mail server: greeting, EHLO, STARTTLS, AUTH, and mails, one recipient each.

use std::time::Duration;

use mail_send::{Credentials, Error as ClientError, SmtpClient};
use smtp_proto::{EXT_8BIT_MIME, EXT_DSN, EXT_SIZE, EXT_SMTP_UTF8, EXT_START_TLS, EhloResponse};
use tokio::{io::AsyncWriteExt, time::timeout};
use tokio_util::sync::CancellationToken;

use super::{
    link::{Opening, Timeouts, Trouble, connect, encrypt, guarded, link_verdict},
    reply::RawReply,
    stream::{Recorded, Transport},
    wire,
};
use crate::{
    classify::smtp_reply::Phase,
    config::TlsMode,
    domain::{EnhancedStatus, Permanence, Reason, Verdict},
};

/// Longest wait for the answer to QUIT; nothing depends on it.
const QUIT_TIMEOUT: Duration = Duration::from_secs(2);

/// One mail to one recipient.
#[derive(Debug)]
pub(super) struct Envelope<'a> {
    pub(super) sender: &'a str,
    pub(super) recipient: &'a str,
    /// For ENVID (RFC 3461 section 4.4).
    pub(super) id: &'a str,
    /// As it goes over the wire, see [`wire::data`].
    pub(super) data: &'a [u8],
    pub(super) is_8bit: bool,
    /// Its header is in UTF-8 (RFC 6532): said where the server knows it, and sent all the same
    /// where it does not, as mail programs have always done.
    pub(super) is_utf8: bool,
    /// Success should be told to us too: by a relay, or because whoever handed it in asked.
    pub(super) wants_success: bool,
    /// ORCPT as it was given to us; empty for none (RFC 3461 section 5.2.1 has it passed on).
    pub(super) original_recipient: &'a str,
    /// It waits for no connection that ordinary mail has.
    pub(super) express: bool,
}

/// An open connection that has said EHLO.
pub(super) struct Session {
    client: SmtpClient<Recorded>,
    capabilities: EhloResponse<String>,
    host: String,
    timeouts: Timeouts,
    /// Mails handed over so far.
    pub(super) mails: u32,
    /// A transaction was begun and not ended.
    dirty: bool,
}

impl std::fmt::Debug for Session {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Session")
            .field("host", &self.host)
            .field("mails", &self.mails)
            .finish_non_exhaustive()
    }
}

impl Session {
    /// Connects and introduces us. Opportunistic TLS that fails is given up for a connection in
    /// clear (RFC 7435 section 3).
    pub(super) async fn open(
        opening: &Opening,
        cancel: &CancellationToken,
    ) -> Result<Self, Trouble> {
        match Self::open_once(opening, opening.tls, cancel).await {
            Err(Trouble::Link(verdict))
                if verdict.reason == Reason::Tls && opening.tls == TlsMode::Opportunistic =>
            {
                tracing::info!(host = %opening.host, "retry_without_tls");
                Self::open_once(opening, TlsMode::None, cancel).await
            }
            other => other,
        }
    }

    async fn open_once(
        opening: &Opening,
        tls: TlsMode,
        cancel: &CancellationToken,
    ) -> Result<Self, Trouble> {
        let tcp = guarded(cancel, connect(opening)).await?;
        let transport = match tls {
            TlsMode::Implicit => guarded(cancel, encrypt(opening, tcp)).await?,
            TlsMode::None | TlsMode::Opportunistic | TlsMode::StartTls => Transport::Plain(tcp),
        };
        let client = SmtpClient {
            stream: Recorded::new(transport),
            timeout: opening.timeouts.command,
        };
        let mut session = Self {
            client,
            capabilities: EhloResponse::new(String::new()),
            host: opening.host.clone(),
            timeouts: opening.timeouts,
            mails: 0,
            dirty: false,
        };
        guarded(cancel, session.greeting()).await?;
        guarded(cancel, session.hello(&opening.helo)).await?;
        let offered = session.capabilities.has_capability(EXT_START_TLS);
        let wanted = matches!(tls, TlsMode::Opportunistic | TlsMode::StartTls);
        if wanted && !offered {
            opening.count_tls("starttls-not-supported");
        }
        if wanted && offered {
            session = guarded(cancel, session.start_tls(opening)).await?;
        } else if tls == TlsMode::StartTls {
            let verdict = opening.tls_verdict("STARTTLS is required and not offered");
            return Err(Trouble::Link(verdict));
        }
        if let Some((user, password)) = &opening.login {
            guarded(cancel, session.log_in(opening, user, password)).await?;
        }
        Ok(session)
    }

    /// Hands one mail over; gives back the reply to its end.
    pub(super) async fn send(
        &mut self,
        mail: &Envelope<'_>,
        cancel: &CancellationToken,
    ) -> Result<RawReply, Trouble> {
        self.check_fit(mail)?;
        self.dirty = true;
        guarded(
            cancel,
            self.command(&self.mail_command(mail), Phase::Sender),
        )
        .await?;
        guarded(
            cancel,
            self.command(&self.rcpt_command(mail), Phase::Recipient),
        )
        .await?;
        guarded(cancel, self.data_command()).await?;
        // From here on only the server's answer tells what became of it: no cancelling.
        let mut reply = self.content(mail.data).await?;
        let asked = mail.wants_success && !mail.sender.is_empty();
        reply.will_report = asked && self.capabilities.has_capability(EXT_DSN);
        self.dirty = false;
        self.mails += 1;
        if reply.is_positive() {
            Ok(reply)
        } else {
            Err(Trouble::Refused {
                reply,
                phase: Phase::Message,
            })
        }
    }

    /// Makes the connection ready for the next mail; false if it is not to be used again.
    pub(super) async fn is_reusable(&mut self) -> bool {
        if self.dirty {
            self.dirty = self.command("RSET\r\n", Phase::Session).await.is_err();
        }
        !self.dirty
    }

    /// Says goodbye, without waiting long.
    pub(super) async fn quit(mut self) {
        self.client.timeout = QUIT_TIMEOUT;
        let _ = self.client.quit().await;
    }

    async fn greeting(&mut self) -> Result<(), Trouble> {
        let read = timeout(self.timeouts.greeting, self.client.read())
            .await
            .unwrap_or(Err(ClientError::Timeout));
        let reply = self.reply_to(read.map(|_| ()), "the greeting")?;
        if reply.is_positive() {
            Ok(())
        } else {
            Err(Trouble::Closed { reply })
        }
    }

    async fn hello(&mut self, name: &str) -> Result<(), Trouble> {
        self.client.stream.forget();
        let answer = self.client.ehlo(name).await;
        if let Ok(capabilities) = answer {
            // Parsed already; only a server that talks on is refused.
            self.reply_to(Ok(()), "EHLO")?;
            self.capabilities = capabilities;
            return Ok(());
        }
        let reply = self.reply_to(answer.map(|_| ()), "EHLO")?;
        if !reply.is_permanent() {
            return Err(Trouble::Closed { reply });
        }
        self.capabilities = EhloResponse::new(String::new());
        let reply = self.exchange(&format!("HELO {name}\r\n"), "HELO").await?;
        if reply.is_positive() {
            Ok(())
        } else {
            Err(Trouble::Closed { reply })
        }
    }

    async fn start_tls(mut self, opening: &Opening) -> Result<Self, Trouble> {
        let reply = self.exchange("STARTTLS\r\n", "STARTTLS").await?;
        if reply.code != 220 {
            let what = format!("STARTTLS was answered with {}", reply.code);
            return Err(Trouble::Link(opening.tls_verdict(&what)));
        }
        let Transport::Plain(tcp) = self.client.stream.into_transport() else {
            return Err(Trouble::Link(opening.tls_verdict("TLS within TLS")));
        };
        let transport = encrypt(opening, tcp).await?;
        let client = SmtpClient {
            stream: Recorded::new(transport),
            timeout: self.timeouts.command,
        };
        // RFC 3207 section 4.2: what was learnt in clear is forgotten.
        let mut session = Self {
            client,
            capabilities: EhloResponse::new(String::new()),
            ..self
        };
        session.hello(&opening.helo).await?;
        Ok(session)
    }

    async fn log_in(
        &mut self,
        opening: &Opening,
        user: &str,
        password: &str,
    ) -> Result<(), Trouble> {
        if !self.client.stream.is_tls() && !opening.address.ip().is_loopback() {
            let verdict = opening.tls_verdict("no TLS, so the password was not sent");
            return Err(Trouble::Link(verdict));
        }
        self.client.stream.forget();
        let credentials = Credentials::new(user, password);
        match self
            .client
            .authenticate(&credentials, &self.capabilities)
            .await
        {
            Ok(_) => Ok(()),
            Err(ClientError::AuthenticationFailed(reply) | ClientError::UnexpectedReply(reply)) => {
                let text = format!("{} {}", reply.code(), reply.message());
                Err(Trouble::Link(
                    Verdict::failure(Reason::Security, Permanence::Temporary).with_diagnostic(text),
                ))
            }
            Err(error) => Err(self.link(&error, "AUTH")),
        }
    }

    fn check_fit(&self, mail: &Envelope<'_>) -> Result<(), Trouble> {
        let limit = self.capabilities.size;
        if self.capabilities.has_capability(EXT_SIZE) && limit > 0 && mail.data.len() > limit {
            let verdict = Verdict::failure(Reason::TooBig, Permanence::Permanent)
                .with_status(Some(EnhancedStatus::new(5, 3, 4)))
                .with_diagnostic(format!(
                    "{}: message of {} bytes, limit {limit}",
                    self.host,
                    mail.data.len()
                ));
            return Err(Trouble::Unfit(verdict));
        }
        let international = !mail.sender.is_ascii() || !mail.recipient.is_ascii();
        if international && !self.capabilities.has_capability(EXT_SMTP_UTF8) {
            let verdict = Verdict::failure(Reason::Syntax, Permanence::Permanent)
                .with_status(Some(EnhancedStatus::new(5, 6, 7)))
                .with_diagnostic(format!("{}: SMTPUTF8 is needed and not offered", self.host));
            return Err(Trouble::Unfit(verdict));
        }
        if mail.is_8bit && !self.capabilities.has_capability(EXT_8BIT_MIME) {
            // What an application signed or made is not ours to write anew (RFC 6152, 3).
            let verdict = Verdict::failure(Reason::Content, Permanence::Permanent)
                .with_status(Some(EnhancedStatus::new(5, 6, 3)))
                .with_diagnostic(format!("{}: 8BITMIME is needed and not offered", self.host));
            return Err(Trouble::Unfit(verdict));
        }
        Ok(())
    }

    fn mail_command(&self, mail: &Envelope<'_>) -> String {
        let mut command = format!("MAIL FROM:<{}>", mail.sender);
        if self.capabilities.has_capability(EXT_SIZE) {
            command.push_str(&format!(" SIZE={}", mail.data.len()));
        }
        if mail.is_8bit && self.capabilities.has_capability(EXT_8BIT_MIME) {
            command.push_str(" BODY=8BITMIME");
        }
        let wanted = mail.is_utf8 && self.capabilities.has_capability(EXT_SMTP_UTF8);
        if wanted || !mail.sender.is_ascii() || !mail.recipient.is_ascii() {
            command.push_str(" SMTPUTF8");
        }
        // RFC 3461, 6.1: no RET with a report of our own.
        if self.capabilities.has_capability(EXT_DSN) && !mail.sender.is_empty() {
            command.push_str(&format!(" RET=HDRS ENVID={}", wire::xtext(mail.id)));
        }
        command.push_str("\r\n");
        command
    }

    fn rcpt_command(&self, mail: &Envelope<'_>) -> String {
        let mut command = format!("RCPT TO:<{}>", mail.recipient);
        if self.capabilities.has_capability(EXT_DSN) {
            let notify = match (mail.sender.is_empty(), mail.wants_success) {
                (true, _) => "NEVER",
                (false, true) => "SUCCESS,FAILURE,DELAY",
                (false, false) => "FAILURE,DELAY",
            };
            command.push_str(&format!(" NOTIFY={notify}"));
            let given = mail.original_recipient;
            if !given.is_empty() && given.is_ascii() {
                command.push_str(&format!(" ORCPT={given}"));
            } else if mail.recipient.is_ascii() {
                command.push_str(&format!(" ORCPT=rfc822;{}", wire::xtext(mail.recipient)));
            }
        }
        command.push_str("\r\n");
        command
    }

    async fn data_command(&mut self) -> Result<(), Trouble> {
        let reply = self.exchange("DATA\r\n", "DATA").await?;
        if reply.code == 354 {
            Ok(())
        } else {
            Err(Trouble::Refused {
                reply,
                phase: Phase::Message,
            })
        }
    }

    async fn content(&mut self, data: &[u8]) -> Result<RawReply, Trouble> {
        self.client.stream.forget();
        let mut is_handed_over = false;
        let transfer = async {
            self.client.stream.write_all(data).await?;
            is_handed_over = true;
            self.client.stream.flush().await?;
            self.client.read().await
        };
        let read = timeout(self.timeouts.data, transfer)
            .await
            .unwrap_or(Err(ClientError::Timeout));
        let reply = self.reply_to(read.map(|_| ()), "the end of the message");
        reply.map_err(|trouble| match trouble {
            Trouble::Link(verdict) if is_handed_over => Trouble::Unanswered(verdict),
            other => other,
        })
    }

    async fn command(&mut self, command: &str, phase: Phase) -> Result<(), Trouble> {
        let name = command
            .split([' ', ':', '\r'])
            .next()
            .unwrap_or_default()
            .to_owned();
        let reply = self.exchange(command, &name).await?;
        if reply.is_positive() {
            return Ok(());
        }
        // RFC 5321 section 3.8: 421 ends the connection, whatever it answers.
        Err(if reply.code == 421 {
            Trouble::Closed { reply }
        } else {
            Trouble::Refused { reply, phase }
        })
    }

    async fn exchange(&mut self, command: &str, name: &str) -> Result<RawReply, Trouble> {
        self.client.stream.forget();
        self.client.timeout = self.timeouts.command;
        let answer = self.client.cmd(command.as_bytes()).await;
        self.reply_to(answer.map(|_| ()), name)
    }

    /// The reply that was heard, word for word, if exactly one was.
    fn reply_to(
        &self,
        result: Result<(), ClientError>,
        command: &str,
    ) -> Result<RawReply, Trouble> {
        match result {
            Ok(()) | Err(ClientError::UnexpectedReply(_)) => {
                RawReply::read(self.client.stream.heard()).ok_or_else(|| {
                    Trouble::Link(link_verdict(
                        &self.host,
                        &format!("the answer to {command} is not one reply"),
                    ))
                })
            }
            Err(error) => Err(self.link(&error, command)),
        }
    }

    fn link(&self, error: &ClientError, command: &str) -> Trouble {
        let what = match error {
            ClientError::Timeout => format!("no answer to {command} in time"),
            ClientError::UnparseableReply if self.client.stream.heard().is_empty() => {
                format!("connection closed at {command}")
            }
            ClientError::UnparseableReply => format!("the answer to {command} is no SMTP reply"),
            ClientError::Io(error) => format!("connection lost at {command}: {error}"),
            other => format!("{command}: {other}"),
        };
        Trouble::Link(link_verdict(&self.host, &what))
    }
}
