//! Descriptors in the GDT and LDT: reading, checking, marking accessed.

use super::rules;
use crate::cpu::{Cpu, Fault};
use arch::exception::{Exception, Vector};
use arch::segment::{Descriptor, SegReg, Segment, Selector, attr};

/// A fault with a selector error code.
pub(crate) fn selector_fault(vector: Vector, selector: Selector) -> Fault {
    Fault::Exception(Exception::with_code(vector, selector.error_code()))
}

impl Cpu {
    /// Linear address of the descriptor that a selector names; `None` beyond the table's limit, for
    /// null, and for a selector into an absent LDT. `bytes` is 8, or 16 for system descriptors of
    /// long mode.
    pub(crate) fn descriptor_address(&self, selector: Selector, bytes: u32) -> Option<u64> {
        let (base, limit) = if selector.is_local() {
            if !self.ldtr.usable() {
                return None;
            }
            (self.ldtr.base, self.ldtr.limit)
        } else {
            if selector.is_null() {
                return None;
            }
            (self.gdtr.base, u32::from(self.gdtr.limit))
        };
        let offset = u32::from(selector.offset());
        (offset + bytes - 1 <= limit)
            .then(|| self.system_linear(base.wrapping_add(u64::from(offset))))
    }

    /// An address of a system structure, cut to 32 bits outside long mode.
    pub(crate) fn system_linear(&self, address: u64) -> u64 {
        if self.long_mode() { address } else { address & 0xffff_ffff }
    }

    /// Reads the descriptor of a selector; `vector` with the selector is raised where there is none.
    pub(crate) fn read_descriptor(
        &mut self,
        selector: Selector,
        vector: Vector,
    ) -> Result<Descriptor, Fault> {
        let address =
            self.descriptor_address(selector, 8).ok_or_else(|| selector_fault(vector, selector))?;
        Ok(Descriptor(self.load_system::<u64>(address)?))
    }

    /// Sets the accessed bit of a code or data descriptor in its table, if it is clear, and returns
    /// the descriptor as it then is. SDM Vol. 3A, "Code- and Data-Segment Descriptor Types".
    pub(crate) fn mark_accessed(
        &mut self,
        selector: Selector,
        descriptor: Descriptor,
    ) -> Result<Descriptor, Fault> {
        if descriptor.attributes() & attr::ACCESSED != 0 {
            return Ok(descriptor);
        }
        let marked = Descriptor(descriptor.0 | u64::from(attr::ACCESSED) << 40);
        if let Some(address) = self.descriptor_address(selector, 8) {
            // Only the type byte is written, as silicon's locked update of the access byte.
            self.store_system::<u8>(address.wrapping_add(5), (marked.0 >> 40) as u8)?;
        }
        Ok(marked)
    }

    /// Loads DS, ES, FS, GS or SS with all checks of MOV to a segment register: SDM Vol. 2B, "MOV".
    pub(crate) fn load_data_segment(
        &mut self,
        register: SegReg,
        selector: Selector,
    ) -> Result<(), Fault> {
        let segment = self.checked_data_segment(register, selector, self.cpl)?;
        self.set_segment(register, segment);
        Ok(())
    }

    /// The hidden part for a data or stack segment register at privilege `cpl`, checked; marks the
    /// descriptor accessed.
    pub(crate) fn checked_data_segment(
        &mut self,
        register: SegReg,
        selector: Selector,
        cpl: u8,
    ) -> Result<Segment, Fault> {
        if self.v8086() {
            return Ok(Segment::v8086(selector.0));
        }
        if !self.protected_mode() {
            // Real mode changes selector and base only: a limit left by protected mode stays.
            let old = self.segments[register as usize];
            let (limit, attributes) = (old.limit, old.attributes | attr::P);
            return Ok(Segment { limit, attributes, ..Segment::real_mode(selector.0) });
        }
        if selector.is_null() {
            return self.null_segment(register, selector, cpl);
        }
        let descriptor = self.read_descriptor(selector, Vector::GP)?;
        let verdict = if register == SegReg::Ss {
            rules::stack(cpl, selector, descriptor, Vector::GP)
        } else {
            rules::data(cpl, selector, descriptor, Vector::GP)
        };
        verdict.map_err(|vector| selector_fault(vector, selector))?;
        let descriptor = self.mark_accessed(selector, descriptor)?;
        Ok(Segment::from_descriptor(selector, descriptor))
    }

    /// A null selector is legal in the data segments, and in SS only in 64-bit mode outside CPL 3
    /// with RPL = CPL. The hidden part becomes unusable; its base is 0 (AMD keeps it; both read so
    /// in 64-bit mode for FS and GS after a null load on Zen: docs/hardware.md).
    fn null_segment(
        &mut self,
        register: SegReg,
        selector: Selector,
        cpl: u8,
    ) -> Result<Segment, Fault> {
        if register == SegReg::Ss && !(self.mode64() && cpl != 3 && selector.rpl() == cpl) {
            return Err(selector_fault(Vector::GP, Selector(0)));
        }
        // A null SS still carries the privilege level.
        Ok(match register {
            SegReg::Ss => Segment::null_stack(selector, cpl),
            _ => Segment { selector, ..Segment::default() },
        })
    }
}
