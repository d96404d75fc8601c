//! News for programs: what happens is told to the webhooks that want to hear of it, in the batch
//! that does it, so that nothing is told that did not happen, and nothing that did is left out.

use crate::clock::Randomness;
use crate::domain::webhook::NEWS_WAITING_MAX;
use crate::domain::{
    CallStatus, Communication, Contact, Delivery, EmailStatus, EventKind, MethodId, News,
    Notification, Redacted, Status, Timestamp, Webhook,
};
use crate::store::{Batch, Loaded, Repo, RepoError, RowBatch, keys};

/// Puts news into a batch, one row for each webhook that wants it.
///
/// # Errors
/// When the store cannot be read.
pub fn tell_programs(
    batch: &mut Batch,
    repo: &Repo,
    random: &Randomness,
    at: Timestamp,
    news: &News,
) -> Result<(), RepoError> {
    for webhook in repo.webhooks()? {
        if webhook.hears(news.event) && enqueue(batch, repo, random, at, &webhook, news)?.is_none()
        {
            batch.add(keys::of_webhook(keys::NEWS_LEFT_OUT, webhook.id), 1);
        }
    }
    Ok(())
}

/// Whether any webhook wants to hear of this.
pub(super) fn is_heard(repo: &Repo, event: EventKind) -> Result<bool, RepoError> {
    let webhooks = repo.webhooks()?;
    Ok(webhooks.iter().any(|webhook| webhook.hears(event)))
}

/// Puts news for one webhook into a batch, unless too much waits there.
pub(super) fn enqueue(
    batch: &mut Batch,
    repo: &Repo,
    random: &Randomness,
    at: Timestamp,
    webhook: &Loaded<Webhook>,
    news: &News,
) -> Result<Option<[u8; 16]>, RepoError> {
    let (waiting, _) = repo.notification_counts(webhook.id)?;
    if waiting >= NEWS_WAITING_MAX {
        return Ok(None);
    }
    let id = *random.uuid_v7(at).as_bytes();
    let mut news = news.clone();
    news.address = news.address.filter(|_| webhook.input.addresses);
    batch.insert(&Notification {
        id,
        webhook: webhook.id,
        at,
        news,
        tries: Vec::new(),
        tried: 0,
        due: Some(at),
    });
    Ok(Some(id))
}

/// Whether anything about it may be told: cases for those named in them are for no program.
///
/// # Errors
/// When the store cannot be read.
pub fn may_be_told(repo: &Repo, communication: &Communication) -> Result<bool, RepoError> {
    match communication.matter.and_then(|matter| matter.case) {
        Some(case) => repo.case_is_open(case),
        None => Ok(true),
    }
}

/// Says in the batch that sends it that a communication was sent.
///
/// # Errors
/// When the store cannot be read.
pub fn tell_sent(
    batch: &mut Batch,
    repo: &Repo,
    random: &Randomness,
    at: Timestamp,
    communication: &Communication,
) -> Result<(), RepoError> {
    if communication.origin.is_by_itself() || !may_be_told(repo, communication)? {
        return Ok(());
    }
    let news = News {
        communication: Some(communication.id),
        people: Some(communication.people),
        ..News::of(EventKind::CommunicationSent)
    };
    tell_programs(batch, repo, random, at, &news)
}

impl super::Tracker {
    /// Tells what became of a delivery, where that is worth telling.
    pub(super) fn tell_of_delivery(
        &self,
        batch: &mut Batch,
        communication: &Communication,
        (old, new): (&Delivery, &Delivery),
        now: Timestamp,
    ) -> Result<(), RepoError> {
        let status = new.status();
        let moved = old.status() != status
            && (status.is_settled() || status == Status::Email(EmailStatus::Deferred));
        let closed = new.closed.filter(|_| old.closed.is_none());
        // What becomes of our reports is told to nobody: they are no messages that anybody sent.
        if !(moved || closed.is_some()) || communication.is_delivery_report() {
            return Ok(());
        }
        if !may_be_told(&self.repo, communication)? {
            return Ok(());
        }
        let news = News {
            status: Some(status),
            closed: closed.map(|closed| closed.reason),
            ..about(new, EventKind::DeliveryStatus)
        };
        tell_programs(batch, &self.repo, &self.random, now, &news)?;
        let confirmed = Status::Call(CallStatus::Confirmed);
        if moved && status == confirmed {
            let news = about(new, EventKind::ConfirmationReceived);
            tell_programs(batch, &self.repo, &self.random, now, &news)?;
        }
        Ok(())
    }

    /// Tells that a method was suspended by what became of a delivery; by which one, where that
    /// may be told.
    pub(super) fn tell_of_suspension(
        &self,
        batch: &mut Batch,
        (communication, delivery): (&Communication, &Delivery),
        method: MethodId,
        now: Timestamp,
    ) -> Result<(), RepoError> {
        let mut news = News {
            communication: None,
            method: Some(method),
            ..about(delivery, EventKind::MethodSuspended)
        };
        if !may_be_told(&self.repo, communication)? {
            (news.delivery, news.address) = (None, None);
        }
        tell_programs(batch, &self.repo, &self.random, now, &news)
    }

    /// Tells that a communication issue of a contact began or ended with this change.
    pub(super) fn tell_of_issue(
        &self,
        batch: &mut Batch,
        old: &Contact,
        new: &Contact,
        now: Timestamp,
    ) -> Result<(), RepoError> {
        let event = match (old.issue_since, new.issue_since) {
            (None, Some(_)) => EventKind::IssueOpened,
            (Some(_), None) => EventKind::IssueClosed,
            (None, None) | (Some(_), Some(_)) => return Ok(()),
        };
        let news = News {
            contact: Some(new.id),
            ..News::of(event)
        };
        tell_programs(batch, &self.repo, &self.random, now, &news)
    }
}

/// News of a delivery.
fn about(delivery: &Delivery, event: EventKind) -> News {
    let address = Redacted::new(delivery.destination.lookup_key());
    News {
        communication: Some(delivery.communication),
        contact: Some(delivery.contact),
        delivery: Some(delivery.id),
        method: Some(delivery.method),
        address: Some(address),
        ..News::of(event)
    }
}
