//! The listener on real sockets: TLS, limits, draining, and nothing acknowledged too early.
#![allow(clippy::unwrap_used)]

use std::num::NonZeroU32;
use std::sync::Arc;
use std::sync::Mutex;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use rustls::pki_types::{CertificateDer, PrivateKeyDer, ServerName};
use secrecy::ExposeSecret;
use tokio::io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::{Semaphore, watch};
use tokio::task::JoinHandle;
use tokio_rustls::TlsConnector;
use tokio_util::sync::CancellationToken;

use super::*;
use crate::clock::SystemClock;
use crate::proto::smtp::{Config, Enhanced, ScramChallenge};

/// Nothing here should take longer.
const PATIENCE: Duration = Duration::from_secs(20);

struct TestSink {
    stored: Mutex<Vec<ReceivedMessage>>,
    /// A permit for each message that may be stored.
    permits: Semaphore,
    /// Challenges to which no proof came.
    unproven: AtomicUsize,
}

impl TestSink {
    fn new(permits: usize) -> Arc<Self> {
        Arc::new(TestSink {
            stored: Mutex::default(),
            permits: Semaphore::new(permits),
            unproven: AtomicUsize::new(0),
        })
    }

    fn stored(&self) -> Vec<ReceivedMessage> {
        self.stored.lock().unwrap().clone()
    }
}

impl MessageSink for TestSink {
    async fn authenticate(&self, _: &SessionInfo, request: &AuthRequest) -> AuthResult {
        match request {
            AuthRequest::Password {
                username, password, ..
            } if username == "app" && password.expose_secret() == "secret" => AuthResult::Accepted,
            AuthRequest::Challenge { .. } => AuthResult::Challenge(ScramChallenge {
                nonce: "n".to_owned(),
                salt: vec![7; 16],
                iterations: NonZeroU32::new(4096).unwrap(),
            }),
            AuthRequest::Password { .. } | AuthRequest::Proof { .. } => AuthResult::Refused,
        }
    }

    fn knows_scram(&self) -> bool {
        true
    }

    fn unproven(&self, _: &SessionInfo) {
        self.unproven.fetch_add(1, Ordering::SeqCst);
    }

    async fn recipient(&self, _: &SessionInfo, _: &ReversePath, recipient: &Recipient) -> Decision {
        match recipient.path.to_string().split('@').next() {
            Some("panic") => panic!("asked to"),
            Some("unknown") => Decision::Reject(Reply::new(550, Enhanced(5, 1, 1), "No such user")),
            _ => Decision::Accept,
        }
    }

    async fn store(&self, message: ReceivedMessage) -> Result<StoredId, StoreRefusal> {
        let text = String::from_utf8_lossy(&message.raw).into_owned();
        assert!(!text.contains("x-panic"), "asked to");
        if text.contains("x-disk-full") {
            return Err(StoreRefusal::DiskFull);
        }
        self.permits.acquire().await.unwrap().forget();
        let mut stored = self.stored.lock().unwrap();
        stored.push(message);
        Ok(StoredId(format!("m{}", stored.len())))
    }
}

struct Running {
    addr: std::net::SocketAddr,
    listener: Arc<Listener<TestSink>>,
    cancel: CancellationToken,
    task: JoinHandle<()>,
}

impl Running {
    async fn settles_at(&self, sessions: usize) {
        let settled = async {
            while self.listener.open_sessions() != sessions {
                tokio::time::sleep(Duration::from_millis(5)).await;
            }
        };
        tokio::time::timeout(PATIENCE, settled).await.unwrap();
    }
}

async fn start(config: ListenerConfig, tls: Option<TlsHandle>, sink: &Arc<TestSink>) -> Running {
    let listener = Listener::new(config, tls, Arc::clone(sink), SystemClock::shared()).unwrap();
    let socket = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let cancel = CancellationToken::new();
    Running {
        addr: socket.local_addr().unwrap(),
        listener: Arc::clone(&listener),
        task: tokio::spawn(listener.serve(socket, cancel.clone())),
        cancel,
    }
}

fn config(service: Service) -> ListenerConfig {
    ListenerConfig {
        service,
        session: match service {
            Service::Mx => Config::mx("mx.test"),
            Service::Submission | Service::Submissions => Config::submission("mx.test"),
        },
        limits: Limits::default(),
        memory: MessageMemory::new(1 << 30),
        proxies: Vec::new(),
    }
}

struct Certificate {
    der: CertificateDer<'static>,
    server: Arc<rustls::ServerConfig>,
}

