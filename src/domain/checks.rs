//! Looking at an address or number as somebody enters it: what cannot be is refused, what is
//! probably a slip is pointed out, and may be overruled.

mod lists;

use std::str::FromStr;

use rlibphonenumber::{NumberLengthType, PhoneNumberType};

use self::lists::{DISPOSABLE, KNOWN, ROLES, SLIPS};
use super::address::{EmailAddress, PhoneNumber};
use super::method::{Destination, MethodKind};
use super::redacted::Redacted;
use super::sentence::Sentence;

/// How much a remark weighs.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Weight {
    /// Good to know.
    Note,
    /// Probably a slip; whoever enters it may say that it is right.
    Doubt,
    /// It cannot be.
    Impossible,
}

/// Something to say about what was entered.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Remark {
    /// How much it weighs.
    pub weight: Weight,
    /// What to say; never the address itself.
    pub sentence: Sentence,
    /// What was probably meant.
    pub meant: Option<Redacted<String>>,
}

impl Remark {
    fn new(weight: Weight, sentence: impl Into<Sentence>) -> Self {
        Self {
            weight,
            sentence: sentence.into(),
            meant: None,
        }
    }
}

/// What was read, if it can be read, and what there is to say about it, weightiest first.
#[derive(Clone, Debug)]
pub struct Checked {
    /// The address or number.
    pub destination: Option<Destination>,
    /// The remarks.
    pub remarks: Vec<Remark>,
}

impl Checked {
    /// Whether it should not be taken without asking.
    #[must_use]
    pub fn is_doubtful(&self) -> bool {
        self.remarks
            .iter()
            .any(|remark| remark.weight == Weight::Doubt)
    }

    /// What may be taken: nothing that is impossible, and what is doubtful only if whoever entered
    /// it is sure.
    ///
    /// # Errors
    /// Why not, where there is more to say than that it cannot be read.
    pub fn taken(&self, sure: bool) -> Result<&Destination, Option<&Remark>> {
        let against = self.first().filter(|remark| match remark.weight {
            Weight::Impossible => true,
            Weight::Doubt => !sure,
            Weight::Note => false,
        });
        match (against, &self.destination) {
            (None, Some(destination)) => Ok(destination),
            (against, _) => Err(against),
        }
    }

    /// The weightiest remark.
    #[must_use]
    pub fn first(&self) -> Option<&Remark> {
        self.remarks.first()
    }
}

/// Reads and looks at what was entered for a method of this kind; national numbers are read in
/// `region` (ISO 3166-1 alpha-2).
#[must_use]
pub fn check(kind: MethodKind, text: &str, region: &str) -> Checked {
    let mut checked = match kind {
        MethodKind::Email => match EmailAddress::parse(text) {
            Ok(address) => Checked {
                remarks: email(&address),
                destination: Some(Destination::Email(Redacted::new(address))),
            },
            Err(error) => impossible(Sentence::from(&error)),
        },
        MethodKind::Mobile | MethodKind::Landline => match PhoneNumber::parse(text, region) {
            Ok(number) if is_local_only(&number) => impossible("The area code is missing.".into()),
            Ok(number) => Checked {
                remarks: phone(&number, kind),
                destination: Some(Destination::Phone(Redacted::new(number))),
            },
            Err(error) => impossible(Sentence::from(&error)),
        },
    };
    checked
        .remarks
        .sort_by_key(|remark| std::cmp::Reverse(remark.weight));
    checked
}

fn impossible(sentence: Sentence) -> Checked {
    Checked {
        destination: None,
        remarks: vec![Remark::new(Weight::Impossible, sentence)],
    }
}

fn email(address: &EmailAddress) -> Vec<Remark> {
    let mut remarks = Vec::new();
    let domain = address.domain();
    if let Some(meant) = meant_domain(domain) {
        let mut remark = Remark::new(
            Weight::Doubt,
            Sentence::with("Did you mean {0}?", &[&meant]),
        );
        remark.meant = Some(Redacted::new(format!("{}@{meant}", address.local_part())));
        remarks.push(remark);
    }
    if DISPOSABLE.contains(&domain) {
        remarks.push(Remark::new(
            Weight::Note,
            "This provider's mailboxes vanish by themselves after a while.",
        ));
    }
    let local = address.local_part().to_lowercase();
    if ROLES.contains(&local.as_str()) {
        remarks.push(Remark::new(
            Weight::Note,
            "This looks like the mailbox of an office: several people may read it.",
        ));
    }
    remarks
}

