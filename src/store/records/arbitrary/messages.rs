//! Communications, deliveries, people in them, and the log.

use proptest::collection::vec;
use proptest::option;
use proptest::prelude::*;
use proptest::sample::select;

use super::{
    area_id, blob_id, campaign_id, channels, closed_text, communication_id, contact_id,
    delivery_id, destination, filter_id, group_id, import_id, method_id, method_kind, status, text,
    time, user_id, verdict,
};
use crate::domain::{
    Actor, Approval, Attachment, Audience, AudienceChunk, Body, Channel, Closed, ClosedReason,
    Communication, CommunicationState, ConfirmedBy, ContactChange, Content, Delivery, DeliveryId,
    DeliverySet, EarlyReceipt, EmailAddress, EscalationStep, InboundMail, LogEntry, LogEvent,
    Origin, Person, PersonDelivery, PersonState, Redacted, Related, Relation, ReportRequest,
    ReportsWanted, Round, RoundJob, SendingPlan, Source, StatusChange, Tracking,
};

fn origin() -> impl Strategy<Value = Origin> {
    prop_oneof![
        user_id().prop_map(Origin::Console),
        user_id().prop_map(Origin::Submission),
        user_id().prop_map(Origin::Program),
        user_id().prop_map(Origin::Test),
        user_id().prop_map(Origin::Reply),
        Just(Origin::Prompt),
        Just(Origin::Verification),
        Just(Origin::Notice),
        Just(Origin::Keyword),
    ]
}

fn body() -> impl Strategy<Value = Body> {
    prop_oneof![Just(Body::Composed), blob_id().prop_map(Body::Submitted)]
}

fn audience() -> impl Strategy<Value = Audience> {
    let picks = (vec(area_id(), 0..4), vec(contact_id(), 0..4));
    let groups = (vec(group_id(), 0..3), vec(filter_id(), 0..3));
    let list = (option::of(blob_id()), any::<u32>());
    let except = (
        vec(area_id(), 0..3),
        vec(group_id(), 0..3),
        vec(contact_id(), 0..3),
        option::of(method_id()),
    );
    (picks, groups, list, except).prop_map(|(picks, groups, list, except)| Audience {
        areas: picks.0,
        contacts: picks.1,
        groups: groups.0,
        filters: groups.1,
        list: list.0,
        list_people: list.1,
        except_areas: except.0,
        except_groups: except.1,
        except_contacts: except.2,
        method: except.3,
    })
}

pub(crate) fn communication_state() -> impl Strategy<Value = CommunicationState> {
    select(vec![
        CommunicationState::Draft,
        CommunicationState::AwaitingApproval,
        CommunicationState::Scheduled,
        CommunicationState::Expanding,
        CommunicationState::Sent,
    ])
}

fn sending_plan() -> impl Strategy<Value = SendingPlan> {
    let step =
        (select(Channel::ALL.to_vec()), any::<u32>()).prop_map(|(channel, after)| EscalationStep {
            channel,
            after: std::time::Duration::from_millis(u64::from(after)),
        });
    let times = (option::of(time()), option::of(time()));
    let tracking = any::<[bool; 2]>().prop_map(|[opens, clicks]| Tracking { opens, clicks });
    (any::<bool>(), times, vec(step, 0..4), tracking).prop_map(
        |(emergency, (scheduled_at, until), escalation, tracking)| SendingPlan {
            emergency,
            scheduled_at,
            escalation,
            until,
            tracking,
        },
    )
}

fn approval() -> impl Strategy<Value = Approval> {
    let decided = (option::of(user_id()), option::of(time()), any::<bool>());
    let of = (option::of(blob_id()), option::of(blob_id()));
    (user_id(), time(), decided, text(), of).prop_map(|(asked_by, asked_at, decided, note, of)| {
        Approval {
            asked_by,
            asked_at,
            decided_by: decided.0,
            decided_at: decided.1,
            approved: decided.2,
            note,
            digest: of.0,
            people: of.1,
        }
    })
}

fn related() -> impl Strategy<Value = Related> {
    let relations = vec![
        Relation::Correction,
        Relation::FollowUp,
        Relation::Again,
        Relation::Trial,
    ];
    (communication_id(), select(relations)).prop_map(|(to, relation)| Related { to, relation })
}

pub(crate) fn communication() -> impl Strategy<Value = Communication> {
    let what = (communication_id(), text(), origin(), channels(), text());
    let said = (blob_id(), body(), audience());
    let state = (communication_state(), any::<u64>(), any::<u8>());
    let times = (time(), time(), option::of(time()));
    let more = (
        option::of(campaign_id()),
        option::of(related()),
        sending_plan(),
        option::of(approval()),
        vec(round(), 0..4),
        option::of(crate::store::records::case_samples::matter()),
        option::of((any::<[u8; 16]>(), any::<u32>())),
        option::of(delivery_id()),
    );
    (what, said, state, times, more).prop_map(|(what, said, state, times, more)| Communication {
        id: what.0,
        category: what.1,
        origin: what.2,
        channels: what.3,
        title: what.4,
        content: said.0,
        body: said.1,
        audience: said.2,
        state: state.0,
        people: state.1,
        rounds: state.2,
        created_at: times.0,
        modified_at: times.1,
        sent_at: times.2,
        campaign: more.0,
        related: more.1,
        plan: more.2,
        approval: more.3,
        history: more.4,
        matter: more.5,
        template: more
            .6
            .map(|(id, version)| (crate::domain::TemplateId::from_bytes(id), version)),
        about: more.7,
    })
}

