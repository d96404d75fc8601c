//! Lists of correspondence and finds as files.

use axum::http::{Method, StatusCode, header};
use calamine::{Reader, Xlsx};

use super::super::api::program;
use super::{Firm, case, firm};

/// What a file says, cell by cell, without its first row and the times.
fn rows_of_csv(bytes: &[u8]) -> Vec<Vec<String>> {
    let text = bytes.strip_prefix("\u{feff}".as_bytes()).unwrap();
    let mut reader = csv::Reader::from_reader(text);
    assert_eq!(
        reader.headers().unwrap().iter().collect::<Vec<_>>(),
        [
            "Date and time",
            "Type",
            "Direction",
            "To or from",
            "Address or number",
            "Subject or text",
            "Case",
            "Status",
            "Sent by"
        ]
    );
    let rows = reader.records().map(Result::unwrap);
    rows.map(|row| row.iter().skip(1).map(str::to_owned).collect())
        .collect()
}

/// A letter to the bank about the case, one to the client, and one of a restricted case.
async fn written() -> Firm {
    let firm = firm().await;
    let otto = firm.world.browser("otto").await;
    firm.case_letter(&otto, "=HYPERLINK(1)").await;
    let about = ("client", firm.client.to_string());
    firm.letter(&otto, about, firm.client, "Your portal is ready")
        .await;
    case(&firm.world, "DC-2026-00008", firm.client, firm.bank, true).await;
    firm
}

#[tokio::test]
async fn each_view_is_a_file_in_each_format_with_the_same_rows() {
    let firm = written().await;
    let otto = firm.world.browser("otto").await;
    let bank = firm.world.repo.contact(firm.bank).unwrap().unwrap();
    let address = bank.methods[0].destination.reveal().to_owned();
    let own = format!("/cases/{}/export", firm.case);
    let file = otto.fetch(&format!("{own}?format=csv")).await;
    assert_eq!(file.status, StatusCode::OK);
    assert_eq!(
        file.headers[header::CONTENT_TYPE],
        "text/csv; charset=utf-8"
    );
    let rows = rows_of_csv(&file.bytes);
    let name = bank.full_name();
    assert_eq!(
        rows,
        [[
            "Creditor Email",
            "Sent",
            &name,
            &address,
            "'=HYPERLINK(1)",
            "DC-2026-00001",
            "Queued",
            "Otto Bell"
        ]]
    );
    for (path, count) in [
        ("/correspondence/export".to_owned(), 2),
        (
            format!("/contacts/{}/correspondence/export", firm.client),
            2,
        ),
        (format!("/contacts/{}/correspondence/export", firm.bank), 1),
        (own, 1),
    ] {
        let get = async |format: &str| otto.fetch(&format!("{path}?format={format}")).await;
        let csv = get("csv").await;
        assert_eq!(rows_of_csv(&csv.bytes).len(), count, "{path}");
        let xlsx = get("xlsx").await;
        let mut book: Xlsx<_> = Xlsx::new(std::io::Cursor::new(xlsx.bytes)).unwrap();
        let sheet = book.worksheet_range_at(0).unwrap().unwrap();
        assert_eq!(sheet.rows().count(), count + 1, "{path}");
        let pdf = get("pdf").await;
        assert_eq!(pdf.headers[header::CONTENT_TYPE], "application/pdf");
        assert!(pdf.bytes.starts_with(b"%PDF"), "{path}");
        let narrow = otto
            .fetch(&format!("{path}?format=csv&recipient=client"))
            .await;
        let rows = rows_of_csv(&narrow.bytes);
        assert!(rows.iter().all(|row| row[0] == "Client Email"), "{path}");
        let none = otto
            .fetch(&format!("{path}?format=csv&status=failed"))
            .await;
        assert!(rows_of_csv(&none.bytes).is_empty(), "{path}");
        let page = otto.get(path.trim_end_matches("/export")).await;
        page.assert_has(&[&format!("{path}?format=pdf")]);
        for wrong in ["format=doc", "", "format=csv&when=custom&from=2026-13-01"] {
            let refused = otto.get(&format!("{path}?{wrong}")).await;
            assert_eq!(refused.status, StatusCode::BAD_REQUEST, "{path} {wrong}");
        }
    }
}

