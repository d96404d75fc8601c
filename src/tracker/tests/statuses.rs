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
