//! A client that is just good enough to hand a notice to an MX.

use std::io;
use std::net::SocketAddr;
use std::time::Duration;

use tokio::io::{AsyncBufReadExt, AsyncWriteExt, BufStream};
use tokio::net::TcpStream;
use tokio::time::timeout;

use super::notices::Letter;

/// How long one attempt may take.
const ATTEMPT_TIMEOUT: Duration = Duration::from_secs(60);
/// Attempts, and the pause before each further one; it doubles.
const ATTEMPTS_MAX: u32 = 6;
const FIRST_PAUSE: Duration = Duration::from_millis(200);
/// Longest reply that is read.
const REPLY_MAX_BYTES: usize = 16 * 1024;

/// Why a notice did not arrive.
#[derive(Debug, thiserror::Error)]
pub enum SendError {
    /// Nowhere to send it.
    #[error("no MX to send notices to")]
    NoMx,
    /// The message had a null return path, or its sender wants no notices.
    #[error("nobody to send the notice to")]
    NoReturnPath,
    /// The connection failed.
    #[error("connection to the MX failed")]
    Io(#[from] io::Error),
    /// The MX said no.
    #[error("the MX answered {0}")]
    Refused(String),
}

impl SendError {
    fn is_temporary(&self) -> bool {
        match self {
            SendError::Io(_) => true,
            SendError::Refused(reply) => reply.starts_with('4'),
            SendError::NoMx | SendError::NoReturnPath => false,
        }
    }
}

pub(super) async fn send_with_retries(
    mx: SocketAddr,
    hostname: &str,
    letter: &Letter,
) -> Result<(), SendError> {
    let mut pause = FIRST_PAUSE;
    let mut attempt = 1;
    loop {
        let sent = timeout(ATTEMPT_TIMEOUT, send(mx, hostname, letter)).await;
        let failure =
            match sent.unwrap_or_else(|_| Err(io::Error::from(io::ErrorKind::TimedOut).into())) {
                Ok(()) => return Ok(()),
                Err(failure) => failure,
            };
        if !failure.is_temporary() || attempt == ATTEMPTS_MAX {
            return Err(failure);
        }
        tokio::time::sleep(pause).await;
        (attempt, pause) = (attempt + 1, pause * 2);
    }
}

async fn send(mx: SocketAddr, hostname: &str, letter: &Letter) -> Result<(), SendError> {
    let mut stream = BufStream::new(TcpStream::connect(mx).await?);
    expect(&mut stream, '2').await?;
    let eight_bit = if letter.message.is_ascii() {
        ""
    } else {
        " BODY=8BITMIME"
    };
    for command in [
        format!("EHLO {hostname}"),
        format!("MAIL FROM:<{}>{eight_bit}", letter.from),
        format!("RCPT TO:<{}>", letter.to),
    ] {
        say(&mut stream, &command).await?;
        expect(&mut stream, '2').await?;
    }
    say(&mut stream, "DATA").await?;
    expect(&mut stream, '3').await?;
    stream.write_all(&stuffed(&letter.message)).await?;
    stream.flush().await?;
    expect(&mut stream, '2').await?;
    // It is theirs now; whether QUIT works does not matter.
    let _ = say(&mut stream, "QUIT").await;
    Ok(())
}

async fn say(stream: &mut BufStream<TcpStream>, command: &str) -> io::Result<()> {
    stream
        .write_all(format!("{command}\r\n").as_bytes())
        .await?;
    stream.flush().await
}

async fn expect(stream: &mut BufStream<TcpStream>, class: char) -> Result<(), SendError> {
    let mut line = String::new();
    let mut seen_bytes = 0;
    loop {
        line.clear();
        seen_bytes += stream.read_line(&mut line).await?;
        if line.is_empty() || seen_bytes > REPLY_MAX_BYTES {
            return Err(io::Error::from(io::ErrorKind::UnexpectedEof).into());
        }
        if line.as_bytes().get(3) != Some(&b'-') {
            break;
        }
    }
    if line.starts_with(class) {
        return Ok(());
    }
    Err(SendError::Refused(line.trim_end().to_owned()))
}

/// Dot-stuffed, every line ended by CRLF, with the end of data.
fn stuffed(message: &[u8]) -> Vec<u8> {
    let mut out = Vec::with_capacity(message.len() + 64);
    let text = message.strip_suffix(b"\n").unwrap_or(message);
    for line in text.split(|&b| b == b'\n') {
        if line.starts_with(b".") {
            out.push(b'.');
        }
        out.extend_from_slice(line.strip_suffix(b"\r").unwrap_or(line));
        out.extend_from_slice(b"\r\n");
    }
    out.extend_from_slice(b".\r\n");
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn dots_are_stuffed_and_lines_ended() {
        assert_eq!(stuffed(b".a\r\n..\nb"), b"..a\r\n...\r\nb\r\n.\r\n");
        assert_eq!(stuffed(b"a\r\n"), b"a\r\n.\r\n");
    }
}
