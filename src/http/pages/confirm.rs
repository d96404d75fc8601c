//! A page that asks before something is done that is not easily undone.

use askama::Template;

use super::super::App;
use super::super::session::Signed;
use super::super::view::Chrome;
use super::contact_edit::Choice;
use super::{Answer, show};

/// What is asked.
pub(super) struct Question {
    /// The entry of the main menu that is lit.
    pub(super) section: &'static str,
    pub(super) title: String,
    pub(super) text: String,
    /// What happens to whom, more exactly.
    pub(super) details: Vec<String>,
    /// Where the answer goes.
    pub(super) action: String,
    pub(super) button: &'static str,
    /// Where "no" leads.
    pub(super) back: String,
    /// Fields that go along.
    pub(super) fields: Vec<(&'static str, String)>,
    /// A choice that belongs to the answer: its field, its label, and what there is.
    pub(super) choice: Option<(&'static str, &'static str, Vec<Choice>)>,
}

#[derive(Template)]
#[template(path = "confirm.html")]
struct Page {
    c: Chrome,
    q: Question,
}

/// Asks.
pub(super) fn ask(app: &App, signed: &Signed, question: Question) -> Answer {
    let c = Chrome::of(app, signed, question.title.clone(), question.section)?;
    show(&Page { c, q: question })
}
