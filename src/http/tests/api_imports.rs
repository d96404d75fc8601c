//! Contacts from files and to files, by a program.

use axum::http::{Method, StatusCode, header};
use serde_json::{Value, json};

use super::api::{Program, problem, program};
use super::api_sending::upload;
use super::imports::{LIST, by_name, people, sound, work};
use super::world::{World, world};
use crate::contacts_file;

const IMPORTS: &str = "/api/v1/imports";

/// Brings a file; where it is read.
async fn brought(program: &Program<'_>, bytes: &[u8]) -> String {
    let path = format!("{IMPORTS}?name=C%3A%5Clists%5CList.csv");
    let answer = upload(program, &path, None, bytes.to_vec()).await;
    assert_eq!(answer.status, StatusCode::CREATED, "{}", answer.body);
    answer.location().to_owned()
}

async fn step(program: &Program<'_>, path: &str, step: &str, body: Option<&Value>) {
    let path = format!("{path}/{step}");
    let answer = program.ask(Method::POST, &path, None, body).await;
    assert_eq!(answer.status, StatusCode::NO_CONTENT, "{}", answer.body);
    work(program.world).await;
}

/// All findings, two at a time.
async fn findings(program: &Program<'_>, path: &str, query: &str) -> Vec<Value> {
    let mut all = Vec::new();
    let first = format!("{path}/findings?limit=2{query}");
    let mut next = first.clone();
    loop {
        let page = program.get(&next).await;
        all.extend(page["items"].as_array().unwrap().iter().cloned());
        match page["next"].as_str() {
            Some(cursor) => next = format!("{first}&cursor={cursor}"),
            None => return all,
        }
    }
}

/// The columns as they were guessed, with the seventh as a field of its own.
fn columns(import: &Value) -> Vec<Value> {
    let guessed = import["mapping"]["columns"].as_array().unwrap().iter();
    let mut columns: Vec<Value> = guessed.map(|one| json!({"means": one["means"]})).collect();
    columns[6] = json!({"means": "field", "field": "Flat"});
    columns
}

#[tokio::test]
async fn a_file_keeps_its_turn_until_it_is_brought_though_nobody_waits_for_it() {
    let world = world().await;
    let program = program(&world, "otto").await;
    let free = || world.app.uploads.available_permits();
    let all = free();
    let path = format!("{IMPORTS}?name=List.csv");
    tokio::select! {
        biased;
        answer = upload(&program, &path, Some("one"), LIST.into()) => panic!("{}", answer.body),
        // It goes away once it has sent all of it.
        () = std::future::ready(()) => {}
    }
    assert_eq!(free(), all - 1);
    while world.repo.imports(None, 9).unwrap().rows.is_empty() {
        tokio::task::yield_now().await;
    }
    tokio::task::yield_now().await;
    assert_eq!(free(), all);
}

