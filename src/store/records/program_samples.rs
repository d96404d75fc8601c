//! The records of programs and imports, for fixtures and laws.

use super::samples::{at, contact};
use crate::domain::{
    ApiAnswer, ApiRequest, ApiToken, AreaId, AuditActor, AuditEntry, BlobId, Channel, ColumnUse,
    ContactId, ContactKind, Finding, ImportFindings, ImportId, ImportImage, ImportJob,
    ImportMapping, ImportPass, ImportState, ImportTotals, KnownPeople, Redacted, Subject,
    SubjectKind, UndoTotals, UserId, Via,
};

pub(crate) fn api_token() -> ApiToken {
    ApiToken {
        token_hash: [16; 32],
        user: UserId::from_bytes([8; 16]),
        name: "Rota import".to_owned(),
        created_at: at(0),
        used_at: Some(at(60_000)),
        expires_at: Some(at(86_400_000)),
        revoked_at: Some(at(120_000)),
        scopes: None,
    }
}

pub(crate) fn api_request() -> ApiRequest {
    ApiRequest {
        key: [17; 32],
        request: [18; 32],
        run: [19; 16],
        at: at(0),
        answer: Some(ApiAnswer {
            status: 201,
            media_type: "application/json".to_owned(),
            location: "/api/v1/contacts/03030303030303030303030303030303".to_owned(),
            body: Redacted::new("{\"id\":\"03030303030303030303030303030303\"}".to_owned()),
        }),
    }
}

pub(crate) fn import_job() -> ImportJob {
    ImportJob {
        id: ImportId::from_bytes([21; 16]),
        by: UserId::from_bytes([8; 16]),
        created_at: at(0),
        changed_at: at(60_000),
        file_name: "people.csv".to_owned(),
        file: Some(BlobId::from_bytes([22; 32])),
        size_bytes: 4_711,
        read_as: "CSV, UTF-8, ;".to_owned(),
        rows: 12,
        state: ImportState::Done,
        mapping: ImportMapping {
            columns: vec![
                ColumnUse::FirstName,
                ColumnUse::Email,
                ColumnUse::Field("Flat".to_owned()),
                ColumnUse::Consent(Some(Channel::Email), Some("News".to_owned())),
                ColumnUse::Consent(None, None),
                ColumnUse::Ignore,
            ],
            header: true,
            region: "GB".to_owned(),
            kind: ContactKind::Citizen,
            language: "en".to_owned(),
            area: Some(AreaId::from_bytes([1; 16])),
            group: None,
            known: KnownPeople::Update,
            by_field: Some("Reference".to_owned()),
            make_places: true,
        },
        cursor: 12,
        undo_after: Some(ContactId::from_bytes([3; 16])),
        checked: ImportTotals {
            added: 7,
            bad: 1,
            ..ImportTotals::default()
        },
        done: ImportTotals {
            added: 7,
            updated: 2,
            ..ImportTotals::default()
        },
        undone: UndoTotals {
            removed: 1,
            restored: 2,
            kept: 3,
        },
        findings: [1, 2, 3],
        due: Some(at(86_400_000)),
        failure: String::new(),
    }
}

pub(crate) fn import_findings() -> ImportFindings {
    ImportFindings {
        import: ImportId::from_bytes([21; 16]),
        pass: ImportPass::Check,
        index: 2,
        findings: vec![Finding {
            row: 17,
            column: Some(3),
            value: Redacted::new("ada at example".to_owned()),
            bad: true,
            why: "The same person stands in row {0}.".to_owned(),
            parts: vec!["4".to_owned()],
            contact: Some(ContactId::from_bytes([3; 16])),
        }],
    }
}

pub(crate) fn import_image() -> ImportImage {
    ImportImage {
        import: ImportId::from_bytes([21; 16]),
        before: contact(),
        after: BlobId::from_bytes([23; 32]),
    }
}

pub(crate) fn audit_entry() -> AuditEntry {
    AuditEntry {
        at: at(0),
        actor: AuditActor::User(UserId::from_bytes([8; 16]), Via::Console),
        act: "contact.changed".to_owned(),
        subjects: vec![Subject::new(SubjectKind::Contact, [3; 16])],
        more: 2,
        detail: "3 of 5".to_owned(),
        digest: Some([24; 32]),
        network: Some("192.0.2.0/24".to_owned()),
    }
}
