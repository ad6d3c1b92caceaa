use super::spec::{
    ESR_ILLEGAL_REGISTER, ESR_RECEIVE_ILLEGAL_VECTOR, ESR_SEND_ILLEGAL_VECTOR, LVT_LEVEL,
    LVT_MASKED, LVT_REMOTE_IRR,
};
use super::*;
use arch::apic::DeliveryMode;

const ID: u16 = 0x20;
const VERSION: u16 = 0x30;
const TPR: u16 = 0x80;
const PPR: u16 = 0xa0;
const EOI: u16 = 0xb0;
const LDR: u16 = 0xd0;
const DFR: u16 = 0xe0;
const SVR: u16 = 0xf0;
const ISR: u16 = 0x100;
const TMR: u16 = 0x180;
const IRR: u16 = 0x200;
const ESR: u16 = 0x280;
const ICR_LOW: u16 = 0x300;
const ICR_HIGH: u16 = 0x310;
const LVT_TIMER: u16 = 0x320;
const LVT_LINT0: u16 = 0x350;
const LVT_LINT1: u16 = 0x360;
const LVT_ERROR: u16 = 0x370;
const TDCR: u16 = 0x3e0;

pub(super) fn config() -> LapicConfig {
    LapicConfig {
        id: 2,
        bootstrap: true,
        timer_clock: Ratio::hz(25_000_000),
        tsc_clock: Ratio::hz(1_000_000_000),
        tsc_deadline: true,
        x2apic: true,
        physical_address_bits: 40,
    }
}

/// Software-enabled, spurious vector 0xff, as Linux leaves it.
fn enabled() -> Lapic {
    let mut lapic = Lapic::new(config());
    lapic.write(SVR, 0x1ff);
    lapic
}

fn x2apic() -> Lapic {
    let mut lapic = enabled();
    lapic.set_base_msr(lapic.base_msr() | base_msr::EXTD).unwrap();
    lapic
}

/// A vector's bit in one of the three 256-bit registers.
fn bit(lapic: &mut Lapic, register: u16, vector: u8) -> bool {
    lapic.read(register + u16::from(vector / 32) * 0x10) >> (vector % 32) & 1 != 0
}

/// "Local APIC State After Power-Up or Reset".
#[test]
fn power_on_state_is_the_manuals() {
    let mut lapic = Lapic::new(config());

    assert_eq!(lapic.base_msr(), 0xfee0_0900);
    assert_eq!(lapic.read(ID), 0x0200_0000);
    assert_eq!(lapic.read(VERSION), 0x0005_0014);
    assert_eq!(lapic.read(DFR), 0xffff_ffff);
    assert_eq!(lapic.read(SVR), 0xff);
    for lvt in (LVT_TIMER..=LVT_ERROR).step_by(0x10) {
        assert_eq!(lapic.read(lvt), LVT_MASKED);
    }
    for zero in [TPR, PPR, LDR, ESR, ICR_LOW, ICR_HIGH, 0x380, 0x390, TDCR, 0x90, 0xc0] {
        assert_eq!(lapic.read(zero), 0, "{zero:#x}");
    }
    for word in (ISR..=0x270).step_by(0x10) {
        assert_eq!(lapic.read(word), 0);
    }
    assert!(!lapic.intr() && lapic.next_event().is_none());
}

#[test]
fn reset_and_init_differ_in_id_and_base() {
    let mut lapic = enabled();
    lapic.write(ID, 0x0700_0000);
    lapic.write(TPR, 0x20);
    lapic.set_base_msr(0x1000_0900).unwrap();
    let mut reset = lapic.clone();

    lapic.init();
    reset.reset();

    assert_eq!((lapic.page(), lapic.read(ID), lapic.read(TPR)), (0x1000_0000, 0x0700_0000, 0));
    assert_eq!(lapic.read(SVR), 0xff);
    assert_eq!(reset, Lapic::new(config()));
}

