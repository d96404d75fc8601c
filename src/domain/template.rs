//! Templates: letters and texts with gaps, kept version by version.

use std::fmt;

use super::ids::{TemplateId, UserId};
use super::status::Channel;
use super::timestamp::Timestamp;

/// Most templates there may be.
pub const TEMPLATES_MAX: usize = 1000;
/// Most versions of one template.
pub const TEMPLATE_VERSIONS_MAX: u32 = 1000;
/// Longest name of a template, in characters.
pub const TEMPLATE_NAME_MAX: usize = 80;
/// Most gaps of one template.
pub const TEMPLATE_VARIABLES_MAX: usize = 40;
/// Most texts of one template: channels times languages.
pub const TEMPLATE_TEXTS_MAX: usize = 12;
/// Most files that a template asks for.
pub const TEMPLATE_FILES_MAX: usize = 10;
/// Most choices of one gap.
pub const TEMPLATE_CHOICES_MAX: usize = 30;
/// Largest template with all its texts, in bytes: it is one stored value.
pub const TEMPLATE_SIZE_MAX_BYTES: usize = 48 * 1024;

/// What a template is for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[repr(u8)]
pub enum TemplateCategory {
    /// Asks for the data that somebody holds (UK GDPR, article 15).
    Dsar = 1,
    /// Asks for a copy of a credit agreement (Consumer Credit Act 1974, sections 77 to 79).
    Section78 = 2,
    /// Letter of claim.
    Loc = 3,
    /// Offers a settlement.
    Settlement = 4,
    /// Anything else.
    General = 5,
}

impl TemplateCategory {
    /// All of them, in the order in which pages show them.
    pub const ALL: [Self; 5] = [
        Self::Dsar,
        Self::Section78,
        Self::Loc,
        Self::Settlement,
        Self::General,
    ];

    /// Its name in addresses, files and the API.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Dsar => "dsar",
            Self::Section78 => "section-78",
            Self::Loc => "loc",
            Self::Settlement => "settlement",
            Self::General => "general",
        }
    }

    /// The category of this name.
    #[must_use]
    pub fn named(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|known| known.as_str() == name)
    }

    /// What people call it.
    #[must_use]
    pub const fn title(self) -> &'static str {
        match self {
            Self::Dsar => "DSAR",
            Self::Section78 => "Section 78",
            Self::Loc => "LOC",
            Self::Settlement => "Settlement",
            Self::General => "General",
        }
    }
}

/// Whether a template may be chosen.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum TemplateState {
    /// It may.
    Active,
    /// It is kept, and chosen no more.
    Retired,
}

impl TemplateState {
    /// Its name in pages and the API.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Active => "active",
            Self::Retired => "retired",
        }
    }
}

/// What may stand in a gap.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum VariableKind {
    /// One line.
    Text,
    /// Several lines.
    MultiLine,
    /// A day, entered as 2026-11-22.
    Date,
    /// Money.
    Amount,
    /// A number.
    Number,
    /// An email address.
    Email,
    /// A telephone number.
    Phone,
    /// One of these.
    Choice(Vec<String>),
}

impl VariableKind {
    /// Its name in files and the API.
    #[must_use]
    pub const fn as_str(&self) -> &'static str {
        match self {
            Self::Text => "text",
            Self::MultiLine => "lines",
            Self::Date => "date",
            Self::Amount => "amount",
            Self::Number => "number",
            Self::Email => "email",
            Self::Phone => "phone",
            Self::Choice(_) => "choice",
        }
    }

    /// The kind of this name.
    #[must_use]
    pub fn of(name: &str, choices: Vec<String>) -> Option<Self> {
        Some(match name {
            "text" => Self::Text,
            "lines" => Self::MultiLine,
            "date" => Self::Date,
            "amount" => Self::Amount,
            "number" => Self::Number,
            "email" => Self::Email,
            "phone" => Self::Phone,
            "choice" => Self::Choice(choices),
            _ => return None,
        })
    }

    /// Its choices; empty for all other kinds.
    #[must_use]
    pub fn choices(&self) -> &[String] {
        match self {
            Self::Choice(choices) => choices,
            Self::Text
            | Self::MultiLine
            | Self::Date
            | Self::Amount
            | Self::Number
            | Self::Email
            | Self::Phone => &[],
        }
    }
}

/// A gap that whoever writes fills in.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Variable {
    /// Its name in the text: lower-case letters, digits and "_".
    pub name: String,
    /// What may stand there.
    pub kind: VariableKind,
    /// What people are asked.
    pub label: String,
    /// Nothing is sent without it.
    pub required: bool,
    /// What it may look like.
    pub example: String,
}

/// What is said by one channel in one language.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TemplateText {
    /// Email or text.
    pub channel: Channel,
    /// Language (ISO 639-1).
    pub language: String,
    /// Subject of an email; empty for a text.
    pub subject: String,
    /// Plain text of the email, or the text message.
    pub text: String,
    /// HTML of the email; empty for none.
    pub html: String,
}

