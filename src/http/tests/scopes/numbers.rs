//! Numbers tell nobody of people and things that they may not see.

use axum::http::{Method, StatusCode};
use serde_json::{Value, json};

use super::super::super::data;
use super::super::api::{draft, program};
use super::super::api_sending::another;
use super::super::issues::{cover, email_of};
use super::super::recontact::reminded;
use super::super::world::{patient_world, world};
use super::{access, alert, inside_and_outside, sent};
use crate::domain::{
    Access, Audience, CaseScope, CommunicationId, Contact, ContactId, ContactKind, Role,
};
use crate::store::{Batch, RowBatch};

#[tokio::test]
async fn a_draft_does_not_tell_whether_a_hidden_contact_exists() {
    let world = world().await;
    let (inside, outside) = inside_and_outside(&world);
    cover(&world, "otto", vec![world.areas[0]]).await;
    let otto = program(&world, "otto").await;
    let answers = [outside.id, ContactId::from_bytes([7; 16])].map(async |id| {
        let mut body = draft(&world);
        body["audience"] = json!({ "contacts": [inside.id.to_string(), id.to_string()] });
        let path = "/api/v1/communications";
        otto.refused(Method::POST, path, Some(&body)).await
    });
    let [hidden, unknown] = answers;
    let (hidden, unknown) = (hidden.await, unknown.await);
    assert_eq!(hidden.1, 422, "{hidden:?}");
    assert_eq!(hidden.2["errors"], unknown.2["errors"]);
    assert_eq!(hidden.2["errors"][0]["field"], "audience.contacts[1]");
}

#[tokio::test]
async fn the_menu_counts_issues_of_those_alone_whom_one_sees() {
    let world = world().await;
    sent(&world).await;
    world.bounce(&email_of(&world)).await;
    let ada = world.repo.contact(world.contacts[0]).unwrap().unwrap();
    assert!(ada.issue_since.is_some());
    let mut batch = Batch::new();
    let client = Contact {
        kind: ContactKind::Client,
        ..ada.value.clone()
    };
    batch.replace(&ada, &client);
    world.repo.store().commit(batch).await.unwrap();
    let count = |access: &Access| data::issues_total(&world.repo, access).unwrap();
    assert_eq!(count(&access(&world, "otto")), 1);
    let scoped = |user: &mut crate::domain::User| user.case_scope = CaseScope::None;
    world.change_user("otto", scoped).await;
    assert_eq!(count(&access(&world, "otto")), 0);
    let page = world.browser("otto").await.get("/").await;
    assert!(!page.body.contains("1 person has a communication issue"));
    // Nor do the numbers of areas, in which clients are counted.
    let areas = program(&world, "otto").await.get("/api/v1/areas").await;
    for area in areas.as_array().unwrap() {
        assert_eq!(
            (&area["people"], &area["issues"]),
            (&Value::Null, &Value::Null)
        );
    }
    let citizen = world.repo.contact(world.contacts[0]).unwrap().unwrap();
    let mut batch = Batch::new();
    batch.replace(&citizen, &ada.value);
    world.repo.store().commit(batch).await.unwrap();
    assert_eq!(count(&access(&world, "otto")), 1, "a citizen is theirs");
}

#[tokio::test]
async fn the_menu_counts_approvals_of_what_one_sees() {
    let world = world().await;
    world.add_somebody("vera", Role::Approver).await;
    let (inside, outside) = inside_and_outside(&world);
    let ida = world.browser("ida").await;
    for contact in [&inside, &outside] {
        let path = alert(&ida, world.county).await;
        let id: CommunicationId = path.rsplit('/').next().unwrap().parse().unwrap();
        let old = world.repo.communication(id).unwrap().unwrap();
        let mut new = old.value.clone();
        new.audience = Audience {
            contacts: vec![contact.id],
            ..Audience::default()
        };
        let mut batch = Batch::new();
        batch.replace(&old, &new);
        world.repo.store().commit(batch).await.unwrap();
        ida.post(&format!("{path}/ask"), &[]).await;
    }
    let waiting = |access: &Access| data::approvals_waiting(&world.app, access).unwrap();
    assert_eq!(waiting(&access(&world, "vera")), 2);
    cover(&world, "vera", vec![world.areas[0]]).await;
    assert_eq!(waiting(&access(&world, "vera")), 1);
}

#[tokio::test]
async fn follow_up_and_recontact_tell_numbers_to_those_who_see_everybody() {
    let world = patient_world().await;
    let ida = world.browser("ida").await;
    let path = reminded(&ida).await;
    let (follow, again) = (
        format!("{path}/follow?as=again"),
        format!("{path}/recontact"),
    );
    let api = format!("/api/v1{path}/recontact");
    ida.get(&follow).await.assert_has(&["(14 people)"]);
    ida.get(&again)
        .await
        .assert_has(&["Recontact 13 people now"]);
    let all = another(&world, "ida", 1).await.get(&api).await;
    assert_eq!(
        (&all["people"], &all["unreached"]),
        (&json!(13), &json!(13))
    );
    cover(&world, "otto", vec![world.areas[0]]).await;
    let otto = world.browser("otto").await;
    for page in [&follow, &again] {
        let page = otto.get(page).await;
        assert_eq!(page.status, StatusCode::OK);
        for number in ["of 13 who", "13 people", "14 people"] {
            assert!(!page.body.contains(number), "{}", page.body);
        }
    }
    let part = another(&world, "otto", 2).await.get(&api).await;
    assert_eq!(part["round"], all["round"]);
    for number in ["people", "unreached", "on_the_way", "no_way", "channels"] {
        assert_eq!(part[number], Value::Null, "{part}");
    }
}

#[tokio::test]
async fn how_many_are_in_a_group_is_for_those_who_see_everybody() {
    let world = world().await;
    let (inside, outside) = inside_and_outside(&world);
    let group = world.tracker.add_group("Choir").await.unwrap();
    let (members, by) = ([inside.id, outside.id], crate::domain::Actor::Gateway);
    world
        .tracker
        .change_members(group, &members, true, by)
        .await
        .unwrap();
    let whole = another(&world, "otto", 1).await.get("/api/v1/groups").await;
    assert_eq!(whole[0]["people"], 2);
    cover(&world, "otto", vec![world.areas[0]]).await;
    let part = another(&world, "otto", 2).await.get("/api/v1/groups").await;
    assert_eq!(part[0]["people"], Value::Null);
}
