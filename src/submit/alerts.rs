//! Alerts that other programs hand in: each is sent once, however often it comes, and what was
//! called off before it came is not sent at all.

use super::approval::{Gate, asked};
use super::audience::{all_lost, packed, resolve_with};
use super::decision::Decision;
use super::send::{log, somebody};
use super::{DraftInput, FieldError, Sent, SubmitError, Submitter, texts};
use crate::domain::alert::ALERTS_KEPT_MAX;
use crate::domain::communication::{BODY_MAX, SMS_TEXT_MAX, SUBJECT_MAX, VOICE_SCRIPT_MAX};
use crate::domain::{
    AlertTaken, Audience, BlobId, ClosedReason, CommunicationId, CommunicationState, ContactId,
    ListStatus, Person, Status, UserId,
};
use crate::store::{Batch, RepoError, RowBatch};

/// People read at a time.
const PAGE: usize = 1_000;
/// Old alerts forgotten with each new one.
const SWEPT_MAX: usize = 10;
/// Stands where a text was cut.
const CUT: &str = "...";

/// An alert that is to be sent.
#[derive(Clone, Debug)]
pub struct AlertInput {
    /// What tells it from others.
    pub key: [u8; 32],
    /// The message that it is one of several parts of: once that is over, it is not sent.
    pub message: Option<[u8; 32]>,
    /// Under which it is found by what comes later of the same matter, if anything does, with the
    /// marks of what it tells.
    pub matter: Option<([u8; 32], Vec<u64>)>,
    /// Where it comes from, for people.
    pub source: String,
    /// What is sent. Texts are cut to what can be sent.
    pub draft: DraftInput,
    /// People who get it beside those whom the draft names.
    pub people: Vec<ContactId>,
    /// Says that an earlier one is over: it goes to those who may have got that, whatever the
    /// draft says.
    pub over: Option<CommunicationId>,
}

/// What became of an alert.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct AlertSent {
    /// What was sent for it; none where it was called off before it came.
    pub communication: Option<CommunicationId>,
    /// False when it had been taken before.
    pub new: bool,
}

/// What is written of an alert, and what that comes to.
type Taken = (AlertSent, Option<Sent>);

impl Submitter {
    /// Sends an alert, once for its key. What needs approval waits for it. Once this resolves it
    /// is durable; cut off before, nothing was done.
    ///
    /// # Errors
    /// When something is missing, nobody would get it, or the store fails.
    pub async fn send_alert(
        &self,
        alert: &AlertInput,
        by: UserId,
    ) -> Result<AlertSent, SubmitError> {
        let mut input = alert.clone();
        self.fit(&mut input.draft);
        let id = CommunicationId::new(self.random.uuid_v7(self.clock.wall()));
        let (taken, sent) = self
            .decided(move |this| this.take_alert(id, &input, by))
            .await?;
        if let Some(sent) = sent {
            log(id, sent);
        }
        Ok(taken)
    }

    /// Writes down that these messages are over, whether they have come or not: what comes of one
    /// from now on is not sent. What was sent is to be stopped after this, and then none is missed.
    ///
    /// # Errors
    /// When the store fails.
    pub async fn alerts_over(
        &self,
        keys: Vec<[u8; 32]>,
        source: String,
    ) -> Result<(), SubmitError> {
        self.decided(move |this| {
            let mut batch = Batch::new();
            let now = this.clock.wall();
            for key in &keys {
                match this.repo.alert(key)? {
                    Some(known) if known.over.is_some() => {}
                    Some(known) => {
                        let over = AlertTaken {
                            over: Some(now),
                            ..known.value.clone()
                        };
                        batch.replace(&known, &over);
                    }
                    None => batch.insert(&AlertTaken {
                        key: *key,
                        source: source.clone(),
                        communication: None,
                        at: now,
                        over: Some(now),
                        told: Vec::new(),
                    }),
                }
            }
            if !batch.is_empty() {
                this.forget_old(&mut batch, &keys)?;
            }
            Ok(Decision { batch, outcome: () })
        })
        .await
    }

    fn take_alert(
        &self,
        id: CommunicationId,
        alert: &AlertInput,
        by: UserId,
    ) -> Result<Decision<Taken>, SubmitError> {
        let before = |communication| {
            let new = false;
            Decision::nothing((AlertSent { communication, new }, None))
        };
        if let Some(known) = self.repo.alert(&alert.key)? {
            return Ok(before(known.communication));
        }
        let mut batch = Batch::new();
        let taken = AlertTaken {
            key: alert.key,
            source: alert.source.clone(),
            communication: Some(id),
            at: self.clock.wall(),
            over: None,
            told: Vec::new(),
        };
        if let Some(key) = alert.message {
            match self.repo.alert(&key)? {
                Some(known) if known.over.is_some() => return Ok(before(None)),
                Some(known) => batch.expect(&known),
                None => batch.insert(&AlertTaken {
                    key,
                    communication: None,
                    ..taken.clone()
                }),
            }
        }
        let sent = self.write_alert(&mut batch, id, alert, by)?;
        batch.insert(&taken);
        let mut fresh = vec![alert.key];
        fresh.extend(alert.message);
        if let Some((key, told)) = &alert.matter {
            let matter = AlertTaken {
                key: *key,
                told: told.clone(),
                ..taken
            };
            fresh.push(*key);
            match self.repo.alert(key)? {
                Some(old) => batch.replace(&old, &matter),
                None => batch.insert(&matter),
            }
        }
        self.forget_old(&mut batch, &fresh)?;
        let taken = AlertSent {
            communication: Some(id),
            new: true,
        };
        Ok(Decision {
            batch,
            outcome: (taken, sent),
        })
    }

