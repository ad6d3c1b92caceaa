//! QEMU's firmware configuration device: QEMU `docs/specs/fw_cfg.rst`. A guest selects an item and
//! reads its bytes by port or has them put into memory by DMA; SeaBIOS, qboot and the boot option
//! ROMs get kernel, tables and machine facts from it.
//!
//! Not modelled: writable items (a DMA write is answered with the error bit; the data port ignores
//! writes, as since QEMU 2.4), items made at the moment they are selected.

mod items;
pub mod spec;
#[cfg(test)]
mod tests;

pub use items::{FileError, Items};

use memory::{Memory, NotRam, PhysAddr};
use serde::{Deserialize, Serialize};
use spec::{Descriptor, Operation, key};

/// The firmware configuration device.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct FwCfg {
    /// Not saved: a snapshot would carry kernel and initrd, which the plan of the machine has
    /// anyway. After a restore the machine calls [`FwCfg::attach`].
    #[serde(skip)]
    items: Items,
    selected: u16,
    /// Position in the selected item, in bytes.
    offset: u64,
    dma_address_high: u32,
    /// Somebody has selected the kernel, or what is told of its entry.
    #[serde(skip)]
    kernel_asked: bool,
}

impl FwCfg {
    /// A device that offers `items`.
    pub fn new(items: Items) -> Self {
        Self {
            items,
            selected: spec::key::SIGNATURE,
            offset: 0,
            dma_address_high: 0,
            kernel_asked: false,
        }
    }

    /// The reset pin: item 0 is selected.
    pub fn reset(&mut self) {
        (self.selected, self.offset, self.dma_address_high) = (spec::key::SIGNATURE, 0, 0);
    }

    /// What the device offers.
    pub fn items(&self) -> &Items {
        &self.items
    }

    /// Replaces what the device offers; the selection stays.
    pub fn attach(&mut self, items: Items) {
        self.items = items;
    }

    /// The key of the selected item, as last written.
    pub fn selected(&self) -> u16 {
        self.selected
    }

    /// Writes the selector register (16 bits at the first port).
    pub fn select(&mut self, key: u16) {
        self.selected = key & !spec::WRITE_CHANNEL;
        self.offset = 0;
        self.kernel_asked |= matches!(self.selected, key::KERNEL_DATA | key::KERNEL_ENTRY);
    }

    /// True if the guest has asked for the kernel's bytes or its entry since power-on.
    pub fn kernel_asked(&self) -> bool {
        self.kernel_asked
    }

    /// Reads a byte of the selected item; past its end, and of no item, 0.
    pub fn read_data(&mut self) -> u8 {
        let byte = self.rest().first().copied();
        self.offset += u64::from(byte.is_some());
        byte.unwrap_or(0)
    }

    /// Reads the data register once for each byte.
    pub fn read_data_to(&mut self, out: &mut [u8]) {
        let rest = self.rest();
        let len = rest.len().min(out.len());
        out[..len].copy_from_slice(&rest[..len]);
        out[len..].fill(0);
        self.offset += len as u64;
    }

    /// Reads `len` (1, 2 or 4) bytes of the DMA address register from its byte `offset`: the
    /// signature, by which guests find the DMA interface.
    pub fn read_dma(&self, offset: u8, len: u8) -> u32 {
        let mut bytes = [0; 4];
        for (at, byte) in bytes.iter_mut().take(usize::from(len)).enumerate() {
            *byte = spec::DMA_SIGNATURE.get(usize::from(offset) + at).copied().unwrap_or(0);
        }
        u32::from_le_bytes(bytes)
    }

    /// Writes 32 bits of the DMA address register at byte `offset`: 0 is the high half, 4 the low
    /// half, which starts the transfer. `value` is as the CPU puts it on the bus (little-endian); the
    /// register is big-endian. Other offsets are ignored. Returns how many bytes of memory a transfer
    /// has filled: what the host had to do.
    pub fn write_dma(&mut self, offset: u8, value: u32, memory: &Memory) -> u64 {
        match offset {
            0 => {
                self.dma_address_high = value.swap_bytes();
                0
            }
            4 => {
                let high = u64::from(std::mem::take(&mut self.dma_address_high));
                self.transfer(PhysAddr(high << 32 | u64::from(value.swap_bytes())), memory)
            }
            _ => 0,
        }
    }

    /// Carries out the descriptor at `at` and answers in its control field: 0, or the error bit. A
    /// descriptor that is not in RAM cannot be answered. Returns the bytes of memory filled.
    fn transfer(&mut self, at: PhysAddr, memory: &Memory) -> u64 {
        let mut bytes = [0; Descriptor::SIZE];
        let done = memory
            .read(at, &mut bytes)
            .and_then(|()| self.carry_out(Descriptor::from_bytes(bytes), at, memory));
        let control = if done.is_ok() { 0 } else { Descriptor::ERROR };
        let _ = memory.write(at, &control.to_be_bytes());
        done.unwrap_or(0)
    }

    fn carry_out(
        &mut self,
        descriptor: Descriptor,
        at: PhysAddr,
        memory: &Memory,
    ) -> Result<u64, NotRam> {
        if let Some(key) = descriptor.select() {
            self.select(key);
        }
        let length = u64::from(descriptor.length);
        match descriptor.operation() {
            Operation::Read => {
                self.read_to(descriptor.address, length, memory)?;
                Ok(length)
            }
            Operation::Skip => {
                self.move_on(length);
                Ok(0)
            }
            Operation::Write if length != 0 => Err(NotRam { addr: at }), // no item is writable
            Operation::Write | Operation::Nothing => Ok(0),
        }
    }

    /// The rest of the item, then zeros. Writes nothing if any byte of the range is not RAM.
    fn read_to(&mut self, to: PhysAddr, length: u64, memory: &Memory) -> Result<(), NotRam> {
        memory.check_writable(to, length)?;
        let bytes = self.rest();
        let from_item = length.min(bytes.len() as u64);
        memory.write(to, &bytes[..from_item as usize])?;
        if from_item < length {
            memory.fill(PhysAddr(to.0 + from_item), length - from_item, 0)?;
        }
        self.move_on(length);
        Ok(())
    }

    fn rest(&self) -> &[u8] {
        let item = self.items.get(self.selected).unwrap_or(&[]);
        usize::try_from(self.offset).ok().and_then(|offset| item.get(offset..)).unwrap_or(&[])
    }

    fn move_on(&mut self, bytes: u64) {
        self.offset += bytes.min(self.rest().len() as u64);
    }
}
