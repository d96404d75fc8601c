//! Ids, times, addresses: the leaves of every record.

use minicbor::decode::Error as DecodeError;
use minicbor::encode::{Error as EncodeError, Write};
use minicbor::{Decode, Decoder, Encode, Encoder};

use crate::domain::{
    AnswerPoolId, AnswerShape, AreaId, BlobId, CampaignId, CaseEventId, CaseId, CommunicationId,
    ContactId, DeliveryId, Diagnostic, EmailAddress, EntryId, FilterId, GroupId, ImportId,
    MessageId, MethodId, Permissions, PhoneNumber, Redacted, RuleName, TemplateId, ThreadId,
    Timestamp, UserId, WebhookId,
};

fn decode_array<const N: usize>(decoder: &mut Decoder<'_>) -> Result<[u8; N], DecodeError> {
    let position = decoder.position();
    decoder.bytes()?.try_into().map_err(|_| {
        DecodeError::message(format_args!("an id of {N} bytes has another length")).at(position)
    })
}

/// Ids are byte strings of their fixed length.
macro_rules! ids {
    ($($type:ident),+) => {$(
        impl<C> Encode<C> for $type {
            fn encode<W: Write>(
                &self,
                encoder: &mut Encoder<W>,
                _: &mut C,
            ) -> Result<(), EncodeError<W::Error>> {
                encoder.bytes(self.as_bytes())?.ok()
            }
        }

        impl<'b, C> Decode<'b, C> for $type {
            fn decode(decoder: &mut Decoder<'b>, _: &mut C) -> Result<Self, DecodeError> {
                decode_array(decoder).map(Self::from_bytes)
            }
        }
    )+};
}

ids!(
    AnswerPoolId,
    AreaId,
    BlobId,
    CampaignId,
    CaseEventId,
    CaseId,
    CommunicationId,
    ContactId,
    DeliveryId,
    EntryId,
    FilterId,
    GroupId,
    ImportId,
    MessageId,
    MethodId,
    TemplateId,
    ThreadId,
    UserId,
    WebhookId
);

/// Many ids as one byte string, one behind the other.
pub(super) mod packed {
    use super::{DecodeError, Decoder, EncodeError, Encoder, Write};
    use crate::domain::{AreaId, ContactId, FilterId, GroupId, UserId};

    const ID_SIZE: usize = 16;

    pub(in super::super) trait Id: Sized {
        fn bytes(&self) -> &[u8; ID_SIZE];
        fn of(bytes: [u8; ID_SIZE]) -> Self;
    }

    macro_rules! packable {
        ($($type:ident),+) => {$(
            impl Id for $type {
                fn bytes(&self) -> &[u8; ID_SIZE] {
                    self.as_bytes()
                }
                fn of(bytes: [u8; ID_SIZE]) -> Self {
                    Self::from_bytes(bytes)
                }
            }
        )+};
    }

    packable!(AreaId, ContactId, FilterId, GroupId, UserId);

    pub(in super::super) fn encode<C, T: Id, W: Write>(
        ids: &[T],
        encoder: &mut Encoder<W>,
        _: &mut C,
    ) -> Result<(), EncodeError<W::Error>> {
        let bytes: Vec<u8> = ids.iter().flat_map(|id| *id.bytes()).collect();
        encoder.bytes(&bytes)?.ok()
    }

    pub(in super::super) fn decode<C, T: Id>(
        decoder: &mut Decoder<'_>,
        _: &mut C,
    ) -> Result<Vec<T>, DecodeError> {
        let position = decoder.position();
        let (ids, rest) = decoder.bytes()?.as_chunks::<ID_SIZE>();
        if !rest.is_empty() {
            let error = DecodeError::message("a list of ids ends within an id");
            return Err(error.at(position));
        }
        Ok(ids.iter().map(|id| T::of(*id)).collect())
    }
}

impl<C> Encode<C> for Timestamp {
    fn encode<W: Write>(
        &self,
        encoder: &mut Encoder<W>,
        _: &mut C,
    ) -> Result<(), EncodeError<W::Error>> {
        encoder.u64(self.as_millis())?.ok()
    }
}

impl<'b, C> Decode<'b, C> for Timestamp {
    fn decode(decoder: &mut Decoder<'b>, _: &mut C) -> Result<Self, DecodeError> {
        decoder.u64().map(Self::from_millis)
    }
}

/// A bit for each permission: numbers of permissions stay what they are for ever.
impl<C> Encode<C> for Permissions {
    fn encode<W: Write>(
        &self,
        encoder: &mut Encoder<W>,
        _: &mut C,
    ) -> Result<(), EncodeError<W::Error>> {
        encoder.u32(self.bits())?.ok()
    }
}

impl<'b, C> Decode<'b, C> for Permissions {
    fn decode(decoder: &mut Decoder<'b>, _: &mut C) -> Result<Self, DecodeError> {
        decoder.u32().map(Self::from_bits)
    }
}

/// Texts that pass through a constructor of the domain on their way back.
macro_rules! texts {
    ($($type:ident: $read:expr, $what:literal);+ $(;)?) => {$(
        impl<C> Encode<C> for $type {
            fn encode<W: Write>(
                &self,
                encoder: &mut Encoder<W>,
                _: &mut C,
            ) -> Result<(), EncodeError<W::Error>> {
                encoder.str(self.as_str())?.ok()
            }
        }

        impl<'b, C> Decode<'b, C> for $type {
            fn decode(decoder: &mut Decoder<'b>, _: &mut C) -> Result<Self, DecodeError> {
                let position = decoder.position();
                let read: fn(&str) -> Option<Self> = $read;
                read(decoder.str()?).ok_or_else(|| {
                    DecodeError::message(concat!($what, " is not well-formed")).at(position)
                })
            }
        }
    )+};
}

texts!(
    EmailAddress: |text| EmailAddress::from_stored(text).ok(), "an email address";
    PhoneNumber: |text| PhoneNumber::from_e164(text).ok(), "a telephone number";
    Diagnostic: |text| Some(Diagnostic::new(text)), "a diagnostic";
    RuleName: |text| Some(RuleName::kept(text)), "a rule's name";
    AnswerShape: |text| AnswerShape::from_stored(text), "the shape of an answer";
);

/// The store is one of the places where closed values are opened.
impl<C, T: Encode<C>> Encode<C> for Redacted<T> {
    fn encode<W: Write>(
        &self,
        encoder: &mut Encoder<W>,
        context: &mut C,
    ) -> Result<(), EncodeError<W::Error>> {
        self.reveal().encode(encoder, context)
    }
}

impl<'b, C, T: Decode<'b, C>> Decode<'b, C> for Redacted<T> {
    fn decode(decoder: &mut Decoder<'b>, context: &mut C) -> Result<Self, DecodeError> {
        T::decode(decoder, context).map(Self::new)
    }
}
