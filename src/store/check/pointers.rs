//! Every index entry and every queue entry follows from a row that is there.

use super::{Check, QUEUE, for_each, hex, place_of};
use crate::domain::{AlertTaken, ImportId, ImportJob, Notification};
use crate::domain::{
    ApiRequest, ApiToken, CommunicationId, Contact, ContactId, DeliveryId, DeliverySet,
    InboundMail, Lane, Merger, Message, Person, ReplyNotice, RoundJob, SignUp, Thread, ThreadId,
    Ticket, User, UserId, Visit,
};
use crate::domain::{Case, CaseEvent, CaseId, Entry, EntryId};
use crate::store::engine::{Key, Result, Value, queue_key_parts};
use crate::store::keys;
use crate::store::rows::Row;

/// The indexes.
const INDEXES: &[&[u8]] = &[
    keys::CONTACT_BY_GROUP,
    keys::MERGER_BY_KEPT,
    keys::CONTACT_BY_IMPORT,
    keys::COMMUNICATION_BY_CAMPAIGN,
    keys::COMMUNICATION_BY_RELATED,
    keys::COMMUNICATION_BY_STATE,
    keys::CONTACT_BY_NAME,
    keys::CONTACT_BY_WORD,
    keys::CONTACT_BY_AREA,
    keys::CONTACT_BY_ADDRESS,
    keys::ISSUE_BY_AREA,
    keys::UNREACHABLE_BY_AREA,
    keys::COMMUNICATION_BY_CHANGE,
    keys::COMMUNICATION_WRITTEN,
    keys::DELIVERY_BY_CONTACT,
    keys::DELIVERY_BY_REMOTE_ID,
    keys::PERSON_BY_STATE,
    keys::USER_BY_LOGIN,
    keys::THREAD_BY_STATE,
    keys::THREAD_UNREAD,
    keys::THREAD_BY_ASSIGNEE,
    keys::THREAD_BY_CONTACT,
    keys::THREAD_BY_ADDRESS,
    keys::MESSAGE_BY_REFERENCE,
    keys::MESSAGE_BY_DELIVERY,
    keys::TICKET_BY_DESTINATION,
    keys::SELF_SERVICE_BY_END,
    keys::API_TOKEN_BY_USER,
    keys::API_REQUEST_BY_TIME,
    keys::CASE_BY_REFERENCE,
    keys::CASE_BY_CHANGE,
    keys::CASE_BY_STATUS,
    keys::CASE_BY_CLIENT,
    keys::CASE_BY_CREDITOR,
    keys::CASE_BY_USER,
    keys::CASE_EVENT_BY_CLIENT,
    keys::ENTRY_BY_TIME,
    keys::ENTRY_BY_CLIENT,
    keys::ENTRY_BY_CASE,
    keys::ENTRY_BY_CREDITOR,
    keys::NOTE_BY_ENTRY,
    keys::ALERT_BY_TIME,
    keys::ALERT_BY_COMMUNICATION,
    keys::NOTIFICATION_BY_WEBHOOK,
    keys::NOTIFICATION_DUE,
    keys::NOTIFICATION_DONE,
    QUEUE,
];

/// The row that an index entry leads to.
enum Owner {
    Contact(ContactId),
    Merger(ContactId),
    Communication(CommunicationId),
    Delivery(DeliveryId),
    Person(CommunicationId, ContactId),
    Round(Key),
    Inbound([u8; 16]),
    Import(ImportId),
    User(UserId),
    Thread(ThreadId),
    /// By the key of its row.
    Message(Key),
    Notice(Key),
    /// A row of the public pages, by its key.
    SelfService(Key),
    Token(Key),
    Request(Key),
    Case(CaseId),
    CaseEvent(Key),
    Entry(EntryId),
    Notification([u8; 16]),
    Alert(Key),
}

