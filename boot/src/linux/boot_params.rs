//! `struct boot_params`, the "zero page": Linux `Documentation/x86/zero-page.rst`.
//!
//! Zero except what the loader sets, then the setup header as the file has it with the loader's own
//! fields filled in. A memory map of more rows than the page holds goes on in a setup_data. Not filled:
//! EDD, APM, video modes, EFI.

use super::header::{HEADER, SetupHeader};
use crate::e820::Region;

/// Length in bytes.
const SIZE: usize = 0x1000;
/// Rows of the map that fit into the page.
const E820_MAX: usize = 128;
/// Bytes of a row.
const E820_ROW: usize = 20;
/// `SETUP_E820_EXT`, the rows that do not fit.
const SETUP_E820_EXT: u32 = 1;
/// `type_of_loader` of a loader without an assigned number.
pub(super) const LOADER_UNDEFINED: u8 = 0xff;

/// What the loader tells the kernel.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct BootParams<'a> {
    /// The kernel's own header.
    pub header: &'a SetupHeader,
    /// Load address of the protected-mode part.
    pub load: u64,
    /// Physical address of the command line, below 4 GiB.
    pub cmdline: u32,
    /// Ramdisk: address and length, both 0 without one.
    pub ramdisk: (u64, u64),
    /// Physical address of the RSDP, 0 without ACPI.
    pub rsdp: u64,
    /// The memory map.
    pub e820: &'a [Region],
    /// Physical address of [`setup_data`], 0 without.
    pub setup_data: u64,
    /// A VGA text screen of 80 x 25 is on.
    pub vga_text: bool,
}

/// A row of the map: first byte, length, type.
fn row(region: &Region) -> [u8; E820_ROW] {
    let mut out = [0; E820_ROW];
    out[0..8].copy_from_slice(&region.addr.to_le_bytes());
    out[8..16].copy_from_slice(&region.len.to_le_bytes());
    out[16..20].copy_from_slice(&(region.kind as u32).to_le_bytes());
    out
}

/// `struct setup_data` with the rows of the map that the page has no room for: next, type, length,
/// rows. Nothing if the page holds them all.
pub fn setup_data(e820: &[Region]) -> Option<Vec<u8>> {
    let rest = e820.get(E820_MAX..).filter(|rest| !rest.is_empty())?;
    let rows: Vec<u8> = rest.iter().flat_map(row).collect();
    let mut out = vec![0; 8];
    out.extend(SETUP_E820_EXT.to_le_bytes());
    out.extend((rows.len() as u32).to_le_bytes());
    out.extend(rows);
    Some(out)
}

impl BootParams<'_> {
    /// The page as it lies in guest memory. The sentinel at 0x1ef stays 0, so that the kernel keeps
    /// the fields instead of clearing them.
    pub fn to_bytes(&self) -> Vec<u8> {
        let mut out = vec![0; SIZE];
        let mut put = |at: usize, bytes: &[u8]| out[at..at + bytes.len()].copy_from_slice(bytes);
        if self.vga_text {
            // struct screen_info: mode 3, 80 columns, 25 lines, is VGA, 16 points
            put(0x06, &[0x03, 80]);
            put(0x0e, &[25, 1, 16]);
        }
        put(0x070, &self.rsdp.to_le_bytes());
        let rows = self.e820.len().min(E820_MAX);
        put(0x1e8, &[rows as u8]);
        put(HEADER, &self.header.bytes[..self.header.bytes.len().min(0x290 - HEADER)]);
        put(0x1fa, &0xffffu16.to_le_bytes()); // vid_mode "normal"
        put(0x210, &[LOADER_UNDEFINED]);
        put(0x214, &(self.load as u32).to_le_bytes()); // code32_start
        for (low, high, value) in [(0x218, 0xc0, self.ramdisk.0), (0x21c, 0xc4, self.ramdisk.1)] {
            put(low, &(value as u32).to_le_bytes());
            put(high, &((value >> 32) as u32).to_le_bytes()); // ext_ramdisk_image, _size
        }
        put(0x228, &self.cmdline.to_le_bytes());
        put(0x250, &self.setup_data.to_le_bytes());
        for (index, region) in self.e820.iter().take(rows).enumerate() {
            put(0x2d0 + E820_ROW * index, &row(region));
        }
        out
    }
}
