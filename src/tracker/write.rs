//! Loading what an event touches, and committing what was decided.

use std::time::Instant;

use super::decide::{Decision, Known, decide};
use super::reports::DueReports;
use super::{CONFLICTS_MAX, Event, Notice, Tracker, TrackerError, is_conflict, prompt};
use crate::domain::{
    AuditActor, AuditEntry, BlobId, ClosedReason, Communication, Contact, ContactId, Delivery,
    DeliveryId, LogEntry, LogEvent, Person, Status, Subject, SubjectKind, Timestamp,
};
use crate::store::{AuditBatch, Batch, DeliveryBatch, Loaded, RowBatch};

/// The rows an event touches, as they were read.
pub(super) struct Rows {
    pub(super) delivery: Loaded<Delivery>,
    pub(super) person: Loaded<Person>,
    pub(super) contact: Option<Loaded<Contact>>,
    pub(super) communication: Loaded<Communication>,
}

/// What follows from an event, but for the mails that the reports are.
pub(super) struct Prepared {
    pub(super) batch: Batch,
    decision: Decision,
    notices: Vec<Notice>,
    pub(super) reports: DueReports,
}

impl Tracker {
    /// Records an event of a delivery. Resolves once it is durable; returns the status it
    /// stands at then.
    ///
    /// # Errors
    /// When there is no such delivery, or the store fails; then nothing was written.
    pub async fn record(&self, id: DeliveryId, event: Event) -> Result<Status, TrackerError> {
        for _ in 0..CONFLICTS_MAX {
            let rows = self.rows(id)?;
            let (event, mut heard) = self.hear(&rows, event.clone())?;
            let Prepared {
                mut batch,
                decision,
                notices,
                reports,
            } = self.prepare(&rows, event)?;
            self.put_reports(&mut batch, &rows.communication, reports)
                .await;
            if let Some(heard) = &mut heard {
                batch.append(std::mem::take(&mut heard.batch));
            }
            let began = self.clock.monotonic();
            match self.repo.store().commit(batch).await {
                Ok(_) => {
                    if let Some(heard) = &heard {
                        self.remember(heard);
                    }
                    self.count(rows.delivery.status(), &decision, began);
                    log_decision(&decision);
                    self.tell(notices);
                    return Ok(decision.delivery.status());
                }
                Err(error) if is_conflict(&error) => tokio::task::yield_now().await,
                Err(error) => return Err(error.into()),
            }
        }
        Err(TrackerError::Contention)
    }

    fn count(&self, before: Status, decision: &Decision, began: Instant) {
        let Some(metrics) = &self.metrics else {
            return;
        };
        let took = self.clock.monotonic().saturating_duration_since(began);
        metrics.commit_seconds.observe(took);
        let status = decision.delivery.status();
        let channel = status.channel().as_str();
        if status != before {
            metrics
                .deliveries
                .with(&[channel, status.as_str()])
                .increment();
        }
        if decision.suspended.is_some() {
            metrics.suspensions.with(&[channel]).increment();
        }
    }

    pub(super) fn rows(&self, id: DeliveryId) -> Result<Rows, TrackerError> {
        let delivery = self
            .repo
            .delivery(id)?
            .ok_or(TrackerError::NotFound("delivery"))?;
        let person = self
            .repo
            .person(delivery.communication, delivery.contact)?
            .ok_or(TrackerError::NotFound("person"))?;
        let communication = self
            .repo
            .communication(delivery.communication)?
            .ok_or(TrackerError::NotFound("communication"))?;
        let contact = self.repo.current_contact(delivery.contact)?;
        Ok(Rows {
            delivery,
            person,
            contact,
            communication,
        })
    }

    /// Decides and puts everything that follows into one batch.
    pub(super) fn prepare(&self, rows: &Rows, event: Event) -> Result<Prepared, TrackerError> {
        let now = self.clock.wall();
        let mut batch = Batch::new();
        self.hold_ticket(&mut batch, &event)?;
        let mut decision = self.decide_all(&mut batch, rows, event, now)?;
        let mut notices = vec![Notice::PersonChanged {
            communication: rows.delivery.communication,
            contact: rows.delivery.contact,
        }];
        let mut reports = DueReports::default();
        self.close_others(&mut batch, rows, &mut decision, &mut reports, &mut notices)?;
        self.await_receipt(&mut decision.delivery, rows.delivery.status(), now);
        let both = (&rows.delivery.value, &mut decision.delivery);
        self.report_to_sender(&mut batch, &mut reports, both, now)?;
        batch.replace_delivery(&rows.delivery, &decision.delivery);
        batch.replace(&rows.person, &decision.person);
        let mut log = decision.log.clone();
        if let (Some(old), Some(new)) = (&rows.contact, &mut decision.contact) {
            if let Some(method) = decision.suspended {
                let prompted = prompt::prompt_about(self, &mut batch, new, method, now);
                log.extend(prompted);
            }
            batch.replace(old, new);
            self.tell_of_issue(&mut batch, old, new, now)?;
        }
        let both = (&rows.delivery.value, &decision.delivery);
        self.tell_of_delivery(&mut batch, &rows.communication, both, now)?;
        if let Some(method) = decision.suspended {
            let of = (&rows.communication.value, &decision.delivery);
            self.tell_of_suspension(&mut batch, of, method, now)?;
        }
        let contact = rows.contact.as_ref();
        write_log(
            &mut batch,
            contact.map_or(rows.delivery.contact, |contact| contact.id),
            now,
            log,
            self.random.next_u64(),
        );
        note_suspension(&mut batch, &decision, now);
        note_correspondence(&mut batch, rows, &decision.delivery, now);
        if decision.sender_fault {
            notices.push(Notice::SenderFault(decision.delivery.id));
        }
        if decision.delivery.closed.is_some() && rows.delivery.closed.is_none() {
            notices.push(Notice::DeliveryClosed(decision.delivery.id));
        }
        Ok(Prepared {
            batch,
            decision,
            notices,
            reports,
        })
    }

