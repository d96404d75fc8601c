//! Common Alerting Protocol 1.2 (OASIS, 1 July 2010): reading one alert.
//!
//! What is read is bounded and plain: no document type, no entities of its own, no references
//! that are followed. Elements that nobody here needs (resources, parameters) are passed over;
//! a signature is not checked, since whoever hands an alert in has shown a token.

mod read;

pub use read::{CapError, read};

/// Largest document, in octets.
pub const CAP_SIZE_MAX: usize = 1024 * 1024;
/// Deepest nesting of elements.
pub const CAP_DEPTH_MAX: usize = 16;
/// Most `info` elements.
pub const INFOS_MAX: usize = 20;
/// Most `area` elements of one `info`.
pub const AREAS_MAX: usize = 200;
/// Most polygons, circles and geocodes of one `area`, each.
pub const SHAPES_MAX: usize = 100;
/// Most earlier messages that one refers to.
pub const REFERENCES_MAX: usize = 100;
/// Longest text of one element, in octets.
pub const TEXT_SIZE_MAX: usize = 64 * 1024;

/// What an alert is for (3.2.1, `status`).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum AlertStatus {
    /// To be acted on.
    Actual,
    /// To be acted on by those who take part in an exercise.
    Exercise,
    /// About the network itself.
    System,
    /// To be ignored by people.
    Test,
    /// Not to be acted on.
    Draft,
}

/// What an alert does (3.2.1, `msgType`).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum MessageType {
    /// Something new.
    Alert,
    /// It takes the place of earlier ones.
    Update,
    /// It calls earlier ones off.
    Cancel,
    /// It acknowledges earlier ones.
    Ack,
    /// It refuses earlier ones.
    Error,
}

/// Whom an alert may be told (3.2.1, `scope`).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Scope {
    /// Everybody.
    Public,
    /// Those whom `restriction` names.
    Restricted,
    /// The addresses that it names.
    Private,
}

/// An earlier message (3.2.1, `references`).
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Reference {
    /// Who sent it.
    pub sender: String,
    /// Its identifier.
    pub identifier: String,
    /// When, as it is written.
    pub sent: String,
}

/// How bad it is (3.2.2, `severity`).
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord)]
pub enum Severity {
    /// Nobody knows.
    #[default]
    Unknown,
    /// Little to no known threat.
    Minor,
    /// Possible threat.
    Moderate,
    /// Significant threat.
    Severe,
    /// Extraordinary threat.
    Extreme,
}

/// How soon to act (3.2.2, `urgency`).
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord)]
pub enum Urgency {
    /// Nobody knows.
    #[default]
    Unknown,
    /// No longer.
    Past,
    /// In the near future.
    Future,
    /// Within the next hour.
    Expected,
    /// At once.
    Immediate,
}

/// A name and a value (`geocode`).
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Geocode {
    /// Which system of codes, as "EMMA_ID".
    pub name: String,
    /// The code.
    pub value: String,
}

/// Where (3.2.4, `area`).
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct CapArea {
    /// In words.
    pub description: String,
    /// Polygons as they are written.
    pub polygons: Vec<String>,
    /// Circles as they are written: "latitude,longitude radius" with the radius in kilometres.
    pub circles: Vec<String>,
    /// Codes.
    pub geocodes: Vec<Geocode>,
}

/// What is the matter, in one language (3.2.2, `info`).
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Info {
    /// Language (RFC 3066); "en-US" when it is not said.
    pub language: String,
    /// What it is.
    pub event: String,
    /// How soon to act.
    pub urgency: Urgency,
    /// How bad it is.
    pub severity: Severity,
    /// When it is over, as it is written; empty when it is not said.
    pub expires: String,
    /// Who says so, in words.
    pub sender_name: String,
    /// In a line.
    pub headline: String,
    /// What is happening.
    pub description: String,
    /// What to do.
    pub instruction: String,
    /// Where to read more.
    pub web: String,
    /// Whom to ask.
    pub contact: String,
    /// Where.
    pub areas: Vec<CapArea>,
}

/// One message of the protocol (3.2.1, `alert`).
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct CapAlert {
    /// Its identifier, unique for its sender.
    pub identifier: String,
    /// Who sends it.
    pub sender: String,
    /// When, as it is written.
    pub sent: String,
    /// What it is for.
    pub status: AlertStatus,
    /// What it does.
    pub message_type: MessageType,
    /// Whom it may be told.
    pub scope: Scope,
    /// A word on why, above all of tests and errors.
    pub note: String,
    /// Earlier messages.
    pub references: Vec<Reference>,
    /// What is the matter, a language each.
    pub infos: Vec<Info>,
}
