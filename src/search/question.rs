//! What somebody asks for, as a query.
//!
//! Words must all stand in it, in any order and any field; "words in quotes" one behind the
//! other; a word with `-` before it must not; a word with `*` behind it is the start of one.
//! `subject:`, `to:` and `text:` before any of these ask for that field alone. There is no wrong
//! question.

use std::ops::Bound;

use tantivy::Term;
use tantivy::query::{
    AllQuery, BooleanQuery, EmptyQuery, FuzzyTermQuery, Occur, PhraseQuery, Query, RangeQuery,
    TermQuery,
};
use tantivy::schema::{Field, IndexRecordOption};
use tantivy::tokenizer::TextAnalyzer;

use super::document::place_at;
use super::index::Fields;
use crate::domain::Timestamp;

/// Longest question, in octets; what is behind is left out.
pub const QUESTION_SIZE_MAX: usize = 400;
/// Most words and quotes of a question.
const PARTS_MAX: usize = 16;
/// Shortest start of a word that is looked for, in characters.
const START_MIN: usize = 3;

/// In which order.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Order {
    /// The newest first.
    #[default]
    Newest,
    /// What fits best first.
    Relevant,
}

/// What somebody asks for.
#[derive(Clone, Debug, Default)]
pub struct Question {
    /// In their words.
    pub text: String,
    /// In which order.
    pub order: Order,
    /// From when on.
    pub from: Option<Timestamp>,
    /// Until when; not itself.
    pub until: Option<Timestamp>,
    /// Newest first: only what stands behind this place.
    pub before: Option<u64>,
    /// By relevance: so many are left out at the start.
    pub skip: usize,
    /// What went out from here is found by what it says alone, not by whom it went to: for
    /// whoever may not know that.
    pub texts_only: bool,
    /// Most that are wanted.
    pub limit: usize,
}

/// One word or quote.
#[derive(Debug, PartialEq, Eq)]
struct Part<'a> {
    text: &'a str,
    field: Option<Named>,
    not: bool,
    start: bool,
}

/// A field that people name.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Named {
    Subject,
    Recipient,
    Body,
}

impl Question {
    /// Whether it asks for anything at all.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        !self.text.chars().any(char::is_alphanumeric)
    }

    pub(super) fn query(&self, fields: Fields, words: &mut TextAnalyzer) -> Box<dyn Query> {
        let mut clauses: Vec<(Occur, Box<dyn Query>)> = Vec::new();
        let mut asks = false;
        for part in parts(&self.text) {
            let Some(query) = part.query(fields, self.texts_only, words) else {
                continue;
            };
            asks |= !part.not;
            let occur = if part.not {
                Occur::MustNot
            } else {
                Occur::Must
            };
            clauses.push((occur, query));
        }
        if clauses.is_empty() {
            return Box::new(EmptyQuery);
        }
        if !asks {
            clauses.push((Occur::Must, Box::new(AllQuery)));
        }
        self.bounded(fields, Box::new(BooleanQuery::new(clauses)))
    }

    /// The same, within its times.
    pub(super) fn bounded(&self, fields: Fields, query: Box<dyn Query>) -> Box<dyn Query> {
        within(
            fields.place,
            query,
            self.from.map(place_at),
            self.until.map(place_at),
        )
    }
}

fn within(
    field: Field,
    query: Box<dyn Query>,
    from: Option<u64>,
    before: Option<u64>,
) -> Box<dyn Query> {
    if from.is_none() && before.is_none() {
        return query;
    }
    let term = |place| Term::from_field_u64(field, place);
    let lower = from.map_or(Bound::Unbounded, |place| Bound::Included(term(place)));
    let upper = before.map_or(Bound::Unbounded, |place| Bound::Excluded(term(place)));
    let range: Box<dyn Query> = Box::new(RangeQuery::new(lower, upper));
    Box::new(BooleanQuery::new(vec![
        (Occur::Must, query),
        (Occur::Must, range),
    ]))
}

