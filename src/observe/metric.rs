//! Counters, gauges and histograms, and families of them told apart by labels,
//! written in Prometheus' text format (version 0.0.4).

use std::collections::BTreeMap;
use std::fmt::Write;
use std::sync::atomic::{AtomicI64, AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

/// Series in one family. Labels are names of ours, so that this is never
/// reached; if it is, the rest share one series called "other".
const SERIES_MAX: usize = 500;

/// A number that only grows.
#[derive(Debug, Default)]
pub struct Counter(AtomicU64);

impl Counter {
    /// One more.
    pub fn increment(&self) {
        self.add(1);
    }

    /// Several more.
    pub fn add(&self, count: u64) {
        self.0.fetch_add(count, Ordering::Relaxed);
    }

    /// The number now.
    #[must_use]
    pub fn get(&self) -> u64 {
        self.0.load(Ordering::Relaxed)
    }
}

/// A number that goes up and down.
#[derive(Debug, Default)]
pub struct Gauge(AtomicI64);

impl Gauge {
    /// The number is this.
    pub fn set(&self, value: i64) {
        self.0.store(value, Ordering::Relaxed);
    }

    /// The number moves by this.
    pub fn add(&self, difference: i64) {
        self.0.fetch_add(difference, Ordering::Relaxed);
    }

    /// One more until the guard is dropped.
    #[must_use]
    pub fn hold(self: &Arc<Gauge>) -> Held {
        self.add(1);
        Held(Arc::clone(self))
    }

    /// The number now.
    #[must_use]
    pub fn get(&self) -> i64 {
        self.0.load(Ordering::Relaxed)
    }
}

/// Takes one off its gauge when it goes.
#[derive(Debug)]
pub struct Held(Arc<Gauge>);

impl Drop for Held {
    fn drop(&mut self) {
        self.0.add(-1);
    }
}

/// How long things take.
#[derive(Debug)]
pub struct Histogram {
    counts: [AtomicU64; BUCKETS_MS.len() + 1],
    sum_micros: AtomicU64,
}

/// Upper bounds of the buckets, in milliseconds.
const BUCKETS_MS: [u64; 12] = [1, 2, 5, 10, 20, 50, 100, 200, 500, 1000, 5000, 30_000];

impl Default for Histogram {
    fn default() -> Histogram {
        let counts = std::array::from_fn(|_| AtomicU64::new(0));
        Histogram {
            counts,
            sum_micros: AtomicU64::new(0),
        }
    }
}

impl Histogram {
    /// One thing took this long.
    pub fn observe(&self, took: Duration) {
        let bucket = BUCKETS_MS
            .iter()
            .position(|ms| took <= Duration::from_millis(*ms));
        self.counts[bucket.unwrap_or(BUCKETS_MS.len())].fetch_add(1, Ordering::Relaxed);
        let micros = u64::try_from(took.as_micros()).unwrap_or(u64::MAX);
        self.sum_micros.fetch_add(micros, Ordering::Relaxed);
    }

    /// How many things were observed.
    #[must_use]
    pub fn count(&self) -> u64 {
        self.counts
            .iter()
            .map(|count| count.load(Ordering::Relaxed))
            .sum()
    }
}

/// What can be written as a series of samples.
pub(super) trait Metric: Default {
    /// The word after `# TYPE`.
    const TYPE: &'static str;

    /// Writes this metric's samples; `labels` is `a="b",c="d"` or empty.
    fn write(&self, name: &str, labels: &str, out: &mut String);
}

impl Metric for Counter {
    const TYPE: &'static str = "counter";

    fn write(&self, name: &str, labels: &str, out: &mut String) {
        let _ = writeln!(out, "{name}{} {}", braced(labels), self.get());
    }
}

impl Metric for Gauge {
    const TYPE: &'static str = "gauge";

    fn write(&self, name: &str, labels: &str, out: &mut String) {
        let _ = writeln!(out, "{name}{} {}", braced(labels), self.get());
    }
}

impl Metric for Histogram {
    const TYPE: &'static str = "histogram";

    fn write(&self, name: &str, labels: &str, out: &mut String) {
        let comma = if labels.is_empty() { "" } else { "," };
        let mut total = 0;
        for (index, count) in self.counts.iter().enumerate() {
            total += count.load(Ordering::Relaxed);
            let bound = BUCKETS_MS
                .get(index)
                .map_or_else(|| "+Inf".to_owned(), |ms| seconds(ms * 1000));
            let _ = writeln!(
                out,
                "{name}_bucket{{{labels}{comma}le=\"{bound}\"}} {total}"
            );
        }
        let sum = seconds(self.sum_micros.load(Ordering::Relaxed));
        let _ = writeln!(out, "{name}_sum{} {sum}", braced(labels));
        let _ = writeln!(out, "{name}_count{} {total}", braced(labels));
    }
}

/// Metrics of one name, told apart by the values of their labels.
#[derive(Debug)]
pub struct Family<M> {
    name: &'static str,
    help: &'static str,
    label_names: &'static [&'static str],
    series: Mutex<BTreeMap<Vec<String>, Arc<M>>>,
}

