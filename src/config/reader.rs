//! Reads sections of a parsed TOML table and collects every mistake.
//!
//! The code that reads a section is its schema: a [`Section`] remembers which
//! keys were asked for, and whatever else stands in the table when it is
//! dropped is reported as unknown.

use std::cell::RefCell;
use std::collections::{BTreeMap, BTreeSet};
use std::fmt::Display;
use std::net::SocketAddr;
use std::ops::{Range, RangeInclusive};
use std::time::Duration;

use serde_spanned::Spanned;
use toml::de::{DeTable, DeValue};

use super::mistake::{Mistake, nearest};
use super::secret::{Secret, SecretSource, Surroundings};
use super::units::{format_size, parse_size};
use super::value::{choose, duration_in, line_and_column, text, wanted, without_indexes};

/// A list in the configuration (addresses, binds, routes, categories) is written
/// by hand; more entries than this are a mistake.
const LIST_LEN_MAX: usize = 1000;
const SECRET_KEYS: [&str; 3] = ["password_file", "password_credential", "password"];

/// One configuration text while it is being read.
pub(super) struct Document<'t> {
    text: &'t str,
    pub(super) around: &'t Surroundings,
    mistakes: RefCell<Vec<(usize, Mistake)>>,
    /// Every key that was asked for, list indexes left out: the schema.
    asked: RefCell<BTreeSet<String>>,
    inline_secrets: RefCell<bool>,
}

impl<'t> Document<'t> {
    pub(super) fn new(text: &'t str, around: &'t Surroundings) -> Document<'t> {
        Document {
            text,
            around,
            mistakes: RefCell::default(),
            asked: RefCell::default(),
            inline_secrets: RefCell::new(false),
        }
    }

    /// Parses the text; what is not TOML becomes a mistake, the rest can still be read.
    pub(super) fn parse(&self) -> Spanned<DeTable<'t>> {
        let (table, errors) = DeTable::parse_recoverable(self.text);
        for error in errors {
            let at = error.span().unwrap_or(0..0);
            self.mistake(at, String::new(), error.message().to_owned());
        }
        table
    }

    pub(super) fn root<'d>(&'d self, table: &'d Spanned<DeTable<'t>>) -> Section<'d, 't> {
        Section::new(self, String::new(), Some(table.get_ref()), 0..0)
    }

    pub(super) fn allow_inline_secrets(&self, allowed: bool) {
        *self.inline_secrets.borrow_mut() = allowed;
    }

    pub(super) fn mistake(&self, at: Range<usize>, key: String, message: String) {
        let (line, column) = line_and_column(self.text, at.start);
        let mistake = Mistake {
            line,
            column,
            key,
            message,
        };
        let mut mistakes = self.mistakes.borrow_mut();
        if !mistakes.iter().any(|(_, known)| *known == mistake) {
            mistakes.push((at.start, mistake));
        }
    }

    /// The mistakes in the order of the text, and the schema that was asked for.
    pub(super) fn finish(self) -> (Vec<Mistake>, BTreeSet<String>) {
        let mut mistakes = self.mistakes.into_inner();
        mistakes.sort_by_key(|(at, _)| *at);
        (
            mistakes.into_iter().map(|(_, mistake)| mistake).collect(),
            self.asked.into_inner(),
        )
    }
}

/// One table of the configuration, present or not.
pub(super) struct Section<'d, 't> {
    document: &'d Document<'t>,
    path: String,
    table: Option<&'d DeTable<'t>>,
    /// Where the section stands; a missing key is reported here.
    at: Range<usize>,
    asked: RefCell<Vec<&'static str>>,
}

impl<'d, 't> Section<'d, 't> {
    fn new(
        document: &'d Document<'t>,
        path: String,
        table: Option<&'d DeTable<'t>>,
        at: Range<usize>,
    ) -> Section<'d, 't> {
        Section {
            document,
            path,
            table,
            at,
            asked: RefCell::default(),
        }
    }

    pub(super) fn document(&self) -> &'d Document<'t> {
        self.document
    }

    /// Reports a mistake about `key`, at its value or, if it is missing, at the section.
    pub(super) fn mistake(&self, key: &str, message: impl Into<String>) {
        let at = self
            .peek(key)
            .map_or_else(|| self.at.clone(), Spanned::span);
        self.document.mistake(at, self.path_of(key), message.into());
    }

    /// Whether the key is written in the file.
    pub(super) fn has(&self, key: &str) -> bool {
        self.peek(key).is_some()
    }

    pub(super) fn bool(&self, key: &'static str, default: bool) -> bool {
        self.optional(key, |value| {
            value
                .as_bool()
                .ok_or_else(|| wanted("true or false", value))
        })
        .unwrap_or(default)
    }

