//! Invented people for `demo` and for tests: always the same for one seed. Nobody of them
//! exists: domains are reserved (RFC 2606), numbers are those that Ofcom keeps for drama.

use crate::clock::Randomness;

/// How many people there are.
pub const PEOPLE: usize = 40;
/// The area that holds all others.
pub const COUNTY: &str = "Eastmere County";
/// The areas in which people live.
pub const AREAS: [&str; 3] = ["Harbour", "Old Town", "Westfield"];

/// Domains of the invented mailboxes.
pub const DOMAINS: [&str; 3] = ["mail.example", "post.example", "example.org"];
/// Ofcom keeps 07700 900000 to 900999 for drama.
const MOBILES: &str = "+447700900";
/// Ofcom keeps 01632 960000 to 960999 for drama.
const LANDLINES: &str = "+441632960";

const FIRST_NAMES: [&str; PEOPLE] = [
    "Ada",
    "Amara",
    "Beatrice",
    "Benedict",
    "Callum",
    "Chloe",
    "Dafydd",
    "Delia",
    "Edmund",
    "Esther",
    "Farah",
    "Fergus",
    "Grace",
    "Gwen",
    "Hamid",
    "Harriet",
    "Idris",
    "Imogen",
    "Jakub",
    "Josephine",
    "Kemi",
    "Kieran",
    "Leila",
    "Louis",
    "Maeve",
    "Marcus",
    "Nadia",
    "Niall",
    "Olive",
    "Oscar",
    "Priya",
    "Quentin",
    "Rosalind",
    "Rupert",
    "Saoirse",
    "Stefan",
    "Tamsin",
    "Umar",
    "Violet",
    "Wilfred",
];
const LAST_NAMES: [&str; PEOPLE] = [
    "Abbott",
    "Okafor",
    "Bellamy",
    "Carver",
    "Dunmore",
    "Ellwood",
    "Fairfax",
    "Griffiths",
    "Hartley",
    "Ibrahim",
    "Jessop",
    "Kaur",
    "Larkin",
    "Mahoney",
    "Nowak",
    "Osborne",
    "Pemberton",
    "Quill",
    "Rahman",
    "Sinclair",
    "Thackeray",
    "Underhill",
    "Vance",
    "Whitlock",
    "Yardley",
    "Ashdown",
    "Blythe",
    "Crowther",
    "Dalby",
    "Evershed",
    "Fenwick",
    "Goodacre",
    "Holloway",
    "Islington",
    "Jolly",
    "Kettering",
    "Lovelace",
    "Merriweather",
    "Northcote",
    "Oakley",
];

/// What becomes of an email to somebody.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum EmailFate {
    /// The server takes it.
    Taken,
    /// The server refuses the recipient: 550 5.1.1.
    Refused,
    /// The server takes it, and a bounce (5.1.1) comes later.
    BouncesLater,
    /// The mailbox is full: 452 4.2.2.
    Full,
}

/// What becomes of a text to somebody.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum TextFate {
    /// The receipt says delivered.
    Received,
    /// The receipt says undeliverable.
    Undelivered,
}

/// What becomes of a call to somebody.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum CallFate {
    /// Answers and presses 1.
    PressesOne,
    /// Answers and hangs up.
    HangsUp,
    /// Is on the line.
    Busy,
    /// Does not answer.
    NoAnswer,
    /// Has a machine answer.
    Voicemail,
    /// 404: there is no such number.
    UnknownNumber,
}

/// Somebody who does not exist.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Invented {
    /// First name.
    pub first_name: &'static str,
    /// Last name.
    pub last_name: &'static str,
    /// Place in [`AREAS`].
    pub area: usize,
    /// An address, and what becomes of mail to it.
    pub email: Option<(String, EmailFate)>,
    /// A mobile number in E.164 form, and what becomes of texts to it.
    pub mobile: Option<(String, TextFate)>,
    /// A landline number in E.164 form.
    pub landline: Option<String>,
    /// What becomes of calls, to whichever number.
    pub call: CallFate,
}

