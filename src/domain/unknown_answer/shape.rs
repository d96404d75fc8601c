//! What answers look like that say the same: their words, without whom and what they are about.
//!
//! **No shape names anybody.** Addresses, hosts, numbers, ids, links and what stands in quotation
//! marks become the word for what they are. Of the words that are left, each word of the person's
//! name becomes `<name>`, however it is written; and so do the words of their addresses, and
//! whatever may be somebody's name though we do not know it, since it is written with a capital
//! letter or stands behind a word like "user", unless it is a word that every mail system uses and
//! that names nobody ([`words`](super::words)). So nothing that we know of somebody is in a shape,
//! and erasing them need not look for it here.

use std::cmp::Ordering;
use std::collections::BTreeSet;
use std::net::IpAddr;

use super::words::{is_common, leads_on, names_somebody};
use crate::domain::fold::fold;

/// Most words of a shape.
pub const SHAPE_WORDS_MAX: usize = 40;
/// Longest shape, in octets.
pub const SHAPE_SIZE_MAX_BYTES: usize = 512;
/// What is longer is no word but an id, in octets.
const WORD_SIZE_MAX_BYTES: usize = 40;
/// Two answers say the same from so many fifths of common words on: 0.6 of all.
const ALIKE_FIFTHS: usize = 3;
/// They say it in nearly the same words from so many tenths on: 0.9 of all.
const CLOSE_TENTHS: usize = 9;

/// What makes the contrary of a sentence, in the languages that mail systems speak most.
const NEGATIONS: [&str; 14] = [
    "not", "no", "never", "cannot", "without", "isn't", "doesn't", "can't", "nicht", "kein",
    "keine", "pas", "aucun", "non",
];

const ADDRESS: &str = "<address>";
const HOST: &str = "<host>";
const ID: &str = "<id>";
const IP: &str = "<ip>";
const LINK: &str = "<link>";
const NAME: &str = "<name>";
const NUMBER: &str = "<number>";
const PATH: &str = "<path>";
const QUOTED: &str = "<quoted>";
/// Stands in a text for what stood in quotation marks; of a private area of Unicode.
const QUOTED_MARK: char = '\u{e000}';

/// Words that say whom an answer is about.
#[derive(Clone, Default)]
pub struct PrivateWords {
    names: BTreeSet<String>,
    addresses: BTreeSet<String>,
}

impl PrivateWords {
    /// The words of these addresses and names. What is a number is none: numbers stand in no shape.
    #[must_use]
    pub fn of<'a>(
        addresses: impl IntoIterator<Item = &'a str>,
        names: impl IntoIterator<Item = &'a str>,
    ) -> Self {
        let mut words = BTreeSet::new();
        for address in addresses {
            let (local, domain) = address.rsplit_once('@').unwrap_or((address, ""));
            // The last label of a domain tells nothing.
            let labels = domain.rsplit_once('.').map_or("", |(labels, _)| labels);
            words.extend(pieces(local).chain(pieces(labels)));
            words.insert(local.chars().filter(|c| c.is_alphabetic()).collect());
        }
        let names = names.into_iter().flat_map(pieces);
        Self {
            names: names.map(|name| fold(&name)).collect(),
            addresses: words.iter().map(|word| fold(word)).collect(),
        }
    }
}

/// Personal data does not show itself.
impl std::fmt::Debug for PrivateWords {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let count = self.names.len() + self.addresses.len();
        write!(f, "PrivateWords({count})")
    }
}

/// Runs of letters.
fn pieces(text: &str) -> impl Iterator<Item = String> + '_ {
    let pieces = text.split(|c: char| !c.is_alphabetic() && !is_apostrophe(c));
    pieces.filter(|piece| !piece.is_empty()).map(str::to_owned)
}

const fn is_apostrophe(c: char) -> bool {
    matches!(c, '\'' | '\u{2019}')
}

/// What answers look like that say the same: words in lower case in their order, a space between,
/// and in angle brackets what stood where.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct AnswerShape(String);

