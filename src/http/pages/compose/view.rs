//! The form on the page.

use std::sync::Arc;

use askama::Template;
use axum::Json;
use axum::http::StatusCode;
use axum::response::IntoResponse;

use super::super::super::App;
use super::super::super::data::Result;
use super::super::super::session::Signed;
use super::super::super::times::zoned;
use super::super::super::view::Chrome;
use super::super::super::words::Words;
use super::super::communications::category_title;
use super::super::problems::{Problem, Problems};
use super::super::{Answer, apart, show_as};
use super::counter::Counter;
use super::form::time_field;
use super::picks::{self, Picks};
use super::preview::Preview;
use crate::domain::campaign::CAMPAIGNS_MAX;
use crate::domain::communication::ESCALATION_STEPS_MAX;
use crate::domain::{
    CampaignId, Channel, CommunicationId, ContactId, Content, Timestamp, Tracking,
};
use crate::submit::{DraftInput, FieldError, Kept};

/// Campaigns offered beside the chosen one, the last modified first.
const CAMPAIGNS_OFFERED_MAX: usize = 100;
/// Rows for steps that are there from the start.
const STEP_ROWS_MIN: usize = 3;

/// The form as it was filled in.
pub(super) struct Filled {
    pub(super) id: Option<CommunicationId>,
    /// The revision that the form shows.
    pub(super) revision: Timestamp,
    pub(super) draft: DraftInput,
    pub(super) errors: Vec<FieldError>,
    pub(super) find: String,
    /// The reader's list is ticked.
    pub(super) mine: bool,
    /// In which state it was found.
    pub(super) found: Found,
}

/// What has become of a draft since its form was shown.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Found {
    /// Nothing.
    Same,
    /// Somebody else has changed it.
    Changed,
    /// It is no draft any more: sent, or waiting.
    Gone,
}

impl Found {
    /// The key of what is said of it; empty where there is nothing to say.
    pub(super) const fn title(self) -> &'static str {
        match self {
            Self::Same => "",
            Self::Changed => "compose.changed",
            Self::Gone => "compose.gone",
        }
    }
}

impl Filled {
    pub(super) fn new(id: Option<CommunicationId>, draft: DraftInput) -> Self {
        Self {
            id,
            revision: Timestamp::default(),
            draft,
            errors: Vec::new(),
            find: String::new(),
            mine: false,
            found: Found::Same,
        }
    }
}

struct CategoryChoice {
    name: String,
    title: String,
    note: &'static str,
    /// What is put beneath texts of this category.
    under: String,
    chosen: bool,
}

struct CampaignChoice {
    id: CampaignId,
    name: String,
    chosen: bool,
}

struct StepRow {
    channels: Vec<(&'static str, String, bool)>,
    after: String,
}

struct Schedule {
    field: String,
    note: String,
}

#[derive(Template)]
#[template(path = "compose.html")]
struct Page {
    c: Chrome,
    action: String,
    id: String,
    revision: u64,
    d: DraftInput,
    p: Problems,
    problems: Vec<Problem>,
    changed: bool,
    gone: bool,
    categories: Vec<CategoryChoice>,
    campaigns: Vec<CampaignChoice>,
    steps: Vec<StepRow>,
    schedule: Schedule,
    a: Picks,
    /// To whom, when it is a letter.
    letter: Option<LetterTo>,
    /// There are templates to choose from.
    templates: bool,
    find: String,
    found_count: u64,
    /// What the text message takes.
    n: Counter,
    files: Vec<(String, String)>,
    /// What may be counted, or was asked for while it might be.
    offered: Tracking,
    v: Preview,
}

/// To whom a letter goes, and about what.
struct LetterTo {
    contact: ContactId,
    name: String,
    address: String,
    case: Option<(String, String)>,
}

#[derive(Template)]
#[template(path = "compose_preview.html")]
struct PreviewPart<'a> {
    c: &'a Chrome,
    v: Preview,
}

/// The page with the form, made where nothing waits for it: it reads hundreds of rows.
pub(super) async fn show_form(
    app: &Arc<App>,
    signed: &Signed,
    filled: Filled,
    status: StatusCode,
    done: &str,
) -> Answer {
    let (app, signed, done) = (Arc::clone(app), signed.clone(), done.to_owned());
    apart(move || form_page(&app, &signed, filled, status, &done)).await
}

fn form_page(app: &App, signed: &Signed, filled: Filled, status: StatusCode, done: &str) -> Answer {
    let title = signed.words.t(if filled.id.is_some() {
        "compose.draft"
    } else {
        "compose.new"
    });
    let c = Chrome::of(app, signed, title, "communications")?.with_done(done);
    let d = filled.draft;
    let p = Problems::new(&filled.errors, signed.words);
    let a = picks::picks(app, signed, &c, &d.audience, &filled.find, filled.mine)?;
    let kept = filled.id.map(|id| (id, filled.revision));
    let n = Counter::of(app, signed, &c, &d, !filled.mine)?;
    let page = Page {
        action: filled.id.map_or_else(
            || "/communications".to_owned(),
            |id| format!("/communications/{id}"),
        ),
        id: filled.id.map(|id| id.to_string()).unwrap_or_default(),
        revision: filled.revision.as_millis(),
        problems: p.summary(&c),
        p,
        changed: filled.found == Found::Changed,
        gone: filled.found == Found::Gone,
        categories: categories(app, signed.words, &d.category),
        campaigns: campaigns(app, d.campaign)?,
        steps: step_rows(&c, &d),
        schedule: schedule(&c, d.plan.scheduled_at),
        letter: letter_to(app, &d)?,
        templates: !app.repo().templates()?.is_empty(),
        found_count: a.found.len() as u64,
        a,
        find: filled.find,
        n,
        files: files(&c, &d),
        offered: offered(app, &d),
        v: Preview::of(app, &c, &d, kept),
        d,
        c,
    };
    show_as(status, &page)
}