fn certificate() -> Certificate {
    let made = rcgen::generate_simple_self_signed(["localhost".to_owned()]).unwrap();
    let der = made.cert.der().clone();
    let key = PrivateKeyDer::try_from(made.signing_key.serialize_der()).unwrap();
    let server = rustls::ServerConfig::builder_with_provider(provider())
        .with_safe_default_protocol_versions()
        .unwrap()
        .with_no_client_auth()
        .with_single_cert(vec![der.clone()], key)
        .unwrap();
    Certificate {
        der,
        server: Arc::new(server),
    }
}

fn provider() -> Arc<rustls::crypto::CryptoProvider> {
    Arc::new(rustls::crypto::ring::default_provider())
}

struct Client<T> {
    io: T,
}

impl Client<TcpStream> {
    async fn connect(addr: std::net::SocketAddr) -> Self {
        Client {
            io: TcpStream::connect(addr).await.unwrap(),
        }
    }

    async fn start_tls(
        self,
        trusted: &Certificate,
    ) -> std::io::Result<Client<tokio_rustls::client::TlsStream<TcpStream>>> {
        let mut roots = rustls::RootCertStore::empty();
        roots.add(trusted.der.clone()).unwrap();
        let config = rustls::ClientConfig::builder_with_provider(provider())
            .with_safe_default_protocol_versions()
            .unwrap()
            .with_root_certificates(roots)
            .with_no_client_auth();
        let name = ServerName::try_from("localhost").unwrap();
        let io = TlsConnector::from(Arc::new(config))
            .connect(name, self.io)
            .await?;
        Ok(Client { io })
    }
}

impl<T: AsyncRead + AsyncWrite + Unpin> Client<T> {
    /// One reply, all of its lines; empty at the end of the connection.
    async fn reply(&mut self) -> String {
        let mut text = String::new();
        let reading = async {
            loop {
                match self.io.read_u8().await {
                    Ok(byte) => text.push(char::from(byte)),
                    Err(_) => return,
                }
                let last = text.lines().last().unwrap_or_default();
                if text.ends_with("\r\n") && last.as_bytes().get(3) == Some(&b' ') {
                    return;
                }
            }
        };
        tokio::time::timeout(PATIENCE, reading)
            .await
            .expect("no reply");
        text
    }

    async fn send(&mut self, text: &str) {
        self.io.write_all(text.as_bytes()).await.unwrap();
        self.io.flush().await.unwrap();
    }

    async fn says(&mut self, text: &str, reply: &str) {
        self.send(text).await;
        let got = self.reply().await;
        assert!(
            got.starts_with(reply),
            "{text:?}: expected {reply:?}, got {got:?}"
        );
    }

    async fn silent_for(&mut self, span: Duration) -> bool {
        tokio::time::timeout(span, self.io.read_u8()).await.is_err()
    }

    async fn begin_data(&mut self) {
        self.says("MAIL FROM:<>\r\n", "250 2.1.0").await;
        self.says("RCPT TO:<bounce@b.example>\r\n", "250 2.1.5")
            .await;
        self.says("DATA\r\n", "354").await;
    }
}

async fn mx_client(running: &Running) -> Client<TcpStream> {
    let mut client = Client::connect(running.addr).await;
    assert!(client.reply().await.starts_with("220 mx.test"));
    client.says("EHLO c.example\r\n", "250-mx.test").await;
    client
}

#[tokio::test]
async fn a_challenge_to_which_no_proof_comes_is_told_of() {
    // "n,,n=eve,r=abcdef", and a proof of nothing.
    const FIRST: &str = "AUTH SCRAM-SHA-256 biwsbj1ldmUscj1hYmNkZWY=\r\n";
    const PROOF: &str =
        "Yz1iaXdzLHI9YWJjZGVmbixwPUJ3Y0hCd2NIQndjSEJ3Y0hCd2NIQndjSEJ3Y0hCd2NIQndjSEJ3Y0hCd2M9\r\n";
    let sink = TestSink::new(0);
    let certificate = certificate();
    let (_keep, tls) = watch::channel(Arc::clone(&certificate.server));
    let running = start(config(Service::Submission), Some(tls), &sink).await;
    let mut client = Client::connect(running.addr).await;
    client.reply().await;
    client.says("EHLO app.example\r\n", "250-mx.test").await;
    client.says("STARTTLS\r\n", "220").await;
    let mut client = client.start_tls(&certificate).await.unwrap();
    client.says("EHLO app.example\r\n", "250-mx.test").await;
    let told = || sink.unproven.load(Ordering::SeqCst);
    client.says(FIRST, "334").await;
    client.says(PROOF, "535 5.7.8").await;
    assert_eq!(told(), 0);
    client.says(FIRST, "334").await;
    client.says("*\r\n", "501").await;
    client.says(FIRST, "334").await;
    assert_eq!(told(), 1, "with the next one");
    drop(client);
    running.settles_at(0).await;
    assert_eq!(told(), 2);
}

