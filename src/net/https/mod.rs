//! A small HTTP client: for what is sent to addresses that people enter (news to programs), and
//! for the commands that ask the API.
//!
//! Whoever may enter an address must not make us knock at doors inside the house: names are
//! resolved here, only public addresses (and those that the installation allows) are spoken to,
//! and the very address that was looked at is connected to. Redirects are answers, not followed.

mod asking;
mod guard;

pub use asking::{Reply, Wish};
pub use guard::{Guard, is_public};

use std::future::Future;
use std::net::SocketAddr;
use std::pin::Pin;
use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use http_body_util::{BodyExt, Full, Limited};
use hyper::client::conn::http1;
use hyper::header::{CONTENT_TYPE, HOST, HeaderName, HeaderValue, RETRY_AFTER, USER_AGENT};
use hyper::{Method, Request, Uri};
use hyper_util::rt::TokioIo;
use rustls::ClientConfig;
use rustls::pki_types::ServerName;
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::net::TcpStream;
use tokio_rustls::TlsConnector;

/// Most of an answer's body that is read, in octets; it counts for nothing.
const ANSWER_SIZE_MAX: usize = 64 * 1024;
/// How long the rest of an answer is waited for once its status is known.
const REST_TIMEOUT: Duration = Duration::from_secs(2);
/// Most addresses of a name that are tried.
const ADDRESSES_MAX: usize = 4;
/// How long one of them has to answer, so that a dead one leaves time for the others.
const CONNECT_TIMEOUT: Duration = Duration::from_secs(5);
/// Longest wait that an answer may ask for; what asks for more is taken to ask for this.
const RETRY_AFTER_MAX: Duration = Duration::from_secs(24 * 3600);

/// Where a request goes.
#[derive(Clone, PartialEq, Eq)]
pub struct Target {
    tls: bool,
    host: String,
    port: u16,
    /// Path and query.
    path: String,
}

/// Addresses may hold secrets: only the kind is shown.
impl std::fmt::Debug for Target {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(if self.tls {
            "Target(https)"
        } else {
            "Target(http)"
        })
    }
}

/// What is wrong with an address.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum TargetError {
    /// It is no address.
    #[error("this is not an address that begins with https://")]
    Malformed,
    /// It names a user or a password.
    #[error("an address has no user name and no password in it")]
    Credentials,
}

impl Target {
    /// Reads an `https` or `http` address.
    ///
    /// # Errors
    /// When it is none, or holds a user name.
    pub fn parse(text: &str) -> Result<Self, TargetError> {
        let uri: Uri = text.trim().parse().map_err(|_| TargetError::Malformed)?;
        let tls = match uri.scheme_str() {
            Some("https") => true,
            Some("http") => false,
            Some(_) | None => return Err(TargetError::Malformed),
        };
        let authority = uri.authority().ok_or(TargetError::Malformed)?;
        if authority.as_str().contains('@') {
            return Err(TargetError::Credentials);
        }
        let host = authority
            .host()
            .trim_start_matches('[')
            .trim_end_matches(']');
        // What stands behind the host is a port; one that is none must not become the usual one.
        let behind = authority.as_str().strip_prefix(authority.host());
        let port = match behind {
            Some("" | ":") => Some(if tls { 443 } else { 80 }),
            Some(_) => authority.port_u16(),
            None => None,
        };
        let port = port.filter(|port| *port != 0 && !host.is_empty());
        Ok(Self {
            tls,
            host: host.to_owned(),
            port: port.ok_or(TargetError::Malformed)?,
            path: uri
                .path_and_query()
                .map_or("/", |path| path.as_str())
                .to_owned(),
        })
    }

    /// Whether it is encrypted.
    #[must_use]
    pub const fn is_encrypted(&self) -> bool {
        self.tls
    }

    fn authority(&self) -> String {
        let host = if self.host.contains(':') {
            format!("[{}]", self.host)
        } else {
            self.host.clone()
        };
        let usual = if self.tls { 443 } else { 80 };
        if self.port == usual {
            host
        } else {
            format!("{host}:{}", self.port)
        }
    }
}

/// Why there was no answer.
#[derive(Debug, thiserror::Error)]
pub enum PostError {
    /// None of its addresses may be spoken to, or it has none.
    #[error("the name has no address that may be spoken to")]
    Refused,
    /// Nobody answered.
    #[error("not reachable: {0}")]
    Unreachable(std::io::Error),
    /// The certificate is not good, or TLS failed.
    #[error("tls: {0}")]
    Tls(std::io::Error),
    /// What came back is no HTTP.
    #[error("http: {0}")]
    Http(#[from] hyper::Error),
    /// It took too long.
    #[error("no answer in time")]
    TimedOut,
    /// A header cannot be sent.
    #[error("a header holds what a header cannot hold")]
    Header,
}

/// What is sent.
#[derive(Clone, Debug)]
pub struct Post {
    /// Headers beside those that every request has.
    pub headers: Vec<(&'static str, String)>,
    /// Media type of the body.
    pub media_type: &'static str,
    /// The body.
    pub body: Bytes,
}

/// What came back.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Answer {
    /// Status of HTTP.
    pub status: u16,
    /// How long to wait before asking again (RFC 9110, 10.2.3), in its form of seconds.
    pub retry_after: Option<Duration>,
}

/// What requests and answers go over.
trait Stream: AsyncRead + AsyncWrite + Unpin + Send {}

impl<S: AsyncRead + AsyncWrite + Unpin + Send> Stream for S {}

/// What is left of an answer behind its head.
type Rest = Pin<Box<dyn Future<Output = ()> + Send>>;

/// Sends, one connection for each request.
#[derive(Clone, Debug)]
pub struct HttpsClient {
    tls: Arc<ClientConfig>,
    guard: Guard,
    timeout: Duration,
}

impl HttpsClient {
    /// With these roots, speaking only to what the guard allows; `timeout` is for a request from
    /// its first look at the name to the status of the answer.
    #[must_use]
    pub const fn new(tls: Arc<ClientConfig>, guard: Guard, timeout: Duration) -> Self {
        Self {
            tls,
            guard,
            timeout,
        }
    }

