//! Contacts as a file: those of the list, an area, a group, or all.

use std::borrow::Cow;
use std::io::{BufWriter, Seek, SeekFrom, Write};
use std::sync::Arc;

use askama::Template;
use axum::extract::State;
use axum::http::Uri;
use jiff::tz::TimeZone;

use super::super::App;
use super::super::data::{Areas, people};
use super::super::fault::Fault;
use super::super::fields::Fields;
use super::super::making::Making;
use super::super::session::Signed;
use super::super::sheet::{self, Cell, Column, SheetError};
use super::super::times;
use super::super::view::{Chrome, zone_of};
use super::super::words::Words;
use super::contact_edit::{Choice, area_choices};
use super::filter_form::{pairs, read};
use super::{Answer, exports, show};
use crate::contacts_file::{
    ExportColumns, ExportNames, TITLES_MAX, Target, csv_begin, csv_row, guarded,
};
use crate::domain::group::GROUPS_MAX;
use crate::domain::{Access, AreaTree, Contact, ContactFilter};
use crate::store::{Loaded, Repo};

/// Contacts read at a time.
const STEP: usize = 500;
/// Widths of columns in a spreadsheet, in characters.
const WIDTH: u16 = 20;

#[derive(Template)]
#[template(path = "contacts_export.html")]
struct Page {
    c: Chrome,
    /// What of the filter has no choice of its own on the page.
    kept: Vec<(&'static str, String)>,
    areas: Vec<Choice>,
    groups: Vec<Choice>,
    /// Names, when there are several: then there is nothing to choose.
    several_areas: String,
    several_groups: String,
    titles_max: usize,
}

/// `GET /contacts/export`; the filter of the list stands in the address.
pub(super) async fn page(State(app): State<Arc<App>>, signed: Signed, uri: Uri) -> Answer {
    let c = Chrome::of(&app, &signed, signed.words.t("output.title"), "contacts")?;
    let filter = read(&Fields::of_query(&uri));
    let areas = Areas::within(app.repo(), &signed.access)?;
    // One area and one group have a choice; more of them go along as they are.
    let area = filter.areas.first().filter(|_| filter.areas.len() == 1);
    let group = filter.groups.first().filter(|_| filter.groups.len() == 1);
    let mut kept = pairs(&filter);
    kept.retain(|(name, _)| {
        !(*name == "area" && area.is_some() || *name == "group" && group.is_some())
    });
    let mut groups = app.repo().groups(GROUPS_MAX)?;
    groups.sort_by_cached_key(|group| group.name.to_lowercase());
    let choice = |one: &Loaded<crate::domain::Group>| Choice {
        value: one.id.to_string(),
        text: one.name.clone(),
        chosen: group == Some(&one.id),
    };
    let several_areas: Vec<&str> = match area {
        Some(_) => Vec::new(),
        None => filter
            .areas
            .iter()
            .map(|id| areas.name(Some(*id)))
            .collect(),
    };
    let named = |one: &&Loaded<crate::domain::Group>| filter.groups.contains(&one.id);
    let several_groups: Vec<&str> = match group {
        Some(_) => Vec::new(),
        None => groups
            .iter()
            .filter(named)
            .map(|one| one.name.as_str())
            .collect(),
    };
    show(&Page {
        several_areas: several_areas.join(", "),
        several_groups: several_groups.join(", "),
        areas: area_choices(&areas, &area.map(ToString::to_string).unwrap_or_default()),
        groups: groups.iter().map(choice).collect(),
        kept,
        titles_max: TITLES_MAX,
        c,
    })
}

/// Goes through everybody whom a filter means.
struct Reader {
    repo: Repo,
    tree: AreaTree,
    filter: ContactFilter,
    access: Arc<Access>,
    region: String,
    stop: Making,
}

impl Reader {
    fn each(
        &self,
        mut visit: impl FnMut(&Contact) -> Result<(), SheetError>,
    ) -> Result<(), SheetError> {
        let mut after: Option<Vec<u8>> = None;
        loop {
            if self.stop.is_cancelled() {
                return Err(SheetError::Stopped);
            }
            let part = people::found(
                &self.repo,
                &self.tree,
                &self.filter,
                &self.access,
                &self.region,
                after.as_deref(),
                STEP,
            );
            let part = part.map_err(|_| std::io::Error::other("contacts could not be read"))?;
            for contact in &part.rows {
                visit(contact)?;
            }
            after = part.next;
            if after.is_none() {
                return Ok(());
            }
        }
    }

