//! The commands of a disk.

use super::spec::{error, feature};
use super::*;

#[test]
fn sectors_are_read_by_28_bits_with_an_interrupt_for_each() {
    for code in [c::READ_SECTORS, c::READ_SECTORS_NO_RETRY] {
        let mut host = Host::with_disk(300);
        host.lba_command(code, 290, 3, false);
        assert_eq!(host.data_in(3, SECTOR).unwrap(), pattern(300)[290 * SECTOR..293 * SECTOR]);
    }
}

#[test]
fn a_count_of_zero_is_256_sectors_or_65536_by_48_bits() {
    let mut host = Host::with_disk(300);
    host.lba_command(c::READ_SECTORS, 10, 0, false);
    assert_eq!(host.data_in(256, SECTOR).unwrap(), pattern(300)[10 * SECTOR..266 * SECTOR]);

    host.lba_command(c::READ_VERIFY_EXT, 10, 0, true);
    assert_eq!(host.no_data(), failed(error::IDNF), "the disk is shorter than 65,536 sectors");
    assert_eq!(
        [r::LBA_LOW, r::LBA_MID, r::LBA_HIGH].map(|at| host.read(at)),
        [44, 1, 0],
        "sector 300"
    );
}

#[test]
fn multiple_sectors_are_one_block_and_the_last_block_is_what_is_left() {
    let mut host = Host::with_disk(64);
    host.lba_command(c::READ_MULTIPLE, 0, 4, false);
    assert_eq!(host.no_data(), failed(error::ABRT), "not before SET MULTIPLE MODE");
    host.write(r::COUNT, 4);
    host.write(r::STATUS, c::SET_MULTIPLE_MODE);
    assert_eq!(host.no_data(), GOOD);
    assert_eq!(host.identify()[59], 0x104);

    host.lba_command(c::READ_MULTIPLE_EXT, 20, 8, true);
    assert_eq!(host.data_in(2, 4 * SECTOR).unwrap(), pattern(64)[20 * SECTOR..28 * SECTOR]);
    host.lba_command(c::READ_MULTIPLE, 20, 3, false);
    assert_eq!(host.data_in(1, 3 * SECTOR).unwrap(), pattern(64)[20 * SECTOR..23 * SECTOR]);

    let data = [0x31; 6 * SECTOR];
    host.lba_command(c::WRITE_MULTIPLE, 30, 6, false);
    assert_eq!(host.data_out(&data, 4 * SECTOR), GOOD);
    host.lba_command(c::READ_SECTORS, 29, 8, false);
    let read = host.data_in(8, SECTOR).unwrap();
    assert_eq!(read[SECTOR..7 * SECTOR], data);
    assert_eq!(read[7 * SECTOR..], pattern(64)[36 * SECTOR..37 * SECTOR]);
}

#[test]
fn block_sizes_are_powers_of_two_up_to_16() {
    let mut host = Host::with_disk(64);
    for (sectors, end) in [(3, failed(error::ABRT)), (32, failed(error::ABRT)), (16, GOOD)] {
        host.write(r::COUNT, sectors);
        host.write(r::STATUS, c::SET_MULTIPLE_MODE);
        assert_eq!(host.no_data(), end, "{sectors}");
    }
}

#[test]
fn written_sectors_are_read_back_and_handed_out() {
    for (code, ext) in [(c::WRITE_SECTORS, false), (c::WRITE_SECTORS_EXT, true)] {
        let mut host = Host::with_disk(64);
        let data: Vec<u8> = (0..3 * SECTOR).map(|at| (at * 13) as u8).collect();
        host.lba_command(code, 61, 3, ext);
        assert_eq!(host.data_out(&data, SECTOR), GOOD);

        host.lba_command(c::READ_SECTORS_EXT, 61, 3, true);
        assert_eq!(host.data_in(3, SECTOR).unwrap(), data);
        let written = host.channel.drive_mut(0).unwrap().medium_mut().take_writes();
        let bytes: Vec<u8> = written.into_iter().flat_map(|run| run.bytes).collect();
        assert_eq!(bytes, data);
    }
}

