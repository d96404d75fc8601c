//! A mail as it goes over the wire behind `DATA` (RFC 5321 section 4.5.2).

/// Lines end with CRLF and nothing else (a bare CR or LF would let a message smuggle commands),
/// leading dots are doubled, the final dot is in place.
pub(super) fn data(raw: &[u8]) -> Vec<u8> {
    let mut out = Vec::with_capacity(raw.len() + raw.len() / 64 + 8);
    let mut line_start = true;
    let mut bytes = raw.iter().copied().peekable();
    while let Some(byte) = bytes.next() {
        if byte == b'\r' || byte == b'\n' {
            if byte == b'\r' && bytes.peek() == Some(&b'\n') {
                bytes.next();
            }
            out.extend_from_slice(b"\r\n");
            line_start = true;
            continue;
        }
        if line_start && byte == b'.' {
            out.push(b'.');
        }
        line_start = false;
        out.push(byte);
    }
    if !line_start || raw.is_empty() {
        out.extend_from_slice(b"\r\n");
    }
    out.extend_from_slice(b".\r\n");
    out
}

/// True if the mail needs 8BITMIME (RFC 6152).
pub(super) fn is_8bit(raw: &[u8]) -> bool {
    !raw.is_ascii()
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
                String::from_utf8_lossy(&data(raw.as_bytes())),
                wire,
                "{raw:?}"
            );
        }
    }

    #[test]
    fn no_message_ends_early_or_smuggles() {
        let evil = b"Subject: x\r\n\r\n.\r\nMAIL FROM:<a@b>\n.\nRSET\r.\rQUIT\r\n.\n";
        let wire = data(evil);
        let ends = wire.windows(5).filter(|w| *w == b"\r\n.\r\n").count();
        assert_eq!(ends, 1);
        assert!(wire.ends_with(b"\r\n.\r\n"));
        let bare = wire.iter().enumerate().any(|(i, b)| {
            *b == b'\n' && wire[i - 1] != b'\r' || *b == b'\r' && wire[i + 1] != b'\n'
        });
        assert!(!bare);
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
