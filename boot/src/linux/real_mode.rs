//! The 16-bit entry: `boot.rst`, "The Real-Mode Kernel Header", "The Kernel Command Line", "Memory
//! Layout" and "Running the Kernel".
//!
//! Boot sector and setup code lie as one piece in real-mode memory, with heap and stack behind them and
//! the command line above; the protected-mode part lies at 1 MiB. The setup code calls the BIOS for
//! memory map, keyboard and video, switches to protected mode and jumps to code32_start. A zImage (without
//! LOADED_HIGH) has its protected-mode part at 64 KiB, from where the setup code moves it to 4 KiB; so it is at
//! most 512 KiB long, and the setup code lies above.
//!
//! ```text
//!                 setup code   heap, stack   command line
//!  2.02 and later   10000                      20000        pointer in cmd_line_ptr
//!  a zImage         90000                      to 9a000     the same
//!  2.00, 2.01       90000                      to 9a000     magic and offset in the boot sector
//! ```
//!
//! Not modelled: kernels before 2.00, loading hooks. The BIOS itself is [`crate::bios`] and the machine's.

use super::boot_params::LOADER_UNDEFINED;
use super::header::{DEFAULT_LOAD, SetupHeader, VERSION_CMDLINE, is_bzimage};
use super::{check_request, place_ramdisk};
use crate::entry::Entry;
use crate::error::{BootError, Part};
use crate::image::Image;
use crate::layout;
use crate::ledger::Content;
use crate::plan::{BootPlan, Draft, Request, Source, Strings, check_string};
use crate::protocol::Protocol;
use crate::reader::{Reader, align_up};

/// Distance of the entry from the boot sector.
const ENTRY: u64 = 0x200;
/// Heap and stack have at least this much room behind the setup code.
const HEAP_MIN: u64 = 0x1000;
/// What heap_end_ptr leaves for the stack.
const STACK_LEN: u64 = 0x200;
/// `loadflags` bit 7: heap_end_ptr is valid, from 2.01 on.
const CAN_USE_HEAP: u8 = 1 << 7;
const VERSION_HEAP: u16 = 0x201;
/// Word at 0x20 of the boot sector that says that the word at 0x22 is the command line's offset.
const CMDLINE_MAGIC: u16 = 0xa33f;

/// The longest command line of a kernel whose setup code lies at [`layout::REAL_MODE_OLD`].
const CMDLINE_OLD_MAX: u32 = 255;

/// Where the parts in real-mode memory go.
struct Places {
    setup: u64,
    cmdline: u64,
}

impl Places {
    fn of(header: &SetupHeader, cmdline_len: u64) -> Self {
        if header.version >= VERSION_CMDLINE && header.is_high() {
            return Self { setup: layout::REAL_MODE, cmdline: layout::STRINGS };
        }
        let cmdline = (layout::CMDLINE_OLD_END - cmdline_len - 1) & !15;
        Self { setup: layout::REAL_MODE_OLD, cmdline }
    }
}

/// Checks what the entry needs beyond [`SetupHeader::parse`].
pub(crate) fn check(header: &SetupHeader) -> Result<(), BootError> {
    header.check_place()?;
    let places = Places::of(header, CMDLINE_OLD_MAX.into());
    let (len, max) = (header.kernel_offset(), places.cmdline - places.setup - HEAP_MIN);
    if len > max {
        return Err(BootError::LinuxSetupTooLong { sects: header.setup_sects, len, max });
    }
    let (len, max) = (header.load_len(), layout::REAL_MODE_OLD - layout::ZIMAGE);
    if !header.is_high() && len > max {
        return Err(BootError::LinuxLowTooLong { len, max });
    }
    Ok(())
}

/// Where the protected-mode part goes.
fn load_address(header: &SetupHeader) -> u64 {
    if header.is_high() { DEFAULT_LOAD } else { layout::ZIMAGE }
}

/// The entry, and the end of the RAM that kernel and its unpacking need.
pub(crate) fn place(header: &SetupHeader) -> (u64, u64) {
    let start = header.start().max(DEFAULT_LOAD);
    (Places::of(header, 0).setup + ENTRY, start.saturating_add(header.room()))
}

