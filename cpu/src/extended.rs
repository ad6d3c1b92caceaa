//! The x87, MMX, SSE and AVX state as values: how a debugger, a test and a loader see and set it.
//!
//! General, segment and control registers are in [`crate::Registers`].

use crate::cpu::Cpu;
use crate::float::F80;
use arch::control::xcr0;

/// State that XSAVE manages, in the order of its area: SDM Vol. 1, "XSAVE Area".
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Extended {
    /// x87 control word.
    pub control: u16,
    /// x87 status word, with TOP.
    pub status: u16,
    /// Abridged tag word: bit n set if physical register n is not empty.
    pub tags: u8,
    /// Opcode of the last x87 instruction that was not a control instruction, 11 bits.
    pub opcode: u16,
    /// Its instruction pointer.
    pub ip: u64,
    /// Its code segment selector.
    pub cs: u16,
    /// Offset of its memory operand.
    pub dp: u64,
    /// Selector of its memory operand.
    pub ds: u16,
    /// ST(0) to ST(7), whether empty or not: 80 bits, little-endian.
    pub st: [[u8; 10]; 8],
    /// MXCSR.
    pub mxcsr: u32,
    /// YMM0-15, low half first; XMM are the low halves.
    pub ymm: [[u128; 2]; 16],
    /// XCR0.
    pub xcr0: u64,
    /// PKRU.
    pub pkru: u32,
}

impl Default for Extended {
    /// As FNINIT and XRSTOR leave it for a program.
    fn default() -> Self {
        Self {
            control: 0x37f,
            status: 0,
            tags: 0,
            opcode: 0,
            ip: 0,
            cs: 0,
            dp: 0,
            ds: 0,
            st: [[0; 10]; 8],
            mxcsr: 0x1f80,
            ymm: [[0; 2]; 16],
            xcr0: xcr0::X87,
            pkru: 0,
        }
    }
}

impl Cpu {
    /// The extended state now.
    pub fn extended(&self) -> Extended {
        let x87 = &self.x87;
        Extended {
            control: x87.control,
            status: x87.status_word(),
            tags: x87.abridged_tag_word(),
            opcode: x87.opcode,
            ip: x87.ip,
            cs: x87.cs,
            dp: x87.dp,
            ds: x87.ds,
            st: core::array::from_fn(|i| x87.st(i as u8).to_bytes()),
            mxcsr: self.sse.mxcsr,
            ymm: core::array::from_fn(|n| self.ymm(n as u8)),
            xcr0: self.xcr0,
            pkru: self.pkru,
        }
    }

    /// The x87 tag word as FSAVE stores it, two bits for each physical register: 0 valid, 1 zero, 2 special,
    /// 3 empty. SDM Vol. 1, "x87 FPU Tag Word".
    pub fn x87_tag_word(&self) -> u16 {
        self.x87.tag_word()
    }

    /// Sets the extended state. Bits that registers do not have are dropped; XCR0 keeps its bit 0.
    pub fn set_extended(&mut self, extended: &Extended) {
        let x87 = &mut self.x87;
        x87.set_control_word(extended.control);
        x87.set_status_word(extended.status);
        x87.set_abridged_tag_word(extended.tags);
        x87.opcode = extended.opcode & 0x7ff;
        (x87.ip, x87.cs) = (extended.ip, extended.cs);
        (x87.dp, x87.ds) = (extended.dp, extended.ds);
        for (i, bytes) in (0..).zip(extended.st) {
            x87.set_contents(i, F80::from_bytes(bytes));
        }
        self.sse.mxcsr = extended.mxcsr & crate::insn::fxsave::MXCSR_MASK;
        for (n, value) in (0..).zip(extended.ymm) {
            self.set_ymm(n, value);
        }
        self.xcr0 = extended.xcr0 & self.model.xcr0_mask() | xcr0::X87;
        self.update_simd();
        self.set_pkru(extended.pkru);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::Config;

    #[test]
    fn what_is_set_is_what_is_seen() {
        let model = crate::features::X86_64_V3;
        let mut cpu = Cpu::new(&Config { model, ..Config::default() });
        let set = Extended {
            control: 0x27f,
            status: 5 << 11 | 0x41,
            tags: 0x81,
            opcode: 0x123,
            ip: 0x1234_5678_9abc,
            cs: 0x33,
            dp: 0x42,
            ds: 0x2b,
            st: core::array::from_fn(|i| [i as u8 + 1; 10]),
            mxcsr: 0x1fa0,
            ymm: core::array::from_fn(|n| [n as u128, !(n as u128)]),
            xcr0: 7,
            pkru: 0x5555_5554,
        };

        cpu.set_extended(&set);

        // The flagged exceptions, invalid operation and stack fault, are masked: ES stays clear.
        assert_eq!(cpu.extended(), set);
        cpu.set_extended(&Extended { xcr0: u64::MAX, ..set });
        assert_eq!(cpu.extended().xcr0, 7, "the model has x87, SSE and AVX alone");
    }
}
