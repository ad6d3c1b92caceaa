//! The packets of a CD-ROM drive, by the PACKET protocol of ATA/ATAPI-6, clause 9.

use super::spec::{error, reason};
use super::*;

/// A packet as it is sent.
type Packet = [u8; 12];

const TEST_UNIT_READY: Packet = [0; 12];
const EJECT: Packet = [0x1b, 0, 0, 0, 2, 0, 0, 0, 0, 0, 0, 0];
const LOAD: Packet = [0x1b, 0, 0, 0, 3, 0, 0, 0, 0, 0, 0, 0];
const CAPACITY: Packet = [0x25, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0];

/// 25 sectors of 2,048 bytes.
fn host() -> Host {
    Host::new([Some(Drive::cd(Arc::new(Bytes(pattern(100))), 2)), None])
}

fn read_10(lba: u32, sectors: u16) -> Packet {
    let [a, b, c, d] = lba.to_be_bytes();
    let [high, low] = sectors.to_be_bytes();
    [0x28, 0, a, b, c, d, 0, high, low, 0, 0, 0]
}

impl Host {
    fn send(&mut self, packet: Packet, limit: u16) {
        let [low, high] = limit.to_le_bytes();
        self.write(r::ERROR, 0);
        self.write(r::LBA_MID, low);
        self.write(r::LBA_HIGH, high);
        self.write(r::STATUS, c::PACKET);
        self.wait();
        assert!(!self.channel.irq(), "no interrupt before the packet: IDENTIFY word 0 bits 6-5");
        assert_eq!(self.read(r::STATUS) & s::DRQ, s::DRQ);
        assert_eq!(self.read(r::COUNT), reason::CD);
        for word in packet.chunks(2) {
            self.channel.write_data(u16::from_le_bytes([word[0], word[1]]));
        }
        assert_eq!(self.alt() & (s::BSY | s::DRQ), s::BSY);
    }

    /// Sends a packet and takes its data; the sizes of its blocks.
    fn packet_blocks(&mut self, packet: Packet, limit: u16) -> Result<(Vec<u8>, Vec<usize>), End> {
        self.send(packet, limit);
        let (mut data, mut blocks) = (Vec::new(), Vec::new());
        loop {
            self.wait();
            assert!(self.channel.irq(), "an interrupt for every block and for the status");
            let status = self.read(r::STATUS);
            if status & s::DRQ == 0 {
                assert_eq!(self.read(r::COUNT), reason::IO | reason::CD);
                let error = self.read(r::ERROR);
                let good = status & s::ERR == 0;
                return if good { Ok((data, blocks)) } else { Err(End { status, error }) };
            }
            assert_eq!(self.read(r::COUNT), reason::IO);
            let size = u16::from_le_bytes([self.read(r::LBA_MID), self.read(r::LBA_HIGH)]);
            let mut block = vec![0; usize::from(size)];
            self.channel.read_data_to(&mut block);
            blocks.push(block.len());
            data.extend(block);
        }
    }

    fn packet(&mut self, packet: Packet) -> Result<Vec<u8>, End> {
        self.packet_blocks(packet, 0xfffe).map(|(data, _)| data)
    }

    /// Sense key, code and qualifier.
    fn sense(&mut self) -> [u8; 3] {
        let data = self.packet([3, 0, 0, 0, 18, 0, 0, 0, 0, 0, 0, 0]).unwrap();
        assert_eq!((data.len(), data[0], data[7]), (18, 0x70, 10));
        [data[2], data[12], data[13]]
    }
}

fn check(key: u8) -> Result<Vec<u8>, End> {
    Err(failed(key << 4 | error::ABRT))
}

#[test]
fn sectors_are_read_in_blocks_of_at_most_the_byte_count_limit() {
    let image = pattern(100);
    for (limit, blocks) in [
        (0xfffe, vec![6144]),
        (0xffff, vec![6144]),
        (2048, vec![2048; 3]),
        (3001, vec![3000, 3000, 144]),
    ] {
        let (data, sizes) = host().packet_blocks(read_10(5, 3), limit).unwrap();
        assert_eq!(sizes, blocks, "{limit}");
        assert_eq!(data, image[5 * 2048..8 * 2048]);
    }
    let mut host = host();
    let read_12 = [0xa8, 0, 0, 0, 0, 24, 0, 0, 0, 1, 0, 0];
    assert_eq!(host.packet(read_12).unwrap(), image[24 * 2048..]);
    assert_eq!(host.packet(read_10(3, 0)).unwrap(), [], "no sectors are no error");
    assert_eq!(host.packet_blocks(read_10(3, 1), 0), Err(failed(error::ABRT)));
}

