//! What is over stays so, in whatever order messages come.

use std::time::Duration;

use super::*;
use crate::domain::{Category, CommunicationId};
use crate::submit::{ApprovalDecision, ApprovalRules, SubmitError, SubmitSettings};
use crate::tracker::Event;

/// `SENT` as CAP has it, for something that ends so many minutes from now.
fn ends(world: &World, minutes: u64, message: &str) -> String {
    let at = world.now().plus(Duration::from_secs(60 * minutes));
    let at = jiff::Timestamp::from_millisecond(at.as_millis().try_into().unwrap()).unwrap();
    let at = at.strftime("%Y-%m-%dT%H:%M:%S-00:00");
    message.replace(
        "<headline>High",
        &format!("<expires>{at}</expires><headline>High"),
    )
}

fn all(world: &World) -> Vec<CommunicationId> {
    let page = world.repo.communications(None, 100).unwrap();
    page.rows.iter().map(|one| one.id).collect()
}

/// Nothing more of it goes out.
fn is_stopped(world: &World, id: CommunicationId) -> bool {
    let people = world.repo.people(id, None, 1000).unwrap().rows;
    let mut made = people.iter().flat_map(|person| &person.deliveries);
    world.repo.rounds(id).unwrap().is_empty()
        && made.all(|one| one.closed || one.status.is_settled())
}

#[tokio::test]
async fn what_is_over_before_it_comes_is_not_sent() {
    let world = world().await;
    let program = program(&world, "ida").await;
    placed(&program).await;
    let over = taken(&program, &message("Cancel", 2, "Actual", &refers(1), "")).await;
    assert_eq!(over["called_off"], json!([]));
    let late = taken(&program, &message("Alert", 1, "Actual", "", AROUND)).await;
    assert_eq!(
        (&late["new"], &late["communications"]),
        (&json!(false), &json!([]))
    );
    let update = message("Update", 4, "Actual", &refers(3), AROUND);
    let told = taken(&program, &update).await;
    assert_eq!(told["new"], true);
    let late = taken(&program, &message("Alert", 3, "Actual", "", AROUND)).await;
    assert_eq!(late["communications"], json!([]));
    assert_eq!(all(&world), [sent(&world, &told).id]);
    assert!(check(world.repo.store()).unwrap().is_sound());
}

#[tokio::test]
async fn a_cancel_meets_all_of_an_alert_or_nothing() {
    let world = world().await;
    let program = program(&world, "ida").await;
    placed(&program).await;
    for number in 0..20 {
        let alert = message("Alert", 100 + number, "Actual", "", AROUND);
        let cancel = message("Cancel", 200 + number, "Actual", &refers(100 + number), "");
        let (told, _) = tokio::join!(taken(&program, &alert), taken(&program, &cancel));
        for id in told["communications"].as_array().unwrap() {
            let id = id.as_str().unwrap().parse().unwrap();
            assert!(is_stopped(&world, id), "alert {number} goes on");
        }
    }
    // Whatever was interrupted: what is there is sent or waits, and never a draft.
    let drafts = all(&world)
        .into_iter()
        .map(|id| world.repo.communication(id).unwrap().unwrap());
    assert!(drafts.into_iter().all(|one| !one.is_draft()));
}

#[tokio::test]
async fn an_alert_that_refers_to_another_does_not_end_it() {
    let world = world().await;
    let program = program(&world, "ida").await;
    placed(&program).await;
    let told = taken(&program, &message("Alert", 1, "Actual", "", AROUND)).await;
    let first = sent(&world, &told);
    let second = message("Alert", 2, "Actual", &refers(1), AROUND);
    let second = taken(&program, &second).await;
    assert_eq!(
        (&second["new"], &second["called_off"]),
        (&json!(true), &json!([]))
    );
    assert_eq!(sent(&world, &second).related.unwrap().to, first.id);
    assert!(!world.repo.rounds(first.id).unwrap().is_empty());
}