#[tokio::test]
async fn programs_take_files_and_those_who_may_not_take_none() {
    let firm = written().await;
    let ida = program(&firm.world, "ida").await;
    let path = format!("/api/v1/cases/{}/correspondence/export", firm.case);
    let file = ida.fetch(&format!("{path}?format=csv")).await;
    assert_eq!(rows_of_csv(&file.bytes).len(), 1);
    let refused = ida
        .refused(Method::GET, &format!("{path}?format=csv&bogus=1"), None)
        .await;
    assert_eq!(refused.1, 422);
    let secret = firm.world.repo.case_by_reference("DC-2026-00008");
    let secret = secret.unwrap().unwrap().id;
    let path = format!("/api/v1/cases/{secret}/correspondence/export?format=csv");
    assert_eq!(ida.refused(Method::GET, &path, None).await.1, 404);
    let all = ida.fetch("/api/v1/correspondence/export?format=pdf").await;
    assert_eq!(all.status, StatusCode::OK);
    let acts = ida.get("/api/v1/audit").await.to_string();
    let act = ["export", "correspondence"].join(".");
    assert!(acts.contains(&act), "{acts}");
}

#[tokio::test]
async fn what_a_search_finds_is_a_file() {
    let firm = written().await;
    let stop = tokio_util::sync::CancellationToken::new();
    firm.world.app.console.search.catch_up(&stop).await.unwrap();
    let otto = firm.world.browser("otto").await;
    let page = otto.get("/search?q=portal").await;
    page.assert_has(&["/search/export?q=portal&#38;format=pdf"]);
    let file = otto.fetch("/search/export?q=portal&format=csv").await;
    let text = String::from_utf8(file.bytes).unwrap();
    assert_eq!(text.lines().count(), 2, "{text}");
    assert!(text.contains("Your portal is ready"), "{text}");
    let pdf = otto.fetch("/search/export?q=portal&format=pdf").await;
    assert!(pdf.bytes.starts_with(b"%PDF"));
    for wrong in ["q=&format=csv", "q=portal", "q=portal&format=x"] {
        let refused = otto.get(&format!("/search/export?{wrong}")).await;
        assert_eq!(refused.status, StatusCode::BAD_REQUEST, "{wrong}");
    }
    let ida = program(&firm.world, "ida").await;
    let file = ida.fetch("/api/v1/search/export?q=portal&format=csv").await;
    let text = String::from_utf8(file.bytes).unwrap();
    assert_eq!(text.lines().count(), 2, "{text}");
}

#[tokio::test]
async fn whoever_waits_for_a_file_sees_how_far_it_is_and_nobody_else_does() {
    let firm = written().await;
    let otto = firm.world.browser("otto").await;
    let unknown = otto.fetch("/exports/a1b2").await;
    assert_eq!(unknown.status, StatusCode::NOT_FOUND, "not begun");
    for format in ["csv", "xlsx", "pdf"] {
        let path = format!("/correspondence/export?format={format}&watch={format}7");
        let file = otto.fetch(&path).await;
        assert_eq!(file.status, StatusCode::OK);
        let told = otto.get(&format!("/exports/{format}7")).await;
        assert_eq!(told.status, StatusCode::OK);
        assert_eq!(told.body, "{\"rows\":2,\"state\":\"made\"}", "{format}");
    }
    let other = firm.world.browser("ida").await;
    let hidden = other.fetch("/exports/csv7").await;
    assert_eq!(hidden.status, StatusCode::NOT_FOUND, "another's file");
    for word in ["", "not%20a%20word", &"a".repeat(33)] {
        otto.fetch(&format!("/correspondence/export?format=csv&watch={word}"))
            .await;
        let told = otto.fetch(&format!("/exports/{word}")).await;
        assert_eq!(told.status, StatusCode::NOT_FOUND, "{word:?}");
    }
}
