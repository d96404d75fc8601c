//! Letters from templates: what is known by itself, what is still missing, and the draft filled.

use jiff::tz::TimeZone;

use super::decision::Decision;
use super::draft::title;
use super::{FieldError, Kept, SubmitError, Submitter};
use crate::domain::template::TemplateState;
use crate::domain::{
    Channel, Communication, CommunicationId, Contact, ContactKind, Content, Relation, Template,
    TemplateId, Timestamp, UserId,
};
use crate::store::records::Record;
use crate::store::{Batch, RowBatch};
use crate::templates::{self, RenderError, Rendered, Values, long_date};

/// Most earlier letters of a row of chases that are looked at.
const CHASES_MAX: u32 = 50;

/// One part of a letter.
#[derive(Clone, Debug)]
pub struct LetterPart {
    /// By which channel.
    pub channel: Channel,
    /// Language of the text that was taken.
    pub language: String,
    /// It is not the recipient's language: there is no text in theirs.
    pub fell_back: bool,
    /// The letter, or what it lacks.
    pub outcome: Result<Rendered, RenderError>,
}

/// A letter that a template and values come to.
#[derive(Clone, Debug)]
pub struct Letter {
    /// Which version of the template.
    pub version: u32,
    /// What is known by itself.
    pub known: Values,
    /// By each channel that was wanted and the template has.
    pub parts: Vec<LetterPart>,
}

impl Letter {
    /// Gaps that nothing fills, by name, each once.
    #[must_use]
    pub fn missing(&self) -> Vec<String> {
        let mut all: Vec<String> = Vec::new();
        for part in &self.parts {
            if let Err(RenderError::Missing(names)) = &part.outcome {
                all.extend(names.iter().cloned());
            }
        }
        all.sort();
        all.dedup();
        all
    }
}

impl Submitter {
    /// What a template would say for a draft with these values; nothing is changed.
    ///
    /// # Errors
    /// When the draft or the template is not there, or the store fails.
    pub fn letter(
        &self,
        draft: CommunicationId,
        template: TemplateId,
        entered: &Values,
        by: UserId,
    ) -> Result<Letter, SubmitError> {
        let of = self
            .repo
            .communication(draft)?
            .ok_or(SubmitError::NotFound)?;
        let template = self.repo.template(template)?.ok_or(SubmitError::NotFound)?;
        self.letter_of(&of, &template, entered, by)
    }

    fn letter_of(
        &self,
        draft: &Communication,
        template: &Template,
        entered: &Values,
        by: UserId,
    ) -> Result<Letter, SubmitError> {
        let recipient = self.single_recipient(draft)?;
        let fallback = self.settings().default_language.clone();
        let language = recipient
            .as_ref()
            .map_or(fallback.as_str(), |one| one.language.as_str());
        let mut known = self.known_of(draft, recipient.as_ref(), by)?;
        let today = day(self.clock.wall(), &self.settings().time_zone);
        let mut parts = Vec::new();
        for channel in draft.channels.iter() {
            let Some(text) = template.text(channel, language, &fallback) else {
                continue;
            };
            known.insert("today".to_owned(), long_date(today, &text.language));
            self.know_original(draft, &text.language, &mut known)?;
            parts.push(LetterPart {
                channel,
                language: text.language.clone(),
                fell_back: !text.language.eq_ignore_ascii_case(language),
                outcome: templates::render(template, text, &known, entered),
            });
        }
        Ok(Letter {
            version: template.version,
            known,
            parts,
        })
    }

    /// Fills a draft with a letter. The draft remembers the template and its version, and may be
    /// edited further.
    ///
    /// # Errors
    /// When something is missing or wrong, named field by field, somebody has changed the draft
    /// since `seen`, or the store fails.
    pub async fn fill_draft(
        &self,
        id: CommunicationId,
        seen: Option<Timestamp>,
        template: TemplateId,
        entered: &Values,
        by: UserId,
    ) -> Result<Kept, SubmitError> {
        let entered = entered.clone();
        self.decided(move |this| {
            let old = this.changeable(id, seen)?;
            let Some(template) = this.repo.template(template)? else {
                return Err(refused("This template is not here any more."));
            };
            if template.state == TemplateState::Retired {
                return Err(refused("This template is retired: choose another one."));
            }
            let letter = this.letter_of(&old, &template, &entered, by)?;
            let content = filled(this.repo.content(old.content)?, letter.parts)?;
            let revision = this.next_revision(&old);
            let mut batch = Batch::new();
            let new = Communication {
                title: title(&content),
                content: batch.blob(content.to_bytes()),
                template: Some((template.id, template.version)),
                modified_at: revision,
                ..old.value.clone()
            };
            batch.replace(&old, &new);
            this.enter_draft(&mut batch, &new)?;
            this.touch_campaign(&mut batch, new.campaign, revision)?;
            let outcome = Kept { id, revision };
            Ok(Decision { batch, outcome })
        })
        .await
    }

