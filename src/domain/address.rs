//! Email addresses and telephone numbers that cannot be wrong in form.

use std::fmt;
use std::str::FromStr;

use email_address::{Error as EmailError, Options};
use rlibphonenumber::Region;

use super::sentence::Sentence;

/// Longest address taken, in octets (RFC 5321, 4.5.3.1.3: path of 256 with its brackets).
pub const EMAIL_ADDRESS_MAX: usize = 254;
/// Longest local part, in octets (RFC 5321, 4.5.3.1.1).
pub const LOCAL_PART_MAX: usize = 64;
/// Longest mailbox with its domain in A-label form, in octets: a domain of one-letter labels
/// outside ASCII grows from three octets a label to nine.
const STORED_SIZE_MAX: usize = 4 * EMAIL_ADDRESS_MAX;
/// Longest text looked at as a telephone number, in octets.
const PHONE_TEXT_MAX: usize = 64;

/// Why a text is no address.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum AddressError {
    /// Not an address of RFC 5321 form.
    #[error("this is not an email address: {0}")]
    Email(&'static str),
    /// Not a number that could be dialled.
    #[error("this is not a telephone number: {0}")]
    Phone(&'static str),
}

/// For the page: a whole sentence.
impl From<&AddressError> for Sentence {
    fn from(error: &AddressError) -> Self {
        match error {
            AddressError::Email(why) => Self::about("This is not an email address: {0}.", why),
            AddressError::Phone(why) => Self::about("This is not a telephone number: {0}.", why),
        }
    }
}

/// What is wrong with the form of an address, in words of ours.
const fn flaw(error: EmailError) -> &'static str {
    match error {
        EmailError::InvalidCharacter => "it holds a character that no address can hold",
        EmailError::MissingSeparator => "it has no @",
        EmailError::LocalPartEmpty => "nothing stands before the @",
        EmailError::LocalPartTooLong => "the part before the @ is longer than 64 characters",
        EmailError::DomainEmpty => "nothing stands behind the @",
        EmailError::DomainTooLong | EmailError::SubDomainTooLong => {
            "the part behind the @ is too long"
        }
        EmailError::SubDomainEmpty => "the part behind the @ holds an empty piece between two dots",
        EmailError::DomainTooFew => "the part behind the @ has no dot",
        EmailError::DomainInvalidSeparator => "a dot is in the wrong place",
        EmailError::UnbalancedQuotes => "the quotes do not close",
        EmailError::InvalidComment => "it holds a comment that does not close",
        EmailError::InvalidIPAddress | EmailError::UnsupportedDomainLiteral => {
            "a number cannot stand for the domain"
        }
        EmailError::UnsupportedDisplayName
        | EmailError::MissingDisplayName
        | EmailError::MissingEndBracket => "it must stand alone, without a name",
    }
}

/// A mailbox, `local@domain` (RFC 5321, 4.1.2), its domain in lower case and A-label form.
///
/// The local part is kept as it was written.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct EmailAddress(String);

impl EmailAddress {
    /// Takes a mailbox without brackets or display name.
    ///
    /// # Errors
    /// [`AddressError::Email`] with a plain sentence.
    pub fn parse(text: &str) -> Result<Self, AddressError> {
        let text = text.trim();
        let bad = AddressError::Email;
        if text.is_empty() {
            return Err(bad("it is empty"));
        }
        if text.len() > EMAIL_ADDRESS_MAX {
            return Err(bad("it is longer than 254 characters"));
        }
        if text.chars().any(char::is_control) {
            return Err(bad("it holds a control character"));
        }
        let options = Options::default()
            .with_required_tld()
            .without_display_text()
            .without_domain_literal();
        let parsed = email_address::EmailAddress::parse_with_options(text, options)
            .map_err(|error| bad(flaw(error)))?;
        if parsed.local_part().len() > LOCAL_PART_MAX {
            return Err(bad("the part before the @ is longer than 64 characters"));
        }
        let domain = idna::domain_to_ascii(parsed.domain())
            .map_err(|_| bad("the domain holds characters that no domain can hold"))?;
        Ok(Self(format!("{}@{domain}", parsed.local_part())))
    }

    /// Takes back a mailbox that was parsed once and then stored as it was. Checked only for
    /// what could break a protocol line, so that stricter parsing never makes old rows unreadable.
    ///
    /// # Errors
    /// [`AddressError::Email`] when no parser can have made it.
    pub fn from_stored(text: &str) -> Result<Self, AddressError> {
        let halves = text.rsplit_once('@');
        let whole = halves.is_some_and(|(local, domain)| !local.is_empty() && !domain.is_empty());
        if whole && text.len() <= STORED_SIZE_MAX && !text.chars().any(char::is_control) {
            Ok(Self(text.to_owned()))
        } else {
            Err(AddressError::Email("it is not a mailbox"))
        }
    }

