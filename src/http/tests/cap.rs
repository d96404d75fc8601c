//! Alerts of the Common Alerting Protocol.

mod order;
mod whom;

use axum::body::Body;
use axum::http::{Method, Request, StatusCode, header};
use serde_json::{Value, json};

use super::api::{Program, problem, program};
use super::world::{Answer, World, world};
use crate::domain::{Channel, ClosedReason, Communication, EmailStatus, Status};
use crate::store::check::check;

const PATH: &str = "/api/v1/alerts/cap";
const SENT: &str = "2026-05-31T12:00:00-00:00";
const AROUND: &str = "<polygon>52,5 52,6 53,6 53,5 52,5</polygon>";

/// A message of this kind, number and status; `more` stands before `info`.
fn message(kind: &str, number: u32, status: &str, more: &str, area: &str) -> String {
    format!(
        "<?xml version=\"1.0\" encoding=\"UTF-8\"?>
<alert xmlns=\"urn:oasis:names:tc:emergency:cap:1.2\"><identifier>alert-{number}</identifier>
<sender>water@authority.example</sender><sent>{SENT}</sent><status>{status}</status>
<msgType>{kind}</msgType><scope>Public</scope>{more}<info><language>nl-NL</language>
<category>Met</category><event>Hoogwater</event><urgency>Immediate</urgency>
<severity>Severe</severity><certainty>Observed</certainty><headline>Hoogwater</headline></info>
<info><language>en-GB</language><category>Met</category><event>High water</event>
<urgency>Immediate</urgency><severity>Severe</severity><certainty>Observed</certainty>
<headline>High water at the quay</headline><description>The river rises.</description>
<instruction>Go upstairs.</instruction><area><areaDesc>Somewhere</areaDesc>{area}</area></info></alert>"
    )
}

fn refers(number: u32) -> String {
    format!("<references>water@authority.example,alert-{number},{SENT}</references>")
}

async fn hand_in(program: &Program<'_>, text: &str) -> Answer {
    let request = Request::post(PATH)
        .header(header::HOST, "tocsin.example.org")
        .header(header::AUTHORIZATION, format!("Bearer {}", program.token))
        .header(header::CONTENT_TYPE, "application/cap+xml");
    let request = request.body(Body::from(text.to_owned())).unwrap();
    program.world.send(request).await
}

async fn taken(program: &Program<'_>, text: &str) -> Value {
    let answer = hand_in(program, text).await;
    assert_eq!(answer.status, StatusCode::OK, "{}", answer.body);
    serde_json::from_str(&answer.body).unwrap()
}

fn sent(world: &World, taken: &Value) -> Communication {
    let id = taken["communications"][0].as_str().unwrap();
    world
        .repo
        .communication(id.parse().unwrap())
        .unwrap()
        .unwrap()
        .value
}

/// The county lies where the alerts are for.
async fn placed(program: &Program<'_>) {
    let place =
        json!({ "outlines": ["52.4,5.4 52.4,5.5 52.5,5.5"], "geocodes": ["EMMA_ID=NL001"] });
    let path = format!("/api/v1/areas/{}/place", program.world.county);
    let put = program.ask(Method::PUT, &path, None, Some(&place)).await;
    assert_eq!(put.status, StatusCode::NO_CONTENT, "{}", put.body);
    assert_eq!(program.get(&path).await["geocodes"][0], "EMMA_ID=NL001");
}

#[tokio::test]
async fn an_alert_goes_to_the_areas_that_it_names_once() {
    let world = world().await;
    let program = program(&world, "ida").await;
    let (name, status, document) =
        problem(&hand_in(&program, &message("Alert", 1, "Actual", "", AROUND)).await);
    assert_eq!((name.as_str(), status), ("validation", 422));
    assert_eq!(document["errors"][0]["field"], "area");
    placed(&program).await;
    let code = "<geocode><valueName>EMMA_ID</valueName><value>NL001</value></geocode>";
    let circle = "<circle>52.4,5.4 3</circle>";
    let name = world.repo.area(world.county).unwrap().unwrap().name.clone();
    let mut people = Vec::new();
    for (number, area) in [(1, AROUND), (2, code), (3, circle)] {
        let told = taken(&program, &message("Alert", number, "Actual", "", area)).await;
        assert_eq!(told["new"], true);
        people.push(sent(&world, &told).people);
    }
    let by_name = message("Alert", 4, "Actual", "", "").replace("Somewhere", &format!("X; {name}"));
    people.push(sent(&world, &taken(&program, &by_name).await).people);
    assert!(
        people[0] > 0 && people.iter().all(|count| *count == people[0]),
        "{people:?}"
    );
    let first = taken(&program, &message("Alert", 1, "Actual", "", AROUND)).await;
    assert_eq!(first["new"], false);
    let first = sent(&world, &first);
    assert!(first.plan.emergency);
    let content = world.repo.content(first.content).unwrap();
    assert_eq!(content.subject, "High water at the quay", "in our language");
    assert!(content.text.contains("Go upstairs.") && content.sms_text.contains("Go upstairs."));
    let page = world
        .browser("ida")
        .await
        .get(&format!("/communications/{}", first.id))
        .await;
    page.assert_has(&["CAP: water@authority.example, alert-1"]);
    assert!(check(world.repo.store()).unwrap().is_sound());
}

