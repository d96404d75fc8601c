//! What the doors answer to applications that write to many, and to reports about old mail.
#![allow(clippy::unwrap_used)]

use std::sync::atomic::{AtomicBool, Ordering};

use super::*;
use crate::clock::{Randomness, VirtualClock};
use crate::config::Surroundings;
use crate::daemon::full_disk::filling_store;
use crate::daemon::state::{submit_settings, sync_accounts, tracker_settings};
use crate::domain::{CaseScope, ReturnPaths, Role, Timestamp};
use crate::proto::smtp::{Envelope, Notify};
use crate::store::Store;
use crate::tracker::{NewUser, Tracker, Users};

const MINUTE: Duration = Duration::from_secs(60);
const DAY: Duration = Duration::from_secs(24 * 3600);

/// Everybody may write to two recipients an hour.
const TWO_AN_HOUR: &str = "\
[server]
name = \"gw.example\"
[submission]
recipients_per_hour = 2
";

/// Applications that are in the settings, with limits of their own or without.
const ACCOUNTS: &str = "
[[submission.account]]
name = \"payroll\"
password_hash = \"$argon2id$v=19$m=19456,t=2,p=1$dG9jc2luLW5vYm9keS0xNg$AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA\"
recipients_per_hour = 4
recipients_per_day = 5
[[submission.account]]
name = \"siren\"
password_hash = \"$argon2id$v=19$m=19456,t=2,p=1$dG9jc2luLW5vYm9keS0xNg$AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA\"
recipients_per_hour = 0
[[submission.account]]
name = \"rota\"
password_hash = \"$argon2id$v=19$m=19456,t=2,p=1$dG9jc2luLW5vYm9keS0xNg$AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA\"
";

const TOO_MANY: &str = "550 5.7.1 more recipients than this account may write to at all";

struct House {
    doors: Doors,
    repo: Repo,
    clock: Arc<VirtualClock>,
    metrics: Arc<Metrics>,
}

impl House {
    /// With the applications "letters" and "wiki", which were made with `tocsin user`, besides
    /// those of the settings.
    async fn new(store: Store, settings: &str) -> Self {
        let config = Config::parse(settings, &Surroundings::default()).unwrap();
        let clock = VirtualClock::standing(Timestamp::from_millis(1_800_000_000_000));
        let shared: SharedClock = clock.clone();
        let random = Randomness::seeded(5);
        let repo = Repo::new(store);
        let tracker = Tracker::new(
            repo.clone(),
            clock.clone(),
            random.clone(),
            tracker_settings(&config),
        );
        let submitter = Submitter::new(
            repo.clone(),
            clock.clone(),
            random.clone(),
            tracker.clone(),
            submit_settings(&config),
        );
        let paths = ReturnPaths::new(&config.server.bounce_domain, &[9; 32]);
        let inbound = Inbound::new(repo.clone(), tracker, clock.clone(), random.clone(), paths);
        sync_accounts(&repo, &config, &shared, &random)
            .await
            .unwrap();
        let users = Users::new(repo.clone(), shared.clone(), random.clone());
        for login in ["letters", "wiki"] {
            users.add(application(login)).await.unwrap();
        }
        let metrics = Metrics::new(0);
        let secret = Redacted::new([1; 32]);
        let gate = Gate::new(
            &config.submission,
            repo.clone(),
            shared.clone(),
            random,
            secret,
        );
        let doors = Doors::new(
            &config,
            repo.clone(),
            submitter,
            inbound,
            shared,
            gate,
            Arc::clone(&metrics),
        );
        Self {
            doors,
            repo,
            clock,
            metrics,
        }
    }

