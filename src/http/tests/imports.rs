//! Contacts from files and to files, in the console.

mod export;
mod known;

use std::time::Duration;

use axum::body::{Body, to_bytes};
use axum::http::{Request, StatusCode, header};
use tower::ServiceExt;

use super::world::{Answer, Browser, World, world};
use crate::contacts_file;
use crate::domain::import::IMPORT_KEPT_DAYS;
use crate::domain::{Contact, ImportId, ImportState, Lane, MethodState};
use crate::store::check::check;
use crate::tracker::ImportStep;

pub(super) const LIST: &str = "First name;Last name;E-mail;Mobile;Area;Groups;Flat;Consent\r\n\
Zoë;Quill;zoe@example.org;07400 123456;County / West / Beat 9;Wardens;7b;yes 2026-01-02\r\n\
Xan;<b>Bold</b>;xan at example;07400 123457;;;;\r\n\
Yves;Moss;yves@hotmial.com;;;Wardens;;no\r\n\
Zoe;QUILL;zoe@example.org;;;;;\r\n";

/// A file as a browser sends it.
async fn send_file(browser: &Browser<'_>, parts: &[(&str, Option<&str>, &[u8])]) -> Answer {
    let mut body = Vec::new();
    for (name, file, content) in parts {
        let file = file.map_or_else(String::new, |file| format!("; filename=\"{file}\""));
        let head =
            format!("--bell\r\nContent-Disposition: form-data; name=\"{name}\"{file}\r\n\r\n");
        body.extend_from_slice(head.as_bytes());
        body.extend_from_slice(content);
        body.extend_from_slice(b"\r\n");
    }
    body.extend_from_slice(b"--bell--\r\n");
    let request = Request::post("/contacts/import")
        .header(header::HOST, "tocsin.example.org")
        .header(header::ORIGIN, "https://tocsin.example.org")
        .header(header::COOKIE, &browser.cookie)
        .header(header::CONTENT_TYPE, "multipart/form-data; boundary=bell")
        .body(Body::from(body))
        .unwrap();
    browser.world.send(request).await
}

/// Brings a file; the address of its import.
async fn bring(browser: &Browser<'_>, name: &str, content: &[u8]) -> String {
    let csrf = browser.csrf.clone();
    let parts: [(&str, Option<&str>, &[u8]); 2] = [
        ("csrf", None, csrf.as_bytes()),
        ("file", Some(name), content),
    ];
    let answer = send_file(browser, &parts).await;
    assert_eq!(answer.status, StatusCode::SEE_OTHER, "{}", answer.body);
    let path = answer.location().strip_suffix("/columns").unwrap();
    path.to_owned()
}

/// The form of the columns as the page offers it.
fn offered(page: &Answer) -> Vec<(String, String)> {
    let mut fields = Vec::new();
    for part in page.body.split("<select ").skip(1) {
        let name = part
            .split("name=\"")
            .nth(1)
            .unwrap()
            .split('"')
            .next()
            .unwrap();
        let list = part.split("</select>").next().unwrap();
        let chosen = list.split("<option value=\"").skip(1);
        let chosen = chosen.filter(|one| one.split('>').next().unwrap().contains(" selected"));
        let value = chosen
            .last()
            .map_or("", |one| one.split('"').next().unwrap());
        fields.push((name.to_owned(), value.to_owned()));
    }
    for part in page.body.split("<input type=\"").skip(1) {
        let tag = part.split('>').next().unwrap();
        let value_of = |key: &str| {
            let start = format!("{key}=\"");
            tag.split(&start)
                .nth(1)
                .map(|rest| rest.split('"').next().unwrap().to_owned())
        };
        let ticked = tag.starts_with("text") || tag.ends_with(" checked");
        if let (Some(name), Some(value), true) = (value_of("name"), value_of("value"), ticked) {
            fields.push((name, value));
        }
    }
    fields
}

fn set(fields: &mut Vec<(String, String)>, name: &str, value: &str) {
    fields.retain(|(known, _)| known != name);
    fields.push((name.to_owned(), value.to_owned()));
}

