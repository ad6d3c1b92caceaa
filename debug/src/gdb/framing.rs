//! Packets out of a stream of bytes: gdb's manual, "Overview" of the remote serial protocol.
//!
//! gdbstub ends a connection over a damaged packet, and has no place for packets of somebody else's. So
//! packets are cut out here: what is damaged is asked for again, and QEMU's few are answered here.

/// Most bytes in a packet, its frame included; gdb is told so.
pub(super) const PACKET: usize = 0x4000;

/// What to do next.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(super) enum Piece {
    /// Hand these bytes to gdbstub: a whole packet, or a byte outside of packets that means something.
    Pass(Vec<u8>),
    /// A packet that asks for physical addresses (`Some`) or whether they are in use.
    Physical(Option<bool>),
    /// A damaged packet: ask for it again.
    Again,
    /// No packet is so long.
    TooLong,
}

/// Where in a packet the stream is.
#[derive(Clone, Default, Debug)]
pub(super) struct Framing {
    packet: Vec<u8>,
    /// Bytes left behind the `#`.
    checksum: Option<u8>,
}

impl Framing {
    /// Takes a byte.
    pub(super) fn push(&mut self, byte: u8) -> Option<Piece> {
        if self.packet.is_empty() {
            return match byte {
                b'$' => {
                    self.packet.push(byte);
                    None
                }
                b'+' | 0x03 => Some(Piece::Pass(vec![byte])),
                // What was sent before is never asked for: the connection loses nothing.
                _ => None,
            };
        }
        if self.packet.len() >= PACKET {
            *self = Self::default();
            return Some(Piece::TooLong);
        }
        self.packet.push(byte);
        match &mut self.checksum {
            None if byte == b'#' => self.checksum = Some(2),
            None => {}
            Some(left) => {
                *left -= 1;
                if *left == 0 {
                    self.checksum = None;
                    return Some(judge(std::mem::take(&mut self.packet)));
                }
            }
        }
        None
    }
}

fn judge(packet: Vec<u8>) -> Piece {
    let (body, sum) = (&packet[1..packet.len() - 3], &packet[packet.len() - 2..]);
    let wanted = body.iter().fold(0u8, |sum, byte| sum.wrapping_add(*byte));
    let given = std::str::from_utf8(sum).ok().and_then(|text| u8::from_str_radix(text, 16).ok());
    if given != Some(wanted) {
        return Piece::Again;
    }
    match body {
        b"qqemu.PhyMemMode" => Piece::Physical(None),
        b"Qqemu.PhyMemMode:1" => Piece::Physical(Some(true)),
        b"Qqemu.PhyMemMode:0" => Piece::Physical(Some(false)),
        _ => Piece::Pass(packet),
    }
}

/// A packet with this body.
pub(super) fn packet(body: &str) -> Vec<u8> {
    let sum = body.bytes().fold(0u8, u8::wrapping_add);
    format!("${body}#{sum:02x}").into_bytes()
}
