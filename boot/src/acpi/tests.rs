use super::*;
use crate::platform::VirtioMmio;
use linker::sum_of;

fn table<'a>(tables: &'a AcpiTables, name: &str) -> &'a (u64, Vec<u8>, &'static str) {
    tables.blobs.iter().find(|blob| blob.2 == name).unwrap()
}

fn bytes<'a>(tables: &'a AcpiTables, name: &str) -> &'a [u8] {
    &table(tables, name).1
}

fn u16_at(bytes: &[u8], at: usize) -> u16 {
    u16::from_le_bytes(bytes[at..at + 2].try_into().unwrap())
}

fn u32_at(bytes: &[u8], at: usize) -> u32 {
    u32::from_le_bytes(bytes[at..at + 4].try_into().unwrap())
}

fn u64_at(bytes: &[u8], at: usize) -> u64 {
    u64::from_le_bytes(bytes[at..at + 8].try_into().unwrap())
}

/// Everything a platform can have, and as much of it as fits its types.
fn largest_platform() -> Platform {
    Platform {
        cpus: 255,
        i8042: true,
        hpet: true,
        virtio_mmio: vec![VirtioMmio { base: 0xfeb0_0000, gsi: 16 }; 300],
        ..Platform::default()
    }
}

/// The interrupt controller structures of a MADT, each with its type and length bytes.
fn madt_entries(madt: &[u8]) -> Vec<&[u8]> {
    let mut rest = &madt[44..];
    let mut entries = Vec::new();
    while let Some(&len) = rest.get(1) {
        let (entry, after) = rest.split_at(len.into());
        entries.push(entry);
        rest = after;
    }
    entries
}

#[test]
fn profile_off_has_no_rsdp_and_no_table() {
    let platform = Platform { acpi: AcpiProfile::Off, ..Platform::default() };

    assert_eq!(build(&platform), AcpiTables { rsdp: 0, blobs: Vec::new() });
}

#[test]
fn every_table_adds_up_to_zero_and_states_its_own_length() {
    let reduced = Platform { acpi: AcpiProfile::Reduced, ..Platform::default() };
    for platform in [Platform::default(), largest_platform(), reduced] {
        for (_, bytes, name) in build(&platform).blobs {
            match name {
                "RSDP" => {
                    assert_eq!(sum_of(&bytes[..20]), 0, "ACPI 1.0 part");
                    assert_eq!(sum_of(&bytes), 0, "extended");
                    assert_eq!(u32_at(&bytes, 20), 36);
                }
                "FACS" => assert_eq!((u32_at(&bytes, 4), bytes.len()), (64, 64)),
                _ => {
                    assert_eq!(sum_of(&bytes), 0, "{name}");
                    assert_eq!(u32_at(&bytes, 4) as usize, bytes.len(), "{name}");
                    assert_eq!(&bytes[..4], name.as_bytes());
                }
            }
        }
    }
}

#[test]
fn tables_are_ordered_apart_and_inside_the_bios_area_on_the_largest_platform() {
    for platform in [Platform::default(), largest_platform()] {
        let mut free = RSDP_ADDR;

        for (address, bytes, name) in build(&platform).blobs {
            assert!(address >= free && address.is_multiple_of(16), "{name} at {address:#x}");
            free = address + bytes.len() as u64;
        }

        let room = TABLES_END - RSDP_ADDR;
        assert!(free + room / 4 < TABLES_END, "tables end at {free:#x}");
    }
}

#[test]
fn pointers_lead_from_the_rsdp_to_every_other_table() {
    let tables = build(&Platform { hpet: true, ..Platform::default() });
    let at = |name| table(&tables, name).0;

    let rsdp = bytes(&tables, "RSDP");
    assert_eq!((tables.rsdp, at("RSDP")), (0xe_0000, 0xe_0000));
    assert_eq!((&rsdp[..8], rsdp[15]), (&b"RSD PTR "[..], 2));
    assert_eq!(u64_at(rsdp, 24), at("XSDT"));
    let rsdt = bytes(&tables, "RSDT");
    assert_eq!(u64::from(u32_at(rsdp, 16)), at("RSDT"));
    let listed: Vec<u64> = rsdt[36..].chunks(4).map(|entry| u32_at(entry, 0).into()).collect();
    assert_eq!(listed, [at("FACP"), at("APIC"), at("HPET")]);
    let xsdt = bytes(&tables, "XSDT");
    let listed: Vec<u64> = xsdt[36..].chunks(8).map(|entry| u64_at(entry, 0)).collect();
    assert_eq!(listed, [at("FACP"), at("APIC"), at("HPET")]);
    let fadt = bytes(&tables, "FACP");
    assert_eq!(u64::from(u32_at(fadt, 36)), at("FACS"));
    assert_eq!(u64_at(fadt, 132), 0, "X_FIRMWARE_CTRL: only one of the two may be set");
    assert_eq!((u64::from(u32_at(fadt, 40)), u64_at(fadt, 140)), (at("DSDT"), at("DSDT")));
    assert!(at("FACS").is_multiple_of(64));
}

