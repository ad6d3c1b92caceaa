//! Kernel images: every loader, the description for `inspect`, and what firmware is offered.
//!
//! Whatever the bytes are: a refusal has a stable code, words, a place and a hint; what is accepted is
//! planned inside RAM, without two placements on one byte, and can be written.

use crate::{Outcome, Target};
use boot::firmware::{self, FirmwareRequest, Rom};
use boot::{BootError, BootPlan, Content, Module, Platform, Protocol, Request};
use memory::Memory;
use seeds::images::*;
use seeds::{Damage, Random};

/// RAM of the machines that are planned for: one as tests have, one that passes 4 GiB.
const RAM: [u64; 2] = [32 * MIB, 6 << 30];
/// Where RAM ends below 4 GiB.
const LOW_RAM_END: u64 = 3 << 30;

/// Any image.
pub const TARGET: Target = Target {
    name: "kernel",
    run,
    seeds: kernels,
    damage: Damage { window: 0x300, changes: 4, words: WORDS },
    inputs: 5000,
    shows: &[Outcome::Accepted, Outcome::Refused],
};

const WORDS: &[&[u8]] = &[
    b"\x7fELF\x02\x01\x01",
    b"\x7fELF\x01\x01\x01",
    b"Xen\0",
    b"HdrS",
    b"\x55\xaa",
    b"\x1f\x8b\x08",
    b"\x02\xb0\xad\x1b",
    b"\xd6\x50\x52\xe8",
    b"\x04\0\0\0\x08\0\0\0\x12\0\0\0Xen\0",
];

/// Sound kernels of every protocol.
pub fn kernels() -> Vec<Vec<u8>> {
    let reloc = [pvh_note(ENTRY), note(b"Xen\0", 19, &[0, 0, 32, 0], 4)].concat();
    let tags = [
        mb2_tag(1, false, &[1, 3, 6]),
        mb2_tag(3, true, &[ENTRY as u32]),
        mb2_tag(4, true, &[3]),
        mb2_tag(5, true, &[0, 0, 32]),
        mb2_tag(6, false, &[]),
        mb2_tag(10, false, &[0x20_0000, 0x180_0000, 0x1000, 2]),
    ];
    vec![
        pvh64(),
        pvh64_with_notes(reloc, 8),
        elf32(ENTRY as u32, &[load(LINKED_AT, code()), notes(pvh_note(ENTRY), 4)]),
        bzimage(),
        bzimage32(),
        bzimage_of(0x200),
        bzimage_of(0x201),
        bzimage_of(0x203),
        bzimage_of(0x209),
        vmlinux64(),
        multiboot_flat(|_| {}),
        multiboot_elf32(3),
        mb2_flat(|_| {}),
        mb2_elf32(&tags),
        boot_disk(),
        boot_disc(),
    ]
}

/// Everything that is done with a kernel before it runs.
pub fn run(bytes: &[u8]) -> Outcome {
    let image = bytes.to_vec();
    if let Ok(inspection) = boot::inspect(&image) {
        assert!(!inspection.to_string().is_empty());
    }
    let platform = Platform::default();
    let ramdisk = vec![1u8; 0x2000];
    let mut outcome = Outcome::Refused;
    let roms = roms(bytes);
    for ram_bytes in RAM {
        let forced = Protocol::ALL.into_iter().map(Some);
        for protocol in core::iter::once(None).chain(forced) {
            let mut modules = vec![Module { image: &ramdisk, cmdline: "a" }];
            if protocol == Some(Protocol::BootSector) {
                modules.clear();
            }
            let request = Request {
                modules,
                protocol,
                bios_services: true,
                cmdline: "console=ttyS0",
                ..Request::new(&image, ram_bytes, &platform)
            };
            if check(boot::plan(&request), ram_bytes) && protocol.is_none() {
                outcome = Outcome::Accepted;
            }
            if protocol.is_none_or(|protocol| protocol != Protocol::Firmware) {
                check(behind_firmware(request, &roms), ram_bytes);
            }
        }
    }
    outcome
}

/// Up to three ROMs, each a piece of the image; names and places in the boot order may repeat, or be none. Every
/// image has its own.
fn roms(image: &[u8]) -> Vec<Rom<'_>> {
    const NAMES: &[&str] = &["rom.bin", "a.rom", "b.rom", "vgabios.bin", "", "a\nb", NAME_TOO_LONG];
    let sum = image.iter().fold(0u64, |sum, &byte| sum.rotate_left(7) ^ u64::from(byte));
    let mut random = Random(sum);
    let rom = |random: &mut Random| Rom {
        name: random.pick(NAMES),
        bytes: &image[..random.place(image.len() + 1)],
        boot_index: random.pick(&[None, Some(0), Some(1), Some(2), Some(u32::MAX)]),
    };
    (0..random.below(4)).map(|_| rom(&mut random)).collect()
}

/// More than a directory of fw_cfg has room for.
const NAME_TOO_LONG: &str = "a-name-of-more-than-fifty-six-characters-with-its-folder.rom";

/// With those ROMs, of which the first is the VGA's if there are three.
fn behind_firmware<'a>(request: Request<'a>, roms: &[Rom<'a>]) -> Result<BootPlan<'a>, BootError> {
    let rom = Rom { name: "rom.bin", bytes: &[0x55, 0xaa, 1], boot_index: Some(0) };
    let (vga, option_roms) = roms.split_at(roms.len() / 3);
    firmware::plan(&FirmwareRequest {
        request,
        has_kernel: true,
        kernel_rom: Some(rom),
        option_roms: option_roms.to_vec(),
        vga_rom: vga.first().copied(),
    })
}

/// What must hold of every answer; true if it is a plan.
fn check(answer: Result<BootPlan<'_>, BootError>, ram_bytes: u64) -> bool {
    match answer {
        Ok(plan) => {
            check_plan(&plan, ram_bytes);
            true
        }
        Err(error) => {
            assert!(error.code().starts_with("BOOT-E"), "{error:?}");
            assert!(boot::error::explain(error.code()).is_some(), "{error:?}");
            let words = [error.to_string(), error.hint(), error.at().to_string()];
            for text in words {
                assert!(!text.is_empty() && !text.contains('\n'), "{error:?}: {text:?}");
            }
            false
        }
    }
}

fn check_plan(plan: &BootPlan<'_>, ram_bytes: u64) {
    assert!(!plan.explanation.is_empty());
    let mut end = 0;
    for placement in &plan.placements {
        let range = placement.range();
        assert!(range.start >= end, "{} over what is before it", placement.name);
        let ram = match range.start {
            ..LOW_RAM_END => 0..ram_bytes.min(LOW_RAM_END),
            _ => 4 << 30..(4 << 30) + ram_bytes.saturating_sub(LOW_RAM_END),
        };
        let reserved = matches!(placement.content, Content::Reserved);
        assert!(ram.contains(&range.start) && range.end <= ram.end || reserved, "{range:?}");
        end = range.end;
    }
    if ram_bytes == RAM[0] {
        let memory = Memory::new(ram_bytes, LOW_RAM_END).expect("a little RAM");
        if let Err(error) = plan.write(&memory) {
            panic!("a plan that cannot be written: {error}");
        }
    }
}
