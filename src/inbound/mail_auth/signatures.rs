//! Signatures of a mail (RFC 6376): those first that can speak for its author, and each by itself,
//! so that no name server of a third party holds up the others.

use std::time::Instant;

use futures_util::future::join_all;
use mail_auth::{
    AuthenticatedMessage, DkimOutput, DkimResult, DnsError, Error, MessageAuthenticator,
};

use super::silent::Silent;

/// Signatures that are verified.
pub(super) const SIGNATURES_CHECKED_MAX: usize = 3;

/// How near the domain of a signature is to that of the author; the nearest first.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
enum Nearness {
    /// It is the same.
    Same,
    /// One lies below the other.
    Related,
    /// Both lie below one, which may be that of the organisation (RFC 9989 section 4.10.2).
    Beside,
    /// Nothing tells of the other.
    Strange,
}

impl Nearness {
    fn of(signed: &str, author: &str) -> Self {
        let (signed, author) = (signed.to_ascii_lowercase(), author.to_ascii_lowercase());
        let is_below = |one: &str, other: &str| {
            let above = one.strip_suffix(other);
            above.is_some_and(|rest| rest.ends_with('.'))
        };
        if signed == author {
            return Self::Same;
        }
        if is_below(&signed, &author) || is_below(&author, &signed) {
            return Self::Related;
        }
        let labels = signed.rsplit('.').zip(author.rsplit('.'));
        let same = labels.take_while(|(one, other)| one == other).count();
        if same >= 2 {
            Self::Beside
        } else {
            Self::Strange
        }
    }
}

/// The mail once for each signature that is verified, with that signature alone; once without any
/// if it has none that can be read.
pub(super) fn one_by_one<'x>(
    message: &AuthenticatedMessage<'x>,
    author_domain: &str,
) -> Vec<AuthenticatedMessage<'x>> {
    if message.dkim_headers.is_empty() {
        return vec![message.clone()];
    }
    let nearness = |domain: &str| Nearness::of(domain, author_domain);
    let mut signatures = message.dkim_headers.clone();
    signatures.sort_by_key(|one| nearness(&one.header.d));
    let nearest = signatures.first().map(|one| nearness(&one.header.d));
    if nearest.is_some_and(|nearest| nearest <= Nearness::Related) {
        signatures.retain(|one| nearness(&one.header.d) < Nearness::Strange);
    }
    signatures.truncate(SIGNATURES_CHECKED_MAX);
    let alone = signatures.into_iter().map(|mut signature| {
        // Nobody is told of what failed (RFC 6651): nobody need be asked who wants to know.
        signature.header.r = false;
        let mut alone = message.clone();
        alone.dkim_headers = vec![signature];
        alone.errors.clear();
        alone
    });
    alone.collect()
}

/// Verifies the signature of each, all at once.
pub(super) async fn verified<'x>(
    authenticator: &MessageAuthenticator,
    each: &'x [AuthenticatedMessage<'x>],
    silent: &Silent,
    now: Instant,
) -> Vec<DkimOutput<'x>> {
    let looked = each.iter().map(|alone| async move {
        let Some(signature) = alone.dkim_headers.first().map(|one| &one.header) else {
            return authenticator.verify_dkim(alone).await;
        };
        let unanswered = || {
            let error = Error::Dns(DnsError::Resolver(String::new()));
            vec![DkimOutput::temp_err(error).with_signature(signature)]
        };
        let key = format!("dkim {}._domainkey.{}", signature.s, signature.d);
        if silent.has(&key, now) {
            return unanswered();
        }
        let asked = silent.ask(authenticator.verify_dkim(alone)).await;
        let found = asked.said.unwrap_or_else(unanswered);
        let is_open = |one: &DkimOutput<'_>| matches!(one.result(), DkimResult::TempError(_));
        if asked.is_slow && found.iter().any(is_open) {
            silent.remember(&key, now);
        }
        found
    });
    join_all(looked).await.into_iter().flatten().collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_may_speak_for_the_author_comes_first() {
        for (signed, author, expected) in [
            ("town.example", "Town.example", Nearness::Same),
            ("mail.town.example", "town.example", Nearness::Related),
            ("town.example", "mail.town.example", Nearness::Related),
            ("news.town.example", "mail.town.example", Nearness::Beside),
            ("mytown.example", "town.example", Nearness::Strange),
            ("evil.example", "town.example", Nearness::Strange),
            ("town.example", "", Nearness::Strange),
        ] {
            assert_eq!(Nearness::of(signed, author), expected, "{signed} {author}");
        }
    }

    #[test]
    fn signatures_of_others_leave_room_for_those_of_the_author() {
        let field = |domain: &str| {
            format!(
                "DKIM-Signature: v=1; a=ed25519-sha256; c=relaxed/relaxed; d={domain}; s=s1; h=from; bh=47DEQpj8HBSa+/TImW+5JCeuQeRkm5NMpJWZG3hSuFU=; b=AAAA\r\n"
            )
        };
        let order = |domains: &[&str], author: &str| {
            let fields: String = domains.iter().map(|domain| field(domain)).collect();
            let raw = format!("{fields}From: ann@{author}\r\n\r\n");
            let Some(parsed) = AuthenticatedMessage::parse(raw.as_bytes()) else {
                return Vec::new();
            };
            let each = one_by_one(&parsed, author).into_iter();
            let of = |alone: AuthenticatedMessage<'_>| {
                let named = alone.dkim_headers.into_iter().map(|one| one.header.d);
                named.collect::<Vec<_>>().join(" ")
            };
            each.map(of).collect()
        };
        let list = ["a.test", "b.test", "c.test", "news.town.example"];
        let found = order(&list, "mail.town.example");
        assert_eq!(found, ["news.town.example", "a.test", "b.test"]);
        let list = ["a.test", "news.town.example", "town.example"];
        let found = order(&list, "mail.town.example");
        assert_eq!(found, ["town.example", "news.town.example"]);
        assert_eq!(order(&["a.test"], "town.example"), ["a.test"]);
        assert_eq!(order(&[], "town.example"), [""]);
    }
}
