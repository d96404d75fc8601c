//! Groups, saved filters and areas over the API.

use axum::http::{Method, StatusCode};
use serde_json::{Value, json};

use super::api::{Program, program};
use super::api_contacts::made;
use super::world::world;
use crate::domain::{ContactFilter, GatherInto, Gathering};

async fn done(program: &Program<'_>, method: Method, path: &str, body: Option<&Value>) {
    let answer = program.ask(method, path, None, body).await;
    assert_eq!(
        answer.status,
        StatusCode::NO_CONTENT,
        "{path}: {}",
        answer.body
    );
}

fn draft_for(audience: &Value) -> Value {
    json!({
        "category": "general", "channels": ["email"], "subject": "Road closed",
        "text": "Until Monday.", "audience": audience,
    })
}

async fn people_of(program: &Program<'_>, audience: &Value) -> u64 {
    let id = made(program, "/api/v1/communications", &draft_for(audience)).await;
    let review = program
        .get(&format!("/api/v1/communications/{id}/review"))
        .await;
    review["people"].as_u64().unwrap()
}

#[tokio::test]
async fn groups_are_made_filled_written_to_and_taken_away() {
    let world = world().await;
    let program = program(&world, "otto").await;
    let id = made(&program, "/api/v1/groups", &json!({"name": "Wardens"})).await;
    let place = format!("/api/v1/groups/{id}");
    let (name, status, _) = program
        .refused(
            Method::POST,
            "/api/v1/groups",
            Some(&json!({"name": "wardens"})),
        )
        .await;
    assert_eq!((name.as_str(), status), ("refused", 409));
    let (ada, ben) = (world.contacts[0], world.contacts[1]);
    for who in [ada, ben, ada] {
        done(
            &program,
            Method::PUT,
            &format!("{place}/members/{who}"),
            None,
        )
        .await;
    }
    assert_eq!(program.get(&place).await["people"], 2);
    let members = program.get(&format!("/api/v1/contacts?group={id}")).await;
    assert_eq!(members["items"].as_array().unwrap().len(), 2);
    assert_eq!(people_of(&program, &json!({"groups": [id]})).await, 2);
    done(
        &program,
        Method::DELETE,
        &format!("{place}/members/{ben}"),
        None,
    )
    .await;
    assert_eq!(people_of(&program, &json!({"groups": [id]})).await, 1);
    let all = json!({"area": world.areas[0].to_string()});
    let gathered = program.post(&format!("{place}/add-all"), &all).await;
    assert_eq!(gathered["state"], "done");
    assert!(program.get(&place).await["people"].as_u64().unwrap() > 1);

    done(
        &program,
        Method::PUT,
        &place,
        Some(&json!({"name": "Marshals"})),
    )
    .await;
    assert_eq!(program.get("/api/v1/groups").await[0]["name"], "Marshals");
    done(&program, Method::DELETE, &place, None).await;
    assert_eq!(program.get("/api/v1/groups").await, json!([]));
    let gone = program.refused(Method::GET, &place, None).await;
    assert_eq!((gone.0.as_str(), gone.1), ("not-found", 404));
    let wrong = draft_for(&json!({"groups": [id]}));
    let wrong = program
        .refused(Method::POST, "/api/v1/communications", Some(&wrong))
        .await;
    assert_eq!(wrong.2["errors"][0]["field"], "audience.groups[0]");
}