#[test]
fn software_disabled_it_takes_no_fixed_interrupt_and_keeps_its_lvt_masked() {
    let mut lapic = enabled();
    lapic.write(LVT_LINT0, 0x31);
    lapic.accept(0x40, false);

    lapic.write(SVR, 0xff);
    lapic.write(LVT_LINT1, 0x400);
    lapic.accept(0x50, false);

    assert_eq!(lapic.read(LVT_LINT0), LVT_MASKED | 0x31);
    assert_eq!(lapic.read(LVT_LINT1), LVT_MASKED | 0x400);
    assert_eq!(lapic.pending(), Some(0x40), "what was pending is held");
    lapic.receive(DeliveryMode::Nmi, 0, false);
    assert_eq!(lapic.take_request(), Some(Request::Nmi));
}

/// Guests write all ones to find out which bits exist.
#[test]
fn registers_hold_only_the_bits_they_have() {
    let mut lapic = enabled();
    let held = [
        (TPR, 0xff),
        (LDR, 0xff00_0000),
        (SVR, 0x3ff),
        (LVT_TIMER, 0x0007_00ff),
        (0x330, 0x0001_07ff),
        (0x340, 0x0001_07ff),
        (LVT_LINT0, 0x0001_a7ff),
        (LVT_LINT1, 0x0001_a7ff),
        (LVT_ERROR, 0x0001_00ff),
        (ICR_HIGH, 0xff00_0000),
        (TDCR, 0xb),
    ];
    for (register, bits) in held {
        lapic.write(register, u32::MAX);
        assert_eq!(lapic.read(register), bits, "{register:#x}");
    }
    lapic.write(DFR, 0);
    assert_eq!(lapic.read(DFR), 0x0fff_ffff);
    for read_only in [VERSION, PPR, ISR, TMR, IRR, 0x390] {
        let before = lapic.read(read_only);
        lapic.write(read_only, !before);
        assert_eq!(lapic.read(read_only), before);
    }
}

#[test]
fn the_highest_class_goes_first_and_eoi_lets_the_next_one_in() {
    let mut lapic = enabled();
    for vector in [0x31, 0x3f, 0x80] {
        lapic.accept(vector, false);
    }

    assert_eq!(lapic.acknowledge(), Inta::Vector(0x80));
    assert!(bit(&mut lapic, ISR, 0x80) && !bit(&mut lapic, IRR, 0x80));
    assert_eq!(lapic.read(PPR), 0x80);
    assert!(!lapic.intr(), "lower classes wait");
    lapic.accept(0x8f, false);
    assert!(!lapic.intr(), "the same class waits");
    lapic.accept(0x90, false);
    assert_eq!(lapic.acknowledge(), Inta::Vector(0x90), "a higher class nests");

    lapic.write(EOI, 0);
    assert_eq!(lapic.read(PPR), 0x80);
    lapic.write(EOI, 0);
    assert_eq!(lapic.acknowledge(), Inta::Vector(0x8f));
    lapic.write(EOI, 0);
    assert_eq!(lapic.acknowledge(), Inta::Vector(0x3f));
}

/// "Task Priority in IA-32e Mode": CR8 is TPR[7:4].
#[test]
fn the_task_priority_holds_back_its_class_and_those_below() {
    let mut lapic = enabled();
    lapic.accept(0x4f, false);
    lapic.set_cr8(4);
    assert_eq!((lapic.read(TPR), lapic.read(PPR), lapic.intr()), (0x40, 0x40, false));
    lapic.write(TPR, 0x3f);
    assert_eq!((lapic.cr8(), lapic.pending()), (3, Some(0x4f)));
}

/// "Processor Priority Register": the sub-class is the task's only if its class is the higher one.
#[test]
fn processor_priority_is_the_higher_of_task_and_service() {
    let mut lapic = enabled();
    lapic.accept(0x4f, false);
    lapic.acknowledge();
    for (tpr, ppr) in [(0x00, 0x40), (0x3f, 0x40), (0x52, 0x52)] {
        lapic.write(TPR, tpr);
        assert_eq!(lapic.read(PPR), ppr);
    }
}

#[test]
fn an_acknowledge_without_a_request_yields_the_spurious_vector_out_of_service() {
    let mut lapic = enabled();
    lapic.write(SVR, 0x1ef);
    lapic.accept(0x40, false);
    lapic.set_tpr(0x50);

    assert_eq!(lapic.acknowledge(), Inta::Vector(0xef));
    assert!(!bit(&mut lapic, ISR, 0xef) && bit(&mut lapic, IRR, 0x40));
}

