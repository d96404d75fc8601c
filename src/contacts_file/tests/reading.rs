//! From bytes to rows, whatever the bytes.

use super::*;

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
    // Lines that are short enough, but all of them one row.
    let cell = format!("a,b\n\"{}\",1\n", "many words\n".repeat(200_000));
    assert_eq!(error(cell.as_bytes()), FileError::CellTooLong(2));
    let folded = format!(
        "a,b\n{}\n",
        format!("{}\"\n\"", ",".repeat(512 * 1024)).repeat(8)
    );
    assert!(folded.lines().all(|line| line.len() <= 1024 * 1024));
    assert_eq!(error(folded.as_bytes()), FileError::TooManyColumns(2));
}
