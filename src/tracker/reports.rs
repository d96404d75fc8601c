//! Reports to whoever handed a mail in and asked for them (RFC 3461): mails of our own, put into
//! the batch that records what they tell of, so that each is written once whatever happens.

use std::sync::{Arc, PoisonError};
use std::time::Duration;

use bytes::Bytes;

use super::make::{NewDelivery, make_to_one};
use super::{Tracker, TrackerError};
use crate::domain::{
    Body, Channel, Channels, Communication, CommunicationId, Contact, ContactId, ContactKind,
    Content, Delivery, Destination, EmailAddress, Method, MethodId, MethodKind, Origin, Redacted,
    ReportAction, ReportMail, ReportRequest, Timestamp, Wishes, dsn,
};
use crate::store::records::Record;
use crate::store::{Batch, RowBatch, keys};

/// Name of the category that reports belong to.
pub const REPORT_CATEGORY: &str = "Delivery report";
/// Contacts looked at that share the address of whoever is told.
const SAME_ADDRESS_MAX: usize = 32;

/// What reports say of us, and when a delay is told.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ReportSettings {
    /// Our name, as the reporting MTA.
    pub server: String,
    /// The domain that they come from.
    pub domain: String,
    /// At which domain numbers are written to for texts.
    pub sms_domain: String,
    /// The same for calls.
    pub voice_domain: String,
    /// How long something is tried before that is told.
    pub delay_after: Duration,
    /// How long mail is tried.
    pub mail_give_up_after: Duration,
}

impl Default for ReportSettings {
    fn default() -> Self {
        Self {
            server: "localhost".to_owned(),
            domain: "localhost".to_owned(),
            sms_domain: "sms.localhost".to_owned(),
            voice_domain: "voice.localhost".to_owned(),
            delay_after: Duration::from_secs(4 * 3600),
            mail_give_up_after: Duration::from_secs(5 * 24 * 3600),
        }
    }
}

/// Whoever is told, and by which method.
type Told = (Contact, Method);

/// Reports that are due by what a batch records. At most one for each delivery that it writes.
#[derive(Default)]
pub(super) struct DueReports {
    due: Vec<DueReport>,
    /// Who was looked for, by address.
    told: Vec<(String, Option<Told>)>,
}

/// One of them.
struct DueReport {
    /// Its own id.
    id: CommunicationId,
    action: ReportAction,
    /// What was asked for.
    request: ReportRequest,
    /// The delivery that it is about, as it is now.
    delivery: Delivery,
    contact: Contact,
    method: Method,
    at: Timestamp,
}

impl Tracker {
    /// Puts other settings of reports into force, for all handles.
    pub fn replace_reports(&self, settings: ReportSettings) {
        *self.reports.write().unwrap_or_else(PoisonError::into_inner) = Arc::new(settings);
    }

    /// Looks whether a report is due now and, if there is one, whom it goes to. `both` are the
    /// delivery as it was and as it is now, which notes that it has been told: in the same batch
    /// [`Self::put_reports`] has to put the report.
    pub(super) fn report_to_sender(
        &self,
        batch: &mut Batch,
        reports: &mut DueReports,
        (before, after): (&Delivery, &mut Delivery),
        now: Timestamp,
    ) -> Result<(), TrackerError> {
        let action = dsn::due(before, after, now, self.report_settings().delay_after);
        let (Some(action), Some(mut request)) = (action, after.report.clone()) else {
            return Ok(());
        };
        // Whom it went to was erased: nobody is told of them any more.
        let told = if after.destination.is_nowhere() {
            None
        } else {
            self.reported_to(batch, reports, request.to.reveal(), now)?
        };
        if let Some((contact, method)) = told {
            let id = CommunicationId::new(self.random.uuid_v7(now));
            tracing::info!(delivery = %after.id, communication = %id, action = action.as_str(), "delivery report is due");
            reports.due.push(DueReport {
                id,
                action,
                request: request.clone(),
                delivery: after.clone(),
                contact,
                method,
                at: now,
            });
            request.told.push(id);
            request.told.truncate(dsn::REPORTS_MAX);
        } else {
            tracing::info!(delivery = %after.id, action = action.as_str(), "delivery report cannot be sent: its address is not used any more");
        }
        request.settle(action);
        after.report = Some(request);
        Ok(())
    }

    /// Puts the reports that are due into the batch that records what they tell of. They are all
    /// about one communication.
    pub(super) async fn put_reports(
        &self,
        batch: &mut Batch,
        about: &Communication,
        reports: DueReports,
    ) {
        if reports.due.is_empty() {
            return;
        }
        let message = self.message_start(about).await;
        let settings = self.report_settings();
        for due in reports.due {
            let mail = ReportMail {
                id: due.id,
                action: due.action,
                request: &due.request,
                delivery: &due.delivery,
                number_domain: number_domain(&settings, due.delivery.channel),
                server: &settings.server,
                domain: &settings.domain,
                at: due.at,
                retry_until: retry_until(&settings, &due.delivery),
                message: &message,
            };
            self.put_report(batch, &mail, &due.contact, &due.method);
        }
    }

