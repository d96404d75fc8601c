//! Communication issues: seen, understood, solved.

use std::time::Duration;

use axum::http::StatusCode;

use super::super::data::history::{self, Line};
use super::world::{Answer, Browser, DIAGNOSTIC, START, World, world};
use crate::domain::{AreaId, Channel, Delivery, DeliveryId, DeliverySet, MethodKind, User};
use crate::store::{Batch, Order, RowBatch};

/// An alert went to everybody; the first contact's email came back.
async fn bounced(world: &World) -> Browser<'_> {
    let browser = world.browser("ida").await;
    let fields = [
        ("category", "general".to_owned()),
        ("by_email", "1".to_owned()),
        ("subject", "Road closed".to_owned()),
        ("text", "The bridge is closed.".to_owned()),
        ("area", world.county.to_string()),
    ];
    browser.send_out(&fields).await;
    let email = email_of(world);
    world.bounce(&email).await;
    browser
}

pub(super) fn email_of(world: &World) -> Delivery {
    let deliveries = world.deliveries(world.contacts[0]);
    deliveries
        .into_iter()
        .find(|delivery| delivery.channel == Channel::Email)
        .unwrap()
}

#[tokio::test]
async fn the_list_drills_down_to_the_person() {
    let world = world().await;
    let browser = bounced(&world).await;
    browser
        .get("/")
        .await
        .assert_has(&["1 person has a communication issue"]);
    let top = browser.get("/issues").await;
    top.assert_has(&[
        "Members with communication issues",
        "Eastmere County",
        "Drill down",
        &format!("/issues?area={}", world.county),
    ]);
    assert!(!top.body.contains("Old Town"));
    browser
        .get(&format!("/issues?area={}", world.county))
        .await
        .assert_has(&["Harbour", "Old Town", "Westfield"]);
    let list = browser
        .get(&format!("/issues?area={}&list=1", world.areas[0]))
        .await;
    list.assert_has(&[
        "Ada",
        "Harbour",
        "Email",
        "Today, ",
        &format!("/contacts/{}\">View", world.contacts[0]),
    ]);
    let other = browser
        .get(&format!("/issues?area={}&list=1", world.areas[1]))
        .await;
    other.assert_has(&["Nobody here has a communication issue"]);
}

#[tokio::test]
async fn the_mark_leads_to_the_log_with_the_diagnostic_as_it_was_sent() {
    let world = world().await;
    let browser = bounced(&world).await;
    let ada = world.contacts[0];
    let page = browser.get(&format!("/contacts/{ada}")).await;
    page.assert_has(&[
        "Communication issue",
        "Failing: see why",
        &format!("href=\"/contacts/{ada}/log\""),
        "Reinstate email",
        "Suspended",
    ]);
    let log = browser.get(&format!("/contacts/{ada}/log")).await;
    let escaped = DIAGNOSTIC.replace('<', "&#60;").replace('>', "&#62;");
    log.assert_has(&[
        "Road closed",
        "Email to ada.",
        "Message returned",
        "Method suspended: email",
        &format!("<code>{escaped}</code>"),
        "5.1.1",
        "Hard. The address is gone for good.",
        "The recipient does not exist at this address.",
        "Permanent. Trying again will not help.",
    ]);
}

#[tokio::test]
async fn reinstating_solves_it() {
    let world = world().await;
    let browser = bounced(&world).await;
    let ada = world.contacts[0];
    let contact = world.repo.contact(ada).unwrap().unwrap();
    let email = contact
        .methods
        .iter()
        .find(|method| method.kind == MethodKind::Email)
        .unwrap()
        .id;
    let answer = browser
        .post(&format!("/contacts/{ada}/methods/{email}/reinstate"), &[])
        .await;
    assert_eq!(
        answer.location(),
        format!("/contacts/{ada}?done=reinstated")
    );
    let page = browser.get(answer.location()).await;
    page.assert_has(&[
        "Reinstated. Messages go there again.",
        "No issue: every method is in use.",
    ]);
    assert!(!page.body.contains("Failing"));
    browser
        .get("/issues")
        .await
        .assert_has(&["data-label=\"Comms issues\">0"]);
    browser
        .get(&format!("/contacts/{ada}/log"))
        .await
        .assert_has(&["Reinstated: email", "by Ida Bell"]);
}

#[tokio::test]
async fn a_correction_is_checked_and_solves_it() {
    let world = world().await;
    let browser = bounced(&world).await;
    let ada = world.contacts[0];
    let contact = world.repo.contact(ada).unwrap().unwrap();
    let email = contact.methods[0].id;
    let path = format!("/contacts/{ada}/methods/{email}/correct");
    let wrong = browser
        .post(&path, &[("to", "ada at home".to_owned())])
        .await;
    assert_eq!(wrong.status, StatusCode::UNPROCESSABLE_ENTITY);
    wrong.assert_has(&[
        "Email address: This is not an email address",
        "value=\"ada at home\"",
        &format!("#to-{email}"),
    ]);
    let right = browser
        .post(&path, &[("to", "ada.new@example.org".to_owned())])
        .await;
    assert_eq!(right.location(), format!("/contacts/{ada}?done=corrected"));
    browser.get(right.location()).await.assert_has(&[
        "ada.new@example.org",
        "Unverified",
        "No issue",
    ]);
}

