//! The files that the console makes, for programs: Excel, and CSV of contacts.

use std::sync::Arc;

use axum::extract::{FromRequestParts, State};
use axum::http::Uri;
use axum::http::request::Parts;
use axum::response::Response;
use serde::Deserialize;
use utoipa::IntoParams;

use super::super::App;
use super::super::data::Areas;
use super::super::fields::Fields;
use super::super::pages::correspondence::export::{self, ExportOf};
use super::super::pages::{ContactsWanted, contacts_file, exports};
use super::super::view::zone_of_user;
use super::super::words::Words;
use super::Answer;
use super::auth::Caller;
use super::body::{Asked, Ids, id};
use super::communications::sent;
use super::contacts::FilterAsked;
use super::entry_filters::FilterNames;
use super::problem::Problem;
use crate::domain::User;

pub(super) fn words(app: &App, user: &User) -> &'static Words {
    let chosen = user.language.as_deref().and_then(Words::known);
    chosen.unwrap_or(app.default_words)
}

/// Which contacts, and as what.
#[derive(Debug, Default, Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub(super) struct ContactsAsked {
    /// csv or xlsx.
    format: String,
    /// A byte order mark before the CSV: Excel wants one.
    #[serde(default)]
    mark: bool,
    /// Words of the name, an address or a number.
    q: Option<String>,
    /// Only those in this area and what lies in it; "none" for people without one.
    area: Option<String>,
    /// Only those of this group.
    group: Option<String>,
    /// fine, issue or unreachable.
    reachability: Option<String>,
    /// citizen, client, creditor, staff or correspondent.
    kind: Option<String>,
    /// ISO 639-1.
    language: Option<String>,
    /// Only those who have a method of this kind: email, mobile or landline.
    has: Option<String>,
}

/// Contacts as a file that can be brought back as an import: all, or those like this.
#[utoipa::path(get, path = "/api/v1/contacts/export", tag = "contacts",
    operation_id = "exportContacts", params(ContactsAsked),
    responses((status = 200, body = Vec<u8>, content_type = "text/csv")))]
pub(super) async fn contacts(
    State(app): State<Arc<App>>,
    caller: Caller,
    Asked(asked): Asked<ContactsAsked>,
) -> Answer<Response> {
    let csv = match asked.format.as_str() {
        "csv" => true,
        "xlsx" => false,
        _ => return Err(Problem::field("format", "A format is csv or xlsx.")),
    };
    let filter = FilterAsked {
        q: asked.q,
        area: asked.area,
        group: asked.group,
        reachability: asked.reachability,
        kind: asked.kind,
        language: asked.language,
        has: asked.has,
    };
    let wanted = ContactsWanted {
        filter: filter.read(&Areas::within(app.repo(), &caller.access)?)?,
        csv,
        mark: asked.mark,
        access: Arc::clone(&caller.access),
    };
    tracing::info!(by = %caller.user.id, csv, "contacts are exported");
    let zone = zone_of_user(&app, &caller.user);
    Ok(contacts_file(&app, words(&app, &caller.user), zone, wanted).await?)
}

/// Every person of a communication, by first name, as `statisticsAlert.xlsx`: first name, last
/// name, email, telephone, and whether they were reached ("joined").
#[utoipa::path(get, path = "/api/v1/communications/{id}/statisticsAlert.xlsx", tag = "statistics",
    operation_id = "exportStatistics", params(("id" = String, Path)),
    responses((status = 200, body = Vec<u8>, content_type =
        "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet")))]
pub(super) async fn statistics(
    State(app): State<Arc<App>>,
    caller: Caller,
    Ids(text): Ids<String>,
) -> Answer<Response> {
    sent(&app, &text)?;
    let zone = zone_of_user(&app, &caller.user);
    Ok(
        exports::statistics_file(&app, words(&app, &caller.user), zone, &caller.access, &text)
            .await?,
    )
}

/// The communications log as `CommunicationsLog` followed by the date. Takes what the console's
/// log takes: `when` (this-week, last-week, this-month, custom, all), `from` and `to` as days
/// for custom, `type`, `status` and `communication`.
#[utoipa::path(get, path = "/api/v1/log/export", tag = "log", operation_id = "exportLog",
    params(
        ("when" = Option<String>, Query), ("from" = Option<String>, Query),
        ("to" = Option<String>, Query), ("type" = Option<String>, Query),
        ("status" = Option<String>, Query), ("communication" = Option<String>, Query)
    ),
    responses((status = 200, body = Vec<u8>, content_type =
        "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet")))]
