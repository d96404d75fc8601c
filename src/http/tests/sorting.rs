//! Lists in either order: every page of the one is the other backwards.

use std::time::Duration;

use axum::http::Method;
use serde_json::{Value, json};

use super::api::{Program, program};
use super::correspondence::{Firm, case, firm};
use super::inbox::comes_in;
use super::world::Browser;

/// The ids of a list, page after page.
async fn ids(program: &Program<'_>, path: &str) -> Vec<Value> {
    named(program, path, "id").await
}

/// A field of each row of a list, page after page.
async fn named(program: &Program<'_>, path: &str, field: &str) -> Vec<Value> {
    let sign = if path.contains('?') { '&' } else { '?' };
    let mut found = Vec::new();
    let mut next = String::new();
    loop {
        let part = program.get(&format!("{path}{sign}limit=2{next}")).await;
        let items = part["items"].as_array().unwrap();
        found.extend(items.iter().map(|one| one[field].clone()));
        match part["next"].as_str() {
            Some(cursor) => next = format!("&cursor={cursor}"),
            None => return found,
        }
    }
}

/// Three cases, five letters, three threads, each a minute after the other.
async fn told() -> Firm {
    let firm = firm().await;
    let minute = Duration::from_secs(60);
    for reference in ["DC-2026-00003", "DC-2026-00002"] {
        firm.world.clock.advance(minute);
        case(&firm.world, reference, firm.client, firm.shop, false).await;
    }
    let otto = firm.world.browser("otto").await;
    for said in ["one", "two", "three", "four", "five"] {
        firm.world.clock.advance(minute);
        firm.case_letter(&otto, said).await;
    }
    for (seed, contact) in [(1, firm.client), (2, firm.bank), (3, firm.shop)] {
        firm.world.clock.advance(minute);
        comes_in(&firm.world, seed, |incoming| {
            incoming.contact = Some(contact);
            incoming.from = format!("somebody{seed}@example.org");
        })
        .await;
    }
    firm
}

#[tokio::test]
async fn programs_read_lists_in_either_order() {
    let firm = told().await;
    let ida = program(&firm.world, "ida").await;
    let timeline = format!("/api/v1/contacts/{}/timeline", firm.client);
    let log = format!("/api/v1/cases/{}/log", firm.case);
    let of_bank = format!("/api/v1/contacts/{}/correspondence", firm.bank);
    for (path, least) in [
        ("/api/v1/communications", 5),
        ("/api/v1/communications?all=true", 5),
        ("/api/v1/correspondence", 8),
        ("/api/v1/correspondence?direction=sent", 5),
        (of_bank.as_str(), 6),
        ("/api/v1/inbox", 3),
        ("/api/v1/log", 5),
        (timeline.as_str(), 8),
        (log.as_str(), 6),
    ] {
        let newest = ids(&ida, path).await;
        assert!(newest.len() >= least, "{path}: {newest:?}");
        let sign = if path.contains('?') { '&' } else { '?' };
        let named = ids(&ida, &format!("{path}{sign}order=newest")).await;
        assert_eq!(named, newest, "{path}");
        let mut oldest = ids(&ida, &format!("{path}{sign}order=oldest")).await;
        oldest.reverse();
        assert_eq!(oldest, newest, "{path}");
        let wrong = format!("{path}{sign}order=up");
        let refused = ida.refused(Method::GET, &wrong, None).await;
        assert_eq!(refused.2["errors"][0]["field"], "order", "{path}");
    }
}

#[tokio::test]
async fn a_thread_is_read_from_either_end() {
    let firm = told().await;
    for seed in [4, 5, 6] {
        firm.world.clock.advance(Duration::from_secs(60));
        comes_in(&firm.world, seed, |incoming| {
            incoming.contact = Some(firm.bank);
            incoming.from = "somebody2@example.org".to_owned();
            incoming.references = vec!["2@mail.example".to_owned()];
        })
        .await;
    }
    let ida = program(&firm.world, "ida").await;
    let thread = firm.world.repo.threads_of(firm.bank, 1).unwrap().remove(0);
    let path = format!("/api/v1/inbox/{}/messages", thread.id);
    let newest = ids(&ida, &path).await;
    assert!(newest.len() > 1, "{newest:?}");
    let mut oldest = ids(&ida, &format!("{path}?order=oldest")).await;
    oldest.reverse();
    assert_eq!(oldest, newest);
    let otto = firm.world.browser("otto").await;
    let timeline = format!("/contacts/{}/timeline", firm.client);
    let page = otto.get(&timeline).await.body;
    let turned = otto.get(&format!("{timeline}?order=oldest")).await.body;
    let opened = |page: &str| page.find("DC-2026-00003").unwrap() < page.find(">five<").unwrap();
    assert!(!opened(&page) && opened(&turned));
}

