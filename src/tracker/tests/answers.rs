//! Answers that no rule knows: pooled, named, taken to mean what was said, and let go of.

use super::*;
use crate::domain::unknown_answer::{
    ANSWER_POOL_KEPT_FOR, ANSWER_POOLS_MAX, PERHAPS_A_LETTER, POOLS_OF_DELIVERY_MAX,
};
use crate::domain::{
    AnswerPool, AnswerPoolId, AnswerShape, BounceClass, Delivery, DeliveryId, LastAnswer, Naming,
};
use crate::store::check::check;
use crate::store::{HeardPool, Row, keys};

const BY: UserId = UserId::from_bytes([1; 16]);
const SAID: &str =
    "smtp; 554 5.9.9 <ada@example.org>: Ada Byron is held back by the engine of mx1.example.org";
const ALIKE: &str =
    "554-5.9.9 <ada@example.org>:\n554 is held back by the engine of mx7.example.org #7";
/// Alike, in other words.
const LOOSE: &str =
    "554 5.9.9 <ada@example.org>: greylisted, and held back by the engine of mx8.example.org";

fn odd(text: &str) -> Verdict {
    Verdict::failure(Reason::Undefined, Permanence::Permanent).with_diagnostic(text)
}

fn deferred(text: &str) -> Event {
    let verdict = Verdict::failure(Reason::Undefined, Permanence::Temporary);
    Event::Retry {
        status: Status::Email(EmailStatus::Deferred),
        verdict: Some(verdict.with_diagnostic(text)),
        due: Timestamp::from_millis(1_800_000_100_000),
    }
}

impl World {
    async fn bounced(&self, text: &str) {
        self.change(Channel::Email, REBOUND, Some(odd(text))).await;
    }

    fn email(&self) -> Delivery {
        self.delivery(Channel::Email)
    }

    fn heard(&self) -> Vec<HeardPool> {
        self.repo.heard_pools().unwrap()
    }

    #[track_caller]
    fn only(&self) -> HeardPool {
        let mut all = self.heard();
        assert_eq!(all.len(), 1, "{all:?}");
        all.remove(0)
    }

    fn judged(&self) -> Verdict {
        self.email().last_verdict().unwrap().clone()
    }

    async fn name(&self, reason: Reason) -> AnswerPoolId {
        let id = self.only().pool.id;
        self.tracker.name_answers(id, reason, BY).await.unwrap();
        id
    }

    fn is_whole(&self) -> bool {
        check(self.repo.store()).unwrap().is_sound()
    }
}

#[tokio::test]
async fn a_name_holds_from_the_next_answer_on_until_it_is_taken_back() {
    let world = World::new(false).await;
    world.bounced(SAID).await;
    let heard = world.only();
    let shape = "<address> <name> is held back by the engine of <host>";
    assert_eq!(heard.pool.shape.as_str(), shape);
    assert_eq!((heard.pool.reply, heard.count), (Some(554), 1));
    assert_eq!(heard.example, Some(world.email().id));
    assert_eq!(world.judged(), odd(SAID), "nothing was made of it");

    let second = world.again().await;
    second.bounced(ALIKE).await;
    assert_eq!(world.only().count, 2);
    assert_eq!(world.only().example, Some(second.email().id));
    assert_eq!(world.contact().methods[0].state, MethodState::Active);

    let id = world.name(Reason::UserUnknown).await;
    assert_eq!(second.judged().reason, Reason::Undefined, "decided before");
    assert_eq!(world.contact().methods[0].state, MethodState::Active);
    let third = world.again().await;
    third.bounced(ALIKE).await;
    let contact = world.contact();
    assert_eq!(contact.methods[0].state, MethodState::Suspended);
    let evidence = contact.methods[0].suspension.clone().unwrap().verdict;
    assert_eq!(
        (evidence.reason, evidence.class),
        (Reason::UserUnknown, BounceClass::Hard)
    );
    assert_eq!(evidence.rule.as_str(), format!("named: {id}"));
    assert_eq!(evidence.diagnostic.as_str(), ALIKE);

    world.tracker.unname_answers(id).await.unwrap();
    let fourth = world.again().await;
    fourth.bounced(ALIKE).await;
    assert_eq!(fourth.judged().reason, Reason::Undefined);
    assert_eq!(
        third.judged().reason,
        Reason::UserUnknown,
        "stays as it was"
    );
    assert_eq!(world.only().count, 4);
    assert!(world.is_whole());
}