#[test]
fn a_vector_requested_while_in_service_comes_again() {
    let mut lapic = enabled();
    lapic.accept(0x40, false);
    lapic.acknowledge();
    lapic.accept(0x40, false);
    assert!(!lapic.intr());
    lapic.write(EOI, 0);
    assert_eq!(lapic.acknowledge(), Inta::Vector(0x40));
}

#[test]
fn only_level_triggered_vectors_are_broadcast_at_eoi() {
    let mut lapic = enabled();
    lapic.accept(0x40, true);
    assert!(bit(&mut lapic, TMR, 0x40));
    lapic.acknowledge();
    lapic.write(EOI, 0);
    assert_eq!(lapic.take_eoi(), Some(0x40));
    assert_eq!(lapic.take_eoi(), None);

    lapic.accept(0x40, false);
    assert!(!bit(&mut lapic, TMR, 0x40));
    lapic.acknowledge();
    lapic.write(EOI, 0);
    lapic.write(EOI, 0);
    assert_eq!(lapic.take_eoi(), None);
}

#[test]
fn vectors_below_16_are_receive_errors() {
    let mut lapic = enabled();
    lapic.accept(15, false);
    assert!(!lapic.intr());
    assert_eq!(lapic.read(ESR), 0, "shown only after a write");
    lapic.write(ESR, 0);
    assert_eq!(lapic.read(ESR), ESR_RECEIVE_ILLEGAL_VECTOR);
    lapic.write(ESR, 0);
    assert_eq!(lapic.read(ESR), 0);
}

#[test]
fn the_first_error_interrupts_and_a_write_arms_it_again() {
    let mut lapic = enabled();
    lapic.write(LVT_ERROR, 0xfe);
    lapic.read(0x2f0); // no CMCI here
    assert_eq!(lapic.acknowledge(), Inta::Vector(0xfe));
    lapic.write(EOI, 0);

    lapic.write(0x3f0, 0); // SELF IPI is no xAPIC register
    assert!(!lapic.intr(), "not armed");
    lapic.write(ESR, 0);
    assert_eq!(lapic.read(ESR), ESR_ILLEGAL_REGISTER);
    lapic.read(0x3d0);
    assert_eq!(lapic.pending(), Some(0xfe));
}

/// The error entry itself can hold an illegal vector.
#[test]
fn an_error_interrupt_with_an_illegal_vector_does_not_recurse() {
    let mut lapic = enabled();
    lapic.write(LVT_ERROR, 3);
    lapic.read(0x10);
    lapic.write(ESR, 0);
    assert_eq!(lapic.read(ESR), ESR_ILLEGAL_REGISTER | ESR_RECEIVE_ILLEGAL_VECTOR);
}

#[test]
fn virtual_wire_passes_the_8259_through_whatever_the_priority() {
    let mut lapic = Lapic::new(config());
    lapic.set_lint(Lint::Lint0, true);
    assert!(!lapic.intr(), "after reset LINT0 is masked");
    lapic.enter_virtual_wire();
    lapic.set_tpr(0xff);

    assert!(lapic.extint() && lapic.intr());
    assert_eq!(lapic.acknowledge(), Inta::ExtInt);
    assert!(lapic.intr(), "a level, gone only when the 8259A drops it");
    lapic.set_lint(Lint::Lint0, false);
    assert!(!lapic.intr());
}

#[test]
fn own_vectors_go_before_the_8259() {
    let mut lapic = Lapic::new(config());
    lapic.enter_virtual_wire();
    lapic.set_lint(Lint::Lint0, true);
    lapic.accept(0x40, false);
    assert_eq!(lapic.acknowledge(), Inta::Vector(0x40));
    assert_eq!(lapic.acknowledge(), Inta::ExtInt);
}

