//! Setting the stage: carriers, daemon, people.

use std::collections::BTreeMap;
use std::collections::HashMap;
use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::time::Duration;

use anyhow::Context;

use super::Arguments;
use super::firm;
use super::settings::config_text;
use crate::clock::{Randomness, SystemClock};
use crate::config::{Config, Surroundings};
use crate::daemon::{Daemon, add_user};
use crate::domain::{
    Area, AreaId, Audience, CaseScope, Channels, CommunicationId, Contact, ContactId, ContactKind,
    Content, Destination, EmailAddress, Method, MethodId, MethodKind, MethodState, PhoneNumber,
    Redacted, Role, UserId,
};
use crate::proto::smpp::receipt::MessageState;
use crate::proto::smtp::{Enhanced, Reply};
use crate::sim::people::{AREAS, COUNTY, CallFate, EmailFate, Invented, TextFate, invent};
use crate::sim::{mx, sip, smsc};
use crate::submit::DraftInput;

/// Seed of the invented people.
const SEED: u64 = 2026;
/// Login of the demo's operator.
const LOGIN: &str = "demo";
/// Contacts written in one batch.
const BATCH_CONTACTS: usize = 200;

/// Everything that runs.
pub(super) struct Stage {
    pub(super) daemon: Daemon,
    pub(super) people: Vec<(ContactId, Invented)>,
    pub(super) operator: UserId,
    folder: PathBuf,
    keep: bool,
    password: String,
    county: AreaId,
    mail: mx::SimMx,
    centre: smsc::SimSmsc,
    network: sip::SimSip,
}

impl Stage {
    pub(super) async fn set(arguments: &Arguments) -> anyhow::Result<Self> {
        let random = Randomness::from_os()?;
        let clock = SystemClock::shared();
        let invented = match arguments.contacts {
            None => invent(SEED),
            Some(count) => reachable(count),
        };
        let bounce_to = free_address()?;
        let mail_config =
            mx::SimMxConfig::new(mail_script(&invented), Some(bounce_to), clock.clone());
        let mail = mx::SimMx::start(mail_config).await?;
        let centre = smsc::SimSmsc::start(centre_config(&invented)).await?;
        let network = sip::SimSip::start(network_config(&invented), random.fork()).await?;
        let (folder, keep) = match &arguments.state {
            Some(folder) => (folder.clone(), true),
            None => (temporary_folder(&random)?, false),
        };
        let public = free_address()?;
        let text = config_text(
            &folder,
            arguments.console,
            public,
            bounce_to,
            mail.addr(),
            centre.addr(),
            network.addr(),
        );
        let config =
            Config::parse(&text, &Surroundings::of(Path::new("/"))).map_err(|mistakes| {
                anyhow::anyhow!("the demo's own configuration is wrong: {mistakes:?}")
            })?;
        let daemon = Daemon::start(config, None).await?;
        let password = arguments.password.clone().unwrap_or_else(|| {
            data_encoding::BASE32_NOPAD
                .encode(&random.bytes::<10>())
                .to_lowercase()
        });
        let operator = add_user(
            daemon.repo(),
            &clock,
            &random,
            LOGIN,
            Role::Administrator,
            CaseScope::All,
            &password,
        )
        .await?;
        let (county, people) = invite(&daemon, invented, &random, clock.wall()).await?;
        Ok(Self {
            daemon,
            people,
            operator,
            folder,
            keep,
            password,
            county,
            mail,
            centre,
            network,
        })
    }

    pub(super) fn introduce(&self) {
        let addresses = self.daemon.addresses();
        for console in &addresses.console {
            println!("console   http://{console}/");
        }
        for public in &addresses.public {
            println!("public    http://{public}/");
        }
        println!("login     {LOGIN}");
        println!("password  {}", self.password);
        for submission in &addresses.submission {
            println!("submission (STARTTLS, AUTH) {submission}");
        }
        println!(
            "{} invented people, simulated mail server, message centre and telephone network",
            self.people.len()
        );
        println!("stop with Ctrl-C");
    }

    /// Writes and sends the alert.
    pub(super) async fn send_alert(&self) -> anyhow::Result<CommunicationId> {
        let draft = DraftInput {
            content: Content {
                subject: "Flood warning: the river Mere".into(),
                text: "The river is expected to rise above its banks tonight.\nMove valuables upstairs and stay away from the quay.\n".into(),
                html: "<h1>Flood warning</h1><p>The river is expected to rise above its banks <strong>tonight</strong>. Move valuables upstairs and stay away from the quay.</p>".into(),
                sms_text: "Flood warning: the river Mere rises above its banks tonight. Move valuables upstairs, stay away from the quay.".into(),
                voice_script: "Flood warning. The river Mere is expected to rise above its banks tonight.".into(),
attachments: Vec::new(),
},
            category: "alert".into(),
            channels: Channels::ALL,
            audience: Audience { areas: vec![self.county], ..Audience::default() },
            ..DraftInput::default()
        };
        let submitter = self.daemon.submitter();
        let id = submitter.save_draft(None, &draft, self.operator).await?;
        submitter.send(id).await?;
        Ok(id)
    }

