//! Hypercalls with a CPU and memory, without a board. Numbers and offsets are those of the public headers.

use super::*;
use arch::control::{cr0, cr4, efer};
use arch::segment::{SegReg, Segment, attr};
use cpu::{Config, Registers};
use memory::PhysAddr;

mod calls;
mod domain;
mod events;
mod time;

/// RAM of the domain; of it the first 2 MiB are mapped one to one for 64-bit code.
const RAM: u64 = 4 << 20;
/// Where arguments are put.
const ARGS: u64 = 0x1_0000;
/// A page for `shared_info`.
const SHARED: u64 = 0x2_0000;
const SELF: [u8; 2] = 0x7ff0u16.to_le_bytes();

const MEMORY_OP: u64 = 12;
const SET_TIMER_OP: u64 = 15;
const XEN_VERSION: u64 = 17;
const CONSOLE_IO: u64 = 18;
const VCPU_OP: u64 = 24;
const SCHED_OP: u64 = 29;
const EVENT_CHANNEL_OP: u64 = 32;
const HVM_OP: u64 = 34;

const EPERM: i64 = -1;
const ENOENT: i64 = -2;
const ESRCH: i64 = -3;
const EFAULT: i64 = -14;
const EEXIST: i64 = -17;
const EINVAL: i64 = -22;
const ENOSPC: i64 = -28;
const ENOSYS: i64 = -38;
const ETIME: i64 = -62;

struct Domain {
    xen: Xen,
    cpu: Cpu,
    memory: Memory,
    now: Instant,
}

impl Domain {
    /// In 64-bit code with paging, or in 32-bit code without.
    fn new(wide: bool) -> Self {
        let memory = Memory::new(RAM, 3 << 30).unwrap();
        for (at, entry) in [(0x1000, 0x2003u64), (0x2000, 0x3003), (0x3000, 0x83)] {
            memory.write(PhysAddr(at), &entry.to_le_bytes()).unwrap();
        }
        let mut cpu = Cpu::new(&Config::default());
        let flat = |size| Segment {
            attributes: Segment::real_mode(0).attributes | size | attr::G,
            limit: 0xffff_ffff,
            ..Segment::real_mode(8)
        };
        let mut registers = Registers { cr0: cr0::PE, rflags: 2, ..Registers::default() };
        registers.segments = [flat(attr::DB); 6];
        if wide {
            registers.cr0 |= cr0::PG | cr0::WP;
            registers.cr3 = 0x1000;
            registers.cr4 = cr4::PAE;
            registers.efer = efer::LME | efer::LMA;
            registers.segments[SegReg::Cs as usize] = flat(attr::CODE | attr::L);
        }
        cpu.set_registers(&registers);
        Self { xen: Xen::new(RAM, 1_600_000_000, true), cpu, memory, now: Instant(5_000) }
    }

    fn call(&mut self, number: u64, args: [u64; 3]) -> i64 {
        let places: [u8; 3] = if self.cpu.mode64() { [7, 6, 2] } else { [3, 1, 2] };
        self.cpu.set_gpr(0, number);
        for (place, value) in places.into_iter().zip(args) {
            self.cpu.set_gpr(place, value);
        }
        self.xen.hypercall(&self.cpu, &self.memory, self.now).result
    }

    /// A call with a command and a structure.
    fn op(&mut self, number: u64, command: u64, structure: &[&[u8]]) -> i64 {
        self.put(ARGS, &structure.concat());
        self.call(number, [command, ARGS, 0])
    }

    fn event_op(&mut self, command: u64, words: &[u32]) -> i64 {
        let bytes: Vec<u8> = words.iter().flat_map(|word| word.to_le_bytes()).collect();
        self.op(EVENT_CHANNEL_OP, command, &[&bytes])
    }

    fn vcpu_op(&mut self, command: u64, structure: &[&[u8]]) -> i64 {
        self.put(ARGS, &structure.concat());
        self.call(VCPU_OP, [command, 0, ARGS])
    }

    fn set_param(&mut self, index: u32, value: u64) -> i64 {
        let (index, value) = (index.to_le_bytes(), value.to_le_bytes());
        self.op(HVM_OP, 0, &[&SELF, &[0; 2], &index, &value])
    }

    fn get_param(&mut self, index: u32) -> Result<u64, i64> {
        let result = self.op(HVM_OP, 1, &[&SELF, &[0; 2], &index.to_le_bytes(), &[0xff; 8]]);
        if result == 0 { Ok(self.u64(ARGS + 8)) } else { Err(result) }
    }

    /// Shows the page of `shared_info`, and has upcalls by a vector.
    fn set_up(&mut self) {
        let mut words = vec![u64::from(u16::from_le_bytes(SELF)), 0];
        let at = SHARED / 4096;
        if self.cpu.mode64() {
            words.push(at);
        } else {
            words[1] = at << 32;
        }
        let bytes: Vec<u8> = words.iter().flat_map(|word| word.to_le_bytes()).collect();
        assert_eq!(self.op(MEMORY_OP, 7, &[&bytes]), 0);
        assert_eq!(self.set_param(0, 2 << 56 | 0xf3), 0);
    }

    fn put(&self, at: u64, bytes: &[u8]) {
        self.memory.write(PhysAddr(at), bytes).unwrap();
    }

    fn get<const N: usize>(&self, at: u64) -> [u8; N] {
        let mut out = [0; N];
        self.memory.read(PhysAddr(at), &mut out).unwrap();
        out
    }

    fn u32(&self, at: u64) -> u32 {
        u32::from_le_bytes(self.get(at))
    }

    fn u64(&self, at: u64) -> u64 {
        u64::from_le_bytes(self.get(at))
    }

    fn attend(&mut self, at: u64) {
        self.now = Instant(at);
        self.xen.advance(self.now);
        if self.xen.is_due() {
            self.xen.attend(&self.memory, self.now);
        }
    }
}
