//! The table of routes: complete, and kept to.

use std::collections::{BTreeMap, BTreeSet};

use axum::body::Body;
use axum::http::{Method, Request, StatusCode, header};
use serde_json::Value;

use super::super::access::{Need, ROUTES, RouteRule, route};
use super::api::{Program, program};
use super::api_sending::another;
use super::world::{Browser, World, patient_world, post, world};
use crate::domain::{Permission, Permissions, Role};

const NOBODYS: &str = "00000000000000000000000000000001";
const API: &str = "/api/v1/";

fn rules() -> impl Iterator<Item = &'static RouteRule> {
    ROUTES.iter().copied().flatten()
}

/// An address of a route that leads to nothing in particular.
fn address(rule: &RouteRule) -> String {
    let part = |part: &'static str| match part {
        "{index}" => "0",
        "{name}" => "plan.pdf",
        _ if part.starts_with('{') => NOBODYS,
        _ => part,
    };
    let parts: Vec<&str> = rule.path.split('/').map(part).collect();
    parts.join("/")
}

/// What the router itself knows, by path: it tells only in its debug form.
fn registered(world: &World) -> BTreeMap<String, BTreeSet<String>> {
    let text = format!("{:?}", world.router);
    let text = text.split("fallback_router").next().unwrap();
    let mut methods = BTreeMap::new();
    let mut paths = BTreeMap::new();
    for piece in text.split("RouteId(").skip(1) {
        let (id, rest) = piece.split_once("): ").unwrap();
        if let Some(path) = rest.strip_prefix('"') {
            paths.insert(id.to_owned(), path.split('"').next().unwrap().to_owned());
        } else {
            let allowed = rest.rsplit("allow_header: Bytes(b\"").next().unwrap();
            let allowed = allowed.split('"').next().unwrap();
            let allowed = allowed.split(',').filter(|method| *method != "HEAD");
            methods.insert(id.to_owned(), allowed.map(str::to_owned).collect());
        }
    }
    let pairs = paths.into_iter();
    pairs
        .map(|(id, path)| (path, methods.remove(&id).unwrap()))
        .collect()
}

#[tokio::test]
async fn every_route_has_one_line_and_every_line_is_a_route() {
    let world = world().await;
    let mut lines: BTreeMap<String, BTreeSet<String>> = BTreeMap::new();
    for rule in rules() {
        let methods = lines.entry(rule.path.to_owned()).or_default();
        let first = methods.insert(rule.method.to_owned());
        assert!(first, "{} {} stands twice", rule.method, rule.path);
        let only_shows = [
            "/contacts/check",
            "/communications/count",
            "/communications/{id}/count",
            "/api/v1/templates/{id}/render",
        ];
        let changes = rule.method != "GET" && !only_shows.contains(&rule.path);
        assert!(!changes || !rule.act.is_empty(), "{rule:?} has no act");
    }
    let known = registered(&world);
    assert!(known.len() > 100, "{known:?}");
    assert_eq!(known, lines);
}

#[tokio::test]
async fn every_operation_that_is_described_has_its_line() {
    let world = world().await;
    let document = world.get("/api/v1/openapi.json").await;
    let document: Value = serde_json::from_str(&document.body).unwrap();
    let mut described = 0;
    for (path, operations) in document["paths"].as_object().unwrap() {
        for method in operations.as_object().unwrap().keys() {
            let method: Method = method.to_uppercase().parse().unwrap();
            assert!(route(&method, path).is_some(), "{method} {path}");
            described += 1;
        }
    }
    let of_api = rules().filter(|rule| rule.path.starts_with(API));
    assert_eq!(of_api.count(), described + 1, "and the document itself");
}

/// Who somebody is at the door of a route.
struct Visitor<'a> {
    who: String,
    may: Option<Permissions>,
    browser: Option<Browser<'a>>,
    program: Option<Program<'a>>,
}

