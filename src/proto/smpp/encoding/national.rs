//! National language tables (3GPP TS 23.038, annex A). A user data header names
//! those that are in force (TS 23.040, 9.2.3.24.15 and 9.2.3.24.16).

/// A language with tables of its own. Those of the Indian languages and Urdu are
/// not here: what is published of them contradicts itself.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum National {
    /// A.2.1 and A.3.1.
    Turkish,
    /// A.2.2; it has no locking table.
    Spanish,
    /// A.2.3 and A.3.3.
    Portuguese,
}

impl National {
    /// All of them.
    pub const ALL: [Self; 3] = [Self::Turkish, Self::Spanish, Self::Portuguese];

    /// The national language identifier (6.2.1.2.4).
    pub const fn identifier(self) -> u8 {
        match self {
            Self::Turkish => 1,
            Self::Spanish => 2,
            Self::Portuguese => 3,
        }
    }

    /// The language of an identifier, if its tables are known here.
    pub fn of_identifier(identifier: u8) -> Option<Self> {
        let mut all = Self::ALL.into_iter();
        all.find(|known| known.identifier() == identifier)
    }

    /// Its name in settings: `"turkish"`.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Turkish => "turkish",
            Self::Spanish => "spanish",
            Self::Portuguese => "portuguese",
        }
    }

    /// The language of such a name.
    pub fn of_name(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|known| known.name() == name)
    }

    const fn bit(self) -> u8 {
        1 << self.identifier()
    }

    const fn single(self) -> &'static [(u8, char)] {
        match self {
            Self::Turkish => &TURKISH_SINGLE,
            Self::Spanish => &SPANISH_SINGLE,
            Self::Portuguese => &PORTUGUESE_SINGLE,
        }
    }

    const fn locking(self) -> Option<&'static [char; 128]> {
        match self {
            Self::Turkish => Some(&TURKISH_LOCKING),
            Self::Spanish => None,
            Self::Portuguese => Some(&PORTUGUESE_LOCKING),
        }
    }
}

/// The languages whose tables a carrier passes on.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default)]
pub struct NationalTables(u8);

impl NationalTables {
    /// None of them.
    pub const NONE: Self = Self(0);

    /// Those of these languages.
    pub fn of(languages: impl IntoIterator<Item = National>) -> Self {
        Self(languages.into_iter().fold(0, |bits, one| bits | one.bit()))
    }

    /// Every way to use them, those with the shortest header first; without the
    /// one that uses none.
    pub(super) fn shifts(self) -> impl Iterator<Item = Shift> {
        Shift::all().into_iter().filter(move |shift| {
            let mut used = shift.locking.into_iter().chain(shift.single);
            used.all(|one| self.0 & one.bit() != 0)
        })
    }
}

/// The tables in force in one message; by default those of GSM 03.38.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default)]
pub struct Shift {
    /// In the place of the basic table.
    pub locking: Option<National>,
    /// In the place of the extension table.
    pub single: Option<National>,
}

impl Shift {
    /// Every use of national tables, those with the shortest header first.
    pub(super) fn all() -> Vec<Self> {
        let locked = || {
            let all = National::ALL.into_iter();
            all.filter(|one| one.locking().is_some())
        };
        let single = National::ALL.into_iter().map(|one| Self {
            single: Some(one),
            ..Self::default()
        });
        let locking = locked().map(|one| Self {
            locking: Some(one),
            ..Self::default()
        });
        let both = locked().flat_map(|locking| {
            National::ALL.into_iter().map(move |single| Self {
                locking: Some(locking),
                single: Some(single),
            })
        });
        single.chain(locking).chain(both).collect()
    }

    pub(super) fn locking_table(self) -> Option<&'static [char; 128]> {
        self.locking.and_then(National::locking)
    }

    pub(super) fn single_table(self) -> Option<&'static [(u8, char)]> {
        self.single.map(National::single)
    }
}

const TURKISH_SINGLE: [(u8, char); 17] = [
    (0x0a, '\u{0c}'),
    (0x14, '^'),
    (0x28, '{'),
    (0x29, '}'),
    (0x2f, '\\'),
    (0x3c, '['),
    (0x3d, '~'),
    (0x3e, ']'),
    (0x40, '|'),
    (0x47, 'Ğ'),
    (0x49, 'İ'),
    (0x53, 'Ş'),
    (0x63, 'ç'),
    (0x65, '€'),
    (0x67, 'ğ'),
    (0x69, 'ı'),
    (0x73, 'ş'),
];

