//! What is looked at once more before sending: gaps that were left open, files that are spoken of
//! and not there, texts that cost much.

use super::{DraftInput, FieldError, SubmitError, Submitter, TextCarriers};
use crate::domain::{Communication, Content, Method, Sentence};

/// A text of more segments than this is pointed out.
const SEGMENTS_TOLD: usize = 3;
/// Longest thing that looks like a gap, in characters.
const GAP_MAX: usize = 40;
/// Most things that look like gaps and are named for one field.
const GAPS_TOLD_MAX: usize = 5;
/// Words that speak of a file, in lower case.
const SPEAKS_OF_FILES: [&str; 12] = [
    "attached",
    "attachment",
    "enclosed",
    "enclosure",
    "ci-joint",
    "ci-jointe",
    "ci-joints",
    "ci-jointes",
    "pièce jointe",
    "pièces jointes",
    "en annexe",
    "fichier joint",
];

/// What begins or ends a gap of a template.
const SYNTAX: [&str; 4] = ["{{", "}}", "{%", "%}"];

impl DraftInput {
    /// The texts that go out, by field.
    fn said(&self) -> Vec<(&'static str, &str)> {
        let Content {
            subject,
            text,
            html,
            sms_text,
            voice_script,
            ..
        } = &self.content;
        let fields = [
            (self.channels.email, "subject", subject),
            (self.channels.email, "text", text),
            (self.channels.email, "html", html),
            (self.channels.text, "sms_text", sms_text),
            (self.channels.call, "voice_script", voice_script),
        ];
        let wanted = fields.into_iter().filter(|(wanted, ..)| *wanted);
        wanted
            .map(|(_, field, text)| (field, text.as_str()))
            .collect()
    }

    /// Gaps of a template that nothing was put into.
    pub(super) fn open_gaps(&self, problems: &mut Vec<FieldError>) {
        for (field, text) in self.said() {
            if let Some(at) = SYNTAX.iter().filter_map(|sign| text.find(sign)).min() {
                let gap: String = text[at..]
                    .chars()
                    .filter(|letter| !letter.is_control())
                    .take(GAP_MAX)
                    .collect();
                let problem = "A variable of a template is not replaced: “{0}”.";
                problems.push(FieldError::new(field, Sentence::with(problem, &[&gap])));
            }
        }
    }

    /// What somebody should look at and confirm; empty when there is nothing.
    #[must_use]
    pub fn warnings(&self, carriers: &TextCarriers) -> Vec<FieldError> {
        let mut found = Vec::new();
        for (field, text) in self.said() {
            for gap in likely_gaps(text) {
                let problem = "“{0}” looks like something that was to be replaced.";
                found.push(FieldError::new(field, Sentence::with(problem, &[&gap])));
            }
        }
        let content = &self.content;
        let of_email = [&content.subject, &content.text, &content.html];
        if self.channels.email
            && content.attachments.is_empty()
            && of_email.into_iter().any(|text| speaks_of_files(text))
        {
            let problem = "The text speaks of something attached, and nothing is.";
            found.push(FieldError::new("attachments", problem));
        }
        let needed = carriers.segments_max(&content.sms_text);
        if self.channels.text && needed > SEGMENTS_TOLD {
            let problem = "This text takes {0} segments for each person.";
            found.push(FieldError::new(
                "sms_text",
                Sentence::with(problem, &[&needed]),
            ));
        }
        found
    }
}

impl Submitter {
    /// Refuses what has warnings that nobody has looked at.
    pub(super) fn looked_at(
        &self,
        communication: &Communication,
        confirmed: bool,
    ) -> Result<(), SubmitError> {
        let warnings = self.warnings_of(communication, &self.input_of(communication)?)?;
        if confirmed || warnings.is_empty() {
            Ok(())
        } else {
            Err(SubmitError::Unconfirmed(warnings))
        }
    }

    /// What somebody should look at and confirm: in the draft, and where it goes.
    pub(super) fn warnings_of(
        &self,
        of: &Communication,
        draft: &DraftInput,
    ) -> Result<Vec<FieldError>, SubmitError> {
        let mut warnings = draft.warnings(&self.settings().carriers);
        if let Some((id, version)) = of.template
            && let Some(template) = self.repo.template_version(id, version)?
            && let Some(method) = self.letter_method(draft)?
            && !method.serves(template.category)
        {
            let problem = "This address is not kept for letters of this kind: {0}.";
            let problem = Sentence::with(problem, &[&template.category.title()]);
            warnings.push(FieldError::new("audience", problem));
        }
        Ok(warnings)
    }

    /// The one address that a letter goes to.
    fn letter_method(&self, draft: &DraftInput) -> Result<Option<Method>, SubmitError> {
        let ([to], Some(method)) = (draft.audience.contacts.as_slice(), draft.audience.method)
        else {
            return Ok(None);
        };
        let contact = self.repo.current_contact(*to)?;
        Ok(contact.and_then(|contact| contact.method(method).cloned()))
    }

    /// Why a letter would reach nobody: the one address that it goes to does not work now.
    fn unreachable_letter(&self, draft: &DraftInput) -> Result<Option<FieldError>, SubmitError> {
        if draft.matter.is_none() || draft.audience.method.is_none() {
            return Ok(None);
        }
        let method = self.letter_method(draft)?;
        let works = method.is_some_and(|method| {
            let mut channels = draft.channels.iter();
            channels.any(|channel| method.usable_for(channel))
        });
        let problem = "The address that this letter goes to does not work any more: begin the letter anew with another one.";
        Ok((!works).then(|| FieldError::new("audience", problem)))
    }

