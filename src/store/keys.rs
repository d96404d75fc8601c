//! Where everything lies: the keys of rows, indexes and counters.
//!
//! A key is a two-byte tag and then fixed-size parts, big-endian, or texts closed by a zero
//! byte. Newest first is `u64::MAX - t`. Queue entries have their own layout
//! ([`super::engine::queue_key`]).

use super::engine::Key;
use crate::domain::{
    AnswerPoolId, AreaId, BlobId, CampaignId, CaseId, CommunicationId, ConfirmedBy, ContactId,
    DeliveryId, EntryId, FilterId, GroupId, ImportId, ImportPass, MessageId, PersonState, Status,
    TemplateId, ThreadId, ThreadState, Timestamp, UserId, WebhookId,
};

/// Rows of contacts.
pub const CONTACT: &[u8] = b"k.";
/// Contacts by first and last name.
pub const CONTACT_BY_NAME: &[u8] = b"kn";
/// Contacts by each word of their names, folded; the entry holds area and name.
pub const CONTACT_BY_WORD: &[u8] = b"kw";
/// Contacts by area, then first name.
pub const CONTACT_BY_AREA: &[u8] = b"ka";
/// Contacts by address or number.
pub const CONTACT_BY_ADDRESS: &[u8] = b"kx";
/// The last contact that was made of an address alone, on a shelf that follows from the address.
/// No row says it.
pub const STRANGER: &[u8] = b"kd";
/// Contacts with a communication issue by area, then first name.
pub const ISSUE_BY_AREA: &[u8] = b"ki";
/// Contacts that no method reaches by area, then first name.
pub const UNREACHABLE_BY_AREA: &[u8] = b"ku";
/// Counter: contacts in an area.
pub const CONTACTS_IN_AREA: &[u8] = b"#k";
/// Counter: communication issues in an area.
pub const ISSUES_IN_AREA: &[u8] = b"#i";
/// Contacts by group, then first name.
pub const CONTACT_BY_GROUP: &[u8] = b"kg";
/// Contacts by the file they came with.
pub const CONTACT_BY_IMPORT: &[u8] = b"kf";
/// Counter: contacts in a group.
pub const CONTACTS_IN_GROUP: &[u8] = b"#g";
/// What is left of contacts that another one took over.
pub const MERGER: &[u8] = b"kv";
/// The same by the contact that was kept.
pub const MERGER_BY_KEPT: &[u8] = b"kV";
/// Contacts being gathered for a user.
pub const GATHERING: &[u8] = b"rg";
/// People who are being erased.
pub const ERASURE: &[u8] = b"E.";
/// Addresses and numbers to which nothing goes any more, by a keyed digest.
pub const SUPPRESSION: &[u8] = b"S.";
/// Rows of groups.
pub const GROUP: &[u8] = b"g.";
/// Rows of saved filters.
pub const FILTER: &[u8] = b"f.";
/// Rows of campaigns.
pub const CAMPAIGN: &[u8] = b"n.";
/// Rows of templates as they are now.
pub const TEMPLATE: &[u8] = b"T.";
/// Versions of templates that others have taken the place of.
pub const PAST_TEMPLATE: &[u8] = b"Tv";
/// Communications of a campaign, last modified first.
pub const COMMUNICATION_BY_CAMPAIGN: &[u8] = b"cc";
/// Communications by the earlier one that they belong to.
pub const COMMUNICATION_BY_RELATED: &[u8] = b"cl";
/// Communications that are not sent yet, by state, last modified first.
pub const COMMUNICATION_BY_STATE: &[u8] = b"cs";
/// Entries of recipient lists.
pub const RECIPIENT: &[u8] = b"r.";
/// Counter: entries of a user's recipient list.
pub const RECIPIENTS_OF_USER: &[u8] = b"#r";
/// Rows of areas.
pub const AREA: &[u8] = b"a.";
/// Rows of communications.
pub const COMMUNICATION: &[u8] = b"c.";
/// Communications, last modified first.
pub const COMMUNICATION_BY_CHANGE: &[u8] = b"cm";
/// Communications that somebody wrote for the occasion, last modified first.
pub const COMMUNICATION_WRITTEN: &[u8] = b"cw";
/// Audience chunks of a communication.
pub const AUDIENCE: &[u8] = b"ca";
/// Rounds of a communication that are still to be worked off.
pub const ROUND: &[u8] = b"cr";
/// Rounds by the id under which they stand in the queue.
pub const ROUND_BY_QUEUE_ID: &[u8] = b"cq";
/// Rows of deliveries, those made for one person in one go together.
pub const DELIVERY: &[u8] = b"d.";
/// Rows of deliveries by contact, newest first.
pub const DELIVERY_BY_CONTACT: &[u8] = b"dk";
/// Deliveries by the carrier's id.
pub const DELIVERY_BY_REMOTE_ID: &[u8] = b"dr";
/// Receipts that came before the answer to their submission.
pub const EARLY_RECEIPT: &[u8] = b"de";
/// People of a communication.
pub const PERSON: &[u8] = b"p.";
/// People of a communication by state, then by name.
pub const PERSON_BY_STATE: &[u8] = b"pn";
/// Counter: people of a communication by state.
pub const PEOPLE_BY_STATE: &[u8] = b"#p";
/// Counter: deliveries of a communication by status.
pub const DELIVERIES_BY_STATUS: &[u8] = b"#s";
/// Counter: people of a communication who confirmed, by the way in which they did.
pub const CONFIRMED_BY: &[u8] = b"#c";
/// Counter: people of a communication who followed a link of its email, by the number of the link;
/// under 0 those who followed any.
pub const LINKS_FOLLOWED: &[u8] = b"#f";
/// A contact's log, newest first.
pub const LOG: &[u8] = b"l.";
/// Mail that came in.
pub const INBOUND: &[u8] = b"m.";
/// Parts of texts that are not whole yet, and those that were.
pub const TEXT_PART: &[u8] = b"mp";
/// Counter: parts of texts.
pub const TEXT_PARTS: &[u8] = b"#m";
/// Rows of threads.
pub const THREAD: &[u8] = b"i.";
/// Threads by state, last changed first.
pub const THREAD_BY_STATE: &[u8] = b"is";
/// Threads with unread messages, last changed first.
pub const THREAD_UNREAD: &[u8] = b"iu";
/// Threads by who looks after them and state, last changed first.
pub const THREAD_BY_ASSIGNEE: &[u8] = b"ia";
/// Threads of a contact, last changed first.
pub const THREAD_BY_CONTACT: &[u8] = b"ik";
/// Threads with people we do not know by address or number, last changed first.
pub const THREAD_BY_ADDRESS: &[u8] = b"ix";
/// Messages of a thread, oldest first.
pub const MESSAGE: &[u8] = b"im";
/// Messages by their `Message-ID`.
pub const MESSAGE_BY_REFERENCE: &[u8] = b"ir";
/// Messages by the delivery that they answer or that took them.
pub const MESSAGE_BY_DELIVERY: &[u8] = b"id";
/// What administrators have to be told of.
pub const REPLY_NOTICE: &[u8] = b"in";
/// Counter: threads with unread messages.
pub const UNREAD_THREADS: &[u8] = b"#u";
/// Counter: threads with unread messages by who looks after them.
pub const UNREAD_BY_ASSIGNEE: &[u8] = b"#v";
/// Imports.
pub const IMPORT: &[u8] = b"j.";
/// What was found in the rows of an import.
pub const IMPORT_FINDINGS: &[u8] = b"jf";
/// Contacts as they were before an import.
pub const IMPORT_IMAGE: &[u8] = b"ji";
/// Users.
pub const USER: &[u8] = b"u.";
/// Users by login.
pub const USER_BY_LOGIN: &[u8] = b"ul";
/// Sessions of the console.
pub const SESSION: &[u8] = b"s.";
/// Sessions of the public pages.
pub const VISIT: &[u8] = b"v.";
/// Tickets: links and codes on their way.
pub const TICKET: &[u8] = b"t.";
/// Tickets by address or number, newest first; one a minute.
pub const TICKET_BY_DESTINATION: &[u8] = b"td";
/// Rows of the public pages by when they may go.
pub const SELF_SERVICE_BY_END: &[u8] = b"te";
/// Counter: tickets.
pub const TICKETS: &[u8] = b"#t";
/// People who have signed up and proved nothing yet.
pub const SIGN_UP: &[u8] = b"w.";
/// Counter: people who have signed up and proved nothing yet.
pub const SIGN_UPS: &[u8] = b"#w";
/// Tokens of programs.
pub const API_TOKEN: &[u8] = b"y.";
/// Tokens by user.
pub const API_TOKEN_BY_USER: &[u8] = b"yu";
/// Requests of programs that may be sent again.
pub const API_REQUEST: &[u8] = b"o.";
/// Requests of programs by time, oldest first.
pub const API_REQUEST_BY_TIME: &[u8] = b"ot";
/// Counter: requests of programs.
pub const API_REQUESTS: &[u8] = b"#o";
/// Rows of cases.
pub const CASE: &[u8] = b"b.";
/// Cases by reference; one case each.
pub const CASE_BY_REFERENCE: &[u8] = b"br";
/// Cases, last changed first.
pub const CASE_BY_CHANGE: &[u8] = b"bm";
/// Cases by status, last changed first.
pub const CASE_BY_STATUS: &[u8] = b"bs";
/// Cases by client, last changed first.
pub const CASE_BY_CLIENT: &[u8] = b"bk";
/// Cases by creditor, last changed first.
pub const CASE_BY_CREDITOR: &[u8] = b"bc";
/// Cases by user named in them, last changed first.
pub const CASE_BY_USER: &[u8] = b"bu";
/// What was done with a case, newest first.
pub const CASE_EVENT: &[u8] = b"be";
/// What was done with a client's cases, newest first.
pub const CASE_EVENT_BY_CLIENT: &[u8] = b"bf";
/// Rows of correspondence.
pub const ENTRY: &[u8] = b"e.";
/// Correspondence, newest first.
pub const ENTRY_BY_TIME: &[u8] = b"et";
/// Correspondence by client, newest first.
pub const ENTRY_BY_CLIENT: &[u8] = b"ek";
/// Correspondence by case, newest first.
pub const ENTRY_BY_CASE: &[u8] = b"eb";
/// Correspondence by creditor, newest first.
pub const ENTRY_BY_CREDITOR: &[u8] = b"ec";
/// Notes by the earlier entry that they belong to, oldest first.
pub const NOTE_BY_ENTRY: &[u8] = b"en";
/// Where areas lie.
pub const AREA_PLACE: &[u8] = b"ap";
/// Alerts that other programs handed in.
pub const ALERT: &[u8] = b"A.";
/// The same, oldest first.
pub const ALERT_BY_TIME: &[u8] = b"At";
/// The same by what was sent.
pub const ALERT_BY_COMMUNICATION: &[u8] = b"Ac";
/// Counter: alerts that other programs handed in.
pub const ALERTS: &[u8] = b"#a";
/// Rows of webhooks.
pub const WEBHOOK: &[u8] = b"W.";
/// News on its way to webhooks, or that was.
pub const NOTIFICATION: &[u8] = b"Wn";
/// News by webhook, newest first.
pub const NOTIFICATION_BY_WEBHOOK: &[u8] = b"Ww";
/// News that waits, by webhook and when it is tried next.
pub const NOTIFICATION_DUE: &[u8] = b"Wq";
/// News that was taken or given up, by webhook, oldest first.
pub const NOTIFICATION_DONE: &[u8] = b"Wd";
/// Counter: news that waits for a webhook.
pub const NOTIFICATIONS_WAITING: &[u8] = b"#W";
/// Counter: news of a webhook that was taken or given up.
pub const NOTIFICATIONS_DONE: &[u8] = b"#D";
/// Counter: news that was not told to a webhook because too much waited. No row says it.
pub const NEWS_LEFT_OUT: &[u8] = b"#L";
/// Rows of answers that no rule knows, those that say the same together.
pub const ANSWER_POOL: &[u8] = b"U.";
/// The last answer of each of them.
pub const LAST_ANSWER: &[u8] = b"Ul";
/// Counter: answers in a pool. No row says it.
pub const ANSWERS: &[u8] = b"#U";
/// Rows that the full-text index has still to hear of, by their keys.
pub const SEARCH_TODO: &[u8] = b"zt";
/// Blobs that a row which is gone has named, by id.
pub const LOOSE_BLOB: &[u8] = b"zb";
/// Facts about the installation: keys made at first start.
pub const SETTING: &[u8] = b"x.";

