//! What would keep a draft from being sent, field by field.

use std::collections::HashSet;

use super::DraftInput;
use super::texts::{TextCarriers, most};
use crate::domain::communication::{
    ATTACHMENTS_MAX, ATTACHMENTS_SIZE_MAX_BYTES, AUDIENCE_PICKS_MAX, BODY_MAX, ESCALATION_SPAN_MAX,
    ESCALATION_STEPS_MAX, SCHEDULE_AHEAD_MAX, SMS_TEXT_MAX, SUBJECT_MAX, VOICE_SCRIPT_MAX,
};
use crate::domain::inline::{NamedFile, WrongPicture, wrong_pictures};
use crate::domain::{
    Category, Channels, ConfirmLine, SendingPlan, Sentence, Timestamp, Tracking, attachment,
};

/// A field that is wrong, and why.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct FieldError {
    /// Name of the field in forms and in the API.
    pub field: &'static str,
    /// What is wrong with it.
    pub problem: Sentence,
}

impl FieldError {
    /// A problem with a field.
    pub fn new(field: &'static str, problem: impl Into<Sentence>) -> Self {
        Self {
            field,
            problem: problem.into(),
        }
    }
}

/// What a draft is measured against.
#[derive(Clone, Copy, Debug)]
pub struct Rules<'a> {
    /// The categories that may be chosen.
    pub categories: &'a [Category],
    /// Most segments of one text.
    pub segments_max: usize,
    /// By which texts go out.
    pub carriers: &'a TextCarriers,
    /// What stands beneath the text where it has to be confirmed.
    pub line: Option<&'a ConfirmLine>,
    /// Whether what looks like a gap of a template is one: what another program says is not.
    pub gaps: bool,
    /// What may be counted of what readers do.
    pub tracking: Tracking,
    /// The time.
    pub now: Timestamp,
}

impl DraftInput {
    /// What would keep it from being sent; empty when nothing would.
    #[must_use]
    pub fn problems(&self, rules: &Rules<'_>) -> Vec<FieldError> {
        let mut problems = self.oversized();
        self.incomplete(rules, &mut problems);
        self.unsendable_text(rules, &mut problems);
        self.unseen_pictures(&mut problems);
        if rules.gaps {
            self.open_gaps(&mut problems);
        }
        plan_problems(&self.plan, self.channels, rules.now, &mut problems);
        tracking_problems(&self.plan, rules.tracking, &mut problems);
        problems
    }

    fn incomplete(&self, rules: &Rules<'_>, problems: &mut Vec<FieldError>) {
        let content = &self.content;
        let empty = |wanted: bool, text: &str| wanted && text.trim().is_empty();
        let mut when = |wrong: bool, field, problem: &'static str| {
            if wrong {
                problems.push(FieldError::new(field, problem));
            }
        };
        let mut known = rules.categories.iter();
        let unknown =
            self.matter.is_none() && !known.any(|category| category.name == self.category);
        when(unknown, "category", "Choose a category.");
        when(
            self.channels == Channels::default(),
            "channels",
            "Choose at least one channel.",
        );
        when(
            empty(self.channels.email, &content.subject),
            "subject",
            "An email needs a subject.",
        );
        when(
            content.subject.chars().any(char::is_control),
            "subject",
            "The subject must be one line.",
        );
        when(
            empty(self.channels.email, &content.text),
            "text",
            "An email needs a plain text, also beside HTML.",
        );
        when(
            empty(self.channels.text, &content.sms_text),
            "sms_text",
            "Write the text message.",
        );
        when(
            empty(self.channels.call, &content.voice_script),
            "voice_script",
            "Write what the call says.",
        );
        when(
            !self.channels.email && !content.attachments.is_empty(),
            "attachments",
            "Only an email can carry files: choose email too, or remove them.",
        );
        when(
            self.audience.names_nobody(),
            "audience",
            "Choose who gets it.",
        );
    }

    /// A text that no carrier takes whole: one odd character more than halves the room.
    fn unsendable_text(&self, rules: &Rules<'_>, problems: &mut Vec<FieldError>) {
        let text = &self.content.sms_text;
        // Of what is far too long that has been told, and nothing is counted.
        let told = text.chars().count() > SMS_TEXT_MAX;
        if told || !self.channels.text {
            return;
        }
        let needed = most(rules.carriers, rules.line, text);
        if needed <= rules.segments_max {
            return;
        }
        let odd = rules.carriers.odd(text);
        let problem = match odd.first().map(|odd| odd.character) {
            Some(odd) => Sentence::with(
                "This takes {0} segments, at most {1} are sent. Without “{2}” and other characters outside the GSM alphabet it takes fewer.",
                &[&needed, &rules.segments_max, &odd],
            ),
            None => Sentence::with(
                "This takes {0} segments, at most {1} are sent.",
                &[&needed, &rules.segments_max],
            ),
        };
        problems.push(FieldError::new("sms_text", problem));
    }

    /// Pictures that the HTML names and nobody would see.
    fn unseen_pictures(&self, problems: &mut Vec<FieldError>) {
        if !self.channels.email {
            return;
        }
        let content = &self.content;
        let files: Vec<NamedFile<'_>> = content.attachments.iter().map(Into::into).collect();
        for wrong in wrong_pictures(&content.html, &files) {
            let problem = match &wrong {
                WrongPicture::Missing(name) => Sentence::with(
                    "The HTML shows a picture that is not attached: {0}.",
                    &[name],
                ),
                WrongPicture::NoPicture(name) => Sentence::with(
                    "The HTML shows a file that is no picture of the kinds PNG, JPEG, GIF or WebP: {0}.",
                    &[name],
                ),
            };
            problems.push(FieldError::new("html", problem));
        }
    }

    /// What could not even be kept.
    pub(super) fn oversized(&self) -> Vec<FieldError> {
        let mut problems = self.long_texts();
        if self.audience.picks() > AUDIENCE_PICKS_MAX {
            let problem = Sentence::with(
                "Choose at most {0} areas, groups, filters and contacts.",
                &[&AUDIENCE_PICKS_MAX],
            );
            problems.push(FieldError::new("audience", problem));
        }
        if self.plan.escalation.len() > ESCALATION_STEPS_MAX {
            let problem = Sentence::with("A plan has at most {0} steps.", &[&ESCALATION_STEPS_MAX]);
            problems.push(FieldError::new("escalation", problem));
        }
        self.wrong_files(&mut problems);
        problems
    }

    fn long_texts(&self) -> Vec<FieldError> {
        let content = &self.content;
        let characters = |text: &str| text.chars().count();
        let fields = [
            ("subject", characters(&content.subject), SUBJECT_MAX),
            ("text", content.text.len(), BODY_MAX),
            ("html", content.html.len(), BODY_MAX),
            ("sms_text", characters(&content.sms_text), SMS_TEXT_MAX),
            (
                "voice_script",
                characters(&content.voice_script),
                VOICE_SCRIPT_MAX,
            ),
        ];
        let too_long = fields.into_iter().filter(|(_, size, limit)| size > limit);
        let problem = |(field, _, limit)| {
            let problem = Sentence::with("This is too long: at most {0} characters.", &[&limit]);
            FieldError::new(field, problem)
        };
        too_long.map(problem).collect()
    }

    fn wrong_files(&self, problems: &mut Vec<FieldError>) {
        let files = &self.content.attachments;
        if files.len() > ATTACHMENTS_MAX {
            let problem =
                Sentence::with("At most {0} files go with an email.", &[&ATTACHMENTS_MAX]);
            problems.push(FieldError::new("attachments", problem));
        }
        let sum = files
            .iter()
            .fold(0_u64, |sum, file| sum.saturating_add(file.size_bytes));
        if sum > ATTACHMENTS_SIZE_MAX_BYTES {
            let megabytes = ATTACHMENTS_SIZE_MAX_BYTES / (1024 * 1024);
            let problem = Sentence::with(
                "All files together may have {0} MB: many servers refuse larger emails.",
                &[&megabytes],
            );
            problems.push(FieldError::new("attachments", problem));
        }
        for file in files {
            if let Err(problem) = attachment::file_name(&file.name) {
                problems.push(FieldError::new("attachments", problem));
            }
        }
    }
}

