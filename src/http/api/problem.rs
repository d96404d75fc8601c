//! What a program is told when its request is not done: problem documents (RFC 9457), in
//! English, with names that stay the same.

use axum::http::{HeaderValue, StatusCode, header};
use axum::response::{IntoResponse, Response};
use serde::Serialize;
use utoipa::ToSchema;

use super::super::fault::Fault;
use crate::store::{RepoError, StoreError};
use crate::submit::{FieldError, RecontactRefusal, SubmitError};
use crate::tracker::{TrackerError, UserError};

/// Most fields named in one answer.
const ERRORS_MAX: usize = 50;
/// What every name of a problem begins with.
const NAMES: &str = "urn:tocsin:problem:";
const MEDIA_TYPE: HeaderValue = HeaderValue::from_static("application/problem+json");

/// A field that is wrong, and why.
#[derive(Clone, Debug, Serialize, ToSchema)]
pub(crate) struct WrongField {
    /// Name of the field, with dots and positions for those that lie deeper.
    #[schema(examples("methods[0].to"))]
    field: String,
    /// What is wrong with it.
    detail: String,
}

impl WrongField {
    pub(super) fn new(field: impl Into<String>, detail: impl Into<String>) -> Self {
        Self {
            field: field.into(),
            detail: detail.into(),
        }
    }
}

/// A problem document (RFC 9457).
#[derive(Clone, Debug, Serialize, ToSchema)]
pub(crate) struct Problem {
    /// Its name, which stays the same.
    #[serde(rename = "type")]
    #[schema(examples("urn:tocsin:problem:validation"))]
    name: String,
    /// What kind of problem it is.
    title: String,
    /// The HTTP status.
    status: u16,
    /// What happened this time.
    detail: String,
    /// The fields that are wrong, the first 50 of them, for `urn:tocsin:problem:validation`.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    errors: Vec<WrongField>,
    #[serde(skip)]
    retry_after_s: Option<u64>,
}

impl Problem {
    pub(super) fn new(
        status: StatusCode,
        name: &str,
        title: &str,
        detail: impl Into<String>,
    ) -> Self {
        Self {
            name: format!("{NAMES}{name}"),
            title: title.to_owned(),
            status: status.as_u16(),
            detail: detail.into(),
            errors: Vec::new(),
            retry_after_s: None,
        }
    }

    /// Fields are wrong; nothing was done. The first [`ERRORS_MAX`] are named.
    pub(super) fn validation(mut errors: Vec<WrongField>) -> Self {
        errors.truncate(ERRORS_MAX);
        let mut problem = Self::new(
            StatusCode::UNPROCESSABLE_ENTITY,
            "validation",
            "Some fields are wrong",
            "Nothing was done. Each entry of errors names a field and says what is wrong with it.",
        );
        problem.errors = errors;
        problem
    }

    /// One field is wrong.
    pub(super) fn field(field: impl Into<String>, detail: impl Into<String>) -> Self {
        Self::validation(vec![WrongField::new(field, detail)])
    }

    /// Names of the fields that are wrong.
    pub(super) fn fields(&self) -> impl Iterator<Item = &str> {
        self.errors.iter().map(|error| error.field.as_str())
    }

    pub(super) fn not_found(what: &str) -> Self {
        Self::new(
            StatusCode::NOT_FOUND,
            "not-found",
            "Not found",
            format!("There is no such {what}."),
        )
    }

    /// It cannot be done as things stand.
    pub(super) fn conflict(name: &str, detail: impl Into<String>) -> Self {
        let title = "Not possible as things stand";
        Self::new(StatusCode::CONFLICT, name, title, detail)
    }

    /// Who asks is not known.
    pub(super) fn unauthorized() -> Self {
        Self::new(
            StatusCode::UNAUTHORIZED,
            "unauthorized",
            "No valid token",
            "Send a token that has neither expired nor been revoked: Authorization: Bearer tocsin_…",
        )
    }

    pub(super) const fn is_transient(status: u16) -> bool {
        matches!(status, 408 | 429 | 500..)
    }

    /// A refusal of the house as a problem document.
    pub(crate) fn of_fault(fault: &Fault) -> Self {
        let (title, detail) = match fault {
            Fault::NotFound => ("Not found", "There is no such thing at this address."),
            Fault::MethodNotAllowed => (
                "Method not allowed",
                "This address does not take this method; Allow names those that it takes.",
            ),
            Fault::Forbidden | Fault::Forged => ("Not allowed", "This token may not do that."),
            Fault::NotLoggedIn => return Self::unauthorized(),
            Fault::BadRequest => ("Bad request", "The request could not be understood."),
            Fault::TooLarge => ("Too large", "The request is larger than what is taken."),
            Fault::TooMany(_) => ("Too many requests", "Wait before you try again."),
            Fault::Timeout => ("Timeout", "It took too long."),
            Fault::Full => (
                "Storage full",
                "There is no room left to keep it. Nothing was lost.",
            ),
            Fault::Unavailable => (
                "Unavailable",
                "For the moment it cannot be done. Try again.",
            ),
            Fault::Infected => (
                "A virus was found",
                "A virus was found in this file; it is not handed out.",
            ),
            Fault::Unscannable => (
                "Not looked through",
                "The virus scanner does not look through files of this size; it is not handed out.",
            ),
            Fault::Unscanned => (
                "Not looked through yet",
                "The virus scanner does not answer or is busy; the file is handed out once it was looked through. Try again.",
            ),
            Fault::Internal => ("Internal error", "The mistake is ours; the log says more."),
        };
        let mut problem = Self::new(fault.status(), fault.words()[2], title, detail);
        problem.retry_after_s = match fault {
            Fault::TooMany(wait) => Some(wait.as_secs().max(1)),
            Fault::Full | Fault::Unavailable | Fault::Unscanned => Some(60),
            _ => None,
        };
        problem
    }
}

