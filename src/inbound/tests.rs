//! What comes back, over the engine in memory.
#![allow(clippy::unwrap_used)]

mod forged;
mod keywords;
mod origins;
mod receipts;
mod scanned;
mod texts;
mod threads;

use std::sync::Arc;

use bytes::Bytes;

use super::*;
use crate::clock::{Clock, VirtualClock};
use crate::domain::reminder::ReminderPlan;
use crate::domain::suspension::SuspensionPolicy;
use crate::domain::{
    Content, Delivery, DeliveryId, EmailAddress, EmailStatus, Lane, LogEvent, MessageKind,
    MethodState, Reason, Redacted, Source, Status, Thread, Timestamp, UserId,
};
use crate::store::Store;
use crate::store::engine::Claim;
use crate::submit::{MailRecipient, SubmitSettings, SubmittedMail, Submitter};
use crate::tracker::{Event, PromptSettings, Tracker, TrackerSettings};

const RECEIVED: Status = Status::Email(EmailStatus::Received);
const REBOUND: Status = Status::Email(EmailStatus::Rebound);
const MARKED_AS_SPAM: Status = Status::Email(EmailStatus::MarkedAsSpam);
const DAY: Duration = Duration::from_secs(24 * 3600);

struct World {
    tracker: Tracker,
    repo: Repo,
    inbound: Inbound,
    submitter: Submitter,
    clock: Arc<VirtualClock>,
    delivery: Delivery,
}

/// A mail to ann@town.example.
fn letter() -> SubmittedMail {
    let address = EmailAddress::parse("ann@town.example").unwrap();
    let content = Content {
        subject: "s".into(),
        text: String::new(),
        html: String::new(),
        sms_text: String::new(),
        voice_script: String::new(),
        attachments: Vec::new(),
    };
    SubmittedMail {
        user: UserId::from_bytes([1; 16]),
        message: Bytes::from_static(b"Subject: s\r\n\r\nb\r\n"),
        content,
        recipients: vec![MailRecipient::Email(Redacted::new(address))],
        reports: Vec::new(),
    }
}

impl World {
    /// One mail to ann@town.example that her server has taken.
    async fn new() -> Self {
        let clock = VirtualClock::standing(Timestamp::from_millis(1_800_000_000_000));
        let random = Randomness::seeded(5);
        let repo = Repo::new(Store::memory());
        let settings = TrackerSettings {
            categories: Vec::new(),
            suspension: SuspensionPolicy::default(),
            prompts: PromptSettings::default(),
        };
        let tracker = Tracker::new(repo.clone(), clock.clone(), random.clone(), settings);
        let settings = SubmitSettings {
            categories: Vec::new(),
            reminders: ReminderPlan::default(),
            default_language: "en".into(),
            ..SubmitSettings::default()
        };
        let submitter = Submitter::new(
            repo.clone(),
            clock.clone(),
            random.clone(),
            tracker.clone(),
            settings,
        );
        submitter.submit_mail(&letter()).await.unwrap();
        let delivery = repo.deliveries(None, 1).unwrap().rows.remove(0).value;
        let event = Event::Changed {
            status: RECEIVED,
            verdict: None,
            source: Source::Peer,
        };
        tracker.record(delivery.id, event).await.unwrap();
        let paths = ReturnPaths::new("bounces.gw.example", &[9; 32]);
        let inbound = Inbound::new(repo.clone(), tracker.clone(), clock.clone(), random, paths);
        Self {
            tracker,
            repo,
            inbound,
            submitter,
            clock,
            delivery,
        }
    }

    /// One more mail to her, which her server has taken.
    async fn write_again(&self) -> DeliveryId {
        self.clock.advance(Duration::from_secs(1));
        self.submitter.submit_mail(&letter()).await.unwrap();
        let id = self.repo.deliveries(None, 1).unwrap().rows.remove(0).id;
        let event = Event::Changed {
            status: RECEIVED,
            verdict: None,
            source: Source::Peer,
        };
        self.tracker.record(id, event).await.unwrap();
        id
    }

    fn bounce_address(&self) -> String {
        self.inbound.return_paths().address(self.delivery.id)
    }

    /// Takes a mail in as our MX would, and reads it.
    async fn take(&self, to: &str, text: &str) {
        let message = Bytes::from(text.replace('\n', "\r\n"));
        self.inbound
            .keep_mail("", &[to.to_owned()], message)
            .await
            .unwrap();
        self.read_all().await;
    }

    /// What is due among the reports, or among the letters.
    fn due(&self, express: bool) -> Vec<Claim> {
        let (lane, lease) = (Lane::Inbound.number(express), Duration::from_secs(1));
        let store = self.repo.store();
        store.claim_due(lane, self.clock.wall(), lease, 10).unwrap()
    }

