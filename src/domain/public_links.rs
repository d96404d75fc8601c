//! Addresses of the public pages that stand in messages, and what is secret in them. Everything
//! follows from the installation's key and the delivery that carries it, so that nothing secret
//! is stored with a message.

use ring::hmac;
use subtle::ConstantTimeEq;

use super::ids::DeliveryId;
use super::return_path::BASE32;
use super::ticket::CODE_DIGITS;

/// Octets of the token in a link: nobody finds one by trying.
const TOKEN_SIZE: usize = 15;
/// Octets of a signature that are kept.
const SIGNATURE_SIZE: usize = 10;
/// Longest token looked at, in octets.
const TOKEN_TEXT_MAX: usize = 64;
/// Octets of the token in a link that is counted, without its signature: the delivery, the number
/// of the link, and a check of where it leads.
const CLICK_SIZE: usize = 16 + 2 + CLICK_CHECK_SIZE;
/// Octets of the check: it finds mistakes, the signature forgeries.
const CLICK_CHECK_SIZE: usize = 4;
/// Octets of the token that confirms: it stands in texts, where every character costs.
const CONFIRM_SIZE: usize = 15;
/// Bits of a confirming token that sign it; the others say where its delivery is found.
const CONFIRM_SIGNATURE_BITS: u32 = 60;
/// Bits of a UUIDv7 before its version (RFC 9562, 5.7): the time in milliseconds.
const UUID_TIME_BITS: u32 = 48;

/// What a ticket's delivery carries.
#[derive(Clone, PartialEq, Eq)]
pub struct TicketSecrets {
    /// Stands in the link.
    pub token: String,
    /// Six digits.
    pub code: String,
}

impl std::fmt::Debug for TicketSecrets {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("TicketSecrets")
    }
}

/// A confirming token as it was read: it names the beginning of an id.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ConfirmToken {
    /// What the id of its delivery begins with.
    pub beginning: [u8; 8],
    signature: u64,
}

/// The token of a link that is counted, as it was read: we made it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ClickToken {
    /// The delivery that it stands in.
    pub delivery: DeliveryId,
    /// Its number among the links of the mail, from 1 on.
    pub link: u16,
    check: [u8; CLICK_CHECK_SIZE],
}

/// Makes and reads them.
#[derive(Clone)]
pub struct PublicLinks {
    url: String,
    key: hmac::Key,
}

impl std::fmt::Debug for PublicLinks {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("PublicLinks")
            .field("url", &self.url)
            .finish_non_exhaustive()
    }
}

impl PublicLinks {
    /// Under this address (without a slash at its end), with the installation's key.
    #[must_use]
    pub fn new(url: &str, key: &[u8; 32]) -> Self {
        Self {
            url: url.trim_end_matches('/').to_owned(),
            key: hmac::Key::new(hmac::HMAC_SHA256, key),
        }
    }

    /// Where the public pages begin.
    #[must_use]
    pub fn home(&self) -> &str {
        &self.url
    }

    fn sign(&self, what: &str, message: &[u8]) -> [u8; 32] {
        let mut context = hmac::Context::with_key(&self.key);
        // No bounce address is signed over these words.
        context.update(what.as_bytes());
        context.update(&[0]);
        context.update(message);
        let mut signature = [0; 32];
        signature.copy_from_slice(context.sign().as_ref());
        signature
    }

    /// What the ticket of this delivery carries.
    #[must_use]
    pub fn secrets(&self, delivery: DeliveryId) -> TicketSecrets {
        let token = self.sign("tocsin ticket link", delivery.as_bytes());
        let code = self.sign("tocsin ticket code", delivery.as_bytes());
        let number = code
            .iter()
            .take(8)
            .fold(0_u64, |number, byte| number << 8 | u64::from(*byte));
        let code = number % 10_u64.pow(u32::try_from(CODE_DIGITS).unwrap_or(6));
        TicketSecrets {
            token: encode(&token[..TOKEN_SIZE]),
            code: format!("{code:0CODE_DIGITS$}"),
        }
    }

    /// The link with this token.
    #[must_use]
    pub fn ticket(&self, token: &str) -> String {
        format!("{}/v/{token}", self.url)
    }

    /// What the store keeps of a token.
    #[must_use]
    pub fn token_hash(token: &str) -> [u8; 32] {
        let lower = token.to_ascii_lowercase();
        let mut hash = [0; 32];
        let digest = ring::digest::digest(&ring::digest::SHA256, lower.as_bytes());
        hash.copy_from_slice(digest.as_ref());
        hash
    }

