//! Who brought a mail to us: our own MX has written it on top of it, and servers that are trusted
//! have written below it who brought it to them (RFC 5321 section 4.4).

use std::net::IpAddr;

use crate::proto::mime::header::values_on_wire;
use crate::proto::network::Network;

/// Servers of the house that a mail has passed, at most.
const RELAYS_MAX: usize = 5;

/// From whom a mail is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Brought {
    /// From this address, which called itself so.
    By(IpAddr, String),
    /// From a server of our own, which passes on what others brought to it, and does not say whom it
    /// had it from so that it can be relied on. It called itself so.
    OnBehalf(String),
}

/// From whom a mail is; none when our own MX did not take it in.
pub(super) fn brought(message: &[u8], relays: &[Network]) -> Option<Brought> {
    let mut traces = values_on_wire(message, "Received").into_iter();
    let (mut client, mut name) = ours(&traces.next()?)?;
    let is_relay = |ip: IpAddr| relays.iter().any(|network| network.has(ip));
    for trace in traces.take(RELAYS_MAX) {
        if !is_relay(client) {
            break;
        }
        // Whoever brings a mail can write such lines into it: the topmost one is the relay's if
        // the relay has written its name into it.
        match hop(&trace).filter(|hop| hop.by.eq_ignore_ascii_case(&name)) {
            Some(hop) => (client, name) = (hop.client, hop.name),
            None => return Some(Brought::OnBehalf(name)),
        }
    }
    // What a private network brings may be a stranger's whose address was translated: neither its
    // address nor its lines say anything.
    if is_relay(client) || !is_outside(client) {
        return Some(Brought::OnBehalf(name));
    }
    Some(Brought::By(client, name))
}

/// The address and the name in a line of our own.
fn ours(trace: &str) -> Option<(IpAddr, String)> {
    let from = trace.trim_start().strip_prefix("from ")?;
    let (name, rest) = from.split_once(" ([")?;
    let (ip, _) = rest.split_once("])")?;
    let ip = ip.strip_prefix("IPv6:").unwrap_or(ip);
    let ip: IpAddr = ip.parse().ok()?;
    Some((ip.to_canonical(), name.to_owned()))
}

/// What a line of another server says.
struct Hop {
    client: IpAddr,
    /// What the client called itself.
    name: String,
    by: String,
}

/// Reads a line of another server, where it can be read in one way alone: clients choose what they
/// call themselves, and some servers write it down whatever it is.
fn hop(trace: &str) -> Option<Hop> {
    let line = trace.split_whitespace().collect::<Vec<_>>().join(" ");
    let clause = line.strip_prefix("from ")?;
    let mut parts = clause.split(" by ");
    let (from, rest) = (parts.next()?, parts.next()?);
    if parts.next().is_some() {
        return None;
    }
    let by = rest.split([' ', ';']).next()?;
    let (_, seen) = from.split_once(" (")?;
    let client = only_address(from)?;
    // What the server has seen stands in the comment; before it stands what it was told.
    if only_address(seen) != Some(client) {
        return None;
    }
    Some(Hop {
        client,
        name: from.split(' ').next()?.to_owned(),
        by: by.to_owned(),
    })
}

/// The one address in a text; none where there is another.
fn only_address(text: &str) -> Option<IpAddr> {
    let delimiters = |c: char| c.is_whitespace() || "()[];=,<>\"'@".contains(c);
    let found = text.split(delimiters).filter_map(|word| {
        let bare = match word.get(..5) {
            Some(tag) if tag.eq_ignore_ascii_case("ipv6:") => word.get(5..)?,
            Some(_) | None => word,
        };
        let ip: IpAddr = bare.parse().ok()?;
        Some(ip.to_canonical())
    });
    let mut only = None;
    for ip in found {
        if only.is_some_and(|known| known != ip) {
            return None;
        }
        only = Some(ip);
    }
    only
}