#[tokio::test]
async fn a_file_is_looked_at_read_in_and_taken_back() {
    let world = world().await;
    let program = program(&world, "otto").await;
    let before = people(&world).len();
    let path = brought(&program, LIST.as_bytes()).await;
    let import = program.get(&path).await;
    assert_eq!(import["state"], "uploaded");
    assert_eq!(import["file_name"], "List.csv");
    assert_eq!(import["read_as"], "CSV, UTF-8, “;”");
    assert_eq!(import["rows"], 5);
    assert_eq!(import["mapping"]["header"], true);
    let seen = program.get(&format!("{path}/columns")).await;
    let means: Vec<&str> = seen
        .as_array()
        .unwrap()
        .iter()
        .map(|one| one["means"].as_str().unwrap())
        .collect();
    assert_eq!(
        means[..6],
        [
            "first_name",
            "last_name",
            "email",
            "mobile",
            "area",
            "groups"
        ]
    );
    assert_eq!(means[7], "consent");
    assert_eq!(seen[6]["title"], "Flat");
    assert_eq!(seen[6]["letter"], "G");
    assert_eq!(seen[6]["examples"], json!(["7b"]));
    let early = format!("{path}/start");
    let (name, status, _) = program.refused(Method::POST, &early, None).await;
    assert_eq!((name.as_str(), status), ("import-state", 409));

    let said = json!({"columns": columns(&import), "make_places": true});
    step(&program, &path, "check", Some(&said)).await;
    let import = program.get(&path).await;
    assert_eq!(import["state"], "checked");
    let totals = &import["checked"];
    assert_eq!(
        (&totals["added"], &totals["bad"]),
        (&json!(2), &json!(2)),
        "{totals}"
    );
    assert_eq!(
        (&totals["areas"], &totals["groups"]),
        (&json!(3), &json!(1))
    );
    let found = findings(&program, &path, "").await;
    assert_eq!(json!(found.len()), import["findings"]);
    let bad = found.iter().find(|one| one["row"] == 3).unwrap();
    assert_eq!((&bad["column"], &bad["bad"]), (&json!("C"), &json!(true)));
    assert_eq!(bad["value"], "xan at example");
    let twice = found.iter().find(|one| one["row"] == 5).unwrap();
    assert_eq!(twice["why"], "The same person stands in row 2.");
    assert_eq!(people(&world).len(), before, "a dry run writes nobody");

    step(&program, &path, "start", None).await;
    let import = program.get(&path).await;
    assert_eq!(
        (&import["state"], &import["done"]["added"]),
        (&json!("done"), &json!(2))
    );
    assert_eq!(import["can_be_undone"], true);
    assert_eq!(people(&world).len(), before + 2);
    let zoe = by_name(&world, "Zoë").unwrap();
    assert_eq!(zoe.custom[0].name, "Flat");
    let read = program.get(&format!("/api/v1/contacts/{}", zoe.id)).await;
    assert_eq!(read["custom"], json!([{"name": "Flat", "value": "7b"}]));
    assert_eq!(read["consents"][0]["proof"], "import");
    assert_eq!(read["consents"][0]["by"], import["id"]);
    assert_eq!(findings(&program, &path, "&pass=check").await, found);
    sound(&world);

    step(&program, &path, "undo", None).await;
    let import = program.get(&path).await;
    assert_eq!(import["state"], "undone");
    assert_eq!(
        import["undone"],
        json!({"removed": 2, "restored": 0, "kept": 0})
    );
    assert_eq!(people(&world).len(), before);
    let late = format!("{path}/undo");
    assert_eq!(program.refused(Method::POST, &late, None).await.1, 409);
    let listed = program.get(IMPORTS).await;
    assert_eq!(listed["items"], json!([import]));
    sound(&world);
}

#[tokio::test]
async fn what_is_wrong_with_a_file_or_its_columns_is_named() {
    let world = world().await;
    let program = program(&world, "otto").await;
    for bytes in [&b"\x89PNG\r\n\x1a\n\0\0\0\x01\x02\x03"[..], b""] {
        let path = format!("{IMPORTS}?name=a.csv");
        let (name, status, _) = problem(&upload(&program, &path, None, bytes.to_vec()).await);
        assert_eq!((name.as_str(), status), ("unreadable-file", 422));
    }
    assert_eq!(program.get(IMPORTS).await["items"], json!([]));
    let path = brought(&program, LIST.as_bytes()).await;
    let good = columns(&program.get(&path).await);
    let with = |index: usize, column: Value| {
        let mut columns = good.clone();
        columns[index] = column;
        json!({"columns": columns})
    };
    let check = format!("{path}/check");
    for (body, field) in [
        (json!({"columns": []}), "columns"),
        (with(6, json!({"means": "shoe size"})), "columns[6].means"),
        (with(6, json!({"means": "field"})), "columns[6].field"),
        (with(1, json!({"means": "first_name"})), "columns[1].means"),
        (
            with(7, json!({"means": "consent", "channel": "fax"})),
            "columns[7].channel",
        ),
        (
            with(7, json!({"means": "consent", "category": "gossip"})),
            "columns[7].category",
        ),
        (
            json!({"columns": vec![json!({"means": "ignore"}); 8]}),
            "columns",
        ),
        (json!({"region": "ZZZ"}), "region"),
        (json!({"language": "elvish"}), "language"),
        (json!({"by_field": "Reference"}), "by_field"),
        (json!({"known": "forget"}), "known"),
        (json!({"kind": "hero"}), "kind"),
        (json!({"area": "0".repeat(32)}), "area"),
        (json!({"group": "0".repeat(32)}), "group"),
    ] {
        let (name, status, document) = program.refused(Method::POST, &check, Some(&body)).await;
        assert_eq!((name.as_str(), status), ("validation", 422), "{body}");
        assert_eq!(document["errors"][0]["field"], field, "{document}");
    }
    assert_eq!(program.get(&path).await["state"], "uploaded");
    let nonsense = format!("{path}/findings?cursor=00");
    assert_eq!(program.refused(Method::GET, &nonsense, None).await.1, 422);
    let none = format!("{IMPORTS}/{}", "0".repeat(32));
    assert_eq!(program.refused(Method::GET, &none, None).await.1, 404);
}