#[tokio::test]
async fn a_reason_that_suspends_at_once_holds_for_nearly_the_same_words_alone() {
    let world = World::new(false).await;
    world.bounced(SAID).await;
    let id = world.name(Reason::UserUnknown).await;
    let second = world.again().await;
    second.bounced(LOOSE).await;
    assert_eq!(second.judged(), odd(LOOSE), "nothing was made of it");
    assert_eq!(world.contact().methods[0].state, MethodState::Active);
    let heard = world.heard();
    let own = heard.iter().find(|heard| heard.pool.id != id).unwrap();
    assert_eq!((heard.len(), own.count, own.pool.named), (2, 1, None));
    // A restart makes nothing of it, either.
    let tracker = Tracker::new(
        world.repo.clone(),
        world.clock.clone(),
        world.random.clone(),
        (*world.tracker.settings()).clone(),
    );
    let restarted = World {
        tracker,
        ..world.again().await
    };
    restarted.bounced(LOOSE).await;
    assert_eq!(restarted.judged().reason, Reason::Undefined);
    world.again().await.bounced(ALIKE).await;
    assert_eq!(world.contact().methods[0].state, MethodState::Suspended);
    assert!(world.is_whole());
}

#[tokio::test]
async fn a_reason_that_does_not_suspend_at_once_holds_for_whatever_is_alike() {
    let world = World::new(false).await;
    world.bounced(SAID).await;
    world.name(Reason::Policy).await;
    let second = world.again().await;
    second.bounced(LOOSE).await;
    assert_eq!(second.judged().reason, Reason::Policy);
    assert_eq!(world.only().count, 2);
}

#[tokio::test]
async fn a_delivery_that_is_tried_often_counts_once_for_a_pool() {
    let world = World::new(false).await;
    let busy = "450 4.9.9 held back by the engine";
    for _ in 0..3 {
        world.event(Channel::Email, deferred(busy)).await;
    }
    assert_eq!(world.only().count, 1);
    // What it means holds for each try all the same.
    world.name(Reason::Policy).await;
    for _ in 0..2 {
        world.event(Channel::Email, deferred(busy)).await;
        assert_eq!(world.judged().reason, Reason::Policy);
        assert_eq!(world.only().count, 1);
    }
    let second = world.again().await;
    second.event(Channel::Email, deferred(busy)).await;
    assert_eq!(world.only().count, 2);
    assert!(world.is_whole());
}

#[tokio::test]
async fn the_answers_to_one_delivery_make_few_pools() {
    let world = World::new(false).await;
    let texts: Vec<String> = (b'a'..=b'h')
        .map(|letter| {
            let word = |tail: &str| format!("{}{tail}", char::from(letter).to_string().repeat(2));
            format!("554 {} {} {}", word("ne"), word("ru"), word("lo"))
        })
        .collect();
    for text in &texts {
        world.bounced(text).await;
    }
    assert_eq!(world.heard().len(), POOLS_OF_DELIVERY_MAX);
    let second = world.again().await;
    second.bounced(&texts[7]).await;
    assert_eq!(world.heard().len(), POOLS_OF_DELIVERY_MAX + 1);
    // It does not count for those of others either.
    world.bounced(&texts[7]).await;
    assert!(world.heard().iter().all(|heard| heard.count == 1));
    assert!(world.is_whole());
}

#[tokio::test]
async fn what_a_person_may_have_written_is_kept_and_not_pooled() {
    let world = World::new(false).await;
    let letter = odd(SAID).by(PERHAPS_A_LETTER);
    world
        .change(Channel::Email, REBOUND, Some(letter.clone()))
        .await;
    assert_eq!(world.judged(), letter);
    assert!(world.heard().is_empty());
}

#[tokio::test]
async fn a_name_suspends_and_alarms_as_its_reason_does() {
    let world = World::new(false).await;
    world.bounced(SAID).await;
    world.name(Reason::Spam).await;
    let mut notices = world.tracker.subscribe();
    for _ in 0..6 {
        world.again().await.bounced(ALIKE).await;
    }
    assert_eq!(world.contact().methods[0].state, MethodState::Active);
    let mut alarms = 0;
    while let Ok(notice) = notices.try_recv() {
        alarms += usize::from(matches!(notice, Notice::SenderFault(_)));
    }
    assert_eq!(alarms, 6, "our own side is at fault");
    world.name(Reason::MailboxFull).await;
    for _ in 0..5 {
        world.again().await.bounced(ALIKE).await;
    }
    assert_eq!(world.contact().methods[0].state, MethodState::Suspended);
}

