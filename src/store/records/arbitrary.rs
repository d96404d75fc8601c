//! Arbitrary values of every record, for laws.

#![allow(clippy::unwrap_used)]

use proptest::collection::vec;
use proptest::option;
use proptest::prelude::*;
use proptest::sample::select;

use crate::domain::{
    Actor, ApiAnswer, ApiRequest, ApiToken, Approval, Area, AreaId, Attachment, Audience,
    AudienceChunk, BlobId, Body, BounceClass, Campaign, CampaignId, Channel, Channels, Closed,
    ClosedReason, Communication, CommunicationId, CommunicationState, ConfirmedBy, Consent,
    Contact, ContactChange, ContactFilter, ContactId, ContactKind, Content, CustomField, Delivery,
    DeliveryId, Destination, EarlyReceipt, EmailAddress, EnhancedStatus, EscalationStep, Fault,
    FilterId, GatherInto, Gathering, Group, GroupId, ImportId, InboundMail, LogEntry, LogEvent,
    Merger, Method, MethodId, MethodKind, MethodState, Origin, Permanence, Person, PersonDelivery,
    PersonState, PhoneNumber, ProofKind, QuietHours, Reason, Recipient, Redacted, Related,
    Relation, Role, Round, RoundJob, SavedFilter, SendingPlan, Session, Source, Status,
    StatusChange, Suspension, Ticket, TicketPurpose, Timestamp, User, UserId, Verdict, Visit,
    Wishes, comms_issue::Reachability,
};
use crate::domain::{
    ColumnUse, Finding, ImportFindings, ImportImage, ImportJob, ImportMapping, ImportPass,
    ImportState, ImportTotals, KnownPeople, UndoTotals,
};

macro_rules! ids {
    ($($name:ident: $type:ident),+ $(,)?) => {$(
        pub(crate) fn $name() -> impl Strategy<Value = $type> + Clone {
            any::<[u8; 16]>().prop_map($type::from_bytes)
        }
    )+};
}

ids!(
    area_id: AreaId,
    campaign_id: CampaignId,
    filter_id: FilterId,
    group_id: GroupId,
    import_id: ImportId,
    communication_id: CommunicationId,
    contact_id: ContactId,
    delivery_id: DeliveryId,
    method_id: MethodId,
    user_id: UserId,
);

fn blob_id() -> impl Strategy<Value = BlobId> {
    any::<[u8; 32]>().prop_map(BlobId::from_bytes)
}

pub(crate) fn time() -> impl Strategy<Value = Timestamp> + Clone {
    any::<u64>().prop_map(Timestamp::from_millis)
}

fn text() -> impl Strategy<Value = String> {
    "[a-zé€𝄞<@. ]{0,24}"
}

fn closed_text() -> impl Strategy<Value = Redacted<String>> {
    text().prop_map(Redacted::new)
}

pub(crate) fn destination() -> impl Strategy<Value = Destination> {
    prop_oneof![
        "[a-z+][a-z0-9]{0,20}@[a-zü]{1,20}\\.(example|org)".prop_map(|text| {
            Destination::Email(Redacted::new(EmailAddress::parse(&text).unwrap()))
        }),
        "\\+[1-9][0-9]{3,14}".prop_map(|text| {
            Destination::Phone(Redacted::new(PhoneNumber::from_e164(&text).unwrap()))
        }),
    ]
}

pub(crate) fn status() -> impl Strategy<Value = Status> {
    select(Status::all())
}

pub(crate) fn channels() -> impl Strategy<Value = Channels> {
    any::<[bool; 3]>().prop_map(|[email, text, call]| Channels { email, text, call })
}

fn enhanced_status() -> impl Strategy<Value = EnhancedStatus> {
    any::<(u8, u16, u16)>().prop_map(|(class, subject, detail)| EnhancedStatus {
        class,
        subject,
        detail,
    })
}

pub(crate) fn verdict() -> impl Strategy<Value = Verdict> {
    let words = (
        select(BounceClass::ALL.to_vec()),
        select(Reason::ALL.to_vec()),
        select(vec![Permanence::Permanent, Permanence::Temporary]),
        select(Fault::ALL.to_vec()),
    );
    let said = (option::of(enhanced_status()), text());
    (words, said).prop_map(|((class, reason, permanence, fault), (status, text))| {
        let verdict = Verdict {
            class,
            fault,
            ..Verdict::failure(reason, permanence)
        };
        verdict.with_status(status).with_diagnostic(text)
    })
}

