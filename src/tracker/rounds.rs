//! Rounds of a communication: the initial sending, reminders, recontacts. Each goes over the
//! audience in small steps; a step is one atomic batch that also moves the cursor, so a crash
//! repeats nothing and leaves nobody out.

use std::collections::VecDeque;
use std::future::poll_fn;
use std::pin::Pin;
use std::task::Poll;

use futures_util::future::{BoxFuture, MaybeDone, maybe_done};

use super::make::{Making, NewDelivery, make_deliveries};
use super::{CONFLICTS_MAX, Notice, Tracker, TrackerError, is_conflict};
use crate::domain::escalation;
use crate::domain::job::AUDIENCE_CHUNK_MAX;
use crate::domain::reminder::wants_reminder;
use crate::domain::statistics::PERSON_DELIVERIES_MAX;
use crate::domain::{
    Category, Channel, Communication, CommunicationId, CommunicationState, Contact, ContactId,
    Entry, EscalationStep, Person, RoundJob, Timestamp,
};
use crate::store::engine::Sequence;
use crate::store::{Batch, DeliveryBatch, Loaded, RowBatch, StoreError};

/// Most people looked at in one step.
pub const ROUND_STEP_PEOPLE_MAX: usize = 250;
/// Most steps of one round that are being committed at a time; they share syncs.
const STEPS_UNDER_WAY_MAX: usize = 4;

/// What a step came to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum RoundStep {
    /// There is more to do.
    More,
    /// There will be more to do when there is room, or the initial sending has come further.
    Wait,
    /// The round is done, or there was nothing to do.
    Done,
}

/// Whether the lanes that a round feeds can take more.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Room {
    /// At least one of them can.
    Free,
    /// None of them can.
    Full,
}

/// One step of a round.
#[derive(Clone, Copy)]
struct Step<'a> {
    job: &'a RoundJob,
    communication: &'a Communication,
    room: Room,
    now: Timestamp,
}

/// A step's batch, the round as it will be behind it (none when it is done), and whom to tell of.
type Prepared = (Batch, Option<Loaded<RoundJob>>, Vec<Notice>);

/// A step on its way into the store.
struct Underway {
    communication: CommunicationId,
    round: u8,
    next: Option<Loaded<RoundJob>>,
    notices: Vec<Notice>,
    commit: Commit,
}

/// A commit that the store has, or has waiting.
type Commit = Pin<Box<MaybeDone<BoxFuture<'static, Result<Sequence, StoreError>>>>>;

/// What there was to begin.
enum Begun {
    Step(Box<Underway>),
    Nothing(RoundStep),
}

fn count(people: &[ContactId]) -> u32 {
    u32::try_from(people.len()).unwrap_or(u32::MAX)
}

impl Tracker {
    /// Goes on with the round that lies under this key, step by step, for as long as `room` has an
    /// answer; it is told for how many people steps are on their way. With room in its lanes, what
    /// is made enters them; without, it is only made. The next steps are prepared while one is
    /// committed.
    ///
    /// # Errors
    /// When the store fails; the step that failed wrote nothing.
    pub async fn step_round(
        &self,
        key: &[u8],
        mut room: impl FnMut(usize) -> Option<Room>,
    ) -> Result<RoundStep, TrackerError> {
        if self.end_if_over(key).await? {
            return Ok(RoundStep::Done);
        }
        let mut conflicts = 0;
        let mut under_way: VecDeque<Underway> = VecDeque::new();
        // What is to be answered once nothing is under way any more.
        let mut last = None;
        loop {
            while last.is_none() && under_way.len() < STEPS_UNDER_WAY_MAX {
                let people = under_way.len() * ROUND_STEP_PEOPLE_MAX;
                let behind = under_way.back().map(|last| last.next.clone());
                let begun = self.begin_next(key, behind, || room(people));
                match begun.await {
                    Ok(Begun::Step(step)) => under_way.push_back(*step),
                    // What it waits for may be under way.
                    Ok(Begun::Nothing(RoundStep::Wait)) if !under_way.is_empty() => break,
                    Ok(Begun::Nothing(answer)) => last = Some(Ok(answer)),
                    Err(error) => last = Some(Err(error)),
                }
            }
            let Some(first) = under_way.pop_front() else {
                return last.unwrap_or(Ok(RoundStep::More));
            };
            match self.end_step(first).await {
                Ok(RoundStep::Done) => return Ok(RoundStep::Done),
                Ok(RoundStep::More | RoundStep::Wait) => conflicts = 0,
                // What was begun on top of it meets a row that it does not expect.
                Err(TrackerError::Store(error)) if is_conflict(&error) => {
                    under_way.clear();
                    last = None;
                    conflicts += 1;
                    if conflicts >= CONFLICTS_MAX {
                        return Err(TrackerError::Contention);
                    }
                    tokio::task::yield_now().await;
                }
                Err(error) => return Err(error),
            }
        }
    }

