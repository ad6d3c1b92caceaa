//! The command as a user meets it: words in; text, files and an exit status out.
//!
//! Guests are our own test kernels (`guests/asm`), each of which ends in a known way.

#[path = "cli/support.rs"]
mod support;

#[path = "cli/domains.rs"]
mod domains;
#[path = "cli/endings.rs"]
mod endings;
#[path = "cli/errors.rs"]
mod errors;
#[path = "cli/files.rs"]
mod files;
#[path = "cli/screen.rs"]
mod screen;
#[path = "cli/streams.rs"]
mod streams;