async fn post(browser: &Browser<'_>, path: &str, fields: &[(String, String)]) -> Answer {
    let fields: Vec<(&str, String)> = fields
        .iter()
        .map(|(k, v)| (k.as_str(), v.clone()))
        .collect();
    browser.post(path, &fields).await
}

/// Does what the gateway does by itself.
pub(super) async fn work(world: &World) {
    let now = world.now();
    let store = world.repo.store();
    let claims = store.claim_due(Lane::Import as u8, now, Duration::from_secs(60), 10);
    for claim in claims.unwrap() {
        let mut work = world
            .tracker
            .open_import(ImportId::from_bytes(claim.id))
            .unwrap()
            .unwrap();
        loop {
            let (back, step) = world.tracker.step_import(work).await.unwrap();
            work = back;
            if step == ImportStep::Done {
                break;
            }
        }
        store.release(&claim);
    }
}

pub(super) fn people(world: &World) -> Vec<Contact> {
    let page = world.repo.contacts_by_name("", None, 1_000).unwrap();
    page.rows.into_iter().map(|contact| contact.value).collect()
}

pub(super) fn by_name(world: &World, first: &str) -> Option<Contact> {
    people(world)
        .into_iter()
        .find(|one| one.first_name.reveal() == first)
}

#[track_caller]
pub(super) fn sound(world: &World) {
    let report = check(world.repo.store()).unwrap();
    assert!(report.is_sound(), "{:?}", report.problems);
}

/// Brings a file and takes it as it is offered, with these changes.
async fn checked(browser: &Browser<'_>, content: &[u8], changes: &[(&str, &str)]) -> String {
    let path = bring(browser, "List.csv", content).await;
    let columns = browser.get(&format!("{path}/columns")).await;
    let mut fields = offered(&columns);
    for (name, value) in changes {
        set(&mut fields, name, value);
    }
    let answer = post(browser, &format!("{path}/columns"), &fields).await;
    assert_eq!(answer.location(), path, "{}", answer.body);
    work(browser.world).await;
    path
}

async fn imported(browser: &Browser<'_>, content: &[u8], changes: &[(&str, &str)]) -> String {
    let path = checked(browser, content, changes).await;
    let started = browser.post(&format!("{path}/start"), &[]).await;
    assert_eq!(started.location(), path);
    work(browser.world).await;
    path
}

