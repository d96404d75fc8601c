//! The console: pages rendered here, working without JavaScript, and what machines ask for
//! beside them (health, metrics).
//!
//! A request passes, from the outside in: the cap on connections ([`serve`]), security headers
//! and error pages, the checks of host and origin, the time and size limits, and then its page.

mod access;
mod acts;
mod answers;
mod api;
mod assets;
mod cursor;
mod data;
mod dress;
pub(crate) mod entries;
mod evidence;
mod fault;
mod fields;
mod followed;
mod gather;
mod guard;
mod journal;
mod language;
mod listing;
mod login;
mod making;
mod menu;
mod pages;
mod password;
mod period;
mod pie;
mod public;
mod readiness;
mod second_factor;
mod serve;
mod session;
mod sheet;
pub(crate) mod throttle;
mod times;
mod view;
mod visitor;
mod webhooks;
mod words;

#[cfg(test)]
pub(crate) mod tests;

use std::collections::{HashMap, HashSet};
use std::net::IpAddr;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use jiff::tz::TimeZone;
use tokio::sync::watch;
use tokio_util::sync::CancellationToken;

use crate::clock::{Randomness, SharedClock};
use crate::domain::{AlertReceiver, Channels, Redacted, Timestamp, UserId};
use crate::evidence::Signer;
use crate::observe::Metrics;
use crate::search::feeder::Feeder;
use crate::store::Repo;
use crate::submit::Submitter;
use crate::tracker::{FileScanner, Tracker, Users};

pub use api::auth::new_token;
pub use pages::{FileReader, HtmlReader, Speaker, Spoken, router};
pub use password::hash_password;
pub use public::{PublicSettings, PublicSite, public_router};
pub use readiness::{Alarm, ChannelHealth, ChannelState, Part, Readiness};
pub use serve::{Limits, TlsWatch, serve};
pub use session::hash as token_hash;

use password::PasswordGate;
use throttle::Throttle;
use words::Words;

/// What the console is told of the configuration.
#[derive(Clone, Debug)]
pub struct ConsoleSettings {
    /// Language of the pages for whoever has chosen none (ISO 639-1).
    pub language: String,
    /// Zone in which times are shown.
    pub time_zone: TimeZone,
    /// Region in which national telephone numbers are read (ISO 3166-1 alpha-2).
    pub default_region: String,
    /// Names of the categories for people, by their stable names.
    pub category_titles: HashMap<String, String>,
    /// Send the session cookie over HTTPS only.
    pub secure_cookie: bool,
    /// Hosts that requests may ask for (against DNS rebinding); empty for any.
    pub allowed_hosts: Vec<String>,
    /// A session ends after this long without a request.
    pub session_idle: Duration,
    /// A session ends after this long in any case.
    pub session_lifetime: Duration,
    /// Failed logins by one login name from one address before it has to wait; the address alone
    /// may fail four times as often.
    pub login_failures_max: u32,
    /// How long it has to wait.
    pub login_failures_wait: Duration,
    /// Nobody does anything before having set up a second factor.
    pub second_factor_required: bool,
    /// Requests of one API token in a minute; 0 for as many as it likes.
    pub api_requests_per_minute: u32,
    /// Proxies whose `X-Forwarded-For` is believed.
    pub trusted_proxies: Vec<IpAddr>,
    /// Who may read `/metrics` without a login, loopback aside.
    pub metrics_allow: Vec<IpAddr>,
    /// Largest form, in bytes.
    pub body_size_max: usize,
    /// Longest time for one request, event streams excepted.
    pub request_timeout: Duration,
    /// How references of new cases are proposed.
    pub case_references: crate::domain::ReferencePattern,
    /// What was sent and nobody has confirmed for longer is pointed out.
    pub overdue: Duration,
    /// The address that email of ours comes from, for details.
    pub sender: String,
    /// Who is told of the alerts of an Alertmanager.
    pub alert_receivers: Vec<AlertReceiver>,
    /// Category of alerts of the Common Alerting Protocol.
    pub cap_category: String,
    /// By which channels they go out.
    pub cap_channels: Channels,
    /// The installation names networks where news for programs may go over http.
    pub plain_webhooks: bool,
    /// What bundles of evidence call the place they come from: the name of the machine.
    pub installation: String,
}