#[tokio::test]
async fn a_group_or_list_says_whether_more_are_being_put_into_it() {
    let world = world().await;
    let program = program(&world, "otto").await;
    let name = |name: &str| json!({ "name": name });
    let wardens = made(&program, "/api/v1/groups", &name("Wardens")).await;
    let marshals = made(&program, "/api/v1/groups", &name("Marshals")).await;
    let wish = |login: &str, into| Gathering {
        user: world.repo.user_by_login(login).unwrap().unwrap().id,
        into,
        filter: ContactFilter::default(),
        at: world.now(),
        added: 0,
        cursor: Vec::new(),
    };
    let gathering = async || {
        let groups = program.get("/api/v1/groups").await;
        let list = program.get("/api/v1/recipients").await;
        let one = program.get(&format!("/api/v1/groups/{wardens}")).await;
        let told = [&groups[0], &groups[1], &list, &one].map(|one| one["gathering"] == true);
        assert_eq!(groups[0]["id"], marshals);
        told
    };
    assert_eq!(gathering().await, [false; 4]);
    let group = GatherInto::Group(wardens.parse().unwrap());
    // Into a group by anybody, on one's own list.
    for (wish, then) in [
        (wish("ida", GatherInto::Recipients), [false; 4]),
        (wish("app", group), [false, true, false, true]),
        (
            wish("otto", GatherInto::Recipients),
            [false, true, true, true],
        ),
    ] {
        assert!(world.tracker.begin_gathering(&wish).await.unwrap());
        assert_eq!(gathering().await, then);
    }
}

#[tokio::test]
async fn a_saved_filter_is_an_audience() {
    let world = world().await;
    let program = program(&world, "otto").await;
    let area = world.areas[0].to_string();
    let asked = json!({
        "name": "By email in the first area",
        "filter": {"area": area, "has": "email", "kind": "citizen", "language": "en"},
    });
    let id = made(&program, "/api/v1/filters", &asked).await;
    let place = format!("/api/v1/filters/{id}");
    let saved = program.get(&place).await;
    assert_eq!(saved["filter"]["areas"], json!([area]));
    assert_eq!(
        (&saved["filter"]["has"], &saved["filter"]["kind"]),
        (&json!("email"), &json!("citizen"))
    );
    let expected = world
        .contacts
        .iter()
        .filter_map(|id| world.repo.contact(*id).unwrap())
        .filter(|one| one.area == Some(world.areas[0]))
        .filter(|one| {
            one.methods
                .iter()
                .any(|method| method.kind.as_str() == "email")
        })
        .count();
    assert!(expected > 0);
    assert_eq!(
        people_of(&program, &json!({"filters": [id]})).await,
        expected as u64
    );
    for (field, value) in [("has", "pigeon"), ("kind", "king"), ("language", "english")] {
        let wrong = json!({"name": "x", "filter": {field: value}});
        let refused = program
            .refused(Method::POST, "/api/v1/filters", Some(&wrong))
            .await;
        assert_eq!(refused.2["errors"][0]["field"], field);
    }
    done(
        &program,
        Method::PUT,
        &place,
        Some(&json!({"name": "Renamed"})),
    )
    .await;
    assert_eq!(program.get("/api/v1/filters").await[0]["name"], "Renamed");
    done(&program, Method::DELETE, &place, None).await;
    assert_eq!(program.refused(Method::GET, &place, None).await.1, 404);
}

#[tokio::test]
async fn areas_are_set_up_by_administrators() {
    let world = world().await;
    let ida = program(&world, "ida").await;
    let otto = program(&world, "otto").await;
    let new = json!({"name": "Quay"});
    let refused = otto
        .refused(Method::POST, "/api/v1/areas", Some(&new))
        .await;
    assert_eq!((refused.0.as_str(), refused.1), ("forbidden", 403));
    let id = made(&ida, "/api/v1/areas", &new).await;
    let place = format!("/api/v1/areas/{id}");
    let changed = json!({"name": "Quays", "parent": world.county.to_string()});
    assert_eq!(
        otto.refused(Method::PUT, &place, Some(&changed)).await.1,
        403
    );
    assert_eq!(otto.refused(Method::DELETE, &place, None).await.1, 403);
    done(&ida, Method::PUT, &place, Some(&changed)).await;
    let area = world.repo.area(id.parse().unwrap()).unwrap().unwrap();
    assert_eq!(
        (area.name.as_str(), area.parent),
        ("Quays", Some(world.county))
    );
    let full = format!("/api/v1/areas/{}", world.county);
    assert_eq!(ida.refused(Method::DELETE, &full, None).await.0, "refused");
    done(&ida, Method::DELETE, &place, None).await;
    assert_eq!(ida.refused(Method::DELETE, &place, None).await.1, 404);
}