/// Offsets: ACPI 6.5, table "FADT Format".
#[test]
fn the_fadt_names_each_register_block_twice_and_has_no_smi_command_port() {
    let tables = build(&Platform::default());
    let fadt = bytes(&tables, "FACP");

    assert_eq!((fadt.len(), fadt[8], fadt[131]), (276, 6, 5), "revision 6.5");
    assert_eq!(u16_at(fadt, 46), 9, "SCI_INT");
    assert_eq!(u32_at(fadt, 48), 0, "SMI_CMD");
    // 32-bit field, its length field, X_ field: port, bytes.
    for (at, len_at, x_at, port, len) in [
        (56, 88, 148, 0x600, 4),  // PM1a_EVT
        (64, 89, 172, 0x604, 2),  // PM1a_CNT
        (76, 91, 208, 0x608, 4),  // PM_TMR
        (80, 92, 220, 0xafe0, 4), // GPE0
    ] {
        assert_eq!((u32_at(fadt, at), fadt[len_at]), (port, len));
        assert_eq!(&fadt[x_at..x_at + 3], [1, 8 * len, 0], "system I/O, width, offset");
        assert_eq!(u64_at(fadt, x_at + 4), u64::from(port));
    }
    assert_eq!((fadt[116], u64_at(fadt, 120), fadt[128]), (1, 0xcf9, 0x0e), "reset");
    // WBINVD, PROC_C1, no fixed power, sleep button or RTC wake, reset register; a 24-bit timer.
    assert_eq!(u32_at(fadt, 112), 0b0100_0111_0101);
    assert_eq!(u16_at(fadt, 109), 0b00_0101, "legacy devices, no 8042, no VGA, an RTC");
    assert_eq!(fadt[108], 0x32, "century");
}

#[test]
fn boot_flags_follow_the_devices_of_the_platform() {
    let with = |platform| u16_at(bytes(&build(&platform), "FACP"), 109);

    assert_eq!(with(Platform { i8042: true, vga: true, ..Platform::default() }), 0b00_0011);
    let bare = Platform { rtc: false, serial_ports: Vec::new(), ..Platform::default() };
    assert_eq!(with(bare), 0b10_0100);
}

/// Expected bytes: ACPI 6.5, "Interrupt Controller Structure Types".
#[test]
fn the_madt_routes_the_timer_to_gsi_2_and_nmi_to_every_lint1() {
    let tables = build(&Platform { cpus: 2, ..Platform::default() });
    let madt = bytes(&tables, "APIC");

    assert_eq!((u32_at(madt, 36), u32_at(madt, 40)), (0xfee0_0000, 1), "local APICs, PCAT_COMPAT");
    let expected: [&[u8]; 9] = [
        &[0, 8, 0, 0, 1, 0, 0, 0],
        &[0, 8, 1, 1, 1, 0, 0, 0],
        &[1, 12, 0, 0, 0x00, 0x00, 0xc0, 0xfe, 0, 0, 0, 0],
        &[2, 10, 0, 0, 2, 0, 0, 0, 0, 0],
        &[2, 10, 0, 5, 5, 0, 0, 0, 0x0d, 0],
        &[2, 10, 0, 9, 9, 0, 0, 0, 0x0d, 0],
        &[2, 10, 0, 10, 10, 0, 0, 0, 0x0d, 0],
        &[2, 10, 0, 11, 11, 0, 0, 0, 0x0d, 0],
        &[4, 6, 0xff, 0, 0, 1],
    ];
    assert_eq!(madt_entries(madt), expected);
}

/// Every entry of a MADT is about APICs; Linux takes one without them for a broken machine.
#[test]
fn processors_without_a_local_apic_have_no_madt() {
    let tables = build(&Platform { lapic: false, ..Platform::default() });

    assert!(tables.blobs.iter().all(|blob| blob.2 != "APIC"));
    assert!(tables.blobs.iter().any(|blob| blob.2 == "FACP"));
}

#[test]
fn pcat_compat_is_clear_without_a_pic() {
    let tables = build(&Platform { pic: false, ..Platform::default() });

    assert_eq!(u32_at(bytes(&tables, "APIC"), 40), 0);
}

