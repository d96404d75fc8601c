//! Contacts → columns that are known again when they are read back.

use std::collections::HashMap;

use super::columns::title_of;
use super::places::{GROUP_JOIN, PATH_JOIN};
use super::values::{BREAKS, begins_formula, day, is_formula};
use crate::domain::import::IMPORT_COLUMNS_MAX;
use crate::domain::{
    AreaId, AreaTree, Channel, ColumnUse, Contact, Group, GroupId, MethodKind, MethodState,
};

/// Most columns written; no more than are read back.
pub const TITLES_MAX: usize = IMPORT_COLUMNS_MAX;
/// Most columns of decisions.
const DECISIONS_MAX: usize = 30;
/// Most different fields counted.
const FIELDS_COUNTED_MAX: usize = 10_000;
/// Marks a file as UTF-8 for spreadsheets that do not look.
const BOM: &[u8] = "\u{feff}".as_bytes();

/// Names of areas and groups.
#[derive(Clone, Debug, Default)]
pub struct ExportNames {
    areas: HashMap<AreaId, String>,
    groups: HashMap<GroupId, String>,
}

impl ExportNames {
    /// Of all areas, by their paths, and all groups.
    #[must_use]
    pub fn new(tree: &AreaTree, groups: &[Group]) -> Self {
        let path = |id| {
            let names: Vec<&str> = tree
                .path(id)
                .iter()
                .map(|area| area.name.as_str())
                .collect();
            names.join(PATH_JOIN)
        };
        let areas = tree
            .walk()
            .into_iter()
            .map(|(_, area)| (area.id, path(area.id)));
        Self {
            areas: areas.collect(),
            groups: groups
                .iter()
                .map(|group| (group.id, group.name.clone()))
                .collect(),
        }
    }
}

/// Which columns a list of contacts needs; found out before the first line is written.
#[derive(Clone, Debug, Default)]
pub struct ExportColumns {
    /// How many of each kind of method one contact has at most.
    methods: [usize; 3],
    fields: HashMap<String, usize>,
    decisions: HashMap<(Option<Channel>, Option<String>), usize>,
    uses: Vec<ColumnUse>,
}

impl ExportColumns {
    /// Makes room for a contact.
    pub fn gather(&mut self, contact: &Contact) {
        for (most, kind) in self.methods.iter_mut().zip(MethodKind::ALL) {
            *most = (*most).max(methods(contact, kind).count());
        }
        for field in &contact.custom {
            let known = self.fields.contains_key(&field.name);
            if known || self.fields.len() < FIELDS_COUNTED_MAX {
                *self.fields.entry(field.name.clone()).or_default() += 1;
            }
        }
        for consent in &contact.wishes.consents {
            let about = (consent.channel, consent.category.clone());
            *self.decisions.entry(about).or_default() += 1;
        }
    }

    /// Settles the columns. When there are too many fields, the rarest are left out. Returns
    /// how many.
    pub fn settle(&mut self) -> usize {
        let mut uses = vec![
            ColumnUse::Id,
            ColumnUse::FirstName,
            ColumnUse::LastName,
            ColumnUse::Kind,
            ColumnUse::Language,
            ColumnUse::Area,
            ColumnUse::Groups,
        ];
        for (most, kind) in self.methods.iter().zip(MethodKind::ALL) {
            uses.extend(std::iter::repeat_n(use_of(kind), *most));
        }
        let about = by_number(std::mem::take(&mut self.decisions));
        let mut left_out = about.len().saturating_sub(DECISIONS_MAX);
        for (channel, category) in about.into_iter().take(DECISIONS_MAX) {
            uses.push(ColumnUse::Consent(channel, category));
        }
        let fields = by_number(std::mem::take(&mut self.fields));
        let room = TITLES_MAX.saturating_sub(uses.len());
        left_out += fields.len().saturating_sub(room);
        uses.extend(fields.into_iter().take(room).map(ColumnUse::Field));
        self.uses = uses;
        left_out
    }

    /// The first row.
    #[must_use]
    pub fn titles(&self, language: &str) -> Vec<String> {
        let title = |(index, means): (usize, &ColumnUse)| {
            let title = title_of(means, language);
            let alike = |from: usize| self.uses[from..].iter().filter(|one| *one == means).count();
            if alike(0) < 2 {
                return title;
            }
            format!("{title} {}", alike(0) - alike(index) + 1)
        };
        self.uses.iter().enumerate().map(title).collect()
    }