    /// Decides on an event, and on the receipts that came before it.
    fn decide_all(
        &self,
        batch: &mut Batch,
        rows: &Rows,
        event: Event,
        now: Timestamp,
    ) -> Result<Decision, TrackerError> {
        let known = Known {
            delivery: rows.delivery.value.clone(),
            person: rows.person.value.clone(),
            contact: rows.contact.as_ref().map(|contact| contact.value.clone()),
            category: self.category(&rows.communication.category),
        };
        let early = self.early_events(batch, &event, now)?;
        let mut decision = decide(known.clone(), event, now, self.settings().suspension);
        for event in early {
            let known = Known {
                delivery: decision.delivery.clone(),
                person: decision.person.clone(),
                contact: decision.contact.clone().or_else(|| known.contact.clone()),
                category: known.category.clone(),
            };
            decision.and_then(decide(known, event, now, self.settings().suspension));
        }
        Ok(decision)
    }

    /// What a held message carries is not to be over when it arrives.
    fn hold_ticket(&self, batch: &mut Batch, event: &Event) -> Result<(), TrackerError> {
        let Event::Held {
            until,
            ticket: Some(ticket),
        } = event
        else {
            return Ok(());
        };
        if let Some(old) = self.repo.ticket(ticket)? {
            let mut new = old.value.clone();
            new.hold(*until);
            batch.replace(&old, &new);
        }
        Ok(())
    }

    fn close_others(
        &self,
        batch: &mut Batch,
        rows: &Rows,
        decision: &mut Decision,
        reports: &mut DueReports,
        notices: &mut Vec<Notice>,
    ) -> Result<(), TrackerError> {
        let now = self.clock.wall();
        for id in &decision.close {
            let Some(other) = self.repo.delivery(*id)? else {
                continue;
            };
            let mut closed = other.value.clone();
            closed.closed = Some(crate::domain::Closed {
                at: now,
                reason: ClosedReason::ReachedOtherwise,
            });
            closed.due = None;
            self.report_to_sender(batch, reports, (&other.value, &mut closed), now)?;
            batch.replace_delivery(&other, &closed);
            let both = (&other.value, &closed);
            self.tell_of_delivery(batch, &rows.communication, both, now)?;
            for known in &mut decision.person.deliveries {
                known.closed |= known.delivery == *id;
            }
            notices.push(Notice::DeliveryClosed(*id));
        }
        Ok(())
    }
}

/// That a method was suspended is recorded, and by which delivery.
fn note_suspension(batch: &mut Batch, decision: &Decision, now: Timestamp) {
    if decision.suspended.is_some() {
        let delivery = &decision.delivery;
        let entry = AuditEntry::new(now, AuditActor::Gateway, "method.suspend").about([
            Subject::new(SubjectKind::Contact, *delivery.contact.as_bytes()),
            Subject::new(SubjectKind::Delivery, *delivery.id.as_bytes()),
        ]);
        batch.audit(&entry);
    }
}

/// Each status of what is about a client or a case is recorded, with the digest of what happened
/// ([`StatusChange::statement`]). Alerts to many people have entries for their sending alone.
fn note_correspondence(batch: &mut Batch, rows: &Rows, new: &Delivery, now: Timestamp) {
    let Some(matter) = rows.communication.matter else {
        return;
    };
    let changed = new.status() != rows.delivery.status();
    let Some(change) = new.timeline.last().filter(|_| changed) else {
        return;
    };
    let mut about = vec![
        Subject::new(SubjectKind::Delivery, *new.id.as_bytes()),
        Subject::new(SubjectKind::Communication, *new.communication.as_bytes()),
        Subject::new(SubjectKind::Contact, *matter.client.as_bytes()),
    ];
    about.extend(
        matter
            .case
            .map(|case| Subject::new(SubjectKind::Case, *case.as_bytes())),
    );
    let digest = BlobId::of(change.statement(new.id).as_bytes());
    let entry = AuditEntry::new(now, AuditActor::Gateway, "delivery.status")
        .about(about)
        .saying(new.status().as_str())
        .with_digest(*digest.as_bytes());
    batch.audit(&entry);
}

/// Puts new lines of a contact's log into a batch; `salt` keeps those of one millisecond apart.
pub fn write_log(
    batch: &mut Batch,
    contact: ContactId,
    at: Timestamp,
    events: Vec<LogEvent>,
    salt: u64,
) {
    let salt = u32::try_from(salt & 0x7fff_ff00).unwrap_or(0);
    for (index, event) in (0_u32..).zip(events) {
        let entry = LogEntry {
            contact,
            at,
            sequence: salt + index,
            event,
        };
        batch.put(
            crate::store::Row::key(&entry),
            crate::store::records::Record::to_bytes(&entry),
        );
    }
}

fn log_decision(decision: &Decision) {
    let delivery = &decision.delivery;
    let status = delivery.status().as_str();
    let channel = delivery.channel.as_str();
    if decision.suspended.is_some() {
        tracing::info!(delivery = %delivery.id, contact = %delivery.contact, method = %delivery.method, channel, status, "method suspended");
    } else if decision.sender_fault {
        let reason = delivery
            .last_verdict()
            .map_or("", |verdict| verdict.reason.as_str());
        tracing::warn!(delivery = %delivery.id, channel, status, reason, "our side is at fault: look at its reputation, content or login");
    } else {
        tracing::debug!(delivery = %delivery.id, channel, status, "delivery recorded");
    }
}
