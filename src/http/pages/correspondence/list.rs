//! A list of correspondence with its filters, for the views of everybody, a client, a creditor
//! and a case. All that it is asked for stands in the address.

use axum::http::Uri;
use jiff::Span;
use jiff::civil::Date;

use super::super::super::App;
use super::super::super::cursor::Cursors;
use super::super::super::data::{PAGE_ROWS, Result};
use super::super::super::entries::{EntryStatus, Filter, Line, OfCase, Reader};
use super::super::super::fields::Fields;
use super::super::super::period::{self, Choice, Days, Wrong};
use super::super::super::session::percent;
use super::super::super::times::When;
use super::super::super::view::{Badge, Chrome};
use super::super::filter_form::with;
use super::super::sorting::{SortHead, by_time, order_of, ordered};
use crate::domain::{
    Access, Case, EntryDirection, EntryId, EntryKind, ListStatus, Party, Timestamp,
};
use crate::store::{CaseList, EntryList, Loaded};

/// Most cases offered as a filter.
const CASES_OFFERED_MAX: usize = 50;
/// Value of the filter for what belongs to no case.
pub(crate) const CLIENT_ONLY: &str = "none";
/// Choices of days: name in an address, key of the word, days back from today.
const PERIODS: [(&str, &str, Option<i64>); 5] = [
    ("all", "entries.when.all", None),
    ("today", "entries.when.today", Some(0)),
    ("7", "entries.when.seven", Some(6)),
    ("30", "entries.when.thirty", Some(29)),
    ("custom", "entries.when.custom", None),
];

/// Names of the choices of days in an address.
pub(crate) fn period_names() -> [&'static str; 5] {
    PERIODS.map(|(name, ..)| name)
}

pub(in super::super) struct Choosable {
    pub(in super::super) value: String,
    pub(in super::super) label: String,
    pub(in super::super) chosen: bool,
}

pub(in super::super) struct Row {
    pub(in super::super) id: EntryId,
    pub(in super::super) when: When,
    pub(in super::super) icon: &'static str,
    pub(in super::super) kind: String,
    pub(in super::super) direction: &'static str,
    pub(in super::super) way: &'static str,
    pub(in super::super) name: String,
    pub(in super::super) address: String,
    pub(in super::super) title: String,
    pub(in super::super) case: Option<(String, String)>,
    pub(in super::super) badge: Badge,
    pub(in super::super) overdue: bool,
}

/// The component: `entry_list.html` shows it as `l`.
pub(in super::super) struct List {
    pub(in super::super) base: String,
    pub(in super::super) recipients: Vec<Choosable>,
    pub(in super::super) cases: Vec<Choosable>,
    pub(in super::super) directions: Vec<Choosable>,
    pub(in super::super) periods: Vec<Choosable>,
    pub(in super::super) statuses: Vec<Choosable>,
    pub(in super::super) kinds: Vec<Choosable>,
    pub(in super::super) from: String,
    pub(in super::super) to: String,
    pub(in super::super) wrong: Option<(&'static str, String)>,
    pub(in super::super) filtered: bool,
    pub(in super::super) rows: Vec<Row>,
    pub(in super::super) sort: SortHead,
    pub(in super::super) looked: String,
    pub(in super::super) overdue_hours: u64,
    pub(in super::super) first: String,
    pub(in super::super) next: String,
    /// Where the same list is a file; `format` is added.
    pub(in super::super) export: String,
}

/// What an address asks for.
pub(crate) struct Asked {
    filter: Filter,
    wrong: Option<Wrong>,
    period: &'static str,
    query: String,
}

impl Asked {
    /// Reads the filters of an address.
    pub(crate) fn of(fields: &Fields, today: Date, zone: &jiff::tz::TimeZone) -> Self {
        let period = PERIODS.iter().find(|one| one.0 == fields.get("when"));
        let custom = !fields.get("from").is_empty() || !fields.get("to").is_empty();
        let (period, _, back) = match period {
            Some(known) => *known,
            None if custom => PERIODS[4],
            None => PERIODS[0],
        };
        let days = match (period, back) {
            ("custom", _) => Days::of(Choice::Custom, fields, today),
            (_, Some(back)) => Ok(Days {
                first: Some(today.saturating_sub(Span::new().days(back))),
                last: Some(today),
            }),
            (_, None) => Ok(Days::default()),
        };
        let find = |name: &'static str| fields.get(name);
        let filter = Filter {
            recipient: by_name(&Party::ALL, find("recipient"), Party::as_str),
            case: match find("case") {
                CLIENT_ONLY => OfCase::ClientOnly,
                text => text.parse().map_or(OfCase::All, OfCase::One),
            },
            direction: by_name(
                &EntryDirection::ALL,
                find("direction"),
                EntryDirection::as_str,
            ),
            status: by_name(&EntryStatus::ALL, find("status"), EntryStatus::slug),
            kind: by_name(&EntryKind::ALL, find("type"), EntryKind::as_str),
            times: days.map_or(
                (Timestamp::default(), Timestamp::from_millis(u64::MAX)),
                |days| days.bounds(zone),
            ),
        };
        let names = [
            "recipient",
            "case",
            "direction",
            "status",
            "type",
            "when",
            "from",
            "to",
        ];
        let given = names.iter().filter(|name| !fields.get(name).is_empty());
        let pairs = given.map(|name| {
            let value: String = fields.get(name).bytes().map(percent).collect();
            format!("{name}={value}")
        });
        Self {
            filter,
            wrong: days.err(),
            period,
            query: pairs.collect::<Vec<_>>().join("&"),
        }
    }

