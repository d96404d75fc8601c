//! A law firm after years: letters in cases, the record of who did what beside them, found by
//! their words, taken out as files, and opened again.

use std::path::Path;
use std::time::{Duration, Instant};

use crate::client::{Client, percentiles};
use crate::fill::{Pipeline, START, contact};
use crate::{Size, console, memory_mib, report};
use tocsin::clock::Randomness;
use tocsin::domain::{
    Audience, AuditActor, AuditEntry, Body, Case, CaseCreditor, CaseId, CaseStatus, Channel,
    Channels, Communication, CommunicationId, CommunicationState, Contact, ContactKind, Content,
    Delivery, DeliveryId, DeliverySet, EmailStatus, Entry, Matter, Origin, Person, PersonDelivery,
    PersonState, Redacted, SendingPlan, Source, Status, StatusChange, Subject, SubjectKind, UserId,
    Via,
};
use tocsin::store::check::check_audit;
use tocsin::store::engine::OpenOptions;
use tocsin::store::records::Record;
use tocsin::store::{AuditBatch, Batch, DeliveryBatch, Repo, RowBatch, Store};

/// Letters in one batch.
const LETTERS_IN_BATCH: usize = 200;
/// Letters to a client of the firm.
const LETTERS_OF_CLIENT: usize = 50;
/// Whom the letters go to beside the clients.
const CREDITORS: usize = 40;
/// Letters that say the same in other words: bodies are files, and a million of them would
/// measure the file system.
const LETTERS_OF_BODY: usize = 50;
/// Words that letters are made of, the first ones often, the last ones seldom.
const WORDS: usize = 30_000;
/// Words of a body.
const BODY_WORDS: usize = 120;

/// A word out of syllables, another one for each number.
fn word(number: usize) -> String {
    const SYLLABLES: [&str; 16] = [
        "ba", "ce", "di", "fo", "gu", "ha", "je", "ki", "lo", "mu", "na", "pe", "ri", "so", "tu",
        "ve",
    ];
    let mut left = number;
    let mut word = String::new();
    loop {
        word.push_str(SYLLABLES[left % SYLLABLES.len()]);
        left /= SYLLABLES.len();
        if left == 0 {
            return word;
        }
    }
}

/// The first words are as much more frequent than the last as those of a language.
fn some_word(random: &Randomness) -> String {
    let unit = (random.next_u64() >> 11) as f64 / (1_u64 << 53) as f64;
    word((WORDS as f64).powf(unit) as usize)
}

fn text(random: &Randomness, words: usize) -> String {
    let words: Vec<String> = (0..words).map(|_| some_word(random)).collect();
    words.join(" ")
}

struct Firm {
    creditors: Vec<Contact>,
    random: Randomness,
    by: UserId,
}

impl Firm {
    fn party(&self, number: usize, kind: ContactKind) -> Contact {
        let mut party = Contact {
            kind,
            ..contact(&self.random, number, &[])
        };
        party.methods.truncate(1);
        party
    }

    fn case(&self, number: usize, client: &Contact) -> Case {
        let creditor = &self.creditors[number % self.creditors.len()];
        Case {
            id: CaseId::new(self.random.uuid_v7(START)),
            reference: format!("DC-2026-{number:06}"),
            title: text(&self.random, 3),
            client: client.id,
            creditors: vec![CaseCreditor {
                contact: creditor.id,
                account: Redacted::new(format!("4929-{number}")),
            }],
            status: CaseStatus::Open,
            responsible: Some(self.by),
            team: Vec::new(),
            restricted: false,
            legal_hold: false,
            created_at: START,
            modified_at: START,
            closed_at: None,
        }
    }

    /// A letter that arrived, with what stands beside it.
    fn letter(&self, batch: &mut Batch, number: usize, case: &Case, to: &Contact, body: &str) {
        let at = START.plus(Duration::from_secs(60 * number as u64));
        let id = CommunicationId::new(self.random.uuid_v7(at));
        let content = Content {
            subject: format!("{} {number}", text(&self.random, 4)),
            text: body.to_owned(),
            ..Content::default()
        };
        // The body of the file is the same for some letters, the title never is.
        let kept = Content {
            subject: String::new(),
            ..content.clone()
        };
        let communication = Communication {
            id,
            category: "Letter".to_owned(),
            origin: Origin::Console(self.by),
            channels: Channels::only(Channel::Email),
            title: content.subject,
            content: batch.blob(kept.to_bytes()),
            body: Body::Composed,
            audience: Audience {
                contacts: vec![to.id],
                ..Audience::default()
            },
            state: CommunicationState::Sent,
            people: 1,
            rounds: 1,
            created_at: at,
            modified_at: at,
            sent_at: Some(at),
            campaign: None,
            related: None,
            plan: SendingPlan::default(),
            approval: None,
            history: Vec::new(),
            matter: Some(Matter {
                client: case.client,
                case: Some(case.id),
            }),
            template: None,
            about: None,
        };
        let status = Status::Email(EmailStatus::Received);
        let change = |status, source| StatusChange {
            at,
            status,
            verdict: None,
            source,
        };
        let delivery = Delivery {
            attempts: 1,
            ..Delivery::new(
                DeliveryId::set_of(self.random.uuid_v7(at)).next().unwrap(),
                id,
                to.id,
                to.methods[0].id,
                Channel::Email,
                to.methods[0].destination.clone(),
                vec![
                    change(Status::Email(EmailStatus::Queued), Source::Gateway),
                    change(status, Source::Peer),
                ],
            )
        };
        let person = Person {
            communication: id,
            contact: to.id,
            deliveries: vec![PersonDelivery {
                delivery: delivery.id,
                method: delivery.method,
                status,
                closed: false,
            }],
            state: PersonState::Contacted,
            confirmed: None,
            confirmed_by: None,
            sort_name: Redacted::new(to.full_name().to_lowercase()),
            links: Vec::new(),
        };
        let entry = Entry::of_delivery(&communication, to, delivery.id, Channel::Email, at);
        batch.insert(&entry.unwrap());
        batch.insert(&communication);
        batch.insert(&person);
        batch.insert_deliveries(&DeliverySet::new(vec![delivery]).unwrap());
        batch.audit(&AuditEntry {
            at,
            actor: AuditActor::User(self.by, Via::Console),
            act: "communication.send".to_owned(),
            subjects: vec![Subject::new(SubjectKind::Communication, *id.as_bytes())],
            more: 0,
            detail: String::new(),
            digest: None,
            network: None,
        });
    }
}