/// [`PEOPLE`] invented people. Whatever the seed, the first has an email that bounces later, a
/// mobile that works and a landline on which key 1 is pressed.
#[must_use]
pub fn invent(seed: u64) -> Vec<Invented> {
    let random = Randomness::seeded(seed);
    let mut last_names = LAST_NAMES;
    for i in (1..last_names.len()).rev() {
        last_names.swap(i, draw(&random, i + 1));
    }
    (0..PEOPLE)
        .map(|n| person(n, last_names[n], &random))
        .collect()
}

fn draw(random: &Randomness, bound: usize) -> usize {
    usize::try_from(random.below(bound as u64)).unwrap_or(0)
}

fn person(n: usize, last_name: &'static str, random: &Randomness) -> Invented {
    let first_name = FIRST_NAMES[n];
    let address = format!(
        "{}.{}@{}",
        first_name.to_lowercase(),
        last_name.to_lowercase(),
        DOMAINS[draw(random, DOMAINS.len())]
    );
    // Which methods people have, and what becomes of messages, goes round: every case occurs.
    let (has_email, has_mobile, has_landline) = match n % 8 {
        0 | 1 | 2 | 5 => (true, true, true),
        3 => (true, true, false),
        4 => (true, false, true),
        6 => (false, true, false),
        _ => (true, true, false),
    };
    let email_fate = match n % 13 {
        0 => EmailFate::BouncesLater,
        5 => EmailFate::Refused,
        9 => EmailFate::Full,
        _ => EmailFate::Taken,
    };
    let text_fate = if n % 11 == 7 {
        TextFate::Undelivered
    } else {
        TextFate::Received
    };
    let call = match n % 10 {
        0 | 1 | 4 | 7 => CallFate::PressesOne,
        2 => CallFate::HangsUp,
        3 => CallFate::Busy,
        5 | 8 => CallFate::NoAnswer,
        6 => CallFate::Voicemail,
        _ => CallFate::UnknownNumber,
    };
    Invented {
        first_name,
        last_name,
        area: n % AREAS.len(),
        email: has_email.then_some((address, email_fate)),
        mobile: has_mobile.then(|| (format!("{MOBILES}{:03}", 100 + n), text_fate)),
        landline: has_landline.then(|| format!("{LANDLINES}{:03}", 100 + n)),
        call,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::collections::HashSet;

    #[test]
    fn one_seed_gives_the_same_people() {
        assert_eq!(invent(7), invent(7));
        assert_ne!(invent(7), invent(8));
    }

    #[test]
    fn nobody_is_there_twice_and_nobody_exists() {
        let people = invent(1);
        let names: HashSet<_> = people.iter().map(|p| (p.first_name, p.last_name)).collect();
        assert_eq!((people.len(), names.len()), (PEOPLE, PEOPLE));
        for person in &people {
            if let Some((address, _)) = &person.email {
                assert!(address.ends_with(".example") || address.ends_with("@example.org"));
            }
            let numbers = person
                .mobile
                .iter()
                .map(|(number, _)| number)
                .chain(&person.landline);
            for number in numbers {
                assert_eq!(number.len(), 13, "{number}");
                assert!(number.starts_with(MOBILES) || number.starts_with(LANDLINES));
            }
        }
        assert!((0..AREAS.len()).all(|area| people.iter().any(|person| person.area == area)));
    }

    #[test]
    fn the_first_shows_the_whole_story() {
        let first = invent(3).remove(0);
        assert_eq!(
            first.email.map(|(_, fate)| fate),
            Some(EmailFate::BouncesLater)
        );
        assert_eq!(first.mobile.map(|(_, fate)| fate), Some(TextFate::Received));
        assert_eq!(
            (first.landline.is_some(), first.call),
            (true, CallFate::PressesOne)
        );
    }
}
