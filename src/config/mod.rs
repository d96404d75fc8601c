//! The configuration: TOML in, a checked [`Config`] out.
//!
//! Every mistake is reported at once, with its line, column and key; unknown
//! keys are mistakes. Nothing is read from the environment except systemd's
//! `$CREDENTIALS_DIRECTORY`. Secrets come from files or credentials and are
//! never printed. `config/tocsin.toml` lists every key with its default.

mod alerts;
mod cases;
mod console;
mod email;
mod listen;
mod mistake;
mod names;
mod policy;
mod public;
mod reader;
mod replies;
mod retention;
mod secret;
mod server;
mod sms;
mod units;
mod value;
mod voice;
mod webhooks;

use std::collections::BTreeSet;
use std::path::Path;

use serde::Serialize;

pub use alerts::{Alerts, Cap, Receiver};
pub use cases::{Cases, Correspondence};
pub use console::{Console, Log, LogFormat, SecondFactor};
pub use email::{DaneMode, Dkim, Email, EmailDestination, Relay, Retry, Route, Scanner, TlsMode};
pub use listen::{Account, HttpListener, Listen, SmtpListener, Submission, Tls};
pub use mistake::{ConfigError, Mistake};
pub use policy::{Approval, Category, Notices, Reminders, Schedule, Suspension};
pub use public::Public;
pub use replies::{Repair, Replies, ReplyLanguage};
pub use retention::Retention;
pub use secret::{Secret, SecretSource, Surroundings};
pub use server::{Engine, Server, Store};
pub use sms::{
    BindMode, CarrierSettings, DefaultAlphabet, InterfaceVersion, NationalTable, Price,
    ReceiptIdFormat, SEGMENTS_MAX, Segmentation, Sms, SmsBind, SmsCarrier, Tolerance,
};
pub use voice::{Codec, SipTransport, Speech, Trunk, Voice};
pub use webhooks::Webhooks;

/// A configuration file larger than this is a mistake.
const FILE_SIZE_MAX: u64 = 1 << 20;

/// The whole configuration, checked.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Config {
    /// Who we are.
    pub server: Server,
    /// Where the state lives.
    pub store: Store,
    /// Where we listen.
    pub listen: Listen,
    /// Our certificate.
    pub tls: Tls,
    /// Applications that submit.
    pub submission: Submission,
    /// Mail out.
    pub email: Email,
    /// Texts.
    pub sms: Sms,
    /// Calls.
    pub voice: Voice,
    /// Kinds of communication; at least one.
    #[serde(rename = "category")]
    pub categories: Vec<Category>,
    /// Second and third tries.
    pub reminders: Reminders,
    /// When a method is suspended.
    pub suspension: Suspension,
    /// What a second pair of eyes must see first.
    pub approval: Approval,
    /// What goes out by itself at its time.
    pub schedule: Schedule,
    /// What contacts are told when a method stops working.
    pub notices: Notices,
    /// What is done by itself with what people write back.
    pub replies: Replies,
    /// How cases are called.
    pub cases: Cases,
    /// Correspondence with clients and creditors.
    pub correspondence: Correspondence,
    /// Alerts of other programs.
    pub alerts: Alerts,
    /// News for programs.
    pub webhooks: Webhooks,
    /// How long what was said is kept.
    pub retention: Retention,
    /// The console.
    pub console: Console,
    /// The pages for people themselves.
    pub public: Public,
    /// Logs.
    pub log: Log,
}

impl Config {
    /// What an empty file means.
    #[must_use]
    pub fn defaults() -> Config {
        let around = Surroundings::default();
        let (config, mistakes, _) = Config::read("", &around);
        debug_assert!(mistakes.is_empty(), "the defaults are right: {mistakes:?}");
        config
    }

    /// Reads and checks a file; relative paths in it start from its folder.
    ///
    /// # Errors
    /// When the file cannot be read, or with every mistake that is in it.
    pub fn load(path: &Path) -> Result<Config, ConfigError> {
        let folder = path.parent().unwrap_or(Path::new(""));
        Config::load_with(path, &Surroundings::of(folder))
    }

    /// As [`Config::load`], with the surroundings handed in.
    ///
    /// # Errors
    /// As [`Config::load`].
    pub fn load_with(path: &Path, around: &Surroundings) -> Result<Config, ConfigError> {
        let name = path.display().to_string();
        let text = read_file(path).map_err(|source| ConfigError::Unreadable {
            path: name.clone(),
            source,
        })?;
        Config::parse(&text, around).map_err(|mistakes| ConfigError::Mistaken {
            path: name,
            mistakes,
        })
    }