    /// The columns that everybody needs, and the names of places.
    fn columns(&self) -> Result<(ExportColumns, ExportNames), SheetError> {
        let mut columns = ExportColumns::default();
        self.each(|contact| {
            columns.gather(contact);
            Ok(())
        })?;
        let left_out = columns.settle();
        if left_out > 0 {
            tracing::warn!(left_out, "an export has no room for every field");
        }
        let groups = self.repo.groups(GROUPS_MAX)?;
        let groups: Vec<_> = groups.into_iter().map(|group| group.value).collect();
        Ok((columns, ExportNames::new(&self.tree, &groups)))
    }
}

/// `GET /contacts/export/file?format=csv|xlsx&mark=1`, with the filter of the list.
pub(super) async fn file(State(app): State<Arc<App>>, signed: Signed, uri: Uri) -> Answer {
    let fields = Fields::of_query(&uri);
    let csv = match fields.get("format") {
        "csv" => true,
        "xlsx" => false,
        _ => return Err(Fault::BadRequest),
    };
    let wanted = Wanted {
        filter: read(&fields),
        csv,
        mark: fields.has("mark"),
        access: Arc::clone(&signed.access),
    };
    tracing::info!(by = %signed.user.id, csv, "contacts are exported");
    contacts_file(&app, signed.words, zone_of(&app, &signed), wanted).await
}

/// Which contacts, and as what.
pub(crate) struct Wanted {
    pub(crate) filter: ContactFilter,
    /// CSV; a spreadsheet otherwise.
    pub(crate) csv: bool,
    /// A byte order mark before the CSV, for Excel.
    pub(crate) mark: bool,
    /// Whose file it is: it holds whom they see.
    pub(crate) access: Arc<Access>,
}

/// The file of contacts, for whoever reads in this language and zone.
pub(crate) async fn contacts_file(
    app: &Arc<App>,
    words: &'static Words,
    zone: TimeZone,
    wanted: Wanted,
) -> Answer {
    let (language, full) = (words.language, words.t("export.full"));
    let today = times::zoned(app.now(), &zone).date();
    let Wanted {
        filter,
        csv,
        mark,
        access,
    } = wanted;
    let name = format!("contacts-{today}.{}", if csv { "csv" } else { "xlsx" });
    let (repo, region) = (
        app.repo().clone(),
        app.console.settings.default_region.clone(),
    );
    exports::download(app, &name, move |stop| {
        let reader = Reader {
            tree: repo.areas()?,
            repo,
            filter,
            access,
            region,
            stop: stop.clone(),
        };
        let (columns, names) = reader.columns()?;
        let titles = columns.titles(language);
        if csv {
            let mut file = tempfile::tempfile()?;
            let mut out = BufWriter::new(&mut file);
            out.write_all(&csv_begin(&titles, mark))?;
            reader.each(|contact| {
                out.write_all(&csv_row(&columns.cells(contact, &names)))?;
                stop.count_row();
                Ok(())
            })?;
            out.flush()?;
            drop(out);
            let size = file.seek(SeekFrom::End(0))?;
            file.rewind()?;
            return Ok((file, size));
        }
        let heads = titles.into_iter().map(|title| Column {
            title: Cow::Owned(title),
            width: WIDTH,
        });
        let heads: Vec<Column> = heads.collect();
        sheet::write(&heads, &zone, full, stop, |rows| {
            reader.each(|contact| {
                let cells = columns.cells(contact, &names);
                let cells: Vec<Cell<'_>> = cells
                    .iter()
                    .map(|cell| Cell::Whole(guarded(cell, Target::Sheet)))
                    .collect();
                rows.push(&cells).map(|_| ())
            })
        })
    })
    .await
}
