//! Campaigns: communications that belong together, with the statistics of each.

use std::sync::Arc;

use askama::Template;
use axum::extract::{Path, State};
use axum::http::{StatusCode, Uri};

use super::super::App;
use super::super::cursor::Cursors;
use super::super::data::{self, PAGE_ROWS};
use super::super::fault::Fault;
use super::super::fields::Fields;
use super::super::session::{Signed, SignedForm};
use super::super::times::When;
use super::super::view::Chrome;
use super::communications::{Row, rows};
use super::compose::see;
use super::filter_form::with;
use super::problems::{Problem, Problems};
use super::sorting::{SortHead, by_time, order_of, ordered};
use super::{Answer, apart, id, show_as};
use crate::domain::CampaignId;
use crate::domain::campaign::CAMPAIGNS_MAX;
use crate::store::CommunicationList;
use crate::submit::{FieldError, SubmitError};

struct CampaignRow {
    id: CampaignId,
    name: String,
    changed: When,
}

#[derive(Template)]
#[template(path = "campaigns.html")]
struct ListPage {
    c: Chrome,
    rows: Vec<CampaignRow>,
    first: String,
    next: String,
    name: String,
    p: Problems,
    problems: Vec<Problem>,
}

/// `GET /campaigns`
pub(super) async fn list(State(app): State<Arc<App>>, signed: Signed, uri: Uri) -> Answer {
    apart(move || {
        let query = Fields::of_query(&uri);
        show_list(&app, &signed, &query, "", &[])
    })
    .await
}

fn show_list(
    app: &App,
    signed: &Signed,
    query: &Fields,
    name: &str,
    errors: &[FieldError],
) -> Answer {
    let title = signed.words.t("campaigns.title");
    let c = Chrome::of(app, signed, title, "campaigns")?.with_done(query.get("done"));
    let mut all = app.repo().campaigns(CAMPAIGNS_MAX)?;
    all.sort_by_key(|one| std::cmp::Reverse((one.modified_at, one.id)));
    let from: usize = query.get("from").parse().unwrap_or(0);
    let next = from.saturating_add(PAGE_ROWS);
    let row = |one: &crate::store::Loaded<crate::domain::Campaign>| CampaignRow {
        id: one.id,
        name: one.name.clone(),
        changed: c.when(&one.modified_at),
    };
    let p = Problems::new(errors, c.words);
    let page = ListPage {
        rows: all.iter().skip(from).take(PAGE_ROWS).map(row).collect(),
        first: if from > 0 {
            "/campaigns".to_owned()
        } else {
            String::new()
        },
        next: if next < all.len() {
            format!("/campaigns?from={next}")
        } else {
            String::new()
        },
        name: name.to_owned(),
        problems: p.summary(&c),
        p,
        c,
    };
    show_as(status_of(errors), &page)
}

const fn status_of(errors: &[FieldError]) -> StatusCode {
    if errors.is_empty() {
        StatusCode::OK
    } else {
        StatusCode::UNPROCESSABLE_ENTITY
    }
}

/// `POST /campaigns`
pub(super) async fn make(
    State(app): State<Arc<App>>,
    SignedForm { signed, fields }: SignedForm,
) -> Answer {
    let name = fields.get("campaign_name");
    match app.console.submit.make_campaign(name, signed.user.id).await {
        Ok(id) => Ok(see(&format!("/campaigns/{id}?done=campaign"))),
        Err(SubmitError::Invalid(errors)) => {
            show_list(&app, &signed, &Fields::default(), name, &errors)
        }
        Err(error) => Err(error.into()),
    }
}

#[derive(Template)]
#[template(path = "campaign.html")]
struct OnePage {
    c: Chrome,
    id: CampaignId,
    title: String,
    name: String,
    latest: Vec<Row>,
    sort: SortHead,
    first: String,
    next: String,
    p: Problems,
    problems: Vec<Problem>,
}

/// `GET /campaigns/{id}`
pub(super) async fn page(
    State(app): State<Arc<App>>,
    signed: Signed,
    Path(text): Path<String>,
    uri: Uri,
) -> Answer {
    apart(move || {
        show_one(
            &app,
            &signed,
            id(&text)?,
            &Fields::of_query(&uri),
            None,
            &[],
        )
    })
    .await
}

fn show_one(
    app: &App,
    signed: &Signed,
    id: CampaignId,
    query: &Fields,
    name: Option<&str>,
    errors: &[FieldError],
) -> Answer {
    let campaign = app.repo().campaign(id)?.ok_or(Fault::NotFound)?;
    let c =
        Chrome::of(app, signed, campaign.name.clone(), "campaigns")?.with_done(query.get("done"));
    let here = format!("/campaigns/{id}");
    let cursors = Cursors::of(app, signed.user.id, &here);
    let after = cursors.place(query.get("after"));
    let order = order_of(query);
    let first_of = ordered(&here, order);
    let first = if after.is_some() {
        first_of.clone()
    } else {
        String::new()
    };
    let list = (CommunicationList::Campaign(id), order);
    let page = data::communications(app, &signed.access, list, after, PAGE_ROWS)?;
    let found = page.rows;
    let next = page
        .next
        .map(|key| with(&first_of, &format!("after={}", cursors.text(&key))));
    let p = Problems::new(errors, c.words);
    let page = OnePage {
        id,
        title: campaign.name.clone(),
        name: name.unwrap_or(&campaign.name).to_owned(),
        latest: rows(app, &c, &found)?,
        sort: by_time(&here, order),
        first,
        next: next.unwrap_or_default(),
        problems: p.summary(&c),
        p,
        c,
    };
    show_as(status_of(errors), &page)
}

/// `POST /campaigns/{id}`
pub(super) async fn rename(
    State(app): State<Arc<App>>,
    Path(text): Path<String>,
    SignedForm { signed, fields }: SignedForm,
) -> Answer {
    let id: CampaignId = id(&text)?;
    let name = fields.get("campaign_name");
    match app.console.submit.rename_campaign(id, name).await {
        Ok(()) => Ok(see(&format!("/campaigns/{id}?done=campaign_renamed"))),
        Err(SubmitError::Invalid(errors)) => {
            show_one(&app, &signed, id, &Fields::default(), Some(name), &errors)
        }
        Err(error) => Err(error.into()),
    }
}
