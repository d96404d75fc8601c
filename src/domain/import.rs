//! A file of contacts on its way in: what its columns mean, how far it is, what came of it.

use super::contact::{Contact, ContactKind};
use super::ids::{AreaId, BlobId, ContactId, GroupId, ImportId, UserId};
use super::redacted::Redacted;
use super::status::Channel;
use super::timestamp::Timestamp;

/// Longest name of a file that is kept, in characters.
pub const IMPORT_FILE_NAME_MAX: usize = 120;
/// Most columns of a file.
pub const IMPORT_COLUMNS_MAX: usize = 100;
/// Longest value shown with a finding, in characters.
pub const FINDING_VALUE_MAX: usize = 60;
/// Findings that lie in one row of the store.
pub const FINDINGS_CHUNK: usize = 16;
/// Most findings that are written down of one pass; more are only counted.
pub const FINDINGS_MAX: u32 = 100_000;
/// How long the file, what was found in it and what it changed are kept, in days.
pub const IMPORT_KEPT_DAYS: u64 = 30;

/// Where an import stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum ImportState {
    /// The file is here; nobody has said yet what its columns mean.
    Uploaded,
    /// Every row is being looked at; nothing is changed.
    Checking,
    /// Every row has been looked at; somebody has to say go.
    Checked,
    /// Contacts are being written.
    Running,
    /// All rows have been gone through.
    Done,
    /// Somebody stopped it; what was written stays.
    Cancelled,
    /// It could not go on.
    Failed,
    /// What it wrote is being taken back.
    Undoing,
    /// What it wrote has been taken back.
    Undone,
}

impl ImportState {
    /// All of them.
    pub const ALL: [Self; 9] = [
        Self::Uploaded,
        Self::Checking,
        Self::Checked,
        Self::Running,
        Self::Done,
        Self::Cancelled,
        Self::Failed,
        Self::Undoing,
        Self::Undone,
    ];

    /// Its name to programs.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Uploaded => "uploaded",
            Self::Checking => "checking",
            Self::Checked => "checked",
            Self::Running => "running",
            Self::Done => "done",
            Self::Cancelled => "cancelled",
            Self::Failed => "failed",
            Self::Undoing => "undoing",
            Self::Undone => "undone",
        }
    }

    /// The pass that it belongs to: whose findings matter now.
    #[must_use]
    pub const fn pass(self) -> ImportPass {
        match self {
            Self::Uploaded | Self::Checking | Self::Checked => ImportPass::Check,
            Self::Running | Self::Done | Self::Cancelled | Self::Failed => ImportPass::Run,
            Self::Undoing | Self::Undone => ImportPass::Undo,
        }
    }

    /// Whether the gateway works on it by itself.
    #[must_use]
    pub const fn is_working(self) -> bool {
        match self {
            Self::Checking | Self::Running | Self::Undoing => true,
            Self::Uploaded
            | Self::Checked
            | Self::Done
            | Self::Cancelled
            | Self::Failed
            | Self::Undone => false,
        }
    }
}

/// What a column holds.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum ColumnUse {
    /// Nothing that is wanted.
    Ignore,
    /// The id under which this installation knows the contact.
    Id,
    /// First name.
    FirstName,
    /// Last name.
    LastName,
    /// Both in one, to be split.
    FullName,
    /// What the person is to the organisation.
    Kind,
    /// Language.
    Language,
    /// The area, by name or by its path.
    Area,
    /// Groups.
    Groups,
    /// An email address.
    Email,
    /// A mobile number.
    Mobile,
    /// A landline number.
    Landline,
    /// A field of the installation's own.
    Field(String),
    /// Yes or no to a channel and category; none for all.
    Consent(Option<Channel>, Option<String>),
    /// The date of the decisions in the row that have none of their own.
    ConsentDate,
}

