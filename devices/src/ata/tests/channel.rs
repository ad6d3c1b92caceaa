//! Resets, signatures, device selection, absent devices: ATA/ATAPI-6, clauses 7 and 9.

use super::*;

fn cd() -> Drive {
    Drive::cd(Arc::new(Bytes(pattern(16))), 1)
}

/// Sector count, LBA low, mid and high.
fn signature(host: &mut Host) -> [u8; 4] {
    [r::COUNT, r::LBA_LOW, r::LBA_MID, r::LBA_HIGH].map(|offset| host.read(offset))
}

#[test]
fn at_power_on_each_device_shows_what_it_is() {
    let mut host = Host::new([Some(disk(8)), Some(cd())]);

    assert_eq!(signature(&mut host), [1, 1, 0, 0]);
    assert_eq!((host.alt(), host.read(r::ERROR)), (s::DRDY | s::DSC, 1));
    host.write(r::DEVICE, 0xb0);
    assert_eq!(signature(&mut host), [1, 1, 0x14, 0xeb]);
    assert_eq!((host.alt(), host.read(r::ERROR)), (0, 1), "a packet device is not ready yet");
}

#[test]
fn a_software_reset_keeps_both_devices_busy_and_ends_with_their_signatures() {
    let mut host = Host::new([Some(disk(8)), Some(cd())]);
    host.write(r::DEVICE, 0xb0);
    host.write(r::COUNT, 0x77);
    host.control(control::SRST);
    assert_eq!(host.alt() & s::BSY, s::BSY);
    host.pass(5_000_000);
    assert_eq!(host.alt() & s::BSY, s::BSY, "as long as it is asserted");
    host.write(r::STATUS, c::EXECUTE_DEVICE_DIAGNOSTIC);
    host.control(0);
    assert_eq!(host.alt() & s::BSY, s::BSY);
    host.pass(RESET_NS);

    assert_eq!(host.alt(), s::DRDY | s::DSC, "device 0 is selected");
    assert!(!host.channel.irq());
    assert_eq!((signature(&mut host), host.read(r::ERROR)), ([1, 1, 0, 0], 1));
    host.write(r::DEVICE, 0xb0);
    assert_eq!(signature(&mut host), [1, 1, 0x14, 0xeb]);
}

#[test]
fn a_reset_ends_a_transfer_in_its_middle() {
    let mut host = Host::with_disk(64);
    host.lba_command(c::READ_SECTORS, 3, 4, false);
    host.wait();
    host.channel.read_data();
    host.control(control::SRST);
    host.control(0);
    host.pass(RESET_NS);

    assert_eq!((host.alt(), host.channel.irq()), (s::DRDY | s::DSC, false));
    assert_eq!(host.channel.read_data(), 0xffff);
    host.lba_command(c::READ_SECTORS, 5, 1, false);
    assert_eq!(host.data_in(1, SECTOR).unwrap()[..2], [5, 0]);
}

#[test]
fn a_diagnostic_goes_to_both_devices_and_device_0_interrupts() {
    for drives in [[Some(disk(8)), Some(cd())], [Some(disk(8)), None]] {
        let mut host = Host::new(drives);
        host.write(r::DEVICE, 0xb0);
        host.write(r::STATUS, c::EXECUTE_DEVICE_DIAGNOSTIC);
        host.wait();
        assert!(host.channel.irq());
        assert_eq!(host.end(), End { status: s::DRDY | s::DSC, error: 1 });
        assert_eq!(signature(&mut host), [1, 1, 0, 0]);
    }
}

/// ATA/ATAPI-6, "Single device configurations": how hosts find out that there is no device 1.
#[test]
fn device_0_alone_answers_for_device_1_with_a_status_of_zero() {
    let mut host = Host::with_disk(8);
    host.write(r::DEVICE, 0xb0);
    host.write(r::COUNT, 0x55);
    host.write(r::LBA_LOW, 0xaa);
    assert_eq!((host.read(r::COUNT), host.read(r::LBA_LOW)), (0x55, 0xaa));
    assert_eq!((host.read(r::STATUS), host.alt()), (0, 0));
    host.write(r::STATUS, c::IDENTIFY_DEVICE);
    assert_eq!((host.alt(), host.channel.next_event()), (0, None), "nobody takes the command");
    host.write(r::DEVICE, 0xa0);
    assert_eq!(host.alt(), s::DRDY | s::DSC);
}

#[test]
fn where_nobody_drives_the_bus_it_floats_with_bit_7_pulled_down() {
    let mut empty = Host::new([None, None]);
    empty.write(r::COUNT, 0x55);
    assert_eq!((empty.read(r::COUNT), empty.read(r::STATUS), empty.alt()), (0x7f, 0x7f, 0x7f));
    assert_eq!(empty.channel.read_data(), 0xffff);
    empty.write(r::STATUS, c::EXECUTE_DEVICE_DIAGNOSTIC);
    assert_eq!((empty.channel.irq(), empty.channel.next_event()), (false, None));

    let mut second = Host::new([None, Some(disk(8))]);
    assert_eq!(second.alt(), 0x7f);
    second.write(r::DEVICE, 0xb0);
    assert_eq!(second.alt(), s::DRDY | s::DSC);
}