#[test]
fn what_leaves_the_disc_or_cannot_be_read_ends_with_its_sense() {
    let mut host = host();
    assert_eq!(host.packet(read_10(24, 2)), check(5));
    assert_eq!(host.sense(), [5, 0x21, 0]);
    assert_eq!(host.sense(), [0, 0, 0], "told once");

    let image = Scratched { bytes: Bytes(pattern(100)), bad_sector: 41 };
    let mut host = Host::new([Some(Drive::cd(Arc::new(image), 0)), None]);
    assert_eq!(host.packet_blocks(read_10(9, 2), 2048).unwrap_err(), failed(0x34));
    assert_eq!(host.sense(), [3, 0x11, 0]);
}

#[test]
fn unknown_packets_are_refused_with_illegal_request() {
    let mut host = host();
    for code in [0x04, 0x15, 0x2a, 0x55, 0xbe, 0xff] {
        assert_eq!(host.packet([code, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0]), check(5), "{code:#x}");
        assert_eq!(host.sense(), [5, 0x20, 0]);
    }
}

#[test]
fn the_drive_says_what_it_and_its_disc_are() {
    let mut host = host();
    assert_eq!(host.packet(TEST_UNIT_READY).unwrap(), []);
    let inquiry = host.packet([0x12, 0, 0, 0, 36, 0, 0, 0, 0, 0, 0, 0]).unwrap();
    assert_eq!((inquiry.len(), inquiry[0], inquiry[1], inquiry[4]), (36, 5, 0x80, 31));
    assert_eq!(inquiry[8..24], *b"BOOTSCPECD-ROM  ");
    assert_eq!(host.packet([0x12, 0, 0, 0, 5, 0, 0, 0, 0, 0, 0, 0]).unwrap(), inquiry[..5]);
    assert_eq!(host.packet(CAPACITY).unwrap(), [0, 0, 0, 24, 0, 0, 8, 0]);

    host.write(r::STATUS, c::IDENTIFY_PACKET_DEVICE);
    let identify = words(&host.data_in(1, SECTOR).unwrap());
    assert_eq!(identify[0], 0x85c0);
    assert_eq!(
        (text(&identify[10..20]), text(&identify[27..47])),
        ("BS00003".into(), "BOOTSCOPE CD-ROM".into())
    );
}

#[test]
fn commands_for_disks_are_aborted_and_leave_the_signature() {
    for code in [c::IDENTIFY_DEVICE, c::READ_SECTORS] {
        let mut host = host();
        host.write(r::LBA_MID, 0);
        host.write(r::STATUS, code);
        assert_eq!(host.no_data(), failed(error::ABRT));
        assert_eq!((host.read(r::LBA_MID), host.read(r::LBA_HIGH)), (0x14, 0xeb));
    }
}

#[test]
fn device_reset_works_even_in_a_transfer_and_keeps_the_selection() {
    let mut host = host();
    host.send(read_10(0, 4), 2048);
    host.wait();
    host.channel.read_data();
    host.write(r::STATUS, c::DEVICE_RESET);
    assert_eq!(host.alt() & s::BSY, s::BSY);
    host.pass(RESET_NS);
    assert_eq!((host.alt(), host.read(r::ERROR), host.channel.irq()), (0, 1, false));
    assert_eq!((host.read(r::LBA_MID), host.read(r::LBA_HIGH)), (0x14, 0xeb));
}

/// The table of contents of a disc with one data track: QEMU 7.2's `cdrom_read_toc` and
/// `cdrom_read_toc_raw` for 25 sectors.
#[test]
fn the_table_of_contents_has_one_data_track_and_the_lead_out() {
    let mut host = host();
    let mut toc = |msf: u8, format: u8, start: u8| {
        host.packet([0x43, msf, format, 0, 0, 0, start, 0, 200, 0, 0, 0])
    };
    assert_eq!(
        toc(0, 0, 0).unwrap(),
        [0, 18, 1, 1, 0, 0x14, 1, 0, 0, 0, 0, 0, 0, 0x14, 0xaa, 0, 0, 0, 0, 25]
    );
    assert_eq!(
        toc(2, 0, 1).unwrap(),
        [0, 18, 1, 1, 0, 0x14, 1, 0, 0, 0, 2, 0, 0, 0x14, 0xaa, 0, 0, 0, 2, 25]
    );
    assert_eq!(toc(0, 0, 0xaa).unwrap()[..4], [0, 10, 1, 1]);
    assert_eq!(toc(0, 0, 2), check(5));
    assert_eq!(toc(0, 1, 0).unwrap(), [0, 10, 1, 1, 0, 0x14, 1, 0, 0, 0, 0, 0]);
    let raw = toc(0, 2, 0).unwrap();
    assert_eq!((raw.len(), raw[1]), (4 + 4 * 11, 46));
    let points: Vec<(u8, &[u8])> =
        raw[4..].chunks(11).map(|entry| (entry[3], &entry[8..])).collect();
    assert_eq!(
        points,
        [(0xa0, &[1, 0, 0][..]), (0xa1, &[1, 0, 0]), (0xa2, &[0, 2, 25]), (1, &[0, 2, 0])]
    );
    assert_eq!(toc(0, 5, 0), check(5));
}