impl Visitor<'_> {
    async fn ask(&self, world: &World, rule: &RouteRule) -> StatusCode {
        let path = address(rule);
        let (cookie, csrf) = self.browser.as_ref().map_or(("", ""), |browser| {
            (browser.cookie.as_str(), browser.csrf.as_str())
        });
        let token = self.program.as_ref().map_or("", |program| &program.token);
        let request = if rule.path.starts_with(API) || rule.method == "GET" {
            let mut request = Request::builder().method(rule.method).uri(&path);
            request = request
                .header(header::HOST, "tocsin.example.org")
                .header(header::COOKIE, cookie);
            if !token.is_empty() {
                request = request.header(header::AUTHORIZATION, format!("Bearer {token}"));
            }
            request.body(Body::empty()).unwrap()
        } else {
            post(&path, cookie, &[("csrf", csrf.to_owned())])
        };
        world.fetch(request).await.status
    }

    fn is_let_in(&self, rule: &RouteRule) -> bool {
        match rule.need {
            Need::Public => true,
            Need::Login => self.may.is_some(),
            Need::May(permission) | Need::Everywhere(permission) => {
                self.may.is_some_and(|may| may.has(permission))
            }
        }
    }

    /// Whether somebody is behind this kind of address at all.
    fn is_known(&self, rule: &RouteRule) -> bool {
        if rule.path.starts_with(API) {
            self.program.is_some()
        } else {
            self.browser.is_some()
        }
    }
}

/// What whoever is let in never gets from a route, and the others always do.
fn refusal(visitor: &Visitor<'_>, rule: &RouteRule) -> StatusCode {
    match (visitor.is_known(rule), rule.path.starts_with(API)) {
        (true, _) => StatusCode::FORBIDDEN,
        (false, true) => StatusCode::UNAUTHORIZED,
        (false, false) => StatusCode::SEE_OTHER,
    }
}

async fn walk(world: &World, visitor: &Visitor<'_>) {
    // The door itself and the metrics look for themselves; a logout would end the walk.
    let own = ["/login", "/logout", "/metrics"];
    for rule in rules().filter(|rule| !own.contains(&rule.path)) {
        let status = visitor.ask(world, rule).await;
        let refusal = refusal(visitor, rule);
        let line = format!("{}: {} {}: {status}", visitor.who, rule.method, rule.path);
        assert_ne!(status, StatusCode::METHOD_NOT_ALLOWED, "{line}");
        if visitor.is_let_in(rule) {
            assert_ne!(status, StatusCode::FORBIDDEN, "{line}");
            assert_ne!(status, StatusCode::UNAUTHORIZED, "{line}");
        } else {
            assert_eq!(status, refusal, "{line}");
        }
    }
}

#[tokio::test]
async fn nobody_is_let_in_but_where_the_table_says() {
    let world = patient_world().await;
    let nobody = Visitor {
        who: "nobody".to_owned(),
        may: None,
        browser: None,
        program: None,
    };
    walk(&world, &nobody).await;
}

#[tokio::test]
async fn staff_may_what_the_table_says_of_their_role() {
    let world = patient_world().await;
    let staff = Role::ALL.into_iter().filter(|role| role.is_staff());
    for (role, seed) in staff.zip(1..) {
        let login = format!("the-{}", role.as_str());
        world.add_somebody(&login, role).await;
        let visitor = Visitor {
            who: login.clone(),
            may: Some(role.permissions()),
            browser: Some(world.browser(&login).await),
            program: Some(another(&world, &login, seed).await),
        };
        walk(&world, &visitor).await;
    }
}

#[tokio::test]
async fn an_application_decides_on_no_approval_and_manages_nobody() {
    let world = patient_world().await;
    let visitor = Visitor {
        who: "app".to_owned(),
        may: Some(Role::Application.permissions()),
        browser: None,
        program: Some(program(&world, "app").await),
    };
    for rule in rules().filter(|rule| rule.path.starts_with(API)) {
        let status = visitor.ask(&world, rule).await;
        let refused = status == StatusCode::FORBIDDEN;
        let may = visitor.is_let_in(rule);
        assert_eq!(refused, !may, "{} {}: {status}", rule.method, rule.path);
    }
    assert!(!Role::Application.permissions().has(Permission::Approve));
}

