use super::{bits, fw_cfg, mmio, msr, port};

#[test]
fn ports_are_named_by_direction() {
    let name = |number, write| port::port(number, write).unwrap();
    assert_eq!(name(0x3fd, false), "COM1 LSR");
    assert_eq!(name(0x2fa, true), "COM2 FCR");
    assert_eq!(name(0x2fa, false), "COM2 IIR");
    assert_eq!(name(0x42, true), "PIT counter 2");
    assert_eq!(name(0x608, false), "PM timer");
    assert_eq!(name(0xcf9, true), "reset control");
    assert_eq!(port::port(0x1234, false), None);
}

#[test]
fn the_table_of_ports_is_ascending_without_overlap() {
    for pair in port::PORTS.windows(2) {
        assert!(pair[0].0.end() < pair[1].0.start(), "{:?}", pair[0]);
    }
}

#[test]
fn msrs_are_named_with_banks_and_ranges() {
    let name = |number| msr::msr(number).unwrap();
    assert_eq!(name(0xc000_0080), "IA32_EFER");
    assert_eq!(name(0x201), "IA32_MTRR_PHYSMASK0");
    assert_eq!(name(0x26f), "IA32_MTRR_FIX4K_F8000");
    assert_eq!(name(0x401), "IA32_MC0_STATUS");
    assert_eq!(name(0x80b), "x2APIC EOI");
    assert_eq!(msr::msr(0x1234_5678), None);
    assert_eq!(msr::value(0x1b, 0xfee0_0900).unwrap(), "base 0xfee00000, xAPIC, BSP");
}

#[test]
fn mapped_registers_are_named() {
    let name = |addr| mmio::mmio(addr).unwrap();
    assert_eq!(name(0xfee0_0320), "LAPIC LVT timer");
    assert_eq!(name(0xfee0_0110), "LAPIC ISR 1");
    assert_eq!(name(0xfec0_0010), "I/O APIC IOWIN");
    assert_eq!(name(0xfed0_0108), "HPET timer 0 comparator");
    assert_eq!(name(0xb_8000), "VGA window");
    assert_eq!(mmio::mmio(0xe000_0000), None);
}

#[test]
fn fw_cfg_items_are_named() {
    assert_eq!(fw_cfg::item(0x19), "file directory");
    assert_eq!(fw_cfg::item(0x22), "file 2");
    assert_eq!(fw_cfg::item(0x4022), "file 2, for writing");
    assert_eq!(fw_cfg::item(0x1f), "no item");
}

#[test]
fn unnamed_bits_keep_their_number() {
    assert_eq!(bits::words(0x8000_0011 | 1 << 40, bits::CR0), "PG ET PE bit 40");
    assert_eq!(bits::words(0, bits::CR0), "none");
    assert_eq!(bits::change(0x11, 0x8000_0010, bits::CR0), "PG set, PE cleared");
}
