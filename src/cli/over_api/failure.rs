//! Why a command did not do what it was asked, what is said about it, and its exit code.

use serde::Deserialize;
use serde_json::Value;

use super::columns::plain;
use crate::net::https::PostError;

/// Why nothing came of it.
#[derive(Debug, thiserror::Error)]
pub(super) enum Failure {
    /// Something on this side: a file, the token.
    #[error("{0}")]
    Here(String),
    /// Writing the answer failed.
    #[error("cannot write: {0}")]
    Output(#[from] std::io::Error),
    /// There was no answer: whether it was done is not known.
    #[error("{0}")]
    NoAnswer(#[from] PostError),
    /// What came back is nothing that the API says.
    #[error("this is no answer of the API: {0}")]
    Odd(String),
    /// What a name stands for is not there, or not once.
    #[error("{0}")]
    Unknown(String),
    /// The API refused it.
    #[error("{}", .0.told())]
    Refused(Box<Problem>),
    /// Nobody has said yes.
    #[error("{0}")]
    Unconfirmed(String),
    /// A failure of having something done, and the key by which it is tried again.
    #[error("{failure}")]
    Sending { failure: Box<Failure>, key: String },
    /// It was done; how it stands could not be told.
    #[error("sent as {id}; how it stands is not known: {failure}")]
    Sent {
        id: String,
        failure: Box<Failure>,
        key: String,
        /// Whether that was asked for.
        waited: bool,
    },
}

/// It was sent; how it stands is not known.
pub(super) const UNKNOWN: u8 = 13;

/// A problem document (RFC 9457).
#[derive(Debug, Deserialize)]
pub(super) struct Problem {
    status: u16,
    #[serde(default)]
    title: String,
    #[serde(default)]
    detail: String,
    #[serde(default)]
    errors: Vec<WrongField>,
    /// As it came.
    #[serde(skip)]
    document: String,
}

/// A field and what is wrong with it.
#[derive(Debug, Deserialize)]
pub(super) struct WrongField {
    pub(super) field: String,
    pub(super) detail: String,
}

impl WrongField {
    /// One line, indented.
    pub(super) fn line(&self) -> String {
        format!("  {}: {}", plain(&self.field), plain(&self.detail))
    }
}

impl Problem {
    fn told(&self) -> String {
        let mut text = format!("{}: {}", plain(&self.title), plain(&self.detail));
        for wrong in &self.errors {
            text.push('\n');
            text.push_str(&wrong.line());
        }
        text
    }

    const fn exit_code(&self) -> u8 {
        match self.status {
            401 | 403 => 4,
            404 => 6,
            408 | 429 | 500.. => 8,
            409 => 7,
            _ => 5,
        }
    }
}

impl Failure {
    /// A refusal: the problem that the document names, or the status alone.
    pub(super) fn refused(status: u16, document: &str) -> Self {
        let problem = serde_json::from_str(document).unwrap_or(Problem {
            status,
            title: "Refused".to_owned(),
            detail: format!("The answer had the status {status} and no problem document."),
            errors: Vec::new(),
            document: String::new(),
        });
        Self::Refused(Box::new(Problem {
            status,
            document: document.to_owned(),
            ..problem
        }))
    }

    /// What the process ends with.
    pub(super) const fn exit_code(&self) -> u8 {
        match self {
            Self::Here(_) | Self::Output(_) | Self::NoAnswer(PostError::Header) => 1,
            Self::NoAnswer(_) | Self::Odd(_) => 3,
            Self::Unknown(_) => 6,
            Self::Refused(problem) => problem.exit_code(),
            Self::Unconfirmed(_) => 9,
            Self::Sending { failure, .. } => failure.exit_code(),
            // Whoever sends it again would have it done twice.
            Self::Sent { waited: false, .. } => 0,
            Self::Sent { waited: true, .. } => UNKNOWN,
        }
    }

    /// Whether it may pass by itself.
    pub(super) const fn is_transient(&self) -> bool {
        match self {
            Self::NoAnswer(error) => matches!(
                error,
                PostError::Unreachable(_) | PostError::TimedOut | PostError::Http(_)
            ),
            Self::Refused(problem) => problem.exit_code() == 8,
            _ => false,
        }
    }

    /// Whether it may pass by itself where there has been an answer before, or not.
    pub(super) const fn may_pass(&self, heard: bool) -> bool {
        // An address and a certificate that were good may be so again.
        self.is_transient() || (heard && matches!(self, Self::NoAnswer(_)))
    }

    /// Whether the same may be asked again: what was refused for good is answered the same.
    const fn is_worth_another_try(&self) -> bool {
        match self {
            Self::NoAnswer(PostError::Header) => false,
            Self::NoAnswer(_) | Self::Odd(_) | Self::Unconfirmed(_) | Self::Output(_) => true,
            _ => self.is_transient(),
        }
    }

    /// Whether whoever read what is printed has gone.
    pub(super) fn is_end_of_reader(&self) -> bool {
        matches!(self, Self::Output(error) if error.kind() == std::io::ErrorKind::BrokenPipe)
    }

    /// The same with the key by which it is tried again; in a document, a member of it.
    fn told_with(&self, key: &str, json: bool) -> String {
        if json
            && let Self::Refused(problem) = self
            && let Ok(Value::Object(mut document)) = serde_json::from_str(&problem.document)
        {
            document.insert("key".to_owned(), key.into());
            return format!("{}\n", Value::Object(document));
        }
        let told = self.told(json);
        format!("{told}tocsin: to try again without having it done twice: --key {key}\n")
    }

    /// What is said of it, with the end of its last line.
    pub(super) fn told(&self, json: bool) -> String {
        match self {
            Self::Refused(problem) if json => format!("{}\n", problem.document),
            Self::Sending { failure, key } if failure.is_worth_another_try() => {
                failure.told_with(key, json)
            }
            Self::Sending { failure, .. } => failure.told(json),
            Self::Sent { key, .. } => {
                format!(
                    "tocsin: {self}\ntocsin: it is not to be sent again; its key: --key {key}\n"
                )
            }
            _ => format!("tocsin: {self}\n"),
        }
    }
}
