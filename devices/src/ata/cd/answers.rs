//! What the packet commands answer, byte by byte: SFF-8020i and MMC-3, the tables of each command.

use super::spec::{CD_SECTORS_MAX, Packet, SECTOR, Sense};

/// Profiles of GET CONFIGURATION.
const PROFILE_CD_ROM: u16 = 0x0008;
const PROFILE_DVD_ROM: u16 = 0x0010;
/// Features of GET CONFIGURATION that the drive has, ascending: code, version and flags, data.
const FEATURES: &[(u16, u8, &[u8])] = &[
    (0x0001, 0x0b, &[0, 0, 0, 2, 0, 0, 0, 0]),    // core: ATAPI
    (0x0002, 0x07, &[0, 0, 0, 0]),                // morphing: polled events alone
    (0x0003, 0x03, &[0x29, 0, 0, 0]),             // removable medium: tray, ejects, locks
    (0x0010, 0x01, &[0, 0, 0x08, 0, 0, 1, 0, 0]), // random readable: 2,048 bytes, 1 a block
    (0x001e, 0x01, &[0, 0, 0, 0]),                // CD read
];
/// Bits of a feature's third byte: current, persistent.
const CURRENT: u8 = 1;
const PERSISTENT: u8 = 2;

/// Mode pages: code, and what follows the length byte. "CD-ROM Read Error Recovery", "CD-ROM Audio
/// Control", "CD-ROM Capabilities & Mechanical Status".
const PAGE_ERROR_RECOVERY: (u8, [u8; 6]) = (0x01, [0, 5, 0, 0, 0, 0]);
const PAGE_AUDIO: (u8, [u8; 14]) =
    (0x0e, [0x04, 0, 0, 0, 0, 0, 0x01, 0xff, 0x02, 0xff, 0, 0, 0, 0]);
const PAGE_CAPABILITIES: u8 = 0x2a;
const PAGE_ALL: u8 = 0x3f;

/// Speed of the drive in kB/s: 4 times that of a CD player.
const SPEED_KBPS: u16 = 706;

/// REQUEST SENSE: the fixed format, current error.
pub(super) fn sense(sense: Sense) -> Vec<u8> {
    let mut answer = vec![0; 18];
    (answer[0], answer[2], answer[7]) = (0x70, sense.key, 10);
    (answer[12], answer[13]) = (sense.asc, sense.ascq);
    answer
}

/// INQUIRY: a removable CD-ROM.
pub(super) fn inquiry() -> Vec<u8> {
    let mut answer = vec![0x05, 0x80, 0x00, 0x21, 31, 0, 0, 0];
    answer.extend_from_slice(b"BOOTSCPECD-ROM          1.0 ");
    answer
}

/// READ CAPACITY: the last sector and the size of each.
pub(super) fn capacity(sectors: u64) -> Vec<u8> {
    let last = u32::try_from(sectors.saturating_sub(1)).unwrap_or(u32::MAX);
    [last, SECTOR as u32].map(u32::to_be_bytes).concat()
}

/// READ DISC INFORMATION: a finished disc of one session with one track.
pub(super) fn disc_information() -> Vec<u8> {
    let mut answer = vec![0; 34];
    answer[1] = 32; // length of what follows
    answer[2] = 0x0e; // last session complete, disc finalised
    answer[3..7].copy_from_slice(&[1, 1, 1, 1]); // first track; sessions; first, last of the last
    answer[7] = 0x20; // unrestricted use
    answer[17..24].fill(0xff); // no further session can begin anywhere
    answer
}

/// MECHANISM STATUS: no changer, idle, nothing wrong.
pub(super) fn mechanism_status() -> Vec<u8> {
    vec![0, 0, 0, 0, 0, 1, 0, 0]
}

/// GET EVENT STATUS NOTIFICATION: the header, and the media event if that class was asked for.
pub(super) fn event_status(media_class: bool, event: u8, tray_open: bool) -> Vec<u8> {
    const MEDIA_CLASS: u8 = 4;
    const NO_EVENT_AVAILABLE: u8 = 0x80;
    if !media_class {
        return vec![0, 2, NO_EVENT_AVAILABLE, 1 << MEDIA_CLASS];
    }
    let tray = if tray_open { 0x01 } else { 0x02 }; // open, or a disc is present
    vec![0, 6, MEDIA_CLASS, 1 << MEDIA_CLASS, event, tray, 0, 0]
}

