//! Answers that are validated by DNSSEC, from those name servers of the system that let it through.

use std::{
    net::IpAddr,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    time::Duration,
};

use super::{
    ANSWER_TIMEOUT, DnsFailure, absolute,
    client::{Asking, Client},
    dnssec::{Checked, Found, Security, Trail},
};
use futures_util::future::join_all;
use hickory_resolver::{
    config::NameServerConfig,
    proto::{
        op::Query,
        rr::{Name, RData, RecordType},
    },
};
use tokio::{sync::watch, time::Instant};

/// Longest wait for a name server to show that it passes on what DNSSEC needs.
const PROBE_TIMEOUT: Duration = Duration::from_secs(5);
/// Those that do not are looked at again after so long.
const PROBE_PAUSE: Duration = Duration::from_secs(5 * 60);
/// Those that have not answered are asked again after so long.
const SILENCE_PAUSE: Duration = Duration::from_secs(5);
/// After so many times without an answer it is taken that none will come: mail does not wait more.
const SILENCES_MAX: u32 = 3;
/// Where answers are spoilt it is looked at most so often whether the name servers still do.
const SUSPICION_PAUSE: Duration = Duration::from_secs(60);

/// When answers are validated by DNSSEC.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Validation {
    /// As soon as the name servers have shown that they pass on what it needs; from then on always:
    /// whoever can spoil answers must not be able to undo it.
    Auto,
    /// Always.
    Always,
}

/// Finds out which name servers pass on DNSSEC, and asks those.
pub(super) struct Validating {
    servers: Vec<NameServerConfig>,
    asking: Asking,
    state: Mutex<State>,
    /// How often all name servers have been looked at.
    rounds: watch::Sender<u32>,
}

struct State {
    /// Over those that pass; once there it is never gone.
    client: Option<Arc<Client>>,
    /// Their addresses with ports.
    passing: Vec<Place>,
    /// When they are looked at next; `None` if there is no need.
    next_probe: Option<Instant>,
    is_probing: bool,
    /// How often in a row nobody has answered.
    silences: u32,
    /// That they do not pass on DNSSEC, or no more, has been said.
    is_said: bool,
    suspected: Option<Instant>,
}

/// What tells name servers apart.
type Place = (IpAddr, Vec<u16>);

/// How a name server has shown itself.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Shown {
    Passes,
    Strips,
    Silent,
}

impl Validating {
    pub(super) fn new(
        servers: Vec<NameServerConfig>,
        asking: Asking,
        validation: Validation,
    ) -> Self {
        let always = validation == Validation::Always;
        let client = always.then(|| Arc::new(Client::over(servers.clone(), &asking)));
        let state = State {
            client,
            passing: if always { places(&servers) } else { Vec::new() },
            next_probe: (!always).then(Instant::now),
            is_probing: false,
            silences: 0,
            is_said: false,
            suspected: None,
        };
        Self {
            servers,
            asking,
            state: Mutex::new(state),
            rounds: watch::channel(0).0,
        }
    }

    /// What validates, unless the name servers are in its way. Only who comes first waits until
    /// they have been looked at.
    ///
    /// # Errors
    /// [`DnsFailure::Temporary`] while it is not known, for some seconds.
    pub(super) async fn client(self: &Arc<Self>) -> Result<Option<Arc<Client>>, DnsFailure> {
        self.probe_if_due();
        if self.state().client.is_none() {
            let mut rounds = self.rounds.subscribe();
            let first = async { rounds.wait_for(|rounds| *rounds > 0).await.is_ok() };
            // Without an answer in time it is silence.
            let _ = tokio::time::timeout(PROBE_TIMEOUT * 2, first).await;
        }
        let state = self.state();
        if state.client.is_none() && state.silences < SILENCES_MAX {
            let why = "it is not known yet whether they pass on DNSSEC".to_owned();
            return Err(DnsFailure::Temporary(why));
        }
        Ok(state.client.clone())
    }

