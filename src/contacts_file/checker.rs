//! Row by row: what a row says about a person, and what is wrong with it by itself and beside
//! the rows before it.

use std::collections::HashMap;
use std::hash::{DefaultHasher, Hash, Hasher};

use super::notes::{Note, why, with};
use super::numbers;
use super::table::{Cell, Table};
use super::values::{self, clean, fold, unguarded};
use crate::domain::contact::{
    CUSTOM_FIELDS_MAX, CUSTOM_VALUE_SIZE_MAX, METHODS_MAX, NAME_SIZE_MAX,
};
use crate::domain::{
    Channel, ColumnUse, ContactId, ContactKind, Destination, ImportMapping, MethodKind, Sentence,
    Timestamp, checks,
};

/// Yes or no to something, as a row says.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Decision {
    /// By which channel; none for all.
    pub channel: Option<Channel>,
    /// Name of the category; none for all.
    pub category: Option<String>,
    /// Yes or no.
    pub given: bool,
    /// When, where the row says so.
    pub at: Option<Timestamp>,
}

/// What a row says about somebody.
#[derive(Clone, Default, PartialEq, Eq)]
pub struct Person {
    /// Number of the row.
    pub row: u32,
    /// The contact that is meant, and the column that says so.
    pub id: Option<(usize, ContactId)>,
    /// First name.
    pub first_name: Option<String>,
    /// Last name.
    pub last_name: Option<String>,
    /// Kind.
    pub kind: Option<ContactKind>,
    /// Language.
    pub language: Option<String>,
    /// Column and text of the area.
    pub area: Option<(usize, String)>,
    /// Columns and texts of groups.
    pub groups: Vec<(usize, String)>,
    /// Addresses and numbers, with their columns.
    pub methods: Vec<(usize, MethodKind, Destination)>,
    /// Fields: name, value.
    pub fields: Vec<(String, String)>,
    /// Decisions.
    pub decisions: Vec<Decision>,
}

impl std::fmt::Debug for Person {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "person in row {}", self.row)
    }
}

impl Person {
    /// First and last name, folded; empty when the row says none.
    #[must_use]
    pub fn folded_name(&self) -> String {
        let first = self.first_name.as_deref().unwrap_or_default();
        let last = self.last_name.as_deref().unwrap_or_default();
        fold(&format!("{first} {last}"))
    }

    /// The value of a field.
    #[must_use]
    pub fn field(&self, name: &str) -> Option<&str> {
        let found = self.fields.iter().find(|(known, _)| known == name);
        found.map(|(_, value)| value.as_str())
    }
}

/// Goes through the rows of one file, in order.
#[derive(Debug)]
pub struct Checker {
    mapping: ImportMapping,
    now: Timestamp,
    /// Who stood where: address and name, address alone, id, field; by hash, with the row and
    /// whether that had no name.
    seen: HashMap<u64, (u32, bool)>,
}

impl Checker {
    /// For a file with these columns. `now`: no decision can be later.
    #[must_use]
    pub fn new(mapping: ImportMapping, now: Timestamp) -> Self {
        Self {
            mapping,
            now,
            seen: HashMap::new(),
        }
    }

    /// What the row at this position says; the person only if nothing is wrong with it. Nothing
    /// at all for a row that is empty.
    pub fn check(&mut self, table: &Table, row: usize) -> Option<(Option<Person>, Vec<Note>)> {
        if table.is_blank(row) {
            return None;
        }
        let mut reading = Reading {
            person: Person {
                row: table.number(row),
                ..Person::default()
            },
            notes: Vec::new(),
            region: &self.mapping.region,
            now: self.now,
            date: None,
        };
        for (column, means) in self.mapping.columns.iter().enumerate() {
            reading.cell(column, means, table.cell(row, column));
        }
        let (person, mut notes) = reading.end();
        if notes.iter().all(|note| !note.bad) {
            self.compare(&person, &mut notes);
        }
        let good = notes.iter().all(|note| !note.bad);
        Some((good.then_some(person), notes))
    }

