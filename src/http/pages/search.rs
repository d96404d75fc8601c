//! Finding what was written and answered by its words.

use std::sync::Arc;

use askama::Template;
use axum::extract::State;
use axum::http::Uri;

use super::super::App;
use super::super::data::PAGE_ROWS;
use super::super::data::search::{Line, Results, look};
use super::super::fields::Fields;
use super::super::period::{self, Choice, Days};
use super::super::session::{Signed, percent};
use super::super::times::When;
use super::super::view::{Chrome, channel_icon};
use super::{Answer, apart, show};
use crate::domain::Direction;
use crate::search::{Order, Piece, QUESTION_SIZE_MAX, Question};
use crate::store::Searched;

struct Row {
    href: String,
    icon: &'static str,
    /// Key of what it is.
    kind: &'static str,
    when: When,
    subject: Vec<Piece>,
    who: Vec<Vec<Piece>>,
    body: Vec<Piece>,
}

#[derive(Template)]
#[template(path = "search.html")]
struct Page {
    c: Chrome,
    asked: String,
    longest: usize,
    relevant: bool,
    from: String,
    to: String,
    wrong: Option<(&'static str, String)>,
    building: bool,
    /// Nothing was asked yet.
    idle: bool,
    total: String,
    rows: Vec<Row>,
    first: String,
    next: String,
    /// Where the finds are a file; `format` is added.
    export: String,
}

/// `GET /search`
pub(super) async fn page(State(app): State<Arc<App>>, signed: Signed, uri: Uri) -> Answer {
    apart(move || {
        let c = Chrome::of(&app, &signed, signed.words.t("search.title"), "search")?;
        let query = Fields::of_query(&uri);
        let days = Days::of(Choice::Custom, &query, period::today(app.now(), c.zone()));
        let relevant = query.get("order") == "relevant";
        let mut question = Question {
            text: query.get("q").trim().to_owned(),
            order: if relevant {
                Order::Relevant
            } else {
                Order::Newest
            },
            before: query.get("after").parse().ok(),
            limit: PAGE_ROWS,
            ..Question::default()
        };
        let mut wrong = None;
        match days {
            Ok(days) => {
                let (from, until) = days.bounds(c.zone());
                (question.from, question.until) = (Some(from), Some(until));
            }
            Err((field, key)) => wrong = Some((field, c.t(key).to_owned())),
        }
        let idle = question.is_empty() || wrong.is_some();
        let found = if idle {
            Results::default()
        } else {
            look(&app, &signed.access, &question)?
        };
        let here = address(&query, &question.text, relevant);
        show(&Page {
            export: here.replacen("/search?", "/search/export?", 1) + "&",
            asked: question.text,
            longest: QUESTION_SIZE_MAX,
            relevant,
            from: query.get("from").to_owned(),
            to: query.get("to").to_owned(),
            wrong,
            building: app.console.search.is_building(),
            idle,
            // How many there are is for those who see them all.
            total: match found.total {
                Some(total) => c.n("search.one", "search.many", &(total as u64)),
                None => c.t("search.found").to_owned(),
            },
            next: found
                .next
                .map_or_else(String::new, |place| format!("{here}&after={place}")),
            first: if question.before.is_some() {
                here
            } else {
                String::new()
            },
            rows: found.lines.into_iter().map(|line| row(&c, line)).collect(),
            c,
        })
    })
    .await
}

fn address(query: &Fields, text: &str, relevant: bool) -> String {
    let mut here = String::from("/search?q=");
    here.extend(text.bytes().map(percent));
    for name in ["from", "to"] {
        if !query.get(name).is_empty() {
            here.push_str(&format!("&{name}="));
            here.extend(query.get(name).bytes().map(percent));
        }
    }
    if relevant {
        here.push_str("&order=relevant");
    }
    here
}

/// Key of what something is.
pub(super) fn kind_of(what: &Searched) -> &'static str {
    match what {
        Searched::Communication(one) if one.is_sent() => "search.sent",
        Searched::Communication(_) => "search.draft",
        Searched::Message(message) => match message.direction {
            Direction::In => "search.received",
            Direction::Out => "search.answered",
        },
        Searched::Note(_) => "search.note",
    }
}

fn row(c: &Chrome, line: Line) -> Row {
    let icon = line.channel().map_or("send", channel_icon);
    let href = match &line.what {
        Searched::Communication(one) => format!("/communications/{}", one.id),
        Searched::Message(message) => format!("/inbox/{}#m-{}", message.thread, message.id),
        Searched::Note(entry) => format!("/correspondence/{}", entry.id),
    };
    Row {
        href,
        icon,
        kind: kind_of(&line.what),
        when: c.when(&line.at),
        subject: line.subject,
        who: line.who,
        body: line.body,
    }
}
