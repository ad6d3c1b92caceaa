//! A multiboot 1 kernel for `multiboot_dma.bin` and qboot: QEMU `hw/i386/multiboot.c`.
//!
//! Kernel, strings, module list and modules are one blob that the option ROM copies to the kernel's
//! lowest address; it fills memory sizes and map into the information structure itself.
//!
//! ```text
//! lowest segment                            highest end, page aligned
//! | segments, zeros between | strings, list | module 0 | module 1 ...
//! ```

use super::{Draft, Item, bytes_of};
use crate::error::{BootError, Part};
use crate::layout;
use crate::multiboot1::{Kernel, Load, module_entry};
use crate::plan::{Request, check_string};
use crate::protocol::Protocol;
use crate::reader::align_up;
use memory::PAGE_SIZE;

/// Where the option ROM puts the memory map.
const MAP_ADDR: u32 = 0x9000;
/// Where it puts the information structure.
const INFO_ADDR: u32 = 0x9500;
/// Length of the structure.
const INFO_LEN: usize = 88;
/// Flags: memory sizes, boot device, command line, modules, memory map, loader name.
const INFO_FLAGS: u32 = 1 << 0 | 1 << 1 | 1 << 2 | 1 << 3 | 1 << 6 | 1 << 9;
/// `boot_device`: first hard disk, no partition.
const BOOT_DEVICE: u32 = 0x8000_ffff;

/// Adds the kernel's items.
pub(super) fn add(draft: &mut Draft, request: &Request<'_>) -> Result<(), BootError> {
    let (count, max) = (request.modules.len(), layout::MODULES_MAX);
    if count > max {
        return Err(BootError::TooManyModules { protocol: Protocol::Multiboot1, count, max });
    }
    let kernel = Kernel::parse(request.kernel)?.ok_or_else(|| {
        let why = "it has no multiboot header in its first 8192 bytes".to_owned();
        BootError::NotOffered { wanted: Protocol::Multiboot1, why }
    })?;
    kernel.header.check_video(request.platform.vga, request.ignore_video)?;
    let base = kernel.load.pieces.iter().map(|piece| piece.range.start).min().unwrap_or(0);
    let mut blob = segments(draft, request, &kernel.load, base)?;
    let end = |blob: &Vec<u8>| base + blob.len() as u64;
    let string = |blob: &mut Vec<u8>, part, name: &str, arguments: &str| {
        let text =
            if arguments.is_empty() { name.to_owned() } else { format!("{name} {arguments}") };
        check_string(part, &text)?;
        let addr = end(blob);
        blob.extend(text.bytes().chain([0]));
        Ok::<u32, BootError>(addr as u32)
    };
    let strings_at = end(&blob);
    let cmdline = string(&mut blob, Part::CommandLine, request.kernel.name(), request.cmdline)?;
    let loader = string(&mut blob, Part::CommandLine, "bootscope", "")?;
    let mut strings = Vec::new();
    for (index, module) in request.modules.iter().enumerate() {
        let part = Part::Module(index);
        strings.push(string(&mut blob, part, module.image.name(), module.cmdline)?);
    }
    blob.resize(blob.len().next_multiple_of(4), 0);
    let (list, list_at) = (end(&blob), blob.len());
    blob.resize(list_at + 16 * count, 0);
    draft.claim("multiboot strings and module list", strings_at..end(&blob))?;
    let info_end = u64::from(INFO_ADDR) + INFO_LEN as u64;
    draft.claim("multiboot map and information", u64::from(MAP_ADDR)..info_end)?;
    for (index, module) in request.modules.iter().enumerate() {
        let start = align_up(end(&blob), PAGE_SIZE).unwrap_or(u64::MAX);
        let stop = start.saturating_add(module.image.len());
        draft.claim(&format!("module {index}"), start..stop)?;
        let bytes = bytes_of(module.image, Part::Module(index), 0, module.image.len())?;
        blob.resize((start - base) as usize, 0);
        blob.extend(bytes);
        let entry = module_entry(start as u32, stop as u32, strings[index]);
        blob[list_at + 16 * index..][..16].copy_from_slice(&entry);
    }
    draft.explanation.push(format!("multiboot: {} bytes at {base:#x}", blob.len()));
    let items = &mut draft.items;
    items.entry = Some(kernel.load.entry);
    items.kernel = Some(Item { addr: base as u32, bytes: blob });
    let info = information(cmdline, (count as u32, list as u32), loader);
    items.initrd = Some(Item { addr: INFO_ADDR, bytes: info });
    Ok(())
}

/// The segments as one run of bytes from `base` on, zeros where there is nothing.
fn segments(
    draft: &mut Draft,
    request: &Request<'_>,
    load: &Load,
    base: u64,
) -> Result<Vec<u8>, BootError> {
    for piece in &load.pieces {
        if !draft.ledger.is_ram(&piece.range) {
            let (index, range) = (piece.index, piece.range.clone());
            let ram = draft.ledger.usable().to_vec();
            return Err(BootError::SegmentOutsideRam { index, range, ram });
        }
    }
    let end = load.pieces.iter().map(|piece| piece.range.end).max().unwrap_or(base);
    draft.claim("kernel", base..end)?; // a hole between segments would be overwritten
    let mut blob = vec![0; (end - base) as usize];
    for piece in &load.pieces {
        let bytes = bytes_of(request.kernel, Part::Kernel, piece.offset, piece.filesz)?;
        let at = (piece.range.start - base) as usize;
        blob[at..at + bytes.len()].copy_from_slice(&bytes);
    }
    Ok(blob)
}

/// The information structure; the option ROM adds memory sizes and the length of the map.
fn information(cmdline: u32, modules: (u32, u32), loader: u32) -> Vec<u8> {
    let mut out = vec![0; INFO_LEN];
    let fields = [
        (0, INFO_FLAGS),
        (12, BOOT_DEVICE),
        (16, cmdline),
        (20, modules.0),
        (24, modules.1),
        (48, MAP_ADDR),
        (64, loader),
    ];
    for (at, value) in fields {
        out[at..at + 4].copy_from_slice(&value.to_le_bytes());
    }
    out
}