    async fn read_all(&self) {
        for express in [true, false] {
            for claim in self.due(express) {
                self.inbound.read_mail(&claim.id).await.unwrap();
            }
        }
    }

    fn now(&self) -> Delivery {
        self.repo.delivery(self.delivery.id).unwrap().unwrap().value
    }

    fn log(&self) -> Vec<LogEvent> {
        let page = self.repo.log(self.delivery.contact, None, 50).unwrap();
        page.rows.into_iter().map(|row| row.value.event).collect()
    }
}

fn report(fields: &str) -> String {
    format!(
        "From: MAILER-DAEMON@mx.example\nSubject: Undelivered Mail\nContent-Type: multipart/report; report-type=delivery-status; boundary=b\n\n\
         --b\nContent-Type: text/plain\n\nSorry.\n--b\nContent-Type: message/delivery-status\n\nReporting-MTA: dns; mx.example\n\n{fields}\n\n--b--\n"
    )
}

const GONE: &str = "Final-Recipient: rfc822; ann@town.example\nAction: failed\nStatus: 5.1.1\nDiagnostic-Code: smtp; 550 5.1.1 No such  user";

#[tokio::test]
async fn a_report_to_the_bounce_address_rebounds_and_suspends() {
    let world = World::new().await;
    world.take(&world.bounce_address(), &report(GONE)).await;
    assert_eq!(world.now().status(), REBOUND);
    let contact = world.repo.contact(world.delivery.contact).unwrap().unwrap();
    assert_eq!(contact.methods[0].state, MethodState::Suspended);
    let kept = world
        .now()
        .last_verdict()
        .unwrap()
        .diagnostic
        .as_str()
        .to_owned();
    assert!(kept.contains("550 5.1.1 No such  user"), "{kept}");
}

const ODD: &str = "Final-Recipient: rfc822; ann@town.example\nAction: failed\nStatus: 5.9.9\nDiagnostic-Code: smtp; 554 5.9.9 <ann@town.example> sits in the antechamber of mx7.town.example";

#[tokio::test]
async fn what_no_rule_knows_is_pooled_and_means_what_it_is_named() {
    let world = World::new().await;
    world.take(&world.bounce_address(), &report(ODD)).await;
    assert_eq!(world.now().status(), REBOUND);
    let heard = world.repo.heard_pools().unwrap().remove(0);
    let shape = "<address> sits in the antechamber of <host>";
    assert_eq!(heard.pool.shape.as_str(), shape);
    assert_eq!(heard.example, Some(world.delivery.id));
    let contact = || world.repo.contact(world.delivery.contact).unwrap().unwrap();
    assert!(contact().methods[0].state.is_usable());
    let by = UserId::from_bytes([1; 16]);
    let (pool, reason) = (heard.pool.id, Reason::UserUnknown);
    world.tracker.name_answers(pool, reason, by).await.unwrap();
    // The next one is about another mail to her.
    let next = world.write_again().await;
    let to = world.inbound.return_paths().address(next);
    world.take(&to, &report(&ODD.replace("mx7", "mx9"))).await;
    assert_eq!(contact().methods[0].state, MethodState::Suspended);
}

#[tokio::test]
async fn a_report_that_names_nobody_and_says_nothing_known_is_pooled() {
    let world = World::new().await;
    let text = "From: MAILER-DAEMON@mx.example\nSubject: failure notice\nReturn-Path: <>\n\n\
        Your letter could not be delivered.\n554 it sits in the antechamber\n";
    world.take(&world.bounce_address(), text).await;
    assert_eq!(world.now().status(), RECEIVED, "it is left open");
    let heard = world.repo.heard_pools().unwrap().remove(0);
    assert_eq!(heard.pool.shape.as_str(), "it sits in the antechamber");
}

#[tokio::test]
async fn what_a_person_may_have_written_is_kept_with_the_message_and_not_pooled() {
    let letter = "From: Post Office <postmaster@town.example>\nSubject: Undelivered mail\n\n\
        Your letter could not be delivered to my sister.\n\
        She is at home again, write to postmaster@town.example for her.\n";
    let coded = letter.replace("She is", "554 she is");
    for (from, text, pools) in [
        ("postmaster@town.example", letter, 0),
        ("postmaster@town.example", coded.as_str(), 0),
        ("", letter, 0),
        ("", coded.as_str(), 1),
    ] {
        let world = World::new().await;
        let to = [world.bounce_address()];
        let message = Bytes::from(text.replace('\n', "\r\n"));
        world.inbound.keep_mail(from, &to, message).await.unwrap();
        world.read_all().await;
        let said = world.now().last_verdict().unwrap().clone();
        assert!(
            said.diagnostic.as_str().contains("at home again"),
            "{from:?}"
        );
        assert_eq!(said.reason, Reason::Undefined);
        assert_eq!(world.repo.heard_pools().unwrap().len(), pools, "{from:?}");
    }
}

