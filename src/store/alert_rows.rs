//! Rows of alerts that other programs handed in, and of where areas lie.

use super::engine::{Key, Value};
use super::keys::{self, KeyBuilder};
use super::rows::Row;
use crate::domain::{AlertTaken, AreaPlace};

impl Row for AlertTaken {
    fn key(&self) -> Key {
        keys::alert(&self.key)
    }

    fn indexes(&self) -> Vec<(Key, Value)> {
        let by_time = KeyBuilder::new(keys::ALERT_BY_TIME)
            .bytes(&self.at.as_millis().to_be_bytes())
            .bytes(&self.key);
        let by_communication = self.communication.map(|communication| {
            KeyBuilder::new(keys::ALERT_BY_COMMUNICATION)
                .bytes(communication.as_bytes())
                .bytes(&self.key)
        });
        let all = [Some(by_time), by_communication].into_iter().flatten();
        all.map(|key| (key.build(), self.key())).collect()
    }

    fn counters(&self) -> Vec<(Key, i64)> {
        vec![(keys::ALERTS.to_vec(), 1)]
    }
}

impl Row for AreaPlace {
    fn key(&self) -> Key {
        keys::area_place(self.area())
    }
}
