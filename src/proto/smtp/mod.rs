//! The SMTP server core: one session of the submission service (ports 587 and 465) or of the
//! mail exchanger (port 25), without sockets, clocks or tasks.
//!
//! The owner feeds it bytes and the time, writes what [`Session::poll_output`] yields, and answers
//! the questions that [`Session::poll_event`] asks. Nothing is acknowledged on the core's own
//! authority: only [`Session::confirm_stored`] releases the 250 of a message.
//!
//! `smtp-proto` parses verbs and parameters. Paths, line ends, DATA and BDAT are read here, because
//! that is where servers disagree with each other and where mail is smuggled.

mod body;
mod command;
mod config;
mod data;
mod envelope;
mod event;
mod line;
mod path;
mod reply;
mod sasl;
mod scram;
mod session;

#[cfg(test)]
mod tests;

pub use config::{Config, Role, Timeouts};
pub use envelope::{BodyKind, Envelope, MailParams, Notify, Recipient, Ret};
pub use event::{AuthMechanism, AuthRequest, AuthResult, CloseReason, Event, MessageId};
pub use path::{Domain, ForwardPath, Mailbox, PathError, ReversePath};
pub use reply::{Enhanced, Reply};
pub use scram::ScramChallenge;
pub use session::{Hello, PeerInfo, Session, TlsInfo};
