//! A simulated message centre: the other side of our own SMPP core, over TCP.
//!
//! What becomes of a message is scripted by its destination number
//! ([`Behaviour`]). Receipts and replies are stored and forwarded: they wait
//! for a bind and are offered again until they are acknowledged.

mod connection;
mod script;
mod state;

#[cfg(test)]
mod tests;

use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use tokio::net::TcpListener;
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;

use crate::proto::smpp::{Address, CommandStatus, ShortMessage};
use state::Shared;

pub use script::{Behaviour, SmscConfig};
pub use state::TakenMessage;

/// Connections at a time; more are closed at once.
const CONNECTIONS_MAX: usize = 64;

/// A running message centre. Stops when dropped.
pub struct SimSmsc {
    address: SocketAddr,
    shared: Arc<Shared>,
    cancel: CancellationToken,
    tasks: TaskTracker,
}

impl SimSmsc {
    /// Listens on a free port of the loopback address.
    pub async fn start(config: SmscConfig) -> std::io::Result<Self> {
        let listener = TcpListener::bind(("127.0.0.1", config.port)).await?;
        let address = listener.local_addr()?;
        let shared = Arc::new(Shared::new(config));
        let cancel = CancellationToken::new();
        let tasks = TaskTracker::new();
        tasks.spawn(accept(
            listener,
            shared.clone(),
            cancel.clone(),
            tasks.clone(),
        ));
        Ok(Self {
            address,
            shared,
            cancel,
            tasks,
        })
    }

    /// Where it listens.
    pub fn addr(&self) -> SocketAddr {
        self.address
    }

    /// The messages taken so far, oldest first; the record is bounded.
    pub fn messages(&self) -> Vec<TakenMessage> {
        self.shared.messages()
    }

    /// Changes what becomes of messages for a number from now on.
    pub fn script(&self, number: &str, behaviour: Behaviour) {
        self.shared.script(number, behaviour);
    }

    /// A telephone sends a text to one of our numbers.
    pub fn inject(&self, from: &str, to: &str, text: &str) {
        for message in script::reply_from(from, to, text) {
            self.shared.post(message, Duration::ZERO);
        }
    }

    /// Hands any `deliver_sm` to whoever is bound.
    pub fn inject_raw(&self, message: ShortMessage) {
        self.shared.post(message, Duration::ZERO);
    }

    /// Says with each answer from now on how busy it is, 0 to 100 (SMPP 5.0, `congestion_state`).
    pub fn tell_congestion(&self, state: Option<u8>) {
        self.shared.tell_congestion(state);
    }

    /// Binds that were asked for, taken or refused.
    pub fn binds_asked(&self) -> usize {
        self.shared.binds_asked()
    }

    /// Receipts and replies that have been acknowledged.
    pub fn acknowledged(&self) -> usize {
        self.shared.acknowledged()
    }

    /// Receipts and replies that still wait to be acknowledged.
    pub fn waiting(&self) -> usize {
        self.shared.waiting()
    }

    /// Binds that stand now.
    pub fn bound(&self) -> usize {
        self.shared.bound()
    }

    /// Cuts all connections without a word; new ones are taken.
    pub fn cut_connections(&self) {
        self.shared.cut_connections();
    }

    /// Unbinds and stops.
    pub async fn stop(self) {
        self.cancel.cancel();
        self.tasks.close();
        self.tasks.wait().await;
    }
}

impl Drop for SimSmsc {
    fn drop(&mut self) {
        self.cancel.cancel();
    }
}

async fn accept(
    listener: TcpListener,
    shared: Arc<Shared>,
    cancel: CancellationToken,
    tasks: TaskTracker,
) {
    loop {
        let accepted = tokio::select! {
            biased;
            () = cancel.cancelled() => return,
            accepted = listener.accept() => accepted,
        };
        let Ok((stream, _)) = accepted else {
            tokio::time::sleep(Duration::from_millis(50)).await;
            continue;
        };
        if tasks.len() <= CONNECTIONS_MAX {
            tasks.spawn(connection::serve(stream, shared.clone(), cancel.clone()));
        }
    }
}

/// The status for a bind with these words.
fn judge_account(config: &SmscConfig, system_id: &str, password: &str) -> CommandStatus {
    if let Some(status) = config.refuses_binds {
        return status;
    }
    match &config.account {
        Some((id, _)) if id != system_id => CommandStatus::RINVSYSID,
        Some((_, secret)) if secret != password => CommandStatus::RINVPASWD,
        Some(_) | None => CommandStatus::ROK,
    }
}

/// The address of a telephone.
fn telephone(number: &str) -> Address {
    Address::international(number)
}
