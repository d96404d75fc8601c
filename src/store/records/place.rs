//! Where areas lie.

use minicbor::decode::Error as DecodeError;
use minicbor::{Decode, Decoder, Encode};

use super::shape::record;
use crate::domain::outline::Outline;
use crate::domain::{AreaId, AreaPlace};

/// Outlines stand as CAP writes polygons.
#[derive(Encode, Decode)]
#[cbor(map)]
struct AreaPlaceRow {
    #[n(0)]
    area: AreaId,
    #[n(1)]
    outlines: Vec<String>,
    #[n(2)]
    geocodes: Vec<String>,
}

impl<C> Encode<C> for AreaPlace {
    fn encode<W: minicbor::encode::Write>(
        &self,
        encoder: &mut minicbor::Encoder<W>,
        context: &mut C,
    ) -> Result<(), minicbor::encode::Error<W::Error>> {
        let row = AreaPlaceRow {
            area: self.area(),
            outlines: self.outlines().iter().map(Outline::text).collect(),
            geocodes: self.geocodes().to_vec(),
        };
        row.encode(encoder, context)
    }
}

impl<'b, C> Decode<'b, C> for AreaPlace {
    fn decode(decoder: &mut Decoder<'b>, context: &mut C) -> Result<Self, DecodeError> {
        let position = decoder.position();
        let row = AreaPlaceRow::decode(decoder, context)?;
        let outlines = row.outlines.iter().map(|text| Outline::parse(text));
        outlines
            .collect::<Option<_>>()
            .and_then(|outlines| Self::new(row.area, outlines, row.geocodes))
            .ok_or_else(|| DecodeError::message("an area lies nowhere").at(position))
    }
}
record!(AreaPlace, "place of an area");