    /// Something was spoilt: it may be that a name server no longer passes on DNSSEC.
    pub(super) fn suspect(self: &Arc<Self>) {
        let now = Instant::now();
        {
            let mut state = self.state();
            if state.suspected.is_some_and(|until| now < until) {
                return;
            }
            state.suspected = Some(now + SUSPICION_PAUSE);
            state.next_probe = Some(now);
        }
        self.probe_if_due();
    }

    fn probe_if_due(self: &Arc<Self>) {
        {
            let mut state = self.state();
            let is_due = state.next_probe.is_some_and(|due| due <= Instant::now());
            if state.is_probing || !is_due {
                return;
            }
            state.is_probing = true;
        }
        let validating = Arc::clone(self);
        tokio::spawn(async move { validating.probe().await });
    }

    async fn probe(&self) {
        let mut each = Vec::with_capacity(self.servers.len());
        for server in &self.servers {
            each.push(self.shown(server));
        }
        let shown = join_all(each).await;
        self.take(&shown);
        self.rounds
            .send_modify(|rounds| *rounds = rounds.saturating_add(1));
    }

    /// Whether that the root has no MX records comes with a proof: for that the name server must
    /// know the root, leave signatures and denials in answers, and our clock must be right.
    async fn shown(&self, server: &NameServerConfig) -> Shown {
        let client = Client::over(vec![server.clone()], &self.asking);
        let question = Query::query(Name::root(), RecordType::MX);
        let asked = client.ask(&question);
        match tokio::time::timeout(PROBE_TIMEOUT, asked).await {
            Ok(Ok(Found::Nothing(_, Security::Secure))) => Shown::Passes,
            Ok(Ok(_)) => Shown::Strips,
            Ok(Err(_)) | Err(_) => Shown::Silent,
        }
    }

    /// Goes by what the name servers have shown. Who has passed on DNSSEC once and all at once does
    /// not any more is replaced by others that do; where there is none mail waits: that all
    /// signatures are gone is what somebody who spoils answers would do, too.
    fn take(&self, shown: &[Shown]) {
        let passes = shown.contains(&Shown::Passes);
        let strips = shown.contains(&Shown::Strips);
        let is_alike = shown.iter().all(|shown| *shown == Shown::Passes);
        let mut state = self.state();
        state.is_probing = false;
        let pause = match (passes, strips) {
            (true, _) if is_alike => None,
            (true, _) | (false, true) => Some(PROBE_PAUSE),
            (false, false) => Some(SILENCE_PAUSE),
        };
        state.next_probe = pause.map(|pause| Instant::now() + pause);
        if passes {
            self.take_passing(&mut state, shown);
        } else if strips {
            if !state.is_said {
                say_stripped(state.client.is_some());
            }
            state.is_said = true;
            state.silences = SILENCES_MAX;
        } else {
            state.silences = state.silences.saturating_add(1);
        }
    }

    fn take_passing(&self, state: &mut State, shown: &[Shown]) {
        let mut servers: Vec<NameServerConfig> = Vec::new();
        for (server, shown) in self.servers.iter().zip(shown) {
            let stays = match shown {
                Shown::Passes => true,
                Shown::Silent => state.passing.contains(&place(server)),
                Shown::Strips => false,
            };
            if stays {
                servers.push(server.clone());
            }
        }
        let passing = places(&servers);
        let is_new = state.client.is_none() || state.passing != passing;
        if is_new || state.is_said {
            tracing::info!(
                "{} of {} name servers pass on DNSSEC; answers are validated",
                passing.len(),
                self.servers.len()
            );
        }
        if is_new {
            state.client = Some(Arc::new(Client::over(servers, &self.asking)));
        }
        state.passing = passing;
        state.silences = 0;
        state.is_said = false;
    }