#[tokio::test]
async fn what_passes_and_what_stays_are_never_pooled_together() {
    let world = World::new(false).await;
    world
        .event(
            Channel::Email,
            deferred("450 4.9.9 held back by the engine"),
        )
        .await;
    let other = world.again().await;
    other
        .event(Channel::Email, deferred("450 4.9.9 held back by an engine"))
        .await;
    world.bounced("550 5.9.9 held back by the engine").await;
    let mut counts: Vec<_> = world
        .heard()
        .iter()
        .map(|heard| (heard.pool.permanence, heard.count))
        .collect();
    counts.sort_unstable();
    assert_eq!(
        counts,
        [(Permanence::Permanent, 1), (Permanence::Temporary, 2)]
    );
}

#[tokio::test]
async fn what_is_no_answer_of_a_mail_server_is_not_pooled() {
    let world = World::new(false).await;
    // Our own words while we talk, and by ourselves.
    world
        .event(
            Channel::Email,
            deferred("stopped before it was handed over"),
        )
        .await;
    let by_us = Event::Changed {
        status: Status::Email(EmailStatus::NotSent),
        verdict: Some(odd("554 5.9.9 held back by the engine")),
        source: Source::Gateway,
    };
    world.event(Channel::Email, by_us).await;
    let failed = Status::Text(TextStatus::Undelivered);
    let receipt = odd("id:1 stat:UNDELIV err:000");
    for status in [TextStatus::Sending, TextStatus::Sent] {
        world
            .change(Channel::Text, Status::Text(status), None)
            .await;
    }
    world.change(Channel::Text, failed, Some(receipt)).await;
    // One with a reason, and one that says nothing.
    let again = world.again().await;
    again
        .change(Channel::Email, REBOUND, Some(hard_bounce()))
        .await;
    world.again().await.bounced("554 <ada@example.org>").await;
    assert!(world.heard().is_empty());
}

#[tokio::test]
async fn a_report_that_left_it_open_says_that_the_mail_came_back_once_it_is_named() {
    let world = World::new(false).await;
    let fact = || Event::Fact {
        verdict: Verdict {
            class: BounceClass::Unknown,
            ..odd("Ihre Nachricht liegt nun in der Ablage von mx.example.org")
        },
        source: Source::Report,
    };
    world.change(Channel::Email, RECEIVED, None).await;
    assert_eq!(world.event(Channel::Email, fact()).await, RECEIVED);
    world.name(Reason::NotAccept).await;
    let next = world.again().await;
    next.change(Channel::Email, RECEIVED, None).await;
    assert_eq!(next.event(Channel::Email, fact()).await, REBOUND);
    assert_eq!(next.judged().class, BounceClass::Hard);
    assert_eq!(world.contact().methods[0].state, MethodState::Suspended);
    assert_eq!(world.email().status(), RECEIVED, "decided before");
}

#[tokio::test]
async fn pools_outlive_a_restart_and_answers_that_come_at_once_make_one() {
    let world = World::new(false).await;
    let mut deliveries = Vec::new();
    for _ in 0..8 {
        deliveries.push(world.again().await.email().id);
    }
    let said = || Event::Changed {
        status: REBOUND,
        verdict: Some(odd(SAID)),
        source: Source::Report,
    };
    let tasks = deliveries.into_iter().map(|id| {
        let tracker = world.tracker.clone();
        tokio::spawn(async move { tracker.record(id, said()).await.unwrap() })
    });
    for task in tasks.collect::<Vec<_>>() {
        task.await.unwrap();
    }
    assert_eq!(world.only().count, 8);
    world.name(Reason::Policy).await;
    let tracker = Tracker::new(
        world.repo.clone(),
        world.clock.clone(),
        world.random.clone(),
        (*world.tracker.settings()).clone(),
    );
    let restarted = World {
        tracker,
        ..world.again().await
    };
    restarted.bounced(ALIKE).await;
    assert_eq!(restarted.judged().reason, Reason::Policy);
    assert_eq!(world.only().count, 9);
    assert!(world.is_whole());
}

/// A pool that no answer of these tests is like.
fn pool(number: usize, named: bool) -> AnswerPool {
    let letter = |place: usize| char::from(b'a' + u8::try_from(number / place % 26).unwrap());
    let word: String = [676, 26, 1].map(letter).iter().collect();
    let shape = format!("an {word} of sorts");
    AnswerPool {
        id: AnswerPoolId::of(Permanence::Permanent, &shape),
        shape: AnswerShape::from_stored(&shape).unwrap(),
        permanence: Permanence::Permanent,
        reply: None,
        status: None,
        first_seen: Timestamp::from_millis(1),
        named: named.then_some(Naming {
            reason: Reason::Policy,
            by: BY,
            at: Timestamp::from_millis(1),
        }),
    }
}

