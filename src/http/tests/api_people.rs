//! What a program reads and writes of a person beside name and methods.

use axum::http::{Method, StatusCode};
use serde_json::{Value, json};

use super::api::{Program, program};
use super::api_contacts::made;
use super::world::world;
use crate::domain::{Channel, Contact, ContactId, MethodState, ProofKind};

async fn done(program: &Program<'_>, method: Method, path: &str, body: Option<&Value>) {
    let answer = program.ask(method, path, None, body).await;
    let status = answer.status;
    assert_eq!(status, StatusCode::NO_CONTENT, "{path}: {}", answer.body);
}

fn stored(program: &Program<'_>, id: ContactId) -> Contact {
    program.world.repo.contact(id).unwrap().unwrap().value
}

#[tokio::test]
async fn wishes_and_fields_are_read_and_amended_one_by_one() {
    let world = world().await;
    let program = program(&world, "otto").await;
    let id = world.contacts[0];
    let path = format!("/api/v1/contacts/{id}");
    let before = stored(&program, id);
    let group = made(&program, "/api/v1/groups", &json!({"name": "Wardens"})).await;
    let amended = json!({
        "quiet_hours": {"from": "22:00", "to": "7:30"},
        "preferred": "text",
        "custom": [{"name": "Flat", "value": "7b"}, {"name": "Key", "value": "at no. 3"}],
        "groups": [group],
    });
    done(&program, Method::PATCH, &path, Some(&amended)).await;
    let read = program.get(&path).await;
    assert_eq!(read["quiet_hours"], json!({"from": "22:00", "to": "07:30"}));
    for field in ["preferred", "custom", "groups"] {
        assert_eq!(read[field], amended[field], "{field}");
    }
    let after = stored(&program, id);
    assert_eq!(after.first_name, before.first_name);
    assert_eq!(after.methods, before.methods);
    let hours = after.wishes.quiet_hours.unwrap();
    assert_eq!((hours.from_minute(), hours.to_minute()), (22 * 60, 450));
    assert_eq!(after.wishes.preferred, Some(Channel::Text));
    let listed = program
        .get(&format!("/api/v1/contacts?group={group}"))
        .await;
    assert_eq!(listed["items"][0]["custom"], amended["custom"]);

    let name = json!({"first_name": "Adele"});
    done(&program, Method::PUT, &path, Some(&name)).await;
    let read = program.get(&path).await;
    assert_eq!(read["first_name"], "Adele");
    assert_eq!(read["preferred"], Value::Null, "the whole was sent");
    assert_eq!(read["custom"], amended["custom"], "left out, they stay");
    let none = json!({"quiet_hours": null, "custom": [], "area": null});
    done(&program, Method::PATCH, &path, Some(&none)).await;
    let after = stored(&program, id);
    assert_eq!(after.wishes.quiet_hours, None);
    assert!(after.custom.is_empty() && after.area.is_none());
    assert_eq!(after.groups.len(), 1);
    assert_eq!(after.first_name.reveal(), "Adele");
}

#[tokio::test]
async fn null_empties_a_field_or_is_refused() {
    let world = world().await;
    let program = program(&world, "otto").await;
    let contact = format!("/api/v1/contacts/{}", world.contacts[0]);
    let before = stored(&program, world.contacts[0]);
    let document = program.get("/api/v1/openapi.json").await;
    for (path, shape, optional, fields) in [
        (
            contact.as_str(),
            "ContactChanges",
            &["area", "quiet_hours", "preferred"][..],
            &[
                "first_name",
                "last_name",
                "kind",
                "language",
                "groups",
                "custom",
                "methods",
            ][..],
        ),
        (
            "/api/v1/me",
            "UserChanges",
            &["language", "time_zone", "email", "mobile"],
            &["name", "notify_replies"],
        ),
    ] {
        let shape = &document["components"]["schemas"][shape];
        assert_eq!(shape["required"], Value::Null, "{shape}");
        let properties = shape["properties"].as_object().unwrap();
        assert_eq!(properties.len(), fields.len() + optional.len());
        for (field, schema) in properties {
            let emptied = optional.contains(&field.as_str());
            assert_eq!(schema.to_string().contains("\"null\""), emptied, "{schema}");
            assert!(emptied || fields.contains(&field.as_str()), "{field}");
        }
        for field in fields {
            let none = json!({ *field: null });
            let refused = program.refused(Method::PATCH, path, Some(&none)).await;
            assert_eq!(refused.2["errors"][0]["field"], *field);
        }
        for field in optional {
            done(
                &program,
                Method::PATCH,
                path,
                Some(&json!({ *field: null })),
            )
            .await;
        }
    }
    let after = stored(&program, world.contacts[0]);
    assert_eq!(after.area, None);
    assert_eq!(after.first_name, before.first_name);
    let otto = world.repo.user_by_login("otto").unwrap().unwrap();
    assert_eq!(otto.email, None);
}