#[tokio::test]
async fn submission_with_starttls_is_acknowledged_when_stored_and_not_before() {
    let sink = TestSink::new(0);
    let certificate = certificate();
    let (_keep, tls) = watch::channel(Arc::clone(&certificate.server));
    let running = start(config(Service::Submission), Some(tls), &sink).await;
    let mut client = Client::connect(running.addr).await;
    client.reply().await;
    client.says("EHLO app.example\r\n", "250-mx.test").await;
    client.says("STARTTLS\r\n", "220").await;
    let mut client = client.start_tls(&certificate).await.unwrap();
    client.says("EHLO app.example\r\n", "250-mx.test").await;
    client
        .says("AUTH PLAIN AGFwcAB3cm9uZw==\r\n", "535 5.7.8")
        .await;
    client.says("AUTH PLAIN AGFwcABzZWNyZXQ=\r\n", "235").await;
    client.says("MAIL FROM:<a@b.example>\r\n", "250").await;
    client
        .says("RCPT TO:<unknown@b.example>\r\n", "550 5.1.1")
        .await;
    client.says("RCPT TO:<c@b.example>\r\n", "250").await;
    client.says("DATA\r\n", "354").await;
    client.send("Subject: hello\r\n\r\ntext\r\n.\r\n").await;
    assert!(
        client.silent_for(Duration::from_millis(200)).await,
        "acknowledged before it was stored"
    );
    assert!(sink.stored().is_empty());
    sink.permits.add_permits(1);
    assert!(
        client
            .reply()
            .await
            .starts_with("250 2.0.0 Ok, queued as m1")
    );
    client.says("QUIT\r\n", "221").await;

    let stored = sink.stored().remove(0);
    let raw = String::from_utf8(stored.raw).unwrap();
    assert!(
        raw.starts_with(
            "Received: from app.example ([127.0.0.1])\r\n\tby mx.test with ESMTPSA id "
        ),
        "{raw}"
    );
    assert!(raw.ends_with("\r\nSubject: hello\r\n\r\ntext\r\n"), "{raw}");
    assert_eq!(stored.session.user.as_deref(), Some("app"));
    assert_eq!(stored.envelope.recipients.len(), 1);
    assert!(stored.session.tls.unwrap().protocol.starts_with("TLSv1.3"));
}

#[tokio::test]
async fn a_new_certificate_is_used_without_a_restart() {
    let sink = TestSink::new(0);
    let (old, new) = (certificate(), certificate());
    let (sender, tls) = watch::channel(Arc::clone(&old.server));
    let running = start(config(Service::Submissions), Some(tls), &sink).await;
    let mut client = Client::connect(running.addr)
        .await
        .start_tls(&old)
        .await
        .unwrap();
    assert!(client.reply().await.starts_with("220"));
    sender.send(Arc::clone(&new.server)).unwrap();
    assert!(
        Client::connect(running.addr)
            .await
            .start_tls(&old)
            .await
            .is_err()
    );
    let mut renewed = Client::connect(running.addr)
        .await
        .start_tls(&new)
        .await
        .unwrap();
    assert!(renewed.reply().await.starts_with("220"));
    client.says("NOOP\r\n", "250").await;
}

#[tokio::test]
async fn refusals_and_panics_of_the_sink_leave_the_session_or_at_least_the_others() {
    let sink = TestSink::new(1);
    let running = start(config(Service::Mx), None, &sink).await;
    let mut client = mx_client(&running).await;
    client.begin_data().await;
    client.says("x-disk-full\r\n.\r\n", "452 4.3.1").await;
    client.begin_data().await;
    client.says("x-panic\r\n.\r\n", "451 4.3.0").await;

    let mut doomed = mx_client(&running).await;
    doomed.says("MAIL FROM:<>\r\n", "250").await;
    doomed.send("RCPT TO:<panic@b.example>\r\n").await;
    assert_eq!(doomed.reply().await, "");

    client.begin_data().await;
    client.says("fine\r\n.\r\n", "250 2.0.0").await;
    running.settles_at(1).await;
    assert_eq!(sink.stored().len(), 1);
}

