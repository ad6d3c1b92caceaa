//! States that random draws seldom meet, with the answers of a Zen 5 in words: which of several faults comes first at
//! limits, at page ends and between modes; and how many bytes an undefined opcode takes in, by whether it misses
//! the page behind it.

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
        what: "MASKMOVQ with a prefix of SS in 64-bit mode: no stack fault",
        bits: 64,
        code: &[0x36, 0x0f, 0xf7, 0xf4],
        registers: &[(7, 0x8000_0000_0000)],
        selectors: &[],
        aligned: false,
        end: (13, 0, 0),
    },
    Edge {
        what: "VPEXTRD with W outside 64-bit mode",
        bits: 32,
        code: &[0xc4, 0xe3, 0xf9, 0x16, 0xc0, 0],
        registers: &[],
        selectors: &[],
        aligned: false,
        end: (6, 0, 0),
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

/// Undefined opcodes, and what could be taken for one, that end where the code pages end: size of the code, bytes,
/// and whether more of them are fetched.
const UNDEFINED: &[(u8, &[u8], bool)] = &[
    // REX and LES, LDS, in place of a VEX prefix.
    (64, &[0x40, 0xc4], true),
    (64, &[0x40, 0xc4, 0xc0], false),
    (64, &[0x48, 0xc5, 0x9d], true),
    (64, &[0x66, 0xc5, 0xc0], true),
    // LDS of memory in 32-bit mode: not undefined, whatever its displacement.
    (32, &[0xc5, 0x95, 0x05], true),
    (64, &[0x4a, 0x4e, 0xc5, 0xac, 0x51, 0x52, 0x27, 0xc1], true),
    // XOP, and EXTRQ's opcode without its prefix: ModRM and two immediates.
    (64, &[0x8f, 0xcf, 0x6c, 0xe7, 0xbc, 0x26, 0x32, 0xba], true),
    (64, &[0x49, 0x8f, 0x2c, 0x50], false),
    (64, &[0x46, 0x0f, 0x78, 0x18], true),
    (64, &[0x0f, 0x78, 0xc8, 0, 0], false),
    // Without ModRM.
    (64, &[0x0f, 0x3c], false),
    (32, &[0x0f, 0xff], false),
    (64, &[0xc5, 0xf8, 0x24], false),
    (32, &[0x67, 0xc5, 0xe8, 0x0a], false),
    (64, &[0x46, 0x16], false),
    // With more than the opcode.
    (64, &[0xd4], true),
    (64, &[0xd4, 0xc0], false),
    (64, &[0x82, 0xc0], true),
    (64, &[0xea, 0xf2, 0x1c], true),
    (64, &[0x66, 0x9a, 0, 0, 0, 0], false),
];

/// A case without anything but its code.
fn bare(bits: u8, offset: u16, code: &[u8]) -> Case {
    Case {
        bits,
        offset,
        code: code.to_vec(),
        seed: 1,
        flags: 0,
        chosen: Vec::new(),
        selectors: Vec::new(),
        offsets: None,
        contents: Contents::None,
        window: DATA,
    }
}

/// The undefined opcodes, and the exception that each should raise: vector, error code.
fn undefined() -> impl Iterator<Item = (Case, (u8, u32))> {
    UNDEFINED.iter().map(|&(bits, code, more)| {
        let case = bare(bits, 0x2000 - code.len() as u16, code);
        (case, if more { (14, 0x14) } else { (6, 0) })
    })
}

fn raised(case: &Case, end: &End) -> (u8, u32) {
    let End::Exception(outcome) = end else { panic!("{:02x?}: {end:?}", case.code) };
    (outcome.vector, outcome.error)
}

impl Edge {
    fn case(&self) -> Case {
        Case {
            flags: if self.aligned { 0x4_0000 } else { 0 },
            chosen: self.registers.to_vec(),
            selectors: self.selectors.to_vec(),
            ..bare(self.bits, 0x400, self.code)
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
    for (case, expected) in undefined() {
        let end = emulator.run(&case);
        assert_eq!(raised(&case, &end), expected, "{:02x?}", case.code);
    }
}

#[cfg(all(target_arch = "x86_64", target_os = "linux"))]
#[test]
fn the_host_answers_as_the_written_answers_at_the_edges() {
    let Some(mut native) = crate::live::oracle() else { return };
    for edge in EDGES {
        edge.assert_is(&native.run(&[edge.case()]).remove(0));
    }
    for (case, expected) in undefined() {
        let end = native.run(std::slice::from_ref(&case)).remove(0);
        assert_eq!(raised(&case, &end), expected, "{:02x?}", case.code);
    }
}