    fn state(&self) -> MutexGuard<'_, State> {
        // Nobody waits for anything with it.
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Says that signatures are left out.
fn say_stripped(is_on: bool) {
    if is_on {
        tracing::warn!(
            "the name servers do not pass on DNSSEC any more: mail to where it cannot be validated \
             waits"
        );
    } else {
        tracing::warn!(
            "the name servers do not pass on DNSSEC: no mail server is looked at by DANE"
        );
    }
}

fn places(servers: &[NameServerConfig]) -> Vec<Place> {
    servers.iter().map(place).collect()
}

fn place(server: &NameServerConfig) -> Place {
    let ports = server.connections.iter().map(|it| it.port);
    (server.ip, ports.collect())
}

/// Why there are no records.
#[derive(Debug)]
pub(super) enum Nothing {
    /// There are none; who vouches for that.
    Denied(DnsFailure, Security),
    /// It is said that there are none, and nobody vouches for that who should.
    Unproven,
    /// It is not known.
    Failed(DnsFailure),
}

impl From<Nothing> for DnsFailure {
    fn from(nothing: Nothing) -> Self {
        match nothing {
            Nothing::Denied(failure, _) | Nothing::Failed(failure) => failure,
            Nothing::Unproven => Self::Bogus,
        }
    }
}

impl Nothing {
    /// Whether somebody should vouch for what is said, and does not.
    pub(super) fn is_bogus(&self) -> bool {
        matches!(self, Self::Unproven | Self::Failed(DnsFailure::Bogus))
    }
}

/// The records of a name as `read` has them, at most `max`; never none.
pub(super) async fn checked<T>(
    client: &Client,
    name: &str,
    kind: RecordType,
    max: usize,
    read: impl Fn(&RData) -> Option<T>,
) -> Result<Checked<T>, Nothing> {
    let temporary = |why: String| Nothing::Failed(DnsFailure::Temporary(why));
    let asking = async {
        let origin = Name::from_utf8(absolute(name)).map_err(|why| temporary(why.to_string()))?;
        let mut trail = Trail::new(origin);
        loop {
            let found = client.find(trail.at(), kind).await;
            match found.map_err(Nothing::Failed)? {
                Found::Records(records, security) => {
                    trail.take(security);
                    let found = records.iter().filter_map(|record| read(&record.data));
                    return Ok(trail.checked(found.take(max).collect()));
                }
                Found::Alias(target, security) => {
                    if !trail.follow(target, security) {
                        return Err(Nothing::Failed(DnsFailure::Bogus));
                    }
                }
                Found::Nothing(failure, security) => {
                    return Err(Nothing::Denied(failure, trail.security().min(security)));
                }
                Found::Unproven => return Err(Nothing::Unproven),
                Found::Bogus => return Err(Nothing::Failed(DnsFailure::Bogus)),
            }
        }
    };
    let answer = tokio::time::timeout(ANSWER_TIMEOUT, asking).await;
    answer.unwrap_or_else(|_| Err(temporary("no answer in time".to_owned())))
}

/// What is known of both families; one alone is enough to go by.
pub(super) fn of_both(
    six: Result<Checked<IpAddr>, Nothing>,
    four: Result<Checked<IpAddr>, Nothing>,
) -> Result<Checked<IpAddr>, DnsFailure> {
    match (six, four) {
        (Ok(mut six), Ok(four)) => {
            six.records.extend(four.records);
            six.security = six.security.min(four.security);
            if six.names.len() < four.names.len() {
                six.names = four.names;
            }
            Ok(six)
        }
        (Ok(one), Err(_)) | (Err(_), Ok(one)) => Ok(one),
        (Err(six), Err(four)) => {
            let (six, four) = (DnsFailure::from(six), DnsFailure::from(four));
            Err(match six {
                DnsFailure::NoSuchDomain => four,
                DnsFailure::NoRecords if four == DnsFailure::NoSuchDomain => six,
                DnsFailure::NoRecords => four,
                DnsFailure::Temporary(_) | DnsFailure::Bogus => six,
            })
        }
    }
}