    /// What was asked for, as it stands in the address.
    pub(super) fn said(&self) -> String {
        self.query.replace('&', ", ")
    }

    /// The filter, when the days that were entered are right.
    pub(crate) fn filter(&self) -> std::result::Result<&Filter, Wrong> {
        self.wrong.map_or(Ok(&self.filter), Err)
    }
}

fn by_name<T: Copy>(all: &[T], name: &str, slug: fn(T) -> &'static str) -> Option<T> {
    all.iter().copied().find(|one| slug(*one) == name)
}

/// Makes a list as the address asks for it; `base` is the address without its query.
pub(in super::super) fn list(
    app: &App,
    c: &Chrome,
    access: &Access,
    of: EntryList,
    (base, uri): (&str, &Uri),
) -> Result<List> {
    let fields = Fields::of_query(uri);
    let asked = Asked::of(&fields, period::today(app.now(), c.zone()), c.zone());
    let cursors = Cursors::of(app, access.user, base);
    let after = cursors.place(fields.get("after"));
    let go_on = after.is_some();
    let order = order_of(&fields);
    let mut reader = Reader::new(app, access);
    let part = match asked.filter() {
        Ok(filter) => reader.part((of, order), filter, after, PAGE_ROWS)?,
        Err(_) => Default::default(),
    };
    let href = |more: &str| {
        let joined: Vec<&str> = [asked.query.as_str(), more]
            .into_iter()
            .filter(|one| !one.is_empty())
            .collect();
        format!("{base}?{}", joined.join("&"))
    };
    let here = href("");
    let first_of = ordered(here.trim_end_matches('?'), order);
    let filter = &asked.filter;
    let next = part
        .next
        .map(|key| with(&first_of, &format!("after={}", cursors.text(&key))));
    let looked = part.looked.map(|seen| c.f1("entries.looked", seen));
    Ok(List {
        base: base.to_owned(),
        recipients: choose(&Party::ALL, filter.recipient, Party::as_str, |one| {
            c.words.label(one.as_str())
        }),
        cases: cases(app, c, access, of, filter.case)?,
        directions: choose(
            &EntryDirection::ALL,
            filter.direction,
            EntryDirection::as_str,
            |one| c.t(direction_word(one)).to_owned(),
        ),
        periods: periods(c, asked.period),
        statuses: choose(
            &EntryStatus::ALL,
            filter.status,
            EntryStatus::slug,
            |status| c.t(status_word(status)).to_owned(),
        ),
        kinds: choose(&EntryKind::ALL, filter.kind, EntryKind::as_str, |kind| {
            c.t(kind_word(kind)).to_owned()
        }),
        from: fields.get("from").to_owned(),
        to: fields.get("to").to_owned(),
        wrong: asked.wrong.map(|(field, key)| (field, c.t(key).to_owned())),
        filtered: !asked.query.is_empty(),
        rows: part.lines.iter().map(|line| row(c, line)).collect(),
        looked: looked.unwrap_or_default(),
        overdue_hours: app.console.settings.overdue.as_secs() / 3600,
        export: export_of(base, &asked.query),
        sort: by_time(here.trim_end_matches('?'), order),
        first: if go_on { first_of } else { String::new() },
        next: next.unwrap_or_default(),
    })
}

fn periods(c: &Chrome, chosen: &str) -> Vec<Choosable> {
    let choice = |(value, word, _): &(&'static str, &'static str, Option<i64>)| Choosable {
        value: (*value).to_owned(),
        label: c.t(word).to_owned(),
        chosen: *value == chosen,
    };
    PERIODS.iter().map(choice).collect()
}

/// Where the list of this page is a file.
fn export_of(base: &str, query: &str) -> String {
    if query.is_empty() {
        format!("{base}/export?")
    } else {
        format!("{base}/export?{query}&")
    }
}

fn choose<T: Copy + PartialEq>(
    all: &[T],
    chosen: Option<T>,
    slug: fn(T) -> &'static str,
    label: impl Fn(T) -> String,
) -> Vec<Choosable> {
    let one = |one: &T| Choosable {
        value: slug(*one).to_owned(),
        label: label(*one),
        chosen: chosen == Some(*one),
    };
    all.iter().map(one).collect()
}

/// The cases that the list can be narrowed to; none in the view of one case.
fn cases(
    app: &App,
    c: &Chrome,
    access: &Access,
    of: EntryList,
    chosen: OfCase,
) -> Result<Vec<Choosable>> {
    let from = match of {
        EntryList::All => CaseList::All,
        EntryList::Client(id) => CaseList::Client(id),
        EntryList::Creditor(id) => CaseList::Creditor(id),
        EntryList::Case(_) => return Ok(Vec::new()),
    };
    let option = |case: &Loaded<Case>| Choosable {
        value: case.id.to_string(),
        label: case.reference.clone(),
        chosen: chosen == OfCase::One(case.id),
    };
    let page = app.repo().cases(&from, None, CASES_OFFERED_MAX)?;
    let seen = page.rows.iter().filter(|(_, case)| access.sees_case(case));
    let mut offered: Vec<Choosable> = vec![Choosable {
        value: CLIENT_ONLY.to_owned(),
        label: c.t("entries.case_none").to_owned(),
        chosen: chosen == OfCase::ClientOnly,
    }];
    offered.extend(seen.map(|(_, case)| option(case)));
    if let OfCase::One(id) = chosen
        && !offered.iter().any(|one| one.chosen)
        && let Some(case) = app.repo().case(id)?
        && access.sees_case(&case)
    {
        offered.push(option(&case));
    }
    Ok(offered)
}

/// An entry as a row.
pub(in super::super) fn row(c: &Chrome, line: &Line) -> Row {
    let entry = &line.entry;
    let (direction, way) = match entry.direction {
        EntryDirection::Sent => ("next", "entries.to"),
        EntryDirection::Received => ("back", "entries.from"),
        EntryDirection::Internal => ("minus", "entries.with"),
    };
    Row {
        id: entry.id,
        when: c.when(&entry.at),
        icon: kind_icon(entry.kind),
        kind: kind(c, line),
        direction,
        way: c.t(way),
        name: name(c, line),
        address: line
            .delivery
            .as_ref()
            .map_or_else(String::new, |one| one.destination.reveal().to_owned()),
        title: title(c, line),
        case: entry
            .case
            .zip(line.case.clone())
            .map(|(id, reference)| (id.to_string(), reference)),
        badge: badge(c, line.status),
        overdue: line.overdue,
    }
}

/// "Creditor Email".
pub(in super::super) fn kind(c: &Chrome, line: &Line) -> String {
    let party = c.words.label(line.entry.party.as_str());
    c.f2("entries.kind", party, c.t(kind_word(line.entry.kind)))
}

pub(in super::super) fn name(c: &Chrome, line: &Line) -> String {
    let contact = line.contact.as_ref();
    contact.map_or_else(
        || c.t("person.gone").to_owned(),
        crate::domain::Contact::full_name,
    )
}

pub(in super::super) fn title(c: &Chrome, line: &Line) -> String {
    let title = line.entry.title.reveal();
    if title == crate::domain::communication::NO_SUBJECT {
        c.words.say(title).to_owned()
    } else {
        title.clone()
    }
}

pub(in super::super) const fn kind_icon(kind: EntryKind) -> &'static str {
    match kind {
        EntryKind::Email => "mail",
        EntryKind::Text => "text",
        EntryKind::Call => "phone",
        EntryKind::Letter => "file",
        EntryKind::Meeting => "people",
        EntryKind::Other => "pencil",
    }
}