    /// What the store keeps of a code: it could be found by trying, were the hash not keyed.
    #[must_use]
    pub fn code_hash(&self, destination: &str, code: &str) -> [u8; 32] {
        self.sign(
            "tocsin code hash",
            format!("{destination}\0{code}").as_bytes(),
        )
    }

    /// Where a mail's recipient unsubscribes.
    #[must_use]
    pub fn unsubscribe(&self, delivery: DeliveryId) -> String {
        format!(
            "{}/u/{}",
            self.url,
            self.signed("tocsin unsubscribe", delivery)
        )
    }

    /// The delivery of an unsubscribe link that we made.
    #[must_use]
    pub fn read_unsubscribe(&self, token: &str) -> Option<DeliveryId> {
        self.read("tocsin unsubscribe", token)
    }

    /// The picture that tells of opening.
    #[must_use]
    pub fn pixel(&self, delivery: DeliveryId) -> String {
        format!(
            "{}/o/{}.gif",
            self.url,
            self.signed("tocsin pixel", delivery)
        )
    }

    /// The delivery of a picture that we made.
    #[must_use]
    pub fn read_pixel(&self, token: &str) -> Option<DeliveryId> {
        self.read("tocsin pixel", token)
    }

    /// Whether this address is one of the public pages.
    #[must_use]
    pub fn is_ours(&self, url: &str) -> bool {
        let Some((start, rest)) = url.split_at_checked(self.url.len()) else {
            return false;
        };
        let ends = rest.is_empty() || rest.starts_with(['/', '?', '#', '\\']);
        ends && start.eq_ignore_ascii_case(&self.url)
    }

    /// The way round by us to where the link with this number leads. The target itself is not in
    /// it: it is looked up in what was said, so that nobody is led anywhere else.
    #[must_use]
    pub fn click(&self, delivery: DeliveryId, link: u16, target: &str) -> String {
        let mut token = delivery.as_bytes().to_vec();
        token.extend_from_slice(&link.to_be_bytes());
        token.extend_from_slice(&self.click_check(delivery, link, target));
        let signature = self.sign("tocsin click", &token);
        token.extend_from_slice(&signature[..SIGNATURE_SIZE]);
        format!("{}/l/{}", self.url, encode(&token))
    }

    /// The delivery and the number of a link that we made.
    #[must_use]
    pub fn read_click(&self, token: &str) -> Option<ClickToken> {
        if token.len() > TOKEN_TEXT_MAX {
            return None;
        }
        let decoded = BASE32.as_ref()?.decode(token.as_bytes()).ok()?;
        let (said, signature) = decoded.split_first_chunk::<CLICK_SIZE>()?;
        let expected = self.sign("tocsin click", said);
        let same: bool = expected[..SIGNATURE_SIZE].ct_eq(signature).into();
        let (delivery, said) = said.split_first_chunk::<16>()?;
        let (link, check) = said.split_first_chunk::<2>()?;
        let check = <[u8; CLICK_CHECK_SIZE]>::try_from(check).ok()?;
        same.then(|| ClickToken {
            delivery: DeliveryId::from_bytes(*delivery),
            link: u16::from_be_bytes(*link),
            check,
        })
    }

    /// Whether the link was made for this target.
    #[must_use]
    pub fn leads_to(&self, click: ClickToken, target: &str) -> bool {
        let expected = self.click_check(click.delivery, click.link, target);
        expected.ct_eq(&click.check).into()
    }

    fn click_check(&self, of: DeliveryId, link: u16, target: &str) -> [u8; CLICK_CHECK_SIZE] {
        let mut said = of.as_bytes().to_vec();
        said.extend_from_slice(&link.to_be_bytes());
        said.extend_from_slice(target.as_bytes());
        let signature = self.sign("tocsin click target", &said);
        let mut check = [0; CLICK_CHECK_SIZE];
        check.copy_from_slice(&signature[..CLICK_CHECK_SIZE]);
        check
    }

    /// Where a person confirms a message: shorter than the others, for it stands in texts. It
    /// holds the time and the counter of the delivery's id (enough to find it) and 60 bits of a
    /// signature over all of it.
    #[must_use]
    pub fn confirm(&self, delivery: DeliveryId) -> String {
        let beginning = first_octets(delivery);
        let bits = u64::from_be_bytes(beginning);
        // The version between time and counter is known.
        let (time, counter) = (bits >> (64 - UUID_TIME_BITS), bits & 0xfff);
        let head = u128::from(time << 12 | counter);
        let token = head << CONFIRM_SIGNATURE_BITS | u128::from(self.confirm_signature(delivery));
        format!(
            "{}/c/{}",
            self.url,
            encode(&token.to_be_bytes()[16 - CONFIRM_SIZE..])
        )
    }