/// What the form lets one choose: also what is not allowed any more, so that it can be taken back.
fn offered(app: &App, d: &DraftInput) -> Tracking {
    let (allowed, asked) = (app.console.submit.tracking(), d.plan.tracking);
    Tracking {
        opens: allowed.opens || asked.opens,
        clicks: allowed.clicks || asked.clicks,
    }
}

/// To whom a letter goes: it was chosen as it began.
fn letter_to(app: &App, d: &DraftInput) -> Result<Option<LetterTo>> {
    let (Some(matter), [to]) = (d.matter, d.audience.contacts.as_slice()) else {
        return Ok(None);
    };
    let Some(contact) = app.repo().current_contact(*to)? else {
        return Ok(None);
    };
    let method = d.audience.method.and_then(|id| contact.method(id));
    let address = method.map(|method| method.destination.reveal().to_owned());
    let case = matter.case.map(|case| app.repo().case(case)).transpose()?;
    let case = case.flatten();
    Ok(Some(LetterTo {
        contact: contact.id,
        name: contact.full_name(),
        address: address.unwrap_or_default(),
        case: case.map(|case| (case.id.to_string(), case.reference.clone())),
    }))
}

/// What scripts are told of a draft that was kept.
pub(super) fn kept(app: &App, signed: &Signed, kept: Kept) -> Answer {
    let c = Chrome::of(app, signed, "", "communications")?;
    let draft = app.console.submit.draft(kept.id)?;
    let at = zoned(app.now(), c.zone());
    let time = format!("{:02}:{:02}", at.hour(), at.minute());
    let revision = (kept.id, kept.revision);
    let v = Preview::of(app, &c, &draft, Some(revision));
    let body = serde_json::json!({
        "action": format!("/communications/{}", kept.id),
        "edit": format!("/communications/{}/edit", kept.id),
        "revision": kept.revision.as_millis().to_string(),
        "saved": c.f1("compose.saved_at", time),
        "preview": PreviewPart { c: &c, v }.render()?,
    });
    Ok(Json(body).into_response())
}

fn categories(app: &App, words: &Words, chosen: &str) -> Vec<CategoryChoice> {
    let choice = |category: &crate::domain::Category| CategoryChoice {
        name: category.name.clone(),
        title: if category.confirmation_required {
            words.fill(
                "category.confirmed",
                &[&category_title(app, words, &category.name)],
            )
        } else {
            category_title(app, words, &category.name)
        },
        note: words.t(if category.confirmation_required {
            "category.confirmation"
        } else {
            "category.no_confirmation"
        }),
        under: under(app, &category.name),
        chosen: category.name == chosen,
    };
    app.console.submit.categories().iter().map(choice).collect()
}

/// What is put beneath a text, for scripts.
fn under(app: &App, category: &str) -> String {
    let content = Content {
        sms_text: ".".to_owned(),
        ..Content::default()
    };
    let sent = app.console.submit.as_sent(category, &content).sms_text;
    sent.trim_start_matches(['.', '\n']).to_owned()
}

fn campaigns(app: &App, chosen: Option<CampaignId>) -> Result<Vec<CampaignChoice>> {
    let mut all = app.repo().campaigns(CAMPAIGNS_MAX)?;
    all.sort_by_key(|campaign| std::cmp::Reverse(campaign.modified_at));
    let mut place = 0;
    all.retain(|campaign| {
        place += 1;
        place <= CAMPAIGNS_OFFERED_MAX || chosen == Some(campaign.id)
    });
    let choice = |campaign: crate::store::Loaded<crate::domain::Campaign>| CampaignChoice {
        id: campaign.id,
        name: campaign.name.clone(),
        chosen: chosen == Some(campaign.id),
    };
    Ok(all.into_iter().map(choice).collect())
}

fn step_rows(c: &Chrome, draft: &DraftInput) -> Vec<StepRow> {
    let steps = &draft.plan.escalation;
    let rows = (steps.len() + 1).clamp(STEP_ROWS_MIN, ESCALATION_STEPS_MAX.max(steps.len()));
    let row = |index: usize| {
        let step = steps.get(index);
        let channels = Channel::ALL.into_iter().map(|channel| {
            let chosen = step.is_some_and(|step| step.channel == channel);
            (channel.as_str(), c.channel(&channel), chosen)
        });
        StepRow {
            channels: channels.collect(),
            after: step
                .map(|step| (step.after.as_secs() / 60).to_string())
                .unwrap_or_default(),
        }
    };
    (0..rows).map(row).collect()
}

fn schedule(c: &Chrome, at: Option<Timestamp>) -> Schedule {
    let Some(at) = at else {
        return Schedule {
            field: String::new(),
            note: String::new(),
        };
    };
    let (field, twice) = time_field(at, c.zone());
    let note = if twice {
        c.t("compose.time_twice").to_owned()
    } else {
        String::new()
    };
    Schedule { field, note }
}

fn files(c: &Chrome, draft: &DraftInput) -> Vec<(String, String)> {
    let files = draft.content.attachments.iter();
    files
        .map(|file| {
            (
                file.name.clone(),
                super::super::attachments::size(c, file.size_bytes),
            )
        })
        .collect()
}