pub(crate) fn attachment() -> impl Strategy<Value = Attachment> {
    (text(), text(), any::<u64>(), blob_id()).prop_map(|(name, media_type, size_bytes, blob)| {
        Attachment {
            name,
            media_type,
            size_bytes,
            blob,
        }
    })
}

fn round() -> impl Strategy<Value = Round> {
    (
        any::<u8>(),
        time(),
        option::of(time()),
        option::of(user_id()),
    )
        .prop_map(|(number, due, done, by)| Round {
            number,
            due,
            done,
            by,
        })
}

pub(crate) fn content() -> impl Strategy<Value = Content> {
    let texts = (text(), text(), text(), text(), text());
    (texts, vec(attachment(), 0..3)).prop_map(
        |((subject, text, html, sms_text, voice_script), attachments)| Content {
            subject,
            text,
            html,
            sms_text,
            voice_script,
            attachments,
        },
    )
}

fn source() -> impl Strategy<Value = Source> {
    prop_oneof![
        select(vec![
            Source::Gateway,
            Source::Peer,
            Source::Report,
            Source::Person
        ]),
        user_id().prop_map(Source::Operator),
        any::<u16>().prop_map(Source::Link),
    ]
}

fn status_change() -> impl Strategy<Value = StatusChange> {
    (time(), status(), option::of(verdict()), source()).prop_map(|(at, status, verdict, source)| {
        StatusChange {
            at,
            status,
            verdict,
            source,
        }
    })
}

fn closed() -> impl Strategy<Value = Closed> {
    let reason = select(vec![
        ClosedReason::ReachedOtherwise,
        ClosedReason::MethodNotUsable,
        ClosedReason::NotWanted,
    ]);
    (time(), reason).prop_map(|(at, reason)| Closed { at, reason })
}

fn report_request() -> impl Strategy<Value = ReportRequest> {
    let told = vec(communication_id(), 0..3);
    (any::<[bool; 4]>(), text(), text(), told).prop_map(
        |([success, failure, delay, whole], envelope_id, original_recipient, told)| ReportRequest {
            to: Redacted::new(EmailAddress::parse("app@example.org").unwrap()),
            on: ReportsWanted {
                success,
                failure,
                delay,
            },
            whole,
            envelope_id,
            original_recipient: Redacted::new(original_recipient),
            told,
        },
    )
}

pub(crate) fn delivery() -> impl Strategy<Value = Delivery> {
    let ids = (delivery_id(), communication_id(), contact_id(), method_id());
    let way = (select(Channel::ALL.to_vec()), destination(), any::<u8>());
    let work = (any::<u16>(), option::of(time()), option::of(closed()));
    let remote = (
        vec(text(), 0..4),
        any::<u64>(),
        any::<[bool; 2]>(),
        option::of(time()),
        option::of(report_request()),
    );
    (ids, way, vec(status_change(), 0..12), work, remote).prop_map(
        |(ids, way, timeline, work, remote)| Delivery {
            id: ids.0,
            communication: ids.1,
            contact: ids.2,
            method: ids.3,
            channel: way.0,
            destination: way.1,
            round: way.2,
            timeline,
            attempts: work.0,
            due: work.1,
            closed: work.2,
            remote_ids: remote.0,
            segments_delivered: remote.1,
            segments_failed: remote.1.rotate_left(7),
            express: remote.2[0],
            held_until: remote.3,
            awaits_turn: remote.2[1],
            report: remote.4,
        },
    )
}

pub(crate) fn delivery_set() -> impl Strategy<Value = DeliverySet> {
    let set = any::<[u8; 16]>().prop_map(uuid::Uuid::from_bytes);
    (set, vec(delivery(), 1..=DeliveryId::SET_SIZE)).prop_map(|(set, mut deliveries)| {
        for (delivery, id) in deliveries.iter_mut().zip(DeliveryId::set_of(set)) {
            delivery.id = id;
        }
        DeliverySet::new(deliveries).unwrap()
    })
}

pub(crate) fn person_state() -> impl Strategy<Value = PersonState> {
    select(PersonState::ALL.to_vec())
}

fn person_delivery() -> impl Strategy<Value = PersonDelivery> {
    (delivery_id(), method_id(), status(), any::<bool>()).prop_map(
        |(delivery, method, status, closed)| PersonDelivery {
            delivery,
            method,
            status,
            closed,
        },
    )
}

