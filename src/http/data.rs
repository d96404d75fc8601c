//! What the pages read, in the pages' words; and the sessions, the one thing they write.

pub(crate) mod alike;
mod areas;
pub(crate) mod audit;
mod bounds;
pub(crate) mod duplicates;
pub(crate) mod history;
pub(crate) mod imports;
pub(crate) mod people;
pub(crate) mod search;

use std::collections::HashSet;
use std::time::Duration;

pub(crate) use areas::{Areas, issues_total};
pub(crate) use bounds::{communications_seen, threads_seen};

use super::App;
use super::access::Reach;
use super::fault::Fault;
use super::session::is_over;
use crate::domain::second_factor::TakenCode;
use crate::domain::{
    Access, AreaId, AreaTree, Communication, CommunicationId, CommunicationState, Contact,
    ContactId, EmailAddress, Permission, Person, PersonState, PhoneNumber, Session, Subject,
    SubjectKind, Timestamp, User, Visit,
};
use crate::store::acting;
use crate::store::engine::KeyRange;
use crate::store::records::Record;
use crate::store::{
    AuditBatch, Batch, CommunicationList, Find, Loaded, NO_AREA, Order, Repo, RowBatch, Seek,
    StoreError, keys,
};

/// Rows on one page of a list.
pub(crate) const PAGE_ROWS: usize = 50;
/// Most contacts of an installation in which a search looks at every one: there a part from
/// within a name is found too.
const LOOKED_THROUGH_MAX: usize = 500;
/// Fewest digits that are taken for the beginning of a number.
const NUMBER_START_MIN: usize = 3;
/// Most ended sessions removed at one login.
const SESSIONS_SWEPT_MAX: usize = 1_000;
/// Most times that ending a session is tried while its row keeps changing.
const END_TRIES_MAX: u32 = 20;
/// Longest search text looked at, in characters.
const QUERY_MAX: usize = 200;

/// Most people of a communication looked at for one page.
const PEOPLE_LOOKED_AT_MAX: usize = 20_000;
/// Most waiting approvals counted for the menu: each page reads them.
const APPROVALS_COUNTED_MAX: usize = 20;

/// The result of reading for a page.
pub(crate) type Result<T> = std::result::Result<T, Fault>;

/// Part of a list, and where the next part begins.
#[derive(Debug)]
pub(crate) struct Part<T> {
    pub(crate) rows: Vec<T>,
    pub(crate) next: Option<Vec<u8>>,
}

/// Reads on a thread that may wait: what takes longer than a page may. It stays an act of whoever
/// asked.
pub(crate) async fn apart<T: Send + 'static>(
    read: impl FnOnce() -> Result<T> + Send + 'static,
) -> Result<T> {
    crate::clock::apart(acting::carried_by(read))
        .await
        .map_err(|_| Fault::Internal)?
}

/// Keeps a new session. With a code of the second factor, the user's row with what is left of it
/// is written in the same go: a code is taken once.
pub(crate) async fn begin_session(
    repo: &Repo,
    user: &Loaded<User>,
    taken: Option<TakenCode>,
    session: &Session,
) -> Result<()> {
    let mut batch = Batch::new();
    batch.insert(session);
    match taken {
        Some(taken) => {
            let after = User {
                second_factor: Some(taken.after),
                ..user.value.clone()
            };
            batch.replace(user, &after);
            if taken.recovery
                && let Some(acting) = acting::current()
            {
                let about = Subject::new(SubjectKind::User, *user.id.as_bytes());
                batch.audit(&acting.entry().about([about]).saying("recovery code"));
            }
        }
        // A password changed or a user disabled meanwhile ends sessions: this one must not slip
        // through.
        None => batch.expect(user),
    }
    repo.store().commit(batch).await?;
    Ok(())
}

/// Forgets sessions that are over. Failing to is no harm: nobody gets in by them.
pub(crate) async fn sweep_sessions(repo: &Repo, idle: Duration, now: Timestamp) -> Result<()> {
    let mut batch = Batch::new();
    batch.upkeep();
    for (key, bytes) in repo
        .store()
        .scan(KeyRange::prefix(keys::SESSION), SESSIONS_SWEPT_MAX)?
    {
        if Session::from_bytes(&bytes).map_or(true, |session| is_over(&session, idle, now)) {
            batch.delete(key);
        }
    }
    if let Err(error) = repo.store().commit(batch).await {
        tracing::debug!(%error, "sessions that are over were not forgotten");
    }
    Ok(())
}