/// Longest part of a name or address that goes into an index key, in bytes.
const TEXT_MAX: usize = 300;

/// A key being put together.
#[derive(Clone)]
pub struct KeyBuilder(Key);

impl KeyBuilder {
    /// Begins with a tag.
    #[must_use]
    pub fn new(tag: &[u8]) -> Self {
        Self(tag.to_vec())
    }

    /// Adds a fixed-size part.
    #[must_use]
    pub fn bytes(mut self, part: &[u8]) -> Self {
        self.0.extend_from_slice(part);
        self
    }

    /// Adds a text in lower case, closed by a zero byte.
    #[must_use]
    pub fn text(mut self, text: &str) -> Self {
        let lower = text.to_lowercase();
        self.0
            .extend(lower.bytes().filter(|byte| *byte != 0).take(TEXT_MAX));
        self.0.push(0);
        self
    }

    /// Adds a time so that later sorts first.
    #[must_use]
    pub fn newest_first(self, at: Timestamp) -> Self {
        self.bytes(&(u64::MAX - at.as_millis()).to_be_bytes())
    }

    /// Adds an id so that later ones sort first (ids are UUIDv7).
    #[must_use]
    pub fn id_newest_first(self, id: &[u8; 16]) -> Self {
        self.bytes(&id.map(|byte| !byte))
    }

