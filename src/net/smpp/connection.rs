//! One connection: octets between the socket and the session.

use std::collections::{BTreeMap, VecDeque};
use std::time::Duration;

use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::sync::mpsc;
use tokio::time::Instant;

use super::backoff::{Outcome, SETTLED_AFTER};
use super::link::{Link, Stream};
use super::pace::Pace;
use super::{
    Answer, BindError, BindPhase, DELIVERIES_WAITING_MAX, Delivery, Submission, Submitted,
};
use crate::proto::smpp::{
    CloseReason, CommandStatus, DeliverSm, Event, Role, SequenceNumber, Session, State, SubmitError,
};

/// What one read may bring.
const READ_BYTES: usize = 16 * 1024;

/// A peer that does not read for so long is given up.
const WRITE_TIMEOUT: Duration = Duration::from_secs(20);

/// On the way down: what is in flight may be answered for so long.
const DRAIN_TIMEOUT: Duration = Duration::from_secs(5);

/// Sleeps at most so long without looking around.
const SLEEP_MAX: Duration = Duration::from_secs(3600);

/// A message on which the centre throttles more often is handed back.
const THROTTLED_MAX: u32 = 5;

/// How a connection ended.
pub(super) struct Ended {
    pub(super) outcome: Outcome,
    pub(super) error: String,
}

pub(super) struct Connection<'a> {
    link: &'a mut Link,
    session: Session,
    began: Instant,
    pace: Pace,
    in_flight: BTreeMap<SequenceNumber, Submission>,
    /// Throttled; goes before anything new. At most a window of them.
    again: VecDeque<Submission>,
    answers: mpsc::Sender<Answer>,
    unanswered_deliveries: usize,
    outcome: Outcome,
    bound_at: Option<Duration>,
    /// Set when the daemon goes down.
    drain_until: Option<Duration>,
}

/// What woke the connection.
enum Wake {
    Stop,
    Answer(Answer),
    Read(std::io::Result<usize>),
    Submission(Option<Submission>),
    Timer,
}

impl<'a> Connection<'a> {
    /// Binds and carries messages until the connection is over.
    pub(super) async fn run(link: &'a mut Link, mut stream: Box<dyn Stream>) -> Ended {
        let settings = &link.settings;
        let role = Role::Esme {
            mode: settings.mode,
            request: settings.request.clone(),
        };
        let mut config = settings.session.clone();
        config.unanswered_max = config.unanswered_max.min(DELIVERIES_WAITING_MAX);
        let session = match Session::new(role, config, Duration::ZERO) {
            Ok(session) => session,
            Err(error) => {
                return Ended {
                    outcome: Outcome::Failed,
                    error: format!("the account does not fit: {error}"),
                };
            }
        };
        let pace = Pace::new(settings.rate_per_second, settings.throttle_delay);
        let (answers, answered) = mpsc::channel(DELIVERIES_WAITING_MAX);
        let mut connection = Connection {
            link,
            session,
            began: Instant::now(),
            pace,
            in_flight: BTreeMap::new(),
            again: VecDeque::new(),
            answers,
            unanswered_deliveries: 0,
            outcome: Outcome::Failed,
            bound_at: None,
            drain_until: None,
        };
        let error = connection.carry(&mut stream, answered).await;
        for submission in std::mem::take(&mut connection.again) {
            let _ = submission.reply.send(Err(BindError::NotBound));
        }
        let now = connection.now();
        let is_short = |at| now.saturating_sub(at) < SETTLED_AFTER;
        let outcome = match connection.bound_at {
            Some(at) if is_short(at) => Outcome::Dropped,
            Some(_) | None => connection.outcome,
        };
        Ended { outcome, error }
    }

    async fn carry(
        &mut self,
        stream: &mut Box<dyn Stream>,
        mut answered: mpsc::Receiver<Answer>,
    ) -> String {
        let mut buffer = vec![0; READ_BYTES];
        let mut closed = None;
        loop {
            while let Some(event) = self.session.poll_event() {
                closed = self.handle_event(event).or(closed);
            }
            self.send_again();
            let output = self.session.poll_output();
            if !output.is_empty() {
                let write = async {
                    stream.write_all(&output).await?;
                    stream.flush().await
                };
                if !matches!(tokio::time::timeout(WRITE_TIMEOUT, write).await, Ok(Ok(()))) {
                    self.session.connection_lost();
                }
            }
            if let Some(reason) = closed {
                let _ = tokio::time::timeout(WRITE_TIMEOUT, stream.shutdown()).await;
                return words_of(reason);
            }
            if self.session.state() == State::Closed {
                continue;
            }
            let wake = self.wake(stream, &mut answered, &mut buffer).await;
            self.handle_wake(wake, &buffer);
        }
    }

