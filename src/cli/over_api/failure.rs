//! Why a command did not do what it was asked, what is said about it, and its exit code.

use serde::Deserialize;

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
    /// A failure of sending, and the key by which it is tried again.
    #[error("{failure}")]
    Sending { failure: Box<Failure>, key: String },
}

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
            Self::Here(_) | Self::Output(_) => 1,
            Self::NoAnswer(_) | Self::Odd(_) => 3,
            Self::Unknown(_) => 6,
            Self::Refused(problem) => problem.exit_code(),
            Self::Unconfirmed(_) => 9,
            Self::Sending { failure, .. } => failure.exit_code(),
        }
    }

    /// Whether it may pass by itself.
    pub(super) const fn is_transient(&self) -> bool {
        match self {
            Self::NoAnswer(_) => true,
            Self::Refused(problem) => problem.exit_code() == 8,
            _ => false,
        }
    }

    /// What is said of it, with the end of its last line.
    pub(super) fn told(&self, json: bool) -> String {
        match self {
            Self::Refused(problem) if json => format!("{}\n", problem.document),
            Self::Sending { failure, key } => {
                let told = failure.told(json);
                format!("{told}tocsin: to try again without having it done twice: --key {key}\n")
            }
            _ => format!("tocsin: {self}\n"),
        }
    }
}
