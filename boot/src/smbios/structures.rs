//! The SMBIOS structures, byte by byte: SMBIOS Specification 2.8, "Structure Definitions".
//!
//! Handles are the structure type times 256 plus a running number.

use crate::e820::{self, Region};
use crate::platform::Platform;

const MANUFACTURER: &str = "bootscope";
const PRODUCT: &str = "PC";
/// "BIOS Release Date", mm/dd/yyyy. Fixed: a build's date would make builds differ.
const RELEASE_DATE: &str = "01/01/2020";

/// "Other" of most enumerations.
const OTHER: u8 = 1;
/// "Unknown" of most enumerations.
const UNKNOWN: u8 = 2;
/// "Safe" of the chassis states.
const SAFE: u8 = 3;
/// "No error information structure".
const NO_ERROR_HANDLE: u16 = 0xfffe;
/// "Unknown" of 16-bit widths, and "no such structure" of cache handles.
const NONE: u16 = 0xffff;
/// A memory device is at most so long, in bytes, unless that makes more than [`DEVICES_MAX`].
const DEVICE_MAX: u64 = 16 << 30;
/// More memory devices than that are made larger instead.
const DEVICES_MAX: u64 = 64;

/// One structure in the making: its formatted part, then its strings.
struct Structure {
    bytes: Vec<u8>,
    strings: Vec<u8>,
    count: u8,
}

impl Structure {
    /// The header; the length is filled in by [`Structure::finish`].
    fn new(kind: u8, number: u8) -> Self {
        let bytes = vec![kind, 0, number, kind];
        Self { bytes, strings: Vec::new(), count: 0 }
    }
    fn u8(mut self, value: u8) -> Self {
        self.bytes.push(value);
        self
    }
    fn u16(mut self, value: u16) -> Self {
        self.bytes.extend(value.to_le_bytes());
        self
    }
    fn u32(mut self, value: u32) -> Self {
        self.bytes.extend(value.to_le_bytes());
        self
    }
    fn u64(mut self, value: u64) -> Self {
        self.bytes.extend(value.to_le_bytes());
        self
    }
    fn zeros(mut self, count: usize) -> Self {
        self.bytes.resize(self.bytes.len() + count, 0);
        self
    }
    /// A field that counts strings from 1; an empty one is 0, "no string". NULs end strings, so a text
    /// is cut at one.
    fn text(mut self, text: &str) -> Self {
        const TEXT_MAX: usize = 64;
        let text: Vec<u8> = text.bytes().take_while(|&byte| byte != 0).take(TEXT_MAX).collect();
        if text.is_empty() {
            return self.u8(0);
        }
        self.strings.extend(text);
        self.strings.push(0);
        self.count += 1;
        let count = self.count;
        self.u8(count)
    }
    /// The finished structure: two NULs end it, the second of them after its last string.
    fn finish(mut self) -> Vec<u8> {
        self.bytes[1] = self.bytes.len() as u8;
        if self.strings.is_empty() {
            self.strings.push(0);
        }
        self.bytes.append(&mut self.strings);
        self.bytes.push(0);
        self.bytes
    }
}

/// Every structure, in ascending order of types.
pub(super) fn all(platform: &Platform, ram_bytes: u64) -> Vec<Vec<u8>> {
    let mut out = vec![bios(), system(platform), chassis(platform)];
    out.extend((0..platform.cpus).map(|index| processor(platform, index)));
    let ram_bytes = ram_bytes.max(1 << 20);
    let device = DEVICE_MAX.max(ram_bytes.div_ceil(DEVICES_MAX));
    let devices = ram_bytes.div_ceil(device);
    out.push(memory_array(ram_bytes, devices as u16));
    for index in 0..devices {
        out.push(memory_device(index as u8, device.min(ram_bytes - index * device)));
    }
    let map = e820::memory_map(ram_bytes);
    out.extend((0..).zip(mapped_ranges(&map)).map(|(index, range)| mapped(index, range)));
    out.push(Structure::new(32, 0).zeros(6).u8(0).finish()); // boot status: no errors
    out.push(Structure::new(127, 0).finish());
    out
}

fn bios() -> Vec<u8> {
    /// "BIOS characteristics are not supported".
    const CHARACTERISTICS: u64 = 1 << 3;
    /// "Enable targeted content distribution" and "SMBIOS table describes a virtual machine".
    const EXTENSION_2: u8 = 1 << 2 | 1 << 4;
    Structure::new(0, 0)
        .text(MANUFACTURER)
        .text(env!("CARGO_PKG_VERSION"))
        .u16(0xe800) // starting segment, as QEMU's
        .text(RELEASE_DATE)
        .u8(0) // ROM size: 64 KiB
        .u64(CHARACTERISTICS)
        .u8(0)
        .u8(EXTENSION_2)
        .u16(0) // BIOS release 0.0
        .u16(0xffff) // no embedded controller
        .finish()
}

