//! Fills a store as years of use would: through rows, so that every index and counter is there.

use std::collections::VecDeque;

use tocsin::clock::Randomness;
use tocsin::domain::sort_name::sort_name;
use tocsin::domain::{
    Area, AreaId, Audience, Body, CallStatus, Category, Channel, Channels, Communication,
    CommunicationId, CommunicationState, Contact, ContactId, ContactKind, Content, Delivery,
    DeliveryId, DeliverySet, Destination, EmailAddress, EmailStatus, EnhancedStatus, LogEntry,
    LogEvent, Method, MethodId, MethodKind, MethodState, Origin, Permanence, Person,
    PersonDelivery, PersonState, PhoneNumber, Reason, Redacted, SendingPlan, Source, Status,
    StatusChange, Suspension, TextStatus, Timestamp, UserId, Verdict, Wishes, comms_issue,
};
use tocsin::store::records::Record;
use tocsin::store::{Batch, Repo, RowBatch};
use tokio::task::JoinHandle;

use crate::Size;

/// When everything began.
pub(crate) const START: Timestamp = Timestamp::from_millis(1_700_000_000_000);
/// Entries of each delivery's timeline.
const TIMELINE: usize = 10;
/// People whose deliveries share a batch.
const PEOPLE_IN_BATCH: usize = 200;
/// Batches under way at a time.
const BATCHES_MAX: usize = 8;
/// People of an ordinary communication.
const PEOPLE_USUAL: usize = 500;

const FIRST: [&str; 8] = ["Ma", "Lé", "Jo", "An", "Be", "Ca", "Thé", "So"];
const MIDDLE: [&str; 8] = ["ri", "la", "na", "tho", "mi", "re", "da", "li"];
const LAST: [&str; 8] = ["a", "ne", "s", "rd", "n", "tte", "o", "el"];
const DIAGNOSTIC: &str =
    "smtp; 550 5.1.1 <someone@mail.example>: Recipient address rejected: User unknown in table";

/// What lies in a filled store, to ask for.
pub(crate) struct Filled {
    pub(crate) areas: Vec<AreaId>,
    pub(crate) contacts: Vec<ContactId>,
    /// The communication that went to everybody, and one that went to some.
    pub(crate) largest: CommunicationId,
    pub(crate) usual: CommunicationId,
}

/// The areas: a municipality, ten districts, a hundred sectors, five hundred streets.
pub(crate) fn areas(random: &Randomness) -> Vec<Area> {
    let mut areas: Vec<Area> = Vec::new();
    let mut level = vec![None];
    for (name, parts) in [
        ("Municipality", 1),
        ("District", 10),
        ("Sector", 10),
        ("Street", 5),
    ] {
        let mut next = Vec::new();
        for parent in level {
            for part in 1..=parts {
                let id = AreaId::new(random.uuid_v7(START));
                areas.push(Area {
                    id,
                    parent,
                    name: format!("{name} {part}"),
                });
                next.push(Some(id));
            }
        }
        level = next;
    }
    areas
}

/// A name out of syllables; some thousand of them.
fn name(number: usize) -> String {
    format!(
        "{}{}{}",
        FIRST[number % 8],
        MIDDLE[number / 8 % 8],
        LAST[number / 64 % 8]
    )
}

/// First and last name of a contact.
pub(crate) fn names(number: usize) -> (String, String) {
    let spread = number.wrapping_mul(7919);
    let last = format!(
        "{}{}",
        name(spread / 3),
        name(spread / 512 + 7).to_lowercase()
    );
    (name(spread), last)
}

/// A person with an email address, a mobile and a landline, in one of the areas.
pub(crate) fn contact(random: &Randomness, number: usize, areas: &[AreaId]) -> Contact {
    let method = |kind, destination| Method {
        state: MethodState::Active,
        ..Method::new(MethodId::new(random.uuid_v7(START)), kind, destination)
    };
    let phone = |number: String| {
        Destination::Phone(Redacted::new(PhoneNumber::from_e164(&number).unwrap()))
    };
    let spread = number.wrapping_mul(7919);
    let (first, last) = names(number);
    let address =
        EmailAddress::parse(&format!("person{number}@mail{}.example", number % 50)).unwrap();
    Contact {
        id: ContactId::new(random.uuid_v7(START)),
        kind: ContactKind::Citizen,
        first_name: Redacted::new(first),
        last_name: Redacted::new(last),
        language: "en".to_owned(),
        area: areas.get(spread % areas.len().max(1)).copied(),
        methods: vec![
            method(
                MethodKind::Email,
                Destination::Email(Redacted::new(address)),
            ),
            method(MethodKind::Mobile, phone(format!("+447700{number:06}"))),
            method(MethodKind::Landline, phone(format!("+441632{number:06}"))),
        ],
        issue_since: None,
        prompted_at: None,
        created_at: START,
        groups: Vec::new(),
        custom: Vec::new(),
        wishes: Wishes::default(),
        import: None,
    }
}

/// Commits batches one after another, a few under way at a time.
pub(crate) struct Pipeline {
    repo: Repo,
    running: VecDeque<JoinHandle<()>>,
}

