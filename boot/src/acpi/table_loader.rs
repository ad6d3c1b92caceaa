//! The tables as a firmware takes them from fw_cfg: bytes without addresses, and a script that links
//! them where the firmware finds room.
//!
//! Follows QEMU `hw/acpi/bios-linker-loader.c` (the commands) and `docs/specs/fw_cfg.rst` (the files).
//! SeaBIOS, qboot and OVMF carry the script out. A command is 128 bytes, little endian:
//!
//! ```text
//!  u32 command   1 ALLOCATE      file[56]  align u32  zone u8
//!                2 ADD_POINTER   pointing file[56]  file pointed to[56]  offset u32  size u8
//!                3 ADD_CHECKSUM  file[56]  offset of the byte u32  start u32  length u32
//! ```
//!
//! A pointer field holds the target's offset in its file; the firmware adds the file's address. A
//! checksum byte is 0; the firmware puts what makes the sum 0. Not used: WRITE_POINTER. Files are as
//! long as their content: QEMU pads them so that machines of different versions can migrate.

use super::linker::{self, Blob};

/// The file of all tables but the RSDP.
const TABLES: &str = "etc/acpi/tables";
/// The file of the RSDP.
const RSDP: &str = "etc/acpi/rsdp";

/// The content of three fw_cfg files.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct FirmwareFiles {
    /// `etc/acpi/tables`: every table but the RSDP.
    pub tables: Vec<u8>,
    /// `etc/acpi/rsdp`.
    pub rsdp: Vec<u8>,
    /// `etc/table-loader`: the script.
    pub loader: Vec<u8>,
}

/// The files for `blobs`, of which the first is the RSDP.
pub(super) fn files(mut blobs: Vec<Blob>) -> FirmwareFiles {
    let mut rsdp = blobs.remove(0);
    let offsets = linker::allocate(&blobs, 0);
    let align = blobs.iter().map(|blob| blob.align).max().unwrap_or(1);
    let mut loader = Script::default();
    loader.allocate(TABLES, align, Zone::High);
    loader.allocate(RSDP, rsdp.align, Zone::Fseg);

    let mut tables = Vec::new();
    for (mut blob, &(_, base)) in blobs.into_iter().zip(&offsets) {
        loader.link(&mut blob, TABLES, base, &offsets);
        tables.resize(base as usize, 0);
        tables.append(&mut blob.bytes);
    }
    loader.link(&mut rsdp, RSDP, 0, &offsets);
    FirmwareFiles { tables, rsdp: rsdp.bytes, loader: loader.0 }
}

/// Where the firmware finds room.
#[derive(Clone, Copy)]
enum Zone {
    High = 1,
    /// Below 1 MiB, where guests look for the RSDP.
    Fseg = 2,
}

/// Commands, one after another.
#[derive(Default)]
struct Script(Vec<u8>);

impl Script {
    const COMMAND_LEN: usize = 128;

    fn allocate(&mut self, file: &str, align: u64, zone: Zone) {
        self.command(1, &[&name(file), &(align as u32).to_le_bytes(), &[zone as u8]]);
    }

