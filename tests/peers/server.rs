//! The listeners under test, with a sink that remembers, and how peers are run.

use std::ffi::OsStr;
use std::net::SocketAddr;
use std::process::Stdio;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use secrecy::ExposeSecret;
use tocsin::clock::SystemClock;
use tocsin::domain::scram::{SCRAM_ITERATIONS, ScramVerifier};
use tocsin::listener::{
    Decision, Limits, Listener, ListenerConfig, MessageMemory, MessageSink, ReceivedMessage,
    Service, SessionInfo, StoreRefusal, StoredId,
};
use tocsin::proto::smtp::{
    AuthRequest, AuthResult, Config, Enhanced, Recipient, Reply, ReversePath, ScramChallenge,
};
use tokio::net::TcpListener;
use tokio::process::Command;
use tokio::sync::watch;
use tokio_util::sync::{CancellationToken, DropGuard};

use crate::skip::skip;

/// Longest run of a peer.
const PEER_TIMEOUT: Duration = Duration::from_secs(60);
/// Small, so that a peer can exceed it.
pub(crate) const MESSAGE_SIZE_MAX_BYTES: usize = 100_000;

/// Remembers what it is given.
#[derive(Default)]
pub(crate) struct Remembers {
    stored: Mutex<Vec<ReceivedMessage>>,
}

impl MessageSink for Remembers {
    async fn authenticate(&self, _: &SessionInfo, request: &AuthRequest) -> AuthResult {
        if request.username() != "app" {
            return AuthResult::Refused;
        }
        let verifier = ScramVerifier::derive("secret word", b"salt", SCRAM_ITERATIONS);
        match request {
            AuthRequest::Password { password, .. } if verifier.is_of(password.expose_secret()) => {
                AuthResult::Accepted
            }
            AuthRequest::Challenge { .. } => AuthResult::Challenge(ScramChallenge {
                nonce: "of-this-exchange".to_owned(),
                salt: verifier.salt().to_vec(),
                iterations: verifier.iterations(),
            }),
            AuthRequest::Proof {
                auth_message,
                proof,
                ..
            } if verifier.is_proven(auth_message, proof) => AuthResult::Proven {
                signature: verifier.server_signature(auth_message),
            },
            AuthRequest::Password { .. } | AuthRequest::Proof { .. } => AuthResult::Refused,
        }
    }

    fn knows_scram(&self) -> bool {
        true
    }

    async fn recipient(&self, _: &SessionInfo, _: &ReversePath, recipient: &Recipient) -> Decision {
        if recipient.path.to_string().starts_with("unknown") {
            return Decision::Reject(Reply::new(550, Enhanced(5, 1, 1), "No such user"));
        }
        Decision::Accept
    }

    async fn store(&self, message: ReceivedMessage) -> Result<StoredId, StoreRefusal> {
        let mut stored = self.stored.lock().unwrap();
        stored.push(message);
        Ok(StoredId(format!("m{}", stored.len())))
    }
}

/// A listener that runs until dropped.
pub(crate) struct Server {
    pub(crate) addr: SocketAddr,
    sink: Arc<Remembers>,
    _certificate: watch::Sender<Arc<rustls::ServerConfig>>,
    _stop: DropGuard,
}

impl Server {
    pub(crate) async fn start(service: Service) -> Server {
        let mut session = match service {
            Service::Mx => Config::mx("mx.tocsin.example"),
            Service::Submission | Service::Submissions => Config::submission("mx.tocsin.example"),
        };
        session.message_size_max_bytes = MESSAGE_SIZE_MAX_BYTES;
        let config = ListenerConfig {
            service,
            session,
            limits: Limits::default(),
            memory: MessageMemory::new(1 << 30),
            proxies: Vec::new(),
        };
        let sink = Arc::new(Remembers::default());
        let (certificate, tls) = watch::channel(self_signed());
        let clock = SystemClock::shared();
        let listener = Listener::new(config, Some(tls), Arc::clone(&sink), clock).unwrap();
        let socket = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let addr = socket.local_addr().unwrap();
        let stop = CancellationToken::new();
        tokio::spawn(listener.serve(socket, stop.clone()));
        Server {
            addr,
            sink,
            _certificate: certificate,
            _stop: stop.drop_guard(),
        }
    }

    pub(crate) fn stored(&self) -> Vec<ReceivedMessage> {
        self.sink.stored.lock().unwrap().clone()
    }

    /// The only message that was stored, as text.
    #[track_caller]
    pub(crate) fn only_message(&self) -> (ReceivedMessage, String) {
        let mut stored = self.stored();
        assert_eq!(stored.len(), 1, "messages stored");
        let message = stored.remove(0);
        let text = String::from_utf8(message.raw.clone()).unwrap();
        (message, text)
    }
}

pub(crate) fn self_signed() -> Arc<rustls::ServerConfig> {
    let made = rcgen::generate_simple_self_signed(["localhost".to_owned()]).unwrap();
    let key = made.signing_key.serialize_der().try_into().unwrap();
    let provider = Arc::new(rustls::crypto::ring::default_provider());
    let config = rustls::ServerConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()
        .unwrap()
        .with_no_client_auth()
        .with_single_cert(vec![made.cert.der().clone()], key)
        .unwrap();
    Arc::new(config)
}

/// Runs a peer and returns whether it was content and what it printed; `None` if it is not
/// installed.
pub(crate) async fn peer<A: AsRef<OsStr>>(
    program: &str,
    arguments: &[A],
) -> Option<(bool, String)> {
    told(program, arguments, Stdio::null()).await
}

/// The same for one that takes longer.
pub(crate) async fn peer_within<A: AsRef<OsStr>>(
    longest: Duration,
    program: &str,
    arguments: &[A],
) -> Option<(bool, String)> {
    run(longest, program, arguments, Stdio::null()).await
}

/// The same with something on its standard input.
pub(crate) async fn told<A: AsRef<OsStr>>(
    program: &str,
    arguments: &[A],
    input: Stdio,
) -> Option<(bool, String)> {
    run(PEER_TIMEOUT, program, arguments, input).await
}

async fn run<A: AsRef<OsStr>>(
    longest: Duration,
    program: &str,
    arguments: &[A],
    input: Stdio,
) -> Option<(bool, String)> {
    let running = Command::new(program)
        .args(arguments)
        .stdin(input)
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .kill_on_drop(true)
        .spawn();
    let running = match running {
        Ok(running) => running,
        Err(failure) if failure.kind() == std::io::ErrorKind::NotFound => {
            skip(&format!("{program} is not installed"));
            return None;
        }
        Err(failure) => panic!("{program} does not start: {failure}"),
    };
    let output = tokio::time::timeout(longest, running.wait_with_output());
    let output = output.await.expect("the peer hangs").unwrap();
    let text = [output.stdout, output.stderr].concat();
    Some((
        output.status.success(),
        String::from_utf8_lossy(&text).into_owned(),
    ))
}
