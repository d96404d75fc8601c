//! The world outside: servers, carriers and telephones. It does not stop when the daemon does.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, MutexGuard};
use std::time::Duration;

use tocsin::channel::{
    Admission, AdmissionFuture, AttemptFuture, AttemptOutcome, AttemptRequest, Channel, Place,
    Progress, ProgressSink,
};
use tocsin::clock::{Randomness, SharedClock};
use tocsin::domain::{
    CallStatus, Channel as Kind, DeliveryId, Destination, EmailStatus, Reason, Source, Status,
    Timestamp, Verdict,
};
use tocsin::tracker::{Event, Receipt, Tracker};
use tokio_util::sync::CancellationToken;

use super::scripts::{Fate, Script, permanent, temporary};

/// An attempt as it was seen from outside.
#[derive(Clone, Debug)]
pub(crate) struct Seen {
    pub(crate) delivery: DeliveryId,
    pub(crate) destination: String,
    pub(crate) channel: Kind,
    pub(crate) begun: Timestamp,
    /// None while it runs, and for ever when the daemon died over it.
    pub(crate) ended: Option<Timestamp>,
    /// It was told to stop, and did.
    pub(crate) stopped: bool,
    /// What was said: the text of an email or text, the script of a call.
    pub(crate) said: String,
}

/// How long after it was turned away an attempt may be asked for again.
pub(crate) const ASK_AGAIN: Duration = Duration::from_secs(45);

/// What comes back later by itself.
#[derive(Clone, Debug)]
enum Later {
    Bounce(DeliveryId),
    Receipt(Receipt),
}

/// How quick a channel is and how much it does at once.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Pace {
    pub(crate) at_once: usize,
    pub(crate) least: Duration,
    pub(crate) most: Duration,
}

pub(crate) struct Carrier {
    pub(crate) paces: HashMap<Kind, Pace>,
    /// How long after an attempt receipts and bounces come, at most.
    pub(crate) later_max: Duration,
    seed: u64,
    state: Mutex<State>,
    news: tokio::sync::Notify,
}

/// An attempt that is being made.
struct Begun {
    index: usize,
    fate: Fate,
    dice: Randomness,
}

/// A time between these two.
fn span(dice: &Randomness, least: Duration, most: Duration) -> Duration {
    let width = u64::try_from((most - least).as_millis()).unwrap();
    least + Duration::from_millis(dice.below(width + 1))
}

#[derive(Default)]
struct State {
    scripts: HashMap<(Kind, String), Script>,
    /// Until when a destination takes no attempt.
    full: HashMap<String, Timestamp>,
    turned_away: Vec<(String, Timestamp)>,
    seen: Vec<Seen>,
    later: Vec<(Timestamp, u64, Later)>,
    counter: u64,
}

impl Carrier {
    pub(crate) fn new(seed: u64) -> Self {
        let pace = Pace {
            at_once: 8,
            least: Duration::from_millis(5),
            most: Duration::from_secs(4),
        };
        Self {
            paces: [Kind::Email, Kind::Text, Kind::Call]
                .map(|kind| (kind, pace))
                .into(),
            later_max: Duration::from_secs(20),
            seed,
            state: Mutex::default(),
            news: tokio::sync::Notify::new(),
        }
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap()
    }

    pub(crate) fn script(&self, kind: Kind, destination: &str, script: impl Into<Script>) {
        let key = (kind, destination.to_owned());
        self.lock().scripts.insert(key, script.into());
    }

    pub(crate) fn script_of(&self, kind: Kind, destination: &str) -> Script {
        self.lock().scripts[&(kind, destination.to_owned())]
    }

    pub(crate) fn seen(&self) -> Vec<Seen> {
        self.lock().seen.clone()
    }

    /// Takes no attempt at this destination before that.
    pub(crate) fn fill_until(&self, destination: &str, until: Timestamp) {
        self.lock().full.insert(destination.to_owned(), until);
    }

    /// When an attempt at this destination was asked for and not admitted.
    pub(crate) fn turned_away(&self, destination: &str) -> Vec<Timestamp> {
        let state = self.lock();
        let all = state.turned_away.iter();
        let theirs = all.filter(|(to, _)| to == destination);
        theirs.map(|(_, at)| *at).collect()
    }

    fn admit(&self, destination: &str, now: Timestamp) -> Admission {
        let mut state = self.lock();
        let until = state.full.get(destination).copied();
        if until.is_none_or(|until| until <= now) {
            return Admission::Go(Place::default());
        }
        state.turned_away.push((destination.to_owned(), now));
        Admission::Wait(ASK_AGAIN)
    }