/// The domain that was probably meant, when this one looks like a slip of the fingers.
fn meant_domain(domain: &str) -> Option<String> {
    if KNOWN.contains(&domain) || DISPOSABLE.contains(&domain) {
        return None;
    }
    let (label, ending) = domain.split_once('.').unwrap_or((domain, ""));
    let known_label = KNOWN
        .iter()
        .any(|known| known.split('.').next() == Some(label));
    if label == "gmail" {
        return Some("gmail.com".to_owned());
    }
    // Great providers have their name in many countries.
    if known_label && is_country(ending) {
        return None;
    }
    let mended = mend_ending(domain);
    let candidate = mended.as_deref().unwrap_or(domain);
    if KNOWN.contains(&candidate) {
        return mended;
    }
    let letters = letters_of(candidate);
    let nearest = KNOWN
        .iter()
        .filter(|known| may_be_near(candidate, letters, known))
        .map(|known| (strsim::osa_distance(candidate, known), *known))
        .filter(|(distance, known)| *distance <= slips_allowed(known))
        .min_by_key(|(distance, _)| *distance);
    nearest.map(|(_, known)| known.to_owned()).or(mended)
}

/// False where so few slips cannot lead from one to the other. A large file asks this for each
/// of its rows and each known domain; measuring the distance costs a hundred times more.
fn may_be_near(candidate: &str, letters: u64, known: &str) -> bool {
    let slips = slips_allowed(known);
    // A slip adds, drops or swaps a byte, or puts one letter in place of another.
    let apart = (letters ^ letters_of(known)).count_ones();
    slips > 0 && candidate.len().abs_diff(known.len()) <= slips && apart as usize <= 2 * slips
}

/// Which bytes there are, six bits of each told apart.
fn letters_of(text: &str) -> u64 {
    text.bytes().fold(0, |set, byte| set | 1 << (byte & 63))
}

/// Whether an ending is one of a country: `.se`, `.co.nz`. Those that are nearly `.com` are
/// rather a slip.
fn is_country(ending: &str) -> bool {
    let last = ending
        .strip_prefix("co.")
        .or_else(|| ending.strip_prefix("com."))
        .unwrap_or(ending);
    let slip = SLIPS.iter().any(|(wrong, _)| *wrong == ending);
    last.len() == 2 && !["co", "cm", "om"].contains(&last) && !slip
}

/// Short names are near to many others: there only the ending is looked at.
fn slips_allowed(known: &str) -> usize {
    match known.split('.').next().unwrap_or_default().len() {
        0..=4 => 0,
        5..=6 => 1,
        _ => 2,
    }
}

fn mend_ending(domain: &str) -> Option<String> {
    SLIPS.iter().find_map(|(wrong, right)| {
        let rest = domain.strip_suffix(wrong)?.strip_suffix('.')?;
        (!rest.is_empty()).then(|| format!("{rest}.{right}"))
    })
}

/// Whether a number could only be dialled within its own town.
fn is_local_only(number: &PhoneNumber) -> bool {
    rlibphonenumber::PhoneNumber::from_str(number.as_str()).is_ok_and(|parsed| {
        parsed.is_possible_with_reason() == Ok(NumberLengthType::IsPossibleLocalOnly)
    })
}