    /// Begins the step behind the one after which the round is as given, or the first.
    async fn begin_next(
        &self,
        key: &[u8],
        behind: Option<Option<Loaded<RoundJob>>>,
        room: impl FnOnce() -> Option<Room>,
    ) -> Result<Begun, TrackerError> {
        let job = match behind {
            Some(job) => job,
            None => self.repo.round_at(key)?,
        };
        let Some(job) = job else {
            return Ok(Begun::Nothing(RoundStep::Done));
        };
        let Some(room) = room() else {
            return Ok(Begun::Nothing(RoundStep::More));
        };
        let begun = self.begin_step(job, room).await?;
        Ok(begun.map_or(Begun::Nothing(RoundStep::Wait), |step| {
            Begun::Step(Box::new(step))
        }))
    }

    /// Prepares a step and hands it to the store; none while there is nothing that could be done.
    async fn begin_step(
        &self,
        job: Loaded<RoundJob>,
        room: Room,
    ) -> Result<Option<Underway>, TrackerError> {
        let (communication, round) = (job.communication, job.round);
        let tracker = self.clone();
        let prepared = crate::clock::apart(move || tracker.prepare_step(&job, room)).await;
        let Some((batch, next, notices)) = prepared.map_err(|_| StoreError::Closed)?? else {
            return Ok(None);
        };
        let store = self.repo.store().clone();
        let commit: BoxFuture<'static, _> = Box::pin(async move { store.commit(batch).await });
        let mut commit = Box::pin(maybe_done(commit));
        // Handed in now: what is prepared next expects it.
        poll_fn(|context| {
            let _ = commit.as_mut().poll(context);
            Poll::Ready(())
        })
        .await;
        Ok(Some(Underway {
            communication,
            round,
            next,
            notices,
            commit,
        }))
    }

    /// Waits until a step is durable.
    async fn end_step(&self, mut step: Underway) -> Result<RoundStep, TrackerError> {
        step.commit.as_mut().await;
        let committed = step.commit.as_mut().take_output();
        committed.ok_or(StoreError::Closed)??;
        self.tell(step.notices);
        if step.next.is_some() {
            return Ok(RoundStep::More);
        }
        tracing::info!(communication = %step.communication, round = step.round, "round queued");
        Ok(RoundStep::Done)
    }

    /// The next step; none while there is nothing that could be done.
    fn prepare_step(
        &self,
        job: &Loaded<RoundJob>,
        room: Room,
    ) -> Result<Option<Prepared>, TrackerError> {
        let communication = &self
            .repo
            .communication(job.communication)?
            .ok_or(TrackerError::NotFound("communication"))?;
        let step = Step {
            job,
            communication,
            room,
            now: self.clock.wall(),
        };
        let mut batch = Batch::new();
        let mut notices = Vec::new();
        let all_made = u64::from(job.cursor) >= communication.people;
        let moved = if room == Room::Free && job.entered < job.cursor {
            self.enter_people(&mut batch, step)?
        } else if all_made && job.entered < job.cursor {
            None
        } else {
            self.make_people(&mut batch, step, &mut notices)?
        };
        let Some(moved) = moved else {
            return Ok(None);
        };
        if u64::from(moved.cursor) < communication.people || moved.entered < moved.cursor {
            batch.replace(job, &moved);
            return Ok(Some((batch, Some(Loaded::written(moved)), notices)));
        }
        batch.remove(job);
        let mut sent = communication.value.clone();
        sent.rounds = sent.rounds.max(job.round);
        sent.round_done(job.round, job.due, step.now);
        // A reminder may be done while a large initial sending is still under way.
        if job.round == 1 {
            sent.state = CommunicationState::Sent;
        }
        batch.replace(communication, &sent);
        Ok(Some((batch, None, notices)))
    }

