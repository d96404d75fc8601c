//! What is done with a communication over the API until it is sent, and from an earlier one.

use axum::body::Body;
use axum::http::{Method, Request, StatusCode, header};
use serde_json::{Value, json};

use super::api::{Program, draft, problem, program};
use super::api_contacts::made;
use super::world::{Answer, World, world};
use crate::clock::Randomness;
use crate::domain::{ConfirmedBy, EmailAddress, Redacted, Role, User};
use crate::http::{new_token, token_hash};
use crate::store::{Batch, RowBatch};
use crate::submit::{ApprovalRules, SubmitSettings};
use crate::tracker::{NewToken, Users};

/// A program of this user, with a token of its own.
pub(super) async fn another<'a>(world: &'a World, login: &str, seed: u64) -> Program<'a> {
    let user = world.repo.user_by_login(login).unwrap().unwrap();
    let token = new_token(&Randomness::seeded(seed));
    let clock: crate::clock::SharedClock = world.clock.clone();
    let users = Users::new(world.repo.clone(), clock, Randomness::seeded(seed));
    let new = NewToken {
        user: user.id,
        hash: token_hash(&token),
        name: login.to_owned(),
        scopes: None,
        expires_at: None,
    };
    users.add_token(new).await.unwrap();
    Program { world, token }
}

pub(super) async fn upload(
    program: &Program<'_>,
    path: &str,
    key: Option<&str>,
    bytes: Vec<u8>,
) -> Answer {
    let mut request = Request::post(path)
        .header(header::HOST, "tocsin.example.org")
        .header(header::AUTHORIZATION, format!("Bearer {}", program.token))
        .header(header::CONTENT_TYPE, "application/pdf");
    if let Some(key) = key {
        request = request.header("idempotency-key", key);
    }
    program
        .world
        .send(request.body(Body::from(bytes)).unwrap())
        .await
}

#[tokio::test]
async fn a_program_asks_and_somebody_else_decides() {
    let world = world().await;
    world.submit.replace_settings(SubmitSettings {
        categories: world.submit.categories(),
        approval: ApprovalRules {
            categories: vec!["alert".to_owned()],
            ..ApprovalRules::default()
        },
        ..SubmitSettings::default()
    });
    world.give_role("otto", Role::Approver).await;
    let otto = another(&world, "otto", 1).await;
    let app = another(&world, "app", 2).await;
    let ida = another(&world, "ida", 3).await;
    let id = made(&otto, "/api/v1/communications", &draft(&world)).await;
    let path = format!("/api/v1/communications/{id}");
    let early = otto
        .refused(Method::POST, &format!("{path}/send"), None)
        .await;
    assert_eq!((early.0.as_str(), early.1), ("needs-approval", 409));
    let decision = format!("{path}/approval/decision");
    let yes = json!({"approved": true});
    let none = ida.refused(Method::POST, &decision, Some(&yes)).await;
    assert_eq!(none.1, 409, "nobody has asked");
    let asked = otto
        .ask(Method::POST, &format!("{path}/approval"), None, None)
        .await;
    assert_eq!(asked.status, StatusCode::NO_CONTENT, "{}", asked.body);
    let waiting = ida.get("/api/v1/approvals").await;
    assert_eq!(waiting["items"][0]["id"], id.as_str());
    assert_eq!(waiting["items"][0]["state"], "awaiting-approval");
    let seen = waiting["items"][0]["modified_at"].clone();
    let own = otto.refused(Method::POST, &decision, Some(&yes)).await;
    assert_eq!((own.0.as_str(), own.1), ("own-work", 403));
    let machine = app.refused(Method::POST, &decision, Some(&yes)).await;
    assert_eq!((machine.0.as_str(), machine.1), ("forbidden", 403));
    assert!(
        world
            .repo
            .communication(id.parse().unwrap())
            .unwrap()
            .unwrap()
            .sent_at
            .is_none()
    );

    let no = json!({"approved": false, "note": "Say where."});
    let returned = ida.post(&decision, &no).await;
    assert_eq!(returned["outcome"], "returned");
    let back = otto.get(&path).await;
    assert_eq!(
        (&back["state"], &back["approval"]["note"]),
        (&json!("draft"), &json!("Say where."))
    );
    otto.ask(Method::POST, &format!("{path}/approval"), None, None)
        .await;
    let withdrawn = otto
        .ask(Method::POST, &format!("{path}/withdraw"), None, None)
        .await;
    assert_eq!(withdrawn.status, StatusCode::NO_CONTENT);
    assert_eq!(ida.get("/api/v1/approvals").await["items"], json!([]));
    otto.ask(Method::POST, &format!("{path}/approval"), None, None)
        .await;
    let stale = json!({"approved": true, "modified_at": seen});
    let changed = ida.refused(Method::POST, &decision, Some(&stale)).await;
    assert_eq!((changed.0.as_str(), changed.1), ("changed", 409));
    let first = ida
        .ask(Method::POST, &decision, Some("decide"), Some(&yes))
        .await;
    let sent: Value = serde_json::from_str(&first.body).unwrap();
    assert_eq!(
        (&sent["outcome"], &sent["people"]),
        (&json!("sent"), &json!(world.contacts.len()))
    );
    let replayed = ida
        .ask(Method::POST, &decision, Some("decide"), Some(&yes))
        .await;
    assert_eq!(replayed.body, first.body);
    let again = ida.post(&decision, &yes).await;
    assert_eq!(again["outcome"], "before");
}