#[tokio::test]
async fn what_is_wrong_with_wishes_is_named() {
    let world = world().await;
    let program = program(&world, "otto").await;
    let id = world.contacts[0];
    let path = format!("/api/v1/contacts/{id}");
    let before = stored(&program, id);
    let nobody = "0123456789abcdef0123456789abcdef";
    for (body, field) in [
        (
            json!({"quiet_hours": {"from": "25:00", "to": "07:00"}}),
            "quiet_hours.from",
        ),
        (
            json!({"quiet_hours": {"from": "22:00", "to": "soon"}}),
            "quiet_hours.to",
        ),
        (
            json!({"quiet_hours": {"from": "22:00", "to": "22:00"}}),
            "quiet_hours",
        ),
        (json!({"quiet_hours": {"from": "22:00"}}), "quiet_hours.to"),
        (json!({"preferred": "fax"}), "preferred"),
        (json!({"custom": [{"name": "", "value": "x"}]}), "custom"),
        (
            json!({"custom": [{"name": "A", "value": "1"}, {"name": "a", "value": "2"}]}),
            "custom",
        ),
        (
            json!({"custom": [{"name": "A", "value": "x".repeat(200)}]}),
            "custom",
        ),
        (json!({"groups": [nobody]}), "groups[0]"),
        (json!({"area": nobody}), "area"),
        (json!({"colour": "red"}), "colour"),
    ] {
        let (name, status, document) = program.refused(Method::PATCH, &path, Some(&body)).await;
        assert_eq!((name.as_str(), status), ("validation", 422), "{body}");
        assert_eq!(document["errors"][0]["field"], field, "{document}");
    }
    let place = format!("{path}/consents");
    for (body, field) in [
        (json!({"given": true, "channel": "fax"}), "channel"),
        (json!({"given": true, "category": "gossip"}), "category"),
        (json!({"given": true, "note": "x".repeat(2_000)}), "note"),
        (json!({"channel": "email"}), "given"),
    ] {
        let (name, _, document) = program.refused(Method::PUT, &place, Some(&body)).await;
        assert_eq!(name, "validation");
        assert_eq!(document["errors"][0]["field"], field, "{document}");
    }
    assert_eq!(stored(&program, id), before, "nothing was written");
}

#[tokio::test]
async fn consents_are_written_down_with_their_proof() {
    let world = world().await;
    let program = program(&world, "otto").await;
    let otto = world.repo.user_by_login("otto").unwrap().unwrap().id;
    let id = world.contacts[0];
    let path = format!("/api/v1/contacts/{id}");
    let place = format!("{path}/consents");
    let everything = json!({"given": false, "note": "letter of 2 May"});
    done(&program, Method::PUT, &place, Some(&everything)).await;
    let alerts = json!({"channel": "email", "category": "alert", "given": false});
    done(&program, Method::PUT, &place, Some(&alerts)).await;
    let alerts = json!({"channel": "email", "category": "alert", "given": true, "note": "form 7"});
    done(&program, Method::PUT, &place, Some(&alerts)).await;
    let contact = stored(&program, id);
    let wishes = &contact.wishes;
    assert!(wishes.allow(Channel::Email, "alert"));
    assert!(!wishes.allow(Channel::Text, "alert") && !wishes.allow(Channel::Email, "general"));
    assert_eq!(wishes.consents[1].proof, ProofKind::Program(otto));
    let read = program.get(&path).await;
    let consents = read["consents"].as_array().unwrap();
    assert_eq!(consents.len(), 2, "the earlier one is written over");
    assert_eq!(consents[0]["channel"], Value::Null);
    assert_eq!(consents[0]["note"], "letter of 2 May");
    let last = &consents[1];
    assert_eq!(
        (&last["channel"], &last["category"], &last["given"]),
        (&json!("email"), &json!("alert"), &json!(true))
    );
    assert_eq!(last["proof"], "program");
    assert_eq!(last["by"], otto.to_string());
    let log = program.get(&format!("{path}/log")).await;
    assert_eq!(log["items"][0]["detail"], "email · alert");

    let method = contact.methods[0].id;
    let step = format!("{path}/methods/{method}");
    done(&program, Method::POST, &format!("{step}/opt-out"), None).await;
    assert_eq!(program.get(&path).await["methods"][0]["state"], "opted-out");
    let state = || stored(&program, id).method(method).unwrap().state;
    assert_eq!(state(), MethodState::OptedOut);
    done(&program, Method::POST, &format!("{step}/opt-in"), None).await;
    assert_ne!(state(), MethodState::OptedOut);
}

