//! Whoever sees their own cases alone sees these, with their clients and creditors.

use axum::http::{Method, StatusCode};
use serde_json::json;

use super::super::api::program;
use super::super::correspondence::{Firm, case, firm};
use super::super::inbox::comes_in;
use crate::domain::{Actor, CaseCreditor, CaseId, CaseScope, Redacted, UserId};
use crate::tracker::CaseInput;

const REFERENCE: &str = "DC-2026-00001";

fn otto(firm: &Firm) -> UserId {
    let user = firm.world.repo.user_by_login("otto").unwrap();
    user.unwrap().id
}

/// Names Otto in a case.
async fn name_otto(firm: &Firm, id: CaseId) {
    let known = firm.world.repo.case(id).unwrap().unwrap();
    let input = CaseInput {
        reference: known.reference.clone(),
        title: known.title.clone(),
        client: known.client,
        creditors: known.creditors.clone(),
        responsible: None,
        team: vec![otto(firm)],
        restricted: false,
    };
    let tracker = &firm.world.tracker;
    let changed = tracker.change_case(id, None, &input, Actor::Gateway);
    changed.await.unwrap();
}

async fn limit(firm: &Firm, scope: CaseScope) {
    let world = &firm.world;
    world
        .change_user("otto", |user| user.case_scope = scope)
        .await;
}

/// Asks for each path with a browser or a token, and expects this answer.
async fn expect(firm: &Firm, paths: &[String], api: &[String], status: StatusCode) {
    let browser = firm.world.browser("otto").await;
    for path in paths {
        assert_eq!(browser.get(path).await.status, status, "{path}");
    }
    let program = super::super::api_sending::another(&firm.world, "otto", rand_seed()).await;
    for path in api {
        let answer = program.ask(Method::GET, path, None, None).await;
        assert_eq!(answer.status, status, "{path}: {}", answer.body);
    }
}

/// Another token each time.
fn rand_seed() -> u64 {
    use std::sync::atomic::{AtomicU64, Ordering};
    static NEXT: AtomicU64 = AtomicU64::new(1_000);
    NEXT.fetch_add(1, Ordering::Relaxed)
}

#[tokio::test]
async fn whoever_sees_their_own_cases_alone_sees_no_other_case_client_or_creditor() {
    let firm = firm().await;
    let pages = [
        format!("/cases/{}", firm.case),
        format!("/cases/{}/log", firm.case),
        format!("/contacts/{}", firm.client),
        format!("/contacts/{}/correspondence", firm.client),
        format!("/contacts/{}", firm.bank),
        format!("/letters/new?case={}", firm.case),
    ];
    let api = [
        format!("/api/v1/cases/{}", firm.case),
        format!("/api/v1/contacts/{}", firm.client),
        format!("/api/v1/contacts/{}/correspondence", firm.bank),
    ];
    expect(&firm, &pages, &api, StatusCode::OK).await;
    for scope in [CaseScope::None, CaseScope::Own] {
        limit(&firm, scope).await;
        expect(&firm, &pages, &api, StatusCode::NOT_FOUND).await;
    }
    let otto = firm.world.browser("otto").await;
    assert!(!otto.get("/cases").await.body.contains(REFERENCE));
    name_otto(&firm, firm.case).await;
    expect(&firm, &pages, &api, StatusCode::OK).await;
    otto.get("/cases").await.assert_has(&[REFERENCE]);
    // The other creditor stands in no case of his.
    let shop = [format!("/contacts/{}", firm.shop)];
    let shop_api = [format!("/api/v1/contacts/{}", firm.shop)];
    expect(&firm, &shop, &shop_api, StatusCode::NOT_FOUND).await;
    let list = otto.get("/contacts").await.body;
    assert!(list.contains(&firm.bank.to_string()) && !list.contains(&firm.shop.to_string()));
    for page in ["/contacts/import", "/contacts/duplicates"] {
        assert_eq!(otto.get(page).await.status, StatusCode::FORBIDDEN, "{page}");
    }
    limit(&firm, CaseScope::None).await;
    expect(&firm, &pages, &api, StatusCode::NOT_FOUND).await;
}

#[tokio::test]
async fn what_others_write_to_their_clients_is_not_theirs_to_find() {
    let firm = firm().await;
    let ida = firm.world.browser("ida").await;
    let about = ("case", firm.case.to_string());
    let letter = firm.letter(&ida, about, firm.bank, "Final balance").await;
    let address = letter.destination.lookup_key();
    comes_in(&firm.world, 1, |incoming| {
        incoming.contact = Some(firm.bank);
        incoming.from = address.clone();
        incoming.answers = Some(letter.id);
        incoming.subject = "Re: Final balance".into();
    })
    .await;
    let stop = tokio_util::sync::CancellationToken::new();
    firm.world.app.console.search.catch_up(&stop).await.unwrap();
    let thread = firm.world.repo.threads_of(firm.bank, 1).unwrap().remove(0);
    let single = [
        format!("/communications/{}", letter.communication),
        format!("/deliveries/{}", letter.id),
        format!("/inbox/{}", thread.id),
    ];
    let lists = [
        "/",
        "/communications",
        "/log",
        "/inbox",
        "/search?q=balance",
    ];
    limit(&firm, CaseScope::Own).await;
    let otto = firm.world.browser("otto").await;
    let program = program(&firm.world, "otto").await;
    for (named, status) in [(false, StatusCode::NOT_FOUND), (true, StatusCode::OK)] {
        if named {
            name_otto(&firm, firm.case).await;
        }
        expect(&firm, &single, &[], status).await;
        for path in lists {
            let page = otto.get(path).await;
            let told = page.body.replace("value=\"balance\"", "").to_lowercase();
            let tells = told.contains("final balance") || told.contains("<mark>balance");
            assert!(named || !tells, "{path} tells:\n{told}");
            assert!(!named || path != "/log" || tells, "{path}:\n{told}");
        }
        let found = program.get("/api/v1/search?q=balance").await;
        let count = found["items"].as_array().map_or(0, Vec::len);
        assert_eq!(count > 0, named, "{found}");
    }
}

