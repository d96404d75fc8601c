//! One file of contacts: how far it is, what was found, what came of it.

use std::convert::Infallible;
use std::sync::Arc;
use std::time::Duration;

use askama::Template;
use axum::extract::{Path, State};
use axum::http::{StatusCode, Uri};
use axum::response::sse::{Event, KeepAlive, Sse};
use axum::response::{IntoResponse, Response};
use futures_util::stream::unfold;

use super::super::App;
use super::super::fault::Fault;
use super::super::fields::Fields;
use super::super::session::{Signed, SignedForm};
use super::super::times::When;
use super::super::view::{Badge, Chrome};
use super::compose::see;
use super::confirm::{self, Question};
use super::import_findings::{self, FindingRow};
use super::imports::state;
use super::{Answer, id, show};
use crate::domain::{ImportId, ImportJob, ImportPass, ImportState, ImportTotals};

/// Pause between two looks of a page at what is under way.
const LOOK: Duration = Duration::from_millis(700);
/// A stream of looks ends after this long; browsers come back by themselves.
const STREAM_MAX: Duration = Duration::from_secs(600);

#[derive(Template)]
#[template(path = "import.html")]
struct Page {
    c: Chrome,
    job: ImportJob,
    state: Badge,
    who: String,
    came: When,
    kept_until: When,
    /// Whether file and findings are still kept.
    kept: bool,
    /// The numbers shown.
    totals: ImportTotals,
    findings: Vec<FindingRow>,
    found: u64,
    people: u64,
    warnings: u64,
    taken: u64,
    /// Rows that cannot be taken are among the findings shown.
    pass: u8,
    first: String,
    next: String,
}

impl Page {
    const fn is(&self, state: ImportState) -> bool {
        self.job.state as u8 == state as u8
    }

    const fn is_checking(&self) -> bool {
        self.is(ImportState::Checking)
    }

    const fn is_checked(&self) -> bool {
        self.is(ImportState::Checked)
    }

    const fn is_undone(&self) -> bool {
        self.is(ImportState::Undone)
    }

    const fn is_undoing(&self) -> bool {
        self.is(ImportState::Undoing)
    }

    const fn is_working(&self) -> bool {
        self.job.state.is_working()
    }

    const fn is_nothing(&self) -> bool {
        self.taken == 0
    }

    /// How many people have been dealt with while it is taken back.
    fn undone(&self) -> u32 {
        let undone = self.job.undone;
        undone.removed + undone.restored + undone.kept
    }
}

pub(super) fn job_of(app: &App, text: &str) -> Result<ImportJob, Fault> {
    let id: ImportId = id(text)?;
    let job = app.repo().import(id)?.ok_or(Fault::NotFound)?;
    Ok(job.value)
}

/// `GET /contacts/imports/{id}`
pub(super) async fn page(
    State(app): State<Arc<App>>,
    signed: Signed,
    Path(text): Path<String>,
    uri: Uri,
) -> Answer {
    let fields = Fields::of_query(&uri);
    let job = job_of(&app, &text)?;
    if job.state == ImportState::Uploaded {
        return Ok(see(&format!("/contacts/imports/{}/columns", job.id)));
    }
    let c =
        Chrome::of(&app, &signed, job.file_name.clone(), "contacts")?.with_done(fields.get("done"));
    let who = app.repo().user(job.by)?;
    let part: u32 = fields.get("page").parse().unwrap_or(0);
    let shown = import_findings::part(&app, &c, &job, part)?;
    let here = format!("/contacts/imports/{}", job.id);
    let totals = if job.state.pass() == ImportPass::Check {
        job.checked
    } else {
        job.done
    };
    show(&Page {
        state: state(&c, &job),
        who: who.map_or_else(String::new, |user| user.value.name),
        came: c.when(&job.created_at),
        kept_until: c.when(&job.forgotten_at()),
        kept: job.due.is_some(),
        totals,
        people: u64::from(job.people_rows()),
        warnings: u64::from(totals.warnings),
        taken: u64::from(totals.taken()),
        found: u64::from(job.findings_of(job.state.pass())),
        pass: job.state.pass() as u8,
        first: if part > 0 {
            here.clone()
        } else {
            String::new()
        },
        next: if shown.more {
            format!("{here}?page={}", part.saturating_add(1))
        } else {
            String::new()
        },
        findings: shown.rows,
        job,
        c,
    })
}

