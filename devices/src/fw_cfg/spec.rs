//! The words of the firmware configuration interface: QEMU `docs/specs/fw_cfg.rst`, keys of
//! `include/standard-headers/linux/qemu_fw_cfg.h` and `hw/i386/fw_cfg.h`.

use memory::PhysAddr;

/// Item numbers. `0x8000` marks those of the architecture.
#[allow(missing_docs, reason = "the names are QEMU's")]
pub mod key {
    pub const SIGNATURE: u16 = 0x00;
    pub const ID: u16 = 0x01;
    pub const UUID: u16 = 0x02;
    pub const RAM_SIZE: u16 = 0x03;
    pub const NOGRAPHIC: u16 = 0x04;
    pub const NB_CPUS: u16 = 0x05;
    pub const KERNEL_ADDR: u16 = 0x07;
    pub const KERNEL_SIZE: u16 = 0x08;
    pub const INITRD_ADDR: u16 = 0x0a;
    pub const INITRD_SIZE: u16 = 0x0b;
    pub const NUMA: u16 = 0x0d;
    pub const BOOT_MENU: u16 = 0x0e;
    pub const MAX_CPUS: u16 = 0x0f;
    pub const KERNEL_ENTRY: u16 = 0x10;
    pub const KERNEL_DATA: u16 = 0x11;
    pub const INITRD_DATA: u16 = 0x12;
    pub const CMDLINE_ADDR: u16 = 0x13;
    pub const CMDLINE_SIZE: u16 = 0x14;
    pub const CMDLINE_DATA: u16 = 0x15;
    pub const SETUP_ADDR: u16 = 0x16;
    pub const SETUP_SIZE: u16 = 0x17;
    pub const SETUP_DATA: u16 = 0x18;
    pub const FILE_DIR: u16 = 0x19;
    pub const FILE_FIRST: u16 = 0x20;
    pub const ACPI_TABLES: u16 = 0x8000;
    pub const SMBIOS_ENTRIES: u16 = 0x8001;
    pub const IRQ0_OVERRIDE: u16 = 0x8002;
    pub const E820_TABLE: u16 = 0x8003;
    pub const HPET: u16 = 0x8004;
}

/// Item 0x00.
pub const SIGNATURE: &[u8; 4] = b"QEMU";
/// Item 0x01: traditional interface and DMA.
pub const ID: u32 = 3;
/// What the DMA address register reads.
pub const DMA_SIGNATURE: &[u8; 8] = b"QEMU CFG";

/// Bit of the selector that once opened an item for writing; no part of the item number.
pub const WRITE_CHANNEL: u16 = 0x4000;

/// Slots of the file directory.
pub const FILE_SLOTS: usize = 32;
/// Bytes of a directory entry: size and key, big-endian, two bytes 0, name with its NUL.
pub const DIRECTORY_ENTRY_LEN: usize = 64;
/// Bytes of a name in the directory, with its NUL.
pub const NAME_LEN: usize = 56;
/// Bytes of the directory: count, then all slots, used or not.
pub const DIRECTORY_LEN: usize = 4 + FILE_SLOTS * DIRECTORY_ENTRY_LEN;

/// `FWCfgDmaAccess`, 16 bytes big-endian: control, length, address.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Descriptor {
    /// Control bits; the upper half is the key to select.
    pub control: u32,
    /// Bytes to transfer.
    pub length: u32,
    /// Guest-physical address of the data.
    pub address: PhysAddr,
}

impl Descriptor {
    /// Its size in bytes.
    pub const SIZE: usize = 16;
    /// Control: the transfer failed. Set by the device.
    pub const ERROR: u32 = 1 << 0;
    /// Control: item to memory.
    pub const READ: u32 = 1 << 1;
    /// Control: move on without transfer.
    pub const SKIP: u32 = 1 << 2;
    /// Control: select the item of the upper 16 bits first.
    pub const SELECT: u32 = 1 << 3;
    /// Control: memory to item.
    pub const WRITE: u32 = 1 << 4;

    /// From its bytes in memory.
    pub fn from_bytes(bytes: [u8; Self::SIZE]) -> Self {
        let bits = u128::from_be_bytes(bytes);
        Self {
            control: (bits >> 96) as u32,
            length: (bits >> 64) as u32,
            address: PhysAddr(bits as u64),
        }
    }

    /// The key to select, if asked for.
    pub const fn select(self) -> Option<u16> {
        if self.control & Self::SELECT != 0 { Some((self.control >> 16) as u16) } else { None }
    }

    /// What to do. Of several bits, read goes before write before skip.
    pub const fn operation(self) -> Operation {
        if self.control & Self::READ != 0 {
            Operation::Read
        } else if self.control & Self::WRITE != 0 {
            Operation::Write
        } else if self.control & Self::SKIP != 0 {
            Operation::Skip
        } else {
            Operation::Nothing
        }
    }
}

/// What a descriptor asks for besides a selection.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Operation {
    /// Item to memory.
    Read,
    /// Memory to item.
    Write,
    /// Move on without transfer.
    Skip,
    /// Nothing.
    Nothing,
}