    async fn wake(
        &mut self,
        stream: &mut Box<dyn Stream>,
        answered: &mut mpsc::Receiver<Answer>,
        buffer: &mut [u8],
    ) -> Wake {
        let may_submit = self.may_submit() && self.again.is_empty();
        let ready_at = self.pace.ready_at();
        let is_paced = ready_at > self.now();
        // What is to be sent again goes without a word from outside.
        let waits = is_paced || !self.again.is_empty();
        let paced = (self.may_submit() && waits).then_some(ready_at);
        let timers = [self.session.poll_timeout(), paced, self.drain_until];
        let timer = timers.into_iter().flatten().min();
        let until = self.began + timer.unwrap_or(Duration::MAX).min(self.now() + SLEEP_MAX);
        tokio::select! {
            biased;
            () = self.link.cancel.cancelled(), if self.drain_until.is_none() => Wake::Stop,
            Some(answer) = answered.recv() => Wake::Answer(answer),
            read = stream.read(buffer) => Wake::Read(read),
            submission = self.link.submissions.recv(), if may_submit && !is_paced => {
                Wake::Submission(submission)
            }
            () = tokio::time::sleep_until(until) => Wake::Timer,
        }
    }

    fn handle_wake(&mut self, wake: Wake, buffer: &[u8]) {
        let now = self.now();
        match wake {
            Wake::Stop => self.drain_until = Some(now + DRAIN_TIMEOUT),
            Wake::Answer(Answer { sequence, status }) => {
                self.unanswered_deliveries = self.unanswered_deliveries.saturating_sub(1);
                if status.is_ok() {
                    self.session.confirm_stored(sequence);
                } else {
                    self.session.refuse(sequence, status);
                }
            }
            Wake::Read(Ok(0) | Err(_)) => self.session.connection_lost(),
            Wake::Read(Ok(count)) => self.session.handle_input(&buffer[..count], now),
            Wake::Submission(Some(submission)) => self.send(submission),
            // The handles are all gone: go down as if told to.
            Wake::Submission(None) => self.drain_until = Some(now + DRAIN_TIMEOUT),
            Wake::Timer => {}
        }
        // Octets that never cease must not keep the timers waiting.
        self.session.handle_timeout(now);
        let is_drained = self.in_flight.is_empty() && self.unanswered_deliveries == 0;
        if self
            .drain_until
            .is_some_and(|until| is_drained || until <= now)
        {
            self.drain_until = Some(Duration::MAX);
            self.session.unbind(now);
        }
    }

    fn may_submit(&self) -> bool {
        let is_bound = matches!(self.session.state(), State::Bound(mode) if mode.transmits());
        is_bound && self.drain_until.is_none() && self.session.window_left() > 0
    }

    fn send_again(&mut self) {
        while self.may_submit() && self.pace.ready_at() <= self.now() {
            let Some(submission) = self.again.pop_front() else {
                return;
            };
            self.send(submission);
        }
    }

    fn send(&mut self, submission: Submission) {
        if submission.reply.is_closed() {
            return;
        }
        let now = self.now();
        match self.session.submit(submission.message.clone(), now) {
            Ok(sequence) => {
                self.pace.sent(now);
                self.in_flight.insert(sequence, submission);
            }
            Err(SubmitError::Unencodable(error)) => {
                let _ = submission.reply.send(Err(BindError::Unencodable(error)));
            }
            Err(SubmitError::NotBound | SubmitError::WindowFull) => {
                let _ = submission.reply.send(Err(BindError::NotBound));
            }
        }
    }

