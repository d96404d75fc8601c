//! Looking at everything in the store: whether rows, indexes, counters, queue and blobs agree.
//!
//! Every change is one batch, so they always should; what is found here is a bug, a damaged
//! disk, or a hand at work from outside. Nothing is changed. Reads each row once and each index
//! entry once, in pages, with little memory; meant for a store that nobody writes to meanwhile
//! (`tocsin verify`, tests).

mod answers;
mod cases;
mod chain;
mod cross;
mod pointers;

use std::collections::{BTreeMap, HashMap};

use super::engine::{self, Key, KeyRange, Result, Store, Value, counter_value};
use super::keys;
use super::rows::Row;
use crate::domain::chain::Head;
use crate::domain::{AlertTaken, AnswerPool, AreaPlace, LastAnswer, Notification, Webhook};
use crate::domain::{
    ApiRequest, ApiToken, Area, AudienceChunk, Campaign, Communication, CommunicationId, Contact,
    DeliverySet, EarlyReceipt, Erasure, Gathering, Group, InboundMail, LogEntry, Merger, Message,
    Person, Recipient, ReplyNotice, RoundJob, SavedFilter, Session, SignUp, Suppression, TextPart,
    Thread, ThreadId, Ticket, User, Visit,
};
use crate::domain::{Case, CaseEvent, Entry};
use crate::domain::{ImportFindings, ImportImage, ImportJob};
use crate::domain::{PastTemplate, Template};

/// Most problems that a report spells out; the others are only counted.
pub const PROBLEMS_LISTED_MAX: usize = 1000;

/// Rows that are read at a time.
const PAGE_ROWS: usize = 1000;

/// Something that should not be. Names rows by id, never by content.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Problem {
    /// Which kind of row, index or counter.
    pub place: &'static str,
    /// Its id in hexadecimal; empty where the key holds none.
    pub id: String,
    /// What is wrong with it.
    pub what: String,
}

impl std::fmt::Display for Problem {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{} {}: {}", self.place, self.id, self.what)
    }
}

/// What [`check`] found.
#[derive(Clone, Debug, Default)]
pub struct Report {
    /// Rows of each kind.
    pub rows: BTreeMap<&'static str, u64>,
    /// Index entries, entries of the queue among them.
    pub index_entries: u64,
    /// Counters.
    pub counters: u64,
    /// Blobs that rows point to; one is counted for each row.
    pub blobs: u64,
    /// The head of the chain of entries, where the whole chain leads up to it.
    pub chain_head: Option<Head>,
    /// The first [`PROBLEMS_LISTED_MAX`] problems.
    pub problems: Vec<Problem>,
    /// All problems.
    pub problem_count: u64,
}

impl Report {
    /// True when everything agrees.
    #[must_use]
    pub const fn is_sound(&self) -> bool {
        self.problem_count == 0
    }

    /// Rows of one kind, by the name of its record.
    #[must_use]
    pub fn rows_of(&self, kind: &str) -> u64 {
        self.rows.get(kind).copied().unwrap_or(0)
    }
}

