//! The statistics page, its grid, its legend and its Excel file.

use std::collections::BTreeSet;
use std::time::Duration;

use super::journey::{alert, drafted};
use super::world::{Browser, START, World, world};
use crate::clock::Randomness;
use crate::domain::{
    CallStatus, Contact, ContactId, Delivery, EmailStatus, Redacted, Source, Status, TextStatus,
};
use crate::http::words::Words;
use crate::tracker::Event;

pub(super) async fn sent(browser: &Browser<'_>) -> String {
    let path = drafted(browser).await;
    browser.post(&format!("{path}/send"), &[]).await;
    browser.world.expand().await;
    path
}

/// People with a name and nothing else.
async fn add_people(world: &World, names: impl Iterator<Item = String>) {
    let like = world.repo.contact(world.contacts[0]).unwrap().unwrap();
    let random = Randomness::seeded(77);
    let people: Vec<Contact> = names
        .map(|name| Contact {
            id: ContactId::new(random.uuid_v7(START)),
            first_name: Redacted::new(name),
            methods: Vec::new(),
            ..like.value.clone()
        })
        .collect();
    world.tracker.add_contacts(&people).await.unwrap();
}

/// First names in the order of the grid.
fn names(body: &str) -> Vec<String> {
    let rows = body.split("<th scope=\"row\">").skip(1);
    let first = rows.map(|row| row.split([' ', '<']).next().unwrap().to_owned());
    first.collect()
}

fn link(body: &str, rel: &str) -> String {
    let body = body.replace("&#38;", "&");
    let (before, _) = body.split_once(&format!("rel=\"{rel}\"")).unwrap();
    let (_, href) = before.rsplit_once("href=\"").unwrap();
    href.split(['"', '#']).next().unwrap().to_owned()
}

#[tokio::test]
async fn the_grid_is_sorted_by_first_name_and_pages_both_ways() {
    let world = world().await;
    let browser = world.browser("ida").await;
    add_people(&world, (0..70).rev().map(|n| format!("Émile{n:02}"))).await;
    let path = sent(&browser).await;
    let first = browser.get(&path).await;
    let second = browser.get(&link(&first.body, "next")).await;
    // Somebody's state changes while we read: nobody moves.
    for delivery in world.deliveries(world.contacts[0]) {
        world.arrive(&delivery).await;
    }
    let mut all = names(&first.body);
    assert_eq!(all.len(), 50);
    all.extend(names(&second.body));
    assert_eq!(all.len(), 84, "everybody once");
    // É stands among the E: behind Dafydd, before Esther.
    assert_eq!(&all[..4], ["Ada", "Benedict", "Dafydd", "Émile00"]);
    assert_eq!(all[72..75], ["Émile69", "Esther", "Grace"]);
    assert!(!second.body.contains("rel=\"next\""));
    let back = browser.get(&link(&second.body, "prev")).await;
    assert_eq!(names(&back.body), all[..50]);
    let none = browser.get(&format!("{path}?state=not-contacted")).await;
    assert_eq!(names(&none.body).first().unwrap(), "Émile00");
    let rest = browser.get(&link(&none.body, "next")).await;
    assert_eq!(names(&rest.body).len(), 20);
    let contacted = browser.get(&format!("{path}?state=contacted")).await;
    assert_eq!(names(&contacted.body), ["Ada"]);
    // From Z on, the same the other way round, on every page and back.
    let last = browser.get(&format!("{path}?order=desc")).await;
    let behind = browser.get(&link(&last.body, "next")).await;
    let mut turned = names(&last.body);
    assert_eq!(turned.len(), 50);
    turned.extend(names(&behind.body));
    all.reverse();
    assert_eq!(turned, all);
    assert!(!last.body.contains("rel=\"prev\""));
    assert!(!behind.body.contains("rel=\"next\""));
    let back = browser.get(&link(&behind.body, "prev")).await;
    assert_eq!(names(&back.body), all[..50]);
    let none = format!("{path}?state=not-contacted&order=desc");
    let none = browser.get(&none).await;
    assert_eq!(names(&none.body).first().unwrap(), "Émile69");
}

