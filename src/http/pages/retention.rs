//! What is kept and for how long, what may go, and erasing a person.

use std::collections::BTreeSet;
use std::sync::Arc;
use std::time::Duration;

use askama::Template;
use axum::extract::{Path, State};

use super::super::App;
use super::super::data::Result;
use super::super::entries::access_of;
use super::super::fault::Fault;
use super::super::session::{Signed, SignedForm};
use super::super::times::When;
use super::super::view::Chrome;
use super::compose::see;
use super::confirm::{self, Question};
use super::{Answer, apart, id, show};
use crate::domain::retention::{Due, Kept, RetentionRules};
use crate::domain::{Access, Contact, ContactId, Timestamp};
use crate::store::acting;
use crate::tracker::{Erased, Owing, OwingList, Progress, Scope};

/// How far ahead the page looks.
const AHEAD: Duration = Duration::from_secs(90 * 24 * 3600);

/// What is counted, in the order of [`crate::tracker::Counts::named`].
const COUNTED: [&str; 9] = [
    "erase.entries",
    "erase.communications",
    "erase.people",
    "erase.deliveries",
    "erase.messages",
    "erase.events",
    "erase.cases",
    "erase.log_lines",
    "erase.inbound",
];

/// Something that may go, or is held.
struct Row {
    kind: &'static str,
    name: String,
    /// Empty where there is nothing to be seen.
    href: String,
    last: When,
    /// None while a hold stands.
    from: Option<When>,
}

/// Rows of one kind, and how many more there are.
struct Block {
    title: &'static str,
    anchor: &'static str,
    rows: Vec<Row>,
    more: u64,
}

#[derive(Template)]
#[template(path = "retention.html")]
struct Page {
    c: Chrome,
    rules: Vec<String>,
    blocks: Vec<Block>,
    run: String,
    running: bool,
    may_start: bool,
}

/// `GET /retention`
pub(super) async fn page(State(app): State<Arc<App>>, signed: Signed) -> Answer {
    apart(move || {
        let title = signed.words.t("retention.title");
        let c = Chrome::of(&app, &signed, title, "retention")?;
        let tracker = &app.console.tracker;
        let rules = rules_in_words(&c, &tracker.retention_rules());
        let list = tracker.owing(horizon(app.now()), &BTreeSet::new())?;
        let progress = tracker.retention_progress();
        show(&Page {
            rules,
            run: run_in_words(&c, &progress),
            running: progress.is_running,
            may_start: !progress.is_running && list.counts[0] > 0,
            blocks: blocks(&app, &c, &access_of(&signed), &list)?,
            c,
        })
    })
    .await
}

fn rules_in_words(c: &Chrome, rules: &RetentionRules) -> Vec<String> {
    let other = match rules.everything_else_years {
        Some(years) => c.f1("retention.else_years", years),
        None => c.t("retention.else_ever").to_owned(),
    };
    let how = if rules.automatic {
        "retention.automatic"
    } else {
        "retention.by_hand"
    };
    vec![
        c.f1("retention.correspondence", rules.correspondence_years),
        c.t("retention.holds").to_owned(),
        other,
        c.t(how).to_owned(),
        c.t("retention.backups").to_owned(),
    ]
}

fn run_in_words(c: &Chrome, progress: &Progress) -> String {
    match progress.began_at {
        None => String::new(),
        Some(_) if progress.is_running => c.f1("retention.running", c.number(progress.done)),
        Some(_) if progress.has_failed => c.f1("retention.failed", c.number(progress.done)),
        Some(_) => c.f1("retention.ran", c.number(progress.done)),
    }
}

fn blocks(app: &App, c: &Chrome, access: &Access, list: &OwingList) -> Result<Vec<Block>> {
    let of = [
        ("retention.due", "due", &list.due),
        ("retention.soon", "soon", &list.soon),
        ("retention.held", "held", &list.held),
    ];
    let mut blocks = Vec::with_capacity(of.len());
    for ((title, anchor, found), count) in of.into_iter().zip(list.counts) {
        let rows = found.iter().map(|owing| row(app, c, access, owing));
        let rows = rows.collect::<Result<Vec<_>>>()?;
        blocks.push(Block {
            title,
            anchor,
            more: count.saturating_sub(rows.len() as u64),
            rows,
        });
    }
    Ok(blocks)
}

fn row(app: &App, c: &Chrome, access: &Access, owing: &Owing) -> Result<Row> {
    let (kind, name, href) = match owing.scope {
        Scope::Case(id) => {
            let case = app.repo().case(id)?;
            match case.filter(|case| access.sees_case(case)) {
                Some(case) => (
                    "retention.case",
                    case.reference.clone(),
                    format!("/cases/{id}"),
                ),
                // That there is one is no secret to whoever keeps the records; what it is, is.
                None => ("retention.case", id.to_string(), String::new()),
            }
        }
        Scope::Contact(id) => {
            let contact = app.repo().contact(id)?;
            let name = contact
                .as_deref()
                .map_or_else(String::new, Contact::full_name);
            ("retention.contact", name, format!("/contacts/{id}"))
        }
        Scope::Communication(id) => {
            let of = app.repo().communication(id)?;
            let name = of.map_or_else(String::new, |of| c.title_of(&of));
            (
                "retention.communication",
                name,
                format!("/communications/{id}"),
            )
        }
    };
    let from = match owing.due {
        Due::From(at) => Some(c.when(&at)),
        Due::Never(_) => None,
    };
    Ok(Row {
        kind,
        name: if name.is_empty() {
            c.t("person.gone").to_owned()
        } else {
            name
        },
        href,
        last: c.when(&owing.at),
        from,
    })
}