#[test]
fn mode_pages_come_alone_or_together_and_cannot_be_changed() {
    let mut host = host();
    let mut mode = |page: u8| host.packet([0x5a, 0, page, 0, 0, 0, 0, 1, 0, 0, 0, 0]);
    for (page, len) in [(0x01, 8), (0x0e, 16), (0x2a, 20)] {
        let answer = mode(page).unwrap();
        assert_eq!((answer.len(), answer[1]), (8 + len, 6 + len as u8));
        assert_eq!((answer[8], answer[9]), (page, len as u8 - 2));
        let changeable = mode(0x40 | page).unwrap();
        assert!(changeable[10..].iter().all(|&byte| byte == 0));
    }
    assert_eq!(mode(0x3f).unwrap().len(), 8 + 8 + 16 + 20);
    assert_eq!(mode(0x05), check(5));
    assert_eq!(mode(0xc0 | 0x2a), check(5));
    assert_eq!(host.sense(), [5, 0x39, 0]);
}

#[test]
fn a_tray_opens_unless_it_is_locked_and_a_new_disc_is_announced() {
    let mut host = host();
    let prevent = |how: u8| [0x1e, 0, 0, 0, how, 0, 0, 0, 0, 0, 0, 0];
    assert_eq!(host.packet(prevent(1)).unwrap(), []);
    assert_eq!(host.packet(EJECT), check(5));
    assert_eq!(host.sense(), [5, 0x53, 2]);
    assert_eq!(host.packet(prevent(0)).unwrap(), []);
    assert_eq!(host.packet(EJECT).unwrap(), []);
    assert_eq!(host.packet(TEST_UNIT_READY), check(2));
    assert_eq!(host.sense(), [2, 0x3a, 0]);
    assert_eq!(host.packet(read_10(0, 1)), check(2));
    assert_eq!(host.packet(LOAD).unwrap(), []);
    assert_eq!(host.packet(CAPACITY), check(6));
    assert_eq!(host.sense(), [6, 0x28, 0]);
    assert_eq!(host.packet(CAPACITY).unwrap().len(), 8);
}

#[test]
fn events_are_told_once_and_only_when_polled() {
    let mut host = host();
    let events = |host: &mut Host, polled: u8, classes: u8| {
        host.packet([0x4a, polled, 0, 0, classes, 0, 0, 0, 8, 0, 0, 0])
    };
    assert_eq!(events(&mut host, 0, 0x10), check(5));
    assert_eq!(events(&mut host, 1, 0x10).unwrap(), [0, 6, 4, 0x10, 0, 2, 0, 0]);
    assert_eq!(events(&mut host, 1, 0x02).unwrap(), [0, 2, 0x80, 0x10]);
    host.packet(EJECT).unwrap();
    assert_eq!(events(&mut host, 1, 0x10).unwrap(), [0, 6, 4, 0x10, 3, 1, 0, 0]);
    assert_eq!(events(&mut host, 1, 0x10).unwrap(), [0, 6, 4, 0x10, 0, 1, 0, 0]);
    host.packet(LOAD).unwrap();
    assert_eq!(events(&mut host, 1, 0x10).unwrap()[4..6], [2, 2]);
}

#[test]
fn features_are_listed_with_the_profile_of_the_disc() {
    let mut host = host();
    let configuration = |host: &mut Host, kind: u8, start: u8| {
        host.packet([0x46, kind, 0, start, 0, 0, 0, 1, 0, 0, 0, 0]).unwrap()
    };
    let all = configuration(&mut host, 0, 0);
    assert_eq!(u32::from_be_bytes(all[..4].try_into().unwrap()) as usize, all.len() - 4);
    assert_eq!(all[6..8], [0, 8], "CD-ROM");
    let mut codes = Vec::new();
    let mut at = 8;
    while at < all.len() {
        codes.push(all[at + 1]);
        at += 4 + usize::from(all[at + 3]);
    }
    assert_eq!((codes, at), (vec![0, 1, 2, 3, 0x10, 0x1e], all.len()));
    assert_eq!(configuration(&mut host, 2, 3)[8..12], [0, 3, 3, 4]);
    host.packet(EJECT).unwrap();
    assert_eq!(configuration(&mut host, 1, 0)[6..8], [0, 0]);
}

#[test]
fn the_disc_is_finished_and_the_mechanism_idle() {
    let mut host = host();
    let disc = host.packet([0x51, 0, 0, 0, 0, 0, 0, 0, 34, 0, 0, 0]).unwrap();
    assert_eq!((disc.len(), disc[1], disc[2] & 3, disc[3], disc[6]), (34, 32, 2, 1, 1));
    let mechanism = host.packet([0xbd, 0, 0, 0, 0, 0, 0, 0, 0, 8, 0, 0]).unwrap();
    assert_eq!(mechanism.len(), 8);
}
