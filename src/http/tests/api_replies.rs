//! What people answer, read and dealt with by a program; issues that come back.

use axum::body::Body;
use axum::http::{Method, Request, StatusCode, header};
use serde_json::{Value, json};

use super::api::{Program, draft, program};
use super::inbox::{comes_in, found_out, is_sound};
use super::inbox_people::{STRANGER, from_stranger, mail_with_files};
use super::world::{World, patient_world, world};
use crate::domain::{AuthResult, Channel, MethodState, Status};
use crate::tracker::{Incoming, Taken};

#[tokio::test]
async fn replies_are_read_answered_by_the_way_they_came_given_away_and_finished() {
    let world = world().await;
    let program = program(&world, "otto").await;
    comes_in(&world, 1, |_| {}).await;
    let number = {
        let contact = world.repo.contact(world.contacts[0]).unwrap().unwrap();
        let methods = contact.methods_for(Channel::Text);
        methods
            .first()
            .map(|method| method.destination.lookup_key())
    };
    let list = program.get("/api/v1/inbox?list=unread").await;
    let thread = list["items"][0]["id"].as_str().unwrap().to_owned();
    let place = format!("/api/v1/inbox/{thread}");
    let said = program.get(&format!("{place}/messages")).await;
    assert!(
        said["items"][0]["text"]
            .as_str()
            .unwrap()
            .starts_with("We are <b>safe</b>.")
    );
    let answer = json!({"channel": "email", "subject": "Re: Road closed", "text": "Thank you."});
    let first = program
        .ask(
            Method::POST,
            &format!("{place}/answer"),
            Some("a"),
            Some(&answer),
        )
        .await;
    assert_eq!(first.status, StatusCode::CREATED, "{}", first.body);
    let second = program
        .ask(
            Method::POST,
            &format!("{place}/answer"),
            Some("a"),
            Some(&answer),
        )
        .await;
    assert_eq!(second.body, first.body, "answered once");
    let deliveries = world.deliveries(world.contacts[0]);
    assert_eq!(deliveries.len(), 1);
    assert_eq!(deliveries[0].channel, Channel::Email);
    if number.is_some() {
        let text = json!({"channel": "text", "text": "Thank you."});
        program.post(&format!("{place}/answer"), &text).await;
        assert_eq!(
            world.deliveries(world.contacts[0])[0].channel,
            Channel::Text
        );
    }
    let otto = world
        .repo
        .user_by_login("otto")
        .unwrap()
        .unwrap()
        .id
        .to_string();
    program
        .post(&format!("{place}/assign"), &json!({"to": otto}))
        .await;
    program
        .post(&format!("{place}/read"), &json!({"unread": false}))
        .await;
    program
        .post(&format!("{place}/done"), &json!({"done": true}))
        .await;
    let thread = program.get(&place).await;
    assert_eq!(
        (&thread["state"], &thread["unread"], &thread["assigned"]),
        (&json!("done"), &json!(0), &json!(otto))
    );
}

#[tokio::test]
async fn an_answer_marks_as_read_what_was_seen_and_replies_are_told_of_again() {
    let world = world().await;
    let program = program(&world, "otto").await;
    let mut thread = None;
    let write = async |seed: u8| {
        world.clock.advance(std::time::Duration::from_secs(1));
        let same = |incoming: &mut Incoming| {
            incoming.subject = "Re: Road closed".into();
        };
        let Taken::In(thread) = comes_in(&world, seed, same).await else {
            panic!("it was not taken in");
        };
        let id = crate::domain::MessageId::from_bytes([seed; 16]);
        world.repo.message(thread, id).unwrap().unwrap().value
    };
    for seed in 1..=12 {
        let message = write(seed).await;
        assert_eq!(message.notify_at.is_some(), seed <= 10, "{seed}");
        assert_eq!(*thread.get_or_insert(message.thread), message.thread);
    }
    let place = format!("/api/v1/inbox/{}", thread.unwrap());
    let mut answer =
        json!({"channel": "email", "subject": "Re: Road closed", "text": "Thank you."});
    world.clock.advance(std::time::Duration::from_secs(1));
    program.post(&format!("{place}/answer"), &answer).await;
    assert_eq!(program.get(&place).await["unread"], 12);
    assert!(write(13).await.notify_at.is_some(), "it was answered");
    answer["seen"] = json!(13);
    program.post(&format!("{place}/answer"), &answer).await;
    assert_eq!(program.get(&place).await["unread"], 13, "one was not seen");
    answer["seen"] = json!(15);
    program.post(&format!("{place}/answer"), &answer).await;
    assert_eq!(program.get(&place).await["unread"], 0);
}

