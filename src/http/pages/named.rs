//! Forms that give something a name: what was entered, and why it was refused.

use axum::http::StatusCode;

use super::super::fields::Fields;
use super::super::view::Chrome;
use crate::tracker::Refusal;

/// Why a form was refused, and what was sent.
pub(super) type Refused<'a> = Option<(Refusal, &'a Fields)>;

/// The field of the name as it is shown again.
pub(super) struct Named {
    pub(super) entered: String,
    /// Empty for none.
    pub(super) problem: String,
}

impl Named {
    /// With what was sent, or the name as it is.
    pub(super) fn of(c: &Chrome, name: &str, refused: Refused<'_>) -> Self {
        let sent = refused.filter(|(_, fields)| fields.has("name"));
        let entered = sent.map_or(name, |(_, fields)| fields.get("name"));
        let problem = refused.map_or("", |(why, _)| c.t(problem(why)));
        Self {
            entered: entered.to_owned(),
            problem: problem.to_owned(),
        }
    }
}

/// The status of a page with such a form.
pub(super) const fn status(refused: Refused<'_>) -> StatusCode {
    if refused.is_some() {
        StatusCode::UNPROCESSABLE_ENTITY
    } else {
        StatusCode::OK
    }
}

/// Key of the words for why a name is not taken.
pub(super) const fn problem(refusal: Refusal) -> &'static str {
    match refusal {
        Refusal::Name => "name.wrong",
        Refusal::NameTaken => "name.taken",
        Refusal::TooMany => "name.too_many",
        Refusal::Circle => "areas.circle",
        Refusal::TooDeep => "areas.too_deep",
        Refusal::NotEmpty => "areas.not_empty",
        Refusal::Gone => "editor.gone",
        Refusal::LeftOut => "areas.left_out",
    }
}