#[test]
fn globally_disabled_the_pins_are_intr_and_nmi() {
    let mut lapic = enabled();
    lapic.accept(0x40, false);
    lapic.set_base_msr(0xfee0_0100).unwrap();
    assert!(!lapic.enabled() && !lapic.has_page() && !lapic.intr());

    lapic.set_lint(Lint::Lint0, true);
    lapic.set_lint(Lint::Lint1, true);
    lapic.set_lint(Lint::Lint1, true);

    assert_eq!(lapic.acknowledge(), Inta::ExtInt);
    assert_eq!(lapic.take_request(), Some(Request::Nmi));
    assert_eq!(lapic.take_request(), None);
    lapic.receive(DeliveryMode::Init, 0, false);
    assert_eq!(lapic.take_request(), None, "no messages");
    assert!(!lapic.matches(2, false) && !lapic.matches(0xff, false));
}

#[test]
fn lint1_nmi_is_an_edge() {
    let mut lapic = Lapic::new(config());
    lapic.enter_virtual_wire();
    lapic.set_lint(Lint::Lint1, true);
    lapic.set_lint(Lint::Lint1, true);
    assert_eq!(lapic.take_request(), Some(Request::Nmi));
    assert_eq!(lapic.take_request(), None);
}

#[test]
fn a_level_sensitive_pin_interrupts_until_it_drops() {
    let mut lapic = enabled();
    lapic.set_lint(Lint::Lint0, true);
    lapic.write(LVT_LINT0, LVT_LEVEL | 0x41);
    assert_eq!(lapic.read(LVT_LINT0), LVT_LEVEL | LVT_REMOTE_IRR | 0x41);
    assert_eq!(lapic.acknowledge(), Inta::Vector(0x41));
    assert!(!lapic.intr());
    lapic.write(EOI, 0);
    assert_eq!(lapic.acknowledge(), Inta::Vector(0x41), "still asserted");
    lapic.set_lint(Lint::Lint0, false);
    lapic.write(EOI, 0);
    assert!(!lapic.intr());
    assert_eq!(lapic.read(LVT_LINT0), LVT_LEVEL | 0x41);
}

#[test]
fn an_edge_on_a_fixed_pin_interrupts_once() {
    let mut lapic = enabled();
    lapic.write(LVT_LINT1, 0x42);
    lapic.set_lint(Lint::Lint1, true);
    lapic.set_lint(Lint::Lint1, true);
    assert_eq!(lapic.acknowledge(), Inta::Vector(0x42));
    lapic.write(EOI, 0);
    assert!(!lapic.intr());
}

#[test]
fn extint_from_an_io_apic_is_answered_once() {
    let mut lapic = enabled();
    lapic.receive(DeliveryMode::ExtInt, 0, false);
    assert_eq!(lapic.acknowledge(), Inta::ExtInt);
    assert!(!lapic.intr());
}

/// The values of a Linux 6.1 bring-up: INIT assert, INIT de-assert, two start-ups at 0x99000.
#[test]
fn linux_brings_up_a_processor() {
    let mut lapic = enabled();
    let mut sent = Vec::new();
    for low in [0xc500, 0x8500, 0x699, 0x699] {
        lapic.write(ICR_HIGH, 0x0100_0000);
        lapic.write(ICR_LOW, low);
        sent.extend(lapic.take_message());
        assert_eq!(lapic.read(ICR_LOW) & spec::ICR_PENDING, 0, "idle");
    }
    let message = |mode, vector| IcrMessage {
        mode,
        vector,
        level: false,
        destination: Destination::Physical(1),
    };
    let start_up = message(DeliveryMode::StartUp, 0x99);
    assert_eq!(sent, [message(DeliveryMode::Init, 0), start_up, start_up]);

    let mut other = Lapic::new(LapicConfig { id: 1, bootstrap: false, ..config() });
    for message in sent {
        assert!(other.is_addressed(message.destination, false));
        other.receive(message.mode, message.vector, message.level);
    }
    assert_eq!(other.take_request(), Some(Request::Init));
    assert_eq!(other.take_request(), Some(Request::StartUp(0x99)));
    assert_eq!(other.take_request(), None);
}