#[allow(private_bounds)] // The metrics are these three and no other.
impl<M: Metric> Family<M> {
    pub(super) fn new(
        name: &'static str,
        help: &'static str,
        label_names: &'static [&'static str],
    ) -> Family<M> {
        Family {
            name,
            help,
            label_names,
            series: Mutex::default(),
        }
    }

    /// The metric with these values of the family's labels, in their order. Values
    /// are names of channels, statuses, lanes and binds: never anybody's data.
    #[must_use]
    pub fn with(&self, values: &[&str]) -> Arc<M> {
        debug_assert_eq!(
            values.len(),
            self.label_names.len(),
            "labels of {}",
            self.name
        );
        let mut series = self.series.lock().unwrap_or_else(PoisonError::into_inner);
        let mut key: Vec<String> = values.iter().map(|value| (*value).to_owned()).collect();
        if series.len() >= SERIES_MAX && !series.contains_key(&key) {
            key = vec!["other".to_owned(); self.label_names.len()];
        }
        Arc::clone(series.entry(key).or_default())
    }

    pub(super) fn write(&self, out: &mut String) {
        let series = self.series.lock().unwrap_or_else(PoisonError::into_inner);
        if series.is_empty() {
            return;
        }
        let _ = writeln!(out, "# HELP {} {}", self.name, self.help);
        let _ = writeln!(out, "# TYPE {} {}", self.name, M::TYPE);
        for (values, metric) in series.iter() {
            let labels: Vec<String> = self
                .label_names
                .iter()
                .zip(values)
                .map(|(name, value)| format!("{name}=\"{}\"", escaped(value)))
                .collect();
            metric.write(self.name, &labels.join(","), out);
        }
    }
}

fn braced(labels: &str) -> String {
    if labels.is_empty() {
        String::new()
    } else {
        format!("{{{labels}}}")
    }
}

/// Backslash, quote and line end are escaped in label values.
fn escaped(value: &str) -> String {
    value
        .replace('\\', "\\\\")
        .replace('"', "\\\"")
        .replace('\n', "\\n")
}

/// Microseconds as decimal seconds, without floating point.
fn seconds(micros: u64) -> String {
    let text = format!("{}.{:06}", micros / 1_000_000, micros % 1_000_000);
    text.trim_end_matches('0').trim_end_matches('.').to_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_histogram_counts_up() {
        let family: Family<Histogram> = Family::new("t_seconds", "Times.", &[]);
        let histogram = family.with(&[]);
        for ms in [0, 1, 3, 700, 60_000] {
            histogram.observe(Duration::from_millis(ms));
        }
        let mut out = String::new();
        family.write(&mut out);
        for line in [
            "# HELP t_seconds Times.",
            "# TYPE t_seconds histogram",
            "t_seconds_bucket{le=\"0.001\"} 2",
            "t_seconds_bucket{le=\"0.005\"} 3",
            "t_seconds_bucket{le=\"1\"} 4",
            "t_seconds_bucket{le=\"30\"} 4",
            "t_seconds_bucket{le=\"+Inf\"} 5",
            "t_seconds_sum 60.704",
            "t_seconds_count 5",
        ] {
            assert!(out.lines().any(|l| l == line), "{line} not in\n{out}");
        }
    }

    #[test]
    fn labels_are_escaped_and_series_are_limited() {
        let family: Family<Counter> = Family::new("t_total", "T.", &["a", "b"]);
        family.with(&["x\"y\\z\n", "1"]).add(3);
        let mut out = String::new();
        family.write(&mut out);
        assert!(
            out.ends_with("t_total{a=\"x\\\"y\\\\z\\n\",b=\"1\"} 3\n"),
            "{out}"
        );
        for n in 0..2 * SERIES_MAX {
            family.with(&["n", &n.to_string()]).increment();
        }
        let mut out = String::new();
        family.write(&mut out);
        assert_eq!(out.lines().count(), 2 + SERIES_MAX + 1);
        let others = 2 * SERIES_MAX - (SERIES_MAX - 1);
        assert!(
            out.contains(&format!("t_total{{a=\"other\",b=\"other\"}} {others}\n")),
            "{out}"
        );
    }

    #[test]
    fn a_held_gauge_goes_down_again() {
        let gauge = Arc::new(Gauge::default());
        let held = [gauge.hold(), gauge.hold()];
        assert_eq!(gauge.get(), 2);
        drop(held);
        assert_eq!(gauge.get(), 0);
    }
}