    /// The key.
    #[must_use]
    pub fn build(self) -> Key {
        self.0
    }
}

/// Goes on with what is there.
impl From<Key> for KeyBuilder {
    fn from(start: Key) -> Self {
        Self(start)
    }
}

fn row(tag: &[u8], id: &[u8]) -> Key {
    KeyBuilder::new(tag).bytes(id).build()
}

/// Row of a contact.
#[must_use]
pub fn contact(id: ContactId) -> Key {
    row(CONTACT, id.as_bytes())
}

/// The shelf of an address, one of 256. Who makes a contact of an address that nobody has writes it
/// over as it was read before looking who has the address: of two who do so at once, one is too
/// late. So many tell nothing of an address.
#[must_use]
pub fn stranger(lookup_key: &str) -> Key {
    let digest = BlobId::of(lookup_key.as_bytes());
    row(STRANGER, &digest.as_bytes()[..1])
}

/// Row of an area.
#[must_use]
pub fn area(id: AreaId) -> Key {
    row(AREA, id.as_bytes())
}

/// Row of a communication.
#[must_use]
pub fn communication(id: CommunicationId) -> Key {
    row(COMMUNICATION, id.as_bytes())
}

/// Row of the deliveries of one [set](DeliveryId::set).
#[must_use]
pub fn delivery_set(set: [u8; 16]) -> Key {
    row(DELIVERY, &set)
}

