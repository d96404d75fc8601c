//! What somebody who covers some areas neither sees nor changes of the others, by ids that stand
//! in forms, in bodies and among numbers.

use axum::http::{Method, StatusCode};
use serde_json::{Value, json};

use super::api::program;
use super::issues::cover;
use super::world::{World, world};
use crate::domain::{Contact, GroupId};

/// Somebody of the area that Otto covers, and somebody of another.
async fn covered() -> (World, Contact, Contact) {
    let world = world().await;
    cover(&world, "otto", vec![world.areas[0]]).await;
    let all: Vec<Contact> = world
        .contacts
        .iter()
        .map(|id| world.repo.contact(*id).unwrap().unwrap().value)
        .collect();
    let own = Some(world.areas[0]);
    let find = |within: bool| all.iter().find(|one| (one.area == own) == within).cloned();
    let (inside, outside) = (find(true).unwrap(), find(false).unwrap());
    (world, inside, outside)
}

async fn group(world: &World) -> GroupId {
    let ida = world.browser("ida").await;
    let made = ida.post("/groups", &[("name", "Wardens".to_owned())]).await;
    assert_eq!(made.status, StatusCode::SEE_OTHER, "{}", made.body);
    world.repo.groups(9).unwrap()[0].id
}

#[tokio::test]
async fn nobody_puts_into_groups_whom_they_do_not_see_nor_takes_groups_away() {
    let (world, inside, outside) = covered().await;
    let group = group(&world).await;
    let otto = world.browser("otto").await;
    let members = format!("/groups/{group}/members");
    let add = |one: &Contact| [("contact", one.id.to_string())];
    let refused = otto.post(&members, &add(&outside)).await;
    assert_eq!(refused.status, StatusCode::NOT_FOUND);
    let joined = otto.post(&members, &add(&inside)).await;
    assert_eq!(joined.status, StatusCode::SEE_OTHER);
    let groups = |one: &Contact| world.repo.contact(one.id).unwrap().unwrap().groups.clone();
    assert_eq!((groups(&inside), groups(&outside)), (vec![group], vec![]));
    for path in [
        format!("/groups/{group}"),
        format!("/groups/{group}/delete"),
    ] {
        let fields = [("name", "Gone".to_owned())];
        let refused = otto.post(&path, &fields).await;
        assert_eq!(refused.status, StatusCode::FORBIDDEN, "{path}");
    }
    let program = program(&world, "otto").await;
    let path = format!("/api/v1/groups/{group}");
    assert_eq!(program.refused(Method::DELETE, &path, None).await.1, 403);
    assert!(world.repo.group(group).unwrap().is_some());
}

#[tokio::test]
async fn nobody_puts_a_contact_where_they_could_not_see_it() {
    let (world, inside, _) = covered().await;
    let otto = program(&world, "otto").await;
    let path = format!("/api/v1/contacts/{}", inside.id);
    let county = world.county.to_string();
    for area in [json!(county), Value::Null] {
        let body = json!({ "area": area });
        let refused = otto.refused(Method::PATCH, &path, Some(&body)).await;
        assert_eq!(refused.1, 422, "{area}");
        let body = json!({ "first_name": "New", "area": area });
        let refused = otto
            .refused(Method::POST, "/api/v1/contacts", Some(&body))
            .await;
        assert_eq!(refused.1, 422, "{area}");
    }
    let browser = world.browser("otto").await;
    let form = browser.get("/contacts/new").await;
    let option = format!("<option value=\"{}\"", world.areas[0]);
    form.assert_has(&[&option]);
    assert!(
        !form.body.contains(&county),
        "areas of others are not offered"
    );
    let fields = [
        ("first_name", "New".to_owned()),
        ("kind", "citizen".to_owned()),
        ("language", "en".to_owned()),
        ("area", county),
        ("do", "anyway".to_owned()),
    ];
    let refused = browser.post("/contacts", &fields).await;
    assert_eq!(refused.status, StatusCode::UNPROCESSABLE_ENTITY);
    refused.assert_has(&["Choose an area that you cover."]);
    let now = world.repo.contact(inside.id).unwrap().unwrap();
    assert_eq!(now.area, inside.area);
}

