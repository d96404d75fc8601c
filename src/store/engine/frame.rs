//! One journal record as bytes.
//!
//! ```text
//! header (32): magic 4 | payload length 4 | first sequence 8 | last sequence 8
//!              | payload checksum 4 | header checksum 4
//! payload:     count 4, then per key: length 2, value length 2 (0xffff: the
//!              key is gone), key, value; count 4, then per blob: id 32,
//!              length 4, bytes
//! ```
//! Numbers are big-endian. The checksum is CRC-32 that starts from the store's
//! random id: bytes that a stranger sends us and that we keep as a value cannot
//! pass for a record of this store.

use bytes::{Buf, Bytes};

use super::limits::VALUE_SIZE_MAX;
use super::plan::Effects;
use super::{BlobId, Key, Value};

/// Bytes of a frame's header.
pub(crate) const HEADER_SIZE: usize = 32;
/// The bytes that begin every frame.
pub(crate) const MAGIC: [u8; 4] = *b"\xf7TJr";
const GONE: u16 = u16::MAX;
// Two bytes hold the length of every value, here and in snapshots.
const _: () = assert!(VALUE_SIZE_MAX < GONE as usize);

/// The random identity of a store; in the head of each of its files.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) struct StoreId(pub(crate) [u8; 16]);

impl StoreId {
    /// The checksum of bytes within this store.
    pub(crate) fn checksum(self, bytes: &[u8]) -> u32 {
        let mut hasher = crc32fast::Hasher::new();
        hasher.update(&self.0);
        hasher.update(bytes);
        hasher.finalize()
    }
}

/// What the header says.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Header {
    pub(crate) payload_size: usize,
    pub(crate) first: u64,
    pub(crate) last: u64,
    payload_checksum: u32,
}

/// What a group of batches did.
pub(crate) struct Record {
    pub(crate) first: u64,
    pub(crate) last: u64,
    pub(crate) effects: Vec<(Key, Option<Value>)>,
    pub(crate) blobs: Vec<(BlobId, Bytes)>,
}

/// The frame of a group; `None` when it is too large for its length fields,
/// which the limits of batch and group exclude.
pub(crate) fn encode(
    id: StoreId,
    first: u64,
    last: u64,
    effects: &Effects,
    blobs: &[(BlobId, Bytes)],
) -> Option<Vec<u8>> {
    let mut frame = vec![0; HEADER_SIZE];
    put_count(&mut frame, effects.len())?;
    for (key, value) in effects {
        frame.extend_from_slice(&u16::try_from(key.len()).ok()?.to_be_bytes());
        match value {
            Some(value) => {
                let size = u16::try_from(value.len())
                    .ok()
                    .filter(|size| *size < GONE)?;
                frame.extend_from_slice(&size.to_be_bytes());
                frame.extend_from_slice(key);
                frame.extend_from_slice(value);
            }
            None => {
                frame.extend_from_slice(&GONE.to_be_bytes());
                frame.extend_from_slice(key);
            }
        }
    }
    put_count(&mut frame, blobs.len())?;
    for (blob, bytes) in blobs {
        frame.extend_from_slice(blob.as_bytes());
        put_count(&mut frame, bytes.len())?;
        frame.extend_from_slice(bytes);
    }
    let (header, payload) = frame.split_at_mut(HEADER_SIZE);
    let mut head = Vec::with_capacity(HEADER_SIZE);
    head.extend_from_slice(&MAGIC);
    put_count(&mut head, payload.len())?;
    head.extend_from_slice(&first.to_be_bytes());
    head.extend_from_slice(&last.to_be_bytes());
    head.extend_from_slice(&id.checksum(payload).to_be_bytes());
    let checksum = id.checksum(&head);
    head.extend_from_slice(&checksum.to_be_bytes());
    header.copy_from_slice(&head);
    Some(frame)
}

