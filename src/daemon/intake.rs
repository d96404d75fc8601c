//! What SMS carriers deliver is stored, and acknowledged only then.

use std::sync::Arc;
use std::time::Duration;

use tokio::time::MissedTickBehavior;
use tokio_util::sync::CancellationToken;

use crate::channel::sms::{Incoming, IncomingText, SmsInbox};
use crate::inbound::{Inbound, InboundError, IncomingPart, OnTime, PartTaken};
use crate::observe::Metrics;
use crate::proto::smpp::CommandStatus;

/// Between two looks at texts whose parts are not all there.
const PARTS_INTERVAL: Duration = Duration::from_secs(30);

/// Takes in what one bind delivers, until it or the daemon stops.
pub(super) async fn take_in(
    mut inbox: SmsInbox,
    inbound: Inbound,
    stop: CancellationToken,
    metrics: Arc<Metrics>,
) {
    let intake = Intake { inbound, metrics };
    loop {
        tokio::select! {
            biased;
            () = stop.cancelled() => break,
            incoming = inbox.next() => match incoming {
                Some(incoming) => intake.take(incoming).await,
                None => break,
            },
        }
    }
}

/// Looks after texts whose parts are not all there, first of all those that came before the start.
pub(super) async fn look_after_parts(inbound: Inbound, stop: CancellationToken) {
    let mut look = tokio::time::interval(PARTS_INTERVAL);
    look.set_missed_tick_behavior(MissedTickBehavior::Delay);
    loop {
        tokio::select! {
            biased;
            () = stop.cancelled() => return,
            _ = look.tick() => {}
        }
        if let Err(error) = inbound.give_up_parts().await {
            tracing::error!(%error, "parts of replies cannot be looked after; it is tried again");
        }
    }
}

/// What is to be answered.
#[derive(Debug, PartialEq, Eq)]
enum Stored {
    Yes,
    NoRoom,
    /// Nothing; it is to come again.
    Later,
}

struct Intake {
    inbound: Inbound,
    metrics: Arc<Metrics>,
}

impl Intake {
    async fn take(&self, incoming: Incoming) {
        match self.store(&incoming.text, incoming.may_be_early()).await {
            Ok(Stored::Yes) => incoming.confirm(),
            Ok(Stored::NoRoom) => {
                tracing::warn!(
                    "too many parts of replies are kept; the carrier is asked to deliver one later"
                );
                incoming.refuse(CommandStatus::RMSGQFUL);
            }
            Ok(Stored::Later) => incoming.refuse(CommandStatus::RX_T_APPN),
            Err(error) => {
                tracing::error!(%error, "what the carrier delivered cannot be stored; it is asked to deliver it again");
                // SMPP 3.4, 5.1.3: a temporary error of the receiver.
                incoming.refuse(CommandStatus::RX_T_APPN);
            }
        }
    }

