//! `tocsin demo --check`: what must have come true, one JSON line each.

use std::process::ExitCode;
use std::time::{Duration, Instant};

use serde::Serialize;

use super::stage::Stage;
use crate::domain::comms_issue::{Reachability, reachability};
use crate::domain::{
    Channel, CommunicationId, Contact, ContactId, Delivery, LogEvent, MethodKind, MethodState,
    PersonState,
};
use crate::sim::people::{CallFate, EmailFate, Invented, TextFate};
use crate::store::Loaded;

/// Time for everything to come true.
const WAIT_MAX: Duration = Duration::from_secs(240);
/// Time between two looks.
const LOOK_INTERVAL: Duration = Duration::from_millis(200);
/// Log lines of one person that are looked at.
const LOG_MAX: usize = 50;
/// Deliveries of one person that are looked at.
const DELIVERIES_MAX: usize = 20;

/// One thing that must come true.
#[derive(Serialize)]
struct Outcome {
    person: String,
    what: &'static str,
    expected: String,
    found: String,
    ok: bool,
}

pub(super) async fn run(stage: &Stage) -> anyhow::Result<ExitCode> {
    let began = Instant::now();
    let alert = stage.send_alert().await?;
    let mut outcomes = look(stage, alert)?;
    while began.elapsed() < WAIT_MAX && outcomes.iter().any(|outcome| !outcome.ok) {
        tokio::time::sleep(LOOK_INTERVAL).await;
        outcomes = look(stage, alert)?;
    }
    for outcome in &outcomes {
        println!("{}", serde_json::to_string(outcome)?);
    }
    let failed = outcomes.iter().filter(|outcome| !outcome.ok).count();
    let took_secs = began.elapsed().as_secs_f64();
    let summary = serde_json::json!({
        "outcomes": outcomes.len(),
        "failed": failed,
        "took_secs": (took_secs * 10.0).round() / 10.0,
        "resident_mib": crate::observe::resident_bytes() / (1024 * 1024),
    });
    println!("{summary}");
    Ok(if failed == 0 {
        ExitCode::SUCCESS
    } else {
        ExitCode::FAILURE
    })
}

fn look(stage: &Stage, alert: CommunicationId) -> anyhow::Result<Vec<Outcome>> {
    let mut outcomes = Vec::new();
    for (id, person) in &stage.people {
        look_at_person(stage, alert, *id, person, &mut outcomes)?;
    }
    look_at_numbers(stage, alert, &mut outcomes)?;
    Ok(outcomes)
}

fn look_at_person(
    stage: &Stage,
    alert: CommunicationId,
    id: ContactId,
    person: &Invented,
    outcomes: &mut Vec<Outcome>,
) -> anyhow::Result<()> {
    let repo = stage.daemon.repo();
    let name = format!("{} {}", person.first_name, person.last_name);
    let all = repo.deliveries_of(id, None, DELIVERIES_MAX)?.rows;
    let found = |channel: Channel| {
        let delivery = all
            .iter()
            .find(|delivery| delivery.communication == alert && delivery.channel == channel);
        delivery.map_or_else(|| "none".to_owned(), |delivery| describe(delivery))
    };
    let mut expect = |what, expected: &[&str], found: String| {
        let ok = expected.contains(&found.as_str());
        outcomes.push(Outcome {
            person: name.clone(),
            what,
            expected: expected.join(" or "),
            found,
            ok,
        });
    };
    expect("email", expected_email(person), found(Channel::Email));
    expect("text", expected_text(person), found(Channel::Text));
    expect("call", expected_call(person), found(Channel::Call));
    let state = repo
        .person(alert, id)?
        .map_or("none", |person| person.state.as_str());
    expect(
        "person",
        &[expected_state(person).as_str()],
        state.to_owned(),
    );
    let Some(contact) = repo.contact(id)? else {
        anyhow::bail!("a contact of the demo is gone");
    };
    let issue = match reachability(&contact) {
        Reachability::Fine => "none",
        Reachability::Issue => "issue",
        Reachability::Unreachable => "unreachable",
    };
    expect(
        "communication issue",
        &[expected_issue(person)],
        issue.to_owned(),
    );
    if matches!(person.email, Some((_, EmailFate::BouncesLater))) {
        look_at_bounce(stage, &contact, person, &all, &mut expect)?;
    }
    Ok(())
}