impl AnswerShape {
    /// The shape of what a mail system wrote; none when too little is left. Reply codes and
    /// enhanced status codes are no part of it.
    #[must_use]
    pub fn of(text: &str, private: &PrivateWords) -> Option<Self> {
        let mut reader = Reader {
            private,
            words: Vec::new(),
            size_bytes: 0,
            is_who: false,
        };
        for token in without_quotes(without_type(text)).split_whitespace() {
            if !reader.has_room() {
                break;
            }
            reader.token(token);
        }
        let said = reader.words.iter().filter(|word| !is_placeholder(word));
        // "mailbox <name>" says nothing: what was taken for a name may be what it said.
        let fewest = 1 + usize::from(reader.words.iter().any(|word| word == NAME));
        (said.count() >= fewest).then(|| Self(reader.words.join(" ")))
    }

    /// A shape as it was kept; none for what cannot be one.
    #[must_use]
    pub fn from_stored(text: &str) -> Option<Self> {
        let count = text.split(' ').count();
        let has_words = text.split(' ').all(|word| !word.is_empty());
        (has_words && count <= SHAPE_WORDS_MAX && text.len() <= SHAPE_SIZE_MAX_BYTES)
            .then(|| Self(text.to_owned()))
    }

    /// The whole.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// Its words, each once, without what stands for something: everybody has an address.
    #[must_use]
    pub fn words(&self) -> BTreeSet<&str> {
        self.0
            .split(' ')
            .filter(|word| !is_placeholder(word))
            .collect()
    }

    /// How much another one has in common with it.
    #[must_use]
    pub fn likeness(&self, other: &Self) -> Likeness {
        let (one, other) = (self.words(), other.words());
        Likeness::new(one.intersection(&other).count(), one.len(), other.len())
    }

    /// The words by which it says the contrary.
    #[must_use]
    pub fn negations(&self) -> BTreeSet<&str> {
        let mut words = self.words();
        words.retain(|word| NEGATIONS.contains(word));
        words
    }
}

/// How much two shapes have in common: the words that stand in both, of those that stand in either
/// (Jaccard index).
#[derive(Clone, Copy, Debug)]
pub struct Likeness {
    both: usize,
    either: usize,
}

impl Likeness {
    /// Of two sets of so many words, of which so many stand in both.
    #[must_use]
    pub const fn new(both: usize, one: usize, other: usize) -> Self {
        let either = (one + other).saturating_sub(both);
        Self { both, either }
    }

    /// Whether they say the same: from 0.6 on.
    #[must_use]
    pub const fn is_enough(self) -> bool {
        self.both > 0 && self.both * 5 >= self.either * ALIKE_FIFTHS
    }

    /// Whether they say it in nearly the same words: from 0.9 on. One word more or less does not
    /// matter among ten, and matters among fewer.
    #[must_use]
    pub const fn is_close(self) -> bool {
        self.both > 0 && self.both * 10 >= self.either * CLOSE_TENTHS
    }

    /// Which of two is more.
    #[must_use]
    pub fn order(self, other: Self) -> Ordering {
        (self.both * other.either).cmp(&(other.both * self.either))
    }

    /// How many of so many words another shape has at least in common with it, if they say the
    /// same.
    #[must_use]
    pub const fn shared_min(words: usize) -> usize {
        (words * ALIKE_FIFTHS).div_ceil(5)
    }
}

fn is_placeholder(word: &str) -> bool {
    word.starts_with('<')
}

/// Without the type of a diagnostic in front (RFC 3464 section 2.3.6), as in `smtp; 550 no`.
fn without_type(text: &str) -> &str {
    let is_type = |kind: &str| {
        let kind = kind.trim().to_ascii_lowercase();
        let is_own = kind.starts_with("x-") && !kind.contains(char::is_whitespace);
        is_own || matches!(kind.as_str(), "smtp" | "lmtp" | "dns" | "unknown")
    };
    match text.split_once(';') {
        Some((kind, rest)) if is_type(kind) => rest,
        Some(_) | None => text,
    }
}

