//! Laws that every record keeps.

#![allow(clippy::unwrap_used)]

use std::fmt::Debug;
use std::path::PathBuf;

use proptest::collection::vec;
use proptest::prelude::*;

use super::{Record, RecordError, VERSION, samples};
use crate::domain::communication::AUDIENCE_PICKS_MAX;
use crate::domain::contact::CUSTOM_NAME_SIZE_MAX;
use crate::domain::import::{FINDING_VALUE_MAX, FINDINGS_CHUNK, IMPORT_COLUMNS_MAX};
use crate::domain::job::AUDIENCE_CHUNK_MAX;
use crate::domain::statistics::PERSON_DELIVERIES_MAX;
use crate::domain::{AlertTaken, AreaPlace, Notification, Webhook};
use crate::domain::{AnswerPool, LastAnswer, PastTemplate, Template};
use crate::domain::{
    ApiRequest, ApiToken, Area, AreaId, Audience, AudienceChunk, AuditEntry, Campaign,
    Communication, Contact, ContactId, Content, DeliveryId, DeliverySet, EarlyReceipt, Erasure,
    Gathering, Group, InboundMail, LogEntry, Merger, Message, Person, Recipient, ReplyNotice,
    RoundJob, SavedFilter, Session, SignUp, Suppression, TextPart, Thread, Ticket, User, Visit,
};
use crate::domain::{Case, CaseEvent, Entry};
use crate::domain::{ColumnUse, ImportFindings, ImportImage, ImportJob, Redacted};
use crate::store::engine::VALUE_SIZE_MAX;

/// Where the golden values lie.
fn fixture(name: &str) -> PathBuf {
    let folder = concat!(env!("CARGO_MANIFEST_DIR"), "/fixtures/records");
    PathBuf::from(folder).join(format!("{}.hex", name.replace(' ', "_")))
}

fn to_hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}

fn from_hex(text: &str) -> Vec<u8> {
    let digits: Vec<u8> = text.bytes().filter(u8::is_ascii_hexdigit).collect();
    digits
        .chunks(2)
        .map(|pair| u8::from_str_radix(std::str::from_utf8(pair).unwrap(), 16).unwrap())
        .collect()
}

/// The value as stored by version 1 still reads as the sample. A missing fixture is written
/// when `TOCSIN_WRITE_FIXTURES` is set; one that is there is never written again.
fn check_golden<T: Record + PartialEq + Debug>(sample: &T) {
    let path = fixture(T::NAME);
    if !path.exists() && std::env::var_os("TOCSIN_WRITE_FIXTURES").is_some() {
        std::fs::create_dir_all(path.parent().unwrap()).unwrap();
        std::fs::write(&path, to_hex(&sample.to_bytes()) + "\n").unwrap();
    }
    let golden = std::fs::read_to_string(&path)
        .unwrap_or_else(|error| panic!("{}: {error}", path.display()));
    let stored = from_hex(&golden);
    assert_eq!(&T::from_bytes(&stored).unwrap(), sample, "{}", T::NAME);
}

/// A program that knows one field more wrote it.
fn check_unknown_field<T: Record + PartialEq + Debug>(sample: &T) {
    let mut bytes = sample.to_bytes();
    let fields = bytes[1];
    assert!((0xa0..0xb7).contains(&fields), "a map of under 24 fields");
    bytes[1] = fields + 1;
    // 1000: {"a": [1, h'00ff']}
    bytes.extend_from_slice(&[
        0x19, 0x03, 0xe8, 0xa1, 0x61, b'a', 0x82, 0x01, 0x42, 0, 0xff,
    ]);
    assert_eq!(&T::from_bytes(&bytes).unwrap(), sample, "{}", T::NAME);
}

/// No byte of a value can be cut off or follow it; another version is named.
fn check_bounds<T: Record + PartialEq + Debug>(sample: &T) {
    let bytes = sample.to_bytes();
    assert!(bytes.len() < VALUE_SIZE_MAX);
    for end in 0..bytes.len() {
        assert!(T::from_bytes(&bytes[..end]).is_err(), "{} {end}", T::NAME);
    }
    let mut longer = bytes.clone();
    longer.push(0);
    assert!(T::from_bytes(&longer).is_err());
    let mut newer = bytes.clone();
    newer[0] = VERSION + 1;
    assert_eq!(
        T::from_bytes(&newer).unwrap_err(),
        RecordError::Version {
            record: T::NAME,
            found: VERSION + 1
        }
    );
    // Damage anywhere is an error or another value, never a panic, and never shown.
    for index in 0..bytes.len() {
        let mut damaged = bytes.clone();
        damaged[index] ^= 0xff;
        if let Err(error) = T::from_bytes(&damaged) {
            assert!(!error.to_string().contains("example.org"), "{error}");
        }
    }
}

fn check_panics<T: Record>(bytes: &[u8]) {
    let _ = T::from_bytes(bytes);
    let mut framed = vec![VERSION];
    framed.extend_from_slice(bytes);
    let _ = T::from_bytes(&framed);
}

