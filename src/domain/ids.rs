//! Identifiers. Each is a UUIDv7 (RFC 9562), so that order of creation is order of keys, but for
//! those that follow from what they stand for.

use std::fmt;
use std::str::FromStr;

use uuid::Uuid;

use super::timestamp::Timestamp;
use super::verdict::Permanence;

macro_rules! id {
    ($(#[$doc:meta])* $name:ident) => {
        $(#[$doc])*
        #[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
        pub struct $name(Uuid);

        impl $name {
            /// From a UUID made by the clock that was handed in.
            #[must_use]
            pub const fn new(uuid: Uuid) -> Self {
                Self(uuid)
            }

            /// From its sixteen bytes, big-endian.
            #[must_use]
            pub const fn from_bytes(bytes: [u8; 16]) -> Self {
                Self(Uuid::from_bytes(bytes))
            }

            /// Its sixteen bytes, big-endian.
            #[must_use]
            pub const fn as_bytes(&self) -> &[u8; 16] {
                self.0.as_bytes()
            }
        }

        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                fmt::Display::fmt(&self.0.as_simple(), f)
            }
        }

        impl fmt::Debug for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                write!(f, concat!(stringify!($name), "({})"), self.0.as_simple())
            }
        }

        impl FromStr for $name {
            type Err = uuid::Error;
            fn from_str(text: &str) -> Result<Self, Self::Err> {
                Uuid::parse_str(text).map(Self)
            }
        }
    };
}

id!(
    /// A person.
    ContactId
);
id!(
    /// One of a person's methods: an email address, a mobile or landline number.
    MethodId
);
id!(
    /// A geographical or organisational area.
    AreaId
);
id!(
    /// What was said, to whom, by which channels.
    CommunicationId
);
id!(
    /// One communication to one contact by one method.
    DeliveryId
);
impl DeliveryId {
    /// How many ids of deliveries belong together.
    pub const SET_SIZE: usize = 1 << SET_BITS;

    /// The ids that belong together with this one made by the clock, its own place among them
    /// left out.
    pub fn set_of(made: Uuid) -> impl Iterator<Item = Self> {
        let first = Self(made).set();
        (0_u8..1 << SET_BITS).map(move |place| {
            let mut id = first;
            id[15] |= place;
            Self::from_bytes(id)
        })
    }

    /// When the delivery was made: an id begins with its time, in 48 bits (UUIDv7: RFC 9562,
    /// 5.7).
    #[must_use]
    pub fn made_at(self) -> Timestamp {
        let (millis, _) = self.as_bytes().split_at(6);
        let millis = millis
            .iter()
            .fold(0, |sum, byte| sum << 8 | u64::from(*byte));
        Timestamp::from_millis(millis)
    }

    /// What it has in common with those that belong together with it: all but its last two
    /// bits. Is the first of their ids.
    #[must_use]
    pub fn set(self) -> [u8; 16] {
        let mut id = *self.as_bytes();
        id[15] &= u8::MAX << SET_BITS;
        id
    }
}

/// Last bits of a delivery's id that tell those of one set apart.
const SET_BITS: u32 = 2;

id!(
    /// What was said back and forth with one person.
    ThreadId
);
id!(
    /// One message of a thread.
    MessageId
);
id!(
    /// Someone who logs in to the console or submits mail.
    UserId
);
id!(
    /// A group of contacts.
    GroupId
);
id!(
    /// A saved filter.
    FilterId
);
id!(
    /// Communications that belong together.
    CampaignId
);
id!(
    /// What the firm does for a client.
    CaseId
);
id!(
    /// Something done with a case.
    CaseEventId
);
id!(
    /// A text with gaps that letters are made from.
    TemplateId
);
id!(
    /// One line of a client's or case's correspondence.
    EntryId
);
id!(
    /// Where news is sent to programs.
    WebhookId
);
id!(
    /// A file of contacts that was read in.
    ImportId
);
id!(
    /// Answers that no rule knows and that say the same. Not made by a clock: it follows from what
    /// they say, so that two that come at once make one pool.
    AnswerPoolId
);
impl AnswerPoolId {
    /// Of answers of this shape: the beginning of the SHA-256 of it (FIPS 180-4).
    #[must_use]
    pub fn of(permanence: Permanence, shape: &str) -> Self {
        let said = format!("{}\n{shape}", permanence.as_str());
        let mut id = [0; 16];
        id.copy_from_slice(&BlobId::of(said.as_bytes()).as_bytes()[..16]);
        Self::from_bytes(id)
    }
}

/// A body by its content: the SHA-256 of its bytes (FIPS 180-4).
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct BlobId([u8; 32]);

impl BlobId {
    /// The id of these bytes.
    #[must_use]
    pub fn of(bytes: &[u8]) -> Self {
        let digest = ring::digest::digest(&ring::digest::SHA256, bytes);
        let mut id = [0; 32];
        id.copy_from_slice(digest.as_ref());
        Self(id)
    }

    /// From the bytes of an id, as a record keeps them.
    #[must_use]
    pub const fn from_bytes(id: [u8; 32]) -> Self {
        Self(id)
    }

    /// The bytes of the id.
    #[must_use]
    pub const fn as_bytes(&self) -> &[u8; 32] {
        &self.0
    }
}

impl fmt::Display for BlobId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.iter().try_for_each(|byte| write!(f, "{byte:02x}"))
    }
}

impl fmt::Debug for BlobId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "BlobId({self})")
    }
}