#[test]
fn a_read_only_disk_aborts_writes() {
    let image = Arc::new(Bytes(pattern(8)));
    let mut host = Host::new([Some(Drive::disk(image, true, 0)), None]);
    for code in [c::WRITE_SECTORS, c::WRITE_SECTORS_EXT, c::WRITE_MULTIPLE] {
        host.lba_command(code, 0, 1, code == c::WRITE_SECTORS_EXT);
        assert_eq!(host.no_data(), failed(error::ABRT));
    }
}

#[test]
fn what_leaves_the_disk_fails_at_the_first_sector_outside() {
    let mut host = Host::with_disk(10);
    host.lba_command(c::READ_SECTORS, 8, 3, false);
    assert_eq!(host.data_in(3, SECTOR), Err(failed(error::IDNF)));
    assert_eq!(host.read(r::LBA_LOW), 10);
    host.lba_command(c::WRITE_SECTORS, 9, 2, false);
    assert_eq!(host.data_out(&[1; 2 * SECTOR], SECTOR), failed(error::IDNF));
    host.lba_command(c::READ_SECTORS_EXT, 1 << 40, 1, true);
    assert_eq!(host.data_in(1, SECTOR), Err(failed(error::IDNF)));
    host.control(control::HOB);
    assert_eq!(host.read(r::LBA_HIGH), 1, "bits 47-40 of the address");
}

#[test]
fn a_sector_that_cannot_be_read_is_an_uncorrectable_error_with_its_address() {
    let image = Scratched { bytes: Bytes(pattern(64)), bad_sector: 33 };
    let mut host = Host::new([Some(Drive::disk(Arc::new(image), false, 0)), None]);
    host.lba_command(c::READ_SECTORS, 32, 4, false);
    assert_eq!(host.data_in(4, SECTOR), Err(failed(error::UNC)));
    assert_eq!(host.read(r::LBA_LOW), 33);
    host.lba_command(c::READ_VERIFY, 30, 8, false);
    assert_eq!((host.no_data(), host.read(r::LBA_LOW)), (failed(error::UNC), 33));
    host.lba_command(c::READ_VERIFY, 34, 8, false);
    assert_eq!(host.no_data(), GOOD);
}

fn chs_command(host: &mut Host, code: u8, cylinder: u16, head: u8, sector: u8) {
    let [low, high] = cylinder.to_le_bytes();
    for (offset, value) in [
        (r::DEVICE, device::OBSOLETE | head),
        (r::COUNT, 1),
        (r::LBA_LOW, sector),
        (r::LBA_MID, low),
        (r::LBA_HIGH, high),
        (r::STATUS, code),
    ] {
        host.write(offset, value);
    }
}

#[test]
fn cylinders_heads_and_sectors_are_translated_as_last_set() {
    let mut host = Host::with_disk(4000);
    // 16 heads of 63 sectors: (2 * 16 + 5) * 63 + 7 - 1
    chs_command(&mut host, c::READ_SECTORS, 2, 5, 7);
    assert_eq!(host.data_in(1, SECTOR).unwrap()[..2], 2337_u16.to_le_bytes());

    // 8 heads of 17 sectors
    host.write(r::DEVICE, device::OBSOLETE | 7);
    host.write(r::COUNT, 17);
    host.write(r::STATUS, c::INITIALIZE_DEVICE_PARAMETERS);
    assert_eq!(host.no_data(), GOOD);
    chs_command(&mut host, c::READ_SECTORS, 2, 5, 7);
    assert_eq!(host.data_in(1, SECTOR).unwrap()[..2], ((2 * 8 + 5) * 17 + 6_u16).to_le_bytes());
    let identify = host.identify();
    assert_eq!(identify[54..57], [4000 / (8 * 17), 8, 17]);
    assert_eq!(identify[1], 3, "the default translation stays");
    for (head, sector) in [(0, 0), (0, 18), (8, 1)] {
        chs_command(&mut host, c::READ_SECTORS, 0, head, sector);
        assert_eq!(host.data_in(1, SECTOR), Err(failed(error::IDNF)), "{head} {sector}");
    }
    chs_command(&mut host, c::READ_SECTORS, 29, 3, 6);
    assert_eq!(host.data_in(1, SECTOR), Err(failed(error::IDNF)), "sector 4000");
    let at = [r::LBA_LOW, r::LBA_MID, r::LBA_HIGH, r::DEVICE].map(|offset| host.read(offset));
    assert_eq!(at, [6, 29, 0, 0xa3]);
}

