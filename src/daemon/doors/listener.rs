//! A door as the configuration wants it.

use std::sync::Arc;

use super::Doors;
use crate::clock::SharedClock;
use crate::config::{Config, SmtpListener};
use crate::listener::{Limits, Listener, ListenerConfig, MessageMemory, Service, TlsHandle};
use crate::proto::smtp;
use crate::submit::SUBMITTED_RECIPIENTS_MAX;

/// Octets that messages under way may take at all doors together.
const MESSAGE_MEMORY_BYTES: usize = 512 * 1024 * 1024;
/// There is room for the largest message so many times at least.
const LARGEST_MESSAGES: usize = 4;

/// What the messages of all doors share.
pub(in crate::daemon) fn memory(config: &Config) -> Arc<MessageMemory> {
    let listen = &config.listen;
    let doors = [&listen.submission, &listen.submissions, &listen.mx];
    let largest = doors.map(|door| usize::try_from(door.message_size_max).unwrap_or(usize::MAX));
    let largest = largest.into_iter().max().unwrap_or_default();
    MessageMemory::new(MESSAGE_MEMORY_BYTES.max(largest.saturating_mul(LARGEST_MESSAGES)))
}

/// One of the three doors.
pub(in crate::daemon) fn listener(
    service: Service,
    settings: &SmtpListener,
    config: &Config,
    doors: &Arc<Doors>,
    tls: TlsHandle,
    memory: Arc<MessageMemory>,
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
            memory,
            proxies: settings.proxy_protocol_from.clone(),
        },
        Some(tls),
        Arc::clone(doors),
        clock,
    )?)
}