/// The words and quotes of a question, at most [`PARTS_MAX`].
fn parts(text: &str) -> Vec<Part<'_>> {
    let mut end = text.len().min(QUESTION_SIZE_MAX);
    while !text.is_char_boundary(end) {
        end -= 1;
    }
    let mut rest = &text[..end];
    let mut parts = Vec::new();
    while parts.len() < PARTS_MAX {
        rest = rest.trim_start();
        if rest.is_empty() {
            break;
        }
        let not = rest.starts_with('-');
        let unsigned = rest.strip_prefix('-').unwrap_or(rest);
        let (field, said) = named(unsigned);
        let (text, after) = match said.strip_prefix('"') {
            Some(quoted) => quoted.split_once('"').unwrap_or((quoted, "")),
            None => said.split_once(char::is_whitespace).unwrap_or((said, "")),
        };
        let start = !said.starts_with('"') && text.ends_with('*');
        rest = after;
        parts.push(Part {
            text,
            field,
            not,
            start,
        });
    }
    parts
}

/// The field that is named before a part, if any.
fn named(text: &str) -> (Option<Named>, &str) {
    let names = [
        ("subject:", Named::Subject),
        ("to:", Named::Recipient),
        ("text:", Named::Body),
    ];
    for (name, field) in names {
        let begins = text.get(..name.len());
        if begins.is_some_and(|begin| begin.eq_ignore_ascii_case(name)) {
            return (Some(field), &text[name.len()..]);
        }
    }
    (None, text)
}

impl Part<'_> {
    /// None for what holds no word.
    fn query(
        &self,
        fields: Fields,
        texts_only: bool,
        words: &mut TextAnalyzer,
    ) -> Option<Box<dyn Query>> {
        let words = words_of(self.text, words);
        if words.is_empty() {
            return None;
        }
        let sent_to = (!texts_only).then_some(fields.sent_to);
        let mut asked = match self.field {
            Some(Named::Subject) => vec![fields.subject],
            Some(Named::Recipient) => vec![fields.recipient],
            Some(Named::Body) => vec![fields.body],
            None => vec![fields.subject, fields.recipient, fields.body],
        };
        if asked.contains(&fields.recipient) {
            asked.extend(sent_to);
        }
        let of = |field: Field| (Occur::Should, self.in_field(field, &words));
        let clauses = asked.into_iter().map(of).collect();
        Some(Box::new(BooleanQuery::new(clauses)))
    }

    fn in_field(&self, field: Field, words: &[String]) -> Box<dyn Query> {
        let term = |word: &String| Term::from_field_text(field, word);
        match words {
            [word] if self.start && word.chars().count() >= START_MIN => {
                Box::new(FuzzyTermQuery::new_prefix(term(word), 0, true))
            }
            [word] => Box::new(TermQuery::new(
                term(word),
                IndexRecordOption::WithFreqsAndPositions,
            )),
            several => Box::new(PhraseQuery::new(several.iter().map(term).collect())),
        }
    }
}

fn words_of(text: &str, analyzer: &mut TextAnalyzer) -> Vec<String> {
    let mut stream = analyzer.token_stream(text);
    let mut words = Vec::new();
    while let Some(token) = stream.next() {
        words.push(token.text.clone());
    }
    words
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_question_is_words_and_quotes() {
        let part = |text, field, not, start| Part {
            text,
            field,
            not,
            start,
        };
        assert_eq!(
            parts(r#"flood -river "section 78" to:barclays Subject:"open letter" acc*"#),
            [
                part("flood", None, false, false),
                part("river", None, true, false),
                part("section 78", None, false, false),
                part("barclays", Some(Named::Recipient), false, false),
                part("open letter", Some(Named::Subject), false, false),
                part("acc*", None, false, true),
            ]
        );
    }

    #[test]
    fn no_question_is_wrong() {
        let long = "é".repeat(QUESTION_SIZE_MAX);
        let many = "a ".repeat(PARTS_MAX * 2);
        for text in ["", "\"", "-", "to:", "- \"\" to:\"", long.as_str()] {
            assert!(parts(text).len() <= 3, "{text:?}");
        }
        assert_eq!(parts(&many).len(), PARTS_MAX);
        assert!(
            !Question {
                text: "a".into(),
                ..Question::default()
            }
            .is_empty()
        );
        assert!(
            Question {
                text: "\"-: ".into(),
                ..Question::default()
            }
            .is_empty()
        );
    }

    #[test]
    fn words_have_no_case_and_no_accents() {
        let words = words_of(
            "DC-2024-00123 Évacuation",
            &mut super::super::index::analyzer(),
        );
        assert_eq!(words, ["dc", "2024", "00123", "evacuation"]);
    }
}
