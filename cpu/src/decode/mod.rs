//! From guest bytes to ops: fetch across pages, iced-x86, one table row per `Code`.
//!
//! Total over guest bytes: what does not decode becomes an op that raises #UD (or #GP for
//! instructions longer than 15 bytes); what the manuals define and the tables lack becomes an op that
//! ends the run as `Unimplemented`.

pub(crate) mod block;
pub(crate) mod cache;
mod dead_flags;
mod fusion;
pub(crate) mod jumps;
pub(crate) mod lower;
pub(crate) mod op;
mod page_code;
pub(crate) mod table;
mod undefined;
