//! People over the API: made, found, gathered, their methods put right.

use axum::http::{Method, StatusCode};
use serde_json::{Value, json};

use super::api::{Program, program};
use super::world::{DIAGNOSTIC, patient_world, world};
use crate::domain::Status;

pub(super) async fn made(program: &Program<'_>, path: &str, body: &Value) -> String {
    program.post(path, body).await["id"]
        .as_str()
        .unwrap()
        .to_owned()
}

fn person(first: &str, area: &str) -> Value {
    json!({
        "first_name": first,
        "last_name": "Penrose",
        "area": area,
        "methods": [
            {"kind": "email", "to": format!("{}@mail.example", first.to_lowercase())},
            {"kind": "mobile", "to": "07700 900123"},
        ],
    })
}

fn alert(audience: &Value) -> Value {
    json!({
        "category": "general",
        "channels": ["email"],
        "subject": "Flood warning",
        "text": "The river is rising.",
        "audience": audience,
    })
}

#[tokio::test]
async fn a_contact_that_cannot_be_asked_for_proof_is_made_and_changed_once() {
    use crate::store::{Batch, keys};
    let world = super::world::asking_world().await;
    let program = program(&world, "ida").await;
    // A ticket that went there cannot be read.
    let mut batch = Batch::new();
    batch.put(
        keys::ticket_by_destination("zoe@mail.example", 1),
        vec![7; 32],
    );
    batch.put(keys::ticket(&[7; 32]), b"nonsense".to_vec());
    world.repo.store().commit(batch).await.unwrap();
    let mut zoe = person("Zoe", "");
    zoe["area"] = Value::Null;
    for _ in 0..2 {
        let path = "/api/v1/contacts";
        let made = program.ask(Method::POST, path, Some("one"), Some(&zoe));
        let made = made.await;
        assert_eq!(made.status, StatusCode::CREATED, "{}", made.body);
    }
    let found = world.repo.contacts_by_address("zoe@mail.example", 9);
    assert_eq!(found.unwrap().len(), 1);
    // A contact that is there gets the address all the same, and whoever sent it is told so.
    let path = format!("/api/v1/contacts/{}", world.contacts[0]);
    let address = json!({"methods": [{"kind": "email", "to": "zoe@mail.example"}]});
    let changed = program.ask(Method::PATCH, &path, None, Some(&address));
    let changed = changed.await;
    assert_eq!(changed.status, StatusCode::NO_CONTENT, "{}", changed.body);
    let found = world.repo.contacts_by_address("zoe@mail.example", 9);
    assert_eq!(found.unwrap().len(), 2);
}

