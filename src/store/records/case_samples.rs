//! The records of cases and correspondence, for fixtures and laws.

use proptest::collection::vec;
use proptest::option;
use proptest::prelude::*;
use proptest::sample::select;

use super::arbitrary::{actor, attachment, contact_id, delivery_id, time, user_id};
use super::samples::at;
use crate::domain::{
    Actor, Attachment, BlobId, Case, CaseChange, CaseCreditor, CaseEvent, CaseEventId, CaseId,
    CaseStatus, CommunicationId, ContactId, Entry, EntryDirection, EntryId, EntryKind, EntryWhat,
    Matter, MessageId, Note, NoteLink, Party, Redacted, ThreadId, UserId,
};

fn closed(text: &str) -> Redacted<String> {
    Redacted::new(text.to_owned())
}

pub(crate) fn case() -> Case {
    Case {
        id: CaseId::from_bytes([40; 16]),
        reference: "DC-2024-00123".to_owned(),
        title: "Two cards and a loan".to_owned(),
        client: ContactId::from_bytes([3; 16]),
        creditors: vec![CaseCreditor {
            contact: ContactId::from_bytes([41; 16]),
            account: closed("4929 0001"),
        }],
        status: CaseStatus::Closed,
        responsible: Some(UserId::from_bytes([8; 16])),
        team: vec![UserId::from_bytes([9; 16])],
        restricted: true,
        legal_hold: true,
        created_at: at(0),
        modified_at: at(5),
        closed_at: Some(at(4)),
    }
}

pub(crate) fn case_event() -> CaseEvent {
    CaseEvent {
        id: CaseEventId::from_bytes([42; 16]),
        case: CaseId::from_bytes([40; 16]),
        client: ContactId::from_bytes([3; 16]),
        at: at(4),
        change: CaseChange::Closed,
        detail: closed("Settled in full."),
        by: Actor::User(UserId::from_bytes([8; 16])),
    }
}

pub(crate) fn entry() -> Entry {
    Entry {
        id: EntryId::from_bytes([43; 16]),
        at: at(3),
        client: Some(ContactId::from_bytes([3; 16])),
        case: Some(CaseId::from_bytes([40; 16])),
        party: Party::Creditor,
        with: ContactId::from_bytes([41; 16]),
        direction: EntryDirection::Received,
        kind: EntryKind::Call,
        title: closed("They called back."),
        what: EntryWhat::Note(Note {
            text: BlobId::from_bytes([44; 32]),
            files: vec![Attachment {
                name: "offer.pdf".to_owned(),
                media_type: "application/pdf".to_owned(),
                size_bytes: 1200,
                blob: BlobId::from_bytes([45; 32]),
            }],
            noted_at: at(4),
            link: Some(NoteLink::Corrects(EntryId::from_bytes([46; 16]))),
        }),
        by: Some(UserId::from_bytes([8; 16])),
    }
}

fn text() -> impl Strategy<Value = Redacted<String>> {
    "[a-zé€𝄞<@. ]{0,24}".prop_map(Redacted::new)
}

fn case_id() -> impl Strategy<Value = CaseId> {
    any::<[u8; 16]>().prop_map(CaseId::from_bytes)
}

fn entry_id() -> impl Strategy<Value = EntryId> {
    any::<[u8; 16]>().prop_map(EntryId::from_bytes)
}

pub(crate) fn matter() -> impl Strategy<Value = Matter> {
    (contact_id(), option::of(case_id())).prop_map(|(client, case)| Matter { client, case })
}

pub(crate) fn any_case() -> impl Strategy<Value = Case> {
    let creditor = (contact_id(), text());
    let creditor = creditor.prop_map(|(contact, account)| CaseCreditor { contact, account });
    let what = (case_id(), "[A-Z0-9-]{1,20}", "[a-zé ]{0,20}", contact_id());
    let who = (
        vec(creditor, 0..4),
        option::of(user_id()),
        vec(user_id(), 0..4),
    );
    let state = (
        select(CaseStatus::ALL.to_vec()),
        any::<bool>(),
        any::<bool>(),
    );
    let times = (time(), time(), option::of(time()));
    (what, who, state, times).prop_map(|(what, who, state, times)| Case {
        id: what.0,
        reference: what.1,
        title: what.2,
        client: what.3,
        creditors: who.0,
        status: state.0,
        responsible: who.1,
        team: who.2,
        restricted: state.1,
        legal_hold: state.2,
        created_at: times.0,
        modified_at: times.1,
        closed_at: times.2,
    })
}

pub(crate) fn any_case_event() -> impl Strategy<Value = CaseEvent> {
    let ids = (any::<[u8; 16]>(), case_id(), contact_id(), time());
    let change = select(CaseChange::ALL.to_vec());
    (ids, change, text(), actor()).prop_map(|(ids, change, detail, by)| CaseEvent {
        id: CaseEventId::from_bytes(ids.0),
        case: ids.1,
        client: ids.2,
        at: ids.3,
        change,
        detail,
        by,
    })
}

fn what() -> impl Strategy<Value = EntryWhat> {
    let link = prop_oneof![
        entry_id().prop_map(NoteLink::About),
        entry_id().prop_map(NoteLink::Corrects),
    ];
    let blob = any::<[u8; 32]>().prop_map(BlobId::from_bytes);
    let note = (blob, vec(attachment(), 0..3), time(), option::of(link));
    let note = note.prop_map(|(text, files, noted_at, link)| Note {
        text,
        files,
        noted_at,
        link,
    });
    let message = any::<([u8; 16], [u8; 16])>();
    let draft = any::<[u8; 16]>().prop_map(CommunicationId::from_bytes);
    prop_oneof![
        draft.prop_map(EntryWhat::Draft),
        delivery_id().prop_map(EntryWhat::Delivery),
        message.prop_map(|(thread, message)| EntryWhat::Message {
            thread: ThreadId::from_bytes(thread),
            message: MessageId::from_bytes(message),
        }),
        note.prop_map(EntryWhat::Note),
    ]
}

pub(crate) fn any_entry() -> impl Strategy<Value = Entry> {
    let who = (
        option::of(contact_id()),
        option::of(case_id()),
        select(Party::ALL.to_vec()),
        contact_id(),
    );
    let how = (
        select(EntryDirection::ALL.to_vec()),
        select(EntryKind::ALL.to_vec()),
    );
    let said = (text(), what(), option::of(user_id()));
    (entry_id(), time(), who, how, said).prop_map(|(id, at, who, how, said)| Entry {
        id,
        at,
        client: who.0,
        case: who.1,
        party: who.2,
        with: who.3,
        direction: how.0,
        kind: how.1,
        title: said.0,
        what: said.1,
        by: said.2,
    })
}
