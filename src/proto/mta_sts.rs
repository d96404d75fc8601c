//! MTA-STS (RFC 8461): what a domain says of the servers that take its mail. Sans-IO.

use std::time::Duration;

/// Most octets of a policy that are read; it is a few lines.
pub const STS_POLICY_SIZE_MAX_BYTES: usize = 64 * 1024;
/// Longest time for which a policy is believed (section 3.2).
const AGE_MAX: Duration = Duration::from_secs(31_557_600);
/// Most patterns of one policy; others match nothing.
const PATTERNS_MAX: usize = 500;
/// Longest id (section 3.1).
const ID_SIZE_MAX: usize = 32;

/// What a sender has to do.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum StsMode {
    /// Not deliver where the policy is not kept.
    Enforce,
    /// Deliver, and tell of what does not keep it.
    Testing,
    /// Nothing: the domain takes its policy back.
    None,
}

/// A policy.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct StsPolicy {
    /// What it asks for.
    pub mode: StsMode,
    /// How long it may be kept.
    pub max_age: Duration,
    /// Names of servers, in lower case; `*.` stands for one label.
    patterns: Vec<String>,
}

/// Why there is no policy in what was read.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum StsFault {
    /// `version` is missing, or not `STSv1`.
    #[error("no policy of version STSv1")]
    Version,
    /// `mode` is missing or unknown.
    #[error("no known mode")]
    Mode,
    /// `max_age` is missing, or no number of seconds up to a year.
    #[error("no max_age up to a year")]
    Age,
    /// It names no server.
    #[error("no mx")]
    NoServer,
}

impl StsPolicy {
    /// Reads a policy (section 3.2). Of a field that stands there twice the first counts, `mx`
    /// excepted; unknown ones are left alone.
    ///
    /// # Errors
    /// [`StsFault`] says what is missing.
    pub fn parse(text: &str) -> Result<Self, StsFault> {
        let fields = || {
            text.lines().filter_map(|line| {
                let (name, value) = line.split_once(':')?;
                Some((name.trim(), value.trim()))
            })
        };
        let first = |wanted: &str| {
            let mut all = fields().filter(|(name, _)| *name == wanted);
            all.next().map(|(_, value)| value)
        };
        if first("version") != Some("STSv1") {
            return Err(StsFault::Version);
        }
        let mode = match first("mode") {
            Some("enforce") => StsMode::Enforce,
            Some("testing") => StsMode::Testing,
            Some("none") => StsMode::None,
            _ => return Err(StsFault::Mode),
        };
        let age = first("max_age").and_then(|age| age.parse().ok());
        let max_age = age.map(Duration::from_secs).filter(|age| *age <= AGE_MAX);
        let patterns: Vec<String> = fields()
            .filter(|(name, value)| *name == "mx" && !value.is_empty())
            .map(|(_, value)| value.trim_end_matches('.').to_ascii_lowercase())
            .take(PATTERNS_MAX)
            .collect();
        if patterns.is_empty() && mode != StsMode::None {
            return Err(StsFault::NoServer);
        }
        Ok(Self {
            mode,
            max_age: max_age.ok_or(StsFault::Age)?,
            patterns,
        })
    }

    /// Whether a server is one of those named (section 4.1).
    #[must_use]
    pub fn covers(&self, host: &str) -> bool {
        let host = host.trim_end_matches('.').to_ascii_lowercase();
        self.patterns
            .iter()
            .any(|pattern| match pattern.strip_prefix("*.") {
                Some(parent) => host.split_once('.').is_some_and(|(_, rest)| rest == parent),
                None => *pattern == host,
            })
    }
}

/// The id in the TXT records of `_mta-sts.<domain>` (section 3.1); `None` unless there is exactly
/// one record of the kind.
#[must_use]
pub fn sts_id(records: &[String]) -> Option<String> {
    let is_version = |record: &&String| {
        let version = record.split(';').next().unwrap_or_default();
        version.trim_end() == "v=STSv1"
    };
    let mut ours = records.iter().filter(is_version);
    let (Some(record), None) = (ours.next(), ours.next()) else {
        return None;
    };
    let fields = record.split(';').filter_map(|field| field.split_once('='));
    let id = fields
        .map(|(name, value)| (name.trim(), value.trim()))
        .find(|(name, _)| *name == "id")
        .map(|(_, id)| id)?;
    let is_id =
        (1..=ID_SIZE_MAX).contains(&id.len()) && id.bytes().all(|b| b.is_ascii_alphanumeric());
    is_id.then(|| id.to_owned())
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;

    const POLICY: &str = "version: STSv1\r\nmode: enforce\r\nmx: mail.example.com\r\nmx: *.Example.net\r\nmax_age: 604800\r\n";

    #[test]
    fn a_policy_names_servers() {
        let policy = StsPolicy::parse(POLICY).unwrap();
        assert_eq!(
            (policy.mode, policy.max_age.as_secs()),
            (StsMode::Enforce, 604_800)
        );
        for (host, covered) in [
            ("mail.example.com", true),
            ("MAIL.example.com.", true),
            ("mx1.example.net", true),
            ("example.net", false),
            ("a.b.example.net", false),
            ("mail.example.com.evil.test", false),
            ("evilexample.net", false),
            ("", false),
        ] {
            assert_eq!(policy.covers(host), covered, "{host}");
        }
        let extended = POLICY.replace('\r', "").replace("mode", "new: x\nmode");
        assert_eq!(StsPolicy::parse(&extended).unwrap(), policy);
        let twice = format!("{POLICY}mode: none\nmax_age: 1\n");
        assert_eq!(StsPolicy::parse(&twice).unwrap(), policy);
        let none = StsPolicy::parse("version:STSv1\nmode:none\nmax_age:0").unwrap();
        assert_eq!((none.mode, none.covers("x")), (StsMode::None, false));
    }

    #[test]
    fn what_is_no_policy_is_refused() {
        for (from, to, fault) in [
            ("STSv1", "STSv2", StsFault::Version),
            ("version", "v", StsFault::Version),
            ("enforce", "strict", StsFault::Mode),
            ("604800", "-1", StsFault::Age),
            ("604800", "31557601", StsFault::Age),
            ("604800", "", StsFault::Age),
            ("mx: ", "my: ", StsFault::NoServer),
            ("version", "<html>", StsFault::Version),
        ] {
            assert_eq!(
                StsPolicy::parse(&POLICY.replace(from, to)),
                Err(fault),
                "{to}"
            );
        }
        assert_eq!(StsPolicy::parse(""), Err(StsFault::Version));
    }

    #[test]
    fn one_record_has_the_id() {
        let id = |records: &[&str]| {
            let records: Vec<String> = records.iter().map(|r| (*r).to_owned()).collect();
            sts_id(&records)
        };
        assert_eq!(
            id(&["v=STSv1; id=20160831085700Z;"]).as_deref(),
            Some("20160831085700Z")
        );
        assert_eq!(id(&["v=spf1 -all", "v=STSv1;id=a1"]).as_deref(), Some("a1"));
        for none in [
            &["v=STSv1; id=a", "v=STSv1; id=b"][..],
            &["v=STSv12; id=a"],
            &["v=STSv1"],
            &["v=STSv1; id=a-b"],
            &["v=STSv1; id="],
            &["v=STSv1; id=123456789012345678901234567890123"],
            &[" v=STSv1; id=a"],
            &[],
        ] {
            assert_eq!(id(none), None, "{none:?}");
        }
    }
}
