//! The other kind of house beside the alert: a law firm's client, her creditors, their case, and
//! what has been written in it.

use std::collections::BTreeMap;
use std::time::Duration;

use super::stage::{Stage, contact};
use crate::clock::{Randomness, SystemClock};
use crate::domain::{
    Actor, Audience, CaseCreditor, Channel, Channels, Contact, ContactKind, Content,
    EntryDirection, EntryId, EntryKind, Matter, Redacted,
};
use crate::proto::smtp::{Enhanced, Reply};
use crate::sim::mx;
use crate::sim::people::{CallFate, EmailFate, Invented, TextFate};
use crate::submit::DraftInput;
use crate::tracker::{CaseInput, NoteInput};

/// Domains of the creditors.
pub(super) const DOMAINS: [&str; 2] = ["barkers-bank.example", "quickloan.example"];
/// Answers what it gets.
const BANK: &str = "letters@barkers-bank.example";
/// Is not there any more.
const LENDER: &str = "complaints@quickloan.example";
const CLIENT: &str = "idris.fairweather@mail.example";
/// The template of the first letter.
const TEMPLATE: &str = "General: creditor inquiry";

/// What becomes of mail to the firm's people; none for others.
pub(super) fn fate(address: &str) -> Option<mx::Behaviour> {
    match address {
        BANK => Some(mx::Behaviour::AcceptThen {
            notice: mx::Notice::Reply {
                text: "We have your inquiry and will answer within one month.".to_owned(),
            },
            after: Duration::from_secs(4),
        }),
        LENDER => {
            let text = "This mailbox has been closed";
            Some(mx::Behaviour::RefuseAtRcpt(Reply::new(
                550,
                Enhanced(5, 2, 1),
                text,
            )))
        }
        _ => None,
    }
}

fn party(
    name: (&'static str, &'static str),
    kind: ContactKind,
    email: &str,
    mobile: Option<&str>,
    random: &Randomness,
) -> anyhow::Result<Contact> {
    let invented = Invented {
        first_name: name.0,
        last_name: name.1,
        area: 0,
        email: Some((email.to_owned(), EmailFate::Taken)),
        mobile: mobile.map(|number| (number.to_owned(), TextFate::Received)),
        landline: None,
        call: CallFate::NoAnswer,
    };
    let now = SystemClock::shared().wall();
    Ok(Contact {
        kind,
        ..contact(&invented, None, random, now)?
    })
}

/// Opens the case, writes to everybody and writes a call down.
pub(super) async fn open(stage: &Stage) -> anyhow::Result<()> {
    let random = Randomness::from_os()?;
    let client = party(
        ("Idris", "Fairweather"),
        ContactKind::Client,
        CLIENT,
        Some("+447700900777"),
        &random,
    )?;
    let bank = party(
        ("", "Barkers Bank"),
        ContactKind::Creditor,
        BANK,
        None,
        &random,
    )?;
    let lender = party(
        ("", "Quickloan"),
        ContactKind::Creditor,
        LENDER,
        None,
        &random,
    )?;
    let tracker = stage.daemon.tracker();
    let all = [client.clone(), bank.clone(), lender.clone()];
    tracker.add_contacts(&all).await?;
    let account = |contact: &Contact, account: &str| CaseCreditor {
        contact: contact.id,
        account: Redacted::new(account.to_owned()),
    };
    let input = CaseInput {
        reference: "DC-2026-00001".into(),
        title: "Two credit agreements".into(),
        client: client.id,
        creditors: vec![account(&bank, "4929-7701"), account(&lender, "QL 20714")],
        responsible: Some(stage.operator),
        team: Vec::new(),
        restricted: false,
    };
    let by = Actor::User(stage.operator);
    let case = tracker.add_case(&input, by).await?;
    let matter = Matter {
        client: client.id,
        case: Some(case),
    };
    inquire(stage, matter, &bank).await?;
    write(
        stage,
        matter,
        &lender,
        Channel::Email,
        "A complaint about agreement QL 20714",
    )
    .await?;
    write(
        stage,
        matter,
        &client,
        Channel::Text,
        "We have written to both of your creditors today. Fairholm Law",
    )
    .await?;
    note(stage, matter, &random).await
}

/// Writes down that the client rang.
async fn note(stage: &Stage, matter: Matter, random: &Randomness) -> anyhow::Result<()> {
    let note = NoteInput {
        id: EntryId::new(random.uuid_v7(SystemClock::shared().wall())),
        client: matter.client,
        case: matter.case,
        with: matter.client,
        direction: EntryDirection::Received,
        kind: EntryKind::Call,
        at: SystemClock::shared().wall(),
        text: "She rang: both agreements were made at her kitchen table in 2019.".to_owned(),
        files: Vec::new(),
        link: None,
    };
    let tracker = stage.daemon.tracker();
    tracker.add_note(&note, stage.operator).await?;
    Ok(())
}

fn letter(matter: Matter, to: &Contact, channel: Channel) -> anyhow::Result<DraftInput> {
    let method = to.methods_for(channel).first().map(|method| method.id);
    anyhow::ensure!(method.is_some(), "nobody of the firm lacks an address");
    Ok(DraftInput {
        category: "Letter".to_owned(),
        channels: Channels::only(channel),
        audience: Audience {
            contacts: vec![to.id],
            method,
            ..Audience::default()
        },
        matter: Some(matter),
        ..DraftInput::default()
    })
}

/// A letter from a template.
async fn inquire(stage: &Stage, matter: Matter, to: &Contact) -> anyhow::Result<()> {
    let submitter = stage.daemon.submitter();
    let draft = letter(matter, to, Channel::Email)?;
    let id = submitter.save_draft(None, &draft, stage.operator).await?;
    let templates = stage.daemon.repo().templates()?;
    let template = templates.iter().find(|one| one.name == TEMPLATE);
    let template = template.map(|one| one.id);
    let template = template.ok_or_else(|| anyhow::anyhow!("there is no template {TEMPLATE}"))?;
    let values = [
        ("organisation.name", "Fairholm Law"),
        ("user.name", "Dana Marlow"),
        (
            "question",
            "Please confirm the balance and send a copy of the agreement.",
        ),
        ("reply_by", "2027-01-31"),
    ];
    let values = values.map(|(name, value)| (name.to_owned(), value.to_owned()));
    let values = BTreeMap::from(values);
    submitter
        .fill_draft(id, None, template, &values, stage.operator)
        .await?;
    submitter.send(id).await?;
    Ok(())
}

async fn write(
    stage: &Stage,
    matter: Matter,
    to: &Contact,
    channel: Channel,
    said: &str,
) -> anyhow::Result<()> {
    let submitter = stage.daemon.submitter();
    let draft = DraftInput {
        content: Content {
            subject: said.to_owned(),
            text: format!("Dear Sir or Madam,\n\n{said}.\n\nFairholm Law\n"),
            sms_text: said.to_owned(),
            ..Content::default()
        },
        ..letter(matter, to, channel)?
    };
    let id = submitter.save_draft(None, &draft, stage.operator).await?;
    submitter.send(id).await?;
    Ok(())
}
