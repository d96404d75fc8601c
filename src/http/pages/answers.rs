//! Answers that no rule knows, those that say the same together: how often they came, and what
//! they mean by the word of whoever knows.

use std::cmp::Reverse;
use std::sync::Arc;

use askama::Template;
use axum::extract::{Path, State};
use axum::http::{StatusCode, Uri};

use super::super::App;
use super::super::answers::{Naming, by_count, by_last_seen, example};
use super::super::data::Result;
use super::super::fault::Fault;
use super::super::fields::Fields;
use super::super::session::{Signed, SignedForm};
use super::super::times::When;
use super::super::view::Chrome;
use super::compose::see;
use super::contact_edit::Choice;
use super::filter_form::with;
use super::{Answer, apart, id, show_as};
use crate::domain::unknown_answer::{NAMEABLE, meaning};
use crate::domain::{AnswerPool, AnswerPoolId, DeliveryId, EarlyReceipt, Reason, Suspends};
use crate::store::{HeardPool, Loaded, Order};
use crate::tracker::UNKNOWN_RECEIPTS_MAX;

/// Pools on one page: each has a form of its own.
const PAGE_POOLS: usize = 20;
/// Receipts on one page.
const RECEIPTS_SHOWN: usize = 50;
/// Where the list stands.
const HERE: &str = "/unknown-answers";

/// What somebody said that answers mean.
struct Named {
    reason: String,
    by: String,
    at: When,
}

/// Reasons that do the same to a method.
struct Group {
    effect: String,
    reasons: Vec<Choice>,
}

struct Row {
    id: AnswerPoolId,
    codes: String,
    shape: String,
    count: u64,
    first: When,
    last: When,
    example: Option<DeliveryId>,
    named: Option<Named>,
    /// Only answers in nearly the same words mean it.
    is_strict: bool,
    groups: Vec<Group>,
    /// What was sent was none of the reasons.
    refused: bool,
}

/// A receipt that belongs to no text.
struct Receipt {
    id: String,
    says: String,
    at: When,
}

/// Receipts that belong to no text, the latest first.
struct Receipts {
    rows: Vec<Receipt>,
    /// That there are more; empty for nothing.
    more: String,
}

/// A list or an order that one may look at.
struct Tab {
    href: String,
    label: &'static str,
    count: Option<usize>,
    current: bool,
}

#[derive(Template)]
#[template(path = "answers.html")]
struct Page {
    c: Chrome,
    lists: Vec<Tab>,
    orders: Vec<Tab>,
    rows: Vec<Row>,
    /// Beneath the first page alone.
    receipts: Receipts,
    /// Title and text of what stands there when nothing does.
    empty: (&'static str, &'static str),
    first: String,
    next: String,
}

/// `GET /unknown-answers`: those without a reason; `?state=named` those with one; `sort=seen` by
/// when they were last seen.
pub(super) async fn page(State(app): State<Arc<App>>, signed: Signed, uri: Uri) -> Answer {
    apart(move || list(&app, &signed, &Fields::of_query(&uri), None)).await
}

/// `POST /unknown-answers/{id}/name`
pub(super) async fn name(
    State(app): State<Arc<App>>,
    Path(text): Path<String>,
    SignedForm { signed, fields }: SignedForm,
) -> Answer {
    let of: AnswerPoolId = id(&text)?;
    let reason = Reason::from_name(fields.get("reason"));
    let Some(reason) = reason.filter(|reason| NAMEABLE.contains(reason)) else {
        return apart(move || list(&app, &signed, &Fields::default(), Some(of))).await;
    };
    let tracker = &app.console.tracker;
    tracker.name_answers(of, reason, signed.user.id).await?;
    Ok(done("answers_named"))
}

/// `POST /unknown-answers/{id}/unname`
pub(super) async fn unname(
    State(app): State<Arc<App>>,
    Path(text): Path<String>,
    _form: SignedForm,
) -> Answer {
    app.console.tracker.unname_answers(id(&text)?).await?;
    Ok(done("answers_unnamed"))
}

/// `POST /unknown-answers/{id}/forget`
pub(super) async fn forget(
    State(app): State<Arc<App>>,
    Path(text): Path<String>,
    _form: SignedForm,
) -> Answer {
    let is_gone = app.console.tracker.forget_answers(id(&text)?).await?;
    Ok(done(if is_gone {
        "answers_forgotten"
    } else {
        "answers_kept"
    }))
}

fn done(word: &str) -> axum::response::Response {
    see(&format!("{HERE}?done={word}"))
}

