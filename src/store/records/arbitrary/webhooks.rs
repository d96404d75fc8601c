//! Webhooks, and news on its way to them.

use proptest::collection::vec;
use proptest::option;
use proptest::prelude::*;
use proptest::sample::select;

use super::{closed_text, communication_id, contact_id, delivery_id, status, text, time, user_id};
use crate::domain::webhook::{Disabled, DisabledWhy, Try, TryOutcome};
use crate::domain::{
    AlertTaken, ClosedReason, EventKind, News, Notification, Redacted, Webhook, WebhookId,
    WebhookInput,
};

fn kind() -> impl Strategy<Value = EventKind> {
    select(EventKind::CHOICES.to_vec())
}

fn webhook_id() -> impl Strategy<Value = WebhookId> {
    any::<[u8; 16]>().prop_map(WebhookId::from_bytes)
}

pub(crate) fn webhook() -> impl Strategy<Value = Webhook> {
    let input = (text(), closed_text(), vec(kind(), 0..4), any::<bool>());
    let why = select(vec![
        DisabledWhy::ByHand,
        DisabledWhy::Gone,
        DisabledWhy::Failing,
    ]);
    let disabled = (time(), why).prop_map(|(at, why)| Disabled { at, why });
    let failed = (option::of(time()), option::of(time()));
    let times = (time(), failed, option::of(disabled));
    let secrets = vec(any::<[u8; 32]>().prop_map(Redacted::new), 0..3);
    (webhook_id(), input, secrets, user_id(), times).prop_map(|(id, input, secrets, by, times)| {
        Webhook {
            id,
            input: WebhookInput {
                name: input.0,
                url: input.1,
                events: input.2,
                addresses: input.3,
            },
            secrets,
            by,
            created_at: times.0,
            failing_since: times.1.0,
            disabled: times.2,
            failed_at: times.1.1,
        }
    })
}

fn one_try() -> impl Strategy<Value = Try> {
    (time(), any::<u32>(), any::<u16>()).prop_map(|(at, took_ms, code)| Try {
        at,
        took_ms,
        outcome: TryOutcome::of_code(code),
    })
}

pub(crate) fn notification() -> impl Strategy<Value = Notification> {
    let about = (
        kind(),
        option::of(communication_id()),
        option::of(contact_id()),
        option::of(delivery_id()),
        option::of(status()),
    );
    let closed = option::of(select(vec![
        ClosedReason::ReachedOtherwise,
        ClosedReason::NotWanted,
    ]));
    let more = (closed, option::of(any::<u64>()), option::of(closed_text()));
    let tries = (vec(one_try(), 0..4), any::<u8>(), option::of(time()));
    let ids = (any::<[u8; 16]>(), webhook_id(), time());
    (ids, about, more, tries).prop_map(|(ids, about, more, tries)| Notification {
        id: ids.0,
        webhook: ids.1,
        at: ids.2,
        news: News {
            communication: about.1,
            contact: about.2,
            delivery: about.3,
            status: about.4,
            closed: more.0,
            people: more.1,
            address: more.2,
            ..News::of(about.0)
        },
        tries: tries.0,
        tried: tries.1,
        due: tries.2,
    })
}

pub(crate) fn alert() -> impl Strategy<Value = AlertTaken> {
    let what = (any::<[u8; 32]>(), text(), option::of(communication_id()));
    let since = (time(), option::of(time()), vec(any::<u64>(), 0..4));
    (what, since).prop_map(
        |((key, source, communication), (at, over, told))| AlertTaken {
            key,
            source,
            communication,
            at,
            over,
            told,
        },
    )
}
