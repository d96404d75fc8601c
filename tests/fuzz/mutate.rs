//! Inputs made from those of a corpus by changes at random, the same for the same seed.

use crate::targets::INPUT_MAX;

/// Most changes of one input.
const CHANGES_MAX: usize = 5;
/// Longest range that is taken out or repeated, in octets.
const RANGE_MAX: usize = 64;

/// Makes them.
pub(crate) struct Mutator<'a> {
    state: u64,
    corpus: &'a [Vec<u8>],
    words: &'a [&'a [u8]],
}

impl<'a> Mutator<'a> {
    pub(crate) fn new(seed: u64, corpus: &'a [Vec<u8>], words: &'a [&'a [u8]]) -> Self {
        Self {
            state: seed,
            corpus,
            words,
        }
    }

    /// The next input.
    pub(crate) fn input(&mut self) -> Vec<u8> {
        let mut input = self.entry().to_vec();
        for _ in 0..=self.below(CHANGES_MAX) {
            self.change(&mut input);
        }
        input.truncate(INPUT_MAX);
        input
    }

    fn entry(&mut self) -> &'a [u8] {
        let index = self.below(self.corpus.len());
        self.corpus
            .get(index)
            .map(Vec::as_slice)
            .unwrap_or_default()
    }

    fn change(&mut self, input: &mut Vec<u8>) {
        let at = self.below(input.len() + 1);
        let end = input.len().min(at + self.below(RANGE_MAX));
        match self.below(8) {
            0 => {
                let bit = 1 << self.below(8);
                input[at..]
                    .iter_mut()
                    .take(1)
                    .for_each(|octet| *octet ^= bit);
            }
            1 => {
                let other = self.octet();
                input[at..]
                    .iter_mut()
                    .take(1)
                    .for_each(|octet| *octet = other);
            }
            2 => input.insert(at, self.octet()),
            3 => drop(input.drain(at..end)),
            4 => {
                let range = input[at..end].to_vec();
                input.splice(at..at, range);
            }
            5 | 6 => {
                let index = self.below(self.words.len());
                let word = self.words.get(index).copied().unwrap_or_default();
                input.splice(at..at, word.iter().copied());
            }
            _ => {
                let other = self.entry();
                let from = self.below(other.len() + 1);
                input.truncate(at);
                input.extend_from_slice(&other[from..]);
            }
        }
    }

    fn octet(&mut self) -> u8 {
        self.next().to_le_bytes()[0]
    }

    /// A number below this one; 0 for 0.
    fn below(&mut self, end: usize) -> usize {
        let end = u64::try_from(end).unwrap_or(u64::MAX).max(1);
        usize::try_from(self.next() % end).unwrap_or(0)
    }

    /// SplitMix64 (Steele, Lea and Flood, 2014).
    fn next(&mut self) -> u64 {
        self.state = self.state.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut mixed = self.state;
        mixed = (mixed ^ (mixed >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        mixed ^ (mixed >> 31)
    }
}

#[test]
fn a_seed_says_what_comes() {
    let corpus = [b"one".to_vec(), b"another".to_vec(), Vec::new()];
    let words: [&[u8]; 1] = [b"word"];
    let inputs = |seed| {
        let mut mutator = Mutator::new(seed, &corpus, &words);
        (0..500).map(|_| mutator.input()).collect::<Vec<_>>()
    };
    assert_eq!(inputs(1), inputs(1));
    assert_ne!(inputs(1), inputs(2));
    assert!(inputs(1).iter().any(|input| !corpus.contains(input)));
    assert!(Mutator::new(1, &[], &[]).input().len() <= INPUT_MAX);
}