#[tokio::test]
async fn contacts_are_found_by_name_address_number_and_area() {
    let world = world().await;
    let browser = world.browser("otto").await;
    let found = |body: &str| body.matches("title-link").count();
    assert_eq!(found(&browser.get("/contacts").await.body), 40);
    browser.get("/contacts?q=ada").await.assert_has(&["Ada"]);
    // By every word's beginning, in any order, whatever case and accents; by a part of one too.
    let ada = world.repo.contact(world.contacts[0]).unwrap().unwrap();
    let (first, last) = (ada.first_name.reveal(), ada.last_name.reveal());
    let queries = [
        format!("{}+{}", &last[..3].to_lowercase(), &first[..2]),
        format!("%C3%80{}+{last}", &first[1..].to_uppercase()),
        format!("{}+{first}", &last[1..]),
    ];
    for query in queries {
        let page = browser.get(&format!("/contacts?q={query}")).await;
        assert_eq!(found(&page.body), 1, "{query}");
        page.assert_has(&[&ada.full_name()]);
        let here = format!("/contacts?q={query}&area={}", world.county);
        assert_eq!(found(&browser.get(&here).await.body), 1, "{query}");
    }
    let elsewhere = world.areas.iter().find(|area| Some(**area) != ada.area);
    let elsewhere = format!("/contacts?q={first}+{last}&area={}", elsewhere.unwrap());
    assert_eq!(found(&browser.get(&elsewhere).await.body), 0);
    assert!(found(&browser.get("/contacts?q=%2B44770090010").await.body) > 1);
    let by_number = browser.get("/contacts?q=07700%20900100").await;
    assert_eq!(found(&by_number.body), 1);
    by_number.assert_has(&["Ada"]);
    let in_area = browser
        .get(&format!("/contacts?area={}", world.areas[2]))
        .await;
    assert_eq!(found(&in_area.body), 13);
    browser
        .get("/contacts?q=nobodyatall")
        .await
        .assert_has(&["Nobody found"]);
    browser
        .get("/areas")
        .await
        .assert_has(&["Eastmere County", "data-label=\"People\">40"]);
}

/// Gives an operator areas to cover.
pub(super) async fn cover(world: &World, login: &str, areas: Vec<AreaId>) {
    let old = world.repo.user_by_login(login).unwrap().unwrap();
    let new = User {
        areas,
        ..old.value.clone()
    };
    let mut batch = Batch::new();
    batch.replace(&old, &new);
    world.repo.store().commit(batch).await.unwrap();
}

#[tokio::test]
async fn the_largest_area_is_what_the_operator_covers() {
    let world = world().await;
    let (own, other) = (world.areas[0], world.areas[1]);
    cover(&world, "otto", vec![own]).await;
    let otto = world.browser("otto").await;
    let list = |area: AreaId| format!("/issues?area={area}&amp;list=1");
    let issues = otto.get("/issues").await;
    issues.assert_has(&["those you cover", &list(own)]);
    assert!(!issues.body.contains(&list(other)), "another's area");
    assert!(!issues.body.contains(&list(world.county)), "a larger area");
    let all = otto.get(&format!("/issues?area={other}&list=1")).await;
    assert!(!all.body.contains("id=\"members\""), "another's people");
    let rows = |answer: &Answer| answer.body.matches("href=\"/contacts/").count();
    let contacts = otto.get("/contacts").await;
    let everybody = world.browser("ida").await.get("/contacts").await;
    assert!(rows(&contacts) > 0 && rows(&contacts) < rows(&everybody));
    let form = otto.get("/communications/new").await;
    let has = |area: AreaId| form.body.contains(&format!("id=\"area-{area}\""));
    assert!(has(own) && !has(world.county) && !has(other));
    // Whoever covers both an area and one in it sees the larger; what is gone is not shown.
    let gone = AreaId::from_bytes([9; 16]);
    cover(&world, "otto", vec![own, world.county, gone]).await;
    let issues = otto.get("/issues").await;
    issues.assert_has(&[&list(world.county)]);
    assert!(!issues.body.contains(&list(own)) && !issues.body.contains(&list(gone)));
}