#[tokio::test]
async fn cases_are_sorted_by_change_and_by_reference() {
    let firm = told().await;
    let ida = program(&firm.world, "ida").await;
    let references = async |query: &str| {
        let list = ida.get(&format!("/api/v1/cases?{query}")).await;
        let items = list["items"].as_array().unwrap().clone();
        let last = |one: &Value| one["reference"].as_str().unwrap()[12..].to_owned();
        items.iter().map(last).collect::<String>()
    };
    for (query, order) in [
        ("", "231"),
        ("sort=changed&order=asc", "132"),
        ("sort=reference", "123"),
        ("sort=reference&order=desc", "321"),
        ("status=open&order=asc", "132"),
        ("find=DC-2026&order=desc", "321"),
    ] {
        assert_eq!(references(query).await, order, "{query}");
    }
    let all = ids(&ida, "/api/v1/cases?sort=reference").await;
    let mut turned = ids(&ida, "/api/v1/cases?sort=reference&order=desc").await;
    turned.reverse();
    assert_eq!(turned, all);
    for wrong in ["sort=title", "order=up"] {
        let path = format!("/api/v1/cases?{wrong}");
        assert_eq!(ida.refused(Method::GET, &path, None).await.1, 422);
    }
}

#[tokio::test]
async fn contacts_are_sorted_by_name_in_either_order() {
    let world = super::world::patient_world().await;
    let ida = program(&world, "ida").await;
    let area = format!("/api/v1/contacts?area={}", world.county);
    for path in ["/api/v1/contacts", area.as_str()] {
        let names = ids(&ida, path).await;
        assert!(names.len() > 2, "{names:?}");
        let sign = if path.contains('?') { '&' } else { '?' };
        let mut turned = ids(&ida, &format!("{path}{sign}order=desc")).await;
        turned.reverse();
        assert_eq!(turned, names, "{path}");
    }
    let wrong = "/api/v1/contacts?order=up";
    assert_eq!(ida.refused(Method::GET, wrong, None).await.1, 422);
    let browser = world.browser("ida").await;
    let (turned, sorted) = head(&browser, "/contacts?lang=en", "Name").await;
    assert_eq!(sorted, "ascending");
    let (back, sorted) = head(&browser, &turned, "Name").await;
    assert_eq!(sorted, "descending");
    assert_eq!(head(&browser, &back, "Name").await.1, "ascending");
}

#[tokio::test]
async fn people_recipients_and_logs_turn_too() {
    let world = super::world::world().await;
    let browser = world.browser("ida").await;
    let path = super::statistics::sent(&browser).await;
    let ida = program(&world, "ida").await;
    let people = format!("/api/v1{path}/people");
    let contacts: Vec<String> = world.contacts.iter().map(ToString::to_string).collect();
    for contact in &contacts {
        let path = format!("/api/v1/recipients/{contact}");
        assert_eq!(ida.ask(Method::PUT, &path, None, None).await.status, 204);
    }
    let log = format!("/api/v1/contacts/{}/log", contacts[0]);
    for (path, id, usual, other) in [
        (people.as_str(), "contact", "asc", "desc"),
        ("/api/v1/recipients", "id", "oldest", "newest"),
        (log.as_str(), "delivery", "newest", "oldest"),
    ] {
        let whole = named(&ida, path, id).await;
        assert!(whole.len() > 2, "{path}: {whole:?}");
        assert_eq!(
            named(&ida, &format!("{path}?order={usual}"), id).await,
            whole
        );
        let mut turned = named(&ida, &format!("{path}?order={other}"), id).await;
        turned.reverse();
        assert_eq!(turned, whole, "{path}");
        let refused = ida
            .refused(Method::GET, &format!("{path}?order=up"), None)
            .await;
        assert_eq!(refused.2["errors"][0]["field"], "order", "{path}");
    }
    let (turned, sorted) = head(&browser, &path, "Name").await;
    assert_eq!(sorted, "ascending");
    assert!(turned.ends_with("?order=desc#people"), "{turned}");
    let shown = browser.get("/recipients?lang=en").await.body;
    let turned = browser.get("/recipients?order=newest").await.body;
    let place = |page: &str, contact: &str| page.find(&format!("/contacts/{contact}\"")).unwrap();
    let (one, other) = (&contacts[0], &contacts[1]);
    assert_eq!(
        place(&shown, one) < place(&shown, other),
        place(&turned, one) > place(&turned, other),
    );
}

