//! The same guest whichever way it is booted: what Linux sees of the machine by one way and by another
//! differs by lists that stand here, each row with its reason, and by nothing else.
//!
//! Compared are the memory map, the ACPI tables (pointers between them left out: whoever places them does so
//! where there is room), the SMBIOS structures, processors, devices, their I/O ports, and the command line.

mod runs;

use runs::{Boot, Scratch, boot, guest, run};
use std::collections::BTreeSet;

const APPEND: &str = "console=ttyS0 root=/dev/none with=\"two words\"";

/// Prints what the kernel knows, a line for each fact.
const INIT: &str = r#"#!/bin/busybox sh
/bin/busybox mount -t proc proc /proc
/bin/busybox mount -t sysfs sysfs /sys
/bin/busybox --install -s /bin
echo "SEEN cmdline $(cat /proc/cmdline)"
echo "SEEN processors $(grep -c ^processor /proc/cpuinfo)"
for row in /sys/firmware/memmap/*; do
    echo "SEEN map $(cat $row/start)-$(cat $row/end) $(cat $row/type)"
done
for table in /sys/firmware/acpi/tables/[A-Z]*; do
    [ -f $table ] && echo "TABLE $(basename $table) $(xxd -p $table | tr -d '\n')"
done
echo "SEEN smbios $(xxd -p /sys/firmware/dmi/tables/DMI | tr -d '\n')"
grep -v ' : 00:00' /proc/ioports | while read -r port; do echo "SEEN ports $port"; done
for device in /sys/bus/pnp/devices/*; do
    [ -f $device/id ] && echo "SEEN pnp $(cat $device/id)"
done
for device in /sys/bus/pci/devices/*; do
    [ -f $device/class ] && echo "SEEN pci $(basename $device) $(cat $device/vendor) $(cat $device/device)"
done
echo USERSPACE-UP
poweroff -f
"#;

/// What is different on purpose: lines that only one of two ways has.
struct Difference {
    /// The lines of the first way.
    first: &'static [&'static str],
    /// The lines of the second.
    second: &'static [&'static str],
    /// Why that is right.
    reason: &'static str,
}

/// By PVH on the least machine, and by the 64-bit entry on one with screen and keyboard.
const PVH_AND_SCREEN: &[Difference] = &[
    Difference {
        first: &["map 0x9fc00-0xfffff Reserved"],
        second: &["map 0x9fc00-0x9ffff Reserved", "map 0xe0000-0xfffff Reserved"],
        reason: "Linux' own PVH code adds the hole for ISA to the map it was given, and joins the rows",
    },
    Difference {
        first: &["acpi FACP boot flags 0x5"],
        second: &[
            "acpi FACP boot flags 0x3",
            "pnp PNP0303",
            "pnp PNP0f13",
            "ports 03c0-03df : vga+",
        ],
        reason: "-vga std: an adapter, and a keyboard controller with it",
    },
];

/// The 64-bit entry on a machine with screen and keyboard, and SeaBIOS with linuxboot_dma.bin. The last row is
/// of a machine without drives.
const DIRECT_AND_SEABIOS: &[Difference] = &[
    Difference {
        first: &["map 0xe0000-0xfffff Reserved"],
        second: &["map 0xf0000-0xfffff Reserved"],
        reason: "a direct boot has its tables from 0xe0000 on, SeaBIOS its own segment from 0xf0000 on",
    },
    Difference {
        first: &["map 0x100000-0x1fffffff System RAM"],
        second: &["map 0x100000-0x1fffefff System RAM", "map 0x1ffff000-0x1fffffff Reserved"],
        reason: "SeaBIOS keeps the ACPI tables that it has linked at the top of RAM",
    },
    Difference {
        first: &[],
        second: &["map 0xfffc0000-0xffffffff Reserved"],
        reason: "the ROM; a machine without firmware has none",
    },
    Difference {
        first: &[],
        second: &[
            "pci 0000:00:00.0 0x8086 0x1237",
            "pci 0000:00:01.0 0x8086 0x7000",
            "pci 0000:00:01.3 0x8086 0x7113",
            "ports 0000-0cf7 : PCI Bus 0000:00",
            "ports 0600-063f : 0000:00:01.3",
            "ports 0700-070f : 0000:00:01.3",
            "ports 0cf8-0cff : PCI conf1",
            "ports 0d00-ffff : PCI Bus 0000:00",
        ],
        reason: "without drives: firmware shadows itself and places the PM registers through PCI \
                 functions; without it they are where the tables say, and there is no PCI to scan",
    },
];

/// The facts of one boot, as lines.
fn facts(boot: &Boot) -> BTreeSet<String> {
    let lines = boot.console.lines().map(str::trim_end);
    let seen = lines.clone().filter_map(|line| line.strip_prefix("SEEN ")).map(str::to_owned);
    let tables = lines.filter_map(|line| line.strip_prefix("TABLE "));
    seen.chain(tables.flat_map(table)).collect()
}

/// An ACPI table as lines: its bytes must add up to 0, and pointers do not count.
fn table(line: &str) -> Vec<String> {
    let (name, hex) = line.split_once(' ').expect("name and bytes");
    let digits = hex.as_bytes().chunks(2);
    let byte = |pair| u8::from_str_radix(std::str::from_utf8(pair).unwrap(), 16).unwrap();
    let mut bytes: Vec<u8> = digits.map(byte).collect();
    if name != "FACS" {
        let sum = bytes.iter().fold(0_u8, |sum, byte| sum.wrapping_add(*byte));
        assert_eq!(sum, 0, "the checksum of {name}");
        bytes[9] = 0;
    }
    if name == "DSDT" {
        // Its devices are compared as Linux finds them.
        return vec![format!("acpi DSDT, S5: {}", bytes.windows(4).any(|word| word == b"_S5_"))];
    }
    if name == "FACP" {
        // FIRMWARE_CTRL, DSDT, X_FIRMWARE_CTRL, X_DSDT (ACPI 6.5, "Fixed ACPI Description Table").
        for at in (36..44).chain(132..148) {
            bytes[at] = 0;
        }
        let flags = u16::from_le_bytes([bytes[109], bytes[110]]);
        bytes[109..111].fill(0);
        let line = format!("acpi FACP {} bytes: {bytes:02x?}", bytes.len());
        return vec![line, format!("acpi FACP boot flags {flags:#x}")];
    }
    vec![format!("acpi {name} {} bytes: {bytes:02x?}", bytes.len())]
}

/// An initramfs with busybox and [`INIT`].
fn initramfs(scratch: &Scratch, busybox: &str) -> String {
    let tree = scratch.path("tree");
    for folder in ["bin", "proc", "sys", "dev"] {
        std::fs::create_dir_all(format!("{tree}/{folder}")).expect("a folder");
    }
    std::fs::copy(busybox, format!("{tree}/bin/busybox")).expect("a program");
    std::fs::write(format!("{tree}/init"), INIT).expect("a script");
    for program in ["init", "bin/busybox"] {
        runs::executable(&format!("{tree}/{program}"));
    }
    let archive = scratch.path("seen.cpio");
    let packed = run(&["mkinitrd", &tree, "-o", &archive]);
    assert_eq!(packed.status, Some(0), "{}", packed.stderr);
    archive
}

/// Two ways differ by these rows and by nothing else.
#[track_caller]
fn compare(first: &BTreeSet<String>, second: &BTreeSet<String>, rows: &[Difference]) {
    let only =
        |one: &BTreeSet<String>, other| -> Vec<String> { one.difference(other).cloned().collect() };
    let listed = |of: fn(&Difference) -> &'static [&'static str]| -> Vec<String> {
        let lines: BTreeSet<_> = rows.iter().flat_map(of).collect();
        lines.into_iter().map(|line| (*line).to_owned()).collect()
    };
    assert!(rows.iter().all(|row| !row.reason.is_empty()));
    assert_eq!(only(first, second), listed(|row| row.first), "only by the first way");
    assert_eq!(only(second, first), listed(|row| row.second), "only by the second way");
}

#[test]
fn linux_sees_the_same_machine_by_pvh_by_its_64_bit_entry_and_behind_seabios() {
    let test = "same-guest";
    let files = ["cloud/vmlinux", "cloud/vmlinuz", "roms/bios-256k.bin", "busybox"];
    let Some(paths) = files.map(|file| guest(test, file)).into_iter().collect::<Option<Vec<_>>>()
    else {
        return;
    };
    let (elf, packed, bios) = (&*paths[0], &*paths[1], &*paths[2]);
    let scratch = Scratch::new("same-guest-files");
    let initrd = initramfs(&scratch, &paths[3]);
    let see = |name: &str, args: &[&str]| {
        let common = ["--initrd", &initrd, "--append", APPEND];
        let boot = boot(name, &[args, &common].concat());
        assert_eq!(boot.status, Some(0), "{args:?}: {}\n{}", boot.said, boot.console);
        assert!(boot.console.contains("USERSPACE-UP"), "{args:?}");
        facts(&boot)
    };

    let pvh = see("same-guest-pvh", &[elf]);
    let direct = see("same-guest-linux64", &[packed, "-vga", "std"]);
    let firmware = see("same-guest-seabios", &["--kernel", packed, "--bios", bios]);

    for fact in ["map 0x0-0x9fbff System RAM", "processors 1", "acpi DSDT, S5: true"] {
        assert!(pvh.contains(fact), "{fact}: {pvh:#?}");
    }
    assert!(pvh.contains(&format!("cmdline {APPEND}")), "{pvh:#?}");
    for name in ["APIC ", "FACP ", "FACS "] {
        assert!(pvh.iter().any(|fact| fact.starts_with(&format!("acpi {name}"))), "{name}");
    }
    compare(&pvh, &direct, PVH_AND_SCREEN);
    compare(&direct, &firmware, DIRECT_AND_SEABIOS);

    // A drive brings PCI to the direct boot.
    let disk = scratch.file("disk.img", &[0; 1 << 20]);
    let direct = see("same-guest-disk", &[packed, "-vga", "std", "-hda", &disk]);
    let firmware =
        see("same-guest-seabios-disk", &["--kernel", packed, "--bios", bios, "-hda", &disk]);
    assert!(direct.contains("pci 0000:00:01.1 0x8086 0x7010"), "{direct:#?}");
    let (_pci, rows) = DIRECT_AND_SEABIOS.split_last().expect("rows");
    compare(&direct, &firmware, rows);
}
