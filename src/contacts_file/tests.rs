//! Files as people bring them.

#![allow(clippy::unwrap_used)]

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

fn error(bytes: &[u8]) -> FileError {
    read(bytes).unwrap_err()
}

#[test]
fn separators_are_found() {
    assert_eq!(shape(b"a,b\n1,2\n"), "CSV, UTF-8, “,”");
    assert_eq!(shape(b"a;b\n\"1,5\";2\n3;4\n"), "CSV, UTF-8, “;”");
    assert_eq!(shape(b"a\tb\n1\t2\n"), "CSV, UTF-8, “TAB”");
    assert_eq!(shape(b"a|b\n1|2\n"), "CSV, UTF-8, “|”");
    assert_eq!(
        cells(b"sep=;\r\na;b\r\n1;2,3\r\n"),
        [["a", "b"], ["1", "2,3"]]
    );
    assert_eq!(
        cells(b"Email\nada@example.org\n"),
        [["Email"], ["ada@example.org"]]
    );
    // Commas inside names do not outvote the semicolons between them.
    let list = b"name;mail\n\"A, B, C\";a@x.org\nD, E;d@x.org\n";
    assert_eq!(cells(list)[2], ["D, E", "d@x.org"]);
}

#[test]
fn encodings_are_found() {
    let expected = [["Prénom", "Nom"], ["Zoë", "Œuf"]];
    let text = "Prénom;Nom\nZoë;Œuf\n";
    assert_eq!(cells(text.as_bytes()), expected);
    let with_mark = ["\u{feff}".as_bytes(), text.as_bytes()].concat();
    assert_eq!(cells(&with_mark), expected);
    let (windows, _, lost) = encoding_rs::WINDOWS_1252.encode(text);
    assert!(!lost);
    assert_eq!(cells(&windows), expected);
    assert!(shape(&windows).contains("windows-1252"));
    let little: Vec<u8> = text.encode_utf16().flat_map(u16::to_le_bytes).collect();
    assert_eq!(
        cells(&[&[0xff, 0xfe], little.as_slice()].concat()),
        expected
    );
    assert_eq!(cells(&little), expected, "without its mark");
    let big: Vec<u8> = text.encode_utf16().flat_map(u16::to_be_bytes).collect();
    assert_eq!(cells(&[&[0xfe, 0xff], big.as_slice()].concat()), expected);
    assert_eq!(cells(&big), expected, "without its mark");
}

#[test]
fn rows_are_counted_as_a_spreadsheet_does() {
    let file = b"a,b\r\n\r\n1,\"two\r\nlines\"\r\n\r\n\r\n3,4";
    let (table, _) = read(file).unwrap();
    let numbers: Vec<u32> = (0..table.len()).map(|row| table.number(row)).collect();
    assert_eq!(numbers, [1, 3, 6]);
    assert_eq!(table.cell(1, 1).text, "two\nlines");
    assert_eq!(
        cells(b"a,b\r1,2\r"),
        [["a", "b"], ["1", "2"]],
        "old line ends"
    );
}

#[test]
fn what_is_no_table_is_explained() {
    assert_eq!(error(b""), FileError::Empty);
    assert_eq!(error(b"\n\n , \n"), FileError::Empty);
    assert_eq!(
        error(&[0xd0, 0xcf, 0x11, 0xe0, 1, 2]),
        FileError::OldOrProtected
    );
    assert_eq!(error(b"PK\x03\x04 and then nothing"), FileError::Damaged);
    assert_eq!(
        error(b"\x89PNG\x0d\x0a\x1a\x0a\0\0\0\x01\x02\x03\x04\x05"),
        FileError::NotATable
    );
    let wide = [b','; 200];
    assert_eq!(
        error(&[&wide[..], b"x"].concat()),
        FileError::TooManyColumns(1)
    );
    let open = [&b"a,b\n1,\"never closed\n"[..], &b"x,y\n".repeat(2_000)[..]].concat();
    assert_eq!(error(&open), FileError::CellTooLong(2));
    assert_eq!(error(&b"x\n".repeat(ROWS_MAX + 1)), FileError::TooManyRows);
    assert_eq!(error(&vec![b'x'; FILE_SIZE_MAX + 1]), FileError::TooLarge);
}

