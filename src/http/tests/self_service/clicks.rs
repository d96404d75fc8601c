//! Links that are counted: where they lead, and who counts.

use axum::http::Method;

use super::*;
use crate::domain::tracking::TIMELINE_CLICKS_MAX;
use crate::domain::{CommunicationId, Delivery, DeliveryId, Tracking};
use crate::http::public::REQUESTS_MAX;
use crate::http::tests::api::program;
use crate::store::{Batch, RowBatch};
use crate::tracker::Event;

const PERSON: (&str, &str) = (
    "user-agent",
    "Mozilla/5.0 (X11; Linux x86_64; rv:140.0) Gecko/20100101 Firefox/140.0",
);
const SCANNER: (&str, &str) = ("user-agent", "Mozilla/5.0 (compatible; Mimecast)");

const TARGETS: [&str; 4] = [
    "https://town.example/?a=1&b=2",
    "https://town.example/two",
    "http://other.example/3",
    "https://town.example/four",
];
const HTML: &str = concat!(
    "<p><a href=\"https://town.example/?a=1&amp;b=2\">One</a> <a href=\"mailto:a@b.example\">M</a>",
    "<a href='https://town.example/two'>Two</a> <A HREF=http://other.example/3>Three</A>",
    "<a href=\"https://town.example/four\">Four</a></p>"
);

/// Somebody has a mail whose links are counted.
struct Reader {
    public: Public,
    id: DeliveryId,
}

impl Reader {
    async fn new() -> Self {
        let public = public().await;
        let (contact, _) = public.somebody();
        let id = public.mail_saying(HTML, &contact, true).await;
        let reader = Self { public, id };
        let received = [Status::Email(EmailStatus::Received)];
        reader
            .public
            .world
            .walk(&reader.delivery(), &received)
            .await;
        reader
    }

    fn delivery(&self) -> Delivery {
        let repo = &self.public.world.repo;
        repo.delivery(self.id).unwrap().unwrap().value
    }

    fn communication(&self) -> CommunicationId {
        self.delivery().communication
    }

    /// The links that count for the person.
    fn counted(&self) -> Vec<u16> {
        let delivery = self.delivery();
        let repo = &self.public.world.repo;
        let person = repo.person(delivery.communication, delivery.contact);
        person.unwrap().unwrap().value.links
    }

    fn path(&self, number: u16) -> String {
        let target = TARGETS[usize::from(number) - 1];
        path(&links().click(self.id, number, target))
    }

    async fn ask(&self, method: Method, path: &str, with: &[(&str, &str)]) -> Answer {
        let mut request = Request::builder().method(method).uri(path);
        for (name, value) in [(header::HOST.as_str(), HOST)].iter().chain(with) {
            request = request.header(*name, *value);
        }
        self.public.send(request.body(Body::empty()).unwrap()).await
    }

    async fn follow(&self, number: u16, with: &[(&str, &str)]) {
        let answer = self.ask(Method::GET, &self.path(number), with).await;
        assert_eq!(answer.status, StatusCode::FOUND, "{}", answer.body);
        assert_eq!(answer.location(), TARGETS[usize::from(number) - 1]);
    }

    /// Until so many links are counted; or, with those that are, for a while.
    async fn settles(&self, number: usize) {
        for _ in 0..500 {
            tokio::time::sleep(Duration::from_millis(100)).await;
            // What is committed is committed on another thread, whose time is real.
            std::thread::sleep(Duration::from_millis(1));
            if number > 0 && self.counted().len() >= number {
                return;
            }
        }
    }
}

fn path(url: &str) -> String {
    url.strip_prefix(HERE).unwrap().to_owned()
}

#[tokio::test(start_paused = true)]
async fn a_link_leads_to_what_stands_in_its_mail_and_nowhere_else() {
    let reader = Reader::new().await;
    reader.public.world.clock.advance(MINUTE);
    for number in 1..=4 {
        let answer = reader
            .ask(Method::HEAD, &reader.path(number), &[PERSON])
            .await;
        assert_eq!(answer.status, StatusCode::FOUND);
        assert_eq!(answer.location(), TARGETS[usize::from(number) - 1]);
        assert_eq!(answer.headers[header::REFERRER_POLICY], "no-referrer");
        assert_eq!(answer.headers[header::CACHE_CONTROL], "no-store");
        assert!(!answer.headers.contains_key(header::SET_COOKIE));
    }
    // Signed by us, and yet nothing that stands in the mail, or not in this place.
    for elsewhere in [
        links().click(reader.id, 1, "https://evil.example/"),
        links().click(reader.id, 1, TARGETS[1]),
        links().click(reader.id, 5, TARGETS[0]),
        links().click(reader.id, 0, TARGETS[0]),
        links().click(DeliveryId::from_bytes([9; 16]), 1, TARGETS[0]),
    ] {
        let answer = reader.ask(Method::GET, &path(&elsewhere), &[PERSON]).await;
        assert_eq!(answer.status, StatusCode::GONE, "{elsewhere}");
        answer.assert_has(&["leads nowhere any more", "has been deleted here"]);
        assert_eq!(answer.location(), "");
    }
    let good = reader.path(1);
    for forged in [
        format!("{good}a"),
        good[..good.len() - 1].to_owned(),
        "/l/x".into(),
    ] {
        let answer = reader.ask(Method::GET, &forged, &[PERSON]).await;
        assert_eq!(answer.status, StatusCode::NOT_FOUND, "{forged}");
        answer.assert_has(&["This link leads nowhere"]);
        assert_eq!(answer.location(), "");
    }
    // Not even of a whole office behind one address, which is to sign up and leave all the same.
    for _ in 0..100 {
        let answer = reader.ask(Method::GET, "/l/x", &[PERSON]).await;
        assert_eq!(answer.status, StatusCode::NOT_FOUND);
    }
    reader.settles(0).await;
    assert!(reader.counted().is_empty());
}

