//! Hands in mail as fast as it is taken, over connections that stay: what `tests/perf/mail.sh` asks
//! ours, Postfix and a sink that keeps nothing with, each alike.
//!
//! `TOCSIN_PERF_LOAD` says whom: `ADDRESS PLAIN|STARTTLS|IMPLICIT MESSAGES [USER PASSWORD]`. With a
//! login, or `TOCSIN_PERF_OUT`, it is mail of our own on its way out; else mail for the postmaster.

use std::net::SocketAddr;
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::{Duration, Instant};

use data_encoding::BASE64;
use tocsin::net::tls_client::client_config;
use tokio::io::{AsyncBufReadExt, AsyncRead, AsyncWrite, AsyncWriteExt, BufStream};
use tokio::net::TcpStream;
use tokio_rustls::{TlsConnector, client::TlsStream, rustls::pki_types::ServerName};

/// Connections at a time, and octets of a message.
const CONNECTIONS: usize = 20;
const SIZE: usize = 10_240;
const SINK: &str = "/usr/sbin/smtp-sink";

#[derive(Clone, Copy, PartialEq, Eq)]
enum Tls {
    Plain,
    Starttls,
    Implicit,
}

#[derive(Clone)]
struct Load {
    server: SocketAddr,
    tls: Tls,
    messages: usize,
    login: Option<String>,
    /// Envelope sender and recipient.
    from: String,
    to: String,
}

trait Stream: AsyncRead + AsyncWrite + Send + Unpin {}
impl<T: AsyncRead + AsyncWrite + Send + Unpin> Stream for T {}
type Line = BufStream<Box<dyn Stream>>;

impl Load {
    /// Hands all in; how long that took from the first connection to the last reply.
    async fn run(&self) -> Duration {
        let left = Arc::new(AtomicUsize::new(self.messages));
        let mail: Arc<[u8]> = self.mail().into();
        let began = Instant::now();
        let each = (0..CONNECTIONS.min(self.messages)).map(|_| {
            let (load, left, mail) = (self.clone(), Arc::clone(&left), Arc::clone(&mail));
            tokio::spawn(async move { load.connection(&left, &mail).await })
        });
        let each: Vec<_> = each.collect();
        for connection in each {
            connection.await.unwrap();
        }
        began.elapsed()
    }

    fn mail(&self) -> Vec<u8> {
        let mut mail = format!(
            "From: <{}>\r\nTo: <{}>\r\nSubject: Load\r\n\r\n",
            self.from, self.to
        );
        while mail.len() < SIZE {
            mail.push_str(
                "The quick brown fox jumps over the lazy dog, again and again and on.\r\n",
            );
        }
        mail.push_str(".\r\n");
        mail.into_bytes()
    }

    async fn connection(&self, left: &AtomicUsize, mail: &[u8]) {
        let mut line = self.open().await;
        if let Some(login) = &self.login {
            say(&mut line, &format!("AUTH PLAIN {login}\r\n"), "235").await;
        }
        let (from, to) = (
            format!("MAIL FROM:<{}>\r\n", self.from),
            format!("RCPT TO:<{}>\r\n", self.to),
        );
        let take = |left: usize| left.checked_sub(1);
        let order = Ordering::Relaxed;
        while left.fetch_update(order, order, take).is_ok() {
            say(&mut line, &from, "250").await;
            say(&mut line, &to, "250").await;
            say(&mut line, "DATA\r\n", "354").await;
            line.write_all(mail).await.unwrap();
            hear(&mut line, "250").await;
        }
        say(&mut line, "QUIT\r\n", "221").await;
    }

    async fn open(&self) -> Line {
        let tcp = TcpStream::connect(self.server).await.unwrap();
        tcp.set_nodelay(true).unwrap();
        let mut line: Line = if self.tls == Tls::Implicit {
            BufStream::new(Box::new(secured(tcp).await))
        } else {
            BufStream::new(Box::new(tcp))
        };
        hear(&mut line, "220").await;
        say(&mut line, "EHLO load.example\r\n", "250").await;
        if self.tls == Tls::Starttls {
            say(&mut line, "STARTTLS\r\n", "220").await;
            line = BufStream::new(Box::new(secured(line.into_inner()).await));
            say(&mut line, "EHLO load.example\r\n", "250").await;
        }
        line
    }
}

async fn secured<S: Stream>(stream: S) -> TlsStream<S> {
    let connector = TlsConnector::from(client_config(false).unwrap());
    let name = ServerName::try_from("load.example").unwrap();
    connector.connect(name, stream).await.unwrap()
}

async fn say(line: &mut Line, command: &str, code: &str) {
    line.write_all(command.as_bytes()).await.unwrap();
    hear(line, code).await;
}

async fn hear(line: &mut Line, code: &str) {
    line.flush().await.unwrap();
    loop {
        let mut reply = String::new();
        line.read_line(&mut reply).await.unwrap();
        assert!(reply.starts_with(code), "wanted {code}, got {reply:?}");
        if reply.as_bytes().get(3) != Some(&b'-') {
            return;
        }
    }
}

/// Ended when dropped.
struct Sink(Child);

impl Drop for Sink {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

fn asked_for(text: &str) -> Load {
    let words: Vec<&str> = text.split_whitespace().collect();
    let (server, tls, messages) = (words[0], words[1], words[2]);
    let login = words.get(3).map(|user| {
        let password = words[4..].join(" ");
        BASE64.encode(format!("\0{user}\0{password}").as_bytes())
    });
    let is_in = login.is_none() && std::env::var_os("TOCSIN_PERF_OUT").is_none();
    Load {
        server: server.parse().unwrap(),
        tls: match tls {
            "PLAIN" => Tls::Plain,
            "STARTTLS" => Tls::Starttls,
            "IMPLICIT" => Tls::Implicit,
            other => unreachable!("{other}"),
        },
        messages: messages.parse().unwrap(),
        login,
        from: if is_in {
            "sender@example.net"
        } else {
            "load@example.org"
        }
        .to_owned(),
        to: if is_in {
            "postmaster@example.org"
        } else {
            "ann@example.net"
        }
        .to_owned(),
    }
}

#[test]
fn mail_is_handed_in() {
    let runtime = super::runtime();
    if let Ok(text) = std::env::var("TOCSIN_PERF_LOAD") {
        let load = asked_for(&text);
        let took = runtime.block_on(load.run());
        let rate = load.messages as f64 / took.as_secs_f64();
        println!("RATE {rate:.0}");
        return;
    }
    if !Path::new(SINK).exists() {
        println!("SKIPPED: no smtp-sink here (Debian package postfix)");
        return;
    }
    let free = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let server = free.local_addr().unwrap();
    drop(free);
    let mut sink = Command::new(SINK);
    sink.args(["-u", "nobody", "-c", &format!("inet:{server}"), "100"]);
    let _sink = Sink(sink.stdout(Stdio::null()).spawn().unwrap());
    for _ in 0..500 {
        if std::net::TcpStream::connect(server).is_ok() {
            break;
        }
        std::thread::sleep(Duration::from_millis(10));
    }
    let load = asked_for(&format!("{server} PLAIN 40"));
    assert!(runtime.block_on(load.run()) > Duration::ZERO);
}