    fn handle_event(&mut self, event: Event) -> Option<CloseReason> {
        let name = self.link.settings.name.as_str();
        match event {
            Event::Bound {
                system_id,
                interface_version,
                ..
            } => {
                tracing::info!(bind = %name, centre = %system_id, ?interface_version, "bound");
                self.outcome = Outcome::WasBound;
                self.bound_at = Some(self.now());
                self.link.status.send_modify(|status| {
                    status.phase = BindPhase::Bound { system_id };
                    status.binds += 1;
                    status.refused = None;
                });
            }
            Event::BindFailed(status) => self.outcome = Outcome::Refused(status),
            Event::SubmitResult {
                sequence,
                status,
                message_id,
            } => {
                self.settle(sequence, status, message_id);
            }
            Event::SubmitTimedOut { sequence } => self.reply(sequence, Err(BindError::Unanswered)),
            Event::Delivered { sequence, message } => self.hand_over(sequence, message),
            Event::Garbled { header, status } => {
                self.link.status.send_modify(|status| status.garbled += 1);
                let link = &mut *self.link;
                link.garbled.tell(&link.settings.name, header, status);
            }
            Event::Congestion { state } => self.pace.congested(state, self.now()),
            Event::UnexpectedResponse {
                command_id,
                sequence,
                status,
                ..
            } => {
                tracing::info!(bind = %name, command_id, sequence, %status, "unexpected response dropped");
            }
            Event::RepeatedRequest { sequence } => {
                tracing::info!(bind = %name, sequence, "repeated request dropped");
            }
            Event::Closed { reason, unanswered } => {
                for sequence in unanswered {
                    self.reply(sequence, Err(BindError::Unanswered));
                }
                return Some(reason);
            }
            Event::Unbound => tracing::info!(bind = %name, "unbound by the message centre"),
            // Only a message centre hears these.
            Event::BindRequested { .. }
            | Event::Submitted { .. }
            | Event::DeliverResult { .. }
            | Event::DeliverTimedOut { .. } => {}
        }
        None
    }

    fn settle(&mut self, sequence: SequenceNumber, status: CommandStatus, id: Option<String>) {
        if status.is_ok() {
            self.pace.accepted();
            return self.reply(
                sequence,
                Ok(Submitted {
                    message_id: id.unwrap_or_default(),
                }),
            );
        }
        if !status.is_throttling() {
            return self.reply(sequence, Err(BindError::Refused(status)));
        }
        self.pace.throttled(self.now());
        self.link.status.send_modify(|status| status.throttled += 1);
        tracing::info!(bind = %self.link.settings.name, %status, "throttled");
        let Some(mut submission) = self.in_flight.remove(&sequence) else {
            return;
        };
        submission.throttled += 1;
        if submission.throttled > THROTTLED_MAX || self.drain_until.is_some() {
            let _ = submission.reply.send(Err(BindError::Refused(status)));
        } else {
            self.again.push_back(submission);
        }
    }

    fn reply(&mut self, sequence: SequenceNumber, result: Result<Submitted, BindError>) {
        if let Some(submission) = self.in_flight.remove(&sequence) {
            // Whoever asked may have gone; the message has not.
            let _ = submission.reply.send(result);
        }
    }

    fn hand_over(&mut self, sequence: SequenceNumber, message: DeliverSm) {
        let answers = Some(self.answers.clone());
        let delivery = Delivery {
            message,
            sequence,
            answers,
        };
        self.unanswered_deliveries += 1;
        if let Err(error) = self.link.inbound.try_send(delivery) {
            self.unanswered_deliveries -= 1;
            error.into_inner().answers = None;
            self.session.refuse(sequence, CommandStatus::RMSGQFUL);
        }
    }

    fn now(&self) -> Duration {
        self.began.elapsed()
    }
}

fn words_of(reason: CloseReason) -> String {
    match reason {
        CloseReason::Unbound => "unbound".to_owned(),
        CloseReason::PeerUnbound => "unbound by the message centre".to_owned(),
        CloseReason::BindRefused(status) => format!("bind refused: {status}"),
        CloseReason::BindTimeout => "no answer to the bind in time".to_owned(),
        CloseReason::PeerSilent => "no answer to enquire_link".to_owned(),
        CloseReason::ConnectionLost => "the connection ended".to_owned(),
        // Its value may be a piece of a text.
        CloseReason::LostFraming { .. } => "a command_length that cannot be true".to_owned(),
        CloseReason::PeerDoesNotRead => "the message centre does not read".to_owned(),
    }
}
