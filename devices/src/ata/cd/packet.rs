//! The packet commands: what each checks, changes and answers.

use super::spec::{Packet, SECTOR, Sense, op};
use super::{Cd, Data, answers, toc};

/// What a command needs of the drive.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Needs {
    /// Nothing: it also tells what the others do not get to know.
    Nothing,
    /// A host that knows which disc is in.
    Known,
    /// A disc.
    Disc,
}

/// START STOP UNIT, byte 4.
mod start_stop {
    pub(super) const START: u8 = 1;
    pub(super) const LOAD_EJECT: u8 = 2;
}

/// Media events of GET EVENT STATUS NOTIFICATION.
pub(super) mod event {
    pub(crate) const EJECT_REQUEST: u8 = 1;
    pub(crate) const NEW_MEDIA: u8 = 2;
    pub(crate) const REMOVAL: u8 = 3;
}

/// What a command of this code needs; `None` for a command that the drive does not have.
const fn needs(code: u8) -> Option<Needs> {
    Some(match code {
        op::REQUEST_SENSE | op::INQUIRY | op::GET_CONFIGURATION | op::GET_EVENT_STATUS => {
            Needs::Nothing
        }
        op::START_STOP_UNIT | op::PREVENT_ALLOW | op::MODE_SENSE_10 | op::MECHANISM_STATUS => {
            Needs::Known
        }
        op::TEST_UNIT_READY | op::READ_CAPACITY | op::READ_10 | op::READ_12 => Needs::Disc,
        op::READ_TOC | op::READ_DISC_INFORMATION => Needs::Disc,
        _ => return None,
    })
}

impl Cd {
    /// Carries out a packet; `sectors` is the size of the disc. `Ok(None)`: there is no data.
    pub(super) fn carry_out(
        &mut self,
        packet: Packet,
        sectors: u64,
    ) -> Result<Option<Data>, Sense> {
        let code = packet.byte(0);
        if !matches!(
            code,
            op::REQUEST_SENSE | op::INQUIRY | op::GET_CONFIGURATION | op::GET_EVENT_STATUS
        ) {
            self.sense = Sense::NONE;
        }
        let needs = needs(code).ok_or(Sense::INVALID_OPCODE)?;
        if needs != Needs::Nothing && core::mem::take(&mut self.changed) {
            return Err(Sense::MEDIUM_CHANGED);
        }
        if needs == Needs::Disc && self.tray_open {
            return Err(Sense::NO_MEDIUM);
        }
        let answer = match code {
            op::TEST_UNIT_READY => return Ok(None),
            op::READ_10 => return disc(packet.long(2), u32::from(packet.word(7)), sectors),
            op::READ_12 => return disc(packet.long(2), packet.long(6), sectors),
            op::START_STOP_UNIT => return self.start_stop(packet.byte(4)),
            op::PREVENT_ALLOW => {
                self.locked = packet.byte(4) & 1 != 0;
                return Ok(None);
            }
            op::REQUEST_SENSE => {
                let sense = self.take_sense();
                cut(answers::sense(sense), u32::from(packet.byte(4)))
            }
            op::INQUIRY if packet.byte(1) & 1 != 0 => return Err(Sense::INVALID_FIELD),
            op::INQUIRY => cut(answers::inquiry(), u32::from(packet.byte(4))),
            op::READ_CAPACITY => answers::capacity(sectors),
            op::READ_TOC => cut(toc::answer(packet, sectors)?, u32::from(packet.word(7))),
            op::READ_DISC_INFORMATION => {
                cut(answers::disc_information(), u32::from(packet.word(7)))
            }
            op::MODE_SENSE_10 => {
                let pages = answers::mode_pages(packet.byte(2), self.tray_open, self.locked)?;
                cut(pages, u32::from(packet.word(7)))
            }
            op::GET_CONFIGURATION => {
                let profile = answers::profile(sectors, self.tray_open);
                let features = answers::configuration(packet, profile)?;
                cut(features, u32::from(packet.word(7)))
            }
            op::GET_EVENT_STATUS => self.event_status(packet)?,
            _ => cut(answers::mechanism_status(), u32::from(packet.word(8))),
        };
        Ok(Some(Data::Answer(answer)))
    }

    /// Why the last command failed, or that a disc was put in since.
    fn take_sense(&mut self) -> Sense {
        match core::mem::take(&mut self.sense) {
            Sense::NONE if core::mem::take(&mut self.changed) => Sense::MEDIUM_CHANGED,
            sense => sense,
        }
    }

    fn start_stop(&mut self, how: u8) -> Result<Option<Data>, Sense> {
        let (start, tray) = (how & start_stop::START != 0, how & start_stop::LOAD_EJECT != 0);
        match (tray, start) {
            (true, false) if self.locked => {
                self.event = event::EJECT_REQUEST;
                return Err(Sense::REMOVAL_PREVENTED);
            }
            (true, false) if !self.tray_open => {
                (self.tray_open, self.event) = (true, event::REMOVAL);
            }
            (true, true) if self.tray_open => {
                (self.tray_open, self.event) = (false, event::NEW_MEDIA);
                self.changed = true;
            }
            (false, true) if self.tray_open => return Err(Sense::NO_MEDIUM),
            _ => {}
        }
        Ok(None)
    }

    fn event_status(&mut self, packet: Packet) -> Result<Vec<u8>, Sense> {
        let (polled, media_class) = (packet.byte(1) & 1 != 0, packet.byte(4) & 1 << 4 != 0);
        if !polled {
            return Err(Sense::INVALID_FIELD);
        }
        let len = u32::from(packet.word(7));
        // An event that the host has no room for is not told.
        let told = media_class && len > 4;
        let event = if told { core::mem::take(&mut self.event) } else { 0 };
        Ok(cut(answers::event_status(media_class, event, self.tray_open), len))
    }
}

/// As much of an answer as the host has allocated.
fn cut(mut answer: Vec<u8>, allocated: u32) -> Vec<u8> {
    answer.truncate(allocated as usize);
    answer
}

/// Sectors of the disc.
fn disc(first: u32, count: u32, sectors: u64) -> Result<Option<Data>, Sense> {
    let (first, end) = (u64::from(first), u64::from(first) + u64::from(count));
    if end > sectors {
        return Err(Sense::OUT_OF_RANGE);
    }
    let size = SECTOR as u64;
    Ok(Some(Data::Disc { next: first * size, end: end * size }))
}