#[tokio::test]
async fn files_go_with_a_draft() {
    let world = world().await;
    let program = program(&world, "otto").await;
    let id = made(&program, "/api/v1/communications", &draft(&world)).await;
    let path = format!("/api/v1/communications/{id}");
    let place = format!("{path}/attachments");
    // More than a JSON body may have.
    let plan = vec![7_u8; 9 * 1024 * 1024];
    let one = upload(
        &program,
        &format!("{place}?name=plan%20A.pdf"),
        Some("plan"),
        plan.clone(),
    )
    .await;
    assert_eq!(one.status, StatusCode::OK, "{}", one.body);
    let files: Value = serde_json::from_str(&one.body).unwrap();
    assert_eq!(
        files,
        json!([{"name": "plan A.pdf", "media_type": "application/pdf", "size_bytes": plan.len()}])
    );
    let again = upload(
        &program,
        &format!("{place}?name=plan%20A.pdf"),
        Some("plan"),
        plan.clone(),
    )
    .await;
    assert_eq!(again.headers["idempotency-replayed"], "true");
    let changed = upload(
        &program,
        &format!("{place}?name=plan%20A.pdf"),
        Some("plan"),
        vec![8],
    )
    .await;
    assert_eq!(problem(&changed).0, "idempotency-key-reused");
    upload(&program, &format!("{place}?name=two.txt"), None, vec![b'2']).await;
    // Changing the text keeps the files.
    let answer = program
        .ask(Method::PUT, &path, None, Some(&draft(&world)))
        .await;
    assert_eq!(answer.status, StatusCode::NO_CONTENT);
    let whole = program.get(&path).await;
    assert_eq!(whole["attachments"].as_array().unwrap().len(), 2, "{whole}");
    let fetched = world
        .fetch(
            Request::get(format!("{place}/plan%20A.pdf"))
                .header(header::HOST, "tocsin.example.org")
                .header(header::AUTHORIZATION, format!("Bearer {}", program.token))
                .body(Body::empty())
                .unwrap(),
        )
        .await;
    assert_eq!(
        (fetched.status, fetched.bytes == plan),
        (StatusCode::OK, true)
    );
    for (name, bytes, status) in [
        ("run.exe", vec![1], 422),
        ("empty.txt", Vec::new(), 422),
        ("..", vec![1], 422),
        ("huge.pdf", vec![1; 16 * 1024 * 1024], 413),
        ("more.pdf", vec![1; 7 * 1024 * 1024], 422),
    ] {
        let refused = upload(&program, &format!("{place}?name={name}"), None, bytes).await;
        assert_eq!(problem(&refused).1, status, "{name}");
    }
    let nameless = upload(&program, &place, None, vec![1]).await;
    assert_eq!(problem(&nameless).2["errors"][0]["field"], "name");
    let gone = program
        .ask(Method::DELETE, &format!("{place}/two.txt"), None, None)
        .await;
    assert_eq!(gone.status, StatusCode::NO_CONTENT);
    assert_eq!(
        program
            .refused(Method::DELETE, &format!("{place}/two.txt"), None)
            .await
            .1,
        404
    );
    let seen = program.get(&path).await["modified_at"].clone();
    let send = |seen: &str| format!("{path}/send?modified_at={seen}");
    for (seen, status) in [("2020-01-01T00:00:00Z", 409), ("soon", 422)] {
        let refused = program.refused(Method::POST, &send(seen), None).await;
        assert_eq!(refused.1, status, "{seen}");
    }
    let sent = program
        .ask(Method::POST, &send(seen.as_str().unwrap()), None, None)
        .await;
    assert_eq!(sent.status, StatusCode::OK, "{}", sent.body);
    let late = upload(&program, &format!("{place}?name=late.txt"), None, vec![1]).await;
    assert_eq!(problem(&late).1, 409);
}

