use super::*;

const DATA: u8 = 0;
const IER: u8 = 1;
const IIR_FCR: u8 = 2;
const LCR: u8 = 3;
const MCR: u8 = 4;
const LSR: u8 = 5;
const MSR: u8 = 6;
const SCR: u8 = 7;

/// A port as a driver opens it: FIFOs on, OUT2 on, the given interrupts on.
fn open_port(ier: u8) -> Uart16550 {
    let mut uart = Uart16550::new();
    uart.write(IIR_FCR, 0x01);
    uart.write(MCR, 0x0b);
    uart.write(IER, ier);
    uart
}

fn output(uart: &mut Uart16550) -> Vec<u8> {
    std::iter::from_fn(|| uart.take_output()).collect()
}

#[test]
fn power_on_registers_are_those_of_the_reset_table() {
    let mut uart = Uart16550::new();

    let values: Vec<u8> = (IER..=MSR).map(|offset| uart.read(offset)).collect();

    assert_eq!(values, [0, 0x01, 0, 0, 0x60, 0xb0]);
    assert!(!uart.irq());
}

#[test]
fn bytes_written_come_out_in_order_and_thr_stays_empty() {
    let mut uart = open_port(0);

    for byte in b"boot" {
        assert_eq!(uart.read(LSR), 0x60);
        uart.write(DATA, *byte);
    }

    assert_eq!(output(&mut uart), b"boot");
}

#[test]
fn output_nobody_takes_is_bounded() {
    let mut uart = open_port(0);

    for _ in 0..OUTPUT_BYTES_MAX + 10 {
        uart.write(DATA, b'x');
    }

    assert_eq!(output(&mut uart).len(), OUTPUT_BYTES_MAX);
}

#[test]
fn the_divisor_lies_behind_dlab_and_reads_back() {
    let mut uart = open_port(0);

    uart.write(LCR, 0x83);
    uart.write(DATA, 0x34);
    uart.write(IER, 0x12);

    assert_eq!((uart.read(DATA), uart.read(IER)), (0x34, 0x12));
    uart.write(LCR, 0x03);
    assert_eq!(uart.read(IER), 0);
    assert_eq!(output(&mut uart), []);
}

#[test]
fn enabling_thre_interrupts_while_empty_asks_at_once() {
    let mut uart = open_port(0);

    uart.write(IER, 0x02);

    assert!(uart.irq());
    assert_eq!(uart.read(IIR_FCR), 0xc2);
    assert!(!uart.irq(), "reading IIR withdraws it");
    assert_eq!(uart.read(IIR_FCR), 0xc1);
    uart.write(IER, 0x00);
    uart.write(IER, 0x02);
    assert!(uart.irq(), "and toggling ETBEI raises it again");
}

#[test]
fn sending_a_byte_raises_thre_again() {
    let mut uart = open_port(0x02);
    uart.read(IIR_FCR);

    uart.write(DATA, b'a');

    assert!(uart.irq());
    assert_eq!(uart.read(IIR_FCR), 0xc2);
}

#[test]
fn received_bytes_raise_timeout_below_and_data_at_the_trigger_level() {
    let mut uart = open_port(0x01);
    uart.write(IIR_FCR, 0x81); // trigger at 8

    for byte in 0..7 {
        assert!(uart.receive(byte));
    }
    assert_eq!(uart.read(IIR_FCR), 0xcc);
    uart.receive(7);
    assert_eq!(uart.read(IIR_FCR), 0xc4);

    assert_eq!((0..8).map(|_| uart.read(DATA)).collect::<Vec<_>>(), [0, 1, 2, 3, 4, 5, 6, 7]);
    assert_eq!(uart.read(LSR), 0x60);
    assert!(!uart.irq());
}

#[test]
fn a_full_receiver_leaves_the_byte_with_the_sender() {
    let mut uart = open_port(0);

    let taken = (0..20).filter(|&byte| uart.receive(byte)).count();

    assert_eq!(taken, FIFO_BYTES);
    assert!(!uart.can_receive());
    assert_eq!(uart.read(LSR), 0x61, "no overrun");
    uart.write(IIR_FCR, 0x00);
    assert!(uart.receive(1) && !uart.receive(2), "without FIFO there is one byte");
}

#[test]
fn fcr_clears_the_receiver_and_toggling_the_fifos_too() {
    let mut uart = open_port(0);

    uart.receive(1);
    uart.write(IIR_FCR, 0x03);
    assert_eq!(uart.read(LSR), 0x60);
    uart.receive(1);
    uart.write(IIR_FCR, 0x00);
    assert_eq!(uart.read(LSR), 0x60);
    assert_eq!(uart.read(IIR_FCR), 0x01, "no FIFO bits");
}