    /// A link as long as those that confirm, to count with.
    #[must_use]
    pub fn confirm_sample(&self) -> String {
        format!("{}/c/{}", self.url, "x".repeat(CONFIRM_SIZE * 8 / 5))
    }

    /// Reads a confirming token; whether it is genuine is only known beside its delivery.
    #[must_use]
    pub fn read_confirm(token: &str) -> Option<ConfirmToken> {
        if token.len() != CONFIRM_SIZE * 8 / 5 {
            return None;
        }
        let decoded = BASE32.as_ref()?.decode(token.as_bytes()).ok()?;
        let bits = decoded
            .iter()
            .fold(0_u128, |bits, octet| bits << 8 | u128::from(*octet));
        let signature = u64::try_from(bits & ((1 << CONFIRM_SIGNATURE_BITS) - 1)).ok()?;
        let head = u64::try_from(bits >> CONFIRM_SIGNATURE_BITS).ok()?;
        let (time, counter) = (head >> 12, head & 0xfff);
        let beginning = time << (64 - UUID_TIME_BITS) | 0x7000 | counter;
        Some(ConfirmToken {
            beginning: beginning.to_be_bytes(),
            signature,
        })
    }

    /// Whether the token was made for this delivery.
    #[must_use]
    pub fn confirms(&self, token: ConfirmToken, delivery: DeliveryId) -> bool {
        let expected = self.confirm_signature(delivery).to_be_bytes();
        token.beginning == first_octets(delivery)
            && expected.ct_eq(&token.signature.to_be_bytes()).into()
    }

    fn confirm_signature(&self, delivery: DeliveryId) -> u64 {
        let signature = self.sign("tocsin confirm", delivery.as_bytes());
        let number = signature
            .iter()
            .take(8)
            .fold(0_u64, |number, octet| number << 8 | u64::from(*octet));
        number >> (64 - CONFIRM_SIGNATURE_BITS)
    }

    fn signed(&self, what: &str, delivery: DeliveryId) -> String {
        let mut token = delivery.as_bytes().to_vec();
        token.extend_from_slice(&self.sign(what, delivery.as_bytes())[..SIGNATURE_SIZE]);
        encode(&token)
    }

    fn read(&self, what: &str, token: &str) -> Option<DeliveryId> {
        if token.len() > TOKEN_TEXT_MAX {
            return None;
        }
        let decoded = BASE32.as_ref()?.decode(token.as_bytes()).ok()?;
        let (id, signature) = decoded.split_first_chunk::<16>()?;
        let expected = self.sign(what, id);
        let same: bool = expected[..SIGNATURE_SIZE].ct_eq(signature).into();
        same.then(|| DeliveryId::from_bytes(*id))
    }
}

fn first_octets(delivery: DeliveryId) -> [u8; 8] {
    let mut first = [0; 8];
    first.copy_from_slice(&delivery.as_bytes()[..8]);
    first
}

