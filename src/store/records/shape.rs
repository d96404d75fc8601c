//! How a domain type gets its encoding without knowing of it.

/// The private row of a domain struct: the same fields, each with its number.
///
/// A field that the domain gains does not compile until it has a number here.
macro_rules! shape {
    ($domain:ident as $row:ident { $( $(#[$attr:meta])+ $field:ident : $type:ty ),+ $(,)? }) => {
        #[derive(minicbor::Encode, minicbor::Decode)]
        #[cbor(map)]
        struct $row { $( $(#[$attr])+ $field: $type ),+ }

        impl From<$domain> for $row {
            fn from($domain { $($field),+ }: $domain) -> Self {
                Self { $($field),+ }
            }
        }

        impl From<$row> for $domain {
            fn from($row { $($field),+ }: $row) -> Self {
                Self { $($field),+ }
            }
        }

        $crate::store::records::shape::through!($domain as $row);
    };
}

/// Encodes a domain type as its row and back.
macro_rules! through {
    ($domain:ident as $row:ident) => {
        impl<C> minicbor::Encode<C> for $domain {
            fn encode<W: minicbor::encode::Write>(
                &self,
                encoder: &mut minicbor::Encoder<W>,
                context: &mut C,
            ) -> Result<(), minicbor::encode::Error<W::Error>> {
                $row::from(self.clone()).encode(encoder, context)
            }
        }

        impl<'b, C> minicbor::Decode<'b, C> for $domain {
            fn decode(
                decoder: &mut minicbor::Decoder<'b>,
                context: &mut C,
            ) -> Result<Self, minicbor::decode::Error> {
                $row::decode(decoder, context).map(Self::from)
            }
        }
    };
}

/// Makes a domain type with a shape a stored value as it is.
macro_rules! record {
    ($domain:ident, $name:literal) => {
        impl $crate::store::records::Record for $domain {
            const NAME: &'static str = $name;

            fn to_bytes(&self) -> Vec<u8> {
                $crate::store::records::frame(self)
            }

            fn from_bytes(bytes: &[u8]) -> Result<Self, $crate::store::records::RecordError> {
                $crate::store::records::unframe(Self::NAME, bytes)
            }
        }
    };
}

pub(super) use {record, shape, through};
