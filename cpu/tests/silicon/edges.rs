//! States that random draws seldom meet, with the answers of a Zen 5 in words: which of several faults comes first at
//! limits, at page ends and between modes.

use crate::emulator::Emulator;
use crate::layout::{CS64, DATA, local_selector};
use crate::state::{Case, Contents, End};

/// A state, and the exception that ends it: vector, error code, CR2.
struct Edge {
    what: &'static str,
    bits: u8,
    code: &'static [u8],
    registers: &'static [(u8, u64)],
    selectors: &'static [(u8, u16)],
    /// Alignment is checked.
    aligned: bool,
    end: (u8, u32, u64),
}

/// 32-bit data of limit 1EFFh.
const LIMITED: u16 = local_selector(2);

const EDGES: &[Edge] = &[
    Edge {
        what: "CMPXCHG16B [rsp]: misaligned before not canonical",
        bits: 64,
        code: &[0x48, 0x0f, 0xc7, 0x0c, 0x24],
        registers: &[(4, 0x8000_0000_0001)],
        selectors: &[],
        aligned: false,
        end: (13, 0, 0),
    },
    Edge {
        what: "MASKMOVDQU: #AC of the first half before the limit of the second",
        bits: 32,
        code: &[0x66, 0x0f, 0xf7, 0xc1],
        registers: &[(7, 0x1ef7)],
        selectors: &[(3, LIMITED)],
        aligned: true,
        end: (17, 0, 0),
    },
    Edge {
        what: "FLD m80: the limit of the first eight bytes before #AC",
        bits: 32,
        code: &[0xdb, 0x2f],
        registers: &[(7, 0x1ef9)],
        selectors: &[(3, LIMITED)],
        aligned: true,
        end: (13, 0, 0),
    },
    Edge {
        what: "FSTP m80: #AC before the limit of the last two bytes",
        bits: 32,
        code: &[0xdb, 0x3f],
        registers: &[(7, 0x1ef7)],
        selectors: &[(3, LIMITED)],
        aligned: true,
        end: (17, 0, 0),
    },
    Edge {
        what: "FXSAVE: the limit of the first four bytes before #AC",
        bits: 32,
        code: &[0x0f, 0xae, 0x07],
        registers: &[(7, 0x1efd)],
        selectors: &[(3, LIMITED)],
        aligned: true,
        end: (13, 0, 0),
    },
    Edge {
        what: "FXSAVE: #AC before the limit of the rest",
        bits: 32,
        code: &[0x0f, 0xae, 0x07],
        registers: &[(7, 0x1efb)],
        selectors: &[(3, LIMITED)],
        aligned: true,
        end: (17, 0, 0),
    },
    Edge {
        what: "XRSTOR: the header is read behind the first byte",
        bits: 64,
        code: &[0x0f, 0xae, 0x2f],
        registers: &[(7, DATA + 0x1fc0), (0, 7), (2, 0)],
        selectors: &[],
        aligned: false,
        end: (14, 4, DATA + 0x21c0),
    },
    Edge {
        what: "far CALL to 64-bit mode pushes without the limit of SS",
        bits: 32,
        code: &[0x9a, 0, 0x16, 0, 0x10, CS64 as u8, 0],
        registers: &[(4, 0x1f04)],
        selectors: &[(2, LIMITED)],
        aligned: false,
        end: (14, 6, 0x1f00),
    },
];

impl Edge {
    fn case(&self) -> Case {
        Case {
            bits: self.bits,
            offset: 0x400,
            code: self.code.to_vec(),
            seed: 1,
            flags: if self.aligned { 0x4_0000 } else { 0 },
            chosen: self.registers.to_vec(),
            selectors: self.selectors.to_vec(),
            offsets: None,
            contents: Contents::None,
            window: DATA,
        }
    }

    fn assert_is(&self, end: &End) {
        let End::Exception(outcome) = end else { panic!("{}: {end:?}", self.what) };
        assert_eq!((outcome.vector, outcome.error, outcome.cr2), self.end, "{}", self.what);
    }
}

#[test]
fn faults_at_the_edges_come_in_the_order_of_silicon() {
    let mut emulator = Emulator::new();
    for edge in EDGES {
        edge.assert_is(&emulator.run(&edge.case()));
    }
}

#[cfg(all(target_arch = "x86_64", target_os = "linux"))]
#[test]
fn the_host_answers_as_the_written_answers_at_the_edges() {
    let Some(mut native) = crate::live::oracle() else { return };
    for edge in EDGES {
        edge.assert_is(&native.run(&[edge.case()]).remove(0));
    }
}
