//! The machine around the CPU, for the time of one run: the only place that dereferences it.
//!
//! `Cpu::run` borrows the bus and the memory; their addresses are stored type-erased so that handlers
//! need not be generic over the machine. Nothing outside a run asks for them.

use crate::bus::Bus;
use crate::cpu::{Cpu, World};
use memory::Memory;

impl World {
    /// No machine: between runs.
    pub(crate) fn none() -> Self {
        Self { bus: None, memory: core::ptr::null() }
    }

    /// Borrows bus and memory for a run; [`World::none`] must replace it before they end.
    pub(crate) fn new(bus: &mut dyn Bus, memory: &Memory) -> Self {
        let bus: *mut (dyn Bus + '_) = bus;
        // SAFETY: only the lifetime is erased; `Cpu::run` puts `World::none` back before it returns,
        // and panics do not unwind into code that uses the CPU again with a stale world (`run`
        // starts by setting a new one).
        let bus =
            unsafe { core::mem::transmute::<*mut (dyn Bus + '_), *mut (dyn Bus + 'static)>(bus) };
        Self { bus: Some(bus), memory }
    }
}

impl Cpu {
    /// Guest memory. Only during a run.
    #[inline(always)]
    pub(crate) fn memory<'run>(&self) -> &'run Memory {
        debug_assert!(!self.world.memory.is_null(), "memory is borrowed only during a run");
        // SAFETY: set by `run` from a reference that lives as long as the run.
        unsafe { &*self.world.memory }
    }

    /// The bus. Only during a run; the caller uses it for one call and lets it go.
    #[inline(always)]
    pub(crate) fn bus<'run>(&self) -> &'run mut dyn Bus {
        let Some(bus) = self.world.bus else {
            unreachable!("the bus is borrowed only during a run")
        };
        // SAFETY: set by `run` from an exclusive reference that lives as long as the run; each use is
        // one call, and the bus never calls back into the CPU, so no second reference exists.
        unsafe { &mut *bus }
    }

    /// Instructions of the current block before the current one.
    #[inline(always)]
    pub(crate) fn current_place(&self) -> u64 {
        // SAFETY: `current` is null or points at an op of a block that is being executed, which the
        // code cache keeps until the dispatcher runs again.
        u64::from(unsafe { (*self.current).place })
    }
}