fn encode(bytes: &[u8]) -> String {
    BASE32
        .as_ref()
        .map_or_else(String::new, |base32| base32.encode(bytes))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn links() -> PublicLinks {
        PublicLinks::new("https://me.example.org/", &[7; 32])
    }

    #[test]
    fn links_are_read_for_what_they_were_made_for_and_cannot_be_invented() {
        let id = DeliveryId::from_bytes([0x5a; 16]);
        let url = links().unsubscribe(id);
        let token = url.rsplit('/').next().unwrap_or_default();
        assert!(url.starts_with("https://me.example.org/u/"), "{url}");
        assert_eq!(links().read_unsubscribe(token), Some(id));
        assert_eq!(links().read_unsubscribe(&token.to_uppercase()), Some(id));
        assert_eq!(links().read_pixel(token), None);
        let other = PublicLinks::new("https://me.example.org", &[8; 32]);
        assert_eq!(other.read_unsubscribe(token), None);
        for bad in ["", "a", "ß", &"a".repeat(1000), &token[1..]] {
            assert_eq!(links().read_unsubscribe(bad), None, "{bad}");
        }
        let pixel = links().pixel(id);
        let token = pixel.rsplit('/').next().unwrap_or_default();
        let token = token.strip_suffix(".gif").unwrap_or_default();
        assert_eq!(links().read_pixel(token), Some(id));
    }

    #[test]
    fn a_counted_link_names_its_place_and_cannot_be_invented() {
        let id = DeliveryId::from_bytes([0x5a; 16]);
        let target = "https://town.example/a?b=1&c=2";
        let url = links().click(id, 3, target);
        let token = url.strip_prefix("https://me.example.org/l/");
        let token = token.unwrap_or_default();
        assert!(
            token.len() <= TOKEN_TEXT_MAX && !url.contains("town"),
            "{url}"
        );
        let read = links().read_click(token);
        assert_eq!(read.map(|read| (read.delivery, read.link)), Some((id, 3)));
        assert_eq!(read, links().read_click(&token.to_uppercase()));
        let leads = |to| read.is_some_and(|read| links().leads_to(read, to));
        assert!(leads(target));
        assert!(!leads("https://elsewhere.example/"));
        // No octet of it can be another.
        for at in 0..token.len() {
            for other in "abcdefghijklmnopqrstuvwxyz234567-".chars() {
                let mut forged: Vec<char> = token.chars().collect();
                if forged[at] == other {
                    continue;
                }
                forged[at] = other;
                let forged: String = forged.into_iter().collect();
                assert_eq!(links().read_click(&forged), None, "{at} {other}");
            }
        }
        for bad in ["", "a", "ß", &"a".repeat(1000), &token[1..], &token[..50]] {
            assert_eq!(links().read_click(bad), None, "{bad}");
        }
        let other = PublicLinks::new("https://me.example.org", &[8; 32]);
        assert_eq!(other.read_click(token), None);
        for another in [
            links().unsubscribe(id),
            links().pixel(id),
            links().confirm(id),
        ] {
            let token = another.rsplit('/').next().unwrap_or_default();
            let token = token.trim_end_matches(".gif");
            assert_eq!(links().read_click(token), None, "{another}");
        }
        assert_eq!(links().read_unsubscribe(token), None);
    }

    #[test]
    fn our_own_pages_are_known() {
        for ours in [
            "https://me.example.org",
            "HTTPS://ME.example.org/c/abc",
            "https://me.example.org?lang=fr",
            "https://me.example.org#top",
        ] {
            assert!(links().is_ours(ours), "{ours}");
        }
        for other in [
            "https://me.example.organisation/",
            "https://me.example.org.evil.example/",
            "http://me.example.org/",
            "https://me.example.or",
            "https://ma.example.org/",
            "https://üüüüüüüüü.example/",
        ] {
            assert!(!links().is_ours(other), "{other}");
        }
    }

    #[test]
    fn a_confirming_link_is_short_and_leads_to_its_delivery_alone() {
        let uuid = |tail: u8| {
            let mut id = [
                0x01, 0x93, 0xab, 0xcd, 0xef, 0x12, 0x7a, 0xbc, 0x80, 1, 2, 3, 4, 5, 6, 0,
            ];
            id[15] = tail;
            DeliveryId::from_bytes(id)
        };
        let (id, twin) = (uuid(7), uuid(8));
        let url = links().confirm(id);
        assert_eq!(url.len(), "https://me.example.org/c/".len() + 24, "{url}");
        assert_eq!(url.len(), links().confirm_sample().len());
        let token = url.rsplit('/').next().unwrap_or_default();
        let read = |token: &str| PublicLinks::read_confirm(token);
        let found = read(token);
        assert_eq!(found, read(&token.to_uppercase()));
        let beginning = found.map(|found| found.beginning);
        assert_eq!(
            beginning.as_ref().map(|all| &all[..]),
            Some(&id.as_bytes()[..8])
        );
        let confirms =
            |links: &PublicLinks, id| found.is_some_and(|found| links.confirms(found, id));
        assert!(confirms(&links(), id));
        // Made in the same millisecond with the same counter, by another run.
        assert!(!confirms(&links(), twin));
        assert!(!confirms(
            &PublicLinks::new("https://me.example.org", &[8; 32]),
            id
        ));
        for bad in [
            "",
            "a",
            "ß",
            &"a".repeat(1000),
            &token[1..],
            &"1".repeat(24),
        ] {
            assert_eq!(read(bad), None, "{bad}");
        }
    }

    #[test]
    fn every_delivery_has_secrets_of_its_own() {
        let secrets = |byte| links().secrets(DeliveryId::from_bytes([byte; 16]));
        let one = secrets(1);
        assert_eq!(one, secrets(1));
        assert_ne!(one, secrets(2));
        assert_eq!(one.code.len(), CODE_DIGITS);
        assert!(one.code.bytes().all(|digit| digit.is_ascii_digit()));
        assert_eq!(one.token.len(), TOKEN_SIZE * 8 / 5);
        assert_eq!(format!("{one:?}"), "TicketSecrets");
        let hash = |to, code| links().code_hash(to, code);
        assert_ne!(hash("a", "123456"), hash("b", "123456"));
        assert_ne!(hash("a", "123456"), hash("a", "123457"));
        assert_eq!(
            PublicLinks::token_hash(&one.token),
            PublicLinks::token_hash(&one.token.to_uppercase())
        );
    }
}