/// Everything reduced: ACPI 6.5, "Hardware-Reduced ACPI", and the FADT's register fields.
#[test]
fn the_reduced_profile_has_sleep_and_reset_registers_and_no_legacy_hardware() {
    let tables = build(&Platform { acpi: AcpiProfile::Reduced, ..Platform::default() });

    let fadt = bytes(&tables, "FACP");
    assert_ne!(u32_at(fadt, 112) & 1 << 20, 0, "HW_REDUCED_ACPI");
    assert_ne!(u32_at(fadt, 112) & 1 << 10, 0, "RESET_REG_SUP");
    for (at, address) in [(116, 0xfea0_0202), (244, 0xfea0_0200), (256, 0xfea0_0201)] {
        assert_eq!(fadt[at..at + 4], [0, 8, 0, 1], "a byte in memory");
        assert_eq!(u64_at(fadt, at + 4), address);
    }
    assert_eq!(fadt[128], 0x42, "reset value");
    assert!(fadt[46..108].iter().all(|&byte| byte == 0), "no fixed hardware");
    assert_eq!(u16_at(fadt, 109) & 1 << 5, 1 << 5, "no CMOS RTC");
    assert!(!tables.blobs.iter().any(|blob| blob.2 == "FACS"));
    let madt = bytes(&tables, "APIC");
    assert_eq!(u32_at(madt, 40), 0, "no PCAT_COMPAT though the platform says PIC");
    assert!(madt_entries(madt).iter().all(|entry| entry[0] != 2));
    let dsdt = bytes(&tables, "DSDT");
    assert!(!dsdt.windows(4).any(|name| name == b"RTC_"));
    let s5 = dsdt.windows(4).position(|name| name == b"_S5_").unwrap();
    assert_eq!(dsdt[s5 + 4..s5 + 12], [0x12, 8, 4, 0x0a, 5, 0x0a, 5, 0], "package, SLP_TYP 5");
}

/// An independent reader, Intel's iasl, takes each table apart and finds what we meant. Skipped, with
/// a word about it, where the package acpica-tools is not installed.
#[test]
fn iasl_disassembles_every_table_without_a_complaint() {
    if std::process::Command::new("iasl").arg("-v").output().is_err() {
        println!("SKIPPED: iasl is not installed (Debian package acpica-tools)");
        return;
    }
    let text = disassemble(&build(&Platform::default()), "default");

    for wanted in [
        "Name (\\_S5, Package (0x04)",
        "Name (_HID, EisaId (\"PNP0501\")",
        "Name (_HID, EisaId (\"PNP0B00\")",
        "Name (_HID, \"ACPI0007\"",
        "IO (Decode16, 0x03F8,",
        "Local Apic Address : FEE00000",
        "Subtable Type : 04 [Local APIC NMI]",
        "SMI Command Port : 00000000",
        "PM Timer Block Address : 00000608",
    ] {
        assert!(text.contains(wanted), "{wanted:?} is missing in:\n{text}");
    }
    let reduced = Platform { acpi: AcpiProfile::Reduced, ..largest_platform() };
    let text = disassemble(&build(&reduced), "reduced");
    let wanted = ["Hardware Reduced (V5) : 1", "Value to cause reset : 42"];
    assert!(wanted.iter().all(|words| text.contains(words)), "{text}");
    let text = disassemble(&build(&Platform { pci: true, ..Platform::default() }), "pci");
    let wanted = ["PNP0A03", "Name (_PRT, Package (0x01)", "WordBusNumber", "0xFEBFFFFF"];
    assert!(wanted.iter().all(|words| text.contains(words)), "{text}");
    let text = disassemble(&build(&largest_platform()), "largest");
    assert!(text.contains("Name (_HID, \"LNRO0005\")") && text.contains("PNP0103"), "{text}");
}

/// What iasl writes about all tables, with single spaces; it must accept each without a complaint.
fn disassemble(tables: &AcpiTables, name: &str) -> String {
    let directory =
        std::env::temp_dir().join(format!("bootscope-acpi-{name}-{}", std::process::id()));
    std::fs::create_dir_all(&directory).unwrap();
    let mut all = String::new();
    // The RSDP and the FACS are not tables that iasl takes alone (no common header).
    for (_, bytes, table) in tables.blobs.iter().filter(|blob| blob.2 != "RSDP") {
        let file = directory.join(table);
        std::fs::write(&file, bytes).unwrap();
        let run = std::process::Command::new("iasl").arg("-d").arg(&file).output().unwrap();
        let said = String::from_utf8_lossy(&run.stderr).into_owned()
            + &String::from_utf8_lossy(&run.stdout);
        assert!(run.status.success(), "{table}: {said}");
        for complaint in ["rror", "arning", "nvalid", "ncorrect"] {
            assert!(!said.contains(complaint), "{table}: {said}");
        }
        all += &std::fs::read_to_string(file.with_extension("dsl")).unwrap();
    }
    std::fs::remove_dir_all(directory).unwrap();
    all.split_whitespace().collect::<Vec<_>>().join(" ")
}

#[test]
fn a_version_1_copy_of_the_rsdp_is_20_bytes_that_add_up_to_zero() {
    let tables = build(&Platform::default());
    let rsdp = bytes(&tables, "RSDP");

    let old = rsdp_version_1(rsdp);

    assert_eq!((old.len(), old[15], sum_of(&old)), (20, 0, 0));
    assert_eq!(old[16..20], rsdp[16..20], "the RSDT");
    assert!(rsdp_version_1(&[]).is_empty());
}
