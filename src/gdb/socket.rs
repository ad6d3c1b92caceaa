//! TCP and Unix sockets as one.

use super::address::GdbAddress;
use std::io::{self, Read, Write};
use std::net::{Shutdown, TcpListener, TcpStream};
#[cfg(unix)]
use std::os::unix::fs::FileTypeExt;
#[cfg(unix)]
use std::os::unix::net::{UnixListener, UnixStream};
#[cfg(unix)]
use std::path::Path;
use std::time::Duration;

/// How long a write may take.
const PATIENCE: Duration = Duration::from_secs(10);

/// Where connections come in.
pub(super) enum Listener {
    Tcp(TcpListener),
    #[cfg(unix)]
    Unix(UnixListener),
}

impl Listener {
    /// Listens.
    pub(super) fn bind(address: &GdbAddress) -> io::Result<Self> {
        match address {
            GdbAddress::Tcp { host, port } => {
                TcpListener::bind((host.as_str(), *port)).map(Self::Tcp)
            }
            #[cfg(unix)]
            GdbAddress::Unix(path) => match UnixListener::bind(path) {
                Err(error) if error.kind() == io::ErrorKind::AddrInUse && is_left_over(path) => {
                    std::fs::remove_file(path)?;
                    UnixListener::bind(path).map(Self::Unix)
                }
                bound => bound.map(Self::Unix),
            },
            #[cfg(not(unix))]
            GdbAddress::Unix(_) => Err(io::ErrorKind::Unsupported.into()),
        }
    }

    /// As gdb's `target remote` wants it, with the port that was chosen.
    pub(super) fn place(&self, address: &GdbAddress) -> io::Result<String> {
        match self {
            Self::Tcp(listener) => listener.local_addr().map(|address| address.to_string()),
            #[cfg(unix)]
            Self::Unix(_) => Ok(address.to_string()),
        }
    }

    /// The reading and the writing end of the next connection.
    pub(super) fn accept(&self) -> io::Result<(Stream, Stream)> {
        match self {
            Self::Tcp(listener) => {
                let (stream, _) = listener.accept()?;
                // Packets are short, and gdb waits for each answer.
                let _ = stream.set_nodelay(true);
                stream.set_write_timeout(Some(PATIENCE))?;
                Ok((Stream::Tcp(stream.try_clone()?), Stream::Tcp(stream)))
            }
            #[cfg(unix)]
            Self::Unix(listener) => {
                let (stream, _) = listener.accept()?;
                stream.set_write_timeout(Some(PATIENCE))?;
                Ok((Stream::Unix(stream.try_clone()?), Stream::Unix(stream)))
            }
        }
    }
}

/// True for a socket that nobody listens at: the process that made it is gone. Anything else that has the name
/// is not ours to remove.
#[cfg(unix)]
fn is_left_over(path: &Path) -> bool {
    let refuses = |error: io::Error| error.kind() == io::ErrorKind::ConnectionRefused;
    is_socket(path) && UnixStream::connect(path).is_err_and(refuses)
}

/// True for a socket itself, not for a link to one.
#[cfg(unix)]
pub(super) fn is_socket(path: &Path) -> bool {
    std::fs::symlink_metadata(path).is_ok_and(|meta| meta.file_type().is_socket())
}

/// A connection.
pub(super) enum Stream {
    Tcp(TcpStream),
    #[cfg(unix)]
    Unix(UnixStream),
}

impl Stream {
    /// Ends the connection for both ends of it.
    pub(super) fn shutdown(&self) {
        let _ = match self {
            Self::Tcp(stream) => stream.shutdown(Shutdown::Both),
            #[cfg(unix)]
            Self::Unix(stream) => stream.shutdown(Shutdown::Both),
        };
    }
}

impl Read for Stream {
    fn read(&mut self, buf: &mut [u8]) -> io::Result<usize> {
        match self {
            Self::Tcp(stream) => stream.read(buf),
            #[cfg(unix)]
            Self::Unix(stream) => stream.read(buf),
        }
    }
}

impl Write for Stream {
    fn write(&mut self, buf: &[u8]) -> io::Result<usize> {
        match self {
            Self::Tcp(stream) => stream.write(buf),
            #[cfg(unix)]
            Self::Unix(stream) => stream.write(buf),
        }
    }

    fn flush(&mut self) -> io::Result<()> {
        match self {
            Self::Tcp(stream) => stream.flush(),
            #[cfg(unix)]
            Self::Unix(stream) => stream.flush(),
        }
    }
}