#[tokio::test]
async fn reading_a_report_twice_records_it_once() {
    let world = World::new().await;
    let to = world.bounce_address();
    let message = Bytes::from(report(GONE).replace('\n', "\r\n"));
    world.inbound.keep_mail("", &[to], message).await.unwrap();
    let claim = world.due(true).remove(0);
    world.inbound.read_mail(&claim.id).await.unwrap();
    world.inbound.read_mail(&claim.id).await.unwrap();
    let rebounds = world
        .now()
        .timeline
        .iter()
        .filter(|change| change.status == REBOUND)
        .count();
    assert_eq!(rebounds, 1);
}

#[tokio::test]
async fn delays_and_robots_change_nothing_but_the_record() {
    let world = World::new().await;
    let before = world.now().timeline.len();
    let delayed = GONE.replace("failed", "delayed").replace("5.1.1", "4.4.1");
    world.take(&world.bounce_address(), &report(&delayed)).await;
    let away = "From: ann@town.example\nSubject: Out of office\nAuto-Submitted: auto-replied\n\nI am away.\n";
    world.take(&world.bounce_address(), away).await;
    assert_eq!(world.now().status(), RECEIVED);
    assert_eq!(world.now().timeline.len(), before + 2);
    let contact = world.repo.contact(world.delivery.contact).unwrap().unwrap();
    assert!(contact.methods[0].state.is_usable());
}

#[tokio::test]
async fn a_person_who_answers_is_logged_and_not_taken_for_a_bounce() {
    let world = World::new().await;
    let answer = "From: Ann <ann@town.example>\nTo: alerts@gw.example\nSubject: Re: s\n\nThank you, I have moved.\n";
    world.take("alerts@gw.example", answer).await;
    assert_eq!(world.now().status(), RECEIVED);
    assert!(
        world
            .log()
            .iter()
            .any(|event| matches!(event, LogEvent::Replied { .. }))
    );
}

#[tokio::test]
async fn a_bounce_address_that_we_did_not_make_suspends_nobody() {
    let world = World::new().await;
    let forged = ReturnPaths::new("bounces.gw.example", &[1; 32]).address(world.delivery.id);
    world.take(&forged, &report(GONE)).await;
    assert_eq!(world.now().status(), RECEIVED);
    let contact = world.repo.contact(world.delivery.contact).unwrap().unwrap();
    assert!(contact.methods[0].state.is_usable());
}

#[tokio::test]
async fn a_report_that_proves_nothing_is_shown_and_wakes_nobody() {
    let world = World::new().await;
    world.take("alerts@gw.example", &report(GONE)).await;
    assert_eq!(world.now().status(), RECEIVED);
    let thread = world.threads().remove(0);
    assert_eq!((thread.contact, thread.unread), (None, 1));
    let message = world.messages(&thread).remove(0);
    assert_eq!(
        (message.kind, message.notify_at),
        (MessageKind::Report, None)
    );
}

/// What a feedback loop sends about a mail from this envelope sender.
fn complaint(sender: &str) -> String {
    format!(
        "From: fbl@provider.example\nContent-Type: multipart/report; report-type=feedback-report; boundary=b\n\n\
         --b\n\nA complaint.\n--b\nContent-Type: message/feedback-report\n\nFeedback-Type: abuse\nVersion: 1\nUser-Agent: x/1\n\n\
         --b\nContent-Type: message/rfc822\n\nReturn-Path: <{sender}>\nTo: undisclosed\nSubject: s\n\nb\n--b--\n"
    )
}

#[tokio::test]
async fn a_feedback_loop_is_believed_by_the_signed_address_in_what_it_returns() {
    let world = World::new().await;
    let forged = ReturnPaths::new("bounces.gw.example", &[1; 32]).address(world.delivery.id);
    world.take("fbl@gw.example", &complaint(&forged)).await;
    assert_eq!(world.now().status(), RECEIVED);
    assert_eq!(world.threads().len(), 1, "shown, as it proves nothing");
    let signed = world.bounce_address();
    world.take("fbl@gw.example", &complaint(&signed)).await;
    assert_eq!(world.now().status(), MARKED_AS_SPAM);
    assert_eq!(world.threads().len(), 1);
}