/// A letter with gaps.
#[derive(Clone, PartialEq, Eq)]
pub struct Template {
    /// Its id.
    pub id: TemplateId,
    /// What it is for.
    pub category: TemplateCategory,
    /// Its name.
    pub name: String,
    /// Rises with each change, from 1.
    pub version: u32,
    /// Whether it may be chosen.
    pub state: TemplateState,
    /// Its gaps, beyond those that are known by themselves.
    pub variables: Vec<Variable>,
    /// What it says, at most one for each channel and language.
    pub texts: Vec<TemplateText>,
    /// Files that must go with it, by what their names contain.
    pub files: Vec<String>,
    /// Its name in the set that comes with the program; none for one made here.
    pub ready_made: Option<String>,
    /// Who made it; none for the program.
    pub created_by: Option<UserId>,
    /// When.
    pub created_at: Timestamp,
    /// Who made this version.
    pub changed_by: Option<UserId>,
    /// When.
    pub changed_at: Timestamp,
}

/// Debug output shows no text.
impl fmt::Debug for Template {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Template")
            .field("id", &self.id)
            .field("version", &self.version)
            .field("state", &self.state)
            .finish_non_exhaustive()
    }
}

/// A version of a template that another one has taken the place of.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PastTemplate(pub Template);

impl Template {
    /// What it says by a channel: in this language, or else in `fallback`, or else in any.
    #[must_use]
    pub fn text(&self, channel: Channel, language: &str, fallback: &str) -> Option<&TemplateText> {
        let of = |wanted: Option<&str>| {
            self.texts.iter().find(|text| {
                text.channel == channel
                    && wanted.is_none_or(|wanted| text.language.eq_ignore_ascii_case(wanted))
            })
        };
        of(Some(language))
            .or_else(|| of(Some(fallback)))
            .or_else(|| of(None))
    }

    /// Whether it says anything by this channel.
    #[must_use]
    pub fn speaks(&self, channel: Channel) -> bool {
        self.texts.iter().any(|text| text.channel == channel)
    }

    /// Bytes of all that people wrote in it.
    #[must_use]
    pub fn size_bytes(&self) -> usize {
        let variables = self.variables.iter().map(|one| {
            let choices = one.kind.choices().iter().map(String::len);
            one.name.len() + one.label.len() + one.example.len() + choices.sum::<usize>() + 16
        });
        let texts = self
            .texts
            .iter()
            .map(|one| one.subject.len() + one.text.len() + one.html.len() + 16);
        let files = self.files.iter().map(String::len);
        self.name.len() + variables.chain(texts).chain(files).sum::<usize>()
    }

    /// The file that it asks for and is not among these.
    #[must_use]
    pub fn missing_file<'f>(&self, names: impl Iterator<Item = &'f str> + Clone) -> Option<&str> {
        let plain = |text: &str| -> String {
            text.chars()
                .filter(|c| c.is_alphanumeric())
                .flat_map(char::to_lowercase)
                .collect()
        };
        self.files.iter().map(String::as_str).find(|wanted| {
            let wanted = plain(wanted);
            !names.clone().any(|name| plain(name).contains(&wanted))
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn template() -> Template {
        let text = |channel, language: &str| TemplateText {
            channel,
            language: language.into(),
            subject: String::new(),
            text: format!("{language} text"),
            html: String::new(),
        };
        Template {
            id: TemplateId::from_bytes([1; 16]),
            category: TemplateCategory::Dsar,
            name: "Letter".into(),
            version: 1,
            state: TemplateState::Active,
            variables: Vec::new(),
            texts: vec![text(Channel::Email, "en"), text(Channel::Email, "fr")],
            files: vec!["Letter of authority".into()],
            ready_made: None,
            created_by: None,
            created_at: Timestamp::from_millis(1),
            changed_by: None,
            changed_at: Timestamp::from_millis(1),
        }
    }

    #[test]
    fn a_language_that_is_not_there_falls_back() {
        let template = template();
        let said = |language| {
            let text = template.text(Channel::Email, language, "en");
            text.map(|text| text.language.clone())
        };
        assert_eq!(said("fr").as_deref(), Some("fr"));
        assert_eq!(said("cy").as_deref(), Some("en"));
        assert!(template.text(Channel::Text, "en", "en").is_none());
        assert!(template.speaks(Channel::Email) && !template.speaks(Channel::Text));
    }

    #[test]
    fn a_file_is_known_by_what_its_name_contains() {
        let template = template();
        let missing = |names: &[&str]| template.missing_file(names.iter().copied()).is_some();
        assert!(missing(&[]));
        assert!(missing(&["letter.pdf"]));
        assert!(!missing(&["plan.pdf", "2026_LETTER-of-Authority.pdf"]));
    }
}