/// SeaBIOS: ICR 0xc4500 and 0xc4610, to all but itself.
#[test]
fn shorthands_ignore_the_destination_field() {
    let mut lapic = enabled();
    lapic.write(ICR_HIGH, 0x0200_0000);
    lapic.write(ICR_LOW, 0x000c_4610);
    let message = lapic.take_message().unwrap();
    assert_eq!((message.mode, message.vector), (DeliveryMode::StartUp, 0x10));
    assert_eq!(message.destination, Destination::AllExcludingSelf);
    assert!(!lapic.is_addressed(message.destination, true));
    assert!(lapic.is_addressed(message.destination, false));

    lapic.write(ICR_LOW, 0x0008_40fd);
    let message = lapic.take_message().unwrap();
    assert_eq!(message.destination, Destination::AllIncludingSelf);
    assert!(lapic.is_addressed(message.destination, true));

    lapic.write(ICR_LOW, 0x0004_40fd);
    assert_eq!(lapic.take_message(), None, "to itself without the bus");
    assert_eq!(lapic.pending(), Some(0xfd));
}

#[test]
fn invalid_messages_are_not_sent() {
    let mut lapic = enabled();
    // Reserved mode, ExtINT, NMI to itself, INIT to all including itself, INIT de-assert.
    for low in [0x4340, 0x4740, 0x4_4400, 0x8_4500, 0x8500] {
        lapic.write(ICR_LOW, low);
        assert_eq!(lapic.take_message(), None, "{low:#x}");
    }
    assert_eq!(lapic.take_request(), None);
    lapic.write(ICR_LOW, 0x4008);
    assert_eq!(lapic.take_message(), None);
    lapic.write(ESR, 0);
    assert_eq!(lapic.read(ESR), ESR_SEND_ILLEGAL_VECTOR);
}

#[test]
fn a_message_not_yet_taken_shows_as_pending() {
    let mut lapic = enabled();
    lapic.write(ICR_LOW, 0x8fb);
    assert_eq!(lapic.read(ICR_LOW), 0x18fb);
    assert_eq!(lapic.take_message().unwrap().destination, Destination::Logical(0));
    assert_eq!(lapic.read(ICR_LOW), 0x8fb);
}

/// "Logical Destination Mode", flat and cluster model.
#[test]
fn logical_destinations_match_by_mask_or_cluster() {
    let mut lapic = enabled();
    lapic.write(LDR, 0x0400_0000);
    for (dest, hit) in [(0x04, true), (0x0c, true), (0xff, true), (0x0b, false), (0, false)] {
        assert_eq!(lapic.matches(dest, true), hit, "flat {dest:#x}");
    }
    lapic.write(DFR, 0);
    lapic.write(LDR, 0x2400_0000);
    for (dest, hit) in
        [(0x24, true), (0x2f, true), (0x2b, false), (0x14, false), (0xf4, true), (0xff, true)]
    {
        assert_eq!(lapic.matches(dest, true), hit, "cluster {dest:#x}");
    }
}

#[test]
fn physical_destinations_match_the_id_or_everybody() {
    let lapic = enabled();
    for (dest, hit) in [(2, true), (3, false), (0xff, true), (u32::MAX, true), (0x102, false)] {
        assert_eq!(lapic.matches(dest, false), hit, "{dest:#x}");
    }
}

/// "x2APIC State Transitions".
#[test]
fn base_msr_changes_mode_only_along_the_drawing() {
    const DISABLED: u64 = 0xfee0_0100;
    const XAPIC: u64 = DISABLED | base_msr::EN;
    const X2APIC: u64 = XAPIC | base_msr::EXTD;
    const INVALID: u64 = DISABLED | base_msr::EXTD;
    let changes = [
        (DISABLED, XAPIC, true),
        (DISABLED, X2APIC, false),
        (XAPIC, DISABLED, true),
        (XAPIC, X2APIC, true),
        (X2APIC, DISABLED, true),
        (X2APIC, XAPIC, false),
        (X2APIC, X2APIC, true),
        (XAPIC, INVALID, false),
    ];
    for (from, to, allowed) in changes {
        let mut lapic = Lapic::new(config());
        lapic.set_base_msr(from).unwrap();
        assert_eq!(lapic.set_base_msr(to).is_ok(), allowed, "{from:#x} -> {to:#x}");
        assert_eq!(lapic.base_msr(), if allowed { to } else { from });
    }
}

