//! Reading an input as steps, and cutting streams into pieces.

use super::INPUT_MAX;

/// Longer runs of octets are not cut finer than [`LONG_PIECE`]: it would take too long.
const LONG: usize = INPUT_MAX;
const LONG_PIECE: usize = 1000;

/// How what is sent is cut into pieces.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Chop {
    /// As it was handed in.
    Whole,
    /// Into pieces of so many octets.
    Pieces(usize),
    /// Once, behind so many octets of all that is sent.
    Once(usize),
}

impl Chop {
    /// The pieces of `bytes`, before which so many octets were sent.
    pub(crate) fn pieces(self, bytes: &[u8], sent: usize) -> Vec<&[u8]> {
        match self {
            Self::Whole => vec![bytes],
            Self::Pieces(_) if bytes.len() > LONG => bytes.chunks(LONG_PIECE).collect(),
            Self::Pieces(size) => bytes.chunks(size.max(1)).collect(),
            Self::Once(at) => {
                let (head, tail) = bytes.split_at(at.saturating_sub(sent).min(bytes.len()));
                vec![head, tail]
            }
        }
    }
}

/// What is left of an input.
pub(crate) struct Script<'a> {
    rest: &'a [u8],
}

impl<'a> Script<'a> {
    pub(crate) fn new(data: &'a [u8]) -> Self {
        let rest = data.get(..INPUT_MAX).unwrap_or(data);
        Self { rest }
    }

    /// The next octet.
    pub(crate) fn octet(&mut self) -> Option<u8> {
        let (first, rest) = self.rest.split_first()?;
        self.rest = rest;
        Some(*first)
    }

    /// So many octets, or as many as there are.
    pub(crate) fn take(&mut self, number: usize) -> &'a [u8] {
        let (head, rest) = self.rest.split_at(number.min(self.rest.len()));
        self.rest = rest;
        head
    }

    /// Everything else.
    pub(crate) fn rest(&mut self) -> &'a [u8] {
        self.take(self.rest.len())
    }
}