impl Default for ConsoleSettings {
    fn default() -> Self {
        Self {
            language: "en".to_owned(),
            time_zone: TimeZone::UTC,
            default_region: "GB".to_owned(),
            category_titles: HashMap::new(),
            secure_cookie: false,
            allowed_hosts: Vec::new(),
            session_idle: Duration::from_secs(3600),
            session_lifetime: Duration::from_secs(12 * 3600),
            login_failures_max: 10,
            api_requests_per_minute: 3000,
            login_failures_wait: Duration::from_secs(15 * 60),
            second_factor_required: false,
            trusted_proxies: Vec::new(),
            metrics_allow: Vec::new(),
            body_size_max: 30 * 1024 * 1024,
            request_timeout: Duration::from_secs(30),
            case_references: crate::domain::ReferencePattern::default(),
            overdue: entries::OVERDUE,
            sender: String::new(),
            alert_receivers: Vec::new(),
            cap_category: "alert".to_owned(),
            cap_channels: Channels {
                email: true,
                text: true,
                call: true,
            },
            plain_webhooks: false,
            installation: String::new(),
        }
    }
}

/// Everything the console stands on.
#[derive(Clone, Debug)]
pub struct Console {
    /// What it reads.
    pub repo: Repo,
    /// What time it is.
    pub clock: SharedClock,
    /// Where tokens come from.
    pub random: Randomness,
    /// Where messages go in.
    pub submit: Submitter,
    /// Where contacts are changed, and what tells of changes.
    pub tracker: Tracker,
    /// Finds what was written by its words.
    pub search: Feeder,
    /// What is configured.
    pub settings: ConsoleSettings,
    /// How the daemon stands.
    pub readiness: watch::Receiver<Readiness>,
    /// What is counted.
    pub metrics: Arc<Metrics>,
    /// Says what a call says, where the daemon can.
    pub speaker: Option<Arc<dyn Speaker>>,
    /// Signs bundles of evidence.
    pub evidence: Signer,
    /// Seals the places in lists; kept with the state.
    pub cursor_key: Redacted<[u8; 32]>,
    /// Takes files out of mails that came in.
    pub file_of_mail: FileReader,
    /// Takes the HTML out of mails that came in or were handed in.
    pub html_of_mail: HtmlReader,
    /// Looks through files that came in before they are handed out, where there is one.
    pub scanner: Option<Arc<dyn FileScanner>>,
    /// Cancelled when the daemon stops: event streams end then.
    pub stop: CancellationToken,
}

/// The console with what it remembers between requests.
pub(crate) struct App {
    pub(crate) console: Console,
    /// The words where nobody has chosen others: of the configured language.
    pub(crate) default_words: &'static Words,
    pub(crate) gate: PasswordGate,
    /// Signs the login form's token; made anew at each start.
    pub(crate) login_key: [u8; 32],
    pub(crate) cursors: cursor::Sealer,
    /// Names this run of the daemon among the requests of programs.
    pub(crate) run: [u8; 16],
    tokens: Mutex<Throttle>,
    rates: Mutex<api::rate::Rates>,
    logins: Mutex<Throttle>,
    codes: Mutex<Throttle>,
    addresses: Mutex<Throttle>,
    /// Users for whom contacts are being put on a list right now.
    gathering: Mutex<HashSet<UserId>>,
    /// Contacts that may be the same person, as they were found last.
    pub(crate) duplicates: data::duplicates::Duplicates,
    /// What was refused and recorded lately.
    pub(crate) refusals: acts::Refusals,
    streams: Arc<tokio::sync::Semaphore>,
    exports: Arc<tokio::sync::Semaphore>,
    /// Files being made, for those who wait for them.
    pub(crate) watched: making::Watched,
    /// Whose first rows are being read for the page of columns.
    pub(crate) glimpses: Arc<tokio::sync::Semaphore>,
    /// Uploads that may be read at once.
    pub(crate) uploads: Arc<tokio::sync::Semaphore>,
    /// Mails that may be taken apart at once.
    pub(crate) reading: tokio::sync::Semaphore,
    /// Scripts that may be spoken at once.
    pub(crate) speaking: tokio::sync::Semaphore,
}

