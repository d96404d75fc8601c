//! A chain of hashes with short cuts: nothing in it can be changed, taken out or put between
//! without changing its head, and an old entry is shown to be in it with a short path.
//!
//! Entry n is bound to entry n - 1 and to entry [`skip`]`(n)`, which is n with its lowest set bit
//! cleared. From the head one therefore walks down in steps that double, and a path has at most
//! [`PATH_MAX`] links whatever the length of the chain.

use ring::digest::{self, SHA256};

/// A SHA-256.
pub type Hash = [u8; 32];

/// Most links of a path: for each of the 64 bits of the head's number, one for each bit below.
pub const PATH_MAX: usize = 64 * 65 / 2 + 1;

/// What keeps hashes of entries apart from all others.
const ENTRY_PREFIX: &[u8] = b"tocsin audit entry 1\0";
/// What keeps the beginning of a chain apart from all others.
const ORIGIN_PREFIX: &[u8] = b"tocsin audit origin 1\0";

/// The entry before which an entry is bound besides the one just before it; 0 is the origin.
#[must_use]
pub const fn skip(number: u64) -> u64 {
    number & number.wrapping_sub(1)
}

/// What stands for entry 0 in the chain of this store.
#[must_use]
pub fn origin(identity: &[u8; 16]) -> Hash {
    hash_of(&[ORIGIN_PREFIX, identity])
}

/// What an entry says, as the chain sees it.
#[must_use]
pub fn payload_digest(payload: &[u8]) -> Hash {
    hash_of(&[payload])
}

/// What binds one entry to those before it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Link {
    /// Its number, from 1.
    pub number: u64,
    /// SHA-256 of what it says.
    pub payload: Hash,
    /// Hash of the entry just before.
    pub previous: Hash,
    /// Hash of entry [`skip`]`(number)`.
    pub skipped: Hash,
}

impl Link {
    /// The entry's hash.
    #[must_use]
    pub fn hash(&self) -> Hash {
        let number = self.number.to_be_bytes();
        hash_of(&[
            ENTRY_PREFIX,
            &number,
            &self.payload,
            &self.previous,
            &self.skipped,
        ])
    }

    /// The entry to which a path to `wanted` goes on, and the hash that it must have.
    fn onward(&self, wanted: u64) -> (u64, Hash) {
        if skip(self.number) >= wanted {
            (skip(self.number), self.skipped)
        } else {
            (self.number.saturating_sub(1), self.previous)
        }
    }
}

/// The last entry of a chain.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Head {
    /// How many entries there are.
    pub number: u64,
    /// The hash of the last, or the origin's.
    pub hash: Hash,
}

/// Why something is not in a chain.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum PathError {
    /// The entry's number is 0 or above the head's.
    #[error("entry {0} is not below the head")]
    Outside(u64),
    /// A link has another number than the one before leads to.
    #[error("a link has number {found} where {expected} belongs")]
    Number {
        /// The number that belongs there.
        expected: u64,
        /// What stands there.
        found: u64,
    },
    /// A link does not have the hash that the one before it names.
    #[error("entry {0} is not the one to which the head is bound")]
    Hash(u64),
    /// The path ends before the entry, or goes on behind it.
    #[error("the path does not end at entry {0}")]
    End(u64),
    /// The entry says something else than the chain has of it.
    #[error("entry {0} says something else than what was recorded")]
    Payload(u64),
}

/// The path from the head down to an entry, both included. `link` reads the link of a number;
/// `None` where one is missing.
///
/// # Errors
/// Whatever `link` fails with.
pub fn path<E>(
    head: u64,
    wanted: u64,
    mut link: impl FnMut(u64) -> Result<Option<Link>, E>,
) -> Result<Option<Vec<Link>>, E> {
    if wanted == 0 || wanted > head {
        return Ok(None);
    }
    let mut links = Vec::new();
    let mut number = head;
    while links.len() < PATH_MAX {
        let Some(found) = link(number)? else {
            return Ok(None);
        };
        links.push(found);
        if number <= wanted {
            return Ok((number == wanted).then_some(links));
        }
        (number, _) = found.onward(wanted);
    }
    Ok(None)
}

/// Whether a path shows that `payload` is entry `wanted` of the chain with this head.
///
/// # Errors
/// [`PathError`] says where it does not.
pub fn verify_path(
    head: Head,
    wanted: u64,
    payload: &Hash,
    links: &[Link],
) -> Result<(), PathError> {
    if wanted == 0 || wanted > head.number {
        return Err(PathError::Outside(wanted));
    }
    let (mut expected, mut hash) = (head.number, head.hash);
    let Some((last, before)) = links.split_last() else {
        return Err(PathError::End(wanted));
    };
    for link in before {
        check(link, expected, &hash)?;
        if expected <= wanted {
            return Err(PathError::End(wanted));
        }
        (expected, hash) = link.onward(wanted);
    }
    check(last, expected, &hash)?;
    if expected != wanted {
        return Err(PathError::End(wanted));
    }
    if last.payload != *payload {
        return Err(PathError::Payload(wanted));
    }
    Ok(())
}

