//! The named limits of the store.

/// Largest key, in bytes.
pub const KEY_SIZE_MAX: usize = 1024;
/// Largest value, in bytes; larger things are blobs. Journal and snapshot write its length in two
/// bytes.
pub const VALUE_SIZE_MAX: usize = 63 * 1024;
/// Largest blob, in bytes.
pub const BLOB_SIZE_MAX: usize = 64 * 1024 * 1024;
/// Most operations and asserts in one batch, each.
pub const BATCH_OPS_MAX: usize = 10_000;
/// Most bytes of keys, values and blobs in one batch.
pub(crate) const BATCH_SIZE_MAX: usize = 96 * 1024 * 1024;
/// Most rows that one scan returns.
pub const SCAN_LIMIT_MAX: usize = 10_000;
/// Most entries of all lanes that are leased at one time.
pub const CLAIMS_MAX: usize = 4096;