    /// The one person whom a draft goes to, if it is one who is named.
    fn single_recipient(&self, draft: &Communication) -> Result<Option<Contact>, SubmitError> {
        let audience = &draft.audience;
        match audience.contacts.as_slice() {
            [one] if audience.picks() == 1 && audience.list.is_none() => {
                Ok(self.repo.contact(*one)?.map(|contact| contact.value))
            }
            _ => Ok(None),
        }
    }

    fn known_of(
        &self,
        draft: &Communication,
        recipient: Option<&Contact>,
        by: UserId,
    ) -> Result<Values, SubmitError> {
        let mut known = Values::new();
        let mut know = |name: &str, value: String| {
            if !value.trim().is_empty() {
                known.insert(name.to_owned(), value);
            }
        };
        let client = match (draft.matter, recipient) {
            (Some(matter), _) => self.repo.contact(matter.client)?.map(|client| client.value),
            (None, Some(one)) if one.kind == ContactKind::Client => Some(one.clone()),
            (None, _) => None,
        };
        if let Some(client) = client {
            know("client.first_name", client.first_name.reveal().clone());
            know("client.last_name", client.last_name.reveal().clone());
            know("client.full_name", client.full_name());
            know("client.reference", reference(&client));
        }
        let creditor = recipient.filter(|one| one.kind == ContactKind::Creditor);
        if let Some(creditor) = creditor {
            know("creditor.name", creditor.full_name());
        }
        if let Some(case) = draft.matter.and_then(|matter| matter.case)
            && let Some(case) = self.repo.case(case)?
        {
            know("case.reference", case.reference.clone());
            know("case.title", case.title.clone());
            let account = creditor.and_then(|creditor| case.creditor(creditor.id));
            know(
                "creditor.account",
                account.map_or_else(String::new, |one| one.account.reveal().clone()),
            );
        }
        if let Some(user) = self.repo.user(by)? {
            know("user.name", user.name.clone());
        }
        if let Some(public) = &self.public {
            know("organisation.name", public.organisation.clone());
        }
        Ok(known)
    }

    /// The letter that is chased: when it went out, and how many have gone since.
    fn know_original(
        &self,
        draft: &Communication,
        language: &str,
        known: &mut Values,
    ) -> Result<(), SubmitError> {
        let mut number = 0;
        let mut related = draft.related;
        let mut first = None;
        while let Some(to) = related.filter(|one| one.relation == Relation::FollowUp) {
            let Some(earlier) = self.repo.communication(to.to)? else {
                break;
            };
            number += 1;
            first = earlier.sent_at.or(first);
            related = earlier.related;
            if number >= CHASES_MAX {
                break;
            }
        }
        if let Some(sent) = first {
            let sent = day(sent, &self.settings().time_zone);
            known.insert("original.date".to_owned(), long_date(sent, language));
            known.insert("chase.number".to_owned(), number.to_string());
        }
        Ok(())
    }
}

/// The reference under which a client is known here: a field of their own of this name.
fn reference(client: &Contact) -> String {
    let mut fields = client.custom.iter();
    let field = fields.find(|field| field.name.eq_ignore_ascii_case("reference"));
    field.map_or_else(String::new, |field| field.value.reveal().clone())
}

fn day(at: Timestamp, zone: &TimeZone) -> jiff::civil::Date {
    let millis = i64::try_from(at.as_millis()).unwrap_or(i64::MAX);
    let at = jiff::Timestamp::from_millisecond(millis).unwrap_or(jiff::Timestamp::MAX);
    at.to_zoned(zone.clone()).date()
}

fn refused(problem: &'static str) -> SubmitError {
    SubmitError::Invalid(vec![FieldError::new("template", problem)])
}

/// The content with the parts of a letter in it; what the template does not say stays.
fn filled(mut content: Content, parts: Vec<LetterPart>) -> Result<Content, SubmitError> {
    if parts.is_empty() {
        return Err(refused(
            "This template has no text for the channels that are chosen.",
        ));
    }
    let mut errors = Vec::new();
    for part in parts {
        match (part.outcome, part.channel) {
            (Ok(said), Channel::Email) => {
                content.subject = said.subject;
                content.text = said.text;
                content.html = said.html;
            }
            (Ok(said), Channel::Text) => content.sms_text = said.text,
            (Ok(_), Channel::Call) => {}
            (Err(error), _) => errors.extend(explained(error)),
        }
    }
    if errors.is_empty() {
        Ok(content)
    } else {
        Err(SubmitError::Unfilled(errors))
    }
}

/// What is missing or wrong, by the name of its gap.
fn explained(error: RenderError) -> Vec<(String, crate::domain::Sentence)> {
    match error {
        RenderError::Missing(names) => names
            .into_iter()
            .map(|name| (name, "Fill this in: nothing is sent without it.".into()))
            .collect(),
        RenderError::Wrong(values) => values,
        RenderError::Template(problem) => vec![("template".to_owned(), problem)],
    }
}