#[tokio::test]
async fn exercises_and_tests_never_go_to_people() {
    let world = world().await;
    let program = program(&world, "ida").await;
    placed(&program).await;
    for status in ["Exercise", "Test", "System", "Draft"] {
        let told = taken(&program, &message("Alert", 9, status, "", AROUND)).await;
        assert_eq!(told["communications"], json!([]), "{status}");
    }
    let ack = taken(&program, &message("Ack", 9, "Actual", &refers(1), AROUND)).await;
    assert_eq!(ack["communications"], json!([]));
}

#[tokio::test]
async fn a_cancel_stops_what_is_queued_and_tells_those_who_got_it() {
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
    world
        .walk(&delivery, &[Status::Email(EmailStatus::Sent)])
        .await;
    let cancel = message("Cancel", 2, "Actual", &refers(1), "");
    let over = taken(&program, &cancel).await;
    assert_eq!(over["called_off"], json!([first.id.to_string()]));
    let clear = sent(&world, &over);
    assert_eq!(clear.people, 1, "those alone who may have got it");
    assert_eq!(clear.related.unwrap().to, first.id);
    let people = world.repo.people(first.id, None, 1000).unwrap().rows;
    let open = people.iter().flat_map(|person| person.deliveries.iter());
    let mut open = open.filter(|one| !one.closed && !one.status.is_settled());
    assert!(open.next().is_none(), "something still goes out");
    let closed = people
        .iter()
        .flat_map(|person| world.deliveries(person.contact))
        .find(|one| one.communication == first.id && one.closed.is_some());
    assert_eq!(
        closed.unwrap().closed.unwrap().reason,
        ClosedReason::CalledOff
    );
    assert!(
        world.repo.rounds(first.id).unwrap().is_empty(),
        "reminders would go out"
    );
    let again = taken(&program, &cancel).await;
    assert_eq!(
        (&again["new"], &again["communications"]),
        (&json!(false), &over["communications"])
    );
    assert!(check(world.repo.store()).unwrap().is_sound());
}

#[tokio::test]
async fn an_update_takes_the_place_of_what_it_refers_to() {
    let world = world().await;
    let program = program(&world, "ida").await;
    placed(&program).await;
    let first = sent(
        &world,
        &taken(&program, &message("Alert", 1, "Actual", "", AROUND)).await,
    );
    let update = message("Update", 2, "Actual", &refers(1), AROUND);
    let told = taken(&program, &update).await;
    assert_eq!(told["called_off"], json!([first.id.to_string()]));
    assert_eq!(sent(&world, &told).related.unwrap().to, first.id);
    assert!(world.repo.rounds(first.id).unwrap().is_empty());
    assert!(check(world.repo.store()).unwrap().is_sound());
}

#[tokio::test]
async fn refusals_name_the_element() {
    let world = world().await;
    let program = program(&world, "ida").await;
    placed(&program).await;
    let good = message("Alert", 1, "Actual", "", AROUND);
    for (text, field) in [
        (good.replace("Actual", "Real"), "status"),
        (good.replace("<scope>Public</scope>", ""), "scope"),
        (
            message("Alert", 1, "Actual", "", "<polygon>1,2 3,4</polygon>"),
            "polygon",
        ),
        (
            message("Alert", 1, "Actual", "", "<circle>x</circle>"),
            "circle",
        ),
        (message("Cancel", 1, "Actual", "", ""), "references"),
        (
            good.replace(
                "<headline>High",
                "<expires>2001-01-01T00:00:00Z</expires><headline>High",
            ),
            "expires",
        ),
    ] {
        let (name, status, document) = problem(&hand_in(&program, &text).await);
        assert_eq!((name.as_str(), status), ("validation", 422), "{field}");
        assert_eq!(document["errors"][0]["field"], field);
    }
    let (name, status, _) = problem(&hand_in(&program, "<alert/>").await);
    assert_eq!((name.as_str(), status), ("malformed-alert", 400));
    let (name, _, _) = program.refused(Method::POST, PATH, Some(&json!({}))).await;
    assert_eq!(name, "unsupported-media-type");
}

#[tokio::test]
async fn where_an_area_lies_is_said_on_its_page() {
    let world = world().await;
    let browser = world.browser("ida").await;
    let place = format!("/areas/{}", world.county);
    let fields = |outlines: &str, geocodes: &str| {
        [
            ("outlines", outlines.to_owned()),
            ("geocodes", geocodes.to_owned()),
        ]
    };
    let wrong = browser
        .post(&format!("{place}/place"), &fields("1,2 3", ""))
        .await;
    assert_eq!(wrong.status, StatusCode::UNPROCESSABLE_ENTITY);
    wrong.assert_has(&["Write an outline as points in degrees"]);
    let good = fields("1,1 1,2 2,2\n5,5 5,6 6,6", "EMMA_ID=NL001\n");
    let kept = browser.post(&format!("{place}/place"), &good).await;
    assert_eq!(kept.location(), format!("{place}?done=area_changed"));
    browser
        .get(&place)
        .await
        .assert_has(&["5,5 5,6 6,6 5,5", "EMMA_ID=NL001"]);
    browser
        .post(&format!("{place}/place"), &fields("", ""))
        .await;
    assert!(world.repo.area_places().unwrap().is_empty());
}
