//! Opening the state, and what the rooms are told of the configuration.

use std::collections::BTreeMap;
use std::time::Duration;

use anyhow::Context;

use jiff::tz::TimeZone;

use crate::channel::sms::segment_options;
use crate::clock::{Randomness, SharedClock};
use crate::config::{BindMode, Config, Engine, SEGMENTS_MAX, SecondFactor};
use crate::domain::delivery;
use crate::domain::reminder::ReminderPlan;
use crate::domain::repair::Repair;
use crate::domain::retention::RetentionRules;
use crate::domain::suspension::SuspensionPolicy;
use crate::domain::{AlertReceiver, Channels, Keyword, Keywords, Tracking};
use crate::domain::{CaseScope, Category, Redacted, Role, User, UserId, user};
use crate::evidence::Signer;
use crate::http::{ConsoleSettings, PublicSettings};
use crate::queue::schedule::RetrySchedule;
use crate::store::engine::OpenOptions;
use crate::store::{Batch, Repo, RowBatch, Store, keys};
use crate::submit::{
    Amount, ApprovalRules, ReplyNoticeSettings, SubmitSettings, TextCarrier, TextCarriers,
};
use crate::tracker::{
    KeywordTexts, NewUser, PromptSettings, ReplySettings, ReportSettings, TrackerSettings, Users,
};

/// Name under which the key that signs bounce addresses is kept.
const SIGNING_KEY: &str = "signing-key";
/// Name under which the key that signs bundles of evidence is kept.
const EVIDENCE_KEY: &str = "evidence-key";
/// Name under which the key that seals places in lists is kept.
const CURSOR_KEY: &str = "cursor-key";
/// Name under which the key is kept that makes what somebody unknown is asked at a login.
const CHALLENGE_KEY: &str = "challenge-key";

/// Opens the state folder, making it if need be.
///
/// # Errors
/// When it is in use, damaged beyond the journal's help, or cannot be made.
pub async fn open_store(config: &Config) -> anyhow::Result<Store> {
    match config.store.engine {
        Engine::Memory => Ok(Store::memory()),
        Engine::Sled => {
            let folder = config.server.state.clone();
            let options = OpenOptions {
                cache_bytes: config.store.cache_size,
                ..OpenOptions::default()
            };
            let opened = tokio::task::spawn_blocking(move || {
                std::fs::create_dir_all(&folder).with_context(|| {
                    format!("cannot make the state folder {}", folder.display())
                })?;
                Store::open(&folder, &options)
                    .with_context(|| format!("cannot open the state in {}", folder.display()))
            });
            opened.await.context("opening the state was interrupted")?
        }
    }
}

/// The key that signs bounce addresses: made once, kept with the state.
pub(super) async fn signing_key(repo: &Repo, random: &Randomness) -> anyhow::Result<[u8; 32]> {
    kept_key(repo, random, SIGNING_KEY).await
}

/// What signs bundles of evidence: its key is made once, and kept with the state.
pub(super) async fn evidence_signer(repo: &Repo, random: &Randomness) -> anyhow::Result<Signer> {
    let key = kept_key(repo, random, EVIDENCE_KEY).await?;
    Signer::from_seed(&key).context("the key of evidence cannot be used")
}

/// What seals places in lists: made once, kept with the state.
pub(super) async fn cursor_key(
    repo: &Repo,
    random: &Randomness,
) -> anyhow::Result<Redacted<[u8; 32]>> {
    Ok(Redacted::new(kept_key(repo, random, CURSOR_KEY).await?))
}

/// What makes what somebody unknown is asked at a login (SCRAM): made once, kept with the state, as
/// what somebody is asked who is known outlasts a start.
pub(super) async fn challenge_key(
    repo: &Repo,
    random: &Randomness,
) -> anyhow::Result<Redacted<[u8; 32]>> {
    Ok(Redacted::new(kept_key(repo, random, CHALLENGE_KEY).await?))
}