impl Pipeline {
    pub(crate) fn new(repo: &Repo) -> Self {
        Self {
            repo: repo.clone(),
            running: VecDeque::new(),
        }
    }

    pub(crate) async fn commit(&mut self, batch: Batch) {
        if self.running.len() >= BATCHES_MAX {
            self.running.pop_front().unwrap().await.unwrap();
        }
        let repo = self.repo.clone();
        self.running.push_back(tokio::spawn(async move {
            repo.store().commit(batch).await.unwrap();
        }));
    }

    pub(crate) async fn end(self) {
        for running in self.running {
            running.await.unwrap();
        }
    }
}

/// Fills the store.
pub(crate) async fn fill(repo: &Repo, random: &Randomness, by: UserId, size: Size) -> Filled {
    let mut pipeline = Pipeline::new(repo);
    let tree = areas(random);
    let leaves: Vec<AreaId> = tree[tree.len().saturating_sub(500)..]
        .iter()
        .map(|area| area.id)
        .collect();
    let mut batch = Batch::new();
    tree.iter().for_each(|area| batch.insert(area));
    pipeline.commit(batch).await;
    let mut contacts: Vec<Contact> = (0..size.contacts)
        .map(|n| contact(random, n, &leaves))
        .collect();
    // Every twentieth has an address that does not work, every hundredth none that does.
    for (number, contact) in contacts
        .iter_mut()
        .enumerate()
        .filter(|(number, _)| number % 20 == 3)
    {
        let failed = if number % 100 == 3 { 3 } else { 1 };
        contact
            .methods
            .iter_mut()
            .take(failed)
            .for_each(|method| suspend(random, method));
        comms_issue::refresh(contact, START);
    }
    for some in contacts.chunks(500) {
        let mut batch = Batch::new();
        some.iter().for_each(|contact| batch.insert(contact));
        pipeline.commit(batch).await;
    }
    let mut writer = Writer {
        random: random.clone(),
        pipeline,
        by,
        sent: 0,
    };
    let mut left = size.deliveries();
    let mut ids = Vec::new();
    for people in groups(&contacts) {
        if left == 0 {
            break;
        }
        let people = &people[..people.len().min(left.div_ceil(3))];
        ids.push((
            writer.communication(people, Channels::ALL).await,
            people.len(),
        ));
        left = left.saturating_sub(people.len() * 3);
    }
    // What the product sends by itself crowds the list of communications.
    for contact in contacts
        .iter()
        .filter(|contact| contact.issue_since.is_some())
    {
        writer
            .communication(std::slice::from_ref(contact), Channels::default())
            .await;
    }
    writer.pipeline.end().await;
    Filled {
        areas: tree.iter().map(|area| area.id).collect(),
        contacts: contacts.iter().map(|contact| contact.id).collect(),
        largest: ids[0].0,
        usual: ids.last().unwrap().0,
    }
}

/// Two communications to everybody, then ever other parts of the people.
fn groups(contacts: &[Contact]) -> impl Iterator<Item = &[Contact]> {
    let parts = contacts.chunks(PEOPLE_USUAL).cycle();
    [contacts, contacts].into_iter().chain(parts)
}

fn verdict() -> Verdict {
    Verdict::failure(Reason::UserUnknown, Permanence::Permanent)
        .with_diagnostic(DIAGNOSTIC)
        .with_status(EnhancedStatus::parse("5.1.1"))
}

fn suspend(random: &Randomness, method: &mut Method) {
    method.state = MethodState::Suspended;
    method.suspension = Some(Suspension {
        at: START,
        delivery: DeliveryId::new(random.uuid_v7(START)),
        verdict: verdict(),
    });
}

/// Where deliveries of a channel stand: most arrived, some failed, a few are still under way.
fn last_status(channel: Channel, number: usize) -> Status {
    match (channel, number % 20) {
        (Channel::Email, 0) => Status::Email(EmailStatus::Rebound),
        (Channel::Email, 1) => Status::Email(EmailStatus::Deferred),
        (Channel::Email, 2..=5) => Status::Email(EmailStatus::Opened),
        (Channel::Email, _) => Status::Email(EmailStatus::Received),
        (Channel::Text, 0) => Status::Text(TextStatus::Undelivered),
        (Channel::Text, 1) => Status::Text(TextStatus::Sent),
        (Channel::Text, _) => Status::Text(TextStatus::Received),
        (Channel::Call, 0..=2) => Status::Call(CallStatus::Voicemail),
        (Channel::Call, 3..=4) => Status::Call(CallStatus::NoAnswer),
        (Channel::Call, 5) => Status::Call(CallStatus::Queued),
        (Channel::Call, _) => Status::Call(CallStatus::Completed),
    }
}

struct Writer {
    random: Randomness,
    pipeline: Pipeline,
    by: UserId,
    sent: u64,
}