    pub(super) fn integer<N>(&self, key: &'static str, default: N, range: RangeInclusive<N>) -> N
    where
        N: TryFrom<u64> + PartialOrd + Display + Copy,
    {
        self.optional(key, |value| {
            let explain = || {
                wanted(
                    &format!("a whole number from {} to {}", range.start(), range.end()),
                    value,
                )
            };
            let integer = value.as_integer().ok_or_else(explain)?;
            let number =
                u64::from_str_radix(integer.as_str(), integer.radix()).map_err(|_| explain())?;
            let number = N::try_from(number).map_err(|_| explain())?;
            if range.contains(&number) {
                Ok(number)
            } else {
                Err(explain())
            }
        })
        .unwrap_or(default)
    }

    pub(super) fn duration(
        &self,
        key: &'static str,
        default: Duration,
        range: RangeInclusive<Duration>,
    ) -> Duration {
        self.optional(key, |value| duration_in(value, &range))
            .unwrap_or(default)
    }

    pub(super) fn size(&self, key: &'static str, default: u64, range: RangeInclusive<u64>) -> u64 {
        self.optional(key, |value| {
            let size = parse_size(&text(value)?)?;
            if range.contains(&size) {
                return Ok(size);
            }
            let (least, most) = (format_size(*range.start()), format_size(*range.end()));
            Err(format!(
                "{} is outside {least} to {most}",
                format_size(size)
            ))
        })
        .unwrap_or(default)
    }

    /// A string that `parse` accepts, if the key is there and right.
    pub(super) fn parsed<T>(
        &self,
        key: &'static str,
        parse: impl FnOnce(&str) -> Result<T, String>,
    ) -> Option<T> {
        self.optional(key, |value| parse(&text(value)?))
    }

    /// As [`Section::parsed`], and a mistake when the key is missing.
    pub(super) fn required<T>(
        &self,
        key: &'static str,
        parse: impl FnOnce(&str) -> Result<T, String>,
    ) -> Option<T> {
        if !self.has(key) {
            self.mistake(key, "is missing and has no default");
        }
        self.parsed(key, parse)
    }

    /// One of a few names.
    pub(super) fn choice<T: Copy>(
        &self,
        key: &'static str,
        default: T,
        choices: &[(&'static str, T)],
    ) -> T {
        self.parsed(key, |name| choose(name, choices))
            .unwrap_or(default)
    }

    /// A list of strings, each of which `parse` accepts; every wrong one is reported.
    pub(super) fn list<T>(
        &self,
        key: &'static str,
        default: Vec<T>,
        parse: impl Fn(&str) -> Result<T, String>,
    ) -> Vec<T> {
        self.values(key, default, |value| parse(&text(value)?))
    }

    pub(super) fn durations(
        &self,
        key: &'static str,
        default: Vec<Duration>,
        range: RangeInclusive<Duration>,
    ) -> Vec<Duration> {
        self.values(key, default, |value| duration_in(value, &range))
    }

    /// Socket addresses to listen on; an empty list is allowed.
    pub(super) fn addresses(&self, key: &'static str, default: &[SocketAddr]) -> Vec<SocketAddr> {
        self.list(key, default.to_vec(), super::value::socket_address)
    }

    /// A password from `password_file`, `password_credential` or (where
    /// `server.inline_secrets` allows it) `password`.
    pub(super) fn secret(&self) -> Option<Secret> {
        let file = self.parsed("password_file", |p| Ok(SecretSource::File(p.into())));
        let credential = self.parsed("password_credential", |n| {
            Ok(SecretSource::Credential(n.to_owned()))
        });
        let inline = self.parsed("password", |p| Ok(p.to_owned()));
        let given: Vec<&str> = SECRET_KEYS
            .into_iter()
            .filter(|key| self.has(key))
            .collect();
        if let [_, second, ..] = given[..] {
            self.mistake(
                second,
                format!(
                    "a password can only come from one place; \"{}\" is given too",
                    given[0]
                ),
            );
            return None;
        }
        if let Some(inline) = inline {
            if *self.document.inline_secrets.borrow() {
                return Some(Secret::inline(&inline));
            }
            self.mistake(
                "password",
                "secrets do not belong in this file; use password_file or password_credential \
                 (or set server.inline_secrets = true)",
            );
            return None;
        }
        let key = if file.is_some() {
            "password_file"
        } else {
            "password_credential"
        };
        match Secret::read(file.or(credential)?, self.document.around) {
            Ok(secret) => Some(secret),
            Err(message) => {
                self.mistake(key, message);
                None
            }
        }
    }

    /// A table of names and texts; every wrong one is reported.
    pub(super) fn map(
        &self,
        key: &'static str,
        default: BTreeMap<String, String>,
        parse_name: impl Fn(&str) -> Result<String, String>,
        parse_text: impl Fn(&str) -> Result<String, String>,
    ) -> BTreeMap<String, String> {
        let Some(value) = self.ask(key) else {
            return default;
        };
        let Some(table) = value.get_ref().as_table() else {
            self.mistake(key, wanted("a table of strings", value.get_ref()));
            return default;
        };
        let mut map = BTreeMap::new();
        for (name, item) in table.iter().take(LIST_LEN_MAX) {
            let read = parse_name(name.get_ref())
                .and_then(|name| Ok((name, parse_text(&text(item.get_ref())?)?)));
            match read {
                Ok((name, text)) => {
                    map.insert(name, text);
                }
                Err(message) => {
                    let path = format!("{}.{}", self.path_of(key), name.get_ref());
                    self.document.mistake(item.span(), path, message);
                }
            }
        }
        map
    }

    /// Whether a password is given, readable or not.
    pub(super) fn has_secret(&self) -> bool {
        SECRET_KEYS.into_iter().any(|key| self.has(key))
    }

    /// A table that may be missing: its keys then have their defaults.
    pub(super) fn section(&self, key: &'static str) -> Section<'d, 't> {
        let path = self.path_of(key);
        match self.optional_section(key) {
            Some(section) => section,
            None => Section::new(self.document, path, None, self.at.clone()),
        }
    }

    /// A table that means something by being there.
    pub(super) fn optional_section(&self, key: &'static str) -> Option<Section<'d, 't>> {
        let value = self.ask(key)?;
        match value.get_ref() {
            DeValue::Table(table) => Some(Section::new(
                self.document,
                self.path_of(key),
                Some(table),
                value.span(),
            )),
            other => {
                self.mistake(
                    key,
                    wanted(&format!("a table ([{}])", self.path_of(key)), other),
                );
                None
            }
        }
    }

    /// A list of tables; `None` if the key is missing.
    pub(super) fn sections(&self, key: &'static str) -> Option<Vec<Section<'d, 't>>> {
        let value = self.ask(key)?;
        let Some(array) = value.get_ref().as_array() else {
            let tables = format!("a list of tables ([[{}]])", self.path_of(key));
            self.mistake(key, wanted(&tables, value.get_ref()));
            return None;
        };
        self.limit_list(key, array.len());
        let mut sections = Vec::new();
        for (index, item) in array.iter().take(LIST_LEN_MAX).enumerate() {
            let path = format!("{}[{index}]", self.path_of(key));
            match item.get_ref() {
                DeValue::Table(table) => {
                    sections.push(Section::new(self.document, path, Some(table), item.span()));
                }
                other => self
                    .document
                    .mistake(item.span(), path, wanted("a table", other)),
            }
        }
        Some(sections)
    }

    fn values<T>(
        &self,
        key: &'static str,
        default: Vec<T>,
        read: impl Fn(&DeValue<'t>) -> Result<T, String>,
    ) -> Vec<T> {
        let Some(value) = self.ask(key) else {
            return default;
        };
        let Some(array) = value.get_ref().as_array() else {
            self.mistake(key, wanted("a list", value.get_ref()));
            return default;
        };
        self.limit_list(key, array.len());
        let mut values = Vec::new();
        for (index, item) in array.iter().take(LIST_LEN_MAX).enumerate() {
            match read(item.get_ref()) {
                Ok(value) => values.push(value),
                Err(message) => {
                    let path = format!("{}[{index}]", self.path_of(key));
                    self.document.mistake(item.span(), path, message);
                }
            }
        }
        values
    }

    fn limit_list(&self, key: &str, len: usize) {
        if len > LIST_LEN_MAX {
            self.mistake(
                key,
                format!("has {len} entries; {LIST_LEN_MAX} is the most"),
            );
        }
    }

    fn optional<T>(
        &self,
        key: &'static str,
        read: impl FnOnce(&DeValue<'t>) -> Result<T, String>,
    ) -> Option<T> {
        let value = self.ask(key)?;
        match read(value.get_ref()) {
            Ok(value) => Some(value),
            Err(message) => {
                self.mistake(key, message);
                None
            }
        }
    }

    fn ask(&self, key: &'static str) -> Option<&'d Spanned<DeValue<'t>>> {
        self.asked.borrow_mut().push(key);
        self.document
            .asked
            .borrow_mut()
            .insert(without_indexes(&self.path_of(key)));
        self.peek(key)
    }

    fn peek(&self, key: &str) -> Option<&'d Spanned<DeValue<'t>>> {
        self.table?
            .iter()
            .find(|(name, _)| name.get_ref() == key)
            .map(|(_, value)| value)
    }

    fn path_of(&self, key: &str) -> String {
        if self.path.is_empty() {
            key.to_owned()
        } else {
            format!("{}.{key}", self.path)
        }
    }
}

impl Drop for Section<'_, '_> {
    /// Whatever was not asked for is not known here.
    fn drop(&mut self) {
        let asked = self.asked.borrow();
        for (name, _) in self.table.into_iter().flatten() {
            let key = name.get_ref().as_ref();
            if asked.contains(&key) {
                continue;
            }
            let place = if self.path.is_empty() {
                "here".to_owned()
            } else {
                format!("in [{}]", without_indexes(&self.path))
            };
            let message = match nearest(key, asked.iter().copied()) {
                Some(known) => format!("there is no such key {place}; did you mean \"{known}\"?"),
                None => format!("there is no such key {place}"),
            };
            self.document
                .mistake(name.span(), self.path_of(key), message);
        }
    }
}