#[tokio::test]
async fn an_update_for_others_or_that_is_over_still_ends_what_it_replaces() {
    let world = world().await;
    let program = program(&world, "ida").await;
    placed(&program).await;
    let elsewhere = "<polygon>10,5 10,6 11,6</polygon>";
    for (number, why) in [(1, "area"), (3, "expires")] {
        let told = taken(&program, &message("Alert", number, "Actual", "", AROUND)).await;
        let first = sent(&world, &told);
        let update = |area| message("Update", number + 1, "Actual", &refers(number), area);
        let update = if why == "area" {
            update(elsewhere)
        } else {
            let old = "<expires>2001-01-01T00:00:00-00:00</expires><headline>High";
            update(AROUND).replace("<headline>High", old)
        };
        let ended = taken(&program, &update).await;
        assert_eq!(ended["called_off"], json!([first.id.to_string()]), "{why}");
        assert_eq!(
            (&ended["new"], &ended["passed_over"]),
            (&json!(false), &json!([why]))
        );
        assert!(is_stopped(&world, first.id), "{why}");
    }
    // One whose place cannot be understood may be for people here: nothing is done.
    let told = taken(&program, &message("Alert", 5, "Actual", "", AROUND)).await;
    let unclear = message("Update", 6, "Actual", &refers(5), "<circle>x</circle>");
    let (_, status, _) = problem(&hand_in(&program, &unclear).await);
    assert_eq!(status, 422);
    assert!(!is_stopped(&world, sent(&world, &told).id));
    let unclear = message("Update", 8, "Actual", &refers(7), "<circle>x</circle>");
    hand_in(&program, &unclear).await;
    let late = taken(&program, &message("Alert", 7, "Actual", "", AROUND)).await;
    assert_eq!(late["new"], true, "nothing has taken its place");
}

#[tokio::test]
async fn an_update_comes_again_after_its_end() {
    let world = world().await;
    let program = program(&world, "ida").await;
    placed(&program).await;
    let told = taken(&program, &message("Alert", 1, "Actual", "", AROUND)).await;
    let update = message("Update", 2, "Actual", &refers(1), AROUND);
    let update = ends(&world, 10, &update);
    let first = taken(&program, &update).await;
    world.clock.advance(Duration::from_secs(3600));
    let again = taken(&program, &update).await;
    assert_eq!(again["communications"], first["communications"]);
    assert_eq!(again["called_off"][0], sent(&world, &told).id.to_string());
}

#[tokio::test]
async fn those_whose_mail_was_under_way_are_told_that_it_is_over() {
    let world = world().await;
    let program = program(&world, "ida").await;
    placed(&program).await;
    let told = taken(&program, &message("Alert", 1, "Actual", "", AROUND)).await;
    let first = sent(&world, &told);
    world.expand().await;
    let made = world.contacts.iter();
    let mut made = made.flat_map(|contact| world.deliveries(*contact));
    let delivery = made
        .find(|one| one.communication == first.id && one.channel == Channel::Email)
        .unwrap();
    let begun = Event::AttemptBegun { status: None };
    world.tracker.record(delivery.id, begun).await.unwrap();
    let over = taken(&program, &message("Cancel", 2, "Actual", &refers(1), "")).await;
    assert_eq!(sent(&world, &over).people, 1, "it may come in after all");
}

#[tokio::test]
async fn nothing_goes_out_by_itself_once_it_is_over() {
    let world = world().await;
    let program = program(&world, "ida").await;
    placed(&program).await;
    let short = ends(&world, 20, &message("Alert", 1, "Actual", "", AROUND));
    let first = sent(&world, &taken(&program, &short).await);
    assert_eq!(first.history.len(), 1, "reminders would come after its end");
    let other = ends(&world, 45, &message("Alert", 2, "Actual", "", AROUND));
    let other = sent(&world, &taken(&program, &other).await);
    assert_eq!(other.history.len(), 2);
    // Nobody has come to it in time: whoever is left is told nothing.
    world.clock.advance(Duration::from_secs(50 * 60));
    world.expand().await;
    for id in [first.id, other.id] {
        assert!(is_stopped(&world, id));
        let ended = world.repo.communication(id).unwrap().unwrap();
        assert_eq!((ended.people, ended.is_sent()), (0, true));
    }
    assert!(check(world.repo.store()).unwrap().is_sound());
}

#[tokio::test]
async fn what_is_over_is_not_approved_any_more() {
    let world = world().await;
    let program = program(&world, "ida").await;
    placed(&program).await;
    world.submit.replace_settings(SubmitSettings {
        categories: vec![Category {
            name: "alert".to_owned(),
            confirmation_required: false,
            voicemail_counts: false,
        }],
        approval: ApprovalRules {
            categories: vec!["alert".to_owned()],
            ..ApprovalRules::default()
        },
        ..SubmitSettings::default()
    });
    let alert = ends(&world, 20, &message("Alert", 1, "Actual", "", AROUND));
    let waiting = taken(&program, &alert).await;
    assert_eq!(waiting["new"], true);
    let waiting = sent(&world, &waiting);
    assert!(!waiting.is_sent() && !waiting.is_draft());
    world.clock.advance(Duration::from_secs(24 * 3600));
    let by = world.repo.user_by_login("otto").unwrap().unwrap().id;
    let yes = ApprovalDecision {
        approved: true,
        confirmed: true,
        note: String::new(),
    };
    let decided = world
        .submit
        .decide_approval(waiting.id, None, by, yes)
        .await;
    let Err(SubmitError::Invalid(problems)) = decided else {
        panic!("it goes out: {decided:?}");
    };
    assert_eq!(problems[0].field, "scheduled_at");
}
