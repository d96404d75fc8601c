//! Categories of communication, as configured.

/// Longest name of a category, in octets.
pub const CATEGORY_NAME_SIZE_MAX: usize = 64;

/// What kind of message it is, and what counts as having reached somebody with it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Category {
    /// Its name, unique among the categories.
    pub name: String,
    /// A call counts as contact only when key 1 was pressed.
    pub confirmation_required: bool,
    /// A voicemail counts as contact.
    pub voicemail_counts: bool,
}
