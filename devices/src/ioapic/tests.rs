use super::*;

const FIXED_EDGE: u32 = 0;
const LEVEL: u32 = 1 << 15;
const MASKED: u32 = 1 << 16;

fn write_register(ioapic: &mut Ioapic, index: u32, value: u32) {
    ioapic.write(0x00, index);
    ioapic.write(0x10, value);
}

fn read_register(ioapic: &mut Ioapic, index: u32) -> u32 {
    ioapic.write(0x00, index);
    ioapic.read(0x10)
}

fn vectors(ioapic: &mut Ioapic) -> Vec<u8> {
    std::iter::from_fn(|| ioapic.take_delivery()).map(|delivery| delivery.vector).collect()
}

/// The values Linux reads on a PC: "IOAPIC[0]: apic_id 0, version 32, GSI 0-23".
#[test]
fn identity_reads_as_a_24_pin_version_20_part() {
    let mut ioapic = Ioapic::new();
    write_register(&mut ioapic, 0, 0xff00_0000);

    assert_eq!(read_register(&mut ioapic, 0), 0x0f00_0000);
    assert_eq!(read_register(&mut ioapic, 2), 0x0f00_0000);
    assert_eq!(read_register(&mut ioapic, 1), 0x0017_0020);
    for pin in 0..24 {
        assert_eq!(read_register(&mut ioapic, 0x10 + 2 * pin), MASKED);
        assert_eq!(read_register(&mut ioapic, 0x11 + 2 * pin), 0);
    }
    assert_eq!(read_register(&mut ioapic, 0x40), 0);
}

#[test]
fn read_only_bits_of_an_entry_stay() {
    let mut ioapic = Ioapic::new();
    write_register(&mut ioapic, 0x12, u32::MAX);
    write_register(&mut ioapic, 0x13, u32::MAX);

    assert_eq!(read_register(&mut ioapic, 0x12), 0x0001_afff);
    assert_eq!(read_register(&mut ioapic, 0x13), 0xff00_0000);
}

#[test]
fn an_edge_is_sent_once_with_the_fields_of_its_entry() {
    let mut ioapic = Ioapic::new();
    write_register(&mut ioapic, 0x15, 0x0300_0000);
    write_register(&mut ioapic, 0x14, 0x0000_0931); // logical, lowest priority

    ioapic.set_irq(2, true);
    ioapic.set_irq(2, true);

    let delivery = Delivery {
        vector: 0x31,
        mode: DeliveryMode::LowestPriority,
        dest: 3,
        logical: true,
        level: false,
    };
    assert_eq!(ioapic.take_delivery(), Some(delivery));
    assert_eq!(ioapic.take_delivery(), None);
}

/// 82093AA, "Interrupt Mask": edges on a masked pin are not held pending.
#[test]
fn an_edge_on_a_masked_pin_is_lost() {
    let mut ioapic = Ioapic::new();
    write_register(&mut ioapic, 0x14, MASKED | 0x31);

    ioapic.set_irq(2, true);
    write_register(&mut ioapic, 0x14, FIXED_EDGE | 0x31);

    assert_eq!(ioapic.take_delivery(), None);
    ioapic.set_irq(2, false);
    ioapic.set_irq(2, true);
    assert_eq!(vectors(&mut ioapic), [0x31]);
}

#[test]
fn an_asserted_level_waits_behind_the_mask() {
    let mut ioapic = Ioapic::new();
    write_register(&mut ioapic, 0x14, MASKED | LEVEL | 0x31);
    ioapic.set_irq(2, true);
    assert_eq!(ioapic.take_delivery(), None);

    write_register(&mut ioapic, 0x14, LEVEL | 0x31);

    assert_eq!(vectors(&mut ioapic), [0x31]);
}

#[test]
fn a_level_interrupts_again_only_after_its_eoi() {
    let mut ioapic = Ioapic::new();
    write_register(&mut ioapic, 0x14, LEVEL | 0x31);
    ioapic.set_irq(2, true);
    assert_eq!(vectors(&mut ioapic), [0x31]);
    assert_eq!(read_register(&mut ioapic, 0x14), LEVEL | 0x4031, "remote IRR");

    ioapic.eoi(0x32);
    assert_eq!(ioapic.take_delivery(), None, "the EOI of another vector");
    ioapic.eoi(0x31);
    assert_eq!(vectors(&mut ioapic), [0x31], "still asserted");

    ioapic.set_irq(2, false);
    ioapic.write(0x40, 0x31);
    assert_eq!(ioapic.take_delivery(), None);
    assert_eq!(read_register(&mut ioapic, 0x14), LEVEL | 0x31);
}

/// Linux 6.1 `__eoi_ioapic_pin` for parts without an EOI register: to edge and back to level.
#[test]
fn making_an_entry_edge_triggered_clears_remote_irr() {
    let mut ioapic = Ioapic::new();
    write_register(&mut ioapic, 0x14, LEVEL | 0x31);
    ioapic.set_irq(2, true);
    ioapic.take_delivery();

    write_register(&mut ioapic, 0x14, MASKED | 0x31);
    write_register(&mut ioapic, 0x14, LEVEL | 0x31);

    assert_eq!(vectors(&mut ioapic), [0x31]);
}

/// 82093AA, "Delivery Mode": NMI and ExtINT are edges even if programmed as level.
#[test]
fn nmi_and_extint_are_edges_whatever_the_trigger_bit_says() {
    for (bits, mode) in [(0x400, DeliveryMode::Nmi), (0x700, DeliveryMode::ExtInt)] {
        let mut ioapic = Ioapic::new();
        write_register(&mut ioapic, 0x10, LEVEL | bits);

        ioapic.set_irq(0, true);

        let delivery = ioapic.take_delivery().expect("a message");
        assert_eq!((delivery.mode, delivery.level), (mode, false));
        assert_eq!(ioapic.take_delivery(), None);
        assert!(!ioapic.redirection[0].remote_irr());
    }
}

#[test]
fn reserved_modes_send_nothing() {
    let mut ioapic = Ioapic::new();
    for bits in [0x300, 0x600] {
        write_register(&mut ioapic, 0x10, bits | 0x31);
        ioapic.set_irq(0, true);
        assert_eq!(ioapic.take_delivery(), None);
        ioapic.set_irq(0, false);
    }
}

#[test]
fn lower_pins_go_first_and_pins_beyond_23_do_not_exist() {
    let mut ioapic = Ioapic::new();
    write_register(&mut ioapic, 0x10 + 2 * 20, 0x50);
    write_register(&mut ioapic, 0x10 + 2 * 4, 0x40);
    for pin in [20, 4, 24, 255] {
        ioapic.set_irq(pin, true);
    }

    assert_eq!(vectors(&mut ioapic), [0x40, 0x50]);
    assert!(ioapic.irq(20) && !ioapic.irq(24));
}
