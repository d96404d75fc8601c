//! Imports.

use proptest::option;
use proptest::prelude::*;
use proptest::sample::select;

use super::{closed_text, contact, contact_id, time, user_id};
use crate::domain::{
    AreaId, BlobId, Channel, ColumnUse, ContactId, ContactKind, Finding, GroupId, ImportFindings,
    ImportId, ImportImage, ImportJob, ImportMapping, ImportPass, ImportState, ImportTotals,
    KnownPeople, UndoTotals,
};

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
