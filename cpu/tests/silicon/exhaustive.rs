//! The 8-bit operations with all inputs: 256 values, 256 values or counts, CF and AF both ways.
//!
//! The same machine code goes through them on both sides and folds results and flags into a checksum
//! (FNV-1a over words); those of silicon are stored, so that every host can be compared, and on an AMD host
//! they are asked for again.

use crate::emulator::Emulator;

/// Operations of AL and CL: name, bytes, checksum of an AMD Zen 5 for each of [`FLAGS`], folded.
#[rustfmt::skip]
pub(crate) const OPERATIONS: &[(&str, &[u8], u64)] = &[
    ("ADD", &[0x00, 0xc8], 0x189c_1784_31a3_bc4e),
    ("OR", &[0x08, 0xc8], 0x9436_db89_6cba_f613),
    ("ADC", &[0x10, 0xc8], 0x299a_c2f1_6688_1d92),
    ("SBB", &[0x18, 0xc8], 0xa66c_5645_881a_951d),
    ("AND", &[0x20, 0xc8], 0x57b7_b860_5ca3_3910),
    ("SUB", &[0x28, 0xc8], 0x187e_9662_a500_c18e),
    ("XOR", &[0x30, 0xc8], 0x2a99_d351_3db4_ec45),
    ("CMP", &[0x38, 0xc8], 0x7c22_1b1c_1285_1939),
    ("TEST", &[0x84, 0xc8], 0xd6cd_f6a0_4a6d_14e8),
    ("INC", &[0xfe, 0xc0], 0x6f9a_2cf2_b944_2823),
    ("DEC", &[0xfe, 0xc8], 0x7984_c11d_d539_808e),
    ("NOT", &[0xf6, 0xd0], 0x2af4_a233_aa50_5357),
    ("NEG", &[0xf6, 0xd8], 0x1637_2f6b_09b2_fd1f),
    ("ROL CL", &[0xd2, 0xc0], 0x6d04_328b_2cc5_046d),
    ("ROR CL", &[0xd2, 0xc8], 0x2b69_57f7_a7ad_bb16),
    ("RCL CL", &[0xd2, 0xd0], 0x47a1_e789_5c06_f2c9),
    ("RCR CL", &[0xd2, 0xd8], 0xd877_a507_ceca_5db3),
    ("SHL CL", &[0xd2, 0xe0], 0x2ab5_45ec_54ca_2296),
    ("SHR CL", &[0xd2, 0xe8], 0x714c_935c_24ea_d4cd),
    ("SAL CL", &[0xd2, 0xf0], 0x2ab5_45ec_54ca_2296),
    ("SAR CL", &[0xd2, 0xf8], 0xa690_3752_e45c_89bc),
    ("ROL 1", &[0xd0, 0xc0], 0x61f3_8d3b_4fa8_8fb2),
    ("ROR 1", &[0xd0, 0xc8], 0x3c04_964c_14c9_265c),
    ("RCL 1", &[0xd0, 0xd0], 0x939e_2a31_52d9_e7c0),
    ("RCR 1", &[0xd0, 0xd8], 0x3b57_576f_a429_f693),
    ("SHL 1", &[0xd0, 0xe0], 0x2e8d_a8fe_679d_ec64),
    ("SHR 1", &[0xd0, 0xe8], 0xfc13_421d_2f95_315d),
    ("SAL 1", &[0xd0, 0xf0], 0x2e8d_a8fe_679d_ec64),
    ("SAR 1", &[0xd0, 0xf8], 0xa29a_a7b0_2a6a_a443),
];

/// Flags before the operation: CF and AF both ways, the others with them and against them.
const FLAGS: [u64; 4] = [0x202, 0x202 | 0x8c5, 0x202 | 0x8d4, 0x202 | 0x11];

/// A function of the flags in RDI that gives the checksum in RAX.
pub(crate) fn program(operation: &[u8]) -> Vec<u8> {
    let mut code = vec![0x53]; // push rbx
    code.extend([0x48, 0xbb]); // mov rbx, offset basis
    code.extend(0xcbf2_9ce4_8422_2325_u64.to_le_bytes());
    code.extend([0x49, 0xb8]); // mov r8, prime
    code.extend(0x0100_0000_01b3_u64.to_le_bytes());
    code.extend([0x45, 0x31, 0xd2]); // xor r10d, r10d
    let outer = code.len();
    code.extend([0x45, 0x31, 0xdb]); // xor r11d, r11d
    let inner = code.len();
    code.extend([0x57, 0x9d]); // push rdi; popfq
    code.extend([0x44, 0x89, 0xd0, 0x44, 0x89, 0xd9]); // mov eax, r10d; mov ecx, r11d
    code.extend(operation);
    code.extend([0x9c, 0x5a]); // pushfq; pop rdx
    code.extend([0x81, 0xe2, 0xd5, 0x08, 0, 0]); // and edx, 8d5h
    code.extend([0xc1, 0xe2, 0x08]); // shl edx, 8
    code.extend([0x0f, 0xb6, 0xc0, 0x09, 0xc2]); // movzx eax, al; or edx, eax
    code.extend([0x48, 0x31, 0xd3, 0x49, 0x0f, 0xaf, 0xd8]); // xor rbx, rdx; imul rbx, r8
    for (count, compare, start) in [(0xc3, 0xfb, inner), (0xc2, 0xfa, outer)] {
        code.extend([0x41, 0xff, count]); // inc r11d, r10d
        code.extend([0x41, 0x81, compare, 0, 1, 0, 0]); // cmp r11d, 100h
        let back = start as i64 - (code.len() as i64 + 2);
        code.extend([0x72, back as u8]); // jb
    }
    code.extend([0x48, 0x89, 0xd8, 0x5b, 0xc3]); // mov rax, rbx; pop rbx; ret
    code
}

/// The checksums of one operation for all flags, folded into one.
pub(crate) fn checksum(operation: &[u8], mut call: impl FnMut(&[u8], u64) -> u64) -> u64 {
    let code = program(operation);
    FLAGS.iter().fold(0u64, |sum, &flags| sum.rotate_left(17) ^ call(&code, flags))
}

#[test]
fn all_inputs_of_the_8_bit_operations_give_what_silicon_gives() {
    let mut emulator = Emulator::new();

    for &(name, operation, expected) in OPERATIONS {
        let ours = checksum(operation, |code, flags| emulator.call(code, flags));

        assert_eq!(ours, expected, "{name}: {ours:#018x}");
    }
}