/// The addresses that a page leads to, with the method that each is asked by.
fn offered(page: &str) -> Vec<(Method, String)> {
    let mut found = Vec::new();
    for (begin, method) in [
        ("href=\"/", Method::GET),
        ("<form method=\"post\" action=\"/", Method::POST),
        ("formaction=\"/", Method::POST),
    ] {
        for piece in page.split(begin).skip(1) {
            let rest = piece.split(['"', '?', '#']).next().unwrap();
            found.push((method.clone(), format!("/{}", rest.replace("&amp;", "&"))));
        }
    }
    found
}

/// The line that an address falls under: literal parts go before placeholders.
fn line_of(method: &Method, address: &str) -> Option<&'static RouteRule> {
    let parts: Vec<&str> = address.split('/').collect();
    let fits = |rule: &&RouteRule| {
        let pattern: Vec<&str> = rule.path.split('/').collect();
        let mut pairs = pattern.iter().zip(&parts);
        pattern.len() == parts.len()
            && pairs.all(|(pattern, part)| pattern.starts_with('{') || pattern == part)
    };
    let of_method = rules().filter(|rule| rule.method == method.as_str());
    of_method
        .filter(fits)
        .min_by_key(|rule| rule.path.matches('{').count())
}

#[tokio::test]
async fn a_page_offers_nothing_that_would_be_refused() {
    let world = patient_world().await;
    let ida = world.browser("ida").await;
    let draft = super::compose::saved(&ida).await;
    let sent = super::compose::saved(&ida).await;
    ida.post(&format!("{sent}/send"), &[]).await;
    world.expand().await;
    world.bounce(&super::issues::email_of(&world)).await;
    let group = ida.post("/groups", &[("name", "Wardens".to_owned())]).await;
    assert_eq!(group.status, StatusCode::SEE_OTHER, "{}", group.body);
    ida.post(
        "/recipients/add",
        &[("contact", world.contacts[0].to_string())],
    )
    .await;
    for role in [Role::Viewer, Role::Auditor, Role::Operator] {
        let login = format!("the-{}", role.as_str());
        world.add_somebody(&login, role).await;
        let browser = world.browser(&login).await;
        let seen = crawl(&browser, role.permissions(), &[&draft, &sent]).await;
        assert!(seen > 20, "{login} saw {seen} pages");
    }
}

/// Follows every link from page to page; how many pages there were.
async fn crawl(browser: &Browser<'_>, may: Permissions, more: &[&str]) -> usize {
    let mut waiting = vec!["/".to_owned(), "/me".to_owned()];
    waiting.extend(more.iter().map(|path| format!("{path}/review")));
    let mut seen: BTreeSet<String> = waiting.iter().cloned().collect();
    let mut wrong = BTreeSet::new();
    let mut kinds: BTreeMap<&str, usize> = BTreeMap::new();
    while let Some(path) = waiting.pop() {
        let page = browser.get(&path).await;
        for (method, to) in offered(&page.body) {
            let line = line_of(&method, &to);
            let line = line.unwrap_or_else(|| panic!("{path} leads to {method} {to}"));
            if let Need::May(permission) | Need::Everywhere(permission) = line.need
                && !may.has(permission)
            {
                wrong.insert(format!(
                    "{} offers {} {}",
                    line_of(&Method::GET, &path).map_or("", |line| line.path),
                    line.method,
                    line.path
                ));
            }
            // A few of each kind say what all of them say.
            let kind = kinds.entry(line.path).or_default();
            let file = to.contains('.') || to.ends_with("/file") || to.ends_with("/export");
            if method == Method::GET && !file && *kind < 6 && seen.insert(to.clone()) {
                *kind += 1;
                waiting.push(to);
            }
        }
    }
    assert!(wrong.is_empty(), "to {may:?}: {wrong:#?}");
    seen.len()
}
