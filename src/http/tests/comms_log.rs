//! The communications log: lines, days, filters, pages, the message itself, the Excel file.

use super::super::data::PAGE_ROWS;
use std::collections::BTreeSet;
use std::time::Duration;

use axum::http::StatusCode;

use super::journey::drafted;
use super::world::{Browser, START, World, patient_world};
use crate::domain::{
    Channel, CommunicationId, Content, Delivery, DeliveryId, DeliverySet, EmailAddress,
    EmailStatus, Redacted, Status, TextStatus, Timestamp, UserId,
};
use crate::http::journal::{Filter, SCAN_MAX, page};
use crate::store::{Batch, RowBatch, Seek};
use crate::submit::{MailRecipient, SubmittedMail};

const DAY: Duration = Duration::from_secs(24 * 3600);

async fn sent(browser: &Browser<'_>) -> String {
    let path = drafted(browser).await;
    browser.post(&format!("{path}/send"), &[]).await;
    browser.world.expand().await;
    path
}

fn lines(body: &str) -> Vec<String> {
    let links = body.split("href=\"/deliveries/").skip(1);
    links
        .map(|link| link.split('"').next().unwrap().to_owned())
        .collect()
}

fn link(body: &str, rel: &str) -> Option<String> {
    let (before, _) = body.split_once(&format!("rel=\"{rel}\""))?;
    let (_, href) = before.rsplit_once("href=\"")?;
    let href = href.split('"').next()?;
    Some(href.replace("&#38;", "&").replace("&amp;", "&"))
}

fn count(world: &World) -> usize {
    world.repo.deliveries(None, 1000).unwrap().rows.len()
}

#[tokio::test]
async fn a_line_says_everything_and_leads_everywhere() {
    let world = patient_world().await;
    let browser = world.browser("ida").await;
    let path = sent(&browser).await;
    let ada = world.contacts[0];
    world.clock.advance(Duration::from_secs(120));
    let delivery = world
        .deliveries(ada)
        .into_iter()
        .find(|one| one.channel == Channel::Text)
        .unwrap();
    world
        .walk(
            &delivery,
            &[
                Status::Text(TextStatus::Sending),
                Status::Text(TextStatus::Sent),
            ],
        )
        .await;
    world.clock.advance(Duration::from_secs(60));
    world
        .walk(&delivery, &[Status::Text(TextStatus::Received)])
        .await;
    let log = browser.get("/log?type=text&status=delivered").await;
    log.assert_has(&[
        "</svg> Text</td>",
        "Received",
        "data-label=\"Date sent\"><time datetime=\"2026-09-21T14:15:20Z\">",
        "data-label=\"Date completed\"><time datetime=\"2026-09-21T14:16:20Z\">",
        "Ada",
        "+447700900100",
        "Flood warning &#60;Harbour&#62;",
        &format!("href=\"/contacts/{ada}/edit\""),
        &format!("href=\"{path}\""),
        &format!("href=\"/deliveries/{}\"", delivery.id),
    ]);
    assert_eq!(lines(&log.body), [delivery.id.to_string()]);
    let message = browser.get(&format!("/deliveries/{}", delivery.id)).await;
    message.assert_has(&[
        "Flood: move to higher ground",
        "Text to Ada",
        "Initial message",
    ]);
}

#[tokio::test]
async fn it_pages_both_ways_and_shows_each_delivery_once() {
    let world = patient_world().await;
    let browser = world.browser("ida").await;
    for _ in 0..4 {
        sent(&browser).await;
        world.clock.advance(Duration::from_secs(60));
    }
    let mut pages = vec![browser.get("/log").await];
    while let Some(next) = link(&pages.last().unwrap().body, "next") {
        pages.push(browser.get(&next).await);
    }
    let seen: Vec<Vec<String>> = pages.iter().map(|page| lines(&page.body)).collect();
    let all: Vec<String> = seen.concat();
    let mut newest_first = all.clone();
    newest_first.sort_by(|one, other| other.cmp(one));
    assert_eq!(all, newest_first);
    assert_eq!(all.iter().collect::<BTreeSet<_>>().len(), count(&world));
    assert!(pages.len() > 2 && seen[0].len() == 50);
    let mut at = pages.len() - 1;
    let mut back = link(&pages[at].body, "prev");
    while let Some(prev) = back {
        at -= 1;
        let page = browser.get(&prev).await;
        assert_eq!(lines(&page.body), seen[at]);
        back = if at == 0 {
            None
        } else {
            link(&page.body, "prev")
        };
    }
    assert_eq!(at, 0);
}