    /// Writes the communication as it goes out, or as it waits for approval. Drafted and sent in
    /// one: what calls it off meets all of it or nothing.
    fn write_alert(
        &self,
        batch: &mut Batch,
        id: CommunicationId,
        alert: &AlertInput,
        by: UserId,
    ) -> Result<Option<Sent>, SubmitError> {
        let mut draft = alert.draft.clone();
        let mut list = alert.people.clone();
        if let Some(earlier) = alert.over {
            draft.audience = Audience::default();
            list = self.may_have_got(earlier)?;
        }
        if !list.is_empty() {
            let bytes = packed(&list);
            draft.audience.list = Some(BlobId::of(&bytes));
            draft.audience.list_people = u32::try_from(list.len()).unwrap_or(u32::MAX);
            batch.blob(bytes);
        }
        let problems = self.problems_by(&draft, false);
        if !problems.is_empty() {
            return Err(SubmitError::Invalid(problems));
        }
        if !all_lost(&self.repo, &draft.audience)?.is_empty() {
            return Err(SubmitError::Invalid(vec![FieldError::lost()]));
        }
        let people = somebody(resolve_with(&self.repo, &draft.audience, list)?.ids)?;
        let mut new = self.drafted(batch, id, &draft, by);
        let now = new.created_at;
        match self.gate(&new, people.len()) {
            Gate::Open => {}
            Gate::Waived => new.approval = Some(self.waiver(&new)),
            Gate::Approval => {
                // Its warnings are for whoever decides: a program cannot look at them.
                let new = asked(batch, &new, &people, by, now);
                batch.insert(&new);
                return Ok(None);
            }
        }
        debug_assert!(new.state == CommunicationState::Draft, "it is new");
        let sent = self.under_way(batch, new, &people, now)?;
        batch.insert(&sent);
        let people = people.len() as u64;
        Ok(Some(Sent::Now { people }))
    }

    /// Cuts the texts to what can be sent: a long word must not keep an alarm back.
    fn fit(&self, draft: &mut DraftInput) {
        let content = &mut draft.content;
        cut_to(&mut content.subject, SUBJECT_MAX);
        cut_to(&mut content.voice_script, VOICE_SCRIPT_MAX);
        cut_to(&mut content.sms_text, SMS_TEXT_MAX);
        content
            .text
            .truncate(content.text.floor_char_boundary(BODY_MAX));
        let most = self.settings().segments_max;
        let line = self.confirm_line(&draft.category);
        let carriers = self.text_carriers();
        let fits = |text: &str| texts::most(&carriers, line.as_ref(), text) <= most;
        if fits(&content.sms_text) {
            return;
        }
        // The beginning of a text never takes more than the text: halve what is left to look at.
        let (mut fit, mut over) = (0, content.sms_text.chars().count());
        while over - fit > 1 {
            let middle = fit.midpoint(over);
            let mut tried = content.sms_text.clone();
            cut_to(&mut tried, middle);
            if fits(&tried) {
                fit = middle;
            } else {
                over = middle;
            }
        }
        cut_to(&mut content.sms_text, fit);
    }

    /// People to whom something of it has gone out, or may have: what was under way when it was
    /// called off is counted, since nobody can tell whether it arrived.
    ///
    /// # Errors
    /// When the store fails.
    pub fn may_have_got(&self, of: CommunicationId) -> Result<Vec<ContactId>, RepoError> {
        let mut people = Vec::new();
        let mut after = None;
        loop {
            let page = self.repo.people(of, after, PAGE)?;
            for person in &page.rows {
                if gone_out(person) || self.was_under_way(person)? {
                    people.push(person.contact);
                }
            }
            after = page.next;
            if after.is_none() {
                people.sort_unstable();
                return Ok(people);
            }
        }
    }

    /// Whether something was tried before it was called off: a mail that is being handed over has
    /// no status of its own, and is handed over all the same.
    fn was_under_way(&self, person: &Person) -> Result<bool, RepoError> {
        let closed = person.deliveries.iter().filter(|known| known.closed);
        for known in closed.filter(|known| !known.status.is_settled()) {
            let delivery = self.repo.delivery(known.delivery)?;
            let tried = delivery.is_some_and(|delivery| {
                let closed = delivery.closed.map(|closed| closed.reason);
                closed == Some(ClosedReason::CalledOff) && delivery.attempts > 0
            });
            if tried {
                return Ok(true);
            }
        }
        Ok(false)
    }

    fn forget_old(&self, batch: &mut Batch, but: &[[u8; 32]]) -> Result<(), SubmitError> {
        if self.repo.alert_count()? < ALERTS_KEPT_MAX {
            return Ok(());
        }
        let oldest = self.repo.oldest_alerts(SWEPT_MAX)?;
        let old = oldest.iter().filter(|old| !but.contains(&old.key));
        old.for_each(|old| batch.remove(old));
        Ok(())
    }
}

fn gone_out(person: &Person) -> bool {
    let is_out = |status: Status| match status.in_lists() {
        ListStatus::Sent | ListStatus::Delivered | ListStatus::Opened => true,
        ListStatus::Draft | ListStatus::Queued | ListStatus::Failed => false,
    };
    let mut made = person.deliveries.iter();
    made.any(|delivery| is_out(delivery.status))
}

/// Leaves so many characters, with a sign where something was cut.
fn cut_to(text: &mut String, characters: usize) {
    if text.chars().count() <= characters {
        return;
    }
    let left = characters.saturating_sub(CUT.len());
    *text = text.chars().take(left).chain(CUT.chars()).collect();
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_cut_says_so() {
        let mut text = "Évacuez tout de suite".to_owned();
        cut_to(&mut text, 10);
        assert_eq!(text, "Évacuez...");
        cut_to(&mut text, 10);
        assert_eq!(text, "Évacuez...");
    }
}