    async fn store(&self, text: &IncomingText, may_be_early: bool) -> Result<Stored, InboundError> {
        let kind = match text {
            IncomingText::Receipt {
                remote_ids,
                parties,
                meaning,
            } => {
                let on_time = if may_be_early {
                    OnTime::Known
                } else {
                    self.inbound.on_time(remote_ids)?
                };
                match on_time {
                    OnTime::Known => {
                        let inbound = &self.inbound;
                        inbound
                            .take_receipt_of(remote_ids, parties, meaning)
                            .await?;
                        "receipt"
                    }
                    OnTime::Again => return Ok(Stored::Later),
                    OnTime::Unknown => "unmatched",
                }
            }
            IncomingText::Message { from, to, text } => {
                let text = crate::inbound::IncomingText {
                    from: from.clone(),
                    to: to.clone(),
                    text: text.clone(),
                };
                self.inbound.take_text(text).await?;
                "reply"
            }
            IncomingText::Part {
                carrier,
                from,
                to,
                piece,
            } => {
                let part = IncomingPart {
                    carrier: carrier.clone(),
                    from: from.clone(),
                    to: to.clone(),
                    piece: piece.clone(),
                };
                if self.inbound.take_part(part).await? == PartTaken::NoRoom {
                    return Ok(Stored::NoRoom);
                }
                "reply_part"
            }
        };
        self.metrics.inbound.with(&[kind]).increment();
        Ok(Stored::Yes)
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use std::sync::atomic::{AtomicBool, Ordering};

    use super::*;
    use crate::classify::smpp::receipt as meaning_of;
    use crate::clock::{Randomness, VirtualClock};
    use crate::daemon::full_disk::filling_store;
    use crate::domain::suspension::SuspensionPolicy;
    use crate::domain::text_part::TEXT_PARTS_WAIT;
    use crate::domain::{ReturnPaths, Timestamp};
    use crate::proto::smpp::encoding::{Concatenation, DefaultAlphabet};
    use crate::proto::smpp::receipt::parse;
    use crate::proto::smpp::{Piece, Sar, ShortMessage, esm_class};
    use crate::store::engine::KeyRange;
    use crate::store::{Repo, Store, keys};
    use crate::tracker::{PromptSettings, Tracker, TrackerSettings};

    fn intake(store: &Store, clock: &Arc<VirtualClock>) -> Intake {
        let repo = Repo::new(store.clone());
        let random = Randomness::seeded(5);
        let settings = TrackerSettings {
            categories: Vec::new(),
            suspension: SuspensionPolicy::default(),
            prompts: PromptSettings::default(),
        };
        let tracker = Tracker::new(repo.clone(), clock.clone(), random.clone(), settings);
        let paths = ReturnPaths::new("bounces.gw.example", &[9; 32]);
        Intake {
            inbound: Inbound::new(repo, tracker, clock.clone(), random, paths),
            metrics: Metrics::new(0),
        }
    }

    fn clock() -> Arc<VirtualClock> {
        VirtualClock::standing(Timestamp::from_millis(1_800_000_000_000))
    }

    fn part(number: u8, text: &str) -> IncomingText {
        IncomingText::Part {
            carrier: "main".to_owned(),
            from: "+447700900001".to_owned(),
            to: "40404".to_owned(),
            piece: Piece {
                kind: Concatenation::Udh8,
                sar: Sar {
                    reference: 7,
                    total: 2,
                    number,
                },
                text: text.to_owned(),
                utf16: Vec::new(),
            },
        }
    }

    /// What the inbox has, in any order.
    fn said(store: &Store) -> Vec<String> {
        let repo = Repo::new(store.clone());
        let mails = repo.every::<crate::domain::InboundMail>(keys::INBOUND, None, 9);
        let text =
            |blob| String::from_utf8(store.get_blob(blob).unwrap().unwrap().to_vec()).unwrap();
        let mut said: Vec<String> = mails
            .unwrap()
            .rows
            .iter()
            .map(|m| text(m.message))
            .collect();
        said.sort();
        said
    }

    #[tokio::test]
    async fn a_part_is_stored_before_it_is_acknowledged_and_survives() {
        let folder = tempfile::tempdir().unwrap();
        let is_full = Arc::new(AtomicBool::new(true));
        let clock = clock();
        let store = filling_store(folder.path(), &is_full);
        let first = intake(&store, &clock);
        assert!(first.store(&part(1, "We are "), true).await.is_err());
        is_full.store(false, Ordering::SeqCst);
        assert_eq!(
            first.store(&part(1, "We are "), true).await.unwrap(),
            Stored::Yes
        );
        assert_eq!(said(&store), [""; 0]);

        // Another process takes the rest in.
        drop(first);
        store.close().await.unwrap();
        let store = filling_store(folder.path(), &is_full);
        let second = intake(&store, &clock);
        second.store(&part(2, "safe"), true).await.unwrap();
        assert_eq!(said(&store), ["We are safe"]);
        // The carrier did not hear of it.
        second.store(&part(2, "safe"), true).await.unwrap();
        second.store(&part(1, "We are "), true).await.unwrap();
        clock.advance(TEXT_PARTS_WAIT);
        second.inbound.give_up_parts().await.unwrap();
        assert_eq!(said(&store), ["We are safe"]);
        // They are forgotten in time.
        clock.advance(Duration::from_secs(3600));
        second.inbound.give_up_parts().await.unwrap();
        let kept = store.scan(KeyRange::prefix(keys::TEXT_PART), 9).unwrap();
        assert!(kept.is_empty());
    }

    #[tokio::test]
    async fn what_stays_incomplete_is_shown_with_its_gap() {
        let (store, clock) = (Store::memory(), clock());
        let intake = intake(&store, &clock);
        intake.store(&part(2, "safe"), true).await.unwrap();
        clock.advance(TEXT_PARTS_WAIT - Duration::from_millis(1));
        intake.inbound.give_up_parts().await.unwrap();
        assert_eq!(said(&store), [""; 0]);
        clock.advance(Duration::from_millis(1));
        intake.inbound.give_up_parts().await.unwrap();
        assert_eq!(said(&store), ["[…]safe"]);
    }

    #[tokio::test]
    async fn another_text_under_the_same_reference_is_another_text() {
        let (store, clock) = (Store::memory(), clock());
        let intake = intake(&store, &clock);
        for (number, text) in [(1, "We are "), (1, "Come "), (2, "soon")] {
            intake.store(&part(number, text), true).await.unwrap();
        }
        assert_eq!(said(&store), ["Come soon", "We are […]"]);
    }

    #[tokio::test]
    async fn a_receipt_may_come_before_the_answer_where_the_carrier_may_do_so() {
        for (may_be_early, stored) in [(true, Stored::Yes), (false, Stored::Later)] {
            let (store, clock) = (Store::memory(), clock());
            let intake = intake(&store, &clock);
            let receipt = IncomingText::Receipt {
                remote_ids: vec!["main/7".to_owned()],
                parties: Default::default(),
                meaning: meaning_of(&parse("id:7 stat:DELIVRD err:000").unwrap()),
            };
            // Until its text is known, which may still be under way; not for ever.
            assert_eq!(intake.store(&receipt, may_be_early).await.unwrap(), stored);
            clock.advance(Duration::from_secs(3600));
            let again = intake.store(&receipt, may_be_early).await.unwrap();
            assert_eq!(again, Stored::Yes);
            let kept = Repo::new(store).early_receipt("main/7").unwrap();
            assert_eq!(kept.is_some(), may_be_early);
        }
    }

    #[tokio::test]
    async fn a_character_that_is_cut_between_two_parts_is_read_whole() {
        let (store, clock) = (Store::memory(), clock());
        let intake = intake(&store, &clock);
        let words = "Water \u{1f30a} here";
        let octets: Vec<u8> = words.encode_utf16().flat_map(u16::to_be_bytes).collect();
        let (first, second) = octets.split_at(14);
        for (number, body) in [(2, second), (1, first)] {
            let header: &[u8] = &[5, 0, 3, 7, 2, number];
            let message = ShortMessage {
                esm_class: esm_class::UDHI,
                data_coding: 8,
                user_data: [header, body].concat(),
                ..ShortMessage::default()
            };
            let text = IncomingText::Part {
                carrier: "main".to_owned(),
                from: "+447700900001".to_owned(),
                to: "40404".to_owned(),
                piece: Piece::of(&message, DefaultAlphabet::Gsm7).unwrap(),
            };
            intake.store(&text, true).await.unwrap();
        }
        assert_eq!(said(&store), [words]);
    }
}