#[tokio::test]
async fn each_person_opens_in_place_and_can_be_modified() {
    let world = world().await;
    let browser = world.browser("ida").await;
    let path = sent(&browser).await;
    let ada = world.contacts[0];
    let mobile = world.deliveries(ada).into_iter();
    let text = mobile.filter(|one| matches!(one.status(), Status::Text(_)));
    for delivery in text {
        world.arrive(&delivery).await;
    }
    let page = browser.get(&path).await;
    page.assert_has(&[
        &format!("<details id=\"m-{ada}\"><summary id=\"s-{ada}\">3 messages"),
        "+447700900100",
        "The carrier confirmed that the telephone received it.",
        "The email waits to be sent.",
        "Initial message",
        &format!("href=\"/contacts/{ada}/edit\""),
        "Modify<span class=\"visually-hidden\"> Ada",
        &format!("{path}/people/{ada}"),
        // The numbers follow by themselves.
        &format!("data-events=\"{path}/events\""),
    ]);
}

#[tokio::test]
async fn what_quiet_hours_hold_says_until_when() {
    let world = world().await;
    let browser = world.browser("ida").await;
    let path = sent(&browser).await;
    let ada = world.contacts[0];
    let mut all = world.deliveries(ada).into_iter();
    let text = all.find(|one| matches!(one.status(), Status::Text(_)));
    let until = START.plus(Duration::from_secs(12 * 3600));
    let held = Event::Held {
        until,
        ticket: None,
    };
    let text = text.unwrap();
    world.tracker.record(text.id, held).await.unwrap();
    let pages = [
        format!("{path}/people/{ada}"),
        path.clone(),
        "/log?type=text".to_owned(),
        format!("/deliveries/{}", text.id),
    ];
    let says = "Held until 22 Sep 2026, 02:13: these are the person’s quiet hours.";
    for page in &pages {
        let shown = browser.get(page).await.body;
        assert_eq!(shown.matches(says).count(), 1, "{page}: {shown}");
    }
    // Once they are over it waits like any other.
    world.clock.advance(Duration::from_secs(12 * 3600));
    let browser = world.browser("ida").await;
    for page in &pages {
        assert!(!browser.get(page).await.body.contains("Held until"));
    }
}

/// How a delivery comes to each status, from the one it begins with. A text is queued as soon as
/// it is accepted: it comes by there and stands nowhere before.
pub(super) fn paths() -> Vec<Vec<Status>> {
    use CallStatus as C;
    use EmailStatus as E;
    use TextStatus as T;
    let calls: [&[C]; 11] = [
        &[],
        &[C::Started],
        &[C::Started, C::Ringing],
        &[C::Started, C::InProgress],
        &[C::Started, C::Busy],
        &[C::Started, C::InProgress, C::Fax],
        &[C::Started, C::InProgress, C::Voicemail],
        &[C::Started, C::InProgress, C::Completed],
        &[C::Started, C::InProgress, C::Confirmed],
        &[C::Started, C::NoAnswer],
        &[C::Started, C::Failed],
    ];
    let texts: [&[T]; 6] = [
        &[],
        &[T::Sending],
        &[T::Sending, T::Sent],
        &[T::Sending, T::Sent, T::Received],
        &[T::Sending, T::Sent, T::Undelivered],
        &[T::Sending, T::Failed],
    ];
    let emails: [&[E]; 9] = [
        &[],
        &[E::Deferred],
        &[E::Sent],
        &[E::Received],
        &[E::Received, E::Opened],
        &[E::Rebound],
        &[E::Received, E::MarkedAsSpam],
        &[E::Rejected],
        &[E::NotSent],
    ];
    let calls = calls.map(|path| [&[C::Queued], path].concat());
    let texts = texts.map(|path| [&[T::Accepted, T::Queued], path].concat());
    let emails = emails.map(|path| [&[E::Queued], path].concat());
    let of = |path: Vec<Status>| path;
    let paths: Vec<_> = calls
        .into_iter()
        .map(|path| of(path.into_iter().map(Status::Call).collect()))
        .chain(
            texts
                .into_iter()
                .map(|path| path.into_iter().map(Status::Text).collect()),
        )
        .chain(
            emails
                .into_iter()
                .map(|path| path.into_iter().map(Status::Email).collect()),
        )
        .collect();
    let met: BTreeSet<Status> = paths.iter().flatten().copied().collect();
    assert_eq!(
        met,
        Status::all().into_iter().collect(),
        "no status is left out"
    );
    paths
}