    /// As much of the message as its reports can need; nothing where it cannot be read: what
    /// became of it is worth more than what it was. Disks are waited for on a thread apart.
    async fn message_start(&self, about: &Communication) -> Bytes {
        let Body::Submitted(blob) = about.body else {
            return Bytes::new();
        };
        let store = self.repo.store().clone();
        let size_bytes = dsn::MESSAGE_START_SIZE_BYTES;
        let read = crate::clock::apart(move || store.blob_start(blob, size_bytes)).await;
        let error = match read {
            Ok(Ok(start)) => return start.unwrap_or_default(),
            Ok(Err(error)) => error.to_string(),
            Err(error) => error.to_string(),
        };
        tracing::warn!(communication = %about.id, %error, "a message cannot be read; the reports about it go without it");
        Bytes::new()
    }

    fn report_settings(&self) -> Arc<ReportSettings> {
        Arc::clone(&self.reports.read().unwrap_or_else(PoisonError::into_inner))
    }

    fn put_report(
        &self,
        batch: &mut Batch,
        mail: &ReportMail<'_>,
        contact: &Contact,
        method: &Method,
    ) {
        let subject = mail.action.subject().to_owned();
        let content = Content {
            subject: subject.clone(),
            text: mail.text(),
            ..Content::default()
        };
        let content = batch.blob(content.to_bytes());
        let channels = Channels::only(Channel::Email);
        let said = Communication::to_one(
            mail.id,
            Origin::Notice,
            REPORT_CATEGORY,
            channels,
            subject,
            content,
            mail.at,
        );
        let communication = Communication {
            body: Body::Submitted(batch.blob(mail.build())),
            about: Some(mail.delivery.id),
            ..said
        };
        let category = self.category(REPORT_CATEGORY);
        let by_mail = NewDelivery::by(method, Channel::Email);
        let random = &self.random;
        make_to_one(
            batch,
            random,
            &communication,
            &category,
            contact,
            by_mail,
            false,
        );
    }

    /// The contact and the method by which whoever asked is told; none where nothing is to go
    /// there. Within one batch each is looked for once.
    fn reported_to(
        &self,
        batch: &mut Batch,
        reports: &mut DueReports,
        address: &EmailAddress,
        now: Timestamp,
    ) -> Result<Option<Told>, TrackerError> {
        let key = address.lookup_key();
        if let Some((_, told)) = reports.told.iter().find(|(known, _)| *known == key) {
            return Ok(told.clone());
        }
        let told = self.find_or_make(batch, address, now)?;
        reports.told.push((key, told.clone()));
        Ok(told)
    }

    /// Somebody never heard of becomes a correspondent, once: whoever makes another one at the
    /// same time writes the same key, and is decided anew.
    fn find_or_make(
        &self,
        batch: &mut Batch,
        address: &EmailAddress,
        now: Timestamp,
    ) -> Result<Option<Told>, TrackerError> {
        let key = address.lookup_key();
        let shelf = keys::stranger(&key);
        let newest = self.repo.store().get(&shelf)?;
        let known = self.repo.contacts_by_address(&key, SAME_ADDRESS_MAX)?;
        for contact in &known {
            let mut methods = contact.methods.iter();
            let usable = methods.find(|method| {
                method.usable_for(Channel::Email) && method.destination.lookup_key() == key
            });
            if let Some(method) = usable {
                batch.expect(contact);
                return Ok(Some((contact.value.clone(), method.clone())));
            }
        }
        if !known.is_empty() || self.is_suppressed(&key)? {
            return Ok(None);
        }
        let method = Method::new(
            MethodId::new(self.random.uuid_v7(now)),
            MethodKind::Email,
            Destination::Email(Redacted::new(address.clone())),
        );
        let contact = Contact {
            id: ContactId::new(self.random.uuid_v7(now)),
            kind: ContactKind::Correspondent,
            first_name: Redacted::default(),
            last_name: Redacted::default(),
            language: "en".to_owned(),
            area: None,
            methods: vec![method.clone()],
            issue_since: None,
            prompted_at: None,
            created_at: now,
            groups: Vec::new(),
            custom: Vec::new(),
            wishes: Wishes::default(),
            import: None,
        };
        batch.assert_unchanged(shelf.clone(), newest);
        batch.put(shelf, contact.id.as_bytes().to_vec());
        batch.insert(&contact);
        Ok(Some((contact, method)))
    }
}

fn number_domain(settings: &ReportSettings, channel: Channel) -> &str {
    match channel {
        Channel::Email => "",
        Channel::Text => &settings.sms_domain,
        Channel::Call => &settings.voice_domain,
    }
}

/// Texts and calls are tried by schedules of their own, which end within hours.
fn retry_until(settings: &ReportSettings, delivery: &Delivery) -> Option<Timestamp> {
    let began_at = delivery.began_at()?;
    match delivery.channel {
        Channel::Email => Some(began_at.plus(settings.mail_give_up_after)),
        Channel::Text | Channel::Call => None,
    }
}
