//! The image and what is written above it.

use super::*;

#[test]
fn what_was_written_hides_the_image_and_is_handed_out_once() {
    let image = Arc::new(Bytes(pattern(40)));
    let mut medium = Medium::new(image.clone(), false);
    medium.write(7, &[0xaa; 2 * SECTOR]).unwrap(); // over the end of a chunk
    medium.write(30, &[0xbb; SECTOR]).unwrap();
    medium.write(30, &[0xcc; SECTOR]).unwrap();

    let mut read = vec![0; 4 * SECTOR];
    medium.read(6, &mut read).unwrap();
    assert_eq!(read[..SECTOR], image.0[6 * SECTOR..7 * SECTOR]);
    assert_eq!(read[SECTOR..3 * SECTOR], [0xaa; 2 * SECTOR]);
    assert_eq!(read[3 * SECTOR..], image.0[9 * SECTOR..10 * SECTOR]);
    let written = |sector: u64, byte: u8, sectors: usize| Written {
        offset: sector * SECTOR as u64,
        bytes: vec![byte; sectors * SECTOR],
    };
    let taken = medium.take_writes();
    assert_eq!(taken, [written(7, 0xaa, 1), written(8, 0xaa, 1), written(30, 0xcc, 1)]);
    assert!(!medium.has_writes() && medium.take_writes().is_empty());
    medium.write(8, &[0xdd; SECTOR]).unwrap();
    assert_eq!(medium.take_writes(), [written(8, 0xdd, 1)], "and not what was taken before");
}

#[test]
fn an_image_that_ends_within_a_sector_is_padded_with_zeros() {
    let medium = Medium::new(Arc::new(Bytes(vec![0x5a; SECTOR + 100])), false);
    let mut read = vec![0xff; 2 * SECTOR];
    assert_eq!((medium.sectors(), medium.read(0, &mut read)), (2, Ok(())));
    assert_eq!(read[..SECTOR + 100], [0x5a; SECTOR + 100]);
    assert_eq!(read[SECTOR + 100..], [0; SECTOR - 100]);
}

#[test]
fn nothing_is_written_past_the_end_and_an_unreadable_sector_is_named() {
    let image = Scratched { bytes: Bytes(pattern(4)), bad_sector: 2 };
    let mut medium = Medium::new(Arc::new(image), false);
    medium.write(3, &[1; 3 * SECTOR]).unwrap();
    assert_eq!(medium.take_writes().len(), 1);
    assert_eq!(medium.read(0, &mut [0; 4 * SECTOR]), Err(2));
    medium.write(2, &[2; SECTOR]).unwrap();
    assert_eq!(medium.read(0, &mut [0; 4 * SECTOR]), Ok(()), "what was written can be read");
    assert_eq!(medium.read(4, &mut [0; SECTOR]), Err(4));
}

#[test]
fn a_power_cycle_keeps_what_was_written_and_forgets_the_rest() {
    let mut host = Host::with_disk(8);
    host.lba_command(c::WRITE_SECTORS, 1, 1, false);
    assert_eq!(host.data_out(&[0x77; SECTOR], SECTOR), GOOD);
    host.write(r::STATUS, c::IDLE_IMMEDIATE);

    host.channel = host.channel.power_cycled();
    host.now = Instant::ZERO;

    assert_eq!((host.alt(), host.channel.irq()), (s::DRDY | s::DSC, false));
    host.lba_command(c::READ_SECTORS, 1, 1, false);
    assert_eq!(host.data_in(1, SECTOR).unwrap(), [0x77; SECTOR]);
}

/// A disk of 40 sectors whose overlay has room for two chunks of eight, and they are taken.
fn nearly_full() -> Drive {
    let mut drive = disk(40);
    drive.medium_mut().shrink(2);
    drive.medium_mut().write(0, &[1; 9 * SECTOR]).unwrap();
    drive
}

#[test]
fn what_has_no_room_in_memory_is_not_written_and_what_has_a_place_is() {
    let mut drive = nearly_full();
    let medium = drive.medium_mut();
    medium.write(10, &[2; SECTOR]).unwrap();
    assert!(!medium.has_overflowed());
    assert_eq!(medium.write(15, &[3; 2 * SECTOR]), Err(16));
    assert!(medium.has_overflowed());
    medium.write(0, &[4; SECTOR]).unwrap();

    let mut read = vec![0; 2 * SECTOR];
    medium.read(15, &mut read).unwrap();
    assert_eq!(read[..SECTOR], [3; SECTOR], "before the one that failed");
    assert_eq!(read[SECTOR..], pattern(40)[16 * SECTOR..17 * SECTOR]);
}

/// ATA/ATAPI-6, "WRITE SECTOR(S)", error outputs: DF, and the address of the first sector in error.
#[test]
fn a_write_without_room_ends_with_a_device_fault_and_the_sectors_address() {
    let mut host = Host::new([Some(nearly_full()), None]);
    let fault = End { status: s::DRDY | s::DF | s::DSC | s::ERR, error: 4 };
    for (code, ext) in [(c::WRITE_SECTORS, false), (c::WRITE_SECTORS_EXT, true)] {
        host.lba_command(code, 15, 3, ext);
        assert_eq!(host.data_out(&[5; 3 * SECTOR], SECTOR), fault);
        assert_eq!(host.read(r::LBA_LOW), 16);
    }
    host.lba_command(c::WRITE_SECTORS, 15, 1, false);
    assert_eq!(host.data_out(&[6; SECTOR], SECTOR), GOOD);
    host.lba_command(c::READ_SECTORS, 15, 2, false);
    assert_eq!(host.data_in(2, SECTOR).unwrap()[..SECTOR], [6; SECTOR]);
}

#[test]
fn what_the_host_moves_is_counted_and_is_no_state() {
    let mut host = Host::with_disk(40);
    let before = host.channel.clone();
    host.lba_command(c::READ_VERIFY, 4, 8, false);
    assert_eq!(host.no_data(), GOOD);

    let medium = |host: &Host| host.channel.drive(0).unwrap().medium().clone();
    let moved = |host: &Host| host.channel.drive(0).unwrap().medium().take_moved();
    assert_eq!(medium(&host), *before.drive(0).unwrap().medium());
    assert_eq!((moved(&host), moved(&host)), (8 * SECTOR as u64, 0));
}