    /// Makes deliveries for the next people. None while they may not be come to yet.
    fn make_people(
        &self,
        batch: &mut Batch,
        step: Step<'_>,
        notices: &mut Vec<Notice>,
    ) -> Result<Option<RoundJob>, TrackerError> {
        let job = step.job;
        let mut people = self.people_from(job, job.cursor)?;
        // A later round must not pass by those whom the first has not come to yet: after a long
        // stop all of them are due at once.
        if job.round > 1
            && let Some(first) = self.repo.round(job.communication, 1)?
        {
            let ahead = usize::try_from(first.entered.saturating_sub(job.cursor));
            people.truncate(ahead.unwrap_or(usize::MAX));
            if people.is_empty() {
                return Ok(None);
            }
        }
        let contacts = self.repo.current_contacts(&people)?;
        let persons = self.repo.persons(job.communication, &people)?;
        let known = contacts.iter().zip(&persons);
        for (id, (contact, person)) in people.iter().zip(known) {
            // Whoever took the contact over gets it, under the name that the audience knows.
            let made = contact.as_ref().map_or(0, |contact| {
                self.add_person(batch, step, *id, contact, person.as_ref())
            });
            if made > 0 && step.communication.matter.is_some() {
                self.take_out_draft(batch, job.communication)?;
            }
            notices.push(Notice::PersonChanged {
                communication: job.communication,
                contact: *id,
            });
        }
        let mut moved = job.clone();
        moved.cursor = if people.is_empty() {
            u32::try_from(step.communication.people).unwrap_or(u32::MAX)
        } else {
            job.cursor.saturating_add(count(&people))
        };
        if step.room == Room::Free {
            moved.entered = moved.cursor;
        }
        Ok(Some(moved))
    }

    /// What is sent stands in the record of correspondence by its deliveries from now on. A letter
    /// of which none could be made stays there by itself: not sent.
    fn take_out_draft(
        &self,
        batch: &mut Batch,
        communication: CommunicationId,
    ) -> Result<(), TrackerError> {
        let entry = self.repo.entry(Entry::id_of_draft(communication))?;
        if let Some(entry) = entry {
            batch.remove(&entry);
        }
        Ok(())
    }

    /// Puts what has been made for the next people into its lanes. None while what was made is still
    /// on its way into the store: whoever is not there yet would be left out.
    fn enter_people(
        &self,
        batch: &mut Batch,
        step: Step<'_>,
    ) -> Result<Option<RoundJob>, TrackerError> {
        let job = step.job;
        let there = self.repo.round(job.communication, job.round)?;
        let there = there.map_or(0, |there| there.cursor).min(job.cursor);
        let made = usize::try_from(there.saturating_sub(job.entered));
        if made == Ok(0) {
            return Ok(None);
        }
        let mut people = self.people_from(job, job.entered)?;
        people.truncate(made.unwrap_or(usize::MAX));
        for id in &people {
            let person = self.repo.person(job.communication, *id)?;
            let known = person.iter().flat_map(|person| &person.deliveries);
            for known in known.filter(|known| !known.closed) {
                let Some(delivery) = self.repo.delivery(known.delivery)? else {
                    continue;
                };
                if delivery.awaits_turn && delivery.round == job.round {
                    let mut entering = delivery.value.clone();
                    entering.enter(step.now);
                    batch.replace_delivery(&delivery, &entering);
                }
            }
        }
        let mut moved = job.clone();
        moved.entered = if people.is_empty() {
            job.cursor
        } else {
            job.entered.saturating_add(count(&people))
        };
        Ok(Some(moved))
    }

    /// The next people of the audience from a place on, at most [`ROUND_STEP_PEOPLE_MAX`].
    fn people_from(&self, job: &RoundJob, place: u32) -> Result<Vec<ContactId>, TrackerError> {
        let place = usize::try_from(place).unwrap_or(usize::MAX);
        let index = u32::try_from(place / AUDIENCE_CHUNK_MAX).unwrap_or(u32::MAX);
        let Some(chunk) = self.repo.audience_chunk(job.communication, index)? else {
            return Ok(Vec::new());
        };
        let rest = chunk.contacts.iter().skip(place % AUDIENCE_CHUNK_MAX);
        Ok(rest.take(ROUND_STEP_PEOPLE_MAX).copied().collect())
    }

