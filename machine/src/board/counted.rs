//! Accesses, counted by device, and when they happen.

use super::{Board, Moment};

/// The table of what is counted: each name once, beside its variant.
macro_rules! counted {
    ($($variant:ident: $name:literal,)+) => {
        /// What accesses are counted by.
        #[derive(Clone, Copy, PartialEq, Eq, Debug)]
        #[repr(usize)]
        pub(crate) enum Counted {
            $($variant,)+
        }

        impl Counted {
            /// The names in the order of the variants.
            pub(super) const NAMES: &[&str] = &[$($name,)+];
        }
    };
}

counted! {
    Uart: "uart",
    Pic: "pic",
    Pit: "pit",
    Rtc: "rtc",
    Ferr: "ferr",
    Pm: "pm",
    Reset: "reset",
    Lapic: "lapic",
    Ioapic: "ioapic",
    FwCfg: "fw_cfg",
    DebugConsole: "debugcon",
    DebugExit: "debug-exit",
    Vga: "vga",
    Keyboard: "i8042",
    Ide: "ide",
    Absent: "absent",
    Pci: "pci",
    Bios: "bios",
    Xen: "xen",
}

impl Board {
    /// The moment of the access that is being answered.
    pub(super) fn moment(&self) -> Moment {
        let of_instructions = self.now.ns().saturating_sub(self.charged.ns.get());
        (of_instructions / self.ns_per_insn, self.now, self.charged.accesses.get())
    }

    /// When fw_cfg was last asked, on a machine with firmware.
    pub(crate) fn last_query(&self) -> Option<Moment> {
        self.last_query
    }

    /// One access.
    #[inline]
    pub(crate) fn count(&mut self, device: Counted) {
        self.count_many(device, 1);
    }

    /// So many.
    pub(crate) fn count_many(&mut self, device: Counted, accesses: u64) {
        self.counts[device as usize] += accesses;
        self.charged.accesses.set(self.charged.accesses.get() + accesses);
        if device == Counted::FwCfg && self.with_firmware {
            self.last_query = Some(self.moment());
        }
    }

    /// Accesses by device since power-on, bytes of split ones counted singly.
    pub(crate) fn accesses(&self) -> impl Iterator<Item = (&'static str, u64)> + '_ {
        Counted::NAMES.iter().copied().zip(self.counts)
    }
}
