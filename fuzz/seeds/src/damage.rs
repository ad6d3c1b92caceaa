//! Damage to bytes: what a broken disk, a cut download or an enemy does to a valid input.

use crate::Random;

/// Values on the edges of headers' arithmetic.
pub const EDGES: [u64; 16] = [
    0,
    1,
    3,
    0x7f,
    0xff,
    0x7fff,
    0xffff,
    0xa_0000,
    0xf_0000,
    0x7fff_ffff,
    0x8000_0000,
    0xffff_ffff,
    0x1_0000_0000,
    1 << 63,
    u64::MAX - 0xfff,
    u64::MAX,
];

/// How an input is damaged.
#[derive(Clone, Copy, Debug)]
pub struct Damage {
    /// Bytes from the start that are changed: headers live there, and damage elsewhere only tests
    /// copying.
    pub window: usize,
    /// Most changes to one input.
    pub changes: u64,
    /// Pieces that the reader gives a meaning to.
    pub words: &'static [&'static [u8]],
}

impl Damage {
    /// Damage anywhere in an input without words of its own.
    pub const ANYWHERE: Self = Self { window: usize::MAX, changes: 4, words: &[] };

    /// Changes `input` at some places, at least one. `other` is a valid input to take pieces of.
    pub fn apply(&self, input: &mut Vec<u8>, other: &[u8], random: &mut Random) {
        for _ in 0..1 + random.below(self.changes.max(1)) {
            let window = input.len().min(self.window);
            let at = random.place(window);
            let end = (at + random.place(40)).min(input.len());
            match random.below(10) {
                0 => replace(input, at, &[random.next() as u8]),
                1 | 2 => {
                    let byte = input.get(at).copied().unwrap_or(0);
                    replace(input, at, &[byte ^ 1 << random.below(8)]);
                }
                3 => input.truncate(random.place(input.len() + 1)),
                4 | 5 => {
                    let edge = random.pick(&EDGES).to_le_bytes();
                    let len = random.pick(&[1, 2, 4, 8]);
                    replace(input, at, &edge[..len]);
                }
                6 => drop(input.drain(at..end)),
                7 => {
                    let piece = input[at..end].to_vec();
                    let to = random.place(window + 1).min(input.len());
                    input.splice(to..to, piece);
                }
                8 => {
                    let from = random.place(other.len());
                    let piece = &other[from..(from + random.place(64)).min(other.len())];
                    replace(input, at, piece);
                }
                _ => self.insert_word(input, at..end, random),
            }
        }
    }

    /// Puts a word before or instead of what is there.
    fn insert_word(&self, input: &mut Vec<u8>, at: core::ops::Range<usize>, random: &mut Random) {
        if self.words.is_empty() {
            return;
        }
        let word = random.pick(self.words);
        let end = if random.one_in(2) { at.start } else { at.end };
        input.splice(at.start..end, word.iter().copied());
    }
}

/// Overwrites from `at` on, as far as there is something.
fn replace(input: &mut [u8], at: usize, bytes: &[u8]) {
    for (place, byte) in input.iter_mut().skip(at).zip(bytes) {
        *place = *byte;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_same_seed_does_the_same_damage_and_an_empty_input_is_no_trouble() {
        let damaged = |seed| {
            let mut random = Random(seed);
            let mut input = b"a valid input".to_vec();
            let damage = Damage { words: &[b"word"], ..Damage::ANYWHERE };
            damage.apply(&mut input, b"another", &mut random);
            input
        };
        for seed in 0..200 {
            assert_eq!(damaged(seed), damaged(seed));
            Damage::ANYWHERE.apply(&mut Vec::new(), &[], &mut Random(seed));
        }
        assert!((0..20).any(|seed| damaged(seed) != damaged(seed + 1)));
    }
}