fn phone(number: &PhoneNumber, kind: MethodKind) -> Vec<Remark> {
    let mut remarks = Vec::new();
    let Ok(parsed) = rlibphonenumber::PhoneNumber::from_str(number.as_str()) else {
        return remarks;
    };
    let mut say = |weight, sentence| remarks.push(Remark::new(weight, Sentence::from(sentence)));
    if !parsed.is_valid() {
        say(
            Weight::Doubt,
            "No such number is given out in its country, as far as is known.",
        );
        return remarks;
    }
    let mobile = kind == MethodKind::Mobile;
    match parsed.get_type() {
        PhoneNumberType::FixedLine if mobile => say(
            Weight::Doubt,
            "This is a landline number: texts do not reach it.",
        ),
        PhoneNumberType::Mobile if !mobile => say(
            Weight::Doubt,
            "This is a mobile number: entered as one, it gets texts too.",
        ),
        PhoneNumberType::PremiumRate | PhoneNumberType::SharedCost => {
            say(Weight::Doubt, "Calls to this number cost extra.");
        }
        PhoneNumberType::Pager | PhoneNumberType::VoiceMail => {
            say(Weight::Doubt, "No person answers this kind of number.");
        }
        PhoneNumberType::TollFree | PhoneNumberType::UAN => say(
            Weight::Note,
            "This looks like the number of an office rather than of a person.",
        ),
        PhoneNumberType::FixedLine
        | PhoneNumberType::Mobile
        | PhoneNumberType::FixedLineOrMobile
        | PhoneNumberType::VoIP
        | PhoneNumberType::PersonalNumber
        | PhoneNumberType::Unknown => {}
    }
    remarks
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;

    #[track_caller]
    fn meant(text: &str, expected: Option<&str>) {
        let checked = check(MethodKind::Email, text, "GB");
        let found = checked.first().and_then(|remark| remark.meant.clone());
        assert_eq!(
            found.as_ref().map(|meant| meant.reveal().as_str()),
            expected,
            "{text}"
        );
        assert_eq!(checked.is_doubtful(), expected.is_some(), "{text}");
    }

    #[test]
    fn misspelt_domains_are_pointed_out() {
        for (text, expected) in [
            ("ada@hotmial.com", "ada@hotmail.com"),
            ("ada@gmial.com", "ada@gmail.com"),
            ("ada@gamil.com", "ada@gmail.com"),
            ("ada@gmail.con", "ada@gmail.com"),
            ("ada@gmail.cmo", "ada@gmail.com"),
            ("Ada.L@GMAIL.CO", "Ada.L@gmail.com"),
            ("ada@gmail.co.ku", "ada@gmail.com"),
            ("ada@hotmial.cmo", "ada@hotmail.com"),
            ("ada@outlok.com", "ada@outlook.com"),
            ("ada@yahooo.co.uk", "ada@yahoo.co.uk"),
            ("ada@btintenret.com", "ada@btinternet.com"),
            ("ada@ornage.fr", "ada@orange.fr"),
            ("ada@company.con", "ada@company.com"),
            ("ada@gmail.fr", "ada@gmail.com"),
            ("ada@hotmail.co", "ada@hotmail.com"),
            ("ada@live.con", "ada@live.com"),
        ] {
            meant(text, Some(expected));
        }
    }

    #[test]
    fn domains_that_only_look_alike_are_left_alone() {
        for text in [
            "ada@mail.com",
            "ada@email.com",
            "ada@ymail.com",
            "ada@gmx.at",
            "ada@fastmail.com",
            "ada@hotmail.fr",
            "ada@example.org",
            "ada@mail.example",
            "ada@hotmail.se",
            "ada@yahoo.co.nz",
            "ada@life.com",
            "ada@tree.fr",
            "ada@council.gov.uk",
            "ada@bücher.example",
        ] {
            meant(text, None);
        }
    }

    #[test]
    fn offices_and_passing_mailboxes_are_only_noted() {
        for text in ["info@example.org", "ada@mailinator.com"] {
            let checked = check(MethodKind::Email, text, "GB");
            assert_eq!(checked.first().unwrap().weight, Weight::Note, "{text}");
            assert!(checked.destination.is_some());
        }
    }

    #[track_caller]
    fn weight(kind: MethodKind, text: &str, region: &str, expected: Option<Weight>) {
        let checked = check(kind, text, region);
        assert_eq!(
            checked.first().map(|remark| remark.weight),
            expected,
            "{text}"
        );
        assert_eq!(
            checked.destination.is_none(),
            expected == Some(Weight::Impossible)
        );
    }

    #[test]
    fn numbers_are_held_against_the_plan_of_their_country() {
        use MethodKind::{Landline, Mobile};
        weight(Mobile, "07400 123456", "GB", None);
        weight(Landline, "0121 234 5678", "GB", None);
        weight(Mobile, "0121 234 5678", "GB", Some(Weight::Doubt));
        weight(Landline, "07400 123456", "GB", Some(Weight::Doubt));
        weight(Mobile, "06 12 34 56 78", "FR", None);
        // Where mobiles and landlines look the same nobody can tell.
        weight(Mobile, "+1 201 555 0123", "GB", None);
        weight(Landline, "+1 201 555 0123", "GB", None);
        weight(Landline, "0909 879 0000", "GB", Some(Weight::Doubt));
        weight(Landline, "0800 123 4567", "GB", Some(Weight::Note));
        // Too short, too long, no number: refused. Not given out: doubted, plans change.
        weight(Mobile, "+44 74001", "GB", Some(Weight::Impossible));
        weight(Mobile, "074001234567890", "GB", Some(Weight::Impossible));
        weight(Mobile, "my telephone", "GB", Some(Weight::Impossible));
        weight(Landline, "0000 000 0000", "GB", Some(Weight::Doubt));
    }

    #[test]
    fn remarks_never_name_the_mailbox() {
        let checked = check(MethodKind::Email, "ada.secret@hotmial.com", "GB");
        assert!(!format!("{checked:?}").contains("secret"));
    }

    #[test]
    fn the_first_look_lets_every_slip_through() {
        for known in KNOWN.iter().filter(|known| slips_allowed(known) > 0) {
            let slips = (0..=known.len()).flat_map(|at| {
                let (before, behind) = known.split_at(at);
                let mut behind = behind.chars();
                let (first, rest) = (behind.next(), behind.as_str());
                let swapped = rest.chars().next().zip(first).map(|(next, first)| {
                    let rest: String = rest.chars().skip(1).collect();
                    format!("{before}{next}{first}{rest}")
                });
                let replaced = format!("{before}q{rest}");
                let added = format!(
                    "{before}q{}{rest}",
                    first.map(String::from).unwrap_or_default()
                );
                let dropped = format!("{before}{rest}");
                [Some(replaced), Some(added), Some(dropped), swapped]
            });
            for slip in slips.flatten() {
                assert!(strsim::osa_distance(&slip, known) <= 1);
                assert!(
                    may_be_near(&slip, letters_of(&slip), known),
                    "{slip} for {known}"
                );
            }
        }
    }
}
