use super::*;

fn read(pci: &mut Pci, place: u8, register: u8) -> u32 {
    pci.set_address(ENABLE | u32::from(place) << 8 | u32::from(register));
    u32::from_le_bytes(core::array::from_fn(|at| pci.read_data(at as u8)))
}

fn write(pci: &mut Pci, place: u8, register: u8, value: u8) {
    pci.set_address(ENABLE | u32::from(place) << 8 | u32::from(register & !3));
    pci.write_data(register & 3, value);
}

/// Vendor, device and class as `lspci` shows them on QEMU's `pc`.
#[test]
fn the_functions_of_the_board_are_found_and_no_others() {
    let mut pci = Pci::new(true);
    let found: Vec<_> = (0..=255)
        .filter_map(|place| {
            let id = read(&mut pci, place, 0);
            (id != u32::MAX).then(|| (place, id, read(&mut pci, place, 8) >> 16))
        })
        .collect();

    let expected = [
        (0, 0x1237_8086, 0x0600),
        (8, 0x7000_8086, 0x0601),
        (9, 0x7010_8086, 0x0101),
        (11, 0x7113_8086, 0x0680),
    ];
    assert_eq!(found, expected);
    pci.set_address(ENABLE | 1 << 16);
    assert_eq!(pci.read_data(0), 0xff, "there is no bus 1");
}

#[test]
fn without_the_enable_bit_the_window_is_closed() {
    let mut pci = Pci::new(false);
    pci.set_address(0x7fff_ffff);

    assert_eq!(pci.address(), 0x00ff_fffc);
    assert_eq!(pci.read_data(0), 0xff);
}

#[test]
fn pam_registers_divide_the_shadow_area_as_the_datasheet_says() {
    let mut pci = Pci::new(false);
    assert!(pci.shadow().iter().all(|segment| *segment == Attributes::default()));

    write(&mut pci, HOST_BRIDGE, 0x59, 0xff); // PAM0: f0000-fffff
    write(&mut pci, HOST_BRIDGE, 0x5a, 0x12); // PAM1: c4000 read, c0000 write
    write(&mut pci, HOST_BRIDGE, 0x5f, 0x30); // PAM6: ec000 both

    let both = Attributes { read_ram: true, write_ram: true };
    let mut expected = [Attributes::default(); SEGMENTS];
    expected[12] = both;
    expected[0] = Attributes { write_ram: true, ..expected[0] };
    expected[1] = Attributes { read_ram: true, ..expected[1] };
    expected[11] = both;
    assert_eq!(pci.shadow(), expected);
    assert_eq!(i440fx::segment(11), (0xe_c000, 0x4000));
    assert_eq!(i440fx::segment(12), (0xf_0000, 0x1_0000));
    assert_eq!(read(&mut pci, HOST_BRIDGE, 0x58) >> 8 & 0xff, 0x30, "PAM0 has four bits");
}

#[test]
fn the_pm_ports_answer_where_and_when_the_guest_says() {
    let mut pci = Pci::new(false);
    assert_eq!(pci.pm_base(), None);

    write(&mut pci, POWER, 0x40, 0x01);
    write(&mut pci, POWER, 0x41, 0x06);
    assert_eq!(pci.pm_base(), None);
    write(&mut pci, POWER, 0x80, 0x01);

    assert_eq!(pci.pm_base(), Some(0x600));
    assert_eq!(read(&mut pci, POWER, 0x58) >> 25 & 1, 1, "SMM is not for firmware to set up");
}

/// What SeaBIOS 1.16.2 leaves on this board, as Linux finds it, but for PAM.
#[test]
fn a_board_that_is_set_up_is_as_firmware_leaves_it() {
    let mut pci = Pci::set_up(true, 0x600);
    let both = Attributes { read_ram: true, write_ram: true };
    assert_eq!((pci.address(), pci.shadow()), (0, [both; SEGMENTS]));
    assert_eq!((pci.pm_base(), pci.bus_master_base()), (Some(0x600), Some(0xc000)));
    assert!(!pci.ide_is_master(), "the driver's business");
    for (place, register, value) in [
        (HOST_BRIDGE, 0x04, 0x0280_0106),
        (ISA_BRIDGE, 0x60, 0x0b0b_0a0a),
        (IDE, 0x04, 0x0280_0001),
        (IDE, 0x20, 0x0000_c001),
        (IDE, 0x40, 0x8000_8000),
        (POWER, 0x04, 0x0280_0001),
        (POWER, 0x3c, 0x0000_0109),
        (POWER, 0x40, 0x0000_0601),
        (POWER, 0x90, 0x0000_0701),
        (POWER, 0xd0, 0x0009_0000),
    ] {
        assert_eq!(read(&mut pci, place, register), value, "{place} {register:#x}");
    }
    assert_eq!(read(&mut Pci::set_up(false, 0x600), IDE, 0), u32::MAX);
}

/// 82371AB, "PCICMD (IDE)": bit 2 is Bus Master Enable, and bit 0 lets the ports answer.
#[test]
fn the_ide_interface_transfers_by_itself_only_while_its_command_register_says_so() {
    let mut pci = Pci::new(true);
    write(&mut pci, IDE, 0x21, 0xc0);
    assert_eq!((pci.bus_master_base(), pci.ide_is_master()), (None, false));

    write(&mut pci, IDE, 0x04, 0x01);
    assert_eq!((pci.bus_master_base(), pci.ide_is_master()), (Some(0xc000), false));
    write(&mut pci, IDE, 0x04, 0x05);
    assert_eq!((pci.bus_master_base(), pci.ide_is_master()), (Some(0xc000), true));

    let mut without = Pci::new(false);
    write(&mut without, IDE, 0x04, 0x05);
    assert!(!without.ide_is_master());
}
