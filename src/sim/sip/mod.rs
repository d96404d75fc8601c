//! A simulated telephone network: a SIP trunk whose subscribers do as they are told.
//!
//! It speaks real SIP over UDP and real RTP on the loopback; each called number has a
//! [`Behaviour`]. Signalling is ezk's server side, media are our own core's other side.

mod behaviour;
mod call;
mod digest;
mod layer;

pub use behaviour::{Answered, Behaviour};

use std::collections::{HashMap, VecDeque};
use std::io;
use std::net::{IpAddr, Ipv4Addr, SocketAddr};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use ezk_sip_core::Endpoint;
use ezk_sip_ua::dialog::DialogLayer;
use ezk_sip_ua::invite::InviteLayer;
use hickory_resolver::TokioResolver;
use hickory_resolver::config::ResolverConfig;
use hickory_resolver::net::runtime::TokioRuntimeProvider;
use tokio_util::sync::CancellationToken;

use crate::clock::Randomness;

/// Calls that are remembered; older ones are forgotten.
pub const CALLS_REMEMBERED_MAX: usize = 10_000;
/// Calls that are answered at the same time; more are turned away with 503.
pub const CALLS_MAX: usize = 1_000;

/// How the simulated network is set up.
#[derive(Debug, Clone)]
pub struct SimSipConfig {
    /// Address to listen on, port chosen by the system.
    pub ip: IpAddr,
    /// User and password that callers must prove; none takes every call.
    pub credentials: Option<(String, String)>,
    /// What each number does, keyed by its digits without `+`.
    pub numbers: HashMap<String, Behaviour>,
    /// What all other numbers do.
    pub others: Behaviour,
}

impl Default for SimSipConfig {
    fn default() -> Self {
        Self {
            ip: IpAddr::V4(Ipv4Addr::LOCALHOST),
            credentials: None,
            numbers: HashMap::new(),
            others: Behaviour::Reject {
                code: 404,
                cause: Some(1),
            },
        }
    }
}

/// A call that came in.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SimCall {
    /// The called number, digits without `+`.
    pub number: String,
    /// How far it got.
    pub end: SimCallEnd,
    /// RTP packets with speech that were heard.
    pub packets_heard: u64,
}

/// How far a simulated call got.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum SimCallEnd {
    /// Refused as told.
    Refused,
    /// The caller withdrew it.
    Cancelled,
    /// The caller hung up.
    CallerHungUp,
    /// The subscriber hung up.
    SubscriberHungUp,
    /// Something went wrong.
    Failed,
}

/// A running simulated network.
pub struct SimSip {
    addr: SocketAddr,
    shared: Arc<Shared>,
}

pub(crate) struct Shared {
    pub(crate) config: SimSipConfig,
    pub(crate) addr: SocketAddr,
    pub(crate) random: Randomness,
    pub(crate) slots: tokio::sync::Semaphore,
    pub(crate) stop: CancellationToken,
    calls: Mutex<VecDeque<SimCall>>,
}

impl SimSip {
    /// Starts to listen.
    ///
    /// # Errors
    /// When the socket cannot be bound.
    pub async fn start(config: SimSipConfig, random: Randomness) -> io::Result<Self> {
        let mut builder = Endpoint::builder();
        let resolver = TokioResolver::builder_with_config(
            ResolverConfig::default(),
            TokioRuntimeProvider::default(),
        );
        builder.set_dns_resolver(resolver.build().map_err(io::Error::other)?);
        let transport = builder.bind_udp(SocketAddr::new(config.ip, 0)).await?;
        let addr = transport.bound();
        let shared = Arc::new(Shared {
            config,
            addr,
            random,
            slots: tokio::sync::Semaphore::new(CALLS_MAX),
            stop: CancellationToken::new(),
            calls: Mutex::new(VecDeque::new()),
        });
        builder.add_layer(DialogLayer::default());
        builder.add_layer(InviteLayer::default());
        builder.add_layer(layer::SimLayer::new(Arc::clone(&shared)));
        builder.build();
        Ok(Self { addr, shared })
    }

    /// Where it listens.
    pub fn addr(&self) -> SocketAddr {
        self.addr
    }

    /// The calls that have ended, oldest first.
    pub fn calls(&self) -> Vec<SimCall> {
        self.shared.ended_calls().iter().cloned().collect()
    }

    /// Ends all calls and takes no more. The socket stays open until the runtime ends: ezk
    /// cannot give it back.
    pub fn stop(&self) {
        self.shared.stop.cancel();
    }
}

impl Drop for SimSip {
    fn drop(&mut self) {
        self.stop();
    }
}

impl Shared {
    pub(crate) fn behaviour_of(&self, number: &str) -> Behaviour {
        let known = self.config.numbers.get(number);
        known.unwrap_or(&self.config.others).clone()
    }

    pub(crate) fn remember(&self, call: SimCall) {
        let mut calls = self.ended_calls();
        if calls.len() >= CALLS_REMEMBERED_MAX {
            calls.pop_front();
        }
        calls.push_back(call);
    }

    fn ended_calls(&self) -> MutexGuard<'_, VecDeque<SimCall>> {
        self.calls.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
