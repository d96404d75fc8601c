//! Reverse and forward paths (RFC 5321 section 4.1.2, RFC 6531), read strictly.
//!
//! `smtp-proto` yields "" for `<>` and for `<postmaster>` alike, drops quotes and refuses address
//! literals, so paths never reach it.

use std::fmt;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

/// Longest local part (RFC 5321 section 4.5.3.1.1).
const LOCAL_PART_MAX_BYTES: usize = 64;
/// Longest domain (section 4.5.3.1.2).
const DOMAIN_MAX_BYTES: usize = 255;
/// Longest label of a domain (RFC 1035 section 2.3.4).
const LABEL_MAX_BYTES: usize = 63;

/// Why a path was refused.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum PathError {
    /// No `<` where the path begins, or no `>` where it ends.
    #[error("path is not enclosed in angle brackets")]
    Brackets,
    /// The part before the `@`.
    #[error("local part is not valid")]
    LocalPart,
    /// The part after the `@`.
    #[error("domain is not valid")]
    Domain,
    /// Longer than RFC 5321 allows.
    #[error("path is too long")]
    TooLong,
}

/// What stands after the `@`.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub enum Domain {
    /// A name, as written.
    Name(String),
    /// An address literal such as `[192.0.2.1]` or `[IPv6:2001:db8::1]`.
    Literal(IpAddr),
}

impl fmt::Display for Domain {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Domain::Name(name) => f.write_str(name),
            Domain::Literal(IpAddr::V4(ip)) => write!(f, "[{ip}]"),
            Domain::Literal(IpAddr::V6(ip)) => write!(f, "[IPv6:{ip}]"),
        }
    }
}

/// A mailbox. `Display` writes it in the one form that parses back to the same mailbox.
#[derive(Clone, PartialEq, Eq, Hash)]
pub struct Mailbox {
    local: String,
    domain: Domain,
}

impl Mailbox {
    /// Reads `local@domain` without angle brackets.
    pub fn parse(text: &str) -> Result<Self, PathError> {
        let (mailbox, rest) = mailbox(text)?;
        if rest.is_empty() {
            Ok(mailbox)
        } else {
            Err(PathError::Domain)
        }
    }

    /// The local part without quotes and escapes.
    pub fn local(&self) -> &str {
        &self.local
    }

    /// The domain.
    pub fn domain(&self) -> &Domain {
        &self.domain
    }

    /// Whether the mailbox needs SMTPUTF8.
    pub fn is_international(&self) -> bool {
        !self.local.is_ascii() || matches!(&self.domain, Domain::Name(name) if !name.is_ascii())
    }
}

impl fmt::Display for Mailbox {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if is_dot_string(&self.local) {
            return write!(f, "{}@{}", self.local, self.domain);
        }
        f.write_str("\"")?;
        for c in self.local.chars() {
            if matches!(c, '"' | '\\') {
                f.write_str("\\")?;
            }
            write!(f, "{c}")?;
        }
        write!(f, "\"@{}", self.domain)
    }
}

/// Addresses stay out of logs: `Debug` shows the shape only.
impl fmt::Debug for Mailbox {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Mailbox(..)")
    }
}

/// The argument of MAIL FROM.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub enum ReversePath {
    /// `<>`: bounces and other notices.
    Null,
    /// A sender.
    Mailbox(Mailbox),
}

impl fmt::Display for ReversePath {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            ReversePath::Null => Ok(()),
            ReversePath::Mailbox(mailbox) => mailbox.fmt(f),
        }
    }
}

/// The argument of RCPT TO.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub enum ForwardPath {
    /// `<postmaster>` without a domain (RFC 5321 section 4.5.1).
    Postmaster,
    /// A recipient.
    Mailbox(Mailbox),
}

impl fmt::Display for ForwardPath {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            ForwardPath::Postmaster => f.write_str("postmaster"),
            ForwardPath::Mailbox(mailbox) => mailbox.fmt(f),
        }
    }
}

