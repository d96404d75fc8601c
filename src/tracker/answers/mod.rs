//! Answers that no rule knows. Each is looked for among those that came before, and goes into the
//! pool whose answers say the same, in the batch of what it was the answer to; if somebody said
//! what they mean, it is taken to mean that.
//!
//! The row of a pool changes only when somebody names it. Its count is a counter, and its last
//! answer is written over whatever it was: ten thousand answers of one kind do not wait for one
//! another. What the store says of a pool counts; what is in memory only finds it.

mod index;
mod past;

use std::sync::{Mutex, MutexGuard, PoisonError};

use self::index::Index;
use self::past::Past;
use super::write::Rows;
use super::{Event, Refusal, Tracker, TrackerError};
use crate::domain::unknown_answer::{
    ANSWER_POOL_KEPT_FOR, ANSWER_POOLS_MAX, NAMEABLE, PrivateWords, is_unknown,
};
use crate::domain::{
    AnswerPool, AnswerPoolId, Channel, Delivery, LastAnswer, Naming, Reason, Source, Timestamp,
    UnknownAnswer, UserId, Verdict,
};
use crate::store::records::Record;
use crate::store::{Batch, Loaded, Repo, RepoError, Row, RowBatch, keys};

/// Behind every answer.
const EVER: Timestamp = Timestamp::from_millis(u64::MAX);

/// The pools as they are looked up; read from the state when the first answer comes.
#[derive(Debug, Default)]
pub(super) struct Answers(Mutex<Option<Index>>);

impl Answers {
    fn ask<T>(&self, repo: &Repo, ask: impl FnOnce(&Index) -> T) -> Result<T, RepoError> {
        let mut index = self.lock();
        if index.is_none() {
            *index = Some(Index::load(repo)?);
        }
        Ok(ask(index.get_or_insert_default()))
    }

    /// Something else is durable. Before the first question there is nothing to be learnt.
    fn learn(&self, learn: impl FnOnce(&mut Index)) {
        if let Some(index) = self.lock().as_mut() {
            learn(index);
        }
    }

    /// It is whole between any two statements, so a panicking holder leaves nothing half done.
    fn lock(&self) -> MutexGuard<'_, Option<Index>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// An unknown answer on its way into its pool.
pub(super) struct Heard {
    /// What goes into the batch of what it was the answer to.
    pub(super) batch: Batch,
    pool: AnswerPoolId,
    at: Timestamp,
    /// It is the first of its kind.
    made: Option<AnswerPool>,
    /// Pools that made room for it.
    gone: Vec<AnswerPoolId>,
    /// What it means, where somebody said so.
    judged: Option<Verdict>,
    /// It is the first of its kind that this delivery was answered.
    is_counted: bool,
}

impl Tracker {
    /// Looks whether an event has an answer that no rule knows. The event comes back as it is to
    /// be recorded: with what the answer means, if its pool has a name.
    pub(super) fn hear(
        &self,
        rows: &Rows,
        event: Event,
    ) -> Result<(Event, Option<Heard>), TrackerError> {
        let Some((answer, said)) = unknown_in(rows, &event) else {
            return Ok((event, None));
        };
        let past = Past::of(&rows.delivery, &private_words(rows));
        match self.look_up(answer, &said, &rows.delivery, &past) {
            Ok(Some(mut heard)) => match heard.judged.take() {
                Some(verdict) => Ok((event.judged(verdict), Some(heard))),
                None => Ok((event, Some(heard))),
            },
            Ok(None) => Ok((event, None)),
            // What became of a message is recorded, whatever is the matter with the pools.
            Err(TrackerError::Repo(RepoError::Record(error))) => {
                tracing::error!(%error, "answers that no rule knows cannot be looked up");
                Ok((event, None))
            }
            Err(error) => Err(error),
        }
    }

    /// What was heard is durable.
    pub(super) fn remember(&self, heard: &Heard) {
        if heard.made.is_some() {
            tracing::info!(pool = %heard.pool, "the first answer of a kind that no rule knows");
        }
        self.answers.learn(|index| {
            for id in &heard.gone {
                index.remove(*id);
            }
            if let Some(made) = &heard.made {
                index.insert(made, heard.at);
            }
            if heard.is_counted {
                index.saw(heard.pool, heard.at);
            }
        });
    }