/// Where a delivery stands among all of them; its row begins here or before.
#[must_use]
pub fn delivery(id: DeliveryId) -> Key {
    row(DELIVERY, id.as_bytes())
}

/// What is left of a contact that another one took over.
#[must_use]
pub fn merger(from: ContactId) -> Key {
    row(MERGER, from.as_bytes())
}

/// Contacts being gathered for a user.
#[must_use]
pub fn gathering(user: UserId) -> Key {
    row(GATHERING, user.as_bytes())
}

/// Row of somebody who is being erased.
#[must_use]
pub fn erasure(contact: ContactId) -> Key {
    row(ERASURE, contact.as_bytes())
}

/// Row of an address or number to which nothing goes any more.
#[must_use]
pub fn suppression(digest: &[u8; 32]) -> Key {
    row(SUPPRESSION, digest)
}

/// Row of a group.
#[must_use]
pub fn group(id: GroupId) -> Key {
    row(GROUP, id.as_bytes())
}

/// Row of a saved filter.
#[must_use]
pub fn filter(id: FilterId) -> Key {
    row(FILTER, id.as_bytes())
}

/// Row of a campaign.
#[must_use]
pub fn campaign(id: CampaignId) -> Key {
    row(CAMPAIGN, id.as_bytes())
}

/// Row of a template.
#[must_use]
pub fn template(id: TemplateId) -> Key {
    row(TEMPLATE, id.as_bytes())
}

