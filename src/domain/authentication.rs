//! What could be found out about where a mail came from, in the words of RFC 8601.

use std::fmt;

/// How one method ended (RFC 8601 section 2.7).
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum AuthResult {
    /// It is so.
    Pass,
    /// It is not so.
    Fail,
    /// It is probably not so.
    SoftFail,
    /// Nothing is claimed, or what is there cannot be judged.
    Neutral,
    /// There is nothing to look at.
    None,
    /// It cannot be said now.
    TempError,
    /// What is there is broken.
    PermError,
}

impl AuthResult {
    /// Every result.
    pub const ALL: [Self; 7] = [
        Self::Pass,
        Self::Fail,
        Self::SoftFail,
        Self::Neutral,
        Self::None,
        Self::TempError,
        Self::PermError,
    ];

    /// Its word.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Pass => "pass",
            Self::Fail => "fail",
            Self::SoftFail => "softfail",
            Self::Neutral => "neutral",
            Self::None => "none",
            Self::TempError => "temperror",
            Self::PermError => "permerror",
        }
    }
}

/// What was found out about one mail.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Authentication {
    /// Whether its server may send for the domain of its envelope sender (RFC 7208).
    pub spf: AuthResult,
    /// Whether a domain has signed it (RFC 6376); the best of its signatures.
    pub dkim: AuthResult,
    /// Whether one of the two speaks for the domain of its author (RFC 9989).
    pub dmarc: AuthResult,
    /// The author's domain asks to refuse or to doubt what does not come from it.
    pub is_strict: bool,
}

/// What it comes to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Provenance {
    /// It comes from the author's domain.
    Proven,
    /// Nobody can say.
    Unproven,
    /// It does not, by the word of the author's domain.
    Forged,
}

impl Authentication {
    /// Where the checks could not be made.
    pub const UNKNOWN: Self = Self {
        spf: AuthResult::TempError,
        dkim: AuthResult::TempError,
        dmarc: AuthResult::TempError,
        is_strict: false,
    };

    /// What it comes to.
    #[must_use]
    pub const fn provenance(&self) -> Provenance {
        match self.dmarc {
            AuthResult::Pass => Provenance::Proven,
            AuthResult::Fail if self.is_strict => Provenance::Forged,
            _ => Provenance::Unproven,
        }
    }
}

impl fmt::Display for Authentication {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (spf, dkim, dmarc) = (self.spf, self.dkim, self.dmarc);
        let (spf, dkim, dmarc) = (spf.as_str(), dkim.as_str(), dmarc.as_str());
        write!(f, "spf={spf} dkim={dkim} dmarc={dmarc}")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_a_strict_domain_calls_a_mail_forged() {
        let found = |dmarc, is_strict| Authentication {
            spf: AuthResult::Fail,
            dkim: AuthResult::None,
            dmarc,
            is_strict,
        };
        assert_eq!(
            found(AuthResult::Pass, true).provenance(),
            Provenance::Proven
        );
        assert_eq!(
            found(AuthResult::Fail, true).provenance(),
            Provenance::Forged
        );
        assert_eq!(
            found(AuthResult::Fail, false).provenance(),
            Provenance::Unproven
        );
        for result in AuthResult::ALL {
            let is_known = matches!(result, AuthResult::Pass | AuthResult::Fail);
            assert_eq!(
                found(result, true).provenance() == Provenance::Unproven,
                !is_known
            );
        }
        assert_eq!(Authentication::UNKNOWN.provenance(), Provenance::Unproven);
        assert_eq!(
            found(AuthResult::Pass, true).to_string(),
            "spf=fail dkim=none dmarc=pass"
        );
    }
}
