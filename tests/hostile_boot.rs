//! Hostile code at the places where firmware starts it: boot sectors, option ROMs, kernels behind
//! qboot. Whatever it does, the run ends in one of the documented ways.
//!
//! The code is `seeds::code`'s: system instructions of every mode and any bytes between them. Many more
//! programs of that kind, without firmware before them, are in `fuzz/hostile`.

mod runs;

use runs::{Ran, Scratch, guest, run};
use seeds::images::*;
use seeds::{Random, code, roms};

/// Programs for each place.
const PROGRAMS: u64 = 4;
/// Instructions that SeaBIOS has reached its boot devices in, and a few million more.
const ENOUGH: &str = "--max-insns=45M";

#[track_caller]
fn assert_ended(what: &str, seed: u64, ran: &Ran) {
    let known = matches!(ran.status, Some(0 | 1 | 3..=7));
    assert!(
        known && !ran.stderr.contains("panicked"),
        "{what} {seed}: {:?} {}",
        ran.status,
        ran.stderr
    );
    assert!(!ran.stderr.contains("internal"), "{what} {seed}: {}", ran.stderr);
}

fn with_firmware(rom: &str, more: &[&str]) -> Ran {
    let common = ["--bios", rom, "-m", "32M", ENOUGH, "--wall-timeout=300", "--no-reboot"];
    run(&[&common[..], more].concat())
}

/// INT 19h reads the first sector of the disk to 0x7c00 and goes there.
#[test]
fn hostile_boot_sectors_behind_seabios_end_like_any_other_guest() {
    let Some(rom) = guest("hostile boot sectors", "roms/bios-256k.bin") else { return };
    let scratch = Scratch::new("hostile-sectors");
    for seed in 0..PROGRAMS {
        let mut disk = Random(seed).bytes(64 * 512);
        disk[..510].copy_from_slice(&code::privileged(seed, 510)[..510]);
        disk[510..512].copy_from_slice(&[0x55, 0xaa]);
        let file = scratch.file("disk.img", &disk);
        let drive = format!("--drive=file={file},format=raw,snapshot=on");

        assert_ended("boot sector", seed, &with_firmware(&rom, &[&drive]));
    }
}

#[test]
fn hostile_option_roms_under_seabios_end_like_any_other_guest() {
    let Some(rom) = guest("hostile option ROMs", "roms/bios-256k.bin") else { return };
    let scratch = Scratch::new("hostile-roms");
    for seed in 0..PROGRAMS {
        let hostile = roms::option_rom(2, &code::privileged(seed + 100, 1020));
        let file = scratch.file("hostile.rom", &hostile);

        assert_ended("option ROM", seed, &with_firmware(&rom, &["--option-rom", &file]));
    }
}

/// qboot enters them in protected mode: by the PVH note, and by the setup code of a bzImage.
#[test]
fn hostile_kernels_behind_qboot_end_like_any_other_guest() {
    let Some(rom) = guest("hostile kernels", "roms/qboot.rom") else { return };
    let scratch = Scratch::new("hostile-kernels");
    for seed in 0..PROGRAMS {
        let program = code::privileged(seed + 200, 0x1000);
        let mut bz = bzimage();
        // Setup code from the jump's target on; the protected part but for what the header is checked by.
        let start = bz.len() - 0x1000;
        put(&mut bz, 0x26c, &program[..0x400]);
        put(&mut bz, start, &program[..0x200]);
        put(&mut bz, start + 0x202, &program[0x202..0x800]);
        let elf = elf64(ENTRY, &[load(LINKED_AT, program), notes(pvh_note(ENTRY), 4)]);
        for (name, image) in [("elf", elf), ("bzimage", bz)] {
            let file = scratch.file(name, &image);

            assert_ended(name, seed, &with_firmware(&rom, &["--kernel", &file, "--initrd=none"]));
        }
    }
}
