//! Messages between local APICs: SDM Vol. 3A, "Issuing Interprocessor Interrupts" and "Determining
//! IPI Destination".

use super::Lapic;
use super::spec::{self, Destination, IcrMessage, Shorthand};
use arch::apic::{DeliveryMode, base_msr};
use serde::{Deserialize, Serialize};

/// What the local APIC asks of its processor besides interrupts.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Request {
    /// Reset the processor's state and wait for a start-up message; the board calls
    /// [`Lapic::init`].
    Init,
    /// Start at this page, if waiting for it: CS base is the vector times 4096.
    StartUp(u8),
    /// System management interrupt.
    Smi,
    /// Non-maskable interrupt.
    Nmi,
}

/// Requests not yet taken, at most one of a kind.
#[derive(Clone, Copy, Debug, Default, PartialEq, Serialize, Deserialize)]
pub(super) struct Requests {
    init: bool,
    start_up: Option<u8>,
    smi: bool,
    nmi: bool,
}

impl Requests {
    pub(super) fn raise(&mut self, request: Request) {
        match request {
            Request::Init => (self.init, self.start_up) = (true, None),
            Request::StartUp(page) => self.start_up = Some(page),
            Request::Smi => self.smi = true,
            Request::Nmi => self.nmi = true,
        }
    }

    fn take(&mut self) -> Option<Request> {
        if std::mem::take(&mut self.init) {
            return Some(Request::Init);
        }
        if let Some(page) = self.start_up.take() {
            return Some(Request::StartUp(page));
        }
        if std::mem::take(&mut self.smi) {
            return Some(Request::Smi);
        }
        std::mem::take(&mut self.nmi).then_some(Request::Nmi)
    }
}

/// A message in the ICR that the board has not taken yet: the low half and the destination.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub(super) struct Outgoing {
    low: u32,
    destination: u32,
}

/// The physical destination that means everybody in an xAPIC message. No processor has this ID.
const XAPIC_BROADCAST: u32 = 0xff;

impl Lapic {
    /// The low half of the ICR was written. Combinations that the manual calls invalid send nothing.
    pub(super) fn send(&mut self, low: u32, destination: u32) {
        let (mode, vector) = (DeliveryMode::from_bits(low >> 8), low as u8);
        match mode {
            DeliveryMode::Fixed | DeliveryMode::LowestPriority
                if vector < spec::FIRST_LEGAL_VECTOR =>
            {
                return self.error(spec::ESR_SEND_ILLEGAL_VECTOR);
            }
            DeliveryMode::Reserved | DeliveryMode::ExtInt => return,
            // The INIT level de-assert, which only synchronised arbitration IDs before the Pentium 4.
            DeliveryMode::Init if low & spec::ICR_LEVEL != 0 && low & spec::ICR_ASSERT == 0 => {
                return;
            }
            _ => {}
        }
        match Shorthand::from_icr(low) {
            Shorthand::Itself if mode == DeliveryMode::Fixed => self.accept(vector, false),
            Shorthand::Itself => {}
            Shorthand::AllIncludingSelf if mode != DeliveryMode::Fixed => {}
            _ => self.outgoing = Some(Outgoing { low, destination }),
        }
    }

    /// Takes the message in the ICR; to be called after each write. Until then the ICR shows it as
    /// pending, and a further message replaces it.
    pub fn take_message(&mut self) -> Option<IcrMessage> {
        let Outgoing { low, destination } = self.outgoing.take()?;
        let destination = match Shorthand::from_icr(low) {
            Shorthand::AllIncludingSelf => Destination::AllIncludingSelf,
            Shorthand::AllExcludingSelf => Destination::AllExcludingSelf,
            _ if low & spec::ICR_LOGICAL != 0 => Destination::Logical(destination),
            _ => Destination::Physical(destination),
        };
        Some(IcrMessage {
            mode: DeliveryMode::from_bits(low >> 8),
            vector: low as u8,
            level: false, // "Valid Combinations for the ... Local xAPIC": level is overridden
            destination,
        })
    }

    /// A message of the system bus arrives, from an ICR or an I/O APIC. Lowest-priority messages are
    /// for the board to arbitrate (lowest [`Lapic::ppr`] of those addressed and
    /// [`Lapic::software_enabled`]) and arrive here like fixed ones.
    pub fn receive(&mut self, mode: DeliveryMode, vector: u8, level: bool) {
        if !self.enabled() {
            return;
        }
        match mode {
            DeliveryMode::Fixed | DeliveryMode::LowestPriority => self.accept(vector, level),
            DeliveryMode::Smi => self.requests.raise(Request::Smi),
            DeliveryMode::Nmi => self.requests.raise(Request::Nmi),
            DeliveryMode::Init => self.requests.raise(Request::Init),
            DeliveryMode::StartUp => self.requests.raise(Request::StartUp(vector)),
            DeliveryMode::ExtInt => self.extint = true,
            DeliveryMode::Reserved => {}
        }
    }

    /// Takes what the processor must do next besides interrupts: INIT before start-up, NMI last.
    pub fn take_request(&mut self) -> Option<Request> {
        self.requests.take()
    }

    /// True if a message to `destination` is for this local APIC; `is_sender` if it is its own.
    pub fn is_addressed(&self, destination: Destination, is_sender: bool) -> bool {
        match destination {
            Destination::Physical(id) => self.matches(id, false),
            Destination::Logical(mask) => self.matches(mask, true),
            Destination::AllIncludingSelf => self.enabled(),
            Destination::AllExcludingSelf => self.enabled() && !is_sender,
        }
    }

    /// True if the destination field `dest` of a message names this local APIC, in logical or
    /// physical destination mode.
    pub fn matches(&self, dest: u32, logical: bool) -> bool {
        if !self.enabled() {
            return false;
        }
        let x2apic = self.base & base_msr::EXTD != 0;
        match (logical, x2apic) {
            (false, _) if dest == XAPIC_BROADCAST || dest == u32::MAX => true,
            (false, true) => dest == self.config.id,
            (false, false) => dest == u32::from(self.id),
            (true, true) => {
                let ldr = self.x2apic_ldr();
                dest == u32::MAX || (dest >> 16 == ldr >> 16 && dest & ldr & 0xffff != 0)
            }
            (true, false) => self.matches_logical_xapic(dest),
        }
    }

    /// Flat model: one bit a processor. Cluster model: the high nibble names a cluster (15 all of
    /// them), the low one processors in it.
    fn matches_logical_xapic(&self, dest: u32) -> bool {
        let ldr = self.ldr >> 24;
        let flat = self.dfr >> 28 == 0xf;
        let members = if flat { ldr } else { ldr & 0xf };
        let cluster = dest >> 4;
        let reached = flat || cluster == 0xf || cluster == ldr >> 4;
        dest == u32::MAX || (dest <= 0xff && reached && dest & members != 0)
    }
}
