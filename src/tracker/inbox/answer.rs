//! What is answered by itself to STOP, START and HELP: one text, in the batch that takes the word
//! in. What was said so far does not hold it back (CTIA, Messaging Principles and Best Practices,
//! 5.1.3: an opt-out is confirmed once).

use std::sync::{Arc, PoisonError};
use std::time::Duration;

use super::super::make::{NewDelivery, make_to_one};
use super::super::prompt::title;
use super::super::{Tracker, TrackerError};
use super::Incoming;
use super::stop::{Word, held};
use crate::domain::inbox::{THREAD_MESSAGES_MAX, preview};
use crate::domain::keywords::{Keyword, Keywords};
use crate::domain::repair::Repair;
use crate::domain::{
    Channel, Channels, Communication, CommunicationId, Contact, Content, Direction, Message,
    MessageId, MessageKind, Method, Origin, Redacted, Thread, ThreadId, Timestamp,
};
use crate::store::records::Record;
use crate::store::{Batch, RowBatch};

/// Name of the category that these answers belong to.
pub const KEYWORD_CATEGORY: &str = "Keyword";
/// The answers of a day are counted over this span.
const DAY: Duration = Duration::from_secs(24 * 3600);

/// What is said in one language.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct KeywordTexts {
    /// Which language (ISO 639-1).
    pub language: String,
    /// To a STOP that ended texts.
    pub stopped: String,
    /// To a START.
    pub started: String,
    /// To HELP.
    pub help: String,
}

/// Which words there are, and what is answered to them.
#[derive(Clone, Debug, PartialEq, Eq, Default)]
pub struct ReplySettings {
    /// The words.
    pub keywords: Keywords,
    /// The first is for every other language. None: nothing is answered.
    pub texts: Vec<KeywordTexts>,
    /// What is done with a new address or number in a reply.
    pub repair: Repair,
    /// Region in which national numbers in it are read (ISO 3166-1 alpha-2).
    pub region: String,
    /// Most answers to one number in a day, and one more to a STOP: two machines come to an end
    /// here. None at all for 0.
    pub answers_per_day_max: u32,
}

impl ReplySettings {
    /// After how many answers of a day one to this is the first too many: a STOP is confirmed also
    /// to whoever asked for help before.
    const fn answers_to(&self, keyword: Keyword) -> u32 {
        match (keyword, self.answers_per_day_max) {
            (_, 0) => 0,
            (Keyword::Stop, most) => most.saturating_add(1),
            (Keyword::Start | Keyword::Help | Keyword::Yes, most) => most,
        }
    }

    fn text(&self, keyword: Keyword, language: &str) -> Option<&str> {
        let mut texts = self.texts.iter();
        let known = texts.find(|texts| language.starts_with(texts.language.as_str()));
        let texts = known.or_else(|| self.texts.first())?;
        let text = match keyword {
            Keyword::Stop => &texts.stopped,
            Keyword::Start => &texts.started,
            Keyword::Help => &texts.help,
            Keyword::Yes => return None,
        };
        Some(text.as_str()).filter(|text| !text.trim().is_empty())
    }
}

impl Tracker {
    /// Puts other words and answers into force, for all handles.
    pub fn replace_replies(&self, settings: ReplySettings) {
        *self.replies.write().unwrap_or_else(PoisonError::into_inner) = Arc::new(settings);
    }

    /// The words that are in force, and what is answered to them.
    #[must_use]
    pub fn replies(&self) -> Arc<ReplySettings> {
        Arc::clone(&self.replies.read().unwrap_or_else(PoisonError::into_inner))
    }

