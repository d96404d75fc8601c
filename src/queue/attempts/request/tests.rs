//! What is counted of a mail, and what does not go out at all.
#![allow(clippy::unwrap_used)]

use super::*;
use crate::channel::{AttemptFuture, ProgressSink};
use crate::clock::VirtualClock;
use crate::domain::suspension::SuspensionPolicy;
use crate::domain::{Channels, SendingPlan, UserId};
use crate::store::records::samples;
use crate::store::{Batch, RowBatch, Store};
use crate::tracker::{PromptSettings, TrackerSettings};

const OPENS: Tracking = Tracking {
    opens: true,
    clicks: false,
};
const BOTH: Tracking = Tracking {
    opens: true,
    clicks: true,
};
const USER: UserId = UserId::from_bytes([1; 16]);

/// Never asked.
struct Idle;

impl Channel for Idle {
    fn kind(&self) -> ChannelKind {
        ChannelKind::Email
    }

    fn concurrency(&self) -> usize {
        1
    }

    fn is_ready(&self) -> bool {
        false
    }

    fn attempt(
        &self,
        _: AttemptRequest,
        _: ProgressSink,
        _: CancellationToken,
    ) -> AttemptFuture<'_> {
        Box::pin(std::future::pending())
    }
}

fn attempts(allowed: Tracking) -> Attempts {
    let clock: SharedClock = VirtualClock::standing(Timestamp::from_millis(1_800_000_000_000));
    let random = Randomness::seeded(7);
    let repo = Repo::new(Store::memory());
    let settings = TrackerSettings {
        categories: Vec::new(),
        suspension: SuspensionPolicy::default(),
        prompts: PromptSettings::default(),
    };
    let tools = AttemptTools {
        tracker: Tracker::new(repo.clone(), clock.clone(), random.clone(), settings),
        repo,
        clock,
        random,
        return_paths: ReturnPaths::new("bounce.example", &[7; 32]),
        zone: TimeZone::UTC,
    };
    let schedule = RetrySchedule {
        delays: Vec::new(),
        jitter_percent: 0,
        give_up_after: Duration::from_secs(3600),
    };
    let links = PublicLinks::new("https://me.example.org", &[7; 32]);
    Attempts::new(Arc::new(Idle), tools, schedule, CancellationToken::new())
        .with_public_links(links, allowed)
}

fn said(origin: Origin, title: &str) -> Communication {
    Communication::to_one(
        samples::delivery().communication,
        origin,
        "Alert",
        Channels::ALL,
        title.to_owned(),
        BlobId::from_bytes([9; 32]),
        Timestamp::from_millis(1_800_000_000_000),
    )
}

/// Every mail that may be, but for what is allowed.
fn mails() -> Vec<(Communication, ChannelKind, bool)> {
    let mut all = Vec::new();
    for (origin, is_to_many) in [
        (Origin::Console(USER), true),
        (Origin::Program(USER), true),
        (Origin::Submission(USER), false),
        (Origin::Prompt, false),
        (Origin::Test(USER), false),
        (Origin::Reply(USER), false),
        (Origin::Verification, false),
        (Origin::Notice, false),
    ] {
        for tracking in [Tracking::default(), OPENS, BOTH] {
            for emergency in [false, true] {
                for body in [
                    Body::Composed,
                    Body::Submitted(BlobId::from_bytes([10; 32])),
                ] {
                    let plan = SendingPlan {
                        emergency,
                        tracking,
                        ..SendingPlan::default()
                    };
                    let mail = Communication {
                        plan,
                        body,
                        ..said(origin, "News")
                    };
                    let by = ChannelKind::ALL.into_iter();
                    all.extend(by.map(|channel| (mail.clone(), channel, is_to_many)));
                }
            }
        }
    }
    all
}

#[test]
fn what_somebody_wrote_to_many_is_counted_and_no_link_of_an_emergency() {
    let content = Content {
        text: "https://town.example/".into(),
        html: "<a href=\"https://town.example/\">Town</a>".into(),
        ..Content::default()
    };
    for allowed in [Tracking::default(), OPENS, BOTH] {
        let attempts = attempts(allowed);
        for (mail, channel, is_to_many) in mails() {
            let delivery = Delivery {
                channel,
                ..samples::delivery()
            };
            let (asked, emergency) = (mail.plan.tracking, mail.plan.emergency);
            let case = format!("{allowed:?} {:?} {:?} {channel:?}", mail.origin, mail.plan);
            let is_counted = is_to_many
                && !emergency
                && asked.clicks
                && allowed.clicks
                && mail.body == Body::Composed
                && channel == ChannelKind::Email;
            let counted = attempts.counting(&content, &delivery, &mail);
            assert_eq!(counted.is_some(), is_counted, "{case}");
            if let Some(counted) = counted {
                let begins = "<a href=\"https://me.example.org/l/";
                assert!(counted.html.starts_with(begins), "{}", counted.html);
                assert_eq!(counted.text, content.text);
            }
            let links = attempts.links(&delivery, &mail);
            let has_picture = is_to_many && asked.opens && allowed.opens;
            assert_eq!(links.pixel.is_some(), has_picture, "{case}");
            assert_eq!(links.unsubscribe.is_some(), is_to_many && !emergency);
            assert_eq!(links.feedback.is_some(), is_to_many);
        }
    }
}

#[tokio::test]
async fn a_notice_that_says_nothing_any_more_goes_to_nobody() {
    let subject = "Your message could not be delivered";
    for (origin, title, expected) in [
        (Origin::Notice, NO_SUBJECT, ClosedReason::CalledOff),
        // Nobody is there to have it.
        (Origin::Notice, subject, ClosedReason::MethodNotUsable),
        (
            Origin::Submission(USER),
            NO_SUBJECT,
            ClosedReason::MethodNotUsable,
        ),
    ] {
        let attempts = attempts(Tracking::default());
        let mut batch = Batch::new();
        batch.insert(&said(origin, title));
        attempts.repo.store().commit(batch).await.unwrap();
        let look = attempts.look(&samples::delivery());
        let Ok(Look::Instead(Event::Closed(reason))) = look else {
            panic!("{origin:?} goes out");
        };
        assert_eq!(reason, expected, "{origin:?} {title}");
    }
}