    /// Sends with POST. What comes behind the head of the answer counts for nothing: a body that
    /// is slow or breaks off changes nothing about its status.
    ///
    /// # Errors
    /// When there was no answer.
    pub async fn post(&self, target: &Target, post: Post) -> Result<Answer, PostError> {
        let sent = tokio::time::timeout(self.timeout, self.send(target, post)).await;
        let (answer, rest) = sent.map_err(|_| PostError::TimedOut)??;
        // Read so that the other side is not cut off; a long or slow one is.
        let _ = tokio::time::timeout(REST_TIMEOUT, rest).await;
        Ok(answer)
    }

    async fn send(&self, target: &Target, post: Post) -> Result<(Answer, Rest), PostError> {
        let wish = Wish {
            method: Method::POST,
            headers: post.headers,
            media_type: Some(post.media_type),
            body: post.body,
        };
        let request = request(target, wish)?;
        exchange(self.open(target).await?, request).await
    }

    /// A connection to the target, over TLS if its address says so.
    async fn open(&self, target: &Target) -> Result<Box<dyn Stream>, PostError> {
        let stream = self.connect(target).await?;
        if !target.tls {
            return Ok(Box::new(stream));
        }
        let name = ServerName::try_from(target.host.clone()).map_err(|_| PostError::Refused)?;
        let connector = TlsConnector::from(Arc::clone(&self.tls));
        let stream = connector.connect(name, stream).await;
        Ok(Box::new(stream.map_err(PostError::Tls)?))
    }

    /// To the first of its addresses that may be spoken to and answers.
    async fn connect(&self, target: &Target) -> Result<TcpStream, PostError> {
        let found = tokio::net::lookup_host((target.host.as_str(), target.port)).await;
        let found = found.map_err(|_| PostError::Refused)?;
        // Without encryption only to those that the installation names.
        let allowed = found.filter(|address| {
            let address = address.ip();
            self.guard.allows(address) && (target.tls || self.guard.names(address))
        });
        let allowed: Vec<SocketAddr> = allowed.take(ADDRESSES_MAX).collect();
        let mut failure = PostError::Refused;
        for address in allowed {
            let connected = tokio::time::timeout(CONNECT_TIMEOUT, TcpStream::connect(address));
            match connected.await {
                Ok(Ok(stream)) => return Ok(stream),
                Ok(Err(error)) => failure = PostError::Unreachable(error),
                Err(late) => failure = PostError::Unreachable(late.into()),
            }
        }
        Err(failure)
    }
}

fn request(target: &Target, wish: Wish) -> Result<Request<Full<Bytes>>, PostError> {
    let mut request = Request::builder()
        .method(wish.method)
        .uri(&target.path)
        .header(HOST, target.authority())
        .header(USER_AGENT, concat!("tocsin/", env!("CARGO_PKG_VERSION")));
    if let Some(media_type) = wish.media_type {
        request = request.header(CONTENT_TYPE, media_type);
    }
    for (name, value) in wish.headers {
        let value = HeaderValue::from_str(&value).map_err(|_| PostError::Header)?;
        request = request.header(HeaderName::from_static(name), value);
    }
    let request = request.body(Full::new(wish.body));
    request.map_err(|_| PostError::Header)
}

/// The head of the answer, and what is left of it.
async fn exchange<S: AsyncRead + AsyncWrite + Unpin + Send + 'static>(
    stream: S,
    request: Request<Full<Bytes>>,
) -> Result<(Answer, Rest), PostError> {
    let (mut sender, connection) = http1::handshake(TokioIo::new(stream)).await?;
    let mut connection = Box::pin(connection);
    let mut asked = Box::pin(async move { sender.send_request(request).await });
    let (response, over) = tokio::select! {
        biased;
        response = &mut asked => (response?, false),
        ended = &mut connection => match (asked.await, ended) {
            (Ok(response), _) => (response, true),
            (Err(_), Err(broken)) => return Err(broken.into()),
            (Err(error), Ok(())) => return Err(error.into()),
        },
    };
    let answer = Answer::of(&response);
    let rest = async move {
        let body = Limited::new(response.into_body(), ANSWER_SIZE_MAX).collect();
        tokio::select! {
            biased;
            _ = body => {}
            _ = connection, if !over => {}
        }
    };
    Ok((answer, Box::pin(rest)))
}

impl Answer {
    fn of<T>(response: &hyper::Response<T>) -> Self {
        let seconds = response.headers().get(RETRY_AFTER);
        let seconds = seconds.and_then(|value| value.to_str().ok()?.trim().parse().ok());
        Self {
            status: response.status().as_u16(),
            retry_after: seconds.map(|seconds| Duration::from_secs(seconds).min(RETRY_AFTER_MAX)),
        }
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests;