impl Writer {
    /// A communication with all that follows from it; without channels, one that the product
    /// sent by itself.
    async fn communication(&mut self, people: &[Contact], channels: Channels) -> CommunicationId {
        self.sent += 1;
        let at = START.plus(std::time::Duration::from_secs(3600 * self.sent));
        let prompt = channels == Channels::default();
        let id = CommunicationId::new(self.random.uuid_v7(at));
        let mut batch = Batch::new();
        let content = Content {
            subject: format!("Water is cut off, notice {}", self.sent),
            text: "Boil your water before you drink it. ".repeat(10),
            html: String::new(),
            sms_text: "Boil your water before you drink it.".to_owned(),
            voice_script: "Boil your water before you drink it.".to_owned(),
            attachments: Vec::new(),
        };
        let blob = batch.blob(content.to_bytes());
        batch.insert(&Communication {
            id,
            category: "alert".to_owned(),
            origin: if prompt {
                Origin::Prompt
            } else {
                Origin::Console(self.by)
            },
            channels: if prompt {
                Channels::only(Channel::Text)
            } else {
                channels
            },
            title: content.subject.clone(),
            content: blob,
            body: Body::Composed,
            audience: Audience::default(),
            state: CommunicationState::Sent,
            people: people.len() as u64,
            rounds: 1,
            created_at: at,
            modified_at: at,
            sent_at: Some(at),
            campaign: None,
            related: None,
            plan: SendingPlan::default(),
            approval: None,
            history: Vec::new(),
            matter: None,
            template: None,
            about: None,
        });
        self.pipeline.commit(batch).await;
        for some in people.chunks(PEOPLE_IN_BATCH) {
            let mut batch = Batch::new();
            for contact in some {
                self.person(&mut batch, id, at, contact, prompt);
            }
            self.pipeline.commit(batch).await;
        }
        id
    }

    fn person(
        &self,
        batch: &mut Batch,
        id: CommunicationId,
        at: Timestamp,
        contact: &Contact,
        prompt: bool,
    ) {
        let mut person = Person {
            communication: id,
            contact: contact.id,
            deliveries: Vec::new(),
            state: PersonState::NotContacted,
            confirmed: None,
            confirmed_by: None,
            sort_name: Redacted::new(sort_name(
                contact.first_name.reveal(),
                contact.last_name.reveal(),
            )),
            links: Vec::new(),
        };
        let channels = if prompt {
            &Channel::ALL[1..2]
        } else {
            &Channel::ALL[..]
        };
        let mut made = Vec::with_capacity(channels.len());
        let ids = DeliveryId::set_of(self.random.uuid_v7(at));
        for ((channel, method), own) in channels.iter().zip(&contact.methods).zip(ids) {
            let number = self.random.next_u64() as usize;
            let delivery = Delivery {
                id: own,
                ..self.delivery(id, at, contact, method.id, *channel, number)
            };
            person.deliveries.push(PersonDelivery {
                delivery: delivery.id,
                method: method.id,
                status: delivery.status(),
                closed: false,
            });
            if let Some(verdict) = delivery.last_verdict() {
                let returned = LogEvent::Returned {
                    delivery: delivery.id,
                    verdict: verdict.clone(),
                };
                self.log(batch, contact.id, at, returned);
            }
            made.push(delivery);
        }
        batch.insert(&DeliverySet::new(made).unwrap());
        let category = Category {
            name: "alert".to_owned(),
            confirmation_required: false,
            voicemail_counts: false,
        };
        person.state = person.derive_state(&category);
        batch.insert(&person);
    }

    fn delivery(
        &self,
        communication: CommunicationId,
        at: Timestamp,
        contact: &Contact,
        method: MethodId,
        channel: Channel,
        number: usize,
    ) -> Delivery {
        let last = last_status(channel, number);
        let entry = |index: usize, status, verdict| StatusChange {
            at: at.plus(std::time::Duration::from_secs(index as u64 * 60)),
            status,
            verdict,
            source: Source::Peer,
        };
        let failed = number.is_multiple_of(20);
        let mut timeline: Vec<StatusChange> = (0..TIMELINE - 1)
            .map(|index| entry(index, channel.first_status(), None))
            .collect();
        timeline.push(entry(TIMELINE, last, failed.then(verdict)));
        Delivery {
            id: DeliveryId::from_bytes([0; 16]),
            communication,
            contact: contact.id,
            method,
            channel,
            destination: contact.method(method).unwrap().destination.clone(),
            round: 1,
            timeline,
            attempts: 3,
            due: (!last.is_settled()).then(|| at.plus(std::time::Duration::from_secs(1 << 40))),
            closed: None,
            remote_ids: if channel == Channel::Text {
                vec![format!("{number:x}")]
            } else {
                Vec::new()
            },
            segments_delivered: 1,
            segments_failed: 0,
            express: false,
            held_until: None,
            awaits_turn: false,
            report: None,
        }
    }

    fn log(&self, batch: &mut Batch, contact: ContactId, at: Timestamp, event: LogEvent) {
        let sequence = self.random.next_u64() as u32;
        batch.insert(&LogEntry {
            contact,
            at,
            sequence,
            event,
        });
    }
}
