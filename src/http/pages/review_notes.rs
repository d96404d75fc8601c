//! What the review points out: how the communication stands, and what is unusual about it.

use super::super::App;
use super::super::data::{Areas, Result};
use super::super::view::Chrome;
use super::compose::visible;
use super::review::when;
use crate::domain::{Communication, CommunicationState, UserId};
use crate::submit::{DraftInput, Review};

/// Most empty areas named.
const AREAS_NAMED_MAX: usize = 5;

/// A note with a tone and an icon.
pub(super) struct Note {
    pub(super) tone: &'static str,
    pub(super) icon: &'static str,
    pub(super) text: String,
}

fn note(tone: &'static str, icon: &'static str, text: impl Into<String>) -> Note {
    Note {
        tone,
        icon,
        text: text.into(),
    }
}

/// Name of a user for a sentence.
pub(super) fn name_of(app: &App, c: &Chrome, id: UserId) -> Result<String> {
    let user = app.repo().user(id)?;
    Ok(user.map_or_else(|| c.t("person.gone").to_owned(), |user| user.name.clone()))
}

/// How it stands: waiting, scheduled, returned, or its time has passed.
pub(super) fn standing(app: &App, c: &Chrome, of: &Communication) -> Result<Vec<Note>> {
    let mut notes = Vec::new();
    let approval = of.approval.as_ref();
    match of.state {
        CommunicationState::AwaitingApproval => {
            if let Some(approval) = approval {
                let who = name_of(app, c, approval.asked_by)?;
                let at = c.when(&approval.asked_at).inside;
                notes.push(note("open", "question", c.f2("approval.asked", who, at)));
            }
        }
        CommunicationState::Scheduled => {
            let text = c.f1("schedule.waits", when(c, of.plan.scheduled_at));
            notes.push(note("info", "clock", text));
        }
        CommunicationState::Draft => {
            if is_missed(of, c) {
                let at = of.plan.scheduled_at.unwrap_or_default();
                let text = c.f1("schedule.missed", c.when(&at).inside);
                notes.push(note("bad", "clock", text));
            }
        }
        CommunicationState::Expanding | CommunicationState::Sent => {}
    }
    notes.extend(decision(app, c, of)?);
    Ok(notes)
}

/// Whether it is a draft whose time has passed: it did not go out by itself.
pub(super) fn is_missed(of: &Communication, c: &Chrome) -> bool {
    of.state == CommunicationState::Draft && of.plan.scheduled_at.is_some_and(|at| at <= c.now())
}

/// What a second pair of eyes said.
pub(super) fn decision(app: &App, c: &Chrome, of: &Communication) -> Result<Option<Note>> {
    let Some(approval) = &of.approval else {
        return Ok(None);
    };
    if approval.is_waived() {
        let waived = if of.is_sent() {
            "approval.waived"
        } else {
            "approval.will_waive"
        };
        return Ok(Some(note("open", "alert", c.t(waived))));
    }
    let (Some(by), Some(at)) = (approval.decided_by, approval.decided_at) else {
        return Ok(None);
    };
    let who = name_of(app, c, by)?;
    let at = c.when(&at).inside;
    let mut text = if approval.approved {
        c.f2("approval.approved", who, at)
    } else {
        c.f2("approval.returned", who, at)
    };
    if !approval.note.is_empty() {
        text.push(' ');
        text.push_str(&c.f1("approval.note_said", &approval.note));
    }
    let (tone, icon) = if approval.approved {
        ("good", "check")
    } else {
        ("open", "return")
    };
    Ok(Some(note(tone, icon, text)))
}

/// What is unusual.
pub(super) fn notes(app: &App, c: &Chrome, d: &DraftInput, review: &Review) -> Result<Vec<Note>> {
    let mut notes = Vec::new();
    let mut say = |tone, icon, text: String| notes.push(note(tone, icon, text));
    if d.plan.emergency {
        say("bad", "alert", c.t("review.emergency").to_owned());
    }
    if review.approval_waived {
        say("open", "alert", c.t("review.waived").to_owned());
    }
    if review.needs_approval {
        say("info", "question", c.t("review.needs_approval").to_owned());
    }
    if let Some(usual) = review.usual_people {
        say("open", "people", c.f1("review.unusual", usual));
    }
    if !review.empty_areas.is_empty() {
        let areas = Areas::read(app.repo())?;
        let names = review.empty_areas.iter().take(AREAS_NAMED_MAX);
        let names: Vec<&str> = names.map(|id| areas.name(Some(*id))).collect();
        say("open", "map", c.f1("review.empty_areas", names.join(", ")));
    }
    if d.channels.text {
        let sent = app.console.submit.as_sent(&d.category, &d.content);
        let text = &sent.sms_text;
        let carriers = app.console.submit.text_carriers();
        if let Some(odd) = carriers.odd(text).first() {
            let code = format!("U+{:04X}", u32::from(odd.character));
            say("open", "text", c.f2("review.odd", visible(odd), code));
        }
        let count = carriers.segments_max(text);
        if count > 1 {
            say("info", "text", c.f1("review.long_text", count));
        }
        if d.content.sms_text.contains("://") {
            say("info", "text", c.t("review.link_in_text").to_owned());
        }
    }
    if d.channels.email && d.content.html.trim().is_empty() {
        say("info", "mail", c.t("review.plain_only").to_owned());
    }
    let tracking = d.plan.tracked(app.console.submit.tracking());
    if d.channels.email && tracking.opens {
        say("info", "eye", c.t("review.tracked_opens").to_owned());
    }
    if d.channels.email && tracking.clicks {
        say("info", "eye", c.t("review.tracked_clicks").to_owned());
    }
    if review.quiet > 0 && !d.plan.emergency {
        let text = c.n("review.quiet_one", "review.quiet_many", &review.quiet);
        say("info", "clock", text);
    }
    if review.said_no > 0 {
        let text = c.n("review.said_no_one", "review.said_no_many", &review.said_no);
        say("info", "minus", text);
    }
    if review.unverified > 0 {
        let text = c.n(
            "review.unverified_one",
            "review.unverified_many",
            &review.unverified,
        );
        say("info", "question", text);
    }
    Ok(notes)
}