/// Looks at everything.
///
/// # Errors
/// When the store cannot be read. What is wrong with what it holds stands in the report.
pub fn check(store: &Store) -> Result<Report> {
    let mut check = Check::new(store);
    check.rows::<Contact>(keys::CONTACT, Check::contact)?;
    check.rows::<Merger>(keys::MERGER, Check::merger)?;
    check.rows::<Gathering>(keys::GATHERING, |_, _| Ok(()))?;
    check.rows::<Erasure>(keys::ERASURE, |_, _| Ok(()))?;
    check.rows::<Suppression>(keys::SUPPRESSION, |_, _| Ok(()))?;
    check.rows::<Area>(keys::AREA, |_, _| Ok(()))?;
    check.rows::<Group>(keys::GROUP, |_, _| Ok(()))?;
    check.rows::<SavedFilter>(keys::FILTER, |_, _| Ok(()))?;
    check.rows::<Campaign>(keys::CAMPAIGN, |_, _| Ok(()))?;
    check.rows::<Template>(keys::TEMPLATE, |_, _| Ok(()))?;
    check.rows::<PastTemplate>(keys::PAST_TEMPLATE, Check::past_template)?;
    check.rows::<Recipient>(keys::RECIPIENT, |_, _| Ok(()))?;
    check.rows::<Person>(keys::PERSON, Check::person)?;
    check.rows::<Communication>(keys::COMMUNICATION, Check::communication)?;
    check.rows::<AudienceChunk>(keys::AUDIENCE, Check::audience_chunk)?;
    check.rows::<RoundJob>(keys::ROUND, Check::round)?;
    check.rows::<DeliverySet>(keys::DELIVERY, Check::delivery_set)?;
    check.rows::<EarlyReceipt>(keys::EARLY_RECEIPT, |_, _| Ok(()))?;
    check.rows::<LogEntry>(keys::LOG, |_, _| Ok(()))?;
    check.rows::<InboundMail>(keys::INBOUND, Check::inbound)?;
    check.rows::<TextPart>(keys::TEXT_PART, |_, _| Ok(()))?;
    check.rows::<Message>(keys::MESSAGE, Check::message)?;
    check.rows::<Thread>(keys::THREAD, Check::thread)?;
    check.rows::<ReplyNotice>(keys::REPLY_NOTICE, |_, _| Ok(()))?;
    check.rows::<User>(keys::USER, |_, _| Ok(()))?;
    check.rows::<Session>(keys::SESSION, Check::session)?;
    check.rows::<Ticket>(keys::TICKET, |_, _| Ok(()))?;
    check.rows::<SignUp>(keys::SIGN_UP, |_, _| Ok(()))?;
    check.rows::<Visit>(keys::VISIT, |_, _| Ok(()))?;
    check.rows::<ApiToken>(keys::API_TOKEN, Check::api_token)?;
    check.rows::<ApiRequest>(keys::API_REQUEST, |_, _| Ok(()))?;
    check.rows::<ImportJob>(keys::IMPORT, Check::import)?;
    check.rows::<ImportFindings>(keys::IMPORT_FINDINGS, Check::findings)?;
    check.rows::<ImportImage>(keys::IMPORT_IMAGE, Check::image)?;
    check.chain()?;
    check.rows::<Case>(keys::CASE, Check::case)?;
    check.rows::<CaseEvent>(keys::CASE_EVENT, Check::case_event)?;
    check.rows::<Entry>(keys::ENTRY, Check::correspondence)?;
    check.rows::<AreaPlace>(keys::AREA_PLACE, Check::area_place)?;
    // What was sent for one may be gone since: that it was taken is remembered.
    check.rows::<AlertTaken>(keys::ALERT, |_, _| Ok(()))?;
    check.rows::<Webhook>(keys::WEBHOOK, |_, _| Ok(()))?;
    check.rows::<Notification>(keys::NOTIFICATION, |_, _| Ok(()))?;
    check.rows::<AnswerPool>(keys::ANSWER_POOL, Check::answer_pool)?;
    check.rows::<LastAnswer>(keys::LAST_ANSWER, Check::last_answer)?;
    check.answers()?;
    check.pointers()?;
    check.counters()?;
    check.strangers()?;
    Ok(check.report)
}

/// Looks at the record of who did what alone: every entry, and how each is bound to those before.
///
/// # Errors
/// When the store cannot be read. What is wrong with what it holds stands in the report.
pub fn check_audit(store: &Store) -> Result<Report> {
    let mut check = Check::new(store);
    check.chain()?;
    Ok(check.report)
}

/// A look at a store, under way.
struct Check<'a> {
    store: &'a Store,
    report: Report,
    /// What the rows say that the counters should say.
    counters: BTreeMap<Key, i64>,
    /// People of each communication, counted.
    people: HashMap<CommunicationId, u64>,
    /// Messages of each thread, counted.
    messages: HashMap<ThreadId, u32>,
}

impl<'a> Check<'a> {
    fn new(store: &'a Store) -> Self {
        Self {
            store,
            report: Report::default(),
            counters: BTreeMap::new(),
            people: HashMap::new(),
            messages: HashMap::new(),
        }
    }
}

