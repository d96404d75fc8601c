//! Files written out, and read in again.

use super::*;

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
        assert_eq!(values::unguarded(&guarded(cell, Target::Csv)), cell);
    }
    assert_eq!(guarded("+447400123456", Target::Csv), "+447400123456");
    assert_eq!(guarded("+1+cmd", Target::Csv), "'+1+cmd");
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
        let written = guarded(cell, Target::Sheet);
        assert_eq!(values::unguarded(&written), cell);
        let written = guarded(cell, Target::Csv);
        assert_eq!(values::unguarded(&written), cell);
        let parts = written.split([';', '\t', '\n']).skip(1);
        for part in parts {
            let bare = part.trim_start_matches([' ', '"']);
            assert!(!bare.starts_with(['=', '+', '-', '@']), "{written:?}");
        }
    }
}

#[test]
fn nothing_stands_in_a_spreadsheet_that_it_does_not_need() {
    for cell in ["Needs:\n- oxygen\n- lift", "Flat 2; -1 floor", "a\t@1"] {
        assert_eq!(guarded(cell, Target::Sheet), cell);
    }
    assert_eq!(guarded("=1;\n'-2", Target::Sheet), "'=1;\n''-2");
}
