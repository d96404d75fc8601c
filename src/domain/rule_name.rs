//! The name of the rule that decided what an answer means.

use std::borrow::Cow;
use std::fmt;

use super::EnhancedStatus;

/// Longest name of a rule that is kept, in bytes.
pub const RULE_NAME_SIZE_MAX_BYTES: usize = 256;

/// Which rule decided, so that a person can see why: its name, and after a colon what it found.
#[derive(Clone, PartialEq, Eq, Hash, Default)]
pub struct RuleName(Cow<'static, str>);

impl RuleName {
    /// A rule that needs no words.
    pub const fn fixed(name: &'static str) -> Self {
        Self(Cow::Borrowed(name))
    }

    /// A rule that found this phrase.
    pub fn of_words(name: &str, phrase: &str) -> Self {
        Self::kept(format!("{name}: {phrase}"))
    }

    /// What an enhanced status code says.
    pub fn of_status(status: EnhancedStatus) -> Self {
        Self::kept(format!("status: {status}"))
    }

    /// What a reply code says.
    pub fn of_code(code: u16) -> Self {
        Self::kept(format!("code: {code}"))
    }

    /// A name as it was kept; what is beyond the limit is cut off at a character boundary.
    pub fn kept(name: impl Into<String>) -> Self {
        let mut name = name.into();
        name.truncate(name.floor_char_boundary(RULE_NAME_SIZE_MAX_BYTES));
        Self(Cow::Owned(name))
    }

    /// The whole.
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// The rule without what it found.
    pub fn name(&self) -> &str {
        self.0.split(": ").next().unwrap_or_default()
    }

    /// True if no rule decided.
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }
}

/// Names of rules hold no address.
impl fmt::Debug for RuleName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}