/// Whether it is somebody outside the house: a server of our own passes on what others brought to it,
/// and speaks for none of them.
fn is_outside(ip: IpAddr) -> bool {
    match ip.to_canonical() {
        IpAddr::V4(ip) => {
            let [first, second, ..] = ip.octets();
            // Shared address space (RFC 6598).
            let is_shared = first == 100 && second & 0xc0 == 64;
            !(ip.is_loopback() || ip.is_private() || ip.is_link_local() || is_shared)
        }
        IpAddr::V6(ip) => !(ip.is_loopback() || ip.is_unique_local() || ip.is_unicast_link_local()),
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;

    const RELAY: &str =
        "from filter.gw.example ([198.51.100.7])\r\n\tby gw.example with ESMTP id 1;\r\n\tMon";

    fn by(client: &str, name: &str) -> Brought {
        Brought::By(client.parse().unwrap(), name.to_owned())
    }

    fn unsaid() -> Brought {
        Brought::OnBehalf("filter.gw.example".to_owned())
    }

    /// From whom a mail with these lines is, where 198.51.100.0/28 is trusted.
    fn traced(lines: &[&str]) -> Option<Brought> {
        let lines: String = lines
            .iter()
            .map(|line| format!("Received: {line}\r\n"))
            .collect();
        let relays: [Network; 1] = ["198.51.100.0/28".parse().unwrap()];
        brought(format!("{lines}From: a@b\r\n\r\nx").as_bytes(), &relays)
    }

    #[test]
    fn our_own_trace_says_who_brought_a_mail() {
        let four = "from out.example ([192.0.2.7])\r\n\tby gw.example with ESMTP id 1;\r\n\tMon";
        assert_eq!(traced(&[four]), Some(by("192.0.2.7", "out.example")));
        let six = "from unknown ([IPv6:2001:db8::7])\r\n\tby gw.example";
        assert_eq!(traced(&[six]), Some(by("2001:db8::7", "unknown")));
        // What is below says nothing where nobody is trusted.
        let below = "from x (x [203.0.113.9]) by out.example";
        assert_eq!(traced(&[four, below]), Some(by("192.0.2.7", "out.example")));
        for none in ["by gw.example", "from x (y)", "from x ([y])"] {
            assert_eq!(traced(&[none]), None, "{none}");
        }
        let body = b"From: a@b\r\n\r\nReceived: from x ([192.0.2.7])\r\n";
        assert_eq!(brought(body, &[]), None);
    }

    #[test]
    fn a_trusted_relay_says_whom_it_had_a_mail_from() {
        let expected = Some(by("192.0.2.7", "out.example"));
        for line in [
            // Postfix, with TLS
            "from out.example (mail.out.example [192.0.2.7])\r\n\t(using TLSv1.3 with cipher X (256/256 bits))\r\n\t(No client certificate requested)\r\n\tby filter.gw.example (Postfix) with ESMTPS id 4;\r\n\tMon",
            // Exim
            "from out.example ([192.0.2.7]:25 helo=out.example)\r\n\tby Filter.GW.example with esmtps (Exim 4.98) id 1",
            // Sendmail
            "from out.example (out.example [192.0.2.7] (may be forged)) by filter.gw.example (8.18/8.18) with ESMTP",
            // Exchange
            "from out.example (192.0.2.7) by filter.gw.example (198.51.100.7) with Microsoft SMTP Server",
            "from out.example ([IPv6:::ffff:192.0.2.7]) by filter.gw.example; Mon",
        ] {
            assert_eq!(traced(&[RELAY, line]), expected, "{line}");
        }
        // Through two of them.
        let inner = "from mx2.gw.example (mx2.gw.example [198.51.100.8]) by filter.gw.example";
        let outer = "from out.example (out.example [192.0.2.7]) by mx2.gw.example";
        assert_eq!(traced(&[RELAY, inner, outer]), expected);
    }

    #[test]
    fn what_can_be_read_in_two_ways_is_not_believed() {
        for line in [
            // Written by another, which may be anybody
            "from out.example (out.example [192.0.2.7]) by mx.evil.example",
            // The client called itself "x ([192.0.2.7])", and so on.
            "from x ([192.0.2.7]) (unknown [203.0.113.9]) by filter.gw.example (Postfix)",
            "from x ([192.0.2.7]) by filter.gw.example (unknown [203.0.113.9]) by filter.gw.example",
            "from x ([192.0.2.7]) BY filter.gw.example (unknown [203.0.113.9]) by filter.gw.example",
            "from [192.0.2.7] (203.0.113.9) by filter.gw.example",
            "from 203.0.113.9 ([203.0.113.9] helo=[192.0.2.7]) by filter.gw.example",
            // The server has seen nothing.
            "from [192.0.2.7] by filter.gw.example",
            "from out.example by filter.gw.example",
            "by filter.gw.example with local",
            // Translated, or another that is trusted and says nothing more
            "from out.example (out.example [10.0.0.1]) by filter.gw.example",
            "from mx2.gw.example (mx2.gw.example [198.51.100.8]) by filter.gw.example",
        ] {
            let found = traced(&[RELAY, line]);
            assert!(
                matches!(found, Some(Brought::OnBehalf(_))),
                "{line}: {found:?}"
            );
        }
        assert_eq!(traced(&[RELAY]), Some(unsaid()));
        let line = "from filter.gw.example ([198.51.100.7]) by filter.gw.example";
        let circle: Vec<&str> = std::iter::once(RELAY).chain([line; 100]).collect();
        assert_eq!(traced(&circle), Some(unsaid()));
    }

    #[test]
    fn our_own_servers_speak_for_nobody() {
        for (ip, outside) in [
            ("192.0.2.7", true),
            ("2001:db8::7", true),
            ("10.0.0.7", false),
            ("100.127.0.7", false),
            ("100.128.0.7", true),
            ("127.0.0.1", false),
            ("::1", false),
            ("::ffff:10.0.0.7", false),
            ("fd00::7", false),
        ] {
            assert_eq!(is_outside(ip.parse().unwrap()), outside, "{ip}");
        }
        let inside = "from gateway ([172.17.0.1]) by gw.example";
        let forged = "from out.example (out.example [192.0.2.7]) by gateway";
        let found = Some(Brought::OnBehalf("gateway".to_owned()));
        assert_eq!(traced(&[inside, forged]), found);
    }
}
