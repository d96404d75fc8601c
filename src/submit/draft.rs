//! Drafts: what somebody is still writing.

use super::{SubmitError, Submitter};
use crate::domain::communication::{
    AUDIENCE_PICKS_MAX, BODY_MAX, NO_SUBJECT, SMS_TEXT_MAX, SUBJECT_MAX, VOICE_SCRIPT_MAX,
};
use crate::domain::{
    Audience, Body, Channels, Communication, CommunicationId, CommunicationState, Content, Origin,
    Sentence, UserId,
};
use crate::store::records::Record;
use crate::store::{Batch, RowBatch};

/// Longest title in lists, in characters.
const TITLE_MAX: usize = 80;

/// What the author has written so far.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct DraftInput {
    /// What is said.
    pub content: Content,
    /// Name of its category.
    pub category: String,
    /// By which channels.
    pub channels: Channels,
    /// To whom.
    pub audience: Audience,
}

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

impl DraftInput {
    /// What would keep it from being sent; empty when nothing would.
    #[must_use]
    pub fn problems(&self, categories: &[crate::domain::Category]) -> Vec<FieldError> {
        let mut problems = self.oversized();
        let content = &self.content;
        let needed = |wanted: bool, text: &str| wanted && text.trim().is_empty();
        if !categories
            .iter()
            .any(|category| category.name == self.category)
        {
            problems.push(FieldError::new("category", "Choose a category."));
        }
        if self.channels == Channels::default() {
            problems.push(FieldError::new("channels", "Choose at least one channel."));
        }
        if needed(self.channels.email, &content.subject) {
            problems.push(FieldError::new("subject", "An email needs a subject."));
        }
        if content.subject.chars().any(char::is_control) {
            problems.push(FieldError::new("subject", "The subject must be one line."));
        }
        if needed(self.channels.email, &content.text) {
            problems.push(FieldError::new(
                "text",
                "An email needs a plain text, also beside HTML.",
            ));
        }
        if needed(self.channels.text, &content.sms_text) {
            problems.push(FieldError::new("sms_text", "Write the text message."));
        }
        if needed(self.channels.call, &content.voice_script) {
            problems.push(FieldError::new("voice_script", "Write what the call says."));
        }
        if self.audience.names_nobody() {
            problems.push(FieldError::new(
                "audience",
                "Choose at least one area or contact.",
            ));
        }
        problems
    }

    /// What could not even be kept.
    fn oversized(&self) -> Vec<FieldError> {
        let content = &self.content;
        let fields = [
            ("subject", &content.subject, SUBJECT_MAX, true),
            ("text", &content.text, BODY_MAX, false),
            ("html", &content.html, BODY_MAX, false),
            ("sms_text", &content.sms_text, SMS_TEXT_MAX, true),
            (
                "voice_script",
                &content.voice_script,
                VOICE_SCRIPT_MAX,
                true,
            ),
        ];
        let too_long = fields.into_iter().filter(|(_, text, limit, characters)| {
            let size = if *characters {
                text.chars().count()
            } else {
                text.len()
            };
            size > *limit
        });
        let mut problems: Vec<FieldError> = too_long
            .map(|(field, _, limit, _)| {
                FieldError::new(
                    field,
                    Sentence::with("This is too long: at most {0} characters.", &[&limit]),
                )
            })
            .collect();
        if self.audience.picks() > AUDIENCE_PICKS_MAX {
            let problem = Sentence::with(
                "Choose at most {0} areas and contacts.",
                &[&AUDIENCE_PICKS_MAX],
            );
            problems.push(FieldError::new("audience", problem));
        }
        problems
    }
}

impl Submitter {
    /// Keeps a draft, new or changed. Incomplete ones are kept too; sending them is refused.
    ///
    /// # Errors
    /// When a field is too long to keep, the communication is not a draft any more, or the store
    /// fails.
    pub async fn save_draft(
        &self,
        id: Option<CommunicationId>,
        input: &DraftInput,
        by: UserId,
    ) -> Result<CommunicationId, SubmitError> {
        let oversized = input.oversized();
        if !oversized.is_empty() {
            return Err(SubmitError::Invalid(oversized));
        }
        let now = self.clock.wall();
        let mut batch = Batch::new();
        let content = batch.blob(input.content.to_bytes());
        let draft = Communication {
            id: id.unwrap_or_else(|| CommunicationId::new(self.random.uuid_v7(now))),
            category: input.category.clone(),
            origin: Origin::Console(by),
            channels: input.channels,
            title: title(&input.content),
            content,
            body: Body::Composed,
            audience: input.audience.clone(),
            state: CommunicationState::Draft,
            people: 0,
            rounds: 0,
            created_at: now,
            modified_at: now,
            sent_at: None,
            campaign: None,
            related: None,
            plan: crate::domain::SendingPlan::default(),
            approval: None,
            history: Vec::new(),
        };
        match id {
            None => batch.insert(&draft),
            Some(id) => {
                let old = self.repo.communication(id)?.ok_or(SubmitError::NotFound)?;
                if old.state != CommunicationState::Draft {
                    return Err(SubmitError::AlreadySent);
                }
                let created_at = old.created_at;
                batch.replace(
                    &old,
                    &Communication {
                        created_at,
                        ..draft.clone()
                    },
                );
            }
        }
        self.repo.store().commit(batch).await?;
        Ok(draft.id)
    }

    /// A draft as its author left it.
    ///
    /// # Errors
    /// When there is no such communication, or the store fails.
    pub fn draft(&self, id: CommunicationId) -> Result<DraftInput, SubmitError> {
        let communication = self.repo.communication(id)?.ok_or(SubmitError::NotFound)?;
        Ok(DraftInput {
            content: self.repo.content(communication.content)?,
            category: communication.category.clone(),
            channels: communication.channels,
            audience: communication.audience.clone(),
        })
    }
}

/// The subject, or the start of whatever is said.
pub(super) fn title(content: &Content) -> String {
    let texts = [
        &content.subject,
        &content.sms_text,
        &content.voice_script,
        &content.text,
    ];
    let first = texts.into_iter().find(|text| !text.trim().is_empty());
    let line = first
        .and_then(|text| text.trim().lines().next())
        .unwrap_or(NO_SUBJECT);
    line.chars()
        .filter(|character| !character.is_control())
        .take(TITLE_MAX)
        .collect()
}
