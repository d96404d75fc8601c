//! Entries of the record of who did what.

use proptest::collection::vec;
use proptest::option;
use proptest::prelude::*;
use proptest::sample::select;

use super::{contact_id, text, time, user_id};
use crate::domain::{AuditActor, AuditEntry, Subject, SubjectKind, Via};

fn actor() -> impl Strategy<Value = AuditActor> {
    prop_oneof![
        (user_id(), any::<bool>()).prop_map(|(id, program)| {
            let via = if program { Via::Program } else { Via::Console };
            AuditActor::User(id, via)
        }),
        contact_id().prop_map(AuditActor::Person),
        Just(AuditActor::Gateway),
        Just(AuditActor::CommandLine),
        Just(AuditActor::Nobody),
    ]
}

pub(crate) fn audit_entry() -> impl Strategy<Value = AuditEntry> {
    let kind = select(SubjectKind::ALL.to_vec());
    let subject = (kind, any::<[u8; 16]>()).prop_map(|(kind, id)| Subject::new(kind, id));
    let digest = option::of(any::<[u8; 32]>());
    let about = (vec(subject, 0..4), any::<u32>(), digest);
    let said = (text(), text(), option::of(text()));
    (time(), actor(), about, said).prop_map(|(at, actor, about, said)| AuditEntry {
        at,
        actor,
        act: said.0,
        subjects: about.0,
        more: about.1,
        detail: said.1,
        digest: about.2,
        network: said.2,
    })
}