fn system(platform: &Platform) -> Vec<u8> {
    const POWER_SWITCH: u8 = 6;
    let mut structure = Structure::new(1, 0).text(MANUFACTURER).text(PRODUCT).text("1").text("");
    // "UUID": the first three fields are little endian in the table.
    let uuid = platform.uuid;
    for index in [3, 2, 1, 0, 5, 4, 7, 6].into_iter().chain(8..16) {
        structure = structure.u8(uuid[index]);
    }
    structure.u8(POWER_SWITCH).text("").text("").finish()
}

fn chassis(platform: &Platform) -> Vec<u8> {
    Structure::new(3, 0)
        .text(MANUFACTURER)
        .u8(OTHER)
        .text("1")
        .text("")
        .text(&platform.name)
        .u8(SAFE) // boot-up state
        .u8(SAFE) // power supply
        .u8(SAFE) // thermal
        .u8(UNKNOWN) // security
        .zeros(4 + 2 + 2) // OEM, height, power cords, contained elements and their length
        .text("")
        .finish()
}

fn processor(platform: &Platform, index: u8) -> Vec<u8> {
    const CENTRAL: u8 = 3;
    /// "Socket populated" and "CPU enabled".
    const STATUS: u8 = 0x41;
    let (signature, features) = platform.cpu_signature;
    Structure::new(4, index)
        .text(&format!("CPU {index}"))
        .u8(CENTRAL)
        .u8(OTHER)
        .text(MANUFACTURER)
        .u32(signature)
        .u32(features)
        .text("")
        .u8(0) // voltage
        .u16(0) // external clock unknown
        .u16(platform.cpu_mhz)
        .u16(platform.cpu_mhz)
        .u8(STATUS)
        .u8(OTHER) // upgrade
        .u16(NONE)
        .u16(NONE)
        .u16(NONE)
        .zeros(3) // serial number, asset tag, part number
        .u8(1) // cores
        .u8(1) // of these enabled
        .u8(1) // threads
        .u16(2) // characteristics unknown
        .u16(OTHER.into())
        .finish()
}

fn memory_array(ram_bytes: u64, devices: u16) -> Vec<u8> {
    const SYSTEM_MEMORY: u8 = 3;
    const MULTI_BIT_ECC: u8 = 6;
    /// In KiB; then the extended field counts, in bytes.
    const CAPACITY_EXTENDED: u32 = 0x8000_0000;
    let (capacity, extended) = match u32::try_from(ram_bytes >> 10) {
        Ok(kib) if kib < CAPACITY_EXTENDED => (kib, 0),
        _ => (CAPACITY_EXTENDED, ram_bytes),
    };
    Structure::new(16, 0)
        .u8(OTHER)
        .u8(SYSTEM_MEMORY)
        .u8(MULTI_BIT_ECC)
        .u32(capacity)
        .u16(NO_ERROR_HANDLE)
        .u16(devices)
        .u64(extended)
        .finish()
}

fn memory_device(index: u8, len: u64) -> Vec<u8> {
    const DIMM: u8 = 9;
    const RAM: u8 = 7;
    const DETAIL_OTHER: u16 = 1 << 1;
    /// In MiB; then the extended field counts.
    const SIZE_EXTENDED: u16 = 0x7fff;
    let mib = len >> 20;
    let (size, extended) = match u16::try_from(mib) {
        Ok(size) if size < SIZE_EXTENDED => (size, 0),
        _ => (SIZE_EXTENDED, mib as u32),
    };
    Structure::new(17, index)
        .u16(0x1000) // the array
        .u16(NO_ERROR_HANDLE)
        .u16(NONE)
        .u16(NONE)
        .u16(size)
        .u8(DIMM)
        .u8(0) // of no set
        .text(&format!("DIMM {index}"))
        .text("")
        .u8(RAM)
        .u16(DETAIL_OTHER)
        .u16(0) // speed unknown
        .text(MANUFACTURER)
        .zeros(3 + 1) // serial number, asset tag, part number; rank unknown
        .u32(extended)
        .zeros(2 * 4) // configured clock, voltages: unknown
        .finish()
}

/// RAM from 0 to the chip windows, and from 4 GiB: as (first byte, end).
fn mapped_ranges(map: &[Region]) -> Vec<(u64, u64)> {
    let high = crate::layout::HIGH_RAM;
    let ends: Vec<u64> = map.iter().map(|region| region.range().end).collect();
    let low = ends.iter().copied().filter(|&end| end <= high).max().unwrap_or(0);
    let top = ends.into_iter().filter(|&end| end > high).max();
    let mut out = vec![(0, low)];
    out.extend(top.map(|end| (high, end)));
    out
}

fn mapped(index: u8, (start, end): (u64, u64)) -> Vec<u8> {
    let kib = |addr: u64| u32::try_from(addr >> 10).ok().filter(|&kib| kib != u32::MAX);
    let structure = Structure::new(19, index);
    let (structure, extended) = match (kib(start), kib(end - 1)) {
        (Some(first), Some(last)) => (structure.u32(first).u32(last), (0, 0)),
        _ => (structure.u32(u32::MAX).u32(u32::MAX), (start, end - 1)),
    };
    structure.u16(0x1000).u8(1).u64(extended.0).u64(extended.1).finish()
}
