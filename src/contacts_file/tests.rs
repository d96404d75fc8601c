//! Files as people bring them.

#![allow(clippy::unwrap_used)]

mod deciding;
mod meaning;
mod reading;
mod writing;

use std::io::Write;

use proptest::prelude::*;

use super::values::{clean, fold};
use super::*;
use crate::domain::{
    Area, AreaId, AreaTree, Channel, ColumnUse, Contact, ContactKind, Finding, ImportId,
    ImportMapping, MethodKind, Timestamp,
};

const NOW: Timestamp = Timestamp::from_millis(1_790_000_000_000);

fn cells(bytes: &[u8]) -> Vec<Vec<String>> {
    let (table, _) = read(bytes).unwrap();
    (0..table.len())
        .map(|row| {
            (0..table.width())
                .map(|column| table.cell(row, column).text.to_owned())
                .collect()
        })
        .collect()
}

fn shape(bytes: &[u8]) -> String {
    read(bytes).unwrap().1.0
}

fn workbook(fill: impl FnOnce(&mut rust_xlsxwriter::Worksheet)) -> Vec<u8> {
    let mut workbook = rust_xlsxwriter::Workbook::new();
    fill(workbook.add_worksheet());
    workbook.save_to_buffer().unwrap()
}

fn archive(parts: &[(&str, Vec<u8>)]) -> Vec<u8> {
    let mut bytes = std::io::Cursor::new(Vec::new());
    let mut archive = zip::ZipWriter::new(&mut bytes);
    let options = zip::write::SimpleFileOptions::default()
        .compression_method(zip::CompressionMethod::Deflated);
    for (name, content) in parts {
        archive.start_file(*name, options).unwrap();
        archive.write_all(content).unwrap();
    }
    archive.finish().unwrap();
    bytes.into_inner()
}

/// A text that unfolds to this many bytes.
fn long(bytes: usize) -> String {
    "x".repeat(bytes)
}

fn mapping(columns: Vec<ColumnUse>) -> ImportMapping {
    ImportMapping {
        make_places: true,
        ..ImportMapping::guessed(columns, true, "GB", "en")
    }
}

/// Looks at a file as it would be guessed; the people and what is found, by row.
fn look(text: &str) -> (Vec<Person>, Vec<Finding>) {
    let (table, _) = read(text.as_bytes()).unwrap();
    let (columns, header) = guess(&table);
    look_as(&table, mapping(columns), header)
}

fn look_as(table: &Table, mapping: ImportMapping, header: bool) -> (Vec<Person>, Vec<Finding>) {
    let mut checker = Checker::new(mapping, NOW);
    let (mut people, mut found) = (Vec::new(), Vec::new());
    for row in usize::from(header)..table.len() {
        if let Some((person, notes)) = checker.check(table, row) {
            people.extend(person);
            found.extend(
                notes
                    .into_iter()
                    .map(|note| note.finding(table.number(row))),
            );
        }
    }
    (people, found)
}

/// The first thing that makes the only row of a one-column file bad.
fn why_bad(title: &str, value: &str) -> String {
    let (people, found) = look(&format!("Last name,{title}\nX,\"{value}\"\n"));
    assert!(people.is_empty(), "{value:?} was taken");
    let bad = found.into_iter().find(|one| one.bad).unwrap();
    assert_eq!((bad.row, bad.column), (2, Some(1)));
    assert_eq!(
        bad.value.reveal(),
        &value.chars().take(60).collect::<String>()
    );
    bad.why
}

#[test]
fn every_kind_of_bad_cell_says_why() {
    assert!(why_bad("Email", "ada at example.org").contains("email address"));
    assert!(!why_bad("Mobile", "12").is_empty());
    assert_eq!(why_bad("Mobile", "7.7009E+09"), why::DIGITS_LOST);
    assert_eq!(why_bad("Kind", "alien"), why::KIND);
    assert_eq!(why_bad("Language", "xx"), why::LANGUAGE);
    assert_eq!(why_bad("Consent", "perhaps"), why::CONSENT);
    assert_eq!(why_bad("Consent", "yes 31/02/2026"), why::DATE);
    assert_eq!(why_bad("Consent date", "2026-31-12"), why::DATE);
    assert_eq!(why_bad("Consent date", "2999-12-31"), why::FUTURE);
    assert_eq!(why_bad("Tocsin id", "17"), why::ID);
    assert_eq!(why_bad("First name", &"é".repeat(101)), why::NAME_LONG);
    assert_eq!(why_bad("Field: Flat", &"x".repeat(121)), why::FIELD_LONG);
    assert_eq!(why_bad("First name", "#REF!"), why::SHEET_ERROR);
    assert_eq!(why_bad("First name", "Zo\u{fffd}"), why::UNREADABLE);
}