/// An address may fail so many times as often as one login from there: an office looks like one
/// address from outside.
const PEOPLE_AT_ADDRESS: u32 = 4;

/// Most event streams at a time.
const STREAMS_MAX: usize = 200;
/// Most Excel files being made or fetched at a time.
const EXPORTS_MAX: usize = 3;
/// Most files whose first rows are read at a time, for as long as that takes: nobody waits for a
/// download or an import to end.
const GLIMPSES_MAX: usize = 1;

impl App {
    pub(crate) fn new(console: Console) -> Arc<Self> {
        let limits = throttle::Limits {
            failures_max: console.settings.login_failures_max,
            wait: console.settings.login_failures_wait,
        };
        Arc::new(Self {
            default_words: Words::of(&console.settings.language),
            gate: PasswordGate::new(),
            login_key: console.random.bytes(),
            cursors: cursor::Sealer::new(console.cursor_key.reveal()),
            gathering: Mutex::new(HashSet::new()),
            run: console.random.bytes(),
            tokens: Mutex::new(Throttle::new(throttle::Limits {
                failures_max: limits.failures_max.saturating_mul(PEOPLE_AT_ADDRESS),
                ..limits
            })),
            rates: Mutex::default(),
            logins: Mutex::new(Throttle::new(limits)),
            codes: Mutex::new(Throttle::new(limits)),
            addresses: Mutex::new(Throttle::new(throttle::Limits {
                failures_max: limits.failures_max.saturating_mul(PEOPLE_AT_ADDRESS),
                ..limits
            })),
            duplicates: data::duplicates::Duplicates::default(),
            refusals: acts::Refusals::default(),
            streams: Arc::new(tokio::sync::Semaphore::new(STREAMS_MAX)),
            exports: Arc::new(tokio::sync::Semaphore::new(EXPORTS_MAX)),
            watched: making::Watched::default(),
            glimpses: Arc::new(tokio::sync::Semaphore::new(GLIMPSES_MAX)),
            uploads: Arc::new(tokio::sync::Semaphore::new(pages::UPLOADS_AT_ONCE)),
            reading: tokio::sync::Semaphore::new(pages::READING_AT_ONCE),
            speaking: tokio::sync::Semaphore::new(pages::SPEAKING_AT_ONCE),
            console,
        })
    }

    pub(crate) fn now(&self) -> Timestamp {
        self.console.clock.wall()
    }

    pub(crate) fn repo(&self) -> &Repo {
        &self.console.repo
    }

    /// The table of failed logins by address alone.
    pub(crate) fn addresses(&self) -> MutexGuard<'_, Throttle> {
        self.addresses
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
    }

    /// The table of wrong codes by user.
    pub(crate) fn codes(&self) -> MutexGuard<'_, Throttle> {
        self.codes.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// The table of wrong tokens by network.
    pub(crate) fn tokens(&self) -> MutexGuard<'_, Throttle> {
        self.tokens.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// What tokens have asked of late.
    pub(crate) fn rates(&self) -> MutexGuard<'_, api::rate::Rates> {
        self.rates.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// The users, to change them.
    pub(crate) fn users(&self) -> Users {
        let console = &self.console;
        Users::new(
            console.repo.clone(),
            console.clock.clone(),
            console.random.fork(),
        )
    }

    /// Whether nothing was being gathered for a user; from now on something is.
    fn begin_gathering(&self, user: UserId) -> bool {
        let mut gathering = self
            .gathering
            .lock()
            .unwrap_or_else(PoisonError::into_inner);
        gathering.insert(user)
    }

    fn end_gathering(&self, user: UserId) {
        let mut gathering = self
            .gathering
            .lock()
            .unwrap_or_else(PoisonError::into_inner);
        gathering.remove(&user);
    }

    /// The table of failed logins. It is whole between any two statements, so a panicking
    /// holder leaves nothing half done.
    pub(crate) fn logins(&self) -> MutexGuard<'_, Throttle> {
        self.logins.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