const SPANISH_SINGLE: [(u8, char); 19] = [
    (0x09, 'ç'),
    (0x0a, '\u{0c}'),
    (0x14, '^'),
    (0x28, '{'),
    (0x29, '}'),
    (0x2f, '\\'),
    (0x3c, '['),
    (0x3d, '~'),
    (0x3e, ']'),
    (0x40, '|'),
    (0x41, 'Á'),
    (0x49, 'Í'),
    (0x4f, 'Ó'),
    (0x55, 'Ú'),
    (0x61, 'á'),
    (0x65, '€'),
    (0x69, 'í'),
    (0x6f, 'ó'),
    (0x75, 'ú'),
];

const PORTUGUESE_SINGLE: [(u8, char); 37] = [
    (0x05, 'ê'),
    (0x09, 'ç'),
    (0x0a, '\u{0c}'),
    (0x0b, 'Ô'),
    (0x0c, 'ô'),
    (0x0e, 'Á'),
    (0x0f, 'á'),
    (0x12, 'Φ'),
    (0x13, 'Γ'),
    (0x14, '^'),
    (0x15, 'Ω'),
    (0x16, 'Π'),
    (0x17, 'Ψ'),
    (0x18, 'Σ'),
    (0x19, 'Θ'),
    (0x1f, 'Ê'),
    (0x28, '{'),
    (0x29, '}'),
    (0x2f, '\\'),
    (0x3c, '['),
    (0x3d, '~'),
    (0x3e, ']'),
    (0x40, '|'),
    (0x41, 'À'),
    (0x49, 'Í'),
    (0x4f, 'Ó'),
    (0x55, 'Ú'),
    (0x5b, 'Ã'),
    (0x5c, 'Õ'),
    (0x61, 'Â'),
    (0x65, '€'),
    (0x69, 'í'),
    (0x6f, 'ó'),
    (0x75, 'ú'),
    (0x7b, 'ã'),
    (0x7c, 'õ'),
    (0x7f, 'â'),
];

const TURKISH_LOCKING: [char; 128] = [
    '@', '£', '$', '¥', '€', 'é', 'ù', 'ı', 'ò', 'Ç', '\n', 'Ğ', 'ğ', '\r', 'Å', 'å', //
    'Δ', '_', 'Φ', 'Γ', 'Λ', 'Ω', 'Π', 'Ψ', 'Σ', 'Θ', 'Ξ', '\u{1b}', 'Ş', 'ş', 'ß', 'É', //
    ' ', '!', '"', '#', '¤', '%', '&', '\'', '(', ')', '*', '+', ',', '-', '.', '/', //
    '0', '1', '2', '3', '4', '5', '6', '7', '8', '9', ':', ';', '<', '=', '>', '?', //
    'İ', 'A', 'B', 'C', 'D', 'E', 'F', 'G', 'H', 'I', 'J', 'K', 'L', 'M', 'N', 'O', //
    'P', 'Q', 'R', 'S', 'T', 'U', 'V', 'W', 'X', 'Y', 'Z', 'Ä', 'Ö', 'Ñ', 'Ü', '§', //
    'ç', 'a', 'b', 'c', 'd', 'e', 'f', 'g', 'h', 'i', 'j', 'k', 'l', 'm', 'n', 'o', //
    'p', 'q', 'r', 's', 't', 'u', 'v', 'w', 'x', 'y', 'z', 'ä', 'ö', 'ñ', 'ü', 'à',
];

const PORTUGUESE_LOCKING: [char; 128] = [
    '@', '£', '$', '¥', 'ê', 'é', 'ú', 'í', 'ó', 'ç', '\n', 'Ô', 'ô', '\r', 'Á', 'á', //
    'Δ', '_', 'ª', 'Ç', 'À', '∞', '^', '\\', '€', 'Ó', '|', '\u{1b}', 'Â', 'â', 'Ê', 'É', //
    ' ', '!', '"', '#', 'º', '%', '&', '\'', '(', ')', '*', '+', ',', '-', '.', '/', //
    '0', '1', '2', '3', '4', '5', '6', '7', '8', '9', ':', ';', '<', '=', '>', '?', //
    'Í', 'A', 'B', 'C', 'D', 'E', 'F', 'G', 'H', 'I', 'J', 'K', 'L', 'M', 'N', 'O', //
    'P', 'Q', 'R', 'S', 'T', 'U', 'V', 'W', 'X', 'Y', 'Z', 'Ã', 'Õ', 'Ú', 'Ü', '§', //
    '~', 'a', 'b', 'c', 'd', 'e', 'f', 'g', 'h', 'i', 'j', 'k', 'l', 'm', 'n', 'o', //
    'p', 'q', 'r', 's', 't', 'u', 'v', 'w', 'x', 'y', 'z', 'ã', 'õ', '`', 'ü', 'à',
];
