//! Letters with gaps: what is wrong with one, what stands in its gaps, and the letter itself.
//! Pure: no store, no clock.
//!
//! The language of templates is small on purpose: `{{ name }}`, and `{% if name %}` with `elif`,
//! `else` and `endif`. [`syntax`] refuses everything else before minijinja sees it, so that no
//! template loops, calls or builds anything; minijinja then renders with strict gaps, little fuel
//! and a bound on what comes out.

pub mod builtin;
mod render;
pub mod syntax;
mod values;

pub use render::{OUTPUT_SIZE_MAX_BYTES, RenderError, Rendered, render};
pub use values::{Values, form_value, long_date};

use crate::domain::template::{
    TEMPLATE_CHOICES_MAX, TEMPLATE_FILES_MAX, TEMPLATE_NAME_MAX, TEMPLATE_SIZE_MAX_BYTES,
    TEMPLATE_TEXTS_MAX, TEMPLATE_VARIABLES_MAX, Template, TemplateText, Variable, VariableKind,
};
use crate::domain::{Channel, Sentence};

/// Gaps that are filled by themselves where what they speak of is known.
pub const KNOWN: [&str; 13] = [
    "client.first_name",
    "client.last_name",
    "client.full_name",
    "client.reference",
    "case.reference",
    "case.title",
    "creditor.name",
    "creditor.account",
    "user.name",
    "organisation.name",
    "today",
    "chase.number",
    "original.date",
];

/// Something wrong with a template: the field, and a sentence.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TemplateProblem {
    /// name, variables, texts or files.
    pub field: &'static str,
    /// What is wrong.
    pub problem: Sentence,
}

/// What is wrong with a template; empty when it can be kept.
#[must_use]
pub fn problems(template: &Template) -> Vec<TemplateProblem> {
    let mut found = Vec::new();
    let mut wrong = |field, problem: Sentence| found.push(TemplateProblem { field, problem });
    let name = template.name.trim();
    if name.is_empty() {
        wrong("name", "Give the template a name.".into());
    } else if name.chars().count() > TEMPLATE_NAME_MAX || name.chars().any(char::is_control) {
        let problem = "A name is one line of at most {0} characters.";
        wrong("name", Sentence::with(problem, &[&TEMPLATE_NAME_MAX]));
    }
    for problem in variable_problems(&template.variables) {
        wrong("variables", problem);
    }
    for problem in text_problems(template) {
        wrong("texts", problem);
    }
    let odd = |name: &String| name.trim().is_empty() || name.chars().any(char::is_control);
    if template.files.len() > TEMPLATE_FILES_MAX || template.files.iter().any(odd) {
        let problem = "Name at most {0} files, one a line.";
        wrong("files", Sentence::with(problem, &[&TEMPLATE_FILES_MAX]));
    }
    if template.size_bytes() > TEMPLATE_SIZE_MAX_BYTES {
        let problem = "This is too long: all texts together have at most {0} kB.";
        let kilobytes = TEMPLATE_SIZE_MAX_BYTES / 1024;
        wrong("texts", Sentence::with(problem, &[&kilobytes]));
    }
    found
}

fn variable_problems(variables: &[Variable]) -> Vec<Sentence> {
    let mut found = Vec::new();
    if variables.len() > TEMPLATE_VARIABLES_MAX {
        let problem = "A template has at most {0} variables.";
        found.push(Sentence::with(problem, &[&TEMPLATE_VARIABLES_MAX]));
    }
    for (index, one) in variables.iter().enumerate() {
        let name = &one.name;
        let is_known = KNOWN.contains(&name.as_str()) || syntax::is_group(name);
        if !syntax::is_name(name) || name.contains('.') || is_known {
            let problem = "“{0}” cannot be a variable: use lower-case letters, digits and _, and a name that is not known already.";
            found.push(Sentence::with(problem, &[name]));
        } else if variables[..index].iter().any(|other| other.name == *name) {
            found.push(Sentence::with(
                "The variable “{0}” is there twice.",
                &[name],
            ));
        }
        let choices = one.kind.choices();
        let is_choice = matches!(one.kind, VariableKind::Choice(_));
        if is_choice && (choices.is_empty() || choices.len() > TEMPLATE_CHOICES_MAX) {
            let problem = "Give “{0}” between 1 and {1} choices.";
            found.push(Sentence::with(problem, &[name, &TEMPLATE_CHOICES_MAX]));
        }
        if !one.example.is_empty() && form_value(&one.kind, &one.example, "en").is_err() {
            let problem = "The example of “{0}” is not of its kind.";
            found.push(Sentence::with(problem, &[name]));
        }
    }
    found
}

fn text_problems(template: &Template) -> Vec<Sentence> {
    let texts = &template.texts;
    if texts.is_empty() {
        return vec!["Write at least one email or text.".into()];
    }
    let mut found = Vec::new();
    if texts.len() > TEMPLATE_TEXTS_MAX {
        let problem = "A template has at most {0} texts.";
        found.push(Sentence::with(problem, &[&TEMPLATE_TEXTS_MAX]));
    }
    for (index, one) in texts.iter().enumerate() {
        let same =
            |other: &TemplateText| (other.channel, &other.language) == (one.channel, &one.language);
        if texts[..index].iter().any(same) {
            found.push("There are two texts for one channel and language.".into());
        }
        let is_language = one.language.len() == 2
            && one
                .language
                .bytes()
                .all(|letter| letter.is_ascii_lowercase());
        if !is_language {
            found.push("A language is two letters, as en or fr.".into());
        }
        if one.channel == Channel::Call {
            found.push("A template is for emails and texts.".into());
        }
        if one.text.trim().is_empty() {
            found.push("A text of the template is empty.".into());
        }
        if one.channel == Channel::Email && one.subject.trim().is_empty() {
            found.push("An email needs a subject.".into());
        }
        if one.subject.chars().any(char::is_control) {
            found.push("The subject must be one line.".into());
        }
        for part in [&one.subject, &one.text, &one.html] {
            found.extend(syntax::check(part, &template.variables).err());
        }
    }
    found
}

#[cfg(test)]
mod tests;
