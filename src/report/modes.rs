//! The mode switches of a run: which bits of the control registers changed, and where.

use arch::control::{cr0, cr4, efer};
use cpu::event_log::{Event, ModeRegister, Sink, kind};
use machine::Machine;
use std::cell::RefCell;
use std::rc::Rc;

/// Switches kept; a guest may switch for ever.
const KEPT: usize = 32;

/// The bits that decide a mode.
const BITS: &[(ModeRegister, u64, &str)] = &[
    (ModeRegister::Cr0, cr0::PE, "CR0.PE: protected mode"),
    (ModeRegister::Cr0, cr0::PG, "CR0.PG: paging"),
    (ModeRegister::Cr0, cr0::WP, "CR0.WP: write protection for supervisors"),
    (ModeRegister::Cr4, cr4::PAE, "CR4.PAE: 64-bit page-table entries"),
    (ModeRegister::Cr4, cr4::PGE, "CR4.PGE: global pages"),
    (ModeRegister::Cr4, cr4::OSFXSR, "CR4.OSFXSR: SSE"),
    (ModeRegister::Efer, efer::SCE, "EFER.SCE: SYSCALL"),
    (ModeRegister::Efer, efer::LME, "EFER.LME: long mode wanted"),
    (ModeRegister::Efer, efer::LMA, "EFER.LMA: long mode active"),
    (ModeRegister::Efer, efer::NXE, "EFER.NXE: no-execute pages"),
];

/// One line for each bit that changed.
#[derive(Default)]
struct Record {
    lines: Vec<String>,
    dropped: u64,
}

/// What is recorded while the machine runs.
pub(crate) struct Modes(Rc<RefCell<Record>>);

impl Modes {
    /// Begins to listen.
    pub(crate) fn attach(machine: &mut Machine) -> Self {
        let record = Rc::new(RefCell::new(Record::default()));
        machine.attach_log(Box::new(Tap(Rc::clone(&record))), kind::MODE);
        Self(record)
    }

    /// The lines so far.
    pub(crate) fn lines(&self) -> Vec<String> {
        let record = self.0.borrow();
        let mut lines = record.lines.clone();
        if record.dropped > 0 {
            lines.push(format!("and {} more", record.dropped));
        }
        lines
    }
}

struct Tap(Rc<RefCell<Record>>);

impl Sink for Tap {
    fn event(&mut self, retired: u64, event: Event) {
        let Event::Mode { register, from, to, rip } = event else { return };
        let mut record = self.0.borrow_mut();
        for (_, bit, what) in
            BITS.iter().filter(|row| row.0 == register && (from ^ to) & row.1 != 0)
        {
            let how = if to & bit != 0 { "on " } else { "off" };
            if record.lines.len() < KEPT {
                record.lines.push(format!("{how} {what:42} at {rip:#x}, instruction {retired}"));
            } else {
                record.dropped += 1;
            }
        }
    }
}
