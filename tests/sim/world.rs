//! A state, the world outside, and lives of the daemon over them, one after the other.

use std::panic::{AssertUnwindSafe, catch_unwind, resume_unwind};
use std::sync::Arc;
use std::time::Duration;

use tocsin::channel::Channel;
use tocsin::clock::{Randomness, SharedClock, VirtualClock};
use tocsin::domain::reminder::ReminderPlan;
use tocsin::domain::suspension::SuspensionPolicy;
use tocsin::domain::{
    Audience, Category, Channel as Kind, Channels, CommunicationId, Contact, ContactId,
    ContactKind, Content, Delivery, Destination, EmailAddress, Lane, Method, MethodId, MethodKind,
    MethodState, PhoneNumber, PublicLinks, Redacted, ReturnPaths, Timestamp, UserId,
};
use tocsin::queue::attempts::{AttemptTools, Attempts};
use tocsin::queue::lane;
use tocsin::queue::rounds::Rounds;
use tocsin::queue::schedule::RetrySchedule;
use tocsin::store::engine::Claim;
use tocsin::store::{Repo, Store};
use tocsin::submit::{DraftInput, PublicPages, SubmitSettings, Submitter};
use tocsin::tracker::{PromptSettings, Tracker, TrackerSettings};
use tokio::task::JoinHandle;
use tokio_util::sync::CancellationToken;

use super::carrier::{Carrier, Scripted};
use super::scripts::Script;

pub(crate) const MINUTE: Duration = Duration::from_secs(60);
pub(crate) const HOUR: Duration = Duration::from_secs(3600);

/// Runs a test for each seed, or for the one in `TOCSIN_SEED`, and says how to replay a failure.
pub(crate) fn each_seed(count: u64, run: impl Fn(u64)) {
    let only = std::env::var("TOCSIN_SEED").ok();
    let seeds = match only.as_deref().map(str::parse) {
        Some(Ok(seed)) => seed..seed + 1,
        Some(Err(_)) => panic!("TOCSIN_SEED is not a number"),
        None => 0..count,
    };
    for seed in seeds {
        if let Err(panic) = catch_unwind(AssertUnwindSafe(|| run(seed))) {
            let thread = std::thread::current();
            let name = thread.name().unwrap_or_default();
            eprintln!(
                "seed {seed} failed; replay it: TOCSIN_SEED={seed} cargo test --test sim {name} -- --exact"
            );
            resume_unwind(panic);
        }
    }
}

/// What people prove their methods by.
pub(crate) fn links() -> PublicLinks {
    PublicLinks::new("https://me.example.org", &[7; 32])
}

/// What outlives the daemon.
pub(crate) struct World {
    pub(crate) repo: Repo,
    pub(crate) random: Randomness,
    seed: u64,
    lives: u64,
    pub(crate) carrier: Arc<Carrier>,
    pub(crate) schedule: RetrySchedule,
    pub(crate) reminders: ReminderPlan,
    pub(crate) category: Category,
    pub(crate) prompts: bool,
    /// Where the public pages are, if there are any.
    pub(crate) public: Option<PublicLinks>,
    /// The time at the end of the last life.
    pub(crate) wall: Timestamp,
}

impl World {
    pub(crate) fn new(seed: u64) -> Self {
        let random = Randomness::seeded(seed);
        Self {
            repo: Repo::new(Store::memory()),
            carrier: Arc::new(Carrier::new(seed)),
            random,
            seed,
            lives: 0,
            schedule: RetrySchedule {
                delays: [30, 120, 300].map(Duration::from_secs).to_vec(),
                jitter_percent: 20,
                give_up_after: 20 * MINUTE,
            },
            reminders: ReminderPlan::default(),
            category: Category {
                name: "Alert".into(),
                confirmation_required: false,
                voicemail_counts: false,
            },
            prompts: false,
            public: Some(links()),
            wall: Timestamp::from_millis(1_800_000_000_000),
        }
    }

    /// The pace of the world, before anything runs.
    pub(crate) fn carrier_mut(&mut self) -> &mut Carrier {
        Arc::get_mut(&mut self.carrier).unwrap()
    }

