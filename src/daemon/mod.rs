//! The composition root: everything is wired here and nowhere else. Starts, reloads, drains.

mod carriers;
mod doors;
#[cfg(test)]
mod full_disk;
mod health;
mod heartbeat;
mod intake;
mod lanes;
mod note;
mod retention;
mod rooms;
mod scanner;
mod search;
mod sessions;
mod sockets;
mod speech;
mod state;
mod sweep;
mod tls;

use std::net::SocketAddr;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use anyhow::Context;
use tokio::net::TcpListener;
use tokio::sync::watch;
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;

use crate::clock::{Randomness, SharedClock, SystemClock};
use crate::config::Config;
use crate::domain::{PublicLinks, Redacted};
use crate::evidence::Signer;
use crate::http::{self, Console, PublicSite, Readiness};
use crate::inbound::Inbound;
use crate::listener::Service;
use crate::net::clamd::Clamd;
use crate::net::tls_server::ServerTls;
use crate::observe::Metrics;
use crate::search::feeder::Feeder;
use crate::store::Repo;
use crate::submit::Submitter;
use crate::tracker::Tracker;

use note::note;
use rooms::Rooms;
pub use scanner::{arrival_scanner, file_scanner};
pub use search::open_search;
use sockets::Sockets;
pub use state::{add_user, open_store};

/// Where the daemon listens; ports chosen by the system are filled in.
#[derive(Clone, Debug, Default)]
pub struct Addresses {
    /// Submission with STARTTLS.
    pub submission: Vec<SocketAddr>,
    /// Submission with TLS from the first byte.
    pub submissions: Vec<SocketAddr>,
    /// The MX that bounces come to.
    pub mx: Vec<SocketAddr>,
    /// The console.
    pub console: Vec<SocketAddr>,
    /// The public pages.
    pub public: Vec<SocketAddr>,
}

/// A daemon that runs.
pub struct Daemon {
    addresses: Addresses,
    repo: Repo,
    tracker: Tracker,
    submitter: Submitter,
    public_links: Option<PublicLinks>,
    search: Feeder,
    evidence: Signer,
    cursor_key: Redacted<[u8; 32]>,
    scanner: Option<Arc<Clamd>>,
    clock: SharedClock,
    random: Randomness,
    metrics: Arc<Metrics>,
    config: Config,
    config_path: Option<PathBuf>,
    /// The configuration as last read; what it changed but cannot change while running included.
    reloaded: std::sync::Mutex<Config>,
    tls: Arc<ServerTls>,
    stops: Stops,
    readiness: watch::Receiver<Readiness>,
    tasks: Tasks,
}

/// What is told to end, in this order.
#[derive(Default)]
struct Stops {
    /// No new work is taken.
    intake: CancellationToken,
    /// Lanes claim nothing more; what is under way ends.
    lanes: CancellationToken,
    /// What is still under way is cut short.
    attempts: CancellationToken,
    /// Binds and the trunk are closed.
    carriers: CancellationToken,
    /// Cancelled by ourselves when the state takes nothing any more.
    failed: CancellationToken,
}

/// What runs, by what ends it.
#[derive(Default)]
struct Tasks {
    intake: TaskTracker,
    lanes: TaskTracker,
    carriers: TaskTracker,
}