/// A key that is made at the first start.
async fn kept_key(repo: &Repo, random: &Randomness, name: &str) -> anyhow::Result<[u8; 32]> {
    if let Some(key) = repo.setting(name)? {
        let key = key.as_slice().try_into();
        return key.with_context(|| format!("{name} has the wrong size"));
    }
    let key: [u8; 32] = random.bytes();
    let mut batch = Batch::new();
    batch.assert_absent(keys::setting(name));
    batch.put(keys::setting(name), key.to_vec());
    repo.store().commit(batch).await?;
    Ok(key)
}

pub(super) fn tracker_settings(config: &Config) -> TrackerSettings {
    TrackerSettings {
        categories: categories(config),
        suspension: SuspensionPolicy {
            soft_failures: config.suspension.soft_failures as usize,
            window: config.suspension.soft_window,
        },
        prompts: PromptSettings {
            enabled: config.notices.enabled,
            cool_down: config.notices.cool_down,
            check_email_text: with_link(&config.notices.email_failed_sms, config),
            check_phone_subject: config.notices.phone_failed_subject.clone(),
            check_phone_text: with_link(&config.notices.phone_failed_email, config),
        },
    }
}

/// What reports to applications say of us.
pub(super) fn report_settings(config: &Config) -> ReportSettings {
    ReportSettings {
        server: config.server.name.clone(),
        domain: config.server.domain.clone(),
        sms_domain: config.server.sms_domain.clone(),
        voice_domain: config.server.voice_domain.clone(),
        delay_after: config.submission.delay_notice_after,
        mail_give_up_after: config.email.retry.give_up_after,
    }
}

/// How long things are kept, in the days of the installation's zone.
pub(super) fn retention_rules(config: &Config) -> RetentionRules {
    let settings = &config.retention;
    RetentionRules {
        correspondence_years: settings.correspondence_years,
        everything_else_years: Some(settings.everything_else_years).filter(|years| *years > 0),
        automatic: settings.automatic,
        zone: zone(config),
    }
}

fn with_link(text: &str, config: &Config) -> String {
    // Without public pages there is nowhere to log in; the console is for staff.
    let home = if config.listen.public.addresses.is_empty() {
        ""
    } else {
        config.public.url.as_str()
    };
    let filled = text.replace("{{ link }}", home);
    if home.is_empty() {
        // Nothing dangles where the link would have stood.
        return filled.trim_end_matches([' ', ':']).to_owned();
    }
    filled
}

/// Which words people write, and what is answered to them. Who has no language of theirs here is
/// answered in that of the installation.
pub(super) fn reply_settings(config: &Config) -> ReplySettings {
    let replies = &config.replies;
    let mut keywords = Keywords::default();
    let mut texts = Vec::with_capacity(replies.languages.len());
    for one in &replies.languages {
        keywords = keywords
            .with(Keyword::Stop, &one.stop)
            .with(Keyword::Start, &one.start)
            .with(Keyword::Help, &one.help)
            .with(Keyword::Yes, &one.yes);
        let filled = |text: &str| text.replace("{{ organisation }}", &config.public.organisation);
        texts.push(KeywordTexts {
            language: one.language.clone(),
            stopped: filled(&one.stopped),
            started: filled(&one.started),
            help: filled(&one.who),
        });
    }
    let usual = config.server.default_language.as_str();
    texts.sort_by_key(|texts| !usual.starts_with(texts.language.as_str()));
    ReplySettings {
        keywords,
        texts,
        repair: match replies.repair {
            crate::config::Repair::Off => Repair::Off,
            crate::config::Repair::Offer => Repair::Offer,
            crate::config::Repair::Automatic => Repair::Automatic,
        },
        region: config.server.default_region.clone(),
        answers_per_day_max: replies.answers_per_day_max,
    }
}

// Of every segment that may be sent the state can say what became of it.
const _: () = assert!(SEGMENTS_MAX as usize <= delivery::SEGMENTS_MAX);

