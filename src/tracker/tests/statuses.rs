//! Where deliveries come to, whatever comes in whatever order.

use super::*;
use crate::domain::tracking::TIMELINE_CLICKS_MAX;

#[tokio::test]
async fn a_key_pressed_cancels_what_is_still_queued() {
    let world = World::new(true).await;
    for status in [
        CallStatus::Started,
        CallStatus::Ringing,
        CallStatus::InProgress,
        CallStatus::Confirmed,
    ] {
        world
            .change(Channel::Call, Status::Call(status), None)
            .await;
    }
    assert_eq!(world.state(), PersonState::Contacted);
    for channel in [Channel::Email, Channel::Text] {
        let other = world.delivery(channel);
        assert_eq!(
            other.closed.map(|closed| closed.reason),
            Some(ClosedReason::ReachedOtherwise)
        );
        assert_eq!(other.due, None, "{channel:?} left its queue");
    }
    for lane in [1, 2, 3] {
        let due = world
            .repo
            .store()
            .claim_due(
                lane,
                Timestamp::from_millis(u64::MAX),
                Duration::from_secs(1),
                10,
            )
            .unwrap();
        assert!(due.is_empty(), "lane {lane} is empty");
    }
}

#[tokio::test]
async fn receipts_come_early_late_twice_and_per_segment() {
    let world = World::new(false).await;
    let receipt = |id: &str, delivered| Receipt {
        remote_id: id.into(),
        delivered,
        is_final: true,
        verdict: Verdict::failure(Reason::Delivered, Permanence::Temporary),
    };
    // Before the answer to the submission.
    world
        .tracker
        .record_receipt(receipt("B2", true))
        .await
        .unwrap();
    world
        .event(
            Channel::Text,
            Event::AttemptBegun {
                status: Some(Status::Text(TextStatus::Sending)),
            },
        )
        .await;
    let ids = vec!["A1".to_owned(), "B2".to_owned()];
    let accepted = Event::Accepted {
        status: Status::Text(TextStatus::Sent),
        verdict: Verdict::failure(Reason::Delivered, Permanence::Temporary),
        remote_ids: ids.clone(),
    };
    assert_eq!(
        world.event(Channel::Text, accepted).await,
        Status::Text(TextStatus::Sent)
    );
    assert!(world.repo.early_receipt("B2").unwrap().is_none());
    // The same segment twice is not the other one.
    world
        .tracker
        .record_receipt(receipt("B2", true))
        .await
        .unwrap();
    assert_eq!(
        world.delivery(Channel::Text).status(),
        Status::Text(TextStatus::Sent)
    );
    world
        .tracker
        .record_receipt(receipt("A1", true))
        .await
        .unwrap();
    assert_eq!(
        world.delivery(Channel::Text).status(),
        Status::Text(TextStatus::Received)
    );
    // A late contradiction is a fact, not a change.
    let entries = world.delivery(Channel::Text).timeline.len();
    world
        .tracker
        .record_receipt(receipt("A1", false))
        .await
        .unwrap();
    assert_eq!(
        world.delivery(Channel::Text).status(),
        Status::Text(TextStatus::Received)
    );
    assert_eq!(world.delivery(Channel::Text).timeline.len(), entries + 1);
}

#[tokio::test]
async fn a_worker_that_died_in_the_middle_begins_anew() {
    let world = World::new(false).await;
    let begun = |status| Event::AttemptBegun {
        status: Some(Status::Call(status)),
    };
    world.event(Channel::Call, begun(CallStatus::Started)).await;
    world
        .change(Channel::Call, Status::Call(CallStatus::Ringing), None)
        .await;
    assert_eq!(
        world.event(Channel::Call, begun(CallStatus::Started)).await,
        Status::Call(CallStatus::Started)
    );
    let path: Vec<_> = world
        .delivery(Channel::Call)
        .timeline
        .iter()
        .map(|change| change.status)
        .collect();
    assert_eq!(
        path,
        [
            CallStatus::Queued,
            CallStatus::Started,
            CallStatus::Ringing,
            CallStatus::Queued,
            CallStatus::Started
        ]
        .map(Status::Call)
    );
}

