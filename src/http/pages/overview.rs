//! The first page: is anything wrong, and did they get it?

use std::sync::Arc;

use askama::Template;
use axum::extract::State;

use super::super::App;
use super::super::data::{self, Result, WRITTEN};
use super::super::readiness::{ChannelHealth, ChannelState, Readiness};
use super::super::session::Signed;
use super::super::times::When;
use super::super::view::{Badge, Chrome, channel_icon};
use super::communications::{Row, has_lost, rows};
use super::inbox::who;
use super::{Answer, apart, show};
use crate::domain::{Access, Channel, Communication, CommunicationState, Lane, Thread};
use crate::store::{Loaded, Order, ThreadList};

/// Communications shown here.
const LATEST_MAX: usize = 6;
/// Communications looked through for those that have been sent.
const LOOKED_AT_MAX: usize = 60;
/// What waits for somebody, shown here.
const MINE_MAX: usize = 8;
/// Of those, unread replies.
const REPLIES_MAX: usize = 4;
/// Threads looked through for the reader's and nobody's.
const THREADS_LOOKED_AT_MAX: usize = 60;
/// Alarms shown here.
const ALARMS_MAX: usize = 5;
/// Queue entries counted; beyond it the page says "more than".
const DEPTH_MAX: usize = 1_000;

struct Tile {
    tone: &'static str,
    icon: &'static str,
    /// Icon beside the value.
    mark: &'static str,
    label: String,
    value: String,
    note: String,
    href: &'static str,
}

/// Something that waits for whoever looks.
struct Mine {
    state: Badge,
    href: String,
    title: String,
    when: When,
    /// What is the matter with it.
    note: String,
}

struct AlarmView {
    when: When,
    text: String,
}

#[derive(Template)]
#[template(path = "overview.html")]
struct Page {
    c: Chrome,
    tone: &'static str,
    icon: &'static str,
    headline: &'static str,
    detail: String,
    alarms: Vec<AlarmView>,
    tiles: Vec<Tile>,
    latest: Vec<Row>,
    mine: Vec<Mine>,
    mine_more: bool,
    replies_more: bool,
}

/// `GET /`
pub(super) async fn page(State(app): State<Arc<App>>, signed: Signed) -> Answer {
    apart(move || {
        let c = Chrome::of(&app, &signed, signed.words.t("overview.title"), "overview")?;
        let readiness = app.console.readiness.borrow().clone();
        let waiting = waiting(&app)?;
        let communications =
            data::communications(&app, &signed.access, WRITTEN, None, LOOKED_AT_MAX)?.rows;
        let sent = communications.into_iter().filter(Communication::is_sent);
        let latest = rows(&app, &c, &sent.take(LATEST_MAX).collect::<Vec<_>>())?;
        let waits = mine(&app, &c, &signed)?;
        let alarms = readiness.alarms.iter().take(ALARMS_MAX);
        let alarms = alarms.map(|alarm| AlarmView {
            when: c.when(&alarm.at),
            text: c.words.tell(&alarm.text),
        });
        let (tone, icon, headline, detail) = verdict(&c, &readiness);
        let mut tiles: Vec<Tile> = Channel::ALL
            .iter()
            .map(|channel| channel_tile(&c, *channel, &readiness))
            .collect();
        tiles.push(queue_tile(&c, waiting));
        tiles.push(replies_tile(&c));
        tiles.push(issues_tile(&c));
        show(&Page {
            tone,
            icon,
            headline,
            detail,
            alarms: alarms.collect(),
            tiles,
            latest,
            mine: waits.rows,
            mine_more: waits.more,
            replies_more: waits.replies_more,
            c,
        })
    })
    .await
}

/// What waits for whoever looks, and whether there is more of it.
struct Waits {
    rows: Vec<Mine>,
    more: bool,
    replies_more: bool,
}

/// What waits for whoever looks: what they may approve, replies that are theirs or nobody's, what
/// goes out soon or was taken back because somebody it leaves out was deleted, their own drafts.
fn mine(app: &App, c: &Chrome, signed: &Signed) -> Result<Waits> {
    let me = signed.user.id;
    let in_state = |state| -> Result<Vec<Communication>> {
        let read = |after, limit| app.repo().communications_in_state(state, after, limit);
        let access = &signed.access;
        Ok(data::communications_seen(app, access, None, LOOKED_AT_MAX, read)?.rows)
    };
    let mut found = in_state(CommunicationState::AwaitingApproval)?;
    found.retain(|one| data::may_decide(one, &signed.access));
    let approvals = found.len().min(MINE_MAX);
    let mut replies = replies(app, c, &signed.access)?;
    let replies_more = replies.len() > REPLIES_MAX;
    replies.truncate(REPLIES_MAX);
    let mut scheduled = in_state(CommunicationState::Scheduled)?;
    scheduled.sort_by_key(|one| one.plan.scheduled_at);
    found.extend(scheduled);
    for draft in in_state(CommunicationState::Draft)? {
        if draft.plan.scheduled_at.is_some() && has_lost(app, &draft)? {
            found.insert(approvals, draft);
        } else if draft.origin.user() == Some(me) {
            found.push(draft);
        }
    }
    let room = MINE_MAX.saturating_sub(replies.len()).max(approvals);
    let more = found.len() > room;
    found.truncate(room);
    let shown = rows(app, c, &found)?.into_iter().zip(&found);
    let mut rows: Vec<Mine> = shown
        .map(|(row, one)| Mine {
            state: row.state,
            href: row.href,
            title: row.title,
            when: c.when(&one.plan.scheduled_at.unwrap_or(one.modified_at)),
            note: if one.is_draft() {
                row.note
            } else {
                String::new()
            },
        })
        .collect();
    // Between what waits for approval and what goes out by itself.
    rows.splice(approvals..approvals, replies);
    Ok(Waits {
        rows,
        more,
        replies_more,
    })
}