#[test]
fn identify_tells_size_modes_and_features_and_adds_up_to_zero() {
    let mut host = Host::with_disk(5000);
    host.write(r::STATUS, c::IDENTIFY_DEVICE);
    let bytes = host.data_in(1, SECTOR).unwrap();
    let identify = words(&bytes);
    assert_eq!((identify[0], identify[1], identify[3], identify[6]), (0x0040, 4, 16, 63));
    assert_eq!(text(&identify[10..20]), "BS00001");
    assert_eq!(text(&identify[27..47]), "BOOTSCOPE HARDDISK");
    assert_eq!(identify[49] & 0x0b00, 0x0b00, "IORDY, LBA, DMA");
    assert_eq!((identify[60], identify[61]), (5000, 0));
    assert_eq!(identify[100..104], [5000, 0, 0, 0]);
    assert_eq!(identify[83] & 0xc000, 0x4000, "words 82 and 83 are valid");
    assert_eq!(identify[83] & 1 << 10, 1 << 10, "48-bit addresses");
    assert_eq!(identify[255] & 0xff, 0xa5);
    assert_eq!(bytes.iter().fold(0_u8, |sum, byte| sum.wrapping_add(*byte)), 0);
}

/// A disk of 200 GB, of which no byte exists.
#[derive(Debug)]
struct Huge;

impl Media for Huge {
    fn size_bytes(&self) -> u64 {
        200_000_000_000
    }
    fn read_at(&self, offset: u64, out: &mut [u8]) -> Result<(), MediaError> {
        out.fill((offset / SECTOR as u64) as u8);
        Ok(())
    }
}

#[test]
fn beyond_28_bits_the_old_fields_stop_and_the_new_ones_go_on() {
    let mut host = Host::new([Some(Drive::disk(Arc::new(Huge), false, 0)), None]);
    let sectors = 390_625_000_u64;
    let identify = host.identify();
    let wide = |words: &[u16]| words.iter().rev().fold(0, |sum, &w| sum << 16 | u64::from(w));
    assert_eq!(wide(&identify[60..62]), 0x0fff_ffff);
    assert_eq!(wide(&identify[100..104]), sectors);
    assert_eq!(identify[1], 16_383);

    host.lba_command(c::READ_NATIVE_MAX, 0, 0, false);
    assert_eq!(host.no_data(), GOOD);
    assert_eq!((host.read(r::LBA_LOW), host.read(r::DEVICE) & 15), (0xfe, 0x0f));
    host.lba_command(c::READ_NATIVE_MAX_EXT, 0, 0, true);
    assert_eq!(host.no_data(), GOOD);
    let now = [r::LBA_LOW, r::LBA_MID, r::LBA_HIGH].map(|at| host.read(at));
    host.control(control::HOB);
    assert_eq!(now, (sectors - 1).to_le_bytes()[..3]);
    assert_eq!(host.read(r::LBA_LOW), (sectors - 1).to_le_bytes()[3]);

    host.lba_command(c::READ_SECTORS_EXT, sectors - 1, 1, true);
    assert_eq!(host.data_in(1, SECTOR).unwrap()[0], (sectors - 1) as u8);
}

