//! Cases and correspondence: what a firm says to its clients and their creditors, in the views
//! of everybody, a client and a case.

mod api;
mod files;
mod filters;
mod letters;
mod offered;
mod programs;
mod restricted;
mod told;

use std::time::Duration;

use axum::body::Body;
use axum::http::{Request, StatusCode, header};

use super::inbox::{comes_in, is_sound};
use super::world::{Answer, Browser, World, patient_world};
use crate::domain::{
    Actor, CaseCreditor, CaseId, Contact, ContactId, ContactKind, Delivery, DeliveryId,
    EmailStatus, Redacted, Status,
};
use crate::store::{Batch, RowBatch};
use crate::tracker::CaseInput;

/// A firm: a client, two creditors and a case with the first of them.
pub(super) struct Firm {
    pub(super) world: World,
    pub(super) client: ContactId,
    pub(super) bank: ContactId,
    pub(super) shop: ContactId,
    pub(super) case: CaseId,
}

pub(super) async fn firm() -> Firm {
    let world = patient_world().await;
    let kinds = [
        ContactKind::Client,
        ContactKind::Creditor,
        ContactKind::Creditor,
    ];
    let mut batch = Batch::new();
    for (id, kind) in world.contacts.iter().zip(kinds) {
        let old = world.repo.contact(*id).unwrap().unwrap();
        let mut new = Contact {
            kind,
            ..old.value.clone()
        };
        new.methods.truncate(2);
        batch.replace(&old, &new);
    }
    world.repo.store().commit(batch).await.unwrap();
    let (client, bank, shop) = (world.contacts[0], world.contacts[1], world.contacts[2]);
    let case = case(&world, "DC-2026-00001", client, bank, false).await;
    Firm {
        world,
        client,
        bank,
        shop,
        case,
    }
}

pub(super) async fn case(
    world: &World,
    reference: &str,
    client: ContactId,
    creditor: ContactId,
    restricted: bool,
) -> CaseId {
    let input = CaseInput {
        reference: reference.into(),
        title: "Two cards".into(),
        client,
        creditors: vec![CaseCreditor {
            contact: creditor,
            account: Redacted::new("4929-77".into()),
        }],
        responsible: None,
        team: Vec::new(),
        restricted,
    };
    world
        .tracker
        .add_case(&input, Actor::Gateway)
        .await
        .unwrap()
}

impl Firm {
    /// Writes a letter the way staff do: to whom, the text, the review, send.
    pub(super) async fn letter(
        &self,
        browser: &Browser<'_>,
        about: (&str, String),
        to: ContactId,
        said: &str,
    ) -> Delivery {
        let page = browser
            .get(&format!("/letters/new?{}={}", about.0, about.1))
            .await;
        self.go_on(browser, &page, about, to, said, "email").await
    }

    async fn go_on(
        &self,
        browser: &Browser<'_>,
        page: &Answer,
        about: (&str, String),
        to: ContactId,
        said: &str,
        by: &str,
    ) -> Delivery {
        let start = format!("<option value=\"{to}.");
        let options = page.body.split(&start).skip(1);
        let way = options
            .map(|rest| rest.split('"').next().unwrap())
            .find(|rest| rest.ends_with(by))
            .unwrap_or_else(|| panic!("no way to {to}:\n{}", page.body));
        let fields = [
            (about.0, about.1.clone()),
            ("to", format!("{to}.{way}")),
            ("template", String::new()),
        ];
        let begun = browser.post("/letters", &fields).await;
        assert_eq!(begun.status, StatusCode::SEE_OTHER, "{}", begun.body);
        let path = begun.location().split("/edit").next().unwrap().to_owned();
        let (channel, text) = if by == "email" {
            ("by_email", "text")
        } else {
            ("by_text", "sms_text")
        };
        let fields = [
            ("subject", said.to_owned()),
            (text, format!("{said}. Kind regards.")),
            (channel, "1".to_owned()),
            ("do", "review".to_owned()),
        ];
        let kept = browser.post(&path, &fields).await;
        assert_eq!(kept.location(), format!("{path}/review"), "{}", kept.body);
        let review = browser.get(kept.location()).await;
        assert_eq!(review.status, StatusCode::OK);
        let sent = browser.post(&format!("{path}/send"), &[]).await;
        assert_eq!(sent.status, StatusCode::SEE_OTHER, "{}", sent.body);
        self.world.expand().await;
        self.world.deliveries(to).remove(0)
    }