impl Daemon {
    /// Starts everything that the configuration asks for. What cannot start makes it fail as a
    /// whole; a carrier that cannot be reached does not, it is tried again.
    ///
    /// # Errors
    /// With what could not be started and why.
    pub async fn start(config: Config, config_path: Option<PathBuf>) -> anyhow::Result<Self> {
        let clock = SystemClock::shared();
        let random = Randomness::from_os().context("no randomness from the system")?;
        let metrics = Metrics::new(clock.wall().as_secs());
        let scanner = scanner::clamd(&config.email, &clock);
        let rooms = Rooms::open(&config, &clock, &random, &metrics, scanner.as_ref()).await?;
        let tls = Arc::new(tls::certificate(&config, clock.clone())?);
        let (stops, tasks) = (Stops::default(), Tasks::default());
        let sockets = Sockets::bind(&config).await?;
        let addresses = sockets.addresses();
        let out = carriers::start(carriers::Parts {
            config: &config,
            clock: &clock,
            random: &random,
            metrics: &metrics,
            inbound: &rooms.inbound,
            scanner: scanner.as_ref(),
            own_listeners: addresses.mx.clone(),
            stop: &stops.carriers,
            tasks: &tasks.carriers,
        })?;
        let (health, readiness) = health::Health::new(&addresses, out.ways);
        lanes::start(lanes::Parts {
            config: &config,
            repo: &rooms.repo,
            tracker: &rooms.tracker,
            inbound: &rooms.inbound,
            submitter: &rooms.submitter,
            clock: &clock,
            random: &random,
            return_paths: &rooms.return_paths,
            public_links: rooms.public_links.as_ref(),
            channels: &out.channels,
            courier: &Arc::new(rooms.courier),
            metrics: &metrics,
            stop: &stops.lanes,
            abort: &stops.attempts,
            tasks: &tasks.lanes,
            watchers: &tasks.carriers,
        });
        let daemon = Self {
            addresses,
            repo: rooms.repo,
            tracker: rooms.tracker,
            submitter: rooms.submitter,
            public_links: rooms.public_links,
            search: rooms.search,
            evidence: rooms.evidence,
            cursor_key: rooms.cursor_key,
            scanner,
            clock,
            random,
            metrics,
            reloaded: std::sync::Mutex::new(config.clone()),
            config,
            config_path,
            tls,
            stops,
            readiness,
            tasks,
        };
        daemon.keep_watch(health);
        daemon.open_doors(sockets, rooms.inbound, rooms.gate)?;
        let version = env!("CARGO_PKG_VERSION");
        note(&daemon.repo, &daemon.clock, "gateway.start", version).await;
        daemon.say_ready();
        Ok(daemon)
    }

    fn say_ready(&self) {
        let at = &self.addresses;
        tracing::info!(
            submission = ?at.submission,
            submissions = ?at.submissions,
            mx = ?at.mx,
            console = ?at.console,
            public = ?at.public,
            "ready"
        );
    }

    /// Looks after what changes by itself: readiness, metrics, the certificate's files.
    fn keep_watch(&self, health: health::Health) {
        let tasks = &self.tasks.intake;
        let stop = || self.stops.intake.clone();
        tasks.spawn(health.run(health::Parts {
            repo: self.repo.clone(),
            tracker: self.tracker.clone(),
            search: self.search.clone(),
            metrics: Arc::clone(&self.metrics),
            clock: self.clock.clone(),
            tls: Arc::clone(&self.tls),
            state: self.config.server.state.clone(),
            stop: stop(),
        }));
        tasks.spawn(heartbeat::run(
            self.repo.clone(),
            self.clock.clone(),
            stop(),
            self.stops.failed.clone(),
        ));
        tasks.spawn(sweep::run(self.tracker.clone(), stop()));
        tasks.spawn(retention::run(self.tracker.clone(), stop()));
        tasks.spawn(self.search.clone().run(stop()));
        tasks.spawn(tls::watch(
            Arc::clone(&self.tls),
            self.config.tls.check_interval,
            stop(),
        ));
    }