    pub(crate) fn is_quiet(&self) -> bool {
        self.lock().later.is_empty()
    }

    /// Chance of its own for each attempt, so that no attempt disturbs another: tokio wakes the
    /// lanes in an order that no seed decides.
    fn dice(&self, kind: Kind, destination: &str, attempt: usize) -> Randomness {
        let text = format!("{} {kind:?} {destination} {attempt}", self.seed);
        // FNV-1a.
        let hash = text.bytes().fold(0xcbf2_9ce4_8422_2325_u64, |hash, byte| {
            (hash ^ u64::from(byte)).wrapping_mul(0x0100_0000_01b3)
        });
        Randomness::seeded(hash)
    }

    fn begin(&self, kind: Kind, request: &AttemptRequest, now: Timestamp) -> Begun {
        let mut state = self.lock();
        let destination = request.destination.reveal().to_owned();
        let script = state.scripts[&(kind, destination.clone())];
        let before = state.seen.iter().filter(|seen| {
            seen.delivery == request.delivery && seen.ended.is_some() && !seen.stopped
        });
        let put_off = before.count() < usize::from(script.put_off);
        let fate = if put_off {
            Fate::Never(Reason::Network)
        } else {
            script.fate
        };
        let same = |seen: &&Seen| seen.channel == kind && seen.destination == destination;
        let attempt = state.seen.iter().filter(same).count();
        let dice = self.dice(kind, &destination, attempt);
        state.seen.push(Seen {
            delivery: request.delivery,
            destination,
            channel: kind,
            begun: now,
            ended: None,
            stopped: false,
            said: match kind {
                Kind::Email => request.content.text.clone(),
                Kind::Text => request.content.sms_text.clone(),
                Kind::Call => request.content.voice_script.clone(),
            },
        });
        Begun {
            index: state.seen.len() - 1,
            fate,
            dice,
        }
    }

    fn later(&self, at: Timestamp, what: Later) {
        let mut state = self.lock();
        state.counter += 1;
        let number = state.counter;
        state.later.push((at, number, what));
        state.later.sort_by_key(|(at, number, _)| (*at, *number));
        drop(state);
        self.news.notify_one();
    }

    /// Sends what comes back, until the daemon dies. What was not answered is sent again.
    pub(crate) async fn send_back(&self, tracker: Tracker, clock: SharedClock) {
        loop {
            let next = self.lock().later.first().cloned();
            let now = clock.wall();
            match next {
                Some((at, number, what)) if at <= now => {
                    match what {
                        Later::Bounce(id) => {
                            let bounce = Event::Changed {
                                status: Status::Email(EmailStatus::Rebound),
                                verdict: Some(permanent(Reason::UserUnknown)),
                                source: Source::Report,
                            };
                            tracker.record(id, bounce).await.unwrap();
                        }
                        Later::Receipt(receipt) => tracker.record_receipt(receipt).await.unwrap(),
                    }
                    self.lock().later.retain(|(_, known, _)| *known != number);
                }
                Some((at, ..)) => {
                    tokio::select! {
                        biased;
                        () = self.news.notified() => {}
                        () = tokio::time::sleep(at.since(now)) => {}
                    }
                }
                None => self.news.notified().await,
            }
        }
    }

    /// Segments and their receipts: in any order, some twice, some before the answer.
    fn receipts(
        &self,
        begun: &Begun,
        now: Timestamp,
        segments: u8,
        delivered: bool,
    ) -> Vec<String> {
        let dice = &begun.dice;
        let mut ids = Vec::new();
        for segment in 0..segments {
            let remote_id = {
                let mut state = self.lock();
                state.counter += 1;
                format!("M{}", state.counter)
            };
            let receipt = Receipt {
                remote_id: remote_id.clone(),
                delivered: delivered || segment > 0,
                is_final: true,
                verdict: if delivered || segment > 0 {
                    Verdict::success(Reason::Delivered)
                } else {
                    temporary(Reason::Unreachable)
                },
            };
            for _ in 0..=dice.below(2) {
                let at = now.plus(span(dice, Duration::ZERO, self.later_max));
                self.later(at, Later::Receipt(receipt.clone()));
            }
            if dice.below(4) == 0 {
                self.later(now, Later::Receipt(receipt));
            }
            ids.push(remote_id);
        }
        ids
    }
}