/// One test of each law for every record.
macro_rules! laws {
    ($($sample:ident: $type:ident),+ $(,)?) => {
        #[test]
        fn values_of_version_1_still_read() {
            $( check_golden::<$type>(&samples::$sample()); )+
        }

        #[test]
        fn an_unknown_field_is_skipped() {
            $( check_unknown_field::<$type>(&samples::$sample()); )+
        }

        #[test]
        fn damaged_values_are_errors() {
            $( check_bounds::<$type>(&samples::$sample()); )+
        }

        proptest! {
            #[test]
            fn no_bytes_panic(bytes in vec(any::<u8>(), 0..200)) {
                $( check_panics::<$type>(&bytes); )+
            }
        }
    };
}

laws! {
    area: Area,
    contact: Contact,
    communication: Communication,
    content: Content,
    delivery_set: DeliverySet,
    person: Person,
    audience_chunk: AudienceChunk,
    round_job: RoundJob,
    inbound_mail: InboundMail,
    early_receipt: EarlyReceipt,
    text_part: TextPart,
    log_entry: LogEntry,
    user: User,
    session: Session,
    ticket: Ticket,
    sign_up: SignUp,
    visit: Visit,
    group: Group,
    saved_filter: SavedFilter,
    campaign: Campaign,
    template: Template,
    past_template: PastTemplate,
    recipient: Recipient,
    thread: Thread,
    message: Message,
    reply_notice: ReplyNotice,
    merger: Merger,
    gathering: Gathering,
    erasure: Erasure,
    suppression: Suppression,
    api_token: ApiToken,
    api_request: ApiRequest,
    import_job: ImportJob,
    import_findings: ImportFindings,
    import_image: ImportImage,
    audit_entry: AuditEntry,
    case: Case,
    case_event: CaseEvent,
    entry: Entry,
    webhook: Webhook,
    notification: Notification,
    alert: AlertTaken,
    area_place: AreaPlace,
    answer_pool: AnswerPool,
    last_answer: LastAnswer,
}

#[test]
fn an_unknown_number_names_its_record_and_field() {
    let mut bytes = samples::person().to_bytes();
    let last = bytes.len() - 1;
    bytes[last] = 0x17;
    let error = Person::from_bytes(&bytes).unwrap_err().to_string();
    assert!(error.contains("person of a communication"), "{error}");
    assert!(error.contains("person state has no value 23"), "{error}");
}

#[test]
fn a_missing_field_is_named() {
    let error = Area::from_bytes(&[VERSION, 0xa0]).unwrap_err().to_string();
    assert!(
        error.contains("area") && error.contains("AreaRow::id"),
        "{error}"
    );
}

#[test]
fn the_largest_findings_fit() {
    let mut chunk = samples::import_findings();
    let long = "é".repeat(FINDING_VALUE_MAX);
    let mut finding = chunk.findings[0].clone();
    finding.value = Redacted::new(long.clone());
    finding.why = "w".repeat(200);
    finding.parts = vec![long.clone(), long];
    chunk.findings = vec![finding; FINDINGS_CHUNK];
    let mut job = samples::import_job();
    let field = ColumnUse::Field("f".repeat(CUSTOM_NAME_SIZE_MAX));
    job.mapping.columns = vec![field; IMPORT_COLUMNS_MAX];
    for bytes in [chunk.to_bytes(), job.to_bytes()] {
        assert!(bytes.len() < VALUE_SIZE_MAX, "{}", bytes.len());
    }
}

#[test]
fn the_largest_of_the_other_records_fit() {
    let chunk = AudienceChunk {
        contacts: vec![ContactId::from_bytes([0xff; 16]); AUDIENCE_CHUNK_MAX],
        ..samples::audience_chunk()
    };
    let communication = Communication {
        category: "c".repeat(200),
        title: "t".repeat(4 * crate::domain::communication::SUBJECT_MAX),
        audience: Audience {
            areas: vec![AreaId::from_bytes([0xff; 16]); AUDIENCE_PICKS_MAX / 2],
            contacts: vec![ContactId::from_bytes([0xff; 16]); AUDIENCE_PICKS_MAX / 2],
            ..Audience::default()
        },
        history: vec![
            crate::domain::Round {
                number: u8::MAX,
                due: crate::domain::Timestamp::from_millis(u64::MAX),
                done: Some(crate::domain::Timestamp::from_millis(u64::MAX)),
                by: Some(crate::domain::UserId::from_bytes([0xff; 16])),
            };
            usize::from(crate::domain::communication::ROUNDS_MAX)
        ],
        ..samples::communication()
    };
    let mut person = samples::person();
    person.deliveries = vec![person.deliveries[0]; PERSON_DELIVERIES_MAX];
    let longest = "\u{10ffff}".repeat(2 * crate::domain::sort_name::SORT_NAME_MAX);
    person.sort_name = crate::domain::Redacted::new(longest);
    for bytes in [
        chunk.to_bytes(),
        communication.to_bytes(),
        person.to_bytes(),
    ] {
        assert!(bytes.len() < VALUE_SIZE_MAX, "{}", bytes.len());
    }
}