#[tokio::test]
async fn a_file_is_looked_at_read_in_and_taken_back() {
    let world = world().await;
    let browser = world.browser("ida").await;
    let before = people(&world).len();
    browser
        .get("/contacts")
        .await
        .assert_has(&["href=\"/contacts/import\"", "href=\"/contacts/export"]);
    browser
        .get("/contacts/import")
        .await
        .assert_has(&["Nothing has been imported yet"]);

    let path = bring(&browser, "C:\\lists\\List.csv", LIST.as_bytes()).await;
    let columns = browser.get(&format!("{path}/columns")).await;
    columns.assert_has(&[
        "List.csv",
        "CSV, UTF-8, “;”",
        "&#60;b&#62;Bold",
        "<option value=\"email\" selected>Email address</option>",
        "<option value=\"consent:all:\" selected>",
    ]);
    let mut fields = offered(&columns);
    set(&mut fields, "use-6", "field");
    set(&mut fields, "make_places", "1");
    let answer = post(&browser, &format!("{path}/columns"), &fields).await;
    assert_eq!(answer.location(), path);
    browser
        .get(&path)
        .await
        .assert_has(&["Being checked", "<progress", "Stop</button>"]);
    work(&world).await;

    let page = browser.get(&path).await;
    page.assert_has(
        &[
            "Import 2 people",
            "xan at example",
            "B</th>",
            "The same person stands in row 2.",
            "Did you mean hotmail.com?",
            "Areas made: 3. Groups made: 1.",
        ]
        .map(|part| {
            if part == "B</th>" {
                "C (Email address)"
            } else {
                part
            }
        }),
    );
    assert_eq!(people(&world).len(), before, "a dry run writes nobody");
    assert_eq!(world.repo.groups(10).unwrap().len(), 0);
    let findings = browser.get(&format!("{path}/findings.csv")).await;
    assert_eq!(
        findings.headers.get(header::CONTENT_TYPE).unwrap(),
        "text/csv; charset=utf-8"
    );
    findings.assert_has(&[
        "\u{feff}Row,Column,",
        "3,C (Email address),xan at example,Bad,",
    ]);

    let started = browser.post(&format!("{path}/start"), &[]).await;
    assert_eq!(started.location(), path);
    let again = browser.post(&format!("{path}/start"), &[]).await;
    assert_eq!(again.location(), format!("{path}?done=before"));
    work(&world).await;
    browser
        .get(&path)
        .await
        .assert_has(&["Imported", "Take it back"]);
    browser
        .get("/contacts/import")
        .await
        .assert_has(&["2 new, 0 updated", "Ida Bell"]);
    let zoe = by_name(&world, "Zoë").unwrap();
    assert_eq!(zoe.methods.len(), 2);
    assert!(
        zoe.methods
            .iter()
            .all(|one| one.state == MethodState::Unverified)
    );
    assert_eq!(
        (
            zoe.custom[0].name.as_str(),
            zoe.custom[0].value.reveal().as_str()
        ),
        ("Flat", "7b")
    );
    let tree = world.repo.areas().unwrap();
    let names: Vec<&str> = tree
        .path(zoe.area.unwrap())
        .iter()
        .map(|area| area.name.as_str())
        .collect();
    assert_eq!(names, ["County", "West", "Beat 9"]);
    assert!(
        !by_name(&world, "Yves")
            .unwrap()
            .wishes
            .allow(crate::domain::Channel::Email, "any")
    );
    assert_eq!(people(&world).len(), before + 2);
    sound(&world);

    let ask = browser.get(&format!("{path}/undo")).await;
    ask.assert_has(&[
        "2 people who were added are removed.",
        "This cannot be undone",
    ]);
    let undone = browser.post(&format!("{path}/undo"), &[]).await;
    assert_eq!(undone.location(), path);
    work(&world).await;
    browser
        .get(&path)
        .await
        .assert_has(&["Taken back", "Removed"]);
    assert_eq!(people(&world).len(), before);
    sound(&world);
    let late = browser.post(&format!("{path}/undo"), &[]).await;
    assert_eq!(late.location(), format!("{path}?done=import_over"));
}

#[tokio::test]
async fn wrong_files_and_forms_are_explained() {
    let world = world().await;
    let browser = world.browser("otto").await;
    let csrf = browser.csrf.clone();
    let csrf = ("csrf", None, csrf.as_bytes());
    let nothing = send_file(&browser, &[csrf, ("file", Some(""), b"")]).await;
    assert_eq!(nothing.status, StatusCode::UNPROCESSABLE_ENTITY);
    nothing.assert_has(&["Choose a file first.", "id=\"file-problem\""]);
    let picture = send_file(
        &browser,
        &[
            csrf,
            (
                "file",
                Some("a.png"),
                b"\x89PNG\r\n\x1a\n\0\0\0\x01\x02\x03",
            ),
        ],
    )
    .await;
    assert_eq!(picture.status, StatusCode::UNPROCESSABLE_ENTITY);
    picture.assert_has(&["neither a CSV file nor a spreadsheet"]);
    let forged = send_file(&browser, &[("file", Some("a.csv"), b"a,b\n"), csrf]).await;
    assert_eq!(forged.status, StatusCode::FORBIDDEN);
    let other = send_file(
        &browser,
        &[("csrf", None, b"x"), ("file", Some("a.csv"), b"a,b\n")],
    )
    .await;
    assert_eq!(other.status, StatusCode::FORBIDDEN);
    let plain = browser.post("/contacts/import", &[]).await;
    assert!(plain.status.is_client_error());

    let path = bring(&browser, "List.csv", b"Thing,Other\nx,y\n").await;
    let columns = browser.get(&format!("{path}/columns")).await;
    let mut fields = offered(&columns);
    set(&mut fields, "region", "ZZZ");
    set(&mut fields, "language", "elvish");
    set(&mut fields, "by_field", "Reference");
    let answer = post(&browser, &format!("{path}/columns"), &fields).await;
    assert_eq!(answer.status, StatusCode::UNPROCESSABLE_ENTITY);
    answer.assert_has(&[
        "href=\"#use-0\"",
        "href=\"#region\"",
        "href=\"#language\"",
        "href=\"#by_field\"",
        "value=\"elvish\"",
    ]);
    set(&mut fields, "use-0", "first_name");
    set(&mut fields, "use-1", "first_name");
    let answer = post(&browser, &format!("{path}/columns"), &fields).await;
    answer.assert_has(&["Another column means this already.", "href=\"#use-1\""]);
    assert_eq!(
        browser
            .get("/contacts/imports/00000000000000000000000000000000")
            .await
            .status,
        StatusCode::NOT_FOUND
    );
}

