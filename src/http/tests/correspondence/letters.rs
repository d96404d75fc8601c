//! Letters: by which address, from which template, what keeps them, what follows them.

use std::time::Duration;

use axum::http::StatusCode;

use super::super::inbox::{comes_in, is_sound};
use super::{Firm, firm};
use crate::domain::template::TemplateCategory;
use crate::domain::{Actor, CommunicationId, EmailStatus, Entry, MethodId, Status, TextStatus};

impl Firm {
    fn address_of_bank(&self) -> MethodId {
        let bank = self.world.repo.contact(self.bank).unwrap().unwrap();
        bank.methods[0].id
    }

    /// Begins a letter to the bank and writes it; its address.
    async fn written(&self, browser: &super::Browser<'_>, text: &str) -> String {
        let fields = [
            ("case", self.case.to_string()),
            (
                "to",
                format!("{}.{}.email", self.bank, self.address_of_bank()),
            ),
        ];
        let begun = browser.post("/letters", &fields).await;
        let path = begun.location().split("/edit").next().unwrap().to_owned();
        let fields = [
            ("subject", "A question".to_owned()),
            ("text", text.to_owned()),
            ("by_email", "1".to_owned()),
            ("do", "review".to_owned()),
        ];
        let kept = browser.post(&path, &fields).await;
        assert_eq!(kept.location(), format!("{path}/review"), "{}", kept.body);
        path
    }
}

#[tokio::test]
async fn a_letter_whose_address_fails_meanwhile_is_not_lost_from_the_record() {
    let firm = firm().await;
    let browser = firm.world.browser("otto").await;
    let by = firm.world.repo.users(1).unwrap()[0].id;
    let (tracker, bank) = (&firm.world.tracker, firm.bank);
    let late = firm.written(&browser, "A question.").await;
    let editor = browser.get(&format!("{late}/edit")).await;
    editor.assert_has(&["Chosen as the letter began.", "DC-2026-00001"]);
    assert!(!editor.body.contains("name=\"area\""), "to one person");
    let early = firm.written(&browser, "Another question.").await;
    let sent = browser.post(&format!("{early}/send"), &[]).await;
    assert_eq!(sent.status, StatusCode::SEE_OTHER, "{}", sent.body);
    // It fails before the letter that was sent has been made, and before the other one is sent.
    let method = firm.address_of_bank();
    let gone = tracker.opt_out_method(bank, method, Actor::User(by)).await;
    gone.unwrap();
    firm.world.expand().await;
    assert!(firm.world.deliveries(bank).is_empty());
    let id: CommunicationId = early.rsplit('/').next().unwrap().parse().unwrap();
    let entry = format!("/correspondence/{}", Entry::id_of_draft(id));
    browser.get(&entry).await.assert_has(&[
        "Failed",
        "It went to nobody: the address did not work any more when it was sent.",
        "/letters/new?again=",
    ]);
    let refused = browser.post(&format!("{late}/send"), &[]).await;
    assert_eq!(
        refused.status,
        StatusCode::UNPROCESSABLE_ENTITY,
        "{}",
        refused.body
    );
    refused.assert_has(&["does not work any more: begin the letter anew"]);
    let form = format!("/letters/new?case={}", firm.case);
    let at_the_bank = firm.world.repo.contact(bank).unwrap().unwrap();
    let told = format!("No address of {} works: see why", at_the_bank.full_name());
    assert!(
        !browser.get(&form).await.body.contains(&told),
        "a mobile is left"
    );
    for left in at_the_bank.methods.iter().filter(|left| left.id != method) {
        let gone = tracker.opt_out_method(bank, left.id, Actor::User(by));
        gone.await.unwrap();
    }
    browser.get(&form).await.assert_has(&[&told]);
    is_sound(&firm.world);
}

#[tokio::test]
async fn an_address_is_kept_for_letters_of_some_kinds_and_others_are_pointed_out() {
    let firm = firm().await;
    firm.world.submit.install_templates().await.unwrap();
    let browser = firm.world.browser("otto").await;
    let method = firm.address_of_bank();
    let page = format!("/contacts/{}", firm.bank);
    browser
        .get(&page)
        .await
        .assert_has(&["Kept for: all letters"]);
    let fields = [("purpose", "loc".to_owned()), ("purpose", "bogus".into())];
    let path = format!("{page}/methods/{method}/purposes");
    browser.post(&path, &fields).await;
    browser.get(&page).await.assert_has(&["Kept for: LOC"]);
    let bank = firm.world.repo.contact(firm.bank).unwrap().unwrap();
    assert_eq!(bank.methods[0].purposes, [TemplateCategory::Loc]);
    let form = browser
        .get(&format!("/letters/new?case={}", firm.case))
        .await;
    form.assert_has(&["DSAR · DSAR: initial request", "LOC · "]);
    let templates = firm.world.repo.templates().unwrap();
    let dsar = templates
        .iter()
        .find(|one| one.name == "DSAR: initial request");
    let fields = [
        ("case", firm.case.to_string()),
        ("to", format!("{}.{method}.email", firm.bank)),
        ("template", dsar.unwrap().id.to_string()),
    ];
    let begun = browser.post("/letters", &fields).await;
    let pick = begun.location().to_owned();
    let path = pick.split('?').next().unwrap();
    browser
        .get(&pick)
        .await
        .assert_has(&["DSAR: initial request"]);
    let fields = [
        ("template", dsar.unwrap().id.to_string()),
        ("g_organisation.name", "Eastmere Law".to_owned()),
    ];
    let filled = browser.post(path, &fields).await;
    assert_eq!(filled.status, StatusCode::SEE_OTHER, "{}", filled.body);
    let review = path.replace("/template", "/review");
    browser
        .get(&review)
        .await
        .assert_has(&["This address is not kept for letters of this kind: DSAR."]);
    let client = browser.get(&format!("/contacts/{}", firm.client)).await;
    assert!(!client.body.contains("Kept for"), "only of creditors");
}

