//! Connections of the simulated server: the core of `proto::smtp`, answered by the script.

use std::io;
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use tokio::io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::Semaphore;
use tokio::time::{Instant, sleep, sleep_until, timeout};
use tokio_rustls::TlsAcceptor;

use super::Inner;
use super::script::Behaviour;
use crate::proto::smtp::{
    AuthResult, Config, Enhanced, Envelope, Event, MessageId, PeerInfo, Reply, Session, TlsInfo,
};

/// Connections at a time; more have to wait.
const CONNECTIONS_MAX: usize = 500;
/// Longest handshake.
const HANDSHAKE_TIMEOUT: Duration = Duration::from_secs(30);
/// One read.
const READ_BUFFER_BYTES: usize = 16 * 1024;
/// Pause after a failed `accept`.
const ACCEPT_PAUSE: Duration = Duration::from_millis(50);

trait Stream: AsyncRead + AsyncWrite + Unpin + Send {}
impl<T: AsyncRead + AsyncWrite + Unpin + Send> Stream for T {}

pub(super) async fn accept(inner: Arc<Inner>, socket: TcpListener) {
    let places = Arc::new(Semaphore::new(CONNECTIONS_MAX));
    let serving = async {
        loop {
            let Ok(place) = Arc::clone(&places).acquire_owned().await else {
                return;
            };
            let Ok((stream, addr)) = socket.accept().await else {
                sleep(ACCEPT_PAUSE).await;
                continue;
            };
            let connection = Arc::clone(&inner);
            inner.tasks.spawn(async move {
                let served = serve(&connection, stream, addr);
                if let Some(Err(failure)) = connection.cancel.run_until_cancelled(served).await {
                    tracing::debug!(%failure, "simulated MX: connection lost");
                }
                drop(place);
            });
        }
    };
    inner.cancel.run_until_cancelled(serving).await;
}

async fn serve(inner: &Arc<Inner>, stream: TcpStream, addr: SocketAddr) -> io::Result<()> {
    stream.set_nodelay(true)?;
    let mut config = Config::mx(inner.config.hostname.clone());
    config.starttls = inner.config.tls.is_some();
    config.dsn = true;
    let now = inner.config.clock.monotonic();
    let mut session = Session::new(config, PeerInfo { addr, tls: None }, now);
    let mut stream: Box<dyn Stream> = Box::new(stream);
    let mut buffer = vec![0; READ_BUFFER_BYTES];
    loop {
        if let Some(bytes) = session.poll_output() {
            stream.write_all(&bytes).await?;
            stream.flush().await?;
            continue;
        }
        match session.poll_event() {
            Some(Event::Close(_)) => return stream.shutdown().await,
            Some(Event::StartTls { .. }) => {
                stream = start_tls(inner, stream).await?;
                session.tls_established(tls_info(), inner.config.clock.monotonic());
                continue;
            }
            Some(event) => {
                answer(inner, &mut session, event).await?;
                continue;
            }
            None => {}
        }
        let now = inner.config.clock.monotonic();
        let deadline = Instant::from_std(session.poll_timeout().unwrap_or(now));
        tokio::select! {
            biased;
            () = sleep_until(deadline) => session.handle_timeout(inner.config.clock.monotonic()),
            read = stream.read(&mut buffer) => match read? {
                0 => return Ok(()),
                count => session.handle_input(&buffer[..count], inner.config.clock.monotonic()),
            },
        }
    }
}

async fn answer(inner: &Arc<Inner>, session: &mut Session, event: Event) -> io::Result<()> {
    let clock = &inner.config.clock;
    match event {
        Event::Authenticate(_) => session.auth_result(AuthResult::Refused, clock.monotonic()),
        Event::MailFrom { .. } => session.accept_sender(clock.monotonic()),
        Event::RcptTo { recipient, .. } => {
            let address = recipient.path.to_string();
            match inner.config.script.behaviour(&address) {
                Behaviour::RefuseAtRcpt(reply) => session.reject(&reply, clock.monotonic()),
                Behaviour::Greylist { refusals } if inner.greylists(&address, refusals) => {
                    let reply =
                        Reply::new(451, Enhanced(4, 7, 1), "Greylisted, please try again later");
                    session.reject(&reply, clock.monotonic());
                }
                Behaviour::Tarpit { delay } => {
                    sleep(delay).await;
                    session.accept_rcpt(clock.monotonic());
                }
                Behaviour::Accept
                | Behaviour::Greylist { .. }
                | Behaviour::RefuseAfterData(_)
                | Behaviour::DropAfterData
                | Behaviour::AcceptThen { .. } => session.accept_rcpt(clock.monotonic()),
            }
        }
        Event::MessageReceived { id, envelope, body } => {
            return take_message(inner, session, id, envelope, body);
        }
        Event::StartTls { .. } | Event::Close(_) => {}
    }
    Ok(())
}

fn take_message(
    inner: &Arc<Inner>,
    session: &mut Session,
    id: MessageId,
    envelope: Envelope,
    body: Vec<u8>,
) -> io::Result<()> {
    let now = inner.config.clock.monotonic();
    for recipient in &envelope.recipients {
        match inner.config.script.behaviour(&recipient.path.to_string()) {
            Behaviour::DropAfterData => return Err(io::ErrorKind::ConnectionAborted.into()),
            Behaviour::RefuseAfterData(reply) => {
                session.reject_message(id, &reply, now);
                return Ok(());
            }
            Behaviour::Accept
            | Behaviour::RefuseAtRcpt(_)
            | Behaviour::Greylist { .. }
            | Behaviour::Tarpit { .. }
            | Behaviour::AcceptThen { .. } => {}
        }
    }
    let number = inner.take_in(envelope, body, session.peer().tls.is_some());
    session.confirm_stored(id, &format!("sim{number}"), now);
    Ok(())
}

async fn start_tls(inner: &Arc<Inner>, stream: Box<dyn Stream>) -> io::Result<Box<dyn Stream>> {
    let config = inner
        .config
        .tls
        .clone()
        .ok_or_else(|| io::Error::other("no certificate"))?;
    let accepting = TlsAcceptor::from(config).accept(stream);
    let encrypted = timeout(HANDSHAKE_TIMEOUT, accepting).await??;
    Ok(Box::new(encrypted))
}

fn tls_info() -> TlsInfo {
    TlsInfo {
        protocol: "TLS".to_owned(),
        cipher: "simulated".to_owned(),
    }
}