fn any_event() -> impl Strategy<Value = (Channel, Event)> {
    let statuses = Status::all();
    let verdicts = prop_oneof![
        Just(hard_bounce()),
        Just(Verdict::failure(Reason::MailboxFull, Permanence::Temporary)),
        Just(Verdict::failure(Reason::Blocked, Permanence::Permanent)),
    ];
    (0..statuses.len(), proptest::option::of(verdicts), 0_u8..4).prop_map(
        move |(index, verdict, kind)| {
            let status = statuses[index];
            let event = match kind {
                0 => Event::AttemptBegun {
                    status: Some(status),
                },
                1 => Event::Retry {
                    status,
                    verdict,
                    due: Timestamp::from_millis(1_800_000_100_000),
                },
                _ => Event::Changed {
                    status,
                    verdict,
                    source: Source::Report,
                },
            };
            (status.channel(), event)
        },
    )
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]

    /// Whatever happens in whatever order: only changes of the table occur, the numbers agree
    /// with a recount, and the person's state follows from the deliveries.
    #[test]
    fn whatever_happens_the_books_agree(events in proptest::collection::vec(any_event(), 1..40)) {
        let runtime = tokio::runtime::Builder::new_current_thread().build().unwrap();
        runtime.block_on(async {
            let world = World::new(true).await;
            for (channel, event) in events {
                world.event(channel, event).await;
            }
            let person = world.repo.person(world.communication, world.contact.id).unwrap().unwrap();
            let category = world.tracker.category("Alert");
            prop_assert_eq!(person.state, person.derive_state(&category));
            for channel in Channel::ALL {
                let delivery = world.delivery(channel);
                let path: Vec<_> = delivery.timeline.iter().map(|change| change.status).collect();
                for step in path.windows(2) {
                    prop_assert!(step[0] == step[1] || may_change(step[0], step[1]), "{:?}", step);
                }
                let known = person.deliveries.iter().find(|known| known.delivery == delivery.id).unwrap();
                prop_assert_eq!(known.status, delivery.status());
                prop_assert_eq!(known.closed, delivery.closed.is_some());
            }
            let communication = world.repo.communication(world.communication).unwrap().unwrap();
            let statistics = world.repo.statistics(&communication).unwrap();
            prop_assert_eq!(statistics.by_status.iter().map(|(_, count)| count).sum::<u64>(), 3);
            prop_assert_eq!(statistics.contacted, u64::from(person.state == PersonState::Contacted));
            prop_assert_eq!(statistics.not_contacted, u64::from(person.state == PersonState::NotContacted));
            Ok(())
        })?;
    }
}

#[tokio::test]
async fn many_links_followed_leave_the_timeline_its_room_and_count() {
    let world = World::new(false).await;
    let person = || {
        let person = world.repo.person(world.communication, world.contact.id);
        person.unwrap().unwrap().value
    };
    // Nobody follows what was not sent.
    world
        .event(Channel::Email, Event::Clicked { link: 1 })
        .await;
    assert!(person().links.is_empty());
    world.change(Channel::Email, RECEIVED, None).await;
    let before = world.delivery(Channel::Email).timeline.len();
    let all: Vec<u16> = (1..=40).collect();
    for link in all.iter().chain(&all) {
        let event = Event::Clicked { link: *link };
        world.event(Channel::Email, event).await;
    }
    let noted: Vec<u16> = world.delivery(Channel::Email).links().collect();
    assert_eq!(noted, all[..TIMELINE_CLICKS_MAX]);
    assert_eq!(person().links, all);
    world
        .change(Channel::Email, REBOUND, Some(hard_bounce()))
        .await;
    let back = world.delivery(Channel::Email);
    // Whoever followed a link had it: the report after that is a fact among others.
    assert_eq!(back.timeline.len(), before + TIMELINE_CLICKS_MAX + 1);
    assert_eq!(back.last_verdict(), Some(&hard_bounce()));
    assert_eq!(back.status(), Status::Email(EmailStatus::Opened));
}

fn said(reason: Reason, words: &str) -> Verdict {
    Verdict::failure(reason, Permanence::Temporary).with_diagnostic(words)
}

impl World {
    /// The text goes out in parts with these ids.
    async fn sent_in_parts(&self, ids: &[&str]) {
        let begun = Event::AttemptBegun {
            status: Some(Status::Text(TextStatus::Sending)),
        };
        self.event(Channel::Text, begun).await;
        let accepted = Event::Accepted {
            status: Status::Text(TextStatus::Sent),
            verdict: Verdict::success(Reason::Accepted),
            remote_ids: ids.iter().map(|id| (*id).to_owned()).collect(),
        };
        self.event(Channel::Text, accepted).await;
    }

    async fn reported(&self, ids: &[&str], delivered: Option<bool>, words: &str) {
        let ids: Vec<String> = ids.iter().map(|id| (*id).to_owned()).collect();
        let receipt = Receipt {
            remote_id: ids[0].clone(),
            delivered: delivered == Some(true),
            is_final: delivered.is_some(),
            verdict: said(Reason::Unreachable, words),
        };
        let recorded = self.tracker.record_receipt_of(&ids, receipt).await;
        recorded.unwrap();
    }
}