impl Check<'_> {
    /// Reads every row of a kind: it decodes, lies under its own key, and everything that it
    /// derives is there. Then what else must hold for it.
    fn rows<T: Row>(
        &mut self,
        tag: &'static [u8],
        also: impl Fn(&mut Self, &T) -> Result<()>,
    ) -> Result<()> {
        let store = self.store;
        let mut count = 0;
        for_each(store, tag, |key, value| {
            count += 1;
            let row = match T::from_bytes(&value) {
                Ok(row) => row,
                Err(error) => {
                    self.problem(T::NAME, id_of(&key), error.to_string());
                    return Ok(());
                }
            };
            if row.key() != key {
                self.problem(T::NAME, id_of(&key), "lies under a key that is not its own");
            }
            for (index, expected) in row.indexes() {
                let found = store.get(&index)?;
                let is_there = if is_shared(&index) {
                    found.is_some()
                } else {
                    found.as_ref() == Some(&expected)
                };
                if !is_there {
                    let what = format!("its entry in {} is missing or wrong", place_of(&index));
                    self.problem(T::NAME, id_of(&key), what);
                }
            }
            for (counter, amount) in row.counters() {
                *self.counters.entry(counter).or_default() += amount;
            }
            also(self, &row)
        })?;
        self.report.rows.insert(T::NAME, count);
        Ok(())
    }

    /// Every counter says what the rows say.
    fn counters(&mut self) -> Result<()> {
        let store = self.store;
        let mut expected = std::mem::take(&mut self.counters);
        for tag in COUNTERS {
            for_each(store, tag, |key, value| {
                self.report.counters += 1;
                let counted = expected.remove(&key).unwrap_or(0);
                match counter_value(&value) {
                    Some(found) if found == counted => {}
                    Some(found) => {
                        let what = format!("says {found}, counted are {counted}");
                        self.problem(place_of(&key), id_of(&key), what);
                    }
                    None => self.problem(place_of(&key), id_of(&key), "is no number"),
                }
                Ok(())
            })?;
        }
        for (key, counted) in expected.into_iter().filter(|(_, counted)| *counted != 0) {
            let what = format!("is missing, counted are {counted}");
            self.problem(place_of(&key), id_of(&key), what);
        }
        Ok(())
    }

    /// No key lies where nobody looks.
    fn strangers(&mut self) -> Result<()> {
        let store = self.store;
        let mut after: Option<Key> = None;
        loop {
            let range = match after.take() {
                Some(key) => KeyRange::all().after(key),
                None => KeyRange::all(),
            };
            let Some((key, _)) = store.scan(range, 1)?.pop() else {
                return Ok(());
            };
            let tag = key.get(..TAG_SIZE).unwrap_or(&key);
            if !PLACES.iter().any(|(known, _)| *known == tag) {
                self.problem("key", hex(tag), "its tag is not known");
            }
            // On behind everything with this tag.
            let mut last = tag.to_vec();
            last.resize(engine::KEY_SIZE_MAX, 0xff);
            after = Some(last);
        }
    }

    fn problem(&mut self, place: &'static str, id: String, what: impl Into<String>) {
        self.report.problem_count += 1;
        if self.report.problems.len() < PROBLEMS_LISTED_MAX {
            self.report.problems.push(Problem {
                place,
                id,
                what: what.into(),
            });
        }
    }
}

/// Calls for each row under a tag, in order of keys.
fn for_each(
    store: &Store,
    tag: &[u8],
    mut each: impl FnMut(Key, Value) -> Result<()>,
) -> Result<()> {
    let mut range = KeyRange::prefix(tag);
    loop {
        let page = store.scan(range, PAGE_ROWS)?;
        let Some((last, _)) = page.last() else {
            return Ok(());
        };
        range = KeyRange::prefix(tag).after(last.clone());
        for (key, value) in page {
            each(key, value)?;
        }
    }
}

const TAG_SIZE: usize = 2;

const COUNTERS: &[&[u8]] = &[
    keys::CONTACTS_IN_GROUP,
    keys::RECIPIENTS_OF_USER,
    keys::CONTACTS_IN_AREA,
    keys::ISSUES_IN_AREA,
    keys::PEOPLE_BY_STATE,
    keys::DELIVERIES_BY_STATUS,
    keys::CONFIRMED_BY,
    keys::LINKS_FOLLOWED,
    keys::UNREAD_THREADS,
    keys::UNREAD_BY_ASSIGNEE,
    keys::TEXT_PARTS,
    keys::TICKETS,
    keys::SIGN_UPS,
    keys::API_REQUESTS,
    keys::ALERTS,
    keys::NOTIFICATIONS_WAITING,
    keys::NOTIFICATIONS_DONE,
];

