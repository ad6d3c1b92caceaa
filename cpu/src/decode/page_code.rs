//! Which blocks were made from which bytes of a RAM page.
//!
//! A page often holds data beside code, within the same granule of [`CodeMap`] too: a write there must cost as
//! little as finding out that it hit no byte of code.

use super::cache::Key;
use arch::paging::PAGE_SIZE;
use core::ops::RangeInclusive;
use memory::{CodeMap, StaleBytes};

/// A block's bytes in one page.
#[derive(Clone, Copy)]
struct Listed {
    key: Key,
    first: u16,
    last: u16,
}

/// The live blocks whose bytes lie (also) in a page.
pub(crate) struct PageCode {
    listed: Vec<Listed>,
    /// A bit for each byte that one of them was made from.
    bytes: Box<[u64; PAGE_SIZE as usize / 64]>,
}

impl Default for PageCode {
    fn default() -> Self {
        Self { listed: Vec::new(), bytes: Box::new([0; _]) }
    }
}

/// The words of the bit map that bytes lie in, with the bits of each.
fn words(bytes: &RangeInclusive<u16>) -> impl Iterator<Item = (usize, u64)> {
    let (first, last) = (*bytes.start(), *bytes.end());
    (first / 64..=last / 64).map(move |word| {
        let from = first.max(word * 64) % 64;
        let to = last.min(word * 64 + 63) % 64;
        (usize::from(word), u64::MAX << from & u64::MAX >> (63 - to))
    })
}

impl PageCode {
    /// A block was made from these bytes.
    pub(crate) fn add(&mut self, key: Key, bytes: &RangeInclusive<u16>) {
        self.listed.push(Listed { key, first: *bytes.start(), last: *bytes.end() });
        for (word, bits) in words(bytes) {
            self.bytes[word] |= bits;
        }
    }

    /// True if a block was made from one of these bytes.
    pub(crate) fn is_hit_by(&self, bytes: &StaleBytes) -> bool {
        words(bytes).any(|(word, bits)| self.bytes[word] & bits != 0)
    }

    /// Takes out the blocks that were made from one of these bytes.
    pub(crate) fn take_hit(&mut self, bytes: &StaleBytes) -> Vec<Key> {
        let hit = |listed: &Listed| listed.first <= *bytes.end() && *bytes.start() <= listed.last;
        self.take_if(hit)
    }

    /// Takes out a block.
    pub(crate) fn remove(&mut self, key: Key) {
        self.take_if(|listed| listed.key == key);
    }

    fn take_if(&mut self, hit: impl Fn(&Listed) -> bool) -> Vec<Key> {
        let taken = self.listed.extract_if(.., |listed| hit(listed)).map(|listed| listed.key);
        let taken = taken.collect();
        self.bytes.fill(0);
        for Listed { first, last, .. } in &self.listed {
            for (word, bits) in words(&(*first..=*last)) {
                self.bytes[word] |= bits;
            }
        }
        taken
    }

    /// True if no block is left.
    pub(crate) fn is_empty(&self) -> bool {
        self.listed.is_empty()
    }

    /// The granules of its bytes.
    pub(crate) fn granules(&self) -> u64 {
        let granules = |marks, listed: &Listed| {
            let len = u64::from(listed.last - listed.first) + 1;
            marks | CodeMap::granules_of(u64::from(listed.first), len)
        };
        self.listed.iter().fold(0, granules)
    }

    /// Blocks listed.
    #[cfg(test)]
    pub(crate) fn len(&self) -> usize {
        self.listed.len()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::decode::block::CodeSize;

    fn key(at: u64) -> Key {
        Key::new(at, CodeSize::Bits64, true)
    }

    #[test]
    fn a_write_hits_the_blocks_of_its_bytes_and_no_other() {
        let mut page = PageCode::default();
        page.add(key(10), &(10..=20));
        page.add(key(60), &(60..=130));
        page.add(key(4090), &(4090..=4095));
        for (bytes, hit) in [
            (0..=9, false),
            (20..=20, true),
            (21..=59, false),
            (21..=60, true),
            (131..=4089, false),
            (100..=100, true),
            (4095..=4095, true),
            (0..=4095, true),
        ] {
            assert_eq!(page.is_hit_by(&bytes), hit, "{bytes:?}");
        }
        assert_eq!(page.granules(), 0b111 | 1 << 63);
        assert_eq!(page.take_hit(&(5..=60)), [key(10), key(60)]);
        assert!(!page.is_hit_by(&(0..=4089)));
        page.remove(key(4090));
        assert!(page.is_empty() && page.granules() == 0 && !page.is_hit_by(&(0..=4095)));
    }
}
