//! The coprocessor error logic of a PC: FERR# of the processor to IRQ 13, port 0xf0 to IGNNE#.
//!
//! 82371AB (PIIX4), "Coprocessor Error Function"; SDM Vol. 1, "MS-DOS Compatibility Sub-mode", the
//! "Recommended External Hardware". FERR# falling in sets a latch that drives IRQ 13. The handler writes
//! port 0xf0: that clears the latch and, while FERR# is asserted, asserts IGNNE#, so that the handler's
//! own x87 instructions do not freeze. IGNNE# ends with FERR#.
//!
//! Not modelled: port 0xf1, which reset a 287.

use serde::{Deserialize, Serialize};

/// The two flip-flops and the wire they watch.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct FerrLatch {
    ferr: bool,
    latched: bool,
    ignne: bool,
}

impl FerrLatch {
    /// At power-on: nothing asserted.
    pub const fn new() -> Self {
        Self { ferr: false, latched: false, ignne: false }
    }

    /// FERR# of the processor; `true` is asserted.
    pub const fn set_ferr(&mut self, level: bool) {
        self.latched |= level && !self.ferr;
        self.ferr = level;
        self.ignne &= level;
    }

    /// Any value written to port 0xf0.
    pub const fn write(&mut self) {
        self.latched = false;
        self.ignne = self.ferr;
    }

    /// Level of IRQ 13.
    pub const fn irq(self) -> bool {
        self.latched
    }

    /// Level of IGNNE#.
    pub const fn ignne(self) -> bool {
        self.ignne
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ferr_is_latched_until_the_port_is_written_and_ignne_ends_with_ferr() {
        let mut latch = FerrLatch::new();
        latch.set_ferr(true);
        assert_eq!((latch.irq(), latch.ignne()), (true, false));
        latch.write();
        assert_eq!((latch.irq(), latch.ignne()), (false, true));
        latch.set_ferr(true);
        assert!(!latch.irq(), "no new edge");
        latch.set_ferr(false);
        assert_eq!((latch.irq(), latch.ignne()), (false, false));
    }

    #[test]
    fn an_error_that_is_gone_stays_latched_and_the_port_then_asserts_nothing() {
        let mut latch = FerrLatch::new();
        latch.set_ferr(true);
        latch.set_ferr(false);
        assert!(latch.irq());
        latch.write();
        assert_eq!((latch.irq(), latch.ignne()), (false, false));
    }
}