pub(crate) fn area() -> impl Strategy<Value = Area> {
    (area_id(), option::of(area_id()), text()).prop_map(|(id, parent, name)| Area {
        id,
        parent,
        name,
    })
}

fn suspension() -> impl Strategy<Value = Suspension> {
    (time(), delivery_id(), verdict()).prop_map(|(at, delivery, verdict)| Suspension {
        at,
        delivery,
        verdict,
    })
}

fn method_kind() -> impl Strategy<Value = MethodKind> {
    select(MethodKind::ALL.to_vec())
}

pub(crate) fn method_state() -> impl Strategy<Value = MethodState> {
    select(vec![
        MethodState::Unverified,
        MethodState::Active,
        MethodState::Suspended,
        MethodState::OptedOut,
        MethodState::Removed,
    ])
}

pub(crate) fn method() -> impl Strategy<Value = Method> {
    let failures = (
        option::of(suspension()),
        vec(time(), 0..4),
        any::<u16>(),
        option::of(time()),
    );
    let what = (method_id(), method_kind(), destination(), method_state());
    (what, failures).prop_map(|((id, kind, destination, state), failures)| Method {
        id,
        kind,
        destination,
        state,
        suspension: failures.0,
        soft_failures: failures.1,
        suspensions: failures.2,
        verified_at: failures.3,
    })
}

fn contact_kind() -> impl Strategy<Value = ContactKind> {
    select(ContactKind::ALL.to_vec())
}

fn consent() -> impl Strategy<Value = Consent> {
    let about = (
        option::of(select(Channel::ALL.to_vec())),
        option::of(text()),
        any::<bool>(),
    );
    let proof = prop_oneof![
        select(vec![
            ProofKind::SelfService,
            ProofKind::Link,
            ProofKind::OneClick,
            ProofKind::Keyword
        ]),
        user_id().prop_map(ProofKind::Operator),
        user_id().prop_map(ProofKind::Program),
        import_id().prop_map(ProofKind::Import),
    ];
    (about, time(), proof, closed_text()).prop_map(|(about, at, proof, note)| Consent {
        channel: about.0,
        category: about.1,
        given: about.2,
        at,
        proof,
        note,
    })
}

fn wishes() -> impl Strategy<Value = Wishes> {
    let quiet = option::of((0..1440_u16, 0..1440_u16));
    let preferred = option::of(select(Channel::ALL.to_vec()));
    (quiet, preferred, vec(consent(), 0..3)).prop_map(|(quiet, preferred, consents)| Wishes {
        quiet_hours: quiet.and_then(|(from, to)| QuietHours::new(from, to)),
        preferred,
        consents,
    })
}

fn custom_field() -> impl Strategy<Value = CustomField> {
    (text(), closed_text()).prop_map(|(name, value)| CustomField { name, value })
}

pub(crate) fn group() -> impl Strategy<Value = Group> {
    (group_id(), text(), time()).prop_map(|(id, name, created_at)| Group {
        id,
        name,
        created_at,
    })
}

fn contact_filter() -> impl Strategy<Value = ContactFilter> {
    let who = (text(), option::of(contact_kind()), option::of(text()));
    let picks = (vec(area_id(), 0..3), vec(group_id(), 0..3));
    let state = select(vec![
        Reachability::Fine,
        Reachability::Issue,
        Reachability::Unreachable,
    ]);
    let methods = (
        option::of(method_kind()),
        option::of(method_state()),
        option::of(state),
    );
    let field = option::of((text(), text()));
    (who, picks, methods, field).prop_map(|(who, picks, methods, field)| ContactFilter {
        text: who.0,
        kind: who.1,
        language: who.2,
        areas: picks.0,
        groups: picks.1,
        has: methods.0,
        method_state: methods.1,
        reachability: methods.2,
        field,
    })
}

pub(crate) fn saved_filter() -> impl Strategy<Value = SavedFilter> {
    (filter_id(), text(), contact_filter(), user_id(), time()).prop_map(
        |(id, name, filter, by, created_at)| SavedFilter {
            id,
            name,
            filter,
            by,
            created_at,
        },
    )
}

pub(crate) fn campaign() -> impl Strategy<Value = Campaign> {
    (campaign_id(), text(), user_id(), time(), time()).prop_map(
        |(id, name, by, created_at, modified_at)| Campaign {
            id,
            name,
            by,
            created_at,
            modified_at,
        },
    )
}