/// How long receipts are waited for, by carrier; those are not there that send none, or have no
/// bind over which one could come.
pub(super) fn receipt_waits(config: &Config) -> BTreeMap<String, Duration> {
    let mut waits = BTreeMap::new();
    for bind in &config.sms.binds {
        let grace = bind.settings.receipt_grace;
        if bind.mode != BindMode::Transmitter && !grace.is_zero() {
            let wait = config.sms.validity.saturating_add(grace);
            waits.insert(bind.carrier.clone(), wait);
        }
    }
    waits
}

pub(super) fn reply_notices(config: &Config) -> ReplyNoticeSettings {
    let notices = &config.notices;
    ReplyNoticeSettings {
        interval: notices.reply_interval,
        subject: notices.reply_subject.clone(),
        one: notices.reply_email.clone(),
        many: notices.replies_email.clone(),
        base_url: config.console.base_url.clone(),
    }
}

/// What those who compose mail may have counted: nothing without the pages that count.
pub(super) fn tracking(config: &Config) -> Tracking {
    let pages = !config.listen.public.addresses.is_empty();
    Tracking {
        opens: pages && config.email.open_tracking,
        clicks: pages && config.email.click_tracking,
    }
}

pub(super) fn submit_settings(config: &Config) -> SubmitSettings {
    SubmitSettings {
        categories: categories(config),
        reminders: ReminderPlan {
            after: config.reminders.after.clone(),
        },
        default_language: config.server.default_language.clone(),
        approval: ApprovalRules {
            categories: config.approval.categories.clone(),
            above_people: config.approval.above_people,
            emergency_bypass: config.approval.emergency_bypass,
        },
        late_max: config.schedule.late_max,
        segments_max: usize::from(config.sms.segments_max),
        carriers: text_carriers(config),
        tracking: tracking(config),
        // The configuration has been checked: it names zones that there are.
        time_zone: jiff::tz::TimeZone::get(&config.server.time_zone)
            .unwrap_or(jiff::tz::TimeZone::UTC),
    }
}

/// What is in force after a reload. What the lanes put into mails is as it was at the start, and so
/// is what texts take, since `[email]` and `[sms]` wait for the next one: authors, pages and
/// messages say the same until then.
pub(super) fn reloaded_submit_settings(new: &Config, running: &Config) -> SubmitSettings {
    let running = submit_settings(running);
    SubmitSettings {
        tracking: running.tracking,
        carriers: running.carriers,
        segments_max: running.segments_max,
        ..submit_settings(new)
    }
}

/// The carriers that texts go out by, as they are counted and paid for.
fn text_carriers(config: &Config) -> TextCarriers {
    let mut carriers: Vec<TextCarrier> = Vec::new();
    let binds = config.sms.binds.iter();
    for bind in binds.filter(|bind| bind.mode != BindMode::Receiver) {
        if carriers.iter().any(|known| known.name == bind.carrier) {
            continue;
        }
        let of = &bind.settings;
        carriers.push(TextCarrier {
            name: bind.carrier.clone(),
            prefixes: of.prefixes.clone(),
            options: segment_options(of),
            price: (of.price_per_segment.0 > 0).then(|| Amount {
                millionths: of.price_per_segment.0,
                currency: of.currency.clone(),
            }),
        });
    }
    TextCarriers::new(carriers)
}

fn categories(config: &Config) -> Vec<Category> {
    let categories = config.categories.iter().map(|category| Category {
        name: category.name.clone(),
        confirmation_required: category.confirmation_required,
        voicemail_counts: category.voicemail_counts,
    });
    categories.collect()
}

pub(super) fn retry_schedule(retry: &crate::config::Retry) -> RetrySchedule {
    RetrySchedule {
        delays: retry.delays.clone(),
        jitter_percent: retry.jitter_percent,
        give_up_after: retry.give_up_after,
    }
}

/// The zone of the installation; checked when the settings were read.
pub(super) fn zone(config: &Config) -> TimeZone {
    TimeZone::get(&config.server.time_zone).unwrap_or(TimeZone::UTC)
}