    pub(super) async fn case_letter(&self, browser: &Browser<'_>, said: &str) -> Delivery {
        let about = ("case", self.case.to_string());
        self.letter(browser, about, self.bank, said).await
    }

    async fn status(&self, delivery: DeliveryId, status: EmailStatus) {
        let delivery = self.world.repo.delivery(delivery).unwrap().unwrap();
        let status = [Status::Email(status)];
        self.world.walk(&delivery, &status).await;
    }
}

/// A note, with a document.
fn note(
    browser: &Browser<'_>,
    fields: &[(&str, &str)],
    file: Option<(&str, &str)>,
) -> Request<Body> {
    let mut body = String::new();
    let csrf = ("csrf", browser.csrf.as_str());
    for (name, value) in std::iter::once(&csrf).chain(fields) {
        body.push_str(&format!(
            "--b\r\nContent-Disposition: form-data; name=\"{name}\"\r\n\r\n{value}\r\n"
        ));
    }
    if let Some((name, bytes)) = file {
        body.push_str(&format!("--b\r\nContent-Disposition: form-data; name=\"files\"; filename=\"{name}\"\r\nContent-Type: text/plain\r\n\r\n{bytes}\r\n"));
    }
    body.push_str("--b--\r\n");
    Request::post("/notes")
        .header(header::HOST, "tocsin.example.org")
        .header(header::ORIGIN, "https://tocsin.example.org")
        .header(header::COOKIE, &browser.cookie)
        .header(header::CONTENT_TYPE, "multipart/form-data; boundary=b")
        .body(Body::from(body))
        .unwrap()
}

#[tokio::test]
async fn a_case_is_opened_changed_held_closed_and_opened_again() {
    let firm = firm().await;
    let browser = firm.world.browser("otto").await;
    let form = browser
        .get(&format!("/cases/new?client={}", firm.client))
        .await;
    form.assert_has(&["value=\"DC-2026-00002\""]);
    let fields = |reference: &str| {
        [
            ("reference", reference.to_owned()),
            ("title", "A loan <1>".to_owned()),
            ("client", firm.client.to_string()),
            ("creditor", firm.shop.to_string()),
            ("account", "77-1".to_owned()),
        ]
    };
    let taken = browser.post("/cases", &fields("dc-2026-00001")).await;
    assert_eq!(taken.status, StatusCode::UNPROCESSABLE_ENTITY);
    taken.assert_has(&["Another case has this reference."]);
    let made = browser.post("/cases", &fields("DC-2026-00002")).await;
    assert_eq!(made.status, StatusCode::SEE_OTHER, "{}", made.body);
    let path = made.location().split('?').next().unwrap().to_owned();
    browser
        .get(&path)
        .await
        .assert_has(&["A loan &#60;1&#62;", "account 77-1", "Case opened"]);
    browser
        .get(&format!("{path}/status"))
        .await
        .assert_has(&["Close case DC-2026-00002?"]);
    for (status, said) in [
        ("on hold", "Case put on hold"),
        ("closed", "Case closed"),
        ("open", "Case reopened"),
    ] {
        let fields = [("status", status.to_owned()), ("reason", "Paid".into())];
        browser.post(&format!("{path}/status"), &fields).await;
        browser.get(&path).await.assert_has(&[said, "Paid"]);
    }
    let found = browser.get("/cases?find=dc-2026-00002").await;
    found.assert_has(&["DC-2026-00002", "Ada"]);
    assert!(!found.body.contains("DC-2026-00001"));
    let hold = [("hold", "yes".to_owned())];
    let refused = browser.post(&format!("{path}/hold"), &hold).await;
    assert_eq!(refused.status, StatusCode::FORBIDDEN);
    is_sound(&firm.world);
}

#[tokio::test]
async fn a_letter_to_a_creditor_is_in_the_views_of_the_case_the_client_and_everybody() {
    let firm = firm().await;
    let browser = firm.world.browser("otto").await;
    let other = case(&firm.world, "DC-2026-00009", firm.client, firm.shop, false).await;
    let letter = firm.case_letter(&browser, "Please send all data").await;
    let about = ("client", firm.client.to_string());
    firm.letter(&browser, about, firm.client, "Your portal is ready")
        .await;
    let everywhere = [
        "/correspondence".to_owned(),
        format!("/contacts/{}/correspondence", firm.client),
    ];
    for path in everywhere {
        browser.get(&path).await.assert_has(&[
            "Please send all data",
            "Your portal is ready",
            "Creditor Email",
            "Client Email",
            "DC-2026-00001",
            "Queued",
        ]);
    }
    let own = browser.get(&format!("/cases/{}", firm.case)).await;
    own.assert_has(&["Please send all data"]);
    assert!(!own.body.contains("Your portal is ready"));
    let foreign = browser.get(&format!("/cases/{other}")).await;
    assert!(!foreign.body.contains("Please send all data"));
    browser
        .get(&format!("/contacts/{}/correspondence", firm.bank))
        .await
        .assert_has(&["Please send all data"]);
    assert_eq!(firm.world.deliveries(firm.bank).len(), 1, "one address");
    assert_eq!(letter.contact, firm.bank);
    is_sound(&firm.world);
}