mod round_trip {
    use super::*;
    use crate::store::records::answer_samples::{any_answer_pool, any_last_answer};
    use crate::store::records::arbitrary as arb;
    use crate::store::records::case_samples as cases;
    use crate::store::records::inbox_samples as inbox;
    use crate::store::records::template_samples::any_template;

    fn check<T: Record + PartialEq + Debug>(value: &T) -> Result<(), TestCaseError> {
        let bytes = value.to_bytes();
        let back = T::from_bytes(&bytes).map_err(|e| TestCaseError::fail(e.to_string()))?;
        prop_assert_eq!(&back, value);
        Ok(())
    }

    proptest! {
        #[test]
        fn of_areas(value in arb::area()) { check(&value)?; }
        #[test]
        fn of_contacts(value in arb::contact()) { check(&value)?; }
        #[test]
        fn of_communications(value in arb::communication()) { check(&value)?; }
        #[test]
        fn of_contents(value in arb::content()) { check(&value)?; }
        #[test]
        fn of_deliveries(value in arb::delivery_set()) { check(&value)?; }
        #[test]
        fn of_people(value in arb::person()) { check(&value)?; }
        #[test]
        fn of_jobs(chunk in arb::audience_chunk(), round in arb::round_job()) {
            check(&chunk)?;
            check(&round)?;
        }
        #[test]
        fn of_what_comes_in(mail in arb::inbound_mail(), receipt in arb::early_receipt()) {
            check(&mail)?;
            check(&receipt)?;
        }
        #[test]
        fn of_the_inbox(
            thread in inbox::any_thread(),
            message in inbox::any_message(),
            notice in inbox::any_notice(),
            part in inbox::any_text_part(),
        ) {
            check(&thread)?;
            check(&message)?;
            check(&notice)?;
            check(&part)?;
        }
        #[test]
        fn of_cases(
            case in cases::any_case(),
            event in cases::any_case_event(),
            entry in cases::any_entry(),
        ) {
            check(&case)?;
            check(&event)?;
            check(&entry)?;
        }
        #[test]
        fn of_imports(
            job in arb::import_job(),
            findings in arb::import_findings(),
            image in arb::import_image(),
        ) {
            check(&job)?;
            check(&findings)?;
            check(&image)?;
        }
        #[test]
        fn of_audit_entries(value in arb::audit_entry()) { check(&value)?; }
        #[test]
        fn of_log_entries(value in arb::log_entry()) { check(&value)?; }
        #[test]
        fn of_groups(
            group in arb::group(),
            filter in arb::saved_filter(),
            campaign in arb::campaign(),
            recipient in arb::recipient(),
            merger in arb::merger(),
            gathering in arb::gathering(),
            template in any_template(),
        ) {
            check(&template)?;
            check(&PastTemplate(template))?;
            check(&group)?;
            check(&filter)?;
            check(&campaign)?;
            check(&recipient)?;
            check(&merger)?;
            check(&gathering)?;
        }
        #[test]
        fn of_unknown_answers(pool in any_answer_pool(), last in any_last_answer()) {
            check(&pool)?;
            check(&last)?;
        }
        #[test]
        fn of_webhooks(webhook in arb::webhook(), notification in arb::notification(), alert in arb::alert()) {
            check(&alert)?;
            check(&webhook)?;
            check(&notification)?;
        }
        #[test]
        fn of_users(user in arb::user(), session in arb::session(), token in arb::api_token(), request in arb::api_request()) {
            check(&token)?;
            check(&request)?;
            check(&user)?;
            check(&session)?;
        }
        #[test]
        fn of_self_service(
            ticket in arb::ticket(),
            contact in arb::contact(),
            expires_at in arb::time(),
            visit in arb::visit(),
        ) {
            check(&ticket)?;
            let became = Some(contact.id);
            check(&SignUp { contact: contact.clone(), expires_at, became })?;
            check(&SignUp { contact, expires_at, became: None })?;
            check(&visit)?;
        }
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(16))]
        #[test]
        fn fitting_is_done_once(mut value in arb::delivery(), words in vec("[a-zé€𝄞]{0,1500}", 12)) {
            let mut words = words.into_iter().cycle();
            for change in &mut value.timeline {
                if let Some(verdict) = change.verdict.take() {
                    change.verdict = Some(verdict.with_diagnostic(words.next().unwrap_or_default()));
                }
            }
            let entries = value.timeline.len();
            let bytes = samples::set_of(value).to_bytes();
            prop_assert!(bytes.len() < VALUE_SIZE_MAX / DeliveryId::SET_SIZE);
            let stored = DeliverySet::from_bytes(&bytes).map_err(|e| TestCaseError::fail(e.to_string()))?;
            prop_assert_eq!(stored.to_bytes(), bytes);
            prop_assert_eq!(stored.deliveries()[0].timeline.len(), entries);
        }
    }
}
