//! The language of templates: gaps and conditions, nothing else.

use std::collections::BTreeSet;

use super::KNOWN;
use crate::domain::Sentence;
use crate::domain::template::Variable;

/// Deepest nesting of conditions.
const CONDITIONS_MAX: usize = 16;

/// The gaps of a text.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Gaps {
    /// Those that are written out.
    pub shown: BTreeSet<String>,
    /// Those that a condition asks for: they may be empty.
    pub asked: BTreeSet<String>,
}

/// Whether a text is a name: words of lower-case letters, digits and "_", with dots between.
#[must_use]
pub fn is_name(text: &str) -> bool {
    text.len() <= 60
        && text.split('.').all(|word| {
            word.starts_with(|c: char| c.is_ascii_lowercase())
                && word
                    .bytes()
                    .all(|b| b.is_ascii_lowercase() || b.is_ascii_digit() || b == b'_')
                && !RESERVED.contains(&word)
        })
}

/// Words that mean something else in an expression.
const RESERVED: [&str; 14] = [
    "and", "or", "not", "in", "is", "if", "elif", "else", "endif", "true", "false", "none", "loop",
    "self",
];

/// Whether the gaps that are filled by themselves lie in this name, as `client.reference` does in
/// `client`.
pub(super) fn is_group(name: &str) -> bool {
    let mut groups = KNOWN.iter().filter_map(|known| known.split_once('.'));
    groups.any(|(group, _)| group == name)
}

/// The gaps of a text whose every gap is known.
///
/// # Errors
/// With the line and a plain sentence when it is no template, or a gap is not known.
pub fn check(text: &str, variables: &[Variable]) -> Result<Gaps, Sentence> {
    let gaps = gaps(text)?;
    for name in gaps.shown.iter().chain(&gaps.asked) {
        let is_known = KNOWN.contains(&name.as_str());
        if !is_known && !variables.iter().any(|one| one.name == *name) {
            let line = line_of(text, text.find(name.as_str()).unwrap_or(0));
            let problem = "Line {0}: there is no variable “{1}”.";
            return Err(Sentence::with(problem, &[&line, name]));
        }
    }
    Ok(gaps)
}

/// The gaps of a text.
///
/// # Errors
/// With the line and a plain sentence when it is no template.
pub fn gaps(text: &str) -> Result<Gaps, Sentence> {
    let mut gaps = Gaps::default();
    let mut open: Vec<(usize, bool)> = Vec::new();
    let mut at = 0;
    while let Some(start) = next_tag(text, at) {
        let line = line_of(text, start);
        let (begin, end) = match &text[start..start + 2] {
            "{{" => ("{{", "}}"),
            "{%" => ("{%", "%}"),
            _ => ("{#", "#}"),
        };
        let inner = &text[start + 2..];
        let Some(length) = inner.find(end) else {
            let problem = "Line {0}: “{1}” is never closed by “{2}”.";
            return Err(Sentence::with(problem, &[&line, &begin, &end]));
        };
        at = start + 2 + length + 2;
        // One "-" at either end takes the spaces around a gap away; another would be a sign.
        let inner = &inner[..length];
        let inner = inner.strip_prefix('-').unwrap_or(inner);
        let inner = inner.strip_suffix('-').unwrap_or(inner).trim();
        match begin {
            "{{" if is_name(inner) => {
                gaps.shown.insert(inner.to_owned());
            }
            "{{" => {
                let problem = "Line {0}: write the name of one variable between “{{” and “}}”.";
                return Err(Sentence::with(problem, &[&line]));
            }
            "{%" => condition(inner, line, &mut open, &mut gaps)?,
            _ => {}
        }
    }
    match open.last() {
        Some((line, _)) => {
            let problem = "Line {0}: this “if” has no “endif”.";
            Err(Sentence::with(problem, &[line]))
        }
        None => Ok(gaps),
    }
}

/// A condition: the lines of those that are open, and whether each has had its "else".
fn condition(
    inner: &str,
    line: usize,
    open: &mut Vec<(usize, bool)>,
    gaps: &mut Gaps,
) -> Result<(), Sentence> {
    let (word, name) = inner.split_once(' ').unwrap_or((inner, ""));
    let name = name.trim();
    let name = name.strip_prefix("not ").unwrap_or(name).trim();
    let has_room = open.len() < CONDITIONS_MAX;
    let fits = match (word, open.last_mut()) {
        ("if", _) if is_name(name) && has_room => {
            open.push((line, false));
            gaps.asked.insert(name.to_owned());
            true
        }
        ("elif", Some((_, false))) if is_name(name) => {
            gaps.asked.insert(name.to_owned());
            true
        }
        ("else", Some((_, had @ false))) if name.is_empty() => {
            *had = true;
            true
        }
        ("endif", Some(_)) if name.is_empty() => {
            open.pop();
            true
        }
        _ => false,
    };
    if fits {
        return Ok(());
    }
    let problem = "Line {0}: “{1}” does not belong here; a template knows if, elif, else and endif with the name of one variable.";
    Err(Sentence::with(problem, &[&line, &shortened(inner)]))
}

fn shortened(text: &str) -> String {
    text.chars().filter(|c| !c.is_control()).take(40).collect()
}

fn next_tag(text: &str, from: usize) -> Option<usize> {
    let rest = &text[from..];
    let starts = ["{{", "{%", "{#"].map(|begin| rest.find(begin));
    starts.into_iter().flatten().min().map(|at| at + from)
}

fn line_of(text: &str, at: usize) -> usize {
    text[..at].matches('\n').count() + 1
}
