//! A bzImage for `linuxboot_dma.bin` and qboot: QEMU `hw/i386/x86.c`, `x86_load_linux`; Linux
//! `Documentation/x86/boot.rst`, "The Real-Mode Kernel Header".

use super::{Draft, Item, add_ramdisk, bytes_of, nul_terminated};
use crate::error::{BootError, Part};
use crate::linux::{LOADED_HIGH, SetupHeader};
use crate::plan::Request;
use crate::protocol::Protocol;

/// `type_of_loader` that QEMU has been assigned, version 0.
const LOADER_QEMU: u8 = 0xb0;
/// `loadflags`: heap_end_ptr is valid.
const CAN_USE_HEAP: u8 = 0x80;
/// Where the parts go for a kernel that is loaded high.
const HIGH: Places = Places { setup: 0x1_0000, cmdline: 0x2_0000, kernel: 0x10_0000 };
/// The same before protocol 2.02, whose kernels look for the command line in the setup part's segment.
const HIGH_OLD: Places = Places { setup: 0x9_0000, cmdline: 0x9_a000 - 0x800, kernel: 0x10_0000 };
/// Where the parts go for a zImage.
const LOW: Places = Places { setup: 0x9_0000, cmdline: 0x9_a000 - 0x800, kernel: 0x1_0000 };
/// Bytes between the end of the heap and the command line.
const HEAP_GAP: u32 = 0x200;
/// XLF bit 1: the kernel finds a ramdisk above what the header's field says, up to 4 GiB.
const XLF_ABOVE_4G: u16 = 1 << 1;

struct Places {
    setup: u32,
    cmdline: u32,
    kernel: u32,
}

/// Adds the kernel's items.
pub(super) fn add(draft: &mut Draft, request: &Request<'_>) -> Result<(), BootError> {
    let header = SetupHeader::parse(request.kernel)?;
    let (len, max) = (request.cmdline.len(), header.cmdline_size as usize);
    if len > max {
        return Err(BootError::CommandLineTooLong { len, max });
    }
    let high = header.loadflags & LOADED_HIGH != 0;
    let places = match high {
        false => LOW,
        true if header.version < 0x202 => HIGH_OLD,
        true => HIGH,
    };
    header.check_place()?;
    let (setup, text) = (u64::from(places.setup), u64::from(places.cmdline));
    draft.claim("setup code", setup..setup + header.kernel_offset())?;
    draft.claim("command line", text..text + len as u64 + 1)?;
    let (start, size) = (u64::from(places.kernel), request.kernel.len() - header.kernel_offset());
    draft.claim("kernel", start..start + size)?;
    if header.init_size != 0 {
        // Where it unpacks itself: nobody else may be there.
        let from = header.start().max(start);
        let needed = from.saturating_add(header.room());
        if !draft.ledger.is_ram(&(from..needed)) {
            return Err(BootError::KernelNeedsRam { needed, ram: request.ram_bytes });
        }
        let behind = from.max(start + size);
        if behind < needed {
            draft.claim("kernel, room to unpack", behind..needed)?;
        }
    }
    let initrd_max = match header.xloadflags & XLF_ABOVE_4G {
        0 => header.initrd_addr_max,
        _ => u32::MAX,
    };
    add_ramdisk(draft, request, Protocol::Linux16, u64::from(initrd_max) + 1)?;
    let kernel = bytes_of(request.kernel, Part::Kernel, header.kernel_offset(), size)?;
    let mut setup = bytes_of(request.kernel, Part::Kernel, 0, header.kernel_offset())?;
    let ramdisk = draft.items.initrd.as_ref().map(|item| (item.addr, item.bytes.len() as u32));
    fill_header(&mut setup, header.version, &places, ramdisk.unwrap_or_default());
    draft.explanation.push(format!("kernel: {size} bytes at {:#x}", places.kernel));
    let items = &mut draft.items;
    items.kernel = Some(Item { addr: places.kernel, bytes: kernel });
    items.setup = Some(Item { addr: places.setup, bytes: setup });
    items.cmdline = Some(Item { addr: places.cmdline, bytes: nul_terminated(request.cmdline) });
    Ok(())
}

/// The loader's fields, as far as the protocol has them.
fn fill_header(setup: &mut [u8], version: u16, places: &Places, ramdisk: (u32, u32)) {
    let mut put = |at: usize, bytes: &[u8]| {
        if let Some(field) = setup.get_mut(at..at + bytes.len()) {
            field.copy_from_slice(bytes);
        }
    };
    put(0x210, &[LOADER_QEMU]);
    put(0x218, &ramdisk.0.to_le_bytes());
    put(0x21c, &ramdisk.1.to_le_bytes());
    if version >= 0x202 {
        put(0x228, &places.cmdline.to_le_bytes());
    } else {
        put(0x20, &0xa33fu16.to_le_bytes());
        put(0x22, &((places.cmdline - places.setup) as u16).to_le_bytes());
    }
    if version >= 0x201 {
        let heap_end = places.cmdline - places.setup - HEAP_GAP;
        put(0x224, &(heap_end as u16).to_le_bytes());
        let flags = setup.get(0x211).copied().unwrap_or(0) | CAN_USE_HEAP;
        if let Some(field) = setup.get_mut(0x211) {
            *field = flags;
        }
    }
}