#[test]
fn line_status_comes_before_data_before_thre_before_modem() {
    let mut uart = open_port(0x0f);
    uart.set_modem_inputs(0);
    uart.write(MCR, 0x1b);
    for byte in 0..17 {
        uart.write(DATA, byte); // the 17th overruns the FIFO
    }
    uart.write(MCR, 0x0b);

    assert_eq!(uart.read(IIR_FCR), 0xc6);
    assert_eq!(uart.read(LSR), 0x63);
    assert_eq!(uart.read(IIR_FCR), 0xc4);
    for byte in 0..16 {
        assert_eq!(uart.read(DATA), byte);
    }
    assert_eq!(uart.read(IIR_FCR), 0xc2);
    assert_eq!(uart.read(IIR_FCR), 0xc0);
    uart.read(MSR);
    assert_eq!(uart.read(IIR_FCR), 0xc1);
}

/// Linux `autoconfig` writes MCR 0x1a and takes the port for absent unless MSR says 0x9x.
#[test]
fn loopback_shows_the_modem_outputs_as_inputs() {
    let mut uart = Uart16550::new();

    uart.write(MCR, 0x1a);
    assert_eq!(uart.read(MSR) & 0xf0, 0x90);
    uart.write(MCR, 0x1f);
    assert_eq!(uart.read(MSR) & 0xf0, 0xf0);
}

#[test]
fn loopback_returns_bytes_and_sends_none() {
    let mut uart = open_port(0x01);

    uart.write(MCR, 0x1b);
    uart.write(DATA, 0xae);

    assert!(!uart.receive(0), "the line is disconnected");
    assert!(!uart.irq(), "and so is OUT2");
    assert_eq!(uart.read(DATA), 0xae);
    assert_eq!(output(&mut uart), []);
}

#[test]
fn without_fifo_a_looped_byte_overwrites_the_one_not_read() {
    let mut uart = Uart16550::new();
    uart.write(MCR, 0x10);

    uart.write(DATA, 1);
    uart.write(DATA, 2);

    assert_eq!(uart.read(LSR), 0x63);
    assert_eq!(uart.read(DATA), 2);
}

#[test]
fn modem_deltas_last_until_msr_is_read_and_ring_counts_only_its_end() {
    let mut uart = open_port(0x08);

    uart.set_modem_inputs(0xf0); // RI on
    assert_eq!(uart.read(MSR), 0xf0);
    uart.set_modem_inputs(0xb0);
    assert!(uart.irq());
    assert_eq!(uart.read(MSR), 0xb4);
    uart.set_modem_inputs(0x00);
    assert_eq!(uart.read(MSR), 0x0b);
    assert!(!uart.irq());
}

#[test]
fn out2_gates_the_interrupt_line() {
    let mut uart = open_port(0x02);
    assert!(uart.irq());

    uart.write(MCR, 0x03);

    assert!(!uart.irq());
    assert_eq!(uart.read(IIR_FCR), 0xc2, "the chip itself still asks");
}

/// Linux tells 16550A from 16650 (EFR at offset 2 for LCR 0xbf), 16750 (IIR bit 5 after FCR bit 5
/// under DLAB) and XScale (IER bit 6).
#[test]
fn no_probe_finds_a_later_chip() {
    let mut uart = Uart16550::new();
    uart.write(IIR_FCR, 0x01);

    uart.write(LCR, 0xbf);
    assert_eq!(uart.read(IIR_FCR), 0xc1);
    uart.write(LCR, 0x80);
    uart.write(IIR_FCR, 0x21);
    assert_eq!(uart.read(IIR_FCR) >> 5, 6);
    uart.write(LCR, 0x00);
    uart.write(IER, 0xff);
    assert_eq!(uart.read(IER), 0x0f);
    uart.write(SCR, 0xa5);
    assert_eq!(uart.read(SCR), 0xa5);
}

#[test]
fn master_reset_keeps_divisor_and_scratch_and_sent_bytes() {
    let mut uart = open_port(0x0f);
    uart.write(SCR, 0x77);
    uart.write(DATA, b'z');
    uart.receive(1);

    uart.reset();

    let values: Vec<u8> = (IER..=SCR).map(|offset| uart.read(offset)).collect();
    assert_eq!(values, [0, 0x01, 0, 0, 0x60, 0xb0, 0x77]);
    assert_eq!(output(&mut uart), b"z");
}