    /// Ends everything and removes the temporary state.
    pub(super) async fn strike(self) {
        self.daemon.drain().await;
        self.mail.stop().await;
        self.centre.stop().await;
        self.network.stop();
        if !self.keep
            && let Err(error) = std::fs::remove_dir_all(&self.folder)
        {
            tracing::warn!(%error, "the temporary state could not be removed");
        }
    }
}

/// A free port of the loopback address. Somebody else may take it before we do; then starting
/// fails and says so.
fn free_address() -> anyhow::Result<SocketAddr> {
    let socket = std::net::TcpListener::bind("127.0.0.1:0").context("no free port")?;
    Ok(socket.local_addr()?)
}

fn temporary_folder(random: &Randomness) -> anyhow::Result<PathBuf> {
    let name = format!("tocsin-demo-{:016x}", random.next_u64());
    let folder = std::env::temp_dir().join(name);
    std::fs::create_dir_all(&folder)
        .with_context(|| format!("cannot make {}", folder.display()))?;
    Ok(folder)
}

fn mail_script(people: &[Invented]) -> mx::Script {
    let rows: HashMap<String, mx::Behaviour> = people
        .iter()
        .filter_map(|person| Some((person, person.email.as_ref()?)))
        .map(|(person, (address, fate))| (address.clone(), mail_behaviour(person, *fate)))
        .collect();
    mx::Script::new(move |address| {
        let address = address.to_ascii_lowercase();
        let known = rows.get(&address).cloned();
        known
            .or_else(|| firm::fate(&address))
            .unwrap_or(mx::Behaviour::Accept)
    })
}

/// What some people write back, by first name.
const MAIL_ANSWERS: [(&str, &str); 2] = [
    (
        "Amara",
        "Thank you. I have moved to the Old Town, please take my old landline off your list.",
    ),
    (
        "Chloe",
        "My neighbour Mr. Quill needs help with the sandbags.",
    ),
];
/// Who has a machine answer.
const MAIL_MACHINES: [(&str, &str); 1] = [("Delia", "I am away until Monday.")];
/// What some people text back.
const TEXT_ANSWERS: [(&str, &str); 2] = [
    ("Beatrice", "The quay is under water already"),
    ("Harriet", "STOP"),
];

fn said_by<'a>(answers: &[(&str, &'a str)], person: &Invented) -> Option<&'a str> {
    let said = answers.iter().find(|said| said.0 == person.first_name);
    said.map(|said| said.1)
}

fn mail_behaviour(person: &Invented, fate: EmailFate) -> mx::Behaviour {
    let later = |notice| mx::Behaviour::AcceptThen {
        notice,
        after: Duration::from_secs(4),
    };
    if fate == EmailFate::Taken {
        if let Some(text) = said_by(&MAIL_ANSWERS, person) {
            let text = text.to_owned();
            return later(mx::Notice::Reply { text });
        }
        if let Some(text) = said_by(&MAIL_MACHINES, person) {
            let text = text.to_owned();
            return later(mx::Notice::AutoReply { text });
        }
    }

    let refuse =
        |code, enhanced, text| mx::Behaviour::RefuseAtRcpt(Reply::new(code, enhanced, text));
    match fate {
        EmailFate::Taken => mx::Behaviour::Accept,
        EmailFate::Refused => refuse(550, Enhanced(5, 1, 1), "No such user here"),
        EmailFate::Full => refuse(452, Enhanced(4, 2, 2), "Mailbox full"),
        EmailFate::BouncesLater => mx::Behaviour::bounce(
            Enhanced(5, 1, 1),
            "550 5.1.1 The email account that you tried to reach does not exist",
            Duration::from_secs(3),
        ),
    }
}

fn digits(number: &str) -> String {
    number.trim_start_matches('+').to_owned()
}

fn centre_config(people: &[Invented]) -> smsc::SmscConfig {
    let behaviours: BTreeMap<String, smsc::Behaviour> = people
        .iter()
        .filter_map(|person| Some((person, person.mobile.as_ref()?)))
        .filter_map(|(person, (number, fate))| {
            let behaviour = match fate {
                TextFate::Undelivered => smsc::Behaviour::Undelivered {
                    after: Duration::from_secs(2),
                    state: MessageState::Undeliverable,
                    error: "001".to_owned(),
                },
                TextFate::Received => smsc::Behaviour::Replies {
                    after: Duration::from_secs(1),
                    text: said_by(&TEXT_ANSWERS, person)?.to_owned(),
                },
            };
            Some((digits(number), behaviour))
        })
        .collect();
    smsc::SmscConfig {
        account: Some(("tocsin".to_owned(), "secret".to_owned())),
        behaviours,
        default_behaviour: smsc::Behaviour::Delivered {
            after: Duration::from_secs(1),
        },
        ..smsc::SmscConfig::default()
    }
}