/// Every tag there is, by name.
const PLACES: &[(&[u8], &str)] = &[
    (keys::CONTACT_BY_GROUP, "contacts by group"),
    (keys::CONTACT_BY_IMPORT, "contacts by import"),
    (keys::CONTACTS_IN_GROUP, "number of contacts in a group"),
    (keys::MERGER, "merger"),
    (keys::MERGER_BY_KEPT, "mergers by the contact kept"),
    (keys::GATHERING, "gathering"),
    (keys::ERASURE, "erasure"),
    (keys::SUPPRESSION, "suppression"),
    (keys::AREA_PLACE, "place of an area"),
    (keys::ALERT, "alert"),
    (keys::ALERT_BY_TIME, "alerts by time"),
    (keys::ALERT_BY_COMMUNICATION, "alerts by communication"),
    (keys::ALERTS, "number of alerts"),
    (keys::WEBHOOK, "webhook"),
    (keys::NOTIFICATION, "notification"),
    (keys::NOTIFICATION_BY_WEBHOOK, "notifications by webhook"),
    (keys::NOTIFICATION_DUE, "notifications that wait"),
    (keys::NOTIFICATION_DONE, "notifications that are done"),
    (
        keys::NOTIFICATIONS_WAITING,
        "number of waiting notifications",
    ),
    (
        keys::NOTIFICATIONS_DONE,
        "number of notifications that are done",
    ),
    (keys::NEWS_LEFT_OUT, "number of news left out"),
    (keys::ANSWER_POOL, "pool of answers"),
    (keys::LAST_ANSWER, "last answer of a pool"),
    (keys::ANSWERS, "number of answers in a pool"),
    (keys::GROUP, "group"),
    (keys::FILTER, "saved filter"),
    (keys::CAMPAIGN, "campaign"),
    (keys::TEMPLATE, "template"),
    (keys::PAST_TEMPLATE, "past version of a template"),
    (
        keys::COMMUNICATION_BY_CAMPAIGN,
        "communications by campaign",
    ),
    (
        keys::COMMUNICATION_BY_RELATED,
        "communications by the earlier one",
    ),
    (keys::COMMUNICATION_BY_STATE, "communications by state"),
    (keys::RECIPIENT, "recipient"),
    (keys::RECIPIENTS_OF_USER, "number of recipients"),
    (keys::CASE, "case"),
    (keys::CASE_BY_REFERENCE, "cases by reference"),
    (keys::CASE_BY_CHANGE, "cases by change"),
    (keys::CASE_BY_STATUS, "cases by status"),
    (keys::CASE_BY_CLIENT, "cases by client"),
    (keys::CASE_BY_CREDITOR, "cases by creditor"),
    (keys::CASE_BY_USER, "cases by user"),
    (keys::CASE_EVENT, "case event"),
    (keys::CASE_EVENT_BY_CLIENT, "case events by client"),
    (keys::ENTRY, "entry"),
    (keys::ENTRY_BY_TIME, "entries by time"),
    (keys::ENTRY_BY_CLIENT, "entries by client"),
    (keys::ENTRY_BY_CASE, "entries by case"),
    (keys::ENTRY_BY_CREDITOR, "entries by creditor"),
    (keys::NOTE_BY_ENTRY, "notes by entry"),
    (keys::IMPORT, "import"),
    (keys::IMPORT_FINDINGS, "findings of an import"),
    (keys::IMPORT_IMAGE, "contact before an import"),
    (keys::CONTACT, "contact"),
    (keys::CONTACT_BY_NAME, "contacts by name"),
    (keys::CONTACT_BY_WORD, "contacts by word"),
    (keys::CONTACT_BY_AREA, "contacts by area"),
    (keys::CONTACT_BY_ADDRESS, "contacts by address"),
    (keys::STRANGER, "last contact made of an address"),
    (keys::ISSUE_BY_AREA, "communication issues by area"),
    (keys::UNREACHABLE_BY_AREA, "unreachable contacts by area"),
    (keys::CONTACTS_IN_AREA, "number of contacts in an area"),
    (keys::ISSUES_IN_AREA, "number of issues in an area"),
    (keys::AREA, "area"),
    (keys::COMMUNICATION, "communication"),
    (keys::COMMUNICATION_BY_CHANGE, "communications by change"),
    (keys::COMMUNICATION_WRITTEN, "communications written"),
    (keys::AUDIENCE, "audience chunk"),
    (keys::ROUND, "round"),
    (keys::DELIVERY, "delivery"),
    (keys::DELIVERY_BY_CONTACT, "deliveries by contact"),
    (keys::DELIVERY_BY_REMOTE_ID, "deliveries by remote id"),
    (keys::EARLY_RECEIPT, "early receipt"),
    (keys::PERSON, "person"),
    (keys::PERSON_BY_STATE, "people by state"),
    (keys::PEOPLE_BY_STATE, "number of people by state"),
    (keys::DELIVERIES_BY_STATUS, "number of deliveries by status"),
    (keys::CONFIRMED_BY, "number of confirmations by way"),
    (keys::LINKS_FOLLOWED, "number of people by link followed"),
    (keys::LOG, "log entry"),
    (keys::INBOUND, "inbound mail"),
    (keys::TEXT_PART, "part of a text"),
    (keys::TEXT_PARTS, "number of parts of texts"),
    (keys::USER, "user"),
    (keys::USER_BY_LOGIN, "users by login"),
    (keys::SESSION, "session"),
    (keys::VISIT, "visit"),
    (keys::TICKET, "ticket"),
    (keys::TICKET_BY_DESTINATION, "tickets by destination"),
    (keys::SELF_SERVICE_BY_END, "self-service rows by end"),
    (keys::TICKETS, "number of tickets"),
    (keys::SIGN_UP, "sign-up"),
    (keys::SIGN_UPS, "number of sign-ups"),
    (keys::API_TOKEN, "api token"),
    (keys::API_TOKEN_BY_USER, "api tokens by user"),
    (keys::API_REQUEST, "api request"),
    (keys::API_REQUEST_BY_TIME, "api requests by time"),
    (keys::API_REQUESTS, "number of api requests"),
    (keys::SETTING, "setting"),
    (keys::SEARCH_TODO, "what search has to hear of"),
    (keys::LOOSE_BLOB, "blob that may go"),
    (keys::ROUND_BY_QUEUE_ID, "rounds by queue id"),
    (keys::THREAD, "thread"),
    (keys::THREAD_BY_STATE, "threads by state"),
    (keys::THREAD_UNREAD, "unread threads"),
    (keys::THREAD_BY_ASSIGNEE, "threads by who looks after them"),
    (keys::THREAD_BY_CONTACT, "threads by contact"),
    (keys::THREAD_BY_ADDRESS, "threads by address"),
    (keys::MESSAGE, "message"),
    (keys::MESSAGE_BY_REFERENCE, "messages by reference"),
    (keys::MESSAGE_BY_DELIVERY, "messages by delivery"),
    (keys::REPLY_NOTICE, "reply notice"),
    (keys::UNREAD_THREADS, "number of unread threads"),
    (
        keys::UNREAD_BY_ASSIGNEE,
        "number of unread threads by who looks after them",
    ),
    (engine::CHAIN, "audit entry"),
    (engine::CHAIN_HEAD, "audit head"),
    (engine::CHAIN_BY_SUBJECT, chain::BY_SUBJECT),
    (QUEUE, "queue"),
];

