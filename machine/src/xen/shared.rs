//! `shared_info` and `vcpu_info`: `public/xen.h`, `public/arch-x86/xen.h`.
//!
//! The page exists before the guest says where it wants to see it; until then it is kept here. The layout of
//! the page follows the code that set it up, 32 or 64 bits wide.

use memory::{Memory, PAGE_SIZE, PhysAddr};
use serde::Serialize;

/// Offsets in the structures.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) struct Layout {
    /// Bits in a word of events.
    pub(super) word_bits: u32,
    /// `vcpu_info.evtchn_pending_sel`.
    selector: u64,
    /// `shared_info.evtchn_pending`, one bit a port.
    pending: u64,
    /// `shared_info.evtchn_mask`.
    mask: u64,
    /// `shared_info.wc_version`, then seconds and nanoseconds.
    wall_clock: u64,
    /// Seconds, upper half.
    wall_clock_high: u64,
}

const WIDE: Layout = Layout {
    word_bits: 64,
    selector: 8,
    pending: 2048,
    mask: 2560,
    wall_clock: 3072,
    wall_clock_high: 3084,
};
const NARROW: Layout = Layout {
    word_bits: 32,
    selector: 4,
    pending: 2048,
    mask: 2176,
    wall_clock: 2304,
    wall_clock_high: 2340,
};

/// `vcpu_info.evtchn_upcall_pending` and `evtchn_upcall_mask`.
const UPCALL_PENDING: u64 = 0;
const UPCALL_MASK: u64 = 1;
/// `vcpu_info.time`, the same in both layouts.
const TIME: u64 = 32;
/// Bytes of `vcpu_info`.
pub(super) const VCPU_INFO: u64 = 64;

/// Where the structures are.
#[derive(Clone, PartialEq, Serialize)]
pub(super) struct Shared {
    /// The page while no address shows it.
    hidden: Vec<u8>,
    /// Physical address of the page.
    at: Option<u64>,
    /// Physical address of `vcpu_info`, if the guest put it elsewhere.
    vcpu_info: Option<u64>,
    /// The guest is 32 bits wide.
    narrow: bool,
}

impl Shared {
    /// At a domain's start.
    pub(super) fn new() -> Self {
        Self { hidden: vec![0; PAGE_SIZE as usize], at: None, vcpu_info: None, narrow: false }
    }

