//! Delivery of exceptions and interrupts through the IVT or IDT: what is pushed, what an exception during
//! delivery becomes, double and triple faults.
//!
//! SDM Vol. 3A, "Exception- and Interrupt-Handling Procedures"; Vol. 2A, "INT n".
//!
//! | file | what |
//! |---|---|
//! | `real.rs` | the interrupt vector table of real mode |
//! | `protected.rs` | gates of 16 and 32 bits, stack switches, virtual-8086 mode |
//! | `long.rs` | gates of 64 bits, IST |
//! | `frame.rs` | writing a frame to a stack, all or nothing |

mod frame;
mod long;
mod protected;
mod real;

pub(crate) use frame::Frame;

use crate::cpu::{Activity, Cpu, Done, Fault, Shadow};
use crate::event_log::{Event, kind};
use crate::mmu::rules;
use arch::control::cr4;
use arch::debug::{dr6, dr7};
use arch::exception::{Class, Exception, Vector, selector_code};
use arch::gate::Gate;
use arch::rflags;
use arch::segment::{Descriptor, SegReg, Selector};

/// Where an event comes from.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum Source {
    /// A fault or trap of the running program.
    Exception,
    /// An interrupt or NMI.
    External,
    /// INT n, INT3, INTO: the gate's DPL is checked.
    Software,
    /// INT1: like software, but the gate's DPL is not checked.
    Privileged,
}

/// An event on its way to its handler.
#[derive(Clone, Copy)]
struct Delivery {
    vector: u8,
    error_code: Option<u32>,
    source: Source,
    /// RFLAGS to push.
    flags: u64,
    /// Return address to push.
    ip: u64,
}

impl Delivery {
    /// The EXT bit of error codes raised on the way.
    fn ext(&self) -> u32 {
        if matches!(self.source, Source::Software) { 0 } else { selector_code::EXT }
    }

    /// A fault that names the IDT entry.
    fn idt_fault(&self, vector: Vector) -> Fault {
        let code = u32::from(self.vector) << 3 | selector_code::IDT | self.ext();
        Fault::Exception(Exception::with_code(vector, code))
    }

    /// False for INT 1 with its immediate and for an external interrupt of the same vector.
    fn is_debug_exception(&self) -> bool {
        matches!(self.source, Source::Exception | Source::Privileged)
    }

    /// A fault that names a selector met on the way.
    fn selector_fault(&self, vector: Vector, selector: Selector) -> Fault {
        Fault::Exception(Exception::with_code(vector, selector.error_code() | self.ext()))
    }
}
impl Cpu {
    /// Delivers a fault, escalating to a double and a triple fault. Faults push RF = 1, so that an
    /// instruction breakpoint does not fire again on return: SDM Vol. 3B, "Resume Flag".
    pub(crate) fn raise(&mut self, exception: Exception) {
        self.raise_with(exception, rflags::RF);
    }

    /// Delivers a trap, whose instruction is complete: RF is pushed as it is.
    pub(crate) fn raise_trap(&mut self, exception: Exception) {
        self.raise_with(exception, 0);
    }

    fn raise_with(&mut self, exception: Exception, mut rf: u64) {
        self.forget_hits();
        self.remember_fault(exception);
        let mut current = exception;
        loop {
            if current.vector == Vector::PF {
                self.cr2 = current.address;
            }
            if current.vector == Vector::MC && self.cr4 & cr4::MCE == 0 {
                // SDM Vol. 3B, "Machine-Check Exception (#MC)": without CR4.MCE, shutdown.
                return self.shut_down();
            }
            let delivered = self.deliver_exception(current, rf);
            // A task gate may have led to a task whose own registers are bad.
            let second = match delivered.err().or_else(|| self.fault.take()) {
                None => return,
                Some(Fault::Exception(second)) => second,
                Some(fault) => {
                    self.fault = Some(fault);
                    return;
                }
            };
            self.remember_fault(second);
            rf = rflags::RF;
            // CR2 tells of the latest page fault even if another exception comes of it.
            if second.vector == Vector::PF {
                self.cr2 = second.address;
            }
            let Some(next) = escalate(current, second) else { return self.shut_down() };
            current = next;
        }
    }

    fn shut_down(&mut self) {
        self.activity = Activity::Shutdown;
        self.leave = true;
    }

    /// Delivers an external interrupt or NMI.
    pub(crate) fn interrupt(&mut self, vector: u8) {
        self.log_interrupt(vector, true);
        self.stats.interrupts += 1;
        let delivery = Delivery {
            vector,
            error_code: None,
            source: Source::External,
            flags: self.rflags(),
            ip: self.rip,
        };
        match self.deliver(delivery).err().or_else(|| self.fault.take()) {
            None => {}
            Some(Fault::Exception(exception)) => self.raise(exception),
            fault => self.fault = fault,
        }
    }

    /// INT n, INT3, INTO and INT1: the return address is the next instruction.
    pub(crate) fn software_interrupt(&mut self, vector: u8, next_ip: u64, source: Source) -> Done {
        self.log_interrupt(vector, false);
        let flags = self.rflags();
        self.deliver(Delivery { vector, error_code: None, source, flags, ip: next_ip })?;
        // The instruction itself counts; its delivery is part of it.
        self.remaining += 1;
        if let Some(profile) = &mut self.profile {
            profile.deliver(false);
        }
        self.stats.software += 1;
        Ok(())
    }