#[tokio::test]
async fn reviews_and_numbers_name_nobody_outside() {
    let (world, _, outside) = covered().await;
    let ida = world.browser("ida").await;
    // Nobody of the county has a number for calls that the wishes allow: all are named to Ida.
    let mut nobody = outside.clone();
    nobody.methods.clear();
    let old = world.repo.contact(outside.id).unwrap().unwrap();
    let mut batch = crate::store::Batch::new();
    crate::store::RowBatch::replace(&mut batch, &old, &nobody);
    world.repo.store().commit(batch).await.unwrap();
    let otto = world.browser("otto").await;
    let fields = [
        ("category", "general".to_owned()),
        ("by_email", "1".to_owned()),
        ("subject", "Road closed".to_owned()),
        ("text", "The bridge is closed.".to_owned()),
        ("area", world.county.to_string()),
        ("do", "review".to_owned()),
    ];
    let review = otto.post("/communications", &fields).await;
    let review = review.location().to_owned();
    let name = outside.full_name();
    ida.get(&review).await.assert_has(&[&name]);
    let seen = otto.get(&review).await;
    assert_eq!(seen.status, StatusCode::OK);
    assert!(!seen.body.contains(&name), "the review names {name}");
    let (all, own) = (program(&world, "ida").await, program(&world, "otto").await);
    let path = format!("/api/v1{review}");
    let id = outside.id.to_string();
    assert!(all.get(&path).await.to_string().contains(&id));
    assert!(!own.get(&path).await.to_string().contains(&id));
    let path = review.replace("/review", "");
    let sent = ida.post(&format!("{path}/send"), &[]).await;
    assert_eq!(sent.status, StatusCode::SEE_OTHER, "{}", sent.body);
    world.expand().await;
    let path = format!("/api/v1{path}");
    assert!(all.get(&path).await["statistics"].is_object());
    assert!(own.get(&path).await["statistics"].is_null());
}

#[tokio::test]
async fn an_administrator_of_an_area_takes_off_nobodys_bounds() {
    let world = world().await;
    cover(&world, "ida", vec![world.areas[0]]).await;
    let ida = world.browser("ida").await;
    let own = world.repo.user_by_login("ida").unwrap().unwrap().id;
    let otto = world.repo.user_by_login("otto").unwrap().unwrap().id;
    for page in [
        "/users",
        "/users/new",
        &format!("/areas/{}", world.areas[1]),
    ] {
        assert_eq!(ida.get(page).await.status, StatusCode::FORBIDDEN, "{page}");
    }
    let offered = ida.get("/areas").await;
    for action in ["action=\"/areas\"", "href=\"/users\"", "href=\"/areas/"] {
        assert!(!offered.body.contains(action), "{action}");
    }
    for (path, fields) in [
        ("/users".to_owned(), vec![("login", "new".to_owned())]),
        (
            format!("/users/{own}"),
            vec![("role", "administrator".to_owned())],
        ),
        (
            format!("/users/{otto}"),
            vec![("role", "administrator".to_owned())],
        ),
        (
            format!("/users/{otto}/password"),
            vec![("password", "a new password".to_owned())],
        ),
        (
            format!("/users/{otto}/tokens"),
            vec![("name", "gauge".to_owned())],
        ),
        (format!("/users/{otto}/second-factor/reset"), Vec::new()),
        (
            format!("/areas/{}", world.areas[1]),
            vec![("parent", world.areas[0].to_string())],
        ),
    ] {
        let refused = ida.post(&path, &fields).await;
        assert_eq!(refused.status, StatusCode::FORBIDDEN, "{path}");
    }
    let left = world.repo.user_by_login("ida").unwrap().unwrap();
    assert_eq!(left.areas, [world.areas[0]]);
}

#[tokio::test]
async fn the_tree_of_areas_is_read_once_for_many() {
    let world = world().await;
    let area = world.areas[0];
    world
        .change_user("otto", |user| user.areas = vec![area])
        .await;
    let user = world.repo.user_by_login("otto").unwrap().unwrap().value;
    let access = super::super::access::access_of(&world.repo, &user, None).unwrap();
    let of_county = crate::domain::Communication {
        audience: crate::domain::Audience {
            areas: vec![world.county],
            ..crate::domain::Audience::default()
        },
        ..crate::store::records::samples::communication()
    };
    let reach = super::super::access::Reach::of(&world.app, &access);
    assert!(reach.sees(&of_county).unwrap());
    // Away from the county: a second look at the tree would tell.
    let known = world.repo.area(area).unwrap().unwrap();
    let alone = crate::domain::Area {
        parent: None,
        ..known.value.clone()
    };
    let mut batch = crate::store::Batch::new();
    crate::store::RowBatch::replace(&mut batch, &known, &alone);
    world.repo.store().commit(batch).await.unwrap();
    assert!(reach.sees(&of_county).unwrap());
    assert!(!world.app.sees_communication(&access, &of_county).unwrap());
}