#[tokio::test]
async fn what_is_not_wanted_any_more_is_stopped_and_forgotten() {
    let world = world().await;
    let browser = world.browser("ida").await;
    let path = bring(&browser, "List.csv", LIST.as_bytes()).await;
    let fields = offered(&browser.get(&format!("{path}/columns")).await);
    post(&browser, &format!("{path}/columns"), &fields).await;
    let stopped = browser.post(&format!("{path}/cancel"), &[]).await;
    assert_eq!(stopped.location(), format!("{path}?done=import_stopped"));
    assert_eq!(
        browser.get(&path).await.location(),
        format!("{path}/columns")
    );
    work(&world).await;
    let gone = browser.post(&format!("{path}/discard"), &[]).await;
    assert_eq!(gone.location(), "/contacts/import?done=import_discarded");
    work(&world).await;
    let id: ImportId = path.rsplit('/').next().unwrap().parse().unwrap();
    let job = world.repo.import(id).unwrap().unwrap();
    assert_eq!(
        (job.file, job.due, job.state),
        (None, None, ImportState::Cancelled)
    );

    let kept = imported(&browser, LIST.as_bytes(), &[]).await;
    world
        .clock
        .advance(Duration::from_secs(IMPORT_KEPT_DAYS * 24 * 3600 + 1));
    let browser = world.browser("ida").await;
    work(&world).await;
    let id: ImportId = kept.rsplit('/').next().unwrap().parse().unwrap();
    let job = world.repo.import(id).unwrap().unwrap();
    assert_eq!((job.file, job.due), (None, None));
    assert!(world.repo.import_leftovers(id, 10).unwrap().is_empty());
    browser
        .get(&kept)
        .await
        .assert_has(&["only the numbers are kept"]);
    assert_eq!(
        browser.get(&format!("{kept}/undo")).await.location(),
        kept,
        "too late"
    );
    sound(&world);
}

#[tokio::test]
async fn files_take_their_turn() {
    let world = world().await;
    let browser = world.browser("ida").await;
    let path = bring(&browser, "List.csv", LIST.as_bytes()).await;
    let columns = format!("{path}/columns");
    let all = u32::try_from(world.app.exports.available_permits()).unwrap();
    let downloads = world.app.exports.acquire_many(all).await.unwrap();
    assert_eq!(browser.get(&columns).await.status, StatusCode::OK);
    drop(downloads);
    let taken = world.app.glimpses.acquire().await.unwrap();
    // Neither a look nor what was entered is refused because another file is being read.
    let wrong = [("use-0", "ignore".to_owned())];
    let soon = std::time::Duration::from_millis(200);
    let mut looking = std::pin::pin!(browser.get(&columns));
    let mut entering = std::pin::pin!(browser.post(&columns, &wrong));
    assert!(tokio::time::timeout(soon, &mut looking).await.is_err());
    assert!(tokio::time::timeout(soon, &mut entering).await.is_err());
    drop(taken);
    assert_eq!(looking.await.status, StatusCode::OK);
    assert_eq!(entering.await.status, StatusCode::UNPROCESSABLE_ENTITY);

    let all = u32::try_from(world.app.uploads.available_permits()).unwrap();
    let taken = world.app.uploads.acquire_many(all).await.unwrap();
    let waiting = bring(&browser, "List.csv", LIST.as_bytes());
    assert!(tokio::time::timeout(soon, waiting).await.is_err());
    drop(taken);
    bring(&browser, "List.csv", LIST.as_bytes()).await;
}
