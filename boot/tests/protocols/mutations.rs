//! Valid images, damaged by a seeded generator: a loader may refuse or accept what results, but never
//! panics, never allocates beyond the file and never plans outside RAM.

use crate::images::*;
use boot::{Module, Protocol, Request};

/// xorshift64*: Vigna, "An experimental exploration of Marsaglia's xorshift generators, scrambled".
struct Random(u64);

impl Random {
    fn next(&mut self) -> u64 {
        self.0 ^= self.0 >> 12;
        self.0 ^= self.0 << 25;
        self.0 ^= self.0 >> 27;
        self.0.wrapping_mul(0x2545_f491_4f6c_dd1d)
    }
    fn below(&mut self, end: usize) -> usize {
        (self.next() % end as u64) as usize
    }
}

/// Values that sit on the edges of headers' arithmetic.
const EDGES: [u64; 12] = [
    0,
    1,
    3,
    0x7fff_ffff,
    0x8000_0000,
    0xffff_ffff,
    0x1_0000_0000,
    0xa_0000,
    0xf_0000,
    u64::MAX,
    u64::MAX - 0xfff,
    1 << 63,
];

fn damage(image: &mut Vec<u8>, random: &mut Random) {
    for _ in 0..1 + random.below(4) {
        // Headers live in the first bytes; damage elsewhere only tests copying.
        let at = random.below(image.len().min(0x300));
        match random.below(5) {
            0 => image[at] = random.next() as u8,
            1 => image[at] ^= 1 << random.below(8),
            2 => image.truncate(random.below(image.len()) + 1),
            kind => {
                let bytes = EDGES[random.below(EDGES.len())].to_le_bytes();
                let len = [2, 4, 8][kind - 2].min(image.len().saturating_sub(at));
                let at = at.min(image.len() - len);
                image[at..at + len].copy_from_slice(&bytes[..len]);
            }
        }
    }
}

/// How many of the attempts were accepted and refused.
#[derive(Default, Debug)]
struct Tally {
    accepted: u32,
    refused: u32,
}

fn try_everything(image: &Vec<u8>, ramdisk: &Vec<u8>, tally: &mut Tally) {
    let _ = boot::inspect(image).map(|inspection| inspection.to_string());
    let forced = Protocol::ALL.into_iter().map(Some);
    for protocol in core::iter::once(None).chain(forced) {
        let mut modules = vec![Module { image: ramdisk, cmdline: "a" }];
        if protocol == Some(Protocol::BootSector) {
            modules.clear();
        }
        let request = Request {
            modules,
            protocol,
            bios_services: true,
            ..Request::new(image, 32 * MIB, &PLATFORM)
        };
        match boot::plan(&request) {
            Ok(plan) => {
                let end = plan.placements.iter().map(|p| p.range().end).max();
                assert!(end <= Some(32 * MIB));
                tally.accepted += 1;
            }
            Err(error) => {
                assert!(error.code().starts_with("BOOT-E"));
                assert!(!error.to_string().is_empty() && !error.hint().is_empty());
                tally.refused += 1;
            }
        }
    }
}

#[test]
fn damaged_images_never_panic() {
    let mut random = Random(0x5eed_b007);
    let ramdisk = vec![1u8; 0x2000];
    let reloc = [pvh_note(ENTRY), note(b"Xen\0", 19, &[0, 0, 32, 0], 4)].concat();
    let kernels = [
        pvh64(),
        pvh64_with_notes(reloc, 8),
        elf32(ENTRY as u32, &[load(LINKED_AT, code()), notes(pvh_note(ENTRY), 4)]),
        bzimage(),
        bzimage32(),
        bzimage_of(0x201),
        bzimage_of(0x209),
        vmlinux64(),
        multiboot_flat(|_| {}),
        multiboot_elf32(3),
        mb2_flat(|_| {}),
        mb2_elf32(&[
            mb2_tag(1, false, &[1, 3, 6]),
            mb2_tag(3, true, &[ENTRY as u32]),
            mb2_tag(4, true, &[3]),
            mb2_tag(5, true, &[0, 0, 32]),
            mb2_tag(6, false, &[]),
            mb2_tag(10, false, &[0x20_0000, 0x180_0000, 0x1000, 2]),
        ]),
        boot_disk(),
    ];
    for kernel in &kernels {
        let mut tally = Tally::default();
        for _ in 0..600 {
            let mut image = kernel.clone();
            damage(&mut image, &mut random);
            try_everything(&image, &ramdisk, &mut tally);
        }
        // Both happen, or the damage is too mild or too harsh to test anything.
        assert!(tally.accepted > 100 && tally.refused > 500, "{tally:?}");
    }
}

/// A cut at any byte: nothing is read past the end.
#[test]
fn images_cut_at_any_byte_never_panic() {
    let ramdisk = vec![1u8; 0x2000];
    let kernels = [
        pvh64(),
        bzimage(),
        bzimage_of(0x201),
        vmlinux64(),
        multiboot_elf32(3),
        multiboot_flat(|_| {}),
        mb2_flat(|_| {}),
    ];
    for kernel in kernels {
        for len in 0..kernel.len().min(0x400) {
            try_everything(&kernel[..len].to_vec(), &ramdisk, &mut Tally::default());
        }
    }
}
