//! Arbitrary values of every record, for laws.

#![allow(clippy::unwrap_used)]

mod access;
mod audit;
mod imports;
mod messages;
mod webhooks;

use proptest::collection::vec;
use proptest::option;
use proptest::prelude::*;
use proptest::sample::select;

use crate::domain::{
    Area, AreaId, BlobId, BounceClass, Campaign, CampaignId, Channel, Channels, CommunicationId,
    Consent, Contact, ContactFilter, ContactId, ContactKind, CustomField, DeliveryId, Destination,
    EmailAddress, EnhancedStatus, Fault, FilterId, GatherInto, Gathering, Group, GroupId, ImportId,
    Merger, Method, MethodId, MethodKind, MethodState, Permanence, PhoneNumber, ProofKind,
    QuietHours, Reason, Recipient, Redacted, RuleName, SavedFilter, Status, Suspension, Timestamp,
    UserId, Verdict, Wishes, comms_issue::Reachability,
};

pub(crate) use access::*;
pub(crate) use audit::*;
pub(crate) use imports::*;
pub(crate) use messages::*;
pub(crate) use webhooks::*;

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

pub(super) fn text() -> impl Strategy<Value = String> {
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
    let said = (option::of(enhanced_status()), text(), text());
    (words, said).prop_map(
        |((class, reason, permanence, fault), (status, text, rule))| {
            let verdict = Verdict {
                class,
                fault,
                ..Verdict::failure(reason, permanence)
            };
            let verdict = verdict.by(RuleName::kept(rule));
            verdict.with_status(status).with_diagnostic(text)
        },
    )
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
        vec(
            select(crate::domain::template::TemplateCategory::ALL.to_vec()),
            0..3,
        ),
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
        purposes: failures.4,
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