    /// A contact; nothing is written yet.
    pub(crate) fn person(&self, methods: &[(MethodKind, &str)]) -> Contact {
        let method = |&(kind, text): &(MethodKind, &str)| Method {
            state: MethodState::Active,
            ..Method::new(
                MethodId::new(self.random.uuid_v7(self.wall)),
                kind,
                match kind {
                    MethodKind::Email => {
                        Destination::Email(Redacted::new(EmailAddress::parse(text).unwrap()))
                    }
                    MethodKind::Mobile | MethodKind::Landline => {
                        Destination::Phone(Redacted::new(PhoneNumber::from_e164(text).unwrap()))
                    }
                },
            )
        };
        Contact {
            id: ContactId::new(self.random.uuid_v7(self.wall)),
            kind: ContactKind::Citizen,
            first_name: Redacted::new("Ada".into()),
            last_name: Redacted::new("Byron".into()),
            language: "en".into(),
            area: None,
            methods: methods.iter().map(method).collect(),
            issue_since: None,
            prompted_at: None,
            created_at: self.wall,
            groups: Vec::new(),
            custom: Vec::new(),
            wishes: tocsin::domain::Wishes::default(),
            import: None,
        }
    }

    /// Writes down a script for each way to reach a destination.
    pub(crate) fn script(&self, destination: &str, scripts: &[(Kind, Script)]) {
        for (kind, script) in scripts {
            self.carrier.script(*kind, destination, *script);
        }
    }

    /// One life of the daemon. When `body` ends, every task of it is dropped where it stands,
    /// which is all that a kill is; leases that it held are gone with it.
    pub(crate) fn live<T>(&mut self, body: impl AsyncFnOnce(&mut Life) -> T) -> T {
        self.repo = Repo::new(self.repo.store().restarted());
        self.live_with_leases(body)
    }

    /// As [`World::live`], but what an earlier life held stays held: its tasks died and the
    /// process did not.
    pub(crate) fn live_with_leases<T>(&mut self, body: impl AsyncFnOnce(&mut Life) -> T) -> T {
        let runtime = tokio::runtime::Builder::new_current_thread()
            .enable_time()
            .start_paused(true)
            .build()
            .unwrap();
        self.lives += 1;
        runtime.block_on(async {
            let mut life = Life::start(self);
            let result = body(&mut life).await;
            self.wall = life.clock.wall();
            result
        })
    }

    pub(crate) fn contact(&self, id: ContactId) -> Contact {
        self.repo.contact(id).unwrap().unwrap().value
    }

    /// Every delivery, oldest first.
    pub(crate) fn deliveries(&self) -> Vec<Delivery> {
        let mut all = Vec::new();
        let mut after = None;
        loop {
            let page = self.repo.deliveries(after, 1000).unwrap();
            all.extend(page.rows.into_iter().map(|row| row.value));
            after = page.next;
            if after.is_none() {
                all.reverse();
                return all;
            }
        }
    }

    /// A contact's deliveries by one channel, oldest first.
    pub(crate) fn deliveries_of(&self, contact: ContactId, channel: Kind) -> Vec<Delivery> {
        let mut all = self.deliveries();
        all.retain(|delivery| delivery.contact == contact && delivery.channel == channel);
        all
    }
}

/// The daemon from one start to its end.
pub(crate) struct Life {
    pub(crate) clock: SharedClock,
    pub(crate) tracker: Tracker,
    pub(crate) repo: Repo,
    pub(crate) submitter: Submitter,
    carrier: Arc<Carrier>,
    public: Option<PublicLinks>,
    stop: CancellationToken,
    lanes: Vec<JoinHandle<()>>,
}

/// Sends what has come to its time, as the daemon's lane does.
struct Timekeeper(Submitter);

impl lane::LaneHandler for Timekeeper {
    fn concurrency(&self) -> usize {
        1
    }

    fn handle(&self, claim: Claim) -> lane::Work<'_> {
        Box::pin(async move {
            let id = CommunicationId::from_bytes(claim.id);
            self.0.send_scheduled(id).await.unwrap();
        })
    }
}

impl Life {
    fn start(world: &World) -> Self {
        let clock: SharedClock = VirtualClock::with_tokio(world.wall);
        let settings = TrackerSettings {
            categories: vec![world.category.clone()],
            suspension: SuspensionPolicy::default(),
            prompts: PromptSettings {
                enabled: world.prompts,
                ..PromptSettings::default()
            },
        };
        let (repo, random) = (world.repo.clone(), world.random.clone());
        let tracker = Tracker::new(repo.clone(), clock.clone(), random.clone(), settings);
        let settings = SubmitSettings {
            categories: vec![world.category.clone()],
            reminders: world.reminders.clone(),
            default_language: "en".into(),
            ..SubmitSettings::default()
        };
        let submitter = Submitter::new(
            repo.clone(),
            clock.clone(),
            random.clone(),
            tracker.clone(),
            settings,
        )
        .with_public_pages(PublicPages {
            links: links(),
            organisation: "Eastmere".into(),
        });
        let mut life = Self {
            clock,
            tracker,
            repo,
            submitter,
            carrier: Arc::clone(&world.carrier),
            public: world.public.clone(),
            stop: CancellationToken::new(),
            lanes: Vec::new(),
        };
        for kind in Kind::ALL {
            let seed = world.seed ^ (world.lives << 32) ^ ((kind as u64) << 48);
            life.start_channel(kind, Randomness::seeded(seed), world.schedule.clone());
        }
        let rounds = Rounds::new(
            life.repo.clone(),
            life.tracker.clone(),
            life.clock.clone(),
            life.stop.clone(),
        );
        life.start_lane(Lane::Expand, Arc::new(rounds));
        life.start_lane(
            Lane::Scheduled,
            Arc::new(Timekeeper(life.submitter.clone())),
        );
        let carrier = Arc::clone(&life.carrier);
        let (tracker, clock) = (life.tracker.clone(), life.clock.clone());
        tokio::spawn(async move { carrier.send_back(tracker, clock).await });
        life
    }

