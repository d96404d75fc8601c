//! Where the next page of a list begins, as it stands in addresses and answers. The place is the
//! index key of the last row that was looked at, and such a key spells a name or a reference, at
//! times of a row that whoever turns the pages may not see: it is sealed, for one reader and one list.

use data_encoding::BASE64URL_NOPAD;
use ring::aead::{Aad, CHACHA20_POLY1305, LessSafeKey, NONCE_LEN, Nonce, UnboundKey};
use ring::hmac;

use super::App;
use crate::domain::UserId;

/// Longest cursor looked at, in characters.
const TEXT_MAX: usize = 2_000;
/// Places are filled up to a multiple of so many octets: the length of a name tells of it, too.
const PADDING: usize = 64;
/// What ends a place; zeros follow.
const END: u8 = 0x80;

/// Seals places (ChaCha20-Poly1305). The nonce follows from what is sealed, so that an answer which has
/// not changed keeps its entity tag; it comes twice for the same place alone.
pub(crate) struct Sealer {
    nonces: hmac::Key,
    seal: Option<LessSafeKey>,
}

impl Sealer {
    /// With the key that the installation keeps: cursors outlive a restart.
    pub(crate) fn new(key: &[u8; 32]) -> Self {
        let key = hmac::Key::new(hmac::HMAC_SHA256, key);
        let nonces = hmac::sign(&key, b"tocsin cursor nonce");
        let seal = hmac::sign(&key, b"tocsin cursor seal");
        let seal = UnboundKey::new(&CHACHA20_POLY1305, seal.as_ref());
        Self {
            nonces: hmac::Key::new(hmac::HMAC_SHA256, nonces.as_ref()),
            seal: seal.ok().map(LessSafeKey::new),
        }
    }

    fn nonce(&self, whose: &[u8], place: &[u8]) -> [u8; NONCE_LEN] {
        let mut context = hmac::Context::with_key(&self.nonces);
        context.update(&(whose.len() as u64).to_be_bytes());
        context.update(whose);
        context.update(place);
        let mut nonce = [0; NONCE_LEN];
        let tag = context.sign();
        for (octet, from) in nonce.iter_mut().zip(tag.as_ref()) {
            *octet = *from;
        }
        nonce
    }

    fn seal(&self, whose: &[u8], place: &[u8]) -> Option<String> {
        let mut sealed = place.to_vec();
        sealed.push(END);
        sealed.resize(sealed.len().next_multiple_of(PADDING), 0);
        let nonce = self.nonce(whose, &sealed);
        let key = self.seal.as_ref()?;
        let unique = Nonce::assume_unique_for_key(nonce);
        key.seal_in_place_append_tag(unique, Aad::from(whose), &mut sealed)
            .ok()?;
        Some(BASE64URL_NOPAD.encode(&[nonce.as_slice(), &sealed].concat()))
    }

    fn open(&self, whose: &[u8], text: &str) -> Option<Vec<u8>> {
        if text.len() > TEXT_MAX {
            return None;
        }
        let mut bytes = BASE64URL_NOPAD.decode(text.as_bytes()).ok()?;
        let (nonce, sealed) = bytes.split_at_mut_checked(NONCE_LEN)?;
        let nonce = Nonce::try_assume_unique_for_key(nonce).ok()?;
        let key = self.seal.as_ref()?;
        let padded = key.open_in_place(nonce, Aad::from(whose), sealed).ok()?;
        let end = padded.iter().rposition(|octet| *octet == END)?;
        padded.get(..end).map(<[u8]>::to_vec)
    }
}

/// The cursors of one list, for one reader.
#[derive(Clone, Copy)]
pub(crate) struct Cursors<'a> {
    sealer: &'a Sealer,
    user: UserId,
    list: &'a str,
}

impl<'a> Cursors<'a> {
    /// `list` is the address of the list without its query.
    pub(crate) const fn of(app: &'a App, user: UserId, list: &'a str) -> Self {
        let sealer = &app.cursors;
        Self { sealer, user, list }
    }

    fn whose(&self) -> Vec<u8> {
        [self.user.as_bytes(), self.list.as_bytes()].concat()
    }

    /// A place, for an address or an answer.
    pub(crate) fn text(&self, place: &[u8]) -> String {
        let sealed = self.sealer.seal(&self.whose(), place);
        sealed.unwrap_or_default()
    }

    /// The place in a cursor; none when it is not one that this list gave this reader.
    pub(crate) fn place(&self, text: &str) -> Option<Vec<u8>> {
        self.sealer.open(&self.whose(), text)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const KEY: [u8; 32] = [7; 32];

    #[test]
    fn cursors_come_back_to_the_reader_and_the_list_they_were_made_for() {
        let sealer = Sealer::new(&KEY);
        let of = |user: u8, list| Cursors {
            sealer: &sealer,
            user: UserId::from_bytes([user; 16]),
            list,
        };
        let here = of(1, "/contacts");
        for place in [&b"k.\x00\xff"[..], b"ends with \x80", &[0; 64], b""] {
            let text = here.text(place);
            assert_eq!(here.place(&text).as_deref(), Some(place));
            assert_eq!(text, here.text(place), "an entity tag stays");
            assert_eq!(of(2, "/contacts").place(&text), None);
            assert_eq!(of(1, "/cases").place(&text), None);
        }
        for text in [
            "",
            "not base64!",
            "AAAA",
            &"A".repeat(100),
            &"A".repeat(TEXT_MAX + 4),
        ] {
            assert_eq!(here.place(text), None, "{text}");
        }
    }

    #[test]
    fn a_cursor_is_altered_nowhere_and_tells_nothing_of_its_place() {
        let sealer = Sealer::new(&KEY);
        let place = b"ct.ada hollis\0";
        let text = sealer.seal(b"me", place).unwrap_or_default();
        let bytes = BASE64URL_NOPAD.decode(text.as_bytes()).unwrap_or_default();
        assert!(!bytes.windows(3).any(|part| part == b"ada"));
        assert_eq!(
            bytes.len(),
            NONCE_LEN + PADDING + CHACHA20_POLY1305.tag_len()
        );
        for at in 0..bytes.len() {
            let mut other = bytes.clone();
            other[at] ^= 1;
            assert_eq!(sealer.open(b"me", &BASE64URL_NOPAD.encode(&other)), None);
        }
        let longer = sealer.seal(b"me", b"ct.a much longer name than hers\0");
        assert_eq!(longer.map(|text| text.len()), Some(text.len()));
        let next_start = Sealer::new(&KEY);
        assert_eq!(next_start.open(b"me", &text).as_deref(), Some(&place[..]));
        assert_eq!(Sealer::new(&[8; 32]).open(b"me", &text), None);
    }
}