/// Unread replies that are the reader's or nobody's, the latest first; one more than are shown.
fn replies(app: &App, c: &Chrome, access: &Access) -> Result<Vec<Mine>> {
    let (unread, start) = (ThreadList::Unread, (Order::Usual, None));
    let unread = data::threads_seen(app, access, unread, start, THREADS_LOOKED_AT_MAX)?;
    let me = access.user;
    let theirs = |thread: &&Loaded<Thread>| thread.assigned.is_none_or(|user| user == me);
    let mut found = Vec::new();
    for thread in unread.rows.iter().filter(theirs).take(REPLIES_MAX + 1) {
        let contact = thread
            .contact
            .map(|id| app.repo().contact(id))
            .transpose()?;
        let contact = contact.flatten();
        let who = who(contact.as_deref(), thread);
        let about = thread.subject.reveal();
        let about = if about.is_empty() {
            thread.preview.reveal()
        } else {
            about
        };
        found.push(Mine {
            state: Badge {
                tone: "open",
                icon: "inbox",
                text: c.t("overview.reply").to_owned(),
            },
            href: format!("/inbox/{}", thread.id),
            title: if about.is_empty() {
                who
            } else {
                c.f2("overview.reply_of", who, about)
            },
            when: c.when(&thread.changed_at),
            note: String::new(),
        });
    }
    Ok(found)
}

/// Deliveries that wait, counted up to a limit in each lane.
fn waiting(app: &App) -> Result<usize> {
    let lanes = [Lane::Email, Lane::Text, Lane::Call];
    let mut sum = 0;
    for lane in lanes {
        sum += app.repo().lane_depth(lane, DEPTH_MAX)?;
    }
    Ok(sum)
}

fn verdict(
    c: &Chrome,
    readiness: &Readiness,
) -> (&'static str, &'static str, &'static str, String) {
    let reasons = readiness.reasons();
    let down = readiness
        .channels
        .iter()
        .filter(|channel| channel.state == ChannelHealth::Down);
    let down: Vec<&str> = down.map(|channel| channel.name.as_str()).collect();
    if !reasons.is_empty() {
        let reasons: Vec<String> = reasons.iter().map(|reason| c.words.tell(reason)).collect();
        return ("bad", "alert", c.t("overview.broken"), reasons.join("; "));
    }
    if !down.is_empty() {
        return (
            "bad",
            "alert",
            c.t("overview.down"),
            c.f1("overview.down_text", down.join(", ")),
        );
    }
    if !readiness.alarms.is_empty() {
        return (
            "bad",
            "alert",
            c.t("overview.alarmed"),
            c.t("overview.alarmed_text").to_owned(),
        );
    }
    if c.issues > 0 {
        return (
            "open",
            "alert",
            c.t("overview.issues"),
            c.n("overview.issues_one", "overview.issues_many", &c.issues),
        );
    }
    (
        "good",
        "check",
        c.t("overview.fine"),
        c.t("overview.fine_text").to_owned(),
    )
}

fn channel_tile(c: &Chrome, channel: Channel, readiness: &Readiness) -> Tile {
    let ways: Vec<&ChannelState> = readiness
        .channels
        .iter()
        .filter(|way| way.channel == channel)
        .collect();
    let has = |state| ways.iter().any(|way| way.state == state);
    let (tone, mark, value) = if has(ChannelHealth::Down) {
        ("bad", "cross", "health.down")
    } else if has(ChannelHealth::Connecting) {
        ("open", "clock", "health.connecting")
    } else if has(ChannelHealth::Ready) {
        ("good", "check", "health.ready")
    } else {
        ("", "minus", "health.off")
    };
    let detail = ways.iter().map(|way| {
        if way.detail.is_empty() {
            c.words.say(&way.name)
        } else {
            c.words.say(&way.detail)
        }
    });
    let detail: Vec<&str> = detail.collect();
    Tile {
        tone,
        icon: channel_icon(channel),
        mark,
        label: c.channel(&channel),
        value: c.t(value).to_owned(),
        note: detail.join(", "),
        href: "",
    }
}

fn queue_tile(c: &Chrome, waiting: usize) -> Tile {
    let full = waiting >= DEPTH_MAX;
    Tile {
        tone: if waiting == 0 { "good" } else { "" },
        icon: "clock",
        mark: "",
        label: c.t("overview.queue").to_owned(),
        value: if full {
            c.f1("overview.queue_more", DEPTH_MAX)
        } else {
            waiting.to_string()
        },
        note: c
            .t(if waiting == 0 {
                "overview.queue_empty"
            } else {
                "overview.queue_text"
            })
            .to_owned(),
        href: "",
    }
}

fn replies_tile(c: &Chrome) -> Tile {
    Tile {
        tone: if c.unread == 0 { "good" } else { "open" },
        icon: "inbox",
        mark: "",
        label: c.t("nav.inbox").to_owned(),
        value: c.unread.to_string(),
        note: c
            .t(if c.unread == 0 {
                "inbox.all_read"
            } else {
                "inbox.see_unread"
            })
            .to_owned(),
        href: if c.unread == 0 {
            "/inbox"
        } else {
            "/inbox?show=unread"
        },
    }
}

fn issues_tile(c: &Chrome) -> Tile {
    Tile {
        tone: if c.issues == 0 { "good" } else { "open" },
        icon: "alert",
        mark: "",
        label: c.t("nav.issues").to_owned(),
        value: c.issues.to_string(),
        note: c
            .t(if c.issues == 0 {
                "overview.no_issues"
            } else {
                "overview.see_issues"
            })
            .to_owned(),
        href: "/issues",
    }
}