pub(crate) fn recipient() -> impl Strategy<Value = Recipient> {
    (user_id(), contact_id(), time()).prop_map(|(user, contact, at)| Recipient {
        user,
        contact,
        at,
    })
}

pub(crate) fn merger() -> impl Strategy<Value = Merger> {
    let ids = (contact_id(), contact_id(), time(), user_id());
    ids.prop_map(|(from, into, at, by)| Merger { from, into, at, by })
}

pub(crate) fn gathering() -> impl Strategy<Value = Gathering> {
    let into = prop_oneof![
        Just(GatherInto::Recipients),
        group_id().prop_map(GatherInto::Group),
    ];
    let rest = (time(), any::<u64>(), vec(any::<u8>(), 0..40));
    (user_id(), into, saved_filter(), rest).prop_map(|(user, into, saved, rest)| {
        let (at, added, cursor) = rest;
        Gathering {
            user,
            into,
            filter: saved.filter,
            at,
            added,
            cursor,
        }
    })
}

pub(crate) fn contact() -> impl Strategy<Value = Contact> {
    let who = (
        contact_id(),
        contact_kind(),
        closed_text(),
        closed_text(),
        text(),
    );
    let times = (option::of(time()), option::of(time()), time());
    let more = (
        vec(group_id(), 0..3),
        vec(custom_field(), 0..3),
        wishes(),
        option::of(import_id()),
    );
    (who, option::of(area_id()), vec(method(), 0..4), times, more).prop_map(
        |((id, kind, first_name, last_name, language), area, methods, times, more)| Contact {
            id,
            kind,
            first_name,
            last_name,
            language,
            area,
            methods,
            issue_since: times.0,
            prompted_at: times.1,
            created_at: times.2,
            groups: more.0,
            custom: more.1,
            wishes: more.2,
            import: more.3,
        },
    )
}

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
    (any::<bool>(), option::of(time()), vec(step, 0..4)).prop_map(
        |(emergency, scheduled_at, escalation)| SendingPlan {
            emergency,
            scheduled_at,
            escalation,
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
    })
}

