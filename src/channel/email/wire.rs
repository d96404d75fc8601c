//! A mail as it goes over the wire behind `DATA` (RFC 5321 section 4.5.2).

use crate::proto::mime::lines::lines;

/// Lines end with CRLF and nothing else (a bare CR or LF would let a message smuggle commands),
/// leading dots are doubled, the final dot is in place.
///
/// `fields` stand in front, as they are: each has its line end, and none begins with a dot.
pub(super) fn data(fields: &str, raw: &[u8]) -> Vec<u8> {
    let mut out = Vec::with_capacity(fields.len() + raw.len() + raw.len() / 64 + 8);
    out.extend_from_slice(fields.as_bytes());
    for line in lines(raw) {
        if line.starts_with(b".") {
            out.push(b'.');
        }
        out.extend_from_slice(line);
        out.extend_from_slice(b"\r\n");
    }
    if raw.is_empty() {
        out.extend_from_slice(b"\r\n");
    }
    out.extend_from_slice(b".\r\n");
    out
}

/// True if the mail needs 8BITMIME (RFC 6152).
pub(super) fn is_8bit(raw: &[u8]) -> bool {
    !raw.is_ascii()
}

/// True if there is UTF-8 in the header (RFC 6532).
pub(super) fn is_utf8_header(raw: &[u8]) -> bool {
    let ends = [b"\r\n\r\n".as_slice(), b"\n\n".as_slice()];
    let end = ends.iter().filter_map(|end| memchr::memmem::find(raw, end));
    let header = &raw[..end.min().unwrap_or(raw.len())];
    !header.is_ascii() && std::str::from_utf8(header).is_ok()
}

/// True if a path can stand between `<` and `>` of a command without breaking out of it. The
/// empty path is the null sender.
pub(super) fn is_safe_path(path: &str) -> bool {
    path.len() <= 320
        && !path
            .chars()
            .any(|c| c.is_control() || matches!(c, '<' | '>' | ' '))
}

/// An address as `xtext` (RFC 3461 section 4).
pub(super) fn xtext(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    for byte in text.bytes() {
        if (b'!'..=b'~').contains(&byte) && byte != b'+' && byte != b'=' {
            out.push(char::from(byte));
        } else {
            out.push_str(&format!("+{byte:02X}"));
        }
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn dots_are_doubled_and_lines_end_properly() {
        for (raw, wire) in [
            ("", "\r\n.\r\n"),
            ("a", "a\r\n.\r\n"),
            ("a\r\n", "a\r\n.\r\n"),
            (".\r\n", "..\r\n.\r\n"),
            (".a\r\n..\r\n.", "..a\r\n...\r\n..\r\n.\r\n"),
            (
                "a\n.\nb\r.\rc\r\n\r\n",
                "a\r\n..\r\nb\r\n..\r\nc\r\n\r\n.\r\n",
            ),
        ] {
            assert_eq!(
                String::from_utf8_lossy(&data("", raw.as_bytes())),
                wire,
                "{raw:?}"
            );
        }
    }

    #[test]
    fn no_message_ends_early_or_smuggles() {
        let evil = b"Subject: x\r\n\r\n.\r\nMAIL FROM:<a@b>\n.\nRSET\r.\rQUIT\r\n.\n";
        let wire = data("", evil);
        let ends = wire.windows(5).filter(|w| *w == b"\r\n.\r\n").count();
        assert_eq!(ends, 1);
        assert!(wire.ends_with(b"\r\n.\r\n"));
        let bare = wire.iter().enumerate().any(|(i, b)| {
            *b == b'\n' && wire[i - 1] != b'\r' || *b == b'\r' && wire[i + 1] != b'\n'
        });
        assert!(!bare);
    }

    #[test]
    fn utf8_in_the_header_alone_is_said() {
        assert!(is_utf8_header("Subject: é\r\n\r\nx".as_bytes()));
        assert!(is_utf8_header("Subject: é\n\nx".as_bytes()));
        assert!(!is_utf8_header("Subject: e\r\n\r\né".as_bytes()));
        assert!(!is_utf8_header(b"Subject: \xe9\r\n\r\nx"));
        assert!(!is_utf8_header(b""));
    }

    #[test]
    fn paths_cannot_break_out() {
        assert!(is_safe_path("a+b@c.example") && is_safe_path(""));
        for path in ["a@b>\r\nRCPT TO:<c@d", "a b@c", "a@b\0", "<a@b>", "a@b\n"] {
            assert!(!is_safe_path(path), "{path:?}");
        }
        assert_eq!(xtext("a+b=c@d é"), "a+2Bb+3Dc@d+20+C3+A9");
    }
}