    /// Puts the answer to a keyword into the batch and its thread, where one is due. `known` says
    /// whether the thread was there before.
    pub(super) fn answer_keyword(
        &self,
        batch: &mut Batch,
        incoming: &Incoming,
        thread: &mut Thread,
        known: bool,
    ) -> Result<(), TrackerError> {
        let settings = self.replies();
        let Some(keyword) = keyword_in(incoming, &settings.keywords) else {
            return Ok(());
        };
        let contact = match incoming.contact {
            Some(id) => self.repo.contact(id)?,
            None => None,
        };
        let Some(contact) = contact else {
            return Ok(());
        };
        let method = held(&contact, &incoming.from, Channel::Text);
        let method = method.filter(|method| method.usable_for(Channel::Text));
        let text = settings.text(keyword, &contact.language);
        let (Some(method), Some(text)) = (method, text) else {
            return Ok(());
        };
        // What is confirmed has to be true.
        let word = Word::said_in(incoming, incoming.id);
        let has_effect = word.is_none_or(|word| word.has_effect(&contact.wishes));
        if !has_effect || self.is_taken_back(incoming, thread.id)? {
            return Ok(());
        }
        let answered = match known {
            true => self.answered_today(thread, incoming.at)?,
            false => 0,
        };
        if answered >= settings.answers_to(keyword) {
            tracing::info!(contact = %contact.id, "keywords of this number are not answered any more today");
            return Ok(());
        }
        let message = self.put_answer(batch, thread.id, &contact, method, text, incoming.at);
        thread.take(&message, "");
        batch.insert(&message);
        Ok(())
    }

    /// How many such answers went out in this thread within a day.
    fn answered_today(&self, thread: &Thread, now: Timestamp) -> Result<u32, TrackerError> {
        let latest = self
            .repo
            .messages(thread.id, None, THREAD_MESSAGES_MAX as usize)?;
        let today = latest.rows.iter().filter(|message| {
            message.direction == Direction::Out
                && message.kind == MessageKind::Automatic
                && now.since(message.at) < DAY
        });
        Ok(u32::try_from(today.count()).unwrap_or(u32::MAX))
    }

    /// The delivery, and the message that stands for it.
    fn put_answer(
        &self,
        batch: &mut Batch,
        thread: ThreadId,
        contact: &Contact,
        method: &Method,
        text: &str,
        now: Timestamp,
    ) -> Message {
        let content = Content {
            sms_text: text.to_owned(),
            ..Content::default()
        };
        let communication = Communication::to_one(
            CommunicationId::new(self.random.uuid_v7(now)),
            Origin::Keyword,
            KEYWORD_CATEGORY,
            Channels::only(Channel::Text),
            title(text),
            batch.blob(content.to_bytes()),
            now,
        );
        let made = make_to_one(
            batch,
            &self.random,
            &communication,
            &self.category(KEYWORD_CATEGORY),
            contact,
            NewDelivery::by(method, Channel::Text),
            false,
        );
        tracing::info!(contact = %contact.id, communication = %communication.id, "answer to a keyword queued");
        Message {
            id: MessageId::new(self.random.uuid_v7(now)),
            thread,
            direction: Direction::Out,
            kind: MessageKind::Automatic,
            channel: Channel::Text,
            at: now,
            from: Redacted::new(method.destination.lookup_key()),
            preview: Redacted::new(preview(text)),
            body: Some(batch.blob(text.as_bytes().to_vec())),
            original: None,
            files: Vec::new(),
            message_id: Redacted::new(String::new()),
            in_reply_to: Redacted::new(String::new()),
            delivery: made.first().copied(),
            communication: Some(communication.id),
            by: None,
            notify_at: None,
            authentication: None,
            is_disowned: false,
        }
    }
}

/// The keyword that a text is; a yes is answered by nothing.
fn keyword_in(incoming: &Incoming, keywords: &Keywords) -> Option<Keyword> {
    if incoming.channel != Channel::Text || incoming.is_disowned {
        return None;
    }
    match incoming.kind {
        MessageKind::OptOut => Some(Keyword::Stop),
        MessageKind::OptIn => Some(Keyword::Start),
        MessageKind::Written => keywords
            .meaning(&incoming.preview)
            .filter(|keyword| *keyword == Keyword::Help),
        MessageKind::Automatic | MessageKind::Keys | MessageKind::Report => None,
    }
}