/// `POST /contacts/imports/{id}/start`
pub(super) async fn start(
    State(app): State<Arc<App>>,
    Path(text): Path<String>,
    _form: SignedForm,
) -> Answer {
    let id: ImportId = id(&text)?;
    let done = app.console.tracker.start_import(id).await?;
    Ok(back(id, if done { "" } else { "?done=before" }))
}

/// `POST /contacts/imports/{id}/cancel`
pub(super) async fn cancel(
    State(app): State<Arc<App>>,
    Path(text): Path<String>,
    _form: SignedForm,
) -> Answer {
    let id: ImportId = id(&text)?;
    let done = app.console.tracker.cancel_import(id).await?;
    let said = if done {
        "?done=import_stopped"
    } else {
        "?done=import_over"
    };
    Ok(back(id, said))
}

/// `POST /contacts/imports/{id}/discard`
pub(super) async fn discard(
    State(app): State<Arc<App>>,
    Path(text): Path<String>,
    _form: SignedForm,
) -> Answer {
    let id: ImportId = id(&text)?;
    let done = app.console.tracker.discard_import(id).await?;
    Ok(if done {
        see("/contacts/import?done=import_discarded")
    } else {
        back(id, "?done=before")
    })
}

/// `GET /contacts/imports/{id}/undo`: asks.
pub(super) async fn ask_undo(
    State(app): State<Arc<App>>,
    signed: Signed,
    Path(text): Path<String>,
) -> Answer {
    let job = job_of(&app, &text)?;
    if !job.can_be_undone() {
        return Ok(back(job.id, ""));
    }
    let words = signed.words;
    let details = vec![
        words.count(
            "import.undo_added_one",
            "import.undo_added_many",
            job.done.added.into(),
        ),
        words.count(
            "import.undo_updated_one",
            "import.undo_updated_many",
            job.done.updated.into(),
        ),
        words.t("import.undo_kept").to_owned(),
        words.t("import.undo_places").to_owned(),
        words.t("import.undo_final").to_owned(),
    ];
    let question = Question {
        section: "contacts",
        title: words.t("import.undo").to_owned(),
        text: words.fill("import.undo_text", &[&job.file_name]),
        details,
        action: format!("/contacts/imports/{}/undo", job.id),
        button: "import.undo_button",
        back: format!("/contacts/imports/{}", job.id),
        fields: Vec::new(),
        choice: None,
    };
    confirm::ask(&app, &signed, question)
}

/// `POST /contacts/imports/{id}/undo`
pub(super) async fn undo(
    State(app): State<Arc<App>>,
    Path(text): Path<String>,
    _form: SignedForm,
) -> Answer {
    let id: ImportId = id(&text)?;
    let done = app.console.tracker.undo_import(id).await?;
    Ok(back(id, if done { "" } else { "?done=import_over" }))
}

fn back(id: ImportId, said: &str) -> Response {
    see(&format!("/contacts/imports/{id}{said}"))
}

/// `GET /contacts/imports/{id}/events`: that there is something new to see, as long as it is
/// worked on, and once more at the end.
pub(super) async fn events(
    State(app): State<Arc<App>>,
    _signed: Signed,
    Path(text): Path<String>,
) -> Result<Response, Fault> {
    let job = job_of(&app, &text)?;
    if !job.state.is_working() {
        // Tells browsers not to ask again.
        return Ok(StatusCode::NO_CONTENT.into_response());
    }
    let id = job.id;
    let place = Arc::clone(&app.streams).try_acquire_owned();
    let place = place.map_err(|_| Fault::Unavailable)?;
    let ends = tokio::time::Instant::now() + STREAM_MAX;
    let stop = app.console.stop.clone();
    let stream = unfold(Some(place), move |place| {
        let (stop, app) = (stop.clone(), Arc::clone(&app));
        async move {
            let place = place?;
            tokio::select! {
                biased;
                () = stop.cancelled() => return None,
                () = tokio::time::sleep_until(ends) => return None,
                () = tokio::time::sleep(LOOK) => {}
            }
            let job = app.repo().import(id).ok().flatten();
            let working = job.is_some_and(|job| job.state.is_working());
            let event = Event::default().event("changed").data("1");
            Some((Ok::<_, Infallible>(event), working.then_some(place)))
        }
    });
    let keep_alive = KeepAlive::new().interval(Duration::from_secs(20));
    Ok(Sse::new(stream).keep_alive(keep_alive).into_response())
}