pub(super) fn console_settings(config: &Config) -> anyhow::Result<ConsoleSettings> {
    let console = &config.console;
    let titles = config
        .categories
        .iter()
        .map(|category| (category.name.clone(), category.title.clone()));
    Ok(ConsoleSettings {
        language: config.server.default_language.clone(),
        time_zone: zone(config),
        default_region: config.server.default_region.clone(),
        category_titles: titles.collect(),
        secure_cookie: console.secure_cookie,
        allowed_hosts: console.allowed_hosts.clone(),
        session_idle: console.session_idle,
        session_lifetime: console.session_lifetime,
        login_failures_max: console.login_failures_max,
        api_requests_per_minute: console.api_requests_per_minute,
        login_failures_wait: console.login_failures_wait,
        second_factor_required: console.second_factor == SecondFactor::Required,
        trusted_proxies: console.trusted_proxies.clone(),
        metrics_allow: console.metrics_allow.clone(),
        body_size_max: usize::try_from(config.listen.console.body_size_max).unwrap_or(usize::MAX),
        request_timeout: config
            .listen
            .console
            .request_timeout
            .max(Duration::from_secs(1)),
        alert_receivers: config.alerts.receivers.iter().map(alert_receiver).collect(),
        cap_category: config.alerts.cap.category.clone(),
        cap_channels: channels(&config.alerts.cap.channels),
        plain_webhooks: !config.webhooks.allow_networks.is_empty(),
        case_references: crate::domain::ReferencePattern::parse(&config.cases.reference)
            .map_err(|why| anyhow::anyhow!("cases.reference {why}"))?,
        overdue: Duration::from_secs(u64::from(config.correspondence.overdue_hours) * 3600),
        sender: config.email.from.clone(),
        installation: config.server.name.clone(),
    })
}

/// Gives each configured account a user, so that what it hands in has an author.
pub(super) async fn sync_accounts(
    repo: &Repo,
    config: &Config,
    clock: &SharedClock,
    random: &Randomness,
) -> anyhow::Result<()> {
    let mut batch = Batch::new();
    for account in &config.submission.accounts {
        if repo.user_by_login(&account.name)?.is_none() {
            batch.insert(&new_user(
                clock,
                random,
                &account.name,
                Role::Application,
                String::new(),
            ));
        }
    }
    if !batch.is_empty() {
        repo.store().commit(batch).await?;
    }
    Ok(())
}

fn new_user(
    clock: &SharedClock,
    random: &Randomness,
    login: &str,
    role: Role,
    hash: String,
) -> User {
    let now = clock.wall();
    User {
        id: UserId::new(random.uuid_v7(now)),
        login: login.to_lowercase(),
        name: login.to_owned(),
        role,
        password_hash: Redacted::new(hash),
        created_at: now,
        language: None,
        time_zone: None,
        email: None,
        mobile: None,
        areas: Vec::new(),
        notify_replies: false,
        case_scope: CaseScope::All,
        disabled: false,
        second_factor: None,
    }
}

/// Adds somebody who may log in.
///
/// # Errors
/// When the login is taken or the store fails.
pub async fn add_user(
    repo: &Repo,
    clock: &SharedClock,
    random: &Randomness,
    login: &str,
    role: Role,
    case_scope: CaseScope,
    password: &str,
) -> anyhow::Result<UserId> {
    let hash = crate::http::hash_password(password, role, random)
        .context("the password cannot be hashed")?;
    let new = NewUser {
        login: user::login_name(login).map_err(|problem| anyhow::anyhow!("{problem}"))?,
        name: login.to_owned(),
        role,
        password_hash: hash,
        areas: Vec::new(),
        case_scope,
        email: None,
    };
    let users = Users::new(repo.clone(), clock.clone(), random.fork());
    let added = users.add(new).await;
    added.with_context(|| format!("cannot add the user {login}"))
}

