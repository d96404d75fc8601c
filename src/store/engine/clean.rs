//! The mark of a clean end.

use super::Result;
use super::files::{Layout, remove_if_there, sync_dir, write_whole};
use super::index;

/// Says that the index was closed cleanly, and which one.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct CleanMark {
    sequence: u64,
    index_bytes: u64,
    index_changed: u128,
}

impl CleanMark {
    pub(crate) fn of(layout: &Layout, sequence: u64) -> Result<Self> {
        let (index_bytes, index_changed) = index::fingerprint(&layout.index())?;
        Ok(Self {
            sequence,
            index_bytes,
            index_changed,
        })
    }

    pub(crate) fn write(&self, layout: &Layout) -> Result<()> {
        let text = self.to_text();
        Ok(write_whole(&layout.clean_mark(), text.as_bytes())?)
    }

    fn to_text(&self) -> String {
        format!(
            "{} {} {}\n",
            self.sequence, self.index_bytes, self.index_changed
        )
    }

    /// Reads the mark and takes it away: it speaks of one end only.
    pub(crate) fn take(layout: &Layout) -> Result<Option<Self>> {
        let text = std::fs::read_to_string(layout.clean_mark()).unwrap_or_default();
        remove_if_there(&layout.clean_mark())?;
        sync_dir(layout.root())?;
        Ok(Self::parse(&text))
    }

    fn parse(text: &str) -> Option<Self> {
        let mut fields = text.strip_suffix('\n')?.split(' ');
        Some(Self {
            sequence: fields.next()?.parse().ok()?,
            index_bytes: fields.next()?.parse().ok()?,
            index_changed: fields.next()?.parse().ok()?,
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_a_whole_mark_counts() {
        let mark = CleanMark {
            sequence: 7,
            index_bytes: 4096,
            index_changed: 1_700_000_000_000_000_000,
        };
        let text = mark.to_text();
        assert_eq!(CleanMark::parse(&text), Some(mark));
        for size in 0..text.len() {
            assert_eq!(CleanMark::parse(&text[..size]), None);
        }
    }
}