    /// Logs an interrupt as it is delivered, through whichever table.
    pub(crate) fn log_interrupt(&mut self, vector: u8, external: bool) {
        let (retired, rip, cpl) = (self.retired(), self.rip, self.cpl);
        let cs = self.segments[SegReg::Cs as usize].selector.0;
        self.log.emit(kind::INTERRUPT, retired, || Event::Interrupt {
            vector,
            external,
            cs,
            rip,
            cpl,
        });
    }

    fn deliver_exception(&mut self, exception: Exception, rf: u64) -> Done {
        let vector = exception.vector;
        let (retired, rip, cpl, cr2) = (self.retired(), self.rip, self.cpl, self.cr2);
        let cs = self.segments[SegReg::Cs as usize].selector.0;
        let error_code = vector.has_error_code().then_some(exception.error_code);
        self.log.emit(kind::EXCEPTION, retired, || Event::Exception {
            vector: vector as u8,
            error_code,
            cr2,
            cs,
            rip,
            cpl,
        });
        self.stats.exceptions[vector as usize] += 1;
        self.deliver(Delivery {
            vector: vector as u8,
            error_code,
            source: Source::Exception,
            flags: self.rflags() | rf,
            ip: self.rip,
        })
    }

    /// Delivery counts one instruction, so that a handler that faults on its first instruction cannot
    /// stop time.
    fn deliver(&mut self, delivery: Delivery) -> Done {
        // What was due after the interrupted instruction is lost: a single step, as TF will be clear. A data
        // breakpoint that a load of SS held off is met at the handler's first instruction.
        self.pending_debug &= dr6::CONDITIONS;
        if !self.protected_mode() {
            self.deliver_real(&delivery)?;
        } else if self.long_mode() {
            self.deliver_long(&delivery)?;
        } else {
            self.deliver_protected(&delivery)?;
        }
        self.activity = Activity::Running;
        self.step = false;
        self.shadow = Shadow::None;
        if delivery.vector == Vector::DB as u8 && delivery.is_debug_exception() {
            // The handler may use the debug registers.
            self.dr7 &= !dr7::GD;
        }
        self.remaining -= 1;
        if let Some(profile) = &mut self.profile {
            profile.deliver(true);
        }
        Ok(())
    }

    fn read_gate(&mut self, delivery: &Delivery, size: u64) -> Result<Gate, Fault> {
        let offset = u64::from(delivery.vector) * size;
        if offset + size - 1 > u64::from(self.idtr.limit) {
            return Err(delivery.idt_fault(Vector::GP));
        }
        let address = self.idtr.base.wrapping_add(offset);
        let low = self.load_system::<u64>(self.system_linear(address))?;
        let high = if size == 16 { self.load_system::<u64>(address.wrapping_add(8))? } else { 0 };
        Ok(Gate { low, high })
    }

    /// The gate's own level and presence.
    fn check_gate(&self, delivery: &Delivery, gate: Gate) -> Done {
        if delivery.source == Source::Software && gate.dpl() < self.cpl {
            return Err(delivery.idt_fault(Vector::GP));
        }
        if gate.present() { Ok(()) } else { Err(delivery.idt_fault(Vector::NP)) }
    }

    /// Checks the code segment of an interrupt or trap gate; returns its descriptor and the CPL to run
    /// at.
    fn enter_gate(&mut self, delivery: &Delivery, gate: Gate) -> Result<(Descriptor, u8), Fault> {
        let selector = gate.selector();
        if selector.is_null() {
            return Err(delivery.selector_fault(Vector::GP, Selector(0)));
        }
        let Some(address) = self.descriptor_address(selector, 8) else {
            return Err(delivery.selector_fault(Vector::GP, selector));
        };
        let code = Descriptor(self.load_system::<u64>(address)?);
        rules::behind_gate(self.cpl, code, self.long_mode())
            .map_err(|vector| delivery.selector_fault(vector, selector))?;
        let cpl = if code.is_conforming() { self.cpl } else { code.dpl() };
        Ok((code, cpl))
    }

    /// Clears system flags.
    pub(crate) fn clear_flags(&mut self, bits: u64) {
        debug_assert!(bits & rflags::STATUS == 0);
        let cleared = self.system_flags & bits;
        self.system_flags &= !bits;
        if cleared & rflags::VM != 0 {
            self.update_simd();
        }
        if cleared & rflags::AC != 0 {
            self.update_context();
        }
    }
}

/// What a second exception during the delivery of `first` becomes; `None` is shutdown. SDM Vol. 3A,
/// "Conditions for Generating a Double Fault".
fn escalate(first: Exception, second: Exception) -> Option<Exception> {
    let double = match (first.vector.class(), second.vector.class()) {
        (Class::DoubleFault, Class::Contributory | Class::PageFault) => return None,
        (Class::Contributory, Class::Contributory) => true,
        (Class::PageFault, Class::Contributory | Class::PageFault) => true,
        _ => false,
    };
    Some(if double { Exception::new(Vector::DF) } else { second })
}

#[cfg(test)]
mod tests;