#[tokio::test]
async fn filters_combine_and_go_along() {
    let world = patient_world().await;
    let browser = world.browser("ida").await;
    let first = sent(&browser).await;
    world.clock.advance(Duration::from_secs(60));
    let second = sent(&browser).await;
    let id = |path: &str| path.rsplit('/').next().unwrap().to_owned();
    for delivery in world.deliveries(world.contacts[0]) {
        let bounces = delivery.channel == Channel::Email;
        if bounces {
            world.bounce(&delivery).await;
        }
    }
    let failed = browser.get("/log?status=failed").await;
    assert_eq!(lines(&failed.body).len(), 2);
    let one = format!(
        "/log?type=email&status=failed&communication={}",
        id(&second)
    );
    let page = browser.get(&one).await;
    assert_eq!(lines(&page.body).len(), 1);
    page.assert_has(&[
        &format!("value=\"{}\" selected", id(&second)),
        "value=\"email\" selected",
        "value=\"failed\" selected",
        &format!(
            "/log?when=last-week&#38;type=email&#38;status=failed&#38;communication={}",
            id(&second)
        ),
    ]);
    let of_first = browser
        .get(&format!("/log?communication={}", id(&first)))
        .await;
    let of_second = browser
        .get(&format!("/log?communication={}", id(&second)))
        .await;
    let both: BTreeSet<String> = [lines(&of_first.body), lines(&of_second.body)]
        .concat()
        .into_iter()
        .collect();
    assert_eq!(both.len(), count(&world));
    let none = browser.get("/log?type=call&status=opened").await;
    none.assert_has(&["Nothing fits what you chose."]);
}

#[tokio::test]
async fn the_calendar_begins_weeks_on_monday() {
    // The world begins on a Monday afternoon.
    let world = patient_world().await;
    let browser = world.browser("ida").await;
    sent(&browser).await;
    let all = count(&world).min(50);
    let shown = async |query: &str| lines(&browser.get(&format!("/log?{query}")).await.body).len();
    assert_eq!(shown("").await, all);
    assert_eq!(shown("when=last-week").await, 0);
    world.clock.advance(DAY * 6);
    assert_eq!(shown("when=this-week").await, all, "Sunday");
    world.clock.advance(DAY);
    assert_eq!(shown("when=this-week").await, 0, "Monday");
    assert_eq!(shown("when=last-week").await, all);
    assert_eq!(shown("when=this-month").await, all);
    assert_eq!(
        shown("when=custom&from=2026-09-21&to=2026-09-21").await,
        all
    );
    assert_eq!(shown("when=custom&from=2026-09-22").await, 0);
    assert_eq!(shown("when=custom&to=2026-09-20").await, 0);
    world.clock.advance(DAY * 5);
    assert_eq!(shown("when=this-month").await, 0, "October");
    assert_eq!(shown("when=all").await, all);
    let page = browser.get("/log").await;
    for choice in ["This week", "Last week", "This month", "Custom"] {
        page.assert_has(&[choice]);
    }
}

#[tokio::test]
async fn a_wrong_day_is_named_and_kept() {
    let world = patient_world().await;
    let browser = world.browser("ida").await;
    let page = browser
        .get("/log?when=custom&from=2026-09-31&to=2026-10-01")
        .await;
    assert_eq!(page.status, StatusCode::UNPROCESSABLE_ENTITY);
    page.assert_has(&[
        "id=\"from\" name=\"from\" value=\"2026-09-31\" aria-invalid=\"true\"",
        "Write a day as year, month, day",
        "value=\"2026-10-01\"",
    ]);
    let file = browser.fetch("/log/export?when=custom&from=x").await;
    assert_eq!(file.status, StatusCode::BAD_REQUEST);
    for strange in [
        "after=zz",
        "before=00000000000000000000000000000000",
        "communication=1",
    ] {
        let page = browser.get(&format!("/log?{strange}")).await;
        assert_eq!(page.status, StatusCode::OK, "{strange}");
    }
}

#[tokio::test]
async fn the_excel_file_has_the_same_filter_and_the_date_in_its_name() {
    let world = patient_world().await;
    let browser = world.browser("ida").await;
    sent(&browser).await;
    let ada = world.contacts[0];
    for delivery in world.deliveries(ada) {
        world.arrive(&delivery).await;
    }
    let page = browser.get("/log?type=call").await;
    page.assert_has(&["href=\"/log/export?when=this-week&#38;type=call\" download"]);
    let file = browser.fetch("/log/export?when=this-week&type=call").await;
    assert_eq!(file.name(), "CommunicationsLog2026-09-21.xlsx");
    let rows = file.rows();
    assert_eq!(
        rows[0],
        [
            "Type",
            "Status",
            "Date sent",
            "Date completed",
            "Recipient",
            "Address or number",
            "Communication"
        ]
    );
    let calls = world.repo.deliveries(None, 1000).unwrap().rows.into_iter();
    let calls = calls.filter(|one| one.channel == Channel::Call).count();
    assert_eq!(rows.len(), 1 + calls);
    let confirmed: Vec<_> = rows.iter().filter(|row| row[1] == "Confirmed").collect();
    assert_eq!(confirmed.len(), 1);
    // A date to Excel: days since 1900, and 14:13:20 of one.
    assert!(
        confirmed[0][2].starts_with("46286.59259"),
        "{:?}",
        confirmed[0]
    );
    assert_eq!(confirmed[0][5], "+441632960100");
    assert_eq!(confirmed[0][6], "Flood warning <Harbour>");
}