/// Entries of the queue.
const QUEUE: &[u8] = b"q/";

fn place_of(key: &[u8]) -> &'static str {
    let known = PLACES.iter().find(|(tag, _)| key.starts_with(tag));
    known.map_or("key", |(_, name)| name)
}

/// Carriers give the same id again after a while; its entry leads to the last delivery.
fn is_shared(index: &[u8]) -> bool {
    index.starts_with(keys::DELIVERY_BY_REMOTE_ID)
}

/// The id behind a row's tag, where the key holds ids and nothing else; names and addresses
/// are never shown.
fn id_of(key: &[u8]) -> String {
    const UNNAMED: [&[u8]; 9] = [
        keys::API_TOKEN,
        keys::EARLY_RECEIPT,
        keys::SETTING,
        keys::SESSION,
        keys::TEXT_PART,
        keys::VISIT,
        keys::TICKET,
        keys::TICKET_BY_DESTINATION,
        keys::SELF_SERVICE_BY_END,
    ];
    let id = key.get(TAG_SIZE..).unwrap_or_default();
    if UNNAMED.iter().any(|tag| key.starts_with(tag)) {
        return String::new();
    }
    hex(&id[..id.len().min(32)])
}

fn hex(bytes: &[u8]) -> String {
    data_encoding::HEXLOWER.encode(bytes)
}

#[cfg(test)]
mod laws;