/// Plans a boot of the bzImage or zImage `source` by its setup code.
pub(crate) fn plan<'a>(
    request: &Request<'a>,
    source: Source<'a>,
) -> Result<BootPlan<'a>, BootError> {
    if !is_bzimage(&Reader::new(source.image()).prefix(0x206)?) {
        let why = "it has no Linux setup header (\"HdrS\" at 0x202)".to_owned();
        return Err(BootError::NotOffered { wanted: Protocol::Linux16, why });
    }
    let mut header = SetupHeader::parse(source.image())?;
    check(&header)?;
    if !header.is_high() {
        header.cmdline_size = header.cmdline_size.min(CMDLINE_OLD_MAX);
    }
    check_request(request, &header, Protocol::Linux16)?;
    let setup = setup_code(source.image(), &header)?;
    let places = Places::of(&header, request.cmdline.len() as u64);
    let mut draft = Draft::with_bios(request, source)?;
    place_command_line(&mut draft, request, &places)?;
    let setup_range = places.setup..places.setup + setup.len() as u64;
    draft.ledger.claim("setup code", setup_range.clone())?;
    let heap = places.cmdline - setup_range.end;
    draft.put("setup heap and stack", setup_range.end, heap, Content::Reserved)?;
    place_kernel(&mut draft, request, &header)?;
    let ramdisk = place_ramdisk(&mut draft, request, &header, false)?;
    let setup = filled_in(setup, &header, &places, ramdisk, request.cmdline);
    draft.claimed("setup code", places.setup, setup);

    let segment = (places.setup >> 4) as u16;
    let sp = (places.cmdline - places.setup - 16) as u16;
    let (major, minor) = (header.version >> 8, header.version & 0xff);
    draft.explain(format!(
        "Linux boot protocol {major}.{minor:02}, setup code at {:#x}, which calls the BIOS",
        places.setup
    ));
    Ok(draft
        .finish(Protocol::Linux16, Entry::real_mode(segment + (ENTRY >> 4) as u16, 0, segment, sp)))
}

/// Boot sector and setup code as the file has them.
fn setup_code(image: &dyn Image, header: &SetupHeader) -> Result<Vec<u8>, BootError> {
    Reader::new(image).bytes("the setup code", 0, header.kernel_offset())
}

fn place_command_line(
    draft: &mut Draft<'_>,
    request: &Request<'_>,
    places: &Places,
) -> Result<(), BootError> {
    if places.cmdline == layout::STRINGS {
        let mut strings = Strings::default();
        strings.add(Part::CommandLine, request.cmdline)?;
        return strings.place(draft);
    }
    check_string(Part::CommandLine, request.cmdline)?;
    let bytes = [request.cmdline.as_bytes(), &[0]].concat();
    draft.bytes("command line and strings", places.cmdline, bytes)
}

/// The protected-mode part, and the room that the kernel unpacks into from 1 MiB or, if that is higher, from
/// where it prefers to run.
fn place_kernel(
    draft: &mut Draft<'_>,
    request: &Request<'_>,
    header: &SetupHeader,
) -> Result<(), BootError> {
    let (load, len) = (load_address(header), header.load_len());
    draft.image("kernel", load, len, 0, header.kernel_offset())?;
    let align = u64::from(header.kernel_alignment.max(1));
    let wanted = header.start().max(DEFAULT_LOAD);
    let start = if header.relocatable_kernel { align_up(wanted, align) } else { Some(wanted) };
    let end = start.and_then(|start| start.checked_add(header.room())).unwrap_or(u64::MAX);
    let room = start.unwrap_or(wanted).max(load + len)..end;
    if room.is_empty() {
        return Ok(());
    }
    if !draft.ledger.is_ram(&room) {
        return Err(BootError::KernelNeedsRam { needed: end, ram: request.ram_bytes });
    }
    draft.put("kernel, room to unpack", room.start, room.end - room.start, Content::Reserved)
}

/// The setup code with the loader's own fields, each as the kernel's protocol has it.
fn filled_in(
    mut setup: Vec<u8>,
    header: &SetupHeader,
    places: &Places,
    ramdisk: (u64, u64),
    cmdline: &str,
) -> Vec<u8> {
    // The setup code is at least two sectors long, so every field is inside.
    let mut put = |at: usize, bytes: &[u8]| setup[at..at + bytes.len()].copy_from_slice(bytes);
    let offset = (places.cmdline - places.setup) as u32;
    if header.version >= VERSION_CMDLINE {
        put(0x228, &(places.cmdline as u32).to_le_bytes());
    } else {
        put(0x20, &CMDLINE_MAGIC.to_le_bytes());
        put(0x22, &(offset as u16).to_le_bytes());
    }
    put(0x1fa, &video_mode(cmdline).to_le_bytes());
    put(0x210, &[LOADER_UNDEFINED]);
    put(0x218, &(ramdisk.0 as u32).to_le_bytes());
    put(0x21c, &(ramdisk.1 as u32).to_le_bytes());
    if header.version >= VERSION_HEAP {
        put(0x211, &[header.loadflags | CAN_USE_HEAP]);
        put(0x224, &((offset - STACK_LEN as u32) as u16).to_le_bytes());
    }
    setup
}

/// `vid_mode`, "Special Command Line Options": the loader reads `vga=` for the setup code.
fn video_mode(cmdline: &str) -> u16 {
    const NORMAL: u16 = 0xffff;
    let wanted = cmdline.split_whitespace().rev().find_map(|word| word.strip_prefix("vga="));
    match wanted {
        None | Some("normal") => NORMAL,
        Some("ext") => 0xfffe,
        Some("ask") => 0xfffd,
        Some(number) => {
            let digits = number.strip_prefix("0x").map(|hex| u16::from_str_radix(hex, 16));
            digits.unwrap_or_else(|| number.parse()).unwrap_or(NORMAL)
        }
    }
}