/// The header at the start of these bytes, if a whole one of this store is there.
pub(crate) fn decode_header(id: StoreId, bytes: &[u8]) -> Option<Header> {
    let header = bytes.get(..HEADER_SIZE)?;
    let (checked, mut checksum) = header.split_at(HEADER_SIZE - 4);
    let mut fields = checked.strip_prefix(&MAGIC)?;
    if checksum.get_u32() != id.checksum(checked) {
        return None;
    }
    Some(Header {
        payload_size: usize::try_from(fields.get_u32()).ok()?,
        first: fields.get_u64(),
        last: fields.get_u64(),
        payload_checksum: fields.get_u32(),
    })
}

/// The frame at the start of these bytes and its size, if it is whole.
pub(crate) fn decode(id: StoreId, bytes: &Bytes) -> Option<(Record, usize)> {
    let header = decode_header(id, bytes)?;
    let size = HEADER_SIZE.checked_add(header.payload_size)?;
    if bytes.len() < size {
        return None;
    }
    let payload = bytes.slice(HEADER_SIZE..size);
    if id.checksum(&payload) != header.payload_checksum {
        return None;
    }
    let (effects, blobs) = decode_payload(payload)?;
    let record = Record {
        first: header.first,
        last: header.last,
        effects,
        blobs,
    };
    Some((record, size))
}

type Payload = (Vec<(Key, Option<Value>)>, Vec<(BlobId, Bytes)>);

fn decode_payload(mut payload: Bytes) -> Option<Payload> {
    let mut effects = Vec::new();
    for _ in 0..payload.try_get_u32().ok()? {
        let key_size = usize::from(payload.try_get_u16().ok()?);
        let value_size = payload.try_get_u16().ok()?;
        let key = take(&mut payload, key_size)?.to_vec();
        let value = match value_size {
            GONE => None,
            size => Some(take(&mut payload, usize::from(size))?.to_vec()),
        };
        effects.push((key, value));
    }
    let mut blobs = Vec::new();
    for _ in 0..payload.try_get_u32().ok()? {
        let id = take(&mut payload, 32)?;
        let id = BlobId::from_bytes(id.as_ref().try_into().ok()?);
        let size = usize::try_from(payload.try_get_u32().ok()?).ok()?;
        blobs.push((id, take(&mut payload, size)?));
    }
    payload.is_empty().then_some((effects, blobs))
}

fn take(bytes: &mut Bytes, size: usize) -> Option<Bytes> {
    (bytes.len() >= size).then(|| bytes.split_to(size))
}

fn put_count(bytes: &mut Vec<u8>, count: usize) -> Option<()> {
    bytes.extend_from_slice(&u32::try_from(count).ok()?.to_be_bytes());
    Some(())
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;

    const ID: StoreId = StoreId([7; 16]);

    fn sample() -> Bytes {
        let effects = Effects::from([
            (b"a".to_vec(), Some(b"one".to_vec())),
            (b"b".to_vec(), None),
            (b"c".to_vec(), Some(Vec::new())),
        ]);
        let body = Bytes::from_static(b"a body");
        let blobs = [(BlobId::of(&body), body)];
        encode(ID, 4, 6, &effects, &blobs).unwrap().into()
    }

    #[test]
    fn a_frame_gives_its_record_back() {
        let frame = sample();
        let (record, size) = decode(ID, &frame).unwrap();
        assert_eq!(size, frame.len());
        assert_eq!((record.first, record.last), (4, 6));
        assert_eq!(record.effects.len(), 3);
        assert_eq!(record.effects[1], (b"b".to_vec(), None));
        assert_eq!(record.effects[2], (b"c".to_vec(), Some(Vec::new())));
        assert_eq!(record.blobs[0].1, b"a body".as_slice());
    }

    #[test]
    fn any_changed_bit_or_missing_byte_is_found() {
        let frame = sample();
        for size in 0..frame.len() {
            assert!(decode(ID, &frame.slice(..size)).is_none(), "cut at {size}");
        }
        for bit in 0..frame.len() * 8 {
            let mut changed = frame.to_vec();
            changed[bit / 8] ^= 1 << (bit % 8);
            assert!(decode(ID, &changed.into()).is_none(), "bit {bit}");
        }
    }

    #[test]
    fn a_frame_of_another_store_is_no_frame() {
        assert!(decode(StoreId([8; 16]), &sample()).is_none());
    }
}
