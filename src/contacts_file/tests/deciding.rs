//! What a row changes about somebody who is known: yes, no, and all else.

use super::*;

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
    let says_yes = no("Consent: all,Consent: email", "no,yes");
    assert!(of(&[], &says_yes));
    assert!(of(&news, &says_yes), "a yes takes no yes away");
    let says_no = no("Consent: all,Consent: email", "no,no");
    assert!(!of(&news, &says_no));
    let no_before = [news[0], (email, None, false)];
    assert!(!of(&no_before, &says_no), "also where the no is known");
    let again = |value: &str| of(&no_before, &no("Consent: email", value));
    assert!(!again("no 2026-03-03"), "said again later");
    assert!(again("no"), "the same file brought again says nothing new");
    let of_texts = no("Consent: all,Consent: text", "no,yes");
    assert!(!of(&news, &of_texts), "about something else");
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