impl Check<'_> {
    pub(super) fn pointers(&mut self) -> Result<()> {
        let store = self.store;
        for tag in INDEXES {
            for_each(store, tag, |key, value| {
                self.report.index_entries += 1;
                let Some((owner, id)) = owner(&key, &value) else {
                    self.problem(place_of(&key), String::new(), "an entry is malformed");
                    return Ok(());
                };
                if !self.derives(&owner, &key, &value)? {
                    self.problem(place_of(&key), id, "no row says that this entry is to be");
                }
                Ok(())
            })?;
        }
        Ok(())
    }

    fn derives(&self, owner: &Owner, key: &Key, value: &Value) -> Result<bool> {
        match owner {
            Owner::Contact(id) => self.row_derives::<Contact>(&keys::contact(*id), key, value),
            Owner::Merger(id) => self.row_derives::<Merger>(&keys::merger(*id), key, value),
            Owner::Communication(id) => {
                let row = keys::communication(*id);
                self.row_derives::<crate::domain::Communication>(&row, key, value)
            }
            Owner::Delivery(id) => {
                let row = keys::delivery_set(id.set());
                self.row_derives::<DeliverySet>(&row, key, value)
            }
            Owner::Person(communication, contact) => {
                let row = keys::person(*communication, *contact);
                self.row_derives::<Person>(&row, key, value)
            }
            Owner::Round(row) => self.row_derives::<RoundJob>(row, key, value),
            Owner::Inbound(id) => self.row_derives::<InboundMail>(&keys::inbound(id), key, value),
            Owner::Import(id) => self.row_derives::<ImportJob>(&keys::import(*id), key, value),
            Owner::User(id) => self.row_derives::<User>(&keys::user(*id), key, value),
            Owner::Thread(id) => self.row_derives::<Thread>(&keys::thread(*id), key, value),
            Owner::Message(row) => self.row_derives::<Message>(row, key, value),
            Owner::Token(row) => self.row_derives::<ApiToken>(row, key, value),
            Owner::Case(id) => self.row_derives::<Case>(&keys::case(*id), key, value),
            Owner::CaseEvent(row) => self.row_derives::<CaseEvent>(row, key, value),
            Owner::Entry(id) => self.row_derives::<Entry>(&keys::entry(*id), key, value),
            Owner::Notification(id) => {
                self.row_derives::<Notification>(&keys::notification(id), key, value)
            }
            Owner::Alert(row) => self.row_derives::<AlertTaken>(row, key, value),
            Owner::Request(row) => self.row_derives::<ApiRequest>(row, key, value),
            Owner::Notice(row) => self.row_derives::<ReplyNotice>(row, key, value),
            Owner::SelfService(row) => match row.get(..2) {
                Some(keys::TICKET) => self.row_derives::<Ticket>(row, key, value),
                Some(keys::SIGN_UP) => self.row_derives::<SignUp>(row, key, value),
                Some(keys::VISIT) => self.row_derives::<Visit>(row, key, value),
                Some(_) | None => Ok(false),
            },
        }
    }

    fn row_derives<T: Row>(&self, row: &[u8], key: &Key, value: &Value) -> Result<bool> {
        let row = self
            .store
            .get(row)?
            .and_then(|bytes| T::from_bytes(&bytes).ok());
        Ok(row.is_some_and(|row| {
            let mut entries = row.indexes().into_iter();
            entries.any(|entry| entry.0 == *key && entry.1 == *value)
        }))
    }
}

