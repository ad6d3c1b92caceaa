//! `struct boot_params`, the "zero page": Linux `Documentation/x86/zero-page.rst`.
//!
//! Zero except what the loader sets, then the setup header as the file has it with the loader's own
//! fields filled in. Not filled: EDD, APM, video modes, EFI, setup_data.

use super::header::{HEADER, SetupHeader};
use crate::e820::Region;

/// Length in bytes.
const SIZE: usize = 0x1000;
/// Rows of the map that fit into the page.
const E820_MAX: usize = 128;
/// `type_of_loader` of a loader without an assigned number.
const LOADER_UNDEFINED: u8 = 0xff;

/// What the loader tells the kernel.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct BootParams<'a> {
    /// The kernel's own header.
    pub header: &'a SetupHeader,
    /// Load address of the protected-mode part.
    pub load: u32,
    /// Physical address of the command line, below 4 GiB.
    pub cmdline: u32,
    /// Ramdisk: address and length, both 0 without one.
    pub ramdisk: (u32, u32),
    /// Physical address of the RSDP, 0 without ACPI.
    pub rsdp: u64,
    /// The memory map.
    pub e820: &'a [Region],
    /// A VGA text screen of 80 x 25 is on.
    pub vga_text: bool,
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
        put(0x214, &self.load.to_le_bytes()); // code32_start
        put(0x218, &self.ramdisk.0.to_le_bytes());
        put(0x21c, &self.ramdisk.1.to_le_bytes());
        put(0x228, &self.cmdline.to_le_bytes());
        put(0x250, &0u64.to_le_bytes()); // setup_data: none
        for (index, region) in self.e820.iter().take(rows).enumerate() {
            let at = 0x2d0 + 20 * index;
            put(at, &region.addr.to_le_bytes());
            put(at + 8, &region.len.to_le_bytes());
            put(at + 16, &(region.kind as u32).to_le_bytes());
        }
        out
    }
}
