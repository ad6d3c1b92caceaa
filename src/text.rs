//! Words to the terminal that cannot fail: a closed or full standard stream never panics.
//!
//! `println!` and `eprintln!` panic when the other side is gone (`bootscope ... | head`), so nothing
//! in this crate uses them.

use std::io::{self, Write};

/// Prints a line on standard error. Nobody can be told if that fails.
pub(crate) fn error(line: &str) {
    let _ = writeln!(io::stderr().lock(), "{line}");
}

/// Prints text on standard output; a reader who has left is no error.
pub(crate) fn output(text: &str) -> io::Result<()> {
    let mut stdout = io::stdout().lock();
    match stdout.write_all(text.as_bytes()).and_then(|()| stdout.flush()) {
        Err(error) if error.kind() == io::ErrorKind::BrokenPipe => Ok(()),
        other => other,
    }
}