/// Row of an earlier version of a template.
#[must_use]
pub fn past_template(id: TemplateId, version: u32) -> Key {
    KeyBuilder::new(PAST_TEMPLATE)
        .bytes(id.as_bytes())
        .bytes(&version.to_be_bytes())
        .build()
}

/// Where the earlier versions of a template begin.
#[must_use]
pub fn past_templates(id: TemplateId) -> Key {
    row(PAST_TEMPLATE, id.as_bytes())
}

/// Row of where an area lies.
#[must_use]
pub fn area_place(area: AreaId) -> Key {
    row(AREA_PLACE, area.as_bytes())
}

/// Row of an alert that another program handed in.
#[must_use]
pub fn alert(key: &[u8; 32]) -> Key {
    row(ALERT, key)
}

/// Row of a webhook.
#[must_use]
pub fn webhook(id: WebhookId) -> Key {
    row(WEBHOOK, id.as_bytes())
}

/// Row of a piece of news for one webhook.
#[must_use]
pub fn notification(id: &[u8; 16]) -> Key {
    row(NOTIFICATION, id)
}

/// Where the news of a webhook begins in one of its indexes, or one of its counters.
#[must_use]
pub fn of_webhook(tag: &[u8], id: WebhookId) -> Key {
    row(tag, id.as_bytes())
}

/// Row of answers that say the same.
#[must_use]
pub fn answer_pool(id: AnswerPoolId) -> Key {
    row(ANSWER_POOL, id.as_bytes())
}

/// Row of the last of them.
#[must_use]
pub fn last_answer(pool: AnswerPoolId) -> Key {
    row(LAST_ANSWER, pool.as_bytes())
}

/// Counter of them.
#[must_use]
pub fn answers(pool: AnswerPoolId) -> Key {
    row(ANSWERS, pool.as_bytes())
}

/// An entry of a recipient list.
#[must_use]
pub fn recipient(user: UserId, contact: ContactId) -> Key {
    KeyBuilder::new(RECIPIENT)
        .bytes(user.as_bytes())
        .bytes(contact.as_bytes())
        .build()
}

/// Counter of a recipient list.
#[must_use]
pub fn recipients_of_user(user: UserId) -> Key {
    row(RECIPIENTS_OF_USER, user.as_bytes())
}

/// Before the deliveries made at this time or later, behind those made earlier: an id begins
/// with its time, in 48 bits (UUIDv7: RFC 9562, 5.7).
#[must_use]
pub fn made_at(at: Timestamp) -> Key {
    let millis = at.as_millis().min((1 << 48) - 1).to_be_bytes();
    KeyBuilder::new(DELIVERY).bytes(&millis[2..]).build()
}

/// An import.
#[must_use]
pub fn import(id: ImportId) -> Key {
    row(IMPORT, id.as_bytes())
}

/// A chunk of an import's findings.
#[must_use]
pub fn import_findings(id: ImportId, pass: ImportPass, index: u32) -> Key {
    KeyBuilder::new(IMPORT_FINDINGS)
        .bytes(id.as_bytes())
        .bytes(&[pass as u8])
        .bytes(&index.to_be_bytes())
        .build()
}

/// A contact as it was before an import.
#[must_use]
pub fn import_image(id: ImportId, contact: ContactId) -> Key {
    KeyBuilder::new(IMPORT_IMAGE)
        .bytes(id.as_bytes())
        .bytes(contact.as_bytes())
        .build()
}

/// Row of a user.
#[must_use]
pub fn user(id: UserId) -> Key {
    row(USER, id.as_bytes())
}

/// Row of a person in a communication.
#[must_use]
pub fn person(communication: CommunicationId, contact: ContactId) -> Key {
    KeyBuilder::new(PERSON)
        .bytes(communication.as_bytes())
        .bytes(contact.as_bytes())
        .build()
}

/// Before the entries of everybody in this state in [`PERSON_BY_STATE`]; what follows is
/// [`person_position`].
#[must_use]
pub fn people_in_state(communication: CommunicationId, state: PersonState) -> Key {
    KeyBuilder::new(PERSON_BY_STATE)
        .bytes(communication.as_bytes())
        .bytes(&[state as u8])
        .build()
}