    /// What keeps a communication from being sent: what is wrong with its draft, and what its
    /// template asks for.
    pub(super) fn problems_of(
        &self,
        of: &Communication,
        draft: &DraftInput,
    ) -> Result<Vec<FieldError>, SubmitError> {
        let of_program = !self.repo.alerts_of(of.id)?.is_empty();
        let mut problems = self.problems_by(draft, !of_program);
        problems.extend(self.unreachable_letter(draft)?);
        if let Some((id, version)) = of.template
            && draft.channels.email
            && let Some(template) = self.repo.template_version(id, version)?
        {
            let names = draft
                .content
                .attachments
                .iter()
                .map(|file| file.name.as_str());
            if let Some(missing) = template.missing_file(names) {
                let problem = "The template asks for a file that is not attached: {0}.";
                problems.push(FieldError::new(
                    "attachments",
                    Sentence::with(problem, &[&missing]),
                ));
            }
        }
        Ok(problems)
    }
}

/// "[NAME]", "<<name>>" and "XXX": what people write where something is still to come.
fn likely_gaps(text: &str) -> Vec<String> {
    let mut found: Vec<String> = Vec::new();
    for (begin, end) in [("[", "]"), ("<<", ">>")] {
        for piece in text.split(begin).skip(1) {
            let inner = piece.split(end).next().unwrap_or_default();
            let closed = inner.len() < piece.len();
            let short = inner.chars().take(GAP_MAX + 1).count() <= GAP_MAX;
            let named = inner.chars().filter(|c| c.is_alphabetic()).count() > 1;
            let shouted = !inner.chars().any(char::is_lowercase);
            if closed && short && named && (shouted || begin == "<<") && !inner.contains('\n') {
                found.push(format!("{begin}{inner}{end}"));
            }
        }
    }
    let words = text.split(|c: char| !c.is_alphanumeric());
    let crosses = words.filter(|word| word.len() >= 3 && word.chars().all(|c| c == 'X'));
    found.extend(crosses.map(|word| word.chars().take(GAP_MAX).collect()));
    found.sort();
    found.dedup();
    found.truncate(GAPS_TOLD_MAX);
    found
}

fn speaks_of_files(text: &str) -> bool {
    let text = text.to_lowercase();
    SPEAKS_OF_FILES.iter().any(|word| {
        text.match_indices(word).any(|(at, _)| {
            let before = text[..at].chars().next_back();
            let after = text[at + word.len()..].chars().next();
            let is_letter = |c: Option<char>| c.is_some_and(char::is_alphabetic);
            !is_letter(before) && !is_letter(after)
        })
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::Channels;

    fn email(text: &str) -> DraftInput {
        DraftInput {
            content: Content {
                subject: "Hello".into(),
                text: text.into(),
                ..Content::default()
            },
            channels: Channels {
                email: true,
                text: true,
                call: false,
            },
            ..DraftInput::default()
        }
    }

    fn told(draft: &DraftInput) -> Vec<String> {
        let warnings = draft.warnings(&TextCarriers::default());
        warnings.iter().map(|one| one.problem.to_string()).collect()
    }

    #[test]
    fn gaps_of_templates_are_problems_and_what_looks_like_one_a_warning() {
        for text in ["Dear {{ name }}", "Dear name }}", "{% if x"] {
            let mut problems = Vec::new();
            email(text).open_gaps(&mut problems);
            assert_eq!(problems.len(), 1, "{text}");
            assert_eq!(problems[0].field, "text");
        }
        for (text, gap) in [
            ("Dear [CLIENT NAME],", "[CLIENT NAME]"),
            ("Dear <<name>>,", "<<name>>"),
            ("the sum of XXXX pounds", "XXXX"),
        ] {
            assert_eq!(
                told(&email(text)),
                [format!(
                    "“{gap}” looks like something that was to be replaced."
                )]
            );
        }
        for text in [
            "see [1] and [sic]",
            "a << b",
            "XX, XXL",
            "array[I]",
            "[A\nB]",
        ] {
            assert_eq!(told(&email(text)), [""; 0], "{text}");
        }
        let other = DraftInput {
            channels: Channels::default(),
            ..email("[NAME] {{ x }}")
        };
        assert_eq!(told(&other), [""; 0], "what is not sent is looked at");
    }

    #[test]
    fn files_that_are_spoken_of_must_be_there() {
        for text in [
            "See attached.",
            "Enclosed: a copy",
            "Vous trouverez ci-joint",
            "La Pièce jointe",
        ] {
            assert_eq!(told(&email(text)).len(), 1, "{text}");
        }
        assert_eq!(told(&email("unattachedness")).len(), 0);
    }

    #[test]
    fn a_long_text_is_counted() {
        let mut draft = email("x");
        draft.content.sms_text = "x".repeat(160);
        assert_eq!(told(&draft).len(), 0);
        draft.content.sms_text = "x".repeat(500);
        assert_eq!(
            told(&draft),
            ["This text takes 4 segments for each person."]
        );
    }
}