    /// Checks a text.
    ///
    /// # Errors
    /// Every mistake in it, in the order of its lines.
    pub fn parse(text: &str, around: &Surroundings) -> Result<Config, Vec<Mistake>> {
        let (config, mistakes, _) = Config::read(text, around);
        if mistakes.is_empty() {
            Ok(config)
        } else {
            Err(mistakes)
        }
    }

    /// The effective configuration as TOML, defaults filled in and secrets hidden.
    #[must_use]
    pub fn to_toml(&self) -> String {
        toml::to_string(self).unwrap_or_else(|error| format!("# cannot be shown: {error}\n"))
    }

    /// Names of the sections in which `other` differs, for a reload to say what it does.
    #[must_use]
    pub fn differing_sections(&self, other: &Config) -> Vec<&'static str> {
        let sections = [
            ("server", self.server != other.server),
            ("store", self.store != other.store),
            ("listen", self.listen != other.listen),
            ("tls", self.tls != other.tls),
            ("submission", self.submission != other.submission),
            ("email", self.email != other.email),
            ("sms", self.sms != other.sms),
            ("voice", self.voice != other.voice),
            ("category", self.categories != other.categories),
            ("reminders", self.reminders != other.reminders),
            ("suspension", self.suspension != other.suspension),
            ("approval", self.approval != other.approval),
            ("schedule", self.schedule != other.schedule),
            ("notices", self.notices != other.notices),
            ("replies", self.replies != other.replies),
            ("cases", self.cases != other.cases),
            (
                "correspondence",
                self.correspondence != other.correspondence,
            ),
            ("alerts", self.alerts != other.alerts),
            ("webhooks", self.webhooks != other.webhooks),
            ("retention", self.retention != other.retention),
            ("console", self.console != other.console),
            ("public", self.public != other.public),
            ("log", self.log != other.log),
        ];
        sections
            .into_iter()
            .filter(|(_, differs)| *differs)
            .map(|(name, _)| name)
            .collect()
    }

    /// The configuration with defaults where it is mistaken, the mistakes, and
    /// every key that was asked for.
    fn read(text: &str, around: &Surroundings) -> (Config, Vec<Mistake>, BTreeSet<String>) {
        let document = reader::Document::new(text, around);
        let table = document.parse();
        let root = document.root(&table);
        // First: it says whether secrets may be written in the file.
        let server = Server::read(&root.section("server"));
        let email = Email::read(&root.section("email"), &server.name, &server.domain);
        let categories = Category::read_all(&root);
        let config = Config {
            public: Public::read(&root.section("public"), &email.from_name),
            approval: Approval::read(&root.section("approval"), &categories),
            alerts: Alerts::read(&root.section("alerts"), &categories),
            schedule: Schedule::read(&root.section("schedule")),
            store: Store::read(&root.section("store")),
            listen: Listen::read(&root.section("listen")),
            tls: Tls::read(&root.section("tls")),
            submission: Submission::read(
                &root.section("submission"),
                &server.domain,
                email.retry.give_up_after,
            ),
            email,
            sms: Sms::read(&root.section("sms")),
            voice: Voice::read(&root.section("voice")),
            categories,
            reminders: Reminders::read(&root.section("reminders")),
            suspension: Suspension::read(&root.section("suspension")),
            notices: Notices::read(&root.section("notices")),
            replies: Replies::read(&root.section("replies")),
            cases: Cases::read(&root.section("cases")),
            correspondence: Correspondence::read(&root.section("correspondence")),
            webhooks: Webhooks::read(&root.section("webhooks")),
            retention: Retention::read(&root.section("retention")),
            console: Console::read(&root.section("console")),
            log: Log::read(&root.section("log")),
            server,
        };
        drop(root);
        let (mistakes, schema) = document.finish();
        (config, mistakes, schema)
    }
}

fn read_file(path: &Path) -> std::io::Result<String> {
    if std::fs::metadata(path)?.len() > FILE_SIZE_MAX {
        let message = format!("is larger than {FILE_SIZE_MAX} bytes");
        return Err(std::io::Error::new(
            std::io::ErrorKind::FileTooLarge,
            message,
        ));
    }
    std::fs::read_to_string(path)
}

#[cfg(test)]
mod tests;