fn attachment() -> impl Strategy<Value = Attachment> {
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

pub(crate) fn delivery() -> impl Strategy<Value = Delivery> {
    let ids = (delivery_id(), communication_id(), contact_id(), method_id());
    let way = (select(Channel::ALL.to_vec()), destination(), any::<u8>());
    let work = (any::<u16>(), option::of(time()), option::of(closed()));
    let remote = (
        vec(text(), 0..4),
        any::<u64>(),
        any::<bool>(),
        option::of(time()),
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
            express: remote.2,
            held_until: remote.3,
        },
    )
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
    );
    (who, deliveries, state).prop_map(|(who, deliveries, (state, confirmed, confirmed_by))| {
        Person {
            communication: who.0,
            contact: who.1,
            deliveries,
            state,
            confirmed,
            confirmed_by,
            sort_name: who.2,
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
    (communication_id(), any::<u8>(), any::<u32>(), time(), way).prop_map(
        |(communication, round, cursor, due, (step, express))| RoundJob {
            communication,
            round,
            cursor,
            due,
            step,
            express,
        },
    )
}

pub(crate) fn inbound_mail() -> impl Strategy<Value = InboundMail> {
    let envelope = (text(), text(), option::of(delivery_id()));
    let times = (time(), option::of(time()));
    (any::<[u8; 16]>(), envelope, blob_id(), times).prop_map(|(id, envelope, message, times)| {
        InboundMail {
            id,
            mail_from: envelope.0,
            rcpt_to: envelope.1,
            delivery: envelope.2,
            message,
            received_at: times.0,
            due: times.1,
        }
    })
}

pub(crate) fn early_receipt() -> impl Strategy<Value = EarlyReceipt> {
    (text(), verdict(), any::<bool>(), time()).prop_map(|(remote_id, verdict, delivered, at)| {
        EarlyReceipt {
            remote_id,
            verdict,
            delivered,
            at,
        }
    })
}

fn actor() -> impl Strategy<Value = Actor> {
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
        (delivery_id(), communication_id()).prop_map(|(delivery, communication)| {
            LogEvent::MessageCreated {
                delivery,
                communication,
            }
        }),
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

pub(crate) fn user() -> impl Strategy<Value = User> {
    let role = select(vec![Role::Administrator, Role::Operator, Role::Application]);
    let who = (user_id(), text(), text(), role, closed_text(), time());
    let shown = (option::of(text()), option::of(text()));
    let reached = (option::of(destination()), option::of(destination()));
    let more = (vec(area_id(), 0..3), any::<bool>(), any::<bool>());
    (who, shown, reached, more).prop_map(|(who, shown, reached, more)| {
        let (mut email, mut mobile) = (None, None);
        for to in [reached.0, reached.1].into_iter().flatten() {
            match to {
                Destination::Email(address) => email = Some(address),
                Destination::Phone(number) => mobile = Some(number),
            }
        }
        User {
            id: who.0,
            login: who.1,
            name: who.2,
            role: who.3,
            password_hash: who.4,
            created_at: who.5,
            language: shown.0,
            time_zone: shown.1,
            email,
            mobile,
            areas: more.0,
            notify_replies: more.1,
            disabled: more.2,
        }
    })
}

pub(crate) fn session() -> impl Strategy<Value = Session> {
    let hashes = any::<([u8; 32], [u8; 32])>();
    (hashes, user_id(), time(), time(), time()).prop_map(
        |(hashes, user, created_at, used_at, expires_at)| Session {
            token_hash: hashes.0,
            user,
            csrf_hash: hashes.1,
            created_at,
            used_at,
            expires_at,
        },
    )
}

pub(crate) fn ticket() -> impl Strategy<Value = Ticket> {
    let what = (
        select(vec![
            TicketPurpose::Verify,
            TicketPurpose::LogIn,
            TicketPurpose::Add,
            TicketPurpose::Replace,
        ]),
        contact_id(),
        method_id(),
        method_kind(),
        destination(),
        delivery_id(),
    );
    let hashes = any::<([u8; 32], [u8; 32], u8)>();
    let times = (time(), time(), time(), option::of(time()));
    let more = ("[a-z]{2}", any::<bool>());
    (what, hashes, times, more).prop_map(|(what, hashes, times, more)| Ticket {
        token_hash: hashes.0,
        purpose: what.0,
        contact: what.1,
        method: what.2,
        kind: what.3,
        destination: what.4,
        code_hash: hashes.1,
        tries_left: hashes.2,
        created_at: times.0,
        code_expires_at: times.1,
        expires_at: times.2,
        used_at: times.3,
        delivery: what.5,
        language: more.0,
        asked: more.1,
    })
}

pub(crate) fn visit() -> impl Strategy<Value = Visit> {
    let hashes = any::<([u8; 32], [u8; 32])>();
    (hashes, contact_id(), closed_text(), time(), time(), time()).prop_map(
        |(hashes, contact, via, created_at, used_at, expires_at)| Visit {
            token_hash: hashes.0,
            contact,
            via,
            csrf_hash: hashes.1,
            created_at,
            used_at,
            expires_at,
        },
    )
}

pub(crate) fn api_token() -> impl Strategy<Value = ApiToken> {
    let times = (
        time(),
        option::of(time()),
        option::of(time()),
        option::of(time()),
    );
    (any::<[u8; 32]>(), user_id(), text(), times).prop_map(|(token_hash, user, name, times)| {
        ApiToken {
            token_hash,
            user,
            name,
            created_at: times.0,
            used_at: times.1,
            expires_at: times.2,
            revoked_at: times.3,
        }
    })
}

pub(crate) fn api_request() -> impl Strategy<Value = ApiRequest> {
    let answer =
        (any::<u16>(), text(), text(), text()).prop_map(|(status, media_type, location, body)| {
            ApiAnswer {
                status,
                media_type,
                location,
                body: Redacted::new(body),
            }
        });
    let hashes = any::<([u8; 32], [u8; 32], [u8; 16])>();
    (hashes, time(), option::of(answer)).prop_map(|(hashes, at, answer)| ApiRequest {
        key: hashes.0,
        request: hashes.1,
        run: hashes.2,
        at,
        answer,
    })
}

fn column_use() -> impl Strategy<Value = ColumnUse> {
    let plain = select(vec![
        ColumnUse::Ignore,
        ColumnUse::Id,
        ColumnUse::FirstName,
        ColumnUse::LastName,
        ColumnUse::FullName,
        ColumnUse::Kind,
        ColumnUse::Language,
        ColumnUse::Area,
        ColumnUse::Groups,
        ColumnUse::Email,
        ColumnUse::Mobile,
        ColumnUse::Landline,
        ColumnUse::ConsentDate,
    ]);
    let channel = option::of(select(Channel::ALL.to_vec()));
    prop_oneof![
        plain,
        ".{0,10}".prop_map(ColumnUse::Field),
        (channel, option::of(".{0,10}")).prop_map(|(by, about)| ColumnUse::Consent(by, about)),
    ]
}

fn import_mapping() -> impl Strategy<Value = ImportMapping> {
    let columns = proptest::collection::vec(column_use(), 0..6);
    let known = select(vec![
        KnownPeople::Skip,
        KnownPeople::Update,
        KnownPeople::Add,
    ]);
    let texts = ("[A-Z]{2}", "[a-z]{2}", option::of(".{0,10}"));
    let ids = any::<(Option<[u8; 16]>, Option<[u8; 16]>, bool, bool)>();
    let kind = select(ContactKind::ALL.to_vec());
    (columns, known, texts, ids, kind).prop_map(|(columns, known, texts, ids, kind)| {
        ImportMapping {
            columns,
            header: ids.2,
            region: texts.0,
            kind,
            language: texts.1,
            area: ids.0.map(AreaId::from_bytes),
            group: ids.1.map(GroupId::from_bytes),
            known,
            by_field: texts.2,
            make_places: ids.3,
        }
    })
}

fn import_totals() -> impl Strategy<Value = ImportTotals> {
    any::<[u32; 8]>().prop_map(|numbers| ImportTotals {
        added: numbers[0],
        updated: numbers[1],
        unchanged: numbers[2],
        skipped: numbers[3],
        bad: numbers[4],
        warnings: numbers[5],
        areas: numbers[6],
        groups: numbers[7],
    })
}

pub(crate) fn import_job() -> impl Strategy<Value = ImportJob> {
    let who = (user_id(), time(), time(), option::of(time()));
    let texts = (".{0,20}", ".{0,20}", ".{0,20}");
    let numbers = any::<(u64, u32, u32, [u32; 3], [u32; 3])>();
    let ids = any::<([u8; 16], Option<[u8; 32]>, Option<[u8; 16]>)>();
    let state = select(ImportState::ALL.to_vec());
    let totals = (import_totals(), import_totals());
    (who, texts, numbers, ids, state, import_mapping(), totals).prop_map(
        |(who, texts, numbers, ids, state, mapping, totals)| ImportJob {
            id: ImportId::from_bytes(ids.0),
            by: who.0,
            created_at: who.1,
            changed_at: who.2,
            file_name: texts.0,
            file: ids.1.map(BlobId::from_bytes),
            size_bytes: numbers.0,
            read_as: texts.1,
            rows: numbers.1,
            state,
            mapping,
            cursor: numbers.2,
            undo_after: ids.2.map(ContactId::from_bytes),
            checked: totals.0,
            done: totals.1,
            undone: UndoTotals {
                removed: numbers.3[0],
                restored: numbers.3[1],
                kept: numbers.3[2],
            },
            findings: numbers.4,
            due: who.3,
            failure: texts.2,
        },
    )
}

pub(crate) fn import_findings() -> impl Strategy<Value = ImportFindings> {
    let finding = (
        any::<(u32, Option<u16>, bool)>(),
        closed_text(),
        ".{0,20}",
        proptest::collection::vec(".{0,10}", 0..3),
        option::of(contact_id()),
    );
    let finding = finding.prop_map(|(numbers, value, why, parts, contact)| Finding {
        row: numbers.0,
        column: numbers.1,
        value,
        bad: numbers.2,
        why,
        parts,
        contact,
    });
    let pass = select(ImportPass::ALL.to_vec());
    let findings = proptest::collection::vec(finding, 0..4);
    (any::<([u8; 16], u32)>(), pass, findings).prop_map(|(ids, pass, findings)| ImportFindings {
        import: ImportId::from_bytes(ids.0),
        pass,
        index: ids.1,
        findings,
    })
}

pub(crate) fn import_image() -> impl Strategy<Value = ImportImage> {
    (any::<([u8; 16], [u8; 32])>(), contact()).prop_map(|(ids, before)| ImportImage {
        import: ImportId::from_bytes(ids.0),
        before,
        after: BlobId::from_bytes(ids.1),
    })
}