    /// An application hands in a mail to so many people: what it is refused with, if it is.
    async fn refusal(&self, login: &str, people: usize) -> Option<String> {
        let recipients = (0..people).map(|n| recipient(&format!("p{n}@town.example")));
        let from = Mailbox::parse("app@gw.example").unwrap();
        let message = ReceivedMessage {
            session: session(Service::Submission, Some(login)),
            envelope: Envelope {
                from: ReversePath::Mailbox(from),
                params: MailParams::default(),
                recipients: recipients.collect(),
            },
            raw: b"From: app@gw.example\r\nSubject: Hello\r\n\r\nHello.\r\n".to_vec(),
        };
        match self.doors.store(message).await {
            Ok(_) => None,
            Err(StoreRefusal::Rejected(reply)) => Some(reply.to_string()),
            Err(other) => Some(format!("{other:?}")),
        }
    }

    /// Deliveries that were made.
    fn kept(&self) -> usize {
        self.repo.deliveries(None, 100).unwrap().rows.len()
    }
}

fn application(login: &str) -> NewUser {
    NewUser {
        login: login.to_owned(),
        name: login.to_owned(),
        role: Role::Application,
        password_hash: String::new(),
        areas: Vec::new(),
        case_scope: CaseScope::All,
        email: None,
    }
}

fn session(service: Service, user: Option<&str>) -> SessionInfo {
    SessionInfo {
        id: "s1".to_owned(),
        service,
        peer: ([192, 0, 2, 1], 1025).into(),
        hello: None,
        user: user.map(str::to_owned),
        tls: None,
    }
}

fn recipient(address: &str) -> Recipient {
    Recipient {
        path: ForwardPath::Mailbox(Mailbox::parse(address).unwrap()),
        notify: None,
        orcpt: None,
    }
}

#[tokio::test]
async fn beyond_its_hour_an_application_is_told_when_to_come_again_and_nothing_is_kept() {
    let house = House::new(Store::memory(), TWO_AN_HOUR).await;
    assert_eq!(house.refusal("letters", 1).await, None);
    house.clock.advance(10 * MINUTE);
    assert_eq!(house.refusal("letters", 1).await, None);
    assert_eq!(house.kept(), 2);
    let later = "450 4.7.28 too many recipients for now; room again in 50 min";
    assert_eq!(house.refusal("letters", 1).await.as_deref(), Some(later));
    assert_eq!(house.kept(), 2);
    // Another application has an hour of its own.
    assert_eq!(house.refusal("wiki", 2).await, None);
    assert_eq!(house.kept(), 4);
    house.clock.advance(49 * MINUTE);
    let later = "450 4.7.28 too many recipients for now; room again in 1 min";
    assert_eq!(house.refusal("letters", 1).await.as_deref(), Some(later));
    house.clock.advance(MINUTE);
    assert_eq!(house.refusal("letters", 1).await, None);
    assert_eq!(house.kept(), 5);
    let refused = house
        .metrics
        .messages_refused
        .with(&["submission", "quota"]);
    assert_eq!(refused.get(), 2);
}

#[tokio::test]
async fn a_mail_to_more_than_an_hour_ever_has_room_for_is_refused_for_good() {
    let house = House::new(Store::memory(), TWO_AN_HOUR).await;
    assert_eq!(house.refusal("letters", 3).await.as_deref(), Some(TOO_MANY));
    assert_eq!(house.kept(), 0);
    assert_eq!(house.refusal("letters", 2).await, None, "none was counted");
}

#[tokio::test]
async fn what_the_settings_say_of_an_application_goes_before_what_they_say_of_all() {
    let house = House::new(Store::memory(), &format!("{TWO_AN_HOUR}{ACCOUNTS}")).await;
    assert_eq!(house.refusal("payroll", 5).await.as_deref(), Some(TOO_MANY));
    assert_eq!(house.refusal("payroll", 4).await, None);
    // Four of the five of its day are used.
    house.clock.advance(61 * MINUTE);
    let later = "450 4.7.28 too many recipients for now; room again in 1379 min";
    assert_eq!(house.refusal("payroll", 2).await.as_deref(), Some(later));
    assert_eq!(house.refusal("payroll", 1).await, None);
    for _ in 0..3 {
        assert_eq!(house.refusal("siren", 9).await, None, "as many as it likes");
    }
    assert_eq!(house.refusal("rota", 3).await.as_deref(), Some(TOO_MANY));
    assert_eq!(house.refusal("rota", 2).await, None);
    assert_eq!(house.refusal("wiki", 3).await.as_deref(), Some(TOO_MANY));
}

