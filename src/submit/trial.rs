//! A trial of a draft, sent to whoever writes it. It counts nowhere.

use super::decision::Decision;
use super::draft::title;
use super::{FieldError, MailRecipient, SubmitError, Submitter};
use crate::domain::communication::SUBJECT_MAX;
use crate::domain::{
    Channel, Channels, Communication, CommunicationId, Content, Origin, Related, Relation, User,
    UserId,
};
use crate::store::Batch;
use crate::store::records::Record;

/// What a trial's subject and text begin with.
const TRIAL_MARK: &str = "[Test] ";

impl Submitter {
    /// Sends what a draft says to the user's own address and number, by these channels. Once
    /// this resolves it is durable.
    ///
    /// # Errors
    /// When the user has no address or number for a channel, or it does not work, nothing is
    /// written for it, there is no such communication, or the store fails.
    pub async fn send_trial(
        &self,
        id: CommunicationId,
        user: &User,
        channels: Channels,
    ) -> Result<CommunicationId, SubmitError> {
        let recipients = recipients(user, channels)?;
        let (by, trial) = (
            user.id,
            CommunicationId::new(self.random.uuid_v7(self.clock.wall())),
        );
        for recipient in &recipients {
            if self.check_recipient(recipient)?.is_some() {
                return refuse("Your own address or number is suspended or has opted out.");
            }
        }
        self.decided(move |this| this.decide_trial(id, trial, by, &recipients, channels))
            .await
    }

    fn decide_trial(
        &self,
        of: CommunicationId,
        trial: CommunicationId,
        by: UserId,
        recipients: &[MailRecipient],
        channels: Channels,
    ) -> Result<Decision<CommunicationId>, SubmitError> {
        let draft = self.repo.communication(of)?.ok_or(SubmitError::NotFound)?;
        let content = marked(self.repo.content(draft.content)?);
        let lacking = channels.iter().any(|channel| match channel {
            Channel::Email => content.subject.is_empty() || content.text.trim().is_empty(),
            Channel::Text => content.sms_text.is_empty(),
            Channel::Call => content.voice_script.trim().is_empty(),
        });
        if lacking {
            return refuse("Nothing is written yet for one of these channels.");
        }
        let now = self.clock.wall();
        let mut batch = Batch::new();
        let people = self.by_person(&mut batch, recipients, &[], now)?;
        let said = Communication::to_one(
            trial,
            Origin::Test(by),
            &draft.category,
            channels,
            title(&content),
            batch.blob(content.to_bytes()),
            now,
        );
        let communication = Communication {
            people: people.len() as u64,
            related: Some(Related {
                to: of,
                relation: Relation::Trial,
            }),
            ..said
        };
        self.deliver(&mut batch, &communication, &people);
        tracing::info!(communication = %trial, draft = %of, user = %by, "trial queued");
        Ok(Decision {
            batch,
            outcome: trial,
        })
    }
}

fn refuse<T>(problem: &'static str) -> Result<T, SubmitError> {
    let problem = FieldError::new("trial", problem);
    Err(SubmitError::Invalid(vec![problem]))
}

fn recipients(user: &User, channels: Channels) -> Result<Vec<MailRecipient>, SubmitError> {
    let mut recipients = Vec::new();
    for channel in channels.iter() {
        let own = match channel {
            Channel::Email => user.email.clone().map(MailRecipient::Email),
            Channel::Text => user.mobile.clone().map(MailRecipient::Text),
            Channel::Call => user.mobile.clone().map(MailRecipient::Call),
        };
        match own {
            Some(own) => recipients.push(own),
            None => return refuse("Your account has no address or number for this channel."),
        }
    }
    if recipients.is_empty() {
        return refuse("Choose at least one channel.");
    }
    Ok(recipients)
}

fn marked(content: Content) -> Content {
    let mark = |text: &str| {
        if text.trim().is_empty() {
            String::new()
        } else {
            format!("{TRIAL_MARK}{text}")
        }
    };
    Content {
        subject: mark(&content.subject).chars().take(SUBJECT_MAX).collect(),
        sms_text: mark(&content.sms_text),
        ..content
    }
}