/// Reads `<path>` and returns what follows it.
pub(super) fn reverse_path(text: &str) -> Result<(ReversePath, &str), PathError> {
    let inner = text.strip_prefix('<').ok_or(PathError::Brackets)?;
    if let Some(rest) = inner.strip_prefix('>') {
        return Ok((ReversePath::Null, rest));
    }
    let (mailbox, rest) = bracketed(inner)?;
    Ok((ReversePath::Mailbox(mailbox), rest))
}

/// Reads `<path>` and returns what follows it.
pub(super) fn forward_path(text: &str) -> Result<(ForwardPath, &str), PathError> {
    let inner = text.strip_prefix('<').ok_or(PathError::Brackets)?;
    if let Some((name, rest)) = inner.split_once('>')
        && name.eq_ignore_ascii_case("postmaster")
    {
        return Ok((ForwardPath::Postmaster, rest));
    }
    let (mailbox, rest) = bracketed(inner)?;
    Ok((ForwardPath::Mailbox(mailbox), rest))
}

fn bracketed(inner: &str) -> Result<(Mailbox, &str), PathError> {
    let (mailbox, rest) = mailbox(skip_source_route(inner)?)?;
    let rest = rest.strip_prefix('>').ok_or(PathError::Brackets)?;
    Ok((mailbox, rest))
}

/// `@a,@b:` is accepted and ignored (RFC 5321 appendix C).
fn skip_source_route(inner: &str) -> Result<&str, PathError> {
    if !inner.starts_with('@') {
        return Ok(inner);
    }
    let (route, rest) = inner.split_once(':').ok_or(PathError::Domain)?;
    for hop in route.split(',') {
        let name = hop.strip_prefix('@').ok_or(PathError::Domain)?;
        if !is_domain_name(name) {
            return Err(PathError::Domain);
        }
    }
    Ok(rest)
}

fn mailbox(text: &str) -> Result<(Mailbox, &str), PathError> {
    let (local, rest) = match text.strip_prefix('"') {
        Some(quoted) => quoted_string(quoted)?,
        None => {
            let end = text.find(['@', '>']).ok_or(PathError::LocalPart)?;
            let (local, rest) = text.split_at(end);
            if !is_dot_string(local) {
                return Err(PathError::LocalPart);
            }
            (local.to_owned(), rest)
        }
    };
    if local.len() > LOCAL_PART_MAX_BYTES {
        return Err(PathError::TooLong);
    }
    let rest = rest.strip_prefix('@').ok_or(PathError::Domain)?;
    let (domain, rest) = domain(rest)?;
    Ok((Mailbox { local, domain }, rest))
}

fn quoted_string(text: &str) -> Result<(String, &str), PathError> {
    let mut local = String::new();
    let mut chars = text.char_indices();
    while let Some((at, c)) = chars.next() {
        match c {
            '"' if local.is_empty() => return Err(PathError::LocalPart),
            '"' => return Ok((local, &text[at + 1..])),
            '\\' => match chars.next() {
                Some((_, escaped @ ' '..='~')) => local.push(escaped),
                _ => return Err(PathError::LocalPart),
            },
            c if c.is_control() => return Err(PathError::LocalPart),
            c => local.push(c),
        }
    }
    Err(PathError::LocalPart)
}

fn domain(text: &str) -> Result<(Domain, &str), PathError> {
    if let Some(literal) = text.strip_prefix('[') {
        let (literal, rest) = literal.split_once(']').ok_or(PathError::Domain)?;
        return Ok((Domain::Literal(address_literal(literal)?), rest));
    }
    let end = text.find('>').unwrap_or(text.len());
    let (name, rest) = text.split_at(end);
    if name.len() > DOMAIN_MAX_BYTES {
        return Err(PathError::TooLong);
    }
    if !is_domain_name(name) {
        return Err(PathError::Domain);
    }
    Ok((Domain::Name(name.to_owned()), rest))
}

fn address_literal(literal: &str) -> Result<IpAddr, PathError> {
    let tagged = literal
        .get(..5)
        .is_some_and(|tag| tag.eq_ignore_ascii_case("IPv6:"));
    if tagged {
        let ip: Ipv6Addr = literal[5..].parse().map_err(|_| PathError::Domain)?;
        return Ok(IpAddr::V6(ip));
    }
    let ip: Ipv4Addr = literal.parse().map_err(|_| PathError::Domain)?;
    Ok(IpAddr::V4(ip))
}