#[tokio::test]
async fn from_an_area_to_an_issue_and_back() {
    let world = patient_world().await;
    let program = program(&world, "ida").await;
    let area = made(&program, "/api/v1/areas", &json!({"name": "Quay"})).await;
    let taken = json!({"name": "quay"});
    let again = program
        .refused(Method::POST, "/api/v1/areas", Some(&taken))
        .await;
    assert_eq!((again.0.as_str(), again.1), ("refused", 409));
    for first in ["Zoe", "Ada", "mona"] {
        made(&program, "/api/v1/contacts", &person(first, &area)).await;
    }
    let listed = program
        .get(&format!("/api/v1/contacts?area={area}&limit=2"))
        .await;
    let names = |page: &Value| -> Vec<String> {
        let items = page["items"].as_array().unwrap().iter();
        items
            .map(|one| one["first_name"].as_str().unwrap().to_owned())
            .collect()
    };
    assert_eq!(names(&listed), ["Ada", "mona"]);
    let next = listed["next"].as_str().unwrap();
    let rest = program
        .get(&format!(
            "/api/v1/contacts?area={area}&limit=2&cursor={next}"
        ))
        .await;
    assert_eq!(names(&rest), ["Zoe"]);
    let ada = listed["items"][0]["id"].as_str().unwrap().to_owned();

    let draft = alert(&json!({"areas": [area]}));
    let sent = made(&program, "/api/v1/communications", &draft).await;
    let path = format!("/api/v1/communications/{sent}");
    program
        .ask(Method::POST, &format!("{path}/send"), None, None)
        .await;
    world.expand().await;
    let deliveries = world.deliveries(ada.parse().unwrap());
    let mail = deliveries
        .iter()
        .find(|one| matches!(one.status(), Status::Email(_)));
    world.bounce(mail.unwrap()).await;

    let issues = program
        .get(&format!("/api/v1/contacts?area={area}&reachability=issue"))
        .await;
    assert_eq!(names(&issues), ["Ada"]);
    let row = &issues["items"][0];
    assert_eq!(
        (&row["area_name"], &row["reachability"]),
        (&json!("Quay"), &json!("issue"))
    );
    assert!(row["issue_since"].is_string());
    let method = row["methods"][0].clone();
    assert_eq!(method["state"], "suspended");
    assert_eq!(method["suspension"]["verdict"]["diagnostic"], DIAGNOSTIC);
    let log = program.get(&format!("/api/v1/contacts/{ada}/log")).await;
    let events: Vec<_> = log["items"]
        .as_array()
        .unwrap()
        .iter()
        .map(|one| &one["event"])
        .collect();
    assert!(
        events.contains(&&json!("returned")) && events.contains(&&json!("suspended")),
        "{log}"
    );

    let id = method["id"].as_str().unwrap();
    let place = format!("/api/v1/contacts/{ada}/methods/{id}");
    let done = program
        .ask(Method::POST, &format!("{place}/reinstate"), None, None)
        .await;
    assert_eq!(done.status, StatusCode::NO_CONTENT, "{}", done.body);
    let issues = program
        .get(&format!("/api/v1/contacts?area={area}&reachability=issue"))
        .await;
    assert_eq!(issues["items"], json!([]));
    let wrong = json!({"to": "ada at mail"});
    let refused = program
        .refused(Method::POST, &format!("{place}/correct"), Some(&wrong))
        .await;
    assert_eq!(refused.2["errors"][0]["field"], "to");
    let right = json!({"to": "ada.penrose@mail.example"});
    let done = program
        .ask(
            Method::POST,
            &format!("{place}/correct"),
            None,
            Some(&right),
        )
        .await;
    assert_eq!(done.status, StatusCode::NO_CONTENT, "{}", done.body);
    let read = program.get(&format!("/api/v1/contacts/{ada}")).await;
    assert_eq!(read["methods"][0]["to"], "ada.penrose@mail.example");
    assert_eq!(read["methods"][0]["state"], "unverified");
    let gone = program.ask(Method::DELETE, &place, None, None).await;
    assert_eq!(gone.status, StatusCode::NO_CONTENT, "{}", gone.body);
    let read = program.get(&format!("/api/v1/contacts/{ada}")).await;
    assert_eq!(read["methods"][0]["state"], "removed");
}

#[tokio::test]
async fn a_contact_is_changed_and_its_fields_are_checked() {
    let world = world().await;
    let program = program(&world, "otto").await;
    let area = world.areas[0].to_string();
    let id = made(&program, "/api/v1/contacts", &person("Ada", &area)).await;
    let path = format!("/api/v1/contacts/{id}");
    let mut changed = person("Adele", &area);
    changed["methods"] = json!([{"kind": "landline", "to": "01632 960001"}]);
    let done = program.ask(Method::PUT, &path, None, Some(&changed)).await;
    assert_eq!(done.status, StatusCode::NO_CONTENT, "{}", done.body);
    let read = program.get(&path).await;
    assert_eq!(read["first_name"], "Adele");
    assert_eq!(read["methods"].as_array().unwrap().len(), 3, "none is lost");
    let log = program.get(&format!("{path}/log")).await;
    let otto = world.repo.user_by_login("otto").unwrap().unwrap().id;
    assert_eq!(log["items"][0]["by"], otto.to_string());
    for (change, field) in [
        (json!({"kind": "hero"}), "kind"),
        (json!({"language": "english"}), "language"),
        (json!({"area": "x"}), "area"),
        (
            json!({"methods": [{"kind": "email", "to": "ada"}]}),
            "methods[0].to",
        ),
        (
            json!({"methods": [{"kind": "fax", "to": "1"}]}),
            "methods[0].kind",
        ),
        (
            json!({"methods": [{"kind": "email", "to": "a@b.example", "cc": 1}]}),
            "methods[0].cc",
        ),
    ] {
        let mut body = person("Ada", &area);
        for (name, value) in change.as_object().unwrap() {
            body[name] = value.clone();
        }
        let refused = program
            .refused(Method::POST, "/api/v1/contacts", Some(&body))
            .await;
        assert_eq!(
            (refused.0.as_str(), refused.1),
            ("validation", 422),
            "{field}"
        );
        assert_eq!(refused.2["errors"][0]["field"], field);
    }
}