pub(super) fn public_settings(config: &Config) -> PublicSettings {
    let public = &config.public;
    let listen = &config.listen.public;
    let titles = config
        .categories
        .iter()
        .map(|category| (category.name.clone(), category.title.clone()));
    PublicSettings {
        organisation: public.organisation.clone(),
        language: config.server.default_language.clone(),
        default_region: config.server.default_region.clone(),
        category_titles: titles.collect(),
        sign_up: public.sign_up,
        privacy_url: public.privacy_url.clone(),
        allowed_hosts: public.allowed_hosts.clone(),
        secure_cookie: public.secure_cookie,
        session_idle: public.session_idle,
        session_lifetime: public.session_lifetime,
        tries_per_ip_max: public.tries_per_ip_max,
        tries_max: public.tries_max,
        trusted_proxies: public.trusted_proxies.clone(),
        body_size_max: usize::try_from(listen.body_size_max).unwrap_or(usize::MAX),
        request_timeout: listen.request_timeout.max(Duration::from_secs(1)),
    }
}

fn channels(names: &[String]) -> Channels {
    let has = |name: &str| names.iter().any(|channel| channel == name);
    Channels {
        email: has("email"),
        text: has("text"),
        call: has("call"),
    }
}

fn alert_receiver(from: &crate::config::Receiver) -> AlertReceiver {
    AlertReceiver {
        name: from.name.clone(),
        category: from.category.clone(),
        channels: channels(&from.channels),
        groups: from.groups.clone(),
        areas: from.areas.clone(),
        emergency: from.emergency,
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;
    use crate::config::Surroundings;

    #[test]
    fn a_prompt_leads_to_the_public_pages_and_nowhere_without_them() {
        let read = |text: &str| Config::parse(text, &Surroundings::default()).unwrap();
        let with = read(
            "[listen.public]\naddresses = [\"127.0.0.1:0\"]\n[public]\nurl = \"https://me.example.org\"",
        );
        let prompts = tracker_settings(&with).prompts;
        for text in [&prompts.check_email_text, &prompts.check_phone_text] {
            assert!(text.ends_with(": https://me.example.org"), "{text}");
        }
        let without = tracker_settings(&read("")).prompts.check_email_text;
        assert!(without.ends_with("check your email address"), "{without}");
    }

    #[test]
    fn answers_name_us_and_begin_with_the_language_of_the_installation() {
        let text = "[server]\ndefault_language = \"fr\"\n[public]\norganisation = \"Ville\"\n\
                    [[replies.language]]\nlanguage = \"de\"\nstop = [\"Schluss\"]";
        let config = Config::parse(text, &Surroundings::default()).unwrap();
        let settings = reply_settings(&config);
        let texts = settings.texts.iter();
        let languages: Vec<&str> = texts.map(|one| one.language.as_str()).collect();
        assert_eq!(languages, ["fr", "de", "en"]);
        assert!(settings.texts[0].stopped.contains("SMS de Ville"));
        assert_eq!(settings.keywords.meaning("schluss!"), Some(Keyword::Stop));
        assert_eq!(settings.answers_per_day_max, 3);
    }

    #[test]
    fn receipts_are_waited_for_beyond_the_validity_unless_there_are_none() {
        let bind = "[[sms.bind]]\nname = \"main\"\nhost = \"smsc.example.net\"\n\
                    system_id = \"tocsin\"\npassword_file = \"unread\"\nsource = \"40404\"";
        let around = Surroundings {
            leave_secrets_unread: true,
            ..Surroundings::default()
        };
        let wait = |sms: &str, own: &str| {
            let config = Config::parse(&format!("{sms}\n{bind}\n{own}"), &around).unwrap();
            let wait = receipt_waits(&config).remove("main");
            wait.map(|wait| wait.as_secs() / 3600)
        };
        let without = "[sms]\nreceipt_grace = \"0s\"";
        assert_eq!(wait("", ""), Some(25));
        assert_eq!(wait("[sms]\nvalidity = \"2h\"", ""), Some(3));
        assert_eq!(wait(without, ""), None);
        assert_eq!(wait(without, "receipt_grace = \"2h\""), Some(26));
        assert_eq!(wait("", "receipt_grace = \"0s\""), None);
        assert_eq!(wait("", "mode = \"transmitter\""), None);
    }
}