#[tokio::test]
async fn every_status_is_shown_with_its_name_and_what_it_means() {
    for path in paths() {
        let world = world().await;
        let browser = world.browser("ida").await;
        let page = sent(&browser).await;
        let ada = world.contacts[0];
        let channel = path[0].channel();
        let delivery: Delivery = world
            .deliveries(ada)
            .into_iter()
            .find(|one| one.channel == channel)
            .unwrap();
        world.walk(&delivery, &path).await;
        let status = *path.last().unwrap();
        let label = Words::of("en").label(status.as_str());
        let detail = browser.get(&format!("{page}/people/{ada}")).await;
        let grid = browser.get(&page).await;
        let card = |body: &str, after: &str| {
            let (_, card) = body.split_once(after).unwrap();
            card.split("</section>").next().unwrap().to_owned()
        };
        let shown = card(&detail.body, &format!("id=\"d-{}\"", delivery.id));
        for status in &path {
            let label = Words::of("en").label(status.as_str());
            assert!(
                shown.contains(&format!("<strong>{label}</strong>")),
                "{label}"
            );
            let explain = status.explain().replace('\'', "&#39;");
            assert!(shown.contains(&explain), "{label}: {explain}: {shown}");
        }
        let opened = card(&grid.body, &format!("<details id=\"m-{ada}\">"));
        let opened = opened.split("</details>").next().unwrap();
        assert!(
            opened.contains(&format!("{label}</span>")),
            "{label}: {opened}"
        );
        let explain = status.explain().replace('\'', "&#39;");
        assert!(opened.contains(&explain), "{label}: {explain}: {opened}");
    }
}

#[tokio::test]
async fn the_legend_says_what_every_status_means_in_both_languages() {
    let world = world().await;
    let browser = world.browser("ida").await;
    let page = browser.get(&sent(&browser).await).await;
    page.assert_has(&["What the statuses mean"]);
    let (_, legend) = page.body.split_once("What the statuses mean").unwrap();
    let (english, french) = (Words::of("en"), Words::of("fr"));
    for status in Status::all() {
        let name = english.label(status.as_str());
        let means = status.explain().replace('\'', "&#39;");
        let line = format!("<dt>{name}</dt><dd>{means}</dd>");
        assert!(legend.contains(&line), "{line}");
        assert_ne!(french.say(status.explain()), status.explain());
        assert_ne!(french.label(status.as_str()), "");
    }
}

#[tokio::test]
async fn an_opened_email_is_opened_in_the_statistics() {
    let world = world().await;
    let browser = world.browser("ida").await;
    let path = sent(&browser).await;
    let ada = world.contacts[0];
    let delivery = world
        .deliveries(ada)
        .into_iter()
        .find(|one| matches!(one.status(), Status::Email(_)))
        .unwrap();
    world.arrive(&delivery).await;
    let opened = Event::Changed {
        status: Status::Email(EmailStatus::Opened),
        verdict: None,
        source: Source::Person,
    };
    world.tracker.record(delivery.id, opened).await.unwrap();
    browser.get(&path).await.assert_has(&[
        "Opened <span class=\"number\">1</span>",
        "The recipient opened the email.",
    ]);
    let person = browser.get(&format!("{path}/people/{ada}")).await;
    person.assert_has(&["<strong>Opened</strong>", "by the person"]);
}

