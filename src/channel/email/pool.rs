//! Open connections kept for the next mail, and how many there may be to one host.

use std::{
    collections::HashMap,
    net::SocketAddr,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    time::Duration,
};

use tokio::{
    sync::{OwnedSemaphorePermit, Semaphore},
    time::Instant,
};

use super::{dane::Certificate, destinations::EXPRESS_MORE, session::Session};
use crate::config::TlsMode;

/// How long an unused connection is kept.
pub(super) const IDLE_TIMEOUT: Duration = Duration::from_secs(10);
/// Most mails over one connection.
pub(super) const MAILS_PER_CONNECTION_MAX: u32 = 100;
/// Hosts remembered before unused ones are forgotten.
const HOSTS_MAX: usize = 2_000;

/// Connections that are open.
#[derive(Debug)]
pub(super) struct Pool {
    hosts: Mutex<HashMap<PoolKey, Arc<Host>>>,
    per_host_max: usize,
}

/// What connections have in common that may serve the same mails.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub(super) struct PoolKey {
    pub(super) address: SocketAddr,
    /// The name that the certificate was compared with, unless TLSA records had others.
    pub(super) host: String,
    pub(super) tls: TlsMode,
    pub(super) certificate: Certificate,
    /// We have logged in.
    pub(super) logged_in: bool,
}

#[derive(Debug)]
struct Host {
    permits: Arc<Semaphore>,
    /// More of them, for emergencies.
    express: Arc<Semaphore>,
    idle: Mutex<Vec<(Session, Instant)>>,
}

/// The right to one connection to a host.
#[derive(Debug)]
pub(super) struct Lease {
    host: Arc<Host>,
    _permit: OwnedSemaphorePermit,
}

impl Pool {
    pub(super) fn new(per_host_max: usize) -> Self {
        Self {
            hosts: Mutex::default(),
            per_host_max: per_host_max.max(1),
        }
    }

    /// Waits until there may be one more connection to the host; an emergency takes the first that
    /// comes free of all. `None` never happens while the pool lives: its semaphores are not closed.
    pub(super) async fn lease(&self, key: PoolKey, express: bool) -> Option<Lease> {
        let host = self.host(key);
        let permit = if express {
            tokio::select! {
                biased;
                permit = Arc::clone(&host.express).acquire_owned() => permit,
                permit = Arc::clone(&host.permits).acquire_owned() => permit,
            }
        } else {
            Arc::clone(&host.permits).acquire_owned().await
        };
        let permit = permit.ok()?;
        Some(Lease {
            host,
            _permit: permit,
        })
    }

    fn host(&self, key: PoolKey) -> Arc<Host> {
        let mut hosts = lock(&self.hosts);
        if hosts.len() >= HOSTS_MAX {
            hosts.retain(|_, host| Arc::strong_count(host) > 1 || !lock(&host.idle).is_empty());
        }
        let new = || {
            Arc::new(Host {
                permits: Arc::new(Semaphore::new(self.per_host_max)),
                express: Arc::new(Semaphore::new(EXPRESS_MORE as usize)),
                idle: Mutex::default(),
            })
        };
        Arc::clone(hosts.entry(key).or_insert_with(new))
    }
}

impl Lease {
    /// An open connection that was kept, the freshest first.
    pub(super) fn kept(&self) -> Option<Session> {
        let now = Instant::now();
        let mut idle = lock(&self.host.idle);
        idle.retain(|(_, since)| now.duration_since(*since) < IDLE_TIMEOUT);
        idle.pop().map(|(session, _)| session)
    }

    /// Keeps a connection for the next mail, or ends it when it has served long enough.
    pub(super) async fn keep(self, mut session: Session) {
        if session.mails >= MAILS_PER_CONNECTION_MAX || !session.is_reusable().await {
            tokio::spawn(session.quit());
            return;
        }
        lock(&self.host.idle).push((session, Instant::now()));
        let host = Arc::downgrade(&self.host);
        tokio::spawn(async move {
            tokio::time::sleep(IDLE_TIMEOUT).await;
            if let Some(host) = host.upgrade() {
                host.end_expired().await;
            }
        });
    }
}

impl Host {
    async fn end_expired(&self) {
        let now = Instant::now();
        let expired: Vec<Session> = {
            let mut idle = lock(&self.idle);
            let (old, young) = std::mem::take(&mut *idle)
                .into_iter()
                .partition(|(_, since)| now.duration_since(*since) >= IDLE_TIMEOUT);
            *idle = young;
            let old: Vec<(Session, Instant)> = old;
            old.into_iter().map(|(session, _)| session).collect()
        };
        for session in expired {
            session.quit().await;
        }
    }
}

/// What these locks guard is whole between any two statements.
fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
