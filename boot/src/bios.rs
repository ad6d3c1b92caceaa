//! The low memory of a machine that answers BIOS calls: interrupt vectors, data area, entry code.
//!
//! Follows: IBM PC/AT Technical Reference (1984), "ROM BIOS" (vectors, data area, machine identification
//! at ffffe); IBM PS/2 and PC BIOS Interface Technical Reference, "Data Areas" (video and keyboard
//! fields of later adapters), "System Configuration Parameters" (INT 15h, C0h).
//!
//! A vector leads to a few instructions in segment F000h, and those to one OUT to a port that nothing
//! else uses, [`PORT`]. The machine stops there and carries out what [`service_at`] names. What is
//! written does not matter, only where the OUT stands: AL and every other register are the caller's, and
//! the flags he gets back lie on his stack. Elsewhere an OUT to the port is one to nobody.
//!
//! ```text
//! 00000000  256 vectors: entries below, far pointers to tables, IRET for the rest
//! 00000400  data area
//! 000fe000  the entries, one every 32 bytes
//! 000fe6f5  configuration table of INT 15h, C0h      000fefc7  diskette parameters
//! 000ffff0  reset: a far jump; date, machine identification
//! ```
//! Handlers of hardware interrupts end them at the 8259A, so that guests may take the vectors over and
//! still call what was there. Waiting is done in guest code, with interrupts on.
//!
//! Not there: fixed disk parameter tables (vectors 41h and 46h are null), fonts (1Fh and 43h are null),
//! entry points at the addresses of IBM's ROM, protected-mode interfaces ($PnP, _32_, $PMM), write
//! protection.

use crate::layout;
use crate::platform::Platform;

/// The port of the entry code.
pub const PORT: u16 = 0xb8;
/// Segment of the entry code.
const SEGMENT: u16 = 0xf000;
/// Where segment F000h begins.
const SEGMENT_BASE: u64 = 0xf_0000;
/// Offset of the first entry.
const ENTRIES_AT: u16 = (layout::BIOS - SEGMENT_BASE) as u16;
/// Distance of the entries.
const ENTRY_LEN: usize = 32;
/// Offset of the configuration table.
pub const CONFIGURATION: u16 = 0xe6f5;
/// Offset of the diskette parameter table.
const DISKETTE: u16 = 0xefc7;
/// Offset of the reset vector.
const RESET: u16 = 0xfff0;

/// What the machine does at an OUT of the entry code.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Service {
    /// The function in AH of this software interrupt.
    Interrupt(u8),
    /// IRQ 0: a tick of the clock.
    Tick,
    /// IRQ 1: the keyboard has a byte.
    Key,
    /// IRQ 8: the real-time clock.
    Clock,
    /// EDX:EAX becomes the instant at which a wait of CX:DX microseconds ends.
    Wait,
    /// CF becomes 1 if that instant is still to come; time may pass until something happens.
    Waiting,
    /// INT 10h, 13h: the cursor goes to DX, and DX becomes where it was.
    String,
    /// Some of the CX characters at ES:BP are written; CF becomes 1 if there are more.
    PartOfString,
    /// The reset vector was jumped to.
    Reset,
}

