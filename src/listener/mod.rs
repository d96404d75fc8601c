//! Mail in: the submission service (587 with STARTTLS, 465 with TLS from the first byte) and the
//! MX (25). Sockets, TLS, limits and draining; what may be said is decided in `proto::smtp`, what
//! becomes of a message by whoever implements [`MessageSink`].

mod conn;
mod driver;
mod limits;
mod proxy;
mod received;
mod server;

#[cfg(test)]
mod tests;

use std::future::Future;
use std::net::SocketAddr;

use crate::proto::smtp::{
    AuthRequest, AuthResult, Envelope, Hello, MailParams, Recipient, Reply, ReversePath, TlsInfo,
};

pub use limits::MessageMemory;
pub use server::{Limits, Listener, ListenerConfig, TlsHandle};

/// Which of the three doors a session came through.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Service {
    /// RFC 6409, STARTTLS; usually port 587.
    Submission,
    /// RFC 8314, TLS from the first byte; usually port 465.
    Submissions,
    /// Mail from other servers; usually port 25.
    Mx,
}

impl Service {
    /// The name in logs and metrics.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Service::Submission => "submission",
            Service::Submissions => "submissions",
            Service::Mx => "mx",
        }
    }
}

/// What is known about a session.
#[derive(Debug, Clone)]
pub struct SessionInfo {
    /// Unique while the daemon runs; the same in logs and in `Received:`.
    pub id: String,
    /// Which door.
    pub service: Service,
    /// The client's address and port.
    pub peer: SocketAddr,
    /// What the client called itself.
    pub hello: Option<Hello>,
    /// The authenticated user.
    pub user: Option<String>,
    /// What TLS was negotiated, if any.
    pub tls: Option<TlsInfo>,
}

/// A message as it goes to the store.
#[derive(Debug, Clone)]
pub struct ReceivedMessage {
    /// The session that brought it.
    pub session: SessionInfo,
    /// Sender and recipients.
    pub envelope: Envelope,
    /// The whole message, our `Received:` on top, every line ended by CRLF.
    pub raw: Vec<u8>,
}

/// Whether a sender or recipient is welcome.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Decision {
    /// 250.
    Accept,
    /// This reply; a positive one would become 451.
    Reject(Reply),
}

/// The name of a stored message, shown to the client in the 250.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct StoredId(pub String);

/// Why a message was not stored. Nothing of it may be kept.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum StoreRefusal {
    /// 451 4.3.0: the client should try again.
    Temporary,
    /// 452 4.3.1.
    DiskFull,
    /// This reply; a positive one would become 451.
    Rejected(Reply),
}

/// Where mail goes. Every answer is awaited for at most `Timeouts::answer`; after that the client
/// gets a 4xx and a late answer is void.
pub trait MessageSink: Send + Sync + 'static {
    /// Checks credentials. Slow hashes belong on `spawn_blocking`.
    fn authenticate(
        &self,
        session: &SessionInfo,
        request: &AuthRequest,
    ) -> impl Future<Output = AuthResult> + Send;

    /// Whether everybody who may log in can do so by SCRAM-SHA-256.
    fn knows_scram(&self) -> bool {
        false
    }

    /// A client was asked to prove who it is (SCRAM), and has not.
    fn unproven(&self, session: &SessionInfo) {
        let _ = session;
    }

    /// Judges a sender.
    fn sender(
        &self,
        session: &SessionInfo,
        from: &ReversePath,
        params: &MailParams,
    ) -> impl Future<Output = Decision> + Send {
        let _ = (session, from, params);
        std::future::ready(Decision::Accept)
    }

    /// Judges a recipient.
    fn recipient(
        &self,
        session: &SessionInfo,
        from: &ReversePath,
        recipient: &Recipient,
    ) -> impl Future<Output = Decision> + Send;

    /// Stores a message. `Ok` means that it is durable; only then is it acknowledged.
    fn store(
        &self,
        message: ReceivedMessage,
    ) -> impl Future<Output = Result<StoredId, StoreRefusal>> + Send;
}
