//! The letter: gaps filled, HTML escaped, nothing beyond a bound.

use std::collections::BTreeMap;
use std::io::{self, Write};

use minijinja::{AutoEscape, Environment, UndefinedBehavior, Value};

use super::syntax::{self, Gaps};
use super::{Values, form_value};
use crate::domain::Sentence;
use crate::domain::template::{Template, TemplateText};

/// Largest part of a letter, in bytes.
pub const OUTPUT_SIZE_MAX_BYTES: usize = 256 * 1024;
/// Steps that rendering one part may take.
const FUEL: u64 = 50_000;
/// Deepest recursion of the renderer.
const RECURSION_MAX: usize = 64;

/// A letter.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Rendered {
    /// Subject; empty for a text.
    pub subject: String,
    /// Plain text.
    pub text: String,
    /// HTML; empty for none.
    pub html: String,
}

/// Why there is no letter.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum RenderError {
    /// Gaps that are not filled, by name.
    Missing(Vec<String>),
    /// A value that is not of its kind: its name, and why.
    Wrong(Vec<(String, Sentence)>),
    /// The template itself is wrong.
    Template(Sentence),
}

/// Fills the gaps of a text. `known` stands as it is given; `entered` is checked by kind.
///
/// # Errors
/// [`RenderError`], naming everything that is missing or wrong.
pub fn render(
    template: &Template,
    text: &TemplateText,
    known: &Values,
    entered: &Values,
) -> Result<Rendered, RenderError> {
    let values = fill(template, text, known, entered)?;
    let part = |source: &str, html: bool| {
        if source.is_empty() {
            return Ok(String::new());
        }
        part(source, &values, html).map_err(RenderError::Template)
    };
    let subject = part(&text.subject, false)?;
    Ok(Rendered {
        subject: subject.split_whitespace().collect::<Vec<_>>().join(" "),
        text: part(&text.text, false)?,
        html: part(&text.html, true)?,
    })
}

/// The value of each gap; an optional one without value is empty.
fn fill(
    template: &Template,
    text: &TemplateText,
    known: &Values,
    entered: &Values,
) -> Result<Values, RenderError> {
    let mut gaps = Gaps::default();
    for part in [&text.subject, &text.text, &text.html] {
        let found = syntax::check(part, &template.variables).map_err(RenderError::Template)?;
        gaps.shown.extend(found.shown);
        gaps.asked.extend(found.asked);
    }
    let (mut values, mut missing, mut wrong) = (Values::new(), Vec::new(), Vec::new());
    for name in gaps.shown.union(&gaps.asked) {
        let variable = template.variables.iter().find(|one| one.name == *name);
        let value = match variable {
            Some(variable) => {
                let entered = entered.get(name).map_or("", |value| value.trim());
                if entered.is_empty() {
                    if variable.required {
                        missing.push(name.clone());
                    }
                    String::new()
                } else {
                    form_value(&variable.kind, entered, &text.language).unwrap_or_else(|problem| {
                        wrong.push((name.clone(), problem));
                        String::new()
                    })
                }
            }
            None => {
                let value = known.get(name).or_else(|| entered.get(name));
                let value = value.map_or("", |value| value.trim());
                if value.is_empty() && !gaps.asked.contains(name) {
                    missing.push(name.clone());
                }
                value.chars().filter(|c| !c.is_control()).collect()
            }
        };
        values.insert(name.clone(), value);
    }
    if !wrong.is_empty() {
        return Err(RenderError::Wrong(wrong));
    }
    if missing.is_empty() {
        Ok(values)
    } else {
        Err(RenderError::Missing(missing))
    }
}

fn part(source: &str, values: &Values, html: bool) -> Result<String, Sentence> {
    let mut environment = Environment::empty();
    environment.set_undefined_behavior(UndefinedBehavior::Strict);
    environment.set_fuel(Some(FUEL));
    environment.set_recursion_limit(RECURSION_MAX);
    environment.set_auto_escape_callback(move |_| {
        if html {
            AutoEscape::Html
        } else {
            AutoEscape::None
        }
    });
    let refused = |error: &minijinja::Error| {
        let line = error.line().unwrap_or(1);
        Sentence::with("Line {0}: this cannot be filled in.", &[&line])
    };
    let template = environment
        .template_from_str(source)
        .map_err(|error| refused(&error))?;
    let mut out = Bounded::default();
    template
        .render_captured_to(context(values, html), &mut out)
        .map_err(|error| {
            if out_is_full(&error) {
                Sentence::with(
                    "This is too long: at most {0} characters.",
                    &[&OUTPUT_SIZE_MAX_BYTES],
                )
            } else {
                refused(&error)
            }
        })?;
    Ok(String::from_utf8_lossy(&out.bytes).into_owned())
}

fn out_is_full(error: &minijinja::Error) -> bool {
    error.kind() == minijinja::ErrorKind::WriteFailure
}

/// The values as minijinja looks them up: `client.name` lies in `client`.
fn context(values: &Values, html: bool) -> Value {
    let mut flat: BTreeMap<String, Value> = BTreeMap::new();
    let mut nested: BTreeMap<String, BTreeMap<String, Value>> = BTreeMap::new();
    for (name, text) in values {
        let value = value(text, html);
        match name.split_once('.') {
            Some((group, name)) => {
                nested
                    .entry(group.to_owned())
                    .or_default()
                    .insert(name.to_owned(), value);
            }
            None => {
                flat.insert(name.clone(), value);
            }
        }
    }
    let nested = nested
        .into_iter()
        .map(|(group, values)| (group, Value::from_pairs(values)));
    Value::from_pairs(flat.into_iter().chain(nested))
}

/// Lines of a value stay lines in HTML.
fn value(text: &str, html: bool) -> Value {
    if !html || !text.contains('\n') {
        return Value::from(text);
    }
    let mut escaped = String::new();
    for letter in text.chars() {
        match letter {
            '&' => escaped.push_str("&amp;"),
            '<' => escaped.push_str("&lt;"),
            '>' => escaped.push_str("&gt;"),
            '"' => escaped.push_str("&quot;"),
            '\'' => escaped.push_str("&#39;"),
            '\n' => escaped.push_str("<br>\n"),
            letter => escaped.push(letter),
        }
    }
    Value::from_safe_string(escaped)
}

/// Memory that takes no more than [`OUTPUT_SIZE_MAX_BYTES`].
#[derive(Default)]
struct Bounded {
    bytes: Vec<u8>,
}

impl Write for Bounded {
    fn write(&mut self, more: &[u8]) -> io::Result<usize> {
        if self.bytes.len() + more.len() > OUTPUT_SIZE_MAX_BYTES {
            return Err(io::Error::other("too long"));
        }
        self.bytes.extend_from_slice(more);
        Ok(more.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}