/// `refused` is a pool for which no reason was chosen: it is shown alone.
fn list(app: &App, signed: &Signed, query: &Fields, refused: Option<AnswerPoolId>) -> Answer {
    let title = signed.words.t("answers.title");
    let c = Chrome::of(app, signed, title, "answers")?.with_done(query.get("done"));
    let naming = match query.get("state") {
        "named" => Naming::With,
        _ => Naming::Without,
    };
    let by_seen = query.get("sort") == "seen";
    let mut pools = app.repo().heard_pools()?;
    let named = pools
        .iter()
        .filter(|heard| Naming::With.is_of(heard))
        .count();
    let counts = [pools.len() - named, named];
    match refused {
        Some(id) => pools.retain(|heard| heard.pool.id == id),
        None => pools.retain(|heard| naming.is_of(heard)),
    }
    if refused.is_some() && pools.is_empty() {
        return Err(Fault::NotFound);
    }
    if by_seen {
        by_last_seen(&mut pools, Order::Usual);
    } else {
        by_count(&mut pools);
    }
    let from: usize = query.get("from").parse().unwrap_or(0);
    let next = from.saturating_add(PAGE_POOLS);
    let here = address(naming, by_seen);
    let mut rows = Vec::new();
    for heard in pools.iter().skip(from).take(PAGE_POOLS) {
        rows.push(row(app, signed, &c, heard, refused.is_some())?);
    }
    let status = match refused {
        Some(_) => StatusCode::UNPROCESSABLE_ENTITY,
        None => StatusCode::OK,
    };
    let page = Page {
        lists: lists(&c, counts, naming, by_seen),
        orders: orders(&c, naming, by_seen),
        empty: match naming {
            Naming::Without => (c.t("answers.none"), c.t("answers.none_text")),
            Naming::With => (c.t("answers.none_named"), c.t("answers.none_named_text")),
        },
        next: if next < pools.len() {
            with(&here, &format!("from={next}"))
        } else {
            String::new()
        },
        first: if from > 0 { here } else { String::new() },
        receipts: receipts(app, &c, from == 0 && refused.is_none())?,
        rows,
        c,
    };
    show_as(status, &page)
}

/// What message centres said of texts that nobody here knows.
fn receipts(app: &App, c: &Chrome, shown: bool) -> Result<Receipts> {
    let mut found = match shown {
        true => app.repo().early_receipts(None, UNKNOWN_RECEIPTS_MAX)?.rows,
        false => Vec::new(),
    };
    // One stands under each way in which its id may be written.
    found.retain(|one| one.also.iter().all(|other| *other > one.remote_id));
    found.sort_by_key(|one| Reverse(one.at));
    let total = found.len();
    found.truncate(RECEIPTS_SHOWN);
    let row = |one: &Loaded<EarlyReceipt>| Receipt {
        id: one.remote_id.clone(),
        says: one.verdict.diagnostic.as_str().to_owned(),
        at: c.when(&one.at),
    };
    Ok(Receipts {
        rows: found.iter().map(row).collect(),
        more: if total > RECEIPTS_SHOWN {
            c.f2("answers.receipts_more", RECEIPTS_SHOWN, c.number(total))
        } else {
            String::new()
        },
    })
}

/// The address of a list in an order.
fn address(naming: Naming, by_seen: bool) -> String {
    let list = match naming {
        Naming::Without => HERE.to_owned(),
        Naming::With => with(HERE, "state=named"),
    };
    if by_seen {
        with(&list, "sort=seen")
    } else {
        list
    }
}

fn lists(c: &Chrome, counts: [usize; 2], current: Naming, by_seen: bool) -> Vec<Tab> {
    let all = [
        (Naming::Without, "answers.unnamed"),
        (Naming::With, "answers.named"),
    ];
    let tab = |((naming, label), count): ((Naming, &'static str), usize)| Tab {
        href: address(naming, by_seen),
        label: c.t(label),
        count: Some(count),
        current: naming == current,
    };
    all.into_iter().zip(counts).map(tab).collect()
}

fn orders(c: &Chrome, naming: Naming, by_seen: bool) -> Vec<Tab> {
    let all = [(false, "answers.by_count"), (true, "answers.by_seen")];
    let tab = |(seen, label): (bool, &'static str)| Tab {
        href: address(naming, seen),
        label: c.t(label),
        count: None,
        current: seen == by_seen,
    };
    all.map(tab).into()
}

fn row(app: &App, signed: &Signed, c: &Chrome, heard: &HeardPool, refused: bool) -> Result<Row> {
    let pool = &heard.pool;
    let named = match pool.named {
        Some(naming) => {
            let user = app.repo().user(naming.by)?;
            let gone = || c.t("person.gone").to_owned();
            Some(Named {
                reason: c.words.say(naming.reason.explain()).to_owned(),
                by: user.map_or_else(gone, |user| user.name.clone()),
                at: c.when(&naming.at),
            })
        }
        None => None,
    };
    Ok(Row {
        id: pool.id,
        codes: codes(c, pool),
        shape: pool.shape.as_str().to_owned(),
        count: heard.count,
        first: c.when(&pool.first_seen),
        last: c.when(&heard.last_seen),
        example: example(app, &signed.access, heard)?,
        named,
        is_strict: pool.suspends_at_once(),
        groups: groups(c, pool),
        refused,
    })
}

/// The codes of the first answer, as it had them.
fn codes(c: &Chrome, pool: &AnswerPool) -> String {
    let reply = pool.reply.map(|code| code.to_string());
    let status = pool.status.map(|code| code.to_string());
    let codes: Vec<String> = reply.into_iter().chain(status).collect();
    if codes.is_empty() {
        c.t("answers.no_code").to_owned()
    } else {
        codes.join(" ")
    }
}

/// What may be said of a pool, by what that does to the method.
fn groups(c: &Chrome, pool: &AnswerPool) -> Vec<Group> {
    let chosen = pool.named.map(|naming| naming.reason);
    let effects = [Suspends::AtOnce, Suspends::AfterRepeats, Suspends::Never];
    let group = |effect: Suspends| {
        let does = |reason: &Reason| meaning(*reason, pool.permanence).suspends() == effect;
        let choice = |reason: Reason| Choice {
            value: reason.as_str().to_owned(),
            text: c.words.say(reason.explain()).to_owned(),
            chosen: chosen == Some(reason),
        };
        Group {
            effect: c.words.say(effect.explain()).to_owned(),
            reasons: NAMEABLE.into_iter().filter(does).map(choice).collect(),
        }
    };
    let groups = effects.into_iter().map(group);
    groups.filter(|group| !group.reasons.is_empty()).collect()
}