#[tokio::test]
async fn a_draft_is_tried_corrected_followed_and_deleted() {
    let world = world().await;
    let program = program(&world, "otto").await;
    let id = made(&program, "/api/v1/communications", &draft(&world)).await;
    let path = format!("/api/v1/communications/{id}");
    let by_email = json!({"channels": ["email"]});
    let nowhere = program
        .refused(Method::POST, &format!("{path}/trial"), Some(&by_email))
        .await;
    assert_eq!(nowhere.2["errors"][0]["field"], "trial");
    let old = world.repo.user_by_login("otto").unwrap().unwrap();
    let mut batch = Batch::new();
    let address = EmailAddress::parse("otto@example.org").unwrap();
    let new = User {
        email: Some(Redacted::new(address)),
        ..old.value.clone()
    };
    assert_eq!(new.role, Role::Operator);
    batch.replace(&old, &new);
    world.repo.store().commit(batch).await.unwrap();
    let trial = made(&program, &format!("{path}/trial"), &by_email).await;
    let trial = program
        .get(&format!("/api/v1/communications/{trial}"))
        .await;
    assert_eq!(
        (&trial["origin"], &trial["related"]["relation"]),
        (&json!("test"), &json!("trial"))
    );

    let early = json!({"relation": "correction"});
    assert_eq!(
        program
            .refused(Method::POST, &format!("{path}/follow"), Some(&early))
            .await
            .1,
        409
    );
    program
        .ask(Method::POST, &format!("{path}/send"), None, None)
        .await;
    world.expand().await;
    let asked = json!({"relation": "correction", "prefix": "Correction: "});
    let follow = made(&program, &format!("{path}/follow"), &asked).await;
    let place = format!("/api/v1/communications/{follow}");
    let new = program.get(&place).await;
    assert_eq!(new["subject"], "Correction: Flood warning");
    assert_eq!(new["related"], json!({"to": id, "relation": "correction"}));
    for (field, wrong) in [
        ("relation", json!({"relation": "joke"})),
        ("whom", json!({"relation": "again", "whom": "me"})),
        (
            "prefix",
            json!({"relation": "again", "prefix": "x".repeat(51)}),
        ),
    ] {
        let refused = program
            .refused(Method::POST, &format!("{path}/follow"), Some(&wrong))
            .await;
        assert_eq!(refused.2["errors"][0]["field"], field);
    }
    let deleted = program.ask(Method::DELETE, &place, None, None).await;
    assert_eq!(deleted.status, StatusCode::NO_CONTENT);
    assert_eq!(program.refused(Method::GET, &place, None).await.1, 404);
    assert_eq!(
        program.refused(Method::DELETE, &path, None).await.1,
        409,
        "it was sent"
    );
}

#[tokio::test]
async fn statistics_say_how_people_confirmed_and_campaigns_are_renamed() {
    let world = world().await;
    let program = program(&world, "otto").await;
    let campaign = made(&program, "/api/v1/campaigns", &json!({"name": "Flood"})).await;
    let mut asked = draft(&world);
    asked["campaign"] = json!(campaign);
    let id = made(&program, "/api/v1/communications", &asked).await;
    let path = format!("/api/v1/communications/{id}");
    program
        .ask(Method::POST, &format!("{path}/send"), None, None)
        .await;
    world.expand().await;
    let who = world.contacts[0];
    let confirming = world
        .tracker
        .confirm(id.parse().unwrap(), who, ConfirmedBy::EmailLink);
    confirming.await.unwrap();
    let numbers = program.get(&format!("{path}/statistics")).await;
    assert_eq!(
        numbers["confirmed"],
        json!([{"by": "email-link", "people": 1}])
    );
    assert_eq!(numbers["contacted"], 1);
    let person = program.get(&format!("{path}/people/{who}")).await;
    assert_eq!(person["confirmed_by"], "email-link");
    let log = program.get(&format!("/api/v1/contacts/{who}/log")).await;
    let line = log["items"]
        .as_array()
        .unwrap()
        .iter()
        .find(|one| one["event"] == "confirmed");
    assert_eq!(line.unwrap()["by"], "email-link");
    let place = format!("/api/v1/campaigns/{campaign}");
    let renamed = json!({"name": "Flood 2027"});
    let answer = program.ask(Method::PUT, &place, None, Some(&renamed)).await;
    assert_eq!(answer.status, StatusCode::NO_CONTENT, "{}", answer.body);
    assert_eq!(program.get(&place).await["name"], "Flood 2027");
    let listed = program.get(&format!("{place}/communications")).await;
    assert_eq!(listed["items"][0]["id"], id.as_str());
}