#[tokio::test]
async fn what_could_not_be_stored_leaves_room_for_the_next_try() {
    let folder = tempfile::tempdir().unwrap();
    let is_full = Arc::new(AtomicBool::new(false));
    let house = House::new(filling_store(folder.path(), &is_full), TWO_AN_HOUR).await;
    is_full.store(true, Ordering::SeqCst);
    for _ in 0..2 {
        let refused = house.refusal("letters", 2).await;
        assert_eq!(refused.as_deref(), Some("DiskFull"));
    }
    is_full.store(false, Ordering::SeqCst);
    assert_eq!(house.kept(), 0);
    assert_eq!(house.refusal("letters", 2).await, None);
    assert_eq!(house.kept(), 2);
    let refused = house.refusal("letters", 1).await.unwrap();
    assert!(refused.starts_with("450 4.7.28 "), "{refused}");
}

#[tokio::test]
async fn reports_are_taken_as_long_as_a_bounce_lives() {
    let house = House::new(Store::memory(), "[server]\nname = \"gw.example\"\n").await;
    assert_eq!(house.refusal("letters", 1).await, None);
    let delivery = house.repo.deliveries(None, 1).unwrap().rows.remove(0).id;
    let address = house.doors.inbound.return_paths().address(delivery);
    let session = session(Service::Mx, None);
    let comes = async || {
        let to = recipient(&address);
        house
            .doors
            .recipient(&session, &ReversePath::Null, &to)
            .await
    };
    let expired = || {
        house
            .metrics
            .messages_refused
            .with(&["mx", "expired"])
            .get()
    };
    house.clock.advance(89 * DAY);
    assert_eq!(comes().await, Decision::Accept);
    assert_eq!(expired(), 0);
    house.clock.advance(2 * DAY);
    let Decision::Reject(reply) = comes().await else {
        panic!("it was taken after 91 days");
    };
    assert_eq!(reply.to_string(), "550 5.1.1 no such mailbox here");
    assert_eq!(expired(), 1);
}

#[tokio::test]
async fn what_is_asked_of_each_recipient_is_kept_with_its_delivery() {
    let house = House::new(Store::memory(), "[server]\nname = \"gw.example\"\n").await;
    let asking = |address: &str, notify| Recipient {
        notify,
        ..recipient(address)
    };
    let all = Notify::On {
        success: true,
        failure: true,
        delay: true,
    };
    let message = ReceivedMessage {
        session: session(Service::Submission, Some("letters")),
        envelope: Envelope {
            from: ReversePath::Mailbox(Mailbox::parse("app@gw.example").unwrap()),
            params: MailParams {
                envid: Some("QQ1".to_owned()),
                ..MailParams::default()
            },
            recipients: vec![
                asking("p0@town.example", Some(all)),
                asking("p1@town.example", Some(Notify::Never)),
                asking("p2@town.example", None),
            ],
        },
        raw: b"From: app@gw.example\r\nSubject: Hello\r\n\r\nHello.\r\n".to_vec(),
    };
    house.doors.store(message).await.unwrap();
    let rows = house.repo.deliveries(None, 9).unwrap().rows;
    let mut asked: Vec<_> = rows
        .iter()
        .map(|row| {
            let report = row.report.as_ref();
            let id = report.map(|report| report.envelope_id.clone());
            (row.destination.reveal().to_owned(), id)
        })
        .collect();
    asked.sort();
    let expected = [
        ("p0@town.example".to_owned(), Some("QQ1".to_owned())),
        ("p1@town.example".to_owned(), None),
        ("p2@town.example".to_owned(), None),
    ];
    assert_eq!(asked, expected);
}