#[tokio::test]
async fn nobody_opens_a_case_to_see_whom_they_do_not_see() {
    let firm = firm().await;
    limit(&firm, CaseScope::Own).await;
    let (otto, program) = (
        firm.world.browser("otto").await,
        program(&firm.world, "otto").await,
    );
    let fields = |creditor: String, reference: &str| {
        [
            ("reference", reference.to_owned()),
            ("client", firm.client.to_string()),
            ("creditor", creditor),
            ("account", "1".to_owned()),
        ]
    };
    let refused = otto
        .post("/cases", &fields(firm.bank.to_string(), "DC-1"))
        .await;
    assert_eq!(refused.status, StatusCode::UNPROCESSABLE_ENTITY);
    refused.assert_has(&["This is no client."]);
    name_otto(&firm, firm.case).await;
    let refused = otto
        .post("/cases", &fields(firm.shop.to_string(), "DC-1"))
        .await;
    refused.assert_has(&["This is no creditor."]);
    let asked = json!({
        "reference": "DC-1",
        "client": firm.client.to_string(),
        "creditors": [{ "contact": firm.shop.to_string(), "account": "1" }],
    });
    let problem = program
        .refused(Method::POST, "/api/v1/cases", Some(&asked))
        .await;
    assert_eq!((problem.0.as_str(), problem.1), ("validation", 422));
    let known = format!("/api/v1/cases/{}", firm.case);
    let problem = program.refused(Method::PUT, &known, Some(&asked)).await;
    assert_eq!(problem.1, 422, "{problem:?}");
    let opened = otto
        .post("/cases", &fields(firm.bank.to_string(), "DC-1"))
        .await;
    let path = opened.location().replace("?done=saved", "");
    assert_eq!(otto.get(&path).await.status, StatusCode::OK, "names him");
}

#[tokio::test]
async fn a_merged_creditor_stays_theirs_to_see() {
    let firm = firm().await;
    limit(&firm, CaseScope::Own).await;
    name_otto(&firm, firm.case).await;
    let case = case(&firm.world, "DC-2", firm.client, firm.shop, false).await;
    let page = [format!("/contacts/{}", firm.shop)];
    expect(&firm, &page, &[], StatusCode::NOT_FOUND).await;
    let input = CaseInput {
        reference: "DC-2".into(),
        title: String::new(),
        client: firm.client,
        creditors: vec![CaseCreditor {
            contact: firm.shop,
            account: Redacted::new(String::new()),
        }],
        responsible: Some(otto(&firm)),
        team: Vec::new(),
        restricted: true,
    };
    let tracker = &firm.world.tracker;
    let changed = tracker.change_case(case, None, &input, Actor::Gateway);
    changed.await.unwrap();
    expect(&firm, &page, &[], StatusCode::OK).await;
}

#[tokio::test]
async fn administrators_set_which_cases_a_user_sees() {
    let firm = firm().await;
    let world = &firm.world;
    let path = format!("/users/{}", otto(&firm));
    let fields = |cases: &str| {
        [
            ("name", "Otto Bell".to_owned()),
            ("role", "operator".to_owned()),
            ("cases", cases.to_owned()),
        ]
    };
    let scope = || {
        let user = world.repo.user_by_login("otto").unwrap();
        user.unwrap().case_scope
    };
    let ida = world.browser("ida").await;
    ida.get(&path).await.assert_has(&["Own cases"]);
    let saved = ida.post(&path, &fields("own")).await;
    assert_eq!(saved.location(), format!("{path}?done=user_changed"));
    assert_eq!(scope(), CaseScope::Own);
    let wrong = ida.post(&path, &fields("some")).await;
    assert_eq!(wrong.status, StatusCode::UNPROCESSABLE_ENTITY);
    wrong.assert_has(&["Choose one of the list."]);
    ida.get("/users").await.assert_has(&["Own cases"]);
    let refused = world
        .browser("otto")
        .await
        .post(&path, &fields("all"))
        .await;
    assert_eq!(refused.status, StatusCode::FORBIDDEN);
    let address = format!("/api/v1{path}");
    let all = json!({ "cases": "all" });
    let by_otto = super::super::api_sending::another(world, "otto", 1).await;
    let refused = by_otto.refused(Method::PATCH, &address, Some(&all)).await;
    assert_eq!(refused.1, 403);
    assert_eq!(scope(), CaseScope::Own);
    let by_ida = super::super::api_sending::another(world, "ida", 2).await;
    assert_eq!(by_ida.get(&address).await["cases"], "own");
    let answer = by_ida.ask(Method::PATCH, &address, None, Some(&all)).await;
    assert_eq!(answer.status, StatusCode::NO_CONTENT, "{}", answer.body);
    assert_eq!(scope(), CaseScope::All);
    let some = json!({ "cases": "some" });
    let wrong = by_ida.refused(Method::PATCH, &address, Some(&some)).await;
    assert_eq!(wrong.1, 422);
    world
        .change_user("ida", |user| user.language = Some("fr".to_owned()))
        .await;
    let page = ida.get(&path).await;
    super::super::languages::assert_french(&page);
    page.assert_has(&["Ses dossiers"]);
}
