//! Lines of a mail, however they end.

/// The lines of a mail without their ends. CRLF, a bare CR and a bare LF all end a line: the mail
/// goes over the wire with CRLF alone.
pub fn lines(raw: &[u8]) -> impl Iterator<Item = &[u8]> {
    let mut rest = raw;
    std::iter::from_fn(move || {
        if rest.is_empty() {
            return None;
        }
        let end = memchr::memchr2(b'\r', b'\n', rest).unwrap_or(rest.len());
        let (line, behind) = rest.split_at(end);
        let size = if behind.starts_with(b"\r\n") { 2 } else { 1 };
        rest = behind.get(size..).unwrap_or_default();
        Some(line)
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_end_of_a_line_ends_one() {
        let of = |raw: &'static str| {
            lines(raw.as_bytes())
                .map(|l| String::from_utf8_lossy(l).into_owned())
                .collect::<Vec<_>>()
        };
        assert_eq!(of("a\r\nb\rc\nd"), ["a", "b", "c", "d"]);
        assert_eq!(of("a\r\n\r\n"), ["a", ""]);
        assert_eq!(of("\n\r"), ["", ""]);
        assert_eq!(of("\r\r\n"), ["", ""]);
        assert_eq!(of(""), Vec::<String>::new());
    }
}