    /// The whole mailbox.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// What stands before the last `@`.
    #[must_use]
    pub fn local_part(&self) -> &str {
        self.0.rsplit_once('@').map_or("", |(local, _)| local)
    }

    /// What stands behind the last `@`, in lower case.
    #[must_use]
    pub fn domain(&self) -> &str {
        self.0.rsplit_once('@').map_or("", |(_, domain)| domain)
    }

    /// The form under which equal mailboxes meet: local part in lower case too.
    #[must_use]
    pub fn lookup_key(&self) -> String {
        self.0.to_lowercase()
    }
}

impl FromStr for EmailAddress {
    type Err = AddressError;
    fn from_str(text: &str) -> Result<Self, Self::Err> {
        Self::parse(text)
    }
}

impl fmt::Debug for EmailAddress {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("EmailAddress([redacted])")
    }
}

/// A telephone number in E.164 form: `+` and up to fifteen digits (ITU-T E.164).
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct PhoneNumber(String);

impl PhoneNumber {
    /// Takes a number as people write it; national forms are read in `region` (ISO 3166-1 alpha-2).
    ///
    /// # Errors
    /// [`AddressError::Phone`] with a plain sentence.
    pub fn parse(text: &str, region: &str) -> Result<Self, AddressError> {
        let bad = AddressError::Phone;
        let text = text.trim();
        if text.is_empty() {
            return Err(bad("it is empty"));
        }
        if text.len() > PHONE_TEXT_MAX {
            return Err(bad("it is too long"));
        }
        let region = Region::from_str(region).map_err(|_| bad("its country is not known"))?;
        let number = rlibphonenumber::PhoneNumber::parse(text, Some(region))
            .map_err(|_| bad("it cannot be read as a number"))?;
        number
            .is_possible_with_reason()
            .map_err(|_| bad("it has too many or too few digits for its country"))?;
        let e164 = number.format_as(rlibphonenumber::PhoneNumberFormat::E164);
        Self::from_e164(&e164)
    }

    /// Takes a number that is in E.164 form already.
    ///
    /// # Errors
    /// [`AddressError::Phone`] when it is not.
    pub fn from_e164(text: &str) -> Result<Self, AddressError> {
        let digits = text.strip_prefix('+').unwrap_or_default();
        let well_formed = (4..=15).contains(&digits.len())
            && digits.bytes().all(|byte| byte.is_ascii_digit())
            && !digits.starts_with('0');
        if well_formed {
            Ok(Self(text.to_owned()))
        } else {
            Err(AddressError::Phone("it is not in international form"))
        }
    }

    /// With the leading `+`.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// Without the leading `+`, as SMPP and most SIP trunks want it.
    #[must_use]
    pub fn digits(&self) -> &str {
        self.0.trim_start_matches('+')
    }
}

impl fmt::Debug for PhoneNumber {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("PhoneNumber([redacted])")
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;

    #[test]
    fn takes_addresses_as_they_are_and_lowers_the_domain() {
        let address = EmailAddress::parse(" Ada.L@Example.ORG ").unwrap();
        assert_eq!(address.as_str(), "Ada.L@example.org");
        assert_eq!(address.local_part(), "Ada.L");
        assert_eq!(address.lookup_key(), "ada.l@example.org");
        assert_eq!(
            EmailAddress::parse("x@bücher.example").unwrap().domain(),
            "xn--bcher-kva.example"
        );
    }

    #[test]
    fn refuses_what_could_break_a_protocol_line() {
        for text in [
            "",
            "a",
            "a@",
            "@b.example",
            "a@b.example\r\nRCPT TO:<c@d.example>",
            "a\0@b.example",
            "Ada <a@b.example>",
            "a@[127.0.0.1]",
            &format!("{}@b.example", "a".repeat(65)),
        ] {
            assert!(EmailAddress::parse(text).is_err(), "{text:?} was taken");
        }
    }

    #[test]
    fn reads_numbers_in_their_region() {
        let number = PhoneNumber::parse("07700 900123", "GB").unwrap();
        assert_eq!(number.as_str(), "+447700900123");
        assert_eq!(number.digits(), "447700900123");
        assert_eq!(
            PhoneNumber::parse("+1 418 555 0123", "GB")
                .unwrap()
                .as_str(),
            "+14185550123"
        );
        for text in ["", "hello", "12", "+44 1", "0770090012312345678901"] {
            assert!(
                PhoneNumber::parse(text, "GB").is_err(),
                "{text:?} was taken"
            );
        }
    }
}
