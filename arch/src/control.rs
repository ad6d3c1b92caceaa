//! Control registers and EFER: SDM Vol. 3A, "Control Registers", and Vol. 4, IA32_EFER.

/// CR0 bits.
pub mod cr0 {
    /// Protection enable.
    pub const PE: u64 = 1 << 0;
    /// Monitor coprocessor.
    pub const MP: u64 = 1 << 1;
    /// Emulate x87.
    pub const EM: u64 = 1 << 2;
    /// Task switched.
    pub const TS: u64 = 1 << 3;
    /// Extension type, reads as 1.
    pub const ET: u64 = 1 << 4;
    /// Numeric error reporting by #MF.
    pub const NE: u64 = 1 << 5;
    /// Supervisor writes respect read-only pages.
    pub const WP: u64 = 1 << 16;
    /// Alignment mask.
    pub const AM: u64 = 1 << 18;
    /// Not write-through.
    pub const NW: u64 = 1 << 29;
    /// Cache disable.
    pub const CD: u64 = 1 << 30;
    /// Paging.
    pub const PG: u64 = 1 << 31;
    /// Bits software can change.
    pub const WRITABLE: u64 = PE | MP | EM | TS | NE | WP | AM | NW | CD | PG;
    /// After RESET: CD, NW and ET set.
    pub const RESET: u64 = CD | NW | ET;
}

/// CR3 bits.
pub mod cr3 {
    /// Page-level write-through of the top table.
    pub const PWT: u64 = 1 << 3;
    /// Page-level cache disable of the top table.
    pub const PCD: u64 = 1 << 4;
    /// Process-context identifier, with CR4.PCIDE.
    pub const PCID: u64 = 0xfff;
    /// Of a value to be written, with CR4.PCIDE: translations may be kept.
    pub const NO_FLUSH: u64 = 1 << 63;
}

/// CR4 bits.
pub mod cr4 {
    /// Virtual-8086 mode extensions.
    pub const VME: u64 = 1 << 0;
    /// Protected-mode virtual interrupts.
    pub const PVI: u64 = 1 << 1;
    /// Time stamp disable outside CPL 0.
    pub const TSD: u64 = 1 << 2;
    /// Debugging extensions.
    pub const DE: u64 = 1 << 3;
    /// 4 MiB pages in 32-bit paging.
    pub const PSE: u64 = 1 << 4;
    /// Physical address extension.
    pub const PAE: u64 = 1 << 5;
    /// Machine check.
    pub const MCE: u64 = 1 << 6;
    /// Global pages.
    pub const PGE: u64 = 1 << 7;
    /// RDPMC outside CPL 0.
    pub const PCE: u64 = 1 << 8;
    /// FXSAVE, FXRSTOR and SSE allowed.
    pub const OSFXSR: u64 = 1 << 9;
    /// Unmasked SIMD exceptions raise #XM.
    pub const OSXMMEXCPT: u64 = 1 << 10;
    /// User-mode instruction prevention.
    pub const UMIP: u64 = 1 << 11;
    /// 5-level paging.
    pub const LA57: u64 = 1 << 12;
    /// VMX.
    pub const VMXE: u64 = 1 << 13;
    /// RDFSBASE and its kind.
    pub const FSGSBASE: u64 = 1 << 16;
    /// Process-context identifiers.
    pub const PCIDE: u64 = 1 << 17;
    /// XSAVE and XCR0.
    pub const OSXSAVE: u64 = 1 << 18;
    /// Supervisor-mode execution prevention.
    pub const SMEP: u64 = 1 << 20;
    /// Supervisor-mode access prevention.
    pub const SMAP: u64 = 1 << 21;
    /// Protection keys for user pages.
    pub const PKE: u64 = 1 << 22;
}

/// XCR0 bits: state components of XSAVE. SDM Vol. 1, "XSAVE-Supported Features and State-Component
/// Bitmaps".
pub mod xcr0 {
    /// x87 state, always set.
    pub const X87: u64 = 1 << 0;
    /// XMM registers and MXCSR.
    pub const SSE: u64 = 1 << 1;
    /// Upper halves of YMM registers.
    pub const AVX: u64 = 1 << 2;
    /// PKRU.
    pub const PKRU: u64 = 1 << 9;
}

/// IA32_EFER bits.
pub mod efer {
    /// SYSCALL enable.
    pub const SCE: u64 = 1 << 0;
    /// Long mode enable.
    pub const LME: u64 = 1 << 8;
    /// Long mode active (read-only to software).
    pub const LMA: u64 = 1 << 10;
    /// No-execute enable.
    pub const NXE: u64 = 1 << 11;
    /// Secure virtual machine enable (AMD).
    pub const SVME: u64 = 1 << 12;
    /// Fast FXSAVE/FXRSTOR (AMD).
    pub const FFXSR: u64 = 1 << 14;
}