/// Notes that a session was used. Failing to note it ends it a little sooner, no more.
pub(crate) async fn touch_session(repo: &Repo, old: &Loaded<Session>, now: Timestamp) {
    let mut batch = Batch::new();
    let new = Session {
        used_at: now,
        ..old.value.clone()
    };
    batch.upkeep();
    batch.replace(old, &new);
    if let Err(error) = repo.store().commit(batch).await {
        tracing::debug!(%error, "a session's use was not noted");
    }
}

/// Begins a session of the public pages; what is over is swept elsewhere.
pub(crate) async fn begin_visit(repo: &Repo, visit: &Visit) -> Result<()> {
    let mut batch = Batch::new();
    batch.insert(visit);
    repo.store().commit(batch).await?;
    Ok(())
}

/// Notes that a session was used. Failing to note it ends it a little sooner, no more.
pub(crate) async fn touch_visit(repo: &Repo, old: &Loaded<Visit>, now: Timestamp) {
    let mut batch = Batch::new();
    let new = Visit {
        used_at: now,
        ..old.value.clone()
    };
    batch.upkeep();
    batch.replace(old, &new);
    if let Err(error) = repo.store().commit(batch).await {
        tracing::debug!(%error, "a session's use was not noted");
    }
}

/// Ends a session of the public pages, whatever was noted of its use meanwhile.
pub(crate) async fn end_visit(repo: &Repo, token_hash: &[u8; 32]) -> Result<()> {
    for _ in 0..END_TRIES_MAX {
        let Some(visit) = repo.visit(token_hash)? else {
            return Ok(());
        };
        let mut batch = Batch::new();
        batch.remove(&visit);
        match repo.store().commit(batch).await {
            Ok(_) => return Ok(()),
            Err(StoreError::Conflict { .. }) => tokio::task::yield_now().await,
            Err(error) => return Err(error.into()),
        }
    }
    Err(Fault::Unavailable)
}

/// Ends a session.
pub(crate) async fn end_session(repo: &Repo, session: &Session) -> Result<()> {
    let mut batch = Batch::new();
    batch.delete(keys::session(&session.token_hash));
    match repo.store().commit(batch).await {
        Ok(_) | Err(StoreError::Conflict { .. }) => Ok(()),
        Err(error) => Err(error.into()),
    }
}

/// All areas, where there are no more than `most` of them: strangers ask for pages that show
/// them, and a large tree takes its time to read.
pub(crate) fn few_areas(repo: &Repo, most: usize) -> Result<Option<AreaTree>> {
    let found = repo
        .store()
        .scan(KeyRange::prefix(keys::AREA), most.saturating_add(1))?;
    if found.len() > most {
        return Ok(None);
    }
    Ok(Some(repo.areas()?))
}

/// How many threads have something unread, for those who see all of them; 0 for the others.
pub(crate) fn unread_total(repo: &Repo, access: &Access) -> Result<u64> {
    if !access.sees_everybody() {
        return Ok(0);
    }
    Ok(repo.unread_threads()?)
}

/// How many communications wait for the approval of a user, counted up to a limit.
pub(crate) fn approvals_waiting(app: &App, access: &Access) -> Result<u64> {
    if !access.may(Permission::Approve) {
        return Ok(0);
    }
    let state = CommunicationState::AwaitingApproval;
    let mut page = app
        .repo()
        .communications_in_state(state, None, APPROVALS_COUNTED_MAX)?;
    page.rows.retain(|one| may_decide(one, access));
    let reach = Reach::of(app, access);
    let theirs = app.seen_of(page.rows, |_, one| reach.sees(one))?;
    Ok(theirs.len() as u64)
}

/// Whether somebody may decide on what waits for approval: nobody does on what they wrote or
/// asked for.
pub(crate) fn may_decide(of: &Communication, access: &Access) -> bool {
    let me = access.user;
    let asked = of.approval.as_ref().map(|approval| approval.asked_by);
    access.may(Permission::Approve) && asked != Some(me) && of.origin.user() != Some(me)
}

