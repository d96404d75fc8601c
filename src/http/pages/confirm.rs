//! A page that asks before something is done that is not easily undone.

use askama::Template;

use super::super::App;
use super::super::data::Result;
use super::super::session::Signed;
use super::super::view::Chrome;
use super::contact_edit::Choice;
use super::{Answer, show};
use crate::domain::Communication;
use crate::submit::{Going, Without};

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

/// What is said of each scheduled communication that would have another audience without what
/// is about to be deleted. Reads a lot: not for a thread that answers requests.
pub(super) fn without(app: &App, signed: &Signed, going: Going) -> Result<Vec<String>> {
    let c = Chrome::of(app, signed, "", "")?;
    let scheduled = app.console.submit.scheduled_with(going)?;
    let line = |(of, without): &(Communication, Without)| {
        let said = match without {
            Without::Fewer => "confirm.fewer",
            Without::NotLeftOut => "confirm.not_left_out",
            Without::Around => "confirm.left_out_around",
        };
        c.f1(said, c.title_of(of))
    };
    Ok(scheduled.iter().map(line).collect())
}
