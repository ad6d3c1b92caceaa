//! gdbstub's questions and their answers.

use super::debuggee::{Debuggee, Plan};
use super::description::XML;
use super::monitor;
use super::registers::{ROWS, View, total_bytes};
use core::convert::Infallible;
use core::num::NonZeroUsize;
use cpu::WatchKind;
use gdbstub::arch::{Arch, RegId, Registers};
use gdbstub::common::Signal;
use gdbstub::target::ext::base::BaseOps;
use gdbstub::target::ext::base::single_register_access::{
    SingleRegisterAccess, SingleRegisterAccessOps,
};
use gdbstub::target::ext::base::singlethread::{
    SingleThreadBase, SingleThreadResume, SingleThreadResumeOps, SingleThreadSingleStep,
    SingleThreadSingleStepOps,
};
use gdbstub::target::ext::breakpoints::{self, Breakpoints, BreakpointsOps};
use gdbstub::target::ext::monitor_cmd::{ConsoleOutput, MonitorCmd, MonitorCmdOps};
use gdbstub::target::ext::target_description_xml_override::{
    TargetDescriptionXmlOverride, TargetDescriptionXmlOverrideOps,
};
use gdbstub::target::{Target, TargetError, TargetResult};

/// Error numbers as gdb knows them.
const EFAULT: u8 = 14;
const EINVAL: u8 = 22;

/// x86-64 with the registers of this description.
pub enum X86 {}

impl Arch for X86 {
    type Usize = u64;
    type Registers = AllRegisters;
    type BreakpointKind = usize;
    type RegId = Number;
}

/// A register's number in the description.
#[derive(Clone, Copy, Debug)]
pub struct Number(usize);

impl RegId for Number {
    fn from_raw_id(id: usize) -> Option<(Self, Option<NonZeroUsize>)> {
        ROWS.get(id).map(|row| (Self(id), NonZeroUsize::new(row.bytes)))
    }
}

/// All registers as the `g` packet has them.
#[derive(Clone, PartialEq, Eq, Default, Debug)]
pub struct AllRegisters(Vec<u8>);

impl Registers for AllRegisters {
    type ProgramCounter = u64;

    /// Not asked for.
    fn pc(&self) -> u64 {
        0
    }

    fn gdb_serialize(&self, mut write_byte: impl FnMut(Option<u8>)) {
        self.0.iter().for_each(|&byte| write_byte(Some(byte)));
    }

    fn gdb_deserialize(&mut self, bytes: &[u8]) -> Result<(), ()> {
        if bytes.len() != total_bytes() {
            return Err(());
        }
        self.0 = bytes.to_vec();
        Ok(())
    }
}

impl Target for Debuggee {
    type Arch = X86;
    type Error = Infallible;

    fn base_ops(&mut self) -> BaseOps<'_, X86, Infallible> {
        BaseOps::SingleThread(self)
    }

    fn support_breakpoints(&mut self) -> Option<BreakpointsOps<'_, Self>> {
        Some(self)
    }

    fn support_monitor_cmd(&mut self) -> Option<MonitorCmdOps<'_, Self>> {
        Some(self)
    }

    fn support_target_description_xml_override(
        &mut self,
    ) -> Option<TargetDescriptionXmlOverrideOps<'_, Self>> {
        Some(self)
    }
}

impl SingleThreadBase for Debuggee {
    fn read_registers(&mut self, registers: &mut AllRegisters) -> TargetResult<(), Self> {
        let view = View::of(self);
        registers.0.clear();
        for row in ROWS.iter() {
            registers.0.extend(&view.get(row.what).to_le_bytes()[..row.bytes]);
        }
        Ok(())
    }

    /// Only what differs is written, so that what cannot be written does not matter if it is the same.
    fn write_registers(&mut self, registers: &AllRegisters) -> TargetResult<(), Self> {
        let before = View::of(self);
        let mut rest = &registers.0[..];
        for row in ROWS.iter() {
            let Some((bytes, behind)) = rest.split_at_checked(row.bytes) else {
                return Err(TargetError::Errno(EINVAL));
            };
            rest = behind;
            let value = value_of(bytes);
            if value != before.get(row.what) && !self.set_register(row.what, value) {
                return Err(TargetError::Errno(EINVAL));
            }
        }
        Ok(())
    }

    fn support_single_register_access(&mut self) -> Option<SingleRegisterAccessOps<'_, (), Self>> {
        Some(self)
    }

    fn read_addrs(&mut self, start: u64, data: &mut [u8]) -> TargetResult<usize, Self> {
        match self.read_guest(start, data) {
            0 if !data.is_empty() => Err(TargetError::Errno(EFAULT)),
            read => Ok(read),
        }
    }

    fn write_addrs(&mut self, start: u64, data: &[u8]) -> TargetResult<(), Self> {
        if self.write_guest(start, data) { Ok(()) } else { Err(TargetError::Errno(EFAULT)) }
    }

    fn support_resume(&mut self) -> Option<SingleThreadResumeOps<'_, Self>> {
        Some(self)
    }
}