/// Contacts of theirs that a search finds: by address or number, by words of the name; in order of name.
pub(crate) fn search(
    repo: &Repo,
    query: &str,
    region: &str,
    access: &Access,
    limit: usize,
) -> Result<Vec<Loaded<Contact>>> {
    let mut found = search_within(repo, query, region, access.areas.as_ref(), limit)?;
    found.retain(|contact| access.sees_contact(contact));
    Ok(found)
}

fn search_within(
    repo: &Repo,
    query: &str,
    region: &str,
    within: Option<&HashSet<AreaId>>,
    limit: usize,
) -> Result<Vec<Loaded<Contact>>> {
    let query: String = query
        .trim()
        .to_lowercase()
        .chars()
        .take(QUERY_MAX)
        .collect();
    let address =
        address_key(&query, region).or_else(|| begins_address(&query).then(|| query.clone()));
    let find = |text| Find {
        text,
        within,
        limit,
    };
    let mut found = match &address {
        Some(address) => repo.find_by_address(find(address))?,
        None => Vec::new(),
    };
    found.extend(repo.find_by_name(find(&query))?);
    if found.is_empty() {
        found = look_through(repo, &query, within, limit)?;
    }
    let mut seen = HashSet::new();
    found.retain(|contact| seen.insert(contact.id));
    found.sort_by_cached_key(|contact| name_key(contact));
    found.truncate(limit);
    Ok(found)
}

/// Whether it looks like the first part of an address or number.
fn begins_address(query: &str) -> bool {
    let digits = query.trim_start_matches('+');
    query.contains('@')
        || (digits.len() >= NUMBER_START_MIN && digits.bytes().all(|byte| byte.is_ascii_digit()))
}

/// Contacts in whose name or addresses every word stands somewhere, where there are few enough
/// to look at each.
fn look_through(
    repo: &Repo,
    query: &str,
    within: Option<&HashSet<AreaId>>,
    limit: usize,
) -> Result<Vec<Loaded<Contact>>> {
    let words: Vec<&str> = query.split_whitespace().collect();
    let wanted = |contact: &Contact| {
        let area = contact.area.unwrap_or(NO_AREA);
        within.is_none_or(|within| within.contains(&area)) && matches(contact, &words)
    };
    let all = repo.contact_counts()?.values().sum::<u64>();
    if all > LOOKED_THROUGH_MAX as u64 {
        return Ok(Vec::new());
    }
    let page = repo.contacts_by_name("", None, LOOKED_THROUGH_MAX)?;
    let found = page.rows.into_iter().filter(|contact| wanted(contact));
    Ok(found.take(limit).collect())
}

/// The form in which the store knows the address or number that was searched for.
fn address_key(query: &str, region: &str) -> Option<String> {
    if query.contains('@') {
        return EmailAddress::parse(query)
            .ok()
            .map(|address| address.lookup_key());
    }
    let digits = query.chars().filter(char::is_ascii_digit).count();
    if digits < 5 {
        return None;
    }
    PhoneNumber::parse(query, region)
        .ok()
        .map(|number| number.as_str().to_owned())
}

/// Every word is in the name or in one of the addresses.
fn matches(contact: &Contact, words: &[&str]) -> bool {
    let name = contact.full_name().to_lowercase();
    words.iter().all(|word| {
        name.contains(word)
            || contact
                .methods
                .iter()
                .any(|method| method.destination.lookup_key().contains(word))
    })
}

/// First name, then last name, without regard to case.
pub(crate) fn name_key(contact: &Contact) -> (String, String) {
    (
        contact.first_name.reveal().to_lowercase(),
        contact.last_name.reveal().to_lowercase(),
    )
}

/// What somebody wrote for the occasion, last modified first.
pub(crate) const WRITTEN: (CommunicationList, Order) = (CommunicationList::Written, Order::Usual);

/// Communications, last modified first; what goes out by itself ("check your address") only
/// if asked: it would crowd out what people wrote.
pub(crate) fn communications(
    app: &App,
    access: &Access,
    (list, order): (CommunicationList, Order),
    after: Option<Vec<u8>>,
    limit: usize,
) -> Result<Part<Communication>> {
    communications_seen(app, access, after, limit, |after, limit| {
        app.repo().communications_in(order, list, after, limit)
    })
}