#[tokio::test(start_paused = true)]
async fn a_link_of_what_was_deleted_says_so() {
    let reader = Reader::new().await;
    let repo = &reader.public.world.repo;
    let path = reader.path(1);
    let old = repo.communication(reader.communication()).unwrap().unwrap();
    let mut batch = Batch::new();
    batch.remove(&old);
    repo.store().commit(batch).await.unwrap();
    let answer = reader.ask(Method::GET, &path, &[PERSON]).await;
    assert_eq!(answer.status, StatusCode::GONE);
    answer.assert_has(&["has been deleted here"]);
}

#[tokio::test(start_paused = true)]
async fn a_person_is_counted_once_for_each_link_and_machines_are_not() {
    let reader = Reader::new().await;
    // Nobody is so quick.
    reader.follow(1, &[PERSON]).await;
    reader.settles(0).await;
    let clock = &reader.public.world.clock;
    clock.advance(MINUTE);
    for with in [
        [SCANNER, ("accept", "*/*")],
        [PERSON, ("sec-purpose", "prefetch")],
        [PERSON, ("sec-fetch-mode", "no-cors")],
        [PERSON, ("sec-gpc", "1")],
        [PERSON, ("dnt", "1")],
    ] {
        reader.follow(1, &with).await;
        clock.advance(MINUTE);
    }
    reader.follow(1, &[]).await;
    clock.advance(MINUTE);
    // A program that looks like a browser, and asks for all there is.
    for number in 1..=3 {
        reader.follow(number, &[PERSON]).await;
    }
    reader.settles(0).await;
    assert!(reader.counted().is_empty());
    assert_eq!(
        reader.delivery().status(),
        Status::Email(EmailStatus::Received)
    );

    clock.advance(MINUTE);
    reader.follow(2, &[PERSON]).await;
    reader.follow(2, &[PERSON]).await;
    reader.settles(1).await;
    clock.advance(MINUTE);
    reader.follow(1, &[PERSON]).await;
    reader.settles(2).await;
    clock.advance(MINUTE);
    reader.follow(2, &[PERSON]).await;
    reader.settles(0).await;
    assert_eq!(reader.counted(), [2, 1]);
    assert_eq!(reader.delivery().links().collect::<Vec<_>>(), [2, 1]);
    assert_eq!(
        reader.delivery().status(),
        Status::Email(EmailStatus::Opened)
    );
}

#[tokio::test(start_paused = true)]
async fn a_link_for_which_the_timeline_has_no_room_is_counted_once() {
    let reader = Reader::new().await;
    let world = &reader.public.world;
    world.clock.advance(MINUTE);
    let others: Vec<u16> = (101..).take(TIMELINE_CLICKS_MAX).collect();
    for link in &others {
        let event = Event::Clicked { link: *link };
        world.tracker.record(reader.id, event).await.unwrap();
    }
    reader.follow(1, &[PERSON]).await;
    reader.settles(others.len() + 1).await;
    let expected: Vec<u16> = others.iter().copied().chain([1]).collect();
    assert_eq!(reader.counted(), expected);
    assert_eq!(reader.delivery().links().collect::<Vec<_>>(), others);
    let communication = world.repo.communication(reader.communication());
    let numbers = world.repo.statistics(&communication.unwrap().unwrap());
    let numbers = numbers.unwrap();
    assert_eq!((numbers.clicked, numbers.links[0]), (1, (1, 1)));
    let before = reader.public.everything();
    world.clock.advance(MINUTE);
    reader.follow(1, &[PERSON]).await;
    reader.settles(0).await;
    assert!(before == reader.public.everything(), "it was written again");
}

#[tokio::test(start_paused = true)]
async fn links_to_our_own_pages_are_not_listed_as_counted() {
    let public = public().await;
    let (contact, _) = public.somebody();
    let ours = links().unsubscribe(DeliveryId::from_bytes([1; 16]));
    let html = format!(
        "<a href=\"{ours}\">No more</a> <a href=\"{}\">Two</a>",
        TARGETS[1]
    );
    let id = public.mail_saying(&html, &contact, true).await;
    let Public { world, submit, .. } = public;
    let world = world.submitting_by(submit);
    let communication = world.repo.delivery(id).unwrap().unwrap().communication;
    let browser = world.browser("ida").await;
    let path = format!("/communications/{communication}");
    let page = browser.get(&path).await;
    page.assert_has(&["Link 2: https://town.example/two"]);
    assert!(!page.body.contains("Link 1"), "{}", page.body);
    let told = program(&world, "ida")
        .await
        .get(&format!("/api/v1{path}"))
        .await;
    let listed = serde_json::json!([{"link": 2, "target": TARGETS[1]}]);
    assert_eq!(told["links"], listed);
}