#[tokio::test]
async fn a_program_fetches_files_and_says_whose_a_thread_is() {
    let world = world().await;
    let program = program(&world, "otto").await;
    let thread = mail_with_files(&world, 1).await;
    let place = format!("/api/v1/inbox/{thread}");
    let messages = program.get(&format!("{place}/messages")).await;
    let message = &messages["items"][0];
    assert_eq!(
        message["files"][0],
        json!({"name": "plan.pdf", "size_bytes": 2100, "scan": null, "virus": null})
    );
    let id = message["id"].as_str().unwrap();
    let fetch = |index: usize| {
        let path = format!("{place}/messages/{id}/files/{index}");
        let request = Request::get(path)
            .header(header::HOST, "tocsin.example.org")
            .header(header::AUTHORIZATION, format!("Bearer {}", program.token));
        world.fetch(request.body(Body::empty()).unwrap())
    };
    let file = fetch(0).await;
    assert_eq!(
        (file.status, file.bytes.as_slice()),
        (StatusCode::OK, &b"first"[..])
    );
    assert_eq!(file.headers["content-type"], "application/octet-stream");
    assert_eq!(fetch(9).await.status, StatusCode::NOT_FOUND);

    let unknown = from_stranger(&world, 2, |_| {}).await;
    let place = format!("/api/v1/inbox/{unknown}");
    assert_eq!(program.get(&place).await["contact"], Value::Null);
    let nobody = json!({"contact": "0123456789abcdef0123456789abcdef"});
    let refused = program
        .refused(Method::POST, &format!("{place}/attach"), Some(&nobody))
        .await;
    assert_eq!(refused.2["errors"][0]["field"], "contact");
    let ada = world.contacts[0].to_string();
    let asked = json!({"contact": ada, "add_method": true});
    for _ in 0..2 {
        program.post(&format!("{place}/attach"), &asked).await;
    }
    assert_eq!(program.get(&place).await["contact"], ada.as_str());
    let contact = world.repo.contact(world.contacts[0]).unwrap().unwrap();
    let new = contact
        .methods
        .iter()
        .filter(|method| method.destination.reveal() == STRANGER);
    assert_eq!(
        new.map(|method| method.state).collect::<Vec<_>>(),
        [MethodState::Unverified]
    );
    let other = json!({"contact": world.contacts[1].to_string()});
    let late = program
        .refused(Method::POST, &format!("{place}/attach"), Some(&other))
        .await;
    assert_eq!((late.0.as_str(), late.1), ("attached", 409));
    is_sound(&world);
}

#[tokio::test]
async fn a_program_is_told_where_a_mail_came_from() {
    let world = world().await;
    let program = program(&world, "otto").await;
    let first = async |taken: Taken| {
        let Taken::In(thread) = taken else {
            panic!("it was not taken in");
        };
        let messages = program
            .get(&format!("/api/v1/inbox/{thread}/messages"))
            .await;
        messages["items"][0].clone()
    };
    for (seed, dmarc, origin) in [
        (1, AuthResult::Pass, "proven"),
        (2, AuthResult::None, "unproven"),
        (3, AuthResult::Fail, "forged"),
    ] {
        let mail = |incoming: &mut Incoming| incoming.authentication = Some(found_out(dmarc));
        let message = first(comes_in(&world, seed, mail).await).await;
        let expected =
            json!({"spf": "fail", "dkim": "none", "dmarc": dmarc.as_str(), "origin": origin});
        assert_eq!(message["authentication"], expected);
    }
    let text = |incoming: &mut Incoming| {
        incoming.channel = Channel::Text;
        incoming.contact = None;
        incoming.from = "+447700900999".into();
    };
    let message = first(comes_in(&world, 4, text).await).await;
    assert_eq!(message.get("authentication"), Some(&Value::Null));
}

/// An alert to everybody; the email to the first who has one comes back.
async fn bounced(world: &World, program: &Program<'_>) -> (String, String) {
    let made = program.post("/api/v1/communications", &draft(world)).await;
    let id = made["id"].as_str().unwrap().to_owned();
    let send = format!("/api/v1/communications/{id}/send");
    program.ask(Method::POST, &send, None, None).await;
    world.expand().await;
    for contact in &world.contacts {
        let all = world.deliveries(*contact);
        let mail = all.iter().find(|one| {
            matches!(one.status(), Status::Email(_)) && one.communication.to_string() == id
        });
        let several = world.repo.contact(*contact).unwrap().unwrap().methods.len() > 1;
        if let Some(mail) = mail.filter(|_| several) {
            world.bounce(mail).await;
            return (contact.to_string(), mail.id.to_string());
        }
    }
    panic!("nobody has an email address");
}

async fn listed(program: &Program<'_>, who: &str) -> bool {
    let issues = program
        .get("/api/v1/contacts?reachability=issue&limit=500")
        .await;
    issues["items"]
        .as_array()
        .unwrap()
        .iter()
        .any(|one| one["id"] == who)
}

#[tokio::test]
async fn an_issue_is_seen_solved_and_seen_again() {
    let world = patient_world().await;
    let program = program(&world, "otto").await;
    let (who, delivery) = bounced(&world, &program).await;
    assert!(listed(&program, &who).await);
    let contact = program.get(&format!("/api/v1/contacts/{who}")).await;
    let methods = contact["methods"].as_array().unwrap();
    let failing = methods
        .iter()
        .find(|method| method["state"] == "suspended")
        .unwrap();
    assert_eq!(failing["suspension"]["delivery"], delivery.as_str());
    let message = program.get(&format!("/api/v1/deliveries/{delivery}")).await;
    assert_eq!(message["status"], "rebound", "{message}");
    let place = format!(
        "/api/v1/contacts/{who}/methods/{}",
        failing["id"].as_str().unwrap()
    );
    program
        .ask(Method::POST, &format!("{place}/reinstate"), None, None)
        .await;
    assert!(!listed(&program, &who).await);
    // Messages flow again, and a recurrence is one.
    let (again, second) = bounced(&world, &program).await;
    assert_eq!(again, who);
    assert_ne!(second, delivery);
    assert!(listed(&program, &who).await);
    let contact = program.get(&format!("/api/v1/contacts/{who}")).await;
    let methods = contact["methods"].as_array().unwrap();
    let failing = methods
        .iter()
        .find(|method| method["state"] == "suspended")
        .unwrap();
    assert_eq!(failing["suspensions"], 2);
}