pub(in super::super) const fn kind_word(kind: EntryKind) -> &'static str {
    match kind {
        EntryKind::Email => "entries.email",
        EntryKind::Text => "entries.sms",
        EntryKind::Call => "entries.call",
        EntryKind::Letter => "entries.letter",
        EntryKind::Meeting => "entries.meeting",
        EntryKind::Other => "entries.other",
    }
}

pub(in super::super) const fn direction_word(direction: EntryDirection) -> &'static str {
    match direction {
        EntryDirection::Sent => "entries.sent",
        EntryDirection::Received => "entries.received",
        EntryDirection::Internal => "entries.internal",
    }
}

pub(super) const fn status_word(status: EntryStatus) -> &'static str {
    match status {
        EntryStatus::List(ListStatus::Draft) => "entries.status.draft",
        EntryStatus::List(ListStatus::Queued) => "entries.status.queued",
        EntryStatus::List(ListStatus::Sent) => "entries.status.sent",
        EntryStatus::List(ListStatus::Delivered) => "entries.status.delivered",
        EntryStatus::List(ListStatus::Opened) => "entries.status.opened",
        EntryStatus::List(ListStatus::Failed) => "entries.status.failed",
        EntryStatus::Received => "entries.status.received",
        EntryStatus::Noted => "entries.status.noted",
    }
}

/// A status with its icon.
pub(in super::super) fn badge(c: &Chrome, status: EntryStatus) -> Badge {
    let (tone, icon) = match status {
        EntryStatus::List(ListStatus::Draft) => ("", "pencil"),
        EntryStatus::List(ListStatus::Queued) => ("open", "clock"),
        EntryStatus::List(ListStatus::Sent) => ("info", "send"),
        EntryStatus::List(ListStatus::Delivered) => ("good", "check"),
        EntryStatus::List(ListStatus::Opened) => ("good", "eye"),
        EntryStatus::List(ListStatus::Failed) => ("bad", "cross"),
        EntryStatus::Received => ("info", "inbox"),
        EntryStatus::Noted => ("", "file"),
    };
    Badge {
        tone,
        icon,
        text: c.t(status_word(status)).to_owned(),
    }
}