#[tokio::test(start_paused = true)]
async fn one_mail_is_looked_into_so_often_and_no_more() {
    let reader = Reader::new().await;
    // Signed by us, of a mail that is gone: what is not looked up does not say so.
    let gone = links().click(DeliveryId::from_bytes([9; 16]), 1, TARGETS[0]);
    for _ in 0..REQUESTS_MAX {
        let answer = reader.ask(Method::HEAD, &path(&gone), &[PERSON]).await;
        assert_eq!(answer.status, StatusCode::GONE);
    }
    let answer = reader.ask(Method::HEAD, &path(&gone), &[PERSON]).await;
    assert_eq!(answer.status, StatusCode::TOO_MANY_REQUESTS);
    assert_eq!(answer.headers[header::RETRY_AFTER], "60");
    let answer = reader.ask(Method::HEAD, &reader.path(1), &[PERSON]).await;
    assert_eq!(answer.status, StatusCode::FOUND);
    reader.public.world.clock.advance(MINUTE);
    let answer = reader.ask(Method::HEAD, &path(&gone), &[PERSON]).await;
    assert_eq!(answer.status, StatusCode::GONE);
}

#[tokio::test(start_paused = true)]
async fn who_followed_what_is_told_in_the_console_and_over_the_api() {
    let reader = Reader::new().await;
    let world = &reader.public.world;
    world.clock.advance(MINUTE);
    reader.follow(1, &[PERSON]).await;
    reader.settles(1).await;
    let (id, contact) = (reader.communication(), reader.delivery().contact);
    let communication = world.repo.communication(id).unwrap().unwrap();
    let numbers = world.repo.statistics(&communication).unwrap();
    assert_eq!((numbers.clicked, numbers.links), (1, vec![(1, 1)]));
    let browser = world.browser("ida").await;
    let page = browser.get(&format!("/communications/{id}")).await;
    page.assert_has(&[
        "Links followed",
        "1 person followed a link.",
        "Link 1: https://town.example/?a=1&#38;b=2</dt><dd class=\"number\">1 person</dd>",
        "Link 4: https://town.example/four</dt><dd class=\"number\">0 people</dd>",
        "Who follows its links",
    ]);
    let page = browser
        .get(&format!("/communications/{id}/people/{contact}"))
        .await;
    page.assert_has(&["The person followed link 1: https://town.example/?a=1&#38;b=2"]);
    let told = program(world, "ida").await;
    let told = told.get(&format!("/api/v1/communications/{id}")).await;
    assert_eq!(
        told["tracking"],
        serde_json::json!({"opens": true, "clicks": true})
    );
    let listed = (1..)
        .zip(TARGETS)
        .map(|(link, target)| serde_json::json!({"link": link, "target": target}));
    assert_eq!(told["links"], listed.collect::<serde_json::Value>());
    assert_eq!(told["statistics"]["clicked"], 1);
    let counts = serde_json::json!([{"link": 1, "people": 1}]);
    assert_eq!(told["statistics"]["links"], counts);
    let known = world.repo.communication(id).unwrap().unwrap();
    let asked = Tracking {
        opens: true,
        clicks: true,
    };
    assert_eq!(known.plan.tracking, asked);
}

#[tokio::test(start_paused = true)]
async fn what_one_has_followed_stands_in_ones_data() {
    let reader = Reader::new().await;
    reader.public.world.clock.advance(MINUTE);
    reader.follow(2, &[PERSON]).await;
    reader.settles(1).await;
    let to = reader.delivery().destination;
    let (cookie, _) = reader.public.log_in(&to).await;
    let data = reader.public.get("/me/data.json", &cookie).await;
    let data: serde_json::Value = serde_json::from_str(&data.body).unwrap();
    let messages = data["messages"].as_array().unwrap().iter();
    let lines = messages.flat_map(|one| one["timeline"].as_array().unwrap());
    let links: Vec<&str> = lines.filter_map(|line| line["link"].as_str()).collect();
    assert_eq!(links, [TARGETS[1]]);
}

#[tokio::test(start_paused = true)]
async fn whoever_wants_not_to_be_counted_opens_nothing() {
    let reader = Reader::new().await;
    reader.public.world.clock.advance(MINUTE);
    let picture = path(&links().pixel(reader.id));
    for refusal in ["sec-gpc", "dnt"] {
        let answer = reader
            .ask(Method::GET, &picture, &[PERSON, (refusal, "1")])
            .await;
        assert_eq!(answer.status, StatusCode::OK);
        assert_eq!(
            reader.delivery().status(),
            Status::Email(EmailStatus::Received)
        );
    }
    reader.ask(Method::GET, &picture, &[PERSON]).await;
    assert_eq!(
        reader.delivery().status(),
        Status::Email(EmailStatus::Opened)
    );
}