    /// A contact's row.
    #[must_use]
    pub fn cells(&self, contact: &Contact, names: &ExportNames) -> Vec<String> {
        let mut next = [0_usize; 3];
        let mut address = |kind: MethodKind| {
            let at = &mut next[kind as usize];
            *at += 1;
            let found = methods(contact, kind).nth(*at - 1);
            found.map_or_else(String::new, str::to_owned)
        };
        let cell = |means: &ColumnUse| match means {
            ColumnUse::Id => contact.id.to_string(),
            ColumnUse::FirstName => contact.first_name.reveal().clone(),
            ColumnUse::LastName => contact.last_name.reveal().clone(),
            ColumnUse::Kind => contact.kind.as_str().to_owned(),
            ColumnUse::Language => contact.language.clone(),
            ColumnUse::Area => {
                let name = contact.area.and_then(|area| names.areas.get(&area));
                name.cloned().unwrap_or_default()
            }
            ColumnUse::Groups => {
                let known = contact.groups.iter().filter_map(|id| names.groups.get(id));
                known
                    .map(String::as_str)
                    .collect::<Vec<_>>()
                    .join(GROUP_JOIN)
            }
            ColumnUse::Email => address(MethodKind::Email),
            ColumnUse::Mobile => address(MethodKind::Mobile),
            ColumnUse::Landline => address(MethodKind::Landline),
            ColumnUse::Field(name) => {
                let field = contact.custom.iter().find(|field| field.name == *name);
                field.map_or_else(String::new, |field| field.value.reveal().clone())
            }
            ColumnUse::Consent(channel, category) => {
                let mut known = contact.wishes.consents.iter();
                let known = known.find(|c| c.channel == *channel && c.category == *category);
                known.map_or_else(String::new, |consent| {
                    let word = if consent.given { "yes" } else { "no" };
                    format!("{word} {}", day(consent.at))
                })
            }
            ColumnUse::Ignore | ColumnUse::FullName | ColumnUse::ConsentDate => String::new(),
        };
        self.uses.iter().map(cell).collect()
    }
}

/// Most frequent first, then by what they are.
fn by_number<T: Ord>(counted: HashMap<T, usize>) -> Vec<T> {
    let mut counted: Vec<(T, usize)> = counted.into_iter().collect();
    counted.sort_by(|one, other| other.1.cmp(&one.1).then_with(|| one.0.cmp(&other.0)));
    counted.into_iter().map(|(what, _)| what).collect()
}

const fn use_of(kind: MethodKind) -> ColumnUse {
    match kind {
        MethodKind::Email => ColumnUse::Email,
        MethodKind::Mobile => ColumnUse::Mobile,
        MethodKind::Landline => ColumnUse::Landline,
    }
}

fn methods(contact: &Contact, kind: MethodKind) -> impl Iterator<Item = &str> {
    contact
        .methods
        .iter()
        .filter(move |method| method.kind == kind && method.state != MethodState::Removed)
        .map(|method| method.destination.reveal())
}

/// How a CSV file begins: its mark, if wanted, and the titles.
#[must_use]
pub fn csv_begin(titles: &[String], mark: bool) -> Vec<u8> {
    let mut bytes = if mark { BOM.to_vec() } else { Vec::new() };
    bytes.extend(csv_row(titles));
    bytes
}

/// One row of a CSV file (RFC 4180). What a spreadsheet would work out gets an apostrophe in
/// front, which goes again when the file is read; numbers in international form stay, so that
/// other programs can read them.
#[must_use]
pub fn csv_row(cells: &[String]) -> Vec<u8> {
    let mut row = String::new();
    for (index, cell) in cells.iter().enumerate() {
        if index > 0 {
            row.push(',');
        }
        let cell = guarded(cell, Target::Csv);
        if cell.contains(['"', ',', '\n', '\r', ';']) || cell.starts_with(' ') {
            row.push('"');
            row.push_str(&cell.replace('"', "\"\""));
            row.push('"');
        } else {
            row.push_str(&cell);
        }
    }
    row.push_str("\r\n");
    row.into_bytes()
}

/// Where a list is written to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Target {
    /// A text file, whose cells end where whoever reads it thinks so.
    Csv,
    /// A spreadsheet, where no cell begins within another.
    Sheet,
}

/// A cell of a list that is written out, with an apostrophe in front if there is need or it
/// looks as if there were one already; and, in a text, behind whatever begins a cell anew where a
/// spreadsheet separates by semicolons, as it does in many languages.
#[must_use]
pub fn guarded(cell: &str, target: Target) -> String {
    let need = is_formula(cell) && !is_number(cell);
    let looks_guarded = cell.starts_with('\'') && is_formula(cell.trim_start_matches('\''));
    let mut guarded = String::with_capacity(cell.len() + 1);
    if need || looks_guarded {
        guarded.push('\'');
    }
    let mut rest = cell;
    while let Some(end) = rest.find(BREAKS) {
        let (before, behind) = rest.split_at(end + 1);
        guarded.push_str(before);
        // One that looks like a guard would go when the list is read.
        if begins_formula(behind) && (target == Target::Csv || behind.starts_with('\'')) {
            guarded.push('\'');
        }
        rest = behind;
    }
    guarded.push_str(rest);
    guarded
}

fn is_number(text: &str) -> bool {
    let digits = text.strip_prefix('+').unwrap_or_default();
    !digits.is_empty() && digits.bytes().all(|byte| byte.is_ascii_digit())
}
