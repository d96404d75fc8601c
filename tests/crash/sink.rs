//! The recipients' mail server: takes everything and remembers what it has seen.

use std::collections::HashSet;
use std::io::{self, BufRead, BufReader, Read, Write};
use std::net::{TcpListener, TcpStream};
use std::sync::{Arc, Mutex};
use std::thread;
use std::time::Duration;

use crate::message::number_of;

/// A connection that says nothing for so long is closed.
const IDLE: Duration = Duration::from_secs(60);
/// Longest line taken, in bytes.
const LINE_MAX: u64 = 4096;
/// Largest message taken, in bytes.
const MESSAGE_SIZE_MAX: usize = 1024 * 1024;

type Seen = Arc<Mutex<HashSet<(u64, String)>>>;

pub(crate) struct Sink {
    port: u16,
    seen: Seen,
}

impl Sink {
    pub(crate) fn start() -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let port = listener.local_addr().unwrap().port();
        let seen = Seen::default();
        let shared = Arc::clone(&seen);
        thread::spawn(move || {
            for connection in listener.incoming().map_while(Result::ok) {
                let seen = Arc::clone(&shared);
                thread::spawn(move || drop(serve(&connection, &seen)));
            }
        });
        Self { port, seen }
    }

    pub(crate) const fn port(&self) -> u16 {
        self.port
    }

    /// Each message that came, with each recipient it came for.
    pub(crate) fn seen(&self) -> HashSet<(u64, String)> {
        self.seen.lock().unwrap().clone()
    }
}

/// Just enough of RFC 5321 to take mail.
fn serve(connection: &TcpStream, seen: &Seen) -> io::Result<()> {
    connection.set_read_timeout(Some(IDLE))?;
    let mut input = BufReader::new(connection);
    let mut output = connection;
    let mut recipients = Vec::new();
    output.write_all(b"220 sink.example ESMTP\r\n")?;
    loop {
        let line = line(&mut input)?;
        let text = String::from_utf8_lossy(&line);
        let verb = text.split_whitespace().next().unwrap_or_default();
        let reply = match verb.to_ascii_uppercase().as_str() {
            "EHLO" => "250-sink.example\r\n250-PIPELINING\r\n250 8BITMIME\r\n",
            "MAIL" | "RSET" => {
                recipients.clear();
                "250 fine\r\n"
            }
            "RCPT" => {
                recipients.extend(path(&text));
                "250 fine\r\n"
            }
            "DATA" => {
                output.write_all(b"354 go on\r\n")?;
                let number = number_of(&data(&mut input)?);
                let deliveries = recipients.drain(..).filter_map(|to| Some((number?, to)));
                seen.lock().unwrap().extend(deliveries);
                "250 taken\r\n"
            }
            "QUIT" => return output.write_all(b"221 bye\r\n"),
            _ => "250 fine\r\n",
        };
        output.write_all(reply.as_bytes())?;
    }
}

fn path(rcpt: &str) -> Option<String> {
    let (_, behind) = rcpt.split_once('<')?;
    let (path, _) = behind.split_once('>')?;
    Some(path.to_ascii_lowercase())
}

fn data(input: &mut impl BufRead) -> io::Result<Vec<u8>> {
    let mut message = Vec::new();
    loop {
        let line = line(input)?;
        if line == b".\r\n" {
            return Ok(message);
        }
        message.extend_from_slice(&line);
        assert!(message.len() < MESSAGE_SIZE_MAX, "a message without end");
    }
}

fn line(input: &mut impl BufRead) -> io::Result<Vec<u8>> {
    let mut line = Vec::new();
    input.take(LINE_MAX).read_until(b'\n', &mut line)?;
    if line.ends_with(b"\n") {
        Ok(line)
    } else {
        Err(io::ErrorKind::UnexpectedEof.into())
    }
}