#[test]
fn commands_without_data_end_well_and_unknown_ones_are_aborted() {
    let mut host = Host::with_disk(64);
    for code in [0x10, 0x1f, 0x70, 0x94, 0x95, 0x96, 0x97, 0xe0, 0xe1, 0xe2, 0xe3, 0xe7, 0xea] {
        host.write(r::LBA_LOW, 1);
        host.write(r::STATUS, code);
        assert_eq!(host.no_data(), GOOD, "{code:#x}");
    }
    // NOP, DEVICE RESET, PACKET, IDENTIFY PACKET DEVICE, SMART, SECURITY, reserved
    for code in [0x00, 0x08, 0xa0, 0xa1, 0xb0, 0xf1, 0xf5, 0x9a, 0xff] {
        host.write(r::STATUS, code);
        assert_eq!(host.no_data(), failed(error::ABRT), "{code:#x}");
    }
}

#[test]
fn the_power_mode_is_what_was_asked_for_last() {
    let mut host = Host::with_disk(64);
    for (code, mode) in [(c::STANDBY_IMMEDIATE, 0), (c::IDLE, 0xff), (c::STANDBY_OLD, 0)] {
        host.write(r::STATUS, code);
        assert_eq!(host.no_data(), GOOD);
        host.write(r::STATUS, c::CHECK_POWER_MODE);
        assert_eq!((host.no_data(), host.read(r::COUNT)), (GOOD, mode), "{code:#x}");
    }
    host.lba_command(c::READ_SECTORS, 0, 1, false);
    host.data_in(1, SECTOR).unwrap();
    host.write(r::STATUS, c::CHECK_POWER_MODE);
    assert_eq!((host.no_data(), host.read(r::COUNT)), (GOOD, 0xff), "an access wakes the disk");
}

#[test]
fn features_are_set_and_shown_by_identify() {
    let mut host = Host::with_disk(64);
    let set = |host: &mut Host, subcommand: u8, count: u8| {
        host.write(r::ERROR, subcommand);
        host.write(r::COUNT, count);
        host.write(r::STATUS, c::SET_FEATURES);
        host.no_data()
    };
    assert_eq!(set(&mut host, feature::SET_TRANSFER_MODE, 0x42), GOOD);
    assert_eq!((host.identify()[88], host.identify()[63]), (0x043f, 0x0007));
    assert_eq!(set(&mut host, feature::SET_TRANSFER_MODE, 0x22), GOOD);
    assert_eq!((host.identify()[88], host.identify()[63]), (0x003f, 0x0407));
    assert_eq!(set(&mut host, feature::SET_TRANSFER_MODE, 0x0c), GOOD);
    assert_eq!(set(&mut host, feature::SET_TRANSFER_MODE, 0x46), failed(error::ABRT));
    assert_eq!(host.identify()[85] & 0x60, 0x60);
    assert_eq!(set(&mut host, feature::DISABLE_WRITE_CACHE, 0), GOOD);
    assert_eq!(host.identify()[85] & 0x60, 0x40);
    assert_eq!(set(&mut host, 0x5d, 0), failed(error::ABRT));
}

#[test]
fn many_words_are_as_exact_as_one_at_a_time() {
    let mut host = Host::with_disk(64);
    host.lba_command(c::READ_SECTORS, 7, 2, false);
    host.wait();
    let mut read = vec![0; host.channel.readable() / 2 * 2];
    assert_eq!(read.len(), SECTOR - 2);
    host.channel.read_data_to(&mut read);
    assert_eq!(host.alt() & s::DRQ, s::DRQ);
    read.extend(host.channel.read_data().to_le_bytes());
    assert_eq!(read, pattern(64)[7 * SECTOR..8 * SECTOR]);
    assert_eq!((host.alt() & s::BSY, host.channel.readable()), (s::BSY, 0));
    assert_eq!(host.channel.read_data(), 0xffff, "no data while busy");
}
