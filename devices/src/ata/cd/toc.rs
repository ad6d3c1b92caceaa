//! READ TOC: a disc with one data track. MMC-3, "READ TOC/PMA/ATIP Command", formats 0, 1 and 2.

use super::spec::{MSF_OFFSET, Packet, Sense};

/// ADR 1 (position), CONTROL 4: a data track, not to be copied.
const DATA_TRACK: u8 = 0x14;
/// The number by which the lead-out goes.
const LEAD_OUT: u8 = 0xaa;

/// An address in four bytes: by minute, second and frame, or by sector.
fn address(sector: u32, msf: bool) -> [u8; 4] {
    if !msf {
        return sector.to_be_bytes();
    }
    let frames = sector.saturating_add(MSF_OFFSET);
    let [minute, second, frame] = [frames / (60 * 75), frames / 75 % 60, frames % 75];
    [0, minute.min(0xff) as u8, second as u8, frame as u8]
}

/// The answer to the command, whole.
pub(super) fn answer(packet: Packet, sectors: u64) -> Result<Vec<u8>, Sense> {
    let msf = packet.byte(1) & 2 != 0;
    let start = packet.byte(6);
    let lead_out = u32::try_from(sectors).unwrap_or(u32::MAX);
    // SFF-8020i drives have the format in the last byte; hosts that know MMC leave 0 there.
    let format = match packet.byte(2) & 0xf {
        0 => packet.byte(9) >> 6,
        format => format,
    };
    let body = match format {
        0 => tracks(start, lead_out, msf)?,
        1 => [&[1, 1][..], &[0, DATA_TRACK, 1, 0], &address(0, msf)].concat(),
        2 => raw(lead_out),
        _ => return Err(Sense::INVALID_FIELD),
    };
    Ok([&(body.len() as u16).to_be_bytes()[..], &body].concat())
}

/// Format 0: the tracks from `start` on, and the lead-out.
fn tracks(start: u8, lead_out: u32, msf: bool) -> Result<Vec<u8>, Sense> {
    if start > 1 && start != LEAD_OUT {
        return Err(Sense::INVALID_FIELD);
    }
    let mut body = vec![1, 1]; // first and last track
    if start <= 1 {
        body.extend_from_slice(&[0, DATA_TRACK, 1, 0]);
        body.extend_from_slice(&address(0, msf));
    }
    body.extend_from_slice(&[0, DATA_TRACK, LEAD_OUT, 0]);
    body.extend_from_slice(&address(lead_out, msf));
    Ok(body)
}

/// Format 2: the entries of the lead-in, by minute, second and frame: points A0 (first track and kind
/// of disc), A1 (last track), A2 (lead-out), and the track.
fn raw(lead_out: u32) -> Vec<u8> {
    let mut body = vec![1, 1]; // first and last session
    let [_, minute, second, frame] = address(lead_out, true);
    let [_, first_minute, first_second, first_frame] = address(0, true);
    let points = [
        (0xa0, [1, 0, 0]),
        (0xa1, [1, 0, 0]),
        (0xa2, [minute, second, frame]),
        (0x01, [first_minute, first_second, first_frame]),
    ];
    for (point, at) in points {
        body.extend_from_slice(&[1, DATA_TRACK, 0, point, 0, 0, 0, 0]);
        body.extend_from_slice(&at);
    }
    body
}