    fn start_channel(&mut self, kind: Kind, random: Randomness, schedule: RetrySchedule) {
        let channel: Arc<dyn Channel> = Arc::new(Scripted {
            kind,
            carrier: Arc::clone(&self.carrier),
            clock: self.clock.clone(),
        });
        let tools = AttemptTools {
            repo: self.repo.clone(),
            tracker: self.tracker.clone(),
            clock: self.clock.clone(),
            random,
            return_paths: ReturnPaths::new("bounce.example.org", &[7; 32]),
            zone: jiff::tz::TimeZone::UTC,
        };
        let mut attempts = Attempts::new(channel, tools, schedule, self.stop.clone());
        if let Some(links) = &self.public {
            attempts =
                attempts.with_public_links(links.clone(), tocsin::domain::Tracking::default());
        }
        let attempts = Arc::new(attempts);
        let (watcher, stop) = (Arc::clone(&attempts), self.stop.clone());
        tokio::spawn(async move { watcher.stop_closed(stop).await });
        self.start_lane(Lane::from(kind), attempts);
    }

    fn start_lane(&mut self, lane: Lane, handler: Arc<dyn lane::LaneHandler>) {
        let store = self.repo.store().clone();
        let run = lane::run(store, self.clock.clone(), lane, handler, self.stop.clone());
        self.lanes.push(tokio::spawn(run));
    }

    /// Writes and sends an alert.
    pub(crate) async fn send(&self, channels: Channels, audience: Audience) -> CommunicationId {
        let id = self.draft(channels, audience).await;
        self.send_draft(id).await;
        id
    }

    /// Writes an alert to these people, who are there already.
    pub(crate) async fn draft_to(&self, channels: Channels, people: &[Contact]) -> CommunicationId {
        let audience = Audience {
            contacts: people.iter().map(|contact| contact.id).collect(),
            ..Audience::default()
        };
        self.draft(channels, audience).await
    }

    pub(crate) async fn send_draft(&self, id: CommunicationId) {
        self.submitter.send(id).await.unwrap();
    }

    async fn draft(&self, channels: Channels, audience: Audience) -> CommunicationId {
        let input = DraftInput {
            content: Content {
                subject: "Flood".into(),
                text: "Move up.".into(),
                html: String::new(),
                sms_text: "Move up.".into(),
                voice_script: "Move up.".into(),
                attachments: Vec::new(),
            },
            category: "Alert".into(),
            channels,
            audience,
            ..DraftInput::default()
        };
        let by = UserId::from_bytes([1; 16]);
        self.submitter.save_draft(None, &input, by).await.unwrap()
    }

    /// Adds people and sends them an alert.
    pub(crate) async fn send_to(&self, channels: Channels, people: &[Contact]) -> CommunicationId {
        self.tracker.add_contacts(people).await.unwrap();
        let contacts = people.iter().map(|contact| contact.id).collect();
        let audience = Audience {
            areas: Vec::new(),
            contacts,
            ..Audience::default()
        };
        self.send(channels, audience).await
    }

    /// Until nothing waits in any lane and nothing more comes back.
    pub(crate) async fn until_quiet(&self, limit: Duration) {
        let start = self.clock.wall();
        loop {
            let waiting = Lane::ALL
                .into_iter()
                .any(|lane| self.repo.lane_depth(lane, 1).unwrap() > 0);
            if !waiting && self.carrier.is_quiet() {
                return;
            }
            let passed = self.clock.wall().since(start);
            assert!(passed < limit, "work is left after {passed:?}");
            tokio::time::sleep(Duration::from_secs(5)).await;
        }
    }

    /// Stops in good order: attempts end, what they came to is written down.
    pub(crate) async fn drain(&mut self) {
        self.stop.cancel();
        for lane in self.lanes.drain(..) {
            lane.await.unwrap();
        }
    }
}