#[tokio::test]
async fn a_file_comes_once_and_is_stopped_and_forgotten() {
    let world = world().await;
    let program = program(&world, "otto").await;
    let place = format!("{IMPORTS}?name=List.csv");
    let first = upload(&program, &place, Some("list"), LIST.into()).await;
    let again = upload(&program, &place, Some("list"), LIST.into()).await;
    assert_eq!(first.status, StatusCode::CREATED, "{}", first.body);
    assert_eq!(first.body, again.body, "brought once");
    let path = first.location();
    let check = format!("{path}/check");
    let begun = program
        .ask(Method::POST, &check, None, Some(&json!({})))
        .await;
    assert_eq!(begun.status, StatusCode::NO_CONTENT, "{}", begun.body);
    let import = program.get(path).await;
    assert_eq!(
        (&import["state"], &import["percent"]),
        (&json!("checking"), &json!(0))
    );
    assert_eq!(program.refused(Method::DELETE, path, None).await.1, 409);
    step(&program, path, "cancel", None).await;
    assert_eq!(program.get(path).await["state"], "uploaded");
    let gone = program.ask(Method::DELETE, path, None, None).await;
    assert_eq!(gone.status, StatusCode::NO_CONTENT, "{}", gone.body);
    work(&world).await;
    let import = program.get(path).await;
    assert_eq!(
        (&import["state"], &import["kept_until"]),
        (&json!("cancelled"), &Value::Null)
    );
    let columns = format!("{path}/columns");
    assert_eq!(program.refused(Method::GET, &columns, None).await.1, 404);
    sound(&world);
}

fn count(world: &World, area: Option<crate::domain::AreaId>) -> usize {
    let all = people(world);
    all.iter()
        .filter(|one| area.is_none() || one.area == area)
        .count()
}

#[tokio::test]
async fn what_is_exported_is_imported_as_the_same() {
    let world = world().await;
    let program = program(&world, "otto").await;
    for (format, kind) in [
        ("csv", "text/csv; charset=utf-8"),
        ("csv&mark=true", "text/csv; charset=utf-8"),
        (
            "xlsx",
            "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet",
        ),
    ] {
        let file = program
            .fetch(&format!("/api/v1/contacts/export?format={format}"))
            .await;
        assert_eq!(file.status, StatusCode::OK);
        assert_eq!(file.headers.get(header::CONTENT_TYPE).unwrap(), kind);
        assert!(file.name().starts_with("contacts-20"), "{}", file.name());
        let path = brought(&program, &file.bytes).await;
        step(&program, &path, "check", Some(&json!({}))).await;
        let totals = program.get(&path).await["checked"].clone();
        assert_eq!(
            totals["unchanged"],
            count(&world, None),
            "{format}: {totals}"
        );
        assert_eq!((&totals["added"], &totals["bad"]), (&json!(0), &json!(0)));
    }
    let area = world.areas[0];
    let some = format!("/api/v1/contacts/export?format=csv&area={area}");
    let (table, _) = contacts_file::read(&program.fetch(&some).await.bytes).unwrap();
    assert_eq!(table.len(), count(&world, Some(area)) + 1);
    let pdf = "/api/v1/contacts/export?format=pdf";
    let (_, status, document) = program.refused(Method::GET, pdf, None).await;
    assert_eq!(status, 422);
    assert_eq!(document["errors"][0]["field"], "format");
}
