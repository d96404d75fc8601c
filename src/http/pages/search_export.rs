//! What a search finds, as a file: newest first, at most [`FOUND_MAX`].

use std::sync::Arc;

use axum::extract::State;
use axum::http::Uri;
use jiff::tz::TimeZone;

use super::super::App;
use super::super::data::search::{Line, look};
use super::super::fault::Fault;
use super::super::fields::Fields;
use super::super::listing::{FileFormat, Listing, write};
use super::super::period::{self, Choice, Days};
use super::super::session::Signed;
use super::super::sheet::{Cell, Column, SheetError};
use super::super::times::zoned;
use super::super::view::zone_of;
use super::super::words::Words;
use super::Answer;
use super::exports::download;
use super::search::kind_of;
use crate::domain::Access;
use crate::search::{Order, Piece, Question};
use crate::store::RepoError;

/// Most finds of one file: whoever looks for more looks for everything.
const FOUND_MAX: usize = 10_000;
/// Finds read at a time.
const STEP: usize = 200;

/// `GET /search/export?format=&q=`, with the days of the page.
pub(super) async fn page(State(app): State<Arc<App>>, signed: Signed, uri: Uri) -> Answer {
    let fields = Fields::of_query(&uri);
    let zone = zone_of(&app, &signed);
    let days = Days::of(Choice::Custom, &fields, period::today(app.now(), &zone));
    let (from, until) = days.map_err(|_| Fault::BadRequest)?.bounds(&zone);
    let question = Question {
        text: fields.get("q").trim().to_owned(),
        from: Some(from),
        until: Some(until),
        ..Question::default()
    };
    let format = FileFormat::named(fields.get("format")).ok_or(Fault::BadRequest)?;
    tracing::info!(by = %signed.user.id, "what a search finds is exported");
    file(&app, (signed.words, zone), &signed.access, format, question).await
}

/// The file, for whoever reads in this language and zone.
pub(crate) async fn file(
    app: &Arc<App>,
    (words, zone): (&'static Words, TimeZone),
    access: &Access,
    format: FileFormat,
    question: Question,
) -> Answer {
    if question.is_empty() {
        return Err(Fault::BadRequest);
    }
    let made = zoned(app.now(), &zone);
    let name = format!("Search{}.{}", made.date(), format.as_str());
    let column = |key, width| Column {
        title: words.t(key).into(),
        width,
    };
    let listing = Listing {
        title: words.t("search.title").to_owned(),
        facts: vec![
            (
                words.t("entries.file_made").to_owned(),
                made.strftime("%Y-%m-%d %H:%M:%S %Z").to_string(),
            ),
            (words.t("search.words").to_owned(), question.text.clone()),
        ],
        columns: vec![
            column("entries.date_time", 20),
            column("commslog.type", 14),
            column("entries.to_from", 30),
            column("entries.subject", 40),
            column("search.passage", 60),
        ],
        zone,
        language: words.language,
        full: words.t("export.full"),
    };
    let (app_of_file, access) = (Arc::clone(app), access.clone());
    download(app, &name, move |stop| {
        write(format, &listing, stop, |rows| {
            let mut question = Question {
                order: Order::Newest,
                limit: STEP,
                before: None,
                ..question
            };
            let mut found = 0;
            loop {
                let part = look(&app_of_file, &access, &question).map_err(unread)?;
                for line in &part.lines {
                    found += 1;
                    if found > FOUND_MAX {
                        rows.push(&[Cell::Plain(listing.full.into())])?;
                        return Ok(());
                    }
                    if !rows.push(&row(words, line))? {
                        return Ok(());
                    }
                }
                if stop.is_cancelled() {
                    return Err(SheetError::Stopped);
                }
                if part.next.is_none() {
                    return Ok(());
                }
                question.before = part.next;
            }
        })
    })
    .await
}

fn unread(fault: Fault) -> SheetError {
    tracing::error!(?fault, "finds cannot be read for a file");
    SheetError::Repo(RepoError::Missing("what was found"))
}

fn row(words: &'static Words, line: &Line) -> [Cell<'static>; 5] {
    let text = |pieces: &[Piece]| {
        pieces
            .iter()
            .map(|one| one.text.as_str())
            .collect::<String>()
    };
    // A passage stands in its cell as on the page: in one piece.
    let body = text(&line.body);
    let passage: Vec<&str> = body.split_whitespace().collect();
    let who: Vec<String> = line.who.iter().map(|pieces| text(pieces)).collect();
    [
        Cell::Time(Some(line.at)),
        Cell::Plain(words.t(kind_of(&line.what)).into()),
        Cell::Text(who.join("; ").into()),
        Cell::Text(text(&line.subject).into()),
        Cell::Text(passage.join(" ").into()),
    ]
}