    pub(super) fn layout(&self) -> &'static Layout {
        if self.narrow { &NARROW } else { &WIDE }
    }

    /// The width of the guest from now on; true if it changes.
    pub(super) fn set_narrow(&mut self, narrow: bool) -> bool {
        core::mem::replace(&mut self.narrow, narrow) != narrow
    }

    // ---- places ----

    /// Shows the page at another address, with what is in it. The address is that of a page of RAM.
    pub(super) fn show(&mut self, memory: &Memory, at: u64) {
        let mut bytes = core::mem::take(&mut self.hidden);
        bytes.resize(PAGE_SIZE as usize, 0);
        if let Some(old) = self.at {
            // What no longer is RAM reads as zeros.
            let _ = memory.read(PhysAddr(old), &mut bytes);
        }
        let _ = memory.write(PhysAddr(at), &bytes);
        self.at = Some(at);
    }

    /// Moves `vcpu_info` to RAM of the guest's choice. False if it was moved before.
    pub(super) fn move_vcpu_info(&mut self, memory: &Memory, at: u64) -> bool {
        if self.vcpu_info.is_some() {
            return false;
        }
        let mut bytes = [0; VCPU_INFO as usize];
        self.read(memory, 0, &mut bytes);
        let _ = memory.write(PhysAddr(at), &bytes);
        self.vcpu_info = Some(at);
        true
    }

    fn read(&self, memory: &Memory, offset: u64, out: &mut [u8]) {
        match self.at {
            Some(at) => {
                let _ = memory.read(PhysAddr(at + offset), out);
            }
            None => {
                let from = offset as usize;
                if let Some(bytes) = self.hidden.get(from..from + out.len()) {
                    out.copy_from_slice(bytes);
                }
            }
        }
    }

    fn write(&mut self, memory: &Memory, offset: u64, bytes: &[u8]) {
        match self.at {
            Some(at) => {
                let _ = memory.write(PhysAddr(at + offset), bytes);
            }
            None => {
                let from = offset as usize;
                if let Some(place) = self.hidden.get_mut(from..from + bytes.len()) {
                    place.copy_from_slice(bytes);
                }
            }
        }
    }

    fn read_vcpu(&self, memory: &Memory, offset: u64, out: &mut [u8]) {
        match self.vcpu_info {
            Some(at) => {
                let _ = memory.read(PhysAddr(at + offset), out);
            }
            None => self.read(memory, offset, out),
        }
    }

    fn write_vcpu(&mut self, memory: &Memory, offset: u64, bytes: &[u8]) {
        match self.vcpu_info {
            Some(at) => {
                let _ = memory.write(PhysAddr(at + offset), bytes);
            }
            None => self.write(memory, offset, bytes),
        }
    }

    // ---- bits of events ----

    /// Sets or clears a bit of the page; what it was. The bits are in words of the layout's width, which on a
    /// little-endian machine is the same as bytes.
    fn exchange(&mut self, memory: &Memory, base: u64, bit: u32, set: bool) -> bool {
        let (offset, bit) = (base + u64::from(bit / 8), 1u8 << (bit % 8));
        let mut byte = [0];
        self.read(memory, offset, &mut byte);
        let was = byte[0] & bit != 0;
        if was != set {
            self.write(memory, offset, &[byte[0] ^ bit]);
        }
        was
    }

    fn test(&self, memory: &Memory, base: u64, bit: u32) -> bool {
        let mut byte = [0];
        self.read(memory, base + u64::from(bit / 8), &mut byte);
        byte[0] >> (bit % 8) & 1 != 0
    }

    /// Sets or clears a port's pending bit; what it was.
    pub(super) fn set_pending(&mut self, memory: &Memory, port: u32, pending: bool) -> bool {
        self.exchange(memory, self.layout().pending, port, pending)
    }

    pub(super) fn is_pending(&self, memory: &Memory, port: u32) -> bool {
        self.test(memory, self.layout().pending, port)
    }

    pub(super) fn is_masked(&self, memory: &Memory, port: u32) -> bool {
        self.test(memory, self.layout().mask, port)
    }

    /// Clears a port's mask; what it was.
    pub(super) fn unmask(&mut self, memory: &Memory, port: u32) -> bool {
        self.exchange(memory, self.layout().mask, port, false)
    }

    /// Sets the selector bit of a port's word; what it was.
    pub(super) fn select(&mut self, memory: &Memory, port: u32) -> bool {
        let bit = port / self.layout().word_bits;
        let (offset, bit) = (self.layout().selector + u64::from(bit / 8), 1u8 << (bit % 8));
        let mut byte = [0];
        self.read_vcpu(memory, offset, &mut byte);
        self.write_vcpu(memory, offset, &[byte[0] | bit]);
        byte[0] & bit != 0
    }

    /// Selects every word, after `vcpu_info` has moved: nothing may get lost.
    pub(super) fn select_all(&mut self, memory: &Memory) {
        let (offset, bytes) = (self.layout().selector, self.layout().word_bits as usize / 8);
        self.write_vcpu(memory, offset, &[0xff; 8][..bytes]);
    }

    /// Sets `evtchn_upcall_pending`; what it was.
    pub(super) fn set_upcall_pending(&mut self, memory: &Memory) -> bool {
        let was = self.is_upcall_pending(memory);
        self.write_vcpu(memory, UPCALL_PENDING, &[1]);
        was
    }

    pub(super) fn is_upcall_pending(&self, memory: &Memory) -> bool {
        let mut byte = [0];
        self.read_vcpu(memory, UPCALL_PENDING, &mut byte);
        byte[0] != 0
    }

    /// Clears `evtchn_upcall_mask`.
    pub(super) fn unmask_upcalls(&mut self, memory: &Memory) {
        self.write_vcpu(memory, UPCALL_MASK, &[0]);
    }

    // ---- time ----

    /// Writes `vcpu_time_info`, with the version that follows the one there.
    pub(super) fn write_time(&mut self, memory: &Memory, info: &mut [u8; 32]) {
        let mut version = [0; 4];
        self.read_vcpu(memory, TIME, &mut version);
        let next = (u32::from_le_bytes(version) & !1).wrapping_add(2);
        info[..4].copy_from_slice(&next.to_le_bytes());
        self.write_vcpu(memory, TIME, info);
    }

    /// The wall clock at system time 0.
    pub(super) fn write_wall_clock(&mut self, memory: &Memory, unix_s: u64) {
        let (offset, high) = (self.layout().wall_clock, self.layout().wall_clock_high);
        self.write(memory, offset, &wall_clock(unix_s));
        self.write(memory, high, &((unix_s >> 32) as u32).to_le_bytes());
    }

    /// Time and wall clock of a page that no address shows yet.
    pub(super) fn write_hidden_time(&mut self, unix_s: u64) {
        let layout = self.layout();
        let time = super::time::info(0, 0);
        for (offset, bytes) in [
            (TIME, &time[..]),
            (layout.wall_clock, &wall_clock(unix_s)[..]),
            (layout.wall_clock_high, &((unix_s >> 32) as u32).to_le_bytes()[..]),
        ] {
            let from = offset as usize;
            self.hidden[from..from + bytes.len()].copy_from_slice(bytes);
        }
    }
}

/// Version, seconds, nanoseconds.
fn wall_clock(unix_s: u64) -> [u8; 12] {
    let mut out = [0; 12];
    out[0] = 2;
    out[4..8].copy_from_slice(&(unix_s as u32).to_le_bytes());
    out
}
