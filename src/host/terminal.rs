//! The user's terminal in raw mode, and its restoration whatever happens.
//!
//! Follows `termios(3)`. Keys go to the guest as they are pressed, Ctrl-C too; output processing stays
//! on, so that our own lines look right between the guest's. Not handled: a kill by SIGKILL.

use rustix::process::getpgrp;
use rustix::stdio::stdin;
use rustix::termios::{
    InputModes, LocalModes, OptionalActions, Termios, isatty, tcgetattr, tcgetpgrp, tcsetattr,
};
use std::sync::Mutex;

/// What the terminal was like; global because a panic hook has nothing else to go by.
static BEFORE: Mutex<Option<Termios>> = Mutex::new(None);

/// True if standard input is a terminal that this process may use: a job in the background would be
/// stopped by reading it.
pub(crate) fn terminal_is_ours() -> bool {
    isatty(stdin()) && tcgetpgrp(stdin()).is_ok_and(|group| group == getpgrp())
}

/// The terminal in raw mode, until dropped.
pub(crate) struct RawMode(());

impl RawMode {
    /// Enters raw mode; `None` if the terminal does not let us.
    pub(crate) fn enter() -> Option<Self> {
        let before = tcgetattr(stdin()).ok()?;
        let mut raw = before.clone();
        raw.local_modes -=
            LocalModes::ICANON | LocalModes::ECHO | LocalModes::ISIG | LocalModes::IEXTEN;
        raw.input_modes -= InputModes::ICRNL
            | InputModes::INLCR
            | InputModes::IGNCR
            | InputModes::IXON
            | InputModes::BRKINT
            | InputModes::ISTRIP;
        if let Ok(mut saved) = BEFORE.lock() {
            *saved = Some(before);
        }
        let report = std::panic::take_hook();
        std::panic::set_hook(Box::new(move |panic| {
            restore();
            report(panic);
        }));
        tcsetattr(stdin(), OptionalActions::Now, &raw).ok()?;
        Some(Self(()))
    }
}

impl Drop for RawMode {
    fn drop(&mut self) {
        restore();
    }
}

fn restore() {
    if let Ok(mut saved) = BEFORE.lock()
        && let Some(before) = saved.take()
    {
        let _ = tcsetattr(stdin(), OptionalActions::Now, &before);
    }
}