impl ColumnUse {
    /// Its name in forms and to programs; those that have more to say share one.
    #[must_use]
    pub const fn as_str(&self) -> &'static str {
        match self {
            Self::Ignore => "ignore",
            Self::Id => "id",
            Self::FirstName => "first_name",
            Self::LastName => "last_name",
            Self::FullName => "full_name",
            Self::Kind => "kind",
            Self::Language => "language",
            Self::Area => "area",
            Self::Groups => "groups",
            Self::Email => "email",
            Self::Mobile => "mobile",
            Self::Landline => "landline",
            Self::Field(_) => "field",
            Self::Consent(..) => "consent",
            Self::ConsentDate => "consent_date",
        }
    }
}

/// What happens to people who are known already.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum KnownPeople {
    /// They stay as they are.
    Skip,
    /// They take over what the file says.
    Update,
    /// They are added once more.
    Add,
}

impl KnownPeople {
    /// All of them, the usual one first.
    pub const ALL: [Self; 3] = [Self::Update, Self::Skip, Self::Add];

    /// Its name in forms and to programs.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Skip => "skip",
            Self::Update => "update",
            Self::Add => "add",
        }
    }
}

/// What somebody said about a file before it is read in.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ImportMapping {
    /// What each column holds.
    pub columns: Vec<ColumnUse>,
    /// Whether the first row names the columns.
    pub header: bool,
    /// Region in which national numbers are read (ISO 3166-1 alpha-2).
    pub region: String,
    /// Kind of people whose row says none.
    pub kind: ContactKind,
    /// Language of people whose row says none (ISO 639-1).
    pub language: String,
    /// Area of people whose row says none.
    pub area: Option<AreaId>,
    /// A group for everybody.
    pub group: Option<GroupId>,
    /// What happens to people who are known.
    pub known: KnownPeople,
    /// The field by which people are known; none for their addresses and numbers.
    pub by_field: Option<String>,
    /// Whether areas and groups that are missing are made.
    pub make_places: bool,
}

impl ImportMapping {
    /// What a file is taken for until somebody says more: citizens of this region (ISO 3166-1
    /// alpha-2) who speak this language (ISO 639-1); those who are known take over what it says.
    #[must_use]
    pub fn guessed(columns: Vec<ColumnUse>, header: bool, region: &str, language: &str) -> Self {
        Self {
            columns,
            header,
            region: region.to_owned(),
            kind: ContactKind::Citizen,
            language: language.to_owned(),
            area: None,
            group: None,
            known: KnownPeople::Update,
            by_field: None,
            make_places: false,
        }
    }
}

/// What came of the rows.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct ImportTotals {
    /// People who are new.
    pub added: u32,
    /// People who changed.
    pub updated: u32,
    /// People about whom the file says nothing new.
    pub unchanged: u32,
    /// People who are known and were left alone.
    pub skipped: u32,
    /// Rows that cannot be taken.
    pub bad: u32,
    /// Remarks on rows that can be taken.
    pub warnings: u32,
    /// Areas that were missing.
    pub areas: u32,
    /// Groups that were missing.
    pub groups: u32,
}

impl ImportTotals {
    /// Rows that hold or would hold somebody after all.
    #[must_use]
    pub const fn taken(&self) -> u32 {
        self.added + self.updated
    }
}

/// What came of taking an import back.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct UndoTotals {
    /// People who were removed.
    pub removed: u32,
    /// People who are again as they were.
    pub restored: u32,
    /// People who stay, because something has happened to them since.
    pub kept: u32,
}

/// Which pass over the file something was found in.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
#[repr(u8)]
pub enum ImportPass {
    /// The dry run.
    Check = 1,
    /// The import.
    Run = 2,
    /// Taking it back.
    Undo = 3,
}

impl ImportPass {
    /// All of them.
    pub const ALL: [Self; 3] = [Self::Check, Self::Run, Self::Undo];

    /// Its name to programs.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Check => "check",
            Self::Run => "run",
            Self::Undo => "undo",
        }
    }
}