/// With a mark in the place of what stands in quotation marks.
fn without_quotes(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    let (mut rest, mut before) = (text, ' ');
    while let Some(open) = rest.chars().next() {
        let behind = &rest[open.len_utf8()..];
        // An apostrophe within a word opens nothing.
        let opens = !is_apostrophe(open) || !before.is_alphanumeric();
        match opens.then(|| quoted_len(open, behind)).flatten() {
            Some(len) => {
                out.extend([' ', QUOTED_MARK, ' ']);
                rest = &behind[len..];
                before = ' ';
            }
            None => {
                out.push(open);
                rest = behind;
                before = open;
            }
        }
    }
    out
}

/// How much behind a quotation mark is quoted, with the mark that closes it; on the same line.
fn quoted_len(open: char, behind: &str) -> Option<usize> {
    let closes: &[char] = match open {
        '"' => &['"'],
        '\u{201c}' => &['\u{201d}'],
        '\u{201e}' => &['\u{201c}', '\u{201d}'],
        '\u{ab}' => &['\u{bb}'],
        '\u{2018}' => &['\u{2019}'],
        '\'' => &['\''],
        '`' => &['`', '\''],
        _ => return None,
    };
    let mut letters = behind.char_indices().peekable();
    while let Some((at, letter)) = letters.next() {
        let ends_word = letters
            .peek()
            .is_none_or(|(_, next)| !next.is_alphanumeric());
        if closes.contains(&letter) && (ends_word || !is_apostrophe(letter)) {
            return Some(at + letter.len_utf8());
        }
        if letter == '\n' {
            return None;
        }
    }
    None
}

/// Whether it is a reply code of a refusal, an enhanced status code, or both.
fn is_code(text: &str) -> bool {
    let mut parts = text.split('-');
    parts.all(|part| is_reply_code(part) || is_status_code(part))
}

pub(super) fn is_reply_code(text: &str) -> bool {
    text.len() == 3 && text.starts_with(['4', '5']) && text.bytes().all(|b| b.is_ascii_digit())
}

fn is_status_code(text: &str) -> bool {
    let mut parts = text.split('.');
    let is_number = |part: Option<&str>| {
        part.is_some_and(|part| {
            (1..=3).contains(&part.len()) && part.bytes().all(|b| b.is_ascii_digit())
        })
    };
    matches!(parts.next(), Some("2" | "4" | "5"))
        && is_number(parts.next())
        && is_number(parts.next())
        && parts.next().is_none()
}

fn is_ip(text: &str) -> bool {
    let bare = text.trim_matches(|c: char| !c.is_ascii_hexdigit() && c != ':');
    let bare = bare.strip_suffix(':').unwrap_or(bare);
    let plain = text.to_ascii_lowercase();
    let tagged = plain.strip_prefix("ipv6:").is_some_and(is_ip);
    tagged || bare.parse::<IpAddr>().is_ok()
}

/// Labels with dots between, the last of letters alone.
fn is_host(text: &str) -> bool {
    let is_label = |label: &str| {
        let fits = |c: char| c.is_alphanumeric() || c == '-' || c == '_';
        !label.is_empty() && label.chars().all(fits)
    };
    let last = text.rsplit('.').next().unwrap_or_default();
    text.contains('.')
        && text.split('.').all(is_label)
        && last.chars().count() > 1
        && last.chars().all(char::is_alphabetic)
}

/// Whether it is somebody's name in angle brackets, as mailboxes are written without a domain.
fn is_bare_name(text: &str) -> bool {
    let inner = text
        .strip_prefix('<')
        .and_then(|rest| rest.strip_suffix('>'));
    let fits = |c: char| c.is_alphanumeric() || matches!(c, '.' | '_' | '-' | '+');
    inner.is_some_and(|inner| !inner.is_empty() && inner.chars().all(fits) && !is_code(inner))
}

/// A shape being read.
struct Reader<'a> {
    private: &'a PrivateWords,
    words: Vec<String>,
    /// With the spaces between.
    size_bytes: usize,
    /// What comes next may say who it is.
    is_who: bool,
}