#[tokio::test]
async fn the_recipient_list_is_filled_and_written_to() {
    let world = world().await;
    let program = program(&world, "otto").await;
    let list = "/api/v1/recipients";
    let count = async || program.get(list).await["items"].as_array().unwrap().len();
    let draft = alert(&json!({"recipient_list": true}));
    let empty = program
        .refused(Method::POST, "/api/v1/communications", Some(&draft))
        .await;
    assert_eq!(empty.2["errors"][0]["field"], "audience.recipient_list");
    let one = format!("{list}/{}", world.contacts[0]);
    for _ in 0..2 {
        let done = program.ask(Method::PUT, &one, None, None).await;
        assert_eq!(done.status, StatusCode::NO_CONTENT, "{}", done.body);
    }
    assert_eq!(count().await, 1);
    let all = json!({"area": world.county.to_string()});
    let added = program.post(&format!("{list}/add-all"), &all).await;
    assert_eq!(added["state"], "done", "{added}");
    assert_eq!(count().await, world.contacts.len());
    let sent = made(&program, "/api/v1/communications", &draft).await;
    let review = program
        .get(&format!("/api/v1/communications/{sent}/review"))
        .await;
    assert_eq!(review["people"], world.contacts.len());
    program.ask(Method::DELETE, &one, None, None).await;
    assert_eq!(count().await, world.contacts.len() - 1);
    let cleared = program.ask(Method::DELETE, list, None, None).await;
    assert_eq!(cleared.status, StatusCode::NO_CONTENT);
    assert_eq!(count().await, 0);
}

#[tokio::test]
async fn a_campaign_leads_to_its_communications() {
    let world = world().await;
    let program = program(&world, "otto").await;
    let campaign = made(&program, "/api/v1/campaigns", &json!({"name": "Floods"})).await;
    let mut draft = alert(&json!({"areas": [world.county.to_string()]}));
    draft["campaign"] = json!(campaign);
    let alert = made(&program, "/api/v1/communications", &draft).await;
    let all = program.get("/api/v1/campaigns").await;
    assert_eq!(all[0]["name"], "Floods");
    let place = format!("/api/v1/campaigns/{campaign}/communications");
    let listed = program.get(&place).await;
    assert_eq!(listed["items"][0]["id"], alert);
    assert_eq!(listed["items"][0]["statistics"], Value::Null);
    // Its statistics come once it is sent.
    let path = format!("/api/v1/communications/{alert}");
    let statistics = format!("{path}/statistics");
    let early = program.refused(Method::GET, &statistics, None).await;
    assert_eq!((early.0.as_str(), early.1), ("not-sent", 409));
    let send = format!("{path}/send");
    let answer = program.ask(Method::POST, &send, None, None).await;
    assert_eq!(answer.status, StatusCode::OK, "{}", answer.body);
    world.expand().await;
    world.arrive(&world.deliveries(world.contacts[0])[0]).await;
    let numbers = program.get(&statistics).await;
    assert_eq!(numbers["contacted"], 1, "{numbers}");
    let listed = program.get(&place).await;
    assert_eq!(listed["items"].as_array().unwrap().len(), 1);
    assert_eq!(listed["items"][0]["statistics"], numbers);
    let taken = json!({"name": "floods"});
    let refused = program
        .refused(Method::POST, "/api/v1/campaigns", Some(&taken))
        .await;
    assert_eq!(refused.1, 422);
}