/// What a bounce leaves behind: the evidence, word for word, and a prompt through the mobile.
fn look_at_bounce(
    stage: &Stage,
    contact: &Contact,
    person: &Invented,
    all: &[Loaded<Delivery>],
    expect: &mut impl FnMut(&'static str, &[&str], String),
) -> anyhow::Result<()> {
    let mut methods = contact.methods.iter();
    let email = methods.find(|method| method.kind == MethodKind::Email);
    let suspended = email.filter(|method| method.state == MethodState::Suspended);
    let diagnostic = suspended
        .and_then(|method| method.suspension.as_ref())
        .map_or("", |suspension| suspension.verdict.diagnostic.as_str());
    let kept = diagnostic.contains("The email account that you tried to reach does not exist");
    let found = if kept { "kept" } else { "missing" };
    expect("diagnostic kept as written", &["kept"], found.to_owned());
    let log = stage.daemon.repo().log(contact.id, None, LOG_MAX)?.rows;
    let prompt = log.into_iter().find_map(|row| match row.value.event {
        LogEvent::Prompted {
            about,
            communication,
        } if Some(about) == email.map(|method| method.id) => Some(communication),
        _ => None,
    });
    let text =
        prompt.and_then(|prompt| all.iter().find(|delivery| delivery.communication == prompt));
    // A mobile that has failed too takes no prompt.
    let works = matches!(person.mobile, Some((_, TextFate::Received)))
        && (person.landline.is_some() || person.call != CallFate::UnknownNumber);
    let wanted: &[&str] = if works {
        &["received"]
    } else {
        &["none", "undelivered"]
    };
    let found = text.map_or_else(|| "none".to_owned(), |delivery| describe(delivery));
    expect("prompt by text", wanted, found);
    Ok(())
}

fn describe(delivery: &Delivery) -> String {
    if delivery.closed.is_some() {
        "cancelled".to_owned()
    } else {
        delivery.status().as_str().to_owned()
    }
}

/// A key pressed may come before the mail or text has gone: then that is not needed any more.
const fn presses_one(person: &Invented) -> bool {
    matches!(person.call, CallFate::PressesOne)
        && (person.mobile.is_some() || person.landline.is_some())
}

fn expected_email(person: &Invented) -> &'static [&'static str] {
    match &person.email {
        None => &["none"],
        Some((_, EmailFate::Taken)) => &["received"],
        Some((_, EmailFate::Refused | EmailFate::BouncesLater)) => &["rebound"],
        Some((_, EmailFate::Full)) if presses_one(person) => &["cancelled"],
        Some((_, EmailFate::Full)) => &["deferred"],
    }
}

fn expected_text(person: &Invented) -> &'static [&'static str] {
    // The call to a mobile that does not exist may fail, and suspend it, before the text goes.
    let suspended_by_call = person.landline.is_none() && person.call == CallFate::UnknownNumber;
    match &person.mobile {
        None => &["none"],
        Some((_, TextFate::Received)) if suspended_by_call => &["received", "cancelled"],
        Some((_, TextFate::Undelivered)) if suspended_by_call => &["undelivered", "cancelled"],
        Some((_, TextFate::Received)) => &["received"],
        Some((_, TextFate::Undelivered)) => &["undelivered"],
    }
}

fn expected_call(person: &Invented) -> &'static [&'static str] {
    if person.mobile.is_none() && person.landline.is_none() {
        return &["none"];
    }
    match person.call {
        CallFate::PressesOne => &["confirmed"],
        CallFate::HangsUp => &["completed"],
        CallFate::Busy => &["busy"],
        CallFate::NoAnswer => &["no answer"],
        CallFate::Voicemail => &["voicemail"],
        CallFate::UnknownNumber => &["failed"],
    }
}

fn expected_state(person: &Invented) -> PersonState {
    let email = matches!(person.email, Some((_, EmailFate::Taken)));
    let waits = matches!(person.email, Some((_, EmailFate::Full)));
    let text = matches!(person.mobile, Some((_, TextFate::Received)));
    if email || text || presses_one(person) {
        PersonState::Contacted
    } else if waits {
        PersonState::InProgress
    } else {
        PersonState::NotContacted
    }
}

fn expected_issue(person: &Invented) -> &'static str {
    let email_failed = matches!(
        person.email,
        Some((_, EmailFate::Refused | EmailFate::BouncesLater))
    );
    let number_failed = person.call == CallFate::UnknownNumber;
    let mobile_failed = person.mobile.is_some()
        && (matches!(person.mobile, Some((_, TextFate::Undelivered)))
            || (number_failed && person.landline.is_none()));
    let landline_failed = person.landline.is_some() && number_failed;
    let known = [
        person.email.is_some(),
        person.mobile.is_some(),
        person.landline.is_some(),
    ];
    let failed = [email_failed, mobile_failed, landline_failed];
    let working = known
        .iter()
        .zip(failed)
        .any(|(known, failed)| *known && !failed);
    match (failed.contains(&true), working) {
        (false, _) => "none",
        (true, true) => "issue",
        (true, false) => "unreachable",
    }
}

/// The numbers of the statistics page agree with a count of the people.
fn look_at_numbers(
    stage: &Stage,
    alert: CommunicationId,
    outcomes: &mut Vec<Outcome>,
) -> anyhow::Result<()> {
    let repo = stage.daemon.repo();
    let Some(communication) = repo.communication(alert)? else {
        anyhow::bail!("the alert is gone");
    };
    let statistics = repo.statistics(&communication)?;
    let count = |state| {
        stage
            .people
            .iter()
            .filter(|(_, person)| expected_state(person) == state)
            .count() as u64
    };
    let found = [
        statistics.contacted,
        statistics.in_progress,
        statistics.not_contacted,
    ];
    let expected = PersonState::ALL.map(count);
    outcomes.push(Outcome {
        person: String::new(),
        what: "statistics: contacted, in progress, not contacted",
        expected: format!("{expected:?}"),
        found: format!("{found:?}"),
        ok: expected == found,
    });
    Ok(())
}
