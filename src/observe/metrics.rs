//! What is counted, and the page that tells it.

use std::fmt::Write;
use std::sync::Arc;

use super::memory::resident_bytes;
use super::metric::{Counter, Family, Gauge, Histogram};

/// `Content-Type` of [`Metrics::render`]'s text.
pub const CONTENT_TYPE: &str = "text/plain; version=0.0.4; charset=utf-8";

/// What `tocsin_repeats_total` says of itself.
const REPEATS: &str = "Attempts made again though an earlier one may have been taken.";

/// Everything that is counted. One for the daemon, shared by all rooms.
#[derive(Debug)]
pub struct Metrics {
    /// Messages whose acceptance was confirmed, by `source`
    /// (`submission`, `console`, `api`, `mx`).
    pub messages_accepted: Family<Counter>,
    /// Messages refused, by `source` and `reason` (a word of ours).
    pub messages_refused: Family<Counter>,
    /// Changes of a delivery's status, by `channel` and the new `status`.
    pub deliveries: Family<Counter>,
    /// Attempts that ended, by `channel` and `outcome` (`accepted`, `deferred`, `rejected`,
    /// `unknown` where nobody answered).
    pub attempts: Family<Counter>,
    /// Attempts made again though an earlier one may have been taken, by `channel`.
    pub repeats: Family<Counter>,
    /// How long attempts took, by `channel`.
    pub attempt_seconds: Family<Histogram>,
    /// Connections to mail servers that should be encrypted, by `policy` and `result` in the words
    /// of RFC 8460 (4.2, 4.3).
    pub email_tls_sessions: Family<Counter>,
    /// Deliveries that wait, by `lane`.
    pub queue_depth: Family<Gauge>,
    /// What came back, by `kind` (`bounce`, `complaint`, `auto_reply`, `reply`,
    /// `reply_part`, `receipt`, `unmatched`).
    pub inbound: Family<Counter>,
    /// Methods suspended, by `channel`.
    pub suspensions: Family<Counter>,
    /// Alarms to the operator, by `kind`.
    pub alarms: Family<Counter>,
    /// Open sessions, by `listener`.
    pub sessions: Family<Gauge>,
    /// 1 while an SMPP `bind` is bound, else 0.
    pub smpp_bind_up: Family<Gauge>,
    /// Telephone calls under way.
    pub sip_calls_active: Arc<Gauge>,
    /// Time from asking for a commit to its being durable.
    pub commit_seconds: Arc<Histogram>,
    /// Whole days until our certificate ends.
    pub tls_certificate_expiry_days: Arc<Gauge>,
    /// 1 while what is submitted is accepted; 0 while the disk is full or we drain.
    pub accepting: Arc<Gauge>,
    /// Rows that the search index could not read since the start.
    pub search_left_out: Arc<Gauge>,
    single: Single,
    start_seconds: u64,
}

/// Families of one series each.
#[derive(Debug)]
struct Single {
    calls: Family<Gauge>,
    commits: Family<Histogram>,
    expiry: Family<Gauge>,
    accepting: Family<Gauge>,
    search_left_out: Family<Gauge>,
}

impl Single {
    fn new() -> Single {
        Single {
            calls: Family::new("tocsin_sip_calls_active", "Telephone calls under way.", &[]),
            commits: Family::new(
                "tocsin_commit_seconds",
                "Time from asking for a commit to its being durable.",
                &[],
            ),
            expiry: Family::new(
                "tocsin_tls_certificate_expiry_days",
                "Whole days until the certificate ends.",
                &[],
            ),
            accepting: Family::new(
                "tocsin_accepting",
                "1 while what is submitted is accepted.",
                &[],
            ),
            search_left_out: Family::new(
                "tocsin_search_left_out",
                "Rows that the search index could not read since the start.",
                &[],
            ),
        }
    }
}

