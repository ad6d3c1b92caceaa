//! Why a run ended, as a word for the summary, a sentence for people and an exit status.

use machine::Stop;

/// What ended the run.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(crate) enum Reason {
    /// S5.
    PowerOff,
    /// A reset, with `--no-reboot`.
    Reset,
    /// Shutdown of the CPU.
    TripleFault,
    /// The guest told its hypervisor that it crashed.
    Crashed,
    /// isa-debug-exit with its status, and whether `--debug-exit` calls that success.
    DebugExit { status: u32, ok: bool },
    /// `--max-insns` or `--wall-timeout`.
    Limit(&'static str),
    /// The goal of `--until` is reached.
    Until,
    /// HLT without anything that could end it.
    Halted,
    /// The firmware boots something else than the kernel it was given.
    KernelIgnored,
    /// Ctrl-C, Ctrl-A x, or nobody reads the output any more.
    Interrupted,
    /// The guest gave the boot back to the BIOS by this interrupt.
    GaveUp(&'static str),
    /// Something is not emulated.
    Unimplemented(&'static str),
}

impl Reason {
    /// The reason of a stop that ends the run; `None` for one that does not.
    pub(crate) fn of(stop: Stop, debug_exit_ok: Option<u32>) -> Option<Self> {
        Some(match stop {
            Stop::PowerOff => Self::PowerOff,
            Stop::Reset => Self::Reset,
            Stop::TripleFault => Self::TripleFault,
            Stop::Crashed => Self::Crashed,
            Stop::DebugExit(status) => {
                let ok = debug_exit_ok.is_some_and(|value| (value << 1) | 1 == status);
                Self::DebugExit { status, ok }
            }
            Stop::Limit => Self::Limit("--max-insns"),
            Stop::HaltedForever => Self::Halted,
            Stop::GaveUp(interrupt) => Self::GaveUp(interrupt),
            Stop::Unimplemented(what) => Self::Unimplemented(what),
            Stop::Slice | Stop::Debug(_) => return None,
        })
    }

    /// True if the end is told with addresses.
    pub(crate) fn has_story(&self) -> bool {
        matches!(self, Self::TripleFault | Self::Halted | Self::Unimplemented(_))
    }
}

/// How the run ended.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(crate) struct Outcome {
    /// What ended it.
    pub(crate) reason: Reason,
    /// The option whose goal was not met when the guest ended.
    pub(crate) unmet: Option<&'static str>,
}

impl Outcome {
    /// The word in the summary.
    pub(crate) fn word(&self) -> &'static str {
        if self.unmet.is_some() {
            return "expect-failed";
        }
        match self.reason {
            Reason::PowerOff => "poweroff",
            Reason::Reset => "reset",
            // The words are a closed list, in which a crash is a triple fault, as its status 4 is.
            Reason::TripleFault | Reason::Crashed => "triple-fault",
            Reason::DebugExit { .. } => "debug-exit",
            Reason::Limit(_) => "limit",
            Reason::Until => "until",
            Reason::Halted | Reason::GaveUp(_) => "halted",
            Reason::Interrupted => "interrupted",
            Reason::Unimplemented(_) | Reason::KernelIgnored => "error",
        }
    }

    /// What is said on the last line.
    pub(crate) fn sentence(&self) -> String {
        let words = match &self.reason {
            Reason::PowerOff => "powered off".to_owned(),
            Reason::Reset => "reset by the guest".into(),
            Reason::TripleFault => "triple fault".into(),
            Reason::Crashed => "the guest reports a crash".into(),
            Reason::DebugExit { status, ok: true } => format!("debug exit {status:#x}, as wanted"),
            Reason::DebugExit { status, ok: false } => format!("debug exit {status:#x}"),
            Reason::Limit(option) => format!("limit of {option} reached"),
            Reason::Until => "goal of --until reached".into(),
            Reason::Halted => "halted for ever".into(),
            Reason::Interrupted => "interrupted".into(),
            Reason::KernelIgnored => "the firmware ignored the kernel".into(),
            Reason::GaveUp(interrupt) => format!("the guest gave up booting ({interrupt})"),
            Reason::Unimplemented(what) => format!("not emulated: {what}"),
        };
        match self.unmet {
            Some(option) => format!("{words}, {option} not met"),
            None => words,
        }
    }

    /// The exit status.
    pub(crate) fn status(&self) -> u8 {
        if self.unmet.is_some() {
            return 6;
        }
        match self.reason {
            Reason::PowerOff | Reason::Until | Reason::DebugExit { ok: true, .. } => 0,
            Reason::DebugExit { status, .. } => (status & 0xff) as u8,
            Reason::Unimplemented(_) => 1,
            Reason::KernelIgnored => 2,
            Reason::Reset => 3,
            Reason::TripleFault | Reason::Crashed => 4,
            Reason::Limit(_) => 5,
            // A PC with nothing to start stands still.
            Reason::Halted | Reason::GaveUp(_) => 7,
            Reason::Interrupted => 130,
        }
    }

    /// True if the guest itself came to its end: then goals must have been met. A crash and a halt have
    /// statuses of their own, which say more.
    pub(crate) fn guest_ended(reason: &Reason) -> bool {
        matches!(reason, Reason::PowerOff | Reason::Reset | Reason::DebugExit { .. })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn statuses_are_those_of_the_documentation() {
        let outcome = |reason| Outcome { reason, unmet: None }.status();

        assert_eq!(outcome(Reason::PowerOff), 0);
        assert_eq!(outcome(Reason::DebugExit { status: 0x21, ok: false }), 0x21);
        assert_eq!(outcome(Reason::DebugExit { status: 0x1_0003, ok: false }), 3);
        assert_eq!(outcome(Reason::Reset), 3);
        assert_eq!(outcome(Reason::Crashed), 4);
        assert_eq!(outcome(Reason::Halted), 7);
        assert_eq!(outcome(Reason::GaveUp("INT 18h")), 7);
        assert_eq!(outcome(Reason::Interrupted), 130);
    }

    #[test]
    fn the_value_that_counts_as_success_is_the_one_the_guest_writes() {
        let reason = Reason::of(Stop::DebugExit(0x21), Some(0x10));

        assert_eq!(reason, Some(Reason::DebugExit { status: 0x21, ok: true }));
    }
}