#[tokio::test]
async fn the_excel_file_holds_everybody_and_no_formula() {
    let world = world().await;
    let browser = world.browser("ida").await;
    let evil = "=HYPERLINK(\"http://evil.example\")".to_owned();
    add_people(&world, ["Zoé".to_owned(), evil].into_iter()).await;
    let path = sent(&browser).await;
    for delivery in world.deliveries(world.contacts[0]) {
        world.arrive(&delivery).await;
    }
    let file = browser.fetch(&format!("{path}/statisticsAlert.xlsx")).await;
    assert_eq!(file.name(), "statisticsAlert.xlsx");
    let rows = file.rows();
    assert_eq!(
        rows[0],
        ["First name", "Last name", "Email", "Telephone", "Status"]
    );
    assert_eq!(rows.len(), 1 + 16);
    // "=" sorts before the letters; it is text, and stays so in a CSV.
    assert_eq!(rows[1][0], "'=HYPERLINK(\"http://evil.example\")");
    assert_eq!(rows[2][0], "Ada");
    assert_eq!(rows[2][3], "+447700900100; +441632960100");
    assert!(rows[2][2].starts_with("ada."), "{:?}", rows[2]);
    assert_eq!(rows[2][4], "Joined");
    assert_eq!(
        (rows[3][0].as_str(), rows[3][4].as_str()),
        ("Benedict", "Not joined")
    );
    assert_eq!(rows[16][0], "Zoé");
    let page = browser.get(&path).await;
    page.assert_has(&[
        "/statisticsAlert.xlsx\" download data-watch>",
        "Export Excel",
    ]);
}

#[tokio::test]
async fn whoever_was_taken_over_is_in_the_files_as_who_took_them_over() {
    let world = world().await;
    let browser = world.browser("ida").await;
    let path = sent(&browser).await;
    let id = path.rsplit('/').next().unwrap().parse().unwrap();
    let people = world.repo.people(id, None, 100).unwrap().rows;
    let (kept, gone) = (people[0].contact, people[1].contact);
    let by = world.repo.user_by_login("ida").unwrap().unwrap().id;
    world.tracker.merge_contacts(kept, gone, by).await.unwrap();
    let name = world.repo.contact(kept).unwrap().unwrap();
    let name = name.first_name.reveal().clone();
    let file = browser.fetch(&format!("{path}/statisticsAlert.xlsx")).await;
    let rows = file.rows();
    assert_eq!(rows.len(), 1 + people.len());
    let theirs = rows.iter().filter(|row| row[0] == name);
    assert_eq!(theirs.count(), 2, "{rows:?}");
    let program = super::api::program(&world, "ida").await;
    let listed = program
        .get(&format!("/api/v1/communications/{id}/people?limit=100"))
        .await;
    let listed = listed["items"].as_array().unwrap();
    assert!(
        listed.iter().all(|one| one["name"].is_string()),
        "{listed:?}"
    );
    let log = program.get("/api/v1/log?limit=100").await;
    let log = log["items"].as_array().unwrap();
    assert!(
        log.iter().all(|one| one["recipient"].is_string()),
        "{log:?}"
    );
}

#[tokio::test]
async fn the_list_leads_to_statistics_only_when_there_are_any() {
    let world = world().await;
    let browser = world.browser("ida").await;
    let sent = sent(&browser).await;
    world.clock.advance(std::time::Duration::from_secs(60));
    let mut fields = alert(&world);
    fields.push(("do", "save".to_owned()));
    browser.post("/communications", &fields).await;
    let list = browser.get("/communications").await;
    list.assert_has(&["Statistics come once it is sent.", "href=\"/log\""]);
    let (draft, rest) = list
        .body
        .split_once("Statistics come once it is sent.")
        .unwrap();
    assert!(draft.contains("/edit\"") && !draft.contains(&format!("href=\"{sent}\"")));
    assert!(rest.contains(&format!("<a class=\"icon-link\" href=\"{sent}\">")));
    let file = {
        let draft = list.body.split("/edit\"").next().unwrap();
        let draft = draft.rsplit("href=\"").next().unwrap().to_owned();
        browser
            .fetch(&format!("{draft}/statisticsAlert.xlsx"))
            .await
    };
    assert_eq!(file.status, axum::http::StatusCode::NOT_FOUND);
}