    /// The pool that an answer goes into; none if there is no room for another, or this delivery
    /// may make no more. What it means by a name holds however often it came.
    fn look_up(
        &self,
        answer: UnknownAnswer,
        said: &Verdict,
        delivery: &Delivery,
        past: &Past,
    ) -> Result<Option<Heard>, TrackerError> {
        let at = self.clock.wall();
        let found = self.pool_of(&answer)?;
        let id = found.as_ref().map_or_else(|| answer.id(), |pool| pool.id);
        let before = self.answers.ask(&self.repo, |index| past.pools(index))?;
        let has_room = past.has_room(&before, id);
        let heard = match found {
            Some(pool) => {
                // Should it be named or forgotten meanwhile, this is decided anew.
                let mut batch = Batch::new();
                batch.expect(&pool);
                Some(Heard {
                    batch,
                    pool: pool.id,
                    at,
                    made: None,
                    gone: Vec::new(),
                    judged: pool.judge(said),
                    is_counted: has_room && !before.contains(&id),
                })
            }
            None if has_room => self.make_pool(answer, at)?,
            None => None,
        };
        let Some(mut heard) = heard else {
            return Ok(None);
        };
        if heard.is_counted {
            let (pool, delivery) = (heard.pool, delivery.id);
            let last = LastAnswer { pool, at, delivery };
            heard.batch.add(keys::answers(pool), 1);
            heard.batch.put(last.key(), last.to_bytes());
        }
        Ok(Some(heard))
    }

    /// The pool whose answers say the same.
    fn pool_of(&self, answer: &UnknownAnswer) -> Result<Option<Loaded<AnswerPool>>, TrackerError> {
        while let Some(id) = self.answers.ask(&self.repo, |index| index.find(answer))? {
            match self.repo.answer_pool(id)? {
                Some(pool) if pool.takes(pool.shape.likeness(&answer.shape)) => {
                    return Ok(Some(pool));
                }
                // It has a name by now that asks for more.
                Some(pool) => self
                    .answers
                    .learn(|index| index.insert(&pool, pool.first_seen)),
                None => self.answers.learn(|index| index.remove(id)),
            }
        }
        // Another answer may have made it just now.
        Ok(self.repo.answer_pool(answer.id())?)
    }

    fn make_pool(
        &self,
        answer: UnknownAnswer,
        now: Timestamp,
    ) -> Result<Option<Heard>, TrackerError> {
        let others_max = ANSWER_POOLS_MAX - 1;
        let surplus = self
            .answers
            .ask(&self.repo, |index| index.surplus(others_max))?;
        let Some(surplus) = surplus else {
            return Ok(None);
        };
        let (mut batch, mut gone) = (Batch::new(), Vec::new());
        for id in surplus {
            if self.take_pool(&mut batch, id, EVER)? {
                gone.push(id);
            }
        }
        let made = answer.begin(now);
        batch.insert(&made);
        Ok(Some(Heard {
            batch,
            pool: made.id,
            at: now,
            made: Some(made),
            gone,
            judged: None,
            is_counted: true,
        }))
    }

    /// Takes a pool away in a batch, with what is counted of it. False when it stays, as it has a
    /// name or was seen since.
    fn take_pool(
        &self,
        batch: &mut Batch,
        id: AnswerPoolId,
        unseen_since: Timestamp,
    ) -> Result<bool, TrackerError> {
        let Some(pool) = self.repo.answer_pool(id)? else {
            return Ok(true);
        };
        let last = self.repo.last_answer(id)?;
        let last_seen = last.as_ref().map_or(pool.first_seen, |last| last.at);
        if pool.named.is_some() || last_seen >= unseen_since {
            return Ok(false);
        }
        batch.remove(&pool);
        if let Some(last) = &last {
            batch.remove(last);
        }
        batch.delete(keys::answers(id));
        Ok(true)
    }
}

impl Tracker {
    /// Says what answers of a pool mean: the next one is taken to mean it. What was decided
    /// before stays as it is.
    ///
    /// # Errors
    /// When there is no such pool, the reason is none of [`NAMEABLE`], or the store fails.
    pub async fn name_answers(
        &self,
        id: AnswerPoolId,
        reason: Reason,
        by: UserId,
    ) -> Result<(), TrackerError> {
        if !NAMEABLE.contains(&reason) {
            return Err(TrackerError::Refused(Refusal::Gone));
        }
        let at = self.clock.wall();
        self.set_name(id, Some(Naming { reason, by, at })).await
    }

    /// Takes that back: the next answer is unknown again.
    ///
    /// # Errors
    /// When there is no such pool, or the store fails.
    pub async fn unname_answers(&self, id: AnswerPoolId) -> Result<(), TrackerError> {
        self.set_name(id, None).await
    }