fn is_dot_string(local: &str) -> bool {
    let is_atext = |c: char| {
        c.is_ascii_alphanumeric()
            || "!#$%&'*+-/=?^_`{|}~".contains(c)
            || (!c.is_ascii() && !c.is_control())
    };
    !local.is_empty()
        && local
            .split('.')
            .all(|atom| !atom.is_empty() && atom.chars().all(is_atext))
}

/// Names with underscores are in use, so they pass; everything else is RFC 5321 and RFC 6531.
fn is_domain_name(name: &str) -> bool {
    let is_label = |label: &str| {
        (1..=LABEL_MAX_BYTES).contains(&label.len())
            && !label.starts_with('-')
            && !label.ends_with('-')
            && label.chars().all(|c| {
                c.is_ascii_alphanumeric()
                    || matches!(c, '-' | '_')
                    || (!c.is_ascii() && c.is_alphanumeric())
            })
    };
    !name.is_empty() && name.len() <= DOMAIN_MAX_BYTES && name.split('.').all(is_label)
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[track_caller]
    fn accepts(input: &str, shown: &str, rest: &str) {
        let (path, left) = forward_path(input).unwrap();
        assert_eq!((path.to_string().as_str(), left), (shown, rest));
    }

    #[test]
    fn null_and_postmaster_are_told_apart() {
        assert_eq!(
            reverse_path("<> SIZE=1").unwrap(),
            (ReversePath::Null, " SIZE=1")
        );
        assert_eq!(
            forward_path("<PostMaster>").unwrap(),
            (ForwardPath::Postmaster, "")
        );
        assert!(forward_path("<>").is_err());
        assert!(reverse_path("<postmaster>").is_err());
    }

    #[test]
    fn accepted_forms() {
        accepts(
            "<a.b+c@example.org> NOTIFY=NEVER",
            "a.b+c@example.org",
            " NOTIFY=NEVER",
        );
        accepts("<\"a b\\\"c\"@example.org>", "\"a b\\\"c\"@example.org", "");
        accepts("<\"plain\"@example.org>", "plain@example.org", "");
        accepts("<a@[192.0.2.1]>", "a@[192.0.2.1]", "");
        accepts("<a@[ipv6:2001:db8::1]>", "a@[IPv6:2001:db8::1]", "");
        accepts(
            "<@one.example,@two.example:a@example.org>",
            "a@example.org",
            "",
        );
        accepts("<jörg@bücher.example>", "jörg@bücher.example", "");
        accepts("<\"a>b\"@example.org> X", "\"a>b\"@example.org", " X");
    }

    #[test]
    fn refused_forms() {
        for bad in [
            "a@b.example",
            "<a@b.example",
            "<a>",
            "<@b.example>",
            "<a@>",
            "<a..b@c.example>",
            "<.a@b.example>",
            "<a@b..c>",
            "<a@-b.example>",
            "<a b@c.example>",
            "<a@[1.2.3]>",
            "<a@[IPv6:zz]>",
            "<\"a@b.example>",
            "<\"\"@b.example>",
            "<a@b@c.example>",
            "<a@b.example,c@d.example>",
            "<a\u{1}@b.example>",
        ] {
            assert!(forward_path(bad).is_err(), "{bad:?} was accepted");
        }
        let long = format!("<{}@b.example>", "a".repeat(65));
        assert_eq!(forward_path(&long), Err(PathError::TooLong));
    }

    proptest! {
        #[test]
        fn what_is_accepted_is_shown_in_a_form_that_means_the_same(text in "<[ -~é]{0,40}@[a-z0-9.\\[\\]:-]{1,20}>") {
            if let Ok((ForwardPath::Mailbox(mailbox), _)) = forward_path(&text) {
                prop_assert_eq!(Mailbox::parse(&mailbox.to_string()), Ok(mailbox));
            }
        }
    }
}
