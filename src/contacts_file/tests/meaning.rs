//! What titles and cells mean.

use super::*;

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
