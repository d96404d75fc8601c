//! Templates, and the versions that others have taken the place of.

use minicbor::decode::Error as DecodeError;
use minicbor::{Decode, Decoder, Encode};

use super::Record;
use super::shape::{record, shape};
use crate::domain::template::{
    TemplateCategory, TemplateState, TemplateText, Variable, VariableKind,
};
use crate::domain::{Channel, PastTemplate, Template, TemplateId, Timestamp, UserId};

/// A kind by its name, and the choices of one that has some.
#[derive(Encode, Decode)]
#[cbor(map)]
struct KindRow {
    #[n(0)]
    name: String,
    #[n(1)]
    #[cbor(skip_if = "Vec::is_empty")]
    choices: Vec<String>,
}

impl<C> Encode<C> for VariableKind {
    fn encode<W: minicbor::encode::Write>(
        &self,
        encoder: &mut minicbor::Encoder<W>,
        context: &mut C,
    ) -> Result<(), minicbor::encode::Error<W::Error>> {
        let row = KindRow {
            name: self.as_str().to_owned(),
            choices: self.choices().to_vec(),
        };
        row.encode(encoder, context)
    }
}

impl<'b, C> Decode<'b, C> for VariableKind {
    fn decode(decoder: &mut Decoder<'b>, context: &mut C) -> Result<Self, DecodeError> {
        let position = decoder.position();
        let row = KindRow::decode(decoder, context)?;
        Self::of(&row.name, row.choices)
            .ok_or_else(|| DecodeError::message("there is no such kind of variable").at(position))
    }
}

shape! {
    Variable as VariableRow {
        #[n(0)] name: String,
        #[n(1)] kind: VariableKind,
        #[n(2)] label: String,
        #[n(3)] required: bool,
        #[n(4)] example: String,
    }
}

shape! {
    TemplateText as TemplateTextRow {
        #[n(0)] channel: Channel,
        #[n(1)] language: String,
        #[n(2)] subject: String,
        #[n(3)] text: String,
        #[n(4)] html: String,
    }
}

shape! {
    Template as TemplateRow {
        #[n(0)] id: TemplateId,
        #[n(1)] category: TemplateCategory,
        #[n(2)] name: String,
        #[n(3)] version: u32,
        #[n(4)] state: TemplateState,
        #[n(5)] #[cbor(skip_if = "Vec::is_empty")] variables: Vec<Variable>,
        #[n(6)] #[cbor(skip_if = "Vec::is_empty")] texts: Vec<TemplateText>,
        #[n(7)] #[cbor(skip_if = "Vec::is_empty")] files: Vec<String>,
        #[n(8)] ready_made: Option<String>,
        #[n(9)] created_by: Option<UserId>,
        #[n(10)] created_at: Timestamp,
        #[n(11)] changed_by: Option<UserId>,
        #[n(12)] changed_at: Timestamp,
    }
}
record!(Template, "template");

impl Record for PastTemplate {
    const NAME: &'static str = "past version of a template";

    fn to_bytes(&self) -> Vec<u8> {
        super::frame(&self.0)
    }

    fn from_bytes(bytes: &[u8]) -> Result<Self, super::RecordError> {
        super::unframe(Self::NAME, bytes).map(Self)
    }
}
