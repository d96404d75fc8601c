//! Requests whose answers are read.

use std::time::Duration;

use bytes::Bytes;
use http_body_util::BodyExt;
use hyper::body::Incoming;
use hyper::client::conn::http1;
use hyper::header::CONTENT_TYPE;
use hyper::{Method, Response};
use hyper_util::rt::TokioIo;

use super::{Answer, HttpsClient, PostError, Target, request};

/// What is asked.
#[derive(Clone, Debug)]
pub struct Wish {
    /// Method of HTTP.
    pub method: Method,
    /// Headers beside those that every request has.
    pub headers: Vec<(&'static str, String)>,
    /// Media type of the body; none for a request without one.
    pub media_type: Option<&'static str>,
    /// The body.
    pub body: Bytes,
}

/// What came back: its head, and its body piece by piece.
#[derive(Debug)]
pub struct Reply {
    /// Status and what a reply says of asking again.
    pub answer: Answer,
    /// Media type of the body; empty when none is named.
    pub media_type: String,
    body: Incoming,
    timeout: Duration,
}

impl Reply {
    fn of(response: Response<Incoming>, timeout: Duration) -> Self {
        let media_type = response.headers().get(CONTENT_TYPE);
        let media_type = media_type.and_then(|value| value.to_str().ok());
        Self {
            answer: Answer::of(&response),
            media_type: media_type.unwrap_or_default().to_owned(),
            body: response.into_body(),
            timeout,
        }
    }

    /// The next piece of the body, or none at its end.
    ///
    /// # Errors
    /// When the body breaks off, or its next piece does not come in time.
    pub async fn chunk(&mut self) -> Result<Option<Bytes>, PostError> {
        loop {
            let frame = tokio::time::timeout(self.timeout, self.body.frame()).await;
            let Some(frame) = frame.map_err(|_| PostError::TimedOut)? else {
                return Ok(None);
            };
            // What is no data is a trailer.
            if let Ok(bytes) = frame?.into_data() {
                return Ok(Some(bytes));
            }
        }
    }
}

impl HttpsClient {
    /// Asks, with any method, on a connection of its own. The client's timeout is for the head of
    /// the answer, and again for each piece of its body.
    ///
    /// # Errors
    /// When there was no answer.
    pub async fn ask(&self, target: &Target, wish: Wish) -> Result<Reply, PostError> {
        let asked = async {
            let request = request(target, wish)?;
            let stream = TokioIo::new(self.open(target).await?);
            let (mut sender, connection) = http1::handshake(stream).await?;
            // What breaks it is told to whoever reads the answer.
            tokio::spawn(connection);
            Ok(sender.send_request(request).await?)
        };
        let response = tokio::time::timeout(self.timeout, asked).await;
        let response: Result<_, PostError> = response.map_err(|_| PostError::TimedOut)?;
        Ok(Reply::of(response?, self.timeout))
    }
}