/// The current profile: what the disc in the drive is.
pub(super) fn profile(sectors: u64, tray_open: bool) -> Option<u16> {
    let disc = if sectors > CD_SECTORS_MAX { PROFILE_DVD_ROM } else { PROFILE_CD_ROM };
    (!tray_open).then_some(disc)
}

/// GET CONFIGURATION from the starting feature on: all, the current ones, or that one alone.
pub(super) fn configuration(packet: Packet, current: Option<u16>) -> Result<Vec<u8>, Sense> {
    let (all, now, one) = (0, 1, 2);
    let (kind, start) = (packet.byte(1) & 3, packet.word(2));
    if kind > one {
        return Err(Sense::INVALID_FIELD);
    }
    let wanted = |code: u16| if kind == one { code == start } else { code >= start };
    let mut features = Vec::new();
    if wanted(0) {
        features.extend_from_slice(&[0, 0, PERSISTENT | CURRENT, 8]);
        for profile in [PROFILE_DVD_ROM, PROFILE_CD_ROM] {
            features.extend_from_slice(&profile.to_be_bytes());
            features.extend_from_slice(&[u8::from(current == Some(profile)), 0]);
        }
    }
    for &(code, flags, data) in FEATURES.iter().filter(|(code, ..)| wanted(*code)) {
        // What reads a disc is current while there is one.
        let flags =
            if flags & PERSISTENT == 0 && current.is_none() { flags & !CURRENT } else { flags };
        if kind == all || kind == one || (kind == now && flags & CURRENT != 0) {
            features.extend_from_slice(&code.to_be_bytes());
            features.extend_from_slice(&[flags, data.len() as u8]);
            features.extend_from_slice(data);
        }
    }
    let mut answer = (features.len() as u32 + 4).to_be_bytes().to_vec();
    answer.extend_from_slice(&[0, 0]);
    answer.extend_from_slice(&current.unwrap_or(0).to_be_bytes());
    answer.extend_from_slice(&features);
    Ok(answer)
}

/// MODE SENSE(10): a header without block descriptors, and the pages. `what`: page control in bits 7-6,
/// page in 5-0. Nothing can be changed, and nothing is saved.
pub(super) fn mode_pages(what: u8, tray_open: bool, locked: bool) -> Result<Vec<u8>, Sense> {
    let (control, page) = (what >> 6, what & 0x3f);
    if control == 3 {
        return Err(Sense::SAVING_NOT_SUPPORTED);
    }
    let changeable = control == 1;
    let mut pages = Vec::new();
    let mut add = |code: u8, data: &[u8]| {
        if page == code || page == PAGE_ALL {
            pages.extend_from_slice(&[code, data.len() as u8]);
            pages.extend(data.iter().map(|&byte| if changeable { 0 } else { byte }));
        }
    };
    add(PAGE_ERROR_RECOVERY.0, &PAGE_ERROR_RECOVERY.1);
    add(PAGE_AUDIO.0, &PAGE_AUDIO.1);
    add(PAGE_CAPABILITIES, &capabilities(locked));
    if pages.is_empty() {
        return Err(Sense::INVALID_FIELD);
    }
    // Medium type: "door open" or "120 mm CD-ROM, data only".
    let medium_type = if tray_open { 0x71 } else { 0x01 };
    let mut answer = (pages.len() as u16 + 6).to_be_bytes().to_vec();
    answer.extend_from_slice(&[medium_type, 0, 0, 0, 0, 0]);
    answer.extend_from_slice(&pages);
    Ok(answer)
}

fn capabilities(locked: bool) -> [u8; 18] {
    let mut page = [0; 18];
    page[0] = 0x3b; // reads CD-R, CD-RW, DVD-ROM, DVD-R, and by fixed packets
    page[2] = 0x70; // mode 2 form 1 and 2, multisession
    page[4] = 0x29 | u8::from(locked) << 1; // tray, ejects by command, can be locked, is locked
    page[6..8].copy_from_slice(&SPEED_KBPS.to_be_bytes());
    page[8..10].copy_from_slice(&2_u16.to_be_bytes()); // volume levels
    page[10..12].copy_from_slice(&512_u16.to_be_bytes()); // buffer in KiB
    page[12..14].copy_from_slice(&SPEED_KBPS.to_be_bytes());
    page
}