    fn open_doors(
        &self,
        sockets: Sockets,
        inbound: Inbound,
        gate: doors::Gate,
    ) -> anyhow::Result<()> {
        let door = Arc::new(doors::Doors::new(
            &self.config,
            self.repo.clone(),
            self.submitter.clone(),
            inbound,
            self.clock.clone(),
            gate,
            Arc::clone(&self.metrics),
        ));
        let smtp = [
            (
                Service::Submission,
                &self.config.listen.submission,
                sockets.submission,
            ),
            (
                Service::Submissions,
                &self.config.listen.submissions,
                sockets.submissions,
            ),
            (Service::Mx, &self.config.listen.mx, sockets.mx),
        ];
        let memories = doors::Memories::new(&self.config);
        for (service, settings, sockets) in smtp {
            if sockets.is_empty() {
                continue;
            }
            let listener = doors::listener(
                service,
                settings,
                &self.config,
                &door,
                self.tls.subscribe(),
                &memories,
                self.clock.clone(),
            )?;
            self.tasks.intake.spawn(sessions::count(
                Arc::clone(&listener),
                service,
                Arc::clone(&self.metrics),
                self.stops.intake.clone(),
            ));
            for socket in sockets {
                self.tasks
                    .intake
                    .spawn(Arc::clone(&listener).serve(socket, self.stops.intake.clone()));
            }
        }
        self.open_console(sockets.console)?;
        self.open_public(sockets.public);
        Ok(())
    }

    fn open_public(&self, sockets: Vec<TcpListener>) {
        let Some(links) = &self.public_links else {
            return;
        };
        let router = http::public_router(PublicSite {
            repo: self.repo.clone(),
            clock: self.clock.clone(),
            random: self.random.clone(),
            submit: self.submitter.clone(),
            tracker: self.tracker.clone(),
            links: links.clone(),
            settings: state::public_settings(&self.config),
        });
        let listen = &self.config.listen.public;
        let limits = http::Limits {
            connections_max: listen.connections_max as usize,
        };
        for socket in sockets {
            let tls = listen.tls.then(|| self.tls.subscribe());
            let stop = self.stops.intake.clone();
            let serving = http::serve(socket, router.clone(), limits, tls, stop);
            self.tasks.intake.spawn(serving);
        }
    }

    fn open_console(&self, sockets: Vec<TcpListener>) -> anyhow::Result<()> {
        let settings = state::console_settings(&self.config)?;
        let console = Console {
            repo: self.repo.clone(),
            clock: self.clock.clone(),
            random: self.random.clone(),
            submit: self.submitter.clone(),
            tracker: self.tracker.clone(),
            search: self.search.clone(),
            evidence: self.evidence.clone(),
            cursor_key: self.cursor_key.clone(),
            settings,
            readiness: self.readiness.clone(),
            metrics: Arc::clone(&self.metrics),
            speaker: Some(speech::speaker(&self.config)),
            file_of_mail: crate::inbound::file_of_mail,
            html_of_mail: crate::inbound::html_of_mail,
            scanner: self.scanner.as_ref().map(file_scanner),
            stop: self.stops.intake.clone(),
        };
        let router = http::router(console);
        let limits = http::Limits {
            connections_max: self.config.listen.console.connections_max as usize,
        };
        for socket in sockets {
            let tls = self.config.listen.console.tls.then(|| self.tls.subscribe());
            self.tasks.intake.spawn(http::serve(
                socket,
                router.clone(),
                limits,
                tls,
                self.stops.intake.clone(),
            ));
        }
        Ok(())
    }

    /// Where it listens.
    #[must_use]
    pub const fn addresses(&self) -> &Addresses {
        &self.addresses
    }

    /// What it has in store.
    #[must_use]
    pub const fn repo(&self) -> &Repo {
        &self.repo
    }

    /// Its tracker.
    #[must_use]
    pub const fn tracker(&self) -> &Tracker {
        &self.tracker
    }

    /// Its way in.
    #[must_use]
    pub const fn submitter(&self) -> &Submitter {
        &self.submitter
    }

    /// How it stands.
    #[must_use]
    pub fn readiness(&self) -> watch::Receiver<Readiness> {
        self.readiness.clone()
    }

    /// Resolves when the state takes nothing any more: only a new start recovers it.
    pub async fn failed(&self) {
        self.stops.failed.cancelled().await;
    }