#[tokio::test]
async fn a_complaint_about_what_is_too_old_changes_nothing() {
    for (age_days, is_believed) in [(89_u32, true), (91, false)] {
        let mut world = World::new().await;
        world.inbound = world.inbound.clone().with_bounce_lifetime(90 * DAY);
        let before = world.now();
        let known = world.repo.contact(before.contact).unwrap().unwrap();
        world.clock.advance(age_days * DAY);
        let signed = world.bounce_address();
        world.take("fbl@gw.example", &complaint(&signed)).await;
        if is_believed {
            assert_eq!(world.now().status(), MARKED_AS_SPAM);
            continue;
        }
        assert_eq!(world.now(), before, "{age_days} days");
        let contact = world.repo.contact(before.contact).unwrap().unwrap();
        assert_eq!(contact.value, known.value);
        // Shown like everything that proves nothing.
        let [thread] = world.threads().try_into().unwrap();
        assert_eq!(thread.contact, None);
    }
}

#[tokio::test]
async fn what_was_passed_on_is_not_answered_by_whom_it_went_to() {
    let world = World::new().await;
    let answer = |from: &str| {
        let id = world.delivery.id;
        format!(
            "From: {from}\nTo: alerts@gw.example\nIn-Reply-To: <{id}@gw.example>\nSubject: Re: s\n\nI am not Ann.\n"
        )
    };
    world
        .take("alerts@gw.example", &answer("bob@town.example"))
        .await;
    let thread = world.threads().remove(0);
    assert_eq!(thread.contact, None);
    let message = world.messages(&thread).remove(0);
    assert_eq!(message.delivery, Some(world.delivery.id), "what it answers");
    world
        .take("alerts@gw.example", &answer("ANN@town.example"))
        .await;
    let of_ann = |thread: &Thread| thread.contact == Some(world.delivery.contact);
    assert!(world.threads().iter().any(of_ann));
}

#[tokio::test]
async fn a_copy_in_anothers_name_neither_hides_the_mail_nor_goes_with_it() {
    let world = World::new().await;
    let mail = |more: &str| {
        format!(
            "{more}From: ann@town.example\nTo: alerts@gw.example\nMessage-ID: <1@town.example>\nSubject: s\n\nI am safe.\n"
        )
    };
    let forged = mail("From: eve@evil.example\n");
    world.take("alerts@gw.example", &forged).await;
    world.take("alerts@gw.example", &mail("")).await;
    let of_ann = Some(world.delivery.contact);
    let threads = world.threads();
    assert_eq!(threads.len(), 2);
    let hers = threads.iter().filter(|thread| thread.contact == of_ann);
    assert_eq!(hers.count(), 1, "the mail that was copied is hers");
    world.take("alerts@gw.example", &mail("")).await;
    assert_eq!(world.threads().len(), 2, "and comes once");
}

#[tokio::test]
async fn a_mail_with_two_authors_is_nobodys() {
    let world = World::new().await;
    let text = "From: eve@evil.example\nFrom: ann@town.example\nTo: alerts@gw.example\nSubject: s\n\nI am Ann.\n";
    world.take("alerts@gw.example", text).await;
    let thread = world.threads().remove(0);
    assert_eq!(thread.contact, None);
}

#[tokio::test]
async fn reports_are_read_apart_from_what_people_write() {
    let world = World::new().await;
    let letter = |to: &str| format!("From: ann@town.example\nTo: {to}\nSubject: s\n\nSafe.\n");
    let bounce = world.bounce_address();
    let keep = async |from: &str, text: String| {
        let to = [bounce.clone()];
        let text = Bytes::from(text.replace('\n', "\r\n"));
        world.inbound.keep_mail(from, &to, text).await.unwrap();
    };
    keep("ann@town.example", letter("one")).await;
    keep("", report(GONE)).await;
    keep("", letter("two")).await;
    let first = world.due(true);
    assert_eq!(first.len(), 2, "what has no sender");
    for claim in first {
        world.inbound.read_mail(&claim.id).await.unwrap();
    }
    assert_eq!(world.now().status(), REBOUND);
    assert!(world.threads().is_empty(), "letters are not looked at here");
    assert!(world.due(true).is_empty());
    let letters = world.due(false);
    assert_eq!(letters.len(), 2, "a letter without a sender is one, too");
    for claim in letters {
        world.inbound.read_mail(&claim.id).await.unwrap();
    }
    let read: u32 = world.threads().iter().map(|thread| thread.messages).sum();
    assert_eq!(read, 2);
    assert_eq!(world.repo.lane_depth(Lane::Inbound, 10).unwrap(), 0);
    world.is_sound();
}

#[tokio::test]
async fn mail_that_cannot_be_read_is_kept_and_does_not_come_back() {
    let world = World::new().await;
    world.take(&world.bounce_address(), "\u{1}\u{2}").await;
    assert_eq!(world.now().status(), RECEIVED);
    assert_eq!(world.repo.lane_depth(Lane::Inbound, 10).unwrap(), 0);
}
