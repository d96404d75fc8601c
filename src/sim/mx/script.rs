//! Who meets which fate.

use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use super::notices::Notice;
use crate::proto::smtp::{Enhanced, Reply};

/// What happens to mail for one recipient.
#[derive(Debug, Clone, PartialEq)]
pub enum Behaviour {
    /// 250, and nothing more.
    Accept,
    /// This reply to RCPT, every time; a 4xx defers for ever.
    RefuseAtRcpt(Reply),
    /// This reply behind the data.
    RefuseAfterData(Reply),
    /// 451 4.7.1 to the first `refusals` RCPTs, then accept.
    Greylist {
        /// How often.
        refusals: u32,
    },
    /// Accept, but let the client wait for the answer to RCPT.
    Tarpit {
        /// How long.
        delay: Duration,
    },
    /// Hang up behind the data, without a reply.
    DropAfterData,
    /// Accept, and send a notice to the sender later: a bounce, a complaint, a reply.
    AcceptThen {
        /// What.
        notice: Notice,
        /// How much later.
        after: Duration,
    },
}

impl Behaviour {
    /// Accept, then return it as undeliverable.
    #[must_use]
    pub fn bounce(status: Enhanced, diagnostic: &str, after: Duration) -> Self {
        Behaviour::AcceptThen {
            notice: Notice::Bounce {
                status,
                diagnostic: diagnostic.to_owned(),
            },
            after,
        }
    }

    pub(super) fn notice(self) -> Option<(Notice, Duration)> {
        match self {
            Behaviour::AcceptThen { notice, after } => Some((notice, after)),
            Behaviour::Accept
            | Behaviour::RefuseAtRcpt(_)
            | Behaviour::RefuseAfterData(_)
            | Behaviour::Greylist { .. }
            | Behaviour::Tarpit { .. }
            | Behaviour::DropAfterData => None,
        }
    }
}

/// Maps recipient addresses to behaviours.
#[derive(Clone)]
pub struct Script(Arc<dyn Fn(&str) -> Behaviour + Send + Sync>);

impl Script {
    /// Decided by a function of the address.
    pub fn new(decide: impl Fn(&str) -> Behaviour + Send + Sync + 'static) -> Self {
        Script(Arc::new(decide))
    }

    /// Everybody is welcome.
    #[must_use]
    pub fn accept_all() -> Self {
        Script::new(|_| Behaviour::Accept)
    }

    /// By exact address, in any case; `otherwise` for everybody else.
    #[must_use]
    pub fn table(rows: &[(&str, Behaviour)], otherwise: Behaviour) -> Self {
        let rows: Vec<(String, Behaviour)> = rows
            .iter()
            .map(|(address, behaviour)| (address.to_ascii_lowercase(), behaviour.clone()))
            .collect();
        Script::new(move |address| {
            let found = rows
                .iter()
                .find(|(row, _)| row.eq_ignore_ascii_case(address));
            found.map_or_else(|| otherwise.clone(), |(_, behaviour)| behaviour.clone())
        })
    }

    /// By the first word of the local part, up to `.`, `+`, `-` or a digit. `notices_after` is how
    /// long bounces, complaints and replies take.
    ///
    /// | word | fate |
    /// |---|---|
    /// | `unknown` | 550 5.1.1 at RCPT |
    /// | `bounce` | accepted, DSN 5.1.1 later |
    /// | `full` | 452 4.2.2 at RCPT |
    /// | `fulllater` | accepted, DSN 5.2.2 later |
    /// | `greylist` | 451 4.7.1 once, then accepted |
    /// | `defer` | 451 4.3.0 for ever |
    /// | `tarpit` | accepted after 5 s |
    /// | `drop` | connection closed behind the data |
    /// | `spam` | 554 5.7.1 behind the data |
    /// | `blocked` | 550 5.7.1 at RCPT, the sender's fault |
    /// | `complain` | accepted, ARF complaint later |
    /// | `reply` | accepted, a person's answer later |
    /// | `vacation` | accepted, an automatic answer later |
    #[must_use]
    pub fn by_local_part(notices_after: Duration) -> Self {
        Script::new(move |address| {
            let end = |c: char| !c.is_ascii_alphabetic();
            let word = address.split(end).next().unwrap_or_default();
            fate(&word.to_ascii_lowercase(), notices_after)
        })
    }

    pub(super) fn behaviour(&self, address: &str) -> Behaviour {
        (self.0)(address)
    }
}

impl fmt::Debug for Script {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Script(..)")
    }
}

fn fate(word: &str, after: Duration) -> Behaviour {
    let refuse = |code, enhanced, text| Behaviour::RefuseAtRcpt(Reply::new(code, enhanced, text));
    let later = |notice| Behaviour::AcceptThen { notice, after };
    match word {
        "unknown" => refuse(
            550,
            Enhanced(5, 1, 1),
            "Recipient address rejected: User unknown",
        ),
        "bounce" => Behaviour::bounce(
            Enhanced(5, 1, 1),
            "550 5.1.1 The email account that you tried to reach does not exist",
            after,
        ),
        "full" => refuse(
            452,
            Enhanced(4, 2, 2),
            "The recipient's inbox is out of storage space",
        ),
        "fulllater" => Behaviour::bounce(Enhanced(5, 2, 2), "552 5.2.2 Mailbox full", after),
        "greylist" => Behaviour::Greylist { refusals: 1 },
        "defer" => refuse(
            451,
            Enhanced(4, 3, 0),
            "Temporary server error, try again later",
        ),
        "tarpit" => Behaviour::Tarpit {
            delay: Duration::from_secs(5),
        },
        "drop" => Behaviour::DropAfterData,
        "spam" => Behaviour::RefuseAfterData(Reply::new(
            554,
            Enhanced(5, 7, 1),
            "Message rejected: it looks like spam",
        )),
        "blocked" => refuse(
            550,
            Enhanced(5, 7, 1),
            "Client host blocked, see https://bl.example",
        ),
        "complain" => later(Notice::Complaint),
        "reply" => later(Notice::Reply {
            text: "Thank you, I have read it.".to_owned(),
        }),
        "vacation" => later(Notice::AutoReply {
            text: "I am away until Monday.".to_owned(),
        }),
        _ => Behaviour::Accept,
    }
}
