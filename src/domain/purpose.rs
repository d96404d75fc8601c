//! What a letter is for, and what an address is kept for.

/// What letters to creditors, and templates, are for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Purpose {
    /// A data subject access request.
    Dsar,
    /// A request under section 78 of the Consumer Credit Act 1974.
    Section78,
    /// A letter of claim.
    Loc,
    /// A settlement.
    Settlement,
    /// Anything else.
    General,
}

impl Purpose {
    /// All of them, in the order in which pages show them.
    pub const ALL: [Self; 5] = [
        Self::Dsar,
        Self::Section78,
        Self::Loc,
        Self::Settlement,
        Self::General,
    ];

    /// Its name in pages, files and addresses.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Dsar => "dsar",
            Self::Section78 => "section 78",
            Self::Loc => "loc",
            Self::Settlement => "settlement",
            Self::General => "general",
        }
    }

    /// The one of this name.
    #[must_use]
    pub fn of(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|one| one.as_str() == name)
    }
}
