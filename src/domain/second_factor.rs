//! The second factor of a login: codes that change every half minute (TOTP, RFC 6238), and
//! recovery codes for when the device that shows them is gone.

use ring::{digest, hmac};
use subtle::ConstantTimeEq;

use super::redacted::Redacted;
use super::timestamp::Timestamp;

/// How long a code stands, in milliseconds.
const STEP_MS: u64 = 30_000;
/// How many steps a device's clock may be ahead or behind (RFC 6238, 5.2).
const STEPS_APART_MAX: u64 = 1;
/// Digits of a code.
const DIGITS: usize = 6;
/// Octets of a secret: as many as the hash has (RFC 4226, 4).
pub const SECRET_SIZE: usize = 20;
/// Recovery codes that are given out at a time.
pub const RECOVERY_CODES: usize = 10;
/// Random octets of a recovery code: so many that their hash need not be slow.
pub const RECOVERY_CODE_SIZE: usize = 10;
/// Longest text that is looked at as a code, in octets.
const CODE_TEXT_MAX: usize = 64;

/// What a device and we share.
pub type Secret = Redacted<[u8; SECRET_SIZE]>;

/// What a user proves with besides the password.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SecondFactor {
    /// What the device and we share.
    pub secret: Secret,
    /// The time step of the last code that was taken: neither it nor one before is taken again.
    pub last_step: u64,
    /// SHA-256 of the recovery codes that are left.
    pub recovery: Vec<[u8; 32]>,
    /// When it was turned on.
    pub since: Timestamp,
}

/// What was given as a code and taken.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TakenCode {
    /// The second factor as it is from then on.
    pub after: SecondFactor,
    /// Whether it was a recovery code.
    pub recovery: bool,
}

impl SecondFactor {
    /// Takes a code of the device or a recovery code, if it is one; blanks and hyphens do not
    /// matter. It counts once what comes out has been kept.
    #[must_use]
    pub fn take(&self, text: &str, now: Timestamp) -> Option<TakenCode> {
        if text.len() > CODE_TEXT_MAX {
            return None;
        }
        let plain = |c: &char| !c.is_whitespace() && *c != '-';
        let text: String = text.chars().filter(plain).collect();
        if text.len() == DIGITS {
            self.take_step(&text, now)
        } else {
            self.take_recovery(&text)
        }
    }

    fn take_step(&self, text: &str, now: Timestamp) -> Option<TakenCode> {
        let present = now.as_millis() / STEP_MS;
        let first = present.saturating_sub(STEPS_APART_MAX);
        let fits = |step: &u64| {
            let code = code_at(self.secret.reveal(), *step);
            *step > self.last_step && bool::from(code.as_bytes().ct_eq(text.as_bytes()))
        };
        let step = (first..=present + STEPS_APART_MAX).find(fits)?;
        let after = Self {
            last_step: step,
            ..self.clone()
        };
        Some(TakenCode {
            after,
            recovery: false,
        })
    }

    fn take_recovery(&self, text: &str) -> Option<TakenCode> {
        let hash = recovery_hash(text);
        let place = self.recovery.iter().position(|known| *known == hash)?;
        let mut after = self.clone();
        after.recovery.remove(place);
        Some(TakenCode {
            after,
            recovery: true,
        })
    }
}

/// What is kept of a recovery code, however its letters are grouped.
#[must_use]
pub fn recovery_hash(code: &str) -> [u8; 32] {
    let plain: String = code.chars().filter(char::is_ascii_alphanumeric).collect();
    let found = digest::digest(&digest::SHA256, plain.to_ascii_uppercase().as_bytes());
    let mut hash = [0; 32];
    hash.copy_from_slice(found.as_ref());
    hash
}

/// The code of a time step: HMAC-SHA-1 cut to six digits (RFC 4226, 5.3).
#[must_use]
pub fn code_at(secret: &[u8], step: u64) -> String {
    let key = hmac::Key::new(hmac::HMAC_SHA1_FOR_LEGACY_USE_ONLY, secret);
    let tag = hmac::sign(&key, &step.to_be_bytes());
    let tag = tag.as_ref();
    let offset = usize::from(tag[tag.len() - 1] & 0x0f);
    let mut four = [0; 4];
    four.copy_from_slice(&tag[offset..offset + 4]);
    let number = u32::from_be_bytes(four) & 0x7fff_ffff;
    format!("{:0DIGITS$}", number % 1_000_000)
}

/// The code that a device shows at a time.
#[must_use]
pub fn code_now(secret: &[u8], now: Timestamp) -> String {
    code_at(secret, now.as_millis() / STEP_MS)
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;

    const SECRET: [u8; SECRET_SIZE] = *b"12345678901234567890";

    fn at(second: u64) -> Timestamp {
        Timestamp::from_millis(second * 1000)
    }

    fn factor() -> SecondFactor {
        SecondFactor {
            secret: Redacted::new(SECRET),
            last_step: 0,
            recovery: vec![recovery_hash("ABCD-EFGH"), recovery_hash("IJKL-MNOP")],
            since: at(0),
        }
    }

    /// RFC 6238, appendix B; the last six of its eight digits.
    #[test]
    fn codes_are_those_of_the_rfc() {
        for (second, code) in [
            (59, "287082"),
            (1_111_111_109, "081804"),
            (1_111_111_111, "050471"),
            (1_234_567_890, "005924"),
            (2_000_000_000, "279037"),
            (20_000_000_000, "353130"),
        ] {
            assert_eq!(code_now(&SECRET, at(second)), code, "at {second}");
            assert!(factor().take(code, at(second)).is_some(), "at {second}");
        }
    }

    /// RFC 4226, appendix D.
    #[test]
    fn steps_are_those_of_the_rfc() {
        let codes = ["755224", "287082", "359152", "969429", "338314", "254676"];
        for (step, code) in (0..).zip(codes) {
            assert_eq!(code_at(&SECRET, step), code);
        }
    }

    #[test]
    fn a_clock_may_be_one_step_apart_and_no_more() {
        let now: u64 = 1_111_111_110;
        for (apart, taken) in [
            (-60, false),
            (-30, true),
            (0, true),
            (30, true),
            (60, false),
        ] {
            let code = code_now(&SECRET, at(now.checked_add_signed(apart).unwrap()));
            assert_eq!(factor().take(&code, at(now)).is_some(), taken, "{apart}");
        }
    }

    #[test]
    fn a_code_is_taken_once_and_none_before_it() {
        let now = at(1_111_111_110);
        let (before, code) = (at(1_111_111_080), code_now(&SECRET, now));
        let taken = factor().take(&code, now).unwrap();
        assert!(!taken.recovery);
        assert_eq!(taken.after.take(&code, now), None);
        assert_eq!(taken.after.take(&code_now(&SECRET, before), now), None);
        let next = at(1_111_111_140);
        assert!(taken.after.take(&code_now(&SECRET, next), next).is_some());
    }

    #[test]
    fn a_recovery_code_is_taken_once_however_it_is_written() {
        let taken = factor().take(" abcd efgh", at(0)).unwrap();
        assert!(taken.recovery);
        assert_eq!(taken.after.recovery.len(), 1);
        assert_eq!(taken.after.take("ABCD-EFGH", at(0)), None);
        assert!(taken.after.take("IJKLMNOP", at(0)).is_some());
        for none in ["", "000000", "ABCDEFG", "é", &"9".repeat(100)] {
            assert_eq!(factor().take(none, at(0)), None, "{none:?}");
        }
    }

    #[test]
    fn nothing_shows_the_secret() {
        assert!(!format!("{:?}", factor().secret).contains("49"));
    }
}