fn confirmed_by() -> impl Strategy<Value = ConfirmedBy> {
    select(ConfirmedBy::ALL.to_vec())
}

pub(crate) fn person() -> impl Strategy<Value = Person> {
    let deliveries = vec(person_delivery(), 0..5);
    let who = (communication_id(), contact_id(), closed_text());
    let state = (
        person_state(),
        option::of(time()),
        option::of(confirmed_by()),
        vec(any::<u16>(), 0..4),
    );
    (who, deliveries, state).prop_map(|(who, deliveries, state)| {
        let (state, confirmed, confirmed_by, links) = state;
        Person {
            communication: who.0,
            contact: who.1,
            deliveries,
            state,
            confirmed,
            confirmed_by,
            sort_name: who.2,
            links,
        }
    })
}

pub(crate) fn audience_chunk() -> impl Strategy<Value = AudienceChunk> {
    (communication_id(), any::<u32>(), vec(contact_id(), 0..9)).prop_map(
        |(communication, index, contacts)| AudienceChunk {
            communication,
            index,
            contacts,
        },
    )
}

pub(crate) fn round_job() -> impl Strategy<Value = RoundJob> {
    let way = (option::of(any::<u8>()), any::<bool>());
    (
        communication_id(),
        any::<u8>(),
        any::<[u32; 2]>(),
        time(),
        way,
    )
        .prop_map(
            |(communication, round, [cursor, entered], due, (step, express))| RoundJob {
                communication,
                round,
                cursor,
                entered,
                due,
                step,
                express,
            },
        )
}

pub(crate) fn inbound_mail() -> impl Strategy<Value = InboundMail> {
    let envelope = (text(), text(), option::of(delivery_id()));
    let times = (time(), option::of(time()), any::<bool>());
    (any::<[u8; 16]>(), envelope, blob_id(), times).prop_map(|(id, envelope, message, times)| {
        InboundMail {
            id,
            mail_from: envelope.0,
            rcpt_to: envelope.1,
            delivery: envelope.2,
            message,
            received_at: times.0,
            due: times.1,
            express: times.2,
        }
    })
}

pub(crate) fn early_receipt() -> impl Strategy<Value = EarlyReceipt> {
    let also = vec(text(), 0..3);
    let says = (verdict(), any::<bool>(), any::<bool>());
    (text(), says, time(), also).prop_map(|(remote_id, says, at, also)| EarlyReceipt {
        remote_id,
        verdict: says.0,
        delivered: says.1,
        at,
        underway: says.2,
        also,
    })
}

pub(crate) fn actor() -> impl Strategy<Value = Actor> {
    prop_oneof![
        user_id().prop_map(Actor::User),
        user_id().prop_map(Actor::Program),
        import_id().prop_map(Actor::Import),
        Just(Actor::Person),
        Just(Actor::Gateway),
    ]
}

fn changed() -> impl Strategy<Value = LogEvent> {
    let about = (option::of(method_id()), option::of(method_kind()));
    (select(ContactChange::ALL.to_vec()), about, text(), actor()).prop_map(
        |(change, (method, kind), detail, by)| LogEvent::Changed {
            change,
            method,
            kind,
            detail,
            by,
        },
    )
}

fn log_event() -> impl Strategy<Value = LogEvent> {
    prop_oneof![
        (delivery_id(), verdict())
            .prop_map(|(delivery, verdict)| LogEvent::Returned { delivery, verdict }),
        (method_id(), method_kind(), delivery_id(), verdict()).prop_map(
            |(method, kind, delivery, verdict)| LogEvent::Suspended {
                method,
                kind,
                delivery,
                verdict
            }
        ),
        (method_id(), method_kind(), user_id())
            .prop_map(|(method, kind, by)| LogEvent::Reinstated { method, kind, by }),
        (method_id(), method_kind(), user_id())
            .prop_map(|(method, kind, by)| LogEvent::Corrected { method, kind, by }),
        (method_id(), communication_id()).prop_map(|(about, communication)| LogEvent::Prompted {
            about,
            communication
        }),
        (blob_id(), option::of(delivery_id()))
            .prop_map(|(blob, delivery)| LogEvent::RepliedByItself { blob, delivery }),
        (
            blob_id(),
            option::of(delivery_id()),
            option::of(any::<[u8; 16]>())
        )
            .prop_map(|(blob, delivery, thread)| LogEvent::Replied {
                blob,
                delivery,
                thread: thread.map(crate::domain::ThreadId::from_bytes),
            }),
        changed(),
        (communication_id(), option::of(confirmed_by()))
            .prop_map(|(communication, by)| LogEvent::Confirmed { communication, by }),
    ]
}

pub(crate) fn log_entry() -> impl Strategy<Value = LogEntry> {
    (contact_id(), time(), any::<u32>(), log_event()).prop_map(|(contact, at, sequence, event)| {
        LogEntry {
            contact,
            at,
            sequence,
            event,
        }
    })
}