impl IntoResponse for Problem {
    fn into_response(self) -> Response {
        let status = StatusCode::from_u16(self.status).unwrap_or(StatusCode::BAD_REQUEST);
        let body = serde_json::to_string(&self).unwrap_or_default();
        let mut response = (status, [(header::CONTENT_TYPE, MEDIA_TYPE)], body).into_response();
        let headers = response.headers_mut();
        if let Some(seconds) = self.retry_after_s {
            headers.insert(header::RETRY_AFTER, HeaderValue::from(seconds));
        }
        if status == StatusCode::UNAUTHORIZED {
            let realm =
                HeaderValue::from_static("Bearer realm=\"tocsin\", error=\"invalid_token\"");
            headers.insert(header::WWW_AUTHENTICATE, realm);
        }
        response
    }
}

impl From<Fault> for Problem {
    fn from(fault: Fault) -> Self {
        Self::of_fault(&fault)
    }
}

impl From<RepoError> for Problem {
    fn from(error: RepoError) -> Self {
        Fault::from(error).into()
    }
}

impl From<StoreError> for Problem {
    fn from(error: StoreError) -> Self {
        Fault::from(error).into()
    }
}

/// Problems of fields as those of the API.
pub(super) fn wrong_fields(errors: &[FieldError]) -> Vec<WrongField> {
    let wrong = |error: &FieldError| WrongField::new(error.field, error.problem.to_string());
    errors.iter().map(wrong).collect()
}

impl From<SubmitError> for Problem {
    fn from(error: SubmitError) -> Self {
        match error {
            SubmitError::Invalid(errors) => Self::validation(wrong_fields(&errors)),
            SubmitError::Unfilled(gaps) => {
                let wrong = |(name, problem): &(String, crate::domain::Sentence)| {
                    WrongField::new(format!("values.{name}"), problem.to_string())
                };
                Self::validation(gaps.iter().map(wrong).collect())
            }
            SubmitError::Unconfirmed(warnings) => Self {
                errors: wrong_fields(&warnings),
                ..Self::new(
                    StatusCode::UNPROCESSABLE_ENTITY,
                    "warnings",
                    "There are warnings",
                    "Nothing was sent. Each entry of errors is a warning; send again with confirm_warnings=true when they do not matter.",
                )
            },
            SubmitError::NotFound => Self::not_found("thing"),
            SubmitError::Tracker(error) => error.into(),
            SubmitError::AlreadySent => {
                Self::conflict("already-sent", "It has been sent and cannot be changed.")
            }
            SubmitError::NotADraft => Self::conflict(
                "not-a-draft",
                "It is not a draft: it has been sent, or waits for approval or its time.",
            ),
            SubmitError::NotYet => Self::conflict("not-sent", "It has not been sent."),
            SubmitError::Changed => Self::conflict(
                "changed",
                "Somebody else changed it meanwhile; read it again.",
            ),
            SubmitError::NeedsApproval => Self::conflict(
                "needs-approval",
                "Somebody else has to approve it before it goes out: ask for it.",
            ),
            SubmitError::OwnWork => Self::new(
                StatusCode::FORBIDDEN,
                "own-work",
                "Not allowed",
                "Nobody approves what they wrote or asked for themselves.",
            ),
            SubmitError::Recontact(refusal) => {
                Self::conflict("recontact-refused", recontact(refusal))
            }
            error => Fault::from(error).into(),
        }
    }
}

fn recontact(refusal: RecontactRefusal) -> String {
    match refusal {
        RecontactRefusal::Draft => "It has not been sent.".to_owned(),
        RecontactRefusal::Prompt => "The product sent it by itself to one person.".to_owned(),
        RecontactRefusal::NoAudience => "It has no audience to go over.".to_owned(),
        RecontactRefusal::UnderWay => "A round of it is being worked off.".to_owned(),
        RecontactRefusal::Reminders { next, left } => format!(
            "{left} reminders go out by themselves before, the next one at {}.",
            super::shape::time(next)
        ),
        RecontactRefusal::Nobody => {
            "Everybody has been reached, or nobody else has a method that works.".to_owned()
        }
        RecontactRefusal::OnTheWay => {
            "Messages to all who are left are still on their way.".to_owned()
        }
        RecontactRefusal::RoundsUsedUp => "It has had as many rounds as there may be.".to_owned(),
    }
}

impl From<TrackerError> for Problem {
    fn from(error: TrackerError) -> Self {
        match error {
            TrackerError::NotFound(what) => Self::not_found(what),
            TrackerError::Refused(why) => Self::conflict("refused", format!("Not done: {why}.")),
            error => Fault::from(error).into(),
        }
    }
}

impl From<UserError> for Problem {
    fn from(error: UserError) -> Self {
        Fault::from(error).into()
    }
}
