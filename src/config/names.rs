//! Host names, domains and addresses as the configuration accepts them.

const HOST_LEN_MAX: usize = 253;
const LABEL_LEN_MAX: usize = 63;

/// A domain name (RFC 1123 §2.1, ASCII; an internationalised one in its A-label
/// form), in lower case and without a final dot.
pub(super) fn domain(text: &str) -> Result<String, String> {
    let name = text.trim_end_matches('.').to_ascii_lowercase();
    let label_ok = |label: &str| {
        !label.is_empty()
            && label.len() <= LABEL_LEN_MAX
            && !label.starts_with('-')
            && !label.ends_with('-')
            && label
                .bytes()
                .all(|b| b.is_ascii_alphanumeric() || b == b'-' || b == b'_')
    };
    let all_digits = name
        .split('.')
        .all(|label| label.bytes().all(|b| b.is_ascii_digit()));
    if name.len() <= HOST_LEN_MAX && name.split('.').all(label_ok) && !all_digits {
        return Ok(name);
    }
    Err(format!(
        "\"{text}\" is not a domain name, such as \"mail.example.org\""
    ))
}

/// A host to connect to: a domain name or an IP address (IPv6 without brackets).
pub(super) fn host(text: &str) -> Result<String, String> {
    if text.parse::<std::net::IpAddr>().is_ok() {
        return Ok(text.to_owned());
    }
    domain(text).map_err(|_| format!("\"{text}\" is neither a host name nor an IP address"))
}

/// A mail address in its plain form; the domain in lower case.
pub(super) fn mail_address(text: &str) -> Result<String, String> {
    let explain = || format!("\"{text}\" is not a mail address, such as \"alerts@example.org\"");
    let (local, host) = text.rsplit_once('@').ok_or_else(explain)?;
    let options = email_address::Options::default()
        .without_display_text()
        .without_domain_literal();
    email_address::EmailAddress::parse_with_options(text, options).map_err(|_| explain())?;
    let host = domain(host).map_err(|_| explain())?;
    Ok(format!("{local}@{host}"))
}

/// A mail address or a whole domain.
pub(super) fn address_or_domain(text: &str) -> Result<String, String> {
    if text.contains('@') {
        mail_address(text)
    } else {
        domain(text)
    }
}

/// A name for a thing in the configuration: it appears in logs, metrics and ids.
pub(super) fn label(text: &str) -> Result<String, String> {
    let ok = |c: char| c.is_ascii_lowercase() || c.is_ascii_digit() || c == '-' || c == '_';
    if !text.is_empty() && text.len() <= LABEL_LEN_MAX && text.chars().all(ok) {
        return Ok(text.to_owned());
    }
    Err(format!(
        "\"{text}\" is not a name; use a-z, 0-9, \"-\" and \"_\", {LABEL_LEN_MAX} at most"
    ))
}

/// Any text of at least one character.
pub(super) fn filled(text: &str) -> Result<String, String> {
    if text.trim().is_empty() {
        Err("must not be empty".to_owned())
    } else {
        Ok(text.to_owned())
    }
}

/// Text that goes into a protocol line as it is.
pub(super) fn one_line(text: &str) -> Result<String, String> {
    if text.chars().any(char::is_control) {
        return Err("must not contain control characters".to_owned());
    }
    filled(text)
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;

    #[test]
    fn domains() {
        for (text, name) in [
            ("Mail.Example.ORG.", "mail.example.org"),
            ("localhost", "localhost"),
        ] {
            assert_eq!(domain(text).unwrap(), name);
        }
        let long = format!("{}.org", "a".repeat(64));
        for text in [
            "",
            ".",
            "a..b",
            "-a.org",
            "a b",
            "1.2.3.4",
            "münchen.de",
            "a/b",
            &long,
        ] {
            assert!(domain(text).is_err(), "{text}");
        }
        assert!(host("192.0.2.1").is_ok() && host("2001:db8::1").is_ok() && host("[::1]").is_err());
    }

    #[test]
    fn addresses() {
        assert_eq!(
            mail_address("Alerts@Example.org").unwrap(),
            "Alerts@example.org"
        );
        for text in [
            "",
            "a",
            "@b.org",
            "a@",
            "a@@b.org",
            "A <a@b.org>",
            "a@[192.0.2.1]",
            "a\r\n@b.org",
        ] {
            assert!(mail_address(text).is_err(), "{text}");
        }
        assert!(address_or_domain("example.org").is_ok());
    }

    #[test]
    fn labels() {
        assert!(label("main-smsc_2").is_ok());
        for text in ["", "Main", "a b", "é"] {
            assert!(label(text).is_err(), "{text}");
        }
    }
}