#[tokio::test]
async fn drafts_stand_in_the_list_until_they_are_sent() {
    let firm = firm().await;
    let browser = firm.world.browser("otto").await;
    let contact = firm.world.repo.contact(firm.bank).unwrap().unwrap();
    let method = contact.methods[0].id;
    let fields = [
        ("case", firm.case.to_string()),
        ("to", format!("{}.{method}.email", firm.bank)),
    ];
    let begun = browser.post("/letters", &fields).await;
    let path = begun.location().split("/edit").next().unwrap().to_owned();
    let case = format!("/cases/{}", firm.case);
    browser
        .get(&format!("{case}?status=draft"))
        .await
        .assert_has(&["Draft", "(no subject)"]);
    browser.post(&format!("{path}/delete"), &[]).await;
    let gone = browser.get(&format!("{case}?status=draft")).await;
    gone.assert_has(&["Nothing fits what you chose"]);
    is_sound(&firm.world);
}

#[tokio::test]
async fn details_say_who_sent_what_to_whom_when_and_how_it_fares() {
    let firm = firm().await;
    let browser = firm.world.browser("otto").await;
    let letter = firm.case_letter(&browser, "Please send all data").await;
    let page = format!("/correspondence/{}", letter.id);
    firm.status(letter.id, EmailStatus::Sent).await;
    browser.get(&page).await.assert_has(&[
        "Otto Bell (Operator)",
        letter.destination.reveal(),
        "DC-2026-00001",
        "Please send all data. Kind regards.",
        "Nobody has confirmed yet that it arrived",
        "No “Opened” does not mean unread",
        "What has been sent cannot be recalled",
    ]);
    firm.world.clock.advance(Duration::from_secs(5 * 3600));
    browser
        .get(&page)
        .await
        .assert_has(&["more than 4 hours ago"]);
    browser
        .get("/correspondence")
        .await
        .assert_has(&["not confirmed after 4 h"]);
    firm.status(letter.id, EmailStatus::Received).await;
    let delivered = browser.get(&page).await;
    delivered.assert_has(&["Delivered"]);
    assert!(!delivered.body.contains("more than 4 hours ago"));
    firm.world.clock.advance(Duration::from_secs(60));
    firm.status(letter.id, EmailStatus::Opened).await;
    browser
        .get(&page)
        .await
        .assert_has(&["<dt>Opened</dt><dd><time"]);
    is_sound(&firm.world);
}

#[tokio::test]
async fn replies_appear_in_the_case_and_others_are_filed() {
    let firm = firm().await;
    let browser = firm.world.browser("otto").await;
    let letter = firm.case_letter(&browser, "Please send all data").await;
    firm.world.clock.advance(Duration::from_secs(60));
    let address = letter.destination.lookup_key();
    comes_in(&firm.world, 1, |incoming| {
        incoming.contact = Some(firm.bank);
        incoming.from = address.clone();
        incoming.answers = Some(letter.id);
        incoming.subject = "Re: Please send all data".into();
    })
    .await;
    let case = format!("/cases/{}", firm.case);
    browser
        .get(&format!("{case}?direction=received"))
        .await
        .assert_has(&["Re: Please send all data", "Received"]);
    let shop = firm.world.repo.contact(firm.shop).unwrap().unwrap();
    let address = shop.methods[0].destination.lookup_key();
    comes_in(&firm.world, 2, |incoming| {
        incoming.contact = Some(firm.shop);
        incoming.from = address.clone();
        incoming.subject = "A statement".into();
    })
    .await;
    let id = crate::domain::EntryId::from_bytes([2; 16]);
    let page = format!("/correspondence/{id}");
    assert!(!browser.get(&page).await.body.contains("File to a case"));
    let other = self::case(&firm.world, "DC-2026-00002", firm.client, firm.shop, false).await;
    browser.get(&page).await.assert_has(&["File to a case"]);
    let wrong = [("case", firm.case.to_string())];
    browser
        .post(&format!("{page}/file"), &wrong)
        .await
        .assert_has(&["has no part in that case"]);
    let right = [("case", other.to_string())];
    browser.post(&format!("{page}/file"), &right).await;
    let case = format!("/cases/{other}");
    browser.get(&case).await.assert_has(&["A statement"]);
    browser.get(&format!("{case}/log")).await.assert_has(&[
        "Message filed",
        "A statement",
        "Otto Bell",
    ]);
    is_sound(&firm.world);
}

