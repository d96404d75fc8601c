//! Entries of the record of who did what.

use minicbor::decode::Error as DecodeError;
use minicbor::encode::{Error as EncodeError, Write};
use minicbor::{Decode, Decoder, Encode, Encoder};

use super::shape::{record, shape};
use crate::domain::{
    AuditActor, AuditEntry, ContactId, Subject, SubjectKind, Timestamp, UserId, Via,
};

shape! {
    AuditEntry as AuditEntryRow {
        #[n(0)] at: Timestamp,
        #[n(1)] actor: AuditActor,
        #[n(2)] act: String,
        #[n(3)] #[cbor(skip_if = "Vec::is_empty", default)] subjects: Vec<Subject>,
        #[n(4)] #[cbor(default)] more: u32,
        #[n(5)] #[cbor(default)] detail: String,
        #[n(6)] #[cbor(with = "minicbor::bytes")] digest: Option<[u8; 32]>,
        #[n(7)] network: Option<String>,
    }
}
record!(AuditEntry, "audit entry");

/// Its number, which is never given to another.
const fn number_of(actor: AuditActor) -> u8 {
    match actor {
        AuditActor::User(_, Via::Console) => 0,
        AuditActor::User(_, Via::Program) => 1,
        AuditActor::Person(_) => 2,
        AuditActor::Gateway => 3,
        AuditActor::CommandLine => 4,
        AuditActor::Nobody => 5,
    }
}

/// An array: the number of who it is, then the id where there is one.
impl<C> Encode<C> for AuditActor {
    fn encode<W: Write>(
        &self,
        encoder: &mut Encoder<W>,
        _: &mut C,
    ) -> Result<(), EncodeError<W::Error>> {
        let id = match self {
            Self::User(id, _) => Some(*id.as_bytes()),
            Self::Person(id) => Some(*id.as_bytes()),
            Self::Gateway | Self::CommandLine | Self::Nobody => None,
        };
        encoder.array(1 + u64::from(id.is_some()))?;
        encoder.u8(number_of(*self))?;
        id.map_or(Ok(()), |id| encoder.bytes(&id)?.ok())
    }
}

impl<'b, C> Decode<'b, C> for AuditActor {
    fn decode(decoder: &mut Decoder<'b>, _: &mut C) -> Result<Self, DecodeError> {
        let position = decoder.position();
        let size = decoder.array()?;
        let number = decoder.u8()?;
        let id = if size == Some(2) {
            Some(sixteen(decoder)?)
        } else {
            None
        };
        match (number, id) {
            (0, Some(id)) => Ok(Self::User(UserId::from_bytes(id), Via::Console)),
            (1, Some(id)) => Ok(Self::User(UserId::from_bytes(id), Via::Program)),
            (2, Some(id)) => Ok(Self::Person(ContactId::from_bytes(id))),
            (3, None) => Ok(Self::Gateway),
            (4, None) => Ok(Self::CommandLine),
            (5, None) => Ok(Self::Nobody),
            _ => Err(DecodeError::message("nobody acts like this").at(position)),
        }
    }
}

impl<C> Encode<C> for Subject {
    fn encode<W: Write>(
        &self,
        encoder: &mut Encoder<W>,
        context: &mut C,
    ) -> Result<(), EncodeError<W::Error>> {
        encoder.array(2)?;
        self.kind.encode(encoder, context)?;
        encoder.bytes(&self.id)?.ok()
    }
}

impl<'b, C> Decode<'b, C> for Subject {
    fn decode(decoder: &mut Decoder<'b>, context: &mut C) -> Result<Self, DecodeError> {
        let position = decoder.position();
        if decoder.array()? != Some(2) {
            return Err(DecodeError::message("a subject is a kind and an id").at(position));
        }
        let kind = SubjectKind::decode(decoder, context)?;
        let id = sixteen(decoder)?;
        Ok(Self { kind, id })
    }
}

fn sixteen(decoder: &mut Decoder<'_>) -> Result<[u8; 16], DecodeError> {
    let position = decoder.position();
    let bytes = decoder.bytes()?.try_into();
    bytes.map_err(|_| DecodeError::message("an id has sixteen bytes").at(position))
}