/// Whose an index entry is, and that id in hexadecimal.
fn owner(key: &[u8], value: &[u8]) -> Option<(Owner, String)> {
    let tag = key.get(..2)?;
    if tag == QUEUE {
        return queued(key, value);
    }
    // Their ends are secrets: nothing of them is shown.
    if tag == keys::TICKET_BY_DESTINATION {
        let row = keys::ticket(value.try_into().ok()?);
        return Some((Owner::SelfService(row), String::new()));
    }
    if tag == keys::SELF_SERVICE_BY_END {
        let row = key.get(10..)?.to_vec();
        return Some((Owner::SelfService(row), String::new()));
    }
    let id = match tag {
        keys::CONTACT_BY_ADDRESS => id_before(key, 16)?,
        keys::DELIVERY_BY_CONTACT => id_before(key, 0)?.map(|byte| !byte),
        keys::DELIVERY_BY_REMOTE_ID | keys::USER_BY_LOGIN | keys::CASE_BY_REFERENCE => {
            value.try_into().ok()?
        }
        _ => id_before(key, 0)?,
    };
    let owner = match tag {
        keys::COMMUNICATION_BY_CHANGE
        | keys::COMMUNICATION_WRITTEN
        | keys::COMMUNICATION_BY_CAMPAIGN
        | keys::COMMUNICATION_BY_RELATED
        | keys::COMMUNICATION_BY_STATE => Owner::Communication(CommunicationId::from_bytes(id)),
        keys::DELIVERY_BY_CONTACT | keys::DELIVERY_BY_REMOTE_ID => {
            Owner::Delivery(DeliveryId::from_bytes(id))
        }
        keys::PERSON_BY_STATE => {
            let communication = key.get(2..18)?.try_into().ok()?;
            let communication = CommunicationId::from_bytes(communication);
            Owner::Person(communication, ContactId::from_bytes(id))
        }
        keys::MERGER_BY_KEPT => Owner::Merger(ContactId::from_bytes(id)),
        keys::USER_BY_LOGIN => Owner::User(UserId::from_bytes(id)),
        keys::THREAD_BY_STATE
        | keys::THREAD_UNREAD
        | keys::THREAD_BY_ASSIGNEE
        | keys::THREAD_BY_CONTACT
        | keys::THREAD_BY_ADDRESS => Owner::Thread(ThreadId::from_bytes(id)),
        keys::MESSAGE_BY_REFERENCE | keys::MESSAGE_BY_DELIVERY => Owner::Message(value.to_vec()),
        keys::API_TOKEN_BY_USER => Owner::Token(value.to_vec()),
        keys::API_REQUEST_BY_TIME => Owner::Request(value.to_vec()),
        keys::CASE_BY_REFERENCE
        | keys::CASE_BY_CHANGE
        | keys::CASE_BY_STATUS
        | keys::CASE_BY_CLIENT
        | keys::CASE_BY_CREDITOR
        | keys::CASE_BY_USER => Owner::Case(CaseId::from_bytes(id)),
        keys::NOTIFICATION_BY_WEBHOOK | keys::NOTIFICATION_DUE | keys::NOTIFICATION_DONE => {
            Owner::Notification(id)
        }
        keys::ALERT_BY_TIME | keys::ALERT_BY_COMMUNICATION => Owner::Alert(value.to_vec()),
        keys::CASE_EVENT_BY_CLIENT => Owner::CaseEvent(value.to_vec()),
        keys::ENTRY_BY_TIME
        | keys::ENTRY_BY_CLIENT
        | keys::ENTRY_BY_CASE
        | keys::ENTRY_BY_CREDITOR
        | keys::NOTE_BY_ENTRY => Owner::Entry(EntryId::from_bytes(id)),
        _ => Owner::Contact(ContactId::from_bytes(id)),
    };
    Some((owner, hex(&id)))
}

fn queued(key: &[u8], value: &[u8]) -> Option<(Owner, String)> {
    let (lane, _, id) = queue_key_parts(key)?;
    let lane = Lane::of_number(lane)?;
    let owner = match lane {
        Lane::Email | Lane::Text | Lane::Call | Lane::Receipts => {
            Owner::Delivery(DeliveryId::from_bytes(id))
        }
        Lane::Expand => Owner::Round(value.to_vec()),
        Lane::Inbound => Owner::Inbound(id),
        // What waits there stands in an index by webhook.
        Lane::Webhook => return None,
        Lane::Import => Owner::Import(ImportId::from_bytes(id)),
        Lane::Notify if value.starts_with(keys::MESSAGE) => Owner::Message(value.to_vec()),
        Lane::Notify => Owner::Notice(value.to_vec()),
        Lane::Scheduled => Owner::Communication(CommunicationId::from_bytes(id)),
    };
    Some((owner, hex(&id)))
}

/// The sixteen bytes that end `tail` bytes before the end of the key.
fn id_before(key: &[u8], tail: usize) -> Option<[u8; 16]> {
    let end = key.len().checked_sub(tail)?;
    key.get(end.checked_sub(16)?..end)?.try_into().ok()
}