#[tokio::test]
async fn the_record_is_read_from_either_end() {
    let firm = told().await;
    let ida = program(&firm.world, "ida").await;
    let otto = firm.world.repo.user_by_login("otto").unwrap().unwrap().id;
    let holding = format!("/api/v1/cases/{}/hold", firm.case);
    for hold in [true, false, true] {
        ida.post(&holding, &json!({ "hold": hold })).await;
    }
    for path in [
        "/api/v1/audit".to_owned(),
        format!("/api/v1/audit?user={otto}"),
        format!("/api/v1/audit?subject={}", firm.case),
    ] {
        let sign = if path.contains('?') { '&' } else { '?' };
        let newest = numbers(&ida, &path).await;
        assert!(newest.len() > 2, "{path}: {newest:?}");
        let mut oldest = numbers(&ida, &format!("{path}{sign}order=oldest")).await;
        oldest.reverse();
        assert_eq!(oldest, newest, "{path}");
    }
    let browser = firm.world.browser("ida").await;
    let (turned, sorted) = head(&browser, "/audit?act=case", "Time").await;
    assert_eq!(sorted, "descending");
    assert!(turned.contains("act=case"), "{turned}");
    assert_eq!(head(&browser, &turned, "Time").await.1, "ascending");
}

/// The numbers of the entries of a record, page after page.
async fn numbers(program: &Program<'_>, path: &str) -> Vec<u64> {
    let sign = if path.contains('?') { '&' } else { '?' };
    let mut found = Vec::new();
    let mut next = String::new();
    loop {
        let part = program.get(&format!("{path}{sign}limit=2{next}")).await;
        let items = part["items"].as_array().unwrap();
        found.extend(items.iter().map(|one| one["number"].as_u64().unwrap()));
        match part["next"].as_str() {
            Some(cursor) => next = format!("&cursor={cursor}"),
            None => return found,
        }
    }
}

/// Where the head of a column leads, and how it says that the list is sorted.
async fn head(browser: &Browser<'_>, path: &str, column: &str) -> (String, String) {
    let page = browser.get(path).await;
    let (before, _) = page
        .body
        .split_once(&format!(">{column}</a></th>"))
        .unwrap();
    let (_, head) = before.rsplit_once("<th scope=\"col\"").unwrap();
    let named = |name: &str| {
        let rest = head.split_once(&format!("{name}=\"")).map(|(_, rest)| rest);
        let text = rest.map_or("", |rest| rest.split('"').next().unwrap());
        text.replace("&#38;", "&").replace("&amp;", "&")
    };
    (named("href"), named("aria-sort"))
}

#[tokio::test]
async fn heads_of_columns_turn_the_order_and_keep_the_filters() {
    let firm = told().await;
    let otto = firm.world.browser("otto").await;
    for (path, column) in [
        ("/communications?all=1", "Changed"),
        ("/correspondence?direction=sent", "Date and time"),
        ("/inbox?show=open", "Last message"),
        ("/cases?status=open", "Changed"),
    ] {
        let (turned, sorted) = head(&otto, path, column).await;
        assert_eq!(sorted, "descending", "{path}");
        let (_, filter) = path.split_once('?').unwrap();
        assert!(turned.contains(filter), "{path} leads to {turned}");
        let (back, sorted) = head(&otto, &turned, column).await;
        assert_eq!(sorted, "ascending", "{turned}");
        assert!(back.contains(filter), "{turned} leads to {back}");
        assert_eq!(head(&otto, &back, column).await.1, "descending");
    }
    let (by_reference, sorted) = head(&otto, "/cases", "Reference").await;
    assert_eq!(sorted, "");
    let (turned, sorted) = head(&otto, &by_reference, "Reference").await;
    assert_eq!(sorted, "ascending");
    let page = otto.get(&turned).await.body;
    let place = |reference: &str| page.find(reference).unwrap();
    assert!(place("DC-2026-00003") < place("DC-2026-00002"));
    assert!(place("DC-2026-00002") < place("DC-2026-00001"));
}