/// A page of a communication's people, and where the pages beside it begin.
#[derive(Debug)]
pub(crate) struct People {
    pub(crate) rows: Vec<Person>,
    pub(crate) before: Option<ContactId>,
    pub(crate) after: Option<ContactId>,
}

/// Behind every place in a list of people: names are UTF-8, which never begins so (RFC 3629, 3).
const BEHIND_ALL: [u8; 1] = [0xff];

/// A page of a communication's people that are theirs to see, by first name from A on or from Z
/// on, those in one state if asked. Pages begin beside a person: addresses hold no names, and a
/// change of state moves nobody.
pub(crate) fn people(
    app: &App,
    access: &Access,
    id: CommunicationId,
    (state, order): (Option<PersonState>, Order),
    seek: &Seek<ContactId>,
    limit: usize,
) -> Result<People> {
    let repo = app.repo();
    let place = |contact: ContactId| -> Result<Option<Vec<u8>>> {
        let person = repo.person(id, contact)?;
        Ok(person.map(|person| keys::person_position(person.sort_name.reveal(), contact)))
    };
    let at = match seek {
        Seek::Start => Seek::Start,
        Seek::After(contact) => place(*contact)?.map_or(Seek::Start, Seek::After),
        Seek::Before(contact) => place(*contact)?.map_or(Seek::Start, Seek::Before),
    };
    let (begins, goes_back) = (at == Seek::Start, matches!(at, Seek::Before(_)));
    // The index is read the other way round for the turned order.
    let at = match (order, at) {
        (Order::Usual, at) => at,
        (Order::Turned, Seek::Start) => Seek::Before(BEHIND_ALL.to_vec()),
        (Order::Turned, Seek::After(place)) => Seek::Before(place),
        (Order::Turned, Seek::Before(place)) => Seek::After(place),
    };
    let (mut rows, stopped) = people_seen(app, access, id, state, &at, limit)?;
    let more = rows.len() > limit;
    if matches!(at, Seek::Before(_)) {
        rows.drain(..rows.len().saturating_sub(limit));
    }
    rows.truncate(limit);
    if order == Order::Turned {
        rows.reverse();
    }
    let first = rows.first().map(|person| person.contact);
    let last = rows.last().map(|person| person.contact);
    let (before, after) = if goes_back {
        (first.filter(|_| more).or(stopped), last)
    } else {
        let first = first.filter(|_| !begins);
        (first, last.filter(|_| more).or(stopped))
    };
    Ok(People {
        rows,
        before,
        after,
    })
}

/// People from a place on, or before it, that are somebody's to see: one more than `limit` where
/// there are so many. Where very many are not theirs, it also tells behind whom to go on.
fn people_seen(
    app: &App,
    access: &Access,
    id: CommunicationId,
    state: Option<PersonState>,
    at: &Seek<Vec<u8>>,
    limit: usize,
) -> Result<(Vec<Person>, Option<ContactId>)> {
    let back = matches!(at, Seek::Before(_));
    let (mut at, mut rows, mut looked_at) = (at.clone(), Vec::new(), 0);
    let mut stopped = None;
    while rows.len() <= limit && looked_at < PEOPLE_LOOKED_AT_MAX {
        let step = limit + 1;
        let found = app.repo().people_by_name(id, state, &at, step)?;
        let whole = found.len() == step;
        let end = if back { found.first() } else { found.last() };
        let Some((end, contact)) = end.map(|one| (one.place.clone(), one.person.contact)) else {
            return Ok((rows, None));
        };
        stopped = whole.then_some(contact);
        looked_at += found.len();
        at = if back {
            Seek::Before(end)
        } else {
            Seek::After(end)
        };
        let people = found.into_iter().map(|one| one.person.value).collect();
        let seen = app.seen_of(people, |app, one: &Person| app.sees(access, one.contact))?;
        if back {
            rows.splice(0..0, seen);
        } else {
            rows.extend(seen);
        }
        if !whole {
            break;
        }
    }
    Ok((rows, stopped))
}
