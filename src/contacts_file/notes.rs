//! What is said about a row. Each sentence is also the key under which its translations stand.

use std::fmt::Display;

use crate::domain::import::FINDING_VALUE_MAX;
use crate::domain::sentence::Part;
use crate::domain::{ContactId, Finding, Redacted, Sentence};

/// Longest text that fills a place in a sentence, in characters.
const PART_MAX: usize = 60;

/// The sentences.
#[allow(missing_docs)]
pub mod why {
    pub const NOTHING: &str =
        "There is no name, address or number in this row that could be taken.";
    pub const NO_METHOD: &str =
        "This person would have no address or number: nothing can be sent to them.";
    pub const NAME_LONG: &str = "The name is longer than {0} bytes.";
    pub const UNREADABLE: &str = "There are characters here that could not be read. Save the file as UTF-8 and bring it again.";
    pub const SHEET_ERROR: &str = "The spreadsheet shows an error here.";
    pub const KIND: &str =
        "This is no kind of contact. Known are: citizen, client, creditor, staff, correspondent.";
    pub const LANGUAGE: &str = "This is no language. Write its two letters (en, fr) or its name.";
    pub const AREA: &str = "There is no such area.";
    pub const AREA_MANY: &str =
        "Several areas are called so. Write the whole path: Force / District / Beat.";
    pub const AREA_LONG: &str =
        "An area has a name of at most {0} characters and lies at most {1} deep.";
    pub const AREAS_MANY: &str = "There are too many areas already.";
    pub const GROUP: &str = "There is no such group.";
    pub const GROUP_LONG: &str = "A group has a name of at most {0} characters.";
    pub const GROUPS_MANY: &str = "Nobody can be in more than {0} groups.";
    pub const GROUPS_ALL: &str = "There are too many groups already.";
    pub const FIELD_LONG: &str = "The value is longer than {0} bytes.";
    pub const FIELDS_MANY: &str = "Nobody can have more than {0} fields.";
    pub const CONSENT: &str = "This is neither yes nor no. A date may follow: yes 2026-05-31.";
    pub const DATE: &str = "This is no date. Write 2026-05-31 or 31/05/2026.";
    pub const FUTURE: &str = "This date has not come yet.";
    pub const ID: &str = "This is no id of a contact here. Leave the column out to add people.";
    pub const ID_UNKNOWN: &str =
        "No contact here has this id; the contact may have been removed since.";
    pub const DIGITS_LOST: &str = "The spreadsheet has shortened this number and its last digits are lost. Set the column to text and enter it again.";
    pub const NUMBER_EITHER: &str = "The spreadsheet kept this as a number, without what stood before it, and it could be {0} or {1}. Set the column to text and enter it again.";
    pub const NUMBER_NEITHER: &str = "The spreadsheet kept this as a number, without a zero or plus before it, and no number that could be meant was found.";
    pub const PLUS_RESTORED: &str = "The plus sign was missing; taken as {0}.";
    pub const TWICE: &str = "The same person stands in row {0}.";
    pub const SHARED: &str = "Row {0} has the same address or number under another name.";
    pub const METHOD_TWICE: &str = "The same address or number stands in this row twice.";
    pub const METHODS_MANY: &str = "Nobody can have more than {0} addresses and numbers.";
    pub const SEVERAL: &str = "Several contacts who are known could be meant.";
    pub const OTHER_NAME: &str = "Known under another name, {0}; the name will be changed.";
    pub const SUPPRESSED: &str = "Somebody with this address or number has left or was erased; nothing is sent there until they want it again.";
    pub const REMOVED: &str =
        "This address or number was removed from the contact before; it is not added again.";
    pub const NO_STAYS: &str = "The person said no, and this yes has no later date: the no stays.";
    pub const LATER_STAYS: &str = "A later decision of this person is known and stays.";
    pub const TOO_LARGE: &str = "The contact would become too large to be kept.";
    pub const CHANGED_SINCE: &str = "Somebody has changed this contact since; it stays as it is.";
    pub const WRITTEN_TO: &str =
        "Something was sent to this person or came back since; the contact stays.";
    pub const GONE: &str = "This contact has been removed since.";
    pub const MISREAD: &str = "The file could not be read again.";

    /// All of them.
    pub const ALL: &[&str] = &[
        NOTHING,
        NO_METHOD,
        NAME_LONG,
        UNREADABLE,
        SHEET_ERROR,
        KIND,
        LANGUAGE,
        AREA,
        AREA_MANY,
        AREA_LONG,
        AREAS_MANY,
        GROUP,
        GROUP_LONG,
        GROUPS_MANY,
        GROUPS_ALL,
        FIELD_LONG,
        FIELDS_MANY,
        CONSENT,
        DATE,
        FUTURE,
        ID,
        ID_UNKNOWN,
        DIGITS_LOST,
        NUMBER_EITHER,
        NUMBER_NEITHER,
        PLUS_RESTORED,
        TWICE,
        SHARED,
        METHOD_TWICE,
        METHODS_MANY,
        SEVERAL,
        OTHER_NAME,
        SUPPRESSED,
        REMOVED,
        NO_STAYS,
        LATER_STAYS,
        TOO_LARGE,
        CHANGED_SINCE,
        WRITTEN_TO,
        GONE,
        MISREAD,
    ];
}

/// Something about a row, before it is written down.
#[derive(Clone, Debug)]
pub struct Note {
    /// Which column, from 0.
    pub column: Option<usize>,
    /// What stands there.
    pub value: Redacted<String>,
    /// Whether the row cannot be taken for it.
    pub bad: bool,
    /// Why.
    pub sentence: Sentence,
    /// Whom it is about, where somebody who is known is.
    pub contact: Option<ContactId>,
}

impl Note {
    /// The row cannot be taken.
    pub fn bad(sentence: impl Into<Sentence>) -> Self {
        Self {
            column: None,
            value: Redacted::new(String::new()),
            bad: true,
            sentence: sentence.into(),
            contact: None,
        }
    }

    /// The row is taken all the same.
    pub fn warning(sentence: impl Into<Sentence>) -> Self {
        Self {
            bad: false,
            ..Self::bad(sentence)
        }
    }

    /// In which column, and what stands there.
    #[must_use]
    pub fn at(mut self, column: usize, value: &str) -> Self {
        self.column = Some(column);
        self.value = Redacted::new(value.chars().take(FINDING_VALUE_MAX).collect());
        self
    }

    /// About whom.
    #[must_use]
    pub const fn about(mut self, contact: ContactId) -> Self {
        self.contact = Some(contact);
        self
    }

    /// As it is written down.
    #[must_use]
    pub fn finding(self, row: u32) -> Finding {
        let part = |part: Part| match part {
            Part::Text(text) => text.chars().take(PART_MAX).collect(),
            Part::Words(words) => words.to_owned(),
        };
        Finding {
            row,
            column: self.column.and_then(|column| u16::try_from(column).ok()),
            value: self.value,
            bad: self.bad,
            why: self.sentence.english.to_owned(),
            parts: self.sentence.parts.into_iter().map(part).collect(),
            contact: self.contact,
        }
    }
}

/// A sentence with one place filled.
pub(super) fn with(english: &'static str, value: impl Display) -> Sentence {
    Sentence::with(english, &[&value])
}