#[test]
fn rows_that_are_bad_as_a_whole_say_why() {
    let whole = |text: &str| {
        let (_, found) = look(text);
        let bad: Vec<(u32, String)> = found
            .into_iter()
            .filter(|one| one.bad)
            .map(|one| (one.row, one.why))
            .collect();
        bad
    };
    assert_eq!(
        whole("First name,Email,Language\n,,en\n"),
        [(2, why::NOTHING.to_owned())]
    );
    let twice = "First name,Email\nAda,ada@example.org\nBo,bo@example.org\nADA,Ada@Example.org\n";
    assert_eq!(whole(twice), [(4, why::TWICE.to_owned())]);
    let nameless = "First name,Email\nAda,ada@example.org\n,ada@example.org\n";
    assert_eq!(whole(nameless), [(3, why::TWICE.to_owned())]);
    let nine: Vec<String> = (0..9).map(|n| format!("a{n}@example.org")).collect();
    let titles = ["Email"; 9].join(",");
    assert_eq!(
        whole(&format!("Name,{titles}\nX,{}\n", nine.join(","))),
        [(2, why::METHODS_MANY.to_owned())]
    );
}

#[test]
fn households_may_share_a_landline_and_more_is_a_warning() {
    let text = "First name,Email,Landline\nAda,x@example.org,020 7946 0018\nBo,x@example.org,020 7946 0018\nCy,,020 7946 0018\n";
    let (people, found) = look(text);
    assert_eq!(people.len(), 3);
    let shared: Vec<u32> = found
        .iter()
        .filter(|one| one.why == why::SHARED)
        .map(|one| one.row)
        .collect();
    assert_eq!(shared, [3]);
}

#[test]
fn misspelt_domains_are_warnings() {
    let (people, found) = look("Name,Email\nAda L,ada@hotmial.com\n");
    assert_eq!(people.len(), 1);
    assert!(!found[0].bad);
    assert_eq!(found[0].parts, ["hotmail.com"]);
}

fn area(id: u8, parent: Option<u8>, name: &str) -> Area {
    Area {
        id: AreaId::from_bytes([id; 16]),
        parent: parent.map(|id| AreaId::from_bytes([id; 16])),
        name: name.to_owned(),
    }
}

fn tree() -> AreaTree {
    AreaTree::new(vec![
        area(1, None, "Force"),
        area(2, Some(1), "North"),
        area(3, Some(1), "South"),
        area(4, Some(2), "Beat 1"),
        area(5, Some(3), "Beat 1"),
        area(6, Some(3), "Docks / East"),
    ])
}

/// A contact with everything.
fn somebody() -> Contact {
    let text = "First name,Last name,Kind,Language,Email 1,Email 2,Mobile,Landline,Field: =Flat,Consent: email / News,Consent: all\n=1+1,\"O'Neil, jr\",staff,fr,a@example.org,b@example.org,07400 123456,020 7946 0018,'@x,no 2026-01-02,yes 2026-01-03\n";
    let (people, found) = look(text);
    assert!(found.iter().all(|one| !one.bad), "{found:?}");
    let mut next = 0_u8;
    make(
        &people[0],
        &Spot::default(),
        &mapping(Vec::new()),
        author(),
        &mut || {
            next += 1;
            [next; 16]
        },
    )
}

fn author() -> Author {
    Author {
        import: ImportId::from_bytes([9; 16]),
        now: NOW,
    }
}

/// Small files of each kind, to be spoilt.
fn originals() -> Vec<Vec<u8>> {
    let content = r#"<o><table:table table:name="P"><table:table-row><table:table-cell office:value-type="float" office:value="5"/><table:table-cell><text:p>Ada &amp; Bo</text:p></table:table-cell></table:table-row></table:table></o>"#;
    vec![
        b"sep=;\r\nName;Mail\r\n\"A \"\"x\"\"\r\nb\";a@example.org\r\n".to_vec(),
        "Prénom\t7.7E+09\n'=1\t31/05/2026\n"
            .encode_utf16()
            .flat_map(u16::to_le_bytes)
            .collect(),
        workbook(|sheet| {
            sheet.write_string(0, 0, "Name").unwrap();
            sheet.write_number(1, 0, 7_700_900_123_f64).unwrap();
            sheet.write_boolean(1, 1, true).unwrap();
        }),
        archive(&[("content.xml", content.as_bytes().to_vec())]),
    ]
}

/// Reads and looks at whatever comes; nothing may panic.
fn devour(bytes: &[u8]) {
    if let Ok((table, _)) = read(bytes) {
        let (columns, header) = guess(&table);
        look_as(&table, mapping(columns), header);
        let every: Vec<ColumnUse> = labels().cloned().collect();
        look_as(&table, mapping(every), false);
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(400))]
    #[test]
    fn spoilt_files_never_panic(
        which in 0_usize..4,
        changes in proptest::collection::vec((any::<u16>(), any::<u8>()), 1..12),
        cut in any::<Option<u16>>(),
    ) {
        let mut file = originals().swap_remove(which);
        for (at, byte) in changes {
            let at = usize::from(at) % file.len();
            file[at] = byte;
        }
        if let Some(cut) = cut {
            file.truncate(usize::from(cut) % file.len());
        }
        devour(&file);
    }

    #[test]
    fn any_text_in_a_sheet_is_taken_or_refused(text in "\\PC{0,40}", number in any::<f64>()) {
        // Spoilt XML inside a sound archive.
        let content = format!("<table:table><table:table-row><table:table-cell office:value=\"{number}\"/><table:table-cell><text:p>{text}");
        devour(&archive(&[("content.xml", content.into_bytes())]));
        devour(text.as_bytes());
        let _ = numbers::read(&text, true, "FR");
        let _ = numbers::read(&sheet::number_text(number), true, "GB");
        let _ = values::date(&text);
    }
}
