//! The real console over a durable store, on a socket.

use std::net::SocketAddr;
use std::path::Path;
use std::sync::Arc;

use tocsin::clock::{Randomness, SharedClock, SystemClock};
use tocsin::domain::reminder::ReminderPlan;
use tocsin::domain::suspension::SuspensionPolicy;
use tocsin::domain::{Category, Redacted, Role, User, UserId};
use tocsin::http::{Console, ConsoleSettings, Limits, Readiness, hash_password, router, serve};
use tocsin::observe::Metrics;
use tocsin::search::SearchIndex;
use tocsin::search::feeder::Feeder;
use tocsin::store::engine::OpenOptions;
use tocsin::store::{Batch, Repo, RowBatch, Store};
use tocsin::submit::{SubmitSettings, Submitter};
use tocsin::tracker::{PromptSettings, Tracker, TrackerSettings};
use tokio::sync::watch;
use tokio_util::sync::CancellationToken;

use crate::fill::START;

pub(crate) const PASSWORD: &str = "a bell rings in the night";

/// A running console.
pub(crate) struct Served {
    pub(crate) repo: Repo,
    pub(crate) random: Randomness,
    pub(crate) clock: SharedClock,
    pub(crate) tracker: Tracker,
    pub(crate) submit: Submitter,
    pub(crate) user: UserId,
    pub(crate) address: SocketAddr,
    pub(crate) stop: CancellationToken,
    _readiness: watch::Sender<Readiness>,
}

fn categories() -> Vec<Category> {
    vec![Category {
        name: "alert".to_owned(),
        confirmation_required: false,
        voicemail_counts: false,
    }]
}

/// Opens a store in the folder and serves its console.
pub(crate) async fn start(folder: &Path) -> Served {
    let mut options = OpenOptions::default();
    if let Ok(mib) = std::env::var("TOCSIN_PERF_CACHE_MIB") {
        options.cache_bytes = mib.parse::<u64>().unwrap() << 20;
    }
    let repo = Repo::new(Store::open(&folder.join("state"), &options).unwrap());
    // What was kept from another run holds what the same seed has made.
    let random = match repo.users(1).unwrap()[..] {
        [] => Randomness::seeded(7),
        _ => Randomness::from_os().unwrap(),
    };
    let clock = SystemClock::shared();
    let settings = TrackerSettings {
        categories: categories(),
        suspension: SuspensionPolicy::default(),
        prompts: PromptSettings::default(),
    };
    let tracker = Tracker::new(repo.clone(), clock.clone(), random.fork(), settings);
    let settings = SubmitSettings {
        categories: categories(),
        reminders: ReminderPlan::default(),
        default_language: "en".to_owned(),
        ..SubmitSettings::default()
    };
    let submit = Submitter::new(
        repo.clone(),
        clock.clone(),
        random.fork(),
        tracker.clone(),
        settings,
    );
    let user = add_user(&repo, &random).await;
    let (readiness, watched) = watch::channel(Readiness::default());
    let stop = CancellationToken::new();
    let (index, opened) = SearchIndex::open(&folder.join("search"), "perf").unwrap();
    let search = Feeder::new(repo.clone(), Arc::new(index), opened, "perf");
    tokio::spawn(search.clone().run(stop.clone()));
    let router = router(Console {
        repo: repo.clone(),
        clock: clock.clone(),
        random: random.clone(),
        submit: submit.clone(),
        tracker: tracker.clone(),
        search: search.clone(),
        settings: ConsoleSettings::default(),
        readiness: watched,
        metrics: Metrics::new(START.as_secs()),
        speaker: None,
        evidence: tocsin::evidence::Signer::from_seed(&[9; 32]).unwrap(),
        cursor_key: tocsin::domain::Redacted::new([10; 32]),
        file_of_mail: tocsin::inbound::file_of_mail,
        html_of_mail: tocsin::inbound::html_of_mail,
        scanner: None,
        stop: stop.clone(),
    });
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    let limits = Limits {
        connections_max: 100,
    };
    tokio::spawn(serve(listener, router, limits, None, stop.clone()));
    Served {
        repo,
        random,
        clock,
        tracker,
        submit,
        user,
        address,
        stop,
        _readiness: readiness,
    }
}

impl Served {
    /// Ends everything and lets go of the state.
    pub(crate) async fn end(self) {
        self.stop.cancel();
        let store = self.repo.store().clone();
        drop(self);
        tokio::time::sleep(std::time::Duration::from_millis(500)).await;
        store.close().await.unwrap();
    }
}

async fn add_user(repo: &Repo, random: &Randomness) -> UserId {
    if let Some(known) = repo.users(1).unwrap().first() {
        return known.id;
    }
    let id = UserId::new(random.uuid_v7(START));
    let user = User {
        id,
        login: "ida".to_owned(),
        name: "Ida Bell".to_owned(),
        role: Role::Administrator,
        password_hash: Redacted::new(hash_password(PASSWORD, Role::Operator, random).unwrap()),
        created_at: START,
        language: None,
        time_zone: None,
        email: None,
        mobile: None,
        areas: Vec::new(),
        notify_replies: false,
        case_scope: tocsin::domain::CaseScope::All,
        disabled: false,
        second_factor: None,
    };
    let mut batch = Batch::new();
    batch.insert(&user);
    repo.store().commit(batch).await.unwrap();
    id
}
