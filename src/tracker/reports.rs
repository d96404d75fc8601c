//! Reports to whoever handed a mail in and asked for them (RFC 3461): mails of our own, put into
//! the batch that records what they tell of, so that each is written once whatever happens.

use std::sync::{Arc, PoisonError};
use std::time::Duration;

use super::make::{NewDelivery, make_to_one};
use super::{Tracker, TrackerError};
use crate::domain::{
    Body, Channel, Channels, Communication, CommunicationId, Contact, ContactId, ContactKind,
    Content, Delivery, Destination, EmailAddress, Method, MethodId, MethodKind, Origin, Redacted,
    ReportMail, Timestamp, Wishes, dsn,
};
use crate::store::records::Record;
use crate::store::{Batch, RowBatch};

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

impl Tracker {
    /// Puts other settings of reports into force, for all handles.
    pub fn replace_reports(&self, settings: ReportSettings) {
        *self.reports.write().unwrap_or_else(PoisonError::into_inner) = Arc::new(settings);
    }

    /// Puts the report that is due into the batch, if there is one. `both` are the delivery as it
    /// was and as it is now, which notes that it has been told.
    pub(super) fn report_to_sender(
        &self,
        batch: &mut Batch,
        about: &Communication,
        (before, after): (&Delivery, &mut Delivery),
        now: Timestamp,
    ) -> Result<(), TrackerError> {
        let settings = Arc::clone(&self.reports.read().unwrap_or_else(PoisonError::into_inner));
        let action = dsn::due(before, after, now, settings.delay_after);
        let (Some(action), Some(mut request)) = (action, after.report.clone()) else {
            return Ok(());
        };
        // Whom it went to was erased: nobody is told of them any more.
        let told = if after.destination.is_nowhere() {
            None
        } else {
            self.reported_to(batch, request.to.reveal(), now)?
        };
        if let Some((contact, method)) = told {
            let id = CommunicationId::new(self.random.uuid_v7(now));
            let message = match about.body {
                Body::Submitted(blob) => self.repo.store().get_blob(blob),
                Body::Composed => Ok(None),
            };
            // What became of it is worth more than what it was.
            let message = message.unwrap_or_else(|error| {
                tracing::warn!(delivery = %after.id, %error, "a message cannot be read; the report about it goes without it");
                None
            });
            let message = message.unwrap_or_default();
            let mail = ReportMail {
                id,
                action,
                request: &request,
                delivery: &*after,
                number_domain: number_domain(&settings, after.channel),
                server: &settings.server,
                domain: &settings.domain,
                at: now,
                retry_until: retry_until(&settings, after),
                message: &message,
            };
            self.put_report(batch, &mail, &contact, &method);
            tracing::info!(delivery = %after.id, communication = %id, action = action.as_str(), "delivery report queued");
            request.told.push(id);
            request.told.truncate(dsn::REPORTS_MAX);
        } else {
            tracing::info!(delivery = %after.id, action = action.as_str(), "delivery report cannot be sent: its address is not used any more");
        }
        request.settle(action);
        after.report = Some(request);
        Ok(())
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

    /// The contact and the method by which whoever asked is told; somebody never heard of becomes
    /// a correspondent. None where nothing is to go there.
    fn reported_to(
        &self,
        batch: &mut Batch,
        address: &EmailAddress,
        now: Timestamp,
    ) -> Result<Option<(Contact, Method)>, TrackerError> {
        let key = address.lookup_key();
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