impl World {
    /// As many pools as there may be, each seen a second after the one before.
    async fn fill(&self, is_named: impl Fn(usize) -> bool) {
        let mut batch = Batch::new();
        for number in 0..ANSWER_POOLS_MAX {
            let (pool, ago) = (pool(number, is_named(number)), ANSWER_POOLS_MAX - number);
            let last = LastAnswer {
                pool: pool.id,
                at: self.now().minus(Duration::from_secs(ago as u64)),
                delivery: DeliveryId::from_bytes([7; 16]),
            };
            batch.insert(&pool);
            batch.put(last.key(), last.to_bytes());
            batch.add(keys::answers(pool.id), 1);
        }
        self.repo.store().commit(batch).await.unwrap();
    }

    fn has(&self, number: usize) -> bool {
        let id = pool(number, false).id;
        self.repo.answer_pool(id).unwrap().is_some()
    }
}

#[tokio::test]
async fn when_there_are_too_many_the_one_goes_that_was_seen_longest_ago_and_has_no_name() {
    let world = World::new(false).await;
    world.fill(|number| number == 0).await;
    world.bounced(SAID).await;
    assert_eq!(world.heard().len(), ANSWER_POOLS_MAX);
    assert!(world.has(0), "it has a name");
    assert!(!world.has(1), "the least recently seen");
    assert!(world.has(2));
    let again = world.again().await;
    again
        .bounced("554 a wholly other thing was wrong with that letter")
        .await;
    assert!(!world.has(2));
    assert_eq!(world.heard().len(), ANSWER_POOLS_MAX);
    assert!(world.is_whole());
}

#[tokio::test]
async fn when_all_have_names_an_answer_is_recorded_without_a_pool() {
    let world = World::new(false).await;
    world.fill(|_| true).await;
    world.bounced(SAID).await;
    assert_eq!(world.email().status(), REBOUND);
    assert_eq!(world.heard().len(), ANSWER_POOLS_MAX);
    assert!(world.is_whole());
}

#[tokio::test]
async fn what_has_no_name_goes_a_year_after_its_last_answer() {
    let world = World::new(false).await;
    world.bounced(SAID).await;
    world.name(Reason::Policy).await;
    world
        .again()
        .await
        .bounced("554 a wholly other thing")
        .await;
    world.clock.advance(ANSWER_POOL_KEPT_FOR);
    assert_eq!(world.tracker.sweep_answers().await.unwrap(), 0);
    world
        .again()
        .await
        .bounced("554 a wholly other thing")
        .await;
    world.clock.advance(ANSWER_POOL_KEPT_FOR);
    assert_eq!(
        world.tracker.sweep_answers().await.unwrap(),
        0,
        "seen since"
    );
    world.clock.advance(Duration::from_millis(1));
    assert_eq!(world.tracker.sweep_answers().await.unwrap(), 1);
    assert!(world.only().pool.named.is_some(), "what has a name stays");
    assert!(world.is_whole());
}

#[tokio::test]
async fn what_is_forgotten_comes_again_and_what_has_a_name_is_not_forgotten() {
    let world = World::new(false).await;
    world.bounced(SAID).await;
    let id = world.name(Reason::Policy).await;
    assert!(!world.tracker.forget_answers(id).await.unwrap());
    world.tracker.unname_answers(id).await.unwrap();
    assert!(world.tracker.forget_answers(id).await.unwrap());
    assert!(world.heard().is_empty());
    for gone in [
        world.tracker.forget_answers(id).await.map(|_| ()),
        world.tracker.unname_answers(id).await,
        world.tracker.name_answers(id, Reason::Policy, BY).await,
    ] {
        assert!(matches!(gone, Err(TrackerError::NotFound(_))));
    }
    world.again().await.bounced(SAID).await;
    assert_eq!((world.only().pool.id, world.only().count), (id, 1));
    let refused = world.tracker.name_answers(id, Reason::Delivered, BY).await;
    assert!(matches!(refused, Err(TrackerError::Refused(_))));
    assert!(world.is_whole());
}

#[tokio::test]
async fn a_pool_that_is_not_counted_and_a_count_without_a_pool_are_found() {
    let world = World::new(false).await;
    world.bounced(SAID).await;
    let id = world.only().pool.id;
    for key in [
        keys::answer_pool(id),
        keys::last_answer(id),
        keys::answers(id),
    ] {
        let kept = world.repo.store().get(&key).unwrap().unwrap();
        let mut batch = Batch::new();
        batch.delete(key.clone());
        world.repo.store().commit(batch).await.unwrap();
        assert!(!world.is_whole());
        let mut batch = Batch::new();
        batch.put(key, kept);
        world.repo.store().commit(batch).await.unwrap();
        assert!(world.is_whole());
    }
}
