//! The filters of the lists: each alone, all together, kept in the address and when paging.

use super::*;
use crate::domain::{EntryDirection, EntryId, EntryKind};
use crate::tracker::NoteInput;

/// One note on each of some days before now, the client and the bank in turn.
async fn notes(firm: &Firm, days: &[u64]) {
    let user = firm.world.repo.users(1).unwrap()[0].id;
    for (index, day) in days.iter().enumerate() {
        let mut id = [7; 16];
        id[0] = u8::try_from(index).unwrap();
        let to_bank = index % 2 == 1;
        let note = NoteInput {
            id: EntryId::from_bytes(id),
            client: firm.client,
            case: to_bank.then_some(firm.case),
            with: if to_bank { firm.bank } else { firm.client },
            direction: if to_bank {
                EntryDirection::Sent
            } else {
                EntryDirection::Received
            },
            kind: if to_bank {
                EntryKind::Letter
            } else {
                EntryKind::Call
            },
            at: firm.world.now().minus(Duration::from_secs(day * 24 * 3600)),
            text: format!("Note of day {day}."),
            files: Vec::new(),
            link: None,
        };
        let added = firm.world.tracker.add_note(&note, user).await;
        added.unwrap();
    }
}

fn told(page: &Answer) -> Vec<u64> {
    let rows = page.body.split(">Note of day ").skip(1);
    rows.map(|rest| rest.split('.').next().unwrap().parse().unwrap())
        .collect()
}

#[tokio::test]
async fn lists_are_narrowed_by_every_filter_and_by_all_together() {
    let firm = firm().await;
    let browser = firm.world.browser("otto").await;
    notes(&firm, &[0, 1, 8, 9, 40, 41]).await;
    let found = async |query: &str| {
        let page = browser.get(&format!("/correspondence?{query}")).await;
        assert_eq!(page.status, StatusCode::OK, "{query}");
        told(&page)
    };
    assert_eq!(found("").await, [0, 1, 8, 9, 40, 41], "newest first");
    assert_eq!(found("recipient=client").await, [0, 8, 40]);
    assert_eq!(found("recipient=creditor").await, [1, 9, 41]);
    assert_eq!(found("case=none").await, [0, 8, 40]);
    let one = format!("case={}", firm.case);
    assert_eq!(found(&one).await, [1, 9, 41]);
    assert_eq!(found("direction=sent").await, [1, 9, 41]);
    assert_eq!(found("direction=received").await, [0, 8, 40]);
    assert_eq!(found("type=letter").await, [1, 9, 41]);
    assert_eq!(found("status=noted").await, [0, 1, 8, 9, 40, 41]);
    assert!(found("status=failed").await.is_empty());
    assert_eq!(found("when=today").await, [0]);
    assert_eq!(found("when=7").await, [0, 1]);
    assert_eq!(found("when=30").await, [0, 1, 8, 9]);
    assert_eq!(found("when=all").await.len(), 6);
    let custom = "when=custom&from=2026-09-12&to=2026-09-13";
    assert_eq!(found(custom).await, [8, 9]);
    let all = format!("{custom}&recipient=creditor&direction=sent&type=letter&status=noted&{one}");
    assert_eq!(found(&all).await, [9]);
    let shown = browser.get(&format!("/correspondence?{all}")).await;
    shown.assert_has(&[
        "<option value=\"creditor\" selected>",
        "<option value=\"sent\" selected>",
        "<option value=\"letter\" selected>",
        "<option value=\"noted\" selected>",
        "<option value=\"custom\" selected>",
        "value=\"2026-09-12\"",
        &format!("<option value=\"{}\" selected>", firm.case),
    ]);
    let wrong = browser
        .get("/correspondence?when=custom&from=yesterday")
        .await;
    assert_eq!(wrong.status, StatusCode::UNPROCESSABLE_ENTITY);
}

#[tokio::test]
async fn filters_stay_when_paging() {
    let firm = firm().await;
    let browser = firm.world.browser("otto").await;
    let days: Vec<u64> = (0..120).collect();
    notes(&firm, &days).await;
    let first = browser.get("/correspondence?recipient=creditor").await;
    let odd = |from: u64| (from..120).filter(|day| day % 2 == 1);
    assert_eq!(told(&first), odd(0).take(50).collect::<Vec<_>>());
    let (before, _) = first.body.split_once("rel=\"next\"").unwrap();
    let (_, href) = before.rsplit_once("href=\"").unwrap();
    let href = href.split('"').next().unwrap().replace("&#38;", "&");
    assert!(href.contains("recipient=creditor"), "{href}");
    let second = browser.get(&href).await;
    assert_eq!(told(&second), odd(100).collect::<Vec<_>>());
    second.assert_has(&["<option value=\"creditor\" selected>"]);
}

#[tokio::test]
async fn programs_are_told_of_filters_that_cannot_be_read_and_people_see_it() {
    let firm = firm().await;
    let otto = super::super::api::program(&firm.world, "otto").await;
    let correspondence = "/api/v1/correspondence";
    let export = "/api/v1/correspondence/export?format=csv";
    for (list, field) in [
        ("/api/v1/cases", "client"),
        ("/api/v1/cases", "creditor"),
        ("/api/v1/cases", "responsible"),
        ("/api/v1/cases", "status"),
        ("/api/v1/cases", "sort"),
        ("/api/v1/cases", "order"),
        (correspondence, "case"),
        (correspondence, "direction"),
        (correspondence, "recipient"),
        (correspondence, "status"),
        (correspondence, "type"),
        (correspondence, "when"),
        (export, "type"),
    ] {
        let sign = if list.contains('?') { '&' } else { '?' };
        let path = format!("{list}{sign}{field}=nonsense");
        let refused = otto.refused(axum::http::Method::GET, &path, None).await;
        assert_eq!(refused.1, 422, "{path}");
        assert_eq!(refused.2["errors"][0]["field"], field, "{path}");
    }
    let browser = firm.world.browser("otto").await;
    let page = browser.get("/cases?client=nonsense&status=open").await;
    page.assert_has(&["shown without it: client<", "DC-2026-00001"]);
    let page = browser.get("/cases?status=open").await;
    assert!(!page.body.contains("shown without it"));
}