/// A little-endian value of at most 16 bytes.
fn value_of(bytes: &[u8]) -> u128 {
    bytes.iter().rev().fold(0, |value, &byte| value << 8 | u128::from(byte))
}

impl SingleRegisterAccess<()> for Debuggee {
    fn read_register(
        &mut self,
        (): (),
        Number(number): Number,
        buf: &mut [u8],
    ) -> TargetResult<usize, Self> {
        let Some(row) = ROWS.get(number) else { return Err(TargetError::Errno(EINVAL)) };
        let Some(out) = buf.get_mut(..row.bytes) else { return Err(TargetError::Errno(EINVAL)) };
        out.copy_from_slice(&View::of(self).get(row.what).to_le_bytes()[..row.bytes]);
        Ok(row.bytes)
    }

    fn write_register(
        &mut self,
        (): (),
        Number(number): Number,
        val: &[u8],
    ) -> TargetResult<(), Self> {
        match ROWS.get(number).filter(|row| row.bytes == val.len()) {
            Some(row) if self.set_register(row.what, value_of(val)) => Ok(()),
            _ => Err(TargetError::Errno(EINVAL)),
        }
    }
}

impl SingleThreadResume for Debuggee {
    fn resume(&mut self, _: Option<Signal>) -> Result<(), Infallible> {
        self.plan = Plan::Continue;
        self.cpu_mut().pass_breakpoint();
        Ok(())
    }

    fn support_single_step(&mut self) -> Option<SingleThreadSingleStepOps<'_, Self>> {
        Some(self)
    }
}

impl SingleThreadSingleStep for Debuggee {
    fn step(&mut self, _: Option<Signal>) -> Result<(), Infallible> {
        self.plan = Plan::Step(self.retired() + 1);
        self.cpu_mut().pass_breakpoint();
        Ok(())
    }
}

impl Breakpoints for Debuggee {
    fn support_sw_breakpoint(&mut self) -> Option<breakpoints::SwBreakpointOps<'_, Self>> {
        Some(self)
    }

    fn support_hw_breakpoint(&mut self) -> Option<breakpoints::HwBreakpointOps<'_, Self>> {
        Some(self)
    }

    fn support_hw_watchpoint(&mut self) -> Option<breakpoints::HwWatchpointOps<'_, Self>> {
        Some(self)
    }
}

impl breakpoints::SwBreakpoint for Debuggee {
    fn add_sw_breakpoint(&mut self, addr: u64, _: usize) -> TargetResult<bool, Self> {
        Ok(self.change_breakpoint(addr, |kinds| kinds.software = true))
    }

    fn remove_sw_breakpoint(&mut self, addr: u64, _: usize) -> TargetResult<bool, Self> {
        Ok(self.change_breakpoint(addr, |kinds| kinds.software = false))
    }
}

impl breakpoints::HwBreakpoint for Debuggee {
    fn add_hw_breakpoint(&mut self, addr: u64, _: usize) -> TargetResult<bool, Self> {
        Ok(self.change_breakpoint(addr, |kinds| kinds.hardware = true))
    }

    fn remove_hw_breakpoint(&mut self, addr: u64, _: usize) -> TargetResult<bool, Self> {
        Ok(self.change_breakpoint(addr, |kinds| kinds.hardware = false))
    }
}

fn kind_of(kind: breakpoints::WatchKind) -> WatchKind {
    match kind {
        breakpoints::WatchKind::Write => WatchKind::Write,
        breakpoints::WatchKind::Read => WatchKind::Read,
        breakpoints::WatchKind::ReadWrite => WatchKind::Access,
    }
}

impl breakpoints::HwWatchpoint for Debuggee {
    fn add_hw_watchpoint(
        &mut self,
        addr: u64,
        len: u64,
        kind: breakpoints::WatchKind,
    ) -> TargetResult<bool, Self> {
        Ok(self.set_watchpoint(addr, len, kind_of(kind)))
    }

    fn remove_hw_watchpoint(
        &mut self,
        addr: u64,
        len: u64,
        kind: breakpoints::WatchKind,
    ) -> TargetResult<bool, Self> {
        Ok(self.clear_watchpoint(addr, len, kind_of(kind)))
    }
}

impl MonitorCmd for Debuggee {
    fn handle_monitor_cmd(
        &mut self,
        command: &[u8],
        mut out: ConsoleOutput<'_>,
    ) -> Result<(), Infallible> {
        let answer = monitor::answer(self, &String::from_utf8_lossy(command));
        out.write_raw(answer.as_bytes());
        Ok(())
    }
}

impl TargetDescriptionXmlOverride for Debuggee {
    fn target_description_xml(
        &self,
        annex: &[u8],
        offset: u64,
        length: usize,
        buf: &mut [u8],
    ) -> TargetResult<usize, Self> {
        if annex != b"target.xml" {
            return Err(TargetError::NonFatal);
        }
        let xml = XML.as_bytes();
        let start = usize::try_from(offset).unwrap_or(usize::MAX).min(xml.len());
        let piece = &xml[start..];
        let piece = &piece[..piece.len().min(length).min(buf.len())];
        buf[..piece.len()].copy_from_slice(piece);
        Ok(piece.len())
    }
}