    /// Whether the same person stood in an earlier row.
    fn compare(&mut self, person: &Person, notes: &mut Vec<Note>) {
        let name = person.folded_name();
        let nameless = name.is_empty();
        let mut marks: Vec<u64> = Vec::new();
        let mut twice: Option<u32> = None;
        let mut shared: Option<(u32, usize, String)> = None;
        if let Some((_, id)) = person.id {
            marks.push(mark(&("id", id.as_bytes())));
        }
        let field = self.mapping.by_field.as_deref();
        if let Some(value) = field.and_then(|field| person.field(field)) {
            marks.push(mark(&("field", fold(value))));
        }
        for mark in &marks {
            twice = twice.or(self.seen.get(mark).map(|(row, _)| *row));
        }
        // Who has an id or reference of their own is not somebody else's twin.
        let told_apart = !marks.is_empty();
        for (column, kind, destination) in &person.methods {
            let key = destination.lookup_key();
            let both = mark(&("both", &key, &name));
            let alone = mark(&("alone", &key));
            if let Some((row, was_nameless)) = self.seen.get(&alone).copied() {
                let same = self.seen.contains_key(&both) || nameless || was_nameless;
                if same && !told_apart {
                    twice = twice.or(Some(row));
                } else if *kind != MethodKind::Landline {
                    shared = Some((row, *column, destination.reveal().to_owned()));
                }
            }
            marks.push(both);
            marks.push(alone);
        }
        if let Some(row) = twice {
            notes.push(Note::bad(with(why::TWICE, row)));
            return;
        }
        if let Some((row, column, value)) = shared {
            notes.push(Note::warning(with(why::SHARED, row)).at(column, &value));
        }
        for mark in marks {
            self.seen.entry(mark).or_insert((person.row, nameless));
        }
    }
}

fn mark(of: &impl Hash) -> u64 {
    let mut hasher = DefaultHasher::new();
    of.hash(&mut hasher);
    hasher.finish()
}

/// A row being read.
struct Reading<'a> {
    person: Person,
    notes: Vec<Note>,
    region: &'a str,
    now: Timestamp,
    /// The date for decisions without one.
    date: Option<Timestamp>,
}

