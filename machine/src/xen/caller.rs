//! Who calls: number and arguments of a hypercall, and the guest's memory through the guest's paging.
//!
//! `public/arch-x86/xen-x86_64.h` and `xen-x86_32.h`: 64-bit code has the number in RAX and the arguments in
//! RDI, RSI, RDX, R10, R8, R9; other code in EAX and EBX, ECX, EDX, ESI, EDI, EBP. The result is in RAX or EAX.
//! Structures of 32-bit code have handles and longs of 4 bytes. Error numbers: `public/errno.h`.

use arch::time::Instant;
use boot::entry::gpr as reg;
use cpu::Cpu;
use cpu::walk::Intent;
use memory::{Memory, PAGE_SIZE, PhysAddr};

/// The registers with the arguments of 64-bit code.
const WIDE: [usize; 6] = [reg::RDI, reg::RSI, reg::RDX, reg::R10, reg::R8, reg::R9];
/// Those of other code.
const NARROW: [usize; 6] = [reg::RBX, reg::RCX, reg::RDX, reg::RSI, reg::RDI, reg::RBP];

/// Why an operation is refused.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
#[repr(i64)]
#[allow(missing_docs, reason = "the names are the header's")]
pub(crate) enum Errno {
    Perm = 1,
    NoEnt = 2,
    Srch = 3,
    TooBig = 7,
    Fault = 14,
    Exist = 17,
    Inval = 22,
    NoSpc = 28,
    NoSys = 38,
    NoData = 61,
    Time = 62,
}

impl Errno {
    /// As a hypercall returns it.
    pub(super) fn result(self) -> i64 {
        -(self as i64)
    }
}

/// What a hypercall returns.
pub(super) type Answer = Result<i64, Errno>;

/// The guest at its hypercall.
pub(super) struct Caller<'a> {
    cpu: &'a Cpu,
    pub(super) memory: &'a Memory,
    /// 64-bit code.
    pub(super) wide: bool,
    pub(super) now: Instant,
}

impl<'a> Caller<'a> {
    pub(super) fn new(cpu: &'a Cpu, memory: &'a Memory, now: Instant) -> Self {
        Self { cpu, memory, wide: cpu.mode64(), now }
    }

    /// Number and arguments.
    pub(super) fn call(&self) -> (u64, [u64; 6]) {
        let mask = if self.wide { u64::MAX } else { 0xffff_ffff };
        let places = if self.wide { WIDE } else { NARROW };
        let value = |n: usize| self.cpu.gpr(n as u8) & mask;
        (value(reg::RAX), places.map(value))
    }

    /// Only a kernel in protected mode may call.
    pub(super) fn may_call(&self) -> bool {
        self.cpu.protected_mode() && !self.cpu.v8086() && self.cpu.cpl() == 0
    }

    /// Bytes of a long and of a handle.
    pub(super) fn long(&self) -> usize {
        if self.wide { 8 } else { 4 }
    }

    /// Reads a structure at a linear address.
    pub(super) fn read<const N: usize>(&self, at: u64) -> Result<Fields<N>, Errno> {
        let mut bytes = [0; N];
        self.read_bytes(at, &mut bytes)?;
        Ok(Fields(bytes))
    }

    /// Reads the first `len` bytes of a structure, which is shorter for 32-bit code.
    pub(super) fn read_short<const N: usize>(
        &self,
        at: u64,
        len: usize,
    ) -> Result<Fields<N>, Errno> {
        let mut bytes = [0; N];
        self.read_bytes(at, &mut bytes[..len.min(N)])?;
        Ok(Fields(bytes))
    }

    /// Reads bytes at a linear address.
    pub(super) fn read_bytes(&self, at: u64, out: &mut [u8]) -> Result<(), Errno> {
        if self.cpu.guest_read(self.memory, at, out) { Ok(()) } else { Err(Errno::Fault) }
    }

    /// Writes bytes at a linear address.
    pub(super) fn write(&self, at: u64, bytes: &[u8]) -> Result<(), Errno> {
        if self.cpu.guest_write(self.memory, at, bytes) { Ok(()) } else { Err(Errno::Fault) }
    }

    /// Writes 32 bits.
    pub(super) fn write_u32(&self, at: u64, value: u32) -> Result<(), Errno> {
        self.write(at, &value.to_le_bytes())
    }

    /// Physical address of `len` bytes that the guest may write, within one page; EINVAL across pages.
    pub(super) fn place(&self, linear: u64, len: u64) -> Result<u64, Errno> {
        let phys = self.cpu.guest_translate(self.memory, linear, Intent::Write);
        let phys = phys.ok_or(Errno::Fault)?;
        if phys.page_offset() > PAGE_SIZE - len {
            return Err(Errno::Inval);
        }
        self.memory.check_writable(phys, len).map_err(|_| Errno::Fault)?;
        Ok(phys.0)
    }

    /// True if the page is RAM that the guest may write.
    pub(super) fn is_ram_page(&self, frame: u64) -> bool {
        let addr = frame.checked_mul(PAGE_SIZE);
        addr.is_some_and(|addr| self.memory.check_writable(PhysAddr(addr), PAGE_SIZE).is_ok())
    }
}

/// The bytes of a structure; fields by their offsets, little-endian. Fields outside read as 0.
pub(super) struct Fields<const N: usize>(pub(super) [u8; N]);

impl<const N: usize> Fields<N> {
    fn field<const L: usize>(&self, at: usize) -> [u8; L] {
        let mut out = [0; L];
        if let Some(bytes) = self.0.get(at..at + L) {
            out.copy_from_slice(bytes);
        }
        out
    }
    pub(super) fn u8(&self, at: usize) -> u8 {
        self.field::<1>(at)[0]
    }
    pub(super) fn u16(&self, at: usize) -> u16 {
        u16::from_le_bytes(self.field(at))
    }
    pub(super) fn u32(&self, at: usize) -> u32 {
        u32::from_le_bytes(self.field(at))
    }
    pub(super) fn u64(&self, at: usize) -> u64 {
        u64::from_le_bytes(self.field(at))
    }
    /// A long or a handle of `len` bytes.
    pub(super) fn long(&self, at: usize, len: usize) -> u64 {
        if len == 8 { self.u64(at) } else { u64::from(self.u32(at)) }
    }
}
