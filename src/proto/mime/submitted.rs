//! Mail that an application handed in: passed on as it is, with what RFC 6409 section 8 lets a
//! submission server add. Nothing that stands there is touched.

use mail_builder::headers::date::Date;

use super::header::split_field;

/// What is added where it is missing.
#[derive(Debug, Clone)]
pub struct Additions<'a> {
    /// For a mail without `Message-ID`; without brackets.
    pub message_id: &'a str,
    /// For a mail without `Date`, in seconds since the Unix epoch.
    pub date_secs: u64,
    /// Whole trace field, `Received: …`, without its line end; folded lines are allowed.
    pub received: Option<&'a str>,
}

/// The mail with the missing fields in front.
pub fn complete(raw: &[u8], additions: &Additions<'_>) -> Vec<u8> {
    let mut out = Vec::with_capacity(raw.len() + 512);
    if let Some(received) = additions.received {
        out.extend_from_slice(received.as_bytes());
        out.extend_from_slice(b"\r\n");
    }
    if !has_field(raw, "Message-ID") {
        out.extend_from_slice(format!("Message-ID: <{}>\r\n", additions.message_id).as_bytes());
    }
    if !has_field(raw, "Date") {
        let date = Date::new(i64::try_from(additions.date_secs).unwrap_or(i64::MAX));
        out.extend_from_slice(format!("Date: {}\r\n", date.to_rfc822()).as_bytes());
    }
    if !out.is_empty() && !starts_with_header(raw) {
        out.extend_from_slice(b"\r\n");
    }
    out.extend_from_slice(raw);
    out
}

/// The first value of a field in the header of a raw mail, unfolded.
pub fn field(raw: &[u8], name: &str) -> Option<String> {
    let mut value: Option<String> = None;
    for line in header_lines(raw) {
        let text = String::from_utf8_lossy(line);
        if let Some(value) = &mut value {
            if !text.starts_with([' ', '\t']) {
                break;
            }
            value.push(' ');
            value.push_str(text.trim());
        } else if let Some((found, rest)) = split_field(&text)
            && found.eq_ignore_ascii_case(name)
        {
            value = Some(rest.trim().to_owned());
        }
    }
    value
}

fn has_field(raw: &[u8], name: &str) -> bool {
    field(raw, name).is_some()
}

/// True for mail that begins with a header, or with the empty line behind an empty one.
fn starts_with_header(raw: &[u8]) -> bool {
    let first = raw.split(|b| *b == b'\n').next().unwrap_or_default();
    let first = first.strip_suffix(b"\r").unwrap_or(first);
    first.is_empty() || split_field(&String::from_utf8_lossy(first)).is_some()
}

fn header_lines(raw: &[u8]) -> impl Iterator<Item = &[u8]> {
    raw.split(|b| *b == b'\n')
        .map(|line| line.strip_suffix(b"\r").unwrap_or(line))
        .take_while(|line| !line.is_empty())
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;

    const ADD: Additions<'static> = Additions {
        message_id: "1@gw.example",
        date_secs: 0,
        received: None,
    };

    #[test]
    fn complete_mail_passes_untouched() {
        let raw = b"date: x\r\nMESSAGE-ID:\r\n <a@b>\r\nSubject: \xff\r\n\r\n.dot\r\n".as_slice();
        assert_eq!(complete(raw, &ADD), raw);
    }

    #[test]
    fn missing_fields_come_in_front_and_the_rest_stays() {
        let raw = b"Subject: x\r\n\r\nDate: not a header\r\n";
        let done = complete(
            raw,
            &Additions {
                received: Some("Received: by gw"),
                ..ADD
            },
        );
        let text = String::from_utf8(done).unwrap();
        assert!(text.starts_with("Received: by gw\r\nMessage-ID: <1@gw.example>\r\nDate: Thu, 1 Jan 1970 00:00:00 +0000\r\nSubject: x"), "{text}");
        assert!(text.ends_with("\r\n\r\nDate: not a header\r\n"));
    }

    #[test]
    fn a_body_without_header_gets_one() {
        let text = String::from_utf8(complete(b"just words\r\n", &ADD)).unwrap();
        assert!(text.ends_with("+0000\r\n\r\njust words\r\n"), "{text}");
        let text = String::from_utf8(complete(b"\r\nwords\r\n", &ADD)).unwrap();
        assert!(text.ends_with("+0000\r\n\r\nwords\r\n"), "{text}");
    }

    #[test]
    fn fields_are_read_unfolded() {
        assert_eq!(
            field(b"A: 1\r\nB: 2\r\n\t3\r\nC: 4\r\n\r\nD: 5", "b").as_deref(),
            Some("2 3")
        );
        assert_eq!(field(b"A: 1\r\n\r\nD: 5", "d"), None);
    }
}
