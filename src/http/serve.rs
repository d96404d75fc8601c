//! Taking connections: a cap on how many, time limits, TLS where configured, a calm end.

use std::sync::Arc;
use std::time::Duration;

use axum::Router;
use axum::body::Body;
use axum::http::Request;
use hyper::body::Incoming;
use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper_util::rt::{TokioIo, TokioTimer};
use hyper_util::server::graceful::{GracefulShutdown, Watcher};
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::{Semaphore, watch};
use tokio_rustls::TlsAcceptor;
use tokio_util::sync::CancellationToken;
use tower::ServiceExt;

use super::guard::Peer;

/// The certificate in force; replaced while running.
pub type TlsWatch = watch::Receiver<Arc<rustls::ServerConfig>>;

/// Longest time for the head of a request, and for a TLS handshake.
const HEAD_TIMEOUT: Duration = Duration::from_secs(15);
/// Largest head of a request, in bytes.
const HEAD_SIZE_MAX: usize = 64 * 1024;
/// Pause after the system refused to hand out a connection (too many open files).
const ACCEPT_PAUSE: Duration = Duration::from_millis(100);
/// Longest wait for requests under way when the daemon stops.
const DRAIN_TIMEOUT: Duration = Duration::from_secs(10);

/// What the accept loop holds to.
#[derive(Clone, Copy, Debug)]
pub struct Limits {
    /// Connections at a time; more wait in the system's queue.
    pub connections_max: usize,
}

/// Serves until `cancel`, then lets requests under way come to their end.
pub async fn serve(
    listener: TcpListener,
    router: Router,
    limits: Limits,
    tls: Option<TlsWatch>,
    cancel: CancellationToken,
) {
    let places = Arc::new(Semaphore::new(limits.connections_max));
    let graceful = GracefulShutdown::new();
    loop {
        let place = tokio::select! {
            biased;
            () = cancel.cancelled() => break,
            place = Arc::clone(&places).acquire_owned() => place,
        };
        let accepted = tokio::select! {
            biased;
            () = cancel.cancelled() => break,
            accepted = listener.accept() => accepted,
        };
        let Ok((stream, address)) = accepted else {
            tokio::time::sleep(ACCEPT_PAUSE).await;
            continue;
        };
        let peer = Peer(address.ip().to_canonical());
        let (router, tls, watcher) = (router.clone(), tls.clone(), graceful.watcher());
        tokio::spawn(async move {
            connection(stream, peer, router, tls, watcher).await;
            drop(place);
        });
    }
    drop(listener);
    let drained = tokio::time::timeout(DRAIN_TIMEOUT, graceful.shutdown()).await;
    if drained.is_err() {
        tracing::warn!("console requests were still under way at the end");
    }
}

async fn connection(
    stream: TcpStream,
    peer: Peer,
    router: Router,
    tls: Option<TlsWatch>,
    watcher: Watcher,
) {
    // Small answers should not wait for the peer's acknowledgement; failing changes nothing.
    let _ = stream.set_nodelay(true);
    let Some(tls) = tls else {
        return answer(stream, peer, router, watcher).await;
    };
    let acceptor = TlsAcceptor::from(Arc::clone(&tls.borrow()));
    if let Ok(Ok(stream)) = tokio::time::timeout(HEAD_TIMEOUT, acceptor.accept(stream)).await {
        answer(stream, peer, router, watcher).await;
    }
}

async fn answer<S>(stream: S, peer: Peer, router: Router, watcher: Watcher)
where
    S: AsyncRead + AsyncWrite + Unpin + Send + 'static,
{
    let service = service_fn(move |mut request: Request<Incoming>| {
        request.extensions_mut().insert(peer);
        router.clone().oneshot(request.map(Body::new))
    });
    let connection = http1::Builder::new()
        .timer(TokioTimer::new())
        .header_read_timeout(HEAD_TIMEOUT)
        .max_buf_size(HEAD_SIZE_MAX)
        .serve_connection(TokioIo::new(stream), service);
    if let Err(error) = watcher.watch(connection).await {
        tracing::debug!(%error, "console connection ended early");
    }
}
