//! An ELF vmlinux entered as its own decompressor would: ELF64 by the 64-bit, ELF32 by the 32-bit way.
//!
//! Linux `arch/x86/kernel/head_64.S` and `head_32.S`, `startup_64` and `startup_32`: RSI or ESI points
//! at boot_params. An ELF file has no setup header, so the one in boot_params is made here: what the
//! kernel itself reads of it (protocol, loader, command line, ramdisk), the rest 0. Entries of such
//! files are physical addresses or, in old ones, virtual addresses of a segment.

use super::header::{LOADED_HIGH, SetupHeader, VERSION_CMDLINE, XLF_ABOVE_4G, XLF_KERNEL_64};
use crate::elf::{Elf, Note, notes};
use crate::image::Image;

/// The protocol of the header made here.
const VERSION: u16 = 0x20f;
/// What every Linux of that protocol has.
const INITRD_ADDR_MAX: u32 = 0x7fff_ffff;
const CMDLINE_SIZE: u32 = 2047;
/// GUEST_OS, Xen `public/elfnote.h`.
const XEN_GUEST_OS: u32 = 6;

const _: () = assert!(VERSION > VERSION_CMDLINE);

/// True if a note of the ELF file says that it is a Linux kernel.
pub fn says_linux(image: &dyn Image) -> bool {
    let speaks = |note: &Note| {
        let guest_os = note.is_xen() && note.kind == XEN_GUEST_OS;
        note.owner == "Linux" || guest_os && note.desc.starts_with(b"linux")
    };
    let found = Elf::parse(image).and_then(|elf| notes(&elf, image, speaks));
    found.is_ok_and(|notes| notes.iter().any(speaks))
}

/// The setup header of a kernel without one, loaded at `start`. A kernel may span more than its init_size can
/// say; what counts is where its segments lie.
pub(super) fn header(start: u64, room: u64, file_len: u64) -> SetupHeader {
    let mut bytes = vec![0; 0x268 - super::header::HEADER];
    let mut put = |at: usize, value: &[u8]| {
        let at = at - super::header::HEADER;
        bytes[at..at + value.len()].copy_from_slice(value);
    };
    put(0x1fe, &0xaa55u16.to_le_bytes());
    put(0x202, b"HdrS");
    put(0x206, &VERSION.to_le_bytes());
    put(0x211, &[LOADED_HIGH]);
    put(0x22c, &INITRD_ADDR_MAX.to_le_bytes());
    put(0x236, &(XLF_KERNEL_64 | XLF_ABOVE_4G).to_le_bytes());
    put(0x238, &CMDLINE_SIZE.to_le_bytes());
    SetupHeader {
        setup_sects: 0,
        syssize: 0,
        boot_flag: 0xaa55,
        version: VERSION,
        loadflags: LOADED_HIGH,
        code32_start: 0,
        initrd_addr_max: INITRD_ADDR_MAX,
        kernel_alignment: 1,
        relocatable_kernel: false,
        min_alignment: 0,
        xloadflags: XLF_KERNEL_64 | XLF_ABOVE_4G,
        cmdline_size: CMDLINE_SIZE,
        payload_offset: 0,
        payload_length: 0,
        pref_address: start,
        init_size: u32::try_from(room).unwrap_or(u32::MAX),
        bytes,
        file_len,
    }
}
