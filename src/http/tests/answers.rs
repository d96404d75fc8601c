//! Answers that no rule knows: listed, given a reason that holds from then on, and forgotten.

use axum::http::{Method, StatusCode};
use serde_json::{Value, json};

use super::api::{Program, program};
use super::languages::assert_french;
use super::world::{Browser, START, World, world};
use crate::domain::{
    AnswerPool, AnswerPoolId, AnswerShape, Channel, Delivery, DeliveryId, EmailStatus,
    EnhancedStatus, LastAnswer, MethodState, Permanence, Reason, Source, Status, Verdict,
};
use crate::store::check::check;
use crate::store::records::Record;
use crate::store::{Batch, HeardPool, Row, RowBatch, keys};
use crate::tracker::{Event, Receipt};

const HERE: &str = "/unknown-answers";

/// An alert by email went to everybody.
async fn alerted(browser: &Browser<'_>) -> Vec<Delivery> {
    let world = browser.world;
    let fields = [
        ("category", "general".to_owned()),
        ("by_email", "1".to_owned()),
        ("subject", "Road closed".to_owned()),
        ("text", "The bridge is closed.".to_owned()),
        ("area", world.county.to_string()),
    ];
    browser.send_out(&fields).await;
    let contacts = world.contacts.iter();
    let all = contacts.flat_map(|contact| world.deliveries(*contact));
    all.filter(|one| one.channel == Channel::Email).collect()
}

/// A mail comes back with words that no rule knows, and the name of whom it went to.
async fn bounce(world: &World, delivery: &Delivery, words: &str) {
    let contact = world.repo.contact(delivery.contact).unwrap().unwrap();
    let address = delivery.destination.reveal();
    let said = format!("554 5.9.9 <{address}>: {} {words}", contact.full_name());
    let verdict = Verdict::failure(Reason::Undefined, Permanence::Permanent)
        .with_status(EnhancedStatus::parse("5.9.9"))
        .with_diagnostic(said);
    let event = Event::Changed {
        status: Status::Email(EmailStatus::Rebound),
        verdict: Some(verdict),
        source: Source::Report,
    };
    world.tracker.record(delivery.id, event).await.unwrap();
}

const SITS: &str = "sits in the antechamber of mx1.town.example";

fn heard(world: &World) -> Vec<HeardPool> {
    world.repo.heard_pools().unwrap()
}

fn judged(world: &World, delivery: &Delivery) -> Verdict {
    let now = world.repo.delivery(delivery.id).unwrap().unwrap();
    now.last_verdict().unwrap().clone()
}

fn is_suspended(world: &World, delivery: &Delivery) -> bool {
    let contact = world.repo.contact(delivery.contact).unwrap().unwrap();
    let method = contact.method(delivery.method).unwrap();
    method.state == MethodState::Suspended
}

