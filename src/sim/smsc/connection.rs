//! One ESME's connection to the simulated centre.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio::time::Instant;
use tokio_util::sync::CancellationToken;

use super::judge_account;
use super::state::Shared;
use crate::proto::smpp::{
    BindMode, CommandStatus, Config, Event, Role, SequenceNumber, Session, ShortMessage, State,
};

/// What one read may bring.
const READ_BYTES: usize = 16 * 1024;

/// Unanswered deliveries at a time.
const WINDOW: usize = 50;

/// Looks around at least so often.
const SLEEP_MAX: Duration = Duration::from_secs(1);

struct Connection {
    shared: Arc<Shared>,
    session: Session,
    began: Instant,
    offered: BTreeMap<SequenceNumber, ShortMessage>,
    number: usize,
    is_bound: bool,
    is_over: bool,
}

pub(super) async fn serve(mut stream: TcpStream, shared: Arc<Shared>, cancel: CancellationToken) {
    let config = Config {
        window: WINDOW,
        unanswered_max: 1000,
        ..Config::default()
    };
    let Ok(session) = Session::new(Role::Smsc, config, Duration::ZERO) else {
        return;
    };
    let mut cuts = shared.cuts();
    let number = shared.next_connection();
    let mut connection = Connection {
        shared,
        session,
        began: Instant::now(),
        offered: BTreeMap::new(),
        number,
        is_bound: false,
        is_over: false,
    };
    // Failing to say good-bye is no failure.
    let _ = stream.set_nodelay(true);
    tokio::select! {
        _ = cuts.changed() => {}
        _ = connection.carry(&mut stream, cancel) => {}
    }
    connection.end();
}

impl Connection {
    async fn carry(
        &mut self,
        stream: &mut TcpStream,
        cancel: CancellationToken,
    ) -> std::io::Result<()> {
        let mut buffer = vec![0; READ_BYTES];
        let mut is_stopping = false;
        let shared = self.shared.clone();
        loop {
            // Before the outbox is looked into, so that no post is missed.
            let posted = shared.posted();
            while let Some(event) = self.session.poll_event() {
                self.handle_event(event);
            }
            self.offer();
            let output = self.session.poll_output();
            if !output.is_empty() {
                stream.write_all(&output).await?;
            }
            if self.is_over {
                return stream.shutdown().await;
            }
            let until = self.next_timer();
            tokio::select! {
                () = cancel.cancelled(), if !is_stopping => {
                    is_stopping = true;
                    self.session.unbind(self.now());
                }
                () = posted => {}
                () = tokio::time::sleep_until(until) => self.session.handle_timeout(self.now()),
                read = stream.read(&mut buffer) => match read? {
                    0 => self.session.connection_lost(),
                    count => self.session.handle_input(&buffer[..count], self.now()),
                },
            }
        }
    }

    fn next_timer(&self) -> Instant {
        let mut until = Instant::now() + SLEEP_MAX;
        if let Some(at) = self.session.poll_timeout() {
            until = until.min(self.began + at);
        }
        match self.shared.next_due() {
            Some(due) if self.may_offer() => until.min(due),
            Some(_) | None => until,
        }
    }

    fn may_offer(&self) -> bool {
        let receives = matches!(self.session.state(), State::Bound(mode) if mode.receives());
        receives && self.session.window_left() > 0
    }

    fn offer(&mut self) {
        while self.may_offer() {
            let Some(message) = self.shared.take_due() else {
                return;
            };
            let now = self.now();
            match self.session.deliver(message.clone(), now) {
                Ok(sequence) => {
                    self.offered.insert(sequence, message);
                }
                Err(error) => {
                    tracing::warn!(%error, "simulated centre cannot deliver");
                    self.shared.settle(message, true);
                }
            }
        }
    }

    fn handle_event(&mut self, event: Event) {
        match event {
            Event::BindRequested {
                sequence,
                mode,
                request,
            } => {
                self.handle_bind(sequence, mode, &request.system_id, &request.password);
            }
            Event::Submitted { sequence, message } => {
                self.session.tell_congestion(self.shared.congestion());
                if let Some(answer) = self.shared.take(message, self.number) {
                    self.session.answer_submit(sequence, answer);
                }
            }
            Event::DeliverResult { sequence, status } => self.settle(sequence, status.is_ok()),
            Event::DeliverTimedOut { sequence } => self.settle(sequence, false),
            Event::Closed { unanswered, .. } => {
                for sequence in unanswered {
                    self.settle(sequence, false);
                }
                self.is_over = true;
            }
            Event::Bound { .. }
            | Event::BindFailed(_)
            | Event::SubmitResult { .. }
            | Event::SubmitTimedOut { .. }
            | Event::Delivered { .. }
            | Event::Garbled { .. }
            | Event::Congestion { .. }
            | Event::RepeatedRequest { .. }
            | Event::UnexpectedResponse { .. }
            | Event::Unbound => {}
        }
    }

    fn handle_bind(&mut self, sequence: u32, _mode: BindMode, system_id: &str, password: &str) {
        self.shared.count_bind();
        let status = judge_account(self.shared.config(), system_id, password);
        if status == CommandStatus::ROK {
            self.is_bound = true;
            self.shared.set_bound(true);
            let name = self.shared.config().system_id.clone();
            self.session.answer_bind(sequence, Ok(&name));
        } else {
            self.session.answer_bind(sequence, Err(status));
        }
    }

    fn settle(&mut self, sequence: SequenceNumber, is_acknowledged: bool) {
        if let Some(message) = self.offered.remove(&sequence) {
            self.shared.settle(message, is_acknowledged);
        }
    }

    /// What was offered here and not answered goes back.
    fn end(&mut self) {
        for (_, message) in std::mem::take(&mut self.offered) {
            self.shared.settle(message, false);
        }
        if self.is_bound {
            self.shared.set_bound(false);
        }
    }

    fn now(&self) -> Duration {
        self.began.elapsed()
    }
}
