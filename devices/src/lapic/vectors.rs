//! A set of interrupt vectors: the layout of the ISR, TMR and IRR registers of the local APIC.

use serde::{Deserialize, Serialize};

/// 256 bits, eight registers of 32, vector 0 in bit 0 of the first.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct VectorSet([u32; 8]);

impl VectorSet {
    pub(super) fn insert(&mut self, vector: u8) {
        self.0[usize::from(vector / 32)] |= 1 << (vector % 32);
    }

    pub(super) fn remove(&mut self, vector: u8) {
        self.0[usize::from(vector / 32)] &= !(1 << (vector % 32));
    }

    pub(super) fn contains(&self, vector: u8) -> bool {
        self.0[usize::from(vector / 32)] >> (vector % 32) & 1 != 0
    }

    /// The highest vector, which is the one of highest priority.
    pub(super) fn highest(&self) -> Option<u8> {
        let word = self.0.iter().rposition(|&bits| bits != 0)?;
        Some(word as u8 * 32 + 31 - self.0[word].leading_zeros() as u8)
    }

    /// One register; `index` below 8.
    pub(super) fn word(&self, index: u8) -> u32 {
        self.0[usize::from(index & 7)]
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_highest_of_any_two_vectors_is_found() {
        for low in 0..=255u8 {
            for high in low..=255 {
                let mut set = VectorSet::default();
                set.insert(high);
                set.insert(low);
                assert_eq!(set.highest(), Some(high));
                set.remove(high);
                assert_eq!(set.highest(), (low != high).then_some(low));
            }
        }
    }
}