fn network_config(people: &[Invented]) -> sip::SimSipConfig {
    let mut numbers = HashMap::new();
    for person in people {
        let mobile = person.mobile.as_ref().map(|(number, _)| number);
        for number in mobile.into_iter().chain(person.landline.as_ref()) {
            numbers.insert(digits(number), call_behaviour(person.call));
        }
    }
    sip::SimSipConfig {
        credentials: Some(("tocsin".to_owned(), "secret".to_owned())),
        numbers,
        ..sip::SimSipConfig::default()
    }
}

fn call_behaviour(fate: CallFate) -> sip::Behaviour {
    let ring = Duration::from_secs(1);
    match fate {
        CallFate::PressesOne => sip::Behaviour::presses_one(ring, Duration::from_secs(3)),
        CallFate::HangsUp => sip::Behaviour::Answer {
            ring,
            then: sip::Answered::HangUp {
                after: Duration::from_secs(2),
            },
        },
        CallFate::Busy => sip::Behaviour::Busy,
        CallFate::NoAnswer => sip::Behaviour::NoAnswer,
        CallFate::Voicemail => sip::Behaviour::Answer {
            ring,
            then: sip::Answered::Voicemail {
                greeting: Duration::from_secs(5),
            },
        },
        CallFate::UnknownNumber => sip::Behaviour::Reject {
            code: 404,
            cause: Some(1),
        },
    }
}

/// People whom everything reaches, for measuring.
fn reachable(count: u16) -> Vec<Invented> {
    (0..usize::from(count))
        .map(|n| Invented {
            first_name: "Robin",
            last_name: "Measure",
            area: n % AREAS.len(),
            email: Some((format!("person{n}@mail.example"), EmailFate::Taken)),
            mobile: Some((format!("+447700900{n:03}"), TextFate::Received)),
            landline: Some(format!("+441632960{n:03}")),
            call: CallFate::PressesOne,
        })
        .collect()
}

async fn invite(
    daemon: &Daemon,
    invented: Vec<Invented>,
    random: &Randomness,
    now: crate::domain::Timestamp,
) -> anyhow::Result<(AreaId, Vec<(ContactId, Invented)>)> {
    let area = |name: &str, parent| Area {
        id: AreaId::new(random.uuid_v7(now)),
        parent,
        name: name.to_owned(),
    };
    let county = area(COUNTY, None);
    let parts: Vec<Area> = AREAS
        .iter()
        .map(|name| area(name, Some(county.id)))
        .collect();
    let county_id = county.id;
    daemon
        .tracker()
        .add_areas(&[vec![county], parts.clone()].concat())
        .await?;
    let mut people = Vec::with_capacity(invented.len());
    let mut contacts = Vec::with_capacity(invented.len());
    for person in invented {
        let contact = contact(&person, Some(parts[person.area].id), random, now)?;
        people.push((contact.id, person));
        contacts.push(contact);
    }
    for batch in contacts.chunks(BATCH_CONTACTS) {
        daemon.tracker().add_contacts(batch).await?;
    }
    Ok((county_id, people))
}

pub(super) fn contact(
    person: &Invented,
    area: Option<AreaId>,
    random: &Randomness,
    now: crate::domain::Timestamp,
) -> anyhow::Result<Contact> {
    let method = |kind, destination| Method {
        state: MethodState::Active,
        ..Method::new(MethodId::new(random.uuid_v7(now)), kind, destination)
    };
    let phone = |number: &str| {
        PhoneNumber::from_e164(number).map(|number| Destination::Phone(Redacted::new(number)))
    };
    let mut methods = Vec::new();
    if let Some((address, _)) = &person.email {
        let address = EmailAddress::parse(address)?;
        methods.push(method(
            MethodKind::Email,
            Destination::Email(Redacted::new(address)),
        ));
    }
    if let Some((number, _)) = &person.mobile {
        methods.push(method(MethodKind::Mobile, phone(number)?));
    }
    if let Some(number) = &person.landline {
        methods.push(method(MethodKind::Landline, phone(number)?));
    }
    Ok(Contact {
        id: ContactId::new(random.uuid_v7(now)),
        kind: ContactKind::Citizen,
        first_name: Redacted::new(person.first_name.to_owned()),
        last_name: Redacted::new(person.last_name.to_owned()),
        language: "en".to_owned(),
        area,
        methods,
        issue_since: None,
        prompted_at: None,
        created_at: now,
        groups: Vec::new(),
        custom: Vec::new(),
        wishes: crate::domain::Wishes::default(),
        import: None,
    })
}