#[tokio::test]
async fn one_part_that_never_comes_is_the_whole_text_and_is_named() {
    let world = World::new(false).await;
    world.sent_in_parts(&["a", "b", "c"]).await;
    world.reported(&["c"], Some(true), "c came").await;
    world.reported(&["b"], None, "b on its way").await;
    world.reported(&["b"], Some(false), "b never").await;
    let text = world.delivery(Channel::Text);
    assert_eq!(text.status(), Status::Text(TextStatus::Undelivered));
    assert_eq!(
        (text.delivered_parts(), text.failed_parts()),
        (vec![3], vec![2])
    );
    let entries = text.timeline.len();
    // What comes later, and contradicts it, is a fact.
    for (id, delivered) in [("a", true), ("b", true), ("c", false)] {
        world.reported(&[id], Some(delivered), "late").await;
    }
    let text = world.delivery(Channel::Text);
    assert_eq!(text.status(), Status::Text(TextStatus::Undelivered));
    assert_eq!(text.timeline.len(), entries + 3);
    let failures = world.repo.log(world.contact.id, None, 50).unwrap().rows;
    let returned = |event: &LogEvent| matches!(event, LogEvent::Returned { .. });
    let returned = failures.iter().filter(|line| returned(&line.event));
    assert_eq!(returned.count(), 1, "it counts once");
}

#[tokio::test]
async fn a_text_without_a_receipt_is_undelivered_when_none_can_come_any_more() {
    let world = World::new(false).await;
    let wait = Duration::from_secs(25 * 3600);
    world
        .tracker
        .await_receipts([("m".to_owned(), wait)].into());
    world.sent_in_parts(&["m/a"]).await;
    let lane = crate::domain::Lane::Receipts;
    assert_eq!(world.repo.lane_depth(lane, 9).unwrap(), 1);
    let text = world.delivery(Channel::Text).id;
    world.tracker.miss_receipt(text).await.unwrap();
    assert_eq!(
        world.delivery(Channel::Text).status(),
        Status::Text(TextStatus::Sent),
        "it is not over yet"
    );
    world.clock.advance(wait);
    world.tracker.miss_receipt(text).await.unwrap();
    let missed = world.delivery(Channel::Text);
    assert_eq!(missed.status(), Status::Text(TextStatus::Undelivered));
    let verdict = missed.last_verdict().unwrap();
    assert_eq!(verdict.reason, Reason::Expired);
    assert_eq!(
        verdict.diagnostic.as_str(),
        "no final receipt came within 25 hours"
    );
    assert_eq!(world.repo.lane_depth(lane, 9).unwrap(), 0);
    // Nobody's number is at fault.
    let mobile = &world.contact().methods[1];
    assert_eq!((mobile.state, mobile.suspensions), (MethodState::Active, 0));
    // One that comes after all is believed.
    world.reported(&["m/a"], Some(true), "late").await;
    assert_eq!(
        world.delivery(Channel::Text).status(),
        Status::Text(TextStatus::Received)
    );
}

#[tokio::test]
async fn a_failure_that_is_reported_after_the_wait_counts_once_and_stays() {
    let world = World::new(false).await;
    let wait = Duration::from_secs(60);
    world
        .tracker
        .await_receipts([("m".to_owned(), wait)].into());
    world.sent_in_parts(&["m/a"]).await;
    world.clock.advance(wait);
    let text = world.delivery(Channel::Text).id;
    world.tracker.miss_receipt(text).await.unwrap();
    let gone = Receipt {
        remote_id: "m/a".to_owned(),
        delivered: false,
        is_final: true,
        verdict: Verdict::failure(Reason::UserUnknown, Permanence::Permanent),
    };
    for _ in 0..2 {
        world.tracker.record_receipt(gone.clone()).await.unwrap();
    }
    let mobile = &world.contact().methods[1];
    assert_eq!(
        (mobile.state, mobile.suspensions),
        (MethodState::Suspended, 1)
    );
    world.reported(&["m/a"], Some(true), "late").await;
    let text = world.delivery(Channel::Text);
    assert_eq!(text.status(), Status::Text(TextStatus::Undelivered));
    assert_eq!(
        (text.delivered_parts(), text.failed_parts()),
        (vec![], vec![1])
    );
}

