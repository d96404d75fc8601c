//! The sockets that it listens on.

use std::net::SocketAddr;

use anyhow::Context;
use tokio::net::TcpListener;

use super::Addresses;
use crate::config::Config;

/// Sockets that are open but not served yet.
pub(super) struct Sockets {
    pub(super) submission: Vec<TcpListener>,
    pub(super) submissions: Vec<TcpListener>,
    pub(super) mx: Vec<TcpListener>,
    pub(super) console: Vec<TcpListener>,
    pub(super) public: Vec<TcpListener>,
}

impl Sockets {
    pub(super) async fn bind(config: &Config) -> anyhow::Result<Self> {
        Ok(Self {
            submission: bind("submission", &config.listen.submission.addresses).await?,
            submissions: bind("submissions", &config.listen.submissions.addresses).await?,
            mx: bind("mx", &config.listen.mx.addresses).await?,
            console: bind("console", &config.listen.console.addresses).await?,
            public: bind("public", &config.listen.public.addresses).await?,
        })
    }

    pub(super) fn addresses(&self) -> Addresses {
        let of = |sockets: &[TcpListener]| {
            sockets
                .iter()
                .filter_map(|socket| socket.local_addr().ok())
                .collect()
        };
        Addresses {
            submission: of(&self.submission),
            submissions: of(&self.submissions),
            mx: of(&self.mx),
            console: of(&self.console),
            public: of(&self.public),
        }
    }
}

async fn bind(name: &str, addresses: &[SocketAddr]) -> anyhow::Result<Vec<TcpListener>> {
    let mut sockets = Vec::with_capacity(addresses.len());
    for address in addresses {
        let socket = TcpListener::bind(address)
            .await
            .with_context(|| format!("[listen.{name}] cannot listen on {address}"))?;
        sockets.push(socket);
    }
    Ok(sockets)
}