#[test]
fn reserved_bits_of_base_msr_are_gp() {
    let mut lapic = Lapic::new(LapicConfig { x2apic: false, ..config() });
    for bit in [0, 7, 9, 10, 40, 63] {
        assert_eq!(lapic.set_base_msr(0xfee0_0900 | 1 << bit), Err(GeneralProtection), "{bit}");
    }
    lapic.set_base_msr(0xff_fee0_0900).unwrap();
    assert_eq!(lapic.page(), 0xff_fee0_0000);
}

#[test]
fn x2apic_registers_are_msrs() {
    let mut lapic = x2apic();
    assert!(lapic.x2apic_mode() && !lapic.has_page());
    assert_eq!(lapic.read_msr(0x802), Ok(2));
    assert_eq!(lapic.read_msr(0x80d), Ok(4));
    assert_eq!(lapic.read_msr(0x803), Ok(0x0005_0014));
    lapic.write_msr(0x80f, 0x1fe).unwrap();
    assert_eq!(lapic.read_msr(0x80f), Ok(0x1fe));
    lapic.write_msr(0x83f, 0x77).unwrap();
    assert_eq!(lapic.acknowledge(), Inta::Vector(0x77));
    assert_eq!(lapic.read_msr(0x813), Ok(1 << 0x17));
    lapic.write_msr(0x80b, 0).unwrap();
    assert_eq!(lapic.read_msr(0x813), Ok(0));

    lapic.write_msr(0x830, 0x0001_0003_0000_48fd).unwrap();
    assert_eq!(lapic.read_msr(0x830), Ok(0x0001_0003_0000_48fd));
    assert_eq!(lapic.take_message().unwrap().destination, Destination::Logical(0x0001_0003));
}

/// "x2APIC Register Address Space": what faults.
#[test]
fn wrong_x2apic_accesses_are_gp() {
    let mut lapic = x2apic();
    for msr in [0x800, 0x809, 0x80c, 0x80e, 0x82f, 0x831, 0x83a, 0x840, 0x8ff, 0x7ff, 0x900] {
        assert_eq!(lapic.read_msr(msr), Err(GeneralProtection), "read {msr:#x}");
        assert_eq!(lapic.write_msr(msr, 0), Err(GeneralProtection), "write {msr:#x}");
    }
    for write_only in [0x80b, 0x83f] {
        assert_eq!(lapic.read_msr(write_only), Err(GeneralProtection));
    }
    for read_only in [0x802, 0x803, 0x80a, 0x80d, 0x810, 0x81f, 0x827, 0x839] {
        assert_eq!(lapic.write_msr(read_only, 0), Err(GeneralProtection), "{read_only:#x}");
    }
    let reserved = [
        (0x808, 0x100),
        (0x80b, 1),
        (0x828, 1),
        (0x832, 1 << 13),
        (0x830, 1 << 13),
        (0x838, 1 << 32),
        (0x83e, 4),
        (0x83f, 0x100),
    ];
    for (msr, value) in reserved {
        assert_eq!(lapic.write_msr(msr, value), Err(GeneralProtection), "{msr:#x}");
    }
    assert_eq!(enabled().read_msr(0x802), Err(GeneralProtection), "xAPIC mode");
}

#[test]
fn x2apic_destinations_are_32_bits_wide() {
    let mut lapic = Lapic::new(LapicConfig { id: 0x123, ..config() });
    lapic.set_base_msr(lapic.base_msr() | base_msr::EXTD).unwrap();
    assert!(lapic.matches(0x123, false) && !lapic.matches(0x23, false));
    assert!(lapic.matches(0xff, false), "broadcast of an I/O APIC");
    assert_eq!(lapic.read_msr(0x80d), Ok(0x0012_0008));
    assert!(lapic.matches(0x0012_0008, true) && !lapic.matches(0x0013_0008, true));
}

#[test]
fn disabling_forgets_the_state() {
    let mut lapic = x2apic();
    lapic.write_msr(0x808, 0x50).unwrap();
    lapic.set_base_msr(0xfee0_0100).unwrap();
    lapic.set_base_msr(0xfee0_0900).unwrap();
    assert_eq!(lapic, Lapic::new(config()));
}
