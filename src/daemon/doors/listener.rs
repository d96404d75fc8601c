//! A door as the configuration wants it.

use std::sync::Arc;

use super::Doors;
use crate::clock::SharedClock;
use crate::config::{Config, SmtpListener};
use crate::listener::{Limits, Listener, ListenerConfig, MessageMemory, Service, TlsHandle};
use crate::proto::smtp;
use crate::submit::SUBMITTED_RECIPIENTS_MAX;

/// Octets that messages under way may take at the doors for applications together, and as much at
/// the door for everybody: who is a stranger takes nothing from those who are not.
const MESSAGE_MEMORY_BYTES: usize = 256 * 1024 * 1024;
/// There is room for the largest message so many times at least.
const LARGEST_MESSAGES: usize = 4;

/// What messages under way share.
pub(in crate::daemon) struct Memories {
    applications: Arc<MessageMemory>,
    strangers: Arc<MessageMemory>,
}

impl Memories {
    pub(in crate::daemon) fn new(config: &Config) -> Self {
        let of = |doors: &[&SmtpListener]| {
            let sizes = doors.iter().map(|door| door.message_size_max);
            let largest = usize::try_from(sizes.max().unwrap_or_default()).unwrap_or(usize::MAX);
            MessageMemory::new(MESSAGE_MEMORY_BYTES.max(largest.saturating_mul(LARGEST_MESSAGES)))
        };
        let listen = &config.listen;
        Self {
            applications: of(&[&listen.submission, &listen.submissions]),
            strangers: of(&[&listen.mx]),
        }
    }

    fn of(&self, service: Service) -> Arc<MessageMemory> {
        Arc::clone(match service {
            Service::Submission | Service::Submissions => &self.applications,
            Service::Mx => &self.strangers,
        })
    }
}

/// One of the three doors.
pub(in crate::daemon) fn listener(
    service: Service,
    settings: &SmtpListener,
    config: &Config,
    doors: &Arc<Doors>,
    tls: TlsHandle,
    memories: &Memories,
    clock: SharedClock,
) -> anyhow::Result<Arc<Listener<Doors>>> {
    let name = config.server.name.clone();
    let mut session = match service {
        Service::Submission | Service::Submissions => smtp::Config::submission(name),
        Service::Mx => smtp::Config::mx(name),
    };
    session.message_size_max_bytes =
        usize::try_from(settings.message_size_max).unwrap_or(usize::MAX);
    session.recipients_max = settings.recipients_max as usize;
    if service != Service::Mx {
        session.dsn = true;
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
    };
    Ok(Listener::new(
        ListenerConfig {
            service,
            session,
            limits,
            memory: memories.of(service),
            proxies: settings.proxy_protocol_from.clone(),
        },
        Some(tls),
        Arc::clone(doors),
        clock,
    )?)
}