#[tokio::test]
async fn everything_that_somebody_wrote_is_entered_once_it_is_known_whose_it_is() {
    let firm = firm().await;
    let count = 61;
    for number in 1..=count {
        firm.world.clock.advance(Duration::from_secs(1));
        comes_in(&firm.world, number, |incoming| {
            incoming.from = "unknown@example.org".into();
            incoming.contact = None;
            incoming.references = vec!["1@mail.example".into()];
            incoming.subject = "Who am I?".into();
        })
        .await;
    }
    let repo = &firm.world.repo;
    let threads = repo.threads_at("unknown@example.org", 10).unwrap();
    let by = Actor::User(repo.users(1).unwrap()[0].id);
    let tracker = &firm.world.tracker;
    assert_eq!(threads.len(), 1, "one thread");
    let attached = tracker.attach_thread(threads[0].id, firm.bank, None, by);
    attached.await.unwrap();
    let entries = (1..=count).filter(|number| {
        let id = crate::domain::EntryId::from_bytes([*number; 16]);
        firm.world.repo.entry(id).unwrap().is_some()
    });
    assert_eq!(entries.count(), usize::from(count));
    is_sound(&firm.world);
}

#[tokio::test]
async fn a_text_shows_its_number_its_length_and_its_segments() {
    let firm = firm().await;
    let browser = firm.world.browser("otto").await;
    let about = ("client", firm.client.to_string());
    let page = browser
        .get(&format!("/letters/new?client={}", firm.client))
        .await;
    let said = "Reminder: https://portal.example.org";
    let text = firm
        .go_on(&browser, &page, about, firm.client, said, "text")
        .await;
    let page = browser.get(&format!("/correspondence/{}", text.id)).await;
    page.assert_has(&[
        "Client SMS",
        text.destination.reveal(),
        "Reminder: https://portal.example.org. Kind regards.",
        "51 characters",
        "1 segment",
    ]);
    let walk = [
        Status::Text(TextStatus::Sending),
        Status::Text(TextStatus::Sent),
        Status::Text(TextStatus::Received),
    ];
    firm.world.walk(&text, &walk).await;
    let list = browser.get("/correspondence").await;
    list.assert_has(&["Client SMS", "Delivered"]);
}

#[tokio::test]
async fn a_failed_letter_is_composed_again_and_a_sent_one_is_corrected() {
    let firm = firm().await;
    let browser = firm.world.browser("otto").await;
    let letter = firm.case_letter(&browser, "Please send all data").await;
    firm.world.bounce(&letter).await;
    let page = browser.get(&format!("/correspondence/{}", letter.id)).await;
    page.assert_has(&[
        "Failed",
        "The recipient does not exist at this address.",
        "User unknown in &#60;virtual&#62; table",
        "A failed message is not sent again as it is",
        &format!("/letters/new?again={}", letter.id),
    ]);
    let nobody = browser
        .get(&format!("/letters/new?again={}", letter.id))
        .await;
    nobody.assert_has(&["has an address or mobile number that works"]);
    let bank = firm.world.repo.contact(firm.bank).unwrap().unwrap();
    let method = bank.methods[0].id;
    let by = firm.world.repo.users(1).unwrap()[0].id;
    let reinstated = firm.world.tracker.reinstate(firm.bank, method, by).await;
    reinstated.unwrap();
    let about = ("again", letter.id.to_string());
    let again = firm
        .letter(&browser, about, firm.bank, "Please send all data, again")
        .await;
    browser
        .get(&format!("/correspondence/{}", again.id))
        .await
        .assert_has(&["Composed again from", "DC-2026-00001"]);
    browser
        .get(&format!("/correspondence/{}", letter.id))
        .await
        .assert_has(&["Composed again as"]);
    firm.status(again.id, EmailStatus::Sent).await;
    let about = ("correct", again.id.to_string());
    let right = firm.letter(&browser, about, firm.bank, "Correction").await;
    browser
        .get(&format!("/correspondence/{}", right.id))
        .await
        .assert_has(&["Correction of"]);
    browser
        .get(&format!("/correspondence/{}", again.id))
        .await
        .assert_has(&["Corrected by"]);
    assert_eq!(firm.world.deliveries(firm.bank).len(), 3, "no retries");
    is_sound(&firm.world);
}
