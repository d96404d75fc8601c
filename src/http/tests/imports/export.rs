//! Contacts to files.

use super::*;

async fn download(browser: &Browser<'_>, path: &str) -> Vec<u8> {
    let request = Request::get(path)
        .header(header::HOST, "tocsin.example.org")
        .header(header::COOKIE, &browser.cookie);
    let request = request.body(Body::empty()).unwrap();
    let response = browser.world.router.clone().oneshot(request).await.unwrap();
    assert_eq!(response.status(), StatusCode::OK);
    let name = response.headers().get(header::CONTENT_DISPOSITION).unwrap();
    assert!(name.to_str().unwrap().contains("filename=\"contacts-2026-"));
    to_bytes(response.into_body(), 16 * 1024 * 1024)
        .await
        .unwrap()
        .to_vec()
}

#[tokio::test]
async fn what_is_exported_is_imported_as_the_same() {
    let world = world().await;
    let browser = world.browser("ida").await;
    // Somebody with places, fields, decisions and a name that looks like a formula.
    let odd = "First name;Last name;Email;Area;Groups;Field: =Flat;Consent: email / general\n=HYPERLINK(1);\"Semi; \"\"colon\"\"\";odd@example.org;A / B;One | Two;'@x;no 2026-01-02\n";
    imported(&browser, odd.as_bytes(), &[("make_places", "1")]).await;
    let before = people(&world);
    assert!(
        before
            .iter()
            .any(|one| one.first_name.reveal() == "=HYPERLINK(1)")
    );
    browser
        .get("/contacts/export")
        .await
        .assert_has(&["Spreadsheet (XLSX)"]);
    for format in ["csv", "csv&mark=1", "xlsx"] {
        let file = download(&browser, &format!("/contacts/export/file?format={format}")).await;
        let (table, _) = contacts_file::read(&file).unwrap();
        assert_eq!(table.len(), before.len() + 1);
        if format == "csv" {
            let text = String::from_utf8(file.clone()).unwrap();
            assert!(text.contains(",'=HYPERLINK(1),"), "{text}");
        }
        let path = checked(&browser, &file, &[]).await;
        let id: ImportId = path.rsplit('/').next().unwrap().parse().unwrap();
        let job = world.repo.import(id).unwrap().unwrap();
        let totals = job.checked;
        assert_eq!(
            totals.unchanged as usize,
            before.len(),
            "{format}: {totals:?}"
        );
        assert_eq!(
            (totals.added, totals.updated, totals.bad),
            (0, 0, 0),
            "{format}"
        );
    }
    let filtered = format!("/contacts/export/file?format=csv&area={}", world.areas[0]);
    let (table, _) = contacts_file::read(&download(&browser, &filtered).await).unwrap();
    let inside = before
        .iter()
        .filter(|one| one.area == Some(world.areas[0]))
        .count();
    assert_eq!(table.len(), inside + 1);
    assert_eq!(
        browser.get("/contacts/export/file").await.status,
        StatusCode::BAD_REQUEST
    );
}

#[tokio::test]
async fn several_areas_are_exported_as_they_are_in_the_list() {
    let world = world().await;
    let browser = world.browser("ida").await;
    let area = |index: usize| format!("area={}", world.areas[index]);
    let both = format!("/contacts/export?{}&{}", area(0), area(1));
    let page = browser.get(&both).await;
    let areas = world.repo.areas().unwrap();
    let name = |index: usize| areas.get(world.areas[index]).unwrap().name.clone();
    page.assert_has(&[&format!("{}, {}", name(0), name(1))]);
    assert!(!page.body.contains("<select id=\"area\""), "{}", page.body);
    let one = browser.get(&format!("/contacts/export?{}", area(0))).await;
    one.assert_has(&["<select id=\"area\""]);
}

#[tokio::test]
async fn a_long_cell_comes_back_whole() {
    let world = world().await;
    let browser = world.browser("ida").await;
    let names: Vec<String> = (10..30).map(|n| format!("{n}{}", "g".repeat(58))).collect();
    let list = format!("Email,Groups\nada@many.example,{}\n", names.join(" | "));
    imported(&browser, list.as_bytes(), &[("make_places", "1")]).await;
    for format in ["csv", "xlsx"] {
        let file = download(&browser, &format!("/contacts/export/file?format={format}")).await;
        let (table, _) = contacts_file::read(&file).unwrap();
        let cells = (0..table.len()).flat_map(|row| (0..table.width()).map(move |at| (row, at)));
        let whole = |(row, at): (usize, usize)| {
            let text = table.cell(row, at).text;
            names.iter().all(|name| text.contains(name.as_str()))
        };
        assert!(cells.into_iter().any(whole), "{format}");
    }
}