impl Metrics {
    /// Everything at zero. `start_seconds` is when the process started, in
    /// seconds since the Unix epoch.
    #[must_use]
    pub fn new(start_seconds: u64) -> Arc<Metrics> {
        let single = Single::new();
        Arc::new(Metrics {
            messages_accepted: Family::new(
                "tocsin_messages_accepted_total",
                "Messages accepted, by where they came from.",
                &["source"],
            ),
            messages_refused: Family::new(
                "tocsin_messages_refused_total",
                "Messages refused, by where they came from and why.",
                &["source", "reason"],
            ),
            deliveries: Family::new(
                "tocsin_deliveries_total",
                "Deliveries that reached a status.",
                &["channel", "status"],
            ),
            attempts: Family::new(
                "tocsin_attempts_total",
                "Attempts that ended, by outcome.",
                &["channel", "outcome"],
            ),
            repeats: Family::new("tocsin_repeats_total", REPEATS, &["channel"]),
            attempt_seconds: Family::new(
                "tocsin_attempt_seconds",
                "How long attempts took.",
                &["channel"],
            ),
            email_tls_sessions: Family::new(
                "tocsin_email_tls_sessions_total",
                "Connections to mail servers that should be encrypted, by what asks for it and how it ended.",
                &["policy", "result"],
            ),
            queue_depth: Family::new("tocsin_queue_depth", "Deliveries that wait.", &["lane"]),
            inbound: Family::new(
                "tocsin_inbound_total",
                "What came back, by kind.",
                &["kind"],
            ),
            suspensions: Family::new(
                "tocsin_suspensions_total",
                "Methods suspended.",
                &["channel"],
            ),
            alarms: Family::new("tocsin_alarms_total", "Alarms to the operator.", &["kind"]),
            sessions: Family::new("tocsin_sessions", "Open sessions.", &["listener"]),
            smpp_bind_up: Family::new("tocsin_smpp_bind_up", "1 while bound.", &["bind"]),
            sip_calls_active: single.calls.with(&[]),
            commit_seconds: single.commits.with(&[]),
            tls_certificate_expiry_days: single.expiry.with(&[]),
            accepting: single.accepting.with(&[]),
            search_left_out: single.search_left_out.with(&[]),
            single,
            start_seconds,
        })
    }

    /// The page that Prometheus reads (text format 0.0.4).
    #[must_use]
    pub fn render(&self) -> String {
        let mut out = String::new();
        let version = env!("CARGO_PKG_VERSION");
        sample(
            &mut out,
            "tocsin_build_info",
            "What runs here.",
            &format!("{{version=\"{version}\"}} 1"),
        );
        self.messages_accepted.write(&mut out);
        self.messages_refused.write(&mut out);
        self.deliveries.write(&mut out);
        self.attempts.write(&mut out);
        self.repeats.write(&mut out);
        self.attempt_seconds.write(&mut out);
        self.email_tls_sessions.write(&mut out);
        self.queue_depth.write(&mut out);
        self.inbound.write(&mut out);
        self.suspensions.write(&mut out);
        self.alarms.write(&mut out);
        self.sessions.write(&mut out);
        self.smpp_bind_up.write(&mut out);
        self.single.calls.write(&mut out);
        self.single.commits.write(&mut out);
        self.single.expiry.write(&mut out);
        self.single.accepting.write(&mut out);
        self.single.search_left_out.write(&mut out);
        sample(
            &mut out,
            "process_start_time_seconds",
            "When the process started, in seconds since the Unix epoch.",
            &format!(" {}", self.start_seconds),
        );
        sample(
            &mut out,
            "process_resident_memory_bytes",
            "Resident memory.",
            &format!(" {}", resident_bytes()),
        );
        out
    }
}

fn sample(out: &mut String, name: &str, help: &str, labels_and_value: &str) {
    let _ = writeln!(
        out,
        "# HELP {name} {help}\n# TYPE {name} gauge\n{name}{labels_and_value}"
    );
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_page_tells_what_was_counted() {
        let metrics = Metrics::new(1_800_000_000);
        metrics.messages_accepted.with(&["submission"]).increment();
        metrics.deliveries.with(&["email", "received"]).add(2);
        metrics.smpp_bind_up.with(&["main"]).set(1);
        metrics.sip_calls_active.add(3);
        metrics
            .commit_seconds
            .observe(std::time::Duration::from_micros(1500));
        let page = metrics.render();
        for line in [
            "tocsin_messages_accepted_total{source=\"submission\"} 1",
            "tocsin_deliveries_total{channel=\"email\",status=\"received\"} 2",
            "tocsin_smpp_bind_up{bind=\"main\"} 1",
            "tocsin_sip_calls_active 3",
            "tocsin_commit_seconds_bucket{le=\"0.002\"} 1",
            "tocsin_commit_seconds_sum 0.0015",
            "tocsin_tls_certificate_expiry_days 0",
            "process_start_time_seconds 1800000000",
        ] {
            assert!(page.lines().any(|l| l == line), "{line} not in\n{page}");
        }
    }

    #[test]
    fn the_page_is_well_formed() {
        let metrics = Metrics::new(0);
        metrics.attempts.with(&["sms", "accepted"]).increment();
        let mut typed = std::collections::BTreeSet::new();
        for line in metrics.render().lines() {
            if let Some(rest) = line.strip_prefix("# TYPE ") {
                let name = rest.split(' ').next().unwrap_or_default();
                assert!(typed.insert(name.to_owned()), "{name} has two types");
            } else if !line.starts_with('#') {
                let name = line.split(['{', ' ']).next().unwrap_or_default();
                let base = ["_bucket", "_sum", "_count"]
                    .iter()
                    .find_map(|end| name.strip_suffix(end));
                assert!(
                    typed.contains(name) || base.is_some_and(|base| typed.contains(base)),
                    "{line}"
                );
                assert!(
                    line.rsplit(' ')
                        .next()
                        .is_some_and(|v| v.parse::<f64>().is_ok()),
                    "{line}"
                );
            }
        }
    }
}
