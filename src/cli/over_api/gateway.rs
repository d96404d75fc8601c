//! The gateway that is asked: its address, the token, and questions with bounded answers.

use std::io::{Read, Write};
use std::path::Path;
use std::time::Duration;

use bytes::Bytes;
use hyper::Method;
use serde::de::DeserializeOwned;
use serde_json::Value;

use super::Connection;
use super::failure::Failure;
use crate::domain::Redacted;
use crate::net::https::{Guard, HttpsClient, Reply, Target, Wish};
use crate::net::tls_client::{client_config, client_config_with_more_roots};

/// How long an answer, and each piece of it, is waited for.
const TIMEOUT: Duration = Duration::from_secs(60);
/// Most octets of an answer that is read as a whole.
const ANSWER_SIZE_MAX: usize = 16 * 1024 * 1024;
/// Most octets of a file that is fetched.
const FILE_SIZE_MAX: u64 = 4 * 1024 * 1024 * 1024;
/// Most octets of a file that holds a token.
const TOKEN_SIZE_MAX: u64 = 4096;
/// This machine, and every machine.
const THIS_MACHINE: [&str; 2] = ["127.0.0.0/8", "::1/128"];
const EVERYWHERE: [&str; 2] = ["0.0.0.0/0", "::/0"];

/// A running gateway.
pub(super) struct Gateway {
    client: HttpsClient,
    /// Without a slash at its end.
    url: String,
    token: Redacted<String>,
    /// Whether answers are printed as they are.
    pub(super) json: bool,
}

impl Gateway {
    /// The gateway of a connection; `token` is the one of the environment.
    pub(super) fn of(connection: &Connection, token: Option<String>) -> Result<Self, Failure> {
        let url = connection.url.trim().trim_end_matches('/').to_owned();
        let target = Target::parse(&url)
            .map_err(|error| Failure::Here(format!("{}: {error}", connection.url)))?;
        let token = match &connection.token_file {
            Some(path) => read_file(path, TOKEN_SIZE_MAX)?,
            None => token.ok_or_else(|| {
                let detail =
                    "there is no token: name its file with --token-file, or set TOCSIN_TOKEN";
                Failure::Here(detail.to_owned())
            })?,
        };
        let tls = match &connection.roots {
            Some(path) => client_config_with_more_roots(path).map_err(|error| error.to_string()),
            None => client_config(true).map_err(|error| error.to_string()),
        };
        // Whoever types an address means it. A token goes over the network encrypted alone.
        let anywhere = target.is_encrypted() || connection.unencrypted;
        let networks = if anywhere { EVERYWHERE } else { THIS_MACHINE };
        let guard = Guard::with(&networks.map(str::to_owned));
        let guard = guard.map_err(|error| Failure::Here(error.to_string()))?;
        Ok(Self {
            client: HttpsClient::new(tls.map_err(Failure::Here)?, guard, TIMEOUT),
            url,
            token: Redacted::new(token.trim().to_owned()),
            json: connection.json,
        })
    }

    async fn ask(
        &self,
        method: Method,
        path: &str,
        key: Option<&str>,
        body: Option<&Value>,
    ) -> Result<Reply, Failure> {
        let target = Target::parse(&format!("{}{path}", self.url));
        let target = target.map_err(|error| Failure::Here(error.to_string()))?;
        let authorization = format!("Bearer {}", self.token.reveal());
        let mut headers = vec![("authorization", authorization)];
        headers.extend(key.map(|key| ("idempotency-key", key.to_owned())));
        let wish = Wish {
            method,
            headers,
            media_type: body.map(|_| "application/json"),
            body: body.map_or_else(Bytes::new, |body| body.to_string().into()),
        };
        let mut reply = self.client.ask(&target, wish).await?;
        let status = reply.answer.status;
        if (200..300).contains(&status) {
            return Ok(reply);
        }
        Err(Failure::refused(status, &text_of(&mut reply).await?))
    }

    /// What stands at an address.
    pub(super) async fn get(&self, path: &str) -> Result<String, Failure> {
        text_of(&mut self.ask(Method::GET, path, None, None).await?).await
    }

    /// Has something done: once, however often it is asked with this key.
    pub(super) async fn post(
        &self,
        path: &str,
        key: &str,
        body: Option<&Value>,
    ) -> Result<String, Failure> {
        text_of(&mut self.ask(Method::POST, path, Some(key), body).await?).await
    }

    /// Copies a file as it comes.
    pub(super) async fn fetch(&self, path: &str, out: &mut dyn Write) -> Result<(), Failure> {
        let mut reply = self.ask(Method::GET, path, None, None).await?;
        let mut size = 0;
        while let Some(chunk) = reply.chunk().await? {
            size += chunk.len() as u64;
            if size > FILE_SIZE_MAX {
                return Err(Failure::Odd("it does not end".to_owned()));
            }
            out.write_all(&chunk)?;
        }
        Ok(out.flush()?)
    }
}

async fn text_of(reply: &mut Reply) -> Result<String, Failure> {
    let mut bytes = Vec::new();
    while let Some(chunk) = reply.chunk().await? {
        if bytes.len() + chunk.len() > ANSWER_SIZE_MAX {
            return Err(Failure::Odd("it is too large".to_owned()));
        }
        bytes.extend_from_slice(&chunk);
    }
    String::from_utf8(bytes).map_err(|_| Failure::Odd("it is no text".to_owned()))
}

/// An answer as what it says.
pub(super) fn read<T: DeserializeOwned>(text: &str) -> Result<T, Failure> {
    serde_json::from_str(text).map_err(|error| Failure::Odd(error.to_string()))
}

/// A text file of at most this many octets; `-` is the standard input.
pub(super) fn read_file(path: &Path, size_max: u64) -> Result<String, Failure> {
    let mut text = String::new();
    let read = if path == Path::new("-") {
        std::io::stdin()
            .take(size_max + 1)
            .read_to_string(&mut text)
    } else {
        let file = std::fs::File::open(path);
        file.and_then(|file| file.take(size_max + 1).read_to_string(&mut text))
    };
    let name = path.display();
    let size = read.map_err(|error| Failure::Here(format!("{name}: {error}")))?;
    if size as u64 > size_max {
        return Err(Failure::Here(format!(
            "{name}: larger than {size_max} bytes"
        )));
    }
    Ok(text)
}

/// A path with those parameters that are given.
pub(super) fn with_query(path: &str, parameters: &[(&str, Option<&str>)]) -> String {
    let mut text = path.to_owned();
    let given = parameters
        .iter()
        .filter_map(|(name, value)| Some((name, (*value)?)));
    for (index, (name, value)) in given.enumerate() {
        text.push(if index == 0 { '?' } else { '&' });
        text.push_str(name);
        text.push('=');
        text.push_str(&escaped(value));
    }
    text
}

/// One part of an address (RFC 3986, 2.1).
pub(super) fn escaped(text: &str) -> String {
    let escape = |byte: u8| {
        if byte.is_ascii_alphanumeric() || b"-._~".contains(&byte) {
            char::from(byte).to_string()
        } else {
            format!("%{byte:02X}")
        }
    };
    text.bytes().map(escape).collect()
}