#[test]
fn nien_keeps_the_interrupt_from_the_wire_but_not_from_the_device() {
    let mut host = Host::with_disk(8);
    host.control(control::NIEN);
    host.write(r::STATUS, c::IDLE_IMMEDIATE);
    assert_eq!(host.channel.next_event(), None, "nobody listens");
    host.pass(COMMAND_NS);
    assert_eq!((host.alt(), host.channel.irq()), (s::DRDY | s::DSC, false));
    host.control(0);
    assert!(host.channel.irq());
    host.read(r::STATUS);
    assert!(!host.channel.irq());
}

#[test]
fn the_alternate_status_does_not_acknowledge_and_a_command_does() {
    let mut host = Host::with_disk(8);
    host.write(r::STATUS, c::IDLE_IMMEDIATE);
    host.wait();
    host.alt();
    assert!(host.channel.irq());
    host.write(r::STATUS, c::IDLE_IMMEDIATE);
    assert!(!host.channel.irq());
}

#[test]
fn the_interrupt_is_that_of_the_selected_device() {
    let mut host = Host::new([Some(disk(8)), Some(disk(8))]);
    host.write(r::STATUS, c::IDLE_IMMEDIATE);
    host.wait();
    host.write(r::DEVICE, 0xb0);
    assert!(!host.channel.irq());
    host.write(r::DEVICE, 0xa0);
    assert!(host.channel.irq());
}

#[test]
fn hob_shows_what_was_written_before_and_ends_with_the_next_write() {
    let mut host = Host::with_disk(8);
    for value in [0x12, 0x34] {
        host.write(r::COUNT, value);
        host.write(r::LBA_HIGH, value + 1);
    }
    assert_eq!((host.read(r::COUNT), host.read(r::LBA_HIGH)), (0x34, 0x35));
    host.control(control::HOB);
    assert_eq!((host.read(r::COUNT), host.read(r::LBA_HIGH)), (0x12, 0x13));
    host.write(r::LBA_LOW, 0);
    assert_eq!(host.read(r::COUNT), 0x34);
}

#[test]
fn a_busy_device_does_not_listen() {
    let mut host = Host::with_disk(8);
    host.write(r::COUNT, 1);
    host.write(r::STATUS, c::IDLE_IMMEDIATE);
    host.write(r::COUNT, 9);
    host.write(r::DEVICE, 0xb0);
    host.write(r::STATUS, c::IDENTIFY_DEVICE);
    host.wait();
    assert_eq!((host.read(r::COUNT), host.end()), (1, GOOD));
}

/// `next_event` against stepping: however time is cut, a device is done at the same instant.
#[test]
fn the_end_of_a_command_is_where_next_event_says() {
    for step in [1, 700, COMMAND_NS - 1, COMMAND_NS, 3 * COMMAND_NS] {
        let mut host = Host::with_disk(8);
        host.write(r::STATUS, c::IDENTIFY_DEVICE);
        let due = host.channel.next_event().unwrap();
        assert_eq!(due, host.now.after(COMMAND_NS));
        while host.now < due {
            assert!(!host.channel.irq());
            host.pass(step);
        }
        assert!(host.channel.irq());
        assert_eq!(host.channel.next_event(), None);
    }
}

/// A walk over all registers with all kinds of values, from a fixed seed: nothing panics, every
/// instant passes, and what is due is in the future.
#[test]
fn no_sequence_of_accesses_breaks_anything() {
    let mut random = 0x2545_f491_4f6c_dd1d_u64;
    let mut next = move || {
        random ^= random << 13;
        random ^= random >> 7;
        random ^= random << 17;
        random
    };
    for _ in 0..200 {
        let mut host = Host::new([Some(disk(100)), Some(cd())]);
        for _ in 0..2_000 {
            let value = next();
            let [kind, offset, byte, other, ..] = value.to_le_bytes();
            match kind % 16 {
                0..=5 => host.write(offset % 7 + 1, byte),
                6 => host.control(if byte > 240 { control::SRST } else { byte & control::NIEN }),
                7..=9 => drop(host.read(offset)),
                10 => host.channel.write_data(u16::from(byte) | u16::from(other) << 8),
                11 => host.channel.write_data_from(&vec![byte; usize::from(offset) + 1]),
                12 => host.channel.read_data_to(&mut vec![0; usize::from(offset) + 1]),
                13 => host.pass(COMMAND_NS),
                14 => host.write(r::DEVICE, byte & 0x5f),
                _ => {
                    host.write(r::STATUS, [0x20, 0x30, 0xc4, 0xa0, 0xec, 0xc6][offset as usize % 6])
                }
            }
            assert!(host.channel.next_event().is_none_or(|due| due > host.now));
        }
    }
}