/// Where somebody stands among the people of a communication, in whatever state.
#[must_use]
pub fn person_position(sort_name: &str, contact: ContactId) -> Key {
    KeyBuilder::new(&[])
        .text(sort_name)
        .bytes(contact.as_bytes())
        .build()
}

/// An audience chunk.
#[must_use]
pub fn audience(communication: CommunicationId, index: u32) -> Key {
    KeyBuilder::new(AUDIENCE)
        .bytes(communication.as_bytes())
        .bytes(&index.to_be_bytes())
        .build()
}

/// A round still to be worked off.
#[must_use]
pub fn round(communication: CommunicationId, round: u8) -> Key {
    KeyBuilder::new(ROUND)
        .bytes(communication.as_bytes())
        .bytes(&[round])
        .build()
}

/// Counter of people by state.
#[must_use]
pub fn people_by_state(communication: CommunicationId, state: PersonState) -> Key {
    KeyBuilder::new(PEOPLE_BY_STATE)
        .bytes(communication.as_bytes())
        .bytes(&[state as u8])
        .build()
}

/// Counter of deliveries by status.
#[must_use]
pub fn deliveries_by_status(communication: CommunicationId, status: Status) -> Key {
    KeyBuilder::new(DELIVERIES_BY_STATUS)
        .bytes(communication.as_bytes())
        .bytes(&[status.code()])
        .build()
}

/// Counter of people who confirmed in this way.
#[must_use]
pub fn confirmed_by(communication: CommunicationId, by: ConfirmedBy) -> Key {
    KeyBuilder::new(CONFIRMED_BY)
        .bytes(communication.as_bytes())
        .bytes(&[by as u8])
        .build()
}

/// Counter of people who followed the link with this number; they are counted from 1 on.
#[must_use]
pub fn followed(communication: CommunicationId, link: u16) -> Key {
    KeyBuilder::new(LINKS_FOLLOWED)
        .bytes(communication.as_bytes())
        .bytes(&link.to_be_bytes())
        .build()
}

/// Counter of people who followed a link, whichever.
#[must_use]
pub fn clicked(communication: CommunicationId) -> Key {
    followed(communication, 0)
}

/// Before the deliveries whose ids begin with this.
#[must_use]
pub fn deliveries_beginning(beginning: &[u8]) -> Key {
    row(DELIVERY, beginning)
}

/// Index entry of a carrier's id.
#[must_use]
pub fn remote_id(id: &str) -> Key {
    KeyBuilder::new(DELIVERY_BY_REMOTE_ID).text(id).build()
}

/// A part of a text.
#[must_use]
pub fn text_part(set: &[u8; 32], number: u8) -> Key {
    KeyBuilder::new(TEXT_PART)
        .bytes(set)
        .bytes(&[number])
        .build()
}

/// Where the parts of one text begin.
#[must_use]
pub fn text_parts(set: &[u8; 32]) -> Key {
    row(TEXT_PART, set)
}

/// An early receipt.
#[must_use]
pub fn early_receipt(id: &str) -> Key {
    KeyBuilder::new(EARLY_RECEIPT).text(id).build()
}

/// Under which a user is found by login name.
#[must_use]
pub fn user_by_login(login: &str) -> Key {
    KeyBuilder::new(USER_BY_LOGIN).text(login).build()
}

/// Row of a session.
#[must_use]
pub fn session(token_hash: &[u8; 32]) -> Key {
    row(SESSION, token_hash)
}

/// Row of a session of the public pages.
#[must_use]
pub fn visit(token_hash: &[u8; 32]) -> Key {
    row(VISIT, token_hash)
}

/// Row of a ticket.
#[must_use]
pub fn ticket(token_hash: &[u8; 32]) -> Key {
    row(TICKET, token_hash)
}

/// Index entry of the ticket that went to this address or number in this minute.
#[must_use]
pub fn ticket_by_destination(lookup_key: &str, slot: u64) -> Key {
    KeyBuilder::new(TICKET_BY_DESTINATION)
        .text(lookup_key)
        .bytes(&(u64::MAX - slot).to_be_bytes())
        .build()
}

