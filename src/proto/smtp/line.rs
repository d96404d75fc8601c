//! Splitting the command stream into lines that end in CRLF and in nothing else.

use super::config::{AUTH_LINE_MAX_BYTES, LINE_DISCARD_MAX_BYTES};

/// What the reader found at the end of a line.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum LineEvent {
    /// A line without its CRLF; it may still hold any other byte.
    Line(Vec<u8>),
    /// The line was longer than any command; it has been read to its CRLF and dropped.
    TooLong,
    /// LF without CR: whoever sent it counts lines in another way than we do.
    BareLf,
    /// A line without end.
    Flood,
}

/// Collects one line, at most [`AUTH_LINE_MAX_BYTES`] of it.
#[derive(Debug, Default)]
pub(super) struct LineReader {
    kept: Vec<u8>,
    seen_bytes: usize,
    last: u8,
}

impl LineReader {
    /// Reads up to the end of the current line: how many bytes were taken, and what ended.
    pub(super) fn feed(&mut self, bytes: &[u8]) -> (usize, Option<LineEvent>) {
        match bytes.iter().position(|&b| b == b'\n') {
            None => {
                self.keep(bytes);
                let flood = self.seen_bytes > LINE_DISCARD_MAX_BYTES;
                (bytes.len(), flood.then_some(LineEvent::Flood))
            }
            Some(at) => {
                self.keep(&bytes[..at]);
                (at + 1, Some(self.end_line()))
            }
        }
    }

    /// Forgets the line that has begun.
    pub(super) fn reset(&mut self) {
        *self = LineReader::default();
    }

    fn keep(&mut self, bytes: &[u8]) {
        let room = AUTH_LINE_MAX_BYTES.saturating_sub(self.kept.len());
        self.kept.extend_from_slice(&bytes[..bytes.len().min(room)]);
        self.seen_bytes = self.seen_bytes.saturating_add(bytes.len());
        self.last = bytes.last().copied().unwrap_or(self.last);
    }

    fn end_line(&mut self) -> LineEvent {
        let LineReader {
            mut kept,
            seen_bytes,
            last,
        } = std::mem::take(self);
        if last != b'\r' {
            return LineEvent::BareLf;
        }
        if seen_bytes > LINE_DISCARD_MAX_BYTES {
            return LineEvent::Flood;
        }
        if seen_bytes + 1 > AUTH_LINE_MAX_BYTES {
            return LineEvent::TooLong;
        }
        kept.pop();
        LineEvent::Line(kept)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn all(input: &[u8]) -> Vec<LineEvent> {
        let mut reader = LineReader::default();
        let (mut at, mut found) = (0, Vec::new());
        while at < input.len() {
            let (used, event) = reader.feed(&input[at..]);
            at += used;
            found.extend(event);
        }
        found
    }

    #[test]
    fn only_crlf_ends_a_line() {
        let line = |s: &str| LineEvent::Line(s.as_bytes().to_vec());
        assert_eq!(all(b"NOOP\r\nQUIT\r\n"), [line("NOOP"), line("QUIT")]);
        assert_eq!(all(b"NO\rOP\r\r\n"), [line("NO\rOP\r")]);
        assert_eq!(all(b"NOOP\n\r\n"), [LineEvent::BareLf, line("")]);
    }

    #[test]
    fn a_long_line_is_dropped_up_to_its_end_and_kept_memory_is_bounded() {
        let mut input = vec![b'A'; AUTH_LINE_MAX_BYTES * 3];
        input.extend_from_slice(b"\r\nNOOP\r\n");
        let found = all(&input);
        assert_eq!(found[0], LineEvent::TooLong);
        assert_eq!(found[1], LineEvent::Line(b"NOOP".to_vec()));

        let mut reader = LineReader::default();
        let mut floods = 0;
        for _ in 0..200 {
            let (_, event) = reader.feed(&[b'A'; 10_000]);
            floods += usize::from(event == Some(LineEvent::Flood));
            assert!(reader.kept.len() <= AUTH_LINE_MAX_BYTES);
        }
        assert!(floods > 0);
    }
}
