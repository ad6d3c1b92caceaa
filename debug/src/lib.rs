//! What looks at a machine from outside: logs of events, the story of a bad end, dumps, reports.
//!
//! | module | question |
//! |---|---|
//! | [`log`] | what did the guest do, event by event (`-d LIST -D FILE`)? |
//! | [`explain`] | why did the run end badly? |
//! | [`dump`] | what is in the registers, in memory, in the page tables (`--dump`)? |
//! | [`report`] | what happened during the run, in numbers? |
//! | [`timeline`] | when did the boot reach which milestone? |
//! | [`profile`] | which code was executed how often (`--profile`)? |
//! | [`gdb`] | what is it doing now, step by step? |
//! | [`lookup`], with [`symbols`], [`kernel`], [`kallsyms`] | what is the name of this address? |
//! | [`names`], [`mode`], [`disassembly`] | the words they share |
//!
//! But for gdb's wishes nothing here changes the machine, and nothing stands in its loop: without a log
//! attached it costs nothing. Everything returns text or bytes; files, terminals and the host's clock belong to the command.
#![forbid(unsafe_code)]

pub mod disassembly;
pub mod dump;
pub mod explain;
pub mod gdb;
pub mod kallsyms;
pub mod kernel;
pub mod log;
pub mod lookup;
pub mod mode;
pub mod names;
pub mod profile;
pub mod report;
pub mod symbols;
#[cfg(test)]
mod testing;
pub mod timeline;
