//! A browser of sorts: one connection that stays open, logged in, asking for pages.

use std::io::{BufRead, BufReader, Read, Write};
use std::net::{SocketAddr, TcpStream};
use std::time::{Duration, Instant};

use crate::console::PASSWORD;

pub(crate) struct Client {
    stream: BufReader<TcpStream>,
    cookie: String,
}

pub(crate) struct Page {
    pub(crate) status: u16,
    pub(crate) body: String,
    pub(crate) took: Duration,
    cookie: String,
}

/// A file that was fetched.
pub(crate) struct File {
    pub(crate) status: u16,
    /// Octets, with the few that stand around them.
    pub(crate) size: u64,
    pub(crate) took: Duration,
}

impl Client {
    /// Logs in.
    pub(crate) fn new(server: SocketAddr) -> Self {
        let stream = TcpStream::connect(server).unwrap();
        stream.set_nodelay(true).unwrap();
        let mut client = Self {
            stream: BufReader::new(stream),
            cookie: String::new(),
        };
        let form = client.get("/login");
        client.cookie = form.cookie;
        let token = hidden(&form.body, "form_token");
        let password = PASSWORD.replace(' ', "+");
        let answer = client.post(
            "/login",
            &format!("form_token={token}&login=ida&password={password}"),
        );
        assert_eq!(answer.status, 303, "{}", answer.body);
        client.cookie = answer.cookie;
        client
    }

    pub(crate) fn get(&mut self, path: &str) -> Page {
        self.ask(&format!(
            "GET {path} HTTP/1.1\r\nhost: t\r\ncookie: {}\r\n\r\n",
            self.cookie
        ))
    }

    /// Fetches a file on a connection of its own, however it comes.
    pub(crate) fn file(&self, path: &str) -> File {
        let began = Instant::now();
        let server = self.stream.get_ref().peer_addr().unwrap();
        let mut stream = BufReader::new(TcpStream::connect(server).unwrap());
        let request = format!(
            "GET {path} HTTP/1.1\r\nhost: t\r\nconnection: close\r\ncookie: {}\r\n\r\n",
            self.cookie
        );
        stream.get_mut().write_all(request.as_bytes()).unwrap();
        let mut status = String::new();
        stream.read_line(&mut status).unwrap();
        let size = std::io::copy(&mut stream, &mut std::io::sink()).unwrap();
        File {
            status: status.split(' ').nth(1).unwrap().parse().unwrap(),
            size,
            took: began.elapsed(),
        }
    }

    /// Sends a form.
    pub(crate) fn post(&mut self, path: &str, body: &str) -> Page {
        let length = body.len();
        let cookie = &self.cookie;
        self.ask(&format!(
            "POST {path} HTTP/1.1\r\nhost: t\r\norigin: http://t\r\ncookie: {cookie}\r\ncontent-type: application/x-www-form-urlencoded\r\ncontent-length: {length}\r\n\r\n{body}"
        ))
    }

    fn ask(&mut self, request: &str) -> Page {
        let began = Instant::now();
        self.stream.get_mut().write_all(request.as_bytes()).unwrap();
        let mut status = 0;
        let (mut length, mut cookies) = (0, Vec::new());
        loop {
            let mut line = String::new();
            assert!(
                self.stream.read_line(&mut line).unwrap() > 0,
                "closed: {request}"
            );
            let line = line.trim_end();
            if line.is_empty() {
                break;
            }
            let (name, value) = line.split_once(": ").unwrap_or((line, ""));
            match name.to_ascii_lowercase().as_str() {
                "content-length" => length = value.parse().unwrap(),
                "set-cookie" if !value.contains("Max-Age=0") => {
                    cookies.push(value.split(';').next().unwrap().to_owned());
                }
                _ if status == 0 => status = line.split(' ').nth(1).unwrap().parse().unwrap(),
                _ => {}
            }
        }
        let mut body = vec![0; length];
        self.stream.read_exact(&mut body).unwrap();
        Page {
            status,
            body: String::from_utf8(body).unwrap(),
            took: began.elapsed(),
            cookie: cookies.join("; "),
        }
    }
}

/// The value of a hidden field.
pub(crate) fn hidden(body: &str, name: &str) -> String {
    let start = format!("name=\"{name}\" value=\"");
    let (_, rest) = body.split_once(&start).unwrap();
    rest.split_once('"').unwrap().0.to_owned()
}

/// Median, 99th percentile and worst of times, in milliseconds.
pub(crate) fn percentiles(mut times: Vec<Duration>) -> [(&'static str, f64); 3] {
    times.sort_unstable();
    let at = |part: f64| {
        let index = ((times.len() - 1) as f64 * part).round() as usize;
        times[index].as_secs_f64() * 1000.0
    };
    [
        ("p50_ms", at(0.5)),
        ("p99_ms", at(0.99)),
        ("max_ms", at(1.0)),
    ]
}