#[tokio::test]
async fn what_happened_elsewhere_is_written_down_with_its_documents() {
    let firm = firm().await;
    let browser = firm.world.browser("otto").await;
    let form = browser.get(&format!("/notes/new?case={}", firm.case)).await;
    let (id, case, with) = (
        form.hidden("id"),
        firm.case.to_string(),
        firm.bank.to_string(),
    );
    let fields = |at: &'static str| {
        vec![
            ("id", id.as_str()),
            ("case", case.as_str()),
            ("with", with.as_str()),
            ("kind", "call"),
            ("direction", "received"),
            ("at", at),
            ("text", "They offer 40 %."),
        ]
    };
    let future = fields("2027-01-01T10:00");
    let refused = firm.world.send(note(&browser, &future, None)).await;
    assert_eq!(refused.status, StatusCode::UNPROCESSABLE_ENTITY);
    refused.assert_has(&["This is in the future"]);
    let fields = fields("2026-09-20T10:00");
    let file = Some(("offer.txt", "40 percent"));
    let kept = firm.world.send(note(&browser, &fields, file)).await;
    assert_eq!(kept.status, StatusCode::SEE_OTHER, "{}", kept.body);
    let page = format!("/correspondence/{id}");
    browser.get(&page).await.assert_has(&[
        "They offer 40 %.",
        "offer.txt",
        "10 bytes",
        "2026-09-20T10:00:00Z",
        "Noted",
        "Otto Bell (Operator)",
    ]);
    let down = browser.fetch(&format!("{page}/files/0")).await;
    assert_eq!(down.bytes, b"40 percent");
    let disposition = &down.headers[header::CONTENT_DISPOSITION];
    assert!(disposition.to_str().unwrap().starts_with("attachment"));
    assert_eq!(down.headers[header::X_CONTENT_TYPE_OPTIONS], "nosniff");

    let form = browser.get(&format!("/notes/new?corrects={id}")).await;
    let right = form.hidden("id");
    let fields = [
        ("id", right.as_str()),
        ("corrects", id.as_str()),
        ("kind", "call"),
        ("direction", "received"),
        ("at", "2026-09-20T10:00"),
        ("text", "They offer 60 %."),
    ];
    firm.world.send(note(&browser, &fields, None)).await;
    browser
        .get(&page)
        .await
        .assert_has(&["Corrected by", "They offer 60 %.", "They offer 40 %."]);
    browser
        .get(&format!("/contacts/{}/correspondence", firm.client))
        .await
        .assert_has(&["Creditor Call"]);
    is_sound(&firm.world);
}

#[tokio::test]
async fn the_timeline_and_the_activity_log_tell_the_whole_story() {
    let firm = firm().await;
    firm.world.clock.advance(Duration::from_secs(1));
    let browser = firm.world.browser("otto").await;
    let letter = firm.case_letter(&browser, "Please send all data").await;
    firm.world.clock.advance(Duration::from_secs(60));
    firm.status(letter.id, EmailStatus::Sent).await;
    let about = ("client", firm.client.to_string());
    firm.letter(&browser, about, firm.client, "Small talk")
        .await;
    let timeline = browser
        .get(&format!("/contacts/{}/timeline", firm.client))
        .await;
    timeline.assert_has(&["Please send all data", "Case opened", "Creditor Email"]);
    assert!(!timeline.body.contains("Small talk"), "not a milestone");
    let log = browser.get(&format!("/cases/{}/log", firm.case)).await;
    log.assert_has(&[
        "Case opened",
        "By itself",
        "Otto Bell",
        "Creditor Email",
        "Please send all data",
        &letter.id.to_string(),
        "2026-09-21T14:13:20Z",
        "Times: UTC",
    ]);
    let oldest = browser
        .get(&format!("/cases/{}/log?order=oldest", firm.case))
        .await
        .body;
    let opened = oldest.find("Case opened").unwrap();
    assert!(opened < oldest.find("Please send all data").unwrap());
    let newest = log.body.find("Case opened").unwrap();
    assert!(newest > log.body.find("Please send all data").unwrap());
}
