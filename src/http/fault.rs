//! Why a request is not answered with its page. What the visitor sees is kept apart from what
//! the operator reads in the log.

use std::time::Duration;

use axum::http::{HeaderValue, StatusCode, header};
use axum::response::{IntoResponse, Response};

use crate::store::{RepoError, StoreError};
use crate::tracker::TrackerError;

/// Why not.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Fault {
    /// No such page, or no such thing.
    NotFound,
    /// The method does not go with the address.
    MethodNotAllowed,
    /// This user may not.
    Forbidden,
    /// The form is too old or came from another site.
    Forged,
    /// Nobody is logged in; only programs see this, people are led to the login.
    NotLoggedIn,
    /// The request could not be understood.
    BadRequest,
    /// More than is taken.
    TooLarge,
    /// Too many tries.
    TooMany(Duration),
    /// It took too long.
    Timeout,
    /// No room left to keep what was asked; nothing was lost.
    Full,
    /// For the moment it cannot be done.
    Unavailable,
    /// A virus was found in the file.
    Infected,
    /// The virus scanner does not look through files of this size.
    Unscannable,
    /// The virus scanner does not answer, and the file was not looked through lately.
    Unscanned,
    /// Our mistake.
    Internal,
}

impl Fault {
    pub(crate) const fn status(&self) -> StatusCode {
        match self {
            Self::NotFound => StatusCode::NOT_FOUND,
            Self::MethodNotAllowed => StatusCode::METHOD_NOT_ALLOWED,
            Self::Forbidden | Self::Forged => StatusCode::FORBIDDEN,
            Self::NotLoggedIn => StatusCode::UNAUTHORIZED,
            Self::BadRequest => StatusCode::BAD_REQUEST,
            Self::TooLarge => StatusCode::PAYLOAD_TOO_LARGE,
            Self::TooMany(_) => StatusCode::TOO_MANY_REQUESTS,
            Self::Timeout => StatusCode::REQUEST_TIMEOUT,
            Self::Infected | Self::Unscannable => StatusCode::CONFLICT,
            Self::Full | Self::Unavailable | Self::Unscanned => StatusCode::SERVICE_UNAVAILABLE,
            Self::Internal => StatusCode::INTERNAL_SERVER_ERROR,
        }
    }

    /// Keys of its title, what it means, what to do, and its name for programs.
    pub(crate) const fn words(&self) -> [&'static str; 3] {
        match self {
            Self::NotFound => ["fault.not_found", "fault.not_found.text", "not-found"],
            Self::MethodNotAllowed => ["fault.method", "fault.method.text", "method-not-allowed"],
            Self::Forbidden => ["fault.forbidden", "fault.forbidden.text", "forbidden"],
            Self::Forged => ["fault.forged", "fault.forged.text", "form-refused"],
            Self::NotLoggedIn => ["fault.login", "fault.login.text", "login-required"],
            Self::BadRequest => ["fault.bad", "fault.bad.text", "bad-request"],
            Self::TooLarge => ["fault.large", "fault.large.text", "too-large"],
            Self::TooMany(_) => ["fault.many", "fault.many.text", "too-many-requests"],
            Self::Timeout => ["fault.timeout", "fault.timeout.text", "timeout"],
            Self::Full => ["fault.full", "fault.full.text", "storage-full"],
            Self::Unavailable => ["fault.unavailable", "fault.unavailable.text", "unavailable"],
            Self::Infected => ["fault.infected", "fault.infected.text", "infected"],
            Self::Unscannable => ["fault.unscannable", "fault.unscannable.text", "unscannable"],
            Self::Unscanned => ["fault.unscanned", "fault.unscanned.text", "unscanned"],
            Self::Internal => ["fault.internal", "fault.internal.text", "internal"],
        }
    }

    /// The fault behind a bare status that a library answered with.
    pub(crate) fn of_status(status: StatusCode) -> Self {
        match status {
            StatusCode::NOT_FOUND => Self::NotFound,
            StatusCode::METHOD_NOT_ALLOWED => Self::MethodNotAllowed,
            StatusCode::FORBIDDEN => Self::Forbidden,
            StatusCode::PAYLOAD_TOO_LARGE => Self::TooLarge,
            StatusCode::REQUEST_TIMEOUT => Self::Timeout,
            StatusCode::SERVICE_UNAVAILABLE => Self::Unavailable,
            status if status.is_client_error() => Self::BadRequest,
            _ => Self::Internal,
        }
    }
}

/// Bare: [`super::dress`] makes the page or the problem document out of it.
impl IntoResponse for Fault {
    fn into_response(self) -> Response {
        let mut response = self.status().into_response();
        let wait = match &self {
            Self::TooMany(wait) => Some(wait.as_secs().max(1)),
            Self::Full | Self::Unavailable | Self::Unscanned => Some(60),
            _ => None,
        };
        if let Some(seconds) = wait {
            let value = HeaderValue::from(seconds);
            response.headers_mut().insert(header::RETRY_AFTER, value);
        }
        response.extensions_mut().insert(self);
        response
    }
}

impl From<StoreError> for Fault {
    fn from(error: StoreError) -> Self {
        match error {
            StoreError::DiskFull => {
                tracing::error!("no space left for the state; a request was refused");
                Self::Full
            }
            StoreError::Closed | StoreError::InUse(_) => Self::Unavailable,
            StoreError::TooLarge { .. } => Self::TooLarge,
            error => {
                tracing::error!(%error, "a page could not be made");
                Self::Internal
            }
        }
    }
}

impl From<RepoError> for Fault {
    fn from(error: RepoError) -> Self {
        match error {
            RepoError::Store(error) => error.into(),
            error => {
                tracing::error!(%error, "a page could not be made");
                Self::Internal
            }
        }
    }
}

impl From<TrackerError> for Fault {
    fn from(error: TrackerError) -> Self {
        match error {
            TrackerError::Store(error) => error.into(),
            TrackerError::Repo(error) => error.into(),
            TrackerError::NotFound(_) => Self::NotFound,
            TrackerError::Refused(_) => Self::BadRequest,
            TrackerError::Contention => Self::Unavailable,
        }
    }
}

impl From<askama::Error> for Fault {
    fn from(error: askama::Error) -> Self {
        tracing::error!(%error, "a page could not be rendered");
        Self::Internal
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_full_disk_says_that_nothing_was_lost() {
        let fault = Fault::from(RepoError::from(StoreError::DiskFull));
        assert_eq!(fault, Fault::Full);
        assert_eq!(fault.status(), StatusCode::SERVICE_UNAVAILABLE);
        let text = super::super::words::Words::of("en").t(fault.words()[1]);
        assert!(text.contains("Nothing was lost; try again"), "{text}");
        assert!(
            fault
                .into_response()
                .headers()
                .contains_key(header::RETRY_AFTER)
        );
    }
}