    async fn set_name(&self, id: AnswerPoolId, named: Option<Naming>) -> Result<(), TrackerError> {
        let pool = self
            .commit_anew(|| {
                let old = self.known_pool(id)?;
                let new = AnswerPool {
                    named,
                    ..old.value.clone()
                };
                let mut batch = Batch::new();
                batch.replace(&old, &new);
                Ok((batch, new))
            })
            .await?;
        self.answers
            .learn(|index| index.insert(&pool, pool.first_seen));
        Ok(())
    }

    fn known_pool(&self, id: AnswerPoolId) -> Result<Loaded<AnswerPool>, TrackerError> {
        let pool = self.repo.answer_pool(id)?;
        pool.ok_or(TrackerError::NotFound("unknown answer"))
    }

    /// Forgets a pool; it comes again with the next answer. False when it has a name: then it
    /// stays.
    ///
    /// # Errors
    /// When there is no such pool, or the store fails.
    pub async fn forget_answers(&self, id: AnswerPoolId) -> Result<bool, TrackerError> {
        self.known_pool(id)?;
        self.let_go(id, EVER).await
    }

    /// Lets go of pools without a name whose last answer is old ([`ANSWER_POOL_KEPT_FOR`]). How
    /// many there were.
    ///
    /// # Errors
    /// When the store fails.
    pub async fn sweep_answers(&self) -> Result<usize, TrackerError> {
        let kept_from = self.clock.wall().minus(ANSWER_POOL_KEPT_FOR);
        let old = |index: &Index| index.unseen_since(kept_from);
        let mut removed = 0;
        for id in self.answers.ask(&self.repo, old)? {
            removed += usize::from(self.let_go(id, kept_from).await?);
        }
        Ok(removed)
    }

    async fn let_go(
        &self,
        id: AnswerPoolId,
        unseen_since: Timestamp,
    ) -> Result<bool, TrackerError> {
        let is_gone = self
            .commit_anew(|| {
                let mut batch = Batch::new();
                let is_gone = self.take_pool(&mut batch, id, unseen_since)?;
                Ok((batch, is_gone))
            })
            .await?;
        if is_gone {
            self.answers.learn(|index| index.remove(id));
        }
        Ok(is_gone)
    }
}

/// The answer of an event that no rule knows, and the verdict that says so. Those of mail servers
/// alone: what carriers and exchanges say are numbers, which no words explain.
fn unknown_in(rows: &Rows, event: &Event) -> Option<(UnknownAnswer, Verdict)> {
    let delivery = &rows.delivery;
    let (verdict, source) = said_in(event)?;
    if delivery.channel != Channel::Email || !is_unknown(verdict) {
        return None;
    }
    // Whom it went to was erased: nothing can tell any more which words are theirs.
    if delivery.destination.is_nowhere() {
        return None;
    }
    let answer = answer_in(verdict, source, &private_words(rows))?;
    Some((answer, verdict.clone()))
}

/// What a verdict leaves unknown, where a mail system said it.
fn answer_in(verdict: &Verdict, source: Source, private: &PrivateWords) -> Option<UnknownAnswer> {
    let answer = UnknownAnswer::of(verdict, private)?;
    let is_theirs = match source {
        Source::Report => true,
        // What has no code while we talk to a server are words of our own.
        Source::Peer => answer.has_code(),
        Source::Gateway | Source::Person | Source::Operator(_) | Source::Link(_) => false,
    };
    is_theirs.then_some(answer)
}

fn said_in(event: &Event) -> Option<(&Verdict, Source)> {
    match event {
        Event::Changed {
            verdict, source, ..
        } => Some((verdict.as_ref()?, *source)),
        Event::Retry { verdict, .. } => Some((verdict.as_ref()?, Source::Peer)),
        Event::Fact { verdict, source } => Some((verdict, *source)),
        Event::AttemptBegun { .. }
        | Event::Accepted { .. }
        | Event::SegmentDelivered { .. }
        | Event::SegmentFailed { .. }
        | Event::Held { .. }
        | Event::PutOff { .. }
        | Event::Clicked { .. }
        | Event::Closed(_) => None,
    }
}

/// What we know of whom a message went to: their name, and every address of theirs.
fn private_words(rows: &Rows) -> PrivateWords {
    let contact = rows.contact.as_ref();
    let methods = contact.into_iter().flat_map(|contact| &contact.methods);
    let addresses = methods.map(|method| method.destination.reveal());
    let sent_to = rows.delivery.destination.reveal();
    let names = contact.into_iter().flat_map(|contact| {
        let names = [&contact.first_name, &contact.last_name];
        names.map(|name| name.reveal().as_str())
    });
    PrivateWords::of(addresses.chain([sent_to]), names)
}