impl Reader<'_> {
    fn has_room(&self) -> bool {
        self.words.len() < SHAPE_WORDS_MAX && self.size_bytes < SHAPE_SIZE_MAX_BYTES
    }

    /// What stands between two spaces.
    fn token(&mut self, token: &str) {
        let core = token.trim_matches(|c: char| !c.is_alphanumeric() && c != '<' && c != '>');
        if token.contains(QUOTED_MARK) {
            self.push(QUOTED);
        } else if token.contains("://") || token.to_ascii_lowercase().starts_with("www.") {
            self.push(LINK);
        } else if is_bare_name(core) {
            self.push(NAME);
        } else {
            let brackets = ['[', ']', '(', ')', '<', '>', '{', '}'];
            for part in token.split(brackets).filter(|part| !part.is_empty()) {
                self.part(part);
            }
        }
    }

    fn part(&mut self, part: &str) {
        let bare = part.trim_matches(|c: char| !c.is_alphanumeric());
        if bare.is_empty() || is_code(bare) {
            return;
        }
        let is_scheme = |c: &str| c.chars().all(char::is_alphabetic) && !c.is_empty();
        if part.contains('@') {
            self.push(ADDRESS);
        } else if part.starts_with(['/', '\\']) || part.matches(['/', '\\']).count() > 1 {
            self.push(PATH);
        } else if bare
            .split_once(':')
            .is_some_and(|(a, b)| is_scheme(a) && is_scheme(b))
        {
            self.push(LINK);
        } else if is_ip(part) {
            self.push(IP);
        } else if is_host(bare) {
            self.push(HOST);
        } else if bare.contains(char::is_numeric) {
            let is_number = !bare.contains(char::is_alphabetic);
            self.push(if is_number { NUMBER } else { ID });
        } else if bare.contains(['_', '=', '\\', '.']) || bare.len() > WORD_SIZE_MAX_BYTES {
            // But for "e.g." and the like.
            if bare.split('.').any(|label| label.chars().nth(1).is_some()) {
                self.push(ID);
            }
        } else {
            for piece in pieces(bare) {
                self.word(&piece);
            }
        }
    }

    /// A run of letters.
    fn word(&mut self, piece: &str) {
        let piece = piece.trim_matches(is_apostrophe);
        let lower = piece.to_lowercase().replace('\u{2019}', "'");
        // A letter alone is the beginning of a name, if it is anything.
        if lower.chars().nth(1).is_none() {
            return;
        }
        let owned = lower.strip_suffix("'s").unwrap_or(&lower);
        let is_in = |words: &BTreeSet<String>| {
            words.contains(&fold(&lower)) || words.contains(&fold(owned))
        };
        // As logins are made of names: "johndoe", "jdoe".
        let written = fold(&lower);
        let holds = |word: &String| word.chars().count() >= 3 && written.contains(word.as_str());
        let has_one = self
            .private
            .names
            .iter()
            .chain(&self.private.addresses)
            .any(holds);
        if is_in(&self.private.names) {
            self.push(NAME);
            return;
        }
        if is_common(&lower) {
            self.is_who = names_somebody(&lower) || self.is_who && leads_on(&lower);
            self.push(&lower);
            return;
        }
        // Scripts without small letters do not show what is a name.
        let is_small = piece.chars().all(|c| c.is_lowercase() || is_apostrophe(c));
        if self.is_who || !is_small || has_one || is_in(&self.private.addresses) {
            self.push(NAME);
        } else {
            self.push(&lower);
        }
    }

    /// Puts a word behind the others, as long as there is room. What stands for something counts
    /// once, however many of it follow one another.
    fn push(&mut self, word: &str) {
        let again = is_placeholder(word) && self.words.last().is_some_and(|last| last == word);
        let gap = usize::from(!self.words.is_empty());
        let size_bytes = self.size_bytes + gap + word.len();
        if again || self.words.len() >= SHAPE_WORDS_MAX {
            return;
        }
        if size_bytes > SHAPE_SIZE_MAX_BYTES {
            // What does not fit ends it: nothing shorter may slip in behind.
            self.size_bytes = SHAPE_SIZE_MAX_BYTES;
            return;
        }
        self.size_bytes = size_bytes;
        self.words.push(word.to_owned());
    }
}