/// One way out, as scripted.
pub(crate) struct Scripted {
    pub(crate) kind: Kind,
    pub(crate) carrier: Arc<Carrier>,
    pub(crate) clock: SharedClock,
}

impl Scripted {
    async fn run(
        &self,
        request: &AttemptRequest,
        begun: &Begun,
        progress: &ProgressSink,
        cancel: &CancellationToken,
    ) -> Option<AttemptOutcome> {
        let pace = self.carrier.paces[&self.kind];
        let wait = async || {
            let time = span(&begun.dice, pace.least, pace.most);
            tokio::select! {
                biased;
                () = cancel.cancelled() => None,
                () = tokio::time::sleep(time) => Some(()),
            }
        };
        wait().await?;
        let verdict = Verdict::success(Reason::Accepted);
        let outcome = match begun.fate {
            Fate::Taken => AttemptOutcome::Delivered { verdict },
            Fate::Relayed => AttemptOutcome::Accepted {
                verdict,
                remote_ids: Vec::new(),
            },
            Fate::Returned => {
                let time = span(&begun.dice, Duration::ZERO, self.carrier.later_max);
                let at = self.clock.wall().plus(time);
                self.carrier.later(at, Later::Bounce(request.delivery));
                AttemptOutcome::Delivered { verdict }
            }
            Fate::Refused(reason) => AttemptOutcome::Rejected {
                verdict: permanent(reason),
                by_peer: true,
            },
            Fate::NoHost => AttemptOutcome::Rejected {
                verdict: permanent(Reason::HostUnknown),
                by_peer: false,
            },
            Fate::Receipts {
                segments,
                delivered,
            } => AttemptOutcome::Accepted {
                verdict,
                remote_ids: self
                    .carrier
                    .receipts(begun, self.clock.wall(), segments, delivered),
            },
            Fate::Silent => AttemptOutcome::Accepted {
                verdict,
                remote_ids: self.carrier.receipts(begun, self.clock.wall(), 0, true),
            },
            Fate::Unsendable => AttemptOutcome::Rejected {
                verdict: permanent(Reason::Policy),
                by_peer: true,
            },
            Fate::Never(reason) => AttemptOutcome::Deferred {
                verdict: temporary(reason),
            },
            Fate::Ends(status) => {
                if status != CallStatus::Failed {
                    progress
                        .send(Progress::Call(CallStatus::Ringing))
                        .await
                        .ok()?;
                    wait().await?;
                }
                let unanswered = [CallStatus::Failed, CallStatus::Busy, CallStatus::NoAnswer];
                if !unanswered.contains(&status) {
                    progress
                        .send(Progress::Call(CallStatus::InProgress))
                        .await
                        .ok()?;
                    wait().await?;
                }
                AttemptOutcome::CallEnded {
                    status,
                    verdict: (status == CallStatus::Failed)
                        .then(|| permanent(Reason::NumberInvalid)),
                    keys: String::new(),
                }
            }
        };
        // The other side has it; its answer is still on the way and cannot be stopped.
        let answer = span(
            &begun.dice,
            Duration::from_millis(1),
            Duration::from_millis(400),
        );
        tokio::time::sleep(answer).await;
        Some(outcome)
    }
}

impl Channel for Scripted {
    fn kind(&self) -> Kind {
        self.kind
    }

    fn concurrency(&self) -> usize {
        self.carrier.paces[&self.kind].at_once
    }

    fn is_ready(&self) -> bool {
        true
    }

    fn admit<'a>(&'a self, destination: &'a Destination, _express: bool) -> AdmissionFuture<'a> {
        let admission = self.carrier.admit(destination.reveal(), self.clock.wall());
        Box::pin(std::future::ready(admission))
    }

    fn attempt<'a>(
        &'a self,
        request: AttemptRequest,
        progress: ProgressSink,
        cancel: CancellationToken,
    ) -> AttemptFuture<'a> {
        Box::pin(async move {
            let now = self.clock.wall();
            let begun = self.carrier.begin(self.kind, &request, now);
            let outcome = self.run(&request, &begun, &progress, &cancel).await;
            let mut state = self.carrier.lock();
            state.seen[begun.index].ended = Some(self.clock.wall());
            state.seen[begun.index].stopped = outcome.is_none();
            outcome.unwrap_or_else(|| AttemptOutcome::Deferred {
                verdict: Verdict::failure(Reason::Undefined, tocsin::domain::Permanence::Temporary),
            })
        })
    }
}
