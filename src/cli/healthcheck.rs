//! `tocsin healthcheck`: for containers and scripts.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};
use std::path::PathBuf;
use std::process::ExitCode;
use std::time::Duration;

use anyhow::Context;
use rustls::pki_types::ServerName;
use tokio::io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio_rustls::TlsConnector;

use crate::config::HttpListener;
use crate::net::tls_client::client_config;

/// Time for the whole question.
const TIMEOUT: Duration = Duration::from_secs(5);
/// Most bytes of the answer that are read.
const ANSWER_SIZE_MAX: u64 = 64 * 1024;

#[derive(Debug, clap::Args)]
pub(super) struct Arguments {
    /// Address of the console (plain HTTP).
    #[arg(default_value = "127.0.0.1:8025", conflicts_with = "config")]
    address: String,
    /// Ask where this configuration has the console listen, over TLS if it says so.
    #[arg(short, long, value_name = "FILE")]
    config: Option<PathBuf>,
}

/// Whom to ask.
#[derive(Debug, PartialEq)]
struct Console {
    address: String,
    tls: bool,
}

pub(super) fn run(arguments: &Arguments) -> anyhow::Result<ExitCode> {
    let console = match &arguments.config {
        Some(path) => match super::load_without_secrets(path) {
            Ok(config) => console_of(&config.listen.console)?,
            Err(error) => {
                eprintln!("{error}");
                return Ok(ExitCode::from(2));
            }
        },
        None => Console {
            address: arguments.address.clone(),
            tls: false,
        },
    };
    let answer = super::runtime()?.block_on(async {
        tokio::time::timeout(TIMEOUT, ask(&console))
            .await
            .context("no answer in time")?
    })?;
    let ready = answer.split(' ').nth(1) == Some("200");
    let body = answer.split_once("\r\n\r\n").map_or("", |(_, body)| body);
    println!("{}", body.trim());
    Ok(if ready {
        ExitCode::SUCCESS
    } else {
        ExitCode::FAILURE
    })
}

fn console_of(listener: &HttpListener) -> anyhow::Result<Console> {
    let first = listener
        .addresses
        .first()
        .context("the console is turned off: [listen.console] has no address")?;
    anyhow::ensure!(
        first.port() != 0,
        "the console's port is chosen by the system: give the address instead"
    );
    let ip = match first.ip() {
        IpAddr::V4(Ipv4Addr::UNSPECIFIED) => Ipv4Addr::LOCALHOST.into(),
        IpAddr::V6(Ipv6Addr::UNSPECIFIED) => Ipv6Addr::LOCALHOST.into(),
        ip => ip,
    };
    Ok(Console {
        address: SocketAddr::new(ip, first.port()).to_string(),
        tls: listener.tls,
    })
}

async fn ask(console: &Console) -> anyhow::Result<String> {
    let address = &console.address;
    let stream = TcpStream::connect(address)
        .await
        .with_context(|| format!("nobody listens on {address}"))?;
    if !console.tls {
        return question(stream, address).await;
    }
    // Its own certificate, asked under an address: whose it is does not matter here.
    let name = ServerName::IpAddress(stream.peer_addr()?.ip().into());
    let stream = TlsConnector::from(client_config(false)?)
        .connect(name, stream)
        .await
        .with_context(|| format!("no TLS on {address}"))?;
    question(stream, address).await
}

async fn question(
    mut stream: impl AsyncRead + AsyncWrite + Unpin,
    host: &str,
) -> anyhow::Result<String> {
    let request = format!("GET /readyz HTTP/1.1\r\nHost: {host}\r\nConnection: close\r\n\r\n");
    stream.write_all(request.as_bytes()).await?;
    stream.flush().await?;
    let mut answer = Vec::new();
    let read = stream.take(ANSWER_SIZE_MAX).read_to_end(&mut answer).await;
    match read {
        // Some servers end TLS by closing the connection; what they said counts.
        Err(error) if answer.is_empty() => Err(error.into()),
        _ => Ok(String::from_utf8_lossy(&answer).into_owned()),
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;
    use crate::config::{Config, Surroundings};

    #[test]
    fn the_first_address_is_asked() {
        for (addresses, expected) in [
            ("[\"0.0.0.0:8025\", \"192.0.2.1:80\"]", "127.0.0.1:8025"),
            ("[\"[::]:8025\"]", "[::1]:8025"),
            ("[\"192.0.2.1:443\"]", "192.0.2.1:443"),
        ] {
            let text = format!("[listen.console]\ntls = true\naddresses = {addresses}");
            let config = Config::parse(&text, &Surroundings::default()).unwrap();
            let console = Console {
                address: expected.to_owned(),
                tls: true,
            };
            assert_eq!(console_of(&config.listen.console).unwrap(), console);
        }
        for addresses in ["[]", "[\"127.0.0.1:0\"]"] {
            let text = format!("[listen.console]\naddresses = {addresses}");
            let config = Config::parse(&text, &Surroundings::default()).unwrap();
            assert!(console_of(&config.listen.console).is_err(), "{addresses}");
        }
    }

    #[tokio::test]
    async fn it_speaks_tls_with_any_certificate() {
        let folder = tempfile::tempdir().unwrap();
        let source = crate::net::tls_server::CertificateSource::SelfSigned {
            folder: folder.path().to_owned(),
            names: vec!["mail.example.org".to_owned()],
        };
        let clock = crate::clock::SystemClock::shared();
        let tls = crate::net::tls_server::ServerTls::load(source, clock).unwrap();
        let socket = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
        let console = Console {
            address: socket.local_addr().unwrap().to_string(),
            tls: true,
        };
        let serving = async {
            let (stream, _) = socket.accept().await.unwrap();
            let acceptor = tokio_rustls::TlsAcceptor::from(tls.subscribe().borrow().clone());
            let mut stream = acceptor.accept(stream).await.unwrap();
            let mut start = [0; 11];
            stream.read_exact(&mut start).await.unwrap();
            stream
                .write_all(b"HTTP/1.1 200 OK\r\n\r\nready")
                .await
                .unwrap();
            stream.flush().await.unwrap();
            start
        };
        let (start, answer) = tokio::join!(serving, ask(&console));
        assert_eq!(&start, b"GET /readyz");
        assert!(answer.unwrap().ends_with("ready"));
    }
}