pub(super) async fn log(State(app): State<Arc<App>>, caller: Caller, uri: Uri) -> Answer<Response> {
    let zone = zone_of_user(&app, &caller.user);
    let fields = Fields::of_query(&uri);
    Ok(exports::log_file(
        &app,
        words(&app, &caller.user),
        zone,
        &caller.access,
        &fields,
    )
    .await?)
}

/// Which entries, and as what.
#[derive(Debug, Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub(super) struct EntriesFileQuery {
    /// csv, xlsx or pdf.
    #[allow(dead_code)]
    format: String,
    /// client or creditor.
    recipient: Option<String>,
    /// A case, or `none` for what belongs to no case.
    case: Option<String>,
    /// sent, received or internal.
    direction: Option<String>,
    /// draft, queued, sent, delivered, opened, failed, received or noted.
    status: Option<String>,
    /// email, text, call, letter, meeting or other.
    r#type: Option<String>,
    /// all, today, 7, 30 or custom.
    when: Option<String>,
    /// First day, for custom.
    #[allow(dead_code)]
    from: Option<String>,
    /// Last day, for custom.
    #[allow(dead_code)]
    to: Option<String>,
}

/// What a request for a file of correspondence brings.
pub(super) struct FileAsked {
    app: Arc<App>,
    caller: Caller,
    uri: Uri,
}

impl FromRequestParts<Arc<App>> for FileAsked {
    type Rejection = Problem;

    async fn from_request_parts(parts: &mut Parts, app: &Arc<App>) -> Answer<Self> {
        let Asked(asked) = Asked::<EntriesFileQuery>::from_request_parts(parts, app).await?;
        let filters = FilterNames {
            recipient: asked.recipient.as_deref(),
            case: asked.case.as_deref(),
            direction: asked.direction.as_deref(),
            kind: asked.r#type.as_deref(),
            status: asked.status.as_deref(),
            when: asked.when.as_deref(),
        };
        filters.check()?;
        Ok(Self {
            app: Arc::clone(app),
            caller: Caller::from_request_parts(parts, app).await?,
            uri: parts.uri.clone(),
        })
    }
}

impl FileAsked {
    async fn of(self, of: ExportOf) -> Answer<Response> {
        let (app, user) = (&self.app, &self.caller.user);
        let reader = (words(app, user), zone_of_user(app, user));
        let fields = Fields::of_query(&self.uri);
        Ok(export::file(app, reader, &self.caller.access, of, &fields).await?)
    }
}

/// Correspondence with all clients and creditors as a file, newest first.
#[utoipa::path(get, path = "/api/v1/correspondence/export", tag = "correspondence",
    operation_id = "exportCorrespondence", params(EntriesFileQuery),
    responses((status = 200, body = Vec<u8>, content_type = "text/csv")))]
pub(super) async fn correspondence(asked: FileAsked) -> Answer<Response> {
    asked.of(ExportOf::All).await
}

/// Correspondence of a client or creditor as a file, newest first.
#[utoipa::path(get, path = "/api/v1/contacts/{id}/correspondence/export", tag = "correspondence",
    operation_id = "exportContactCorrespondence", params(("id" = String, Path), EntriesFileQuery),
    responses((status = 200, body = Vec<u8>, content_type = "text/csv")))]
pub(super) async fn correspondence_of_contact(
    Ids(text): Ids<String>,
    asked: FileAsked,
) -> Answer<Response> {
    asked.of(ExportOf::Contact(id(&text, "contact")?)).await
}

/// Correspondence of a case as a file, newest first.
#[utoipa::path(get, path = "/api/v1/cases/{id}/correspondence/export", tag = "correspondence",
    operation_id = "exportCaseCorrespondence", params(("id" = String, Path), EntriesFileQuery),
    responses((status = 200, body = Vec<u8>, content_type = "text/csv")))]
pub(super) async fn correspondence_of_case(
    Ids(text): Ids<String>,
    asked: FileAsked,
) -> Answer<Response> {
    asked.of(ExportOf::Case(id(&text, "case")?)).await
}