    fn add_person(
        &self,
        batch: &mut Batch,
        step: Step<'_>,
        id: ContactId,
        current: &Loaded<Contact>,
        person: Option<&Loaded<Person>>,
    ) -> usize {
        let Step {
            job, communication, ..
        } = step;
        if job.round == 1 && person.is_some() {
            return 0;
        }
        let mut contact = current.value.clone();
        contact.id = id;
        let category = self.category(&communication.category);
        let known = person.map(|person| &person.value);
        let wanted = wanted(job, communication, &category, &contact, known);
        if job.round > 1 && wanted.is_empty() {
            return 0;
        }
        let making = Making {
            communication,
            category: &category,
            contact: &contact,
            round: job.round,
            now: step.now,
            awaits_turn: step.room == Room::Full,
            express: communication.plan.emergency,
        };
        // A method that is suspended while we look must not be written to: insist on the contact.
        batch.expect(current);
        make_deliveries(batch, &self.random, making, person, &wanted).len()
    }
}

/// By which methods a person is written to or called in this round.
#[must_use]
pub fn wanted<'c>(
    job: &RoundJob,
    communication: &Communication,
    category: &Category,
    contact: &'c Contact,
    person: Option<&Person>,
) -> Vec<NewDelivery<'c>> {
    let round = Round {
        job,
        communication,
        category,
    };
    round.wanted(contact, person)
}

/// A round, and what it is a round of.
#[derive(Clone, Copy)]
struct Round<'a> {
    job: &'a RoundJob,
    communication: &'a Communication,
    category: &'a Category,
}

impl Round<'_> {
    /// By which methods a person is written to or called in this round. Emails and texts go to
    /// every method that takes them; one number is called, landlines first, the next one in the
    /// next round. What the person does not want is not made.
    fn wanted<'c>(&self, contact: &'c Contact, person: Option<&Person>) -> Vec<NewDelivery<'c>> {
        let known = person.map_or(0, |person| person.deliveries.len());
        let mut wanted = Vec::new();
        for channel in self.channels(contact, person) {
            let only = self.communication.audience.method;
            let mut methods = contact.methods_for(channel);
            methods.retain(|method| only.is_none_or(|only| method.id == only));
            if channel == Channel::Call {
                let turn = self.calls_before() % methods.len().max(1);
                wanted.extend(
                    methods
                        .get(turn)
                        .map(|method| NewDelivery::by(method, channel)),
                );
            } else {
                wanted.extend(
                    methods
                        .into_iter()
                        .map(|method| NewDelivery::by(method, channel)),
                );
            }
        }
        wanted.truncate(PERSON_DELIVERIES_MAX.saturating_sub(known));
        wanted
    }

    /// By which channels.
    fn channels(&self, contact: &Contact, person: Option<&Person>) -> Vec<Channel> {
        let steps = &self.communication.plan.escalation;
        let in_turn: Vec<Channel> = match self.job.step {
            Some(step) => escalation::step_channel(steps, step, self.liked(contact))
                .filter(|channel| {
                    self.job.round == 1
                        || person.is_some_and(|person| {
                            escalation::wants_step(person, *channel, self.category)
                        })
                })
                .into_iter()
                .collect(),
            None => self
                .communication
                .channels
                .iter()
                .filter(|channel| {
                    self.job.round == 1
                        || person.is_some_and(|person| wants_reminder(person, *channel))
                })
                .collect(),
        };
        let allowed =
            |channel: &Channel| contact.wishes.allow(*channel, &self.communication.category);
        in_turn.into_iter().filter(allowed).collect()
    }

    /// The channel that a person likes best, if it works and is wanted.
    fn liked(&self, contact: &Contact) -> Option<Channel> {
        contact.wishes.preferred.filter(|liked| {
            !contact.methods_for(*liked).is_empty()
                && contact.wishes.allow(*liked, &self.communication.category)
        })
    }

    /// Calls that earlier rounds have made to one person, so that the numbers take turns.
    fn calls_before(&self) -> usize {
        let steps = &self.communication.plan.escalation;
        let before = usize::from(self.job.round.saturating_sub(1));
        if steps.is_empty() {
            return before;
        }
        let is_call = |step: &&EscalationStep| step.channel == Channel::Call;
        let calls = steps.iter().take(before).filter(is_call).count();
        calls + before.saturating_sub(steps.len())
    }
}