/// The id of a contact that another one took over changes neither of them.
async fn changes_nothing(program: &Program<'_>, gone: &ContactId, keep: &ContactId) {
    let (path, recipients) = (format!("/api/v1/contacts/{gone}"), "/api/v1/recipients");
    let group = stored(program, *keep).groups[0];
    let name = json!({"first_name": "Nobody"});
    let another = json!({"other": program.world.contacts[1].to_string()});
    let yes = json!({"given": true});
    let kept = format!("{recipients}/{keep}");
    done(program, Method::PUT, &kept, None).await;
    for (method, path, body) in [
        (Method::PUT, path.clone(), Some(&name)),
        (Method::PATCH, path.clone(), Some(&name)),
        (Method::PUT, format!("{path}/consents"), Some(&yes)),
        (Method::POST, format!("{path}/merge"), Some(&another)),
        (Method::PUT, format!("{recipients}/{gone}"), None),
        (Method::DELETE, format!("{recipients}/{gone}"), None),
        (
            Method::PUT,
            format!("/api/v1/groups/{group}/members/{gone}"),
            None,
        ),
        (
            Method::DELETE,
            format!("/api/v1/groups/{group}/members/{gone}"),
            None,
        ),
    ] {
        let (name, status, _) = program.refused(method.clone(), &path, body).await;
        assert_eq!(
            (name.as_str(), status),
            ("not-found", 404),
            "{method} {path}"
        );
    }
    let list = program.get(recipients).await;
    assert_eq!(list["items"].as_array().unwrap().len(), 1);
}

#[tokio::test]
async fn duplicates_are_listed_and_merged() {
    let world = world().await;
    let program = program(&world, "otto").await;
    let keep = world.contacts[0];
    let ada = stored(&program, keep);
    let (address, area) = (ada.methods[0].destination.reveal(), ada.area.unwrap());
    let twice = json!({
        "first_name": "A.", "last_name": "Twice", "area": area.to_string(),
        "methods": [
            {"kind": "email", "to": address},
            {"kind": "mobile", "to": "07700 900999"},
        ],
    });
    let other = made(&program, "/api/v1/contacts", &twice).await;
    let group = made(&program, "/api/v1/groups", &json!({"name": "Wardens"})).await;
    let member = format!("/api/v1/groups/{group}/members/{other}");
    done(&program, Method::PUT, &member, None).await;

    let list = program.get("/api/v1/contacts/duplicates").await;
    assert_eq!(list["more"], false);
    let [pair] = list["items"].as_array().unwrap().as_slice() else {
        panic!("{list}");
    };
    assert_eq!(pair["alike"], "address");
    let twin = json!({"id": other, "name": "A. Twice"});
    let ids = [&pair["one"]["id"], &pair["other"]["id"]];
    assert!(ids.contains(&&json!(keep.to_string())), "{pair}");
    assert!(pair["one"] == twin || pair["other"] == twin, "{pair}");

    let path = format!("/api/v1/contacts/{keep}/merge");
    for wrong in [keep.to_string(), "0".repeat(32), "x".to_owned()] {
        let body = json!({"other": wrong});
        let (name, status, document) = program.refused(Method::POST, &path, Some(&body)).await;
        assert_eq!((name.as_str(), status), ("validation", 422));
        assert_eq!(document["errors"][0]["field"], "other");
    }
    let body = json!({"other": other});
    done(&program, Method::POST, &path, Some(&body)).await;
    let kept = stored(&program, keep);
    assert_eq!(kept.methods.len(), ada.methods.len() + 1);
    assert_eq!(kept.groups[0].to_string(), group);
    assert_eq!(kept.first_name, ada.first_name);
    let gone: ContactId = other.parse().unwrap();
    assert!(world.repo.contact(gone).unwrap().is_none());
    let led = program.get(&format!("/api/v1/contacts/{other}")).await;
    assert_eq!(led["id"], keep.to_string());
    program.get(&format!("/api/v1/contacts/{other}/log")).await;
    changes_nothing(&program, &gone, &keep).await;
    assert_eq!(stored(&program, keep), kept);
    let list = program.get("/api/v1/contacts/duplicates").await;
    assert_eq!(list["items"], json!([]));
}

#[tokio::test]
async fn contacts_that_are_too_much_together_stay_two() {
    let world = world().await;
    let program = program(&world, "otto").await;
    let full = async |first: u32| {
        let email = |n: u32| json!({"kind": "email", "to": format!("p{n}@mail.example")});
        let methods: Vec<Value> = (first..first + 5).map(email).collect();
        let body = json!({"first_name": "Many", "methods": methods});
        made(&program, "/api/v1/contacts", &body).await
    };
    let (one, other) = (full(0).await, full(5).await);
    let path = format!("/api/v1/contacts/{one}/merge");
    let body = json!({"other": other});
    let (name, status, _) = program.refused(Method::POST, &path, Some(&body)).await;
    assert_eq!((name.as_str(), status), ("not-merged", 409));
    assert_eq!(stored(&program, one.parse().unwrap()).methods.len(), 5);
    assert_eq!(stored(&program, other.parse().unwrap()).methods.len(), 5);
}
