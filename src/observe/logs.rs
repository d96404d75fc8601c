//! Logs to standard error, as text for people, with priorities for the journal, or as JSON.

use std::fmt;
use std::io::IsTerminal;

use tracing::{Event, Level, Subscriber};
use tracing_subscriber::filter::{LevelFilter, Targets};
use tracing_subscriber::fmt::format::Writer;
use tracing_subscriber::fmt::{FmtContext, FormatEvent, FormatFields};
use tracing_subscriber::layer::SubscriberExt;
use tracing_subscriber::registry::LookupSpan;
use tracing_subscriber::util::{SubscriberInitExt, TryInitError};
use tracing_subscriber::{Layer, Registry};

/// Warns of every repeated response, which UDP makes ordinary.
const SIP_STACK: &str = "ezk_sip_core";
/// Our own targets begin with it.
const OURS: &str = "tocsin";
/// Writes whole answers, with the domains of recipients, at WARN for each that is not right.
const DNSSEC: &str = "hickory_net::dnssec";
/// Libraries may log addresses at lower levels, so they have to be asked for by name.
const OTHERS_LEVEL: LevelFilter = LevelFilter::WARN;

/// How lines look.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum LogStyle {
    /// Time, level, module, message.
    Text {
        /// Colours, on a terminal.
        colours: bool,
    },
    /// The journal adds the time; the level becomes its priority (`<4>`, sd-daemon(3)).
    Journal,
    /// One JSON object a line.
    Json,
}

impl LogStyle {
    /// JSON if asked for; else what standard error is connected to.
    #[must_use]
    pub fn for_stderr(json: bool) -> LogStyle {
        match () {
            () if json => LogStyle::Json,
            () if std::env::var_os("JOURNAL_STREAM").is_some() => LogStyle::Journal,
            () => LogStyle::Text {
                colours: std::io::stderr().is_terminal(),
            },
        }
    }
}

/// Why there are no logs.
#[derive(Debug, thiserror::Error)]
pub enum LogError {
    /// The level is not one.
    #[error("\"{0}\" is not a log level")]
    Level(String),
    /// Logs have been set up before.
    #[error("logs: {0}")]
    Twice(#[from] TryInitError),
}

/// Sets up logs for the whole process. `level` is a level for our own modules
/// (libraries are heard from WARN on) and exceptions by module, as in
/// `"info,tocsin::channel=debug"`.
///
/// # Errors
/// When the level is not one, or on a second call.
pub fn init_logs(style: LogStyle, level: &str) -> Result<(), LogError> {
    let layer = layer(style, std::io::stderr).with_filter(filter(level)?);
    tracing_subscriber::registry().with(layer).try_init()?;
    Ok(())
}

/// The filter that a level text means.
fn filter(text: &str) -> Result<Targets, LogError> {
    let level_of = |text: &str| {
        text.trim()
            .parse::<LevelFilter>()
            .map_err(|_| LogError::Level(text.to_owned()))
    };
    let mut targets = Targets::new()
        .with_default(OTHERS_LEVEL)
        .with_target(SIP_STACK, LevelFilter::ERROR)
        .with_target(DNSSEC, LevelFilter::OFF);
    for part in text
        .split(',')
        .map(str::trim)
        .filter(|part| !part.is_empty())
    {
        if let Some((module, level)) = part.split_once('=') {
            targets = targets.with_target(module.trim(), level_of(level)?);
            continue;
        }
        let level = level_of(part)?;
        targets = targets
            .with_target(OURS, level)
            .with_default(level.min(OTHERS_LEVEL));
    }
    Ok(targets)
}

/// The layer that writes lines of one style.
pub(super) fn layer<W>(style: LogStyle, writer: W) -> Box<dyn Layer<Registry> + Send + Sync>
where
    W: for<'w> tracing_subscriber::fmt::MakeWriter<'w> + Send + Sync + 'static,
{
    let lines = tracing_subscriber::fmt::layer().with_writer(writer);
    match style {
        LogStyle::Text { colours } => lines.with_ansi(colours).boxed(),
        LogStyle::Json => lines
            .json()
            .flatten_event(true)
            .with_current_span(true)
            .with_span_list(false)
            .boxed(),
        LogStyle::Journal => {
            let plain = tracing_subscriber::fmt::format()
                .without_time()
                .with_level(false);
            lines
                .with_ansi(false)
                .event_format(WithPriority(plain.with_ansi(false)))
                .boxed()
        }
    }
}

/// Begins each line with the priority that the journal reads (sd-daemon(3)).
struct WithPriority<F>(F);

impl<S, N, F> FormatEvent<S, N> for WithPriority<F>
where
    S: Subscriber + for<'l> LookupSpan<'l>,
    N: for<'w> FormatFields<'w> + 'static,
    F: FormatEvent<S, N>,
{
    fn format_event(
        &self,
        context: &FmtContext<'_, S, N>,
        mut writer: Writer<'_>,
        event: &Event<'_>,
    ) -> fmt::Result {
        write!(writer, "<{}>", priority(*event.metadata().level()))?;
        self.0.format_event(context, writer, event)
    }
}

/// syslog's number of a level.
fn priority(level: Level) -> u8 {
    match level {
        Level::ERROR => 3,
        Level::WARN => 4,
        Level::INFO => 6,
        _ => 7,
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::super::capture::captured_as;
    use super::*;

    #[test]
    fn libraries_are_heard_from_warn_on_unless_named() {
        let text = captured_as(LogStyle::Text { colours: false }, || {
            tracing::info!(target: "tocsin::x", "ours");
        });
        assert!(text.contains("ours"));
        for (level, target, wanted) in [
            ("info", "tocsin::queue", Level::INFO),
            ("debug", "tocsin::queue", Level::DEBUG),
            ("info", "sled", Level::WARN),
            ("error", "sled", Level::ERROR),
            ("info,sled=trace", "sled", Level::TRACE),
            (
                "warn,tocsin::http=debug",
                "tocsin::http::console",
                Level::DEBUG,
            ),
            ("warn,tocsin::http=debug", "tocsin::queue", Level::WARN),
        ] {
            let filter = filter(level).unwrap();
            let levels = [
                Level::ERROR,
                Level::WARN,
                Level::INFO,
                Level::DEBUG,
                Level::TRACE,
            ];
            let most = levels
                .into_iter()
                .filter(|l| filter.would_enable(target, l))
                .max();
            assert_eq!(most, Some(wanted), "{level} for {target}");
        }
        assert!(matches!(filter("loud"), Err(LogError::Level(_))));
        assert!(matches!(
            filter("info,tocsin=loud"),
            Err(LogError::Level(_))
        ));
    }

    #[test]
    fn each_style_looks_as_it_should() {
        let say = || tracing::warn!(delivery = 7, "delivery deferred");
        let journal = captured_as(LogStyle::Journal, say);
        assert!(journal.starts_with("<4>"), "{journal}");
        assert!(
            journal.contains("delivery deferred") && journal.ends_with("delivery=7\n"),
            "{journal}"
        );
        let json = captured_as(LogStyle::Json, say);
        let value: serde_json::Value = serde_json::from_str(&json).unwrap();
        assert_eq!(value["message"], "delivery deferred");
        assert_eq!(value["delivery"], 7);
        let text = captured_as(LogStyle::Text { colours: false }, say);
        assert!(
            text.contains(" WARN ") && !text.contains('\u{1b}'),
            "{text}"
        );
    }
}