    /// The commands for `blob`, which lies at `base` in `file`, and the blob as they expect it.
    fn link(&mut self, blob: &mut Blob, file: &str, base: u64, offsets: &[(&'static str, u64)]) {
        for pointer in &blob.pointers {
            let target = offsets.iter().find(|(name, _)| *name == pointer.target);
            let target = target.map_or(0, |&(_, offset)| offset).to_le_bytes();
            let field = pointer.offset..pointer.offset + pointer.size;
            blob.bytes[field].copy_from_slice(&target[..pointer.size]);
            let offset = (base as u32 + pointer.offset as u32).to_le_bytes();
            let fields: [&[u8]; 4] = [&name(file), &name(TABLES), &offset, &[pointer.size as u8]];
            self.command(2, &fields);
        }
        // After the pointers, which the sums cover.
        for sum in &blob.checksums {
            blob.bytes[sum.offset] = 0;
            let words = [base as u32 + sum.offset as u32, base as u32, sum.covers as u32];
            let [offset, start, length] = words.map(u32::to_le_bytes);
            self.command(3, &[&name(file), &offset, &start, &length]);
        }
    }

    fn command(&mut self, code: u32, fields: &[&[u8]]) {
        let end = self.0.len() + Self::COMMAND_LEN;
        self.0.extend(code.to_le_bytes());
        self.0.extend(fields.concat());
        self.0.resize(end, 0);
    }
}

/// A file name in its field, filled up with NULs.
fn name(file: &str) -> [u8; 56] {
    let mut out = [0; 56];
    out[..file.len()].copy_from_slice(file.as_bytes());
    out
}

#[cfg(test)]
mod tests {
    use super::super::*;
    use super::*;

    /// Carries the script out as a firmware does: the tables at `tables_at`, the RSDP at `rsdp_at`.
    fn link(files: &FirmwareFiles, tables_at: u64, rsdp_at: u64) -> (Vec<u8>, Vec<u8>) {
        let mut found =
            [(TABLES, files.tables.clone(), tables_at), (RSDP, files.rsdp.clone(), rsdp_at)];
        let which = |field: &[u8]| {
            let end = field.iter().position(|&byte| byte == 0).unwrap();
            usize::from(&field[..end] == RSDP.as_bytes())
        };
        assert_eq!(files.loader.len() % 128, 0);
        for command in files.loader.chunks(128) {
            let word =
                |at: usize| u32::from_le_bytes(command[at..at + 4].try_into().unwrap()) as usize;
            let file = which(&command[4..60]);
            match word(0) {
                1 => {
                    let (align, zone) = (word(60) as u64, command[64]);
                    assert!(found[file].2.is_multiple_of(align));
                    assert_eq!(zone, [1, 2][file]);
                }
                2 => {
                    let base = found[which(&command[60..116])].2;
                    let (at, size) = (word(116), usize::from(command[120]));
                    let mut value = [0; 8];
                    value[..size].copy_from_slice(&found[file].1[at..at + size]);
                    let value = (u64::from_le_bytes(value) + base).to_le_bytes();
                    found[file].1[at..at + size].copy_from_slice(&value[..size]);
                }
                3 => {
                    let (at, start, len) = (word(60), word(64), word(68));
                    let sum = linker::sum_of(&found[file].1[start..start + len]);
                    found[file].1[at] = found[file].1[at].wrapping_sub(sum);
                }
                other => panic!("command {other}"),
            }
        }
        let [(_, tables, _), (_, rsdp, _)] = found;
        (tables, rsdp)
    }

    /// With the RSDP where a direct boot has it and the tables behind it, all bytes are the same.
    #[test]
    fn a_firmware_that_runs_the_script_gets_the_tables_of_a_direct_boot() {
        for profile in [AcpiProfile::Full, AcpiProfile::Reduced] {
            let platform = Platform { acpi: profile, hpet: true, cpus: 3, ..Platform::default() };
            let files = for_firmware(&platform).unwrap();
            let direct = build(&platform);
            let tables_at = direct.blobs[1].0;

            let (tables, rsdp) = link(&files, tables_at, RSDP_ADDR);

            assert_eq!(rsdp, direct.blobs[0].1);
            for (addr, bytes, name) in &direct.blobs[1..] {
                let at = (addr - tables_at) as usize;
                assert_eq!(tables[at..at + bytes.len()], bytes[..], "{name}");
            }
        }
    }

    #[test]
    fn every_table_adds_up_to_zero_wherever_the_firmware_puts_them() {
        let files = for_firmware(&Platform::default()).unwrap();

        let (tables, rsdp) = link(&files, 0x1ffe_0040, 0xf_5a20);

        assert_eq!((linker::sum_of(&rsdp[..20]), linker::sum_of(&rsdp)), (0, 0));
        let xsdt = u64::from_le_bytes(rsdp[24..32].try_into().unwrap()) - 0x1ffe_0040;
        let len = usize::from(tables[xsdt as usize + 4]);
        let xsdt = &tables[xsdt as usize..][..len];
        assert_eq!((&xsdt[..4], linker::sum_of(xsdt)), (&b"XSDT"[..], 0));
        for entry in xsdt[36..].chunks(8) {
            let at = u64::from_le_bytes(entry.try_into().unwrap()) - 0x1ffe_0040;
            let table = &tables[at as usize..];
            let len = u32::from_le_bytes(table[4..8].try_into().unwrap()) as usize;
            assert_eq!(linker::sum_of(&table[..len]), 0);
        }
    }

    #[test]
    fn without_acpi_there_are_no_files() {
        let off = Platform { acpi: AcpiProfile::Off, ..Platform::default() };

        assert_eq!(for_firmware(&off), None);
    }
}
