//! The value of `--gdb`.

use crate::failure::BadValue;
use std::fmt;
use std::path::{Path, PathBuf};

/// `--gdb`.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(crate) enum GdbAddress {
    /// Port 0 stands for a free one.
    Tcp {
        /// Name or address.
        host: String,
        /// Port.
        port: u16,
    },
    /// A socket in the file system.
    Unix(PathBuf),
}

impl GdbAddress {
    /// What `-s` stands for.
    pub(crate) fn usual() -> Self {
        Self::Tcp { host: LOCALHOST.into(), port: 1234 }
    }

    /// The path of a socket in the file system.
    pub(crate) fn path(&self) -> Option<&Path> {
        match self {
            Self::Tcp { .. } => None,
            Self::Unix(path) => Some(path),
        }
    }
}

impl fmt::Display for GdbAddress {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Tcp { host, port } => write!(f, "{host}:{port}"),
            Self::Unix(path) => write!(f, "{}", path.display()),
        }
    }
}

/// Where gdb may come from if the option does not say: a debugger can do all with a machine.
const LOCALHOST: &str = "127.0.0.1";

/// QEMU's words for how a socket behaves, those that say what is so anyway.
const SO_ANYWAY: [&str; 4] = ["server=on", "server", "wait=off", "nowait"];

/// `tcp:[HOST]:PORT`, `[HOST]:PORT`, `unix:PATH`, or a path with a slash; QEMU's `,server=on,wait=off` behind
/// it says what is so anyway.
pub(crate) fn parse(text: &str) -> Result<GdbAddress, BadValue> {
    let hint = "tcp::1234, HOST:PORT, or the path of a unix socket";
    let mut words = text.split(',');
    let text = words.next().unwrap_or_default();
    if let Some(word) = words.find(|word| !SO_ANYWAY.contains(word)) {
        let hint = "behind the address server=on,wait=off may stand, or nothing; -S waits for gdb";
        return Err(BadValue::new(format!("{word:?} cannot be had"), hint));
    }
    if let Some(path) = text.strip_prefix("unix:") {
        let path = path.strip_prefix("path=").unwrap_or(path);
        if path.is_empty() {
            return Err(BadValue::new("the socket has no name", hint));
        }
        return Ok(GdbAddress::Unix(path.into()));
    }
    let place = text.strip_prefix("tcp:").unwrap_or(text);
    if place == text && text.contains('/') {
        return Ok(GdbAddress::Unix(text.into()));
    }
    if let Some((host, port)) = place.rsplit_once(':') {
        let Ok(port) = port.parse() else {
            return Err(BadValue::new("not a port", hint));
        };
        let host = host.trim_start_matches('[').trim_end_matches(']');
        let host = if host.is_empty() { LOCALHOST } else { host };
        return Ok(GdbAddress::Tcp { host: host.to_owned(), port });
    }
    Err(BadValue::new("no address", hint))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn qemus_and_gdbs_spellings_are_understood() {
        for (text, expected) in [
            ("tcp::1234", "127.0.0.1:1234"),
            (":1234", "127.0.0.1:1234"),
            ("tcp:0.0.0.0:9000", "0.0.0.0:9000"),
            ("localhost:0", "localhost:0"),
            ("tcp:[::1]:1234,server=on,wait=off", "::1:1234"),
            ("unix:/tmp/gdb", "/tmp/gdb"),
            ("unix:path=gdb,server=on,wait=off", "gdb"),
            (":1234,server,nowait", "127.0.0.1:1234"),
            ("./gdb", "./gdb"),
            ("/tmp/gdb:1", "/tmp/gdb:1"),
        ] {
            assert_eq!(parse(text).unwrap().to_string(), expected, "{text}");
        }
        for text in [
            "",
            "1234",
            "tcp:1234",
            "host:port",
            ":70000",
            "stdio",
            "unix:",
            "unix:path=",
            "unix:,server=on",
            ":1234,wait=on",
            ":1234,server=off",
            "unix:/tmp/a,b",
        ] {
            assert!(parse(text).is_err(), "{text}");
        }
    }
}