/// Index entry of something that may go at this time.
#[must_use]
pub fn self_service_by_end(at: Timestamp, row: &[u8]) -> Key {
    KeyBuilder::new(SELF_SERVICE_BY_END)
        .bytes(&at.as_millis().to_be_bytes())
        .bytes(row)
        .build()
}

/// Row of somebody who has signed up.
#[must_use]
pub fn sign_up(id: ContactId) -> Key {
    row(SIGN_UP, id.as_bytes())
}

/// Row of a token.
#[must_use]
pub fn api_token(token_hash: &[u8; 32]) -> Key {
    row(API_TOKEN, token_hash)
}

/// Row of a request that may be sent again.
#[must_use]
pub fn api_request(key: &[u8; 32]) -> Key {
    row(API_REQUEST, key)
}

/// Row of a case.
#[must_use]
pub fn case(id: CaseId) -> Key {
    row(CASE, id.as_bytes())
}

/// Under which a case is found by its reference.
#[must_use]
pub fn case_by_reference(reference: &str) -> Key {
    KeyBuilder::new(CASE_BY_REFERENCE).text(reference).build()
}

/// Where what was done with a case begins.
#[must_use]
pub fn events_of_case(case: CaseId) -> Key {
    row(CASE_EVENT, case.as_bytes())
}

/// Row of correspondence.
#[must_use]
pub fn entry(id: EntryId) -> Key {
    row(ENTRY, id.as_bytes())
}

/// A mail that came in.
#[must_use]
pub fn inbound(id: &[u8; 16]) -> Key {
    row(INBOUND, id)
}

/// A fact about the installation.
#[must_use]
pub fn setting(name: &str) -> Key {
    KeyBuilder::new(SETTING).text(name).build()
}

/// Row of a thread.
#[must_use]
pub fn thread(id: ThreadId) -> Key {
    row(THREAD, id.as_bytes())
}

/// Row of a message.
#[must_use]
pub fn message(thread: ThreadId, at: Timestamp, id: MessageId) -> Key {
    KeyBuilder::new(MESSAGE)
        .bytes(thread.as_bytes())
        .bytes(&at.as_millis().to_be_bytes())
        .bytes(id.as_bytes())
        .build()
}

/// Where threads of one state begin.
#[must_use]
pub fn threads_in_state(state: ThreadState) -> Key {
    KeyBuilder::new(THREAD_BY_STATE)
        .bytes(&[state as u8])
        .build()
}

/// Where threads that somebody, or nobody, looks after begin.
#[must_use]
pub fn threads_assigned(to: Option<UserId>, state: ThreadState) -> Key {
    KeyBuilder::new(THREAD_BY_ASSIGNEE)
        .bytes(&assignee(to))
        .bytes(&[state as u8])
        .build()
}

/// Where messages with this `Message-ID` begin.
#[must_use]
pub fn messages_by_reference(message_id: &str) -> Key {
    let digest = BlobId::of(message_id.as_bytes());
    row(MESSAGE_BY_REFERENCE, &digest.as_bytes()[..16])
}

/// Where messages that answer a delivery, or were taken by it, begin.
#[must_use]
pub fn messages_by_delivery(delivery: DeliveryId) -> Key {
    row(MESSAGE_BY_DELIVERY, delivery.as_bytes())
}

/// What an administrator has to be told of.
#[must_use]
pub fn reply_notice(user: UserId) -> Key {
    row(REPLY_NOTICE, user.as_bytes())
}

/// Counter of unread threads by who looks after them.
#[must_use]
pub fn unread_of(user: Option<UserId>) -> Key {
    row(UNREAD_BY_ASSIGNEE, &assignee(user))
}

/// Nobody is sixteen zeros: no id is.
fn assignee(user: Option<UserId>) -> [u8; 16] {
    user.map_or([0; 16], |user| *user.as_bytes())
}
/// That a row which is gone has named this blob.
#[must_use]
pub fn loose_blob(id: BlobId) -> Key {
    row(LOOSE_BLOB, id.as_bytes())
}

/// Word that the row under this key has changed.
#[must_use]
pub fn search_todo(row: &[u8]) -> Key {
    [SEARCH_TODO, row].concat()
}
