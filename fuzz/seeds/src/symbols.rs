//! Tables of names: the symbol table of an ELF64 file (System V gABI, "Symbol Table"), and the one that
//! a stripped Linux carries for itself (Linux `scripts/kallsyms.c`).

/// Names between two markers.
const NAMES_PER_MARKER: usize = 256;

/// A kallsyms table of `count` names `f0`, `f1`, ... at 16-byte distances, laid out as Linux 6.1 does, or
/// as 6.4 and later do, among other bytes.
pub fn kallsyms(count: usize, newer: bool) -> Vec<u8> {
    let mut token_table = Vec::new();
    let mut index = Vec::new();
    for token in 0..=255u8 {
        index.extend((token_table.len() as u16).to_le_bytes());
        if token.is_ascii_graphic() {
            token_table.push(token);
        } else {
            token_table.extend(format!("x{token}").bytes());
        }
        token_table.push(0);
    }
    let (mut names, mut markers) = (Vec::new(), Vec::new());
    for number in 0..count {
        if number % NAMES_PER_MARKER == 0 {
            markers.extend((names.len() as u32).to_le_bytes());
        }
        let name = format!("Tf{number}");
        names.push(name.len() as u8);
        names.extend(name.bytes());
    }
    let offsets: Vec<u8> =
        (0..count).flat_map(|number| (-1 - 16 * number as i32).to_le_bytes()).collect();
    let base = 0xffff_ffff_8100_0000_u64.to_le_bytes().to_vec();
    let count = (count as u64).to_le_bytes().to_vec();
    let parts = if newer {
        vec![count, names, markers, token_table, index, offsets, base]
    } else {
        vec![offsets, base, count, names, markers, token_table, index]
    };
    let mut out = vec![0xcc; 4096];
    for part in parts {
        out.extend(part);
        out.resize(out.len().next_multiple_of(8), 0);
    }
    out.extend([0xcc; 4096]);
    out
}

/// An ELF64 file with a program header, a symbol table of three entries (`start` at 0x10_0000, `copy` at
/// 0x10_0100) and its names.
pub fn elf64() -> Vec<u8> {
    let mut file = vec![0; 64 + 56];
    file[..7].copy_from_slice(b"\x7fELF\x02\x01\x01");
    for (at, value) in [(16, 2_u16), (18, 62), (20, 1), (52, 64), (54, 56), (56, 1), (58, 64)] {
        file[at..at + 2].copy_from_slice(&value.to_le_bytes());
    }
    file[32] = 64; // e_phoff
    file[60] = 3; // e_shnum
    let names = file.len();
    file.extend(b"\0start\0copy\0");
    let symbols = file.len();
    let symbol = |name: u32, info: u8, section: u16, value: u64| {
        let head = [&name.to_le_bytes()[..], &[info, 0], &section.to_le_bytes()].concat();
        [head, value.to_le_bytes().to_vec(), vec![0; 8]].concat()
    };
    file.extend(symbol(0, 0, 0, 0));
    file.extend(symbol(7, 0x12, 1, 0x10_0100));
    file.extend(symbol(1, 0x10, 1, 0x10_0000));
    let headers = file.len();
    file[40..48].copy_from_slice(&(headers as u64).to_le_bytes());
    for (kind, offset, size, link) in [(0_u32, 0, 0, 0), (2, symbols, 72, 2), (3, names, 12, 0)] {
        let mut header = vec![0; 64];
        header[4..8].copy_from_slice(&kind.to_le_bytes());
        header[24..32].copy_from_slice(&(offset as u64).to_le_bytes());
        header[32..40].copy_from_slice(&(size as u64).to_le_bytes());
        header[40..44].copy_from_slice(&(link as u32).to_le_bytes());
        file.extend(header);
    }
    file
}