#[tokio::test]
async fn sessions_are_limited_and_places_are_given_back() {
    let sink = TestSink::new(0);
    let mut limited = config(Service::Mx);
    limited.limits.sessions_per_ip_max = 2;
    let running = start(limited, None, &sink).await;
    let mut one = mx_client(&running).await;
    let _two = mx_client(&running).await;
    let mut three = Client::connect(running.addr).await;
    assert!(three.reply().await.starts_with("421 4.7.0"));
    one.says("QUIT\r\n", "221").await;
    drop(one);
    running.settles_at(1).await;
    mx_client(&running).await;
}

#[tokio::test]
async fn a_stop_lets_the_running_message_finish_and_sends_the_idle_away() {
    let sink = TestSink::new(1);
    let running = start(config(Service::Mx), None, &sink).await;
    let mut busy = mx_client(&running).await;
    let mut idle = mx_client(&running).await;
    busy.begin_data().await;
    busy.send("half").await;
    running.cancel.cancel();
    assert!(idle.reply().await.starts_with("421 4.3.2"));
    busy.says(" and half\r\n.\r\n", "250 2.0.0").await;
    assert!(busy.reply().await.starts_with("421 4.3.2"));
    drop((busy, idle));
    tokio::time::timeout(PATIENCE, running.task)
        .await
        .unwrap()
        .unwrap();
    assert!(String::from_utf8_lossy(&sink.stored()[0].raw).ends_with("half and half\r\n"));
}

#[tokio::test]
async fn mail_beyond_the_common_memory_is_refused_for_now() {
    let sink = TestSink::new(1);
    let mut limited = config(Service::Mx);
    limited.memory = MessageMemory::new(64 * 1024);
    let running = start(limited, None, &sink).await;
    let mut client = mx_client(&running).await;
    client.begin_data().await;
    let big = "0123456789abcdef\r\n".repeat(10_000);
    client.says(&format!("{big}.\r\n"), "452 4.3.1").await;
    client.begin_data().await;
    // There is room for it once, but not for what storing takes.
    let middle = "0123456789abcdef\r\n".repeat(2_000);
    client.says(&format!("{middle}.\r\n"), "452 4.3.1").await;
    client.begin_data().await;
    client.says("small\r\n.\r\n", "250 2.0.0").await;
}

#[tokio::test]
async fn a_trusted_proxy_names_the_client_who_is_counted_instead_of_it() {
    let sink = TestSink::new(1);
    let mut behind = config(Service::Mx);
    behind.proxies = vec!["127.0.0.1".parse().unwrap()];
    behind.limits.sessions_per_ip_max = 1;
    let running = start(behind, None, &sink).await;
    let connect = async |client: &str| {
        let mut connected = Client::connect(running.addr).await;
        connected
            .send(&format!("PROXY TCP4 {client} 10.0.0.1 4711 25\r\n"))
            .await;
        connected
    };
    let mut one = connect("192.0.2.7").await;
    assert!(one.reply().await.starts_with("220"));
    let mut second = connect("192.0.2.7").await;
    assert!(second.reply().await.starts_with("421 4.7.0"));
    let mut other = connect("192.0.2.8").await;
    assert!(other.reply().await.starts_with("220"));
    one.says("EHLO me.test\r\n", "250").await;
    one.begin_data().await;
    one.says("x\r\n.\r\n", "250 2.0.0").await;
    let stored = sink.stored();
    assert_eq!(stored[0].session.peer, "192.0.2.7:4711".parse().unwrap());
    drop((one, second, other));
    running.settles_at(0).await;
    let mut rude = Client::connect(running.addr).await;
    rude.send("EHLO me.test\r\n").await;
    running.settles_at(0).await;
    let mut nothing = [0; 1];
    assert!(!matches!(rude.io.read(&mut nothing).await, Ok(1..)));
}

#[tokio::test]
async fn a_stranger_names_nobody() {
    let running = start(config(Service::Mx), None, &TestSink::new(0)).await;
    let mut client = Client::connect(running.addr).await;
    client
        .send("PROXY TCP4 192.0.2.7 10.0.0.1 4711 25\r\n")
        .await;
    assert!(client.reply().await.starts_with("220"));
    assert!(client.reply().await.starts_with("500"));
}

#[tokio::test]
async fn a_client_that_speaks_tls_to_a_plain_port_or_vanishes_costs_nothing() {
    let sink = TestSink::new(0);
    let running = start(config(Service::Mx), None, &sink).await;
    for rubbish in [
        &b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03\n"[..],
        b"",
        b"MAIL FRO",
    ] {
        let mut client = Client::connect(running.addr).await;
        client.io.write_all(rubbish).await.unwrap();
    }
    tokio::time::sleep(Duration::from_millis(20)).await;
    running.settles_at(0).await;
    mx_client(&running).await;
}