/// `GET /retention/delete`: asks before it is done.
pub(super) async fn ask(State(app): State<Arc<App>>, signed: Signed) -> Answer {
    apart(move || {
        let words = signed.words;
        let list = app.console.tracker.owing(app.now(), &BTreeSet::new())?;
        let count = words.number(list.counts[0]);
        let question = Question {
            section: "retention",
            title: words.t("retention.delete").to_owned(),
            text: words.fill("retention.delete_text", &[&count]),
            details: Vec::new(),
            action: "/retention/delete".to_owned(),
            button: "retention.delete",
            back: "/retention".to_owned(),
            fields: Vec::new(),
            choice: None,
        };
        confirm::ask(&app, &signed, question)
    })
    .await
}

/// `POST /retention/delete`: goes on behind the page, which shows how far it has come.
pub(super) async fn delete(State(app): State<Arc<App>>, form: SignedForm) -> Answer {
    tracing::info!(user = %form.signed.user.id, "what is due is being deleted");
    start(&app);
    Ok(see("/retention"))
}

/// Begins to delete what is due, in the name of whoever asks.
pub(crate) fn start(app: &App) {
    let tracker = app.console.tracker.clone();
    tokio::spawn(acting::carried(async move {
        if let Err(error) = tracker.expire_all().await {
            tracing::warn!(%error, "what is due could not be deleted; what is left is still due");
        }
    }));
}

/// `GET /contacts/{id}/erase`: asks, or says from when on it can be done.
pub(super) async fn ask_erase(
    State(app): State<Arc<App>>,
    signed: Signed,
    Path(text): Path<String>,
) -> Answer {
    let id: ContactId = id(&text)?;
    apart(move || {
        let contact = app.repo().contact(id)?.ok_or(Fault::NotFound)?;
        let words = signed.words;
        let mut details = vec![
            words.t("erase.goes").to_owned(),
            words.t("erase.stays").to_owned(),
            words.t("erase.suppressed").to_owned(),
            words.t("erase.kept").to_owned(),
            words.t("erase.backups").to_owned(),
        ];
        let (mut text, mut button) = ("erase.text", "erase.title");
        let due = app.console.tracker.erasable(&contact)?;
        if !due.is_at(app.now()) {
            let c = Chrome::of(&app, &signed, "", "contacts")?;
            (text, button) = ("erase.not_now", "erase.record");
            details = vec![refusal(&c, due), words.t("erase.recorded").to_owned()];
        }
        let question = Question {
            section: "contacts",
            title: words.t("erase.title").to_owned(),
            text: words.fill(text, &[&contact.full_name()]),
            details,
            action: format!("/contacts/{id}/erase"),
            button,
            back: format!("/contacts/{id}"),
            fields: Vec::new(),
            choice: None,
        };
        confirm::ask(&app, &signed, question)
    })
    .await
}

/// Why somebody cannot be erased now, in a sentence.
fn refusal(c: &Chrome, due: Due) -> String {
    match due {
        Due::Never(Kept::LegalHold) => c.t("erase.held").to_owned(),
        Due::Never(Kept::OpenCase | Kept::ForEver) => c.t("erase.open").to_owned(),
        Due::From(at) => c.f1("erase.until", c.when(&at).text),
    }
}

#[derive(Template)]
#[template(path = "erased.html")]
struct ErasedPage {
    c: Chrome,
    id: ContactId,
    text: String,
    counts: Vec<(String, String)>,
}

/// `POST /contacts/{id}/erase`: erases somebody, or says why not; both are recorded.
pub(super) async fn erase(
    State(app): State<Arc<App>>,
    Path(text): Path<String>,
    form: SignedForm,
) -> Answer {
    let id: ContactId = id(&text)?;
    let by = form.signed.user.id;
    let outcome = erase_whole(&app, id, by).await?;
    let title = form.signed.words.t("erase.title");
    let c = Chrome::of(&app, &form.signed, title, "contacts")?;
    let (text, counts) = match outcome {
        Erased::Done(counts) => {
            let named = COUNTED.into_iter().zip(counts.named());
            let some = named.filter(|(_, (_, count))| *count > 0);
            let said = some.map(|(key, (_, count))| (c.t(key).to_owned(), c.number(count)));
            (c.t("erase.done").to_owned(), said.collect())
        }
        Erased::Refused(due) => (refusal(&c, due), Vec::new()),
    };
    show(&ErasedPage {
        c,
        id,
        text,
        counts,
    })
}

/// Goes on to its end when whoever asked does not wait for it.
pub(crate) async fn erase_whole(
    app: &App,
    id: ContactId,
    by: crate::domain::UserId,
) -> Result<Erased> {
    if app.repo().contact(id)?.is_none() {
        return Err(Fault::NotFound);
    }
    let tracker = app.console.tracker.clone();
    let erasing = tokio::spawn(acting::carried(async move {
        tracker.erase_contact(id, by).await
    }));
    Ok(erasing.await.map_err(|_| Fault::Internal)??)
}

/// The moment up to which the lists look.
pub(crate) fn horizon(now: Timestamp) -> Timestamp {
    now.plus(AHEAD)
}
