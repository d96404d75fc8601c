//! As whom an application may write: the envelope's sender and the author that people see.

use crate::proto::mime::header::{addresses_in, first_address, values_on_wire};

/// Whether an address is one of these, or lies in one of these domains.
pub(super) fn allow(allowed: &[String], address: &str) -> bool {
    let domain = address.rsplit_once('@').map_or("", |(_, domain)| domain);
    allowed.iter().any(|one| {
        let one = one.trim_start_matches('@');
        one.eq_ignore_ascii_case(address) || one.eq_ignore_ascii_case(domain)
    })
}

/// The authors of a message that its sender may not write as (RFC 5322 section 3.6.2: From, and
/// Sender where there is one). An address in a display name counts: people read it as the author;
/// and so does what looks like an address and cannot be read as one.
pub(super) fn foreign_authors(allowed: &[String], message: &[u8]) -> Vec<String> {
    let named = ["From", "Sender"].map(|name| values_on_wire(message, name));
    let named = named.concat();
    let parts = named
        .iter()
        .flat_map(|value| value.split([',', '<', ';', ' ', '\t']));
    // A name without a domain is one of the machine: cron writes as root.
    let seen = named.iter().flat_map(|value| addresses_in(value));
    let seen = seen.filter(|address| address.contains('@'));
    let unread = named
        .iter()
        .filter(|value| value.contains('@') && addresses_in(value).is_empty());
    let mut foreign: Vec<String> = parts
        .filter_map(first_address)
        .chain(seen)
        .filter(|address| !allow(allowed, address))
        .chain(unread.cloned())
        .collect();
    foreign.sort();
    foreign.dedup();
    foreign
}

#[cfg(test)]
mod tests {
    use super::*;

    fn allowed() -> Vec<String> {
        vec!["@town.example".into(), "Clerk@county.example".into()]
    }

    #[test]
    fn addresses_and_whole_domains_are_allowed() {
        for good in ["a@town.example", "a@TOWN.example", "clerk@county.example"] {
            assert!(allow(&allowed(), good), "{good}");
        }
        for bad in [
            "a@county.example",
            "a@sub.town.example",
            "a@town.example.evil.example",
            "@",
            "",
        ] {
            assert!(!allow(&allowed(), bad), "{bad}");
        }
    }

    #[test]
    fn every_author_has_to_be_allowed_in_any_spelling() {
        let foreign = |head: &str| {
            let message = format!("Subject: x\r\n{head}\r\n\r\nFrom: body@evil.example\r\n");
            foreign_authors(&allowed(), message.as_bytes())
        };
        for good in [
            "From: a@town.example",
            "From: \"Town, Clerk\" <clerk@county.example>, b@town.example",
            "From: =?utf-8?q?M=C3=A9l?= <a@town.example>\r\nSender: b@town.example",
        ] {
            assert_eq!(foreign(good), Vec::<String>::new(), "{good}");
        }
        for bad in [
            "From: mayor@evil.example",
            "From: a@town.example, mayor@evil.example",
            "From: a@town.example\r\nFrom: mayor@evil.example",
            "From: \"mayor@evil.example\" <a@town.example>",
            "from : <mayor@evil.example>",
            "FROM:\r\n mayor@evil.example",
            "From: a@town.example\r\nSender: mayor@evil.example",
            "From: group: mayor@evil.example;",
            "From: a@town.example\r\n \r\nFrom: mayor@evil.example",
            &format!("{}From: mayor@evil.example", "X: y\r\n".repeat(40_000)),
        ] {
            assert_eq!(foreign(bad), ["mayor@evil.example"], "{bad}");
        }
        assert_eq!(foreign("From: root (Cron Daemon)"), [""; 0]);
        // What programs read as an address, and what nobody can read.
        for bad in [
            "From: mayor @evil.example",
            "From: \"mayor\"@evil.example",
            "From: <mayor(x)@evil.example>",
            "From: <@>",
        ] {
            assert_ne!(foreign(bad), [""; 0], "{bad}");
        }
    }
}
