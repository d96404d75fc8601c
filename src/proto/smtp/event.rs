//! What a session asks of its owner and tells it.

use std::fmt;

use secrecy::SecretString;

use super::envelope::{Envelope, MailParams, Recipient};
use super::path::ReversePath;
use super::scram::{PROOF_BYTES, ScramChallenge};

/// Names one message within its session.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct MessageId(pub(super) u64);

impl MessageId {
    /// Counts the messages of a session from 1.
    #[must_use]
    pub fn number(self) -> u64 {
        self.0
    }
}

/// SASL mechanisms that are offered.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum AuthMechanism {
    /// RFC 4616.
    Plain,
    /// The mechanism that older clients still use.
    Login,
    /// RFC 7677.
    ScramSha256,
}

/// Credentials to check; answered by `auth_result`.
pub enum AuthRequest {
    /// Whether this is the password.
    Password {
        /// How it came.
        mechanism: AuthMechanism,
        /// Who says to be calling.
        username: String,
        /// The password; never shown.
        password: SecretString,
    },
    /// What somebody is to be asked to prove with; answered by [`AuthResult::Challenge`], for
    /// those who are unknown too, or they would be known by it.
    Challenge {
        /// Who says to be calling.
        username: String,
    },
    /// Whether this is the proof; answered by [`AuthResult::Proven`].
    Proof {
        /// Who says to be calling.
        username: String,
        /// What is proven: all that was said (`AuthMessage`, RFC 5802 section 3).
        auth_message: String,
        /// `ClientProof`.
        proof: [u8; PROOF_BYTES],
    },
}

/// What was said in a dialogue of SCRAM is all that guessing the password elsewhere needs.
impl fmt::Debug for AuthRequest {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("AuthRequest")
            .field("mechanism", &self.mechanism())
            .finish_non_exhaustive()
    }
}

impl AuthRequest {
    /// How the credentials come.
    #[must_use]
    pub const fn mechanism(&self) -> AuthMechanism {
        match self {
            Self::Password { mechanism, .. } => *mechanism,
            Self::Challenge { .. } | Self::Proof { .. } => AuthMechanism::ScramSha256,
        }
    }

    /// Who says to be calling.
    #[must_use]
    pub fn username(&self) -> &str {
        match self {
            Self::Password { username, .. }
            | Self::Challenge { username }
            | Self::Proof { username, .. } => username,
        }
    }
}

/// The answer to [`Event::Authenticate`].
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum AuthResult {
    /// The password is right.
    Accepted,
    /// To [`AuthRequest::Challenge`].
    Challenge(ScramChallenge),
    /// The proof is right.
    Proven {
        /// `ServerSignature`, by which the client knows us.
        signature: [u8; PROOF_BYTES],
    },
    /// It is not, or there is no such user.
    Refused,
    /// It cannot be checked now (454).
    Unavailable,
}

/// Why a session ends.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum CloseReason {
    /// The client said QUIT.
    Quit,
    /// A timer ran out.
    Timeout,
    /// Too many errors, messages, failed logins, or data without end.
    LimitReached,
    /// The stream can no longer be read safely (bare LF in a command, unreadable BDAT size).
    Desync,
    /// The server is being stopped.
    Draining,
    /// The owner asked for it.
    Local,
}

/// Output comes first: write everything `poll_output` has before acting on an event.
#[derive(Debug)]
pub enum Event {
    /// Check credentials, then call `auth_result`.
    Authenticate(AuthRequest),
    /// Judge a sender: `accept_sender` or `reject`.
    MailFrom {
        /// The reverse path.
        from: ReversePath,
        /// What was asked for.
        params: MailParams,
    },
    /// Judge a recipient: `accept_rcpt` or `reject`.
    RcptTo {
        /// The reverse path of the transaction.
        from: ReversePath,
        /// The recipient.
        recipient: Recipient,
    },
    /// A whole message. `confirm_stored` once it is durable, or `reject_message`.
    MessageReceived {
        /// To be handed back.
        id: MessageId,
        /// Sender and recipients.
        envelope: Envelope,
        /// The decoded message, every line ended by CRLF.
        body: Vec<u8>,
    },
    /// Start the TLS handshake, then call `tls_established`; if it fails, close the connection.
    StartTls {
        /// Octets that the client had sent behind STARTTLS and that were thrown away
        /// (RFC 3207 section 4.2).
        discarded_bytes: usize,
    },
    /// Close the connection. Nothing comes after this.
    Close(CloseReason),
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn credentials_are_not_shown() {
        let requests = [
            AuthRequest::Password {
                mechanism: AuthMechanism::Plain,
                username: "payroll".to_owned(),
                password: SecretString::from("hunter2".to_owned()),
            },
            AuthRequest::Challenge {
                username: "payroll".to_owned(),
            },
            AuthRequest::Proof {
                username: "payroll".to_owned(),
                auth_message: "n=payroll,r=nonce".to_owned(),
                proof: [7; PROOF_BYTES],
            },
        ];
        for (request, mechanism) in
            requests
                .into_iter()
                .zip(["Plain", "ScramSha256", "ScramSha256"])
        {
            assert_eq!(
                format!("{:?}", Event::Authenticate(request)),
                format!("Authenticate(AuthRequest {{ mechanism: {mechanism}, .. }})")
            );
        }
    }
}