#[tokio::test]
async fn the_list_says_since_when_marks_the_method_and_puts_everybody_on_the_recipient_list() {
    let world = world().await;
    let browser = bounced(&world).await;
    let ada = world.contacts[0];
    let list = format!("/issues?area={}&list=1", world.county);
    browser.get(&list).await.assert_has(&[
        "Add all users to recipient list",
        &format!("<a class=\"badge bad\" href=\"/contacts/{ada}/log\">"),
        "#i-alert",
        "By first name",
        "Today, ",
        "name=\"contact\"",
    ]);
    let fields = [("query", format!("reach=issue&area={}", world.county))];
    let added = browser.post("/recipients/add-all", &fields).await;
    assert_eq!(added.location(), "/recipients?added=1");
    browser.get("/recipients").await.assert_has(&["Ada"]);
}

#[tokio::test]
async fn whoever_nothing_reaches_is_listed_beside_the_issues() {
    let world = world().await;
    let browser = bounced(&world).await;
    let ada = world.contacts[0];
    let others: Vec<_> = world.repo.contact(ada).unwrap().unwrap().methods[1..].to_vec();
    for method in others {
        let path = format!("/contacts/{ada}/methods/{}/remove", method.id);
        browser.post(&path, &[]).await;
    }
    browser
        .get(&format!("/issues?area={}&list=1", world.county))
        .await
        .assert_has(&["Not reachable at all in Eastmere County", "Ada"]);
}

#[tokio::test]
async fn a_recurrence_lists_the_person_again_and_is_seen_as_one() {
    let world = world().await;
    let browser = bounced(&world).await;
    let ada = world.contacts[0];
    let email = email_of(&world);
    let path = format!("/contacts/{ada}/methods/{}/reinstate", email.method);
    browser.post(&path, &[]).await;
    let fields = [
        ("category", "general".to_owned()),
        ("by_email", "1".to_owned()),
        ("subject", "Again".to_owned()),
        ("text", "Again.".to_owned()),
        ("contact", ada.to_string()),
    ];
    browser.send_out(&fields).await;
    let newest = email_of(&world);
    assert_ne!(newest.id, email.id);
    world.bounce(&newest).await;
    browser
        .get(&format!("/issues?area={}&list=1", world.county))
        .await
        .assert_has(&["Ada", "Keeps bouncing: suspended 2 times"]);
    browser
        .get(&format!("/contacts/{ada}"))
        .await
        .assert_has(&["Keeps bouncing: suspended 2 times", "When it was suspended"]);
}

#[tokio::test]
async fn a_suspension_is_found_behind_any_number_of_messages() {
    let world = world().await;
    bounced(&world).await;
    let email = email_of(&world);
    let random = crate::clock::Randomness::seeded(9);
    let mut batch = Batch::new();
    for n in 1..=500 {
        let at = START.plus(Duration::from_secs(3600 + n));
        let sent = Delivery {
            id: DeliveryId::new(random.uuid_v7(at)),
            due: None,
            ..email.clone()
        };
        batch.insert(&DeliverySet::new(vec![sent]).unwrap());
    }
    world.repo.store().commit(batch).await.unwrap();
    let found = history::suspensions(&world.repo, email.contact, email.method);
    assert_eq!(found.unwrap(), [START]);
}

#[tokio::test]
async fn a_log_reads_the_same_on_pages_of_any_size() {
    let world = world().await;
    let ada = world.contacts[0];
    bounced(&world).await;
    world.clock.advance(Duration::from_secs(60));
    let texted = world.browser("ida").await;
    let fields = [
        ("category", "general".to_owned()),
        ("by_text", "1".to_owned()),
        ("sms_text", "The bridge is open.".to_owned()),
        ("area", world.county.to_string()),
    ];
    texted.send_out(&fields).await;
    let part = |order, after, limit| {
        let part = history::log(&world.repo, (ada, order), after, limit);
        part.unwrap()
    };
    let told = |line: &Line| match line {
        Line::Made(delivery) => (delivery.id.made_at(), delivery.id.to_string()),
        Line::Logged(entry) => (entry.at, format!("{:?}", entry.event)),
    };
    let whole: Vec<_> = part(Order::Usual, None, 100)
        .rows
        .iter()
        .map(told)
        .collect();
    let made = whole.iter().filter(|line| !line.1.contains(' ')).count();
    assert_eq!(made, world.deliveries(ada).len());
    assert!(whole.len() > made, "what came back stands in it too");
    assert!(
        whole.is_sorted_by(|one, other| one.0 >= other.0),
        "newest first"
    );
    let all = |order, limit| {
        let (mut pages, mut after) = (Vec::new(), None);
        loop {
            let part = part(order, after, limit);
            pages.extend(part.rows.iter().map(told));
            after = part.next;
            if after.is_none() {
                return pages;
            }
        }
    };
    for limit in 1..=3 {
        assert_eq!(all(Order::Usual, limit), whole, "{limit} a page");
        let mut turned = all(Order::Turned, limit);
        turned.reverse();
        assert_eq!(turned, whole, "{limit} a page, oldest first");
    }
}
