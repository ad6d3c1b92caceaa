//! ROMs: PCI Firmware Specification 3.0, "PCI Expansion ROM Header Format"; the reset vector of a PC.

/// Bytes of one unit of an option ROM's length.
pub const UNIT: usize = 512;

/// A sound option ROM of `units` times 512 bytes with this code at its entry, which is at offset 3. What
/// does not fit is left out.
pub fn option_rom(units: u8, code: &[u8]) -> Vec<u8> {
    let mut rom = vec![0; usize::from(units.max(1)) * UNIT];
    rom[..3].copy_from_slice(&[0x55, 0xaa, units.max(1)]);
    let last = rom.len() - 1;
    for (place, byte) in rom[3..last].iter_mut().zip(code) {
        *place = *byte;
    }
    seal(rom)
}

/// The ROM with its last byte such that all bytes sum up to 0.
pub fn seal(mut rom: Vec<u8>) -> Vec<u8> {
    let sum = rom.iter().fold(0u8, |sum, byte| sum.wrapping_add(*byte));
    if let Some(last) = rom.last_mut() {
        *last = last.wrapping_sub(sum);
    }
    rom
}

/// A firmware of `len` bytes with this code at its reset vector, 16 bytes before its end.
pub fn firmware(len: usize, code: &[u8]) -> Vec<u8> {
    let mut rom = vec![0xf4; len];
    let at = len.saturating_sub(16);
    for (place, byte) in rom[at..].iter_mut().zip(code) {
        *place = *byte;
    }
    rom
}