fn tracking_problems(plan: &SendingPlan, allowed: Tracking, problems: &mut Vec<FieldError>) {
    let asked = plan.tracking;
    let mut wrong = |field, problem: &'static str| {
        problems.push(FieldError::new(field, problem));
    };
    if asked.opens && !allowed.opens {
        wrong("tracking.opens", "Openings may not be counted here.");
    }
    if asked.clicks && !allowed.clicks {
        wrong("tracking.clicks", "Links may not be counted here.");
    } else if asked.clicks && plan.emergency {
        let problem = "Links of an emergency lead straight to where they say: nobody counts them.";
        wrong("tracking.clicks", problem);
    }
}

fn plan_problems(
    plan: &SendingPlan,
    channels: Channels,
    now: Timestamp,
    problems: &mut Vec<FieldError>,
) {
    if let Some(at) = plan.scheduled_at {
        if at <= now {
            let problem = "This time has passed: choose a later one, or none to send at once.";
            problems.push(FieldError::new("scheduled_at", problem));
        } else if at > now.plus(SCHEDULE_AHEAD_MAX) {
            let problem = "This is too far ahead: choose a time within a year.";
            problems.push(FieldError::new("scheduled_at", problem));
        }
    }
    if plan.is_over(now) {
        let problem = "What this says was meant until a time that has passed. Keep it anew to send it all the same.";
        problems.push(FieldError::new("scheduled_at", problem));
    }
    let steps = &plan.escalation;
    let Some(first) = steps.first() else {
        return;
    };
    let mut wrong = |problem: &'static str| {
        problems.push(FieldError::new("escalation", problem));
    };
    if !first.after.is_zero() {
        wrong("The first step goes out at once: give it 0 minutes.");
    }
    if !steps.is_sorted_by_key(|step| step.after) {
        wrong("Each step comes after the one before it.");
    }
    if steps.iter().any(|step| step.after > ESCALATION_SPAN_MAX) {
        wrong("A step comes at most a week after sending.");
    }
    let mut seen = HashSet::new();
    if !steps
        .iter()
        .all(|step| seen.insert((step.channel, step.after)))
    {
        wrong("The same step is there twice.");
    }
    if steps.iter().any(|step| !channels.has(step.channel)) {
        wrong("A step uses a channel that is not chosen.");
    }
    let used = |channel| steps.iter().any(|step| step.channel == channel);
    if !channels.iter().all(used) {
        wrong("Every chosen channel needs its step.");
    }
}