fn reason(name: &str) -> [(&'static str, String); 1] {
    [("reason", name.to_owned())]
}

#[tokio::test]
async fn an_unknown_answer_is_given_a_reason_that_holds_from_the_next_one_on() {
    let world = world().await;
    let browser = world.browser("ida").await;
    let page = browser.get(HERE).await;
    page.assert_has(&[
        "No unknown answers",
        "href=\"/unknown-answers\" aria-current",
    ]);
    let sent = alerted(&browser).await;
    bounce(&world, &sent[0], SITS).await;
    let page = browser.get(HERE).await;
    page.assert_has(&[
        "&#60;address&#62; &#60;name&#62; sits in the antechamber of &#60;host&#62;",
        "554 5.9.9",
        "1 answer<",
        &format!("href=\"/deliveries/{}\"", sent[0].id),
        "<optgroup label=\"The method is suspended at once.\"",
        "The recipient&#39;s mailbox is full.",
    ]);
    assert!(!page.body.contains(sent[0].destination.reveal()));
    let id = heard(&world)[0].pool.id;
    let place = format!("{HERE}/{id}");
    for wrong in ["", "undefined", "delivered", "nonsense"] {
        let refused = browser.post(&format!("{place}/name"), &reason(wrong)).await;
        assert_eq!(refused.status, StatusCode::UNPROCESSABLE_ENTITY, "{wrong}");
        refused.assert_has(&["Choose one of the reasons.", "aria-invalid"]);
    }

    let named = browser
        .post(&format!("{place}/name"), &reason("user_unknown"))
        .await;
    assert_eq!(named.location(), format!("{HERE}?done=answers_named"));
    let page = browser.get(named.location()).await;
    page.assert_has(&[
        "The next such answer is taken to mean this",
        "No unknown answers",
    ]);
    let page = browser.get(&format!("{HERE}?state=named")).await;
    page.assert_has(&[
        "Ida Bell",
        "Take the reason away",
        "value=\"user_unknown\" selected",
        "This reason suspends at once",
    ]);
    assert_eq!(
        judged(&world, &sent[0]).reason,
        Reason::Undefined,
        "decided before"
    );
    assert!(!is_suspended(&world, &sent[0]));
    bounce(&world, &sent[1], SITS).await;
    assert!(is_suspended(&world, &sent[1]), "without a restart");
    assert_eq!(
        judged(&world, &sent[1]).rule.as_str(),
        format!("named: {id}")
    );
    let kept = browser.post(&format!("{place}/forget"), &[]).await;
    assert!(kept.location().ends_with("answers_kept"));

    browser.post(&format!("{place}/unname"), &[]).await;
    bounce(&world, &sent[2], SITS).await;
    assert_eq!(judged(&world, &sent[2]).reason, Reason::Undefined);
    assert!(!is_suspended(&world, &sent[2]));
    browser.get(HERE).await.assert_has(&["3 answers<"]);
    let gone = browser.post(&format!("{place}/forget"), &[]).await;
    assert!(gone.location().ends_with("answers_forgotten"));
    assert!(heard(&world).is_empty());
    for step in ["name", "unname", "forget"] {
        let answer = browser
            .post(&format!("{place}/{step}"), &reason("spam"))
            .await;
        assert_eq!(answer.status, StatusCode::NOT_FOUND, "{step}");
    }
    let record = browser.get("/audit").await;
    record.assert_has(&[
        "answer.name",
        "answer.unname",
        "answer.forget",
        "Unknown answer",
    ]);
    assert!(check(world.repo.store()).unwrap().is_sound());
}

/// Pools without a name, each of so many answers as its number, seen a second after the other.
async fn fill(world: &World, count: u8) {
    let mut batch = Batch::new();
    for number in 1..=count {
        let letters = [number / 26, number % 26].map(|place| char::from(b'a' + place));
        let shape = format!("kind {}", letters.iter().collect::<String>());
        let id = AnswerPoolId::of(Permanence::Temporary, &shape);
        batch.insert(&AnswerPool {
            id,
            shape: AnswerShape::from_stored(&shape).unwrap(),
            permanence: Permanence::Temporary,
            reply: None,
            status: None,
            first_seen: START,
            named: None,
        });
        let later = std::time::Duration::from_secs(u64::from(count - number));
        let last = LastAnswer {
            pool: id,
            at: START.plus(later),
            delivery: DeliveryId::from_bytes([9; 16]),
        };
        batch.put(last.key(), last.to_bytes());
        batch.add(keys::answers(id), i64::from(number));
    }
    world.repo.store().commit(batch).await.unwrap();
}

#[tokio::test]
async fn the_list_has_pages_and_two_orders() {
    let world = world().await;
    let browser = world.browser("ida").await;
    fill(&world, 21).await;
    let first = browser.get(HERE).await;
    first.assert_has(&[
        "kind av",
        "Without a code",
        "21 answers<",
        "href=\"/unknown-answers?from=20\"",
    ]);
    assert!(!first.body.contains("kind ab"), "of which there is one");
    assert!(
        !first.body.contains("href=\"/deliveries/"),
        "that message is gone"
    );
    let second = browser.get(&format!("{HERE}?from=20")).await;
    second.assert_has(&["kind ab", "1 answer<", "href=\"/unknown-answers\""]);
    let by_time = browser.get(&format!("{HERE}?sort=seen")).await;
    by_time.assert_has(&["kind ab", "href=\"/unknown-answers?sort=seen&#38;from=20\""]);
    assert!(!by_time.body.contains("kind av"), "seen before all others");
}

#[tokio::test]
async fn what_answers_mean_is_for_administrators_who_see_everybody() {
    let world = world().await;
    fill(&world, 1).await;
    let id = heard(&world)[0].pool.id;
    let otto = world.browser("otto").await;
    assert_eq!(otto.get(HERE).await.status, StatusCode::FORBIDDEN);
    for step in ["name", "unname", "forget"] {
        let answer = otto
            .post(&format!("{HERE}/{id}/{step}"), &reason("spam"))
            .await;
        assert_eq!(answer.status, StatusCode::FORBIDDEN, "{step}");
    }
    assert!(!otto.get("/").await.body.contains(HERE));
    let ida = world.browser("ida").await;
    assert!(ida.get("/").await.body.contains(HERE));
    let harbour = world.areas[0];
    world
        .change_user("ida", |user| user.areas = vec![harbour])
        .await;
    assert_eq!(ida.get(HERE).await.status, StatusCode::FORBIDDEN);
    assert!(!ida.get("/").await.body.contains(HERE));
    let program = program(&world, "otto").await;
    let path = format!("/api/v1{HERE}");
    let (_, status, _) = program.refused(Method::GET, &path, None).await;
    assert_eq!(status, 403);
    assert_eq!(heard(&world).len(), 1);
}

#[tokio::test]
async fn the_page_is_there_in_french() {
    let world = world().await;
    let browser = world.browser("ida").await;
    world
        .change_user("ida", |user| user.language = Some("fr".to_owned()))
        .await;
    assert_french(&browser.get(HERE).await);
    assert_french(&browser.get(&format!("{HERE}?state=named")).await);
    fill(&world, 2).await;
    let page = browser.get(HERE).await;
    assert_french(&page);
    page.assert_has(&[
        "Réponses inconnues",
        "2 réponses<",
        "1 réponse<",
        "Sans code",
    ]);
    let id = heard(&world)[0].pool.id;
    let named = format!("{HERE}?state=named&done=answers_named");
    browser
        .post(&format!("{HERE}/{id}/name"), &reason("spam"))
        .await;
    let page = browser.get(&named).await;
    assert_french(&page);
    assert!(!page.body.contains("Cette raison suspend"));
}

async fn shapes(program: &Program<'_>, query: &str) -> (Vec<String>, Value) {
    let page = program
        .get(&format!("/api/v1/unknown-answers?{query}"))
        .await;
    let items = page["items"].as_array().unwrap().iter();
    let shapes = items.map(|one| one["shape"].as_str().unwrap().to_owned());
    (shapes.collect(), page["next"].clone())
}

#[tokio::test]
async fn a_program_lists_names_and_forgets_unknown_answers() {
    let world = world().await;
    let program = program(&world, "ida").await;
    fill(&world, 3).await;
    let (all, next) = shapes(&program, "").await;
    assert_eq!(
        (all, next),
        (
            ["kind ab", "kind ac", "kind ad"]
                .map(str::to_owned)
                .to_vec(),
            Value::Null
        )
    );
    let (first, next) = shapes(&program, "limit=2&order=oldest").await;
    assert_eq!(first, ["kind ad", "kind ac"]);
    let next = next.as_str().unwrap().to_owned();
    let (last, end) = shapes(&program, &format!("limit=2&order=oldest&cursor={next}")).await;
    assert_eq!((last, end), (vec!["kind ab".to_owned()], Value::Null));
    for (query, field) in [
        ("state=x", "state"),
        ("order=x", "order"),
        ("cursor=x", "cursor"),
    ] {
        let path = format!("/api/v1/unknown-answers?{query}");
        let (name, status, document) = program.refused(Method::GET, &path, None).await;
        assert_eq!((name.as_str(), status), ("validation", 422), "{query}");
        assert_eq!(document["errors"][0]["field"], field);
    }

    let id = AnswerPoolId::of(Permanence::Temporary, "kind ac");
    let place = format!("/api/v1/unknown-answers/{id}");
    let naming = format!("{place}/name");
    let wrong = json!({ "reason": "delivered" });
    let (name, status, document) = program.refused(Method::PUT, &naming, Some(&wrong)).await;
    assert_eq!((name.as_str(), status), ("validation", 422));
    assert_eq!(document["errors"][0]["field"], "reason");
    let full = json!({ "reason": "mailbox_full" });
    let answer = program.ask(Method::PUT, &naming, None, Some(&full)).await;
    assert_eq!(answer.status, StatusCode::OK, "{}", answer.body);
    let found = program.get(&place).await;
    assert_eq!(found["named"]["reason"], "mailbox_full");
    assert_eq!(found["named"]["by"], world.user("ida").to_string());
    assert_eq!(
        (&found["count"], &found["permanence"]),
        (&json!(2), &json!("temporary"))
    );
    assert_eq!(
        (&found["reply_code"], &found["example"]),
        (&Value::Null, &Value::Null)
    );
    assert_eq!(shapes(&program, "state=named").await.0, ["kind ac"]);
    assert_eq!(
        shapes(&program, "state=unnamed").await.0,
        ["kind ab", "kind ad"]
    );

    let (name, status, _) = program.refused(Method::DELETE, &place, None).await;
    assert_eq!((name.as_str(), status), ("named", 409));
    for path in [&naming, &place] {
        let answer = program.ask(Method::DELETE, path, None, None).await;
        assert_eq!(
            answer.status,
            StatusCode::NO_CONTENT,
            "{path}: {}",
            answer.body
        );
    }
    for (method, path, body) in [
        (Method::GET, &place, None),
        (Method::DELETE, &place, None),
        (Method::PUT, &naming, Some(&full)),
        (Method::DELETE, &naming, None),
    ] {
        let (name, status, _) = program.refused(method, path, body).await;
        assert_eq!((name.as_str(), status), ("not-found", 404), "{path}");
    }
    assert!(check(world.repo.store()).unwrap().is_sound());
}

#[tokio::test]
async fn receipts_that_belong_to_no_text_are_listed_once_each() {
    let world = world().await;
    let browser = world.browser("ida").await;
    let page = browser.get(HERE).await;
    assert!(!page.body.contains("Receipts that belong to no text"));
    let receipt = Receipt {
        remote_id: String::new(),
        delivered: false,
        is_final: true,
        verdict: Verdict::failure(Reason::UserUnknown, Permanence::Permanent)
            .with_diagnostic("stat:UNDELIV err:001"),
    };
    let ids = ["main/1f".to_owned(), "main/31".to_owned()];
    let recorded = world.tracker.record_receipt_of(&ids, receipt).await;
    recorded.unwrap();
    let page = browser.get(HERE).await;
    page.assert_has(&[
        "Receipts that belong to no text",
        "main/1f",
        "stat:UNDELIV err:001",
    ]);
    assert!(!page.body.contains("main/31"), "it is the same one");
}
