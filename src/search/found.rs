//! What was found, and where in its texts stands what was asked for.

use tantivy::snippet::SnippetGenerator;

use super::document::Document;

/// As far as is counted what was found.
pub(super) const COUNTED_MAX: usize = 1_000;
/// Longest piece of a text that is shown around what was found, in octets.
pub(super) const SNIPPET_SIZE_MAX: usize = 240;

/// Something that was found: the key of its row, and its place in the order of time.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Hit {
    /// Key of the row.
    pub row: Vec<u8>,
    /// Newer ones have a higher place; what follows is asked for with it.
    pub place: u64,
}

/// A piece of a text, and whether it is what was asked for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Piece {
    /// The text.
    pub text: String,
    /// Whether it is to be marked.
    pub marked: bool,
}

/// What was found.
pub struct Found {
    /// One page of it.
    pub hits: Vec<Hit>,
    /// How many there are in all, up to a thousand.
    pub total: usize,
    pub(super) subject: SnippetGenerator,
    pub(super) body: SnippetGenerator,
    pub(super) recipient: SnippetGenerator,
    pub(super) sent_to: SnippetGenerator,
}

impl std::fmt::Debug for Found {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Found")
            .field("total", &self.total)
            .finish_non_exhaustive()
    }
}

impl Found {
    /// The whole subject with what was asked for marked.
    #[must_use]
    pub fn in_subject(&self, text: &str) -> Vec<Piece> {
        whole(&self.subject, text)
    }

    /// A whole name or address of a document with what was asked for marked.
    #[must_use]
    pub fn in_recipient(&self, of: &Document, text: &str) -> Vec<Piece> {
        let asked = if of.went_out {
            &self.sent_to
        } else {
            &self.recipient
        };
        whole(asked, text)
    }

    /// The part of a text that has most of what was asked for; its start where nothing stands.
    #[must_use]
    pub fn in_body(&self, text: &str) -> Vec<Piece> {
        let snippet = self.body.snippet(text);
        if snippet.is_empty() {
            let start: String = text.chars().take(SNIPPET_SIZE_MAX).collect();
            return vec![plain(&start)];
        }
        marked(snippet.fragment(), snippet.highlighted())
    }
}

fn plain(text: &str) -> Piece {
    Piece {
        text: text.to_owned(),
        marked: false,
    }
}

/// Everything, marked where the words stand.
fn whole(generator: &SnippetGenerator, text: &str) -> Vec<Piece> {
    let snippet = generator.snippet(text);
    // A snippet begins and ends at words: what stands around them belongs to it.
    match text.find(snippet.fragment()) {
        Some(start) if !snippet.is_empty() => {
            let places = snippet.highlighted().iter();
            let places: Vec<_> = places
                .map(|place| place.start + start..place.end + start)
                .collect();
            marked(text, &places)
        }
        Some(_) | None => vec![plain(text)],
    }
}

fn marked(text: &str, places: &[std::ops::Range<usize>]) -> Vec<Piece> {
    let mut pieces = Vec::new();
    let mut done = 0;
    for place in tantivy::snippet::collapse_overlapped_ranges(places) {
        let (Some(before), Some(found)) = (text.get(done..place.start), text.get(place.clone()))
        else {
            continue;
        };
        if !before.is_empty() {
            pieces.push(plain(before));
        }
        pieces.push(Piece {
            text: found.to_owned(),
            marked: true,
        });
        done = place.end;
    }
    if let Some(rest) = text.get(done..).filter(|rest| !rest.is_empty()) {
        pieces.push(plain(rest));
    }
    pieces
}