fn check(link: &Link, expected: u64, hash: &Hash) -> Result<(), PathError> {
    if link.number != expected {
        return Err(PathError::Number {
            expected,
            found: link.number,
        });
    }
    if link.hash() != *hash {
        return Err(PathError::Hash(expected));
    }
    Ok(())
}

fn hash_of(parts: &[&[u8]]) -> Hash {
    let mut context = digest::Context::new(&SHA256);
    for part in parts {
        context.update(part);
    }
    let mut hash = [0; 32];
    hash.copy_from_slice(context.finish().as_ref());
    hash
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use std::convert::Infallible;

    use proptest::prelude::*;

    use super::*;

    /// A chain of so many entries; entry n says n.
    fn chain(length: u64) -> (Head, Vec<Link>) {
        let mut hashes = vec![origin(&[7; 16])];
        let mut links = Vec::new();
        for number in 1..=length {
            let link = Link {
                number,
                payload: payload_digest(&number.to_be_bytes()),
                previous: hashes[usize::try_from(number - 1).unwrap()],
                skipped: hashes[usize::try_from(skip(number)).unwrap()],
            };
            hashes.push(link.hash());
            links.push(link);
        }
        let hash = *hashes.last().unwrap();
        let number = length;
        (Head { number, hash }, links)
    }

    fn path_in(links: &[Link], head: u64, wanted: u64) -> Vec<Link> {
        let link = |number: u64| {
            let index = usize::try_from(number - 1).unwrap();
            Ok::<_, Infallible>(links.get(index).copied())
        };
        path(head, wanted, link).unwrap().unwrap()
    }

    #[test]
    fn the_lowest_bit_is_cleared() {
        let skips: Vec<u64> = (0..=8).map(skip).collect();
        assert_eq!(skips, [0, 0, 0, 2, 0, 4, 4, 6, 0]);
    }

    #[test]
    fn every_entry_of_a_chain_is_shown_by_a_short_path() {
        let (head, links) = chain(300);
        for wanted in 1..=300 {
            let found = path_in(&links, 300, wanted);
            let payload = payload_digest(&wanted.to_be_bytes());
            assert!(found.len() <= 9 * 10 / 2 + 1, "{}", found.len());
            verify_path(head, wanted, &payload, &found).unwrap();
        }
    }

    #[test]
    fn what_is_not_in_the_chain_has_no_path() {
        let (_, links) = chain(5);
        let link = |number: u64| {
            let index = usize::try_from(number - 1).unwrap();
            Ok::<_, Infallible>(links.get(index).copied())
        };
        assert_eq!(path(5, 0, link).unwrap(), None);
        assert_eq!(path(5, 6, link).unwrap(), None);
        assert_eq!(path(5, 3, |_| Ok::<_, Infallible>(None)).unwrap(), None);
    }

    proptest! {
        #[test]
        fn no_byte_of_a_path_can_be_changed(
            length in 1_u64..200,
            wanted in any::<prop::sample::Index>(),
            place in any::<prop::sample::Index>(),
            bit in 0_u8..8,
        ) {
            let (head, links) = chain(length);
            let wanted = u64::try_from(wanted.index(links.len())).unwrap() + 1;
            let payload = payload_digest(&wanted.to_be_bytes());
            let mut found = path_in(&links, length, wanted);
            prop_assert_eq!(verify_path(head, wanted, &payload, &found), Ok(()));
            let link = place.index(found.len());
            let link = &mut found[link];
            let byte = place.index(32);
            let field = match byte % 3 {
                0 => &mut link.payload,
                1 => &mut link.previous,
                _ => &mut link.skipped,
            };
            field[byte] ^= 1 << bit;
            prop_assert!(verify_path(head, wanted, &payload, &found).is_err());
        }

        #[test]
        fn a_path_shows_one_entry_of_one_chain_only(
            length in 2_u64..200,
            wanted in any::<prop::sample::Index>(),
            other in any::<prop::sample::Index>(),
        ) {
            let (head, links) = chain(length);
            let wanted = u64::try_from(wanted.index(links.len())).unwrap() + 1;
            let other = u64::try_from(other.index(links.len())).unwrap() + 1;
            let found = path_in(&links, length, wanted);
            let payload = payload_digest(&other.to_be_bytes());
            let shown = verify_path(head, wanted, &payload, &found);
            prop_assert_eq!(shown.is_ok(), wanted == other);
            let shown = verify_path(head, other, &payload, &found);
            prop_assert_eq!(shown.is_ok(), wanted == other);
            let cut = &found[..found.len() - 1];
            prop_assert!(verify_path(head, wanted, &payload, cut).is_err());
            let mut longer = found.clone();
            longer.push(found[0]);
            prop_assert!(verify_path(head, wanted, &payload, &longer).is_err());
            let elsewhere = Head { hash: origin(&[8; 16]), ..head };
            prop_assert!(verify_path(elsewhere, wanted, &payload, &found).is_err());
        }
    }
}
