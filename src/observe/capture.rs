//! For tests: what was logged, and whether it tells on anybody.

use std::io::{self, Write};
use std::sync::{Arc, Mutex, PoisonError};

use tracing_subscriber::fmt::MakeWriter;
use tracing_subscriber::layer::SubscriberExt;
use tracing_subscriber::util::SubscriberInitExt;

use super::logs::{LogStyle, layer};

/// A captured log does not grow past this; the rest is dropped.
const CAPTURED_SIZE_MAX: usize = 16 << 20;
/// Digits in a row, spaces and dashes between them not counted, from which on a
/// number after `+` or `0` may be somebody's telephone.
const PHONE_DIGITS_MIN: usize = 9;
/// The longest number there is (E.164).
const PHONE_DIGITS_MAX: usize = 15;

/// A place where log lines are kept.
#[derive(Debug, Clone, Default)]
pub struct Captured(Arc<Mutex<Vec<u8>>>);

impl Captured {
    /// Everything logged so far.
    #[must_use]
    pub fn text(&self) -> String {
        let bytes = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        String::from_utf8_lossy(&bytes).into_owned()
    }

    /// Sends the whole process's logs here, at every level of our own modules.
    /// Once per process.
    ///
    /// # Errors
    /// When logs are set up already.
    pub fn for_process() -> Result<Captured, tracing_subscriber::util::TryInitError> {
        let captured = Captured::default();
        let layer = layer(LogStyle::Text { colours: false }, captured.clone());
        tracing_subscriber::registry().with(layer).try_init()?;
        Ok(captured)
    }
}

impl Write for Captured {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        let mut kept = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if kept.len() + bytes.len() <= CAPTURED_SIZE_MAX {
            kept.extend_from_slice(bytes);
        }
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

impl<'w> MakeWriter<'w> for Captured {
    type Writer = Captured;

    fn make_writer(&'w self) -> Captured {
        self.clone()
    }
}

/// What `action` logs on this thread, at every level.
pub fn captured(action: impl FnOnce()) -> String {
    captured_as(LogStyle::Text { colours: false }, action)
}

/// As [`captured`], in a style of choice.
pub fn captured_as(style: LogStyle, action: impl FnOnce()) -> String {
    let captured = Captured::default();
    let subscriber = tracing_subscriber::registry().with(layer(style, captured.clone()));
    tracing::subscriber::with_default(subscriber, action);
    captured.text()
}

/// Words in a log that look like a mail address or a telephone number, with
/// the line they stand in.
#[must_use]
pub fn leaks(log: &str) -> Vec<String> {
    let mut found = Vec::new();
    for line in log.lines() {
        if has_mail_address(line) || has_phone_number(line) {
            found.push(line.to_owned());
        }
    }
    found
}

/// Something on both sides of an `@`.
fn has_mail_address(line: &str) -> bool {
    let in_address = |c: char| c.is_alphanumeric() || "._+-".contains(c);
    line.char_indices()
        .filter(|(_, c)| *c == '@')
        .any(|(at, _)| {
            line[..at]
                .chars()
                .next_back()
                .is_some_and(|c| in_address(c) || c == '"')
                && line[at + 1..]
                    .chars()
                    .next()
                    .is_some_and(|c| in_address(c) || c == '[')
        })
}

/// A run of digits that begins with `+` or `0`, as long as a telephone number,
/// and that is no part of a word (an id, a time, a hash).
fn has_phone_number(line: &str) -> bool {
    let chars: Vec<char> = line.chars().collect();
    let starts = (0..chars.len()).filter(|&i| {
        let begins = chars[i] == '+' || chars[i] == '0';
        let apart = i == 0 || !(chars[i - 1].is_alphanumeric() || "+-.:_".contains(chars[i - 1]));
        begins && apart
    });
    starts.into_iter().any(|start| {
        let rest = &chars[start + usize::from(chars[start] == '+')..];
        let run = rest
            .iter()
            .take_while(|c| c.is_ascii_digit() || " -()".contains(**c));
        let run: Vec<char> = run.copied().collect();
        let digits = run.iter().filter(|c| c.is_ascii_digit()).count();
        let after = rest.get(run.len());
        let ends = after.is_none_or(|c| !c.is_alphanumeric() && !"._:".contains(*c));
        (PHONE_DIGITS_MIN..=PHONE_DIGITS_MAX).contains(&digits) && ends
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn addresses_and_numbers_are_noticed() {
        for line in [
            "sent to ana@example.org",
            "rcpt=<o'hara@example.org>",
            "to=+441632960001",
            "to=\"+44 1632 960-001\"",
            "called 01632960001",
            "\"quoted\"@[192.0.2.1]",
        ] {
            assert_eq!(leaks(&format!("ok\n{line}\nok")), [line]);
        }
    }

    #[test]
    fn ids_times_and_sizes_are_not() {
        for line in [
            "2026-11-22T00:39:07.000123Z  INFO tocsin::queue: delivery sent",
            "delivery=0199d3a1-7c00-7123-8000-0123456789ab attempt=3",
            "bytes=123456789 listening on 0.0.0.0:587",
            "digest=00112233445566778899aabbccddeeff",
            "@ alone, a @ b, @import",
            "took 0.000123456 s",
        ] {
            assert_eq!(leaks(line), Vec::<String>::new());
        }
    }

    #[test]
    fn what_is_logged_is_captured() {
        let log = captured(|| {
            let _span = tracing::info_span!("delivery", id = 7).entered();
            tracing::debug!("attempt started");
        });
        assert!(
            log.contains("DEBUG delivery{id=7}") && log.contains("attempt started"),
            "{log}"
        );
    }
}