async fn fill(repo: &Repo, random: &Randomness, by: UserId, letters: usize) {
    let mut firm = Firm {
        creditors: Vec::new(),
        random: random.clone(),
        by,
    };
    firm.creditors = (0..CREDITORS)
        .map(|number| firm.party(number, ContactKind::Creditor))
        .collect();
    let mut pipeline = Pipeline::new(repo);
    let mut batch = Batch::new();
    firm.creditors.iter().for_each(|one| batch.insert(one));
    pipeline.commit(batch).await;
    let clients = letters.div_ceil(LETTERS_OF_CLIENT);
    let mut batch = Batch::new();
    let mut body = String::new();
    let mut number = 0;
    for client in 0..clients {
        let contact = firm.party(CREDITORS + client, ContactKind::Client);
        let case = firm.case(client, &contact);
        batch.insert(&contact);
        batch.insert(&case);
        for of_client in 0..LETTERS_OF_CLIENT {
            if number % LETTERS_OF_BODY == 0 {
                body = text(random, BODY_WORDS);
            }
            let creditor = &firm.creditors[client % CREDITORS];
            let to = if of_client % 3 == 0 {
                &contact
            } else {
                creditor
            };
            firm.letter(&mut batch, number, &case, to, &body);
            number += 1;
            if number % LETTERS_IN_BATCH == 0 {
                pipeline.commit(std::mem::take(&mut batch)).await;
            }
        }
    }
    pipeline.commit(batch).await;
    pipeline.end().await;
}

/// Until everything that was written is found.
async fn in_step(repo: &Repo) {
    while !repo.search_todo(1).unwrap().is_empty() {
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
}

/// What staff look for: seldom and often, several, one behind the other, the beginning of a word.
fn questions() -> Vec<(&'static str, String)> {
    let encoded = |text: String| text.replace(' ', "+").replace('"', "%22");
    vec![
        ("a rare word", word(29_000)),
        ("a frequent word", word(1)),
        (
            "three words",
            format!("{} {} {}", word(3), word(40), word(700)),
        ),
        ("in quotes", encoded(format!("\"{} {}\"", word(2), word(5)))),
        ("a beginning", format!("{}*", word(4_000))),
        (
            "with one left out",
            encoded(format!("{} -{}", word(60), word(1))),
        ),
        ("to somebody", "to:mail7.example".to_owned()),
    ]
    .into_iter()
    .map(|(name, text)| (name, encoded(text)))
    .collect()
}

pub(crate) async fn run(folder: &Path, size: Size, rounds: usize) {
    let letters = size.deliveries();
    let is_filled = folder.join("state").exists();
    let served = console::start(folder).await;
    let began = Instant::now();
    if !is_filled {
        fill(&served.repo, &served.random, served.user, letters).await;
    }
    report("firm: fill", &[("seconds", began.elapsed().as_secs_f64())]);
    let began = Instant::now();
    in_step(&served.repo).await;
    report(
        "firm: indexed",
        &[("seconds", began.elapsed().as_secs_f64())],
    );
    let address = served.address;
    tokio::task::spawn_blocking(move || {
        let mut client = Client::new(address);
        for (name, question) in questions() {
            let path = format!("/search?q={question}");
            let pages = (0..rounds).map(|_| client.get(&path));
            let times = pages.map(|page| {
                assert_eq!(page.status, 200, "{path}");
                page.took
            });
            let values = percentiles(times.collect());
            report(&format!("search, {name}"), &values);
        }
        for format in ["xlsx", "csv", "pdf"] {
            let before = memory_mib().0;
            let file = client.file(&format!("/correspondence/export?format={format}"));
            assert_eq!(file.status, 200, "{format}");
            let values = [
                ("seconds", file.took.as_secs_f64()),
                ("file_mib", file.size as f64 / (1 << 20) as f64),
                ("more_mib", memory_mib().1 - before),
                ("rows", letters as f64),
            ];
            report(&format!("firm: {format}"), &values);
        }
    })
    .await
    .unwrap();
    let began = Instant::now();
    let found = check_audit(served.repo.store()).unwrap();
    assert!(found.is_sound(), "{found:?}");
    report(
        "firm: audit checked",
        &[("seconds", began.elapsed().as_secs_f64())],
    );
    served.end().await;
    let began = Instant::now();
    let store = Store::open(&folder.join("state"), &OpenOptions::default()).unwrap();
    let opened = began.elapsed();
    drop(store);
    report("firm: opened", &[("seconds", opened.as_secs_f64())]);
}