#[tokio::test]
async fn a_submitted_mail_is_shown_as_text_and_does_nothing() {
    let world = patient_world().await;
    let browser = world.browser("ida").await;
    let to = EmailAddress::parse("new@mail.example").unwrap();
    let mail = SubmittedMail {
        user: UserId::from_bytes([1; 16]),
        message: bytes::Bytes::from_static(
            b"Subject: bill\r\n\r\n<script>alert(1)</script>\x1b[2J\r\nbye\r\n",
        ),
        content: Content {
            subject: "bill".into(),
            text: String::new(),
            html: String::new(),
            sms_text: String::new(),
            voice_script: String::new(),
            attachments: Vec::new(),
        },
        recipients: vec![MailRecipient::Email(Redacted::new(to))],
        reports: Vec::new(),
    };
    let id = world.submit.submit_mail(&mail).await.unwrap();
    let log = browser.get(&format!("/log?communication={id}")).await;
    let delivery = lines(&log.body).remove(0);
    let page = browser.get(&format!("/deliveries/{delivery}")).await;
    page.assert_has(&[
        "Subject: bill\n\n&#60;script&#62;alert(1)&#60;/script&#62;\u{fffd}[2J\nbye",
        "new@mail.example",
    ]);
    assert!(!page.body.contains("<script>alert"));
    // An application decides itself whether to send again.
    let statistics = browser.get(&format!("/communications/{id}")).await;
    assert!(!statistics.body.contains("/recontact"));
    let refused = browser
        .post(
            &format!("/communications/{id}/recontact"),
            &[("round", "2".to_owned())],
        )
        .await;
    assert_eq!(refused.status, StatusCode::CONFLICT);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 1)]
async fn a_filter_that_finds_little_stops_and_goes_on() {
    let world = patient_world().await;
    let like = {
        let browser = world.browser("ida").await;
        sent(&browser).await;
        world.deliveries(world.contacts[0]).remove(0)
    };
    let random = crate::clock::Randomness::seeded(9);
    let mut wanted = Vec::new();
    for chunk in 0..12_u64 {
        let mut batch = Batch::new();
        for n in 0..500_u64 {
            let at = START
                .plus(DAY * 30)
                .plus(Duration::from_secs(chunk * 500 + n));
            // Three opened emails, far apart.
            let opened = n == 0 && [0, 5, 11].contains(&chunk);
            let mut row = Delivery {
                id: DeliveryId::new(random.uuid_v7(at)),
                communication: CommunicationId::from_bytes([9; 16]),
                channel: Channel::Email,
                due: None,
                ..like.clone()
            };
            let status = if opened {
                EmailStatus::Opened
            } else {
                EmailStatus::NotSent
            };
            for change in &mut row.timeline {
                change.status = Status::Email(status);
            }
            if opened {
                wanted.push(row.id);
            }
            batch.insert(&DeliverySet::new(vec![row]).unwrap());
        }
        world.repo.store().commit(batch).await.unwrap();
    }
    // Whoever looks for little waits; nobody else does.
    let browser = world.browser("ida").await;
    let asked = async { browser.get("/log?when=all&status=opened").await.body };
    let mut turns = 0;
    let others = async {
        loop {
            turns += 1;
            tokio::task::yield_now().await;
        }
    };
    let body = tokio::select! {
        body = asked => body,
        () = others => String::new(),
    };
    assert!(body.contains("It looked back to"), "{body}");
    assert!(turns > 1_000, "others had {turns} turns meanwhile");
    let opened = crate::http::journal::Standing::ALL[3];
    let ida = world.repo.user_by_login("ida").unwrap().unwrap();
    let access = crate::http::access::access_of(&world.repo, &ida, None).unwrap();
    let from = START.plus(DAY * 20);
    let filter = Filter::new(
        (from, Timestamp::from_millis(u64::MAX)),
        None,
        Some(opened),
        None,
        &access,
    );
    let first = page(&world.repo, &filter, &Seek::Start, PAGE_ROWS).unwrap();
    assert!(first.unfinished);
    let ids = |rows: &[Delivery]| rows.iter().map(|one| one.id).collect::<Vec<_>>();
    assert_eq!(ids(&first.rows), [wanted[2], wanted[1]]);
    let second = page(
        &world.repo,
        &filter,
        &Seek::After(first.older.unwrap()),
        PAGE_ROWS,
    )
    .unwrap();
    assert_eq!(ids(&second.rows), [wanted[0]]);
    assert!(!second.unfinished && second.older.is_none());
    let back = page(&world.repo, &filter, &Seek::Before(wanted[0]), PAGE_ROWS).unwrap();
    assert_eq!(
        ids(&back.rows),
        [wanted[1]],
        "{SCAN_MAX} at a time this way too"
    );
    assert!(back.unfinished);
    let calls = Filter::new(
        (from, from.plus(DAY)),
        Some(Channel::Call),
        None,
        None,
        &access,
    );
    assert!(
        page(&world.repo, &calls, &Seek::Start, PAGE_ROWS)
            .unwrap()
            .rows
            .is_empty()
    );
}