/// A file of contacts.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ImportJob {
    /// Its id.
    pub id: ImportId,
    /// Who brought it.
    pub by: UserId,
    /// When.
    pub created_at: Timestamp,
    /// When its state last changed.
    pub changed_at: Timestamp,
    /// What the file is called.
    pub file_name: String,
    /// The file; none once it has been forgotten.
    pub file: Option<BlobId>,
    /// Its size.
    pub size_bytes: u64,
    /// How it was read: format, encoding, separator or sheet.
    pub read_as: String,
    /// Rows, a row with names of columns included.
    pub rows: u32,
    /// Where it stands.
    pub state: ImportState,
    /// What its columns mean.
    pub mapping: ImportMapping,
    /// Row to look at next, in the pass under way.
    pub cursor: u32,
    /// The contact after which taking back goes on.
    pub undo_after: Option<ContactId>,
    /// What the dry run found.
    pub checked: ImportTotals,
    /// What was written.
    pub done: ImportTotals,
    /// What was taken back.
    pub undone: UndoTotals,
    /// How many findings are written down, by pass.
    pub findings: [u32; 3],
    /// When there is something to do: at once while it is worked on, else when it is forgotten.
    pub due: Option<Timestamp>,
    /// Why it failed, in English.
    pub failure: String,
}

impl ImportJob {
    /// Rows with people: all but the one that names the columns.
    #[must_use]
    pub const fn people_rows(&self) -> u32 {
        self.rows.saturating_sub(self.mapping.header as u32)
    }

    /// How far the pass under way is, in whole per cent.
    #[must_use]
    pub fn percent(&self) -> u64 {
        let rows = u64::from(self.rows.max(1));
        (u64::from(self.cursor) * 100 / rows).min(100)
    }

    /// How many findings of a pass are written down.
    #[must_use]
    pub const fn findings_of(&self, pass: ImportPass) -> u32 {
        self.findings[pass as usize - 1]
    }

    /// Whether what it wrote can be taken back.
    #[must_use]
    pub const fn can_be_undone(&self) -> bool {
        let over = matches!(
            self.state,
            ImportState::Done | ImportState::Cancelled | ImportState::Failed
        );
        over && self.due.is_some() && self.done.taken() > 0
    }

    /// When everything but the totals is forgotten.
    #[must_use]
    pub fn forgotten_at(&self) -> Timestamp {
        let kept = std::time::Duration::from_secs(IMPORT_KEPT_DAYS * 24 * 3600);
        self.created_at.plus(kept)
    }
}

/// Something about one row.
#[derive(Clone, PartialEq, Eq)]
pub struct Finding {
    /// Number of the row, as a spreadsheet counts: the first is 1. 0 for none.
    pub row: u32,
    /// Which column, from 0.
    pub column: Option<u16>,
    /// The beginning of what stands there; at most [`FINDING_VALUE_MAX`] characters.
    pub value: Redacted<String>,
    /// Whether the row cannot be taken for it.
    pub bad: bool,
    /// Why: an English sentence, under which its translations stand.
    pub why: String,
    /// What fills the sentence.
    pub parts: Vec<String>,
    /// Whom it is about, where it is about somebody who is known.
    pub contact: Option<ContactId>,
}

/// Without what fills the sentence: names and numbers.
impl std::fmt::Debug for Finding {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Finding")
            .field("row", &self.row)
            .field("column", &self.column)
            .field("bad", &self.bad)
            .field("why", &self.why)
            .field("contact", &self.contact)
            .finish_non_exhaustive()
    }
}

/// Some of the findings of a pass.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ImportFindings {
    /// Of which import.
    pub import: ImportId,
    /// Of which pass.
    pub pass: ImportPass,
    /// Position, from 0.
    pub index: u32,
    /// At most [`FINDINGS_CHUNK`].
    pub findings: Vec<Finding>,
}

/// A contact as it was before an import changed it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ImportImage {
    /// Which import.
    pub import: ImportId,
    /// As it was.
    pub before: Contact,
    /// SHA-256 of the row as the import left it: whoever changed it since is not overruled.
    pub after: BlobId,
}