impl Reading<'_> {
    fn cell(&mut self, column: usize, means: &ColumnUse, cell: Cell<'_>) {
        if cell.text.is_empty() || *means == ColumnUse::Ignore {
            return;
        }
        if values::is_sheet_error(cell.text) {
            return self.bad(why::SHEET_ERROR, column, cell.text);
        }
        if values::is_unreadable(cell.text) {
            return self.bad(why::UNREADABLE, column, cell.text);
        }
        let text = clean(cell.text);
        if text.is_empty() {
            return;
        }
        match means {
            ColumnUse::Ignore => {}
            ColumnUse::Id => match text.parse() {
                Ok(id) => self.person.id = Some((column, id)),
                Err(_) => self.bad(why::ID, column, &text),
            },
            ColumnUse::FirstName => self.person.first_name = self.name(column, text),
            ColumnUse::LastName => self.person.last_name = self.name(column, text),
            ColumnUse::FullName => {
                let (first, last) = super::names::split(&text);
                let filled = |name: String| Some(name).filter(|name| !name.is_empty());
                self.person.first_name = filled(first).and_then(|name| self.name(column, name));
                self.person.last_name = filled(last).and_then(|name| self.name(column, name));
            }
            ColumnUse::Kind => match values::kind(&text) {
                Some(kind) => self.person.kind = Some(kind),
                None => self.bad(why::KIND, column, &text),
            },
            ColumnUse::Language => match values::language(&text) {
                Some(language) => self.person.language = Some(language),
                None => self.bad(why::LANGUAGE, column, &text),
            },
            ColumnUse::Area => self.person.area = Some((column, text)),
            ColumnUse::Groups => self.person.groups.push((column, text)),
            ColumnUse::Email => self.address(column, MethodKind::Email, cell),
            ColumnUse::Mobile => self.address(column, MethodKind::Mobile, cell),
            ColumnUse::Landline => self.address(column, MethodKind::Landline, cell),
            ColumnUse::Field(name) => self.field(column, name, text),
            ColumnUse::Consent(channel, category) => {
                self.decision(column, *channel, category.as_deref(), &text);
            }
            ColumnUse::ConsentDate => self.date = self.day(column, &text, &text),
        }
    }

    fn bad(&mut self, sentence: impl Into<Sentence>, column: usize, value: &str) {
        self.notes.push(Note::bad(sentence).at(column, value));
    }

    fn name(&mut self, column: usize, name: String) -> Option<String> {
        if name.len() > NAME_SIZE_MAX {
            self.bad(with(why::NAME_LONG, NAME_SIZE_MAX), column, &name);
            return None;
        }
        Some(name)
    }

    fn address(&mut self, column: usize, kind: MethodKind, cell: Cell<'_>) {
        let text = unguarded(cell.text);
        let text = text.trim();
        let mut read = text.to_owned();
        if kind != MethodKind::Email {
            match numbers::read(text, cell.number, self.region) {
                Ok(found) => {
                    if let Some(remark) = found.remark {
                        self.notes.push(Note::warning(remark).at(column, text));
                    }
                    found.number.as_str().clone_into(&mut read);
                }
                Err(sentence) => return self.bad(sentence, column, text),
            }
        }
        let checked = checks::check(kind, &read, self.region);
        for remark in checked.remarks {
            match remark.weight {
                checks::Weight::Impossible => return self.bad(remark.sentence, column, text),
                checks::Weight::Doubt => {
                    self.notes
                        .push(Note::warning(remark.sentence).at(column, text));
                }
                checks::Weight::Note => {}
            }
        }
        let Some(destination) = checked.destination else {
            return;
        };
        let known = self
            .person
            .methods
            .iter()
            .any(|(_, _, one)| *one == destination);
        if known {
            self.notes
                .push(Note::warning(why::METHOD_TWICE).at(column, text));
        } else if self.person.methods.len() >= METHODS_MAX {
            self.bad(with(why::METHODS_MANY, METHODS_MAX), column, text);
        } else {
            self.person.methods.push((column, kind, destination));
        }
    }

    fn field(&mut self, column: usize, name: &str, value: String) {
        if value.len() > CUSTOM_VALUE_SIZE_MAX {
            self.bad(with(why::FIELD_LONG, CUSTOM_VALUE_SIZE_MAX), column, &value);
        } else if self.person.fields.len() >= CUSTOM_FIELDS_MAX {
            self.bad(with(why::FIELDS_MANY, CUSTOM_FIELDS_MAX), column, &value);
        } else {
            self.person.fields.push((name.to_owned(), value));
        }
    }

    fn decision(
        &mut self,
        column: usize,
        channel: Option<Channel>,
        category: Option<&str>,
        text: &str,
    ) {
        let Some((given, day)) = values::decision(text) else {
            return self.bad(why::CONSENT, column, text);
        };
        let at = match day {
            Some(day) => match self.day(column, day, text) {
                Some(at) => Some(at),
                None => return,
            },
            None => None,
        };
        self.person.decisions.push(Decision {
            channel,
            category: category.map(str::to_owned),
            given,
            at,
        });
    }

    /// A day that has come; it may be today's noon and not be noon yet.
    fn day(&mut self, column: usize, day: &str, text: &str) -> Option<Timestamp> {
        let Some(at) = values::date(day) else {
            self.bad(why::DATE, column, text);
            return None;
        };
        let latest = self.now.plus(std::time::Duration::from_secs(24 * 3600));
        if at > latest {
            self.bad(why::FUTURE, column, text);
            return None;
        }
        Some(at.min(self.now))
    }

    fn end(mut self) -> (Person, Vec<Note>) {
        for decision in &mut self.person.decisions {
            decision.at = decision.at.or(self.date);
        }
        let person = &self.person;
        let somebody = person.id.is_some()
            || person.first_name.is_some()
            || person.last_name.is_some()
            || !person.methods.is_empty();
        let bad = self.notes.iter().any(|note| note.bad);
        if !somebody && !bad {
            self.notes.push(Note::bad(why::NOTHING));
        }
        (self.person, self.notes)
    }
}