    /// Reads certificate and configuration again. A certificate takes effect at once; a changed
    /// configuration is checked and what differs is named: it takes effect at the next start.
    pub async fn reload(&self) {
        tls::look(&self.tls).await;
        let Some(path) = &self.config_path else {
            return;
        };
        let path = path.clone();
        let loaded = tokio::task::spawn_blocking(move || Config::load(&path)).await;
        let Ok(loaded) = loaded else {
            return;
        };
        match loaded {
            Ok(new) => {
                let sections = self.apply(new);
                let said = sections.join(", ");
                note(&self.repo, &self.clock, "gateway.reload", &said).await;
            }
            Err(error) => {
                tracing::error!(%error, "the configuration has mistakes; the running one stays in force");
                let said = "what was in force stays in force";
                note(&self.repo, &self.clock, "gateway.reload_refused", said).await;
            }
        }
    }

    /// Puts into force what can be changed while running; says what waits for the next start.
    fn apply(&self, new: Config) -> Vec<&'static str> {
        let mut current = self
            .reloaded
            .lock()
            .unwrap_or_else(std::sync::PoisonError::into_inner);
        let sections = current.differing_sections(&new);
        if sections.is_empty() {
            tracing::info!("configuration unchanged");
            return Vec::new();
        }
        self.tracker.replace_settings(state::tracker_settings(&new));
        self.tracker.replace_retention(state::retention_rules(&new));
        self.tracker.replace_replies(state::reply_settings(&new));
        self.submitter
            .replace_settings(state::reloaded_submit_settings(&new, &self.config));
        self.submitter
            .replace_reply_notices(state::reply_notices(&new));
        let (now, later): (Vec<&str>, Vec<&str>) = sections
            .into_iter()
            .partition(|section| RELOADED_SECTIONS.contains(section));
        tracing::info!(sections = ?now, "new configuration in force");
        if !later.is_empty() {
            tracing::warn!(sections = ?later, "these take effect at the next start");
        }
        *current = new;
        now
    }

    /// Stops: takes nothing new, ends what is under way, closes the carriers and the state. What
    /// is not done by then waits in the queue for the next start.
    pub async fn drain(self) {
        let within = self.config.server.drain_timeout;
        tracing::info!(within_secs = within.as_secs(), "draining");
        self.stops.intake.cancel();
        self.stops.lanes.cancel();
        self.tasks.lanes.close();
        wait(&self.tasks.lanes, within, "attempts").await;
        self.stops.attempts.cancel();
        wait(&self.tasks.lanes, ABORT_MAX, "attempts cut short").await;
        self.stops.carriers.cancel();
        self.tasks.carriers.close();
        wait(&self.tasks.carriers, CARRIERS_CLOSE_MAX, "carriers").await;
        self.tasks.intake.close();
        wait(&self.tasks.intake, within, "sessions").await;
        note(&self.repo, &self.clock, "gateway.stop", "").await;
        let store = self.repo.store().clone();
        drop((self.repo, self.tracker, self.submitter));
        match store.close().await {
            Ok(()) => tracing::info!("stopped"),
            Err(error) => {
                tracing::error!(%error, "the state could not be closed in order; it is recovered at the next start")
            }
        }
    }
}

/// Sections that take effect on SIGHUP.
const RELOADED_SECTIONS: [&str; 8] = [
    "category",
    "reminders",
    "suspension",
    "notices",
    "replies",
    "approval",
    "schedule",
    "retention",
];
/// Time that attempts get to say what became of them when they are cut short.
const ABORT_MAX: Duration = Duration::from_secs(5);
/// Time that binds and the trunk get to say goodbye.
const CARRIERS_CLOSE_MAX: Duration = Duration::from_secs(5);

async fn wait(tasks: &TaskTracker, within: Duration, what: &'static str) {
    if tokio::time::timeout(within, tasks.wait()).await.is_err() {
        tracing::warn!(
            what,
            "did not end in time; left as it is, the queue brings it back"
        );
    }
}