#[tokio::test]
async fn a_part_that_arrived_has_arrived_and_the_others_are_waited_for() {
    let world = World::new(false).await;
    let waits = [("m".to_owned(), Duration::from_secs(60))].into();
    world.tracker.await_receipts(waits);
    world.sent_in_parts(&["m/a", "m/b"]).await;
    world.reported(&["m/a"], Some(true), "it came").await;
    world.reported(&["m/a"], Some(false), "or not").await;
    let text = world.delivery(Channel::Text);
    assert_eq!(text.status(), Status::Text(TextStatus::Sent));
    assert_eq!(
        (text.delivered_parts(), text.failed_parts()),
        (vec![1], vec![])
    );
    let lane = crate::domain::Lane::Receipts;
    assert_eq!(world.repo.lane_depth(lane, 9).unwrap(), 1);
    world.reported(&["m/b"], Some(true), "too").await;
    assert_eq!(
        world.delivery(Channel::Text).status(),
        Status::Text(TextStatus::Received)
    );
}

#[tokio::test]
async fn a_receipt_ends_the_wait_for_it() {
    for delivered in [true, false] {
        let world = World::new(false).await;
        let waits = [("m".to_owned(), Duration::from_secs(60))].into();
        world.tracker.await_receipts(waits);
        world.sent_in_parts(&["m/a"]).await;
        world.reported(&["m/a"], None, "on its way").await;
        let lane = crate::domain::Lane::Receipts;
        assert_eq!(world.repo.lane_depth(lane, 9).unwrap(), 1);
        world.reported(&["m/a"], Some(delivered), "done").await;
        assert_eq!(world.repo.lane_depth(lane, 9).unwrap(), 0);
        assert_eq!(world.delivery(Channel::Text).due, None);
    }
}

#[tokio::test]
async fn where_no_receipt_can_be_known_none_is_waited_for() {
    for ids in [&["other/a"][..], &[]] {
        let world = World::new(false).await;
        let waits = [("m".to_owned(), Duration::from_secs(60))].into();
        world.tracker.await_receipts(waits);
        world.sent_in_parts(ids).await;
        let text = world.delivery(Channel::Text);
        assert_eq!(text.status(), Status::Text(TextStatus::Sent));
        assert_eq!(text.due, None, "{ids:?}");
    }
}

#[tokio::test]
async fn receipts_that_belong_to_no_text_are_kept_for_a_week_and_go_with_their_text() {
    let world = World::new(false).await;
    let kept = || -> Vec<String> {
        let page = world.repo.early_receipts(None, 99).unwrap();
        page.rows
            .into_iter()
            .map(|row| row.value.remote_id)
            .collect()
    };
    // The same id in two forms, and one of nobody.
    world.reported(&["m/1f", "m/31"], None, "on its way").await;
    world.reported(&["m/1f", "m/31"], Some(true), "done").await;
    world
        .reported(&["m/1f", "m/31"], Some(false), "not at all")
        .await;
    world.reported(&["m/lost"], Some(false), "gone").await;
    assert_eq!(kept(), ["m/1f", "m/31", "m/lost"]);
    world.sent_in_parts(&["m/31"]).await;
    assert_eq!(
        world.delivery(Channel::Text).status(),
        Status::Text(TextStatus::Received),
        "the first final one counts"
    );
    assert_eq!(kept(), ["m/lost"]);
    world.clock.advance(Duration::from_secs(7 * 24 * 3600));
    assert_eq!(world.tracker.sweep_receipts().await.unwrap(), 0);
    world.clock.advance(Duration::from_secs(1));
    assert_eq!(world.tracker.sweep_receipts().await.unwrap(), 1);
    assert_eq!(kept(), Vec::<String>::new());
}

#[tokio::test]
async fn receipts_that_belong_to_no_text_are_bounded() {
    let world = World::new(false).await;
    let ids: Vec<String> = (0..=UNKNOWN_RECEIPTS_MAX)
        .map(|n| format!("x/{n:05}"))
        .collect();
    for some in ids.chunks(500) {
        let mut batch = Batch::new();
        for id in some {
            batch.insert(&crate::domain::EarlyReceipt {
                remote_id: id.clone(),
                verdict: said(Reason::Unreachable, ""),
                delivered: false,
                at: crate::clock::Clock::wall(&*world.clock),
                underway: false,
                also: Vec::new(),
            });
        }
        world.repo.store().commit(batch).await.unwrap();
        world.clock.advance(Duration::from_secs(1));
    }
    assert_eq!(world.tracker.sweep_receipts().await.unwrap(), 1251);
    let left = world
        .repo
        .early_receipts(None, UNKNOWN_RECEIPTS_MAX)
        .unwrap();
    assert_eq!(left.rows.len(), 3750);
    assert_eq!(left.rows[0].remote_id, "x/01251", "the oldest have gone");
}
