//! The records of the inbox, for fixtures and laws.

use proptest::collection::vec;
use proptest::option;
use proptest::prelude::*;
use proptest::sample::select;

use super::arbitrary::{contact_id, delivery_id, time, user_id};
use super::samples::at;
use crate::domain::{
    AuthResult, Authentication, BlobId, Channel, CommunicationId, ContactId, DeliveryId, Direction,
    FileScan, Message, MessageFile, MessageId, MessageKind, Redacted, ReplyNotice, ScanFound,
    TextPart, TextPartSet, Thread, ThreadId, ThreadState, UserId,
};

fn closed(text: &str) -> Redacted<String> {
    Redacted::new(text.to_owned())
}

pub(crate) fn thread() -> Thread {
    Thread {
        id: ThreadId::from_bytes([21; 16]),
        contact: Some(ContactId::from_bytes([3; 16])),
        address: closed("ada@example.org"),
        channel: Channel::Email,
        subject: closed("Re: Missing child"),
        preview: closed("I have seen her."),
        state: ThreadState::Open,
        unread: 1,
        assigned: Some(UserId::from_bytes([8; 16])),
        messages: 2,
        opened_at: at(100),
        changed_at: at(200),
    }
}

pub(crate) fn message() -> Message {
    Message {
        id: MessageId::from_bytes([22; 16]),
        thread: ThreadId::from_bytes([21; 16]),
        direction: Direction::In,
        kind: MessageKind::Written,
        channel: Channel::Email,
        at: at(200),
        from: closed("ada@example.org"),
        preview: closed("I have seen her."),
        body: Some(BlobId::from_bytes([23; 32])),
        original: Some(BlobId::from_bytes([13; 32])),
        files: vec![MessageFile {
            name: closed("quay.jpg"),
            size_bytes: 120_000,
            scan: None,
        }],
        message_id: closed("1@mail.example.org"),
        in_reply_to: closed("2@example.net"),
        delivery: Some(DeliveryId::from_bytes([5; 16])),
        communication: Some(CommunicationId::from_bytes([7; 16])),
        by: Some(UserId::from_bytes([8; 16])),
        notify_at: Some(at(201)),
        authentication: None,
        is_disowned: false,
    }
}

pub(crate) fn reply_notice() -> ReplyNotice {
    ReplyNotice {
        user: UserId::from_bytes([8; 16]),
        told_at: Some(at(100)),
        waiting: 3,
        thread: Some(ThreadId::from_bytes([21; 16])),
        due: Some(at(300_100)),
    }
}

pub(crate) fn text_part() -> TextPart {
    let set = TextPartSet {
        carrier: "main".to_owned(),
        from: closed("+447700900123"),
        to: "40404".to_owned(),
        kind: 0,
        reference: 7,
        total: 2,
    };
    set.part(1, "We are ".to_owned(), Vec::new(), at(200))
}

fn text() -> impl Strategy<Value = Redacted<String>> {
    "[a-zé€𝄞<@. ]{0,24}".prop_map(Redacted::new)
}

fn thread_id() -> impl Strategy<Value = ThreadId> {
    any::<[u8; 16]>().prop_map(ThreadId::from_bytes)
}

fn blob() -> impl Strategy<Value = BlobId> {
    any::<[u8; 32]>().prop_map(BlobId::from_bytes)
}

fn channel() -> impl Strategy<Value = Channel> {
    select(Channel::ALL.to_vec())
}

pub(crate) fn any_thread() -> impl Strategy<Value = Thread> {
    let state = select(vec![ThreadState::Open, ThreadState::Done]);
    let who = (thread_id(), option::of(contact_id()), text(), channel());
    let said = (text(), text(), state, any::<u32>());
    let rest = (option::of(user_id()), any::<u32>(), time(), time());
    (who, said, rest).prop_map(|(who, said, rest)| Thread {
        id: who.0,
        contact: who.1,
        address: who.2,
        channel: who.3,
        subject: said.0,
        preview: said.1,
        state: said.2,
        unread: said.3,
        assigned: rest.0,
        messages: rest.1,
        opened_at: rest.2,
        changed_at: rest.3,
    })
}

fn authentication() -> impl Strategy<Value = Authentication> {
    let result = || select(AuthResult::ALL.to_vec());
    (result(), result(), result(), any::<bool>()).prop_map(|(spf, dkim, dmarc, is_strict)| {
        Authentication {
            spf,
            dkim,
            dmarc,
            is_strict,
        }
    })
}

fn file_scan() -> impl Strategy<Value = FileScan> {
    let found = prop_oneof![
        Just(ScanFound::Nothing),
        "[A-Za-z.-]{0,12}".prop_map(ScanFound::Virus),
        Just(ScanFound::TooLarge),
    ];
    (time(), found).prop_map(|(at, found)| FileScan { at, found })
}

pub(crate) fn any_message() -> impl Strategy<Value = Message> {
    let direction = select(vec![Direction::In, Direction::Out]);
    let kind = select(vec![
        MessageKind::Written,
        MessageKind::Automatic,
        MessageKind::OptOut,
        MessageKind::OptIn,
        MessageKind::Keys,
        MessageKind::Report,
    ]);
    let file =
        (text(), any::<u64>(), option::of(file_scan())).prop_map(|(name, size_bytes, scan)| {
            MessageFile {
                name,
                size_bytes,
                scan,
            }
        });
    let id = any::<[u8; 16]>().prop_map(MessageId::from_bytes);
    let communication = any::<[u8; 16]>().prop_map(CommunicationId::from_bytes);
    let what = (id, thread_id(), direction, kind, channel(), time());
    let said = (text(), text(), option::of(blob()), option::of(blob()));
    let named = (vec(file, 0..3), text(), text());
    let about = (
        option::of(delivery_id()),
        option::of(communication),
        option::of(user_id()),
        option::of(time()),
        option::of(authentication()),
        any::<bool>(),
    );
    (what, said, named, about).prop_map(|(what, said, named, about)| Message {
        id: what.0,
        thread: what.1,
        direction: what.2,
        kind: what.3,
        channel: what.4,
        at: what.5,
        from: said.0,
        preview: said.1,
        body: said.2,
        original: said.3,
        files: named.0,
        message_id: named.1,
        in_reply_to: named.2,
        delivery: about.0,
        communication: about.1,
        by: about.2,
        notify_at: about.3,
        authentication: about.4,
        is_disowned: about.5,
    })
}

pub(crate) fn any_text_part() -> impl Strategy<Value = TextPart> {
    let set = (text(), "[0-9]{0,9}", any::<u8>(), any::<u16>(), any::<u8>());
    let said = ("[a-zé€𝄞]{0,24}", any::<Vec<u8>>());
    let part = (any::<u8>(), said, time(), any::<bool>());
    (set, part).prop_map(|(set, part)| {
        let (from, to, kind, reference, total) = set;
        let (number, (text, utf16), at, is_taken) = part;
        let set = TextPartSet {
            carrier: "main".to_owned(),
            from,
            to,
            kind,
            reference,
            total,
        };
        let part = set.part(number, text, utf16, at);
        if is_taken { part.once_taken() } else { part }
    })
}

pub(crate) fn any_notice() -> impl Strategy<Value = ReplyNotice> {
    let times = (option::of(time()), option::of(time()));
    (user_id(), times, any::<u32>(), option::of(thread_id())).prop_map(
        |(user, times, waiting, thread)| ReplyNotice {
            user,
            told_at: times.0,
            waiting,
            thread,
            due: times.1,
        },
    )
}