/// A piece of an entry: bytes, or the OUT of a service.
enum Piece {
    Code(&'static [u8]),
    Call(Service),
}

use Piece::{Call, Code};

/// An entry and the vectors that lead to it.
struct Entry {
    vectors: &'static [u8],
    pieces: &'static [Piece],
}

/// push ax; mov al, 20h; out 20h, al; pop ax; iret
const END_MASTER: Piece = Code(&[0x50, 0xb0, 0x20, 0xe6, 0x20, 0x58, 0xcf]);
/// push ax; mov al, 20h; out a0h, al; out 20h, al; pop ax; iret
const END_BOTH: Piece = Code(&[0x50, 0xb0, 0x20, 0xe6, 0xa0, 0xe6, 0x20, 0x58, 0xcf]);
const IRET: Piece = Code(&[0xcf]);
/// hlt; jmp to it
const STOP: Piece = Code(&[0xf4, 0xeb, 0xfd]);

/// An entry that does nothing but call.
macro_rules! plain {
    ($vector:literal) => {
        Entry { vectors: &[$vector], pieces: &[Call(Service::Interrupt($vector)), IRET] }
    };
}

/// Entry 0 is where vectors lead that are not named in any.
static ENTRIES: [Entry; 18] = [
    Entry { vectors: &[], pieces: &[IRET] },
    Entry { vectors: &[0x0a, 0x0b, 0x0c, 0x0d, 0x0e, 0x0f], pieces: &[END_MASTER] },
    Entry { vectors: &[0x71, 0x72, 0x73, 0x74, 0x75, 0x76, 0x77], pieces: &[END_BOTH] },
    Entry {
        vectors: &[0x08],
        pieces: &[
            Call(Service::Tick),
            Code(&[0x1e, 0x50, 0x52]), // push ds; push ax; push dx (a user's handler may change them)
            Code(&[0xcd, 0x1c]),       // int 1ch
            Code(&[0x5a, 0x58, 0x1f]), // pop dx; pop ax; pop ds
            END_MASTER,
        ],
    },
    Entry { vectors: &[0x09], pieces: &[Call(Service::Key), END_MASTER] },
    Entry { vectors: &[0x70], pieces: &[Call(Service::Clock), END_BOTH] },
    Entry {
        vectors: &[0x10],
        pieces: &[
            Call(Service::Interrupt(0x10)),
            Code(&[0x72, 0x01]), // jc string (CF: there is one to be written)
            IRET,
            Code(&[0x51, 0x52, 0x55]), // string: push cx; push dx; push bp
            Call(Service::String),
            Call(Service::PartOfString), // again:
            Code(&[0x72, 0xfc]),         // jc again
            Code(&[0x5d, 0x5a, 0x59]),   // pop bp; pop dx; pop cx
            IRET,
        ],
    },
    plain!(0x11),
    plain!(0x12),
    plain!(0x13),
    plain!(0x14),
    Entry {
        vectors: &[0x15],
        pieces: &[
            Call(Service::Interrupt(0x15)),
            Code(&[0x72, 0x01]), // jc wait (CF: there is to be waited)
            IRET,
            Code(&[0x66, 0x50, 0x66, 0x52]), // wait: push eax; push edx
            Call(Service::Wait),
            Code(&[0xfb]), // again: sti
            Call(Service::Waiting),
            Code(&[0x72, 0xfb]),             // jc again
            Code(&[0x66, 0x5a, 0x66, 0x58]), // pop edx; pop eax
            IRET,
        ],
    },
    Entry {
        vectors: &[0x16],
        pieces: &[
            Code(&[0xfb, 0x90]), // sti; nop (keys come in)
            Code(&[0xfa]),       // again: cli
            Call(Service::Interrupt(0x16)),
            Code(&[0x72, 0x01]), // jc wait (CF: there is no key, and one is wanted)
            IRET,
            Code(&[0xfb, 0xf4]), // wait: sti; hlt
            Code(&[0xeb, 0xf6]), // jmp again
        ],
    },
    plain!(0x17),
    Entry { vectors: &[0x18], pieces: &[Call(Service::Interrupt(0x18)), STOP] },
    Entry { vectors: &[0x19], pieces: &[Call(Service::Interrupt(0x19)), STOP] },
    plain!(0x1a),
    Entry { vectors: &[], pieces: &[Call(Service::Reset), STOP] },
];

/// The entry of [`Service::Reset`].
const RESET_ENTRY: usize = ENTRIES.len() - 1;
/// Vectors that hold no code: parameter tables, fonts, and those left to users.
const NULL_VECTORS: [u8; 13] =
    [0x1d, 0x1f, 0x41, 0x43, 0x46, 0x60, 0x61, 0x62, 0x63, 0x64, 0x65, 0x66, 0x67];
/// The vector of the diskette parameter table.
const DISKETTE_VECTOR: usize = 0x1e;

/// INT 15h, C0h: length; model FCh (AT) and submodel; revision; two 8259As, real-time clock and an
/// extended data area.
const CONFIGURATION_TABLE: [u8; 10] = [8, 0, 0xfc, 0, 1, 0x64, 0, 0, 0, 0];
/// A 3.5" drive for 1.44 MB, as IBM's table has it. There is none; programs read the step rate.
const DISKETTE_TABLE: [u8; 11] = [0xaf, 0x02, 0x25, 0x02, 0x12, 0x1b, 0xff, 0x6c, 0xf6, 0x0f, 0x08];
/// Date of the ROM, submodel and model.
const IDENTIFICATION: &[u8; 11] = b"01/01/20\0\xfc\0";

fn entry_at(index: usize) -> u16 {
    ENTRIES_AT + (index * ENTRY_LEN) as u16
}

fn bytes(piece: &Piece) -> Vec<u8> {
    match piece {
        Code(bytes) => bytes.to_vec(),
        Call(_) => vec![0xe6, PORT as u8], // out PORT, al
    }
}

/// The interrupt vectors, for address 0.
pub fn vectors() -> Vec<u8> {
    let mut table = [[entry_at(0), SEGMENT]; 256];
    for (index, entry) in ENTRIES.iter().enumerate() {
        for &vector in entry.vectors {
            table[usize::from(vector)][0] = entry_at(index);
        }
    }
    for vector in NULL_VECTORS {
        table[usize::from(vector)] = [0, 0];
    }
    table[DISKETTE_VECTOR][0] = DISKETTE;
    table.iter().flatten().flat_map(|word| word.to_le_bytes()).collect()
}

/// Entries and tables, for [`layout::BIOS`] to the end of the first MiB.
pub fn code() -> Vec<u8> {
    let mut out = vec![0; (layout::ACPI_END - layout::BIOS) as usize];
    let mut put = |at: u16, bytes: &[u8]| {
        let at = usize::from(at - ENTRIES_AT);
        out[at..at + bytes.len()].copy_from_slice(bytes);
    };
    for (index, entry) in ENTRIES.iter().enumerate() {
        let code: Vec<u8> = entry.pieces.iter().flat_map(bytes).collect();
        put(entry_at(index), &code);
    }
    put(CONFIGURATION, &CONFIGURATION_TABLE);
    put(DISKETTE, &DISKETTE_TABLE);
    let [low, high] = entry_at(RESET_ENTRY).to_le_bytes();
    put(RESET, &[0xea, low, high, 0x00, 0xf0]); // jmp f000:entry
    put(RESET + 5, &IDENTIFICATION[..]);
    out
}

/// The service of an OUT, by the linear address of the instruction after it.
pub fn service_at(linear: u64) -> Option<Service> {
    let offset = usize::try_from(linear.checked_sub(layout::BIOS)?).ok()?;
    let (index, within) = (offset / ENTRY_LEN, offset % ENTRY_LEN);
    let mut at = 0;
    for piece in ENTRIES.get(index)?.pieces {
        at += bytes(piece).len();
        if let Call(service) = piece
            && at == within
        {
            return Some(*service);
        }
    }
    None
}

/// Offsets in the data area, from [`layout::BDA`].
#[allow(missing_docs, reason = "the names are those of the technical references")]
pub mod bda {
    pub const COM_PORTS: u64 = 0x00;
    pub const EBDA_SEGMENT: u64 = 0x0e;
    pub const EQUIPMENT: u64 = 0x10;
    pub const MEMORY_KIB: u64 = 0x13;
    pub const SHIFT_FLAGS: u64 = 0x17;
    pub const MORE_FLAGS: u64 = 0x18;
    pub const KEY_HEAD: u64 = 0x1a;
    pub const KEY_TAIL: u64 = 0x1c;
    pub const VIDEO_MODE: u64 = 0x49;
    pub const COLUMNS: u64 = 0x4a;
    pub const PAGE_BYTES: u64 = 0x4c;
    pub const PAGE_START: u64 = 0x4e;
    pub const CURSORS: u64 = 0x50;
    pub const CURSOR_SHAPE: u64 = 0x60;
    pub const ACTIVE_PAGE: u64 = 0x62;
    pub const CRTC_PORT: u64 = 0x63;
    pub const TICKS: u64 = 0x6c;
    pub const MIDNIGHT: u64 = 0x70;
    pub const DISK_STATUS: u64 = 0x74;
    pub const DISKS: u64 = 0x75;
    pub const KEYS_START: u64 = 0x80;
    pub const KEYS_END: u64 = 0x82;
    pub const LAST_ROW: u64 = 0x84;
    pub const CHARACTER_LINES: u64 = 0x85;
    pub const VIDEO_CONTROL: u64 = 0x87;
    pub const VIDEO_SWITCHES: u64 = 0x88;
    pub const KEYBOARD_FLAGS: u64 = 0x96;
}

/// First byte of the keys' ring in the data area, and the byte behind it.
const KEYS: (u16, u16) = (0x1e, 0x3e);
/// Equipment: coprocessor, a display of 80 x 25 characters in colour.
const COPROCESSOR: u16 = 1 << 1;
const COLOR_80: u16 = 2 << 4;

/// What a BIOS leaves at 0x400 and guests scan: serial ports, equipment, base memory, EBDA segment; with
/// `services` also what only its own functions use: keyboard, video in mode 3, disks.
pub(crate) fn data_area(platform: &Platform, services: bool) -> Vec<u8> {
    let mut out = vec![0; layout::BDA_LEN as usize];
    let mut put = |at: u64, value: u16| {
        out[at as usize..at as usize + 2].copy_from_slice(&value.to_le_bytes());
    };
    let ports = platform.serial_ports.iter().take(4);
    for (index, port) in ports.clone().enumerate() {
        put(bda::COM_PORTS + 2 * index as u64, port.io_base);
    }
    put(bda::EBDA_SEGMENT, (layout::EBDA >> 4) as u16);
    let serial = (ports.count() as u16) << 9; // number of serial ports
    put(bda::EQUIPMENT, serial);
    put(bda::MEMORY_KIB, (layout::EBDA >> 10) as u16);
    if services {
        let video = if platform.vga { COLOR_80 } else { 0 };
        put(bda::EQUIPMENT, serial | COPROCESSOR | video);
        let (first, end) = KEYS;
        let keys = [(bda::KEY_HEAD, first), (bda::KEY_TAIL, first)];
        let ring = [(bda::KEYS_START, first), (bda::KEYS_END, end)];
        let video = [
            (bda::VIDEO_MODE, 3),
            (bda::COLUMNS, 80),
            (bda::PAGE_BYTES, 0x1000),
            (bda::CURSOR_SHAPE, 0x0607),
            (bda::CRTC_PORT, 0x3d4),
            (bda::LAST_ROW, 24),
            (bda::CHARACTER_LINES, 16),
            (bda::VIDEO_CONTROL, 0xf960), // with the switches: 256 KiB, active; color
            (0x89, 0x0851),               // 400 lines, VGA; display combination VGA with color
        ];
        let others = [(bda::DISKS, platform.disks.into()), (bda::KEYBOARD_FLAGS, 0x10)];
        let time_outs = [(0x78, 0x1414), (0x7a, 0x1414), (0x7c, 0x0a0a), (0x7e, 0x0a0a)];
        for (at, value) in keys.into_iter().chain(ring).chain(video).chain(others).chain(time_outs)
        {
            put(at, value);
        }
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn entries_fit_their_places_and_their_services_are_found_behind_each_out() {
        let code = code();
        for (index, entry) in ENTRIES.iter().enumerate() {
            let len: usize = entry.pieces.iter().map(|piece| bytes(piece).len()).sum();
            assert!(len <= ENTRY_LEN, "entry {index}");
        }
        let outs = code.windows(2).enumerate().filter(|(_, pair)| *pair == [0xe6, PORT as u8]);
        let found: Vec<_> = outs.map(|(at, _)| service_at(layout::BIOS + at as u64 + 2)).collect();
        assert_eq!(found.len(), 19);
        assert!(found.iter().all(Option::is_some));
        assert_eq!(service_at(layout::BIOS), None);
        assert_eq!(service_at(0x7c00), None);
        assert_eq!(service_at(u64::MAX), None);
    }

    /// IBM PC/AT Technical Reference: the vectors of the 8259As, of services, and the model byte.
    #[test]
    fn vectors_lead_to_entries_or_are_null() {
        let (vectors, code) = (vectors(), code());
        let target = |vector: usize| {
            let at = |at| u16::from_le_bytes([vectors[at], vectors[at + 1]]);
            (at(4 * vector + 2), at(4 * vector))
        };
        let code_of = |vector: usize| {
            let (segment, offset) = target(vector);
            assert_eq!(segment, SEGMENT, "{vector:#x}");
            &code[usize::from(offset - ENTRIES_AT)..]
        };
        for vector in (0x08..0x1d).chain(0x70..0x78) {
            assert_ne!(code_of(vector)[0], 0, "{vector:#x}");
        }
        assert_eq!((code_of(0x1c)[0], code_of(0x1b)[0], code_of(0x4a)[0]), (0xcf, 0xcf, 0xcf));
        assert_eq!(code_of(0x1e)[..2], [0xaf, 0x02]);
        assert_eq!((target(0x41), target(0x60)), ((0, 0), (0, 0)));
        assert_eq!(code[0x1ffe], 0xfc);
        let jump = [code[0x1ff1], code[0x1ff2]];
        let reset = SEGMENT_BASE + u64::from(u16::from_le_bytes(jump)) + 2;
        assert_eq!(service_at(reset), Some(Service::Reset));
    }
}