fn workbook(fill: impl FnOnce(&mut rust_xlsxwriter::Worksheet)) -> Vec<u8> {
    let mut workbook = rust_xlsxwriter::Workbook::new();
    fill(workbook.add_worksheet());
    workbook.save_to_buffer().unwrap()
}

#[test]
fn spreadsheets_are_read() {
    use rust_xlsxwriter::{ExcelDateTime, Format};
    let date = Format::new().set_num_format("yyyy-mm-dd");
    let file = workbook(|sheet| {
        sheet.write_string(0, 0, "Mobile").unwrap();
        sheet.write_string(0, 2, "When").unwrap();
        sheet.write_number(2, 0, 7_700_900_123_f64).unwrap();
        sheet.write_boolean(2, 1, true).unwrap();
        let day = ExcelDateTime::from_ymd(2026, 5, 31).unwrap();
        sheet.write_datetime_with_format(2, 2, &day, &date).unwrap();
        sheet.write_number(3, 0, 1.5).unwrap();
    });
    let expected = [
        ["Mobile", "", "When"],
        ["7700900123", "yes", "2026-05-31"],
        ["1.5", "", ""],
    ];
    assert_eq!(cells(&file), expected);
    let (table, shape) = read(&file).unwrap();
    assert!(shape.0.starts_with("XLSX"));
    assert!(table.cell(1, 0).number && !table.cell(0, 0).number);
    assert_eq!(table.number(1), 3);
    // One cell far away makes no table of a billion cells.
    let far = workbook(|sheet| {
        sheet.write_string(0, 0, "a").unwrap();
        sheet.write_string(1_048_575, 99, "b").unwrap();
    });
    assert_eq!(read(&far).unwrap().0.len(), 2);
    let wide = workbook(|sheet| {
        sheet.write_string(0, 16_383, "b").unwrap();
    });
    assert_eq!(error(&wide), FileError::TooManyColumns(1));
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

#[test]
fn open_documents_are_read() {
    let content = r#"<office:document-content xmlns:office="o" xmlns:table="t" xmlns:text="x"><office:body><office:spreadsheet><table:table table:name="People">
<table:table-row><table:table-cell office:value-type="string"><text:p>Name</text:p></table:table-cell><table:table-cell table:number-columns-repeated="2"/><table:table-cell office:value-type="string"><text:p>Phone &amp; fax</text:p></table:table-cell></table:table-row>
<table:table-row table:number-rows-repeated="3"><table:table-cell table:number-columns-repeated="16384"/></table:table-row>
<table:table-row table:number-rows-repeated="1048576"><table:table-cell><office:annotation><text:p>a remark</text:p></office:annotation><text:p>Ada<text:s/>L</text:p></table:table-cell><table:table-cell/><table:table-cell/><table:table-cell office:value-type="float" office:value="7700900123"><text:p>7.7E+09</text:p></table:table-cell></table:table-row>
</table:table></office:spreadsheet></office:body></office:document-content>"#;
    let file = archive(&[("content.xml", content.as_bytes().to_vec())]);
    assert_eq!(
        cells(&file),
        [
            ["Name", "", "", "Phone & fax"],
            ["Ada L", "", "", "7700900123"]
        ]
    );
    let (table, shape) = read(&file).unwrap();
    assert_eq!((shape.0.as_str(), table.number(1)), ("ODS, People", 5));
    assert!(table.cell(1, 3).number);
}

#[test]
fn bombs_do_not_go_off() {
    let zeros = vec![b' '; usize::try_from(PART_SIZE_MAX).unwrap() + 1];
    let bomb = archive(&[("xl/workbook.xml", vec![]), ("xl/sharedStrings.xml", zeros)]);
    assert!(bomb.len() < 1_000_000);
    assert_eq!(error(&bomb), FileError::Bomb);
    let many: Vec<(String, Vec<u8>)> = (0..=PARTS_MAX).map(|n| (n.to_string(), vec![])).collect();
    let many: Vec<(&str, Vec<u8>)> = many.iter().map(|(n, c)| (n.as_str(), c.clone())).collect();
    assert_eq!(error(&archive(&many)), FileError::Bomb);
}

/// A workbook of one cell, whose table of texts begins as said.
fn workbook_saying(texts: &str) -> Vec<u8> {
    let whole = workbook(|sheet| {
        sheet.write_string(0, 0, "Name").unwrap();
    });
    let mut old = zip::ZipArchive::new(std::io::Cursor::new(whole)).unwrap();
    let mut parts: Vec<(String, Vec<u8>)> = Vec::new();
    for index in 0..old.len() {
        let mut part = old.by_index(index).unwrap();
        let name = part.name().unwrap().into_owned();
        let mut content = Vec::new();
        std::io::Read::read_to_end(&mut part, &mut content).unwrap();
        if name == "xl/sharedStrings.xml" {
            content = texts.as_bytes().to_vec();
        }
        parts.push((name, content));
    }
    assert!(parts.iter().any(|(name, _)| name == "xl/sharedStrings.xml"));
    let parts: Vec<(&str, Vec<u8>)> = parts.iter().map(|(n, c)| (n.as_str(), c.clone())).collect();
    archive(&parts)
}

#[test]
fn a_table_of_texts_holds_no_more_than_it_can() {
    let text = "<si><t>Name</t></si></sst>";
    for count in ["1", "7", "150000"] {
        let file = workbook_saying(&format!("<sst uniqueCount=\"{count}\">{text}"));
        assert_eq!(cells(&file), [["Name"]]);
    }
    for begin in [
        "<sst uniqueCount=\"10000000000000\">",
        "<sst uniqueCount='1' uniqueCount='10000000000000'>",
        "<x:sst uniqueCount=\"99999999999999999999999999\">",
        "<!-- <sst uniqueCount=\"1\"> --><sst uniqueCount=\"10000000000000\">",
    ] {
        let file = workbook_saying(&format!("{begin}{text}"));
        assert!(file.len() < 8_000);
        assert_eq!(error(&file), FileError::Bomb, "{begin}");
    }
    let empty = workbook_saying("<sst uniqueCount=\"10000000000000\"/>");
    assert_eq!(error(&empty), FileError::Bomb);
    let odd = workbook_saying(&format!("<sst uniqueCount=\"+9e12\">{text}"));
    assert_eq!(error(&odd), FileError::Damaged);
}

/// A text that unfolds to this many bytes.
fn long(bytes: usize) -> String {
    "x".repeat(bytes)
}

#[test]
fn no_text_of_a_sheet_grows_before_its_limit() {
    const LONG: usize = 2 * 1024 * 1024;
    let document = |cell: &str| {
        let content =
            format!("<a><table:table><table:table-row>{cell}</table:table-row></table:table></a>");
        archive(&[("content.xml", content.into_bytes())])
    };
    for cell in [
        format!(
            "<table:table-cell><text:p>{}</text:p></table:table-cell>",
            long(LONG)
        ),
        format!("<table:table-cell office:date-value=\"{}\"/>", long(LONG)),
        format!(
            "<table:table-cell><!--<>{}--></table:table-cell>",
            "<>".repeat(LONG / 2)
        ),
    ] {
        assert_eq!(error(&document(&cell)), FileError::Bomb);
    }
    let piece = format!("<r><t>{}</t></r>", long(100_000));
    let text = format!("<sst uniqueCount=\"1\"><si>{}</si></sst>", piece.repeat(20));
    assert_eq!(error(&workbook_saying(&text)), FileError::Bomb);
    let many = format!(
        "<sst uniqueCount=\"9\">{}</sst>",
        "<si><t>Name</t></si>".repeat(100_000)
    );
    assert_eq!(cells(&workbook_saying(&many)), [["Name"]]);
}

#[test]
fn no_line_grows_before_its_cells_are_looked_at() {
    let commas = format!("a,b\n{}\n", ",".repeat(2 * 1024 * 1024));
    assert_eq!(error(commas.as_bytes()), FileError::TooManyColumns(2));
    let open = format!("a,b\n\n1,{}\n", long(2 * 1024 * 1024));
    assert_eq!(error(open.as_bytes()), FileError::CellTooLong(3));
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

#[test]
fn titles_are_known_in_two_languages() {
    use ColumnUse as C;
    let check = |titles: &str, expected: &[C]| {
        let (table, _) = read(format!("{titles}\n1,2,3,4\n").as_bytes()).unwrap();
        assert_eq!(guess(&table), (expected.to_vec(), true), "{titles}");
    };
    check(
        "First Name,SURNAME,E-mail Address,Mobile phone",
        &[C::FirstName, C::LastName, C::Email, C::Mobile],
    );
    check(
        "Prénom,Nom de famille,Courriel,Tél. fixe",
        &[C::FirstName, C::LastName, C::Email, C::Landline],
    );
    check(
        "Nom,Langue,Quartier,Groupes",
        &[C::FullName, C::Language, C::Area, C::Groups],
    );
    check(
        "Email 1,Email 2,Field: Flat,Consent: email / News",
        &[
            C::Email,
            C::Email,
            C::Field("Flat".to_owned()),
            C::Consent(Some(Channel::Email), Some("News".to_owned())),
        ],
    );
    check(
        "Champ : Étage,Consentement : tous,Shoe size,Name",
        &[
            C::Field("Étage".to_owned()),
            C::Consent(None, None),
            C::Ignore,
            C::FullName,
        ],
    );
    let (table, _) = read(b"Ada,ada@example.org\nBo,bo@example.org\n").unwrap();
    assert_eq!(
        guess(&table),
        (vec![C::Ignore, C::Email], false),
        "no titles"
    );
}

#[test]
fn a_title_names_no_category_that_cannot_be() {
    let meant = |size: usize| {
        let title = format!("Consent: all / {}", long(size));
        let (table, _) = read(format!("Email,{title}\na@example.org,yes\n").as_bytes()).unwrap();
        guess(&table).0.pop().unwrap()
    };
    assert_eq!(meant(64), ColumnUse::Consent(None, Some(long(64))));
    assert_eq!(meant(65), ColumnUse::Ignore);
}

#[test]
fn every_title_is_known_again() {
    for language in ["en", "fr"] {
        let mut uses: Vec<ColumnUse> = labels().cloned().collect();
        uses.retain(|means| *means != ColumnUse::FullName);
        uses.push(ColumnUse::Field("Flat".to_owned()));
        uses.push(ColumnUse::Consent(Some(Channel::Call), None));
        let titles: Vec<String> = uses.iter().map(|means| title_of(means, language)).collect();
        let (table, _) = read(format!("{}\n", titles.join(";")).as_bytes()).unwrap();
        assert_eq!(guess(&table), (uses, true), "{language}");
    }
}

#[test]
fn whole_names_are_split() {
    let check = |name: &str, first: &str, last: &str| {
        assert_eq!(
            split_name(name),
            (first.to_owned(), last.to_owned()),
            "{name}"
        );
    };
    check("Ada Lovelace", "Ada", "Lovelace");
    check("Lovelace, Ada", "Ada", "Lovelace");
    check("Jean DE LA FONTAINE", "Jean", "DE LA FONTAINE");
    check("DUPONT Jean-Luc", "Jean-Luc", "DUPONT");
    check("Ludwig van der Rohe", "Ludwig", "van der Rohe");
    check("Mary Ann Evans", "Mary Ann", "Evans");
    check("Plato", "", "Plato");
    check("ADA LOVELACE", "ADA", "LOVELACE");
    check("Van Morrison", "Van", "Morrison");
    check("", "", "");
}

#[test]
fn numbers_come_back_from_spreadsheets() {
    let read = |text: &str, number: bool, region: &str| {
        numbers::read(text, number, region)
            .map(|read| (read.number.as_str().to_owned(), read.remark.is_some()))
    };
    let uk = ("+447400123456".to_owned(), false);
    assert_eq!(read("07400 123456", false, "GB"), Ok(uk.clone()));
    assert_eq!(
        read("7400123456", true, "GB"),
        Ok(uk.clone()),
        "the zero is lost"
    );
    assert_eq!(read("7.400123456E+09", false, "GB"), Ok(uk.clone()));
    assert_eq!(read("7,400123456E9", false, "GB"), Ok(uk.clone()));
    assert_eq!(read("7400123456.0", false, "GB"), Ok(uk));
    assert_eq!(
        read("33612345678", true, "GB"),
        Ok(("+33612345678".to_owned(), true)),
        "the plus is lost"
    );
    assert_eq!(
        read("33612345678", false, "GB"),
        Ok(("+33612345678".to_owned(), true))
    );
    let why_not = |text: &str, number| read(text, number, "GB").unwrap_err().english;
    assert_eq!(why_not("7.4E+09", false), why::DIGITS_LOST);
    assert_eq!(why_not("123", true), why::NUMBER_NEITHER);
    assert!(!why_not("E+5", false).is_empty());
    // A number in Arkansas, and one in Norway without its plus.
    let either = numbers::read("4792345678", true, "US").err().unwrap();
    assert_eq!(either.english, why::NUMBER_EITHER);
}

#[test]
fn values_are_read_in_two_languages() {
    assert_eq!(values::kind("Créancier"), Some(ContactKind::Creditor));
    assert_eq!(values::kind("citizens"), Some(ContactKind::Citizen));
    assert_eq!(values::kind("Staff"), Some(ContactKind::Staff));
    for kind in ContactKind::ALL {
        assert_eq!(values::kind(kind.as_str()), Some(kind));
    }
    assert_eq!(values::language("Français").as_deref(), Some("fr"));
    assert_eq!(values::language("en-GB").as_deref(), Some("en"));
    assert_eq!(values::language("e"), None);
    assert_eq!(values::decision("Oui"), Some((true, None)));
    assert_eq!(
        values::decision("no (2026-05-31)"),
        Some((false, Some("2026-05-31")))
    );
    assert_eq!(
        values::date("31/05/2026"),
        values::date("2026-05-31T08:00:00")
    );
    assert_eq!(
        values::day(values::date("31.05.2026").unwrap()),
        "2026-05-31"
    );
    assert_eq!(values::date("05/31/2026"), None);
    assert_eq!(values::date("31/05/26"), None);
}

#[test]
fn texts_are_cleaned() {
    assert_eq!(clean("  Ada\u{a0} \n\tL\u{200b} "), "Ada L");
    assert_eq!(clean("'=1+1"), "=1+1");
    assert_eq!(clean("'t Hooft"), "'t Hooft");
    assert_eq!(fold(" Œuvre  ÉTÉ "), "oeuvre ete");
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

#[test]
fn areas_are_found_by_name_and_path() {
    let places = |makes, text: &str| {
        let mut places = Places::new(&tree(), &[], makes);
        let person = Person {
            area: Some((0, text.to_owned())),
            ..Person::default()
        };
        let (mut next, mut notes) = (100_u8, Vec::new());
        let mut new_id = || {
            next += 1;
            [next; 16]
        };
        let spot = places.find(&person, None, NOW, &mut new_id, &mut notes);
        let made = places.take_new().0;
        let id = spot.and_then(|spot| spot.area).map(|id| id.as_bytes()[0]);
        let why = notes.first().map(|note| note.sentence.english);
        (id, made, why)
    };
    let found = |text: &str| places(false, text).0;
    assert_eq!(found("north"), Some(2));
    assert_eq!(found("Force / South / Beat 1"), Some(5));
    assert_eq!(found("South>beat 1"), Some(5));
    assert_eq!(found("Docks / East"), Some(6));
    assert_eq!(found("Force / South / Docks / East"), Some(6));
    assert_eq!(places(true, "Beat 1").2, Some(why::AREA_MANY));
    assert_eq!(places(false, "West").2, Some(why::AREA));
    let (id, made, _) = places(true, "Force / West / Beat 9");
    assert_eq!(id, Some(102));
    let names: Vec<(&str, Option<u8>)> = made
        .iter()
        .map(|area| (area.name.as_str(), area.parent.map(|id| id.as_bytes()[0])))
        .collect();
    assert_eq!(names, [("West", Some(1)), ("Beat 9", Some(101))]);
    let deep = ["x"; 20].join("/");
    assert_eq!(places(true, &deep).2, Some(why::AREA_LONG));
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

#[test]
fn what_is_written_out_reads_back_as_the_same() {
    let contact = somebody();
    let mut columns = ExportColumns::default();
    columns.gather(&contact);
    assert_eq!(columns.settle(), 0);
    let names = ExportNames::new(&tree(), &[]);
    for language in ["en", "fr"] {
        for mark in [false, true] {
            let mut file = csv_begin(&columns.titles(language), mark);
            file.extend(csv_row(&columns.cells(&contact, &names)));
            let text = String::from_utf8(file.clone()).unwrap();
            assert!(text.contains(",'=1+1,"), "a formula is guarded: {text}");
            let (table, _) = read(&file).unwrap();
            let (uses, header) = guess(&table);
            assert!(!uses.contains(&ColumnUse::Ignore), "{uses:?}");
            let (people, found) = look_as(&table, mapping(uses), header);
            assert!(found.is_empty(), "{found:?}");
            let mut same = contact.clone();
            let mut notes = Vec::new();
            let log = apply(
                &people[0],
                &Spot::default(),
                author(),
                &mut same,
                &mut || [0; 16],
                &mut notes,
            )
            .unwrap();
            assert!(log.is_empty() && notes.is_empty(), "{log:?} {notes:?}");
            assert_eq!(same, contact);
        }
    }
}

#[test]
fn guards_come_off_once() {
    for cell in [
        "=x",
        "'=x",
        "''=x",
        "-5",
        "@me",
        "+447400123456",
        "'t Hooft",
        "plain",
    ] {
        assert_eq!(values::unguarded(&guarded(cell)), cell);
    }
    assert_eq!(guarded("+447400123456"), "+447400123456");
    assert_eq!(guarded("+1+cmd"), "'+1+cmd");
}

#[test]
fn no_formula_hides_behind_another_separator() {
    let row = |cell: &str| String::from_utf8(csv_row(&[cell.to_owned()])).unwrap();
    assert_eq!(
        row("x;=1+cmd|' /C calc'!A0;y"),
        "\"x;'=1+cmd|' /C calc'!A0;y\"\r\n"
    );
    for cell in [
        "a; \"=1",
        "a\t@1",
        "a\n+1",
        "a;;-1",
        "'=1;'=1;''=2",
        "a;b",
        "a;'b",
        ";",
    ] {
        let written = guarded(cell);
        assert_eq!(values::unguarded(&written), cell);
        let parts = written.split([';', '\t', '\n']).skip(1);
        for part in parts {
            let bare = part.trim_start_matches([' ', '"']);
            assert!(!bare.starts_with(['=', '+', '-', '@']), "{written:?}");
        }
    }
}

#[test]
fn a_yes_never_overrules_a_no_by_itself() {
    let decide = |first: &str, second: &str| {
        let row = |value: &str| {
            let (people, _) = look(&format!("Last name,Consent: email\nX,{value}\n"));
            people.into_iter().next().unwrap()
        };
        let mut new_id = || [1; 16];
        let mut contact = make(
            &row(first),
            &Spot::default(),
            &mapping(vec![]),
            author(),
            &mut new_id,
        );
        let mut notes = Vec::new();
        apply(
            &row(second),
            &Spot::default(),
            author(),
            &mut contact,
            &mut new_id,
            &mut notes,
        )
        .unwrap();
        (contact.wishes.allow(Channel::Email, "any"), notes.len())
    };
    assert_eq!(decide("no 2026-01-02", "yes"), (false, 1));
    assert_eq!(decide("no 2026-01-02", "yes 2026-01-01"), (false, 1));
    assert_eq!(decide("no 2026-01-02", "yes 2026-01-03"), (true, 0));
    assert_eq!(decide("yes 2026-01-02", "no"), (false, 0));
    assert_eq!(decide("yes 2026-01-02", "no 2026-01-01"), (true, 1));
    assert_eq!(decide("yes", "yes"), (true, 0));
}

/// What is allowed after a row came to somebody who had decided before, and how many warnings.
fn after_row(before: &[(Option<Channel>, Option<&str>, bool)], row: &str) -> (Contact, usize) {
    let mut contact = somebody();
    contact.wishes.consents.clear();
    for (channel, category, given) in before {
        contact.wishes.decide(crate::domain::Consent {
            channel: *channel,
            category: category.map(str::to_owned),
            given: *given,
            at: values::date("2026-02-02").unwrap(),
            proof: crate::domain::ProofKind::Keyword,
            note: crate::domain::Redacted::new(String::new()),
        });
    }
    let (people, _) = look(row);
    let mut notes = Vec::new();
    let apply = |contact: &mut Contact, notes: &mut Vec<Note>| {
        let mut new_id = || [1; 16];
        let spot = Spot::default();
        apply(&people[0], &spot, author(), contact, &mut new_id, notes).unwrap()
    };
    apply(&mut contact, &mut notes);
    let warnings = notes.iter().filter(|n| n.sentence.english == why::NO_STAYS);
    (contact, warnings.count())
}

#[test]
fn an_exact_yes_does_not_go_round_a_wider_no() {
    let yes = |column: &str, value: &str| format!("Last name,{column}\nX,{value}\n");
    let texts = Some(Channel::Text);
    let stop = [(texts, None, false)];
    let allowed = |(contact, warnings): (Contact, usize)| {
        let wishes = &contact.wishes;
        let text = wishes.allow(Channel::Text, "News");
        (text, wishes.allow(Channel::Email, "News"), warnings)
    };
    let of = |before: &[_], row: &str| allowed(after_row(before, row));
    assert_eq!(
        of(&stop, &yes("Consent: text / News", "yes")),
        (false, true, 1)
    );
    assert_eq!(
        of(&stop, &yes("Consent: text / News", "yes 2026-01-01")),
        (false, true, 1)
    );
    assert_eq!(
        of(&stop, &yes("Consent: text / News", "yes 2026-03-03")),
        (true, true, 0)
    );
    let nothing = [(None, None, false)];
    assert_eq!(
        of(&nothing, &yes("Consent: email", "yes")),
        (false, false, 1)
    );
    assert_eq!(
        of(&nothing, &yes("Consent: email", "yes 2026-03-03")),
        (false, true, 0)
    );
    // A yes to a category is no yes to the channel that was refused.
    assert_eq!(
        of(&stop, &yes("Consent: all / News", "yes")),
        (false, true, 1)
    );
    let open = [(None, None, false), (texts, None, true)];
    assert_eq!(
        of(&open, &yes("Consent: text / News", "yes")),
        (true, false, 0)
    );
}

#[test]
fn a_no_ends_the_exact_yeses_before_it() {
    let no = |columns: &str, values: &str| format!("Last name,{columns}\nX,{values}\n");
    let email = Some(Channel::Email);
    let news = [(email, Some("News"), true)];
    let of = |before: &[_], row: &str| {
        let (contact, _) = after_row(before, row);
        contact.wishes.allow(Channel::Email, "News")
    };
    assert!(!of(&news, &no("Consent: all", "no")));
    assert!(!of(&news, &no("Consent: email", "no 2026-03-03")));
    assert!(
        of(&news, &no("Consent: email", "no 2026-01-01")),
        "said again later"
    );
    assert!(of(&news, &no("Consent: text", "no")));
    assert!(!of(
        &[(None, Some("News"), true)],
        &no("Consent: email", "no")
    ));
    for columns in [
        "Consent: all,Consent: email / News",
        "Consent: email / News,Consent: all",
    ] {
        let values = if columns.starts_with("Consent: all,") {
            "no,yes"
        } else {
            "yes,no"
        };
        assert!(of(&news, &no(columns, values)), "the row says both");
    }
}

#[test]
fn an_update_adds_and_takes_nothing_away() {
    let mut contact = somebody();
    let (people, _) = look("First name,Email,Field: =FLAT,Language\nAda,c@example.org,7b,\n");
    let mut notes = Vec::new();
    let log = apply(
        &people[0],
        &Spot::default(),
        author(),
        &mut contact,
        &mut || [77; 16],
        &mut notes,
    )
    .unwrap();
    assert_eq!(log.len(), 2, "edited, method added");
    assert_eq!(notes[0].sentence.english, why::OTHER_NAME);
    assert_eq!(contact.language, "fr");
    assert_eq!(contact.custom.len(), 1);
    let emails = contact
        .methods
        .iter()
        .filter(|one| one.kind == MethodKind::Email);
    assert_eq!(emails.count(), 3);
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
